/* SPDX-License-Identifier: Apache-2.0
 *
 * model/arch.c - the table of architectures (facts: the GGUF models' own configurations).
 */
#include "model/arch.h"

#include <string.h>

static const mn_arch table[] = {
    {.name = "llama", .act = MN_ACT_SILU},
    {.name = "qwen2", .act = MN_ACT_SILU, .neox = 1},
    {.name = "qwen3", .act = MN_ACT_SILU, .neox = 1, .head_norm = 1},
    {.name = "gemma3",
     .act = MN_ACT_GELU,
     .neox = 1,
     .head_norm = 1,
     .post_norm = 1,
     .embed_scale = 1,
     .window_period = 6,
     .local_base = 10000.0f},
    {.name = "phi3", .act = MN_ACT_SILU, .neox = 1, .fused = 1},
    {.name = "bert", .encoder = 1},
};

const mn_arch *mn_arch_all(size_t *n) {
    *n = sizeof table / sizeof table[0];
    return table;
}

const mn_arch *mn_arch_find(const char *name, size_t n) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strlen(table[i].name) == n && memcmp(table[i].name, name, n) == 0) return table + i;
    return NULL;
}
