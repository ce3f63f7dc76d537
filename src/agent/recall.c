/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/recall.c - words and vectors give candidates, the candidates and their neighbours scores.
 *
 * A turn of a conversation is understood by what was said around it, so both scores look there:
 *   words  BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) of counts
 *          that have spread: a word said d turns before counts EARLIER * FADE^(d-1) here, one said
 *          d turns later LATER * FADE^(d-1), up to REACH turns; lengths spread alike
 *   sense  cosine of the question's vector (agent/names.h: as the speaker would say it) and the
 *          row's vector plus BESIDE times those of its two neighbours
 * Each is divided by the best of its kind among the candidates; the sum of both is raised a little
 * where the speaker is the one asked about, and where the date fits (agent/cue.h), and lowered
 * where the row is itself a question. What organisers made of turns (agent/org.h) brings these
 * turns with it and comes behind all of them, unless its kind is asked for. Where an organiser has
 * linked turns (agent/hops.h), those that the HOPPED best lead to gain: HOP times the sum of the
 * scores they are linked from, each as a share of the best and over the root of how many links the
 * turn has. Constants are flat: 399 random settings found .83 of the evidence in the mean, .776 at
 * worst (recall@10, five conversations of LoCoMo; of settings chosen on four of them and tried on
 * the fifth: .854).
 *
 * What the best lead to, and what counts less for it, has agent/recall_on.c.
 *
 * What fills an index by itself is not worth its list: words ask for lists of rows, rarest first,
 * up to POSTINGS entries in all; how rare a word is tell the first PROBE entries of its list, for
 * it is newest first: all there are, or how far back they go.
 */
#include "agent/recall_inside.h"

#include "agent/hops.h"
#include "agent/org.h"
#include "agent/timeq.h"
#include "agent/whole.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/when.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROBE = 1000,     /* entries that tell how common a word is */
    POSTINGS = 20000, /* entries of lists that are read in all */
    BY_WORDS = 150,   /* candidates by words */
    BY_SENSE = 100,   /* by vectors */
    BY_TIME = 200,    /* and by date */
    CENTRES = 25,     /* of either kind, whose neighbours are read */
    REACH = 4,        /* how far words spread */
    WALK = REACH + 1, /* and how far rows are read: who stands at the rim has neighbours, too */
    HOPPED = 20,      /* whose links are followed */
};
static const double K1 = 0.9, B = 0.3, EARLIER = 0.5, LATER = 0.3, FADE = 0.6, BORROWED = 0.99;
static const float BESIDE = 0.3f;
static const double WORDS = 1, SENSE = 1, SPEAKER = 0.2, QUESTION = 0.2, DATE = 0.5;
static const double WIDEN = 0.3; /* what an episode gets of the scores of what was made of it */
static const double HOP = 0.03, HOP_MOST = 1;
static const double BEHIND = 1e-7; /* of what organisers made: less than any turn has */

/* ---- the words of the query ---------------------------------------------------------------- */
static void add_term(mn_search *r, const mn_words *w) {
    const uint64_t hash = mn_hash64(w->word, w->n);
    for (int i = 0; i < r->terms; i++)
        if (r->term[i].hash == hash) return;
    if (r->terms == MN_TERMS) return;
    mn_term *const t = r->term + r->terms++;
    *t = (mn_term){.n = w->n, .hash = hash};
    memcpy(t->word, w->word, w->n);
    r->starts[mn_words_start(w)] = 1;
}

/* Its words; names of speakers only when there are no others. */
static int split(mn_search *r) {
    const char *const query = r->seek->query;
    const size_t n = strlen(query);
    MN_TRY(mn_arena_take(r->arena, MN_TERMS * sizeof *r->term, &r->term));
    MN_TRY(mn_names_read(&r->names, r->s, r->owner, r->arena));
    r->about = mn_names_about(&r->names, query);
    if (!r->about && mn_names_self(query)) r->of = MN_ASKS_SELF;
    if (!r->about && mn_names_other(query)) r->of = MN_ASKS_PROGRAM;
    r->cues = r->seek->times == MN_TIMES_NONE ? 0 : mn_cues_of(query, n, r->cue);
    for (int named = 0; named < 2 && !r->terms; named++)
        for (mn_words w = mn_words_of(query, n); mn_words_next(&w);)
            if (named || !mn_names_has(&r->names, w.word, w.n)) add_term(r, &w);
    return 0;
}

/* Has no row this mark? Then nothing has to be left out, which would cost a look at each row. */
static int lacks(mn_search *r, int which, const char *mark) {
    mn_buf ask = {0};
    int64_t id;
    if (r->lacks[which]) return r->lacks[which] > 0;
    int rc = mn_buf_printf(&ask, "\"%s\"", mark);
    if (rc >= 0) rc = r->s->kind->match(r->s, ask.data, &id, 1);
    mn_buf_free(&ask);
    MN_TRY(rc);
    r->lacks[which] = rc ? -1 : 1;
    return !rc;
}

/* What the index is asked: the word, and the marks of what the search is narrowed to; what a record
 * was before does not crowd out what is. */
static int question(mn_search *r, const mn_term *t, mn_buf *out) {
    const mn_rows *const w = &r->seek->rows;
    const struct {
        char kind;
        const char *name;
    } mark[] = {{'a', r->who->agent}, {'r', r->who->run}, {'s', w->session},
                {'o', w->source},     {'f', w->ref},      {'k', w->kind}};
    mn_buf word = {0};
    const int now = !w->versions && r->seek->as_of == MN_NEVER;
    mn_buf_clear(out);
    int rc = mn_buf_printf(out, "\"%lld:%.*s\"", (long long)r->owner, (int)t->n, t->word);
    for (size_t i = 0; rc >= 0 && i < sizeof mark / sizeof *mark; i++) {
        if (!mark[i].name || !*mark[i].name) continue;
        mn_buf_clear(&word);
        rc = mn_words_mark(r->owner, mark[i].kind, mark[i].name, &word);
        if (rc >= 0) rc = mn_buf_printf(out, " AND \"%s\"", word.data);
    }
    const struct {
        char kind;
        const char *name;
        int left_out;
    } less[MN_LESS] = {{'v', "", now}, {'k', "fact", t->said}, {'k', "note", t->said}};
    for (int i = 0; rc >= 0 && i < MN_LESS; i++) {
        if (!less[i].left_out) continue;
        mn_buf_clear(&word);
        rc = mn_words_mark(r->owner, less[i].kind, less[i].name, &word);
        if (rc >= 0) rc = lacks(r, i, word.data);
        if (rc == 0) rc = mn_buf_printf(out, " NOT \"%s\"", word.data);
    }
    mn_buf_free(&word);
    return rc;
}

/* The list of a term, up to `most` entries of it. */
int mn_search_list(mn_search *r, mn_term *t, int64_t most) {
    mn_buf ask = {0};
    int rc = question(r, t, &ask);
    if (rc >= 0) rc = mn_arena_take(r->arena, (size_t)most * sizeof *t->ids, &t->ids);
    if (rc >= 0) rc = r->s->kind->match(r->s, ask.data, t->ids, most);
    mn_buf_free(&ask);
    if (rc < 0) return rc;
    t->have = rc;
    t->all = rc < most;
    return 0;
}

static int rarer(const void *a, const void *b) {
    const double x = ((const mn_term *)a)->df, y = ((const mn_term *)b)->df;
    return (x > y) - (x < y);
}

/* How many rows have each word, and the lists of those that are worth it. */
static int look_up(mn_search *r) {
    int64_t read = 0, newest = 0;
    for (int i = 0; i < r->terms; i++) {
        mn_term *const t = r->term + i;
        MN_TRY(mn_search_list(r, t, PROBE));
        t->df = t->have;
        if (t->have && t->ids[0] > newest) newest = t->ids[0];
        const double back = t->all || !t->have ? 0 : (double)(newest - t->ids[t->have - 1] + 1);
        const double share = back > 0 ? fmin(1, PROBE / back) : 0;
        if (!t->all) t->df = fmax(t->df, share * (double)r->rows);
    }
    qsort(r->term, (size_t)r->terms, sizeof *r->term, rarer);
    for (int i = 0; i < r->terms; i++) {
        mn_term *const t = r->term + i;
        const double n = fmax((double)r->rows, t->df);
        t->idf = log(1 + (n - t->df + 0.5) / (t->df + 0.5));
        if (!t->all && (i == 0 || (double)read + t->df <= POSTINGS))
            MN_TRY(mn_search_list(r, t, POSTINGS));
        else if (!t->all)
            t->have = 0; /* too common: it only counts in rows that others found */
        read += t->have;
    }
    return 0;
}

/* ---- candidates ---------------------------------------------------------------------------- */
static size_t slot_of(const mn_search *r, int64_t id) {
    size_t at = mn_hash_slot((uint64_t)id, r->slots);
    while (r->slot[at] && r->c[r->slot[at] - 1].id != id) at = (at + 1) & (r->slots - 1);
    return at;
}

/* Room for so many candidates. */
int mn_search_room(mn_search *r, int most) {
    if (most <= r->cap) return 0;
    if (most < 2 * r->cap) most = 2 * r->cap;
    const size_t was = (size_t)r->n * sizeof *r->c;
    for (r->slots = 1024; r->slots < (size_t)most * 2;) r->slots *= 2;
    MN_TRY(mn_arena_take(r->arena, r->slots * sizeof *r->slot, &r->slot));
    MN_TRY(mn_arena_grow(r->arena, r->c, was, (size_t)most * sizeof *r->c, &r->c));
    r->cap = most;
    for (int i = 0; i < r->n; i++) r->slot[slot_of(r, r->c[i].id)] = i + 1;
    return 0;
}

int mn_search_candidate(mn_search *r, int64_t id) {
    const size_t at = slot_of(r, id);
    if (!r->slot[at]) {
        if (r->n == r->cap) return -1; /* cannot be: room was made for all */
        r->c[r->n] = (mn_candidate){.id = id, .before = -1, .behind = -1, .episode = -1};
        r->slot[at] = ++r->n;
    }
    return r->slot[at] - 1;
}

typedef struct mass {
    int64_t id;
    double mass; /* sum of the idfs of the words whose lists it is on */
} mass;

static int lighter(mass a, mass b) {
    return a.mass != b.mass ? a.mass < b.mass : a.id < b.id;
}

/* One more into the heap of the BY_WORDS heaviest, the lightest of them on top. */
static int keep_heavy(mass *heap, int n, mass m) {
    int at = n;
    if (n == BY_WORDS) {
        if (lighter(m, heap[0])) return n;
        for (at = 0; 2 * at + 1 < n;) {
            int child = 2 * at + 1;
            if (child + 1 < n && lighter(heap[child + 1], heap[child])) child++;
            if (lighter(m, heap[child])) break;
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = m;
        return n;
    }
    for (; at && lighter(m, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = m;
    return n + 1;
}

/* All that is on the lists, [n] of them in `sum`, through a table of their ids. */
static size_t add_up(const mn_search *r, mass *sum, uint32_t *slot, size_t slots) {
    size_t n = 0;
    for (int i = 0; i < r->terms; i++) {
        const mn_term *const t = r->term + i;
        for (int k = 0; k < t->have; k++) {
            size_t at = mn_hash_slot((uint64_t)t->ids[k], slots);
            while (slot[at] && sum[slot[at] - 1].id != t->ids[k]) at = (at + 1) & (slots - 1);
            if (!slot[at]) {
                sum[n] = (mass){.id = t->ids[k]};
                slot[at] = (uint32_t)++n;
            }
            sum[slot[at] - 1].mass += t->idf;
        }
    }
    return n;
}

/* The rows that are on the lists of the rarest words, BY_WORDS of them. */
static int by_words(mn_search *r) {
    mass heap[BY_WORDS], *sum;
    size_t all = 0, slots = 1024;
    uint32_t *slot;
    int kept = 0;
    MN_TRY(split(r));
    MN_TRY(look_up(r));
    MN_TRY(mn_search_room(r, BY_WORDS + BY_SENSE + BY_TIME + 1));
    for (int i = 0; i < r->terms; i++) all += (size_t)r->term[i].have;
    while (slots < 2 * all) slots *= 2;
    MN_TRY(mn_arena_take(r->arena, (all + 1) * sizeof *sum, &sum));
    MN_TRY(mn_arena_take(r->arena, slots * sizeof *slot, &slot));
    const size_t n = add_up(r, sum, slot, slots);
    for (size_t i = 0; i < n; i++) kept = keep_heavy(heap, kept, sum[i]);
    for (int i = 0; i < kept; i++) mn_search_candidate(r, heap[i].id);
    return 0;
}

/* Other threads look at vectors while this one looks for words. */
static int begin_sense(mn_search *r) {
    if (!r->vectors) return 0;
    MN_TRY(mn_vectors_read(r->vectors, r->s, r->owner));
    MN_TRY(mn_vectors_ask(r->vectors, r->seek->vector));
    return mn_vectors_begin(r->vectors, BY_SENSE);
}

static int by_time(mn_search *r) {
    int64_t ids[BY_TIME], from, until;
    for (int i = 0; i < r->cues; i++) {
        if (!mn_cue_span(r->cue + i, &from, &until)) continue;
        const int n = r->s->kind->during(r->s, r->owner, from, until, ids, BY_TIME / r->cues);
        if (n < 0) return n;
        for (int k = 0; k < n; k++) mn_search_candidate(r, ids[k]);
    }
    return 0;
}

/* ---- reading them -------------------------------------------------------------------------- */
int mn_recall_fits(const mn_row *row, const mn_who *who, const mn_seek *seek) {
    const struct {
        const char *asked, *has;
    } field[] = {{who->agent, row->agent},           {who->run, row->run},
                 {seek->rows.session, row->session}, {seek->rows.source, row->source},
                 {seek->rows.ref, row->ref},         {seek->rows.kind, row->kind}};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        if (field[i].asked && strcmp(field[i].asked, field[i].has) != 0) return 0;
    const int64_t at = seek->as_of, id = row->of ? row->of : row->id;
    const int64_t after = seek->rows.after;
    if (after && (seek->rows.newest ? id >= after : id <= after)) return 0;
    if (seek->rows.id && id != seek->rows.id) return 0;
    if (seek->said && mn_org_made(row)) return 0;
    if (seek->value == MN_VALUE_FACT && seek->query && !mn_org_made(row)) return 0;
    /* What an organiser ended is there for who asks for it, or for a time. */
    const int asked = seek->rows.versions || seek->rows.id;
    if (at == MN_NEVER && !asked && mn_org_made(row) && row->until != MN_NEVER &&
        row->until <= mn_when_now())
        return 0;
    if (seek->apart && strcmp(seek->apart, row->session) == 0) return 0;
    if (at == MN_NEVER) return seek->rows.versions || !row->of;
    return row->from != MN_NEVER && row->from <= at && (row->until == MN_NEVER || row->until > at);
}

static void count(const mn_search *r, mn_candidate *c, const char *text, size_t n) {
    for (mn_words w = mn_words_of(text, n); mn_words_uncommon(&w);) {
        const int term = mn_search_term(r, &w);
        c->length++;
        if (term >= 0 && c->count[term] < 255) c->count[term]++;
    }
}

/* Words of a row, in the mean. */
static double mean_length(const mn_search *r) {
    return r->rows ? fmax(1, (double)r->words / (double)r->rows) : 1;
}

static void score_alone(const mn_search *r, mn_candidate *c) {
    const double length = K1 * (1 - B + B * c->length / mean_length(r));
    c->words = 0;
    for (int t = 0; t < r->terms; t++)
        c->words += r->term[t].idf * c->count[t] * (K1 + 1) / (c->count[t] + length);
    if (r->vectors) c->sense = mn_vectors_blend(r->vectors, &c->id, 0, 1);
}

static int take_row(void *user, const mn_row *row) {
    mn_search *const r = user;
    const int at = mn_search_candidate(r, row->id);
    if (at < 0 || r->c[at].known) return 0;
    mn_candidate *const c = r->c + at;
    MN_TRY(mn_row_keep(r->arena, row, &c->row));
    MN_TRY(mn_arena_take(r->arena, (size_t)r->terms + 1, &c->count));
    c->known = 1;
    count(r, c, row->text, row->n);
    return 0;
}

/* The ids of candidates from the first-th on; their vectors are here then. */
static int bring(mn_search *r, int first, int64_t **ids) {
    MN_TRY(mn_arena_take(r->arena, (size_t)(r->n - first + 1) * sizeof **ids, ids));
    for (int i = first; i < r->n; i++) (*ids)[i - first] = r->c[i].id;
    return r->vectors ? mn_vectors_bring(r->vectors, *ids, r->n - first) : 0;
}

/* Those from the first-th on. */
static int read_rows(mn_search *r, int first) {
    int64_t *ids;
    MN_TRY(bring(r, first, &ids));
    MN_TRY(r->s->kind->fetch(r->s, r->owner, ids, r->n - first, take_row, r));
    for (int i = first; i < r->n; i++) {
        r->c[i].within = r->c[i].known;
        if (r->c[i].known) score_alone(r, r->c + i);
        if (!r->c[i].known && r->vectors) mn_vectors_drop(r->vectors, r->owner, r->c[i].id);
    }
    return 0;
}

typedef struct linking {
    mn_search *r;
    int n, at; /* episodes so far; the last */
} linking;

/* What organisers made points to what was said: the episodes are candidates, too. */
static int take_episode(void *user, int64_t other, const char *what) {
    linking *const l = user;
    if (strcmp(what, MN_LINK_FROM) != 0 && strcmp(what, MN_LINK_OF) != 0) return 0;
    l->at = mn_search_candidate(l->r, other);
    l->n++;
    return l->at < 0; /* no room is left */
}

static int by_links(mn_search *r) {
    const int n = r->n;
    MN_TRY(mn_search_room(r, n + BY_WORDS));
    for (int i = 0; i < n && r->n < r->cap; i++) {
        linking l = {.r = r};
        if (!r->c[i].known || !mn_org_made(&r->c[i].row)) continue;
        MN_TRY(r->s->kind->links(r->s, r->owner, r->c[i].id, 0, take_episode, &l));
        if (l.n == 1) r->c[i].episode = l.at;
    }
    return r->n > n ? read_rows(r, n) : 0;
}

/* A walk along a session, from one candidate to those before it or behind it. */
typedef struct walk {
    mn_search *r;
    int at, steps, behind;
} walk;

static int step(void *user, const mn_row *row) {
    walk *const w = user;
    const int next = mn_search_candidate(w->r, row->id);
    if (next < 0) return 1;
    MN_TRY(take_row(w->r, row));
    mn_candidate *const from = w->r->c + w->at, *const to = w->r->c + next;
    if (w->behind)
        from->behind = next;
    else
        from->before = next;
    /* What a record was before stands beside its neighbours; they do not stand beside it. */
    if (!from->row.of && w->behind) to->before = w->at;
    if (!from->row.of && !w->behind) to->behind = w->at;
    if (++w->steps <= REACH) to->within = 1;
    w->at = next;
    return 0;
}

int mn_search_next(const mn_search *r, int at, int behind) {
    const int i = behind ? r->c[at].behind : r->c[at].before;
    return i >= 0 && r->c[i].known ? i : -1;
}

/* Was its neighbourhood on this side read by a walk from elsewhere? Who stands in reach of an
 * answer may be one from now on. */
static int seen(mn_search *r, int i, int behind) {
    int steps = 0;
    for (int at = i; steps < WALK && (at = mn_search_next(r, at, behind)) >= 0; steps++)
        if (steps < REACH) r->c[at].within = 1;
    return steps == WALK;
}

/* Neighbours of candidate i, and theirs as far as words of them spread. */
static int look_around(mn_search *r, int i) {
    const mn_row row = r->c[i].row;
    if (!*row.session) return 0;
    MN_TRY(mn_search_room(r, r->n + 2 * WALK));
    for (int behind = 0; behind < 2; behind++) {
        walk w = {.r = r, .at = i, .behind = behind};
        if (seen(r, i, behind)) continue;
        MN_TRY(r->s->kind->around(r->s, r->owner, row.session, row.of ? row.of : row.id, WALK,
                                  behind, step, &w));
    }
    return 0;
}

/* ---- scores -------------------------------------------------------------------------------- */
/* BM25 of counts that have spread. */
static double spread(const mn_search *r, int at) {
    double tf[MN_TERMS], length = r->c[at].length, reach = 1, sum = 0;
    for (int t = 0; t < r->terms; t++) tf[t] = r->c[at].count[t];
    for (int behind = 0; behind < 2; behind++) {
        double weight = behind ? LATER : EARLIER;
        int i = mn_search_next(r, at, behind);
        for (int d = 0; d < REACH; d++, weight *= FADE) {
            reach += weight;
            if (i < 0) continue;
            length += weight * r->c[i].length;
            for (int t = 0; t < r->terms; t++) tf[t] += weight * r->c[i].count[t];
            i = mn_search_next(r, i, behind);
        }
    }
    for (int t = 0; t < r->terms; t++)
        sum += r->term[t].idf * tf[t] * (K1 + 1) /
               (tf[t] + K1 * (1 - B + B * length / (mean_length(r) * reach)));
    return sum;
}

static double sense(const mn_search *r, int at) {
    int64_t ids[3] = {r->c[at].id};
    int n = 1;
    for (int behind = 0; behind < 2; behind++) {
        const int i = mn_search_next(r, at, behind);
        if (i >= 0) ids[n++] = r->c[i].id;
    }
    return mn_vectors_blend(r->vectors, ids, BESIDE, n);
}

/* What stands in brackets behind it does not count. */
int mn_search_asks(const char *text, size_t n) {
    while (n && strchr(" \t\r\n", text[n - 1])) n--;
    if (n && text[n - 1] == ']') {
        while (n && text[n - 1] != '[') n--;
        if (n) n--;
        while (n && strchr(" \t\r\n", text[n - 1])) n--;
    }
    return n && text[n - 1] == '?';
}

static int dated(const mn_search *r, const mn_candidate *c) {
    for (int i = 0; i < r->cues; i++)
        if (mn_cue_fits(r->cue + i, c->row.from)) return 1;
    return 0;
}

/* Did the one who is asked about say it? What is asked by somebody of himself, no program says. */
static int is_about(const mn_search *r, const mn_candidate *c) {
    if (r->about) return strcmp(c->row.speaker, r->about) == 0;
    return r->of != MN_ASKS_ANY && mn_org_program(c->row.speaker) == (r->of == MN_ASKS_PROGRAM);
}

int mn_search_about(const mn_search *r, const mn_candidate *c) {
    return (!r->about && r->of == MN_ASKS_ANY) || is_about(r, c);
}

static double share(double x, double best) {
    return best > 0 && x > 0 ? x / best : 0;
}

/* What was said comes before what was made of it, unless that is asked for. */
static int second(const mn_search *r, const mn_candidate *c) {
    return !r->seek->rows.kind && r->seek->value != MN_VALUE_FACT && mn_org_made(&c->row);
}

/* The key of an episode is its own, widened by the best of what was made of it alone: what many
 * turns say tells none of them from the others. */
static void widen(mn_search *r) {
    for (int i = 0; i < r->n; i++) {
        const mn_candidate *const fact = r->c + i;
        if (fact->episode < 0) continue;
        mn_candidate *const c = r->c + fact->episode;
        c->made_words = fmax(c->made_words, fact->words);
        c->made_sense = fmax(c->made_sense, fact->sense);
    }
    for (int i = 0; i < r->n; i++) {
        r->c[i].words += WIDEN * r->c[i].made_words;
        r->c[i].sense += WIDEN * r->c[i].made_sense;
    }
}

static void score(const mn_search *r, mn_candidate *c) {
    const double all = WORDS + (r->vectors ? SENSE : 0) +
                       (r->about || r->of != MN_ASKS_ANY ? SPEAKER : 0) + (r->cues ? DATE : 0);
    if (!c->within || (c->words <= 0 && c->sense <= 0)) return;
    const double said =
        WORDS * share(c->words, r->most_words) + SENSE * share(c->sense, r->most_sense);
    const double by = is_about(r, c) ? SPEAKER : 0;
    const double asked = mn_search_asks(c->row.text, c->row.n) ? QUESTION : 0;
    c->score = fmax(said + by + (dated(r, c) ? DATE : 0) - asked, 1e-6) / all;
    if (second(r, c)) c->score *= BEHIND;
}

static void sum_up(mn_search *r) {
    if (r->seek->key == MN_KEY_MERGED) widen(r);
    for (int i = 0; i < r->n; i++) {
        if (!r->c[i].within || second(r, r->c + i)) continue;
        r->most_words = fmax(r->most_words, r->c[i].words);
        r->most_sense = fmax(r->most_sense, r->c[i].sense);
    }
    for (int i = 0; i < r->n; i++) score(r, r->c + i);
}

static int better(const void *a, const void *b) {
    const mn_ranked *const x = a, *const y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

/* Who has no word of the query himself does not stand before the one he has them from. */
static void behind_own(mn_search *r, int at) {
    double most = 0;
    for (int t = 0; t < r->terms; t++)
        if (r->c[at].count[t]) return;
    for (int behind = 0; behind < 2; behind++) {
        int i = mn_search_next(r, at, behind);
        for (int d = 0; d < REACH && i >= 0; d++, i = mn_search_next(r, i, behind))
            for (int t = 0; t < r->terms; t++)
                if (r->c[i].count[t]) most = fmax(most, r->c[i].words);
    }
    r->c[at].words = fmin(r->c[at].words, BORROWED * most);
}

/* Both scores of those from the first-th on, whose neighbours were read. */
static int settle(mn_search *r, int first) {
    int64_t *ids;
    MN_TRY(bring(r, first, &ids));
    for (int i = first; i < r->n; i++) {
        if (!r->c[i].within) continue;
        r->c[i].words = spread(r, i);
        if (r->vectors) r->c[i].sense = sense(r, i);
    }
    for (int i = first; i < r->n; i++)
        if (r->c[i].within) behind_own(r, i);
    return 0;
}

/* Look around the best by words and the best by vectors. */
static int centres(mn_search *r, int most) {
    mn_ranked *order;
    const int all = r->n;
    MN_TRY(mn_arena_take(r->arena, (size_t)(all + 1) * sizeof *order, &order));
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < all; i++)
            order[i] = (mn_ranked){kind ? r->c[i].sense : r->c[i].words, r->c[i].id, i};
        qsort(order, (size_t)all, sizeof *order, better);
        for (int i = 0; i < all && i < most && order[i].score > 0; i++)
            MN_TRY(look_around(r, order[i].at));
    }
    return settle(r, 0);
}

int mn_search_more(mn_search *r, int first, int (*worth)(const mn_row *row)) {
    MN_TRY(read_rows(r, first));
    for (int i = first, last = r->n; i < last; i++)
        if (r->c[i].known && (!worth || worth(&r->c[i].row))) MN_TRY(look_around(r, i));
    MN_TRY(settle(r, first));
    for (int i = first; i < r->n; i++) score(r, r->c + i);
    return 0;
}

/* The best that may be answers, by score: how many. */
int mn_search_best(const mn_search *r, mn_ranked *order, int most) {
    int n = 0;
    for (int i = 0; i < r->n; i++)
        if (r->c[i].score > 0 && !second(r, r->c + i) &&
            mn_recall_fits(&r->c[i].row, r->who, r->seek))
            order[n++] = (mn_ranked){r->c[i].score, r->c[i].id, i};
    qsort(order, (size_t)n, sizeof *order, better);
    return n < most ? n : most;
}

/* What the hops add to each candidate. */
static int add_hops(mn_search *r, const mn_ranked *from, const mn_hop *hop, int n) {
    double *gain;
    const int first = r->n;
    MN_TRY(mn_search_room(r, r->n + n));
    for (int i = 0; i < n; i++) mn_search_candidate(r, hop[i].to);
    MN_TRY(read_rows(r, first));
    MN_TRY(mn_arena_take(r->arena, (size_t)(r->n + 1) * sizeof *gain, &gain));
    for (int i = 0; i < n; i++)
        gain[mn_search_candidate(r, hop[i].to)] +=
            share(from[hop[i].from].score, from->score) / sqrt(fmax(hop[i].neighbours, 1));
    for (int i = 0; i < r->n; i++) {
        if (!second(r, r->c + i)) r->c[i].score += HOP * from->score * fmin(gain[i], HOP_MOST);
        r->c[i].score /= 1 + HOP * HOP_MOST; /* the best has at most 1 */
    }
    return 0;
}

/* One hop along the links of an organiser, if there are any. */
static int follow(mn_search *r) {
    int64_t ids[HOPPED];
    mn_ranked *order;
    mn_hop *hop;
    int count;
    if (r->seek->rows.kind || r->seek->value == MN_VALUE_FACT || r->seek->key == MN_KEY_PLAIN)
        return 0;
    const int any = mn_hops_any(r->s, r->owner);
    if (any <= 0) return any;
    MN_TRY(mn_arena_take(r->arena, (size_t)(r->n + 1) * sizeof *order, &order));
    const int n = mn_search_best(r, order, HOPPED);
    for (int i = 0; i < n; i++) ids[i] = order[i].id;
    MN_TRY(mn_hops_of(r->s, r->owner, ids, n, r->arena, &hop, &count));
    return count ? add_hops(r, order, hop, count) : 0;
}

static int gather(mn_search *r) {
    mn_scan_hit near[BY_SENSE];
    MN_TRY(r->s->kind->span(r->s, r->owner, &r->rows, &r->words));
    MN_TRY(begin_sense(r));
    const int rc = by_words(r), n = r->vectors ? mn_vectors_end(r->vectors, near, BY_SENSE) : 0;
    MN_TRY(rc);
    MN_TRY(n);
    for (int i = 0; i < n; i++) mn_search_candidate(r, near[i].id);
    MN_TRY(by_time(r));
    MN_TRY(read_rows(r, 0));
    return by_links(r);
}

/* Without what was told at other times than the question's, unless that is all. */
static int of_time(const mn_seek *seek, mn_hit *hits, int n) {
    const int64_t now = seek->as_of == MN_NEVER ? mn_when_now() : seek->as_of;
    mn_timeq t;
    int kept = 0;
    if (!mn_timeq_of(seek->query, strlen(seek->query), now, &t)) return n;
    for (int i = 0; i < n; i++) {
        const mn_row *const row = &hits[i].row;
        if (mn_timeq_fits(&t, row->from, row->text, row->n)) hits[kept++] = hits[i];
    }
    return kept ? kept : n;
}

/* What says one of the best anew moves before it. */
static int newest_first(mn_search *r, mn_hit *hits, int n) {
    uint64_t alone[MN_TERMS];
    int words = 0;
    for (int i = 0; i < r->terms; i++)
        if (r->term[i].df > 0 && r->term[i].df < 2) alone[words++] = r->term[i].hash;
    mn_newest how = {.query = r->seek->query,
                     .alone = alone,
                     .words = words,
                     .tie = r->tie,
                     .ties = r->ties,
                     .dim = r->vectors ? mn_vectors_dim(r->vectors) : 0};
    if (mn_newest_past(how.query)) return 0;
    MN_TRY(mn_search_vectors(r, hits, n < MN_NEWEST_DEPTH ? n : MN_NEWEST_DEPTH, &how.vectors));
    return mn_newest_first(&how, r->arena, hits, n);
}

int mn_recall(mn_store *s, int64_t owner, const mn_who *who, const mn_seek *seek,
              mn_vectors *vectors, mn_arena *arena, mn_hit **hits, int *n) {
    const int dense = seek->vector && vectors && mn_vectors_dim(vectors) == seek->dim;
    mn_search r = {.s = s,
                   .owner = owner,
                   .who = who,
                   .seek = seek,
                   .arena = arena,
                   .vectors = dense ? vectors : NULL};
    mn_ranked *order;
    *n = 0;
    MN_TRY(gather(&r));
    MN_TRY(centres(&r, seek->k > CENTRES ? (int)fmin((double)seek->k, BY_WORDS) : CENTRES));
    sum_up(&r);
    MN_TRY(follow(&r));
    MN_TRY(mn_search_again(&r));
    MN_TRY(mn_search_ties(&r));
    MN_TRY(mn_arena_take(arena, (size_t)(r.n + 1) * sizeof *order, &order));
    MN_TRY(mn_arena_take(arena, (size_t)(r.n + 1 + MN_NAMED) * sizeof **hits, hits));
    for (int i = 0; i < r.n; i++)
        if (r.c[i].score > 0 && mn_recall_fits(&r.c[i].row, who, seek))
            order[(*n)++] = (mn_ranked){r.c[i].score, r.c[i].id, i};
    qsort(order, (size_t)*n, sizeof *order, better);
    for (int i = 0; i < *n; i++) (*hits)[i] = (mn_hit){r.c[order[i].at].row, order[i].score};
    if (seek->times == MN_TIMES_PRUNE) {
        const int all = *n;
        *n = of_time(seek, *hits, all);
        if (*n < all) MN_TRY(mn_search_named(&r, *hits, n));
    }
    if (!seek->rows.kind) MN_TRY(newest_first(&r, *hits, *n));
    return seek->value == MN_VALUE_SESSION ? mn_whole_sessions(s, owner, who, seek, arena, *hits, n)
                                           : 0;
}
