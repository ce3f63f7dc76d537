/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_sqlite_sql.c - the texts of agent/store_sqlite_sql.h.
 *
 *   record    rows (agent/store.h has what they mean), numbers never used again
 *   link      from row `one` to row `other` of the same owner
 *   queue     what an organiser has seen (done) or has yet to see; log: what it did
 *   waiting   rows that wait for their vector
 *   vector_mark   how many vectors an owner has among 1,024 numbers, and what changes with them
 *   words     the word index: FTS5 without content or positions
 */
#include "agent/store_sqlite_sql.h"
#include "agent/store.h"

const char mn_sqlite_schema[] =
    "CREATE TABLE owner(id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, user TEXT NOT "
    "NULL, n INT NOT NULL DEFAULT 0, words INT NOT NULL DEFAULT 0, UNIQUE(tenant, user));"
    "CREATE TABLE record(id INTEGER PRIMARY KEY AUTOINCREMENT, owner INT NOT NULL, of INT NOT "
    "NULL, valid_from INT NOT NULL, valid_until INT NOT NULL, created INT NOT NULL, expired INT "
    "NOT NULL, text TEXT NOT NULL, time TEXT NOT NULL, session TEXT NOT NULL, speaker TEXT NOT "
    "NULL, ref TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, agent TEXT NOT NULL, run "
    "TEXT NOT NULL, meta TEXT NOT NULL);"
    "CREATE INDEX record_owner ON record(owner, id);"
    "CREATE INDEX record_session ON record(owner, session, id) WHERE session <> '';"
    "CREATE INDEX record_of ON record(of, id) WHERE of <> 0;"
    "CREATE INDEX record_time ON record(owner, valid_from);"
    "CREATE TABLE speaker(owner INT NOT NULL, name TEXT NOT NULL, n INT NOT NULL, PRIMARY KEY("
    "owner, name)) WITHOUT ROWID;"
    "CREATE TABLE vector(seq INTEGER PRIMARY KEY AUTOINCREMENT, id INT NOT NULL UNIQUE, owner INT "
    "NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX vector_owner ON vector(owner, seq);"
    "CREATE TABLE waiting(id INTEGER PRIMARY KEY);"
    "CREATE TABLE about(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX record_kind ON record(owner, kind, ref, id) WHERE kind <> '';"
    "CREATE TABLE link(owner INT NOT NULL, one INT NOT NULL, what TEXT NOT NULL, other INT NOT "
    "NULL, PRIMARY KEY(owner, one, what, other)) WITHOUT ROWID;"
    "CREATE INDEX link_other ON link(owner, other, what, one);"
    "CREATE TABLE queue(organiser TEXT NOT NULL, id INT NOT NULL, owner INT NOT NULL, done INT NOT "
    "NULL, PRIMARY KEY(organiser, id)) WITHOUT ROWID;"
    "CREATE INDEX queue_waits ON queue(organiser, id) WHERE done = 0;"
    "CREATE INDEX queue_id ON queue(id);"
    "CREATE TABLE log(seq INTEGER PRIMARY KEY, owner INT NOT NULL, organiser TEXT NOT NULL, at INT "
    "NOT NULL, op TEXT NOT NULL, id INT NOT NULL, other INT NOT NULL);"
    "CREATE INDEX log_id ON log(owner, id);"
    "CREATE VIRTUAL TABLE words USING fts5(line, content='', detail=none, columnsize=0, "
    "tokenize=\"ascii tokenchars ':_'\");";

/* A trigger sees every change, whoever makes it. (It does not see what REPLACE takes out: nothing
 * here replaces a vector.) */
#define STRETCH(row) "owner = " row ".owner AND stretch = " row ".seq / 1024"
_Static_assert(MN_STRETCH == 1024, "said twice");
const char mn_sqlite_marks_schema[] =
    "CREATE TABLE vector_mark(owner INT NOT NULL, stretch INT NOT NULL, n INT NOT NULL, mark INT "
    "NOT NULL, PRIMARY KEY(owner, stretch)) WITHOUT ROWID;"
    "INSERT INTO vector_mark SELECT DISTINCT owner, -1, 0, 0 FROM vector;"
    "INSERT INTO vector_mark SELECT owner, seq / 1024, count(*), 0 FROM vector GROUP BY owner, seq "
    "/ 1024;"
    "UPDATE vector_mark SET mark = random();"
    "CREATE TRIGGER vector_in AFTER INSERT ON vector BEGIN "
    "INSERT INTO vector_mark SELECT new.owner, -1, 0, random() WHERE NOT EXISTS (SELECT 1 FROM "
    "vector_mark WHERE owner = new.owner AND stretch = -1);"
    "INSERT INTO vector_mark SELECT new.owner, new.seq / 1024, 0, 0 WHERE NOT EXISTS (SELECT 1 "
    "FROM vector_mark WHERE " STRETCH(
        "new") ");"
               "UPDATE vector_mark SET n = n + 1, mark = random() WHERE " STRETCH(
                   "new") ";"
                          "END;"
                          "CREATE TRIGGER vector_out AFTER DELETE ON vector BEGIN "
                          "UPDATE vector_mark SET n = n - 1, mark = random() WHERE " STRETCH(
                              "old") ";"
                                     "DELETE FROM vector_mark WHERE n < 1 AND " STRETCH(
                                         "old") ";"
                                                "END;";

const char *const mn_sqlite_sql[STATEMENTS] = {
    [BEGIN] = "BEGIN",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [OWNER] = "SELECT id FROM owner WHERE tenant = ?1 AND user = ?2",
    [OWNER_NEW] = "INSERT INTO owner(tenant, user) VALUES(?1, ?2)",
    [SPAN] = "SELECT n, words FROM owner WHERE id = ?1",
    [COUNT] = "UPDATE owner SET n = n + ?2, words = words + ?3 WHERE id = ?1",
    [INSERT] = "INSERT INTO record(" FIELDS ", owner) VALUES(NULL, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
               "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    [REPLACE] = "UPDATE record SET of = ?2, valid_from = ?3, valid_until = ?4, created = ?5, "
                "expired = ?6, text = ?7, time = ?8, session = ?9, speaker = ?10, ref = ?11, "
                "source = ?12, kind = ?13, agent = ?14, run = ?15, meta = ?16 WHERE id = ?1 AND "
                "owner = ?17",
    [REMOVE] = "DELETE FROM record WHERE id = ?1 AND owner = ?2",
    [VECTOR_OUT] = "DELETE FROM vector WHERE id = ?1",
    [WAIT_OUT] = "DELETE FROM waiting WHERE id = ?1",
    [BEFORE] = "SELECT " FIELDS " FROM record WHERE owner = ?1 AND session = ?2 AND id < ?3 AND "
               "session <> '' AND of = 0 ORDER BY id DESC LIMIT ?4",
    [BEHIND] = "SELECT " FIELDS " FROM record WHERE owner = ?1 AND session = ?2 AND id > ?3 AND "
               "session <> '' AND of = 0 ORDER BY id LIMIT ?4",
    [DURING] = "SELECT id FROM record WHERE owner = ?1 AND valid_from >= ?2 AND valid_from < ?3 "
               "ORDER BY valid_from DESC LIMIT ?4",
    [SPEAKERS] = "SELECT name FROM speaker WHERE owner = ?1 ORDER BY n DESC LIMIT ?2",
    [SPEAKS] = "INSERT INTO speaker(owner, name, n) VALUES(?1, ?2, 1) ON CONFLICT DO UPDATE SET n "
               "= n + 1",
    [SILENT] = "UPDATE speaker SET n = n - 1 WHERE owner = ?1 AND name = (SELECT speaker FROM "
               "record WHERE id = ?2 AND owner = ?1)",
    [SILENT_OUT] = "DELETE FROM speaker WHERE owner = ?1 AND n <= 0",
    [FETCH] = "SELECT " FIELDS " FROM record WHERE id = ?1 AND owner = ?2",
    [FORMER] = "SELECT " FIELDS " FROM record WHERE of = ?1 AND of <> 0 ORDER BY id",
    [INDEX] = "INSERT INTO words(rowid, line) VALUES(?1, ?2)",
    [UNINDEX] = "INSERT INTO words(words, rowid, line) VALUES('delete', ?1, ?2)",
    [ALL] = "SELECT " FIELDS ", owner FROM record",
    [MATCH] = "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC LIMIT ?2",
    [WAITING] = "SELECT r.id, r.owner, r.text FROM waiting w JOIN record r ON r.id = w.id ORDER BY "
                "w.id LIMIT ?1",
    [WAITS] = "SELECT count(*) FROM waiting",
    [VECTOR] = "INSERT INTO vector(id, owner, data) SELECT id, owner, ?2 FROM record WHERE id = ?1",
    [MOVE_OUT] = "DELETE FROM vector WHERE id = ?2 AND EXISTS (SELECT 1 FROM vector WHERE id = ?1)",
    [MOVE] = "INSERT INTO vector(id, owner, data) SELECT ?2, owner, data FROM vector WHERE id = ?1",
    [WAIT] = "INSERT OR IGNORE INTO waiting(id) VALUES(?1)",
    [VECTORS] = "SELECT seq, id, data FROM vector WHERE owner = ?1 AND seq > ?2 ORDER BY seq",
    [VECTORS_IN] = "SELECT id, data FROM vector WHERE owner = ?1 AND seq >= ?2 AND seq < ?3 ORDER "
                   "BY seq",
    [MARKS] = "SELECT stretch, n, mark FROM vector_mark WHERE owner = ?1 ORDER BY stretch",
    [LAST] = "SELECT seq FROM sqlite_sequence WHERE name = 'vector'",
    [AGAIN_OUT] = "DELETE FROM vector",
    [AGAIN_WAIT] = "INSERT OR IGNORE INTO waiting(id) SELECT id FROM record",
    [GET] = "SELECT value FROM about WHERE name = ?1",
    [SET] = "INSERT OR REPLACE INTO about(name, value) VALUES(?1, ?2)",
    [MERGE] = "INSERT INTO words(words, rank) VALUES('merge', ?1)",
    [LINK] = "INSERT OR IGNORE INTO link(owner, one, other, what) VALUES(?1, ?2, ?3, ?4)",
    [LINKS] = "SELECT other, what FROM link WHERE owner = ?1 AND one = ?2",
    [LINKED] = "SELECT one, what FROM link WHERE owner = ?1 AND other = ?2",
    [UNLINK] = "DELETE FROM link WHERE owner = ?1 AND one = ?2 AND other = ?3",
    [UNLINK_ALL] = "DELETE FROM link WHERE owner = ?1 AND (one = ?2 OR other = ?2)",
    [QUEUE] = "INSERT OR IGNORE INTO queue(organiser, owner, id, done) VALUES(?3, ?1, ?2, 0)",
    [QUEUE_ALL] = "INSERT OR IGNORE INTO queue(organiser, owner, id, done) SELECT ?1, owner, id, 0 "
                  "FROM record r WHERE of = 0 AND NOT EXISTS (SELECT 1 FROM link l WHERE l.owner = "
                  "r.owner AND l.one = r.id)",
    [QUEUED] = "SELECT id, owner FROM queue WHERE organiser = ?1 AND done = 0 AND id > ?3 ORDER BY "
               "id LIMIT ?2",
    [DONE] = "UPDATE queue SET done = 1 WHERE organiser = ?2 AND id = ?1 AND done = 0",
    [QUEUE_AGAIN] = "UPDATE queue SET done = 0 WHERE id = ?1",
    [UNQUEUE] = "DELETE FROM queue WHERE id = ?1",
    [LOG] = "INSERT INTO log(owner, at, id, other, organiser, op) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [LOGS] = "SELECT organiser, op, other, at FROM log WHERE owner = ?1 AND id = ?2 ORDER BY seq",
    [UNLOG] = "DELETE FROM log WHERE owner = ?1 AND id = ?2",
    [WHOSE] = "SELECT tenant, user FROM owner WHERE id = ?1",
};
