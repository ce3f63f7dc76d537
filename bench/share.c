/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/share.c - what it is worth that processes share what they computed, and what it costs.
 *
 *   first      start to first byte of a prompt of `depth` tokens (4096 unless said) that another
 *              process computed, against computing it
 *   first-own  the same, against a start with 16 tokens and three decode steps at that depth
 *   pss        eight processes at once with that prompt: the sum of what they hold, against one;
 *              at most 1.15 times as much, and 4 MiB a process
 *   question   another question about the same text: tokens computed, against those of the question
 *   decode, fresh, recycled: bench/share_cost.c
 *
 * Every process is a real one, started and frozen or killed here.
 */
#include "bench/share.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/progress.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH = 4096,
    SHORT = 16,
    STEPS = 8,
    MANY = 8,
    HELD = 256 /* tokens, while it is looked at */
};

typedef struct bench {
    const mn_bench_options *o;
    mn_stage stage;
    mn_region *region;
    mn_model *m;
    mn_vocab *v;
    mn_buf text, small; /* prompts of `depth` and of 16 tokens */
    int tokens;
} bench;

/* ---- processes ---------------------------------------------------------------------------- */
static int start(const bench *b, const char *text, const char *region, int n, int json,
                 mn_actor *out) {
    char threads[16], most[16];
    snprintf(threads, sizeof threads, "%d", b->o->threads);
    snprintf(most, sizeof most, "%d", n);
    const char *const words[] = {"run",
                                 "-m",
                                 b->o->model,
                                 "--raw",
                                 "--temp",
                                 "0",
                                 "-n",
                                 most,
                                 "-t",
                                 threads,
                                 "--region",
                                 region,
                                 json ? "--json" : "--raw",
                                 text,
                                 NULL};
    return mn_actor_start(&b->stage, words, out);
}

/* One process and one token: milliseconds to the first byte; what it says, when asked for. */
static int once(const bench *b, const char *text, const char *region, mn_buf *said, double *ms) {
    mn_actor a;
    MN_TRY(start(b, text, region, 1, said != NULL, &a));
    int rc = said ? 0 : mn_actor_first(&a);
    if (rc >= 0) rc = mn_actor_end(&a, said);
    if (ms) *ms = a.first_ms;
    mn_actor_kill(&a);
    return rc;
}

/* ---- the first token ---------------------------------------------------------------------- */
/* A decode step behind the prompt, in milliseconds, on what the region has of it. */
static int step_ms(const bench *b, const int32_t *ids, float *logits, double *ms) {
    mn_session *s;
    int coming;
    MN_TRY(mn_session_open(b->m, b->tokens + STEPS + 1, 0, &s));
    int rc = mn_seq_match(s->seq, ids, b->tokens - 1, &coming);
    const int has = mn_session_length(s);
    if (rc >= 0 && has < b->tokens / 2)
        rc = MN_FAIL(MN_ECORRUPT, "the region has %d tokens of a prompt of %d", has, b->tokens);
    if (rc >= 0) rc = mn_session_eval(s, ids + has, b->tokens - has, logits, 1);
    const double from = mn_clock_seconds();
    for (int i = 0; rc >= 0 && i < STEPS; i++) rc = mn_session_eval(s, ids + i, 1, logits, 1);
    *ms = (mn_clock_seconds() - from) / STEPS * 1e3;
    mn_session_close(&s);
    return rc;
}

static int first_rounds(const bench *b, const int32_t *ids, float *logits, mn_bench_row *first,
                        mn_bench_row *own) {
    double found, computed, little, step;
    MN_TRY(once(b, b->text.data, b->stage.region, NULL, &found)); /* that other process */
    for (int round = 0; round < b->o->rounds; round++) {
        if (round % 2) MN_TRY(once(b, b->text.data, b->stage.region, NULL, &found));
        MN_TRY(once(b, b->small.data, "none", NULL, &little));
        MN_TRY(once(b, b->text.data, "none", NULL, &computed));
        MN_TRY(step_ms(b, ids, logits, &step));
        if (round % 2 == 0) MN_TRY(once(b, b->text.data, b->stage.region, NULL, &found));
        mn_bench_round(first, computed, found);
        mn_bench_round(own, little + 3 * step, found);
    }
    return 0;
}

static int first(const bench *b) {
    char what[96];
    snprintf(what, sizeof what, "start to first byte, %d tokens another process computed",
             b->tokens);
    mn_bench_row computing = {
        .name = "first", .what = what, .against = "computing them", .unit = "ms", .at_most = 1};
    mn_bench_row own = {.name = "first-own",
                        .what = what,
                        .against = "16 tokens and 3 decode steps",
                        .unit = "ms",
                        .bar = 1,
                        .at_most = 1};
    int32_t *ids = mn_malloc((size_t)b->tokens * sizeof *ids);
    float *logits = mn_malloc((size_t)b->m->net->V * sizeof *logits);
    int rc = ids && logits ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d tokens", b->tokens);
    if (rc >= 0)
        rc = mn_vocab_encode(b->v, b->text.data, b->text.len, MN_BEGIN, ids, (size_t)b->tokens);
    if (rc >= 0) rc = first_rounds(b, ids, logits, &computing, &own);
    if (rc >= 0) rc = mn_bench_row_print(&computing, b->o->json);
    if (rc >= 0) rc = mn_bench_row_print(&own, b->o->json);
    mn_free(ids);
    mn_free(logits);
    return rc;
}

/* ---- many at once ------------------------------------------------------------------------- */
/* Freeze each of n at its first byte. */
static int freeze_all(mn_actor *a, int n) {
    for (int left = n; left > 0;) {
        struct pollfd p[MANY];
        for (int i = 0; i < n; i++)
            p[i] = (struct pollfd){.fd = a[i].first_ms < 0 ? a[i].out : -1, .events = POLLIN};
        if (poll(p, (nfds_t)n, -1) < 0) continue;
        for (int i = 0; i < n; i++) {
            if (!p[i].revents) continue;
            MN_TRY(mn_actor_first(a + i));
            MN_TRY(mn_actor_freeze(a + i));
            left--;
        }
    }
    return 0;
}

/* n processes start at once and answer the prompt: bytes they hold together. */
static int hold(const bench *b, int n, double *bytes) {
    mn_actor a[MANY] = {{0}};
    int rc = 0;
    *bytes = 0;
    for (int i = 0; rc >= 0 && i < n; i++)
        rc = start(b, b->text.data, b->stage.region, HELD, 0, a + i);
    if (rc >= 0) rc = freeze_all(a, n);
    for (int i = 0; rc >= 0 && i < n; i++) {
        double one = 0;
        rc = mn_actor_pss(a + i, &one);
        *bytes += one;
    }
    for (int i = 0; i < n; i++) mn_actor_kill(a + i);
    return rc;
}

static int pss(const bench *b) {
    const double mib = 1 << 20;
    char what[96];
    snprintf(what, sizeof what, "sum of PSS of %d processes with %d tokens", MANY, b->tokens);
    mn_bench_row row = {.name = "pss", .what = what, .against = "one", .unit = "MiB", .at_most = 1};
    for (int round = 0; round < b->o->rounds; round++) {
        double all, one;
        mn_region_clear(b->region); /* the eight come to an empty region, all at once */
        MN_TRY(hold(b, MANY, &all));
        MN_TRY(hold(b, 1, &one));
        mn_bench_round(&row, one / mib, all / mib);
    }
    row.bar = 1.15 + 4.0 * MANY / mn_bench_median(row.base, row.n);
    return mn_bench_row_print(&row, b->o->json);
}

/* ---- another question --------------------------------------------------------------------- */
static int number(const mn_buf *json, const char *key) {
    const char *at = json->len ? strstr(json->data, key) : NULL;
    return at ? atoi(at + strlen(key)) : -1;
}

/* Tokens that two texts begin with in common. */
static int common(const mn_vocab *v, const char *a, const char *b, int n) {
    int32_t *ids = mn_malloc(2 * (size_t)n * sizeof *ids);
    int same = 0;
    if (!ids) return MN_FAIL(MN_ENOMEM, "no memory for %d tokens", n);
    const int na = mn_vocab_encode(v, a, strlen(a), MN_BEGIN, ids, (size_t)n);
    const int nb = mn_vocab_encode(v, b, strlen(b), MN_BEGIN, ids + n, (size_t)n);
    while (same < na && same < nb && same < n && ids[same] == ids[n + same]) same++;
    mn_free(ids);
    return same;
}

static int question(const bench *b) {
    static const char *const asked[] = {"\n\nWho jumps over the dog?", "\n\nHow does the day end?"};
    mn_bench_row row = {.name = "question",
                        .what = "tokens computed for another question",
                        .against = "tokens of the question",
                        .unit = "tokens",
                        .bar = 1,
                        .at_most = 1};
    mn_buf text[2] = {{0}}, said = {0};
    int rc = 0;
    for (int i = 0; rc >= 0 && i < 2; i++) {
        rc = mn_buf_printf(text + i, "%s%s", b->text.data, asked[i]);
        mn_buf_clear(&said);
        if (rc >= 0) rc = once(b, text[i].data, b->stage.region, &said, NULL);
    }
    const int same = rc < 0 ? rc : common(b->v, text[0].data, text[1].data, b->tokens + 64);
    if (same < 0) rc = same;
    const int all = number(&said, "\"prompt_tokens\":"),
              cached = number(&said, "\"cached_tokens\":");
    if (rc >= 0 && (all < 0 || cached < 0 || all <= same))
        rc = MN_FAIL(MN_ECORRUPT, "run --json does not say how many tokens were cached");
    if (rc >= 0) {
        mn_bench_round(&row, all - same, all - cached);
        rc = mn_bench_row_print(&row, b->o->json);
    }
    mn_buf_free(text);
    mn_buf_free(text + 1);
    mn_buf_free(&said);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------- */
static int prompts(bench *b) {
    const int most = b->m->net->context - HELD - 64, depth = b->o->depth ? b->o->depth : DEPTH;
    MN_TRY(mn_vocab_open(b->o->model, NULL, &b->v));
    MN_TRY(mn_stage_words(b->v, depth < most ? depth : most, &b->text));
    MN_TRY(mn_stage_words(b->v, SHORT, &b->small));
    b->tokens = mn_stage_tokens(b->v, b->text.data);
    return b->tokens < 0 ? b->tokens : 0;
}

static int rows(bench *b) {
    static const char *const costs[] = {"decode", "fresh", "recycled"};
    int cost = 0;
    MN_TRY(prompts(b));
    if (mn_bench_wants(b->o, "first") || mn_bench_wants(b->o, "first-own")) MN_TRY(first(b));
    if (mn_bench_wants(b->o, "pss")) MN_TRY(pss(b));
    if (mn_bench_wants(b->o, "question")) MN_TRY(question(b));
    for (int i = 0; i < 3; i++) cost |= mn_bench_wants(b->o, costs[i]);
    return cost ? mn_bench_cost(b->o, b->m) : 0;
}

static int share(const mn_bench_options *o) {
    bench b = {.o = o};
    if (o->rounds < 1) return MN_FAIL(MN_CLI_USAGE, "--rounds 0: nothing would be measured");
    MN_TRY(mn_stage_begin(&b.stage));
    int rc = mn_region_open(b.stage.region, (uint64_t)2 << 30, -1, &b.region);
    if (rc >= 0)
        rc = mn_cli_model_open(o->model,
                               (mn_model_options){.threads = o->threads, .region = b.region}, &b.m);
    if (rc >= 0) rc = rows(&b);
    mn_vocab_close(&b.v);
    mn_buf_free(&b.text);
    mn_buf_free(&b.small);
    mn_model_close(&b.m);
    mn_region_close(&b.region);
    mn_stage_end(&b.stage);
    return rc;
}

const mn_bench mn_bench_share = {
    .name = "share", .run = share, .about = "what sharing is worth, and what it costs"};
