/* SPDX-License-Identifier: Apache-2.0
 *
 * base/tell.h - sentences for the program's log, from work that no call waits for.
 *
 * What fails in a call is that call's error. What fails beside it (a connection that was lost while
 * an answer went on) is told here: to who asked to hear it, else to nobody. A library prints
 * nothing by itself.
 */
#ifndef MN_BASE_TELL_H
#define MN_BASE_TELL_H

/* From now on `hear` gets each sentence, without a line end; NULL: nobody does. It is called by any
 * thread, by several at once, and makes no calls of Omnesia. */
void mn_tell_to(void (*hear)(const char *line));
void mn_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
