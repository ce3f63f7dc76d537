/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/form.h - multipart/form-data (RFC 7578), as clients send files: a body cut into its parts.
 *
 * Pure functions over bytes that strangers sent, cut where they lie; no memory of their own. The
 * body begins with its first boundary, a part has a few short header lines, a name once, and is
 * whatever stands before the next boundary; what follows the last one is not looked at. Strict
 * where two readers might find different parts: lines end in CRLF, only blanks stand behind a
 * boundary.
 * Cost: each byte is looked at a few times, whatever the bytes are.
 */
#ifndef MN_SERVE_FORM_H
#define MN_SERVE_FORM_H
#include <stddef.h>

enum { MN_FORM_PARTS = 16, MN_FORM_HEAD = 4096, MN_FORM_BOUNDARY = 70 };

typedef struct mn_form_part {
    const char *name;     /* UTF-8 */
    const char *filename; /* as the client calls it: never a path of ours; NULL: none */
    char *data;           /* [n], within the body */
    size_t n;
} mn_form_part;

/* The parts of body[0..n): how many. `type` is the value of Content-Type. The body is written to:
 * names are cut into strings where they stand. MN_EINVAL, with what is wrong. */
int mn_form_read(const char *type, char *body, size_t n, mn_form_part part[MN_FORM_PARTS]);

#endif
