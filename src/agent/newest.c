/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/newest.c - which of the best records say another one anew, by rules.
 *
 * For each of the best FIRST records, O, one record N behind it moves before it: later than O, by
 * the same speaker, and with the most of
 *
 *     N's score / O's + SAME (both have a word that neither the question nor any other of the DEPTH
 *                             has: what it was before)
 *                     + CHANGE (N has a word of change: "now", "no longer", "instead", ..)
 *                     + what their cosine, with what stands beside them, is above UNLIKE
 *
 * which must be ENOUGH. Only the DEPTH best are looked at, so that the ten best stay the ten best,
 * and those of any rank that are tied to O by words which hardly any record has: for these
 *
 *     N's score / O's + SAME * (how rare they are together, at most 1) + CHANGE
 *
 * must be SURE. What has moved may itself be said anew, CHAIN times. Constants were chosen on seeds
 * 1 to 6 and 11 to 13 of bench/memgen.h, and on LoCoMo, whose questions are of the past.
 */
#include "agent/newest.h"

#include "agent/words.h"
#include "base/hash.h"

#include <math.h>
#include <string.h>

enum { FIRST = 5, DEPTH = MN_NEWEST_DEPTH, WORDS = 96, CHAIN = 3 };
static const double LEAST = 0.3, SAME = 0.4, CHANGE = 0.3, UNLIKE = 0.4, ENOUGH = 1.2;
static const double TIED_LEAST = 0.15, SURE = 1;

typedef struct bag {
    uint64_t word[WORDS]; /* hashes, each once */
    int n;
    int rank; /* it had at first */
    int change, moved;
} bag;

typedef struct texts {
    const mn_newest *how;
    bag query, bag[DEPTH];
    int n;
} texts;

static int one_of(const char *w, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(w, list[i]) == 0) return 1;
    return 0;
}
#define ONE_OF(w, list) one_of(w, list, sizeof(list) / sizeof *(list))

int mn_newest_past(const char *query) {
    /* "What is her boss called?" asks what is. */
    static const char *const states[] = {"called", "named",   "titled", "employed",
                                         "based",  "married", "needed", "located"};
    static const char *const words[] = {"did",   "was",    "were", "had",         "when",  "first",
                                        "last",  "before", "ago",  "recommended", "used",  "once",
                                        "has",   "have",   "are",  "would",       "could", "should",
                                        "might", "been",   "made", "most",        "all"};
    /* So do "Which does she like most?", "Do I have a dog?" and "When does he get up?" */
    static const char *const usually[] = {"do", "does"}, *const then[] = {"have", "most", "when"};
    int usual = 0;
    for (mn_words w = mn_words_of(query, strlen(query)); mn_words_spoken(&w);) {
        w.word[w.n] = '\0';
        usual |= ONE_OF(w.word, usually);
    }
    for (mn_words w = mn_words_of(query, strlen(query)); mn_words_spoken(&w);) {
        w.word[w.n] = '\0';
        if (usual && ONE_OF(w.word, then)) continue;
        if (ONE_OF(w.word, words)) return 1;
        if (ONE_OF(w.word, states)) continue;
        if (w.n > 4 && strcmp(w.word + w.n - 2, "ed") == 0) return 1;
    }
    return 0;
}

int mn_newest_changes(const mn_row *row) {
    static const char *const words[] = {
        "now",     "nowadays", "anymore", "longer",  "instead",  "switched", "switch",  "swapped",
        "swap",    "changed",  "change",  "moved",   "quit",     "stopped",  "dropped", "replaced",
        "replace", "new",      "goodbye", "became",  "upgraded", "upgrade",  "gone",    "since",
        "lately",  "recently", "today",   "history", "used"};
    static const char *const pairs[][2] = {
        {"no", "more"}, {"any", "more"}, {"these", "days"}, {"over", "to"}};
    char last[MN_WORD_MAX + 8] = "";
    for (mn_words w = mn_words_of(row->text, row->n); mn_words_spoken(&w);) {
        w.word[w.n] = '\0';
        if (ONE_OF(w.word, words)) return 1;
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
            if (strcmp(last, pairs[i][0]) == 0 && strcmp(w.word, pairs[i][1]) == 0) return 1;
        memcpy(last, w.word, w.n + 1);
    }
    return 0;
}

/* ---- words ---------------------------------------------------------------------------------- */
static int has(const bag *b, uint64_t word) {
    for (int i = 0; i < b->n; i++)
        if (b->word[i] == word) return 1;
    return 0;
}

static void fill(bag *b, const char *text, size_t n) {
    for (mn_words w = mn_words_of(text, n); b->n < WORDS && mn_words_next(&w);) {
        const uint64_t word = mn_hash64(w.word, w.n);
        if (!has(b, word)) b->word[b->n++] = word;
    }
}

static bag bag_of(const mn_hit *hit, int rank) {
    bag b = {.rank = rank, .change = mn_newest_changes(&hit->row)};
    fill(&b, hit->row.text, hit->row.n);
    return b;
}

static void read_all(texts *t, const mn_hit *hits, int n) {
    t->n = n < DEPTH ? n : DEPTH;
    fill(&t->query, t->how->query, strlen(t->how->query));
    for (int i = 0; i < t->n; i++) t->bag[i] = bag_of(hits + i, i);
}

/* In how many of the texts a word is. */
static int texts_with(const texts *t, uint64_t word) {
    int n = 0;
    for (int i = 0; i < t->n; i++) n += has(t->bag + i, word);
    return n;
}

/* Have both a word that no other text and not the question has? */
static int share_a_word(const texts *t, const bag *a, const bag *b) {
    for (int i = 0; i < a->n; i++)
        if (has(b, a->word[i]) && !has(&t->query, a->word[i]) && texts_with(t, a->word[i]) == 2)
            return 1;
    return 0;
}

/* ---- which says which anew ------------------------------------------------------------------ */
/* How rare the words are that tie two records. */
static double tied(const mn_newest *how, int64_t was, int64_t is) {
    double sum = 0;
    for (int i = 0; i < how->ties; i++)
        if (how->tie[i].was == was && how->tie[i].is == is) sum += how->tie[i].rare;
    return sum;
}

/* What the cosine of two of the first hits is above UNLIKE. */
static double like(const texts *t, const bag *a, const bag *b) {
    const mn_newest *const how = t->how;
    double ab = 0, aa = 0, bb = 0;
    if (!how->vectors || a->rank >= DEPTH || b->rank >= DEPTH) return 0;
    const float *const x = how->vectors + (size_t)a->rank * (size_t)how->dim,
                       *const y = how->vectors + (size_t)b->rank * (size_t)how->dim;
    for (int d = 0; d < how->dim; d++) {
        ab += (double)x[d] * y[d];
        aa += (double)x[d] * x[d];
        bb += (double)y[d] * y[d];
    }
    return aa > 0 && bb > 0 ? fmax(ab / sqrt(aa * bb) - UNLIKE, 0) : 0;
}

/* How surely hit k says hit o anew; 0: not at all. Surest by rare words. */
static double anew(const texts *t, const mn_hit *hits, int o, int k) {
    const mn_row *const was = &hits[o].row, *const is = &hits[k].row;
    const double share = hits[k].score / hits[o].score;
    if (share < TIED_LEAST || is->from == MN_NEVER || was->from == MN_NEVER ||
        is->from <= was->from || strcmp(is->speaker, was->speaker) != 0)
        return 0;
    const double rare = tied(t->how, was->id, is->id);
    if (k >= t->n && rare <= 0) return 0;
    const double change = (k < t->n ? t->bag[k].change : mn_newest_changes(is)) ? CHANGE : 0;
    const double sure = share + SAME * fmin(1, rare) + change;
    if (rare > 0 && sure >= SURE) return ENOUGH + sure;
    if (k >= t->n || t->bag[k].moved || share < LEAST) return 0;
    return share + (share_a_word(t, t->bag + o, t->bag + k) ? SAME : 0) + change +
           like(t, t->bag + o, t->bag + k);
}

/* Hit k to where `to` is; those between move down. */
static void move(texts *t, mn_hit *hits, int k, int to) {
    const mn_hit hit = {hits[k].row, hits[to].score};
    const bag b = k < t->n ? t->bag[k] : bag_of(hits + k, k);
    const int last = k < t->n ? k : t->n - 1;
    memmove(hits + to + 1, hits + to, (size_t)(k - to) * sizeof *hits);
    memmove(t->bag + to + 1, t->bag + to, (size_t)(last - to) * sizeof b);
    hits[to] = hit;
    t->bag[to] = b;
    t->bag[to].moved = 1;
}

/* Is one of the words that no other record has in it? */
static int is_meant(const texts *t, const bag *b) {
    for (int i = 0; i < t->how->words; i++)
        if (has(b, t->how->alone[i])) return 1;
    return 0;
}

/* The hit that says hit o anew; -1. */
static int newer(const texts *t, const mn_hit *hits, int n, int o) {
    double most = ENOUGH;
    int best = -1;
    if (is_meant(t, t->bag + o)) return -1;
    for (int k = o + 1; k < n; k++) {
        const double sure = anew(t, hits, o, k);
        if (sure < most || (best >= 0 && sure == most)) continue;
        most = sure;
        best = k;
    }
    return best;
}

int mn_newest_first(const mn_newest *how, mn_arena *arena, mn_hit *hits, int n) {
    texts *t;
    if (n < 2 || mn_newest_past(how->query)) return 0;
    MN_TRY(mn_arena_take(arena, sizeof *t, &t));
    t->how = how;
    read_all(t, hits, n);
    for (int o = 0; o < t->n && (t->bag[o].moved || t->bag[o].rank < FIRST); o++) {
        int times = 0;
        for (int k; times < CHAIN && (k = newer(t, hits, n, o)) >= 0; times++) move(t, hits, k, o);
        o += times;
    }
    return 0;
}
