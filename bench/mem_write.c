/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem_write.c - rows `add` and `durable`: writers are processes, each with a handle of its
 * own; all begin together and add one record after the other, without a pause.
 *
 * The disk is measured in the same run: one process appends 4 KiB to a file and calls fdatasync,
 * which is what an add that survives a power cut has to do at least.
 */
#include "bench/mem.h"

#include "base/alloc.h"
#include "base/append.h"
#include "base/clock.h"
#include "base/error.h"
#include "omnesia.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 8, EACH = 2000, EACH_DURABLE = 200, SYNCS = 300 };

typedef struct shared {
    atomic_int ready, go, failed;
    double ms[WRITERS * EACH];
} shared;

static int add_all(const char *path, int durable, int writer, int n, shared *s) {
    mn_mem *mem;
    mn_bench_words *words;
    mn_random random;
    char text[MN_BENCH_TEXT];
    const mn_mem_options how = {.model = "none", .durable = durable};
    const mn_scope scope = {.user = "bench"};
    mn_random_seed(&random, (uint64_t)writer + 1);
    MN_TRY(mn_bench_words_open(&words));
    MN_TRY(mn_mem_open(path, &how, &mem));
    atomic_fetch_add(&s->ready, 1);
    while (!atomic_load(&s->go)) usleep(1000);
    for (int i = 0; i < n; i++) {
        mn_bench_words_text(words, &random, text);
        const mn_record r = {.text = text, .n = strlen(text), .session = "talk", .speaker = "Ann"};
        const uint64_t before = mn_clock_ns();
        MN_TRY(mn_mem_add(mem, &scope, &r, 1, NULL));
        s->ms[writer * n + i] = (double)(mn_clock_ns() - before) * 1e-6;
    }
    mn_mem_close(&mem);
    mn_bench_words_close(&words);
    return 0;
}

/* `writers` processes, n adds each: their times, in s->ms. */
static int write_all(const char *path, int durable, int writers, int n, shared *s) {
    pid_t child[WRITERS];
    int failed = 0;
    atomic_store(&s->ready, 0);
    atomic_store(&s->go, 0);
    for (int w = 0; w < writers; w++) {
        child[w] = fork();
        if (child[w] == 0) _exit(add_all(path, durable, w, n, s) < 0);
        if (child[w] < 0) return MN_FAIL(MN_EIO, "a writer cannot be started");
    }
    for (int ms = 0; atomic_load(&s->ready) < writers && ms < 10000; ms++) usleep(1000);
    atomic_store(&s->go, 1);
    for (int w = 0; w < writers; w++) {
        int status;
        waitpid(child[w], &status, 0);
        failed += status != 0;
    }
    return failed ? MN_FAIL(MN_EIO, "%d of %d writers failed", failed, writers) : 0;
}

static int with_shared(const mn_bench_options *o, const char *folder,
                       int (*run)(const mn_bench_options *o, const char *folder, shared *s)) {
    shared *const s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) return MN_FAIL(MN_ENOMEM, "no memory for the times");
    const int rc = run(o, folder, s);
    munmap(s, sizeof *s);
    return rc;
}

/* ---- add ---------------------------------------------------------------------------------- */
static int add(const mn_bench_options *o, const char *folder, shared *s) {
    char path[96];
    snprintf(path, sizeof path, "%s/add.db", folder);
    MN_TRY(write_all(path, 0, 1, EACH, s));
    mn_bench_times one = {s->ms, EACH};
    MN_TRY(mn_bench_figure("add", "one writer, p50", mn_bench_at(&one, .5), "ms", 0, o->json));
    MN_TRY(mn_bench_figure("add", "one writer, p99", mn_bench_at(&one, .99), "ms", 0, o->json));
    MN_TRY(write_all(path, 0, WRITERS, EACH, s));
    mn_bench_times all = {s->ms, WRITERS * EACH};
    MN_TRY(mn_bench_figure("add", "8 writers, p50", mn_bench_at(&all, .5), "ms", 1, o->json));
    return mn_bench_figure("add", "8 writers, p99", mn_bench_at(&all, .99), "ms", 5, o->json);
}

int mn_bench_mem_add(const mn_bench_options *o, const char *folder) {
    return with_shared(o, folder, add);
}

/* ---- durable ------------------------------------------------------------------------------ */
static int sync_bare(const char *folder, shared *s) {
    char path[96], page[4096];
    uint64_t end;
    memset(page, 'x', sizeof page);
    snprintf(path, sizeof path, "%s/bare", folder);
    int fd = mn_append_open(path, 0);
    if (fd < 0) return fd;
    int rc = 0;
    for (int i = 0; i < SYNCS && rc >= 0; i++) {
        const uint64_t before = mn_clock_ns();
        rc = mn_append(fd, path, page, sizeof page);
        if (rc >= 0) rc = mn_append_sync(fd, path, &end);
        s->ms[i] = (double)(mn_clock_ns() - before) * 1e-6;
    }
    mn_append_close(&fd);
    return rc;
}

static int durable(const mn_bench_options *o, const char *folder, shared *s) {
    char path[96];
    double p50 = 0, p99 = 0;
    snprintf(path, sizeof path, "%s/durable.db", folder);
    MN_TRY(write_all(path, 1, 1, 20, s)); /* the file exists */
    MN_TRY(sync_bare(folder, s));
    mn_bench_times bare = {s->ms, SYNCS};
    p50 = mn_bench_at(&bare, .5);
    p99 = mn_bench_at(&bare, .99);
    MN_TRY(mn_bench_figure("durable", "a bare fdatasync, p50", p50, "ms", 0, o->json));
    MN_TRY(mn_bench_figure("durable", "a bare fdatasync, p99", p99, "ms", 0, o->json));
    MN_TRY(write_all(path, 1, 1, EACH_DURABLE, s));
    mn_bench_times one = {s->ms, EACH_DURABLE};
    MN_TRY(mn_bench_figure("durable", "one writer, p50 / that p50", mn_bench_at(&one, .5) / p50,
                           "x", 1.3, o->json));
    const uint64_t before = mn_clock_ns();
    MN_TRY(write_all(path, 1, WRITERS, EACH_DURABLE, s));
    const double took = (double)(mn_clock_ns() - before) * 1e-6;
    mn_bench_times all = {s->ms, WRITERS * EACH_DURABLE};
    MN_TRY(mn_bench_figure("durable", "8 writers, p99 / that p99", mn_bench_at(&all, .99) / p99,
                           "x", 2, o->json));
    return mn_bench_figure("durable", "8 writers, adds in one fdatasync",
                           WRITERS * EACH_DURABLE / (took / p50), "", 0, o->json);
}

int mn_bench_mem_durable(const mn_bench_options *o, const char *folder) {
    return with_shared(o, folder, durable);
}
