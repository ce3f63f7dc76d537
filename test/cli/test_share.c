/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_share.c - what one `omnesia run` computed, the next one has: the same words.
 *
 * Each answer is compared with the one of `--region none`: a cache that changes a byte is wrong
 * (reliability row 6). The scratch folder holds the region and a document.
 */
#include "test.h"

#include "cli/run.h"

#include "base/walk.h"

#include <jansson.h>
#include <signal.h>

static char bed[64];

static int make_bed(void **state) {
    (void)state;
    char path[128];
    strcpy(bed, "/tmp/omnesia-share-XXXXXX");
    assert_non_null(mkdtemp(bed));
    snprintf(path, sizeof path, "%s/story.txt", bed);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 60; i++)
        fprintf(f, "On day %d the keeper of the lighthouse counted %d ships and %d gulls.\n", i + 1,
                3 * i + 2, 7 * i % 50);
    fclose(f);
    return 0;
}
static int drop_bed(void **state) {
    (void)state;
    mn_walk_remove(bed);
    return 0;
}

typedef struct said {
    char text[2048], from[16];
    int prompt, cached;
} said;

/* `omnesia run --json` about the story; region: a file in the scratch folder, or "none". */
static said ask(const char *region, const char *more, const char *question) {
    char line[1024];
    const int none = strcmp(region, "none") == 0;
    snprintf(line, sizeof line, "run --json --temp 0 -n 12 --region %s%s%s -f %s/story.txt %s '%s'",
             none ? "" : bed, none ? "" : "/", region, bed, more, question);
    const cli_run r = run(line);
    if (r.status) fail_msg("%s: status %d, %s", line, r.status, r.err);
    json_t *o = json_loads(r.out, 0, NULL);
    assert_non_null(o);
    said s = {.prompt = (int)json_integer_value(json_object_get(o, "prompt_tokens")),
              .cached = (int)json_integer_value(json_object_get(o, "cached_tokens"))};
    snprintf(s.text, sizeof s.text, "%s", json_string_value(json_object_get(o, "text")));
    const char *from = json_string_value(json_object_get(o, "cached_from"));
    snprintf(s.from, sizeof s.from, "%s", from ? from : "");
    json_decref(o);
    return s;
}

static void expect(said s, said truth, int cached, const char *from) {
    assert_string_equal(s.text, truth.text);
    assert_int_equal(s.prompt, truth.prompt);
    assert_int_equal(s.cached, cached);
    assert_string_equal(s.from, from);
}

#define SHIPS "How many ships were counted on day 2?"
#define GULLS "Who counted the gulls?"

static void second_time(void **state) {
    (void)state;
    const said ships = ask("none", "", SHIPS), gulls = ask("none", "", GULLS);
    assert_int_equal(ships.cached, 0);
    assert_true(ships.prompt > 1000);
    expect(ask("a", "", SHIPS), ships, 0, "");
    expect(ask("a", "", SHIPS), ships, ships.prompt - 1, "process");
    const said other = ask("a", "", GULLS); /* another question: only the question is read */
    assert_string_equal(other.text, gulls.text);
    assert_in_range(other.prompt - other.cached, 1, 40);
    expect(ask("a", "", GULLS), gulls, gulls.prompt - 1, "process");
    expect(ask("a", "-t 1", SHIPS), ships, ships.prompt - 1, "process");
    /* another format is another key; a context of its own is not */
    assert_int_equal(ask("a", "--kv q8", SHIPS).cached, 0);
    const said q8 = ask("none", "--kv q8", SHIPS);
    expect(ask("a", "--kv q8", SHIPS), q8, q8.prompt - 1, "process");
    expect(ask("a", "--ctx 4000", SHIPS), ships, ships.prompt - 1, "process");
}

static void private_leaves_nothing(void **state) {
    (void)state;
    const said ships = ask("none", "", SHIPS);
    expect(ask("p", "--private", SHIPS), ships, 0, "");
    expect(ask("p", "--private", SHIPS), ships, 0, "");
    expect(ask("p", "", SHIPS), ships, 0, "");
    expect(ask("p", "--private", SHIPS), ships, ships.prompt - 1, "process");
}

/* Killed while it reads, or (the last) while it answers: the next one has what was there. */
static void killed(void **state) {
    (void)state;
    const said ships = ask("none", "", SHIPS);
    char line[1024], name[32], when[200];
    int most = 0;
    for (int i = 1; i <= 6; i++) {
        snprintf(name, sizeof name, "k%d", i);
        snprintf(when, sizeof when, "sleep 0.%02d", 15 * i);
        if (i == 6)
            snprintf(when, sizeof when, "while [ ! -s %s/k6.out ]; do sleep 0.01; done", bed);
        snprintf(
            line, sizeof line,
            "run --temp 0 -n 4000 --region %s/%s -f %s/story.txt '%s' >%s/%s.out 2>/dev/null & "
            "%s; kill -9 $!; wait $! 2>/dev/null; true",
            bed, name, bed, SHIPS, bed, name, when);
        assert_int_equal(run(line).status, 0);
        const said next = ask(name, "", SHIPS);
        assert_string_equal(next.text, ships.text);
        if (next.cached > most) most = next.cached;
        expect(ask(name, "", SHIPS), ships, ships.prompt - 1, "process");
    }
    assert_true(most > 0);
}

/* Eight at once: each says the same, whoever computed what. */
static void together(void **state) {
    (void)state;
    const said ships = ask("none", "", SHIPS);
    char line[1024];
    snprintf(line, sizeof line,
             "--version >/dev/null; for i in 1 2 3 4 5 6 7 8; do \"$OMNESIA_PROGRAM\" run --temp 0 "
             "-n 12 -t 1 --region %s/t -f %s/story.txt '%s' >%s/out.$i 2>%s/err.$i & done; wait; "
             "cat %s/out.*; cat %s/err.* >&2",
             bed, bed, SHIPS, bed, bed, bed, bed);
    const cli_run r = run(line);
    assert_int_equal(r.status, 0);
    const char *at = r.out, *cached = r.err;
    int many = 0;
    for (int i = 0; i < 8; i++) {
        at = strstr(at, ships.text);
        assert_non_null(at);
        at += strlen(ships.text);
    }
    while ((cached = strstr(cached, " cached, computed by process "))) many++, cached++;
    assert_in_range(many, 1, 7); /* who computes is waited for; two may have begun at once */
    expect(ask("t", "", SHIPS), ships, ships.prompt - 1, "process");
}

static void sh(const char *format) {
    char line[1024];
    snprintf(line, sizeof line, format, bed, bed, bed);
    if (system(line)) fail_msg("%s", line);
}

/* The machine was started anew: the region is gone, its files are not. */
static void after_a_restart(void **state) {
    (void)state;
    const said ships = ask("none", "", SHIPS), gulls = ask("none", "", GULLS);
    expect(ask("r", "", SHIPS), ships, 0, "");
    for (int life = 0; life < 2; life++) {
        sh("rm %s/r");
        expect(ask("r", "", SHIPS), ships, ships.prompt - 1, "disk");
        expect(ask("r", "", SHIPS), ships, ships.prompt - 1, "disk");
        const said other = ask("r", "", GULLS);
        assert_string_equal(other.text, gulls.text);
        assert_in_range(other.prompt - other.cached, 1, 40);
    }
}

/* The machine is shut down while an answer is being written: what was computed is brought to disk
 * before the process ends. */
static void shut_down(void **state) {
    (void)state;
    char line[1024];
    const said ships = ask("none", "", SHIPS);
    snprintf(line, sizeof line,
             "run --temp 0 -n 4000 --region %s/s -f %s/story.txt '%s' >%s/said & child=$!; "
             "while [ ! -s %s/said ]; do sleep 0.05; done; kill -TERM $child; wait $child",
             bed, bed, SHIPS, bed, bed);
    assert_int_equal(run(line).status, 143);
    sh("rm %s/s");
    const said next = ask("s", "", SHIPS);
    assert_string_equal(next.text, ships.text);
    assert_int_equal(next.cached, ships.prompt - 1);
    assert_string_equal(next.from, "disk");
}

/* Damage is noticed where it is read, and what is damaged is computed again. */
static void damaged_files(void **state) {
    (void)state;
    const said ships = ask("none", "", SHIPS);
    expect(ask("d", "", SHIPS), ships, 0, "");
    sh("rm %s/d; for f in %s/d.disk/*; do printf X | dd of=$f bs=1 seek=$(($(stat -c %%s $f) / 2)) "
       "conv=notrunc 2>/dev/null; done");
    expect(ask("d", "", SHIPS), ships, 0, "");
    expect(ask("d", "", SHIPS), ships, ships.prompt - 1, "process");
    sh("rm %s/d; for f in %s/d.disk/*; do truncate -s -4096 $f; done");
    expect(ask("d", "", SHIPS), ships, 0, "");
    sh("rm %s/d; rm %s/d.disk/*");
    expect(ask("d", "", SHIPS), ships, 0, "");
}

/* examples/share.c: a child computes, its parent finds it. */
static void example(void **state) {
    (void)state;
    char line[256];
    int there[2], all[2];
    snprintf(line, sizeof line, "--version >/dev/null; \"$OMNESIA_SHARE_PROGRAM\" %s/e", bed);
    const cli_run r = run(line);
    assert_int_equal(r.status, 0);
    const char *at = r.out;
    for (int i = 0; i < 2; i++) {
        at = strstr(at, "[process ");
        assert_non_null(at);
        assert_int_equal(sscanf(at, "[process %*d: %d of %d tokens", there + i, all + i), 2);
        at++;
    }
    assert_int_equal(there[0], 0);
    assert_in_range(all[1] - there[1], 1, 40);
}

/* A process that was stopped while it reads is waited for a little, and holds up nobody. */
static void stopped(void **state) {
    (void)state;
    char line[1024];
    const said ships = ask("none", "", SHIPS);
    snprintf(
        line, sizeof line,
        "run --temp 0 -n 12 --region %s/o -f %s/story.txt '%s' >%s/out 2>/dev/null & "
        "child=$!; sleep 0.6; kill -STOP $child; \"$OMNESIA_PROGRAM\" run --temp 0 -n 12 "
        "--region %s/o -f %s/story.txt '%s'; echo; kill -CONT $child; wait $child && cat %s/out",
        bed, bed, SHIPS, bed, bed, bed, SHIPS, bed);
    const cli_run r = run(line);
    assert_int_equal(r.status, 0);
    const char *first = strstr(r.out, ships.text);
    assert_non_null(first);
    assert_non_null(strstr(first + 1, ships.text)); /* and goes on afterwards */
}

/* One byte of the model is another: nothing of it is the same. */
static void another_model(void **state) {
    (void)state;
    char more[256];
    sh("cp \"$(\"$OMNESIA_PROGRAM\" pull smollm2-135m)\" %s/m.gguf && printf X | dd of=%s/m.gguf "
       "bs=1 seek=50000000 "
       "conv=notrunc "
       "2>/dev/null");
    snprintf(more, sizeof more, "-m %s/m.gguf", bed);
    assert_int_equal(ask("a", "", SHIPS).cached > 0, 1); /* second_time was here */
    const said other = ask("a", more, SHIPS);
    assert_int_equal(other.cached, 0);
    expect(ask("a", more, SHIPS), other, other.prompt - 1, "process");
}

static void bad_places(void **state) {
    (void)state;
    char line[512];
    if (run("--version >/dev/null; unshare -Urm mount -t tmpfs none /mnt").status == 0) {
        const char *ro = "--version >/dev/null; unshare -Urm sh -c 'mount -t tmpfs -o ro none /mnt "
                         "&& %s \"$OMNESIA_PROGRAM\" run --temp 0 -n 1 %s hello'";
        snprintf(line, sizeof line, ro, "", "--region /mnt/r");
        const cli_run r = run(line);
        assert_int_equal(r.status, 1);
        assert_non_null(strstr(r.err, "/mnt/r"));
        assert_non_null(strstr(r.err, "Read-only"));
    }
    snprintf(line, sizeof line, "run --region %s/story.txt hello", bed);
    cli_run r = run(line);
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "story.txt"));
    r = run("run --region /nonexistent/r hello");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "/nonexistent/r"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_time),     cmocka_unit_test(private_leaves_nothing),
        cmocka_unit_test(killed),          cmocka_unit_test(together),
        cmocka_unit_test(after_a_restart), cmocka_unit_test(shut_down),
        cmocka_unit_test(damaged_files),   cmocka_unit_test(stopped),
        cmocka_unit_test(another_model),   cmocka_unit_test(example),
        cmocka_unit_test(bad_places)};
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
