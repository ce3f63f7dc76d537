/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/levels.c - the record is read number by number, and written without what is empty.
 */
#include "agent/levels.h"

#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

enum {
    MANY = 64,
    RECORD_MOST = 16384, /* bytes; 2000 levels have 4 KiB */
    COOKIE = 4,
    BUSY_MS = 1000,
};
static const char read_record[] = "SELECT block FROM words_data WHERE id = 10",
                  write_record[] = "UPDATE words_data SET block = ?1 WHERE id = 10";

typedef struct record {
    unsigned char in[RECORD_MOST], out[RECORD_MOST];
    size_t n, at, length; /* bytes of `in`, read so far; of `out` */
    int bad;
} record;

/* At most 4 bytes each: larger numbers are none of ours. */
static uint32_t take(record *r) {
    uint32_t n = 0;
    for (int i = 0; i < 4 && r->at < r->n; i++) {
        const unsigned char c = r->in[r->at++];
        n = n << 7 | (c & 0x7f);
        if (c < 0x80) return n;
    }
    r->bad = 1;
    return 0;
}

static void put(record *r, uint32_t n) {
    unsigned char byte[5];
    int k = 0;
    do {
        byte[k] = (unsigned char)((n & 0x7f) | (k ? 0x80 : 0));
        k++;
    } while (n >>= 7);
    if (r->length + (size_t)k > sizeof r->out) r->bad = 1;
    while (k && !r->bad) r->out[r->length++] = byte[--k];
}

/* The levels, those that are empty left out but for the first; how many stay. With `write` they
 * are put, too. */
static uint32_t levels(record *r, uint32_t count, int write) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        const uint32_t merging = take(r), segments = take(r);
        const int keep = !i || segments;
        kept += (uint32_t)keep;
        if (keep && write) put(r, merging);
        if (keep && write) put(r, segments);
        for (uint32_t k = 0; k < segments && !r->bad; k++)
            for (int field = 0; field < 3; field++) {
                const uint32_t n = take(r);
                if (write) put(r, n);
            }
    }
    return kept;
}

/* 1: r->out is a shorter record that says the same. */
static int shorten(record *r) {
    r->at = r->length = COOKIE;
    memcpy(r->out, r->in, COOKIE);
    const uint32_t count = take(r), segments = take(r), writes = take(r);
    const size_t begin = r->at;
    if (r->bad || count < MANY) return 0;
    const uint32_t kept = levels(r, count, 0);
    if (r->bad || r->at != r->n || kept == count) return 0;
    put(r, kept);
    put(r, segments);
    put(r, writes);
    r->at = begin;
    levels(r, count, 1);
    return !r->bad;
}

static int read_in(sqlite3 *db, record *r) {
    sqlite3_stmt *q = NULL;
    r->n = 0;
    if (sqlite3_prepare_v2(db, read_record, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW) {
        const int n = sqlite3_column_bytes(q, 0);
        if (n > COOKIE && n <= RECORD_MOST) memcpy(r->in, sqlite3_column_blob(q, 0), (size_t)n);
        if (n > COOKIE && n <= RECORD_MOST) r->n = (size_t)n;
    }
    sqlite3_finalize(q);
    return r->n > 0;
}

static int write_out(sqlite3 *db, const record *r) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, write_record, -1, &q, NULL) != SQLITE_OK) return 0;
    sqlite3_bind_blob(q, 1, r->out, (int)r->length, SQLITE_STATIC);
    const int ok = sqlite3_step(q) == SQLITE_DONE;
    sqlite3_finalize(q);
    return ok;
}

void mn_levels_lower(const char *path, const char *vfs) {
    sqlite3 *db = NULL;
    record r = {.n = 0};
    int ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, vfs) == SQLITE_OK;
    if (ok) sqlite3_busy_timeout(db, BUSY_MS);
    ok = ok && sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    if (ok) {
        const int shorter = read_in(db, &r) && shorten(&r) && write_out(db, &r);
        sqlite3_exec(db, shorter ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_close(db);
}
