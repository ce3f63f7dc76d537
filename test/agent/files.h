/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/files.h - every file that a store of this run keeps records in, as bytes.
 *
 * Of PostgreSQL these are the files of the newest database, written out before; the journal is none
 * of them: no client can clean that (src/agent/store_postgres.c).
 */
#ifndef MN_TEST_AGENT_FILES_H
#define MN_TEST_AGENT_FILES_H
#include "agent/postgres.h"
#include "base/file.h"

#include <dirent.h>
#include <ftw.h>

typedef void look_at(const char *path, const mn_buf *file);
static look_at *look_now;

static inline int look_at_one(const char *path, const struct stat *st, int what, struct FTW *at) {
    (void)st, (void)at;
    mn_buf file = {0};
    if (what != FTW_F) return 0;
    if (mn_file_read(path, (size_t)1 << 30, &file) >= 0) look_now(path, &file); /* or it is gone */
    mn_buf_free(&file);
    return 0;
}

/* Each database is a folder that has its number for a name. */
static inline void newest_database(char *out, size_t cap) {
    char base[PLACE];
    long newest = 0;
    assert_int_equal(postgres_do("postgres", "CHECKPOINT"), 0);
    snprintf(base, sizeof base, "%s/base", getenv("OMNESIA_TEST_POSTGRES_DATA"));
    DIR *const d = opendir(base);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        if (atol(e->d_name) > newest) newest = atol(e->d_name);
    closedir(d);
    snprintf(out, cap, "%s/%ld", base, newest);
}

static inline void each_file(look_at *look) {
    char path[PLACE + 24];
    look_now = look;
    snprintf(path, sizeof path, "%s", folder);
    if (on_postgres()) newest_database(path, sizeof path);
    assert_int_equal(nftw(path, look_at_one, 16, FTW_PHYS), 0);
}

/* The planner looks at the columns, as it does from time to time. */
static inline void samples_taken(const char *where) {
    if (!on_postgres()) return;
    char database[DATABASE];
    database_of(where, database);
    assert_int_equal(postgres_do(database, "ANALYZE"), 0);
}

#endif
