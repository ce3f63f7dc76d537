/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/sample.c - logits to the next token.
 *
 * Greedy is one pass over the logits. Otherwise the candidates form a heap ordered by (logit
 * descending, id ascending); that order is total, so every step has one answer whatever the
 * machine:
 *   top-k      the k best, kept in a heap of k while the logits pass by; O(V + changes log k)
 *   typical-p  by |surprise - entropy|, the most typical until their sum exceeds p
 *   top-p      the best until their sum reaches p; a heap is popped only as far as needed
 *   min-p      those with p >= min_p * p(best)
 *   draw       softmax of the survivors' logits / temp; one random number, walked in the order the
 *              last cut left (by id when nothing was cut)
 * Each cut sees the distribution that the cut before it left, renormalised. The sequence and the
 * meaning of p at the border are llama.cpp's (cum >= top_p, cum > typical_p).
 *
 * Arithmetic: sums are doubles, added in the order of the candidates. exp (kernel/body_math.h) and
 * log are our own polynomials: the C library's differ in the last bit between machines with and
 * without FMA.
 * NaN counts as forbidden (-inf), +inf as the largest float.
 */
#include "engine/sample.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "tensor/exec.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct mn_sampler {
    const mn_kernels *kernels;
    mn_sampling how; /* bias points at our copy */
    int32_t n_vocab;
    mn_random random;
    mn_logit_bias *bias;
    float *work;    /* [n_vocab] logits after bias and penalties; NULL: neither is asked for */
    float *masked;  /* [n_vocab] and what a grammar leaves of them; NULL: never needed yet */
    int32_t *last;  /* ring of the last n_last_max accepted ids */
    int32_t *count; /* [n_vocab] how often each id stands in the ring */
    int32_t n_last, at;
    mn_logprob *pick; /* candidates: id, and the key it is ordered by */
};

/* ---- log ---------------------------------------------------------------------------- */
/* ln x for a positive normal x: x = m 2^e with m in [sqrt(1/2), sqrt 2), ln m = 2 atanh(s). */
static double log_of(double x) {
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) m *= 2, e--;
    const double s = (m - 1) / (m + 1), s2 = s * s;
    double p = 0;
    for (int i = 23; i >= 1; i -= 2) p = p * s2 + 1.0 / i;
    return (double)e * 0.69314718055994531 + 2 * s * p;
}

static float clean(float x) {
    return isnan(x) ? -INFINITY : x > FLT_MAX ? FLT_MAX : x;
}

/* ---- order and heap ------------------------------------------------------------------------- */
static int before(mn_logprob a, mn_logprob b) {
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.id < b.id);
}

/* A binary heap over h[n] whose root comes first (sign 1) or last (sign -1) in the order. */
static void sift(mn_logprob *h, size_t n, size_t i, int sign) {
    const mn_logprob x = h[i];
    for (size_t c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && before(h[c + 1], h[c]) == (sign > 0)) c++;
        if (before(h[c], x) != (sign > 0)) break;
        h[i] = h[c];
    }
    h[i] = x;
}

static void heapify(mn_logprob *h, size_t n, int sign) {
    for (size_t i = n / 2; i-- > 0;) sift(h, n, i, sign);
}

/* The k best of logits[n] into h, sorted; forbidden ones are left out. Returns how many. */
static size_t best(const float *logits, int32_t n, size_t k, mn_logprob *h) {
    size_t have = 0;
    for (int32_t id = 0; id < n; id++) {
        const mn_logprob x = {id, clean(logits[id])};
        if (x.logprob == -INFINITY) continue;
        if (have < k) {
            h[have++] = x;
            if (have == k) heapify(h, k, -1);
        } else if (before(x, h[0])) {
            h[0] = x;
            sift(h, k, 0, -1);
        }
    }
    if (have < k) heapify(h, have, -1);
    for (size_t left = have; left > 1; left--) { /* the last in the order goes to the end */
        const mn_logprob last = h[0];
        h[0] = h[left - 1];
        sift(h, left - 1, 0, -1);
        h[left - 1] = last;
    }
    return have;
}

/* Id of the largest logit, lowest id among equals; -1: none. */
static int32_t argmax(const float *logits, int32_t n) {
    float top = -INFINITY;
    int32_t id = -1;
    for (int32_t i = 0; i < n; i++) {
        if (logits[i] > top) {
            top = logits[i];
            id = i;
        }
    }
    return id;
}

/* ---- sums of e^x ---------------------------------------------------------------------------- */
enum { RUN = 512 }; /* taken at once */

static double exp_of(const mn_sampler *s, double x) {
    s->kernels->exps(&x, 1);
    return x;
}

/* ln of the sum of e^logit over all, less `top`; top is the largest, finite. */
static double log_sum(const mn_sampler *s, const float *logits, double top) {
    double sum = 0, w[RUN];
    for (int32_t at = 0, n; at < s->n_vocab; at += n) {
        n = s->n_vocab - at < RUN ? s->n_vocab - at : RUN;
        for (int32_t i = 0; i < n; i++) w[i] = (double)clean(logits[at + i]) - top;
        s->kernels->exps(w, n);
        for (int32_t i = 0; i < n; i++) sum += w[i];
    }
    return log_of(sum);
}

/* e^((key - top) / temp) of up to RUN of the candidates into w: how many. */
static size_t weigh(const mn_sampler *s, const mn_logprob *c, size_t n, double top, double temp,
                    double w[RUN]) {
    if (n > RUN) n = RUN;
    for (size_t i = 0; i < n; i++) w[i] = ((double)c[i].logprob - top) / temp;
    s->kernels->exps(w, (int)n);
    return n;
}

/* Their sum over all candidates. */
static double weight(const mn_sampler *s, const mn_logprob *c, size_t n, double top, double temp) {
    double sum = 0, w[RUN];
    for (size_t at = 0, some; at < n; at += some) {
        some = weigh(s, c + at, n - at, top, temp, w);
        for (size_t i = 0; i < some; i++) sum += w[i];
    }
    return sum;
}

/* ---- life ----------------------------------------------------------------------------------- */
static int check(const mn_sampling *how, int32_t n_vocab) {
    const struct {
        const char *name;
        float value, min, max;
    } row[] = {{"temperature", how->temp, 0, 1e6f},
               {"top-p", how->top_p, 0, 1},
               {"min-p", how->min_p, 0, 1},
               {"typical-p", how->typical_p, 0, 1},
               {"repeat penalty", how->repeat_penalty, 1e-6f, 1e6f},
               {"presence penalty", how->presence_penalty, -1e6f, 1e6f},
               {"frequency penalty", how->frequency_penalty, -1e6f, 1e6f},
               {"top-k", (float)how->top_k, 0, 0x1p31f},
               {"repeat-last-n", (float)how->repeat_last_n, 0, 1 << 24}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (!(row[i].value >= row[i].min && row[i].value <= row[i].max))
            return MN_FAIL(MN_EINVAL, "%s %g is outside %g to %g", row[i].name,
                           (double)row[i].value, (double)row[i].min, (double)row[i].max);
    if (n_vocab < 1) return MN_FAIL(MN_EINVAL, "a vocabulary of %d tokens", n_vocab);
    for (size_t i = 0; i < how->n_bias; i++)
        if (how->bias[i].id < 0 || how->bias[i].id >= n_vocab || isnan(how->bias[i].bias))
            return MN_FAIL(MN_EINVAL, "logit bias %g for token %d; tokens are 0 to %d",
                           (double)how->bias[i].bias, how->bias[i].id, n_vocab - 1);
    return 0;
}

static int penalises(const mn_sampling *how) {
    return how->repeat_last_n > 0 &&
           (how->repeat_penalty != 1 || how->presence_penalty != 0 || how->frequency_penalty != 0);
}

static int reserve(mn_sampler *s) {
    const mn_sampling *how = &s->how;
    const size_t n = (size_t)s->n_vocab;
    int ok = 1;
    if (how->n_bias) {
        ok = (s->bias = mn_calloc(how->n_bias, sizeof *s->bias)) != NULL;
        if (ok) memcpy(s->bias, how->bias, how->n_bias * sizeof *s->bias);
        s->how.bias = s->bias;
    }
    if (ok && penalises(how))
        ok = (s->last = mn_calloc((size_t)how->repeat_last_n, sizeof *s->last)) &&
             (s->count = mn_calloc(n, sizeof *s->count));
    if (ok && (how->n_bias || s->last)) ok = (s->work = mn_calloc(n, sizeof *s->work)) != NULL;
    if (ok && how->temp > 0) {
        if (how->top_k >= s->n_vocab) s->how.top_k = 0;
        const size_t k = s->how.top_k ? (size_t)s->how.top_k : n;
        ok = (s->pick = mn_calloc(k, sizeof *s->pick)) != NULL;
    }
    return ok ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a sampler of %d tokens", s->n_vocab);
}

int mn_sampler_open(const mn_sampling *how, int32_t n_vocab, mn_sampler **out) {
    *out = NULL;
    MN_TRY(check(how, n_vocab));
    mn_sampler *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for a sampler");
    s->how = *how;
    s->n_vocab = n_vocab;
    mn_random_seed(&s->random, how->seed);
    int rc = mn_kernels_pick(NULL, MN_NUMERICS, &s->kernels);
    if (rc >= 0) rc = reserve(s);
    if (rc < 0) {
        mn_sampler_close(&s);
        return rc;
    }
    *out = s;
    return 0;
}

void mn_sampler_close(mn_sampler **s) {
    if (!*s) return;
    mn_free((*s)->bias);
    mn_free((*s)->work);
    mn_free((*s)->masked);
    mn_free((*s)->last);
    mn_free((*s)->count);
    mn_free((*s)->pick);
    mn_free(*s);
    *s = NULL;
}

void mn_sampler_accept(mn_sampler *s, int32_t id) {
    if (!s->last || id < 0 || id >= s->n_vocab) return;
    if (s->n_last == s->how.repeat_last_n)
        s->count[s->last[s->at]]--;
    else
        s->n_last++;
    s->last[s->at] = id;
    s->count[id]++;
    s->at = (s->at + 1) % s->how.repeat_last_n;
}

/* ---- one token ------------------------------------------------------------------------------ */
/* Each id of the ring once: its count is negated while it has been handled. */
static void penalise(mn_sampler *s) {
    const mn_sampling *how = &s->how;
    for (int32_t i = 0; i < s->n_last; i++) {
        const int32_t id = s->last[i], n = s->count[id];
        if (n < 0) continue;
        float x = s->work[id];
        x = x <= 0 ? x * how->repeat_penalty : x / how->repeat_penalty;
        s->work[id] = x - (float)n * how->frequency_penalty - how->presence_penalty;
        s->count[id] = -n;
    }
    for (int32_t i = 0; i < s->n_last; i++) {
        const int32_t id = s->last[i];
        if (s->count[id] < 0) s->count[id] = -s->count[id];
    }
}

/* Pop the root of heap c[n]: it moves to c[n - 1], the heap keeps c[0 .. n - 1). */
static mn_logprob pop(mn_logprob *c, size_t n) {
    const mn_logprob root = c[0];
    c[0] = c[n - 1];
    sift(c, n - 1, 0, 1);
    c[n - 1] = root;
    return root;
}

/* After pops left c[left..n) (first one last): move them to c[0..), in the order popped. */
static size_t settle(mn_logprob *c, size_t left, size_t n) {
    for (size_t i = left, j = n; i + 1 < j; i++) {
        const mn_logprob x = c[i];
        c[i] = c[--j];
        c[j] = x;
    }
    memmove(c, c + left, (n - left) * sizeof *c);
    return n - left;
}

/* Keep the best of c[n] until their weights reach `enough` or a key falls below `lowest`. */
static size_t cut(const mn_sampler *s, mn_logprob *c, size_t n, double top, double enough,
                  double lowest) {
    size_t left = n;
    double sum = 0;
    heapify(c, n, 1);
    while (left && c[0].logprob >= lowest && (left == n || sum < enough))
        sum += exp_of(s, (double)pop(c, left--).logprob - top);
    return settle(c, left, n);
}

/* Locally typical sampling (Meister et al. 2023): keep the candidates whose surprise is nearest
 * to the entropy. Keys become -|surprise - entropy| for the heap and logits again afterwards. */
static size_t typical(const mn_sampler *s, mn_logprob *c, size_t n, const float *logits, double top,
                      double p) {
    const double total = weight(s, c, n, top, 1), norm = log_of(total);
    double entropy = 0, w[RUN];
    for (size_t at = 0, some; at < n; at += some) {
        some = weigh(s, c + at, n - at, top + norm, 1, w);
        for (size_t i = 0; i < some; i++)
            if (w[i] > 0) entropy -= w[i] * ((double)c[at + i].logprob - top - norm);
    }
    for (size_t i = 0; i < n; i++)
        c[i].logprob = (float)-fabs(entropy + ((double)c[i].logprob - top - norm));
    heapify(c, n, 1);
    size_t left = n;
    double sum = 0;
    while (left && sum <= p * total)
        sum += exp_of(s, (double)clean(logits[pop(c, left--).id]) - top);
    const size_t kept = settle(c, left, n);
    for (size_t i = 0; i < kept; i++) c[i].logprob = clean(logits[c[i].id]);
    return kept;
}

static int32_t draw(mn_sampler *s, const float *logits) {
    const mn_sampling *how = &s->how;
    mn_logprob *c = s->pick;
    size_t n = 0;
    if (how->top_k) {
        n = best(logits, s->n_vocab, (size_t)how->top_k, c);
    } else {
        for (int32_t id = 0; id < s->n_vocab; id++) {
            c[n] = (mn_logprob){id, clean(logits[id])};
            n += c[n].logprob != -INFINITY;
        }
    }
    const double u = mn_random_unit(&s->random);
    if (!n) return -1;
    double top = c[0].logprob;
    for (size_t i = 1; i < n; i++) top = c[i].logprob > top ? c[i].logprob : top;
    if (how->typical_p < 1) {
        n = typical(s, c, n, logits, top, how->typical_p);
        top = c[0].logprob;
        for (size_t i = 1; i < n; i++) top = c[i].logprob > top ? c[i].logprob : top;
    }
    if (how->top_p < 1 || how->min_p > 0) {
        const double total = how->top_p < 1 ? how->top_p * weight(s, c, n, top, 1) : INFINITY;
        const double lowest = how->min_p > 0 ? top + log_of(how->min_p) : -INFINITY;
        n = cut(s, c, n, top, total, lowest);
    }
    double goal = u * weight(s, c, n, top, how->temp), w[RUN];
    for (size_t at = 0, some; at < n; at += some) {
        some = weigh(s, c + at, n - at, top, how->temp, w);
        for (size_t i = 0; i < some; i++) {
            if (goal < w[i]) return c[at + i].id;
            goal -= w[i];
        }
    }
    return c[0].id; /* only rounding leads here */
}

/* Logits after bias and penalties. */
static float *adjust(mn_sampler *s, const float *logits) {
    memcpy(s->work, logits, (size_t)s->n_vocab * sizeof *logits);
    for (size_t i = 0; i < s->how.n_bias; i++) s->work[s->bias[i].id] += s->bias[i].bias;
    penalise(s);
    return s->work;
}

static int32_t choose(mn_sampler *s, const float *x) {
    return s->how.temp > 0 ? draw(s, x) : argmax(x, s->n_vocab);
}

/* Hand out the token that was chosen; -1: none could be. */
static int give(const mn_sampler *s, const float *logits, int32_t got, int32_t *id,
                float *logprob) {
    if (got < 0)
        return MN_FAIL(MN_EINVAL, "no token of %d can follow: all logits are forbidden or NaN",
                       s->n_vocab);
    *id = got;
    if (logprob) {
        const int32_t top_id = argmax(logits, s->n_vocab);
        const double top = top_id < 0 ? 0 : clean(logits[top_id]);
        *logprob = top_id < 0 ? -INFINITY
                              : (float)((double)clean(logits[got]) - top - log_sum(s, logits, top));
    }
    return 0;
}

int mn_sampler_next(mn_sampler *s, const float *logits, int32_t *id, float *logprob) {
    return give(s, logits, choose(s, s->work ? adjust(s, logits) : logits), id, logprob);
}

/* What the matcher does not allow has no chance; the result lies in s->masked. */
static int forbid(mn_sampler *s, const float *x, mn_matcher *m) {
    const uint64_t *bits;
    if (!s->masked) s->masked = mn_calloc((size_t)s->n_vocab, sizeof *s->masked);
    if (!s->masked) return MN_FAIL(MN_ENOMEM, "no memory for %d logits", s->n_vocab);
    MN_TRY(mn_matcher_mask(m, &bits));
    const int32_t n = mn_matcher_size(m) < s->n_vocab ? mn_matcher_size(m) : s->n_vocab;
    for (int32_t i = 0; i < s->n_vocab; i++) s->masked[i] = -INFINITY;
    for (int32_t i = 0; i < n; i += 64)
        for (uint64_t w = bits[i / 64]; w; w &= w - 1) {
            const int32_t id = i + __builtin_ctzll(w);
            if (id < n) s->masked[id] = x[id];
        }
    return 0;
}

int mn_sampler_next_within(mn_sampler *s, const float *logits, mn_matcher *m, int32_t *id,
                           float *logprob) {
    const float *x = s->work ? adjust(s, logits) : logits;
    int32_t got = choose(s, x);
    const int fits = got < 0 ? 0 : mn_matcher_allows(m, got);
    MN_TRY(fits);
    if (!fits) {
        MN_TRY(forbid(s, x, m));
        got = choose(s, s->masked);
        if (got < 0) got = mn_matcher_end(m); /* no other is left */
        if (got < 0 || got >= s->n_vocab)
            return MN_FAIL(MN_EINVAL, "all tokens that the grammar allows here are forbidden by "
                                      "their logits or biases");
    }
    return give(s, logits, got, id, logprob);
}

void mn_sample_top(const mn_sampler *s, const float *logits, int k, mn_logprob *out) {
    if (k <= 0) return;
    const size_t n = best(logits, s->n_vocab, (size_t)k, out);
    const double top = n ? out[0].logprob : 0;
    const double sum = n ? log_sum(s, logits, top) : 0;
    for (size_t i = 0; i < n; i++) out[i].logprob = (float)((double)out[i].logprob - top - sum);
    for (size_t i = n; i < (size_t)k; i++) out[i] = (mn_logprob){-1, -INFINITY};
}
