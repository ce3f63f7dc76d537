/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/test_plan.c - what a step consists of: writers first, pieces of prompts fill it
 * exactly, nobody starves; slots stay dense; groups keep their order.
 */
#include "test.h"

#include "engine/plan.h"
#include "engine/slots.h"

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

static void a_step_beside_writers_is_small(void **unused) {
    (void)unused;
    mn_plan_item i[5] = {{.left = 1}, {.left = 1000}, {.left = 0}, {.left = 0}, {.left = 0}};
    assert_int_equal(mn_plan_budget(i, 5, 256, 128), 9);
    i[2].left = 20; /* two prompts */
    assert_int_equal(mn_plan_budget(i, 5, 256, 128), 17);
    i[3].left = i[4].left = 1; /* three writers: reading is not kept up for ever */
    assert_int_equal(mn_plan_budget(i, 5, 256, 128), 35);
    assert_int_equal(mn_plan_budget(i, 5, 256, 32), 32);
    i[0].late = i[3].late = i[4].late = 1; /* nobody waits for them */
    assert_int_equal(mn_plan_budget(i, 5, 256, 128), 256);
    i[0].late = 0;
    assert_int_equal(mn_plan_budget(i, 5, 256, 128), 19);
    i[1].left = i[2].left = 0;
    assert_int_equal(mn_plan_budget(i, 5, 256, 128), 128);
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
    /* a + b T with a = 10 ms, b = 1 ms: T = 195 wastes a fortieth */
    assert_int_equal(mn_plan_knee(4, 0.009, 64, 0.069, 256), 192);
    assert_int_equal(mn_plan_knee(4, 0.004, 64, 0.064, 256), 32); /* nothing to save */
    assert_int_equal(mn_plan_knee(4, 0.1, 64, 0.1, 256), 256);    /* all to save */
    assert_int_equal(mn_plan_knee(4, 0.2, 64, 0.1, 256), 256);    /* noise */
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
        cmocka_unit_test(a_step_beside_writers_is_small),
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
