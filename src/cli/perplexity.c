/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/perplexity.c - `omnesia perplexity`: how surprised a model is by a text, and how far its
 * next-token distributions are from those that llama-perplexity saved.
 *
 * llama-perplexity's definition, so that figures compare: the text (one newline at its end taken
 * off) becomes one run of tokens, cut into windows of --ctx that do not overlap; a rest is left
 * out. The first token of each window is replaced by the begin token when the model has one.
 * Positions from ctx/2 to ctx-2 are scored on the token that follows them. Logits are asked for
 * in batches, so that a large vocabulary does not cost ctx/2 rows at once.
 */
#include "cli/cli.h"
#include "cli/kl_base.h"
#include "cli/progress.h"
#include "cli/score.h"
#include "omnesia.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 30, LOGIT_BYTES = 64 << 20 };

typedef struct perplexity_options {
    mn_cli_common common;
    const char *model, *file, *kl_base;
    int32_t ctx, chunks, threads;
    int kv, bf16;
} perplexity_options;

/* Where the windows come from (tokens of a text, or saved ones), and what came of them. */
typedef struct work {
    mn_model *model;
    mn_session *session;
    int32_t *text; /* [n_text], NULL with saved logits */
    mn_cli_kl_base base;
    int32_t ctx, chunks, n_vocab, begin; /* begin: -1 when the model has none */
    int32_t *window;                     /* [ctx] */
    float *logits;                       /* [rows, n_vocab] */
    int32_t rows;
    mn_cli_score score;
    mn_cli_kl kl;
} work;

static size_t logit_bytes(const work *w) {
    return (size_t)w->rows * (size_t)w->n_vocab * sizeof *w->logits;
}

/* The text of --file as tokens; sets the number of windows. */
static int read_text(work *w, const perplexity_options *o) {
    mn_buf text = {.what = o->file};
    int rc = mn_file_read(o->file, TEXT_MAX, &text);
    if (rc < 0) goto out;
    if (text.len && text.data[text.len - 1] == '\n') text.len--;

    const size_t cap = text.len + 16; /* a token is a byte at least, but for begin and a space */
    if (!(w->text = mn_malloc(cap * sizeof *w->text))) {
        rc = MN_FAIL(MN_ENOMEM, "no memory for the tokens of %zu bytes of text", text.len);
        goto out;
    }
    rc = mn_encode(w->model, text.len ? text.data : "", text.len, MN_BEGIN, w->text, cap);
    if (rc < 0) goto out;
    if ((size_t)rc > cap) {
        rc = MN_FAIL(MN_ECORRUPT, "%zu bytes of text became %d tokens", text.len, rc);
    } else if (rc < 2 * o->ctx) {
        rc = MN_FAIL(MN_EINVAL,
                     "%s has %d tokens, windows of %d need at least %d: give a longer text or a "
                     "smaller --ctx",
                     o->file, rc, o->ctx, 2 * o->ctx);
    } else {
        w->ctx = o->ctx;
        w->chunks = rc / o->ctx;
        if (o->chunks && o->chunks < w->chunks) w->chunks = o->chunks;
    }
out:
    mn_buf_free(&text);
    return rc < 0 ? rc : 0;
}

static int read_saved(work *w, const perplexity_options *o) {
    MN_TRY(mn_cli_kl_base_open(o->kl_base, &w->base));
    if (w->base.n_vocab != w->n_vocab)
        return MN_FAIL(MN_EINVAL, "%s was saved with a vocabulary of %d, %s has %d", o->kl_base,
                       w->base.n_vocab, o->model, w->n_vocab);
    w->ctx = w->base.n_ctx;
    w->chunks = w->base.n_chunk;
    if (o->chunks && o->chunks < w->chunks) w->chunks = o->chunks;
    return 0;
}

static int prepare(work *w, const perplexity_options *o) {
    MN_TRY(mn_cli_model_open(o->model, (mn_model_options){.threads = o->threads, .bf16 = o->bf16},
                             &w->model));
    mn_model_info info;
    mn_model_describe(w->model, &info);
    w->n_vocab = info.n_vocab;
    int32_t begin;
    const int n_begin = mn_encode(w->model, "", 0, MN_BEGIN, &begin, 1);
    MN_TRY(n_begin);
    w->begin = n_begin ? begin : -1;

    MN_TRY(o->kl_base ? read_saved(w, o) : read_text(w, o));
    if (w->ctx > info.n_context)
        return MN_FAIL(MN_ETOOLONG, "windows of %d tokens do not fit the %d of %s", w->ctx,
                       info.n_context, o->model);
    const int32_t scored = w->ctx - 1 - w->ctx / 2;
    w->rows = (int32_t)(LOGIT_BYTES / sizeof *w->logits / (size_t)w->n_vocab);
    w->rows = w->rows < 1 ? 1 : w->rows > scored ? scored : w->rows;
    if (!(w->window = mn_malloc((size_t)w->ctx * sizeof *w->window)))
        return MN_FAIL(MN_ENOMEM, "no memory for a window of %d tokens", w->ctx);
    void *logits = NULL;
    MN_TRY(mn_alloc_pages(logit_bytes(w), "logits", &logits));
    w->logits = logits;
    return mn_session_open(w->model, w->ctx, o->kv, &w->session);
}

/* Score `n` rows of logits, of positions from `at` on. */
static int score_rows(work *w, int32_t chunk, int32_t at, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        mn_cli_row row;
        MN_TRY(mn_cli_row_measure(w->logits + (size_t)i * (size_t)w->n_vocab, w->n_vocab, &row));
        mn_cli_score_add(&w->score, &row, w->window[at + i + 1]);
        if (w->base.map.data)
            MN_TRY(mn_cli_kl_add(&w->kl, &w->base, chunk, at + i - w->ctx / 2, &row));
    }
    return 0;
}

static int score_window(work *w, int32_t chunk) {
    if (w->base.map.data)
        MN_TRY(mn_cli_kl_base_tokens(&w->base, chunk, w->window));
    else
        memcpy(w->window, w->text + (size_t)chunk * (size_t)w->ctx,
               (size_t)w->ctx * sizeof *w->text);
    if (w->begin >= 0) w->window[0] = w->begin;

    MN_TRY(mn_session_trim(w->session, 0));
    MN_TRY(mn_session_eval(w->session, w->window, w->ctx / 2, NULL, 0));
    for (int32_t at = w->ctx / 2; at < w->ctx - 1;) {
        const int32_t left = w->ctx - 1 - at, n = left < w->rows ? left : w->rows;
        MN_TRY(mn_session_eval(w->session, w->window + at, n, w->logits, n));
        MN_TRY(score_rows(w, chunk, at, n));
        at += n;
    }
    return 0;
}

static int report(const work *w) {
    char text[256];
    int n = 0;
    if (w->kl.n)
        n = snprintf(text, sizeof text, "mean KL: %.4e\ntop-1 equal: %.3f %%\n",
                     w->kl.sum / (double)w->kl.n, 100.0 * (double)w->kl.same_top / (double)w->kl.n);
    n += snprintf(text + n, sizeof text - (size_t)n, "perplexity: %.4f\n",
                  mn_cli_score_perplexity(&w->score));
    fprintf(stderr, "+- %.4f over %llu tokens in %d windows of %d\n", mn_cli_score_error(&w->score),
            (unsigned long long)w->score.n, w->chunks, w->ctx);
    return mn_cli_write(text, (size_t)n);
}

static int run(const void *options, int n_words, const char *const *words) {
    const perplexity_options *o = options;
    if (!o->file == !o->kl_base)
        return MN_FAIL(MN_CLI_USAGE, "perplexity: give a text with --file, or saved logits with "
                                     "--kl-base, and not both");
    mn_cli_bar scoring = {0};
    const mn_progress bar = mn_cli_progress(&scoring);
    work w = {0};
    int rc = prepare(&w, o);
    for (int32_t chunk = 0; rc >= 0 && chunk < w.chunks; chunk++) {
        if (bar.report)
            bar.report(bar.user, "scoring windows", (uint64_t)chunk, (uint64_t)w.chunks);
        rc = score_window(&w, chunk);
    }
    mn_cli_progress_clear(&scoring);
    if (rc >= 0) rc = report(&w);
    mn_session_close(&w.session);
    if (w.logits) mn_free_pages(w.logits, logit_bytes(&w));
    mn_free(w.window);
    mn_free(w.text);
    mn_cli_kl_base_close(&w.base);
    mn_model_close(&w.model);
    return rc < 0 ? rc : 0;
}

static const mn_opt options[] = {
    {.kind = MN_OPT_TEXT,
     .letter = 'm',
     .name = "model",
     .value = "MODEL",
     .offset = offsetof(perplexity_options, model),
     .standard = "smollm2-135m",
     .help = "name or path of a model"},
    {.kind = MN_OPT_TEXT,
     .letter = 'f',
     .name = "file",
     .value = "FILE",
     .no_env = 1,
     .offset = offsetof(perplexity_options, file),
     .help = "the text; - is standard input"},
    {.kind = MN_OPT_INT,
     .name = "ctx",
     .value = "N",
     .offset = offsetof(perplexity_options, ctx),
     .min = 4,
     .max = 1 << 20,
     .standard = "512",
     .help = "tokens in a window"},
    {MN_CLI_COUNT(0, "chunks", offsetof(perplexity_options, chunks), INT32_MAX, "0",
                  "windows at most; 0 is all"),
     .no_env = 1},
    {.kind = MN_OPT_TEXT,
     .name = "kl-base",
     .value = "FILE",
     .no_env = 1,
     .offset = offsetof(perplexity_options, kl_base),
     .help = "instead of a text: what llama-perplexity --save-all-logits wrote"},
    {.kind = MN_OPT_CHOICE,
     .name = "kv",
     .offset = offsetof(perplexity_options, kv),
     .standard = "f16",
     .choices = "f16|q8",
     .help = "format of the KV cache"},
    {MN_CLI_COUNT('t', "threads", offsetof(perplexity_options, threads), 64, "0",
                  "compute threads; 0: one per core")},
    {.kind = MN_OPT_CHOICE,
     .name = "numerics",
     .value = "NAME",
     .offset = offsetof(perplexity_options, bf16),
     .standard = "c1",
     .choices = "c1|bf16",
     .help = "arithmetic of attention: c1 is f32, bf16 is faster over long texts"},
    MN_CLI_COMMON,
    {0}};

const mn_cli_command mn_cli_command_perplexity = {
    .name = "perplexity",
    .run = run,
    .options = options,
    .size = sizeof(perplexity_options),
    .max_words = 0,
    .usage = "[-m MODEL] --file FILE [--ctx N] [--chunks N]",
    .summary = "how surprised a model is by a text (as llama-perplexity measures it)",
    .about = "The text is cut into windows of --ctx tokens that do not overlap; the second half of "
             "each is scored. The last line of output is `perplexity: X`; how far off it may be "
             "(the statistical error) is told on standard error.\n\n"
             "With --kl-base the tokens come from a file that llama-perplexity --save-all-logits "
             "wrote, and two lines before the last say how far our next-token distributions are "
             "from the saved ones: `mean KL: X` in nats, and `top-1 equal: X %`."};
