/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/manual.c - the manual: docs/CLI.md (--markdown) and omnesia(1) (--man, in the man(7) macros).
 *
 * Both are the table of commands between chapters of a few paragraphs, which stand here once. A
 * paragraph that begins with four blanks is shown as it is; a list is a table of its own.
 */
#include "cli/cli.h"
#include "omnesia.h"

#include <string.h>

static const char day[] = "2026-11-26"; /* of the last change to the chapters */

typedef struct item {
    const char *name, *about;
} item;

typedef struct chapter {
    const char *title; /* of the manual page, in its capitals */
    const char *text;  /* paragraphs separated by "\n\n"; may be NULL */
    const item *items; /* a list behind them; a NULL name ends it */
} chapter;

static const item variables[] = {
    {"OMNESIA_NAME", "the option --name, of every command that has it; - is written _"},
    {"OMNESIA_CACHE", "folder of models, packed weights and computed rows; else $XDG_CACHE_HOME/"
                      "omnesia, else ~/.cache/omnesia"},
    {"OMNESIA_DATA",
     "folder of all that is nobody's cache (durable objects, history of chats), and "
     "of the region; else $XDG_DATA_HOME/omnesia, else ~/.local/share/omnesia"},
    {"OMNESIA_ISA", "use no better instruction set than this one, such as avx2 or scalar"},
    {"OMNESIA_MODELS_LOCK", "another list of models that can be fetched"},
    {"OMNESIA_TRACE_ERRORS", "say for each failure where in the source it was born"},
    {"XDG_CONFIG_HOME", "folder of the config file's folder; else ~/.config"},
    {NULL, NULL}};

static const item files[] = {
    {"~/.config/omnesia/omnesia.ini", "the config file"},
    {"~/.cache/omnesia/models", "models that were fetched"},
    {"~/.cache/omnesia/packs", "their weights as kernels want them; they can be made again"},
    {"~/.cache/omnesia/kv", "what was computed, for after a restart"},
    {"~/.local/share/omnesia", "durable objects, and the history of chats"},
    {"/dev/shm/omnesia-UID", "the region that all processes of a user share; elsewhere where there "
                             "is no room: `omnesia doctor` says where"},
    {NULL, NULL}};

static const item statuses[] = {
    {"0", "success; also when nobody reads standard output any more"},
    {"1", "failure: one sentence on standard error says what failed, and what to do"},
    {"2", "a command line that makes no sense"},
    {"128+N", "ended by signal N, after what had been computed was kept"},
    {NULL, NULL}};

static const chapter chapters[] = {
    {"OPTIONS FROM ELSEWHERE",
     "An option that is not given on the command line is taken from the environment, else from the "
     "config file, else it has its default. One that can be repeated is taken from one of these as "
     "a whole. Options marked with a name, OMNESIA_TOP_K, can be given in all three ways; the "
     "others say what a single call is about, or what its caller will read, and are given on the "
     "command line only.\n\n"
     "The config file is an INI file. A section is a command, or `*` for all of them, and the "
     "command's own counts more; a key is the long name of an option; a flag is 1 or 0:\n\n"
     "    # what I always want\n"
     "    [*]\n"
     "    model = qwen2.5-coder-0.5b\n"
     "    memory = 50%\n"
     "\n"
     "    [run]\n"
     "    temp = 0\n"
     "    system = \"Answer in one sentence.\\nBe kind.\"\n"
     "    stop = END\n"
     "    stop = FINIS\n\n"
     "A value ends with its line, and nothing behind it is a comment; in double quotes blanks at "
     "its ends stay, and `\\n`, `\\t`, `\\\"` and `\\\\` stand for a new line, a tab, a quote and "
     "a "
     "backslash. A name or a value that is wrong is refused with file, line and key; `omnesia "
     "doctor` looks at the file without needing it, and `--config none` goes without.",
     NULL},
    {"ENVIRONMENT", NULL, variables},
    {"FILES", NULL, files},
    {"EXIT STATUS",
     "Standard output carries only the result; progress, facts, licences, hints and errors go to "
     "standard error.",
     statuses},
};
enum { CHAPTERS = sizeof chapters / sizeof *chapters };

/* Call `each` for every paragraph; verbatim: it began with four blanks. */
static int paragraphs(const char *text, int (*each)(mn_buf *out, const char *p, int verbatim),
                      mn_buf *out) {
    mn_buf part = {0};
    int rc = 0;
    while (text && *text && rc >= 0) {
        const int verbatim = strncmp(text, "    ", 4) == 0;
        const char *end = strstr(text, "\n\n");
        while (verbatim && end && strncmp(end + 2, "    ", 4) == 0) end = strstr(end + 2, "\n\n");
        const size_t n = end ? (size_t)(end - text) : strlen(text);
        mn_buf_clear(&part);
        rc = mn_buf_append(&part, text, n);
        if (rc >= 0) rc = each(out, part.data, verbatim);
        text += n + (end ? 2 : 0);
    }
    mn_buf_free(&part);
    return rc;
}

/* ---- docs/CLI.md ---------------------------------------------------------------------------- */

static int markdown_row(void *user, const mn_opt *row) {
    mn_buf *out = user;
    MN_TRY(mn_buf_puts(out, "- `"));
    MN_TRY(mn_opt_label(row, out));
    MN_TRY(mn_buf_puts(out, "`: "));
    MN_TRY(mn_opt_about(row, out));
    return mn_buf_puts(out, "\n");
}

static int markdown_paragraph(mn_buf *out, const char *text, int verbatim) {
    if (!verbatim) return mn_buf_printf(out, "%s\n\n", text);
    MN_TRY(mn_buf_puts(out, "```ini\n"));
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        MN_TRY(mn_buf_printf(out, "%.*s\n", (int)strcspn(line, "\n") - (*line == ' ' ? 4 : 0),
                             line + (*line == ' ' ? 4 : 0)));
    return mn_buf_puts(out, "```\n\n");
}

static int markdown_chapter(const chapter *c, mn_buf *out) {
    const int apart = out->len > 1 && strcmp(out->data + out->len - 2, "\n\n") == 0;
    MN_TRY(mn_buf_printf(out, "%s## %c", apart ? "" : "\n", *c->title));
    for (const char *p = c->title + 1; *p; p++)
        MN_TRY(mn_buf_printf(out, "%c", *p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
    MN_TRY(mn_buf_puts(out, "\n"));
    MN_TRY(paragraphs(c->text, markdown_paragraph, out));
    for (const item *i = c->items; i && i->name; i++)
        MN_TRY(mn_buf_printf(out, "- `%s`: %s\n", i->name, i->about));
    return 0;
}

int mn_cli_markdown(mn_buf *out) {
    MN_TRY(mn_buf_printf(out,
                         "# The command line\n\nPrinted by `omnesia help --markdown` from the "
                         "tables in src/cli; edit those.\n\n%s\n",
                         mn_cli_purpose));
    for (const mn_cli_command *const *p = mn_cli_commands; *p; p++) {
        const mn_cli_command *c = *p;
        MN_TRY(mn_buf_printf(out, "\n## omnesia %s\n`omnesia %s%s%s`: %s.\n\n", c->name, c->name,
                             *c->usage ? " " : "", c->usage, c->summary));
        if (c->about) MN_TRY(mn_buf_printf(out, "%s\n\n", c->about));
        MN_TRY(mn_opt_each(c->options, markdown_row, out));
    }
    for (int i = 0; i < CHAPTERS; i++) MN_TRY(markdown_chapter(&chapters[i], out));
    return 0;
}

/* ---- omnesia(1) ----------------------------------------------------------------------------- */

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

static int man_paragraph(mn_buf *out, const char *text, int verbatim) {
    MN_TRY(mn_buf_puts(out, verbatim ? ".PP\n.nf\n" : ".PP\n"));
    MN_TRY(troff(text, out));
    return verbatim ? mn_buf_puts(out, ".fi\n") : 0;
}

static int man_chapter(const chapter *c, mn_buf *out) {
    mn_buf text = {0};
    MN_TRY(mn_buf_printf(out, ".SH %s\n", c->title));
    int rc = paragraphs(c->text, man_paragraph, &text);
    /* mandoc wants no .PP at the head of a chapter */
    if (rc >= 0 && text.len) rc = mn_buf_puts(out, text.data + (text.data[1] == 'P' ? 4 : 0));
    mn_buf_free(&text);
    for (const item *i = c->items; rc >= 0 && i && i->name; i++) {
        rc = mn_buf_puts(out, ".TP\n.B ");
        if (rc >= 0) rc = troff(i->name, out);
        if (rc >= 0) rc = troff(i->about, out);
    }
    return rc;
}

int mn_cli_man(mn_buf *out) {
    MN_TRY(mn_buf_printf(out,
                         ".TH OMNESIA 1 \"%s\" \"omnesia %s\"\n.SH NAME\nomnesia \\- run language "
                         "models within the memory you have\n.SH SYNOPSIS\n.B omnesia\n"
                         ".I COMMAND\n[OPTIONS] [WORDS]\n.SH DESCRIPTION\n",
                         day, mn_version()));
    MN_TRY(troff(mn_cli_purpose, out));
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
    for (int i = 0; i < CHAPTERS; i++) MN_TRY(man_chapter(&chapters[i], out));
    return 0;
}
