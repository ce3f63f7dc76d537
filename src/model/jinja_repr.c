/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_repr.c - values as Python would write them: str(), repr() and JSON.
 *
 * Floats are the shortest digits that read back as the same number, in Python's layout (exponent
 * below 1e-4 and from 1e16). JSON is json.dumps with ensure_ascii=False by default, as Hugging
 * Face's tojson. Bytes of strings keep their marks; quotes, brackets and escapes of template
 * characters are the template's, escapes of a message's characters are the message's.
 */
#include "model/jinja.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- numbers -------------------------------------------------------------------------------- */
/* repr(f) in out[40]: digits and exponent of the shortest %e that reads back, laid out again. */
static void float_text(double f, char out[40]) {
    if (isnan(f) || isinf(f)) {
        strcpy(out, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    char e[40];
    for (int digits = 0; digits < 17; digits++) {
        snprintf(e, sizeof e, "%.*e", digits, f);
        if (strtod(e, NULL) == f) break;
    }
    char digit[20];
    int n = 0, exponent = atoi(strchr(e, 'e') + 1);
    for (const char *c = e; *c != 'e'; c++)
        if (*c >= '0' && *c <= '9') digit[n++] = *c;
    char *to = out;
    if (signbit(f)) *to++ = '-';
    if (exponent < -4 || exponent >= 16) {
        *to++ = digit[0];
        if (n > 1) *to++ = '.';
        memcpy(to, digit + 1, (size_t)n - 1);
        sprintf(to + n - 1, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    if (exponent < 0) to += sprintf(to, "0.%.*s", -exponent - 1, "000");
    for (int i = 0; i < n || i <= exponent + 1; i++) {
        if (exponent >= 0 && i == exponent + 1) *to++ = '.';
        if (i < n)
            *to++ = digit[i];
        else if (i <= exponent || n <= exponent + 1)
            *to++ = '0';
    }
    *to = 0;
}

static int put_number(mn_jrun *r, mn_jtext *t, mn_jval v) {
    char text[40];
    if (v.kind == MN_JFLOAT)
        float_text(v.f, text);
    else
        snprintf(text, sizeof text, "%lld", (long long)v.i);
    return mn_jtext_puts(r, t, text);
}

/* ---- repr ----------------------------------------------------------------------------------- */
static int printable(int32_t c) {
    if (c < 0) return 0;
    const utf8proc_category_t k = utf8proc_category(c);
    return c == ' ' ||
           !(k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CS ||
             k == UTF8PROC_CATEGORY_CO || k == UTF8PROC_CATEGORY_CN || k == UTF8PROC_CATEGORY_ZS ||
             k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP);
}

static int repr_string(mn_jrun *r, mn_jtext *t, const mn_jstr *s) {
    const int has_single = s->n && memchr(s->p, '\'', s->n) != NULL;
    const int has_double = s->n && memchr(s->p, '"', s->n) != NULL;
    const char quote = has_single && !has_double ? '"' : '\'';
    MN_TRY(mn_jtext_put(r, t, &quote, 1, 1));
    for (size_t i = 0; i < s->n;) {
        int32_t c;
        const size_t n = mn_jchar(s, i, &c);
        char text[16];
        const char *known = c > 0 && c < 0x80 ? strchr("\\\\\nn\rr\tt", c) : NULL;
        if (c == quote || c == '\\')
            snprintf(text, sizeof text, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(text, sizeof text, "\\%c", known[1]);
        else if (c < 0)
            snprintf(text, sizeof text, "\\x%02x", (unsigned char)s->p[i]);
        else if (!printable(c))
            snprintf(text, sizeof text,
                     c < 0x100     ? "\\x%02x"
                     : c < 0x10000 ? "\\u%04x"
                                   : "\\U%08x",
                     (unsigned)c);
        else
            *text = 0;
        if (*text)
            MN_TRY(mn_jtext_put(r, t, text, strlen(text), mn_jstr_mark(s, i)));
        else
            MN_TRY(mn_jtext_add(r, t, s, i, i + n));
        i += n;
    }
    return mn_jtext_put(r, t, &quote, 1, 1);
}

static int repr_list(mn_jrun *r, mn_jtext *t, mn_jval v) {
    const int tuple = v.kind == MN_JTUPLE;
    MN_TRY(mn_jtext_puts(r, t, tuple ? "(" : "["));
    for (size_t i = 0; i < v.list->n; i++) {
        if (i) MN_TRY(mn_jtext_puts(r, t, ", "));
        MN_TRY(mn_jtext_repr(r, t, v.list->item[i]));
    }
    return mn_jtext_puts(r, t, !tuple ? "]" : v.list->n == 1 ? ",)" : ")");
}

static int repr_dict(mn_jrun *r, mn_jtext *t, mn_jval v) {
    MN_TRY(mn_jtext_puts(r, t, v.kind == MN_JSPACE ? "<Namespace {" : "{"));
    for (size_t i = 0; i < v.dict->n; i++) {
        if (i) MN_TRY(mn_jtext_puts(r, t, ", "));
        MN_TRY(mn_jtext_repr(r, t, v.dict->pair[i].key));
        MN_TRY(mn_jtext_puts(r, t, ": "));
        MN_TRY(mn_jtext_repr(r, t, v.dict->pair[i].value));
    }
    return mn_jtext_puts(r, t, v.kind == MN_JSPACE ? "}>" : "}");
}

int mn_jtext_repr(mn_jrun *r, mn_jtext *t, mn_jval v) {
    MN_TRY(mn_jenter(r));
    switch (v.kind) {
    case MN_JMISSING:
    case MN_JUNDEFINED: MN_TRY(mn_jtext_puts(r, t, "Undefined")); break;
    case MN_JNONE: MN_TRY(mn_jtext_puts(r, t, "None")); break;
    case MN_JBOOL: MN_TRY(mn_jtext_puts(r, t, v.i ? "True" : "False")); break;
    case MN_JINT:
    case MN_JFLOAT: MN_TRY(put_number(r, t, v)); break;
    case MN_JSTR: MN_TRY(repr_string(r, t, v.s)); break;
    case MN_JLIST:
    case MN_JTUPLE: MN_TRY(repr_list(r, t, v)); break;
    case MN_JDICT:
    case MN_JSPACE: MN_TRY(repr_dict(r, t, v)); break;
    default:
        MN_TRY(mn_jtext_puts(r, t, "<"));
        MN_TRY(mn_jtext_puts(r, t, mn_jkind_name(v)));
        MN_TRY(mn_jtext_puts(r, t, ">"));
    }
    r->depth--;
    return 0;
}

int mn_jtext_value(mn_jrun *r, mn_jtext *t, mn_jval v) {
    if (v.kind == MN_JSTR) return mn_jtext_add(r, t, v.s, 0, v.s->n);
    return v.kind == MN_JUNDEFINED ? 0 : mn_jtext_repr(r, t, v);
}

/* ---- JSON out ------------------------------------------------------------------------------- */
static int dump_string(mn_jrun *r, mn_jtext *t, const mn_jstr *s, int ascii) {
    static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
    MN_TRY(mn_jtext_puts(r, t, "\""));
    for (size_t i = 0; i < s->n;) {
        int32_t c;
        const size_t n = mn_jchar(s, i, &c);
        char text[16] = "";
        const char *known = c > 0 && c < 0x80 ? strchr(from, c) : NULL;
        if (known)
            snprintf(text, sizeof text, "\\%c", into[known - from]);
        else if (c < 0)
            strcpy(text, ascii ? "\\ufffd" : "\xef\xbf\xbd");
        else if (c < 32 || (ascii && c >= 0x7f && c < 0x10000))
            snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
        else if (ascii && c >= 0x10000)
            snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xd800u + ((unsigned)(c - 0x10000) >> 10),
                     0xdc00u + ((unsigned)(c - 0x10000) & 0x3ff));
        if (*text)
            MN_TRY(mn_jtext_put(r, t, text, strlen(text), mn_jstr_mark(s, i)));
        else
            MN_TRY(mn_jtext_add(r, t, s, i, i + n));
        i += n;
    }
    return mn_jtext_puts(r, t, "\"");
}

static int dump_value(mn_jrun *r, mn_jtext *t, mn_jval v, const mn_jjson *how, int level);

/* Before an item: the separator if it is not the first, and the line break of an indented list. */
static int dump_gap(mn_jrun *r, mn_jtext *t, const mn_jjson *how, int first, int level) {
    if (!first) MN_TRY(mn_jtext_add(r, t, how->item_separator, 0, how->item_separator->n));
    if (how->indent < 0) return 0;
    MN_TRY(mn_jtext_puts(r, t, "\n"));
    for (int64_t i = 0; i < (int64_t)how->indent * level; i++) MN_TRY(mn_jtext_puts(r, t, " "));
    return 0;
}

static int dump_list(mn_jrun *r, mn_jtext *t, const mn_jlist *l, const mn_jjson *how, int level) {
    MN_TRY(mn_jtext_puts(r, t, "["));
    for (size_t i = 0; i < l->n; i++) {
        MN_TRY(dump_gap(r, t, how, i == 0, level + 1));
        MN_TRY(dump_value(r, t, l->item[i], how, level + 1));
    }
    if (l->n) MN_TRY(dump_gap(r, t, how, 1, level));
    return mn_jtext_puts(r, t, "]");
}

static int dump_key(mn_jrun *r, mn_jtext *t, mn_jval key, const mn_jjson *how) {
    if (key.kind == MN_JSTR) return dump_string(r, t, key.s, how->ascii);
    if (key.kind == MN_JTUPLE || key.kind > MN_JSTR)
        return mn_jfail(r, "a %s cannot be a key in JSON", mn_jkind_name(key));
    MN_TRY(mn_jtext_puts(r, t, "\""));
    MN_TRY(dump_value(r, t, key, how, 0));
    return mn_jtext_puts(r, t, "\"");
}

static int by_key(mn_jrun *r, const mn_jdict *d, mn_jpair **out) {
    mn_jpair *p;
    MN_TRY(mn_arena_take(&r->arena, (d->n + 1) * sizeof *p, &p));
    for (size_t i = 0; i < d->n; i++) { /* insertion: dicts are short */
        size_t at = i;
        for (; at > 0; at--) {
            int cmp;
            MN_TRY(mn_jtick(r, 1));
            MN_TRY(mn_jorder(r, p[at - 1].key, d->pair[i].key, &cmp));
            if (cmp <= 0) break;
            p[at] = p[at - 1];
        }
        p[at] = d->pair[i];
    }
    *out = p;
    return 0;
}

static int dump_dict(mn_jrun *r, mn_jtext *t, const mn_jdict *d, const mn_jjson *how, int level) {
    mn_jpair *pair = d->pair;
    if (how->sort_keys) MN_TRY(by_key(r, d, &pair));
    MN_TRY(mn_jtext_puts(r, t, "{"));
    for (size_t i = 0; i < d->n; i++) {
        MN_TRY(dump_gap(r, t, how, i == 0, level + 1));
        MN_TRY(dump_key(r, t, pair[i].key, how));
        MN_TRY(mn_jtext_add(r, t, how->key_separator, 0, how->key_separator->n));
        MN_TRY(dump_value(r, t, pair[i].value, how, level + 1));
    }
    if (d->n) MN_TRY(dump_gap(r, t, how, 1, level));
    return mn_jtext_puts(r, t, "}");
}

static int dump_value(mn_jrun *r, mn_jtext *t, mn_jval v, const mn_jjson *how, int level) {
    MN_TRY(mn_jenter(r));
    switch (v.kind) {
    case MN_JNONE: MN_TRY(mn_jtext_puts(r, t, "null")); break;
    case MN_JBOOL: MN_TRY(mn_jtext_puts(r, t, v.i ? "true" : "false")); break;
    case MN_JINT: MN_TRY(put_number(r, t, v)); break;
    case MN_JFLOAT:
        if (isfinite(v.f))
            MN_TRY(put_number(r, t, v));
        else
            MN_TRY(mn_jtext_puts(r, t, isnan(v.f) ? "NaN" : v.f < 0 ? "-Infinity" : "Infinity"));
        break;
    case MN_JSTR: MN_TRY(dump_string(r, t, v.s, how->ascii)); break;
    case MN_JLIST:
    case MN_JTUPLE: MN_TRY(dump_list(r, t, v.list, how, level)); break;
    case MN_JDICT: MN_TRY(dump_dict(r, t, v.dict, how, level)); break;
    default: return mn_jfail(r, "a value of type %s has no JSON form", mn_jkind_name(v));
    }
    r->depth--;
    return 0;
}

int mn_jtext_json(mn_jrun *r, mn_jtext *t, mn_jval v, const mn_jjson *how) {
    return dump_value(r, t, v, how, 0);
}

/* ---- JSON in -------------------------------------------------------------------------------- */
static int from_json(mn_jrun *r, const json_t *j, int trusted, mn_jval *out);

static int from_object(mn_jrun *r, json_t *j, int trusted, mn_jval *out) {
    mn_jdict *d;
    MN_TRY(mn_jdict_new(r, &d));
    for (void *at = json_object_iter(j); at; at = json_object_iter_next(j, at)) {
        const char *key = json_object_iter_key(at);
        const mn_jstr *s;
        mn_jval v;
        MN_TRY(mn_jstr_new(&r->arena, key, strlen(key), trusted, &s));
        MN_TRY(from_json(r, json_object_iter_value(at), trusted, &v));
        MN_TRY(mn_jdict_set(r, d, mn_jstring(s), v));
    }
    *out = (mn_jval){.kind = MN_JDICT, .dict = d};
    return 0;
}

static int from_array(mn_jrun *r, const json_t *j, int trusted, mn_jval *out) {
    mn_jlist *list;
    MN_TRY(mn_jlist_new(r, &list));
    for (size_t i = 0; i < json_array_size(j); i++) {
        mn_jval v;
        MN_TRY(from_json(r, json_array_get(j, i), trusted, &v));
        MN_TRY(mn_jlist_add(r, list, v));
    }
    *out = (mn_jval){.kind = MN_JLIST, .list = list};
    return 0;
}

static int from_json(mn_jrun *r, const json_t *j, int trusted, mn_jval *out) {
    const mn_jstr *s;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        MN_TRY(mn_jenter(r));
        if (json_is_object(j))
            MN_TRY(from_object(r, (json_t *)j, trusted, out));
        else
            MN_TRY(from_array(r, j, trusted, out));
        r->depth--;
        return 0;
    case JSON_STRING:
        MN_TRY(mn_jstr_new(&r->arena, json_string_value(j), json_string_length(j), trusted, &s));
        *out = mn_jstring(s);
        return 0;
    case JSON_INTEGER: *out = mn_jint(json_integer_value(j)); return 0;
    case JSON_REAL: *out = mn_jfloat(json_real_value(j)); return 0;
    case JSON_NULL: *out = mn_jnone(); return 0;
    default: *out = mn_jbool(json_is_true(j)); return 0;
    }
}

int mn_jparse_json(mn_jrun *r, const char *text, size_t n, int trusted, mn_jval *out) {
    json_error_t error;
    json_t *j = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!j) return mn_jfail(r, "not JSON: %s at byte %d", error.text, error.position);
    const int rc = from_json(r, j, trusted, out);
    json_decref(j);
    return rc;
}
