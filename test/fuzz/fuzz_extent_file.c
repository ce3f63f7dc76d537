/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_extent_file.c - any file in the folder of the disk tier: a region takes it up, and
 * somebody reads what it says it has.
 *
 *   'R' bytes     the file as it stands
 *   'S' bytes     its region, shape and seed made those that are looked for, the head's sum right
 *   'T' bytes     the sums of front and rows, too, as far as they lie in the file
 *
 * Checked: nothing is read outside of the file; and of rows whose sums are wrong it is said so. The
 * corpus is written by make_corpus_extent_file.py.
 */
#include "base/error.h"
#include "base/hash.h"
#include "base/walk.h"
#include "kv/extent.h"
#include "region/disk.h"
#include "region/inside.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 64 << 20 };
static const int windows[1];
static const mn_kv_layout layout = {1, 1, 32, MN_KV_F16, windows};
static char folder[64];
static mn_region *region;
static uint64_t shape;

static void clean(void) {
    mn_region_close(&region);
    mn_walk_remove(folder);
}

static void begin(void) {
    char path[96];
    mn_kv_extent *e;
    strcpy(folder, "/dev/shm/mn-fuzz-XXXXXX");
    if (!mkdtemp(folder)) strcpy(folder, "/tmp/mn-fuzz-XXXXXX");
    if (!*folder || (strncmp(folder, "/tmp", 4) == 0 && !mkdtemp(folder))) abort();
    snprintf(path, sizeof path, "%s/region", folder);
    if (mn_region_open(path, MEMORY, MEMORY, &region) < 0) abort();
    if (mn_kv_extent_open(&layout, 16, region, &e) < 0) abort();
    shape = mn_word_load(&e->x.slot->shape);
    mn_kv_extent_release(&e);
    mn_guard_install();
    atexit(clean);
}

/* Sums of what lies in the file. */
static void sum_rows(uint8_t *file, size_t n, mn_disk_head *h) {
    const uint64_t blocks = mn_disk_blocks(h->length);
    uint64_t *const sums = (uint64_t *)(void *)(file + sizeof *h) + h->n_keys;
    if (h->content > n || h->front > n - h->content || !h->group || h->group > n ||
        h->length > n / h->group * 16 || h->stride > n || h->planes > n)
        return;
    if (h->n_sums) sums[0] = mn_hash64(file + h->content, h->front);
    for (uint64_t i = 1; i < h->n_sums && blocks; i++) {
        const uint64_t p = (i - 1) / blocks, b = (i - 1) % blocks;
        const uint64_t from = mn_disk_rows(h->group, b * MN_TIER_ROWS);
        uint64_t to = mn_disk_rows(h->group, (b + 1) * MN_TIER_ROWS);
        const uint64_t end = mn_disk_rows(h->group, h->length);
        if (to > end) to = end;
        const uint64_t at = h->content + h->front + p * h->stride;
        if (from > to || at > n || to > n - at) return;
        sums[i] = mn_hash64(file + at + from, to - from);
    }
}

static void mend(uint8_t kind, uint8_t *file, size_t n) {
    mn_disk_head h;
    if (kind == 'R' || n < sizeof h) return;
    memcpy(&h, file, sizeof h);
    h.region = region->plan.size;
    h.shape = shape;
    h.bytes = n;
    memset(h.seed, 0, sizeof h.seed);
    const int table = h.n_keys < n / 8 && h.n_sums < n / 8 &&
                      sizeof h + (h.n_keys + h.n_sums) * sizeof(uint64_t) <= n;
    memcpy(file, &h, sizeof h);
    if (!table) return;
    if (kind == 'T') sum_rows(file, n, &h);
    h.sum = mn_hash64(file + MN_DISK_SUMMED,
                      sizeof h + (h.n_keys + h.n_sums) * sizeof(uint64_t) - MN_DISK_SUMMED);
    memcpy(file, &h, sizeof h);
}

static void put(const uint8_t *file, size_t n) {
    mn_disk_head h = {.ref = 1};
    mn_buf path = {0};
    if (n >= sizeof h) memcpy(&h, file, sizeof h);
    if (mn_disk_path(region, h.ref, &path) < 0) abort();
    const int fd = open(path.data, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, file, n) != (ssize_t)n) abort();
    close(fd);
    mn_buf_free(&path);
}

/* All rows are looked at, as attention would. */
static void look(mn_ref ref) {
    static volatile uint8_t sink;
    mn_kv_extent *e = mn_kv_extent_attach(&layout, region, ref);
    if (!e) return;
    const int n = mn_kv_extent_length(e);
    if (mn_kv_extent_fetch(e, n) < 0) {
        mn_kv_extent_reject(e);
    } else {
        for (int i = 0; i < n; i++) sink = (uint8_t)e->tokens[i];
        for (int value = 0; value < 2; value++) {
            mn_kv_extent_prove(e, value, 0, n);
            const uint8_t *rows = mn_kv_plane(&layout, e, 0, value, 0);
            for (size_t i = 0; i < (size_t)n * 64; i++) sink = rows[i];
        }
        if (mn_kv_extent_bad(e)) mn_kv_extent_reject(e);
    }
    mn_kv_extent_release(&e);
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!region) begin();
    if (size < 2) return 0;
    uint8_t *file = malloc(size);
    if (!file) return 0;
    memcpy(file, data + 1, size - 1);
    mend(data[0], file, size - 1);
    put(file, size - 1);
    free(file);
    region->epoch = 1 << 20;
    mn_disk_restore(region);
    MN_EACH_SLOT(region, c, i) {
        const uint64_t state = mn_word_load(&mn_slot(region, i)->state);
        if (mn_state_phase(state) == MN_EXTENT_SEALED) look(mn_ref_make(mn_state_epoch(state), i));
    }
    mn_region_clear(region);
    MN_EACH_SLOT(region, c, i) {
        if (mn_state_phase(mn_word_load(&mn_slot(region, i)->state)) != MN_EXTENT_FREE) abort();
    }
    for (int c = 0; c < MN_REGION_CLASSES; c++) {
        for (uint32_t i = region->plan.first[c]; i < mn_class_end(region, c); i++)
            mn_word_store(&mn_slot(region, i)->state, 0);
        mn_word_store(mn_top(region, c), 0);
    }
    return 0;
}
