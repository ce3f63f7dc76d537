/* SPDX-License-Identifier: Apache-2.0
 *
 * region/object.c - objects put, read and deleted (region/cell.h says why this is right).
 */
#include "region/change.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "region/journal.h"

#include <string.h>

enum { TRIES = MN_CHANGE_TRIES };

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
        if (mn_cell_has_key(h, hash, key, n)) {
            mn_cell_head commit;
            const mn_verdict says = mn_cell_verdict(r, h, &commit);
            if (says == MN_SAYS_VALUE) return 1;
            if (says == MN_SAYS_GONE) return 0;
        }
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

/* What stands in a bucket that has parts of commits. */
typedef struct parts {
    int open, over;
    mn_cell_head commit[MN_CELL_CHAIN]; /* of those that are undecided */
    mn_cell_head part[MN_CELL_CHAIN];   /* that counts */
} parts;

/* Does the next cell of a chain count, as far as others of its key go? */
static int counts(const mn_region *r, parts *p, const mn_cell_head *h) {
    const mn_verdict says = mn_cell_verdict(r, h, p->commit + p->open);
    p->open += says == MN_SAYS_OPEN;
    if (says == MN_SAYS_OPEN || says == MN_SAYS_NOTHING) return 0;
    for (int i = 0; i < p->over; i++)
        if (mn_cell_same_key(p->part + i, h)) return 0;
    if (h->kind) p->part[p->over++] = *h;
    return says == MN_SAYS_VALUE;
}

/* Was there a moment when none of them was decided, but all others were? */
static int still_open(const parts *p) {
    for (int i = 0; i < p->open; i++)
        if (!mn_commit_open(p->commit + i)) return 0;
    return 1;
}

int mn_object_bucket(mn_region *r, uint32_t bucket, uint64_t *word, void (*again)(void *user),
                     int (*each)(void *user, const mn_cell_head *h), void *user) {
    mn_word *const at = mn_bucket(r, bucket);
    mn_cell_head h;
    parts p;
    for (int tries = 0; tries < TRIES; tries++) {
        int steps = 0, rc = 0, whole = 1;
        *word = mn_word_load(at);
        p.open = p.over = 0;
        again(user);
        for (uint32_t i = mn_bucket_first(*word); i && rc >= 0; i = h.next) {
            if (steps++ == MN_CELL_CHAIN || !mn_cell_read(r, i, &h)) {
                whole = 0;
                break;
            }
            if (!counts(r, &p, &h)) continue;
            if (!h.expiry || !mn_cell_expired(&h, mn_cell_now())) rc = each(user, &h);
        }
        MN_TRY(rc);
        if (!still_open(&p) || mn_word_load(at) != *word) continue;
        return whole ? 1 + (p.open != 0) : damaged(r, "a chain");
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
    int rc = mn_object_key_check(prefix, MN_OBJECT_KEY, 1), any = 0;
    uint64_t word;
    /* Nobody ever put anything: the buckets have no pages, and get none by being looked at. */
    for (int c = 0; c < MN_REGION_CELLS; c++) any |= mn_cells_ready(r, c) > 0;
    if (rc >= 0 && !any) return 0;
    for (uint32_t b = 0; !rc && b < r->plan.buckets; b++) {
        if (!mn_bucket_first(mn_word_peek(mn_bucket(r, b)))) continue;
        rc = mn_object_bucket(r, b, &word, list_again, list_one, &l);
        const entry *const e = (const entry *)(const void *)l.found.data;
        if (rc > 0) rc = 0;
        for (size_t i = 0; !rc && i < l.found.len / sizeof *e; i++)
            rc = each(user, e[i].key, e[i].n, &e[i].head);
    }
    mn_buf_free(&l.found);
    return rc;
}

/* ---- changing ----------------------------------------------------------------------------- */
int mn_object_expire(mn_region *r) {
    int n = 0;
    mn_changing c = {.r = r};
    MN_TRY(mn_cells_begin(r));
    mn_cells_announce(r);
    for (uint32_t b = 0; b < r->plan.buckets; b++) {
        if (!mn_bucket_first(mn_word_peek(mn_bucket(r, b)))) continue;
        c.hash = b;
        const int rc = mn_change_carry_out(&c);
        if (rc == MN_EFULL) continue; /* no cell for a copy: another time */
        MN_TRY(rc);
        n += c.open < c.goes ? 0 : c.goes;
    }
    return n;
}

static int put_once(mn_changing *c, const void *value, size_t n) {
    MN_TRY(mn_cell_claim(c->r, c->n, n, &c->mine));
    c->mine.hash = c->hash;
    c->mine.born = mn_cell_now();
    c->mine.expiry = c->how && c->how->ttl_ms ? c->mine.born + c->how->ttl_ms : 0;
    mn_cell_fill(c->r, &c->mine, c->key, value);
    return mn_change_carry_out(c);
}

/* It is done, and everybody sees it; now it is made to last. */
static int make_last(mn_changing *c, const void *value, int gone) {
    const mn_object_head head = {c->version, c->done.expiry, c->done.born, c->done.value, 0};
    if (!c->durable) return 0;
    MN_TRY(mn_journal_add(c->r, c->key, c->n, value, &head, gone, !c->how || !c->how->lazy));
    if (!gone) mn_cell_mark_logged(&c->done);
    return 0;
}

int mn_region_put(mn_region *r, const char *key, const void *value, size_t n, const mn_put *how,
                  uint64_t *version) {
    mn_changing c;
    MN_TRY(mn_change_begin(&c, r, key, how));
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
    mn_changing c;
    MN_TRY(mn_change_begin(&c, r, key, how));
    MN_TRY(mn_change_carry_out(&c));
    c.done = (mn_cell_head){0};
    return c.found ? make_last(&c, NULL, 1) : 0;
}

int mn_object_put_back(mn_region *r, const char *key, const void *value,
                       const mn_object_head *head) {
    const mn_put how = {.hidden = 1, .durable = 1};
    mn_changing c;
    MN_TRY(mn_change_begin(&c, r, key, &how));
    c.restored = head->version;
    MN_TRY(mn_cell_claim(r, c.n, head->size, &c.mine));
    c.mine.hash = c.hash;
    c.mine.born = head->born;
    c.mine.expiry = head->expiry;
    mn_cell_fill(r, &c.mine, key, value);
    MN_TRY(mn_change_carry_out(&c));
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
