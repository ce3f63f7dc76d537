/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/stage.c - fork and exec of /proc/self/exe, timed from outside.
 *
 * Who cleans up is a child that waits for the end of a pipe: the kernel closes ours however we
 * end. Processes under measurement are killed by the kernel when the thread that started them goes.
 */
#include "bench/stage.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the folder --------------------------------------------------------------------------- */
static void remove_all(const mn_stage *s) {
    if (*s->folder) mn_walk_remove(s->folder);
    if (*s->disk) mn_walk_remove(s->disk);
}

static _Noreturn void sweep(const mn_stage *s, int pipe) {
    char byte;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while (read(pipe, &byte, 1) < 0 && errno == EINTR) {
    }
    remove_all(s);
    _exit(0);
}

/* In the first of two places where one can be made; its name says who made it. */
static void make_folder(const char *first, const char *second, char out[64]) {
    const char *const place[] = {first, second};
    *out = 0;
    for (int i = 0; i < 2 && !*out; i++) {
        snprintf(out, 64, "%s/omnesia-bench-%ld-XXXXXX", place[i], (long)getpid());
        if (!mkdtemp(out)) *out = 0;
    }
}

int mn_stage_begin(mn_stage *s) {
    int ends[2];
    *s = (mn_stage){.pipe = -1};
    make_folder("/dev/shm", "/tmp", s->folder);
    make_folder("/var/tmp", "/tmp", s->disk);
    if (!*s->folder || !*s->disk || pipe2(ends, O_CLOEXEC) < 0) {
        remove_all(s);
        return MN_FAIL(MN_EIO, "no folder for the bench in /tmp: %s", strerror(errno));
    }
    snprintf(s->region, sizeof s->region, "%s/region", s->folder);
    snprintf(s->errors, sizeof s->errors, "%s/errors", s->folder);
    s->pipe = ends[1];
    s->sweeper = fork();
    if (!s->sweeper) {
        close(ends[1]);
        sweep(s, ends[0]);
    }
    close(ends[0]);
    return 0;
}

void mn_stage_end(mn_stage *s) {
    if (!*s->folder) return;
    close(s->pipe);
    if (s->sweeper > 0)
        waitpid(s->sweeper, NULL, 0);
    else
        remove_all(s);
    *s = (mn_stage){.pipe = -1};
}

void mn_stage_cool_file(const char *path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static int cool(void *user, const mn_walk_entry *e) {
    (void)user;
    if (e->kind == MN_WALK_FILE) mn_stage_cool_file(e->path);
    return 0;
}

void mn_stage_cool(const char *folder) {
    mn_walk(folder, 2, 1000, cool, NULL);
}

/* ---- processes ---------------------------------------------------------------------------- */
static _Noreturn void become(const char *program, const char *const *argv, int out, int errors,
                             pid_t parent) {
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(nothing, 0) >= 0 && dup2(out, 1) >= 0 && dup2(errors, 2) >= 0)
        execvp(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static int start(const mn_stage *s, const char *program, const char *const *words, int out,
                 mn_actor *a) {
    enum { MOST = 40 };
    const char *argv[MOST] = {program};
    for (int n = 1; words[n - 1] && n < MOST - 1; n++) argv[n] = words[n - 1];
    const int errors = open(s->errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const pid_t parent = getpid();
    a->first_ms = -mn_clock_seconds() * 1e3;
    const pid_t pid = errors < 0 ? -1 : fork();
    if (!pid) become(program, argv, out < 0 ? errors : out, errors, parent);
    const int e = errno;
    if (errors >= 0) close(errors);
    a->pid = pid > 0 ? pid : 0;
    return pid > 0 ? 0
                   : MN_FAIL(MN_EIO, "a process of the bench cannot be started: %s", strerror(e));
}

int mn_actor_start(const mn_stage *s, const char *const *words, mn_actor *out) {
    int ends[2];
    *out = (mn_actor){.stage = s, .out = -1};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return MN_FAIL(MN_EIO, "a process of the bench cannot be started: %s", strerror(errno));
    const int rc = start(s, "/proc/self/exe", words, ends[1], out);
    close(ends[1]);
    out->out = ends[0];
    if (rc < 0) mn_actor_kill(out);
    return rc;
}

int mn_actor_program(const mn_stage *s, const char *program, const char *const *words,
                     mn_actor *out) {
    *out = (mn_actor){.stage = s, .out = -1};
    return start(s, program, words, -1, out);
}

/* It failed: the end of what it said. */
static int failed(const mn_actor *a) {
    mn_buf said = {0};
    mn_file_read(a->stage->errors, 1 << 20, &said);
    const size_t most = 300, from = said.len > most ? said.len - most : 0;
    const int rc = MN_FAIL(MN_EIO, "a process of the bench failed: %s",
                           said.len ? said.data + from : "it said nothing");
    mn_buf_free(&said);
    return rc;
}

int mn_actor_first(mn_actor *a) {
    char byte;
    ssize_t n;
    while ((n = read(a->out, &byte, 1)) < 0 && errno == EINTR) {
    }
    a->first_ms += mn_clock_seconds() * 1e3;
    return n == 1 ? 0 : failed(a);
}

int mn_actor_freeze(mn_actor *a) {
    int status;
    kill(a->pid, SIGSTOP);
    if (waitpid(a->pid, &status, WUNTRACED) == a->pid && WIFSTOPPED(status)) return 0;
    a->pid = 0;
    return MN_FAIL(MN_EIO, "a process of the bench ended before it could be looked at");
}

int mn_actor_end(mn_actor *a, mn_buf *said) {
    char bytes[4096];
    int status = 0, rc = 0;
    for (ssize_t n; rc >= 0 && (n = read(a->out, bytes, sizeof bytes)) != 0;)
        if (n > 0 && said)
            rc = mn_buf_append(said, bytes, (size_t)n);
        else if (n < 0 && errno != EINTR)
            break;
    while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR) {
    }
    a->pid = 0;
    close(a->out);
    a->out = -1;
    if (rc >= 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) rc = failed(a);
    return rc;
}

void mn_actor_kill(mn_actor *a) {
    if (a->pid > 0) {
        kill(a->pid, SIGKILL);
        while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (a->stage && a->out >= 0) close(a->out);
    *a = (mn_actor){0};
}

int mn_actor_once(const mn_stage *s, const char *const *words, double *ms) {
    mn_actor a;
    MN_TRY(mn_actor_start(s, words, &a));
    int rc = mn_actor_first(&a);
    if (rc >= 0) rc = mn_actor_end(&a, NULL);
    *ms = a.first_ms;
    mn_actor_kill(&a);
    return rc;
}

int mn_actor_pss(const mn_actor *a, double *bytes) {
    char path[64];
    mn_buf text = {0};
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)a->pid);
    int rc = mn_file_read(path, 1 << 16, &text);
    const char *at = rc >= 0 && text.len ? strstr(text.data, "\nPss:") : NULL;
    if (rc >= 0 && !at) rc = MN_FAIL(MN_EUNSUPPORTED, "%s does not say what is shared", path);
    if (rc >= 0) *bytes = strtod(at + 5, NULL) * 1024;
    mn_buf_free(&text);
    return rc;
}

/* ---- prompts ------------------------------------------------------------------------------ */
int mn_stage_tokens(const mn_vocab *v, const char *text) {
    return mn_vocab_encode(v, text, strlen(text), MN_BEGIN, NULL, 0);
}

static int write_words(int n, mn_buf *out) {
    static const char *const words[] = {"The",  "quick", "brown", "fox",  "jumps", "over", "the",
                                        "lazy", "dog",   "and",   "then", "it",    "goes", "home",
                                        "to",   "sleep", "for",   "a",    "whole", "day"};
    enum { N = sizeof words / sizeof *words };
    mn_buf_clear(out);
    for (int i = 0; i < n; i++)
        MN_TRY(mn_buf_printf(out, "%s%s", i ? " " : "", words[(i / N + i * i) % N]));
    return 0;
}

int mn_stage_words(const mn_vocab *v, int tokens, mn_buf *out) {
    for (int n = tokens, tries = 0; tries < 8 && n > 0; tries++) {
        MN_TRY(write_words(n, out));
        const int has = mn_stage_tokens(v, out->data);
        MN_TRY(has);
        if (has == tokens) break;
        n += tokens - has;
    }
    return 0;
}
