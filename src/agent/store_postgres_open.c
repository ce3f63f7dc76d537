/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_open.c - connecting, the tables and their version, and failing.
 *
 * All tables are in the schema `omnesia` of the database that the place names; they are made when
 * that schema is not there. A connection that was lost is made again by the next `begin`. What
 * libpq says is passed on but for complaints about the place itself, which quote it with its
 * password.
 */
#include "agent/store_postgres.h"

#include "agent/place.h"
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION = 1,
    OLDEST = 120000,   /* PostgreSQL 12 */
    TURN = 0x4d4e454d, /* "MNEM": of the lock under which tables are made */
};

/* ---- failing ------------------------------------------------------------------------------ */
/* The first line of what PostgreSQL says. */
static void first_line(const char *text, char *out, size_t cap) {
    snprintf(out, cap, "%.*s", (int)strcspn(text, "\n"), text);
}

static int lost(postgres_store *s, const char *doing) {
    char why[300];
    first_line(s->conn ? s->pq->errorMessage(s->conn) : "", why, sizeof why);
    const int within = s->within;
    mn_pg_disconnect(s);
    return MN_FAIL(MN_EIO, "cannot %s %s: the server has gone (%s)%s; the next call connects again",
                   doing, s->shown, *why ? why : "it says nothing",
                   within ? ", and nothing of this was kept" : "");
}

/* Five characters that the SQL standard has for what happened. */
static int refused(postgres_store *s, const char *state, const char *why, const char *doing) {
    if (strcmp(state, "53100") == 0)
        return MN_FAIL(MN_EFULL, "cannot %s %s: the server's disk is full; nothing was changed",
                       doing, s->shown);
    if (strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0 || strncmp(state, "40", 2) == 0)
        return MN_FAIL(MN_EBUSY, "cannot %s %s: another program holds it (%s)", doing, s->shown,
                       why);
    if (strcmp(state, "25006") == 0)
        return MN_FAIL(MN_EUNSUPPORTED, "cannot %s %s: this server can only be read (%s)", doing,
                       s->shown, why);
    if (strncmp(state, "XX", 2) == 0)
        return MN_FAIL(MN_ECORRUPT, "%s is damaged: %s", s->shown, why);
    if (strncmp(state, "53", 2) == 0)
        return MN_FAIL(MN_EFULL, "cannot %s %s: the server has no more to give: %s", doing,
                       s->shown, why);
    return MN_FAIL(MN_EIO, "cannot %s %s: %s", doing, s->shown, why);
}

int mn_pg_fail(postgres_store *s, pg_result *r, const char *doing) {
    char why[300], code[8];
    if (!s->conn || s->pq->status(s->conn) != MN_PQ_CONNECTED) {
        s->pq->clear(r);
        return lost(s, doing);
    }
    const char *const text = s->pq->resultErrorField(r, MN_PQ_TEXT);
    const char *const state = s->pq->resultErrorField(r, MN_PQ_STATE);
    first_line(text ? text : s->pq->errorMessage(s->conn), why, sizeof why);
    snprintf(code, sizeof code, "%s", state ? state : "");
    s->pq->clear(r);
    return refused(s, code, why, doing);
}

/* ---- connecting --------------------------------------------------------------------------- */
/* VACUUM says how many dead rows it had to leave; the number comes first, in every language. */
static void hear(void *user, const pg_result *r) {
    postgres_store *const s = user;
    const char *const detail = s->pq->resultErrorField(r, MN_PQ_DETAIL);
    const char *const digit = detail ? strpbrk(detail, "0123456789") : NULL;
    if (digit) s->kept_back += strtoll(digit, NULL, 10);
}

static int refuse_place(postgres_store *s) {
    return MN_FAIL(MN_EINVAL,
                   "%s is no place of a PostgreSQL database: write "
                   "postgres://USER@HOST/DATABASE (and special characters as %%41)",
                   s->shown);
}

static int dial(postgres_store *s) {
    /* What the place says itself goes before all but the last. */
    const char *const key[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                               "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                               "dbname",           "client_encoding",  NULL};
    const char *const value[] = {"10", "30", "10", "3", "30000", "omnesia", s->where, "UTF8", NULL};
    char *why = NULL;
    char text[300];
    pg_option *const options = s->pq->conninfoParse(s->where, &why);
    s->pq->freemem(why);
    if (!options) return refuse_place(s);
    s->pq->conninfoFree(options);
    s->conn = s->pq->connectdbParams(key, value, 1);
    if (!s->conn) return MN_FAIL(MN_ENOMEM, "no memory to connect to %s", s->shown);
    s->pq->setNoticeReceiver(s->conn, hear, s);
    if (s->pq->status(s->conn) == MN_PQ_CONNECTED) return 0;
    first_line(s->pq->errorMessage(s->conn), text, sizeof text);
    mn_pg_disconnect(s);
    return MN_FAIL(MN_EIO, "cannot connect to %s: %s", s->shown, text);
}

static int check_server(postgres_store *s) {
    const char *const encoding = s->pq->parameterStatus(s->conn, "server_encoding");
    const int version = s->pq->serverVersion(s->conn);
    if (version < OLDEST)
        return MN_FAIL(MN_EUNSUPPORTED, "%s is PostgreSQL %d; %d or newer is needed", s->shown,
                       version / 10000, OLDEST / 10000);
    if (encoding && strcmp(encoding, "UTF8") != 0)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s is a database in %s, and records are UTF-8: make one with CREATE "
                       "DATABASE .. ENCODING 'UTF8' TEMPLATE template0",
                       s->shown, encoding);
    return 0;
}

/* The version of the tables; 0: there are none. */
static int version_of(postgres_store *s, int64_t *version) {
    int64_t tables = 0, schema = 0;
    *version = 0;
    MN_TRY(mn_pg_number(s, "SELECT count(*) FROM pg_namespace WHERE nspname = 'omnesia'", &schema));
    if (!schema) return 0;
    MN_TRY(mn_pg_number(s,
                        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                        "c.relnamespace WHERE n.nspname = 'omnesia' AND c.relname = 'store'",
                        &tables));
    if (tables) MN_TRY(mn_pg_number(s, "SELECT version::bigint FROM omnesia.store", version));
    if (!tables || *version < 1)
        return MN_FAIL(MN_ECORRUPT,
                       "the schema omnesia of %s is of something else; give another database",
                       s->shown);
    if (*version > VERSION) return mn_store_newer(s->shown, *version, VERSION);
    return 0;
}

/* By the first of those who come at once. */
static int make_tables(postgres_store *s) {
    char line[160];
    int64_t version = 0;
    snprintf(line, sizeof line, "SELECT pg_advisory_xact_lock(%d)", TURN);
    MN_TRY(mn_pg_do(s, "BEGIN", "make"));
    int rc = mn_pg_do(s, line, "make");
    if (rc >= 0) rc = version_of(s, &version);
    if (rc >= 0 && !version) {
        rc = mn_pg_do(s, "CREATE SCHEMA omnesia; SET LOCAL search_path = omnesia", "make");
        if (rc >= 0) rc = mn_pg_do(s, mn_pg_schema, "make");
        snprintf(
            line, sizeof line,
            "CREATE TABLE store(version int NOT NULL, cleaned bigint NOT NULL); INSERT INTO store "
            "VALUES(%d, 0)",
            VERSION);
        if (rc >= 0) rc = mn_pg_do(s, line, "make");
        if (rc >= 0) rc = mn_pg_do(s, mn_pg_senses, "make");
    }
    if (rc >= 0) return mn_pg_do(s, "COMMIT", "make");
    if (s->conn) s->pq->clear(s->pq->exec(s->conn, "ROLLBACK"));
    return rc;
}

/* Did whoever runs the database make an index of pgvector's on the vectors? Then its schema is
 * looked into, too, and the index goes on until it has found enough of one owner (pgvector 0.8). */
static int find_senses(postgres_store *s) {
    static const char indexes[] = "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = "
                                  "i.indexrelid JOIN pg_am a ON a.oid = c.relam WHERE i.indrelid "
                                  "= 'omnesia.vector'::regclass AND a.amname = 'hnsw' AND "
                                  "i.indisvalid";
    static const char home[] = "SELECT set_config('search_path', 'omnesia, ' || "
                               "quote_ident(n.nspname), false) FROM pg_extension e JOIN "
                               "pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = "
                               "'vector'";
    MN_TRY(mn_pg_number(s, indexes, &s->senses));
    if (!s->senses) return 0;
    MN_TRY(mn_pg_do(s, home, "open"));
    MN_TRY(mn_pg_do(s, "SET hnsw.ef_search = 200", "open")); /* twice as many as are asked for */
    s->pq->clear(s->pq->exec(s->conn, "SET hnsw.iterative_scan = strict_order"));
    return 0;
}

int mn_pg_connect(postgres_store *s) {
    int64_t version = 0;
    int rc = dial(s);
    if (rc >= 0) rc = check_server(s);
    if (rc >= 0) rc = version_of(s, &version);
    if (rc >= 0 && !version && s->there)
        rc = MN_FAIL(MN_ENOENT, "there are no records in %s", s->shown);
    if (rc >= 0 && !version) rc = make_tables(s);
    if (rc >= 0) rc = mn_pg_do(s, "SET search_path = omnesia", "open");
    if (rc >= 0) rc = find_senses(s);
    if (rc < 0) mn_pg_disconnect(s);
    return rc;
}

void mn_pg_disconnect(postgres_store *s) {
    if (s->conn) s->pq->finish(s->conn);
    s->conn = NULL;
    s->within = s->writing = 0;
    memset(s->prepared, 0, sizeof s->prepared);
    mn_pg_uncount(s);
}

/* ---- opening ------------------------------------------------------------------------------ */
int mn_pg_claims(const char *where) {
    return strncmp(where, "postgres://", 11) == 0 || strncmp(where, "postgresql://", 13) == 0;
}

void mn_pg_close(mn_store *base) {
    postgres_store *const s = (postgres_store *)base;
    mn_pg_disconnect(s);
    for (int i = 0; i < 3; i++) mn_buf_free(&s->list[i]);
    mn_free(s->where);
    mn_free(s->shown);
    mn_free(s);
}

int mn_pg_open(const char *where, int how, mn_store **out) {
    mn_buf shown = {0};
    MN_TRY(mn_place_shown(where, &shown));
    postgres_store *const s = mn_calloc(1, sizeof *s);
    if (!s) {
        const int rc = MN_FAIL(MN_ENOMEM, "no memory to open %s", shown.data);
        mn_buf_free(&shown);
        return rc;
    }
    s->base.kind = &mn_store_postgres;
    s->durable = (how & MN_STORE_DURABLE) != 0;
    s->there = (how & MN_STORE_THERE) != 0;
    s->shown = shown.data;
    s->where = mn_strdup(where);
    int rc = s->where ? mn_pq_load(&s->pq) : MN_FAIL(MN_ENOMEM, "no memory to open %s", s->shown);
    if (rc >= 0) rc = mn_pg_connect(s);
    if (rc < 0)
        mn_pg_close(&s->base);
    else
        *out = &s->base;
    return rc;
}
