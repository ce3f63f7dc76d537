/* SPDX-License-Identifier: Apache-2.0
 *
 * base/keep.h - a process that stands between us and a program, so that nothing the program has
 * started is left when it is over: children that stay, also those that went into a session of their
 * own. (A group or a namespace would do it too, but who leaves the group is not reached, and
 * namespaces are not always permitted.)
 */
#ifndef MN_BASE_KEEP_H
#define MN_BASE_KEEP_H

/* Between fork and exec, where only async-signal-safe calls are allowed. It comes back in a child
 * of the caller, which is to become the program, in a group of its own: 0. -1: errno. The caller
 * itself stays as the keeper and ends as the program ends (exit status, or 128 + signal), after all
 * that it has started was killed. It kills all of them at once on SIGTERM, and when the thread that
 * started it dies. Who kills the keeper kills the program, but no more. */
int mn_keep(void);

#endif
