/* SPDX-License-Identifier: Apache-2.0
 *
 * net/post.c - the head is read line by line, the body by its length, in chunks, or to the end.
 */
#include "net/post.h"

#include "base/clock.h"
#include "base/error.h"
#include "net/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD = 64 << 10, LINE = 8 << 10, INTERIM = 8 /* answers before the answer */ };

/* ---- where it goes ------------------------------------------------------------------------- */
static int printable(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f) return 0;
    return 1;
}

/* "host", "host:port", "[::1]:port" */
static int read_host(const char *at, size_t n, mn_url *out) {
    const int literal = n && *at == '[';
    const char *const closed = literal ? memchr(at, ']', n) : NULL;
    const size_t skip = literal && closed ? (size_t)(closed - at) + 1 : 0;
    const char *const colon = memchr(at + skip, ':', n - skip);
    const size_t host = colon ? (size_t)(colon - at) : n;
    const size_t named = literal ? skip - 2 : host;
    if ((literal && (!closed || host != skip)) || !named || named >= sizeof out->host) return -1;
    snprintf(out->host, sizeof out->host, "%.*s", (int)named, at + literal);
    if (!colon) return 0;
    const size_t digits = n - host - 1;
    if (!digits || digits > 5 || strspn(colon + 1, "0123456789") < digits) return -1;
    snprintf(out->port, sizeof out->port, "%.*s", (int)digits, colon + 1);
    const int port = atoi(out->port);
    return port >= 1 && port <= 65535 ? 0 : -1;
}

int mn_url_read(const char *text, mn_url *out) {
    static const char *const schemes[] = {"http://", "https://"};
    *out = (mn_url){.port = "80"};
    if (!printable(text))
        return MN_FAIL(MN_EINVAL, "the URL has characters that no URL has: \"%.200s\"", text);
    out->tls = strncasecmp(text, schemes[1], strlen(schemes[1])) == 0;
    if (out->tls) memcpy(out->port, "443", 4);
    if (!out->tls && strncasecmp(text, schemes[0], strlen(schemes[0])) != 0)
        return MN_FAIL(MN_EINVAL, "\"%.200s\" begins with neither http:// nor https://", text);
    const char *const at = text + strlen(schemes[out->tls]);
    const size_t n = strcspn(at, "/?#");
    out->path = at + n;
    if (memchr(at, '@', n))
        return MN_FAIL(MN_EINVAL, "the URL has a name or a key in it, which others could see: "
                                  "give the key in the environment");
    if (strpbrk(out->path, "?#") || read_host(at, n, out) < 0)
        return MN_FAIL(MN_EINVAL, "\"%.200s\" is no URL such as http://127.0.0.1:8080/v1", text);
    return 0;
}

static int is_here(const mn_url *u) {
    return strcmp(u->host, "localhost") == 0 || strncmp(u->host, "127.", 4) == 0 ||
           strcmp(u->host, "::1") == 0;
}

/* ---- what comes ---------------------------------------------------------------------------- */
typedef struct reader {
    mn_line *line;
    const mn_url *url;
    const mn_post *post;
    char bytes[16384];
    size_t at, n, head;
} reader;

static int nonsense(const reader *r) {
    return MN_FAIL(MN_EIO, "%s:%s sent what is no HTTP answer", r->url->host, r->url->port);
}

static int fill(reader *r) {
    const int k = mn_line_get(r->line, r->bytes, sizeof r->bytes);
    MN_TRY(k);
    r->at = 0;
    r->n = (size_t)k;
    return k;
}

/* A line without its end. */
static int get_line(reader *r, char line[LINE]) {
    size_t n = 0;
    for (;;) {
        if (r->at == r->n) {
            const int k = fill(r);
            MN_TRY(k);
            if (!k) return MN_FAIL(MN_EIO, "%s:%s hung up", r->url->host, r->url->port);
        }
        const char c = r->bytes[r->at++];
        if (++r->head > HEAD || n == LINE - 1) return nonsense(r);
        if (c == '\n') break;
        line[n++] = c;
    }
    if (n && line[n - 1] == '\r') n--;
    line[n] = 0;
    return memchr(line, 0, n) ? nonsense(r) : 0;
}

/* n bytes; SIZE_MAX: to the end. */
static int get_bytes(reader *r, size_t n, size_t most, mn_buf *out) {
    while (n) {
        if (r->at == r->n) {
            const int k = fill(r);
            MN_TRY(k);
            if (!k && n == SIZE_MAX) return 0;
            if (!k) return MN_FAIL(MN_EIO, "%s:%s hung up", r->url->host, r->url->port);
        }
        const size_t k = r->n - r->at < n ? r->n - r->at : n;
        if (!r->post->piece && out->len + k > most)
            return MN_FAIL(MN_EIO, "%s:%s answered with more than %zu bytes", r->url->host,
                           r->url->port, most);
        MN_TRY(r->post->piece ? r->post->piece(r->post->user, r->bytes + r->at, k)
                              : mn_buf_append(out, r->bytes + r->at, k));
        r->at += k;
        if (n != SIZE_MAX) n -= k;
    }
    return 0;
}

static int size_of(const reader *r, const char *text, int base, size_t *out) {
    char *end;
    const size_t digits = strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789");
    if (!digits || digits > 15) return nonsense(r);
    *out = strtoull(text, &end, base);
    return *end && *end != ';' && *end != ' ' ? nonsense(r) : 0;
}

static int get_chunks(reader *r, size_t most, mn_buf *out) {
    char line[LINE];
    for (;;) {
        size_t n = 0;
        r->head = 0;
        MN_TRY(get_line(r, line));
        MN_TRY(size_of(r, line, 16, &n));
        if (!n) return 0;
        MN_TRY(get_bytes(r, n, most, out));
        MN_TRY(get_line(r, line));
        if (*line) return nonsense(r);
    }
}

typedef struct head {
    int status, chunked;
    size_t length; /* SIZE_MAX: nobody says */
} head;

static int get_head(reader *r, head *out) {
    char line[LINE];
    *out = (head){.length = SIZE_MAX};
    MN_TRY(get_line(r, line));
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 || line[8] != ' ') return nonsense(r);
    out->status = atoi(line + 9);
    if (out->status < 100 || out->status > 599) return nonsense(r);
    for (;;) {
        MN_TRY(get_line(r, line));
        if (!*line) return 0;
        char *const value = strchr(line, ':');
        if (!value) return nonsense(r);
        *value = 0;
        const char *const text = value + 1 + strspn(value + 1, " \t");
        if (r->post->header && out->status >= 200) r->post->header(r->post->user, line, text);
        if (strcasecmp(line, "content-length") == 0) MN_TRY(size_of(r, text, 10, &out->length));
        if (strcasecmp(line, "transfer-encoding") == 0) {
            if (strcasecmp(text, "chunked") != 0) return nonsense(r);
            out->chunked = 1;
        }
    }
}

static int get_answer(reader *r, size_t most, mn_buf *out) {
    head h;
    for (int i = 0;; i++) {
        if (i == INTERIM) return nonsense(r);
        MN_TRY(get_head(r, &h));
        if (h.status >= 200) break;
    }
    if (r->post->status) r->post->status(r->post->user, h.status);
    if (h.status == 204 || h.status == 304) return h.status;
    MN_TRY(h.chunked ? get_chunks(r, most, out) : get_bytes(r, h.length, most, out));
    return h.status;
}

/* ---- both ---------------------------------------------------------------------------------- */
static int put_head(const mn_post *p, mn_buf *out) {
    const mn_url *const u = p->url;
    const int literal = strchr(u->host, ':') != NULL;
    size_t n = strlen(u->path);
    while (n && u->path[n - 1] == '/') n--;
    MN_TRY(mn_buf_printf(out,
                         "%s %.*s%s HTTP/1.1\r\nHost: %s%s%s:%s\r\nAccept: %s\r\nConnection: "
                         "close\r\n%s",
                         p->method ? p->method : "POST", (int)n, u->path,
                         !n && !*p->path ? "/" : p->path, literal ? "[" : "", u->host,
                         literal ? "]" : "", u->port, p->accept ? p->accept : "application/json",
                         p->head ? p->head : ""));
    if (p->body)
        MN_TRY(
            mn_buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", p->n));
    if (p->key) MN_TRY(mn_buf_printf(out, "Authorization: Bearer %s\r\n", p->key));
    return mn_buf_puts(out, "\r\n");
}

static int check_key(const mn_post *p) {
    if (!p->key) return 0;
    if (!*p->key || !printable(p->key))
        return MN_FAIL(MN_EINVAL, "the key for %s has characters that no key has", p->url->host);
    if (p->url->tls || is_here(p->url)) return 0;
    return MN_FAIL(MN_EINVAL, "the key for %s would go there unencrypted; use https", p->url->host);
}

int mn_post_json(const mn_post *p, mn_buf *out) {
    const uint64_t deadline = mn_clock_ns() + (uint64_t)p->seconds * 1000000000u;
    reader r = {.url = p->url, .post = p};
    mn_buf top = {0};
    MN_TRY(check_key(p));
    int rc = put_head(p, &top);
    if (rc >= 0) rc = mn_line_open(p->url->host, p->url->port, p->url->tls, deadline, &r.line);
    if (rc >= 0 && p->stop) mn_line_stop(r.line, *p->stop);
    if (rc >= 0) rc = mn_line_put(r.line, top.data, top.len);
    if (rc >= 0 && p->body) rc = mn_line_put(r.line, p->body, p->n);
    if (rc >= 0) rc = get_answer(&r, p->most, out);
    mn_line_close(&r.line);
    if (top.data) memset(top.data, 0, top.len); /* it had the key */
    mn_buf_free(&top);
    return rc;
}
