/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_region_head.c - any head and any tables of a region file: it is opened, counted,
 * searched, written to, evicted from and closed, or refused.
 *
 *   1096 bytes of the head, then words to be written, 11 bytes each: u8 where (0 tops, 1 process
 *   slots, 2 index, 3 the head of an extent, else extent slots), u16 which one, modulo what there
 *   is, and u64 the word
 *
 * What must be so for the head to be looked at at all (magic, version, size, which start of the
 * machine, sum) is made so, unless the first byte is 'R'; the folder is always our own. The corpus
 * is written by make_corpus_region_head.py.
 */
#include "base/error.h"
#include "base/hash.h"
#include "base/walk.h"
#include "kv/seq.h"
#include "region/inside.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EDIT = 11 };

static const int windows[1];
static const mn_kv_layout layout = {1, 1, 32, MN_KV_F16, windows};
static char folder[64], path[96], disk[128];
static mn_region_head good;

static void clean(void) {
    mn_walk_remove(folder);
}

static void begin(void) {
    mn_region *r;
    strcpy(folder, "/dev/shm/mn-fuzz-XXXXXX");
    if (!mkdtemp(folder)) abort();
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(disk, sizeof disk, "%s.disk", path);
    if (mn_region_open(path, 8 << 20, 4 << 20, &r) < 0) abort();
    memcpy(&good, r->file.data, sizeof good);
    mn_region_close(&r);
    unlink(path);
    good.size = MN_REGION_LEAST;
    mn_guard_install();
    atexit(clean);
}

static void put(int fd, uint64_t at, const void *bytes, size_t n) {
    if (pwrite(fd, bytes, n, (off_t)at) != (ssize_t)n) abort();
}

static void put_head(int fd, const uint8_t *data) {
    mn_region_head h;
    memcpy(&h, data, sizeof h);
    memcpy(h.disk, good.disk, sizeof h.disk);
    if (data[0] != 'R') {
        memcpy(h.magic, good.magic, sizeof h.magic);
        memcpy(h.boot, good.boot, sizeof h.boot);
        h.version = good.version;
        h.size = good.size;
        h.sum = mn_hash64(&h, offsetof(mn_region_head, sum));
    }
    put(fd, 0, &h, sizeof h);
}

static void put_word(int fd, const mn_region_plan *p, const uint8_t *edit) {
    uint64_t word = 0;
    const uint32_t which = edit[1] | (uint32_t)edit[2] << 8;
    memcpy(&word, edit + 3, sizeof word);
    switch (edit[0]) {
    case 0: put(fd, p->tops_at + which % 32 * 8, &word, 8); break;
    case 1: put(fd, p->procs_at + which % (MN_REGION_PROCS * 512) * 8, &word, 8); break;
    case 2: put(fd, p->index_at + which % (p->entries * 2) * 8, &word, 8); break;
    case 3: put(fd, p->class_at[0] + which % 512 * 8, &word, 8); break;
    default: put(fd, p->extents_at + which % (p->slots * 32) * 8, &word, 8); break;
    }
}

static void use(mn_region *r) {
    const mn_kv_share share = {.region = r};
    mn_region_counts c;
    int32_t ids[128];
    int coming;
    mn_seq *s;
    for (int i = 0; i < 128; i++) ids[i] = i;
    mn_region_count(r, &c);
    if (mn_seq_open(&layout, &share, 256, &s) < 0) return;
    mn_seq_match(s, ids, 128, &coming);
    mn_attn_piece piece[MN_SEQ_SPANS];
    const int n = mn_seq_length(s);
    if (n) mn_seq_pieces(s, 0, 0, 0, 0, n, piece);
    if (mn_seq_proven(s) < 0) mn_seq_reject(s);
    if (mn_seq_room(s, ids, 64) >= 0) mn_seq_commit(s, 64);
    mn_seq_close(&s);
    mn_region_evict(r, 1 << 20);
    mn_region_shrink(r, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mn_region *r;
    if (!*path) begin();
    if (size < sizeof(mn_region_head) || size > 16384) return 0;
    const mn_region_plan plan = mn_region_plan_of(MN_REGION_LEAST);
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, MN_REGION_LEAST) < 0) abort();
    put_head(fd, data);
    for (size_t at = sizeof(mn_region_head); at + EDIT <= size; at += EDIT)
        put_word(fd, &plan, data + at);
    close(fd);
    if (mn_region_open(path, 0, 0, &r) >= 0) {
        use(r);
        mn_region_clear(r);
        mn_region_close(&r);
    } else if (!*mn_error_detail()) {
        abort();
    }
    unlink(path);
    return 0;
}
