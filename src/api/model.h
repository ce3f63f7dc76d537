/* SPDX-License-Identifier: Apache-2.0
 *
 * api/model.h - what stands behind the handles of omnesia.h; private to api/ and bench/.
 */
#ifndef MN_API_MODEL_H
#define MN_API_MODEL_H
#include "api/kept.h"
#include "base/buf.h"
#include "engine/grammar.h"
#include "engine/plan.h"
#include "engine/step.h"
#include "kv/far.h"
#include "model/encoder.h"
#include "model/template.h"
#include "omnesia.h"

#include <pthread.h>
#include <stdatomic.h>

struct mn_model {
    char *name;
    mn_exec exec;
    mn_net *net;
    mn_engine *engine;       /* of a model that writes */
    mn_encoder *encoder;     /* of a model for embeddings; exactly one of the two is not NULL */
    mn_template *chat;       /* NULL: the model has none that we know */
    mn_grammar_vocab *vocab; /* its tokens, for grammars */
    mn_buf open;             /* mn_model_share: for each text how many ids (int32_t), then they */
    const char *chat_error;  /* why, when compiling failed; owned */
    mn_kept kept;            /* session of the last answer */
    mn_region *region;       /* borrowed; NULL: nothing is shared */
    int quiet;               /* takes from the region, leaves nothing */
    mn_remote *remote;       /* what is shared with other machines; NULL: nothing */
    uint8_t digest[32];      /* of the model file, when there is a region */
    pthread_mutex_t step;    /* one step at a time */
    int step_tokens;         /* of one step of a loop, at most; 0: not measured yet */
    mn_plan_pace pace;       /* of its steps, as measured then, */
    double slower;           /* and how many times longer the last ones took */
    atomic_int cancel;       /* set by mn_cancel, cleared when an answer begins */
};

struct mn_session {
    mn_model *model;
    mn_seq *seq;
    /* Where what it began with was found: "own", "process", "disk", "machine" (another one); NULL:
     * it is fresh. */
    const char *from;
    int coming; /* tokens of the prompt that there will be when others go on */
};

/* 0 when the model writes text; else MN_EUNSUPPORTED says what it is for. */
int mn_model_writes(const mn_model *m);

/* A session whose rows are shared within a tenant (32 bytes; NULL: with all that have none), and
 * those of its first open_to tokens with all. */
int mn_session_open_for(mn_model *m, int32_t context, int kv_q8, const uint8_t *tenant, int open_to,
                        mn_session **out);
/* How many of ids[n] all may share: a multiple of 64. */
int mn_open_to(const mn_model *m, const int32_t *ids, int n);

/* mn_engine_step, one step of a model at a time. When the budget is short the kept session goes
 * first. After a failure nobody waits for what was promised, and sequences with damaged rows are
 * empty. */
int mn_model_step(mn_model *m, const mn_part *parts, int n, int (*go_on)(void *user), void *user);

/* Where most of what a session took from the region lies: "process", "disk". */
const char *mn_session_source(const mn_session *s);

/* A session that holds what the region had of ids[n], and nothing of its own: 1 while another
 * one is computing more of it, which is taken as it comes (ask again after a while); 0: compute.
 * A prompt that several ask at once is computed once. *news: when there last were any, at first
 * now. */
int mn_session_waits(mn_session *s, const int32_t *ids, int n, uint64_t *news);

/* Tokens of a conversation or a raw prompt, appended to ids (int32_t). */
int mn_prompt_encode(const mn_model *m, const mn_request *r, size_t drop, mn_buf *ids);

#endif
