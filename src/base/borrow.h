/* SPDX-License-Identifier: Apache-2.0
 *
 * base/borrow.h - libraries that are looked for when they are first needed, or said to be missing.
 *
 *     static struct { int (*one)(void); void (*two)(int); } calls;
 *     static const char *const names[] = {"lib_one", "lib_two"};
 *     static mn_borrow lib = MN_BORROW("Tea is made by", "libtea.so.1", "libtea1", names, calls,
 *                                      NULL);
 *     MN_TRY(mn_borrow_load(&lib));
 *     calls.one();
 *
 * A program that never makes tea needs the library neither to build nor to run. It stays loaded for
 * as long as the process does. Any thread may load.
 */
#ifndef MN_BASE_BORROW_H
#define MN_BASE_BORROW_H
#include <stddef.h>

typedef struct mn_borrow {
    const char *use;     /* begins the sentence of one who lacks it */
    const char *file;    /* as the loader knows it */
    const char *package; /* Debian's */
    const char *const *names;
    size_t n;
    void *calls; /* n pointers to functions, in the order of the names */
    /* May be NULL. It has all calls; 0: but it is another version, and why says which. */
    int (*fits)(char *why, size_t room);
    int tried, there; /* ours */
    char why[256];
} mn_borrow;

/* Does not compile when there is not a name for each call. */
#define MN_BORROW(use, file, package, names, calls, fits)                                          \
    {                                                                                              \
        use, file, package, names,                                                                 \
            sizeof(names) / sizeof *(names) / (sizeof(names) == sizeof(calls)), &(calls), fits, 0, \
            0, ""                                                                                  \
    }

/* MN_EUNSUPPORTED: it is not here, and where to get it. It is looked for once. */
int mn_borrow_load(mn_borrow *b);

#endif
