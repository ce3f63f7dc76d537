/* SPDX-License-Identifier: Apache-2.0
 *
 * region/parcel.c - packing: files of the disk tier, one behind the other.
 *
 * An extent is pinned while its file is looked for, made if need be, compared with its sums and
 * copied; what is damaged is not handed on. One after another: a disk tier that holds less than is
 * packed may drop a file as soon as it was copied.
 */
#include "region/parcel.h"

#include "base/error.h"
#include "base/hash.h"
#include "region/inside.h"

#include <string.h>
#include <time.h>

enum { PATIENCE = 2000 /* looks, 1 ms apart, at who writes the file */, CHUNK = 1 << 16 };

int mn_parcel_able(const mn_region *r) {
    MN_TRY(mn_extent_forked(r));
    if (mn_disk_on(r)) return 0;
    return MN_FAIL(MN_EUNSUPPORTED,
                   "%s has no disk tier, through which exports and imports go: destroy the region, "
                   "and begin anew without --disk none",
                   r->file.path);
}

int mn_parcel_begin(mn_region *r, const char *path, size_t most, mn_packing *out) {
    const mn_parcel_head none = {.version = MN_PARCEL_VERSION};
    *out = (mn_packing){.region = r, .table = {.what = "the table of an export"}};
    MN_TRY(mn_parcel_able(r));
    out->content = out->bytes = mn_disk_pages(sizeof none + most * sizeof(uint64_t));
    int rc = mn_buf_append(&out->table, &none, sizeof none);
    if (rc >= 0) rc = mn_file_begin(path, &out->file);
    if (rc >= 0) rc = mn_file_skip(out->file, out->content);
    if (rc < 0) mn_parcel_abort(out);
    return rc;
}

/* Does it have a file, now at the latest? Who is writing it already is waited for. */
static int has_file(mn_region *r, const mn_extent *x) {
    for (int tries = 0; tries < PATIENCE; tries++) {
        const int rc = mn_disk_write(r, x->ref);
        if (rc || !mn_disk_mover(r, x->slot)) return rc;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

/* n bytes, in which what is a hole stays one. */
static int copy(mn_filew *out, const uint8_t *from, uint64_t n) {
    for (uint64_t at = 0; at < n; at += CHUNK) {
        const uint64_t k = n - at < CHUNK ? n - at : CHUNK;
        MN_TRY(mn_file_write_or_skip(out, from + at, k));
    }
    return 0;
}

/* What is wrong with the file of an extent; NULL: nothing. */
static const char *wrong(const mn_extent *x, const mn_map *map) {
    mn_disk_head h;
    if (map->size <= sizeof h) return "head";
    memcpy(&h, map->data, sizeof h);
    if (!mn_disk_fits_extent(x, &h, map->size)) return "head";
    return mn_disk_all_wrong(map->data, &h);
}

static int add_file(mn_packing *p, const mn_extent *x, const char *path) {
    mn_map map = {0};
    const int rc = mn_guard_map(path, &map);
    if (rc == MN_ENOENT) return 0; /* its room was needed this very moment */
    MN_TRY(rc);
    const uint64_t size = map.size;
    const char *what = wrong(x, &map);
    int done = what ? MN_FAIL(MN_ECORRUPT,
                              "%s is damaged (%s), and is not exported: `omnesia region gc` "
                              "removes it",
                              path, what)
                    : copy(p->file, map.data, size);
    mn_guard_unmap(&map);
    if (done >= 0) done = mn_buf_append(&p->table, &size, sizeof size);
    if (done >= 0) p->bytes += size;
    return done < 0 ? done : 1;
}

int mn_parcel_add(mn_packing *p, mn_ref ref) {
    mn_region *const r = p->region;
    mn_extent x;
    mn_buf path = {0};
    if (!mn_extent_look(r, ref, &x)) return 0;
    int rc = has_file(r, &x);
    if (rc > 0) rc = mn_disk_path(r, ref, &path);
    if (rc >= 0 && path.data) rc = add_file(p, &x, path.data);
    mn_extent_unpin(&x);
    mn_buf_free(&path);
    return rc;
}

int mn_parcel_commit(mn_packing *p) {
    mn_parcel_head h = {.version = MN_PARCEL_VERSION,
                        .bytes = p->bytes,
                        .content = p->content,
                        .count = (p->table.len - sizeof h) / sizeof(uint64_t)};
    memcpy(h.magic, MN_PARCEL_MAGIC, sizeof h.magic);
    memcpy(p->table.data, &h, sizeof h);
    h.sum = mn_hash64(p->table.data + MN_PARCEL_SUMMED, p->table.len - MN_PARCEL_SUMMED);
    memcpy(p->table.data, &h, sizeof h);
    int rc = mn_file_rewrite(p->file, 0, p->table.data, p->table.len);
    if (rc >= 0) rc = mn_file_commit(&p->file);
    mn_parcel_abort(p);
    return rc;
}

void mn_parcel_abort(mn_packing *p) {
    mn_file_abort(&p->file);
    mn_buf_free(&p->table);
}
