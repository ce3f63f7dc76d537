/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/mem_ask.c - `omnesia mem ask`: a search, and a model that answers from what it found, or says
 * that it does not know. What it was given is listed behind the answer: ids to look up.
 */
#include "base/alloc.h"
#include "cli/json.h"
#include "cli/mem.h"
#include "cli/progress.h"
#include "serve/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BUDGET = 1000, ANSWER_TOKENS = 200, NOTES_TOKENS = 600 };

#define READER                                                                                    \
    "You answer questions from records of earlier conversations. Use only what the records say; " \
    "where two say different things, the later one counts. "
#define ANSWER                                                                                    \
    "with one whole sentence, and behind it the number of the record it is from, like (#12). If " \
    "the records do not say it, answer: I do not know."
static const char role[] = READER "Answer " ANSWER;
/* Notes first, after LongMemEval (Wu et al., 2024): a small model that has to write them looks at
 * more than the first record. The grammar leaves it no choice. */
static const char noting[] =
    READER "Write JSON: first \"notes\", for each record that matters its id and what it says of "
           "the question, then \"answer\", " ANSWER;
static const char before_ids[] =
    "{\"type\":\"object\",\"properties\":{\"notes\":{\"type\":\"array\",\"maxItems\":8,"
    "\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"enum\":[";
static const char behind_ids[] =
    "]},\"note\":{\"type\":\"string\",\"maxLength\":160}},\"required\":[\"id\",\"note\"],"
    "\"additionalProperties\":false}},\"answer\":{\"type\":\"string\",\"maxLength\":300}},"
    "\"required\":[\"notes\",\"answer\"],\"additionalProperties\":false}";

typedef struct asking {
    mn_cli_mem *m;
    json_t *sources;
    mn_buf ids, answer, schema; /* answer: with --read notes a JSON object */
    mn_cli_bar bar;
    int rc;
} asking;

static int note(void *user, const mn_record *r) {
    asking *const a = user;
    a->rc = mn_buf_printf(&a->ids, "%s#%lld", a->ids.len ? " " : "", (long long)r->id);
    if (a->rc >= 0 && json_array_append_new(a->sources, mn_record_json(r, 1)) < 0)
        a->rc = MN_FAIL(MN_ENOMEM, "no memory for the sources");
    return a->rc < 0;
}

static int on_text(void *user, const char *text, size_t n) {
    asking *const a = user;
    mn_cli_progress_clear(&a->bar);
    a->rc = mn_buf_append(&a->answer, text, n);
    if (a->rc >= 0 && !a->m->o->json && !a->m->o->notes) a->rc = mn_cli_say(text, n);
    return a->rc < 0;
}

/* What notes and answer have to be: notes are on records that are there. */
static int make_schema(asking *a) {
    MN_TRY(mn_buf_puts(&a->schema, before_ids));
    for (size_t i = 0; i < json_array_size(a->sources); i++) {
        const json_t *const id = json_object_get(json_array_get(a->sources, i), "id");
        MN_TRY(mn_buf_printf(&a->schema, "%s%lld", i ? "," : "", json_integer_value(id)));
    }
    return mn_buf_puts(&a->schema, behind_ids);
}

/* The same question to somebody's endpoint, which is sent what was found. */
static int answer_far(asking *a, const char *endpoint, const char *question, const char *recalled) {
    const int notes = a->m->o->notes;
    const int32_t given = a->m->o->generate.tokens, most = given > 0 ? given
                                                           : notes   ? NOTES_TOKENS
                                                                     : ANSWER_TOKENS;
    mn_buf text = {0};
    char *said = NULL, *messages = NULL;
    int rc = mn_buf_puts(&text, recalled);
    if (rc >= 0) rc = mn_buf_puts(&text, question);
    json_t *const list =
        json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "system", "content", notes ? noting : role,
                  "role", "user", "content", text.data ? text.data : "");
    if (rc >= 0 && !(messages = json_dumps(list, JSON_COMPACT)))
        rc = MN_FAIL(MN_ENOMEM, "no memory to ask %s", endpoint);
    if (rc >= 0) rc = mn_endpoint_ask(endpoint, messages, a->schema.data, most, &said);
    if (rc >= 0) rc = on_text(a, said, strlen(said)) ? a->rc : 0;
    json_decref(list);
    mn_free_text(said);
    mn_free(messages);
    mn_buf_free(&text);
    return rc;
}

static int answer(asking *a, const char *question, const char *recalled) {
    const char *const name = a->m->o->generate.model;
    mn_model *model = NULL;
    mn_request r = mn_cli_request(&a->m->o->generate);
    if (a->m->o->notes) MN_TRY(make_schema(a));
    if (name && strstr(name, "://")) return answer_far(a, name, question, recalled);
    r.prompt = question;
    r.recalled = recalled;
    r.system = a->m->o->notes ? noting : role;
    r.grammar = a->schema.data;
    r.temp = 0;
    if (r.max_tokens <= 0) r.max_tokens = a->m->o->notes ? NOTES_TOKENS : ANSWER_TOKENS;
    r.on_text = on_text;
    r.user = a;
    r.progress = mn_cli_progress(&a->bar);
    MN_TRY(mn_cli_model_of(&a->m->o->generate, a->m->region, &model));
    const int rc = mn_answer(model, &r, NULL);
    mn_cli_progress_clear(&a->bar);
    mn_model_close(&model);
    return a->rc < 0 ? a->rc : rc;
}

/* Nothing was found: no model is asked, so none can invent anything. */
static int unknown(asking *a) {
    static const char text[] = "I do not know.";
    return on_text(a, text, sizeof text - 1) ? a->rc : 0;
}

static int say_json(asking *a, const json_t *told, const char *answer) {
    json_t *const o = json_pack("{s:s, s:O}", "answer", answer, "sources", a->sources);
    if (o && told) json_object_set(o, "notes", json_object_get(told, "notes"));
    return mn_cli_json(o, &a->m->out);
}

/* What was said, and of notes what is not said yet: `told` is the object, NULL: there is none. */
static int say_answer(asking *a, const json_t *told) {
    const char *const all = a->answer.data ? a->answer.data : "";
    const char *const answer = told ? json_string_value(json_object_get(told, "answer")) : all;
    if (a->m->o->json) return say_json(a, told, answer ? answer : "");
    if (a->m->o->notes && answer) MN_TRY(mn_cli_say(answer, strlen(answer)));
    MN_TRY(mn_buf_puts(&a->m->out, "\n"));
    return a->ids.len ? mn_buf_printf(&a->m->out, "from %s\n", a->ids.data) : 0;
}

static int say(asking *a) {
    json_t *told = a->m->o->notes && a->schema.len
                       ? json_loadb(a->answer.data ? a->answer.data : "", a->answer.len, 0, NULL)
                       : NULL;
    if (a->schema.len && !told)
        return MN_FAIL(MN_EINVAL,
                       "the model wrote %zu bytes and no answer behind its notes: a larger -n, or "
                       "--read plain",
                       a->answer.len);
    const int rc = say_answer(a, told);
    json_decref(told);
    return rc;
}

static int ask(asking *a, const char *question) {
    const mn_cli_mem_options *const o = a->m->o;
    const mn_find what = {.query = question,
                          .k = o->k,
                          .budget = o->budget ? o->budget : BUDGET,
                          .as_of = o->as_of,
                          .session = o->session,
                          .source = o->source,
                          .kind = o->kind,
                          .value = o->value,
                          .key = o->key,
                          .times = o->when};
    char *recalled = NULL;
    int rc = mn_mem_recall(a->m->mem, &a->m->scope, &what, &recalled, note, a);
    if (rc >= 0) rc = a->rc < 0 ? a->rc : recalled ? answer(a, question, recalled) : unknown(a);
    mn_free_text(recalled);
    return rc < 0 ? rc : say(a);
}

int mn_cli_mem_ask(mn_cli_mem *m) {
    asking a = {.m = m, .sources = json_array()};
    mn_buf question = {0};
    int rc = mn_cli_mem_text(m->n, m->words, &question);
    if (rc >= 0) rc = ask(&a, question.data ? question.data : "");
    json_decref(a.sources);
    mn_buf_free(&a.ids);
    mn_buf_free(&a.answer);
    mn_buf_free(&a.schema);
    mn_buf_free(&question);
    return rc;
}
