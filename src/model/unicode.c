/* SPDX-License-Identifier: Apache-2.0
 *
 * model/unicode.c - strict UTF-8 decoding (RFC 3629, table 3-7 of the Unicode Standard) and kinds.
 */
#include "model/unicode.h"

#include <utf8proc.h>

#define L MN_UC_LETTER
#define N MN_UC_NUMBER
#define W MN_UC_SPACE
#define P MN_UC_PUNCT
#define S MN_UC_SYMBOL
const uint8_t mn_unicode_ascii[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, W, 0, 0, /* tab, line feed .. carriage return */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* */
    W, P, P, P, S, P, P, P, P, P, P, S, P, P, P, P, /* space ! " # $ % & ' ( ) * + , - . / */
    N, N, N, N, N, N, N, N, N, N, P, P, S, S, S, P, /* 0 .. 9 : ; < = > ? */
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* @ A .. O */
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, S, P, /* P .. Z [ \ ] ^ _ */
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* ` a .. o */
    L, L, L, L, L, L, L, L, L, L, L, P, S, P, S, 0, /* p .. z { | } ~ */
};
#undef L
#undef N
#undef W
#undef P
#undef S

static int is_space(uint32_t c) { /* White_Space beyond ASCII */
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static uint8_t kind_of(uint32_t c) {
    if (is_space(c)) return MN_UC_SPACE;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return MN_UC_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return MN_UC_NUMBER;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO: return MN_UC_PUNCT;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO: return MN_UC_SYMBOL;
    default: break;
    }
    /* New in 15.1; utf8proc 2.8 knows 15.0. */
    if (c >= 0x2EBF0 && c <= 0x2EE5D) return MN_UC_LETTER;
    if ((c >= 0x2FFC && c <= 0x2FFF) || c == 0x31EF) return MN_UC_SYMBOL;
    return 0;
}

static int tail(uint8_t b) {
    return (b & 0xC0) == 0x80;
}

size_t mn_unicode_size(const uint8_t *p, size_t n) {
    const uint8_t b = p[0];
    if (b < 0xC2 || b > 0xF4) return 1;
    if (b < 0xE0) return n >= 2 && tail(p[1]) ? 2 : 1;
    if (n < 3 || !tail(p[1]) || !tail(p[2])) return 1;
    if (b < 0xF0) {
        if ((b == 0xE0 && p[1] < 0xA0) || (b == 0xED && p[1] > 0x9F)) return 1;
        return 3;
    }
    if (n < 4 || !tail(p[3])) return 1;
    if ((b == 0xF0 && p[1] < 0x90) || (b == 0xF4 && p[1] > 0x8F)) return 1;
    return 4;
}

mn_uchar mn_unicode_wide(const uint8_t *p, size_t n) {
    mn_uchar u = {0xFFFD, (uint8_t)mn_unicode_size(p, n), MN_UC_SYMBOL};
    switch (u.size) {
    case 2: u.point = (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu); break;
    case 3: u.point = (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu); break;
    case 4:
        u.point = (p[0] & 7u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
        break;
    default: return u;
    }
    u.kind = kind_of(u.point);
    return u;
}
