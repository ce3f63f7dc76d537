/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/help.c - `omnesia help`, and printed forms of the command table: --help,
 * docs/CLI.md (--markdown) and the manual page (--man, in the man(7) macros); completion.c has those
 * for shells.
 */
#include "cli/cli.h"
#include "cli/completion.h"
#include "omnesia.h"

#include <string.h>

typedef struct help_options {
    mn_cli_common common;
    int markdown, man;
    const char *completion;
} help_options;

static const char purpose[] =
    "Run language models within the memory you have, on this machine, with nothing else to start.";
static const char places[] =
    "Models and packed weights live in OMNESIA_CACHE (else $XDG_CACHE_HOME/omnesia, else "
    "~/.cache/omnesia). An option marked OMNESIA_NAME takes its value from that environment "
    "variable when it is not given.\n\n"
    "Standard output carries only the result; progress, facts, licences, hints and errors go to "
    "standard error. Exit status: 0 success, 1 failure, 2 a wrong command line.";

/* `text` as lines of at most 100 columns, each indented. */
static int wrap(const char *text, int indent, mn_buf *out) {
    int at = 0;
    while (*text) {
        if (*text == '\n') {
            MN_TRY(mn_buf_puts(out, "\n"));
            at = 0;
            text++;
            continue;
        }
        const int n = (int)strcspn(text, " \n");
        if (at && at + 1 + n > 100) {
            MN_TRY(mn_buf_puts(out, "\n"));
            at = 0;
        }
        MN_TRY(mn_buf_printf(out, "%*s%.*s", at ? 1 : indent, "", n, text));
        at += n + (at ? 1 : indent);
        text += n;
        if (*text == ' ') text++;
    }
    return mn_buf_puts(out, "\n");
}

int mn_cli_help(const mn_cli_command *command, mn_buf *out) {
    if (command) {
        MN_TRY(mn_buf_printf(out, "omnesia %s - %s\n\nusage: omnesia %s %s\n", command->name,
                             command->summary, command->name, command->usage));
        if (command->about) {
            MN_TRY(mn_buf_puts(out, "\n"));
            MN_TRY(wrap(command->about, 0, out));
        }
        MN_TRY(mn_buf_puts(out, "\noptions:\n"));
        return mn_opt_print(command->options, out);
    }
    MN_TRY(mn_buf_printf(out, "omnesia %s\n%s\n\nusage: omnesia COMMAND [OPTIONS] [WORDS]\n\n",
                         mn_version(), purpose));
    for (const mn_cli_command *const *c = mn_cli_commands; *c; c++)
        MN_TRY(mn_buf_printf(out, "  %-12s %s\n", (*c)->name, (*c)->summary));
    MN_TRY(mn_buf_puts(out, "\n`omnesia COMMAND --help` tells more about one of them.\n\n"));
    return wrap(places, 0, out);
}

static int markdown_row(void *user, const mn_opt *row) {
    mn_buf *out = user;
    MN_TRY(mn_buf_puts(out, "- `"));
    MN_TRY(mn_opt_label(row, out));
    MN_TRY(mn_buf_puts(out, "`: "));
    MN_TRY(mn_opt_about(row, out));
    return mn_buf_puts(out, "\n");
}

int mn_cli_markdown(mn_buf *out) {
    MN_TRY(mn_buf_printf(out,
                         "# The command line\n\nPrinted by `omnesia help --markdown` from the "
                         "tables in src/cli; edit those.\n\n%s\n\n%s\n",
                         purpose, places));
    for (const mn_cli_command *const *p = mn_cli_commands; *p; p++) {
        const mn_cli_command *c = *p;
        MN_TRY(mn_buf_printf(out, "\n## omnesia %s\n`omnesia %s%s%s`: %s.\n\n", c->name, c->name,
                             *c->usage ? " " : "", c->usage, c->summary));
        if (c->about) MN_TRY(mn_buf_printf(out, "%s\n\n", c->about));
        MN_TRY(mn_opt_each(c->options, markdown_row, out));
    }
    return 0;
}

/* Text for troff: backslashes, minus signs and a leading dot or quote are its own characters. */
static int troff(const char *text, mn_buf *out) {
    int start = 1;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\'')) MN_TRY(mn_buf_puts(out, "\\&"));
        if (*text == '\\')
            MN_TRY(mn_buf_puts(out, "\\e"));
        else if (*text == '-')
            MN_TRY(mn_buf_puts(out, "\\-"));
        else if (text[0] == '\n' && text[1] == '\n')
            MN_TRY(mn_buf_puts(out, "\n.PP"));
        else
            MN_TRY(mn_buf_append(out, text, 1));
        start = *text == '\n';
    }
    return mn_buf_puts(out, "\n");
}

static int man_row(void *user, const mn_opt *row) {
    mn_buf *out = user, plain = {0};
    int rc = mn_buf_puts(out, ".TP\n.B ");
    if (rc >= 0) rc = mn_opt_label(row, &plain);
    if (rc >= 0) rc = troff(plain.data, out);
    mn_buf_clear(&plain);
    if (rc >= 0) rc = mn_opt_about(row, &plain);
    if (rc >= 0) rc = troff(plain.data, out);
    mn_buf_free(&plain);
    return rc;
}

int mn_cli_man(mn_buf *out) {
    MN_TRY(mn_buf_printf(out,
                         ".TH OMNESIA 1 \"\" \"omnesia %s\"\n.SH NAME\nomnesia \\- run language "
                         "models within the memory you have\n.SH SYNOPSIS\n.B omnesia\n"
                         ".I COMMAND\n[OPTIONS] [WORDS]\n.SH DESCRIPTION\n",
                         mn_version()));
    MN_TRY(troff(purpose, out));
    MN_TRY(mn_buf_puts(out, ".PP\n"));
    MN_TRY(troff(places, out));
    MN_TRY(mn_buf_puts(out, ".SH COMMANDS\n"));
    for (const mn_cli_command *const *p = mn_cli_commands; *p; p++) {
        const mn_cli_command *c = *p;
        MN_TRY(mn_buf_printf(out, ".SS omnesia %s ", c->name));
        MN_TRY(troff(c->usage, out));
        MN_TRY(troff(c->summary, out));
        if (c->about) {
            MN_TRY(mn_buf_puts(out, ".PP\n"));
            MN_TRY(troff(c->about, out));
        }
        MN_TRY(mn_opt_each(c->options, man_row, out));
    }
    return 0;
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
