/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org_forget.c - what organisers made of a record goes when the record does.
 *
 * A list of rows that lost what they link to is worked off until it is empty. One that was made of
 * what is gone goes, with all it was before; one that says the same as several episodes goes with
 * the last of them, and so do its former versions, which said the same. Others that a row was made
 * of are shown to its organiser again.
 */
#include "agent/notes_inside.h"

#include <string.h>

typedef struct orphan {
    int64_t id;
    int made; /* of it: no other can stand in */
} orphan;

typedef struct asking {
    mn_orphans *o;
    mn_notes *notes;
    int sources;
} asking;

static int note(void *user, int64_t other, const char *what) {
    asking *const a = user;
    const orphan one = {other, strcmp(what, MN_LINK_FROM) != 0};
    return strcmp(what, MN_LINK_WITH) == 0 ? 0 : mn_buf_append(&a->o->left, &one, sizeof one);
}

int mn_orphans_of(mn_notes *n, int64_t owner, int64_t id, mn_orphans *o) {
    asking a = {.o = o};
    const int rc = n->store->kind->links(n->store, owner, id, 1, note, &a);
    return rc < 0 ? rc : 0;
}

void mn_orphans_free(mn_orphans *o) {
    mn_buf_free(&o->left);
    mn_arena_free(&o->arena);
}

static int count_source(void *user, int64_t other, const char *what) {
    (void)other;
    asking *const a = user;
    a->sources += strcmp(what, MN_LINK_FROM) == 0;
    return 0;
}

typedef struct list {
    mn_arena *arena;
    mn_row *row;
    int n, cap;
} list;

static int keep(void *user, const mn_row *row) {
    list *const l = user;
    if (l->n == l->cap) {
        const size_t was = (size_t)l->cap * sizeof *l->row;
        l->cap = l->cap ? 2 * l->cap : 8;
        MN_TRY(mn_arena_grow(l->arena, l->row, was, (size_t)l->cap * sizeof *l->row, &l->row));
    }
    return mn_row_keep(l->arena, row, &l->row[l->n++]);
}

typedef struct target {
    int64_t id[64];
    int n;
} target;

static int keep_target(void *user, int64_t other, const char *what) {
    target *const t = user;
    if (strcmp(what, MN_LINK_OF) == 0 && t->n < 64) t->id[t->n++] = other;
    return 0;
}

/* The record, and all it was before. */
static int drop(mn_notes *n, int64_t owner, const mn_row *row, mn_orphans *o) {
    list all = {.arena = &o->arena};
    target made_of = {.n = 0};
    const mn_rows which = {.owner = owner, .id = row->id, .versions = 1};
    MN_TRY(n->store->kind->links(n->store, owner, row->id, 0, keep_target, &made_of));
    for (int i = 0; i < made_of.n; i++)
        MN_TRY(n->store->kind->queue_again(n->store, made_of.id[i]));
    MN_TRY(n->store->kind->rows(n->store, &which, keep, &all));
    for (int i = 0; i < all.n; i++) {
        MN_TRY(mn_orphans_of(n, owner, all.row[i].id, o));
        MN_TRY(mn_notes_drop(n, owner, all.row + i));
    }
    return 0;
}

int mn_orphans_follow(mn_notes *n, int64_t owner, mn_orphans *o) {
    while (o->left.len) {
        orphan one;
        asking a = {.o = o};
        list l = {.arena = &o->arena};
        o->left.len -= sizeof one;
        memcpy(&one, o->left.data + o->left.len, sizeof one);
        MN_TRY(n->store->kind->links(n->store, owner, one.id, 0, count_source, &a));
        if (!one.made && a.sources) continue;
        MN_TRY(n->store->kind->fetch(n->store, owner, &one.id, 1, keep, &l));
        if (l.n) MN_TRY(drop(n, owner, l.row, o));
    }
    return 0;
}

/* ---- an episode that says something else ---------------------------------------------------- */
static int keep_id(void *user, int64_t other, const char *what) {
    (void)what;
    mn_orphans *const o = user;
    return mn_buf_append(&o->left, &other, sizeof other);
}

static int end_one(mn_notes *n, const mn_who *who, const mn_row *row, int64_t at) {
    const int says = strcmp(row->kind, "fact") == 0 || strcmp(row->kind, "edge") == 0;
    if (row->of || !says || row->until != MN_NEVER || at == MN_NEVER) return 0;
    mn_row now = *row;
    now.until = row->from != MN_NEVER && row->from > at ? row->from : at;
    return mn_notes_change(n, who, row->id, &now);
}

static int end_all(mn_notes *n, const mn_who *who, int64_t owner, int64_t at, mn_orphans *o) {
    for (size_t i = 0; i < o->left.len / sizeof(int64_t); i++) {
        int64_t id;
        asking a = {.o = o};
        list l = {.arena = &o->arena};
        memcpy(&id, o->left.data + i * sizeof id, sizeof id);
        MN_TRY(n->store->kind->links(n->store, owner, id, 0, count_source, &a));
        if (a.sources != 1) continue;
        MN_TRY(n->store->kind->fetch(n->store, owner, &id, 1, keep, &l));
        if (l.n) MN_TRY(end_one(n, who, l.row, at));
    }
    return 0;
}

int mn_orphans_end(mn_notes *n, const mn_who *who, int64_t owner, int64_t id, int64_t at) {
    mn_orphans o = {.arena = {.what = "what was made of a record"}};
    int rc = n->store->kind->links(n->store, owner, id, 1, keep_id, &o);
    if (rc >= 0) rc = end_all(n, who, owner, at, &o);
    mn_orphans_free(&o);
    return rc < 0 ? rc : 0;
}
