/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/opens.h - run a program and hear of every path it, or a child of its, hands to the
 * kernel: opened, made, renamed, linked, removed. By ptrace, so nothing is missed and no tool is
 * needed; about a millisecond a run.
 */
#ifndef MN_TEST_CLI_OPENS_H
#define MN_TEST_CLI_OPENS_H
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct opens {
    /* One path, as the program gave it; `fd` is the folder it starts from or AT_FDCWD. */
    void (*each)(void *user, const char *path, int fd);
    void *user;
    long heard;
} opens;

static inline void opens_hear(opens *o, pid_t pid, uint64_t address, int fd) {
    char path[8192];
    size_t n = 0;
    while (n < sizeof path - 1) { /* page by page: the next one may not be there */
        const uint64_t to = ((address + n) | 4095) + 1 - (address + n);
        const size_t most = to < sizeof path - 1 - n ? (size_t)to : sizeof path - 1 - n;
        struct iovec ours = {path + n, most}, theirs = {(void *)(uintptr_t)(address + n), most};
        const ssize_t k = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
        if (k <= 0) break;
        if (memchr(path + n, 0, (size_t)k)) break;
        n += (size_t)k;
    }
    path[n < sizeof path ? n + strnlen(path + n, sizeof path - 1 - n) : n] = 0;
    o->heard++;
    o->each(o->user, path, fd);
}

static inline void opens_syscall(opens *o, pid_t pid) {
    struct __ptrace_syscall_info i;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof i, &i) <= 0) return;
    if (i.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    const __typeof__(i.entry.args[0]) *a = i.entry.args;
    switch (i.entry.nr) {
    case SYS_openat:
#ifdef SYS_openat2
    case SYS_openat2:
#endif
    case SYS_mkdirat:
    case SYS_unlinkat: opens_hear(o, pid, a[1], (int)a[0]); break;
    case SYS_truncate: opens_hear(o, pid, a[0], AT_FDCWD); break;
    case SYS_symlinkat: opens_hear(o, pid, a[2], (int)a[1]); break;
    case SYS_linkat:
    case SYS_renameat2:
        opens_hear(o, pid, a[1], (int)a[0]);
        opens_hear(o, pid, a[3], (int)a[2]);
        break;
#ifdef SYS_open /* older architectures have the short forms too */
    case SYS_open:
    case SYS_creat:
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_unlink: opens_hear(o, pid, a[0], AT_FDCWD); break;
    case SYS_symlink: opens_hear(o, pid, a[1], AT_FDCWD); break;
    case SYS_link:
    case SYS_rename:
        opens_hear(o, pid, a[0], AT_FDCWD);
        opens_hear(o, pid, a[1], AT_FDCWD);
        break;
#endif
    default: break;
    }
}

/* Run argv with nothing on standard input, both streams to `said`; its wait status, or -1 when
 * this machine lets nobody trace. */
static inline int opens_run(opens *o, char *const *argv, int said) {
    const long want = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                      PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    int status, last = -1;
    const pid_t child = fork();
    if (child == 0) {
        const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (dup2(nothing, 0) < 0 || dup2(said, 1) < 0 || dup2(said, 2) < 0) _exit(126);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0) _exit(126);
        execv(argv[0], argv);
        _exit(127);
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    ptrace(PTRACE_SETOPTIONS, child, NULL, want);
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == child) last = status;
            continue;
        }
        const int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80)) opens_syscall(o, pid);
        const int ours = signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP;
        ptrace(PTRACE_SYSCALL, pid, NULL, ours ? 0L : (long)signal);
    }
    return last;
}

#endif
