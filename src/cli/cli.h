/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/cli.h - a command is a const struct; commands.c lists them; main.c runs one.
 *
 * How to add a command: write src/cli/NAME.c with an option struct whose first member is
 * mn_cli_common, an option table whose last row is MN_CLI_COMMON, a run function and one
 * const mn_cli_command; add it to the array in commands.c and to src/meson.build; run
 * `omnesia help --markdown > docs/CLI.md`. Help, man page, docs and the command line come from it.
 *
 * Standard output carries only the result; all else goes to standard error.
 */
#ifndef MN_CLI_H
#define MN_CLI_H
#include "base/error.h"
#include "base/opt.h"

#include <stddef.h>
#include <stdint.h>

/* What run() returns for a wrong word on the command line (through MN_FAIL): exit status 2. */
enum { MN_CLI_USAGE = -1000 };

/* Options every command has. */
typedef struct mn_cli_common {
    uint64_t memory;    /* kept with mn_memory_limit before run is called */
    const char *config; /* file that main.c has read options from */
    int help;
} mn_cli_common;
extern const mn_opt mn_cli_common_rows[];
#define MN_CLI_COMMON \
    { .kind = MN_OPT_ROWS, .rows = mn_cli_common_rows }

/* A row for a whole number from 0 to `high`, in braces: {MN_CLI_COUNT(...), .no_env = 1}. */
#define MN_CLI_COUNT(letter_, name_, offset_, high, standard_, help_)                      \
    .kind = MN_OPT_INT, .letter = letter_, .name = name_, .value = "N", .offset = offset_, \
    .min = 0, .max = high, .standard = standard_, .help = help_

/* A row with a text: a setting, which the environment and a file may have, too; or a word of this
 * call alone. */
#define MN_CLI_TEXT(name_, value_, offset_, help_) \
    { .kind = MN_OPT_TEXT, .name = name_, .value = value_, .offset = offset_, .help = help_ }
#define MN_CLI_WORD(name_, value_, offset_, help_)                                           \
    {                                                                                        \
        .kind = MN_OPT_TEXT, .name = name_, .value = value_, .no_env = 1, .offset = offset_, \
        .help = help_                                                                        \
    }

typedef struct mn_cli_command {
    const char *name;
    /* `options` is the filled struct. 0: success; negative: failure with mn_error_detail(),
     * exit status 1 (2 for MN_CLI_USAGE); positive: exit with this status, nothing printed. */
    int (*run)(const void *options, int n_words, const char *const *words);
    const mn_opt *options;
    size_t size;         /* of the option struct, which begins with mn_cli_common */
    int max_words;       /* more are refused before run is called; -1: any number */
    const char *words;   /* what its words are, for completion: "a|b", "MODEL", "KEY", "COMMAND",
                            "NONE"; NULL: files, when there may be any */
    const char *usage;   /* what follows the name: "[-m MODEL] [PROMPT]" */
    const char *summary; /* one line, no full stop */
    const char *about;   /* paragraphs separated by "\n\n"; may be NULL */
    int no_config;       /* 1: takes nothing from the config file, works with a wrong one */
    /* --help behind words: of one of its verbs. NULL: it has none. */
    int (*help)(const char *verb, mn_buf *out);
} mn_cli_command;

extern const mn_cli_command *const mn_cli_commands[]; /* in the order help shows; NULL ends */
const mn_cli_command *mn_cli_find(const char *name);  /* NULL: unknown */

extern const char mn_cli_purpose[]; /* of the program, one sentence */
/* Append the help of one command (NULL: of the program), docs/CLI.md, and the man page. */
int mn_cli_help(const mn_cli_command *command, mn_buf *out);
/* `text` as lines of so many columns, the last one without its end; those behind the first one of a
 * paragraph hang below its column `hang`. */
int mn_cli_wrap(const char *text, int columns, int hang, mn_buf *out);
int mn_cli_columns(void); /* of help: the terminal's, 60 to 100; 80 when there is none */
int mn_cli_markdown(mn_buf *out);
int mn_cli_man(mn_buf *out);

/* Write the result to standard output; MN_EIO when it cannot be written, and a quiet exit with
 * status 0 when the reader has gone away (a closed pipe is no error of ours). */
int mn_cli_write(const char *bytes, size_t n);

#endif
