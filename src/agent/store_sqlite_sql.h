/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_sqlite_sql.h - the tables of agent/store_sqlite.c, and every statement that has one
 * form only; a row's columns are FIELDS, in the order of row_of there.
 */
#ifndef MN_AGENT_STORE_SQLITE_SQL_H
#define MN_AGENT_STORE_SQLITE_SQL_H

/* Every statement, prepared when it is first used. */
enum {
    BEGIN,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    OWNER,
    OWNER_NEW,
    SPAN,
    COUNT,
    INSERT,
    REPLACE,
    REMOVE,
    VECTOR_OUT,
    WAIT_OUT,
    BEFORE,
    BEHIND,
    DURING,
    SPEAKERS,
    SPEAKS,
    SILENT,
    SILENT_OUT,
    FETCH,
    FORMER,
    INDEX,
    UNINDEX,
    ALL,
    MATCH,
    WAITING,
    WAITS,
    VECTOR,
    MOVE_OUT,
    MOVE,
    WAIT,
    VECTORS,
    VECTORS_IN,
    MARKS,
    LAST,
    AGAIN_OUT,
    AGAIN_WAIT,
    GET,
    SET,
    MERGE,
    LINK,
    LINKS,
    LINKED,
    UNLINK,
    UNLINK_ALL,
    QUEUE,
    QUEUE_ALL,
    QUEUED,
    DONE,
    QUEUE_AGAIN,
    UNQUEUE,
    LOG,
    LOGS,
    UNLOG,
    WHOSE,
    STATEMENTS
};
#define FIELDS                                                                               \
    "id, of, valid_from, valid_until, created, expired, text, time, session, speaker, ref, " \
    "source, "                                                                               \
    "kind, agent, run, meta"
extern const char mn_sqlite_schema[];
extern const char mn_sqlite_marks_schema[]; /* of what files of an earlier day have not */
extern const char *const mn_sqlite_sql[STATEMENTS];

#endif
