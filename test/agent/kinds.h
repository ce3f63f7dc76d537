/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/kinds.h - which kind of store this run of a test is about, and new places for it.
 *
 * A test runs over SQLite; test/agent/with_postgres.py runs it again beside a PostgreSQL server, of
 * which OMNESIA_TEST_POSTGRES says where it is (printf of a database's name) and
 * OMNESIA_TEST_POSTGRES_DATA where its files are. There each place is a new database.
 */
#ifndef MN_TEST_AGENT_KINDS_H
#define MN_TEST_AGENT_KINDS_H
#include "folder.h"
#include "test.h"

#include "agent/pq.h"
#include "agent/store.h"

#include <unistd.h>

/* One row for each of MN_STORE_LIST. */
static const struct kind_of_store {
    const mn_store_kind *kind;
    const char *place; /* printf of the folder and a number; NULL: a database */
} kinds_of_stores[] = {{&mn_store_sqlite, "%s/memory-%d.db"}, {&mn_store_postgres, NULL}};
enum { KINDS = sizeof kinds_of_stores / sizeof *kinds_of_stores, PLACE = 160 };

static inline const struct kind_of_store *kind_now(void) {
    return kinds_of_stores + (getenv("OMNESIA_TEST_POSTGRES") != NULL);
}
static inline int on_postgres(void) {
    return kind_now()->kind == &mn_store_postgres;
}

static inline void postgres_place(const char *database, char out[PLACE]) {
    const char *const base = getenv("OMNESIA_TEST_POSTGRES");
    const char *const at = strstr(base, "%s");
    snprintf(out, PLACE, "%.*s%s%s", (int)(at - base), base, database, at + 2);
}

/* One statement, to a database of the server; 0: it went well. */
static inline int postgres_do(const char *database, const char *sql) {
    const mn_pq *pq;
    char where[PLACE];
    if (mn_pq_load(&pq) < 0) return -1;
    postgres_place(database, where);
    const char *const key[] = {"dbname", NULL}, *const value[] = {where, NULL};
    pg_conn *const c = pq->connectdbParams(key, value, 1);
    pg_result *const r = pq->exec(c, sql);
    const int how = r ? pq->resultStatus(r) : -1, bad = how != MN_PQ_DONE && how != MN_PQ_ROWS;
    if (bad) print_error("%s: %s\n", sql, pq->errorMessage(c));
    pq->clear(r);
    pq->finish(c);
    return bad ? -1 : 0;
}

/* As somebody says it, with nothing but its text. */
static inline mn_row a_row(const char *text) {
    return (mn_row){.text = text,
                    .n = strlen(text),
                    .time = "",
                    .session = "",
                    .speaker = "",
                    .ref = "",
                    .source = "",
                    .kind = "",
                    .agent = "",
                    .run = "",
                    .meta = ""};
}

static int places_made;

/* One where nothing is yet. */
static inline int new_place(char out[PLACE]) {
    char name[40], sql[100];
    const int n = places_made++;
    if (!on_postgres()) {
        snprintf(out, PLACE, kind_now()->place, folder, n);
        return 0;
    }
    snprintf(name, sizeof name, "omnesia_%d_%d", (int)getpid(), n);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    postgres_place(name, out);
    return postgres_do("postgres", sql);
}

/* What new_place made goes; files do with their folder. */
static inline int places_end(void) {
    char sql[100];
    int rc = 0;
    for (; on_postgres() && places_made > 0; places_made--) {
        snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS omnesia_%d_%d WITH (FORCE)",
                 (int)getpid(), places_made - 1);
        if (postgres_do("postgres", sql) < 0) rc = -1;
    }
    return rc;
}

#endif
