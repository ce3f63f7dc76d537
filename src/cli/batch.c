/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/batch.c - `omnesia batch IN OUT`: a file of requests, as OpenAI's batches have them.
 *
 * A server that listens nowhere answers them, so that a line means here what it means over HTTP.
 * Ctrl-C ends it in peace: what is answered is kept beside OUT, and the same command goes on.
 */
#include "base/budget.h"
#include "base/clock.h"
#include "cli/generate.h"
#include "cli/progress.h"
#include "serve/serve.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    STEP_TOKENS = 256 /* nobody waits for a token: as many as are made at once */,
    WINDOW = 1 << 15 /* requests that are planned together */
};

typedef struct batch_options {
    mn_cli_common common;
    mn_cli_generate generate;
    int32_t slots;
    int order;
} batch_options;

#define AT(field) offsetof(batch_options, field)
static const mn_opt options[] = {
    {.kind = MN_OPT_ROWS, .offset = AT(generate), .rows = mn_cli_generate_rows},
    {MN_CLI_COUNT(0, "slots", AT(slots), 64, "0", "answers at once; 0: 64")},
    {.kind = MN_OPT_CHOICE,
     .name = "order",
     .value = "NAME",
     .offset = AT(order),
     .standard = "batch",
     .choices = "batch|fcfs|fair",
     .no_env = 1,
     .help = "who comes next: by shared beginnings, as they came, or by owner"},
    MN_CLI_COMMON,
    {0}};

static volatile sig_atomic_t interrupted;
static void interrupt(int number) {
    interrupted = number;
    signal(number, SIG_DFL); /* a second one ends the program */
}

typedef struct work {
    mn_cli_bar bar;
    mn_progress shown;
} work;

static int report(void *user, const char *what, uint64_t done, uint64_t total) {
    work *w = user;
    if (w->shown.report) w->shown.report(w->shown.user, what, done, total);
    return interrupted != 0;
}

/* All that decides an answer and is not in its line. */
static int salt_of(const mn_cli_generate *g, mn_buf *out) {
    return mn_buf_printf(out, "%s %d %d %d %d %a %a %a %a %a %a %a %d %d %llu", g->model, g->tokens,
                         g->context, g->kv, g->bf16, (double)g->temp, (double)g->top_p,
                         (double)g->min_p, (double)g->typical_p, (double)g->repeat_penalty,
                         (double)g->presence_penalty, (double)g->frequency_penalty, g->top_k,
                         g->repeat_last_n, (unsigned long long)g->seed);
}

static void say(const mn_batch_result *r, double seconds) {
    char refused[64] = "", kept[64] = "";
    if (r->refused) snprintf(refused, sizeof refused, ", %d of them with an error", r->refused);
    if (r->kept) snprintf(kept, sizeof kept, ", %d of them before", r->kept);
    fprintf(stderr,
            "omnesia: %d lines answered%s%s, in %.1f s: %llu tokens read, %llu cached, %llu "
            "written\n",
            r->lines, kept, refused, seconds, (unsigned long long)r->read,
            (unsigned long long)r->cached, (unsigned long long)r->written);
}

static int answer(const batch_options *o, mn_serve *server, const char *salt,
                  const char *const *words) {
    work w = {.shown = mn_cli_progress(&w.bar)};
    mn_batch_result result;
    const mn_batch_options b = {
        .in = words[0], .out = words[1], .salt = salt, .window = WINDOW, .progress = {report, &w}};
    const double start = mn_clock_seconds();
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    signal(SIGHUP, interrupt);
    const int rc = mn_batch_run(server, &b, &result);
    mn_cli_progress_clear(&w.bar);
    if (rc == MN_ECANCELLED && interrupted) {
        fprintf(stderr, "omnesia: %s\n", mn_error_detail());
        return 128 + interrupted;
    }
    if (rc >= 0) say(&result, mn_clock_seconds() - start);
    return rc;
}

static int run(const void *opaque, int n_words, const char *const *words) {
    static const char *const orders[] = {"batch", "fcfs", "fair"};
    const batch_options *o = opaque;
    mn_region *region = NULL;
    mn_serve *server = NULL;
    mn_cli_bar bar = {0};
    mn_buf salt = {0};
    if (n_words != 2)
        return MN_FAIL(MN_CLI_USAGE, "batch: name the file of requests, and the file for "
                                     "answers");
    MN_TRY(mn_cli_generate_check(&o->generate));
    mn_serve_options s = {.nowhere = 1,
                          .metrics = 2,
                          .models = {(const char *const *)&o->generate.model, 1},
                          .embedder = "minilm-l6",
                          .body = (uint64_t)64 << 20};
    s.request = mn_cli_request(&o->generate);
    s.request.system = NULL; /* a line says all of its conversation */
    s.loop = (mn_loop_options){orders[o->order], STEP_TOKENS, o->slots, 2 * WINDOW};
    int rc = salt_of(&o->generate, &salt);
    if (rc >= 0) rc = mn_cli_region_or_none(&o->generate, &region);
    s.model = (mn_model_options){.threads = o->generate.threads,
                                 .bf16 = o->generate.bf16,
                                 .region = region,
                                 .private_ = o->generate.private_,
                                 .notice = mn_cli_notice,
                                 .notice_user = &bar};
    if (rc >= 0) rc = mn_serve_open(&s, &server);
    if (rc >= 0) rc = answer(o, server, salt.data, words);
    mn_serve_close(&server, 0);
    mn_region_close(&region);
    mn_buf_free(&salt);
    return rc;
}

const mn_cli_command mn_cli_command_batch = {
    .name = "batch",
    .run = run,
    .options = options,
    .size = sizeof(batch_options),
    .max_words = 2,
    .usage = "[-m MODEL] [--memory SIZE] IN.jsonl OUT.jsonl",
    .summary = "answer a file of requests, as OpenAI's batches have them",
    .about = "IN has a request on each line: {\"custom_id\": \"a\", \"method\": \"POST\", \"url\": "
             "\"/v1/chat/completions\", \"body\": {..}}, for chat completions, completions, "
             "responses or embeddings; `-` stands for standard input. OUT gets OpenAI's lines, in "
             "the order of IN, when all of them are there.\n\n"
             "All requests are looked at before the first is answered: what begins alike runs "
             "together, so that a beginning many share is read once. Options say what a request "
             "leaves out.\n\n"
             "Answers are kept in OUT.part as they come. Whoever is killed goes on from there: the "
             "same command answers what is missing, and tries again what was refused."};
