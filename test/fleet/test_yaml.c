/* SPDX-License-Identifier: Apache-2.0
 * test/fleet/test_yaml.c - YAML as JSON, with its lines; what is refused; bounds; no memory. */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "fleet/yaml.h"

static int parse(const char *text, json_t **out, json_t **lines) {
    return mn_yaml_parse("f", text, strlen(text), out, lines);
}

static void is(const char *yaml, const char *json) {
    json_t *got;
    mn_buf text = {0};
    assert_ok(parse(yaml, &got, NULL));
    assert_ok(mn_json_write(got, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9), &text));
    assert_string_equal(text.data, json);
    mn_buf_free(&text);
    json_decref(got);
}

static void forms(void **s) {
    (void)s;
    is("a: 1\nb: [x, y]\nc:\n  d: e\n  f:\n    - g\n    - h: i\n",
       "{\"a\":1,\"b\":[\"x\",\"y\"],\"c\":{\"d\":\"e\",\"f\":[\"g\",{\"h\":\"i\"}]}}");
    is("[~, null, Null, NULL, '']", "[null,null,null,null,\"\"]");
    is("a:\nb: ''", "{\"a\":null,\"b\":\"\"}");
    is("[true, True, TRUE, false, yes, no, on, off, tRue]",
       "[true,true,true,false,\"yes\",\"no\",\"on\",\"off\",\"tRue\"]");
    is("[1, -1, +1, 012, 0, 0x1F, 0o17, 9223372036854775807, 1_000, 0x, 08]",
       "[1,-1,1,12,0,31,15,9223372036854775807,\"1_000\",\"0x\",8]");
    is("[1.5, -.5, 1., 1e3, 1E-2, +0.25, 007.5, ., -, 1.2.3, e3, 1e]",
       "[1.5,-0.5,1.0,1000.0,0.01,0.25,7.5,\".\",\"-\",\"1.2.3\",\"e3\",\"1e\"]");
    is("['1', \"true\", \"~\", \"\\u00e9\\n\"]", "[\"1\",\"true\",\"~\",\"\u00e9\\n\"]");
    is("a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}");
    is("{\"a\": [1, {\"b\": null}], \"c\": \"d\"}", "{\"a\":[1,{\"b\":null}],\"c\":\"d\"}");
    is("1: a\ntrue: b\n'': c", "{\"1\":\"a\",\"true\":\"b\",\"\":\"c\"}");
    is("# only a comment\n--- \n...\n", "null");
    is("\xef\xbb\xbf"
       "a: b\r\nc: d\r\n",
       "{\"a\":\"b\",\"c\":\"d\"}");
    is("text", "\"text\"");
}

static void lines_are(void **s) {
    (void)s;
    json_t *json, *lines;
    assert_ok(parse("# c\nrobots:\n  - name: a\n    hands: [l,\n      r]\n  - name: b\n"
                    "    reach: 1\nlast: x",
                    &json, &lines));
    assert_int_equal(mn_yaml_line(lines, "robots"), 2);
    assert_int_equal(mn_yaml_line(lines, "robots/0"), 3);
    assert_int_equal(mn_yaml_line(lines, "robots/0/hands/1"), 5);
    assert_int_equal(mn_yaml_line(lines, "robots/1/name"), 6);
    assert_int_equal(mn_yaml_line(lines, "robots/1/reach"), 7);
    assert_int_equal(mn_yaml_line(lines, "robots/1/speed"), 6); /* what is around it */
    assert_int_equal(mn_yaml_line(lines, "last"), 8);
    assert_int_equal(mn_yaml_line(lines, "nothing"), 2);
    assert_int_equal(mn_yaml_line(NULL, "robots"), 0);
    assert_fails(mn_yaml_wrong("w.yaml", lines, "robots/1/reach", "%d m is too far", 9), MN_EINVAL,
                 "w.yaml:7: robots/1/reach: 9 m is too far");
    assert_fails(mn_yaml_wrong("w.yaml", NULL, "", "no"), MN_EINVAL, "w.yaml: no");
    json_decref(lines);
    json_decref(json);
}

static void refused_is(const char *yaml, int code, const char *says) {
    json_t *json, *lines;
    assert_fails(parse(yaml, &json, &lines), code, says);
    assert_null(json);
    assert_null(lines);
}

static void refused(void **s) {
    (void)s;
    refused_is("", MN_EINVAL, "f: there is nothing in it");
    refused_is("# c\n", MN_EINVAL, "f: there is nothing in it");
    refused_is("a: 1\nb:\n  c: 2\n  c: 3", MN_EINVAL,
               "f:4: b/c: this key stands here twice, first in line 3");
    refused_is("a: 1\nb: [1, &x 2]", MN_EINVAL, "f:2: b/1: anchors (&)");
    refused_is("a: 1\nb: &x [1]", MN_EINVAL, "f:2: b: anchors (&)");
    refused_is("a: *x", MN_EINVAL, "f:1: a: aliases (*)");
    refused_is("a: !!int 1", MN_EINVAL, "f:1: a: tags (!)");
    refused_is("a: !x {b: 1}", MN_EINVAL, "f:1: a: tags (!)");
    refused_is("a: [1, 2\n\n", MN_EINVAL, "this is no YAML");
    refused_is("a: 1\n\tb: 2", MN_EINVAL, "f:2: this is no YAML");
    refused_is("a: 1\n---\nb: 2", MN_EINVAL, "f:2: a second document");
    refused_is("? [a]\n: 1", MN_EINVAL, "f:1: a key is a text");
    refused_is("a: .inf", MN_EINVAL, "f:1: a: .inf is no number");
    refused_is("a: -.Inf", MN_EINVAL, "f:1: a: -.Inf is no number");
    refused_is("a: .nan", MN_EINVAL, "f:1: a: .nan is no number");
    refused_is("a: 9223372036854775808", MN_EINVAL, "more than 64 bits");
    refused_is("a: 1e999", MN_EINVAL, "f:1: a: 1e999 is no number");
    refused_is("a: \"x\\0y\"", MN_EINVAL, "f:1: a: a zero byte");
    refused_is("a: \xff", MN_EINVAL, "f is not UTF-8");
    refused_is("a: \x01", MN_EINVAL, "f:1: this is no YAML");
    json_t *json;
    assert_fails(mn_yaml_read("/nowhere/x.yaml", &json, NULL), MN_ENOENT, "/nowhere/x.yaml");
    assert_null(json);
}

static void bounds(void **s) {
    (void)s;
    mn_buf b = {0};
    for (int i = 0; i < 32; i++) assert_ok(mn_buf_puts(&b, "["));
    for (int i = 0; i < 32; i++) assert_ok(mn_buf_puts(&b, "]"));
    json_t *json;
    assert_ok(parse(b.data, &json, NULL));
    json_decref(json);
    mn_buf_clear(&b);
    for (int i = 0; i < 33; i++) assert_ok(mn_buf_puts(&b, "["));
    refused_is(b.data, MN_ETOOLONG, "f:1: more than 32 levels");
    mn_buf_clear(&b);
    assert_ok(mn_buf_puts(&b, "["));
    for (int i = 0; i < 100001; i++) assert_ok(mn_buf_puts(&b, "1,\n"));
    assert_ok(mn_buf_puts(&b, "]"));
    refused_is(b.data, MN_ETOOLONG, "more than 100000 values");
    mn_buf_clear(&b);
    for (int i = 0; i < 300; i++) assert_ok(mn_buf_puts(&b, "k"));
    assert_ok(mn_buf_puts(&b, ": 1"));
    refused_is(b.data, MN_EINVAL, "f:1: a key of 300 bytes");
    assert_ok(mn_buf_reserve(&b, 5 << 20));
    assert_fails(mn_yaml_parse("f", b.data, 5 << 20, &json, NULL), MN_ETOOLONG,
                 "f has 5242880 bytes");
    mn_buf_free(&b);
}

/* A path that is cut has the line of what is around it, and nothing is written behind it. */
static void long_paths(void **s) {
    (void)s;
    char key[200], text[2048];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = 0;
    snprintf(text, sizeof text, "%s:\n  %s:\n    %s: 1\n    b: [1, 2]\n", key, key, key);
    json_t *json, *lines;
    char path[512];
    assert_ok(parse(text, &json, &lines));
    snprintf(path, sizeof path, "%s/%s", key, key);
    assert_int_equal(mn_yaml_line(lines, key), 1);
    assert_int_equal(mn_yaml_line(lines, path), 1);
    json_decref(lines);
    json_decref(json);
}

static void no_memory(void **s) {
    (void)s;
    static const char text[] = "a: 1\nb: [x, 2.5, {c: d}]\ne: 'f'\n";
    int failed = 0;
    for (long n = 1;; n++) {
        json_t *json, *lines;
        mn_alloc_fail_after(n);
        const int rc = parse(text, &json, &lines);
        const int all = mn_alloc_fail_left() > 0;
        mn_alloc_fail_after(0);
        if (rc < 0) assert_true(!json && !lines);
        if (rc < 0) failed++;
        json_decref(lines);
        json_decref(json);
        if (all) break;
        assert_true(rc < 0);
    }
    assert_true(failed > 10);
}

int main(void) {
    json_set_alloc_funcs(mn_malloc, mn_free);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),  cmocka_unit_test(lines_are),  cmocka_unit_test(refused),
        cmocka_unit_test(bounds), cmocka_unit_test(long_paths), cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
