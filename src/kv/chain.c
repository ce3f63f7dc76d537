/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/chain.c - one SHA-256 every 64 tokens.
 */
#include "kv/chain.h"

#include "base/hash.h"

#include <string.h>

void mn_kv_chain_begin(mn_kv_chain *c, const mn_kv_key *seed) {
    *c = (mn_kv_chain){.key = *seed};
}

void mn_kv_chain_turn(mn_kv_chain *c, int tokens, const mn_kv_key *rest_seed) {
    c->turn = tokens / MN_KV_STEP;
    c->rest_seed = *rest_seed;
}

/* The key the next step follows. */
static mn_kv_key next_key(const mn_kv_chain *c) {
    if (!c->turn || c->steps != c->turn) return c->key;
    const mn_kv_key both[2] = {c->key, c->rest_seed};
    mn_kv_key key;
    mn_sha256_of(both, sizeof both, key.byte);
    return key;
}

uint64_t mn_kv_chain_anchor(const mn_kv_chain *c) {
    const mn_kv_key key = next_key(c);
    return mn_kv_key_word(&key);
}

int mn_kv_chain_add(mn_kv_chain *c, int32_t id) {
    c->rest[c->n++] = id;
    if (c->n < MN_KV_STEP) return 0;
    struct {
        mn_kv_key before;
        int32_t step[MN_KV_STEP];
    } text = {.before = next_key(c)};
    memcpy(text.step, c->rest, sizeof text.step);
    mn_sha256_of(&text, sizeof text, c->key.byte);
    c->n = 0;
    c->steps++;
    return 1;
}

uint64_t mn_kv_key_word(const mn_kv_key *key) {
    uint64_t w;
    memcpy(&w, key->byte, sizeof w);
    return w;
}
