/* SPDX-License-Identifier: Apache-2.0
 * test/cli/test_config.c - options from a file: what counts more, what is refused and where, and
 * that every option of every command can be given in all the ways its help says. */
#include "test.h"

#include "cli/run.h"

#include "base/file.h"

#include <ctype.h>
#include <unistd.h>

static char folder[] = "/tmp/omnesia-config-XXXXXX", file[64], tiny[4096];

static void config(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void config(const char *format, ...) {
    FILE *f = fopen(file, "w");
    va_list args;
    va_start(args, format);
    assert_true(f && vfprintf(f, format, args) >= 0 && fclose(f) == 0);
    va_end(args);
}

/* What the program prints for these words, with the file in OMNESIA_CONFIG. */
static cli_run with_file(const char *words) {
    setenv("OMNESIA_CONFIG", file, 1);
    const cli_run r = run(words);
    setenv("OMNESIA_CONFIG", "none", 1);
    return r;
}

static void refused(const char *words, const char *text, const char *sentence) {
    char expected[256];
    config("%s", text);
    const cli_run r = with_file(words);
    snprintf(expected, sizeof expected, "omnesia: %s:%s", file, sentence);
    assert_int_equal(r.status, 1);
    assert_string_equal(r.out, "");
    if (!strstr(r.err, expected)) fail_msg("\"%s\" lacks \"%s\"", r.err, expected);
}

static void what_counts_more(void **s) {
    (void)s;
    config("[tokenize]\nmodel = %s\n", tiny);
    assert_string_equal(with_file("tokenize hi").out, "104 105\n");
    config("[*]\nmodel = %s\n", tiny);
    assert_string_equal(with_file("tokenize hi").out, "104 105\n");
    config("[tokenize]\nmodel = %s\n[*]\nmodel = nosuch-1\n", tiny); /* own before all */
    assert_string_equal(with_file("tokenize hi").out, "104 105\n");
    config("[run]\nmodel = nosuch-1\n[tokenize]\nmodel = nosuch-1\nmodel = %s\n", tiny);
    assert_string_equal(with_file("tokenize hi").out, "104 105\n"); /* the last one */
    config("[tokenize]\nmodel = nosuch-1\n");
    assert_non_null(strstr(with_file("tokenize hi").err, "nosuch-1"));
    setenv("OMNESIA_MODEL", "nosuch-2", 1);
    assert_non_null(strstr(with_file("tokenize hi").err, "nosuch-2"));
    assert_non_null(strstr(with_file("tokenize -m nosuch-3 hi").err, "nosuch-3"));
    unsetenv("OMNESIA_MODEL");
}

static void where_it_is(void **s) {
    (void)s;
    char words[256], place[300];
    config("[tokenize]\nmodel = %s\n", tiny);
    snprintf(words, sizeof words, "tokenize --config %s hi", file);
    assert_string_equal(run(words).out, "104 105\n");
    snprintf(place, sizeof place, "%s/omnesia", folder); /* the user's own place */
    assert_ok(mn_file_mkdirs(place));
    snprintf(words, sizeof words, "%s/omnesia/omnesia.ini", folder);
    assert_int_equal(rename(file, words), 0);
    setenv("XDG_CONFIG_HOME", folder, 1);
    unsetenv("OMNESIA_CONFIG");
    assert_string_equal(run("tokenize hi").out, "104 105\n");
    snprintf(place, sizeof place, "config       %s, 1 options\n", words);
    assert_memory_equal(run("doctor").out, place, strlen(place));
    assert_memory_equal(run("doctor --config none").out, "config       no file\n", 21);
    setenv("OMNESIA_CONFIG", "none", 1);
    unlink(words);
    assert_memory_equal(run("doctor").out, "config       no file\n", 21);
    unsetenv("XDG_CONFIG_HOME");
    assert_int_equal(run("tokenize --config /no/such hi").status, 1);
}

/* A list in a command's section replaces that of all; a flag is 0 or 1. */
static void kinds(void **s) {
    (void)s;
    char words[5000];
    snprintf(words, sizeof words, "run -m %s -n 4 --temp 0 --raw --json hello", tiny);
    config("[run]\nprivate = 1\nstop = \"\\t\"\nstop = b\n[*]\nstop =\nmemory = 2G\n");
    assert_int_equal(with_file(words).status, 0);
    config("[*]\nstop =\n");
    assert_non_null(strstr(with_file(words).err, "--stop '': give a text"));
    setenv("OMNESIA_STOP", "b", 1);
    assert_int_equal(with_file(words).status, 0);
    unsetenv("OMNESIA_STOP");
}

static void mistakes(void **s) {
    (void)s;
    refused("models", "[models]\nmemory = lots\n", "2: memory: 'lots'");
    refused("models", "[run]\nnosuch = 1\n", "2: nosuch: omnesia run has no such option");
    refused("models", "[rum]\ntemp = 1\n",
            "2: temp: there is no command 'rum'; did you mean [run]");
    refused("models", "[zebra]\na = 1\n", "2: a: there is no command 'zebra'; a section is a");
    refused("models", "[*]\nnosuch = 1\n", "2: nosuch: omnesia has no such option");
    refused("models", "[models]\nhere = 1\n", "2: here: this is given on the command line only");
    refused("models", "[*]\nhelp = 1\n", "2: help: this is given on the command line only");
    refused("models", "[*]\nconfig = x\n", "2: config: a config file names no other one");
    refused("models", "\ntemp = 1\n", "2: temp: this stands before the first [section]");
    refused("models", "[*]\nmemory\n", "2: neither [section] nor key = value");
    refused("run hi", "[run]\ntemp = hot\n", "2: temp: 'hot' is not allowed; give a number");
    refused("run hi", "[run]\nkv = f32\n", "2: kv is f16 or q8, not 'f32'");
    refused("run hi", "[run]\nprivate = yes\n", "2: private: 'yes' is not allowed; give 0 or 1");
    config("[run]\ntemp = hot\n"); /* a value is the business of its command */
    assert_int_equal(with_file("models").status, 0);
    config("[*]\nthreads = 1\nrounds = 1\n"); /* bench takes neither, others have the first */
    assert_non_null(strstr(with_file("bench nosuch").err, "3: rounds: this is given on the comm"));
    config("[*]\nthreads = 1\n");
    assert_non_null(strstr(with_file("bench nosuch").err, "there is no bench"));
    config("[*]\nnosuch = 1\n"); /* who looks for help gets it */
    assert_int_equal(with_file("help").status, 0);
    assert_int_equal(with_file("models --help").status, 0);
    cli_run r = with_file("doctor");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "config       wrong: "));
    FILE *f = fopen(file, "w");
    for (int i = 0; i < 5000; i++) fputs("[*]\nmemory = 2G\n", f);
    fclose(f);
    assert_non_null(strstr(with_file("models").err, "4096 entries at most"));
    f = fopen(file, "w");
    for (int i = 0; i < 1 << 17; i++) fputs("# much\n\n\n", f);
    fclose(f);
    assert_int_equal(with_file("models").status, 1);
}

static void out_of_memory(void **s) {
    (void)s;
    int failed = 0;
    config("[*]\nmemory = 2G\n[models]\nmemory = 1G\n");
    for (int n = 1; n <= 30; n++) {
        char env[16];
        snprintf(env, sizeof env, "%d", n);
        setenv("OMNESIA_FAIL_ALLOC", env, 1);
        const cli_run r = with_file("models");
        unsetenv("OMNESIA_FAIL_ALLOC");
        assert_true(r.status == 1 || r.status == 0);
        failed += strstr(r.err, "no memory") != NULL;
    }
    assert_true(failed >= 5);
}

/* Every option of docs/CLI.md either names its variable or is one of those that say what a single
 * call is about; no variable has another meaning, and no two options of one name other values. */
static void variables(void **s) {
    (void)s;
    static const char *const others[] = {"CACHE",   "DATA",        "ISA",          "FAIL_ALLOC",
                                         "FAIL_IO", "MODELS_LOCK", "TRACE_ERRORS", "LIBRARY",
                                         "SOURCE",  "PROGRAM"};
    static char text[RUN_MAX], name[64], variable[80];
    int with = 0, without = 0;
    snprintf(text, sizeof text, "%s", run("help --markdown").out);
    for (char *save, *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        const char *dashes = strncmp(line, "- `-", 4) ? NULL : strstr(line, "--");
        if (!dashes || sscanf(dashes, "--%63[a-z0-9-]", name) != 1) continue;
        int n = snprintf(variable, sizeof variable, "OMNESIA_%s", name);
        for (int i = 8; i < n; i++)
            variable[i] = variable[i] == '-' ? '_' : (char)toupper(variable[i]);
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (strcmp(variable + 8, others[i]) == 0 && strstr(line, variable))
                fail_msg("%s is taken", variable);
        strcat(variable, ")");
        strstr(line, variable) ? with++ : without++;
        if (strstr(line, "OMNESIA_") && !strstr(line, variable)) fail_msg("%s", line);
    }
    assert_true(with > 60);
    assert_true(without > 20);
}

/* The example of the manual does what the manual says. */
static void example(void **s) {
    (void)s;
    static char text[RUN_MAX];
    snprintf(text, sizeof text, "%s", run("help --markdown").out);
    char *from = strstr(text, "```ini\n"), *to = from ? strstr(from + 7, "```") : NULL;
    assert_non_null(to);
    *to = 0;
    config("%s", from + 7);
    assert_int_equal(with_file("models").status, 0);
    const cli_run r = with_file("doctor");
    assert_non_null(strstr(r.out, "a.ini, 6 options\n"));
}

static int furnish(void **s) {
    (void)s;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/a.ini", folder);
    snprintf(tiny, sizeof tiny, "%s/test/model/data/tiny-llama.gguf", getenv("OMNESIA_SOURCE"));
    return 0;
}

static int clear(void **s) {
    (void)s;
    char words[64];
    snprintf(words, sizeof words, "rm -r %s", folder);
    return system(words);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_counts_more),
                                       cmocka_unit_test(where_it_is),
                                       cmocka_unit_test(kinds),
                                       cmocka_unit_test(mistakes),
                                       cmocka_unit_test(out_of_memory),
                                       cmocka_unit_test(variables),
                                       cmocka_unit_test(example)};
    return cmocka_run_group_tests(tests, furnish, clear);
}
