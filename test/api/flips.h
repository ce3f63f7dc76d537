/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/flips.h - a model file with single bits turned, opened and asked through omnesia.h.
 *
 * Whatever the bit, the model answers or there is one sentence; nothing crashes (sanitizers
 * watch), and the budget is as empty afterwards as it was before.
 */
#ifndef MN_TEST_FLIPS_H
#define MN_TEST_FLIPS_H
#include "soak.h"
#include "test.h"

#include "base/budget.h"
#include "base/file.h"
#include "base/walk.h"
#include "model/gguf.h"
#include "omnesia.h"

#include <fcntl.h>
#include <unistd.h>

typedef struct flips {
    char bed[64], path[96];
    int fd, opened, refused;
    size_t header; /* bytes before the tensors */
    mn_map file;
} flips;

/* A copy of `path`: its header, and the rest too when `whole`, else a hole. */
static inline void flips_open(flips *f, const char *path, int whole) {
    *f = (flips){0}; /* each try writes a pack and waits for the disk: better none */
    snprintf(f->bed, sizeof f->bed, "%s/omnesia-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->bed));
    setenv("OMNESIA_CACHE", f->bed, 1);
    snprintf(f->path, sizeof f->path, "%s/model.gguf", f->bed);
    mn_gguf *g;
    const void *bytes;
    assert_ok(mn_gguf_open(path, &g));
    mn_gguf_header(g, &bytes, &f->header);
    mn_gguf_close(&g);
    assert_ok(mn_file_map(path, &f->file));
    f->fd = open(f->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(f->fd >= 0);
    const size_t n = whole ? f->file.size : f->header;
    assert_int_equal(pwrite(f->fd, f->file.data, n, 0), n);
    assert_int_equal(ftruncate(f->fd, (off_t)f->file.size), 0);
}

static inline void flips_close(flips *f) {
    close(f->fd);
    mn_file_unmap(&f->file);
    mn_walk_remove(f->bed);
}

/* Turn bit `bit` of byte `at`, open, ask for two tokens, and turn it back. */
static inline void flips_try(flips *f, size_t at, int bit) {
    const uint8_t good = f->file.data[at], bad = (uint8_t)(good ^ 1 << bit);
    char packs[96];
    const mn_model_options how = {.threads = 1, .no_pull = 1};
    mn_model *m = NULL;
    assert_int_equal(pwrite(f->fd, &bad, 1, (off_t)at), 1);
    int rc = mn_model_open(f->path, &how, &m);
    if (rc >= 0) {
        mn_request r = mn_request_default();
        r.prompt = "hello";
        r.raw = 1;
        r.max_tokens = 2;
        r.context = 64;
        r.seed = 1;
        rc = mn_answer(m, &r, NULL);
    }
    if (!soak_planted()) mn_model_close(&m);
    if (rc < 0 && strlen(mn_error_detail()) < 8)
        fail_msg("byte %zu, bit %d: failed with %d and no sentence", at, bit, rc);
    if (mn_budget_used() != 0)
        fail_msg("byte %zu, bit %d: %llu bytes stay booked", at, bit,
                 (unsigned long long)mn_budget_used());
    if (rc < 0)
        f->refused++;
    else
        f->opened++;
    assert_int_equal(pwrite(f->fd, &good, 1, (off_t)at), 1);
    snprintf(packs, sizeof packs, "%s/packs", f->bed);
    mn_walk_remove(packs);
}

#endif
