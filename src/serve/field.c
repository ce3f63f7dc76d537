/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/field.c - the rows, and the one reader of them.
 */
#include "serve/field.h"

#include "base/budget.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

#define AT(field) offsetof(mn_fields, field)
enum {
    CHAT = MN_IN_CHAT,
    TEXT = MN_IN_TEXT,
    MESSAGES = MN_IN_MESSAGES,
    RESPONSES = MN_IN_RESPONSES,
    OPENAI = CHAT | TEXT,
    DRAW = CHAT | TEXT | MESSAGES | RESPONSES, /* all that write */
    CALLS = CHAT | MESSAGES | RESPONSES,       /* all that know tools */
    ALL = 0x1ff,
    ADD = MN_IN_ADD,
    SAID = MN_IN_ADD | MN_IN_UPDATE,
    LISTS = MN_IN_RECORDS | MN_IN_SEARCH | MN_IN_FORGET,
    PAGES = MN_IN_RECORDS | MN_IN_SEARCH | MN_IN_HISTORY | MN_IN_RECORD | MN_IN_TASKS |
            MN_IN_TASK, /* answers with a size */
};
#define MOST_ID 9007199254740991.0 /* 2^53 - 1 */
/* clang-format off */
#define ROW(name, kind, routes, field, min, max, standard, about) \
    {name, MN_FIELD_##kind, routes, 0, AT(field), min, max, standard, about}
#define NEED(name, kind, routes, field, max, shape, about) \
    {name, MN_FIELD_##kind, routes, 1, AT(field), 0, max, NULL, about, shape}
/* May be absent, and has a schema of its own. */
#define SHAPED(name, kind, routes, field, max, standard, shape, about) \
    {name, MN_FIELD_##kind, routes, 0, AT(field), 0, max, standard, about, shape}

const mn_field mn_field_rows[] = {
    ROW("model", TEXT, ALL, model, 0, 4096, "the first one",
        "which model; with one model loaded any value is served by it"),
    NEED("messages", LIST, CHAT | MN_IN_TEMPLATE, messages, 4096, "ChatMessages",
        "the conversation, oldest first"),
    NEED("messages", LIST, MESSAGES | MN_IN_COUNT, messages, 4096, "Messages",
        "the conversation, oldest first"),
    NEED("prompt", ANY, TEXT, prompt, 0, "Texts",
        "the text to go on from: a text, a list of texts, token ids, or lists of them"),
    NEED("input", ANY, MN_IN_EMBED, input, 0, "Texts",
        "a text, a list of texts, token ids, or lists of them"),
    NEED("input", ANY, RESPONSES, input, 0, "Items", "a text, or a list of items"),
    NEED("content", TEXT, MN_IN_TOKENIZE, text, 0, NULL, "the text"),
    NEED("tokens", LIST, MN_IN_DETOKENIZE, tokens, 0, "TokenIds", "token ids"),
    SHAPED("system", ANY, MESSAGES | MN_IN_COUNT, system, 0, NULL, "Content",
        "what the model is told about its role: a text or text blocks"),
    ROW("instructions", TEXT, RESPONSES, instructions, 0, 0, NULL,
        "what the model is told about its role"),
    ROW("stream", FLAG, DRAW, stream, 0, 0, "false",
        "send the answer as it is made, as server-sent events"),
    ROW("stream_options.include_usage", FLAG, OPENAI, usage, 0, 0, "false",
        "a last event that counts the tokens"),
    ROW("n", INT, OPENAI, n, 1, 64, "1", "how many answers"),
    ROW("max_tokens", INT, OPENAI | MESSAGES, max_tokens, 1, 1 << 24, "as many as fit",
        "most tokens of an answer"),
    ROW("max_completion_tokens", INT, CHAT, max_tokens, 1, 1 << 24, "as many as fit",
        "the same by its newer name"),
    ROW("max_output_tokens", INT, RESPONSES, max_tokens, 1, 1 << 24, "as many as fit",
        "most tokens of an answer"),
    ROW("temperature", NUMBER, DRAW, temp, 0, 100, "0.8", "0 is the likeliest token each time"),
    ROW("top_p", NUMBER, DRAW, top_p, 0, 1, "0.95",
        "draw from the likeliest that make up p together"),
    ROW("top_k", INT, DRAW, top_k, 0, 1 << 24, "40", "draw from the k likeliest; 0: all"),
    ROW("min_p", NUMBER, OPENAI, min_p, 0, 1, "0.05",
        "draw from those at least p times as likely as the likeliest"),
    ROW("typical_p", NUMBER, OPENAI, typical_p, 0, 1, "1",
        "draw from the most typical that make up p"),
    ROW("repeat_penalty", NUMBER, OPENAI, repeat_penalty, 0.01, 100, "1",
        "divide the logits of recent tokens"),
    ROW("presence_penalty", NUMBER, OPENAI, presence_penalty, -100, 100, "0",
        "taken off recent tokens"),
    ROW("frequency_penalty", NUMBER, OPENAI, frequency_penalty, -100, 100, "0",
        "taken off for each recent use"),
    ROW("repeat_last_n", INT, OPENAI, repeat_last_n, 0, 1 << 24, "64",
        "how many tokens are recent"),
    ROW("seed", SEED, OPENAI, seed, 0, 0, "another one each time", "of the random choices"),
    ROW("stop", TEXTS, OPENAI, stop, 0, 16, NULL, "texts that end the answer"),
    ROW("stop_sequences", TEXTS, MESSAGES, stop, 0, 16, NULL, "texts that end the answer"),
    SHAPED("logit_bias", OBJECT, OPENAI, bias, 0, NULL, "LogitBias",
        "token ids and what is added to their logits, -100 to 100"),
    ROW("logprobs", FLAG, CHAT, logprobs, 0, 0, "false", "the log-probability of each token"),
    ROW("top_logprobs", INT, CHAT, top_logprobs, 0, 20, "0",
        "how many of the likeliest tokens to tell beside it; needs logprobs"),
    ROW("logprobs", INT, TEXT, top_logprobs, 0, 20, "none",
        "log-probabilities of each token and of so many of the likeliest"),
    ROW("echo", FLAG, TEXT, echo, 0, 0, "false", "the prompt stands before the answer"),
    ROW("ignore_eos", FLAG, OPENAI, ignore_eos, 0, 0, "false", "the model cannot end the answer"),
    SHAPED("tools", LIST, CHAT | MN_IN_TEMPLATE, tools, 128, NULL, "ChatTools",
        "functions the model may call"),
    SHAPED("tools", LIST, MESSAGES | MN_IN_COUNT, tools, 128, NULL, "MessagesTools",
        "functions the model may call"),
    SHAPED("tools", LIST, RESPONSES, tools, 128, NULL, "ResponsesTools",
        "functions the model may call"),
    SHAPED("tool_choice", ANY, CALLS, tool_choice, 0, "auto", "ToolChoice",
        "none, auto, required (any), or one function by name"),
    ROW("parallel_tool_calls", FLAG, CHAT | RESPONSES, parallel, 0, 0, "true",
        "may it call several at once?"),
    SHAPED("response_format", OBJECT, OPENAI, format, 0, NULL, "Format",
        "{\"type\": \"text\", \"json_object\" or \"json_schema\"}"),
    SHAPED("text.format", OBJECT, RESPONSES, format, 0, NULL, "Format",
        "the same, in this route's form"),
    ROW("grammar", TEXT, OPENAI, grammar, 0, 0, NULL, "the answer follows this grammar in GBNF"),
    ROW("cache_salt", TEXT, DRAW, cache_salt, 0, 256, NULL,
        "share computed prompts only with requests of the same salt"),
    ROW("user", TEXT, OPENAI | RESPONSES, user, 0, 256, NULL,
        "whose request it is, for fairness and the dashboard"),
    ROW("metadata.user_id", TEXT, MESSAGES, user, 0, 256, NULL,
        "whose request it is, for fairness and the dashboard"),
    SHAPED("encoding_format", TEXT, MN_IN_EMBED, encoding, 16, "float", "Encoding",
        "float or base64"),
    ROW("dimensions", INT, MN_IN_EMBED, dimensions, 1, 1 << 16, "those of the model",
        "only the model's own number is accepted"),
    NEED("purpose", TEXT, MN_IN_FILE, purpose, 64, NULL, "batch: files are kept for batches alone"),
    NEED("file", FILE, MN_IN_FILE, file, 255, NULL, "the file: JSONL, a request on each line"),
    NEED("input_file_id", TEXT, MN_IN_BATCH, input_file, 64, NULL, "the file of requests"),
    NEED("endpoint", TEXT, MN_IN_BATCH, endpoint, 64, NULL, "the path all of them ask"),
    NEED("completion_window", TEXT, MN_IN_BATCH, window, 16, NULL, "24h; then the batch expires"),
    ROW("metadata", OBJECT, MN_IN_BATCH, metadata, 0, 0, NULL, "at most 16 pairs of texts, yours"),
    ROW("add_special", FLAG, MN_IN_TOKENIZE, begin, 0, 0, "false",
        "begin with the token the model begins texts with"),
    ROW("parse_special", FLAG, MN_IN_TOKENIZE, special, 0, 0, "true",
        "the text of a special token counts as one"),
    ROW("with_pieces", FLAG, MN_IN_TOKENIZE, pieces, 0, 0, "false",
        "tell the text of each token, too"),
    NEED("jsonrpc", TEXT, MN_IN_MCP, jsonrpc, 16, "McpVersion", "2.0"),
    SHAPED("id", ANY, MN_IN_MCP, id, 0, NULL, "McpId",
        "of the request, and of its answer; a message without one is a notification"),
    NEED("method", TEXT, MN_IN_MCP, method, 256, NULL, "what is asked: docs/MCP.md"),
    ROW("params", OBJECT, MN_IN_MCP, params, 0, 0, NULL, "the method's own"),
    NEED("do", TEXT, MN_IN_FLEET, verb, 32, NULL, "what is asked: docs/FLEET.md"),
    ROW("fleet", TEXT, MN_IN_FLEET, fleet, 0, 63, "main", "which one"),
    {"text", MN_FIELD_TEXT, ADD, 0, AT(text), 1, MN_RECORD_MAX, NULL,
        "what was said, in the words it was said; or give records"},
    {"text", MN_FIELD_TEXT, MN_IN_UPDATE, 1, AT(text), 1, MN_RECORD_MAX, NULL, "what it says now"},
    ROW("time", TEXT, SAID, time, 0, 256, "now",
        "when it was said, or since when it is true: RFC 3339, or as people write it"),
    ROW("speaker", TEXT, ADD, speaker, 0, 1024, NULL, "who said it"),
    ROW("session", TEXT, ADD | LISTS | CALLS, session, 0, 1024, NULL, "the conversation it is of"),
    ROW("source", TEXT, ADD | LISTS, source, 0, 1024, NULL, "where it is from"),
    ROW("ref", TEXT, ADD | LISTS, ref, 0, 1024, NULL, "its name elsewhere"),
    ROW("kind", TEXT, ADD | LISTS, kind, 0, 1024, NULL, "what kind of record it is"),
    ROW("meta", OBJECT, ADD, metadata, 0, 0, NULL, "what else there is to it, yours"),
    SHAPED("records", LIST, ADD, records, 1000, NULL, "NewRecords",
        "several records at once, each with these fields: all or none are kept"),
    {"query", MN_FIELD_TEXT, MN_IN_SEARCH, 1, AT(query), 1, 65536, NULL, "what is looked for"},
    ROW("memory", FLAG, CALLS, memory, 0, 0, "when a user is named",
        "recall what was said before, and keep what is said now; needs --remember"),
    ROW("k", INT, MN_IN_SEARCH, k, 1, 100, "10", "so many records at most"),
    ROW("as_of", TEXT, MN_IN_SEARCH, as_of, 0, 256, NULL, "what was true then: a date, or a time"),
    ROW("value", TEXT, MN_IN_SEARCH, value, 0, 16, "round",
        "what is found: round (turns), session, or fact (what organisers made)"),
    ROW("key", TEXT, MN_IN_SEARCH, key, 0, 16, "merged",
        "what a turn is found by: merged (with what organisers made of it), or plain"),
    ROW("times", TEXT, MN_IN_SEARCH, times, 0, 16, "prune",
        "what a time in the query does: prune (other times are left out), near, or none"),
    ROW("since", TEXT, MN_IN_RECORDS, since, 0, 64, NULL, "of this time, or later"),
    ROW("before", TEXT, MN_IN_RECORDS, before, 0, 64, NULL, "of an earlier time than this"),
    ROW("newest", FLAG, MN_IN_RECORDS, newest, 0, 0, "false", "the last first"),
    ROW("after", LONG, MN_IN_RECORDS | MN_IN_TASKS, after, 0, MOST_ID, "0",
        "go on behind the record of this id: `next` of the page before"),
    ROW("after", LONG, MN_IN_SEARCH | MN_IN_HISTORY, after, 0, 10000, "0",
        "go on behind so many: `next` of the page before"),
    ROW("limit", INT, MN_IN_RECORDS | MN_IN_TASKS, limit, 1, 1000, "50", "so many at most"),
    ROW("from", LONG, MN_IN_RECORD, from, 0, MN_RECORD_MAX, "0", "byte of its text to begin at"),
    ROW("budget", INT, PAGES, budget, 100, 20000, "2000", "tokens the answer may have, about"),
    ROW("all", FLAG, MN_IN_FORGET, all, 0, 0, "false", "everything, when nothing else is named"),
    {"previous_response_id", MN_FIELD_NONE, RESPONSES, 0, 0, 0, 0, NULL,
        "refused: conversations are not kept here; send all of it as input"},
    {"suffix", MN_FIELD_NONE, TEXT, 0, 0, 0, 0, NULL,
        "refused: text cannot be put between two others here"},
    {"functions", MN_FIELD_NONE, CHAT, 0, 0, 0, 0, NULL, "refused: use tools"},
    {"audio", MN_FIELD_NONE, CHAT, 0, 0, 0, 0, NULL, "refused: these models make text only"},
    {0}};
/* clang-format on */

void mn_fields_standard(const mn_request *standard, mn_fields *out) {
    *out = (mn_fields){.n = 1,
                       .parallel = -1, /* nobody said */
                       .special = 1,
                       .top_logprobs = -1,
                       .memory = -1, /* nor here */
                       .k = MN_PAGE_K,
                       .limit = MN_PAGE_LIMIT,
                       .budget = MN_PAGE_BUDGET,
                       .max_tokens = standard->max_tokens,
                       .temp = standard->temp,
                       .top_p = standard->top_p,
                       .top_k = standard->top_k,
                       .min_p = standard->min_p,
                       .typical_p = standard->typical_p,
                       .repeat_penalty = standard->repeat_penalty,
                       .presence_penalty = standard->presence_penalty,
                       .frequency_penalty = standard->frequency_penalty,
                       .repeat_last_n = standard->repeat_last_n,
                       .seed = standard->seed};
}

const char *mn_field_type(const mn_field *row) {
    static const char *const types[] = {"boolean",
                                        "integer",
                                        "integer",
                                        "integer",
                                        "number",
                                        "string",
                                        "file",
                                        "object",
                                        "array",
                                        "string or array of strings",
                                        "string, array or object",
                                        "nothing"};
    return types[row->kind];
}

static const char *type_of(const json_t *v) {
    static const char *const types[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};
    return types[json_typeof(v)];
}

static int wrong_type(const mn_field *row, const json_t *v) {
    return MN_FAIL(MN_EINVAL, "%s must be %s %s, and is %s", row->name,
                   strchr("aeiou", *mn_field_type(row)) ? "an" : "a", mn_field_type(row),
                   type_of(v));
}

/* A whole number within the row's range; 3.0 is one, too. */
static int read_int(const mn_field *row, const json_t *v, int64_t *out) {
    const double x = json_number_value(v);
    if (!json_is_number(v) || (json_is_real(v) && x != floor(x))) return wrong_type(row, v);
    if (x < row->min || x > row->max)
        return MN_FAIL(MN_EINVAL, "%s must be from %.0f to %.0f, and is %.0f", row->name, row->min,
                       row->max, x);
    *out = (int64_t)x;
    return 0;
}

static int read_number(const mn_field *row, const json_t *v, float *out) {
    const double x = json_number_value(v);
    if (!json_is_number(v)) return wrong_type(row, v);
    if (!(x >= row->min && x <= row->max))
        return MN_FAIL(MN_EINVAL, "%s must be from %g to %g, and is %g", row->name, row->min,
                       row->max, x);
    *out = (float)x;
    return 0;
}

static int read_text(const mn_field *row, const json_t *v, const char **out) {
    if (!json_is_string(v)) return wrong_type(row, v);
    const size_t n = json_string_length(v);
    if (row->max > 0 && (double)n > row->max)
        return MN_FAIL(MN_EINVAL, "%s has %zu bytes, and at most %.0f are allowed", row->name, n,
                       row->max);
    if ((double)n < row->min)
        return MN_FAIL(MN_EINVAL, "%s has %zu bytes, and at least %.0f are needed", row->name, n,
                       row->min);
    *out = json_string_value(v);
    if (strlen(*out) != n)
        return MN_FAIL(MN_EINVAL, "%s has a zero byte, behind its first %zu bytes; leave it out",
                       row->name, strlen(*out));
    return 0;
}

static int read_list(const mn_field *row, json_t *v, json_t **out) {
    size_t i;
    json_t *item;
    if (!json_is_array(v) && !(row->kind == MN_FIELD_TEXTS && json_is_string(v)))
        return wrong_type(row, v);
    if (row->max > 0 && (double)json_array_size(v) > row->max)
        return MN_FAIL(MN_EINVAL, "%s has %zu items, and at most %.0f are allowed", row->name,
                       json_array_size(v), row->max);
    if (row->kind == MN_FIELD_TEXTS) {
        json_array_foreach(v, i, item) if (!json_is_string(item)) return wrong_type(row, v);
    }
    *out = v;
    return 0;
}

static int read_value(const mn_field *row, json_t *v, void *at) {
    int64_t whole = 0;
    switch (row->kind) {
    case MN_FIELD_FLAG:
        if (!json_is_boolean(v)) return wrong_type(row, v);
        *(int *)at = json_is_true(v);
        return 0;
    case MN_FIELD_INT:
        MN_TRY(read_int(row, v, &whole));
        *(int32_t *)at = (int32_t)whole;
        return 0;
    case MN_FIELD_LONG: return read_int(row, v, at);
    case MN_FIELD_SEED:
        if (!json_is_integer(v)) return wrong_type(row, v);
        *(uint64_t *)at = (uint64_t)json_integer_value(v);
        return 0;
    case MN_FIELD_NUMBER: return read_number(row, v, at);
    case MN_FIELD_TEXT:
    case MN_FIELD_FILE: return read_text(row, v, at);
    case MN_FIELD_OBJECT:
        if (!json_is_object(v)) return wrong_type(row, v);
        *(json_t **)at = v;
        return 0;
    case MN_FIELD_LIST:
    case MN_FIELD_TEXTS: return read_list(row, v, at);
    case MN_FIELD_ANY: *(json_t **)at = v; return 0;
    case MN_FIELD_NONE: break;
    }
    return MN_FAIL(MN_EINVAL, "%s is %s", row->name, row->about);
}

/* The value at "a" or "a.b"; NULL: absent. MN_EINVAL: a is no object. */
static int find(json_t *json, const mn_field *row, json_t **out) {
    const char *dot = strchr(row->name, '.');
    *out = NULL;
    if (!dot) return *out = json_object_get(json, row->name), 0;
    char head[64];
    memcpy(head, row->name, (size_t)(dot - row->name));
    head[dot - row->name] = 0;
    json_t *object = json_object_get(json, head);
    if (!object || json_is_null(object)) return 0;
    if (!json_is_object(object))
        return MN_FAIL(MN_EINVAL, "%s must be an object, and is %s", head, type_of(object));
    return *out = json_object_get(object, dot + 1), 0;
}

int mn_rows_read(const mn_field *rows, unsigned route, const char *what, json_t *json, void *out,
                 const char **param) {
    *param = NULL;
    if (!json_is_object(json))
        return MN_FAIL(MN_EINVAL, "%s must be a JSON object, and is %s", what, type_of(json));
    for (const mn_field *row = rows; row->name; row++) {
        json_t *v;
        if (!(row->routes & route)) continue;
        *param = row->name;
        MN_TRY(find(json, row, &v));
        if (v && !json_is_null(v))
            MN_TRY(read_value(row, v, (char *)out + row->offset));
        else if (row->needed)
            return MN_FAIL(MN_EINVAL, "%s is missing", row->name);
    }
    *param = NULL;
    return 0;
}

int mn_fields_read(json_t *json, unsigned route, mn_fields *out, const char **param) {
    return mn_rows_read(mn_field_rows, route, "the body", json, out, param);
}

/* Commas, colons and brackets outside of texts. */
size_t mn_fields_count(const char *p, size_t n) {
    size_t count = 1;
    int quote = 0;
    for (size_t i = 0; i < n; i++) {
        if (quote)
            quote = quote == 2 ? 1 : p[i] == '\\' ? 2 : p[i] != '"';
        else if (p[i] == '"')
            quote = 1;
        else
            count += p[i] == ',' || p[i] == ':' || p[i] == '[' || p[i] == '{';
    }
    return count;
}

int mn_json_read(const char *what, const char *text, size_t n, size_t flags, json_t **out,
                 uint64_t *booked) {
    json_error_t error;
    const size_t values = mn_fields_count(text, n);
    const uint64_t bytes = n + values * MN_JSON_VALUE_BYTES;
    *out = NULL;
    if (!n) return MN_FAIL(MN_EINVAL, "%s is empty; send JSON", what);
    if (values > MN_JSON_VALUES)
        return MN_FAIL(MN_EINVAL, "%s has %zu JSON values, and at most %d are read", what, values,
                       MN_JSON_VALUES);
    MN_TRY(mn_budget_take(bytes, "a request"));
    *booked = bytes;
    *out = json_loadb(text, n, flags, &error);
    if (*out) return 0;
    mn_budget_give(bytes);
    *booked = 0;
    return MN_FAIL(MN_EINVAL, "%s is no JSON: line %d, column %d: %s", what, error.line,
                   error.column, error.text);
}
