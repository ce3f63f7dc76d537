/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/ask.c - what a reader of records is told, and how it is asked: here, or at an endpoint.
 */
#include "cli/ask.h"

#include "base/alloc.h"
#include "base/error.h"

#include <jansson.h>
#include <string.h>

enum { ANSWER_TOKENS = 200, NOTES_TOKENS = 600, SENTENCE = 400 /* characters */ };
const char mn_cli_ask_unknown[] = "I do not know.";

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

int mn_cli_ask_show(mn_cli_ask *a, int64_t id) {
    return mn_buf_printf(&a->ids, "%s%lld", a->ids.len ? "," : "", (long long)id);
}

static int on_text(void *user, const char *text, size_t n) {
    mn_cli_ask *const a = user;
    a->rc = mn_buf_append(&a->answer, text, n);
    if (a->rc >= 0 && a->say) a->rc = a->say(a->user, text, n);
    return a->rc < 0;
}

/* What notes and answer have to be: notes are on records that are there. */
static int make_schema(mn_cli_ask *a) {
    MN_TRY(mn_buf_puts(&a->grammar, before_ids));
    MN_TRY(mn_buf_puts(&a->grammar, a->ids.data));
    return mn_buf_puts(&a->grammar, behind_ids);
}

/* A sentence and the number of a record that is there, or that it is not known: small models forget
 * to say where it is from. */
static int make_grammar(mn_cli_ask *a) {
    mn_buf_clear(&a->grammar);
    if (a->notes) return make_schema(a);
    MN_TRY(mn_buf_printf(&a->grammar,
                         "root ::= \"%s\" | [^#\\n (] [^#\\n]{0,%d} \" (#\" id \")\"\nid ::= \"",
                         mn_cli_ask_unknown, SENTENCE));
    for (const char *at = a->ids.data; *at; at++)
        MN_TRY(*at == ',' ? mn_buf_puts(&a->grammar, "\" | \"")
                          : mn_buf_append(&a->grammar, at, 1));
    return mn_buf_puts(&a->grammar, "\"\n");
}

static int32_t most(const mn_cli_ask *a) {
    if (a->request.max_tokens > 0) return a->request.max_tokens;
    return a->notes ? NOTES_TOKENS : ANSWER_TOKENS;
}

/* The same question to somebody's endpoint, which is sent what was found. */
static int answer_far(mn_cli_ask *a, const char *question, const char *recalled) {
    mn_buf text = {0};
    char *said = NULL, *messages = NULL;
    int rc = mn_buf_puts(&text, recalled);
    if (rc >= 0) rc = mn_buf_puts(&text, question);
    json_t *const list =
        json_pack("[{s:s, s:s}, {s:s, s:s}]", "role", "system", "content", a->notes ? noting : role,
                  "role", "user", "content", text.data ? text.data : "");
    if (rc >= 0 && !(messages = json_dumps(list, JSON_COMPACT)))
        rc = MN_FAIL(MN_ENOMEM, "no memory to ask %s", a->endpoint);
    if (rc >= 0)
        rc = mn_endpoint_ask(a->endpoint, messages, a->notes ? a->grammar.data : NULL, most(a),
                             &said);
    if (rc >= 0) rc = on_text(a, said, strlen(said)) ? a->rc : 0;
    json_decref(list);
    mn_free_text(said);
    mn_free(messages);
    mn_buf_free(&text);
    return rc;
}

int mn_cli_ask_answer(mn_cli_ask *a, const char *question, const char *recalled) {
    mn_request r = a->request;
    a->stats = (mn_stats){0};
    mn_buf_clear(&a->grammar);
    /* Nothing was found: no model is asked, so none can invent anything. */
    if (!recalled) return on_text(a, mn_cli_ask_unknown, strlen(mn_cli_ask_unknown)) ? a->rc : 0;
    MN_TRY(make_grammar(a));
    if (a->endpoint) return answer_far(a, question, recalled);
    r.prompt = question;
    r.recalled = recalled;
    r.system = a->notes ? noting : role;
    r.grammar = a->grammar.data;
    r.temp = 0;
    r.max_tokens = most(a);
    r.on_text = on_text;
    r.user = a;
    const int rc = mn_answer(a->model, &r, &a->stats);
    return a->rc < 0 ? a->rc : rc;
}

void mn_cli_ask_free(mn_cli_ask *a) {
    mn_buf_free(&a->ids);
    mn_buf_free(&a->answer);
    mn_buf_free(&a->grammar);
}
