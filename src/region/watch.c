/* SPDX-License-Identifier: Apache-2.0
 *
 * region/watch.c - who watches is told what changed, and never misses the last state.
 *
 * A watcher remembers the word of every bucket and the names of the objects it has told of. Its
 * topic says which buckets changed; where that is not known (any more) it compares all words. In a
 * bucket that changed, cells with a version beyond the number of changes it remembers are new, and
 * names it knows that are not there have gone. The value is read when the change is told, so a slow
 * watcher gets the last one. A bucket where a commit was undecided is looked at again, though its
 * word may stay: what the commit put has an old number by then, so names have their last version.
 *
 * Every two seconds it wakes by itself: buries the dead and compares all words, for who was killed
 * or stopped between changing a bucket and telling so. Cost: 8 bytes a bucket, and the names.
 */
#include "region/object.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { RECENT = 7, UNDECIDED = 0xffffff /* in a word remembered: no cell has this number */ };
static const uint64_t ROUND = 2000000000; /* ns */

typedef struct known known;
struct known {
    known *next;           /* in its bucket */
    uint64_t told, expiry; /* told: the last version that was */
    uint64_t seen;         /* the last that was there */
    int gone;              /* not in the bucket, as it was seen last */
    char key[];
};

typedef struct event event;
struct event {
    event *next;
    mn_change_kind kind;
    uint32_t bucket;
    uint64_t version;
    char key[];
};

struct mn_watcher {
    mn_region *r;
    mn_topic *topic;
    uint64_t count, looked; /* changes of the topic that were seen; when all was looked at, ns */
    uint64_t expiry;        /* the nearest; 0: none */
    uint64_t *word;         /* [buckets] */
    known **names;          /* [buckets] */
    event *first, **last;   /* to be told */
    event *told;
    mn_buf fresh; /* mn_cell_head and key of what was found in a bucket */
    char *value;
    int exact;
    size_t n;
    char prefix[MN_OBJECT_KEY + 1];
};

typedef struct sight { /* of a cell */
    uint64_t version, expiry;
    char key[MN_OBJECT_KEY + 1];
} sight;

/* ---- what there is to tell ---------------------------------------------------------------- */
static int tell(mn_watcher *w, mn_change_kind kind, uint32_t bucket, const char *key,
                uint64_t version) {
    const size_t n = strlen(key) + 1;
    event *const e = mn_malloc(sizeof *e + n);
    if (!e) return MN_FAIL(MN_ENOMEM, "no memory to tell of a change of '%s'", key);
    *e = (event){.kind = kind, .bucket = bucket, .version = version};
    memcpy(e->key, key, n);
    *w->last = e;
    w->last = &e->next;
    return 0;
}

static known *recall(mn_watcher *w, uint32_t bucket, const char *key) {
    known *k = w->names[bucket];
    while (k && strcmp(k->key, key)) k = k->next;
    return k;
}

/* *before: the version that was there when it was looked at last; 0: none. */
static int remember(mn_watcher *w, uint32_t bucket, const sight *s, uint64_t *before) {
    known *k = recall(w, bucket, s->key);
    if (!k) {
        const size_t n = strlen(s->key) + 1;
        k = mn_malloc(sizeof *k + n);
        if (!k) return MN_FAIL(MN_ENOMEM, "no memory to watch '%s'", s->key);
        memcpy(k->key, s->key, n);
        k->next = w->names[bucket];
        k->told = k->seen = 0;
        w->names[bucket] = k;
    }
    *before = k->seen;
    k->seen = s->version;
    k->expiry = s->expiry;
    k->gone = 0;
    if (s->expiry && (!w->expiry || s->expiry < w->expiry)) w->expiry = s->expiry;
    return 0;
}

/* Names of a bucket that are `gone`, or have expired by `now`, are told and forgotten. */
static int forget(mn_watcher *w, uint32_t bucket, uint64_t now) {
    for (known **p = w->names + bucket, *k; (k = *p);) {
        const int expired = k->expiry && k->expiry <= now;
        if (!k->gone && !expired) {
            p = &k->next;
            continue;
        }
        MN_TRY(tell(w, expired ? MN_CHANGE_EXPIRED : MN_CHANGE_DEL, bucket, k->key, k->told));
        *p = k->next;
        mn_free(k);
    }
    return 0;
}

/* ---- looking ------------------------------------------------------------------------------ */
static void look_again(void *user) {
    mn_buf_clear(&((mn_watcher *)user)->fresh);
}

/* The name without what makes it a record's. */
static size_t name_length(const char *key, size_t n) {
    const char *const mark = memchr(key, MN_OBJECT_MARK, n);
    return mark ? (size_t)(mark - key) : n;
}

static int look_one(void *user, const mn_cell_head *h) {
    mn_watcher *const w = user;
    sight s = {.version = h->version, .expiry = h->expiry};
    mn_cell_copy_out(s.key, h->at->body, h->key);
    const size_t n = name_length(s.key, h->key);
    if (w->exact ? n != w->n : n < w->n) return 0;
    if (memcmp(s.key, w->prefix, w->n)) return 0;
    if (n != h->key && h->key != n + MN_RECORD_NAME) return 0; /* where a log stands */
    return mn_buf_append(&w->fresh, &s, sizeof s);
}

static int look(mn_watcher *w, uint32_t bucket, int quiet) {
    uint64_t word = mn_word_load(mn_bucket(w->r, bucket));
    if (word == w->word[bucket]) return 0;
    const int rc = mn_object_bucket(w->r, bucket, &word, look_again, look_one, w);
    MN_TRY(rc);
    const uint64_t seen = mn_bucket_changes(w->word[bucket]);
    const int undecided = mn_bucket_first(w->word[bucket]) == UNDECIDED;
    const sight *const s = (const sight *)(const void *)w->fresh.data;
    for (known *k = w->names[bucket]; k; k = k->next) k->gone = 1;
    for (size_t i = w->fresh.len / sizeof *s; i--;) { /* the newest stands first */
        const int record = memchr(s[i].key, MN_OBJECT_MARK, strlen(s[i].key)) != NULL;
        uint64_t before = UINT64_MAX;
        if (!record) MN_TRY(remember(w, bucket, s + i, &before));
        if ((s[i].version > seen || (undecided && s[i].version > before)) && !quiet)
            MN_TRY(
                tell(w, record ? MN_CHANGE_RECORD : MN_CHANGE_PUT, bucket, s[i].key, s[i].version));
    }
    MN_TRY(forget(w, bucket, w->expiry ? mn_cell_now() : 0)); /* 0: no known one expires */
    w->word[bucket] = rc > 1 ? mn_bucket_make(mn_bucket_changes(word), UNDECIDED) : word;
    return 0;
}

static int look_everywhere(mn_watcher *w, int quiet) {
    w->looked = mn_clock_ns();
    for (uint32_t b = 0; b < w->r->plan.buckets; b++) MN_TRY(look(w, b, quiet));
    return 0;
}

/* What has changed since. */
static int catch_up(mn_watcher *w) {
    const uint64_t count = mn_topic_count(w->topic);
    int known_all = count - w->count <= RECENT;
    for (uint64_t i = w->count + 1; known_all && i != count + 1; i++) {
        const uint32_t b = mn_topic_change(w->topic, i);
        known_all = b < w->r->plan.buckets;
        if (known_all) MN_TRY(look(w, b, 0));
    }
    if (!known_all) MN_TRY(look_everywhere(w, 0));
    w->count = count;
    return 0;
}

static int expire(mn_watcher *w) {
    const uint64_t now = mn_cell_now();
    if (!w->expiry || w->expiry > now) return 0;
    w->expiry = 0;
    for (uint32_t b = 0; b < w->r->plan.buckets; b++) {
        if (w->names[b]) MN_TRY(forget(w, b, now));
        for (const known *k = w->names[b]; k; k = k->next)
            if (k->expiry && (!w->expiry || k->expiry < w->expiry)) w->expiry = k->expiry;
    }
    return 0;
}

/* ---- the calls ---------------------------------------------------------------------------- */
int mn_watcher_open(mn_region *r, const char *prefix, int exact, int all, mn_watcher **out) {
    *out = NULL;
    MN_TRY(mn_object_key_check(prefix, MN_OBJECT_KEY, !exact));
    MN_TRY(mn_cells_begin(r));
    mn_watcher *w = mn_calloc(1, sizeof *w);
    if (!w) return MN_FAIL(MN_ENOMEM, "no memory to watch '%s'", prefix);
    w->r = r;
    w->n = strlen(prefix);
    w->exact = exact;
    w->last = &w->first;
    memcpy(w->prefix, prefix, w->n);
    w->topic = mn_topic_of(r, prefix, exact ? w->n : mn_topic_folder(prefix, w->n));
    w->word = mn_calloc(r->plan.buckets, sizeof *w->word);
    w->names = mn_calloc(r->plan.buckets, sizeof *w->names);
    w->value = mn_malloc(MN_OBJECT_VALUE + 1);
    int rc =
        w->word && w->names && w->value ? 0 : MN_FAIL(MN_ENOMEM, "no memory to watch '%s'", prefix);
    w->count = mn_topic_count(w->topic);
    if (rc >= 0) rc = look_everywhere(w, !all);
    if (rc < 0) mn_watcher_close(&w);
    *out = w;
    return rc;
}

/* The value of a put or a record, as it is now: 1, or 0 when there is nothing to tell of it: it was
 * told already, or has gone, which will be told. */
static int fetch(mn_watcher *w, event *e, mn_change_head *out) {
    const size_t n = strlen(e->key);
    char *const mark = memchr(e->key, MN_OBJECT_MARK, n);
    known *const k = mark ? NULL : recall(w, e->bucket, e->key);
    if (!mark && (!k || k->told >= e->version)) return 0;
    const int rc = mn_object_look(w->r, e->key, n, w->value, MN_OBJECT_VALUE, &out->head);
    if (rc <= 0) return rc;
    w->value[out->head.size] = 0;
    out->value = w->value;
    if (k) k->told = out->head.version;
    if (!mark) return 1;
    out->number = strtoull(mark + 1, NULL, 16);
    *mark = 0;
    return 1;
}

/* The first event: 1, or 0 when there is nothing to tell of it. */
static int take(mn_watcher *w, mn_change_head *out) {
    event *const e = w->first;
    mn_free(w->told);
    w->told = e;
    if (!(w->first = e->next)) w->last = &w->first;
    *out = (mn_change_head){.kind = e->kind, .key = e->key, .head.version = e->version};
    return e->kind == MN_CHANGE_PUT || e->kind == MN_CHANGE_RECORD ? fetch(w, e, out) : 1;
}

int mn_watcher_next(mn_watcher *w, int64_t timeout_ms, mn_change_head *out) {
    const uint64_t start = mn_clock_ns();
    for (;;) {
        while (w->first) {
            const int rc = take(w, out);
            if (rc) return rc;
        }
        MN_TRY(catch_up(w));
        if (w->first) continue;
        const uint64_t ns = mn_clock_ns();
        if (ns - w->looked >= ROUND) {
            mn_region_reap(w->r);
            MN_TRY(look_everywhere(w, 0));
        }
        MN_TRY(expire(w));
        if (w->first) continue;
        uint64_t wait = ROUND - (ns - w->looked < ROUND ? ns - w->looked : 0);
        if (timeout_ms >= 0) {
            const uint64_t all = (uint64_t)timeout_ms * 1000000, gone = ns - start;
            if (gone >= all) return 0;
            if (all - gone < wait) wait = all - gone;
        }
        const uint64_t now = w->expiry ? mn_cell_now() : 0;
        if (w->expiry && (w->expiry > now ? w->expiry - now : 0) * 1000000 < wait)
            wait = (w->expiry > now ? w->expiry - now : 0) * 1000000 + 1000000;
        mn_topic_sleep(w->topic, w->count, wait);
    }
}

void mn_watcher_close(mn_watcher **pw) {
    mn_watcher *const w = *pw;
    *pw = NULL;
    if (!w) return;
    for (uint32_t b = 0; w->names && b < w->r->plan.buckets; b++)
        for (known *k = w->names[b], *next; k; k = next) next = k->next, mn_free(k);
    for (event *e = w->first, *next; e; e = next) next = e->next, mn_free(e);
    mn_free(w->told);
    mn_free(w->word);
    mn_free(w->names);
    mn_free(w->value);
    mn_buf_free(&w->fresh);
    mn_free(w);
}
