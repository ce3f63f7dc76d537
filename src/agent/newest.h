/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/newest.h - what somebody said anew stands before what he had said before.
 *
 * A memory keeps both "I drive a Leaf" and, a year later, "the Leaf is gone, it's a Yaris now": a
 * question in the present is answered by the second, though the first may have more of its words.
 */
#ifndef MN_AGENT_NEWEST_H
#define MN_AGENT_NEWEST_H
#include "agent/recall.h"

/* hits [n], best first: those that say one of the best anew move before it, and get its score. A
 * question about the past ("where did she live before") leaves them as they are; so does a record
 * that has one of `alone` [words], hashes of words of the question that no other record has: it is
 * meant. */
int mn_newest_first(const char *query, const uint64_t *alone, int words, mn_arena *arena,
                    mn_hit *hits, int n);

#endif
