/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_choose.c - the model's plan or the rules': both are made, the better one is taken,
 * and both figures are told, with what was read of the question, what was cached, and how long it
 * took.
 *
 * A model that is wrong, slower, late, gone or talks nonsense is no trouble: the rules' plan is
 * there. When steps have failed, the question of before goes on at its end.
 */
#include "base/error.h"
#include "fleet/brain_inside.h"

#include <stdio.h>
#include <string.h>

#define field  mn_brain_field
#define set    mn_brain_set
#define number mn_brain_number

enum { PATIENCE = 60 }; /* s */

static mn_brain_ask question(const mn_brain *k, const mn_brain_task *t, const mn_scene *s) {
    const double patience = k->how.patience > 0 ? k->how.patience : PATIENCE;
    return (mn_brain_ask){.how = &k->how,
                          .s = s,
                          .talk = &t->talk,
                          .patience = patience,
                          .now = k->b->ops->now(k->b)};
}

/* ---- what is told ------------------------------------------------------------------------ */
/* "model: 2 answers, 2 plans, one right, 34 s; rules: 36 s; taken: model; tokens: 152 read, 1093
 * cached, 210 written", or why there is none. */
static int say(const char *who, const json_t *m, mn_buf *out) {
    const json_t *const tokens = json_object_get(m, "tokens");
    const char *const error = field(m, "error");
    MN_TRY(mn_buf_printf(out, "%s: %d answers, %d plans, ", who, number(m, "asked"),
                         number(m, "valid")));
    const int completed = json_is_true(json_object_get(m, "completed"));
    MN_TRY(mn_buf_puts(out, json_is_true(json_object_get(m, "right")) ? "one right"
                            : completed                               ? "one completed"
                                                                      : "none right"));
    if (json_object_get(m, "seconds"))
        MN_TRY(mn_buf_printf(out, ", %.0f s", json_number_value(json_object_get(m, "seconds"))));
    if (json_object_get(m, "rules"))
        MN_TRY(
            mn_buf_printf(out, "; rules: %.0f s", json_number_value(json_object_get(m, "rules"))));
    MN_TRY(mn_buf_printf(out, "; taken: %s; tokens: %d read, %d cached, %d written, in %.1f s",
                         field(m, "taken"), number(tokens, "read"), number(tokens, "cached"),
                         number(tokens, "written"), number(m, "ms") / 1e3));
    return *error ? mn_buf_printf(out, "; %s", error) : 0;
}

static int tell(mn_brain *k, const mn_brain_task *t, const char *who, json_t *m) {
    mn_buf text = {0};
    int rc = say(who, m, &text);
    if (rc >= 0) rc = set(m, "text", json_string(text.data));
    if (rc >= 0)
        mn_board_tell(k->b, "model", "{s:s, s:s, s:O}", "task", t->id, "text", text.data, "model",
                      m);
    mn_buf_free(&text);
    return rc;
}

/* ---- choosing ---------------------------------------------------------------------------- */
/* asked, rules: what both came to; *out the plan of the rules, and then the better one. */
static int choose(json_t *report, int asked, mn_fleet_plan *mine, int rules, mn_fleet_plan *out) {
    const int better = asked > 0 && (rules < 0 || mine->makespan <= out->makespan);
    json_object_del(report, "since");
    if (rules >= 0) MN_TRY(set(report, "rules", json_real(out->makespan)));
    MN_TRY(set(report, "taken", json_string(better ? "model" : rules < 0 ? "none" : "rules")));
    if (!better) return rules;
    mn_fleet_plan_free(out);
    *out = *mine;
    *mine = (mn_fleet_plan){.n = 0};
    return 0;
}

static int both(mn_brain *k, mn_brain_task *t, const mn_brain_ask *q, const mn_goals *g,
                const mn_fleet_plan_how *how, json_t *report, mn_fleet_plan *out) {
    mn_fleet_plan mine = {.n = 0};
    char why[512];
    *out = (mn_fleet_plan){.n = 0};
    const int asked = mn_brain_plan_ask(q, g, &mine, report);
    if (asked == MN_EBUSY || asked == MN_ENOMEM) return asked;
    if (asked < 0) MN_TRY(set(report, "error", json_string(mn_error_detail())));
    const int rules = mn_brain_plan(k, q->s, g, how, out);
    if (rules < 0) snprintf(why, sizeof why, "%s", mn_error_detail());
    int rc = choose(report, asked, &mine, rules, out);
    const int told = tell(k, t, how ? "model, for what failed" : "model", report);
    if (rc >= 0) rc = told;
    mn_fleet_plan_free(&mine);
    return rc < 0 && rc == rules ? MN_FAIL(rc, "%s", why) : rc;
}

/* Nothing but a word to say: no model is asked for that. */
static int is_small(const mn_scene *s, const mn_goals *g) {
    return mn_goals_reached(s, g) == g->n;
}

int mn_brain_plan_best(mn_brain *k, mn_brain_task *t, const mn_scene *s, const mn_goals *g,
                       mn_fleet_plan *out) {
    if (!t->model) return mn_brain_plan(k, s, g, NULL, out);
    if (is_small(s, g)) {
        const int rc = mn_brain_plan(k, s, g, NULL, out);
        if (rc < 0 || !json_object_get(t->model, "asked")) return rc; /* for the goals, it was */
        MN_TRY(set(t->model, "taken", json_string("rules")));
        return tell(k, t, "model", t->model);
    }
    MN_TRY(mn_brain_talk_begin(&t->talk, s, field(t->json, "text")));
    const mn_brain_ask q = question(k, t, s);
    return both(k, t, &q, g, NULL, t->model, out);
}

int mn_brain_goals_best(mn_brain *k, mn_brain_task *t, const mn_scene *s, mn_goals *out) {
    const mn_brain_ask q = question(k, t, s);
    return mn_brain_goals_ask(&q, field(t->json, "text"), out, t->model);
}

/* ---- what failed ------------------------------------------------------------------------- */
/* The question is another one when other steps have failed since. */
static int open_question(mn_brain_task *t, const mn_scene *s, const mn_goals *g,
                         const json_t *instead) {
    if (t->again && json_equal(json_object_get(t->again, "instead"), instead)) return 0;
    json_decref(t->again);
    t->again = json_pack("{s:o}", "instead", json_deep_copy(instead));
    if (!t->again) return mn_brain_no_memory();
    return mn_brain_talk_again(&t->talk, s, field(t->json, "text"),
                               json_object_get(t->json, "steps"), instead, g);
}

/* It stays with the task: "model": {.., "again": [reports]}. */
static int keep(mn_brain_task *t) {
    if (!json_is_object(json_object_get(t->json, "model")))
        MN_TRY(set(t->json, "model", json_object()));
    json_t *const model = json_object_get(t->json, "model");
    if (!json_is_array(json_object_get(model, "again"))) MN_TRY(set(model, "again", json_array()));
    const int full = json_array_append(json_object_get(model, "again"), t->again);
    json_decref(t->again);
    t->again = NULL;
    return full ? mn_brain_no_memory() : 0;
}

int mn_brain_plan_again(mn_brain *k, mn_brain_task *t, const mn_scene *s, const mn_goals *g,
                        const mn_fleet_plan_how *how, const json_t *instead, mn_fleet_plan *out) {
    if (!k->how.model || !k->how.ask || is_small(s, g)) return mn_brain_plan(k, s, g, how, out);
    MN_TRY(open_question(t, s, g, instead));
    mn_brain_ask q = question(k, t, s);
    q.patience /= 4;
    q.rules = how;
    const int rc = both(k, t, &q, g, how, t->again, out);
    if (rc == MN_EBUSY || rc == MN_ENOMEM) return rc;
    char why[512];
    snprintf(why, sizeof why, "%s", rc < 0 ? mn_error_detail() : "");
    MN_TRY(keep(t));
    return rc < 0 ? MN_FAIL(rc, "%s", why) : rc;
}
