/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/hops.c - links are read step by step: a statement of the store gives one list at a time.
 */
#include "agent/hops.h"

#include "agent/org.h"
#include "agent/words.h"

#include <string.h>

enum { MOST = 64 }; /* of one row, that are followed */

typedef struct ends {
    int64_t id[MOST];
    int n, beside; /* 1: links "with"; 0: those to what it is from, or of */
} ends;

static int take(void *user, int64_t other, const char *what) {
    ends *const e = user;
    const int with = strcmp(what, MN_LINK_WITH) == 0,
              made = strcmp(what, MN_LINK_FROM) == 0 || strcmp(what, MN_LINK_OF) == 0;
    if (e->n < MOST && (e->beside ? with : made)) e->id[e->n++] = other;
    return 0;
}

static int read_links(mn_store *s, int64_t owner, int64_t id, int back, ends *e) {
    const int rc = s->kind->links(s, owner, id, back, take, e);
    return rc < 0 ? rc : 0;
}

/* The mark of their kind stands in the word index: a statement that is kept at hand. */
int mn_hops_any(mn_store *s, int64_t owner) {
    mn_buf mark = {0}, ask = {0};
    int64_t id;
    int rc = mn_words_mark(owner, 'k', "note", &mark);
    if (rc >= 0) rc = mn_buf_printf(&ask, "\"%s\"", mark.data);
    if (rc >= 0) rc = s->kind->match(s, ask.data, &id, 1);
    mn_buf_free(&mark);
    mn_buf_free(&ask);
    return rc;
}

/* Notes beside a note. */
static int beside(mn_store *s, int64_t owner, int64_t note, ends *e) {
    *e = (ends){.beside = 1};
    MN_TRY(read_links(s, owner, note, 0, e));
    return read_links(s, owner, note, 1, e);
}

typedef struct hopping {
    mn_store *s;
    int64_t owner;
    mn_hop *hop; /* [MN_HOPS] */
    int n, from;
    int64_t start;
} hopping;

static void put(hopping *h, int64_t to, int neighbours) {
    if (to == h->start || h->n == MN_HOPS) return;
    for (int i = h->n; i-- && h->hop[i].from == h->from;)
        if (h->hop[i].to == to) return;
    h->hop[h->n++] = (mn_hop){h->from, to, neighbours};
}

/* By one note of the record. */
static int hop_by(hopping *h, int64_t note) {
    ends others;
    MN_TRY(beside(h->s, h->owner, note, &others));
    for (int i = 0; i < others.n; i++) {
        ends theirs, of = {.beside = 0};
        MN_TRY(beside(h->s, h->owner, others.id[i], &theirs));
        MN_TRY(read_links(h->s, h->owner, others.id[i], 0, &of));
        for (int k = 0; k < of.n; k++) put(h, of.id[k], theirs.n);
    }
    return 0;
}

int mn_hops_of(mn_store *s, int64_t owner, const int64_t *ids, int n, mn_arena *arena,
               mn_hop **hops, int *count) {
    hopping h = {.s = s, .owner = owner};
    MN_TRY(mn_arena_take(arena, MN_HOPS * sizeof *h.hop, &h.hop));
    for (h.from = 0; h.from < n; h.from++) {
        ends notes = {.beside = 0};
        h.start = ids[h.from];
        MN_TRY(read_links(s, owner, h.start, 1, &notes));
        for (int i = 0; i < notes.n; i++) MN_TRY(hop_by(&h, notes.id[i]));
    }
    *hops = h.hop;
    *count = h.n;
    return 0;
}
