/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/seq.h - a sequence of tokens as a short list of spans of keys and values.
 *
 * An extent is room for the K and V rows of tokens that were computed together: one plane per
 * layer, K or V, and KV head, each contiguous, rows in order (row formats: kernel/body_attn.h). A
 * sequence is a list of spans (extent, first row, rows) and owns the last extent, at whose end it
 * writes. Forking shares spans and copies nothing. Keys are stored after RoPE at absolute
 * positions. Rows count only after commit; attention reads stored rows only (design decisions 2 to
 * 4).
 *
 * Layers with a window keep what the window and a little slack need; older pages go back.
 * Here an extent lives in anonymous memory; its pages are booked in the budget as rows are
 * promised. Not thread-safe: one sequence belongs to one engine step at a time.
 */
#ifndef MN_KV_SEQ_H
#define MN_KV_SEQ_H
#include "kernel/kernel.h"

#include <stdint.h>

/* What all sequences of a model share. */
typedef struct mn_kv_layout {
    int layers, heads, d; /* KV heads, head size */
    mn_kv_format format;
    const int *window; /* [layers] positions a layer looks back, 0: all. Outlives the sequences. */
} mn_kv_layout;

typedef struct mn_seq mn_seq;

int mn_seq_open(const mn_kv_layout *layout, int context, mn_seq **out); /* most tokens ever */
void mn_seq_close(mn_seq **seq);
/* A new sequence that begins with the first n tokens of `from`; MN_EINVAL when n exceeds its length
 * or a window layer no longer has what n needs. */
int mn_seq_fork(const mn_seq *from, int n, mn_seq **out);

int mn_seq_length(const mn_seq *seq); /* committed tokens */
int mn_seq_context(const mn_seq *seq);
mn_kv_format mn_seq_format(const mn_seq *seq);

/* Promise n more rows: MN_ETOOLONG beyond the context, MN_EFULL by the budget; nothing changes
 * then. */
int mn_seq_room(mn_seq *seq, int n);
/* Planes of one layer and head of the own extent, and the row where the next token goes. */
void mn_seq_tail(const mn_seq *seq, int layer, int head, void **k, void **v, int *row);
void mn_seq_commit(mn_seq *seq, int n); /* the n rows just written now count */
/* Keep the first n tokens; whole blocks of rows beyond them go back. MN_EINVAL when a window layer
 * no longer has what n needs, or n cuts into a shared prefix: trim to 0, which always works, and
 * compute again. */
int mn_seq_trim(mn_seq *seq, int n);

/* The pieces that cover positions [from, to) of block b (512 positions), for one layer and head;
 * `to` may reach over rows written but not committed. Returns their number; at most
 * MN_SEQ_SPANS. */
enum { MN_SEQ_SPANS = 16 };
int mn_seq_pieces(const mn_seq *seq, int layer, int head, int b, int from, int to,
                  mn_attn_piece *out);

uint64_t mn_seq_bytes(const mn_seq *seq); /* booked by this sequence's own extent */

#endif
