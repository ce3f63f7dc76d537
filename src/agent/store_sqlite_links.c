/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_sqlite_links.c - a store in SQLite: links between rows, and what organisers have yet
 * to see and have done.
 */
#include "agent/store_sqlite.h"

/* ---- links -------------------------------------------------------------------------------- */
int mn_sqlite_link(mn_store *base, int64_t owner, int64_t from, int64_t to, const char *what) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, LINK, &q));
    sqlite3_bind_int64(q, 1, owner);
    sqlite3_bind_int64(q, 2, from);
    sqlite3_bind_int64(q, 3, to);
    text_in(q, 4, what);
    return run(s, q, "write to");
}

int mn_sqlite_unlink(mn_store *base, int64_t owner, int64_t from, int64_t to) {
    return run_ids((sqlite_store *)base, UNLINK, 3, (int64_t[]){owner, from, to}, "write to");
}

int mn_sqlite_links(mn_store *base, int64_t owner, int64_t id, int back, mn_link_each *each,
                    void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, n = 0, stop = 0;
    MN_TRY(ready(s, back ? LINKED : LINKS, &q));
    sqlite3_bind_int64(q, 1, owner);
    sqlite3_bind_int64(q, 2, id);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) {
        n++;
        stop = each(user, sqlite3_column_int64(q, 0), text_out(q, 1));
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop ? stop : n;
}

/* ---- organisers --------------------------------------------------------------------------- */
int mn_sqlite_queue(mn_store *base, const char *organiser, int64_t owner, int64_t id) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, id ? QUEUE : QUEUE_ALL, &q));
    if (id) sqlite3_bind_int64(q, 1, owner);
    if (id) sqlite3_bind_int64(q, 2, id);
    text_in(q, id ? 3 : 1, organiser);
    return run(s, q, "write to");
}

int mn_sqlite_queue_again(mn_store *base, int64_t id) {
    return run_ids((sqlite_store *)base, QUEUE_AGAIN, 1, &id, "write to");
}

int mn_sqlite_queued(mn_store *base, const char *organiser, int64_t after, int64_t most,
                     int (*each)(void *user, int64_t id, int64_t owner), void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, n = 0, stop = 0;
    MN_TRY(ready(s, QUEUED, &q));
    text_in(q, 1, organiser);
    sqlite3_bind_int64(q, 2, most);
    sqlite3_bind_int64(q, 3, after);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) {
        n++;
        stop = each(user, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1));
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return stop ? stop : n;
}

int mn_sqlite_done(mn_store *base, const char *organiser, int64_t id) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, DONE, &q));
    sqlite3_bind_int64(q, 1, id);
    text_in(q, 2, organiser);
    MN_TRY(run(s, q, "write to"));
    return sqlite3_changes(s->db) > 0;
}

int mn_sqlite_log(mn_store *base, int64_t owner, const mn_deed *d) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, LOG, &q));
    sqlite3_bind_int64(q, 1, owner);
    sqlite3_bind_int64(q, 2, d->at);
    sqlite3_bind_int64(q, 3, d->id);
    sqlite3_bind_int64(q, 4, d->other);
    text_in(q, 5, d->organiser);
    text_in(q, 6, d->op);
    return run(s, q, "write to");
}

int mn_sqlite_logs(mn_store *base, int64_t owner, int64_t id,
                   int (*each)(void *user, const mn_deed *deed), void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, n = 0, stop = 0;
    MN_TRY(ready(s, LOGS, &q));
    sqlite3_bind_int64(q, 1, owner);
    sqlite3_bind_int64(q, 2, id);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) {
        const mn_deed deed = {.organiser = text_out(q, 0),
                              .op = text_out(q, 1),
                              .id = id,
                              .other = sqlite3_column_int64(q, 2),
                              .at = sqlite3_column_int64(q, 3)};
        n++;
        stop = each(user, &deed);
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop ? stop : n;
}
