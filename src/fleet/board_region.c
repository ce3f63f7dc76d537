/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/board_region.c - the board that processes of a machine share: objects of a region.
 *
 * Its clock is CLOCK_BOOTTIME, the same for all of them and going on while the machine sleeps: a
 * robot that slept is late. Logs keep the newest KEEP records, which look-ups of keys walk past.
 */
#include "fleet/board.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST = 512, KEEP = 16384 };

typedef struct region_board {
    mn_board base;
    mn_region *r; /* borrowed */
} region_board;

static mn_region *region_of(mn_board *b) {
    return ((region_board *)b)->r;
}

/* 1: the bytes are all in `out`; 0: it has room for them now, ask again. */
static int all_there(mn_buf *out, size_t size, int *rc) {
    if (*rc <= 0) return 1;
    out->len = 0;
    if (size > out->cap - 1) {
        *rc = mn_buf_reserve(out, size);
        return *rc < 0;
    }
    out->len = size;
    out->data[size] = 0;
    return 1;
}

static int get(mn_board *b, const char *key, mn_buf *out, uint64_t *version) {
    mn_object_head head = {0};
    int rc;
    MN_TRY(mn_object_key_check(key, MN_OBJECT_KEY, 0));
    mn_buf_clear(out);
    *version = 0;
    MN_TRY(mn_buf_reserve(out, FIRST));
    do rc = mn_object_look(region_of(b), key, strlen(key), out->data, out->cap - 1, &head);
    while (!all_there(out, head.size, &rc));
    if (rc > 0) *version = head.version;
    return rc;
}

static int commit(mn_board *b, mn_edit *edits, int n) {
    return mn_region_commit(region_of(b), edits, n);
}

/* ---- keys ---------------------------------------------------------------------------------- */
typedef struct listed {
    uint64_t version;
    char key[MN_FLEET_KEY];
} listed;

static int gather(void *user, const char *key, size_t n, const mn_object_head *head) {
    listed one = {.version = head->version};
    if (memchr(key, MN_OBJECT_MARK, n)) return 0; /* a record */
    memcpy(one.key, key, n);
    return mn_buf_append(user, &one, sizeof one);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const listed *)a)->key, ((const listed *)b)->key);
}

static int each_key(mn_board *b, const char *prefix,
                    int (*each)(void *user, const char *key, uint64_t version), void *user) {
    mn_buf list = {0};
    int rc = mn_object_each(region_of(b), prefix, gather, &list);
    listed *const all = (listed *)(void *)list.data;
    const size_t n = list.len / sizeof *all;
    if (n) qsort(all, n, sizeof *all, by_key);
    for (size_t i = 0; !rc && i < n; i++) rc = each(user, all[i].key, all[i].version);
    mn_buf_free(&list);
    return rc;
}

/* ---- logs ---------------------------------------------------------------------------------- */
static int append(mn_board *b, const char *key, const void *bytes, size_t n) {
    return mn_region_append(region_of(b), key, bytes, n, NULL, KEEP, NULL);
}

static int record(mn_board *b, const char *key, uint64_t from, mn_buf *out, uint64_t *number) {
    mn_object_head head = {0};
    int rc;
    mn_buf_clear(out);
    MN_TRY(mn_buf_reserve(out, FIRST));
    do rc = mn_region_record(region_of(b), key, from, out->data, out->cap - 1, &head, number);
    while (!all_there(out, head.size, &rc));
    return rc;
}

/* ---- clocks, life -------------------------------------------------------------------------- */
static uint64_t now(mn_board *b) {
    struct timespec t;
    (void)b;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t wall(mn_board *b) {
    struct timespec t;
    (void)b;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void life(mn_board *b, char word[MN_LIFE]) {
    mn_region_life(region_of(b), word);
}

static mn_life lives(mn_board *b, const char *word, int *fd) {
    const mn_life is = mn_region_lives(region_of(b), word);
    if (fd) *fd = is == MN_LIFE_GOES_ON ? mn_region_life_watch(region_of(b), word) : -1;
    return is;
}

static void close_region(mn_board **b) {
    mn_free(*b);
    *b = NULL;
}

static const mn_board_ops region_ops = {
    .name = "region",
    .get = get,
    .commit = commit,
    .each = each_key,
    .append = append,
    .record = record,
    .now = now,
    .time = wall,
    .close = close_region,
    .life = life,
    .lives = lives,
};

int mn_board_open(mn_region *r, const char *fleet, mn_board **out) {
    if (fleet) MN_TRY(mn_board_name_check("the fleet", fleet));
    region_board *const b = mn_calloc(1, sizeof *b);
    if (!b) return MN_FAIL(MN_ENOMEM, "no memory for a board");
    b->base.ops = &region_ops;
    b->r = r;
    snprintf(b->base.fleet, sizeof b->base.fleet, "%s", fleet ? fleet : "main");
    *out = &b->base;
    return 0;
}
