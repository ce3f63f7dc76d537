/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_bench.c - benches that start processes and compare bits: they end with figures, say
 * what is wrong, and leave nothing behind.
 *
 * Sizes are small: what a figure is says nothing here, but rows whose outputs differ in a bit, or
 * that find something other than what they measure, fail.
 */
#include "until.h"

#include "cli/run.h"

#include <dirent.h>
#include <jansson.h>
#include <signal.h>

/* Rows of `omnesia bench WORDS --json`, by name, each with a ratio. */
static json_t *rows_of(const char *words) {
    char line[512];
    snprintf(line, sizeof line, "bench %s --json", words);
    const cli_run r = run(line);
    if (r.status) fail_msg("%s: status %d, %s", line, r.status, r.err);
    json_t *rows = json_object();
    for (const char *at = r.out; *at;) {
        json_t *o = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
        assert_non_null(o);
        json_object_set_new(rows, json_string_value(json_object_get(o, "row")), o);
        at = strchr(at, '\n');
        assert_non_null(at);
        at++;
    }
    return rows;
}
static double of(const json_t *rows, const char *row, const char *key) {
    const json_t *v = json_object_get(json_object_get(rows, row), key);
    if (!json_is_number(v)) fail_msg("row %s has no %s", row, key);
    return json_number_value(v);
}

static void compares_bits(void **state) {
    (void)state;
    json_t *rows = rows_of("vattention --row kernel -d 700 --rounds 1");
    assert_true(of(rows, "kernel", "ratio") > 0);
    assert_true(of(rows, "kernel-own", "ratio") > 0);
    json_decref(rows);
    rows = rows_of("vattention --row step -d 530 --rounds 1");
    assert_true(of(rows, "step", "ratio") > 0);
    assert_true(of(rows, "step-own", "ratio") > 0);
    json_decref(rows);
}

static void wastes_less_than_a_page(void **state) {
    (void)state;
    json_t *rows = rows_of("vattention --row waste");
    assert_true(of(rows, "waste", "ours") >= 0);
    assert_true(of(rows, "waste", "ours") < 4096);
    json_decref(rows);
}

/* Peers that are not there, and cannot be made, are no failure, and are named. */
static void goes_on_without_peers(void **state) {
    (void)state;
    static const struct {
        const char *words, *row, *names;
    } all[] = {{"mem --row scan --rounds 1", "scan", "tools/peers/memory.sh"},
               {"mem0 --row given --rounds 1", "given", "tools/peers/agents.sh"},
               {"zep --row graph --rounds 1", "graph", "tools/peers/agents.sh"}};
    char *const before = getenv("PEERS_DIR"), *const kept = before ? strdup(before) : NULL;
    setenv("PEERS_DIR", "/proc/nowhere", 1);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_t *rows = rows_of(all[i].words);
        const json_t *why = json_object_get(json_object_get(rows, all[i].row), "skipped");
        assert_non_null(why);
        if (!strstr(json_string_value(why), all[i].names)) fail_msg("%s", json_string_value(why));
        json_decref(rows);
    }
    if (kept)
        setenv("PEERS_DIR", kept, 1);
    else
        unsetenv("PEERS_DIR");
    free(kept);
}

/* What a memory finds, with links and without, and of a graph on a day: by words alone. */
static void asks_memories(void **state) {
    (void)state;
    json_t *rows = rows_of("amem --small --histories 1 --vectors none");
    assert_true(of(rows, "recall", "value") > 0);
    assert_true(of(rows, "links", "value") > 0);
    json_decref(rows);
    rows = rows_of("mem0 --row tokens --small --histories 1 --vectors none");
    assert_true(of(rows, "tokens", "value") > 0 && of(rows, "tokens", "value") < 100);
    json_decref(rows);
    rows = rows_of("zep --row as-of --small --histories 2");
    assert_true(of(rows, "as-of", "value") == 100);
    json_decref(rows);
    rows = rows_of("zep --row talks --small --histories 1 --vectors none");
    assert_non_null(json_object_get(rows, "talks"));
    json_decref(rows);
}

static void starts_processes(void **state) {
    (void)state;
    static const char *const names[] = {"start",     "copy",    "anew",
                                        "anew-copy", "restart", "restart-copy"};
    json_t *rows = rows_of("vattention --row start -d 300 --rounds 1");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(of(rows, names[i], "ours") > 0);
    json_decref(rows);
}

static void dies_and_starts_anew(void **state) {
    (void)state;
    static const char *const names[] = {"match", "burial", "stopped"};
    json_t *rows = rows_of("region -d 300 --rounds 1");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(of(rows, names[i], "ours") > 0);
    assert_true(of(rows, "restart", "base") > 0);
    json_decref(rows);
}

static void shares(void **state) {
    (void)state;
    json_t *rows = rows_of("share -d 300 -p 96 -n 4 --rounds 1");
    static const char *const names[] = {"first", "first-own", "pss", "decode", "fresh", "recycled"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(of(rows, names[i], "ours") > 0);
    assert_true(of(rows, "question", "ours") == of(rows, "question", "base"));
    json_decref(rows);
}

static void joins_one_loop(void **state) {
    (void)state;
    static const char *const of_fastgen[] = {"gap", "rate", "kept"};
    json_t *rows = rows_of("fastgen -d 48 --rounds 1");
    for (size_t i = 0; i < 3; i++) assert_true(of(rows, of_fastgen[i], "base") > 0);
    json_decref(rows);
    static const char *const of_flover[] = {"response", "makespan", "process", "reorder"};
    rows = rows_of("flover -d 24 --rounds 1 --row bars");
    for (size_t i = 0; i < 4; i++) assert_true(of(rows, of_flover[i], "ratio") > 0);
    json_decref(rows);
}

/* Answers that differ fail in there. */
static void takes_turns_in_memory(void **state) {
    (void)state;
    static const char *const names[] = {"first", "between", "written", "stalled", "fair"};
    json_t *rows = rows_of("fastswitch -d 64 --rounds 1");
    for (size_t i = 0; i < 5; i++) assert_true(of(rows, names[i], "ratio") > 0);
    assert_true(of(rows, "written", "ratio") < 0.4); /* it is what it is on any machine */
    json_decref(rows);
}

/* Folders of a bench's process; `of` 0: of processes that are no more. Other tests run benches. */
static int left_behind(const char *folder, pid_t of) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        int pid;
        if (sscanf(e->d_name, "omnesia-bench-%d-", &pid) != 1) continue;
        n += of ? pid == of : kill(pid, 0) < 0;
    }
    if (d) closedir(d);
    return n;
}
static int all_left(pid_t of) {
    return left_behind("/dev/shm", of) + left_behind("/var/tmp", of) + left_behind("/tmp", of);
}

static void leaves_nothing(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        const pid_t child = fork();
        if (child == 0) {
            const int nothing = open("/dev/null", O_RDWR);
            dup2(nothing, 1), dup2(nothing, 2);
            execl(getenv("OMNESIA_PROGRAM"), "omnesia", "bench", "share", "--row", "first",
                  (char *)NULL);
            _exit(127);
        }
        wait_until(all_left(child));
        usleep(300000); /* in the middle of it */
        kill(child, signals[i]);
        waitpid(child, NULL, 0);
        wait_until(!all_left(child));
    }
}

static void says_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *words, *says;
        int status;
    } wrong[] = {{"no-such", "there are speed, vattention, share, restore", 2},
                 {"vattention --rounds 0", "nothing would be measured", 2},
                 {"share --rounds 0", "nothing would be measured", 2},
                 {"region --rounds 0", "nothing would be measured", 2},
                 {"fastgen --rounds 0", "nothing would be measured", 2},
                 {"flover --rounds 0", "nothing would be measured", 2},
                 {"serve --rounds 0", "nothing would be measured", 2},
                 {"serve --row no-such", "agents, agents-0.5b, poisson, batch, health", 2},
                 {"share -n 0 --row fresh", "nothing would be measured", 1},
                 {"restore", "--copy FILE", 2},
                 {"restore --copy /no/such", "/no/such", 1},
                 {"restore --copy /proc/self/exe", "no copy", 1},
                 {"vattention -m gemma3-270m-no-such", "no-such", 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[256];
        snprintf(line, sizeof line, "bench %s", wrong[i].words);
        const cli_run r = run(line);
        assert_int_equal(r.status, wrong[i].status);
        if (!strstr(r.err, wrong[i].says)) fail_msg("%s: %s", line, r.err);
    }
    wait_until(!all_left(0)); /* another's may be going */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_bits),
        cmocka_unit_test(wastes_less_than_a_page),
        cmocka_unit_test(goes_on_without_peers),
        cmocka_unit_test(asks_memories),
        cmocka_unit_test(starts_processes),
        cmocka_unit_test(dies_and_starts_anew),
        cmocka_unit_test(shares),
        cmocka_unit_test(joins_one_loop),
        cmocka_unit_test(leaves_nothing),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(takes_turns_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
