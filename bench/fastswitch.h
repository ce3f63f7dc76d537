/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/fastswitch.h - chats that take turns in the memory of a few of them, and the two ways in
 * which their keys and values leave it and come back.
 */
#ifndef MN_BENCH_FASTSWITCH_H
#define MN_BENCH_FASTSWITCH_H
#include "bench/crowd.h"
#include "bench/stage.h"

#include "api/model.h"
#include "base/random.h"
#include "engine/order.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    MN_CHATS = 24,
    MN_CHAT_SLOTS = 6,
    MN_CHAT_TURNS = 4,
    MN_CHAT_USER = 64,   /* tokens of a question, */
    MN_CHAT_ANSWER = 48, /* and of an answer */
    MN_CHAT_MOST = 8192, /* of a chat */
    MN_CHAT_GAPS = MN_CHATS * MN_CHAT_TURNS * (MN_CHAT_ANSWER - 1),
};

typedef struct mn_chat {
    mn_order_job o;
    mn_session *s;             /* while it has a slot */
    int32_t ids[MN_CHAT_MOST]; /* all that was said */
    int n, turn, wrote;        /* tokens; turns begun; of this answer */
    enum { MN_CHAT_AWAY, MN_CHAT_WAITS, MN_CHAT_RUNS, MN_CHAT_OVER } state;
    double back;        /* seconds: when its user asks next, or would have liked to */
    int missing;        /* rows are on their way to it */
    double came;        /* into its slot; 0: a step was made since */
    double asked, last; /* of this turn: when; and when its last token came */
    int64_t had;        /* what the counters of the order count */
    mn_random random;   /* its user's */
    uint64_t said;      /* a hash of all its answers */
    int file;           /* of the blocks; -1 */
    int saved;          /* rows there */
    int n_ref;          /* while it is away: of its extents in the region */
    mn_ref ref[MN_SEQ_SPANS];
} mn_chat;

typedef struct mn_switching mn_switching;
/* A way to leave memory, and to come back. */
typedef struct mn_switch_way {
    const char *name;
    int (*open)(mn_switching *w);
    void (*close)(mn_switching *w);
    int (*in)(mn_switching *w, mn_chat *c);
    int (*out)(mn_switching *w, mn_chat *c);
    int (*ready)(mn_switching *w, mn_chat *c); /* are its rows here? NULL: always */
    void (*cool)(mn_switching *w, mn_chat *c); /* files of one who is away leave the page cache */
} mn_switch_way;
extern const mn_switch_way mn_switch_blocks, mn_switch_region;

struct mn_switching {
    const mn_switch_way *way;
    const mn_bench_options *o;
    mn_stage *stage;
    mn_region *region;
    mn_model *m;
    mn_kv_layout layout;
    uint64_t row; /* bytes of a token */
    mn_chat *chat;
    double every;               /* seconds from question to question, on average */
    int before, context, turns; /* tokens of a chat at the start, and at its end */
    int question, answer;       /* tokens */
    char folder[96];            /* of files */
    pthread_mutex_t lock;       /* of `ref` of all chats */
    const mn_order *order;
    void *state;
    int running;
    atomic_int over; /* for who cools */
    uint64_t last_id;
    float *logits;  /* [slots, V] */
    uint8_t *block; /* 16 rows of all layers */
    /* What came of it. */
    double first[MN_CHATS * MN_CHAT_TURNS], gap[MN_CHAT_GAPS];
    int n_first, n_gap, switches;
    double began, ended, stalled, leaving, making, missing; /* seconds; the last three: of it */
    double jain;
    uint64_t tokens, wrote; /* tokens of answers; bytes that were written to files */
};

/* All chats, to their ends. */
int mn_switching_run(mn_switching *w, const mn_words *words);

#endif
