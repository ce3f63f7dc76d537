/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_brain_look.c - what nobody is sure of is looked at before a task ends; what is
 * missing is looked for.
 */
#include "brain_bed.h"

/* ---- before the end ------------------------------------------------------------------------ */
/* The cup is believed to be on the table since somebody who had it was lost; `where` it is: who
 * looks there sees it. "": nowhere; NULL: who looks does not tell. */
static void unsure_cup(void) {
    fake_put("thing/", "cup",
             "{\"class\":\"cup\",\"kind\":\"object\",\"at\":\"table\",\"how\":\"on\",\"mass\":0.3,"
             "\"seen\":{\"t\":1,\"by\":\"zoe\",\"sure\":0.3}}");
    fake_put("holds/", "counter", "{\"holds\":[\"apple\"]}");
    fake_put("holds/", "table", "{\"holds\":[\"cup\"]}");
    ask("put the cup on the table", 0);
}
static int host_looks(const fake_host *h) { /* and not at what another skill made */
    json_t *const call = fake_get("call/", "ann");
    const int is =
        !strcmp(h->skill, "inspect") && !strcmp(mn_brain_field(call, "skill"), "inspect");
    json_decref(call);
    return is;
}
static int until_looked(const char *where) {
    int looks = 0, answered = 0;
    for (int i = 0; i < 20000 && fake_events("task") == 0; i++) {
        fake_host *const h = &host[0];
        const char *const at = mn_brain_field(h->args, "place");
        const int is = host_looks(h);
        if (is && !answered) {
            looks++;
            if (where && !h->result)
                h->result = strcmp(at, where)
                                ? json_pack("{s:[]}", "seen")
                                : json_pack("{s:[{s:s, s:s}]}", "seen", "name", "cup", "at", at);
        }
        answered = is;
        pass(10);
    }
    return looks;
}

static void before_it_ends_somebody_looks(void **state) {
    (void)state;
    unsure_cup();
    assert_int_equal(until_looked("table"), 1);
    until_ended("t1", "done");
    assert_int_equal(count_steps("t1", "done"), 2); /* goes there, looks */
    assert_string_equal(why_of("t1"), "Nothing is to be done.");
    json_t *const cup = fake_get("thing/", "cup"), *const seen = json_object_get(cup, "seen");
    assert_true(json_number_value(json_object_get(seen, "sure")) > 0.9);
    json_decref(cup);
    ask("put the cup on the table", 0); /* now it is known */
    until_ended("t2", "done");
    assert_int_equal(count_steps("t2", "done"), 0);
}

static void what_is_not_there_is_looked_for_and_brought(void **state) {
    (void)state;
    unsure_cup();
    assert_int_equal(until_looked("counter"), 4); /* table, the room, cupboard, counter */
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    json_t *const cupboard = fake_get("thing/", "cupboard");
    assert_true(json_is_false(json_object_get(cupboard, "open"))); /* closed again */
    json_decref(cupboard);
    assert_int_equal(number_of("t1", "replans"), 1);
    assert_int_equal(fake_events("missed"), 3);
    fake_sound();
}

static void what_is_nowhere_ends_with_a_sentence(void **state) {
    (void)state;
    unsure_cup();
    assert_int_equal(until_looked(""), 4);
    until_ended("t1", "failed");
    assert_non_null(strstr(why_of("t1"), "was seen at none of 4 places"));
    json_t *const cup = fake_get("thing/", "cup"), *const seen = json_object_get(cup, "seen");
    assert_int_equal(json_integer_value(json_object_get(seen, "missed")), 1);
    json_decref(cup);
}

static void who_looks_and_tells_nothing_has_not_looked(void **state) {
    (void)state;
    unsure_cup();
    assert_int_equal(until_looked(NULL), 1);
    until_ended("t1", "done");
    assert_non_null(
        strstr(why_of("t1"), "nobody could look whether the cup is where it should be"));
}

static void when_nobody_can_look_it_is_done_and_says_so(void **state) {
    (void)state;
    mn_actor_robot_leave(&robot[0]);
    robot[0] = fake_robot("bob", "counter", fake_open(&host[0], "navigate grasp place"));
    pass(300);
    unsure_cup();
    until_ended("t1", "done");
    assert_int_equal(host[0].started, 0);
    assert_non_null(strstr(why_of("t1"), "nobody alive has the skill inspect"));
}

static void a_look_that_fails_is_not_tried_for_ever(void **state) {
    (void)state;
    unsure_cup();
    host[0].code = "not_seen";
    until_ended("t1", "done");
    assert_non_null(strstr(why_of("t1"), "nobody could look"));
    assert_true(host[0].started < 20);
    assert_true(number_of("t1", "replans") <= MN_BRAIN_STUCK);
}

static void who_is_lost_for_a_moment_looks_when_it_is_back(void **state) {
    (void)state;
    unsure_cup();
    pass(1500);
    assert_string_equal(state_of("t1"), "running");
    mn_actor_robot_die(&robot[0]);
    pass(10000);
    assert_string_equal(state_of("t1"), "running");
    assert_int_equal(fake_events("alone"), 1);
    robot[0] = fake_robot("ann", "counter", fake_open(&host[0], NULL));
    assert_int_equal(until_looked("table"), 1);
    until_ended("t1", "done");
}

/* ---- in the middle ------------------------------------------------------------------------- */
/* The cup is where the map says, as far as anybody knows, and is not, but at `where`. 1: the host
 * is asked to look. */
static int play_missing(const char *where) {
    fake_host *const h = &host[0];
    json_t *const cup = fake_get("thing/", "cup");
    const char *const at = mn_brain_field(h->args, "place");
    const int is = host_looks(h), grasps = !strcmp(h->skill, "grasp") &&
                                           !strcmp(mn_brain_field(h->args, "thing"), "cup");
    h->code = grasps && strcmp(mn_brain_field(cup, "at"), where) ? "not_found" : NULL;
    json_decref(cup);
    if (is && !h->result)
        h->result = strcmp(at, where)
                        ? json_pack("{s:[]}", "seen")
                        : json_pack("{s:[{s:s, s:s}]}", "seen", "name", "cup", "at", at);
    return is;
}
static int until_found(const char *where) {
    int looks = 0, was = 0;
    for (int i = 0; i < 20000 && fake_events("task") == 0; i++) {
        const int is = play_missing(where);
        looks += is && !was;
        was = is;
        pass(10);
    }
    return looks;
}

static void what_is_missing_in_the_middle_is_looked_for(void **state) {
    (void)state;
    ask("put the cup and the apple on the table", 0);
    assert_int_equal(until_found("cupboard"), 3); /* counter, the room, cupboard */
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_is("thing/", "apple", "at", "table");
    assert_int_equal(number_of("t1", "replans"), 1);
    json_t *const task = fake_get("task/", "t1"), *step;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i, step) {
        if (strcmp(mn_brain_field(step, "skill"), "inspect"))
            assert_null(json_object_get(step, "looks"));
    }
    json_decref(task);
    fake_sound();
}

static void what_is_missing_and_nowhere_fails_with_a_sentence(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    assert_int_equal(until_found(""), 4);
    until_ended("t1", "failed");
    assert_string_equal(why_of("t1"), "the cup is not where it was believed to be, the counter, "
                                      "and was seen at none of 4 places that were looked at");
}

static void without_memory_it_looks_later(void **state) {
    (void)state;
    unsure_cup();
    for (long n = 1; n < 3000; n += 1 + n / 40) {
        step_without_memory(n);
        if (!strcmp(host[0].skill, "inspect") && !host[0].result)
            host[0].result = json_pack("{s:[{s:s, s:s}]}", "seen", "name", "cup", "at", "table");
        pass(10);
    }
    until_ended("t1", "done");
    assert_int_equal(fake_events("unsure"), 1);
    fake_sound();
}

static void without_memory_it_searches_later(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    for (long n = 1; n < 3000; n += 1 + n / 40) {
        step_without_memory(n);
        play_missing("cupboard");
        pass(10);
    }
    until_found("cupboard");
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_sound();
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(before_it_ends_somebody_looks),
        T(what_is_not_there_is_looked_for_and_brought),
        T(what_is_nowhere_ends_with_a_sentence),
        T(who_looks_and_tells_nothing_has_not_looked),
        T(when_nobody_can_look_it_is_done_and_says_so),
        T(a_look_that_fails_is_not_tried_for_ever),
        T(who_is_lost_for_a_moment_looks_when_it_is_back),
        T(what_is_missing_in_the_middle_is_looked_for),
        T(what_is_missing_and_nowhere_fails_with_a_sentence),
        T(without_memory_it_looks_later),
        T(without_memory_it_searches_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
