/* SPDX-License-Identifier: Apache-2.0
 *
 * base/utf8.c - one sequence after another.
 */
#include "base/utf8.h"

#include "base/error.h"

int mn_utf8_sequence(const unsigned char *p, size_t n) {
    const unsigned c = p[0];
    if (c < 0x80) return 1;
    const int len = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (!len) return -1;
    for (int i = 1; i < len; i++) {
        if ((size_t)i == n) return 0;
        unsigned low = 0x80, high = 0xbf; /* narrower for the byte after E0, ED, F0, F4 */
        if (i == 1 && c == 0xe0) low = 0xa0;
        if (i == 1 && c == 0xed) high = 0x9f;
        if (i == 1 && c == 0xf0) low = 0x90;
        if (i == 1 && c == 0xf4) high = 0x8f;
        if (p[i] < low || p[i] > high) return -i;
    }
    return len;
}

int mn_utf8_shows(const unsigned char *p, size_t n, size_t *step) {
    const int len = mn_utf8_sequence(p, n);
    *step = len > 0 ? (size_t)len : 1;
    if (len <= 0) return 0;
    if (len == 1) return (p[0] >= 0x20 && p[0] != 0x7f) || p[0] == '\t' || p[0] == '\n';
    if (len == 2) return p[0] != 0xc2 || p[1] >= 0xa0; /* U+0080 .. U+009F */
    const unsigned at = len == 3 ? (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu) : 0;
    if (len == 3) return !(at >= 0x202a && at <= 0x202e) && !(at >= 0x2066 && at <= 0x2069);
    return !(p[0] == 0xf3 && p[1] == 0xa0 && p[2] < 0x82); /* U+E0000 .. U+E007F */
}

int mn_utf8_check(const char *name, const char *text, size_t n) {
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        const int len = mn_utf8_sequence(p + i, n - i);
        if (!p[i]) return MN_FAIL(MN_EINVAL, "%s is not text: byte %zu is zero", name, i + 1);
        if (len <= 0)
            return MN_FAIL(MN_EINVAL,
                           "%s is not UTF-8 text: byte %zu is 0x%02X, part of no character; "
                           "convert it first, for example with iconv -f LATIN1 -t UTF-8",
                           name, i + 1, p[i]);
        i += (size_t)len;
    }
    return 0;
}
