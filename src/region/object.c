/* SPDX-License-Identifier: Apache-2.0
 *
 * region/object.c - objects put, read and deleted (region/cell.h says why this is right).
 *
 * A put builds [its cell] -> [copies of those that stood before the old one] -> [what stood behind
 * it] and swaps the bucket; a delete the same without its cell. Expired cells that it meets go on
 * the way. With 65,536 buckets a chain is a few cells long, and what changes often stands at its
 * head, where nothing needs copying.
 */
#include "region/object.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "region/journal.h"

#include <string.h>

enum { TRIES = 1 << 20 }; /* each failure was somebody's success */

typedef unsigned long long ull;

int mn_object_key_check(const char *key, size_t most, int empty) {
    const size_t n = strlen(key);
    if ((!n && !empty) || n > most)
        return MN_FAIL(MN_EINVAL, "a key of %zu bytes: it takes %d to %zu", n, !empty, most);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)key[i] < 32 || key[i] == 127)
            return MN_FAIL(MN_EINVAL, "byte %zu of the key is the control character %d", i + 1,
                           key[i]);
    return mn_utf8_check("the key", key, n);
}

static int damaged(const mn_region *r, const char *what) {
    return MN_FAIL(MN_ECORRUPT, "the objects of %s are damaged (%s); remove it to begin anew",
                   r->file.path, what);
}

/* ---- reading ------------------------------------------------------------------------------ */
/* The cell of the key in a chain: 1, 0: none, -1: the chain is not whole. */
static int find(const mn_region *r, uint64_t word, uint64_t hash, const char *key, size_t n,
                mn_cell_head *h) {
    uint32_t i = mn_bucket_first(word);
    for (int steps = 0; i; steps++) {
        if (steps == MN_CELL_CHAIN || !mn_cell_read(r, i, h)) return -1;
        if (mn_cell_has_key(h, hash, key, n)) return 1;
        i = h->next;
    }
    return 0;
}

static mn_object_head head_of(const mn_cell_head *h) {
    return (mn_object_head){h->version, h->expiry, h->born, h->value,
                            (h->tag & MN_CELL_LOGGED) != 0};
}

int mn_object_look(mn_region *r, const char *key, size_t n, void *out, size_t cap,
                   mn_object_head *head) {
    const uint64_t hash = mn_hash64(key, n);
    mn_word *const bucket = mn_bucket(r, hash);
    mn_cell_head h;
    for (int tries = 0; tries < TRIES; tries++) {
        const uint64_t word = mn_word_load(bucket);
        const int found = find(r, word, hash, key, n, &h);
        if (mn_word_load(bucket) != word) continue;
        if (found < 0) return damaged(r, "a chain");
        if (!found || (h.expiry && mn_cell_expired(&h, mn_cell_now()))) return 0;
        mn_cell_copy_out(out, mn_cell_value(&h), h.value < cap ? h.value : cap);
        if (!mn_cell_same(&h)) continue;
        if (head) *head = head_of(&h);
        return 1;
    }
    return MN_FAIL(MN_EBUSY, "'%.*s' changes faster than it can be read", (int)n, key);
}

int mn_region_get(mn_region *r, const char *key, void *out, size_t cap, mn_object_head *head) {
    mn_object_head h;
    MN_TRY(mn_object_key_check(key, MN_OBJECT_KEY, 0));
    const int rc = mn_object_look(r, key, strlen(key), out, cap, &h);
    if (rc < 0) return rc;
    if (!rc) return MN_FAIL(MN_ENOENT, "there is no object '%s' in %s", key, r->file.path);
    if (head) *head = h;
    return (int)h.size;
}

int mn_object_bucket(mn_region *r, uint32_t bucket, uint64_t *word, void (*again)(void *user),
                     int (*each)(void *user, const mn_cell_head *h), void *user) {
    mn_word *const at = mn_bucket(r, bucket);
    mn_cell_head h;
    for (int tries = 0; tries < TRIES; tries++) {
        int steps = 0, rc = 0, whole = 1;
        *word = mn_word_load(at);
        again(user);
        for (uint32_t i = mn_bucket_first(*word); i && rc >= 0; i = h.next) {
            if (steps++ == MN_CELL_CHAIN || !mn_cell_read(r, i, &h)) {
                whole = 0;
                break;
            }
            if (!h.expiry || !mn_cell_expired(&h, mn_cell_now())) rc = each(user, &h);
        }
        MN_TRY(rc);
        if (mn_word_load(at) != *word) continue;
        return whole ? 1 : damaged(r, "a chain");
    }
    return MN_FAIL(MN_EBUSY, "bucket %u of %s changes faster than it can be read", bucket,
                   r->file.path);
}

typedef struct listing {
    const char *prefix;
    size_t n;
    mn_buf found; /* of entries */
} listing;
typedef struct entry {
    mn_object_head head;
    size_t n;
    char key[MN_OBJECT_KEY + 1];
} entry;

static void list_again(void *user) {
    mn_buf_clear(&((listing *)user)->found);
}
static int list_one(void *user, const mn_cell_head *h) {
    listing *const l = user;
    entry e = {.head = head_of(h), .n = h->key};
    mn_cell_copy_out(e.key, h->at->body, h->key);
    if (e.n < l->n || memcmp(e.key, l->prefix, l->n)) return 0;
    return mn_buf_append(&l->found, &e, sizeof e);
}

int mn_object_each(mn_region *r, const char *prefix,
                   int (*each)(void *user, const char *key, size_t n, const mn_object_head *head),
                   void *user) {
    listing l = {.prefix = prefix, .n = strlen(prefix)};
    int rc = mn_object_key_check(prefix, MN_OBJECT_KEY, 1);
    uint64_t word;
    for (uint32_t b = 0; rc >= 0 && b < r->plan.buckets; b++) {
        if (!mn_bucket_first(mn_word_peek(mn_bucket(r, b)))) continue;
        rc = mn_object_bucket(r, b, &word, list_again, list_one, &l);
        const entry *const e = (const entry *)(const void *)l.found.data;
        for (size_t i = 0; rc >= 0 && i < l.found.len / sizeof *e; i++)
            if ((rc = each(user, e[i].key, e[i].n, &e[i].head))) break;
        if (rc == 1) rc = 0;
    }
    mn_buf_free(&l.found);
    return rc;
}

/* ---- changing ----------------------------------------------------------------------------- */
typedef struct change {
    mn_region *r;
    const char *key; /* NULL: expired ones go, and nothing else */
    size_t n;
    const mn_put *how;
    uint64_t hash, word, now;
    mn_cell_head mine; /* at NULL: delete */
    uint32_t tail;     /* cell + 1 behind the last that goes */
    int seen, goes, copies;
    int found;         /* there is such an object, and this is its version */
    int durable;       /* it is to be logged: it was asked for, or the one before was */
    uint64_t restored; /* from the log: the version it had; 0: a new one */
    mn_cell_head done; /* `mine`, when it has been swapped in */
    uint64_t version;  /* in the end, its new one */
    mn_cell_head old[MN_CELL_CHAIN], copy[MN_CELL_CHAIN];
    uint8_t stays[MN_CELL_CHAIN]; /* old cell i is copied */
} change;

/* The chain as it is: what leaves it is everything up to the last cell that must. 0: not whole. */
static int survey(change *c) {
    mn_cell_head *h;
    c->seen = c->goes = c->found = 0;
    c->version = 0;
    c->word = mn_word_load(mn_bucket(c->r, c->hash));
    c->tail = mn_bucket_first(c->word);
    for (uint32_t i = c->tail; i; i = h->next) {
        if (c->seen == MN_CELL_CHAIN || !mn_cell_read(c->r, i, h = c->old + c->seen)) return 0;
        const int expired = mn_cell_expired(h, c->now);
        const int same = c->key && mn_cell_has_key(h, c->hash, c->key, c->n);
        c->stays[c->seen++] = !expired && !same;
        if (!expired && !same) continue;
        if (!expired) c->found = 1, c->version = h->version;
        if (same) c->durable |= h->durable;
        c->goes = c->seen;
        c->tail = h->next;
    }
    return 1;
}

static int copy_cell(change *c, const mn_cell_head *from, mn_cell_head *to) {
    MN_TRY(mn_cell_claim(c->r, from->key, from->value, to));
    for (uint32_t i = 0; i < (from->key + 7) / 8 + (from->value + 7) / 8; i++)
        mn_word_store(to->at->body + i, mn_word_load(from->at->body + i));
    mn_word_store(&to->at->hash, from->hash);
    mn_word_store(&to->at->expiry, from->expiry);
    mn_word_store(&to->at->born, from->born);
    mn_word_store(&to->at->version, from->version);
    to->durable = from->durable;
    mn_cell_say(to);
    mn_word_store(&to->at->writer, mn_word_load(&from->at->writer));
    return 0;
}

/* The new chain, ready to be swapped in: cell + 1 of its first. What is copied may be nonsense by
 * then, if the bucket has changed; the swap fails then. */
static int build(change *c, uint32_t *first) {
    mn_word *link = c->mine.at ? &c->mine.at->next : NULL;
    *first = c->mine.at ? c->mine.index + 1 : c->tail;
    for (int i = 0; i < c->goes; i++) {
        if (!c->stays[i]) continue;
        mn_cell_head *const to = c->copy + c->copies;
        MN_TRY(copy_cell(c, c->old + i, to));
        c->copies++;
        if (link)
            mn_word_store(link, to->index + 1);
        else
            *first = to->index + 1;
        link = &to->at->next;
    }
    if (link) mn_word_store(link, c->tail);
    return 0;
}

/* A cell of ours that has been swapped in is LIVE. If the bucket has changed since, another may
 * have taken it out and died before it was free, while nobody but us could call it LIVE. */
static void settle(const change *c, mn_cell_head *h, uint64_t swapped) {
    mn_cell_settle(h);
    if (mn_word_load(mn_bucket(c->r, c->hash)) != swapped) mn_cell_mend(c->r, h->index, 0);
}

/* It is done: wake who waits, then tidy up. */
static void finish(change *c, uint64_t swapped) {
    if (c->key) mn_topics_touch(c->r, c->key, c->n, (uint32_t)(c->hash & (c->r->plan.buckets - 1)));
    if (c->mine.at) settle(c, &c->mine, swapped);
    for (int i = 0; i < c->copies; i++) settle(c, c->copy + i, swapped);
    for (int i = 0, k = 0; i < c->goes; i++) {
        const uint64_t tag = mn_cell_free(c->old + i);
        if (c->stays[i] && tag & MN_CELL_LOGGED) mn_cell_mark_logged(c->copy + k);
        k += c->stays[i];
    }
    c->mine.at = NULL;
}

/* May it be done? 1; 0: nothing is left to do. */
static int allowed(const change *c) {
    const mn_put *const how = c->how;
    if (how && how->check && how->version != c->version)
        return MN_FAIL(MN_ECONFLICT, "'%.*s' has version %llu, not %llu (0: absent); read it again",
                       (int)c->n, c->key, (ull)c->version, (ull)how->version);
    if (c->mine.at && c->seen >= MN_CELL_CHAIN - 1)
        return MN_FAIL(MN_EFULL, "%d objects of %s share a bucket: delete some", c->seen,
                       c->r->file.path);
    if (c->mine.at || !c->key || c->found) return c->mine.at || c->goes;
    return how && how->hidden ? 0
                              : MN_FAIL(MN_ENOENT, "there is no object '%.*s' in %s", (int)c->n,
                                        c->key, c->r->file.path);
}

/* 1: done; 0: another was faster. */
static int attempt(change *c) {
    uint32_t first = 0;
    mn_word *const bucket = mn_bucket(c->r, c->hash);
    const int whole = survey(c);
    if (mn_word_load(bucket) != c->word) return 0;
    if (!whole) return damaged(c->r, "a chain");
    int rc = allowed(c);
    if (rc <= 0) return rc < 0 ? rc : 1;
    const uint64_t next = mn_bucket_changes(c->word) + 1;
    const uint64_t changes = c->restored > next ? c->restored : next;
    const uint64_t version = c->restored ? c->restored : changes;
    if (c->mine.at) {
        mn_word_store(&c->mine.at->version, version);
        c->mine.durable = c->durable;
        mn_cell_say(&c->mine);
    }
    c->copies = 0;
    rc = build(c, &first);
    if (rc >= 0 && mn_word_cas(bucket, c->word, mn_bucket_make(changes, first))) {
        c->version = version;
        c->done = c->mine;
        finish(c, mn_bucket_make(changes, first));
        return 1;
    }
    while (c->copies) mn_cell_free(c->copy + --c->copies);
    return rc;
}

/* Until it is done; a cell of ours that was not needed is free again. */
static int carry_out(change *c) {
    int rc = 0;
    c->now = mn_cell_now();
    for (int tries = 0; !rc && tries < TRIES; tries++) rc = attempt(c);
    if (!rc) rc = MN_FAIL(MN_EBUSY, "'%.*s' changes too fast", (int)c->n, c->key ? c->key : "");
    if (c->mine.at) mn_cell_free(&c->mine);
    c->mine.at = NULL;
    return rc < 0 ? rc : 0;
}

int mn_object_expire(mn_region *r) {
    int n = 0;
    change c = {.r = r};
    MN_TRY(mn_cells_begin(r));
    mn_cells_announce(r);
    for (uint32_t b = 0; b < r->plan.buckets; b++) {
        if (!mn_bucket_first(mn_word_peek(mn_bucket(r, b)))) continue;
        c.hash = b;
        MN_TRY(carry_out(&c));
        n += c.goes;
    }
    return n;
}

static int put_once(change *c, const void *value, size_t n) {
    MN_TRY(mn_cell_claim(c->r, c->n, n, &c->mine));
    c->mine.hash = c->hash;
    c->mine.born = mn_cell_now();
    c->mine.expiry = c->how && c->how->ttl_ms ? c->mine.born + c->how->ttl_ms : 0;
    mn_cell_fill(c->r, &c->mine, c->key, value);
    return carry_out(c);
}

/* A change of this key is about to begin. */
static int begin(change *c, mn_region *r, const char *key, const mn_put *how) {
    c->r = r, c->key = key, c->n = strlen(key), c->how = how, c->mine.at = NULL;
    c->durable = how && how->durable;
    c->restored = 0;
    if (!how || !how->hidden) MN_TRY(mn_object_key_check(key, MN_OBJECT_KEY, 0));
    MN_TRY(mn_cells_begin(r));
    mn_cells_announce(r);
    c->hash = mn_hash64(key, c->n);
    return 0;
}

/* It is done, and everybody sees it; now it is made to last. */
static int make_last(change *c, const void *value, int gone) {
    const mn_object_head head = {c->version, c->done.expiry, c->done.born, c->done.value, 0};
    if (!c->durable) return 0;
    MN_TRY(mn_journal_add(c->r, c->key, c->n, value, &head, gone, !c->how || !c->how->lazy));
    if (!gone) mn_cell_mark_logged(&c->done);
    return 0;
}

int mn_region_put(mn_region *r, const char *key, const void *value, size_t n, const mn_put *how,
                  uint64_t *version) {
    change c;
    MN_TRY(begin(&c, r, key, how));
    if (n > MN_OBJECT_VALUE)
        return MN_FAIL(MN_ETOOLONG, "a value of %zu bytes: an object takes at most %d", n,
                       MN_OBJECT_VALUE);
    int rc = put_once(&c, value, n);
    if (rc == MN_EFULL) { /* the dead may have left cells, and what has expired may go */
        mn_region_reap(r);
        if (mn_object_expire(r) > 0) rc = put_once(&c, value, n);
    }
    if (rc >= 0 && version) *version = c.version;
    return rc < 0 ? rc : make_last(&c, value, 0);
}

int mn_region_del(mn_region *r, const char *key, const mn_put *how) {
    change c;
    MN_TRY(begin(&c, r, key, how));
    MN_TRY(carry_out(&c));
    c.done = (mn_cell_head){0};
    return c.found ? make_last(&c, NULL, 1) : 0;
}

int mn_object_put_back(mn_region *r, const char *key, const void *value,
                       const mn_object_head *head) {
    const mn_put how = {.hidden = 1, .durable = 1};
    change c;
    MN_TRY(begin(&c, r, key, &how));
    c.restored = head->version;
    MN_TRY(mn_cell_claim(r, c.n, head->size, &c.mine));
    c.mine.hash = c.hash;
    c.mine.born = head->born;
    c.mine.expiry = head->expiry;
    mn_cell_fill(r, &c.mine, key, value);
    MN_TRY(carry_out(&c));
    mn_cell_mark_logged(&c.done);
    return 0;
}

void mn_object_raise(mn_region *r, const char *key, size_t n, uint64_t version) {
    mn_word *const bucket = mn_bucket(r, mn_hash64(key, n));
    for (;;) {
        const uint64_t word = mn_word_load(bucket);
        if (mn_bucket_changes(word) >= version) return;
        if (mn_word_cas(bucket, word, mn_bucket_make(version, mn_bucket_first(word)))) return;
    }
}
