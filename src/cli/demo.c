/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/demo.c - `omnesia demo`: what one process computed, the next one has, even after a kill.
 *
 * Three processes are asked about one document. The first reads it, and is killed with -9 while it
 * answers; the second asks something else; the third comes when all others have ended. They are
 * plain `omnesia run` commands over a region of their own, so nothing was there before, and every
 * number shown was measured a moment ago: the time from before a process was started to the first
 * byte of its answer, and what its line of facts says was cached.
 */
#include "cli/demo.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/walk.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "omnesia.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern const unsigned char mn_demo_document[];
extern const size_t mn_demo_document_size;

typedef struct demo_options {
    mn_cli_common common;
    const char *model, *svg;
} demo_options;

enum { RUNS = 3, TOKENS = 40, KILL_AFTER = 60 /* bytes of its answer */, ROWS = 9, LIMIT_S = 300 };

typedef struct stage {
    const demo_options *o;
    char folder[128], document[160], region[160];
    mn_demo_run run[RUNS];
    int shown; /* lines on the terminal that the next drawing goes over */
} stage;

static int on_terminal(void) {
    return isatty(STDOUT_FILENO);
}
static int columns(void) {
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 60 ? w.ws_col : 80;
}

/* ---- the processes ------------------------------------------------------------------------ */
static int start(stage *s, mn_demo_run *r) {
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) < 0) return MN_FAIL(MN_EIO, "no pipe for a process of the demo");
    if (pipe2(err, O_CLOEXEC) < 0) {
        close(out[0]), close(out[1]);
        return MN_FAIL(MN_EIO, "no pipe for a process of the demo");
    }
    char tokens[16];
    snprintf(tokens, sizeof tokens, "%d", TOKENS);
    const char *const argv[] = {"omnesia", "run",       "-m",        s->o->model, "--temp",
                                "0",       "-n",        tokens,      "--region",  s->region,
                                "-f",      s->document, r->question, NULL};
    r->began = mn_clock_seconds();
    r->pid = fork();
    if (!r->pid) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(out[1]), close(err[1]);
    r->out = out[0];
    r->err = err[0];
    if (r->pid < 0) return MN_FAIL(MN_EIO, "a process of the demo cannot be started");
    return 0;
}

static int take(int *fd, mn_buf *to) {
    char bytes[4096];
    const ssize_t n = read(*fd, bytes, sizeof bytes);
    if (n > 0) return mn_buf_append(to, bytes, (size_t)n);
    close(*fd);
    *fd = -1;
    return 0;
}

/* The line of facts: "4013 tokens read (3990 cached, computed by process 17) at ..". */
static void understand(mn_demo_run *r) {
    const char *at = r->facts.len ? strstr(r->facts.data, " tokens read") : NULL;
    if (!at) return;
    while (at > r->facts.data && at[-1] >= '0' && at[-1] <= '9') at--;
    sscanf(at, "%d tokens read (%d cached, computed by process %lld", &r->prompt, &r->cached,
           &r->by);
}

static void draw(stage *s);

/* Until it has ended, or has said enough to be killed. */
static int follow(stage *s, mn_demo_run *r, int kill_after) {
    while (r->out >= 0 || r->err >= 0) {
        struct pollfd p[2] = {{.fd = r->out, .events = POLLIN}, {.fd = r->err, .events = POLLIN}};
        if (poll(p, 2, 1000) < 0) continue;
        if (mn_clock_seconds() - r->began > LIMIT_S)
            return MN_FAIL(MN_EBUSY, "a process of the demo did not end within %d s", LIMIT_S);
        if (p[0].revents && r->out >= 0) {
            if (r->first_ms == 0 && p[0].revents & POLLIN)
                r->first_ms = (mn_clock_seconds() - r->began) * 1e3;
            MN_TRY(take(&r->out, &r->text));
        }
        if (p[1].revents && r->err >= 0) MN_TRY(take(&r->err, &r->facts));
        if (kill_after && (int)r->text.len >= kill_after && !r->killed) {
            kill(r->pid, SIGKILL);
            r->killed = 1;
        }
        draw(s);
    }
    waitpid(r->pid, &r->status, 0);
    r->ended = 1;
    understand(r);
    draw(s);
    if (r->killed || (WIFEXITED(r->status) && !WEXITSTATUS(r->status))) return 0;
    return MN_FAIL(MN_EIO, "a process of the demo failed: %s", r->facts.len ? r->facts.data : "");
}

/* ---- the picture -------------------------------------------------------------------------- */
int mn_demo_wrap(const char *text, int width, int i, char *line) {
    int n = 0;
    while (*text) {
        int len = 0, cut = 0;
        while (text[len] && text[len] != '\n' && len < width) {
            if (text[len] == ' ') cut = len;
            len++;
        }
        if (text[len] && text[len] != '\n' && text[len] != ' ' && cut) len = cut;
        while (len > 1 && ((unsigned char)text[len] & 0xc0) == 0x80) len--; /* whole characters */
        if (line && n == i) {
            memcpy(line, text, (size_t)len);
            line[len] = 0;
        }
        text += len;
        if (*text == ' ' || *text == '\n') text++;
        n++;
    }
    if (line && i >= n) *line = 0;
    return n;
}

/* Columns that `text` takes: its characters. */
static int wide(const char *text) {
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void cell(mn_buf *b, const char *text, int width) {
    mn_buf_puts(b, text);
    for (int i = wide(text); i < width; i++) mn_buf_puts(b, " ");
}

static void title(const mn_demo_run *r, char *out, size_t n) {
    if (!r->pid)
        *out = 0;
    else if (r->killed && r->ended)
        snprintf(out, n, "process %d  killed with -9", (int)r->pid);
    else
        snprintf(out, n, "process %d  %s", (int)r->pid, r->role);
}

/* Two panes: the first process, and whoever came last. */
static void panes(stage *s, mn_buf *b) {
    const int width = columns() / 2 - 3;
    const mn_demo_run *right = s->run[2].pid ? s->run + 2 : s->run + 1;
    const mn_demo_run *pane[2] = {s->run, right};
    char line[512], *at = line;
    if (width >= (int)sizeof line) return;
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < 2; i++) {
            const mn_demo_run *r = pane[i];
            const char *text = r->text.len ? r->text.data : "";
            const int lines = mn_demo_wrap(text, width, -1, NULL), body = ROWS - 3;
            *at = 0;
            if (row == 0)
                title(r, at, (size_t)width);
            else if (row == 1 && r->pid)
                snprintf(at, (size_t)width, "> %s", r->question);
            else if (row > 2)
                mn_demo_wrap(text, width, (lines > body ? lines - body : 0) + row - 3, at);
            mn_buf_puts(b, row == 0 ? "\033[1m" : row == 1 ? "\033[36m" : "");
            cell(b, at, width);
            mn_buf_puts(b, row < 2 ? "\033[0m" : "");
            mn_buf_puts(b, i ? "\n" : "  \033[2m|\033[0m  ");
        }
    }
}

/* A process's time as a bar, the longest one `width` columns. */
static void bar(const mn_demo_run *r, double most, int width, mn_buf *b) {
    const int n = (int)(r->first_ms / most * width + 0.5);
    char what[96];
    if (r->killed)
        snprintf(what, sizeof what, "read the document");
    else
        snprintf(what, sizeof what, "cached %d of %d, computed by process %lld", r->cached,
                 r->prompt, r->by);
    mn_buf_printf(b, "  process %-8d", (int)r->pid);
    for (int i = 0; i < (n > 0 ? n : 1); i++) mn_buf_puts(b, "█");
    mn_buf_printf(b, " %.0f ms  %s\n", r->first_ms, what);
}

static void bars(stage *s, mn_buf *b) {
    double most = 1;
    for (int i = 0; i < RUNS; i++)
        if (s->run[i].first_ms > most) most = s->run[i].first_ms;
    mn_buf_puts(b, "\nfirst words of the answer, from the start of the process:\n");
    for (int i = 0; i < RUNS; i++)
        if (s->run[i].ended) bar(s->run + i, most, columns() - 70 > 8 ? columns() - 70 : 8, b);
}

static void draw(stage *s) {
    mn_buf b = {0};
    if (!on_terminal()) return;
    if (s->shown) mn_buf_printf(&b, "\033[%dA\r", s->shown);
    mn_buf_puts(&b, "\033[J");
    panes(s, &b);
    if (s->run[0].ended) bars(s, &b);
    s->shown = 0;
    for (size_t i = 0; i < b.len; i++) s->shown += b.data[i] == '\n';
    mn_cli_write(b.data, b.len);
    mn_buf_free(&b);
}

/* Where nobody watches: each process and its answer, then the bars. */
static int tell(stage *s) {
    mn_buf b = {0};
    for (int i = 0; i < RUNS; i++) {
        const mn_demo_run *r = s->run + i;
        mn_buf_printf(&b, "process %d %s%s\n> %s\n%s\n\n", (int)r->pid, r->role,
                      r->killed ? ", and is killed with -9" : "", r->question,
                      r->text.len ? r->text.data : "");
    }
    bars(s, &b);
    const int rc = mn_cli_write(b.data, b.len);
    mn_buf_free(&b);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------- */
static int put_file(const char *path, const void *bytes, size_t n) {
    mn_filew *f;
    MN_TRY(mn_file_begin(path, &f));
    const int rc = mn_file_write(f, bytes, n);
    if (rc >= 0) return mn_file_commit(&f);
    mn_file_abort(&f);
    return rc;
}

static int set_stage(stage *s) {
    strcpy(s->folder, "/dev/shm/omnesia-demo-XXXXXX");
    if (!mkdtemp(s->folder)) {
        strcpy(s->folder, "/tmp/omnesia-demo-XXXXXX");
        if (!mkdtemp(s->folder)) return MN_FAIL(MN_EIO, "no folder for the demo in /tmp");
    }
    snprintf(s->document, sizeof s->document, "%s/omnesia.md", s->folder);
    snprintf(s->region, sizeof s->region, "%s/region", s->folder);
    return put_file(s->document, mn_demo_document, mn_demo_document_size);
}

static int play(stage *s) {
    MN_TRY(start(s, s->run));
    MN_TRY(follow(s, s->run, KILL_AFTER));
    for (int i = 1; i < RUNS; i++) {
        MN_TRY(start(s, s->run + i));
        MN_TRY(follow(s, s->run + i, 0));
    }
    return 0;
}

static int run(const void *opaque, int n_words, const char *const *words) {
    (void)n_words, (void)words;
    const demo_options *o = opaque;
    stage s = {.o = o,
               .run = {{.question = "What is this program for?", .role = "reads the document"},
                       {.question = "Where does the region lie?", .role = "asks something else"},
                       {.question = "What is an extent?", .role = "comes when all have ended"}}};
    for (int i = 0; i < RUNS; i++) s.run[i].out = s.run[i].err = -1;
    mn_model *model; /* fetched and packed before anything is timed */
    MN_TRY(mn_cli_model_open(o->model, (mn_model_options){0}, &model));
    mn_model_close(&model);
    int rc = set_stage(&s);
    if (rc >= 0) rc = play(&s);
    if (rc >= 0 && !on_terminal()) rc = tell(&s);
    mn_buf svg = {0};
    if (rc >= 0 && o->svg && *o->svg) rc = mn_demo_svg(s.run, RUNS, o->model, &svg);
    if (rc >= 0 && svg.len) rc = put_file(o->svg, svg.data, svg.len);
    mn_buf_free(&svg);
    for (int i = 0; i < RUNS; i++) {
        if (s.run[i].pid > 0 && !s.run[i].ended) {
            kill(s.run[i].pid, SIGKILL);
            waitpid(s.run[i].pid, NULL, 0);
        }
        mn_buf_free(&s.run[i].text);
        mn_buf_free(&s.run[i].facts);
    }
    if (*s.folder) mn_walk_remove(s.folder);
    return rc;
}

#define AT(field) offsetof(demo_options, field)
static const mn_opt rows[] = {{.kind = MN_OPT_TEXT,
                               .letter = 'm',
                               .name = "model",
                               .value = "MODEL",
                               .offset = AT(model),
                               .standard = "smollm2-135m",
                               .help = "a name that `omnesia models` lists"},
                              {.kind = MN_OPT_TEXT,
                               .name = "svg",
                               .value = "FILE",
                               .no_env = 1,
                               .offset = AT(svg),
                               .help = "also write the picture to FILE"},
                              MN_CLI_COMMON,
                              {0}};

const mn_cli_command mn_cli_command_demo = {
    .name = "demo",
    .run = run,
    .options = rows,
    .size = sizeof(demo_options),
    .usage = "[-m MODEL] [--svg FILE]",
    .summary = "three processes share what one of them read",
    .about =
        "A first process reads a document (this program's own) and is killed with -9 while it "
        "answers. A second one asks something else, a third one comes when all others have "
        "ended. Each shows how long its first words took and what it found in the region. "
        "Nothing is prepared: the region of the demo is empty when it begins, and goes when it "
        "ends."};
