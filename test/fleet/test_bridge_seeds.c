/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_bridge_seeds.c - two to four machines that do anything at any time over a network
 * that does anything, too (reliability row 18). Their clocks go at rates of their own and jump;
 * bridges start anew, machines lose their boards, links break, messages are lost, late and twice,
 * and Redis starts anew with all, some or none of what it had. At every moment each thing is in one
 * list of each board, has one home, and no board goes back to an older version of it; in the end
 * all know the same, and nothing is gone.
 *
 * Without Redis to remember, a board that is lost may take with it what only part of the others
 * have heard: then homes and versions count in the end only.
 *
 *     test-fleet-bridge-seeds [network | redis]   without: by turns
 *     OMNESIA_SEED=N             that seed alone; the same number is the same run
 *     OMNESIA_SOAK=FIRST:COUNT   these seeds
 *     OMNESIA_PLANT=1            network: a machine takes what is another's; redis: what comes late
 *                                counts as new
 */
#include "fleet/bridge_bed.h"

#include "base/clock.h"
#include "soak.h"

static int below(bed *d, int n) {
    return (int)(mn_random_u64(&d->random) % (uint64_t)n);
}

enum { THINGS = 6, TICKS = 400 };
static const char *const thing[THINGS] = {"cup", "pot", "pan", "jar", "box", "tin"};
static int means = -1; /* 0: network, 1: redis; -1: by turns */
static struct run {
    int forgets; /* boards are lost that nobody can bring back as they were */
    int breaks;  /* Redis loses what it had */
    json_int_t count, mass[MACHINES][THINGS];
    double simulated;
} run;
static const char *const place[] = {"table", "shelf", "robot0", "robot1", "robot2", "robot3"};

static void begin(bed *d, uint64_t seed) {
    char name[24];
    const int redis = means < 0 ? (int)(seed & 1) : means;
    run = (struct run){.simulated = run.simulated};
    bed_begin(d, 2 + (int)(seed % 3), seed);
    if (redis) bed_hub_begin(d);
    run.breaks = redis && below(d, 2);
    run.forgets = !redis || run.breaks ? below(d, 2) : 0;
    for (int i = 0; i < d->n; i++) d->rate[i] = 0.5 + 1.5 * mn_random_unit(&d->random);
    bed_thing(d, 0, "room", "room", "");
    bed_thing(d, 0, "table", "furniture", "room");
    bed_thing(d, d->n - 1, "shelf", "furniture", "room");
    bed_put(d, d->n - 1, "holds/", "room", json_pack("{s:[s]}", "holds", "shelf"));
    for (int t = 0; t < THINGS; t++) bed_thing(d, 0, thing[t], "object", "table");
    for (int i = 0; i < d->n; i++) {
        snprintf(name, sizeof name, "robot%d", i);
        bed_robot(d, i, name);
    }
    bed_settle(d);
    d->late_counts = redis && soak_planted();
    d->loss = 0.3 * mn_random_unit(&d->random);
    d->twice = 0.2;
    d->delay = (uint64_t)below(d, 800) * MS + MS;
}

/* The brain of machine 0 gives a step to somebody, or ends one. */
static void brain(bed *d) {
    char robot[16];
    static int tries;
    snprintf(robot, sizeof robot, "robot%d", below(d, d->n));
    const char *const state = bed_text(d, 0, "call/", robot, "state");
    const uint64_t lease = bed_version(d, 0, "lease/", robot);
    if (*state && strcmp(state, "idle") != 0) {
        const int ended = strcmp(state, "done") == 0 || strcmp(state, "failed") == 0;
        if (!ended && below(d, 4)) return;
        json_t *const call = bed_get(d, 0, "call/", robot);
        json_object_set_new(call, "state", json_string(ended ? "idle" : "cancel"));
        bed_put(d, 0, "call/", robot, call);
    } else if (lease)
        bed_put(d, 0, "call/", robot,
                json_pack("{s:s, s:s, s:i, s:s, s:{s:s, s:s}, s:i, s:I, s:s}", "task", "t1", "step",
                          "s1", "try", ++tries, "skill", below(d, 2) ? "grasp" : "place", "args",
                          "thing", thing[below(d, THINGS)], "to", place[below(d, 2)], "limit", 20,
                          "lease", (json_int_t)lease, "state", "given"));
}

/* A robot at home: begins what it was given, and does it if it can. */
static void robot(bed *d, int i) {
    char name[24];
    snprintf(name, sizeof name, "robot%d", i);
    if (!bed_is(d, i, "robot/", name)) bed_robot(d, i, name); /* its board was lost */
    json_t *const call = bed_get(d, i, "call/", name);
    const char *const state = json_string_value(json_object_get(call, "state"));
    const json_t *const args = json_object_get(call, "args");
    const char *const what = json_string_value(json_object_get(args, "thing"));
    const char *const to = json_string_value(json_object_get(args, "to"));
    const char *next = NULL;
    if (state && strcmp(state, "given") == 0) next = "running";
    if (state && strcmp(state, "cancel") == 0) next = "failed";
    if (state && strcmp(state, "running") == 0) {
        const int grasp = strcmp(json_string_value(json_object_get(call, "skill")), "grasp") == 0;
        next = bed_move(d, i, what, grasp ? name : to) == 0 ? "done" : "failed";
    }
    if (next) {
        json_object_set_new(call, "state", json_string(next));
        bed_put(d, i, "call/", name, call);
    } else
        json_decref(call);
    bed_beat(d, i, name, "table", 300);
}

/* Its home counts up what a thing weighs. */
static void change(bed *d, int i, int t) {
    json_t *const json = bed_get(d, i, "thing/", thing[t]);
    const int planted = soak_planted() && !d->hub;
    if (json && planted) json_object_del(json, "home");
    if (!json || json_object_get(json, "home")) {
        json_decref(json);
        return;
    }
    json_object_set_new(json, "mass", json_integer(++run.count));
    bed_put(d, i, "thing/", thing[t], json);
}

/* Whatever may happen to a machine, or to what is between them. */
static void accident(bed *d, int i) {
    switch (below(d, 8)) {
    case 0: d->ahead[i] += (int64_t)below(d, 20000) * MS; break; /* it slept */
    case 1: d->wall[i] += ((int64_t)below(d, 200000) - 100000) * 1000000; break;
    case 2: d->rate[i] = 0.5 + 1.5 * mn_random_unit(&d->random); break;
    case 3:
        if (d->hub) bed_hub_restart(d, run.breaks ? below(d, 3) : 0);
        break;
    case 4:
        if (!run.forgets && (!d->hub || run.breaks)) break;
        if (run.forgets && i != 0) break; /* what no board has any more, nobody can bring back */
        bed_reboot(d, i);
        memset(run.mass[i], 0, sizeof run.mass[i]);
        break;
    default: bed_restart(d, i, 0); break;
    }
}

static void anything(bed *d) {
    const int i = below(d, d->n);
    switch (below(d, 40)) {
    case 0: bed_cut(d, i, !d->cut[i]); break;
    case 1: accident(d, i); break;
    case 2: /* a thing is moved by a person */
        bed_move(d, i, thing[below(d, THINGS)], place[below(d, 2 + d->n)]);
        break;
    case 3: change(d, i, below(d, THINGS)); break;
    case 4: /* somebody who may not */
        if (bed_is(d, i, "thing/", "cup") && below(d, 4) == 0) {
            json_t *const json = bed_get(d, i, "thing/", "cup");
            if (json_object_get(json, "home")) {
                json_object_set_new(json, "dirt", json_integer(-1));
                bed_put(d, i, "thing/", "cup", json);
            } else
                json_decref(json);
        }
        break;
    case 5:
        if (bed_is(d, i, "stop", ""))
            bed_del(d, i, "stop", "");
        else
            bed_put(d, i, "stop", "",
                    json_pack("{s:[s], s:s}", "robots", place[2 + i], "by", "ann"));
        break;
    default: brain(d); break;
    }
}

/* No board has an older version than it had. */
static void forward(bed *d) {
    for (int i = 0; i < d->n; i++)
        for (int t = 0; t < THINGS; t++) {
            json_t *const json = bed_get(d, i, "thing/", thing[t]);
            const json_int_t mass = json_integer_value(json_object_get(json, "mass"));
            if (json && mass < run.mass[i][t])
                fail_msg("on %s %s went back from %d to %d", bed_name[i], thing[t],
                         (int)run.mass[i][t], (int)mass);
            if (json) run.mass[i][t] = mass;
            json_decref(json);
        }
}

static void one(uint64_t seed) {
    bed d;
    begin(&d, seed);
    for (int t = 0; t < TICKS; t++) {
        if (below(&d, 3) == 0) anything(&d);
        for (int i = 0; i < d.n; i++)
            if (below(&d, 5) == 0) robot(&d, i);
        if (soak_planted()) change(&d, below(&d, d.n), below(&d, THINGS));
        if (t % 10 == 0) bed_sound(&d, run.forgets ? -1 : 0); /* before a bridge puts it right */
        bed_tick(&d);
        if ((t % 10 == 0 || soak_planted()) && !run.forgets) forward(&d);
    }
    for (int i = 0; i < d.n; i++) {
        char name[24];
        snprintf(name, sizeof name, "robot%d", i);
        if (!bed_is(&d, i, "robot/", name)) bed_robot(&d, i, name); /* what it held waits for it */
        bed_cut(&d, i, 0);
    }
    d.loss = 0.1;
    d.late_counts = 0;
    bed_settle(&d);
    bed_sound(&d, 1);
    if (!run.forgets) forward(&d);
    for (int t = 0; t < THINGS; t++)
        for (int i = 0; i < d.n; i++) {
            if (!bed_is(&d, i, "thing/", thing[t])) fail_msg("%s is lost", thing[t]);
            assert_string_equal(bed_text(&d, i, "thing/", thing[t], "at"),
                                bed_text(&d, 0, "thing/", thing[t], "at"));
        }
    for (int i = 1; i < d.n; i++) {
        json_t *const a = bed_get(&d, 0, "stop", ""), *const b = bed_get(&d, i, "stop", "");
        assert_int_equal(json_array_size(json_object_get(a, "robots")),
                         json_array_size(json_object_get(b, "robots")));
        json_decref(a);
        json_decref(b);
    }
    run.simulated += (double)(d.now - 1000000000) * 1e-9;
    bed_hub_end(&d);
    bed_end(&d);
}

static void seeds(void **unused) {
    (void)unused;
    const char *const only = getenv("OMNESIA_SEED"), *const many = getenv("OMNESIA_SEEDS");
    soak s = soak_begin(0);
    if (!soak_asked()) s.end = many ? atol(many) : 16;
    if (only) {
        s.first = atol(only);
        s.end = s.first + 1;
    }
    const uint64_t from = mn_clock_ns();
    for (long seed = s.first; seed < s.end; seed++) {
        if (!soak_asked()) print_message("seed %ld\n", seed);
        one((uint64_t)seed);
    }
    const double real = (double)(mn_clock_ns() - from) * 1e-9;
    printf("%ld seeds in %.1f s: %.1f a second; %.0f s of the fleet's, %.0f times as fast\n",
           s.end - s.first, real, (double)(s.end - s.first) / real, run.simulated,
           run.simulated / real);
    soak_end(&s, s.end - s.first);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds)};
    if (argc > 1) means = strcmp(argv[1], "redis") == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
