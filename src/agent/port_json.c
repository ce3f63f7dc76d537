/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_json.c - JSON of strangers, and rows as JSON objects.
 *
 * A row's meta goes out and comes in byte by byte: as the object it is, or, when it is no JSON
 * object or would not stand in one line, as a string.
 */
#include "agent/port.h"
#include "base/json.h"
#include "base/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORM = JSON_COMPACT | JSON_ENCODE_ANY,
    /* A zero byte costs the text that has it, and nothing else. */
    STRANGE = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
};

/* ---- reading ------------------------------------------------------------------------------ */
/* Behind the string that begins at `at`. */
static size_t string_end(const char *t, size_t n, size_t at) {
    for (at++; at < n && t[at] != '"'; at++)
        if (t[at] == '\\') at++;
    return at < n ? at + 1 : n;
}

static int values_in(const char *t, size_t n) {
    int values = 1;
    for (size_t at = 0; at < n && values <= MN_PORT_VALUES;)
        if (t[at] == '"')
            at = string_end(t, n, at);
        else
            values += t[at] == ',' || t[at] == ':' || t[at] == '[' || t[at] == '{', at++;
    return values;
}

json_t *mn_port_json(const char *text, size_t n, json_error_t *e, const char **why) {
    if (values_in(text, n) > MN_PORT_VALUES) {
        *why = "it has more values than a record ever needs";
        return NULL;
    }
    json_t *j = json_loadb(text, n, STRANGE | JSON_DECODE_ANY, e);
    *why = j ? "it is no JSON object" : e->text;
    if (j && !json_is_object(j)) {
        json_decref(j);
        j = NULL;
    }
    return j;
}

const char *mn_port_string(const json_t *value) {
    const char *const text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

const char *mn_port_text(const json_t *object, const char *key, char buf[MN_PORT_NUMBER]) {
    const json_t *const v = json_object_get(object, key);
    if (!v || json_is_null(v)) return "";
    if (json_is_string(v)) return mn_port_string(v);
    if (json_is_integer(v)) {
        snprintf(buf, MN_PORT_NUMBER, "%lld", (long long)json_integer_value(v));
        return buf;
    }
    if (!json_is_real(v)) return NULL;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, MN_PORT_NUMBER, "%.*g", digits, json_real_value(v));
        if (!(strtod(buf, NULL) < json_real_value(v)) && !(strtod(buf, NULL) > json_real_value(v)))
            break;
    }
    return buf;
}

static size_t blank_end(const char *t, size_t n, size_t at) {
    while (at < n && strchr(" \t\r\n", t[at])) at++;
    return at;
}

/* Behind the value that begins at `at`. */
static size_t value_end(const char *t, size_t n, size_t at) {
    int depth = 0;
    do {
        if (t[at] == '"') {
            at = string_end(t, n, at);
            continue;
        }
        if (!depth && strchr(",}", t[at])) return at;
        depth += (t[at] == '{' || t[at] == '[') - (t[at] == '}' || t[at] == ']');
        at++;
    } while (at < n && (depth || !strchr(",}", t[at])));
    return at;
}

/* Where the value of a field is in the text of an object that was parsed; 0: not found so. */
static size_t find_value(const char *t, size_t n, const char *key, size_t *length) {
    const size_t size = strlen(key);
    for (size_t at = blank_end(t, n, 0) + 1; at < n;) {
        const size_t name = blank_end(t, n, at);
        if (name >= n || t[name] != '"') return 0;
        const size_t end = string_end(t, n, name);
        const size_t value = blank_end(t, n, blank_end(t, n, end) + 1);
        if (value >= n) return 0;
        at = value_end(t, n, value);
        *length = at - value;
        while (*length && strchr(" \t\r\n", t[value + *length - 1])) --*length;
        if (end - name == size + 2 && memcmp(t + name + 1, key, size) == 0) return value;
        at++;
    }
    return 0;
}

int mn_port_dump(const json_t *value, mn_buf *out) {
    return mn_json_write(value, FORM, out);
}

/* ---- a row out of an object ---------------------------------------------------------------- */
static const char *read_moment(const json_t *object, const char *key, int64_t otherwise,
                               mn_port_numbers *buf, int64_t *out) {
    const json_t *const v = json_object_get(object, key);
    char number[MN_PORT_NUMBER];
    mn_when w;
    *out = v ? MN_NEVER : otherwise;
    if (!v || json_is_null(v)) return NULL;
    const char *const text = mn_port_text(object, key, number);
    if (text && mn_when_parse(text, &w)) {
        *out = w.at;
        return NULL;
    }
    snprintf(buf->why, sizeof buf->why, "\"%s\" is no moment like 2023-05-08T13:56:00Z", key);
    return buf->why;
}

static const char *read_meta(const json_t *object, const char *json, size_t n, mn_port_numbers *buf,
                             mn_row *out) {
    const json_t *const v = json_object_get(object, "meta");
    size_t length = 0;
    out->meta = "";
    if (!v || json_is_null(v)) return NULL;
    if (json_is_string(v)) {
        out->meta = mn_port_string(v);
        return out->meta ? NULL : "\"meta\" is no text";
    }
    if (!json_is_object(v)) return "\"meta\" is no object";
    const size_t at = find_value(json, n, "meta", &length);
    mn_buf_clear(&buf->meta);
    buf->rc = at ? mn_buf_append(&buf->meta, json + at, length) : mn_port_dump(v, &buf->meta);
    if (buf->rc >= 0) out->meta = buf->meta.data;
    return NULL;
}

static const char *read_moments(const json_t *object, mn_port_numbers *buf, mn_row *out) {
    mn_when w;
    const char *why;
    const int64_t said = mn_when_parse(out->time, &w) ? w.at : MN_NEVER;
    if ((why = read_moment(object, "from", said, buf, &out->from))) return why;
    if ((why = read_moment(object, "until", MN_NEVER, buf, &out->until))) return why;
    if ((why = read_moment(object, "created", MN_NEVER, buf, &out->created))) return why;
    if ((why = read_moment(object, "expired", MN_NEVER, buf, &out->expired))) return why;
    if (out->of && out->expired == MN_NEVER) return "it has \"of\", but not when it \"expired\"";
    if (!out->of && out->expired != MN_NEVER)
        return "it has \"expired\", but not the record it was a version \"of\"";
    return NULL;
}

const char *mn_port_read_row(const json_t *object, const char *json, size_t n, mn_port_numbers *buf,
                             mn_row *out) {
    const json_t *const text = json_object_get(object, "text");
    *out = (mn_row){.text = "",
                    .id = json_integer_value(json_object_get(object, "id")),
                    .of = json_integer_value(json_object_get(object, "of"))};
    const struct {
        const char *key, **to;
    } field[] = {{"time", &out->time},   {"session", &out->session}, {"speaker", &out->speaker},
                 {"ref", &out->ref},     {"source", &out->source},   {"kind", &out->kind},
                 {"agent", &out->agent}, {"run", &out->run}};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        if (!(*field[i].to = mn_port_text(object, field[i].key, buf->digits[i]))) {
            snprintf(buf->why, sizeof buf->why, "\"%s\" is no text", field[i].key);
            return buf->why;
        }
    if (text && !json_is_string(text)) return "\"text\" is no text";
    if (text) {
        out->text = json_string_value(text);
        out->n = json_string_length(text);
    }
    const char *const why = read_meta(object, json, n, buf, out);
    return why ? why : read_moments(object, buf, out);
}

/* ---- a row into an object ------------------------------------------------------------------ */
static int is_object(const char *meta) {
    const size_t n = strlen(meta);
    json_error_t e;
    if (n < 2 || meta[0] != '{' || meta[n - 1] != '}' || strpbrk(meta, "\r\n")) return 0;
    json_t *const j = json_loadb(meta, n, STRANGE, &e);
    json_decref(j);
    return j != NULL;
}

static int put_moment(json_t *o, const char *key, int64_t at) {
    char text[MN_WHEN_TEXT];
    return json_object_set_new(o, key,
                               at == MN_NEVER ? json_null() : json_string(mn_when_text(at, text)));
}

static int fill(json_t *o, const mn_row *r, int note, int as_object) {
    const struct {
        const char *key, *text;
    } field[] = {{"speaker", r->speaker}, {"time", r->time},     {"session", r->session},
                 {"ref", r->ref},         {"source", r->source}, {"kind", r->kind},
                 {"agent", r->agent},     {"run", r->run},       {"meta", r->meta}};
    int bad = note ? json_object_set_new(o, "n", json_integer((json_int_t)r->n))
                   : json_object_set_new(o, "text", json_stringn(r->text, r->n));
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        if (!*field[i].text || (note && i == 2) || (as_object && i == 8)) continue;
        bad |= json_object_set_new(o, field[i].key, json_string(field[i].text));
    }
    bad |= put_moment(o, "from", r->from) | put_moment(o, "until", r->until) |
           put_moment(o, "created", r->created) | put_moment(o, "expired", r->expired);
    bad |= json_object_set_new(o, "id", json_integer(r->id));
    if (r->of) bad |= json_object_set_new(o, "of", json_integer(r->of));
    return bad;
}

static int write_row(const mn_row *r, int note, mn_buf *out) {
    const int as_object = is_object(r->meta) && !(note && strchr(r->meta, '>'));
    json_t *const o = json_object();
    int rc = !o || fill(o, r, note, as_object) ? MN_FAIL(MN_ENOMEM, "no memory for a record") : 0;
    if (rc >= 0) rc = mn_port_dump(o, out);
    json_decref(o);
    if (rc < 0 || !as_object) return rc;
    out->len--; /* the bracket */
    return mn_buf_printf(out, ",\"meta\":%s}", r->meta);
}

int mn_port_write_row(const mn_row *row, mn_buf *out) {
    return write_row(row, 0, out);
}

int mn_port_write_note(const mn_row *row, mn_buf *out) {
    mn_buf plain = {0};
    int rc = write_row(row, 1, &plain);
    for (size_t i = 0; rc >= 0 && i < plain.len; i++)
        rc = plain.data[i] == '>' ? mn_buf_puts(out, "\\u003e")
                                  : mn_buf_append(out, plain.data + i, 1);
    mn_buf_free(&plain);
    return rc;
}
