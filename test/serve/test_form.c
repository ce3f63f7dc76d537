/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/test_form.c - forms: what libraries send is read, what two readers might read
 * differently is refused.
 */
#include "test.h"

#include "serve/form.h"

static char body[70000];

static int read_form(const char *type, const char *text, size_t n,
                     mn_form_part part[MN_FORM_PARTS]) {
    assert_true(n <= sizeof body);
    memcpy(body, text, n);
    return mn_form_read(type, body, n, part);
}

#define TYPE        "multipart/form-data; boundary=b"
#define NAMED(name) "--b\r\nContent-Disposition: form-data; " name "\r\n\r\n"

static void a_form_is_cut_into_its_parts(void **state) {
    static const char text[] =
        NAMED("name=\"purpose\"") "batch\r\n"
                                  "--b \t\r\nContent-Type: "
                                  "text/plain\r\ncontent-DISPOSITION:form-data;name=file;"
                                  "filename=\"a "
                                  "\\\"b\\\".jsonl\"\r\n\r\n\r\n--\r\n--c\r\n\0x\r\n--b--"
                                  "\r\nwhatever --b";
    mn_form_part part[MN_FORM_PARTS];
    assert_int_equal(read_form(TYPE, text, sizeof text - 1, part), 2);
    assert_string_equal(part[0].name, "purpose");
    assert_null(part[0].filename);
    assert_int_equal(part[0].n, 5);
    assert_memory_equal(part[0].data, "batch", 5);
    assert_string_equal(part[1].name, "file");
    assert_string_equal(part[1].filename, "a \"b\".jsonl");
    assert_int_equal(part[1].n, 13);
    assert_memory_equal(part[1].data, "\r\n--\r\n--c\r\n\0x", 13);
}

static const struct {
    const char *type, *head, *name, *filename;
} names[] = {
    {TYPE, "name=\"a\"; filename=\"b\"", "a", "b"},
    {"Multipart/Form-Data; charset=utf-8; BOUNDARY=\"b\"", "name=a", "a", NULL},
    {TYPE "; x=y", "name=\"\xc3\xa4%22\"; filename=\"%E2%98%83\"", "\xc3\xa4\"", "\xe2\x98\x83"},
    {TYPE, "name=\"a\"; filename*=UTF-8''%e2%98%83; filename=\"x\"", "a", "\xe2\x98\x83"},
    {TYPE, "filename=\"x\"; filename*=utf-8''y ; name=a", "a", "y"},
    {TYPE, "name=\"a\"; filename*=latin-1''y", "a", NULL},
    {TYPE, "name=\"a\"; filename=\"\"", "a", ""},
    {TYPE, "name=\"a%\"; other=\"x\"", "a%", NULL},
    {TYPE, "name=\"a%4\"", "a%4", NULL},
    {TYPE, "name=\"..\\\\..\"; filename=\"../../x\"", "..\\..", "../../x"},
};

static void names_are_read_as_libraries_write_them(void **state) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mn_form_part part[MN_FORM_PARTS];
        char text[400];
        const int n = snprintf(text, sizeof text, NAMED("%s") "\r\n--b--", names[i].head);
        assert_int_equal(read_form(names[i].type, text, (size_t)n, part), 1);
        assert_string_equal(part[0].name, names[i].name);
        assert_int_equal(part[0].n, 0);
        if (names[i].filename)
            assert_string_equal(part[0].filename, names[i].filename);
        else
            assert_null(part[0].filename);
    }
}

static const struct {
    const char *type, *text, *sentence;
} refused[] = {
    {NULL, "--b--", "missing"},
    {"application/json", "{}", "application/json"},
    {"multipart/form-data", "--b--", "no boundary"},
    {"multipart/form-data; boundary=", "--b--", "1 to 70 bytes"},
    {"multipart/form-data; boundary=\"b", "--b--", "1 to 70 bytes"},
    {"multipart/form-data; boundary=\"b \"", "--b --", "1 to 70 bytes"},
    {"multipart/form-data; boundary=\x01", "--\x01--", "1 to 70 bytes"},
    {TYPE, "", "does not begin"},
    {TYPE, "\r\n--b--", "does not begin"},
    {TYPE, "--c--", "does not begin"},
    {TYPE, "--b", "behind a boundary"},
    {TYPE,
     "--b\n"
     "Content-Disposition: form-data; name=a\r\n\r\n\r\n--b--",
     "behind a boundary"},
    {TYPE, NAMED("name=a") "x\r\n--bc\r\n", "behind a boundary"},
    {TYPE, NAMED("name=a") "x", "last boundary"},
    {TYPE, NAMED("name=a") "x--b--", "last boundary"},
    {TYPE, NAMED("name=a") "x\n--b--", "last boundary"},
    {TYPE, "--b\r\nContent-Disposition: form-data; name=a\r\n", "end of its head"},
    {TYPE, "--b\r\n\r\nx\r\n--b--", "no Content-Disposition"},
    {TYPE, NAMED("filename=a") "x\r\n--b--", "no name"},
    {TYPE, NAMED("name=") "x\r\n--b--", "no name"},
    {TYPE, NAMED("name=\"%00\"") "x\r\n--b--", "no name"},
    {TYPE, NAMED("name=\"a") "x\r\n--b--", "without end"},
    {TYPE, NAMED("name") "x\r\n--b--", "malformed"},
    {TYPE, NAMED("name=\"%ff\"") "x\r\n--b--", "not UTF-8"},
    {TYPE, NAMED("name=a; filename=\"\xff\"") "x\r\n--b--", "not UTF-8"},
    {TYPE, NAMED("name=a\r\nContent-Disposition: form-data; name=b") "x\r\n--b--", "two lines"},
    {TYPE, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--", "not form-data"},
    {TYPE, NAMED("name=a") "x\r\n" NAMED("name=a") "y\r\n--b--", "two parts named a"},
};

static void what_is_no_form_is_refused(void **state) {
    mn_form_part part[MN_FORM_PARTS];
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *text = refused[i].text;
        assert_int_equal(read_form(refused[i].type, text, strlen(text), part), MN_EINVAL);
        if (!strstr(mn_error_detail(), refused[i].sentence))
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, mn_error_detail(), refused[i].sentence);
    }
}

static void parts_and_heads_are_bounded(void **state) {
    mn_form_part part[MN_FORM_PARTS];
    char text[6000], *at = text;
    for (int i = 0; i <= MN_FORM_PARTS; i++) {
        at += sprintf(at, NAMED("name=n%d") "\r\n", i);
        const int n = sprintf(at, "--b--");
        const int rc = read_form(TYPE, text, (size_t)(at - text + n), part);
        assert_int_equal(rc, i < MN_FORM_PARTS ? i + 1 : MN_EINVAL);
    }
    const int n = snprintf(text, sizeof text, "--b\r\nX: %05000d\r\n", 0);
    assert_int_equal(read_form(TYPE, text, (size_t)n, part), MN_EINVAL);
    assert_non_null(strstr(mn_error_detail(), "4096"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_cut_into_its_parts),
        cmocka_unit_test(names_are_read_as_libraries_write_them),
        cmocka_unit_test(what_is_no_form_is_refused),
        cmocka_unit_test(parts_and_heads_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
