/* SPDX-License-Identifier: Apache-2.0
 *
 * base/arena.c - blocks of memory, cut from the front.
 */
#include "base/arena.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdint.h>
#include <string.h>

struct mn_arena_block {
    mn_arena_block *older;
    size_t size, used; /* of data */
    _Alignas(max_align_t) unsigned char data[];
};

enum { FIRST = 4096, LARGEST = 1 << 20, ALIGN = _Alignof(max_align_t) };

static int add_block(mn_arena *arena, size_t n) {
    size_t size = arena->newest ? arena->newest->size * 2 : FIRST;
    if (size > LARGEST) size = LARGEST;
    if (size < n) size = n;
    mn_arena_block *block = mn_malloc(sizeof *block + size);
    if (!block) return MN_FAIL(MN_ENOMEM, "no memory for a block of %zu bytes", size);
    *block = (mn_arena_block){.older = arena->newest, .size = size};
    arena->newest = block;
    return 0;
}

static int book(mn_arena *arena, size_t n) {
    const size_t limit = arena->limit ? arena->limit : SIZE_MAX / 4;
    if (n > limit || arena->used > limit - n)
        return MN_FAIL(MN_ETOOLONG, "%s needs more than %zu bytes of working memory",
                       arena->what ? arena->what : "this", limit);
    arena->used += n;
    return 0;
}

static int cut(mn_arena *arena, size_t n, void **out) {
    if (n > SIZE_MAX / 4) return MN_FAIL(MN_ETOOLONG, "a block of %zu bytes is asked for", n);
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    MN_TRY(book(arena, n));
    if (!arena->newest || arena->newest->size - arena->newest->used < n)
        MN_TRY(add_block(arena, n));
    *out = arena->newest->data + arena->newest->used;
    arena->newest->used += n;
    return 0;
}

int mn_arena_take(mn_arena *arena, size_t n, void *out) {
    void *p;
    MN_TRY(cut(arena, n, &p));
    memset(p, 0, n);
    memcpy(out, &p, sizeof p);
    return 0;
}

int mn_arena_grow(mn_arena *arena, const void *p, size_t n, size_t m, void *out) {
    mn_arena_block *b = arena->newest;
    const size_t whole = (n + ALIGN - 1) / ALIGN * ALIGN;
    if (p && m < SIZE_MAX / 4 && b && (const unsigned char *)p + whole == b->data + b->used) {
        const size_t more = (m + ALIGN - 1) / ALIGN * ALIGN - whole;
        if (more <= b->size - b->used) {
            MN_TRY(book(arena, more));
            b->used += more;
            memcpy(out, &p, sizeof p);
            return 0;
        }
    }
    void *q;
    MN_TRY(cut(arena, m, &q));
    if (n) memcpy(q, p, n);
    memcpy(out, &q, sizeof q);
    return 0;
}

void mn_arena_free(mn_arena *arena) {
    while (arena->newest) {
        mn_arena_block *b = arena->newest;
        arena->newest = b->older;
        mn_free(b);
    }
    arena->used = 0;
}
