/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/ask.c - what a reader of records is told, and how it is asked: here, or at an endpoint.
 */
#include "cli/ask.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_TOKENS = 200, NOTES_TOKENS = 600, KNOWN = 13 /* bytes of "I do not know" */ };
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

int mn_cli_ask_show(mn_cli_ask *a, const mn_record *r) {
    if (a->n == MN_CLI_ASK_MOST) return 0;
    a->shown[a->n++] = (mn_cli_ask_shown){r->id, a->texts.len};
    MN_TRY(mn_buf_append(&a->texts, r->text, r->n));
    return mn_buf_append(&a->texts, "", 1);
}

void mn_cli_ask_clear(mn_cli_ask *a) {
    a->n = 0;
    mn_buf_clear(&a->texts);
    mn_buf_clear(&a->answer);
}

static int on_text(void *user, const char *text, size_t n) {
    mn_cli_ask *const a = user;
    a->rc = mn_buf_append(&a->answer, text, n);
    if (a->rc >= 0 && a->say) a->rc = a->say(a->user, text, n);
    return a->rc < 0;
}

/* What notes and answer have to be: notes are on records that are there. */
static int make_schema(mn_cli_ask *a) {
    mn_buf_clear(&a->grammar);
    if (!a->notes) return 0;
    MN_TRY(mn_buf_puts(&a->grammar, before_ids));
    for (int i = 0; i < a->n; i++)
        MN_TRY(mn_buf_printf(&a->grammar, "%s%lld", i ? "," : "", (long long)a->shown[i].id));
    return mn_buf_puts(&a->grammar, behind_ids);
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
    if (rc >= 0 && !(messages = mn_json_text(list, JSON_COMPACT)))
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

/* ---- where it is from ----------------------------------------------------------------------- */
/* The next run of letters and digits; 0: there is none. */
static size_t word_at(const char **at) {
    const char *from = *at;
    size_t n = 0;
    while (*from && !isalnum((unsigned char)*from) && !(*from & 0x80)) from++;
    while (isalnum((unsigned char)from[n]) || (from[n] & 0x80)) n++;
    *at = from;
    return n;
}

static int has_word(const char *text, const char *word, size_t n) {
    size_t k;
    for (const char *at = text; (k = word_at(&at)) != 0; at += k)
        if (k == n && strncasecmp(at, word, n) == 0) return 1;
    return 0;
}

/* Words of the answer that the question has not, and the record has. */
static int shared(const char *answer, const char *question, const char *record) {
    int both = 0;
    size_t n;
    for (const char *at = answer; (n = word_at(&at)) != 0; at += n)
        both += !has_word(question, at, n) && has_word(record, at, n);
    return both;
}

/* Does it name a record that it was shown? */
static int names_one(const mn_cli_ask *a, const char *answer) {
    for (const char *at = strchr(answer, '#'); at; at = strchr(at + 1, '#'))
        for (int i = 0; i < a->n; i++)
            if (strtoll(at + 1, NULL, 10) == a->shown[i].id) return 1;
    return 0;
}

/* Small models forget to say where it is from: it is the record that has most of its words, and of
 * several the first. */
static int cite(mn_cli_ask *a, const char *question) {
    char text[32];
    const char *const answer = a->answer.data ? a->answer.data : "";
    int words = 0, best = -1;
    if (names_one(a, answer) || strncmp(answer, mn_cli_ask_unknown, KNOWN) == 0) return 0;
    for (int i = 0; i < a->n; i++) {
        const int n = shared(answer, question, a->texts.data + a->shown[i].at);
        if (n <= words) continue;
        words = n;
        best = i;
    }
    if (best < 0) return 0;
    const int n = snprintf(text, sizeof text, " (#%lld)", (long long)a->shown[best].id);
    return on_text(a, text, (size_t)n) ? a->rc : 0;
}

static int answer_near(mn_cli_ask *a, const char *question, const char *recalled) {
    mn_request r = a->request;
    r.prompt = question;
    r.recalled = recalled;
    r.system = a->notes ? noting : role;
    r.grammar = a->notes ? a->grammar.data : NULL;
    r.temp = 0;
    r.max_tokens = most(a);
    r.on_text = on_text;
    r.user = a;
    const int rc = mn_answer(a->model, &r, &a->stats);
    return a->rc < 0 ? a->rc : rc;
}

int mn_cli_ask_answer(mn_cli_ask *a, const char *question, const char *recalled) {
    a->stats = (mn_stats){0};
    mn_buf_clear(&a->grammar);
    /* Nothing was found: no model is asked, so none can invent anything. */
    if (!recalled) return on_text(a, mn_cli_ask_unknown, strlen(mn_cli_ask_unknown)) ? a->rc : 0;
    MN_TRY(make_schema(a));
    MN_TRY(a->endpoint ? answer_far(a, question, recalled) : answer_near(a, question, recalled));
    return a->notes ? 0 : cite(a, question);
}

void mn_cli_ask_free(mn_cli_ask *a) {
    mn_buf_free(&a->texts);
    mn_buf_free(&a->answer);
    mn_buf_free(&a->grammar);
}
