/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/there.h - which records of a file a store has already, and which became which.
 *
 * A row of a file is there when one of the store says the same: text, time, session, speaker, ref,
 * source, agent, run, and when it was created if the file knows. Each row of the store stands for
 * one of the file, so that what was said twice stays said twice, and a file that comes again adds
 * nothing. All rows of the owner are read once, then what is new: 40 bytes of each are kept. A
 * match is looked at before it counts: what was changed or forgotten meanwhile is none.
 */
#ifndef MN_AGENT_THERE_H
#define MN_AGENT_THERE_H
#include "agent/store.h"
#include "base/buf.h"

typedef struct mn_there {
    mn_buf row, chain;       /* the rows, and where the lists of those with one hash begin */
    mn_buf number, numbers;  /* the same for numbers that the file gives its records */
    int64_t after;           /* rows up to this one were read */
    const char *agent, *run; /* NULL: of all; borrowed */
} mn_there;

void mn_there_free(mn_there *t);
/* Rows that came since the last time. Inside begin and end of the store. */
int mn_there_read(mn_there *t, mn_store *s, int64_t owner);
/* Is the row there? Its record's id, which stands for no other row from now on; 0: it is not. */
int mn_there_take(mn_there *t, mn_store *s, int64_t owner, const mn_row *row, int64_t *id);

/* Record `number` of the file is record `id` of the store; who says so last is right. */
int mn_there_name(mn_there *t, int64_t number, int64_t id);
int64_t mn_there_named(const mn_there *t, int64_t number); /* 0: no such record came in */

#endif
