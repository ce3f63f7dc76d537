/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/explain.c - `omnesia explain`: what an answer to this prompt would not have to compute.
 */
#include "cli/generate.h"

#include <stdio.h>
#include <string.h>

typedef struct explain_options {
    mn_cli_common common;
    mn_cli_generate generate;
    int raw;
} explain_options;

#define AT(field) offsetof(explain_options, field)
static const mn_opt options[] = {
    {.kind = MN_OPT_ROWS, .offset = AT(generate), .rows = mn_cli_generate_rows},
    {.kind = MN_OPT_FLAG,
     .name = "raw",
     .offset = AT(raw),
     .no_env = 1,
     .help = "the prompt is the text to continue: no chat template"},
    MN_CLI_COMMON,
    {0}};

static int say(const mn_cached *c, const mn_region *region, mn_buf *out) {
    const int rest = c->prompt_tokens - c->cached_tokens;
    MN_TRY(
        mn_buf_printf(out, "prompt   %d tokens\ncached   %d", c->prompt_tokens, c->cached_tokens));
    if (c->cached_tokens) MN_TRY(mn_buf_printf(out, ", in %d spans of the region", c->spans));
    if (c->disk_tokens && c->disk_tokens < c->cached_tokens)
        MN_TRY(mn_buf_printf(out, ", %d in memory and %d on disk",
                             c->cached_tokens - c->disk_tokens, c->disk_tokens));
    else if (c->cached_tokens)
        MN_TRY(mn_buf_puts(out, c->disk_tokens ? ", on disk" : ", in memory"));
    if (c->by) MN_TRY(mn_buf_printf(out, ", computed by process %lld", (long long)c->by));
    MN_TRY(mn_buf_printf(out, "\nrest     %d, from \"", rest));
    for (const char *p = c->next; *p; p++)
        MN_TRY(*p == '\n' ? mn_buf_puts(out, "\\n") : mn_buf_append(out, p, 1));
    MN_TRY(mn_buf_puts(out, "\" on\nwhy      "));
    if (!region) return mn_buf_puts(out, "nothing is shared: --region none\n");
    if (c->coming_tokens > c->cached_tokens)
        return mn_buf_printf(out, "a process is computing %d more just now\n",
                             c->coming_tokens - c->cached_tokens);
    return mn_buf_puts(out, rest > 1 ? "nobody has computed these tokens behind what is cached, or "
                                       "they had to make room\n"
                                     : "the last token is always computed: it says what comes "
                                       "next\n");
}

static int run(const void *opaque, int n_words, const char *const *words) {
    const explain_options *o = opaque;
    mn_buf prompt = {.what = "the prompt"}, out = {0};
    mn_region *region = NULL;
    mn_model *model = NULL;
    mn_cached c;
    mn_request r = mn_cli_request(&o->generate);
    if (!n_words) return MN_FAIL(MN_CLI_USAGE, "explain: give the prompt");
    int rc = mn_cli_prompt(&o->generate.files, n_words, words, &prompt);
    if (rc >= 0) rc = mn_cli_generate_open(&o->generate, &region, &model);
    r.prompt = prompt.data;
    r.raw = o->raw;
    if (rc >= 0) rc = mn_explain(model, &r, &c);
    if (rc >= 0) rc = say(&c, region, &out);
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_model_close(&model);
    mn_region_close(&region);
    mn_buf_free(&prompt);
    mn_buf_free(&out);
    return rc;
}

const mn_cli_command mn_cli_command_explain = {
    .name = "explain",
    .run = run,
    .options = options,
    .size = sizeof(explain_options),
    .max_words = -1,
    .words = "NONE",
    .usage = "[-m MODEL] [-f FILE].. PROMPT",
    .summary = "how much of a prompt is cached, and why the rest is not",
    .about = "Takes the words and options of `omnesia run` and says what an answer would find in "
             "the region. Nothing is computed, and nothing is left there."};
