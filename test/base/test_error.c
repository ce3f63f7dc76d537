/* SPDX-License-Identifier: Apache-2.0
 * test/base/test_error.c - sentences, budget words, buffers. */
#include "test.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/buf.h"

static void sentence(void **s) {
    (void)s;
    assert_int_equal(MN_FAIL(MN_ENOENT, "no %s in %d", "cat", 7), MN_ENOENT);
    assert_string_equal(mn_error_detail(), "no cat in 7");
    MN_FAIL(MN_EIO, "again: %s", mn_error_detail());
    assert_string_equal(mn_error_detail(), "again: no cat in 7");
}

/* A name out of a hostile file cannot steer the terminal that shows the sentence. */
static void calm(void **s) {
    (void)s;
    MN_FAIL(MN_EINVAL, "key '%s' twice", "a\033[2J\r\n\x7f\xC2\x9B\xC3\xA9");
    assert_string_equal(mn_error_detail(), "key 'a?[2J?????\xC3\xA9' twice");
}

static void budget(void **s) {
    (void)s;
    uint64_t n;
    assert_ok(mn_budget_parse("2G", &n));
    assert_int_equal(n, 2ull << 30);
    assert_ok(mn_budget_parse("1.5m", &n));
    assert_int_equal(n, 3 << 19);
    assert_ok(mn_budget_parse("100%", &n));
    assert_int_equal(n, mn_budget_machine());
    assert_fails(mn_budget_parse("-3", &n), MN_EINVAL, "-3");
    assert_fails(mn_budget_parse("101%", &n), MN_EINVAL, "50%");
    assert_fails(mn_budget_parse("2Q", &n), MN_EINVAL, "2Q");
    mn_budget_set(1000000);
    void *p;
    assert_fails(mn_alloc_pages(2000000, "test pages", &p), MN_EFULL, "test pages needs 2.0 MB");
    assert_ok(mn_alloc_pages(900000, "test pages", &p));
    assert_int_equal(mn_budget_used(), 900000);
    mn_free_pages(p, 900000);
    assert_int_equal(mn_budget_used(), 0);
    mn_budget_set(0);
}

static void buffer(void **s) {
    (void)s;
    mn_buf b = {.limit = 10};
    assert_ok(mn_buf_printf(&b, "%d-%s", 12, "abc"));
    assert_string_equal(b.data, "12-abc");
    assert_fails(mn_buf_puts(&b, "12345"), MN_ETOOLONG, "10 bytes");
    assert_string_equal(b.data, "12-abc");
    mn_alloc_fail_after(1);
    b.limit = 0;
    assert_int_equal(mn_buf_reserve(&b, 1000), MN_ENOMEM);
    mn_alloc_fail_after(0);
    mn_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sentence), cmocka_unit_test(calm),
                                       cmocka_unit_test(budget), cmocka_unit_test(buffer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
