/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/main.c - find the command, fill its options, keep --memory, run it, turn what comes back
 * into an exit status: 0 success, 1 failure, 2 a command line that makes no sense.
 *
 * Where the config file is stands among the options that it fills, so they are filled twice when
 * there is one: without it, then with it. What fails only the second time is the file's fault.
 *
 * A reader that goes away (`omnesia models | head -1`) is no failure: SIGPIPE is ignored, the
 * write that meets EPIPE ends the command, and we leave quietly with status 0. SIGXFSZ is ignored
 * too: a file longer than `ulimit -f` allows is an error like a full disk, not our death.
 */
#include "cli/cli.h"
#include "cli/config.h"
#include "omnesia.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/tell.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int reader_gone;

int mn_cli_write(const char *bytes, size_t n) {
    while (n) {
        const ssize_t k = write(STDOUT_FILENO, bytes, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && errno == EPIPE) {
            reader_gone = 1;
            return MN_FAIL(MN_ECANCELLED, "nobody reads standard output any more");
        }
        if (k < 0) return MN_FAIL(MN_EIO, "cannot write to standard output: %s", strerror(errno));
        bytes += k;
        n -= (size_t)k;
    }
    return 0;
}

/* What a command returned, as an exit status, after its sentence. */
static int finish(const char *command, int rc) {
    if (rc >= 0) return rc;
    if (reader_gone) return 0;
    fprintf(stderr, "omnesia: %s\n", mn_error_detail());
    if (rc != MN_CLI_USAGE) return 1;
    if (command) fprintf(stderr, "usage: omnesia %s %s\n", command, mn_cli_find(command)->usage);
    fprintf(stderr, "`omnesia %s%s--help` tells more\n", command ? command : "",
            command ? " " : "");
    return 2;
}

static int print(int (*what)(mn_buf *out)) {
    mn_buf out = {0};
    int rc = what(&out);
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

static int help_text(mn_buf *out) {
    return mn_cli_help(NULL, out);
}

static int version_text(mn_buf *out) {
    return mn_buf_printf(out, "omnesia %s\n", mn_version());
}

static int run_parsed(const mn_cli_command *c, void *options, int n_words, const char **words) {
    const mn_cli_common *common = options;
    if (common->help) {
        mn_buf out = {0};
        int rc = c->help && n_words ? c->help(words[0], &out) : mn_cli_help(c, &out);
        if (rc >= 0) rc = mn_cli_write(out.data, out.len);
        mn_buf_free(&out);
        return rc;
    }
    if (c->max_words >= 0 && n_words > c->max_words)
        return c->max_words
                   ? MN_FAIL(MN_CLI_USAGE, "%s: what is '%s' for? It takes %d word%s at most",
                             c->name, words[c->max_words], c->max_words,
                             c->max_words == 1 ? "" : "s")
                   : MN_FAIL(MN_CLI_USAGE, "%s: what is '%s' for? It takes options only", c->name,
                             words[0]);
    mn_memory_limit(common->memory);
    return c->run(options, n_words, words);
}

/* The options once more, over what the config file says. */
static int parse_again(const mn_cli_command *c, void *options, int argc, char **argv,
                       const char **words, int *n_words, mn_cli_config *config) {
    const mn_cli_common *common = options;
    if (common->help || c->no_config) return 0;
    MN_TRY(mn_cli_config_read(common->config, c, config));
    if (!config->n) return 0;
    mn_opt_free(c->options, options);
    memset(options, 0, c->size);
    return mn_opt_parse(c->options, options, config->given, config->n, argc, argv, words, n_words);
}

static int run_command(const mn_cli_command *c, int argc, char **argv) {
    void *options = mn_calloc(1, c->size);
    const char **words = mn_calloc((size_t)argc + 1, sizeof *words);
    mn_cli_config config = {0};
    int n_words, rc;
    if (!options || !words) {
        rc = MN_FAIL(MN_ENOMEM, "no memory for %d arguments", argc);
    } else if ((rc = mn_opt_parse(c->options, options, NULL, 0, argc, argv, words, &n_words)) < 0) {
        rc = rc == MN_EINVAL ? MN_CLI_USAGE : rc;
    } else {
        rc = parse_again(c, options, argc, argv, words, &n_words, &config);
        if (rc >= 0) rc = run_parsed(c, options, n_words, words);
        mn_opt_free(c->options, options);
    }
    mn_cli_config_free(&config);
    mn_free(words);
    mn_free(options);
    return rc;
}

static int unknown(const char *word) {
    const char *names[64];
    size_t n = 0;
    if (strcmp(word, "version") == 0)
        return MN_FAIL(MN_CLI_USAGE, "unknown command 'version'; did you mean '--version'?");
    if (*word == '-')
        return MN_FAIL(MN_CLI_USAGE, "%s comes after a command, such as: omnesia run %s ...", word,
                       word);
    for (const mn_cli_command *const *c = mn_cli_commands; *c && n < 64; c++)
        names[n++] = (*c)->name;
    const char *near = mn_opt_nearest(word, names, n);
    if (near) return MN_FAIL(MN_CLI_USAGE, "unknown command '%s'; did you mean '%s'?", word, near);
    return MN_FAIL(MN_CLI_USAGE, "unknown command '%s'", word);
}

static void hear(const char *line) {
    fprintf(stderr, "omnesia: %s\n", line);
}

int main(int argc, char **argv) {
    json_set_alloc_funcs(mn_malloc, mn_free); /* here alone: a library must not, for its host */
    mn_file_standard();
    mn_tell_to(hear);
    mn_guard_install(); /* best effort: without it a file cut short under us ends the program */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return finish(NULL, print(help_text));
    if (strcmp(word, "--version") == 0) return finish(NULL, print(version_text));
    const mn_cli_command *c = mn_cli_find(word);
    if (!c) return finish(NULL, unknown(word));
    return finish(c->name, run_command(c, argc - 1, argv + 1));
}
