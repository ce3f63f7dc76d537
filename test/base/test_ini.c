/* SPDX-License-Identifier: Apache-2.0
 * test/base/test_ini.c - every form a line of an INI file may have, and those it may not. */
#include "test.h"

#include "base/buf.h"
#include "base/ini.h"

static mn_buf seen;
static int stop_at;

static int hear(void *user, const mn_ini_entry *e) {
    (void)user;
    assert_ok(mn_buf_printf(&seen, "%d:%s.%s=%s|", e->line, e->section, e->key, e->value));
    return e->line == stop_at ? MN_FAIL(MN_EBUSY, "stopped at %d", stop_at) : 0;
}

static int parse(const char *text) {
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    mn_buf_clear(&seen);
    assert_ok(mn_buf_puts(&seen, ""));
    return mn_ini_parse("f", copy, strlen(copy), hear, NULL);
}

static void forms(void **s) {
    (void)s;
    assert_ok(parse("# c\n;c\n\n  [ a ]  \n k = v \nk2=\n\tk3\t=\ta = b # c\r\n[b c]\nk=1"));
    assert_string_equal(seen.data, "5:a.k=v|6:a.k2=|7:a.k3=a = b # c|9:b c.k=1|");
    assert_ok(parse(""));
    assert_ok(parse("\n\n"));
    assert_ok(parse("[a]"));
    assert_string_equal(seen.data, "");
    assert_ok(parse("[a]\nk=\" a\\tb\\n\\\"c\\\\ \"\nk=\"\"\nk=a\"b\"\nk=a\\n\n"));
    assert_string_equal(seen.data, "2:a.k= a\tb\n\"c\\ |3:a.k=|4:a.k=a\"b\"|5:a.k=a\\n|");
    char text[300] = "[a]\nk="; /* no length of a line is too long */
    memset(text + 6, 'x', sizeof text - 7);
    assert_ok(parse(text));
    assert_int_equal(seen.len, strlen("2:a.k=|") + sizeof text - 7);
}

static void refused(void **s) {
    (void)s;
    assert_fails(parse("[a]\n\nk"), MN_EINVAL, "f:3: neither [section] nor key = value");
    assert_fails(parse("[a]\n = v"), MN_EINVAL, "f:2: neither");
    assert_fails(parse("k = v"), MN_EINVAL, "f:1: k: this stands before the first [section]");
    assert_fails(parse("[a"), MN_EINVAL, "f:1: a section is written [name]");
    assert_fails(parse("[a] b"), MN_EINVAL, "f:1: a section is written [name]");
    assert_fails(parse("[a[b]]"), MN_EINVAL, "f:1: a section is written [name]");
    assert_fails(parse("[]"), MN_EINVAL, "f:1: a section is written [name]");
    assert_fails(parse("[  ]"), MN_EINVAL, "f:1: the section has no name");
    assert_fails(parse("[a]\nk=\"v"), MN_EINVAL, "f:2: k: a value that begins with \" ends");
    assert_fails(parse("[a]\nk=\""), MN_EINVAL, "f:2: k: a value that begins");
    assert_fails(parse("[a]\nk=\"a\"b"), MN_EINVAL, "f:2: k: a value that begins");
    assert_fails(parse("[a]\nk=\"a\\"), MN_EINVAL, "f:2: k: a \\ in quotes stands before n,");
    assert_fails(parse("[a]\nk=\"\\x\""), MN_EINVAL, "f:2: k: a \\ in quotes");
    assert_fails(parse("[a]\nk=\xff"), MN_EINVAL, "f");
    char zero[] = "[a]\nk=\0v";
    assert_fails(mn_ini_parse("f", zero, sizeof zero - 1, hear, NULL), MN_EINVAL, "f");
    stop_at = 3;
    assert_fails(parse("[a]\nk=1\nk=2\nk=3"), MN_EBUSY, "stopped at 3");
    assert_string_equal(seen.data, "2:a.k=1|3:a.k=2|");
    stop_at = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(refused)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mn_buf_free(&seen);
    return failed;
}
