/* SPDX-License-Identifier: Apache-2.0
 *
 * region/change.c - a bucket gets another chain (region/cell.h says why this is right).
 *
 * A put builds [its cell] -> [copies of those that stood before the old one] -> [what stood behind
 * it] and swaps the bucket; a delete the same without its cell. What it meets that has expired, or
 * that commits left (region/commit.c), goes on the way. With 65,536 buckets a chain is a few cells
 * long, and what changes often stands at its head, where nothing needs copying.
 *
 * Never is a part copied whose commit is undecided: who needs its key, or must copy it, stops that
 * commit first. Who only tidies up leaves it alone.
 */
#include "region/change.h"

#include "base/error.h"
#include "base/hash.h"

#include <string.h>

typedef unsigned long long ull;

/* Does a part that counts stand before it, of the same key? */
static int shadowed(const mn_changing *c, const mn_cell_head *h) {
    for (int i = 0, left = c->parts; left; i++) {
        if (!c->over[i]) continue;
        if (mn_cell_same_key(c->old + i, h)) return 1;
        left--;
    }
    return 0;
}

/* Does the next cell of the chain stay? */
static int look_at(mn_changing *c, const mn_cell_head *h) {
    mn_cell_head commit;
    const mn_verdict says = mn_cell_verdict(c->r, h, &commit);
    const int same = c->key && mn_cell_has_key(h, c->hash, c->key, c->n);
    c->over[c->seen] = 0;
    if (says == MN_SAYS_OPEN) {
        if (c->open < 0) c->open = c->seen, c->first = commit;
        if (same && !c->rival.at) c->rival = commit;
        return 1;
    }
    if (says == MN_SAYS_NOTHING || (c->parts && shadowed(c, h))) return 0;
    if (same) c->durable |= h->durable;
    const int expired = mn_cell_expired(h, c->now);
    if (h->kind) c->over[c->seen] = 1, c->parts++;
    if (says == MN_SAYS_GONE) return 0;
    if (same && !expired) {
        c->found = 1, c->version = h->version;
        c->lasts = h->durable, c->expiry = h->expiry;
    }
    return !same && (!expired || c->open >= 0);
}

/* What leaves the chain is everything up to the last cell that must. 0: it is not whole. */
static int survey(mn_changing *c) {
    mn_cell_head *h;
    c->seen = c->goes = c->found = c->lasts = c->parts = 0;
    c->version = c->expiry = 0;
    c->open = -1;
    c->rival.at = NULL;
    c->word = mn_word_load(mn_bucket(c->r, c->hash));
    c->tail = mn_bucket_first(c->word);
    for (uint32_t i = c->tail; i; i = h->next) {
        if (c->seen == MN_CELL_CHAIN || !mn_cell_read(c->r, i, h = c->old + c->seen)) return 0;
        const int stays = look_at(c, h);
        c->stays[c->seen++] = (uint8_t)stays;
        if (stays) continue;
        c->goes = c->seen;
        c->tail = h->next;
    }
    if (c->open < 0) c->open = c->seen;
    return 1;
}

int mn_change_survey(mn_changing *c) {
    const int whole = survey(c);
    if (mn_word_load(mn_bucket(c->r, c->hash)) != c->word) return 0;
    return whole ? 1
                 : MN_FAIL(MN_ECORRUPT,
                           "the objects of %s are damaged (a chain); remove it to begin anew",
                           c->r->file.path);
}

/* A part that counts becomes a cell like any other. Who tidies up makes do with cells there are:
 * another would hold no less memory than what it is for. */
static int copy_cell(mn_changing *c, const mn_cell_head *from, mn_cell_head *to) {
    if (!c->key && !mn_cell_claim_ready(c->r, from->key, from->value, to)) return MN_EFULL;
    if (c->key) MN_TRY(mn_cell_claim(c->r, from->key, from->value, to));
    for (uint32_t i = 0; i < (from->key + 7) / 8 + (from->value + 7) / 8; i++)
        mn_word_store(to->at->body + i, mn_word_load(from->at->body + i));
    mn_word_store(&to->at->hash, from->hash);
    mn_word_store(&to->at->expiry, from->expiry);
    mn_word_store(&to->at->born, from->born);
    mn_word_store(&to->at->version, from->version);
    to->durable = from->durable;
    mn_cell_say(to);
    mn_word_store(&to->at->writer, mn_part_writer(c->r, from));
    return 0;
}

/* The new chain, ready to be swapped in: cell + 1 of its first. What is copied may be nonsense by
 * then, if the bucket has changed; the swap fails then. */
static int build(mn_changing *c, uint32_t *first) {
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
void mn_change_settle(const mn_changing *c, mn_cell_head *h, uint64_t swapped) {
    mn_cell_settle(h);
    if (mn_word_load(mn_bucket(c->r, c->hash)) != swapped) mn_cell_mend(c->r, h->index, 0);
}

/* It is done: wake who waits, then tidy up. */
static void finish(mn_changing *c, uint64_t swapped) {
    if (c->key) mn_topics_touch(c->r, c->key, c->n, (uint32_t)(c->hash & (c->r->plan.buckets - 1)));
    if (c->mine.at) mn_change_settle(c, &c->mine, swapped);
    for (int i = 0; i < c->copies; i++) mn_change_settle(c, c->copy + i, swapped);
    for (int i = 0, k = 0; i < c->goes; i++) {
        const uint64_t tag = mn_cell_free(c->old + i);
        if (c->stays[i] && tag & MN_CELL_LOGGED) mn_cell_mark_logged(c->copy + k);
        k += c->stays[i];
    }
    c->mine.at = NULL;
}

int mn_change_allowed(const mn_changing *c) {
    const mn_put *const how = c->how;
    if (how && how->plain && c->lasts)
        return MN_FAIL(MN_EINVAL,
                       "'%.*s' is durable: a commit takes only what is not; change it by itself",
                       (int)c->n, c->key);
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

/* Is an undecided part in the way? Who needs its place stops its commit. */
static int in_the_way(mn_changing *c) {
    if (!c->rival.at && c->open >= c->goes) return 0;
    if (c->key) mn_commit_stop(c->rival.at ? &c->rival : &c->first);
    return 1;
}

/* 1: done; 0: another was faster. */
static int attempt(mn_changing *c) {
    uint32_t first = 0;
    mn_word *const bucket = mn_bucket(c->r, c->hash);
    int rc = mn_change_survey(c);
    if (rc <= 0) return rc;
    if (in_the_way(c)) return c->key ? 0 : 1;
    rc = mn_change_allowed(c);
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

int mn_change_carry_out(mn_changing *c) {
    int rc = 0;
    c->now = mn_cell_now();
    for (int tries = 0; !rc && tries < MN_CHANGE_TRIES; tries++) rc = attempt(c);
    if (!rc) rc = MN_FAIL(MN_EBUSY, "'%.*s' changes too fast", (int)c->n, c->key ? c->key : "");
    if (c->mine.at) mn_cell_free(&c->mine);
    c->mine.at = NULL;
    return rc < 0 ? rc : 0;
}

int mn_change_begin(mn_changing *c, mn_region *r, const char *key, const mn_put *how) {
    c->r = r, c->key = key, c->n = strlen(key), c->how = how, c->mine.at = NULL;
    c->durable = how && how->durable;
    c->restored = 0;
    if (!how || !how->hidden) MN_TRY(mn_object_key_check(key, MN_OBJECT_KEY, 0));
    MN_TRY(mn_cells_begin(r));
    mn_cells_announce(r);
    c->hash = mn_hash64(key, c->n);
    return 0;
}
