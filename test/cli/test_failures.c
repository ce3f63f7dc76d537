/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_failures.c - the n-th allocation or file operation of a command fails, for every
 * n until none is left; and disks of every size that is too small.
 *
 * Whatever fails: the command ends with status 0 and all of its output, or with status 1, one
 * sentence and a beginning of its output; and the next try, with nothing failing, is right. A
 * failure that nobody needed is seen by OMNESIA_TRACE_ERRORS, so that "none is left" is known.
 * Here two commands that read and one too small disk of each kind; the full form (test/soak.h)
 * takes every command (`calls`) and every size (`disk`).
 */
#include "soak.h"

#include "cli/store_bed.h"

enum { SAME, CHANGES, GOES_ON }; /* what it says: always the same; other times; after failures */

static const struct verb {
    const char *words;
    int changes;
    int unpacked;
} verbs[] = {
    {"inspect $TINY", 0, 0},
    {"models", 0, 0},
    {"tokenize -m $TINY 'hello world'", 0, 0},
    {"tokenize -m $TINY --decode '1 2 3'", 0, 0},
    {"run --raw --temp 0 -n 4 -t 1 hello", 0, 1},
    {"run --temp 0 -n 4 -t 1 -f $TEXT -m $TINY hello", 0, 0},
    {"chat --temp 0 -n 4 -t 1 -m $TINY <$TEXT", GOES_ON, 0},
    {"perplexity --ctx 16 --chunks 2 -t 1 -m $TINY --file $TEXT", 0, 0},
    {"pull tiny", 0, 1},
    {"doctor", CHANGES, 0},
    {"bench -p 8 -n 2 -t 1 -m $TINY", CHANGES, 0},
    {"help --markdown", 0, 0},
    {"region --region $REGION", 0, 0},
    {"region check --region $REGION", 0, 0},
    {"top --json --region $REGION", CHANGES, 0},
    {"region pin --raw --region $REGION -m $TINY hello world", 0, 0},
    {"region export --region $REGION $REGION.out", 0, 0},
    {"region import --region $REGION.in $REGION.out; s=$?; \"$OMNESIA_PROGRAM\" region destroy "
     "--region $REGION.in >/dev/null; exit $s",
     0, 0},
    {"region gc --region $REGION", CHANGES, 0},
    {"region forget --region $REGION -m $TINY -f $TEXT", CHANGES, 0},
    {"region forget --region $REGION --all", CHANGES, 0},
    {"region destroy --region $REGION", CHANGES, 0},
};
static const char *const faults[] = {"OMNESIA_FAIL_ALLOC=%d", "OMNESIA_FAIL_IO=%d",
                                     "OMNESIA_FAIL_IO=%d:ENOSPC", "OMNESIA_FAIL_IO=%d:EINTR"};
enum { VERBS = sizeof verbs / sizeof *verbs, FAULTS = sizeof faults / sizeof *faults };
enum { AT_REST = 30 }; /* tries in a row without a trace of a failure: none is left */

static int lines_traced(const char *err) {
    int n = 0;
    for (const char *p = err; (p = strstr(p, ": error -")); p++) n++;
    return n;
}

static cli_run try_it(const struct verb *v, const char *environment) {
    char words[1024];
    if (v->unpacked) fresh();
    snprintf(words, sizeof words, "--version >/dev/null; %s \"$OMNESIA_PROGRAM\" %s", environment,
             v->words);
    return run(words);
}

/* A failure was met as it must be; `good` is what the command does without any. */
static void judge(const struct verb *v, const char *what, const cli_run *r, const cli_run *good) {
    const int status = soak_planted() && r->status == 1 ? 0 : r->status; /* nobody reports it */
    if (status != 0 && status != 1)
        fail_msg("%s: %s: status %d: %s", v->words, what, status, r->err);
    if (status && !strstr(r->err, "omnesia: "))
        fail_msg("%s: %s: failed without a sentence", v->words, what);
    const int goes_on = v->changes == GOES_ON && status; /* with the next question */
    if (v->changes != CHANGES && !goes_on &&
        (strncmp(r->out, good->out, strlen(r->out)) != 0 ||
         (status == 0 && strcmp(r->out, good->out) != 0)))
        fail_msg("%s: %s: status %d, said \"%s\", not \"%s\"", v->words, what, status, r->out,
                 good->out);
    if (v->unpacked) model_there(); /* right or absent, never half */
}

/* What the command must say again as soon as nothing fails. */
static void recovers(const struct verb *v, const char *what, const char *good) {
    const cli_run r = run(v->words);
    if (r.status || (v->changes != CHANGES && strcmp(r.out, good) != 0))
        fail_msg("%s: after %s: status %d, \"%s\", not \"%s\": %s", v->words, what, r.status, r.out,
                 good, r.err);
}

static char good_out[1 << 17];

static cli_run remember(const struct verb *v) {
    if (!v->unpacked) run(v->words); /* so that the model is packed */
    cli_run good = try_it(v, "OMNESIA_TRACE_ERRORS=1");
    if (good.status) fail_msg("%s: %s", v->words, good.err);
    assert_true(strlen(good.out) < sizeof good_out);
    good.out = strcpy(good_out, good.out);
    return good;
}

/* The number of failures that were met. */
static long every(const struct verb *v, const char *fault) {
    const cli_run good = remember(v);
    const int usual = lines_traced(good.err);
    long met = 0;
    for (int n = 1, quiet = 0; quiet < AT_REST; n++) {
        char what[64], environment[96];
        snprintf(what, sizeof what, fault, n);
        snprintf(environment, sizeof environment, "OMNESIA_TRACE_ERRORS=1 %s", what);
        const cli_run r = try_it(v, environment);
        judge(v, what, &r, &good);
        quiet = r.status == 0 && lines_traced(r.err) == usual ? quiet + 1 : 0;
        met += !quiet;
        if (r.status && met % 8 == 1) recovers(v, what, good.out);
        if (n > 3000) fail_msg("%s: failures without end", v->words);
    }
    return met;
}

/* ---- disks that are too small ------------------------------------------------------------- */
/* Size i of 512 bytes each: no file may be longer (RLIMIT_FSIZE), or in pages: the cache is a disk
 * of its own, in a name space of its own, which grows afterwards. */
enum {
    RUN_SIZES = 330,
    PULL_SIZES = 200,
    RUN_PAGES = 60,
    SIZES = RUN_SIZES + PULL_SIZES + RUN_PAGES
};
static const struct verb *const run_verb = &verbs[4], *const pull_verb = &verbs[8];

static void longest_file(const struct verb *v, int blocks) {
    const cli_run good = remember(v);
    char what[64], words[1024];
    snprintf(what, sizeof what, "ulimit -f %d", blocks);
    snprintf(words, sizeof words, "--version >/dev/null; ulimit -f %d; \"$OMNESIA_PROGRAM\" %s",
             blocks, v->words);
    fresh();
    const cli_run r = run(words);
    judge(v, what, &r, &good);
    recovers(v, what, good.out);
}

/* While the disk is too small the answer is the same, and once it has grown there is a pack. */
static void small_disk(int pages) {
    const cli_run good = remember(run_verb);
    char what[64], words[1024], want[600];
    snprintf(what, sizeof what, "a disk of %d pages", pages);
    snprintf(words, sizeof words,
             "--version >/dev/null; mkdir -p \"$OMNESIA_CACHE\"; exec unshare -Urm sh -c '"
             "mount -t tmpfs -o size=%dk,mode=0700 none \"$OMNESIA_CACHE\" || exit 77\n"
             "%s || exit\nmount -o remount,size=16m \"$OMNESIA_CACHE\" || exit 78\n"
             "%s || exit\nls \"$OMNESIA_CACHE/packs\" | grep -c \"pack$\"'",
             pages * 4, "\"$OMNESIA_PROGRAM\" $RUN", "\"$OMNESIA_PROGRAM\" $RUN");
    snprintf(want, sizeof want, "%s%s1\n", good.out, good.out);
    fresh();
    const cli_run r = run(words);
    if (r.status || strcmp(r.out, want) != 0)
        fail_msg("%s: status %d, \"%s\", not \"%s\": %s", what, r.status, r.out, want, r.err);
}

/* Can this user make name spaces? */
static int may_mount(void) {
    return run("--version >/dev/null; unshare -Urm mount -t tmpfs none /mnt").status == 0;
}

static void read_only_commands(void **s) {
    (void)s;
    for (int v = 0; v < 2; v++)
        for (int f = 0; f < 2; f++) assert_true(every(&verbs[v], faults[f]) > 3);
    remember(&verbs[10]); /* too long to fail everywhere: it succeeds, sanitizers watch */
}

/* The verbs of a region need one that holds an answer. */
enum { OF_REGION = 12 };
static void fill_region(int v) {
    if (v < OF_REGION) return;
    run("run --raw --temp 0 -n 2 -t 1 --region $REGION -m $TINY $(cat $TEXT $TEXT $TEXT)");
    run("region export --region $REGION $REGION.out");
}

static void region_commands(void **s) {
    (void)s;
    static const int some[] = {OF_REGION + 1, OF_REGION + 4, OF_REGION + 5,
                               OF_REGION + 7}; /* check, export, import, forget -f */
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        for (int f = 0; f < 2; f++) {
            fill_region(some[i]);
            assert_true(every(&verbs[some[i]], faults[f]) > 3);
        }
}

/* Records as JSON, whose allocations are those of the program. */
static void records(void **s) {
    (void)s;
#define RECORDS "--store $REGION.db --user ann --region none --embedder none"
    static const struct verb list = {"mem list --json " RECORDS, 0, 0};
    assert_int_equal(run("mem add 'The sky is blue.' " RECORDS).status, 0);
    assert_int_equal(run("mem add 'The milk is sour.' " RECORDS).status, 0);
    assert_true(every(&list, faults[0]) > 30);
}

/* Before the first question is read there is no list of turns to give back; some seventy
 * allocations later a piece of the answer cannot be kept. */
static void a_chat_without_memory(void **s) {
    (void)s;
    const cli_run good = remember(&verbs[6]);
    for (int n = 1; n < 90; n += n == 5 ? 60 : 1) {
        char what[64];
        snprintf(what, sizeof what, faults[0], n);
        const cli_run r = try_it(&verbs[6], what);
        judge(&verbs[6], what, &r, &good);
    }
}

static void disks_too_small(void **s) {
    (void)s;
    longest_file(run_verb, 100);
    longest_file(pull_verb, 60);
    if (may_mount()) small_disk(20);
}

/* ---- the full form ------------------------------------------------------------------------ */
static void every_call(void **s) {
    (void)s;
    const soak range = soak_begin(VERBS * FAULTS);
    long counted = 0;
    for (long i = range.first; i < range.end; i++) {
        fill_region((int)(i % VERBS));
        counted += every(&verbs[i % VERBS], faults[i / VERBS]);
    }
    soak_end(&range, counted);
}

static void every_size(void **s) {
    (void)s;
    const soak range = soak_begin(SIZES);
    for (long i = range.first; i < range.end; i++) {
        const int n = (int)i;
        if (n < RUN_SIZES)
            longest_file(run_verb, 1 + n);
        else if (n < RUN_SIZES + PULL_SIZES)
            longest_file(pull_verb, 1 + n - RUN_SIZES);
        else
            small_disk(1 + n - RUN_SIZES - PULL_SIZES);
    }
    soak_end(&range, range.end - range.first);
}

static int furnish(void **state) {
    make_bed(state);
    static const char words[] = "hello world\n";
    mn_buf text = {0};
    for (int i = 0; i < 4; i++) assert_ok(mn_buf_puts(&text, words));
    char path[512];
    snprintf(path, sizeof path, "%s/test/model/data/tiny-qwen2.gguf", getenv("OMNESIA_SOURCE"));
    setenv("TINY", path, 1);
    snprintf(path, sizeof path, "%s", in_bed("text"));
    write_text(path, text.data, text.len);
    setenv("TEXT", path, 1);
    setenv("REGION", in_bed("region"), 1);
    mn_buf_free(&text);
    setenv("RUN", "run --raw --temp 0 -n 4 -t 1 hello", 1);
    setenv("OMNESIA_MODEL", getenv("TINY"), 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_DATA_HOME");
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(read_only_commands),
                                       cmocka_unit_test(region_commands), cmocka_unit_test(records),
                                       cmocka_unit_test(a_chat_without_memory),
                                       cmocka_unit_test(disks_too_small)};
    const struct CMUnitTest calls[] = {cmocka_unit_test(every_call)};
    const struct CMUnitTest disk[] = {cmocka_unit_test(every_size)};
    if (!soak_asked()) return cmocka_run_group_tests(tests, furnish, drop_bed);
    if (argc > 1 && strcmp(argv[1], "disk") == 0)
        return cmocka_run_group_tests(disk, furnish, drop_bed);
    return cmocka_run_group_tests(calls, furnish, drop_bed);
}
