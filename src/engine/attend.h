/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/attend.h - attention of one pass: tokens of several sequences, each over its own rows.
 *
 * Work is cut into items. A sequence that adds many tokens (a piece of a prompt) gives items of
 * some tokens and one KV head, which walk their blocks of 512 from left to right and merge as they
 * go. One that adds few (an answer being written) gives an item for each block (FlashDecoding), and
 * where neighbours of the pass have the same rows in a block, one item for all of them: queries of
 * many sequences against shared keys and values are one product (BatchLLM, arXiv 2412.03594). The
 * merge follows, block by block from left to right. Whatever the cut, the bits are the same: a
 * block's partial does not depend on who else is computed with it (design decision 3).
 */
#ifndef MN_ENGINE_ATTEND_H
#define MN_ENGINE_ATTEND_H
#include "kv/seq.h"
#include "model/model.h"

typedef struct mn_run { /* tokens of one sequence within a pass */
    mn_seq *seq;
    int first, n; /* rows of the pass */
    int before;   /* tokens of the sequence before them */
} mn_run;

typedef struct mn_attention mn_attention;
int mn_attention_open(const mn_net *net, const mn_exec *exec, mn_attention **out);
void mn_attention_close(mn_attention **a);
/* Scratch a worker needs. */
size_t mn_attention_scratch(const mn_net *net);
/* The next layers are of this pass: runs[n] stay where they are, positions[] of its rows. */
void mn_attention_begin(mn_attention *a, const mn_run *runs, int n, const int *positions);
/* Stores k and v of the pass's rows, then attends: an mn_attend, with the mn_attention as ctx. */
int mn_attention_layer(void *attention, int layer, const float *q, const float *k, const float *v,
                       float *out);

#endif
