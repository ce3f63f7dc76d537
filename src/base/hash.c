/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hash.c - thin hands around OpenSSL's SHA-256 and xxHash's XXH3.
 */
#include "base/hash.h"

#include "base/error.h"

#include <openssl/evp.h>
#include <xxhash.h>

int mn_sha256_begin(mn_sha256 **out) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    *out = (mn_sha256 *)ctx;
    if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) return 0;
    EVP_MD_CTX_free(ctx);
    *out = NULL;
    return MN_FAIL(MN_ENOMEM, "SHA-256 could not start");
}

void mn_sha256_add(mn_sha256 *h, const void *bytes, size_t n) {
    EVP_DigestUpdate((EVP_MD_CTX *)h, bytes, n);
}

void mn_sha256_end(mn_sha256 **h, uint8_t digest[32]) {
    if (*h && digest) EVP_DigestFinal_ex((EVP_MD_CTX *)*h, digest, NULL);
    EVP_MD_CTX_free((EVP_MD_CTX *)*h);
    *h = NULL;
}

void mn_sha256_of(const void *bytes, size_t n, uint8_t digest[32]) {
    EVP_Digest(bytes, n, digest, NULL, EVP_sha256(), NULL);
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
