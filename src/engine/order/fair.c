/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/fair.c - the tenant that had least comes next.
 *
 * Virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", 2024): what a
 * tenant had is tokens read plus twice the tokens written, for a token written takes longer. A
 * prompt is charged when its job starts, so that who asks a lot at once does not get all slots at
 * once; what turns out to be cached is given back. A tenant that was away comes back with at least
 * what the least of those had who are here: being away saves nothing up. Within a tenant, jobs go
 * in order of arrival.
 *
 * Preemption is FastSwitch's (Shen et al. 2024): priorities change `frequency` times per step and
 * stay in between. When they change, who waits may take the place of a running job whose tenant
 * had more, by more than one gets in a period; of that tenant the newest job goes. Nobody goes who
 * has run for less than a period: what was brought in shall be used. What it had computed stays in
 * the region, and its cold copy there: the next time only new rows are written (region/mover.c).
 *
 * A counter outlives the tenant's jobs as long as it says more than its absence would. O(tenants
 * with jobs) a call.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "engine/order/queue.h"

enum { READ_WEIGHT = 1, WRITTEN_WEIGHT = 2, REMEMBERED = 1 << 16 /* tenants */ };

typedef struct tenant tenant;
struct tenant {
    uint64_t key;
    int64_t had;
    mn_order_queue waiting;
    int running;
    tenant *before, *after; /* those that have jobs */
    tenant *chain;          /* of a bucket */
};

typedef struct fair {
    double frequency, due; /* how much of a period has passed */
    uint64_t steps;
    int changing;    /* priorities change in this step */
    int64_t floor;   /* the least that anybody with jobs had; it never sinks */
    tenant *present; /* those that have jobs */
    mn_order_queue running;
    tenant **bucket;
    size_t buckets, tenants;
} fair;

static int fair_open(double frequency, void **state) {
    fair *f = mn_calloc(1, sizeof *f);
    if (f) f->bucket = mn_calloc(f->buckets = 64, sizeof(tenant *));
    if (!f || !f->bucket) {
        mn_free(f);
        return MN_FAIL(MN_ENOMEM, "no memory for the order of answers");
    }
    f->frequency = frequency > 0 ? frequency : 0.03;
    *state = f;
    return 0;
}

/* Tenants that have no jobs and had at most `most` are forgotten. */
static void forget(fair *f, int64_t most) {
    for (size_t i = 0; i < f->buckets; i++)
        for (tenant **p = &f->bucket[i]; *p;) {
            tenant *t = *p;
            if (t->running || t->waiting.n || t->had > most) {
                p = &t->chain;
                continue;
            }
            *p = t->chain;
            mn_free(t);
            f->tenants--;
        }
}

static void fair_close(void **state) {
    fair *f = *state;
    if (!f) return;
    for (size_t i = 0; i < f->buckets; i++)
        for (tenant *t = f->bucket[i], *chain; t; t = chain) {
            chain = t->chain;
            mn_free(t);
        }
    mn_free(f->bucket);
    mn_free(f);
    *state = NULL;
}

static tenant **bucket_of(const fair *f, uint64_t key) {
    return &f->bucket[(key ^ key >> 32) & (f->buckets - 1)];
}

/* Room for one more: first where it costs nothing. Longer chains are no failure. */
static void make_room(fair *f) {
    if (f->tenants < f->buckets) return;
    forget(f, f->tenants < REMEMBERED ? f->floor : INT64_MAX);
    if (f->tenants < f->buckets / 2) return;
    fair more = {.buckets = 2 * f->buckets, .bucket = mn_calloc(2 * f->buckets, sizeof(tenant *))};
    if (!more.bucket) return;
    for (size_t i = 0; i < f->buckets; i++)
        for (tenant *t = f->bucket[i], *chain; t; t = chain) {
            chain = t->chain;
            tenant **b = bucket_of(&more, t->key);
            t->chain = *b;
            *b = t;
        }
    mn_free(f->bucket);
    f->bucket = more.bucket;
    f->buckets = more.buckets;
}

static tenant *tenant_of(fair *f, uint64_t key) {
    for (tenant *t = *bucket_of(f, key); t; t = t->chain)
        if (t->key == key) return t;
    make_room(f);
    tenant *t = mn_calloc(1, sizeof *t);
    if (!t) return NULL;
    t->key = key;
    t->chain = *bucket_of(f, key);
    *bucket_of(f, key) = t;
    f->tenants++;
    return t;
}

/* The least that anybody had who has jobs. */
static void raise_floor(fair *f) {
    int64_t least = INT64_MAX;
    for (const tenant *t = f->present; t; t = t->after)
        if (t->had < least) least = t->had;
    if (least != INT64_MAX && least > f->floor) f->floor = least;
}

static void enter(fair *f, tenant *t) {
    raise_floor(f);
    if (t->had < f->floor) t->had = f->floor;
    t->before = NULL;
    t->after = f->present;
    if (t->after) t->after->before = t;
    f->present = t;
}

static void leave(fair *f, tenant *t) {
    raise_floor(f);
    if (t->before)
        t->before->after = t->after;
    else
        f->present = t->after;
    if (t->after) t->after->before = t->before;
}

static int arrive(void *state, mn_order_job *job) {
    fair *f = state;
    tenant *t = tenant_of(f, job->tenant);
    if (!t) return MN_FAIL(MN_ENOMEM, "no memory for one more tenant");
    if (!t->running && !t->waiting.n) enter(f, t);
    job->place = t;
    mn_order_queue_sort_in(&t->waiting, job);
    return 0;
}

static mn_order_job *next(void *state) {
    const fair *f = state;
    const tenant *best = NULL;
    for (const tenant *t = f->present; t; t = t->after) {
        if (!t->waiting.n) continue;
        if (!best || t->had < best->had ||
            (t->had == best->had && t->waiting.first->id < best->waiting.first->id))
            best = t;
    }
    return best ? best->waiting.first : NULL;
}

static void start(void *state, mn_order_job *job) {
    fair *f = state;
    tenant *t = job->place;
    mn_order_queue_remove(&t->waiting, job);
    mn_order_queue_push(&f->running, job);
    t->running++;
    job->running = 1;
    job->since = f->steps;
    job->note = job->n;
    t->had += (int64_t)READ_WEIGHT * job->note;
}

/* What was charged for a prompt and not computed is given back. */
static void settle(mn_order_job *job) {
    tenant *t = job->place;
    t->had -= (int64_t)READ_WEIGHT * job->note;
    job->note = 0;
}

static mn_order_job *victim(void *state, const mn_order_job *to) {
    const fair *f = state;
    const double period = 1 / f->frequency;
    if (to && !f->changing) return NULL;
    mn_order_job *worst = NULL;
    for (mn_order_job *j = f->running.first; j; j = j->after) {
        if (to && (double)(f->steps - j->since) < period) continue;
        const tenant *t = j->place, *most = worst ? worst->place : NULL;
        if (!worst || t->had > most->had || (t->had == most->had && j->id > worst->id)) worst = j;
    }
    if (!to || !worst) return worst;
    const int64_t had = ((const tenant *)worst->place)->had, his = ((tenant *)to->place)->had;
    return (double)(had - his) > WRITTEN_WEIGHT * period ? worst : NULL;
}

static void stop(void *state, mn_order_job *job) {
    fair *f = state;
    tenant *t = job->place;
    settle(job);
    mn_order_queue_remove(&f->running, job);
    mn_order_queue_sort_in(&t->waiting, job);
    t->running--;
    job->running = 0;
}

static void account(void *state, mn_order_job *job, int32_t read, int32_t written) {
    (void)state;
    tenant *t = job->place;
    const int32_t paid = read < job->note ? read : job->note;
    job->note -= paid;
    t->had += (int64_t)READ_WEIGHT * (read - paid) + (int64_t)WRITTEN_WEIGHT * written;
    job->written += written;
    if (written) settle(job);
}

static void tick(void *state) {
    fair *f = state;
    f->steps++;
    f->due += f->frequency;
    f->changing = f->due >= 1;
    if (f->changing) f->due -= 1;
}

static void done(void *state, mn_order_job *job) {
    fair *f = state;
    tenant *t = job->place;
    settle(job);
    mn_order_queue_remove(job->running ? &f->running : &t->waiting, job);
    t->running -= job->running;
    job->running = 0;
    job->place = NULL;
    if (!t->running && !t->waiting.n) leave(f, t);
}

const mn_order mn_order_fair = {.name = "fair",
                                .about = "who had least comes next, and takes turns with the rest",
                                .open = fair_open,
                                .close = fair_close,
                                .arrive = arrive,
                                .next = next,
                                .start = start,
                                .victim = victim,
                                .stop = stop,
                                .account = account,
                                .tick = tick,
                                .done = done};
