/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/answers.h - `omnesia bench longmemeval --answers FILE`: what a model answers from what a
 * search found, exactly as `omnesia mem ask` does it (cli/ask.h), and what that is worth.
 *
 * FILE has a line for each question, JSON; what is in it is not asked again, so that a run may be
 * stopped at any time, and goes on. --limit N asks N of each history, the same ones each time, in
 * an order that mixes all types. Figures are of all lines of the same model. Of each question:
 *   unknown   mn_mem_unknown says so: `ask` would not have asked the model; here it is asked anyway
 *   declined  the model says that it does not know
 *   shown     a gold turn was among the records it was shown
 *   exact     the answer has the words of the right one in a row; f1: words in common (SQuAD's)
 *   cites     of what changed: "newest", "old", "other" or "none", by the numbers it writes
 *   value     of what changed: "newest", "old" or "other", by the words it writes
 * To abstain is right where nobody has answered the question ("absent"): precision, recall and F1
 * of `ask`, of the model alone, and of the rule alone.
 */
#ifndef MN_BENCH_ANSWERS_H
#define MN_BENCH_ANSWERS_H
#include "bench/bench.h"
#include "bench/judge.h"
#include "cli/ask.h"

#include <jansson.h>

typedef struct mn_answers {
    const mn_bench_options *o;
    mn_judge judge;
    mn_region *region;
    mn_cli_ask ask;
    json_t *lines; /* all of FILE */
} mn_answers;

int mn_bench_answers(const mn_bench_options *o);

/* ---- answers_file.c: the file, and what it says ---------------------------------------------- */
int mn_answers_read(mn_answers *a);
/* Has it been asked already? */
int mn_answers_has(const mn_answers *a, const char *id);
/* One more line, which is consumed; the file has it then. */
int mn_answers_add(mn_answers *a, json_t *line);
int mn_answers_report(const mn_answers *a);

#endif
