/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/auth.h - API keys, and the tenants they make.
 *
 * A key file has lines "name:key"; names go into logs, keys go nowhere: kept are their
 * HMAC-SHA256 under a secret of this installation (a file of 32 random bytes, 0600, in the data
 * folder). A key that comes is hashed the same way and compared with all of them, each in constant
 * time, so neither the place nor the number of right bytes can be measured. The tenant of a key is
 * another HMAC of it: it salts the names of keys and values, so what one key computed no other can
 * find, and nobody who chooses a salt can reach it.
 */
#ifndef MN_SERVE_AUTH_H
#define MN_SERVE_AUTH_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_auth_key {
    char *name;
    uint8_t hash[32], tenant[32];
} mn_auth_key;
typedef struct mn_auth {
    mn_auth_key *key;
    int n; /* 0 without a key file: any key is accepted */
    uint8_t secret[32];
} mn_auth;

/* key_file NULL: no keys. MN_EINVAL names the line; MN_ENOENT, MN_EIO. */
int mn_auth_open(const char *key_file, mn_auth *out);
void mn_auth_close(mn_auth *auth);
/* The key this is, or NULL. */
const mn_auth_key *mn_auth_find(const mn_auth *auth, const char *key);
/* The key of this tenant, or NULL. */
const mn_auth_key *mn_auth_of(const mn_auth *auth, const uint8_t tenant[32]);
/* Mix what a request calls its salt into a tenant (NULL: of nobody). */
void mn_auth_salt(const mn_auth *auth, const uint8_t *tenant, const char *salt, uint8_t out[32]);

#endif
