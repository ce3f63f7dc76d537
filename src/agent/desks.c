/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/desks.c - the desks.
 *
 *   WAITS -> LEADS          the turn is handed to him, or
 *         -> TAKEN -> DONE  it is done, or
 *                  -> WAITS it failed, and nothing lies on the desk any more
 *
 * Only who has the turn changes the state of another's desk, and only from WAITS or TAKEN, or that
 * of a dead one. So who gets the turn himself and finds TAKEN knows that whoever took it is dead.
 */
#include "agent/desks.h"

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sparse.h"
#include "region/region.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DESKS = 64, LOOK_NS = 20000000, AFTER_NS = 100000, ALONE = 64 };
enum { IDLE, WAITS, LEADS, TAKEN, DONE };

typedef struct desk {
    mn_word state; /* its low half is a futex */
    mn_word ticket;
    int64_t id;
    uint64_t commit;
    uint32_t n, unused; /* bytes of the request; 0: the turn alone is wanted */
    char request[MN_DESK_MOST];
} desk;

typedef struct room {
    mn_word tickets; /* given out */
    mn_word desks;   /* those that may be in use: below */
    desk desk[DESKS];
} room;

struct mn_desks {
    char *turns, *places; /* paths */
    int turn;             /* descriptor of the lock while it is ours, or -1 */
    mn_sparse file;
    room *room; /* NULL: there is none, and the turn is waited for alone */
    desk *own;  /* NULL: none is free */
    desk *taken[DESKS];
    desk *tell[DESKS]; /* sleepers that have to be woken */
    int takes, tells;
    int served; /* others, in the last turn: then they go first, or this one alone would go on */
    int alone;  /* turns in a row in which nobody else wanted anything, up to ALONE */
};

int mn_desks_open(const char *path, mn_desks **out) {
    mn_desks *l = mn_calloc(1, sizeof *l);
    if (!l) return MN_FAIL(MN_ENOMEM, "no memory to write to %s", path);
    l->turn = l->file.fd = -1;
    l->alone = ALONE;
    int rc = mn_file_beside(path, "-lock", &l->turns);
    if (rc >= 0) rc = mn_file_beside(path, "-line", &l->places);
    if (rc < 0)
        mn_desks_close(&l);
    else
        *out = l;
    return rc;
}

static void go_out(mn_desks *l) {
    if (l->room) mn_guard_forget(l->file.data);
    mn_sparse_close(&l->file);
    l->room = NULL;
    l->own = NULL;
}

void mn_desks_close(mn_desks **line) {
    mn_desks *const l = *line;
    if (!l) return;
    go_out(l);
    mn_file_close(&l->turn);
    mn_free(l->turns);
    mn_free(l->places);
    mn_free(l);
    *line = NULL;
}

/* ---- desks -------------------------------------------------------------------------------- */
static int desks_of(const room *r) {
    const uint64_t n = mn_word_load(&r->desks);
    return n < DESKS ? (int)n : DESKS;
}

/* With the turn: nobody is writing for others, so a desk without a lock is nobody's. It has memory
 * before others look at it. */
static void sit_down(mn_desks *l) {
    room *const r = l->room;
    for (int i = 0; i < DESKS && !l->own; i++) {
        if (!mn_byte_lock_try(l->file.fd, i)) continue;
        if (mn_sparse_back(&l->file, offsetof(room, desk) + (size_t)i * sizeof(desk),
                           sizeof(desk)) < 0) {
            mn_byte_lock_free(l->file.fd, i);
            return;
        }
        l->own = r->desk + i;
        memset(l->own, 0, sizeof *l->own);
        if (mn_word_load(&r->desks) <= (uint64_t)i) mn_word_store(&r->desks, (uint64_t)i + 1);
    }
}

/* Memory for what is in use only: all desks are a megabyte. */
static int back_head(void *unused, mn_sparse *s) {
    (void)unused;
    return mn_sparse_back(s, 0, offsetof(room, desk));
}

/* The file, made anew where it cannot be used. */
static int open_file(mn_desks *l) {
    if (mn_sparse_open(l->places, sizeof(room), &l->file) >= 0) return 0;
    unlink(l->places);
    MN_TRY(mn_sparse_make(l->places, sizeof(room), back_head, NULL));
    return mn_sparse_open(l->places, sizeof(room), &l->file);
}

/* With the turn. Without desks writers wait for the turn alone. */
static void come_in(mn_desks *l) {
    if (!l->room) {
        if (open_file(l) < 0) return;
        if (back_head(NULL, &l->file) < 0) {
            mn_sparse_close(&l->file);
            return;
        }
        mn_guard_watch(l->file.data, l->file.size);
        l->room = (room *)(void *)l->file.data;
    }
    sit_down(l);
}

static int alive(const mn_desks *l, const desk *d) {
    return mn_byte_lock_held(l->file.fd, (int)(d - l->room->desk));
}

/* Does anybody wait, or has the turn been handed to somebody? */
static int others_wait(const mn_desks *l) {
    for (int i = 0; i < desks_of(l->room); i++) {
        const uint64_t state = mn_word_load(&l->room->desk[i].state);
        if (state == WAITS || state == LEADS) return 1;
    }
    return 0;
}

/* ---- sleeping ----------------------------------------------------------------------------- */
static void sleep_on(desk *d, uint64_t seen, long ns) {
    const struct timespec look = {.tv_nsec = ns};
    syscall(SYS_futex, &d->state, FUTEX_WAIT, (uint32_t)seen, &look, NULL, 0);
}

static void wake(desk *d) {
    syscall(SYS_futex, &d->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- waiting ------------------------------------------------------------------------------ */
static int get_turn(mn_desks *l, int wait_ms) {
    l->turn = mn_file_lock(l->turns, wait_ms);
    return l->turn < 0 ? l->turn : 0;
}

static void put_down(mn_desks *l, const void *request, size_t n) {
    desk *const d = l->own;
    d->n = request && n <= MN_DESK_MOST ? (uint32_t)n : 0;
    d->id = 0;
    if (d->n) memcpy(d->request, request, n);
    mn_word_store(&d->ticket, mn_word_add(&l->room->tickets, 1));
    mn_word_store(&d->state, WAITS);
}

/* Of its request; others may write any number there, at any time, so it is read once. */
static uint32_t bytes_on(const desk *d) {
    const uint32_t n = *(const volatile uint32_t *)&d->n;
    return n < MN_DESK_MOST ? n : MN_DESK_MOST;
}

/* What was to be written is nobody's business any more. */
static void wipe(desk *d) {
    memset(d->request, 0, bytes_on(d));
    d->n = 0;
}

static void clear_desk(desk *d) {
    wipe(d);
    mn_word_store(&d->state, IDLE);
}

static int is_done(mn_desks *l, mn_desk_reply *reply) {
    desk *const d = l->own;
    if (mn_word_load(&d->state) != DONE) return 0;
    *reply = (mn_desk_reply){d->id, d->commit};
    clear_desk(d);
    return 1;
}

/* At the desk, until one of both is true: it is done, or the turn is ours. */
static int stand(mn_desks *l, mn_desk_reply *reply) {
    desk *const d = l->own;
    for (;;) {
        const uint64_t state = mn_word_load(&d->state);
        if (is_done(l, reply)) return 1;
        const int rc = get_turn(l, state == LEADS ? -1 : 0);
        if (rc >= 0) break;
        if (rc != MN_EBUSY && state != TAKEN && mn_word_cas(&d->state, state, IDLE)) {
            wipe(d);
            return rc;
        }
        sleep_on(d, state, LOOK_NS);
    }
    if (is_done(l, reply)) {
        mn_desks_leave(l);
        return 1;
    }
    if (mn_word_load(&d->state) == TAKEN) reply->id = d->id;
    clear_desk(d);
    return 0;
}

int mn_desks_wait(mn_desks *l, const void *request, size_t n, mn_desk_reply *reply) {
    *reply = (mn_desk_reply){0};
    /* It was cut short: what stands there now is a page of ours, which nobody else sees. */
    if (l->room && mn_guard_hit(l->file.data)) go_out(l);
    if (!l->own) {
        MN_TRY(get_turn(l, -1));
        come_in(l);
        return 0;
    }
    if (!l->served && !others_wait(l)) {
        const int rc = get_turn(l, 0);
        if (rc != MN_EBUSY) return rc;
    }
    put_down(l, request, n);
    if (l->served) sleep_on(l->own, WAITS, AFTER_NS);
    l->served = 0;
    return stand(l, reply);
}

/* ---- with the turn ------------------------------------------------------------------------ */
int mn_desks_turn(const mn_desks *l) {
    return l->turn;
}

int mn_desks_took(const mn_desks *l) {
    return l->takes;
}

int mn_desks_take(mn_desks *l, mn_desks_each *each, void *user) {
    char request[MN_DESK_MOST]; /* which does not change while it is read */
    for (int i = 0; l->room && i < desks_of(l->room) && l->takes + l->tells < DESKS; i++) {
        desk *const d = l->room->desk + i;
        if (mn_word_load(&d->state) != WAITS || !bytes_on(d) || !alive(l, d)) continue;
        if (!mn_word_cas(&d->state, WAITS, TAKEN)) continue; /* he gave up */
        const uint32_t n = bytes_on(d);
        memcpy(request, d->request, n);
        l->taken[l->takes++] = d;
        MN_TRY(each(user, request, n, &d->id));
    }
    return l->takes;
}

void mn_desks_tell(mn_desks *l, int kept, uint64_t commit) {
    for (int i = 0; i < l->takes; i++) {
        desk *const d = l->taken[i];
        d->commit = commit;
        wipe(d);
        mn_word_store(&d->state, kept ? DONE : WAITS);
        l->tell[l->tells++] = d;
    }
    l->takes = 0;
}

/* The lowest ticket of the living. Who died before he took the turn that was handed to him keeps
 * nobody waiting. */
static desk *next_of(mn_desks *l) {
    for (;;) {
        desk *next = NULL;
        for (int i = 0; i < desks_of(l->room); i++) {
            desk *const d = l->room->desk + i;
            const uint64_t state = mn_word_load(&d->state);
            if (state == LEADS && !alive(l, d)) clear_desk(d);
            if (state == WAITS && (!next || mn_word_load(&d->ticket) < mn_word_load(&next->ticket)))
                next = d;
        }
        if (!next || alive(l, next)) return next;
        clear_desk(next);
    }
}

/* Who has just written with others and now finds nobody waiting may be on the processor of those
 * who would: the kernel lets them wait for its tick. So he steps back at every second such turn,
 * until it is clear that he is alone. */
static void let_run(mn_desks *l, int company) {
    if (company)
        l->alone = 0;
    else if (l->alone < ALONE && ++l->alone % 2 == 0)
        sched_yield();
}

void mn_desks_leave(mn_desks *l) {
    desk *const next = l->room ? next_of(l) : NULL;
    if (next) mn_word_store(&next->state, LEADS);
    mn_file_close(&l->turn);
    if (next) wake(next);
    for (int i = 0; i < l->tells; i++) wake(l->tell[i]);
    l->served = l->tells;
    l->tells = 0;
    let_run(l, next || l->served);
}
