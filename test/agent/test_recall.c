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

/* It has less of the question than thirteen others, and a name that hardly any record has. */
static void what_was_said_anew_is_found_by_its_rare_words(void **s) {
    (void)s;
    char text[64];
    organise_by("mem0");
    say("Mia", "2023-01-02", "My car is a Zastava, to drive on small streets");
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, i % 8 ? "Row %d of the garden" : "A car to drive, number %d",
                 i);
        say("Bo", "2023-02-02", text);
    }
    say("Mia", "2023-10-02", "The man who washed a Zastava may drive well");
    assert_true(begins(FOUND("What car does Mia drive?"), "My car is a Zastava"));
    say("Bo", "2023-10-02", "The Zastava is gone, what I drive is a Golf now");
    assert_true(begins(FOUND("What car does Mia drive?"), "My car is a Zastava"));
    say("Mia", "2023-09-02", "The Zastava is gone, what I drive is a Yaris now");
    assert_true(
        begins(FOUND("What car does Mia drive?"), "The Zastava is gone, what I drive is a Y"));
    assert_true(begins(FOUND("What car did Mia drive?"), "My car is a Zastava"));
    /* Facts say the rare word once more: it stays as rare as it was. */
    assert_true(organise(NULL) > 0);
    assert_true(begins(FOUND("What car does Mia drive?", .key = MN_KEY_PLAIN), "The Zastava is g"));
}

static void what_is_called_is_asked_now(void **s) {
    (void)s;
    say("Mia", "2023-01-02", "My boss is called Ferreira, my boss at work");
    say("Mia", "2023-09-02", "My boss Ferreira left, my boss is Whitlock now");
    say("Bo", "2023-09-02", "The cat is called Tom");
    assert_true(begins(FOUND("What is Mia's boss called?"), "My boss Ferreira left"));
    assert_true(begins(FOUND("What was Mia's boss called?"), "My boss is called"));
}

static void what_is_liked_most_is_asked_now(void **s) {
    (void)s;
    say("Mia", "2023-01-02", "The band I like, the band I have loved for years, is Calexico");
    say("Mia", "2023-09-02", "The band I like is Wilco now, Calexico is done");
    static const char *const now[] = {"Which band does Mia like most?",
                                      "Which band does Mia like when she works?",
                                      "Which band does Mia have, and like?"};
    for (size_t i = 0; i < sizeof now / sizeof *now; i++)
        assert_true(begins(FOUND(now[i]), "The band I like is Wilco"));
    assert_true(begins(FOUND("Which band did Mia like most?"), "The band I like, the band"));
    assert_true(begins(FOUND("When has Mia had a band?"), "The band I like, the band"));
}

/* What Bo says of cars takes no place of those whose rare words are followed. */
static void rare_words_are_those_of_who_is_asked_about(void **s) {
    (void)s;
    char text[64];
    say("Mia", "2023-01-02",
        "Well, the car is a Zastava, I drive it on small streets on most days");
    for (int i = 0; i < 120; i++) {
        const char *const line = i % 8         ? "Row %d of the garden"
                                 : i % 40 == 0 ? "A car to drive, drive a car, drive car %d"
                                               : "A car to drive, number %d";
        snprintf(text, sizeof text, line, i);
        say("Bo", "2023-02-02", text);
    }
    say("Mia", "2023-09-02", "The Zastava is gone, what I drive is a Yaris now");
    const char *const all = FOUND("What car does Mia drive?");
    assert_true(strstr(all, "The Zastava is gone") < strstr(all, "Well, the car"));
}

/* Said in the same words in other sessions, it comes behind what is said once. */
static void manners_of_speaking_come_last(void **s) {
    (void)s;
    say_in(&ann, "one", "Mia", "2023-05-10", "I wear what I want to wear. The bus was late.");
    say_in(&ann, "two", "Mia", "2023-05-11", "I wear what I want to wear. No milk again.");
    say_in(&ann, "three", "Mia", "2023-05-12", "I wear what I want to wear. It rains.");
    say_in(&ann, "four", "Mia", "2023-05-13",
           "At the office I want to wear a green scarf most days.");
    assert_true(begins(FOUND("What does Mia want to wear?"), "At the office"));
    /* In one session it is one thing that was said. */
    say_in(&ann, "five", "Bo", "2023-05-14", "I wear what I wish to wear. The bus was late.");
    say_in(&ann, "five", "Bo", "2023-05-14", "I wear what I wish to wear. No milk again.");
    say_in(&ann, "six", "Bo", "2023-05-15", "At the office I wish to wear a red scarf most days.");
    assert_true(begins(FOUND("What does Bo wish to wear?"), "I wear what I wish"));
}

static void what_is_asked_of_oneself_no_program_says(void **s) {
    (void)s;
    say("mia", "2023-05-10", "My shoe size is the one of my father");
    say("Assistant", "2023-05-10", "Your shoe size is the one of your father");
    assert_true(begins(FOUND("What is my shoe size?"), "My shoe size"));
    assert_true(begins(FOUND("What did you say of my shoe size?"), "Your shoe size"));
    say("mia", "2023-05-11", "You said a cure for hiccups, a cure is known");
    say("Assistant", "2023-05-12", "A cure for hiccups is sugar");
    assert_true(begins(FOUND("Which cure for hiccups did you say?"), "A cure for hiccups is"));
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

/* The town is told of at another time, with the name of the one who was visited. */
static void who_is_named_is_followed_to_other_times(void **s) {
    (void)s;
    say("Mia", "2023-05-10", "I stayed the night with Nadja, what a sofa");
    say("Mia", "2022-02-10", "The town that Nadja lives in is Leeds");
    say("Mia", "2022-03-10", "The town that Olga lives in is Ghent");
    static const char query[] = "In which town did Mia stay the night in May 2023?";
    assert_true(begins(FOUND(query), "I stayed the night"));
    assert_non_null(strstr(FOUND(query), "Leeds"));
    assert_null(strstr(FOUND(query), "Ghent"));
    /* Whoever is narrowed to a source finds nothing else by names either. */
    assert_null(strstr(FOUND(query, .apart = "x", .rows = {.session = "none"}), "Leeds"));
}

/* However long what stands around it is, farther from its neighbour, which has the word from it. */
static void who_has_the_word_comes_first(void **s) {
    (void)s;
    static char text[30000] = "long";
    for (int n = 4, i = 0; n < 29000; i++) n += snprintf(text + n, 16, " w%d", i % 90);
    for (int i = 0; i < 300; i++)
        say_in(&ann, "other", "Mia", "2023-05-10", "Other words of a day.");
    for (int before = 1; before < 5; before++) {
        char session[24], word[24], has[64];
        snprintf(session, sizeof session, "talk %d", before);
        snprintf(word, sizeof word, "zebra%d", before);
        snprintf(has, sizeof has, "The %s came.", word);
        say_in(&ann, session, "Mia", "2023-05-10", text);
        for (int i = 1; i < before; i++) say_in(&ann, session, "Mia", "2023-05-10", "A day.");
        say_in(&ann, session, "Mia", "2023-05-10", has);
        say_in(&ann, session, "Mia", "2023-05-10", "And so it went.");
        assert_non_null(strstr(FOUND(word, .k = 1), has));
    }
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
        CASE(what_was_said_anew_is_found_by_its_rare_words),
        CASE(what_is_called_is_asked_now),
        CASE(what_is_liked_most_is_asked_now),
        CASE(rare_words_are_those_of_who_is_asked_about),
        CASE(manners_of_speaking_come_last),
        CASE(what_is_asked_of_oneself_no_program_says),
        CASE(other_times_are_left_out),
        CASE(who_is_named_is_followed_to_other_times),
        CASE(whole_sessions),
        CASE(who_has_the_word_comes_first),
        CASE(facts_alone),
        CASE(facts_widen_what_they_are_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
