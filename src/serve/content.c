/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/content.c - messages, checked and made plain: what OpenAI's clients may send in several
 * forms, templates get in one.
 *
 * Content becomes one text; arguments of a call, which come as JSON in a text, become an object;
 * the role "developer" is "system". Pictures, sound and files are refused, naming the place.
 */
#include "serve/ask.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* The text of one part; text parts have several names. */
static int append_part(const json_t *part, size_t i, char param[64], mn_buf *out) {
    static const char *const types[] = {"text", "input_text", "output_text", "refusal"};
    const char *type = json_string_value(json_object_get(part, "type"));
    const char *text = json_string_value(json_object_get(part, "text"));
    if (json_is_string(part)) return mn_buf_puts(out, json_string_value(part));
    const size_t n = strlen(param);
    snprintf(param + n, 64 - n, "[%zu]", i);
    if (!type) return MN_FAIL(MN_EINVAL, "%s has no type; give {\"type\": \"text\", ..}", param);
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (strcmp(type, types[k]) == 0) {
            if (k == 3) text = json_string_value(json_object_get(part, "refusal"));
            if (!text) return MN_FAIL(MN_EINVAL, "%s has no text", param);
            param[n] = 0;
            return mn_buf_puts(out, text);
        }
    return MN_FAIL(MN_EINVAL, "%s is of type %.40s; these models read text only", param, type);
}

int mn_ask_content(const json_t *content, char param[64], mn_buf *out) {
    size_t i;
    json_t *part;
    MN_TRY(mn_buf_puts(out, ""));
    if (!content || json_is_null(content)) return 0;
    if (json_is_string(content)) return mn_buf_puts(out, json_string_value(content));
    if (!json_is_array(content))
        return MN_FAIL(MN_EINVAL, "%s must be a text or a list of parts", param);
    json_array_foreach(content, i, part) MN_TRY(append_part(part, i, param, out));
    return 0;
}

/* {"id", "type", "function": {"name", "arguments"}}, the arguments as an object. */
static int plain_call(const json_t *call, char param[64], json_t **out) {
    json_t *function = json_object_get(call, "function");
    const char *name = json_string_value(json_object_get(function, "name"));
    json_t *arguments = json_object_get(function, "arguments");
    const char *text = json_string_value(arguments);
    json_t *parsed = NULL;
    if (!name) return MN_FAIL(MN_EINVAL, "%s.tool_calls has a call without function.name", param);
    if (text) parsed = json_loads(*text ? text : "{}", 0, NULL);
    if (!parsed && json_is_object(arguments)) parsed = json_incref(arguments);
    if (!parsed) parsed = text ? json_string(text) : json_object(); /* it is what was said */
    *out =
        json_pack("{s:s?, s:s, s:{s:s, s:o}}", "id", json_string_value(json_object_get(call, "id")),
                  "type", "function", "function", "name", name, "arguments", parsed);
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a call");
}

static int plain_calls(const json_t *calls, char param[64], json_t *message) {
    size_t i;
    json_t *call, *plain = NULL;
    if (!json_is_array(calls)) return MN_FAIL(MN_EINVAL, "%s.tool_calls must be a list", param);
    json_t *list = json_array();
    json_object_set_new(message, "tool_calls", list);
    json_array_foreach(calls, i, call) {
        MN_TRY(plain_call(call, param, &plain));
        json_array_append_new(list, plain);
    }
    return 0;
}

static const char *role_of(const json_t *message) {
    static const char *const roles[][2] = {{"system", "system"}, {"developer", "system"},
                                           {"user", "user"},     {"assistant", "assistant"},
                                           {"tool", "tool"},     {"function", "tool"}};
    const char *role = json_string_value(json_object_get(message, "role"));
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i][0]) == 0) return roles[i][1];
    return NULL;
}

static int plain_message(const json_t *message, char param[64], json_t **out) {
    static const char *const kept[] = {"name", "tool_call_id"};
    const char *role = role_of(message);
    json_t *calls = json_object_get(message, "tool_calls");
    mn_buf text = {.what = "a message"};
    const size_t n = strlen(param);
    *out = NULL;
    if (!json_is_object(message)) return MN_FAIL(MN_EINVAL, "%s must be an object", param);
    if (!role)
        return MN_FAIL(MN_EINVAL, "%s.role must be system, developer, user, assistant or tool",
                       param);
    snprintf(param + n, 64 - n, ".content");
    int rc = mn_ask_content(json_object_get(message, "content"), param, &text);
    if (rc >= 0) {
        param[n] = 0;
        *out = json_pack("{s:s, s:s%}", "role", role, "content", text.data, text.len);
        if (!*out) rc = MN_FAIL(MN_ENOMEM, "no memory for a message");
    }
    mn_buf_free(&text);
    for (size_t i = 0; i < 2 && rc >= 0; i++) {
        const char *v = json_string_value(json_object_get(message, kept[i]));
        if (v) json_object_set_new(*out, kept[i], json_string(v));
    }
    if (rc >= 0 && calls && !json_is_null(calls)) rc = plain_calls(calls, param, *out);
    return rc;
}

int mn_ask_messages(json_t *messages, json_t **out, char param[64]) {
    size_t i;
    json_t *message, *plain = NULL;
    snprintf(param, 64, "messages");
    if (!json_array_size(messages))
        return MN_FAIL(MN_EINVAL, "messages is empty; say at least one thing");
    if (!(*out = json_array())) return MN_FAIL(MN_ENOMEM, "no memory for messages");
    json_array_foreach(messages, i, message) {
        snprintf(param, 64, "messages[%zu]", i);
        const int rc = plain_message(message, param, &plain);
        if (plain) json_array_append_new(*out, plain);
        MN_TRY(rc);
    }
    return 0;
}
