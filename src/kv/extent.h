/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/extent.h - room for the K and V rows of tokens that were computed together.
 *
 *   head (one page) | tokens int32 [rows] | planes [layer][K, V][head], each contiguous
 *
 * A plane holds one row per token, rows in order (row formats: kernel/body_attn.h). Tokens and
 * planes begin on pages, so a page holds rows of one plane only, and the kernel's page table is
 * the only block table there is (vAttention). An extent has one of two homes: the region, where
 * others find it and go on with it, or anonymous memory. Both look the same.
 *
 * In the region everything but `length` rows of it belongs to its writer, and what a head says is
 * checked before it is followed: an extent is input.
 */
#ifndef MN_KV_EXTENT_H
#define MN_KV_EXTENT_H
#include "kernel/kernel.h"
#include "region/region.h"

/* What all sequences of a model share. */
typedef struct mn_kv_layout {
    int layers, heads, d; /* KV heads, head size */
    mn_kv_format format;
    const int *window; /* [layers] positions a layer looks back, 0: all. Outlives the sequences. */
} mn_kv_layout;

enum { MN_SEQ_SPANS = 16, MN_KV_LAYERS = 256 /* most that can be shared */ };

/* Rows row .. row + n - 1 of the extent `ref` are positions at .. of a sequence. */
typedef struct mn_kv_place {
    mn_word ref, row, n, at;
} mn_kv_place;

typedef struct mn_kv_head {
    mn_word magic;                        /* MN_KV_MAGIC, written last */
    mn_word start;                        /* position of row 0 */
    mn_word rows;                         /* capacity */
    mn_word planned;                      /* rows whose tokens are written: those that count, and
                                             those the writer is computing now */
    mn_word n_before;                     /* spans that cover positions 0 .. start - 1 */
    mn_kv_place before[MN_SEQ_SPANS - 1]; /* ascending; the last one's extent is the parent */
    mn_word gone[MN_KV_LAYERS];           /* first rows of a window layer that went back */
} mn_kv_head;
#define MN_KV_MAGIC 0x31564b61696e6d6fu /* "omniaKV1" */
_Static_assert(sizeof(mn_kv_head) <= 4096, "one page, part of the file format");

typedef struct mn_kv_extent {
    atomic_int users;
    mn_kv_layout layout;
    mn_extent x;            /* its place in the region; x.region NULL: anonymous memory */
    mn_image image;         /* another's: where its content is read */
    uint8_t *data;          /* [bytes] of memory; what the disk has lies elsewhere */
    size_t bytes;           /* reserved */
    int rows;               /* capacity */
    int backed;             /* rows whose pages are promised: may be written */
    int mine;               /* we write it */
    int gone[MN_KV_LAYERS]; /* another's: mn_kv_extent_gone when it was pinned */
    mn_word *proven;        /* a bit for each block of each plane, or NULL: nothing to prove */
    int blocks;             /* of a plane */
    atomic_int unproven;    /* blocks that are left, over all planes */
    atomic_int bad;         /* a block was not what it should be */
    uint64_t booked;        /* in this process's budget */
    mn_kv_head *head;
    int32_t *tokens; /* [rows] */
    uint8_t *planes;
    size_t plane_bytes;
} mn_kv_extent;

/* A fresh one for at least `rows` rows, in the region (NULL: none) or in anonymous memory. */
int mn_kv_extent_open(const mn_kv_layout *l, int rows, mn_region *region, mn_kv_extent **out);
/* What `ref` names, pinned and checked against the layout: NULL when it is not there, or not what
 * it should be. */
mn_kv_extent *mn_kv_extent_attach(const mn_kv_layout *l, mn_region *region, mn_ref ref);
/* Its first `rows` rows will be read. What comes from a tier that may have damaged it is fetched
 * from now on, and compared with its sums where it is first used: head and tokens here
 * (MN_ECORRUPT), rows by mn_kv_extent_prove, block after block, by whoever attends to them. */
int mn_kv_extent_fetch(mn_kv_extent *e, int rows);
int mn_kv_extent_arrived(const mn_kv_extent *e, int rows); /* 1: they are here, or were always */
void mn_kv_extent_prove(mn_kv_extent *e, int plane, int row, int n);
/* Does it lie on disk alone? */
int mn_kv_extent_out(const mn_kv_extent *e);
/* Memory that reading its first `rows` rows from there takes: whole blocks, which have one sum, and
 * what the system maps around a page that is wanted. */
uint64_t mn_kv_extent_mapped(const mn_kv_extent *e, int rows);
/* 1: rows that were read turned out damaged. */
int mn_kv_extent_bad(const mn_kv_extent *e);
/* It is damaged: nobody shall find it again. */
void mn_kv_extent_reject(mn_kv_extent *e);
mn_kv_extent *mn_kv_extent_retain(mn_kv_extent *e);
void mn_kv_extent_release(mn_kv_extent **e); /* the last release seals, unpins or frees */
void mn_kv_extent_seal(mn_kv_extent *e);     /* ours, in the region: never written again */

/* Promise that rows [0, rows) may be written: MN_EFULL, and nothing changed. Where rows come one by
 * one in the region, MN_KV_AHEAD more are promised at once. */
enum { MN_KV_AHEAD = 112 };
int mn_kv_extent_back(const mn_kv_layout *l, mn_kv_extent *e, int rows);
/* Pages of rows beyond `rows` go back; rows [from, to) of one layer go back. Nobody else reads
 * them. */
void mn_kv_extent_cut(const mn_kv_layout *l, mn_kv_extent *e, int rows);
void mn_kv_extent_drop(const mn_kv_layout *l, mn_kv_extent *e, int layer, int from, int to);
/* Does nobody else, here or elsewhere, have it? */
int mn_kv_extent_alone(mn_kv_extent *e);
/* First rows of a layer that may have gone back. What a pin has found it keeps: whatever is said
 * afterwards is taken back. */
int mn_kv_extent_gone(const mn_kv_extent *e, int layer);

static inline uint8_t *mn_kv_plane(const mn_kv_layout *l, const mn_kv_extent *e, int layer,
                                   int value, int head) {
    return e->planes + e->plane_bytes * (size_t)((layer * 2 + value) * l->heads + head);
}
/* Committed rows, of which we may read `rows` at most. */
static inline int mn_kv_extent_length(const mn_kv_extent *e) {
    const uint64_t n = mn_word_load(&e->x.slot->length);
    return n < (uint64_t)e->rows ? (int)n : e->rows;
}

#endif
