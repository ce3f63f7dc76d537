/* SPDX-License-Identifier: Apache-2.0
 *
 * region/commit.c - several objects change at once, or not at all.
 *
 * 1. A cell for the commit (OPEN when it is complete: which parts it has, and where), and a *part*
 *    for each key: the new value of a put, nothing of a delete or a check.
 * 2. In the order of their hashes, each part is put in front of the chain of its bucket, the old
 *    cell of the key staying where it is, if the key has the version that was asked for, and nobody
 *    else's part is there: an OPEN commit that has one is given a moment, then stopped (VOID).
 * 3. One compare-and-swap, OPEN -> DONE. It fails if another stopped us: parts go, a pause, again.
 *    Nobody has changed any of the keys since its part was put there, for whoever does stops us
 *    first; so all that was checked holds in that moment, and all changes in it.
 * 4. Who watches is woken; `writer` of each part says what came of it; the buckets are tidied up;
 *    the commit's cell is free.
 *
 * No step waits for another, and a death in any leaves what readers understand: a commit that is
 * OPEN and says nothing, or DONE and says all. Whoever buries the dead stops what is OPEN and does
 * step 4. A part never goes back into a chain, and a commit is of one generation of its cell, so a
 * name in `writer` is never that of another. Two commits that want each other's keys may stop each
 * other; pauses of random length, longer each time, end that.
 *
 * A value's own time to live is looked at once more before step 3; a durable object cannot be
 * changed so, for the journal has no record of several. One edit alone is a put or a delete.
 */
#include "region/change.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"

#include <sched.h>
#include <string.h>
#include <time.h>

enum { TRIES = 1 << 14, MANNERS = 64, PAUSES_NS = 1 << 20 };
typedef unsigned long long ull;

/* `writer` of a part: PART | 39 bits of the generation << 24 | its commit's cell + 1, or VOID, or
 * the process id of who put it: it counts. */
#define PART ((uint64_t)1 << 63)
#define VOID ((uint64_t)1 << 62)
static uint64_t ref_of(const mn_cell_head *h) {
    return PART | (mn_tag_generation(h->tag) << 25 >> 1 & ~PART) | (h->index + 1);
}

/* ---- what parts say ----------------------------------------------------------------------- */
static mn_verdict when_done(const mn_cell_head *h) {
    return h->kind == MN_EDIT_PUT   ? MN_SAYS_VALUE
           : h->kind == MN_EDIT_DEL ? MN_SAYS_GONE
                                    : MN_SAYS_NOTHING;
}

mn_verdict mn_part_verdict(const mn_region *r, const mn_cell_head *h, mn_cell_head *commit) {
    uint64_t word = mn_word_load(&h->at->writer), was;
    do {
        if (!(word & PART)) return word & VOID ? MN_SAYS_NOTHING : when_done(h);
        if (!mn_cell_find(r, (uint32_t)(word & 0xffffff), commit)) return MN_SAYS_NOTHING;
        const int phase = mn_tag_phase(commit->tag);
        if (ref_of(commit) == word && phase >= MN_COMMIT_OPEN)
            return phase == MN_COMMIT_OPEN   ? MN_SAYS_OPEN
                   : phase == MN_COMMIT_DONE ? when_done(h)
                                             : MN_SAYS_NOTHING;
        was = word;
        word = mn_word_load(&h->at->writer); /* what came of it was written before it was free */
    } while (word != was);
    return MN_SAYS_NOTHING; /* no part any more: who reads it will see that */
}

uint64_t mn_part_writer(const mn_region *r, const mn_cell_head *h) {
    const uint64_t word = mn_word_load(&h->at->writer);
    mn_cell_head commit;
    if (!(word & PART)) return word & ~VOID;
    const int there = mn_cell_find(r, (uint32_t)(word & 0xffffff), &commit);
    return there ? mn_word_load(&commit.at->writer) & ~(PART | VOID) : 0;
}

int mn_commit_open(const mn_cell_head *commit) {
    return mn_word_load(&commit->at->tag) == commit->tag;
}

/* OPEN -> phase: 1, or 0 when it was no longer OPEN. */
static int decide(const mn_cell_head *commit, int phase) {
    const uint64_t tag = commit->tag;
    return mn_tag_phase(tag) == MN_COMMIT_OPEN &&
           mn_word_cas(&commit->at->tag, tag,
                       mn_tag_make(mn_tag_generation(tag), mn_state_owner(tag), phase));
}
void mn_commit_stop(const mn_cell_head *commit) {
    decide(commit, MN_COMMIT_VOID);
}

/* ---- the end of a commit ------------------------------------------------------------------ */
/* What is of no use in a bucket goes, if cells are there for what must be copied; else whoever
 * changes it next does it. */
static void tidy(mn_region *r, mn_changing *c, uint64_t hash) {
    c->r = r, c->key = NULL, c->n = 0, c->how = NULL, c->mine.at = NULL;
    c->hash = hash;
    c->durable = 0;
    c->restored = 0;
    mn_change_carry_out(c);
}

/* Part `ref` no longer needs its commit. */
static void release(const mn_region *r, uint64_t ref, uint64_t commit, uint64_t came) {
    mn_cell_head part;
    if (mn_cell_find(r, (uint32_t)(ref & 0xffffff), &part))
        mn_word_cas(&part.at->writer, commit, came);
}

/* A decided commit ends: its first n parts, which it lists, then itself. */
static void end(mn_region *r, mn_changing *c, mn_cell_head *commit, int n) {
    const int done = mn_tag_phase(mn_word_load(&commit->at->tag)) == MN_COMMIT_DONE;
    const uint64_t came = done ? mn_word_load(&commit->at->writer) & ~(PART | VOID) : VOID;
    const mn_word *const list = commit->at->body;
    for (int i = 0; i < n; i++) release(r, mn_word_load(list + 2 * i), ref_of(commit), came);
    for (int i = 0; i < n; i++) tidy(r, c, mn_word_load(list + 2 * i + 1));
    mn_cell_free(commit);
}

void mn_commit_bury(mn_region *r, const mn_cell_head *commit) {
    mn_changing c;
    mn_cell_head h;
    mn_commit_stop(commit);
    if (!mn_cell_read(r, commit->index + 1, &h)) h = *commit; /* damaged: it has no parts */
    const uint32_t n = h.value / (2 * sizeof(mn_word));
    mn_cells_announce(r);
    end(r, &c, &h, n < MN_EDITS ? (int)n : MN_EDITS);
}

/* ---- a commit ----------------------------------------------------------------------------- */
typedef struct part {
    mn_edit *edit;
    size_t key; /* bytes */
    uint64_t hash;
    mn_cell_head cell; /* at NULL: not ours any more */
} part;

typedef struct commit {
    mn_region *r;
    mn_cell_head cell;
    int n, in;       /* parts that are in their chains: the first ones */
    uint64_t expiry; /* when the first of what it relies on goes; 0: never */
    part part[MN_EDITS];
    mn_changing c;
} commit;

static int claim(commit *k) {
    mn_region *const r = k->r;
    MN_TRY(mn_cell_claim(r, 0, (size_t)k->n * 2 * sizeof(mn_word), &k->cell));
    mn_cell_say(&k->cell);
    mn_word_store(&k->cell.at->writer, r->pid);
    for (int i = 0; i < k->n; i++) {
        part *const p = k->part + i;
        const int put = p->edit->kind == MN_EDIT_PUT;
        MN_TRY(mn_cell_claim(r, p->key, put ? p->edit->n : 0, &p->cell));
        p->cell.hash = p->hash;
        p->cell.born = mn_cell_now();
        p->cell.kind = (int)p->edit->kind;
        mn_cell_fill(r, &p->cell, p->edit->key, p->edit->value);
        mn_word_store(&p->cell.at->writer, ref_of(&k->cell));
        mn_word_store(k->cell.at->body + 2 * i, ref_of(&p->cell));
        mn_word_store(k->cell.at->body + 2 * i + 1, p->hash);
    }
    const uint64_t tag = k->cell.tag;
    k->cell.tag = mn_tag_make(mn_tag_generation(tag), mn_state_owner(tag), MN_COMMIT_OPEN);
    mn_word_cas(&k->cell.at->tag, tag, k->cell.tag);
    return 0;
}

/* Another's commit has a part of a key of ours: it may be nearly done. */
static void make_way(const mn_cell_head *rival, int tries) {
    for (int i = 0; i < MANNERS << (tries < 6 ? tries : 6) && mn_commit_open(rival); i++)
        mn_word_fence();
    mn_commit_stop(rival);
}

/* May the part stand there? */
static int allowed(commit *k, const part *p) {
    const mn_changing *const c = &k->c;
    const mn_edit *const e = p->edit;
    const mn_put how = {.check = e->check || e->kind == MN_EDIT_CHECK,
                        .version = e->version,
                        .hidden = 1,
                        .plain = e->kind != MN_EDIT_CHECK};
    k->c.how = &how;
    const int rc = mn_change_allowed(&k->c);
    k->c.how = NULL;
    MN_TRY(rc);
    if (how.check && c->expiry && (!k->expiry || c->expiry < k->expiry)) k->expiry = c->expiry;
    return 0;
}

/* The part in front of its chain: 1; 0: the commit was stopped. */
static int insert(commit *k, part *p, int tries) {
    mn_changing *const c = &k->c;
    c->r = k->r, c->key = p->edit->key, c->n = p->key, c->hash = p->hash;
    c->durable = 0;
    for (;;) {
        if (!mn_commit_open(&k->cell)) return 0;
        c->now = mn_cell_now();
        c->mine = p->cell;
        int rc = mn_change_survey(c);
        MN_TRY(rc);
        if (!rc) continue;
        if (c->rival.at) {
            make_way(&c->rival, tries);
            continue;
        }
        MN_TRY(allowed(k, p));
        const uint64_t changes = mn_bucket_changes(c->word) + 1;
        const uint64_t word = mn_bucket_make(changes, p->cell.index + 1);
        p->cell.version = changes;
        mn_word_store(&p->cell.at->version, changes);
        mn_word_store(&p->cell.at->next, mn_bucket_first(c->word));
        if (!mn_word_cas(mn_bucket(k->r, p->hash), c->word, word)) continue;
        k->in++;
        mn_change_settle(c, &p->cell, word);
        return 1;
    }
}

static void tell(const commit *k) {
    for (int i = 0; i < k->n; i++) {
        const part *const p = k->part + i;
        if (p->edit->kind == MN_EDIT_CHECK) continue;
        p->edit->version = p->cell.version;
        mn_topics_touch(k->r, p->edit->key, p->key, (uint32_t)(p->hash & (k->r->plan.buckets - 1)));
    }
}

/* 1: done; 0: stopped by another. */
static int try_once(commit *k, int tries) {
    k->in = 0;
    k->expiry = 0;
    for (int i = 0; i < k->n; i++) k->part[i].cell.at = NULL;
    k->cell.at = NULL;
    int rc = claim(k), open = rc >= 0;
    for (int i = 0; i < k->n && rc >= 0; i++)
        if (!(rc = insert(k, k->part + i, tries))) break;
    if (rc > 0 && k->expiry && k->expiry <= mn_cell_now()) rc = 0; /* it has just gone */
    if (rc > 0) rc = decide(&k->cell, MN_COMMIT_DONE);
    if (rc > 0)
        tell(k);
    else if (open)
        mn_commit_stop(&k->cell);
    if (open) {
        end(k->r, &k->c, &k->cell, k->in);
    } else if (k->cell.at) {
        mn_cell_free(&k->cell);
    }
    for (int i = k->in; i < k->n; i++)
        if (k->part[i].cell.at) mn_cell_free(&k->part[i].cell);
    return rc;
}

/* Random, longer each time. */
static void pause_a_while(const commit *k, int tries) {
    uint64_t state = mn_clock_ns() ^ k->r->pid << 40 ^ (uint64_t)k->r->me << 32;
    const int shift = tries < 12 ? tries : 12;
    const uint64_t ns = mn_random_mix(&state) % ((uint64_t)(PAUSES_NS >> 12) << shift);
    if (ns > 60000)
        nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
    else if (tries > 2)
        sched_yield();
}

static int order(const part *a, const part *b) {
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return strcmp(a->edit->key, b->edit->key);
}

/* Edits as parts, in the order of their hashes. */
static int prepare(commit *k, mn_edit *edits) {
    for (int i = 0; i < k->n; i++) {
        mn_edit *const e = edits + i;
        MN_TRY(mn_object_key_check(e->key, MN_OBJECT_KEY, 0));
        if (e->kind != MN_EDIT_CHECK && e->kind != MN_EDIT_PUT && e->kind != MN_EDIT_DEL)
            return MN_FAIL(MN_EINVAL, "edit %d ('%s') is of no kind there is", i + 1, e->key);
        if (e->kind == MN_EDIT_PUT && e->n > MN_OBJECT_VALUE)
            return MN_FAIL(MN_ETOOLONG, "a value of %zu bytes: an object takes at most %d", e->n,
                           MN_OBJECT_VALUE);
        const size_t n = strlen(e->key);
        const part p = {.edit = e, .key = n, .hash = mn_hash64(e->key, n)};
        int at = i;
        for (; at && order(k->part + at - 1, &p) > 0; at--) k->part[at] = k->part[at - 1];
        k->part[at] = p;
    }
    for (int i = 1; i < k->n; i++)
        if (!order(k->part + i - 1, k->part + i))
            return MN_FAIL(MN_EINVAL, "'%s' is there twice: a commit takes each key once",
                           k->part[i].edit->key);
    return 0;
}

/* Of one alone. */
static int only(mn_region *r, mn_edit *e) {
    const mn_put how = {.check = e->check, .version = e->version, .hidden = 1, .plain = 1};
    if (e->kind == MN_EDIT_PUT) return mn_region_put(r, e->key, e->value, e->n, &how, &e->version);
    if (e->kind == MN_EDIT_DEL) return mn_region_del(r, e->key, &how);
    mn_object_head head = {0};
    MN_TRY(mn_object_look(r, e->key, strlen(e->key), NULL, 0, &head));
    if (head.version == e->version) return 0;
    return MN_FAIL(MN_ECONFLICT, "'%s' has version %llu, not %llu (0: absent); read it again",
                   e->key, (ull)head.version, (ull)e->version);
}

static int several(commit *k) {
    int rc = 0, full = 0;
    for (int tries = 0; tries < TRIES; tries++) {
        rc = try_once(k, tries);
        if (rc > 0) return 0;
        if (rc == MN_EFULL && !full++) { /* the dead may have left cells, and what has expired */
            mn_region_reap(k->r);
            if (mn_object_expire(k->r) <= 0) return rc;
        } else if (rc < 0) {
            return rc;
        }
        pause_a_while(k, tries);
    }
    return MN_FAIL(MN_EBUSY, "others stopped the commit of '%s' and %d more keys %d times",
                   k->part[0].edit->key, k->n - 1, TRIES);
}

int mn_region_commit(mn_region *r, mn_edit *edits, int n) {
    commit k;
    if (n < 1 || n > MN_EDITS)
        return MN_FAIL(MN_EINVAL, "a commit of %d edits: it takes 1 to %d", n, MN_EDITS);
    k.r = r;
    k.n = n;
    MN_TRY(prepare(&k, edits));
    MN_TRY(mn_cells_begin(r));
    mn_cells_announce(r);
    return n == 1 ? only(r, edits) : several(&k);
}
