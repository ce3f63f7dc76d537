/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/chain.h - names for prefixes: a chain of SHA-256 over steps of 64 tokens.
 *
 *   key 0 = seed: weights, numerics, KV format, rotations, tenant (design decision 5)
 *   key i = SHA-256(key i-1, tokens 64 (i-1) .. 64 i - 1 as int32, little endian)
 *
 *   where a beginning that all may share ends, at a multiple of 64 tokens:
 *   key i' = SHA-256(key i, seed of those that share the rest); what comes next follows key i'
 *
 * The same tokens under the same seed have the same keys in every process, on every machine.
 */
#ifndef MN_KV_CHAIN_H
#define MN_KV_CHAIN_H
#include <stdint.h>

enum { MN_KV_STEP = 64 };

typedef struct mn_kv_key {
    uint8_t byte[32];
} mn_kv_key;

typedef struct mn_kv_chain {
    mn_kv_key key;            /* of the last full step */
    int32_t rest[MN_KV_STEP]; /* tokens behind it */
    int n;                    /* how many */
    int steps;                /* full ones */
    int turn;                 /* after so many steps the seed of the rest comes in; 0: never */
    mn_kv_key rest_seed;
} mn_kv_chain;

void mn_kv_chain_begin(mn_kv_chain *c, const mn_kv_key *seed);
/* Just begun: after `tokens` tokens (a multiple of 64, more than 0) another seed comes in. */
void mn_kv_chain_turn(mn_kv_chain *c, int tokens, const mn_kv_key *rest_seed);
/* The first word of the key that what begins here follows. */
uint64_t mn_kv_chain_anchor(const mn_kv_chain *c);
/* Add one token: 1 when it completes a step, whose key is c->key then. */
int mn_kv_chain_add(mn_kv_chain *c, int32_t id);
/* The first word of a key, as the index takes it. */
uint64_t mn_kv_key_word(const mn_kv_key *key);

#endif
