/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_words.h - what people ask of robots, and what they mean: for plans by a model.
 */
#ifndef MN_BENCH_ROBOOS_WORDS_H
#define MN_BENCH_ROBOOS_WORDS_H

/* goals: what is meant, "cup > table, open fridge"; "|" parts what would be as good. NULL: what the
 * rules read. */
typedef struct mn_roboos_words {
    const char *text, *goals;
} mn_roboos_words;

/* Each list ends with a NULL. */
extern const mn_roboos_words mn_roboos_plain[];         /* of the kitchen, in the rules' words */
extern const mn_roboos_words mn_roboos_free[];          /* of the kitchen, in others */
extern const mn_roboos_words mn_roboos_free_workshop[]; /* of a world no question was tried in */
extern const char mn_roboos_workshop[];                 /* that world; JSON */

#endif
