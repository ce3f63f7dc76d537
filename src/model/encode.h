/* SPDX-License-Identifier: Apache-2.0
 *
 * model/encode.h - texts to vectors: the pass of an encoder, on an open mn_net of that kind.
 *
 * A vector is the mean of the last layer's rows of a text, of length 1. Its bits depend neither on
 * what else is in the batch nor on threads or instruction set.
 */
#ifndef MN_MODEL_ENCODE_H
#define MN_MODEL_ENCODE_H
#include "model/model.h"

enum { MN_ENCODE_ROWS = MN_ATTN_BLOCK }; /* tokens of one pass; no text may have more */

typedef struct mn_encode mn_encode; /* one caller's workspace */
int mn_encode_open(const mn_net *net, const mn_exec *exec, mn_encode **out);
void mn_encode_close(mn_encode **e);
/* What mn_exec_reserve must be given for it. */
size_t mn_encode_scratch_bytes(const mn_net *net);

/* n texts, text i being ids[first[i] .. first[i + 1]) with first[0] = 0, each of 1 to net->context
 * tokens, at most MN_ENCODE_ROWS in all. out: [n, D]. */
int mn_encode_run(mn_encode *e, const int32_t *ids, const int *first, int n, float *out);

#endif
