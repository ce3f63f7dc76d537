/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/names.h - whom a question is about, and what is asked then.
 *
 * In a conversation nobody says his own name: a question about Ann is answered by what Ann said of
 * herself. So names of those who speak in the records are no words to look for; in the text that
 * becomes the question's vector they are "I" and "my", as she would say it. In dialogues (LoCoMo,
 * five conversations) vectors alone find twice as much that way: .33 to .66 of the evidence.
 */
#ifndef MN_AGENT_NAMES_H
#define MN_AGENT_NAMES_H
#include "agent/store.h"
#include "base/buf.h"

enum { MN_NAMES = 256 }; /* speakers that are known by name, those who speak most */

typedef struct mn_names {
    const char *name[MN_NAMES]; /* the arena's */
    int n;
} mn_names;

int mn_names_read(mn_names *names, mn_store *s, int64_t owner, mn_arena *arena);
/* Is it a word of a speaker's name, as mn_words_next gives it? */
int mn_names_has(const mn_names *names, const char *word, size_t n);
/* The speaker the query is about: the only one it names, or the first, for who does something
 * stands before whom it is done to. NULL: it names none, or joins several by "and" or "or". */
const char *mn_names_about(const mn_names *names, const char *query);
/* Does who asks ask about himself: "where do I live", but not "what did you tell me"? */
int mn_names_self(const char *query);
int mn_names_other(const char *query); /* the opposite: "what did you tell me" */
/* The query as it is to become a vector. */
int mn_names_rewrite(const mn_names *names, const char *query, mn_buf *out);

#endif
