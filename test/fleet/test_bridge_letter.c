/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_bridge_letter.c - a task is cancelled, and a step of it confirmed, from a machine
 * that has not the brain: it is done at the task's home, once, and what came of it comes back.
 */
#include "fleet/bridge_bed.h"

#include "fleet/letter.h"

static void begin(bed *d, int n, uint64_t seed) {
    bed_begin(d, n, seed);
    bed_put(d, 0, "task/", "t1",
            json_pack("{s:s, s:s, s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}]}", "id", "t1", "state",
                      "running", "steps", "id", "s1", "state", "asked", "tries", 0, "id", "s2",
                      "state", "running", "tries", 1));
    bed_settle(d);
}

static void write_letter(bed *d, int i, const char *what, const char *task, const char *step,
                         int no, char id[17]) {
    const mn_letter says = {.what = what, .task = task, .step = step, .no = no};
    bed_clock(d, i);
    assert_ok(mn_letter_put(d->b[i], &says, id));
}

/* As who wrote it waits, for so long as he does. */
static int answer(bed *d, int i, const char *home, const char *id) {
    uint64_t left;
    for (int t = 0; t < 2000; t++) {
        const int rc = mn_letter_answer(d->b[i], home, id, &left);
        if (rc) return rc;
        bed_tick(d);
    }
    fail_msg("it waits for ever");
    return 0;
}

static int is_cancelled(bed *d, int i, const char *task) {
    json_t *const json = bed_get(d, i, "task/", task);
    const int is = json_is_true(json_object_get(json, "cancel"));
    json_decref(json);
    return is;
}

/* Nothing of it is left on any board, nor said. */
static void all_gone(bed *d) {
    bed_run(d, 200);
    bed_settle(d);
    for (int i = 0; i < d->n; i++) {
        bed_names names;
        bed_all(d, i, "letter/", &names);
        assert_int_equal(names.n, 0);
        for (size_t k = 0; k < d->g[i]->n; k++) {
            const bridge_entry *const e = d->g[i]->entry[k];
            if (e->kind != BRIDGE_LETTER && e->kind != BRIDGE_REPLY) continue;
            if (e->value) fail_msg("%s knows %s still", bed_name[i], e->key);
        }
    }
}

static void homes(void **unused) {
    (void)unused;
    bed d;
    char home[MN_NAME + 1];
    begin(&d, 3, 1);
    assert_int_equal(mn_letter_home(d.b[0], "t1", home), 0);
    assert_int_equal(mn_letter_home(d.b[1], "alpha.t1", home), 1);
    assert_string_equal(home, "alpha");
    assert_int_equal(mn_letter_home(d.b[1], "t1", home), 0); /* there is none of this name */
    bed_put(&d, 2, "ask/", "t1", json_pack("{s:s}", "text", "x"));
    bed_settle(&d);
    assert_int_equal(mn_letter_home(d.b[2], "t1", home), 0);
    assert_int_equal(mn_letter_home(d.b[0], "gamma.t1", home), 1);
    assert_string_equal(home, "gamma");
    bed_end(&d);
}

static void cancelled_from_afar(void **unused) {
    (void)unused;
    bed d;
    char id[17];
    begin(&d, 3, 2);
    write_letter(&d, 1, "cancel", "alpha.t1", NULL, 0, id);
    assert_int_equal(answer(&d, 1, "alpha", id), 1);
    assert_true(is_cancelled(&d, 0, "t1"));
    all_gone(&d);
    for (int i = 1; i < 3; i++) assert_true(is_cancelled(&d, i, "alpha.t1"));
    assert_int_equal(bed_told(&d, 0, "\"cancel\""), 1);
    assert_int_equal(bed_told(&d, 1, "put back"), 0);
    /* The brain has ended it: what is wrong is said as it would be there. */
    bed_put(&d, 0, "task/", "t1", json_pack("{s:s, s:s}", "id", "t1", "state", "done"));
    bed_settle(&d);
    write_letter(&d, 2, "cancel", "alpha.t1", NULL, 0, id);
    assert_fails(answer(&d, 2, "alpha", id), MN_EINVAL, "alpha: task t1 is done");
    all_gone(&d);
    /* What gamma asked for and nobody has taken yet. */
    bed_put(&d, 2, "ask/", "t9", json_pack("{s:s}", "text", "x"));
    bed_settle(&d);
    write_letter(&d, 1, "cancel", "gamma.t9", NULL, 0, id);
    assert_int_equal(answer(&d, 1, "gamma", id), 1);
    all_gone(&d);
    assert_false(bed_is(&d, 2, "ask/", "t9"));
    assert_false(bed_is(&d, 0, "ask/", "gamma.t9"));
    bed_end(&d);
}

/* It is the brain's machine that knows whether what was asked for here was taken. */
static void what_was_asked_for_just_now(void **unused) {
    (void)unused;
    for (int taken = 0; taken < 2; taken++) {
        bed d;
        char id[17], home[MN_NAME + 1];
        begin(&d, 3, 6);
        bed_put(&d, 0, "brain", "",
                json_pack("{s:i, s:i, s:I}", "epoch", 1, "pid", 7, "until",
                          (json_int_t)(d.b[0]->ops->now(d.b[0]) + 60000000000u)));
        bed_settle(&d);
        for (int i = 1; i < 3; i++)
            bed_put(&d, i, "ask/", "t5", json_pack("{s:s, s:s}", "text", "x", "by", "ann"));
        bed_settle(&d);
        if (taken) { /* and beta does not know */
            bed_cut(&d, 0, 1);
            bed_del(&d, 0, "ask/", "beta.t5");
            bed_put(&d, 0, "task/", "beta.t5",
                    json_pack("{s:s, s:s}", "id", "beta.t5", "state", "running"));
        }
        assert_int_equal(mn_letter_home(d.b[1], "t5", home), 1);
        assert_string_equal(home, "alpha");
        write_letter(&d, 1, "cancel", "t5", NULL, 0, id);
        bed_run(&d, 100);
        bed_cut(&d, 0, 0);
        assert_int_equal(answer(&d, 1, home, id), 1);
        all_gone(&d);
        assert_false(bed_is(&d, 1, "ask/", "t5"));
        if (taken)
            assert_true(is_cancelled(&d, 0, "beta.t5"));
        else
            assert_string_equal(bed_text(&d, 1, "task/", "t5", "state"), "cancelled");
        /* That of gamma, at alpha: its brain has not taken it. */
        assert_int_equal(mn_letter_home(d.b[0], "gamma.t5", home), 0);
        assert_ok(mn_fleet_cancel(d.b[0], "gamma.t5"));
        bed_settle(&d);
        assert_false(bed_is(&d, 2, "ask/", "t5"));
        assert_string_equal(bed_text(&d, 2, "task/", "t5", "state"), "cancelled");
        assert_string_equal(bed_text(&d, 2, "task/", "t5", "text"), "x");
        bed_end(&d);
    }
}

static void confirmed_from_afar(void **unused) {
    (void)unused;
    bed d;
    char id[17];
    const mn_letter no_step = {.what = "confirm", .task = "alpha.t1", .step = "s7"};
    const mn_letter runs = {.what = "confirm", .task = "alpha.t1", .step = "s2"};
    begin(&d, 3, 3);
    assert_fails(mn_letter_put(d.b[1], &no_step, id), MN_ENOENT, "alpha.t1 has no step s7");
    assert_fails(mn_letter_put(d.b[1], &runs, id), MN_ENOENT, "it is running");
    write_letter(&d, 1, "confirm", "alpha.t1", "s1", 0, id);
    assert_int_equal(answer(&d, 1, "alpha", id), 1);
    json_t *said = bed_get(&d, 0, "confirm/", "t1.s1");
    assert_true(json_is_true(json_object_get(said, "ok")));
    json_decref(said);
    all_gone(&d);
    write_letter(&d, 2, "confirm", "alpha.t1", "s1", 1, id);
    assert_int_equal(answer(&d, 2, "alpha", id), 1);
    said = bed_get(&d, 0, "confirm/", "t1.s1");
    assert_true(json_is_false(json_object_get(said, "ok")));
    json_decref(said);
    bed_del(&d, 0, "confirm/", "t1.s1");
    /* It was tried meanwhile, and asks again: that is not what was confirmed. */
    write_letter(&d, 1, "confirm", "alpha.t1", "s1", 0, id);
    bed_put(&d, 0, "task/", "t1",
            json_pack("{s:s, s:s, s:[{s:s, s:s, s:i}]}", "id", "t1", "state", "running", "steps",
                      "id", "s1", "state", "asked", "tries", 1));
    assert_fails(answer(&d, 1, "alpha", id), MN_ENOENT,
                 "alpha: s1 of t1 asks for another try by now");
    assert_false(bed_is(&d, 0, "confirm/", "t1.s1"));
    all_gone(&d);
    bed_end(&d);
}

static void nobody_answers(void **unused) {
    (void)unused;
    bed d;
    char id[17];
    begin(&d, 3, 4);
    bed_cut(&d, 0, 1);
    const uint64_t since = d.now;
    write_letter(&d, 1, "cancel", "alpha.t1", NULL, 0, id);
    assert_fails(answer(&d, 1, "alpha", id), MN_EBUSY,
                 "alpha, which has this task, has not answered for 5 s");
    assert_in_range((d.now - since) / MS, 4900, 5100);
    bed_cut(&d, 0, 0);
    all_gone(&d);
    assert_false(is_cancelled(&d, 0, "t1")); /* who has left is not obeyed */
    /* Its writer was killed: the bridge takes it back. */
    bed_cut(&d, 0, 1);
    write_letter(&d, 1, "confirm", "alpha.t1", "s1", 0, id);
    bed_run(&d, 5200);
    bed_cut(&d, 0, 0);
    all_gone(&d);
    assert_false(bed_is(&d, 0, "confirm/", "t1.s1"));
    /* No bridge at all. */
    mn_bridge_close(d.g + 1);
    write_letter(&d, 1, "cancel", "alpha.t1", NULL, 0, id);
    assert_fails(answer(&d, 1, "alpha", id), MN_EBUSY, "is there a link to it?");
    bed_open(&d, 1);
    all_gone(&d);
    assert_false(is_cancelled(&d, 0, "t1"));
    bed_end(&d);
}

static void what_is_not_understood(void **unused) {
    (void)unused;
    bed d;
    begin(&d, 2, 5);
    bed_put(&d, 1, "letter/", "a",
            json_pack("{s:s, s:s, s:I}", "do", "dance", "task", "alpha.t1", "until",
                      (json_int_t)(d.b[1]->ops->now(d.b[1]) + 5000000000u)));
    assert_fails(answer(&d, 1, "alpha", "a"), MN_EUNSUPPORTED, "alpha: a letter that says 'dance'");
    mn_edit e = {.key = "fleet/main/letter/b", .kind = MN_EDIT_PUT, .value = "[", .n = 1};
    assert_ok(d.b[1]->ops->commit(d.b[1], &e, 1));
    bed_put(&d, 1, "letter/", "c", json_object());
    all_gone(&d);
    bed_end(&d);
}

/* Lost, late, twice, bridges that die: done once or not at all, and who was answered knows. */
static void on_a_bad_link(void **unused) {
    (void)unused;
    int answered = 0, done = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        bed d;
        char id[17];
        begin(&d, 3, seed);
        d.loss = 0.5;
        d.twice = 0.3;
        d.delay = 400 * MS;
        write_letter(&d, 1, "confirm", "alpha.t1", "s1", 0, id);
        uint64_t left;
        int rc = 0, puts = 0;
        for (int t = 0; !rc; t++) {
            bed_tick(&d);
            if (bed_is(&d, 0, "confirm/", "t1.s1")) { /* the brain takes it */
                puts++;
                bed_put(&d, 0, "task/", "t1",
                        json_pack("{s:s, s:s, s:[{s:s, s:s, s:i}]}", "id", "t1", "state", "running",
                                  "steps", "id", "s1", "state", seed % 2 ? "running" : "asked",
                                  "tries", puts));
                bed_del(&d, 0, "confirm/", "t1.s1");
            }
            if (seed % 5 == 1 && t % 40 == 20) bed_restart(&d, 0, 0);
            if (seed % 5 == 2 && t % 40 == 20) bed_restart(&d, 1, 0);
            rc = mn_letter_answer(d.b[1], "alpha", id, &left);
        }
        if (rc < 0 && rc != MN_EBUSY && !(rc == MN_ENOENT && puts == 1))
            fail_msg("seed %d: %s", (int)seed, mn_error_detail());
        if (puts > 1 || (rc > 0 && !puts)) fail_msg("seed %d: done %d times", (int)seed, puts);
        answered += rc != MN_EBUSY;
        done += puts;
        d.loss = 0;
        all_gone(&d);
        bed_end(&d);
    }
    assert_true(answered > 30 && done >= answered);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(homes),
        cmocka_unit_test(cancelled_from_afar),
        cmocka_unit_test(what_was_asked_for_just_now),
        cmocka_unit_test(confirmed_from_afar),
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(what_is_not_understood),
        cmocka_unit_test(on_a_bad_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
