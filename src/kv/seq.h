/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/seq.h - a sequence of tokens as a short list of spans of keys and values.
 *
 * A span is some rows of an extent (kv/extent.h). A sequence writes at the end of an extent of its
 * own and only reads the others; forking, matching and trimming make and cut spans and copy
 * nothing. Keys are stored after RoPE at absolute positions. Rows count only after commit, and are
 * never written again once others can see them; attention reads stored rows only (design decisions
 * 2 to 4).
 *
 * With a share, committed rows are in the region at once: another process finds them by their
 * tokens (kv/prefix.h), also while they grow, and after this one was killed. When the region has
 * no room the rows lie in this process alone: sharing is never a reason to fail.
 *
 * Layers with a window keep what the window and a little slack need; older pages go back.
 * Pages are booked in the budget as rows are promised. Not thread-safe: one sequence belongs to one
 * engine step at a time.
 */
#ifndef MN_KV_SEQ_H
#define MN_KV_SEQ_H
#include "kv/chain.h"
#include "kv/extent.h"

typedef struct mn_seq mn_seq;

/* Where a sequence finds and leaves rows. */
typedef struct mn_kv_share {
    mn_region *region; /* NULL: nowhere */
    mn_kv_key seed;    /* of its keys */
    int open_to; /* the first so many tokens (a multiple of 64) are under another seed, because */
    mn_kv_key common; /* anybody may share them */
    int quiet;        /* 1: takes what others published, publishes nothing */
} mn_kv_share;

/* Most tokens ever: context. share may be NULL; what it says is copied, the region borrowed. */
int mn_seq_open(const mn_kv_layout *layout, const mn_kv_share *share, int context, mn_seq **out);
void mn_seq_close(mn_seq **seq);
/* A new sequence that begins with the first n tokens of `from`; MN_EINVAL when n exceeds its length
 * or a window layer no longer has what n needs. */
int mn_seq_fork(const mn_seq *from, int n, mn_seq **out);
/* An empty sequence takes the longest prefix of ids[n] that its region has: how many tokens. In
 * *coming, how many there will be when those who are computing them now go on. */
int mn_seq_match(mn_seq *seq, const int32_t *ids, int n, int *coming);

/* An empty sequence takes what another one holds, as mn_seq_name named it there: MN_ENOENT when it
 * is not there any more, or of another model. */
int mn_seq_attach(mn_seq *seq, mn_ref ref, int length);
mn_ref mn_seq_name(const mn_seq *seq); /* 0: it lies in this process alone */
/* Process id of who is computing what the last match, or rival, found to be coming; 0: nobody. */
int64_t mn_seq_ahead(const mn_seq *seq);
/* Rows that their writer has committed behind what was matched or attached: how many were taken. */
int mn_seq_follow(mn_seq *seq);
int mn_seq_growing(const mn_seq *seq); /* 1: that writer may go on */
/* What was written is complete: the next row begins an extent, and this one goes to disk. */
void mn_seq_seal(mn_seq *seq);
/* Tokens from .. from + n - 1 of it, in ids. */
void mn_seq_tokens(const mn_seq *seq, int from, int n, int32_t *ids);

/* Tell others that the next tokens ids[n] are going to be computed, before their pages are asked
 * for, which takes a while: 1, or 0 when nothing is shared. */
int mn_seq_announce(mn_seq *seq, const int32_t *ids, int n);
/* After that, or after mn_seq_room, before anything is computed: how many tokens of the prompt
 * another process has begun to compute too, which goes first where both began at once. mn_seq_yield
 * takes back what others were told; room is promised again later. */
int mn_seq_rival(mn_seq *seq, const int32_t *ids, int n);
void mn_seq_yield(mn_seq *seq);

int mn_seq_length(const mn_seq *seq); /* committed tokens */
int mn_seq_context(const mn_seq *seq);
int mn_seq_spans(const mn_seq *seq); /* of MN_SEQ_SPANS */
mn_kv_format mn_seq_format(const mn_seq *seq);
/* A number that sequences have in common when they begin in the same rows. */
uint64_t mn_seq_root(const mn_seq *seq);
/* How many tokens at the beginning of both lie in the same rows. */
int mn_seq_common(const mn_seq *a, const mn_seq *b);
/* The keys of the whole steps of ids[n], as they are named under its seeds, into name[n / 64]. */
void mn_seq_names(const mn_seq *seq, const int32_t *ids, int n, uint8_t (*name)[32]);
/* The extents of the region that it lies in, into refs[MN_SEQ_SPANS]: how many. */
int mn_seq_extents(const mn_seq *seq, uint64_t *refs);
/* Process id of who computed most of what others computed of it; 0: nobody did. */
int64_t mn_seq_writer(const mn_seq *seq);

/* Tokens of it that lie on disk alone. */
int mn_seq_out(const mn_seq *seq);

/* 1: attending to all of it would not wait for the disk. What was matched is on its way: who has
 * others to compute meanwhile looks again later (FastSwitch's asynchronous way back). */
int mn_seq_ready(const mn_seq *seq);

/* What it took from the region is kept there whatever happens; or may leave again. */
int mn_seq_keep(mn_seq *seq, int keep);

/* Of the next n tokens, how many may be promised and computed at once: rows under another seed
 * begin an extent of their own. */
int mn_seq_piece(const mn_seq *seq, int n);

/* The extents it uses, each with a name that all sequences of a process know it by, and the memory
 * that comes free when nobody uses it any more, of the region (or booked) and of files on disk that
 * are read in place: how many. */
typedef struct mn_seq_hold {
    uint64_t name, bytes, mapped;
} mn_seq_hold;
int mn_seq_holds(const mn_seq *seq, mn_seq_hold *out); /* [MN_SEQ_SPANS] */
int mn_seq_promised(const mn_seq *seq); /* rows behind its last token whose pages are there */

/* Promise rows for the next tokens ids[n], and tell others that they are being computed:
 * MN_ETOOLONG beyond the context, MN_EFULL by the budget; nothing changes then. */
int mn_seq_room(mn_seq *seq, const int32_t *ids, int n);
/* Planes of one layer and head of the own extent, and the row where the next token goes. */
void mn_seq_tail(const mn_seq *seq, int layer, int head, void **k, void **v, int *row);
void mn_seq_commit(mn_seq *seq, int n); /* the n rows just written now count */
/* Keep the first n tokens. MN_EINVAL when a window layer no longer has what n needs: trim to 0,
 * which always works, and compute again. */
int mn_seq_trim(mn_seq *seq, int n);

/* The pieces that cover positions [from, to) of block b (512 positions), for one layer and head;
 * `to` may reach over rows written but not committed. Returns their number; at most
 * MN_SEQ_SPANS. */
int mn_seq_pieces(const mn_seq *seq, int layer, int head, int b, int from, int to,
                  mn_attn_piece *out);

/* Were all rows that pieces named until now what they were when they were written? Damage of the
 * disk is found where it is first read. MN_ECORRUPT: nothing computed since may be used or
 * committed; mn_seq_reject empties the sequence, and nobody finds what was damaged any more. */
int mn_seq_proven(const mn_seq *seq);
void mn_seq_reject(mn_seq *seq);

uint64_t mn_seq_bytes(const mn_seq *seq); /* booked by this sequence's own extent */

#endif
