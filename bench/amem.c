/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/amem.c - `omnesia bench amem`: what links between notes are worth to a search (A-MEM, Xu et
 * al. 2025).
 *
 * The same histories (of the generator, or of a file) are told to two memories, one of which
 * organises them: by rules, or with --organise by a model. Both are asked the same. The one without
 * links gives its first ten; the other as much as has no more tokens than these ten together.
 *
 *   hops       evidence found of questions that need several turns: points more with links
 *   loss       points less in the worst of the other kinds of questions
 *   recall     each kind: without and with
 *   links      of links whose both ends say something that is asked for or was true, how many join
 *              what belongs together: evidence of one question, or facts about one person
 *   time       a search with links against one without
 */
#include "bench/bench.h"
#include "bench/crowd.h"
#include "bench/judge.h"

#include "agent/hops.h"
#include "agent/notes_inside.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { TEN = 10 };

typedef struct kind {
    char type[40];
    int n;
    double without, with;
} kind;

typedef struct bed {
    const mn_bench_options *o;
    mn_judge plain, linked;
    kind kind[MN_JUDGE_TYPES];
    int kinds;
    int64_t links, known, right; /* hops; with two known ends; of these, right ones */
    const mn_history *h;
} bed;

/* ---- asking --------------------------------------------------------------------------------- */
static kind *kind_of(bed *b, const char *type) {
    for (int i = 0; i < b->kinds; i++)
        if (strcmp(b->kind[i].type, type) == 0) return b->kind + i;
    if (b->kinds == MN_JUDGE_TYPES) return b->kind + MN_JUDGE_TYPES - 1;
    kind *const k = b->kind + b->kinds++;
    snprintf(k->type, sizeof k->type, "%s", type);
    return k;
}

static double share_of(const mn_asked *q, const mn_judge_found *f) {
    int hits = 0;
    for (int i = 0; i < q->n; i++)
        for (int k = 0; k < f->n; k++) hits += f->turn[k] == q->gold[i];
    return (double)hits / q->n;
}

static int ask(bed *b, const mn_scope *scope, const mn_asked *q) {
    mn_judge_found plain, linked;
    int64_t tokens = 0;
    if (!q->n) return 0;
    MN_TRY(mn_judge_search(&b->plain, scope, &(mn_find){.query = q->text, .k = TEN}, &plain));
    for (int i = 0; i < plain.n; i++) {
        const char *const text = mn_turns(b->h)[plain.turn[i]].text;
        tokens += mn_notes_tokens(text, strlen(text));
    }
    const mn_find what = {.query = q->text, .k = MN_JUDGE_LONG, .budget = (int32_t)tokens};
    MN_TRY(mn_judge_search(&b->linked, scope, &what, &linked));
    kind *const k = kind_of(b, q->type);
    k->n++;
    k->without += share_of(q, &plain);
    k->with += share_of(q, &linked);
    return 0;
}

/* ---- links ---------------------------------------------------------------------------------- */
static int is_known(const mn_history *h, int turn) {
    for (int i = 0; i < mn_askeds_n(h); i++)
        for (int k = 0; k < mn_askeds(h)[i].n; k++)
            if (mn_askeds(h)[i].gold[k] == turn) return 1;
    for (int i = 0; i < mn_truths_n(h); i++)
        if (mn_truths(h)[i].turn == turn) return 1;
    return 0;
}

static int has(const mn_asked *q, int turn) {
    for (int i = 0; i < q->n; i++)
        if (q->gold[i] == turn) return 1;
    return 0;
}

static int belong(const mn_history *h, int a, int c) {
    for (int i = 0; i < mn_askeds_n(h); i++)
        if (has(mn_askeds(h) + i, a) && has(mn_askeds(h) + i, c)) return 1;
    for (int i = 0; i < mn_truths_n(h); i++)
        for (int k = 0; k < mn_truths_n(h); k++)
            if (mn_truths(h)[i].turn == a && mn_truths(h)[k].turn == c &&
                strcmp(mn_truths(h)[i].subject, mn_truths(h)[k].subject) == 0)
                return 1;
    return 0;
}

static int turn_of(const mn_judge *j, int64_t id) {
    const int64_t *const ids = (const int64_t *)(const void *)j->ids.data;
    for (size_t i = 0; i < j->ids.len / sizeof *ids; i++)
        if (ids[i] == id) return (int)i;
    return -1;
}

static int count_links(bed *b, mn_notes *notes, int64_t owner) {
    const int64_t *const ids = (const int64_t *)(const void *)b->linked.ids.data;
    for (int i = 0; i < mn_turns_n(b->h); i++) {
        mn_arena arena = {.what = "links of a note"};
        mn_hop *hop;
        int n;
        const int rc = mn_hops_of(notes->store, owner, ids + i, 1, &arena, &hop, &n);
        for (int k = 0; k < n && rc >= 0; k++) {
            const int to = turn_of(&b->linked, hop[k].to);
            const int known = to >= 0 && is_known(b->h, i) && is_known(b->h, to);
            b->links++;
            b->known += known;
            b->right += known && belong(b->h, i, to);
        }
        mn_arena_free(&arena);
        MN_TRY(rc);
    }
    return 0;
}

static int see_links(bed *b, const char *user) {
    char path[96];
    mn_notes *notes;
    int64_t owner;
    snprintf(path, sizeof path, "%s/memory.db", b->linked.folder);
    MN_TRY(mn_notes_open(path, 0, &notes));
    int rc = mn_notes_begin(notes, 0);
    if (rc >= 0) {
        rc = notes->store->kind->owner(notes->store, "", user, 0, &owner);
        if (rc >= 0) rc = count_links(b, notes, owner);
        rc = (int)mn_notes_end(notes, rc);
    }
    mn_notes_close(&notes);
    return rc;
}

static int one_history(void *user, mn_history *h) {
    bed *const b = user;
    const mn_scope scope = {.user = h->id};
    b->h = h;
    MN_TRY(mn_judge_tell(&b->plain, &scope, h));
    MN_TRY(mn_judge_tell(&b->linked, &scope, h));
    for (int i = 0; i < mn_askeds_n(h); i++) MN_TRY(ask(b, &scope, mn_askeds(h) + i));
    return see_links(b, h->id);
}

/* ---- figures -------------------------------------------------------------------------------- */
static int point(const bed *b, const char *row, const char *what, double value, const char *unit,
                 double bar, int at_least) {
    const mn_bench_point p = {"amem", row, what, unit, value, bar, at_least};
    return mn_bench_wants(b->o, row) ? mn_bench_point_print(&p, b->o->json) : 0;
}

static double gain(const kind *k) {
    return k->n ? 100 * (k->with - k->without) / k->n : 0;
}

static int kinds(const bed *b, double *worst) {
    for (int i = 0; i < b->kinds; i++) {
        const kind *const k = b->kind + i;
        char what[100];
        snprintf(what, sizeof what, "%s (%d), without links", k->type, k->n);
        MN_TRY(point(b, "recall", what, k->without / k->n, "", 0, 1));
        snprintf(what, sizeof what, "%s, with", k->type);
        MN_TRY(point(b, "recall", what, k->with / k->n, "", 0, 1));
        if (strcmp(k->type, "multi") != 0 && -gain(k) > *worst) *worst = -gain(k);
    }
    return 0;
}

static double median(const mn_judge *j) {
    return mn_crowd_quantile((double *)(void *)j->ms.data, (int)(j->ms.len / sizeof(double)), .5);
}

static int figures(bed *b) {
    const int model = b->o->organise && *b->o->organise;
    double worst = 0;
    MN_TRY(kinds(b, &worst));
    MN_TRY(point(b, "hops", "questions of several turns", gain(kind_of(b, "multi")), "points",
                 model ? 6 : 3, 1));
    MN_TRY(point(b, "loss", "the worst of the others", worst, "points", 1, 0));
    MN_TRY(point(b, "links", "from each note",
                 b->linked.turns ? (double)b->links / b->linked.turns : 0, "links", 0, 1));
    if (b->known)
        MN_TRY(point(b, "links", "that join what belongs together",
                     (double)b->right / (double)b->known, "", 0, 1));
    MN_TRY(point(b, "links", "judged", (double)b->known, "links", 0, 1));
    MN_TRY(point(b, "time", "a search without links, p50", median(&b->plain), "ms", 0, 0));
    return point(b, "time", "with links, p50", median(&b->linked), "ms", 0, 0);
}

static int run(const mn_bench_options *o) {
    bed b = {.o = o};
    mn_reader r = {.format = "memgen", .each = one_history, .user = &b};
    char by[200];
    const int model = o->organise && *o->organise;
    snprintf(by, sizeof by, "amem%s%s", model ? ":" : "", model ? o->organise : "");
    int rc = mn_judge_open(&b.plain, o->vectors, NULL);
    if (rc >= 0) rc = mn_judge_open(&b.linked, o->vectors, by);
    if (rc >= 0) rc = mn_bench_histories(o, &r);
    if (rc >= 0) rc = figures(&b);
    mn_judge_close(&b.plain);
    mn_judge_close(&b.linked);
    return rc;
}

const mn_bench mn_bench_amem = {
    .name = "amem", .about = "what links between notes are worth to a search", .run = run};
