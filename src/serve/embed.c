/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/embed.c - /v1/embeddings: vectors of texts, as numbers or in base64 (little-endian floats).
 */
#include "serve/ask.h"
#include "serve/chat.h"
#include "serve/models.h"
#include "serve/routes.h"

#include "base/alloc.h"
#include "base/error.h"

#include <openssl/evp.h>
#include <string.h>

enum { TEXTS_MOST = 2048 };

static json_t *base64_of(const float *v, int n) {
    const size_t bytes = (size_t)n * sizeof *v;
    unsigned char *text = mn_malloc(4 * ((bytes + 2) / 3) + 1);
    if (!text) return NULL;
    const int k = EVP_EncodeBlock(text, (const unsigned char *)v, (int)bytes);
    json_t *out = json_stringn((const char *)text, (size_t)k);
    mn_free(text);
    return out;
}

static json_t *numbers_of(const float *v, int n) {
    json_t *list = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(list, json_real((double)v[i]));
    return list;
}

/* One input: a text, or token ids. */
static int embed_one(mn_exchange *x, const json_t *input, float *v, int n, int *tokens,
                     json_t *data) {
    char *made = NULL;
    int32_t count = 0;
    int rc = json_is_string(input) ? 0
             : json_is_array(input)
                 ? mn_ask_ids(x, input, &made)
                 : MN_FAIL(MN_EINVAL, "input must be a text, a list of texts, token ids, or lists "
                                      "of token ids");
    if (rc >= 0) {
        const char *text = made ? made : json_string_value(input);
        rc = mn_embed(x->use->model, text, strlen(text), v, &count);
    }
    mn_free(made);
    MN_TRY(rc);
    *tokens += count;
    const int i = (int)json_array_size(data);
    const int base64 = x->fields.encoding && strcmp(x->fields.encoding, "base64") == 0;
    json_array_append_new(data,
                          json_pack("{s:s, s:i, s:o}", "object", "embedding", "index", i,
                                    "embedding", base64 ? base64_of(v, n) : numbers_of(v, n)));
    return 0;
}

static int embed_all(mn_exchange *x, json_t *data, int *tokens, int n) {
    const json_t *input = x->fields.input;
    const int one = !json_is_array(input) || json_is_integer(json_array_get(input, 0));
    const size_t texts = one ? 1 : json_array_size(input);
    if (!texts || texts > TEXTS_MOST)
        return MN_FAIL(MN_EINVAL, "input has %zu texts; give 1 to %d", texts, TEXTS_MOST);
    float *v = mn_malloc((size_t)n * sizeof *v);
    if (!v) return MN_FAIL(MN_ENOMEM, "no memory for a vector");
    int rc = 0;
    for (size_t i = 0; i < texts && rc >= 0; i++)
        rc = embed_one(x, one ? input : json_array_get(input, i), v, n, tokens, data);
    mn_free(v);
    return rc;
}

int mn_embed_work(mn_exchange *x) {
    const mn_fields *f = &x->fields;
    mn_model_info info;
    int tokens = 0;
    if (f->encoding && strcmp(f->encoding, "float") != 0 && strcmp(f->encoding, "base64") != 0)
        return mn_reply_error(x, 400, "encoding_format", "invalid_value",
                              "encoding_format must be float or base64");
    int rc = mn_chat_model(x, 1);
    if (rc) return rc;
    mn_model_describe(x->use->model, &info);
    if (f->dimensions && f->dimensions != info.n_embd)
        return mn_reply_error(x, 400, "dimensions", "invalid_value",
                              "dimensions is %d, and vectors of %s have %d", f->dimensions,
                              x->use->name, info.n_embd);
    json_t *data = json_array();
    if ((rc = embed_all(x, data, &tokens, info.n_embd)) < 0) {
        json_decref(data);
        return mn_reply_field(x, rc, "input");
    }
    x->prompt_tokens = tokens;
    return mn_reply_json(x, 200,
                         json_pack("{s:s, s:o, s:s, s:{s:i, s:i}}", "object", "list", "data", data,
                                   "model", x->use->name, "usage", "prompt_tokens", tokens,
                                   "total_tokens", tokens));
}
