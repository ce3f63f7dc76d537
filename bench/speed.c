/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/speed.c - tokens per second of one model, as llama-bench counts them, beside what the
 * machine could do at most.
 *
 * A sequence is filled with `depth` tokens; then `prompt` tokens are read at once (prefill), the
 * sequence is cut back, and `gen` tokens are fed one by one (decode), each with logits. Ids are
 * random from a seed. One short run before warms up. Limits: bench/limits.c, on the same threads.
 */
#include "bench/bench.h"

#include "api/model.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/progress.h"

#include <string.h>

static uint64_t next(uint64_t *state) { /* splitmix64 (Steele et al. 2014) */
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

typedef struct run {
    mn_session *s;
    int32_t *ids;
    float *logits;
    double prefill, decode, wait; /* seconds, seconds, share */
} run;

static int measure(mn_model *m, const mn_bench_options *o, run *r) {
    MN_TRY(mn_session_eval(r->s, r->ids, 32, r->logits, 1)); /* warm up */
    MN_TRY(mn_session_eval(r->s, r->ids, 1, r->logits, 1));
    MN_TRY(mn_session_trim(r->s, 0));
    if (o->depth) MN_TRY(mn_session_eval(r->s, r->ids, o->depth, NULL, 0));
    double start = mn_clock_seconds();
    if (o->prompt) MN_TRY(mn_session_eval(r->s, r->ids + o->depth, o->prompt, r->logits, 1));
    r->prefill = mn_clock_seconds() - start;
    MN_TRY(mn_session_trim(r->s, o->depth));
    mn_team_watch(m->exec.team);
    start = mn_clock_seconds();
    for (int i = 0; i < o->gen; i++)
        MN_TRY(mn_session_eval(r->s, r->ids + o->depth + i, 1, r->logits, 1));
    r->decode = mn_clock_seconds() - start;
    r->wait = mn_team_waited(m->exec.team);
    return 0;
}

static int print(const mn_model *m, const mn_bench_options *o, const run *r) {
    mn_limits limit;
    MN_TRY(mn_bench_limits(&m->exec, &limit));
    const double prefill = o->prompt ? o->prompt / r->prefill : 0;
    const double decode = o->gen ? o->gen / r->decode : 0;
    const int threads = mn_team_size(m->exec.team);
    mn_buf out = {0};
    int rc = 0;
    if (!o->json)
        rc = mn_buf_printf(
            &out,
            "%s, %d threads, %s, %s, %d tokens of depth\n"
            "prefill  %9.1f tokens/s (%d tokens)\n"
            "decode   %9.1f tokens/s (%d tokens), %.1f %% of it waiting at joins\n"
            "limits   int8 %.0f GOP/s, bf16 %.0f GFLOP/s, f32 %.0f GFLOP/s, reads %.1f GB/s\n",
            m->name, threads, m->exec.k->name, m->exec.k->numerics, o->depth, prefill, o->prompt,
            decode, o->gen, r->wait * 100, limit.int8_gops, limit.bf16_gflops, limit.f32_gflops,
            limit.read_gbs);
    else
        rc = mn_buf_printf(
            &out,
            "{\"prefill_tps\": %.2f, \"decode_tps\": %.2f, \"wait_share\": %.4f, "
            "\"prompt\": %d, \"gen\": %d, \"depth\": %d, \"threads\": %d, \"isa\": \"%s\", "
            "\"numerics\": \"%s\", \"int8_gops\": %.1f, \"bf16_gflops\": %.1f, "
            "\"f32_gflops\": %.1f, \"read_gbs\": %.2f}\n",
            prefill, decode, r->wait, o->prompt, o->gen, o->depth, threads, m->exec.k->name,
            m->exec.k->numerics, limit.int8_gops, limit.bf16_gflops, limit.f32_gflops,
            limit.read_gbs);
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

static int speed(const mn_bench_options *o) {
    mn_model *m = NULL;
    run r = {0};
    const int total = o->depth + (o->prompt > o->gen ? o->prompt : o->gen) + 33;
    mn_region *region = NULL;
    int rc = strcmp(o->region, "none") ? mn_region_open(o->region, 0, 0, &region) : 0;
    const mn_model_options how = {.threads = o->threads, .bf16 = o->bf16, .region = region};
    if (rc >= 0) rc = mn_cli_model_open(o->model, how, &m);
    if (rc >= 0 && total > m->net->context)
        rc = MN_FAIL(MN_ETOOLONG,
                     "-d %d with -p %d and -n %d takes a context of %d tokens (33 warm up), but %s "
                     "was trained with %d",
                     o->depth, o->prompt, o->gen, total, m->name, m->net->context);
    if (rc >= 0) rc = mn_session_open(m, total, 0, &r.s);
    if (rc >= 0) {
        r.ids = mn_malloc((size_t)total * sizeof *r.ids);
        r.logits = mn_malloc((size_t)m->net->V * sizeof *r.logits);
        if (!r.ids || !r.logits) rc = MN_FAIL(MN_ENOMEM, "no memory for %d tokens", total);
    }
    uint64_t state = o->seed;
    for (int i = 0; rc >= 0 && i < total; i++)
        r.ids[i] = (int32_t)(next(&state) % (uint64_t)m->net->V);
    if (rc >= 0) rc = measure(m, o, &r);
    if (rc >= 0) rc = print(m, o, &r);
    mn_session_close(&r.s);
    mn_free(r.ids);
    mn_free(r.logits);
    mn_model_close(&m);
    mn_region_close(&region);
    return rc;
}

const mn_bench mn_bench_speed = {
    .name = "speed", .run = speed, .about = "tokens per second, and the machine's limits"};
