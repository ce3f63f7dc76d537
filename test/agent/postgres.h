/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/postgres.h - a connection of its own to the database of a store, and killing the
 * server, which test/agent/with_postgres.py starts again.
 */
#ifndef MN_TEST_AGENT_POSTGRES_H
#define MN_TEST_AGENT_POSTGRES_H
#include "agent/kinds.h"

#include <signal.h>

enum { DATABASE = 40 };
static inline void database_of(const char *where, char out[DATABASE]) {
    const char *const name = strstr(where, "omnesia_");
    snprintf(out, DATABASE, "%.*s", (int)strcspn(name, "?"), name);
}

typedef struct raw {
    const mn_pq *pq;
    pg_conn *c;
} raw;

static inline raw raw_open(const char *where) {
    const char *const key[] = {"dbname", NULL}, *const value[] = {where, NULL};
    raw r;
    assert_ok(mn_pq_load(&r.pq));
    r.c = r.pq->connectdbParams(key, value, 1);
    assert_int_equal(r.pq->status(r.c), MN_PQ_CONNECTED);
    return r;
}
static inline void raw_close(raw *r) {
    r->pq->finish(r->c);
}
static inline void raw_do(raw *r, const char *sql) {
    pg_result *const did = r->pq->exec(r->c, sql);
    const int how = r->pq->resultStatus(did);
    if (how != MN_PQ_DONE && how != MN_PQ_ROWS) fail_msg("%s: %s", sql, r->pq->errorMessage(r->c));
    r->pq->clear(did);
}
static inline int64_t raw_number(raw *r, const char *sql) {
    pg_result *const got = r->pq->exec(r->c, sql);
    if (r->pq->resultStatus(got) != MN_PQ_ROWS) fail_msg("%s: %s", sql, r->pq->errorMessage(r->c));
    const int64_t n = atoll(r->pq->getvalue(got, 0, 0));
    r->pq->clear(got);
    return n;
}

/* The first line of a file of the server's is its process; 0: there is none. Another one comes only
 * when nothing of the one before is left. */
static inline int server_process(void) {
    char path[PLACE];
    int pid = 0;
    snprintf(path, sizeof path, "%s/postmaster.pid", getenv("OMNESIA_TEST_POSTGRES_DATA"));
    FILE *const f = fopen(path, "r");
    if (!f || fscanf(f, "%d", &pid) != 1 || pid <= 1) pid = 0;
    if (f) fclose(f);
    return pid;
}
static inline int kill_server(void) {
    const int pid = server_process();
    if (pid) kill(pid, SIGKILL);
    return pid;
}

#endif
