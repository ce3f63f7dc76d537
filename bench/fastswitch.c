/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/fastswitch.c - what it is worth to switch between chats without waiting for the disk.
 *
 * FastSwitch (Shen et al. 2024): 24 chats of four turns in memory for six, the order "fair" with
 * priorities that change 0.04 times a step. The same planner, order, engine and questions with two
 * ways to leave memory and come back (bench/fastswitch_way.c): blocks of 16 tokens, all of them
 * each time, while everybody waits, as a paged cache swaps; and the region. Each chat has gone on
 * for 2,048 tokens before the clock starts (`--depth` says others; of less than 256, questions and
 * answers are shorter, too). Their keys and values are random numbers, the same on both sides, for
 * time does not depend on what they are. Questions come on their own time, whether the machine
 * keeps up or not: 0.9 of what the region side can do, measured first. Who has rows on their way
 * waits in the bench as in the loop (api/loop_turn.c).
 * Rows:
 *   first      99th percentile of the time from a question to the first token of its answer
 *   between    99.9th percentile of the time between two tokens, giving way included
 *   written    bytes written to files
 *   stalled    share of the time in which no step went on because of switching, in percent: coming,
 *              leaving, room for rows, and the sleep of a step in which rows were missing. It is
 *              the region's, against all of the time; that of the blocks is printed, too
 *   fair       Jain's index over what the chats had had when half of all was done
 * Answers must be the same in both. Nothing of who is away is left in the page cache: blocks go
 * past it, and a thread syncs the region's files of those and lets go of them, twice a second.
 */
#include "bench/fastswitch.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>

#define LOAD 0.9
enum { BEFORE = 2048, LEAST = 64 /* what has less gets no file */ };

/* ---- rows ------------------------------------------------------------------------------------ */
enum { FIRST, BETWEEN, WRITTEN, STALLED, FAIR, ROWS };

static int round_of(mn_switching *w /* [2] */, const mn_words *words, int first,
                    mn_bench_row *row) {
    MN_TRY(mn_switching_run(w + first, words));
    MN_TRY(mn_switching_run(w + !first, words));
    for (int i = 0; i < MN_CHATS; i++)
        if (w[0].chat[i].said != w[1].chat[i].said)
            return MN_FAIL(MN_ECORRUPT, "chat %d was answered otherwise after switching", i);
    double value[2][ROWS];
    for (int i = 0; i < 2; i++) {
        value[i][FIRST] = mn_crowd_quantile(w[i].first, w[i].n_first, 0.99) * 1e3;
        value[i][BETWEEN] = mn_crowd_quantile(w[i].gap, w[i].n_gap, 0.999) * 1e3;
        value[i][WRITTEN] = (double)w[i].wrote * 1e-6;
        value[i][STALLED] = 100 * w[i].stalled / (w[i].ended - w[i].began);
        value[i][FAIR] = w[i].jain;
    }
    value[0][STALLED] = 100; /* percent of the time; what the blocks have stands above */
    for (int i = 0; i < ROWS; i++) mn_bench_round(row + i, value[0][i], value[1][i]);
    return 0;
}

/* Both sides begin anew. */
static void reset(mn_switching *w, mn_chat *chat, mn_switching *with) {
    for (int i = 0; i < 2; i++) {
        w[i] = *with;
        w[i].way = i ? &mn_switch_region : &mn_switch_blocks;
        w[i].chat = chat + i * MN_CHATS;
        pthread_mutex_init(&w[i].lock, NULL);
    }
}

/* How often users ask, so that they ask for LOAD of what the region can do: found by a turn of each
 * who all ask at once, which is no part of the figures. */
static int pace(mn_switching *with, mn_switching *w, mn_chat *chat, const mn_words *words) {
    reset(w, chat, with);
    w[1].turns = 1;
    MN_TRY(mn_switching_run(w + 1, words));
    const double turn = (w[1].ended - w[1].began) / MN_CHATS;
    with->every = MN_CHATS * turn / LOAD;
    fprintf(stderr, "a turn takes %.2f s of the machine: users ask every %.1f s\n", turn,
            with->every);
    return 0;
}

static int rounds(mn_switching *with, mn_switching *w, mn_chat *chat, const mn_words *words) {
    mn_bench_row row[ROWS] = {
        {"first", "question to first token, 99 %", "blocks", "ms", .bar = 0.5, .at_most = 1},
        {"between", "between two tokens, 99.9 %", "blocks", "ms", .bar = 0.3333, .at_most = 1},
        {"written", "written to files", "blocks", "MB", .bar = 0.4, .at_most = 1},
        {"stalled", "time in which switching kept all waiting", "all of it", "%", .bar = 0.05,
         .at_most = 1},
        {"fair", "Jain's index half way", "blocks", "", .bar = 0.99}};
    for (int i = 0; i < with->o->rounds; i++) {
        reset(w, chat, with);
        MN_TRY(round_of(w, words, i % 2, row));
    }
    for (int i = 0; i < ROWS; i++) MN_TRY(mn_bench_row_print(row + i, with->o->json));
    return 0;
}

static int bench_run(const mn_bench_options *o) {
    mn_stage stage;
    mn_words words = {0};
    mn_switching with = {.o = o, .stage = &stage, .order = &mn_order_fair, .turns = MN_CHAT_TURNS};
    with.before = o->depth ? o->depth : BEFORE;
    with.question = with.before < 4 * MN_CHAT_USER ? with.before / 4 : MN_CHAT_USER;
    with.answer = with.before < 4 * MN_CHAT_ANSWER ? with.before / 4 : MN_CHAT_ANSWER;
    with.context = with.before + MN_CHAT_TURNS * (with.question + with.answer);
    if (with.before < LEAST || with.context > MN_CHAT_MOST)
        return MN_FAIL(MN_EINVAL, "-d %d: a chat begins with %d tokens or more, and has at most %d",
                       with.before, LEAST, MN_CHAT_MOST);
    mn_switching *w = mn_calloc(2, sizeof *w);
    mn_chat *chat = mn_calloc((size_t)2 * MN_CHATS, sizeof *chat);
    int rc = mn_stage_begin(&stage);
    if (rc >= 0 && (!w || !chat)) rc = MN_FAIL(MN_ENOMEM, "no memory for %d chats", MN_CHATS);
    if (rc >= 0)
        rc = mn_model_open(o->model, &(mn_model_options){.threads = o->threads, .bf16 = o->bf16},
                           &with.m);
    if (rc >= 0) rc = mn_words_find(with.m, &words);
    if (rc >= 0) {
        mn_engine_layout(with.m->engine, MN_KV_F16, &with.layout);
        with.row = (uint64_t)with.layout.layers * 2 * (uint64_t)with.layout.heads *
                   mn_kv_plane_bytes(with.layout.format, 16, with.layout.d) / 16;
        with.logits = mn_malloc((size_t)with.m->net->V * MN_CHAT_SLOTS * sizeof(float));
        rc =
            with.logits ? pace(&with, w, chat, &words) : MN_FAIL(MN_ENOMEM, "no memory for logits");
        if (rc >= 0) rc = rounds(&with, w, chat, &words);
    }
    mn_free(with.logits);
    mn_words_free(&words);
    mn_model_close(&with.m);
    mn_free(w);
    mn_free(chat);
    mn_stage_end(&stage);
    return rc;
}

const mn_bench mn_bench_fastswitch = {"fastswitch", "chats that take turns in memory", bench_run};
