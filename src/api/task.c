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

int mn_task_do(mn_mem *m, const mn_scope *scope, const char *json, char **result) {
    const mn_extractor by = {extract, m};
    mn_who who = {NULL, NULL, NULL, NULL};
    int64_t changed;
    *result = NULL;
    if (m) MN_TRY(mn_mem_who(scope, &who));
    MN_TRY(mn_task_run(m ? m->notes : NULL, &who, &by, json, result, &changed));
    if (changed) mn_mem_tell(m, scope, "task", changed);
    return 0;
}
