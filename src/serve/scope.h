/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/scope.h - whose memory a request is about: the same by every way in.
 *
 * No body says that: the tenant is that of the API key; the user is who the head names
 * (Omnesia-User), else who a field of the request names, else who has the key, else the user of the
 * server. Agent and run are those of the head (Omnesia-Agent, Omnesia-Run), or none.
 */
#ifndef MN_SERVE_SCOPE_H
#define MN_SERVE_SCOPE_H
#include "serve/exchange.h"

enum { MN_TENANT_BYTES = 16 }; /* of a key's, which are its name here, in hexadecimal */

typedef struct mn_asker {
    mn_scope scope; /* borrows from the exchange, and the tenant from here: it may not be moved */
    char tenant[2 * MN_TENANT_BYTES + 1]; /* "": without a key */
    int named; /* somebody said who it is: the head, the field or the key */
} mn_asker;

/* `user` is what a field of the request says, or NULL. MN_EINVAL: a name is too long, or no
 * UTF-8. */
int mn_asker_read(const mn_exchange *x, const char *user, mn_asker *out);

#endif
