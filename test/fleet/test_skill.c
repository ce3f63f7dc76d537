/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_skill.c - manifests of skills: ours, those of others, and those that are none.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/json.h"
#include "fleet/skill.h"

static json_t *json_of(const char *text) {
    json_error_t e;
    json_t *const j = json_loads(text, 0, &e);
    if (!j) fail_msg("%s: %s", text, e.text);
    return j;
}

static int add(mn_skills *s, const char *text) {
    json_t *const manifest = json_of(text);
    const int rc = mn_skills_add(s, manifest);
    json_decref(manifest);
    return rc;
}

static void ours_are_nine_and_sound(void **state) {
    (void)state;
    static const char *const names[] = {"navigate", "grasp",   "place", "hand_over", "open",
                                        "close",    "inspect", "wait",  "say"};
    mn_skills s = {.n = 0};
    assert_ok(mn_skills_add_known(&s, NULL));
    assert_int_equal(s.n, 9);
    for (size_t i = 0; i < 9; i++) {
        const mn_skill *const one = mn_skills_find(&s, names[i]);
        if (!one) fail_msg("%s is not there", names[i]);
        assert_true(*one->about && one->n_params >= 1 && one->limit >= one->seconds);
        assert_true(mn_skill_fits(one, "anything"));
        /* An argument of a fact is the robot or one of the parameters. */
        for (int f = 0; f < one->n_needs + one->n_makes; f++) {
            const mn_fact *const fact =
                f < one->n_needs ? &one->needs[f] : &one->makes[f - one->n_needs];
            for (int a = 0; a < MN_FACT_ARGS && fact->arg[a]; a++) {
                int known = !strcmp(fact->arg[a], "robot");
                for (int p = 0; p < one->n_params; p++)
                    known |= !strcmp(fact->arg[a], one->param[p]);
                if (!known) fail_msg("%s: argument %s", names[i], fact->arg[a]);
            }
        }
    }
    const mn_skill *const place = mn_skills_find(&s, "place");
    assert_string_equal(place->param[0], "thing");
    assert_string_equal(place->param[1], "place");
    assert_int_equal(place->makes[0].name, MN_FACT_IN);
    assert_int_equal(place->makes[1].not_, 1);
    assert_int_equal(place->verify, 1);
    assert_null(mn_skills_find(&s, "fly"));
    mn_skills_free(&s);
    assert_ok(mn_skills_add_known(&s, "say"));
    assert_int_equal(s.n, 1);
    assert_fails(mn_skills_add_known(&s, "fly"), MN_ENOENT, "'fly' is no skill of ours");
    mn_skills_free(&s);
}

static void facts_are_read_and_written(void **state) {
    (void)state;
    static const char *const good[][2] = {
        {"at(robot, p)", "at(robot, p)"},
        {" ! holding ( robot ,thing ) ", "!holding(robot, thing)"},
        {"is(cup,clean)", "is(cup, clean)"},
        {"in(t, kitchen table)", "in(t, kitchen table)"},
        {"free(robot)", "free(robot)"},
    };
    static const char *const bad[][2] = {
        {"", "is no fact"},
        {"near(a, b)", "is no fact"},
        {"at", "no '('"},
        {"at(robot", "does not end"},
        {"at(robot)", "takes 2 arguments, not 1"},
        {"free(a, b)", "takes 1 argument, not 2"},
        {"at(a, b, c, d)", "too many arguments"},
        {"at(a, )", "is empty"},
        {"at(a, b) and more", "does not end"},
        {"at(a(b), c)", "does not end"},
        {"is(cup, "
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)",
         "at most 63"},
    };
    mn_arena a = {.limit = 0};
    mn_buf text = {.limit = 0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        mn_fact f;
        assert_ok(mn_fact_read(&a, good[i][0], &f));
        mn_buf_clear(&text);
        assert_ok(mn_fact_write(&f, &text));
        assert_string_equal(text.data, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_fact f;
        assert_fails(mn_fact_read(&a, bad[i][0], &f), MN_EINVAL, bad[i][1]);
    }
    mn_buf_free(&text);
    mn_arena_free(&a);
}

#define OF(more)                                                                             \
    "{\"name\": \"x\", \"inputSchema\": {\"type\": \"object\", \"properties\": {\"thing\": " \
    "{}}}, \"_meta\": {\"omnesia/skill\": {" more "}}}"

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"[]", "is an object"},
        {"{}", "has no name"},
        {"{\"name\": 7}", "has no name"},
        {"{\"name\": \"\"}", "is no name"},
        {"{\"name\": \"a b\"}", "'a b' is no name"},
        {"{\"name\": \"x\", \"description\": 1}", "description"},
        {"{\"name\": \"x\"}", "skill x: inputSchema"},
        {"{\"name\": \"x\", \"inputSchema\": {\"properties\": []}}", "inputSchema.properties"},
        {"{\"name\": \"x\", \"inputSchema\": {\"properties\": {\"robot\": {}}}}", "'robot'"},
        {"{\"name\": \"x\", \"inputSchema\": {\"properties\": {\"1\":0,\"2\":0,\"3\":0,\"4\":0,"
         "\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0}}}",
         "9 parameters"},
        {"{\"name\": \"x\", \"inputSchema\": {}, \"_meta\": {\"omnesia/skill\": []}}", "_meta"},
        {OF("\"needs\": \"free(robot)\""), "skill x: needs: it takes a list"},
        {OF("\"needs\": [7]"), "needs[0]"},
        {OF("\"makes\": [\"free(robot)\", \"flies(robot)\"]"), "makes[1]: 'flies(robot)'"},
        {OF("\"needs\": [\"free(a)\",\"free(a)\",\"free(a)\",\"free(a)\",\"free(a)\",\"free(a)\","
            "\"free(a)\",\"free(a)\",\"free(a)\"]"),
         "needs has 9 facts"},
        {OF("\"seconds\": -1"), "skill x: seconds"},
        {OF("\"seconds\": \"3\""), "skill x: seconds"},
        {OF("\"limit\": 1e99"), "skill x: limit"},
        {OF("\"seconds\": 9, \"limit\": 3"), "less than the 9 s"},
        {OF("\"errors\": [\"a b\"]"), "errors: 'a b'"},
        {OF("\"errors\": [\"abcdefghijklmnopqrstuvwxyz_0123456789\"]"), "more than 31"},
        {OF("\"bodies\": {}"), "skill x: bodies"},
        {OF("\"verify\": 1"), "skill x: verify"},
    };
    mn_skills s = {.n = 0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(add(&s, bad[i][0]), MN_EINVAL, bad[i][1]);
    assert_int_equal(s.n, 0);
    mn_skills_free(&s);
}

static void a_plain_tool_is_a_skill_with_no_promises(void **state) {
    (void)state;
    mn_skills s = {.n = 0};
    assert_ok(add(&s, "{\"name\": \"beep\", \"inputSchema\": {\"type\": \"object\"}}"));
    const mn_skill *const beep = mn_skills_find(&s, "beep");
    assert_int_equal(beep->n_needs + beep->n_makes + beep->n_params + beep->verify, 0);
    assert_string_equal(beep->about, "");
    assert_true(beep->seconds > 0 && beep->limit > beep->seconds);
    /* The same name again: the newer one, in its place. */
    assert_ok(add(&s, OF("\"bodies\": [\"arm\"]")));
    assert_ok(add(&s, "{\"name\": \"beep\", \"description\": \"louder\", \"inputSchema\": {}}"));
    assert_int_equal(s.n, 2);
    assert_string_equal(mn_skills_find(&s, "beep")->about, "louder");
    assert_true(mn_skill_fits(mn_skills_find(&s, "x"), "arm"));
    assert_false(mn_skill_fits(mn_skills_find(&s, "x"), "wheels"));
    mn_skills_free(&s);
}

static void no_more_than_there_may_be(void **state) {
    (void)state;
    mn_skills s = {.n = 0};
    char text[96];
    for (int i = 0; i < MN_SKILLS; i++) {
        snprintf(text, sizeof text,
                 "{\"name\": \"s%d\", \"inputSchema\": {\"properties\": {\"p%d\": {}}}}", i, i);
        assert_ok(add(&s, text));
    }
    assert_fails(add(&s, "{\"name\": \"one\", \"inputSchema\": {}}"), MN_EFULL, "256 skills");
    assert_int_equal(s.n, MN_SKILLS);
    mn_skills_free(&s);
}

static void arguments_are_checked_by_the_schema(void **state) {
    (void)state;
    static const struct {
        const char *skill, *args, *wrong;
    } row[] = {
        {"grasp", "{\"thing\": \"cup\"}", NULL},
        {"grasp", "{}", "grasp: thing is missing"},
        {"grasp", "[]", "are an object"},
        {"grasp", "{\"thing\": 1}", "thing: it takes a value of type string"},
        {"grasp", "{\"thing\": \"cup\", \"hard\": true}", "no parameter 'hard'"},
        {"wait", "{\"seconds\": 1.5}", NULL},
        {"wait", "{\"seconds\": -1}", "-1 is out of range"},
        {"wait", "{\"seconds\": 99999}", "99999 is out of range"},
        {"x", "{\"how\": \"low\", \"n\": 2, \"more\": [1]}", NULL},
        {"x", "{\"how\": \"odd\"}", "how: that is none of its values"},
        {"x", "{\"n\": 2.5}", "of type integer"},
    };
    mn_skills s = {.n = 0};
    assert_ok(mn_skills_add_known(&s, NULL));
    assert_ok(add(&s, "{\"name\": \"x\", \"inputSchema\": {\"properties\": {\"how\": {\"enum\": "
                      "[\"low\", \"high\"]}, \"n\": {\"type\": \"integer\"}}, "
                      "\"additionalProperties\": true}}"));
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        json_t *const args = json_of(row[i].args);
        const mn_skill *const skill = mn_skills_find(&s, row[i].skill);
        if (row[i].wrong)
            assert_fails(mn_skill_args_check(skill, args), MN_EINVAL, row[i].wrong);
        else
            assert_ok(mn_skill_args_check(skill, args));
        json_decref(args);
    }
    assert_fails(mn_skill_args_check(mn_skills_find(&s, "say"), NULL), MN_EINVAL,
                 "text is missing");
    mn_skills_free(&s);
}

static void without_memory_nothing_is_half_added(void **state) {
    (void)state;
    json_t *const manifest = json_of(OF("\"needs\": [\"free(robot)\"], \"errors\": [\"dropped\"]"));
    int rc = MN_ENOMEM;
    for (long n = 1; rc < 0; n++) {
        mn_skills s = {.n = 0};
        mn_alloc_fail_after(n);
        rc = mn_skills_add(&s, manifest);
        mn_alloc_fail_after(0);
        assert_true(rc == MN_ENOMEM || rc == 0);
        assert_int_equal(s.n, rc == 0);
        mn_skills_free(&s);
        assert_true(n < 100);
    }
    json_decref(manifest);
}

static void an_end_says_why(void **state) {
    (void)state;
    mn_skill_end e = {.ok = 1};
    e.result = json_object();
    assert_ok(mn_skill_end_set(&e, "dropped", "it slipped %d times", 2));
    assert_int_equal(e.ok, 0);
    assert_string_equal(e.code, "dropped");
    assert_string_equal(e.text.data, "it slipped 2 times");
    assert_null(e.result);
    assert_ok(mn_skill_end_set(&e, "", "done"));
    assert_int_equal(e.ok, 1);
    mn_skill_end_free(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_are_nine_and_sound),
        cmocka_unit_test(facts_are_read_and_written),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_plain_tool_is_a_skill_with_no_promises),
        cmocka_unit_test(no_more_than_there_may_be),
        cmocka_unit_test(arguments_are_checked_by_the_schema),
        cmocka_unit_test(without_memory_nothing_is_half_added),
        cmocka_unit_test(an_end_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
