/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/chain.c - one SHA-256 every 64 tokens.
 */
#include "kv/chain.h"

#include "base/hash.h"

#include <string.h>

void mn_kv_chain_begin(mn_kv_chain *c, const mn_kv_key *seed) {
    c->key = *seed;
    c->n = 0;
}

int mn_kv_chain_add(mn_kv_chain *c, int32_t id) {
    c->rest[c->n++] = id;
    if (c->n < MN_KV_STEP) return 0;
    struct {
        mn_kv_key before;
        int32_t step[MN_KV_STEP];
    } text = {.before = c->key};
    memcpy(text.step, c->rest, sizeof text.step);
    mn_sha256_of(&text, sizeof text, c->key.byte);
    c->n = 0;
    return 1;
}

uint64_t mn_kv_key_word(const mn_kv_key *key) {
    uint64_t w;
    memcpy(&w, key->byte, sizeof w);
    return w;
}
