/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/memories.h - what the routes of memory have in common.
 */
#ifndef MN_SERVE_MEMORIES_H
#define MN_SERVE_MEMORIES_H
#include "serve/scope.h"

/* Who asks, of a server that has a memory. Negative: it has none, or a name is wrong, and that is
 * the reply. */
int mn_memory_asker(mn_exchange *x, mn_asker *out);
/* The record that the path names. MN_ENOENT: it is no name of one. */
int mn_memory_id(const mn_exchange *x, int64_t *id);
/* Note the failure `rc` of a call about memory. */
int mn_memory_refuse(mn_exchange *x, int rc, const char *param);
/* {"version": N, "chats": whether conversations are kept}; N is another number whenever a record of
 * this scope came, changed or went, by any process (0: nobody is told, as there is no region).
 * null: there is no memory. */
json_t *mn_memory_pulse(mn_exchange *x);

#endif
