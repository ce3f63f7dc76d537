/* SPDX-License-Identifier: Apache-2.0
 *
 * api/endpoint.c - a question to an endpoint of OpenAI's form, and its answer.
 *
 * "URL#MODEL" names it; POST URL/chat/completions asks it, at temperature 0, with a response_format
 * of json_schema where a schema is given. Only what the caller hands in is sent, and only to a URL
 * that a user has named: nothing here knows any other. The key is OMNESIA_ENDPOINT_KEY. An answer
 * has OMNESIA_ENDPOINT_SECONDS (SECONDS) and MOST bytes; what it says is a text like any model's,
 * and nothing of it is done.
 */
#include "api/endpoint.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "net/post.h"
#include "omnesia.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 120, SECONDS_MOST = 86400, MOST = 4 << 20, QUOTED = 300 };
#define PATH "/chat/completions"

int mn_endpoint_is(const char *name) {
    return name && strstr(name, "://") != NULL;
}

/* url: the part before the "#", freed with mn_free, whose parts `to` borrows. */
static int split(const char *name, char **url, mn_url *to, const char **model) {
    const char *const mark = strchr(name, '#');
    *url = NULL;
    if (!mark || !mark[1])
        return MN_FAIL(MN_EINVAL,
                       "\"%.200s\" names no model: write URL#MODEL, such as "
                       "http://127.0.0.1:8080/v1#smollm2-135m",
                       name);
    *model = mark + 1;
    if (!(*url = mn_strdup(name))) return MN_FAIL(MN_ENOMEM, "no memory for a URL");
    (*url)[mark - name] = 0;
    return mn_url_read(*url, to);
}

int mn_endpoint_check(const char *name) {
    const char *model;
    char *url;
    mn_url to;
    const int rc = split(name, &url, &to, &model);
    mn_free(url);
    return rc;
}

static int seconds(int most) {
    const char *const text = getenv("OMNESIA_ENDPOINT_SECONDS");
    if (!text || !*text) return most;
    const long n = strtol(text, NULL, 10);
    return n < 1 ? 1 : n > SECONDS_MOST ? SECONDS_MOST : (int)n;
}

/* ---- the question -------------------------------------------------------------------------- */
static int put_json(json_t *to, const char *name, const char *text) {
    json_t *const value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!value) return MN_FAIL(MN_EINVAL, "%s is not JSON", name);
    return json_object_set_new(to, name, value) < 0 ? MN_FAIL(MN_ENOMEM, "no memory to ask") : 0;
}

static int question(const char *model, const char *messages, const char *schema, int32_t most,
                    char **out) {
    json_t *const q = json_pack("{s:s, s:i, s:b}", "model", model, "temperature", 0, "stream", 0);
    int rc = q ? put_json(q, "messages", messages) : MN_FAIL(MN_ENOMEM, "no memory to ask");
    if (rc >= 0 && most > 0) json_object_set_new(q, "max_tokens", json_integer(most));
    if (rc >= 0 && schema) {
        json_t *const form = json_pack("{s:s, s:b}", "name", "answer", "strict", 1);
        rc = put_json(form, "schema", schema);
        json_object_set_new(q, "response_format",
                            json_pack("{s:s, s:o}", "type", "json_schema", "json_schema", form));
    }
    if (rc >= 0 && !(*out = mn_json_text(q, JSON_COMPACT)))
        rc = MN_FAIL(MN_ENOMEM, "no memory to ask");
    json_decref(q);
    return rc;
}

/* ---- the answer ---------------------------------------------------------------------------- */
/* What it says of itself when it will not: the message of its error, else how its text begins. */
static int refused(const mn_url *to, int status, const mn_buf *body) {
    json_t *const all = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
    const json_t *const error = json_object_get(all, "error");
    const char *text = json_string_value(json_object_get(error, "message"));
    if (!text) text = json_string_value(error);
    if (!text) text = body->data ? body->data : "nothing";
    const int rc = status == 429 || status == 503 ? MN_EBUSY : MN_EIO;
    MN_FAIL(rc, "%s:%s answered %d: %.*s", to->host, to->port, status, QUOTED, text);
    json_decref(all);
    return rc;
}

/* What it says it cost: {"prompt_tokens", "completion_tokens", "prompt_tokens_details":
 * {"cached_tokens"}}. */
static int count_of(const json_t *usage, const char *name) {
    const json_int_t n = json_integer_value(json_object_get(usage, name));
    return n < 0 || n > INT32_MAX ? 0 : (int)n;
}
static void read_usage(const json_t *all, int tokens[3]) {
    const json_t *const usage = json_object_get(all, "usage");
    const int read = count_of(usage, "prompt_tokens");
    tokens[1] = count_of(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
    tokens[0] = read > tokens[1] ? read - tokens[1] : 0;
    tokens[2] = count_of(usage, "completion_tokens");
}

static int read_answer(const mn_url *to, const mn_buf *body, char **answer, int tokens[3]) {
    json_t *const all = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
    const json_t *const choice = json_array_get(json_object_get(all, "choices"), 0);
    const json_t *const text = json_object_get(json_object_get(choice, "message"), "content");
    const char *const end = json_string_value(json_object_get(choice, "finish_reason"));
    int rc = end && strcmp(end, "stop") != 0 ? 0 : 1;
    if (!json_is_string(text))
        rc = MN_FAIL(MN_EIO, "%s:%s answered, but with no text of a model", to->host, to->port);
    else if (!(*answer = mn_strdup(json_string_value(text))))
        rc = MN_FAIL(MN_ENOMEM, "no memory for an answer");
    read_usage(all, tokens);
    json_decref(all);
    return rc;
}

int mn_endpoint_ask(const char *endpoint, const char *messages, const char *schema,
                    int32_t max_tokens, char **answer) {
    int tokens[3];
    return mn_endpoint_ask_counted(endpoint, messages, schema, max_tokens, SECONDS, answer, tokens);
}

int mn_endpoint_ask_counted(const char *endpoint, const char *messages, const char *schema,
                            int32_t max_tokens, int most, char **answer, int tokens[3]) {
    const char *model, *const key = getenv("OMNESIA_ENDPOINT_KEY");
    char *url = NULL, *text = NULL;
    mn_buf body = {0};
    mn_url to;
    *answer = NULL;
    memset(tokens, 0, 3 * sizeof *tokens);
    int rc = split(endpoint, &url, &to, &model);
    if (rc >= 0) rc = question(model, messages, schema, max_tokens, &text);
    if (rc >= 0) {
        const mn_post post = {&to,           PATH, key && *key ? key : NULL, text, strlen(text),
                              seconds(most), MOST};
        rc = mn_post_json(&post, &body);
    }
    if (rc > 0) rc = rc == 200 ? read_answer(&to, &body, answer, tokens) : refused(&to, rc, &body);
    mn_buf_free(&body);
    mn_free(text);
    mn_free(url);
    return rc;
}
