/* SPDX-License-Identifier: Apache-2.0
 *
 * region/tier_remote.c - two threads, a queue and a connection for each.
 *
 * Whoever loses a connection says so once, to the program's log, and nobody tries again before
 * `again`; the pause grows from try to try. The taking thread makes its connection anew by itself,
 * so that who asks next need not wait for that.
 */
#include "region/tier_remote.h"

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/clock.h"
#include "base/tell.h"
#include "net/redis.h"
#include "region/inside.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint64_t MS = 1000000;
enum {
    TAKE,
    GIVE,
    LINKS,
    OPEN_MS = 1000,  /* to connect */
    LOOK_MS = 1000,  /* for answers of a few bytes */
    PUT_MS = 2000,   /* without any going on */
    CLOSE_MS = 5000, /* to give the rest */
    FIRST_MS = 200,  /* pauses between tries */
    LAST_MS = 10000,
    WORKS = 32,                           /* of giving, that wait */
    AHEAD = 8,                            /* values that were put and not confirmed */
    KEY = 16 + 2 * sizeof(mn_remote_name) /* bytes of a key */
};

struct mn_remote_link {
    mn_remote *of;
    int way;
    mn_redis_line *line;
    mn_redis_reply *reply; /* what was borrowed last */
    int owed;              /* replies that are still to come */
    uint64_t since;        /* mn_clock_ns of the last look, or what came after it */
    int refused;           /* an error of Redis was told */
    pthread_t thread;
    int running;
    pthread_cond_t news;
    mn_remote_work *first, *last;
    int n;
};

struct mn_remote {
    mn_redis_url at;
    mn_region *region;
    pthread_mutex_t lock;
    mn_remote_link link[LINKS];
    int closing;
    uint64_t close_by;
    uint64_t again; /* mn_clock_ns: not tried before; */
    int pause_ms, down;
    atomic_int up, coming;
    mn_word count[sizeof(mn_remote_counts) / sizeof(uint64_t)];
};
#define COUNT(r, field, n) \
    mn_word_add(&(r)->count[offsetof(mn_remote_counts, field) / sizeof(uint64_t)], n)
#define FOR_ALL(r, field) mn_word_add(&mn_tops((r)->region)->field, 1) /* of its processes */

static const char *where(const mn_remote *r, char out[300]) {
    snprintf(out, 300, "%s%s%s", r->at.host, *r->at.port ? ":" : "", r->at.port);
    return out;
}

/* ---- the connection ------------------------------------------------------------------------ */
static void drop_line(mn_remote_link *l) {
    mn_redis_reply_free(&l->reply);
    mn_redis_line_close(&l->line);
    l->owed = 0;
    if (l->way == TAKE) atomic_store(&l->of->up, 0);
}

/* With the sentence of the failure: it is told when it is news. */
static int lose(mn_remote_link *l) {
    mn_remote *const r = l->of;
    char at[300];
    drop_line(l);
    pthread_mutex_lock(&r->lock);
    const int news = !r->down && !r->closing;
    r->down = 1;
    r->pause_ms = r->pause_ms ? r->pause_ms * 2 : FIRST_MS;
    if (r->pause_ms > LAST_MS) r->pause_ms = LAST_MS;
    r->again = mn_clock_ns() + (uint64_t)r->pause_ms * MS;
    pthread_mutex_unlock(&r->lock);
    COUNT(r, lost, 1);
    if (news) FOR_ALL(r, unlinked);
    if (news)
        mn_tell("nothing is shared with other machines through %s: %.200s", where(r, at),
                mn_error_detail());
    return MN_EIO;
}

static int checked(mn_remote_link *l, int rc) {
    return rc < 0 ? lose(l) : rc;
}

/* 0: there it is. */
static int link_up(mn_remote_link *l) {
    mn_remote *const r = l->of;
    char at[300];
    if (l->line) return 0;
    pthread_mutex_lock(&r->lock);
    const int early = mn_clock_ns() < r->again;
    pthread_mutex_unlock(&r->lock);
    if (early) return MN_EIO;
    MN_TRY(checked(l, mn_redis_line_open(&r->at, mn_clock_ns() + OPEN_MS * MS, &l->line)));
    pthread_mutex_lock(&r->lock);
    const int news = r->down;
    r->down = r->pause_ms = 0;
    pthread_mutex_unlock(&r->lock);
    if (news) mn_tell("sharing with other machines through %s again", where(r, at));
    if (l->way == TAKE) atomic_store(&r->up, 1);
    return 0;
}

/* ---- the threads --------------------------------------------------------------------------- */
/* Until there is work, or (0) none is to come, or the time has come to connect again. */
static mn_remote_work *next_work(mn_remote_link *l, int *ends) {
    mn_remote *const r = l->of;
    mn_remote_work *w = NULL;
    pthread_mutex_lock(&r->lock);
    while (!l->first && !r->closing) {
        const uint64_t now = mn_clock_ns();
        if (l->way == GIVE || l->line)
            pthread_cond_wait(&l->news, &r->lock);
        else if (now < r->again) {
            const uint64_t at = r->again;
            const struct timespec t = {.tv_sec = (time_t)(at / 1000000000),
                                       .tv_nsec = (long)(at % 1000000000)};
            pthread_cond_timedwait(&l->news, &r->lock, &t);
        } else
            break;
    }
    if ((w = l->first)) {
        l->first = w->next;
        if (!l->first) l->last = NULL;
        l->n--;
    }
    *ends = !w && r->closing;
    pthread_mutex_unlock(&r->lock);
    return w;
}

static void *work(void *opaque) {
    mn_remote_link *const l = opaque;
    int ends = 0;
    if (l->way == GIVE) setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
    while (!ends) {
        mn_remote_work *const w = next_work(l, &ends);
        if (!w && ends) break;
        const int up = !(w && mn_remote_stopping(l)) && link_up(l) >= 0;
        atomic_store(&l->of->coming, 0);
        if (!w) continue;
        if (!up && l->way == GIVE) COUNT(l->of, dropped, 1);
        w->run(w, up ? l : NULL);
    }
    drop_line(l);
    return NULL;
}

/* Under the lock. Signals are the program's. */
static void start(mn_remote_link *l) {
    sigset_t all, was;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    l->running = pthread_create(&l->thread, NULL, work, l) == 0;
    pthread_sigmask(SIG_SETMASK, &was, NULL);
}

static void add(mn_remote_link *l, mn_remote_work *w) {
    mn_remote *const r = l->of;
    mn_remote_work *too_many = NULL;
    w->next = NULL;
    pthread_mutex_lock(&r->lock);
    if (!l->running && !r->closing) start(l);
    if (!l->running || r->closing) {
        too_many = w;
    } else {
        if (l->n == WORKS) {
            too_many = l->first;
            l->first = too_many->next;
            l->n--;
        }
        if (l->first)
            l->last->next = w;
        else
            l->first = w;
        l->last = w;
        l->n++;
        pthread_cond_signal(&l->news);
    }
    pthread_mutex_unlock(&r->lock);
    if (!too_many) return;
    if (l->way == GIVE) COUNT(r, dropped, 1);
    too_many->run(too_many, NULL);
}

void mn_remote_take(mn_remote *r, mn_remote_work *w) {
    add(&r->link[TAKE], w);
}
void mn_remote_give(mn_remote *r, mn_remote_work *w) {
    add(&r->link[GIVE], w);
}

int mn_remote_stopping(const mn_remote_link *l) {
    mn_remote *const r = l->of;
    pthread_mutex_lock(&r->lock);
    const int is = r->closing && (l->way == TAKE || mn_clock_ns() > r->close_by);
    pthread_mutex_unlock(&r->lock);
    return is;
}

/* ---- opening, closing ----------------------------------------------------------------------- */
int mn_remote_open(const char *url, mn_region *region, mn_remote **out) {
    mn_redis_url at;
    pthread_condattr_t steady;
    *out = NULL;
    MN_TRY(mn_redis_url_read(url, &at));
    mn_remote *const r = mn_calloc(1, sizeof *r);
    if (!r) return MN_FAIL(MN_ENOMEM, "no memory to share with other machines");
    r->at = at;
    r->region = region;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    for (int i = 0; i < LINKS; i++) {
        r->link[i].of = r;
        r->link[i].way = i;
        pthread_cond_init(&r->link[i].news, &steady);
    }
    pthread_condattr_destroy(&steady);
    atomic_store(&r->coming, 1);
    pthread_mutex_lock(&r->lock);
    start(&r->link[TAKE]);
    pthread_mutex_unlock(&r->lock);
    *out = r;
    return 0;
}

void mn_remote_close(mn_remote **pr) {
    mn_remote *const r = *pr;
    *pr = NULL;
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->closing = 1;
    r->close_by = mn_clock_ns() + CLOSE_MS * MS;
    for (int i = 0; i < LINKS; i++) pthread_cond_signal(&r->link[i].news);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < LINKS; i++) {
        if (r->link[i].running) pthread_join(r->link[i].thread, NULL);
        pthread_cond_destroy(&r->link[i].news);
    }
    pthread_mutex_destroy(&r->lock);
    mn_free(r);
}

int mn_remote_up(const mn_remote *r) {
    return atomic_load(&r->up);
}
int mn_remote_coming(const mn_remote *r) {
    return atomic_load(&r->coming);
}
void mn_remote_count(const mn_remote *r, mn_remote_counts *out) {
    uint64_t *const field = (uint64_t *)(void *)out;
    for (size_t i = 0; i < sizeof *out / sizeof *field; i++) field[i] = mn_word_peek(r->count + i);
}

/* ---- commands ------------------------------------------------------------------------------ */
/* "omnesia:kv:1:" and the name; the number is the format of values. */
static void key_of(const mn_remote_name *name, char out[KEY]) {
    int n = snprintf(out, KEY, "omnesia:kv:1:");
    for (size_t i = 0; i < sizeof name->byte; i++)
        n += snprintf(out + n, KEY - (size_t)n, "%02x", name->byte[i]);
}

static int command(mn_remote_link *l, const char *verb, const mn_remote_name *name,
                   const uint8_t *bytes, size_t n) {
    char key[KEY];
    key_of(name, key);
    const char *const word[] = {verb, key, (const char *)bytes};
    const size_t length[] = {strlen(verb), strlen(key), n};
    if (!l->line) return MN_EIO;
    MN_TRY(checked(l, mn_redis_line_add(l->line, bytes ? 3 : 2, word, length)));
    l->owed++;
    return 0;
}

/* The next reply, borrowed: 1; 0: none by then. An error of Redis (it is full, or we may not) is
 * told once, and no reply. */
static int reply_by(mn_remote_link *l, uint64_t until) {
    char at[300];
    if (!l->line) return MN_EIO;
    mn_redis_reply_free(&l->reply);
    const int rc = checked(l, mn_redis_line_next(l->line, until, &l->reply));
    if (rc <= 0) return rc;
    l->owed--;
    if (l->reply->kind != MN_REDIS_ERROR) return 1;
    if (!l->refused)
        mn_tell("the Redis at %s refuses what is shared with other machines: %.200s",
                where(l->of, at), l->reply->text);
    l->refused = 1;
    return 1;
}

/* The same by whoever cannot go on without. */
static int reply(mn_remote_link *l, uint64_t ms) {
    const int rc = reply_by(l, mn_clock_ns() + ms * MS);
    if (rc) return rc;
    MN_FAIL(MN_EIO, "Redis did not answer within %llu ms", (unsigned long long)ms);
    return lose(l);
}

int mn_remote_look(mn_remote_link *l, const mn_remote_name *name, int n, uint8_t *there) {
    l->since = mn_clock_ns();
    for (int i = 0; i < n; i++) MN_TRY(command(l, "TOUCH", name + i, NULL, 0));
    for (int i = 0; i < n; i++) {
        MN_TRY(reply(l, LOOK_MS));
        there[i] = l->reply->kind == MN_REDIS_NUMBER && l->reply->number == 1;
        COUNT(l->of, found, there[i]);
    }
    COUNT(l->of, asked, (uint64_t)n);
    return 0;
}

int mn_remote_ask(mn_remote_link *l, const mn_remote_name *name) {
    MN_TRY(command(l, "GET", name, NULL, 0));
    return checked(l, mn_redis_line_flush(l->line, mn_clock_ns() + LOOK_MS * MS));
}

int mn_remote_next(mn_remote_link *l, uint64_t until, const uint8_t **bytes, size_t *n) {
    const int rc = reply_by(l, until);
    MN_TRY(rc);
    if (!rc) return 2;
    if (l->reply->kind != MN_REDIS_TEXT) return 0;
    *bytes = (const uint8_t *)l->reply->text;
    *n = l->reply->n;
    return 1;
}

void mn_remote_leave(mn_remote_link *l, int late) {
    if (late) COUNT(l->of, late, 1);
    if (l->owed) drop_line(l); /* sooner made anew than drained */
}

void mn_remote_came(mn_remote_link *l, size_t bytes) {
    const uint64_t now = mn_clock_ns();
    COUNT(l->of, took_us, (now - l->since) / 1000);
    l->since = now;
    COUNT(l->of, came, 1);
    FOR_ALL(l->of, taken);
    COUNT(l->of, came_bytes, bytes);
}

void mn_remote_refuse(mn_remote_link *l, const mn_remote_name *name, const char *what) {
    char at[300], key[KEY];
    key_of(name, key);
    COUNT(l->of, refused, 1);
    FOR_ALL(l->of, refused);
    mn_tell("%s in the Redis at %s is not what it should be (%s): it is removed, and computed here",
            key, where(l->of, at), what);
    mn_remote_leave(l, 0); /* what else was asked for */
    if (link_up(l) >= 0 && command(l, "UNLINK", name, NULL, 0) >= 0) reply(l, LOOK_MS);
}

/* So many replies of puts are still owed at most. */
static int confirmed(mn_remote_link *l, int most) {
    while (l->owed > most) {
        MN_TRY(reply(l, PUT_MS));
        if (l->reply->kind == MN_REDIS_ERROR) return MN_EFULL;
    }
    return 0;
}

int mn_remote_put(mn_remote_link *l, const mn_remote_name *name, const uint8_t *bytes, size_t n) {
    MN_TRY(command(l, "SET", name, bytes, n));
    MN_TRY(checked(l, mn_redis_line_flush(l->line, mn_clock_ns() + PUT_MS * MS)));
    const int rc = confirmed(l, AHEAD);
    if (rc == MN_EFULL) mn_remote_settle(l);
    MN_TRY(rc);
    COUNT(l->of, sent, 1);
    FOR_ALL(l->of, given);
    COUNT(l->of, sent_bytes, n);
    return 0;
}

int mn_remote_settle(mn_remote_link *l) {
    int rc = 0;
    while (l->owed && rc != MN_EIO) {
        const int one = confirmed(l, 0);
        if (one < 0) rc = one;
    }
    return rc;
}
