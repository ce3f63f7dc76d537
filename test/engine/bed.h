/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/bed.h - a model on the bench: team, net, engine, opened and closed together.
 */
#ifndef MN_TEST_BED_H
#define MN_TEST_BED_H
#include "engine/step.h"
#include "test.h"

typedef struct bed {
    mn_exec exec;
    mn_net *net;
    mn_engine *engine;
} bed;

/* Packs go to a folder of the test's own: OMNESIA_CACHE is set by test/meson.build. */
static inline void bed_open_as(bed *b, const char *path, const mn_kernels *k, int threads) {
    assert_ok(mn_exec_open(threads, k, &b->exec));
    assert_ok(mn_net_open(path, b->exec.team, NULL, NULL, &b->net));
    assert_ok(mn_exec_reserve(&b->exec, mn_engine_scratch_bytes(b->net)));
    assert_ok(mn_engine_open(b->net, &b->exec, &b->engine));
}
static inline void bed_open(bed *b, const char *path, const char *isa, int threads) {
    const mn_kernels *k;
    assert_ok(mn_kernels_pick(isa, MN_NUMERICS, &k));
    bed_open_as(b, path, k, threads);
}
static inline void bed_close(bed *b) {
    mn_engine_close(&b->engine);
    mn_exec_close(&b->exec);
    mn_net_close(&b->net);
}
static inline mn_seq *bed_seq_of(bed *b, mn_kv_format format, int context) {
    mn_kv_layout layout;
    mn_engine_layout(b->engine, format, &layout);
    mn_seq *s;
    assert_ok(mn_seq_open(&layout, NULL, context, &s));
    return s;
}
static inline mn_seq *bed_seq(bed *b, int context) {
    return bed_seq_of(b, MN_KV_F16, context);
}
/* Append ids; logits of the last n_logits, on the heap. */
static inline float *bed_step(bed *b, mn_seq *s, const int32_t *ids, int n, int n_logits) {
    float *logits = n_logits ? malloc((size_t)b->net->V * (size_t)n_logits * sizeof *logits) : NULL;
    const mn_part part = {s, ids, n, logits, n_logits};
    assert_ok(mn_engine_step(b->engine, &part, 1, NULL, NULL));
    return logits;
}

#endif
