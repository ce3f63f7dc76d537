/* SPDX-License-Identifier: Apache-2.0
 *
 * model/encoder.h - texts to vectors: the pass of an encoder, on an open mn_net of that kind.
 *
 * A vector is the mean of the last layer's rows of a text, of length 1. Its bits depend neither on
 * what else is in the batch nor on threads or instruction set.
 */
#ifndef MN_MODEL_ENCODER_H
#define MN_MODEL_ENCODER_H
#include "model/model.h"

enum { MN_ENCODER_ROWS = MN_ATTN_BLOCK }; /* tokens of one pass; no text may have more */

typedef struct mn_encoder mn_encoder; /* one caller's workspace */
int mn_encoder_open(const mn_net *net, const mn_exec *exec, mn_encoder **out);
void mn_encoder_close(mn_encoder **e);
/* What mn_exec_reserve must be given for it. */
size_t mn_encoder_scratch_bytes(const mn_net *net);

/* n texts, text i being ids[first[i] .. first[i + 1]) with first[0] = 0, each of 1 to net->context
 * tokens, at most MN_ENCODER_ROWS in all. out: [n, D]. */
int mn_encoder_run(mn_encoder *e, const int32_t *ids, const int *first, int n, float *out);

#endif
