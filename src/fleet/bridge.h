/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge.h - one fleet on several machines: what lies on the board of each is brought to the
 * others.
 *
 * A bridge looks at its board, makes messages, takes those of others, and writes on its board what
 * they brought. It has no clock and no socket: who drives it carries the messages, in any order,
 * some never, some twice (bridge_redis.c; simulated fleets). Robots, brain and monitor know nothing
 * of it.
 *
 *   1. One writer. Every key has one home, the machine that may change it: a robot's keys that of
 *      the robot, a task's that of its brain, a thing's whoever has it. On a board, a thing of
 *      another machine has the field "home": who finds one leaves the thing alone.
 *   2. The newest wins. A record has a stamp: how often the key changed its home, then the life of
 *      the home's bridge, the home, and its own count. Stamps are in one order, each belongs to one
 *      value, and a value is taken only if its stamp is newer. So order, loss and repetition of
 *      messages do not matter, and boards that know the same stamps hold the same.
 *   3. A thing changes its home only when its home says so, in one commit: its last record names
 *      the new home and counts one more; then it does not write it again until it comes back. Who
 *      needs a thing wants it (want/THING); the home gives it when none of its robots holds it or
 *      works at it, and unasked when a robot of another machine has got it in its hands. So whoever
 *      is cut off works on with what it has, and nothing is ever two.
 *   4. Lists (holds/..) are no records: each board keeps its own, in the commit that moves a thing.
 *      On every board each thing is in one list, at every moment.
 *   5. A call is two records with one writer each: call/MACHINE/ROBOT of who has the brain,
 *      done/ROBOT of who has the robot. It reaches the robot only when the things that it changes
 *      are here, and with the lease that the brain meant; `done` reaches the brain's board behind
 *      what it made true. A robot whose call was dropped meanwhile is told to cancel it.
 *   6. No clock of another is trusted: a heartbeat counts for as long as it says, from when it
 *      came. When none comes, the robot is cut off, and lives on at home. Who takes its lease on
 *      this board takes it here alone; when a heartbeat comes again, it gets it back.
 *   7. A stop counts everywhere as soon as it is known; it ends when somebody ends it who knew it.
 *   8. What people say of a task of another machine (cancel, confirm) goes to its home as a letter,
 *      is done there as if it had been said there, and what came of it comes back.
 *   9. What happened at one machine is told in the logs of all, each event once, with its machine
 *      (bridge_events.c).
 *  10. All that is known is compared by its sum each second, and by stamps where sums differ.
 *  11. One brain plans for all: who has the lease (bridge_brain.c). Where it is not heard, one
 *      may begin; when the link is back the later one counts, and gets the other's open tasks.
 *  12. A board that lost all gets its things and tasks back from the others; its robots are gone.
 *      What is changed by who may not change it is put back, and told (event "bridge").
 *
 * Its own notes are fleet/FLEET/bridge/..; messages are JSON of format 1, others are told and left.
 */
#ifndef MN_FLEET_BRIDGE_H
#define MN_FLEET_BRIDGE_H
#include "fleet/board.h"

enum { MN_BRIDGE_FORMAT = 1, MN_BRIDGE_KEYS = 1 << 16, MN_BRIDGE_MESSAGE = 4 << 20 };

typedef struct mn_bridge mn_bridge;
typedef struct mn_bridge_how {
    const char *machine; /* a name like those of robots, without "." */
    uint64_t life;       /* any number that no other opening has */
    uint64_t look;       /* ns between two looks at the board; 0: 10 ms */
    uint64_t compare;    /* ns between two sums; 0: 1 s */
    uint64_t beat;       /* ns between two states of a robot at least; 0: 50 ms */
    int watch;           /* robots of this board whose heartbeat is late are lost (life.h) */
} mn_bridge_how;
/* The board is borrowed. One bridge a board: the one before is over (its steps say MN_ECANCELLED).
 * MN_EINVAL: this is the board of another machine. */
int mn_bridge_open(mn_board *b, const mn_bridge_how *how, mn_bridge **out);
/* Looks at the board and writes on it; *again: ns of the board when it wants to be called again. */
int mn_bridge_step(mn_bridge *g, uint64_t *again);
/* A message of another machine, or of a store that kept records (from ""): MN_EINVAL says what is
 * wrong with it; it was told as an event, and nothing is broken. */
int mn_bridge_take(mn_bridge *g, const void *message, size_t n);
/* 1: *message (cleared before) goes to all others; 0: there is none now. */
int mn_bridge_next(mn_bridge *g, mn_buf *message);
/* The link is there (again): all of this machine's is said anew. */
void mn_bridge_up(mn_bridge *g);
/* The link is gone: what waits to be sent need not be kept. */
void mn_bridge_down(mn_bridge *g);
void mn_bridge_close(mn_bridge **g);

/* Of everything that is known: bridges that know the same have the same. */
uint64_t mn_bridge_sum(const mn_bridge *g);
/* 1: all that is known is on the board; else what waits, for people (may be NULL). */
int mn_bridge_settled(const mn_bridge *g, mn_buf *why);
/* The stamp of a record as a text of so many hexadecimal digits that compares like it, for stores
 * (which may compare by the rules of some language: of digits all have the same). */
int mn_bridge_order(const json_t *record, mn_buf *out);

/* bridge_redis.c: a bridge over the Redis at `url` (net/redis.h), until stop(user) is not 0. What
 * is known lies in the hashes omnesia:FLEET:objects and omnesia:FLEET:stamps, messages go through
 * the channel omnesia:FLEET:changes. Without Redis the machine works on, and it is tried again, at
 * the latest every 5 s. roboos: robots of the public RoboOS on that Redis join, too (roboos.h): on
 * one of the machines. said (may be NULL): a line for each change of the link. MN_EINVAL:
 * the URL; MN_EUNSUPPORTED: no hiredis here, or what lies in that Redis is of another version;
 * MN_ECANCELLED: another bridge has this board now. */
int mn_bridge_run(mn_board *b, const char *url, const char *machine, int roboos,
                  int (*stop)(void *user), void *user, mn_buf *said);

#endif
