/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_schema.c - JSON schema to rules: places, references, types, choices.
 *
 * A schema is first made plain ($ref with company and allOf merged, grammar_schema_merge.c), then
 * it is, in this order: anyOf, oneOf (each alternative merged with what stands beside it), enum and
 * const (their texts), or one alternative for each type it allows; where it names none, those its
 * keywords speak of. oneOf is written only when no two of its alternatives can both match.
 */
#include "engine/grammar_schema.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct seen {
    const json_t *schema;
    uint32_t rule, next; /* + 1; 0: the last of its slot */
} seen;

/* ---- places --------------------------------------------------------------------------------- */
size_t mn_schema_enter(mn_schema *c, const char *key) {
    const size_t before = c->place.len;
    int rc = key ? mn_buf_append(&c->place, "/", 1) : 0;
    for (const char *p = key ? key : ""; *p && rc >= 0; p++)
        rc = *p == '~'   ? mn_buf_puts(&c->place, "~0")
             : *p == '/' ? mn_buf_puts(&c->place, "~1")
                         : mn_buf_append(&c->place, p, 1);
    if (rc < 0 && c->nfa->rc >= 0) c->nfa->rc = rc;
    return before;
}

void mn_schema_leave(mn_schema *c, size_t place) {
    if (!c->place.data) return;
    c->place.len = place;
    c->place.data[place] = 0;
}

int mn_schema_refuse(mn_schema *c, int code, const char *key, const char *format, ...) {
    char why[400];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    const char *place = c->place.data ? c->place.data : "";
    return MN_FAIL(code, "#%.200s%s%s: %s", place, key ? "/" : "", key ? key : "", why);
}

int mn_schema_never(mn_schema *c, mn_frag *out, const char *key, const char *format, ...) {
    char why[100];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (!c->nfa->hint[0])
        snprintf(c->nfa->hint, sizeof c->nfa->hint, "#%.150s/%s: %s",
                 c->place.data ? c->place.data : "", key, why);
    if (out) *out = mn_nfa_point(c->nfa, NULL, 0);
    return c->nfa->rc;
}

int mn_schema_work(mn_schema *c, size_t n) {
    c->work += (int)(n < MN_SCHEMA_WORK ? n : MN_SCHEMA_WORK);
    if (c->work <= MN_SCHEMA_WORK) return c->nfa->rc;
    return mn_schema_refuse(c, MN_ETOOLONG, NULL,
                            "merging this schema takes more than %d steps; make it plainer",
                            MN_SCHEMA_WORK);
}

int mn_schema_count(mn_schema *c, json_t *s, const char *key, uint32_t none, uint32_t *out) {
    const json_t *v = json_object_get(s, key);
    const double x = json_number_value(v);
    *out = none;
    if (!v) return 0;
    if (!json_is_number(v) || x < 0 || x > 4e9 || x != (double)(uint32_t)x)
        return mn_schema_refuse(c, MN_EINVAL, key, "this is no count");
    *out = (uint32_t)x;
    return 0;
}

/* ---- types ---------------------------------------------------------------------------------- */
static const struct {
    const char *name;
    int bits;
} type_names[] = {{"null", MN_TYPE_NULL},       {"boolean", MN_TYPE_BOOLEAN},
                  {"integer", MN_TYPE_INTEGER}, {"number", MN_TYPE_NUMBER | MN_TYPE_INTEGER},
                  {"string", MN_TYPE_STRING},   {"array", MN_TYPE_ARRAY},
                  {"object", MN_TYPE_OBJECT}};

static int type_of_name(mn_schema *c, const json_t *name, int *types) {
    const char *text = json_string_value(name);
    for (size_t i = 0; text && i < sizeof type_names / sizeof *type_names; i++) {
        if (strcmp(text, type_names[i].name) != 0) continue;
        *types |= type_names[i].bits;
        return 0;
    }
    return mn_schema_refuse(c, MN_EINVAL, "type",
                            "%.60s is no type; types are null, boolean, integer, number, string, "
                            "array, object",
                            text ? text : "this");
}

int mn_schema_types(mn_schema *c, json_t *s, int *types) {
    json_t *type = json_object_get(s, "type"), *one;
    size_t i;
    *types = 0;
    if (!type) return 0;
    if (json_is_array(type)) {
        json_array_foreach(type, i, one) MN_TRY(type_of_name(c, one, types));
        if (!*types) return mn_schema_refuse(c, MN_EINVAL, "type", "the list is empty");
    } else {
        MN_TRY(type_of_name(c, type, types));
    }
    if (json_is_true(json_object_get(s, "nullable"))) *types |= MN_TYPE_NULL;
    return 0;
}

/* The types whose keywords a schema has: a value of another type would have to fit nothing. */
static int types_spoken_of(json_t *s) {
    static const struct {
        const char *key;
        int types;
    } row[] = {
        {"properties", MN_TYPE_OBJECT},
        {"additionalProperties", MN_TYPE_OBJECT},
        {"required", MN_TYPE_OBJECT},
        {"minProperties", MN_TYPE_OBJECT},
        {"maxProperties", MN_TYPE_OBJECT},
        {"items", MN_TYPE_ARRAY},
        {"prefixItems", MN_TYPE_ARRAY},
        {"minItems", MN_TYPE_ARRAY},
        {"maxItems", MN_TYPE_ARRAY},
        {"minLength", MN_TYPE_STRING},
        {"maxLength", MN_TYPE_STRING},
        {"pattern", MN_TYPE_STRING},
        {"format", MN_TYPE_STRING},
        {"minimum", MN_TYPE_NUMBER | MN_TYPE_INTEGER},
        {"maximum", MN_TYPE_NUMBER | MN_TYPE_INTEGER},
        {"exclusiveMinimum", MN_TYPE_NUMBER | MN_TYPE_INTEGER},
        {"exclusiveMaximum", MN_TYPE_NUMBER | MN_TYPE_INTEGER},
        {"multipleOf", MN_TYPE_NUMBER | MN_TYPE_INTEGER},
    };
    int types = 0;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (json_object_get(s, row[i].key)) types |= row[i].types;
    return types ? types : MN_TYPE_ALL;
}

static int type_of_value(const json_t *v) {
    switch (json_typeof(v)) {
    case JSON_NULL: return MN_TYPE_NULL;
    case JSON_TRUE:
    case JSON_FALSE: return MN_TYPE_BOOLEAN;
    case JSON_INTEGER: return MN_TYPE_INTEGER;
    case JSON_REAL: {
        const double x = json_real_value(v);
        return x > -9e15 && x < 9e15 && x == (double)(int64_t)x ? MN_TYPE_INTEGER : MN_TYPE_NUMBER;
    }
    case JSON_STRING: return MN_TYPE_STRING;
    case JSON_ARRAY: return MN_TYPE_ARRAY;
    default: return MN_TYPE_OBJECT;
    }
}

/* One alternative for each of `types`, bools and null as words. */
static int by_type(mn_schema *c, json_t *s, int types, mn_frag *out) {
    *out = (mn_frag){0};
    for (int bit = 1; bit <= MN_TYPE_OBJECT; bit <<= 1) {
        mn_frag one = {0};
        if (!(types & bit)) continue;
        if (bit == MN_TYPE_INTEGER && (types & MN_TYPE_NUMBER)) continue; /* numbers hold them */
        if (bit == MN_TYPE_NULL) one = mn_nfa_word(c->nfa, "null");
        if (bit == MN_TYPE_BOOLEAN) {
            one = mn_nfa_word(c->nfa, "true");
            one = mn_nfa_or(c->nfa, one, mn_nfa_word(c->nfa, "false"));
        }
        if (bit == MN_TYPE_INTEGER || bit == MN_TYPE_NUMBER)
            MN_TRY(mn_schema_number(c, s, bit == MN_TYPE_INTEGER, &one));
        if (bit == MN_TYPE_STRING) MN_TRY(mn_schema_string(c, s, &one));
        if (bit == MN_TYPE_ARRAY) MN_TRY(mn_schema_array(c, s, &one));
        if (bit == MN_TYPE_OBJECT) MN_TRY(mn_schema_object(c, s, &one));
        *out = out->from ? mn_nfa_or(c->nfa, *out, one) : one;
    }
    return c->nfa->rc;
}

uint32_t mn_schema_value(mn_schema *c) {
    if (c->value) return c->value;
    c->value = mn_nfa_declare(c->nfa, "any JSON");
    json_t *nothing = json_object();
    mn_frag any = {0};
    const int rc = nothing ? by_type(c, nothing, MN_TYPE_ALL, &any)
                           : MN_FAIL(MN_ENOMEM, "no memory for a schema");
    json_decref(nothing);
    if (rc < 0 && c->nfa->rc >= 0) c->nfa->rc = rc;
    mn_nfa_define(c->nfa, c->value, any);
    return c->value;
}

/* ---- texts that are given ------------------------------------------------------------------- */
/* The shortest text that reads as the same value again. */
static int text_of(json_t *v, mn_buf *out) {
    for (size_t digits = 15; digits <= 17; digits++) {
        const size_t how = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(digits);
        mn_buf_clear(out);
        if (mn_json_write(v, how, out) < 0) break;
        json_t *back = json_loadb(out->data, out->len, JSON_DECODE_ANY, NULL);
        const int same = back && json_equal(back, v);
        json_decref(back);
        if (same) return 0;
    }
    return MN_FAIL(MN_ENOMEM, "no memory for a schema");
}

static int one_text(mn_schema *c, json_t *v, mn_frag *out) {
    mn_buf text = {.what = "a schema"};
    int rc = text_of(v, &text);
    if (rc >= 0) {
        const mn_frag one = mn_nfa_text(c->nfa, text.data, text.len);
        *out = out->from ? mn_nfa_or(c->nfa, *out, one) : one;
        rc = mn_schema_work(c, 1);
    }
    mn_buf_free(&text);
    return rc;
}

mn_frag mn_schema_quoted(mn_schema *c, const char *text) {
    json_t *v = json_string(text);
    mn_frag out = {0};
    const int rc = v ? one_text(c, v, &out) : MN_FAIL(MN_ENOMEM, "no memory for a schema");
    if (rc < 0 && c->nfa->rc >= 0) c->nfa->rc = rc;
    json_decref(v);
    return out;
}

/* enum and const: their values, as far as the types allow them. */
static int given(mn_schema *c, json_t *s, mn_frag *out) {
    json_t *list = json_object_get(s, "enum"), *only = json_object_get(s, "const"), *v;
    const char *key;
    int types;
    size_t i;
    MN_TRY(mn_schema_types(c, s, &types));
    json_object_foreach(s, key, v) {
        const int beside = strcmp(key, "enum") == 0 || strcmp(key, "const") == 0 ||
                           strcmp(key, "type") == 0 || strcmp(key, "nullable") == 0;
        if (!beside && mn_schema_asserts(key))
            return mn_schema_refuse(c, MN_EUNSUPPORTED, key,
                                    "not supported beside enum or const; list only what fits");
    }
    if (list && !json_is_array(list))
        return mn_schema_refuse(c, MN_EINVAL, "enum", "this is no list");
    if (only && !list && (!types || (types & type_of_value(only)))) MN_TRY(one_text(c, only, out));
    json_array_foreach(list, i, v) {
        if ((types && !(types & type_of_value(v))) || (only && !json_equal(only, v))) continue;
        MN_TRY(one_text(c, v, out));
    }
    if (out->from) return 0;
    return mn_schema_never(c, out, list ? "enum" : "const", "no value of it has the type");
}

/* ---- references and choices ----------------------------------------------------------------- */
static int hex(int ch) {
    const int low = ch | 32;
    return ch >= '0' && ch <= '9' ? ch - '0' : low >= 'a' && low <= 'f' ? low - 87 : -1;
}

/* The next word of a JSON pointer in a fragment: %41, ~0 and ~1 undone. Where it ends. */
static const char *pointer_word(const char *p, char *word, size_t size) {
    size_t n = 0;
    for (; *p && *p != '/' && n + 1 < size; p++) {
        int ch = *p;
        if (ch == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
            ch = hex(p[1]) * 16 + hex(p[2]);
            p += 2;
        }
        if (ch == '~' && (p[1] == '0' || p[1] == '1')) ch = *++p == '0' ? '~' : '/';
        word[n++] = (char)ch;
    }
    word[n] = 0;
    return p;
}

int mn_schema_target(mn_schema *c, json_t *s, json_t **out) {
    const json_t *ref = json_object_get(s, "$ref");
    *out = s;
    if (!ref) return 0;
    const char *p = json_string_value(ref);
    if (!p || p[0] != '#' || (p[1] && p[1] != '/'))
        return mn_schema_refuse(c, MN_EUNSUPPORTED, "$ref",
                                "only places in this schema can be meant, as #/$defs/name");
    json_t *at = c->root;
    char word[256];
    for (p++; *p && at;) {
        p = pointer_word(p + 1, word, sizeof word);
        char *end = word;
        if (json_is_array(at))
            at = json_array_get(at, strtoul(word, &end, 10));
        else
            at = json_object_get(at, word);
        if (*p && *p != '/') at = NULL; /* the word is longer than any key of ours */
        if (json_is_array(at) && !*p) at = NULL;
    }
    if (!at)
        return mn_schema_refuse(c, MN_EINVAL, "$ref", "there is no '%.100s'",
                                json_string_value(ref));
    *out = at;
    return 0;
}

/* s without `key`, when what is left asserts anything; else NULL. Kept by c. */
static int company(mn_schema *c, json_t *s, const char *drop, json_t **out) {
    const char *key;
    json_t *v;
    int asserts = 0;
    json_object_foreach(s, key, v) asserts |= strcmp(key, drop) != 0 && mn_schema_asserts(key);
    *out = NULL;
    if (!asserts) return 0;
    json_t *rest = json_copy(s);
    if (!rest || json_array_append_new(c->made, rest) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for a schema");
    json_object_del(rest, drop);
    *out = rest;
    return mn_schema_work(c, 1 + json_object_size(s));
}

static int refuse_overlap(mn_schema *c, json_t *list) {
    const size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            MN_TRY(mn_schema_work(c, 1));
            const int rc =
                mn_schema_disjoint(c, json_array_get(list, i), json_array_get(list, k), 0);
            MN_TRY(rc);
            if (!rc)
                return mn_schema_refuse(
                    c, MN_EUNSUPPORTED, "oneOf",
                    "alternatives %zu and %zu may both match one value; use anyOf, or give each a "
                    "required property with a const of its own and additionalProperties false",
                    i, k);
        }
    }
    return 0;
}

static int alternatives(mn_schema *c, json_t *s, const char *key, mn_frag *out) {
    json_t *list = json_object_get(s, key), *rest, *one;
    size_t i;
    *out = (mn_frag){0};
    if (!json_is_array(list) || !json_array_size(list))
        return mn_schema_refuse(c, MN_EINVAL, key, "this is no list of schemas");
    if (strcmp(key, "oneOf") == 0) MN_TRY(refuse_overlap(c, list));
    MN_TRY(company(c, s, key, &rest));
    json_array_foreach(list, i, one) {
        mn_frag way;
        json_t *both = one;
        if (rest) {
            both = json_pack("{s:[O,O]}", "allOf", rest, one);
            if (!both || json_array_append_new(c->made, both) < 0)
                return MN_FAIL(MN_ENOMEM, "no memory for a schema");
        }
        MN_TRY(mn_schema_frag(c, both, key, (long)i, &way));
        *out = out->from ? mn_nfa_or(c->nfa, *out, way) : way;
    }
    return 0;
}

/* ---- keywords that cannot be honoured ------------------------------------------------------- */
static int refuse_unknown(mn_schema *c, json_t *s) {
    static const struct {
        const char *key;
        enum { NEVER, UNLESS_FALSE, UNLESS_TRUE, UNLESS_EMPTY } when;
    } row[] = {{"not", NEVER},
               {"if", NEVER},
               {"contains", NEVER},
               {"dependentRequired", UNLESS_EMPTY},
               {"dependentSchemas", UNLESS_EMPTY},
               {"dependencies", UNLESS_EMPTY},
               {"patternProperties", UNLESS_EMPTY},
               {"propertyNames", UNLESS_TRUE},
               {"unevaluatedProperties", UNLESS_FALSE},
               {"unevaluatedItems", UNLESS_FALSE},
               {"uniqueItems", UNLESS_FALSE},
               {"$dynamicRef", NEVER},
               {"$recursiveRef", NEVER}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const json_t *v = json_object_get(s, row[i].key);
        if (!v || (row[i].when == UNLESS_FALSE && json_is_false(v)) ||
            (row[i].when == UNLESS_TRUE && json_is_true(v)) ||
            (row[i].when == UNLESS_EMPTY && json_is_object(v) && !json_object_size(v)))
            continue;
        return mn_schema_refuse(c, MN_EUNSUPPORTED, row[i].key,
                                "this keyword is not supported; leave it out");
    }
    return 0;
}

static int compile(mn_schema *c, json_t *s, mn_frag *out) {
    *out = (mn_frag){0};
    if (json_is_true(s)) return *out = mn_nfa_call(c->nfa, mn_schema_value(c)), c->nfa->rc;
    if (json_is_false(s)) return *out = mn_nfa_point(c->nfa, NULL, 0), c->nfa->rc;
    if (!json_is_object(s))
        return mn_schema_refuse(c, MN_EINVAL, NULL, "a schema is an object, true or false");
    json_t *rest, *target;
    if (json_object_get(s, "$ref")) {
        MN_TRY(company(c, s, "$ref", &rest));
        MN_TRY(mn_schema_target(c, s, &target));
        if (!rest) return mn_schema_frag(c, target, NULL, -1, out);
    }
    if (json_object_get(s, "$ref") || json_object_get(s, "allOf"))
        MN_TRY(mn_schema_merge(c, s, &s));
    if (!json_is_object(s)) return compile(c, s, out);
    MN_TRY(refuse_unknown(c, s));
    if (json_object_get(s, "anyOf")) return alternatives(c, s, "anyOf", out);
    if (json_object_get(s, "oneOf")) return alternatives(c, s, "oneOf", out);
    if (json_object_get(s, "enum") || json_object_get(s, "const")) return given(c, s, out);
    int types;
    MN_TRY(mn_schema_types(c, s, &types));
    if (!types) types = types_spoken_of(s);
    if (types == MN_TYPE_ALL && types_spoken_of(s) == MN_TYPE_ALL)
        return *out = mn_nfa_call(c->nfa, mn_schema_value(c)), c->nfa->rc;
    return by_type(c, s, types, out);
}

/* ---- rules ---------------------------------------------------------------------------------- */
static int rule_at_place(mn_schema *c, json_t *s, uint32_t *rule) {
    const uintptr_t key = (uintptr_t)s >> 4;
    uint32_t *slot = &c->slot[(key ^ key >> 12) % MN_SCHEMA_SLOTS];
    const seen *all = (const seen *)(const void *)c->memo.data;
    for (uint32_t i = *slot; i; i = all[i - 1].next)
        if (all[i - 1].schema == s) return *rule = all[i - 1].rule, 0;
    if (c->depth >= MN_SCHEMA_DEPTH)
        return mn_schema_refuse(c, MN_ETOOLONG, NULL, "schemas within schemas, more than %d deep",
                                MN_SCHEMA_DEPTH);
    MN_TRY(mn_schema_work(c, 1));
    char where[220];
    snprintf(where, sizeof where, "#%.200s", c->place.data ? c->place.data : "");
    const seen x = {s, mn_nfa_declare(c->nfa, where), *slot};
    MN_TRY(c->nfa->rc);
    if (!json_is_boolean(s)) { /* those are one and the same everywhere */
        MN_TRY(mn_buf_append(&c->memo, &x, sizeof x));
        *slot = (uint32_t)(c->memo.len / sizeof x);
    }
    mn_frag is;
    c->depth++;
    MN_TRY(compile(c, s, &is));
    c->depth--;
    mn_nfa_define(c->nfa, x.rule, is);
    *rule = x.rule;
    return c->nfa->rc;
}

int mn_schema_rule(mn_schema *c, json_t *s, const char *key, long index, uint32_t *rule) {
    char number[24];
    const size_t place = mn_schema_enter(c, key);
    snprintf(number, sizeof number, "%ld", index);
    mn_schema_enter(c, index < 0 ? NULL : number);
    const int rc = rule_at_place(c, s, rule);
    mn_schema_leave(c, place);
    return rc;
}

int mn_schema_frag(mn_schema *c, json_t *s, const char *key, long index, mn_frag *out) {
    uint32_t rule;
    MN_TRY(mn_schema_rule(c, s, key, index, &rule));
    *out = mn_nfa_call(c->nfa, rule);
    return c->nfa->rc;
}

static int whole(mn_schema *c, const char *text, size_t n, uint32_t *root) {
    json_error_t at;
    c->root = json_loadb(text, n, 0, &at);
    if (!c->root)
        return MN_FAIL(MN_EINVAL, "the schema is no JSON: %s, line %d, column %d", at.text, at.line,
                       at.column);
    c->made = json_array();
    if (!c->made) return MN_FAIL(MN_ENOMEM, "no memory for a schema");
    return mn_schema_rule(c, c->root, NULL, -1, root);
}

int mn_grammar_schema(mn_nfa *nfa, const char *text, size_t n, uint32_t *root) {
    mn_schema *c = mn_calloc(1, sizeof *c);
    if (!c) return MN_FAIL(MN_ENOMEM, "no memory for a schema");
    c->nfa = nfa;
    c->memo.what = "a schema";
    const int rc = whole(c, text, n, root);
    json_decref(c->made);
    json_decref(c->root);
    mn_buf_free(&c->place);
    mn_buf_free(&c->memo);
    mn_free(c);
    return rc;
}
