/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/remember.h - conversations with a memory (--remember): what was said before is recalled
 * before an answer, and what is said is kept after it, word for word.
 *
 *   work (a worker's)   mn_remember_begin   the last thing the user says is searched for; what is
 *                                           found goes into the request as data (mn_mem_recall)
 *   all jobs have ended mn_remember_end     a worker adds the question and the answer; then the end
 *                                           of the reply is told, so whoever asks next finds them
 *
 * Kept are the user's last words and the first answer's, never what was recalled. A request whose
 * last message is a tool's result asks nothing new: only the answer to it is kept.
 */
#ifndef MN_SERVE_REMEMBER_H
#define MN_SERVE_REMEMBER_H
#include "serve/ask.h"

typedef struct mn_answers mn_answers;
typedef struct mn_remember mn_remember;

/* Does this request have a memory? It names a user (or says "memory": true), and the server was
 * told to. Then its work is a worker's. */
int mn_remember_wanted(const mn_exchange *x);
/* What comes to mind of the last of `messages`, into the request of `ask`. MN_E*, *param. */
int mn_remember_begin(mn_exchange *x, const json_t *messages, mn_ask *ask, const char **param);
/* The request is complete: what was recalled is left out where the prompt would not fit with it. */
int mn_remember_fit(const mn_exchange *x, mn_ask *ask);
void mn_remember_free(mn_remember **r);
/* Ids of what was recalled, a new reference; NULL: this request has no memory. */
json_t *mn_remember_ids(const mn_ask *ask);
/* On the HTTP thread: keep what was said, then call then(a), in any case. */
void mn_remember_end(mn_answers *a, void (*then)(mn_answers *a));

#endif
