/* SPDX-License-Identifier: Apache-2.0
 *
 * api/answer.h - one answer on its way, step by step: mn_answer drives one, mn_loop many at once.
 *
 * begin: request -> ids of the prompt, sampler, grammar, stop texts        (any thread, no step
 * needed)
 *   seat:  a session that holds what need not be computed
 *   waits: another is computing more of it just now, or it comes from another machine; look again
 *   later
 *   ids[length of the session ..] are computed by steps; when none is left
 *   take:  logits -> the next token -> its text to the caller; it is the one id that is left then
 *   end:   what was held back, and the session is left to whoever comes next
 *
 * A session that was emptied (damaged rows) or taken away (preempted) is seated again: the ids are
 * all there, so the answer goes on where it was.
 */
#ifndef MN_API_ANSWER_H
#define MN_API_ANSWER_H
#include "api/model.h"
#include "engine/sample.h"

typedef struct mn_answering {
    mn_model *m;
    const mn_request *r;
    mn_session *session;
    mn_sampler *sampler;
    mn_stopper *stopper;
    mn_matcher *matcher; /* NULL: no grammar */
    mn_buf ids; /* int32_t: of the prompt, then those that were drawn and are not the last */
    mn_buf text;
    mn_stats stats;
    int context;
    int open_to;    /* tokens of the prompt that other tenants share, */
    int cut;        /* and that other prompts begin with: an extent ends there. 0: nowhere */
    int seated;     /* tokens its session began with; more: it has computed some */
    int afresh;     /* it takes nothing of what others read, and waits for none of them */
    int keeps;      /* the model keeps its session for the next answer */
    int looked;     /* other machines have been asked for its prompt; */
    mn_far *far;    /* what they have of it is coming */
    int offered;    /* tokens that other machines may take by now */
    int seen;       /* its prompt has been told to the region's statistics */
    uint64_t asked; /* ns: when it began, */
    uint64_t began; /* when the first of its tokens was computed, */
    uint64_t first; /* and when the first one was drawn; 0: not yet */
    uint64_t news;  /* when it last saw that who it waits for goes on */
} mn_answering;

/* Tokens of its prompt and of what it has written. */
static inline int mn_answering_ids(const mn_answering *a) {
    return (int)(a->ids.len / sizeof(int32_t));
}

/* Zero-initialise. r and what it points to are borrowed until the end. */
int mn_answering_begin(mn_answering *a, mn_model *m, const mn_request *r);
int mn_answering_seat(mn_answering *a);
int mn_answering_waits(mn_answering *a);
/* Ids that are not computed yet, at `ids`: one when the answer is being written. In *piece how many
 * of them may be computed at once: an extent ends behind them. */
int mn_answering_left(mn_answering *a, const int32_t **ids, int *piece);
/* logits[V] of the last id: 1 when the answer has ended, stats.finish says how. */
int mn_answering_take(mn_answering *a, const float *logits);
void mn_answering_unseat(mn_answering *a);
/* Say what was held back, complete the stats, and let go of everything. */
void mn_answering_end(mn_answering *a);

#endif
