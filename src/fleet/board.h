/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/board.h - the shared memory of a fleet, as all of its logic sees it.
 *
 * Robots, brain, monitor and bridges talk through a board and through nothing else: named,
 * versioned values, changed several at once or not at all, and logs. Two kinds there are: the
 * region that processes of a machine share (board_region.c), and the heap with clocks of its own,
 * for simulated fleets (board_heap.c). The logic never waits and never asks another clock: it is
 * made of *steps* that look at the board, do what is to be done now, and say when they want to be
 * called again. So what a test of ten thousand seeds drives in one thread is what runs on a robot.
 *
 * What lies there (FLEET is "main" unless another was said; values are JSON objects, but `state`):
 *
 *   fleet/FLEET/robot/NAME   what it is: its profile, skills, who drives it     by the robot
 *   fleet/FLEET/lease/NAME   it lives: {"epoch", "time", "pid", "machine", "life"}, unlike any
 *                            before; the version is the fence: what it does is committed only
 *                            while that stands; by its life the machine's others know when it
 *                            dies         made by the robot, taken by it, or by the monitor
 *   fleet/FLEET/state/NAME   where it is and how it does (fleet/state.h), its heartbeat, to 1 kHz
 *   fleet/FLEET/holds/NAME   {"holds": [..]}: what a robot or a place has       by whoever moves
 *   fleet/FLEET/thing/NAME   rooms, furniture, doors, objects (fleet/scene.h)   by whoever moves it
 *   fleet/FLEET/task/ID      a task and its plan (fleet/task.h)                 by the brain
 *   fleet/FLEET/call/NAME    the step a robot is to do (fleet/task.h)           brain and robot
 *   fleet/FLEET/stop         nothing moves while it is there: {"robots": [..] or "all", "by"}
 *   fleet/FLEET/ask/ID       a task somebody wants done: {"text", "by", "confirm"}, taken by the
 *                            brain
 *   fleet/FLEET/letter/ID    what is said to the machine that has a task (fleet/letter.h), taken by
 *                            the bridge
 *   fleet/FLEET/events       log: {"t", "kind", "robot", "thing", "task", "step", "text", ..};
 *                            of another machine: "home", its name, "there": [log, number]
 *   fleet/FLEET/sim/..       the truth of a simulated world, in the same forms
 *
 * Names of robots and things are UTF-8, 1 to MN_NAME bytes, no "/", no control characters.
 */
#ifndef MN_FLEET_BOARD_H
#define MN_FLEET_BOARD_H
#include "base/buf.h"
#include "region/object.h"
#include "region/region.h"

#include <jansson.h>
#include <stdint.h>

enum { MN_NAME = 63, MN_FLEET_KEY = MN_OBJECT_KEY + 1 };

typedef struct mn_board mn_board;
typedef struct mn_board_ops {
    const char *name;
    int alone; /* 1: nobody else can change it meanwhile */
    /* 1, with the bytes in place of what *value had; 0: it is not there (version 0). */
    int (*get)(mn_board *b, const char *key, mn_buf *value, uint64_t *version);
    /* All edits or none (mn_region_commit): MN_ECONFLICT. What is deleted need not be there, unless
     * its version is checked. New versions are filled in; each is higher than any the key had. */
    int (*commit)(mn_board *b, mn_edit *edits, int n);
    /* Keys of values (not of logs) that begin so, in their order; non-zero of `each` stops and is
     * returned. It may change the board. */
    int (*each)(mn_board *b, const char *prefix,
                int (*each)(void *user, const char *key, uint64_t version), void *user);
    /* A region keeps the newest 16,384 records. */
    int (*append)(mn_board *b, const char *key, const void *value, size_t n);
    /* The first record from number `from` on (the first of all is 0): 1; 0: there is none yet. */
    int (*record)(mn_board *b, const char *key, uint64_t from, mn_buf *value, uint64_t *number);
    uint64_t (*now)(mn_board *b); /* ns that only grow; the same for all processes of the machine */
    int64_t (*time)(mn_board *b); /* us since 1970; may jump */
    void (*close)(mn_board **b);
    /* A word for who acts here, and whether such a one goes on; *fd (may be NULL): the caller's,
     * readable when he has ended, or -1 (mn_region_life). NULL: nobody can tell. */
    void (*life)(mn_board *b, char word[MN_LIFE]);
    mn_life (*lives)(mn_board *b, const char *word, int *fd);
} mn_board_ops;
struct mn_board {
    const mn_board_ops *ops;
    char fleet[MN_NAME + 1]; /* its name */
};

/* board_region.c; the region is borrowed. fleet NULL: "main". */
int mn_board_open(mn_region *r, const char *fleet, mn_board **out);
/* board_heap.c: a board for one thread; both clocks are what was set last. */
int mn_board_open_heap(const char *fleet, mn_board **out);
int mn_board_clock(mn_board *heap, uint64_t now, int64_t time); /* MN_EINVAL: of another kind */
void mn_board_close(mn_board **b);
/* ops->life: "" where nobody can tell; ops->lives: MN_LIFE_UNKNOWN. */
void mn_board_life(mn_board *b, char word[MN_LIFE]);
mn_life mn_board_lives(mn_board *b, const char *word, int *fd);

/* "fleet/main/thing/cup" of ("thing/", "cup"); name "": the folder. MN_EINVAL: no such name. */
int mn_board_key(const mn_board *b, const char *kind, const char *name, char key[MN_FLEET_KEY]);
int mn_board_name_check(const char *what, const char *name);

/* board.c: JSON on it. get: 1, 0: not there; MN_ECORRUPT and MN_EUNSUPPORTED name the key, whose
 * version is told all the same, for who puts it anew. *out is the caller's. */
int mn_board_get(mn_board *b, const char *kind, const char *name, json_t **out, uint64_t *version);
/* Its version alone, nothing is parsed: 1; 0: it is not there. */
int mn_board_version(mn_board *b, const char *kind, const char *name, uint64_t *version);
/* One value: check 1 as in mn_edit. */
int mn_board_put(mn_board *b, const char *kind, const char *name, const json_t *value, int check,
                 uint64_t *version);
int mn_board_del(mn_board *b, const char *kind, const char *name, int check, uint64_t version);
/* An event: `format` is json_pack's of an object with the fields beside "t" and "kind", as
 * "{s:s, s:s}"; NULL: there are none. What cannot be logged is no failure of what happened: nothing
 * is returned. */
void mn_board_tell(mn_board *b, const char *kind, const char *format, ...);

/* Several edits in the making. Keys and values are copied; free it in any case. What was checked
 * may be put or deleted as well, with the same version (MN_ECONFLICT: with another). */
typedef struct mn_edits {
    mn_edit edit[16];
    int n;
    char key[16][MN_FLEET_KEY];
    mn_buf value[16];
} mn_edits;
int mn_edits_put(mn_edits *e, const mn_board *b, const char *kind, const char *name,
                 const json_t *value, uint64_t version); /* the version it has now; 0: absent */
int mn_edits_del(mn_edits *e, const mn_board *b, const char *kind, const char *name,
                 uint64_t version);
int mn_edits_check(mn_edits *e, const mn_board *b, const char *kind, const char *name,
                   uint64_t version);
int mn_edits_commit(mn_edits *e, mn_board *b); /* edit[i].version is the new one */
void mn_edits_free(mn_edits *e);

#endif
