/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_bench_serve.c - `omnesia bench serve` beside a llama-server that computes nothing
 * (fake_llama_server.py), whose times are known: figures are those, and what fails is told.
 */
#include "test.h"

#include "cli/run.h"
#include "folder.h"

#include <jansson.h>

static int make_folder(void **state) {
    (void)state;
    char from[512], to[512];
    if (folder_begin("bench-serve", 0) < 0) return -1;
    snprintf(from, sizeof from, "%s/test/cli/fake_llama_server.py", getenv("OMNESIA_SOURCE"));
    snprintf(to, sizeof to, "%s/llama-server", folder);
    return symlink(from, to);
}
static int remove_folder(void **state) {
    (void)state;
    return folder_end();
}

/* The lines of a run that are about a figure: by name. */
static json_t *figures_of(const char *words) {
    char line[768];
    snprintf(line, sizeof line, "bench serve --json --peer %s %s", folder, words);
    const cli_run r = run(line);
    if (r.status) fail_msg("%s: status %d, %s", line, r.status, r.err);
    json_t *all = json_object();
    for (const char *at = r.out; *at;) {
        json_t *o = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
        assert_non_null(o);
        const char *name = json_string_value(json_object_get(o, "figure"));
        json_object_set_new(all, name ? name : "trial", o);
        at = strchr(at, '\n') + 1;
    }
    return all;
}
static double of(const json_t *all, const char *figure, const char *key) {
    const json_t *v = json_object_get(json_object_get(all, figure), key);
    if (!json_is_number(v)) fail_msg("%s has no %s", figure, key);
    return json_number_value(v);
}

static void times_agents(void **state) {
    (void)state;
    setenv("FAKE_LATE", "0.1", 1);
    json_t *all = figures_of("--row agents --side peer --rounds 2 --way 32768");
    unsetenv("FAKE_LATE");
    assert_true(of(all, "total", "base") >= 3 * (0.1 + 32 * 0.002));
    assert_true(of(all, "total", "base") < 30);
    assert_true(of(all, "first", "base") >= 100);
    assert_true(of(all, "gap", "base") >= 2);
    assert_true(of(all, "memory", "base") > 4);
    assert_int_equal((int)of(all, "total", "rounds"), 2);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(all, "total"), "verdict")),
        "not compared");
    assert_null(json_object_get(json_object_get(all, "total"), "ours"));
    json_decref(all);
}

/* A peer that is 0.4 s late with each answer: both sides, and the ratio is that of the figures. */
static void compares_both(void **state) {
    (void)state;
    setenv("FAKE_LATE", "0.4", 1);
    json_t *all = figures_of("--row term --rounds 1 --way 32768");
    unsetenv("FAKE_LATE");
    assert_true(of(all, "gone", "ours") > 0);
    assert_true(of(all, "gone", "base") > 0);
    assert_true(of(all, "gone", "ratio") == of(all, "gone", "ours")); /* a limit is our own */
    assert_true(of(all, "gone", "bar") == 2);
    json_decref(all);
}

static void tells_what_failed(void **state) {
    (void)state;
    static const struct {
        const char *variable, *says;
    } wrong[] = {{"FAKE_SHORT", "has 7 tokens, not the 8"}, {"FAKE_DIES", "fake: no such model"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[512];
        setenv(wrong[i].variable, "1", 1);
        snprintf(line, sizeof line, "bench serve --side peer --row term --rounds 1 --peer %s",
                 folder);
        const cli_run r = run(line);
        unsetenv(wrong[i].variable);
        if (!strstr(r.err, wrong[i].says)) fail_msg("%s", r.err);
        assert_null(strstr(r.out, "pass"));
    }
    const cli_run r = run("bench serve --side peer --row term --rounds 1 --peer /no/such");
    assert_non_null(strstr(r.err, "llama-server is not here"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_agents),
        cmocka_unit_test(compares_both),
        cmocka_unit_test(tells_what_failed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
