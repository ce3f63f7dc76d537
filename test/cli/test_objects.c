/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_objects.c - put, get, watch, del and ls: what they print, what they refuse, and how
 * they end.
 */
#include "test.h"

#include "cli/run.h"

#include "base/walk.h"

static char bed[64];

static int make_bed(void **state) {
    char path[96];
    (void)state;
    strcpy(bed, "/tmp/omnesia-objects-XXXXXX");
    assert_non_null(mkdtemp(bed));
    snprintf(path, sizeof path, "%s/region", bed);
    setenv("OMNESIA_REGION", path, 1);
    const cli_run r = run("ls"); /* who makes the region says so, once */
    return r.status || !strstr(r.err, "is kept for your other processes");
}
static int drop_bed(void **state) {
    (void)state;
    mn_walk_remove(bed);
    return 0;
}

static void says(const char *words, int status, const char *out, const char *err) {
    const cli_run r = run(words);
    if (r.status != status || strcmp(r.out, out) || (err ? !strstr(r.err, err) : *r.err))
        fail_msg("%s: status %d, said \"%s\" \"%s\"", words, r.status, r.out, r.err);
}

static void values(void **state) {
    (void)state;
    says("get a", 1, "", "there is no object 'a'");
    says("put a one", 0, "", NULL);
    says("get a", 0, "one", NULL);
    says("put a two --if-version 3", 1, "", "has version 1, not 3");
    says("put a two --if-version 1", 0, "", NULL);
    says("put a three --if-version x", 2, "", "--if-version x");
    says("put b - </dev/null", 0, "", NULL);
    says("get b", 0, "", NULL);
    says("put", 2, "", "give a key and a value");
    says("put 'a\tb' x", 1, "", "control character 9");
    says("put c x --ttl 1parsec", 2, "", "it takes 500ms");
    says("put c x --keep 3", 2, "", "--keep goes with --append");
    says("put a x --region none", 2, "", "it needs a region");
    says("del a --if-version 7", 1, "", "has version 2, not 7");
    says("del a", 0, "", NULL);
    says("del a", 1, "", "there is no object 'a'");
    const cli_run r = run("ls");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "b "));
    assert_non_null(strstr(r.out, "version 1, 0 B"));
    assert_null(strstr(r.out, "a "));
}

static void commits(void **state) {
    (void)state;
#define COMMIT(lines) "commit - <<'END'\n" lines "END\n"
    says(COMMIT("{\"put\": \"m/a\", \"value\": \"one\", \"if_version\": 0}\n"
                "\n{\"put\": \"m/b\", \"value\": {\"x\": [1, 2.5]}}\n"),
         0, "put m/a 1\nput m/b 1\n", NULL);
    says("get m/b", 0, "{\"x\":[1,2.5]}", NULL);
    says(COMMIT("{\"del\": \"m/a\"}\n{\"check\": \"m/b\", \"if_version\": 2}\n"), 1, "",
         "'m/b' has version 1, not 2");
    says("get m/a", 0, "one", NULL);
    says(COMMIT("{\"del\": \"m/a\"}\n{\"check\": \"m/b\", \"if_version\": 1}\n"), 0, "del m/a\n",
         NULL);
    says("get m/a", 1, "", "there is no object");
    says("commit - </dev/null", 1, "", "0 edits");
    says(COMMIT("{\"put\": \"a\"}\n"), 1, "", "line 1: a put has a \"value\"");
    says(COMMIT("\n[1]\n"), 1, "", "line 2: it takes an object");
    says(COMMIT("{\"put\": \"a\"\n"), 1, "", "line 1: no JSON");
    says(COMMIT("{\"check\": \"a\"}\n"), 1, "", "line 1: a check has an \"if_version\"");
    says(COMMIT("{\"del\": \"a\", \"value\": \"x\"}\n"), 1, "", "line 1: \"value\"");
    says(COMMIT("{\"del\": \"a\", \"if_version\": -1}\n"), 1, "", "a version is a number");
    says(COMMIT("{\"value\": \"a\"}\n"), 1, "", "line 1: say \"put\", \"del\" or");
    says(COMMIT("{\"del\": \"a\", \"put\": \"a\"}\n"), 1, "", "line 1");
    says("commit no/such/file", 1, "", "no/such/file");
    char many[2048] = "commit - <<'END'\n";
    for (int i = 0; i < 17; i++) sprintf(many + strlen(many), "{\"del\": \"%d\"}\n", i);
    says(strcat(many, "END\n"), 1, "", "it takes 1 to 16");
}

static void json(void **state) {
    (void)state;
    says("put text 'a \"b\"'", 0, "", NULL);
    says("get text --json | sed 's/\"age_ms\":[0-9]*/\"age_ms\":0/'", 0,
         "{\"key\":\"text\",\"version\":1,\"size\":5,\"age_ms\":0,\"value\":\"a \\\"b\\\"\"}\n",
         NULL);
    says("put bytes - <<E\n$(printf '\\377\\376x')\nE\n", 0, "", NULL);
    says("get bytes --json | grep -o 'value_base64.*'", 0, "value_base64\":\"//54Cg==\"}\n", NULL);
}

static void logs(void **state) {
    (void)state;
    says("put l r0 --append", 0, "", NULL);
    says("put l r1 --append", 0, "", NULL);
    says("get l --from 0", 0, "r0\nr1\n", NULL);
    says("get l --from 2", 1, "", "no record from 2 on");
    says("put l r2 --append --keep 1", 0, "", NULL);
    says("get l --from 0", 0, "r2\n", NULL);
    says("ls --json l | sed 's/\"age_ms\":[0-9]*/\"age_ms\":0/'", 0,
         "{\"key\":\"l\",\"records\":1,\"size\":2,\"age_ms\":0}\n", NULL);
    says("del l", 0, "", NULL);
    says("get l --from 0", 1, "", "no record from 0 on");
}

static void watches(void **state) {
    (void)state;
    says("watch --once --timeout 50ms", 1, "", "nothing under '' changed in 50ms");
    says("watch --timeout 50ms", 0, "", NULL);
    says("put w/a 1; \"$OMNESIA_PROGRAM\" watch w/ --all --once", 0, "put w/a 1 1\n", NULL);
    says("watch w/ --all >$OMNESIA_REGION.told & until grep -sq put $OMNESIA_REGION.told; do "
         "sleep 0.02; done; \"$OMNESIA_PROGRAM\" put x 1; \"$OMNESIA_PROGRAM\" del w/a; "
         "until grep -sq del $OMNESIA_REGION.told; do sleep 0.02; done; kill $!; "
         "cat $OMNESIA_REGION.told; rm $OMNESIA_REGION.told",
         0, "put w/a 1 1\ndel w/a\n", NULL);
    says("watch w/ --timeout 1m --once >$OMNESIA_REGION.told & while kill -0 $! 2>/dev/null; do "
         "\"$OMNESIA_PROGRAM\" put w/b same; sleep 0.02; done; wait $! && "
         "sed 's/[0-9][0-9]*/N/' $OMNESIA_REGION.told; rm $OMNESIA_REGION.told",
         0, "put w/b N same\n", NULL);
}

/* The n-th operation on files fails: a sentence, or all is well; the next try works. */
static void failures(void **state) {
    (void)state;
    char line[256];
    int failed = 0;
    for (int n = 1; n < 60; n++) {
        snprintf(
            line, sizeof line,
            "ls >/dev/null; rm -f $OMNESIA_REGION; OMNESIA_FAIL_IO=%d \"$OMNESIA_PROGRAM\" put k v",
            n);
        const cli_run r = run(line);
        if (r.status && (r.status != 1 || strncmp(r.err, "omnesia: ", 9)))
            fail_msg("operation %d: status %d, said \"%s\"", n, r.status, r.err);
        failed += r.status == 1;
        if (!r.status) says("get k", 0, "v", NULL);
        says("ls >/dev/null 2>&1; \"$OMNESIA_PROGRAM\" put k w; \"$OMNESIA_PROGRAM\" get k", 0, "w",
             NULL);
    }
    assert_true(failed > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values, make_bed, drop_bed),
        cmocka_unit_test_setup_teardown(commits, make_bed, drop_bed),
        cmocka_unit_test_setup_teardown(json, make_bed, drop_bed),
        cmocka_unit_test_setup_teardown(logs, make_bed, drop_bed),
        cmocka_unit_test_setup_teardown(watches, make_bed, drop_bed),
        cmocka_unit_test_setup_teardown(failures, make_bed, drop_bed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
