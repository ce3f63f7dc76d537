/* SPDX-License-Identifier: Apache-2.0
 *
 * region/log.c - logs that many append to and many read, made of objects; and the list of all.
 *
 * Record n of KEY is an object of its own that nobody may put twice: who appends tries the next
 * number, upward until one is free. So writers need no lock, and each record is there once. The
 * object KEY \1 says where to begin trying (and where reading begins when old records were
 * dropped); it may lag behind by what died before saying so, and is only raised. One thing follows:
 * when an appender dies there and its record expires before anybody appends again, its number is
 * given again.
 */
#include "region/object.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_KEY = MN_OBJECT_KEY - MN_RECORD_NAME };
#define NONE UINT64_MAX

typedef struct place {
    uint64_t next, first;
} place;

/* The hidden name of a record; NONE: of the place. */
static void name_of(const char *key, uint64_t number, char out[MN_OBJECT_KEY + 1]) {
    if (number == NONE)
        snprintf(out, MN_OBJECT_KEY + 1, "%s%c", key, MN_OBJECT_MARK);
    else
        snprintf(out, MN_OBJECT_KEY + 1, "%s%c%016llx", key, MN_OBJECT_MARK,
                 (unsigned long long)number);
}

/* 1, or 0 and {0, 0}: there is none. */
static int place_of(mn_region *r, const char *key, place *p, uint64_t *version) {
    char name[MN_OBJECT_KEY + 1];
    mn_object_head head = {0};
    *p = (place){0};
    name_of(key, NONE, name);
    const int rc = mn_object_look(r, name, strlen(name), p, sizeof *p, &head);
    *version = head.version;
    return rc;
}

/* The place is at least this far. */
static int advance(mn_region *r, const char *key, place to, int durable) {
    char name[MN_OBJECT_KEY + 1];
    name_of(key, NONE, name);
    for (;;) {
        mn_put how = {.check = 1, .hidden = 1, .durable = durable, .lazy = 1};
        place p;
        MN_TRY(place_of(r, key, &p, &how.version));
        if (p.next >= to.next && p.first >= to.first) return 0;
        if (to.next > p.next) p.next = to.next;
        if (to.first > p.first) p.first = to.first;
        const int rc = mn_region_put(r, name, &p, sizeof p, &how, NULL);
        if (rc != MN_ECONFLICT) return rc;
    }
}

static int drop(mn_region *r, const char *key, uint64_t from, uint64_t to) {
    char name[MN_OBJECT_KEY + 1];
    for (; from < to; from++) {
        name_of(key, from, name);
        MN_TRY(mn_region_del(r, name, &(mn_put){.hidden = 1, .lazy = 1}));
    }
    return 0;
}

int mn_region_append(mn_region *r, const char *key, const void *value, size_t n,
                     const mn_put *options, uint64_t keep, uint64_t *number) {
    const mn_put how = {.check = 1,
                        .hidden = 1,
                        .ttl_ms = options ? options->ttl_ms : 0,
                        .durable = options && options->durable};
    char name[MN_OBJECT_KEY + 1];
    uint64_t version, i;
    place p;
    int rc;
    MN_TRY(mn_object_key_check(key, LOG_KEY, 0));
    MN_TRY(place_of(r, key, &p, &version));
    for (i = p.next;; i++) {
        name_of(key, i, name);
        rc = mn_region_put(r, name, value, n, &how, NULL);
        if (rc != MN_ECONFLICT) break;
    }
    MN_TRY(rc);
    if (number) *number = i;
    const uint64_t first = keep && i + 1 > keep ? i + 1 - keep : 0;
    MN_TRY(drop(r, key, p.first, first));
    return advance(r, key, (place){i + 1, first}, how.durable);
}

int mn_region_record(mn_region *r, const char *key, uint64_t from, void *out, size_t cap,
                     mn_object_head *head, uint64_t *number) {
    char name[MN_OBJECT_KEY + 1];
    uint64_t version;
    place p;
    MN_TRY(mn_object_key_check(key, LOG_KEY, 0));
    MN_TRY(place_of(r, key, &p, &version));
    for (uint64_t i = from > p.first ? from : p.first;; i++) {
        name_of(key, i, name);
        const int rc = mn_object_look(r, name, strlen(name), out, cap, head);
        *number = i;
        if (rc) return rc;
        if (i >= p.next) return 0;
    }
}

int mn_region_drop_log(mn_region *r, const char *key) {
    char name[MN_OBJECT_KEY + 1];
    uint64_t version;
    mn_object_head head;
    place p;
    if (strlen(key) > LOG_KEY) return 0;
    MN_TRY(mn_object_key_check(key, LOG_KEY, 0));
    const int rc = place_of(r, key, &p, &version);
    if (rc <= 0) return rc;
    MN_TRY(drop(r, key, p.first, p.next));
    for (;; p.next++) { /* the place may lag behind */
        name_of(key, p.next, name);
        const int more = mn_object_look(r, name, strlen(name), NULL, 0, &head);
        MN_TRY(more);
        if (!more) break;
        MN_TRY(drop(r, key, p.next, p.next + 1));
    }
    name_of(key, NONE, name);
    MN_TRY(mn_region_del(r, name, &(mn_put){.hidden = 1}));
    return 1;
}

/* ---- the list ----------------------------------------------------------------------------- */
static int gather(void *user, const char *key, size_t n, const mn_object_head *head) {
    mn_listed e = {.head = *head, .records = -1};
    const char *const mark = memchr(key, MN_OBJECT_MARK, n);
    if (mark) {
        e.records = (size_t)(mark - key) + MN_RECORD_NAME == n;
        if (!e.records) e.head.size = 0; /* a place */
        n = (size_t)(mark - key);
    }
    e.size = e.head.size;
    memcpy(e.key, key, n);
    return mn_buf_append(user, &e, sizeof e);
}

static int order(const void *a, const void *b) {
    const mn_listed *x = a, *y = b;
    const int by_key = strcmp(x->key, y->key);
    return by_key ? by_key : (x->records >= 0) - (y->records >= 0);
}

/* Records of one log become one entry: what it holds, when the newest came. */
static size_t fold(mn_listed *e, size_t n) {
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        mn_listed *const last = out ? e + out - 1 : NULL;
        if (!last || last->records < 0 || strcmp(last->key, e[i].key)) {
            e[out++] = e[i];
            continue;
        }
        last->records += e[i].records;
        last->size += e[i].size;
        last->head.logged &= e[i].head.logged;
        if (e[i].head.born > last->head.born) last->head.born = e[i].head.born;
    }
    return out;
}

int mn_region_list(mn_region *r, const char *prefix,
                   int (*each)(void *user, const mn_listed *object), void *user) {
    mn_buf all = {0};
    int rc = mn_object_each(r, prefix, gather, &all);
    mn_listed *const e = (mn_listed *)(void *)all.data;
    size_t n = all.len / sizeof *e;
    if (rc >= 0 && n) {
        qsort(e, n, sizeof *e, order);
        n = fold(e, n);
    }
    for (size_t i = 0; rc >= 0 && i < n; i++)
        if ((rc = each(user, e + i))) break;
    mn_buf_free(&all);
    return rc;
}
