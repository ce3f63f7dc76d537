/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_run.c - `omnesia run` and examples/hello.c on SmolLM2, as a user types them.
 *
 * A scratch folder is the cache; the model in it is a link to the one `omnesia pull` fetched, so
 * that packing can be watched and killed without touching the user's packs.
 */
#include "test.h"

#include "cli/run.h"
#include "until.h"

#include "base/file.h"
#include "base/walk.h"
#include "omnesia.h"

#include <dirent.h>
#include <jansson.h>
#include <signal.h>

#define FRANCE "\"What is the capital of France?\""

static char bed[64];

static int make_bed(void **state) {
    (void)state;
    char *path, link[128];
    assert_ok(mn_store_pull("smollm2-135m", NULL, NULL, NULL, &path));
    strcpy(bed, "/tmp/omnesia-test-XXXXXX");
    assert_non_null(mkdtemp(bed));
    snprintf(link, sizeof link, "%s/model.gguf", bed);
    assert_int_equal(symlink(path, link), 0);
    mn_free_text(path);
    setenv("OMNESIA_CACHE", bed, 1);
    setenv("OMNESIA_MODEL", link, 1);
    return 0;
}

static int drop_bed(void **state) {
    (void)state;
    mn_walk_remove(bed);
    return 0;
}

/* The names in packs/ that end with `tail`, or hold it, counted. */
static int packs(const char *part) {
    char path[128];
    int n = 0;
    snprintf(path, sizeof path, "%s/packs", bed);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        const size_t len = strlen(e->d_name), k = strlen(part);
        n += part[k - 1] == '.' ? strstr(e->d_name, part) != NULL
                                : len >= k && strcmp(e->d_name + len - k, part) == 0;
    }
    if (d) closedir(d);
    return n;
}

static void no_packs(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/packs", bed);
    mn_walk_remove(path);
}

static void answers(const char *words, const char *want) {
    const cli_run r = run(words);
    if (r.status != 0 || strcmp(r.out, want) != 0)
        fail_msg("run %s: status %d, said \"%s\", wanted \"%s\"; %s", words, r.status, r.out, want,
                 r.err);
}

/* Fails with the exit status and one sentence that holds both texts; no answer. */
static void refuses(const char *words, int status, const char *a, const char *b) {
    const cli_run r = run(words);
    if (r.status != status || *r.out || !strstr(r.err, a) || !strstr(r.err, b))
        fail_msg("run %s: status %d, said \"%s\" and \"%s\", which lacks \"%s\" or \"%s\"", words,
                 r.status, r.out, r.err, a, b);
    if (status == 1 && strchr(r.err, '\n') != r.err + strlen(r.err) - 1)
        fail_msg("run %s: more than one line: %s", words, r.err);
}

static const char paris[] = "The capital of France is Paris.\n";

static void greedy(void **s) {
    (void)s;
    answers("run --temp 0 " FRANCE, paris);
    answers("run --temp 0 " FRANCE, paris);
    answers("run --temp 0 -t 1 " FRANCE, paris);
    answers("run --temp 0 -t 3 " FRANCE, paris);
    answers("run --temp 0 What is the capital of \"France?\"", paris);
    answers("run --temp 0 --region none --memory 2G " FRANCE, paris);
    assert_non_null(strstr(run("run --temp 0 --kv q8 " FRANCE).out, "Paris"));
    const cli_run r = run("run --temp 0 " FRANCE);
    assert_non_null(strstr(r.err, "tokens read at"));
    const cli_run again = run("run --seed 7 -n 12 " FRANCE);
    assert_string_equal(run("run --seed 7 -n 12 " FRANCE).out, again.out);
}

static void json(void **s) {
    (void)s;
    const cli_run r = run("run --json --temp 0 " FRANCE);
    assert_int_equal(r.status, 0);
    assert_ptr_equal(strchr(r.out, '\n'), r.out + strlen(r.out) - 1);
    json_t *o = json_loads(r.out, 0, NULL);
    assert_true(json_is_object(o));
    static const char *const numbers[] = {"prompt_tokens",  "tokens",      "cached_tokens",
                                          "first_token_ms", "prefill_tps", "decode_tps",
                                          "peak_rss_mb"};
    for (size_t i = 0; i < 7; i++) {
        assert_true(json_is_number(json_object_get(o, numbers[i])));
        if (i != 2) assert_true(json_number_value(json_object_get(o, numbers[i])) > 0);
    }
    const char *text = json_string_value(json_object_get(o, "text"));
    assert_non_null(text);
    assert_memory_equal(text, paris, strlen(text));
    assert_int_equal(strlen(text), strlen(paris) - 1);
    assert_string_equal(json_string_value(json_object_get(o, "finish")), "stop");
    assert_int_equal(json_object_size(o), 10);
    json_decref(o);
}

/* What the caller held before it became this program is not counted; nor is a first token late
 * that had no text. */
static void measures(void **s) {
    (void)s;
    const size_t large = (size_t)600 << 20;
    char *held = malloc(large);
    assert_non_null(held);
    memset(held, 1, large);
    const cli_run r = run("run --json --temp 0 --stop The " FRANCE);
    free(held);
    json_t *o = json_loads(r.out, 0, NULL);
    assert_true(json_number_value(json_object_get(o, "peak_rss_mb")) < 500);
    assert_true(json_number_value(json_object_get(o, "first_token_ms")) > 0);
    assert_string_equal(json_string_value(json_object_get(o, "text")), "");
    json_decref(o);
}

static void inputs(void **s) {
    (void)s;
    cli_run r = run("run --temp 0 - <<'END'\nWhat is the capital of France?\nEND");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "Paris"));
    char path[128], words[256];
    snprintf(path, sizeof path, "%s/note.txt", bed);
    mn_filew *f;
    static const char note[] = "The name of Anna's cat is Zorro. He is seven years old.\n";
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, note, sizeof note - 1));
    assert_ok(mn_file_commit(&f));
    snprintf(words, sizeof words, "run --temp 0 -n 40 -f %s \"What is the name of Anna's cat?\"",
             path);
    r = run(words);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "Zorro"));
    refuses("run -f /nothing/here " FRANCE, 1, "/nothing/here", "no such file");
    refuses("run -f /dev/zero " FRANCE, 1, "/dev/zero has more than 67 MB", "a part of it");
    refuses("run - </dev/zero", 1, "standard input has more than 67 MB", "a part of it");
    refuses("run --memory 20M - </dev/zero", 1, "the prompt needs", "at least --memory");
    r = run("run --raw --temp 0 -n 1 'The capital of France is'");
    assert_string_equal(r.out, " Paris\n");
    /* Text that is not UTF-8 has bytes without tokens, which would vanish without a word. */
    refuses("run --raw \"$(printf 'ab\\377c')\"", 1, "the prompt is not UTF-8", "byte 3 is 0xFF");
    refuses("run \"$(printf 'c\\355\\240\\200')\"", 1, "the prompt is not UTF-8", "byte 2 is 0xED");
    refuses("run --system \"$(printf 'x\\300')\" hi", 1, "the system message is not", "byte 2 is");
    refuses("run --stop \"$(printf '\\300')\" hi", 1, "the stop text is not", "byte 1 is");
    refuses("run -f \"$OMNESIA_MODEL\" hi", 1, "model.gguf has 98 MB", "67 MB are read at most");
    refuses("run -f \"$OMNESIA_PROGRAM\" hi", 1, "omnesia is not text", "is zero");
    refuses("run --temp 0 --raw ''", 1, "the prompt is empty", "");
    refuses("run - </dev/null", 1, "the prompt is empty", "");
    refuses("run --raw", 2, "give the text to go on from", "usage");
    refuses("run -f /etc/passwd", 2, "give a question", "usage");
}

static void limits(void **s) {
    (void)s;
    answers("run --temp 0 --stop ' is' " FRANCE, "The capital of France\n");
    answers("run --temp 0 --stop Rome --stop ' of Fr' " FRANCE, "The capital\n");
    answers("run --temp 0 -n 2 " FRANCE, "The capital\n");
    answers("run --temp 0 --ctx 30 " FRANCE, "The capital of\n");
    refuses("run --temp 0 --ctx 28 " FRANCE, 1, "28 tokens", "holds 28");
    refuses("run --temp 0 --ctx 10 " FRANCE, 1, "28 tokens", "holds 10");
    refuses("run --memory 50M " FRANCE, 1, "99 MB", "52 MB");
    refuses("run --memory 1 " FRANCE, 1, "--memory", "");
    refuses("run --frobnicate " FRANCE, 2, "--frobnicate", "usage");
    refuses("run --temp hot " FRANCE, 2, "hot", "--temp");
    refuses("run --region /no/such/folder/r " FRANCE, 1, "/no/such/folder/r", "");
    refuses("run --stop '' " FRANCE, 2, "--stop ''", "usage");
    refuses("run --repeat-penalty 0 " FRANCE, 2, "--repeat-penalty", "between 0.01 and 100");
    refuses("run --seed -1 " FRANCE, 2, "--seed", "a whole number from 0 on");
    refuses("run --kv q4 " FRANCE, 2, "--kv is f16 or q8, not 'q4'", "usage");
    refuses("bench speed --region /no/such/folder/r", 1, "/no/such/folder/r", "");
    refuses("bench speed -p 9000", 1, "9033 tokens", "8192");
    refuses("run -m no-such-model " FRANCE, 1, "no-such-model", "smollm2-135m");
    refuses("run -m /no/such.gguf " FRANCE, 1, "/no/such.gguf", "no such file");
    refuses("run -m /tmp " FRANCE, 1, "/tmp", "not a file");
    assert_int_equal(run("run " FRANCE " >/dev/full").status, 1);
    assert_int_equal(run("run -n 40 \"Tell a long story.\" | head -c 1").status, 0);
}

static void two_at_once(void **s) {
    (void)s;
    no_packs();
    const cli_run r = run("run --temp 0 " FRANCE " >\"$OMNESIA_CACHE/first\" & "
                          "\"$OMNESIA_PROGRAM\" run --temp 0 " FRANCE
                          " && wait $! && cat \"$OMNESIA_CACHE/first\"");
    assert_int_equal(r.status, 0);
    char both[128];
    snprintf(both, sizeof both, "%s%s", paris, paris);
    assert_string_equal(r.out, both);
    assert_int_equal(packs(".pack"), 1);
    assert_int_equal(packs(".tmp."), 0);
}

/* Ctrl-C ends the answer, and the exit status says so. */
static void interrupted(void **s) {
    (void)s;
    int ends[2], status;
    char byte;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execl(getenv("OMNESIA_PROGRAM"), "omnesia", "run", "Count to ten thousand.", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    kill(child, SIGINT);
    while (read(ends[0], &byte, 1) == 1) continue;
    close(ends[0]);
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
}

/* Whether a run was killed with part of the pack written, and not when it had it all. */
static int killed_on_the_way(void) {
    no_packs();
    const pid_t child = fork();
    if (child == 0) {
        const int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(getenv("OMNESIA_PROGRAM"), "omnesia", "run", "x", (char *)NULL);
        _exit(127);
    }
    int status;
    wait_until(packs(".tmp.") || packs(".pack"));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && packs(".tmp.");
}

/* Nothing that looks like a pack is left then; the next run makes it. */
static void killed(void **s) {
    (void)s;
    for (int tries = 0; !killed_on_the_way();) assert_true(++tries < 100);
    assert_int_equal(packs(".pack"), 0);
    assert_int_equal(packs(".tmp."), 1);
    answers("run --temp 0 " FRANCE, paris);
    assert_int_equal(packs(".pack"), 1);
    assert_int_equal(packs(".tmp."), 0);
}

static void hello(void **s) {
    (void)s;
    char words[512];
    snprintf(words, sizeof words,
             "--version >/dev/null; \"$OMNESIA_HELLO\" 'What is the capital of France?' %s",
             getenv("OMNESIA_MODEL"));
    const cli_run r = run(words);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, paris);
    snprintf(words, sizeof words, "--version >/dev/null; \"$OMNESIA_HELLO\" x /no/such.gguf");
    const cli_run none = run(words);
    assert_int_equal(none.status, 1);
    assert_non_null(strstr(none.out, "no such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed),      cmocka_unit_test(greedy), cmocka_unit_test(json),
        cmocka_unit_test(measures),    cmocka_unit_test(inputs), cmocka_unit_test(limits),
        cmocka_unit_test(two_at_once), cmocka_unit_test(hello),  cmocka_unit_test(interrupted)};
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
