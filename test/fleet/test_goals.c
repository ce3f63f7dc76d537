/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_goals.c - sentences and the goals they are, sentences that are none and what is
 * said about them, JSON there and back, and any bytes.
 */
#include "test.h"

#include "made.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/random.h"
#include "fleet/plan.h"

static mn_scene scene;

static int begin(void **state) {
    (void)state;
    json_set_alloc_funcs(mn_malloc, mn_free);
    made_kitchen(&scene);
    json_t *wash = json_loads("{\"name\": \"wash\", \"inputSchema\": {\"type\": \"object\", "
                              "\"properties\": {\"thing\": {\"type\": \"string\"}}}, \"_meta\": "
                              "{\"omnesia/skill\": {\"needs\": [\"holding(robot, thing)\", "
                              "\"at(robot, sink)\"], \"makes\": [\"is(thing, clean)\"]}}}",
                              0, NULL);
    assert_ok(mn_skills_add(&mn_scene_robot(&scene, "duo")->skills, wash));
    json_decref(wash);
    return 0;
}
static int end(void **state) {
    (void)state;
    mn_scene_free(&scene);
    return 0;
}

static void means(const char *text, const char *goals) {
    mn_goals g;
    if (mn_goals_read(&scene, text, &g) < 0) fail_msg("\"%s\": %s", text, mn_error_detail());
    json_t *is = mn_goals_write(&g), *want = json_loads(goals, 0, NULL);
    assert_non_null(want);
    mn_buf said = {0};
    assert_ok(mn_json_write(is, 0, &said));
    if (!json_equal(is, want)) fail_msg("\"%s\" is %s, not %s", text, said.data, goals);
    mn_goals again;
    assert_ok(mn_goals_parse(&scene, is, &again));
    json_t *twice = mn_goals_write(&again);
    assert_true(json_equal(is, twice));
    json_decref(is), json_decref(want), json_decref(twice);
    mn_buf_free(&said);
    mn_goals_free(&g), mn_goals_free(&again);
}

static void sentences_are_goals(void **state) {
    (void)state;
    means("put the apple and the banana on the table",
          "[[\"in\", \"apple\", \"table\"], [\"in\", \"banana\", \"table\"]]");
    means("Please bring the apple, banana and milk to the table.",
          "[[\"in\", \"apple\", \"table\"], [\"in\", \"banana\", \"table\"], [\"in\", \"milk\", "
          "\"table\"]]");
    means("Put the mug on the shelf", "[[\"in\", \"cup_1\", \"shelf\"]]");
    means("put all cups in the sink", "[[\"in\", \"cup_1\", \"sink\"], [\"in\", \"cup_2\", "
                                      "\"sink\"]]");
    means("put the cups in the sink", "[[\"in\", \"cup_1\", \"sink\"], [\"in\", \"cup_2\", "
                                      "\"sink\"]]");
    means("put two fruits in the fridge", "[[\"in\", \"apple\", \"fridge\"], [\"in\", \"banana\", "
                                          "\"fridge\"]]");
    means("put a cup on the table", "[[\"in\", \"cup_1\", \"table\"]]");
    means("put the dirty cup into the sink", "[[\"in\", \"cup_1\", \"sink\"]]");
    means("put everything on the counter in the fridge",
          "[[\"in\", \"apple\", \"fridge\"], [\"in\", \"banana\", \"fridge\"], [\"in\", "
          "\"cup_1\", \"fridge\"]]");
    means("take the milk from the fridge to the table", "[[\"in\", \"milk\", \"table\"]]");
    means("take the milk out of the fridge and put it on the table",
          "[[\"in\", \"milk\", \"table\"]]");
    means("put the cup from the counter on the shelf", "[[\"in\", \"cup_1\", \"shelf\"]]");
    means("put the apple on the table and the banana in the sink",
          "[[\"in\", \"apple\", \"table\"], [\"in\", \"banana\", \"sink\"]]");
    means("put the apple on the shelf, then open the fridge",
          "[[\"in\", \"apple\", \"shelf\"], \"then\", [\"open\", \"fridge\"]]");
    means("open the fridge, put the apple in it, and then close it",
          "[[\"in\", \"apple\", \"fridge\"], \"then\", [\"!open\", \"fridge\"]]");
    means("put the apple in the fridge and close everything again",
          "[[\"in\", \"apple\", \"fridge\"], \"close\"]");
    means("give the apple to duo", "[[\"holding\", \"duo\", \"apple\"]]");
    means("put the apple on the carrier", "[[\"in\", \"apple\", \"carrier\"]]");
    means("send duo to the counter", "[[\"at\", \"duo\", \"counter\"]]");
    means("bring the apple to the hall", "[[\"in\", \"apple\", \"shelf\"]]");
    means("wash cup_1", "[[\"is\", \"cup_1\", \"clean\"]]");
    means("clean the mug. Then put it on the shelf.",
          "[[\"is\", \"cup_1\", \"clean\"], \"then\", [\"in\", \"cup_1\", \"shelf\"]]");
    means("make all cups on the table clean", "[[\"is\", \"cup_2\", \"clean\"]]");
    means("put the milk on the table and say \"Dinner, please!\"",
          "[[\"in\", \"milk\", \"table\"], [\"say\", \"Dinner, please!\"]]");
    means("Close the kitchen door", "[[\"!open\", \"kitchen_door\"]]");
}

static void what_is_not_understood_is_quoted(void **state) {
    (void)state;
    mn_goals g;
    static const char *const bad[][2] = {
        {"", "the task is empty"},
        {" . , and", "the task is empty"},
        {"put the flurb on the table", "'flurb' is nothing that is known here: there are apple"},
        {"put the apple on the moon", "'moon' is nothing"},
        {"juggle the apple", "'juggle' is no verb"},
        {"put the apple", "where is the apple to be put?"},
        {"take the apple", "where is the apple to be taken?"},
        {"put the cup on the shelf", "'cup' may be cup_1, cup_2: say which"},
        {"put three cups on the shelf", "there are 2 'cups', not 3"},
        {"put the table on the shelf", "the table is furniture"},
        {"open the table", "table is nothing that can be opened"},
        {"make the apple shiny", "anything 'shiny'; they make it: clean"},
        {"put the apple on the apple", "cannot be put on itself"},
        {"put it on the table", "'it': nothing was named before"},
        {"put the apple on the table and put the apple in the sink", "cannot be both"},
        {"put the clean cup on the shelf", "'clean' is nothing that is known"},
        {"put the apple on the", "the sentence ends where"},
        {"say", "what is to be said?"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (mn_goals_read(&scene, bad[i][0], &g) != MN_EINVAL) fail_msg("\"%s\"", bad[i][0]);
        if (!strstr(mn_error_detail(), bad[i][1]))
            fail_msg("\"%s\": \"%s\" lacks \"%s\"", bad[i][0], mn_error_detail(), bad[i][1]);
    }
    char many[8192] = "put";
    for (int i = 0; i < 600; i++) strcat(many, " please");
    assert_fails(mn_goals_read(&scene, many, &g), MN_ETOOLONG, "at most 512 words");
}

static void goals_as_json_are_checked(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"{}", "goals are a list"},
        {"[[\"in\", \"apple\"]]", "no goal"},
        {"[[\"in\", \"apple\", \"moon\"]]", "goal 1: there is no thing 'moon'"},
        {"[[\"holding\", \"bob\", \"apple\"]]", "there is no robot 'bob'"},
        {"[[\"fly\", \"apple\", \"table\"]]", "'fly' with 2 words is no goal"},
        {"[[\"in\", 1, \"table\"]]", "word 2 is no text"},
        {"[\"now\"]", "'now' is no goal"},
        {"[[\"in\", \"apple\", \"table\"], [\"in\", \"apple\", \"sink\"]]", "cannot be both"},
        {"[[]]", "it is no"},
        {"[[\"say\"]]", "say takes one text"},
    };
    mn_goals g;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *json = json_loads(bad[i][0], 0, NULL);
        assert_fails(mn_goals_parse(&scene, json, &g), MN_EINVAL, bad[i][1]);
        json_decref(json);
    }
}

static void what_is_true_is_counted(void **state) {
    (void)state;
    mn_goals g;
    assert_ok(mn_goals_read(&scene, "put the mug on the counter and the milk on the table", &g));
    assert_int_equal(mn_goals_reached(&scene, &g), 1);
    mn_goals_free(&g);
}

/* Words in any order: goals that can be written and read again, or a sentence. */
static void any_words_are_goals_or_an_error(void **state) {
    (void)state;
    static const char *const word[] = {
        "put", "take",  "open",  "the",   "all",  "two",    "cups", "cup",   "apple", "fridge",
        "on",  "in",    "from",  "to",    "and",  ",",      "then", ".",     "it",    "them",
        "duo", "close", "clean", "dirty", "make", "\"hm\"", "say",  "again", "table", "everything"};
    mn_random r;
    mn_random_seed(&r, 7);
    int read = 0;
    for (int i = 0; i < 20000; i++) {
        char text[512] = "";
        for (int k = (int)(mn_random_u64(&r) % 12); k >= 0; k--) {
            strcat(text, word[mn_random_u64(&r) % (sizeof word / sizeof *word)]);
            strcat(text, " ");
        }
        mn_goals g, again;
        const int rc = mn_goals_read(&scene, text, &g);
        if (rc < 0) {
            assert_true(*mn_error_detail());
            continue;
        }
        read++;
        json_t *json = mn_goals_write(&g);
        if (mn_goals_parse(&scene, json, &again) < 0)
            fail_msg("\"%s\": %s", text, mn_error_detail());
        assert_int_equal(again.n, g.n);
        json_decref(json);
        mn_goals_free(&g), mn_goals_free(&again);
    }
    assert_true(read > 20);
}

static void no_memory_is_no_harm(void **state) {
    (void)state;
    int rc = MN_ENOMEM;
    for (long n = 1; rc == MN_ENOMEM && n < 1000; n++) {
        mn_goals g;
        mn_alloc_fail_after(n);
        rc = mn_goals_read(&scene, "put all cups in the fridge and say \"done\"", &g);
        mn_alloc_fail_after(0);
        if (!rc) mn_goals_free(&g);
    }
    assert_ok(rc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_goals),
        cmocka_unit_test(what_is_not_understood_is_quoted),
        cmocka_unit_test(goals_as_json_are_checked),
        cmocka_unit_test(what_is_true_is_counted),
        cmocka_unit_test(any_words_are_goals_or_an_error),
        cmocka_unit_test(no_memory_is_no_harm),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
