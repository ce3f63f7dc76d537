/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/fastswitch_way.c - leaving memory in blocks of 16 tokens, all of them each time, while
 * everybody waits; and leaving it to the region, which writes behind everybody's back what it has
 * not written yet.
 *
 * The blocks are those of a paged cache that swaps: a block of 16 tokens of one layer is one
 * write, or one read, of its keys and values of all heads.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "bench/fastswitch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 16 };

/* ---- blocks ---------------------------------------------------------------------------------- */
static size_t piece_bytes(const mn_switching *w) {
    return mn_kv_plane_bytes(w->layout.format, BLOCK, w->layout.d);
}
static size_t block_bytes(const mn_switching *w) {
    return piece_bytes(w) * 2 * (size_t)w->layout.heads;
}

static int blocks_open(mn_switching *w) {
    w->block = mn_malloc(block_bytes(w));
    if (!w->block) return MN_FAIL(MN_ENOMEM, "no memory for a block");
    for (int i = 0; i < MN_CHATS; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/chat-%d", w->stage->disk, i);
        w->chat[i].file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (w->chat[i].file < 0) return MN_FAIL(MN_EIO, "%s cannot be made", path);
    }
    return 0;
}

static void blocks_close(mn_switching *w) {
    for (int i = 0; i < MN_CHATS; i++)
        if (w->chat[i].file >= 0) close(w->chat[i].file);
    mn_free(w->block);
    w->block = NULL;
}

/* The pieces of one block of one layer, between its planes and w->block. */
static void gather(mn_switching *w, const mn_chat *c, int layer, int block, int store) {
    const size_t n = piece_bytes(w);
    for (int head = 0; head < w->layout.heads; head++) {
        void *plane[2];
        int row;
        mn_seq_tail(c->s->seq, layer, head, &plane[0], &plane[1], &row);
        for (int i = 0; i < 2; i++) {
            uint8_t *at = (uint8_t *)plane[i] + n * (size_t)block,
                    *piece = w->block + n * (size_t)(head * 2 + i);
            memcpy(store ? at : piece, store ? piece : at, n);
        }
    }
}

static int transfer(mn_switching *w, mn_chat *c, int rows, int in) {
    const size_t n = block_bytes(w);
    for (int b = 0; b * BLOCK < rows; b++)
        for (int layer = 0; layer < w->layout.layers; layer++) {
            const off_t at = (off_t)n * (b * w->layout.layers + layer);
            if (!in) gather(w, c, layer, b, 0);
            const ssize_t did =
                in ? pread(c->file, w->block, n, at) : pwrite(c->file, w->block, n, at);
            if (did != (ssize_t)n) return MN_FAIL(MN_EIO, "a block cannot be moved");
            if (in) gather(w, c, layer, b, 1);
        }
    return 0;
}

static int blocks_in(mn_switching *w, mn_chat *c) {
    MN_TRY(mn_session_open(w->m, w->context, 0, &c->s));
    MN_TRY(mn_seq_room(c->s->seq, c->ids, w->context)); /* all in one piece */
    if (!c->saved) return 0;
    MN_TRY(transfer(w, c, c->saved, 1));
    mn_seq_commit(c->s->seq, c->saved);
    return 0;
}

static int blocks_out(mn_switching *w, mn_chat *c) {
    c->saved = mn_session_length(c->s);
    MN_TRY(transfer(w, c, c->saved, 0));
    mn_session_close(&c->s);
    return 0;
}

const mn_switch_way mn_switch_blocks = {"blocks",  blocks_open, blocks_close,
                                        blocks_in, blocks_out,  NULL};

/* ---- the region ------------------------------------------------------------------------------ */
/* In memory, its files on disk; room for as many chats as there are slots. */
static int region_open(mn_switching *w) {
    char disk[96];
    const uint64_t memory = (uint64_t)MN_CHAT_SLOTS * (uint64_t)w->context * w->row;
    snprintf(disk, sizeof disk, "%s.disk", w->stage->region);
    if (symlink(w->stage->disk, disk) < 0) return MN_FAIL(MN_EIO, "%s cannot be made", disk);
    MN_TRY(mn_region_open(w->stage->region, memory, (int64_t)4 << 30, &w->region));
    w->m->region = w->region;
    return 0;
}

static void region_close(mn_switching *w) {
    char disk[96];
    w->m->region = NULL;
    mn_region_close(&w->region); /* what is on its way to disk arrives there */
    unlink(w->stage->region);
    snprintf(disk, sizeof disk, "%s.disk", w->stage->region);
    unlink(disk);
}

static int region_in(mn_switching *w, mn_chat *c) {
    MN_TRY(mn_session_open(w->m, w->context, 0, &c->s));
    return c->n ? mn_seq_match(c->s->seq, c->ids, c->n - 1, &c->s->coming) : 0;
}

static int region_out(mn_switching *w, mn_chat *c) {
    mn_seq_seal(c->s->seq);
    mn_session_close(&c->s);
    return 0;
}

static int region_ready(mn_switching *w, mn_chat *c) {
    return mn_seq_ready(c->s->seq);
}

const mn_switch_way mn_switch_region = {"region",  region_open, region_close,
                                        region_in, region_out,  region_ready};
