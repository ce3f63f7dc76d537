/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_run_hostile.c - `omnesia run` on damaged models and packs, and on full disks.
 *
 * A tiny model and its copies live in a scratch folder that is also the cache. Whatever happens
 * to a pack, the answer stays the same; whatever is wrong with a model is one sentence.
 */
#include "test.h"

#include "cli/run.h"

#include "base/file.h"
#include "base/walk.h"

#include <glob.h>
#include <sys/stat.h>

static char bed[64], answer[256];
static mn_buf tiny; /* the model's bytes */

static const char *in_bed(const char *name) {
    static char path[4][160];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, 160, "%s/%s", bed, name);
    return p;
}

static void write_file(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static mn_buf read_file(const char *path) {
    mn_buf bytes = {0};
    assert_ok(mn_file_read(path, 1 << 24, &bytes));
    return bytes;
}

static cli_run ask(const char *environment, const char *model) {
    char words[512];
    snprintf(words, sizeof words,
             "--version >/dev/null; %s \"$OMNESIA_PROGRAM\" run --raw --temp 0 -n 8 -m %s "
             "'hello world'",
             environment, in_bed(model));
    return run(words);
}

static void right(const char *why, const char *environment) {
    const cli_run r = ask(environment, "model.gguf");
    if (r.status != 0 || strcmp(r.out, answer) != 0)
        fail_msg("%s: status %d, said \"%s\", not \"%s\"; %s", why, r.status, r.out, answer, r.err);
}

/* Status 1, nothing on standard output, one sentence. */
static void refused(const char *why, const cli_run *r) {
    if (r->status != 1 || *r->out || strncmp(r->err, "omnesia: ", 9) != 0 ||
        strchr(r->err, '\n') != r->err + strlen(r->err) - 1)
        fail_msg("%s: status %d, out \"%s\", err \"%s\"", why, r->status, r->out, r->err);
}

/* Standard error has one line of ours, and these parts are in it. */
static void one_line(const cli_run *r, const char *const *parts, size_t n) {
    const char *line = strstr(r->err, "omnesia: "), *end = line ? strchr(line, '\n') : NULL;
    for (size_t i = 0; i < n; i++) {
        const char *at = line ? strstr(line, parts[i]) : NULL;
        if (!at || !end || at > end) fail_msg("\"%s\" lacks \"%s\"", r->err, parts[i]);
    }
    assert_null(strstr(end, "omnesia: "));
}

/* One line says why the weights are packed in memory, how much room they need, and what to do. */
static void in_memory(const cli_run *r, const char *why) {
    one_line(
        r,
        (const char *[]){why, "OMNESIA_CACHE", "kB are needed", "are free", "memory at each start"},
        5);
}

static int count(const char *pattern) {
    glob_t found;
    const int rc = glob(in_bed(pattern), 0, NULL, &found);
    const int n = rc ? 0 : (int)found.gl_pathc;
    globfree(&found);
    return n;
}

static const char *the_pack(void) {
    static char path[160];
    glob_t found;
    assert_int_equal(glob(in_bed("packs/*.pack"), 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    snprintf(path, sizeof path, "%s", found.gl_pathv[0]);
    globfree(&found);
    return path;
}

static int make_bed(void **state) {
    (void)state;
    char path[512];
    strcpy(bed, "/tmp/omnesia-test-XXXXXX");
    assert_non_null(mkdtemp(bed));
    setenv("OMNESIA_CACHE", bed, 1);
    snprintf(path, sizeof path, "%s/test/model/data/tiny-llama.gguf", getenv("OMNESIA_SOURCE"));
    tiny = read_file(path);
    write_file(in_bed("model.gguf"), tiny.data, tiny.len);
    const cli_run r = ask("", "model.gguf");
    assert_int_equal(r.status, 0);
    assert_true(strlen(r.out) > 3);
    snprintf(answer, sizeof answer, "%s", r.out);
    return 0;
}

static int drop_bed(void **state) {
    (void)state;
    mn_buf_free(&tiny);
    mn_walk_remove(bed);
    return 0;
}

static void truncated(void **s) {
    (void)s;
    for (size_t i = 0; i < 60; i++) {
        const size_t n = i < 40 ? i * i * 3 : tiny.len - 1 - (59 - i) * 9000;
        write_file(in_bed("cut.gguf"), tiny.data, n);
        const cli_run r = ask("", "cut.gguf");
        char why[64];
        snprintf(why, sizeof why, "cut to %zu bytes", n);
        refused(why, &r);
    }
}

static void foreign(void **s) {
    (void)s;
    write_file(in_bed("foreign.gguf"),
               "\x7f"
               "ELF is not a model",
               20);
    cli_run r = ask("", "foreign.gguf");
    refused("foreign", &r);
    mkdir(in_bed("folder.gguf"), 0700);
    r = ask("", "folder.gguf");
    refused("folder", &r);
    write_file(in_bed("closed.gguf"), tiny.data, 0);
    r = ask("", "closed.gguf");
    refused("empty", &r);
    r = ask("", "absent.gguf");
    refused("absent", &r);
    r = ask("OMNESIA_MEMORY=100K", "model.gguf");
    refused("100 KB of memory", &r);
}

/* Every kind of damage to the pack is found and mended, also after it was found right. */
static void damaged_pack(void **s) {
    (void)s;
    right("as made", "");
    const mn_buf good = read_file(the_pack());
    uint32_t x = 5;
    for (int i = 0; i < 60; i++) {
        mn_buf bad = read_file(the_pack());
        x = x * 1664525u + 1013904223u;
        size_t at = i < 20 ? (size_t)i * 7 : (x >> 4) % bad.len;
        while (i >= 20 && !bad.data[at]) at = (at + 1) % bad.len; /* padding is in no sum */
        bad.data[at] ^= (char)(1 << (i % 8));
        write_file(the_pack(), bad.data, bad.len);
        mn_buf_free(&bad);
        right("a flipped bit", "");
        const mn_buf now = read_file(the_pack());
        assert_int_equal(now.len, good.len);
        if (memcmp(now.data, good.data, good.len) != 0) fail_msg("byte %zu was not mended", at);
        mn_buf_free((mn_buf *)(uintptr_t)&now);
    }
    for (size_t i = 0; i < 20; i++) { /* truncation is seen without the sums */
        write_file(the_pack(), good.data, i * good.len / 20);
        right("cut short", "");
    }
    write_file(the_pack(), tiny.data, tiny.len);
    right("something else", "");
    mn_buf_free((mn_buf *)(uintptr_t)&good);
}

/* The pack of another model in its place, and a model that changed since it was packed. */
static void stale_pack(void **s) {
    (void)s;
    right("as made", "");
    char mine[160];
    snprintf(mine, sizeof mine, "%s", the_pack());
    const mn_buf good = read_file(mine);
    mn_buf other = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/test/model/data/tiny-qwen2.gguf", getenv("OMNESIA_SOURCE"));
    other = read_file(path);
    write_file(in_bed("other.gguf"), other.data, other.len);
    const cli_run first = ask("", "other.gguf");
    assert_int_equal(first.status, 0);
    char said[256];
    snprintf(said, sizeof said, "%s", first.out);
    glob_t found;
    assert_int_equal(glob(in_bed("packs/*.pack"), 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 2);
    const char *theirs = found.gl_pathv[strcmp(found.gl_pathv[0], mine) == 0];
    write_file(theirs, good.data, good.len);
    const cli_run again = ask("", "other.gguf");
    assert_int_equal(again.status, 0);
    assert_string_equal(again.out, said);
    unlink(theirs);
    globfree(&found);
    /* The same name, other weights: every other sign turned. */
    mn_buf changed = read_file(in_bed("model.gguf"));
    for (size_t i = 0; i < 200000; i += 8) changed.data[changed.len - 1 - i] ^= (char)0x80;
    write_file(in_bed("model.gguf"), changed.data, changed.len);
    const cli_run r = ask("", "model.gguf");
    assert_int_equal(r.status, 0);
    assert_string_not_equal(r.out, answer);
    unlink(mine);
    write_file(in_bed("model.gguf"), tiny.data, tiny.len);
    mn_walk_remove(in_bed("packs"));
    right("as it was", "");
    mn_buf_free(&changed);
    mn_buf_free(&other);
    mn_buf_free((mn_buf *)(uintptr_t)&good);
}

/* Every I/O call in turn meets a full disk: the answer, or one sentence; never half a pack. */
static void full_disk(void **s) {
    (void)s;
    int refusals = 0, told = 0, cut = 0;
    for (int n = 1; n <= 100; n++) {
        char environment[64];
        mn_walk_remove(in_bed("packs"));
        snprintf(environment, sizeof environment, "OMNESIA_FAIL_IO=%d:ENOSPC", n);
        const cli_run r = ask(environment, "model.gguf");
        if (r.status == 1 && strstr(r.err, "cannot read") &&
            strncmp(r.out, answer, strlen(r.out)) == 0)
            cut++; /* a row of the embedding, in the middle of the answer */
        else if (r.status != 0)
            refused(environment, &r), refusals++;
        else
            assert_string_equal(r.out, answer);
        if (r.status == 0 && !count("packs/*.pack")) told++, in_memory(&r, "the disk is full");
        assert_int_equal(count("packs/*.tmp.*"), 0);
        right("after a full disk", "");
    }
    assert_true(cut > 0 && cut < 60);
    assert_true(refusals < 20); /* a pack that cannot be written is made in memory */
    assert_true(told > 5);
}

/* A pack that cannot be written for another reason: the same, with the reason. */
static void no_place(void **s) {
    (void)s;
    mn_walk_remove(in_bed("packs"));
    right("as made", "");
    char mine[160];
    snprintf(mine, sizeof mine, "%s", the_pack());
    unlink(mine);
    mkdir(mine, 0700);
    const cli_run r = ask("", "model.gguf");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, answer);
    in_memory(&r, strrchr(mine, '/'));
    in_memory(&r, "directory; set OMNESIA_CACHE to a folder that can be written");
    rmdir(mine);
    right("with a place", "");
    assert_null(strstr(ask("", "model.gguf").err, "memory at each start"));
}

/* No folder for packs can be made: a model named by its path answers all the same. */
static void no_cache(void **s) {
    (void)s;
    char environment[128], said[256];
    snprintf(environment, sizeof environment, "OMNESIA_CACHE=%s/cache", in_bed("model.gguf"));
    cli_run r = ask(environment, "model.gguf");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, answer);
    one_line(&r,
             (const char *[]){"cannot make the folder", "OMNESIA_CACHE", "kB are needed",
                              "memory at each start"},
             4);
    snprintf(said, sizeof said, "--version >/dev/null; %s \"$OMNESIA_PROGRAM\" doctor",
             environment);
    r = run(said);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "cache        cannot be used: cannot make the folder"));
    assert_non_null(strstr(r.out, "something is missing"));
}

/* A text that no context holds is refused by its bytes, before it costs memory or time. */
static void far_too_long(void **s) {
    (void)s;
    mn_buf text = {0};
    for (int i = 0; i < 1 << 19; i++) assert_ok(mn_buf_append(&text, "many words ", 11));
    write_file(in_bed("long.txt"), text.data, text.len);
    mn_buf_free(&text);
    char words[512];
    snprintf(words, sizeof words, "run -m %s --raw -f %s hello", in_bed("model.gguf"),
             in_bed("long.txt"));
    cli_run r = run(words);
    refused("far too long", &r);
    assert_non_null(strstr(r.err, "the prompt has 5.8 MB of text, far more than the 256 tokens"));
    snprintf(words, sizeof words, "run -m %s --memory 6M --raw -f %s hello", in_bed("model.gguf"),
             in_bed("long.txt"));
    r = run(words);
    refused("more than --memory", &r);
    assert_non_null(strstr(r.err, "the prompt needs 5.8 MB"));
    assert_non_null(strstr(r.err, "at least --memory 12M"));
}

/* A temporary of a process that died is swept away, that of a living one is left alone. */
static void leftovers(void **s) {
    (void)s;
    mn_walk_remove(in_bed("packs"));
    right("as made", "");
    char dead[200], alive[200], mine[160];
    snprintf(mine, sizeof mine, "%s", the_pack());
    snprintf(dead, sizeof dead, "%s.tmp.%d", mine, 1 << 30);
    snprintf(alive, sizeof alive, "%s.tmp.%d", mine, (int)getpid());
    write_file(dead, tiny.data, 5000);
    write_file(alive, tiny.data, 5000);
    unlink(mine);
    right("among leftovers", "");
    assert_int_not_equal(access(dead, F_OK), 0);
    assert_int_equal(access(alive, F_OK), 0);
    unlink(alive);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated),  cmocka_unit_test(foreign),   cmocka_unit_test(damaged_pack),
        cmocka_unit_test(stale_pack), cmocka_unit_test(full_disk), cmocka_unit_test(leftovers),
        cmocka_unit_test(no_place),   cmocka_unit_test(no_cache),  cmocka_unit_test(far_too_long)};
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
