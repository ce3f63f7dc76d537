/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/chat.c - OpenAI's two ways to ask: a conversation, and a text to go on from.
 *
 * Events of a stream: the role first, then text or calls as they come, then why it ended, then the
 * usage when it was asked for, then "[DONE]".
 */
#include "serve/chat.h"

#include "base/alloc.h"
#include "base/error.h"
#include "serve/models.h"
#include "serve/remember.h"
#include "serve/route.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>

/* ---- what both have in common ---------------------------------------------------------------- */

int mn_reply_field(mn_exchange *x, int rc, const char *param) {
    const char *code;
    const int status = mn_status_of(rc, &code);
    return mn_reply_error(x, status, param, code, "%s", mn_error_detail());
}

int mn_chat_model(mn_exchange *x, int vectors) {
    if (x->use) return 0;
    if (mn_remember_wanted(x) && !x->at_work) return 1; /* to look into memory */
    const int rc = mn_models_use(&x->server->models, x->fields.model, vectors, x->at_work, &x->use);
    if (rc < 0) mn_reply_field(x, rc, rc == MN_ENOENT ? "model" : NULL);
    return rc;
}

static void free_asked(mn_exchange *x) {
    mn_asked *a = x->state;
    mn_ask_free(&a->ask);
    mn_free(a->state);
    mn_free(a);
}

int mn_asked_new(mn_exchange *x, const mn_teller *teller, const char *prefix, size_t state,
                 mn_asked **out) {
    mn_asked *a = mn_calloc(1, sizeof *a);
    void *own = a && state ? mn_calloc(1, state) : NULL;
    if (!a || (state && !own)) {
        mn_free(a);
        return mn_reply_failure(x, MN_ENOMEM, NULL, "no memory for a request"), MN_ENOMEM;
    }
    *a = (mn_asked){.teller = teller, .prefix = prefix, .state = own};
    x->state = a;
    x->free_state = free_asked;
    *out = a;
    return 0;
}

void mn_asked_start(mn_exchange *x) {
    mn_asked *a = x->state;
    mn_ask ask = a->ask;
    const mn_teller *teller = a->teller;
    const char *prefix = a->prefix;
    void *state = a->state;
    mn_free(a);
    x->state = NULL;
    x->free_state = NULL;
    mn_answers_start(x, &ask, teller, prefix, state);
}

json_t *mn_usage_json(const mn_answers *a) {
    const mn_usage u = mn_answers_usage(a);
    return json_pack("{s:i, s:i, s:i, s:{s:i}}", "prompt_tokens", u.prompt, "completion_tokens",
                     u.written, "total_tokens", u.prompt + u.written, "prompt_tokens_details",
                     "cached_tokens", u.cached);
}

static int is_chat(const mn_answers *a) {
    return (a->x->route->fields & MN_IN_CHAT) != 0;
}

static json_t *envelope(const mn_answers *a, const char *object, json_t *choices) {
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", a->id, "object", object, "created",
                     (json_int_t)a->created, "model", a->x->use->name, "system_fingerprint",
                     "omnesia-" MN_VERSION, "choices", choices);
}

/* ---- streams --------------------------------------------------------------------------------- */

/* What was recalled is told with the first event, and with the whole reply. */
static void add_recalled(const mn_answers *a, json_t *all) {
    json_t *ids = mn_remember_ids(&a->ask);
    if (all && ids)
        json_object_set_new(all, "recalled", ids);
    else
        json_decref(ids);
}

static void event(mn_answers *a, json_t *choices, json_t *usage) {
    json_t *e = envelope(a, is_chat(a) ? "chat.completion.chunk" : "text_completion", choices);
    if (!a->x->sent) add_recalled(a, e);
    if (a->x->fields.usage) json_object_set_new(e, "usage", usage ? usage : json_null());
    mn_stream_event(a->x, NULL, e);
}

/* One choice of a chat's event; consumes delta. */
static void chat_event(mn_choice *c, json_t *delta, json_t *logprobs, const char *finish) {
    if (!c->spoke) {
        c->spoke = 1;
        chat_event(c, json_pack("{s:s, s:s}", "role", "assistant", "content", ""), NULL, NULL);
    }
    event(c->all,
          json_pack("[{s:i, s:o, s:o?, s:s?}]", "index", c->index, "delta", delta, "logprobs",
                    logprobs, "finish_reason", finish),
          NULL);
}

static void text_event(mn_choice *c, const char *text, size_t n, json_t *logprobs,
                       const char *finish) {
    event(c->all,
          json_pack("[{s:i, s:s%, s:o?, s:s?}]", "index", c->index, "text", text, n, "logprobs",
                    logprobs, "finish_reason", finish),
          NULL);
}

static const char *echo_of(const mn_choice *c) {
    const mn_answers *a = c->all;
    return a->x->fields.echo && a->ask.n_prompts ? a->ask.prompt[c->prompt] : "";
}

static void begin(mn_answers *a) {
    for (int i = 0; i < a->n && a->x->fields.stream && !is_chat(a); i++) {
        const char *echo = echo_of(&a->choice[i]);
        if (*echo) text_event(&a->choice[i], echo, strlen(echo), NULL, NULL);
    }
}

static void tell_text(mn_choice *c, const char *text, size_t n) {
    if (!c->all->x->fields.stream) return;
    if (is_chat(c->all))
        chat_event(c, json_pack("{s:s%}", "content", text, n), mn_chat_logprobs(c), NULL);
    else
        text_event(c, text, n, mn_text_logprobs(c, strlen(echo_of(c)) + c->offset), NULL);
}

static void tell_call(mn_choice *c, const char *id, const char *name, const char *arguments) {
    const int k = (int)json_array_size(c->calls) - 1;
    if (!c->all->x->fields.stream) return;
    chat_event(c,
               json_pack("{s:[{s:i, s:s, s:s, s:{s:s, s:s}}]}", "tool_calls", "index", k, "id", id,
                         "type", "function", "function", "name", name, "arguments", ""),
               NULL, NULL);
    chat_event(c,
               json_pack("{s:[{s:i, s:{s:s}}]}", "tool_calls", "index", k, "function", "arguments",
                         arguments),
               NULL, NULL);
}

static void tell_ended(mn_choice *c) {
    if (is_chat(c->all))
        chat_event(c, json_object(), mn_chat_logprobs(c), c->finish);
    else
        text_event(c, "", 0, mn_text_logprobs(c, strlen(echo_of(c)) + c->offset), c->finish);
}

static void tell_failed(mn_answers *a, int status, const char *code, const char *detail) {
    mn_stream_event(a->x, NULL, mn_error_object(a->x, status, NULL, code, detail));
    mn_stream_text(a->x, "data: [DONE]\n\n", 14);
}

/* ---- whole replies --------------------------------------------------------------------------- */

static json_t *chat_choice(mn_choice *c) {
    /* A call alone has no content, as clients expect. */
    json_t *content = c->calls && !c->content.len
                          ? json_null()
                          : json_stringn(c->content.len ? c->content.data : "", c->content.len);
    json_t *message =
        json_pack("{s:s, s:o, s:n}", "role", "assistant", "content", content, "refusal");
    if (message && c->calls) json_object_set(message, "tool_calls", c->calls);
    return json_pack("{s:i, s:o, s:o?, s:s}", "index", c->index, "message", message, "logprobs",
                     mn_chat_logprobs(c), "finish_reason", c->finish);
}

static json_t *text_choice(mn_choice *c) {
    mn_buf text = {.what = "a reply"};
    const char *echo = echo_of(c);
    json_t *one = NULL;
    if (mn_buf_puts(&text, echo) >= 0 &&
        mn_buf_append(&text, c->content.len ? c->content.data : "", c->content.len) >= 0)
        one = json_pack("{s:i, s:s%, s:o?, s:s}", "index", c->index, "text", text.data, text.len,
                        "logprobs", mn_text_logprobs(c, strlen(echo)), "finish_reason", c->finish);
    mn_buf_free(&text);
    return one;
}

static void tell_end(mn_answers *a) {
    mn_exchange *x = a->x;
    if (x->fields.stream) {
        if (x->fields.usage) event(a, json_array(), mn_usage_json(a));
        mn_stream_text(x, "data: [DONE]\n\n", 14);
        return mn_stream_end(x);
    }
    json_t *choices = json_array();
    for (int i = 0; i < a->n; i++)
        json_array_append_new(choices,
                              is_chat(a) ? chat_choice(&a->choice[i]) : text_choice(&a->choice[i]));
    json_t *all = envelope(a, is_chat(a) ? "chat.completion" : "text_completion", choices);
    if (all) json_object_set_new(all, "usage", mn_usage_json(a));
    add_recalled(a, all);
    mn_reply_json(x, 200, all);
    mn_exchange_send(x);
}

static const mn_teller teller = {begin,    tell_text,   tell_call, tell_ended,
                                 tell_end, tell_failed, NULL};

/* ---- from the fields ------------------------------------------------------------------------- */

/* The log-probabilities of chat are asked for by a flag and a number. */
static int read_logprobs(mn_exchange *x) {
    mn_fields *f = &x->fields;
    if (f->top_logprobs > 0 && !f->logprobs)
        return MN_FAIL(MN_EINVAL, "top_logprobs needs logprobs to be true");
    if (!f->logprobs)
        f->top_logprobs = -1;
    else if (f->top_logprobs < 0)
        f->top_logprobs = 0;
    return 0;
}

int mn_chat_work(mn_exchange *x) {
    mn_asked *a;
    json_t *messages = NULL;
    char at[64] = "messages";
    const char *param = at;
    int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    MN_TRY(mn_asked_new(x, &teller, "chatcmpl-", 0, &a));
    rc = mn_ask_messages(x->fields.messages, &messages, at);
    if (rc >= 0) rc = mn_ask_chat(x, messages, x->fields.tools, &a->ask, &param);
    if (rc >= 0 && (rc = read_logprobs(x)) < 0) param = "top_logprobs";
    json_decref(messages);
    if (rc < 0) mn_reply_field(x, rc, param);
    return rc;
}

int mn_text_work(mn_exchange *x) {
    mn_asked *a;
    const char *param = NULL;
    int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    MN_TRY(mn_asked_new(x, &teller, "cmpl-", 0, &a));
    rc = mn_ask_text(x, &a->ask, &param);
    if (rc < 0) mn_reply_field(x, rc, param);
    return rc;
}
