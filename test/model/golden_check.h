/* SPDX-License-Identifier: Apache-2.0
 *
 * test/model/golden_check.h - a real model's forward pass against its golden logits.
 *
 * Truth is the same weights computed in f32; llama.cpp's distance from it is the yardstick: ours
 * may be 1.5 times that and 0.05, over all positions. Single logits are judged, never which one is
 * the largest.
 */
#ifndef MN_TEST_GOLDEN_CHECK_H
#define MN_TEST_GOLDEN_CHECK_H
#include "engine/bed.h"
#include "model/golden.h"
#include "omnesia.h"

static inline void golden_check(const char *model, const char *logits_file) {
    golden g;
    bed b;
    char *path;
    assert_ok(mn_store_pull(model, NULL, NULL, NULL, &path));
    golden_load(logits_file, &g);
    bed_open(&b, path, NULL, 2);
    mn_free_text(path);
    mn_seq *s = bed_seq(&b, (int)g.n_ids + 1);
    float *logits = bed_step(&b, s, g.ids, (int)g.n_ids, (int)g.n_ids);
    float most = 0, yardstick = 0; /* single rows scatter: the worst of each side is judged */
    for (uint32_t r = 0; r < g.n_rows; r++) {
        const float *got = logits + (size_t)g.rows[r].position * (size_t)b.net->V;
        const float ours = golden_distance(&g.rows[r], got),
                    peer = golden_distance(&g.rows[r], NULL);
        print_message("%s position %u: %.4f from the truth, llama.cpp %.4f\n", model,
                      g.rows[r].position, (double)ours, (double)peer);
        if (!(ours <= most)) most = ours;
        if (peer > yardstick) yardstick = peer;
    }
    if (!(most <= 1.5f * yardstick + 0.05f))
        fail_msg("%s: %g from the truth, llama.cpp %g", model, (double)most, (double)yardstick);
    free(logits);
    mn_seq_close(&s);
    bed_close(&b);
    golden_free(&g);
}

#endif
