/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/reply.c - the parser of replies: states, one after the other.
 *
 *   HEAD -> LENGTH | UNTIL_END | SIZE           the blank line; which one, the fields say
 *   SIZE -> CHUNK -> AFTER -> SIZE ...          a chunk: size line, bytes, empty line
 *   SIZE -> TRAILER -> DONE                     the chunk of size 0
 *
 * Lines end in \n or \r\n. Of an event only its data lines count (RFC 9112; the living standard of
 * HTML, "Server-sent events": a space behind the colon is not data, several lines are joined).
 */
#include "bench/reply.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD, LENGTH, UNTIL_END, SIZE, CHUNK, AFTER, TRAILER, DONE };

/* ---- the body ----------------------------------------------------------------------------- */
static int end_of_event(mn_reply *r) {
    int rc = 0;
    if (r->data.len && r->on_event) rc = r->on_event(r->user, r->data.data, r->data.len - 1);
    mn_buf_clear(&r->data);
    return rc;
}

static int event_line(mn_reply *r, const char *line, size_t n) {
    if (n && line[n - 1] == '\r') n--;
    if (!n) return end_of_event(r);
    if (n < 5 || memcmp(line, "data:", 5) != 0) return 0;
    line += 5, n -= 5;
    if (n && *line == ' ') line++, n--;
    r->data.limit = MN_REPLY_BODY_MAX;
    if (r->data.len) r->data.data[r->data.len - 1] = '\n';
    MN_TRY(mn_buf_append(&r->data, line, n));
    return mn_buf_append(&r->data, "", 1); /* so that its text ends here, and empty data count */
}

static int body(mn_reply *r, const char *bytes, size_t n) {
    r->body.limit = r->line.limit = MN_REPLY_BODY_MAX;
    if (!r->event_stream) return mn_buf_append(&r->body, bytes, n);
    while (n) {
        const char *const end = memchr(bytes, '\n', n);
        const size_t k = end ? (size_t)(end - bytes) : n;
        MN_TRY(mn_buf_append(&r->line, bytes, k));
        if (!end) break;
        MN_TRY(event_line(r, r->line.data ? r->line.data : "", r->line.len));
        mn_buf_clear(&r->line);
        bytes += k + 1, n -= k + 1;
    }
    return 0;
}

/* ---- the head ----------------------------------------------------------------------------- */
/* The value of a field, without the blanks before it; NULL: it is not there. */
static const char *field(const char *head, const char *name) {
    const size_t n = strlen(name);
    for (const char *at = strchr(head, '\n'); at; at = strchr(at, '\n')) {
        at++;
        if (strncasecmp(at, name, n) != 0 || at[n] != ':') continue;
        at += n + 1;
        return at + strspn(at, " \t");
    }
    return NULL;
}
static int says(const char *value, const char *word) {
    return value && strncasecmp(value, word, strlen(word)) == 0;
}

static int number(const char *text, int base, uint64_t *out) {
    char *end;
    *out = strtoull(text, &end, base);
    if (end == text || *text == '-' || *text == '+' || *out > MN_REPLY_BODY_MAX)
        return MN_FAIL(MN_ECORRUPT, "a reply says '%.16s' where the size of its body belongs",
                       text);
    return 0;
}

static int head_ends(mn_reply *r) {
    const char *const head = r->line.data, *const length = field(head, "content-length");
    char version = 0;
    if (strncmp(head, "HTTP/1.", 7) == 0) version = head[7];
    r->status = version && head[8] == ' ' ? atoi(head + 9) : 0;
    if (r->status < 100 || r->status > 599)
        return MN_FAIL(MN_ECORRUPT, "a reply begins with '%.24s', which is no HTTP/1.1", head);
    r->event_stream = says(field(head, "content-type"), "text/event-stream");
    r->keeps = version == '1' && !says(field(head, "connection"), "close");
    r->state = UNTIL_END;
    if (says(field(head, "transfer-encoding"), "chunked"))
        r->state = SIZE;
    else if (length)
        r->state = LENGTH;
    else if (r->status == 204 || r->status == 304)
        r->state = DONE;
    if (r->state == LENGTH) MN_TRY(number(length, 10, &r->left));
    if (r->state == LENGTH && !r->left) r->state = DONE;
    if (r->state == UNTIL_END) r->keeps = 0;
    if (r->status / 100 == 1) r->state = HEAD, r->status = 0; /* the reply itself follows */
    mn_buf_clear(&r->line);
    return 0;
}

/* ---- lines and runs of bytes -------------------------------------------------------------- */
/* The line is complete: what it means in this state. */
static int line_ends(mn_reply *r, const char *line, size_t n) {
    if (n && line[n - 1] == '\r') n--;
    if (r->state == AFTER && n) return MN_FAIL(MN_ECORRUPT, "a chunk is longer than it says");
    if (r->state == TRAILER && !n) r->state = DONE;
    if (r->state == AFTER)
        r->state = SIZE;
    else if (r->state == SIZE) {
        MN_TRY(number(line, 16, &r->left));
        r->state = r->left ? CHUNK : TRAILER;
    }
    return 0;
}

/* Of the head, or around chunks: how many bytes were taken. A size line is short, and no other line
 * is open while one is read but that of an event, which waits in `line`. */
static int take_line(mn_reply *r, mn_buf *into, const char *bytes, size_t n, size_t *taken) {
    const char *const end = memchr(bytes, '\n', n);
    const size_t k = end ? (size_t)(end - bytes) + 1 : n;
    into->limit = MN_REPLY_HEAD_MAX;
    MN_TRY(mn_buf_append(into, bytes, k));
    *taken = k;
    if (!end) return 0;
    if (r->state == HEAD) {
        const char *const head = into->data;
        const size_t len = into->len;
        const int blank =
            len >= 2 &&
            (head[len - 2] == '\n' || (len >= 3 && head[len - 2] == '\r' && head[len - 3] == '\n'));
        return blank ? head_ends(r) : 0;
    }
    const int rc = line_ends(r, into->data, into->len - 1);
    mn_buf_clear(into);
    return rc;
}

static int take_bytes(mn_reply *r, const char *bytes, size_t n, size_t *taken) {
    *taken = r->state != UNTIL_END && r->left < n ? (size_t)r->left : n;
    MN_TRY(body(r, bytes, *taken));
    if (r->state == UNTIL_END) return 0;
    r->left -= *taken;
    if (!r->left) r->state = r->state == CHUNK ? AFTER : DONE;
    return 0;
}

int mn_reply_feed(mn_reply *r, const char *bytes, size_t n) {
    while (n && r->state != DONE) {
        size_t taken = 0;
        if (r->state == LENGTH || r->state == UNTIL_END || r->state == CHUNK)
            MN_TRY(take_bytes(r, bytes, n, &taken));
        else
            MN_TRY(take_line(r, r->state == HEAD ? &r->line : &r->size, bytes, n, &taken));
        bytes += taken, n -= taken;
    }
    if (n) return MN_FAIL(MN_ECORRUPT, "%zu bytes follow a reply that is complete", n);
    return r->state == DONE;
}

int mn_reply_hung_up(mn_reply *r) {
    if (r->state == UNTIL_END) r->state = DONE;
    if (r->state == DONE) return 1;
    return MN_FAIL(MN_ECORRUPT, "the server hung up in the middle of a reply");
}

void mn_reply_clear(mn_reply *r) {
    r->status = r->event_stream = r->keeps = r->state = 0;
    r->left = 0;
    mn_buf_clear(&r->line);
    mn_buf_clear(&r->size);
    mn_buf_clear(&r->data);
    mn_buf_clear(&r->body);
}

void mn_reply_free(mn_reply *r) {
    mn_buf_free(&r->line);
    mn_buf_free(&r->size);
    mn_buf_free(&r->data);
    mn_buf_free(&r->body);
}
