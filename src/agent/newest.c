/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/newest.c - which of the best records say another one anew, by rules.
 *
 * For each of the best FIRST records, O, one of the best DEPTH behind it, N, moves before it: later
 * than O, by the same speaker, and with the most of
 *
 *     N's score / O's + SAME (both have a word that neither the question nor any other of the DEPTH
 *                             has: what it was before)
 *                     + CHANGE (N has a word of change: "now", "no longer", "instead", ..)
 *
 * which must be ENOUGH. Only DEPTH are looked at, so that the ten best stay the ten best: constants
 * were chosen on seeds 1 to 6 of bench/memgen.h (the newest of two stands first for .65 of 160
 * updates; before: .51), and in LoCoMo, whose questions are of the past, nothing is lost. What
 * shares words neither with the question nor with O is not seen.
 */
#include "agent/newest.h"

#include "agent/words.h"
#include "base/hash.h"

#include <string.h>

enum { FIRST = 5, DEPTH = 10, WORDS = 96 };
static const double LEAST = 0.3, SAME = 0.4, CHANGE = 0.3, ENOUGH = 1.2;

typedef struct bag {
    uint64_t word[WORDS]; /* hashes, each once */
    int n;
    int rank; /* it had at first */
    int change, moved;
} bag;

typedef struct texts {
    bag query, bag[DEPTH];
    int n;
} texts;

static int one_of(const char *w, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(w, list[i]) == 0) return 1;
    return 0;
}
#define ONE_OF(w, list) one_of(w, list, sizeof(list) / sizeof *(list))

/* Is it asked what was, when, or of many? Else it is asked what is. */
static int asks_of_past(const char *query) {
    static const char *const words[] = {"did",   "was",    "were", "had",         "when",  "first",
                                        "last",  "before", "ago",  "recommended", "used",  "once",
                                        "has",   "have",   "are",  "would",       "could", "should",
                                        "might", "been",   "made", "most",        "all"};
    for (mn_words w = mn_words_of(query, strlen(query)); mn_words_spoken(&w);) {
        w.word[w.n] = '\0';
        if (ONE_OF(w.word, words)) return 1;
        if (w.n > 4 && strcmp(w.word + w.n - 2, "ed") == 0) return 1;
    }
    return 0;
}

/* Does the text tell of a change? */
static int changes(const mn_row *row) {
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

static void read_all(texts *t, const char *query, const mn_hit *hits, int n) {
    t->n = n < DEPTH ? n : DEPTH;
    fill(&t->query, query, strlen(query));
    for (int i = 0; i < t->n; i++) {
        fill(t->bag + i, hits[i].row.text, hits[i].row.n);
        t->bag[i].rank = i;
        t->bag[i].change = changes(&hits[i].row);
    }
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
/* How surely hit k says hit o anew; 0: not at all. */
static double anew(const texts *t, const mn_hit *hits, int o, int k) {
    const mn_row *const was = &hits[o].row, *const is = &hits[k].row;
    const double share = hits[k].score / hits[o].score;
    if (t->bag[k].moved || share < LEAST || is->from == MN_NEVER || was->from == MN_NEVER ||
        is->from <= was->from || strcmp(is->speaker, was->speaker) != 0)
        return 0;
    return share + (share_a_word(t, t->bag + o, t->bag + k) ? SAME : 0) +
           (t->bag[k].change ? CHANGE : 0);
}

/* Hit k to where `to` is; those between move down. */
static void move(texts *t, mn_hit *hits, int k, int to) {
    const mn_hit hit = {hits[k].row, hits[to].score};
    const bag b = t->bag[k];
    memmove(hits + to + 1, hits + to, (size_t)(k - to) * sizeof *hits);
    memmove(t->bag + to + 1, t->bag + to, (size_t)(k - to) * sizeof b);
    hits[to] = hit;
    t->bag[to] = b;
    t->bag[to].moved = 1;
}

/* Is one of the words that no other record has in it? */
static int is_meant(const bag *b, const uint64_t *alone, int words) {
    for (int i = 0; i < words; i++)
        if (has(b, alone[i])) return 1;
    return 0;
}

int mn_newest_first(const char *query, const uint64_t *alone, int words, mn_arena *arena,
                    mn_hit *hits, int n) {
    texts *t;
    if (n < 2 || asks_of_past(query)) return 0;
    MN_TRY(mn_arena_take(arena, sizeof *t, &t));
    read_all(t, query, hits, n);
    for (int o = 0; o < t->n && (t->bag[o].moved || t->bag[o].rank < FIRST); o++) {
        double most = ENOUGH;
        int best = -1;
        if (t->bag[o].moved || is_meant(t->bag + o, alone, words)) continue;
        for (int k = o + 1; k < t->n; k++) {
            const double sure = anew(t, hits, o, k);
            if (sure < most || (best >= 0 && sure == most)) continue;
            most = sure;
            best = k;
        }
        if (best >= 0) move(t, hits, best, o++);
    }
    return 0;
}
