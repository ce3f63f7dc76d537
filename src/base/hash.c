/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hash.c - thin hands around OpenSSL's SHA-256 and xxHash's XXH3.
 *
 * Its SHA256_* and not its EVP_*: the code that runs is the same, but EVP first sets up all
 * algorithms there are, and 2 MB more are resident in every process (docs/SPEED.md).
 */
#include "base/hash.h"

#include "base/alloc.h"
#include "base/error.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <xxhash.h>

struct mn_sha256 {
    SHA256_CTX sum;
};

int mn_sha256_begin(mn_sha256 **out) {
    *out = mn_malloc(sizeof **out);
    if (!*out) return MN_FAIL(MN_ENOMEM, "no memory for SHA-256");
    SHA256_Init(&(*out)->sum);
    return 0;
}

void mn_sha256_add(mn_sha256 *h, const void *bytes, size_t n) {
    SHA256_Update(&h->sum, bytes, n);
}

void mn_sha256_end(mn_sha256 **h, uint8_t digest[32]) {
    if (*h && digest) SHA256_Final(digest, &(*h)->sum);
    mn_free(*h);
    *h = NULL;
}

void mn_sha256_of(const void *bytes, size_t n, uint8_t digest[32]) {
    SHA256_CTX sum;
    SHA256_Init(&sum);
    SHA256_Update(&sum, bytes, n);
    SHA256_Final(digest, &sum);
}

void mn_hash_hex(const uint8_t digest[32], char hex[65]) {
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = 0;
}

uint64_t mn_hash64(const void *bytes, size_t n) {
    return XXH3_64bits(bytes, n);
}
