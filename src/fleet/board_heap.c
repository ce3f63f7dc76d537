/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/board_heap.c - a board in the memory of one thread, for simulated fleets and tests.
 *
 * Values are an array sorted by key, logs another; a key is found by halving. Versions are numbers
 * of the board, not of the key, so that one is never given twice, though the key went and came
 * back. A commit takes all memory it needs before it changes anything.
 */
#include "fleet/board.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

typedef unsigned long long ull;
typedef struct value {
    char *key, *bytes;
    size_t n;
    uint64_t version;
} value;
typedef struct log {
    char *key;
    struct {
        char *bytes;
        size_t n;
    } * record;
    size_t n, cap;
} log;
typedef struct heap_board {
    mn_board base;
    value *value; /* by key */
    size_t n, cap;
    log *log;
    size_t n_logs;
    uint64_t version; /* the last that was given */
    uint64_t now;
    int64_t time;
} heap_board;

static heap_board *heap_of(mn_board *b) {
    return (heap_board *)b;
}

/* The place of the key, or where it would be: 1 when it is there. */
static int find(const heap_board *h, const char *key, size_t *at) {
    size_t low = 0, high = h->n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = strcmp(h->value[middle].key, key);
        *at = middle;
        if (!order) return 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return 0;
}

static int get(mn_board *b, const char *key, mn_buf *out, uint64_t *version) {
    const heap_board *const h = heap_of(b);
    size_t at;
    mn_buf_clear(out);
    *version = 0;
    if (!find(h, key, &at)) return mn_object_key_check(key, MN_OBJECT_KEY, 0);
    MN_TRY(mn_buf_append(out, h->value[at].bytes, h->value[at].n));
    *version = h->value[at].version;
    return 1;
}

/* ---- commit -------------------------------------------------------------------------------- */
static int may(const heap_board *h, const mn_edit *edits, int n) {
    if (n < 1 || n > MN_EDITS)
        return MN_FAIL(MN_EINVAL, "a commit of %d edits: it takes 1 to %d", n, MN_EDITS);
    for (int i = 0; i < n; i++) {
        const mn_edit *const e = edits + i;
        size_t at;
        MN_TRY(mn_object_key_check(e->key, MN_OBJECT_KEY, 0));
        if (e->kind == MN_EDIT_PUT && e->n > MN_OBJECT_VALUE)
            return MN_FAIL(MN_ETOOLONG, "a value of %zu bytes: an object takes at most %d", e->n,
                           MN_OBJECT_VALUE);
        for (int k = 0; k < i; k++)
            if (!strcmp(edits[k].key, e->key))
                return MN_FAIL(MN_EINVAL, "'%s' is edited twice in one commit", e->key);
        const uint64_t is = find(h, e->key, &at) ? h->value[at].version : 0;
        if ((e->check || e->kind == MN_EDIT_CHECK) && is != e->version)
            return MN_FAIL(MN_ECONFLICT,
                           "'%s' has version %llu, not %llu (0: absent); read it again", e->key,
                           (ull)is, (ull)e->version);
    }
    return 0;
}

static int prepare(heap_board *h, const mn_edit *edits, int n, value *fresh) {
    if (h->n + (size_t)n > h->cap) {
        const size_t cap = 2 * h->cap + MN_EDITS;
        value *const more = mn_realloc(h->value, cap * sizeof *more);
        if (!more) return MN_FAIL(MN_ENOMEM, "no memory for %zu objects of a board", cap);
        h->value = more;
        h->cap = cap;
    }
    for (int i = 0; i < n; i++) {
        if (edits[i].kind != MN_EDIT_PUT) continue;
        fresh[i] = (value){mn_strdup(edits[i].key), mn_malloc(edits[i].n + 1), edits[i].n, 0};
        if (!fresh[i].key || !fresh[i].bytes)
            return MN_FAIL(MN_ENOMEM, "no memory for the %zu bytes of '%s'", edits[i].n,
                           edits[i].key);
        if (edits[i].n) memcpy(fresh[i].bytes, edits[i].value, edits[i].n);
    }
    return 0;
}

static void drop(value *v) {
    mn_free(v->key);
    mn_free(v->bytes);
    *v = (value){0};
}

static void apply(heap_board *h, mn_edit *e, value *fresh) {
    size_t at;
    const int there = find(h, e->key, &at);
    value *const v = h->value + at;
    if (e->kind == MN_EDIT_DEL) {
        if (!there) return;
        drop(v);
        memmove(v, v + 1, (--h->n - at) * sizeof *v);
    } else if (e->kind == MN_EDIT_PUT) {
        if (there)
            drop(v);
        else
            memmove(v + 1, v, (h->n++ - at) * sizeof *v);
        *v = *fresh;
        *fresh = (value){0};
        v->version = e->version = ++h->version;
    }
}

static int commit(mn_board *b, mn_edit *edits, int n) {
    heap_board *const h = heap_of(b);
    value fresh[MN_EDITS] = {0};
    MN_TRY(may(h, edits, n));
    const int rc = prepare(h, edits, n, fresh);
    for (int i = 0; i < n; i++) {
        if (rc >= 0) apply(h, edits + i, fresh + i);
        drop(fresh + i);
    }
    return rc;
}

/* ---- looking through it; logs -------------------------------------------------------------- */
/* Of a copy of the list, so that `each` may change the board: version, key, zero; and so on. */
static int each_key(mn_board *b, const char *prefix,
                    int (*each)(void *user, const char *key, uint64_t version), void *user) {
    const heap_board *const h = heap_of(b);
    const size_t n = strlen(prefix);
    mn_buf list = {0};
    size_t at;
    uint64_t version;
    int rc = mn_object_key_check(prefix, MN_OBJECT_KEY, 1);
    find(h, prefix, &at);
    for (; rc >= 0 && at < h->n && !strncmp(h->value[at].key, prefix, n); at++) {
        rc = mn_buf_append(&list, &h->value[at].version, sizeof version);
        if (rc >= 0) rc = mn_buf_append(&list, h->value[at].key, strlen(h->value[at].key) + 1);
    }
    for (size_t i = 0; !rc && i < list.len;
         i += sizeof version + strlen(list.data + i + sizeof version) + 1) {
        memcpy(&version, list.data + i, sizeof version);
        rc = each(user, list.data + i + sizeof version, version);
    }
    mn_buf_free(&list);
    return rc;
}

static log *log_of(const heap_board *h, const char *key) {
    for (size_t i = 0; i < h->n_logs; i++)
        if (!strcmp(h->log[i].key, key)) return h->log + i;
    return NULL;
}

static int make_log(heap_board *h, const char *key, log **out) {
    log *const more = mn_realloc(h->log, (h->n_logs + 1) * sizeof *more);
    if (more) h->log = more;
    char *const copy = more ? mn_strdup(key) : NULL;
    if (!copy) return MN_FAIL(MN_ENOMEM, "no memory for the log '%s'", key);
    *out = more + h->n_logs++;
    **out = (log){.key = copy};
    return 0;
}

static int append(mn_board *b, const char *key, const void *bytes, size_t n) {
    heap_board *const h = heap_of(b);
    MN_TRY(mn_object_key_check(key, MN_OBJECT_KEY - MN_RECORD_NAME, 0));
    log *l = log_of(h, key);
    if (!l) MN_TRY(make_log(h, key, &l));
    if (l->n == l->cap) {
        const size_t cap = 2 * l->cap + 16;
        void *const more = mn_realloc(l->record, cap * sizeof *l->record);
        if (!more) return MN_FAIL(MN_ENOMEM, "no memory for %zu records of '%s'", cap, key);
        l->record = more;
        l->cap = cap;
    }
    char *const copy = mn_malloc(n + 1);
    if (!copy) return MN_FAIL(MN_ENOMEM, "no memory for a record of %zu bytes", n);
    if (n) memcpy(copy, bytes, n);
    l->record[l->n].bytes = copy;
    l->record[l->n++].n = n;
    return 0;
}

static int record(mn_board *b, const char *key, uint64_t from, mn_buf *out, uint64_t *number) {
    const log *const l = log_of(heap_of(b), key);
    mn_buf_clear(out);
    if (!l || from >= l->n) return 0;
    MN_TRY(mn_buf_append(out, l->record[from].bytes, l->record[from].n));
    *number = from;
    return 1;
}

/* ---- life ---------------------------------------------------------------------------------- */
static uint64_t now(mn_board *b) {
    return heap_of(b)->now;
}
static int64_t wall(mn_board *b) {
    return heap_of(b)->time;
}

static void close_heap(mn_board **b) {
    heap_board *const h = heap_of(*b);
    for (size_t i = 0; i < h->n; i++) drop(h->value + i);
    for (size_t i = 0; i < h->n_logs; i++) {
        for (size_t k = 0; k < h->log[i].n; k++) mn_free(h->log[i].record[k].bytes);
        mn_free(h->log[i].record);
        mn_free(h->log[i].key);
    }
    mn_free(h->value);
    mn_free(h->log);
    mn_free(h);
    *b = NULL;
}

static const mn_board_ops heap_ops = {
    .name = "heap",
    .alone = 1,
    .get = get,
    .commit = commit,
    .each = each_key,
    .append = append,
    .record = record,
    .now = now,
    .time = wall,
    .close = close_heap,
};

int mn_board_open_heap(const char *fleet, mn_board **out) {
    if (fleet) MN_TRY(mn_board_name_check("the fleet", fleet));
    heap_board *const h = mn_calloc(1, sizeof *h);
    if (!h) return MN_FAIL(MN_ENOMEM, "no memory for a board");
    h->base.ops = &heap_ops;
    snprintf(h->base.fleet, sizeof h->base.fleet, "%s", fleet ? fleet : "main");
    *out = &h->base;
    return 0;
}

int mn_board_clock(mn_board *heap, uint64_t at, int64_t time) {
    if (heap->ops != &heap_ops)
        return MN_FAIL(MN_EINVAL,
                       "a board of kind '%s' has no clock to be set: its time is that of "
                       "its machine",
                       heap->ops->name);
    heap_of(heap)->now = at;
    heap_of(heap)->time = time;
    return 0;
}
