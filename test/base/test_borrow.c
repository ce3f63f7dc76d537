/* SPDX-License-Identifier: Apache-2.0
 *
 * test/base/test_borrow.c - libraries that are there, are not, lack a call, are another version.
 */
#include "test.h"

#include "base/borrow.h"
#include "base/error.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 8 };
static struct {
    size_t (*length)(const char *text);
    int (*order)(const char *a, const char *b);
} calls;
static const char *const names[] = {"strlen", "strcmp"}, *const odd[] = {"strlen", "no_such_call"};

static mn_borrow of(const char *file, const char *const *what) {
    return (mn_borrow){"Texts are counted by", file, "libc6", what, 2, &calls, NULL, 0, 0, ""};
}

static void there(void **unused) {
    (void)unused;
    mn_borrow lib = of("libc.so.6", names);
    assert_int_equal(mn_borrow_load(&lib), 0);
    assert_int_equal(mn_borrow_load(&lib), 0);
    assert_int_equal(calls.length("four"), 4);
    assert_true(calls.order("a", "b") < 0);
}

static void refused(mn_borrow *lib, const char *why) {
    for (int again = 0; again < 2; again++) {
        assert_int_equal(mn_borrow_load(lib), MN_EUNSUPPORTED);
        assert_non_null(strstr(mn_error_detail(), "Texts are counted by"));
        assert_non_null(strstr(mn_error_detail(), why));
        assert_non_null(strstr(mn_error_detail(), "package libc6"));
    }
}

static int another(char *why, size_t room) {
    snprintf(why, room, "it is version 7");
    return 0;
}

static void missing(void **unused) {
    (void)unused;
    mn_borrow none = of("libnone.so.9", names), lacks = of("libc.so.6", odd),
              old = of("libc.so.6", names);
    refused(&none, "libnone.so.9, which cannot be used here (libnone.so.9: cannot open");
    refused(&lacks, "(it has no no_such_call)");
    old.fits = another;
    refused(&old, "(it is version 7)");
}

static void *load(void *lib) {
    return mn_borrow_load(lib) || calls.length("all") != 3 ? lib : NULL;
}

static void from_many_threads(void **unused) {
    (void)unused;
    mn_borrow lib = of("libc.so.6", names);
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&t[i], NULL, load, &lib), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(t[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(there), cmocka_unit_test(missing),
                                       cmocka_unit_test(from_many_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
