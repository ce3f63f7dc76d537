/* SPDX-License-Identifier: Apache-2.0
 *
 * api/loop_turn.c - one turn of the loop: who was cancelled goes, who is next comes, and one model
 * makes one step with some tokens of each of its answers.
 *
 * Estimates of memory (api/loop_room.c) can be wrong, and others take it too: an answer whose rows
 * cannot be promised makes somebody give way, who waits again and goes on from what the region has
 * kept of it. Nobody new comes until one has ended then.
 */
#include "api/loop.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <string.h>

enum { ARRIVAL_MS = 200 /* a disk that is slower is waited for where its rows are used */ };

/* ---- coming and going --------------------------------------------------------------------- */
static void show_state(mn_loop *l, mn_job *j, const char *state) {
    pthread_mutex_lock(&l->lock);
    j->shown.state = state;
    l->info.running = l->slots.n;
    pthread_mutex_unlock(&l->lock);
}

static void leave_slot(mn_loop *l, mn_job *j) {
    mn_slots_leave(&l->slots, j);
}

static void end(mn_loop *l, mn_job *j, int rc) {
    if (j->phase == MN_JOB_RUNS)
        leave_slot(l, j);
    else
        l->n_waiting--;
    l->held = 0;
    l->order->done(l->state, &j->o);
    show_state(l, j, "ended");
    mn_loop_finish(l, j, rc);
}

/* It gives way: what it has is left to the region. */
static void preempt(mn_loop *l, mn_job *j) {
    leave_slot(l, j);
    mn_answering_unseat(&j->a);
    l->order->stop(l->state, &j->o);
    j->phase = MN_JOB_WAITS;
    l->n_waiting++;
    pthread_mutex_lock(&l->lock);
    l->info.preempted++;
    pthread_mutex_unlock(&l->lock);
    show_state(l, j, "waiting");
}

static mn_job *first_cancelled(mn_loop *l) {
    pthread_mutex_lock(&l->lock);
    mn_job *j = l->oldest;
    while (j && !(j->phase && atomic_load(&j->cancel))) j = j->newer;
    pthread_mutex_unlock(&l->lock);
    return j;
}

static int sweep(mn_loop *l) {
    int n = 0;
    for (mn_job *j; (j = first_cancelled(l)); n++) {
        j->a.stats.finish = "cancelled";
        end(l, j, 0);
    }
    return n;
}

/* ---- who comes ---------------------------------------------------------------------------- */
static int seat(mn_job *j, int afresh) {
    if (j->a.session) mn_answering_unseat(&j->a);
    j->a.afresh = afresh;
    return mn_answering_seat(&j->a);
}

/* A few words that it shares with another keep all of the other's extent in memory. Who has the
 * memory for himself and yet too little does without; and is told at once if that does not help. */
static int settle(const mn_loop *l, mn_job *j) {
    int rc = seat(j, 0);
    if (rc < 0 || l->slots.n || mn_loop_fits(l, j)) return rc;
    MN_TRY(seat(j, 1));
    return mn_loop_allows(l, j);
}

/* Seat the next one, if there is room: 1; 0: it has to wait; else it has failed, and ended. */
static int admit(mn_loop *l, mn_job *j) {
    int rc = settle(l, j);
    if (l->slots.n && (rc == MN_EFULL || (rc >= 0 && !mn_loop_fits(l, j)))) {
        mn_answering_unseat(&j->a);
        return 0;
    }
    if (rc < 0) {
        end(l, j, rc);
        return 1;
    }
    mn_loop_shrink(l, j->model, j);
    mn_slots_join(&l->slots, j);
    l->order->start(l->state, &j->o);
    j->a.cut = j->o.shared;
    j->phase = MN_JOB_RUNS;
    l->n_waiting--;
    show_state(l, j, "reading");
    return 1;
}

static void admit_all(mn_loop *l) {
    for (int gave_way = 0;;) {
        mn_order_job *next = l->n_waiting ? l->order->next(l->state) : NULL;
        if (!next) return;
        const int room = l->slots.n < l->o.slots && !l->held;
        if (room && admit(l, next->user)) continue;
        mn_order_job *victim = gave_way++ ? NULL : l->order->victim(l->state, next);
        if (!victim) return;
        preempt(l, victim->user);
    }
}

/* ---- one step ----------------------------------------------------------------------------- */
/* What a turn computes. */
typedef struct turn {
    mn_job *job[MN_SLOTS];
    mn_plan_item item[MN_SLOTS];
    int n; /* of the model, able to go on */
    mn_job *of[MN_SLOTS];
    mn_part part[MN_SLOTS];
    int parts;
} turn;

/* The model after the one that ran last, in order of slots. */
static mn_model *next_model(const mn_loop *l) {
    int last = -1;
    for (int i = 0; i < l->slots.n; i++)
        if (mn_job_in(l, i)->model == l->model) last = i;
    for (int i = 1; i <= l->slots.n; i++) {
        mn_model *m = mn_job_in(l, (last + i) % l->slots.n)->model;
        if (m != l->model) return m;
    }
    return l->slots.n ? mn_job_in(l, 0)->model : NULL;
}

/* What it took lies on disk and is on its way: the others need not wait for it. */
static int on_its_way(const mn_job *j) {
    const mn_session *s = j->a.session;
    return mn_session_length(s) == j->a.seated && !mn_seq_ready(s->seq) &&
           mn_clock_ns() - j->a.news < ARRIVAL_MS * (uint64_t)1000000;
}

/* Who waits for the disk is left out of a step that somebody else can make. */
static void go_ahead(turn *t) {
    int late[MN_SLOTS], others = 0;
    for (int i = 0; i < t->n; i++) {
        late[i] = t->item[i].left && on_its_way(t->job[i]);
        others |= t->item[i].left && !late[i];
    }
    for (int i = 0; others && i < t->n; i++)
        if (late[i]) t->item[i].left = 0;
}

/* Those of the model that need not wait for others. */
static void gather(mn_loop *l, mn_model *m, turn *t) {
    const double now = mn_clock_seconds();
    t->n = 0;
    for (int i = 0; i < l->slots.n; i++) {
        mn_job *j = mn_job_in(l, i);
        const int32_t *ids;
        int piece = 0;
        if (j->model != m) continue;
        const int waits = mn_answering_waits(&j->a);
        if (waits < 0) {
            end(l, j, waits);
            i--;
            continue;
        }
        const int owed = waits ? 0 : mn_answering_left(&j->a, &ids, &piece);
        if (owed > 1 && j->due <= 0)
            j->due = (double)j->born * 1e-9 + mn_plan_promise(&m->pace, owed);
        t->item[t->n] = (mn_plan_item){
            .left = piece, .late = j->r.patient != 0, .owed = owed, .due = j->due - now};
        t->job[t->n++] = j;
    }
    go_ahead(t);
}

/* Rows for what one of them computes: 1, or 0: it does not take part, and may be gone. */
static int promise(mn_loop *l, mn_job *j, const int32_t *ids, int n) {
    int rc = mn_seq_room(j->a.session->seq, ids, n);
    if (rc == MN_EFULL && mn_kept_drop(&j->model->kept))
        rc = mn_seq_room(j->a.session->seq, ids, n);
    if (rc >= 0) return 1;
    if (rc != MN_EFULL || l->slots.n == 1) {
        end(l, j, rc);
        return 0;
    }
    const mn_order_job *victim = l->order->victim(l->state, NULL);
    l->held = 1;
    preempt(l, victim ? victim->user : j);
    return 0;
}

static int still_runs(const mn_loop *l, const mn_job *j) {
    for (int i = 0; i < l->slots.n; i++)
        if (mn_job_in(l, i) == j) return 1;
    return 0;
}

static int budget_of(const mn_loop *l, const mn_model *m, const turn *t) {
    return l->o.step_tokens ? l->o.step_tokens
                            : mn_plan_budget(t->item, t->n, &m->pace, m->slower, m->step_tokens);
}

/* The parts, those with a common beginning side by side. */
static void compose(mn_loop *l, mn_model *m, turn *t) {
    uint64_t key[MN_SLOTS];
    int order[MN_SLOTS];
    mn_plan(t->item, t->n, budget_of(l, m, t), l->turn++);
    for (int i = 0; i < t->n; i++) {
        const int32_t *ids;
        int piece;
        if (!t->item[i].take || !still_runs(l, t->job[i])) continue;
        mn_answering_left(&t->job[i]->a, &ids, &piece);
        if (!promise(l, t->job[i], ids, t->item[i].take)) t->item[i].take = 0;
    }
    t->parts = 0;
    for (int i = 0; i < t->n; i++) {
        const int one = t->item[i].take == 1;
        const mn_seq *s = still_runs(l, t->job[i]) ? t->job[i]->a.session->seq : NULL;
        if (!s) t->item[i].take = 0;
        key[i] = one && s ? mn_seq_root(s) : UINT64_MAX;
    }
    mn_slots_group(key, t->n, order);
    for (int k = 0; k < t->n; k++) {
        const int i = order[k], take = t->item[i].take;
        if (!take) continue;
        const int32_t *ids;
        int piece;
        const int left = mn_answering_left(&t->job[i]->a, &ids, &piece);
        t->part[t->parts] = (mn_part){
            .seq = t->job[i]->a.session->seq, .ids = ids, .n = take, .n_logits = take == left};
        t->of[t->parts++] = t->job[i];
    }
}

/* Logits of the parts that come to the end of their ids. */
static int place_logits(mn_loop *l, const mn_model *m, turn *t) {
    size_t rows = 0;
    for (int i = 0; i < t->parts; i++) rows += (size_t)t->part[i].n_logits;
    const size_t V = (size_t)m->net->V, bytes = rows * V * sizeof(float);
    if (bytes > l->logits_bytes) {
        void *p;
        if (l->logits) mn_free_pages(l->logits, l->logits_bytes);
        l->logits = NULL;
        l->logits_bytes = 0;
        MN_TRY(mn_alloc_pages(bytes, "logits", &p));
        l->logits = p;
        l->logits_bytes = bytes;
    }
    float *at = l->logits;
    for (int i = 0; i < t->parts; i++) {
        if (!t->part[i].n_logits) continue;
        t->part[i].logits = at;
        at += V;
    }
    return 0;
}

/* What mn_loop_jobs shows, and the totals. */
static void account(mn_loop *l, const turn *t, uint64_t us) {
    pthread_mutex_lock(&l->lock);
    l->info.steps++;
    l->info.busy_us += us;
    l->info.step_tokens = l->o.step_tokens ? l->o.step_tokens : l->model->step_tokens;
    for (int i = 0; i < t->parts; i++) {
        mn_job *j = t->of[i];
        const int wrote = j->a.stats.tokens - j->told, read = t->part[i].n - (j->told > 0);
        l->info.read += (uint64_t)(read > 0 ? read : 0);
        l->info.written += (uint64_t)wrote;
        j->shown.cached_tokens = j->a.stats.cached_tokens;
        j->shown.tokens = j->a.stats.tokens;
        j->shown.state = j->a.first ? "writing" : "reading";
        j->shown.n_extents = mn_seq_extents(j->a.session->seq, j->shown.extent);
    }
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < t->parts; i++) {
        mn_job *j = t->of[i];
        l->order->account(l->state, &j->o, j->told ? 0 : t->part[i].n, j->a.stats.tokens - j->told);
        j->told = j->a.stats.tokens;
    }
}

/* After a step that failed: damaged rows are gone, and are computed again; else all have failed. */
static void recover(mn_loop *l, turn *t, int rc) {
    int mended = 0;
    for (int i = 0; i < t->parts && rc == MN_ECORRUPT; i++) {
        mn_answering *a = &t->of[i]->a;
        if (mn_session_length(a->session) || !a->seated) continue;
        const int seat = mn_answering_seat(a);
        mended = 1;
        if (seat < 0) end(l, t->of[i], seat);
    }
    for (int i = 0; i < t->parts && !mended; i++) end(l, t->of[i], rc);
}

/* Steps take longer after many tokens, or beside other programs: the mean of the last few. */
static void note_pace(mn_model *m, const turn *t, double seconds) {
    int tokens = 0;
    for (int i = 0; i < t->parts; i++) tokens += t->part[i].n;
    const double usual = mn_plan_seconds(&m->pace, tokens);
    if (usual > 0) m->slower += (seconds / usual - m->slower) / 8;
}

static int run(mn_loop *l, mn_model *m, turn *t) {
    const uint64_t start = mn_clock_ns();
    int rc = place_logits(l, m, t);
    if (rc >= 0) rc = mn_model_step(m, t->part, t->parts, NULL, NULL);
    if (rc < 0) {
        recover(l, t, rc);
        return rc;
    }
    int ended[MN_SLOTS];
    for (int i = 0; i < t->parts; i++)
        ended[i] = t->part[i].logits ? mn_answering_take(&t->of[i]->a, t->part[i].logits) : 0;
    const uint64_t took = mn_clock_ns() - start;
    note_pace(m, t, (double)took * 1e-9);
    account(l, t, took / 1000);
    for (int i = 0; i < t->parts; i++)
        if (ended[i]) end(l, t->of[i], ended[i] < 0 ? ended[i] : 0);
    return 0;
}

/* The first time a model is used: 1; 0: that failed, and with it all who asked for it. */
static int measured(mn_loop *l, mn_model *m) {
    const int rc = mn_loop_ready(l, m);
    for (int i = l->slots.n - 1; rc < 0 && i >= 0; i--)
        if (mn_job_in(l, i)->model == m) end(l, mn_job_in(l, i), rc);
    return rc >= 0;
}

int mn_loop_turn(mn_loop *l) {
    turn t;
    const int swept = sweep(l);
    admit_all(l);
    for (int tried = 0; tried < l->slots.n; tried++) {
        mn_model *m = next_model(l);
        l->model = m;
        if (!measured(l, m)) return 1;
        mn_loop_shrink(l, m, NULL);
        gather(l, m, &t);
        compose(l, m, &t);
        if (!t.parts) continue;
        run(l, m, &t);
        l->order->tick(l->state);
        return 1;
    }
    return swept || (!l->slots.n && !l->n_waiting);
}
