/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/doctor.c - `omnesia doctor`: what is here, what is missing, and the command that adds it.
 */
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/lines.h"
#include "omnesia.h"

typedef struct doctor_options {
    mn_cli_common common;
} doctor_options;
extern const mn_cli_command mn_cli_command_doctor;

/* Which config file there is, or what is wrong with it, which is no failure here. */
static int config_line(const mn_cli_common *common, mn_cli_lines *lines) {
    mn_cli_config config = {0};
    mn_buf line = {0};
    int rc = mn_cli_config_read(common->config, &mn_cli_command_doctor, &config);
    if (rc < 0)
        rc = mn_buf_printf(&line, "config       wrong: %s", mn_error_detail());
    else if (config.path)
        rc = mn_buf_printf(&line, "config       %s, %d options", config.path, config.entries);
    else
        rc = mn_buf_puts(&line, "config       no file");
    if (rc >= 0) mn_cli_lines_add(lines, line.data);
    mn_buf_free(&line);
    mn_cli_config_free(&config);
    return rc;
}

static int run(const void *options, int n_words, const char *const *words) {
    (void)n_words, (void)words;
    mn_cli_lines lines = {0};
    int rc = config_line(options, &lines);
    if (rc >= 0) rc = mn_doctor(mn_cli_lines_add, &lines);
    return mn_cli_lines_end(&lines, rc);
}

static const mn_opt rows[] = {MN_CLI_COMMON, {0}};

const mn_cli_command mn_cli_command_doctor = {
    .name = "doctor",
    .run = run,
    .options = rows,
    .size = sizeof(doctor_options),
    .usage = "",
    .no_config = 1,
    .summary = "what this machine offers, and what is missing",
};
