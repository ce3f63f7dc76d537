/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_region.c - what users do with a region, from the command line: say what it keeps,
 * forget, pin, check, clean, remove, watch. The model is a tiny one, the region a file of a scratch
 * folder; a region whose file is removed stands for a machine that was started anew.
 */
#include "test.h"

#include "cli/run.h"

#include "base/walk.h"
#include "cli/since.h"
#include "omnesia.h"

#include <jansson.h>
#include <sys/stat.h>
#include <time.h>

static char bed[64];

static const char *in_bed(const char *rest) {
    static char path[8][256];
    static unsigned turn;
    char *p = path[turn++ % 8];
    snprintf(p, 256, "%s/%s", bed, rest);
    return p;
}

static void write_lines(const char *name, const char *format) {
    FILE *f = fopen(in_bed(name), "w");
    assert_non_null(f);
    for (int i = 1; i <= 30; i++) fprintf(f, format, i, 3 * i + 2, 7 * i % 50);
    fclose(f);
}

static int make_bed(void **state) {
    (void)state;
    char path[512];
    strcpy(bed, "/tmp/omnesia-region-XXXXXX");
    assert_non_null(mkdtemp(bed));
    write_lines("story", "On day %d the keeper counted %d ships and %d gulls.\n");
    write_lines("rows", "%d apples cost %d, and %d were sold\n");
    snprintf(path, sizeof path, "%s/test/model/data/tiny-qwen2.gguf", getenv("OMNESIA_SOURCE"));
    setenv("OMNESIA_MODEL", path, 1);
    setenv("BED", bed, 1);
    setenv("OMNESIA_CTX", "4096", 1);
    setenv("OMNESIA_SYSTEM", "", 1); /* else all prompts begin with the same 80 tokens */
    setenv("OMNESIA_THREADS", "1", 1);
    setenv("OMNESIA_REGION", in_bed("r"), 1);
    return 0;
}
static int drop_bed(void **state) {
    (void)state;
    mn_walk_remove(bed);
    return 0;
}
static int fresh(void **state) {
    (void)state;
    unlink(in_bed("r"));
    unlink(in_bed("linked"));
    mn_walk_remove(in_bed("r.disk"));
    return 0;
}

/* A command that must end with `status`; what it wrote. */
static cli_run must(int status, const char *format, ...) {
    char words[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    const cli_run r = run(words);
    if (r.status != status)
        fail_msg("%s: status %d, not %d: %s%s", words, r.status, status, r.out, r.err);
    return r;
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* Tokens an answer to this would find. */
static int cached(const char *words) {
    const cli_run r = must(0, "explain --raw %s", words);
    const char *at = strstr(r.out, "cached ");
    int n = -1;
    assert_non_null(at);
    assert_int_equal(sscanf(at, "cached %d", &n), 1);
    return n;
}

static void learn(const char *words) {
    must(0, "run --raw --temp 0 -n 2 %s", words);
}
#define STORY "-f $BED/story Why?"
#define ROWS  "-f $BED/rows Why?"

static long number(const char *json, const char *name) {
    json_t *o = json_loads(json, 0, NULL);
    assert_non_null(o);
    const long n = (long)json_integer_value(json_object_get(o, name));
    json_decref(o);
    return n;
}
static long found(const char *name) {
    const cli_run r = run("region check --json");
    return number(r.out, name);
}

/* Files of the disk tier; the path of one that is not pinned by its name. */
static int files(char one[512]) {
    const cli_run r = run("--version >/dev/null; ls \"$BED/r.disk\" 2>/dev/null");
    int n = 0;
    for (const char *p = r.out; *p; p += strcspn(p, "\n") + 1, n++)
        if (one && p[16] == '\n') snprintf(one, 512, "%s/r.disk/%.16s", bed, p);
    return n;
}

/* ---- saying ------------------------------------------------------------------------------- */
static void says_what_it_keeps(void **state) {
    (void)state;
    const cli_run first = must(0, "run --raw --temp 0 -n 2 --disk 500M hello");
    has(first.err, in_bed("r) and on disk"));
    has(first.err, "on disk (at most 524 MB, 30 days unused, in ");
    has(first.err, "--private leaves nothing there, --region none shares nothing");
    assert_null(strstr(must(0, "run --raw --temp 0 -n 2 hello").err, "is kept for"));
    learn(STORY);
    cli_run r = must(0, "region");
    has(r.out, "of at most 524 MB, in ");
    has(r.out, "unused     leaves after 30 days");
    has(r.out, "processes  0 use it now");
    r = must(0, "region stat --disk 1G"); /* the limit can be changed */
    has(r.out, "of at most 1.1 GB, in ");
    unlink(in_bed("r"));
    r = must(0, "run --raw --temp 0 -n 2 " STORY);
    has(r.err, " cached, from disk, computed by process ");
    has(must(0, "explain --raw " STORY).out, ", on disk");
}

static void without_a_disk(void **state) {
    (void)state;
    const cli_run r = must(0, "run --raw --temp 0 -n 2 --disk none " STORY);
    assert_null(strstr(r.err, "on disk"));
    has(must(0, "region").out, "made with --disk none");
    assert_int_equal(files(NULL), 0);
    has(must(1, "run --raw --disk 1G hello").err, "was made without a disk tier");
    assert_true(cached(STORY) > 500);
    must(2, "run --disk 5%% hello");
    must(2, "run --disk 0 hello");
    must(2, "run --disk lots hello");
}

/* ---- forgetting --------------------------------------------------------------------------- */
/* Runs of 16 tokens of `ids` in a file, at any place of 4 bytes. */
static long runs_in(const char *path, const int32_t *ids, int n) {
    FILE *f = fopen(path, "rb");
    long hits = 0;
    assert_non_null(f);
    const int fd = fileno(f);
    static int32_t part[1 << 16];
    for (off_t at = 0; (at = lseek(fd, at, SEEK_DATA)) >= 0; at += (1 << 18) - 64) {
        const ssize_t k = pread(fd, part, sizeof part, at);
        if (k <= 64) break;
        for (ssize_t i = 0; i + 16 <= k / 4; i++)
            for (int j = 0; j + 16 <= n; j += 16) hits += !memcmp(part + i, ids + j, 64);
    }
    fclose(f);
    return hits;
}

static int ids_of(const char *name, int32_t *ids, int most) {
    const cli_run r = must(0, "tokenize -m $OMNESIA_MODEL \"$(cat $BED/%s)\"", name);
    int n = 0, step;
    for (const char *p = r.out; n < most && sscanf(p, "%d%n", ids + n, &step) == 1; p += step) n++;
    return n;
}

static void no_trace(void **state) {
    (void)state;
    int32_t ids[4096];
    char one[512], rows_file[512];
    const int n = ids_of("story", ids, 4096);
    assert_true(n > 500);
    learn(ROWS); /* first: what begins with a part of the text's extent would go with it */
    assert_int_equal(files(rows_file), 1);
    assert_int_equal(rename(rows_file, in_bed("away")), 0);
    learn(STORY);
    assert_int_equal(files(one), 1);
    assert_int_equal(rename(in_bed("away"), rows_file), 0);
    assert_int_equal(link(one, in_bed("linked")), 0); /* to look at what was overwritten */
    assert_true(runs_in(in_bed("linked"), ids, n) > 10);
    assert_true(runs_in(in_bed("r"), ids, n) > 10);
    const int rows = cached(ROWS);
    has(must(0, "region forget -f $BED/story").out, "are forgotten");
    assert_int_equal(runs_in(in_bed("linked"), ids, n), 0);
    assert_int_equal(runs_in(in_bed("r"), ids, n), 0);
    assert_true(cached(STORY) < 100); /* the name of its folder */
    assert_int_equal(cached(ROWS), rows);
    assert_int_equal(files(one), 1);
    assert_string_equal(one, rows_file);
}

/* From disk alone; and what who died left: a file nobody booked, and one that was begun. */
static void no_trace_after_a_restart(void **state) {
    (void)state;
    int32_t ids[4096];
    char one[512], line[1400];
    const int n = ids_of("story", ids, 4096);
    learn(ROWS);
    learn(STORY);
    const int rows = cached(ROWS);
    unlink(in_bed("r"));
    assert_true(cached(STORY) > 500);
    assert_int_equal(files(one), 2);
    snprintf(line, sizeof line, "%s/r.disk/0123456789abcdef.tmp.7", bed);
    char copy[3000];
    snprintf(copy, sizeof copy, "--version >/dev/null; cat %s/r.disk/* > %s/all; mv %s/all %s", bed,
             bed, bed, line);
    run(copy);
    assert_true(runs_in(line, ids, n) > 10);
    assert_int_equal(link(line, in_bed("linked")), 0);
    must(0, "region forget -f $BED/story");
    assert_int_equal(runs_in(in_bed("linked"), ids, n), 0);
    assert_int_equal(files(one), 1);
    assert_int_equal(runs_in(one, ids, n), 0);
    assert_int_equal(cached(ROWS), rows);
}

/* What goes on from the text goes too, what shares only its beginning with it stays. */
static void children_go(void **state) {
    (void)state;
    learn(ROWS);
    learn("-f $BED/rows -f $BED/story Why?");
    learn("-f $BED/rows -f $BED/story Why? And when?");
    const int rows = cached(ROWS), both = cached("-f $BED/rows -f $BED/story Why? And when?");
    assert_true(both > rows + 500);
    must(0, "region forget -f $BED/story");
    assert_int_equal(cached(ROWS), rows);
    assert_in_range(cached("-f $BED/rows -f $BED/story Why? And when?"), 0, rows + 10);
    must(0, "region forget -f $BED/rows");
    assert_in_range(cached(ROWS), 0, 20);
}

static void since_and_all(void **state) {
    (void)state;
    learn(STORY);
    has(must(0, "region forget --since 2099-01-01").out, "0 extents with 0 tokens");
    assert_true(cached(STORY) > 500);
    must(0, "region forget --since 1h");
    assert_int_equal(cached(STORY), 0);
    learn(STORY);
    must(0, "region forget --all");
    assert_int_equal(cached(STORY), 0);
    assert_int_equal(files(NULL), 0);
    has(must(0, "region").out, "in memory  0 B of");
}

static void moments(void **state) {
    (void)state;
    const uint64_t now = 1800000000; /* 2027-01-15T08:00:00Z */
    uint64_t t;
    static const struct {
        const char *text;
        uint64_t is;
    } good[] = {{"2h", 1800000000 - 7200},
                {"3d", 1800000000 - 259200},
                {"90s", 1799999910},
                {"2027-01-15T08:00:00Z", 1800000000},
                {"2027-01-15t09:30:00.25+01:30", 1800000000},
                {"2027-01-15T03:00-05:00", 1800000000}};
    static const char *const bad[] = {"",
                                      "h",
                                      "2",
                                      "2y",
                                      "-3d",
                                      "2h ",
                                      "2027",
                                      "2027-13-01",
                                      "2027-01-15T",
                                      "2027-01-15T08:00:00+1",
                                      "yesterday",
                                      "2027-01-15T08:00:00Zz",
                                      "2027-01-15x08:00:00Z"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(mn_cli_since(good[i].text, now, &t));
        assert_int_equal(t, good[i].is);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mn_cli_since(bad[i], now, &t) != MN_EINVAL) fail_msg("\"%s\" was taken", bad[i]);
    assert_ok(mn_cli_since("today", now, &t));
    assert_in_range(now - t, 0, 86400);
}

/* Words for the shell while a chat, $chat, has the region; it ends when descriptor 9 is closed. */
static cli_run beside_chat(const char *options, const char *words) {
    char line[2048];
    snprintf(line, sizeof line,
             "--version >/dev/null; rm -f $BED/hold; mkfifo $BED/hold; "
             "\"$OMNESIA_PROGRAM\" chat -n 2 %s <$BED/hold >/dev/null 2>&1 & chat=$!; "
             "exec 9>$BED/hold; echo Hi >&9; "
             "until \"$OMNESIA_PROGRAM\" top --json | grep -q '\"processes\":.{\"pid\":'; do "
             "sleep 0.02; done; %s",
             options, words);
    return run(line);
}

/* A process that has it: what it uses stays, and who it is is said. */
static void in_use(void **state) {
    (void)state;
    learn(STORY);
    const cli_run r = beside_chat(
        "-f $BED/story",
        "until \"$OMNESIA_PROGRAM\" region forget --all | grep ' stay: '; do sleep 0.02; done; "
        "\"$OMNESIA_PROGRAM\" region forget --all >/dev/null; echo status $?; "
        "\"$OMNESIA_PROGRAM\" region destroy; echo status $?; "
        "\"$OMNESIA_PROGRAM\" top --json; exec 9>&-; wait");
    has(r.out, " stay: process ");
    has(r.out, "status 1\nstatus 1\n");
    has(r.err, "is in use by process ");
    has(r.out, "\"processes\":[{\"pid\":");
    must(0, "region forget --all");
    must(0, "region destroy");
}

/* ---- pins --------------------------------------------------------------------------------- */
static void pins(void **state) {
    (void)state;
    char one[512];
    has(must(1, "region pin --raw " STORY).err, "nothing of this prompt is cached");
    learn(STORY);
    has(must(0, "region pin --raw " STORY).out, "tokens are kept from now on");
    assert_int_equal(files(one), 2);
    for (int life = 0; life < 2; life++) {
        has(must(0, "region").out, "1 pinned (");
        /* a file nobody used for two months: only the pin keeps it */
        unlink(in_bed("r"));
    }
    must(0, "region gc");
    assert_int_equal(files(NULL), 2);
    has(must(0, "region unpin --raw " STORY).out, "may leave again");
    assert_null(strstr(must(0, "region").out, "pinned"));
    assert_int_equal(files(NULL), 1);
    must(0, "region pin --raw " STORY);
    must(0, "region forget -f $BED/story"); /* pinned or not */
    assert_int_equal(files(NULL), 0);
    must(2, "region pin");
}

/* ---- from region to region ----------------------------------------------------------------- */
static void travels(void **state) {
    (void)state;
    learn(ROWS);
    learn(STORY);
    const int rows = cached(ROWS), story = cached(STORY);
    cli_run r = must(0, "region export $BED/all");
    has(r.out, "2 extents with ");
    has(r.out, " tokens are in /tmp/");
    has(must(0, "region import $BED/all").out,
        "0 extents with 0 tokens came in, 0 B; 2 were there");
    has(must(0, "region export $BED/one --raw " ROWS).out, "1 extents with ");
    has(must(1, "region export $BED/none --raw 'Who was never asked?'").err,
        "nothing of this prompt");
    assert_int_equal(access(in_bed("none"), F_OK), -1);
    must(0, "region destroy");
    assert_int_equal(cached(STORY), 0);
    has(must(0, "region import $BED/one").out, "1 extents with ");
    assert_int_equal(cached(ROWS), rows);
    assert_true(cached(STORY) < 100); /* the name of its folder */
    has(must(0, "region import $BED/all").out, "; 1 were there already\n");
    assert_int_equal(cached(STORY), story);
    has(must(0, "run --raw --temp 0 -n 2 " STORY).err, " cached, from disk");
    must(0, "region check");
    assert_int_equal(found("strange"), 0);
    has(must(1, "region import $BED/story").err, "was not written by `omnesia region export`");
    has(must(1, "region import $BED/absent").err, "no such file");
    has(must(1, "region import --disk none $BED/all").err, "has no disk tier");
    has(must(2, "region export").err, "name the file");
    must(2, "region import");
    must(2, "region import $BED/all $BED/one");
}

/* ---- health ------------------------------------------------------------------------------- */
static void damage(void **state) {
    (void)state;
    char one[512];
    struct stat st;
    has(must(0, "region check").out, "all is well");
    learn(STORY);
    learn(ROWS);
    has(must(0, "region check").out, "files      2 with ");
    assert_int_equal(files(one), 2);
    assert_int_equal(stat(one, &st), 0);
    FILE *f = fopen(one, "r+b");
    assert_non_null(f);
    fseek(f, -5000, SEEK_END);
    const int c = fgetc(f);
    fseek(f, -5000, SEEK_END);
    fputc(c ^ 4, f);
    fclose(f);
    const cli_run r = must(1, "region check");
    has(r.err, "its file is damaged (sums)");
    has(r.out, "verdict    damaged: `omnesia region gc`");
    assert_int_equal(found("bad"), 1);
    has(must(0, "region gc").out, "1 damaged files");
    must(0, "region check");
    assert_int_equal(found("files"), 1);
    assert_true(cached(STORY) > 500 && cached(ROWS) > 300); /* both are in memory */
}

static void strangers(void **state) {
    (void)state;
    learn(STORY);
    run("--version >/dev/null; cd $BED/r.disk; echo x >0123456789abcdef; "
        "echo x >0123456789abcdef.pin; echo x >0123456789abcdef.tmp.99; echo mine >notes");
    assert_int_equal(found("strange"), 3);
    must(0, "region check"); /* no damage */
    has(must(0, "region gc").out, "3 files that no extent has");
    assert_int_equal(found("strange"), 0);
    assert_int_equal(files(NULL), 2);
    const cli_run r = must(0, "region destroy");
    has(r.out, "are gone, with ");
    assert_int_equal(access(in_bed("r"), F_OK), -1);
    assert_int_equal(access(in_bed("r.disk/notes"), F_OK), 0); /* not ours */
    assert_int_equal(files(NULL), 1);
}

static void the_dead_are_buried(void **state) {
    (void)state;
    beside_chat("", "kill -9 $chat; wait $chat 2>/dev/null; true");
    must(0, "region gc");
    assert_int_equal(found("open"), 0);
    assert_int_equal(found("orphans"), 0);
    must(0, "region check");
}

static void watching(void **state) {
    (void)state;
    learn(STORY);
    cli_run r = must(0, "top");
    has(r.out, "memory [");
    has(r.out, "found   ");
    has(r.out, "both");
    assert_null(strstr(r.out, "\033"));
    r = must(0, "top --json");
    assert_int_equal(number(r.out, "extents"), 1);
    assert_true(number(r.out, "disk") > 10000 && number(r.out, "memory") > 10000);
    r = must(2, "top --region none");
}

static void refusals(void **state) {
    (void)state;
    FILE *f = fopen(in_bed("empty"), "w");
    assert_non_null(f);
    fclose(f);
    must(2, "region frget");
    must(2, "region stat more");
    must(2, "region forget");
    must(2, "region forget --since lately");
    must(2, "region --region none");
    has(must(1, "region forget -f $BED/absent").err, "absent");
    has(must(1, "region forget -f $BED/empty").err, "no tokens of its own");
    has(must(1, "region forget -m nothing-like-it -f $BED/story").err, "nothing-like-it");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {CASE(says_what_it_keeps),
                                       CASE(without_a_disk),
                                       CASE(no_trace),
                                       CASE(no_trace_after_a_restart),
                                       CASE(children_go),
                                       CASE(since_and_all),
                                       CASE(moments),
                                       CASE(in_use),
                                       CASE(pins),
                                       CASE(travels),
                                       CASE(damage),
                                       CASE(strangers),
                                       CASE(the_dead_are_buried),
                                       CASE(watching),
                                       CASE(refusals)};
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
