/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_sqlite.c - records in one SQLite file.
 *
 * The tables are in agent/store_sqlite_sql.h. The word index is FTS5 without content or positions
 * (detail none): it only knows which row has which word, and words carry their owner
 * (agent/words.h), so that a list of rows is one owner's from the first byte to the last. Journal:
 * WAL. An add is in the page cache when it returns, which survives the death of any process; with
 * `durable` it is on disk (agent/sync.h). Writers queue at a lock of ours before they come to
 * SQLite's, which only polls. No writer waits for a checkpoint unless the journal exceeds
 * JOURNAL_MOST: who has time does them (`rest`, `close`).
 *
 * Removed bytes are overwritten (secure_delete, agent/pages.h); `scrub` merges the word index until
 * no part of it is older than the removal, and empties the journal.
 */
#include "agent/store_sqlite.h"
#include "agent/levels.h"
#include "agent/pages.h"
#include "agent/place.h"
#include "agent/store.h"
#include "agent/sync.h"

#include "base/alloc.h"
#include "base/append.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION = 1,
    APPLICATION = 0x4d4e454d, /* "MNEM" */
    BUSY_MS = 10000,
    CACHE_KIB = 16384,
    PAGE = 4096,
    FRAME = PAGE + 24,       /* of the journal */
    JOURNAL_REST = 4 << 20,  /* bytes of journal that are worth a checkpoint */
    JOURNAL_MOST = 64 << 20, /* bytes; then a writer has to make it shorter itself */
    MERGE_PAGES = 256,       /* of the word index, in one step of `scrub` */
};

/* ---- failing ------------------------------------------------------------------------------ */
/* SQLite knows one way for a disk to be full; there are quotas and limits, too. */
static int code_of(sqlite3 *db) {
    const int why = errno, code = sqlite3_errcode(db) & 0xff;
    const int full = why == ENOSPC || why == EDQUOT || why == EFBIG;
    return code == SQLITE_IOERR && full ? SQLITE_FULL : code;
}

int mn_sqlite_fail(sqlite_store *s, const char *doing) {
    const int code = s->db ? code_of(s->db) : SQLITE_NOMEM;
    const char *const why = s->db ? sqlite3_errmsg(s->db) : "out of memory";
    switch (code) {
    case SQLITE_FULL:
        return MN_FAIL(MN_EFULL, "cannot %s %s: the disk is full; nothing was changed", doing,
                       s->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MN_FAIL(MN_EBUSY, "cannot %s %s: another program has held it for %d seconds", doing,
                       s->path, BUSY_MS / 1000);
    case SQLITE_NOTADB:
        return MN_FAIL(MN_ECORRUPT, "%s is no store of records: it is no SQLite file", s->path);
    case SQLITE_CORRUPT:
        return MN_FAIL(MN_ECORRUPT, "%s is damaged (%s); `sqlite3 %s .recover` saves what is left",
                       s->path, why, s->path);
    case SQLITE_NOMEM: return MN_FAIL(MN_ENOMEM, "no memory to %s %s", doing, s->path);
    default: return MN_FAIL(MN_EIO, "cannot %s %s: %s", doing, s->path, why);
    }
}

/* ---- opening ------------------------------------------------------------------------------ */
static int execute(sqlite_store *s, const char *what, const char *doing) {
    return sqlite3_exec(s->db, what, NULL, NULL, NULL) ? fail(s, doing) : 0;
}

static int pragma_number(sqlite_store *s, const char *pragma, int64_t *out) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, pragma, -1, &q, NULL)) return fail(s, "open");
    const int rc = one(s, q, out, NULL);
    sqlite3_finalize(q);
    return rc < 0 ? rc : 0;
}

/* Is it a store, of a version that is known (0: there is none yet)? Nothing is written: what is
 * another's stays as it is. */
static int version_of(sqlite_store *s, int64_t *version) {
    int64_t application = 0, tables = 0;
    MN_TRY(pragma_number(s, "PRAGMA user_version", version));
    MN_TRY(pragma_number(s, "PRAGMA application_id", &application));
    MN_TRY(pragma_number(s, "SELECT count(*) FROM sqlite_schema", &tables));
    if ((tables || application) && application != APPLICATION)
        return MN_FAIL(MN_ECORRUPT, "%s is an SQLite file of something else; give another path",
                       s->path);
    if (*version > VERSION) return mn_store_newer(s->path, *version, VERSION);
    return 0;
}

static int make_tables(sqlite_store *s) {
    char set[96];
    snprintf(set, sizeof set, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION,
             VERSION);
    MN_TRY(execute(s, "BEGIN IMMEDIATE", "make"));
    int rc = execute(s, mn_sqlite_schema, "make");
    if (rc >= 0) rc = execute(s, set, "make");
    if (rc >= 0) return execute(s, "COMMIT", "make");
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* The file, of this user alone: SQLite would let everybody read it. What is there stays untouched,
 * for to close it would lose the locks SQLite has on it in this process. */
static int made(const char *where) {
    uint64_t size;
    int64_t when;
    if (mn_file_stat(where, &size, &when) != MN_ENOENT) return 0;
    int fd = mn_append_open(where, 0);
    if (fd < 0) return fd;
    mn_append_close(&fd);
    return 0;
}

/* A path of no file stays one. */
static int there(const char *path) {
    uint64_t size;
    int64_t when;
    const int rc = mn_file_stat(path, &size, &when);
    return rc == MN_ENOENT || (rc >= 0 && !size)
               ? MN_FAIL(MN_ENOENT, "there are no records in %s", path)
               : rc;
}

static int count_frames(void *user, sqlite3 *db, const char *name, int frames) {
    sqlite_store *const s = user;
    (void)db, (void)name;
    s->frames = frames;
    return SQLITE_OK;
}

/* SQLite takes names such as ":memory:" and "file:x?mode=ro" for something else than files; with a
 * folder in front they are. */
static int path_of(const char *where, char **out) {
    mn_buf path = {0};
    MN_TRY(mn_buf_printf(&path, "%s%s", *where == '/' ? "" : "./", where));
    *out = path.data;
    return 0;
}

static int open_file(sqlite_store *s, const char *where, int how) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    char set[96];
    int64_t version = 0;
    MN_TRY(path_of(where, &s->path));
    if (how & MN_STORE_THERE) MN_TRY(there(s->path));
    MN_TRY(mn_sync_open(s->path, how & MN_STORE_DURABLE, &s->sync));
    MN_TRY(mn_sync_lock(s->sync));
    int rc = made(s->path);
    if (rc >= 0 && sqlite3_open_v2(s->path, &s->db, flags, mn_pages_vfs())) rc = fail(s, "open");
    if (rc >= 0) {
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_busy_timeout(s->db, BUSY_MS);
        snprintf(
            set, sizeof set,
            "PRAGMA cache_size = -%d; PRAGMA journal_size_limit = %d; PRAGMA secure_delete = ON",
            CACHE_KIB, 2 * JOURNAL_MOST);
        rc = execute(s, set, "open");
    }
    if (rc >= 0) rc = version_of(s, &version);
    if (rc >= 0)
        rc = execute(s,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                     "PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY",
                     "open");
    if (rc >= 0 && !version) rc = make_tables(s);
    if (rc >= 0) rc = mn_sqlite_marks_open(s);
    if (s->db) sqlite3_wal_hook(s->db, count_frames, s);
    mn_sync_unlock(s->sync, rc >= 0);
    return rc;
}

static void store_close(mn_store *base) {
    sqlite_store *const s = (sqlite_store *)base;
    for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(s->st[i]);
    for (int i = 0; i < MN_PARTS; i++) sqlite3_finalize(s->take[i]);
    if (s->db) {
        /* Whoever closes has time; readers of old pages are not waited for. */
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        sqlite3_close(s->db);
    }
    mn_sync_close(&s->sync);
    mn_free(s->path);
    mn_free(s);
}

static int store_claims(const char *where) {
    return mn_place_is_file(where);
}

static int store_open(const char *where, int how, mn_store **out) {
    sqlite_store *const s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory to open %s", where);
    s->base.kind = &mn_store_sqlite;
    const int rc = open_file(s, where, how);
    if (rc < 0)
        store_close(&s->base);
    else
        *out = &s->base;
    return rc;
}

/* ---- transactions ------------------------------------------------------------------------- */
/* What is in a file that has no name any more nobody else sees, and the last process that has it
 * open takes it along: nothing may be acknowledged there. */
static int still_there(sqlite_store *s) {
    int moved = 0;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved ? MN_FAIL(MN_EIO,
                           "the store %s is gone: its file was moved or removed while it was open; "
                           "start again to go on with what is there now",
                           s->path)
                 : 0;
}

static int begin_write(sqlite_store *s) {
    const int rc = run_ids(s, BEGIN_WRITE, 0, NULL, "write to");
    s->writing = rc >= 0;
    if (rc < 0) mn_sync_unlock(s->sync, 0);
    return rc;
}

static int store_begin(mn_store *base, int write) {
    sqlite_store *const s = (sqlite_store *)base;
    MN_TRY(still_there(s));
    if (!write) {
        mn_sync_pass(s->sync);
        return run_ids(s, BEGIN, 0, NULL, "read");
    }
    MN_TRY(mn_sync_lock(s->sync));
    return begin_write(s);
}

static int store_ask(mn_store *base, const void *request, size_t n, int64_t *id) {
    sqlite_store *const s = (sqlite_store *)base;
    mn_desk_reply reply;
    MN_TRY(still_there(s));
    int rc = mn_sync_ask(s->sync, request, n, &reply);
    *id = reply.id;
    if (rc == 0) return begin_write(s);
    if (rc == 1) MN_TRY(mn_sync_wait(s->sync));
    return rc;
}

static int store_answer(mn_store *base, mn_desks_each *each, void *user) {
    return mn_sync_take(((sqlite_store *)base)->sync, each, user);
}

/* Most of the journal is brought to the file while others write. What they write meanwhile is
 * brought in a turn of ours, after which the next writer begins the journal anew. */
static void shorten(sqlite_store *s) {
    s->frames = 0;
    for (int i = 0; i < 2; i++)
        if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL)) return;
    if (mn_sync_lock(s->sync) < 0) return;
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    mn_sync_unlock(s->sync, 1);
}

static int store_end(mn_store *base, int keep) {
    sqlite_store *const s = (sqlite_store *)base;
    const int wrote = s->writing && keep;
    int rc = run_ids(s, keep ? COMMIT : ROLLBACK, 0, NULL, "write to");
    /* What failed to be written may leave the transaction open. */
    if (rc < 0) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    if (wrote && rc >= 0) mn_sync_ahead(s->sync, (int64_t)s->frames * FRAME);
    if (s->writing) mn_sync_unlock(s->sync, keep && rc >= 0);
    s->writing = 0;
    if (wrote && s->frames > JOURNAL_MOST / PAGE) shorten(s);
    return rc >= 0 && wrote ? mn_sync_wait(s->sync) : rc;
}

/* ---- owners ------------------------------------------------------------------------------- */
static int store_owner(mn_store *base, const char *tenant, const char *user, int make,
                       int64_t *out) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    *out = 0;
    MN_TRY(ready(s, OWNER, &q));
    text_in(q, 1, tenant);
    text_in(q, 2, user);
    const int there = one(s, q, out, NULL);
    sqlite3_clear_bindings(q);
    if (there || !make) return there < 0 ? there : 0;
    MN_TRY(ready(s, OWNER_NEW, &q));
    text_in(q, 1, tenant);
    text_in(q, 2, user);
    MN_TRY(run(s, q, "write to"));
    *out = sqlite3_last_insert_rowid(s->db);
    return 0;
}

static int store_whose(mn_store *base, int64_t owner,
                       int (*each)(void *user, const char *tenant, const char *name), void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, WHOSE, &q));
    sqlite3_bind_int64(q, 1, owner);
    const int rc = sqlite3_step(q);
    const int did = rc == SQLITE_ROW    ? each(user, text_out(q, 0), text_out(q, 1))
                    : rc == SQLITE_DONE ? 0
                                        : fail(s, "read");
    sqlite3_reset(q);
    return did;
}

static int store_span(mn_store *base, int64_t owner, int64_t *rows, int64_t *words) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    *rows = *words = 0;
    MN_TRY(ready(s, SPAN, &q));
    sqlite3_bind_int64(q, 1, owner);
    const int rc = one(s, q, rows, words);
    return rc < 0 ? rc : 0;
}

/* ---- rows --------------------------------------------------------------------------------- */
static void bind_row(sqlite3_stmt *q, int64_t owner, const mn_row *r) {
    const int64_t number[] = {r->id, r->of, r->from, r->until, r->created, r->expired};
    const char *const text[] = {r->time, r->session, r->speaker, r->ref, r->source,
                                r->kind, r->agent,   r->run,     r->meta};
    for (int i = 0; i < 6; i++) sqlite3_bind_int64(q, i + 1, number[i]);
    sqlite3_bind_text64(q, 7, r->text, r->n, SQLITE_STATIC, SQLITE_UTF8);
    for (int i = 0; i < 9; i++) text_in(q, i + 8, text[i]);
    sqlite3_bind_int64(q, 17, owner);
}

static int store_insert(mn_store *base, int64_t owner, const mn_row *row, int64_t *id) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, INSERT, &q));
    bind_row(q, owner, row);
    MN_TRY(run(s, q, "write to"));
    *id = sqlite3_last_insert_rowid(s->db);
    if (!*row->speaker) return 0;
    MN_TRY(ready(s, SPEAKS, &q));
    sqlite3_bind_int64(q, 1, owner);
    text_in(q, 2, row->speaker);
    return run(s, q, "write to");
}

static int store_replace(mn_store *base, int64_t owner, const mn_row *row) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, REPLACE, &q));
    bind_row(q, owner, row);
    return run(s, q, "write to");
}

static int store_remove(mn_store *base, int64_t owner, int64_t id) {
    sqlite_store *const s = (sqlite_store *)base;
    MN_TRY(run_ids(s, SILENT, 2, (int64_t[]){owner, id}, "write to"));
    if (sqlite3_changes(s->db)) MN_TRY(run_ids(s, SILENT_OUT, 1, &owner, "write to"));
    MN_TRY(run_ids(s, REMOVE, 2, (int64_t[]){id, owner}, "write to"));
    if (!sqlite3_changes(s->db)) return 0;
    MN_TRY(run_ids(s, VECTOR_OUT, 1, &id, "write to"));
    MN_TRY(run_ids(s, UNLINK_ALL, 2, (int64_t[]){owner, id}, "write to"));
    MN_TRY(run_ids(s, UNQUEUE, 1, &id, "write to"));
    MN_TRY(run_ids(s, UNLOG, 2, (int64_t[]){owner, id}, "write to"));
    return run_ids(s, WAIT_OUT, 1, &id, "write to");
}

static mn_row row_of(sqlite3_stmt *q) {
    return (mn_row){.id = sqlite3_column_int64(q, 0),
                    .of = sqlite3_column_int64(q, 1),
                    .from = sqlite3_column_int64(q, 2),
                    .until = sqlite3_column_int64(q, 3),
                    .created = sqlite3_column_int64(q, 4),
                    .expired = sqlite3_column_int64(q, 5),
                    .text = text_out(q, 6),
                    .n = (size_t)sqlite3_column_bytes(q, 6),
                    .time = text_out(q, 7),
                    .session = text_out(q, 8),
                    .speaker = text_out(q, 9),
                    .ref = text_out(q, 10),
                    .source = text_out(q, 11),
                    .kind = text_out(q, 12),
                    .agent = text_out(q, 13),
                    .run = text_out(q, 14),
                    .meta = text_out(q, 15)};
}

/* The rows a statement gives; how many, or what `each` did. Bound values are let go of. */
static int all_rows(sqlite_store *s, sqlite3_stmt *q, mn_row_each *each, void *user) {
    int rc, n = 0, stop = 0;
    while (!stop && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const mn_row row = row_of(q);
        n++;
        stop = each(user, &row);
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return stop ? stop : n;
}

static int all_ids(sqlite_store *s, sqlite3_stmt *q, int64_t *ids, int64_t most) {
    int rc = SQLITE_DONE, n = 0;
    while (n < most && (rc = sqlite3_step(q)) == SQLITE_ROW) ids[n++] = sqlite3_column_int64(q, 0);
    const int bad = rc != SQLITE_DONE && rc != SQLITE_ROW ? fail(s, "search") : 0;
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return bad ? bad : n;
}

/* The question as text: which parts it has depends on what is asked for. */
static int rows_sql(const mn_rows *w, char *out, size_t cap) {
    const char *const by = w->id                 ? "record"
                           : w->session          ? "record INDEXED BY record_session"
                           : w->kind && *w->kind ? "record INDEXED BY record_kind"
                                                 : "record";
    return snprintf(out, cap,
                    "SELECT " FIELDS " FROM %s WHERE owner = ?1 AND of = 0%s%s%s%s%s%s%s%s "
                    "ORDER BY id %sLIMIT ?10",
                    by, w->id ? " AND id = ?2" : "",
                    !w->after   ? ""
                    : w->newest ? " AND id < ?3"
                                : " AND id > ?3",
                    w->agent ? " AND agent = ?4" : "", w->run ? " AND run = ?5" : "",
                    w->session ? " AND session = ?6 AND session <> ''" : "",
                    w->source ? " AND source = ?7" : "", w->ref ? " AND ref = ?8" : "",
                    !w->kind   ? ""
                    : *w->kind ? " AND kind = ?9 AND kind <> ''"
                               : " AND kind = ?9",
                    w->newest ? "DESC " : "");
}

/* Records with their versions, each of which has the record's fields. */
typedef struct versions {
    sqlite_store *s;
    mn_row_each *each;
    void *user;
    int64_t most;
    int n, stop; /* stop: what `each` returned */
    int before;  /* they come before their record */
} versions;

static int one_version(void *user, const mn_row *row) {
    versions *const v = user;
    v->stop = v->each(v->user, row);
    return ++v->n == v->most && !v->stop ? 1 : v->stop;
}

static int former(versions *v, int64_t id) {
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(v->s, FORMER, &q));
    sqlite3_bind_int64(q, 1, id);
    const int rc = all_rows(v->s, q, one_version, v);
    return rc < 0 || v->stop || v->n == v->most ? rc : 0;
}

static int with_versions(void *user, const mn_row *row) {
    versions *const v = user;
    int stop = v->before ? former(v, row->id) : one_version(v, row);
    if (!stop) stop = v->before ? one_version(v, row) : former(v, row->id);
    return stop;
}

static int store_rows(mn_store *base, const mn_rows *w, mn_row_each *each, void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    versions v = {.s = s,
                  .each = each,
                  .user = user,
                  .most = w->most ? w->most : -1,
                  .before = w->versions == MN_BEFORE};
    char question[600];
    sqlite3_stmt *q = NULL;
    rows_sql(w, question, sizeof question);
    if (sqlite3_prepare_v2(s->db, question, -1, &q, NULL)) return fail(s, "ask");
    const char *const text[] = {w->agent, w->run, w->session, w->source, w->ref, w->kind};
    sqlite3_bind_int64(q, 1, w->owner);
    if (w->id) sqlite3_bind_int64(q, 2, w->id);
    if (w->after) sqlite3_bind_int64(q, 3, w->after);
    for (int i = 0; i < 6; i++)
        if (text[i]) text_in(q, i + 4, text[i]);
    sqlite3_bind_int64(q, 10, v.most);
    int n = w->versions ? all_rows(s, q, with_versions, &v) : all_rows(s, q, each, user);
    if (w->versions && n >= 0) n = v.stop ? v.stop : v.n;
    sqlite3_finalize(q);
    return n;
}

static int store_fetch(mn_store *base, int64_t owner, const int64_t *ids, int n, mn_row_each *each,
                       void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int found = 0, stop = 0;
    MN_TRY(ready(s, FETCH, &q));
    for (int i = 0; i < n && !stop; i++) {
        sqlite3_bind_int64(q, 1, ids[i]);
        sqlite3_bind_int64(q, 2, owner);
        const int rc = sqlite3_step(q);
        if (rc == SQLITE_ROW) {
            const mn_row row = row_of(q);
            found++;
            stop = each(user, &row);
        } else if (rc != SQLITE_DONE) {
            stop = fail(s, "read");
        }
        sqlite3_reset(q);
    }
    return stop ? stop : found;
}

static int store_around(mn_store *base, int64_t owner, const char *session, int64_t id, int reach,
                        int behind, mn_row_each *each, void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, behind ? BEHIND : BEFORE, &q));
    sqlite3_bind_int64(q, 1, owner);
    text_in(q, 2, session);
    sqlite3_bind_int64(q, 3, id);
    sqlite3_bind_int(q, 4, reach);
    return all_rows(s, q, each, user);
}

static int store_during(mn_store *base, int64_t owner, int64_t from, int64_t until, int64_t *ids,
                        int most) {
    sqlite_store *const s = (sqlite_store *)base;
    const int64_t v[] = {owner, from, until, most};
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, DURING, &q));
    for (int i = 0; i < 4; i++) sqlite3_bind_int64(q, i + 1, v[i]);
    return all_ids(s, q, ids, most);
}

static int store_speakers(mn_store *base, int64_t owner, int most,
                          int (*each)(void *user, const char *name), void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, stop = 0;
    MN_TRY(ready(s, SPEAKERS, &q));
    sqlite3_bind_int64(q, 1, owner);
    sqlite3_bind_int(q, 2, most);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) stop = each(user, text_out(q, 0));
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop;
}

/* ---- the word index ----------------------------------------------------------------------- */
static int store_index(mn_store *base, int64_t owner, int64_t id, const char *line, size_t n,
                       int64_t words, int out) {
    sqlite_store *const s = (sqlite_store *)base;
    const int64_t count[] = {owner, out ? -1 : 1, out ? -words : words};
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, out ? UNINDEX : INDEX, &q));
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_text64(q, 2, line, n, SQLITE_STATIC, SQLITE_UTF8);
    MN_TRY(run(s, q, "write to"));
    return run_ids(s, COUNT, 3, count, "write to");
}

static int store_reindex(mn_store *base, int (*each)(void *user, int64_t owner, const mn_row *row),
                         void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, stop = 0;
    MN_TRY(execute(s,
                   "INSERT INTO words(words) VALUES('delete-all');"
                   "UPDATE owner SET n = 0, words = 0",
                   "write to"));
    MN_TRY(ready(s, ALL, &q));
    while (!stop && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const mn_row row = row_of(q);
        stop = each(user, sqlite3_column_int64(q, 16), &row);
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop;
}

static int store_match(mn_store *base, const char *words, int64_t *ids, int64_t most) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, MATCH, &q));
    text_in(q, 1, words);
    sqlite3_bind_int64(q, 2, most);
    return all_ids(s, q, ids, most);
}

/* ---- vectors ------------------------------------------------------------------------------ */
static int store_waiting(mn_store *base, int64_t most,
                         int (*each)(void *user, int64_t id, int64_t owner, const char *text,
                                     size_t n),
                         void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, n = 0, stop = 0;
    MN_TRY(ready(s, WAITING, &q));
    sqlite3_bind_int64(q, 1, most);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) {
        n++;
        const char *const text = text_out(q, 2);
        stop = each(user, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), text,
                    (size_t)sqlite3_column_bytes(q, 2));
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop ? stop : n;
}

static int store_waits(mn_store *base, int64_t *n) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, WAITS, &q));
    const int rc = one(s, q, n, NULL);
    return rc < 0 ? rc : 0;
}

static int store_vector(mn_store *base, int64_t id, const void *v, size_t n) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(run_ids(s, WAIT_OUT, 1, &id, "write to"));
    MN_TRY(run_ids(s, VECTOR_OUT, 1, &id, "write to"));
    if (!n) return 0;
    MN_TRY(ready(s, VECTOR, &q));
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_blob64(q, 2, v, n, SQLITE_STATIC);
    return run(s, q, "write to");
}

static int store_move(mn_store *base, int64_t id, int64_t to) {
    sqlite_store *const s = (sqlite_store *)base;
    MN_TRY(run_ids(s, MOVE_OUT, 2, (int64_t[]){id, to}, "write to"));
    return run_ids(s, MOVE, 2, (int64_t[]){id, to}, "write to");
}

static int store_wait(mn_store *base, int64_t id) {
    return run_ids((sqlite_store *)base, WAIT, 1, &id, "write to");
}

static int store_vectors(mn_store *base, int64_t owner, int64_t *after,
                         int (*each)(void *user, int64_t id, const void *v, size_t n), void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc, n = 0, stop = 0;
    MN_TRY(ready(s, VECTORS, &q));
    sqlite3_bind_int64(q, 1, owner);
    sqlite3_bind_int64(q, 2, *after);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !stop) {
        const void *const v = sqlite3_column_blob(q, 2);
        n++;
        stop = each(user, sqlite3_column_int64(q, 1), v, (size_t)sqlite3_column_bytes(q, 2));
        if (!stop) *after = sqlite3_column_int64(q, 0);
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_reset(q);
    return stop ? stop : n;
}

static int store_again(mn_store *base) {
    sqlite_store *const s = (sqlite_store *)base;
    MN_TRY(run_ids(s, AGAIN_OUT, 0, NULL, "write to"));
    return run_ids(s, AGAIN_WAIT, 0, NULL, "write to");
}

/* ---- about the store ---------------------------------------------------------------------- */
static int store_get(mn_store *base, const char *name, char *value, size_t cap) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, GET, &q));
    text_in(q, 1, name);
    const int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) snprintf(value, cap, "%s", text_out(q, 0));
    const int bad = rc != SQLITE_DONE && rc != SQLITE_ROW ? fail(s, "read") : 0;
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return bad ? bad : rc == SQLITE_ROW;
}

static int store_set(mn_store *base, const char *name, const char *value) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    MN_TRY(ready(s, SET, &q));
    text_in(q, 1, name);
    text_in(q, 2, value);
    return run(s, q, "write to");
}

/* A negative number of pages has FTS5 merge everything there is into one, step by step; others
 * write between the steps. It is done when a step changes less than two rows of its tables. */
static int merged(sqlite_store *s) {
    const int64_t pages = -MERGE_PAGES;
    for (;;) {
        MN_TRY(store_begin(&s->base, 1));
        const int before = sqlite3_total_changes(s->db);
        int rc = run_ids(s, MERGE, 1, &pages, "write to");
        const int changed = sqlite3_total_changes(s->db) - before;
        const int end = store_end(&s->base, rc >= 0);
        if (rc >= 0) rc = end;
        if (rc < 0 || changed < 2) return rc;
    }
}

static void store_rest(mn_store *base) {
    sqlite_store *const s = (sqlite_store *)base;
    if (mn_sync_length(s->sync) > JOURNAL_REST)
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* With the turn to write. SQLite waits for readers, but not for who makes a checkpoint just now:
 * `shorten`, `rest` and `close` do so outside of a turn. */
static int empty_journal(sqlite_store *s) {
    const uint64_t from = mn_clock_ns();
    int rc;
    MN_TRY(mn_sync_shut(s->sync));
    while ((rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL)) ==
               SQLITE_BUSY &&
           mn_clock_ns() - from < BUSY_MS * UINT64_C(1000000))
        sqlite3_sleep(1);
    if (rc) rc = fail(s, "empty the journal of");
    mn_sync_reopen(s->sync);
    sqlite3_db_release_memory(s->db); /* pages as they were before they came to the file */
    return rc;
}

static int store_scrub(mn_store *base) {
    sqlite_store *const s = (sqlite_store *)base;
    MN_TRY(merged(s));
    MN_TRY(mn_sync_lock(s->sync));
    mn_levels_lower(s->path, mn_pages_vfs());
    const int rc = empty_journal(s);
    mn_sync_unlock(s->sync, 1);
    return rc;
}

const mn_store_kind mn_store_sqlite = {
    .name = "sqlite",
    .claims = store_claims,
    .open = store_open,
    .close = store_close,
    .begin = store_begin,
    .ask = store_ask,
    .answer = store_answer,
    .end = store_end,
    .owner = store_owner,
    .whose = store_whose,
    .span = store_span,
    .insert = store_insert,
    .replace = store_replace,
    .remove = store_remove,
    .rows = store_rows,
    .fetch = store_fetch,
    .around = store_around,
    .during = store_during,
    .speakers = store_speakers,
    .link = mn_sqlite_link,
    .unlink = mn_sqlite_unlink,
    .links = mn_sqlite_links,
    .queue = mn_sqlite_queue,
    .queue_again = mn_sqlite_queue_again,
    .queued = mn_sqlite_queued,
    .done = mn_sqlite_done,
    .log = mn_sqlite_log,
    .logs = mn_sqlite_logs,
    .index = store_index,
    .reindex = store_reindex,
    .match = store_match,
    .waiting = store_waiting,
    .waits = store_waits,
    .vector = store_vector,
    .move = store_move,
    .wait = store_wait,
    .vectors = store_vectors,
    .again = store_again,
    .marks = mn_sqlite_marks,
    .vectors_in = mn_sqlite_vectors_in,
    .get = store_get,
    .set = store_set,
    .pieces = mn_sqlite_pieces,
    .take = mn_sqlite_take,
    .rest = store_rest,
    .scrub = store_scrub,
};
