/* SPDX-License-Identifier: Apache-2.0
 *
 * api/vocab.c - a vocabulary by itself: the file's tables built into an image, and used.
 *
 * Costs what building the image costs (some 50 ms for 50,000 entries); a model that was packed
 * has its image in the packed file.
 */
#include "api/vocab.h"

#include "api/store.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/source.h"
#include "omnesia.h"

#include <limits.h>
#include <string.h>

struct mn_vocab {
    mn_buf image; /* what the tokenizer stands on */
    mn_tokenizer *tokenizer;
};

static unsigned own_flags(unsigned flags) {
    return (flags & MN_SPECIAL ? MN_TOK_SPECIAL : 0u) | (flags & MN_BEGIN ? MN_TOK_BEGIN : 0u);
}

/* The result in `out` as the caller wants it: at most cap items of `item` bytes, and the count. */
static int hand_out(mn_buf *out, size_t item, void *to, size_t cap) {
    const size_t n = out->len / item;
    int rc = n > INT_MAX ? MN_FAIL(MN_ETOOLONG, "%zu are more than 2147483647", n) : (int)n;
    if (n && cap) memcpy(to, out->data, item * (n < cap ? n : cap));
    mn_buf_free(out);
    return rc;
}

int mn_vocab_ids(const mn_tokenizer *t, const char *text, size_t n, unsigned flags, int32_t *ids,
                 size_t cap) {
    mn_buf out = {.what = "the ids of a text"};
    const int rc = mn_tokenizer_encode(t, text, n, own_flags(flags), &out);
    if (rc >= 0) return hand_out(&out, sizeof *ids, ids, cap);
    mn_buf_free(&out);
    return rc;
}

int mn_vocab_text(const mn_tokenizer *t, const int32_t *ids, size_t n, unsigned flags, char *text,
                  size_t cap) {
    mn_buf out = {0};
    const int rc = mn_tokenizer_decode(t, ids, n, own_flags(flags), &out);
    if (rc >= 0) return hand_out(&out, 1, text, cap);
    mn_buf_free(&out);
    return rc;
}

int mn_vocab_open(const char *name_or_path, const mn_model_options *options, mn_vocab **out) {
    mn_fetch_ui ui = {0};
    char *path = NULL;
    mn_gguf *g = NULL;
    *out = NULL;
    if (options) {
        ui.report = options->progress.report;
        ui.report_user = options->progress.user;
    }
    MN_TRY(mn_store_resolve(name_or_path, options && options->no_pull, &ui, &path));
    mn_vocab *v = mn_calloc(1, sizeof *v);
    int rc = v ? mn_source_open(path, &g) : MN_FAIL(MN_ENOMEM, "no memory for a vocabulary");
    if (rc >= 0) rc = mn_tokenizer_build(g, &v->image);
    if (rc >= 0) rc = mn_tokenizer_open(v->image.data, v->image.len, &v->tokenizer);
    mn_gguf_close(&g);
    mn_free(path);
    if (rc < 0)
        mn_vocab_close(&v);
    else
        *out = v;
    return rc < 0 ? rc : 0;
}

void mn_vocab_close(mn_vocab **vocab) {
    mn_vocab *v = *vocab;
    *vocab = NULL;
    if (!v) return;
    mn_tokenizer_close(&v->tokenizer);
    mn_buf_free(&v->image);
    mn_free(v);
}

int mn_vocab_encode(const mn_vocab *vocab, const char *text, size_t n, unsigned flags, int32_t *ids,
                    size_t cap) {
    return mn_vocab_ids(vocab->tokenizer, text, n, flags, ids, cap);
}

int mn_vocab_decode(const mn_vocab *vocab, const int32_t *ids, size_t n, unsigned flags, char *text,
                    size_t cap) {
    return mn_vocab_text(vocab->tokenizer, ids, n, flags, text, cap);
}

size_t mn_vocab_missing(const mn_vocab *vocab, const char *text, size_t n) {
    return mn_tokenizer_missing(vocab->tokenizer, text, n);
}
