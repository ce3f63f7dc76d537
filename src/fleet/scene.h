/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene.h - what the fleet believes about its world: rooms, furniture, doors, objects,
 * robots; what is where, and who holds what.
 *
 * Each is an object of the board (fleet/board.h). A scene is all of them as they were read, one
 * after another; it is for looking and planning. Whoever changes something says which versions he
 * read, and a commit changes all or nothing: a move is the thing, the list it leaves, the list it
 * joins, and the mover's lease, checked. So a thing is in exactly one list at every moment, whoever
 * dies.
 *
 *   thing  {"class": "cup", "kind": "object" | "furniture" | "room" | "door", "at": "table",
 *           "how": "on" | "in" | HAND, "pose": {..}, "size": [x, y, z] (m), "mass": kg,
 *           "open": false, "joins": ["kitchen", "hall"] (of a door), "room_for": 6 (things in or on
 *           it; absent: no limit), "is": {"clean": true}, "seen": {"t": us, "by": "arm1",
 *           "sure": 0.9}, "also": ["mug"] (other names), "home": MACHINE}
 *          `at` is a thing or a robot, "" of a room. Fields it does not know are kept.
 *   holds  {"holds": ["cup", ..]}
 *   robot  {"format": 1, "body": "wheels" | "arm" | "dual_arm" | any word, "speed": m/s (0: it
 *           stands), "reach": m, "payload": kg, "hands": ["left", ..], "room_for": things on its
 *           tray (0: it has none), "skills": [manifests], "machine", "pid", "profile"}
 */
#ifndef MN_FLEET_SCENE_H
#define MN_FLEET_SCENE_H
#include "base/arena.h"
#include "fleet/board.h"
#include "fleet/pose.h"
#include "fleet/skill.h"
#include "fleet/state.h"

typedef enum mn_thing_kind { MN_OBJECT_KIND, MN_FURNITURE, MN_ROOM, MN_DOOR } mn_thing_kind;
extern const char *const mn_thing_kinds[]; /* names; NULL ends */

typedef struct mn_thing {
    const char *name, *class_, *at, *how; /* never NULL */
    mn_thing_kind kind;
    mn_pose pose;   /* of its middle, in the frame "map" unless it says so */
    double size[3]; /* m; 0: unknown */
    double mass;    /* kg; 0: unknown */
    int open;       /* -1: it cannot be closed */
    int room_for;   /* -1: no limit */
    const char *joins[2];
    int64_t seen; /* us since 1970; 0: never */
    const char *seen_by;
    double sure;      /* 0 to 1 */
    const char *home; /* machine that may change it; "": any of this region */
    json_t *json;     /* all of it; owned by the scene */
    uint64_t version;
    json_t *holds;          /* array of names, never NULL; owned by the scene */
    uint64_t holds_version; /* 0: there is no list yet */
} mn_thing;

typedef struct mn_robot_seen {
    const char *name, *body, *machine;
    double speed, reach, payload;
    const char *hand[4];
    int n_hands, room_for;
    mn_skills skills; /* owned by the scene, unless they are `lent`: by the one before */
    int lent;
    mn_fleet_state state; /* state.beat 0: none was ever there */
    const char *at;       /* the place it works at now; "": between places */
    json_t *holds;        /* in hands or on its tray; `how` of the thing says which */
    uint64_t holds_version, version, lease; /* lease: version of it; 0: it has none */
    int alive;                              /* it has a lease, and a heartbeat that is not late */
    json_t *json;                           /* owned by the scene */
} mn_robot_seen;

typedef struct mn_scene {
    mn_arena arena;
    mn_thing *thing; /* by name */
    int n_things;
    mn_robot_seen *robot; /* by name */
    int n_robots;
    uint64_t now; /* of the board, when it was read */
    int64_t time;
    int stopped; /* all are told to stop */
} mn_scene;

/* layer "": what is believed; "sim/": the truth of a simulated world. What is damaged is left out,
 * and its key named in *wrong, a line each (may be NULL; else freed by the caller). refresh: the
 * same for a scene that was read before: only what has changed is parsed again; on failure it stays
 * as it was. since: a second scene, which shares with `before` (not changed, freed later) what is
 * still the same: who changes a thing or a list of it in memory owns it first (fleet/effect.h). */
int mn_scene_read(mn_board *b, const char *layer, mn_scene *out, mn_buf *wrong);
int mn_scene_refresh(mn_board *b, const char *layer, mn_scene *s, mn_buf *wrong);
int mn_scene_since(mn_board *b, const char *layer, const mn_scene *before, mn_scene *out,
                   mn_buf *wrong);
void mn_scene_free(mn_scene *s);
mn_thing *mn_scene_thing(const mn_scene *s, const char *name);      /* NULL */
mn_robot_seen *mn_scene_robot(const mn_scene *s, const char *name); /* NULL */
/* The room something is in, in the end: also what a robot holds. "": unknown. */
const char *mn_scene_room(const mn_scene *s, const char *name);
/* How things are there: "in" what can be closed and what is a room, else (a tray, NULL) "on". */
const char *mn_thing_how(const mn_thing *place);
/* Where something is, in the frame "map": its own pose, else that of what it is in or on. */
int mn_scene_pose(const mn_scene *s, const char *name, mn_pose *out);
/* In the hand of robot `who`? The hand; NULL. */
const char *mn_scene_in_hand(const mn_scene *s, const char *robot, const char *thing);
const char *mn_scene_free_hand(const mn_scene *s, const char *robot); /* NULL: none */
/* As text for people: 12 lines for a kitchen. */
int mn_scene_show(const mn_scene *s, mn_buf *out);
/* One of them, a robot or another thing: what it is, in what it is, in what that is, its state, its
 * pose, who saw it when, what it has. MN_ENOENT: there is none, and which name is near. */
int mn_scene_show_one(const mn_scene *s, const char *name, int64_t now, mn_buf *out);

/* ---- changing ------------------------------------------------------------------------------ */
/* Who changes it: the commit happens only while this lease stands. robot NULL: a person, or the
 * program that sets the world up. */
typedef struct mn_scene_by {
    const char *robot;
    uint64_t lease;
} mn_scene_by;
typedef struct mn_move {
    const char *thing, *from, *to; /* from NULL: wherever it is */
    const char *how;               /* "in", "on", a hand */
    const mn_pose *pose;           /* its new one; NULL: it is where `to` is */
} mn_move;
/* One move, tried again while others change other things of the same lists. MN_ECONFLICT: it is
 * not at `from` (any more); MN_EBUSY: it is another machine's (bridge.h); MN_EFULL: no room, or the
 * hand is taken; MN_ENOENT: thing or holder; MN_EINVAL: into itself; MN_ECANCELLED: the lease is
 * gone. Event "moved". */
int mn_scene_move(mn_board *b, const char *layer, const mn_scene_by *who, const mn_move *m);
/* The edits of one move, for who commits more together with it; from (may be NULL): where it is. No
 * event. When the commit fails with MN_ECONFLICT, all of it is made anew, this too; what this fails
 * with is so. */
int mn_scene_move_edits(mn_board *b, const char *layer, const mn_scene_by *who, const mn_move *m,
                        mn_edits *e, char from[MN_NAME + 1]);
/* Make or change a thing: `fields` are merged into it (null removes one). Not `at`: that is a move,
 * but for a new thing, where it is needed. */
int mn_scene_set(mn_board *b, const char *layer, const mn_scene_by *who, const char *thing,
                 const json_t *fields);
/* As mn_scene_move_edits; 1: it is new. */
int mn_scene_set_edits(mn_board *b, const char *layer, const mn_scene_by *who, const char *thing,
                       const json_t *fields, mn_edits *e);
int mn_scene_remove(mn_board *b, const char *layer,
                    const char *thing); /* MN_EBUSY: it holds some */
/* Is a fact true? Arguments are names, not parameters: fact->arg as it is. in(t, room) is true at
 * any depth, in(t, place) of what is in or on that itself, and not in a hand. */
int mn_scene_holds(const mn_scene *s, const mn_fact *fact);
/* reaches(robot, what): what the robot has; the place it works at, what is in or on that, and who
 * works there, too; and whatever is, by its pose and size, within reach of the robot's pose. */
int mn_scene_reaches(const mn_scene *s, const char *robot, const char *what);
/* Is every thing in exactly one list, and says so? 0; MN_ECORRUPT, all that is wrong in *wrong. */
int mn_scene_sound(const mn_scene *s, mn_buf *wrong);

#endif
