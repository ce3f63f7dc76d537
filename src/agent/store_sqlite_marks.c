/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_sqlite_marks.c - a store in SQLite: have vectors of an owner changed, without reading
 * them?
 *
 * Each 1,024 numbers of vectors have a mark of each owner who has some among them: 64 random bits,
 * drawn anew by whatever adds one or takes one out. So two files in which a mark is the same have
 * the same vectors there, be one a copy of the other, or what it was before; numbers are not used
 * again, so when the last one that was given lies behind a stretch, only taking out changes it.
 */
#include "agent/store_sqlite.h"

static int there(sqlite_store *s, int64_t *out) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, "SELECT count(*) FROM sqlite_schema WHERE name = 'vector_mark'",
                           -1, &q, NULL))
        return fail(s, "open");
    const int rc = one(s, q, out, NULL);
    sqlite3_finalize(q);
    return rc < 0 ? rc : 0;
}

int mn_sqlite_marks_open(sqlite_store *s) {
    int64_t have = 0;
    MN_TRY(there(s, &have));
    if (have) return 0;
    if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL)) return fail(s, "open");
    int rc = sqlite3_exec(s->db, mn_sqlite_marks_schema, NULL, NULL, NULL) ? fail(s, "open") : 0;
    if (rc >= 0 && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL)) rc = fail(s, "open");
    if (rc < 0) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int mn_sqlite_marks(mn_store *base, int64_t owner, int64_t *last, mn_mark_each *each, void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, stop = 0;
    *last = 0;
    MN_TRY(ready(s, LAST, &q));
    MN_TRY(one(s, q, last, NULL));
    MN_TRY(ready(s, MARKS, &q));
    sqlite3_bind_int64(q, 1, owner);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) {
        const mn_mark mark = {sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                              sqlite3_column_int64(q, 2)};
        stop = each(user, &mark);
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop;
}

int mn_sqlite_vectors_in(mn_store *base, int64_t owner, int64_t first, int64_t until,
                         int (*each)(void *user, int64_t id, const void *v, size_t n), void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    const int64_t which[] = {owner, first, until};
    sqlite3_stmt *q = NULL;
    int rc, stop = 0;
    MN_TRY(ready(s, VECTORS_IN, &q));
    for (int i = 0; i < 3; i++) sqlite3_bind_int64(q, i + 1, which[i]);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) {
        const void *const v = sqlite3_column_blob(q, 1);
        stop = each(user, sqlite3_column_int64(q, 0), v, (size_t)sqlite3_column_bytes(q, 1));
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop;
}
