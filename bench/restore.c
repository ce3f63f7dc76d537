/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/restore.c - `omnesia bench restore`: start from a copy, as programs do that save a cache.
 *
 *   head | ids int32 [n + 1] | planes [layer][K, V][head], n rows each
 *
 * The copy is as good as a copy can be: rows as they lie in memory, one read for each plane,
 * straight to where they are used. Then one token, whose text goes to standard output. Only
 * `bench vattention` writes such files; they are no format of ours.
 */
#include "bench/restore.h"
#include "bench/bench.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/progress.h"

#include <string.h>

typedef struct head {
    char magic[8];
    int32_t n, layers, heads, d;
} head;
static const char magic[8] = "omniaCP1";

static size_t plane_bytes(const head *h) {
    return mn_kv_plane_bytes(MN_KV_F16, h->n, h->d);
}

/* n rows of a plane, which lie in one span from its beginning. */
static int save_planes(mn_filew *f, const mn_session *s, const head *h) {
    for (int i = 0; i < h->layers * 2 * h->heads; i++) {
        mn_attn_piece p[MN_SEQ_SPANS];
        const int layer = i / (2 * h->heads), head_ = i % h->heads;
        if (mn_seq_pieces(s->seq, layer, head_, 0, 0, 1, p) != 1 || p->row)
            return MN_FAIL(MN_EUNSUPPORTED, "the prompt does not lie in one piece");
        MN_TRY(mn_file_write(f, i / h->heads % 2 ? p->v : p->k, plane_bytes(h)));
    }
    return 0;
}

int mn_restore_save(const mn_session *s, const int32_t *ids, int n, const char *path) {
    mn_kv_layout l;
    mn_engine_layout(s->model->engine, MN_KV_F16, &l);
    head h = {.n = n, .layers = l.layers, .heads = l.heads, .d = l.d};
    memcpy(h.magic, magic, sizeof magic);
    if (mn_seq_length(s->seq) < n || mn_seq_spans(s->seq) != 1)
        return MN_FAIL(MN_EUNSUPPORTED, "%d tokens in %d spans: one with %d was to be saved",
                       mn_seq_length(s->seq), mn_seq_spans(s->seq), n);
    mn_filew *f;
    MN_TRY(mn_file_begin(path, &f));
    int rc = mn_file_write(f, &h, sizeof h);
    if (rc >= 0) rc = mn_file_write(f, ids, ((size_t)n + 1) * sizeof *ids);
    if (rc >= 0) rc = save_planes(f, s, &h);
    if (rc >= 0) return mn_file_commit(&f);
    mn_file_abort(&f);
    return rc;
}

static int load(const char *path, const head *h, const int32_t *ids, mn_seq *seq) {
    uint64_t at = sizeof *h + ((uint64_t)h->n + 1) * sizeof *ids;
    MN_TRY(mn_seq_room(seq, ids, h->n));
    for (int i = 0; i < h->layers * 2 * h->heads; i++, at += plane_bytes(h)) {
        void *plane[2];
        int row;
        mn_seq_tail(seq, i / (2 * h->heads), i % h->heads, plane, plane + 1, &row);
        MN_TRY(mn_file_read_at(path, at, plane[i / h->heads % 2], plane_bytes(h)));
    }
    mn_seq_commit(seq, h->n);
    return 0;
}

static int likeliest(const float *logits, int n) {
    int best = 0;
    for (int i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

static int begin(mn_model *m, const char *path, const head *h, int32_t *ids, float *logits) {
    mn_session *s;
    char text[256];
    MN_TRY(mn_file_read_at(path, sizeof *h, ids, ((size_t)h->n + 1) * sizeof *ids));
    MN_TRY(mn_session_open(m, h->n + 64, 0, &s));
    int rc = load(path, h, ids, s->seq);
    if (rc >= 0) rc = mn_session_eval(s, ids + h->n, 1, logits, 1);
    if (rc >= 0) {
        const int32_t id = likeliest(logits, m->net->V);
        rc = mn_decode(m, &id, 1, MN_SPECIAL, text, sizeof text);
    }
    if (rc > 0) rc = mn_cli_write(text, (size_t)rc < sizeof text ? (size_t)rc : sizeof text);
    mn_session_close(&s);
    return rc;
}

static int restore(const mn_bench_options *o) {
    head h;
    mn_kv_layout l;
    mn_model *m = NULL;
    if (!o->copy || !*o->copy)
        return MN_FAIL(MN_CLI_USAGE, "bench restore: name what was saved with --copy FILE");
    MN_TRY(mn_file_read_at(o->copy, 0, &h, sizeof h));
    if (memcmp(h.magic, magic, sizeof magic) || h.n < 1 || h.n > 1 << 20)
        return MN_FAIL(MN_ECORRUPT, "%s is no copy that `bench vattention` saved", o->copy);
    MN_TRY(mn_cli_model_open(o->model, (mn_model_options){.threads = o->threads}, &m));
    mn_engine_layout(m->engine, MN_KV_F16, &l);
    int32_t *ids = mn_malloc(((size_t)h.n + 1) * sizeof *ids);
    float *logits = mn_malloc((size_t)m->net->V * sizeof *logits);
    int rc = ids && logits ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d tokens", h.n);
    if (rc >= 0 && (l.layers != h.layers || l.heads != h.heads || l.d != h.d))
        rc = MN_FAIL(MN_EINVAL, "%s was saved from another model than %s", o->copy, m->name);
    if (rc >= 0) rc = begin(m, o->copy, &h, ids, logits);
    mn_free(ids);
    mn_free(logits);
    mn_model_close(&m);
    return rc;
}

const mn_bench mn_bench_restore = {
    .name = "restore", .run = restore, .about = "start from a copy of keys and values"};
