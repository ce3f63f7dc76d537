/* SPDX-License-Identifier: Apache-2.0
 *
 * base/ini.h - the text of an INI file, entry by entry.
 *
 *     # a comment; so is a line that begins with ;
 *     [section]
 *     key = value, up to the end of the line, blanks around it cut
 *     other = "blanks that stay, and \n \t \" \\"
 *
 * Nothing else has a meaning: no comments behind values, no lines that go on, no sections in
 * sections. What is not of these forms is refused with its line. libinih, which Debian has, reads
 * lines of 200 bytes at most, takes the rest of a longer one for the next line, and does not say in
 * which line an entry stood; a system prompt is longer, and an error has to name its place.
 */
#ifndef MN_BASE_INI_H
#define MN_BASE_INI_H
#include <stddef.h>

typedef struct mn_ini_entry {
    const char *section, *key, *value; /* inside the text */
    int line;                          /* from 1 on */
} mn_ini_entry;

/* Call `each` for every entry of text[0..n), which is followed by a NUL, in its order; the text is
 * cut into strings, which live as long as it does. A negative result stops, and is returned.
 * MN_EINVAL: `name`, the line, and what is wrong there; not UTF-8, too. */
int mn_ini_parse(const char *name, char *text, size_t n,
                 int (*each)(void *user, const mn_ini_entry *entry), void *user);

#endif
