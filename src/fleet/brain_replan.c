/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_replan.c - what failed is tried in other ways, by the list of its code, and at the
 * end planned anew: the failed steps and what depends on them are replaced by a plan for the goals
 * that the rest does not reach, from the scene as it will be when the rest is done. The rest goes
 * on; a new step waits for those of the rest that use the same robot or thing.
 *
 * When a thing of a goal is not where it was believed to be, it is looked for first (brain_look.c).
 *
 * A model is asked for that plan, too; while it thinks, the failed steps stay as they are.
 *
 * When there is no such plan, what waits is planned anew, too; then what runs is waited for; then
 * it is forgotten which robot has failed at what; then the task fails, with the planner's reason.
 * It also fails after MN_BRAIN_STUCK replans that reached no further goal. When nobody at all lives
 * (all were lost, and begin again) it waits for somebody, MN_BRAIN_ALONE seconds ("alone" of the
 * task: since when).
 */
#include "base/error.h"
#include "fleet/brain_inside.h"
#include "fleet/effect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define field  mn_brain_field
#define is     mn_brain_is
#define set    mn_brain_set
#define number mn_brain_number

static const uint64_t SECOND = 1000000000;

/* ---- recovery ---------------------------------------------------------------------------- */
static const char *thing_of(const json_t *step) {
    const json_t *const args = json_object_get(step, "args");
    return *field(args, "thing") ? field(args, "thing") : field(args, "place");
}

/* Where to look: at the place where the thing should be; what does not move, at itself. */
static const char *where_to_look(const mn_scene *s, const json_t *step) {
    const mn_thing *const t = mn_scene_thing(s, thing_of(step));
    if (!t) return "";
    return mn_scene_thing(s, t->at) && t->kind == MN_OBJECT_KIND ? t->at : t->name;
}

/* What the robot can do here with the skill of this name: its arguments. 0: it cannot. */
static int args_between(const mn_scene *s, const json_t *step, const char *robot, const char *name,
                        json_t *args) {
    const mn_robot_seen *const r = mn_scene_robot(s, robot);
    const mn_skill *const skill = r ? mn_skills_find(&r->skills, name) : NULL;
    const char *const what = where_to_look(s, step);
    if (!skill || (skill->n_params && !*what)) return 0;
    if (skill->n_params) MN_TRY(set(args, skill->param[0], json_string(what)));
    const int may = mn_skill_may(s, skill, robot, args, NULL);
    return may == MN_EINVAL ? 0 : may;
}

/* Something else for this robot, between two tries of a step. 1: it was given and committed. */
static int give_between(mn_brain *k, mn_brain_task *t, json_t *step, const char *name) {
    mn_brain_robot *const r = mn_brain_robot_find(k, field(step, "robot"));
    mn_scene s = {0};
    if (!r || r->stopped) return 0;
    json_t *const args = json_object();
    int rc = args ? mn_scene_read(k->b, "", &s, NULL) : mn_brain_no_memory();
    if (rc >= 0) rc = args_between(&s, step, r->name, name, args);
    if (rc > 0 && strcmp(field(step, "code"), "not_found") == 0) {
        const int looks = mn_brain_look_between(step, &s, thing_of(step));
        if (looks < 0) rc = looks;
    }
    if (rc > 0) rc = mn_brain_give(k, t, step, r, name, args) < 0 ? MN_ECONFLICT : 1;
    json_decref(args);
    mn_scene_free(&s);
    return rc;
}

static int never_again(mn_brain_task *t, const json_t *step) {
    char pair[2 * MN_NAME + 4];
    snprintf(pair, sizeof pair, "%.63s %.63s", field(step, "robot"), thing_of(step));
    if (!json_is_array(json_object_get(t->json, "never")))
        MN_TRY(set(t->json, "never", json_array()));
    return json_array_append_new(json_object_get(t->json, "never"), json_string(pair))
               ? mn_brain_no_memory()
               : 0;
}

static int give_up(mn_brain *k, mn_brain_task *t, const json_t *step) {
    char why[512];
    snprintf(why, sizeof why, "%s could not %s: %s (%s)", field(step, "robot"),
             field(step, "skill"), *field(step, "text") ? field(step, "text") : "it failed",
             field(step, "code"));
    return mn_brain_end(k, t, "failed", why);
}

static int carry_out(mn_brain *k, mn_brain_task *t, json_t *step, mn_recover what) {
    switch (what) {
    case MN_RECOVER_LOOK: return give_between(k, t, step, "inspect");
    case MN_RECOVER_CHARGE: return give_between(k, t, step, "charge");
    case MN_RECOVER_WAIT:
        MN_TRY(set(step, "until", json_integer((json_int_t)(k->b->ops->now(k->b) + 2 * SECOND))));
        return set(step, "state", json_string("waiting"));
    case MN_RECOVER_AGAIN: return set(step, "state", json_string("waiting"));
    case MN_RECOVER_GIVE_UP: MN_TRY(give_up(k, t, step)); return 1;
    case MN_RECOVER_OTHER_ROBOT: MN_TRY(never_again(t, step)); break;
    case MN_RECOVER_REPLAN: break;
    }
    return set(step, "replan", json_true());
}

/* Of one step; who is lost is told once for all of its steps, with the last of them. */
static void tell_recovery(mn_brain *k, const mn_brain_task *t, const json_t *step,
                          mn_recover what) {
    const char *const robot = field(step, "robot"), *const code = field(step, "code");
    const char *const text = mn_recover_names[what];
    const json_t *const steps = json_object_get(t->json, "steps"), *one;
    size_t i;
    int failed = 0, open = 0;
    if (strcmp(code, "lost") || mn_brain_robot_find(k, robot)) {
        mn_board_tell(k->b, "recover", "{s:s, s:s, s:s, s:s, s:s}", "task", t->id, "step",
                      field(step, "id"), "robot", robot, "code", code, "text", text);
        return;
    }
    json_array_foreach((json_t *)steps, i, one) {
        if (strcmp(field(one, "robot"), robot)) continue;
        failed += json_is_true(json_object_get(one, "replan"));
        open += mn_step_open(one);
    }
    if (!open)
        mn_board_tell(k->b, "recover", "{s:s, s:s, s:s, s:i, s:s}", "task", t->id, "robot", robot,
                      "code", code, "steps", failed, "text", text);
}

int mn_brain_recover(mn_brain *k, mn_brain_task *t, json_t *step) {
    const char *const code = field(step, "code");
    if (json_is_true(json_object_get(t->json, "cancel"))) return 0;
    if (strcmp(code, "stopped") == 0) return set(step, "state", json_string("waiting"));
    for (;;) {
        const int level = number(step, "level");
        const mn_recover what = mn_recover_at(code, level);
        MN_TRY(set(step, "level", json_integer(level + 1)));
        const int rc = carry_out(k, t, step, what);
        MN_TRY(rc);
        if (!rc && (what == MN_RECOVER_LOOK || what == MN_RECOVER_CHARGE)) continue;
        tell_recovery(k, t, step, what);
        return rc;
    }
}

/* ---- the failed subtree ------------------------------------------------------------------ */
typedef struct replanning {
    mn_brain *k;
    mn_brain_task *t;
    json_t *steps, *instead; /* ids of what is replaced */
    int failed;              /* steps of the subtree */
    int alone;               /* nobody lives, since now */
    mn_scene scene;
    mn_goals goals;
    mn_fleet_plan plan;
    const char *never[MN_BRAIN_NEVER];
} replanning;

static int listed(const json_t *ids, const json_t *id) {
    json_t *one;
    size_t i;
    json_array_foreach(ids, i, one) if (json_equal(one, id)) return 1;
    return 0;
}

static int depends(const json_t *step, const json_t *ids) {
    json_t *id;
    size_t i;
    json_array_foreach(json_object_get(step, "after"), i, id) if (listed(ids, id)) return 1;
    return 0;
}

static int waits(const json_t *step) {
    return mn_step_open(step) && !mn_step_active(step);
}

static int replace(replanning *r, json_t *step) {
    json_t *const id = json_object_get(step, "id");
    if (id && json_array_append(r->instead, id)) return mn_brain_no_memory();
    json_object_del(step, "replan");
    return set(step, "state", json_string("replaced"));
}

/* Marked ones and whoever waits for them: a step is behind those it waits for. */
static int replace_failed(replanning *r) {
    json_t *step;
    size_t i;
    json_array_foreach(r->steps, i, step) {
        const int marked = json_is_true(json_object_get(step, "replan"));
        if (!marked && (!waits(step) || !depends(step, r->instead))) continue;
        MN_TRY(replace(r, step));
        r->failed++;
    }
    return set(r->t->json, "failed_subtree",
               json_integer(number(r->t->json, "failed_subtree") + r->failed));
}

static int replace_waiting(replanning *r) {
    json_t *step;
    size_t i;
    json_array_foreach(r->steps, i, step) {
        if (waits(step)) MN_TRY(replace(r, step));
    }
    return 0;
}

/* ---- a plan for it ----------------------------------------------------------------------- */
/* What a replaced step would have closed is still to be closed; what it would have said, said. */
static void close_again(replanning *r) {
    json_t *step;
    size_t i;
    json_array_foreach(r->steps, i, step) {
        const json_t *const args = json_object_get(step, "args");
        if (!listed(r->instead, json_object_get(step, "id"))) continue;
        if (strcmp(field(step, "skill"), "say") == 0 && *field(args, "text"))
            r->goals.say = field(args, "text");
        if (strcmp(field(step, "skill"), "close") || r->goals.n == MN_GOALS) continue;
        const mn_thing *const place = mn_scene_thing(&r->scene, field(args, "place"));
        if (place && place->open == 1)
            r->goals.goal[r->goals.n++] =
                (mn_fact){.name = MN_FACT_OPEN, .not_ = 1, .arg = {place->name}};
    }
}

void mn_brain_never(const mn_brain_task *t, const char *never[MN_BRAIN_NEVER]) {
    json_t *one;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(t->json, "never"), i, one) {
        if (json_string_value(one) && n < MN_BRAIN_NEVER - 1) never[n++] = json_string_value(one);
    }
    never[n] = NULL;
}

int mn_brain_last_step(const mn_brain_task *t) {
    json_t *step;
    size_t i;
    int last = 0;
    json_array_foreach(json_object_get(t->json, "steps"), i, step) {
        const int n = atoi(*field(step, "id") ? field(step, "id") + 1 : "0");
        if (n > last) last = n;
    }
    return last;
}

static void forget(replanning *r) {
    mn_fleet_plan_free(&r->plan);
    mn_goals_free(&r->goals);
    mn_scene_free(&r->scene);
    memset(&r->plan, 0, sizeof r->plan);
    memset(&r->goals, 0, sizeof r->goals);
    memset(&r->scene, 0, sizeof r->scene);
}

/* model: it may be asked, too. */
static int plan_once(replanning *r, int model) {
    const mn_fleet_plan_how how = {.never = r->never, .first = mn_brain_last_step(r->t)};
    forget(r);
    mn_brain_never(r->t, r->never);
    MN_TRY(mn_scene_read(r->k->b, "", &r->scene, NULL));
    MN_TRY(mn_brain_ahead(r->k, r->t, &r->scene));
    mn_brain_slow_down(r->t, &r->scene);
    MN_TRY(mn_brain_goals(r->t, &r->scene, &r->goals));
    close_again(r);
    return model ? mn_brain_plan_again(r->k, r->t, &r->scene, &r->goals, &how, r->instead, &r->plan)
                 : mn_brain_plan(r->k, &r->scene, &r->goals, &how, &r->plan);
}

static int count(const mn_brain_task *t, int (*is_one)(const json_t *step)) {
    json_t *step;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(t->json, "steps"), i, step) n += is_one(step);
    return n;
}

static int count_active(const mn_brain_task *t) {
    return count(t, mn_step_active);
}

static int is_no_plan(int rc) {
    return rc == MN_ENOENT || rc == MN_EINVAL;
}

/* What is missing is looked for before all else. 1: somebody will look; 2: it is nowhere, and the
 * rest is waited for; 0: nothing is missing. */
static int search(replanning *r) {
    if (!json_object_get(r->t->json, "looked")) return 0; /* most often: no scene is read for it */
    forget(r);
    MN_TRY(mn_scene_read(r->k->b, "", &r->scene, NULL));
    MN_TRY(mn_brain_goals(r->t, &r->scene, &r->goals));
    const int rc = mn_brain_search(r->k, r->t, &r->scene, &r->goals);
    return is_no_plan(rc) && count(r->t, mn_step_open) ? 2 : rc;
}

/* In wider and wider circles. 1: there is a plan; 0: not yet, something still runs. */
static int plan_wider(replanning *r) {
    const int stuck = number(r->t->json, "stuck");
    if (stuck >= MN_BRAIN_STUCK / 3 && count_active(r->t)) return 0; /* let them end first */
    int rc = stuck >= 2 ? MN_ENOENT : plan_once(r, 1); /* twice for nothing: all anew */
    if (is_no_plan(rc)) {
        MN_TRY(replace_waiting(r));
        rc = plan_once(r, 0);
    }
    if (is_no_plan(rc) && count_active(r->t)) return 0;
    if (is_no_plan(rc) && json_array_size(json_object_get(r->t->json, "never"))) {
        json_object_del(r->t->json, "never");
        rc = plan_once(r, 0);
    }
    return rc < 0 ? rc : 1;
}

/* Replans since a goal was reached that was not before. */
static int check_progress(replanning *r) {
    json_t *const json = r->t->json;
    const int reached = mn_goals_reached(&r->scene, &r->goals), best = number(json, "best");
    const int stuck = reached > best ? 1 : number(json, "stuck") + 1;
    if (reached > best) MN_TRY(set(json, "best", json_integer(reached)));
    MN_TRY(set(json, "stuck", json_integer(stuck)));
    if (stuck <= MN_BRAIN_STUCK && number(json, "replans") < MN_BRAIN_REPLANS) return 0;
    return MN_FAIL(MN_ENOENT, "after %d plans it is no nearer to its goals",
                   number(json, "replans") + 1);
}

void mn_brain_planned(mn_brain_task *t) {
    json_object_del(t->json, "again");
    json_object_del(t->json, "wait");
    json_object_del(t->json, "alone");
}

static int commit_plan(replanning *r) {
    mn_edits edits = {0};
    json_t *const json = r->t->json;
    MN_TRY(mn_brain_adopt(r->t, &r->plan, &r->scene, r->instead));
    MN_TRY(set(json, "replans", json_integer(number(json, "replans") + 1)));
    MN_TRY(set(json, "replanned", json_integer(number(json, "replanned") + r->plan.n)));
    mn_brain_planned(r->t);
    return mn_brain_commit(r->k, r->t, &edits);
}

static int adopt(replanning *r) {
    mn_buf words = {0};
    MN_TRY(check_progress(r));
    const int rc = mn_fleet_plan_explain(&r->scene, &r->plan, &words);
    const int adopted = rc == MN_ENOMEM ? rc : commit_plan(r);
    if (adopted >= 0)
        mn_board_tell(r->k->b, "replanned", "{s:s, s:i, s:i, s:s}", "task", r->t->id, "replaced",
                      (int)json_array_size(r->instead), "steps", r->plan.n, "text",
                      rc >= 0 && words.data ? words.data : "");
    mn_buf_free(&words);
    return adopted;
}

static int is_needed(const mn_brain_task *t) {
    json_t *step;
    size_t i;
    if (json_is_true(json_object_get(t->json, "again"))) return 1;
    if (json_object_get(t->json, "wait") && number(t->json, "wait") != count_active(t)) return 1;
    json_array_foreach(json_object_get(t->json, "steps"), i, step) {
        if (json_is_true(json_object_get(step, "replan"))) return 1;
    }
    return 0;
}

/* What is replaced stays so; it is planned when something has ended, or each second while robots of
 * other machines are not heard without whom there is no plan. */
static int wait_for_others(replanning *r, int far) {
    mn_edits edits = {0};
    const int was = number(r->t->json, "wait"), active = far ? -1 : count_active(r->t);
    json_object_del(r->t->json, "again");
    MN_TRY(set(r->t->json, "wait", json_integer(active)));
    if (far) mn_brain_sooner(r->k, r->t->wait = r->k->b->ops->now(r->k->b) + SECOND);
    return far && was == active && !json_array_size(r->instead) && !r->alone
               ? 0
               : mn_brain_commit(r->k, r->t, &edits);
}

int mn_brain_alone(mn_brain *k, mn_brain_task *t) {
    json_t *const json = t->json;
    const int64_t now = k->b->ops->time(k->b), most = MN_BRAIN_ALONE * (int64_t)1000000;
    const json_int_t since = json_integer_value(json_object_get(json, "alone"));
    char why[400];
    for (int i = 0; i < k->n_robots; i++)
        if (!k->robot[i].gone) return 0;
    if (since && now >= since && now < since + most) return 1;
    if (since && now >= since + most) {
        snprintf(why, sizeof why, "%s", mn_error_detail());
        return MN_FAIL(MN_ENOENT, "nobody has been alive for %d s: %s", MN_BRAIN_ALONE, why);
    }
    MN_TRY(set(json, "alone", json_integer(now)));
    mn_board_tell(k->b, "alone", "{s:s, s:s}", "task", t->id, "text",
                  "nobody of the fleet lives: the task waits for somebody");
    return 2;
}

/* The model thinks about it: the task is as it lies on the board, and its other steps go on. */
static int think(replanning *r) {
    mn_brain_task *const t = r->t;
    json_t *json = NULL;
    const int rc = mn_board_get(r->k->b, "task/", t->id, &json, &t->version);
    if (rc > 0) {
        json_decref(t->json);
        t->json = json;
    }
    mn_brain_sooner(r->k, r->k->b->ops->now(r->k->b) + SECOND / 20);
    return rc ? (rc < 0 ? rc : 0) : MN_FAIL(MN_ECONFLICT, "task %s is gone", t->id);
}

int mn_brain_replan(mn_brain *k, mn_brain_task *t) {
    replanning r = {.k = k, .t = t, .steps = json_object_get(t->json, "steps")};
    if (!is_needed(t) || json_is_true(json_object_get(t->json, "cancel"))) return 0;
    if (number(t->json, "wait") < 0 && k->b->ops->now(k->b) < t->wait) {
        mn_brain_sooner(k, t->wait);
        return 0;
    }
    if (!(r.instead = json_array())) return mn_brain_no_memory();
    int rc = replace_failed(&r);
    const int looks = rc < 0 ? rc : search(&r);
    if (looks) rc = looks > 1 ? wait_for_others(&r, 0) : looks < 0 ? looks : 0;
    if (!looks && (rc = plan_wider(&r)) >= 0) rc = rc ? adopt(&r) : wait_for_others(&r, 0);
    if (is_no_plan(rc)) {
        const int waits = mn_brain_is_waiting(k, 1) ? 1 : mn_brain_alone(k, t);
        r.alone = waits == 2;
        if (waits) rc = waits < 0 ? waits : wait_for_others(&r, 1);
    }
    if (is_no_plan(rc) || rc == MN_EFULL || rc == MN_ETOOLONG) {
        char why[512];
        snprintf(why, sizeof why, "%s", mn_error_detail());
        rc = mn_brain_end(k, t, "failed", why);
    }
    if (rc == MN_EBUSY) rc = think(&r);
    forget(&r);
    json_decref(r.instead);
    return rc;
}

int mn_brain_rethink(mn_brain *k, mn_brain_task *t, mn_buf *words) {
    replanning r = {.k = k, .t = t, .steps = json_object_get(t->json, "steps")};
    if (!(r.instead = json_array())) return mn_brain_no_memory();
    int rc = replace_waiting(&r);
    if (rc >= 0) rc = plan_once(&r, 0);
    if (rc >= 0) rc = mn_fleet_plan_explain(&r.scene, &r.plan, words);
    if (rc >= 0) rc = mn_brain_adopt(t, &r.plan, &r.scene, r.instead);
    forget(&r);
    json_decref(r.instead);
    return rc < 0 ? rc : 0;
}
