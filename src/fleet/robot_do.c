/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/robot_do.c - the step a robot is given: what it needs is checked, its skill runs, what came
 * of it is looked at, and then it is done: all that it made true, and the call, in one commit that
 * stands only while the robot's lease does.
 *
 * Codes born here, beside those of the skill: "precondition" (a need is not true), "no_skill",
 * "timeout" (it took longer than it may), "hung" (and did not end when told to), "stopped",
 * "cancelled", "effect_missing" (it said it had worked, but what is seen says no), "conflict" (what
 * it made does not fit into the scene), "lost" (the call is of another lease).
 *
 * A skill that ended well is done, also when somebody cancelled it just then: things are where they
 * are. One that does not end 100 ms after it was told to is hung: its host gets nothing more until
 * it comes back.
 */
#include "base/error.h"
#include "fleet/robot_inside.h"
#include "fleet/see.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t MS = 1000000, GRACE = 100000000, WAIT = 10000000000; /* ns */
static const double LIMIT = 60; /* s, of a skill that says none */
static const double SEEN = 0.9; /* how sure one is of what one sees */
/* Things that an ending changes with what was seen: each may be three keys (itself, the list it
 * leaves, the list it joins), and a commit has room for 16, with the call, the lease, the state. */
enum { SEEN_MOST = 3 };

static const char *field(const json_t *json, const char *name) {
    const char *const text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

static int json_failed(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for the step of a robot");
}

/* ---- the call ------------------------------------------------------------------------------ */
static int same_step(const json_t *a, const json_t *b) {
    return json_equal(json_object_get(a, "task"), json_object_get(b, "task")) &&
           json_equal(json_object_get(a, "step"), json_object_get(b, "step")) &&
           json_equal(json_object_get(a, "try"), json_object_get(b, "try"));
}

/* Read it if it has changed. 1: it is another step than before. */
static int read_call(mn_actor_robot *r) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t version = 0;
    json_t *call = NULL;
    MN_TRY(mn_board_key(r->b, "call/", r->name, key));
    int rc = r->b->ops->get(r->b, key, &value, &version);
    mn_buf_free(&value);
    MN_TRY(rc);
    if (rc == 0) version = 0;
    if (version == r->version && (r->call || !version)) return 0;
    rc = version ? mn_board_get(r->b, "call/", r->name, &call, &version) : 0;
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) { /* it does not say what to do: nothing */
        mn_board_tell(r->b, "refused", "{s:s, s:s}", "robot", r->name, "text", mn_error_detail());
        rc = (call = json_pack("{s:s}", "state", "idle")) ? 1 : json_failed();
    }
    MN_TRY(rc);
    const int other = !call || !r->call || !same_step(call, r->call);
    json_decref(r->call);
    r->call = call;
    r->version = call ? version : 0;
    return other;
}

static int call_with(const mn_actor_robot *r, const char *state, const char *code, const char *text,
                     json_t *result, json_t **out) {
    json_t *const call = json_copy(r->call);
    if (!call || json_object_set_new(call, "state", json_string(state)) ||
        json_object_set_new(call, "code", json_string(code)) ||
        json_object_set_new(call, "text", json_string(text)) ||
        json_object_set_new(call, "progress", json_real(r->progress)) ||
        (result && json_object_set(call, "result", result))) {
        json_decref(call);
        return json_failed();
    }
    *out = call;
    return 0;
}

static int edit_call(mn_actor_robot *r, const char *state, const char *code, const char *text,
                     json_t *result, mn_edits *edits) {
    json_t *call = NULL;
    MN_TRY(call_with(r, state, code, text, result, &call));
    const int rc = mn_edits_put(edits, r->b, "call/", r->name, call, r->version);
    json_decref(call);
    return rc;
}

/* Only the call changes. A conflict is no failure: it is read anew at the next step. */
static int say_call(mn_actor_robot *r, const char *state, const char *code, const char *text) {
    mn_edits edits = {0};
    int rc = edit_call(r, state, code, text, NULL, &edits);
    if (rc >= 0) rc = mn_edits_check(&edits, r->b, "lease/", r->name, r->lease);
    if (rc >= 0) rc = mn_edits_commit(&edits, r->b);
    mn_edits_free(&edits);
    if (rc == MN_ECONFLICT) {
        MN_TRY(mn_robot_lease(r));
        return 0;
    }
    return rc;
}

static void tell(mn_actor_robot *r, const char *kind, const char *text) {
    const json_t *const args = json_object_get(r->call, "args");
    const char *thing = field(args, "thing");
    if (!*thing) thing = field(args, "place");
    mn_board_tell(r->b, kind, "{s:s, s:s, s:s, s:s, s:s, s:O*, s:s}", "robot", r->name, "task",
                  field(r->call, "task"), "step", field(r->call, "step"), "skill",
                  field(r->call, "skill"), "thing", thing, "args", args, "text", text);
}

static int fail_call(mn_actor_robot *r, const char *code, const char *text) {
    MN_TRY(say_call(r, "failed", code, text));
    mn_board_tell(r->b, "failed", "{s:s, s:s, s:s, s:s, s:O*, s:s, s:s}", "robot", r->name, "task",
                  field(r->call, "task"), "step", field(r->call, "step"), "skill",
                  field(r->call, "skill"), "args", json_object_get(r->call, "args"), "code", code,
                  "text", text);
    return 0;
}

/* ---- what was seen -------------------------------------------------------------------------- */
static const json_t *seen_of(const json_t *result, const char *name) {
    const json_t *const list = json_object_get(result, "seen");
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) if (strcmp(field(one, "name"), name) == 0) return one;
    return NULL;
}

/* Does what was seen say that a fact is not so? `where`: what it says instead. */
static int contradicts(const json_t *result, const mn_fact *f, mn_buf *where) {
    const int held = f->name == MN_FACT_HOLDING;
    const json_t *const one = seen_of(result, f->arg[held ? 1 : 0]);
    if (f->name == MN_FACT_OPEN) {
        const json_t *const open = json_object_get(one, "open");
        if (!json_is_boolean(open) || json_is_true(open) == !f->not_) return 0;
        return mn_buf_printf(where, "the %s is %s", f->arg[0], f->not_ ? "open" : "closed") < 0
                   ? MN_ENOMEM
                   : 1;
    }
    if (f->name == MN_FACT_IS) {
        const json_t *const is = json_object_get(json_object_get(one, "is"), f->arg[1]);
        if (!json_is_boolean(is) || json_is_true(is) == !f->not_) return 0;
        return mn_buf_printf(where, "the %s is%s %s", f->arg[0], f->not_ ? "" : " not", f->arg[1]) <
                       0
                   ? MN_ENOMEM
                   : 1;
    }
    if ((!held && f->name != MN_FACT_IN) || f->not_) return 0;
    const char *const thing = f->arg[held ? 1 : 0], *const place = f->arg[held ? 0 : 1];
    const char *const at = one ? field(one, "at") : NULL;
    if (at && (!*at || strcmp(at, place) == 0)) return 0;
    MN_TRY(at ? mn_buf_printf(where, "the %s was seen at %s, not at %s", thing, at, place)
              : mn_buf_printf(where, "the %s was not seen at %s", thing, place));
    return 1;
}

/* It was seen where it is believed to be. */
static int seen_there(const mn_actor_robot *r, const mn_scene *s, mn_thing *t, const json_t *one,
                      mn_effect *f) {
    const json_t *const said = json_object_get(one, "sure");
    const double sure = json_is_number(said) ? json_number_value(said) : SEEN;
    const double now =
        1 - (1 - mn_see_sure(t, s->time)) * (1 - (sure >= 0 && sure <= 1 ? sure : 0));
    return mn_effect_see(s, t, r->name, now, f);
}

/* What the brain wants to know of a place (brain_look.c): who was not seen there is less sure. */
static int apply_look(mn_actor_robot *r, mn_scene *s, const json_t *result, mn_effect *f) {
    const json_t *const looks = json_object_get(r->call, "looks");
    const char *const place = field(looks, "at");
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(looks, "things"), i, one) {
        mn_thing *const t = mn_scene_thing(s, json_string_value(one) ? json_string_value(one) : "");
        json_t *seen = NULL;
        if (!t || *t->home || strcmp(t->at, place) || f->n_things >= SEEN_MOST) continue;
        const json_t *const is = mn_seen_find(json_object_get(result, "seen"), t);
        if (is && *field(is, "at") && strcmp(field(is, "at"), place)) continue; /* it is moved */
        if (is) {
            MN_TRY(seen_there(r, s, t, is, f));
            continue;
        }
        MN_TRY(mn_see_missed(t, s->time, &seen));
        const int rc = mn_effect_touch(f, t);
        if (rc < 0) json_decref(seen);
        MN_TRY(rc);
        if (json_object_set_new(t->json, "seen", seen)) return json_failed();
    }
    return 0;
}

/* What was seen by name and place is where it was seen. In the hands of others it stays. */
static int apply_seen(mn_actor_robot *r, mn_scene *s, const json_t *result, mn_effect *f) {
    const json_t *const list = json_object_get(result, "seen");
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        mn_thing *const t = mn_scene_thing(s, field(one, "name"));
        const char *const at = field(one, "at");
        const json_t *const open = json_object_get(one, "open");
        if (!t || *t->home || f->n_things >= SEEN_MOST) continue;
        if (t->open >= 0 && json_is_boolean(open) && json_is_true(open) != t->open) {
            MN_TRY(mn_effect_touch(f, t));
            if (json_object_set_new(t->json, "open", json_boolean(json_is_true(open))))
                return json_failed();
        }
        if (t->kind != MN_OBJECT_KIND || !*at) continue;
        if (strcmp(at, t->at) == 0) {
            if (mn_see_sure(t, s->time) < MN_SEE_UNSURE) MN_TRY(seen_there(r, s, t, one, f));
            continue;
        }
        const mn_robot_seen *const by = mn_scene_robot(s, t->at);
        if (by && by->alive && strcmp(by->name, r->name)) continue;
        if (!mn_scene_thing(s, at) && strcmp(at, r->name)) continue;
        const char *const hand = strcmp(at, r->name) ? NULL : mn_scene_free_hand(s, r->name);
        MN_TRY(mn_effect_move(s, t, at, hand, r->name, 0.9, f));
    }
    return 0;
}

/* Does it say of something with a name where or how it is? Else it judges nothing. */
static int names_some(const json_t *result) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(result, "seen"), i, one) if (*field(one, "name")) return 1;
    return 0;
}

/* What was seen at a pose, and of no place that was named: it is found out what and where it is. */
static int see_poses(mn_actor_robot *r, const json_t *result) {
    json_t *const list = json_array(), *one;
    mn_seeing n = {.known = 0};
    size_t i;
    int rc = list ? 0 : json_failed();
    json_array_foreach(json_object_get(result, "seen"), i, one) {
        json_t *const copy =
            json_object_get(one, "pose") && !*field(one, "at") ? json_copy(one) : NULL;
        if (!copy) continue;
        if (!*field(copy, "by")) json_object_set_new(copy, "by", json_string(r->name));
        if (rc >= 0 && json_array_append(list, copy) < 0) rc = json_failed();
        json_decref(copy);
    }
    if (rc >= 0 && json_array_size(list)) {
        rc = mn_see(r->b, NULL, list, NULL, &n);
        if (rc < 0 || n.refused)
            mn_board_tell(r->b, "trouble", "{s:s, s:s}", "robot", r->name, "text",
                          rc < 0 ? mn_error_detail() : n.why);
        if (rc != MN_ENOMEM) rc = 0; /* its step is done, whatever it saw */
    }
    json_decref(list);
    return rc;
}

/* It slipped: what was in the hand is not any more. */
static int apply_dropped(mn_actor_robot *r, mn_scene *s, mn_effect *f) {
    mn_thing *const t = mn_scene_thing(s, field(json_object_get(r->call, "args"), "thing"));
    const mn_robot_seen *const self = mn_scene_robot(s, r->name);
    if (!t || !self || strcmp(t->at, r->name)) return 0;
    const char *to = mn_scene_thing(s, self->at) ? self->at : mn_scene_room(s, r->name);
    return *to ? mn_effect_move(s, t, to, NULL, r->name, 0.3, f) : 0;
}

/* ---- the end ------------------------------------------------------------------------------- */
typedef struct ending {
    const mn_skill *skill; /* NULL: it did not work */
    const char *code, *text;
    json_t *result; /* of the skill */
    json_t *seen;   /* what says where things are; may be the same; NULL: nothing */
} ending;

/* ours: the call is still the one that has ended. */
static int edit_ending(mn_actor_robot *r, const ending *e, int ours, mn_scene *s, mn_effect *f,
                       mn_edits *edits) {
    const json_t *const args = json_object_get(r->call, "args");
    if (e->skill) {
        MN_TRY(mn_effect_apply(s, e->skill, r->name, args, e->result, f));
        if (f->at) {
            memset(r->state.at, 0, sizeof r->state.at);
            strncpy(r->state.at, f->at, sizeof r->state.at - 1);
        }
    } else if (strcmp(e->code, "dropped") == 0)
        MN_TRY(apply_dropped(r, s, f));
    if (e->seen && e->skill && ours) MN_TRY(apply_look(r, s, e->seen, f));
    if (e->seen) MN_TRY(apply_seen(r, s, e->seen, f));
    MN_TRY(mn_effect_edits(f, r->b, edits));
    MN_TRY(mn_edits_check(edits, r->b, "lease/", r->name, r->lease));
    return mn_robot_edit_state(r, edits);
}

/* What a move was, for who asks the past. */
static void tell_done(mn_actor_robot *r, const ending *e) {
    const json_t *const args = json_object_get(r->call, "args");
    mn_board_tell(r->b, e->skill ? "done" : "failed", "{s:s, s:s, s:s, s:s, s:s, s:s, s:O*, s:s}",
                  "robot", r->name, "task", field(r->call, "task"), "step", field(r->call, "step"),
                  "skill", field(r->call, "skill"), "code", e->code, "thing", field(args, "thing"),
                  "args", args, "text", e->text);
}

/* Once: 0; MN_ECONFLICT: to be tried again. */
static int commit_ending(mn_actor_robot *r, const ending *e) {
    const int other = read_call(r);
    mn_scene s = {0};
    mn_effect f = {.at = NULL};
    mn_edits edits = {0};
    int rc = other < 0 ? other : mn_scene_since(r->b, "", &r->scene, &s, NULL);
    const int ours = other == 0 && r->call;
    r->phase = ROBOT_IDLE; /* as the state that is committed says */
    if (rc >= 0) rc = edit_ending(r, e, ours, &s, &f, &edits);
    if (rc >= 0 && ours)
        rc = edit_call(r, e->skill ? "done" : "failed", e->code, e->text, e->result, &edits);
    if (rc >= 0) rc = mn_edits_commit(&edits, r->b);
    if (rc >= 0) mn_effect_tell(&f, r->b, r->name);
    mn_edits_free(&edits);
    mn_scene_free(&s);
    return rc;
}

static void done_with(mn_actor_robot *r) {
    r->phase = ROBOT_IDLE;
    r->running = NULL;
    r->cancelled = 0;
    r->why = NULL;
    json_decref(r->result);
    r->result = NULL;
    mn_buf_clear(&r->text);
}

static int end(mn_actor_robot *r, const ending *e) {
    ending last = *e;
    char why[256] = "";
    int told = 0; /* a failure is one whatever comes, and is told before it is planned for */
    for (int tries = 0; tries < 16; tries++) {
        if (!last.skill && !told++) tell_done(r, &last);
        const int rc = commit_ending(r, &last);
        if (rc >= 0) {
            if (last.skill) tell_done(r, &last);
            const int saw = see_poses(r, e->seen ? e->seen : e->result);
            done_with(r);
            return saw;
        }
        if (rc == MN_ECONFLICT) {
            const int lease = mn_robot_lease(r);
            if (lease < 0) {
                done_with(r);
                return lease;
            }
            continue;
        }
        if (rc == MN_ENOMEM || !last.skill) {
            if (!last.skill && last.seen) {
                last.seen = NULL; /* what was seen does not fit: at least the end is said */
                continue;
            }
            done_with(r);
            return rc;
        }
        strncpy(why, mn_error_detail(), sizeof why - 1);
        last = (ending){.code = "conflict", .text = why, .result = e->result, .seen = e->seen};
    }
    done_with(r);
    return MN_FAIL(MN_ECONFLICT, "the scene changes so fast that %s cannot say what it did",
                   r->name);
}

static int end_failed(mn_actor_robot *r, const char *code, const char *text, json_t *seen) {
    return end(r, &(ending){.code = code, .text = text, .result = r->result, .seen = seen});
}

/* ---- looking at what was made --------------------------------------------------------------- */
/* Is there an effect that can be seen? Its fact, bound. */
static int effect_to_see(mn_actor_robot *r, const mn_skill *k, int from, mn_fact *out) {
    for (int i = from; i < k->n_makes; i++) {
        const mn_fact *const f = &k->makes[i];
        if (f->name == MN_FACT_OPEN || f->name == MN_FACT_IS ||
            ((f->name == MN_FACT_HOLDING || f->name == MN_FACT_IN) && !f->not_)) {
            MN_TRY(mn_fact_bind(k, f, r->name, json_object_get(r->call, "args"), out));
            return i + 1;
        }
    }
    return 0;
}

static int judge(mn_actor_robot *r, const mn_skill *k, json_t *seen) {
    mn_fact fact;
    mn_buf where = {0};
    int rc = 0;
    for (int at = 0; rc == 0 && (at = effect_to_see(r, k, at, &fact)) != 0;)
        rc = at < 0 ? at : contradicts(seen, &fact, &where);
    if (rc == 1)
        rc = end_failed(r, "effect_missing", where.data, seen);
    else if (rc == 0)
        rc = end(r, &(ending){k, "", r->text.data ? r->text.data : "", r->result, seen});
    mn_buf_free(&where);
    return rc;
}

static mn_skill_host *host_of(mn_actor_robot *r, const mn_skill *k) {
    return r->host[r->owner[k - r->skills.skill]];
}

/* 1: somebody looks; 0: there is nothing to look with. */
static int look_at_effect(mn_actor_robot *r, const mn_skill *k, uint64_t now) {
    const mn_skill *const inspect = mn_skills_find(&r->skills, "inspect");
    mn_fact fact;
    if (!inspect || inspect->n_params < 1 || host_of(r, inspect) == r->stuck) return 0;
    const int found = effect_to_see(r, k, 0, &fact);
    if (found <= 0) return found;
    const char *const what = fact.arg[fact.name == MN_FACT_HOLDING];
    json_t *const args = json_pack("{s:s}", inspect->param[0], what);
    if (!args) return json_failed();
    const int rc = host_of(r, inspect)->ops->start(host_of(r, inspect), "inspect", args, now);
    json_decref(args);
    if (rc < 0) return 0;
    r->running = host_of(r, inspect);
    r->phase = ROBOT_LOOKS;
    r->limit = now + (uint64_t)((inspect->limit > 0 ? inspect->limit : LIMIT) * 1e9);
    return 1;
}

/* Why it did not work. Who was told to end because it was late may have gone on all the same. */
static const char *code_of(const mn_actor_robot *r, const mn_skill_end *e) {
    if (r->why && (strcmp(r->why, "timeout") || strcmp(e->code, "hung"))) return r->why;
    return *e->code ? e->code : "failed";
}

static int skill_ended(mn_actor_robot *r, mn_skill_end *e, uint64_t now) {
    const mn_skill *const k = mn_skills_find(&r->skills, field(r->call, "skill"));
    const char *const text = e->text.data ? e->text.data : "";
    json_decref(r->result);
    r->result = json_incref(e->result);
    mn_buf_clear(&r->text);
    MN_TRY(mn_buf_puts(&r->text, text));
    json_t *const seen = json_object_get(r->result, "seen") ? r->result : NULL;
    if (!e->ok || !k) return end_failed(r, code_of(r, e), text, seen);
    r->progress = 1;
    if (k->verify && names_some(seen)) return judge(r, k, seen);
    if (k->verify && !r->cancelled) {
        const int looks = look_at_effect(r, k, now);
        if (looks) return looks < 0 ? looks : 0;
    }
    return end(r, &(ending){k, "", text, r->result, seen});
}

static int look_ended(mn_actor_robot *r, mn_skill_end *e) {
    const mn_skill *const k = mn_skills_find(&r->skills, field(r->call, "skill"));
    if (!k) return end_failed(r, "no_skill", "the skill has gone while it ran", NULL);
    if (e->ok && json_object_get(e->result, "seen")) return judge(r, k, e->result);
    if (strcmp(e->code, "not_seen") == 0 || strcmp(e->code, "out_of_reach") == 0)
        return end_failed(r, "effect_missing", "what it should have made cannot be seen", NULL);
    tell(r, "unverified", e->text.data ? e->text.data : e->code);
    return end(r, &(ending){k, "", r->text.data ? r->text.data : "", r->result, NULL});
}

/* ---- running ------------------------------------------------------------------------------- */
void mn_robot_cancel(mn_actor_robot *r, const char *why, uint64_t now) {
    if (r->phase == ROBOT_IDLE || r->cancelled) return;
    r->why = why;
    r->cancelled = now ? now : 1;
    r->running->ops->cancel(r->running);
}

/* A host tells an end once: one that there was no memory for is told again. */
static int look_at_host(mn_actor_robot *r, uint64_t now, uint64_t *again, double *progress,
                        mn_skill_end *e) {
    if (!r->kept) return r->running->ops->look(r->running, now, again, progress, e);
    *e = r->end;
    r->end = (mn_skill_end){.ok = 0};
    r->kept = 0;
    return 1;
}

static int run(mn_actor_robot *r, uint64_t now, uint64_t *again) {
    mn_skill_end e = {.ok = 0};
    uint64_t look = r->limit;
    double progress = -1;
    mn_skill_host *const host = r->running;
    int rc = look_at_host(r, now, &look, &progress, &e);
    if (rc == MN_ENOMEM) { /* what its body has done is so: it is looked at again, to its limit */
        rc = 0;
        look = now + MS;
    }
    if (rc < 0) {
        const char *const detail = mn_error_detail();
        mn_buf_puts(&e.text, detail);
        memcpy(e.code, "crashed", 8);
        e.ok = 0;
        rc = 1;
    }
    if (rc) {
        rc = r->phase == ROBOT_RUNS ? skill_ended(r, &e, now) : look_ended(r, &e);
        if (rc == MN_ENOMEM && r->phase != ROBOT_IDLE) {
            r->end = e;
            r->kept = 1;
            return rc;
        }
        mn_skill_end_free(&e);
        if (r->phase == ROBOT_IDLE || now < *again) *again = r->phase ? now : *again;
        return rc;
    }
    mn_skill_end_free(&e);
    if (r->cancelled && now >= r->cancelled + GRACE) {
        r->stuck = host;
        return end_failed(r, r->why && strcmp(r->why, "stopped") == 0 ? "stopped" : "hung",
                          "its skill did not end when it was told to", NULL);
    }
    if (r->cancelled && r->cancelled + GRACE < look) look = r->cancelled + GRACE;
    if (look < *again) *again = look;
    if (progress >= 0 && r->phase == ROBOT_RUNS && now >= r->told + 1000 * MS &&
        progress != r->progress) {
        r->progress = progress;
        r->told = now;
        return say_call(r, field(r->call, "state"), "", "");
    }
    return 0;
}

static int begin_skill(mn_actor_robot *r, const mn_skill *k, uint64_t now) {
    const double said = json_number_value(json_object_get(r->call, "limit"));
    const double limit = said > 0 ? said : k->limit > 0 ? k->limit : LIMIT;
    mn_skill_host *const host = host_of(r, k);
    if (host == r->stuck) return fail_call(r, "hung", "the program of this skill does not answer");
    r->progress = 0;
    r->kept = 0;
    mn_skill_end_free(&r->end);
    MN_TRY(say_call(r, "running", "", ""));
    MN_TRY(read_call(r));
    if (strcmp(field(r->call, "state"), "running")) return 0; /* somebody was quicker */
    if (host->ops->start(host, k->name, json_object_get(r->call, "args"), now) < 0)
        return fail_call(r, "crashed", mn_error_detail());
    r->running = host;
    r->phase = ROBOT_RUNS;
    r->since = r->told = now;
    r->limit = now + (uint64_t)((limit < 1e6 ? limit : 1e6) * 1e9);
    r->due = now; /* its state says that it is busy */
    tell(r, "started", "");
    return 0;
}

/* Something that the skill changes is another machine's (fleet/bridge.h): it is asked for. */
static int begin_later(mn_actor_robot *r, const char *thing, uint64_t now) {
    char text[256];
    if (!r->waits) r->waits = now ? now : 1;
    if (now - r->waits < WAIT) return 0;
    snprintf(text, sizeof text, "the %s is another machine's, which does not give it", thing);
    return fail_call(r, "conflict", text);
}

/* What it looks for may be another machine's: it waits for that too, but not for ever. */
static int looks_later(mn_actor_robot *r, const mn_scene *s, uint64_t now) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(r->call, "looks"), "things"), i, one) {
        const mn_thing *const t =
            mn_scene_thing(s, json_string_value(one) ? json_string_value(one) : "");
        if (!t || !*t->home) continue;
        if (!r->waits) r->waits = now ? now : 1;
        return now - r->waits < WAIT;
    }
    return 0;
}

static int begin(mn_actor_robot *r, uint64_t now) {
    const mn_skill *const k = mn_skills_find(&r->skills, field(r->call, "skill"));
    const json_t *const lease = json_object_get(r->call, "lease");
    mn_fact missing = {.not_ = 0};
    const mn_scene *const s = &r->scene;
    if (lease && (uint64_t)json_integer_value(lease) != r->lease)
        return fail_call(r, "lost", "it was given to another robot of this name");
    if (!k) return fail_call(r, "no_skill", "this robot has no such skill (any more)");
    MN_TRY(mn_scene_refresh(r->b, "", &r->scene, NULL));
    const int may = mn_skill_may(s, k, r->name, json_object_get(r->call, "args"), &missing);
    mn_buf text = {0};
    int rc = may;
    if (may == 0 && (rc = mn_buf_puts(&text, "it is not true that ")) >= 0 &&
        (rc = mn_fact_write(&missing, &text)) >= 0)
        rc = fail_call(r, "precondition", text.data);
    if (may == MN_EINVAL) rc = fail_call(r, "precondition", mn_error_detail());
    const char *const far =
        may == 1 ? mn_skill_waits(s, k, r->name, json_object_get(r->call, "args")) : NULL;
    if (far) rc = begin_later(r, far, now);
    mn_buf_free(&text);
    if (far || (may == 1 && looks_later(r, s, now))) return rc < 0 ? rc : 0;
    r->waits = 0;
    return may == 1 ? begin_skill(r, k, now) : rc;
}

/* A host that was told to end and did not: does it, now? */
static void look_at_stuck(mn_actor_robot *r, uint64_t now) {
    mn_skill_end e = {.ok = 0};
    uint64_t again;
    double progress;
    if (!r->stuck || r->stuck->ops->look(r->stuck, now, &again, &progress, &e) == 0) return;
    mn_skill_end_free(&e);
    r->stuck = NULL;
}

int mn_robot_do(mn_actor_robot *r, uint64_t now, uint64_t *again) {
    look_at_stuck(r, now);
    const int other = read_call(r);
    MN_TRY(other);
    if (other) r->waits = 0;
    const char *const state = field(r->call, "state");
    if (r->phase == ROBOT_IDLE) {
        if (strcmp(state, "cancel") == 0) return fail_call(r, "cancelled", "it had not begun");
        if (strcmp(state, "running") == 0) return fail_call(r, "lost", "the robot began anew");
        if (strcmp(state, "given") || r->stopped) return 0;
        MN_TRY(begin(r, now));
        if (r->phase == ROBOT_IDLE) return 0;
    } else if (other || strcmp(state, "cancel") == 0)
        mn_robot_cancel(r, "cancelled", now);
    else if (r->stopped)
        mn_robot_cancel(r, "stopped", now);
    else if (now >= r->limit)
        mn_robot_cancel(r, "timeout", now);
    return run(r, now, again);
}
