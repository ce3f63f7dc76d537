/* SPDX-License-Identifier: Apache-2.0
 *
 * base/cage.c - what the child does to itself between fork and exec.
 *
 *     namespaces (user first, unless root) -> a child, which is process 1 of them -> its child ->
 *     limits -> Landlock -> another user -> exec
 *
 * The two in between wait, and end as their child does. When whoever started it dies, so does the
 * first (PR_SET_PDEATHSIG), then process 1, then all that are in there with it. Whether namespaces
 * are permitted is tried once, by a child that ends.
 */
#include "base/cage.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USERS = 61184, SO_MANY = 4096, SPACES = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC };

typedef struct inside {
    const mn_cage *cage;
    int spaces; /* namespaces are permitted */
    int processes;
    uid_t uid, as; /* who starts it; when that is root, who it runs as */
    gid_t gid;
} inside;

/* A user of this process alone: as nobody it would count, and see, all that others run as nobody.
 */
int64_t mn_cage_owner(void) {
    return geteuid() == 0 ? USERS + getpid() % SO_MANY : -1;
}

/* ---- namespaces ----------------------------------------------------------------------------- */
static int map_to_itself(const char *path, unsigned long id) {
    char line[64], *at = mn_limit_digits(line, id);
    *at++ = ' ';
    at = mn_limit_digits(at, id);
    memcpy(at, " 1", 3);
    return mn_limit_tell(path, line);
}

static int enter_spaces(const inside *in) {
    if (in->uid == 0) return unshare(SPACES);
    if (unshare(CLONE_NEWUSER | SPACES) < 0 || mn_limit_tell("/proc/self/setgroups", "deny") < 0)
        return -1;
    return map_to_itself("/proc/self/uid_map", in->uid) < 0
               ? -1
               : map_to_itself("/proc/self/gid_map", in->gid);
}

/* End as that child ends; whoever else is left with us is buried on the way. */
static _Noreturn void end_as(pid_t child) {
    int status = 0;
    pid_t pid;
    if (syscall(SYS_close_range, 0u, ~0u, 0) < 0)
        for (int fd = 0; fd < 1024; fd++) close(fd);
    while ((pid = wait(&status)) != child)
        if (pid < 0 && errno != EINTR) _exit(127);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Two children further: the first is process 1 of the new namespaces, which signals of its own do
 * not reach; the second is an ordinary process, and goes on. */
static int become_second(void) {
    for (int i = 0; i < 2; i++) {
        const pid_t pid = fork();
        if (pid < 0) return -1;
        if (pid > 0) end_as(pid);
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    }
    setsid();
    return 0;
}

static int permitted(void) {
    static int known = -1;
    int status = 1;
    if (known >= 0) return known;
    const inside in = {.uid = geteuid(), .gid = getegid()};
    const pid_t pid = fork();
    if (pid == 0) _exit(enter_spaces(&in) < 0);
    if (pid > 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    return known = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- writing nowhere else ------------------------------------------------------------------- */
#define WRITES                                                                                     \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int has_landlock(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION) >=
           1;
}

static int allow(int rules, const char *path, uint64_t what) {
    struct landlock_path_beneath_attr beneath = {.allowed_access = what,
                                                 .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (beneath.parent_fd < 0) return -1;
    const long rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    close(beneath.parent_fd);
    return (int)rc;
}

static int write_here_alone(const char *folder) {
    const struct landlock_ruleset_attr attr = {.handled_access_fs = WRITES};
    if (!has_landlock()) return 0;
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0 || allow(rules, folder, WRITES) < 0 ||
        allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE) < 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        return -1;
    close(rules);
    return 0;
}

/* ---- limits --------------------------------------------------------------------------------- */
static int limits(const inside *in) {
    if (mn_limit_set(RLIMIT_CPU, (rlim_t)in->cage->seconds + 1) < 0) return -1;
    if (mn_limit_set(RLIMIT_AS, MN_CAGE_MEMORY) < 0 || mn_limit_set(RLIMIT_FSIZE, MN_CAGE_FILE) < 0)
        return -1;
    if (mn_limit_set(RLIMIT_CORE, 0) < 0 || mn_limit_set(RLIMIT_NOFILE, 256) < 0) return -1;
    return mn_limit_set(RLIMIT_NPROC, (rlim_t)in->processes);
}

static int before(void *user) {
    const inside *const in = user;
    if (chdir(in->cage->folder) < 0) return -1;
    mn_limit_go_first(1000);
    if (in->spaces && (enter_spaces(in) < 0 || become_second() < 0)) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || limits(in) < 0) return -1;
    if (write_here_alone(in->cage->folder) < 0) return -1;
    if (in->uid == 0 && (setgroups(0, NULL) < 0 || setgid(in->as) < 0 || setuid(in->as) < 0))
        return -1;
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* again: another user, and another process */
}

/* ---- running it ----------------------------------------------------------------------------- */
const char *mn_cage_lacks(void) {
    if (permitted()) return has_landlock() ? "" : "a folder it cannot write out of";
    return has_landlock() ? "a network of its own"
                          : "a network of its own, and a folder it cannot write out of";
}

/* All there are, of whatever user: a bound for those of ours. */
static int processes_now(void) {
    int n = 0;
    DIR *const d = opendir("/proc");
    if (!d) return 4096;
    for (struct dirent *e; (e = readdir(d));) n += *e->d_name >= '0' && *e->d_name <= '9';
    closedir(d);
    return n;
}

static int wait_for(const mn_cage *cage, mn_child *child, int *status) {
    const uint64_t until = mn_clock_ns() + (uint64_t)cage->seconds * 1000000000u;
    while (!mn_child_wait(child, 50, status)) {
        if (cage->stop && cage->stop(cage->user))
            return MN_FAIL(MN_ECANCELLED, "stopped on request");
        if (mn_clock_ns() < until) continue;
        *status = -1;
        break;
    }
    return 0;
}

int mn_cage_run(const mn_cage *cage, const char *command, mn_buf *said, int *status) {
    static const char *const passed[] = {"PATH", "LANG", "LC_ALL"};
    const char *const words[] = {"sh", "-c", command, NULL}, *env[32];
    mn_buf own[5] = {{0}};
    inside in = {.cage = cage, .spaces = permitted(), .uid = geteuid(), .gid = getegid()};
    in.as = (uid_t)mn_cage_owner();
    size_t n = 0;
    mn_child *child;
    int rc = 0;
    in.processes = MN_CAGE_PROCESSES;
    if (!in.spaces && in.uid != 0) in.processes += processes_now();
    for (size_t i = 0; i < 3 && rc >= 0; i++)
        if (getenv(passed[i])) rc = mn_buf_printf(own + i, "%s=%s", passed[i], getenv(passed[i]));
    if (rc >= 0) rc = mn_buf_printf(own + 3, "HOME=%s", cage->folder);
    if (rc >= 0) rc = mn_buf_printf(own + 4, "TMPDIR=%s", cage->folder);
    for (size_t i = 0; i < 5; i++)
        if (own[i].len) env[n++] = own[i].data;
    for (size_t i = 0; cage->env && cage->env[i] && n < 31; i++) env[n++] = cage->env[i];
    env[n] = NULL;
    const mn_child_how how = {env, before, &in};
    if (rc >= 0) rc = mn_child_start_as(words, &how, &child);
    for (size_t i = 0; i < 5; i++) mn_buf_free(own + i);
    MN_TRY(rc);
    rc = wait_for(cage, child, status);
    if (rc >= 0) rc = mn_buf_puts(said, mn_child_said(child));
    mn_child_end(&child);
    return rc;
}
