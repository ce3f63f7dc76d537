/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_check.c - is a plan right in the world as it is believed to be, whatever the order of
 * the steps that do not wait for each other?
 *
 * The steps are done once, in the order of the list, on a copy of what is known: each need has to
 * hold when it is reached. That is one order; it stands for all of them when every two steps of
 * which one changes what the other looks at (where a thing is, where a robot stands, what is open,
 * whose hands are free) have an order. What is counted (room, load) is right when it is so in the
 * worst order: with all that may be there already, and nothing gone that may go later. O(steps^2 *
 * variables of a step).
 */
#include "fleet/plan_inside.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { LOOKS = 96, WORDS = MN_PLAN_STEPS / 64 };
typedef enum var_kind { AT, LOCATION, OPENED, IS, HANDS } var_kind;

typedef struct look {
    int var; /* entity * 8 + kind */
    int writes;
} look;
typedef struct count { /* something comes to or leaves an entity that has limits */
    int entity, step;
    int things;
    double kg;
} count;
typedef struct is_so {
    int entity, value;
    const char *word;
} is_so;

typedef struct checker {
    mn_plan_world w;
    mn_plan_state st;
    const mn_fleet_plan *p;
    uint64_t (*before)[WORDS]; /* [n] steps before each */
    look (*look)[LOOKS];       /* [n] */
    int *n_looks;
    count *count; /* [4 n] */
    int n_counts;
    is_so *is; /* [n * MN_SKILL_FACTS] */
    int n_is;
    char came[MN_PLAN_ROBOTS]; /* where the robot stands was closed when it came */
} checker;

static const char *arg_of(const checker *c, int step, const char *arg) {
    const char *value = json_string_value(json_object_get(c->p->step[step].args, arg));
    return value ? value : !strcmp(arg, "robot") ? c->p->step[step].robot : arg;
}

static int note(checker *c, int step, var_kind kind, int entity, int writes) {
    const int var = entity * 8 + kind;
    for (int i = 0; i < c->n_looks[step]; i++)
        if (c->look[step][i].var == var) {
            c->look[step][i].writes |= writes;
            return 0;
        }
    if (c->n_looks[step] == LOOKS)
        return MN_FAIL(MN_EINVAL, "step %s depends on more than %d things", c->p->step[step].id,
                       LOOKS);
    c->look[step][c->n_looks[step]++] = (look){var, writes};
    return 0;
}

static int wrong(const checker *c, int step, const mn_fact *f, const char *why) {
    mn_fact bound = *f;
    mn_buf text = {0};
    for (int k = 0; k < MN_FACT_ARGS && f->arg[k]; k++) bound.arg[k] = arg_of(c, step, f->arg[k]);
    mn_fact_write(&bound, &text);
    const mn_step *s = c->p->step + step;
    const int rc = MN_FAIL(MN_EINVAL, "step %s (%s: %s): %s %s", s->id, s->robot, s->skill,
                           text.data ? text.data : "a fact", why);
    mn_buf_free(&text);
    return rc;
}

/* ---- what is true --------------------------------------------------------------------------- */
static int is_true(const checker *c, int e, const char *word) {
    for (int i = c->n_is - 1; i >= 0; i--)
        if (c->is[i].entity == e && !strcmp(c->is[i].word, word)) return c->is[i].value;
    if (e < 0 || mn_plan_is_robot(&c->w, e)) return 0;
    return json_is_true(json_object_get(json_object_get(c->w.s->thing[e].json, "is"), word));
}

static int is_in(const checker *c, int e, int place) {
    if (e < 0 || place < 0 || mn_plan_is_robot(&c->w, e)) return 0;
    if (mn_plan_kind(&c->w, place) == MN_ROOM) return mn_plan_below(&c->w, &c->st, e, place);
    return c->st.holder[e] == place && !c->st.hand[e];
}

/* All that a look from robot r at e depends on. */
static int note_reach(checker *c, int step, int r, int e) {
    const mn_plan_world *w = &c->w;
    MN_TRY(note(c, step, AT, w->n_things + r, 0));
    for (int i = 0, up = e; up >= 0 && i <= w->n; i++) {
        if (mn_plan_is_robot(w, up)) return note(c, step, AT, up, 0);
        MN_TRY(note(c, step, LOCATION, up, 0));
        up = c->st.holder[up];
        if (up >= 0 && !mn_plan_is_robot(w, up) && w->s->thing[up].open >= 0)
            MN_TRY(note(c, step, OPENED, up, 0));
    }
    return 0;
}

static int robot_index(const checker *c, const char *name) {
    const int e = mn_plan_entity(&c->w, name);
    return e >= c->w.n_things ? e - c->w.n_things : -1;
}

/* 1: the fact is true, its arguments being names; what that depends on is noted for the step. */
static int holds(checker *c, int step, const mn_fact *f) {
    const char *first = f->arg[0] ? f->arg[0] : "", *second = f->arg[1] ? f->arg[1] : "";
    const int a = mn_plan_entity(&c->w, first), b = mn_plan_entity(&c->w, second);
    const int r = robot_index(c, first), notes = step >= 0;
    int is = 0;
    if (a < 0) return f->not_;
    switch (f->name) {
    case MN_FACT_AT:
        is = r >= 0 && b >= 0 && c->st.at[r] == b;
        if (notes) MN_TRY(note(c, step, AT, a, 0));
        break;
    case MN_FACT_REACHES:
        is = r >= 0 && b >= 0 && mn_plan_reaches(&c->w, &c->st, r, b);
        if (notes && r >= 0 && b >= 0) MN_TRY(note_reach(c, step, r, b));
        break;
    case MN_FACT_IN:
        is = is_in(c, a, b);
        if (notes) MN_TRY(note(c, step, LOCATION, a, 0));
        break;
    case MN_FACT_HOLDING:
        is = r >= 0 && b >= 0 && c->st.holder[b] == a && c->st.hand[b];
        if (notes && b >= 0) MN_TRY(note(c, step, LOCATION, b, 0));
        break;
    case MN_FACT_FREE:
        is = r >= 0 && mn_plan_hands(&c->w, &c->st, r) < c->w.robot[r].seen->n_hands;
        if (notes) MN_TRY(note(c, step, HANDS, a, 0));
        break;
    case MN_FACT_OPEN:
        is = c->st.open[a];
        if (notes) MN_TRY(note(c, step, OPENED, a, 0));
        break;
    case MN_FACT_IS:
        is = is_true(c, a, second);
        if (notes) MN_TRY(note(c, step, IS, a, 0));
        break;
    }
    return f->not_ ? !is : is;
}

/* ---- what becomes true ---------------------------------------------------------------------- */
static void counted(checker *c, int step, int entity, int things, double kg) {
    if (entity >= 0) c->count[c->n_counts++] = (count){entity, step, things, kg};
}

/* The robot that carries it in the end; -1. */
static int carrier(const checker *c, int e) {
    for (int i = 0; e >= 0 && i <= c->w.n; i++) {
        if (mn_plan_is_robot(&c->w, e)) return e;
        e = c->st.holder[e];
    }
    return -1;
}

static int drive(checker *c, int step, const mn_fact *f, int r, int to) {
    mn_plan_world *w = &c->w;
    const mn_plan_robot *robot = w->robot + r;
    mn_spot from = robot->start;
    int through[MN_ROUTE_DOORS], n = 0;
    char open[MN_ROUTE_DOORS];
    if (robot->seen->speed <= 0) return wrong(c, step, f, "cannot be made: it does not drive");
    const mn_spot *end = mn_plan_spot(w, to);
    const int at = c->st.at[r];
    if (c->st.moved[w->n_things + r] && at >= 0) {
        const mn_spot *here = mn_plan_spot(w, at);
        if (here) from = *here;
        if (c->came[r] && !c->st.open[at]) /* on which side is it? */
            return wrong(c, step, f, "cannot be made: the door where it stands was not opened");
    }
    for (int i = 0; i < w->routes.n_doors; i++)
        open[i] = c->st.open[w->routes.door[i] - w->s->thing];
    if (!end || mn_routes_metres(&w->routes, &from, end, open, -1, through, &n) < 0)
        return wrong(c, step, f, "cannot be made: no way leads there");
    for (int i = 0; i < n; i++)
        MN_TRY(note(c, step, OPENED, (int)(w->routes.door[through[i]] - w->s->thing), 0));
    c->st.at[r] = to;
    c->came[r] = (char)(mn_plan_kind(w, to) == MN_DOOR && !c->st.open[to]);
    c->st.moved[w->n_things + r] = 1;
    return note(c, step, AT, w->n_things + r, 1);
}

/* Who stands at a thing that is moved stands where it lay: he does not come along. */
static void stand_where_it_lay(checker *c, int thing) {
    const int lay = c->st.holder[thing];
    for (int r = 0; r < c->w.n_robots; r++)
        if (c->st.at[r] == thing)
            c->st.at[r] = lay >= 0 && !mn_plan_is_robot(&c->w, lay) ? lay : -1;
}

/* The thing is now in a hand of, or in or on, `to`. */
static int move(checker *c, int step, const mn_fact *f, int thing, int to, int hand) {
    mn_plan_world *w = &c->w;
    const int old = c->st.holder[thing], was_hand = c->st.hand[thing];
    if (mn_plan_kind(w, thing) != MN_OBJECT_KIND)
        return wrong(c, step, f, "cannot be made: it cannot be carried");
    stand_where_it_lay(c, thing);
    if (mn_plan_below(w, &c->st, to, thing))
        return wrong(c, step, f, "cannot be made: it would be in itself");
    const double kg = mn_plan_weight(w, &c->st, thing);
    const int from = carrier(c, old), by = carrier(c, to);
    MN_TRY(note(c, step, LOCATION, thing, 1));
    if (was_hand) MN_TRY(note(c, step, HANDS, old, 1));
    if (hand) MN_TRY(note(c, step, HANDS, to, 1));
    if (!hand && !mn_plan_is_robot(w, to)) MN_TRY(note(c, step, LOCATION, to, 0));
    if (old >= 0 && !was_hand) counted(c, step, old, -1, 0);
    if (!hand) counted(c, step, to, 1, 0);
    if (from != by) {
        counted(c, step, from, 0, -kg);
        counted(c, step, by, 0, kg);
    }
    c->st.holder[thing] = to;
    c->st.hand[thing] = (char)hand;
    c->st.moved[thing] = 1;
    if (hand &&
        mn_plan_hands(w, &c->st, to - w->n_things) > w->robot[to - w->n_things].seen->n_hands)
        return wrong(c, step, f, "cannot be made: no hand is free");
    return 0;
}

static int make(checker *c, int step, const mn_fact *f, const mn_fact *bound) {
    const int a = mn_plan_entity(&c->w, bound->arg[0]);
    const int b = bound->arg[1] ? mn_plan_entity(&c->w, bound->arg[1]) : -1;
    const int r = robot_index(c, bound->arg[0]);
    switch (f->name) {
    case MN_FACT_AT:
        if (f->not_) return 0;
        if (r < 0 || b < 0) return wrong(c, step, f, "cannot be made: there is none");
        return drive(c, step, f, r, b);
    case MN_FACT_HOLDING:
        if (f->not_) return 0;
        if (r < 0 || b < 0) return wrong(c, step, f, "cannot be made: there is none");
        if (c->st.hand[b] && c->st.holder[b] != a &&
            strcmp(mn_plan_name(&c->w, c->st.holder[b]), c->p->step[step].robot) != 0)
            return wrong(c, step, f, "cannot be made: it is in the hand of another");
        return move(c, step, f, b, a, 1);
    case MN_FACT_IN:
        if (f->not_) return 0;
        if (a < 0 || b < 0) return wrong(c, step, f, "cannot be made: there is none");
        return move(c, step, f, a, b, 0);
    case MN_FACT_OPEN:
        if (a < 0 || mn_plan_is_robot(&c->w, a) || c->w.s->thing[a].open < 0)
            return wrong(c, step, f, "cannot be made: it is nothing that opens or closes");
        c->st.open[a] = (char)!f->not_;
        for (int i = 0; i < c->w.n_robots; i++)
            if (!f->not_ && c->st.at[i] == a) c->came[i] = 0;
        return note(c, step, OPENED, a, 1);
    case MN_FACT_IS:
        if (a < 0) return wrong(c, step, f, "cannot be made: there is none");
        c->is[c->n_is++] = (is_so){a, !f->not_, bound->arg[1]};
        return note(c, step, IS, a, 1);
    default: return 0;
    }
}

static mn_fact bind(const checker *c, int step, const mn_fact *f) {
    mn_fact out = *f;
    for (int k = 0; k < MN_FACT_ARGS && f->arg[k]; k++) out.arg[k] = arg_of(c, step, f->arg[k]);
    return out;
}

static int do_step(checker *c, int step) {
    const mn_step *s = c->p->step + step;
    const mn_robot_seen *r = mn_scene_robot(c->w.s, s->robot);
    const mn_skill *k = r ? mn_skills_find(&r->skills, s->skill) : NULL;
    if (!r || !r->alive)
        return MN_FAIL(MN_EINVAL, "step %s: there is no robot '%s' that lives", s->id, s->robot);
    if (!k || !mn_skill_fits(k, r->body))
        return MN_FAIL(MN_EINVAL, "step %s: %s cannot '%s'", s->id, s->robot, s->skill);
    char why[512];
    int rc = mn_skill_args_check(k, s->args);
    if (rc < 0) {
        snprintf(why, sizeof why, "%s", mn_error_detail());
        return MN_FAIL(rc, "step %s: %s", s->id, why);
    }
    for (int i = 0; i < k->n_needs; i++) {
        const mn_fact f = bind(c, step, k->needs + i);
        MN_TRY(rc = holds(c, step, &f));
        if (!rc) return wrong(c, step, k->needs + i, "does not hold before it");
    }
    for (int i = 0; i < k->n_makes; i++) {
        const mn_fact f = bind(c, step, k->makes + i);
        MN_TRY(make(c, step, k->makes + i, &f));
    }
    return 0;
}

/* ---- any order ------------------------------------------------------------------------------ */
static int is_before(const checker *c, int a, int b) {
    return (int)(c->before[b][a / 64] >> (a % 64) & 1);
}

static int read_order(checker *c) {
    for (int i = 0; i < c->p->n; i++)
        for (int k = 0; k < c->p->step[i].n_after; k++) {
            const int j = c->p->step[i].after[k];
            if (j < 0 || j >= i)
                return MN_FAIL(MN_EINVAL, "step %s stands before one that it waits for",
                               c->p->step[i].id);
            for (int m = 0; m < WORDS; m++) c->before[i][m] |= c->before[j][m];
            c->before[i][j / 64] |= (uint64_t)1 << (j % 64);
        }
    return 0;
}

static int conflict(const checker *c, int i, int j, int var) {
    static const char *const about[] = {"where it stands", "where it is", "whether it is open",
                                        "how it is", "its hands"};
    return MN_FAIL(MN_EINVAL,
                   "steps %s (%s: %s) and %s (%s: %s) have no order, and one changes what the "
                   "other looks at: %s, %s",
                   c->p->step[j].id, c->p->step[j].robot, c->p->step[j].skill, c->p->step[i].id,
                   c->p->step[i].robot, c->p->step[i].skill, mn_plan_name(&c->w, var / 8),
                   about[var % 8]);
}

static int order_check(const checker *c) {
    for (int i = 0; i < c->p->n; i++)
        for (int j = 0; j < i; j++) {
            if (is_before(c, j, i)) continue;
            for (int a = 0; a < c->n_looks[i]; a++)
                for (int b = 0; b < c->n_looks[j]; b++) {
                    const look x = c->look[i][a], y = c->look[j][b];
                    if (x.var == y.var && (x.writes || y.writes)) return conflict(c, i, j, x.var);
                }
        }
    return 0;
}

static int count_check(const checker *c, const mn_plan_state *first) {
    for (int i = 0; i < c->n_counts; i++) {
        const count *it = c->count + i;
        if (it->things <= 0 && it->kg <= 0) continue;
        const int limit = mn_plan_room_for(&c->w, it->entity);
        const int robot = mn_plan_is_robot(&c->w, it->entity);
        int n = mn_plan_count(&c->w, first, it->entity);
        double kg = robot ? mn_plan_load(&c->w, first, it->entity - c->w.n_things) : 0;
        for (int k = 0; k < c->n_counts; k++) {
            const count *o = c->count + k;
            if (o->entity != it->entity) continue;
            const int later = o->step != it->step && is_before(c, it->step, o->step);
            const int sooner = o->step == it->step || is_before(c, o->step, it->step);
            if (o->things > 0 ? !later : sooner) n += o->things;
            if (o->kg > 0 ? !later : sooner) kg += o->kg;
        }
        const mn_step *s = c->p->step + it->step;
        if (it->things > 0 && limit >= 0 && n > limit)
            return MN_FAIL(MN_EINVAL, "step %s (%s: %s): %s has room for %d, and may have %d then",
                           s->id, s->robot, s->skill, mn_plan_name(&c->w, it->entity), limit, n);
        const double most = robot ? mn_plan_robot_of(&c->w, it->entity)->seen->payload : 0;
        if (robot && it->kg > 0 && kg > most + 1e-9)
            return MN_FAIL(MN_EINVAL, "step %s (%s: %s): %s carries %.1f kg at most, not %.1f",
                           s->id, s->robot, s->skill, mn_plan_name(&c->w, it->entity), most, kg);
    }
    return 0;
}

static int goals_check(checker *c, const mn_goals *g) {
    for (int i = 0; g && i < g->n; i++) {
        if (holds(c, -1, g->goal + i) > 0) continue;
        mn_buf text = {0};
        mn_fact_write(g->goal + i, &text);
        const int rc =
            MN_FAIL(MN_EINVAL, "after all steps, %s is not so", text.data ? text.data : "a goal");
        mn_buf_free(&text);
        return rc;
    }
    for (int i = 0; g && g->close && i < c->w.n_things; i++) {
        int wanted = 0;
        for (int k = 0; k < g->n; k++)
            wanted |= g->goal[k].name == MN_FACT_OPEN && !g->goal[k].not_ &&
                      mn_plan_entity(&c->w, g->goal[k].arg[0]) == i;
        if (!c->w.open[i] && c->st.open[i] && !wanted)
            return MN_FAIL(MN_EINVAL, "after all steps, %s is open, which was closed before",
                           mn_plan_name(&c->w, i));
    }
    return 0;
}

static int check(checker *c, const mn_goals *g) {
    const size_t n = (size_t)c->p->n + 1;
    mn_plan_state first;
    mn_arena *a = &c->w.arena;
    if (c->p->n > MN_PLAN_STEPS)
        return MN_FAIL(MN_EINVAL, "the plan has %d steps; at most %d", c->p->n, MN_PLAN_STEPS);
    MN_TRY(mn_plan_state_begin(&c->w, &c->st));
    MN_TRY(mn_plan_state_begin(&c->w, &first));
    MN_TRY(mn_arena_take(a, n * sizeof *c->before, &c->before));
    MN_TRY(mn_arena_take(a, n * sizeof *c->look, &c->look));
    MN_TRY(mn_arena_take(a, n * sizeof *c->n_looks, &c->n_looks));
    MN_TRY(mn_arena_take(a, n * MN_SKILL_FACTS * 4 * sizeof *c->count, &c->count));
    MN_TRY(mn_arena_take(a, n * MN_SKILL_FACTS * sizeof *c->is, &c->is));
    MN_TRY(read_order(c));
    for (int i = 0; i < c->p->n; i++) MN_TRY(do_step(c, i));
    MN_TRY(order_check(c));
    MN_TRY(count_check(c, &first));
    return goals_check(c, g);
}

int mn_fleet_plan_check(const mn_scene *s, const mn_fleet_plan *p, const mn_goals *g) {
    checker c = {.p = p};
    int rc = mn_plan_world_read(s, NULL, &c.w);
    if (rc >= 0) rc = check(&c, g);
    mn_plan_world_free(&c.w);
    return rc < 0 ? rc : 0;
}
