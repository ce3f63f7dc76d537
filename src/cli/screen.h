/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/screen.h - pictures that are drawn in place on a terminal, again and again.
 *
 * On the alternate screen, in one write, each line cleared behind its end, so that nothing
 * flickers. The terminal is given back by whatever end: signals only set a flag or wake the wait,
 * and SIGKILL alone leaves it as it is.
 */
#ifndef MN_CLI_SCREEN_H
#define MN_CLI_SCREEN_H
#include "cli/cli.h"

int mn_screen_take(void);
void mn_screen_give_back(void);
void mn_screen_size(int *columns, int *rows); /* 80 x 24 when it is not known */
int mn_screen_colour(void);                   /* 0: NO_COLOR is set */
/* The picture, lines ended by "\n" but the last. */
int mn_screen_show(const char *text);
/* So long, or less: a key; 0: none; 'q' also when a signal, or the end of input, says that it is
 * over. */
int mn_screen_key(int wait_ms);

#endif
