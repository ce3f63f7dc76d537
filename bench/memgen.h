/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen.h - a generator of long acquaintances: what two people told each other over months,
 * and questions about it whose answers are known.
 *
 *     mn_history h = {0};
 *     mn_memgen(1, MN_MEMGEN_S, 0, &h);   // the first history of seed 1; mn_history_free(&h)
 *
 * A history is a function of seed, size and number alone: the same bytes on every machine. In even
 * ones two friends write to each other, in odd ones somebody writes to an assistant. Around what
 * is asked for later stands small talk, and much that looks like it: the same things said of
 * relatives, colleagues and strangers, and by the other one of themselves.
 *
 * The world (bench/memgen_world.c): each person has facts of some of the relations of
 * memgen/facts.txt, which may change, once or twice, and things that happen to them on a day
 * (memgen/events.txt). Each is said once (bench/memgen_talk.c), in one of several ways, none of
 * which need share a word with the question; a saying may take turns of both. Questions
 * (bench/memgen_ask.c) are of the types
 *   single      one fact of a speaker, or of somebody they told of
 *   advice      what the other one recommended
 *   preference  hinted at, never named
 *   update      what changed: the newest counts, the old one was said before
 *   temporal    a day, what it was in a week, which of two came first
 *   multi       sums and counts over several conversations, and facts by way of somebody else
 *   absent      nobody said it, though something alike was said of others
 * and for facts there is what was true when, with questions for a day (mn_past).
 *
 * It differs from what people say in that it is clean, in English, and made of a few thousand
 * sentences: easier than LongMemEval and LoCoMo. Whoever takes facts out of texts by rules must not
 * take them from here: rules and these patterns share no templates, or the figure says nothing.
 */
#ifndef MN_BENCH_MEMGEN_H
#define MN_BENCH_MEMGEN_H
#include "bench/history.h"

#include <stdint.h>

typedef enum mn_memgen_size {
    MN_MEMGEN_S,     /* 40 sittings, about 115,000 tokens */
    MN_MEMGEN_SMALL, /* 8 sittings, for tests */
} mn_memgen_size;

int mn_memgen(uint64_t seed, mn_memgen_size size, int number, mn_history *out);

#endif
