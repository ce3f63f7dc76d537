/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/figures.c - what a server has done so far, counted for /metrics and /api/state.requests,
 * and how long they took.
 */
#include "serve/figures.h"

#include "base/clock.h"
#include "serve/route.h"

const double mn_bucket_seconds[MN_BUCKETS] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                              0.5,   1,     2.5,  5,     10,   30,  120};

void mn_histogram_add(mn_histogram *h, double seconds) {
    int i = 0;
    while (i < MN_BUCKETS && seconds > mn_bucket_seconds[i]) i++;
    h->bucket[i]++;
    h->count++;
    h->sum_us += (uint64_t)(seconds * 1e6);
}

void mn_figures_request(mn_figures *f, const mn_exchange *x) {
    const int route = x->route ? (int)(x->route - mn_routes) : MN_FIGURE_ROUTES;
    const int status = x->conn ? x->status / 100 : 0; /* 0: the client left before the end */
    f->requests[route][status >= 0 && status < MN_STATUSES ? status : 5]++;
    if (!x->conn) f->left++;
    mn_histogram_add(&f->whole, mn_clock_seconds() - x->began);
    if (x->first > 0) mn_histogram_add(&f->first, x->first - x->began);
}
