/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/pack.h - the layout in which kernels want a weight matrix, and how a GGUF one gets there.
 *
 * W [n, k] (n outputs) is cut in tiles of 16 outputs. A tile is a run of groups along k; a group
 * (32 inputs, or 256 for the K formats) is one record: a head with what the group shares, then one
 * part per 32 inputs. Everything is the file's own numbers in another order (lossless), so a
 * packed matrix is no larger than the original but for 6-bit scales kept as bytes.
 *
 *   record = head | part 0 | part 1 | ...        (plain formats: no head, one part)
 *   head   = d[16] f16 (| dmin[16] f16)
 *   part   = low | high | scales
 *   low    = 4-bit formats: 4 vectors of 64 bytes; byte 4c+i of vector j holds the code of output
 * c, input 8j+i in its low nibble and of input 8j+4+i in its high nibble. 2-bit formats: 2 vectors;
 * bits 2t,2t+1 of byte 4c+i of vector v: input 16v+4t+i. 8-bit formats: 8 vectors; byte 4c+i of
 * vector s: input 4s+i, stored as code + 128. high   = 1-bit: one vector; bit s of byte 4c+i: input
 * 4s+i. 2-bit: two vectors as above. scales = plain: scale[16] f16 (| min[16] f16); K formats:
 * bytes per output, see pack.c.
 *
 * MN_I13, made from f32: scale [k / run][16] f32 | vectors of 64 bytes: int16 2c+i of vector s is
 * the code of output c, input 2s+i.
 *
 * f32, f16 and bf16 matrices are tiles of [k][16] elements. Outputs beyond n are zeros.
 */
#ifndef MN_KERNEL_PACK_H
#define MN_KERNEL_PACK_H
#include "kernel/format.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_packed {
    mn_format_id format;
    int n, k;            /* outputs, inputs */
    const uint8_t *data; /* tiles, 64-byte aligned */
    size_t tile_bytes;
} mn_packed;

typedef struct mn_pack_layout {
    mn_format_id format;
    int group; /* inputs per record: 1, 32 or 256 */
    int head;  /* bytes of the head */
    int part;  /* bytes of a part (32 inputs; group 1: bytes of one input's 16 elements) */
} mn_pack_layout;

const mn_pack_layout *mn_pack_find(uint32_t format); /* NULL: this format cannot be packed */

/* Bytes of one packed tile of k inputs; 0 when k does not fit the format's block. */
size_t mn_pack_tile_bytes(const mn_pack_layout *p, int k);

/* Inputs that share a scale in MN_I13: as many as divide k, up to 128; 0: no multiple of 32. */
static inline int mn_i13_run(int k) {
    return k % 32 ? 0 : k % 128 == 0 ? 128 : k % 96 == 0 ? 96 : k % 64 == 0 ? 64 : 32;
}

/* Pack tile t of the n x k matrix at src (GGUF rows, row_bytes apart) into out. Any thread. */
void mn_pack_tile(const mn_pack_layout *p, const void *src, size_t row_bytes, int n, int k, int t,
                  uint8_t *out);
/* The same of F32 rows that become F16, or MN_I13, rounded to the nearest. */
void mn_pack_tile_halves(const void *src, int n, int k, int t, uint8_t *out);
void mn_pack_tile_i13(const void *src, int n, int k, int t, uint8_t *out);

#endif
