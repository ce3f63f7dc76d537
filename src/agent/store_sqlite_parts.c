/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_sqlite_parts.c - a store in SQLite: all it has, piece by piece.
 */
#include "agent/store_sqlite.h"

#include <string.h>

#define ROW                                                                                    \
    "id, owner, of, valid_from, valid_until, created, expired, text, time, session, speaker, " \
    "ref, source, kind, agent, run, meta"

/* Numbers first, then texts; and how a piece is written. */
static const struct {
    const char *read, *write;
} part[MN_PARTS] = {
    [MN_PART_about] = {"SELECT name, value FROM about ORDER BY name",
                       "INSERT OR REPLACE INTO about(name, value) VALUES(?1, ?2)"},
    [MN_PART_owner] = {"SELECT id, tenant, user FROM owner ORDER BY id",
                       "INSERT INTO owner(id, tenant, user) VALUES(?1, ?2, ?3)"},
    [MN_PART_record] = {"SELECT " ROW " FROM record ORDER BY id",
                        "INSERT INTO record(" ROW ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                        "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"},
    [MN_PART_vector] = {"SELECT seq, id, owner, data FROM vector ORDER BY seq",
                        "INSERT INTO vector(seq, id, owner, data) VALUES(?1, ?2, ?3, ?4)"},
    [MN_PART_waiting] = {"SELECT id FROM waiting ORDER BY id",
                         "INSERT INTO waiting(id) VALUES(?1)"},
    [MN_PART_link] = {"SELECT owner, one, other, what FROM link ORDER BY owner, one, what, other",
                      "INSERT INTO link(owner, one, other, what) VALUES(?1, ?2, ?3, ?4)"},
    [MN_PART_queue] = {"SELECT id, owner, done, organiser FROM queue ORDER BY organiser, id",
                       "INSERT INTO queue(id, owner, done, organiser) VALUES(?1, ?2, ?3, ?4)"},
    [MN_PART_log] = {"SELECT seq, owner, at, id, other, organiser, op FROM log ORDER BY seq",
                     "INSERT INTO log(seq, owner, at, id, other, organiser, op) VALUES(?1, ?2, ?3, "
                     "?4, ?5, ?6, ?7)"},
    [MN_PART_number] = {"SELECT seq, name FROM sqlite_sequence WHERE name IN ('owner', 'record', "
                        "'vector') AND seq > 0 ORDER BY name",
                        "INSERT INTO sqlite_sequence(seq, name) VALUES(?1, ?2)"},
};

static mn_store_piece piece_of(sqlite3_stmt *q, int which) {
    mn_store_piece p = {.part = which};
    const int numbers = mn_store_parts[which].numbers;
    for (int i = 0; i < numbers; i++) p.number[i] = sqlite3_column_int64(q, i);
    for (int i = 0; i < mn_store_parts[which].texts; i++) {
        const int blob = sqlite3_column_type(q, numbers + i) == SQLITE_BLOB;
        p.text[i] = blob ? sqlite3_column_blob(q, numbers + i) : text_out(q, numbers + i);
        p.length[i] = (size_t)sqlite3_column_bytes(q, numbers + i);
    }
    return p;
}

int mn_sqlite_pieces(mn_store *base, int which, mn_piece_each *each, void *user) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt *q = NULL;
    int rc = SQLITE_DONE, n = 0, stop = 0;
    if (sqlite3_prepare_v2(s->db, part[which].read, -1, &q, NULL)) return fail(s, "ask");
    while (!stop && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const mn_store_piece p = piece_of(q, which);
        n++;
        stop = each(user, &p);
    }
    if (!stop && rc != SQLITE_DONE) stop = fail(s, "read");
    sqlite3_finalize(q);
    return stop ? stop : n;
}

static int count_speaker(sqlite_store *s, const mn_store_piece *p) {
    sqlite3_stmt *q = NULL;
    const char *const speaker = p->text[3];
    if (!*speaker) return 0;
    MN_TRY(ready(s, SPEAKS, &q));
    sqlite3_bind_int64(q, 1, p->number[1]);
    text_in(q, 2, speaker);
    return run(s, q, "write to");
}

/* What SQLite has noted itself, from what it was given until now, is not the last. */
static int forget_number(sqlite_store *s, const char *name) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, "DELETE FROM sqlite_sequence WHERE name = ?1", -1, &q, NULL))
        return fail(s, "write to");
    text_in(q, 1, name);
    const int rc = run(s, q, "write to");
    sqlite3_finalize(q);
    return rc;
}

int mn_sqlite_take(mn_store *base, const mn_store_piece *p) {
    sqlite_store *const s = (sqlite_store *)base;
    sqlite3_stmt **const q = s->take + p->part;
    int at = 0;
    if (p->part == MN_PART_number) MN_TRY(forget_number(s, p->text[0]));
    if (!*q &&
        sqlite3_prepare_v3(s->db, part[p->part].write, -1, SQLITE_PREPARE_PERSISTENT, q, NULL))
        return fail(s, "write to");
    for (int i = 0; i < mn_store_parts[p->part].numbers; i++)
        sqlite3_bind_int64(*q, ++at, p->number[i]);
    for (int i = 0; i < mn_store_parts[p->part].texts; i++)
        if (p->part == MN_PART_vector)
            sqlite3_bind_blob64(*q, ++at, p->text[i], p->length[i], SQLITE_STATIC);
        else
            sqlite3_bind_text64(*q, ++at, p->text[i], p->length[i], SQLITE_STATIC, SQLITE_UTF8);
    MN_TRY(run(s, *q, "write to"));
    return p->part == MN_PART_record ? count_speaker(s, p) : 0;
}
