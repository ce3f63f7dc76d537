/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/field.h - the fields of requests: one row reads, bounds, documents and defaults each.
 *
 * A row says name, JSON type, range, which routes know it, and where it goes in mn_fields. The
 * parser, docs/SERVE.md, /openapi.json and the fuzzer's dictionary come from the rows. What no row
 * of a route names is ignored, as OpenAI's clients expect; null is as good as absent; a wrong type
 * or a value out of range is an error that names the field.
 */
#ifndef MN_SERVE_FIELD_H
#define MN_SERVE_FIELD_H
#include "base/buf.h"
#include "omnesia.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Routes that read a body; a row knows several. */
enum {
    MN_IN_CHAT = 1,
    MN_IN_TEXT = 2, /* /v1/completions */
    MN_IN_EMBED = 4,
    MN_IN_TOKENIZE = 8,
    MN_IN_DETOKENIZE = 16,
    MN_IN_TEMPLATE = 32,
    MN_IN_MESSAGES = 64,
    MN_IN_COUNT = 128, /* /v1/messages/count_tokens */
    MN_IN_RESPONSES = 256,
    MN_IN_BATCH = 512, /* /v1/batches */
    MN_IN_FILE = 1024, /* /v1/files: a form, not JSON */
    MN_IN_MCP = 2048,  /* /mcp: the envelope of a message; serve/mcp.h reads the rest */
    MN_IN_ADD = 4096,  /* POST /v1/memories, and each of its records */
    MN_IN_SEARCH = 8192,
    MN_IN_UPDATE = 16384,  /* PATCH */
    MN_IN_RECORDS = 32768, /* these stand behind the "?": GET /v1/memories */
    MN_IN_RECORD = 65536,
    MN_IN_HISTORY = 131072,
    MN_IN_FORGET = 262144, /* DELETE */
    MN_IN_TASKS = 524288,  /* GET /v1/tasks */
    MN_IN_TASK = 1048576,
    MN_IN_FLEET = 2097152, /* the envelope of a call: the library reads the rest */
};

/* What is read out of memory, where nobody says: records found, listed, and tokens of an answer. */
enum { MN_PAGE_K = 10, MN_PAGE_LIMIT = 50, MN_PAGE_BUDGET = 2000 };

/* A body of brackets and commas would become many times its size. */
enum { MN_JSON_VALUES = 500000, MN_JSON_VALUE_BYTES = 96 };

typedef struct mn_fields {
    const char *model, *cache_salt, *user, *grammar, *text, *encoding, *instructions;
    const char *time, *session, *speaker, *ref, *source, *kind, *query, *as_of, *since, *before;
    const char *value, *key, *times; /* of a search */
    const char *purpose, *file, *input_file, *endpoint, *window, *jsonrpc, *method, *verb, *fleet;
    json_t *messages, *prompt, *input, *tools, *tool_choice, *format, *stop, *bias, *tokens,
        *system, *metadata, *id, *params, *records;
    int stream, usage, logprobs, parallel, ignore_eos, echo, special, begin, pieces, all, newest,
        memory;
    int32_t n, max_tokens, top_logprobs, top_k, repeat_last_n, dimensions, k, limit, budget;
    int64_t after, from;
    float temp, top_p, min_p, typical_p, repeat_penalty, presence_penalty, frequency_penalty;
    uint64_t seed;
} mn_fields;

typedef enum mn_field_kind {
    MN_FIELD_FLAG,   /* int */
    MN_FIELD_INT,    /* int32_t */
    MN_FIELD_LONG,   /* int64_t, within 2^53, which every reader of JSON has */
    MN_FIELD_SEED,   /* uint64_t, from any integer */
    MN_FIELD_NUMBER, /* float */
    MN_FIELD_TEXT,   /* const char *, without zero bytes; from `min` to `max` bytes */
    MN_FIELD_FILE,   /* const char *: what a part of a form calls its file */
    MN_FIELD_OBJECT, /* json_t * */
    MN_FIELD_LIST,   /* json_t *, at most `max` items */
    MN_FIELD_TEXTS,  /* json_t *: text, or a list of at most `max` texts */
    MN_FIELD_ANY,    /* json_t *: who reads it checks it */
    MN_FIELD_NONE,   /* refused: what it asks for is not done here */
} mn_field_kind;

typedef struct mn_field {
    const char *name; /* "stream_options.include_usage": of an object */
    mn_field_kind kind;
    unsigned routes;
    int needed;
    size_t offset;
    double min, max;
    const char *standard; /* default, as the documents print it; NULL: none */
    const char *about;
    const char *shape; /* its schema in schemas.json; NULL: the kind says all */
} mn_field;
extern const mn_field mn_field_rows[]; /* name NULL ends them */

/* What a request that says nothing has: `standard` of the options of the server. */
void mn_fields_standard(const mn_request *standard, mn_fields *out);
/* Read the fields that `route` knows out of the object. MN_EINVAL with the sentence, *param the
 * name of the field. Texts and objects are borrowed from `json`. */
int mn_fields_read(json_t *json, unsigned route, mn_fields *out, const char **param);
/* The fields a route knows that stand in a query "a=1&b=2", as the object mn_fields_read takes:
 * numbers and flags where rows want them, else text. What no row names is left out. */
int mn_fields_query(const char *query, unsigned route, json_t **out);
/* The same by a table of somebody else's, whose offsets are those of `out`; `what` is read ("the
 * body"). */
int mn_rows_read(const mn_field *rows, unsigned route, const char *what, json_t *json, void *out,
                 const char **param);
/* Text as JSON, with flags of Jansson; *booked is what of the budget the values were given, for
 * mn_budget_give when they go. `what` is read: "the body". MN_EINVAL; MN_EFULL. */
int mn_json_read(const char *what, const char *text, size_t n, size_t flags, json_t **out,
                 uint64_t *booked);
/* As many values the JSON has, about. */
size_t mn_fields_count(const char *json, size_t n);

const char *mn_field_type(const mn_field *row); /* "integer" */
/* Rows "| name | type | range | default | routes | what |" of a table in Markdown. */
int mn_fields_markdown(mn_buf *out);
/* JSON schema of a route's body, with references into schemas.json. NULL: no memory. */
json_t *mn_fields_schema(unsigned route);
/* Of another table; nulls 0: it does not say that null is as good as absent. */
json_t *mn_rows_schema(const mn_field *rows, unsigned route, int nulls);

#endif
