/* SPDX-License-Identifier: Apache-2.0
 *
 * base/child.h - run another program, watch it, keep what it says.
 *
 * The child reads nothing (unless it is talked with), sits in a process group of its own (a Ctrl-C
 * at the terminal reaches us first) and is killed by the kernel when the thread that started it
 * dies, so a killed parent leaves no stray work behind. Standard output and standard error are
 * caught together.
 */
#ifndef MN_BASE_CHILD_H
#define MN_BASE_CHILD_H
#include <stdint.h>

typedef struct mn_child mn_child;

/* Start argv[0] (searched in PATH) with the environment plus `env` ("NAME=VALUE", ended by NULL;
 * may itself be NULL). MN_ENOENT: there is no such program. */
int mn_child_start(const char *const *argv, const char *const *env, mn_child **out);
/* The same, otherwise: `env` alone is its environment; and `before` is called in the child, last of
 * all before it becomes the program, where only async-signal-safe calls are allowed. It may go
 * on in a child of its own; non-zero: errno says what failed. */
typedef struct mn_child_how {
    const char *const *env;
    int (*before)(void *user);
    void *user;
    int talk; /* as mn_child_start_talk */
} mn_child_how;
int mn_child_start_as(const char *const *argv, const mn_child_how *how, mn_child **out);
/* As mn_child_start, but it is talked with: its standard input and output are our ends below, which
 * do not block; what it "said" is standard error alone. Write with send(.., MSG_NOSIGNAL). It has a
 * keeper (base/keep.h): what it has started ends with it, and with us, in whatever group it is. */
int mn_child_start_talk(const char *const *argv, const char *const *env, mn_child **out);
int mn_child_to(const mn_child *child);    /* the child's; -1: it is not talked with */
int mn_child_from(const mn_child *child);  /* the same */
int mn_child_words(const mn_child *child); /* of what it says, to poll; -1: it has closed it */
int mn_child_over(const mn_child *child);  /* to poll: readable when it has ended; -1: unknown */
/* Wait at most wait_ms: 1 when it has ended, and all of its group with it (with *status: exit
 * status, or 128 + signal), 0 when it still runs. */
int mn_child_wait(mn_child *child, int wait_ms, int *status);
/* The most memory, in bytes, that one of its processes had resident, once it has ended. What this
 * process had when it started it counts, too. */
uint64_t mn_child_peak(const mn_child *child);
/* The last 16 kB or so it has said, NUL-terminated; borrowed. */
const char *mn_child_said(const mn_child *child);
/* Kill it and what it started, if it still runs, and release. NULL-safe. */
void mn_child_end(mn_child **child);

#endif
