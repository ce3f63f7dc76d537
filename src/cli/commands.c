/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/commands.c - the table of commands, and the options that all of them share.
 */
#include "cli/cli.h"

#include "cli/list.h"

#include <string.h>

const mn_opt mn_cli_common_rows[] = {
    {.kind = MN_OPT_BYTES,
     .name = "memory",
     .value = "SIZE",
     .offset = offsetof(mn_cli_common, memory),
     .help = "limit of all large allocations: bytes, 800M, 2G, or 50% of this machine"},
    {.kind = MN_OPT_TEXT,
     .name = "config",
     .value = "FILE",
     .offset = offsetof(mn_cli_common, config),
     .help = "take options from this file, where they are not given otherwise; none: from no file; "
             "default: omnesia.ini in $XDG_CONFIG_HOME/omnesia, else ~/.config/omnesia"},
    {.kind = MN_OPT_FLAG,
     .letter = 'h',
     .name = "help",
     .no_env = 1,
     .offset = offsetof(mn_cli_common, help),
     .help = "show this help"},
    {0}};

const mn_cli_command *const mn_cli_commands[] = {
#define X(name) &mn_cli_command_##name,
    MN_CLI_LIST(X)
#undef X
        NULL};

const mn_cli_command *mn_cli_find(const char *name) {
    for (const mn_cli_command *const *c = mn_cli_commands; *c; c++)
        if (strcmp((*c)->name, name) == 0) return *c;
    return NULL;
}
