/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/lines.c - reading, keeping and putting in order the lines of a batch.
 */
#include "serve/lines.h"

#include "base/alloc.h"
#include "base/append.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "serve/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MOST = 1 << 24, NAME_MOST = 512, WHY = 300 };
static const size_t BYTES_MOST = (size_t)4 << 30;

/* ---- lines --------------------------------------------------------------------------------- */
/* The next line of a text: 1, or 0 at its end. Blank ones are passed over; *whole: it has an
 * end. */
static int next_line(const mn_buf *text, size_t *at, size_t *from, size_t *n, int *whole) {
    while (*at < text->len) {
        const char *p = text->data + *at, *end = memchr(p, '\n', text->len - *at);
        size_t bytes = end ? (size_t)(end - p) : text->len - *at;
        *from = *at;
        *at += bytes + (end != NULL);
        *whole = end != NULL;
        while (bytes && strchr(" \t\r", p[bytes - 1])) bytes--;
        *n = bytes;
        if (bytes) return 1;
    }
    return 0;
}

static int book(mn_lines *l, uint64_t bytes) {
    MN_TRY(mn_budget_take(bytes, "a batch"));
    l->booked += bytes;
    return 0;
}

static int count_lines(mn_lines *l) {
    const int most = l->files.lines ? l->files.lines : LINES_MOST;
    size_t at = 0, from, n;
    int whole;
    while (next_line(&l->text, &at, &from, &n, &whole)) {
        if (l->n == most) return MN_FAIL(MN_ETOOLONG, "a batch has at most %d lines; cut it", most);
        l->n++;
    }
    return l->n ? 0 : MN_FAIL(MN_EINVAL, "the batch is empty: there is no line in it");
}

static uint64_t id_of(const char *salt, const char *line, size_t n) {
    uint64_t hash[2] = {mn_hash64(salt, strlen(salt)), mn_hash64(line, n)};
    return mn_hash64(hash, sizeof hash);
}

static const char *custom_id(const json_t *line) {
    const json_t *id = json_object_get(line, "custom_id");
    const char *text = json_string_value(id);
    return text && *text && json_string_length(id) <= NAME_MOST &&
                   strlen(text) == json_string_length(id)
               ? text
               : NULL;
}

static json_t *parse(const mn_buf *text, size_t from, size_t n, int flags, json_error_t *why) {
    return json_loadb(text->data + from, n, (size_t)flags, why);
}

/* A line of IN, which may be anything; NULL: *why says what is wrong with it. */
static json_t *parse_request(const mn_lines *l, size_t from, size_t n, char why[WHY]) {
    json_error_t error;
    if (l->files.line && n > l->files.line) {
        snprintf(why, WHY, "it has %zu bytes, and at most %zu are read", n, l->files.line);
        return NULL;
    }
    const size_t values = mn_fields_count(l->text.data + from, n);
    if (values > MN_JSON_VALUES) {
        snprintf(why, WHY, "it has %zu JSON values, and at most %d are read", values,
                 MN_JSON_VALUES);
        return NULL;
    }
    json_t *json = parse(&l->text, from, n, 0, &error);
    if (!json) snprintf(why, WHY, "it is no JSON: column %d: %s", error.column, error.text);
    return json;
}

static int read_lines(mn_lines *l) {
    size_t at = 0, from, n;
    int whole;
    MN_TRY(count_lines(l));
    MN_TRY(book(l, (uint64_t)l->n * (sizeof *l->line + sizeof *l->named)));
    l->line = mn_calloc((size_t)l->n, sizeof *l->line);
    l->named = mn_calloc((size_t)l->n, sizeof *l->named);
    if (!l->line || !l->named) return MN_FAIL(MN_ENOMEM, "no memory for %d lines", l->n);
    for (int i = 0; next_line(&l->text, &at, &from, &n, &whole); i++) {
        mn_line *line = l->line + i;
        char why[WHY];
        json_t *json = parse_request(l, from, n, why);
        const char *name = custom_id(json);
        *line = (mn_line){.at = from, .n = n, .id = id_of(l->files.salt, l->text.data + from, n)};
        const int rc = name ? book(l, strlen(name) + 1) : 0;
        line->name = name && rc >= 0 ? mn_strdup(name) : NULL;
        json_decref(json);
        MN_TRY(rc);
        if (name && !line->name) return MN_FAIL(MN_ENOMEM, "no memory for %d lines", l->n);
    }
    l->open = l->n;
    return 0;
}

/* ---- names --------------------------------------------------------------------------------- */
static int by_name(const void *a, const void *b, void *lines) {
    const mn_line *line = lines, *x = line + *(const int *)a, *y = line + *(const int *)b;
    const int order = strcmp(x->name, y->name);
    return order ? order : *(const int *)a - *(const int *)b;
}

static int find(const mn_lines *l, const char *name) {
    int low = 0, high = l->n_named;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (strcmp(l->line[l->named[middle]].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->n_named && strcmp(l->line[l->named[low]].name, name) == 0 ? l->named[low] : -1;
}

/* A name that stands for two lines stands for the first of them. */
static int index_names(mn_lines *l) {
    for (int i = 0; i < l->n; i++)
        if (l->line[i].name) l->named[l->n_named++] = i;
    qsort_r(l->named, (size_t)l->n_named, sizeof *l->named, by_name, l->line);
    for (int i = 1; i < l->n_named; i++) {
        char why[120];
        const mn_line *first = l->line + l->named[i - 1];
        mn_line *line = l->line + l->named[i];
        if (strcmp(first->name, line->name) != 0) continue;
        snprintf(why, sizeof why, "line %d: its custom_id is that of another line",
                 l->named[i] + 1);
        MN_TRY(mn_lines_refuse(l, l->named[i], "duplicate_custom_id", why));
    }
    return 0;
}

/* ---- what is there already ------------------------------------------------------------------ */
/* A line of OUT or OUT.part: which line of IN it answers; -1: none of them. */
static int answers(const mn_lines *l, const json_t *reply) {
    char id[40];
    const char *name = custom_id(reply), *has = json_string_value(json_object_get(reply, "id"));
    const json_t *response = json_object_get(reply, "response");
    const int i = name ? find(l, name) : -1;
    if (i < 0 || !has || l->line[i].where != MN_LINE_OPEN) return -1;
    snprintf(id, sizeof id, "batch_req_%016llx", (unsigned long long)l->line[i].id);
    if (strcmp(id, has) != 0) return -1;
    return json_integer_value(json_object_get(response, "status_code")) == 200 &&
                   json_is_object(json_object_get(response, "body"))
               ? i
               : -1;
}

static void take(mn_lines *l, const mn_buf *text, int where) {
    size_t at = 0, from, n;
    int whole;
    while (next_line(text, &at, &from, &n, &whole)) {
        json_error_t why;
        /* A model may write any character, zero among them. */
        json_t *reply = whole ? parse(text, from, n, JSON_ALLOW_NUL, &why) : NULL;
        const int i = reply ? answers(l, reply) : -1;
        json_decref(reply);
        if (i < 0) continue;
        l->line[i].where = where;
        l->line[i].from = from;
        l->line[i].size = n;
        l->open--;
        l->kept++;
    }
}

/* OUT.part, with an end behind its last line, which a death may have cut. */
static int open_part(mn_lines *l) {
    mn_buf text = {.what = "the batch so far"};
    l->fd = mn_append_open(l->part, 1);
    if (l->fd == MN_EBUSY)
        return MN_FAIL(MN_EBUSY, "another process is at work on %s; let it end first", l->out);
    MN_TRY(l->fd);
    int rc = mn_file_read(l->part, BYTES_MOST, &text);
    l->end = text.len;
    if (rc >= 0 && text.len && text.data[text.len - 1] != '\n') {
        rc = mn_append(l->fd, l->part, "\n", 1);
        l->end++;
    }
    if (rc >= 0) take(l, &text, MN_LINE_PART);
    mn_buf_free(&text);
    return rc;
}

static int same_file(const char *a, const char *b) {
    char *x = realpath(a, NULL), *y = realpath(b, NULL);
    const int same = x && y && strcmp(x, y) == 0;
    free(x); /* realpath's own */
    free(y);
    return same;
}

int mn_lines_open(const mn_lines_files *files, mn_lines *l) {
    const char *in = files->in, *out = files->out;
    uint64_t size;
    *l = (mn_lines){.files = *files,
                    .fd = -1,
                    .text = {.what = "a batch"},
                    .old = {.what = "a batch's answers"}};
    if (same_file(in, out))
        return MN_FAIL(MN_EINVAL, "%s is the batch itself; name another file for answers", out);
    mn_buf part = {0};
    MN_TRY(mn_buf_printf(&part, "%s.part", out));
    l->out = mn_strdup(out);
    l->part = part.data;
    if (!l->out) return MN_FAIL(MN_ENOMEM, "no memory for a batch");
    MN_TRY(mn_file_read(in, BYTES_MOST, &l->text));
    MN_TRY(read_lines(l));
    MN_TRY(index_names(l));
    if (mn_file_stat(out, &size, NULL) >= 0 && size) MN_TRY(mn_file_read(out, BYTES_MOST, &l->old));
    take(l, &l->old, MN_LINE_OLD);
    return open_part(l);
}

void mn_lines_close(mn_lines *l) {
    for (int i = 0; l->line && i < l->n; i++) {
        mn_free(l->line[i].name);
        mn_free(l->line[i].said);
    }
    if (l->fd >= 0) mn_append_close(&l->fd);
    mn_free(l->line);
    mn_free(l->named);
    mn_free(l->out);
    mn_free(l->part);
    mn_buf_free(&l->text);
    mn_buf_free(&l->old);
    mn_budget_give(l->booked);
    *l = (mn_lines){.fd = -1};
}

/* ---- requests -------------------------------------------------------------------------------- */
static int bad(mn_lines *l, int i, const char *what) {
    char why[400];
    snprintf(why, sizeof why, "line %d: %s", i + 1, what);
    return mn_lines_refuse(l, i, "invalid_request", why) < 0 ? MN_ENOMEM : 1;
}

int mn_lines_request(mn_lines *l, int i, json_t **line, const char **url, json_t **body) {
    char why[WHY];
    const mn_line *at = l->line + i;
    *line = parse_request(l, at->at, at->n, why);
    if (!*line) return bad(l, i, why);
    const char *method = json_string_value(json_object_get(*line, "method"));
    *url = json_string_value(json_object_get(*line, "url"));
    *body = json_object_get(*line, "body");
    if (!json_is_object(*line)) return bad(l, i, "it is no object");
    if (!at->name) return bad(l, i, "custom_id must be a text of 1 to 512 bytes");
    if (!method || strcmp(method, "POST") != 0) return bad(l, i, "method must be \"POST\"");
    if (!*url) return bad(l, i, "url must be a path, \"/v1/chat/completions\" for instance");
    if (!json_is_object(*body)) return bad(l, i, "body must be an object");
    return 0;
}

/* ---- replies --------------------------------------------------------------------------------- */
/* A text as JSON, null for none. */
static int put_text(mn_buf *out, const char *text) {
    json_t *json = text ? json_string(text) : json_null();
    char *dumped = mn_json_text(json, JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(json);
    if (!dumped) return MN_FAIL(MN_ENOMEM, "no memory for a line");
    const int rc = mn_buf_puts(out, dumped);
    mn_free(dumped);
    return rc;
}

static int begin_reply(const mn_line *line, mn_buf *out) {
    MN_TRY(mn_buf_printf(
        out, "{\"id\":\"batch_req_%016llx\",\"custom_id\":", (unsigned long long)line->id));
    return put_text(out, line->name);
}

static int set_said(mn_lines *l, int i, mn_buf *text) {
    mn_line *line = l->line + i;
    MN_TRY(book(l, text->len));
    if (line->where == MN_LINE_OPEN) l->open--;
    if (!line->said) l->refused++;
    mn_free(line->said);
    line->said = text->data;
    line->where = MN_LINE_SAID;
    *text = (mn_buf){0};
    return 0;
}

int mn_lines_refuse(mn_lines *l, int i, const char *code, const char *message) {
    mn_buf text = {0};
    int rc = begin_reply(l->line + i, &text);
    if (rc >= 0)
        rc = mn_buf_printf(&text,
                           ",\"response\":null,\"error\":{\"code\":\"%s\",\"message\":", code);
    if (rc >= 0) rc = put_text(&text, message);
    if (rc >= 0) rc = mn_buf_puts(&text, "}}");
    if (rc >= 0) rc = set_said(l, i, &text);
    mn_buf_free(&text);
    return rc;
}

static int keep(mn_lines *l, int i, mn_buf *text) {
    mn_line *line = l->line + i;
    MN_TRY(mn_buf_puts(text, "\n"));
    if (l->files.bytes && l->end + text->len > l->files.bytes)
        return MN_FAIL(MN_ETOOLONG, "the answers have more than the %llu bytes there is room for",
                       (unsigned long long)l->files.bytes);
    MN_TRY(mn_append(l->fd, l->part, text->data, text->len));
    line->where = MN_LINE_PART;
    line->from = (size_t)l->end;
    line->size = text->len - 1;
    l->end += text->len;
    l->open--;
    return 0;
}

int mn_lines_reply(mn_lines *l, int i, int status, const char *body, size_t n) {
    mn_buf text = {0};
    int rc = begin_reply(l->line + i, &text);
    if (rc >= 0)
        rc = mn_buf_printf(&text,
                           ",\"response\":{\"status_code\":%d,\"request_id\":\"req_%016llx\","
                           "\"body\":",
                           status, (unsigned long long)l->line[i].id);
    if (rc >= 0) rc = n ? mn_buf_append(&text, body, n) : mn_buf_puts(&text, "null");
    if (rc >= 0) rc = mn_buf_puts(&text, "},\"error\":null}");
    if (rc >= 0) rc = status == 200 ? keep(l, i, &text) : set_said(l, i, &text);
    mn_buf_free(&text);
    return rc;
}

/* ---- OUT ------------------------------------------------------------------------------------- */
static int write_line(mn_filew *f, const mn_lines *l, const mn_line *line, const mn_buf *part) {
    const mn_buf *text = line->where == MN_LINE_OLD ? &l->old : part;
    if (line->where == MN_LINE_SAID)
        MN_TRY(mn_file_write(f, line->said, strlen(line->said)));
    else if (line->where == MN_LINE_OPEN || line->from + line->size > text->len)
        return MN_FAIL(MN_ECORRUPT, "%s was changed while it was in use; run the batch again",
                       l->part);
    else
        MN_TRY(mn_file_write(f, text->data + line->from, line->size));
    return mn_file_write(f, "\n", 1);
}

/* The lines whose replies are to stand in this file. */
static int is_of(const mn_lines *l, int i, int errors) {
    const mn_line *line = l->line + i;
    if (!l->files.errors) return 1;
    return line->where != MN_LINE_OPEN && (line->where == MN_LINE_SAID) == errors;
}

static int write_lines(const mn_lines *l, const char *path, const mn_buf *part, int errors) {
    mn_filew *f = NULL;
    int first = 0;
    while (first < l->n && !is_of(l, first, errors)) first++;
    if (first == l->n) return unlink(path), 0; /* an earlier run may have had some */
    int rc = mn_file_begin(path, &f);
    for (int i = first; rc >= 0 && i < l->n; i++)
        if (is_of(l, i, errors)) rc = write_line(f, l, l->line + i, part);
    if (rc < 0) {
        mn_file_abort(&f);
        return rc;
    }
    return mn_file_commit(&f);
}

int mn_lines_finish(mn_lines *l) {
    mn_buf part = {.what = "a batch's answers"};
    int rc = mn_file_read(l->part, BYTES_MOST, &part);
    if (rc >= 0) rc = write_lines(l, l->out, &part, 0);
    if (rc >= 0 && l->files.errors) rc = write_lines(l, l->files.errors, &part, 1);
    mn_buf_free(&part);
    if (rc >= 0) unlink(l->part); /* all of it is in OUT */
    return rc;
}
