/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/share_cost.c - the same work with rows in the region and with rows in memory of one's own.
 *
 *   fresh     prefill of `prompt` tokens into pages the region has not: each is asked for first
 *   recycled  prefill into pages that an extent of the same shape left warm
 *   decode    `gen` tokens behind the fresh prompt, token by token in turn
 *
 * Tokens differ from round to round, so nothing is ever found; in every round each kind has its
 * turn to be first. No command leaves warm pages behind (extents are published before rows are
 * computed, and what is published is given back when it goes), so recycled pages are made here, by
 * an extent that is closed unpublished with its pages; the ledger says whether they were taken. The
 * disk tier is off: what it writes, it writes when the work is done.
 */
#include "bench/share.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

enum { OWN, FRESH, RECYCLED, KINDS };

typedef struct cost {
    const mn_bench_options *o;
    mn_model *m;
    mn_region *region;
    int32_t *ids;
    float *logits;
    int context;
    mn_random random;
    double prefill[KINDS], decode[KINDS]; /* seconds of this round */
} cost;

/* Pages for `context` rows, warm. */
static int leave_warm(const cost *c) {
    mn_kv_layout l;
    mn_kv_extent *e;
    mn_engine_layout(c->m->engine, MN_KV_F16, &l);
    MN_TRY(mn_kv_extent_open(&l, c->context, c->region, &e));
    const int rc = mn_kv_extent_back(&l, e, c->context);
    mn_extent x = e->x;
    mn_extent_close(&x); /* and not mn_kv_extent_release, which would give pages back */
    mn_budget_give(e->booked);
    mn_free(e);
    return rc;
}

/* Open a session of this kind and time its prefill. */
static int prefill(cost *c, int kind, mn_session **s) {
    if (kind == RECYCLED) MN_TRY(leave_warm(c));
    const uint64_t before = mn_region_charged(c->region);
    for (int i = 0; i < c->context; i++)
        c->ids[i] = (int32_t)(mn_random_u64(&c->random) % (uint64_t)c->m->net->V);
    c->m->region = kind == OWN ? NULL : c->region; /* a session takes what its model has */
    int rc = mn_session_open(c->m, c->context, 0, s);
    c->m->region = c->region;
    MN_TRY(rc);
    const double start = mn_clock_seconds();
    MN_TRY(mn_session_eval(*s, c->ids, c->o->prompt, c->logits, 1));
    c->prefill[kind] = mn_clock_seconds() - start;
    const uint64_t after = mn_region_charged(c->region);
    if ((kind == FRESH) == (after > before)) return 0;
    return MN_FAIL(MN_ECORRUPT,
                   "%llu bytes of pages before and %llu after: not what was to be measured",
                   (unsigned long long)before, (unsigned long long)after);
}

/* Token by token in turn, so that both meet the same minute of the machine. */
static int decode(cost *c, mn_session *const *s) {
    c->decode[OWN] = c->decode[FRESH] = 0;
    for (int i = 0; i < 2 * c->o->gen; i++) {
        const int kind = (i + i / 2) % 2 ? FRESH : OWN;
        const double start = mn_clock_seconds();
        MN_TRY(mn_session_eval(s[kind], c->ids + i / 2, 1, c->logits, 1));
        c->decode[kind] += mn_clock_seconds() - start;
    }
    return 0;
}

static int once(cost *c, int first) {
    mn_session *s[KINDS] = {0};
    int rc = 0;
    for (int i = 0; rc >= 0 && i < KINDS; i++)
        rc = prefill(c, (first + i) % KINDS, s + (first + i) % KINDS);
    if (rc >= 0) rc = decode(c, s);
    for (int i = 0; i < KINDS; i++) mn_session_close(s + i);
    mn_region_clear(c->region);
    return rc;
}

static int rounds(cost *c, mn_bench_row *row /* [KINDS]: decode, fresh, recycled */) {
    const double prompt = c->o->prompt, gen = c->o->gen;
    for (int round = -1; round < c->o->rounds; round++) {
        MN_TRY(once(c, (round + KINDS) % KINDS));
        if (round < 0) continue; /* warm */
        mn_bench_round(row, gen / c->decode[OWN], gen / c->decode[FRESH]);
        mn_bench_round(row + FRESH, prompt / c->prefill[OWN], prompt / c->prefill[FRESH]);
        mn_bench_round(row + RECYCLED, prompt / c->prefill[OWN], prompt / c->prefill[RECYCLED]);
    }
    return 0;
}

int mn_bench_cost(const mn_bench_options *o, mn_model *m) {
    cost c = {.o = o, .m = m, .region = m->region, .context = o->prompt + o->gen + 1};
    mn_bench_row row[KINDS] = {
        {"decode", "decode, nothing shared", "memory of its own", "tok/s", 0.99},
        {"fresh", "prefill into fresh pages, nothing shared", "memory of its own", "tok/s", 0.97},
        {"recycled", "prefill into recycled pages", "memory of its own", "tok/s", 0.99}};
    if (!o->prompt || !o->gen)
        return MN_FAIL(MN_EINVAL, "-p %d -n %d: nothing would be measured", o->prompt, o->gen);
    mn_random_seed(&c.random, o->seed);
    c.ids = mn_malloc((size_t)c.context * sizeof *c.ids);
    c.logits = mn_malloc((size_t)m->net->V * sizeof *c.logits);
    int rc = c.ids && c.logits ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d tokens", c.context);
    if (rc >= 0) rc = rounds(&c, row);
    for (int i = 0; rc >= 0 && i < KINDS; i++) rc = mn_bench_row_print(row + i, o->json);
    mn_free(c.ids);
    mn_free(c.logits);
    return rc;
}
