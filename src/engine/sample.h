/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/sample.h - logits to the next token.
 *
 * The order is fixed: logit bias, repeat/presence/frequency penalties, then (temperature 0: argmax,
 * ties to the lowest id) or top-k, typical-p, top-p, min-p, temperature, draw. The random stream
 * depends on the seed and the number of draws only, and is the same on every machine. Chains match
 * llama.cpp's defaults where both have the knob.
 */
#ifndef MN_ENGINE_SAMPLE_H
#define MN_ENGINE_SAMPLE_H
#include "engine/grammar.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_logit_bias {
    int32_t id;
    float bias; /* added to the logit; -INFINITY forbids */
} mn_logit_bias;

typedef struct mn_sampling {
    float temp;                                /* 0: greedy */
    int32_t top_k;                             /* 0: off */
    float top_p, min_p;                        /* 1 / 0: off */
    float typical_p;                           /* 1: off */
    float repeat_penalty;                      /* 1: off */
    float presence_penalty, frequency_penalty; /* 0: off */
    int32_t repeat_last_n;                     /* tokens the penalties look back over; 0: off */
    uint64_t seed;
    const mn_logit_bias *bias;
    size_t n_bias;
} mn_sampling;

typedef struct mn_sampler mn_sampler;
int mn_sampler_open(const mn_sampling *how, int32_t n_vocab, mn_sampler **out); /* copies `how` */
void mn_sampler_close(mn_sampler **s);
void mn_sampler_accept(mn_sampler *s, int32_t id); /* tell it of prompt and generated tokens */
/* Next id from logits[n_vocab] (read only); *logprob (natural log, of the untouched distribution,
 * only when not NULL). MN_EINVAL when no token is allowed or all logits are NaN. */
int mn_sampler_next(mn_sampler *s, const float *logits, int32_t *id, float *logprob);
/* The same among the tokens a grammar allows. The unconstrained choice stands when it is allowed,
 * which is cheap to ask; else it is chosen again among the allowed ones, with one more random
 * number: the odds of each token are those of choosing among the allowed at once. Where all of
 * them are forbidden and the grammar can end, it ends. */
int mn_sampler_next_within(mn_sampler *s, const float *logits, mn_matcher *m, int32_t *id,
                           float *logprob);

typedef struct mn_logprob {
    int32_t id;
    float logprob;
} mn_logprob;
/* The k likeliest ids, best first; log-softmax over all logits[n_vocab], whatever the sampler is to
 * do with them. Where fewer than k have any chance, the rest of out is {-1, -INFINITY}. */
void mn_sample_top(const mn_sampler *s, const float *logits, int k, mn_logprob *out);

/* Stop strings over a stream: holds back text that may be the start of a stop string. What it
 * emits is whole UTF-8; bytes that are not become U+FFFD. */
typedef struct mn_stopper mn_stopper;
int mn_stopper_open(const char *const *stop, size_t n, mn_stopper **out);
void mn_stopper_close(mn_stopper **s);
/* Feed text; *emit / *n_emit is what may be shown now (borrowed until the next call). Returns 1
 * when a stop string was reached (text before it is emitted, nothing after), 0 to go on, or an
 * error. Text is also held back while it ends inside a UTF-8 sequence. */
int mn_stopper_feed(mn_stopper *s, const char *text, size_t n, const char **emit, size_t *n_emit);
/* At the end: what was held back (invalid tail bytes become U+FFFD). */
int mn_stopper_flush(mn_stopper *s, const char **emit, size_t *n_emit);

#endif
