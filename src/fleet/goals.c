/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/goals.c - goals as JSON, and which of them are true.
 */
#include "fleet/goals.h"

#include "base/error.h"

#include <string.h>

void mn_goals_free(mn_goals *g) {
    mn_arena_free(&g->arena);
    *g = (mn_goals){.n = 0};
}

int mn_goals_reached(const mn_scene *s, const mn_goals *g) {
    int n = 0;
    for (int i = 0; i < g->n; i++) n += mn_scene_holds(s, g->goal + i) > 0;
    return n;
}

static int same_arg(const mn_fact *a, const mn_fact *b, int k) {
    return a->arg[k] && b->arg[k] && !strcmp(a->arg[k], b->arg[k]);
}

/* Where a thing is, and where a robot stands, is one thing at a time. */
static int is_place(const mn_fact *f) {
    return f->name == MN_FACT_IN || f->name == MN_FACT_HOLDING;
}
static const char *subject(const mn_fact *f) {
    return f->name == MN_FACT_HOLDING ? f->arg[1] : f->arg[0];
}

static const char *predicate(const mn_fact *f) {
    if (f->name == MN_FACT_OPEN || f->name == MN_FACT_FREE) return mn_fact_word(f->name);
    return f->arg[f->name != MN_FACT_HOLDING];
}

/* 2: the same, 1: not both can be true, 0: nothing to do with each other. */
static int disagree(const mn_fact *a, const mn_fact *b) {
    if (a->name == b->name && same_arg(a, b, 0) &&
        (a->name == MN_FACT_OPEN || a->name == MN_FACT_FREE || same_arg(a, b, 1)))
        return a->not_ == b->not_ ? 2 : 1;
    if (a->not_ || b->not_) return 0;
    if (is_place(a) && is_place(b)) return !strcmp(subject(a), subject(b));
    return a->name == MN_FACT_AT && b->name == MN_FACT_AT && same_arg(a, b, 0);
}

int mn_goals_add(mn_goals *g, const mn_fact *fact, int stage) {
    for (int i = 0; i < g->n; i++) {
        const int is = disagree(g->goal + i, fact);
        if (is == 2) return 0;
        if (!is) continue;
        if (g->stage[i] == stage)
            return MN_FAIL(MN_EINVAL, "%s cannot be both %s%s and %s%s: say which, or 'then'",
                           subject(fact), g->goal[i].not_ ? "not " : "", predicate(g->goal + i),
                           fact->not_ ? "not " : "", predicate(fact));
        memmove(g->goal + i, g->goal + i + 1, (size_t)(g->n - i - 1) * sizeof *g->goal);
        memmove(g->stage + i, g->stage + i + 1, (size_t)(g->n - i - 1) * sizeof *g->stage);
        g->n--, i--;
    }
    if (g->n == MN_GOALS) return MN_FAIL(MN_EFULL, "a task has at most %d goals", MN_GOALS);
    mn_fact copy = *fact; /* the scene goes before the goals do */
    for (int k = 0; k < MN_FACT_ARGS && fact->arg[k]; k++)
        MN_TRY(mn_goals_text(g, fact->arg[k], &copy.arg[k]));
    g->goal[g->n] = copy;
    g->stage[g->n++] = stage;
    return 0;
}

/* ---- as JSON -------------------------------------------------------------------------------- */
json_t *mn_goals_write(const mn_goals *g) {
    json_t *out = json_array();
    int stage = g->n ? g->stage[0] : 0, bad = !out;
    for (int i = 0; i < g->n && !bad; i++) {
        const mn_fact *f = g->goal + i;
        if (g->stage[i] != stage) bad |= json_array_append_new(out, json_string("then"));
        stage = g->stage[i];
        json_t *one = json_array();
        bad |= json_array_append_new(
            one, json_sprintf("%s%s", f->not_ ? "!" : "", mn_fact_word(f->name)));
        for (int k = 0; k < MN_FACT_ARGS && f->arg[k]; k++)
            bad |= json_array_append_new(one, json_string(f->arg[k]));
        bad |= json_array_append_new(out, one);
    }
    if (g->close) bad |= json_array_append_new(out, json_string("close"));
    if (g->say) bad |= json_array_append_new(out, json_pack("[s, s]", "say", g->say));
    if (!bad) return out;
    json_decref(out);
    return NULL;
}

static int is_known(const mn_scene *s, const char *name) {
    return mn_scene_thing(s, name) || mn_scene_robot(s, name);
}

/* What argument k of a goal may be: a thing, a robot, either, or any word. */
static int arg_check(const mn_scene *s, const mn_fact *f, int k, int nth) {
    const char *a = f->arg[k];
    const int robot = (f->name == MN_FACT_AT || f->name == MN_FACT_HOLDING ||
                       f->name == MN_FACT_REACHES || f->name == MN_FACT_FREE) &&
                      !k;
    if (f->name == MN_FACT_IS && k) return 0;
    if (robot                                                        ? !mn_scene_robot(s, a)
        : f->name == MN_FACT_REACHES || (f->name == MN_FACT_IN && k) ? !is_known(s, a)
                                                                     : !mn_scene_thing(s, a))
        return MN_FAIL(MN_EINVAL, "goal %d: there is no %s '%.80s'", nth + 1,
                       robot ? "robot" : "thing", a);
    return 0;
}

static int parse_one(const mn_scene *s, const json_t *json, int nth, int stage, mn_goals *out) {
    mn_fact f = {.not_ = 0};
    const char *name = json_string_value(json_array_get(json, 0));
    const size_t n = json_array_size(json);
    if (!name || n > MN_FACT_ARGS + 1)
        return MN_FAIL(MN_EINVAL, "goal %d: it is no [\"in\", thing, place]", nth + 1);
    if (!strcmp(name, "say")) {
        const char *text = json_string_value(json_array_get(json, 1));
        if (!text || n != 2) return MN_FAIL(MN_EINVAL, "goal %d: say takes one text", nth + 1);
        return mn_goals_text(out, text, &out->say);
    }
    if (*name == '!') f.not_ = 1, name++;
    for (int i = MN_FACT_AT; i <= MN_FACT_IS; i++)
        if (!strcmp(mn_fact_word((mn_fact_name)i), name)) f.name = (mn_fact_name)i;
    const size_t args = f.name == MN_FACT_OPEN || f.name == MN_FACT_FREE ? 1 : 2;
    if (!f.name || n != args + 1)
        return MN_FAIL(MN_EINVAL,
                       "goal %d: '%.40s' with %zu words is no goal: in, holding, at, "
                       "is with 2, open and free with 1",
                       nth + 1, name, n ? n - 1 : 0);
    for (size_t k = 0; k < args; k++) {
        const char *a = json_string_value(json_array_get(json, k + 1));
        if (!a) return MN_FAIL(MN_EINVAL, "goal %d: word %zu is no text", nth + 1, k + 2);
        f.arg[k] = a;
        MN_TRY(arg_check(s, &f, (int)k, nth));
    }
    return mn_goals_add(out, &f, stage);
}

int mn_goals_text(mn_goals *g, const char *text, const char **out) {
    char *copy;
    if (!g->arena.limit) g->arena = (mn_arena){.limit = 1 << 20, .what = "the goals of a task"};
    MN_TRY(mn_arena_take(&g->arena, strlen(text) + 1, &copy));
    strcpy(copy, text);
    *out = copy;
    return 0;
}

/* What was left out leaves no gap: there are never more stages than goals. */
static void number_stages(mn_goals *g) {
    int was = -1, stage = -1;
    for (int i = 0; i < g->n; i++) {
        stage += g->stage[i] != was;
        was = g->stage[i];
        g->stage[i] = stage;
    }
}

int mn_goals_parse(const mn_scene *s, const json_t *json, mn_goals *out) {
    *out = (mn_goals){.n = 0};
    if (!json_is_array(json))
        return MN_FAIL(MN_EINVAL, "goals are a list, as [[\"in\", \"apple\", \"table\"]]");
    size_t i;
    json_t *one;
    int stage = 0, rc = 0;
    json_array_foreach(json, i, one) {
        const char *word = json_string_value(one);
        if (word && !strcmp(word, "then"))
            stage++;
        else if (word && !strcmp(word, "close"))
            out->close = 1;
        else if (word)
            rc = MN_FAIL(MN_EINVAL, "goal %zu: '%.40s' is no goal", i + 1, word);
        else
            rc = parse_one(s, one, (int)i, stage, out);
        if (rc < 0) {
            mn_goals_free(out);
            return rc;
        }
    }
    number_stages(out);
    return 0;
}
