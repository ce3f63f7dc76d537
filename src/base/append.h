/* SPDX-License-Identifier: Apache-2.0
 *
 * base/append.h - a file that several processes append to, and that is on disk when they say so.
 *
 * Every system call is a fault point of OMNESIA_FAIL_IO, as in base/file.h.
 */
#ifndef MN_BASE_APPEND_H
#define MN_BASE_APPEND_H
#include <stddef.h>
#include <stdint.h>

/* Its descriptor. Made when it is absent, with its folder (0700), and known to the disk then. Who
 * wants to replace the file asks for it `alone` (MN_EBUSY: others have it). */
int mn_append_open(const char *path, int alone);
void mn_append_close(int *fd);
/* All of it behind what is there, in one piece; what a failure left of it is no use to anybody. */
int mn_append(int fd, const char *path, const void *bytes, size_t n);
int mn_append_end(int fd, const char *path, uint64_t *end);
int mn_append_sync(int fd, const char *path, uint64_t *end); /* *end: so many bytes are on disk */

#endif
