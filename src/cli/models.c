/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/models.c - `omnesia models`: what -m accepts, one line each.
 */
#include "cli/cli.h"
#include "omnesia.h"

#include "base/budget.h"

#include <string.h>

typedef struct models_options {
    mn_cli_common common;
    int here;
} models_options;

typedef struct listing {
    const models_options *options;
    int name, licence; /* columns */
    mn_buf out;
} listing;

static const char *licence(const mn_store_entry *e) {
    return e->licence ? e->licence : "unknown";
}

static int widest(void *user, const mn_store_entry *e) {
    listing *l = user;
    if (l->options->here && !e->path) return 0;
    if ((int)strlen(e->name) > l->name) l->name = (int)strlen(e->name);
    if ((int)strlen(licence(e)) > l->licence) l->licence = (int)strlen(licence(e));
    return 0;
}

static int each(void *user, const mn_store_entry *e) {
    listing *l = user;
    char human[16];
    if (l->options->here && !e->path) return 0;
    return mn_buf_printf(&l->out, "%-*s  %7s  %-4s  %-*s  %s%s\n", l->name, e->name,
                         mn_budget_human(e->bytes, human), e->path ? "here" : "-", l->licence,
                         licence(e), e->embedding ? "(no text, for embeddings) " : "",
                         e->about ? e->about : e->source);
}

static int run(const void *options, int n_words, const char *const *words) {
    (void)n_words, (void)words;
    listing l = {.options = options};
    int rc = mn_store_list(widest, &l);
    if (rc >= 0) rc = mn_store_list(each, &l);
    if (rc >= 0 && l.out.len) rc = mn_cli_write(l.out.data, l.out.len);
    mn_buf_free(&l.out);
    return rc;
}

static const mn_opt rows[] = {{.kind = MN_OPT_FLAG,
                               .name = "here",
                               .no_env = 1,
                               .offset = offsetof(models_options, here),
                               .help = "only those that need no fetching"},
                              MN_CLI_COMMON,
                              {0}};

const mn_cli_command mn_cli_command_models = {
    .name = "models",
    .run = run,
    .options = rows,
    .size = sizeof(models_options),
    .usage = "[--here]",
    .summary = "the models that -m accepts",
    .about =
        "Columns: name, size, whether it is here, licence (unknown: its file is another "
        "program's and we do not know the terms), and what it is. Models that Ollama, "
        "llama.cpp, LM Studio and the Hugging Face hub keep on this machine are listed too; "
        "they are used where they are and never changed, and -m also takes their names without the "
        "first word when only one program has them (smollm2:135m). Any other GGUF file is named by "
        "its "
        "path.",
};
