/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_schema_string.c - strings of a schema: any, of so many characters, of a pattern,
 * of a format.
 *
 * A character is one code point: as it stands, or escaped (\n, \u00e9; a pair of surrogates for
 * those beyond U+FFFF; never U+0000, which many readers refuse). In patterns and formats each
 * character is written in one way only: as it stands where JSON allows that.
 *
 * Formats are patterns; where a format allows more than its pattern, the pattern is a part of it.
 */
#include "engine/grammar_schema.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

#define YEAR4 "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
#define DATE                                                        \
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|" \
    "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|" YEAR4 "-02-29)"
#define TIME   "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
#define ZONE   "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
#define OCTET  "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define LABEL  "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?"
#define HEX4   "[0-9a-f]{1,4}"
#define BASE64 "[A-Za-z0-9+/]"

static const struct {
    const char *name, *pattern;
} formats[] = {
    {"date", "^" DATE "$"},
    {"time", "^" TIME ZONE "$"},
    {"date-time", "^" DATE "T" TIME ZONE "$"},
    {"duration", "^P(?:[0-9]{1,4}W|[0-9]{1,4}D|[0-9]{1,4}Y|T[0-9]{1,4}[HMS]|"
                 "[0-9]{1,4}DT[0-9]{1,2}H(?:[0-9]{1,2}M)?)$"},
    {"uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
    {"email",
     "^[A-Za-z0-9_]+(?:[.+-][A-Za-z0-9_]+){0,4}@" LABEL "(?:\\." LABEL "){0,3}\\.[a-z]{2,12}$"},
    {"hostname", "^" LABEL "(?:\\." LABEL "){0,4}$"},
    {"ipv4", "^" OCTET "(?:\\." OCTET "){3}$"},
    {"ipv6", "^" HEX4 "(?::" HEX4 "){7}$"},
    {"uri", "^(?:https?|ftp)://" LABEL "(?:\\." LABEL "){0,4}(?::[1-9][0-9]{0,3})?"
            "(?:/[A-Za-z0-9._~-]*){0,12}(?:\\?[A-Za-z0-9._~=&+-]*)?(?:#[A-Za-z0-9._~-]*)?$"},
    {"byte", "^(?:" BASE64 "{4})*(?:" BASE64 "{2}==|" BASE64 "{3}=)?$"},
};

/* ---- characters ----------------------------------------------------------------------------- */
static mn_frag hex(mn_nfa *nfa, const char *digits) { /* one of these, each a range of two */
    mn_frag any = {0};
    for (; *digits; digits += 2) {
        const mn_frag one = mn_nfa_byte(nfa, (uint8_t)digits[0], (uint8_t)digits[1]);
        any = any.from ? mn_nfa_or(nfa, any, one) : one;
    }
    return any;
}

/* "\u" and four digits, each a set as above. */
static mn_frag escape(mn_nfa *nfa, const char *const set[4]) {
    mn_frag all = mn_nfa_word(nfa, "\\u");
    for (int i = 0; i < 4; i++) all = mn_nfa_then(nfa, all, hex(nfa, set[i]));
    return all;
}

uint32_t mn_schema_char(mn_schema *c) {
    mn_nfa *nfa = c->nfa;
    if (c->text_char) return c->text_char;
    c->text_char = mn_nfa_declare(nfa, "a character");
    static const mn_points plain[] = {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, MN_POINT_LAST}};
    static const char any[] = "09afAF", one[] = "19afAF";
    static const char *const code[][4] = {/* all but surrogates and 0000 */
                                          {"19acefACEF", any, any, any},
                                          {"00", one, any, any},
                                          {"00", "00", one, any},
                                          {"00", "00", "00", one},
                                          {"ddDD", "07", any, any}};
    static const char *const high[4] = {"ddDD", "89abAB", any, any};
    static const char *const low[4] = {"ddDD", "cfCF", any, any};
    mn_frag all = mn_nfa_point(nfa, plain, 3);
    const mn_frag sign = hex(nfa, "\"\"\\\\//bbffnnrrtt");
    all = mn_nfa_or(nfa, all, mn_nfa_then(nfa, mn_nfa_word(nfa, "\\"), sign));
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        all = mn_nfa_or(nfa, all, escape(nfa, code[i]));
    const mn_frag pair = escape(nfa, high);
    all = mn_nfa_or(nfa, all, mn_nfa_then(nfa, pair, escape(nfa, low)));
    mn_nfa_define(nfa, c->text_char, all);
    return c->text_char;
}

uint32_t mn_schema_points(mn_schema *c, const mn_points *set, size_t n) {
    mn_nfa *nfa = c->nfa;
    const uint32_t rule = mn_nfa_declare(nfa, "a character of a pattern");
    mn_frag all = {0};
    for (size_t i = 0; i < n && nfa->rc >= 0; i++) {
        for (uint32_t p = set[i].lo; p <= set[i].hi && p <= '\\'; p++) {
            if (p >= 0x20 && p != '"' && p != '\\') continue;
            static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
            const char *at = p ? strchr(from, (int)p) : NULL;
            char text[8];
            if (!p) continue;
            if (at)
                snprintf(text, sizeof text, "\\%c", to[at - from]);
            else
                snprintf(text, sizeof text, "\\u%04x", p);
            const mn_frag one = mn_nfa_word(nfa, text);
            all = all.from ? mn_nfa_or(nfa, all, one) : one;
        }
        const mn_points part[] = {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, MN_POINT_LAST}};
        for (int k = 0; k < 3; k++) {
            const mn_points both = {set[i].lo > part[k].lo ? set[i].lo : part[k].lo,
                                    set[i].hi < part[k].hi ? set[i].hi : part[k].hi};
            if (both.lo > both.hi) continue;
            const mn_frag one = mn_nfa_point(nfa, &both, 1);
            all = all.from ? mn_nfa_or(nfa, all, one) : one;
        }
    }
    mn_nfa_define(nfa, rule, all.from ? all : mn_nfa_point(nfa, NULL, 0));
    return rule;
}

/* ---- strings -------------------------------------------------------------------------------- */
static int format_pattern(mn_schema *c, json_t *s, const char **pattern) {
    const char *name = json_string_value(json_object_get(s, "format"));
    char known[200];
    size_t n = 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (name && strcmp(name, formats[i].name) == 0) return *pattern = formats[i].pattern, 0;
        n += (size_t)snprintf(known + n, sizeof known - n, i ? ", %s" : "%s", formats[i].name);
    }
    return mn_schema_refuse(c, MN_EUNSUPPORTED, "format", "'%.60s' is not supported; these are: %s",
                            name ? name : "?", known);
}

int mn_schema_string(mn_schema *c, json_t *s, mn_frag *out) {
    uint32_t min, max;
    json_t *pattern = json_object_get(s, "pattern");
    const char *text = json_string_value(pattern), *key = "pattern";
    mn_frag in;
    MN_TRY(mn_schema_count(c, s, "minLength", 0, &min));
    MN_TRY(mn_schema_count(c, s, "maxLength", MN_ENDLESS, &max));
    if (min > max)
        return mn_schema_never(c, out, "minLength", "%u is more than maxLength %u", min, max);
    if (pattern && !text) return mn_schema_refuse(c, MN_EINVAL, key, "this is no string");
    if (json_object_get(s, "format")) {
        if (pattern)
            return mn_schema_refuse(c, MN_EUNSUPPORTED, key, "not supported beside format");
        MN_TRY(format_pattern(c, s, &text));
        key = "format";
    }
    if (text) {
        MN_TRY(mn_schema_pattern(c, key, text, min, max, &in));
    } else {
        if (min > MN_GRAMMAR_MANY)
            return mn_schema_refuse(c, MN_ETOOLONG, "minLength", "more than %d are not supported",
                                    MN_GRAMMAR_MANY);
        if (max > MN_GRAMMAR_MANY) max = MN_ENDLESS;
        in = mn_nfa_many(c->nfa, mn_nfa_call(c->nfa, mn_schema_char(c)), min, max);
    }
    in = mn_nfa_then(c->nfa, mn_nfa_word(c->nfa, "\""), in);
    *out = mn_nfa_then(c->nfa, in, mn_nfa_word(c->nfa, "\""));
    return c->nfa->rc;
}
