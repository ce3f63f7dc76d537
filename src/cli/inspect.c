/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/inspect.c - `omnesia inspect FILE`: what a GGUF file holds.
 */
#include "cli/cli.h"
#include "cli/lines.h"
#include "omnesia.h"

typedef struct inspect_options {
    mn_cli_common common;
} inspect_options;

static int run(const void *options, int n_words, const char *const *words) {
    (void)options;
    if (!n_words) return MN_FAIL(MN_CLI_USAGE, "inspect needs a GGUF file or the name of a model");
    mn_cli_lines lines = {0};
    return mn_cli_lines_end(&lines, mn_inspect(words[0], mn_cli_lines_add, &lines));
}

static const mn_opt rows[] = {MN_CLI_COMMON, {0}};

const mn_cli_command mn_cli_command_inspect = {
    .name = "inspect",
    .run = run,
    .options = rows,
    .size = sizeof(inspect_options),
    .max_words = 1,
    .usage = "FILE",
    .summary = "metadata and tensors of a GGUF file",
    .about = "FILE is a path or a name that `omnesia models` lists.",
};
