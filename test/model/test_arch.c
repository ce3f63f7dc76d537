/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_arch.c - every architecture's forward pass against golden logits: as near to the
 * truth (weights widened to f32) as llama.cpp is, within a factor, for the tiny models. */
#include "engine/bed.h"
#include "model/golden.h"

static const struct {
    const char *file, *logits;
    int context;
} models[] = {
    {"tiny-llama.gguf", "tiny-llama.logits", 256}, {"tiny-qwen2.gguf", "tiny-qwen2.logits", 256},
    {"tiny-qwen3.gguf", "tiny-qwen3.logits", 256}, {"tiny-gemma3.gguf", "tiny-gemma3.logits", 256},
    {"tiny-phi3.gguf", "tiny-phi3.logits", 256},   {"tiny-phi3.gguf", "tiny-phi3-long.logits", 512},
    {"tiny-mixed.gguf", "tiny-mixed.logits", 256},
};

static void forward(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        golden g;
        golden_load(models[i].logits, &g);
        mn_buf path = golden_path(models[i].file);
        bed b;
        bed_open(&b, path.data, NULL, 2);
        mn_buf_free(&path);
        mn_seq *s = bed_seq(&b, models[i].context);
        float *logits = bed_step(&b, s, g.ids, (int)g.n_ids, (int)g.n_ids);
        for (uint32_t r = 0; r < g.n_rows; r++) {
            const float *got = logits + (size_t)g.rows[r].position * (size_t)b.net->V;
            const float ours = golden_distance(&g.rows[r], got),
                        peer = golden_distance(&g.rows[r], NULL);
            if (!(ours <= 2 * peer + 0.01f))
                fail_msg("%s position %u: %g from the truth, llama.cpp %g", models[i].logits,
                         g.rows[r].position, (double)ours, (double)peer);
        }
        free(logits);
        mn_seq_close(&s);
        bed_close(&b);
        golden_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(forward)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
