/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/list.h - every command, in the order help shows them; each lives in src/cli/NAME.c as
 * `const mn_cli_command mn_cli_command_NAME` (put, get, del and ls in objects.c).
 */
#ifndef MN_CLI_LIST_H
#define MN_CLI_LIST_H
#include "cli/cli.h"

/* clang-format off */
#define MN_CLI_LIST(X) \
    X(run) X(chat) X(serve) X(mcp) X(batch) X(demo) X(explain) X(region) X(top) X(put) X(get) \
    X(watch) X(del) X(commit) X(ls) X(mem) X(task) X(write) X(fleet) X(pull) X(models) X(inspect) \
    X(tokenize) X(embed) X(perplexity) X(bench) X(doctor) X(help)
/* clang-format on */

#define X(name) extern const mn_cli_command mn_cli_command_##name;
MN_CLI_LIST(X)
#undef X

#endif
