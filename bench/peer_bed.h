/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/peer_bed.h - notes that peers are measured beside: what models would do costs nothing on
 * either side. A vector is one row of numbers, turned by the text's length; an answer of the
 * language model is there at once.
 */
#ifndef MN_BENCH_PEER_BED_H
#define MN_BENCH_PEER_BED_H
#include "bench/bench.h"
#include "bench/stage.h"

#include "agent/notes.h"

#include <jansson.h>

enum { MN_PEER_DIM = 384 };
typedef struct mn_peer_bed {
    mn_stage stage;
    mn_notes *notes;
    float number[2 * MN_PEER_DIM]; /* the same twice */
    double *ms;                    /* [cap] of what was timed */
    int n, cap;
    char path[96]; /* what the peer is given */
} mn_peer_bed;

int mn_peer_bed_begin(mn_peer_bed *b, int cap);
void mn_peer_bed_end(mn_peer_bed *b);
/* Empty notes, named so, on a disk; those before are closed. */
int mn_peer_bed_notes(mn_peer_bed *b, const char *name);
const float *mn_peer_bed_vector(const mn_peer_bed *b, const char *text);
/* All that wait get one. */
int mn_peer_bed_embed(mn_peer_bed *b);
/* The milliseconds since `start` (mn_clock_seconds) count; their median, which forgets them. */
void mn_peer_bed_took(mn_peer_bed *b, double start);
double mn_peer_bed_median(mn_peer_bed *b);
/* What the peer is to do, as JSON, which is let go of. */
int mn_peer_bed_give(mn_peer_bed *b, json_t *what);

#endif
