/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/scope.c - names out of the head of a request, checked.
 */
#include "serve/scope.h"

#include "base/error.h"
#include "base/utf8.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 256 }; /* bytes of a name */

/* What the head says, or `other`. */
static int name_of(const mn_exchange *x, const char *field, const char *other, const char **out) {
    const char *said = mn_http_field(&x->head, field);
    *out = said && *said ? said : other;
    if (!said) return 0;
    if (strlen(said) > LONGEST)
        return MN_FAIL(MN_EINVAL, "%s has %zu bytes, and at most %d are allowed", field,
                       strlen(said), LONGEST);
    return mn_utf8_check(field, said, strlen(said));
}

int mn_asker_read(const mn_exchange *x, const char *user, mn_asker *out) {
    const char *const of_key = user && *user ? user : x->key;
    *out = (mn_asker){.scope.tenant = out->tenant};
    for (int i = 0; x->has_tenant && i < MN_TENANT_BYTES; i++)
        snprintf(out->tenant + (size_t)(2 * i), 3, "%02x", x->tenant[i]);
    MN_TRY(name_of(x, "Omnesia-User", of_key, &out->scope.user));
    out->named = out->scope.user != NULL;
    if (!out->named) out->scope.user = x->server->options.login;
    MN_TRY(name_of(x, "Omnesia-Agent", NULL, &out->scope.agent));
    return name_of(x, "Omnesia-Run", NULL, &out->scope.run);
}
