/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_builtin.c - tests (`x is defined`) and global functions, one row each.
 */
#include "model/jinja.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

static int yes(mn_jval *out, int is) {
    *out = mn_jbool(is);
    return 0;
}

/* ---- what kind of value --------------------------------------------------------------------- */
#define KIND_TEST(name, condition)                           \
    static int name(mn_jrun *r, mn_jcall *c, mn_jval *out) { \
        const mn_jkind kind = c->self.kind;                  \
        (void)r;                                             \
        (void)kind;                                          \
        return yes(out, condition);                          \
    }
KIND_TEST(defined, kind != MN_JUNDEFINED)
KIND_TEST(undefined, kind == MN_JUNDEFINED)
KIND_TEST(none, kind == MN_JNONE)
KIND_TEST(boolean, kind == MN_JBOOL)
KIND_TEST(integer, kind == MN_JINT)
KIND_TEST(is_float, kind == MN_JFLOAT)
KIND_TEST(number, kind == MN_JINT || kind == MN_JFLOAT || kind == MN_JBOOL)
KIND_TEST(string, kind == MN_JSTR)
KIND_TEST(mapping, kind == MN_JDICT)
KIND_TEST(sequence, kind == MN_JUNDEFINED || (kind >= MN_JSTR && kind <= MN_JDICT))
KIND_TEST(iterable,
          kind == MN_JUNDEFINED || (kind >= MN_JSTR && kind <= MN_JDICT) || kind == MN_JLOOP)
KIND_TEST(callable, kind >= MN_JMACRO || kind == MN_JLOOP)
KIND_TEST(is_true, kind == MN_JBOOL && c->self.i)
KIND_TEST(is_false, kind == MN_JBOOL && !c->self.i)
KIND_TEST(escaped, 0)

/* ---- comparisons ---------------------------------------------------------------------------- */
static int compared(mn_jrun *r, mn_jcall *c, uint16_t op, mn_jval *out) {
    int is;
    MN_TRY(mn_jcompare(r, op, c->self, c->arg[0], &is));
    return yes(out, is);
}
static int equal(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return compared(r, c, MN_JOP('=', '='), out);
}
static int unequal(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return compared(r, c, MN_JOP('!', '='), out);
}
static int less(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return compared(r, c, '<', out);
}
static int at_most(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return compared(r, c, MN_JOP('<', '='), out);
}
static int greater(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return compared(r, c, '>', out);
}
static int at_least(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return compared(r, c, MN_JOP('>', '='), out);
}
static int in(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return compared(r, c, 'i', out);
}

static int same_as(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jval a = c->self, b = c->arg[0];
    int same = a.kind == b.kind;
    if (same && a.kind > MN_JNONE) {
        same = a.kind <= MN_JFLOAT ? a.i == b.i : a.row == b.row;
        if (a.kind == MN_JSTR) same = mn_jstr_same(a.s, b.s);
    }
    (void)r;
    return yes(out, same);
}

/* self % by == rest; floats and negative numbers too */
static int divides(mn_jrun *r, mn_jval self, mn_jval by, int64_t rest, mn_jval *out) {
    mn_jval left;
    int is;
    MN_TRY(mn_jbinary(r, '%', self, by, &left));
    MN_TRY(mn_jequal(r, left, mn_jint(rest), &is));
    return yes(out, is);
}
static int odd(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return divides(r, c->self, mn_jint(2), 1, out);
}
static int even(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return divides(r, c->self, mn_jint(2), 0, out);
}
static int divisible_by(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return divides(r, c->self, c->arg[0], 0, out);
}

/* str.islower and str.isupper: a cased letter, and none of the other case. */
int mn_jall_case(mn_jrun *r, mn_jval self, int upper, int *is) {
    const mn_jstr *s;
    int any = 0;
    MN_TRY(mn_jstr_of(r, self, &s));
    MN_TRY(mn_jtick(r, s->n / 64));
    *is = 0;
    for (size_t i = 0; i < s->n;) {
        int32_t c;
        i += mn_jchar(s, i, &c);
        if (c < 0) continue;
        const utf8proc_category_t k = utf8proc_category(c);
        if (k == UTF8PROC_CATEGORY_LT || k == (upper ? UTF8PROC_CATEGORY_LL : UTF8PROC_CATEGORY_LU))
            return 0;
        any |= k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LU;
    }
    *is = any;
    return 0;
}
static int lower(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    int is;
    MN_TRY(mn_jall_case(r, c->self, 0, &is));
    return yes(out, is);
}
static int upper(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    int is;
    MN_TRY(mn_jall_case(r, c->self, 1, &is));
    return yes(out, is);
}

static int is_filter(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    (void)r;
    return yes(out, c->self.kind == MN_JSTR && mn_jfilter_find(c->self.s) != NULL);
}
static int is_test(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    (void)r;
    return yes(out, c->self.kind == MN_JSTR && mn_jtest_find(c->self.s) != NULL);
}

const mn_jrow mn_jtests[] = {
    {"boolean", "", 0, boolean},
    {"callable", "", 0, callable},
    {"defined", "", 0, defined},
    {"divisibleby", "num", 1, divisible_by},
    {"eq", "other", 1, equal},
    {"equalto", "other", 1, equal},
    {"==", "other", 1, equal},
    {"escaped", "", 0, escaped},
    {"even", "", 0, even},
    {"false", "", 0, is_false},
    {"filter", "", 0, is_filter},
    {"float", "", 0, is_float},
    {"ge", "other", 1, at_least},
    {">=", "other", 1, at_least},
    {"greaterthan", "other", 1, greater},
    {"gt", "other", 1, greater},
    {">", "other", 1, greater},
    {"in", "seq", 1, in},
    {"integer", "", 0, integer},
    {"iterable", "", 0, iterable},
    {"le", "other", 1, at_most},
    {"<=", "other", 1, at_most},
    {"lessthan", "other", 1, less},
    {"lower", "", 0, lower},
    {"lt", "other", 1, less},
    {"<", "other", 1, less},
    {"mapping", "", 0, mapping},
    {"ne", "other", 1, unequal},
    {"!=", "other", 1, unequal},
    {"none", "", 0, none},
    {"number", "", 0, number},
    {"odd", "", 0, odd},
    {"sameas", "other", 1, same_as},
    {"sequence", "", 0, sequence},
    {"string", "", 0, string},
    {"test", "", 0, is_test},
    {"true", "", 0, is_true},
    {"undefined", "", 0, undefined},
    {"upper", "", 0, upper},
    {0},
};

/* ---- global functions ----------------------------------------------------------------------- */
static int raise_exception(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *s;
    (void)out;
    MN_TRY(mn_jstr_of(r, c->arg[0], &s));
    return MN_FAIL(MN_EINVAL, "the chat template refuses this conversation: %.*s",
                   s->n < 600 ? (int)s->n : 600, s->p);
}

static int strftime_now(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    char text[256], format[128];
    struct tm parts;
    const time_t now = r->now ? (time_t)r->now : time(NULL);
    const mn_jstr *s;
    MN_TRY(mn_jstr_of(r, c->arg[0], &s));
    if (s->n >= sizeof format || memchr(s->p, 0, s->n))
        return mn_jfail(r, "a time format of %zu bytes", s->n);
    memcpy(format, s->p, s->n);
    format[s->n] = 0;
    if (!localtime_r(&now, &parts)) return mn_jfail(r, "the time cannot be told");
    const size_t n = strftime(text, sizeof text, format, &parts);
    MN_TRY(mn_jstr_new(&r->arena, text, n, 1, &s));
    *out = mn_jstring(s);
    return 0;
}

static int range(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    int64_t from = 0, to, step;
    const int one = c->arg[1].kind == MN_JMISSING;
    mn_jlist *list;
    MN_TRY(mn_jarg_int(r, c->arg[one ? 0 : 1], 0, &to));
    if (!one) MN_TRY(mn_jarg_int(r, c->arg[0], 0, &from));
    MN_TRY(mn_jarg_int(r, c->arg[2], 1, &step));
    if (!step) return mn_jfail(r, "range with a step of zero");
    MN_TRY(mn_jlist_new(r, &list));
    for (int64_t i = from; step > 0 ? i < to : i > to;) {
        if (list->n == 100000) return mn_jfail(r, "range of more than 100000 numbers");
        MN_TRY(mn_jlist_add(r, list, mn_jint(i)));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    *out = (mn_jval){.kind = MN_JLIST, .list = list};
    return 0;
}

/* dict(mapping or pairs, **names), also what namespace() takes. */
static int new_dict(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jdict *d;
    mn_jlist *items;
    MN_TRY(mn_jdict_new(r, &d));
    if (c->pos->n > 1) return mn_jfail(r, "dict takes one mapping, not %zu", c->pos->n);
    const mn_jval from = c->pos->n ? c->pos->item[0] : (mn_jval){.kind = MN_JDICT, .dict = d};
    if (from.kind != MN_JDICT) {
        MN_TRY(mn_jitems(r, from, &items));
        for (size_t i = 0; i < items->n; i++) {
            mn_jlist *two;
            MN_TRY(mn_jitems(r, items->item[i], &two));
            if (two->n != 2) return mn_jfail(r, "dict wants pairs, not %zu values", two->n);
            MN_TRY(mn_jdict_set(r, d, two->item[0], two->item[1]));
        }
    } else {
        for (size_t i = 0; i < from.dict->n; i++)
            MN_TRY(mn_jdict_set(r, d, from.dict->pair[i].key, from.dict->pair[i].value));
    }
    for (size_t i = 0; i < c->named->n; i++)
        MN_TRY(mn_jdict_set(r, d, c->named->pair[i].key, c->named->pair[i].value));
    *out = (mn_jval){.kind = MN_JDICT, .dict = d};
    return 0;
}

static int new_namespace(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    MN_TRY(new_dict(r, c, out));
    out->kind = MN_JSPACE;
    return 0;
}

const mn_jrow mn_jfunctions[] = {
    {"dict", NULL, 0, new_dict},
    {"namespace", NULL, 0, new_namespace},
    {"raise_exception", "message", 1, raise_exception},
    {"range", "start stop step", 1, range},
    {"strftime_now", "format", 1, strftime_now},
    {0},
};
