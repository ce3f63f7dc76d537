/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan.c - the deterministic planner: who does what, after what, so that all ends soonest.
 *
 * Each thing of the goals is a job with some ways (plan_ways.c). Jobs are put, the longest first,
 * into a sequence of legs where they make it end soonest: as a whole, or cut in two, so that
 * several things go in one trip. Then jobs are taken out and put in again elsewhere, as long as
 * that helps. A sequence is tried out by doing it on paper (plan_try.c), which gives the steps and
 * what each waits for. The work is bounded by counted trials, not by a clock: the same scene gives
 * the same plan everywhere. When there is no plan from hands as they are, all that they hold is put
 * down first: robots whose hands are full open no doors.
 */
#include "fleet/plan_try.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCE = MN_GOALS * MN_LEGS, TRIALS = 6000, POSITIONS = 10, WAYS_TRIED = 10 };
#define BUSY 0.02 /* a second of anybody's work is worth this much of the end */

typedef struct job {
    mn_wish wish;
    mn_way *way; /* [n_ways] */
    int n_ways, chosen;
} job;

typedef struct planner {
    mn_plan_world w;
    mn_try t;
    const mn_goals *g;
    mn_goals parked; /* what is put down first, then the goals, a stage later */
    int n_parked;
    job job[MN_GOALS]; /* of one stage */
    int n_jobs;
    const mn_leg *seq[SEQUENCE], *best[SEQUENCE], *with[SEQUENCE];
    int n, n_best;
    int trials; /* left */
    double score;
} planner;

/* ---- goals as jobs ----------------------------------------------------------------------- */
static int is_so(const planner *p, int e, const char *word) {
    return json_is_true(json_object_get(json_object_get(p->w.s->thing[e].json, "is"), word));
}

/* The words that have to be true before: of a skill that makes this one and needs another. */
static int add_word(planner *p, mn_wish *wish, const char *word, int depth) {
    for (int i = 0; i < wish->n_words; i++)
        if (!strcmp(wish->word[i], word)) return 0;
    if (is_so(p, wish->thing, word)) return 0;
    for (int r = 0; r < p->w.n_robots && depth < 4; r++) {
        const mn_skills *all = &p->w.s->robot[r].skills;
        for (int k = 0; k < all->n && p->w.robot[r].usable; k++)
            for (int m = 0; m < all->skill[k].n_makes; m++) {
                const mn_fact *f = all->skill[k].makes + m;
                if (f->name != MN_FACT_IS || f->not_ || strcmp(f->arg[1], word) != 0) continue;
                for (int q = 0; q < all->skill[k].n_needs; q++) {
                    const mn_fact *need = all->skill[k].needs + q;
                    if (need->name == MN_FACT_IS && !need->not_ && !strcmp(need->arg[0], f->arg[0]))
                        MN_TRY(add_word(p, wish, need->arg[1], depth + 1));
                }
                r = p->w.n_robots - 1; /* the first skill that does it says what it needs */
                k = all->n;
                break;
            }
    }
    if (wish->n_words == 4)
        return MN_FAIL(MN_ENOENT, "%s takes more than 4 skills one after another", word);
    wish->word[wish->n_words++] = word;
    return 0;
}

static job *job_of(planner *p, int thing, int stage, int goal) {
    for (int i = 0; i < p->n_jobs; i++)
        if (p->job[i].wish.thing == thing && p->job[i].wish.stage == stage) return p->job + i;
    job *j = p->job + p->n_jobs++;
    *j = (job){.wish = {.thing = thing, .to = -1, .job = goal, .stage = stage}};
    return j;
}

static int read_goal(planner *p, int i) {
    const mn_fact *f = p->g->goal + i;
    const int hold = f->name == MN_FACT_HOLDING;
    if (f->name == MN_FACT_OPEN || (f->name == MN_FACT_AT && !f->not_)) return 0;
    const int thing = mn_plan_entity(&p->w, f->arg[hold]);
    const int to = f->name == MN_FACT_IS ? -1 : mn_plan_entity(&p->w, f->arg[!hold]);
    if (f->not_ || (f->name != MN_FACT_IN && !hold && f->name != MN_FACT_IS)) {
        if (mn_scene_holds(p->w.s, f) > 0) return 0; /* and the check of the plan sees to it */
        return MN_FAIL(MN_EUNSUPPORTED, "goal %d (%s%s) is nothing the rules plan for", i + 1,
                       f->not_ ? "!" : "", mn_fact_word(f->name));
    }
    if (thing < 0 || thing >= p->w.n_things || (f->name != MN_FACT_IS && to < 0))
        return MN_FAIL(MN_ENOENT, "goal %d: there is no '%s'", i + 1,
                       thing < 0 || thing >= p->w.n_things ? f->arg[hold] : f->arg[!hold]);
    job *j = job_of(p, thing, p->g->stage[i], i);
    if (f->name == MN_FACT_IS) return add_word(p, &j->wish, f->arg[1], 0);
    j->wish.to = to;
    j->wish.held = hold;
    return 0;
}

/* A thing that is where it shall be needs no way; with words it comes back there. */
static int is_done(const planner *p, const mn_wish *w) {
    const int h = p->t.st.holder[w->thing];
    return !w->n_words && (w->to < 0 || (h == w->to && p->t.st.hand[w->thing] == w->held));
}

/* Places that could be too full, and robots too loaded, if all that has to move went there. */
static void find_tight(planner *p) {
    double kg = 0;
    for (int i = 0; i < p->n_jobs; i++) kg += mn_plan_weight(&p->w, &p->t.st, p->job[i].wish.thing);
    for (int e = 0; e < p->w.n; e++) {
        const int room = mn_plan_room_for(&p->w, e);
        p->t.tight[e] |= (char)(room >= 0 && p->t.count[e] + p->n_jobs > room);
    }
    for (int r = 0; r < p->w.n_robots; r++)
        p->t.heavy[r] |= (char)(p->t.load[r] + kg > p->w.robot[r].seen->payload);
}

/* ---- sequences --------------------------------------------------------------------------- */
/* How good the sequence is; INFINITY: it cannot be done. */
static double try_out(planner *p, const mn_leg *const *seq, int n, double best) {
    p->trials--;
    if (mn_try_run(&p->t, seq, n, best, 0) < 0) return INFINITY;
    return p->t.last + BUSY * p->t.busy;
}

static int shares(const mn_leg *a, const mn_way *way) {
    for (int i = 0; i < way->n; i++) {
        const mn_leg *b = way->leg + i;
        if (a->robot == b->robot || (a->partner >= 0 && a->partner == b->robot) ||
            (b->partner >= 0 && (b->partner == a->robot || b->partner == a->partner)))
            return 1;
    }
    return 0;
}

/* Positions in the sequence that differ for this way, those at the end first. */
static int positions(const planner *p, const mn_way *way, int *at) {
    int from = 0, to = 0, n = 0;
    const int stage = way->leg[0].stage;
    for (int i = 0; i < p->n; i++) {
        if (p->seq[i]->stage < stage) from = i + 1;
        if (p->seq[i]->stage <= stage) to = i + 1;
    }
    at[n++] = to;
    for (int i = to - 1; i >= from && n < SEQUENCE; i--)
        if (shares(p->seq[i], way)) at[n++] = i;
    return n;
}

/* The sequence with the way's first `cut` legs before seq[i], the rest before seq[j], j >= i. */
static int weave(planner *p, const mn_way *way, int i, int j, int cut) {
    int n = 0;
    for (int k = 0; k <= p->n; k++) {
        if (k == i)
            for (int m = 0; m < cut; m++) p->with[n++] = way->leg + m;
        if (k == j)
            for (int m = cut; m < way->n; m++) p->with[n++] = way->leg + m;
        if (k < p->n) p->with[n++] = p->seq[k];
    }
    return n;
}

static void look_at(planner *p, int n, double *best, int *found) {
    const double score = try_out(p, p->with, n, *best);
    if (!(score < *best - 1e-9)) return;
    *best = score;
    *found = 1;
    p->n_best = n;
    memcpy(p->best, p->with, (size_t)n * sizeof *p->with);
}

/* Where the job makes it end soonest; 0: nowhere better than `best`. */
static int insert(planner *p, job *j, double *best) {
    int found = 0, chosen = -1;
    for (int w = 0; w < j->n_ways && (w < WAYS_TRIED || !found); w++) {
        const mn_way *way = j->way + w;
        int at[SEQUENCE], was = found;
        if (p->n + way->n > SEQUENCE) break;
        const int n = positions(p, way, at);
        found = 0;
        for (int a = 0; a < n; a++) {
            if (a && p->trials <= 0) break;
            look_at(p, weave(p, way, at[a], at[a], way->n), best, &found);
            for (int cut = 1; cut < way->n && a; cut++)
                for (int b = a - 1; b >= 0 && b >= a - POSITIONS && p->trials > 0; b--)
                    look_at(p, weave(p, way, at[a], at[b], cut), best, &found);
        }
        if (found) chosen = w;
        found |= was;
    }
    if (!found) return 0;
    j->chosen = chosen;
    p->n = p->n_best;
    memcpy(p->seq, p->best, (size_t)p->n * sizeof *p->seq);
    return 1;
}

static void take_out(planner *p, int job_index) {
    const mn_way *way = p->job[job_index].way;
    const mn_leg *from = way->leg;
    const mn_leg *to = (const mn_leg *)(const void *)(way + p->job[job_index].n_ways);
    int n = 0;
    for (int i = 0; i < p->n; i++)
        if (p->seq[i] < from || p->seq[i] >= to) p->seq[n++] = p->seq[i];
    p->n = n;
}

/* ---- planning ---------------------------------------------------------------------------- */
/* The longest ways first; then as they were said. */
static int in_order(const void *a, const void *b) {
    const job *x = a, *y = b;
    if (fabs(x->way[0].seconds - y->way[0].seconds) > 1e-9)
        return x->way[0].seconds < y->way[0].seconds ? 1 : -1;
    return x->wish.job - y->wish.job;
}

/* Jobs of this stage, from where the stages before leave all. */
static int find_ways(planner *p, int stage) {
    int kept = 0;
    p->t.stage = stage - 1;
    p->n_jobs = 0;
    if (mn_try_run(&p->t, p->seq, p->n, INFINITY, 0) < 0) return MN_FAIL(MN_ENOENT, "%s", p->t.why);
    for (int i = 0; i < p->g->n; i++)
        if (p->g->stage[i] == stage) MN_TRY(read_goal(p, i));
    for (int i = 0; i < p->n_jobs; i++)
        if (!is_done(p, &p->job[i].wish)) p->job[kept++] = p->job[i];
    p->n_jobs = kept;
    for (int i = 0; i < p->n_jobs; i++) {
        job *j = p->job + i;
        MN_TRY(mn_arena_take(&p->w.arena, MN_WAYS * sizeof *j->way, &j->way));
        MN_TRY(mn_ways_find(&p->t, &j->wish, j->way, &j->n_ways));
    }
    qsort(p->job, (size_t)p->n_jobs, sizeof *p->job, in_order);
    find_tight(p);
    p->t.stage = stage;
    return 0;
}

static int build(planner *p) {
    int done[MN_GOALS] = {0};
    for (int left = p->n_jobs, moved = 1; left && moved;) {
        moved = 0;
        for (int i = 0; i < p->n_jobs; i++) {
            double best = INFINITY;
            if (done[i] || !insert(p, p->job + i, &best)) continue;
            p->score = best;
            done[i] = moved = 1;
            left--;
        }
        if (left && !moved) return MN_FAIL(MN_ENOENT, "%s", p->t.why);
    }
    if (p->n_jobs) return 0;
    p->score = try_out(p, p->seq, p->n, INFINITY);
    return p->score < INFINITY ? 0 : MN_FAIL(MN_ENOENT, "%s", p->t.why);
}

/* Jobs out and in again, as long as it helps. */
static void improve(planner *p) {
    const mn_leg *kept[SEQUENCE];
    for (int helped = 1; helped && p->trials > 0;) {
        helped = 0;
        for (int i = 0; i < p->n_jobs && p->trials > 0; i++) {
            const int n = p->n, chosen = p->job[i].chosen;
            double best = p->score;
            memcpy(kept, p->seq, (size_t)n * sizeof *kept);
            take_out(p, i);
            if (insert(p, p->job + i, &best)) {
                p->score = best;
                helped = 1;
                continue;
            }
            p->n = n;
            p->job[i].chosen = chosen;
            memcpy(p->seq, kept, (size_t)n * sizeof *kept);
        }
    }
}

/* ---- hands that are full ------------------------------------------------------------------- */
/* Where the goals want it: -1 when that is no place, or closed. */
static int wanted_at(const planner *p, const mn_goals *g, int thing) {
    for (int i = 0; i < g->n; i++) {
        const mn_fact *f = g->goal + i;
        if (f->name != MN_FACT_IN || f->not_ || mn_plan_entity(&p->w, f->arg[0]) != thing) continue;
        const int to = mn_plan_entity(&p->w, f->arg[1]);
        return to >= 0 && mn_plan_kind(&p->w, to) == MN_FURNITURE && p->w.open[to] ? to : -1;
    }
    return -1;
}

/* Seconds until what the robot holds lies there; < 0: it cannot. A closed door may have to be
 * opened by another. */
static double park_time(planner *p, int robot, int place) {
    const int room = mn_plan_room_for(&p->w, place);
    uint64_t doors;
    double s = 0;
    if (mn_plan_kind(&p->w, place) != MN_FURNITURE || !p->w.open[place]) return -1;
    if (room >= 0 && p->t.count[place] >= room) return -1;
    if (p->w.banned[robot * p->w.n + place]) return -1;
    if (!p->w.robot[robot].mobile) return mn_plan_fixed_reaches(&p->w, robot, place) ? 0 : -1;
    s = mn_try_drive(&p->t, robot, p->w.n_things + robot, place, &doors);
    for (int d = 0; s >= 0 && d < p->w.routes.n_doors; d++)
        if (doors >> d & 1 && !p->w.open[p->w.routes.door[d] - p->w.s->thing]) s += 1000;
    return s;
}

/* Goals in which all that is in a hand is put down before anything else: where it is wanted, or as
 * near as may be. 0: nothing is in a hand. */
static int park_first(planner *p, const mn_goals *g) {
    mn_goals *out = &p->parked;
    *out = (mn_goals){.close = g->close, .say = g->say};
    for (int e = 0; e < p->w.n_things; e++) {
        const int robot = p->w.holder[e] - p->w.n_things;
        int best = -1;
        double soonest = 0;
        if (robot < 0 || !p->w.hand[e] || !p->w.robot[robot].usable) continue;
        const int to = wanted_at(p, g, e);
        const int there = to >= 0 && park_time(p, robot, to) >= 0;
        for (int i = 0; !there && i < p->w.n_things; i++) {
            const double s = park_time(p, robot, i);
            if (s >= 0 && (best < 0 || s < soonest)) best = i, soonest = s;
        }
        if (there) best = to;
        if (best < 0 || out->n + g->n >= MN_GOALS) continue;
        out->goal[out->n++] = (mn_fact){.name = MN_FACT_IN,
                                        .arg = {mn_plan_name(&p->w, e), mn_plan_name(&p->w, best)}};
    }
    p->n_parked = out->n;
    for (int i = 0; p->n_parked && i < g->n; i++) {
        out->goal[out->n] = g->goal[i];
        out->stage[out->n++] = g->stage[i] + 1;
    }
    p->t.goals = p->g = out;
    return p->n_parked;
}

/* ---- the plan ---------------------------------------------------------------------------- */
static json_t *args_of(const planner *p, const mn_try_step *s) {
    json_t *args = json_object();
    int bad = !args;
    for (int i = 0; i < 2 && !bad; i++)
        if (s->value[i] >= 0 && s->param[i] >= 0)
            bad = json_object_set_new(args, s->skill->param[s->param[i]],
                                      json_string(mn_plan_name(&p->w, s->value[i])));
    if (s->text && !bad) bad = json_object_set_new(args, "text", json_string(s->text));
    if (!bad) return args;
    json_decref(args);
    return NULL;
}

/* chain: each waits for the one before, which is right when nothing else is. */
static int write_out(planner *p, int first, int chain, mn_fleet_plan *out) {
    MN_TRY(mn_plan_begin(out, p->t.n));
    for (int i = 0; i < p->t.n; i++) {
        const mn_try_step *from = p->t.step + i;
        mn_step s = {.robot = p->w.s->robot[from->robot].name,
                     .skill = from->skill->name,
                     .seconds = from->seconds,
                     .goal = from->job < p->n_parked ? -1 : from->job - p->n_parked};
        snprintf(s.id, sizeof s.id, "s%d", first + i + 1);
        if (chain && i) s.after[s.n_after++] = i - 1;
        for (int k = 0; k < from->n_after && !chain; k++) s.after[s.n_after++] = from->after[k];
        s.args = args_of(p, from);
        MN_TRY(mn_plan_add(out, &s));
    }
    out->makespan = mn_fleet_plan_seconds(out, 0);
    return 0;
}

static int make(planner *p, const mn_scene *s, const mn_goals *g, const mn_fleet_plan_how *how,
                int parks, mn_fleet_plan *out) {
    p->g = g;
    MN_TRY(mn_plan_world_read(s, how, &p->w));
    MN_TRY(mn_try_begin(&p->w, g, &p->t));
    if (parks && !park_first(p, g)) return MN_FAIL(MN_ENOENT, "nothing is in a hand");
    const int last = p->g->n ? p->g->stage[p->g->n - 1] : 0;
    for (int stage = 0; stage <= last; stage++) {
        MN_TRY(find_ways(p, stage));
        p->trials = TRIALS / (last + 1);
        MN_TRY(build(p));
        improve(p);
    }
    if (mn_try_run(&p->t, p->seq, p->n, INFINITY, 1) < 0 && !p->t.full)
        return MN_FAIL(MN_ENOENT, "%s", p->t.why);
    if (p->t.full && p->t.n >= MN_PLAN_STEPS) return MN_FAIL(MN_EFULL, "%s", p->t.why);
    const int first = how ? how->first : 0;
    if (!p->t.full) {
        MN_TRY(write_out(p, first, 0, out));
        if (!mn_fleet_plan_check(s, out, g)) return 0;
        mn_fleet_plan_free(out);
    }
    MN_TRY(write_out(p, first, 1, out));
    char why[400];
    if (!mn_fleet_plan_check(s, out, g)) return 0;
    snprintf(why, sizeof why, "%s", mn_error_detail());
    return MN_FAIL(MN_ENOENT, "the rules find no way: %s", why);
}

static int try_once(const mn_scene *s, const mn_goals *g, const mn_fleet_plan_how *how, int parks,
                    mn_fleet_plan *out) {
    mn_arena own = {.what = "a plan"};
    planner *p;
    *out = (mn_fleet_plan){.n = 0};
    MN_TRY(mn_arena_take(&own, sizeof *p, &p));
    const int rc = make(p, s, g, how, parks, out);
    mn_plan_world_free(&p->w);
    mn_arena_free(&own);
    if (rc < 0) mn_fleet_plan_free(out);
    return rc;
}

int mn_fleet_plan_make(const mn_scene *s, const mn_goals *g, const mn_fleet_plan_how *how,
                       mn_fleet_plan *out) {
    char why[512];
    const int rc = try_once(s, g, how, 0, out);
    if (rc != MN_ENOENT) return rc;
    snprintf(why, sizeof why, "%s", mn_error_detail());
    const int parked = try_once(s, g, how, 1, out);
    return parked == MN_ENOENT ? MN_FAIL(rc, "%s", why) : parked;
}
