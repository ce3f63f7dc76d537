/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_brain_model.c - plans by a model, played by a function: what it is asked, that
 * what it answers is judged, said back, and never carried out when it is wrong.
 */
#include "base/alloc.h"
#include "fleet/brain_model.h"
#include "fleet/world.h"
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
/* It brings nothing anywhere. */
static const char too_early[] = PLAN(TAKE("carrier", "") "," PUT("carrier", "table", "1"));
/* Who does it is right; ways and waiting are left out. */
static const char hands[] = PLAN(TAKE("arm", "") "," PUT("arm", "carrier", "1") "," TAKE(
    "dual", "2") "," PUT("dual", "table", "3"));
static const char alone[] = PLAN(TAKE("arm", "") "," PUT("arm", "table", "1"));

typedef struct model { /* what it answers, one after another; the last again and again */
    const char *answer[4];
    int asked, rc;
    int thinks; /* so many answers later it thinks for ever; 0: never */
    char system[1 << 16], first[1 << 15], text[1 << 15];
    json_t *events;
} model;

static int answers(void *user, const char *system, const char *text, const char *schema, char **out,
                   int tokens[4]) {
    model *const m = user;
    json_t *const shape = json_loads(schema, 0, NULL);
    assert_non_null(shape);
    json_decref(shape);
    if (m->asked && !strstr(m->system, "find out")) {
        assert_string_equal(system, m->system); /* all that was read before is read again.. */
        assert_int_equal(strncmp(text, m->first, strlen(m->first)), 0); /* ..and goes on */
    }
    if (!m->asked || strstr(m->system, "find out")) snprintf(m->first, sizeof m->first, "%s", text);
    snprintf(m->system, sizeof m->system, "%s", system);
    snprintf(m->text, sizeof m->text, "%s", text);
    const int at = m->asked < 3 ? m->asked : 3;
    if (m->thinks && m->asked >= m->thinks) return MN_FAIL(MN_EBUSY, "it thinks");
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
    assert_non_null(strstr(m.text, "carrier has no 'grasp'"));
    json_decref(m.events);
}

static const json_t *report(const model *m) {
    const json_t *one;
    size_t i;
    json_array_foreach(m->events, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "kind")), "model") == 0)
            return json_object_get(one, "model");
    }
    return NULL;
}

static void what_it_leaves_out_is_completed(void **state) {
    static const char *const all[] = {hands, alone};
    for (int i = 0; i < 2; i++) {
        static model m;
        m = (model){.answer = {all[i], all[i], all[i], all[i]}};
        assert_true(run(&m, task).reached);
        assert_int_equal(m.asked, 1);
        const json_t *const r = report(&m);
        assert_true(json_is_true(json_object_get(r, "completed")));
        assert_true(json_is_false(json_object_get(r, "right")));
        const double mine = json_number_value(json_object_get(r, "seconds")),
                     rules = json_number_value(json_object_get(r, "rules"));
        if (i) assert_true(mine > 2 * rules - 1); /* the arm alone is slow */
        if (!i) assert_true(mine <= rules + 1e-9);
        assert_string_equal(json_string_value(json_object_get(r, "taken")), i ? "rules" : "model");
        json_decref(m.events);
    }
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
        PLAN(WALK("carrier", "shelf", "1")), /* not a word of the apple, and a circle */
        PLAN(WALK("carrier", "shelf", "99"))};
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

/* ---- sentences that no rule knows --------------------------------------------------------- */
static mn_sim_result run_goals(model *m, const char *text) {
    const mn_brain_how brain = {.model = "played", .ask = answers, .user = m};
    const mn_sim_how how = {.seed = 1, .kill_at = -1, .brain = &brain, .tell = keep, .user = m};
    mn_sim_result r;
    m->events = json_array();
    assert_int_equal(mn_sim_run(&how, text, &r), 0);
    return r;
}

/* The model says what is wanted, then how. */
static void goals_that_rules_do_not_understand(void **state) {
    static model m = {.answer = {"{\"why\":\"An apple is healthy, it shall be on the table.\","
                                 "\"goals\":[{\"bring\":\"apple\",\"to\":\"table\"}]}",
                                 right, right, right}};
    assert_true(run_goals(&m, "I am hungry, could somebody bring over something healthy?").reached);
    json_decref(m.events);
}

/* What neither the person nor the model's sentence speaks of is not done. */
static void goals_that_nobody_spoke_of_are_left_out(void **state) {
    static const struct {
        const char *text, *answer;
        int reached;
    } all[] = {
        {"I am hungry, would somebody help?",
         "{\"why\":\"Something shall be on the table.\","
         "\"goals\":[{\"bring\":\"apple\",\"to\":\"table\"}]}",
         0},
        {"Some fruit, an apple say, would be nice over there",
         "{\"why\":\"It shall be on the table.\",\"goals\":[{\"bring\":\"apple\",\"to\":\"table\"},"
         "{\"bring\":\"pot\",\"to\":\"sink\"},{\"open\":\"fridge\"},{\"fly\":\"pot\"},7]}",
         1},
        {"A mug is what I miss here", /* another name of the cup */
         "{\"why\":\"It shall be on the table.\",\"goals\":[{\"bring\":\"cup\",\"to\":\"table\"}]}",
         1},
        {"It smells from that icebox",
         "{\"why\":\"The fridge shall be open for a while.\","
         "\"goals\":[{\"open\":\"fridge\"}]}",
         1},
        {"It smells from that icebox", "{\"goals\":7}", 0},
        {"It smells from that icebox", "{\"why\":[],\"goals\":[{\"open\":\"fridge\"}]}", 0},
        {"It smells from that icebox", "nonsense", 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        static model m;
        m = (model){.answer = {all[i].answer, right, right, right}};
        const mn_sim_result r = run_goals(&m, all[i].text);
        assert_int_equal(r.reached, all[i].reached);
        assert_int_equal(m.asked > 1, all[i].reached); /* no goals: no question for a plan */
        json_decref(m.events);
    }
}

/* ---- steps that failed ------------------------------------------------------------------- */
static const char rest[] = PLAN(TAKE("arm", "") "," PUT("arm", "carrier", "1") "," WALK(
    "carrier", "table", "2") "," TAKE("dual", "3") "," PUT("dual", "table", "4"));

/* The arm's first grasp fails in a way that is planned anew at once; the carrier drives on. */
static json_t *failing_world(void) {
    json_t *world;
    assert_int_equal(mn_fleet_world_read(NULL, &world), 0);
    json_object_set_new(world, "failures",
                        json_pack("[{s:s, s:s, s:s, s:s, s:i}]", "skill", "grasp", "robot", "arm",
                                  "thing", "apple", "code", "out_of_reach", "times", 1));
    json_object_set_new(json_array_get(json_object_get(world, "robots"), 0), "at",
                        json_string("table")); /* it drives for a while */
    return world;
}

static mn_sim_result run_failing(model *m) {
    json_t *const world = failing_world();
    mn_sim_result r;
    const mn_brain_how brain = {.model = "played", .ask = answers, .user = m, .patience = 40};
    const mn_sim_how how = {
        .world = world, .seed = 1, .kill_at = -1, .brain = &brain, .tell = keep, .user = m};
    m->events = json_array();
    assert_int_equal(mn_sim_run(&how, task, &r), 0);
    json_decref(world);
    return r;
}

/* The n-th event of a kind; NULL. `at`: its place. */
static const json_t *event(const model *m, const char *kind, int n, size_t *at) {
    const json_t *one;
    size_t i;
    json_array_foreach(m->events, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "kind")), kind) || n--) continue;
        if (at) *at = i;
        return one;
    }
    return NULL;
}
static const char *said(const model *m, int n, const char *field) {
    const json_t *const e = event(m, "model", n, NULL);
    assert_non_null(e);
    const char *const text = json_string_value(json_object_get(json_object_get(e, "model"), field));
    return text ? text : "";
}

static void only_what_failed_is_asked_for(void **state) {
    static model m = {.answer = {right, rest, rest, rest}};
    const mn_sim_result r = run_failing(&m);
    assert_true(r.reached);
    assert_int_equal(m.asked, 2);
    assert_int_equal(r.replans, 1);
    assert_int_equal(r.replanned, 5); /* the carrier's way to the counter is not among them */
    assert_string_equal(said(&m, 1, "taken"), "model");
    const char *const more = m.text + strlen(m.first);
    assert_non_null(strstr(more, "\"failed\":\"out_of_reach\""));
    assert_non_null(strstr(more, "{\"robot\":\"carrier\",\"at\":\"counter\"}"));
    assert_null(strstr(more, "\"cup\"")); /* what is as it was is not told again */
    assert_true(strlen(more) < strlen(m.system) / 4);
    json_decref(m.events);
}

static void nobody_waits_while_it_thinks(void **state) {
    static model m = {.answer = {right}, .thinks = 1};
    size_t failed, drove = 0, told;
    const mn_sim_result r = run_failing(&m);
    assert_true(r.reached);
    assert_string_equal(said(&m, 1, "taken"), "rules");
    assert_non_null(strstr(said(&m, 1, "text"), "no answer in 10 s"));
    assert_non_null(event(&m, "failed", 0, &failed));
    assert_non_null(event(&m, "model", 1, &told));
    for (int i = 0; event(&m, "done", i, NULL); i++) {
        size_t at;
        const json_t *const e = event(&m, "done", i, &at);
        if (strcmp(json_string_value(json_object_get(e, "robot")), "carrier") == 0 && !drove)
            drove = at;
    }
    assert_true(drove && drove < told);
    assert_true(r.makespan < 50); /* the rules' 34 s, and 10 s for the model */
    json_decref(m.events);
}

static void a_wrong_or_slower_plan_for_it_is_not_taken(void **state) {
    static const char slower[] = PLAN(
        TAKE("arm", "") "," PUT("arm", "carrier", "1") "," WALK("carrier", "shelf", "2") "," WALK(
            "carrier", "table", "3") "," TAKE("dual", "4") "," PUT("dual", "table", "5"));
    static const char *const all[] = {too_early, slower, "{"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        static model m;
        m = (model){.answer = {right, all[i], all[i], all[i]}};
        assert_true(run_failing(&m).reached);
        assert_string_equal(said(&m, 1, "taken"), "rules");
        json_decref(m.events);
    }
}

static void who_is_lost_is_told(void **state) {
    static model m = {.answer = {"{", "{", "{", "{"}};
    const mn_brain_how brain = {.model = "played", .ask = answers, .user = &m};
    const mn_sim_how how = {.robots = 6,
                            .kill = "arm",
                            .kill_at = -1,
                            .seed = 1,
                            .brain = &brain,
                            .tell = keep,
                            .user = &m};
    mn_sim_result r;
    m.events = json_array();
    assert_int_equal(mn_sim_run(&how, task, &r), 0);
    assert_true(r.reached);
    assert_int_equal(m.asked, 2 * MN_BRAIN_TRIES);
    assert_non_null(strstr(m.text, "{\"robot\":\"arm\",\"lost\":true}"));
    json_decref(m.events);
}

/* ---- without memory ---------------------------------------------------------------------- */
static int plays(void *user, const char *system, const char *text, const char *schema, char **out,
                 int tokens[4]) {
    model *const m = user;
    (void)system, (void)text, (void)schema;
    *out = mn_strdup(m->answer[m->asked < 3 ? m->asked : 3]);
    m->asked++;
    tokens[0] = 100, tokens[1] = 0, tokens[2] = 10, tokens[3] = 5;
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for an answer");
}

/* The n-th allocation fails while a model says what is wanted, plans, and plans anew: the task is
 * done all the same, or says why it is not. */
static void what_no_memory_takes_is_said(void **state) {
    static const char goals[] = "{\"why\":\"An apple is healthy, it shall be on the table.\","
                                "\"goals\":[{\"bring\":\"apple\",\"to\":\"table\"}]}";
    long done = 0, hit = 1, n = 1;
    (void)state;
    for (; hit && n < 200000; n += 1 + n / 100) {
        static model m;
        json_t *const world = failing_world();
        m = (model){.answer = {goals, right, rest, rest}};
        const mn_brain_how brain = {.model = "played", .ask = plays, .user = &m, .patience = 40};
        const mn_sim_how how = {.world = world, .seed = 1, .kill_at = -1, .brain = &brain};
        mn_sim_result r;
        memset(&r, 0, sizeof r);
        mn_alloc_fail_after(n);
        const int rc = mn_sim_run(&how, "I am hungry, could somebody bring something healthy?", &r);
        hit = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        json_decref(world);
        if (rc < 0 && rc != MN_ENOMEM) fail_msg("allocation %ld: %d %s", n, rc, mn_error_detail());
        if (rc >= 0 && !r.reached && (!hit || !strstr(r.why, "memory")))
            fail_msg("allocation %ld: %s", n, r.why);
        assert_int_equal(rc >= 0 && r.lost, 0);
        done += rc >= 0 && r.reached;
    }
    print_message("%ld done, up to allocation %ld\n", done, n);
    assert_true(done > 20 && !hit);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_right_plan_is_judged_once),
                                       cmocka_unit_test(what_was_wrong_is_said_to_it),
                                       cmocka_unit_test(what_it_leaves_out_is_completed),
                                       cmocka_unit_test(nonsense_is_asked_three_times_and_no_more),
                                       cmocka_unit_test(one_that_is_away_stops_nothing),
                                       cmocka_unit_test(goals_that_rules_do_not_understand),
                                       cmocka_unit_test(goals_that_nobody_spoke_of_are_left_out),
                                       cmocka_unit_test(only_what_failed_is_asked_for),
                                       cmocka_unit_test(nobody_waits_while_it_thinks),
                                       cmocka_unit_test(a_wrong_or_slower_plan_for_it_is_not_taken),
                                       cmocka_unit_test(who_is_lost_is_told),
                                       cmocka_unit_test(what_no_memory_takes_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
