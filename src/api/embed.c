/* SPDX-License-Identifier: Apache-2.0
 *
 * api/embed.c - omnesia.h, vectors: texts to ids, ids in batches through the encoder.
 *
 * Texts are taken in their order, as many as fill one pass (MN_ENCODER_ROWS tokens), each whole: a
 * text longer than the model reads is refused, never cut. (The model's authors cut at 256 tokens,
 * half of what it has positions for; up to there vectors equal theirs, beyond they are of the whole
 * text.) The lock is held for one pass at a time, so a batch of thousands keeps nobody waiting for
 * long.
 */
#include "api/model.h"
#include "api/store.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Ids of one text that are looked at, so that a text of gigabytes is refused early. */
enum { MOST_IDS = 1 << 16 };

/* A batch as it is filled. */
typedef struct batch {
    mn_model *m;
    mn_buf ids;    /* int32_t: of the texts in the batch, then of the one that comes next */
    int *first;    /* [MN_ENCODER_ROWS + 1] */
    int n, tokens; /* texts in it; of them */
} batch;

/* The ids of a text, appended: how many. `which` of `all` texts it is, for the sentence. */
static int ids_of(batch *b, const mn_text *t, size_t which, size_t all) {
    const size_t before = b->ids.len;
    char name[64] = "the text";
    if (all > 1) snprintf(name, sizeof name, "text %zu of %zu", which + 1, all);
    b->ids.limit = before + (size_t)MOST_IDS * sizeof(int32_t);
    const int rc =
        mn_tokenizer_encode(b->m->net->tokenizer, t->n ? t->text : "", t->n, MN_TOK_BEGIN, &b->ids);
    const int n = (int)((b->ids.len - before) / sizeof(int32_t));
    const int context = b->m->net->context;
    if (rc == MN_ETOOLONG)
        return MN_FAIL(
            MN_ETOOLONG,
            "%s has %zu bytes, which are more than %d tokens; %s reads %d, so cut it into "
            "pieces",
            name, t->n, MOST_IDS, b->m->name, context);
    MN_TRY(rc);
    if (n > context)
        return MN_FAIL(MN_ETOOLONG, "%s has %d tokens; %s reads %d, so cut it into pieces", name, n,
                       b->m->name, context);
    return n ? n : MN_FAIL(MN_EINVAL, "%s has no tokens, and no vector", name);
}

/* Run the texts of the batch; the ids of the next one move to the front. */
static int run(batch *b, float *out) {
    const int32_t *ids = (const int32_t *)(const void *)b->ids.data;
    pthread_mutex_lock(&b->m->step);
    const int rc = mn_encoder_run(b->m->encoder, ids, b->first, b->n, out);
    pthread_mutex_unlock(&b->m->step);
    const size_t used = (size_t)b->tokens * sizeof *ids;
    memmove(b->ids.data, b->ids.data + used, b->ids.len - used);
    b->ids.len -= used;
    b->n = b->tokens = 0;
    return rc;
}

static int embed_all(batch *b, const mn_text *texts, size_t n, float *out, int32_t *tokens,
                     const mn_progress *p) {
    const size_t D = (size_t)b->m->net->D;
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        const int own = ids_of(b, texts + i, i, n);
        MN_TRY(own);
        if (tokens) tokens[i] = own;
        if (b->tokens + own > MN_ENCODER_ROWS) {
            MN_TRY(run(b, out + done * D));
            done = i;
            if (p && p->report && p->report(p->user, "making vectors", done, n))
                return MN_FAIL(MN_ECANCELLED, "stopped after %zu of %zu texts", done, n);
        }
        b->tokens += own;
        b->first[++b->n] = b->tokens;
    }
    return b->n ? run(b, out + done * D) : 0;
}

int mn_embed_all(mn_model *m, const mn_text *texts, size_t n, float *out, int32_t *tokens,
                 const mn_progress *progress) {
    if (!m->encoder) return mn_store_wrong_kind(m->name, 0);
    batch b = {.m = m, .ids = {.what = "the ids of texts"}};
    b.first = mn_calloc(MN_ENCODER_ROWS + 1, sizeof *b.first);
    const int rc = b.first ? embed_all(&b, texts, n, out, tokens, progress)
                           : MN_FAIL(MN_ENOMEM, "no memory for a batch of texts");
    mn_buf_free(&b.ids);
    mn_free(b.first);
    return rc;
}

int mn_embed(mn_model *m, const char *text, size_t n, float *out, int32_t *tokens) {
    return mn_embed_all(m, &(mn_text){text, n}, 1, out, tokens, NULL);
}
