/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/react.c - the loop. A schema binds the form of each step, as it binds that of ours, but not
 * the names of slots: a flat loop knows none.
 */
#include "bench/react.h"

#include "base/buf.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 4, STEP_TOKENS = 160 };

static const char role[] =
    "You keep a plan: named slots, each with a value. The user speaks, and you work in steps. Each "
    "step is one JSON object: what you think (thought) and what you do (intent). Intents are: new "
    "(a slot and its text), update (the task of a slot gets another text), check (a question about "
    "a task: nothing changes), undo (a task is as it was before), replace (a task is replaced by a "
    "new slot), and finish, when all that the user said is done. The plan is: ";

static const char step[] =
    "{\"type\":\"object\",\"properties\":{\"thought\":{\"type\":\"string\",\"maxLength\":160},"
    "\"intent\":{\"enum\":[\"new\",\"update\",\"check\",\"undo\",\"replace\",\"finish\"]},"
    "\"task\":{\"type\":\"string\",\"maxLength\":60},\"slot\":{\"type\":\"string\",\"maxLength\":"
    "60},"
    "\"text\":{\"type\":\"string\",\"maxLength\":120}},\"required\":[\"thought\",\"intent\"],"
    "\"additionalProperties\":false}";
static const char done[] = "Observation: done.", finish[] = "finish";

static int add(json_t *messages, const char *who, const char *text) {
    json_t *const one = json_pack("{s:s, s:s}", "role", who, "content", text);
    return json_array_append_new(messages, one) < 0 ? MN_FAIL(MN_ENOMEM, "no memory for a prompt")
                                                    : 0;
}

static int add_step(json_t *messages, const json_t *object) {
    char *const text = json_dumps(object, JSON_COMPACT);
    const int rc = text ? add(messages, "assistant", text) : MN_ENOMEM;
    free(text);
    return rc;
}

int mn_react_begin(mn_react *r, const char *goal) {
    mn_buf text = {0};
    mn_react_end(r);
    r->messages = json_array();
    int rc = mn_buf_puts(&text, role);
    if (rc >= 0) rc = mn_buf_puts(&text, goal);
    if (rc >= 0) rc = add(r->messages, "system", text.data);
    mn_buf_free(&text);
    return rc;
}

void mn_react_end(mn_react *r) {
    json_decref(r->messages);
    r->messages = NULL;
}

static int keep(void *user, const char *text, size_t n) {
    return mn_buf_append(user, text, n) < 0;
}

/* The next step; NULL: what it said is none. */
static int next(mn_react *r, const json_t *messages, json_t **out) {
    char *const text = json_dumps(messages, JSON_COMPACT);
    mn_buf answer = {0};
    mn_stats stats = {0};
    mn_request ask = mn_request_default();
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a prompt");
    ask.messages = text;
    ask.grammar = step;
    ask.temp = 0;
    ask.max_tokens = STEP_TOKENS;
    ask.on_text = keep;
    ask.user = &answer;
    const int rc = mn_answer(r->model, &ask, &stats);
    *out = rc < 0 ? NULL : json_loadb(answer.data ? answer.data : "", answer.len, 0, NULL);
    r->tokens += stats.prompt_tokens + stats.tokens;
    mn_buf_free(&answer);
    free(text);
    return rc;
}

int mn_react_say(mn_react *r, const char *said, json_t **ops) {
    json_t *const messages = json_copy(r->messages), *one = NULL;
    *ops = json_array();
    int rc = add(messages, "user", said);
    for (int i = 0; rc >= 0 && i < STEPS; i++) {
        rc = next(r, messages, &one);
        const char *const intent = json_string_value(json_object_get(one, "intent"));
        if (rc < 0 || !intent || strcmp(intent, finish) == 0) break;
        rc = add_step(messages, one);
        if (rc >= 0) rc = add(messages, "user", done);
        json_array_append_new(*ops, one);
        one = NULL;
    }
    json_decref(one);
    json_decref(messages);
    return rc;
}

int mn_react_tell(mn_react *r, const char *said, const char *ops) {
    mn_buf list = {0};
    size_t i;
    json_t *one;
    int rc = mn_buf_printf(&list, "[%s]", ops);
    json_t *const all = rc < 0 ? NULL : json_loads(list.data, 0, NULL);
    if (rc >= 0) rc = add(r->messages, "user", said);
    json_array_foreach(all, i, one) {
        json_t *const told = json_pack("{s:s}", "thought", said);
        json_object_update(told, one);
        if (rc >= 0) rc = add_step(r->messages, told);
        if (rc >= 0) rc = add(r->messages, "user", done);
        json_decref(told);
    }
    json_t *const end = json_pack("{s:s, s:s}", "thought", "All is done.", "intent", finish);
    if (rc >= 0) rc = add_step(r->messages, end);
    json_decref(end);
    json_decref(all);
    mn_buf_free(&list);
    return rc;
}
