/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/test_auth.c - keys are known, tenants differ, the secret stays; and the time a check
 * takes says nothing (Welch's t-test, reliability row 13; in full twenty pairs of wrong keys, each
 * checked 100,000 times).
 */
#include "test.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "serve/auth.h"
#include "soak.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], keys[300], secret[300];

static void write_keys(const char *text) {
    FILE *f = fopen(keys, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make(void **state) {
    snprintf(folder, sizeof folder, "%s/omnesia-auth-XXXXXX", P_tmpdir);
    if (!mkdtemp(folder)) return -1;
    snprintf(keys, sizeof keys, "%s/keys", folder);
    snprintf(secret, sizeof secret, "%s/serve.secret", folder);
    return setenv("OMNESIA_DATA", folder, 1);
}

static int unmake(void **state) {
    unlink(keys);
    unlink(secret);
    return rmdir(folder);
}

static void keys_are_known_and_nothing_else_is(void **state) {
    mn_auth a;
    write_keys("# comment\nanna:first\r\n\nben:second:with-colon\n");
    assert_ok(mn_auth_open(keys, &a));
    assert_int_equal(a.n, 2);
    assert_string_equal(mn_auth_find(&a, "first")->name, "anna");
    assert_string_equal(mn_auth_find(&a, "second:with-colon")->name, "ben");
    assert_null(mn_auth_find(&a, ""));
    assert_null(mn_auth_find(&a, "firs"));
    assert_null(mn_auth_find(&a, "first "));
    assert_null(mn_auth_find(&a, "anna"));
    mn_auth_close(&a);
}

static void tenants_depend_on_key_secret_and_salt_alone(void **state) {
    mn_auth a, again;
    uint8_t one[32], two[32];
    write_keys("anna:first\nben:second\n");
    assert_ok(mn_auth_open(keys, &a));
    write_keys("ben:second\ncarl:third\nanna:first\n");
    assert_ok(mn_auth_open(keys, &again));
    assert_memory_equal(a.key[0].tenant, again.key[2].tenant, 32);
    assert_memory_not_equal(a.key[0].tenant, a.key[1].tenant, 32);
    assert_memory_not_equal(a.key[0].tenant, a.key[0].hash, 32);
    mn_auth_salt(&a, a.key[0].tenant, "s", one);
    mn_auth_salt(&a, a.key[1].tenant, "s", two);
    assert_memory_not_equal(one, two, 32);
    mn_auth_salt(&a, a.key[0].tenant, "", two);
    assert_memory_not_equal(one, two, 32);
    assert_memory_not_equal(a.key[0].tenant, two, 32);
    mn_auth_salt(&a, NULL, "s", two);
    assert_memory_not_equal(one, two, 32);
    mn_auth_close(&again);
    unlink(secret); /* another installation */
    assert_ok(mn_auth_open(keys, &again));
    assert_memory_not_equal(a.key[0].tenant, again.key[2].tenant, 32);
    mn_auth_close(&again);
    mn_auth_close(&a);
}

static void the_secret_is_ours_alone_and_whole(void **state) {
    mn_auth a;
    struct stat st;
    assert_ok(mn_auth_open(NULL, &a));
    assert_int_equal(stat(secret, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    mn_auth_close(&a);
    assert_int_equal(truncate(secret, 31), 0);
    assert_fails(mn_auth_open(NULL, &a), MN_ECORRUPT, "31");
    unlink(secret);
}

static void bad_key_files_are_refused_with_the_line(void **state) {
    static const char *const bad[][2] = {{"anna\n", "line 1"},      {"a:b\n:c\n", "line 2"},
                                         {"a:b\nd:\n", "line 2"},   {"a:b c\n", "blanks"},
                                         {"a:\xc3\xa9\n", "ASCII"}, {"a:b\nc:b\n", "same key as a"},
                                         {"", "no keys"},           {"# a:b\n", "no keys"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_auth a;
        write_keys(bad[i][0]);
        assert_fails(mn_auth_open(keys, &a), MN_EINVAL, bad[i][1]);
    }
}

static void every_allocation_may_fail(void **state) {
    mn_auth a;
    write_keys("anna:first\nben:second\n");
    for (long n = 1; n < 200; n++) {
        mn_alloc_fail_after(n);
        const int rc = mn_auth_open(keys, &a);
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        if (rc >= 0) mn_auth_close(&a);
        if (left > 0) return;
        assert_true(rc == MN_ENOMEM || rc >= 0);
    }
    fail_msg("it never succeeded");
}

static const char right[] = "0123456789abcdef0123456789abcdef";

/* Nanoseconds of one check of `key`, which lies at the same place each time. */
static double time_of(const mn_auth *a, const char *key) {
    static char place[64];
    memset(place, 0, sizeof place);
    memcpy(place, key, strlen(key));
    const uint64_t began = mn_clock_ns();
    assert_null(mn_auth_find(a, place));
    if (soak_planted()) /* a comparison that stops where keys differ */
        for (int i = 0; place[i] == right[i]; i++)
            for (volatile int k = 0; k < 50; k++)
                ;
    return (double)(mn_clock_ns() - began);
}

/* Welch's t of the times of `rounds` checks of two wrong keys, taken in turn. */
static double t_of(const mn_auth *a, const char *const pair[2], int rounds) {
    double sum[2] = {0}, square[2] = {0}, n[2] = {0}, mean[2], var[2];
    for (int i = 0; i < 2 * rounds; i++) {
        const double t = time_of(a, pair[i & 1]);
        if (t > 50000) continue; /* somebody else had the processor */
        sum[i & 1] += t;
        square[i & 1] += t * t;
        n[i & 1]++;
    }
    for (int k = 0; k < 2; k++) {
        mean[k] = sum[k] / n[k];
        var[k] = square[k] / n[k] - mean[k] * mean[k];
    }
    const double t = (mean[0] - mean[1]) / sqrt(var[0] / n[0] + var[1] / n[1]);
    printf("t = %.2f of %d checks each (mean %.0f ns)\n", t, rounds, mean[0]);
    return fabs(t);
}

/* A busy machine may fool one round; a comparison that stops early shows in each. */
static double least_t(const char *const pair[2], int rounds) {
    mn_auth a;
    double least = 1e9;
    write_keys("anna:0123456789abcdef0123456789abcdef\n");
    assert_ok(mn_auth_open(keys, &a));
    for (int i = 0; i < 4 && least >= 4.5; i++) {
        const double t = t_of(&a, pair, rounds);
        if (t < least) least = t;
    }
    mn_auth_close(&a);
    return least;
}

static void how_much_of_a_key_is_right_takes_no_time_to_tell(void **state) {
    static const char *const pair[2] = {"X123456789abcdef0123456789abcdef",
                                        "0123456789abcdef0123456789abcdeX"};
    assert_true(least_t(pair, 20000) < 4.5);
}

/* Case i: of two wrong keys one differs at place i from the right one, one at another place, or it
 * is a byte longer. */
static void no_place_of_a_key_takes_time_to_tell(void **state) {
    soak s = soak_begin(20);
    for (long i = s.first; i < s.end; i++) {
        char one[40] = "", other[40] = "";
        strcpy(one, right), strcpy(other, right);
        one[i] = 'X';
        if (i % 4 == 3)
            strcat(other, "X");
        else
            other[31 - i % 8] = 'Y';
        if (least_t((const char *const[2]){one, other}, soak_planted() ? 2000 : 100000) >= 4.5)
            fail_msg("keys wrong at %ld and \"%s\" take different times", i, other);
    }
    soak_end(&s, s.end - s.first);
}

int main(void) {
    const struct CMUnitTest full[] = {cmocka_unit_test(no_place_of_a_key_takes_time_to_tell)};
    if (soak_asked()) return cmocka_run_group_tests(full, make, unmake);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_known_and_nothing_else_is),
        cmocka_unit_test(tenants_depend_on_key_secret_and_salt_alone),
        cmocka_unit_test(the_secret_is_ours_alone_and_whole),
        cmocka_unit_test(bad_key_files_are_refused_with_the_line),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(how_much_of_a_key_is_right_takes_no_time_to_tell),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
