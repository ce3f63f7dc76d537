/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/messages.c - Anthropic's /v1/messages and its count_tokens.
 *
 * Their blocks become OpenAI's messages: tool_use a call of the assistant, tool_result a message of
 * the tool; what the model thought before is left out, as they ask. Their input_tokens leaves out
 * what was cached; the sum of the three is the prompt. Events of a stream: message_start, each
 * block with start, deltas and stop, message_delta with the reason and the usage, message_stop.
 */
#include "serve/chat.h"
#include "serve/models.h"
#include "serve/remember.h"
#include "serve/route.h"
#include "serve/routes.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* ---- their messages as ours ---------------------------------------------------------------- */

static int append_message(json_t *out, const char *role, const mn_buf *text, json_t *calls) {
    json_t *m =
        json_pack("{s:s, s:s%}", "role", role, "content", text->len ? text->data : "", text->len);
    if (m && calls) json_object_set_new(m, "tool_calls", calls);
    return json_array_append_new(out, m) < 0 ? MN_FAIL(MN_EINVAL, "a message is no UTF-8") : 0;
}

/* {"type": "tool_result", "tool_use_id", "content", "is_error"} */
static int append_result(json_t *out, const json_t *block, char at[64]) {
    mn_buf text = {.what = "a message"};
    int rc = json_is_true(json_object_get(block, "is_error")) ? mn_buf_puts(&text, "error: ") : 0;
    if (rc >= 0) rc = mn_ask_content(json_object_get(block, "content"), at, &text);
    json_t *m = rc < 0 ? NULL
                       : json_pack("{s:s, s:s%, s:s?}", "role", "tool", "content", text.data,
                                   text.len, "tool_call_id",
                                   json_string_value(json_object_get(block, "tool_use_id")));
    if (rc >= 0 && json_array_append_new(out, m) < 0) rc = MN_FAIL(MN_EINVAL, "%s is no UTF-8", at);
    mn_buf_free(&text);
    return rc;
}

static json_t *call_of(const json_t *block) {
    json_t *input = json_object_get(block, "input");
    return json_pack("{s:s?, s:s, s:{s:O, s:o}}", "id",
                     json_string_value(json_object_get(block, "id")), "type", "function",
                     "function", "name", json_object_get(block, "name"), "arguments",
                     json_is_object(input) ? json_incref(input) : json_object());
}

/* One block of a message: results of tools go before what is said. */
static int read_block(const json_t *block, char at[64], json_t *out, mn_buf *text, json_t *calls) {
    const char *type = json_string_value(json_object_get(block, "type"));
    const char *said = json_string_value(json_object_get(block, "text"));
    if (type && strcmp(type, "text") == 0 && said) return mn_buf_puts(text, said);
    if (type && strcmp(type, "tool_result") == 0) return append_result(out, block, at);
    if (type && strcmp(type, "tool_use") == 0 && !json_is_string(json_object_get(block, "name")))
        return MN_FAIL(MN_EINVAL, "%s.name must be the name of the tool that was used", at);
    if (type && strcmp(type, "tool_use") == 0)
        return json_array_append_new(calls, call_of(block)) < 0
                   ? MN_FAIL(MN_EINVAL, "%s is no UTF-8", at)
                   : 0;
    if (type && strstr(type, "thinking")) return 0;
    return MN_FAIL(MN_EINVAL, "%s is of type %.40s; these models read text only", at,
                   type ? type : "unknown");
}

static int read_message(const json_t *message, char at[64], json_t *out) {
    const char *role = json_string_value(json_object_get(message, "role"));
    json_t *content = json_object_get(message, "content"), *block, *calls = json_array();
    mn_buf text = {.what = "a message"};
    const size_t n = strlen(at);
    size_t i;
    int rc = role && (strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0)
                 ? 0
                 : MN_FAIL(MN_EINVAL, "%s.role must be user or assistant", at);
    if (rc >= 0 && !json_is_array(content)) {
        snprintf(at + n, 64 - n, ".content");
        rc = mn_ask_content(content, at, &text);
    }
    json_array_foreach(content, i, block) {
        if (rc < 0) break;
        snprintf(at + n, 64 - n, ".content[%zu]", i);
        rc = read_block(block, at, out, &text, calls);
    }
    const int only_results =
        json_is_array(content) && json_array_size(content) && !text.len && !json_array_size(calls);
    if (rc >= 0 && !only_results)
        rc = append_message(out, role, &text, json_array_size(calls) ? json_incref(calls) : NULL);
    json_decref(calls);
    mn_buf_free(&text);
    return rc;
}

static int read_messages(const mn_fields *f, json_t *out, char at[64]) {
    size_t i;
    json_t *message;
    mn_buf system = {.what = "a message"};
    snprintf(at, 64, "system");
    int rc = mn_ask_content(f->system, at, &system);
    if (rc >= 0 && system.len) rc = append_message(out, "system", &system, NULL);
    mn_buf_free(&system);
    if (rc >= 0 && !json_array_size(f->messages)) {
        snprintf(at, 64, "messages");
        rc = MN_FAIL(MN_EINVAL, "messages is empty; say at least one thing");
    }
    json_array_foreach(f->messages, i, message) {
        if (rc < 0) break;
        snprintf(at, 64, "messages[%zu]", i);
        rc = read_message(message, at, out);
    }
    return rc;
}

/* {"name", "description", "input_schema"} */
static json_t *read_tools(const json_t *tools) {
    size_t i;
    json_t *tool, *out = json_array();
    json_array_foreach(tools, i, tool) {
        const char *name = json_string_value(json_object_get(tool, "name"));
        const char *about = json_string_value(json_object_get(tool, "description"));
        json_t *schema = json_object_get(tool, "input_schema");
        json_array_append_new(out, json_pack("{s:s, s:{s:s, s:s*, s:O*}}", "type", "function",
                                             "function", "name", name ? name : "", "description",
                                             about, "parameters", schema));
    }
    return out;
}

/* The conversation of a request, asked for. */
static int ask(mn_exchange *x, mn_ask *out) {
    char at[64];
    const char *param = at;
    json_t *theirs = json_array(), *messages = NULL, *tools = read_tools(x->fields.tools);
    int rc = read_messages(&x->fields, theirs, at);
    if (rc >= 0) rc = mn_ask_messages(theirs, &messages, at);
    if (rc >= 0) rc = mn_ask_chat(x, messages, tools, out, &param);
    json_decref(theirs);
    json_decref(messages);
    json_decref(tools);
    if (rc < 0) mn_reply_field(x, rc, param);
    return rc;
}

/* ---- what they are told -------------------------------------------------------------------- */

typedef struct blocks { /* of a stream */
    int n, text_open;
} blocks;

static void event(mn_answers *a, const char *name, json_t *data) {
    if (data) json_object_set_new(data, "type", json_string(name));
    mn_stream_event(a->x, name, data);
}

static json_t *usage_of(const mn_answers *a) {
    const mn_usage u = mn_answers_usage(a);
    return json_pack("{s:i, s:i, s:i, s:i}", "input_tokens", u.prompt - u.cached,
                     "cache_creation_input_tokens", 0, "cache_read_input_tokens", u.cached,
                     "output_tokens", u.written);
}

/* Which stop text ended the answer, when one did: the tokens say what was written, stop and all. */
static const char *stop_of(const mn_choice *c) {
    const mn_piece *p = (const mn_piece *)(const void *)c->told.data;
    const mn_ask *ask = &c->all->ask;
    const size_t n = c->told.len / sizeof *p;
    const char *found = NULL;
    mn_buf text = {0};
    char bytes[512];
    for (size_t i = n > 256 ? n - 256 : 0; i < n && ask->request.n_stop; i++) {
        const int k =
            mn_decode(c->all->x->use->model, &p[i].id, 1, MN_SPECIAL, bytes, sizeof bytes);
        if (k > 0 && k <= (int)sizeof bytes && mn_buf_append(&text, bytes, (size_t)k) < 0) break;
    }
    for (size_t i = 0; i < ask->request.n_stop && text.len && !found; i++)
        if (memmem(text.data, text.len, ask->stop[i], strlen(ask->stop[i]))) found = ask->stop[i];
    mn_buf_free(&text);
    return found;
}

static const char *reason_of(const mn_choice *c, const char *stop) {
    if (c->calls) return "tool_use";
    if (c->finish && strcmp(c->finish, "length") == 0) return "max_tokens";
    return stop ? "stop_sequence" : "end_turn";
}

static void begin(mn_answers *a) {
    if (!a->x->fields.stream) return;
    event(a, "message_start",
          json_pack("{s:{s:s, s:s, s:s, s:s, s:[], s:n, s:n, s:o, s:o*}}", "message", "id", a->id,
                    "type", "message", "role", "assistant", "model", a->x->use->name, "content",
                    "stop_reason", "stop_sequence", "usage", usage_of(a), "recalled",
                    mn_remember_ids(&a->ask)));
}

static void close_text(mn_answers *a, blocks *b) {
    if (!b->text_open) return;
    event(a, "content_block_stop", json_pack("{s:i}", "index", b->n++));
    b->text_open = 0;
}

static void tell_text(mn_choice *c, const char *text, size_t n) {
    mn_answers *a = c->all;
    blocks *b = a->state;
    if (!a->x->fields.stream) return;
    if (!b->text_open)
        event(a, "content_block_start",
              json_pack("{s:i, s:{s:s, s:s}}", "index", b->n, "content_block", "type", "text",
                        "text", ""));
    b->text_open = 1;
    event(a, "content_block_delta",
          json_pack("{s:i, s:{s:s, s:s%}}", "index", b->n, "delta", "type", "text_delta", "text",
                    text, n));
}

static void tell_call(mn_choice *c, const char *id, const char *name, const char *arguments) {
    mn_answers *a = c->all;
    blocks *b = a->state;
    if (!a->x->fields.stream) return;
    close_text(a, b);
    event(a, "content_block_start",
          json_pack("{s:i, s:{s:s, s:s, s:s, s:{}}}", "index", b->n, "content_block", "type",
                    "tool_use", "id", id, "name", name, "input"));
    event(a, "content_block_delta",
          json_pack("{s:i, s:{s:s, s:s}}", "index", b->n, "delta", "type", "input_json_delta",
                    "partial_json", arguments));
    event(a, "content_block_stop", json_pack("{s:i}", "index", b->n++));
}

static void tell_ended(mn_choice *c) {
    mn_answers *a = c->all;
    const char *stop = stop_of(c);
    close_text(a, a->state);
    event(a, "message_delta",
          json_pack("{s:{s:s, s:s?}, s:o}", "delta", "stop_reason", reason_of(c, stop),
                    "stop_sequence", stop, "usage", usage_of(a)));
    event(a, "message_stop", json_object());
}

static json_t *content_of(const mn_choice *c) {
    json_t *list = json_array(), *call;
    size_t i;
    if (c->content.len || !c->calls)
        json_array_append_new(list,
                              json_pack("{s:s, s:s%}", "type", "text", "text",
                                        c->content.len ? c->content.data : "", c->content.len));
    json_array_foreach(c->calls, i, call) {
        json_t *function = json_object_get(call, "function");
        json_t *input =
            json_loads(json_string_value(json_object_get(function, "arguments")), 0, NULL);
        json_array_append_new(list, json_pack("{s:s, s:O, s:O, s:o}", "type", "tool_use", "id",
                                              json_object_get(call, "id"), "name",
                                              json_object_get(function, "name"), "input",
                                              input ? input : json_object()));
    }
    return list;
}

static void tell_end(mn_answers *a) {
    mn_exchange *x = a->x;
    const mn_choice *c = a->choice;
    if (x->fields.stream) return mn_stream_end(x);
    const char *stop = stop_of(c);
    mn_reply_json(x, 200,
                  json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s?, s:o, s:o*}", "id", a->id, "type",
                            "message", "role", "assistant", "model", x->use->name, "content",
                            content_of(c), "stop_reason", reason_of(c, stop), "stop_sequence", stop,
                            "usage", usage_of(a), "recalled", mn_remember_ids(&a->ask)));
    mn_exchange_send(x);
}

static void tell_failed(mn_answers *a, int status, const char *code, const char *detail) {
    mn_stream_event(a->x, "error", mn_error_object(a->x, status, NULL, code, detail));
}

static const mn_teller teller = {begin,    tell_text,   tell_call, tell_ended,
                                 tell_end, tell_failed, NULL};

int mn_messages_work(mn_exchange *x) {
    mn_asked *a;
    const int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    MN_TRY(mn_asked_new(x, &teller, "msg_", sizeof(blocks), &a));
    if (x->fields.stop) x->fields.top_logprobs = 0; /* tokens tell which stop text it was */
    return ask(x, &a->ask);
}

int mn_count_work(mn_exchange *x) {
    mn_ask a = {0};
    mn_cached found;
    int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    rc = ask(x, &a);
    if (rc >= 0) {
        if (a.salted) a.request.tenant = a.tenant;
        rc = mn_explain(x->use->model, &a.request, &found);
        if (rc < 0)
            mn_reply_field(x, rc, "messages");
        else
            mn_reply_json(x, 200, json_pack("{s:i}", "input_tokens", (int)found.prompt_tokens));
    }
    mn_ask_free(&a);
    return rc;
}
