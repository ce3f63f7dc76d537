/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/help.c - `omnesia help`: what --help prints, of the program and of one command. manual.c has
 * the other printed forms of the command table, completion.c those for shells.
 */
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/screen.h"
#include "omnesia.h"

#include <string.h>

typedef struct help_options {
    mn_cli_common common;
    int markdown, man;
    const char *completion;
} help_options;

const char mn_cli_purpose[] =
    "Run language models within the memory you have, on this machine, with nothing else to start.";
static const char places[] =
    "An option marked OMNESIA_NAME takes its value from that environment variable, or from a "
    "config "
    "file, when it is not given. The result goes to standard output, all else to standard error. "
    "`omnesia help --man` and docs/CLI.md have the whole manual.";

int mn_cli_wrap(const char *text, int columns, int hang, mn_buf *out) {
    int at = (int)strspn(text, " "), fresh = 1;
    MN_TRY(mn_buf_append(out, text, (size_t)at));
    for (text += at; *text; fresh = 0) {
        const size_t n = strcspn(text, " \n");
        int width = 0;
        for (size_t i = 0; i < n; i++) width += ((unsigned char)text[i] & 0xc0) != 0x80;
        if (at > hang && at + 1 + width > columns) {
            MN_TRY(mn_buf_printf(out, "\n%*s", hang, ""));
            at = hang;
        } else if (at && !fresh) {
            MN_TRY(mn_buf_puts(out, " "));
            at++;
        }
        MN_TRY(mn_buf_append(out, text, n));
        at += width;
        text += n;
        if (*text == ' ') text++;
        for (; *text == '\n'; text++, at = 0) MN_TRY(mn_buf_puts(out, "\n"));
    }
    return 0;
}

int mn_cli_columns(void) {
    int columns, rows;
    mn_screen_size(&columns, &rows);
    return columns < 60 ? 60 : columns > 100 ? 100 : columns;
}

static int paragraph(const char *text, mn_buf *out) {
    MN_TRY(mn_cli_wrap(text, mn_cli_columns(), 0, out));
    return mn_buf_puts(out, "\n");
}

/* A line of the help, those behind it set in; its end. */
static int put_line(mn_buf *text, int hang, mn_buf *out) {
    const int rc = mn_cli_wrap(text->data, mn_cli_columns(), hang, out);
    mn_buf_free(text);
    return rc < 0 ? rc : mn_buf_puts(out, "\n");
}

static int title(const mn_cli_command *command, mn_buf *out) {
    mn_buf text = {0};
    MN_TRY(mn_buf_printf(&text, "omnesia %s - %s", command->name, command->summary));
    return put_line(&text, 0, out);
}

static int usage(const mn_cli_command *command, mn_buf *out) {
    mn_buf text = {0};
    MN_TRY(mn_buf_printf(&text, "\nusage: omnesia %s %s", command->name, command->usage));
    return put_line(&text, 7, out);
}

static int summary(const mn_cli_command *command, mn_buf *out) {
    mn_buf text = {0};
    MN_TRY(mn_buf_printf(&text, "  %-12s %s", command->name, command->summary));
    return put_line(&text, 15, out);
}

int mn_cli_help(const mn_cli_command *command, mn_buf *out) {
    if (command) {
        MN_TRY(title(command, out));
        MN_TRY(usage(command, out));
        if (command->about) {
            MN_TRY(mn_buf_puts(out, "\n"));
            MN_TRY(paragraph(command->about, out));
        }
        MN_TRY(mn_buf_puts(out, "\noptions:\n"));
        return mn_opt_print(command->options, mn_cli_columns(), out);
    }
    MN_TRY(mn_buf_printf(out, "omnesia %s\n", mn_version()));
    MN_TRY(paragraph(mn_cli_purpose, out));
    MN_TRY(mn_buf_puts(out, "\nusage: omnesia COMMAND [OPTIONS] [WORDS]\n\n"));
    for (const mn_cli_command *const *c = mn_cli_commands; *c; c++) MN_TRY(summary(*c, out));
    MN_TRY(mn_buf_puts(out, "\n`omnesia COMMAND --help` tells more about one of them.\n\n"));
    return paragraph(places, out);
}

static int run(const void *options, int n_words, const char *const *words) {
    const help_options *o = options;
    const mn_cli_command *c = n_words ? mn_cli_find(words[0]) : NULL;
    if (n_words && !c)
        return MN_FAIL(MN_CLI_USAGE, "unknown command '%s'; `omnesia help` lists them", words[0]);
    mn_buf out = {0};
    int rc = o->markdown     ? mn_cli_markdown(&out)
             : o->man        ? mn_cli_man(&out)
             : o->completion ? mn_cli_completion(o->completion, &out)
                             : mn_cli_help(c, &out);
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

static const mn_opt rows[] = {{.kind = MN_OPT_FLAG,
                               .name = "markdown",
                               .no_env = 1,
                               .offset = offsetof(help_options, markdown),
                               .help = "print docs/CLI.md"},
                              {.kind = MN_OPT_FLAG,
                               .name = "man",
                               .no_env = 1,
                               .offset = offsetof(help_options, man),
                               .help = "print the manual page omnesia(1)"},
                              {.kind = MN_OPT_TEXT,
                               .name = "completion",
                               .value = "SHELL",
                               .no_env = 1,
                               .offset = offsetof(help_options, completion),
                               .help = "print what bash, zsh or fish complete command lines with"},
                              MN_CLI_COMMON,
                              {0}};

const mn_cli_command mn_cli_command_help = {
    .name = "help",
    .run = run,
    .options = rows,
    .size = sizeof(help_options),
    .max_words = 1,
    .words = "COMMAND",
    .usage = "[COMMAND]",
    .summary = "what each command does",
    .no_config = 1,
};
