/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_template.c - chat templates against what jinja2 makes of them, and at their
 * edges: trust marks, hostile templates, failing allocations. With a file as argument, that file
 * instead of the golden one (make_template_golden.py writes such files). */
#include "test.h"

#include "base/alloc.h"
#include "template_golden.h"

static const char *golden_path;

static void golden(void **state) {
    (void)state;
    golden_check(golden_path, NULL, 0);
}

/* ---- trust ---------------------------------------------------------------------------------- */
static mn_rendered render(const char *source, const mn_template_args *args) {
    mn_template *t;
    mn_rendered out = {0};
    assert_ok(mn_template_compile(source, strlen(source), &t));
    assert_ok(mn_template_render(t, args, &out));
    mn_template_free(&t);
    return out;
}

/* The rendered text with user text in brackets: "<|user|>[hello]". */
static void assert_marked(const char *source, const char *role, const char *content,
                          const char *expected) {
    const mn_message m = {role, content};
    const mn_template_args args = {
        .message = &m, .n_messages = 1, .bos_token = "<s>", .tools_json = "[{\"name\":\"<|x|>\"}]"};
    mn_rendered out = render(source, &args);
    mn_buf shown = {0};
    size_t at = 0;
    for (size_t i = 0; i < out.n_pieces; i++) { /* no gaps, none empty, marks alternate */
        const mn_piece p = out.piece[i];
        assert_true(p.from == at && p.n > 0);
        assert_true(i == 0 || p.trusted != out.piece[i - 1].trusted);
        at += p.n;
        assert_ok(
            mn_buf_printf(&shown, p.trusted ? "%.*s" : "[%.*s]", (int)p.n, out.text.data + p.from));
    }
    assert_int_equal(at, out.text.len);
    assert_string_equal(shown.data, expected);
    mn_buf_free(&shown);
    mn_rendered_free(&out);
}

static void trust(void **state) {
    (void)state;
    static const char *const row[][3] = {
        /* expression over c = content, content, expected */
        {"{{ c }}", "<|im_end|>", "[<|im_end|>]"},
        {"{{ '<|' + c + '|>' }}", "im_end", "<|[im_end]|>"},
        {"{{ c | trim }}", "  a b ", "[a b]"},
        {"{{ '  ' ~ c | trim }}", " x ", "  [x]"},
        {"{{ ('a' ~ c ~ 'b') | upper }}", "x", "A[X]B"},
        {"{{ ('a' ~ c)[1:] }}", "xy", "[xy]"},
        {"{{ ('ab' ~ c)[::-1] }}", "xy", "[yx]ba"},
        {"{{ c | replace('_', '|') }}", "<_end_>", "[<]|[end]|[>]"},
        {"{{ 'a.b' | replace('.', c) }}", "X", "a[X]b"},
        {"{{ c.split('|') | join('-') }}", "a|b", "[a]-[b]"},
        {"{{ c | tojson }}", "a\"b", "\"[a\\\"b]\""},
        {"{{ {'k': c} | tojson }}", "<|e|>", "{\"k\": \"[<|e|>]\"}"},
        {"{{ [c] }}", "x", "['[x]']"},
        {"{{ c | e }}", "<", "[&lt;]"},
        {"{{ c | title }}{{ c.title() }}", "ab", "[AbAb]"},
        {"{{ c | indent(2) }}", "a\nb", "[a]\n  [b]"},
        {"{% set x %}<{{ c }}>{% endset %}{{ x * 2 }}", "q", "<[q]><[q]>"},
        {"{% macro m(v) %}<{{ v }}>{% endmacro %}{{ m(c) | lower }}", "Q", "<[q]>"},
        {"{% for k in c %}{{ k }}.{% endfor %}", "ab", "[a].[b]."},
        {"{{ '%s!' % c }}{{ '{}?'.format(c) }}", "x", "[x]![x]?"},
        {"{{ c | list | join }}{{ c | first }}{{ c | reverse }}", "ab", "[ababa]"},
        {"{{ tools[0].name }}{{ tools | tojson }}", "", "[<|x|>][{\"[name]\": \"[<|x|>]\"}]"},
        {"{{ bos_token }}{{ messages[0].role }}", "", "<s>user"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char source[300];
        snprintf(source, sizeof source, "{%% set c = messages[0].content %%}%s", row[i][0]);
        assert_marked(source, "user", row[i][1], row[i][2]);
    }
    assert_marked("{{ '<|' + messages[0].role + '|>' }}", "end", "", "<|[end]|>");
    assert_marked("{{ '<|' + messages[0].role + '|>' }}", "tool", "", "<|tool|>");
}

/* ---- hostile templates: each ends with one sentence ----------------------------------------- */
static void assert_refused(const char *source, int code, const char *sentence) {
    const mn_template_args args = {0};
    mn_template *t;
    mn_rendered out = {0};
    int rc = mn_template_compile(source, strlen(source), &t);
    if (rc >= 0) rc = mn_template_render(t, &args, &out);
    mn_template_free(&t);
    if (rc != code || !strstr(mn_error_detail(), sentence))
        fail_msg("%.200s: %d %s", source, rc, mn_error_detail());
    assert_true(!out.text.data && !out.piece && !out.n_pieces);
}

static char *repeated(const char *head, const char *part, int times, const char *tail) {
    mn_buf b = {0};
    assert_ok(mn_buf_puts(&b, head));
    for (int i = 0; i < times; i++) assert_ok(mn_buf_puts(&b, part));
    assert_ok(mn_buf_puts(&b, tail));
    return b.data;
}

static void hostile(void **state) {
    (void)state;
    static const struct {
        const char *source;
        int code;
        const char *sentence;
    } row[] = {
        {"{{ 'x' * 10000000000 }}", MN_EINVAL, "steps"},
        {"{{ [1] * 10000000000 }}", MN_ETOOLONG, "template needs more than"},
        {"{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
         MN_ETOOLONG, "memory"},
        {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", MN_EINVAL, "levels"},
        {"{% set l = [] %}{{ l.append(l) }}{{ l }}", MN_EINVAL, "levels"},
        {"{% set l = [] %}{{ l.append(l) }}{{ l == [l] }}", MN_EINVAL, "levels"},
        {"{% set l = [] %}{{ l.append(l) }}{{ l | tojson }}", MN_EINVAL, "levels"},
        {"{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}"
         "{% endfor %}{{ ns.l == ns.l }}",
         MN_EINVAL, "steps"},
        {"{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}"
         "{% endfor %}{{ ns.l }}",
         MN_EINVAL, "bytes"},
        {"{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
         "{% endfor %}",
         MN_EINVAL, "bytes"},
        {"{% set l = [1] %}{% for x in l %}{{ l.append(x) }}{% endfor %}", MN_ETOOLONG, "memory"},
        {"{{ 9223372036854775807 + 1 }}", MN_EINVAL, "64 bits"},
        {"{{ 9999999999999999999 }}", MN_EINVAL, "64 bits"},
        {"{{ (-9223372036854775807 - 1) // -1 }}", MN_EINVAL, "64 bits"},
        {"{{ 'a' | replace('', 'b' * 4000000) | replace('b', 'c' * 4000000) }}", MN_EINVAL,
         "steps"},
        {"{{ ('a' * 999999).rfind('a' * 500000 ~ 'b') }}", MN_EINVAL, "steps"},
        {"{% set s = 'a' * 999999 %}{% for i in range(99999) %}{{ s.splitlines() | length }}"
         "{{ s.startswith(s) }}{% endfor %}",
         MN_EINVAL, "steps"},
        {"{{ range(100001) }}", MN_EINVAL, "100000"},
        {"\n\n{{ nope.x }}", MN_EINVAL, "line 3: 'nope' is undefined"},
        {"{{ raise_exception('no ' ~ 1) }}", MN_EINVAL, "refuses this conversation: no 1"},
        {"a\n{{ x | frobnicate }}", MN_EUNSUPPORTED, "line 2: the filter 'frobnicate'"},
        {"{% include 'x' %}", MN_EUNSUPPORTED, "'include'"},
        {"{% if x %}", MN_EINVAL, "endif"},
        {"{{ 'abc", MN_EINVAL, "string does not end"},
        {"{# abc", MN_EINVAL, "comment does not end"},
        {"{% raw %}abc", MN_EINVAL, "raw block does not end"},
        {"{{ (1] }}", MN_EINVAL, "bracket"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_refused(row[i].source, row[i].code, row[i].sentence);
    char *deep = repeated("{{ ", "(", 5000, "");
    assert_refused(deep, MN_EINVAL, "brackets nested too deeply");
    mn_free(deep);
    deep = repeated("{{ ", "not ", 5000, "1 }}");
    assert_refused(deep, MN_EUNSUPPORTED, "nested too deeply");
    mn_free(deep);
    deep = repeated("{{ ", "-", 5000, "1 }}");
    assert_refused(deep, MN_EUNSUPPORTED, "nested too deeply");
    mn_free(deep);
    deep = repeated("", "{% if 1 %}", 5000, "");
    assert_refused(deep, MN_EUNSUPPORTED, "nested too deeply");
    mn_free(deep);
    deep = repeated("{{ 1", " + 1", 5000, " }}"); /* a deep tree from flat source */
    assert_refused(deep, MN_EINVAL, "levels");
    mn_free(deep);
    deep = repeated("{{ x", "|string", 5000, " }}");
    assert_refused(deep, MN_EINVAL, "levels");
    mn_free(deep);
    mn_template *t;
    assert_fails(mn_template_compile("", 2 << 20, &t), MN_ETOOLONG, "1048576");
}

/* A chain of elifs is a loop, not a recursion. */
static void long_chain(void **state) {
    (void)state;
    char *source = repeated("{% if no %}", "{% elif no %}", 5000, "{% else %}ok{% endif %}");
    const mn_template_args args = {0};
    mn_rendered out = render(source, &args);
    assert_string_equal(out.text.data, "ok");
    mn_rendered_free(&out);
    mn_free(source);
}

/* Messages that are not UTF-8 pass through byte by byte. */
static void broken_bytes(void **state) {
    (void)state;
    assert_marked("{{ messages[0].content | trim }}|{{ messages[0].content | length }}", "user",
                  " \xff\xe2\x82 ", "[\xff\xe2\x82]|5");
    assert_marked("{{ messages[0].content | upper }}", "user", "a\xc3", "[A\xc3]");
    assert_marked("{{ messages[0].content | tojson }}", "user", "\xf0\x9f",
                  "\"[\xef\xbf\xbd\xef\xbf\xbd]\"");
}

/* ---- built-in templates --------------------------------------------------------------------- */
static int is_this(void *user, const char *text) {
    return user && strcmp(user, text) == 0;
}

static void builtins(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
    } row[] = {
        {"chatml", "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n U <|im_end|>\n"
                   "<|im_start|>assistant\n"},
        {"gemma", "<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\n"},
        {"llama2", "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST]"},
        {"llama3", "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
                   "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
                   "<|start_header_id|>assistant<|end_header_id|>\n\n"},
        {"mistral", "<s>[INST] S\n\n U  [/INST]"},
        {"phi3", "<|system|>\nS<|end|>\n<|user|>\n U <|end|>\n<|assistant|>\n"},
        {"zephyr", "<|system|>\nS</s>\n<|user|>\n U </s>\n<|assistant|>\n"},
    };
    const mn_message m[] = {{"system", "S"}, {"user", " U "}, {"assistant", "A"}, {"user", "V"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_template_args args = {.message = m,
                                 .n_messages = 2,
                                 .add_generation_prompt = 1,
                                 .bos_token = "<s>",
                                 .eos_token = "</s>"};
        mn_rendered out = render(mn_template_builtin(row[i].name), &args);
        assert_string_equal(out.text.data, row[i].text);
        const size_t before = out.text.len;
        mn_rendered_free(&out);
        args.n_messages = 4; /* a conversation goes on from the same beginning */
        out = render(mn_template_builtin(row[i].name), &args);
        assert_true(out.text.len > before && !memcmp(out.text.data, row[i].text, before));
        mn_rendered_free(&out);
    }
    assert_null(mn_template_builtin("nope"));
    assert_string_equal(mn_template_choose("gemma3", is_this, NULL), "gemma");
    assert_string_equal(mn_template_choose("llama", is_this, (char *)"<|im_start|>"), "chatml");
    assert_string_equal(mn_template_choose("qwen3", is_this, NULL), "chatml");
    assert_null(mn_template_choose("llama", is_this, NULL));
    assert_null(mn_template_choose("gem", is_this, NULL));
    assert_null(mn_template_choose(NULL, is_this, NULL));
}

/* ---- the n-th allocation fails -------------------------------------------------------------- */
static void no_memory(void **state) {
    (void)state;
    char *source =
        repeated("", "{% for m in messages %}{{ m.content | upper }}x{% endfor %}", 100, "");
    const mn_message m = {"user", "some text"};
    const mn_template_args args = {.message = &m, .n_messages = 1};
    int rc = -1, failures = 0;
    for (long n = 1; rc < 0; n++) {
        mn_template *t = NULL;
        mn_rendered out = {0};
        mn_alloc_fail_after(n);
        rc = mn_template_compile(source, strlen(source), &t);
        if (rc >= 0) rc = mn_template_render(t, &args, &out);
        mn_alloc_fail_after(0);
        assert_true(rc == 0 || rc == MN_ENOMEM);
        failures += rc < 0;
        mn_template_free(&t);
        mn_rendered_free(&out);
    }
    assert_true(failures > 10);
    mn_free(source);
}

int main(int argc, char **argv) {
    char path[4096];
    const char *source = getenv("OMNESIA_SOURCE");
    snprintf(path, sizeof path, "%s/test/model/template_golden.jsonl", source ? source : ".");
    golden_path = argc > 1 ? argv[1] : path;
    setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),     cmocka_unit_test(trust),        cmocka_unit_test(hostile),
        cmocka_unit_test(long_chain), cmocka_unit_test(broken_bytes), cmocka_unit_test(builtins),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
