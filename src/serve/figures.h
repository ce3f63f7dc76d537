/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/figures.h - what a server counts about itself, for /metrics and /api/state.
 *
 * Written by the HTTP thread alone, read by any: single words, relaxed. Buckets of a histogram
 * count what is at most their bound and above the one before; the text adds them up.
 */
#ifndef MN_SERVE_FIGURES_H
#define MN_SERVE_FIGURES_H
#include <stdatomic.h>
#include <stdint.h>

typedef struct mn_exchange mn_exchange;

enum { MN_BUCKETS = 14, MN_STATUSES = 6, MN_FIGURE_ROUTES = 32 };
extern const double mn_bucket_seconds[MN_BUCKETS];

typedef struct mn_histogram {
    _Atomic uint64_t bucket[MN_BUCKETS + 1], count, sum_us;
} mn_histogram;
typedef struct mn_figures {
    _Atomic uint64_t requests[MN_FIGURE_ROUTES + 1][MN_STATUSES]; /* by route; last: unknown */
    _Atomic uint64_t refused, dropped, left; /* connections; slow readers; clients that went */
    _Atomic uint64_t conns, streams;
    mn_histogram whole, first;                /* seconds of a request; to the first token */
    _Atomic uint64_t read_rate, written_rate; /* tokens a second, of the last one, times 1,000 */
    uint64_t read, written;                   /* at the last look */
    double looked;
} mn_figures;

void mn_histogram_add(mn_histogram *h, double seconds);
void mn_figures_request(mn_figures *f, const mn_exchange *x); /* it has ended */

#endif
