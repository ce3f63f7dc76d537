/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/test_order.c - what every order in the registry must hold, on random traces.
 *
 * A toy planner gives slots to jobs as the real one does; jobs arrive, are cancelled, are stopped
 * for want of memory, and end. Under every order each job is served once, nobody waits for ever,
 * the same trace gives the same history, and no allocation that fails breaks anything.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/random.h"
#include "engine/order.h"

enum { JOBS = 400, SLOTS = 6, TENANTS = 5, PROMPT = 48 };

typedef struct toy_job {
    mn_order_job o;
    int32_t ids[PROMPT], answer, read;
    int state;            /* 0 not here yet, 1 waiting, 2 running, 3 gone */
    int ended, cancelled; /* how often */
    uint64_t overtaken;   /* jobs that came after it and were started before it */
} toy_job;

typedef struct toy {
    const mn_order *order;
    void *state;
    toy_job *job;
    int here, running;
    uint64_t history; /* a hash of who was started and stopped, in order */
    uint64_t steps, stops;
} toy;

static toy_job *toy_of(mn_order_job *o) {
    return (toy_job *)(void *)o;
}

static void note(toy *t, uint64_t what) {
    t->history = (t->history ^ what) * 0x100000001b3u;
}

static void make_jobs(toy *t, uint64_t seed) {
    mn_random r;
    mn_random_seed(&r, seed);
    for (int i = 0; i < JOBS; i++) {
        toy_job *j = &t->job[i];
        *j = (toy_job){.o = {.id = (uint64_t)i + 1, .tenant = mn_random_u64(&r) % TENANTS}};
        const int alike = (int)(mn_random_u64(&r) % 40), group = (int)(mn_random_u64(&r) % 6);
        for (int k = 0; k < PROMPT; k++)
            j->ids[k] = k < alike ? group : (int32_t)(mn_random_u64(&r) % 3);
        j->o.ids = mn_random_u64(&r) % 20 ? j->ids : NULL;
        j->o.n = 1 + (int32_t)(mn_random_u64(&r) % PROMPT);
        j->o.cap = (int32_t)(mn_random_u64(&r) % 30);
        j->answer = 1 + (int32_t)(mn_random_u64(&r) % 24);
    }
}

static int arrive(toy *t) {
    toy_job *j = &t->job[t->here];
    const int rc = t->order->arrive(t->state, &j->o);
    if (rc < 0) return rc;
    j->state = 1;
    t->here++;
    return 0;
}

static void end(toy *t, toy_job *j) {
    t->running -= j->state == 2;
    t->order->done(t->state, &j->o);
    j->state = 3;
    j->ended++;
}

static void start(toy *t, toy_job *j) {
    assert_int_equal(j->state, 1);
    t->order->start(t->state, &j->o);
    for (int i = 0; i < t->here; i++)
        t->job[i].overtaken += t->job[i].state == 1 && t->job[i].o.id < j->o.id;
    j->state = 2;
    t->running++;
    note(t, j->o.id);
}

static void stop(toy *t, toy_job *j) {
    assert_int_equal(j->state, 2);
    t->order->stop(t->state, &j->o);
    j->state = 1;
    t->running--;
    t->stops++;
    note(t, ~j->o.id);
}

static void fill(toy *t) {
    for (mn_order_job *n; (n = t->order->next(t->state));) {
        assert_ptr_equal(t->order->next(t->state), n); /* asking changes nothing */
        assert_int_equal(toy_of(n)->state, 1);
        if (t->running == SLOTS) {
            mn_order_job *v = t->order->victim(t->state, n);
            if (!v) return;
            stop(t, toy_of(v));
        }
        start(t, toy_of(n));
    }
    for (int i = 0; i < t->here; i++) assert_int_not_equal(t->job[i].state, 1); /* none was left */
}

static void step(toy *t, mn_random *r) {
    fill(t);
    for (int i = 0; i < t->here; i++) {
        toy_job *j = &t->job[i];
        if (j->state != 2) continue;
        const int32_t rest = j->o.n - j->read, read = rest < 16 ? rest : 16;
        j->read += read;
        t->order->account(t->state, &j->o, read, !rest);
        if (!rest && j->o.written == j->answer) end(t, j);
    }
    t->order->tick(t->state);
    t->steps++;
    if (mn_random_u64(r) % 16 == 0 && t->running > 1) { /* memory is short */
        mn_order_job *v = t->order->victim(t->state, NULL);
        assert_non_null(v);
        stop(t, toy_of(v));
    }
    const int any = (int)(mn_random_u64(r) % JOBS);
    if (mn_random_u64(r) % 12 == 0 && any < t->here && t->job[any].state != 3) {
        t->job[any].cancelled = 1;
        end(t, &t->job[any]);
    }
}

static int left(const toy *t) {
    int n = 0;
    for (int i = 0; i < t->here; i++) n += t->job[i].state != 3;
    return n;
}

/* All jobs, `burst` of them at a time: until none is left. */
static void run(toy *t, const mn_order *order, uint64_t seed, int burst) {
    *t = (toy){.order = order, .job = t->job};
    mn_random r;
    mn_random_seed(&r, seed + 1);
    make_jobs(t, seed);
    assert_ok(order->open(0.1, &t->state));
    while (t->here < JOBS || left(t)) {
        for (int i = 0; i < burst && t->here < JOBS; i++) assert_ok(arrive(t));
        step(t, &r);
        assert_true(t->steps < 100000);
    }
    assert_null(order->next(t->state));
    assert_null(order->victim(t->state, NULL));
    order->close(&t->state);
    assert_null(t->state);
}

static void every_job_is_served_once(void **unused) {
    toy t = {.job = mn_malloc(JOBS * sizeof(toy_job))};
    for (int o = 0; mn_orders[o]; o++)
        for (uint64_t seed = 1; seed < 40; seed++) {
            run(&t, mn_orders[o], seed, seed % 3 ? 1 : JOBS);
            for (int i = 0; i < JOBS; i++) {
                const toy_job *j = &t.job[i];
                assert_int_equal(j->ended, 1);
                if (!j->cancelled) assert_int_equal(j->o.written, j->answer);
            }
            assert_true(t.stops > 0);
        }
    mn_free(t.job);
}

static void the_same_trace_gives_the_same_history(void **unused) {
    toy t = {.job = mn_malloc(JOBS * sizeof(toy_job))};
    for (int o = 0; mn_orders[o]; o++)
        for (uint64_t seed = 100; seed < 110; seed++) {
            run(&t, mn_orders[o], seed, 3);
            const uint64_t first = t.history;
            toy_job *elsewhere = mn_malloc(JOBS * sizeof(toy_job)); /* addresses say nothing */
            mn_free(t.job);
            t.job = elsewhere;
            run(&t, mn_orders[o], seed, 3);
            assert_true(t.history == first);
        }
    mn_free(t.job);
}

/* One job among others that never cease to come, each more welcome than it: until it is started,
 * at most `most` of them are. */
static void one_among_many(const mn_order *order, uint64_t most) {
    toy_job *pool = mn_calloc(SLOTS + 3, sizeof *pool), *old = &pool[SLOTS + 2];
    void *state;
    uint64_t id = 0, starts = 0;
    assert_ok(order->open(0.1, &state));
    /* Others: short prompts that begin alike, long answers, a tenant of its own each. */
    for (int i = 0; i < SLOTS + 2; i++) {
        id++;
        pool[i].o = (mn_order_job){.id = id, .tenant = 1000 + id, .ids = pool[i].ids, .n = 8};
        pool[i].o.cap = 500;
        assert_ok(order->arrive(state, &pool[i].o));
    }
    old->o = (mn_order_job){.id = ++id, .tenant = 7, .ids = old->ids, .n = PROMPT, .cap = 1};
    for (int k = 0; k < PROMPT; k++) old->ids[k] = 9 + k;
    assert_ok(order->arrive(state, &old->o));
    for (;;) {
        mn_order_job *n = order->next(state);
        if (n == &old->o) break;
        assert_true(starts++ < most);
        order->start(state, n);
        order->account(state, n, 8, 1);
        order->tick(state);
        order->done(state, n);
        const uint64_t owner = ++id;
        *n = (mn_order_job){.id = id, .tenant = 1000 + owner, .ids = toy_of(n)->ids, .n = 8};
        n->cap = 500;
        assert_ok(order->arrive(state, n));
    }
    order->close(&state);
    mn_free(pool);
}

static void nobody_waits_for_ever(void **unused) {
    one_among_many(&mn_order_fcfs, SLOTS + 2);
    one_among_many(&mn_order_fair, 64);
    one_among_many(&mn_order_batch, 4096 + SLOTS + 3);
    for (int o = 0; mn_orders[o]; o++) one_among_many(mn_orders[o], 5000); /* a new one, too */
}

static void fcfs_starts_in_order_of_arrival(void **unused) {
    toy t = {.job = mn_malloc(JOBS * sizeof(toy_job))};
    run(&t, &mn_order_fcfs, 5, 2);
    for (int i = 0; i < JOBS; i++) assert_int_equal(t.job[i].overtaken, 0);
    mn_free(t.job);
}

/* Service of two tenants that always have work, one asking ten times as much at once. */
static void fair_gives_two_tenants_the_same(void **unused) {
    enum { N = 44 };
    toy_job *job = mn_calloc(N, sizeof *job);
    void *state;
    int64_t had[2] = {0};
    uint64_t id = 0;
    int running = 0;
    assert_ok(mn_order_fair.open(0.04, &state));
    for (int i = 0; i < N; i++) {
        job[i].o = (mn_order_job){.id = ++id, .tenant = i % 11 == 0, .n = 20, .cap = 30};
        assert_ok(mn_order_fair.arrive(state, &job[i].o));
    }
    for (int step = 0; step < 4000; step++) {
        for (mn_order_job *n; (n = mn_order_fair.next(state));) {
            if (running == 4) {
                mn_order_job *v = mn_order_fair.victim(state, n);
                if (!v) break;
                mn_order_fair.stop(state, v);
                toy_of(v)->state = 0;
                running--;
            }
            mn_order_fair.start(state, n);
            toy_of(n)->state = 2;
            running++;
        }
        for (int i = 0; i < N; i++) {
            mn_order_job *o = &job[i].o;
            if (job[i].state != 2) continue;
            const int32_t read = job[i].read ? 0 : 20;
            job[i].read += read;
            had[o->tenant] += read + 2 * !read;
            mn_order_fair.account(state, o, read, !read);
            if (o->written < 30) continue;
            mn_order_fair.done(state, o); /* and asks again */
            running--;
            const uint64_t tenant = o->tenant;
            job[i] = (toy_job){.o = {.id = ++id, .tenant = tenant, .n = 20, .cap = 30}};
            assert_ok(mn_order_fair.arrive(state, o));
        }
        mn_order_fair.tick(state);
    }
    const int64_t apart = had[0] > had[1] ? had[0] - had[1] : had[1] - had[0];
    assert_true(had[0] + had[1] > 20000);
    assert_true(apart <= 4 * (20 + 2 * 30 + 50)); /* a slot's worth each, and a period */
    mn_order_fair.close(&state);
    mn_free(job);
}

/* Who was away does not come back with what he did not use, nor with a clean slate. */
static void being_away_saves_nothing_up(void **unused) {
    void *state;
    toy_job a = {.o = {.id = 1, .tenant = 1, .n = 1000}},
            b = {.o = {.id = 2, .tenant = 2, .n = 10}};
    assert_ok(mn_order_fair.open(0.04, &state));
    assert_ok(mn_order_fair.arrive(state, &a.o));
    mn_order_fair.start(state, &a.o);
    mn_order_fair.account(state, &a.o, 1000, 1);
    assert_ok(mn_order_fair.arrive(state, &b.o)); /* never here before: as much as the least has */
    mn_order_fair.start(state, &b.o);
    mn_order_fair.account(state, &b.o, 10, 1);
    mn_order_fair.done(state, &b.o);
    toy_job c = {.o = {.id = 3, .tenant = 2, .n = 1}}, d = {.o = {.id = 4, .tenant = 3, .n = 1}};
    assert_ok(mn_order_fair.arrive(state, &c.o)); /* had 12 more than d will have */
    assert_ok(mn_order_fair.arrive(state, &d.o));
    assert_ptr_equal(mn_order_fair.next(state), &d.o);
    mn_order_fair.close(&state);
}

/* Priorities change once in a period, and only whoever had more by more than that gives way. */
static void turns_are_taken_at_the_frequency(void **unused) {
    void *state;
    toy_job a = {.o = {.id = 1, .tenant = 1, .n = 10}}, b = {.o = {.id = 2, .tenant = 2, .n = 10}};
    int when = 0;
    assert_ok(mn_order_fair.open(0.05, &state));
    assert_ok(mn_order_fair.arrive(state, &a.o));
    mn_order_fair.start(state, &a.o);
    assert_ok(mn_order_fair.arrive(state, &b.o));
    for (int step = 1; step < 100 && !when; step++) {
        mn_order_fair.account(state, &a.o, step == 1 ? 10 : 0, step > 1);
        mn_order_fair.tick(state);
        if (mn_order_fair.victim(state, &b.o) == &a.o) when = step;
    }
    assert_int_equal(when,
                     40); /* at 20 he had 48 tokens' worth, not yet more than 40 + what b has */
    mn_order_fair.close(&state);
}

/* When memory is short: the newest, or the newest of the tenant that had most. */
static void who_goes_when_memory_is_short(void **unused) {
    for (int o = 0; mn_orders[o]; o++) {
        toy_job j[3] = {{.o = {.id = 1, .tenant = 1, .n = 9}},
                        {.o = {.id = 2, .tenant = 2, .n = 5}},
                        {.o = {.id = 3, .tenant = 1, .n = 9}}};
        const int fair = mn_orders[o] == &mn_order_fair;
        void *state;
        assert_ok(mn_orders[o]->open(0.1, &state));
        assert_null(mn_orders[o]->victim(state, NULL));
        for (int i = 0; i < 3; i++) assert_ok(mn_orders[o]->arrive(state, &j[i].o));
        for (int i = 0; i < 3; i++) mn_orders[o]->start(state, &j[i].o);
        assert_ptr_equal(mn_orders[o]->victim(state, NULL), &j[2].o);
        mn_orders[o]->stop(state, &j[2].o);
        assert_ptr_equal(mn_orders[o]->victim(state, NULL), fair ? &j[0].o : &j[1].o);
        mn_orders[o]->stop(state, &j[1].o);
        assert_ptr_equal(mn_orders[o]->next(state), &j[1].o);
        mn_orders[o]->close(&state);
    }
}

static void failed_allocations_leave_an_order_whole(void **unused) {
    toy t = {.job = mn_malloc(JOBS * sizeof(toy_job))};
    for (int o = 0; mn_orders[o]; o++)
        for (long n = 1;; n++) {
            t = (toy){.order = mn_orders[o], .job = t.job};
            make_jobs(&t, 9);
            mn_random r;
            mn_random_seed(&r, 9);
            mn_alloc_fail_after(n);
            int rc = mn_orders[o]->open(0.1, &t.state), failed = rc < 0;
            while (!failed && t.here < 200)
                if (arrive(&t) < 0) failed = 1;
            const int all = mn_alloc_fail_left() > 0;
            mn_alloc_fail_after(0);
            if (rc >= 0) {
                while (t.here < 200) assert_ok(arrive(&t));
                while (left(&t)) step(&t, &r);
                mn_orders[o]->close(&t.state);
            }
            if (all) break;
            assert_true(n < 2000);
        }
    mn_free(t.job);
}

static void orders_are_found_by_name(void **unused) {
    assert_ptr_equal(mn_order_find(NULL), &mn_order_fcfs);
    for (int i = 0; mn_orders[i]; i++)
        assert_ptr_equal(mn_order_find(mn_orders[i]->name), mn_orders[i]);
    assert_null(mn_order_find("random"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_is_served_once),
        cmocka_unit_test(the_same_trace_gives_the_same_history),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(fcfs_starts_in_order_of_arrival),
        cmocka_unit_test(fair_gives_two_tenants_the_same),
        cmocka_unit_test(being_away_saves_nothing_up),
        cmocka_unit_test(turns_are_taken_at_the_frequency),
        cmocka_unit_test(who_goes_when_memory_is_short),
        cmocka_unit_test(failed_allocations_leave_an_order_whole),
        cmocka_unit_test(orders_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
