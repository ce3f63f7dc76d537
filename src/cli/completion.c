/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/completion.c - the three completion scripts, each a frame around one walk of the table.
 *
 * What stands for a value is one of few kinds: a choice, MODEL, KEY, COMMAND, FILE, or nothing that
 * can be foreseen; a command's words (`words` in cli.h) are of the same kinds. Names that come from
 * outside (of models, of keys) are data to every shell: bash, which would take what is inserted as
 * typed, is offered only names that need no quoting.
 */
#include "cli/completion.h"

#include <string.h>

enum { ZSH, FISH };

typedef struct script {
    const mn_cli_command *command;
    mn_buf *out;
} script;

/* The text inside single quotes of a shell; in zsh's descriptions : [ ] \ mean something, too. */
static int quoted(const char *text, int shell, mn_buf *out) {
    for (; *text; text++) {
        if (*text == '\'')
            MN_TRY(mn_buf_puts(out, shell == FISH ? "\\'" : "'\\''"));
        else if (strchr(shell == FISH ? "\\" : "[]:\\", *text))
            MN_TRY(mn_buf_printf(out, "\\%c", *text));
        else
            MN_TRY(mn_buf_append(out, text, 1));
    }
    return 0;
}

/* "a|b" as "a b". */
static int spaced(const char *list, mn_buf *out) {
    for (; *list; list++) MN_TRY(mn_buf_append(out, *list == '|' ? " " : list, 1));
    return 0;
}

static int all_commands(mn_buf *out) {
    for (const mn_cli_command *const *c = mn_cli_commands; *c; c++)
        MN_TRY(mn_buf_printf(out, "%s%s", c == mn_cli_commands ? "" : " ", (*c)->name));
    return 0;
}

/* What a value may be: "MODEL", "KEY", "FILE", "NONE", "a|b", or NULL for a flag. */
static const char *kind_of(const mn_opt *row) {
    static const struct {
        const char *value, *kind;
    } kinds[] = {
        {"MODEL", "MODEL"}, {"KEY", "KEY"}, {"FILE", "FILE"}, {"PATH", "FILE"}, {"DIR", "FILE"}};
    if (row->kind == MN_OPT_FLAG) return NULL;
    if (row->choices) return row->choices;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (row->value && strcmp(row->value, kinds[i].value) == 0) return kinds[i].kind;
    return "NONE";
}

/* What stands behind the options: as above; "NONE" for nothing, "FILE" when nobody said. */
static const char *words_of(const mn_cli_command *c) {
    return c->words ? c->words : c->max_words ? "FILE" : "NONE";
}

/* ---- bash ----------------------------------------------------------------------------------- */

static const char bash_head[] =
    "# Completion of omnesia for bash; printed by `omnesia help --completion bash`.\n\n"
    "# What a command has: its options, the kind of the value behind $2, the kind of its words.\n"
    "_omnesia_table() {\n"
    "    options= value= rest=NONE\n"
    "    case $1 in\n";
static const char bash_tail[] =
    "    esac\n"
    "}\n\n"
    "# Candidates of a kind, one a line.\n"
    "_omnesia_list() {\n"
    "    local found\n"
    "    case $2 in\n"
    "    MODEL) found=$(\"$1\" models 2>/dev/null | sed 's/ .*//') ;;\n"
    "    KEY) found=$(\"$1\" ls 2>/dev/null | sed 's/  .*//') ;;\n"
    "    COMMAND) found=$_omnesia_commands ;;\n"
    "    NONE) return ;;\n"
    "    *) found=$2 ;;\n"
    "    esac\n"
    "    printf '%s\\n' \"$found\" | tr ' ' '\\n' | LC_ALL=C grep -E '^[A-Za-z0-9._:/@+-]+$'\n"
    "}\n\n"
    "_omnesia() {\n"
    "    # Words as they were typed: bash itself would cut them at = and :\n"
    "    local line=${COMP_LINE:0:COMP_POINT} typed options value rest candidate cut\n"
    "    local -a words\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line == *[[:space:]] ]] && words+=('')\n"
    "    local n=${#words[@]}\n"
    "    COMPREPLY=()\n"
    "    ((n > 1)) || return\n"
    "    typed=${words[n - 1]}\n"
    "    local before=${words[n - 2]} kind=\n"
    "    if ((n == 2)); then\n"
    "        kind=\"$_omnesia_commands --help --version\"\n"
    "    else\n"
    "        [[ $typed == --*=* ]] && before=${typed%%=*} typed=${typed#*=}\n"
    "        _omnesia_table \"${words[1]}\" \"$before\"\n"
    "        kind=$value\n"
    "        [[ $kind ]] || { [[ $typed == -* ]] && kind=$options || kind=$rest; }\n"
    "    fi\n"
    "    # What stands before the last = or : is there already\n"
    "    cut=${typed%\"${typed##*[:=]}\"}\n"
    "    [[ $COMP_WORDBREAKS == *:* ]] || cut=\n"
    "    if [[ $kind == FILE ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        while IFS= read -r candidate; do\n"
    "            COMPREPLY+=(\"${candidate#\"$cut\"}\")\n"
    "        done < <(compgen -f -- \"$typed\")\n"
    "        return\n"
    "    fi\n"
    "    while IFS= read -r candidate; do\n"
    "        [[ $candidate == \"$typed\"* ]] && COMPREPLY+=(\"${candidate#\"$cut\"}\")\n"
    "    done < <(_omnesia_list \"${words[0]}\" \"$kind\")\n"
    "}\n\n"
    "complete -F _omnesia omnesia\n";

static int bash_name(void *user, const mn_opt *row) {
    mn_buf *out = user;
    MN_TRY(mn_buf_printf(out, " --%s", row->name));
    return row->letter ? mn_buf_printf(out, " -%c", row->letter) : 0;
}

static int bash_value(void *user, const mn_opt *row) {
    mn_buf *out = user;
    const char *kind = kind_of(row);
    if (!kind) return 0;
    MN_TRY(mn_buf_printf(out, "        --%s", row->name));
    if (row->letter) MN_TRY(mn_buf_printf(out, " | -%c", row->letter));
    MN_TRY(mn_buf_puts(out, ") value='"));
    MN_TRY(spaced(kind, out));
    return mn_buf_puts(out, "' ;;\n");
}

static int bash_script(mn_buf *out) {
    MN_TRY(mn_buf_puts(out, bash_head));
    for (const mn_cli_command *const *p = mn_cli_commands; *p; p++) {
        const mn_cli_command *c = *p;
        MN_TRY(mn_buf_printf(out, "    %s)\n        options='", c->name));
        MN_TRY(mn_opt_each(c->options, bash_name, out));
        MN_TRY(mn_buf_puts(out, "' rest='"));
        MN_TRY(spaced(words_of(c), out));
        MN_TRY(mn_buf_puts(out, "'\n        case $2 in\n"));
        MN_TRY(mn_opt_each(c->options, bash_value, out));
        MN_TRY(mn_buf_puts(out, "        esac\n        ;;\n"));
    }
    MN_TRY(mn_buf_puts(out, bash_tail));
    MN_TRY(mn_buf_puts(out, "_omnesia_commands='"));
    MN_TRY(all_commands(out));
    return mn_buf_puts(out, "'\n");
}

/* ---- zsh ------------------------------------------------------------------------------------ */

static const char zsh_head[] =
    "#compdef omnesia\n"
    "# Completion of omnesia for zsh; printed by `omnesia help --completion zsh`.\n\n"
    "_omnesia_models() {\n"
    "    local -a found=(${${(f)\"$($program models 2>/dev/null)\"}%% *})\n"
    "    compadd -a found\n"
    "}\n"
    "_omnesia_keys() {\n"
    "    local -a found=(${${(f)\"$($program ls 2>/dev/null)\"}%%  *})\n"
    "    compadd -a found\n"
    "}\n"
    "_omnesia_commands() {\n"
    "    local -a commands=(\n";
static const char zsh_middle[] = "    )\n"
                                 "    _describe command commands\n"
                                 "}\n"
                                 "_omnesia() {\n"
                                 "    local program=$words[1]\n"
                                 "    if ((CURRENT == 2)); then\n"
                                 "        _omnesia_commands\n"
                                 "        return\n"
                                 "    fi\n"
                                 "    shift words\n"
                                 "    ((CURRENT--))\n"
                                 "    case $words[1] in\n";
static const char zsh_tail[] = "    esac\n"
                               "}\n"
                               "if [[ $funcstack[1] == _omnesia ]]; then\n"
                               "    _omnesia \"$@\"\n"
                               "else\n"
                               "    compdef _omnesia omnesia\n"
                               "fi\n";

/* What completes a kind: a function, or "(a b)". */
static int zsh_action(const char *kind, mn_buf *out) {
    static const char *const of[][2] = {{"MODEL", "_omnesia_models"},
                                        {"KEY", "_omnesia_keys"},
                                        {"COMMAND", "_omnesia_commands"},
                                        {"FILE", "_files"},
                                        {"NONE", " "}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (strcmp(kind, of[i][0]) == 0) return mn_buf_puts(out, of[i][1]);
    MN_TRY(mn_buf_puts(out, "("));
    MN_TRY(spaced(kind, out));
    return mn_buf_puts(out, ")");
}

/* '(-m --model)'{-m+,--model=}'[help]:MODEL:_omnesia_models', a repeatable one '*'{..}'..'. */
static int zsh_option(void *user, const mn_opt *row) {
    mn_buf *out = user;
    const char *kind = kind_of(row), *equals = kind ? "=" : "";
    MN_TRY(mn_buf_puts(out, " \\\n            "));
    if (row->kind == MN_OPT_LIST)
        MN_TRY(mn_buf_puts(out, "'*'"));
    else if (row->letter)
        MN_TRY(mn_buf_printf(out, "'(-%c --%s)'", row->letter, row->name));
    if (row->letter)
        MN_TRY(
            mn_buf_printf(out, "{-%c%s,--%s%s}", row->letter, kind ? "+" : "", row->name, equals));
    else
        MN_TRY(mn_buf_printf(out, "--%s%s", row->name, equals));
    MN_TRY(mn_buf_puts(out, "'["));
    MN_TRY(quoted(row->help, ZSH, out));
    MN_TRY(mn_buf_puts(out, "]"));
    if (kind) {
        MN_TRY(mn_buf_printf(out, ":%s:", row->value ? row->value : "VALUE"));
        MN_TRY(zsh_action(kind, out));
    }
    return mn_buf_puts(out, "'");
}

static int zsh_script(mn_buf *out) {
    MN_TRY(mn_buf_puts(out, zsh_head));
    for (const mn_cli_command *const *c = mn_cli_commands; *c; c++) {
        MN_TRY(mn_buf_printf(out, "        '%s:", (*c)->name));
        MN_TRY(quoted((*c)->summary, ZSH, out));
        MN_TRY(mn_buf_puts(out, "'\n"));
    }
    MN_TRY(mn_buf_puts(out, zsh_middle));
    for (const mn_cli_command *const *p = mn_cli_commands; *p; p++) {
        const mn_cli_command *c = *p;
        const char *words = words_of(c);
        MN_TRY(mn_buf_printf(out, "    %s)\n        _arguments -s -S", c->name));
        MN_TRY(mn_opt_each(c->options, zsh_option, out));
        if (strcmp(words, "NONE") != 0) {
            MN_TRY(mn_buf_printf(out, " \\\n            '%s:word:", c->max_words == 1 ? "1" : "*"));
            MN_TRY(zsh_action(words, out));
            MN_TRY(mn_buf_puts(out, "'"));
        }
        MN_TRY(mn_buf_puts(out, "\n        ;;\n"));
    }
    return mn_buf_puts(out, zsh_tail);
}

/* ---- fish ----------------------------------------------------------------------------------- */

static const char fish_head[] =
    "# Completion of omnesia for fish; printed by `omnesia help --completion fish`.\n\n"
    "function __omnesia_bare\n"
    "    test (count (commandline -opc)) -eq 1\n"
    "end\n"
    "function __omnesia_is\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
    "end\n"
    "function __omnesia_models\n"
    "    set -l words (commandline -opc)\n"
    "    $words[1] models 2>/dev/null | string replace -r '\\s.*' ''\n"
    "end\n"
    "function __omnesia_keys\n"
    "    set -l words (commandline -opc)\n"
    "    $words[1] ls 2>/dev/null | string replace -r '\\s\\s.*' ''\n"
    "end\n"
    "complete -c omnesia -f\n"
    "complete -c omnesia -n __omnesia_bare -l help -s h -d 'show what there is'\n"
    "complete -c omnesia -n __omnesia_bare -l version -d 'say which version this is'\n";

/* What follows -a for a kind, or -F for files. */
static int fish_action(const char *kind, mn_buf *out) {
    if (strcmp(kind, "NONE") == 0) return 0;
    if (strcmp(kind, "FILE") == 0) return mn_buf_puts(out, " -F");
    MN_TRY(mn_buf_puts(out, " -a '"));
    if (strcmp(kind, "MODEL") == 0)
        MN_TRY(mn_buf_puts(out, "(__omnesia_models)"));
    else if (strcmp(kind, "KEY") == 0)
        MN_TRY(mn_buf_puts(out, "(__omnesia_keys)"));
    else if (strcmp(kind, "COMMAND") == 0)
        MN_TRY(all_commands(out));
    else
        MN_TRY(spaced(kind, out));
    return mn_buf_puts(out, "'");
}

static int fish_option(void *user, const mn_opt *row) {
    const script *s = user;
    const char *kind = kind_of(row);
    MN_TRY(mn_buf_printf(s->out, "complete -c omnesia -n '__omnesia_is %s' -l %s", s->command->name,
                         row->name));
    if (row->letter) MN_TRY(mn_buf_printf(s->out, " -s %c", row->letter));
    if (kind) {
        MN_TRY(mn_buf_puts(s->out, strcmp(kind, "FILE") == 0 ? " -r" : " -x"));
        MN_TRY(fish_action(kind, s->out));
    }
    MN_TRY(mn_buf_puts(s->out, " -d '"));
    MN_TRY(quoted(row->help, FISH, s->out));
    return mn_buf_puts(s->out, "'\n");
}

static int fish_script(mn_buf *out) {
    MN_TRY(mn_buf_puts(out, fish_head));
    for (const mn_cli_command *const *c = mn_cli_commands; *c; c++) {
        script s = {.command = *c, .out = out};
        MN_TRY(mn_buf_printf(out, "complete -c omnesia -n __omnesia_bare -a %s -d '", (*c)->name));
        MN_TRY(quoted((*c)->summary, FISH, out));
        MN_TRY(mn_buf_puts(out, "'\n"));
        MN_TRY(mn_opt_each((*c)->options, fish_option, &s));
        if (strcmp(words_of(*c), "NONE") == 0) continue;
        MN_TRY(mn_buf_printf(out, "complete -c omnesia -n '__omnesia_is %s'", (*c)->name));
        MN_TRY(fish_action(words_of(*c), out));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return 0;
}

int mn_cli_completion(const char *shell, mn_buf *out) {
    static const struct {
        const char *name;
        int (*print)(mn_buf *out);
    } shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shell, shells[i].name) == 0) return shells[i].print(out);
    return MN_FAIL(MN_CLI_USAGE, "--completion %s: give bash, zsh or fish", shell);
}
