/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/logprobs.c - log-probabilities of tokens in OpenAI's two forms.
 *
 * A token's text may be part of a character: its bytes are told beside it, and the text has U+FFFD
 * for what is no UTF-8.
 */
#include "serve/chat.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "serve/models.h"

#include <math.h>
#include <string.h>

enum { TOKEN_MOST = 512 };

static size_t bytes_of(const mn_choice *c, int32_t id, char out[TOKEN_MOST]) {
    const int n = mn_decode(c->all->x->use->model, &id, 1, MN_SPECIAL, out, TOKEN_MOST);
    return n < 0 ? 0 : n < TOKEN_MOST ? (size_t)n : TOKEN_MOST;
}

/* Bytes as text, what is no UTF-8 replaced. */
static json_t *text_of(const char *bytes, size_t n) {
    mn_buf text = {0};
    for (size_t i = 0; i < n;) {
        const int k = mn_utf8_sequence((const unsigned char *)bytes + i, n - i);
        const size_t used = k > 0 ? (size_t)k : k < 0 ? (size_t)-k : n - i;
        if ((k > 0 ? mn_buf_append(&text, bytes + i, used) : mn_buf_puts(&text, "\xef\xbf\xbd")) <
            0)
            break;
        i += used;
    }
    json_t *out = json_stringn_nocheck(text.len ? text.data : "", text.len);
    mn_buf_free(&text);
    return out;
}

/* JSON has no minus infinity. */
static double number(float logprob) {
    return isfinite(logprob) ? logprob : -9999.0;
}

static json_t *entry(const mn_choice *c, int32_t id, float logprob) {
    char bytes[TOKEN_MOST];
    const size_t n = bytes_of(c, id, bytes);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer((unsigned char)bytes[i]));
    return json_pack("{s:o, s:f, s:o}", "token", text_of(bytes, n), "logprob", number(logprob),
                     "bytes", list);
}

static size_t count(const mn_choice *c) {
    return c->all->x->fields.top_logprobs < 0 ? 0 : c->told.len / sizeof(mn_piece);
}

json_t *mn_chat_logprobs(mn_choice *c) {
    const mn_piece *p = (const mn_piece *)(void *)c->told.data;
    const size_t n = count(c);
    if (!n) return NULL;
    json_t *content = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *one = entry(c, p[i].id, p[i].logprob), *top = json_array();
        for (int k = 0; k < p[i].n_top; k++)
            if (p[i].top[k].id >= 0)
                json_array_append_new(top, entry(c, p[i].top[k].id, p[i].top[k].logprob));
        json_object_set_new(one, "top_logprobs", top);
        json_array_append_new(content, one);
    }
    mn_buf_clear(&c->told);
    return json_pack("{s:o, s:n}", "content", content, "refusal");
}

json_t *mn_text_logprobs(mn_choice *c, size_t offset) {
    const mn_piece *p = (const mn_piece *)(void *)c->told.data;
    const size_t n = count(c);
    char bytes[TOKEN_MOST];
    if (!n) return NULL;
    json_t *tokens = json_array(), *probs = json_array(), *tops = json_array();
    json_t *offsets = json_array();
    for (size_t i = 0; i < n; i++) {
        const size_t k = bytes_of(c, p[i].id, bytes);
        json_t *top = json_object();
        json_array_append_new(tokens, text_of(bytes, k));
        json_array_append_new(probs, json_real(number(p[i].logprob)));
        json_array_append_new(offsets, json_integer((json_int_t)offset));
        offset += k;
        for (int j = 0; j < p[i].n_top; j++) {
            if (p[i].top[j].id < 0) continue;
            json_t *name = text_of(bytes, bytes_of(c, p[i].top[j].id, bytes));
            if (name)
                json_object_set_new(top, json_string_value(name),
                                    json_real(number(p[i].top[j].logprob)));
            json_decref(name);
        }
        json_array_append_new(tops, top);
    }
    mn_buf_clear(&c->told);
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", probs,
                     "top_logprobs", tops, "text_offset", offsets);
}
