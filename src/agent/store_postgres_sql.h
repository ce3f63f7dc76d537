/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_sql.h - the tables of agent/store_postgres.c, and every statement that has
 * one form only; a row's columns are PG_FIELDS, in the order of mn_pg_row_of.
 */
#ifndef MN_AGENT_STORE_POSTGRES_SQL_H
#define MN_AGENT_STORE_POSTGRES_SQL_H

/* Every statement, prepared when a connection first uses it. */
enum {
    PG_OWNER,
    PG_OWNER_NEW,
    PG_WHOSE,
    PG_SPAN,
    PG_COUNT,
    PG_SPEAKS,
    PG_SILENT,
    PG_INSERT,
    PG_REPLACE,
    PG_REMOVE,
    PG_REMOVE_REST,
    PG_FETCH,
    PG_FORMER,
    PG_BEFORE,
    PG_BEHIND,
    PG_DURING,
    PG_SPEAKERS,
    PG_LINK,
    PG_UNLINK,
    PG_LINKS,
    PG_LINKED,
    PG_QUEUE,
    PG_QUEUE_ALL,
    PG_QUEUE_AGAIN,
    PG_QUEUED,
    PG_DONE,
    PG_LOG,
    PG_LOGS,
    PG_INDEX,
    PG_UNINDEX,
    PG_ALL,
    PG_WAITING,
    PG_WAITS,
    PG_VECTOR,
    PG_VECTOR_OUT,
    PG_MOVE,
    PG_WAIT,
    PG_WAIT_OUT,
    PG_VECTORS,
    PG_VECTORS_OF,
    PG_FAR,
    PG_GET,
    PG_SET,
    PG_TAKE_OWNER,
    PG_TAKE_RECORD,
    PG_TAKE_VECTOR,
    PG_TAKE_QUEUE,
    PG_TAKE_LOG,
    PG_TAKE_NUMBER,
    PG_STATEMENTS
};
#define PG_FIELDS                                                                       \
    "id, of, valid_from, valid_until, created, expired, text, time, session, speaker, " \
    "ref, source, kind, agent, run, meta"
extern const char mn_pg_schema[];
extern const char mn_pg_senses[]; /* what pgvector adds to it, where it is to be had */
extern const char *const mn_pg_sql[PG_STATEMENTS];
/* Tables that texts of users, or what was made of them, may be in; NULL-terminated. */
extern const char *const mn_pg_tables[];

#endif
