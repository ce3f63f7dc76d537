/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/say.c - SUBJECT [short words] VERBS OBJECT, by tables.
 *
 * The subject is "I", "my NOUN" or the capitalised words a sentence begins with; behind it come
 * words that change nothing (now, really, have), or a negation; then the longest row of `verbs`
 * that fits; then the object, until a word or sign that ends it.
 */
#include "agent/org/say.h"

#include "agent/cue.h"
#include "agent/words.h"

#include <ctype.h>
#include <string.h>

enum { TOKENS = 96, TOKEN_MAX = 40, OBJECT = 6, NAME = 3, NOUN = 3 };

/* ---- sentences ------------------------------------------------------------------------------ */
static int shortened(const char *text, const char *dot) {
    static const char *const known[] = {"Mr", "Mrs", "Ms", "Dr",  "St",  "Prof", "Jr",
                                        "Sr", "vs",  "No", "e.g", "i.e", "etc"};
    const char *from = dot;
    while (from > text && !isspace((unsigned char)from[-1])) from--;
    const size_t n = (size_t)(dot - from);
    if (n == 1 && isupper((unsigned char)*from) && *from != 'I') return 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == n && memcmp(from, known[i], n) == 0) return 1;
    return 0;
}

static int ends(const char *text, const char *p, const char *end) {
    if (*p == '\n') return 1;
    if (!strchr(".!?", *p)) return 0;
    return (p + 1 == end || isspace((unsigned char)p[1]) || strchr(".!?\"')", p[1])) &&
           !(*p == '.' && shortened(text, p));
}

int mn_say_next(const char **at, const char *end, mn_sentence *out) {
    const char *p = *at;
    while (p < end && (isspace((unsigned char)*p) || strchr(".!?\"')", *p))) p++;
    out->text = p;
    if (p >= end) return 0;
    while (p < end && !ends(out->text, p, end)) p++;
    while (p < end && strchr(".!?", *p)) p++;
    out->n = (size_t)(p - out->text);
    while (out->n && isspace((unsigned char)out->text[out->n - 1])) out->n--;
    *at = p;
    return 1;
}

/* ---- tokens --------------------------------------------------------------------------------- */
typedef struct token {
    const char *text; /* in the sentence, without signs around it */
    size_t n;
    char low[TOKEN_MAX]; /* lower case, straight apostrophes; "" when it is longer */
    int upper;           /* it begins with a capital */
    int stop;            /* a sign behind it ends a part of the sentence */
    int sign;            /* one before it does */
} token;

typedef struct parsed {
    token t[TOKENS];
    int n;
} parsed;

/* ' as people's keyboards have it (U+2019): how many bytes. */
static size_t apostrophe(const char *p, size_t left) {
    if (*p == '\'') return 1;
    return left >= 3 && memcmp(p, "\xe2\x80\x99", 3) == 0 ? 3 : 0;
}

static void lower(token *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const size_t mark = apostrophe(t->text + i, t->n - i);
        if (n + 2 > TOKEN_MAX) {
            n = 0;
            break;
        }
        t->low[n++] = mark ? '\'' : (char)tolower((unsigned char)t->text[i]);
        if (mark) i += mark - 1;
    }
    t->low[n] = 0;
}

static int inner(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Cut a contraction: "I'm" is "i" and "am". */
static void contraction(parsed *p) {
    static const char *const of[][2] = {{"i'm", "am"},    {"i've", "have"}, {"i'd", "would"},
                                        {"i'll", "will"}, {"we're", "are"}, {"we've", "have"}};
    token *const t = p->t + p->n - 1;
    for (size_t i = 0; i < sizeof of / sizeof *of && p->n < TOKENS; i++) {
        if (strcmp(t->low, of[i][0]) != 0) continue;
        token verb = *t;
        strcpy(verb.low, of[i][1]);
        verb.upper = 0;
        t->low[strcspn(t->low, "'")] = 0;
        t->n = strlen(t->low);
        t->stop = 0;
        p->t[p->n++] = verb;
        return;
    }
}

static int parse(const mn_sentence *s, parsed *p) {
    p->n = 0;
    for (size_t i = 0; i < s->n;) {
        token t = {.upper = 0};
        for (; i < s->n && !inner(s->text[i]); i++)
            if (strchr(",;:()[]-\"", s->text[i])) {
                if (p->n) p->t[p->n - 1].stop = 1;
                t.sign = 1;
            }
        if (i == s->n) break;
        if (p->n == TOKENS) return 0;
        t.text = s->text + i;
        while (i < s->n && (inner(s->text[i]) ||
                            (strchr("'-.&", s->text[i]) && i + 1 < s->n && inner(s->text[i + 1]))))
            i++;
        t.n = (size_t)(s->text + i - t.text);
        t.upper = isupper((unsigned char)*t.text) != 0;
        lower(&t);
        p->t[p->n++] = t;
        contraction(p);
    }
    return p->n;
}

static int is_one(const char *word, const char *const *list) {
    for (; *list; list++)
        if (strcmp(word, *list) == 0) return 1;
    return 0;
}

/* ---- is it a statement? --------------------------------------------------------------------- */
int mn_say_states(const mn_sentence *s) {
    static const char *const own[] = {"i", "my", "mine", "we", "our", NULL};
    parsed p;
    int mine = 0, words = 0;
    if (s->n > MN_SAY_MAX || !parse(s, &p) || s->text[s->n - 1] == '?') return 0;
    if (memchr(s->text, '"', s->n) || *s->text == '>') return 0;
    for (int i = 0; i < p.n; i++) mine |= is_one(p.t[i].low, own);
    for (mn_words w = mn_words_of(s->text, s->n); mine && mn_words_next(&w);) words++;
    return words >= 2;
}

/* ---- the tables ----------------------------------------------------------------------------- */
enum { MANY = 1, ENDS = 2 };
static const struct verb {
    const char *words, *relation;
    int how;
} verbs[] = {
    {"live in", "lives in", 0},
    {"lives in", "lives in", 0},
    {"am living in", "lives in", 0},
    {"is living in", "lives in", 0},
    {"moved to", "lives in", 0},
    {"moved into", "lives in", 0},
    {"relocated to", "lives in", 0},
    {"moved away from", "lives in", ENDS},
    {"moved out of", "lives in", ENDS},
    {"work at", "works at", 0},
    {"work for", "works at", 0},
    {"works at", "works at", 0},
    {"works for", "works at", 0},
    {"am working at", "works at", 0},
    {"am working for", "works at", 0},
    {"is working at", "works at", 0},
    {"is working for", "works at", 0},
    {"started working at", "works at", 0},
    {"started working for", "works at", 0},
    {"started a job at", "works at", 0},
    {"got a job at", "works at", 0},
    {"joined", "works at", 0},
    {"quit", "works at", ENDS},
    {"stopped working at", "works at", ENDS},
    {"stopped working for", "works at", ENDS},
    {"resigned from", "works at", ENDS},
    {"work as", "works as", 0},
    {"works as", "works as", 0},
    {"am working as", "works as", 0},
    {"is working as", "works as", 0},
    {"became a", "works as", 0},
    {"became an", "works as", 0},
    {"am from", "is from", 0},
    {"is from", "is from", 0},
    {"come from", "is from", 0},
    {"comes from", "is from", 0},
    {"grew up in", "grew up in", 0},
    {"was born in", "was born in", 0},
    {"married", "is married to", 0},
    {"am married to", "is married to", 0},
    {"is married to", "is married to", 0},
    {"am engaged to", "is engaged to", 0},
    {"is engaged to", "is engaged to", 0},
    {"am allergic to", "is allergic to", MANY},
    {"is allergic to", "is allergic to", MANY},
    {"like", "likes", MANY},
    {"likes", "likes", MANY},
    {"love", "likes", MANY},
    {"loves", "likes", MANY},
    {"enjoy", "likes", MANY},
    {"enjoys", "likes", MANY},
    {"stopped liking", "likes", MANY | ENDS},
    {"hate", "dislikes", MANY},
    {"hates", "dislikes", MANY},
    {"dislike", "dislikes", MANY},
    {"dislikes", "dislikes", MANY},
    {"study", "studies", MANY},
    {"studies", "studies", MANY},
    {"am studying", "studies", MANY},
    {"is studying", "studies", MANY},
    {"speak", "speaks", MANY},
    {"speaks", "speaks", MANY},
    {"play", "plays", MANY},
    {"plays", "plays", MANY},
    {"own", "has", MANY},
    {"owns", "has", MANY},
    {"have a", "has", MANY},
    {"have an", "has", MANY},
    {"has a", "has", MANY},
    {"has an", "has", MANY},
    {"bought", "has", MANY},
    {"adopted", "has", MANY},
    {"sold", "has", MANY | ENDS},
    {"gave away", "has", MANY | ENDS},
};
/* Between subject and verb, and of no matter. */
static const char *const idle[] = {"now",   "just",    "recently",  "also",     "really",
                                   "still", "finally", "currently", "actually", "absolutely",
                                   "have",  "has",     "already",   "always",   "do",
                                   "does",  NULL};
static const char *const negations[] = {"not",     "never",  "don't",  "doesn't", "didn't", "won't",
                                        "haven't", "hasn't", "wasn't", "isn't",   NULL};
/* What stands behind these is supposed, asked or wanted. */
static const char *const unreal[] = {"if",      "would",   "might",  "may",   "could",   "should",
                                     "wish",    "want",    "hope",   "maybe", "perhaps", "imagine",
                                     "suppose", "pretend", "unless", NULL};
/* They end an object. */
static const char *const behind[] = {
    "and",      "but",  "or",    "because", "since", "when",  "while",     "which",
    "who",      "that", "with",  "last",    "this",  "next",  "yesterday", "today",
    "tomorrow", "now",  "again", "so",      "as",    "until", "till",      "before",
    "after",    "for",  "from",  "ago",     "too",   "where", "in",        "on",
    "at",       "two",  "three", "every",   "then",  "there", "here",      "anymore",
    "just",     "even", "if",    "these",   "those", "by",    "during",    NULL};
static const char *const articles[] = {"a", "an", "the", "my", "our", "his", "her", "some", NULL};
/* Capitals that are no names. */
static const char *const no_names[] = {
    "i",   "my", "we",     "our",    "you",      "he",     "she",      "it",    "they",
    "the", "a",  "an",     "this",   "that",     "what",   "when",     "where", "who",
    "yes", "no", "ignore", "please", "everyone", "nobody", "somebody", "there", NULL};

/* ---- taking a sentence apart ---------------------------------------------------------------- */
typedef struct reading {
    const mn_sentence *s;
    const parsed *p;
    mn_arena *arena;
    const char *speaker;
} reading;

/* How many tokens from `at` the words of a row are; 0: they are not there. */
static int fits(const parsed *p, int at, const char *words) {
    int n = 0;
    while (*words) {
        const size_t k = strcspn(words, " ");
        if (at + n >= p->n || strlen(p->t[at + n].low) != k ||
            memcmp(p->t[at + n].low, words, k) != 0 || (n && p->t[at + n].sign))
            return 0;
        n++;
        words += k + (words[k] == ' ');
    }
    return n;
}

static const struct verb *verb_at(const parsed *p, int at, int *used) {
    const struct verb *best = NULL;
    *used = 0;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const int n = fits(p, at, verbs[i].words);
        if (n <= *used) continue;
        *used = n;
        best = verbs + i;
    }
    return best;
}

/* Tokens [from, until) as they stand in the sentence. */
static int piece(const reading *r, int from, int until, const char **out) {
    const token *const a = r->p->t + from, *const b = r->p->t + until - 1;
    const size_t n = (size_t)(b->text + b->n - a->text);
    char *copy;
    MN_TRY(mn_arena_take(r->arena, n + 1, &copy));
    memcpy(copy, a->text, n);
    *out = copy;
    return 0;
}

/* The object that begins at `at`: where it ends; `at`: there is none. */
static int object_end(const parsed *p, int *at) {
    while (*at < p->n && is_one(p->t[*at].low, articles) && !p->t[*at].stop) ++*at;
    int end = *at;
    while (end < p->n && end - *at < OBJECT) {
        const token *const t = p->t + end;
        if (is_one(t->low, behind) || (end > *at && t->sign)) break;
        end++;
        if (t->stop) break;
    }
    return end;
}

/* VERBS OBJECT from `at` on: 1 when it is a triple. */
static int predicate(const reading *r, int at, mn_triple *t) {
    const parsed *const p = r->p;
    int no = 0, used;
    for (; at < p->n && !p->t[at].sign; at++) {
        if (is_one(p->t[at].low, negations))
            no = 1;
        else if (fits(p, at, "no longer")) {
            no = 1;
            at++;
        } else if (!is_one(p->t[at].low, idle) || verb_at(p, at, &used))
            break;
    }
    const struct verb *const v = verb_at(p, at, &used);
    if (!v || (no && v->how & ENDS)) return 0;
    int from = at + used;
    if (p->t[from - 1].stop) return 0;
    const int until = object_end(p, &from);
    t->object = "";
    if (until > from) MN_TRY(piece(r, from, until, &t->object));
    t->relation = v->relation;
    t->many = (v->how & MANY) != 0;
    t->ends = no || (v->how & ENDS) != 0;
    return *t->object || t->ends;
}

/* "my favourite colour is green": 1. */
static int possessive(const reading *r, int at, mn_triple *t) {
    const parsed *const p = r->p;
    int is = at + 1;
    while (is < p->n && is - at - 1 < NOUN && strcmp(p->t[is].low, "is") != 0 && !p->t[is].stop &&
           !is_one(p->t[is].low, behind))
        is++;
    if (is == at + 1 || is + 1 >= p->n || strcmp(p->t[is].low, "is") != 0) return 0;
    int from = is + 1;
    if (is_one(p->t[from].low, negations) || is_one(p->t[from].low, idle)) return 0;
    const int until = object_end(p, &from);
    if (until == from) return 0;
    MN_TRY(piece(r, at + 1, is, &t->relation));
    MN_TRY(piece(r, from, until, &t->object));
    t->many = t->ends = 0;
    return 1;
}

/* The name a sentence begins with: how many tokens. */
static int name_at(const parsed *p, int at) {
    int n = 0;
    while (at + n < p->n && n < NAME && p->t[at + n].upper && !is_one(p->t[at + n].low, no_names)) {
        n++;
        if (p->t[at + n - 1].stop) break;
    }
    return n;
}

/* The date the sentence has, or when it was said. */
static int64_t begins(const mn_sentence *s, int64_t at) {
    mn_cue cue[MN_CUES];
    int64_t from, until;
    const int n = mn_cues_of(s->text, s->n, cue);
    if (n != 1 || !mn_cue_span(cue, &from, &until)) return at;
    return at == MN_NEVER || from <= at ? from : at;
}

static int read_at(const reading *r, int at, mn_triple *t) {
    const parsed *const p = r->p;
    if (strcmp(p->t[at].low, "i") == 0 && at + 1 < p->n) {
        t->subject = r->speaker;
        return *r->speaker ? predicate(r, at + 1, t) : 0;
    }
    if (strcmp(p->t[at].low, "my") == 0) {
        t->subject = r->speaker;
        return *r->speaker ? possessive(r, at, t) : 0;
    }
    const int name = at ? 0 : name_at(p, at);
    if (!name || name >= p->n || p->t[name - 1].stop) return 0;
    MN_TRY(piece(r, 0, name, &t->subject));
    return predicate(r, name, t);
}

int mn_say_triples(const mn_sentence *s, const char *speaker, int64_t at, mn_arena *arena,
                   mn_triple out[MN_SAY_TRIPLES], int *n) {
    parsed p;
    *n = 0;
    if (s->n > MN_SAY_MAX || !parse(s, &p) || s->text[s->n - 1] == '?') return 0;
    if (memchr(s->text, '"', s->n) || *s->text == '>') return 0;
    const reading r = {s, &p, arena, strlen(speaker) <= MN_SAY_MAX / 4 ? speaker : ""};
    char *text;
    for (int i = 0; i < p.n && *n < MN_SAY_TRIPLES; i++) {
        if (is_one(p.t[i].low, unreal)) break; /* and all behind it */
        mn_triple *const t = out + *n;
        *t = (mn_triple){.from = begins(s, at), .until = MN_NEVER};
        const int is = read_at(&r, i, t);
        MN_TRY(is);
        if (!is) continue;
        MN_TRY(mn_arena_take(arena, s->n + 1, &text));
        memcpy(text, s->text, s->n);
        t->text = text;
        ++*n;
    }
    return 0;
}
