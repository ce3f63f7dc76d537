/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hash.h - SHA-256 (identity; OpenSSL), XXH3-64 (damage detection; xxHash), places in tables.
 */
#ifndef MN_BASE_HASH_H
#define MN_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_sha256 mn_sha256;
int mn_sha256_begin(mn_sha256 **out);
void mn_sha256_add(mn_sha256 *h, const void *bytes, size_t n);
void mn_sha256_end(mn_sha256 **h, uint8_t digest[32]); /* consumes; digest may be NULL to give up */

void mn_sha256_of(const void *bytes, size_t n, uint8_t digest[32]);
void mn_hash_hex(const uint8_t digest[32], char hex[65]); /* lower case, NUL-terminated */

uint64_t mn_hash64(const void *bytes, size_t n); /* XXH3, seed 0 */

/* Where a number that counts up, such as an id, has its place in a table of `slots`, a power of 2:
 * far from its neighbours (multiplied by 2^64 / 1.618..). */
static inline size_t mn_hash_slot(uint64_t number, size_t slots) {
    return (size_t)(number * 0x9e3779b97f4a7c15u >> 32) & (slots - 1);
}

#endif
