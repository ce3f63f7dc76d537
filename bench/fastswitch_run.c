/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/fastswitch_run.c - what chats began with, the loop that answers them, and what it took.
 *
 * It is the loop of api/loop_turn.c with the way of switching left open: the order says who comes
 * and who gives way, the planner what a step computes of each.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/walk.h"
#include "bench/fastswitch.h"
#include "engine/plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STEP = 128 };

/* ---- what was said before -------------------------------------------------------------------- */
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
    for (int i = 0; i < w->question; i++)
        c->ids[c->n++] = words->id[mn_random_u64(&c->random) % (uint64_t)words->n];
    c->turn++;
    c->wrote = 0;
    c->asked = mn_clock_seconds();
    c->back = c->asked + w->every * (0.5 + mn_random_unit(&c->random));
    c->state = MN_CHAT_WAITS;
    c->o = (mn_order_job){.id = ++w->last_id,
                          .tenant = (uint64_t)(c - w->chat),
                          .ids = c->ids,
                          .n = c->n,
                          .cap = w->answer,
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
    if (c->wrote < w->answer) return 0;
    w->order->done(w->state, &c->o);
    c->state = c->turn == w->turns ? MN_CHAT_OVER : MN_CHAT_AWAY;
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

/* Those who run, and what they have to compute. Who has rows on their way is left out while others
 * can go on, though not for ever (as api/loop_turn.c has it): how many there are. */
static int gather(mn_switching *w, mn_chat **of, mn_plan_item *item) {
    int late[MN_CHAT_SLOTS], n = 0, others = 0;
    for (int i = 0; i < MN_CHATS; i++) {
        mn_chat *c = w->chat + i;
        if (c->state != MN_CHAT_RUNS) continue;
        c->missing = c->came > 0 && w->way->ready && !w->way->ready(w, c);
        late[n] = c->missing && mn_clock_seconds() - c->came < 0.2;
        others |= !late[n];
        item[n] = (mn_plan_item){.left = c->n - mn_session_length(c->s)};
        of[n++] = c;
    }
    for (int i = 0; others && i < n; i++)
        if (late[i]) item[i].left = 0;
    return n;
}

/* Seconds this thread neither computed nor waited for a processor, but slept: where a page that is
 * not there is touched, or another of the team touches one and all wait for it. */
static double slept(void) {
    unsigned long long ran = 0, queued = 0;
    struct timespec cpu = {0};
    FILE *f = fopen("/proc/thread-self/schedstat", "re");
    if (f && fscanf(f, "%llu %llu", &ran, &queued) != 2) queued = 0;
    if (f) fclose(f);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return mn_clock_seconds() - (double)cpu.tv_sec - (double)cpu.tv_nsec * 1e-9 -
           (double)queued * 1e-9;
}

/* Rows for all parts, and the step. */
static int compute(mn_switching *w, mn_part *part, int parts, int missing) {
    const double start = mn_clock_seconds();
    for (int i = 0; i < parts; i++) MN_TRY(mn_seq_room(part[i].seq, part[i].ids, part[i].n));
    w->making += mn_clock_seconds() - start;
    const double awake = missing ? slept() : 0;
    MN_TRY(mn_model_step(w->m, part, parts, NULL, NULL));
    if (missing) w->missing += slept() - awake;
    return 0;
}

/* One step: 1; 0: there is nobody. */
static int step(mn_switching *w, unsigned turn) {
    mn_chat *of[MN_CHAT_SLOTS];
    mn_plan_item item[MN_CHAT_SLOTS];
    mn_part part[MN_CHAT_SLOTS];
    const int n = gather(w, of, item);
    int parts = 0, missing = 0;
    mn_plan(item, n, STEP, turn);
    for (int i = 0; i < n; i++) {
        if (!item[i].take) continue;
        const int length = mn_session_length(of[i]->s), ends = item[i].take == item[i].left;
        part[parts] =
            (mn_part){of[i]->s->seq, of[i]->ids + length, item[i].take,
                      ends ? w->logits + (size_t)parts * (size_t)w->m->net->V : NULL, ends};
        of[parts] = of[i];
        missing |= of[i]->missing;
        of[parts++]->came = 0;
    }
    if (!parts) return 0;
    MN_TRY(compute(w, part, parts, missing));
    for (int i = 0; i < parts; i++) {
        const int wrote = part[i].n_logits, read = part[i].n - (of[i]->wrote > 0);
        w->order->account(w->state, &of[i]->o, read > 0 ? read : 0, wrote);
        of[i]->had += (read > 0 ? read : 0) + 2 * wrote;
        if (wrote) MN_TRY(say(w, of[i], likeliest(part[i].logits, w->m->net->V)));
    }
    if (w->jain == 0 && w->tokens >= (uint64_t)(MN_CHATS * w->turns * w->answer / 2)) weigh(w);
    return 1;
}

static int loop(mn_switching *w, const mn_words *words) {
    int over = 0;
    for (unsigned turn = 0; over < MN_CHATS; turn++) {
        const double now = mn_clock_seconds();
        over = 0;
        for (int i = 0; i < MN_CHATS; i++) {
            mn_chat *c = w->chat + i;
            if (c->state == MN_CHAT_AWAY && now >= c->back) MN_TRY(ask(w, words, c));
            over += c->state == MN_CHAT_OVER;
        }
        MN_TRY(admit(w));
        const int did = step(w, turn);
        MN_TRY(did);
        if (did)
            w->order->tick(w->state);
        else
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    w->stalled += w->making + w->missing;
    return 0;
}

/* ---- one side -------------------------------------------------------------------------------- */
static void *cool(void *user) {
    mn_switching *w = user;
    while (!atomic_load(&w->over)) {
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
        for (int i = 0; w->way->cool && i < MN_CHATS; i++) w->way->cool(w, w->chat + i);
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

/* Whatever the file system has put off is done. */
static void settle(const mn_switching *w) {
    const int folder = open(w->stage->disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    syncfs(folder);
    close(folder);
}

/* From the first question to the last answer. */
static int talk(mn_switching *w, const mn_words *words) {
    for (int i = 0; i < MN_CHATS; i++) MN_TRY(remember(w, words, w->chat + i));
    nanosleep(&(struct timespec){.tv_sec = 1 + w->before / 1024}, NULL); /* it arrives on disk, */
    settle(w); /* and nothing of what was before is left to do there */
    w->wrote = written();
    w->began = mn_clock_seconds();
    for (int i = 0; i < MN_CHATS; i++)
        w->chat[i].back = w->began + w->every * mn_random_unit(&w->chat[i].random);
    const int rc = loop(w, words);
    w->ended = mn_clock_seconds();
    return rc;
}

int mn_switching_run(mn_switching *w, const mn_words *words) {
    pthread_t cooler;
    for (int i = 0; i < MN_CHATS; i++) {
        w->chat[i] = (mn_chat){.file = -1};
        mn_random_seed(&w->chat[i].random, w->o->seed * MN_CHATS + (uint64_t)i);
    }
    snprintf(w->folder, sizeof w->folder, "%s/%s", w->stage->disk, w->way->name);
    mkdir(w->folder, 0700);
    int rc = w->order->open(0.04, &w->state);
    if (rc >= 0) rc = w->way->open(w);
    if (rc >= 0 && pthread_create(&cooler, NULL, cool, w) != 0)
        rc = MN_FAIL(MN_ENOMEM, "no thread could be started");
    else if (rc >= 0) {
        rc = talk(w, words);
        atomic_store(&w->over, 1);
        pthread_join(cooler, NULL);
    }
    for (int i = 0; i < MN_CHATS; i++) mn_session_close(&w->chat[i].s);
    w->way->close(w);
    if (w->state) w->order->close(&w->state);
    w->wrote = written() - w->wrote;
    mn_walk_remove(w->folder); /* nothing of it helps the next */
    const double all = (w->ended - w->began) / 100;
    if (rc >= 0)
        fprintf(stderr,
                "%-6s %5.1f s, %d switches, %.0f MB written, %.1f %% stalled (leaving %.1f, making "
                "room %.1f, rows not there %.1f), first %.0f ms (median)\n",
                w->way->name, w->ended - w->began, w->switches, (double)w->wrote * 1e-6,
                w->stalled / all, w->leaving / all, w->making / all, w->missing / all,
                mn_crowd_quantile(w->first, w->n_first, 0.5) * 1e3);
    return rc;
}
