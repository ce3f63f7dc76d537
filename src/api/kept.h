/* SPDX-License-Identifier: Apache-2.0
 *
 * api/kept.h - the session of a model's last answer, kept for the next one.
 *
 * A conversation sends everything again at each turn, with a little more at its end. The session
 * that answered stays with the ids of its rows; an answer resumes it by trimming it to what both
 * have in common, so that only the rest is computed. The bytes are the same either way, for
 * results do not depend on how a prompt is cut (engine/step.h).
 *
 * One session is kept, the last to end. An answer that resumes takes it out, so answers that run
 * at the same time never share one: the others begin afresh. Its memory stays booked until it is
 * resumed, replaced, or dropped because the budget is short. Any thread may call.
 */
#ifndef MN_API_KEPT_H
#define MN_API_KEPT_H
#include "base/buf.h"
#include "omnesia.h"

#include <pthread.h>

typedef struct mn_kept {
    pthread_mutex_t lock;
    mn_session *session; /* NULL: none */
    mn_buf ids;          /* int32_t, one for each of its rows */
} mn_kept;

void mn_kept_open(mn_kept *kept);
void mn_kept_close(mn_kept *kept);

/* A session for the prompt ids[n]: the kept one trimmed to their longest common prefix, at most
 * n - 1, so that one token is left to compute logits from; else a fresh one, the kept one closed.
 * mn_session_length says how many tokens need not be computed. */
int mn_kept_resume(mn_model *m, int context, int kv_q8, const int32_t *ids, int n,
                   mn_session **out);
/* The session's answer has ended: keep it in place of any other. ids begins with those of its rows.
 * Both are consumed. */
void mn_kept_take_back(mn_kept *kept, mn_session **session, mn_buf *ids);
/* Close the kept session: 1, or 0 when there is none. */
int mn_kept_drop(mn_kept *kept);

#endif
