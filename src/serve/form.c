/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/form.c - boundaries are found by memmem, whose time is linear; heads are walked once.
 *
 * A filename comes as filename="a.jsonl", where a backslash or a percent sign may stand before a
 * quote (browsers and libraries differ), or as filename*=UTF-8''a.jsonl (RFC 5987), which counts
 * more. What is escaped is never longer than what escapes it, so texts are mended in place.
 */
#include "serve/form.h"

#include "base/error.h"
#include "base/utf8.h"

#include <string.h>
#include <strings.h>

typedef struct cursor {
    char *at, *end; /* at the text "\r\n--boundary", or the body's "--boundary" */
    char mark[MN_FORM_BOUNDARY + 8];
    size_t n_mark; /* with its CRLF */
} cursor;

static int is_boundary_byte(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("'()+_,-./:=? ", c));
}

/* "multipart/form-data; boundary=abc", the boundary in quotes or not. */
static int read_boundary(const char *type, cursor *c) {
    static const char kind[] = "multipart/form-data";
    if (!type || strncasecmp(type, kind, sizeof kind - 1) != 0)
        return MN_FAIL(MN_EINVAL, "the body must be multipart/form-data; Content-Type is %.60s",
                       type ? type : "missing");
    const char *p = type;
    do
        if ((p = strchr(p, ';'))) p += 1 + strspn(p + 1, " \t");
    while (p && strncasecmp(p, "boundary=", 9) != 0);
    if (!p) return MN_FAIL(MN_EINVAL, "Content-Type: multipart/form-data names no boundary");
    p += 9;
    const int quoted = *p == '"';
    p += quoted;
    const size_t n = strcspn(p, quoted ? "\"" : "; \t");
    int good = n > 0 && n <= MN_FORM_BOUNDARY && p[n - 1] != ' ' && (!quoted || p[n]);
    for (size_t i = 0; good && i < n; i++) good = is_boundary_byte((unsigned char)p[i]);
    if (!good)
        return MN_FAIL(MN_EINVAL,
                       "the boundary of Content-Type must have 1 to %d bytes of those "
                       "RFC 2046 allows",
                       MN_FORM_BOUNDARY);
    memcpy(c->mark, "\r\n--", 4);
    memcpy(c->mark + 4, p, n);
    c->n_mark = n + 4;
    return 0;
}

/* Behind a boundary: 1: a part follows; 0: it was the last. */
static int pass_boundary(cursor *c) {
    if (c->end - c->at >= 2 && memcmp(c->at, "--", 2) == 0) return 0;
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t')) c->at++;
    if (c->end - c->at < 2 || memcmp(c->at, "\r\n", 2) != 0)
        return MN_FAIL(MN_EINVAL,
                       "the form has something behind a boundary that is no end of line");
    c->at += 2;
    return 1;
}

static int hex_of(char c) {
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* %41 becomes A, where it stands. */
static void unescape(char *text) {
    char *to = text;
    for (const char *p = text; *p; p++) {
        const int high = *p == '%' ? hex_of(p[1]) : -1, low = high >= 0 ? hex_of(p[2]) : -1;
        *to++ = low >= 0 ? (char)(high * 16 + low) : *p;
        if (low >= 0) p += 2;
    }
    *to = 0;
}

/* The text in quotes at p, made a string; *after: behind its last quote. NULL: it has no end. */
static char *quoted_text(char *p, char **after) {
    char *const text = ++p, *to = text;
    for (; *p && *p != '"'; p++) {
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\')) p++;
        *to++ = *p;
    }
    if (!*p) return NULL;
    *after = p + 1;
    *to = 0;
    return text;
}

static int word_is(const char *word, size_t n, const char *name) {
    return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

/* One parameter "name=value" of the disposition, at *p. */
static int read_parameter(char **p, mn_form_part *out, int *starred) {
    char *const word = *p, *after;
    const size_t n = strcspn(word, "=; \t");
    if (word[n] != '=') return MN_FAIL(MN_EINVAL, "Content-Disposition of a part is malformed");
    char *text = word + n + 1;
    if (*text == '"') {
        if (!(text = quoted_text(text, &after)))
            return MN_FAIL(MN_EINVAL, "Content-Disposition of a part has a quote without end");
    } else {
        after = text + strcspn(text, "; \t");
        if (*after) *after++ = 0;
    }
    *p = after;
    if (word_is(word, n, "name")) {
        unescape(text);
        out->name = text;
    } else if (word_is(word, n, "filename*") && strncasecmp(text, "utf-8''", 7) == 0) {
        unescape(text + 7);
        out->filename = text + 7;
        *starred = 1;
    } else if (word_is(word, n, "filename") && !*starred) {
        unescape(text);
        out->filename = text;
    }
    return 0;
}

/* "form-data; name="file"; filename="a.jsonl"", a string. */
static int read_disposition(char *value, mn_form_part *out) {
    int starred = 0;
    value += strspn(value, " \t");
    if (strncasecmp(value, "form-data", 9) != 0)
        return MN_FAIL(MN_EINVAL, "Content-Disposition of a part is not form-data");
    char *p = value + 9;
    for (;;) {
        p += strspn(p, "; \t");
        if (!*p) break;
        MN_TRY(read_parameter(&p, out, &starred));
    }
    if (!out->name || !*out->name) return MN_FAIL(MN_EINVAL, "a part of the form has no name");
    MN_TRY(mn_utf8_check("the name of a part", out->name, strlen(out->name)));
    return out->filename ? mn_utf8_check("the name of a file", out->filename, strlen(out->filename))
                         : 0;
}

/* The header lines of a part, and the empty one behind them. */
static int read_head(cursor *c, mn_form_part *out) {
    static const char field[] = "content-disposition:";
    char *const limit = c->end - c->at > MN_FORM_HEAD ? c->at + MN_FORM_HEAD : c->end;
    char *found = NULL;
    for (;;) {
        char *line = c->at, *stop = memmem(line, (size_t)(limit - line), "\r\n", 2);
        if (!stop)
            return MN_FAIL(MN_EINVAL, "a part of the form has no end of its head in %d bytes",
                           MN_FORM_HEAD);
        c->at = stop + 2;
        if (stop == line) break;
        if (memchr(line, 0, (size_t)(stop - line)))
            return MN_FAIL(MN_EINVAL, "the head of a part has a zero byte");
        *stop = 0;
        if (strncasecmp(line, field, sizeof field - 1) != 0) continue;
        if (found) return MN_FAIL(MN_EINVAL, "a part has two lines Content-Disposition");
        found = line + sizeof field - 1;
    }
    if (!found) return MN_FAIL(MN_EINVAL, "a part of the form has no Content-Disposition");
    return read_disposition(found, out);
}

static int read_part(cursor *c, mn_form_part *out) {
    *out = (mn_form_part){0};
    MN_TRY(read_head(c, out));
    /* An empty part ends in the line end of its head. */
    char *const from = c->at - 2;
    char *next = memmem(from, (size_t)(c->end - from), c->mark, c->n_mark);
    if (!next)
        return MN_FAIL(MN_EINVAL, "the form ends within a part: its last boundary is missing");
    out->data = c->at;
    out->n = next < c->at ? 0 : (size_t)(next - c->at);
    c->at = next + c->n_mark;
    return 0;
}

int mn_form_read(const char *type, char *body, size_t n, mn_form_part part[MN_FORM_PARTS]) {
    cursor c = {.at = body, .end = body + n};
    int count = 0, more;
    MN_TRY(read_boundary(type, &c));
    const size_t first = c.n_mark - 2;
    if (n < first || memcmp(body, c.mark + 2, first) != 0)
        return MN_FAIL(MN_EINVAL, "the form does not begin with the boundary of its Content-Type");
    c.at += first;
    while ((more = pass_boundary(&c)) > 0) {
        if (count == MN_FORM_PARTS)
            return MN_FAIL(MN_EINVAL, "the form has more than %d parts", MN_FORM_PARTS);
        MN_TRY(read_part(&c, &part[count]));
        for (int i = 0; i < count; i++)
            if (strcmp(part[i].name, part[count].name) == 0)
                return MN_FAIL(MN_EINVAL, "the form has two parts named %.60s", part[i].name);
        count++;
    }
    return more < 0 ? more : count;
}
