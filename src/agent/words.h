/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/words.h - the words of a text, as they are looked for.
 *
 *     mn_words w = mn_words_of(text, n);
 *     while (mn_words_next(&w)) ...w.word[0 .. w.n)
 *
 * A word is a run of letters, marks and digits, in lower case (Unicode case folding) and without
 * accents (NFKD, marks dropped). Scripts that write no spaces (Han, Kana, Thai and their like) give
 * each pair of neighbouring characters, and a character that has no neighbour alone. The commonest
 * English words are left out, and words of plain letters lose the commonest English endings: rules
 * of four lines find as much in dialogues as Porter's sixty. What is no UTF-8 counts as a space.
 *
 * The index of a store holds what comes out of here: whoever changes it raises MN_WORDS_VERSION.
 */
#ifndef MN_AGENT_WORDS_H
#define MN_AGENT_WORDS_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MN_WORDS_VERSION = 2,
    MN_WORD_MAX = 48
}; /* bytes of a word; the rest of a longer one is cut */

typedef struct mn_words {
    const unsigned char *at, *end;
    char word[MN_WORD_MAX + 8];
    size_t n;
    const unsigned char *from, *till; /* where it was found */
    int32_t last;                 /* of a script without spaces: the character before; 0: none */
    const unsigned char *at_last; /* where that one is */
    int alone;                    /* it has been in no pair yet */
} mn_words;

mn_words mn_words_of(const char *text, size_t n);
int mn_words_next(mn_words *w);     /* 1: there is one more */
int mn_words_spoken(mn_words *w);   /* the same, as it was said: none is left out, endings stay */
int mn_words_uncommon(mn_words *w); /* the same without the commonest; endings stay */
void mn_words_stem(mn_words *w);    /* what mn_words_next makes of that */

/* One of MN_WORD_STARTS by the first two bytes, which a word has in common with its stem. */
enum { MN_WORD_STARTS = 256 };
static inline size_t mn_words_start(const mn_words *w) {
    const unsigned char *const p = (const unsigned char *)w->word;
    return (p[0] * 31u + (w->n > 1 ? p[1] : 0u)) % MN_WORD_STARTS;
}

/* All words of a text, each behind `owner` and a colon, a space between: "12:cat 12:dog", which is
 * what the word index of a store is given. Words of one owner are no other owner's words. */
int mn_words_line(int64_t owner, const char *text, size_t n, mn_buf *out);
/* One more of a kind that no text has, such as an agent's name: "12:@a=..", hashed. */
int mn_words_mark(int64_t owner, char kind, const char *name, mn_buf *out);

#endif
