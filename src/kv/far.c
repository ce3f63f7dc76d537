/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/far.c - who takes: look, promise rows, let them be filled, commit what came. Who gives.
 *
 *   LOOKS ---------> FOUND -----------> FILLS ------> ENDED
 *     |  the thread:   |  its owner:      the thread    (the thread)
 *     |  so many are   |  rows are        writes rows,
 *     |  there         |  promised        and counts them
 *     +----------------+--------> GONE (its owner: computed instead)
 *
 * The first values are asked for before the rows are promised, and come meanwhile.
 */
#include "kv/far.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <string.h>

enum {
    STEP = MN_KV_STEP,
    LOOK_MS = 200,    /* that an owner waits to hear what is there */
    SLICE_MS = 20,    /* after so long it is looked whether anybody still waits */
    WINDOW = 8 << 20, /* bytes of values that are on their way, at least two values */
    MOST = 1 << 16,   /* steps */
};
static const uint64_t MS = 1000000;
enum { WAITS, LOOKS, FOUND, FILLS, ENDED, GONE };

struct mn_far {
    mn_remote_work work; /* first */
    mn_remote *remote;
    mn_kv_layout layout;
    uint64_t patience, asked; /* ns: for a step; when it was begun, or looked */
    pthread_mutex_t lock;
    pthread_cond_t news;
    int users; /* the owner, the thread */
    int state, stop;
    int first, n;    /* steps first .. first + n - 1 are looked for; */
    int found, came; /* of them, from the first on */
    int counted;     /* of what came: in the sequence */
    int row;         /* where the first of them goes, in */
    void **plane;    /* [layers][K, V][heads] */
    mn_remote_name name[];
};

static void unref(mn_far *f) {
    pthread_mutex_lock(&f->lock);
    const int left = --f->users;
    pthread_mutex_unlock(&f->lock);
    if (left) return;
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->news);
    mn_free(f->plane);
    mn_free(f);
}

/* ---- the thread ---------------------------------------------------------------------------- */
/* From `was` to `now`: 1, or the owner has gone. */
static int go(mn_far *f, int was, int now) {
    pthread_mutex_lock(&f->lock);
    const int is = f->state == was;
    if (is) f->state = now;
    if (is) f->asked = mn_clock_ns();
    pthread_cond_signal(&f->news);
    pthread_mutex_unlock(&f->lock);
    return is;
}

static int look(mn_far *f, mn_remote_link *l) {
    uint8_t *const there = mn_calloc((size_t)f->n, 1);
    int k = 0;
    if (there && mn_remote_look(l, f->name, f->n, there) >= 0)
        while (k < f->n && there[k]) k++;
    mn_free(there);
    return k;
}

/* Until the owner has promised rows: 1. */
static int promised(mn_far *f) {
    pthread_mutex_lock(&f->lock);
    while (f->state == FOUND) pthread_cond_wait(&f->news, &f->lock);
    const int is = f->state == FILLS;
    pthread_mutex_unlock(&f->lock);
    return is;
}

static int wanted(mn_far *f, mn_remote_link *l) {
    pthread_mutex_lock(&f->lock);
    const int is = !f->stop;
    pthread_mutex_unlock(&f->lock);
    return is && !mn_remote_stopping(l);
}

/* Value k: 1, and its rows are there. */
static int fill(mn_far *f, mn_remote_link *l, int k) {
    const uint64_t begun = mn_clock_ns();
    const uint8_t *value;
    size_t n;
    int rc;
    do {
        rc = mn_remote_next(l, mn_clock_ns() + SLICE_MS * MS, &value, &n);
        if (rc == 2 && (!wanted(f, l) || mn_clock_ns() - begun > f->patience)) {
            mn_remote_leave(l, 1);
            return 0;
        }
    } while (rc == 2);
    if (rc <= 0) return 0; /* it has left Redis meanwhile, or the connection broke */
    const char *const wrong = mn_far_wrong(&f->layout, f->name + k, value, n);
    if (wrong) {
        mn_remote_refuse(l, f->name + k, wrong);
        return 0;
    }
    mn_far_unpack(&f->layout, value, f->plane, f->row + k * STEP);
    mn_remote_came(l, n);
    pthread_mutex_lock(&f->lock);
    f->came++;
    pthread_mutex_unlock(&f->lock);
    return 1;
}

static void take(mn_far *f, mn_remote_link *l) {
    const size_t each = mn_far_bytes(&f->layout);
    const int window = WINDOW / each > 2 ? (int)(WINDOW / each) : 2;
    int asked = 0;
    if (!go(f, WAITS, LOOKS)) return;
    const int found = look(f, l);
    if (!found) return;
    while (asked < found && asked < window)
        if (mn_remote_ask(l, f->name + asked++) < 0) return;
    pthread_mutex_lock(&f->lock);
    f->found = found;
    pthread_mutex_unlock(&f->lock);
    int good = go(f, LOOKS, FOUND) && promised(f);
    for (int k = 0; good && k < found; k++) {
        good = fill(f, l, k);
        if (good && asked < found) good = mn_remote_ask(l, f->name + asked++) >= 0;
    }
    mn_remote_leave(l, 0);
}

static void run_take(mn_remote_work *w, mn_remote_link *l) {
    mn_far *const f = (mn_far *)(void *)w;
    if (l) take(f, l);
    pthread_mutex_lock(&f->lock);
    f->state = ENDED;
    pthread_cond_signal(&f->news);
    pthread_mutex_unlock(&f->lock);
    unref(f);
}

/* ---- the owner ----------------------------------------------------------------------------- */
int mn_far_begin(mn_remote *r, const mn_kv_layout *l, const mn_seq *seq, const int32_t *ids, int n,
                 uint64_t patience, mn_far **out) {
    const int all = n / STEP < MOST ? n / STEP : MOST, first = mn_seq_length(seq) / STEP;
    *out = NULL;
    if (!r || all <= first || !mn_far_carries(l)) return 0;
    if (!mn_remote_up(r) && !mn_remote_coming(r)) return 0;
    mn_far *f = mn_calloc(1, sizeof *f + (size_t)all * sizeof *f->name);
    if (f) f->plane = mn_calloc((size_t)l->layers * 2 * (size_t)l->heads, sizeof *f->plane);
    if (!f || !f->plane) {
        mn_free(f);
        return 0; /* computing is always possible */
    }
    f->work.run = run_take;
    f->remote = r;
    f->layout = *l;
    f->patience = patience > LOOK_MS * MS ? patience : LOOK_MS * MS;
    f->asked = mn_clock_ns();
    f->users = 2;
    f->first = first;
    f->n = all - first;
    mn_seq_names(seq, ids, all * STEP, (uint8_t(*)[32])(void *)f->name);
    memmove(f->name, f->name + first, (size_t)f->n * sizeof *f->name);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->news, NULL);
    mn_remote_take(r, &f->work);
    *out = f;
    return 0;
}

/* Under the lock: rows for what was found. What the sequence has beyond a whole step goes. */
static int promise(mn_far *f, mn_seq *seq, const int32_t *ids) {
    const int at = f->first * STEP;
    MN_TRY(mn_seq_trim(seq, at));
    MN_TRY(mn_seq_room(seq, ids + at, f->found * STEP));
    void **plane = f->plane;
    for (int layer = 0; layer < f->layout.layers; layer++, plane += 2 * f->layout.heads)
        for (int h = 0; h < f->layout.heads; h++)
            mn_seq_tail(seq, layer, h, plane + h, plane + f->layout.heads + h, &f->row);
    return 0;
}

/* How long an owner waits to hear more: while others take, as long as computing would take. */
static uint64_t bound(const mn_far *f) {
    return f->state == WAITS && mn_remote_up(f->remote) ? f->patience * (uint64_t)f->n
                                                        : LOOK_MS * MS;
}

int mn_far_go_on(mn_far *f, mn_seq *seq, const int32_t *ids) {
    pthread_mutex_lock(&f->lock);
    const int state = f->state;
    if ((state == WAITS || state == LOOKS) && mn_clock_ns() - f->asked > bound(f)) f->state = GONE;
    if (state == FOUND) {
        f->state = promise(f, seq, ids) < 0 ? GONE : FILLS;
        pthread_cond_signal(&f->news);
    }
    const int came = f->came - f->counted, going = f->state != GONE && f->state != ENDED;
    f->counted = f->came;
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < came; i++) mn_seq_commit(seq, STEP);
    return going;
}

void mn_far_end(mn_far **pf) {
    mn_far *const f = *pf;
    *pf = NULL;
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->stop = 1;
    if (f->state < FILLS) f->state = GONE;
    pthread_cond_signal(&f->news);
    while (f->state == FILLS) pthread_cond_wait(&f->news, &f->lock);
    pthread_mutex_unlock(&f->lock);
    unref(f);
}

/* ---- giving -------------------------------------------------------------------------------- */
typedef struct giving {
    mn_remote_work work; /* first */
    mn_kv_layout layout;
    mn_seq *seq; /* as it was */
    int n;
    mn_remote_name name[];
} giving;

static void give(giving *g, mn_remote_link *l) {
    uint8_t *const there = mn_calloc((size_t)g->n, 1), *value = NULL;
    const size_t bytes = mn_far_bytes(&g->layout);
    int rc = there ? mn_remote_look(l, g->name, g->n, there) : MN_ENOMEM;
    for (int i = 0; rc >= 0 && i < g->n && !mn_remote_stopping(l); i++) {
        if (there[i]) continue;
        if (!value && !(value = mn_malloc(bytes))) break;
        if (!mn_far_pack(&g->layout, g->seq, i, g->name + i, value)) break;
        rc = mn_remote_put(l, g->name + i, value, bytes);
    }
    if (rc >= 0) mn_remote_settle(l);
    mn_free(value);
    mn_free(there);
}

static void run_give(mn_remote_work *w, mn_remote_link *l) {
    giving *const g = (giving *)(void *)w;
    if (l) give(g, l);
    mn_seq_close(&g->seq);
    mn_free(g);
}

void mn_far_offer(mn_remote *r, const mn_kv_layout *l, const mn_seq *seq, int n) {
    const int have = mn_seq_length(seq), steps = (n < have ? n : have) / STEP;
    if (!r || steps < 1 || steps > MOST || !mn_far_carries(l)) return;
    giving *g = mn_calloc(1, sizeof *g + (size_t)steps * sizeof *g->name);
    int32_t *ids = mn_malloc((size_t)steps * STEP * sizeof *ids);
    if (!g || !ids || mn_seq_fork(seq, steps * STEP, &g->seq) < 0) {
        mn_free(g);
        mn_free(ids);
        return;
    }
    g->work.run = run_give;
    g->layout = *l;
    g->n = steps;
    mn_seq_tokens(g->seq, 0, steps * STEP, ids);
    mn_seq_names(g->seq, ids, steps * STEP, (uint8_t(*)[32])(void *)g->name);
    mn_free(ids);
    mn_remote_give(r, &g->work);
}
