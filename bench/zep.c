/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/zep.c - `omnesia bench zep`: a graph whose facts have their time (Zep, Rasmussen et al.
 * 2025), and graphiti-core on Kuzu beside it.
 *
 *   as-of      facts that are told with their beginning alone, in any order, so that each ends the
 *              one it contradicts: on a day, exactly the one that was true is found
 *   temporal   the same asked in words, "Maya home": is what was true among the first ten edges of
 *              that day, against the first ten of those that still hold, which is all that mem0 has
 *   triples    of edges that rules made of turns that state a known fact, how many say its subject
 *              and its value
 *   talks      questions about time: evidence among what the first ten edges are from, against the
 *              first ten facts of mem0; both by rules, or with --organise by a model
 *   graph      a triple told, and a search of edges, against graphiti-core: as bench/mem0.c does
 */
#include "bench/bench.h"
#include "bench/judge.h"
#include "bench/memgen.h"
#include "bench/peer.h"
#include "bench/peer_bed.h"

#include "agent/graph.h"
#include "agent/notes_inside.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/when.h"

#include <stdio.h>
#include <string.h>

extern const unsigned char mn_peer_graphiti_py[];

enum { TEN = 10, MOST = 400, QUESTIONS = 50 };
static const mn_who who = {.user = "bench"};

static int point(const mn_bench_options *o, const char *row, const char *what, double value,
                 const char *unit, double bar) {
    const mn_bench_point p = {"zep", row, what, unit, value, bar, 1};
    return mn_bench_point_print(&p, o->json);
}

/* ---- triples -------------------------------------------------------------------------------- */
/* Facts as triples of their beginning, in an order of chance: how many. */
static int triples_of(const mn_history *h, uint64_t seed, mn_triple out[MOST]) {
    const int n = mn_truths_n(h) < MOST ? mn_truths_n(h) : MOST;
    mn_random r;
    mn_random_seed(&r, seed);
    for (int i = 0; i < n; i++) {
        const mn_truth *const t = mn_truths(h) + i;
        const int k = (int)(mn_random_u64(&r) % (uint64_t)(i + 1));
        out[i] = out[k];
        out[k] = (mn_triple){.subject = t->subject,
                             .relation = t->relation,
                             .object = t->value,
                             .text = t->text,
                             .from = t->from,
                             .until = MN_NEVER};
    }
    return n;
}

/* ---- as-of ---------------------------------------------------------------------------------- */
typedef struct answer {
    const char *text;
    int n, right;
} answer;

static int compare(void *user, const mn_row *row, double score) {
    answer *const a = user;
    (void)score;
    a->n++;
    a->right = a->text && row->n == strlen(a->text) && memcmp(row->text, a->text, row->n) == 0;
    return 0;
}

static int ask_past(mn_notes *notes, const mn_history *h, const mn_past *p, int *right) {
    const mn_triple t = {.subject = p->subject, .relation = p->relation, .object = ""};
    answer a = {.text = p->truth < 0 ? NULL : mn_truths(h)[p->truth].text};
    char key[MN_FIELD_MAX];
    mn_when day;
    if (!mn_when_parse(p->time, &day)) return MN_FAIL(MN_ECORRUPT, "'%s' is no day", p->time);
    MN_TRY(mn_graph_key(&t, key));
    const mn_seek seek = {.as_of = day.at + day.span - 1, .rows = {.kind = "edge", .ref = key}};
    MN_TRY(mn_notes_find(notes, &who, &seek, compare, &a));
    *right += a.text ? a.n == 1 && a.right : a.n == 0;
    return 0;
}

typedef struct past {
    int all, right;       /* on a day, by name */
    int asked, then, now; /* in words: what was true was found, of that day, of today */
    const char *text;
    int hit;
} past;

static int is_it(void *user, const mn_row *row, double score) {
    past *const p = user;
    (void)score;
    p->hit |= row->n == strlen(p->text) && memcmp(row->text, p->text, row->n) == 0;
    return 0;
}

static int ask_words(mn_notes *notes, const mn_history *h, const mn_past *p, past *sum) {
    char query[256];
    mn_when day;
    if (p->truth < 0 || !mn_when_parse(p->time, &day)) return 0;
    snprintf(query, sizeof query, "%s %s", p->subject, p->relation);
    sum->text = mn_truths(h)[p->truth].text;
    sum->asked++;
    for (int then = 0; then < 2; then++) {
        const mn_seek seek = {.query = query,
                              .k = TEN,
                              .as_of = then ? day.at + day.span - 1 : MN_NEVER,
                              .rows = {.kind = "edge"}};
        sum->hit = 0;
        MN_TRY(mn_notes_find(notes, &who, &seek, is_it, sum));
        *(then ? &sum->then : &sum->now) += sum->hit;
    }
    return 0;
}

static int report_past(const mn_bench_options *o, const past *p) {
    const double then = p->asked ? (double)p->then / p->asked : 0,
                 now = p->asked ? (double)p->now / p->asked : 0;
    char what[64];
    snprintf(what, sizeof what, "answers on a day that are right, of %d", p->all);
    if (mn_bench_wants(o, "as-of"))
        MN_TRY(point(o, "as-of", what, p->all ? 100.0 * p->right / p->all : 0, "%", 100));
    if (!mn_bench_wants(o, "temporal")) return 0;
    snprintf(what, sizeof what, "recall@10 of %d, what holds now", p->asked);
    MN_TRY(point(o, "temporal", what, now, "", 0));
    MN_TRY(point(o, "temporal", "recall@10, as of then", then, "", 0));
    return point(o, "temporal", "with its time above without", 100 * (then - now), "points", 10);
}

static int as_of(const mn_bench_options *o, mn_peer_bed *bed) {
    past sum = {.all = 0};
    for (int i = 0; i < o->histories; i++) {
        static mn_triple t[MOST];
        mn_history h = {0};
        char name[32];
        snprintf(name, sizeof name, "as-of-%d", i);
        int rc = mn_memgen(o->seed, o->small ? MN_MEMGEN_SMALL : MN_MEMGEN_S, i, &h);
        if (rc >= 0) rc = mn_peer_bed_notes(bed, name);
        if (rc >= 0) rc = mn_graph_add(bed->notes, &who, t, (size_t)triples_of(&h, o->seed + 1, t));
        for (int k = 0; k < mn_pasts_n(&h) && rc >= 0; k++, sum.all++) {
            rc = ask_past(bed->notes, &h, mn_pasts(&h) + k, &sum.right);
            if (rc >= 0) rc = ask_words(bed->notes, &h, mn_pasts(&h) + k, &sum);
        }
        mn_history_free(&h);
        MN_TRY(rc);
    }
    return report_past(o, &sum);
}

/* ---- beside graphiti ------------------------------------------------------------------------ */
static json_t *given(const mn_triple *t, int n) {
    json_t *const triples = json_array(), *const questions = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(triples, json_pack("[s, s, s, s, I]", t[i].subject, t[i].relation,
                                                 t[i].object, t[i].text, (json_int_t)t[i].from));
    for (int i = 0; i < QUESTIONS; i++)
        json_array_append_new(questions, json_string(t[i % n].text));
    return json_pack("{s:o, s:o}", "triples", triples, "questions", questions);
}

static int count(void *user, const mn_row *row, double score) {
    (void)row, (void)score;
    ++*(int *)user;
    return 0;
}

static int ours(mn_peer_bed *bed, const char *name, const mn_triple *t, int n, double out[2]) {
    int found = 0;
    MN_TRY(mn_peer_bed_notes(bed, name));
    for (int i = 0; i < n; i++) {
        const double start = mn_clock_seconds();
        MN_TRY(mn_graph_add(bed->notes, &who, t + i, 1));
        MN_TRY(mn_peer_bed_embed(bed));
        mn_peer_bed_took(bed, start);
    }
    out[0] = mn_peer_bed_median(bed);
    for (int i = 0; i < QUESTIONS; i++) {
        const mn_seek seek = {.query = t[i % n].text,
                              .vector = mn_peer_bed_vector(bed, t[i % n].text),
                              .dim = MN_PEER_DIM,
                              .k = TEN,
                              .as_of = MN_NEVER,
                              .rows = {.kind = "edge"}};
        const double start = mn_clock_seconds();
        MN_TRY(mn_notes_find(bed->notes, &who, &seek, count, &found));
        mn_peer_bed_took(bed, start);
    }
    out[1] = mn_peer_bed_median(bed);
    return found ? 0 : MN_FAIL(MN_ECORRUPT, "the searches of edges found nothing");
}

static int theirs(const mn_peer_bed *bed, int round, double out[2]) {
    char folder[96];
    json_t *said;
    snprintf(folder, sizeof folder, "%s/peer-%d", bed->stage.disk, round);
    const char *const words[] = {bed->path, folder, NULL};
    MN_TRY(mn_peer_python("graphiti-core", MN_PEER_AGENTS, mn_peer_graphiti_py, words, &said));
    out[0] = json_number_value(json_object_get(said, "add"));
    out[1] = json_number_value(json_object_get(said, "search"));
    const int found = json_number_value(json_object_get(said, "found")) > 0;
    json_decref(said);
    return found ? 0 : MN_FAIL(MN_ECORRUPT, "the searches of graphiti-core found nothing");
}

static int rounds(const mn_bench_options *o, mn_peer_bed *bed, const mn_triple *t, int n) {
    enum { PARTS = 2 };
    static const char *const what[PARTS] = {"a triple told", "a search of edges"};
    mn_bench_row row[PARTS];
    for (int p = 0; p < PARTS; p++)
        row[p] = (mn_bench_row){.name = "graph",
                                .what = what[p],
                                .against = "graphiti-core on Kuzu",
                                .unit = "ms",
                                .bar = 20,
                                .inverse = 1};
    for (int i = 0; i < o->rounds; i++) {
        double own[PARTS], other[PARTS];
        char name[32];
        snprintf(name, sizeof name, "graph-%d", i);
        MN_TRY(ours(bed, name, t, n, own));
        const int rc = theirs(bed, i, other);
        if (rc == MN_ENOENT || rc == MN_EIO)
            return mn_bench_row_skip(row, mn_error_detail(), o->json);
        MN_TRY(rc);
        for (int p = 0; p < PARTS; p++) mn_bench_round(row + p, other[p], own[p]);
    }
    for (int p = 0; p < PARTS; p++) MN_TRY(mn_bench_row_print(row + p, o->json));
    return 0;
}

static int graph(const mn_bench_options *o, mn_peer_bed *bed) {
    static mn_triple t[MOST];
    mn_history h = {0};
    int rc = mn_memgen(o->seed, MN_MEMGEN_S, 0, &h);
    const int n = rc >= 0 ? triples_of(&h, o->seed + 1, t) : 0;
    if (rc >= 0) rc = n ? mn_peer_bed_give(bed, given(t, n)) : MN_FAIL(MN_ECORRUPT, "no triples");
    if (rc >= 0) rc = rounds(o, bed, t, n);
    mn_history_free(&h);
    return rc;
}

/* ---- what organisers make of turns ---------------------------------------------------------- */
typedef struct made {
    const mn_bench_options *o;
    mn_judge judge[2]; /* by mem0, by zep */
    double found[2];
    int questions;
    int64_t edges, right; /* of turns that state a known fact */
} made;

static int turn_of(const mn_judge *j, int64_t id) {
    const int64_t *const ids = (const int64_t *)(const void *)j->ids.data;
    for (size_t i = 0; i < j->ids.len / sizeof *ids; i++)
        if (ids[i] == id) return (int)i;
    return -1;
}

/* Turns that records are from, in their order. */
typedef struct from {
    int64_t row[TEN], episode[4 * TEN];
    int rows, n;
} from;

static int take_row(void *user, const mn_record *r) {
    from *const f = user;
    if (f->rows < TEN) f->row[f->rows++] = r->id;
    return 0;
}

static int take_episode(void *user, int64_t other, const char *what) {
    from *const f = user;
    const int is = strcmp(what, MN_LINK_FROM) == 0 || strcmp(what, MN_LINK_OF) == 0;
    if (is && f->n < 4 * TEN) f->episode[f->n++] = other;
    return 0;
}

static int open_notes(const mn_judge *j, const char *user, mn_notes **out, int64_t *owner) {
    char path[96];
    snprintf(path, sizeof path, "%s/memory.db", j->folder);
    MN_TRY(mn_notes_open(path, 0, out));
    MN_TRY(mn_notes_begin(*out, 0));
    return (*out)->store->kind->owner((*out)->store, "", user, 0, owner);
}

static int close_notes(mn_notes **notes, int rc) {
    if (*notes) rc = (int)mn_notes_end(*notes, rc);
    mn_notes_close(notes);
    return rc;
}

static int ask(made *m, int which, mn_notes *notes, int64_t owner, const mn_history *h,
               const mn_asked *q) {
    const mn_scope scope = {.user = h->id};
    const mn_find what = {.query = q->text, .k = TEN, .kind = which ? "edge" : "fact"};
    from f = {.n = 0};
    int hits = 0;
    MN_TRY(mn_mem_find(m->judge[which].mem, &scope, &what, take_row, &f));
    for (int i = 0; i < f.rows; i++)
        MN_TRY(notes->store->kind->links(notes->store, owner, f.row[i], 0, take_episode, &f));
    for (int i = 0; i < q->n; i++) {
        int hit = 0;
        for (int k = 0; k < f.n; k++) hit |= turn_of(&m->judge[which], f.episode[k]) == q->gold[i];
        hits += hit;
    }
    m->found[which] += (double)hits / q->n;
    return 0;
}

static int ask_all(made *m, int which, const mn_history *h) {
    mn_notes *notes = NULL;
    int64_t owner;
    int rc = open_notes(&m->judge[which], h->id, &notes, &owner);
    for (int i = 0; i < mn_askeds_n(h) && rc >= 0; i++) {
        const mn_asked *const q = mn_askeds(h) + i;
        if (strcmp(q->type, "temporal") != 0 || !q->n) continue;
        rc = ask(m, which, notes, owner, h, q);
        m->questions += which;
    }
    return close_notes(&notes, rc);
}

/* ---- are the triples right? ----------------------------------------------------------------- */
typedef struct checking {
    made *m;
    const mn_history *h;
    mn_notes *notes;
    int64_t owner;
    mn_arena arena;
    mn_row edge[MOST * 8];
    int n;
} checking;

static int keep_edge(void *user, const mn_row *row) {
    checking *const c = user;
    return c->n < MOST * 8 ? mn_row_keep(&c->arena, row, &c->edge[c->n++]) : 0;
}

/* Does one text hold the other, in words? */
static int says(const char *a, const char *b) {
    return *a && *b && (strcasestr(a, b) || strcasestr(b, a));
}

static void check(checking *c, const mn_row *edge, int turn) {
    char subject[MN_FIELD_MAX], object[MN_FIELD_MAX];
    int known = 0, right = 0;
    if (!mn_graph_part(edge, "subject", subject) || !mn_graph_part(edge, "object", object)) return;
    for (int i = 0; i < mn_truths_n(c->h); i++) {
        const mn_truth *const t = mn_truths(c->h) + i;
        if (t->turn != turn) continue;
        known = 1;
        right |= says(t->subject, subject) && says(object, t->value);
    }
    c->m->edges += known;
    c->m->right += right;
}

static int check_all(checking *c) {
    const mn_rows which = {.owner = c->owner, .kind = "edge"};
    MN_TRY(c->notes->store->kind->rows(c->notes->store, &which, keep_edge, c));
    for (int i = 0; i < c->n; i++) {
        from f = {.n = 0};
        MN_TRY(c->notes->store->kind->links(c->notes->store, c->owner, c->edge[i].id, 0,
                                            take_episode, &f));
        if (f.n) check(c, c->edge + i, turn_of(&c->m->judge[1], f.episode[0]));
    }
    return 0;
}

static int check_edges(made *m, const mn_history *h) {
    static checking c;
    c = (checking){.m = m, .h = h, .arena = {.what = "edges"}};
    int rc = open_notes(&m->judge[1], h->id, &c.notes, &c.owner);
    if (rc >= 0) rc = check_all(&c);
    rc = close_notes(&c.notes, rc);
    mn_arena_free(&c.arena);
    return rc;
}

static int one_history(void *user, mn_history *h) {
    made *const m = user;
    const mn_scope scope = {.user = h->id};
    for (int which = 0; which < 2; which++) {
        MN_TRY(mn_judge_tell(&m->judge[which], &scope, h));
        MN_TRY(ask_all(m, which, h));
    }
    return check_edges(m, h);
}

static int report(const made *m) {
    const double facts = m->questions ? m->found[0] / m->questions : 0,
                 edges = m->questions ? m->found[1] / m->questions : 0;
    char what[80];
    snprintf(what, sizeof what, "of %lld edges, those that are right", (long long)m->edges);
    MN_TRY(point(m->o, "triples", what, m->edges ? (double)m->right / (double)m->edges : 0, "", 0));
    snprintf(what, sizeof what, "recall@10 of %d by facts of mem0", m->questions);
    MN_TRY(point(m->o, "talks", what, facts, "", 0));
    MN_TRY(point(m->o, "talks", "recall@10 by edges", edges, "", 0));
    return point(m->o, "talks", "edges above facts", 100 * (edges - facts), "points", 0);
}

static int organised(const mn_bench_options *o) {
    static const char *const name[2] = {"mem0", "zep"};
    made m = {.o = o};
    mn_reader r = {.format = "memgen", .each = one_history, .user = &m};
    int rc = 0;
    for (int i = 0; i < 2 && rc >= 0; i++) {
        char by[200];
        const int model = o->organise && *o->organise;
        snprintf(by, sizeof by, "%s%s%s", name[i], model ? ":" : "", model ? o->organise : "");
        rc = mn_judge_open(&m.judge[i], o->vectors, by);
    }
    if (rc >= 0) rc = mn_bench_histories(o, &r);
    if (rc >= 0) rc = report(&m);
    for (int i = 0; i < 2; i++) mn_judge_close(&m.judge[i]);
    return rc;
}

static int run(const mn_bench_options *o) {
    const int talks = mn_bench_wants(o, "triples") || mn_bench_wants(o, "talks");
    mn_peer_bed bed;
    int rc = mn_peer_bed_begin(&bed, MOST);
    if (rc >= 0 && (mn_bench_wants(o, "as-of") || mn_bench_wants(o, "temporal")))
        rc = as_of(o, &bed);
    if (rc >= 0 && mn_bench_wants(o, "graph")) rc = graph(o, &bed);
    if (rc >= 0 && talks) rc = organised(o);
    mn_peer_bed_end(&bed);
    return rc;
}

const mn_bench mn_bench_zep = {
    .name = "zep", .about = "facts with their time, beside graphiti-core", .run = run};
