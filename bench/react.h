/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/react.h - a plan kept by a flat loop of thoughts and actions (ReAct, arXiv 2210.03629), the
 * baseline of `bench trim`: all that was ever said stands in the prompt, and in each step the model
 * says what it thinks and does one thing, until it says that it has finished.
 */
#ifndef MN_BENCH_REACT_H
#define MN_BENCH_REACT_H
#include "omnesia.h"

#include <jansson.h>
#include <stdint.h>

typedef struct mn_react {
    mn_model *model; /* borrowed */
    json_t *messages;
    int64_t tokens; /* of all prompts and answers so far */
} mn_react;

int mn_react_begin(mn_react *r, const char *goal);
void mn_react_end(mn_react *r);
/* What it would do about this: a list of {"intent", "task", "slot", "text"}. */
int mn_react_say(mn_react *r, const char *said, json_t **ops);
/* Go on from there, as if it had done what it should: `ops` are objects with commas between. */
int mn_react_tell(mn_react *r, const char *said, const char *ops);

#endif
