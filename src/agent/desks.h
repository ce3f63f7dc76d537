/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/desks.h - writers of one store take turns, and one writes what the others wait with.
 *
 * The turn is the lock of PATH-lock. Who wants it while others do stands in line at a desk of
 * PATH-line, a file that all of them map: a ticket, and on the desk all that he wants to have
 * written, if it fits there. Who has the turn takes what lies on the desks of others, writes it
 * together with his own, and tells them when it is committed: a transaction for eight costs little
 * more than one for one (flat combining; Hendler, Incze, Shavit, Tzafrir 2010). Then the turn goes
 * to the lowest ticket that still waits. Who has written for others lets them go first, and steps
 * back from his processor when they do not come.
 *
 * A desk is his who has the lock of its byte, so a death frees it, and nothing is written for the
 * dead. Who was to tell, or to hand on the turn, may die as well: who waits looks every 20 ms
 * whether the turn is free, and then has it himself.
 */
#ifndef MN_AGENT_DESKS_H
#define MN_AGENT_DESKS_H
#include <stddef.h>
#include <stdint.h>

enum { MN_DESK_MOST = 16000 }; /* bytes of a request */

typedef struct mn_desks mn_desks;
typedef struct mn_desk_reply {
    int64_t id;      /* what `each` gave out */
    uint64_t commit; /* what was told with it */
} mn_desk_reply;
typedef int mn_desks_each(void *user, const void *request, size_t n, int64_t *id);

/* For the store at `path`, whose folder is there. One thread. */
int mn_desks_open(const char *path, mn_desks **out);
void mn_desks_close(mn_desks **l);

/* 0: the turn is ours; 1: there is no need, another one has done it: `reply`. request NULL, or more
 * than MN_DESK_MOST bytes: it waits for the turn. When the turn is ours and reply->id is not 0,
 * somebody died who was doing it: if it was committed, it has that number. */
int mn_desks_wait(mn_desks *l, const void *request, size_t n, mn_desk_reply *reply);

/* With the turn. What others wait with, one after the other, until `each` fails: how many, or what
 * it said. Then what became of them: committed under this number, or not, and they do it again
 * themselves. The end of the turn. */
int mn_desks_take(mn_desks *l, mn_desks_each *each, void *user);
void mn_desks_tell(mn_desks *l, int kept, uint64_t commit);
void mn_desks_leave(mn_desks *l);
int mn_desks_turn(const mn_desks *l); /* the descriptor of PATH-lock, while the turn is ours */
int mn_desks_took(const mn_desks *l); /* how many wait to be told */

#endif
