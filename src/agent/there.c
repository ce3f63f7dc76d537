/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/there.c - lists of rows by the hash of what they say, oldest first, in one table.
 *
 * Rows of a file mostly come in the order of the store, so the one that is looked for is the first
 * of its list, and leaves it when it is taken.
 */
#include "agent/there.h"

#include "agent/notes.h"
#include "base/hash.h"

#include <string.h>

typedef struct entry {
    uint64_t key;
    int64_t id, created; /* id: of a row, or of a record */
    uint32_t next;       /* index + 1; 0: it is the last */
} entry;
typedef struct chain {
    uint32_t first, last; /* index + 1; 0: it is empty */
} chain;

enum { FIRST_CHAINS = 1024, ENTRIES_MAX = 1 << 30 };

void mn_there_free(mn_there *t) {
    mn_buf_free(&t->row);
    mn_buf_free(&t->chain);
    mn_buf_free(&t->number);
    mn_buf_free(&t->numbers);
}

/* ---- the table ---------------------------------------------------------------------------- */
static chain *chain_of(const mn_buf *chains, uint64_t key) {
    const size_t n = chains->len / sizeof(chain);
    if (!n) return NULL;
    return (chain *)chains->data + (key * 0x9e3779b97f4a7c15u >> 32) % n;
}

static void link_entry(mn_buf *entries, mn_buf *chains, uint32_t at) {
    entry *const e = (entry *)entries->data;
    chain *const c = chain_of(chains, e[at].key);
    e[at].next = 0;
    if (c->last)
        e[c->last - 1].next = at + 1;
    else
        c->first = at + 1;
    c->last = at + 1;
}

/* Twice as many lists. What was taken stands in none. */
static int more_chains(mn_buf *entries, mn_buf *chains) {
    const size_t n = chains->len ? 2 * chains->len : FIRST_CHAINS * sizeof(chain);
    MN_TRY(mn_buf_reserve(chains, n - chains->len));
    chains->len = n;
    memset(chains->data, 0, n);
    for (uint32_t i = 0; i < entries->len / sizeof(entry); i++)
        if (((entry *)entries->data)[i].id) link_entry(entries, chains, i);
    return 0;
}

static int put(mn_buf *entries, mn_buf *chains, uint64_t key, int64_t id, int64_t created) {
    const entry e = {.key = key, .id = id, .created = created};
    const size_t n = entries->len / sizeof e;
    entries->what = chains->what = "what is there already";
    if (n == ENTRIES_MAX) return MN_FAIL(MN_EFULL, "a store of %zu records is too large", n);
    if (n >= chains->len / sizeof(chain)) MN_TRY(more_chains(entries, chains));
    MN_TRY(mn_buf_append(entries, &e, sizeof e));
    link_entry(entries, chains, (uint32_t)n);
    return 0;
}

/* ---- rows --------------------------------------------------------------------------------- */
static uint64_t hash_of(const mn_row *r) {
    const char *const text[] = {r->time,   r->session, r->speaker, r->ref,
                                r->source, r->agent,   r->run};
    uint64_t hash[8] = {mn_hash64(r->text, r->n)};
    for (size_t i = 0; i < 7; i++) hash[i + 1] = mn_hash64(text[i], strlen(text[i]));
    return mn_hash64(hash, sizeof hash);
}

static int read_row(void *user, const mn_row *r) {
    mn_there *const t = user;
    t->after = r->id;
    return put(&t->row, &t->chain, hash_of(r), r->id, r->created);
}

int mn_there_read(mn_there *t, mn_store *s, int64_t owner) {
    const mn_rows which = {
        .owner = owner, .after = t->after, .agent = t->agent, .run = t->run, .versions = MN_BEHIND};
    const int rc = s->kind->rows(s, &which, read_row, t);
    return rc < 0 ? rc : 0;
}

typedef struct match {
    const mn_row *row;
    int64_t id; /* of the record; 0: it is another one */
} match;

static int compare(void *user, const mn_row *r) {
    match *const m = user;
    const mn_row *const w = m->row;
    const char *const a[] = {r->time, r->session, r->speaker, r->ref, r->source, r->agent, r->run};
    const char *const b[] = {w->time, w->session, w->speaker, w->ref, w->source, w->agent, w->run};
    if (r->n != w->n || memcmp(r->text, w->text, r->n) != 0) return 0;
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        if (strcmp(a[i], b[i]) != 0) return 0;
    if (w->created == MN_NEVER || w->created == r->created) m->id = r->of ? r->of : r->id;
    return 0;
}

int mn_there_take(mn_there *t, mn_store *s, int64_t owner, const mn_row *row, int64_t *id) {
    const uint64_t key = hash_of(row);
    chain *const c = chain_of(&t->chain, key);
    entry *const all = (entry *)t->row.data;
    *id = 0;
    for (uint32_t at = c ? c->first : 0, before = 0; at; before = at, at = all[at - 1].next) {
        entry *const e = all + at - 1;
        match m = {.row = row};
        if (e->key != key || (row->created != MN_NEVER && e->created != row->created)) continue;
        MN_TRY(s->kind->fetch(s, owner, &e->id, 1, compare, &m));
        if (!m.id) continue;
        if (before)
            all[before - 1].next = e->next;
        else
            c->first = e->next;
        if (c->last == at) c->last = before;
        e->id = 0;
        *id = m.id;
        return 1;
    }
    return 0;
}

/* ---- numbers ------------------------------------------------------------------------------ */
static entry *find_number(const mn_there *t, int64_t number) {
    const chain *const c = chain_of(&t->numbers, (uint64_t)number);
    entry *const all = (entry *)t->number.data;
    for (uint32_t at = c ? c->first : 0; at; at = all[at - 1].next)
        if (all[at - 1].key == (uint64_t)number) return all + at - 1;
    return NULL;
}

int mn_there_name(mn_there *t, int64_t number, int64_t id) {
    entry *const e = find_number(t, number);
    if (!e) return put(&t->number, &t->numbers, (uint64_t)number, id, 0);
    e->id = id;
    return 0;
}

int64_t mn_there_named(const mn_there *t, int64_t number) {
    const entry *const e = find_number(t, number);
    return e ? e->id : 0;
}
