/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/serve_trace.c - strangers who arrive at random, and a batch that is there at once.
 *
 *   poisson  prompts of 1,024 tokens, 30 % more or less, that have nothing in common, 64 tokens of
 *            answer. Gaps between arrivals are exponential; the rate is 70 % of what the best way
 *            to start llama-server gets through when all are there at once. Both sides get the same
 *            trace, moment by moment and byte by byte; each round is another one.
 *   batch    256 completions of 32 tokens: 16 texts of 512 tokens, 16 questions on each, shuffled
 */
#include "bench/serve.h"

#include "base/error.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { PROMPT = 1024, TOKENS = 64, ARRIVALS = 24, AT_ONCE = 16 };
enum { TEXTS = 16, ABOUT = 16, BATCH = TEXTS * ABOUT, SHARED = 512, OWN = 32, BATCH_TOKENS = 32 };
static const double part = 0.7;

static int ask(mn_load *l, double due, const char *prompt, int tokens, int tag, mn_buf *body) {
    const mn_serve_ask ask = {.prompt = prompt, .tokens = tokens, .stream = 1};
    MN_TRY(mn_serve_body(&ask, body));
    return mn_load_ask(l, due, mn_serve_completions, body->data, tag);
}

/* ---- strangers ---------------------------------------------------------------------------- */
/* n prompts of the seed, from now on; rate 0: all at once. */
static int arrive(const mn_serve *b, mn_load *l, uint64_t seed, int n, double rate) {
    mn_random r;
    mn_buf prompt = {0}, body = {0};
    double due = 0;
    int rc = 0;
    mn_random_seed(&r, seed);
    for (int i = 0; rc >= 0 && i < n; i++) {
        const int tokens = (int)(PROMPT * (0.7 + 0.6 * mn_random_unit(&r)));
        due += rate > 0 ? -log(1 - mn_random_unit(&r)) / rate : 0;
        rc = mn_serve_words(b->vocab, mn_random_u64(&r), tokens, &prompt);
        if (rc >= 0) rc = ask(l, due, prompt.data, TOKENS, i, &body);
    }
    mn_buf_free(&prompt);
    mn_buf_free(&body);
    return rc;
}

static int trace(const mn_serve *b, const mn_server *s, uint64_t seed, int n, double rate,
                 mn_load **out) {
    MN_TRY(mn_load_open(s->port, out));
    MN_TRY(arrive(b, *out, seed, n, rate));
    mn_load_restart(*out); /* what it took to write the prompts is no part of it */
    MN_TRY(mn_load_run(*out, 1800, NULL, NULL));
    return mn_serve_whole(*out, TOKENS);
}

/* Requests per second of the best of llama-server's kinds; where there is none, of ours. */
static int measure_rate(mn_serve *b) {
    b->rate = 0;
    for (int pass = 0; pass < 2 && !(b->rate > 0); pass++)
        for (int i = 0; i < MN_SERVER_KINDS; i++) {
            const mn_server_kind *k = mn_server_kinds + i;
            mn_server s = {0};
            mn_load *l = NULL;
            if (k->peer != !pass || (k->peer && !mn_serve_has(b, &mn_serve_poisson, k))) continue;
            int rc = mn_serve_start(b, k, &s);
            if (rc >= 0) rc = trace(b, &s, b->o->seed + 1000, AT_ONCE, 0, &l);
            const double rate = rc < 0 ? 0 : AT_ONCE / mn_serve_span(l);
            mn_load_close(&l);
            mn_server_kill(&s);
            MN_TRY(rc);
            fprintf(stderr, "  capacity of %s: %.3f requests/s\n", s.line, rate);
            if (rate > b->rate) b->rate = rate;
        }
    b->rate *= part;
    return 0;
}

static int poisson(mn_serve *b, mn_server *s, int round, double *figure) {
    mn_load *l = NULL;
    int rc = trace(b, s, b->o->seed + (uint64_t)round, ARRIVALS, b->rate, &l);
    if (rc >= 0) rc = mn_serve_note(b, l);
    if (rc >= 0) rc = mn_serve_times(l, figure + 1, figure);
    if (rc >= 0) figure[2] = ARRIVALS / mn_serve_span(l), figure[3] = b->rate;
    mn_load_close(&l);
    return rc;
}

const mn_serve_row mn_serve_poisson = {
    .name = "poisson",
    .about = "Poisson arrivals at 70 % of llama-server's capacity, 1,024 tokens +- 30 %, 64 out",
    .figure = {{"gap", "p95 time between tokens", "ms", MN_SERVE_LESS, 3},
               {"first", "p95 time to first token", "ms", MN_SERVE_LESS, 2},
               {"done", "answers per second", "/s", MN_SERVE_MORE, 0},
               {"rate", "arrivals per second", "/s", MN_SERVE_MORE, 0}},
    .prepare = measure_rate,
    .trial = poisson};

/* ---- a batch ------------------------------------------------------------------------------ */
/* Prompt i of the round, in the order the seed says. */
static int fill(const mn_serve *b, mn_load *l, int round) {
    int order[BATCH], rc = 0;
    mn_buf text[TEXTS] = {{0}}, own = {0}, body = {0};
    mn_random r;
    mn_random_seed(&r, b->o->seed + (uint64_t)round + 2000);
    for (int i = 0; i < BATCH; i++) {
        const int k = (int)(mn_random_u64(&r) % (uint64_t)(i + 1));
        order[i] = order[k];
        order[k] = i;
    }
    for (int i = 0; rc >= 0 && i < TEXTS; i++)
        rc = mn_serve_words(b->vocab, mn_random_u64(&r), SHARED, text + i);
    for (int i = 0; rc >= 0 && i < BATCH; i++) {
        mn_buf prompt = {0};
        rc = mn_serve_words(b->vocab, mn_random_u64(&r), OWN, &own);
        if (rc >= 0) rc = mn_buf_printf(&prompt, "%s %s", text[order[i] / ABOUT].data, own.data);
        if (rc >= 0) rc = ask(l, 0, prompt.data, BATCH_TOKENS, i, &body);
        mn_buf_free(&prompt);
    }
    for (int i = 0; i < TEXTS; i++) mn_buf_free(text + i);
    mn_buf_free(&own);
    mn_buf_free(&body);
    return rc;
}

static int batch(mn_serve *b, mn_server *s, int round, double *figure) {
    mn_load *l = NULL;
    mn_server_weight weight = {0};
    int rc = mn_load_open(s->port, &l);
    if (rc >= 0) rc = fill(b, l, round);
    if (rc >= 0) mn_load_restart(l);
    if (rc >= 0) rc = mn_load_run(l, 3600, NULL, NULL);
    if (rc >= 0) rc = mn_serve_note(b, l);
    if (rc >= 0) rc = mn_serve_whole(l, BATCH_TOKENS);
    if (rc >= 0) rc = mn_server_weigh(s, &weight);
    if (rc >= 0) figure[0] = BATCH / mn_serve_span(l), figure[1] = weight.peak / (1 << 20);
    mn_load_close(&l);
    return rc;
}

const mn_serve_row mn_serve_batch = {
    .name = "batch",
    .about =
        "256 completions at once: 16 texts of 512 tokens, 16 questions of 32 about each, 32 out",
    .figure = {{"rate", "completions per second", "/s", MN_SERVE_MORE, 3},
               {"memory", "peak memory of the server", "MiB", MN_SERVE_SHARE, 0}},
    .trial = batch};
