/* SPDX-License-Identifier: Apache-2.0
 *
 * base/arena.h - memory that is taken piece by piece and given back all at once.
 *
 * A list of blocks, each at least twice the one before (to 1 MiB), pieces cut from the newest:
 * O(1) a piece, nothing is freed on its own, so code that fails half-way leaks nothing. `limit`
 * bounds the sum of what was taken. Zero-initialise, take, free. One thread at a time.
 */
#ifndef MN_BASE_ARENA_H
#define MN_BASE_ARENA_H
#include <stddef.h>

typedef struct mn_arena_block mn_arena_block;

typedef struct mn_arena {
    mn_arena_block *newest;
    size_t used;      /* bytes taken so far */
    size_t limit;     /* refuse to take more than this in all; 0: no limit */
    const char *what; /* whose memory it is, for the sentence; NULL: "this" */
} mn_arena;

/* n zeroed bytes, aligned for any type, in *out (a pointer of any kind). MN_ETOOLONG beyond the
 * limit, MN_ENOMEM when there is none. */
int mn_arena_take(mn_arena *arena, size_t n, void *out);
/* Make the piece p of n bytes one of m >= n bytes: in place when it is the newest, else a copy; new
 * bytes are not zeroed. */
int mn_arena_grow(mn_arena *arena, const void *p, size_t n, size_t m, void *out);
void mn_arena_free(mn_arena *arena);

#endif
