/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/config.h - options that stand in a file: what is always wished need not be typed.
 *
 * An INI file (base/ini.h): a section is a command, or * for all of them; a key is the long name of
 * an option. A command's own section counts more than [*], the environment more than the file, the
 * command line more than all. In [*] a key is an option of any command, and those without it, or
 * that take it from the command line only, do not hear of it. Names are checked in all sections, so
 * that a slip of the fingers is found by the first command that runs; values, by the commands they
 * are of.
 */
#ifndef MN_CLI_CONFIG_H
#define MN_CLI_CONFIG_H
#include "cli/cli.h"

typedef struct mn_cli_config {
    char *path;          /* NULL: there is no file */
    mn_opt_given *given; /* of one command: [*] first, in the order of the file */
    int n;
    int entries; /* in the whole file */
    mn_buf text;
} mn_cli_config;

/* What the file says of a command's options. path: of --config; "none": no file; NULL or "": the
 * user's own, which need not be there. Zero-initialise; free also after a failure. MN_EINVAL names
 * file, line and key. */
int mn_cli_config_read(const char *path, const mn_cli_command *command, mn_cli_config *out);
void mn_cli_config_free(mn_cli_config *config);

#endif
