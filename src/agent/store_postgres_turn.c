/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_turn.c - a store in PostgreSQL: transactions, and what is gone for good.
 *
 * Who reads locks the table `turn` so that others may do everything but clean up; who writes so
 * that others may read; who cleans up so that nobody may do anything. PostgreSQL's queue at that
 * lock is the order in which all have their turn. A lock is taken before the transaction sees
 * anything (REPEATABLE READ looks when it first asks), so writers never come into each other's way.
 *
 * Who waits for the disk keeps nobody waiting: a writer ends without (synchronous_commit off),
 * which gives the turn to the next, and then ends a second transaction that does wait; what is on
 * disk then has all before it. So writers of many processes share one sync. The second one has to
 * write something to the journal, an empty message, or PostgreSQL would not wait. Nothing is
 * acknowledged before: PostgreSQL knows nothing in between, as a file in the page cache is.
 */
#include "agent/store_postgres.h"

#include <stdio.h>
#include <time.h>

static const char read_turn[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                "LOCK TABLE turn IN ACCESS SHARE MODE; SELECT 1";
static const char write_turn[] = "BEGIN ISOLATION LEVEL REPEATABLE READ;"
                                 "LOCK TABLE turn IN EXCLUSIVE MODE;"
                                 "SET LOCAL synchronous_commit = off";
/* local: on the server's disk; on: on those of the servers that it is said to wait for, too. */
static const char keep_here[] = "COMMIT; BEGIN; SET LOCAL synchronous_commit = local;"
                                "SELECT pg_logical_emit_message(true, 'omnesia', ''); COMMIT";
static const char keep_all[] = "COMMIT; BEGIN; SET LOCAL synchronous_commit = on;"
                               "SELECT pg_logical_emit_message(true, 'omnesia', ''); COMMIT";

static void roll_back(postgres_store *s) {
    if (s->conn) s->pq->clear(s->pq->exec(s->conn, "ROLLBACK"));
}

/* What failed on a connection that had been lost before fails once more, on a new one, or not. */
int mn_pg_begin(mn_store *base, int write) {
    postgres_store *const s = (postgres_store *)base;
    const char *const how = write ? write_turn : read_turn;
    int rc = s->conn ? mn_pg_do(s, how, "write to") : 0;
    if (!s->conn) {
        MN_TRY(mn_pg_connect(s));
        rc = mn_pg_do(s, how, write ? "write to" : "read");
    }
    if (rc < 0) roll_back(s);
    s->within = rc >= 0;
    s->writing = write && rc >= 0;
    return rc;
}

static int keep(postgres_store *s) {
    MN_TRY(mn_pg_counted(s));
    if (s->pq->transactionStatus(s->conn) == MN_PQ_IN_ERROR)
        return MN_FAIL(MN_EIO, "cannot write to %s: one of its statements failed, so none is kept",
                       s->shown);
    return mn_pg_do(s, s->durable ? keep_all : keep_here, "write to");
}

int mn_pg_end(mn_store *base, int keeps) {
    postgres_store *const s = (postgres_store *)base;
    if (!s->conn)
        return keeps ? MN_FAIL(MN_EIO,
                               "cannot write to %s: the server has gone, and nothing of this was "
                               "kept; the next call connects again",
                               s->shown)
                     : 0;
    int rc = 0;
    const int kept = s->writing && keeps;
    if (kept) rc = keep(s);
    if (!kept) rc = mn_pg_do(s, keeps ? "COMMIT" : "ROLLBACK", "read");
    if (rc < 0) roll_back(s);
    mn_pg_uncount(s);
    s->within = s->writing = 0;
    return rc;
}

/* The server sees to its own files. */
void mn_pg_rest(mn_store *base) {
    (void)base;
}

/* ---- what is gone for good ---------------------------------------------------------------- */
/* VACUUM FULL writes tables and indexes anew, without what was removed; the files before it go.
 * Rows that somebody may still see would stay, so nobody else is let in meanwhile: `guard` is a
 * second connection that holds the lock, for VACUUM runs in no transaction. The guard first waits
 * for those who write, for its transaction gets its number when it asks for the whole lock: what
 * later numbers removed would stay, too. (Other ways to write a table anew look empty to who began
 * before, which may be a backup.) */
static const char guard_turn[] = "BEGIN; SET LOCAL lock_timeout = '10s';"
                                 "LOCK TABLE turn IN EXCLUSIVE MODE;"
                                 "LOCK TABLE turn IN ACCESS EXCLUSIVE MODE";
enum { TRIES = 8, NAP_NS = 50000000 };

static int rewrite(postgres_store *s) {
    char line[80];
    s->kept_back = 0;
    for (int i = 0; mn_pg_tables[i]; i++) {
        snprintf(line, sizeof line, "VACUUM (FULL, VERBOSE) %s", mn_pg_tables[i]);
        MN_TRY(mn_pg_do(s, line, "clean"));
    }
    return 0;
}

/* Once, unless another process has done so since transaction `removed` was the next. */
static int clean_guarded(postgres_store *s, postgres_store *guard, int64_t removed) {
    int64_t cleaned = 0;
    s->kept_back = 0;
    MN_TRY(mn_pg_do(guard, guard_turn, "clean"));
    MN_TRY(mn_pg_number(guard, "SELECT cleaned FROM store", &cleaned));
    if (cleaned >= removed) return 0;
    MN_TRY(rewrite(s));
    if (s->kept_back) return 0;
    return mn_pg_do(guard, "UPDATE store SET cleaned = txid_current(); COMMIT", "clean");
}

static int clean_once(postgres_store *s, int64_t removed) {
    mn_store *guard = NULL;
    char why[500];
    MN_TRY(mn_pg_open(s->where, MN_STORE_THERE, &guard));
    const int rc = clean_guarded(s, (postgres_store *)guard, removed);
    if (rc < 0) snprintf(why, sizeof why, "%s", mn_error_detail());
    mn_pg_close(guard);
    return rc < 0 ? MN_FAIL(rc, "%s", why) : 0;
}

/* Who waits for the lock, and the server itself, see rows as they were for a moment: they are let
 * go on before it is tried again. */
static int clean_all(postgres_store *s) {
    int64_t removed;
    MN_TRY(mn_pg_number(s, "SELECT txid_snapshot_xmax(txid_current_snapshot())", &removed));
    MN_TRY(clean_once(s, removed));
    for (int i = 0; i < TRIES && s->kept_back; i++) {
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
        MN_TRY(clean_once(s, removed));
    }
    if (!s->kept_back) return 0;
    return MN_FAIL(MN_EBUSY,
                   "cannot clean %s: %lld removed rows have to stay while an older transaction "
                   "of this database goes on",
                   s->shown, (long long)s->kept_back);
}

int mn_pg_scrub(mn_store *base) {
    postgres_store *const s = (postgres_store *)base;
    if (!s->conn) MN_TRY(mn_pg_connect(s));
    MN_TRY(mn_pg_do(s, "SET lock_timeout = '10s'", "clean"));
    const int rc = clean_all(s);
    if (s->conn) s->pq->clear(s->pq->exec(s->conn, "RESET lock_timeout"));
    return rc;
}
