/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/completion.h - what shells need to know to complete a command line of omnesia.
 *
 * Scripts for bash, zsh and fish, printed from the table of commands: names, options, choices.
 * What only the moment knows (models, keys) the scripts ask the program for.
 */
#ifndef MN_CLI_COMPLETION_H
#define MN_CLI_COMPLETION_H
#include "cli/cli.h"

/* Append the script for a shell: "bash", "zsh" or "fish". */
int mn_cli_completion(const char *shell, mn_buf *out);

#endif
