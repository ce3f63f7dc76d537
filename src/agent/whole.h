/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/whole.h - whole conversations in the place of the turns that were found.
 */
#ifndef MN_AGENT_WHOLE_H
#define MN_AGENT_WHOLE_H
#include "agent/recall.h"

/* hits [*n], best first: of each session its best turn stays, and its text becomes all that was
 * said there, a line "SPEAKER: TEXT" for each turn (one line, or a text could have others say what
 * they did not), as much as a record may have. What is of no session stays as it is. */
int mn_whole_sessions(mn_store *s, int64_t owner, const mn_who *who, const mn_seek *seek,
                      mn_arena *arena, mn_hit *hits, int *n);

#endif
