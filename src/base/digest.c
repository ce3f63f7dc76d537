/* SPDX-License-Identifier: Apache-2.0
 *
 * base/digest.c - pieces hashed by a team, read and not mapped: no page of them stays with us.
 */
#include "base/digest.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/stamp.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20, MOST = 1 << 20 /* pieces */ };

typedef struct work {
    const char *path;
    uint64_t size;
    uint8_t *sum;    /* [pieces][32] */
    uint8_t *buffer; /* [threads][PIECE] */
    atomic_int rc;
} work;

static void piece(void *ctx, int i, int worker) {
    work *w = ctx;
    const uint64_t at = (uint64_t)i * PIECE, left = w->size - at;
    uint8_t *b = w->buffer + (size_t)worker * PIECE;
    const size_t n = left < PIECE ? (size_t)left : PIECE;
    const int rc = mn_file_read_at(w->path, at, b, n);
    if (rc < 0)
        atomic_store(&w->rc, rc);
    else
        mn_sha256_of(b, n, w->sum + (size_t)i * 32);
}

static int compute(const char *path, uint64_t size, mn_team *team, uint8_t out[32]) {
    const uint64_t pieces = (size + PIECE - 1) / PIECE;
    if (pieces > MOST) return MN_FAIL(MN_EUNSUPPORTED, "%s has more than %d MiB", path, MOST);
    const size_t threads = (size_t)mn_team_size(team), bytes = (size_t)pieces * 32;
    void *buffer;
    MN_TRY(mn_alloc_pages(threads * PIECE + bytes, "reading a model file", &buffer));
    work w = {.path = path, .size = size, .buffer = buffer};
    w.sum = w.buffer + threads * PIECE;
    mn_team_run(team, piece, &w, (int)pieces);
    const int rc = atomic_load(&w.rc);
    if (rc >= 0) mn_sha256_of(w.sum, bytes, out);
    mn_free_pages(buffer, threads * PIECE + bytes);
    return rc < 0 ? MN_FAIL(rc, "%s cannot be read", path) : 0;
}

/* Where the digest of the file at `path` is remembered. */
static int stamp_path(const char *path, char **out) {
    uint8_t digest[32];
    char hex[65], name[96];
    mn_sha256_of(path, strlen(path), digest);
    mn_hash_hex(digest, hex);
    snprintf(name, sizeof name, "digests/%.32s", hex);
    return mn_file_cache_path(name, out);
}

static int from_hex(const mn_buf *hex, uint8_t out[32]) {
    if (hex->len != 64) return 0;
    for (int i = 0; i < 32; i++) {
        unsigned v;
        if (sscanf(hex->data + 2 * i, "%2x", &v) != 1) return 0;
        out[i] = (uint8_t)v;
    }
    return 1;
}

int mn_digest_of(const char *path, mn_team *team, uint8_t out[32]) {
    char mark[MN_FILE_MARK], hex[65];
    char *stamp = NULL;
    mn_buf fact = {0};
    uint64_t size;
    int64_t mtime;
    MN_TRY(mn_file_mark(path, mark));
    MN_TRY(mn_file_stat(path, &size, &mtime));
    MN_TRY(stamp_path(path, &stamp));
    int rc = 0;
    if (!mn_stamp_read(stamp, mark, &fact) || !from_hex(&fact, out)) {
        rc = compute(path, size, team, out);
        mn_hash_hex(out, hex);
        if (rc >= 0) mn_stamp_write(stamp, mark, hex);
    }
    mn_buf_free(&fact);
    mn_free(stamp);
    return rc;
}
