/* SPDX-License-Identifier: Apache-2.0
 *
 * region/journal.c - appending, syncing together, reading again.
 */
#include "region/journal.h"

#include "base/alloc.h"
#include "base/append.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOCK = MN_REGION_PROCS + 1, PATIENCE_US = 20000, LOOK_US = 200, SMALL = 1 << 16 };

/* ---- writing ------------------------------------------------------------------------------ */
static int opened(mn_region *r) {
    int rc = 0;
    if (!r->journal[0])
        return MN_FAIL(MN_ENOENT, "nothing can be durable: there is no data folder (set HOME or "
                                  "OMNESIA_DATA)");
    pthread_mutex_lock(&r->graves);
    if (r->journal_fd < 0) rc = r->journal_fd = mn_append_open(r->journal, 0);
    pthread_mutex_unlock(&r->graves);
    return rc < 0 ? rc : 0;
}

static int has_failed(const mn_region *r) {
    return MN_FAIL(MN_EIO,
                   "the disk has failed to keep %s once, so nothing is durable until this region "
                   "is made anew; what was put is in memory",
                   r->journal);
}

static int sync_now(mn_region *r) {
    mn_region_tops *const t = mn_tops(r);
    uint64_t end;
    const int rc = mn_append_sync(r->journal_fd, r->journal, &end);
    if (rc < 0) {
        mn_word_store(&t->failed, 1);
        return rc;
    }
    mn_word_add(&t->syncs, 1);
    for (uint64_t was; (was = mn_word_load(&t->synced)) < end;)
        if (mn_word_cas(&t->synced, was, end)) break;
    return 0;
}

/* All up to `end` is on disk: whoever is first syncs for those who have appended meanwhile. Nobody
 * waits long for another, who may have been stopped. */
static int sync_to(mn_region *r, uint64_t end) {
    mn_region_tops *const t = mn_tops(r);
    for (int us = 0; us < PATIENCE_US; us += LOOK_US) {
        if (mn_word_load(&t->failed)) return has_failed(r);
        if (mn_word_load(&t->synced) >= end) return 0;
        if (mn_byte_lock_try(r->locks, LOCK)) {
            const int rc = mn_word_load(&t->synced) >= end ? 0 : sync_now(r);
            mn_byte_lock_free(r->locks, LOCK);
            return rc;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOOK_US * 1000}, NULL);
    }
    return sync_now(r);
}

static int record(mn_buf *out, const char *key, size_t n, const void *value,
                  const mn_object_head *head, int gone) {
    mn_journal_head h = {.magic = MN_JOURNAL_RECORD,
                         .key = (uint32_t)n | (gone ? MN_JOURNAL_GONE : 0),
                         .version = head->version,
                         .expiry = head->expiry,
                         .born = head->born,
                         .value = gone ? 0 : head->size};
    const size_t at = out->len;
    MN_TRY(mn_buf_append(out, &h, sizeof h));
    MN_TRY(mn_buf_append(out, key, n));
    if (h.value) MN_TRY(mn_buf_append(out, value, h.value));
    h.sum = mn_hash64(out->data + at + MN_JOURNAL_SUMMED, out->len - at - MN_JOURNAL_SUMMED);
    memcpy(out->data + at, &h, sizeof h);
    return 0;
}

int mn_journal_add(mn_region *r, const char *key, size_t n, const void *value,
                   const mn_object_head *head, int gone, int sync) {
    mn_buf text = {0};
    uint64_t end;
    MN_TRY(opened(r));
    if (mn_word_load(&mn_tops(r)->failed)) return has_failed(r);
    int rc = record(&text, key, n, value, head, gone);
    if (rc >= 0) rc = mn_append(r->journal_fd, r->journal, text.data, text.len);
    if (rc >= 0) rc = mn_append_end(r->journal_fd, r->journal, &end);
    if (rc >= 0 && sync) rc = sync_to(r, end);
    mn_buf_free(&text);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------ */
typedef struct found { /* a whole record */
    const uint8_t *at;
    mn_journal_head h;
} found;

static size_t key_bytes(const mn_journal_head *h) {
    return h->key & 0xffff;
}
static uint64_t record_bytes(const mn_journal_head *h) {
    return sizeof *h + key_bytes(h) + h->value;
}

/* Is there a whole record at p? */
static int whole(const uint8_t *p, size_t left, mn_journal_head *h) {
    if (left < sizeof *h) return 0;
    memcpy(h, p, sizeof *h);
    if (h->magic != MN_JOURNAL_RECORD || !key_bytes(h) || key_bytes(h) > MN_OBJECT_KEY ||
        h->value > MN_OBJECT_VALUE || h->version >> 40 || record_bytes(h) > left)
        return 0;
    return h->sum == mn_hash64(p + MN_JOURNAL_SUMMED, record_bytes(h) - MN_JOURNAL_SUMMED);
}

/* All whole records, in the order they stand; *torn: there was something else between them. */
static int read_all(const mn_map *map, mn_buf *out) {
    const uint32_t magic = MN_JOURNAL_RECORD;
    const uint8_t *p = map->data, *const end = p + map->size;
    while (p && p < end) {
        found f = {.at = p};
        if (whole(p, (size_t)(end - p), &f.h)) {
            MN_TRY(mn_buf_append(out, &f, sizeof f));
            p += record_bytes(&f.h);
        } else {
            p = memmem(p + 1, (size_t)(end - p - 1), &magic, sizeof magic);
        }
    }
    return 0;
}

/* By key, then by version. */
static int order(const void *a, const void *b) {
    const found *x = a, *y = b;
    const size_t n = key_bytes(&x->h), m = key_bytes(&y->h);
    const int by_key = memcmp(x->at + sizeof x->h, y->at + sizeof y->h, n < m ? n : m);
    if (by_key || n != m) return by_key ? by_key : n < m ? -1 : 1;
    return x->h.version < y->h.version ? -1 : x->h.version > y->h.version;
}

static int same_key(const found *x, const found *y) {
    return key_bytes(&x->h) == key_bytes(&y->h) &&
           memcmp(x->at + sizeof x->h, y->at + sizeof y->h, key_bytes(&x->h)) == 0;
}

/* The last record of an object: it is put back, unless it was deleted, or has expired. */
static int put_back(mn_region *r, const found *f, uint64_t now, mn_buf *kept) {
    char key[MN_OBJECT_KEY + 1];
    const size_t n = key_bytes(&f->h);
    const mn_object_head head = {f->h.version, f->h.expiry, f->h.born, (uint32_t)f->h.value, 1};
    memcpy(key, f->at + sizeof f->h, n);
    key[n] = 0;
    mn_object_raise(r, key, n, f->h.version);
    if (f->h.key & MN_JOURNAL_GONE || (f->h.expiry && f->h.expiry <= now)) return 0;
    if (strlen(key) != n) return 0; /* nobody puts such a key */
    MN_TRY(mn_object_put_back(r, key, f->at + sizeof f->h + n, &head));
    return mn_buf_append(kept, f->at, record_bytes(&f->h));
}

/* Without what is of no use; nobody else has the file open. */
static int write_again(const char *path, const mn_buf *kept) {
    mn_filew *out;
    int fd = mn_append_open(path, 1);
    MN_TRY(fd);
    int rc = mn_file_begin(path, &out);
    if (rc >= 0 && (rc = mn_file_write(out, kept->data, kept->len)) >= 0)
        rc = mn_file_commit(&out);
    else if (rc < 0)
        mn_file_abort(&out);
    mn_append_close(&fd);
    return rc;
}

static int restore(mn_region *r, const mn_map *map) {
    mn_buf all = {0}, kept = {0};
    int rc = read_all(map, &all);
    found *const f = (found *)(void *)all.data;
    const size_t n = all.len / sizeof *f;
    const int ours = n && f[0].at == map->data; /* else it may be anything: leave it alone */
    const uint64_t now = mn_cell_now();
    if (rc >= 0 && n) qsort(f, n, sizeof *f, order);
    for (size_t i = 0; rc >= 0 && i < n; i++)
        if (i + 1 == n || !same_key(f + i, f + i + 1)) rc = put_back(r, f + i, now, &kept);
    if (rc >= 0 && ours && map->size > SMALL && kept.len < map->size / 2 &&
        write_again(r->journal, &kept) < 0)
        rc = 0; /* it is only longer than it need be */
    mn_buf_free(&all);
    mn_buf_free(&kept);
    return rc;
}

int mn_journal_restore(mn_region *r) {
    mn_map map = {0};
    if (!r->journal[0]) return 0;
    const int rc = mn_file_map(r->journal, &map);
    if (rc == MN_ENOENT || rc == MN_ECORRUPT) return 0; /* absent, or empty */
    MN_TRY(rc);
    const int done = restore(r, &map);
    mn_file_unmap(&map);
    if (r->me >= 0) mn_word_store(&mn_proc(r, r->me)->puts, 0);
    return done;
}
