/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/score.h - how well logits predicted the token that came: perplexity.
 *
 * Perplexity is exp of the mean of -log p(next token). Usage: measure a row of logits once, then
 * ask what it says about the token that followed. Plain values, no memory, no threads.
 */
#ifndef MN_CLI_SCORE_H
#define MN_CLI_SCORE_H
#include <stdint.h>

/* One row of logits with what every question about it needs. Logits are borrowed. */
typedef struct mn_cli_row {
    const float *logits; /* [n_vocab] */
    int32_t n_vocab;
    int32_t top;    /* the likeliest token, the first of equals */
    double log_sum; /* log of the sum of exp(logit): log p(i) = logits[i] - log_sum */
} mn_cli_row;

/* MN_ECORRUPT when a logit is not a finite number (-infinity is allowed: probability 0). */
int mn_cli_row_measure(const float *logits, int32_t n_vocab, mn_cli_row *out);

typedef struct mn_cli_score {
    double sum, sum2; /* of -log p, and of its square */
    uint64_t n;
} mn_cli_score;

void mn_cli_score_add(mn_cli_score *score, const mn_cli_row *row, int32_t next);
double mn_cli_score_perplexity(const mn_cli_score *score); /* 0 before the first row */
double mn_cli_score_error(const mn_cli_score *score); /* standard error of it; 0 below two rows */

#endif
