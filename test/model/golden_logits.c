/* SPDX-License-Identifier: Apache-2.0
 *
 * test/model/golden_logits.c - ask llama.cpp for logits. Not built by Meson, run by make_tiny.py.
 *
 *   golden_logits MODEL.gguf f32|f16 CONTEXT OUT ID...
 *
 * Feeds the ids as one batch and writes the logits after each of them to OUT: ids x vocabulary
 * raw f32. "f32" keeps K and V in f32 and computes plain attention (with an F32 model: as near to
 * the real numbers as f32 comes); "f16" is what llama.cpp does by itself. Build, where L is a
 * built llama.cpp:
 *   cc -O1 -I $L/include -I $L/ggml/include test/model/golden_logits.c \
 *      -L $L/build/bin -lllama -lggml -lggml-base -Wl,-rpath,$L/build/bin -o golden_logits
 */
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what) {
    fprintf(stderr, "golden_logits: %s\n", what);
    return 1;
}

static void quiet(enum ggml_log_level level, const char *text, void *user) {
    (void)user;
    if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

int main(int argc, char **argv) {
    if (argc < 6) return fail("usage: golden_logits MODEL f32|f16 CONTEXT OUT ID...");
    const int n = argc - 5, exact = strcmp(argv[2], "f32") == 0;
    llama_log_set(quiet, NULL);
    llama_backend_init();
    struct llama_model_params mp = llama_model_default_params();
    struct llama_model *model = llama_model_load_from_file(argv[1], mp);
    if (!model) return fail("the model does not load");
    struct llama_context_params cp = llama_context_default_params();
    cp.n_ctx = (uint32_t)atoi(argv[3]); /* llama.cpp rounds it up to a multiple of 256 */
    cp.n_batch = cp.n_ubatch = 128;
    cp.n_threads = cp.n_threads_batch = 2;
    if (exact) {
        cp.type_k = cp.type_v = GGML_TYPE_F32;
        cp.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    }
    struct llama_context *ctx = llama_init_from_model(model, cp);
    if (!ctx) return fail("no context");
    struct llama_batch batch = llama_batch_init(n, 0, 1);
    for (int i = 0; i < n; i++) {
        batch.token[i] = atoi(argv[5 + i]);
        batch.pos[i] = i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1;
    }
    batch.n_tokens = n;
    if (llama_decode(ctx, batch) != 0) return fail("decoding failed");
    const size_t vocab = (size_t)llama_vocab_n_tokens(llama_model_get_vocab(model));
    FILE *out = fopen(argv[4], "wb");
    if (!out) return fail("the output file cannot be written");
    for (int i = 0; i < n; i++)
        if (fwrite(llama_get_logits_ith(ctx, i), sizeof(float), vocab, out) != vocab)
            return fail("the output file cannot be written");
    if (fclose(out) != 0) return fail("the output file cannot be written");
    llama_batch_free(batch);
    llama_free(ctx);
    llama_model_free(model);
    return 0;
}
