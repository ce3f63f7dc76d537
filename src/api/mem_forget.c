/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_forget.c - what was computed from a record goes with it.
 *
 * Whoever read a record, as somebody's turn or as something recalled, may have left keys and values
 * of its tokens in the region. The cache folder has the paths of models that have ever written to
 * one (readers/DIGEST); by the vocabulary of each the texts that go become tokens again, and these
 * are forgotten as `omnesia region forget -f` does it: as they stand in a turn, and as they stand
 * in what mn_mem_recall makes. Ends are left out, for they become other tokens beside something
 * else; what is too short to be known by its own words is known by its whole line, which has its
 * id.
 *
 * When there are too many, or a model is not here any more, all goes that was computed since the
 * oldest of them came. What a process is just using stays; where there is a thread it comes back to
 * it until it has gone.
 */
#include "api/mem.h"
#include "api/model.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/ends.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/stamp.h"
#include "base/walk.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READERS "readers"
#define MARK    "model"
enum {
    MODELS = 1000,   /* that are known, at most */
    TEXTS = 256,     /* that are looked for one by one */
    BYTES = 1 << 20, /* of them in all */
    OWN = 8,         /* tokens that a text is known by */
};
static const uint64_t AGAIN_NS = 2000000000; /* between two looks at what is in use */

/* ---- who reads ----------------------------------------------------------------------------- */
void mn_mem_reader(const mn_model *m, const char *path) {
    char name[sizeof READERS + 65] = READERS "/", where[PATH_MAX];
    char *stamp = NULL;
    mn_buf known = {0};
    mn_hash_hex(m->digest, name + strlen(name));
    if (realpath(path, where) && mn_file_cache_path(name, &stamp) >= 0) {
        const int same = mn_stamp_read(stamp, MARK, &known) && strcmp(known.data, where) == 0;
        if (!same) mn_stamp_write(stamp, MARK, where);
    }
    mn_buf_free(&known);
    mn_free(stamp);
}

/* ---- texts that go ------------------------------------------------------------------------- */
void mn_mem_gone_free(mn_mem_gone *g) {
    mn_buf_free(&g->texts);
    *g = (mn_mem_gone){0};
}

/* Three texts, each with a NUL: it, its line, and the line without it. */
static int add(mn_mem_gone *g, const mn_row *row) {
    mn_record r = mn_mem_record(row, 0);
    MN_TRY(mn_buf_append(&g->texts, r.text, r.n));
    MN_TRY(mn_buf_append(&g->texts, "", 1));
    MN_TRY(mn_mem_line(&g->texts, &r, 0));
    MN_TRY(mn_buf_append(&g->texts, "", 1));
    r.n = 0;
    MN_TRY(mn_mem_line(&g->texts, &r, 0));
    return mn_buf_append(&g->texts, "", 1);
}

int mn_mem_gone_row(void *user, const mn_row *row) {
    mn_mem_gone *const g = user;
    if (!g->rows || row->created < g->since) g->since = row->created;
    if (g->rows++ >= TEXTS || g->texts.len > BYTES) return 0;
    return add(g, row);
}

/* ---- one model ----------------------------------------------------------------------------- */
typedef struct reader {
    mn_region *region;
    mn_vocab *vocab;
    int stayed;
} reader;

static int tokens_of(const reader *r, const char *text, int32_t **out) {
    const size_t length = strlen(text);
    const int n = mn_vocab_encode(r->vocab, text, length, 0, NULL, 0);
    MN_TRY(n);
    *out = mn_malloc(((size_t)n + 1) * sizeof **out);
    if (!*out) return MN_FAIL(MN_ENOMEM, "no memory for %d tokens", n);
    return mn_vocab_encode(r->vocab, text, length, 0, *out, (size_t)n);
}

static int forget_tokens(reader *r, const int32_t *ids, int n) {
    mn_forgotten f = {0};
    MN_TRY(mn_region_forget_tokens(r->region, ids, n, &f));
    r->stayed += f.stayed;
    return 0;
}

static int forget_turn(reader *r, const char *text) {
    int32_t *ids = NULL;
    const int n = tokens_of(r, text, &ids), own = n - 2; /* without both ends */
    const int rc = n < 0 ? n : own >= OWN ? forget_tokens(r, ids + 1, own) : 0;
    mn_free(ids);
    return rc;
}

static int forget_line(reader *r, const char *line, const char *hollow) {
    int32_t *ids = NULL, *around = NULL;
    int n = 0, k = 0, from = 0, end = 0;
    int rc = n = tokens_of(r, line, &ids);
    if (rc >= 0) rc = k = tokens_of(r, hollow, &around);
    if (rc >= 0) mn_same_ends(ids, n, around, k, &from, &end);
    if (rc >= 0 && n - from - end < OWN) from = end = n > 2 * OWN ? 2 : 0;
    if (rc >= 0 && n > from + end) rc = forget_tokens(r, ids + from, n - from - end);
    mn_free(ids);
    mn_free(around);
    return rc;
}

static int forget_all(reader *r, const mn_mem_gone *g) {
    for (size_t at = 0; at < g->texts.len;) {
        const char *const text = g->texts.data + at, *const line = text + strlen(text) + 1,
                          *const hollow = line + strlen(line) + 1;
        MN_TRY(forget_turn(r, text));
        MN_TRY(forget_line(r, line, hollow));
        at = (size_t)(hollow + strlen(hollow) + 1 - g->texts.data);
    }
    return 0;
}

/* ---- all models ---------------------------------------------------------------------------- */
typedef struct search {
    mn_region *region;
    const mn_mem_gone *gone;
    int readers, *stayed;
} search;

/* One that is not here any more cannot say what its tokens were. */
static int by_reader(void *user, const mn_walk_entry *entry) {
    static const mn_model_options here = {.no_pull = 1};
    search *const a = user;
    mn_buf path = {0};
    reader r = {.region = a->region};
    if (entry->kind != MN_WALK_FILE || !mn_stamp_read(entry->path, MARK, &path)) return 0;
    int rc = mn_vocab_open(path.data, &here, &r.vocab);
    if (rc >= 0) rc = forget_all(&r, a->gone);
    if (rc == MN_ENOENT) unlink(entry->path);
    a->readers++;
    *a->stayed += r.stayed;
    mn_vocab_close(&r.vocab);
    mn_buf_free(&path);
    return rc;
}

static int by_texts(mn_region *region, const mn_mem_gone *g, int *stayed) {
    search a = {.region = region, .gone = g, .stayed = stayed};
    char *folder = NULL;
    int rc = mn_file_cache_path(READERS, &folder);
    if (rc >= 0) rc = mn_walk(folder, 1, MODELS, by_reader, &a);
    mn_free(folder);
    return rc < 0 || a.readers ? rc : MN_FAIL(MN_ENOENT, "nobody knows who computed what is here");
}

int mn_mem_unread(mn_region *region, const mn_mem_gone *g, int *stayed) {
    mn_region_info info;
    mn_forgotten f = {0};
    *stayed = 0;
    if (!region || !g->rows) return 0;
    mn_region_describe(region, &info);
    if (info.extents == info.derived) return 0; /* no tokens */
    const int few = g->rows <= TEXTS && g->texts.len <= BYTES;
    if (few && by_texts(region, g, stayed) >= 0) return 0;
    const uint64_t since = g->since > 0 ? (uint64_t)g->since / 1000000 : 0;
    MN_TRY(mn_region_forget(region, since, &f));
    *stayed = f.stayed;
    return 0;
}

/* ---- what somebody was still reading -------------------------------------------------------- */
void mn_mem_unread_later(mn_mem *m, const mn_mem_gone *gone) {
    mn_mem_gone *const all = &m->unread;
    pthread_mutex_lock(&m->lock);
    if (mn_buf_append(&all->texts, gone->texts.data, gone->texts.len) >= 0) {
        if (!all->rows || gone->since < all->since) all->since = gone->since;
        all->rows += gone->rows;
    }
    pthread_mutex_unlock(&m->lock);
}

void mn_mem_unread_again(mn_mem *m) {
    const uint64_t now = mn_clock_ns();
    int stayed = 0;
    pthread_mutex_lock(&m->lock);
    mn_mem_gone gone = {0};
    if (m->unread.rows && now - m->tried > AGAIN_NS) {
        gone = m->unread;
        m->unread = (mn_mem_gone){0};
        m->tried = now;
    }
    pthread_mutex_unlock(&m->lock);
    if (gone.rows && (mn_mem_unread(m->region, &gone, &stayed) < 0 || stayed))
        mn_mem_unread_later(m, &gone);
    mn_mem_gone_free(&gone);
}
