/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_parts.c - a store in PostgreSQL: all it has, piece by piece.
 */
#include "agent/store_postgres.h"

#include <stdio.h>

enum { PAGE = 256, PAGE_OF_TEXTS = 32 }; /* pieces at once; a text may have a megabyte */

#define ROW                                                                                    \
    "id, owner, of, valid_from, valid_until, created, expired, text, time, session, speaker, " \
    "ref, source, kind, agent, run, meta"

/* Numbers first, then texts. */
static const char *const part[MN_PARTS] = {
    [MN_PART_about] = "SELECT name, value FROM about ORDER BY name",
    [MN_PART_owner] = "SELECT id, tenant, name FROM owner ORDER BY id",
    [MN_PART_record] = "SELECT " ROW " FROM record ORDER BY id",
    [MN_PART_vector] = "SELECT seq, id, owner, data FROM vector ORDER BY seq",
    [MN_PART_waiting] = "SELECT id FROM waiting ORDER BY id",
    [MN_PART_link] = "SELECT owner, one, other, what FROM link ORDER BY owner, one, what, other",
    [MN_PART_queue] = "SELECT id, owner, done::bigint, organiser FROM queue ORDER BY organiser, id",
    [MN_PART_log] = "SELECT seq, owner, at, id, other, organiser, op FROM log ORDER BY seq",
    [MN_PART_number] = "SELECT last_value, 'owner' AS name FROM owner_id_seq WHERE is_called UNION "
                       "ALL SELECT last_value, 'record' FROM record_id_seq WHERE is_called UNION "
                       "ALL SELECT last_value, 'vector' FROM vector_seq_seq WHERE is_called ORDER "
                       "BY name",
};
static const int write_part[MN_PARTS] = {
    [MN_PART_about] = PG_SET,          [MN_PART_owner] = PG_TAKE_OWNER,
    [MN_PART_record] = PG_TAKE_RECORD, [MN_PART_vector] = PG_TAKE_VECTOR,
    [MN_PART_waiting] = PG_WAIT,       [MN_PART_link] = PG_LINK,
    [MN_PART_queue] = PG_TAKE_QUEUE,   [MN_PART_log] = PG_TAKE_LOG,
    [MN_PART_number] = PG_TAKE_NUMBER,
};

static mn_store_piece piece_of(const postgres_store *s, const pg_result *r, int at, int which) {
    mn_store_piece p = {.part = which};
    const int numbers = mn_store_parts[which].numbers;
    for (int i = 0; i < numbers; i++) p.number[i] = number_at(s, r, at, i);
    for (int i = 0; i < mn_store_parts[which].texts; i++) {
        p.text[i] = text_at(s, r, at, numbers + i);
        p.length[i] = bytes_at(s, r, at, numbers + i);
    }
    return p;
}

/* Some pieces of the cursor that is open: how many. */
static int some(postgres_store *s, int which, mn_piece_each *each, void *user, int *stop) {
    char line[40];
    pg_result *r = NULL;
    const int page = which == MN_PART_record ? PAGE_OF_TEXTS : PAGE;
    snprintf(line, sizeof line, "FETCH %d FROM pieces", page);
    MN_TRY(mn_pg_ask(s, line, &(mn_pq_args){.n = 0}, &r));
    int n = 0;
    for (; n < s->pq->ntuples(r) && !*stop; n++) {
        const mn_store_piece p = piece_of(s, r, n, which);
        *stop = each(user, &p);
    }
    s->pq->clear(r);
    return n;
}

int mn_pg_pieces(mn_store *base, int which, mn_piece_each *each, void *user) {
    postgres_store *const s = (postgres_store *)base;
    char line[600];
    int all = 0, n = 1, stop = 0;
    MN_TRY(mn_pg_counted(s));
    snprintf(line, sizeof line, "DECLARE pieces NO SCROLL CURSOR FOR %s", part[which]);
    MN_TRY(mn_pg_do(s, line, "read"));
    while (n > 0 && !stop) {
        n = some(s, which, each, user, &stop);
        MN_TRY(n);
        all += n;
    }
    MN_TRY(mn_pg_do(s, "CLOSE pieces", "read"));
    return stop ? stop : all;
}

int mn_pg_take(mn_store *base, const mn_store_piece *p) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    for (int i = 0; i < mn_store_parts[p->part].numbers; i++) mn_pq_number(&a, p->number[i]);
    for (int i = 0; i < mn_store_parts[p->part].texts; i++)
        mn_pq_bytes(&a, p->text[i], p->length[i]);
    MN_TRY(mn_pg_run(s, write_part[p->part], &a, "write to", NULL));
    const char *const speaker = p->part == MN_PART_record ? p->text[3] : "";
    return *speaker ? mn_pg_count(s, p->number[1], speaker, 1, 0) : 0;
}
