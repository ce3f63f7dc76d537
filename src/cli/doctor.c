/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/doctor.c - `omnesia doctor`: what is here, what is missing, and the command that adds it.
 */
#include "cli/cli.h"
#include "cli/lines.h"
#include "omnesia.h"

typedef struct doctor_options {
    mn_cli_common common;
} doctor_options;

static int run(const void *options, int n_words, const char *const *words) {
    (void)options, (void)n_words, (void)words;
    mn_cli_lines lines = {0};
    return mn_cli_lines_end(&lines, mn_doctor(mn_cli_lines_add, &lines));
}

static const mn_opt rows[] = {MN_CLI_COMMON, {0}};

const mn_cli_command mn_cli_command_doctor = {
    .name = "doctor",
    .run = run,
    .options = rows,
    .size = sizeof(doctor_options),
    .usage = "",
    .summary = "what this machine offers, and what is missing",
};
