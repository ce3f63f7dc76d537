/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/fastswitch.c - what it is worth to switch between chats without waiting for the disk.
 *
 * FastSwitch (Shen et al. 2024): 24 chats of four turns in memory for six, the order "fair" with
 * priorities that change 0.04 times a step. The same planner, order, engine and questions with two
 * ways to leave memory and come back (bench/fastswitch_way.c): blocks of 16 tokens, all of them
 * each time, while everybody waits, as a paged cache swaps; and the region. Each chat has gone on
 * for 2,048 tokens (`--depth` says others) before the clock starts; their keys and values are
 * random numbers, the same on both sides, for time does not depend on what they are. Users think
 * for so long that they ask for 0.7 of what the region side can do, measured first. Rows:
 *   first      99th percentile of the time from a question to the first token of its answer
 *   between    99.9th percentile of the time between two tokens
 *   written    bytes written to files
 *   stalled    share of the time in which no step ran because of switching, in percent; for the
 *              region against a bar of 5, written as a ratio to it
 *   fair       Jain's index over what the chats had had when half of all was done
 * Answers must be the same in both. A thread syncs all files and lets go of them in the page cache,
 * twice a second, for both sides: what comes back comes from the disk, or is read ahead in time.
 */
#include "bench/fastswitch.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "engine/plan.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOAD 0.7
enum { STEP = 128, BEFORE = 2048, HALF = MN_CHATS * MN_CHAT_TURNS * MN_CHAT_ANSWER / 2 };

/* ---- what was said before ---------------------------------------------------------------------- */
/* Halves between an eighth and a quarter, of either sign. */
static void draw(mn_random *r, uint16_t *out, int n) {
    for (int i = 0; i < n; i++) {
        const uint64_t x = mn_random_u64(r);
        out[i] = (uint16_t)((x & 0x8000) | 0x3000 | (x & 0x3ff));
    }
}

static int remember(mn_switching *w, const mn_words *words, mn_chat *c) {
    enum { PATTERN = 1 << 15 };
    static uint16_t pattern[PATTERN];
    const size_t bytes = mn_kv_plane_bytes(w->layout.format, w->before, w->layout.d);
    draw(&c->random, pattern, PATTERN);
    MN_TRY(w->way->in(w, c));
    for (int i = 0; i < w->before; i++)
        c->ids[c->n++] = words->id[mn_random_u64(&c->random) % (uint64_t)words->n];
    MN_TRY(mn_seq_room(c->s->seq, c->ids, w->before));
    for (int i = 0; i < w->layout.layers * w->layout.heads; i++) {
        void *plane[2];
        int row;
        mn_seq_tail(c->s->seq, i / w->layout.heads, i % w->layout.heads, &plane[0], &plane[1],
                    &row);
        for (size_t at = 0, k; at < 2 * bytes; at += k) {
            const size_t left = bytes - at % bytes, most = sizeof pattern - at % 4096;
            k = left < most ? left : most;
            memcpy((uint8_t *)plane[at / bytes] + at % bytes, (const uint8_t *)pattern + at % 4096,
                   k);
        }
    }
    mn_seq_commit(c->s->seq, w->before);
    return w->way->out(w, c);
}

/* ---- the planner ----------------------------------------------------------------------------- */
/* The user asks: the words of the question follow all that was said. */
static int ask(mn_switching *w, const mn_words *words, mn_chat *c) {
    for (int i = 0; i < MN_CHAT_USER; i++)
        c->ids[c->n++] = words->id[mn_random_u64(&c->random) % (uint64_t)words->n];
    c->turn++;
    c->wrote = 0;
    c->asked = mn_clock_seconds();
    c->state = MN_CHAT_WAITS;
    c->o = (mn_order_job){.id = ++w->last_id,
                          .tenant = (uint64_t)(c - w->chat),
                          .ids = c->ids,
                          .n = c->n,
                          .cap = MN_CHAT_ANSWER,
                          .user = c};
    return w->order->arrive(w->state, &c->o);
}

static int switched(mn_switching *w, mn_chat *c, int in) {
    const double start = mn_clock_seconds();
    const int rc = in ? w->way->in(w, c) : w->way->out(w, c);
    const double took = mn_clock_seconds() - start;
    w->stalled += took;
    if (!in) w->leaving += took;
    w->switches++;
    w->running += in ? 1 : -1;
    return rc;
}

static int admit(mn_switching *w) {
    for (mn_order_job *next; (next = w->order->next(w->state));) {
        if (w->running == MN_CHAT_SLOTS) {
            mn_order_job *victim = w->order->victim(w->state, next);
            if (!victim) return 0;
            MN_TRY(switched(w, victim->user, 0));
            w->order->stop(w->state, victim);
            ((mn_chat *)victim->user)->state = MN_CHAT_WAITS;
        }
        mn_chat *c = next->user;
        MN_TRY(switched(w, c, 1));
        w->order->start(w->state, next);
        c->state = MN_CHAT_RUNS;
        c->came = mn_clock_seconds();
    }
    return 0;
}

static int likeliest(const float *logits, int V) {
    int best = 0;
    for (int i = 1; i < V; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* A token of an answer; the turn may be over with it. */
static int say(mn_switching *w, mn_chat *c, int32_t id) {
    const double now = mn_clock_seconds();
    if (c->wrote++)
        w->gap[w->n_gap++] = now - c->last;
    else
        w->first[w->n_first++] = now - c->asked;
    c->last = now;
    c->said = (c->said ^ (uint64_t)id) * 0x100000001b3u;
    c->ids[c->n++] = id;
    w->tokens++;
    if (c->wrote < MN_CHAT_ANSWER) return 0;
    w->order->done(w->state, &c->o);
    c->state = c->turn == MN_CHAT_TURNS ? MN_CHAT_OVER : MN_CHAT_AWAY;
    c->back = now + w->think * (0.5 + mn_random_unit(&c->random));
    return switched(w, c, 0);
}

static void weigh(mn_switching *w) {
    double sum = 0, squares = 0;
    for (int i = 0; i < MN_CHATS; i++) {
        const double had = (double)w->chat[i].had;
        sum += had;
        squares += had * had;
    }
    w->jain = squares > 0 ? sum * sum / (MN_CHATS * squares) : 0;
}

/* What it needs is on its way: not for ever (as api/loop_turn.c has it). */
static int is_late(mn_switching *w, mn_chat *c) {
    return c->came > 0 && w->way->ready && mn_clock_seconds() - c->came < 0.2 &&
           !w->way->ready(w, c);
}

/* One step of those that can go on: 1; 0: there are none. */
static int step(mn_switching *w, unsigned turn) {
    mn_chat *of[MN_CHAT_SLOTS];
    mn_plan_item item[MN_CHAT_SLOTS];
    mn_part part[MN_CHAT_SLOTS];
    int n = 0, parts = 0;
    for (int i = 0; i < MN_CHATS; i++) {
        mn_chat *c = w->chat + i;
        if (c->state != MN_CHAT_RUNS || is_late(w, c)) continue;
        item[n].left = c->n - mn_session_length(c->s);
        of[n++] = c;
    }
    mn_plan(item, n, STEP, turn);
    for (int i = 0; i < n; i++) {
        if (!item[i].take) continue;
        const int length = mn_session_length(of[i]->s), ends = item[i].take == item[i].left;
        part[parts] =
            (mn_part){of[i]->s->seq, of[i]->ids + length, item[i].take,
                      ends ? w->logits + (size_t)parts * (size_t)w->m->net->V : NULL, ends};
        of[parts] = of[i];
        of[parts++]->came = 0;
    }
    if (!parts) return 0;
    MN_TRY(mn_model_step(w->m, part, parts, NULL, NULL));
    for (int i = 0; i < parts; i++) {
        const int wrote = part[i].n_logits, read = part[i].n - (of[i]->wrote > 0);
        w->order->account(w->state, &of[i]->o, read > 0 ? read : 0, wrote);
        of[i]->had += (read > 0 ? read : 0) + 2 * wrote;
        if (wrote) MN_TRY(say(w, of[i], likeliest(part[i].logits, w->m->net->V)));
    }
    if (w->jain == 0 && w->tokens >= HALF) weigh(w);
    return 1;
}

static int loop(mn_switching *w, const mn_words *words) {
    int over = 0;
    for (unsigned turn = 0; over < MN_CHATS; turn++) {
        const double now = mn_clock_seconds();
        int waits = 0;
        over = 0;
        for (int i = 0; i < MN_CHATS; i++) {
            mn_chat *c = w->chat + i;
            if (c->state == MN_CHAT_AWAY && now >= c->back) MN_TRY(ask(w, words, c));
            over += c->state == MN_CHAT_OVER;
            waits |= c->state == MN_CHAT_RUNS;
        }
        MN_TRY(admit(w));
        const int did = step(w, turn);
        MN_TRY(did);
        if (did) {
            w->order->tick(w->state);
            continue;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (waits) w->stalled += mn_clock_seconds() - now; /* all who run wait for the disk */
    }
    return 0;
}

/* ---- one side -------------------------------------------------------------------------------- */
typedef struct cooler {
    pthread_t thread;
    const mn_stage *stage;
    int stop;
    pthread_mutex_t lock;
} cooler;

static void *cool(void *user) {
    cooler *c = user;
    for (int stop = 0; !stop;) {
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
        mn_stage_cool(c->stage->disk);
        pthread_mutex_lock(&c->lock);
        stop = c->stop;
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

/* Bytes this process has handed to write calls. */
static uint64_t written(void) {
    unsigned long long bytes = 0;
    char line[128];
    FILE *f = fopen("/proc/self/io", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "wchar: %llu", &bytes) == 1) break;
    if (f) fclose(f);
    return bytes;
}

static int side(mn_switching *w, const mn_words *words) {
    cooler c = {.stage = w->stage, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (int i = 0; i < MN_CHATS; i++) {
        w->chat[i] = (mn_chat){.file = -1};
        mn_random_seed(&w->chat[i].random, w->o->seed * MN_CHATS + (uint64_t)i);
    }
    int rc = w->order->open(0.04, &w->state);
    if (rc >= 0) rc = w->way->open(w);
    if (rc >= 0 && pthread_create(&c.thread, NULL, cool, &c) != 0)
        rc = MN_FAIL(MN_ENOMEM, "no thread could be started");
    const int cools = rc >= 0;
    for (int i = 0; rc >= 0 && i < MN_CHATS; i++) rc = remember(w, words, w->chat + i);
    if (rc >= 0) nanosleep(&(struct timespec){.tv_sec = 2}, NULL); /* it arrives on disk */
    const uint64_t before = written();
    w->began = mn_clock_seconds();
    for (int i = 0; i < MN_CHATS; i++)
        w->chat[i].back = w->began + w->think * mn_random_unit(&w->chat[i].random);
    if (rc >= 0) rc = loop(w, words);
    w->ended = mn_clock_seconds();
    pthread_mutex_lock(&c.lock);
    c.stop = 1;
    pthread_mutex_unlock(&c.lock);
    if (cools) pthread_join(c.thread, NULL);
    for (int i = 0; i < MN_CHATS; i++) mn_session_close(&w->chat[i].s);
    w->way->close(w);
    if (w->state) w->order->close(&w->state);
    w->wrote = written() - before;
    if (rc >= 0)
        fprintf(stderr,
                "%-6s %5.1f s, %d switches, %.0f MB written, %.1f %% stalled (%.1f leaving)\n",
                w->way->name, w->ended - w->began, w->switches, (double)w->wrote * 1e-6,
                100 * w->stalled / (w->ended - w->began), 100 * w->leaving / (w->ended - w->began));
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------ */
enum { FIRST, BETWEEN, WRITTEN, STALLED, FAIR, ROWS };

static int round_of(mn_switching *w /* [2] */, const mn_words *words, int first,
                    mn_bench_row *row) {
    MN_TRY(side(w + first, words));
    MN_TRY(side(w + !first, words));
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
    }
}

/* How long users think, so that they ask for LOAD of what the region can do: found by a run in
 * which they do not think at all, which is no part of the figures. */
static int pace(mn_switching *with, mn_switching *w, mn_chat *chat, const mn_words *words) {
    reset(w, chat, with);
    MN_TRY(side(w + 1, words));
    const double turn = (w[1].ended - w[1].began) / (MN_CHATS * MN_CHAT_TURNS);
    with->think = MN_CHATS * turn / LOAD;
    fprintf(stderr, "a turn takes %.2f s of the machine: users think for %.1f s\n", turn,
            with->think);
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
    mn_switching with = {.o = o, .stage = &stage, .order = &mn_order_fair};
    with.before = o->depth ? o->depth : BEFORE;
    with.context = with.before + MN_CHAT_TURNS * (MN_CHAT_USER + MN_CHAT_ANSWER);
    if (with.context > MN_CHAT_MOST)
        return MN_FAIL(MN_EINVAL, "-d %d: a chat has at most %d tokens", with.before, MN_CHAT_MOST);
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
