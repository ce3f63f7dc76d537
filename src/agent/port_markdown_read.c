/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_markdown_read.c - records of a Markdown file: those an export wrote down, or pieces of
 * what anybody did (port_markdown.h).
 */
#include "agent/port_markdown.h"
#include "base/when.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    SENSIBLE = 1000, /* bytes after which the next paragraph is a record of its own */
    MOST = 2000,     /* bytes of one paragraph; a longer one is cut */
};

static int blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t line_end(const char *t, size_t n, size_t at) {
    const char *const nl = memchr(t + at, '\n', n - at);
    return nl ? (size_t)(nl - t) + 1 : n;
}

static int begins(const char *t, size_t n, size_t at, const char *what) {
    const size_t size = strlen(what);
    return n - at >= size && memcmp(t + at, what, size) == 0;
}

/* "notes/a.md:17" of the byte at `at`; *line was that of the one at *from. */
typedef struct place {
    size_t from;
    int line;
} place;

static int where_is(const mn_markdown_file *f, place *p, size_t at, mn_buf *out) {
    for (; p->from < at; p->from++) p->line += f->text[p->from] == '\n';
    mn_buf_clear(out);
    return mn_buf_printf(out, "%s:%d", f->rest, p->line);
}

/* ---- ours ---------------------------------------------------------------------------------- */
/* The next mark at the beginning of a line, from `at` on; n: there is none. */
static size_t next_mark(const char *t, size_t n, size_t at) {
    while (at < n && !begins(t, n, at, MN_MARKDOWN_MARK)) at = line_end(t, n, at);
    return at;
}

/* Where the text that begins at `at` ends: after as many bytes as were said if a record ends there,
 * else before the next mark. */
static size_t text_end(const char *t, size_t n, size_t at, int64_t said) {
    if (said > 0 && (uint64_t)said < n - at) {
        const size_t end = at + (size_t)said;
        if (begins(t, n, end, "\n\n" MN_MARKDOWN_MARK)) return end;
        if (end + 1 == n && t[end] == '\n') return end;
    }
    return next_mark(t, n, at);
}

/* Behind the line for people, if it is there, and the blank one. */
static size_t text_begin(const char *t, size_t n, size_t at) {
    size_t end = line_end(t, n, at), last = end;
    while (last > at && blank(t[last - 1])) last--;
    const size_t line = last;
    while (last > at && isdigit((unsigned char)t[last - 1])) last--;
    if (last < line && last - at >= 7 && memcmp(t + last - 7, "record ", 7) == 0) at = end;
    return at < n && t[at] == '\n' ? at + 1 : at;
}

/* One record, whose mark is at `at`; *next is where to go on. */
static int read_ours(mn_port_in *in, const mn_markdown_file *f, const char *session,
                     const char *where, size_t at, size_t *next) {
    const char *const t = f->text;
    const size_t end = line_end(t, f->n, at), json = at + strlen(MN_MARKDOWN_MARK) - 1;
    const char *const close = memmem(t + json, end - json, "-->", 3);
    mn_port_numbers numbers = {.meta = {0}};
    mn_row row;
    json_error_t e;
    const char *why = "the comment has no end in its line";
    int rc;
    const size_t from = text_begin(t, f->n, end);
    *next = end;
    const size_t size = close ? (size_t)(close - t) - json : 0;
    json_t *const o = close ? mn_port_json(t + json, size, &e, &why) : NULL;
    if (o) why = mn_port_read_row(o, t + json, size, &numbers, &row);
    if (!why) {
        const size_t to = text_end(t, f->n, from, json_integer_value(json_object_get(o, "n")));
        *next = to;
        row.session = session;
        row.text = t + from;
        row.n = to - from;
        if (json_integer_value(json_object_get(o, "n")) != (json_int_t)row.n)
            while (row.n && (row.text[row.n - 1] == '\n')) row.n--;
    }
    if (why)
        rc = mn_port_wrong(in, where, "%s", why);
    else
        rc = numbers.rc < 0 ? numbers.rc : mn_port_row(in, where, &row);
    mn_buf_free(&numbers.meta);
    json_decref(o);
    return rc;
}

int mn_markdown_ours(mn_port_in *in, const mn_markdown_file *f, const char *session) {
    place p = {0, f->line};
    mn_buf where = {0};
    size_t at = 0, mark = next_mark(f->text, f->n, 0);
    int rc = 0;
    while (at < mark && blank(f->text[at])) at++;
    if (at < mark) {
        rc = where_is(f, &p, at, &where);
        if (rc >= 0) rc = mn_port_wrong(in, where.data, "this text belongs to no record");
    }
    for (at = mark; rc >= 0 && at < f->n; at = next_mark(f->text, f->n, at)) {
        rc = where_is(f, &p, at, &where);
        if (rc >= 0) rc = read_ours(in, f, session, where.data, at, &at);
    }
    mn_buf_free(&where);
    return rc;
}

/* ---- foreign ------------------------------------------------------------------------------- */
typedef struct cutting {
    mn_port_in *in;
    const mn_markdown_file *f;
    place place;
    mn_buf where, time, ref, meta;
    size_t from, to; /* the piece that grows; from == to: none */
    int headings;    /* it has only headings yet */
} cutting;

static int give(cutting *c, size_t from, size_t to) {
    mn_when w;
    mn_row row = mn_port_blank();
    row.text = c->f->text + from;
    row.n = to - from;
    row.time = c->time.data;
    if (mn_when_parse(row.time, &w)) row.from = w.at;
    row.session = row.source = c->f->rest;
    row.ref = c->ref.data;
    row.meta = c->meta.data;
    MN_TRY(where_is(c->f, &c->place, from, &c->where));
    MN_TRY(mn_port_row(c->in, c->where.data, &row));
    mn_buf_clear(&c->meta);
    return 0;
}

/* Where a piece of more than MOST bytes is cut: at a line, a sentence, a word, a character. */
static size_t cut_at(const char *t, size_t from) {
    static const char *const at[] = {"\n", ". ", " "};
    for (int i = 0; i < 3; i++)
        for (size_t k = from + MOST; k > from + MOST / 2; k--)
            if (memcmp(t + k - strlen(at[i]), at[i], strlen(at[i])) == 0) return k;
    size_t k = from + MOST;
    while (k > from + MOST - 4 && (t[k] & 0xc0) == 0x80) k--;
    return k;
}

/* The piece is complete. */
static int flush(cutting *c) {
    const char *const t = c->f->text;
    while (c->to > c->from) {
        const size_t end = c->to - c->from > MOST ? cut_at(t, c->from) : c->to;
        size_t last = end;
        while (last > c->from && blank(t[last - 1])) last--;
        if (last > c->from) MN_TRY(give(c, c->from, last));
        c->from = end;
        while (c->from < c->to && (t[c->from] == '\n' || t[c->from] == '\r')) c->from++;
    }
    c->headings = 0;
    return 0;
}

/* How many signs a heading begins with; 0: it is none. */
static int heading(const char *t, size_t at, size_t end) {
    int n = 0;
    while (at < end && t[at] == '#') at++, n++;
    return n && n <= 6 && (at == end || blank(t[at])) ? n : 0;
}

/* "path#Heading" from now on. */
static int name_ref(cutting *c, size_t at, size_t end) {
    const char *const t = c->f->text;
    while (at < end && (t[at] == '#' || blank(t[at]))) at++;
    while (end > at && (blank(t[end - 1]) || t[end - 1] == '#')) end--;
    mn_buf_clear(&c->ref);
    MN_TRY(mn_buf_puts(&c->ref, c->f->rest));
    if (at == end || c->ref.len + 1 + end - at > MN_FIELD_MAX) return 0;
    MN_TRY(mn_buf_puts(&c->ref, "#"));
    return mn_buf_append(&c->ref, t + at, end - at);
}

static int add_block(cutting *c, size_t from, size_t to, int is_heading) {
    const int full = c->to > c->from && !c->headings && (is_heading || to - c->from > SENSIBLE);
    if (full) MN_TRY(flush(c));
    if (is_heading) MN_TRY(name_ref(c, from, to));
    if (c->to == c->from) {
        c->from = from;
        c->headings = is_heading;
    }
    c->headings &= is_heading;
    c->to = to;
    return 0;
}

/* Is the line a fence of code, as open and close it? */
static int is_fence(const char *t, size_t n, size_t at) {
    for (int i = 0; i < 3 && at < n && t[at] == ' '; i++) at++;
    return begins(t, n, at, "```") || begins(t, n, at, "~~~");
}

/* Behind the block that begins at `at`, which is no blank line. */
static size_t block_end(const char *t, size_t n, size_t at) {
    const int fence = is_fence(t, n, at);
    size_t end = line_end(t, n, at);
    if (heading(t, at, end)) return end;
    while (end < n) {
        const size_t next = line_end(t, n, end);
        size_t i = end;
        while (i < next && blank(t[i])) i++;
        if (fence && is_fence(t, n, end)) return next;
        if (!fence && (i == next || heading(t, end, next) || is_fence(t, n, end))) return end;
        end = next;
    }
    return end;
}

static int cut_all(cutting *c) {
    const char *const t = c->f->text;
    const size_t n = c->f->n;
    for (size_t at = 0, end; at < n; at = end) {
        size_t i = at;
        end = line_end(t, n, at);
        while (i < end && blank(t[i])) i++;
        if (i == end) continue;
        end = block_end(t, n, at);
        MN_TRY(add_block(c, at, end, heading(t, at, end) > 0));
    }
    return flush(c);
}

/* ---- what a file says of itself ------------------------------------------------------------- */
/* A day in the file's name: 2023-05-08, 2023_05_08, 20230508. */
static int day_of(const char *rest, mn_buf *out) {
    const char *name = strrchr(rest, '/');
    mn_when w;
    name = name ? name + 1 : rest;
    for (const char *s = name; *s; s++) {
        int y, m, d, used = 0;
        if ((s > name && isdigit((unsigned char)s[-1])) || strspn(s, "0123456789") < 4) continue;
        if (sscanf(s, "%4d%*1[-_.]%2d%*1[-_.]%2d%n", &y, &m, &d, &used) != 3 || used != 10) {
            used = 0;
            if (sscanf(s, "%4d%2d%2d%n", &y, &m, &d, &used) != 3 || used != 8) continue;
        }
        if (isdigit((unsigned char)s[used])) continue;
        mn_buf_clear(out);
        MN_TRY(mn_buf_printf(out, "%04d-%02d-%02d", y, m, d));
        if (mn_when_parse(out->data, &w)) return 1;
    }
    mn_buf_clear(out);
    return mn_buf_puts(out, "");
}

static int front_meta(cutting *c) {
    const mn_markdown_file *const f = c->f;
    MN_TRY(mn_buf_puts(&c->meta, ""));
    if (!f->front_n) return 0;
    json_t *const text = json_stringn(f->front, f->front_n);
    int rc = mn_buf_puts(&c->meta, "{\"front_matter\":");
    if (rc >= 0 && text) rc = mn_port_dump(text, &c->meta);
    if (rc >= 0) rc = mn_buf_puts(&c->meta, "}");
    if (!text || c->meta.len > MN_META_MAX) {
        mn_buf_clear(&c->meta);
        rc = mn_port_wrong(c->in, f->rest, "the front matter is too long, or no UTF-8");
    }
    json_decref(text);
    return rc;
}

int mn_markdown_foreign(mn_port_in *in, const mn_markdown_file *f) {
    cutting c = {.in = in, .f = f, .place = {0, f->line}};
    int rc = mn_markdown_front(f, "date", &c.time);
    if (!rc) rc = mn_markdown_front(f, "created", &c.time);
    if (!rc) rc = day_of(f->rest, &c.time);
    if (rc >= 0) rc = mn_buf_puts(&c.ref, f->rest);
    if (rc >= 0) rc = front_meta(&c);
    if (rc >= 0) rc = cut_all(&c);
    mn_buf_free(&c.where);
    mn_buf_free(&c.time);
    mn_buf_free(&c.ref);
    mn_buf_free(&c.meta);
    return rc;
}
