/* SPDX-License-Identifier: Apache-2.0
 *
 * region/disk.c - the disk tier: writing the file of an extent, reading it in place, dropping it.
 *
 * Reading is mapping: the page cache is the memory, which the kernel takes back when it must, so
 * nothing is copied and nothing is booked. Content is read from the region by pread, for touching
 * a hole of a mapped file would fill it.
 */
#include "region/disk.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "region/inside.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 24 * 3600 };

int mn_disk_on(const mn_region *r) {
    return r->disk[0] != 0 && !r->no_disk && r->me >= 0;
}

/* Files that are there, and those that are being written: two that write at once may both see too
 * much, never both too little. */
uint64_t mn_disk_used(const mn_region *r) {
    uint64_t sum = 0;
    mn_word_fence();
    MN_EACH_SLOT(r, c, i) {
        const mn_extent_slot *s = mn_slot(r, i);
        sum += mn_word_load(&s->stored) + (mn_word_load(&s->moving) >> 8);
    }
    return sum;
}

int mn_disk_path(const mn_region *r, mn_ref ref, mn_buf *out) {
    mn_buf_clear(out);
    return mn_buf_printf(out, "%s/%0*llx", r->disk, MN_DISK_NAME, (unsigned long long)ref);
}

int mn_disk_pin_path(const mn_region *r, mn_ref ref, mn_buf *out) {
    MN_TRY(mn_disk_path(r, ref, out));
    return mn_buf_puts(out, ".pin");
}

void mn_disk_unlink(const mn_region *r, mn_ref ref, int overwrite) {
    mn_buf path = {0};
    if (!r->disk[0] || mn_disk_path(r, ref, &path) < 0) return;
    if (!overwrite || mn_file_shred(path.data) < 0) unlink(path.data);
    if (mn_disk_pin_path(r, ref, &path) >= 0) unlink(path.data);
    mn_buf_free(&path);
}

/* ---- writing ------------------------------------------------------------------------------ */
typedef struct writing {
    mn_region *r;
    const mn_extent *x;
    uint64_t stride; /* in memory */
    mn_disk_head head;
    mn_buf table; /* the head, keys, sums */
    mn_filew *out;
    uint8_t *chunk; /* [the front, or a block] */
} writing;

/* Bytes [at, at + n) of the extent go into the file, zeroes behind them up to `room` bytes, and
 * their sum into the table. What is a hole stays one. */
static int copy(writing *w, uint64_t at, uint64_t n, uint64_t room) {
    const uint64_t from = (uint64_t)(w->x->data - w->r->file.data) + at;
    MN_TRY(mn_sparse_read(&w->r->file, from, w->chunk, n));
    const uint64_t sum = mn_hash64(w->chunk, n);
    MN_TRY(mn_file_write_or_skip(w->out, w->chunk, n));
    if (room > n) MN_TRY(mn_file_skip(w->out, room - n));
    return mn_buf_append(&w->table, &sum, sizeof sum);
}

static int copy_plane(writing *w, uint64_t plane) {
    const mn_disk_head *h = &w->head;
    const uint64_t at = h->front + plane * w->stride;
    const uint64_t end = mn_disk_rows(h->group, h->length);
    const uint64_t block = mn_disk_rows(h->group, MN_TIER_ROWS);
    for (uint64_t a = 0; a < end; a += block) {
        const uint64_t n = end - a < block ? end - a : block;
        MN_TRY(copy(w, at + a, n, a + n < end ? n : h->stride - a));
    }
    return 0;
}

/* Keys under which the index leads to it. */
static int keys_of(writing *w) {
    const mn_index_entry *e =
        (const mn_index_entry *)(const void *)(w->r->file.data + w->r->plan.index_at);
    for (uint32_t i = 0; i < w->r->plan.entries && w->head.n_keys < MN_DISK_MOST_ROWS / 64; i++) {
        if (mn_word_peek(&e[i].ref) != w->x->ref) continue;
        const uint64_t key = mn_word_load(&e[i].key);
        MN_TRY(mn_buf_append(&w->table, &key, sizeof key));
        w->head.n_keys++;
    }
    return 0;
}

/* The head, without what comes later: MN_EINVAL when what the slot says cannot be. */
static int head_of(writing *w) {
    mn_extent_slot *s = w->x->slot;
    mn_disk_head *h = &w->head;
    const uint64_t stride = w->stride = mn_word_load(&s->stride);
    *h = (mn_disk_head){.magic = MN_DISK_MAGIC,
                        .ref = w->x->ref,
                        .region = w->r->plan.size,
                        .length = mn_word_load(&s->length),
                        .shape = mn_word_load(&s->shape),
                        .used = mn_word_load(&s->used),
                        .cost = mn_word_load(&s->cost),
                        .parent = mn_word_load(&s->parent),
                        .anchor = mn_word_load(&s->anchor),
                        .flags = mn_word_load(&s->flags),
                        .writer = mn_word_load(&s->writer),
                        .born = mn_word_load(&s->born),
                        .front = mn_word_load(&s->front),
                        .planes = mn_word_load(&s->planes),
                        .group = mn_word_load(&s->group)};
    for (int i = 0; i < 4; i++) h->seed[i] = mn_word_load(s->seed + i);
    const uint64_t most = w->x->bytes;
    if (!h->length || h->length > MN_DISK_MOST_ROWS || !h->group || h->group > most / 16 ||
        !h->front || h->front % MN_REGION_PAGE || h->front > most ||
        h->planes > most / MN_REGION_PAGE || stride > most ||
        (h->planes && stride > (most - h->front) / h->planes) ||
        mn_disk_rows(h->group, h->length) > stride)
        return MN_FAIL(MN_EINVAL, "an extent that does not say how its bytes lie");
    h->stride = mn_disk_pages(mn_disk_rows(h->group, h->length));
    h->n_sums = 1 + h->planes * mn_disk_blocks(h->length);
    return 0;
}

static int write_all(writing *w) {
    mn_disk_head *h = &w->head;
    MN_TRY(mn_buf_append(&w->table, h, sizeof *h));
    MN_TRY(keys_of(w));
    h->content = mn_disk_pages(mn_disk_table(h));
    h->bytes = h->content + h->front + h->planes * h->stride;
    if (h->content > MN_DISK_HEAD) return MN_FAIL(MN_ETOOLONG, "too many sums");
    mn_word_announce(&w->x->slot->moving, h->bytes << 8 | ((uint64_t)w->r->me + 1));
    MN_TRY(mn_disk_room(w->r));
    MN_TRY(mn_file_skip(w->out, h->content));
    MN_TRY(copy(w, 0, h->front, h->front));
    for (uint64_t p = 0; p < h->planes; p++) MN_TRY(copy_plane(w, p));
    return mn_disk_finish(w->out, h, &w->table);
}

int mn_disk_spares(const mn_region *r, uint64_t bytes) {
    uint64_t room = 0;
    MN_TRY(mn_file_room(r->disk, &room));
    if (room > bytes + ((uint64_t)256 << 20)) return 0;
    return MN_FAIL(MN_EFULL, "%s is nearly full", r->disk);
}

static int write_file(mn_region *r, mn_extent *x) {
    writing w = {.r = r, .x = x, .table = {.what = "the sums of an extent"}};
    mn_buf path = {0};
    int rc = head_of(&w);
    if (rc >= 0) rc = mn_disk_path(r, x->ref, &path);
    const uint64_t block = mn_disk_rows(w.head.group, MN_TIER_ROWS);
    if (rc >= 0 && !(w.chunk = mn_malloc(block > w.head.front ? block : w.head.front)))
        rc = MN_FAIL(MN_ENOMEM, "no memory to write to disk");
    if (rc >= 0) rc = mn_file_begin(path.data, &w.out);
    if (rc >= 0) rc = mn_disk_spares(r, x->bytes);
    if (rc >= 0) rc = write_all(&w);
    if (rc >= 0)
        rc = mn_file_settle(&w.out);
    else
        mn_file_abort(&w.out);
    if (rc >= 0) mn_word_store(&x->slot->stored, w.head.bytes);
    mn_free(w.chunk);
    mn_buf_free(&w.table);
    mn_buf_free(&path);
    return rc;
}

/* Is it there still? Folders are emptied by people, too. */
static int is_there(const mn_region *r, mn_ref ref) {
    mn_buf path = {0};
    const int there = mn_disk_path(r, ref, &path) >= 0 && access(path.data, F_OK) == 0;
    mn_buf_free(&path);
    return there;
}

/* x is pinned, so it stays in memory, and `moving` is ours, so nobody else touches its file. What
 * is OUT has nothing in memory that could be written. */
static int write_claimed(mn_region *r, mn_extent *x) {
    mn_extent_slot *s = x->slot;
    const uint64_t flags = mn_word_load(&s->flags);
    if (mn_state_phase(mn_word_load(&s->state)) != MN_EXTENT_SEALED) return MN_EBUSY;
    if (!mn_sparse_named(&r->file)) return MN_EBUSY; /* the folder is another region's by now */
    if (!(flags & MN_EXTENT_PUBLISHED) || flags & MN_EXTENT_OUT) return MN_EBUSY;
    if (mn_word_load(&s->stored) && is_there(r, x->ref)) return 0;
    mn_word_store(&s->stored, 0);
    mn_word_store(&s->checked, 0);
    MN_TRY(write_file(r, x));
    if (mn_sparse_named(&r->file)) return 0;
    mn_disk_unlink(r, x->ref, 0);
    mn_word_store(&s->stored, 0);
    return MN_EBUSY;
}

int mn_disk_write(mn_region *r, mn_ref ref) {
    mn_extent x;
    const uint32_t i = mn_ref_slot(ref);
    if (!mn_disk_on(r) || i >= r->plan.slots) return 0;
    mn_extent_slot *s = mn_slot(r, i);
    const int stored = mn_word_load(&s->stored) != 0;
    if (mn_word_load(&s->flags) & MN_EXTENT_DERIVED) return 0;
    if (stored && (mn_word_load(&s->flags) & MN_EXTENT_OUT || is_there(r, ref))) return 1;
    if (mn_word_load(&s->length) < MN_DISK_LEAST && !mn_extent_followed(r, ref)) return 0;
    if (!mn_extent_look(r, ref, &x)) return 0;
    int rc = 0;
    if (mn_word_cas(&s->moving, 0, (uint64_t)r->me + 1)) {
        rc = write_claimed(r, &x);
        rc = rc == MN_EBUSY ? 0 : rc < 0 ? rc : 1;
        mn_word_store(&s->moving, 0);
    }
    mn_extent_unpin(&x);
    return rc;
}

int mn_disk_mover(const mn_region *r, const mn_extent_slot *s) {
    const int mover = (int)(mn_word_load(&s->moving) & 255);
    if (!mover || mover > MN_REGION_PROCS) return 0;
    return mn_word_load(&mn_proc(r, mover - 1)->state) ? mover : 0;
}

/* Whatever it had come to, there is none; but of what is OUT it is all there is. */
void mn_disk_bury(mn_region *r, int p, uint32_t i) {
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t moving = mn_word_load(&s->moving);
    const mn_ref ref = mn_ref_make(mn_state_epoch(mn_word_load(&s->state)), i);
    const int out = (mn_word_load(&s->flags) & MN_EXTENT_OUT) != 0;
    mn_buf path = {0};
    if ((moving & 255) != (uint64_t)p + 1) return;
    if (r->disk[0] && mn_disk_path(r, ref, &path) >= 0) {
        if (!out) unlink(path.data);
        if (mn_buf_printf(&path, ".tmp.%llu",
                          (unsigned long long)mn_word_peek(&mn_proc(r, p)->pid)) >= 0)
            unlink(path.data);
    }
    mn_buf_free(&path);
    if (!out) mn_word_store(&s->stored, 0);
    if (!out) mn_word_store(&s->checked, 0);
    mn_word_cas(&s->moving, moving, 0);
}

/* ---- the tier ----------------------------------------------------------------------------- */
static uint64_t disk_limit(const mn_region *r) {
    return r->disk[0] ? mn_word_load(&mn_tops(r)->disk_limit) : 0;
}

static uint64_t disk_bytes(const mn_region *r, const mn_extent_slot *s) {
    (void)r;
    return mn_word_load(&s->stored);
}

/* Once a day: when it was used last survives the region. */
static void touch(const char *path, const struct timespec *was, uint64_t now) {
    if (was->tv_sec + DAY < (time_t)now) utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

static int disk_find(mn_extent *x, mn_image *out) {
    mn_buf path = {0};
    int found = 0;
    if (!mn_word_load(&x->slot->stored) || !mn_disk_on(x->region)) return 0;
    int rc = mn_disk_path(x->region, x->ref, &path);
    if (rc >= 0) rc = mn_mapped_open(x->region, x->ref, path.data, &out->file);
    if (rc >= 0) {
        out->map = out->file->map;
        mn_disk_head h = {.magic = ""};
        struct stat st;
        if (out->map.size > sizeof h) memcpy(&h, out->map.data, sizeof h);
        if (mn_disk_fits_extent(x, &h, out->map.size)) {
            out->front = out->map.data + h.content;
            out->planes = out->front + h.front;
            out->n = h.planes;
            out->stride = h.stride;
            out->rows = h.length;
            found = 1;
            if (stat(path.data, &st) == 0) touch(path.data, &st.st_mtim, mn_now());
        } else {
            mn_image_free(out);
            rc = MN_ECORRUPT;
        }
    }
    if (rc == MN_ENOENT || rc == MN_ECORRUPT) mn_extent_reject(x);
    mn_buf_free(&path);
    return found;
}

static int wrong(mn_extent *x, const char *what) {
    mn_word_add(&mn_tops(x->region)->damaged, 1);
    return MN_FAIL(MN_ECORRUPT, "%s/%0*llx is damaged (%s)", x->region->disk, MN_DISK_NAME,
                   (unsigned long long)x->ref, what);
}

/* The disk begins to read what will be used. What the head says is no more than a hint here. */
static void disk_fetch(const mn_image *i, uint64_t rows) {
    mn_disk_head h;
    memcpy(&h, i->map.data, sizeof h);
    const uint64_t n = mn_disk_pages(mn_disk_rows(h.group, rows < i->rows ? rows : i->rows));
    uint8_t *const at = (uint8_t *)(uintptr_t)i->planes;
    if (n >= i->stride)
        madvise(at, i->n * i->stride, MADV_WILLNEED);
    else
        for (uint64_t p = 0; p < i->n; p++) madvise(at + p * i->stride, n, MADV_WILLNEED);
}

/* Are pages [at, at + n) of a mapping in memory? */
static int resident(uint8_t *at, uint64_t n) {
    unsigned char page[256];
    const uint64_t most = sizeof page * MN_REGION_PAGE;
    for (uint64_t from = 0; from < n; from += most) {
        const uint64_t bytes = n - from < most ? n - from : most;
        if (mincore(at + from, bytes, page) < 0) return 1; /* nobody knows: do not wait for it */
        for (uint64_t i = 0; i * MN_REGION_PAGE < bytes; i++)
            if (!(page[i] & 1)) return 0;
    }
    return 1;
}

static int disk_arrived(const mn_image *i, uint64_t rows) {
    mn_disk_head h;
    memcpy(&h, i->map.data, sizeof h);
    uint64_t n = mn_disk_pages(mn_disk_rows(h.group, rows < i->rows ? rows : i->rows));
    if (n > i->stride) n = i->stride;
    for (uint64_t p = 0; p < i->n; p++)
        if (!resident((uint8_t *)(uintptr_t)i->planes + p * i->stride, n)) return 0;
    return 1;
}

/* What the head says was checked when it was mapped, and must be the same still: whoever shares the
 * file may write to it. It is read once here. */
static int same(const mn_image *i, const mn_disk_head *h) {
    return i->front == i->map.data + h->content && i->planes == i->front + h->front &&
           i->n == h->planes && i->stride == h->stride && i->rows == h->length;
}
static int disk_prove(mn_extent *x, const mn_image *i, int64_t plane, uint64_t block) {
    mn_disk_head h;
    memcpy(&h, i->map.data, sizeof h);
    if (!mn_disk_fits_extent(x, &h, i->map.size) || !same(i, &h)) return wrong(x, "head");
    const char *what = mn_disk_wrong(i->map.data, &h, plane, block);
    return what ? wrong(x, what) : 0;
}

const mn_tier mn_tier_disk = {"disk",     disk_limit,   disk_bytes, disk_find,
                              disk_fetch, disk_arrived, disk_prove};
