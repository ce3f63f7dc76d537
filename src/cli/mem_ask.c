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
/* Notes first (Wu et al., 2024, after Yu et al.'s chain of notes). */
static const char noting[] =
    READER "First write notes: a line for each record that matters, with its id, its time and what "
           "it says of the question. Then write \"Answer:\" and answer " ANSWER;
static const char mark[] = "Answer:";

typedef struct asking {
    mn_cli_mem *m;
    json_t *sources;
    mn_buf ids, answer; /* with --read notes: the notes, too */
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
    if (a->rc >= 0 && !a->m->o->json && !a->m->o->notes) a->rc = mn_cli_write(text, n);
    return a->rc < 0;
}

static int answer(asking *a, const char *question, const char *recalled) {
    mn_model *model = NULL;
    mn_request r = mn_cli_request(&a->m->o->generate);
    r.prompt = question;
    r.recalled = recalled;
    r.system = a->m->o->notes ? noting : role;
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

/* Where the answer begins behind the notes; 0: there are none. */
static size_t notes_of(const asking *a) {
    const char *at = a->m->o->notes && a->answer.len ? a->answer.data : NULL, *last = NULL;
    for (; at && (at = strstr(at, mark)); at += sizeof mark - 1) last = at;
    return last ? (size_t)(last - a->answer.data) : 0;
}

static int say_json(asking *a, size_t notes, const char *answer, size_t n) {
    json_t *const o = json_pack("{s:s%, s:O}", "answer", answer, n, "sources", a->sources);
    if (o && notes) json_object_set_new(o, "notes", json_stringn(a->answer.data, notes));
    return mn_cli_json(o, &a->m->out);
}

static int say(asking *a) {
    const size_t notes = notes_of(a);
    const char *answer = a->answer.data ? a->answer.data : "";
    size_t n = a->answer.len;
    if (notes) {
        answer += notes + sizeof mark - 1;
        n -= notes + sizeof mark - 1;
        while (n && *answer == ' ') answer++, n--;
    }
    if (a->m->o->json) return say_json(a, notes, answer, n);
    if (a->m->o->notes) MN_TRY(mn_cli_write(answer, n));
    MN_TRY(mn_buf_puts(&a->m->out, "\n"));
    return a->ids.len ? mn_buf_printf(&a->m->out, "from %s\n", a->ids.data) : 0;
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
    mn_buf_free(&question);
    return rc;
}
