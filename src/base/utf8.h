/* SPDX-License-Identifier: Apache-2.0
 *
 * base/utf8.h - is it UTF-8, and may a terminal show it? Well formed as Unicode 15, table 3-7 has
 * it: no surrogates, nothing beyond U+10FFFF, no longer form than needed.
 */
#ifndef MN_BASE_UTF8_H
#define MN_BASE_UTF8_H
#include <stddef.h>

/* The sequence at p[0..n), n >= 1: its length when well formed, minus the length of its maximal
 * ill-formed part, or 0 when it is the beginning of a sequence that p[n] could go on. */
int mn_utf8_sequence(const unsigned char *p, size_t n);

/* The character at p[0..n), n >= 1: may a terminal show it as it stands? Not what steers one:
 * control characters (but a tab and a line end), marks that turn the direction of what follows
 * around, tags that nobody sees; nor what is no UTF-8. *step: its bytes. */
int mn_utf8_shows(const unsigned char *p, size_t n, size_t *step);

/* MN_EINVAL when text[0..n) is no UTF-8 or has a zero byte: `name` ("the prompt"), the first byte
 * that is wrong and its place, counted from 1, and what helps. */
int mn_utf8_check(const char *name, const char *text, size_t n);

#endif
