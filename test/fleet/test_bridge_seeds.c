/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_bridge_seeds.c - machines that do anything at any time over a network that does
 * anything, too: at every moment no thing has two homes and each is in one list; in the end all
 * know the same, and nothing is gone. OMNESIA_SEED=N runs that one; OMNESIA_SEEDS=N so many.
 */
#include "fleet/bridge_bed.h"

static int below(bed *d, int n) {
    return (int)(mn_random_u64(&d->random) % (uint64_t)n);
}

enum { THINGS = 6, TICKS = 400 };
static const char *const thing[THINGS] = {"cup", "pot", "pan", "jar", "box", "tin"};
static const char *const place[] = {"table", "shelf", "robot0", "robot1", "robot2", "robot3"};

static void begin(bed *d, uint64_t seed) {
    char name[24];
    bed_begin(d, 2 + (int)(seed % 3), seed);
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

static void anything(bed *d) {
    const int i = below(d, d->n);
    switch (below(d, 40)) {
    case 0: bed_cut(d, i, !d->cut[i]); break;
    case 1: bed_restart(d, i, 0); break;
    case 2: /* a thing is moved by a person */
        bed_move(d, i, thing[below(d, THINGS)], place[below(d, 2 + d->n)]);
        break;
    case 3: {
        const char *const t = thing[below(d, THINGS)];
        json_t *const json = bed_get(d, i, "thing/", t);
        if (!json || json_object_get(json, "home")) {
            json_decref(json);
            break;
        }
        json_object_set_new(json, "mass", json_integer(below(d, 100)));
        bed_put(d, i, "thing/", t, json);
        break;
    }
    case 4: /* somebody who may not */
        if (bed_is(d, i, "thing/", "cup") && below(d, 4) == 0) {
            json_t *const json = bed_get(d, i, "thing/", "cup");
            if (json_object_get(json, "home")) {
                json_object_set_new(json, "mass", json_integer(-1));
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

static void one(uint64_t seed) {
    bed d;
    begin(&d, seed);
    for (int t = 0; t < TICKS; t++) {
        if (below(&d, 3) == 0) anything(&d);
        for (int i = 0; i < d.n; i++)
            if (below(&d, 5) == 0) robot(&d, i);
        bed_tick(&d);
        if (t % 10 == 0) bed_sound(&d, 0);
    }
    for (int i = 0; i < d.n; i++) bed_cut(&d, i, 0);
    d.loss = 0.1;
    bed_settle(&d);
    bed_sound(&d, 1);
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
    bed_end(&d);
}

static void seeds(void **unused) {
    (void)unused;
    const char *const only = getenv("OMNESIA_SEED"), *const many = getenv("OMNESIA_SEEDS");
    const uint64_t n = many ? strtoull(many, NULL, 10) : 16;
    if (only) {
        one(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 0; seed < n; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        one(seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
