/* SPDX-License-Identifier: Apache-2.0
 *
 * base/child.c - fork, exec, poll. Between fork and exec only async-signal-safe calls are made,
 * since other threads may hold any lock; what they need is prepared before. A failed exec sends
 * its errno through a close-on-exec pipe, so "no such program" is an error of mn_child_start.
 */
#include "base/child.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { SAID_MAX = 16384 };

struct mn_child {
    pid_t pid;
    int said_fd; /* -1: closed by the other side */
    int ended, status;
    size_t n;
    char said[SAID_MAX + 1];
};

/* A new environment: ours, less the names in `extra`, then `extra`. Strings are borrowed. */
static char **merged(const char *const *extra) {
    size_t n = 0, m = 0, k = 0;
    while (environ[n]) n++;
    while (extra && extra[m]) m++;
    char **all = mn_calloc(n + m + 1, sizeof *all);
    if (!all) return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < m && strncmp(environ[i], extra[j], strcspn(extra[j], "=") + 1)) j++;
        if (j == m) all[k++] = environ[i];
    }
    for (size_t j = 0; j < m; j++) all[k++] = (char *)(uintptr_t)extra[j];
    return all;
}

/* The file that execvp would run; freed by the caller. */
static int in_path(const char *program, char **out) {
    *out = strchr(program, '/') ? mn_strdup(program) : NULL;
    if (*out) return 0;
    const char *path = getenv("PATH");
    if (!path) path = "/usr/local/bin:/usr/bin:/bin";
    char *full = mn_malloc(PATH_MAX);
    if (!full) return MN_FAIL(MN_ENOMEM, "no memory to start %s", program);
    const size_t n = strlen(program);
    for (;; path += strcspn(path, ":"), path += *path == ':') {
        const size_t k = strcspn(path, ":");
        if (k && k + n + 2 <= PATH_MAX) {
            memcpy(full, path, k);
            full[k] = '/';
            memcpy(full + k + 1, program, n + 1);
            if (access(full, X_OK) == 0) return *out = full, 0;
        }
        if (!path[k]) break;
    }
    mn_free(full);
    return MN_FAIL(MN_ENOENT, "there is no program '%s' in PATH", program);
}

static _Noreturn void become(const char *file, const char *const *argv, char *const *env,
                             const mn_child_how *how, int said, int failed, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY);
    if (getppid() == parent && nothing >= 0 && dup2(nothing, 0) >= 0 && dup2(said, 1) >= 0 &&
        dup2(said, 2) >= 0 && (!how->before || how->before(how->user) == 0))
        execve(file, (char *const *)(uintptr_t)argv, env);
    const int e = errno;
    while (write(failed, &e, sizeof e) < 0 && errno == EINTR) {
    }
    _exit(127);
}

static int start(mn_child *child, const char *file, const char *const *argv, char *const *env,
                 const mn_child_how *how) {
    int said[2] = {-1, -1}, failed[2] = {-1, -1}, rc = 0, e = 0;
    const pid_t parent = getpid();
    if (pipe2(said, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0 || (child->pid = fork()) < 0)
        rc = MN_FAIL(MN_EIO, "cannot start %s: %s", argv[0], strerror(errno));
    else if (child->pid == 0)
        become(file, argv, env, how, said[1], failed[1], parent);
    if (said[1] >= 0) close(said[1]);
    if (failed[1] >= 0) close(failed[1]);
    if (rc >= 0) {
        ssize_t k;
        while ((k = read(failed[0], &e, sizeof e)) < 0 && errno == EINTR) {
        }
        if (k == (ssize_t)sizeof e) {
            waitpid(child->pid, NULL, 0);
            rc =
                MN_FAIL(e == ENOENT ? MN_ENOENT : MN_EIO, "cannot start %s: %s", file, strerror(e));
        }
    }
    if (failed[0] >= 0) close(failed[0]);
    if (rc < 0) {
        child->pid = -1;
        if (said[0] >= 0) close(said[0]);
        return rc;
    }
    fcntl(said[0], F_SETFL, O_NONBLOCK);
    child->said_fd = said[0];
    return 0;
}

static int start_in(const char *const *argv, char *const *env, const mn_child_how *how,
                    mn_child **out) {
    char *file;
    *out = NULL;
    MN_TRY(in_path(argv[0], &file));
    mn_child *child = mn_calloc(1, sizeof *child);
    int rc = child ? 0 : MN_FAIL(MN_ENOMEM, "no memory to start %s", argv[0]);
    if (child) {
        child->said_fd = -1;
        rc = start(child, file, argv, env, how);
    }
    mn_free(file);
    if (rc < 0)
        mn_free(child);
    else
        *out = child;
    return rc;
}

int mn_child_start_as(const char *const *argv, const mn_child_how *how, mn_child **out) {
    return start_in(argv, (char *const *)(uintptr_t)how->env, how, out);
}

int mn_child_start(const char *const *argv, const char *const *env, mn_child **out) {
    char **const all = merged(env);
    const mn_child_how how = {.before = NULL};
    *out = NULL;
    if (!all) return MN_FAIL(MN_ENOMEM, "no memory to start %s", argv[0]);
    const int rc = start_in(argv, all, &how, out);
    mn_free(all);
    return rc;
}

/* Take what is in the pipe; of too much, keep the end. */
static void drain(mn_child *c) {
    for (;;) {
        if (c->n == SAID_MAX) {
            memmove(c->said, c->said + SAID_MAX / 2, SAID_MAX / 2);
            c->n = SAID_MAX / 2;
        }
        const ssize_t k = read(c->said_fd, c->said + c->n, SAID_MAX - c->n);
        if (k < 0 && errno == EINTR) continue;
        if (k == 0) {
            close(c->said_fd);
            c->said_fd = -1;
        }
        if (k <= 0) break;
        for (ssize_t i = 0; i < k; i++)
            if (!c->said[c->n + (size_t)i]) c->said[c->n + (size_t)i] = ' ';
        c->n += (size_t)k;
    }
    c->said[c->n] = 0;
}

int mn_child_wait(mn_child *c, int wait_ms, int *status) {
    const int64_t until = (int64_t)(mn_clock_ns() / 1000000) + wait_ms;
    for (long nap = 1; !c->ended; nap = nap < 25 ? nap * 2 : 50) {
        siginfo_t end = {0};
        int st;
        const int rc = waitid(P_PID, (id_t)c->pid, &end, WEXITED | WNOHANG | WNOWAIT);
        if (c->said_fd >= 0) drain(c);
        if (rc == 0 && end.si_pid == c->pid) {
            kill(-c->pid, SIGKILL); /* what it left behind; its number is still its own */
            while (waitpid(c->pid, &st, 0) < 0 && errno == EINTR) {
            }
            c->ended = 1;
            c->status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
            if (c->said_fd >= 0) drain(c);
            break;
        }
        const int64_t left = until - (int64_t)(mn_clock_ns() / 1000000);
        if (left <= 0) return 0;
        struct pollfd p = {.fd = c->said_fd, .events = POLLIN}; /* fd -1: just a nap */
        poll(&p, 1, (int)(left < nap ? left : nap));
    }
    *status = c->status;
    return 1;
}

const char *mn_child_said(const mn_child *child) {
    return child->said;
}

void mn_child_end(mn_child **pc) {
    mn_child *c = *pc;
    if (!c) return;
    *pc = NULL;
    if (!c->ended) {
        kill(-c->pid, SIGKILL);
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (c->said_fd >= 0) close(c->said_fd);
    mn_free(c);
}
