/* SPDX-License-Identifier: Apache-2.0
 *
 * model/unicode.h - one character of UTF-8 and the kind it is, for the pre-tokenizers.
 *
 * Decoding is strict (no overlong forms, no surrogates, nothing above U+10FFFF). A byte that does
 * not begin a valid character is a character of its own, of the kind U+FFFD has, so any bytes can
 * be scanned and nothing is lost. Kinds are general categories of Unicode 15.1: utf8proc's tables
 * plus the few characters that 15.1 added. ASCII never leaves the inline functions.
 */
#ifndef MN_MODEL_UNICODE_H
#define MN_MODEL_UNICODE_H
#include <stddef.h>
#include <stdint.h>

enum { /* kinds; a character has at most one of them, most marks and controls have none */
       MN_UC_LETTER = 1,
       MN_UC_NUMBER = 2,
       MN_UC_SPACE = 4, /* White_Space, not a category: includes line ends and U+0085 */
       MN_UC_PUNCT = 8,
       MN_UC_SYMBOL = 16,
};

typedef struct mn_uchar {
    uint32_t point; /* U+FFFD for a stray byte */
    uint8_t size;   /* bytes, 1..4 */
    uint8_t kind;   /* MN_UC_* or 0 */
} mn_uchar;

extern const uint8_t mn_unicode_ascii[128]; /* kinds */

/* The character that is not ASCII at p[0..n), n >= 1. */
mn_uchar mn_unicode_wide(const uint8_t *p, size_t n);

static inline mn_uchar mn_unicode_at(const uint8_t *p, size_t n) {
    if (p[0] < 128) return (mn_uchar){p[0], 1, mn_unicode_ascii[p[0]]};
    return mn_unicode_wide(p, n);
}

/* Bytes of the character at p[0..n): 1 for a stray byte. */
size_t mn_unicode_size(const uint8_t *p, size_t n);

#endif
