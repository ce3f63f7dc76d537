/* SPDX-License-Identifier: Apache-2.0
 *
 * model/arch.h - architectures as rows of one table over one forward pass.
 *
 * A transformer layer here is: norm, q k v, (norm of heads,) rope, attend, output product, (norm,)
 * add; norm, gate and up, activation, down product, (norm,) add. A row says which of the optional
 * parts an architecture has. Adding one: a row here, a tiny model in test/model/data, nothing else.
 * Encoders read a text at once and write none; their pass is model/encoder.c, which says why.
 */
#ifndef MN_MODEL_ARCH_H
#define MN_MODEL_ARCH_H
#include "tensor/exec.h"

typedef struct mn_arch {
    const char *name; /* general.architecture */
    int neox;         /* rope pairs (i, i + half) instead of (2i, 2i+1) */
    mn_act act;
    int head_norm;     /* rms norm of each query and key head before rope */
    int post_norm;     /* rms norm of both branches before they are added */
    int embed_scale;   /* embeddings times sqrt(D) */
    int fused;         /* one attn_qkv matrix, and gate beside up in ffn_up (phi3) */
    int window_period; /* every period-th layer sees all, the others a window; 0: all see all */
    float local_base;  /* rope base of the layers with a window */
    int encoder;       /* makes vectors: model/encoder.h */
} mn_arch;

const mn_arch *mn_arch_find(const char *name, size_t n); /* NULL: unknown */
const mn_arch *mn_arch_all(size_t *n);

#endif
