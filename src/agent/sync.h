/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/sync.h - writers of one SQLite file take turns, and share what they wait for on the disk.
 *
 * The turn is a lock of PATH-lock; SQLite alone would have each writer look again and again. Who
 * wants it stands in line: PATH-line has the number of the next place, a place is a byte of that
 * file which is locked, and who stands there waits for the byte before it. So the kernel wakes the
 * next one and nobody else, and a death is a place that is free. Who had to wait may have more
 * for half a millisecond, as long as nobody is quicker: pages that he has read are still true then,
 * which they are not for the next one.
 *
 * To be safe from a power cut a writer needs the journal on disk after its commit: fdatasync,
 * milliseconds. Commits are counted in PATH-lock while the turn lasts, and PATH-sync says up to
 * which of them the journal was synced; whoever gets the lock of PATH-sync syncs for all who
 * committed before, and they find it done (group commit).
 *
 * The journal can only be emptied while nobody reads, and where many do there is no such moment: so
 * who begins to read passes through PATH-gate, and who empties the journal keeps that shut.
 */
#ifndef MN_AGENT_SYNC_H
#define MN_AGENT_SYNC_H
#include <stdint.h>

typedef struct mn_sync mn_sync;

/* For the database at `path`, whose folder is made; durable: mn_sync_wait waits. One thread. */
int mn_sync_open(const char *path, int durable, mn_sync **out);
void mn_sync_close(mn_sync **s);

int mn_sync_lock(mn_sync *s);    /* the turn to write */
void mn_sync_unlock(mn_sync *s); /* what was written is committed, or was given up */
int mn_sync_wait(mn_sync *s);    /* what was committed in the last turn is on disk */
void mn_sync_pass(mn_sync *s);   /* before reading begins: waits while the gate is shut */
int mn_sync_shut(mn_sync *s);    /* with the turn to write */
void mn_sync_reopen(mn_sync *s);
int64_t mn_sync_length(mn_sync *s); /* bytes of the journal */

#endif
