/* SPDX-License-Identifier: Apache-2.0
 *
 * base/ini.c - one pass over the lines of an INI file; strings are cut where they stand.
 */
#include "base/ini.h"

#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

static int blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* The text without the blanks around it, ended by a NUL. */
static char *trim(char *text, char *end) {
    while (text < end && blank(*text)) text++;
    while (end > text && blank(end[-1])) end--;
    *end = 0;
    return text;
}

/* text is `"..."`; what stands in it, in its place. */
static int unquote(const char *name, const mn_ini_entry *e, char *text) {
    static const char from[] = "nt\"\\", to[] = "\n\t\"\\";
    char *out = text;
    const char *p = text + 1;
    for (; *p && *p != '"'; p++) {
        if (*p == '\\') {
            const char *known = p[1] ? strchr(from, p[1]) : NULL;
            if (!known)
                return MN_FAIL(MN_EINVAL,
                               "%s:%d: %s: a \\ in quotes stands before n, t, \" or another \\",
                               name, e->line, e->key);
            *out++ = to[known - from];
            p++;
        } else {
            *out++ = *p;
        }
    }
    if (*p != '"' || p[1])
        return MN_FAIL(MN_EINVAL, "%s:%d: %s: a value that begins with \" ends with another one",
                       name, e->line, e->key);
    *out = 0;
    return 0;
}

/* "[name]", which became the section. */
static int section(const char *name, mn_ini_entry *e, char *text) {
    const size_t n = strlen(text);
    if (n < 3 || text[n - 1] != ']' || strchr(text + 1, '['))
        return MN_FAIL(MN_EINVAL, "%s:%d: a section is written [name]", name, e->line);
    e->section = trim(text + 1, text + n - 1);
    return *e->section ? 0 : MN_FAIL(MN_EINVAL, "%s:%d: the section has no name", name, e->line);
}

/* "key = value" into the entry. */
static int pair(const char *name, mn_ini_entry *e, char *text) {
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return MN_FAIL(MN_EINVAL, "%s:%d: neither [section] nor key = value", name, e->line);
    char *value = trim(equals + 1, text + strlen(text));
    e->key = trim(text, equals);
    e->value = value;
    if (!e->section)
        return MN_FAIL(MN_EINVAL, "%s:%d: %s: this stands before the first [section]", name,
                       e->line, e->key);
    return *value == '"' ? unquote(name, e, value) : 0;
}

int mn_ini_parse(const char *name, char *text, size_t n,
                 int (*each)(void *user, const mn_ini_entry *entry), void *user) {
    mn_ini_entry e = {0};
    if (n) MN_TRY(mn_utf8_check(name, text, n));
    for (char *next, *end = text + n; text < end; text = next) {
        char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop) stop = end;
        next = stop < end ? stop + 1 : end;
        e.line++;
        char *line = trim(text, stop);
        if (!*line || *line == '#' || *line == ';') continue;
        if (*line == '[') {
            MN_TRY(section(name, &e, line));
            continue;
        }
        MN_TRY(pair(name, &e, line));
        MN_TRY(each(user, &e));
    }
    return 0;
}
