/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/recall_on.c - what the best records lead to: others in the same words, others with the same
 * rare words, others about those whom they name.
 *
 * Again: of each of the SEEN best, the sentence with most of what is asked. One that a better
 * record of another session has, word for word, or that two others have, is a manner of speaking:
 * the score of its record loses AGAIN of it.
 *
 * Ties: where it is asked what is, words of the TIED best by the one it is asked about, if they
 * stand in no more than TIE_ROWS records, bring these; agent/newest.h says which of them say one of
 * the best anew.
 *
 * Names: "the city of whom I stayed with in May" is told in two records, and only one is of May. So
 * where other times are left out, names in the best record bring records of any time, and the
 * MN_NAMED of them that fit the question best stand behind the first BEFORE.
 */
#include "agent/recall_inside.h"

#include "agent/org/say.h"
#include "base/hash.h"

#include <math.h>
#include <string.h>

enum {
    SEEN = 100,
    TIED = 5,
    TIED_OF = 10,
    TIE_WORDS = 14,
    TIE_ROWS = 5,
    NAME_ROWS = 32,
    BEFORE = 2,
};
static const double AGAIN = 0.4, OTHER = 0.1;
static const float BESIDE[] = {0.5f, 0.3f}; /* the record before, and the one behind */

/* ---- in the same words ---------------------------------------------------------------------- */
/* The words of a sentence, as a hash. */
static uint64_t words_of(const mn_sentence *s) {
    uint64_t all = s->n;
    for (mn_words w = mn_words_of(s->text, s->n); mn_words_next(&w);) {
        const uint64_t word[2] = {all, mn_hash64(w.word, w.n)};
        all = mn_hash64(word, sizeof word);
    }
    return all;
}

/* The sentence of a row that has most of what is asked, as a hash; 0: none has any. */
static uint64_t told(const mn_search *r, const mn_row *row) {
    const char *at = row->text;
    mn_sentence best = {0};
    double most = 0;
    for (mn_sentence s; mn_say_next(&at, row->text + row->n, &s);) {
        double sum = 0;
        for (mn_words w = mn_words_of(s.text, s.n); mn_words_uncommon(&w);) {
            const int term = mn_search_term(r, &w);
            if (term >= 0) sum += r->term[term].idf;
        }
        if (sum <= most) continue;
        most = sum;
        best = s;
    }
    return most > 0 ? words_of(&best) : 0;
}

int mn_search_again(mn_search *r) {
    mn_ranked *order;
    uint64_t *what;
    MN_TRY(mn_arena_take(r->arena, (size_t)(r->n + 1) * sizeof *order, &order));
    MN_TRY(mn_arena_take(r->arena, SEEN * sizeof *what, &what));
    const int n = mn_search_best(r, order, SEEN);
    for (int i = 0; i < n; i++) what[i] = told(r, &r->c[order[i].at].row);
    for (int i = 0; i < n; i++) {
        mn_candidate *const c = r->c + order[i].at;
        int others = 0, better = 0;
        for (int k = 0; k < n && what[i]; k++) {
            if (what[k] != what[i] || strcmp(r->c[order[k].at].row.session, c->row.session) == 0)
                continue;
            others++;
            better += k < i;
        }
        if (better || others > 1) c->score *= 1 - AGAIN;
    }
    return 0;
}

/* ---- with the same rare words ---------------------------------------------------------------- */
static int is_asked(const mn_search *r, uint64_t word) {
    for (int i = 0; i < r->terms; i++)
        if (r->term[i].hash == word) return 1;
    return 0;
}

/* Records of the rare words of this candidate. */
static int tie(mn_search *r, int at) {
    const mn_row row = r->c[at].row;
    mn_words w = mn_words_of(row.text, row.n);
    for (int n = 0; n < TIE_WORDS && mn_words_next(&w); n++) {
        mn_term t = {.n = w.n, .hash = mn_hash64(w.word, w.n), .said = 1};
        if (is_asked(r, t.hash) || mn_names_has(&r->names, w.word, w.n)) continue;
        memcpy(t.word, w.word, w.n);
        MN_TRY(mn_search_list(r, &t, TIE_ROWS + 1));
        if (t.have < 2 || t.have > TIE_ROWS || t.have >= r->rows) continue;
        MN_TRY(mn_search_room(r, r->n + t.have));
        for (int i = 0; i < t.have && r->ties < MN_TIES; i++) {
            if (t.ids[i] == row.id) continue;
            mn_search_candidate(r, t.ids[i]);
            r->tie[r->ties++] = (mn_tie){row.id, t.ids[i], 1 - log(t.have) / log((double)r->rows)};
        }
    }
    return 0;
}

int mn_search_ties(mn_search *r) {
    mn_ranked *order;
    const char *const query = r->seek->query;
    const int first = r->n;
    if (r->seek->rows.kind || !mn_search_asks(query, strlen(query)) || mn_newest_past(query))
        return 0;
    MN_TRY(mn_arena_take(r->arena, MN_TIES * sizeof *r->tie, &r->tie));
    MN_TRY(mn_arena_take(r->arena, (size_t)(r->n + 1) * sizeof *order, &order));
    const int n = mn_search_best(r, order, TIED_OF);
    for (int i = 0, tied = 0; i < n && tied < TIED; i++) {
        if (!mn_search_about(r, r->c + order[i].at)) continue;
        MN_TRY(tie(r, order[i].at));
        tied++;
    }
    return mn_search_more(r, first, mn_newest_changes);
}

int mn_search_vectors(mn_search *r, const mn_hit *hits, int n, float **out) {
    float one[MN_VECTOR_DIM_MAX];
    *out = NULL;
    if (!r->vectors) return 0;
    const int dim = mn_vectors_dim(r->vectors);
    MN_TRY(mn_arena_take(r->arena, (size_t)(n + 1) * (size_t)dim * sizeof **out, out));
    for (int i = 0; i < n; i++) {
        const int at = mn_search_candidate(r, hits[i].row.id);
        for (int k = 0; k < 3; k++) {
            const int from = k ? mn_search_next(r, at, k - 1) : at;
            if (from < 0 || !mn_vectors_of(r->vectors, r->c[from].id, one)) continue;
            for (int d = 0; d < dim; d++)
                (*out)[(size_t)i * (size_t)dim + (size_t)d] += (k ? BESIDE[k - 1] : 1) * one[d];
        }
    }
    return 0;
}

/* ---- about those who are named --------------------------------------------------------------- */
/* Is it a name, but for those who speak? The first word of a text has its capital anyway. */
static int is_name(const mn_search *r, const mn_row *row, const mn_words *w) {
    const char *const p = (const char *)w->from;
    return *p >= 'A' && *p <= 'Z' && w->n > 2 && p != row->text &&
           !mn_names_has(&r->names, w->word, w->n);
}

/* Records of the names in a row: how many, at most `most`. */
static int naming(mn_search *r, const mn_row *row, int64_t *out, int most) {
    const int first = r->n;
    int n = 0;
    for (mn_words w = mn_words_of(row->text, row->n); mn_words_next(&w);) {
        mn_term t = {.n = w.n, .said = 1};
        if (!is_name(r, row, &w)) continue;
        memcpy(t.word, w.word, w.n);
        MN_TRY(mn_search_list(r, &t, NAME_ROWS + 1));
        if (t.have > NAME_ROWS) continue;
        MN_TRY(mn_search_room(r, r->n + t.have));
        for (int i = 0; i < t.have && n < most; i++) {
            if (t.ids[i] == row->id) continue;
            mn_search_candidate(r, t.ids[i]);
            out[n++] = t.ids[i];
        }
    }
    MN_TRY(mn_search_more(r, first, NULL));
    return n;
}

/* The best of ids[n] that is not among the hits; NULL. */
static const mn_candidate *best_of(mn_search *r, const mn_hit *hits, int n_hits, const int64_t *ids,
                                   int n) {
    const mn_candidate *best = NULL;
    double most = 0;
    for (int i = 0; i < n; i++) {
        const mn_candidate *const c = r->c + mn_search_candidate(r, ids[i]);
        const double score =
            c->score - (strcmp(c->row.speaker, hits[0].row.speaker) == 0 ? 0 : OTHER);
        int there = !c->known || score <= most || !mn_recall_fits(&c->row, r->who, r->seek);
        for (int k = 0; k < n_hits && !there; k++) there = hits[k].row.id == c->id;
        if (there) continue;
        best = c;
        most = score;
    }
    return best;
}

int mn_search_named(mn_search *r, mn_hit *hits, int *n) {
    int64_t ids[2 * NAME_ROWS];
    if (!*n) return 0;
    const mn_row row = hits[0].row;
    const int named = naming(r, &row, ids, 2 * NAME_ROWS);
    MN_TRY(named);
    for (int k = 0; k < MN_NAMED; k++) {
        const mn_candidate *const c = best_of(r, hits, *n, ids, named);
        const int to = *n < BEFORE + k ? *n : BEFORE + k;
        if (!c) break;
        memmove(hits + to + 1, hits + to, (size_t)(*n - to) * sizeof *hits);
        hits[to] = (mn_hit){c->row, hits[to - 1].score};
        ++*n;
    }
    return 0;
}
