/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/auth.c - HMAC-SHA256 by OpenSSL; one word before each text keeps its uses apart.
 */
#include "serve/auth.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MOST = 1 << 20, KEYS_MOST = 4096, KEY_MOST = 512 };

static void mac(const uint8_t secret[32], const char *use, const void *a, size_t n_a, const void *b,
                size_t n_b, uint8_t out[32]) {
    uint8_t inner[32];
    unsigned n = 32;
    /* use -> a key of its own; then a -> a key; then b: no two inputs look the same. */
    HMAC(EVP_sha256(), secret, 32, (const uint8_t *)use, strlen(use), inner, &n);
    HMAC(EVP_sha256(), inner, 32, a, n_a, out, &n);
    if (!b) return;
    memcpy(inner, out, 32);
    HMAC(EVP_sha256(), inner, 32, b, n_b, out, &n);
}

/* The secret of this installation; made when there is none. */
static int load_secret(uint8_t out[32]) {
    char *path = NULL;
    mn_buf bytes = {0};
    uint64_t size;
    mn_filew *f = NULL;
    MN_TRY(mn_file_data_path("serve.secret", &path));
    int rc = mn_file_stat(path, &size, &(int64_t){0});
    if (rc == MN_ENOENT) {
        rc = getentropy(out, 32) == 0 ? 0 : MN_FAIL(MN_EIO, "the system has no random bytes");
        if (rc >= 0) rc = mn_file_begin(path, &f);
        if (rc >= 0) rc = mn_file_write(f, out, 32);
        if (rc >= 0)
            rc = mn_file_commit(&f);
        else
            mn_file_abort(&f);
    }
    /* Also when it was made just now: another process may have been the last to make it. */
    if (rc >= 0) rc = mn_file_read(path, 32, &bytes);
    if (rc >= 0 && bytes.len != 32)
        rc = MN_FAIL(MN_ECORRUPT, "%s should hold 32 bytes and holds %zu; remove it", path,
                     bytes.len);
    if (rc >= 0) memcpy(out, bytes.data, 32);
    mn_buf_free(&bytes);
    mn_free(path);
    return rc;
}

/* One line "name:key" of n bytes. */
static int add(mn_auth *a, const char *file, int line, char *text, size_t n) {
    char *colon = memchr(text, ':', n);
    if (!colon || colon == text || colon + 1 == text + n || memchr(text, 0, n))
        return MN_FAIL(MN_EINVAL, "%s, line %d: write name:key", file, line);
    const char *key = colon + 1;
    const size_t k = (size_t)(text + n - key);
    if (k > KEY_MOST || colon - text > 64)
        return MN_FAIL(MN_EINVAL, "%s, line %d: a name has at most 64 bytes, a key at most %d",
                       file, line, KEY_MOST);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= 0x20 || (unsigned char)text[i] >= 0x7f)
            return MN_FAIL(MN_EINVAL, "%s, line %d: names and keys are visible ASCII, no blanks",
                           file, line);
    if (a->n == KEYS_MOST) return MN_FAIL(MN_EINVAL, "%s has more than %d keys", file, KEYS_MOST);
    mn_auth_key *grown = mn_realloc(a->key, (size_t)(a->n + 1) * sizeof *grown);
    if (!grown) return MN_FAIL(MN_ENOMEM, "no memory for %d keys", a->n + 1);
    a->key = grown;
    *colon = 0;
    mn_auth_key *new = &a->key[a->n];
    if (!(new->name = mn_strdup(text))) return MN_FAIL(MN_ENOMEM, "no memory for a key");
    a->n++;
    mac(a->secret, "key", key, k, NULL, 0, new->hash);
    mac(a->secret, "tenant", key, k, NULL, 0, new->tenant);
    for (int i = 0; i + 1 < a->n; i++) {
        if (CRYPTO_memcmp(a->key[i].hash, new->hash, 32) == 0)
            return MN_FAIL(MN_EINVAL, "%s, line %d: %s has the same key as %s", file, line, text,
                           a->key[i].name);
    }
    return 0;
}

static int read_keys(const char *file, mn_auth *out) {
    mn_buf text = {0};
    int rc = mn_file_read(file, FILE_MOST, &text), line = 1;
    for (size_t from = 0; rc >= 0 && from < text.len; line++) {
        char *start = text.data + from;
        const char *end = memchr(start, '\n', text.len - from);
        size_t n = end ? (size_t)(end - start) : text.len - from;
        from += n + 1;
        if (n && start[n - 1] == '\r') n--;
        if (n && *start != '#') rc = add(out, file, line, start, n);
    }
    if (rc >= 0 && !out->n)
        rc = MN_FAIL(MN_EINVAL, "%s has no keys; write lines name:key into it", file);
    if (text.data) OPENSSL_cleanse(text.data, text.cap);
    mn_buf_free(&text);
    return rc;
}

int mn_auth_open(const char *key_file, mn_auth *out) {
    *out = (mn_auth){0};
    int rc = load_secret(out->secret);
    if (rc >= 0 && key_file) rc = read_keys(key_file, out);
    if (rc < 0) mn_auth_close(out);
    return rc;
}

void mn_auth_close(mn_auth *auth) {
    for (int i = 0; i < auth->n; i++) mn_free(auth->key[i].name);
    mn_free(auth->key);
    OPENSSL_cleanse(auth, sizeof *auth);
}

const mn_auth_key *mn_auth_find(const mn_auth *auth, const char *key) {
    uint8_t hash[32];
    const mn_auth_key *found = NULL;
    mac(auth->secret, "key", key, strlen(key), NULL, 0, hash);
    for (int i = 0; i < auth->n; i++) /* all of them, whichever it is */
        if (CRYPTO_memcmp(auth->key[i].hash, hash, 32) == 0) found = &auth->key[i];
    return found;
}

const mn_auth_key *mn_auth_of(const mn_auth *auth, const uint8_t tenant[32]) {
    for (int i = 0; i < auth->n; i++)
        if (memcmp(auth->key[i].tenant, tenant, 32) == 0) return &auth->key[i];
    return NULL;
}

void mn_auth_salt(const mn_auth *auth, const uint8_t *tenant, const char *salt, uint8_t out[32]) {
    static const uint8_t nobody[32];
    mac(auth->secret, "salt", tenant ? tenant : nobody, 32, salt, strlen(salt), out);
}
