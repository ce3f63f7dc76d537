/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/objects.c - objects beside a bare futex and beside Redis on a Unix socket.
 *
 * Waking: three processes sleep, one on a futex in shared memory, one in mn_watch_next, one in
 * read() on a subscription. In turn each is told a time; what it took until it has read it is
 * taken there. A ratio is of the medians (or 99th percentiles) of all, its spread that of ten
 * blocks in a row.
 *
 * Reading: two processes get, one after the other, 16 objects of 100 bytes that a third puts as
 * fast as it can; the same of Redis, each with a connection of its own, without pipelining, then
 * with 16 requests at a time. Rounds alternate.
 *
 * Idle: the processor time of a watcher while nothing changes.
 */
#include "bench/bench.h"
#include "bench/redis.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/walk.h"
#include "omnesia.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 10, OF_BLOCK = 200, ALL = BLOCKS * OF_BLOCK, KEYS = 16, SIZE = 100, ROUNDS = 5 };
enum { BARE, OBJECT, REDIS, KINDS };
static const uint64_t SPELL = 400000000; /* ns of a round of reading */
static const double IDLE_SECONDS = 6;

typedef struct shared { /* by all processes of the bench */
    atomic_uint word;   /* the bare futex */
    atomic_ullong sent; /* when it was set */
    atomic_uint got[KINDS];
    atomic_int ready, stop;
    atomic_ulong reads[2];
    double us[KINDS][ALL];
    double idle;
} shared;

typedef struct bed {
    shared *s;
    mn_region *region;
    mn_redis redis;
    int has_redis;
    const char *why; /* not */
    char folder[64], path[96];
    pid_t child[4];
    int fd;
} bed;

static void nap(long us) {
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* ---- waking ------------------------------------------------------------------------------- */
static void note(shared *s, int kind, uint64_t sent) {
    const double us = (double)(mn_clock_ns() - sent) / 1e3;
    const unsigned i = atomic_load(&s->got[kind]);
    if (i < ALL) s->us[kind][i] = us;
    atomic_store(&s->got[kind], i + 1);
}

static void sleep_bare(bed *b) {
    for (unsigned seen = 0;;) {
        syscall(SYS_futex, &b->s->word, FUTEX_WAIT, seen, NULL, NULL, 0);
        const unsigned now = atomic_load(&b->s->word);
        if (now == seen) continue;
        note(b->s, BARE, atomic_load(&b->s->sent));
        seen = now;
    }
}

static void sleep_object(bed *b) {
    mn_region *r;
    mn_watch *w;
    mn_change c;
    if (mn_region_open(b->path, 0, -1, &r) < 0 || mn_watch_open(r, "bench/", 0, &w) < 0) _exit(1);
    atomic_fetch_add(&b->s->ready, 1);
    while (mn_watch_next(w, -1, &c) > 0) {
        uint64_t sent;
        memcpy(&sent, c.value, sizeof sent);
        note(b->s, OBJECT, sent);
    }
    _exit(1);
}

#define HEAD_OF_MESSAGE "*3\r\n$7\r\nmessage\r\n$5\r\nbench\r\n$20\r\n"
static void sleep_redis(bed *b) {
    char said[128];
    const int fd = mn_redis_connect(&b->redis);
    static const char ask[] = "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nbench\r\n";
    if (fd < 0 || mn_redis_ask(fd, ask, sizeof ask - 1, said, 34) < 0) _exit(1);
    atomic_fetch_add(&b->s->ready, 1);
    const size_t head = sizeof HEAD_OF_MESSAGE - 1;
    while (mn_redis_read(fd, said, head + 22) >= 0)
        note(b->s, REDIS, strtoull(said + head, NULL, 10));
    _exit(1);
}

static int send_one(bed *b, int kind) {
    char text[160], reply[8];
    uint64_t value[8] = {mn_clock_ns()};
    if (kind == OBJECT) return mn_object_put(b->region, "bench/pose", value, 64, NULL, NULL);
    if (kind == REDIS) {
        const int n =
            snprintf(text, sizeof text, "*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$20\r\n%020llu\r\n",
                     (unsigned long long)mn_clock_ns());
        return mn_redis_ask(b->fd, text, (size_t)n, reply, 4);
    }
    atomic_store(&b->s->sent, mn_clock_ns());
    atomic_fetch_add(&b->s->word, 1);
    syscall(SYS_futex, &b->s->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    return 0;
}

/* One after the other, so that whatever else the machine does hits them alike. */
static int wake(bed *b) {
    for (unsigned i = 0; i < ALL * KINDS; i++) {
        const int kind = (int)(i % KINDS);
        if (kind == REDIS && !b->has_redis) continue;
        nap(200);
        MN_TRY(send_one(b, kind));
        for (int turns = 0; atomic_load(&b->s->got[kind]) < i / KINDS + 1; turns++) {
            if (turns == 100000) return MN_FAIL(MN_EIO, "a wake was lost (kind %d)", kind);
            nap(50);
        }
    }
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------ */
typedef struct traffic {
    int redis, depth;
} traffic;

static void get_objects(bed *b, int reader) {
    mn_region *r;
    char key[16];
    uint64_t value[SIZE / 8 + 1], n = 0;
    if (mn_region_open(b->path, 0, -1, &r) < 0) _exit(1);
    atomic_fetch_add(&b->s->ready, 1);
    while (atomic_load(&b->s->ready) < 3) nap(100);
    for (; !atomic_load_explicit(&b->s->stop, memory_order_relaxed); n++) {
        snprintf(key, sizeof key, "get/%02d", (int)(n % KEYS));
        if (mn_object_get(r, key, value, sizeof value, NULL) != SIZE || value[0] != value[11])
            _exit(2);
    }
    atomic_store(&b->s->reads[reader], n);
    mn_region_close(&r);
    _exit(0);
}

static void put_objects(bed *b) {
    mn_region *r;
    char key[16];
    uint64_t value[SIZE / 8 + 1] = {0};
    if (mn_region_open(b->path, 0, -1, &r) < 0) _exit(1);
    atomic_fetch_add(&b->s->ready, 1);
    for (uint64_t n = 0; !atomic_load(&b->s->stop); n++) {
        snprintf(key, sizeof key, "get/%02d", (int)(n % KEYS));
        value[0] = value[11] = n;
        if (mn_object_put(r, key, value, SIZE, NULL, NULL) < 0) _exit(2);
    }
    mn_region_close(&r);
    _exit(0);
}

/* `depth` requests at a time: GETs by a reader, SETs by the writer (reader -1). */
static void ask_redis(bed *b, int reader, int depth) {
    char text[16 * 200], reply[16 * 120], value[SIZE + 1];
    const size_t one = reader < 0 ? 5 : SIZE + 8; /* +OK, or $100, the value and line ends */
    const int fd = mn_redis_connect(&b->redis);
    uint64_t n = 0;
    memset(value, 'x', SIZE);
    value[SIZE] = 0;
    if (fd < 0) _exit(1);
    atomic_fetch_add(&b->s->ready, 1);
    while (reader >= 0 && atomic_load(&b->s->ready) < 3) nap(100);
    while (!atomic_load(&b->s->stop)) {
        int used = 0;
        for (int i = 0; i < depth; i++, n++)
            used += reader < 0
                        ? sprintf(text + used, "*3\r\n$3\r\nSET\r\n$6\r\nget/%02d\r\n$%d\r\n%s\r\n",
                                  (int)(n % KEYS), SIZE, value)
                        : sprintf(text + used, "*2\r\n$3\r\nGET\r\n$6\r\nget/%02d\r\n",
                                  (int)(n % KEYS));
        if (mn_redis_ask(fd, text, (size_t)used, reply, one * (size_t)depth) < 0) _exit(2);
    }
    if (reader >= 0) atomic_store(&b->s->reads[reader], n);
    _exit(0);
}

/* All keys are there before anybody reads. */
static int fill(bed *b) {
    char text[200], key[16], reply[8], value[SIZE + 1];
    memset(value, 'x', SIZE);
    value[SIZE] = 0;
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "get/%02d", i);
        MN_TRY(mn_object_put(b->region, key, value, SIZE, NULL, NULL));
        const int n = snprintf(text, sizeof text, "*3\r\n$3\r\nSET\r\n$6\r\n%s\r\n$%d\r\n%s\r\n",
                               key, SIZE, value);
        if (b->has_redis) MN_TRY(mn_redis_ask(b->fd, text, (size_t)n, reply, 5));
    }
    return 0;
}

/* GETs per second of both readers together. */
static int storm(bed *b, traffic t, double *rate) {
    pid_t pid[3];
    atomic_store(&b->s->ready, 0);
    atomic_store(&b->s->stop, 0);
    for (int i = 0; i < 3; i++) {
        if ((pid[i] = fork())) continue;
        if (t.redis) ask_redis(b, i - 1, t.depth);
        if (i) get_objects(b, i - 1);
        put_objects(b);
    }
    while (atomic_load(&b->s->ready) < 3) nap(100);
    const uint64_t start = mn_clock_ns();
    while (mn_clock_ns() - start < SPELL) nap(1000);
    atomic_store(&b->s->stop, 1);
    const double seconds = (double)(mn_clock_ns() - start) * 1e-9;
    int bad = 0;
    for (int i = 0, status; i < 3; i++)
        if (waitpid(pid[i], &status, 0) != pid[i] || status) bad = 1;
    if (bad) return MN_FAIL(MN_EIO, "a process of the bench failed");
    *rate = (double)(atomic_load(&b->s->reads[0]) + atomic_load(&b->s->reads[1])) / seconds;
    return 0;
}

/* ---- idle --------------------------------------------------------------------------------- */
static void idle(bed *b) {
    mn_region *r;
    mn_watch *w;
    mn_change c;
    struct rusage before, after;
    if (mn_region_open(b->path, 0, -1, &r) < 0 || mn_watch_open(r, "idle/", 0, &w) < 0) _exit(1);
    getrusage(RUSAGE_SELF, &before);
    if (mn_watch_next(w, (int64_t)(IDLE_SECONDS * 1e3), &c) != 0) _exit(2);
    getrusage(RUSAGE_SELF, &after);
    b->s->idle = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
                 (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
                 1e-6 * (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
                 1e-6 * (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec);
    mn_watch_close(&w);
    mn_region_close(&r);
    _exit(0);
}

/* ---- the report --------------------------------------------------------------------------- */
static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double at_share(const double *v, int n, double share) {
    double sorted[ALL];
    memcpy(sorted, v, (size_t)n * sizeof *v);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return sorted[(int)((n - 1) * share)];
}

typedef struct ratio {
    const char *what, *name;
    double ours, base, low, high, bar;
    int at_most; /* less is better */
} ratio;

/* ours / base at a share, or base / ours when we are to be faster than it. */
static ratio compare(const shared *s, int base, double share, double bar, const char *what,
                     const char *name) {
    ratio q = {what,
               name,
               at_share(s->us[OBJECT], ALL, share),
               at_share(s->us[base], ALL, share),
               1e9,
               0,
               bar,
               base == BARE};
    for (int i = 0; i < BLOCKS; i++) {
        const double ours = at_share(s->us[OBJECT] + i * OF_BLOCK, OF_BLOCK, share);
        const double other = at_share(s->us[base] + i * OF_BLOCK, OF_BLOCK, share);
        const double x = q.at_most ? ours / other : other / ours;
        q.low = x < q.low ? x : q.low;
        q.high = x > q.high ? x : q.high;
    }
    return q;
}

static ratio compare_rates(const double *ours, const double *redis, double bar, const char *what,
                           const char *name) {
    ratio q = {what, name, at_share(ours, ROUNDS, 0.5), at_share(redis, ROUNDS, 0.5), 1e9, 0,
               bar,  0};
    for (int i = 0; i < ROUNDS; i++) {
        const double x = ours[i] / redis[i];
        q.low = x < q.low ? x : q.low;
        q.high = x > q.high ? x : q.high;
    }
    return q;
}

static int report_one(const ratio *q, int rate, int json, mn_buf *out) {
    const double x = rate || q->at_most ? q->ours / q->base : q->base / q->ours;
    const int pass = q->bar == 0 || (q->at_most ? x <= q->bar : x >= q->bar);
    const char *const verdict = q->bar == 0 ? "no bar" : pass ? "pass" : "below";
    if (json)
        return mn_buf_printf(out,
                             "%s\"%s\": {\"ours\": %.3f, \"base\": %.3f, \"ratio\": %.3f, "
                             "\"low\": %.3f, \"high\": %.3f, \"bar\": %.2f, \"verdict\": \"%s\"}",
                             out->len > 1 ? ", " : "", q->name, q->ours, q->base, x, q->low,
                             q->high, q->bar, verdict);
    MN_TRY(rate ? mn_buf_printf(out, "%-42s %9.0f/s, %9.0f/s", q->what, q->ours, q->base)
                : mn_buf_printf(out, "%-42s %7.1f us, %7.1f us", q->what, q->ours, q->base));
    MN_TRY(mn_buf_printf(out, ": %.2fx (%.2f..%.2f)", x, q->low, q->high));
    if (q->bar != 0) MN_TRY(mn_buf_printf(out, ", bar %s %.1f", q->at_most ? "<=" : ">=", q->bar));
    return mn_buf_printf(out, ": %s\n", verdict);
}

static int report(const bed *b, double rate[3][ROUNDS], int json) {
    const shared *s = b->s;
    mn_buf out = {0};
    ratio q[6];
    int n = 0, rc = json ? mn_buf_puts(&out, "{") : 0;
    q[n++] = compare(s, BARE, 0.5, 1.6, "put to awake / a bare futex wake, p50", "wake_p50");
    q[n++] = compare(s, BARE, 0.99, 4, "put to awake / a bare futex wake, p99", "wake_p99");
    if (b->has_redis) {
        q[n++] = compare(s, REDIS, 0.5, 3.5, "put to awake, Redis publish, p50", "redis_p50");
        q[n++] = compare(s, REDIS, 0.99, 5, "put to awake, Redis publish, p99", "redis_p99");
        q[n++] = compare_rates(rate[0], rate[1], 10, "gets in a storm, Redis", "gets");
        q[n++] = compare_rates(rate[0], rate[2], 0, "gets in a storm, Redis in pipelines of 16",
                               "gets_pipelined");
    }
    for (int i = 0; rc >= 0 && i < n; i++) rc = report_one(q + i, i >= 4, json, &out);
    const double share = s->idle / IDLE_SECONDS * 100;
    if (rc >= 0 && json)
        rc = mn_buf_printf(&out, ", \"idle_percent\": %.4f, \"redis\": \"%s\"}\n", share,
                           b->has_redis ? b->redis.version : "skipped");
    else if (rc >= 0)
        rc = mn_buf_printf(&out, "%-42s %.4f %% of a processor (%.0f us in %.0f s)\n",
                           "a watcher while nothing changes", share, s->idle * 1e6, IDLE_SECONDS);
    if (rc >= 0 && !json)
        rc = b->has_redis
                 ? mn_buf_printf(&out, "beside Redis %s on a Unix socket\n", b->redis.version)
                 : mn_buf_printf(&out, "beside Redis: skipped: %s\n", b->why);
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

/* ---- the bench ---------------------------------------------------------------------------- */
static int begin(bed *b) {
    strcpy(b->folder,
           access("/dev/shm", W_OK) == 0 ? "/dev/shm/mn-bench-XXXXXX" : "/tmp/mn-bench-XXXXXX");
    if (!mkdtemp(b->folder)) return MN_FAIL(MN_EIO, "cannot make %s", b->folder);
    snprintf(b->path, sizeof b->path, "%s/region", b->folder);
    b->s = mmap(NULL, sizeof *b->s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b->s == MAP_FAILED) return MN_FAIL(MN_ENOMEM, "no memory for the bench");
    b->has_redis = mn_redis_start(b->folder, &b->redis) >= 0;
    b->why = b->has_redis ? NULL : "no redis-server could be started";
    MN_TRY(mn_region_open(b->path, 64 << 20, -1, &b->region));
    b->fd = b->has_redis ? mn_redis_connect(&b->redis) : -1;
    void (*const sleepers[])(bed *) = {sleep_bare, sleep_object, sleep_redis};
    for (int i = 0; i < KINDS; i++)
        if ((i != REDIS || b->has_redis) && !(b->child[i] = fork())) sleepers[i](b);
    for (int ms = 0; atomic_load(&b->s->ready) < 1 + b->has_redis; ms++) {
        if (ms == 5000) return MN_FAIL(MN_EIO, "a process of the bench does not begin");
        nap(1000);
    }
    return 0;
}

static void end(bed *b) {
    for (int i = 0; i < KINDS; i++)
        if (b->child[i] > 0) kill(b->child[i], SIGKILL), waitpid(b->child[i], NULL, 0);
    if (b->fd > 0) close(b->fd);
    mn_redis_end(&b->redis);
    mn_region_close(&b->region);
    if (*b->folder) mn_walk_remove(b->folder);
    if (b->s && b->s != MAP_FAILED) munmap(b->s, sizeof *b->s);
}

static int objects(const mn_bench_options *o) {
    bed b = {.fd = -1};
    double rate[3][ROUNDS] = {{0}};
    int status;
    int rc = begin(&b);
    if (rc >= 0) rc = wake(&b);
    if (rc >= 0) rc = fill(&b);
    for (int i = 0; rc >= 0 && i < ROUNDS; i++) {
        rc = storm(&b, (traffic){0, 1}, rate[0] + i);
        if (rc >= 0 && b.has_redis) rc = storm(&b, (traffic){1, 1}, rate[1] + i);
        if (rc >= 0 && b.has_redis) rc = storm(&b, (traffic){1, 16}, rate[2] + i);
    }
    if (rc >= 0) {
        const pid_t pid = fork();
        if (!pid) idle(&b);
        if (waitpid(pid, &status, 0) != pid || status)
            rc = MN_FAIL(MN_EIO, "the idle watcher failed");
    }
    if (rc >= 0) rc = report(&b, rate, o->json);
    end(&b);
    return rc;
}

const mn_bench mn_bench_objects = {
    .name = "objects", .run = objects, .about = "values processes share, beside a futex and Redis"};
