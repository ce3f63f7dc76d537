/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/http.h - HTTP/1.1 (RFC 9112), the part a server reads: heads and chunked bodies.
 *
 * Pure functions over bytes that strangers sent; no sockets, no memory of their own. Strict where
 * leniency lets two readers of one stream disagree (request smuggling): lines end in CRLF, no
 * folded fields, no space before a colon, one Content-Length at most, never together with
 * Transfer-Encoding, which is "chunked" or refused. Why not libevent's evhttp: of 2.1 it answers
 * what is malformed or too large with pages of HTML, has no 431, cannot refuse a request before its
 * body was read, and bounds the time between two bytes but not of a whole request.
 */
#ifndef MN_SERVE_HTTP_H
#define MN_SERVE_HTTP_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum { MN_HTTP_HEAD = 32 << 10, MN_HTTP_FIELDS = 64, MN_HTTP_CHUNK_LINE = 256 };

typedef struct mn_http_head {
    const char *method, *path; /* path: without query, as it came */
    const char *query;         /* behind the "?"; "" */
    int minor;                 /* of HTTP/1.x */
    int close;                 /* the connection ends with this request */
    int chunked;               /* how the body comes; else length says it */
    int expect;                /* the client waits for "100 Continue" */
    int64_t length;            /* of the body; 0: none */
    int n;
    struct {
        const char *name, *value;
    } field[MN_HTTP_FIELDS];
} mn_http_head;

/* Bytes of the head, its empty line included; 0: it is not complete. *from: where to look on. */
size_t mn_http_head_end(const char *bytes, size_t n, size_t *from);
/* Read the head text[0..n), which mn_http_head_end found; `out` points into text, which is cut into
 * strings. MN_EINVAL: *status says which answer it deserves (400, 431, 501, 505). */
int mn_http_head_read(char *text, size_t n, mn_http_head *out, int *status);
/* The value of a field, NULL when it is not there. Names are the same in any case. */
const char *mn_http_field(const mn_http_head *head, const char *name);

/* The value of a name in a query "a=1&b=2", %41 and + made what they stand for, and cut to cap - 1
 * bytes: 1; 0: it is not there, and out is as it was. Of two the first counts. */
int mn_http_query(const char *query, const char *name, char *out, size_t cap);

/* A body in chunks. Zero-initialise. */
typedef struct mn_http_chunks {
    enum { MN_CHUNK_SIZE, MN_CHUNK_DATA, MN_CHUNK_END, MN_CHUNK_TRAILER, MN_CHUNK_DONE } state;
    uint64_t left; /* of this chunk */
    int digits, line, cr, trailer;
} mn_http_chunks;
/* Take what bytes[0..n) has of the body, appended to `body`: how many bytes were used; state is
 * MN_CHUNK_DONE when it is complete. MN_EINVAL: malformed; MN_ETOOLONG: beyond body->limit. */
int64_t mn_http_chunks_take(mn_http_chunks *c, const char *bytes, size_t n, mn_buf *body);

const char *mn_http_reason(int status); /* "Not Found" */

#endif
