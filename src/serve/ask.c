/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/ask.c - sampling, stop texts, tenant and prompt of a request.
 */
#include "serve/ask.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "serve/models.h"
#include "serve/remember.h"
#include "serve/route.h"
#include "serve/server.h"

#include <stdlib.h>
#include <string.h>

void mn_ask_free(mn_ask *ask) {
    for (size_t i = 0; i < ask->n_prompts; i++) mn_free(ask->prompt[i]);
    mn_free(ask->prompt);
    mn_free(ask->messages);
    mn_free(ask->tools);
    mn_free(ask->grammar);
    mn_free(ask->stop);
    mn_free(ask->bias);
    json_decref(ask->functions);
    mn_remember_free(&ask->remember);
    *ask = (mn_ask){0};
}

static int read_stop(const mn_fields *f, mn_ask *ask) {
    size_t n = json_is_array(f->stop) ? json_array_size(f->stop) : f->stop != NULL;
    if (!n) return 0;
    if (!(ask->stop = mn_calloc(n, sizeof *ask->stop)))
        return MN_FAIL(MN_ENOMEM, "no memory for %zu stop texts", n);
    for (size_t i = 0; i < n; i++) {
        ask->stop[i] =
            json_string_value(json_is_array(f->stop) ? json_array_get(f->stop, i) : f->stop);
        if (!*ask->stop[i]) return MN_FAIL(MN_EINVAL, "a stop text is empty");
    }
    ask->request.stop = ask->stop;
    ask->request.n_stop = n;
    return 0;
}

static int read_bias(mn_exchange *x, mn_ask *ask) {
    mn_model_info info;
    const char *id;
    json_t *v;
    size_t n = 0;
    json_t *const bias = x->fields.bias;
    mn_model_describe(x->use->model, &info);
    if (!bias || !json_object_size(bias)) return 0;
    if (json_object_size(bias) > 1024)
        return MN_FAIL(MN_EINVAL, "logit_bias has %zu tokens, and at most 1024 are allowed",
                       json_object_size(bias));
    if (!(ask->bias = mn_calloc(json_object_size(bias), sizeof *ask->bias)))
        return MN_FAIL(MN_ENOMEM, "no memory for logit_bias");
    json_object_foreach(bias, id, v) {
        char *end;
        const long k = strtol(id, &end, 10);
        const double b = json_number_value(v);
        if (!*id || *end || k < 0 || k >= info.n_vocab)
            return MN_FAIL(MN_EINVAL, "logit_bias: %.40s is no token id; they go from 0 to %d", id,
                           info.n_vocab - 1);
        if (!json_is_number(v) || b < -100 || b > 100)
            return MN_FAIL(MN_EINVAL, "logit_bias of token %ld must be a number from -100 to 100",
                           k);
        ask->bias[n++] = (mn_bias){(int32_t)k, (float)b};
    }
    ask->request.bias = ask->bias;
    ask->request.n_bias = n;
    return 0;
}

/* What all routes that write have in common. */
static int read_sampling(mn_exchange *x, mn_ask *ask, const char **param) {
    const mn_fields *f = &x->fields;
    mn_request *r = &ask->request;
    *r = x->server->options.request;
    r->max_tokens = f->max_tokens;
    r->temp = f->temp;
    r->top_p = f->top_p;
    r->top_k = f->top_k;
    r->min_p = f->min_p;
    r->typical_p = f->typical_p;
    r->repeat_penalty = f->repeat_penalty;
    r->presence_penalty = f->presence_penalty;
    r->frequency_penalty = f->frequency_penalty;
    r->repeat_last_n = f->repeat_last_n;
    r->seed = f->seed;
    r->ignore_eos = f->ignore_eos;
    r->owner = f->user ? f->user : x->key;
    r->patient = x->heard != NULL; /* of a batch: nobody waits for its first token */
    if (x->has_tenant) r->tenant = x->tenant;
    if (f->cache_salt) {
        mn_auth_salt(&x->server->auth, r->tenant, f->cache_salt, ask->tenant);
        ask->salted = 1;
    }
    *param = x->route->fields & MN_IN_MESSAGES ? "stop_sequences" : "stop";
    MN_TRY(read_stop(f, ask));
    *param = "logit_bias";
    MN_TRY(read_bias(x, ask));
    *param = NULL;
    return 0;
}

static int dump(const json_t *json, char **out) {
    *out = mn_json_text(json, JSON_COMPACT);
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a request");
}

/* Functions: each has a name that clients may be told. */
static int check_tools(const json_t *tools) {
    size_t i;
    json_t *tool;
    json_array_foreach(tools, i, tool) {
        json_t *function = json_object_get(tool, "function");
        const char *type = json_string_value(json_object_get(tool, "type"));
        const char *name = json_string_value(json_object_get(function, "name"));
        json_t *parameters = json_object_get(function, "parameters");
        if (!type || strcmp(type, "function") != 0)
            return MN_FAIL(MN_EINVAL, "tools[%zu].type must be \"function\"", i);
        if (!name || !*name || strlen(name) > 64)
            return MN_FAIL(MN_EINVAL, "tools[%zu].function.name must have 1 to 64 bytes", i);
        if (parameters && !json_is_null(parameters) && !json_is_object(parameters))
            return MN_FAIL(MN_EINVAL, "tools[%zu].function.parameters must be a JSON schema", i);
    }
    return 0;
}

static int is_none(const json_t *choice) {
    const char *type = json_string_value(json_object_get(choice, "type"));
    const char *text = json_string_value(choice);
    return (text && strcmp(text, "none") == 0) || (type && strcmp(type, "none") == 0);
}

int mn_ask_chat(mn_exchange *x, json_t *messages, json_t *tools, mn_ask *out, const char **param) {
    *out = (mn_ask){0};
    MN_TRY(read_sampling(x, out, param));
    MN_TRY(dump(messages, &out->messages));
    out->request.messages = out->messages;
    MN_TRY(mn_remember_begin(x, messages, out, param));
    *param = "tools";
    MN_TRY(check_tools(tools));
    if (json_array_size(tools) && !is_none(x->fields.tool_choice)) {
        out->functions = json_incref(tools);
        MN_TRY(dump(tools, &out->tools));
        out->request.tools = out->tools;
    }
    const int rc = mn_ask_grammar(&x->fields, out, param);
    if (rc < 0 && x->route->fields & MN_IN_RESPONSES && *param && **param == 'r')
        *param = "text.format"; /* what this route calls its response_format */
    out->request.grammar = out->grammar;
    return rc < 0 ? rc : mn_remember_fit(x, out);
}

/* ---- texts to go on from --------------------------------------------------------------------- */

static int append_text(mn_ask *ask, const char *text) {
    char *copy = mn_strdup(text);
    if (!copy) return MN_FAIL(MN_ENOMEM, "no memory for a prompt");
    ask->prompt[ask->n_prompts++] = copy;
    return 0;
}

static int text_of(const mn_model *model, const int32_t *ids, size_t n, char **out) {
    const int bytes = mn_decode(model, ids, n, MN_SPECIAL, NULL, 0);
    MN_TRY(bytes);
    if (!(*out = mn_malloc((size_t)bytes + 1))) return MN_FAIL(MN_ENOMEM, "no memory for a text");
    mn_decode(model, ids, n, MN_SPECIAL, *out, (size_t)bytes);
    (*out)[bytes] = 0;
    return 0;
}

/* Do these ids come back when their text is read? With or without the token texts begin with. */
static int come_back(const mn_model *model, const int32_t *ids, size_t n, const char *text) {
    int32_t *again = mn_malloc((n + 1) * sizeof *again);
    int same = 0;
    if (!again) return MN_FAIL(MN_ENOMEM, "no memory for %zu tokens", n);
    for (unsigned flags = 0; flags <= MN_BEGIN && !same; flags += MN_BEGIN)
        same = mn_encode(model, text, strlen(text), flags, again, n) == (int)n &&
               memcmp(again, ids, n * sizeof *ids) == 0;
    mn_free(again);
    return same ? 0
                : MN_FAIL(MN_EINVAL, "these token ids would be read as others, since prompts are "
                                     "read as text; send the text");
}

/* The ids of a list: caller frees. */
static int read_ids(mn_exchange *x, const json_t *list, int32_t **out) {
    const size_t n = json_array_size(list);
    mn_model_info info;
    mn_model_describe(x->use->model, &info);
    int32_t *ids = *out = mn_malloc((n + 1) * sizeof *ids);
    if (!ids) return MN_FAIL(MN_ENOMEM, "no memory for %zu tokens", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        const json_int_t k = json_integer_value(v);
        if (!json_is_integer(v) || k < 0 || k >= info.n_vocab)
            return MN_FAIL(MN_EINVAL, "item %zu is no token id; they go from 0 to %d", i,
                           info.n_vocab - 1);
        ids[i] = (int32_t)k;
    }
    return 0;
}

static int ids_text(mn_exchange *x, const json_t *list, int again, char **out) {
    const size_t n = json_array_size(list);
    int32_t *ids;
    int rc = read_ids(x, list, &ids);
    if (rc >= 0) rc = text_of(x->use->model, ids, n, out);
    if (rc >= 0 && again) rc = come_back(x->use->model, ids, n, *out);
    mn_free(ids);
    return rc;
}

int mn_ask_ids(mn_exchange *x, const json_t *list, char **out) {
    return ids_text(x, list, 1, out);
}

int mn_ask_ids_text(mn_exchange *x, const json_t *list, char **out) {
    return ids_text(x, list, 0, out);
}

static int append_ids(mn_exchange *x, mn_ask *ask, const json_t *ids) {
    char *text = NULL;
    const int rc = mn_ask_ids(x, ids, &text);
    if (rc >= 0)
        ask->prompt[ask->n_prompts++] = text;
    else
        mn_free(text);
    return rc;
}

/* "text", ["text", ..], [1, 2, ..] or [[1, 2, ..], ..] */
static int read_prompts(mn_exchange *x, mn_ask *ask) {
    const json_t *p = x->fields.prompt;
    const int ids = json_is_array(p) && json_is_integer(json_array_get(p, 0));
    const size_t n = json_is_array(p) && !ids ? json_array_size(p) : 1;
    if (!n || n > MN_ASK_PROMPTS || n * (size_t)x->fields.n > MN_ASK_ANSWERS)
        return MN_FAIL(MN_EINVAL,
                       "%zu prompts of %d answers each; at least one prompt and at most "
                       "%d answers are allowed",
                       n, x->fields.n, MN_ASK_ANSWERS);
    if (!(ask->prompt = mn_calloc(n, sizeof *ask->prompt)))
        return MN_FAIL(MN_ENOMEM, "no memory for %zu prompts", n);
    if (ids) return append_ids(x, ask, p);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(p) ? json_array_get(p, i) : p;
        if (json_is_string(one))
            MN_TRY(append_text(ask, json_string_value(one)));
        else if (json_is_array(one))
            MN_TRY(append_ids(x, ask, one));
        else
            return MN_FAIL(MN_EINVAL, "prompt must be a text, a list of texts, token ids, or lists "
                                      "of token ids");
    }
    return 0;
}

int mn_ask_text(mn_exchange *x, mn_ask *out, const char **param) {
    *out = (mn_ask){0};
    MN_TRY(read_sampling(x, out, param));
    *param = "prompt";
    MN_TRY(read_prompts(x, out));
    out->request.raw = 1;
    MN_TRY(mn_ask_grammar(&x->fields, out, param));
    out->request.grammar = out->grammar;
    return 0;
}
