/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/test_plan.c - what a step consists of: writers first, pieces of prompts fill it
 * exactly, nobody starves; slots stay dense; groups keep their order.
 */
#include "test.h"

#include "engine/plan.h"
#include "engine/slots.h"

#include <math.h>

static uint32_t state = 3;
static int rnd(int n) {
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 8) % (uint32_t)n);
}

static void writers_come_first_and_prompts_fill_the_step(void **unused) {
    (void)unused;
    mn_plan_item i[5] = {{.left = 1}, {.left = 1000}, {.left = 1}, {.left = 20}, {.left = 0}};
    assert_int_equal(mn_plan(i, 5, 128, 0), 128);
    assert_int_equal(i[0].take, 1);
    assert_int_equal(i[1].take, 126);
    assert_int_equal(i[2].take, 1);
    assert_int_equal(i[3].take, 0);
    assert_int_equal(i[4].take, 0);
    i[1].left = 30;
    assert_int_equal(mn_plan(i, 5, 128, 1), 52);
    assert_int_equal(i[1].take, 30);
    assert_int_equal(i[3].take, 20);
}

/* 4 tokens take 4 ms, 8 take 8, 64 take 32: 0.5 ms a token; 1,024 are promised in 2.05 s. */
static const mn_plan_pace pace = {{0.004, 0.008, 0.032}};

static void a_step_takes_what_lies_between_those_measured(void **unused) {
    (void)unused;
    static const struct {
        int n;
        double ms;
    } row[] = {{1, 1}, {4, 4}, {6, 6}, {8, 8}, {36, 20}, {64, 32}, {256, 114.286}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_true(fabs(mn_plan_seconds(&pace, row[i].n) * 1e3 - row[i].ms) < 0.001);
    assert_true(fabs(mn_plan_promise(&pace, 1024) - 2.048) < 1e-9);
    assert_true(fabs(mn_plan_promise(&pace, 8) - 0.032) < 1e-9);
}

static int budget(const mn_plan_item *items, int n, double slower) {
    return mn_plan_budget(items, n, &pace, slower, 256);
}

static void a_step_beside_writers_is_the_smallest_that_keeps_the_promise(void **unused) {
    (void)unused;
    mn_plan_item i[5] = {{.left = 1}, {.left = 1024, .owed = 1024, .due = 2.05}};
    assert_int_equal(budget(i, 5, 1), 4);  /* 3 in 4 ms: 750 a second, 500 are enough */
    assert_int_equal(budget(i, 5, 2), 12); /* 11 in 20 ms, where 3 in 8 ms were too few */
    i[1].due = 1;
    assert_int_equal(budget(i, 5, 1), 12); /* 11 in 9.7 ms: 1,133 a second, 1,024 are needed */
    i[1].due = -1;
    assert_int_equal(budget(i, 5, 1), 256);
    i[1].due = 2.05;
    i[2] = (mn_plan_item){.left = 20, .owed = 20, .due = 0.04}; /* 500 a second, and then 520 */
    assert_int_equal(budget(i, 5, 1), 4);
    i[3] = i[4] = i[0]; /* three writers leave a step of four one token */
    assert_int_equal(budget(i, 5, 1), 8);
    i[1].left = i[2].left = 0;
    assert_int_equal(budget(i, 5, 1), 256); /* nobody reads */
    i[1].left = 1024;
    i[0].left = i[3].left = i[4].left = 0;
    assert_int_equal(budget(i, 5, 1), 256); /* nobody writes */
}

/* Four tokens a second for those who write, whatever was promised to others. */
static void no_step_beside_writers_takes_more_than_a_quarter_of_a_second(void **unused) {
    (void)unused;
    mn_plan_item i[2] = {{.left = 1}, {.left = 9000, .owed = 9000, .due = -1}};
    for (double slower = 1; slower < 40; slower *= 1.3) {
        const int n = budget(i, 2, slower);
        assert_in_range(n, 12, 256);
        assert_true(n == 12 || slower * mn_plan_seconds(&pace, n) <= 0.25);
        assert_true(n == 256 || slower * mn_plan_seconds(&pace, n + 4) > 0.25);
    }
}

static void who_is_due_first_is_read_first(void **unused) {
    (void)unused;
    mn_plan_item i[4] = {{.left = 1},
                         {.left = 500, .owed = 500, .due = 1},
                         {.left = 20, .owed = 20, .due = 0.1},
                         {.left = 30, .owed = 30, .due = 0.1}};
    assert_int_equal(mn_plan(i, 4, 65, 0), 65);
    assert_int_equal(i[2].take, 20);
    assert_int_equal(i[3].take, 30);
    assert_int_equal(i[1].take, 14);
}

static void beside_those_who_are_waited_for_others_read_little(void **unused) {
    (void)unused;
    mn_plan_item i[3] = {{.left = 1}, {.left = 500, .owed = 500, .late = 1, .due = -5}};
    assert_int_equal(budget(i, 3, 1), 33); /* a quarter of it: 8 */
    mn_plan(i, 3, 33, 0);
    assert_int_equal(i[1].take, 8);
    i[0].late = 1; /* nobody is waited for */
    assert_int_equal(budget(i, 3, 1), 256);
}

static void prompts_nobody_waits_for_come_behind_all_others(void **unused) {
    (void)unused;
    mn_plan_item i[4] = {
        {.left = 1, .late = 1}, {.left = 500, .late = 1}, {.left = 100}, {.left = 90, .late = 1}};
    assert_int_equal(mn_plan(i, 4, 128, 0), 128);
    assert_int_equal(i[0].take, 1);
    assert_int_equal(i[2].take, 100);
    assert_int_equal(i[1].take, 27);
    assert_int_equal(i[3].take, 0);
    i[2].left = 1; /* a quarter of the step, lest its next token come late */
    assert_int_equal(mn_plan(i, 4, 128, 0), 34);
    assert_int_equal(i[1].take, 32);
    i[2].left = 0; /* nobody waits: all of it */
    assert_int_equal(mn_plan(i, 4, 128, 0), 128);
    assert_int_equal(i[1].take, 127);
}

static void beside_one_who_is_waited_for_a_quarter_writes_in_turns(void **unused) {
    (void)unused;
    int served[17] = {0};
    for (unsigned turn = 0; turn < 17; turn++) {
        mn_plan_item i[17];
        for (int k = 0; k < 17; k++) i[k] = (mn_plan_item){.left = 1, .late = k != 5};
        assert_int_equal(mn_plan(i, 17, 64, turn), 5);
        assert_int_equal(i[5].take, 1);
        for (int k = 0; k < 17; k++) served[k] += i[k].take;
        i[5].left = 0;
        assert_int_equal(mn_plan(i, 17, 64, turn), 16);
        i[5].left = 1; /* with a step too short for all, it is the first */
        assert_int_equal(mn_plan(i, 17, 1, turn), 1);
        assert_int_equal(i[5].take, 1);
    }
    for (int k = 0; k < 17; k++) assert_in_range(served[k], k == 5 ? 17 : 3, k == 5 ? 17 : 5);
}

static void any_step_is_full_or_has_all(void **unused) {
    (void)unused;
    for (int round = 0; round < 20000; round++) {
        mn_plan_item i[64];
        const int n = 1 + rnd(64), budget = 1 + rnd(256);
        int want = 0, got = 0, writers = 0, wrote = 0;
        for (int k = 0; k < n; k++) {
            i[k] = (mn_plan_item){.left = rnd(3) ? rnd(2) : rnd(600), .late = round & 1};
            want += i[k].left;
            writers += i[k].left == 1;
        }
        const int total = mn_plan(i, n, budget, (unsigned)rnd(1000));
        for (int k = 0; k < n; k++) {
            assert_in_range(i[k].take, 0, i[k].left);
            got += i[k].take;
            wrote += i[k].left == 1 && i[k].take;
        }
        assert_int_equal(got, total);
        assert_int_equal(total, want < budget ? want : budget);
        assert_int_equal(wrote, writers < budget ? writers : budget);
    }
}

static void more_writers_than_tokens_take_turns(void **unused) {
    (void)unused;
    int served[40] = {0};
    for (unsigned turn = 0; turn < 40; turn++) {
        mn_plan_item i[40];
        for (int k = 0; k < 40; k++) i[k] = (mn_plan_item){.left = 1};
        assert_int_equal(mn_plan(i, 40, 10, turn), 10);
        for (int k = 0; k < 40; k++) served[k] += i[k].take;
    }
    for (int k = 0; k < 40; k++) assert_int_equal(served[k], 10);
}

static void the_knee_is_where_more_tokens_save_little(void **unused) {
    (void)unused;
    /* a + b n with a = 10 ms, b = 1 ms: n = 190 wastes a twentieth */
    assert_int_equal(mn_plan_knee(&(mn_plan_pace){{0, 0.018, 0.074}}, 256), 192);
    assert_int_equal(mn_plan_knee(&(mn_plan_pace){{0, 0.008, 0.064}}, 256),
                     32);                                                     /* nothing to save */
    assert_int_equal(mn_plan_knee(&(mn_plan_pace){{0, 0.1, 0.1}}, 256), 256); /* all to save */
    assert_int_equal(mn_plan_knee(&(mn_plan_pace){{0, 0.2, 0.1}}, 256), 256); /* noise */
}

static void slots_stay_dense_and_in_order(void **unused) {
    (void)unused;
    mn_slots s = {0};
    static char who[MN_SLOTS + 1];
    for (int i = 0; i < MN_SLOTS; i++) assert_int_equal(mn_slots_join(&s, who + i), 1);
    assert_int_equal(mn_slots_join(&s, who + MN_SLOTS), 0);
    for (int i = 0; i < MN_SLOTS; i += 2) mn_slots_leave(&s, who + i);
    mn_slots_leave(&s, who); /* not there any more */
    assert_int_equal(s.n, MN_SLOTS / 2);
    for (int i = 0; i < s.n; i++) assert_ptr_equal(s.slot[i], who + i * 2 + 1);
}

static void those_with_a_common_key_lie_side_by_side(void **unused) {
    (void)unused;
    const uint64_t key[8] = {5, 9, 5, 7, 9, 9, 5, 1};
    const int want[8] = {0, 2, 6, 1, 4, 5, 3, 7};
    int order[8];
    mn_slots_group(key, 8, order);
    assert_memory_equal(order, want, sizeof want);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_come_first_and_prompts_fill_the_step),
        cmocka_unit_test(a_step_takes_what_lies_between_those_measured),
        cmocka_unit_test(a_step_beside_writers_is_the_smallest_that_keeps_the_promise),
        cmocka_unit_test(no_step_beside_writers_takes_more_than_a_quarter_of_a_second),
        cmocka_unit_test(who_is_due_first_is_read_first),
        cmocka_unit_test(beside_those_who_are_waited_for_others_read_little),
        cmocka_unit_test(prompts_nobody_waits_for_come_behind_all_others),
        cmocka_unit_test(beside_one_who_is_waited_for_a_quarter_writes_in_turns),
        cmocka_unit_test(any_step_is_full_or_has_all),
        cmocka_unit_test(more_writers_than_tokens_take_turns),
        cmocka_unit_test(the_knee_is_where_more_tokens_save_little),
        cmocka_unit_test(slots_stay_dense_and_in_order),
        cmocka_unit_test(those_with_a_common_key_lie_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
