/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_method.c - methods of strings, lists, dicts and loops, one row each, as Python's.
 */
#include "model/jinja.h"

#include <string.h>
#include <utf8proc.h>

static int add_part(mn_jrun *r, mn_jlist *list, const mn_jstr *s, size_t from, size_t to) {
    const mn_jstr *part;
    MN_TRY(mn_jstr_cut(r, s, from, to, &part));
    return mn_jlist_add(r, list, mn_jstring(part));
}

static int as_list(mn_jval *out, mn_jkind kind, mn_jlist *list) {
    *out = (mn_jval){.kind = kind, .list = list};
    return 0;
}

/* ---- case, strip, replace ------------------------------------------------------------------- */
static int cased(mn_jrun *r, mn_jcall *c, mn_jcase how, mn_jval *out) {
    mn_jtext t = {0};
    MN_TRY(mn_jtext_case(r, &t, c->self.s, 0, c->self.s->n, how));
    return mn_jtext_done(r, &t, out);
}
static int upper(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return cased(r, c, MN_JUPPER, out);
}
static int lower(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return cased(r, c, MN_JLOWER, out);
}
static int title(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return cased(r, c, MN_JTITLE, out);
}
static int capitalize(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return cased(r, c, MN_JCAPITAL, out);
}

static int strip_side(mn_jrun *r, mn_jcall *c, int side, mn_jval *out) {
    const mn_jstr *chars;
    MN_TRY(mn_jarg_str(r, c->arg[0], NULL, &chars));
    return mn_jstrip(r, c->self.s, chars, side, out);
}
static int strip(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return strip_side(r, c, 3, out);
}
static int lstrip(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return strip_side(r, c, 1, out);
}
static int rstrip(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return strip_side(r, c, 2, out);
}

/* The argument as a string that must be there. */
static int wanted(const mn_jrun *r, mn_jval v, const mn_jstr **out) {
    *out = v.kind == MN_JSTR ? v.s : NULL;
    if (!*out) return mn_jfail(r, "expected a string, not a %s", mn_jkind_name(v));
    return 0;
}

static int replace(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *old, *new_text;
    int64_t count;
    MN_TRY(wanted(r, c->arg[0], &old));
    MN_TRY(wanted(r, c->arg[1], &new_text));
    MN_TRY(mn_jarg_int(r, c->arg[2], -1, &count));
    return mn_jreplace(r, c->self.s, old, new_text, count, out);
}

/* ---- searching ------------------------------------------------------------------------------ */
static int ends_with(const mn_jstr *s, const mn_jstr *end, int at_start) {
    return end->n <= s->n && memcmp(s->p + (at_start ? 0 : s->n - end->n), end->p, end->n) == 0;
}

/* The argument is a string or a tuple of them. */
static int affix(mn_jrun *r, mn_jcall *c, int at_start, mn_jval *out) {
    const mn_jlist one = {.item = &c->arg[0], .n = 1};
    const mn_jlist *any = c->arg[0].kind == MN_JTUPLE ? c->arg[0].list : &one;
    *out = mn_jbool(0);
    for (size_t i = 0; i < any->n; i++) {
        const mn_jstr *s;
        MN_TRY(wanted(r, any->item[i], &s));
        MN_TRY(mn_jtick(r, 1 + s->n / 64));
        out->i |= ends_with(c->self.s, s, at_start);
    }
    return 0;
}
static int startswith(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return affix(r, c, 1, out);
}
static int endswith(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return affix(r, c, 0, out);
}

static int remove_affix(mn_jrun *r, mn_jcall *c, int at_start, mn_jval *out) {
    const mn_jstr *s, *self = c->self.s, *part;
    MN_TRY(wanted(r, c->arg[0], &s));
    MN_TRY(mn_jtick(r, s->n / 64));
    const size_t n = ends_with(self, s, at_start) ? s->n : 0;
    MN_TRY(mn_jstr_cut(r, self, at_start ? n : 0, at_start ? self->n : self->n - n, &part));
    *out = mn_jstring(part);
    return 0;
}
static int removeprefix(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return remove_affix(r, c, 1, out);
}
static int removesuffix(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return remove_affix(r, c, 0, out);
}

/* Last occurrence of `what` in s[0, to); SIZE_MAX: none. Naive, so each place counts its steps. */
static int find_last(mn_jrun *r, const mn_jstr *s, size_t to, const mn_jstr *what, size_t *out) {
    *out = SIZE_MAX;
    for (size_t at = to >= what->n ? to - what->n + 1 : 0; at-- > 0 && *out == SIZE_MAX;) {
        if (what->n && s->p[at] != *what->p) continue;
        MN_TRY(mn_jtick(r, 1 + what->n / 64));
        if (memcmp(s->p + at, what->p, what->n) == 0) *out = at;
    }
    return mn_jtick(r, to / 64);
}

static int position(mn_jrun *r, const mn_jstr *s, size_t at, mn_jval *out) {
    const mn_jstr *before;
    *out = mn_jint(-1);
    if (at == SIZE_MAX) return 0;
    MN_TRY(mn_jstr_cut(r, s, 0, at, &before));
    out->i = (int64_t)mn_jchars(before);
    return mn_jtick(r, s->n / 64);
}
static int find(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *what;
    MN_TRY(wanted(r, c->arg[0], &what));
    return position(r, c->self.s, mn_jfind(c->self.s, 0, c->self.s->n, what), out);
}
static int rfind(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *what;
    MN_TRY(wanted(r, c->arg[0], &what));
    size_t at;
    MN_TRY(find_last(r, c->self.s, c->self.s->n, what, &at));
    return position(r, c->self.s, at, out);
}

static int count_text(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *what, *s = c->self.s;
    MN_TRY(wanted(r, c->arg[0], &what));
    *out = mn_jint(what->n ? 0 : (int64_t)mn_jchars(s) + 1);
    for (size_t at = 0; what->n && (at = mn_jfind(s, at, s->n, what)) != SIZE_MAX; at += what->n)
        out->i++;
    return mn_jtick(r, s->n / 8);
}

/* ---- splitting ------------------------------------------------------------------------------ */
/* On white space: runs count once, none at the ends. */
static int split_space(mn_jrun *r, const mn_jstr *s, int64_t max, mn_jlist *list) {
    for (size_t i = 0; i < s->n;) {
        int32_t c;
        const size_t from = i;
        i += mn_jchar(s, i, &c);
        if (mn_jspace(c)) continue;
        if (max-- == 0) {
            mn_jval rest;
            const mn_jstr *part;
            MN_TRY(mn_jstr_cut(r, s, from, s->n, &part));
            MN_TRY(mn_jstrip(r, part, NULL, 2, &rest));
            return mn_jlist_add(r, list, rest);
        }
        size_t end = i;
        while (end < s->n) {
            const size_t n = mn_jchar(s, end, &c);
            if (mn_jspace(c)) break;
            end += n;
        }
        MN_TRY(add_part(r, list, s, from, end));
        i = end;
    }
    return 0;
}

static int split(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *sep, *s = c->self.s;
    int64_t max;
    mn_jlist *list;
    MN_TRY(mn_jarg_str(r, c->arg[0], NULL, &sep));
    MN_TRY(mn_jarg_int(r, c->arg[1], -1, &max));
    MN_TRY(mn_jlist_new(r, &list));
    as_list(out, MN_JLIST, list);
    MN_TRY(mn_jtick(r, s->n / 64));
    if (!sep) return split_space(r, s, max, list);
    if (!sep->n) return mn_jfail(r, "split by an empty string");
    size_t at = 0;
    for (size_t hit; max != 0 && (hit = mn_jfind(s, at, s->n, sep)) != SIZE_MAX; max--) {
        MN_TRY(add_part(r, list, s, at, hit));
        at = hit + sep->n;
    }
    return add_part(r, list, s, at, s->n);
}

static int rsplit(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *sep, *s = c->self.s;
    int64_t max;
    MN_TRY(mn_jarg_str(r, c->arg[0], NULL, &sep));
    MN_TRY(mn_jarg_int(r, c->arg[1], -1, &max));
    if (max < 0) return split(r, c, out);
    if (!sep || !sep->n) return mn_jfail(r, "rsplit with a limit wants a separator");
    mn_jlist *back, *list;
    size_t end = s->n;
    MN_TRY(mn_jlist_new(r, &back));
    while (max-- > 0) {
        size_t hit;
        MN_TRY(find_last(r, s, end, sep, &hit));
        if (hit == SIZE_MAX) break;
        MN_TRY(add_part(r, back, s, hit + sep->n, end));
        end = hit;
    }
    MN_TRY(mn_jlist_new(r, &list));
    MN_TRY(add_part(r, list, s, 0, end));
    for (size_t i = back->n; i-- > 0;) MN_TRY(mn_jlist_add(r, list, back->item[i]));
    return as_list(out, MN_JLIST, list);
}

int mn_jlines(mn_jrun *r, const mn_jstr *s, int keep_ends, mn_jlist **out) {
    MN_TRY(mn_jlist_new(r, out));
    MN_TRY(mn_jtick(r, s->n / 64));
    size_t from = 0;
    for (size_t i = 0; i < s->n;) {
        int32_t c;
        const size_t at = i;
        i += mn_jchar(s, i, &c);
        if (!((c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 ||
              c == 0x2029))
            continue;
        if (c == '\r' && i < s->n && s->p[i] == '\n') i++;
        MN_TRY(add_part(r, *out, s, from, keep_ends ? i : at));
        from = i;
    }
    return from < s->n ? add_part(r, *out, s, from, s->n) : 0;
}

static int splitlines(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *list;
    MN_TRY(mn_jlines(r, c->self.s, mn_jtruth(c->arg[0]), &list));
    return as_list(out, MN_JLIST, list);
}

/* (before, separator, after); when it is not there, the text stands on one side. */
static int parted(mn_jrun *r, mn_jcall *c, int last, mn_jval *out) {
    const mn_jstr *sep, *s = c->self.s;
    mn_jlist *list;
    MN_TRY(wanted(r, c->arg[0], &sep));
    if (!sep->n) return mn_jfail(r, "partition by an empty string");
    MN_TRY(mn_jtick(r, s->n / 64));
    size_t at = last ? SIZE_MAX : mn_jfind(s, 0, s->n, sep);
    if (last) MN_TRY(find_last(r, s, s->n, sep, &at));
    const size_t none = last ? 0 : s->n;
    MN_TRY(mn_jlist_new(r, &list));
    MN_TRY(add_part(r, list, s, 0, at == SIZE_MAX ? none : at));
    MN_TRY(add_part(r, list, s, at == SIZE_MAX ? none : at, at == SIZE_MAX ? none : at + sep->n));
    MN_TRY(add_part(r, list, s, at == SIZE_MAX ? none : at + sep->n, s->n));
    return as_list(out, MN_JTUPLE, list);
}
static int partition(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return parted(r, c, 0, out);
}
static int rpartition(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return parted(r, c, 1, out);
}

static int join(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items;
    mn_jtext t = {0};
    MN_TRY(mn_jitems(r, c->arg[0], &items));
    for (size_t i = 0; i < items->n; i++) {
        const mn_jstr *s;
        MN_TRY(wanted(r, items->item[i], &s));
        if (i) MN_TRY(mn_jtext_add(r, &t, c->self.s, 0, c->self.s->n));
        MN_TRY(mn_jtext_add(r, &t, s, 0, s->n));
        MN_TRY(mn_jtick(r, 1));
    }
    return mn_jtext_done(r, &t, out);
}

/* "{} {0} {name} {{": no attributes, indices or widths. */
static int format(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    static const mn_jstr close = {.p = "}", .n = 1};
    const mn_jstr *s = c->self.s;
    mn_jtext t = {0};
    size_t next = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->p[i] != '{' && s->p[i] != '}') {
            MN_TRY(mn_jtext_add(r, &t, s, i, i + 1));
            continue;
        }
        if (i + 1 < s->n && s->p[i + 1] == s->p[i]) {
            MN_TRY(mn_jtext_add(r, &t, s, i, i + 1));
            i++;
            continue;
        }
        const size_t end = mn_jfind(s, i, s->n, &close);
        if (s->p[i] == '}' || end == SIZE_MAX) return mn_jfail(r, "a brace without its pair");
        const mn_jstr *name;
        MN_TRY(mn_jstr_cut(r, s, i + 1, end, &name));
        mn_jval v = {0};
        int found = 0;
        size_t index = 0, digits = 0;
        while (digits < name->n && digits < 6 && name->p[digits] >= '0' && name->p[digits] <= '9')
            index = index * 10 + (size_t)(name->p[digits++] - '0');
        if (digits == name->n) {
            if (!name->n) index = next++;
            found = index < c->pos->n;
            if (found) v = c->pos->item[index];
        } else {
            MN_TRY(mn_jdict_get(r, c->named, mn_jstring(name), &v, &found));
        }
        if (!found)
            return mn_jfail(r, "a format has no value for {%.*s}", name->n < 60 ? (int)name->n : 60,
                            name->p);
        MN_TRY(mn_jtext_value(r, &t, v));
        i = end;
    }
    return mn_jtext_done(r, &t, out);
}

/* ---- character classes ---------------------------------------------------------------------- */
int mn_jword(int32_t c) {
    if (c < 0x80) return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    const utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

static int all(mn_jrun *r, mn_jcall *c, int (*of)(int32_t), mn_jval *out) {
    const mn_jstr *s = c->self.s;
    *out = mn_jbool(s->n > 0);
    for (size_t i = 0; i < s->n && out->i;) {
        int32_t ch;
        i += mn_jchar(s, i, &ch);
        out->i = ch >= 0 && of(ch);
    }
    return mn_jtick(r, s->n / 64);
}
static int digit(int32_t c) {
    return utf8proc_category(c) == UTF8PROC_CATEGORY_ND;
}
static int letter(int32_t c) {
    const utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}
static int letter_or_digit(int32_t c) {
    return letter(c) || digit(c);
}
static int isdigit_method(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return all(r, c, digit, out);
}
static int isalpha_method(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return all(r, c, letter, out);
}
static int isalnum_method(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return all(r, c, letter_or_digit, out);
}
static int isspace_method(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return all(r, c, mn_jspace, out);
}
static int isupper_method(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    int is;
    MN_TRY(mn_jall_case(r, c->self, 1, &is));
    *out = mn_jbool(is);
    return 0;
}
static int islower_method(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    int is;
    MN_TRY(mn_jall_case(r, c->self, 0, &is));
    *out = mn_jbool(is);
    return 0;
}

const mn_jrow mn_jmethods_text[] = {
    {"capitalize", "", 0, capitalize},
    {"count", "sub", 1, count_text},
    {"endswith", "suffix", 1, endswith},
    {"find", "sub", 1, find},
    {"format", NULL, 0, format},
    {"isalnum", "", 0, isalnum_method},
    {"isalpha", "", 0, isalpha_method},
    {"isdigit", "", 0, isdigit_method},
    {"islower", "", 0, islower_method},
    {"isspace", "", 0, isspace_method},
    {"isupper", "", 0, isupper_method},
    {"join", "iterable", 1, join},
    {"lower", "", 0, lower},
    {"lstrip", "chars", 0, lstrip},
    {"partition", "sep", 1, partition},
    {"removeprefix", "prefix", 1, removeprefix},
    {"removesuffix", "suffix", 1, removesuffix},
    {"replace", "old new count", 2, replace},
    {"rfind", "sub", 1, rfind},
    {"rpartition", "sep", 1, rpartition},
    {"rsplit", "sep maxsplit", 0, rsplit},
    {"rstrip", "chars", 0, rstrip},
    {"split", "sep maxsplit", 0, split},
    {"splitlines", "keepends", 0, splitlines},
    {"startswith", "prefix", 1, startswith},
    {"strip", "chars", 0, strip},
    {"title", "", 0, title},
    {"upper", "", 0, upper},
    {0},
};
