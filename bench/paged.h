/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/paged.h - the paged twin of our attention: the same sums over keys and values that lie in
 * blocks of 16 tokens, wherever a table says. What `bench vattention` compares with; nothing else
 * uses it.
 *
 * A block of keys is one group of 16 rows, [d][16] f16, a block of values 16 rows of [d] f16, just
 * as in a plane (kernel/body_attn.h), so both forms read the same bytes and add in the same order.
 */
#ifndef MN_BENCH_PAGED_H
#define MN_BENCH_PAGED_H
#include "kernel/kernel.h"

enum {
    MN_PAGED_ROWS = 16,                              /* tokens of a block */
    MN_PAGED_BLOCKS = MN_ATTN_BLOCK / MN_PAGED_ROWS, /* of 512 positions */
    MN_PAGED_AHEAD = 4,                              /* blocks fetched ahead */
    MN_PAGED_LIST = MN_PAGED_BLOCKS + MN_PAGED_AHEAD,
};

typedef struct mn_paged {
    unsigned needs; /* MN_CPU_* bits */
    /* As mn_kernels.attend for f16 rows, but pieces are not looked at: positions 16 i .. 16 i + 15
     * lie in k[i] and v[i]. [MN_PAGED_LIST] pointers; those behind the last block of the job are
     * fetched, not used. */
    void (*attend)(const mn_attn_job *job, const uint8_t *const *k, const uint8_t *const *v);
} mn_paged;
extern const mn_paged mn_paged_avx512, mn_paged_avx2;

#endif
