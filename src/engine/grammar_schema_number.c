/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_schema_number.c - integers and numbers, within bounds.
 *
 * Without bounds: integers of up to 18 digits (every reader has 64 bits for them), numbers with up
 * to 16 digits before and behind the point and an exponent of up to two. With bounds: plain
 * decimals, compared with the bounds digit by digit. For each number of digits before the point
 * there is a strip of nodes (position, equal to the lower bound so far?, to the upper?); where
 * neither is, all that follows is free and shared. A number may end where it is not below (not
 * equal to, when that is excluded) its bounds. "-0" is not written.
 */
#include "engine/grammar_schema.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 19, PART = 15, DIGITS = WHOLE + PART };

/* A size: `whole` digits before the point (no leading zeros), PART behind it. */
typedef struct decimal {
    char digit[DIGITS + 1];
    int whole;
    int excluded; /* it is not itself in the range */
} decimal;

typedef struct strip {
    mn_schema *c;
    const decimal *lo, *hi;
    int whole;    /* digits before the point */
    int part;     /* at most so many behind it */
    uint32_t end; /* where a number that may end here leads */
    uint32_t node[DIGITS + 1][2][2];
} strip;

/* ---- bounds --------------------------------------------------------------------------------- */
/* |value| of a JSON number as digits; 1 when it is negative, -1: too large, -2: too fine. */
static int decimal_of(const json_t *v, decimal *out) {
    char text[400];
    if (json_is_integer(v)) {
        snprintf(text, sizeof text, "%lld.", (long long)json_integer_value(v));
    } else {
        int digits = 1;
        const double x = json_real_value(v);
        if (!(fabs(x) < 1e18)) return -1;
        do snprintf(text, sizeof text, "%.*e", digits - 1, x);
        while (strtod(text, NULL) != x && ++digits <= 17);
        const int shift = atoi(strchr(text, 'e') + 1), behind = digits - 1 - shift;
        if (behind > PART) return -2;
        snprintf(text, sizeof text, behind > 0 ? "%.*f" : "%.*f.", behind > 0 ? behind : 0, x);
    }
    const int minus = text[0] == '-';
    const char *p = text + minus, *dot = strchr(p, '.');
    out->whole = (int)(dot - p);
    if (out->whole > WHOLE) return -1;
    memset(out->digit, '0', DIGITS);
    memcpy(out->digit, p, (size_t)out->whole);
    memcpy(out->digit + out->whole, dot + 1, strlen(dot + 1));
    return minus;
}

static void endless(decimal *out, int whole, int part) {
    memset(out->digit, '0', DIGITS);
    memset(out->digit, '9', (size_t)(whole + part));
    out->whole = whole;
    out->excluded = 0;
}

/* Digits of `x` from `at` on are all zeroes. */
static int zeroes(const decimal *x, int at) {
    return strspn(x->digit + at, "0") >= (size_t)(x->whole + PART - at);
}

/* ---- strips --------------------------------------------------------------------------------- */
static uint32_t either(strip *s, uint32_t a, uint32_t b) {
    if (!a || !b) return a ? a : b;
    return mn_nfa_add(s->c->nfa, (mn_node){.kind = MN_NODE_SPLIT, .a = a, .b = b});
}

static uint32_t digit(strip *s, int lo, int hi, uint32_t to) {
    if (lo > hi || !to) return 0;
    const mn_node node = {
        .kind = MN_NODE_BYTE, .lo = (uint8_t)('0' + lo), .hi = (uint8_t)('0' + hi), .a = to};
    return mn_nfa_add(s->c->nfa, node);
}

static int may_end(const strip *s, int at, int on_lo, int on_hi) {
    if (on_lo && (!zeroes(s->lo, at) || s->lo->excluded)) return 0;
    return !(on_hi && zeroes(s->hi, at) && s->hi->excluded);
}

static uint32_t strip_node(strip *s, int at, int on_lo, int on_hi);

/* One more digit: on the bounds, or between them and free of them. */
static uint32_t digits_from(strip *s, int at, int on_lo, int on_hi) {
    const int low = on_lo ? s->lo->digit[at] - '0' : at == 0 && s->whole > 1;
    const int high = on_hi ? s->hi->digit[at] - '0' : 9;
    uint32_t ways = 0;
    if (on_lo && on_hi && low > high) return 0;
    if (on_lo && on_hi && low == high) return digit(s, low, low, strip_node(s, at + 1, 1, 1));
    if (on_lo) ways = digit(s, low, low, strip_node(s, at + 1, 1, 0));
    if (low + on_lo <= high - on_hi)
        ways = either(s, ways, digit(s, low + on_lo, high - on_hi, strip_node(s, at + 1, 0, 0)));
    if (on_hi && low <= high)
        ways = either(s, ways, digit(s, high, high, strip_node(s, at + 1, 0, 1)));
    return ways;
}

/* What may follow the first `at` digits; 0: nothing can. Built once each. */
static uint32_t strip_node(strip *s, int at, int on_lo, int on_hi) {
    uint32_t *slot = &s->node[at][on_lo][on_hi], ways = 0;
    if (*slot) return *slot == UINT32_MAX ? 0 : *slot;
    if (at < s->whole) {
        ways = digits_from(s, at, on_lo, on_hi);
    } else {
        if (may_end(s, at, on_lo, on_hi)) ways = s->end;
        uint32_t more = at < s->whole + s->part ? digits_from(s, at, on_lo, on_hi) : 0;
        if (at == s->whole && more) {
            const mn_node dot = {.kind = MN_NODE_BYTE, .lo = '.', .hi = '.', .a = more};
            more = mn_nfa_add(s->c->nfa, dot);
        }
        ways = either(s, ways, more);
    }
    *slot = ways ? ways : UINT32_MAX;
    return ways;
}

/* Sizes from lo to hi. */
static mn_frag sizes(mn_schema *c, const decimal *lo, const decimal *hi, int part) {
    const uint32_t end = mn_nfa_nothing(c->nfa).from;
    uint32_t ways = 0;
    for (int whole = lo->whole; whole <= hi->whole && c->nfa->rc >= 0; whole++) {
        strip s = {.c = c, .lo = lo, .hi = hi, .whole = whole, .part = part, .end = end};
        ways = either(&s, ways, strip_node(&s, 0, whole == lo->whole, whole == hi->whole));
    }
    if (!ways) ways = mn_nfa_point(c->nfa, NULL, 0).from;
    return (mn_frag){ways, end};
}

/* ---- numbers -------------------------------------------------------------------------------- */
static mn_frag digits(mn_schema *c, uint32_t min, uint32_t max) {
    return mn_nfa_many(c->nfa, mn_nfa_byte(c->nfa, '0', '9'), min, max);
}

static mn_frag free_number(mn_schema *c, int integer) {
    mn_nfa *nfa = c->nfa;
    mn_frag x = mn_nfa_then(nfa, mn_nfa_byte(nfa, '1', '9'), digits(c, 0, integer ? 17 : 15));
    if (integer) {
        x = mn_nfa_then(nfa, mn_nfa_many(nfa, mn_nfa_word(nfa, "-"), 0, 1), x);
        return mn_nfa_or(nfa, x, mn_nfa_word(nfa, "0"));
    }
    x = mn_nfa_or(nfa, x, mn_nfa_word(nfa, "0"));
    x = mn_nfa_then(nfa, mn_nfa_many(nfa, mn_nfa_word(nfa, "-"), 0, 1), x);
    const mn_frag part = mn_nfa_then(nfa, mn_nfa_word(nfa, "."), digits(c, 1, 16));
    x = mn_nfa_then(nfa, x, mn_nfa_many(nfa, part, 0, 1));
    mn_frag e = mn_nfa_or(nfa, mn_nfa_word(nfa, "e"), mn_nfa_word(nfa, "E"));
    const mn_frag sign = mn_nfa_or(nfa, mn_nfa_word(nfa, "+"), mn_nfa_word(nfa, "-"));
    e = mn_nfa_then(nfa, e, mn_nfa_many(nfa, sign, 0, 1));
    e = mn_nfa_then(nfa, e, digits(c, 1, 2));
    return mn_nfa_then(nfa, x, mn_nfa_many(nfa, e, 0, 1));
}

typedef struct bound {
    json_t *v;
    decimal size;
    int minus, given;
} bound;

/* The bound of one side: the narrower of two forms, or draft 4's flag. */
static int read_bound(mn_schema *c, json_t *s, int upper, bound *out) {
    const char *key = upper ? "maximum" : "minimum";
    const char *strict = upper ? "exclusiveMaximum" : "exclusiveMinimum";
    json_t *a = json_object_get(s, key), *b = json_object_get(s, strict);
    *out = (bound){0};
    if ((a && !json_is_number(a)) || (b && !json_is_number(b) && !json_is_boolean(b)))
        return mn_schema_refuse(c, MN_EINVAL, a && !json_is_number(a) ? key : strict,
                                "this is no number");
    if (json_is_boolean(b)) {
        out->v = a;
        out->size.excluded = a && json_is_true(b);
    } else {
        const double x = json_number_value(a), y = json_number_value(b);
        const int by_b = b && (!a || (upper ? y <= x : y >= x));
        out->v = by_b ? b : a;
        out->size.excluded = by_b;
    }
    if (!out->v) return 0;
    const int rc = decimal_of(out->v, &out->size);
    if (rc < 0)
        return mn_schema_refuse(c, MN_EUNSUPPORTED, out->size.excluded ? strict : key,
                                rc == -1 ? "a bound of more than 18 digits is not supported"
                                         : "a bound of more than %d decimals is not supported",
                                PART);
    out->minus = rc;
    return out->given = 1, 0;
}

/* Lower bounds of integers go up to the next, upper ones down: no part remains. */
static void to_integer(bound *b, int upper) {
    decimal *x = &b->size;
    const int whole = zeroes(x, x->whole), outward = b->minus == upper;
    const int step = whole ? x->excluded : outward;
    memset(x->digit + x->whole, '0', PART);
    if (whole && !outward && x->excluded && !zeroes(x, 0)) { /* towards zero: one less */
        int i = x->whole - 1;
        while (x->digit[i] == '0') x->digit[i--] = '9';
        x->digit[i]--;
        if (x->whole > 1 && x->digit[0] == '0') {
            memmove(x->digit, x->digit + 1, DIGITS - 1);
            x->whole--;
        }
    } else if (step) { /* away from zero: one more */
        int i = x->whole - 1;
        if (zeroes(x, 0)) b->minus = upper;
        while (i >= 0 && x->digit[i] == '9') x->digit[i--] = '0';
        if (i < 0) {
            memmove(x->digit + 1, x->digit, DIGITS - 1);
            x->digit[0] = '1';
            x->whole++;
        } else {
            x->digit[i]++;
        }
    }
    x->excluded = 0;
}

/* How many decimals may be written. Beyond 15 digits in all a number could be rounded to the bound
 * that it must not reach. */
static int decimals(const bound *lo, const bound *hi) {
    int whole = 0;
    if (lo->given && lo->size.excluded) whole = lo->size.whole;
    if (hi->given && hi->size.excluded && hi->size.whole > whole) whole = hi->size.whole;
    return whole > PART ? 0 : PART - whole;
}

static int within(mn_schema *c, bound *lo, bound *hi, int integer, mn_frag *out) {
    mn_nfa *nfa = c->nfa;
    decimal zero = {.whole = 1};
    const int most = integer ? 18 : 15, part = integer ? 0 : decimals(lo, hi);
    memset(zero.digit, '0', DIGITS);
    if (!lo->given) endless(&lo->size, most, part), lo->minus = 1;
    if (!hi->given) endless(&hi->size, most, part), hi->minus = 0;
    if (lo->minus && zeroes(&lo->size, 0)) lo->minus = 0;
    if (hi->minus && zeroes(&hi->size, 0)) hi->minus = 0;
    *out = (mn_frag){0};
    if (!lo->minus && hi->minus) return *out = mn_nfa_point(nfa, NULL, 0), nfa->rc;
    if (lo->minus) { /* sizes from that of hi, or above zero, to that of lo */
        decimal from = hi->minus ? hi->size : zero;
        if (!hi->minus && integer) from.digit[0] = '1';
        if (!hi->minus) from.excluded = !integer;
        *out = mn_nfa_then(nfa, mn_nfa_word(nfa, "-"), sizes(c, &from, &lo->size, part));
        if (hi->minus) return nfa->rc;
        if (zeroes(&hi->size, 0) && hi->size.excluded) return nfa->rc;
    }
    const mn_frag up = sizes(c, lo->minus ? &zero : &lo->size, &hi->size, part);
    *out = out->from ? mn_nfa_or(nfa, *out, up) : up;
    return nfa->rc;
}

int mn_schema_number(mn_schema *c, json_t *s, int integer, mn_frag *out) {
    bound lo, hi;
    const json_t *step = json_object_get(s, "multipleOf");
    if (step && (!integer || json_number_value(step) != 1))
        return mn_schema_refuse(c, MN_EUNSUPPORTED, "multipleOf",
                                "only 1, of integers, is supported");
    MN_TRY(read_bound(c, s, 0, &lo));
    MN_TRY(read_bound(c, s, 1, &hi));
    if (!lo.given && !hi.given) return *out = free_number(c, integer), c->nfa->rc;
    if (integer && lo.given) to_integer(&lo, 0);
    if (integer && hi.given) to_integer(&hi, 1);
    /* A bound that only one side has, beyond what is written without: that many digits. */
    const int most = integer ? 18 : 15;
    if (lo.given && !lo.minus && lo.size.whole > most && !hi.given) {
        endless(&hi.size, lo.size.whole, integer ? 0 : PART);
        hi.given = 1;
    }
    if (hi.given && hi.minus && hi.size.whole > most && !lo.given) {
        endless(&lo.size, hi.size.whole, integer ? 0 : PART);
        lo.given = lo.minus = 1;
    }
    return within(c, &lo, &hi, integer, out);
}
