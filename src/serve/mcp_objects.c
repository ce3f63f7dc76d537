/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp_objects.c - tools for objects of the region: values with names, that processes share.
 *
 * A peer of a tenant has a folder of its own and sees nothing else: each key it names is put behind
 * the folder, and taken out of it again when it is told. Keys that the program itself uses are
 * neither shown nor changed; logs are not values, and not shown either.
 */
#include "serve/mcp_tools.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { KEY_MOST = 255 };

/* What no model shall touch: topics of memory, and folders of tenants. */
static const char *const reserved[] = {"omnesia/", MN_MCP_TENANTS, NULL};

static const char *reserved_by(const char *key) {
    for (int i = 0; reserved[i]; i++)
        if (strncmp(key, reserved[i], strlen(reserved[i])) == 0) return reserved[i];
    return NULL;
}

/* The key as the region knows it. */
static int key_of(const mn_mcp_call *call, char out[KEY_MOST + 1]) {
    const char *folder = call->peer->folder, *key = call->args.key;
    const char *taken = *folder ? NULL : reserved_by(key);
    if (taken)
        return MN_FAIL(MN_EINVAL, "keys that begin with '%s' are Omnesia's own; choose another",
                       taken);
    const int n = snprintf(out, KEY_MOST + 1, "%s%s", folder, key);
    if (n <= KEY_MOST) return 0;
    return MN_FAIL(MN_EINVAL, "a key of %zu bytes: it takes 1 to %zu", strlen(key),
                   KEY_MOST - strlen(folder));
}

static mn_put_options checked(const mn_mcp_args *args) {
    return (mn_put_options){.check = args->version >= 0,
                            .version = args->version < 0 ? 0 : (uint64_t)args->version};
}

int mn_mcp_object_put(mn_mcp_call *call) {
    const mn_mcp_args *a = &call->args;
    const mn_put_options how = checked(a);
    uint64_t version;
    char key[KEY_MOST + 1];
    MN_TRY(key_of(call, key));
    MN_TRY(mn_object_put(call->peer->region, key, a->value, strlen(a->value), &how, &version));
    MN_TRY(mn_mcp_put(call->result, "key", json_string(a->key)));
    return mn_mcp_put(call->result, "version", json_integer((json_int_t)version));
}

int mn_mcp_object_delete(mn_mcp_call *call) {
    const mn_put_options how = checked(&call->args);
    char key[KEY_MOST + 1];
    MN_TRY(key_of(call, key));
    MN_TRY(mn_object_del(call->peer->region, key, &how));
    return mn_mcp_put(call->result, "key", json_string(call->args.key));
}

static int tell(mn_mcp_call *call, const mn_object *o, const char *value) {
    json_t *r = call->result;
    size_t from, n;
    MN_TRY(mn_utf8_check("the value", value, o->size));
    MN_TRY(mn_mcp_slice(&call->args, value, o->size, &from, &n));
    MN_TRY(mn_mcp_put(r, "note", json_string(mn_mcp_note)));
    MN_TRY(mn_mcp_put(r, "key", json_string(call->args.key)));
    MN_TRY(mn_mcp_put(r, "version", json_integer((json_int_t)o->version)));
    MN_TRY(mn_mcp_put(r, "value", json_stringn(value + from, n)));
    MN_TRY(mn_mcp_put(r, "bytes", json_integer((json_int_t)o->size)));
    MN_TRY(mn_mcp_put(r, "age_ms", json_integer((json_int_t)o->age_ms)));
    if (from + n == o->size) return 0;
    return mn_mcp_put(r, "next_from", json_integer((json_int_t)(from + n)));
}

int mn_mcp_object_get(mn_mcp_call *call) {
    char key[KEY_MOST + 1];
    mn_object about;
    MN_TRY(key_of(call, key));
    char *value = mn_malloc(MN_VALUE_MAX + 1);
    if (!value) return MN_FAIL(MN_ENOMEM, "no memory for a value of %d bytes", MN_VALUE_MAX);
    int rc = mn_object_get(call->peer->region, key, value, MN_VALUE_MAX, &about);
    if (rc == MN_ENOENT) rc = MN_FAIL(MN_ENOENT, "there is no object '%.255s'", call->args.key);
    if (rc >= 0) value[about.size] = 0;
    if (rc >= 0) rc = tell(call, &about, value);
    mn_free(value);
    return rc;
}

typedef struct listing {
    mn_mcp_call *call;
    mn_mcp_page page;
    char last[KEY_MOST + 1];
} listing;

static int list_one(void *user, const mn_object *o) {
    listing *l = user;
    const mn_mcp_call *call = l->call;
    const char *key = o->key + strlen(call->peer->folder);
    if (o->records >= 0 || (!*call->peer->folder && reserved_by(key))) return 0;
    if (strcmp(key, call->args.last) <= 0) return 0; /* told before */
    if (l->page.n == call->args.limit) return l->page.full = 1;
    json_t *item = json_pack("{s:s, s:I, s:I, s:I}", "key", key, "version", (json_int_t)o->version,
                             "bytes", (json_int_t)o->size, "age_ms", (json_int_t)o->age_ms);
    const int rc = mn_mcp_page_add(&l->page, item);
    if (rc > 0) snprintf(l->last, sizeof l->last, "%s", key);
    return rc < 0 ? rc : !rc; /* a full page stops it */
}

int mn_mcp_object_list(mn_mcp_call *call) {
    char prefix[2 * KEY_MOST + 2];
    listing l = {.call = call};
    snprintf(prefix, sizeof prefix, "%s%s", call->peer->folder, call->args.prefix);
    MN_TRY(mn_mcp_page_open(call, "objects", &l.page));
    MN_TRY(mn_object_list(call->peer->region, prefix, list_one, &l));
    return l.page.full ? mn_mcp_put(call->result, "next", json_string(l.last)) : 0;
}
