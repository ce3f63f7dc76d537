/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_sqlite.h - an open store in SQLite, and how a statement of it is run; private to
 * store_sqlite*.c.
 */
#ifndef MN_AGENT_STORE_SQLITE_H
#define MN_AGENT_STORE_SQLITE_H
#include "agent/store.h"
#include "agent/store_sqlite_sql.h"
#include "agent/sync.h"

#include <sqlite3.h>

typedef struct sqlite_store {
    mn_store base;
    sqlite3 *db;
    sqlite3_stmt *st[STATEMENTS], *take[MN_PARTS];
    mn_sync *sync;
    char *path;
    int writing;
    int frames; /* pages in the journal after the last commit */
} sqlite_store;

/* What the last call of SQLite says, as a failure of ours. */
int mn_sqlite_fail(sqlite_store *s, const char *doing);
static inline int fail(sqlite_store *s, const char *doing) {
    return mn_sqlite_fail(s, doing);
}

static inline int ready(sqlite_store *s, int which, sqlite3_stmt **out) {
    if (!s->st[which] && sqlite3_prepare_v3(s->db, mn_sqlite_sql[which], -1,
                                            SQLITE_PREPARE_PERSISTENT, &s->st[which], NULL))
        return fail(s, "ask");
    *out = s->st[which];
    return 0;
}

/* Run one that gives no rows. Bound values are let go of. */
static inline int run(sqlite_store *s, sqlite3_stmt *q, const char *doing) {
    const int rc = sqlite3_step(q);
    const int bad = rc != SQLITE_DONE && rc != SQLITE_ROW ? fail(s, doing) : 0;
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return bad;
}

static inline int run_ids(sqlite_store *s, int which, int n, const int64_t *v, const char *doing) {
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, which, &q));
    for (int i = 0; i < n; i++) sqlite3_bind_int64(q, i + 1, v[i]);
    return run(s, q, doing);
}

/* The first column of the first row: 1, or 0 when there is none. */
static inline int one(sqlite_store *s, sqlite3_stmt *q, int64_t *out, int64_t *second) {
    const int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int64(q, 0);
        if (second) *second = sqlite3_column_int64(q, 1);
    }
    const int bad = rc != SQLITE_DONE && rc != SQLITE_ROW ? fail(s, "read") : 0;
    sqlite3_reset(q);
    return bad ? bad : rc == SQLITE_ROW;
}

static inline void text_in(sqlite3_stmt *q, int at, const char *t) {
    sqlite3_bind_text(q, at, t ? t : "", -1, SQLITE_STATIC);
}

static inline const char *text_out(sqlite3_stmt *q, int at) {
    const unsigned char *const t = sqlite3_column_text(q, at);
    return t ? (const char *)t : "";
}

/* store_sqlite_links.c */
int mn_sqlite_link(mn_store *base, int64_t owner, int64_t from, int64_t to, const char *what);
int mn_sqlite_unlink(mn_store *base, int64_t owner, int64_t from, int64_t to);
int mn_sqlite_links(mn_store *base, int64_t owner, int64_t id, int back, mn_link_each *each,
                    void *user);
int mn_sqlite_queue(mn_store *base, const char *organiser, int64_t owner, int64_t id);
int mn_sqlite_queue_again(mn_store *base, int64_t id);
int mn_sqlite_queued(mn_store *base, const char *organiser, int64_t after, int64_t most,
                     int (*each)(void *user, int64_t id, int64_t owner), void *user);
int mn_sqlite_done(mn_store *base, const char *organiser, int64_t id);
int mn_sqlite_log(mn_store *base, int64_t owner, const mn_deed *d);
int mn_sqlite_logs(mn_store *base, int64_t owner, int64_t id,
                   int (*each)(void *user, const mn_deed *deed), void *user);

/* store_sqlite_marks.c */
int mn_sqlite_marks_open(sqlite_store *s); /* a file of an earlier day gets them */
int mn_sqlite_marks(mn_store *base, int64_t owner, int64_t *last, mn_mark_each *each, void *user);
int mn_sqlite_vectors_in(mn_store *base, int64_t owner, int64_t first, int64_t until,
                         int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);

/* store_sqlite_parts.c */
int mn_sqlite_pieces(mn_store *base, int part, mn_piece_each *each, void *user);
int mn_sqlite_take(mn_store *base, const mn_store_piece *piece);

#endif
