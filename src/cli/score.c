/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/score.c - log-sum-exp of a row of logits, and the running mean of -log p.
 *
 * The largest logit is taken out first, so exp never overflows; terms are floats, their sum a
 * double (262,144 float terms would lose four digits). O(n_vocab) a row. The standard error is
 * that of the mean of -log p, carried through exp: perplexity * sqrt(variance / (n - 1)), as
 * llama-perplexity reports it.
 */
#include "cli/score.h"

#include "base/error.h"

#include <math.h>

int mn_cli_row_measure(const float *logits, int32_t n_vocab, mn_cli_row *out) {
    int32_t top = 0;
    for (int32_t i = 0; i < n_vocab; i++) {
        if (isnan(logits[i]) || logits[i] == INFINITY)
            return MN_FAIL(MN_ECORRUPT,
                           "logit %d of %d is not a number: the model file is damaged, or this is "
                           "a bug",
                           i, n_vocab);
        if (logits[i] > logits[top]) top = i;
    }
    const float most = logits[top];
    if (isinf(most)) return MN_FAIL(MN_ECORRUPT, "all %d logits are -infinity", n_vocab);
    double sum = 0;
    for (int32_t i = 0; i < n_vocab; i++) sum += expf(logits[i] - most);
    *out =
        (mn_cli_row){.logits = logits, .n_vocab = n_vocab, .top = top, .log_sum = most + log(sum)};
    return 0;
}

void mn_cli_score_add(mn_cli_score *score, const mn_cli_row *row, int32_t next) {
    const double nll = row->log_sum - row->logits[next];
    score->sum += nll;
    score->sum2 += nll * nll;
    score->n++;
}

double mn_cli_score_perplexity(const mn_cli_score *score) {
    return score->n ? exp(score->sum / (double)score->n) : 0;
}

double mn_cli_score_error(const mn_cli_score *score) {
    if (score->n < 2) return 0;
    const double n = (double)score->n, mean = score->sum / n;
    const double variance = score->sum2 / n - mean * mean;
    return variance > 0 ? exp(mean) * sqrt(variance / (n - 1)) : 0;
}
