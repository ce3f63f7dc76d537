/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_model.c - a model that plans, beside the rules: what either understands of what
 * people say, and what the model's plans are worth.
 *
 * Words: is what was understood what was meant? Rules refuse what they do not understand; a model
 * always finds something, so what it got wrong is told, too. Plans: each answer against the schema
 * and what there is, against the world as it was said, and completed by the rules; and how long it
 * takes against the rules' own plan, which is made beside and is taken when it is quicker. One
 * answer each, as the brain does it (fleet/brain_model.h), with patience.
 */
#include "bench/roboos.h"
#include "bench/roboos_reach.h"
#include "bench/roboos_words.h"

#include "api/fleet.h"
#include "base/error.h"
#include "fleet/brain_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDARD "smollm2-135m" /* -m of all benches: too small to plan, so it is not meant */
#define MODEL    "qwen2.5-coder-1.5b"
#define PATIENCE 600.0 /* s: what a plan is worth is asked here, not whether it comes in time */
enum { SENTENCES = 64 };

typedef struct model_row {
    const mn_roboos *b;
    mn_fleet *fleet; /* it has the model */
    mn_brain_how how;
    mn_roboos_world world;
    int words, by_rules, by_model, wrong_rules, wrong_model; /* sentences; meant; something else */
    int plans, asked, valid, right, completed, taken;        /* tasks; answers; of tasks */
    double ratio[SENTENCES], ms[SENTENCES];                  /* of a task: time of model to rules */
    int n;
} model_row;

/* ---- what is meant ------------------------------------------------------------------------- */
/* "cup > table, open fridge" as fleet/plan.h has goals; NULL: no memory. */
static json_t *goals_of(const char *text, size_t n) {
    json_t *const list = json_array();
    char copy[256], a[64], b[64], *next = copy, *one;
    snprintf(copy, sizeof copy, "%.*s", (int)n, text);
    while ((one = strsep(&next, ","))) {
        if (sscanf(one, " %63s > %63s", a, b) == 2)
            json_array_append_new(list, json_pack("[s, s, s]", "in", a, b));
        else if (sscanf(one, " %63s %63s", a, b) == 2)
            json_array_append_new(list, json_pack("[s, s]", a, b));
    }
    return list;
}

static int holds(const json_t *list, const json_t *one) {
    const json_t *other;
    size_t i;
    json_array_foreach(list, i, other) if (json_equal(other, one)) return 1;
    return 0;
}

static int is_meant(const mn_goals *g, const char *meant) {
    json_t *const got = mn_goals_write(g);
    int yes = 0;
    while (!yes && meant) {
        const size_t n = strcspn(meant, "|");
        json_t *const want = goals_of(meant, n), *one;
        size_t i;
        yes = g->n > 0 && json_array_size(want) == json_array_size(got);
        json_array_foreach(want, i, one) yes &= holds(got, one);
        json_decref(want);
        meant = meant[n] ? meant + n + 1 : NULL;
    }
    json_decref(got);
    return yes;
}

/* ---- words --------------------------------------------------------------------------------- */
static mn_brain_ask question(const model_row *m, const mn_brain_talk *talk) {
    return (mn_brain_ask){.how = &m->how, .s = &m->world.scene, .talk = talk, .patience = PATIENCE};
}

static void show(const model_row *m, const char *text, const char *how, const mn_goals *g) {
    json_t *const goals = mn_goals_write(g);
    char *const said = goals ? json_dumps(goals, JSON_COMPACT) : NULL;
    if (!m->b->o->json) fprintf(stderr, "  %-10s %s: %s\n", how, text, said ? said : "no memory");
    free(said);
    json_decref(goals);
}

static int ask_words(model_row *m, const mn_roboos_words *w) {
    const mn_scene *const s = &m->world.scene;
    mn_goals rules = {.n = 0}, model = {.n = 0};
    json_t *const report = json_object();
    const int read = mn_goals_read(s, w->text, &rules) >= 0;
    const mn_brain_ask q = question(m, NULL);
    const int asked = mn_brain_goals_ask(&q, w->text, &model, report);
    if (asked >= 0) {
        const int is = is_meant(&model, w->goals), was = is_meant(&rules, w->goals);
        m->words++;
        m->by_rules += read && was;
        m->wrong_rules += read && !was;
        m->by_model += asked && is;
        m->wrong_model += asked && !is;
        show(m, w->text, !asked ? "nothing" : is ? "meant" : "WRONG", &model);
    }
    json_decref(report);
    mn_goals_free(&rules);
    mn_goals_free(&model);
    return asked < 0 ? asked : 0;
}

/* ---- plans --------------------------------------------------------------------------------- */
static int count(const json_t *report, const char *name) {
    return (int)json_integer_value(json_object_get(report, name));
}

static void keep(model_row *m, int right, double model, double rules, const json_t *report) {
    const int whole = json_is_true(json_object_get(report, "completed"));
    m->plans++;
    m->asked += count(report, "asked");
    m->valid += count(report, "valid");
    m->right += right && !whole;
    m->completed += right && whole;
    m->taken += right && model <= rules;
    if (right && rules > 0) m->ratio[m->n++] = model / rules;
    m->ms[m->plans - 1] = count(report, "ms");
}

static int ask_plan(model_row *m, const mn_roboos_words *w) {
    const mn_scene *const s = &m->world.scene;
    mn_goals g = {.n = 0};
    mn_fleet_plan rules = {.n = 0}, model = {.n = 0};
    mn_brain_talk talk = {.told = NULL};
    json_t *const report = json_object();
    int rc = mn_goals_read(s, w->text, &g);
    if (rc >= 0) rc = mn_fleet_plan_make(s, &g, NULL, &rules);
    if (rc >= 0) rc = mn_brain_talk_begin(&talk, s, w->text);
    const mn_brain_ask q = question(m, &talk);
    if (rc >= 0) rc = mn_brain_plan_ask(&q, &g, &model, report);
    if (rc >= 0) keep(m, rc, model.makespan, rules.makespan, report);
    if (rc >= 0 && !m->b->o->json)
        fprintf(stderr, "  %-10s %s: %.0f s, by the rules %.0f s\n",
                !rc                                                  ? "none"
                : json_is_true(json_object_get(report, "completed")) ? "completed"
                                                                     : "right",
                w->text, model.makespan, rules.makespan);
    mn_brain_talk_free(&talk);
    mn_fleet_plan_free(&rules);
    mn_fleet_plan_free(&model);
    mn_goals_free(&g);
    json_decref(report);
    return rc < 0 ? rc : 0;
}

/* ---- the row ------------------------------------------------------------------------------- */
/* world: JSON, NULL: the kitchen. */
static int each(model_row *m, const char *world, const mn_roboos_words *list,
                int (*ask)(model_row *, const mn_roboos_words *)) {
    json_t *json = world ? json_loads(world, 0, NULL) : NULL;
    int rc = world ? json ? 0 : MN_FAIL(MN_EINVAL, "the workshop is no JSON")
                   : mn_fleet_world_read(NULL, &json);
    if (rc >= 0 && world) rc = mn_fleet_world_check("the workshop", json, NULL);
    if (rc >= 0) rc = mn_roboos_world_open(json, &m->world);
    for (; rc >= 0 && list->text; list++) rc = ask(m, list);
    mn_roboos_world_close(&m->world);
    json_decref(json);
    return rc;
}

static int say_words(const model_row *m, const char *where) {
    char what[96];
    const struct {
        const char *who;
        int n, bar;
    } line[] = {{"meant, by the rules", m->by_rules, 0},
                {"meant, by the model", m->by_model, m->by_rules},
                {"something else, by the rules", m->wrong_rules, 0},
                {"something else, by the model", m->wrong_model, 0}};
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        snprintf(what, sizeof what, "%s, of %d: %s", where, m->words, line[i].who);
        MN_TRY(mn_roboos_say(m->b, "model", what, "sentences", line[i].n, line[i].bar, 1));
    }
    return 0;
}

static int say_plans(model_row *m) {
    const mn_roboos *const b = m->b;
    char of[64];
    snprintf(of, sizeof of, "of %d plans: ", m->plans);
    const struct {
        const char *what;
        int n;
    } line[] = {{"right as said", m->right},
                {"completed by the rules", m->completed},
                {"taken, as quick as the rules'", m->taken}};
    MN_TRY(mn_roboos_say(b, "model", "answers that follow the schema", "%",
                         m->asked ? 100.0 * m->valid / m->asked : 0, 100, 1));
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        char what[96];
        snprintf(what, sizeof what, "%s%s", of, line[i].what);
        MN_TRY(mn_roboos_say(b, "model", what, "plans", line[i].n, 0, 1));
    }
    if (m->n)
        MN_TRY(mn_roboos_say(b, "model", "time / that of the rules' plan, median", "x",
                             mn_bench_median(m->ratio, m->n), 0, 0));
    return m->plans ? mn_roboos_say(b, "model", "a plan is thought about, median", "s",
                                    mn_bench_median(m->ms, m->plans) / 1e3, 0, 0)
                    : 0;
}

static int rows(model_row *m) {
    MN_TRY(each(m, NULL, mn_roboos_free, ask_words));
    MN_TRY(say_words(m, "free words, kitchen"));
    m->words = m->by_rules = m->by_model = m->wrong_rules = m->wrong_model = 0;
    MN_TRY(each(m, mn_roboos_workshop, mn_roboos_free_workshop, ask_words));
    MN_TRY(say_words(m, "free words, workshop"));
    MN_TRY(each(m, NULL, mn_roboos_plain, ask_plan));
    return say_plans(m);
}

/* As mn_brain_how.ask has it. */
static int ask(void *user, const char *system, const char *text, const char *schema, char **out,
               int tokens[4]) {
    const model_row *const m = user;
    return mn_fleet_ask_model(m->fleet, m->how.model, system, text, schema, out, tokens);
}

int mn_roboos_model(mn_roboos *b) {
    static model_row m;
    const mn_bench_row row = {.name = "model", .what = "plans by a model"};
    const char *const name = strcmp(b->o->model, STANDARD) != 0 ? b->o->model : MODEL;
    m = (model_row){.b = b, .how = {.model = name, .ask = ask, .user = &m}};
    MN_TRY(mn_fleet_open(NULL, NULL, &m.fleet));
    const int rc = rows(&m);
    mn_fleet_close(&m.fleet);
    return rc == MN_ENOENT ? mn_bench_row_skip(&row, mn_error_detail(), b->o->json) : rc;
}
