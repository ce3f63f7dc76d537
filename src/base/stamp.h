/* SPDX-License-Identifier: Apache-2.0
 *
 * base/stamp.h - what was once found out about a file, remembered until the file changes.
 *
 * A stamp is a small file of two parts: the mark of the other file when it was looked at
 * (mn_file_mark), a newline, and the fact. It speaks only while the mark is still the same, so a
 * large file need not be read again to be trusted, and one that was written to is not trusted.
 * Losing a stamp costs another look and nothing else: writing one never fails.
 */
#ifndef MN_BASE_STAMP_H
#define MN_BASE_STAMP_H
#include "base/buf.h"

/* 1 when the stamp at `path` is about a file with this mark: its fact is appended to `fact`; else
 * 0, also when there is no stamp that can be read. */
int mn_stamp_read(const char *path, const char *mark, mn_buf *fact);
/* Take the mark before looking at the file: what changes meanwhile is then looked at again. */
void mn_stamp_write(const char *path, const char *mark, const char *fact);

#endif
