/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_schema_merge.c - schemas that all hold become one; schemas that cannot both hold.
 *
 * Merging goes keyword by keyword, with one row of `rows` each: bounds become the narrower ones,
 * types and enums what both have, properties the union of both under what each says of additional
 * ones, lists of alternatives their product. What cannot be told in one schema (two patterns) is
 * refused. References are followed; $defs stay where they are.
 *
 * Two schemas are disjoint when they allow no common type, no common enum value, ranges of numbers
 * that do not meet, or, as objects, when a property both require has disjoint schemas or one
 * requires what the other forbids. Anything else counts as "perhaps not".
 */
#include "engine/grammar_schema.h"

#include "base/error.h"

#include <string.h>

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for a schema");
}

/* "allOf" a and b, new. */
static json_t *both_of(json_t *a, json_t *b) {
    return json_pack("{s:[O,O]}", "allOf", a, b);
}

static int set_new(json_t *s, const char *key, json_t *v) {
    return v && json_object_set_new(s, key, v) >= 0 ? 0 : no_memory();
}

/* ---- one keyword of two schemas -------------------------------------------------------------- */
typedef int combine(mn_schema *c, json_t *into, const char *key, json_t *v);

static int larger(mn_schema *c, json_t *into, const char *key, json_t *v) {
    if (!json_is_number(v)) return mn_schema_refuse(c, MN_EINVAL, key, "this is no number");
    if (json_number_value(v) <= json_number_value(json_object_get(into, key))) return 0;
    return json_object_set(into, key, v) < 0 ? no_memory() : 0;
}

static int smaller(mn_schema *c, json_t *into, const char *key, json_t *v) {
    if (!json_is_number(v)) return mn_schema_refuse(c, MN_EINVAL, key, "this is no number");
    if (json_number_value(v) >= json_number_value(json_object_get(into, key))) return 0;
    return json_object_set(into, key, v) < 0 ? no_memory() : 0;
}

static int first(mn_schema *c, json_t *into, const char *key, json_t *v) {
    (void)c, (void)into, (void)key, (void)v;
    return 0;
}

static int same(mn_schema *c, json_t *into, const char *key, json_t *v) {
    if (json_equal(json_object_get(into, key), v)) return 0;
    return mn_schema_refuse(c, MN_EUNSUPPORTED, key,
                            "two different ones must hold at once, which is not supported");
}

static int either(mn_schema *c, json_t *into, const char *key, json_t *v) { /* flags */
    (void)c;
    return json_is_true(v) && json_object_set(into, key, v) < 0 ? no_memory() : 0;
}

static int neither(mn_schema *c, json_t *into, const char *key, json_t *v) {
    if (json_is_true(v)) return 0;
    return json_is_true(json_object_get(into, key)) ? set_new(into, key, json_incref(v))
                                                    : same(c, into, key, v);
}

static int append_all(mn_schema *c, json_t *into, const char *key, json_t *v) {
    json_t *all = json_copy(json_object_get(into, key)), *one;
    size_t i;
    MN_TRY(set_new(into, key, all));
    json_array_foreach(v, i, one) if (json_array_append(all, one) < 0) return no_memory();
    return mn_schema_work(c, json_array_size(all));
}

static int common(mn_schema *c, json_t *into, const char *key, json_t *v) {
    json_t *old = json_object_get(into, key), *kept = json_array(), *a, *b;
    size_t i, k;
    if (!kept) return no_memory();
    const int rc = mn_schema_work(c, json_array_size(old) * json_array_size(v));
    if (rc < 0) return json_decref(kept), rc;
    json_array_foreach(old, i, a) {
        json_array_foreach(v, k, b) {
            if (json_equal(a, b) && json_array_append(kept, a) < 0) break;
        }
    }
    MN_TRY(set_new(into, key, kept));
    if (!json_array_size(kept))
        c->never = 1, mn_schema_never(c, NULL, key, "no value is in all lists that must hold");
    return 0;
}

/* Each alternative of one list with each of the other. */
static int product(mn_schema *c, json_t *into, const char *key, json_t *v) {
    json_t *old = json_object_get(into, key), *a, *b;
    size_t i, k;
    MN_TRY(mn_schema_work(c, 8 * json_array_size(old) * json_array_size(v)));
    json_t *all = json_array();
    json_array_foreach(old, i, a) {
        json_array_foreach(v, k, b) {
            if (json_array_append_new(all, both_of(a, b)) < 0) {
                json_decref(all);
                return no_memory();
            }
        }
    }
    return set_new(into, key, all);
}

static int together(mn_schema *c, json_t *into, const char *key, json_t *v) {
    json_t *old = json_object_get(into, key);
    if (json_object_get(into, "prefixItems")) return same(c, into, key, v);
    return set_new(into, key, both_of(old, v));
}

static const struct row {
    const char *key;
    combine *how;
} rows[] = {
    {"minimum", larger},
    {"exclusiveMinimum", larger},
    {"minLength", larger},
    {"minItems", larger},
    {"minProperties", larger},
    {"maximum", smaller},
    {"exclusiveMaximum", smaller},
    {"maxLength", smaller},
    {"maxItems", smaller},
    {"maxProperties", smaller},
    {"required", append_all},
    {"enum", common},
    {"anyOf", product},
    {"oneOf", product},
    {"items", together},
    {"prefixItems", same},
    {"additionalItems", same},
    {"pattern", same},
    {"format", same},
    {"multipleOf", same},
    {"uniqueItems", either},
    {"unevaluatedItems", neither},
    {"unevaluatedProperties", neither},
};

/* ---- annotations ---------------------------------------------------------------------------- */
int mn_schema_asserts(const char *key) {
    static const char *const plain[] = {"type",
                                        "nullable",
                                        "const",
                                        "not",
                                        "if",
                                        "contains",
                                        "properties",
                                        "additionalProperties",
                                        "patternProperties",
                                        "propertyNames",
                                        "dependentRequired",
                                        "dependentSchemas",
                                        "dependencies",
                                        "$ref",
                                        "allOf",
                                        "$dynamicRef",
                                        "$recursiveRef"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(key, rows[i].key) == 0) return 1;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(key, plain[i]) == 0) return 1;
    return 0;
}

/* ---- objects -------------------------------------------------------------------------------- */
/* Property `name` under a schema that does not list it: `more` is what that says of such. */
static json_t *under(json_t *v, json_t *more) {
    if (!more || json_is_true(more) || json_is_false(v)) return json_incref(v);
    return json_is_false(more) ? json_false()
           : json_is_true(v)   ? json_incref(more)
                               : both_of(v, more);
}

static int merge_properties(mn_schema *c, json_t *into, json_t *s) {
    json_t *a = json_object_get(into, "properties"), *b = json_object_get(s, "properties");
    json_t *more_a = json_object_get(into, "additionalProperties");
    json_t *more_b = json_object_get(s, "additionalProperties"), *v, *all = json_object();
    const char *key;
    if (b && !json_is_object(b)) {
        json_decref(all);
        return mn_schema_refuse(c, MN_EINVAL, "properties", "this is no object");
    }
    int bad = !all;
    json_object_foreach(a, key, v) {
        json_t *other = json_object_get(b, key);
        bad |= json_object_set_new(all, key, other ? both_of(v, other) : under(v, more_b)) < 0;
    }
    json_object_foreach(b, key, v) if (!json_object_get(a, key)) bad |=
        json_object_set_new(all, key, under(v, more_a)) < 0;
    json_t *more = more_a && more_b ? under(more_a, more_b) : json_incref(more_a ? more_a : more_b);
    if (more) bad |= json_object_set_new(into, "additionalProperties", more) < 0;
    const size_t n = json_object_size(all);
    if (a || b)
        bad |= json_object_set_new(into, "properties", all) < 0;
    else
        json_decref(all);
    return bad ? no_memory() : mn_schema_work(c, 1 + n);
}

/* ---- schemas -------------------------------------------------------------------------------- */
static int merge_types(mn_schema *c, json_t *into, json_t *s) {
    static const char *const name[] = {"null",   "boolean", "integer", "number",
                                       "string", "array",   "object"};
    int a, b;
    MN_TRY(mn_schema_types(c, into, &a));
    MN_TRY(mn_schema_types(c, s, &b));
    if (!b) return 0;
    const int types = a ? a & b : b;
    if (!types) {
        c->never = 1;
        return mn_schema_never(c, NULL, "type", "no type fits all that must hold");
    }
    json_t *list = json_array();
    for (int i = 0; i < 7 && list; i++)
        if (types >> i & 1 && json_array_append_new(list, json_string(name[i])) < 0)
            return json_decref(list), no_memory();
    return set_new(into, "type", list);
}

/* Draft 4 has exclusiveMinimum as a flag of minimum. */
static int bound(mn_schema *c, json_t *s, const char *key, const char **as) {
    static const char *const pair[][2] = {{"minimum", "exclusiveMinimum"},
                                          {"maximum", "exclusiveMaximum"}};
    (void)c;
    *as = key;
    for (int i = 0; i < 2; i++) {
        const json_t *flag = json_object_get(s, pair[i][1]);
        if (strcmp(key, pair[i][0]) == 0 && json_is_true(flag)) *as = pair[i][1];
        if (strcmp(key, pair[i][1]) == 0 && json_is_boolean(flag)) return 1; /* said by the other */
    }
    return 0;
}

static int merge_keyword(mn_schema *c, json_t *into, json_t *s, const char *key, json_t *v) {
    static const char *const apart[] = {"type",  "nullable", "properties", "additionalProperties",
                                        "$defs", "$ref",     "allOf",      "definitions"};
    combine *how = mn_schema_asserts(key) ? same : first;
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        if (strcmp(key, apart[i]) == 0) return 0;
    if (bound(c, s, key, &key)) return 0;
    if (strcmp(key, "const") == 0) {
        json_t *list = json_pack("[O]", v);
        if (!list) return no_memory();
        const int rc = json_object_get(into, "enum") ? common(c, into, "enum", list)
                                                     : json_object_set(into, "enum", list);
        json_decref(list);
        return rc;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(key, rows[i].key) == 0) how = rows[i].how;
    if (json_object_get(into, key)) return how(c, into, key, v);
    return json_object_set(into, key, v) < 0 ? no_memory() : 0;
}

static int merge_into(mn_schema *c, json_t *into, json_t *s, int depth) {
    MN_TRY(mn_schema_work(c, 1));
    if (depth > MN_SCHEMA_DEPTH)
        return mn_schema_refuse(c, MN_EINVAL, NULL, "its references or allOf go in a circle");
    if (json_is_boolean(s)) return c->never |= json_is_false(s), 0;
    if (!json_is_object(s))
        return mn_schema_refuse(c, MN_EINVAL, NULL, "a schema is an object, true or false");
    json_t *target, *one, *all = json_object_get(s, "allOf"), *v;
    const char *key;
    size_t i;
    MN_TRY(mn_schema_target(c, s, &target));
    if (target != s || json_object_get(s, "$ref")) MN_TRY(merge_into(c, into, target, depth + 1));
    if (all && !json_is_array(all))
        return mn_schema_refuse(c, MN_EINVAL, "allOf", "this is no list of schemas");
    json_array_foreach(all, i, one) MN_TRY(merge_into(c, into, one, depth + 1));
    MN_TRY(merge_types(c, into, s));
    MN_TRY(merge_properties(c, into, s));
    json_object_foreach(s, key, v) MN_TRY(merge_keyword(c, into, s, key, v));
    return mn_schema_work(c, json_object_size(s));
}

int mn_schema_merge(mn_schema *c, json_t *s, json_t **out) {
    json_t *into = json_object();
    c->never = 0;
    if (!into || json_array_append_new(c->made, into) < 0) return no_memory();
    MN_TRY(merge_into(c, into, s, 0));
    *out = c->never ? json_false() : into;
    return 0;
}

/* ---- disjoint ------------------------------------------------------------------------------- */
static int requires(json_t *s, const char *name) {
    json_t *list = json_object_get(s, "required"), *one;
    size_t i;
    json_array_foreach(list, i, one) {
        const char *text = json_string_value(one);
        if (text && strcmp(text, name) == 0) return 1;
    }
    return 0;
}

/* Something a requires is forbidden by b, or has no common value with b's. */
static int objects_disjoint(mn_schema *c, json_t *a, json_t *b, int depth) {
    json_t *list = json_object_get(a, "required"), *one;
    size_t i;
    json_array_foreach(list, i, one) {
        const char *name = json_string_value(one);
        if (!name) continue;
        json_t *p = json_object_get(json_object_get(a, "properties"), name);
        json_t *q = json_object_get(json_object_get(b, "properties"), name);
        if (!q) q = json_object_get(b, "additionalProperties");
        if (json_is_false(q) || json_is_false(p)) return 1;
        if (!p || !q || !requires(b, name)) continue;
        const int rc = mn_schema_disjoint(c, p, q, depth + 1);
        if (rc) return rc;
    }
    return 0;
}

static json_t *values(json_t *s) {
    json_t *only = json_object_get(s, "const"), *list = json_object_get(s, "enum");
    return only ? json_pack("[O]", only) : json_is_array(list) ? json_incref(list) : NULL;
}

static int nothing_common(json_t *a, json_t *b) {
    json_t *x, *y;
    size_t i, k;
    json_array_foreach(a, i, x) {
        json_array_foreach(b, k, y) {
            if (json_equal(x, y)) return 0;
            if (json_is_number(x) && json_is_number(y) &&
                json_number_value(x) == json_number_value(y))
                return 0;
        }
    }
    return 1;
}

static int numbers_apart(json_t *a, json_t *b) {
    const json_t *top = json_object_get(a, "maximum"), *low = json_object_get(b, "minimum");
    if (json_is_boolean(json_object_get(a, "exclusiveMaximum")) || !json_is_number(top)) return 0;
    return json_is_number(low) && json_number_value(top) < json_number_value(low);
}

static int allowed_types(mn_schema *c, json_t *s, int *types) {
    json_t *list = values(s), *v;
    size_t i;
    const int rc = mn_schema_types(c, s, types);
    if (rc >= 0 && !*types && list) {
        json_array_foreach(list, i, v) {
            *types |= json_is_number(v)    ? MN_TYPE_INTEGER | MN_TYPE_NUMBER
                      : json_is_string(v)  ? MN_TYPE_STRING
                      : json_is_object(v)  ? MN_TYPE_OBJECT
                      : json_is_array(v)   ? MN_TYPE_ARRAY
                      : json_is_boolean(v) ? MN_TYPE_BOOLEAN
                                           : MN_TYPE_NULL;
        }
    }
    if (!*types) *types = MN_TYPE_ALL;
    json_decref(list);
    return rc;
}

int mn_schema_disjoint(mn_schema *c, json_t *a, json_t *b, int depth) {
    int types_a, types_b, rc;
    MN_TRY(mn_schema_work(c, 1));
    if (depth > 8) return 0;
    if (json_is_false(a) || json_is_false(b)) return 1;
    for (int i = 0; i < 2; i++) { /* what a reference or allOf says, in one schema */
        json_t **s = i ? &b : &a;
        if (json_object_get(*s, "$ref") || json_object_get(*s, "allOf"))
            MN_TRY(mn_schema_merge(c, *s, s));
    }
    if (!json_is_object(a) || !json_is_object(b)) return json_is_false(a) || json_is_false(b);
    MN_TRY(allowed_types(c, a, &types_a));
    MN_TRY(allowed_types(c, b, &types_b));
    const int types = types_a & types_b, numbers = MN_TYPE_INTEGER | MN_TYPE_NUMBER;
    if (!types) return 1;
    json_t *list_a = values(a), *list_b = values(b);
    rc = mn_schema_work(c, json_array_size(list_a) * json_array_size(list_b));
    if (rc >= 0) rc = list_a && list_b && nothing_common(list_a, list_b);
    json_decref(list_a);
    json_decref(list_b);
    if (rc) return rc;
    if (!(types & ~numbers) && (numbers_apart(a, b) || numbers_apart(b, a))) return 1;
    if (types != MN_TYPE_OBJECT) return 0;
    rc = objects_disjoint(c, a, b, depth);
    return rc ? rc : objects_disjoint(c, b, a, depth);
}
