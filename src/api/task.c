/* SPDX-License-Identifier: Apache-2.0
 *
 * api/task.c - omnesia.h, what agents plan: agent/task_do.h in the shape users see, with a model
 * where one is asked for.
 */
#include "agent/task_do.h"
#include "api/endpoint.h"
#include "api/mem.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"

#include <string.h>

enum { ANSWER = 1024 }; /* tokens of what a model finds in an utterance */

static int keep_answer(void *user, const char *text, size_t n) {
    return mn_buf_append(user, text, n) < 0;
}

/* One model stays open: plans are talked about with the same one. */
static int planner(mn_mem *m, const char *name, mn_model **out) {
    if (m->planner && strcmp(m->planner_name, name) != 0) {
        mn_model_close(&m->planner);
        mn_free(m->planner_name);
        m->planner_name = NULL;
    }
    if (!m->planner) {
        const mn_model_options how = {.kind = MN_WRITES,
                                      .no_pull = !m->options.pull,
                                      .region = m->region,
                                      .progress = m->options.progress};
        if (!m->planner_name) m->planner_name = mn_strdup(name);
        if (!m->planner_name) return MN_FAIL(MN_ENOMEM, "no memory to open %s", name);
        MN_TRY(mn_model_open(name, &how, &m->planner));
    }
    *out = m->planner;
    return 0;
}

static int answer(mn_mem *m, const char *name, const char *schema, const char *prompt,
                  mn_buf *out) {
    mn_model *model = NULL;
    mn_request ask = mn_request_default();
    if (mn_endpoint_is(name)) return mn_mem_ask_far(name, schema, prompt, ANSWER, out);
    MN_TRY(planner(m, name, &model));
    ask.prompt = prompt;
    ask.grammar = schema;
    ask.temp = 0;
    ask.max_tokens = ANSWER;
    ask.on_text = keep_answer;
    ask.user = out;
    mn_stats stats = {0};
    const int rc = mn_answer(model, &ask, &stats);
    m->planner_tokens += stats.prompt_tokens + stats.tokens;
    return rc;
}

static int extract(void *user, const char *model, const char *schema, const char *prompt,
                   char **out) {
    mn_mem *const m = user;
    mn_buf text = {.limit = 1 << 20};
    pthread_mutex_lock(&m->planning);
    int rc = answer(m, model, schema, prompt, &text);
    pthread_mutex_unlock(&m->planning);
    if (rc >= 0 && !(*out = mn_strdup(text.data ? text.data : "")))
        rc = MN_FAIL(MN_ENOMEM, "no memory for an answer of %zu bytes", text.len);
    mn_buf_free(&text);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */
typedef struct hearing {
    mn_mem *m;
    mn_buf text;
    int circles; /* it would have gone on until the context was full */
} hearing;

static int tell(void *user, const char *line) {
    const mn_mem *const m = user;
    return m->options.tell && m->options.tell(m->options.tell_user, line);
}

/* Is the end of a text, for a long while, nothing but one piece again and again? */
static int runs_on(const mn_buf *text) {
    enum { WHILE = 800, PIECE = 160 };
    if (text->len < WHILE + PIECE) return 0;
    const char *const end = text->data + text->len - WHILE;
    for (int n = 1; n <= PIECE; n++)
        if (memcmp(end, end - n, WHILE) == 0) return 1;
    return 0;
}

static int hear(void *user, const char *text, size_t n) {
    hearing *const h = user;
    if (mn_buf_append(&h->text, text, n) < 0 || tell(h->m, NULL)) return 1;
    return h->circles = runs_on(&h->text);
}

static int turns_of(const mn_talk *talk, mn_turn **out) {
    *out = mn_calloc((size_t)talk->n, sizeof **out);
    if (!*out) return MN_FAIL(MN_ENOMEM, "no memory for a talk of %d turns", talk->n);
    for (int i = 0; i < talk->n; i++) (*out)[i] = (mn_turn){talk->said[i].who, talk->said[i].text};
    return 0;
}

static int go_on(mn_mem *m, mn_talk *talk, mn_turn *turns, hearing *h) {
    mn_model *model = NULL;
    mn_model_info info;
    mn_cached known;
    mn_stats stats = {0};
    mn_request ask = mn_request_default();
    MN_TRY(planner(m, talk->model, &model));
    mn_model_describe(model, &info);
    ask.turns = turns;
    ask.n_turns = (size_t)talk->n;
    ask.system = talk->system;
    ask.grammar = talk->schema;
    ask.context = talk->context < info.n_context ? talk->context : info.n_context;
    ask.temp = 0;
    ask.on_text = hear;
    ask.user = h;
    MN_TRY(mn_explain(model, &ask, &known));
    if (known.prompt_tokens + talk->room > ask.context)
        return MN_FAIL(MN_ETOOLONG, "%d tokens leave no %d of %d for an answer",
                       known.prompt_tokens, talk->room, ask.context);
    MN_TRY(mn_answer(model, &ask, &stats));
    talk->read = stats.prompt_tokens;
    talk->written = stats.tokens;
    if (tell(m, NULL)) return MN_FAIL(MN_ECANCELLED, "stopped on request");
    return h->circles || (stats.finish && strcmp(stats.finish, "length") == 0);
}

static int talk(void *user, mn_talk *talk, char **out) {
    hearing h = {.m = user, .text = {.limit = 4 << 20}};
    mn_turn *turns;
    MN_TRY(turns_of(talk, &turns));
    pthread_mutex_lock(&h.m->planning);
    int rc = go_on(h.m, talk, turns, &h);
    pthread_mutex_unlock(&h.m->planning);
    if (rc >= 0 && !(*out = mn_strdup(h.text.data ? h.text.data : "")))
        rc = MN_FAIL(MN_ENOMEM, "no memory for an answer of %zu bytes", h.text.len);
    mn_buf_free(&h.text);
    mn_free(turns);
    return rc;
}

int mn_task_do(mn_mem *m, const mn_scope *scope, const char *json, char **result) {
    const mn_extractor by = {extract, m, talk, tell};
    mn_who who = {NULL, NULL, NULL, NULL};
    int64_t changed;
    *result = NULL;
    if (m) MN_TRY(mn_mem_who(scope, &who));
    MN_TRY(mn_task_run(m ? m->notes : NULL, &who, &by, json, result, &changed));
    if (changed) mn_mem_tell(m, scope, "task", changed);
    return 0;
}
