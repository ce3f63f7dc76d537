/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_brain_model.c - plans by a model, played by a function: what it is asked, that
 * what it answers is judged, said back, and never carried out when it is wrong.
 */
#include "base/alloc.h"
#include "fleet/brain_model.h"
#include "test.h"

#include <string.h>

static const char task[] = "put the apple on the table";
#define WALK(who, where, after) \
    "{\"robot\":\"" who "\",\"skill\":\"navigate\",\"place\":\"" where "\",\"after\":[" after "]}"
#define TAKE(who, after) \
    "{\"robot\":\"" who "\",\"skill\":\"grasp\",\"thing\":\"apple\",\"after\":[" after "]}"
#define PUT(who, where, after)                                                          \
    "{\"robot\":\"" who "\",\"skill\":\"place\",\"thing\":\"apple\",\"place\":\"" where \
    "\",\"after\":[" after "]}"
#define PLAN(steps) "{\"why\":\"as it should be\",\"steps\":[" steps "]}"
static const char right[] = PLAN(
    TAKE("arm", "") "," WALK("carrier", "counter", "") "," PUT("arm", "carrier", "1,2") "," WALK(
        "carrier", "table", "3") "," TAKE("dual", "4") "," PUT("dual", "table", "5"));
static const char too_early[] = PLAN(TAKE("arm", "") "," PUT("arm", "table", "1"));

typedef struct model { /* what it answers, one after another; the last again and again */
    const char *answer[4];
    int asked, rc;
    char system[1 << 16], text[1 << 15];
    json_t *events;
} model;

static int answers(void *user, const char *system, const char *text, const char *schema, char **out,
                   int tokens[4]) {
    model *const m = user;
    json_t *const shape = json_loads(schema, 0, NULL);
    assert_non_null(shape);
    json_decref(shape);
    if (m->asked && !strstr(m->system, "find out")) assert_string_equal(system, m->system);
    snprintf(m->system, sizeof m->system, "%s", system);
    snprintf(m->text, sizeof m->text, "%s", text);
    const int at = m->asked < 3 ? m->asked : 3;
    m->asked++;
    if (m->rc < 0) return MN_FAIL(m->rc, "the model is away");
    *out = mn_strdup(m->answer[at]);
    tokens[0] = 100, tokens[1] = 0, tokens[2] = 10, tokens[3] = 5;
    return 0;
}

static void keep(void *user, double t, const json_t *event) {
    (void)t;
    json_array_append(((model *)user)->events, (json_t *)event);
}

/* The words of the plan that was made. */
static const char *planned(const model *m) {
    const json_t *one;
    size_t i;
    json_array_foreach(m->events, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "kind")), "planned") == 0)
            return json_string_value(json_object_get(one, "text"));
    }
    return "";
}

static mn_sim_result run(model *m, const char *what) {
    const mn_brain_how brain = {.model = "played", .ask = answers, .user = m};
    const mn_sim_how how = {.seed = 1, .kill_at = -1, .brain = &brain, .tell = keep, .user = m};
    mn_sim_result r;
    m->events = json_array();
    assert_int_equal(mn_sim_run(&how, what, &r), 0);
    return r;
}

static void a_right_plan_is_judged_once(void **state) {
    static model m = {.answer = {right, right, right, right}};
    const mn_sim_result r = run(&m, task);
    assert_true(r.reached);
    assert_int_equal(m.asked, 1);
    assert_non_null(strstr(m.system, "\"carrier\""));
    assert_non_null(strstr(m.text, task));
    assert_non_null(strstr(planned(&m), "apple"));
    json_decref(m.events);
}

static void what_was_wrong_is_said_to_it(void **state) {
    static model m = {.answer = {too_early, right, right, right}};
    const mn_sim_result r = run(&m, task);
    assert_true(r.reached);
    assert_int_equal(m.asked, 2);
    assert_non_null(strstr(m.text, "A plan was refused"));
    assert_non_null(strstr(m.text, "reaches(arm, table)"));
    json_decref(m.events);
}

/* Whatever it says, the task is done by the rules. */
static void nonsense_is_asked_three_times_and_no_more(void **state) {
    static const char *const all[] = {
        "",
        "{",
        "{\"steps\":7}",
        "{\"steps\":[]}",
        "[]",
        "{\"steps\":[{\"robot\":\"nobody\",\"skill\":\"fly\",\"after\":[]}]}",
        PLAN(TAKE("arm", "1")),
        PLAN(TAKE("arm", "99"))};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        static model m;
        m = (model){.answer = {all[i], all[i], all[i], all[i]}};
        assert_true(run(&m, task).reached);
        assert_int_equal(m.asked, MN_BRAIN_TRIES);
        json_decref(m.events);
    }
}

static void one_that_is_away_stops_nothing(void **state) {
    static model m = {.rc = MN_EIO};
    assert_true(run(&m, task).reached);
    json_decref(m.events);
}

/* A sentence that no rule knows: the model says what is wanted, then how. */
static void goals_that_rules_do_not_understand(void **state) {
    static model m = {
        .answer = {"{\"goals\":[{\"thing\":\"apple\",\"place\":\"table\"}]}", right, right, right}};
    const mn_brain_how brain = {.model = "played", .ask = answers, .user = &m};
    const mn_sim_how how = {.seed = 1, .kill_at = -1, .brain = &brain, .tell = keep, .user = &m};
    mn_sim_result r;
    m.events = json_array();
    assert_int_equal(
        mn_sim_run(&how, "I am hungry, could somebody bring over something healthy?", &r), 0);
    assert_true(r.reached);
    json_decref(m.events);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_right_plan_is_judged_once),
                                       cmocka_unit_test(what_was_wrong_is_said_to_it),
                                       cmocka_unit_test(nonsense_is_asked_three_times_and_no_more),
                                       cmocka_unit_test(one_that_is_away_stops_nothing),
                                       cmocka_unit_test(goals_that_rules_do_not_understand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
