/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_recall.c - what is found first, and the ways a search may be asked for: what was
 * said anew, whole sessions, what organisers made, the time of the question.
 */
#include "agent/org_bed.h"

static const char *found(const char *query, mn_seek seek) {
    seek.query = query;
    seek.as_of = MN_NEVER;
    return listed(&ann, seek);
}
#define FOUND(query, ...) found(query, (mn_seek){.said = 1, __VA_ARGS__})

static int begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static void what_was_said_anew_comes_first(void **s) {
    (void)s;
    say("Mia", "2023-01-02", "About the car I drive: my car is a Leaf, a car for small streets");
    say("Mia", "2023-02-02", "The neighbour washed his windows");
    say("Mia", "2023-09-02", "I have a new car, the Leaf is gone and now I drive a Yaris");
    assert_true(begins(FOUND("What car does Mia drive?"), "I have a new car"));
    assert_true(begins(FOUND("What car did Mia drive before?"), "About the car"));
    /* Somebody else's car is not hers. */
    say("Bo", "2023-10-02", "I have a new car, the Yaris is gone and now I drive a Polo");
    assert_true(begins(FOUND("What car does Mia drive?"), "I have a new car, the Leaf"));
}

static void what_was_said_before_does_not(void **s) {
    (void)s;
    say("Mia", "2023-09-02", "About the car I drive: my car is a Leaf, a car for small streets");
    say("Mia", "2023-01-02", "I have a new car, the Leaf is gone and now I drive a Yaris");
    say("Mia", "sometime", "I have a new car, the Leaf is gone and now I drive a Golf");
    assert_true(begins(FOUND("What car does Mia drive?"), "About the car"));
}

static void what_is_asked_of_oneself_no_program_says(void **s) {
    (void)s;
    say("mia", "2023-05-10", "My shoe size is the one of my father");
    say("Assistant", "2023-05-10", "Your shoe size is the one of your father");
    assert_true(begins(FOUND("What is my shoe size?"), "My shoe size"));
    assert_true(begins(FOUND("What did you say of my shoe size?"), "Your shoe size"));
}

static void other_times_are_left_out(void **s) {
    (void)s;
    say("Mia", "2023-05-10", "The concert was loud");
    say("Mia", "2022-05-10", "The concert was quiet");
    say("Mia", "2024-05-10", "The concert of May 2023 was loud, I still hear it");
    say("Mia", "sometime", "The concert was somewhere");
    static const char query[] = "Which concert did Mia see in May 2023?";
    assert_null(strstr(FOUND(query), "quiet"));
    assert_non_null(strstr(FOUND(query), "still hear it"));
    assert_non_null(strstr(FOUND(query), "somewhere"));
    assert_non_null(strstr(FOUND(query, .times = MN_TIMES_NEAR), "quiet"));
    const char *const near = FOUND(query, .times = MN_TIMES_NEAR);
    assert_true(strstr(near, "was loud [") < strstr(near, "quiet"));
    assert_non_null(strstr(FOUND(query, .times = MN_TIMES_NONE), "quiet"));
    /* Where nothing is of the time, nothing is left out. */
    say("Mia", "2022-05-10", "The lecture was long");
    assert_non_null(strstr(FOUND("Which lecture did Mia hear in July 2019?"), "lecture"));
}

static void whole_sessions(void **s) {
    (void)s;
    say_in(&ann, "one", "Mia", "2023-05-10", "We sat by the river.");
    say_in(&ann, "one", "Bo", "2023-05-10", "With the canoe?");
    say_in(&ann, "one", "Mia", "2023-05-10", "With the canoe.");
    say_in(&ann, "two", "Mia", "2023-05-11", "The canoe leaks.");
    say("Mia", "2023-05-12", "A canoe alone.");
    say_in(&ann, "three", "Bo", "2023-05-12", "My kayak.\nMia: I stole it.");
    assert_true(begins(FOUND("kayak", .value = MN_VALUE_SESSION, .k = 1), "Bo: My kayak. Mia: I"));
    const char *const all = FOUND("the leaking canoe", .value = MN_VALUE_SESSION);
    assert_true(begins(all, "Mia: The canoe leaks.\n"));
    assert_non_null(strstr(all, "Mia: We sat by the river.\nBo: With the canoe?\nMia: With the "
                                "canoe.\n"));
    assert_non_null(strstr(all, "| A canoe alone."));
    assert_null(strstr(FOUND("the leaking canoe", .value = MN_VALUE_SESSION, .k = 1), "river"));
}

static void facts_alone(void **s) {
    (void)s;
    organise_by("mem0");
    say("Mia", "2023-05-10", "What a day! I love Rome. Is it raining there?");
    assert_int_equal(organise(NULL), 1);
    assert_true(begins(LIST(.query = "Who loves Rome?", .k = 1), "What a day!"));
    const char *const facts = LIST(.query = "Who loves Rome?", .value = MN_VALUE_FACT);
    assert_true(begins(facts, "I love Rome"));
    assert_null(strstr(facts, "What a day"));
}

/* Of two turns with the same words, that comes first of which a fact has all of them. */
static void facts_widen_what_they_are_from(void **s) {
    (void)s;
    organise_by("mem0");
    say("Mia", "2023-05-10", "I love Rome. The tram was late and the milk had gone sour again.");
    organise(NULL);
    by = NULL;
    mn_notes_organiser(notes, NULL);
    say("Mia", "2023-05-10", "I love Rome. The tram was late and the milk had gone sour.");
    const char *const plain = LIST(.query = "love of Rome", .key = MN_KEY_PLAIN, .k = 1);
    assert_null(strstr(plain, "again"));
    assert_non_null(strstr(LIST(.query = "love of Rome", .k = 1), "again"));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, org_begin, org_end)
    const struct CMUnitTest tests[] = {
        CASE(what_was_said_anew_comes_first),
        CASE(what_was_said_before_does_not),
        CASE(what_is_asked_of_oneself_no_program_says),
        CASE(other_times_are_left_out),
        CASE(whole_sessions),
        CASE(facts_alone),
        CASE(facts_widen_what_they_are_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
