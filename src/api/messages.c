/* SPDX-License-Identifier: Apache-2.0
 *
 * api/messages.c - each message is made plain in place, then all is printed once.
 */
#include "api/messages.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <jansson.h>
#include <string.h>

enum { DEEP = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES };

static int parse(const char *what, const char *text, json_t **out) {
    json_error_t e;
    *out = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    if (json_is_array(*out)) return 0;
    if (!*out) return MN_FAIL(MN_EINVAL, "%s is not JSON: %s (byte %d)", what, e.text, e.position);
    return MN_FAIL(MN_EINVAL, "%s is not a JSON array", what);
}

/* ---- plain messages ----------------------------------------------------------------------- */
static int join_parts(size_t i, json_t *message, const json_t *parts) {
    mn_buf text = {.what = "the prompt"};
    int rc = 0;
    for (size_t k = 0; rc >= 0 && k < json_array_size(parts); k++) {
        const json_t *t = json_object_get(json_array_get(parts, k), "text");
        if (json_is_string(t))
            rc = mn_buf_append(&text, json_string_value(t), json_string_length(t));
        else
            rc = MN_FAIL(MN_EINVAL,
                         "messages[%zu].content[%zu] is not a text, and only texts are read", i, k);
    }
    if (rc >= 0)
        json_object_set_new(message, "content", json_stringn(text.data ? text.data : "", text.len));
    mn_buf_free(&text);
    return rc;
}

static int plain_calls(size_t i, json_t *calls) {
    for (size_t k = 0; k < json_array_size(calls); k++) {
        json_t *f = json_object_get(json_array_get(calls, k), "function");
        const json_t *a = json_object_get(f, "arguments");
        if (!json_is_string(json_object_get(f, "name")))
            return MN_FAIL(MN_EINVAL, "messages[%zu].tool_calls[%zu] names no function", i, k);
        if (!json_is_string(a)) continue;
        json_t *value = json_loadb(json_string_value(a), json_string_length(a), DEEP, NULL);
        if (value) json_object_set_new(f, "arguments", value); /* else the text itself */
    }
    return 0;
}

static int plain(size_t i, json_t *message) {
    const json_t *content = json_object_get(message, "content");
    json_t *calls = json_object_get(message, "tool_calls");
    if (!json_is_string(json_object_get(message, "role")))
        return MN_FAIL(MN_EINVAL, "messages[%zu] has no role", i);
    if (json_is_array(content))
        MN_TRY(join_parts(i, message, content));
    else if (!content || json_is_null(content))
        json_object_set_new(message, "content", json_string(""));
    else if (!json_is_string(content))
        return MN_FAIL(MN_EINVAL, "messages[%zu].content is neither a text nor an array", i);
    if (json_is_null(calls)) json_object_del(message, "tool_calls");
    return json_is_array(calls) ? plain_calls(i, calls) : 0;
}

/* ---- tools in words ----------------------------------------------------------------------- */
static const char intro[] =
    "You may call functions. Each line here describes one, its parameters as a JSON schema:\n";
static const char how[] =
    "To call one, answer with nothing but\n<tool_call>\n{\"name\": \"the function\", "
    "\"arguments\": "
    "{\"a parameter\": \"its value\"}}\n</tool_call>\nand one such block for each further call. "
    "Its "
    "result comes in <tool_response>. Without need of a function, answer in words.";

static int put_json(mn_buf *out, const json_t *value) {
    return mn_json_write(value, JSON_COMPACT | JSON_ENCODE_ANY, out);
}

static int describe(const json_t *tools, mn_buf *out) {
    MN_TRY(mn_buf_puts(out, intro));
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *f = json_object_get(json_array_get(tools, i), "function");
        MN_TRY(put_json(out, f ? f : json_array_get(tools, i)));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return mn_buf_puts(out, how);
}

static int is_role(const json_t *message, const char *role) {
    return strcmp(json_string_value(json_object_get(message, "role")), role) == 0;
}

static int calls_in_words(json_t *message, mn_buf *text) {
    const json_t *calls = json_object_get(message, "tool_calls");
    MN_TRY(mn_buf_puts(text, json_string_value(json_object_get(message, "content"))));
    for (size_t k = 0; k < json_array_size(calls); k++) {
        const json_t *f = json_object_get(json_array_get(calls, k), "function");
        json_t *call = json_pack("{s:O, s:O?}", "name", json_object_get(f, "name"), "arguments",
                                 json_object_get(f, "arguments"));
        int rc = mn_buf_puts(text, text->len ? "\n<tool_call>\n" : "<tool_call>\n");
        if (rc >= 0) rc = put_json(text, call);
        if (rc >= 0) rc = mn_buf_puts(text, "\n</tool_call>");
        json_decref(call);
        MN_TRY(rc);
    }
    json_object_del(message, "tool_calls");
    return 0;
}

static int in_words(json_t *message, mn_buf *text) {
    mn_buf_clear(text);
    if (json_array_size(json_object_get(message, "tool_calls"))) {
        MN_TRY(calls_in_words(message, text));
    } else if (is_role(message, "tool")) {
        MN_TRY(mn_buf_printf(text, "<tool_response>\n%s\n</tool_response>",
                             json_string_value(json_object_get(message, "content"))));
        json_object_set_new(message, "role", json_string("user"));
    } else {
        return 0;
    }
    json_object_set_new(message, "content", json_stringn(text->data, text->len));
    return 0;
}

/* The tools, as the end of the system message, or one of their own. */
static int tell_tools(json_t *messages, const json_t *tools, mn_buf *text) {
    json_t *first = json_array_get(messages, 0);
    const int own = first && is_role(first, "system");
    mn_buf_clear(text);
    if (own) {
        MN_TRY(mn_buf_puts(text, json_string_value(json_object_get(first, "content"))));
        MN_TRY(mn_buf_puts(text, "\n\n"));
    }
    MN_TRY(describe(tools, text));
    json_t *content = json_stringn(text->data, text->len);
    if (own) return json_object_set_new(first, "content", content);
    return json_array_insert_new(messages, 0,
                                 json_pack("{s:s, s:o}", "role", "system", "content", content));
}

static int all_in_words(json_t *messages, const json_t *tools) {
    mn_buf text = {.what = "the prompt"};
    int rc = json_array_size(tools) ? tell_tools(messages, tools, &text) : 0;
    for (size_t i = 0; rc >= 0 && i < json_array_size(messages); i++)
        rc = in_words(json_array_get(messages, i), &text);
    mn_buf_free(&text);
    return rc;
}

/* What is recalled stands before the last thing the user says. */
static int put_recalled(json_t *messages, const char *recalled) {
    size_t i = json_array_size(messages);
    while (i && !is_role(json_array_get(messages, i - 1), "user")) i--;
    if (!i) return 0;
    json_t *const message = json_array_get(messages, i - 1);
    mn_buf text = {.what = "the prompt"};
    int rc = mn_buf_puts(&text, recalled);
    if (rc >= 0) rc = mn_buf_puts(&text, json_string_value(json_object_get(message, "content")));
    if (rc >= 0) json_object_set_new(message, "content", json_stringn(text.data, text.len));
    mn_buf_free(&text);
    return rc;
}

/* ---- all of it ---------------------------------------------------------------------------- */
int mn_messages_context(const char *messages, const char *tools, const char *recalled,
                        int template_has_tools, const char *begin, const char *end, mn_buf *out) {
    json_t *m = NULL, *t = NULL, *all = NULL;
    int rc = parse("messages", messages, &m);
    if (rc >= 0 && tools) rc = parse("tools", tools, &t);
    for (size_t i = 0; rc >= 0 && i < json_array_size(m); i++) rc = plain(i, json_array_get(m, i));
    if (rc >= 0 && recalled) rc = put_recalled(m, recalled);
    if (rc >= 0 && !template_has_tools) {
        rc = all_in_words(m, t);
        json_decref(t);
        t = NULL;
    }
    if (rc >= 0)
        all = json_pack("{s:O, s:O?, s:b, s:s, s:s}", "messages", m, "tools",
                        json_array_size(t) ? t : NULL, "add_generation_prompt", 1, "bos_token",
                        begin, "eos_token", end);
    if (rc >= 0) rc = all ? put_json(out, all) : MN_FAIL(MN_ENOMEM, "no memory for a prompt");
    json_decref(all);
    json_decref(t);
    json_decref(m);
    return rc;
}
