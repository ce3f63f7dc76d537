/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/http.c - the head of a request, cut into strings where it lies.
 *
 * One walk over the bytes, each looked at once; what is not exactly as the grammar has it is
 * refused with a sentence. Values keep bytes above 127 (obs-text), control characters are refused.
 */
#include "serve/http.h"

#include "base/error.h"

#include <string.h>
#include <strings.h>

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *mn_http_reason(int status) {
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status) return reasons[i].reason;
    return "Unknown";
}

size_t mn_http_head_end(const char *bytes, size_t n, size_t *from) {
    for (size_t i = *from; i + 3 < n; i++)
        if (memcmp(bytes + i, "\r\n\r\n", 4) == 0) return i + 4;
    *from = n > 3 ? n - 3 : 0;
    return 0;
}

/* Characters of methods and field names: tchar of RFC 9110. */
static int is_token(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int refuse(int *status, int with, const char *sentence) {
    *status = with;
    return MN_FAIL(MN_EINVAL, "%s", sentence);
}

/* The end of the line that begins at p: its CR, which becomes a NUL. NULL: a lone CR or LF. */
static char *cut_line(char *p, char *end) {
    for (; p + 1 < end; p++) {
        if (*p == '\n' || !*p) return NULL;
        if (*p == '\r') {
            if (p[1] != '\n') return NULL;
            *p = 0;
            return p;
        }
    }
    return NULL;
}

/* "GET /path?query HTTP/1.1" */
static int read_request_line(char *line, mn_http_head *out, int *status) {
    char *p = line, *target;
    while (is_token((unsigned char)*p)) p++;
    if (p == line || p - line > 20 || *p != ' ')
        return refuse(status, 400, "the request does not begin with an HTTP method");
    *p++ = 0;
    out->method = line;
    target = p;
    while (*p > 0x20 && *p < 0x7f) p++;
    if (*p != ' ' || p == target)
        return refuse(status, 400, "the address in the first line of the request is malformed");
    *p++ = 0;
    if (strncmp(p, "HTTP/", 5) != 0)
        return refuse(status, 400, "the first line of the request does not end with HTTP/1.1");
    if (strcmp(p, "HTTP/1.1") != 0 && strcmp(p, "HTTP/1.0") != 0)
        return refuse(status, 505, "this server speaks HTTP/1.1 and HTTP/1.0 only");
    out->minor = p[7] - '0';
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
        target = strstr(target, "//") + 2; /* a proxy's form: the path is what follows the host */
        target += strcspn(target, "/?");
        if (!*target) target = "/";
    }
    if (*target != '/' && strcmp(target, "*") != 0)
        return refuse(status, 400, "the address in the first line must begin with /");
    char *query = strchr(target, '?');
    if (query) *query++ = 0;
    out->path = target;
    out->query = query ? query : "";
    return 0;
}

/* "Name: value", OWS around the value taken off. */
static int read_field(char *line, mn_http_head *out, int *status) {
    char *p = line, *end;
    if (*p == ' ' || *p == '\t')
        return refuse(status, 400, "a header field is folded over lines, which is not allowed");
    while (is_token((unsigned char)*p)) p++;
    if (p == line || *p != ':') return refuse(status, 400, "a header field has a malformed name");
    if (out->n == MN_HTTP_FIELDS)
        return refuse(status, 431, "the request has more than 64 header fields");
    *p++ = 0;
    while (*p == ' ' || *p == '\t') p++;
    end = p + strlen(p);
    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) *--end = 0;
    for (const char *c = p; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return refuse(status, 400, "a header field has a control character in its value");
    out->field[out->n].name = line;
    out->field[out->n++].value = p;
    return 0;
}

const char *mn_http_field(const mn_http_head *head, const char *name) {
    for (int i = 0; i < head->n; i++)
        if (strcasecmp(head->field[i].name, name) == 0) return head->field[i].value;
    return NULL;
}

static int hex_of(char c) {
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

int mn_http_query(const char *query, const char *name, char *out, size_t cap) {
    const size_t n = strlen(name);
    const char *p = query;
    while (*p && !(strncmp(p, name, n) == 0 && p[n] == '=')) {
        p += strcspn(p, "&");
        p += *p == '&';
    }
    if (!*p) return 0;
    size_t k = 0;
    for (p += n + 1; *p && *p != '&' && k + 1 < cap; p++) {
        const int high = *p == '%' ? hex_of(p[1]) : -1, low = high < 0 ? -1 : hex_of(p[2]);
        out[k++] = low >= 0 ? (char)(high * 16 + low) : *p == '+' ? ' ' : *p;
        if (low >= 0) p += 2;
    }
    out[k] = 0;
    return 1;
}

static int count_of(const mn_http_head *head, const char *name) {
    int count = 0;
    for (int i = 0; i < head->n; i++) count += strcasecmp(head->field[i].name, name) == 0;
    return count;
}

/* Is `word` one of the words of a list "a, b"? */
static int has_word(const char *list, const char *word) {
    const size_t n = strlen(word);
    while (list && *list) {
        list += strspn(list, " \t,");
        const size_t k = strcspn(list, " \t,");
        if (k == n && strncasecmp(list, word, n) == 0) return 1;
        list += k;
    }
    return 0;
}

/* How the body comes, and what becomes of the connection. */
static int read_framing(mn_http_head *out, int *status) {
    const char *length = mn_http_field(out, "content-length");
    const char *coding = mn_http_field(out, "transfer-encoding");
    const char *connection = mn_http_field(out, "connection");
    const char *expect = mn_http_field(out, "expect");
    out->close =
        has_word(connection, "close") || (out->minor == 0 && !has_word(connection, "keep-alive"));
    out->expect = out->minor && expect && strcasecmp(expect, "100-continue") == 0;
    if (count_of(out, "host") > 1 || (out->minor && !mn_http_field(out, "host")))
        return refuse(status, 400, "the request needs exactly one Host header field");
    if (coding) {
        if (length || !out->minor || count_of(out, "transfer-encoding") > 1)
            return refuse(status, 400,
                          "Transfer-Encoding stands beside Content-Length, or in HTTP/1.0");
        if (strcasecmp(coding, "chunked") != 0)
            return refuse(status, 501, "the only Transfer-Encoding this server reads is chunked");
        return out->chunked = 1, 0;
    }
    if (!length) return 0;
    const size_t n = strlen(length);
    if (count_of(out, "content-length") > 1 || !n || n > 18 || strspn(length, "0123456789") != n)
        return refuse(status, 400, "Content-Length is not one number of bytes");
    for (size_t i = 0; i < n; i++) out->length = out->length * 10 + (length[i] - '0');
    return 0;
}

int mn_http_head_read(char *text, size_t n, mn_http_head *out, int *status) {
    char *p = text, *const end = text + n;
    memset(out, 0, sizeof *out);
    *status = 400;
    for (int line = 0; p < end; line++) {
        char *stop = cut_line(p, end);
        if (!stop)
            return refuse(status, 400,
                          "a line of the request does not end in CR and LF, or has a "
                          "zero byte");
        if (stop == p) break; /* the empty line */
        MN_TRY(line ? read_field(p, out, status) : read_request_line(p, out, status));
        p = stop + 2;
    }
    if (!out->method) return refuse(status, 400, "the request is empty");
    return read_framing(out, status);
}

/* One byte of the line that says a chunk's size: "1f;extension". */
static int size_byte(mn_http_chunks *c, unsigned char b) {
    if (++c->line > MN_HTTP_CHUNK_LINE)
        return MN_FAIL(MN_EINVAL, "the size of a chunk is longer than %d bytes",
                       MN_HTTP_CHUNK_LINE);
    if (c->cr) {
        if (b != '\n' || !c->digits) return MN_FAIL(MN_EINVAL, "a chunk of the body has no size");
        c->state = c->left ? MN_CHUNK_DATA : MN_CHUNK_TRAILER;
        c->cr = c->line = c->digits = c->trailer = 0;
        return 0;
    }
    if (b == '\r') return c->cr = 1, 0;
    const int digit = b >= '0' && b <= '9'                     ? b - '0'
                      : (b | 0x20) >= 'a' && (b | 0x20) <= 'f' ? (b | 0x20) - 'a' + 10
                                                               : -1;
    const int extension = c->digits < 0;
    if (extension || (c->digits && (b == ';' || b == ' ' || b == '\t'))) {
        if (b < 0x20 && b != '\t') return MN_FAIL(MN_EINVAL, "a chunk extension is malformed");
        c->digits = -1; /* what follows is an extension, which nobody reads */
        return 0;
    }
    if (digit < 0 || ++c->digits > 15)
        return MN_FAIL(MN_EINVAL, "the size of a chunk is no number");
    c->left = c->left * 16 + (uint64_t)digit;
    return 0;
}

/* One byte behind the last chunk: lines that nobody reads, then an empty one. */
static int trailer_byte(mn_http_chunks *c, unsigned char b) {
    if (++c->line > MN_HTTP_HEAD) return MN_FAIL(MN_EINVAL, "what follows the body is too long");
    if (c->cr) {
        if (b != '\n') return MN_FAIL(MN_EINVAL, "what follows the body is malformed");
        if (!c->trailer) c->state = MN_CHUNK_DONE;
        c->cr = c->trailer = 0;
        return 0;
    }
    if (b == '\n' || !b) return MN_FAIL(MN_EINVAL, "what follows the body is malformed");
    if (b == '\r') return c->cr = 1, 0;
    c->trailer++;
    return 0;
}

/* The CR and LF behind a chunk's data. */
static int end_byte(mn_http_chunks *c, unsigned char b) {
    if (b != (c->cr ? '\n' : '\r'))
        return MN_FAIL(MN_EINVAL, "a chunk of the body is longer than its size says");
    if (c->cr) c->state = MN_CHUNK_SIZE;
    c->cr = !c->cr;
    return 0;
}

int64_t mn_http_chunks_take(mn_http_chunks *c, const char *bytes, size_t n, mn_buf *body) {
    size_t i = 0;
    while (i < n && c->state != MN_CHUNK_DONE) {
        const unsigned char b = (unsigned char)bytes[i];
        if (c->state == MN_CHUNK_DATA) {
            const size_t k = n - i < c->left ? n - i : (size_t)c->left;
            MN_TRY(mn_buf_append(body, bytes + i, k));
            i += k;
            if (!(c->left -= k)) c->state = MN_CHUNK_END;
            continue;
        }
        i++;
        MN_TRY(c->state == MN_CHUNK_SIZE      ? size_byte(c, b)
               : c->state == MN_CHUNK_TRAILER ? trailer_byte(c, b)
                                              : end_byte(c, b));
    }
    return (int64_t)i;
}
