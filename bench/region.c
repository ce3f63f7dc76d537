/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/region.c - what the region does when things go wrong, and when the machine starts anew.
 *
 *   restart  start to first byte of a prompt of `depth` tokens (4096 unless said) when the region
 *            is lost and its files are not in the page cache, beyond a start that finds it in
 *            memory: at most 1.3 times what reading the same bytes takes
 *   burial   a process with 32 extents of 1 MiB is killed: milliseconds until its slots and pages
 *            are back, 99th of 100 kills; at most 10
 *   stopped  seven processes write, read and evict while an eighth was stopped in the middle of it:
 *            what they do in a second, against the same without it; at least 0.95
 *   match    a prompt of 4096 tokens among 500 others: microseconds to find it, against computing
 *            its keys alone
 */
#include "api/model.h"
#include "bench/stage.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/walk.h"
#include "cli/progress.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    DEPTH = 4096,
    KILLS = 100,
    EXTENTS = 32,
    MIB = 1 << 20,
    WORKERS = 8,
    PROMPTS = 500,
    TRIES = 50,
    CHUNK = 1 << 20
};

typedef struct bench {
    const mn_bench_options *o;
    mn_stage stage;
} bench;

/* ---- restart ------------------------------------------------------------------------------ */
typedef struct reading {
    uint8_t *chunk;
    double bytes;
} reading;
static int read_file(void *user, const mn_walk_entry *e) {
    reading *const r = user;
    const int fd = e->kind == MN_WALK_FILE ? open(e->path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    for (ssize_t n; (n = read(fd, r->chunk, CHUNK)) > 0;) r->bytes += (double)n;
    close(fd);
    return 0;
}

/* Milliseconds in which the files of the disk tier are read once, from the disk. */
static int read_ms(const char *folder, double *ms) {
    reading r = {.chunk = mn_malloc(CHUNK)};
    if (!r.chunk) return MN_FAIL(MN_ENOMEM, "no memory to read a file");
    mn_stage_cool(folder);
    const double begin = mn_clock_seconds();
    mn_walk(folder, 1, 1000, read_file, &r);
    *ms = (mn_clock_seconds() - begin) * 1e3;
    mn_free(r.chunk);
    return r.bytes > 0 ? 0 : MN_FAIL(MN_ENOENT, "%s holds no file of an extent", folder);
}

static int start_ms(const bench *b, const char *region, const char *text, double *ms) {
    char threads[16];
    snprintf(threads, sizeof threads, "%d", b->o->threads);
    const char *const words[] = {"run", "-m", b->o->model, "--raw",    "--temp", "0",  "-n",
                                 "1",   "-t", threads,     "--region", region,   text, NULL};
    return mn_actor_once(&b->stage, words, ms);
}

static int restart_rounds(const bench *b, const char *text, mn_bench_row *row) {
    char region[96], files[112];
    double ram = 0, disk = 0, cold = 0;
    snprintf(region, sizeof region, "%s/region", b->stage.disk);
    snprintf(files, sizeof files, "%s.disk", region);
    MN_TRY(start_ms(b, region, text, &ram)); /* the one that computes it */
    for (int i = 0; i < b->o->rounds; i++) {
        MN_TRY(start_ms(b, region, text, &ram));
        unlink(region);
        MN_TRY(read_ms(files, &disk));
        mn_stage_cool(files);
        MN_TRY(start_ms(b, region, text, &cold));
        mn_bench_round(row, 1.3 * disk, cold - ram);
    }
    return mn_bench_row_print(row, b->o->json);
}

static int restart(const bench *b) {
    char what[128];
    const int depth = b->o->depth ? b->o->depth : DEPTH;
    mn_vocab *v = NULL;
    mn_buf text = {0};
    snprintf(what, sizeof what, "first byte after a restart, %d tokens, beyond one from memory",
             depth);
    mn_bench_row row = {.name = "restart",
                        .what = what,
                        .against = "reading the same bytes, x 1.3",
                        .unit = "ms",
                        .bar = 1,
                        .at_most = 1};
    int rc = mn_vocab_open(b->o->model, NULL, &v);
    if (rc >= 0) rc = mn_stage_words(v, depth, &text);
    if (rc >= 0) rc = restart_rounds(b, text.data, &row);
    mn_vocab_close(&v);
    mn_buf_free(&text);
    return rc;
}

/* ---- the dead and the stopped ------------------------------------------------------------- */
static const uint8_t seed[32] = {1};

static int one_extent(mn_region *r, uint64_t key) {
    mn_extent x;
    MN_TRY(mn_extent_open(r, MIB, 1, &x));
    int rc = mn_extent_charge(&x, MIB);
    if (rc >= 0) rc = mn_extent_back(&x, 0, MIB);
    if (rc >= 0) {
        memset(x.data, (int)key, MIB);
        mn_extent_publish(&x, seed, 0, key);
        mn_extent_grow(&x, MIB);
        mn_index_put(r, key * 0x9e3779b97f4a7c15u, x.ref);
    }
    mn_extent_close(&x);
    return rc;
}

/* A child that holds EXTENTS open ones, none of them published, and waits to be killed. */
static void hold(const char *path, int tell) {
    mn_region *r;
    mn_extent x;
    if (mn_region_open(path, 0, -1, &r) < 0) _exit(1);
    for (int i = 0; i < EXTENTS; i++) {
        if (mn_extent_open(r, MIB, 1, &x) < 0 || mn_extent_charge(&x, MIB) < 0 ||
            mn_extent_back(&x, 0, MIB) < 0)
            _exit(1);
        memset(x.data, i, MIB);
    }
    if (write(tell, "x", 1) != 1) _exit(1);
    for (;;) pause();
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int bury_once(mn_region *r, const char *path, double *ms) {
    int up[2];
    char c;
    if (pipe2(up, O_CLOEXEC) < 0) return MN_FAIL(MN_EIO, "no pipe for a process of the bench");
    const pid_t child = fork();
    if (!child) hold(path, up[1]);
    close(up[1]);
    const int ready = child > 0 && read(up[0], &c, 1) == 1;
    close(up[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    if (!ready) return MN_FAIL(MN_EIO, "a process of the bench did not start");
    const double begin = mn_clock_seconds();
    const int n = mn_region_reap(r);
    *ms = (mn_clock_seconds() - begin) * 1e3;
    if (n == 1 && mn_region_charged(r) == 0) return 0;
    return MN_FAIL(MN_ECORRUPT, "the dead left %llu bytes behind",
                   (unsigned long long)mn_region_charged(r));
}

static int burial(const bench *b) {
    mn_bench_row row = {.name = "burial",
                        .what = "32 extents of 1 MiB of a killed process are back, p99 of 100",
                        .against = "10 ms",
                        .unit = "ms",
                        .bar = 1,
                        .at_most = 1};
    mn_region *r;
    MN_TRY(mn_region_open(b->stage.region, 0, -1, &r));
    int rc = 0;
    for (int i = 0; rc >= 0 && i < b->o->rounds; i++) {
        double ms[KILLS];
        for (int k = 0; rc >= 0 && k < KILLS; k++) rc = bury_once(r, b->stage.region, ms + k);
        qsort(ms, KILLS, sizeof *ms, ascending);
        mn_bench_round(&row, 10, ms[KILLS * 99 / 100 - 1]);
    }
    mn_region_close(&r);
    return rc < 0 ? rc : mn_bench_row_print(&row, b->o->json);
}

typedef struct shared {
    atomic_ulong done;
    atomic_int stop;
} shared;

/* Write, read, evict, until told to stop; the one that `halts` stops itself while it writes. */
static void work(const char *path, shared *j, unsigned number, int halts) {
    mn_region *r;
    mn_ref found[16];
    mn_extent x;
    if (mn_region_open(path, 0, -1, &r) < 0) _exit(1);
    if (halts) {
        if (mn_extent_open(r, MIB, 1, &x) < 0) _exit(1);
        mn_extent_publish(&x, seed, 0, 7);
        raise(SIGSTOP);
    }
    for (uint64_t i = 0; !atomic_load(&j->stop); i++) {
        const uint64_t key = (i * WORKERS + number) % 64;
        if (one_extent(r, key) < 0) continue;
        const int n = mn_index_find(r, key * 0x9e3779b97f4a7c15u, found, 16);
        for (int k = 0; k < n; k++)
            if (mn_extent_pin(r, found[k], &x)) mn_extent_unpin(&x);
        atomic_fetch_add(&j->done, 1);
    }
    mn_region_close(&r);
    _exit(0);
}

/* What seven do in half a second, with an eighth that is stopped, or not there. */
static int rate(const char *path, shared *j, int with_stopped, double *out) {
    pid_t pid[WORKERS];
    atomic_store(&j->stop, 0);
    for (int i = 0; i < WORKERS; i++) {
        const int halts = i == WORKERS - 1;
        pid[i] = halts && !with_stopped ? 0 : fork();
        if (!pid[i] && !(halts && !with_stopped)) work(path, j, (unsigned)i, halts);
    }
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    const unsigned long was = atomic_load(&j->done);
    const double begin = mn_clock_seconds();
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    *out = (double)(atomic_load(&j->done) - was) / (mn_clock_seconds() - begin);
    atomic_store(&j->stop, 1);
    for (int i = 0; i < WORKERS; i++) {
        if (pid[i] <= 0) continue;
        if (i == WORKERS - 1) kill(pid[i], SIGCONT);
        waitpid(pid[i], NULL, 0);
    }
    return *out > 0 ? 0 : MN_FAIL(MN_EIO, "the processes of the bench did nothing");
}

static int stopped(const bench *b) {
    mn_bench_row row = {.name = "stopped",
                        .what = "extents written and found by 7 processes while an 8th is stopped",
                        .against = "without it",
                        .unit = "extents/s",
                        .bar = 0.95};
    mn_region *r;
    shared *j = mmap(NULL, sizeof *j, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (j == MAP_FAILED) return MN_FAIL(MN_ENOMEM, "no memory that processes share");
    char path[112];
    snprintf(path, sizeof path, "%s.stopped", b->stage.region);
    int rc = mn_region_open(path, 48 * MIB, -1, &r);
    if (rc < 0) return rc;
    for (int i = 0; rc >= 0 && i < b->o->rounds; i++) {
        double with = 0, without = 0;
        rc = rate(path, j, i % 2, i % 2 ? &with : &without);
        if (rc >= 0) rc = rate(path, j, !(i % 2), i % 2 ? &without : &with);
        mn_bench_round(&row, without, with);
    }
    mn_region_close(&r);
    munmap(j, sizeof *j);
    return rc < 0 ? rc : mn_bench_row_print(&row, b->o->json);
}

/* ---- match -------------------------------------------------------------------------------- */
enum { LAYERS = 2 };
static const int windows[LAYERS];
static const mn_kv_layout layout = {LAYERS, 1, 32, MN_KV_F16, windows};

static void tokens_of(int prompt, int n, int32_t *ids) {
    for (int i = 0; i < n; i++) ids[i] = prompt * 131 + i * (prompt % 7 + 1);
}

/* A sequence of n tokens of one prompt; its rows are never looked at. */
static int leave(const mn_kv_share *share, int prompt, int n, int32_t *ids) {
    mn_seq *s;
    tokens_of(prompt, n, ids);
    MN_TRY(mn_seq_open(&layout, share, DEPTH + 1, &s));
    const int rc = mn_seq_room(s, ids, n);
    if (rc >= 0) mn_seq_commit(s, n);
    mn_seq_close(&s);
    return rc;
}

static int match_us(const mn_kv_share *share, const int32_t *ids, double *us) {
    double best = 1e9;
    for (int i = 0; i < TRIES; i++) {
        mn_seq *s;
        int coming;
        MN_TRY(mn_seq_open(&layout, share, DEPTH + 1, &s));
        const double begin = mn_clock_seconds();
        const int n = mn_seq_match(s, ids, DEPTH, &coming);
        const double t = (mn_clock_seconds() - begin) * 1e6;
        mn_seq_close(&s);
        if (n != DEPTH) return MN_FAIL(MN_ECORRUPT, "%d of %d tokens were found", n, DEPTH);
        if (t < best) best = t;
    }
    *us = best;
    return 0;
}

static double keys_us(const mn_kv_share *share, const int32_t *ids) {
    double best = 1e9;
    for (int i = 0; i < TRIES; i++) {
        mn_kv_chain c;
        const double begin = mn_clock_seconds();
        mn_kv_chain_begin(&c, &share->seed);
        for (int k = 0; k < DEPTH; k++) mn_kv_chain_add(&c, ids[k]);
        const double t = (mn_clock_seconds() - begin) * 1e6;
        if (t < best) best = t;
    }
    return best;
}

static int match(const bench *b) {
    mn_bench_row row = {.name = "match",
                        .what = "finding a prompt of 4096 tokens among 500",
                        .against = "computing its keys (SHA-256)",
                        .unit = "us",
                        .at_most = 1};
    mn_kv_share share = {.seed = {{3}}};
    char path[112];
    snprintf(path, sizeof path, "%s.match", b->stage.region);
    MN_TRY(mn_region_open(path, (uint64_t)2 << 30, -1, &share.region));
    int32_t *ids = mn_malloc(DEPTH * sizeof *ids);
    int rc = ids ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d tokens", DEPTH);
    for (int i = 1; rc >= 0 && i < PROMPTS; i++) rc = leave(&share, i, 300, ids);
    if (rc >= 0) rc = leave(&share, PROMPTS, DEPTH, ids);
    for (int i = 0; rc >= 0 && i < b->o->rounds; i++) {
        double us = 0;
        rc = match_us(&share, ids, &us);
        mn_bench_round(&row, keys_us(&share, ids), us);
    }
    mn_free(ids);
    mn_region_close(&share.region);
    return rc < 0 ? rc : mn_bench_row_print(&row, b->o->json);
}

static int run(const mn_bench_options *o) {
    static const struct {
        const char *name;
        int (*run)(const bench *b);
    } rows[] = {{"match", match}, {"burial", burial}, {"stopped", stopped}, {"restart", restart}};
    if (o->rounds < 1) return MN_FAIL(MN_CLI_USAGE, "--rounds 0: nothing would be measured");
    bench *b = mn_calloc(1, sizeof *b);
    if (!b) return MN_FAIL(MN_ENOMEM, "no memory for a bench");
    b->o = o;
    int rc = mn_stage_begin(&b->stage);
    for (size_t i = 0; rc >= 0 && i < sizeof rows / sizeof *rows; i++)
        if (mn_bench_wants(o, rows[i].name)) rc = rows[i].run(b);
    mn_stage_end(&b->stage);
    mn_free(b);
    return rc;
}

const mn_bench mn_bench_region = {"region", "after a restart, a death, a stop", run};
