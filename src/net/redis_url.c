/* SPDX-License-Identifier: Apache-2.0
 *
 * net/redis_url.c - where a Redis is. No sentence repeats what stands before the "@".
 */
#include "base/error.h"
#include "net/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* text[0..n) with its %XX as bytes. -1: it does not fit, or is none. */
static int decode(const char *text, size_t n, char *out, size_t cap) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < n ? hex(text[i + 1]) : -1;
            const int low = high >= 0 ? hex(text[i + 2]) : -1;
            if (low < 0) return -1;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (!c || k + 1 >= cap) return -1;
        out[k++] = c;
    }
    out[k] = 0;
    return 0;
}

static int read_db(const char *text, mn_redis_url *out) {
    if (!*text) return 0;
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5)
        return MN_FAIL(MN_EINVAL, "the database of a Redis is a number, as in redis://host/0");
    out->db = atoi(text);
    return 0;
}

/* "user:password" or ":password" */
static int read_who(const char *text, size_t n, mn_redis_url *out) {
    const char *const colon = memchr(text, ':', n);
    const size_t user = colon ? (size_t)(colon - text) : n;
    if (decode(text, user, out->user, sizeof out->user) < 0 ||
        (colon && decode(colon + 1, n - user - 1, out->password, sizeof out->password) < 0))
        return MN_FAIL(MN_EINVAL,
                       "user and password of a Redis have %zu and %zu bytes at most, "
                       "and %%XX for what a URL cannot have",
                       sizeof out->user - 1, sizeof out->password - 1);
    return 0;
}

/* "host", "host:port", "[::1]:port" */
static int read_place(const char *at, size_t n, mn_redis_url *out) {
    const int literal = n && *at == '[';
    const char *const closed = literal ? memchr(at, ']', n) : NULL;
    const size_t skip = closed ? (size_t)(closed - at) + 1 : 0;
    const char *const colon = memchr(at + skip, ':', n - skip);
    const size_t host = colon ? (size_t)(colon - at) : n;
    const size_t named = literal ? skip - 2 : host, digits = colon ? n - host - 1 : 0;
    if ((literal && (!closed || host != skip)) || !named || named >= sizeof out->host ||
        (colon && (!digits || digits > 5 || strspn(colon + 1, "0123456789") < digits)))
        return MN_FAIL(MN_EINVAL, "\"%.*s\" is no host of a Redis, such as 10.0.0.1:6379",
                       (int)(n > 200 ? 200 : n), at);
    snprintf(out->host, sizeof out->host, "%.*s", (int)named, at + literal);
    if (colon) snprintf(out->port, sizeof out->port, "%.*s", (int)digits, colon + 1);
    const int port = atoi(out->port);
    if (port < 1 || port > 65535)
        return MN_FAIL(MN_EINVAL, "a port is a number from 1 to 65535, not %s", out->port);
    return 0;
}

static int read_socket(const char *at, mn_redis_url *out) {
    const size_t n = strcspn(at, "?");
    out->port[0] = 0;
    if (*at != '/' || n < 2 || decode(at, n, out->host, sizeof out->host) < 0)
        return MN_FAIL(MN_EINVAL, "a Redis on a socket is unix:///PATH or unix:///PATH?db=0");
    if (!at[n]) return 0;
    if (strncmp(at + n, "?db=", 4) != 0 || !at[n + 4])
        return MN_FAIL(MN_EINVAL, "behind the path of a socket comes ?db=N, and nothing else");
    return read_db(at + n + 4, out);
}

int mn_redis_url_read(const char *text, mn_redis_url *out) {
    static const char *const schemes[] = {"redis://", "rediss://", "unix://"};
    int kind = 0;
    *out = (mn_redis_url){.port = "6379"};
    while (kind < 3 && strncasecmp(text, schemes[kind], strlen(schemes[kind])) != 0) kind++;
    if (kind == 3)
        return MN_FAIL(MN_EINVAL, "a Redis is redis://[user:password@]host:port/db, rediss://.. "
                                  "with TLS, or unix:///PATH");
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
            return MN_FAIL(MN_EINVAL, "the URL of the Redis has characters that no URL has: write "
                                      "them as %%XX");
    const char *at = text + strlen(schemes[kind]);
    /* A password may have a "/" or "?" that nobody wrote as %XX: the last "@" ends it. */
    const char *const sign = strrchr(at, '@');
    out->tls = kind == 1;
    if (sign) MN_TRY(read_who(at, (size_t)(sign - at), out));
    if (sign) at = sign + 1;
    if (kind == 2) return read_socket(at, out);
    const size_t n = strcspn(at, "/?#");
    MN_TRY(read_place(at, n, out));
    if (strpbrk(at, "?#"))
        return MN_FAIL(MN_EINVAL, "behind the database of a Redis' URL comes nothing");
    return at[n] ? read_db(at + n + 1, out) : 0;
}
