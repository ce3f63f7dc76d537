/* SPDX-License-Identifier: Apache-2.0
 * test/cli/test_cli.c - the program as its users meet it: exit statuses, what goes to which
 * stream, and that docs/CLI.md is what the tables print. */
#include "test.h"

#include "cli/run.h"

#include "base/file.h"

#include <jansson.h>

static void no_command(void **s) {
    (void)s;
    cli_run r = run("");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "usage: omnesia COMMAND"));
    cli_run again = run("--help");
    assert_string_equal(r.out, again.out);
    assert_string_equal(r.err, "");
    r = run("--version");
    assert_memory_equal(r.out, "omnesia ", 8);
}

static void help(void **s) {
    (void)s;
    cli_run a = run("help help"), b = run("help --help");
    assert_int_equal(a.status, 0);
    assert_string_equal(a.out, b.out);
    assert_non_null(strstr(a.out, "--memory SIZE"));
    a = run("help nosuch");
    assert_int_equal(a.status, 2);
    assert_string_equal(a.out, "");
}

static void usage_errors(void **s) {
    (void)s;
    cli_run r = run("hepl");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "unknown command 'hepl'; did you mean 'help'?"));
    assert_string_equal(r.out, "");
    r = run("help --memroy 3");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "did you mean --memory?"));
    r = run("help --memory x");
    assert_int_equal(r.status, 2);
    r = run("version");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "did you mean '--version'?"));
    r = run("-m x");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "such as: omnesia run -m"));
    r = run("models x");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "what is 'x' for? It takes options only"));
    r = run("hepl 2>&-; \"$OMNESIA_PROGRAM\" help 0<&- 1>&- 2>&-"); /* closed streams */
    assert_int_equal(r.status, 0);
    r = run("mem update 3");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "mem update takes at least 2 words, not 1;"));
    r = run("mem get 1 2");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "mem get takes 1 word, not 2;"));
    r = run("help a b");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "what is 'b' for?"));
}

/* Every command that counts has the same bounds; benches take none from the environment. */
static void counts(void **s) {
    (void)s;
    static const char *const commands[] = {"run", "chat", "perplexity", "bench"};
    char words[64];
    for (size_t i = 0; i < 4; i++) {
        snprintf(words, sizeof words, "%s -t 65", commands[i]);
        const cli_run r = run(words);
        assert_int_equal(r.status, 2);
        assert_non_null(strstr(r.err, "65"));
        assert_non_null(strstr(r.err, "between 0 and 64"));
    }
    setenv("OMNESIA_GEN", "many", 1);
    assert_int_equal(run("bench --help").status, 0);
    unsetenv("OMNESIA_GEN");
    setenv("OMNESIA_TOP_K", "many", 1);
    assert_int_equal(run("run --help").status, 2);
    unsetenv("OMNESIA_TOP_K");
}

static void output_that_fails(void **s) {
    (void)s;
    cli_run r = run("help >/dev/full");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "cannot write to standard output"));
    r = run("help | true; sleep 0.1"); /* a reader that left: silence */
    assert_string_equal(r.err, "");
}

static void committed_docs(void **s) {
    (void)s;
    char path[4096];
    mn_buf file = {0};
    snprintf(path, sizeof path, "%s/docs/CLI.md", getenv("OMNESIA_SOURCE"));
    assert_ok(mn_file_read(path, 1 << 20, &file));
    cli_run r = run("help --markdown");
    if (strcmp(r.out, file.data))
        fail_msg("docs/CLI.md is not what the tables say; run "
                 "`./omnesia help --markdown > docs/CLI.md`");
    mn_buf_free(&file);
}

static void man_page(void **s) {
    (void)s;
    cli_run r = run("help --man");
    assert_memory_equal(r.out, ".TH OMNESIA 1", 13);
    assert_non_null(strstr(r.out, "\n.SS omnesia help"));
    static const char *const chapters[] = {"OPTIONS FROM ELSEWHERE", "ENVIRONMENT", "FILES",
                                           "EXIT STATUS"};
    for (size_t i = 0; i < 4; i++) {
        char heading[40];
        snprintf(heading, sizeof heading, "\n.SH %s\n", chapters[i]);
        assert_non_null(strstr(r.out, heading));
    }
    /* Who reads it has nothing to say, where there is a reader. */
    r = run("help --man | { ! command -v mandoc >/dev/null || mandoc -T lint -W warning; }");
    assert_string_equal(r.out, "");
    r = run("help --man | { ! command -v groff >/dev/null || groff -man -ww -z -Tutf8 -K utf8; }");
    assert_string_equal(r.err, "");
}

static void out_of_memory(void **s) {
    (void)s;
    int failed = 0;
    for (int n = 1; n <= 12; n++) {
        char env[16];
        snprintf(env, sizeof env, "%d", n);
        setenv("OMNESIA_FAIL_ALLOC", env, 1);
        cli_run r = run("help help --memory 1G");
        unsetenv("OMNESIA_FAIL_ALLOC");
        assert_true(r.status == 0 || (r.status == 1 && strstr(r.err, "no memory")));
        failed += r.status == 1;
    }
    assert_true(failed >= 3);
}

static void vocabulary_only(void **s) {
    (void)s;
    char words[4096];
    snprintf(words, sizeof words, "run -m %s/test/model/data/tokenizer_qwen2.gguf hi",
             getenv("OMNESIA_SOURCE"));
    const cli_run r = run(words);
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "holds only a vocabulary; it works with omnesia tokenize\n"));
}

/* The words with TINY replaced by a small model's file. */
static cli_run on_tiny(const char *words) {
    char line[4096];
    snprintf(line, sizeof line, "%s", "");
    for (const char *p = words, *q; *p; p = q) {
        q = strstr(p, "TINY");
        const size_t n = strlen(line);
        snprintf(line + n, sizeof line - n, "%.*s%s%s", (int)(q ? q - p : (long)strlen(p)), p,
                 q ? getenv("OMNESIA_SOURCE") : "", q ? "/test/model/data/tiny-llama.gguf" : "");
        q = q ? q + 4 : p + strlen(p);
    }
    return run(line);
}

static void inspect(void **s) {
    (void)s;
    cli_run r = on_tiny("inspect TINY");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "(GGUF version 3, 277 kB)\nmetadata: 21 entries\n"));
    assert_non_null(strstr(r.out, "llama.context_length                       u32            256"));
    assert_non_null(strstr(r.out, "string[284]    [\""));
    assert_non_null(strstr(r.out, "token_embd.weight                          F32        73 kB  "
                                  "[64, 284]\n"));
    assert_non_null(strstr(r.out, "\nformats: F32 271 kB in 21\n"));
    r = run("inspect");
    assert_int_equal(r.status, 2);
    r = run("inspect /etc/passwd");
    assert_int_equal(r.status, 1);
    assert_string_equal(r.out, "");
    assert_non_null(strstr(r.err, "/etc/passwd"));
    assert_int_equal(run("inspect /").status, 1);
}

static void tokenize(void **s) {
    (void)s;
    assert_string_equal(on_tiny("tokenize -m TINY hi").out, "104 105\n");
    assert_string_equal(on_tiny("tokenize -m TINY ''").out, "\n");
    assert_string_equal(on_tiny("tokenize --decode -m TINY '104, 105'").out, "hi");
    cli_run r = on_tiny("tokenize --decode -m TINY '104 x'");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "'x' is no token id"));
    r = on_tiny("tokenize --decode -m TINY 99999999");
    assert_int_equal(r.status, 1);
    assert_string_equal(r.out, "");
    assert_int_equal(on_tiny("tokenize -m TINY").status, 2);
    assert_int_equal(on_tiny("tokenize -m TINY --file /etc/passwd text").status, 2);
    assert_int_equal(on_tiny("tokenize -m TINY --file /no/such").status, 1);
    r = on_tiny("tokenize -m TINY --memory 100K --file \"$OMNESIA_PROGRAM\"");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "the text needs"));
    assert_non_null(strstr(r.err, "at least --memory "));
    /* any bytes, there and back: through standard input, a file, and a pipe */
    r = on_tiny("tokenize -m TINY --file \"$OMNESIA_PROGRAM\" | \"$OMNESIA_PROGRAM\" tokenize "
                "-m TINY --decode - | cmp - \"$OMNESIA_PROGRAM\" && echo same");
    assert_string_equal(r.out, "same\n");
}

/* Vectors of a text and of lines, in the order they came; and what is no text for it. */
static void embed(void **s) {
    (void)s;
    const char *model = "embed -m \"$OMNESIA_SOURCE\"/test/model/data/tiny-bert/model.safetensors ";
    char line[512];
    snprintf(line, sizeof line, "%s 'The cats'", model);
    cli_run r = run(line);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.err, "");
    json_t *o = json_loads(r.out, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(o, "tokens")), 5);
    assert_int_equal(json_array_size(json_object_get(o, "embedding")), 64);
    json_decref(o);
    assert_string_equal(strchr(r.out, '\n'), "\n");
    snprintf(line, sizeof line,
             "help >/dev/null; printf 'b\\n\\nThe cats\\r\\nb' | \"$OMNESIA_PROGRAM\" %s -", model);
    cli_run many = run(line);
    assert_int_equal(many.status, 0);
    const char *third = strchr(strchr(many.out, '\n') + 1, '\n') + 1;
    assert_memory_equal(third, r.out, strlen(r.out));
    const char *fourth = strchr(third, '\n') + 1; /* as the first */
    assert_memory_equal(fourth, many.out, strlen(fourth));
    snprintf(line, sizeof line,
             "help >/dev/null; { yes a | head -300; yes b | head -70 | tr '\\n' ' '; } | "
             "\"$OMNESIA_PROGRAM\" %s - | wc -l",
             model);
    r = run(line);
    assert_string_equal(r.out, "256\n");
    assert_non_null(strstr(r.err, "of lines 257 to 301, text 45 of 45 has 72 tokens"));
    snprintf(line, sizeof line, "%s", model);
    assert_int_equal(run(line).status, 2);
    r = on_tiny("embed -m TINY hi");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "writes text and makes no vectors"));
    snprintf(line, sizeof line, "help >/dev/null; \"$OMNESIA_PROGRAM\" %s - </dev/null", model);
    r = run(line);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "");
}

static void models_and_doctor(void **s) {
    (void)s;
    cli_run r = run("models");
    assert_int_equal(r.status, 0);
    assert_memory_equal(r.out, "smollm2-135m ", 13);
    assert_non_null(strstr(r.out, "\nminilm-l6 "));
    assert_non_null(strstr(r.out, "(no text, for embeddings)"));
    r = run("run -m minilm-l6 hi");
    assert_int_equal(r.status, 1);
    assert_string_equal(strchr(r.err, '\n'), "\n"); /* nothing was fetched */
    assert_non_null(strstr(r.err, "minilm-l6 turns sentences into vectors"));
    r = run("models extra");
    assert_int_equal(r.status, 2);
    r = run("doctor --memory 1G");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "\nprocessor "));
    assert_non_null(strstr(r.out, "--memory allows 1.1 GB"));
    assert_non_null(strstr(r.out, "\ncache "));
    assert_string_equal(r.err, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_command),        cmocka_unit_test(help),
        cmocka_unit_test(usage_errors),      cmocka_unit_test(embed),
        cmocka_unit_test(vocabulary_only),   cmocka_unit_test(counts),
        cmocka_unit_test(output_that_fails), cmocka_unit_test(committed_docs),
        cmocka_unit_test(man_page),          cmocka_unit_test(out_of_memory),
        cmocka_unit_test(inspect),           cmocka_unit_test(tokenize),
        cmocka_unit_test(models_and_doctor)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
