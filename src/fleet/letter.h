/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/letter.h - what people say of a task that another machine has: to cancel it, or that a step
 * of it may be done.
 *
 *   letter/ID  {"do": "cancel" | "confirm", "task", "step", "tries", "no": bool, "until" (ns of
 *              this board), "answer": {"rc", "text"}}
 *
 * Who says it puts the letter on his board and waits; the bridge carries it to the machine that has
 * the task, where it is done as if it had been said there, and puts the answer into the letter.
 * Without one until then the letter is gone: nobody is obeyed who has left.
 */
#ifndef MN_FLEET_LETTER_H
#define MN_FLEET_LETTER_H
#include "fleet/task.h"

enum { MN_LETTER_WAIT = 5 /* s */ };

typedef struct mn_letter {
    const char *what, *task, *step; /* "cancel" | "confirm"; as the task is called here */
    int no;
} mn_letter;

/* 1: another machine has the task, or would take it; 0: this one, or nobody has. */
int mn_letter_home(mn_board *b, const char *task, char home[MN_NAME + 1]);
/* MN_ENOENT: the step does not ask, as far as is known here. */
int mn_letter_put(mn_board *b, const mn_letter *letter, char id[17]);
/* 1: it was done there; < 0: what was wrong there, or nobody has answered (MN_EBUSY); the letter is
 * gone. 0: not yet; look again when it has changed, in *left ns at the latest. */
int mn_letter_answer(mn_board *b, const char *home, const char *id, uint64_t *left);

#endif
