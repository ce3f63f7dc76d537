/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/schema_valid.h - does a JSON value fit a schema? A dumb twin of grammar_schema*.c
 * that shares nothing with it: values are looked at as JSON schema says, keyword by keyword, and
 * patterns are PCRE2's.
 */
#ifndef MN_TEST_SCHEMA_VALID_H
#define MN_TEST_SCHEMA_VALID_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <math.h>
#include <pcre2.h>
#include <string.h>

static int schema_valid(json_t *root, json_t *s, json_t *v, int depth);

static inline int valid_match(const char *pattern, const char *text) {
    int error;
    PCRE2_SIZE at;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX, &error, &at, NULL);
    if (!code) return 0;
    pcre2_match_data *m = pcre2_match_data_create(4, NULL);
    const int rc = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, m, NULL);
    pcre2_match_data_free(m);
    pcre2_code_free(code);
    return rc >= 0;
}

static inline int valid_type(const char *type, const json_t *v) {
    if (!strcmp(type, "null")) return json_is_null(v);
    if (!strcmp(type, "boolean")) return json_is_boolean(v);
    if (!strcmp(type, "string")) return json_is_string(v);
    if (!strcmp(type, "array")) return json_is_array(v);
    if (!strcmp(type, "object")) return json_is_object(v);
    if (!strcmp(type, "number")) return json_is_number(v);
    return json_is_integer(v) ||
           (json_is_real(v) && floor(json_real_value(v)) == json_real_value(v));
}

static inline int valid_types(json_t *type, const json_t *v) {
    json_t *one;
    size_t i;
    if (json_is_string(type)) return valid_type(json_string_value(type), v);
    json_array_foreach(type, i, one) if (valid_type(json_string_value(one), v)) return 1;
    return 0;
}

static inline int valid_equal(json_t *a, json_t *b) {
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static inline int valid_days(int y, int m, int d) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

static inline int valid_format(const char *format, const char *text) {
    int y, mo, d, h, mi, s, used = 0, v[4];
    if (!strcmp(format, "date"))
        return strlen(text) == 10 && sscanf(text, "%4d-%2d-%2d%n", &y, &mo, &d, &used) == 3 &&
               used == 10 && valid_days(y, mo, d);
    if (!strcmp(format, "date-time"))
        return sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s, &used) == 6 &&
               used == 19 && valid_days(y, mo, d) && h < 24 && mi < 60 && s < 60 &&
               strspn(text + 19, ".0123456789+-:Z") == strlen(text + 19) && strlen(text) > 19;
    if (!strcmp(format, "uuid"))
        return strlen(text) == 36 && strspn(text, "0123456789abcdef-") == 36 && text[8] == '-' &&
               text[23] == '-';
    if (!strcmp(format, "ipv4"))
        return sscanf(text, "%3d.%3d.%3d.%3d%n", v, v + 1, v + 2, v + 3, &used) == 4 &&
               !text[used] && v[0] < 256 && v[1] < 256 && v[2] < 256 && v[3] < 256;
    return 0;
}

static inline long valid_length(const char *text) {
    long n = 0;
    for (; *text; text++) n += (*text & 0xC0) != 0x80;
    return n;
}

/* The count under `key` against n: 0 when it is violated. */
static inline int valid_count(json_t *s, const char *low, const char *high, long n) {
    const json_t *a = json_object_get(s, low), *b = json_object_get(s, high);
    return (!a || n >= json_integer_value(a)) && (!b || n <= json_integer_value(b));
}

static inline int valid_number(json_t *s, const json_t *v) {
    const double x = json_number_value(v);
    const json_t *b;
    return (!(b = json_object_get(s, "minimum")) || x >= json_number_value(b)) &&
           (!(b = json_object_get(s, "maximum")) || x <= json_number_value(b)) &&
           (!(b = json_object_get(s, "exclusiveMinimum")) || x > json_number_value(b)) &&
           (!(b = json_object_get(s, "exclusiveMaximum")) || x < json_number_value(b));
}

static inline int valid_string(json_t *s, const char *text) {
    const json_t *p = json_object_get(s, "pattern"), *f = json_object_get(s, "format");
    return valid_count(s, "minLength", "maxLength", valid_length(text)) &&
           (!p || valid_match(json_string_value(p), text)) &&
           (!f || valid_format(json_string_value(f), text));
}

static inline int valid_array(json_t *root, json_t *s, json_t *v, int depth) {
    json_t *first = json_object_get(s, "prefixItems"), *items = json_object_get(s, "items"), *one;
    size_t i;
    if (!valid_count(s, "minItems", "maxItems", (long)json_array_size(v))) return 0;
    json_array_foreach(v, i, one) {
        json_t *by = i < json_array_size(first) ? json_array_get(first, i) : items;
        if (by && !schema_valid(root, by, one, depth)) return 0;
    }
    return 1;
}

static inline int valid_object(json_t *root, json_t *s, json_t *v, int depth) {
    json_t *known = json_object_get(s, "properties"),
           *more = json_object_get(s, "additionalProperties");
    json_t *one;
    const char *key;
    size_t i;
    if (!valid_count(s, "minProperties", "maxProperties", (long)json_object_size(v))) return 0;
    json_array_foreach(json_object_get(s, "required"), i,
                       one) if (!json_object_get(v, json_string_value(one))) return 0;
    json_object_foreach(v, key, one) {
        json_t *by = json_object_get(known, key);
        if (!by) by = more;
        if (by && !schema_valid(root, by, one, depth)) return 0;
    }
    return 1;
}

static inline int valid_choices(json_t *root, json_t *s, json_t *v, int depth) {
    json_t *one;
    size_t i;
    int fit = 0;
    json_array_foreach(json_object_get(s, "allOf"), i,
                       one) if (!schema_valid(root, one, v, depth)) return 0;
    json_array_foreach(json_object_get(s, "anyOf"), i, one) fit +=
        schema_valid(root, one, v, depth);
    if (json_object_get(s, "anyOf") && !fit) return 0;
    fit = 0;
    json_array_foreach(json_object_get(s, "oneOf"), i, one) fit +=
        schema_valid(root, one, v, depth);
    return !json_object_get(s, "oneOf") || fit == 1;
}

static int schema_valid(json_t *root, json_t *s, json_t *v, int depth) {
    json_t *x;
    size_t i;
    if (json_is_boolean(s)) return json_is_true(s);
    if (depth > 1000) return 0;
    depth++;
    if ((x = json_object_get(s, "$ref"))) { /* "#" and "#/$defs/name" are all there are */
        const char *name = json_string_value(x);
        json_t *to = !name[1] ? root : json_object_get(json_object_get(root, "$defs"), name + 8);
        if (!to || !schema_valid(root, to, v, depth)) return 0;
    }
    if ((x = json_object_get(s, "type")) && !valid_types(x, v)) return 0;
    if ((x = json_object_get(s, "const")) && !valid_equal(x, v)) return 0;
    if ((x = json_object_get(s, "enum"))) {
        int found = 0;
        json_t *one;
        json_array_foreach(x, i, one) found |= valid_equal(one, v);
        if (!found) return 0;
    }
    if (!valid_choices(root, s, v, depth)) return 0;
    if (json_is_number(v) && !valid_number(s, v)) return 0;
    if (json_is_string(v) && !valid_string(s, json_string_value(v))) return 0;
    if (json_is_array(v) && !valid_array(root, s, v, depth)) return 0;
    return !json_is_object(v) || valid_object(root, s, v, depth);
}

#endif
