/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/chat_line.c - a line from the terminal (libedit) or from a pipe.
 *
 * While an answer is written the terminal edits lines itself, and what is typed waits. There it
 * would turn Ctrl-D into a zero byte, which libedit takes for its quoting key: Ctrl-D would be lost
 * and the next key become text. So between lines the terminal knows no end-of-file key: Ctrl-D
 * waits as it is, and ends the conversation when its turn comes. A zero byte (Ctrl-Space) sets a
 * mark.
 *
 * The prompt goes to standard error: standard output carries answers only. The history file is
 * plain text, rewritten as a whole at the end of a conversation; losing it is no failure.
 */
#include "cli/chat_line.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HISTORY = 1000, LINE_MAX_BYTES = 16 << 20 };

struct mn_cli_line {
    EditLine *edit; /* NULL: a pipe */
    History *history;
    char *history_path;
    int goes_on;       /* the line began with an earlier one */
    char ahead[65536]; /* of a pipe: read, not handed out */
    size_t at, n;
};

/* ---- history --------------------------------------------------------------------------------- */
static void load_history(mn_cli_line *l) {
    mn_buf text = {0};
    HistEvent event;
    if (mn_file_read(l->history_path, 4 << 20, &text) >= 0 && text.data)
        for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n"))
            history(l->history, &event, H_ENTER, line);
    mn_buf_free(&text);
}

static int write_history(mn_cli_line *l, mn_filew *f) {
    HistEvent event;
    for (int rc = history(l->history, &event, H_LAST); rc >= 0;
         rc = history(l->history, &event, H_PREV)) {
        const size_t n = strcspn(event.str, "\n");
        if (!n) continue;
        MN_TRY(mn_file_write(f, event.str, n));
        MN_TRY(mn_file_write(f, "\n", 1));
    }
    return 0;
}

static void save_history(mn_cli_line *l) {
    mn_filew *f;
    if (mn_file_begin(l->history_path, &f) < 0) return;
    if (write_history(l, f) < 0)
        mn_file_abort(&f);
    else
        mn_file_commit(&f);
}

/* ---- life ------------------------------------------------------------------------------------ */
static const char *prompt(EditLine *edit) {
    mn_cli_line *l;
    el_get(edit, EL_CLIENTDATA, &l);
    return l->goes_on ? "| " : "> ";
}

static int open_terminal(mn_cli_line *l) {
    HistEvent event;
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
    l->edit = el_init("omnesia", stdin, stderr, stderr);
    l->history = history_init();
    if (!l->edit || !l->history) return MN_FAIL(MN_ENOMEM, "the terminal cannot be set up");
    el_set(l->edit, EL_CLIENTDATA, l);
    el_set(l->edit, EL_PROMPT, prompt);
    el_set(l->edit, EL_EDITOR, "emacs");
    el_set(l->edit, EL_SETTY, "-x", "eof=", NULL);
    el_set(l->edit, EL_BIND, "^@", "em-set-mark", NULL);
    history(l->history, &event, H_SETSIZE, HISTORY);
    history(l->history, &event, H_SETUNIQUE, 1);
    el_set(l->edit, EL_HIST, history, l->history);
    el_source(l->edit, NULL);
    if (mn_file_data_path("chat_history", &l->history_path) >= 0) load_history(l);
    return 0;
}

int mn_cli_line_open(mn_cli_line **out) {
    mn_cli_line *l = *out = mn_calloc(1, sizeof *l);
    if (!l) return MN_FAIL(MN_ENOMEM, "no memory to read lines");
    const int rc = isatty(STDIN_FILENO) ? open_terminal(l) : 0;
    if (rc < 0) mn_cli_line_close(out);
    return rc;
}

void mn_cli_line_close(mn_cli_line **l) {
    if (!*l) return;
    if ((*l)->history && (*l)->history_path) save_history(*l);
    if ((*l)->edit) el_end((*l)->edit);
    if ((*l)->history) history_end((*l)->history);
    mn_free((*l)->history_path);
    mn_free(*l);
    *l = NULL;
}

int mn_cli_line_on_terminal(const mn_cli_line *l) {
    return l->edit != NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */
static int from_terminal(mn_cli_line *l, mn_buf *text) {
    int n = 0;
    HistEvent event;
    errno = 0;
    const char *line = el_gets(l->edit, &n);
    if (!line) {
        if (n == 0 || errno != EINTR) return 0;
        el_reset(l->edit);
        return MN_FAIL(MN_ECANCELLED, "interrupted");
    }
    const size_t before = text->len;
    MN_TRY(mn_buf_append(text, line, strcspn(line, "\n")));
    if (text->len > before) history(l->history, &event, H_ENTER, text->data + before);
    return 1;
}

static int from_pipe(mn_cli_line *l, mn_buf *text) {
    int got = 0;
    for (;;) {
        if (l->at == l->n) {
            const ssize_t k = read(STDIN_FILENO, l->ahead, sizeof l->ahead);
            if (k < 0 && errno == EINTR) return MN_FAIL(MN_ECANCELLED, "interrupted");
            if (k < 0) return MN_FAIL(MN_EIO, "cannot read standard input: %s", strerror(errno));
            if (k == 0) return got;
            l->at = 0;
            l->n = (size_t)k;
        }
        got = 1;
        const char *from = l->ahead + l->at, *end = memchr(from, '\n', l->n - l->at);
        const size_t n = end ? (size_t)(end - from) : l->n - l->at;
        MN_TRY(mn_buf_append(text, from, n));
        l->at += n + (end != NULL);
        if (end) return 1;
    }
}

int mn_cli_line_read(mn_cli_line *l, mn_buf *text) {
    mn_buf_clear(text);
    text->limit = LINE_MAX_BYTES;
    int rc;
    l->goes_on = 0;
    while ((rc = l->edit ? from_terminal(l, text) : from_pipe(l, text)) > 0) {
        if (!text->len || text->data[text->len - 1] != '\\') break;
        text->data[text->len - 1] = '\n';
        l->goes_on = 1;
    }
    return rc == 0 && l->goes_on ? 1 : rc;
}
