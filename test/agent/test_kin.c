/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_kin.c - which questions are about somebody who is not there, and how they read.
 */
#include "test.h"

#include "agent/kin.h"
#include "base/alloc.h"

static const struct row {
    const char *question, *name, *text; /* name NULL: it is about nobody of that kind */
} rows[] = {
    {"", NULL, NULL},
    {"   ", NULL, NULL},
    {"Where does Ann live?", NULL, NULL},
    {"Do I have a sister?", NULL, NULL},
    {"What do sisters quarrel about?", NULL, NULL},
    {"Who is my best friend?", NULL, NULL},
    {"Who's Ann's uncle Felix?", NULL, NULL},
    {"About Ann: who was my godfather", NULL, NULL},
    {"What is my sister's name?", NULL, NULL},
    {"my", NULL, NULL},
    {"my best", NULL, NULL},
    {"What did my sister buy?", "sister", "What did she buy?"},
    {"What is MY Sister afraid of?", "Sister", "What is she afraid of?"},
    {"Which bread does Ann's uncle Felix bake?", "Felix", "Which bread does she bake?"},
    {"What is Ann's uncle Felix's boss called?", "Felix", "What is her boss called?"},
    {"What is Ann\xe2\x80\x99s uncle\xe2\x80\x99s boss called?", "uncle",
     "What is her boss called?"},
    {"Which language is Bob's best friend learning?", "friend", "Which language is she learning?"},
    {"How tall is my little old aunt?", "aunt", "How tall is she?"},
    {"Where does my mother's sister Ida live?", "Ida", "Where does she live?"},
    {"What's on my flatmate from college's screen?", "flatmate", "What's on her screen?"},
    {"Is my flatmate from college Marta in?", "Marta", "Is she in?"},
    {"About my cousin's dog: What is my cousin Zoltan's dog called?", "Zoltan",
     "About her dog: What is her dog called?"},
    {"Who does my sister, Clara, work for?", "sister", "Who does she, Clara, work for?"},
    {"Who pays Ann's niece?", "niece", "Who pays she?"},
};

static void who_is_asked_about(void **s) {
    (void)s;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mn_kin k = {0};
        const int is = mn_kin_of(rows[i].question, &k);
        if (is != (rows[i].name != NULL)) fail_msg("\"%s\": %d", rows[i].question, is);
        if (is &&
            (strcmp(k.name.data, rows[i].name) != 0 || strcmp(k.text.data, rows[i].text) != 0))
            fail_msg("\"%s\": %s, \"%s\"", rows[i].question, k.name.data, k.text.data);
        mn_kin_free(&k);
    }
}

static void without_memory(void **s) {
    (void)s;
    int rc = MN_ENOMEM;
    for (int n = 1; rc == MN_ENOMEM && n < 50; n++) {
        mn_kin k = {0};
        mn_alloc_fail_after(n);
        rc = mn_kin_of("Which bread does Ann's uncle Felix bake?", &k);
        mn_alloc_fail_after(0);
        mn_kin_free(&k);
    }
    assert_int_equal(rc, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_asked_about),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
