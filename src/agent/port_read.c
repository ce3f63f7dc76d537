/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_read.c - files of any size, read in pieces: line by line, or element by element of one
 * large JSON list, whose ends are found by counting brackets outside of strings. So what is
 * malformed costs its own line or element and no other.
 */
#include "agent/port.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20 };

typedef struct reader {
    mn_port_in *in;
    const char *path;
    int fd;
    uint64_t at, size; /* bytes read, and all */
    mn_buf data;
} reader;

static int reader_open(reader *r, mn_port_in *in) {
    *r = (reader){.in = in, .path = mn_port_path(in), .fd = -1};
    MN_TRY(mn_file_stat(r->path, &r->size, NULL));
    return mn_file_open(r->path, &r->fd);
}

static void reader_close(reader *r) {
    mn_file_close(&r->fd);
    mn_buf_free(&r->data);
}

/* The next piece behind what is in `data`; 0: that was all. A byte order mark is left out. */
static int reader_more(reader *r) {
    static const char mark[] = "\xef\xbb\xbf";
    const uint64_t left = r->size - r->at;
    const size_t n = left < PIECE ? (size_t)left : PIECE;
    MN_TRY(mn_port_report(r->in, r->at, r->size));
    if (!n) return 0;
    MN_TRY(mn_buf_reserve(&r->data, n));
    MN_TRY(mn_file_pread(r->fd, r->path, r->at, r->data.data + r->data.len, n));
    r->data.len += n;
    if (!r->at && r->data.len >= 3 && memcmp(r->data.data, mark, 3) == 0)
        memmove(r->data.data, r->data.data + 3, r->data.len -= 3);
    r->at += n;
    return 1;
}

/* ---- lines -------------------------------------------------------------------------------- */
typedef struct lines {
    mn_port_line *each;
    int64_t number;
    int long_one; /* what is read is the rest of a line that is too long */
} lines;

static int too_long(mn_port_in *in, const char *where) {
    return mn_port_wrong(in, where, "it has more than %d MiB", MN_PORT_BYTES >> 20);
}

static int one_line(reader *r, lines *l, const char *line, size_t n) {
    char where[32];
    l->number++;
    snprintf(where, sizeof where, "line %lld", (long long)l->number);
    if (l->long_one || n > MN_PORT_BYTES) {
        l->long_one = 0;
        return too_long(r->in, where);
    }
    while (n && strchr(" \t\r", line[n - 1]) && line[n - 1]) n--;
    return n ? l->each(r->in, where, line, n) : 0;
}

/* All whole lines in `data`, which keeps the rest. */
static int some_lines(reader *r, lines *l, int end) {
    const char *const data = r->data.data;
    size_t from = 0;
    for (const char *nl; from < r->data.len;) {
        nl = memchr(data + from, '\n', r->data.len - from);
        if (!nl && !end) break;
        const size_t to = nl ? (size_t)(nl - data) : r->data.len;
        MN_TRY(one_line(r, l, data + from, to - from));
        from = nl ? to + 1 : to;
    }
    r->data.len -= from;
    if (r->data.len > MN_PORT_BYTES) {
        l->long_one = 1;
        r->data.len = 0;
    }
    if (r->data.len) memmove(r->data.data, r->data.data + from, r->data.len);
    return 0;
}

int mn_port_lines(mn_port_in *in, mn_port_line *each) {
    reader r;
    lines l = {.each = each};
    int rc = reader_open(&r, in);
    while (rc >= 0) {
        rc = reader_more(&r);
        const int more = rc;
        if (rc >= 0) rc = some_lines(&r, &l, !more);
        if (!more) break;
    }
    if (rc >= 0 && l.long_one) rc = one_line(&r, &l, "", 0);
    reader_close(&r);
    return rc < 0 ? rc : 0;
}

/* ---- elements of a list -------------------------------------------------------------------- */
enum { KEY = 32 };
typedef struct items {
    const char *what, *const *keys;
    mn_port_item *each;
    mn_buf item;
    char key[KEY]; /* the last string at the top of an object */
    size_t key_n;
    int depth, list; /* brackets that are open; so many in the list, 0: it has not begun */
    int string, escaped, began, large, over;
    int64_t number;
} items;

static int item_done(reader *r, items *t) {
    char where[64];
    json_error_t e;
    const char *why;
    int rc = 0;
    snprintf(where, sizeof where, "%s %lld", t->what, (long long)++t->number);
    if (t->large) {
        rc = too_long(r->in, where);
    } else {
        json_t *const j = mn_port_json(t->item.data, t->item.len, &e, &why);
        rc = j ? t->each(r->in, where, j) : mn_port_wrong(r->in, where, "%s", why);
        json_decref(j);
    }
    mn_buf_clear(&t->item);
    t->began = t->large = 0;
    return rc;
}

static int is_key(const items *t) {
    for (const char *const *k = t->keys; k && *k; k++)
        if (strlen(*k) == t->key_n && memcmp(*k, t->key, t->key_n) == 0) return 1;
    return 0;
}

static void in_string(items *t, char c) {
    if (t->escaped)
        t->escaped = 0;
    else if (c == '\\')
        t->escaped = 1;
    else if (c == '"')
        t->string = 0;
    if (t->string && t->depth == 1 && !t->list && t->key_n < KEY) t->key[t->key_n++] = c;
}

/* A byte outside of strings; 1: it belongs to no element. */
static int outside(reader *r, items *t, char c) {
    const int inside = t->list && t->depth == t->list;
    if (inside && (c == ',' || c == ']')) {
        if (t->began) MN_TRY(item_done(r, t));
        t->over = c == ']';
        return 1;
    }
    if (c == '"') {
        t->string = 1;
        if (t->depth == 1 && !t->list) t->key_n = 0;
    }
    if (c == '[' || c == '{') {
        const int begins = !t->list && c == '[' && (!t->depth || (t->depth == 1 && is_key(t)));
        t->depth++;
        if (begins) t->list = t->depth;
        if (begins) return 1;
    }
    t->depth -= c == ']' || c == '}';
    return !inside && !t->began;
}

static int one_byte(reader *r, items *t, char c) {
    if (t->string) {
        in_string(t, c);
    } else {
        const int no = outside(r, t, c);
        if (no) return no < 0 ? no : 0;
    }
    if (!t->list || (!t->began && strchr(" \t\r\n", c))) return 0;
    t->began = 1;
    if (t->item.len >= MN_PORT_BYTES) t->large = 1;
    return t->large ? 0 : mn_buf_append(&t->item, &c, 1);
}

int mn_port_items(mn_port_in *in, const char *what, const char *const *keys, mn_port_item *each) {
    reader r;
    items t = {.what = what, .keys = keys, .each = each};
    int rc = reader_open(&r, in);
    while (rc >= 0 && !t.over && (rc = reader_more(&r)) > 0) {
        for (size_t i = 0; i < r.data.len && rc >= 0 && !t.over; i++)
            rc = one_byte(&r, &t, r.data.data[i]);
        mn_buf_clear(&r.data);
    }
    if (rc >= 0 && !t.list)
        rc = MN_FAIL(MN_ECORRUPT, "%s holds no list of %ss", r.path, what);
    else if (rc >= 0 && !t.over)
        rc = mn_port_wrong(in, t.what, "the list ends in the middle; %lld were whole",
                           (long long)t.number);
    mn_buf_free(&t.item);
    reader_close(&r);
    return rc < 0 ? rc : 0;
}
