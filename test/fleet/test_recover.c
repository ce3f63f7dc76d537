/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_recover.c - the table of what is tried when a step fails: every code of our
 * skills is in it, lists end, and what is not known is tried again and then planned around.
 */
#include "test.h"

#include "fleet/recover.h"
#include "fleet/skill.h"

static const mn_recovery *row(const char *code) {
    const mn_recovery *r = mn_recoveries;
    while (r->code && strcmp(r->code, code)) r++;
    return r->code ? r : NULL;
}

static void every_code_of_our_skills_is_in_it(void **state) {
    (void)state;
    mn_skills skills = {0};
    for (int i = 0; mn_skill_known[i]; i++) {
        json_t *const m = json_loads(mn_skill_known[i], 0, NULL);
        assert_ok(mn_skills_add(&skills, m));
        json_decref(m);
    }
    for (int i = 0; i < skills.n; i++)
        for (int c = 0; c < skills.skill[i].n_codes; c++)
            if (!row(skills.skill[i].code[c]))
                fail_msg("%s: %s is in no row", skills.skill[i].name, skills.skill[i].code[c]);
    mn_skills_free(&skills);
    static const char *const ours[] = {"hung",    "crashed",  "garbage",        "cancelled",
                                       "stopped", "timeout",  "effect_missing", "precondition",
                                       "lost",    "conflict", "no_skill",       "no_memory"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) assert_non_null(row(ours[i]));
}

static void each_failure_moves_down_the_list(void **state) {
    (void)state;
    for (const mn_recovery *r = mn_recoveries;; r++) {
        int n = 0;
        for (; n < MN_RECOVER_MOST && r->list[n]; n++) {
            assert_int_equal(mn_recover_at(r->code ? r->code : "?", n), r->list[n]);
            assert_true(r->list[n] <= MN_RECOVER_GIVE_UP);
        }
        assert_true(n > 0 && *r->about);
        /* The last is taken again, and it is none that only tries again: but for a stop, which
         * is not the step's fault, and is not counted. */
        assert_int_equal(mn_recover_at(r->code ? r->code : "?", 100), r->list[n - 1]);
        if (!r->code || strcmp(r->code, "stopped"))
            assert_true(r->list[n - 1] >= MN_RECOVER_OTHER_ROBOT);
        if (!r->code) break;
    }
}

static void a_code_is_in_one_row(void **state) {
    (void)state;
    for (const mn_recovery *r = mn_recoveries; r->code; r++) assert_ptr_equal(row(r->code), r);
}

static void what_is_not_known_is_tried_again_and_then_planned_around(void **state) {
    (void)state;
    assert_int_equal(mn_recover_at("on_fire", 0), MN_RECOVER_AGAIN);
    assert_int_equal(mn_recover_at("on_fire", 1), MN_RECOVER_REPLAN);
    assert_int_equal(mn_recover_at("", 0), MN_RECOVER_AGAIN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_our_skills_is_in_it),
        cmocka_unit_test(each_failure_moves_down_the_list),
        cmocka_unit_test(a_code_is_in_one_row),
        cmocka_unit_test(what_is_not_known_is_tried_again_and_then_planned_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
