/* SPDX-License-Identifier: Apache-2.0
 *
 * base/sparse.h - a sparse file that several processes map, and locks of single bytes.
 *
 * The file has a logical size far beyond what it holds; a hole is free memory. Pages are asked for
 * with mn_sparse_back before they are touched, which fails with an error where a write into a hole
 * would raise SIGBUS, and go back with mn_sparse_punch. Every system call is a fault point of
 * OMNESIA_FAIL_IO, as in base/file.h.
 */
#ifndef MN_BASE_SPARSE_H
#define MN_BASE_SPARSE_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_sparse {
    int fd;        /* -1: not open */
    uint8_t *data; /* [size], shared */
    uint64_t size;
    char *path; /* owned */
} mn_sparse;

/* Make `path` with `size` logical bytes, filled by `fill` while nobody else sees them: complete or
 * absent, mode 0600. 1 when made, 0 when there is already something of that name. The folder
 * exists. */
int mn_sparse_make(const char *path, uint64_t size, int (*fill)(void *user, mn_sparse *s),
                   void *user);
/* Map an existing one, all of it. Refused, in one sentence: what is no plain file (a link, too),
 * belongs to another user, may be used by others (group or world), or is smaller than `least`. */
int mn_sparse_open(const char *path, uint64_t least, mn_sparse *out);
void mn_sparse_close(mn_sparse *s);

/* Pages for bytes [at, at + n), or MN_EFULL and nothing asked for that was not there before the
 * call, as far as the system takes it back. */
int mn_sparse_back(const mn_sparse *s, uint64_t at, uint64_t n);
/* The whole pages inside [at, at + n) go back; they read as zeroes again. */
int mn_sparse_punch(const mn_sparse *s, uint64_t at, uint64_t n);
/* What pages there are in [at, at + n) are overwritten with zeroes. */
int mn_sparse_wipe(const mn_sparse *s, uint64_t at, uint64_t n);
/* Bytes [at, at + n), without filling holes. */
int mn_sparse_read(const mn_sparse *s, uint64_t at, void *out, uint64_t n);
/* Bytes the file holds now, and bytes its disk (or memory) still has for us: the least of what the
 * file system says and what the memory cgroup leaves, less 64 MiB. */
uint64_t mn_sparse_held(const mn_sparse *s);
int mn_sparse_named(const mn_sparse *s);     /* 0: its name was removed, and nobody else finds it */
int mn_sparse_in_memory(const mn_sparse *s); /* else pages of the cache count that are no blocks */
uint64_t mn_sparse_held_in(const mn_sparse *s, uint64_t at, uint64_t n); /* of [at, at + n) */
uint64_t mn_sparse_room(const mn_sparse *s);

/* ---- byte locks: life is a lock, not a number (design decision 12) ------------------------- */
/* The lock file at `path`, made when absent. A descriptor, closed by mn_byte_locks_close; its
 * locks are the open file's, so they end when the process does, and a child after fork must close
 * the descriptor. */
int mn_byte_locks_open(const char *path);
void mn_byte_locks_close(int *fd);
int mn_byte_lock_try(int fd, int byte);  /* 1: ours now; 0: another's */
int mn_byte_lock_held(int fd, int byte); /* 1: another's; 0: nobody's or ours */
void mn_byte_lock_free(int fd, int byte);

#endif
