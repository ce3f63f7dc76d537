/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/place.c - what stands before the last @ ends at its first colon; options are let through by
 * name.
 */
#include "agent/place.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

int mn_place_is_file(const char *where) {
    return !strstr(where, "://");
}

static int show_options(const char *at, mn_buf *out) {
    static const char *const open[] = {"host=", "port=", "dbname="};
    char before = '?';
    while (*at) {
        const size_t n = strcspn(at, "&");
        for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
            if (strncmp(at, open[i], strlen(open[i])) != 0) continue;
            MN_TRY(mn_buf_append(out, &before, 1));
            MN_TRY(mn_buf_append(out, at, n));
            before = '&';
        }
        at += n + (at[n] == '&');
    }
    return 0;
}

int mn_place_shown(const char *where, mn_buf *out) {
    const char *at = strstr(where, "://");
    if (!at) return mn_buf_puts(out, where);
    at += 3;
    MN_TRY(mn_buf_append(out, where, (size_t)(at - where)));
    const char *const host = strrchr(at, '@');
    if (host) {
        const size_t user = strcspn(at, ":@");
        MN_TRY(mn_buf_append(out, at, user));
        at = host;
    }
    const size_t n = strcspn(at, "?#");
    MN_TRY(mn_buf_append(out, at, n));
    return at[n] == '?' ? show_options(at + n + 1, out) : 0;
}

int mn_place_beside(const char *where, mn_buf *out) {
    char name[40], *path = NULL;
    if (mn_place_is_file(where)) return mn_buf_puts(out, where);
    snprintf(name, sizeof name, "server-%016llx",
             (unsigned long long)mn_hash64(where, strlen(where)));
    MN_TRY(mn_file_data_path(name, &path));
    int rc = mn_file_mkdirs_of(path);
    if (rc >= 0) rc = mn_buf_puts(out, path);
    mn_free(path);
    return rc;
}
