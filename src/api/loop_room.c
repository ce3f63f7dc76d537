/* SPDX-License-Identifier: Apache-2.0
 *
 * api/loop_room.c - memory of a loop: what answers may come to take, and what there is.
 *
 * Before an answer comes, three sums are held against what the region and the budget have: the
 * extents that those who run use, each once, whoever wrote it; the rows they may still write; and
 * what the new one adds to both. What others have read of its prompt, or read now, costs nothing
 * more. A region that is full makes rows private, and what is private cannot be shared: so this
 * is counted with care, and to the page. Under a budget the region counts as a
 * whole: what it holds for nobody just now leaves for the disk before the next step would exceed
 * the number that was given.
 */
#include "api/loop.h"

#include "base/budget.h"
#include "base/error.h"

#include <string.h>

enum { EXPECTED = 256 /* tokens of an answer that has no limit */, PAGE = 4096 };

static uint64_t row_bytes(const mn_model *m, int q8) {
    mn_kv_layout layout;
    mn_engine_layout(m->engine, q8 ? MN_KV_Q8 : MN_KV_F16, &layout);
    return (uint64_t)layout.layers * 2 * (uint64_t)layout.heads *
           mn_kv_plane_bytes(layout.format, 16, layout.d) / 16;
}

static int same_tenant(const uint8_t *a, const uint8_t *b) {
    return a && b ? memcmp(a, b, 32) == 0 : a == b;
}

/* How many tokens a prompt begins with that one of those who run has read, or reads now. */
static int read_by_others(const mn_loop *l, const mn_job *j) {
    const mn_order_job *o = &j->o;
    int most = 0;
    for (int i = 0; i < l->slots.n; i++) {
        const mn_job *k = mn_job_in(l, i);
        const int n = k->o.n < o->n ? k->o.n : o->n;
        int same = 0;
        if (k->model != j->model || k->r.kv_q8 != j->r.kv_q8 || k->a.context != j->a.context ||
            !j->model->region || !same_tenant(k->r.tenant, j->r.tenant))
            continue;
        while (same < n && k->o.ids[same] == o->ids[same]) same++;
        if (same > most) most = same;
    }
    return most;
}

/* Of rows of an answer; and a page of each plane, for the last rows of an extent seldom fill it. */
static uint64_t bytes_of(const mn_job *j, int rows) {
    mn_kv_layout l;
    mn_engine_layout(j->model->engine, MN_KV_F16, &l);
    return (uint64_t)rows * row_bytes(j->model, j->r.kv_q8) +
           (uint64_t)l.layers * 2 * (uint64_t)l.heads * PAGE;
}

/* Bytes that an answer may still come to take: of its prompt what neither it nor others have read,
 * and what it may say, less what was promised already, and what is promised beyond. */
static uint64_t growth(const mn_job *j) {
    const int ids = mn_answering_ids(&j->a), room = j->a.context - ids;
    int more = j->r.max_tokens > 0 ? j->r.max_tokens - j->a.stats.tokens : EXPECTED;
    if (more > room) more = room;
    if (more < 0) more = 0;
    const mn_seq *s = j->a.session ? j->a.session->seq : NULL;
    const int length = s ? mn_seq_length(s) : 0, have = length > j->others ? length : j->others;
    int rows = ids - have + more - (s ? mn_seq_promised(s) : 0);
    if (rows > 0) rows += room - more < MN_KV_AHEAD ? room - more : MN_KV_AHEAD;
    return bytes_of(j, rows > 0 ? rows : 0);
}

/* Extents in use, each once: memory in the region, or booked; and of files that are mapped. */
typedef struct holds {
    mn_seq_hold hold[(MN_SLOTS + 1) * MN_SEQ_SPANS];
    int n;
    uint64_t bytes, booked, mapped;
} holds;

static void add_holds(holds *h, const mn_job *j) {
    mn_seq_hold own[MN_SEQ_SPANS];
    const int n = j && j->a.session ? mn_seq_holds(j->a.session->seq, own) : 0;
    if (n) h->booked += mn_seq_bytes(j->a.session->seq);
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < h->n && h->hold[k].name != own[i].name) k++;
        if (k == h->n) h->hold[h->n++] = (mn_seq_hold){.name = own[i].name};
        mn_seq_hold *at = &h->hold[k];
        if (own[i].bytes > at->bytes)
            h->bytes += own[i].bytes - at->bytes, at->bytes = own[i].bytes;
        if (own[i].mapped > at->mapped)
            h->mapped += own[i].mapped - at->mapped, at->mapped = own[i].mapped;
    }
}

/* Of those who run, and of `next`, which may be NULL. */
static void all_holds(const mn_loop *l, const mn_job *next, holds *h) {
    *h = (holds){.n = 0};
    for (int i = 0; i < l->slots.n; i++) add_holds(h, mn_job_in(l, i));
    add_holds(h, next);
}

/* What this process holds beside rows in the region: weights, workspace, files that are mapped. */
static uint64_t beside(const holds *h) {
    const uint64_t used = mn_budget_used();
    return (used > h->booked ? used - h->booked : 0) + h->mapped;
}

static uint64_t capacity(const mn_model *m, const holds *h) {
    const uint64_t most = m->region ? mn_region_limit(m->region) : UINT64_MAX,
                   limit = mn_budget_limit(), other = limit ? beside(h) : 0;
    if (!limit) return most;
    const uint64_t left = limit > other ? limit - other : 0;
    return left < most ? left : most;
}

int mn_loop_fits(const mn_loop *l, mn_job *j) {
    holds h;
    all_holds(l, j, &h);
    j->others = read_by_others(l, j);
    uint64_t wants = growth(j);
    for (int i = 0; i < l->slots.n; i++) wants += growth(mn_job_in(l, i));
    return h.bytes + wants <= capacity(j->model, &h);
}

int mn_loop_allows(const mn_loop *l, const mn_job *j) {
    holds h;
    all_holds(l, NULL, &h);
    const int ids = mn_answering_ids(&j->a);
    const uint64_t limit = mn_budget_limit(), needs = bytes_of(j, ids), other = beside(&h);
    char a[16], b[16], c[16];
    if (!limit || other + needs <= limit) return 0;
    return MN_FAIL(MN_EFULL,
                   "a prompt of %d tokens needs %s, but %s of the %s allowed by --memory are in "
                   "use; give at least --memory %lluM, or a smaller model or text",
                   ids, mn_budget_human(needs, a), mn_budget_human(other, b),
                   mn_budget_human(limit, c),
                   (unsigned long long)((other + needs + (1 << 20)) >> 20));
}

void mn_loop_shrink(const mn_loop *l, const mn_model *m, const mn_job *next) {
    const uint64_t limit = mn_budget_limit();
    holds h;
    if (!limit || !m->region) return;
    all_holds(l, next, &h);
    uint64_t taken = beside(&h) + (next ? growth(next) : 0);
    for (int i = 0; i < l->slots.n; i++) taken += growth(mn_job_in(l, i));
    mn_region_shrink(m->region, limit > taken ? limit - taken : 0);
}
