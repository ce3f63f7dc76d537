/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/graph_names.h - which entity a name means.
 *
 * Names are compared as words (agent/words.h: without case and accents). The same words are the
 * same entity; so are names that share nine tenths of their 3-grams, unless they are so short or so
 * regular that a tenth may be all that tells them apart (less than 1.5 bits a letter). Candidates
 * come from MinHash (Broder, "On the resemblance and containment of documents", 1997): 32
 * permutations in 8 bands of 4, which miss 1 pair of 5,000 at that likeness.
 */
#ifndef MN_AGENT_GRAPH_NAMES_H
#define MN_AGENT_GRAPH_NAMES_H
#include "agent/org.h"

enum { MN_NAME_MAX = 160 }; /* bytes of a name, and of its words */

/* The words of a name, as they are compared: how many bytes; 0: it has none. */
size_t mn_graph_words(const char *name, size_t n, char out[MN_NAME_MAX + 8]);
/* The entity that `words` means: its id, and the words it goes by; 0: none. */
int mn_graph_name_find(mn_org *c, const char *words, int64_t *id, char out[MN_NAME_MAX + 8]);
void mn_graph_names_free(mn_graph_names **names);

#endif
