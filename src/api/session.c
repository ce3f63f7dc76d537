/* SPDX-License-Identifier: Apache-2.0
 *
 * api/session.c - omnesia.h, text and tokens, and sessions: one sequence, token by token.
 */
#include "api/model.h"
#include "api/vocab.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

int mn_encode(const mn_model *m, const char *text, size_t n, unsigned flags, int32_t *ids,
              size_t cap) {
    return mn_vocab_ids(m->net->tokenizer, text, n, flags, ids, cap);
}

int mn_decode(const mn_model *m, const int32_t *ids, size_t n, unsigned flags, char *text,
              size_t cap) {
    return mn_vocab_text(m->net->tokenizer, ids, n, flags, text, cap);
}

/* The keys of this model's rows: all that changes a bit of them goes into the seed, and nothing
 * else (design decision 5). */
static mn_kv_share share_of(const mn_model *m, const mn_kv_layout *l, int context,
                            const uint8_t *tenant, int open_to) {
    mn_kv_share share = {
        .region = m->region, .quiet = m->quiet, .open_to = tenant && m->region ? open_to : 0};
    struct {
        char name[16], numerics[16];
        uint8_t model[32], tenant[32];
        int32_t layers, heads, d, format, rotations, zero;
    } what = {.name = "omnesia kv 1",
              .layers = l->layers,
              .heads = l->heads,
              .d = l->d,
              .format = l->format,
              .rotations = m->net->short_context && context > m->net->short_context};
    if (!m->region) return share;
    snprintf(what.numerics, sizeof what.numerics, "%s", m->exec.k->numerics);
    memcpy(what.model, m->digest, sizeof what.model);
    mn_sha256_of(&what, sizeof what, share.common.byte);
    if (tenant) memcpy(what.tenant, tenant, sizeof what.tenant);
    mn_sha256_of(&what, sizeof what, share.seed.byte);
    return share;
}

int mn_session_open(mn_model *m, int32_t context, int kv_q8, mn_session **out) {
    return mn_session_open_for(m, context, kv_q8, NULL, 0, out);
}

int mn_session_open_for(mn_model *m, int32_t context, int kv_q8, const uint8_t *tenant, int open_to,
                        mn_session **out) {
    *out = NULL;
    MN_TRY(mn_model_writes(m));
    if (context < 0) return MN_FAIL(MN_EINVAL, "a context of %d tokens", context);
    if (kv_q8 && m->net->d % 32)
        return MN_FAIL(MN_EUNSUPPORTED, "q8 KV needs heads of a multiple of 32, these have %d",
                       m->net->d);
    mn_session *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for a session");
    mn_kv_layout layout;
    mn_engine_layout(m->engine, kv_q8 ? MN_KV_Q8 : MN_KV_F16, &layout);
    s->model = m;
    if (!context) context = m->net->context;
    const mn_kv_share share = share_of(m, &layout, context, tenant, open_to);
    const int rc = mn_seq_open(&layout, &share, context, &s->seq);
    if (rc < 0)
        mn_free(s);
    else
        *out = s;
    return rc;
}

void mn_session_close(mn_session **ps) {
    mn_session *s = *ps;
    *ps = NULL;
    if (!s) return;
    mn_seq_close(&s->seq);
    mn_free(s);
}

int mn_model_step(mn_model *m, const mn_part *parts, int n, int (*go_on)(void *), void *user) {
    pthread_mutex_lock(&m->step);
    int rc = mn_engine_step(m->engine, parts, n, go_on, user);
    if (rc == MN_EFULL && mn_kept_drop(&m->kept))
        rc = mn_engine_step(m->engine, parts, n, go_on, user);
    pthread_mutex_unlock(&m->step);
    for (int i = 0; rc < 0 && i < n; i++) {
        mn_seq_yield(parts[i].seq); /* nobody shall wait for it */
        if (mn_seq_proven(parts[i].seq) < 0) mn_seq_reject(parts[i].seq);
    }
    if (rc >= 0 && m->region) MN_TRY(mn_region_intact(m->region));
    return rc;
}

int mn_session_eval(mn_session *s, const int32_t *ids, int32_t n, float *logits, int32_t n_logits) {
    if (n < 0 || n_logits < 0 || n_logits > n)
        return MN_FAIL(MN_EINVAL, "%d tokens with %d rows of logits", n, n_logits);
    if (!n) return 0;
    const mn_part part = {s->seq, ids, n, n_logits ? logits : NULL, n_logits};
    return mn_model_step(s->model, &part, 1, NULL, NULL);
}

const char *mn_session_source(const mn_session *s) {
    return mn_seq_out(s->seq) * 2 > mn_seq_length(s->seq) ? "disk" : "process";
}

int32_t mn_session_length(const mn_session *s) {
    return mn_seq_length(s->seq);
}

int mn_session_trim(mn_session *s, int32_t length) {
    return mn_seq_trim(s->seq, length);
}
