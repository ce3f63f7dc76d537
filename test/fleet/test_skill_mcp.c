/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_skill_mcp.c - skills that are programs, of both eras, and all that goes wrong
 * with them: fake_skill.py is the program.
 */
#include "fleet/hosts.h"

#include "fleet/skill_way.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static mn_skill_host *open_limited(const char *kind, uint64_t memory) {
    char path[4096];
    mn_skill_host *h;
    snprintf(path, sizeof path, "%s/test/fleet/fake_skill.py", getenv("OMNESIA_SOURCE"));
    const char *const argv[] = {"python3", path, kind, NULL};
    assert_ok(mn_skill_host_limited(argv, memory, &h));
    return h;
}

static mn_skill_host *open_kind(const char *kind) {
    return open_limited(kind, 0);
}

static void works(mn_skill_host *h, const char *how, mn_skill_end *end) {
    char args[64];
    snprintf(args, sizeof args, "{\"how\": \"%s\"}", how);
    host_do(h, "work", args, end);
}

static size_t skills(mn_skill_host *h) {
    json_t *all;
    assert_ok(h->ops->list(h, &all));
    const size_t n = json_array_size(all);
    json_decref(all);
    return n;
}

static void both_eras_are_spoken(void **state) {
    (void)state;
    static const char *const kinds[] = {"now",        "2025-11-25", "2025-06-18", "2025-03-26",
                                        "2024-11-05", "older",      "dies"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        mn_skill_host *h = open_kind(kinds[i]);
        mn_skill_end end = {.ok = 0};
        if (mn_skill_host_wait(h, 20000) != 1) fail_msg("%s: %s", kinds[i], mn_error_detail());
        assert_int_equal(skills(h), 1);
        assert_string_equal(h->ops->wrong(h), "");
        works(h, "well", &end);
        assert_end(&end, "", "it is done");
        assert_int_equal(json_array_size(json_object_get(end.result, "seen")), 1);
        mn_skill_end_free(&end);
        h->ops->close(&h);
    }
}

static void who_says_nothing_is_greeted_in_the_older_way(void **state) {
    (void)state;
    mn_skill_host *h = open_kind("silent");
    mn_skill_end end = {.ok = 0};
    works(h, "well", &end); /* not even waited for */
    assert_end(&end, "", "it is done");
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void foreign_versions_are_named(void **state) {
    (void)state;
    static const char *const row[][2] = {{"foreign", "MCP 2031-01-01, 2032-02-02; here are"},
                                         {"foreign-old", "MCP 1999-01-01; here are"}};
    for (size_t i = 0; i < 2; i++) {
        mn_skill_host *h = open_kind(row[i][0]);
        mn_skill_end end = {.ok = 0};
        assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, row[i][1]);
        works(h, "well", &end);
        assert_end(&end, "version", row[i][1]);
        mn_skill_end_free(&end);
        h->ops->close(&h);
    }
}

static void lists_of_all_sorts(void **state) {
    (void)state;
    mn_skill_host *h = open_kind("pages");
    assert_int_equal(mn_skill_host_wait(h, 20000), 1);
    assert_int_equal(skills(h), 5);
    h->ops->close(&h);
    h = open_kind("loop"); /* pages without an end: so many are read, and no more */
    assert_int_equal(mn_skill_host_wait(h, 20000), 1);
    assert_int_equal(skills(h), 1);
    h->ops->close(&h);
    h = open_kind("bad-tools"); /* what is none is left out, and said */
    assert_int_equal(mn_skill_host_wait(h, 20000), 1);
    assert_int_equal(skills(h), 1);
    if (!strstr(h->ops->wrong(h), "'a b' is no name")) fail_msg("%s", h->ops->wrong(h));
    h->ops->close(&h);
    h = open_kind("no-tools");
    assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, "the shelf is locked");
    h->ops->close(&h);
    h = open_kind("no-list");
    assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, "no list of tools");
    h->ops->close(&h);
    h = open_kind("chatty");
    assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, "\"Welcome to my skill!\"");
    h->ops->close(&h);
}

static void each_end_has_its_code(void **state) {
    (void)state;
    static const char *const row[][3] = {
        {"well", "", "it is done"},
        {"fail", "dropped", "it slipped"},
        {"odd code", "failed", "what"},
        {"text", "", "one\ntwo"},
        {"json text", "blocked", "a chair"},
        {"error", "failed", "no way"},
        {"rpc error", "failed", "the arm is off"},
        {"rpc arguments", "arguments", "never heard of it"},
        {"progress", "", ""},
        {"input", "failed", "wants more from a person"},
        {"bad ok", "garbage", "neither true nor false"},
        {"bad seen", "garbage", "\"seen\" that is no list"},
        {"bad content", "garbage", "no list"},
        {"no result", "garbage", "neither a result nor an error"},
        {"garbage", "garbage", "no JSON: \"debug: now I grasp ?[31m"},
        {"binary", "garbage", "no JSON"},
        {"huge", "garbage", "more than 1048576 bytes"},
        {"wrong id", "garbage", "which nobody asked"},
        {"text id", "garbage", "which nobody asked"},
        {"null id", "garbage", "I do not read that"},
        {"no version", "garbage", "no message of MCP"},
        {"old answer", "", "after all"},
        {"batch", "", "b"},
        {"ask", "", "mine {} mine2 -32601"},
        {"words", "", ""},
        {"exit", "crashed", "ended with status 3; its last words: the motor is on fire"},
        {"signal", "crashed", "ended by signal 11"},
        {"answer and exit", "", "goodbye"},
    };
    mn_skill_host *h = open_kind("now");
    mn_skill_end end = {.ok = 0};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        works(h, row[i][0], &end);
        const char *const said = end.text.data ? end.text.data : "";
        if (strcmp(end.code, row[i][1]) || !strstr(said, row[i][2]))
            fail_msg("%s: it ended with \"%s\": %s", row[i][0], end.code, said);
    }
    for (const uint64_t until = mn_clock_ns() + 20000000000u; mn_clock_ns() < until;) {
        uint64_t again;
        double progress;
        if (*h->ops->wrong(h)) break;
        struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
        poll(&p, 1, 10);
        assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
    }
    if (!strstr(h->ops->wrong(h), "ended with status 0")) fail_msg("%s", h->ops->wrong(h));
    works(h, "well", &end); /* started again */
    assert_end(&end, "", "it is done");
    assert_string_equal(h->ops->wrong(h), "");
    host_do(h, "fly", "{}", &end);
    assert_end(&end, "unknown", "no skill 'fly'");
    host_do(h, "work", "{\"how\": 1}", &end);
    assert_end(&end, "arguments", "of type string");
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void progress_is_told(void **state) {
    (void)state;
    mn_skill_host *h = open_kind("2025-11-25");
    mn_skill_end end = {.ok = 0};
    double progress = -1;
    host_start(h, "work", "{\"how\": \"progress\"}");
    json_t *const none = json_object();
    assert_fails(h->ops->start(h, "work", none, mn_clock_ns()), MN_EBUSY, "work runs");
    json_decref(none);
    host_end(h, &end, &progress);
    assert_true(progress == 0.75);
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void tools_may_change(void **state) {
    (void)state;
    static const char *const kinds[] = {"now", "2025-06-18"};
    for (size_t i = 0; i < 2; i++) {
        mn_skill_host *h = open_kind(kinds[i]);
        mn_skill_end end = {.ok = 0};
        assert_int_equal(mn_skill_host_wait(h, 20000), 1);
        const uint64_t before = h->changed;
        works(h, "change", &end);
        assert_end(&end, "", "");
        const uint64_t until = mn_clock_ns() + 20000000000u;
        while (h->changed == before && mn_clock_ns() < until) {
            uint64_t again;
            double progress;
            struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
            poll(&p, 1, 100);
            assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
        }
        assert_true(h->changed > before);
        assert_int_equal(skills(h), 2);
        mn_skill_end_free(&end);
        h->ops->close(&h);
    }
}

/* From the call of cancel to the end, in ms. */
static double stopped_after(mn_skill_host *h, mn_skill_end *end) {
    const uint64_t from = mn_clock_ns();
    h->ops->cancel(h);
    host_end(h, end, NULL);
    return (double)(mn_clock_ns() - from) / 1e6;
}

/* The call has reached the program: it has begun to run. */
static void until_asked(mn_skill_host *h) {
    mn_skill_end end = {.ok = 0};
    for (int i = 0; i < 5; i++) {
        uint64_t again;
        double progress;
        struct pollfd p = {.fd = h->ops->fd(h), .events = POLLIN};
        assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
        poll(&p, 1, 10);
    }
}

static void a_stop_reaches_it(void **state) {
    (void)state;
    static const char *const row[][3] = {{"patient", "cancelled", "as you like"},
                                         {"just in time", "", "done already"},
                                         {"deaf", "cancelled", "had not answered 40 ms later"}};
    mn_skill_host *h = open_kind("now");
    mn_skill_end end = {.ok = 0};
    h->ops->cancel(h); /* nothing runs */
    for (size_t i = 0; i < 3; i++) {
        char args[64];
        assert_true(mn_skill_host_wait(h, 20000) >= 0);
        snprintf(args, sizeof args, "{\"how\": \"%s\"}", row[i][0]);
        host_start(h, "work", args);
        until_asked(h);
        const double ms = stopped_after(h, &end);
        assert_end(&end, row[i][1], row[i][2]);
        /* 50 ms are measured where the machine is quiet; this is for who never ends. */
        if (ms > 2000) fail_msg("%s: stopped after %.0f ms", row[i][0], ms);
    }
    works(h, "well", &end); /* started again */
    assert_end(&end, "", "it is done");
    mn_skill_end_free(&end);
    h->ops->close(&h);
    h = open_kind("mute"); /* before it has said anything */
    host_start(h, "work", "{}");
    stopped_after(h, &end);
    assert_end(&end, "cancelled", "work was stopped");
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void who_hangs_is_killed_with_its_children(void **state) {
    (void)state;
    char path[] = "/tmp/fake-skill-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    setenv("FAKE_PID", path, 1);
    mn_skill_host *h = open_kind("2025-11-25");
    mn_skill_end end = {.ok = 0};
    works(h, "deaf child", &end);
    assert_end(&end, "hung", "work had not ended after 2 s, and went on when it was told to stop");
    FILE *const f = fopen(path, "r");
    int own = 0, child = 0;
    assert_int_equal(fscanf(f, "%d %d", &own, &child), 2);
    fclose(f);
    assert_int_equal(kill(own, 0), -1);
    const uint64_t until = mn_clock_ns() + 20000000000u;
    while (kill(child, 0) == 0 && mn_clock_ns() < until) { /* till somebody reaps it */
        char stat[64], line[256] = "";
        snprintf(stat, sizeof stat, "/proc/%d/stat", child);
        FILE *const s = fopen(stat, "r");
        if (!s || !fgets(line, sizeof line, s) || strstr(line, ") Z")) {
            if (s) fclose(s);
            break;
        }
        fclose(s);
    }
    assert_true(mn_clock_ns() < until);
    works(h, "late", &end); /* it is told to end, and does */
    assert_end(&end, "timeout", "as you like");
    works(h, "close", &end); /* it closes its output and lives on */
    assert_end(&end, "crashed", "python3 has closed its standard output");
    works(h, "flood", &end); /* it talks all the time, and never ends */
    assert_end(&end, "hung", "2 s");
    works(h, "well", &end);
    assert_end(&end, "", "it is done");
    mn_skill_end_free(&end);
    h->ops->close(&h);
    unlink(path);
}

/* It ends before us, and alone; the next call starts it anew, with the same limit. */
static void who_eats_memory_goes_first(void **state) {
    (void)state;
    mn_skill_host *h = open_limited("now", 256 << 20);
    mn_skill_end end = {.ok = 0};
    for (int i = 0; i < 2; i++) {
        works(h, "eats", &end);
        assert_end(&end, "no_memory", "of memory and may have 268 MB");
        mn_skill_end_free(&end);
        works(h, "limits", &end);
        assert_end(&end, "", "score: 500");
        assert_non_null(strstr(end.text.data, " 268435456 "));
        mn_skill_end_free(&end);
        works(h, "exit", &end); /* it has not had much */
        assert_end(&end, "crashed", "ended with status 3; its last words");
        mn_skill_end_free(&end);
    }
    h->ops->close(&h);
    h = open_kind("now");
    works(h, "limits", &end);
    assert_end(&end, "", "score: 500");
    assert_null(strstr(end.text.data, " 268435456 "));
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void what_cannot_start_says_so(void **state) {
    (void)state;
    mn_skill_host *h;
    const char *const none[] = {NULL}, *const absent[] = {"/no/such/skill", NULL};
    assert_fails(mn_skill_host_program(none, &h), MN_EINVAL, "is empty");
    assert_fails(mn_skill_host_program(absent, &h), MN_ENOENT, "cannot start /no/such/skill");
    assert_null(h);
    const char *const quick[] = {"false", NULL};
    mn_skill_end end = {.ok = 0};
    assert_ok(mn_skill_host_program(quick, &h));
    assert_fails(mn_skill_host_wait(h, 20000), MN_EIO, "false ended with status 1");
    works(h, "well", &end);
    assert_end(&end, "crashed", "false ended with status 1");
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

/* `try URL | ARGV..`: for servers that others wrote (test_skill_pypi.py). */
static json_t *end_json(mn_skill_end *end) {
    return json_pack("[s, s]", end->code, end->text.data ? end->text.data : "");
}

static int try_robot(char **argv) {
    mn_skill_host *h;
    mn_skill_end end = {.ok = 0};
    double progress = -1;
    json_t *const said = json_object(), *const names = json_array(), *all, *one;
    size_t i;
    const int url = !strncmp(argv[0], "http", 4);
    const int rc = url ? mn_skill_host_url(argv[0], &h)
                       : mn_skill_host_program((const char *const *)(uintptr_t)argv, &h);
    if (rc < 0 || mn_skill_host_wait(h, 60000) != 1 || h->ops->list(h, &all) < 0) {
        fprintf(stderr, "%s\n", mn_error_detail());
        return 1;
    }
    json_array_foreach(all, i, one) json_array_append(names, json_object_get(one, "name"));
    json_object_set_new(said, "skills", names);
    json_object_set_new(said, "version", json_string(((mn_speaker *)h)->talk.version));
    host_start(h, "turn", "{\"times\": 3}");
    host_end(h, &end, &progress);
    json_object_set_new(said, "turn", end_json(&end));
    json_object_set_new(said, "progress", json_real(progress));
    host_do(h, "slip", "{}", &end);
    json_object_set_new(said, "slip", end_json(&end));
    host_do(h, "break_down", "{}", &end);
    json_object_set_new(said, "break_down", end_json(&end));
    host_do(h, "turn", "{\"times\": \"many\"}", &end);
    json_object_set_new(said, "arguments", end_json(&end));
    host_start(h, "turn", "{\"times\": 500}");
    until_asked(h);
    h->ops->cancel(h);
    host_end(h, &end, NULL);
    json_object_set_new(said, "stopped", end_json(&end));
    host_do(h, "turn", "{\"times\": 1}", &end);
    json_object_set_new(said, "again", end_json(&end));
    json_dumpf(said, stdout, 0);
    json_decref(said);
    json_decref(all);
    mn_skill_end_free(&end);
    h->ops->close(&h);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && !strcmp(argv[1], "try")) return try_robot(argv + 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_eras_are_spoken),
        cmocka_unit_test(who_says_nothing_is_greeted_in_the_older_way),
        cmocka_unit_test(foreign_versions_are_named),
        cmocka_unit_test(lists_of_all_sorts),
        cmocka_unit_test(each_end_has_its_code),
        cmocka_unit_test(progress_is_told),
        cmocka_unit_test(tools_may_change),
        cmocka_unit_test(a_stop_reaches_it),
        cmocka_unit_test(who_hangs_is_killed_with_its_children),
        cmocka_unit_test(who_eats_memory_goes_first),
        cmocka_unit_test(what_cannot_start_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
