/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/restore.h - keys and values saved to a file, and a process that starts from them: what
 * sharing is compared with.
 */
#ifndef MN_BENCH_RESTORE_H
#define MN_BENCH_RESTORE_H
#include "api/model.h"

/* The first n tokens of ids, which `s` holds, and one more to go on with, into a file. */
int mn_restore_save(const mn_session *s, const int32_t *ids, int n, const char *path);

#endif
