/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/graph.c - telling a graph something, and keeping what it says true at one time only.
 */
#include "agent/graph.h"

#include "agent/graph_names.h"
#include "agent/notes_inside.h"
#include "base/when.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- what an edge is made of ---------------------------------------------------------------- */
static int words_of(const char *what, const char *text, char out[MN_NAME_MAX + 8]) {
    const size_t n = strlen(text);
    if (n > MN_NAME_MAX)
        return MN_FAIL(MN_ETOOLONG, "the %s of a triple has %zu bytes; %d are allowed", what, n,
                       MN_NAME_MAX);
    if (!mn_graph_words(text, n, out))
        return MN_FAIL(MN_EINVAL, "the %s of a triple has no word", what);
    return 0;
}

int mn_graph_key(const mn_triple *t, char out[MN_FIELD_MAX]) {
    char s[MN_NAME_MAX + 8], r[MN_NAME_MAX + 8], o[MN_NAME_MAX + 8] = "";
    MN_TRY(words_of("subject", t->subject, s));
    MN_TRY(words_of("relation", t->relation, r));
    if (t->many && *t->object) MN_TRY(words_of("object", t->object, o));
    snprintf(out, MN_FIELD_MAX, "%s | %s%s%s", s, r, *o ? " | " : "", o);
    return 0;
}

int mn_graph_meta(mn_org *c, const mn_triple *t, const char **meta) {
    json_t *const j = json_pack("{s:s, s:s, s:s}", "subject", t->subject, "relation", t->relation,
                                "object", t->object);
    const size_t n = j ? json_dumpb(j, NULL, 0, JSON_COMPACT) : 0;
    char *out = NULL;
    int rc = n ? mn_arena_take(&c->arena, n + 1, &out)
               : MN_FAIL(MN_EINVAL, "a triple cannot be written down");
    if (rc >= 0) json_dumpb(j, out, n, JSON_COMPACT);
    json_decref(j);
    *meta = out;
    return rc;
}

int mn_graph_part(const mn_row *row, const char *part, char out[MN_FIELD_MAX]) {
    json_t *const j = json_loads(row->meta, 0, NULL);
    const char *const text = json_string_value(json_object_get(j, part));
    const int is = text && strlen(text) < MN_FIELD_MAX;
    if (is) strcpy(out, text);
    json_decref(j);
    return is;
}

/* ---- intervals ------------------------------------------------------------------------------ */
typedef struct telling {
    mn_org *c;
    mn_ops *ops;
    mn_row *row;                  /* what is told */
    char object[MN_NAME_MAX + 8]; /* in words */
    int64_t same;                 /* a record that says so already */
    int ended;                    /* the one that says so ends earlier, as is known now */
    struct {
        int64_t id, at;
    } end[64]; /* others, that end where this begins */
    int ends;
} telling;

static int overlaps(const mn_row *a, const mn_row *b) {
    const int before = a->until != MN_NEVER && a->until <= b->from;
    const int behind = b->until != MN_NEVER && b->until <= a->from;
    return !before && !behind;
}

static void meet_same(telling *t, const mn_row *was) {
    const mn_row *const now = t->row;
    t->same = was->id;
    t->ended = now->until != MN_NEVER && (was->until == MN_NEVER || was->until > now->until);
}

/* Is it the same statement? One that begins later is another, and so is any that begins at another
 * moment, where each telling counts. */
static int is_same(const telling *t, const mn_row *was) {
    const mn_row *const now = t->row;
    if (now->from == MN_NEVER || was->from == MN_NEVER) return !t->same;
    if (t->same || !overlaps(was, now)) return 0;
    return t->c->exact ? was->from == now->from : was->from <= now->from;
}

static int meet(void *user, const mn_row *was) {
    telling *const t = user;
    mn_row *const now = t->row;
    char object[MN_FIELD_MAX], words[MN_NAME_MAX + 8];
    if (was->of || !mn_org_made(was) || !mn_graph_part(was, "object", object)) return 0;
    if (was->until != MN_NEVER && was->until == was->from) return 0; /* it never was true */
    mn_graph_words(object, strlen(object), words);
    if (strcmp(words, t->object) == 0 && is_same(t, was)) {
        meet_same(t, was);
    } else if (now->from != MN_NEVER && was->from != MN_NEVER) {
        if (was->from > now->from) {
            if (now->until == MN_NEVER || now->until > was->from) now->until = was->from;
        } else if ((was->until == MN_NEVER || was->until > now->from) && t->ends < 64) {
            t->end[t->ends].id = was->id;
            t->end[t->ends++].at = now->from;
        }
    }
    return 0;
}

/* Those of the list that are not there yet. */
static void meet_new(telling *t) {
    const int n = t->ops->n;
    for (int i = 0; i < n; i++) {
        mn_op *const op = t->ops->op + i;
        if (op->kind != MN_OP_ADD || strcmp(op->row.kind, t->row->kind) != 0 ||
            strcmp(op->row.ref, t->row->ref) != 0)
            continue;
        mn_row was = op->row;
        was.id = -i - 1;
        meet(t, &was);
    }
}

static int end_one(telling *t, int64_t id, int64_t at) {
    if (id > 0) return mn_ops_invalidate(t->c, t->ops, id, at);
    t->ops->op[-id - 1].row.until = at;
    return 0;
}

int mn_graph_tell(mn_org *c, mn_row *row, const char *object, mn_ops *ops, int64_t *id) {
    telling t = {.c = c, .ops = ops, .row = row};
    mn_graph_words(object, strlen(object), t.object);
    MN_TRY(mn_org_rows(c, (mn_rows){.kind = row->kind, .ref = row->ref}, meet, &t));
    meet_new(&t);
    for (int i = 0; i < t.ends; i++) MN_TRY(end_one(&t, t.end[i].id, t.end[i].at));
    *id = t.same;
    if (t.same > 0) MN_TRY(mn_ops_source(c, ops, t.same));
    if (t.same) return t.ended ? end_one(&t, t.same, row->until) : 0;
    return mn_ops_add(c, ops, row, id);
}

/* ---- what is no longer true ----------------------------------------------------------------- */
typedef struct closing {
    telling t;
    const mn_triple *triple;
} closing;

static int close_one(void *user, const mn_row *was) {
    closing *const c = user;
    const int64_t at = c->triple->from;
    char object[MN_FIELD_MAX], words[MN_NAME_MAX + 8];
    if (was->of || !mn_org_made(was) || !mn_graph_part(was, "object", object)) return 0;
    mn_graph_words(object, strlen(object), words);
    if (*c->t.object && strcmp(words, c->t.object) != 0) return 0;
    const int open = was->until == MN_NEVER || was->until > at;
    if (was->from == MN_NEVER || was->from > at || !open || c->t.ends == 64) return 0;
    c->t.end[c->t.ends].id = was->id;
    c->t.end[c->t.ends++].at = at;
    return 0;
}

int mn_graph_end(mn_org *c, const char *kind, const mn_triple *t, mn_ops *ops) {
    closing all = {.t = {.c = c, .ops = ops}, .triple = t};
    char key[MN_FIELD_MAX];
    if (t->from == MN_NEVER) return 0;
    mn_graph_words(t->object, strlen(t->object), all.t.object);
    for (int many = 0; many < 2; many++) { /* whichever way it was told */
        mn_triple as = *t;
        as.many = many;
        MN_TRY(mn_graph_key(&as, key));
        MN_TRY(mn_org_rows(c, (mn_rows){.kind = kind, .ref = key}, close_one, &all));
    }
    for (int i = 0; i < all.t.ends; i++) MN_TRY(end_one(&all.t, all.t.end[i].id, all.t.end[i].at));
    return 0;
}

/* ---- telling -------------------------------------------------------------------------------- */
/* The entity of a name: one that is there, one of the list, or a new one; *name is what it is
 * called. */
static int entity(mn_org *c, const char **name, mn_ops *ops, int64_t *id) {
    char words[MN_NAME_MAX + 8], is[MN_NAME_MAX + 8];
    MN_TRY(words_of("name", *name, words));
    for (int i = 0; i < ops->n; i++) {
        const mn_op *const op = ops->op + i;
        if (op->kind != MN_OP_ADD || strcmp(op->row.kind, "entity") != 0) continue;
        *id = -i - 1;
        if (strcmp(op->row.ref, words) == 0) return 0;
    }
    MN_TRY(mn_graph_name_find(c, words, id, is));
    if (!*id) {
        mn_row row = mn_org_row(c, "entity", *name, strlen(*name));
        row.ref = words;
        return mn_ops_add(c, ops, &row, id);
    }
    MN_TRY(mn_ops_source(c, ops, *id));
    if (strcmp(is, words) != 0) { /* it goes by another name */
        char *copy;
        MN_TRY(mn_arena_take(&c->arena, strlen(is) + 1, &copy));
        strcpy(copy, is);
        *name = copy;
    }
    return 0;
}

static int sentence(mn_org *c, const mn_triple *t, mn_row *row) {
    char *text;
    if (t->text) return 0;
    row->n = strlen(t->subject) + strlen(t->relation) + strlen(t->object) + 2;
    MN_TRY(mn_arena_take(&c->arena, row->n + 1, &text));
    snprintf(text, row->n + 1, "%s %s %s", t->subject, t->relation, t->object);
    row->text = text;
    return 0;
}

int mn_graph_put(mn_org *c, const mn_triple *given, mn_ops *ops) {
    mn_triple t = *given;
    char key[MN_FIELD_MAX], when[MN_WHEN_TEXT];
    int64_t subject, object, id;
    if (t.ends) return mn_graph_end(c, "edge", &t, ops);
    if (t.from != MN_NEVER && t.until != MN_NEVER && t.until < t.from)
        return MN_FAIL(MN_EINVAL, "%s %s %s: it ends %lld microseconds before it begins", t.subject,
                       t.relation, t.object, (long long)(t.from - t.until));
    MN_TRY(entity(c, &t.subject, ops, &subject));
    MN_TRY(entity(c, &t.object, ops, &object));
    MN_TRY(mn_graph_key(&t, key));
    mn_row row = mn_org_row(c, "edge", t.text, t.text ? strlen(t.text) : 0);
    MN_TRY(sentence(c, &t, &row));
    MN_TRY(mn_graph_meta(c, &t, &row.meta));
    row.ref = key;
    row.from = t.from;
    row.until = t.until;
    if (t.from != MN_NEVER) row.time = mn_when_text(t.from, when);
    MN_TRY(mn_graph_tell(c, &row, t.object, ops, &id));
    MN_TRY(mn_ops_link(c, ops, id, subject, "subject"));
    return mn_ops_link(c, ops, id, object, "object");
}

/* ---- from elsewhere ------------------------------------------------------------------------- */
static int add_all(mn_org *c, const mn_triple *t, size_t count) {
    const size_t from = c->arena.used;
    for (size_t i = 0; i < count; i++) {
        mn_ops ops = {0};
        MN_TRY(mn_graph_put(c, t + i, &ops));
        MN_TRY(mn_org_apply(c, &ops));
        if (c->arena.used - from < 1 << 20) continue;
        mn_arena_free(&c->arena);
    }
    return 0;
}

int mn_graph_add(mn_notes *n, const mn_who *who, const mn_triple *t, size_t count) {
    mn_org c = {
        .by = &mn_organiser_zep,
        .notes = n,
        .who = {who->tenant, who->user, who->agent ? who->agent : "", who->run ? who->run : ""},
        .arena = {.what = "triples"},
        .inside = 1,
        .exact = 1,
        .now = mn_when_now()};
    if (!who->user || !*who->user)
        return MN_FAIL(MN_EINVAL, "no user is given: whose triples these are is never guessed");
    MN_TRY(mn_notes_begin(n, 1));
    int rc =
        n->store->kind->owner(n->store, who->tenant ? who->tenant : "", who->user, 1, &c.owner);
    if (rc >= 0) rc = add_all(&c, t, count);
    rc = (int)mn_notes_end(n, rc);
    mn_graph_names_free(&c.names);
    mn_arena_free(&c.arena);
    return rc;
}
