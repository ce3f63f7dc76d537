/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/kl_base.c - llama-perplexity's file of log-probabilities.
 *
 * Layout, little endian, no padding:
 *     char[8] "_logits_"; i32 n_ctx, n_vocab, n_chunk; i32 tokens[n_chunk][n_ctx];
 *     then for each chunk, for each position n_ctx/2 .. n_ctx-2, one row:
 *         f32 scale, f32 lowest; u16 code[n_vocab rounded up to even]
 *     where log p(i) = scale * code[i] + lowest. Log-probabilities more than 16 below the largest
 *     have code 0, so a code is exact to 16/65535/2 = 1.2e-4.
 * KL(theirs || ours) = sum of p (log p - log q) over the tokens with log p > -16, as
 * llama-perplexity itself computes it. O(n_vocab) a row, straight from the mapped file.
 */
#include "cli/kl_base.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

static const char magic[8] = {'_', 'l', 'o', 'g', 'i', 't', 's', '_'};
enum { HEAD_BYTES = 8 + 3 * 4, ROW_HEAD_BYTES = 8, CTX_MAX = 1 << 20, VOCAB_MAX = 1 << 24 };

static int32_t read_i32(const uint8_t *at) {
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static float read_f32(const uint8_t *at) {
    float value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Sizes out of the header, held against the size of the file. */
static int read_head(const char *path, mn_cli_kl_base *base) {
    const uint8_t *data = base->map.data;
    if (base->map.size < HEAD_BYTES || memcmp(data, magic, sizeof magic) != 0)
        return MN_FAIL(MN_ECORRUPT,
                       "%s does not hold saved logits; llama-perplexity --save-all-logits %s "
                       "makes such a file",
                       path, path);
    base->n_ctx = read_i32(data + 8);
    base->n_vocab = read_i32(data + 12);
    base->n_chunk = read_i32(data + 16);
    if (base->n_ctx < 4 || base->n_ctx > CTX_MAX || base->n_vocab < 1 ||
        base->n_vocab > VOCAB_MAX || base->n_chunk < 1)
        return MN_FAIL(MN_ECORRUPT,
                       "%s claims %d windows of %d tokens over %d words; 1 or more windows of 4 to "
                       "%d tokens over 1 to %d words are possible",
                       path, base->n_chunk, base->n_ctx, base->n_vocab, CTX_MAX, VOCAB_MAX);
    base->n_scored = base->n_ctx - 1 - base->n_ctx / 2;
    base->row_bytes = ROW_HEAD_BYTES + 4 * (((size_t)base->n_vocab + 1) / 2);

    const uint64_t window = 4ull * (uint64_t)base->n_ctx;
    const uint64_t scores = (uint64_t)base->n_scored * base->row_bytes; /* below 2^46 */
    uint64_t promised;
    if (__builtin_mul_overflow((uint64_t)base->n_chunk, window + scores, &promised) ||
        promised != base->map.size - HEAD_BYTES)
        return MN_FAIL(MN_ECORRUPT,
                       "%s has %zu bytes, but its header promises %d windows of %llu: it is cut "
                       "off or damaged, save it again",
                       path, base->map.size, base->n_chunk, (unsigned long long)(window + scores));
    base->tokens = data + HEAD_BYTES;
    base->rows = base->tokens + window * (uint64_t)base->n_chunk;
    return 0;
}

int mn_cli_kl_base_open(const char *path, mn_cli_kl_base *out) {
    mn_cli_kl_base base = {0};
    MN_TRY(mn_file_map(path, &base.map));
    const int rc = read_head(path, &base);
    if (rc < 0) {
        mn_file_unmap(&base.map);
        return rc;
    }
    *out = base;
    return 0;
}

void mn_cli_kl_base_close(mn_cli_kl_base *base) {
    mn_file_unmap(&base->map);
    *base = (mn_cli_kl_base){0};
}

int mn_cli_kl_base_tokens(const mn_cli_kl_base *base, int32_t chunk, int32_t *ids) {
    if (chunk < 0 || chunk >= base->n_chunk)
        return MN_FAIL(MN_EINVAL, "window %d of %d", chunk, base->n_chunk);
    const size_t n = (size_t)base->n_ctx;
    memcpy(ids, base->tokens + (size_t)chunk * n * sizeof *ids, n * sizeof *ids);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= base->n_vocab)
            return MN_FAIL(MN_ECORRUPT, "saved logits: token %zu of window %d is %d, of %d words",
                           i, chunk, ids[i], base->n_vocab);
    return 0;
}

/* Log-probability of a code. In float, as it was encoded, so that equal codes stay equal. */
static float log_prob(const uint8_t *codes, int32_t i, float scale, float lowest) {
    uint16_t code;
    memcpy(&code, codes + 2 * (size_t)i, sizeof code);
    return scale * (float)code + lowest;
}

int mn_cli_kl_add(mn_cli_kl *kl, const mn_cli_kl_base *base, int32_t chunk, int32_t row,
                  const mn_cli_row *ours) {
    if (chunk < 0 || chunk >= base->n_chunk || row < 0 || row >= base->n_scored ||
        ours->n_vocab != base->n_vocab)
        return MN_FAIL(MN_EINVAL,
                       "saved logits: row %d of window %d over %d words asked, %d of %d "
                       "over %d there",
                       row, chunk, ours->n_vocab, base->n_scored, base->n_chunk, base->n_vocab);
    const size_t index = (size_t)chunk * (size_t)base->n_scored + (size_t)row;
    const uint8_t *at = base->rows + index * base->row_bytes, *codes = at + ROW_HEAD_BYTES;
    const float scale = read_f32(at), lowest = read_f32(at + 4);
    if (!isfinite(scale) || !isfinite(lowest) || scale < 0 || lowest > 0)
        return MN_FAIL(MN_ECORRUPT, "saved logits: row %d of window %d has scale %g and lowest %g",
                       row, chunk, (double)scale, (double)lowest);

    double sum = 0;
    float most = log_prob(codes, 0, scale, lowest);
    int32_t top = 0;
    for (int32_t i = 0; i < base->n_vocab; i++) {
        const float p = log_prob(codes, i, scale, lowest);
        if (p > most) most = p, top = i;
        if (p > -16.0f) sum += expf(p) * (p - (ours->logits[i] - ours->log_sum));
    }
    kl->sum += sum;
    kl->same_top += top == ours->top;
    kl->n++;
    return 0;
}
