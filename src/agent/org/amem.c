/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/amem.c - notes that know each other, after "A-MEM: Agentic Memory for LLM Agents" (Xu
 * et al., 2025).
 *
 * Every message gets a note: keywords, a sentence of context, tags. A model writes it (first
 * question); then it sees the five messages that are most like it, with their notes, and says which
 * belong together and how the notes of all five read in the light of the new one (second question).
 * Links run from note to note; searches follow them (agent/hops.h). A note that is written anew
 * leaves its former version, which `history` shows.
 *
 *   note   text: context, "keywords: ..", "tags: .."; ref: "of ID", the message; meta: {"context",
 *          "keywords", "tags"}; links: "from" (later "of") the message, "with" other notes
 *
 * Ours differs: what was said is no part of the note, and never written; the five are found by
 * agent/org_near.h, so there is nothing to index again every hundred changes; they are called by
 * number, and an answer that leaves one out changes none. Without a model, or when what it says is
 * no answer, the rarest words are the keywords, and a note is linked to the three messages of other
 * conversations that are most like it, if they are like enough.
 */
#include "agent/org/amem.h"

#include <stdio.h>
#include <string.h>

enum { KEYWORDS = 5, LINKS = 3 };
/* As agent/org_near.h measures: with vectors, and by words alone. */
static const double LIKE = 0.9, LIKE_WORDS = 0.3;

typedef struct noting {
    mn_org *c;
    const mn_row *episode;
    const char *text;
    size_t n;
    mn_rare rare[MN_RARE];
    int rares;
    mn_amem note;
    mn_near near[MN_AMEM_NEAR];
    mn_row of[MN_AMEM_NEAR]; /* their notes */
    int count;
    int linked[MN_AMEM_NEAR];
} noting;

/* ---- notes that are there ------------------------------------------------------------------- */
typedef struct one_note {
    mn_org *c;
    mn_row row; /* id 0: there is none */
} one_note;

static int keep_note(void *user, const mn_row *row) {
    one_note *const o = user;
    return mn_org_made(row) && !o->row.id ? mn_row_keep(&o->c->arena, row, &o->row) : 0;
}

static void name_note(int64_t episode, char out[32]) {
    snprintf(out, 32, "of %lld", (long long)episode);
}

static int note_of(mn_org *c, int64_t episode, mn_row *out) {
    char ref[32];
    one_note o = {.c = c};
    name_note(episode, ref);
    MN_TRY(mn_org_rows(c, (mn_rows){.kind = "note", .ref = ref}, keep_note, &o));
    *out = o.row;
    return 0;
}

/* Those that have a note themselves. */
static int has_note(void *user, const mn_near *one) {
    noting *const t = user;
    const int at = t->count;
    MN_TRY(note_of(t->c, one->id, t->of + at));
    t->count += t->of[at].id != 0;
    return t->count > at;
}

/* ---- by rules ------------------------------------------------------------------------------- */
static void rules_note(noting *t) {
    t->note = (mn_amem){.context = NULL};
    for (int i = 0; i < t->rares && t->note.keywords < KEYWORDS; i++)
        t->note.keyword[t->note.keywords++] = t->rare[i].spoken;
}

static void rules_links(noting *t) {
    for (int i = 0; i < t->count && i < LINKS; i++)
        t->linked[i] = t->near[i].like >= (t->near[i].dense ? LIKE : LIKE_WORDS);
}

/* ---- by a model ----------------------------------------------------------------------------- */
/* A note that reads otherwise now; true since then. */
static int write_anew(noting *t, const mn_row *was, const mn_amem *now, mn_ops *ops) {
    const mn_row *const e = t->episode;
    const int64_t at = e->from == MN_NEVER ? t->c->now : e->from;
    mn_amem note;
    mn_row row = *was;
    MN_TRY(mn_amem_read(t->c, was, &note));
    note.context = now->context;
    note.tags = now->tags;
    memcpy(note.tag, now->tag, sizeof note.tag);
    MN_TRY(mn_amem_write(t->c, &note, &row));
    if (row.n == was->n && memcmp(row.text, was->text, row.n) == 0) return 0;
    if (row.from == MN_NEVER || row.from < at) row.from = at;
    row.time = "";
    return mn_ops_update(t->c, ops, was->id, &row);
}

/* 1: the links are decided. */
static int ask_change(noting *t, mn_ops *ops) {
    mn_amem_other other[MN_AMEM_NEAR];
    mn_amem_change change;
    for (int i = 0; i < t->count; i++)
        other[i] = (mn_amem_other){.said = &t->near[i].row, .note = t->of + i};
    const int rc = mn_amem_ask_change(t->c, t->episode, t->text, t->n, other, t->count, &change);
    if (rc <= 0) return rc;
    memcpy(t->linked, change.linked, sizeof t->linked);
    if (change.own.tags) {
        t->note.tags = change.own.tags;
        memcpy(t->note.tag, change.own.tag, sizeof t->note.tag);
    }
    for (int i = 0; i < t->count; i++)
        if (change.anew[i]) MN_TRY(write_anew(t, t->of + i, change.other + i, ops));
    return 1;
}

/* ---- the note ------------------------------------------------------------------------------- */
static int put_note(noting *t, mn_ops *ops) {
    char ref[32];
    mn_row was, row = mn_org_row(t->c, "note", "", 0);
    int64_t id;
    MN_TRY(mn_amem_write(t->c, &t->note, &row));
    if (!row.n) return 0; /* it has no word */
    MN_TRY(note_of(t->c, t->episode->id, &was));
    name_note(t->episode->id, ref);
    row.ref = ref;
    row.speaker = t->episode->speaker;
    row.time = t->episode->time;
    row.from = t->episode->from;
    id = was.id;
    MN_TRY(id ? mn_ops_update(t->c, ops, id, &row) : mn_ops_add(t->c, ops, &row, &id));
    for (int i = 0; i < t->count; i++)
        if (t->linked[i]) MN_TRY(mn_ops_link(t->c, ops, id, t->of[i].id, MN_LINK_WITH));
    return 0;
}

static int note_down(noting *t, mn_ops *ops) {
    mn_org *const c = t->c;
    MN_TRY(mn_org_rare(c, t->text, t->n, t->rare, &t->rares));
    const int written = c->model ? mn_amem_ask_note(c, t->episode, t->text, t->n, &t->note) : 0;
    MN_TRY(written);
    if (!written) rules_note(t);
    const int near =
        mn_org_near(c, t->episode, t->rare, t->rares, MN_AMEM_NEAR, has_note, t, t->near);
    MN_TRY(near);
    const int decided = written && t->count ? ask_change(t, ops) : 0;
    MN_TRY(decided);
    if (!decided) rules_links(t);
    return put_note(t, ops);
}

static int on_episode(mn_org *c, const mn_row *episode, mn_ops *ops) {
    noting *t;
    MN_TRY(mn_arena_take(&c->arena, sizeof *t, &t));
    t->c = c;
    t->episode = episode;
    MN_TRY(mn_org_own_words(c, episode, &t->text, &t->n));
    return t->n ? note_down(t, ops) : 0;
}

const mn_organiser mn_organiser_amem = {.name = "amem", .on_episode = on_episode};
