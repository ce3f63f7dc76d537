/* SPDX-License-Identifier: Apache-2.0
 *
 * base/keep.c - the keeper is a child subreaper: whoever of its descendants loses its parent is its
 * child from then on. So it kills its children, waits for one, looks again, until it has none.
 * What it was forked from may have had threads: only system calls are made, and nothing is
 * allocated. The memory it was forked with is shared with its parent until one of both writes.
 */
#include "base/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* "12 345 6 ": numbers that are whole, for a piece of the list may end within one. */
static void kill_listed(const char *text, ssize_t n) {
    pid_t pid = 0;
    for (ssize_t i = 0; i < n; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            pid = pid * 10 + (text[i] - '0');
        } else {
            if (pid > 1) kill(pid, SIGKILL);
            pid = 0;
        }
    }
}

static void kill_children(void) {
    char text[4096];
    ssize_t n;
    const int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return; /* an old kernel: the group has to do */
    n = read(fd, text, sizeof text);
    close(fd);
    if (n > 0) kill_listed(text, n);
}

/* Nobody is left; *status of the one that counts, when it ends here. */
static void kill_all(pid_t first, int *status) {
    for (;;) {
        int st;
        kill(-first, SIGKILL);
        kill_children();
        const pid_t pid = waitpid(-1, &st, 0);
        if (pid == first) *status = st;
        if (pid < 0 && errno != EINTR) return;
    }
}

static _Noreturn void keep(pid_t first, const sigset_t *wanted) {
    int status = 0, st, over = 0;
    if (syscall(SYS_close_range, 0u, ~0u, 0) < 0)
        for (int fd = 0; fd < 1024; fd++) close(fd);
    while (!over) {
        if (sigwaitinfo(wanted, NULL) == SIGTERM) break;
        for (pid_t pid; (pid = waitpid(-1, &st, WNOHANG)) > 0;)
            if (pid == first) status = st, over = 1;
    }
    kill_all(first, &status);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int mn_keep(void) {
    sigset_t wanted, none;
    const pid_t keeper = getpid();
    sigemptyset(&none);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return -1;
    const pid_t first = fork();
    if (first < 0) return -1;
    if (first > 0) {
        setpgid(first, first);
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        prctl(PR_SET_NAME, "omnesia-keep", 0, 0, 0);
        keep(first, &wanted);
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (getppid() == keeper) return 0;
    errno = ESRCH;
    return -1;
}
