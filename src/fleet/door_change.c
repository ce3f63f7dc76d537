/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/door_change.c - verbs that change something: tasks, stops, what is believed of the world.
 */
#include "fleet/door.h"

#include "base/buf.h"
#include "base/error.h"
#include "fleet/letter.h"
#include "fleet/see.h"
#include "fleet/world.h"

#include <stdio.h>
#include <string.h>

int mn_fleet_verb_do(void *call) {
    mn_fleet_call *const c = call;
    char id[16];
    MN_TRY(mn_fleet_ask(c->board, c->args.text, c->args.by, c->args.confirm, id));
    return mn_verb_put(c->result, "task", json_string(id));
}

/* Said to the machine that has the task; what came of it there. */
static int write_to(mn_fleet_call *c, const char *home, const mn_letter *letter) {
    char id[17], key[MN_FLEET_KEY];
    MN_TRY(mn_letter_put(c->board, letter, id));
    MN_TRY(mn_board_key(c->board, "letter/", id, key));
    mn_topic *const topic = mn_topic_of(c->with->region, key, strlen(key));
    for (;;) {
        const uint64_t seen = mn_topic_count(topic);
        uint64_t left;
        const int rc = mn_letter_answer(c->board, home, id, &left);
        if (rc) return rc < 0 ? rc : 0;
        mn_topic_sleep(topic, seen, left);
    }
}

int mn_fleet_verb_cancel(void *call) {
    mn_fleet_call *const c = call;
    char home[MN_NAME + 1];
    const mn_letter letter = {.what = "cancel", .task = c->args.task};
    const int far = mn_letter_home(c->board, c->args.task, home);
    MN_TRY(far);
    MN_TRY(far ? write_to(c, home, &letter) : mn_fleet_cancel(c->board, c->args.task));
    return mn_verb_put(c->result, "cancelled", json_string(c->args.task));
}

int mn_fleet_verb_confirm(void *call) {
    mn_fleet_call *const c = call;
    const mn_fleet_args *const a = &c->args;
    char name[2 * MN_NAME + 2], home[MN_NAME + 1];
    const mn_letter letter = {.what = "confirm", .task = a->task, .step = a->step, .no = a->no};
    const int far = mn_letter_home(c->board, a->task, home);
    MN_TRY(far);
    MN_TRY(far ? write_to(c, home, &letter)
               : mn_fleet_confirm(c->board, a->task, a->step, NULL, a->no));
    snprintf(name, sizeof name, "%s.%s", a->task, a->step);
    return mn_verb_put(c->result, a->no ? "refused" : "confirmed", json_string(name));
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
    if (mn_board_version(c->board, "robot/", c->args.robot, &version))
        return 0; /* or nobody can tell: it is stopped */
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
    MN_TRY(mn_verb_put(c->result, "refused", json_integer(n.refused)));
    return n.refused ? mn_verb_put(c->result, "why", json_string(n.why)) : 0;
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

/* "the fleet main knows 3 rooms, 2 doors, 8 pieces of furniture and 8 objects now" */
static int say_world(mn_fleet_call *c, const json_t *world) {
    static const char *const kinds[][2] = {
        {"rooms", "room"}, {"doors", "door"}, {"furniture", "piece"}, {"objects", "object"}};
    mn_buf said = {0};
    int rc = mn_buf_printf(&said, "the fleet %s knows ", c->board->fleet);
    for (int i = 0; i < 4 && rc >= 0; i++) {
        const size_t n = json_array_size(json_object_get(world, kinds[i][0]));
        rc = mn_buf_printf(&said, "%s%zu %s%s%s",
                           i == 3 ? " and "
                           : i    ? ", "
                                  : "",
                           n, kinds[i][1], n == 1 ? "" : "s", i == 2 ? " of furniture" : "");
    }
    if (rc >= 0) rc = mn_buf_puts(&said, " now");
    if (rc >= 0) rc = mn_verb_put(c->result, "said", json_string(said.data));
    mn_buf_free(&said);
    return rc;
}

int mn_fleet_verb_world(void *call) {
    mn_fleet_call *const c = call;
    json_t *world;
    MN_TRY(mn_fleet_world_read(c->args.path, &world));
    int rc = mn_fleet_world_put(c->board, world, "");
    if (rc >= 0 && c->args.simulated) rc = mn_fleet_world_put(c->board, world, "sim/");
    if (rc >= 0) rc = say_world(c, world);
    json_decref(world);
    return rc < 0 ? rc : mn_verb_put(c->result, "fleet", json_string(c->board->fleet));
}
