/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/scan.h - which of many vectors lie nearest in direction, by looking at all of them.
 *
 * A vector of d numbers becomes d codes in -127..127 and a scale, such that scale * codes has
 * length 1: the cosine of two is the exact product of their codes, times both scales. Beside it
 * lies its sketch, the signs of its codes, one bit each: made from them, so it need not be stored.
 *
 * mn_scan_exact looks at all codes; mn_scan_near at all sketches, and then at the codes of those m
 * rows whose signs differ least from the question's: an eighth of the bytes, and an answer that
 * misses a few. Of a million vectors of MiniLM (d = 384) m = 2000 finds .99 of the ten nearest.
 *
 *     mn_scan_query q;
 *     mn_scan_hit hit[10];
 *     MN_TRY(mn_scan_ask(vector, 384, &q));
 *     const int n = mn_scan_exact(scan, &part, 1, &q, 10, hit);
 *
 * Results depend neither on threads nor on the instruction set: better is the higher score, of
 * equal ones the higher id.
 */
#ifndef MN_AGENT_SCAN_H
#define MN_AGENT_SCAN_H
#include "kernel/kernel.h"

#include <stddef.h>
#include <stdint.h>

/* Vectors that lie together; a set is an array of such parts, for what has grown. Borrowed, and
 * not to change while it is searched. */
typedef struct mn_scan_part {
    const int8_t *codes;   /* [n] rows, `stride` bytes apart */
    const float *scale;    /* [n]; what is not above 0 marks a row that is no vector (any more) */
    const uint8_t *sketch; /* [n] rows of mn_scan_sketch_bytes(d); only mn_scan_near reads them */
    const int64_t *id;     /* [n] */
    size_t stride, n;
} mn_scan_part;

typedef struct mn_scan_query {
    _Alignas(64) int8_t codes[MN_SCAN_MOST];
    uint8_t sketch[MN_SCAN_MOST / 8];
    float scale;
    int d;
} mn_scan_query;

typedef struct mn_scan_hit {
    int64_t id;
    float score; /* the cosine */
} mn_scan_hit;

/* x [d] to codes [d] and their scale. MN_EINVAL: d is no multiple of 32 up to MN_SCAN_MOST, or x
 * has no direction: it is zero, or one of its numbers is none. */
int mn_scan_quantise(const float *x, int d, int8_t *codes, float *scale);
static inline size_t mn_scan_sketch_bytes(int d) {
    return ((size_t)d + 63) / 64 * 8;
}
void mn_scan_sketch(const int8_t *codes, int d, uint8_t *sketch);
/* The same of a question. */
int mn_scan_ask(const float *x, int d, mn_scan_query *out);

/* Threads, and room for what they have found so far. One search at a time. */
typedef struct mn_scan mn_scan;
int mn_scan_open(const mn_kernels *kernels, int threads, mn_scan **out);
void mn_scan_close(mn_scan **scan);

/* The k best of all parts, best first: how many there are, at most k. */
int mn_scan_exact(mn_scan *scan, const mn_scan_part *part, int parts, const mn_scan_query *q, int k,
                  mn_scan_hit *out);
/* The same of the m rows (0: MN_SCAN_NEAR) whose sketches are nearest, later rows first where
 * sketches are equally near. */
enum { MN_SCAN_NEAR = 2000 };
int mn_scan_near(mn_scan *scan, const mn_scan_part *part, int parts, const mn_scan_query *q, int m,
                 int k, mn_scan_hit *out);

/* Either of them in two halves: the other threads begin, and the caller does something else before
 * he comes to help them. Parts and question stay as they are until then. What began well is ended;
 * out [k]. */
int mn_scan_begin_exact(mn_scan *scan, const mn_scan_part *part, int parts, const mn_scan_query *q,
                        int k);
int mn_scan_begin_near(mn_scan *scan, const mn_scan_part *part, int parts, const mn_scan_query *q,
                       int m, int k);
int mn_scan_end(mn_scan *scan, mn_scan_hit *out);

#endif
