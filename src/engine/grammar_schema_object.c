/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_schema_object.c - objects and arrays of a schema.
 *
 * An object is written in the order of its properties; those not required may be left out, and so
 * two positions are carried along: nothing was written yet, or something was and a comma comes
 * first. Additional properties follow, where the schema says they may ("additionalProperties" true
 * or a schema, or nothing is said of any property): their names differ from all that are listed,
 * which a tree of those names sees to, and are written without escapes. Names that are required and
 * not listed follow as well.
 *
 * White space: at most one space, or one new line and up to INDENT spaces, where lists break; at
 * most one space behind a colon. So no model can write white space for ever.
 */
#include "engine/grammar_schema.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { INDENT = 16, NAMES = 4096, LETTERS = 128 };

mn_frag mn_schema_space(mn_schema *c) {
    mn_nfa *nfa = c->nfa;
    if (!c->space) {
        c->space = mn_nfa_declare(nfa, "white space");
        const mn_frag dent = mn_nfa_many(nfa, mn_nfa_word(nfa, " "), 0, INDENT);
        const mn_frag line = mn_nfa_then(nfa, mn_nfa_word(nfa, "\n"), dent);
        mn_nfa_define(nfa, c->space,
                      mn_nfa_many(nfa, mn_nfa_or(nfa, mn_nfa_word(nfa, " "), line), 0, 1));
    }
    return mn_nfa_call(nfa, c->space);
}

static mn_frag comma(mn_schema *c) {
    return mn_nfa_then(c->nfa, mn_nfa_word(c->nfa, ","), mn_schema_space(c));
}

static mn_frag colon(mn_schema *c) {
    const mn_frag blank = mn_nfa_many(c->nfa, mn_nfa_word(c->nfa, " "), 0, 1);
    return mn_nfa_then(c->nfa, mn_nfa_word(c->nfa, ":"), blank);
}

/* ---- members -------------------------------------------------------------------------------- */
/* What is open while members are put in order: where to go on when none (or some) were written;
 * jumps without target, 0: cannot be. */
typedef struct open_ends {
    uint32_t none, some;
} open_ends;

static uint32_t split(mn_schema *c, uint32_t a, uint32_t b) {
    return mn_nfa_add(c->nfa, (mn_node){.kind = MN_NODE_SPLIT, .a = a, .b = b});
}

static uint32_t jump(mn_schema *c) {
    return mn_nfa_nothing(c->nfa).from;
}

/* One more member, which may be left out unless it must be there. */
static void add_member(mn_schema *c, open_ends *at, mn_frag member, int must) {
    mn_frag sep = comma(c);
    mn_nfa_link(c->nfa, sep.to, member.from);
    const uint32_t none = must || !at->none ? 0 : jump(c);
    if (at->none) mn_nfa_link(c->nfa, at->none, none ? split(c, member.from, none) : member.from);
    if (at->some) mn_nfa_link(c->nfa, at->some, must ? sep.from : split(c, sep.from, member.to));
    *at = (open_ends){none, member.to};
}

static int member(mn_schema *c, const char *name, json_t *s, mn_frag *out) {
    mn_frag value;
    *out = mn_nfa_then(c->nfa, mn_schema_quoted(c, name), colon(c));
    const size_t place = mn_schema_enter(c, "properties");
    const int rc = mn_schema_frag(c, s, name, -1, &value);
    mn_schema_leave(c, place);
    MN_TRY(rc);
    *out = mn_nfa_then(c->nfa, *out, value);
    return c->nfa->rc;
}

/* ---- names that are not listed -------------------------------------------------------------- */
typedef struct names {
    const char *text[NAMES]; /* sorted */
    size_t n;
} names;

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t letter(const char *p, size_t *n) {
    const unsigned char *b = (const unsigned char *)p;
    const int more = b[0] >= 0xF0 ? 3 : b[0] >= 0xE0 ? 2 : b[0] >= 0xC0;
    uint32_t v = more ? b[0] & (0x3Fu >> more) : b[0];
    for (int i = 1; i <= more; i++) v = v << 6 | (b[i] & 0x3F);
    *n = (size_t)more + 1;
    return v;
}

static int is_plain(uint32_t point) {
    return point >= 0x20 && point != '"' && point != '\\';
}

/* Any letter that needs no escape, except those of except[n], ascending. */
static mn_frag other_letter(mn_schema *c, const uint32_t *except, size_t n) {
    mn_points set[LETTERS + 4] = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
    for (size_t i = 0; i < n; i++) set[i + 3] = (mn_points){except[i], except[i]};
    const size_t count = mn_points_other(set, mn_points_order(set, n + 3));
    return mn_nfa_point(c->nfa, set, count);
}

/* The rest of a name that shares its first `at` bytes with list[0..n), without being one of them;
 * `free` is where a name goes on that no longer can be, `end` where its closing quote leads. */
static int rest_of_name(mn_schema *c, const char **list, size_t n, size_t at, uint32_t free_rest,
                        uint32_t end, mn_frag *out) {
    uint32_t seen[LETTERS];
    size_t n_seen = 0, i = 0, width = 0;
    *out = mn_nfa_nothing(c->nfa);
    uint32_t ways = 0;
    MN_TRY(mn_schema_work(c, n));
    if (at > 200)
        return mn_schema_refuse(c, MN_ETOOLONG, "properties",
                                "a name of more than 200 bytes beside additional ones");
    if (n && !list[0][at]) i = 1; /* the name ends here: it must go on */
    if (!i) {
        const mn_frag quote = mn_nfa_word(c->nfa, "\"");
        mn_nfa_link(c->nfa, quote.to, end);
        ways = quote.from;
    }
    while (i < n) {
        const uint32_t first = letter(list[i] + at, &width);
        size_t to = i + 1, ignored;
        while (to < n && letter(list[to] + at, &ignored) == first) to++;
        if (is_plain(first)) {
            if (n_seen == LETTERS)
                return mn_schema_refuse(c, MN_EUNSUPPORTED, "properties",
                                        "too many different names beside additional ones");
            mn_frag deeper;
            const mn_points one = {first, first};
            const mn_frag read = mn_nfa_point(c->nfa, &one, 1);
            MN_TRY(rest_of_name(c, list + i, to - i, at + width, free_rest, end, &deeper));
            mn_nfa_link(c->nfa, read.to, deeper.from);
            ways = ways ? split(c, ways, read.from) : read.from;
            seen[n_seen++] = first;
        }
        i = to;
    }
    const mn_frag others = other_letter(c, seen, n_seen);
    mn_nfa_link(c->nfa, others.to, free_rest);
    mn_nfa_link(c->nfa, out->from, ways ? split(c, ways, others.from) : others.from);
    return c->nfa->rc;
}

/* A string that is none of the names, quotes included. */
static int other_name(mn_schema *c, names *known, mn_frag *out) {
    const mn_frag quote = mn_nfa_word(c->nfa, "\"");
    if (!known->n) {
        mn_frag any = mn_nfa_many(c->nfa, mn_nfa_call(c->nfa, mn_schema_char(c)), 0, MN_ENDLESS);
        any = mn_nfa_then(c->nfa, quote, any);
        return *out = mn_nfa_then(c->nfa, any, mn_nfa_word(c->nfa, "\"")), c->nfa->rc;
    }
    qsort(known->text, known->n, sizeof *known->text, by_text);
    const mn_frag letters = mn_nfa_many(c->nfa, other_letter(c, NULL, 0), 0, MN_ENDLESS);
    const mn_frag close = mn_nfa_then(c->nfa, letters, mn_nfa_word(c->nfa, "\""));
    mn_frag rest;
    MN_TRY(rest_of_name(c, known->text, known->n, 0, close.from, close.to, &rest));
    mn_nfa_link(c->nfa, quote.to, rest.from);
    *out = (mn_frag){quote.from, close.to};
    return c->nfa->rc;
}

/* ---- objects -------------------------------------------------------------------------------- */
typedef struct object {
    json_t *properties, *required, *more; /* more: the schema of additional ones; NULL: none */
    uint32_t min, max;
    uint32_t listed, musts; /* how many are listed (and can be), and must be there */
    names known;
} object;

static int is_required(const object *o, const char *name) {
    json_t *one;
    size_t i;
    json_array_foreach(o->required, i, one) {
        const char *text = json_string_value(one);
        if (text && strcmp(text, name) == 0) return 1;
    }
    return 0;
}

static int know(mn_schema *c, object *o, const char *name) {
    if (o->known.n == NAMES)
        return mn_schema_refuse(c, MN_ETOOLONG, "properties", "more than %d properties", NAMES);
    o->known.text[o->known.n++] = name;
    return 0;
}

/* Listed properties, in order. */
static int add_listed(mn_schema *c, object *o, open_ends *at) {
    const char *name;
    json_t *s;
    json_object_foreach(o->properties, name, s) {
        const int must = is_required(o, name);
        mn_frag m;
        MN_TRY(know(c, o, name));
        MN_TRY(mn_schema_work(c, 1 + json_array_size(o->required)));
        if (json_is_false(s) && !must) continue;
        if (json_is_false(s))
            mn_schema_never(c, NULL, "required", "'%.60s' must be there and may not", name);
        MN_TRY(member(c, name, s, &m));
        add_member(c, at, m, must);
        o->listed++;
        o->musts += must;
    }
    return 0;
}

/* What is required and not listed. */
static int add_unlisted(mn_schema *c, object *o, open_ends *at) {
    json_t *one;
    size_t i;
    json_array_foreach(o->required, i, one) {
        const char *name = json_string_value(one);
        mn_frag m;
        if (!name) return mn_schema_refuse(c, MN_EINVAL, "required", "a name is no string");
        int twice = json_object_get(o->properties, name) != NULL;
        for (size_t k = 0; k < i && !twice; k++)
            twice = json_equal(json_array_get(o->required, k), one);
        MN_TRY(mn_schema_work(c, 1 + i));
        if (twice) continue;
        if (json_is_false(o->more))
            mn_schema_never(c, NULL, "required", "'%.60s' must be there and is no property", name);
        MN_TRY(know(c, o, name));
        MN_TRY(member(c, name, o->more ? o->more : json_true(), &m));
        add_member(c, at, m, 1);
        o->listed++;
        o->musts++;
    }
    return 0;
}

/* How many additional ones there may be. */
static int room_for_more(mn_schema *c, const object *o, uint32_t *min, uint32_t *max) {
    const int more = o->more && !json_is_false(o->more);
    *min = 0;
    *max = !more ? 0 : o->max == MN_ENDLESS ? MN_ENDLESS : o->max - o->listed;
    if (o->listed > o->max)
        return mn_schema_refuse(c, MN_EUNSUPPORTED, "maxProperties",
                                "%u properties are listed and only %u may be there, which is not "
                                "supported",
                                o->listed, o->max);
    if (o->min <= o->musts) return 0;
    if (o->min == 1 && !o->listed && more) return *min = 1, 0;
    return mn_schema_refuse(c, MN_EUNSUPPORTED, "minProperties",
                            "%u are asked for and %u are required, which is not supported", o->min,
                            o->musts);
}

static int add_more(mn_schema *c, object *o, open_ends *at) {
    uint32_t min, max;
    mn_frag m, value;
    MN_TRY(room_for_more(c, o, &min, &max));
    if (!max) return 0;
    MN_TRY(other_name(c, &o->known, &m));
    m = mn_nfa_then(c->nfa, m, colon(c));
    MN_TRY(mn_schema_frag(c, o->more, "additionalProperties", -1, &value));
    const uint32_t pair = mn_nfa_declare(c->nfa, "an additional property");
    mn_nfa_define(c->nfa, pair, mn_nfa_then(c->nfa, m, value));
    const mn_frag next = mn_nfa_then(c->nfa, comma(c), mn_nfa_call(c->nfa, pair));
    const mn_frag others = mn_nfa_many(c->nfa, next, 0, max == MN_ENDLESS ? max : max - 1);
    add_member(c, at, mn_nfa_then(c->nfa, mn_nfa_call(c->nfa, pair), others), min > 0);
    return c->nfa->rc;
}

static int fill(mn_schema *c, json_t *s, object *o, mn_frag *out) {
    mn_nfa *nfa = c->nfa;
    o->properties = json_object_get(s, "properties");
    o->required = json_object_get(s, "required");
    o->more = json_object_get(s, "additionalProperties");
    if (o->properties && !json_is_object(o->properties))
        return mn_schema_refuse(c, MN_EINVAL, "properties", "this is no object");
    if (o->required && !json_is_array(o->required) && !json_is_boolean(o->required))
        return mn_schema_refuse(c, MN_EINVAL, "required", "this is no list of names");
    if (!o->more && !o->properties && !json_array_size(o->required)) o->more = json_true();
    MN_TRY(mn_schema_count(c, s, "minProperties", 0, &o->min));
    MN_TRY(mn_schema_count(c, s, "maxProperties", MN_ENDLESS, &o->max));
    const mn_frag open = mn_nfa_then(nfa, mn_nfa_word(nfa, "{"), mn_schema_space(c));
    open_ends at = {.none = open.to};
    MN_TRY(add_listed(c, o, &at));
    MN_TRY(add_unlisted(c, o, &at));
    MN_TRY(add_more(c, o, &at));
    const mn_frag shut = mn_nfa_word(nfa, "}"), blank = mn_schema_space(c);
    mn_nfa_link(nfa, blank.to, shut.from);
    if (at.some) mn_nfa_link(nfa, at.some, blank.from);
    if (at.none) mn_nfa_link(nfa, at.none, shut.from);
    *out = (mn_frag){open.from, shut.to};
    return nfa->rc;
}

int mn_schema_object(mn_schema *c, json_t *s, mn_frag *out) {
    object *o = mn_calloc(1, sizeof *o);
    if (!o) return MN_FAIL(MN_ENOMEM, "no memory for a schema");
    const int rc = fill(c, s, o, out);
    mn_free(o);
    return rc;
}

/* ---- arrays --------------------------------------------------------------------------------- */
/* The schemas of the first items, and of all behind them (NULL: there is none behind). */
static int item_schemas(mn_schema *c, json_t *s, json_t **first, json_t **others) {
    *first = json_object_get(s, "prefixItems");
    *others = json_object_get(s, "items");
    if (json_is_array(*others) && !*first) { /* as drafts before 2020 have it */
        *first = *others;
        *others = json_object_get(s, "additionalItems");
    }
    if (*first && !json_is_array(*first))
        return mn_schema_refuse(c, MN_EINVAL, "prefixItems", "this is no list of schemas");
    if (json_is_false(*others))
        *others = NULL;
    else if (!*others && !json_array_size(*first))
        *others = json_true();
    return 0;
}

/* Items min to max of them behind the first: ", item" that often, the first without a comma when
 * nothing stands before it. */
static int add_items(mn_schema *c, json_t *item, uint32_t min, uint32_t max, open_ends *at) {
    mn_frag one;
    uint32_t rule;
    if (!max) return 0;
    MN_TRY(mn_schema_rule(c, item, "items", -1, &rule));
    one = mn_nfa_call(c->nfa, rule);
    const mn_frag next = mn_nfa_then(c->nfa, comma(c), mn_nfa_call(c->nfa, rule));
    const mn_frag others =
        mn_nfa_many(c->nfa, next, min ? min - 1 : 0, max == MN_ENDLESS ? max : max - 1);
    add_member(c, at, mn_nfa_then(c->nfa, one, others), min > 0);
    return c->nfa->rc;
}

int mn_schema_array(mn_schema *c, json_t *s, mn_frag *out) {
    mn_nfa *nfa = c->nfa;
    json_t *first, *others, *one;
    uint32_t min, max, n = 0;
    size_t i;
    MN_TRY(mn_schema_count(c, s, "minItems", 0, &min));
    MN_TRY(mn_schema_count(c, s, "maxItems", MN_ENDLESS, &max));
    MN_TRY(item_schemas(c, s, &first, &others));
    if (min > max)
        return mn_schema_never(c, out, "minItems", "%u is more than maxItems %u", min, max);
    const mn_frag open = mn_nfa_then(nfa, mn_nfa_word(nfa, "["), mn_schema_space(c));
    const mn_frag shut = mn_nfa_word(nfa, "]"), blank = mn_schema_space(c);
    mn_nfa_link(nfa, blank.to, shut.from);
    open_ends at = {.none = open.to};
    json_array_foreach(first, i, one) {
        mn_frag item;
        if (n == max) break;
        MN_TRY(mn_schema_frag(c, one, "prefixItems", (long)i, &item));
        if (n >= min) { /* it may end before this one, and then nothing follows */
            uint32_t *end = n ? &at.some : &at.none;
            const uint32_t on = jump(c);
            mn_nfa_link(nfa, *end, split(c, n ? blank.from : shut.from, on));
            *end = on;
        }
        add_member(c, &at, item, 1);
        n++;
    }
    if (!others && n < min) others = json_object_get(s, "items") ? NULL : json_true();
    if (!others && n < min)
        return mn_schema_never(c, out, "minItems", "%u are asked for, %u are possible", min, n);
    if (others)
        MN_TRY(add_items(c, others, min > n ? min - n : 0, max == MN_ENDLESS ? max : max - n, &at));
    if (at.some) mn_nfa_link(nfa, at.some, blank.from);
    if (at.none) mn_nfa_link(nfa, at.none, shut.from);
    *out = (mn_frag){open.from, shut.to};
    return nfa->rc;
}
