/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_mem_forget.c - a record that was read by a model is forgotten: no token of it is
 * left in the region, as a turn, as something recalled, or in use until just now; what has nothing
 * to do with it stays.
 */
#include "mem_bed.h"
#include "until.h"

#include "model/golden.h"

#include <fcntl.h>
#include <unistd.h>

static char region_path[160], model_path[256];
static mn_region *region;
static mn_model *model;
static mn_vocab *vocab;

#define SECRET                                                                                \
    "The code of the vault in Lyon is 4711, and nobody but Maria and the old clerk knows of " \
    "it, he said quietly."
#define OTHER "Tomorrow it will rain in the north, with some wind from the sea and little sun."

static int begin(void **unused) {
    (void)unused;
    const mn_model_options none = {.no_pull = 1};
    if (folder_begin("mem-forget", 1) < 0) return -1;
    snprintf(place, sizeof place, "%s/memory.db", folder);
    snprintf(region_path, sizeof region_path, "%s/region", folder);
    mn_buf path = golden_path("tiny-llama.gguf");
    snprintf(model_path, sizeof model_path, "%s", path.data);
    mn_buf_free(&path);
    assert_ok(mn_region_open(region_path, 64 << 20, 0, &region));
    assert_ok(mn_vocab_open(model_path, &none, &vocab));
    const mn_model_options how = {.threads = 1, .no_pull = 1, .region = region};
    assert_ok(mn_model_open(model_path, &how, &model));
    const mn_mem_options with = {.model = "none", .region = region, .background = 1};
    assert_ok(mn_mem_open(place, &with, &mem));
    return 0;
}
static int end(void **unused) {
    (void)unused;
    mn_mem_close(&mem);
    mn_model_close(&model);
    mn_vocab_close(&vocab);
    mn_region_close(&region);
    return folder_end();
}

static void answer(const char *prompt) {
    mn_request r = mn_request_default();
    r.prompt = prompt;
    r.raw = 1;
    r.context = 1024;
    r.max_tokens = 4;
    assert_ok(mn_answer(model, &r, NULL));
}

/* Are the tokens of a text in the region's file, but for its ends? The file is nearly all holes. */
static int there(const char *text) {
    static char part[1 << 18];
    int32_t ids[512];
    const int n = mn_vocab_encode(vocab, text, strlen(text), 0, ids, 512);
    assert_true(n > 6 && n <= 512);
    const size_t bytes = (size_t)(n - 4) * sizeof *ids;
    const int fd = open(region_path, O_RDONLY);
    int seen = 0;
    assert_true(fd >= 0);
    for (off_t at = 0; !seen && (at = lseek(fd, at, SEEK_DATA)) >= 0;
         at += (off_t)(sizeof part - bytes)) {
        const ssize_t got = pread(fd, part, sizeof part, at);
        if (got > 0) seen = memmem(part, (size_t)got, ids + 2, bytes) != NULL;
    }
    close(fd);
    return seen;
}

static void forget(int64_t id) {
    const mn_find what = {.id = id};
    assert_int_equal(mn_mem_forget(mem, &ann, &what, 0), 1);
}

static void as_a_turn(void **unused) {
    (void)unused;
    const int64_t id = add_text(&ann, SECRET);
    answer("Ann: " SECRET "\nBob:");
    answer(OTHER);
    assert_true(there(SECRET) && there(OTHER));
    forget(id);
    assert_false(there(SECRET));
    assert_true(there(OTHER));
}

static char line[256]; /* the first of what was recalled */

/* What mn_mem_recall gives for a question, before it. */
static void ask_recalled(const char *question) {
    const mn_find what = {.query = question};
    mn_buf prompt = {0};
    char *text;
    assert_ok(mn_mem_recall(mem, &ann, &what, &text, NULL, NULL));
    assert_non_null(text);
    snprintf(line, sizeof line, "%s", strchr(text, '\n') + 1);
    *strchr(line, '\n') = 0;
    assert_ok(mn_buf_puts(&prompt, text));
    assert_ok(mn_buf_puts(&prompt, question));
    answer(prompt.data);
    mn_free_text(text);
    mn_buf_free(&prompt);
}

static void as_something_recalled(void **unused) {
    (void)unused;
    const int64_t id = add_text(&ann, "He said \"" SECRET "\"\nand left.");
    ask_recalled("What is the code of the vault?");
    answer(OTHER);
    assert_true(there("he said quietly.\\\"\\nand left."));
    forget(id);
    assert_false(there("he said quietly.\\\"\\nand left."));
    assert_false(there(SECRET));
    assert_true(there(OTHER));
}

/* Two words say nothing of whose they are; their line does. */
static void too_short_to_be_known(void **unused) {
    (void)unused;
    const int64_t id = add_text(&ann, "vault 4711");
    ask_recalled("vault?");
    answer(OTHER);
    assert_true(there(line));
    forget(id);
    assert_false(there(line));
    assert_true(there(OTHER));
}

/* The model keeps the rows of its last answer. */
static void while_it_is_used(void **unused) {
    (void)unused;
    const int64_t id = add_text(&ann, SECRET);
    answer("Ann: " SECRET "\nBob:");
    forget(id);
    answer(OTHER);
    wait_until(!there(SECRET));
    assert_true(there(OTHER));
}

/* More than are looked for one by one: all goes that is younger than the oldest of them. */
static void many_at_once(void **unused) {
    (void)unused;
    for (int i = 0; i < 400; i++)
        add_text(&ann, i == 300 ? SECRET : "one more line of no interest");
    answer("Ann: " SECRET "\nBob:");
    answer("x");
    const mn_find any = {0};
    assert_int_equal(mn_mem_forget(mem, &ann, &any, 1), 400);
    assert_false(there(SECRET));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_a_turn, begin, end),
        cmocka_unit_test_setup_teardown(as_something_recalled, begin, end),
        cmocka_unit_test_setup_teardown(too_short_to_be_known, begin, end),
        cmocka_unit_test_setup_teardown(while_it_is_used, begin, end),
        cmocka_unit_test_setup_teardown(many_at_once, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
