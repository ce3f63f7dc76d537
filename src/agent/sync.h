/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/sync.h - writers of one SQLite file take turns (agent/desks.h; SQLite alone would have each
 * look again and again), and share what they wait for on the disk.
 *
 * To be safe from a power cut a writer needs the journal on disk after its commit: fdatasync,
 * milliseconds. Commits are counted in PATH-lock while the turn lasts, and PATH-sync says up to
 * which of them the journal was synced; whoever gets the lock of PATH-sync syncs for all who
 * committed before, and they find it done (group commit).
 *
 * A file that grows takes the disk longer than one that stays as long as it is (a commit of ten
 * pages 0.20 to 0.25 ms instead of 0.13), so who has the turn keeps zeroes ahead of the journal's
 * end, which SQLite takes for what an older journal left there.
 *
 * The journal can only be emptied while nobody reads, and where many do there is no such moment: so
 * who begins to read passes through PATH-gate, and who empties the journal keeps that shut.
 */
#ifndef MN_AGENT_SYNC_H
#define MN_AGENT_SYNC_H
#include "agent/desks.h"

typedef struct mn_sync mn_sync;

/* For the database at `path`, whose folder is made; durable: mn_sync_wait waits. One thread. */
int mn_sync_open(const char *path, int durable, mn_sync **out);
void mn_sync_close(mn_sync **s);

/* The turn to write; or somebody has written what `request` says, which is committed: 1. And the
 * end of it: what was written, for others too, is committed, or was given up. */
int mn_sync_lock(mn_sync *s);
int mn_sync_ask(mn_sync *s, const void *request, size_t n, mn_desk_reply *reply);
int mn_sync_take(mn_sync *s, mn_desks_each *each, void *user); /* what others ask for */
void mn_sync_unlock(mn_sync *s, int kept);
int mn_sync_wait(mn_sync *s); /* what was committed last is on disk */
/* With the turn to write: so many bytes of the journal are in use, and more will be. */
void mn_sync_ahead(mn_sync *s, int64_t used);
void mn_sync_pass(mn_sync *s); /* before reading begins: waits while the gate is shut */
int mn_sync_shut(mn_sync *s);  /* with the turn to write */
void mn_sync_reopen(mn_sync *s);
int64_t mn_sync_length(mn_sync *s); /* bytes of the journal */

#endif
