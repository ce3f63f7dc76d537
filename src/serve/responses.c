/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/responses.c - OpenAI's /v1/responses, without state: all of a conversation is its input.
 *
 * Items become messages: function_call a call of the assistant (those in a row one message), its
 * output a message of the tool; reasoning is left out. An answer is a list of items: a message with
 * the text, if there is any, and a function_call for each call. A stream tells each item's growth,
 * numbered; its last event holds the whole response.
 */
#include "serve/chat.h"
#include "serve/models.h"
#include "serve/remember.h"
#include "serve/routes.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* ---- items as messages --------------------------------------------------------------------- */

static int append(json_t *out, json_t *message) {
    return json_array_append_new(out, message) < 0 ? MN_FAIL(MN_EINVAL, "an item is no UTF-8") : 0;
}

/* Joins the calls before it, when they are of the same turn. */
static int read_call(const json_t *item, const char *at, json_t *out) {
    json_t *name = json_object_get(item, "name"), *arguments = json_object_get(item, "arguments");
    json_t *last = json_array_get(out, json_array_size(out) - 1);
    json_t *calls = json_object_get(last, "tool_calls");
    if (!json_is_string(name) || !json_is_string(arguments))
        return MN_FAIL(MN_EINVAL, "%s needs name and arguments", at);
    json_t *call = json_pack("{s:s?, s:s, s:{s:O, s:O}}", "id",
                             json_string_value(json_object_get(item, "call_id")), "type",
                             "function", "function", "name", name, "arguments", arguments);
    if (calls) return json_array_append_new(calls, call);
    return append(out, json_pack("{s:s, s:s, s:[o]}", "role", "assistant", "content", "",
                                 "tool_calls", call));
}

/* Checked here, so that what is wrong has the name its client knows. */
static int read_message(const json_t *item, char at[64], json_t *out) {
    static const char *const roles[] = {"user", "assistant", "system", "developer"};
    const char *role = json_string_value(json_object_get(item, "role"));
    const size_t n = strlen(at);
    mn_buf text = {.what = "a message"};
    int known = 0;
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        known |= strcmp(role, roles[i]) == 0;
    if (!known)
        return MN_FAIL(MN_EINVAL, "%s.role must be user, assistant, system or developer", at);
    snprintf(at + n, 64 - n, ".content");
    int rc = mn_ask_content(json_object_get(item, "content"), at, &text);
    if (rc >= 0)
        rc = append(out, json_pack("{s:s, s:s%}", "role", role, "content", text.data, text.len));
    mn_buf_free(&text);
    return rc;
}

static int read_output(const json_t *item, char at[64], json_t *out) {
    mn_buf text = {.what = "a message"};
    int rc = mn_ask_content(json_object_get(item, "output"), at, &text);
    if (rc >= 0)
        rc = append(out,
                    json_pack("{s:s, s:s%, s:s?}", "role", "tool", "content", text.data, text.len,
                              "tool_call_id", json_string_value(json_object_get(item, "call_id"))));
    mn_buf_free(&text);
    return rc;
}

static int read_item(const json_t *item, char at[64], json_t *out) {
    const json_t *of = json_object_get(item, "type");
    const char *type = json_string_value(of);
    if (!json_is_object(item)) return MN_FAIL(MN_EINVAL, "%s must be an object", at);
    if (of && !type) return MN_FAIL(MN_EINVAL, "%s.type must be a text", at);
    if (!type || strcmp(type, "message") == 0) return read_message(item, at, out);
    if (strcmp(type, "function_call") == 0) return read_call(item, at, out);
    if (strcmp(type, "function_call_output") == 0) return read_output(item, at, out);
    if (strcmp(type, "reasoning") == 0) return 0;
    return MN_FAIL(MN_EINVAL, "%s is of type %.40s, which this server does not read", at, type);
}

static int read_input(const mn_fields *f, json_t *out, char at[64]) {
    size_t i;
    json_t *item;
    int rc = 0;
    snprintf(at, 64, "input");
    if (f->instructions)
        rc = append(out, json_pack("{s:s, s:s}", "role", "system", "content", f->instructions));
    if (rc >= 0 && json_is_string(f->input))
        return append(out, json_pack("{s:s, s:O}", "role", "user", "content", f->input));
    if (rc >= 0 && (!json_is_array(f->input) || !json_array_size(f->input)))
        return MN_FAIL(MN_EINVAL, "input must be a text or a list of items, at least one");
    json_array_foreach(f->input, i, item) {
        if (rc < 0) break;
        snprintf(at, 64, "input[%zu]", i);
        rc = read_item(item, at, out);
    }
    return rc;
}

/* {"type": "function", "name", "parameters"}: flat. */
static json_t *read_tools(const json_t *tools) {
    size_t i;
    json_t *tool, *out = json_array();
    json_array_foreach(tools, i, tool) {
        const char *type = json_string_value(json_object_get(tool, "type"));
        const char *name = json_string_value(json_object_get(tool, "name"));
        const char *about = json_string_value(json_object_get(tool, "description"));
        json_array_append_new(out,
                              json_pack("{s:s, s:{s:s, s:s*, s:O*}}", "type", type ? type : "",
                                        "function", "name", name ? name : "", "description", about,
                                        "parameters", json_object_get(tool, "parameters")));
    }
    return out;
}

/* ---- what they are told -------------------------------------------------------------------- */

typedef struct items { /* of a stream */
    int n, sequence, text_open;
    char message[48];
    mn_buf text;
    json_t *output;
} items;

static json_t *part_of(const char *text, size_t n) {
    return json_pack("{s:s, s:s%, s:[], s:[]}", "type", "output_text", "text", text, n,
                     "annotations", "logprobs");
}

static json_t *message_of(const char *id, const char *status, json_t *part) {
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", "message", "id", id, "status", status,
                     "role", "assistant", "content", part ? json_pack("[o]", part) : json_array());
}

static json_t *call_of(const char *id, const char *call, const char *status, const char *name,
                       const char *arguments) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "function_call", "id", id, "call_id",
                     call, "status", status, "name", name, "arguments", arguments);
}

static json_t *usage_of(const mn_answers *a) {
    const mn_usage u = mn_answers_usage(a);
    return json_pack("{s:i, s:{s:i}, s:i, s:{s:i}, s:i}", "input_tokens", u.prompt,
                     "input_tokens_details", "cached_tokens", u.cached, "output_tokens", u.written,
                     "output_tokens_details", "reasoning_tokens", 0, "total_tokens",
                     u.prompt + u.written);
}

/* The response as a whole; consumes output and error. */
static json_t *response(const mn_answers *a, const char *status, json_t *output, json_t *error) {
    const mn_fields *f = &a->x->fields;
    const int complete = strcmp(status, "completed") == 0 || strcmp(status, "incomplete") == 0;
    json_t *o = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:o, s:o?, s:n, s:f, s:f, s:b, s:b, s:n, s:s, s:{}}", "id",
        a->id, "object", "response", "created_at", (json_int_t)a->created, "status", status,
        "model", a->x->use->name, "output", output, "error", error, "previous_response_id",
        "temperature", (double)f->temp, "top_p", (double)f->top_p, "parallel_tool_calls",
        f->parallel != 0, "store", 0, "user", "truncation", "disabled", "metadata");
    if (!o) return NULL;
    json_object_set_new(o, "incomplete_details",
                        strcmp(status, "incomplete") == 0
                            ? json_pack("{s:s}", "reason", "max_output_tokens")
                            : json_null());
    json_t *recalled = mn_remember_ids(&a->ask);
    if (recalled) json_object_set_new(o, "recalled", recalled);
    json_object_set_new(o, "usage", complete ? usage_of(a) : json_null());
    json_object_set_new(o, "instructions",
                        f->instructions ? json_string(f->instructions) : json_null());
    json_object_set_new(o, "tools", f->tools ? json_incref(f->tools) : json_array());
    json_object_set_new(o, "tool_choice",
                        f->tool_choice ? json_incref(f->tool_choice) : json_string("auto"));
    json_object_set_new(o, "text",
                        f->format ? json_pack("{s:O}", "format", f->format)
                                  : json_pack("{s:{s:s}}", "format", "type", "text"));
    return o;
}

static void event(mn_answers *a, const char *name, json_t *data) {
    items *s = a->state;
    if (data) {
        json_object_set_new(data, "type", json_string(name));
        json_object_set_new(data, "sequence_number", json_integer(s->sequence++));
    }
    mn_stream_event(a->x, name, data);
}

static void begin(mn_answers *a) {
    items *s = a->state;
    mn_answers_name("msg_", s->message);
    s->text.what = "the text of an answer";
    s->output = json_array();
    if (!a->x->fields.stream) return;
    event(a, "response.created",
          json_pack("{s:o}", "response", response(a, "in_progress", json_array(), NULL)));
    event(a, "response.in_progress",
          json_pack("{s:o}", "response", response(a, "in_progress", json_array(), NULL)));
}

static void open_text(mn_answers *a, items *s) {
    s->text_open = 1;
    event(a, "response.output_item.added",
          json_pack("{s:i, s:o}", "output_index", s->n, "item",
                    message_of(s->message, "in_progress", NULL)));
    event(a, "response.content_part.added",
          json_pack("{s:s, s:i, s:i, s:o}", "item_id", s->message, "output_index", s->n,
                    "content_index", 0, "part", part_of("", 0)));
}

static void close_text(mn_answers *a, items *s) {
    if (!s->text_open) return;
    const char *text = s->text.len ? s->text.data : "";
    event(a, "response.output_text.done",
          json_pack("{s:s, s:i, s:i, s:s%, s:[]}", "item_id", s->message, "output_index", s->n,
                    "content_index", 0, "text", text, s->text.len, "logprobs"));
    event(a, "response.content_part.done",
          json_pack("{s:s, s:i, s:i, s:o}", "item_id", s->message, "output_index", s->n,
                    "content_index", 0, "part", part_of(text, s->text.len)));
    json_t *item = message_of(s->message, "completed", part_of(text, s->text.len));
    json_array_append(s->output, item);
    event(a, "response.output_item.done",
          json_pack("{s:i, s:o}", "output_index", s->n++, "item", item));
    s->text_open = 0;
    mn_buf_clear(&s->text);
    mn_answers_name("msg_", s->message);
}

static void tell_text(mn_choice *c, const char *text, size_t n) {
    mn_answers *a = c->all;
    items *s = a->state;
    if (!a->x->fields.stream) return;
    if (!s->text_open) open_text(a, s);
    if (mn_buf_append(&s->text, text, n) < 0) return; /* the whole text misses it; deltas do not */
    event(a, "response.output_text.delta",
          json_pack("{s:s, s:i, s:i, s:s%, s:[]}", "item_id", s->message, "output_index", s->n,
                    "content_index", 0, "delta", text, n, "logprobs"));
}

static void tell_call(mn_choice *c, const char *call, const char *name, const char *arguments) {
    mn_answers *a = c->all;
    items *s = a->state;
    char id[48];
    mn_answers_name("fc_", id);
    if (a->x->fields.stream) {
        close_text(a, s);
        event(a, "response.output_item.added",
              json_pack("{s:i, s:o}", "output_index", s->n, "item",
                        call_of(id, call, "in_progress", name, "")));
        event(
            a, "response.function_call_arguments.delta",
            json_pack("{s:s, s:i, s:s}", "item_id", id, "output_index", s->n, "delta", arguments));
        event(a, "response.function_call_arguments.done",
              json_pack("{s:s, s:i, s:s, s:s}", "item_id", id, "output_index", s->n, "name", name,
                        "arguments", arguments));
        event(a, "response.output_item.done",
              json_pack("{s:i, s:o}", "output_index", s->n++, "item",
                        call_of(id, call, "completed", name, arguments)));
    }
    json_array_append_new(s->output, call_of(id, call, "completed", name, arguments));
}

static void tell_ended(mn_choice *c) {
    close_text(c->all, c->all->state);
}

static void tell_end(mn_answers *a) {
    mn_exchange *x = a->x;
    items *s = a->state;
    const mn_choice *c = a->choice;
    const char *status = strcmp(c->finish, "length") == 0 ? "incomplete" : "completed";
    if (!x->fields.stream && (c->content.len || !json_array_size(s->output)))
        json_array_insert_new(
            s->output, 0,
            message_of(s->message, "completed",
                       part_of(c->content.len ? c->content.data : "", c->content.len)));
    json_t *whole = response(a, status, s->output, NULL);
    s->output = NULL;
    mn_buf_free(&s->text);
    if (!x->fields.stream) {
        mn_reply_json(x, 200, whole);
        return mn_exchange_send(x);
    }
    event(a, *status == 'i' ? "response.incomplete" : "response.completed",
          json_pack("{s:o}", "response", whole));
    mn_stream_end(x);
}

static void tell_failed(mn_answers *a, int status, const char *code, const char *detail) {
    event(a, "response.failed",
          json_pack("{s:o}", "response",
                    response(a, "failed", json_array(),
                             json_pack("{s:s, s:s}", "code", code ? code : "server_error",
                                       "message", detail))));
}

static void tell_free(mn_answers *a) {
    items *s = a->state;
    json_decref(s->output);
    mn_buf_free(&s->text);
}

static const mn_teller teller = {begin,    tell_text,   tell_call, tell_ended,
                                 tell_end, tell_failed, tell_free};

int mn_responses_work(mn_exchange *x) {
    mn_asked *a;
    char at[64];
    const char *param = at;
    json_t *theirs = NULL, *messages = NULL, *tools = NULL;
    int rc = mn_chat_model(x, 0);
    if (rc) return rc;
    MN_TRY(mn_asked_new(x, &teller, "resp_", sizeof(items), &a));
    theirs = json_array();
    tools = read_tools(x->fields.tools);
    rc = read_input(&x->fields, theirs, at);
    if (rc >= 0 && (rc = mn_ask_messages(theirs, &messages, at)) < 0) param = "input";
    if (rc >= 0) rc = mn_ask_chat(x, messages, tools, &a->ask, &param);
    json_decref(theirs);
    json_decref(messages);
    json_decref(tools);
    if (rc < 0) mn_reply_field(x, rc, param);
    return rc;
}
