/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/kl_base.h - the log-probabilities that `llama-perplexity --save-all-logits` wrote, and how
 * far ours are from them.
 *
 * Open the file, take the tokens of one window after the other, and hand in our row for each
 * scored position. A file is input: sizes and ids are checked, and nothing is read beyond its end.
 */
#ifndef MN_CLI_KL_BASE_H
#define MN_CLI_KL_BASE_H
#include "base/file.h"
#include "cli/score.h"

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; close accepts a zeroed struct. */
typedef struct mn_cli_kl_base {
    mn_map map;
    int32_t n_ctx, n_vocab, n_chunk;
    int32_t n_scored; /* rows of a window: n_ctx - 1 - n_ctx / 2, for positions from n_ctx / 2 */
    size_t row_bytes;
    const uint8_t *tokens, *rows; /* inside map; not aligned */
} mn_cli_kl_base;

int mn_cli_kl_base_open(const char *path, mn_cli_kl_base *out);
void mn_cli_kl_base_close(mn_cli_kl_base *base);

/* The tokens of window `chunk`, without a begin token in place of the first: [n_ctx]. */
int mn_cli_kl_base_tokens(const mn_cli_kl_base *base, int32_t chunk, int32_t *ids);

/* Sums over the rows handed in so far. */
typedef struct mn_cli_kl {
    double sum;        /* of KL(theirs || ours), in nats */
    uint64_t n;        /* rows */
    uint64_t same_top; /* rows where the likeliest token is the same */
} mn_cli_kl;

/* Compare our row with scored row `row` of window `chunk`. MN_ECORRUPT: that row is damaged. */
int mn_cli_kl_add(mn_cli_kl *kl, const mn_cli_kl_base *base, int32_t chunk, int32_t row,
                  const mn_cli_row *ours);

#endif
