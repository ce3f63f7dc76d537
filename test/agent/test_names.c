/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_names.c - whom a question is about, and the question as they would put it.
 */
#include "test.h"

#include "agent/names.h"

static mn_names known(const char *const *name) {
    mn_names names = {.n = 0};
    while (*name) names.name[names.n++] = *name++;
    return names;
}
#define KNOWN(...) known((const char *const[]){__VA_ARGS__, NULL})

typedef struct pair {
    const char *query, *becomes;
} pair;

static void rewrite(const mn_names *names, const pair *row, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mn_buf out = {0};
        assert_ok(mn_names_rewrite(names, row[i].query, &out));
        const char *const got = out.data ? out.data : "";
        if (strcmp(got, row[i].becomes) != 0)
            fail_msg("\"%s\" became \"%s\", not \"%s\"", row[i].query, got, row[i].becomes);
        mn_buf_free(&out);
    }
}
#define REWRITE(names, rows) rewrite(&(names), rows, sizeof(rows) / sizeof *(rows))

static void names_become_i(void **s) {
    (void)s;
    const mn_names names = KNOWN("Ann", "Bob Lee", "J\xc3\xbcrgen", "O'Neil");
    static const pair rows[] = {
        {"", ""},
        {"what is new?", "what is new?"},
        {"What did Ann buy?", "What did I buy?"},
        {"what did ANN buy?", "what did I buy?"},
        {"Ann", "I"},
        {"Ann's dog", "my dog"},
        {"Ann\xe2\x80\x99s dog", "my dog"},
        {"the dog of Ann", "the dog of I"},
        {"Did Ann meet Bob?", "Did I meet I?"},
        {"Bob Lee's car", "my car"},
        {"Bob Smith", "I Smith"},
        {"Lee came", "Lee came"}, /* a family name alone is not how one is called */
        {"annual planning for Annie", "annual planning for Annie"},
        {"JURGEN said", "I said"}, /* accents do not count */
        {"(Ann)", "(I)"},
        {"AnnBob", "AnnBob"},
        {"What did O'Neil do?", "What did I do?"},
        {"Ann Ann's", "I my"},
        {"\xff"
         "Ann\xff",
         "\xff"
         "I\xff"}};
    REWRITE(names, rows);
}

/* A script without spaces: the name itself is replaced, nothing before or behind it. */
static void names_without_spaces(void **s) {
    (void)s;
    const mn_names names = KNOWN("\xe7\x94\xb0\xe4\xb8\xad");
    static const pair rows[] = {
        {"did \xe7\x94\xb0\xe4\xb8\xad come", "did I come"},
        {"\xe7\x94\xb0\xe4\xb8\xad", "I"},
        {"\xe7\x94\xb0\xe4\xb8\xad\xe3\x81\x95\xe3\x82\x93", "I\xe3\x81\x95\xe3\x82\x93"}};
    REWRITE(names, rows);
}

static void who_is_asked_about(void **s) {
    (void)s;
    const mn_names names = KNOWN("Ann", "Bob Lee", "Lee", "Ann Smith");
    assert_null(mn_names_about(&names, ""));
    assert_null(mn_names_about(&names, "what is new in Leeds?"));
    assert_string_equal(mn_names_about(&names, "what did ann do"), "Ann");
    assert_string_equal(mn_names_about(&names, "Ann said that Ann's dog"), "Ann");
    assert_string_equal(mn_names_about(&names, "did Ann meet Lee?"), "Ann");
    assert_string_equal(mn_names_about(&names, "what did Lee give Ann Smith?"), "Lee");
    assert_null(mn_names_about(&names, "did Ann and Lee meet?"));
    assert_null(mn_names_about(&names, "who was first, Ann or Lee?"));
    assert_string_equal(mn_names_about(&names, "Bob Lee's car"), "Bob Lee");
    assert_string_equal(mn_names_about(&names, "Lee's car"), "Lee");
    assert_string_equal(mn_names_about(&names, "Ann Smith's car"), "Ann Smith");
    const mn_names none = {.n = 0};
    assert_null(mn_names_about(&none, "Ann"));
}

static void who_asks_of_whom(void **s) {
    (void)s;
    assert_true(mn_names_self("Where do I live?"));
    assert_false(mn_names_self("What did you tell me?"));
    assert_true(mn_names_other("What did you tell me?"));
    assert_false(mn_names_other("Where do I live?"));
    assert_false(mn_names_self("Where does she live?") || mn_names_other("Where does she live?"));
}

static void words_of_names(void **s) {
    (void)s;
    const mn_names names = KNOWN("Ann", "Bob Leeds", "J\xc3\xbcrgen");
    assert_true(mn_names_has(&names, "ann", 3));
    assert_true(mn_names_has(&names, "bob", 3));
    assert_true(mn_names_has(&names, "leed", 4)); /* as mn_words_next gives it */
    assert_true(mn_names_has(&names, "jurgen", 6));
    assert_false(mn_names_has(&names, "an", 2));
    assert_false(mn_names_has(&names, "anna", 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_i), cmocka_unit_test(names_without_spaces),
        cmocka_unit_test(who_is_asked_about), cmocka_unit_test(who_asks_of_whom),
        cmocka_unit_test(words_of_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
