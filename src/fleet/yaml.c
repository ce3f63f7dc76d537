/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/yaml.c - libyaml's events become JSON.
 *
 * A stack of what is open, a path of where we are ("robots/1"), and one step an event. The path is
 * cut at PATH bytes: what lies deeper has the line of what is around it.
 */
#include "fleet/yaml.h"

#include "base/borrow.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { BYTES = 4 << 20, DEPTH = 32, VALUES = 100000, PATH = 256 };

/* ---- the library --------------------------------------------------------------------------- */
#define CALLS(X)                    \
    X(yaml_parser_initialize)       \
    X(yaml_parser_delete)           \
    X(yaml_parser_set_input_string) \
    X(yaml_parser_set_encoding) X(yaml_parser_parse) X(yaml_event_delete) X(yaml_get_version)
static struct {
#define X(name) __typeof__(&name) name;
    CALLS(X)
#undef X
} yaml;

/* The shape of a parser is part of 0.2's interface. */
static int fits(char *said, size_t room) {
    int major = 0, minor = 0, patch = 0;
    yaml.yaml_get_version(&major, &minor, &patch);
    snprintf(said, room, "it is version %d.%d, and 0.2 is needed", major, minor);
    return major == 0 && minor == 2;
}

static int library(void) {
#define X(name) #name,
    static const char *const names[] = {CALLS(X)};
#undef X
    static mn_borrow lib =
        MN_BORROW("YAML is read with", "libyaml-0.so.2", "libyaml-0-2", names, yaml, fits);
    return mn_borrow_load(&lib);
}

/* ---- lines --------------------------------------------------------------------------------- */
int mn_yaml_line(const json_t *lines, const char *path) {
    char at[PATH];
    snprintf(at, sizeof at, "%s", path ? path : "");
    for (;;) {
        const json_t *const line = json_object_get(lines, at);
        char *const cut = strrchr(at, '/');
        if (line) return (int)json_integer_value(line);
        if (!*at) return 0;
        *(cut ? cut : at) = 0;
    }
}

int mn_yaml_wrong(const char *name, const json_t *lines, const char *path, const char *format,
                  ...) {
    char text[512], place[PATH + 280] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const int line = mn_yaml_line(lines, path);
    if (name && line) snprintf(place, sizeof place, "%.255s:%d: ", name, line);
    if (name && !line) snprintf(place, sizeof place, "%.255s: ", name);
    const size_t n = strlen(place);
    if (path && *path) snprintf(place + n, sizeof place - n, "%.*s: ", PATH - 1, path);
    return MN_FAIL(MN_EINVAL, "%s%s", place, text);
}

/* ---- reading ------------------------------------------------------------------------------- */
typedef struct level {
    json_t *node;   /* borrowed from the level around it; the first is the reader's */
    size_t path;    /* bytes of the path up to here */
    int has_key;    /* of a map: the next value is its */
    char key[PATH]; /* whole, since longer ones are refused */
} level;
typedef struct reader {
    const char *name;
    yaml_parser_t parser;
    json_t *root, *lines;
    level open[DEPTH];
    int depth, values;
    char path[PATH];
    size_t path_len; /* may be more than what fits */
} reader;

static int wrong(const reader *r, const yaml_event_t *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int wrong(const reader *r, const yaml_event_t *e, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return MN_FAIL(MN_EINVAL, "%s:%zu: %s%s%s", r->name, e->start_mark.line + 1, r->path,
                   *r->path ? ": " : "", text);
}

static void path_cut(reader *r, size_t n) {
    r->path_len = n;
    r->path[n < sizeof r->path ? n : sizeof r->path - 1] = 0;
}

static void path_go(reader *r, const char *key) {
    const size_t n = r->path_len;
    char *const to = r->path + (n < sizeof r->path ? n : sizeof r->path - 1);
    const int more =
        snprintf(to, (size_t)(r->path + sizeof r->path - to), "%s%s", n ? "/" : "", key);
    r->path_len += (size_t)more;
}

/* Where the next value of the innermost level goes. */
static void path_here(reader *r) {
    char number[24];
    if (!r->depth) return;
    const level *const l = &r->open[r->depth - 1];
    path_cut(r, l->path);
    snprintf(number, sizeof number, "%zu", json_array_size(l->node));
    path_go(r, json_is_array(l->node) ? number : l->key);
}

static int line_keep(reader *r, const yaml_event_t *e) {
    if (r->path_len >= sizeof r->path || json_object_get(r->lines, r->path)) return 0;
    json_t *const line = json_integer((json_int_t)e->start_mark.line + 1);
    if (json_object_set_new(r->lines, r->path, line) == 0) return 0;
    return MN_FAIL(MN_ENOMEM, "no memory for the lines of %s", r->name);
}

/* Takes the value: into what is open. */
static int value_put(reader *r, const yaml_event_t *e, json_t *value) {
    int rc =
        value ? 0
              : MN_FAIL(MN_ENOMEM, "no memory for line %zu of %s", e->start_mark.line + 1, r->name);
    if (!rc && ++r->values > VALUES)
        rc = MN_FAIL(MN_ETOOLONG, "%s:%zu: more than %d values", r->name, e->start_mark.line + 1,
                     VALUES);
    path_here(r);
    if (!rc) rc = line_keep(r, e);
    if (rc) {
        json_decref(value);
        return rc;
    }
    if (!r->depth) {
        r->root = value;
        return 0;
    }
    level *const l = &r->open[r->depth - 1];
    l->has_key = 0;
    if ((json_is_array(l->node) ? json_array_append_new(l->node, value)
                                : json_object_set_new(l->node, l->key, value)) != 0)
        return MN_FAIL(MN_ENOMEM, "no memory for line %zu of %s", e->start_mark.line + 1, r->name);
    return 0;
}

static int key_take(reader *r, const yaml_event_t *e) {
    level *const l = &r->open[r->depth - 1];
    const char *const key = (const char *)e->data.scalar.value;
    const size_t n = e->data.scalar.length;
    path_cut(r, l->path);
    if (n >= sizeof l->key)
        return wrong(r, e, "a key of %zu bytes, and %d are enough", n, PATH - 1);
    if (strlen(key) != n) return wrong(r, e, "a zero byte in a key");
    snprintf(l->key, sizeof l->key, "%s", key);
    path_go(r, key);
    if (json_object_get(l->node, key)) {
        const int first = mn_yaml_line(r->lines, r->path);
        return wrong(r, e, "this key stands here twice, first in line %d", first);
    }
    l->has_key = 1;
    return line_keep(r, e);
}

/* ---- plain words, by YAML 1.2's core schema ------------------------------------------------ */
static size_t digits(const char *s) {
    return strspn(s, "0123456789");
}

static int is_one_of(const char *s, const char *a, const char *b, const char *c) {
    return !strcmp(s, a) || !strcmp(s, b) || !strcmp(s, c);
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, written again as JSON wants it, which
 * Jansson reads in every locale. 1: it is one. */
static int real_text(const char *s, char out[128]) {
    const int minus = *s == '-';
    s += *s == '-' || *s == '+';
    while (*s == '0' && digits(s) > 1) s++;
    const size_t whole = digits(s);
    const char *const point = s + whole;
    const size_t part = *point == '.' ? digits(point + 1) : 0;
    const char *rest = point + (*point == '.') + part;
    if (!whole && !part) return 0;
    const char *const power = rest;
    if (*rest == 'e' || *rest == 'E') {
        rest++;
        rest += *rest == '-' || *rest == '+';
        if (!digits(rest)) return 0;
        rest += digits(rest);
    }
    if (*rest || rest - s > 100) return 0;
    snprintf(out, 128, "%s%.*s.%.*s%s", minus ? "-" : "", whole ? (int)whole : 1, whole ? s : "0",
             part ? (int)part : 1, part ? point + 1 : "0", power);
    return 1;
}

static int whole_number(const reader *r, const yaml_event_t *e, const char *s, int base,
                        json_t **out) {
    errno = 0;
    const long long v = strtoll(s, NULL, base);
    if (errno == ERANGE) return wrong(r, e, "%.40s is more than 64 bits hold", s);
    *out = json_integer(v);
    return 0;
}

static int plain(const reader *r, const yaml_event_t *e, json_t **out) {
    const char *const s = (const char *)e->data.scalar.value;
    const char *const number = s + (*s == '-' || *s == '+');
    char text[128];
    if (!*s || !strcmp(s, "~") || is_one_of(s, "null", "Null", "NULL"))
        return *out = json_null(), 0;
    if (is_one_of(s, "true", "True", "TRUE")) return *out = json_true(), 0;
    if (is_one_of(s, "false", "False", "FALSE")) return *out = json_false(), 0;
    if (is_one_of(s, ".nan", ".NaN", ".NAN") || is_one_of(number, ".inf", ".Inf", ".INF"))
        return wrong(r, e, "%s is no number that can be used", s);
    if (*number && !number[digits(number)]) return whole_number(r, e, s, 10, out);
    if (!strncmp(s, "0x", 2) && s[2] && !s[2 + strspn(s + 2, "0123456789abcdefABCDEF")])
        return whole_number(r, e, s + 2, 16, out);
    if (!strncmp(s, "0o", 2) && s[2] && !s[2 + strspn(s + 2, "01234567")])
        return whole_number(r, e, s + 2, 8, out);
    if (real_text(s, text)) {
        *out = json_loads(text, JSON_DECODE_ANY, NULL);
        return *out ? 0 : wrong(r, e, "%.40s is no number that can be used", s);
    }
    *out = json_stringn(s, e->data.scalar.length);
    return 0;
}

static int scalar(reader *r, const yaml_event_t *e) {
    const char *const s = (const char *)e->data.scalar.value;
    json_t *value = NULL;
    if (!r->depth || r->open[r->depth - 1].has_key || json_is_array(r->open[r->depth - 1].node))
        path_here(r);
    if (e->data.scalar.anchor) return wrong(r, e, "anchors (&) are not for these files");
    if (e->data.scalar.tag) return wrong(r, e, "tags (!) are not for these files");
    if (r->depth && json_is_object(r->open[r->depth - 1].node) && !r->open[r->depth - 1].has_key)
        return key_take(r, e);
    if (strlen(s) != e->data.scalar.length) return wrong(r, e, "a zero byte in a text");
    if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        MN_TRY(plain(r, e, &value));
    else
        value = json_stringn(s, e->data.scalar.length);
    return value_put(r, e, value);
}

static int begin(reader *r, const yaml_event_t *e, json_t *node, const void *anchor,
                 const void *tag) {
    const int is_key =
        r->depth && json_is_object(r->open[r->depth - 1].node) && !r->open[r->depth - 1].has_key;
    int rc = 0;
    if (is_key) rc = wrong(r, e, "a key is a text");
    if (!rc) path_here(r);
    if (!rc && anchor) rc = wrong(r, e, "anchors (&) are not for these files");
    if (!rc && tag) rc = wrong(r, e, "tags (!) are not for these files");
    if (!rc && r->depth == DEPTH)
        rc = MN_FAIL(MN_ETOOLONG, "%s:%zu: more than %d levels", r->name, e->start_mark.line + 1,
                     DEPTH);
    if (rc) {
        json_decref(node);
        return rc;
    }
    MN_TRY(value_put(r, e, node));
    level *const l = &r->open[r->depth++];
    *l = (level){.node = node, .path = r->path_len};
    return 0;
}

static int step(reader *r, const yaml_event_t *e, int *end) {
    switch (e->type) {
    case YAML_SCALAR_EVENT: return scalar(r, e);
    case YAML_MAPPING_START_EVENT:
        return begin(r, e, json_object(), e->data.mapping_start.anchor, e->data.mapping_start.tag);
    case YAML_SEQUENCE_START_EVENT:
        return begin(r, e, json_array(), e->data.sequence_start.anchor, e->data.sequence_start.tag);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: r->depth--; return 0;
    case YAML_ALIAS_EVENT: return wrong(r, e, "aliases (*) are not for these files");
    case YAML_DOCUMENT_START_EVENT:
        path_cut(r, 0);
        return r->root ? wrong(r, e, "a second document begins here, and one is read") : 0;
    case YAML_STREAM_END_EVENT: *end = 1; return 0;
    default: return 0;
    }
}

/* What libyaml says, in the form of ours. */
static int not_yaml(const reader *r, const char *text) {
    const yaml_parser_t *const p = &r->parser;
    size_t line = p->problem_mark.line + 1;
    if (p->error == YAML_MEMORY_ERROR) return MN_FAIL(MN_ENOMEM, "no memory to read %s", r->name);
    if (p->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < p->problem_offset; i++) line += text[i] == '\n';
    }
    return MN_FAIL(MN_EINVAL, "%s:%zu: this is no YAML: %s%s%s", r->name, line,
                   p->context ? p->context : "", p->context ? ", " : "",
                   p->problem ? p->problem : "it cannot be read");
}

static int run(reader *r, const char *text) {
    for (int end = 0, rc; !end;) {
        yaml_event_t event;
        if (!yaml.yaml_parser_parse(&r->parser, &event)) return not_yaml(r, text);
        rc = step(r, &event, &end);
        yaml.yaml_event_delete(&event);
        if (rc < 0) return rc;
    }
    return r->root ? 0 : MN_FAIL(MN_EINVAL, "%s: there is nothing in it", r->name);
}

int mn_yaml_parse(const char *name, const char *text, size_t n, json_t **out, json_t **lines) {
    reader r = {.name = name};
    *out = NULL;
    if (lines) *lines = NULL;
    if (n > BYTES) return MN_FAIL(MN_ETOOLONG, "%s has %zu bytes, and %d are read", name, n, BYTES);
    MN_TRY(mn_utf8_check(name, text, n));
    MN_TRY(library());
    const size_t mark = n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0; /* of Windows */
    r.lines = json_object();
    if (!r.lines || !yaml.yaml_parser_initialize(&r.parser)) {
        json_decref(r.lines);
        return MN_FAIL(MN_ENOMEM, "no memory to read %s", name);
    }
    yaml.yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml.yaml_parser_set_input_string(&r.parser, (const unsigned char *)text + mark, n - mark);
    const int rc = run(&r, text + mark);
    yaml.yaml_parser_delete(&r.parser);
    if (rc < 0) json_decref(r.root);
    if (rc >= 0) *out = r.root;
    if (rc >= 0 && lines)
        *lines = r.lines;
    else
        json_decref(r.lines);
    return rc;
}

int mn_yaml_read(const char *path, json_t **out, json_t **lines) {
    mn_buf text = {0};
    *out = NULL;
    if (lines) *lines = NULL;
    int rc = mn_file_read(path, BYTES, &text);
    if (rc >= 0) rc = mn_yaml_parse(path, text.data ? text.data : "", text.len, out, lines);
    mn_buf_free(&text);
    return rc < 0 ? rc : 0;
}
