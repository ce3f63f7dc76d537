/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen.c - a history from a seed (memgen.h).
 */
#include "bench/memgen.h"

#include "bench/memgen_world.h"

#include "base/error.h"

static const mn_plan plans[] = {
    [MN_MEMGEN_S] = {.sittings = 40,
                     .words = 2150,
                     .events = 20,
                     .share = .62,
                     .sums = 2,
                     .advices = 5,
                     .hops = 5},
    [MN_MEMGEN_SMALL] =
        {.sittings = 8, .words = 300, .events = 5, .share = .2, .sums = 1, .advices = 2, .hops = 2},
};

static int make(mn_world *w) {
    MN_TRY(mn_world_make(w));
    MN_TRY(mn_world_talk(w));
    return mn_world_ask(w);
}

int mn_memgen(uint64_t seed, mn_memgen_size size, int number, mn_history *out) {
    mn_book book = {0};
    mn_world w = {.plan = &plans[size], .book = &book, .h = out, .friends = number % 2 == 0};
    mn_random_seed(&w.random, seed * 1000003 + (uint64_t)number);
    int rc = mn_book_open(&book);
    if (rc >= 0) rc = mn_history_print(out, &out->id, "m%d", number + 1);
    if (rc >= 0) rc = make(&w);
    mn_world_free(&w);
    mn_book_free(&book);
    return rc;
}
