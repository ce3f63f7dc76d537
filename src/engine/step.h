/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/step.h - one step: some tokens of some sequences go through the model together.
 *
 * An engine is a model's workspace: one step at a time. Any number of tokens is cut into passes of
 * MN_FORWARD_ROWS; results do not depend on the cut, on the number of threads, or on what else is
 * in the batch (design decisions 3 and 7).
 */
#ifndef MN_ENGINE_STEP_H
#define MN_ENGINE_STEP_H
#include "kv/seq.h"
#include "model/model.h"

typedef struct mn_engine mn_engine;

int mn_engine_open(const mn_net *net, const mn_exec *exec, mn_engine **out); /* borrows both */
void mn_engine_close(mn_engine **e);
/* Scratch a worker of the exec needs for this model. */
size_t mn_engine_scratch_bytes(const mn_net *net);
void mn_engine_layout(const mn_engine *e, mn_kv_format format, mn_kv_layout *out);

/* What one sequence adds in a step. */
typedef struct mn_part {
    mn_seq *seq;
    const int32_t *ids;
    int n;         /* tokens to append */
    float *logits; /* [n_logits, V] of the last n_logits of them; NULL: none */
    int n_logits;
} mn_part;

enum { MN_STEP_PARTS = 64 }; /* most in one step */

/* Append and compute all parts. MN_ETOOLONG / MN_EFULL before anything was changed. `go_on` (may be
 * NULL) is asked between passes; 0 stops with MN_ECANCELLED, sequences keep what was computed. */
int mn_engine_step(mn_engine *e, const mn_part *parts, int n, int (*go_on)(void *user), void *user);

#endif
