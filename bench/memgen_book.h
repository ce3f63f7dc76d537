/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen_book.h - the sentence patterns of bench/memgen/, and how one becomes a sentence.
 *
 * A pattern is text with {slots} and [one|of|these]. A slot is what the caller gave that name, else
 * an item of the list of that name, else a verb in the third person, which loses its s where
 * somebody asks about themselves. What a slot put there stands between MN_BOOK_OPEN and
 * MN_BOOK_CLOSE until mn_book_polish, which leaves it as it is while it makes the rest look typed.
 * "a" becomes "an" before a slot that wants it.
 */
#ifndef MN_BENCH_MEMGEN_BOOK_H
#define MN_BENCH_MEMGEN_BOOK_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/random.h"

enum { MN_BOOK_OPEN = 1, MN_BOOK_CLOSE = 2, MN_BOOK_PLAIN = 26, MN_BOOK_TAGS };

typedef struct mn_choice { /* lines that may stand for each other */
    const char **line;
    int n;
    int at, step, left; /* the walk through all of them before any comes again */
} mn_choice;

typedef struct mn_block {
    const char *kind, *name, *of; /* [relation home city] */
    mn_choice tag[MN_BOOK_TAGS];  /* 'a'..'z', and of lines without a tag */
} mn_block;

typedef struct mn_book {
    mn_arena arena;
    mn_block *block;
    int n;
} mn_book;

int mn_book_open(mn_book *b);
/* Of any text: MN_ECORRUPT names the line. */
int mn_book_parse(mn_book *b, const char *text, size_t n);
void mn_book_free(mn_book *b);
/* NULL: there is none. */
mn_block *mn_book_find(const mn_book *b, const char *kind, const char *name);
/* Begin anew: what comes next does not depend on what was taken before. */
void mn_book_rewind(mn_book *b);

/* From 0 to n - 1; 1 with that probability. */
int mn_draw(mn_random *r, int n);
int mn_chance(mn_random *r, double p);
/* One of them, each as often as the others; NULL of none. */
const char *mn_choice_next(mn_choice *c, mn_random *r);
static inline mn_choice *mn_lines_of(mn_block *b, char tag) {
    return &b->tag[tag - 'a'];
}

typedef struct mn_slot {
    const char *name, *value;
} mn_slot;
typedef struct mn_voice {
    const mn_book *book;
    mn_random *random;
    const mn_slot *slot; /* ends with a NULL name */
    int first_person;
} mn_voice;
/* Append what the first n bytes of a pattern say. */
int mn_voice_put(const mn_voice *v, const char *pattern, size_t n, mn_buf *out);
/* Capitals, and, of a typed text, now and then a slip; marks go. */
int mn_book_polish(mn_random *r, const char *text, int typed, mn_buf *out);

#endif
