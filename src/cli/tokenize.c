/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/tokenize.c - `omnesia tokenize`: text to ids, ids to text.
 */
#include "cli/cli.h"
#include "cli/progress.h"
#include "omnesia.h"

#include "base/alloc.h"
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 30 };

typedef struct tokenize_options {
    mn_cli_common common;
    const char *model, *file;
    int no_special, special, decode;
} tokenize_options;

static int read_input(const tokenize_options *o, int n_words, const char *const *words,
                      mn_buf *text) {
    if (!!n_words + !!o->file != 1)
        return MN_FAIL(MN_CLI_USAGE, "tokenize needs either --file FILE or one TEXT ('-' reads "
                                     "standard input)");
    if (o->file) return mn_file_read(o->file, TEXT_MAX, text);
    if (strcmp(words[0], "-") == 0) return mn_file_read("-", TEXT_MAX, text);
    return mn_buf_puts(text, words[0]);
}

static int encode(const mn_vocab *vocab, const tokenize_options *o, const mn_buf *text,
                  mn_buf *out) {
    const unsigned flags = (o->no_special ? 0u : MN_BEGIN) | (o->special ? MN_SPECIAL : 0u);
    const char *bytes = text->data ? text->data : "";
    const size_t cap = text->len + 16; /* an id for every byte, and those around the text */
    void *room = NULL;
    MN_TRY(mn_alloc_pages(cap * sizeof(int32_t), "room for the ids", &room));
    int32_t *ids = room;
    const int n = mn_vocab_encode(vocab, bytes, text->len, flags, ids, cap);
    int rc =
        n < 0 || (size_t)n <= cap ? n : MN_FAIL(MN_ECORRUPT, "%d ids for %zu bytes", n, text->len);
    const size_t missing = rc < 0 ? 0 : mn_vocab_missing(vocab, bytes, text->len);
    if (missing)
        fprintf(stderr, "omnesia: %zu of %zu bytes have no token in this vocabulary; left out\n",
                missing, text->len);
    for (int i = 0; rc >= 0 && i < n; i++) rc = mn_buf_printf(out, i ? " %d" : "%d", ids[i]);
    if (rc >= 0) rc = mn_buf_puts(out, "\n");
    mn_free_pages(room, cap * sizeof(int32_t));
    return rc;
}

/* Numbers between spaces, commas or newlines, appended to `ids`. */
static int read_ids(const char *p, mn_buf *ids) {
    for (;;) {
        while (isspace((unsigned char)*p) || *p == ',') p++;
        if (!*p) return 0;
        char *end;
        errno = 0;
        const long v = strtol(p, &end, 10);
        if (end == p || errno || v < INT32_MIN || v > INT32_MAX)
            return MN_FAIL(MN_EINVAL, "'%.20s' is no token id; give numbers between spaces", p);
        const int32_t id = (int32_t)v;
        MN_TRY(mn_buf_append(ids, &id, sizeof id));
        p = end;
    }
}

static int decode(const mn_vocab *vocab, const tokenize_options *o, const mn_buf *text,
                  mn_buf *out) {
    mn_buf ids = {0};
    const unsigned flags = o->special ? MN_SPECIAL : 0u;
    int rc = read_ids(text->data ? text->data : "", &ids);
    const int32_t *id = (const int32_t *)(const void *)ids.data;
    const size_t n = ids.len / sizeof *id;
    if (rc >= 0 && n) rc = mn_vocab_decode(vocab, id, n, flags, NULL, 0);
    if (rc > 0) {
        const size_t bytes = (size_t)rc;
        rc = mn_buf_reserve(out, bytes);
        if (rc >= 0) rc = mn_vocab_decode(vocab, id, n, flags, out->data, bytes);
        if (rc >= 0) out->len = bytes;
    }
    if (rc >= 0 && isatty(STDOUT_FILENO)) rc = mn_buf_puts(out, "\n");
    mn_buf_free(&ids);
    return rc;
}

static int run(const void *options, int n_words, const char *const *words) {
    const tokenize_options *o = options;
    mn_buf text = {.what = "the text"}, out = {.what = "the line of ids"};
    mn_vocab *vocab = NULL;
    mn_cli_bar bar = {.in_bytes = 1};
    const mn_model_options open = {
        .progress = mn_cli_progress(&bar), .notice = mn_cli_notice, .notice_user = &bar};
    int rc = read_input(o, n_words, words, &text);
    if (rc >= 0) rc = mn_vocab_open(o->model, &open, &vocab);
    mn_cli_progress_clear(&bar);
    if (rc >= 0) rc = (o->decode ? decode : encode)(vocab, o, &text, &out);
    if (rc >= 0 && out.len) rc = mn_cli_write(out.data, out.len);
    mn_vocab_close(&vocab);
    mn_buf_free(&text);
    mn_buf_free(&out);
    return rc < 0 ? rc : 0;
}

#define ROW(kind_, letter_, name_, field_) \
    .kind = kind_, .letter = letter_, .name = name_, .offset = offsetof(tokenize_options, field_)
static const mn_opt rows[] = {
    {ROW(MN_OPT_TEXT, 'm', "model", model), .value = "MODEL", .standard = "smollm2-135m",
     .help =
         "a name that `omnesia models` lists, or a GGUF file, which may hold a vocabulary only"},
    {ROW(MN_OPT_TEXT, 0, "file", file), .value = "FILE", .no_env = 1,
     .help = "read the text from a file; '-' is standard input"},
    {ROW(MN_OPT_FLAG, 0, "no-special", no_special), .no_env = 1,
     .help = "add no begin or end token"},
    {ROW(MN_OPT_FLAG, 0, "special", special), .no_env = 1,
     .help = "text such as <|im_start|> is the special token, not plain text; with --decode, "
             "special tokens are shown"},
    {ROW(MN_OPT_FLAG, 0, "decode", decode), .no_env = 1, .help = "the text is ids; print theirs"},
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_tokenize = {
    .name = "tokenize",
    .run = run,
    .options = rows,
    .size = sizeof(tokenize_options),
    .max_words = 1,
    .words = "NONE",
    .usage = "[-m MODEL] [--file FILE | TEXT]",
    .summary = "text to token ids, and back",
    .about = "Prints the ids on one line, separated by spaces. With --decode, TEXT is such a line, "
             "and the bytes they stand for are printed, nothing added.",
};
