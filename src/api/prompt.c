/* SPDX-License-Identifier: Apache-2.0
 *
 * api/prompt.c - from a request to the ids of its prompt: template, then tokenizer.
 *
 * The rendered text is tokenized as one, but only what the template itself wrote may become a
 * special token: nothing a user writes can end a turn or open another.
 */
#include "api/messages.h"
#include "api/model.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

/* Text of the token a template asks for by name, for {{ bos_token }}. Caller frees. */
static char *special_text(const mn_model *m, int32_t id) {
    const mn_str s = id >= 0 ? mn_tokenizer_text(m->net->tokenizer, id) : (mn_str){"", 0};
    char *text = mn_malloc(s.n + 1);
    if (text) {
        memcpy(text, s.p, s.n);
        text[s.n] = 0;
    }
    return text;
}

/* What is recalled, before the last thing the user says; `text` holds both. */
static int put_recalled(const mn_request *r, mn_message *m, size_t n, mn_buf *text) {
    while (n && strcmp(m[n - 1].role, "user") != 0) n--;
    if (!n || !r->recalled) return 0;
    MN_TRY(mn_buf_puts(text, r->recalled));
    MN_TRY(mn_buf_puts(text, m[n - 1].content));
    m[n - 1].content = text->data;
    return 0;
}

/* The messages: system when given, then the turns but for the `drop` oldest, or the prompt
 * alone. */
static int gather(const mn_request *r, size_t drop, mn_message **out, size_t *n) {
    const size_t turns = r->n_turns ? r->n_turns - drop : 1;
    mn_message *m = mn_calloc(turns + 1, sizeof *m);
    if (!m) return MN_FAIL(MN_ENOMEM, "no memory for %zu messages", turns);
    *n = 0;
    const int own = r->n_turns && strcmp(r->turns[0].role, "system") == 0;
    if (r->system && !own) m[(*n)++] = (mn_message){"system", r->system};
    if (own) m[(*n)++] = (mn_message){r->turns[0].role, r->turns[0].content};
    for (size_t i = own + drop; i < r->n_turns; i++)
        m[(*n)++] = (mn_message){r->turns[i].role, r->turns[i].content};
    if (!r->n_turns) m[(*n)++] = (mn_message){"user", r->prompt ? r->prompt : ""};
    *out = m;
    return 0;
}

static int encode_rendered(const mn_model *m, const mn_rendered *text, const char *begin,
                           void *ids) {
    mn_tok_range *range = mn_calloc(text->n_pieces + 1, sizeof *range);
    if (!range) return MN_FAIL(MN_ENOMEM, "no memory for a prompt");
    size_t n = 0;
    for (size_t i = 0; i < text->n_pieces; i++)
        if (text->piece[i].trusted)
            range[n++] = (mn_tok_range){text->piece[i].from, text->piece[i].n};
    /* A template that writes the begin token itself shall not get two. */
    const size_t b = strlen(begin);
    const int has = b && text->text.len >= b && memcmp(text->text.data, begin, b) == 0;
    const int rc =
        mn_tokenizer_encode_trusted(m->net->tokenizer, text->text.data ? text->text.data : "",
                                    text->text.len, has ? 0 : MN_TOK_BEGIN, range, n, ids);
    mn_free(range);
    return rc;
}

/* Bytes that no context of this many tokens can hold need not be templated nor tokenized. A mark
 * for a space (three bytes) may count for one. */
static int can_fit(const mn_model *m, const mn_request *r) {
    const mn_tokenizer *t = m->net->tokenizer;
    const uint64_t context = (uint64_t)(r->context > 0 ? r->context : m->net->context);
    uint64_t bytes = r->n_turns || r->messages || !r->prompt ? 0 : strlen(r->prompt), longest = 1;
    if (r->messages) bytes = strlen(r->messages);
    if (!r->drop_oldest && !r->messages)
        for (size_t i = 0; i < r->n_turns; i++) bytes += strlen(r->turns[i].content);
    if (bytes <= context) return 0;
    for (int32_t i = 0; i < mn_tokenizer_size(t); i++)
        if (mn_tokenizer_text(t, i).n > longest) longest = mn_tokenizer_text(t, i).n;
    if (bytes / 3 / longest <= context) return 0;
    char human[16];
    return MN_FAIL(MN_ETOOLONG,
                   "the prompt has %s of text, far more than the %llu tokens of the context can "
                   "hold; shorten it (this model was trained with a context of %d)",
                   mn_budget_human(bytes, human), (unsigned long long)context, m->net->context);
}

static int check_text(const char *name, const char *text) {
    return text ? mn_utf8_check(name, text, strlen(text)) : 0;
}

/* All that a user wrote is UTF-8: bytes that are not have no tokens, and would vanish. */
static int check_texts(const mn_request *r) {
    MN_TRY(check_text("the system message", r->system));
    for (size_t i = 0; i < r->n_stop; i++) MN_TRY(check_text("the stop text", r->stop[i]));
    for (size_t i = 0; i < r->n_turns; i++)
        MN_TRY(check_text(strcmp(r->turns[i].role, "user") == 0 ? "the question" : "the message",
                          r->turns[i].content));
    MN_TRY(check_text("the messages", r->messages));
    MN_TRY(check_text("what is recalled", r->recalled));
    return r->n_turns ? 0 : check_text("the prompt", r->prompt);
}

/* The turns, or the messages, through the template. */
static int render(const mn_model *m, const mn_request *r, size_t drop, const char *begin,
                  const char *end, mn_rendered *text) {
    if (r->messages) {
        mn_buf all = {.what = "the prompt"};
        int rc = mn_messages_context(r->messages, r->tools, r->recalled,
                                     mn_template_has_tools(m->chat), begin, end, &all);
        if (rc >= 0) rc = mn_template_render_json(m->chat, all.data, all.len, 0, text);
        mn_buf_free(&all);
        return rc;
    }
    mn_message *messages = NULL;
    mn_template_args args = {
        .add_generation_prompt = 1, .bos_token = begin, .eos_token = end, .tools_json = r->tools};
    mn_buf last = {.what = "the prompt"};
    int rc = gather(r, drop, &messages, &args.n_messages);
    if (rc >= 0) rc = put_recalled(r, messages, args.n_messages, &last);
    args.message = messages;
    if (rc >= 0) rc = mn_template_render(m->chat, &args, text);
    mn_free(messages);
    mn_buf_free(&last);
    return rc;
}

/* Render, and hand the text to `use`. */
static int with_text(const mn_model *m, const mn_request *r, size_t drop,
                     int (*use)(const mn_model *m, const mn_rendered *text, const char *begin,
                                void *out),
                     void *out) {
    mn_rendered text = {0};
    char *begin = special_text(m, mn_tokenizer_begin(m->net->tokenizer));
    char *end = special_text(m, mn_tokenizer_end(m->net->tokenizer));
    int rc = begin && end ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a prompt");
    if (rc >= 0) rc = render(m, r, drop, begin, end, &text);
    if (rc >= 0) rc = use(m, &text, begin, out);
    mn_rendered_free(&text);
    mn_free(begin);
    mn_free(end);
    return rc;
}

static int check(const mn_model *m, const mn_request *r) {
    MN_TRY(mn_model_writes(m));
    MN_TRY(check_texts(r));
    if (r->raw || m->chat) return can_fit(m, r);
    return MN_FAIL(MN_EUNSUPPORTED, "%s has no chat template that can be used (%s); use --raw",
                   m->name, m->chat_error ? m->chat_error : "its file has none");
}

int mn_prompt_encode(const mn_model *m, const mn_request *r, size_t drop, mn_buf *ids) {
    MN_TRY(check(m, r));
    const char *text = r->prompt ? r->prompt : "";
    if (r->raw)
        return mn_tokenizer_encode(m->net->tokenizer, text, strlen(text), MN_TOK_BEGIN, ids);
    return with_text(m, r, drop, encode_rendered, ids);
}

/* ---- omnesia.h: the text of a request ------------------------------------------------------ */
typedef struct window {
    char *text;
    size_t cap;
} window;

static int copy_text(const mn_model *m, const mn_rendered *text, const char *begin, void *out) {
    (void)m;
    (void)begin;
    const window *w = out;
    if (w->cap)
        memcpy(w->text, text->text.data ? text->text.data : "",
               text->text.len < w->cap ? text->text.len : w->cap);
    return text->text.len > INT32_MAX
               ? MN_FAIL(MN_ETOOLONG, "a prompt of %zu bytes", text->text.len)
               : (int)text->text.len;
}

int mn_apply_template(const mn_model *m, const mn_request *r, char *text, size_t cap) {
    MN_TRY(check(m, r));
    if (r->raw) return MN_FAIL(MN_EINVAL, "a raw prompt has no template");
    return with_text(m, r, 0, copy_text, &(window){text, cap});
}
