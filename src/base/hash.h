/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hash.h - SHA-256 (identity; OpenSSL) and XXH3-64 (damage detection; xxHash).
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

#endif
