/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/serve_ask.c - requests in OpenAI's form, texts to fill them, and what answers amount to.
 *
 * Both sides get the same bytes. Answers are greedy and as long as was asked for: end tokens are
 * ignored, which both understand (ignore_eos), so that no side does less than the other.
 */
#include "bench/serve.h"

#include "base/error.h"
#include "base/random.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

extern const unsigned char mn_licence_text[];
extern const size_t mn_licence_text_size;

const char mn_serve_chat[] = "/v1/chat/completions", mn_serve_completions[] = "/v1/completions";

/* ---- requests ----------------------------------------------------------------------------- */
static int dump(json_t *o, mn_buf *out) {
    char *const text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a request");
    const int rc = mn_buf_puts(out, text);
    free(text);
    return rc;
}

int mn_serve_body(const mn_serve_ask *ask, mn_buf *out) {
    json_t *const o =
        json_pack("{s:s, s:i, s:f, s:b, s:b}", "model", "bench", "max_tokens", ask->tokens,
                  "temperature", 0.0, "stream", ask->stream, "ignore_eos", ask->schema == NULL);
    if (o && ask->stream)
        json_object_set_new(o, "stream_options", json_pack("{s:b}", "include_usage", 1));
    if (o && ask->prompt) json_object_set_new(o, "prompt", json_string(ask->prompt));
    if (o && ask->messages) json_object_set_new(o, "messages", json_loads(ask->messages, 0, NULL));
    if (o && ask->schema)
        json_object_set_new(o, "response_format",
                            json_pack("{s:s, s:{s:s, s:o}}", "type", "json_schema", "json_schema",
                                      "name", "bench", "schema", json_loads(ask->schema, 0, NULL)));
    mn_buf_clear(out);
    return dump(o, out);
}

int mn_serve_message(const char *role, const char *content, mn_buf *out) {
    return dump(json_pack("{s:s, s:s}", "role", role, "content", content), out);
}

/* ---- texts -------------------------------------------------------------------------------- */
/* The word at *at, and where the next begins. */
static size_t next_word(const char **at, const char **word) {
    while (isspace((unsigned char)**at)) ++*at;
    *word = *at;
    while (**at && !isspace((unsigned char)**at)) ++*at;
    return (size_t)(*at - *word);
}

int mn_serve_licence(int n, mn_buf *out) {
    const char *at = (const char *)mn_licence_text, *word;
    for (int i = 0; i < n; i++) {
        const size_t k = next_word(&at, &word);
        if (!k) return MN_FAIL(MN_ECORRUPT, "the licence has %d words, not %d", i, n);
        if (i) MN_TRY(mn_buf_puts(out, " "));
        MN_TRY(mn_buf_append(out, word, k));
    }
    return 0;
}

enum { WORDS = 1500 };
typedef struct lexicon { /* the licence's words of small letters */
    const char *word[WORDS];
    size_t size[WORDS];
    int n;
} lexicon;

static const lexicon *letters(void) {
    static lexicon x;
    const char *at = (const char *)mn_licence_text, *word;
    while (x.n < WORDS && *at) {
        const size_t k = next_word(&at, &word);
        size_t small = 0;
        while (small < k && islower((unsigned char)word[small])) small++;
        if (k > 2 && small == k) x.word[x.n] = word, x.size[x.n++] = k;
    }
    return &x;
}

static int write_words(uint64_t seed, int n, mn_buf *out) {
    static const lexicon *x;
    if (!x) x = letters();
    mn_random r;
    mn_random_seed(&r, seed);
    mn_buf_clear(out);
    for (int i = 0; i < n; i++) {
        const size_t k = (size_t)(mn_random_u64(&r) % (uint64_t)x->n);
        if (i) MN_TRY(mn_buf_puts(out, " "));
        MN_TRY(mn_buf_append(out, x->word[k], x->size[k]));
    }
    return 0;
}

int mn_serve_words(const mn_vocab *v, uint64_t seed, int tokens, mn_buf *out) {
    for (int n = tokens, tries = 0; tries < 6 && n > 0; tries++) {
        MN_TRY(write_words(seed, n, out));
        const int has = mn_stage_tokens(v, out->data);
        MN_TRY(has);
        if (has == tokens) break;
        n += (int)((double)(tokens - has) * n / has);
    }
    return 0;
}

/* ---- answers ------------------------------------------------------------------------------ */
int mn_serve_times(const mn_load *l, double *first_ms, double *gap_ms) {
    mn_buf firsts = {0}, gaps = {0};
    int n = mn_load_firsts(l, &firsts), m = n < 0 ? n : mn_load_gaps(l, &gaps);
    if (m >= 0 && !m) m = MN_FAIL(MN_ECORRUPT, "no answer came in pieces");
    if (m >= 0) {
        *first_ms = mn_load_share((double *)(void *)firsts.data, n, 0.95) * 1e3;
        *gap_ms = mn_load_share((double *)(void *)gaps.data, m, 0.95) * 1e3;
    }
    mn_buf_free(&firsts);
    mn_buf_free(&gaps);
    return m < 0 ? m : 0;
}

int mn_serve_whole(const mn_load *l, int tokens) {
    MN_TRY(mn_load_check(l));
    for (int i = 0; tokens && i < mn_load_count(l); i++) {
        const int has = mn_load_get(l, i)->tokens;
        if (has != tokens)
            return MN_FAIL(MN_ECORRUPT, "an answer has %d tokens, not the %d that were asked for",
                           has, tokens);
    }
    return 0;
}

int mn_serve_note(mn_serve *b, const mn_load *l) {
    if (!b->o->json) return 0;
    for (int i = 0; i < mn_load_count(l); i++) {
        const mn_asked *a = mn_load_get(l, i);
        MN_TRY(mn_buf_printf(&b->raw,
                             "%s{\"tag\": %d, \"due\": %.4f, \"sent\": %.4f, \"first\": %.4f, "
                             "\"end\": %.4f, \"status\": %d, \"prompt\": %d, \"cached\": %d, "
                             "\"tokens\": %d}",
                             b->raw.len ? ", " : "", a->tag, a->due, a->sent, a->first, a->end,
                             a->status, a->prompt_tokens, a->cached_tokens, a->tokens));
    }
    return 0;
}

double mn_serve_span(const mn_load *l) {
    double first = 1e300, last = 0;
    for (int i = 0; i < mn_load_count(l); i++) {
        const mn_asked *a = mn_load_get(l, i);
        if (a->due < first) first = a->due;
        if (a->end > last) last = a->end;
    }
    return last - first;
}
