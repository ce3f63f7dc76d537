/* SPDX-License-Identifier: Apache-2.0
 *
 * base/child.c - fork, exec, poll. Between fork and exec only async-signal-safe calls are made,
 * since other threads may hold any lock; what they need is prepared before. A failed exec sends
 * its errno through a close-on-exec pipe, so "no such program" is an error of mn_child_start. Who
 * is talked with is not waited for, however long it takes on a busy machine: robots have a
 * heartbeat meanwhile. What can be known beforehand is; the rest it says itself, and ends.
 */
#include "base/child.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { SAID_MAX = 16384 };

struct mn_child {
    pid_t pid;
    int said_fd;  /* -1: closed by the other side */
    int to, from; /* its standard input and output; -1: it is not talked with */
    int kept;     /* pid is its keeper's */
    int over;     /* readable when it has ended; -1: nobody can tell */
    int ended, status;
    uint64_t peak; /* bytes */
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

/* The child's ends of what it is connected with. */
typedef struct ends {
    int in, out, said, failed; /* in, out -1: it reads nothing, and `said` has all of it */
} ends;

/* On standard error, for who is talked with is not waited for. */
static void tell_why(int e) {
    const char *const why = strerrordesc_np(e);
    struct iovec text[] = {{.iov_base = "it cannot be started: ", .iov_len = 22},
                           {.iov_base = (void *)(uintptr_t)why, .iov_len = why ? strlen(why) : 0},
                           {.iov_base = "\n", .iov_len = 1}};
    while (writev(2, text, 3) < 0 && errno == EINTR) {
    }
}

static _Noreturn void become(const char *file, const char *const *argv, char *const *env,
                             const mn_child_how *how, ends to, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    const int in = to.in >= 0 ? to.in : open("/dev/null", O_RDONLY);
    if (getppid() == parent && in >= 0 && dup2(in, 0) >= 0 &&
        dup2(to.out >= 0 ? to.out : to.said, 1) >= 0 && dup2(to.said, 2) >= 0 &&
        (!how->talk || mn_keep() == 0) && (!how->before || how->before(how->user) == 0))
        execve(file, (char *const *)(uintptr_t)argv, env);
    const int e = errno;
    if (how->talk) tell_why(e);
    while (!how->talk && write(to.failed, &e, sizeof e) < 0 && errno == EINTR) {
    }
    _exit(127);
}

static void shut(int fd) {
    if (fd >= 0) close(fd);
}

/* What a failed execve has told; 0: it has become the program. */
static int failure(int failed) {
    int e = 0;
    ssize_t k;
    while ((k = read(failed, &e, sizeof e)) < 0 && errno == EINTR) {
    }
    return k == (ssize_t)sizeof e ? e : 0;
}

/* Its input is a socket, since writing to one that nobody reads is an error and no signal. */
static int connect_with(mn_child *child, ends *its) {
    int in[2], out[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0) return -1;
    child->to = in[0];
    its->in = in[1];
    if (pipe2(out, O_CLOEXEC) < 0) return -1;
    child->from = out[0];
    its->out = out[1];
    fcntl(child->to, F_SETFL, O_NONBLOCK);
    fcntl(child->from, F_SETFL, O_NONBLOCK);
    return 0;
}

static int start(mn_child *child, const char *file, const char *const *argv, char *const *env,
                 const mn_child_how *how) {
    int said[2] = {-1, -1}, failed[2] = {-1, -1}, rc = 0, e;
    ends its = {-1, -1, -1, -1};
    const pid_t parent = getpid();
    if (pipe2(said, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0 ||
        (how->talk && connect_with(child, &its) < 0))
        rc = MN_FAIL(MN_EIO, "cannot start %s: %s", argv[0], strerror(errno));
    its.said = said[1];
    its.failed = failed[1];
    if (rc >= 0 && (child->pid = fork()) < 0)
        rc = MN_FAIL(MN_EIO, "cannot start %s: %s", argv[0], strerror(errno));
    else if (rc >= 0 && child->pid == 0)
        become(file, argv, env, how, its, parent);
    shut(its.said);
    shut(its.failed);
    shut(its.in);
    shut(its.out);
    if (rc >= 0 && !how->talk && (e = failure(failed[0])) != 0) {
        waitpid(child->pid, NULL, 0);
        rc = MN_FAIL(e == ENOENT ? MN_ENOENT : MN_EIO, "cannot start %s: %s", file, strerror(e));
    }
    shut(failed[0]);
    if (rc < 0) {
        child->pid = -1;
        shut(said[0]);
        shut(child->to);
        shut(child->from);
        return rc;
    }
    fcntl(said[0], F_SETFL, O_NONBLOCK);
    child->said_fd = said[0];
    child->kept = how->talk;
    child->over = (int)syscall(SYS_pidfd_open, child->pid, 0); /* it is closed on exec */
    return 0;
}

static int start_in(const char *const *argv, char *const *env, const mn_child_how *how,
                    mn_child **out) {
    char *file;
    *out = NULL;
    MN_TRY(in_path(argv[0], &file));
    mn_child *child = mn_calloc(1, sizeof *child);
    int rc = child ? 0 : MN_FAIL(MN_ENOMEM, "no memory to start %s", argv[0]);
    if (child && how->talk && access(file, X_OK) < 0)
        rc = MN_FAIL(errno == ENOENT ? MN_ENOENT : MN_EIO, "cannot start %s: %s", file,
                     strerror(errno));
    if (rc >= 0) {
        child->said_fd = child->to = child->from = child->over = -1;
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

static int start_ours(const char *const *argv, const char *const *env, int talk, mn_child **out) {
    char **const all = merged(env);
    const mn_child_how how = {.talk = talk};
    *out = NULL;
    if (!all) return MN_FAIL(MN_ENOMEM, "no memory to start %s", argv[0]);
    const int rc = start_in(argv, all, &how, out);
    mn_free(all);
    return rc;
}

int mn_child_start(const char *const *argv, const char *const *env, mn_child **out) {
    return start_ours(argv, env, 0, out);
}

int mn_child_start_talk(const char *const *argv, const char *const *env, mn_child **out) {
    return start_ours(argv, env, 1, out);
}

int mn_child_to(const mn_child *child) {
    return child->to;
}

int mn_child_from(const mn_child *child) {
    return child->from;
}

int mn_child_words(const mn_child *child) {
    return child->said_fd;
}

int mn_child_over(const mn_child *child) {
    return child->over;
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
            struct rusage use = {0};
            while (wait4(c->pid, &st, 0, &use) < 0 && errno == EINTR) {
            }
            c->ended = 1;
            c->peak = (uint64_t)use.ru_maxrss * 1024;
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

uint64_t mn_child_peak(const mn_child *child) {
    return child->peak;
}

const char *mn_child_said(const mn_child *child) {
    return child->said;
}

/* A keeper kills the rest, then itself. It is told again, for it may have been told before it was
 * one. */
static void end_kept(const mn_child *c) {
    for (;;) {
        struct pollfd p = {.fd = c->over, .events = POLLIN};
        kill(c->pid, SIGTERM);
        kill(c->pid, SIGCONT);
        poll(&p, 1, c->over >= 0 ? 20 : 1);
        const pid_t pid = waitpid(c->pid, NULL, WNOHANG);
        if (pid == c->pid || (pid < 0 && errno != EINTR)) return;
    }
}

void mn_child_end(mn_child **pc) {
    mn_child *c = *pc;
    if (!c) return;
    *pc = NULL;
    if (!c->ended && c->kept) {
        end_kept(c);
    } else if (!c->ended) {
        kill(-c->pid, SIGKILL);
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    shut(c->said_fd);
    shut(c->over);
    shut(c->to);
    shut(c->from);
    mn_free(c);
}
