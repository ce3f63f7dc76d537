/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/fastswitch_way.c - leaving memory in blocks of 16 tokens, all of them each time, while
 * everybody waits; and leaving it to the region, which writes behind everybody's back what it has
 * not written yet.
 *
 * The blocks are those of a paged cache that swaps, well made: a block of 16 tokens is one write,
 * or one read, of its keys and values of all layers and heads, and goes past the page cache, which
 * would hold a second copy of it.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "bench/fastswitch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 16, PAGE = 4096 };

/* ---- blocks ---------------------------------------------------------------------------------- */
static size_t piece_bytes(const mn_switching *w) {
    return mn_kv_plane_bytes(w->layout.format, BLOCK, w->layout.d);
}
/* Whole pages: direct I/O. */
static size_t block_bytes(const mn_switching *w) {
    return (BLOCK * w->row + PAGE - 1) / PAGE * PAGE;
}

static int blocks_open(mn_switching *w) {
    void *block;
    MN_TRY(mn_alloc_pages(block_bytes(w), "a block", &block));
    w->block = block;
    for (int i = 0; i < MN_CHATS; i++) {
        char path[128];
        const int how = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
        snprintf(path, sizeof path, "%s/chat-%d", w->folder, i);
        w->chat[i].file = open(path, how | O_DIRECT, 0600);
        if (w->chat[i].file < 0) w->chat[i].file = open(path, how, 0600); /* a place without it */
        if (w->chat[i].file < 0 ||
            posix_fallocate(w->chat[i].file, 0, (off_t)block_bytes(w) * (w->context / BLOCK + 1)))
            return MN_FAIL(MN_EIO, "%s cannot be made", path);
    }
    return 0;
}

static void blocks_close(mn_switching *w) {
    for (int i = 0; i < MN_CHATS; i++)
        if (w->chat[i].file >= 0) close(w->chat[i].file);
    if (w->block) mn_free_pages(w->block, block_bytes(w));
    w->block = NULL;
}

/* The pieces of one block, between its planes and w->block. */
static void gather(mn_switching *w, const mn_chat *c, int block, int store) {
    const size_t n = piece_bytes(w);
    for (int i = 0; i < w->layout.layers * w->layout.heads; i++) {
        void *plane[2];
        int row;
        mn_seq_tail(c->s->seq, i / w->layout.heads, i % w->layout.heads, &plane[0], &plane[1],
                    &row);
        for (int k = 0; k < 2; k++) {
            uint8_t *at = (uint8_t *)plane[k] + n * (size_t)block,
                    *piece = w->block + n * (size_t)(i * 2 + k);
            memcpy(store ? at : piece, store ? piece : at, n);
        }
    }
}

static int transfer(mn_switching *w, mn_chat *c, int rows, int in) {
    const size_t n = block_bytes(w);
    for (int b = 0; b * BLOCK < rows; b++) {
        const off_t at = (off_t)n * b;
        if (!in) gather(w, c, b, 0);
        const ssize_t did = in ? pread(c->file, w->block, n, at) : pwrite(c->file, w->block, n, at);
        if (did != (ssize_t)n) return MN_FAIL(MN_EIO, "a block cannot be moved");
        if (in) gather(w, c, b, 1);
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

const mn_switch_way mn_switch_blocks = {"blocks",   blocks_open, blocks_close, blocks_in,
                                        blocks_out, NULL,        NULL};

/* ---- the region ------------------------------------------------------------------------------ */
/* In memory, its files on disk. What chats began with is mapped from there, at most six at a time;
 * so the region has room for what six add to it, and in all that is memory for six. */
static int region_open(mn_switching *w) {
    char disk[96];
    const int add = MN_CHAT_SLOTS * (w->context - w->before), first = w->before + w->before / 8;
    const uint64_t memory = (uint64_t)(add > first ? add : first) * w->row;
    snprintf(disk, sizeof disk, "%s.disk", w->stage->region);
    if (symlink(w->folder, disk) < 0) return MN_FAIL(MN_EIO, "%s cannot be made", disk);
    MN_TRY(mn_region_open(w->stage->region, memory, (int64_t)8 << 30, &w->region));
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
    pthread_mutex_lock(&w->lock);
    c->n_ref = 0;
    pthread_mutex_unlock(&w->lock);
    MN_TRY(mn_session_open(w->m, w->context, 0, &c->s));
    return c->n ? mn_seq_match(c->s->seq, c->ids, c->n - 1, &c->s->coming) : 0;
}

static int region_out(mn_switching *w, mn_chat *c) {
    mn_seq_seal(c->s->seq);
    pthread_mutex_lock(&w->lock);
    c->n_ref = mn_seq_extents(c->s->seq, c->ref);
    pthread_mutex_unlock(&w->lock);
    mn_session_close(&c->s);
    return 0;
}

static int region_ready(mn_switching *w, mn_chat *c) {
    (void)w;
    return mn_seq_ready(c->s->seq);
}

static void region_cool(mn_switching *w, mn_chat *c) {
    for (int i = 0; i < MN_SEQ_SPANS; i++) {
        pthread_mutex_lock(&w->lock);
        const mn_ref ref = i < c->n_ref ? c->ref[i] : 0;
        pthread_mutex_unlock(&w->lock);
        if (!ref) return;
        char path[128];
        snprintf(path, sizeof path, "%s/%016llx", w->folder, (unsigned long long)ref);
        mn_stage_cool_file(path);
    }
}

const mn_switch_way mn_switch_region = {"region",   region_open,  region_close, region_in,
                                        region_out, region_ready, region_cool};
