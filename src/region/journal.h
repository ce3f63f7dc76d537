/* SPDX-License-Identifier: Apache-2.0
 *
 * region/journal.h - the file that durable objects survive the machine in.
 *
 *   record | record | ..     head, key, value, in one piece; nothing between them
 *
 * Changes are published in the region first, which gives them their version; then they are appended
 * here, by one write, and synced: many at once, for who syncs does it for all that have appended.
 * The sums tell what is whole: a record that was torn (by a power cut, a kill, a full disk) is
 * passed over up to the next one that is. Of the records of one key the highest version counts,
 * wherever it stands. A region that is made anew reads the file before anybody sees it, and writes
 * it again without what is of no use when that is more than half of it.
 */
#ifndef MN_REGION_JOURNAL_H
#define MN_REGION_JOURNAL_H
#include "region/object.h"

#define MN_JOURNAL_RECORD 0x4a424f4du /* "MOBJ" */
typedef struct mn_journal_head {
    uint32_t magic;
    uint32_t key; /* bytes | deleted << 16 */
    uint64_t sum; /* XXH3 of all that follows */
    uint64_t version;
    uint64_t expiry, born; /* milliseconds since 1970 */
    uint64_t value;        /* bytes */
} mn_journal_head;
_Static_assert(sizeof(mn_journal_head) == 48, "part of the file format");
enum { MN_JOURNAL_SUMMED = 16, MN_JOURNAL_GONE = 1 << 16 };

/* Append a record; sync: return when it is on disk. gone: the object was deleted. MN_EIO, MN_EFULL;
 * a sync that failed once is never tried again, for nobody knows then what the disk has. */
int mn_journal_add(mn_region *r, const char *key, size_t n, const void *value,
                   const mn_object_head *head, int gone, int sync);
/* A region nobody else has yet: its durable objects. */
int mn_journal_restore(mn_region *r);

#endif
