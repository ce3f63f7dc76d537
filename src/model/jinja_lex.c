/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_lex.c - template source to tokens.
 *
 * Newlines become \n first, and one at the very end of the source is dropped. White space is then
 * cut as jinja2 does with trim_blocks and lstrip_blocks:
 *   {%- {{- {#-   cut all white space before;  -%} -}} -#} all after
 *   {%+ {#+       keep what lstrip_blocks would cut;  +%} +#} keep what trim_blocks would
 *   {% {#         cut blanks back to the line's start when nothing else stands there
 *   %} #}         cut one newline after
 * Inside brackets the closing marks of a tag are ordinary operators. O(n).
 */
#include "model/jinja.h"

#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

typedef struct lexer {
    mn_arena *arena;
    const char *p; /* source, newlines normalised */
    size_t n, at;
    uint32_t line;
    size_t line_at; /* `line` is the line of p[line_at] */
    mn_jtoken *token;
    size_t n_tokens, cap;
} lexer;

static uint32_t line_of(lexer *l, size_t at) {
    for (; l->line_at < at; l->line_at++) l->line += l->p[l->line_at] == '\n';
    return l->line;
}

static int emit(lexer *l, mn_jtoken_kind kind, size_t at, uint16_t op, mn_jval value) {
    if (l->n_tokens == l->cap) {
        const size_t cap = l->cap ? l->cap * 2 : 64;
        MN_TRY(mn_arena_grow(l->arena, l->token, l->cap * sizeof *l->token, cap * sizeof *l->token,
                             &l->token));
        l->cap = cap;
    }
    l->token[l->n_tokens++] = (mn_jtoken){kind, op, line_of(l, at), value};
    return 0;
}

static int fail_at(lexer *l, size_t at, const char *what) {
    return MN_FAIL(MN_EINVAL, "chat template, line %u: %s", line_of(l, at), what);
}

static int has(const lexer *l, size_t at, const char *text) {
    const size_t n = strlen(text);
    return l->n - at >= n && memcmp(l->p + at, text, n) == 0;
}

/* ---- white space ---------------------------------------------------------------------------- */
static mn_jstr whole(const lexer *l) {
    return (mn_jstr){.p = l->p, .n = l->n};
}

static size_t skip_space(const lexer *l, size_t at) {
    const mn_jstr s = whole(l);
    while (at < l->n) {
        int32_t c;
        const size_t len = mn_jchar(&s, at, &c);
        if (!mn_jspace(c)) break;
        at += len;
    }
    return at;
}

/* The start of the white space that ends at `to`, not before `from`. */
static size_t space_before(const lexer *l, size_t from, size_t to) {
    const mn_jstr s = whole(l);
    while (to > from) {
        int32_t c;
        const size_t at = mn_jchar_back(&s, to);
        mn_jchar(&s, at, &c);
        if (at < from || !mn_jspace(c)) break;
        to = at;
    }
    return to;
}

/* End of the text [from, tag) before a tag whose sign is `sign`. */
static size_t text_end(const lexer *l, size_t from, size_t tag, char sign, int is_print) {
    if (sign == '-') return space_before(l, from, tag);
    if (sign == '+' || is_print) return tag;
    const char *newline = memrchr(l->p + from, '\n', tag - from);
    const size_t start = newline ? (size_t)(newline - l->p) + 1 : from;
    if (!newline && from > 0 && l->p[from - 1] != '\n') return tag;
    return space_before(l, start, tag) == start ? start : tag;
}

/* Where the source goes on after a tag whose mark (%} or #}) begins at `mark`. */
static size_t after_tag(const lexer *l, size_t mark, char sign) {
    const size_t at = mark + 2;
    if (sign == '-') return skip_space(l, at);
    return sign != '+' && at < l->n && l->p[at] == '\n' ? at + 1 : at;
}

static char sign_at(const lexer *l, size_t at) {
    return at < l->n && (l->p[at] == '-' || l->p[at] == '+') ? l->p[at] : 0;
}

/* ---- tokens inside a tag -------------------------------------------------------------------- */
static void put_utf8(char **to, uint32_t c) {
    char *p = *to;
    if (c < 0x80) {
        *p++ = (char)c;
    } else if (c < 0x800) {
        *p++ = (char)(0xc0 | c >> 6);
        *p++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *p++ = (char)(0xe0 | c >> 12);
        *p++ = (char)(0x80 | (c >> 6 & 63));
        *p++ = (char)(0x80 | (c & 63));
    } else {
        *p++ = (char)(0xf0 | c >> 18);
        *p++ = (char)(0x80 | (c >> 12 & 63));
        *p++ = (char)(0x80 | (c >> 6 & 63));
        *p++ = (char)(0x80 | (c & 63));
    }
    *to = p;
}

/* Up to `max` digits of `base` at p[*at..end) as a number; *at moves behind them. */
static uint32_t digits(const char *p, size_t *at, size_t end, int max, int base) {
    uint32_t c = 0;
    for (int i = 0; i < max && *at < end; i++, ++*at) {
        const int ch = (unsigned char)p[*at];
        const int d = isdigit(ch) ? ch - '0' : isxdigit(ch) ? tolower(ch) - 'a' + 10 : 99;
        if (d >= base) break;
        c = c * (uint32_t)base + (uint32_t)d;
    }
    return c;
}

/* One backslash sequence as Python reads it; *at stands behind the backslash. */
static int unescape(lexer *l, size_t *at, size_t end, char **to) {
    static const char from[] = "\\'\"abfnrtv", into[] = "\\'\"\a\b\f\n\r\t\v";
    const char c = l->p[*at];
    const char *known = strchr(from, c);
    if (c && known) {
        *(*to)++ = into[known - from];
    } else if (c == 'x' || c == 'u' || c == 'U') {
        const int want = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        const size_t first = ++*at;
        const uint32_t code = digits(l->p, at, end, want, 16);
        if (*at - first != (size_t)want || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return fail_at(l, first, "a bad \\x, \\u or \\U in a string");
        put_utf8(to, code);
        return 0;
    } else if (c >= '0' && c <= '7') {
        put_utf8(to, digits(l->p, at, end, 3, 8));
        return 0;
    } else if (c != '\n') {
        *(*to)++ = '\\';
        *(*to)++ = c;
    }
    ++*at;
    return 0;
}

static int lex_string(lexer *l) {
    const size_t start = l->at;
    size_t end = start + 1;
    while (end < l->n && l->p[end] != l->p[start]) end += l->p[end] == '\\' ? 2 : 1;
    if (end >= l->n) return fail_at(l, start, "a string does not end");
    char *text;
    MN_TRY(mn_arena_take(l->arena, end - start, &text)); /* an escape never gets longer */
    char *to = text;
    for (size_t at = start + 1; at < end;) {
        if (l->p[at] != '\\') {
            *to++ = l->p[at++];
        } else {
            at++;
            MN_TRY(unescape(l, &at, end, &to));
        }
    }
    mn_jstr *s;
    MN_TRY(mn_arena_take(l->arena, sizeof *s, &s));
    *s = (mn_jstr){.p = text, .n = (size_t)(to - text), .trusted = 1};
    l->at = end + 1;
    return emit(l, MN_JT_STRING, start, 0, mn_jstring(s));
}

static int lex_int(lexer *l, size_t start, size_t from, size_t to, int base) {
    uint64_t v = 0;
    for (size_t i = from; i < to; i++) {
        if (l->p[i] == '_') continue;
        const int c = tolower((unsigned char)l->p[i]);
        const int d = isdigit(c) ? c - '0' : c - 'a' + 10;
        if (d >= base) return fail_at(l, start, "a bad number");
        if (v > ((uint64_t)INT64_MAX - (uint64_t)d) / (uint64_t)base)
            return fail_at(l, start, "a number beyond 64 bits");
        v = v * (uint64_t)base + (uint64_t)d;
    }
    if (from == to) return fail_at(l, start, "a number without digits");
    l->at = to;
    return emit(l, MN_JT_INT, start, 0, mn_jint((int64_t)v));
}

static int digit_at(const lexer *l, size_t at) {
    return at < l->n && isdigit((unsigned char)l->p[at]);
}

static size_t skip_digits(const lexer *l, size_t at) {
    while (digit_at(l, at) || (at < l->n && l->p[at] == '_' && digit_at(l, at + 1))) at++;
    return at;
}

static int lex_float(lexer *l, size_t start, size_t end) {
    char text[400];
    size_t n = 0;
    for (size_t i = start; i < end; i++) {
        if (l->p[i] == '_') continue;
        if (n + 1 == sizeof text) return fail_at(l, start, "a number of more than 399 digits");
        text[n++] = l->p[i] == '.' ? *localeconv()->decimal_point : l->p[i];
    }
    text[n] = 0;
    l->at = end;
    return emit(l, MN_JT_FLOAT, start, 0, mn_jfloat(strtod(text, NULL)));
}

static int lex_number(lexer *l) {
    const size_t start = l->at;
    const int second = start + 1 < l->n ? tolower((unsigned char)l->p[start + 1]) : 0;
    const int base = l->p[start] != '0' ? 10
                     : second == 'x'    ? 16
                     : second == 'o'    ? 8
                     : second == 'b'    ? 2
                                        : 10;
    if (base != 10) {
        size_t end = start + 2;
        while (end < l->n && (isxdigit((unsigned char)l->p[end]) || l->p[end] == '_')) end++;
        return lex_int(l, start, start + 2, end, base);
    }
    size_t end = skip_digits(l, start);
    int real = 0;
    if (end < l->n && l->p[end] == '.' && digit_at(l, end + 1)) {
        end = skip_digits(l, end + 1);
        real = 1;
    }
    if (end < l->n && (l->p[end] == 'e' || l->p[end] == 'E')) {
        const size_t exponent = end + 1 + (sign_at(l, end + 1) != 0);
        if (digit_at(l, exponent)) {
            end = skip_digits(l, exponent);
            real = 1;
        }
    }
    return real ? lex_float(l, start, end) : lex_int(l, start, start, end, 10);
}

static int is_name(char c, int first) {
    const unsigned char u = (unsigned char)c;
    return u == '_' || u >= 0x80 || (first ? isalpha(u) : isalnum(u));
}

static int lex_name(lexer *l) {
    const size_t start = l->at;
    while (l->at < l->n && is_name(l->p[l->at], 0)) l->at++;
    mn_jstr *s;
    MN_TRY(mn_arena_take(l->arena, sizeof *s, &s));
    *s = (mn_jstr){.p = l->p + start, .n = l->at - start, .trusted = 1};
    return emit(l, MN_JT_NAME, start, 0, mn_jstring(s));
}

static int lex_operator(lexer *l, char *open, size_t *depth, size_t max) {
    static const char two[][2] = {"//", "**", "==", "!=", ">=", "<="};
    static const char one[] = "+-/*%~[](){}><=.:|,;";
    const size_t start = l->at;
    const char c = l->p[start];
    for (size_t i = 0; i < sizeof two / sizeof *two && start + 1 < l->n; i++) {
        if (memcmp(l->p + start, two[i], 2) != 0) continue;
        l->at += 2;
        return emit(l, MN_JT_OP, start, MN_JOP(c, two[i][1]), mn_jnone());
    }
    if (!c || !strchr(one, c)) return fail_at(l, start, "a character that means nothing in a tag");
    if (strchr("([{", c)) {
        if (*depth == max) return fail_at(l, start, "brackets nested too deeply");
        open[(*depth)++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    }
    if (strchr(")]}", c) && (!*depth || open[--*depth] != c))
        return fail_at(l, start, "a closing bracket that none opened");
    l->at++;
    return emit(l, MN_JT_OP, start, MN_JOP(c, 0), mn_jnone());
}

/* The tokens of a tag up to its end; l->at stands behind its opening mark. */
static int lex_tag(lexer *l, int is_print) {
    const size_t start = l->at;
    const char *end = is_print ? "}}" : "%}";
    char open[200];
    size_t depth = 0;
    for (;;) {
        l->at = skip_space(l, l->at);
        if (l->at >= l->n) return fail_at(l, start, "a tag does not end");
        const char c = l->p[l->at], sign = sign_at(l, l->at);
        const size_t mark = l->at + (sign == '-' || (sign && !is_print));
        if (!depth && has(l, mark, end)) {
            const size_t at = l->at;
            if (is_print)
                l->at = sign ? skip_space(l, mark + 2) : mark + 2;
            else
                l->at = after_tag(l, mark, sign);
            return emit(l, is_print ? MN_JT_PRINT_END : MN_JT_BLOCK_END, at, 0, mn_jnone());
        }
        if (c == '"' || c == '\'')
            MN_TRY(lex_string(l));
        else if (isdigit((unsigned char)c))
            MN_TRY(lex_number(l));
        else if (is_name(c, 1))
            MN_TRY(lex_name(l));
        else
            MN_TRY(lex_operator(l, open, &depth, sizeof open));
    }
}

/* ---- text, comments, raw -------------------------------------------------------------------- */
static int emit_text(lexer *l, size_t from, size_t to) {
    if (from >= to) return 0;
    mn_jstr *s;
    MN_TRY(mn_arena_take(l->arena, sizeof *s, &s));
    *s = (mn_jstr){.p = l->p + from, .n = to - from, .trusted = 1};
    return emit(l, MN_JT_TEXT, from, 0, mn_jstring(s));
}

static int lex_comment(lexer *l, size_t tag, size_t body) {
    const char *end = body <= l->n ? memmem(l->p + body, l->n - body, "#}", 2) : NULL;
    if (!end) return fail_at(l, tag, "a comment does not end");
    const size_t mark = (size_t)(end - l->p);
    l->at = after_tag(l, mark, mark > body ? sign_at(l, mark - 1) : 0);
    return 0;
}

/* Is p[at..] `word` and the end of a block tag? Returns where its %} begins and its sign, or 0. */
static size_t word_tag(const lexer *l, size_t at, const char *word, char *sign) {
    at = skip_space(l, at);
    if (!has(l, at, word)) return 0;
    at = skip_space(l, at + strlen(word));
    *sign = sign_at(l, at);
    return has(l, at + (*sign != 0), "%}") ? at + (*sign != 0) : 0;
}

/* The text of {% raw %}; l->at stands behind the opening tag. */
static int lex_raw(lexer *l) {
    const size_t from = l->at;
    for (size_t at = from;; at += 2) {
        const char *tag = at < l->n ? memmem(l->p + at, l->n - at, "{%", 2) : NULL;
        if (!tag) return fail_at(l, from, "a raw block does not end");
        at = (size_t)(tag - l->p);
        const char open_sign = sign_at(l, at + 2);
        char sign;
        const size_t mark = word_tag(l, at + 2 + (open_sign != 0), "endraw", &sign);
        if (!mark) continue;
        MN_TRY(emit_text(l, from, text_end(l, from, at, open_sign, 0)));
        l->at = after_tag(l, mark, sign);
        return 0;
    }
}

static int lex_all(lexer *l) {
    while (l->at < l->n) {
        size_t tag = l->at;
        while (tag < l->n && !has(l, tag, "{%") && !has(l, tag, "{{") && !has(l, tag, "{#")) tag++;
        if (tag >= l->n) {
            MN_TRY(emit_text(l, l->at, l->n));
            break;
        }
        const char kind = l->p[tag + 1], sign = sign_at(l, tag + 2);
        const size_t body = tag + 2 + (sign != 0);
        MN_TRY(emit_text(l, l->at, text_end(l, l->at, tag, sign, kind == '{')));
        char raw_sign;
        const size_t raw = kind == '%' ? word_tag(l, body, "raw", &raw_sign) : 0;
        if (kind == '#') {
            MN_TRY(lex_comment(l, tag, body));
        } else if (raw && raw_sign != '+') {
            l->at = raw_sign ? skip_space(l, raw + 2) : raw + 2;
            MN_TRY(lex_raw(l));
        } else {
            MN_TRY(emit(l, kind == '{' ? MN_JT_PRINT : MN_JT_BLOCK, tag, 0, mn_jnone()));
            l->at = body;
            MN_TRY(lex_tag(l, kind == '{'));
        }
    }
    return emit(l, MN_JT_END, l->n, 0, mn_jnone());
}

int mn_jlex(mn_arena *arena, const char *source, size_t n, mn_jtoken **out) {
    char *text;
    MN_TRY(mn_arena_take(arena, n + 1, &text));
    lexer l = {.arena = arena, .p = text, .line = 1};
    for (size_t i = 0; i < n; i++) {
        if (source[i] == '\r' && i + 1 < n && source[i + 1] == '\n') continue;
        text[l.n++] = source[i];
        if (source[i] == '\r') text[l.n - 1] = '\n';
    }
    if (l.n && text[l.n - 1] == '\n') l.n--;
    MN_TRY(lex_all(&l));
    *out = l.token;
    return 0;
}
