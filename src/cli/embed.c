/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/embed.c - `omnesia embed`: texts to vectors, as JSON, one object a line.
 *
 * Lines of standard input go through the model LINES at a time, and their vectors are written
 * before the next are read from the text: memory holds the text and LINES vectors.
 */
#include "cli/cli.h"
#include "cli/progress.h"
#include "omnesia.h"

#include "base/alloc.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 30, LINES = 256 };

typedef struct embed_options {
    mn_cli_common common;
    const char *model;
    int32_t threads;
} embed_options;

/* What one run needs: the vectors of LINES texts. */
typedef struct embedding {
    mn_model *model;
    int32_t width, tokens[LINES];
    mn_text text[LINES];
    float *vector; /* [LINES, width] */
    size_t bytes;
    mn_buf out;
} embedding;

/* Nine digits give every float back. */
static int put_vector(embedding *e, size_t i) {
    MN_TRY(mn_buf_printf(&e->out, "{\"tokens\":%d,\"embedding\":[", e->tokens[i]));
    for (int32_t c = 0; c < e->width; c++)
        MN_TRY(mn_buf_printf(&e->out, c ? ",%.9g" : "%.9g",
                             (double)e->vector[i * (size_t)e->width + (size_t)c]));
    return mn_buf_puts(&e->out, "]}\n");
}

/* The first n of e->text, which are lines `from` on (0: no lines). */
static int embed(embedding *e, size_t n, size_t from) {
    char why[400];
    const int rc = mn_embed_all(e->model, e->text, n, e->vector, e->tokens, NULL);
    if (rc < 0 && from) {
        snprintf(why, sizeof why, "%s", mn_error_detail());
        return MN_FAIL(rc, "of lines %zu to %zu, %s", from, from + n - 1, why);
    }
    MN_TRY(rc);
    mn_buf_clear(&e->out);
    for (size_t i = 0; i < n; i++) MN_TRY(put_vector(e, i));
    return mn_cli_write(e->out.data, e->out.len);
}

static int embed_lines(embedding *e, const mn_buf *text) {
    size_t n = 0, from = 1;
    for (size_t at = 0; at < text->len;) {
        const char *p = text->data + at, *end = memchr(p, '\n', text->len - at);
        const size_t bytes = end ? (size_t)(end - p) : text->len - at;
        e->text[n++] = (mn_text){p, bytes && p[bytes - 1] == '\r' ? bytes - 1 : bytes};
        at += bytes + 1;
        if (n < LINES && at < text->len) continue;
        MN_TRY(embed(e, n, from));
        from += n;
        n = 0;
    }
    return 0;
}

static int open_model(embedding *e, const embed_options *o) {
    mn_model_info info;
    void *block;
    MN_TRY(mn_cli_model_open(o->model, (mn_model_options){.threads = o->threads, .kind = MN_EMBEDS},
                             &e->model));
    mn_model_describe(e->model, &info);
    e->width = info.n_embd;
    e->bytes = (size_t)LINES * (size_t)info.n_embd * sizeof *e->vector;
    MN_TRY(mn_alloc_pages(e->bytes, "vectors", &block));
    e->vector = block;
    return 0;
}

static int run(const void *options, int n_words, const char *const *words) {
    if (n_words != 1)
        return MN_FAIL(MN_CLI_USAGE,
                       "embed needs one TEXT, or '-' for the lines of standard input");
    const int lines = strcmp(words[0], "-") == 0;
    mn_buf text = {.what = "the text"};
    embedding e = {.out = {.what = "lines of vectors"}};
    int rc = lines ? mn_file_read("-", TEXT_MAX, &text) : 0;
    if (rc >= 0) rc = open_model(&e, options);
    if (rc >= 0 && lines) rc = embed_lines(&e, &text);
    if (rc >= 0 && !lines) {
        e.text[0] = (mn_text){words[0], strlen(words[0])};
        rc = embed(&e, 1, 0);
    }
    if (e.vector) mn_free_pages(e.vector, e.bytes);
    mn_model_close(&e.model);
    mn_buf_free(&text);
    mn_buf_free(&e.out);
    return rc < 0 ? rc : 0;
}

#define ROW(kind_, letter_, name_, field_) \
    .kind = kind_, .letter = letter_, .name = name_, .offset = offsetof(embed_options, field_)
static const mn_opt rows[] = {
    {ROW(MN_OPT_TEXT, 'm', "model", model), .value = "MODEL", .standard = "minilm-l6", .no_env = 1,
     .help = "a model for embeddings that `omnesia models` lists, a safetensors file of the BERT "
             "family, or a GGUF file"},
    {MN_CLI_COUNT('t', "threads", offsetof(embed_options, threads), 64, "0",
                  "compute threads; 0: one per core")},
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_embed = {
    .name = "embed",
    .run = run,
    .options = rows,
    .size = sizeof(embed_options),
    .max_words = 1,
    .usage = "[-m MODEL] TEXT | -",
    .summary = "texts to vectors",
    .about =
        "Prints {\"tokens\": N, \"embedding\": [...]}: how many tokens the text has, and its "
        "vector, "
        "of length 1, so that the product of two vectors is the cosine of their angle. With '-' "
        "each line of standard input is a text, and gets a line of output.\n\n"
        "A text longer than the model reads (minilm-l6: 512 tokens) is refused, never cut.",
};
