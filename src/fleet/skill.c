/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill.c - manifests as skills: checked, and never half taken.
 *
 * A manifest may come from any program, so each field is looked at: what is there and has the wrong
 * shape is refused by its name, what is not there has a default. A tool of MCP without an
 * "omnesia/skill" is a skill that needs and makes nothing, takes 5 seconds and may take 60: a model
 * or a person can use it, the rules have no reason to.
 */
#include "fleet/skill.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 63, MEMORY = 16 << 20 };
#define SECONDS_MOST 86400.0

/* ---- facts --------------------------------------------------------------------------------- */
static const struct {
    const char *name;
    int args;
} facts[] = {
    [MN_FACT_AT] = {"at", 2},     [MN_FACT_REACHES] = {"reaches", 2},
    [MN_FACT_IN] = {"in", 2},     [MN_FACT_HOLDING] = {"holding", 2},
    [MN_FACT_FREE] = {"free", 1}, [MN_FACT_OPEN] = {"open", 1},
    [MN_FACT_IS] = {"is", 2},
};
enum { FACTS = sizeof facts / sizeof *facts };

const char *mn_fact_word(mn_fact_name name) {
    return name > 0 && (int)name < FACTS ? facts[name].name : "";
}

static int copy(mn_arena *a, const char *text, size_t n, const char **out) {
    char *made;
    MN_TRY(mn_arena_take(a, n + 1, &made));
    memcpy(made, text, n);
    *out = made;
    return 0;
}

static size_t spaces(const char *text) {
    return strspn(text, " \t");
}

/* The argument that begins at *at, up to the comma or bracket behind it. */
static int read_argument(mn_arena *a, const char *text, const char **at, const char **out) {
    const char *const from = *at + spaces(*at);
    size_t n = strcspn(from, ",()");
    *at = from + n;
    while (n && (from[n - 1] == ' ' || from[n - 1] == '\t')) n--;
    if (!n) return MN_FAIL(MN_EINVAL, "'%s': an argument is empty", text);
    if (n > NAME_MOST)
        return MN_FAIL(MN_EINVAL, "'%s': an argument has %zu bytes; a name has at most %d", text, n,
                       NAME_MOST);
    return copy(a, from, n, out);
}

int mn_fact_read(mn_arena *a, const char *text, mn_fact *out) {
    mn_fact fact = {.not_ = 0};
    const char *at = text + spaces(text);
    if (*at == '!') {
        fact.not_ = 1;
        at += 1 + spaces(at + 1);
    }
    const size_t n = strcspn(at, "( \t");
    for (int i = 1; i < FACTS && !fact.name; i++)
        if (strlen(facts[i].name) == n && !memcmp(facts[i].name, at, n))
            fact.name = (mn_fact_name)i;
    if (!fact.name)
        return MN_FAIL(MN_EINVAL,
                       "'%s' is no fact: they are at(robot, place), reaches(robot, thing), "
                       "in(thing, place), holding(robot, thing), free(robot), open(place), "
                       "is(thing, word), with '!' for not",
                       text);
    at += n + spaces(at + n);
    if (*at != '(') return MN_FAIL(MN_EINVAL, "'%s': there is no '(' behind the name", text);
    int args = 0;
    do {
        at++;
        if (args == MN_FACT_ARGS) return MN_FAIL(MN_EINVAL, "'%s': too many arguments", text);
        MN_TRY(read_argument(a, text, &at, &fact.arg[args++]));
    } while (*at == ',');
    if (*at != ')' || at[1 + spaces(at + 1)])
        return MN_FAIL(MN_EINVAL, "'%s' does not end with one ')'", text);
    if (args != facts[fact.name].args)
        return MN_FAIL(MN_EINVAL, "'%s': %s takes %d argument%s, not %d", text,
                       facts[fact.name].name, facts[fact.name].args,
                       facts[fact.name].args == 1 ? "" : "s", args);
    *out = fact;
    return 0;
}

int mn_fact_write(const mn_fact *fact, mn_buf *out) {
    MN_TRY(mn_buf_printf(out, "%s%s(", fact->not_ ? "!" : "", mn_fact_word(fact->name)));
    for (int i = 0; i < MN_FACT_ARGS && fact->arg[i]; i++)
        MN_TRY(mn_buf_printf(out, "%s%s", i ? ", " : "", fact->arg[i]));
    return mn_buf_puts(out, ")");
}

/* ---- manifests ----------------------------------------------------------------------------- */
/* Texts of people may be anything that is UTF-8 (Jansson has seen to that); names are plain. */
static int name_check(const char *what, const char *name) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const size_t n = strlen(name);
    if (!n || n > NAME_MOST || name[strspn(name, plain)])
        return MN_FAIL(MN_EINVAL, "%s: '%.80s' is no name: 1 to %d letters, digits, '_', '-', '.'",
                       what, name, NAME_MOST);
    return 0;
}

/* A list of texts: the facts of a skill, its codes, its bodies. */
static int read_words(mn_arena *a, const char *skill, const json_t *about, const char *field,
                      const char **out, int *n) {
    const json_t *const list = json_object_get(about, field);
    *n = 0;
    if (!list) return 0;
    if (!json_is_array(list))
        return MN_FAIL(MN_EINVAL, "skill %s: %s: it takes a list of texts", skill, field);
    if (json_array_size(list) > MN_SKILL_CODES)
        return MN_FAIL(MN_EINVAL, "skill %s: %s has %zu entries; at most %d", skill, field,
                       json_array_size(list), MN_SKILL_CODES);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const text = json_string_value(json_array_get(list, i));
        if (!text) return MN_FAIL(MN_EINVAL, "skill %s: %s[%zu]: it takes a text", skill, field, i);
        MN_TRY(name_check(field, text));
        if (strlen(text) >= sizeof((mn_skill_end *)0)->code)
            return MN_FAIL(MN_EINVAL, "skill %s: %s: '%s' has more than %zu letters", skill, field,
                           text, sizeof((mn_skill_end *)0)->code - 1);
        MN_TRY(copy(a, text, strlen(text), &out[(*n)++]));
    }
    return 0;
}

static int read_facts(mn_arena *a, const char *skill, const json_t *about, const char *field,
                      mn_fact *out, int *n) {
    const json_t *const list = json_object_get(about, field);
    *n = 0;
    if (!list) return 0;
    if (!json_is_array(list))
        return MN_FAIL(MN_EINVAL, "skill %s: %s: it takes a list of facts", skill, field);
    if (json_array_size(list) > MN_SKILL_FACTS)
        return MN_FAIL(MN_EINVAL, "skill %s: %s has %zu facts; at most %d", skill, field,
                       json_array_size(list), MN_SKILL_FACTS);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const text = json_string_value(json_array_get(list, i));
        if (!text) return MN_FAIL(MN_EINVAL, "skill %s: %s[%zu]: it takes a text", skill, field, i);
        char why[512];
        const int rc = mn_fact_read(a, text, &out[*n]);
        if (rc < 0) {
            snprintf(why, sizeof why, "%s", mn_error_detail());
            return MN_FAIL(rc, "skill %s: %s[%zu]: %s", skill, field, i, why);
        }
        (*n)++;
    }
    return 0;
}

static int read_seconds(const char *skill, const json_t *about, const char *field, double none,
                        double *out) {
    const json_t *const value = json_object_get(about, field);
    *out = value ? json_number_value(value) : none;
    if (value && (!json_is_number(value) || !(*out >= 0 && *out <= SECONDS_MOST)))
        return MN_FAIL(MN_EINVAL, "skill %s: %s: it takes seconds from 0 to %.0f", skill, field,
                       SECONDS_MOST);
    return 0;
}

static int read_params(mn_arena *a, mn_skill *s) {
    const json_t *const properties = json_object_get(s->schema, "properties");
    const char *key;
    json_t *value;
    if (!json_is_object(s->schema))
        return MN_FAIL(MN_EINVAL, "skill %s: inputSchema: it takes a JSON schema of an object",
                       s->name);
    if (!properties) return 0;
    if (!json_is_object(properties))
        return MN_FAIL(MN_EINVAL, "skill %s: inputSchema.properties: it takes an object", s->name);
    json_object_foreach((json_t *)(uintptr_t)properties, key, value) {
        if (s->n_params == MN_SKILL_PARAMS)
            return MN_FAIL(MN_EINVAL, "skill %s: it has %zu parameters; at most %d", s->name,
                           json_object_size(properties), MN_SKILL_PARAMS);
        MN_TRY(name_check("inputSchema.properties", key));
        if (!strcmp(key, "robot"))
            return MN_FAIL(MN_EINVAL,
                           "skill %s: no parameter is called 'robot': that is who does it",
                           s->name);
        MN_TRY(copy(a, key, strlen(key), &s->param[s->n_params++]));
    }
    return 0;
}

static int read_about(mn_arena *a, mn_skill *s) {
    const json_t *const meta = json_object_get(s->json, "_meta");
    const json_t *const about = json_object_get(meta, "omnesia/skill");
    if (about && !json_is_object(about))
        return MN_FAIL(MN_EINVAL, "skill %s: _meta.omnesia/skill: it takes an object", s->name);
    MN_TRY(read_facts(a, s->name, about, "needs", s->needs, &s->n_needs));
    MN_TRY(read_facts(a, s->name, about, "makes", s->makes, &s->n_makes));
    MN_TRY(read_seconds(s->name, about, "seconds", 5, &s->seconds));
    MN_TRY(read_seconds(s->name, about, "limit", s->seconds > 12 ? 5 * s->seconds : 60, &s->limit));
    if (s->limit > SECONDS_MOST) s->limit = SECONDS_MOST;
    if (s->limit <= 0 || s->limit < s->seconds)
        return MN_FAIL(MN_EINVAL, "skill %s: limit: %g s is less than the %g s it takes", s->name,
                       s->limit, s->seconds);
    MN_TRY(read_words(a, s->name, about, "errors", s->code, &s->n_codes));
    MN_TRY(read_words(a, s->name, about, "bodies", s->body, &s->n_bodies));
    const json_t *const verify = json_object_get(about, "verify");
    if (verify && !json_is_boolean(verify))
        return MN_FAIL(MN_EINVAL, "skill %s: verify: it takes true or false", s->name);
    s->verify = json_is_true(verify);
    return 0;
}

/* s->json is a copy that is the skill's own. */
static int read_manifest(mn_arena *a, mn_skill *s) {
    const char *const name = json_string_value(json_object_get(s->json, "name"));
    const json_t *const about = json_object_get(s->json, "description");
    if (!name) return MN_FAIL(MN_EINVAL, "a manifest of a skill has no name");
    MN_TRY(name_check("name", name));
    s->name = name;
    if (about && !json_is_string(about))
        return MN_FAIL(MN_EINVAL, "skill %s: description: it takes a text", name);
    s->about = about ? json_string_value(about) : "";
    s->schema = json_object_get(s->json, "inputSchema");
    MN_TRY(read_params(a, s));
    return read_about(a, s);
}

int mn_skills_add(mn_skills *all, const json_t *manifest) {
    mn_skill made = {.n_needs = 0};
    if (!json_is_object(manifest))
        return MN_FAIL(MN_EINVAL, "a manifest of a skill is an object, with a name");
    if (!all->arena.limit) {
        all->arena.limit = MEMORY;
        all->arena.what = "the skills";
    }
    made.json = json_deep_copy(manifest);
    if (!made.json) return MN_FAIL(MN_ENOMEM, "no memory for a manifest of a skill");
    int rc = read_manifest(&all->arena, &made);
    for (int i = 0; rc >= 0 && i < all->n; i++)
        if (!strcmp(all->skill[i].name, made.name)) {
            json_decref(all->skill[i].json);
            all->skill[i] = made;
            return 0;
        }
    if (rc >= 0 && all->n == MN_SKILLS)
        rc = MN_FAIL(MN_EFULL, "skill %s: there are %d skills already; that is all there may be",
                     made.name, MN_SKILLS);
    const size_t n = (size_t)all->n;
    if (rc >= 0 && !(n & (n - 1))) /* there is room for so many as the next power of two */
        rc = mn_arena_grow(&all->arena, all->skill, n * sizeof made, (n ? 2 * n : 1) * sizeof made,
                           &all->skill);
    if (rc < 0) {
        json_decref(made.json);
        return rc;
    }
    all->skill[all->n++] = made;
    return 0;
}

int mn_skills_add_known(mn_skills *all, const char *name) {
    for (int i = 0; mn_skill_known[i]; i++) {
        json_t *const manifest = json_loads(mn_skill_known[i], 0, NULL);
        if (!manifest) return MN_FAIL(MN_ENOMEM, "no memory for the manifests of our skills");
        const char *const its = json_string_value(json_object_get(manifest, "name"));
        const int wanted = !name || !strcmp(its, name);
        const int rc = wanted ? mn_skills_add(all, manifest) : 0;
        json_decref(manifest);
        if (rc < 0 || (name && wanted)) return rc;
    }
    return name ? MN_FAIL(MN_ENOENT,
                          "'%s' is no skill of ours: navigate, grasp, place, hand_over, open, "
                          "close, inspect, wait, say",
                          name)
                : 0;
}

const mn_skill *mn_skills_find(const mn_skills *s, const char *name) {
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->skill[i].name, name)) return &s->skill[i];
    return NULL;
}

int mn_skill_fits(const mn_skill *s, const char *body) {
    for (int i = 0; i < s->n_bodies; i++)
        if (!strcmp(s->body[i], body)) return 1;
    return !s->n_bodies;
}

void mn_skills_free(mn_skills *s) {
    for (int i = 0; i < s->n; i++) json_decref(s->skill[i].json);
    mn_arena_free(&s->arena);
    *s = (mn_skills){.n = 0};
}

/* ---- what it is called with ---------------------------------------------------------------- */
static int type_fits(const char *type, const json_t *value) {
    return (!strcmp(type, "string") && json_is_string(value)) ||
           (!strcmp(type, "number") && json_is_number(value)) ||
           (!strcmp(type, "integer") && json_is_integer(value)) ||
           (!strcmp(type, "boolean") && json_is_boolean(value)) ||
           (!strcmp(type, "object") && json_is_object(value)) ||
           (!strcmp(type, "array") && json_is_array(value)) ||
           (!strcmp(type, "null") && json_is_null(value));
}

static int argument_check(const mn_skill *s, const char *name, const json_t *value,
                          const json_t *schema) {
    const json_t *const type = json_object_get(schema, "type");
    const json_t *const words = json_object_get(schema, "enum");
    const json_t *const low = json_object_get(schema, "minimum");
    const json_t *const high = json_object_get(schema, "maximum");
    if (json_is_string(type) && !type_fits(json_string_value(type), value))
        return MN_FAIL(MN_EINVAL, "%s: %s: it takes a value of type %s", s->name, name,
                       json_string_value(type));
    int known = !json_is_array(words);
    for (size_t i = 0; !known && i < json_array_size(words); i++)
        known = json_equal(json_array_get(words, i), value);
    if (!known) return MN_FAIL(MN_EINVAL, "%s: %s: that is none of its values", s->name, name);
    if (!json_is_number(value)) return 0;
    if ((json_is_number(low) && json_number_value(value) < json_number_value(low)) ||
        (json_is_number(high) && json_number_value(value) > json_number_value(high)))
        return MN_FAIL(MN_EINVAL, "%s: %s: %g is out of range", s->name, name,
                       json_number_value(value));
    return 0;
}

int mn_skill_args_check(const mn_skill *s, const json_t *args) {
    const json_t *const properties = json_object_get(s->schema, "properties");
    const json_t *const required = json_object_get(s->schema, "required");
    const json_t *const more = json_object_get(s->schema, "additionalProperties");
    const char *key;
    json_t *value;
    if (args && !json_is_object(args))
        return MN_FAIL(MN_EINVAL, "%s: its arguments are an object", s->name);
    json_object_foreach((json_t *)(uintptr_t)args, key, value) {
        const json_t *const schema = json_object_get(properties, key);
        if (!schema && !json_is_true(more) && !json_is_object(more))
            return MN_FAIL(MN_EINVAL, "%s: it has no parameter '%.80s'", s->name, key);
        MN_TRY(argument_check(s, key, value, schema));
    }
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *const name = json_string_value(json_array_get(required, i));
        if (name && !json_object_get(args, name))
            return MN_FAIL(MN_EINVAL, "%s: %s is missing", s->name, name);
    }
    return 0;
}

/* ---- how it ends --------------------------------------------------------------------------- */
void mn_skill_end_free(mn_skill_end *e) {
    mn_buf_free(&e->text);
    json_decref(e->result);
    *e = (mn_skill_end){.ok = 0};
}

int mn_skill_end_set(mn_skill_end *e, const char *code, const char *format, ...) {
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    mn_skill_end_free(e);
    e->ok = !*code;
    snprintf(e->code, sizeof e->code, "%s", code);
    return mn_buf_show(&e->text, text, strlen(text), "\n"); /* cut, or from who knows where */
}
