/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_markdown.c - files of a folder in the order of their names, and their front matter.
 */
#include "agent/port_markdown.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/utf8.h"
#include "base/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH = 32, ENTRIES = 1000000 };

static int is_markdown(const char *name) {
    const char *const dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".md") || !strcasecmp(dot, ".markdown"));
}

static int claims(const mn_port_look *look) {
    if (look->folder) return MN_PORT_CONTENT;
    return look->head && is_markdown(look->name) ? MN_PORT_NAME : MN_PORT_NO;
}

/* ---- front matter --------------------------------------------------------------------------- */
/* Behind the end of the line that begins at `at`. */
static size_t next_line(const char *t, size_t n, size_t at) {
    const char *const nl = memchr(t + at, '\n', n - at);
    return nl ? (size_t)(nl - t) + 1 : n;
}

/* Is the line one of three dashes, or of another mark? */
static int is_line(const char *t, size_t from, size_t to, const char *mark) {
    while (to > from && strchr(" \t\r\n", t[to - 1]) && t[to - 1]) to--;
    return to - from == strlen(mark) && memcmp(t + from, mark, to - from) == 0;
}

static void split_front(const char *t, size_t n, mn_markdown_file *f) {
    size_t from = next_line(t, n, 0);
    f->text = t;
    f->n = n;
    f->line = 1;
    if (!is_line(t, 0, from, "---")) return;
    const size_t begin = from;
    for (int line = 2; from < n; line++) {
        const size_t to = next_line(t, n, from);
        if (is_line(t, from, to, "---") || is_line(t, from, to, "...")) {
            *f = (mn_markdown_file){f->rest, t + to, n - to, line + 1, t + begin, from - begin};
            return;
        }
        from = to;
    }
}

/* A value as YAML writes it: quoted, or up to a comment. */
static int put_value(const char *v, size_t n, mn_buf *out) {
    while (n && (*v == ' ' || *v == '\t')) v++, n--;
    while (n && strchr(" \t\r\n", v[n - 1]) && v[n - 1]) n--;
    if (n > 1 && *v == '"' && v[n - 1] == '"') {
        json_t *const j = json_loadb(v, n, JSON_DECODE_ANY, NULL);
        const int rc = j ? mn_buf_append(out, json_string_value(j), json_string_length(j))
                         : mn_buf_append(out, v + 1, n - 2);
        json_decref(j);
        return rc;
    }
    if (n > 1 && *v == '\'' && v[n - 1] == '\'') return mn_buf_append(out, v + 1, n - 2);
    for (size_t i = 1; i < n; i++)
        if (v[i] == '#' && v[i - 1] == ' ') n = i;
    while (n && v[n - 1] == ' ') n--;
    return mn_buf_append(out, v, n);
}

int mn_markdown_front(const mn_markdown_file *f, const char *key, mn_buf *out) {
    const size_t size = strlen(key);
    mn_buf_clear(out);
    MN_TRY(mn_buf_puts(out, ""));
    for (size_t at = 0, to; at < f->front_n; at = to) {
        to = next_line(f->front, f->front_n, at);
        if (to - at <= size || f->front[at + size] != ':') continue;
        if (strncasecmp(f->front + at, key, size) != 0) continue;
        MN_TRY(put_value(f->front + at + size + 1, to - at - size - 1, out));
        return out->len > 0;
    }
    return 0;
}

/* ---- one file ------------------------------------------------------------------------------- */
/* Line ends of one file of ours that came through Windows or a tool for versions. */
static void plain_ends(mn_buf *text) {
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] != '\r' || i + 1 == text->len || text->data[i + 1] != '\n')
            text->data[n++] = text->data[i];
    text->len = n;
}

static int read_text(mn_port_in *in, const char *rest, mn_buf *text) {
    mn_markdown_file f = {.rest = rest};
    mn_buf value = {0};
    const char *t = text->data;
    size_t n = text->len;
    if (n >= 3 && memcmp(t, "\xef\xbb\xbf", 3) == 0) t += 3, n -= 3;
    split_front(t, n, &f);
    int rc = mn_markdown_front(&f, "omnesia", &value);
    const int ours = rc > 0 && strcmp(value.data, "1") == 0;
    if (ours && f.front[-2] == '\r') {
        plain_ends(text);
        split_front(text->data, text->len, &f);
    }
    if (rc >= 0 && ours) rc = mn_markdown_front(&f, "session", &value);
    if (rc >= 0) rc = ours ? mn_markdown_ours(in, &f, value.data) : mn_markdown_foreign(in, &f);
    mn_buf_free(&value);
    return rc;
}

static int read_file(mn_port_in *in, const char *path, const char *rest) {
    mn_buf text = {.what = "a Markdown file"};
    if (mn_utf8_check("the file's name", rest, strlen(rest)) < 0)
        return mn_port_wrong(in, "a file", "%s", mn_error_detail());
    int rc = mn_file_read(path, MN_PORT_BYTES, &text);
    if (rc == MN_ENOMEM || rc == MN_EFULL)
        ;
    else if (rc < 0)
        rc = mn_port_wrong(in, rest, "%s", mn_error_detail());
    else if (text.len)
        rc = read_text(in, rest, &text);
    mn_buf_free(&text);
    return rc;
}

/* ---- a folder ------------------------------------------------------------------------------- */
typedef struct files {
    mn_port_in *in;
    mn_arena arena;
    const char **path;
    size_t n, cap, rest; /* rest: bytes of the folder in each path */
    uint64_t bytes;
} files;

static int hidden(const char *rest) {
    return *rest == '.' || strstr(rest, "/.") != NULL;
}

static int add_file(void *user, const mn_walk_entry *e) {
    files *const f = user;
    char *copy;
    const size_t n = strlen(e->path) + 1;
    if (e->kind == MN_WALK_FOLDER || hidden(e->rest) || !is_markdown(e->rest)) return 0;
    if (e->link)
        return mn_port_wrong(f->in, e->rest, "it is a symbolic link, which is not followed");
    if (e->kind != MN_WALK_FILE) return 0;
    if (f->n == f->cap) {
        const size_t was = f->cap * sizeof *f->path;
        f->cap = f->cap ? 2 * f->cap : 64;
        MN_TRY(mn_arena_grow(&f->arena, f->path, was, f->cap * sizeof *f->path, &f->path));
    }
    MN_TRY(mn_arena_take(&f->arena, n, &copy));
    memcpy(copy, e->path, n);
    f->rest = (size_t)(e->rest - e->path);
    f->bytes += e->bytes;
    f->path[f->n++] = copy;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_files(mn_port_in *in, files *f) {
    uint64_t done = 0, size = 0;
    if (!f->n) return MN_FAIL(MN_ENOENT, "%s holds no Markdown files", mn_port_path(in));
    qsort(f->path, f->n, sizeof *f->path, by_name);
    for (size_t i = 0; i < f->n; i++) {
        if (mn_file_stat(f->path[i], &size, NULL) < 0) size = 0;
        MN_TRY(read_file(in, f->path[i], f->path[i] + f->rest));
        MN_TRY(mn_port_report(in, done += size, f->bytes));
    }
    return 0;
}

static int import(mn_port_in *in) {
    const char *const path = mn_port_path(in), *const slash = strrchr(path, '/');
    files f = {.in = in, .arena = {.what = "names of files"}};
    if (!mn_walk_is_folder(path)) {
        uint64_t size;
        MN_TRY(mn_file_stat(path, &size, NULL));
        return read_file(in, path, slash ? slash + 1 : path);
    }
    int rc = mn_walk(path, DEPTH, ENTRIES, add_file, &f);
    if (rc >= 0) rc = read_files(in, &f);
    mn_arena_free(&f.arena);
    return rc;
}

const mn_port mn_port_markdown = {
    .name = "markdown", .claims = claims, .import = import, .export = mn_markdown_export};
