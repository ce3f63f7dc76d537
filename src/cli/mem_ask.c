/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/mem_ask.c - `omnesia mem ask`: a search, and a model that answers from what it found, or says
 * that it does not know. What it was given is listed behind the answer: ids to look up. About
 * somebody of whom nothing near is known (mn_mem_unknown) no model is asked, but for --guess.
 */
#include "cli/ask.h"
#include "cli/json.h"
#include "cli/mem.h"
#include "cli/progress.h"
#include "serve/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct asking {
    mn_cli_mem *m;
    mn_cli_ask ask;
    json_t *sources;
    mn_cli_bar bar;
    int rc;
} asking;

static int note(void *user, const mn_record *r) {
    asking *const a = user;
    a->rc = mn_cli_ask_show(&a->ask, r);
    if (a->rc >= 0 && json_array_append_new(a->sources, mn_record_json(r, 1)) < 0)
        a->rc = MN_FAIL(MN_ENOMEM, "no memory for the sources");
    return a->rc < 0;
}

static int on_text(void *user, const char *text, size_t n) {
    asking *const a = user;
    mn_cli_progress_clear(&a->bar);
    return a->m->o->json || a->m->o->notes ? 0 : mn_cli_say(text, n);
}

static int answer(asking *a, const char *question, const char *recalled) {
    const char *const name = a->m->o->generate.model;
    mn_cli_ask *const to = &a->ask;
    to->request = mn_cli_request(&a->m->o->generate);
    to->request.progress = mn_cli_progress(&a->bar);
    to->notes = a->m->o->notes;
    to->say = on_text;
    to->user = a;
    if (name && strstr(name, "://"))
        to->endpoint = name;
    else if (recalled)
        MN_TRY(mn_cli_model_of(&a->m->o->generate, a->m->region, &to->model));
    const int rc = mn_cli_ask_answer(to, question, recalled);
    mn_cli_progress_clear(&a->bar);
    mn_model_close(&to->model);
    return rc;
}

static int say_json(asking *a, const json_t *told, const char *answer) {
    json_t *const o = json_pack("{s:s, s:O}", "answer", answer, "sources", a->sources);
    if (o && told) json_object_set(o, "notes", json_object_get(told, "notes"));
    return mn_cli_json(o, &a->m->out);
}

/* "from #12 #14" */
static int say_ids(asking *a) {
    if (!json_array_size(a->sources)) return 0;
    MN_TRY(mn_buf_puts(&a->m->out, "from"));
    for (size_t i = 0; i < json_array_size(a->sources); i++) {
        const json_t *const id = json_object_get(json_array_get(a->sources, i), "id");
        MN_TRY(mn_buf_printf(&a->m->out, " #%lld", json_integer_value(id)));
    }
    return mn_buf_puts(&a->m->out, "\n");
}

/* What was said, and of notes what is not said yet: `told` is the object, NULL: there is none. */
static int say_answer(asking *a, const json_t *told) {
    const char *const all = a->ask.answer.data ? a->ask.answer.data : "";
    const char *const answer = told ? json_string_value(json_object_get(told, "answer")) : all;
    if (a->m->o->json) return say_json(a, told, answer ? answer : "");
    if (a->m->o->notes && answer) MN_TRY(mn_cli_say(answer, strlen(answer)));
    MN_TRY(mn_buf_puts(&a->m->out, "\n"));
    return say_ids(a);
}

static int say(asking *a) {
    const mn_buf *const all = &a->ask.answer;
    const int noted = a->ask.notes && a->ask.grammar.len;
    json_t *told = noted ? json_loadb(all->data ? all->data : "", all->len, 0, NULL) : NULL;
    if (noted && !told)
        return MN_FAIL(MN_EINVAL,
                       "the model wrote %zu bytes and no answer behind its notes: a larger -n, or "
                       "--read plain",
                       all->len);
    const int rc = say_answer(a, told);
    json_decref(told);
    return rc;
}

static int ask(asking *a, const char *question) {
    const mn_cli_mem_options *const o = a->m->o;
    const mn_find what = {.query = question,
                          .k = o->k ? o->k : MN_CLI_ASK_RECORDS,
                          .budget = o->budget ? o->budget : MN_CLI_ASK_BUDGET,
                          .as_of = o->as_of,
                          .session = o->session,
                          .source = o->source,
                          .kind = o->kind,
                          .value = o->value,
                          .key = o->key,
                          .times = o->when};
    char *recalled = NULL;
    int rc = o->guess ? 0 : mn_mem_unknown(a->m->mem, &a->m->scope, question, NULL);
    if (rc == 0) rc = mn_mem_recall(a->m->mem, &a->m->scope, &what, &recalled, note, a);
    if (a->rc < 0) rc = a->rc;
    if (rc >= 0) rc = answer(a, question, recalled);
    mn_free_text(recalled);
    return rc < 0 ? rc : say(a);
}

int mn_cli_mem_ask(mn_cli_mem *m) {
    asking a = {.m = m, .sources = json_array()};
    mn_buf question = {0};
    int rc = mn_cli_mem_text(m->n, m->words, &question);
    if (rc >= 0) rc = ask(&a, question.data ? question.data : "");
    json_decref(a.sources);
    mn_cli_ask_free(&a.ask);
    mn_buf_free(&question);
    return rc;
}
