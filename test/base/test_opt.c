/* SPDX-License-Identifier: Apache-2.0
 * test/base/test_opt.c - every kind of row, from argv, the environment and its default. */
#include "test.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/opt.h"

typedef struct shared_part {
    uint64_t memory;
} shared_part;

typedef struct opts {
    int quiet, loud, kv;
    int32_t n, top_k;
    uint64_t seed;
    float temp;
    const char *model;
    mn_opt_list files;
    shared_part common;
} opts;

static const mn_opt shared_rows[] = {{.kind = MN_OPT_BYTES,
                                      .name = "memory",
                                      .value = "SIZE",
                                      .offset = offsetof(shared_part, memory),
                                      .help = "limit"},
                                     {0}};
#define ROW(k, l, field, long_name, ...) \
    { .kind = k, .letter = l, .name = long_name, .offset = offsetof(opts, field), __VA_ARGS__ }
static const mn_opt table[] = {
    ROW(MN_OPT_FLAG, 'q', quiet, "quiet", .help = "say less"),
    ROW(MN_OPT_FLAG, 'l', loud, "loud", .help = "say more", .no_env = 1),
    ROW(MN_OPT_INT, 'n', n, "tokens", .value = "N", .min = -1, .max = 64, .help = "tokens"),
    ROW(MN_OPT_INT, 0, top_k, "top-k", .value = "N", .min = 1, .max = INT32_MAX, .standard = "40",
        .help = "candidates"),
    ROW(MN_OPT_U64, 0, seed, "seed", .value = "N", .help = "seed"),
    ROW(MN_OPT_FLOAT, 0, temp, "temp", .value = "X", .min = 0, .max = 2, .standard = "0.5",
        .help = "temperature"),
    ROW(MN_OPT_TEXT, 'm', model, "model", .value = "MODEL", .standard = "small", .help = "model"),
    ROW(MN_OPT_LIST, 'f', files, "file", .value = "FILE", .help = "a file"),
    ROW(MN_OPT_CHOICE, 0, kv, "kv", .choices = "f16|q8", .standard = "f16", .help = "KV"),
    {.kind = MN_OPT_ROWS, .rows = shared_rows, .offset = offsetof(opts, common)},
    {0}};

static opts o;
static const char *words[32];
static int n_words;

static const mn_opt_given *given;
static int n_given;

static int parse(const char *line) {
    static char copy[512], *argv[32];
    snprintf(copy, sizeof copy, "program %s", line);
    int argc = 0;
    for (char *save, *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
        argv[argc++] = p;
    mn_opt_free(table, &o);
    memset(&o, 0, sizeof o);
    return mn_opt_parse(table, &o, given, n_given, argc, argv, words, &n_words);
}

static void defaults(void **s) {
    (void)s;
    assert_ok(parse(""));
    assert_int_equal(o.quiet + o.n + (int)o.seed + o.kv, 0);
    assert_int_equal(o.top_k, 40);
    assert_true(o.temp == 0.5f);
    assert_string_equal(o.model, "small");
    assert_int_equal(n_words, 0);
}

static void forms(void **s) {
    (void)s;
    assert_ok(parse("--tokens=5 -q --top-k 7 one -m big --kv q8 two --temp=2 --memory 2G"));
    assert_int_equal(o.n, 5);
    assert_int_equal(o.quiet, 1);
    assert_int_equal(o.top_k, 7);
    assert_string_equal(o.model, "big");
    assert_int_equal(o.kv, 1);
    assert_true(o.temp == 2);
    assert_true(o.common.memory == 2ull << 30);
    assert_int_equal(n_words, 2);
    assert_string_equal(words[0], "one");
    assert_string_equal(words[1], "two");

    assert_ok(parse("-n5 -mx -qln-1")); /* joined, and flags in one bundle with a value */
    assert_int_equal(o.n, -1);
    assert_int_equal(o.quiet + o.loud, 2);
    assert_string_equal(o.model, "x");
    assert_ok(parse("-n 5 -n 6")); /* the last one counts */
    assert_int_equal(o.n, 6);
    assert_ok(parse("--seed 18446744073709551615 --model="));
    assert_true(o.seed == UINT64_MAX);
    assert_string_equal(o.model, "");
}

static void word_forms(void **s) {
    (void)s;
    assert_ok(parse("- -q -- -n --tokens --"));
    assert_int_equal(n_words, 4);
    assert_string_equal(words[0], "-");
    assert_string_equal(words[1], "-n");
    assert_string_equal(words[3], "--");
    assert_ok(parse("-m -")); /* "-" may be a value */
    assert_string_equal(o.model, "-");
}

static void lists(void **s) {
    (void)s;
    assert_ok(parse("-f a --file=b -fc"));
    assert_int_equal(o.files.n, 3);
    assert_string_equal(o.files.item[0], "a");
    assert_string_equal(o.files.item[2], "c");
    assert_fails(parse("-f a -f b --nonsense-here"), MN_EINVAL, "unknown option");
    assert_null(o.files.item); /* freed on failure */
    mn_alloc_fail_after(2);
    assert_fails(parse("-f a -f b"), MN_ENOMEM, "no memory");
    mn_alloc_fail_after(0);
    assert_null(o.files.item);
}

static void refused(void **s) {
    (void)s;
    assert_fails(parse("-n 65"), MN_EINVAL, "-n: '65' is not allowed; give a whole number between");
    assert_fails(parse("--tokens -2"), MN_EINVAL, "between -1 and 64");
    assert_fails(parse("--top-k 0"), MN_EINVAL, "at least 1");
    assert_fails(parse("--top-k 3000000000"), MN_EINVAL, "3000000000");
    assert_fails(parse("--top-k 5x"), MN_EINVAL, "5x");
    assert_fails(parse("--top-k="), MN_EINVAL, "''");
    assert_fails(parse("--temp nan"), MN_EINVAL, "a number between 0 and 2");
    assert_fails(parse("--temp inf"), MN_EINVAL, "inf");
    assert_fails(parse("--seed -1"), MN_EINVAL, "-1");
    assert_fails(parse("--seed 18446744073709551616"), MN_EINVAL, "whole number");
    assert_fails(parse("--kv f32"), MN_EINVAL, "--kv is f16 or q8, not 'f32'");
    assert_fails(parse("--kv f1"), MN_EINVAL, "f1");
    assert_fails(parse("--memory lots"), MN_EINVAL, "--memory: 'lots'");
    assert_fails(parse("--quiet=1"), MN_EINVAL, "takes no value");
    assert_fails(parse("--model"), MN_EINVAL, "--model needs a value: --model MODEL");
    assert_fails(parse("-n"), MN_EINVAL, "-n needs a value");
    assert_fails(parse("-x"), MN_EINVAL, "unknown option -x");
}

static void suggestions(void **s) {
    (void)s;
    assert_fails(parse("--modle x"), MN_EINVAL, "did you mean --model?");
    assert_fails(parse("--topk 3"), MN_EINVAL, "did you mean --top-k?");
    assert_fails(parse("--mem 3"), MN_EINVAL, "did you mean --memory?");
    assert_fails(parse("--zebra"), MN_EINVAL, "--help lists");
    static const char *const names[] = {"run", "chat", "pull", "models"};
    assert_string_equal(mn_opt_nearest("rnu", names, 4), "run");
    assert_string_equal(mn_opt_nearest("model", names, 4), "models");
    assert_null(mn_opt_nearest("x", names, 4));
    assert_null(mn_opt_nearest("", names, 4));
    char long_word[100];
    memset(long_word, 'a', 99);
    long_word[99] = 0;
    assert_null(mn_opt_nearest(long_word, names, 4));
}

static void environment(void **s) {
    (void)s;
    setenv("OMNESIA_TOP_K", "9", 1);
    setenv("OMNESIA_QUIET", "1", 1);
    setenv("OMNESIA_LOUD", "1", 1);   /* no_env */
    setenv("OMNESIA_FILE", "x y", 1); /* one item of a list */
    setenv("OMNESIA_MODEL", "", 1);   /* empty: as if unset */
    assert_ok(parse(""));
    assert_int_equal(o.top_k, 9);
    assert_int_equal(o.quiet, 1);
    assert_int_equal(o.loud, 0);
    assert_int_equal(o.files.n, 1);
    assert_string_equal(o.files.item[0], "x y");
    assert_string_equal(o.model, "small");
    assert_ok(parse("--top-k 3 -f a -f b"));
    assert_int_equal(o.top_k, 3);
    assert_int_equal(o.files.n, 2); /* those of the command line alone */
    assert_string_equal(o.files.item[0], "a");
    unsetenv("OMNESIA_FILE");
    setenv("OMNESIA_TOP_K", "many", 1);
    assert_fails(parse(""), MN_EINVAL, "OMNESIA_TOP_K: 'many'");
    unsetenv("OMNESIA_TOP_K");
    setenv("OMNESIA_QUIET", "yes", 1);
    assert_fails(parse(""), MN_EINVAL, "OMNESIA_QUIET: 'yes' is not allowed; give 0 or 1");
    unsetenv("OMNESIA_QUIET");
    setenv("OMNESIA_MEMORY", "50%", 1);
    assert_ok(parse(""));
    assert_true(o.common.memory == mn_budget_machine() / 2 ||
                o.common.memory + 1 >= mn_budget_machine() / 2);
    unsetenv("OMNESIA_MEMORY");
}

/* A file counts more than defaults, less than the environment and the command line. */
static void from_a_file(void **s) {
    (void)s;
    static const mn_opt_given good[] = {{"top-k", "5", "f:1: top-k"}, {"temp", "1", "f:2: temp"},
                                        {"file", "x", "f:3: file"},   {"file", "y", "f:4: file"},
                                        {"quiet", "1", "f:5: quiet"}, {"memory", "1G", "f:6"}};
    static const mn_opt_given wrong[] = {{"top-k", "0", "f:1: top-k"},
                                         {"nosuch", "1", "f:2: nosuch"},
                                         {"loud", "1", "f:3: loud"},
                                         {"quiet", "yes", "f:4: quiet"}};
    given = good, n_given = 6;
    assert_ok(parse(""));
    assert_int_equal(o.top_k, 5);
    assert_true(o.temp == 1);
    assert_int_equal(o.quiet, 1);
    assert_int_equal(o.files.n, 2);
    assert_true(o.common.memory == 1 << 30);
    setenv("OMNESIA_TOP_K", "6", 1);
    setenv("OMNESIA_FILE", "z", 1);
    assert_ok(parse("--temp 2"));
    assert_int_equal(o.top_k, 6);
    assert_true(o.temp == 2);
    assert_int_equal(o.files.n, 1);
    assert_string_equal(o.files.item[0], "z");
    assert_ok(parse("--top-k 7 -f a"));
    assert_int_equal(o.top_k, 7);
    assert_int_equal(o.files.n, 1);
    assert_string_equal(o.files.item[0], "a");
    unsetenv("OMNESIA_TOP_K");
    unsetenv("OMNESIA_FILE");
    n_given = 1;
    given = &wrong[0];
    assert_fails(parse(""), MN_EINVAL, "f:1: top-k: '0' is not allowed; give a whole number at");
    given = &wrong[1];
    assert_fails(parse(""), MN_EINVAL, "f:2: nosuch: there is no such option");
    given = &wrong[2];
    assert_fails(parse(""), MN_EINVAL, "f:3: loud: --loud is given on the command line only");
    given = &wrong[3];
    assert_fails(parse(""), MN_EINVAL, "f:4: quiet: 'yes' is not allowed; give 0 or 1");
    n_given = 0;
    assert_ptr_equal(mn_opt_find(table, "memory"), &shared_rows[0]);
    assert_null(mn_opt_find(table, "mem"));
}

static void printing(void **s) {
    (void)s;
    mn_buf out = {0};
    assert_ok(mn_opt_print(table, 100, &out));
    assert_non_null(strstr(out.data, "  -n, --tokens N     tokens (between -1 and 64; "
                                     "OMNESIA_TOKENS)\n"));
    assert_non_null(strstr(out.data, "      --top-k N      candidates (default: 40; at least 1; "
                                     "OMNESIA_TOP_K)\n"));
    assert_non_null(strstr(out.data, "  -f, --file FILE    a file (repeatable; OMNESIA_FILE)\n"));
    assert_non_null(strstr(out.data, "      --kv f16|q8    KV (default: f16; OMNESIA_KV)\n"));
    assert_non_null(strstr(out.data, "      --memory SIZE  limit (OMNESIA_MEMORY)\n"));
    mn_buf_clear(&out);
    assert_ok(mn_opt_print(table, 48, &out)); /* behind the words that fit */
    assert_non_null(strstr(out.data, "  -n, --tokens N     tokens (between -1 and 64;\n"
                                     "                     OMNESIA_TOKENS)\n"));
    mn_buf_free(&out);
    for (long n = 1; n < 12; n++) {
        mn_alloc_fail_after(n);
        const int rc = mn_opt_print(table, 100, &out);
        mn_alloc_fail_after(0);
        assert_true(rc == 0 || rc == MN_ENOMEM);
        mn_buf_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),    cmocka_unit_test(forms),       cmocka_unit_test(word_forms),
        cmocka_unit_test(lists),       cmocka_unit_test(refused),     cmocka_unit_test(suggestions),
        cmocka_unit_test(environment), cmocka_unit_test(from_a_file), cmocka_unit_test(printing)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mn_opt_free(table, &o);
    return failed;
}
