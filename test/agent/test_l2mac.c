/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_l2mac.c - writing with a model that follows a script: steps and their order,
 * checks and tests, names that lead out, cycles, contexts that get full, answers that are none,
 * steps that fail, and a death at any moment, after which the same files are there.
 */
#include "test.h"

#include "folder.h"

#include "agent/l2mac.h"
#include "base/alloc.h"
#include "base/file.h"

#include <jansson.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the script ----------------------------------------------------------------------------- */
typedef struct script {
    /* The answer to a talk about a step; the n-th of its context, from 0. */
    const char *(*answer)(const mn_talk *talk, int n);
    const char *plan;
    int room; /* messages that have room; 0: any number */
    int calls, plans, summaries, fresh;
    int longest; /* messages of a talk */
    char lines[1 << 16];
    int stop_at; /* lines */
    int n_lines;
} script;

static char made[8192];

static const char *act(const char *tool, const char *path, const char *text) {
    json_t *const o = json_pack("{s:s, s:s*, s:s*}", "tool", tool, "path", path,
                                *tool == 's' ? "summary" : "text", text);
    char *const line = json_dumps(o, JSON_COMPACT);
    snprintf(made, sizeof made, "%s", line);
    mn_free(line);
    json_decref(o);
    return made;
}

static int talk(void *user, mn_talk *t, char **out) {
    script *const s = user;
    const int lists = strstr(t->schema, "\"steps\"") != NULL;
    const int sums = strcmp(t->schema, mn_l2mac_summary_schema) == 0;
    const char *text = s->plan;
    s->calls++;
    for (int i = 0; i < t->n; i++)
        assert_string_equal(t->said[i].who, i % 2 ? "assistant" : "user");
    if (t->n > s->longest) s->longest = t->n;
    if (lists) s->plans++;
    if (sums) s->summaries++;
    if (sums) text = "{\"summary\":\"half of it is there\"}";
    if (s->room && !sums && !lists && t->n > s->room) return MN_FAIL(MN_ETOOLONG, "no room");
    if (!lists && !sums) text = s->answer(t, t->n / 2);
    if (!lists && !sums && t->n == 1) s->fresh++;
    t->read = t->written = 10;
    if (!text) { /* it went on and on */
        *out = mn_strdup("{\"tool\":\"write_file\",\"path\":\"x");
        return 1;
    }
    *out = mn_strdup(text);
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory");
}

static int tell(void *user, const char *line) {
    script *const s = user;
    const size_t n = strlen(s->lines);
    if (line && *line) snprintf(s->lines + n, sizeof s->lines - n, "%s\n", line), s->n_lines++;
    return s->stop_at && s->n_lines >= s->stop_at;
}

/* ---- the bed -------------------------------------------------------------------------------- */
static char store[96], out[96];
static json_t *result;
static long failing; /* the allocation that fails; 0: none */
static mn_who who = {.user = "ann"};

static int begin(void **state) {
    (void)state;
    json_set_alloc_funcs(mn_malloc, mn_free);
    if (folder_begin("l2mac", 1) < 0) return -1;
    snprintf(store, sizeof store, "%s/memory.db", folder);
    return 0;
}
static int end(void **state) {
    (void)state;
    return folder_end();
}
static int drop(void **state) {
    (void)state;
    json_decref(result);
    result = NULL;
    return 0;
}

static int try_write(script *s, const char *name, const char *more) {
    const mn_extractor by = {.user = s, .talk = talk, .tell = tell};
    char *text = NULL, call[2048];
    mn_notes *notes;
    snprintf(out, sizeof out, "%s/%s", folder, name);
    snprintf(call, sizeof call,
             "{\"do\":\"write\",\"text\":\"a job\",\"model\":\"m\",\"folder\":\"%s\"%s%s}", out,
             *more ? "," : "", more);
    assert_ok(mn_notes_open(store, 0, &notes));
    json_decref(result);
    result = NULL;
    if (failing) mn_alloc_fail_after(failing);
    const int rc = mn_task_run(notes, &who, &by, call, &text, NULL);
    mn_alloc_fail_after(0);
    if (rc >= 0) result = json_loads(text, 0, NULL);
    mn_free(text);
    mn_notes_close(&notes);
    return rc;
}

static void writes(script *s, const char *name, const char *more) {
    assert_ok(try_write(s, name, more));
}

/* "a.txt=text b.txt=text " */
static const char *files(const char *name) {
    static char all[4][8192];
    static int turn;
    char *const mine = all[turn++ % 4], line[256];
    snprintf(line, sizeof line,
             "cd %s/%s && find . -mindepth 1 | LC_ALL=C sort | while read f; do test -d $f || "
             "printf '%%s=%%s ' \"$f\" \"$(cat $f)\"; done",
             folder, name);
    FILE *const p = popen(line, "r");
    mine[fread(mine, 1, sizeof all[0] - 1, p)] = 0;
    pclose(p);
    return mine;
}

static const char *status_of(size_t step) {
    return json_string_value(
        json_object_get(json_array_get(json_object_get(result, "steps"), step), "status"));
}
static const char *check(void) {
    return json_string_value(json_object_get(result, "check"));
}
static const char *status(void) {
    return json_string_value(json_object_get(json_object_get(result, "task"), "status"));
}

#define PLAN                                                                             \
    "{\"steps\":[{\"file\":\"f1\",\"text\":\"one\"},{\"file\":\"f2\",\"text\":\"two\"}," \
    "{\"file\":\"f3\",\"text\":\"three\"}]}"

/* The number of the step that a talk is about. */
static int step_of(const mn_talk *t) {
    const char *const at = strstr(t->said[0].text, "\n> f");
    return at ? at[4] - '0' : strstr(t->said[0].text, "\n> repair") ? 9 : 0;
}
static const char *last(const mn_talk *t) {
    return t->said[t->n - 1].text;
}

/* A file each: with a mistake, which the check finds, then without. */
static const char *plain(const mn_talk *t, int n) {
    char path[16], text[16];
    snprintf(path, sizeof path, "f%d", step_of(t));
    snprintf(text, sizeof text, "%s%d", n ? "good" : "bad", step_of(t));
    if (n < 2 && !strstr(last(t), "The check passes")) return act("write_file", path, text);
    return act("step_complete", NULL, "it is there");
}
#define CHECK "\"check\":\"! grep bad f*\""

static void steps_one_after_the_other(void **state) {
    script s = {.answer = plain, .plan = PLAN};
    (void)state;
    writes(&s, "plain", CHECK);
    assert_string_equal(files("plain"), "./f1=good1 ./f2=good2 ./f3=good3 ");
    assert_string_equal(check(), "passes");
    assert_string_equal(status(), "done");
    assert_int_equal(s.plans, 2); /* listed, and expanded once */
    assert_int_equal(s.fresh, 3); /* a context each */
    assert_int_equal(s.calls, 2 + 3 * 3);
    assert_non_null(strstr(s.lines, "step 2 of 3: f2: two\n"));
    assert_non_null(strstr(s.lines, "the check fails: bad1\n"));
    assert_int_equal(json_integer_value(json_object_get(result, "read")), 10 * s.calls);
    /* Again: all is done, nothing is asked. */
    s = (script){.answer = plain, .plan = PLAN};
    writes(&s, "plain", CHECK);
    assert_int_equal(s.calls, 0);
    assert_string_equal(check(), "passes");
    /* What somebody else has begun is not gone on with. */
    who.user = "bob";
    s = (script){.answer = plain, .plan = PLAN};
    writes(&s, "plain", CHECK);
    assert_int_equal(s.calls, 2 + 3 * 3);
    who.user = "ann";
    /* Asked for otherwise, it is another plan. */
    s = (script){.answer = plain, .plan = PLAN};
    writes(&s, "plain", CHECK ",\"context\":8192");
    assert_int_equal(s.calls, 2 + 3 * 3);
}

static const char *looks(const mn_talk *t, int n) {
    const char *const about = t->said[0].text;
    if (step_of(t) == 2) {
        assert_non_null(strstr(about, "- f1 (done): wrote it"));
        assert_non_null(strstr(about, "- f1, 4 bytes\n"));
        if (n == 0) return act("read_file", "f1", NULL);
        if (n == 1) assert_string_equal(last(t), "f1:\nsome");
        if (n == 1) assert_non_null(strstr(t->schema, "{\"enum\":[\"f1\"]}"));
    }
    if (step_of(t) == 3) assert_non_null(strstr(about, "- f2 (done): wrote it"));
    if (strncmp(last(t), "Wrote", 5) == 0) return act("step_complete", NULL, "wrote it");
    return act("write_file", step_of(t) == 1 ? "f1" : step_of(t) == 2 ? "f2" : "f3", "some");
}
static void what_came_before_is_in_the_prompt(void **state) {
    script s = {.answer = looks, .plan = PLAN};
    (void)state;
    writes(&s, "looks", "");
    assert_string_equal(check(), "none");
    assert_string_equal(files("looks"), "./f1=some ./f2=some ./f3=some ");
}

static const char *escapes(const mn_talk *t, int n) {
    static const char *const names[] = {"../x",      "/tmp/omnesia-escaped",
                                        "a/../../x", "",
                                        "link/x",    ".omnesia/x",
                                        "fifo",      "a\nb",
                                        "d/../x",    "link2"};
    if (n && n <= 10) assert_non_null(strstr(last(t), "Refused: "));
    if (n < 10) return act("write_file", names[n], "escaped");
    if (n == 10) return act("read_file", "../secret", NULL);
    if (n == 11) assert_non_null(strstr(last(t), "Refused: \"../secret\" leaves the folder"));
    if (n == 11) return "{\"tool\":\"write_file\",\"path\":\"a\\u0000b\",\"text\":\"x\"}";
    if (n == 12) return "no JSON at all";
    if (n == 13) return "{\"tool\":\"run\",\"path\":\"x\"}";
    if (n == 14) return act("write_file", "fine", "fine");
    return act("step_complete", NULL, "over");
}
static void names_that_lead_out_are_refused(void **state) {
    script s = {.answer = escapes, .plan = "{\"steps\":[{\"file\":\"f1\",\"text\":\"one\"}]}"};
    char line[400];
    (void)state;
    snprintf(line, sizeof line,
             "mkdir %s/esc && cd %s/esc && echo s > ../secret && ln -s .. link && ln -s ../secret "
             "link2 && mkfifo fifo",
             folder, folder);
    assert_int_equal(system(line), 0);
    writes(&s, "esc", "\"tries\":40");
    snprintf(line, sizeof line,
             "cd %s && test $(cat secret) = s && test ! -e x && test ! -e /tmp/omnesia-escaped && "
             "rm esc/fifo",
             folder);
    assert_int_equal(system(line), 0);
    assert_non_null(strstr(files("esc"), "./fine=fine"));
    assert_string_equal(status(), "done");
}

/* It edits the tests, so that they pass; they are copied from outside. */
static const char *cheats(const mn_talk *t, int n) {
    if (n == 0) return act("write_file", "test.sh", "exit 0");
    if (n == 1) assert_non_null(strstr(last(t), "The check fails:\nno answer"));
    if (n == 1) return act("write_file", "answer", "42");
    return act("step_complete", NULL, "over");
}
static void hidden_tests_are_not_edited(void **state) {
    script s = {.answer = cheats, .plan = "{\"steps\":[{\"file\":\"f1\",\"text\":\"one\"}]}"};
    char line[300];
    (void)state;
    snprintf(line, sizeof line,
             "mkdir %s/tests && echo 'test \"$(cat answer 2>&-)\" = 42 || { echo no answer; exit "
             "1; }' > "
             "%s/tests/test.sh",
             folder, folder);
    assert_int_equal(system(line), 0);
    snprintf(line, sizeof line, "\"check\":\"sh test.sh\",\"tests\":\"%s/tests\"", folder);
    writes(&s, "cheat", line);
    assert_string_equal(check(), "passes");
    assert_string_equal(files("cheat"), "./answer=42 ./test.sh=exit 0 ");
}

/* The same answer for ever, until it is nudged. */
static const char *circles(const mn_talk *t, int n) {
    if (strstr(t->said[0].text, "again and again")) return plain(t, n + 1);
    if (step_of(t) == 2) return act("write_file", n % 2 ? "b" : "a", "same");
    return act("write_file", "f1", "bad");
}
static void cycles_end_with_a_nudge(void **state) {
    script s = {
        .answer = circles,
        .plan =
            "{\"steps\":[{\"file\":\"f1\",\"text\":\"one\"},{\"file\":\"f2\",\"text\":\"two\"}]}"};
    (void)state;
    writes(&s, "circles", CHECK ",\"tries\":40");
    assert_string_equal(files("circles"), "./a=same ./b=same ./f1=good1 ./f2=good2 ");
    assert_non_null(strstr(s.lines, "it repeats itself"));
    /* Step 1: a message pair twice; step 2: a cycle of four messages twice. */
    assert_int_equal(s.longest, 8 - 1);
    assert_string_equal(status_of(0), "done");
    assert_string_equal(status_of(1), "done");
}

/* Three messages have room; then a summary, and a fresh context. */
static const char *wordy(const mn_talk *t, int n) {
    if (strstr(t->said[0].text, "so far: half of it is there")) return plain(t, 1 + n);
    return n ? act("read_file", "f1", NULL) : act("write_file", "f1", "bad");
}
static void full_contexts_are_summarised(void **state) {
    script s = {
        .answer = wordy, .plan = "{\"steps\":[{\"file\":\"f1\",\"text\":\"one\"}]}", .room = 3};
    (void)state;
    writes(&s, "full", CHECK);
    assert_int_equal(s.summaries, 1);
    assert_int_equal(s.fresh, 2);
    assert_string_equal(files("full"), "./f1=good1 ");
    assert_non_null(strstr(s.lines, "the context is full"));
    assert_string_equal(status(), "done");
}

/* The second step never gets anywhere: it fails, is said, and the third is done. */
static const char *hopeless(const mn_talk *t, int n) {
    char text[32];
    snprintf(text, sizeof text, "bad%d", n);
    if (step_of(t) == 2) return act("write_file", "f2", text);
    if (step_of(t) == 9) return act("write_file", "f2", n ? text : "bad");
    return plain(t, n + 1);
}
static void a_step_that_gets_nowhere_has_failed(void **state) {
    script s = {.answer = hopeless, .plan = PLAN};
    (void)state;
    writes(&s, "hopeless", CHECK ",\"tries\":5");
    assert_string_equal(status(), "failed");
    assert_string_equal(check(), "fails");
    assert_string_equal(status_of(0), "done");
    assert_string_equal(status_of(1), "failed");
    assert_string_equal(json_string_value(json_object_get(result, "said")), "f2:bad4");
    assert_non_null(strstr(s.lines, "failed: the model had all its tries"));
    /* Steps are added to repair it, not without end; then the same command tries again. */
    assert_int_equal(json_array_size(json_object_get(result, "steps")), 3 + MN_L2MAC_REPAIRS);
    s = (script){.answer = plain, .plan = PLAN};
    writes(&s, "hopeless", CHECK ",\"tries\":5");
    assert_string_equal(check(), "passes");
    assert_string_equal(status(), "done");
    assert_string_equal(status_of(1), "done");
    assert_int_equal(s.plans, 0);
}

/* Answers that the context cuts, answers that are empty, plans that are none. */
static const char *endless(const mn_talk *t, int n) {
    (void)t, (void)n;
    return NULL;
}
static const char *empty(const mn_talk *t, int n) {
    (void)t, (void)n;
    return "";
}
static void answers_that_are_none_end(void **state) {
    script s = {.answer = endless, .plan = "[]"};
    (void)state;
    writes(&s, "endless", "");
    assert_string_equal(status_of(0), "failed");
    assert_int_equal(s.fresh, MN_L2MAC_FRESH);
    assert_string_equal(files("endless"), "");
    s = (script){.answer = empty, .plan = "{\"steps\":[{\"file\":\"a\\nb\",\"text\":\"one\"}]}"};
    writes(&s, "empty", "");
    assert_string_equal(status_of(0), "failed");
    assert_true(s.calls < 40);
}

static void checks_that_misbehave_end(void **state) {
    script s = {.answer = plain, .plan = "{\"steps\":[{\"file\":\"f1\",\"text\":\"one\"}]}"};
    (void)state;
    writes(&s, "hangs", "\"check\":\"sleep 60\",\"seconds\":1,\"tries\":2");
    assert_string_equal(check(), "fails");
    assert_non_null(strstr(json_string_value(json_object_get(result, "said")), "within 1 seconds"));
    s = (script){.answer = plain, .plan = s.plan};
    writes(&s, "loud",
           "\"check\":\"head -c 3000000 /dev/urandom; rm -f f1; echo x > g; false\","
           "\"tries\":2");
    assert_string_equal(files("loud"), "./f1=good1 ./f9=good9 "); /* it ran in a copy */
    const char *const said = json_string_value(json_object_get(result, "said"));
    assert_true(strlen(said) <= 4096 / 2 + 16);
}

static void who_is_stopped_goes_on(void **state) {
    (void)state;
    for (int at = 1; at < 40; at++) {
        script s = {.answer = plain, .plan = PLAN, .stop_at = at};
        const int rc = try_write(&s, "stopped", CHECK);
        if (rc >= 0) break;
        assert_int_equal(rc, MN_ECANCELLED);
    }
    assert_string_equal(files("stopped"), "./f1=good1 ./f2=good2 ./f3=good3 ");
}

/* What its files are depends on all that it was shown: a death must not change that. */
static const char *traces(const mn_talk *t, int n) {
    char path[16], text[32];
    size_t sum = (size_t)n;
    for (int i = 0; i < t->n; i++)
        for (const char *p = t->said[i].text; *p; p++) sum = sum * 31 + (unsigned char)*p;
    snprintf(path, sizeof path, "f%d-%d", step_of(t), n == 1);
    snprintf(text, sizeof text, "%s%zu", n ? "good" : "bad", sum % 100000);
    if (n == 2) return act("read_file", path, NULL);
    return n < 4 ? act("write_file", path, text) : act("step_complete", NULL, text);
}

static void killed(const char *name, unsigned us) {
    const pid_t pid = fork();
    if (pid == 0) {
        script s = {.answer = traces, .plan = PLAN};
        _exit(try_write(&s, name, "\"check\":\"! grep bad f*\",\"tries\":20") < 0);
    }
    usleep(us);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void a_death_at_any_moment_changes_nothing(void **state) {
    char once[8192], name[32];
    struct timespec a, b;
    unsigned seed = 7;
    int kills = 0;
    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &a);
    script s = {.answer = traces, .plan = PLAN};
    writes(&s, "whole/x", "\"check\":\"! grep bad f*\",\"tries\":20");
    clock_gettime(CLOCK_MONOTONIC, &b);
    const unsigned whole =
        (unsigned)((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
    snprintf(once, sizeof once, "%s", files("whole/x"));
    assert_non_null(strstr(once, "f3-1=good"));
    for (int run = 0; kills < 50; run++) {
        const int deaths = 1 + run % 8;
        snprintf(name, sizeof name, "kill%d/x", run);
        for (int i = 0; i < deaths; i++, kills++) {
            seed = seed * 1103515245u + 12345u;
            killed(name, 1000 + (seed >> 8) % (whole / (unsigned)deaths + 1));
        }
        s = (script){.answer = traces, .plan = PLAN};
        writes(&s, name, "\"check\":\"! grep bad f*\",\"tries\":20");
        assert_string_equal(files(name), once);
        assert_string_equal(status(), "done");
    }
}

/* Without memory for its own. */
static const char *frugal(const mn_talk *t, int n) {
    (void)n;
    return strncmp(last(t), "Wrote", 5) == 0
               ? "{\"tool\":\"step_complete\",\"summary\":\"s\"}"
               : "{\"tool\":\"write_file\",\"path\":\"f1\",\"text\":\"x\"}";
}
static void memory_may_run_out(void **state) {
    static const char plan[] = "{\"steps\":[{\"file\":\"f1\",\"text\":\"one\"}]}";
    (void)state;
    /* The first 30 are of the call itself: test/agent/test_task_do.c. */
    for (long n = 31;; n += 1 + n / 32) {
        script s = {.answer = frugal, .plan = plan};
        failing = n;
        const int rc = try_write(&s, "frugal", "");
        failing = 0;
        if (rc >= 0) break;
        const char *const why = mn_error_detail(); /* Jansson does not say why it read nothing */
        if (!strstr(why, "memory") && !strstr(why, "no JSON object")) fail_msg("%ld: %s", n, why);
    }
    assert_string_equal(files("frugal"), "./f1=x ");
    assert_string_equal(status(), "done");
}

static void what_is_wrong_is_named(void **state) {
    script s = {.answer = plain, .plan = PLAN};
    mn_notes *notes;
    char *text;
    (void)state;
    assert_fails(try_write(&s, "w", "\"tests\":\"/no/such\",\"check\":\"true\""), MN_ENOENT,
                 "no folder /no/such");
    assert_fails(try_write(&s, "w", "\"context\":100"), MN_EINVAL, "context is 100");
    assert_fails(try_write(&s, "w", "\"chek\":\"x\""), MN_EINVAL, "did you mean check");
    assert_ok(mn_notes_open(store, 0, &notes));
    assert_fails(mn_task_run(notes, &who, NULL,
                             "{\"do\":\"write\",\"text\":\"x\",\"model\":\"m\",\"folder\":\"x\"}",
                             &text, NULL),
                 MN_EUNSUPPORTED, "no model");
    mn_notes_close(&notes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(steps_one_after_the_other, drop),
        cmocka_unit_test_teardown(what_came_before_is_in_the_prompt, drop),
        cmocka_unit_test_teardown(names_that_lead_out_are_refused, drop),
        cmocka_unit_test_teardown(hidden_tests_are_not_edited, drop),
        cmocka_unit_test_teardown(cycles_end_with_a_nudge, drop),
        cmocka_unit_test_teardown(full_contexts_are_summarised, drop),
        cmocka_unit_test_teardown(a_step_that_gets_nowhere_has_failed, drop),
        cmocka_unit_test_teardown(answers_that_are_none_end, drop),
        cmocka_unit_test_teardown(checks_that_misbehave_end, drop),
        cmocka_unit_test_teardown(who_is_stopped_goes_on, drop),
        cmocka_unit_test_teardown(memory_may_run_out, drop),
        cmocka_unit_test_teardown(what_is_wrong_is_named, drop),
        cmocka_unit_test_teardown(a_death_at_any_moment_changes_nothing, drop),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
