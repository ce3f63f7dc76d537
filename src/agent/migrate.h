/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/migrate.h - all that a store has moves to a new one, of the same kind or another.
 *
 * Records keep their ids, versions, moments and links; vectors, queues and what organisers did come
 * along; the word index is made anew. The new store gets everything in one transaction: it is read
 * back before that ends, and has everything or nothing. The old one is only read, as it was at the
 * beginning.
 *
 * The digest is SHA-256 over the pieces of all parts in their order (agent/store.h), numbers as 8
 * bytes, the highest first, texts behind their length. What the rules for words were called is left
 * out.
 */
#ifndef MN_AGENT_MIGRATE_H
#define MN_AGENT_MIGRATE_H
#include "agent/store.h"

typedef struct mn_contents {
    int64_t pieces[MN_PARTS];
    uint8_t digest[32];
} mn_contents;

typedef struct mn_migrate_told {
    int (*report)(void *user, const char *what, uint64_t done, uint64_t total); /* 1: stop */
    void *user;
} mn_migrate_told;

/* MN_ENOENT: there is no store at `from`; MN_ECONFLICT: there are records at `to`. */
int mn_migrate(const char *from, const char *to, const mn_migrate_told *told, mn_contents *out);

#endif
