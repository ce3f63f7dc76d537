/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/pages.c - SQLite's own VFS, with one call of its main files replaced.
 */
#include "agent/pages.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

enum { SMALLEST = 512, LARGEST = 65536, FILE_HEAD = 100 };
/* Pages of other kinds begin with the number of another page, which is below this one: no first
 * byte of theirs is taken for the kind of a page of cells. Larger files are left as they are. */
#define MOST_PAGES (INT64_C(2) << 24)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs *below, vfs;
static const sqlite3_io_methods *methods_below; /* of main files; NULL: none was opened yet */
static sqlite3_io_methods methods;

static unsigned number(const unsigned char *p) {
    return (unsigned)p[0] << 8 | p[1];
}

/* The unused middle of a page [n], whose cells are listed from `head` on. */
static void blank(unsigned char *page, unsigned n, unsigned head) {
    const unsigned kind = page[head], inner = kind == 2 || kind == 5;
    if (!inner && kind != 10 && kind != 13) return;
    const unsigned list = head + (inner ? 12 : 8), from = list + 2 * number(page + head + 3);
    const unsigned first = number(page + head + 5), until = first ? first : LARGEST;
    if (from < until && until <= n) memset(page + from, 0, until - from);
}

static int write_page(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at) {
    unsigned char page[LARGEST];
    sqlite3_int64 size = 0;
    const int whole = n >= SMALLEST && n <= LARGEST && !(n & (n - 1)) && at % n == 0;
    if (!whole || methods_below->xFileSize(f, &size) || size / n >= MOST_PAGES ||
        at / n >= MOST_PAGES)
        return methods_below->xWrite(f, bytes, n, at);
    memcpy(page, bytes, (size_t)n);
    blank(page, (unsigned)n, at ? 0 : FILE_HEAD);
    return methods_below->xWrite(f, page, n, at);
}

static int open_file(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out) {
    (void)v;
    const int rc = below->xOpen(below, name, f, flags, out);
    if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB)) return rc;
    pthread_mutex_lock(&lock);
    if (!methods_below) {
        methods_below = f->pMethods;
        methods = *f->pMethods;
        methods.xWrite = write_page;
    }
    const int known = f->pMethods == methods_below;
    if (known) f->pMethods = &methods;
    pthread_mutex_unlock(&lock);
    if (known) return SQLITE_OK;
    f->pMethods->xClose(f);
    f->pMethods = NULL;
    return SQLITE_CANTOPEN; /* of another kind than the first: there is only one way of locking */
}

static void begin(void) {
    below = sqlite3_vfs_find(NULL);
    if (!below) return;
    vfs = *below;
    vfs.zName = "omnesia";
    vfs.pNext = NULL;
    vfs.xOpen = open_file;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK) below = NULL;
}

const char *mn_pages_vfs(void) {
    pthread_once(&once, begin);
    return below ? vfs.zName : NULL;
}
