/* SPDX-License-Identifier: Apache-2.0
 *
 * test/json_pool.h - memory for Jansson in tests of one thread that read and write JSON all the
 * time: small blocks come from lists by size and go back there. What Jansson gave is freed by
 * Jansson. Not under sanitizers, which are to see each block.
 */
#ifndef MN_TEST_JSON_POOL_H
#define MN_TEST_JSON_POOL_H
#include <jansson.h>
#include <stdlib.h>

enum { JSON_POOL_STEP = 16, JSON_POOL_LISTS = 32, JSON_POOL_CHUNK = 1 << 18 };

typedef union json_block {
    size_t list; /* before the bytes that are in use: its list; JSON_POOL_LISTS: of malloc */
    union json_block *next;
    max_align_t align;
} json_block;

static json_block *json_pool_free[JSON_POOL_LISTS];
static char *json_pool_chunk;
static size_t json_pool_left;

static void *json_pool_malloc(size_t n) {
    const size_t list = n ? (n - 1) / JSON_POOL_STEP : 0;
    const size_t bytes = sizeof(json_block) + (list + 1) * JSON_POOL_STEP;
    json_block *b;
    if (list >= JSON_POOL_LISTS) {
        if (!(b = malloc(sizeof *b + n))) return NULL;
        b->list = JSON_POOL_LISTS;
        return b + 1;
    }
    if ((b = json_pool_free[list])) {
        json_pool_free[list] = b->next;
    } else {
        if (json_pool_left < bytes) {
            if (!(json_pool_chunk = malloc(JSON_POOL_CHUNK))) return NULL;
            json_pool_left = JSON_POOL_CHUNK;
        }
        b = (json_block *)(void *)json_pool_chunk;
        json_pool_chunk += bytes;
        json_pool_left -= bytes;
    }
    b->list = list;
    return b + 1;
}

static void json_pool_release(void *block) {
    if (!block) return;
    json_block *const b = (json_block *)block - 1;
    const size_t list = b->list;
    if (list == JSON_POOL_LISTS) {
        free(b);
        return;
    }
    b->next = json_pool_free[list];
    json_pool_free[list] = b;
}

/* Before anything of Jansson's is made. */
static inline void json_pool_begin(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)json_pool_malloc;
    (void)json_pool_release;
#else
    json_set_alloc_funcs(json_pool_malloc, json_pool_release);
#endif
}

#endif
