/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/faults.h - the n-th allocation or file operation of a process fails: ours
 * (base/alloc.h, base/fault.h), and SQLite's, through its table of allocators and a VFS around its
 * own.
 *
 * Arm before anything of ours or SQLite's was called in this process, so in a child.
 */
#ifndef MN_TEST_AGENT_FAULTS_H
#define MN_TEST_AGENT_FAULTS_H
#include "test.h"

#include "base/alloc.h"
#include "base/fault.h"

#include <sqlite3.h>

/* FAULT_FULL: writes fail from that one on, as on a full disk. */
enum { FAULT_ALLOC, FAULT_IO, FAULT_SQLITE_ALLOC, FAULT_SQLITE_IO, FAULT_FULL, FAULTS };
static const char *const fault_names[FAULTS] = {"an allocation", "a file operation",
                                                "an allocation of SQLite's",
                                                "a file operation of SQLite's", "a full disk"};

static long fault_left;
static int fault_armed = -1, fault_shut; /* shut: it is over, nothing fails any more */

static inline int fault_met(int kind) {
    return fault_armed == kind && !fault_shut && fault_left-- == 1;
}

/* ---- SQLite's allocators ------------------------------------------------------------------ */
static sqlite3_mem_methods fault_alloc;
static inline void *fault_malloc(int n) {
    return fault_met(FAULT_SQLITE_ALLOC) ? NULL : fault_alloc.xMalloc(n);
}
static inline void *fault_realloc(void *old, int n) {
    return fault_met(FAULT_SQLITE_ALLOC) ? NULL : fault_alloc.xRealloc(old, n);
}

/* ---- SQLite's files ----------------------------------------------------------------------- */
static sqlite3_vfs *fault_below, fault_vfs;
static sqlite3_io_methods fault_file, fault_methods[2]; /* of other files, of main ones */
static inline int fault_io(void) {
    return fault_met(FAULT_SQLITE_IO);
}
static inline int fault_full(void) {
    if (fault_armed != FAULT_FULL || fault_shut) return 0;
    return fault_left <= 1 ? 1 : (fault_left--, 0);
}
static inline int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) {
    return fault_io() ? SQLITE_IOERR_READ : fault_file.xRead(f, p, n, at);
}
static inline int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
    if (fault_full()) return SQLITE_FULL;
    if (fault_io()) return fault_file.xWrite(f, p, n / 2, at), SQLITE_IOERR_WRITE;
    return fault_file.xWrite(f, p, n, at);
}
static inline int fault_truncate(sqlite3_file *f, sqlite3_int64 n) {
    return fault_io() ? SQLITE_IOERR_TRUNCATE : fault_file.xTruncate(f, n);
}
static inline int fault_sync(sqlite3_file *f, int flags) {
    return fault_io() ? SQLITE_IOERR_FSYNC : fault_file.xSync(f, flags);
}
static inline int fault_size(sqlite3_file *f, sqlite3_int64 *n) {
    return fault_io() ? SQLITE_IOERR_FSTAT : fault_file.xFileSize(f, n);
}
static inline int fault_shm(sqlite3_file *f, int at, int n, int more, void volatile **out) {
    return fault_io() ? SQLITE_IOERR_SHMMAP : fault_file.xShmMap(f, at, n, more, out);
}
static inline int fault_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
                             int *out) {
    (void)v;
    if (fault_io()) return f->pMethods = NULL, SQLITE_CANTOPEN;
    const int rc = fault_below->xOpen(fault_below, name, f, flags, out);
    if (rc) return rc;
    sqlite3_io_methods *const m = &fault_methods[(flags & SQLITE_OPEN_MAIN_DB) != 0];
    *m = *f->pMethods;
    if (m == fault_methods + 1 || !fault_file.xRead) fault_file = *m;
    m->xRead = fault_read;
    m->xWrite = fault_write;
    m->xTruncate = fault_truncate;
    m->xSync = fault_sync;
    m->xFileSize = fault_size;
    if (m->xShmMap) m->xShmMap = fault_shm;
    f->pMethods = m;
    return rc;
}

static inline void fault_arm(int kind, long n) {
    char text[32];
    snprintf(text, sizeof text, "%ld", n);
    if (kind == FAULT_IO) setenv("OMNESIA_FAIL_IO", text, 1);
    if (kind == FAULT_ALLOC) mn_alloc_fail_after(n);
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &fault_alloc);
    sqlite3_mem_methods own = fault_alloc;
    own.xMalloc = fault_malloc;
    own.xRealloc = fault_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &own);
    sqlite3_initialize();
    fault_below = sqlite3_vfs_find(NULL);
    fault_vfs = *fault_below;
    fault_vfs.zName = "faults";
    fault_vfs.pNext = NULL;
    fault_vfs.xOpen = fault_open;
    sqlite3_vfs_register(&fault_vfs, 1);
    fault_left = n;
    fault_armed = kind;
}

/* Calls up to the one that fails; 0 or less: it has. */
static inline long fault_rest(void) {
    return fault_armed == FAULT_ALLOC  ? mn_alloc_fail_left()
           : fault_armed == FAULT_IO   ? mn_fault_left()
           : fault_armed == FAULT_FULL ? fault_left - 1
                                       : fault_left;
}

#endif
