/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/door_change.c - verbs that change something: tasks, stops, what is believed of the world.
 */
#include "fleet/door.h"

#include "base/buf.h"
#include "base/error.h"
#include "fleet/see.h"
#include "fleet/world.h"

#include <string.h>

int mn_fleet_verb_do(void *call) {
    mn_fleet_call *const c = call;
    char id[16];
    MN_TRY(mn_fleet_ask(c->board, c->args.text, c->args.by, c->args.confirm, id));
    return mn_verb_put(c->result, "task", json_string(id));
}

int mn_fleet_verb_cancel(void *call) {
    mn_fleet_call *const c = call;
    MN_TRY(mn_fleet_cancel(c->board, c->args.task));
    return mn_verb_put(c->result, "cancelled", json_string(c->args.task));
}

/* The state of the step, for who asks too late; "": there is none. */
static const char *state_of(const json_t *task, const char *step) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i, one) {
        const char *const id = json_string_value(json_object_get(one, "id"));
        if (id && strcmp(id, step) == 0) return json_string_value(json_object_get(one, "state"));
    }
    return "";
}

int mn_fleet_verb_confirm(void *call) {
    mn_fleet_call *const c = call;
    char name[MN_NAME + 1];
    uint64_t version = 0;
    json_t *task;
    const int there = mn_board_get(c->board, "task/", c->args.task, &task, NULL);
    MN_TRY(there);
    const char *const state = there ? state_of(task, c->args.step) : "";
    int rc = 0;
    if (strcmp(state, "asked") != 0)
        rc = MN_FAIL(MN_ENOENT, "%s of %s asks nobody: it %s%s", c->args.step, c->args.task,
                     *state ? "is " : "does not exist", state);
    json_decref(task);
    MN_TRY(rc);
    snprintf(name, sizeof name, "%s.%s", c->args.task, c->args.step);
    json_t *const answer = json_pack("{s:b}", "ok", !c->args.no);
    rc = answer ? mn_board_put(c->board, "confirm/", name, answer, 0, &version)
                : MN_FAIL(MN_ENOMEM, "no memory for an answer");
    json_decref(answer);
    return rc < 0 ? rc
                  : mn_verb_put(c->result, c->args.no ? "refused" : "confirmed", json_string(name));
}

static int each_name(void *user, const char *key, uint64_t version) {
    const char *const name = strrchr(key, '/');
    mn_buf *const names = user;
    (void)version;
    return mn_buf_printf(names, "%s%s", names->len ? ", " : "", name ? name + 1 : key);
}

/* A name that is mistyped would stop nobody. */
static int known(const mn_fleet_call *c) {
    char key[MN_FLEET_KEY];
    mn_buf names = {0};
    uint64_t version;
    if (!c->args.robot) return 0;
    MN_TRY(mn_board_key(c->board, "robot/", c->args.robot, key));
    const int there = c->board->ops->get(c->board, key, &names, &version);
    mn_buf_free(&names);
    if (there) return 0; /* or nobody can tell: it is stopped */
    int rc = mn_board_key(c->board, "robot/", "", key);
    if (rc >= 0) rc = c->board->ops->each(c->board, key, each_name, &names);
    if (rc >= 0)
        rc = MN_FAIL(MN_ENOENT, "there is no robot '%s' in this fleet: there %s %s", c->args.robot,
                     names.len ? "are" : "is", names.len ? (const char *)names.data : "none");
    mn_buf_free(&names);
    return rc;
}

int mn_fleet_verb_stop(void *call) {
    mn_fleet_call *const c = call;
    MN_TRY(known(c));
    MN_TRY(mn_fleet_stop(c->board, c->args.robot, c->args.by));
    return mn_verb_put(c->result, "stopped", json_string(c->args.robot ? c->args.robot : "all"));
}

int mn_fleet_verb_resume(void *call) {
    mn_fleet_call *const c = call;
    MN_TRY(known(c));
    MN_TRY(mn_fleet_resume(c->board, c->args.robot));
    return mn_verb_put(c->result, "resumed", json_string(c->args.robot ? c->args.robot : "all"));
}

int mn_fleet_verb_see(void *call) {
    mn_fleet_call *const c = call;
    mn_frames *const frames = NULL; /* what is seen is said in "map", or in a thing's frame */
    mn_seeing n;
    MN_TRY(mn_see(c->board, frames, c->args.detections, c->args.place, &n));
    MN_TRY(mn_verb_put(c->result, "known", json_integer(n.known)));
    MN_TRY(mn_verb_put(c->result, "new", json_integer(n.fresh)));
    return mn_verb_put(c->result, "refused", json_integer(n.refused));
}

static const mn_scene_by person = {.robot = NULL};

int mn_fleet_verb_set(void *call) {
    mn_fleet_call *const c = call;
    MN_TRY(mn_scene_set(c->board, "", &person, c->args.thing, c->args.fields));
    return mn_verb_put(c->result, "thing", json_string(c->args.thing));
}

int mn_fleet_verb_move(void *call) {
    mn_fleet_call *const c = call;
    const mn_move move = {
        .thing = c->args.thing, .to = c->args.to, .how = c->args.how ? c->args.how : "on"};
    MN_TRY(mn_scene_move(c->board, "", &person, &move));
    MN_TRY(mn_verb_put(c->result, "thing", json_string(c->args.thing)));
    return mn_verb_put(c->result, "at", json_string(c->args.to));
}

int mn_fleet_verb_remove(void *call) {
    mn_fleet_call *const c = call;
    MN_TRY(mn_scene_remove(c->board, "", c->args.thing));
    return mn_verb_put(c->result, "removed", json_string(c->args.thing));
}

int mn_fleet_verb_world(void *call) {
    mn_fleet_call *const c = call;
    json_t *world;
    MN_TRY(mn_fleet_world_read(c->args.path, &world));
    int rc = mn_fleet_world_put(c->board, world, "");
    if (rc >= 0 && c->args.simulated) rc = mn_fleet_world_put(c->board, world, "sim/");
    json_decref(world);
    return rc < 0 ? rc : mn_verb_put(c->result, "fleet", json_string(c->board->fleet));
}
