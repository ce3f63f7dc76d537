/* SPDX-License-Identifier: Apache-2.0
 *
 * base/walk.h - a bounded walk over a folder tree that strangers may have made.
 *
 * Folders reached through symbolic links are not entered, so loops cannot happen; depth and
 * number of entries are bounded; names that hold control characters are passed over, since they
 * cannot be shown. A folder is reported after all it holds, so that a tree can be removed.
 */
#ifndef MN_BASE_WALK_H
#define MN_BASE_WALK_H
#include <stdint.h>

typedef enum mn_walk_kind {
    MN_WALK_FILE,   /* a regular file, or a link to one */
    MN_WALK_FOLDER, /* a real folder */
    MN_WALK_OTHER,  /* links to folders, dangling links, sockets, ... */
} mn_walk_kind;

typedef struct mn_walk_entry {
    const char *path; /* ROOT/a/b; borrowed for the call */
    const char *rest; /* "a/b", inside path */
    mn_walk_kind kind;
    int depth;        /* 1: directly in the root */
    uint64_t bytes;   /* of a file */
    int64_t mtime_ns; /* of what a link points at */
    int link;         /* 1: it is a symbolic link, which may lead anywhere */
} mn_walk_entry;

/* Non-zero from `each` stops the walk and is returned. A root that is absent or unreadable holds
 * nothing. At most `max_entries` entries are looked at, none deeper than `max_depth`. */
int mn_walk(const char *root, int max_depth, long max_entries,
            int (*each)(void *user, const mn_walk_entry *entry), void *user);

int mn_walk_is_folder(const char *path);
/* Bytes of the files under root; what can be read of them. */
uint64_t mn_walk_bytes(const char *root);
/* Remove root and all it holds; links are removed, not followed. Best effort. */
void mn_walk_remove(const char *root);

#endif
