/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/run.c - `omnesia run`: one question, one answer.
 *
 * The answer streams to standard output; the facts follow on standard error. With --json the text
 * is kept and one object is the only line.
 */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/generate.h"
#include "cli/progress.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct run_options {
    mn_cli_common common;
    mn_cli_generate generate;
    int raw, json;
} run_options;

#define AT(field) offsetof(run_options, field)
static const mn_opt options[] = {
    {.kind = MN_OPT_ROWS, .offset = AT(generate), .rows = mn_cli_generate_rows},
    {.kind = MN_OPT_FLAG,
     .name = "raw",
     .offset = AT(raw),
     .no_env = 1,
     .help = "the prompt is the text to continue: no chat template"},
    {.kind = MN_OPT_FLAG,
     .name = "json",
     .offset = AT(json),
     .no_env = 1,
     .help = "one JSON object as the last line, nothing else"},
    MN_CLI_COMMON,
    {0}};

static const char question[] = "What is the capital of France, and what is it known for?";

/* What on_text needs. */
typedef struct sink {
    const run_options *o;
    mn_buf text;    /* of --json */
    mn_cli_bar bar; /* of reading the prompt; gone before the first text */
    double first_ms;
    int rc, ends_line;
} sink;

static mn_model *running;                 /* for Ctrl-C */
static volatile sig_atomic_t interrupted; /* by which signal */

/* What was computed until now is kept, and brought to disk, before the program ends. */
static void interrupt(int signal_number) {
    interrupted = signal_number;
    if (running) mn_cancel(running);
    signal(signal_number, SIG_DFL); /* a second one ends the program */
}

static int on_text(void *user, const char *text, size_t n) {
    sink *s = user;
    if (s->first_ms == 0) {
        s->first_ms = mn_cli_age_ms();
        mn_cli_progress_clear(&s->bar);
    }
    s->ends_line = n && text[n - 1] == '\n';
    s->rc = s->o->json ? mn_buf_append(&s->text, text, n) : mn_cli_say(text, n);
    return s->rc < 0;
}

static int print_json(const sink *s, const mn_stats *stats) {
    json_t *o =
        json_pack("{s:s%, s:i, s:i, s:i, s:s?, s:f, s:f, s:f, s:f, s:s}", "text",
                  s->text.len ? s->text.data : "", s->text.len, "prompt_tokens",
                  (int)stats->prompt_tokens, "tokens", (int)stats->tokens, "cached_tokens",
                  (int)stats->cached_tokens, "cached_from", stats->cached_from, "first_token_ms",
                  s->first_ms, "prefill_tps", stats->prefill_tps, "decode_tps", stats->decode_tps,
                  "peak_rss_mb", mn_cli_peak_rss_mb(), "finish", stats->finish);
    char *line = mn_json_text(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!line) return MN_FAIL(MN_EINVAL, "the answer cannot be written as JSON");
    int rc = mn_cli_write(line, strlen(line));
    if (rc >= 0) rc = mn_cli_write("\n", 1);
    mn_free(line);
    return rc;
}

/* The prompt: documents, then the words, "-" standing for standard input, or the built-in
 * question. */
static int prompt_of(const run_options *o, int n_words, const char *const *words, mn_buf *out) {
    if (!n_words && (o->generate.files.n || o->raw))
        return MN_FAIL(MN_CLI_USAGE, o->raw ? "run --raw: give the text to go on from"
                                            : "run -f: give a question about the file too");
    MN_TRY(mn_cli_documents(&o->generate.files, out));
    const size_t documents = out->len;
    if (!n_words && !o->json) {
        fprintf(stderr, "> %s\n", question);
        return mn_buf_puts(out, question);
    }
    for (int i = 0; i < n_words; i++) {
        if (i) MN_TRY(mn_buf_puts(out, " "));
        if (strcmp(words[i], "-") == 0) {
            MN_TRY(mn_file_read("-", 64 << 20, out));
            if (!o->raw && out->len && out->data[out->len - 1] == '\n') out->data[--out->len] = 0;
        } else
            MN_TRY(mn_buf_puts(out, words[i]));
    }
    if (!n_words) return mn_buf_puts(out, question);
    return out->len > documents ? 0 : MN_FAIL(MN_EINVAL, "the prompt is empty; ask it something");
}

/* own: our question, the first thing many ask; its answer is the likeliest one, unless they
 * say another temperature. */
static int answer(const run_options *o, const char *prompt, int own, mn_stats *stats, sink *s) {
    mn_request r = mn_cli_request(&o->generate);
    if (own && r.temp == mn_request_default().temp) r.temp = 0;
    r.prompt = prompt;
    r.raw = o->raw;
    r.on_text = on_text;
    r.user = s;
    r.progress = mn_cli_progress(&s->bar);
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    signal(SIGHUP, interrupt);
    const double asked = mn_cli_age_ms();
    int rc = mn_answer(running, &r, stats);
    mn_cli_progress_clear(&s->bar);
    if (s->first_ms == 0) s->first_ms = asked + stats->first_token_ms; /* it had no text */
    if (rc >= 0) rc = s->rc;
    if (rc >= 0 && o->json) rc = print_json(s, stats);
    if (rc >= 0 && !o->json && !s->ends_line) rc = mn_cli_write("\n", 1);
    if (rc >= 0 && !o->json) mn_cli_full(stats);
    if (rc >= 0 && !o->json) mn_cli_facts(stats, s->first_ms);
    return rc < 0 ? rc : interrupted ? 128 + interrupted : 0; /* as shells have it */
}

/* Once: which larger model this machine would carry. */
static void hint(const char *model) {
    char *text = NULL;
    if (mn_store_hint(model, &text) >= 0 && text) fprintf(stderr, "%s\n", text);
    mn_free_text(text);
}

static int run(const void *opaque, int n_words, const char *const *words) {
    const run_options *o = opaque;
    MN_TRY(mn_cli_generate_check(&o->generate));
    mn_buf prompt = {.what = "the prompt"};
    sink s = {.o = o};
    mn_stats stats = {0};
    mn_region *region = NULL;
    int rc = prompt_of(o, n_words, words, &prompt);
    if (rc >= 0) rc = mn_utf8_check("the prompt", prompt.data, prompt.len);
    if (rc >= 0) rc = mn_cli_generate_open(&o->generate, &region, &running);
    if (rc >= 0) rc = answer(o, prompt.data, !n_words, &stats, &s);
    if (rc == 0 && !o->json) hint(o->generate.model);
    mn_model_close(&running);
    mn_region_close(&region);
    mn_buf_free(&prompt);
    mn_buf_free(&s.text);
    return rc;
}

const mn_cli_command mn_cli_command_run = {
    .name = "run",
    .run = run,
    .options = options,
    .size = sizeof(run_options),
    .max_words = -1,
    .words = "NONE",
    .usage = "[-m MODEL] [-f FILE].. [PROMPT]",
    .summary = "ask a model one question",
    .about = "The words after the options are the question; `-` stands for standard input, "
             "whose last newline counts only with --raw; without any, a "
             "built-in question is asked. The answer goes to standard output as it is made, one "
             "line of facts "
             "to standard error.\n\n"
             "`-f FILE` puts a file's text before the question, marked as data with its name, so "
             "that all "
             "questions about one document begin with the same tokens."};
