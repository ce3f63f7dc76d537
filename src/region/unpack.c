/* SPDX-License-Identifier: Apache-2.0
 *
 * region/unpack.c - what lies in a parcel, checked, then made extents of this region.
 *
 * An extent is made in the order that its death leaves nothing half: its slot is OPEN and ours, and
 * nobody knows of it; its file is written under the new reference (holding `moving`, so that nobody
 * sweeps it away) and renamed; then the slot says what it is, and at last that it is published. Who
 * dies before that leaves a slot that is buried as free, and a file that is complete or swept.
 *
 * The parcel is mapped, and somebody may write to it meanwhile: what is copied is compared with the
 * sums that were checked, as it was copied.
 */
#include "region/parcel.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "region/inside.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 2000 };

static int bad(const mn_parcel *p, const char *what) {
    return MN_FAIL(MN_ECORRUPT, "%s is damaged (%s): nothing of it was imported", p->path, what);
}

/* ---- the head ----------------------------------------------------------------------------- */
static int check_head(const mn_parcel *p, mn_parcel_head *h) {
    if (p->map.size < sizeof *h || memcmp(p->map.data, MN_PARCEL_MAGIC, sizeof h->magic) != 0)
        return MN_FAIL(MN_EINVAL, "%s was not written by `omnesia region export`", p->path);
    memcpy(h, p->map.data, sizeof *h);
    if (h->version != MN_PARCEL_VERSION)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s is an export of another version of omnesia (%llu, this one reads %d)",
                       p->path, (unsigned long long)h->version, MN_PARCEL_VERSION);
    if (h->bytes != p->map.size)
        return MN_FAIL(MN_ECORRUPT,
                       "%s has %llu bytes, not the %llu it was written with: copy it "
                       "once more",
                       p->path, (unsigned long long)p->map.size, (unsigned long long)h->bytes);
    if (h->count > MN_PARCEL_MOST || h->content > h->bytes || h->content % MN_REGION_PAGE ||
        sizeof *h + h->count * sizeof(uint64_t) > h->content)
        return bad(p, "head");
    return 0;
}

/* Where files begin, from a table that was copied. */
static int places(mn_parcel *p, const mn_parcel_head *h, const uint64_t *size) {
    uint64_t at = h->content;
    for (uint32_t i = 0; i < p->count; i++) {
        p->at[i] = at;
        if (!size[i] || size[i] % MN_REGION_PAGE || size[i] > h->bytes - at) return bad(p, "sizes");
        at += size[i];
    }
    p->at[p->count] = at;
    return at == h->bytes ? 0 : bad(p, "sizes");
}

static int read_head(mn_parcel *p) {
    mn_parcel_head h;
    MN_TRY(check_head(p, &h));
    const uint64_t n = sizeof h + h.count * sizeof(uint64_t);
    mn_buf table = {.what = "the table of an export"};
    MN_TRY(mn_buf_append(&table, p->map.data, n));
    int rc = 0;
    memcpy(table.data, &h, sizeof h); /* what was checked is what is summed */
    if (mn_hash64(table.data + MN_PARCEL_SUMMED, n - MN_PARCEL_SUMMED) != h.sum ||
        !mn_file_blank(p->map.data + n, h.content - n))
        rc = bad(p, "head");
    p->count = (uint32_t)h.count;
    if (rc >= 0 && !(p->at = mn_calloc(h.count + 1, sizeof *p->at)))
        rc = MN_FAIL(MN_ENOMEM, "no memory for a list of %llu files", (unsigned long long)h.count);
    if (rc >= 0) rc = places(p, &h, (const uint64_t *)(const void *)(table.data + sizeof h));
    mn_buf_free(&table);
    return rc;
}

int mn_parcel_open(mn_region *r, const char *path, mn_parcel *out) {
    *out = (mn_parcel){.path = path};
    MN_TRY(mn_parcel_able(r));
    MN_TRY(mn_guard_map(path, &out->map));
    const int rc = read_head(out);
    if (rc < 0) mn_parcel_close(out);
    return rc;
}

void mn_parcel_close(mn_parcel *p) {
    mn_guard_unmap(&p->map);
    mn_free(p->at);
    *p = (mn_parcel){0};
}

/* ---- one file ----------------------------------------------------------------------------- */
/* What has no sum is zero: nothing is carried in unseen. */
static int gaps_blank(const uint8_t *file, const mn_disk_head *h) {
    const uint64_t end = mn_disk_table(h), rows = mn_disk_rows(h->group, h->length);
    int is = mn_file_blank(file + end, h->content - end);
    for (uint64_t p = 0; is && p < h->planes; p++)
        is = mn_file_blank(file + h->content + h->front + p * h->stride + rows, h->stride - rows);
    return is;
}

int mn_parcel_check(const mn_parcel *p, uint32_t i, mn_disk_head *out) {
    const uint8_t *file = p->map.data + p->at[i];
    const uint64_t size = p->at[i + 1] - p->at[i];
    if (size <= sizeof *out) return bad(p, "sizes");
    memcpy(out, file, sizeof *out);
    if (!mn_disk_fits(out, size) || out->n_keys > out->length || !out->group ||
        out->group > MN_PARCEL_GROUP || out->front > MN_DISK_MOST_ROWS * 8)
        return bad(p, "the head of an extent");
    const char *what = mn_disk_all_wrong(file, out);
    if (what || !gaps_blank(file, out)) return bad(p, what ? what : "gaps");
    return 0;
}

/* ---- an extent of this region ------------------------------------------------------------- */
typedef struct taking {
    const mn_parcel *parcel;
    const uint8_t *file, *front; /* of the parcel; new */
    mn_disk_head was, head;      /* there, here */
    mn_buf table;                /* head, keys, sums: copied, then changed */
    mn_filew *out;
    uint8_t *chunk; /* [a block] */
} taking;

static uint64_t *sums_of(const taking *w) {
    return (uint64_t *)(void *)(w->table.data + sizeof w->was) + w->was.n_keys;
}

static int copy_table(taking *w) {
    const uint64_t n = mn_disk_table(&w->was);
    MN_TRY(mn_buf_append(&w->table, w->file, n));
    memcpy(w->table.data, &w->was, sizeof w->was);
    if (mn_disk_sum(w->table.data, &w->was) != w->was.sum)
        return bad(w->parcel, "it changed while it was read");
    return 0;
}

/* Rows of one plane, compared as they are copied. */
static int copy_plane(taking *w, uint64_t plane) {
    const mn_disk_head *h = &w->was;
    const uint64_t end = mn_disk_rows(h->group, h->length);
    const uint64_t block = mn_disk_rows(h->group, MN_TIER_ROWS);
    const uint8_t *from = w->file + h->content + h->front + plane * h->stride;
    const uint64_t *sum = sums_of(w) + 1 + plane * mn_disk_blocks(h->length);
    for (uint64_t a = 0; a < end; a += block) {
        const uint64_t n = end - a < block ? end - a : block;
        memcpy(w->chunk, from + a, n);
        if (mn_hash64(w->chunk, n) != *sum++) return bad(w->parcel, "it changed while it was read");
        MN_TRY(mn_file_write_or_skip(w->out, w->chunk, n));
    }
    return h->stride > end ? mn_file_skip(w->out, h->stride - end) : 0;
}

static int write_all(taking *w) {
    mn_disk_head *h = &w->head;
    MN_TRY(mn_file_skip(w->out, h->content));
    MN_TRY(mn_file_write(w->out, w->front, h->front));
    for (uint64_t p = 0; p < h->planes; p++) MN_TRY(copy_plane(w, p));
    sums_of(w)[0] = mn_hash64(w->front, h->front);
    return mn_disk_finish(w->out, h, &w->table);
}

static int write_file(mn_region *r, taking *w) {
    mn_buf path = {0};
    MN_TRY(mn_disk_room(r));
    MN_TRY(mn_disk_spares(r, w->head.bytes));
    int rc = mn_disk_path(r, w->head.ref, &path);
    if (rc >= 0) rc = mn_file_begin(path.data, &w->out);
    if (rc >= 0) rc = write_all(w);
    if (rc >= 0)
        rc = mn_file_settle(&w->out);
    else
        mn_file_abort(&w->out);
    mn_buf_free(&path);
    return rc;
}

/* A slot, the file, and then it is there. */
static int settle(mn_region *r, taking *w) {
    mn_disk_head *h = &w->head;
    mn_extent x;
    const uint64_t me = (uint64_t)r->me + 1;
    MN_TRY(mn_extent_open(r, h->front + h->planes * h->stride, 0, &x)); /* no warm pages */
    h->ref = x.ref;
    h->writer = (uint64_t)getpid();
    for (int i = 0; i < PATIENCE && !mn_word_cas(&x.slot->moving, 0, me); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* somebody sweeps */
    mn_word_announce(&x.slot->moving, h->bytes << 8 | me);
    int rc = write_file(r, w);
    if (rc >= 0 && !mn_sparse_named(&r->file)) {
        mn_disk_unlink(r, h->ref, 0); /* the folder is another region's by now */
        rc = MN_FAIL(MN_EBUSY, "%s was removed meanwhile", r->file.path);
    }
    if (rc >= 0)
        mn_disk_take_up(r, h, h->used, (const uint64_t *)(const void *)(w->table.data + sizeof *h));
    mn_word_store(&x.slot->moving, 0);
    if (rc >= 0)
        mn_extent_unpin(&x);
    else
        mn_extent_close(&x);
    return rc;
}

int mn_parcel_take(mn_region *r, const mn_parcel *p, uint32_t i, const mn_disk_head *head,
                   const uint8_t *front, uint64_t n, mn_ref parent, mn_ref *out) {
    taking w = {.parcel = p,
                .file = p->map.data + p->at[i],
                .front = front,
                .was = *head,
                .head = *head,
                .table = {.what = "the sums of an extent"}};
    const uint64_t now = mn_now();
    w.head.region = r->plan.size;
    w.head.front = n;
    w.head.bytes = head->content + n + head->planes * head->stride;
    w.head.parent = parent;
    w.head.flags = MN_EXTENT_PUBLISHED;
    w.head.used = now;
    if (w.head.born > now) w.head.born = now;
    w.chunk = mn_malloc(mn_disk_rows(head->group, MN_TIER_ROWS));
    int rc = w.chunk ? 0 : MN_FAIL(MN_ENOMEM, "no memory to import an extent");
    if (rc >= 0) rc = copy_table(&w);
    if (rc >= 0) rc = settle(r, &w);
    *out = rc < 0 ? 0 : w.head.ref;
    mn_free(w.chunk);
    mn_buf_free(&w.table);
    return rc;
}
