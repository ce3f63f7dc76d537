/* SPDX-License-Identifier: Apache-2.0
 *
 * base/limit.h - what a child lets itself be limited by, between fork and exec: system calls alone,
 * nothing is allocated.
 */
#ifndef MN_BASE_LIMIT_H
#define MN_BASE_LIMIT_H
#include <stdint.h>

/* setrlimit of RLIMIT_x, hard and soft; what it has already as less stays. -1: errno. */
int mn_limit_set(int what, uint64_t most);
/* The kernel takes it, and what it starts, before others when memory runs out: 1 to 1000, as
 * oom_score_adj in proc(5), in thousandths of the machine's memory. Who has more keeps it. Needs no
 * privilege; a system that refuses is no error. */
void mn_limit_go_first(int score);
/* The decimal digits of a number and a NUL, at most 21 bytes; where that stands. */
char *mn_limit_digits(char *at, unsigned long n);
/* Write text into a file that is there. -1: errno. */
int mn_limit_tell(const char *path, const char *text);

#endif
