/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_read.c - one thing of a scene is read; a change of one is waited for. Ours on a
 * region, theirs on a Unix socket with nothing between the bench and the bytes: no client library
 * could be faster. Rounds alternate.
 */
#include "bench/roboos.h"

#include "base/clock.h"
#include "base/error.h"
#include "fleet/board.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CUP                                                                                       \
    "{\"class\":\"cup\",\"kind\":\"object\",\"at\":\"table\",\"how\":\"on\",\"pose\":{\"frame\":" \
    "\"map\",\"p\":[1.25,2.5,0.75]},\"mass\":0.25,\"is\":{\"clean\":true}}"
enum { READS = 200000, ASKS = 4000, WAKES = 1000 };

static int skip(mn_roboos *b, const mn_bench_row *row) {
    return mn_bench_row_skip(row, "no redis-server could be started", b->o->json);
}
static int redis_line(char *out, size_t cap, const char *verb, const char *key, const char *value) {
    return value ? snprintf(out, cap, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
                            strlen(verb), verb, strlen(key), key, strlen(value), value)
                 : snprintf(out, cap, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(verb), verb,
                            strlen(key), key);
}

/* ---- reading ------------------------------------------------------------------------------- */
static int read_ours(mn_board *bo, const char *key, double *ns) {
    mn_buf value = {0};
    uint64_t version;
    const uint64_t begun = mn_clock_ns();
    int rc = 1;
    for (int i = 0; rc == 1 && i < READS; i++) rc = bo->ops->get(bo, key, &value, &version);
    *ns = (double)(mn_clock_ns() - begun) / READS;
    const int right = rc == 1 && value.len == sizeof CUP - 1;
    mn_buf_free(&value);
    return right ? 0 : MN_FAIL(MN_EIO, "the thing was read otherwise than it was put");
}
static int read_theirs(int fd, const char *key, double *ns) {
    char ask[128], reply[sizeof CUP + 16];
    const int n = redis_line(ask, sizeof ask, "GET", key, NULL);
    const size_t size = (size_t)snprintf(reply, sizeof reply, "$%zu\r\n", sizeof CUP - 1);
    const uint64_t begun = mn_clock_ns();
    for (int i = 0; i < ASKS; i++)
        MN_TRY(mn_redis_ask(fd, ask, (size_t)n, reply, size + sizeof CUP - 1 + 2));
    *ns = (double)(mn_clock_ns() - begun) / ASKS;
    return memcmp(reply + size, CUP, sizeof CUP - 1)
               ? MN_FAIL(MN_EIO, "the thing was read otherwise than it was put")
               : 0;
}

static int read_rounds(mn_roboos *b, mn_board *bo, int fd, mn_bench_row *row) {
    char key[MN_FLEET_KEY], ask[512], reply[8];
    double ours, theirs;
    MN_TRY(mn_board_key(bo, "thing/", "cup", key));
    mn_edit e = {key, MN_EDIT_PUT, 0, 0, CUP, sizeof CUP - 1};
    MN_TRY(bo->ops->commit(bo, &e, 1));
    const int n = redis_line(ask, sizeof ask, "SET", key, CUP);
    MN_TRY(mn_redis_ask(fd, ask, (size_t)n, reply, 5));
    for (int i = 0; i < b->o->rounds; i++) {
        MN_TRY(read_theirs(fd, key, &theirs));
        MN_TRY(read_ours(bo, key, &ours));
        mn_bench_round(row, theirs, ours);
    }
    return mn_bench_row_print(row, b->o->json);
}

int mn_roboos_read(mn_roboos *b) {
    mn_bench_row row = {.name = "read",
                        .what = "a thing of a scene read",
                        .against = "GET of Redis on a Unix socket",
                        .unit = "ns",
                        .bar = 100,
                        .inverse = 1};
    mn_region *r = NULL;
    mn_board *bo = NULL;
    if (!b->has_redis) return skip(b, &row);
    const int fd = mn_redis_connect(&b->redis);
    int rc = fd < 0 ? fd : mn_region_open(b->path, 64 << 20, -1, &r);
    if (rc >= 0) rc = mn_board_open(r, NULL, &bo);
    if (rc >= 0) rc = read_rounds(b, bo, fd, &row);
    if (bo) mn_board_close(&bo);
    mn_region_close(&r);
    if (fd >= 0) close(fd);
    return rc;
}

/* ---- waking -------------------------------------------------------------------------------- */
enum { OURS, THEIRS };
typedef struct woken {
    atomic_int ready;
    atomic_uint got[2];
    double us[2][WAKES];
} woken;

static void note(woken *w, int whose, uint64_t sent) {
    const double us = (double)(mn_clock_ns() - sent) / 1e3;
    const unsigned i = atomic_load(&w->got[whose]);
    w->us[whose][i % WAKES] = us;
    atomic_store(&w->got[whose], i + 1);
}

static void wait_ours(mn_roboos *b, woken *w) {
    mn_region *r;
    mn_watcher *watcher;
    mn_change_head c;
    if (mn_region_open(b->path, 0, -1, &r) < 0 ||
        mn_watcher_open(r, "fleet/main/state/arm", 1, 0, &watcher) < 0)
        _exit(1);
    atomic_fetch_add(&w->ready, 1);
    while (mn_watcher_next(watcher, -1, &c) > 0) {
        uint64_t sent;
        memcpy(&sent, c.value, sizeof sent);
        note(w, OURS, sent);
    }
    _exit(1);
}

#define MESSAGE "*3\r\n$7\r\nmessage\r\n$3\r\narm\r\n$256\r\n"
static void wait_theirs(mn_roboos *b, woken *w) {
    char said[512];
    static const char ask[] = "*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\narm\r\n";
    const int fd = mn_redis_connect(&b->redis);
    if (fd < 0 || mn_redis_ask(fd, ask, sizeof ask - 1, said, 32) < 0) _exit(1);
    atomic_fetch_add(&w->ready, 1);
    const size_t head = sizeof MESSAGE - 1;
    while (mn_redis_read(fd, said, head + 258) >= 0) {
        said[head + 20] = 0;
        note(w, THEIRS, strtoull(said + head, NULL, 10));
    }
    _exit(1);
}

static int send_one(mn_board *bo, int fd, int whose) {
    char value[257], ask[512], reply[8];
    uint64_t now;
    memset(value, 'x', sizeof value);
    value[256] = 0;
    if (whose == THEIRS) {
        const int n = snprintf(value, 21, "%020llu", (unsigned long long)mn_clock_ns());
        value[n] = 'x';
        const int size = redis_line(ask, sizeof ask, "PUBLISH", "arm", value);
        return mn_redis_ask(fd, ask, (size_t)size, reply, 4);
    }
    now = mn_clock_ns();
    memcpy(value, &now, sizeof now);
    mn_edit e = {"fleet/main/state/arm", MN_EDIT_PUT, 0, 0, value, 256};
    return bo->ops->commit(bo, &e, 1);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double p99(woken *w, int whose) {
    qsort(w->us[whose], WAKES, sizeof(double), ascending);
    return w->us[whose][WAKES * 99 / 100];
}

static int wake_round(mn_board *bo, int fd, woken *w, mn_bench_row *row) {
    atomic_store(&w->got[OURS], 0);
    atomic_store(&w->got[THEIRS], 0);
    for (unsigned i = 0; i < 2 * WAKES; i++) {
        const int whose = (int)(i % 2);
        nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
        MN_TRY(send_one(bo, fd, whose));
        for (int turns = 0; atomic_load(&w->got[whose]) < i / 2 + 1; turns++) {
            if (turns == 100000) return MN_FAIL(MN_EIO, "a wake was lost (%d)", whose);
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        }
    }
    const double theirs = p99(w, THEIRS);
    mn_bench_round(row, theirs, p99(w, OURS));
    return 0;
}

static int wake_rounds(mn_roboos *b, mn_board *bo, int fd, woken *w, mn_bench_row *row) {
    pid_t pid[2] = {0};
    int rc = 0;
    if (!(pid[0] = fork())) wait_ours(b, w);
    if (!(pid[1] = fork())) wait_theirs(b, w);
    for (int ms = 0; rc >= 0 && atomic_load(&w->ready) < 2; ms++) {
        if (ms == 5000) rc = MN_FAIL(MN_EIO, "a process of the bench does not begin");
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    for (int i = 0; rc >= 0 && i < b->o->rounds; i++) rc = wake_round(bo, fd, w, row);
    for (int i = 0; i < 2; i++)
        if (pid[i] > 0) kill(pid[i], SIGKILL), waitpid(pid[i], NULL, 0);
    return rc < 0 ? rc : mn_bench_row_print(row, b->o->json);
}

int mn_roboos_wake(mn_roboos *b) {
    mn_bench_row row = {.name = "wake",
                        .what = "put to awake, p99",
                        .against = "publish to awake of Redis",
                        .unit = "us",
                        .bar = 1.0 / 3,
                        .at_most = 1};
    mn_region *r = NULL;
    mn_board *bo = NULL;
    if (!b->has_redis) return skip(b, &row);
    woken *const w =
        mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w == MAP_FAILED) return MN_FAIL(MN_ENOMEM, "no memory for the bench");
    const int fd = mn_redis_connect(&b->redis);
    int rc = fd < 0 ? fd : mn_region_open(b->path, 64 << 20, -1, &r);
    if (rc >= 0) rc = mn_board_open(r, NULL, &bo);
    if (rc >= 0) rc = wake_rounds(b, bo, fd, w, &row);
    if (bo) mn_board_close(&bo);
    mn_region_close(&r);
    if (fd >= 0) close(fd);
    munmap(w, sizeof *w);
    return rc;
}
