/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/server.c - one thread, one loop of events: listeners, the letter box, a tick each second.
 *
 * The end comes in steps: listeners close and idle connections with them; what runs gets the grace;
 * then jobs are cancelled, whose letters end their streams properly; then the loop ends. What was
 * computed is in the region already, so nothing is lost with it. Batches stop at once: what they
 * have is on the disk.
 */
#include "serve/server.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/error.h"
#include "serve/batches.h"

#include <errno.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CANCEL_MS = 500 }; /* from cancelling to giving up on letters */

static void on_bell(evutil_socket_t fd, short what, void *user) {
    mn_mail_read(user);
}

static void on_accept(evutil_socket_t fd, short what, void *user) {
    mn_listener *l = user;
    for (int i = 0; i < 64; i++) { /* then others have a turn */
        const int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0 && errno == EINTR) continue;
        if (client < 0) return;
        mn_conn_accept(l->server, l, client);
    }
}

/* Streams that say nothing for long say that they are alive. */
static void speak(mn_serve *s, double now) {
    for (mn_exchange *x = s->exchanges, *next; x; x = next) {
        next = x->next;
        if (!x->gone) continue; /* nobody answers it yet: it may be a worker's */
        if (!x->fields.stream || x->ended || !x->conn) continue;
        if (now - (x->spoke > 0 ? x->spoke : x->began) < MN_SILENT_SECONDS) continue;
        mn_exchange_hold(x); /* a reader that is stuck is dropped */
        mn_stream_text(x, ": still at work\n\n", 17);
        next = x->next;
        mn_exchange_release(x);
    }
}

static void cancel_all(mn_serve *s) {
    for (mn_exchange *x = s->exchanges; x; x = x->next)
        if (!x->ended && x->gone) x->gone(x);
}

/* 1: nothing is left to be done, or there is no more time. */
static int stop_step(mn_serve *s, double now) {
    if (!s->n_exchanges && !s->n_conns) return 1;
    if (now >= s->deadline && !s->cancelled) {
        s->cancelled = 1;
        cancel_all(s);
    }
    return now >= s->deadline + CANCEL_MS * 1e-3;
}

static void on_tick(evutil_socket_t fd, short what, void *user) {
    mn_serve *s = user;
    const double now = mn_clock_seconds();
    s->figures.conns = (uint64_t)s->n_conns;
    mn_conn_tick(s, now);
    if (s->stopping) {
        if (stop_step(s, now)) event_base_loopbreak(s->base);
        return;
    }
    speak(s, now);
}

static void read_stop(mn_letter *letter) {
    mn_serve *s = (mn_serve *)((char *)letter - offsetof(mn_serve, stop));
    s->stopping = 1;
    s->deadline = mn_clock_seconds() + s->grace;
    for (int i = 0; i < s->listen.n; i++)
        if (s->listen.item[i].event) event_del(s->listen.item[i].event);
    mn_conn_drop_idle(s);
    event_del(s->tick);
    event_add(s->tick, &(struct timeval){.tv_usec = 10000}); /* look often from now on */
    event_active(s->tick, 0, 0);
}

static void *run(void *user) {
    mn_serve *s = user;
    event_base_loop(s->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

/* As many connections as there may be need descriptors. */
static void raise_files(void) {
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= MN_CONNS + 256) return;
    r.rlim_cur =
        r.rlim_max == RLIM_INFINITY || r.rlim_max > MN_CONNS + 256 ? MN_CONNS + 256 : r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0) return; /* fewer, then */
}

static void quiet(int severity, const char *text) {
}

static int open_events(mn_serve *s) {
    const struct timeval second = {.tv_sec = 1};
    event_set_mem_functions(mn_malloc, mn_realloc, mn_free);
    event_set_log_callback(quiet);
    s->base = event_base_new();
    if (!s->base) return MN_FAIL(MN_ENOMEM, "no memory for a loop of events");
    s->bell = event_new(s->base, s->mail.bell, EV_READ | EV_PERSIST, on_bell, &s->mail);
    s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
    if (!s->bell || !s->tick || event_add(s->bell, NULL) < 0 || event_add(s->tick, &second) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for events");
    for (int i = 0; i < s->listen.n; i++) {
        mn_listener *l = &s->listen.item[i];
        l->server = s;
        l->event = event_new(s->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
        if (!l->event || event_add(l->event, NULL) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for events");
    }
    return 0;
}

/* The first model is there, and measured, before anybody is told that the server is. */
static int load_first(mn_serve *s) {
    mn_use *use;
    const int vectors = s->models.n && s->models.entry[0].vectors;
    if (!s->options.models.n) return MN_FAIL(MN_EINVAL, "a server needs a model; give -m MODEL");
    MN_TRY(mn_models_use(&s->models, s->options.models.item[0], vectors, 1, &use));
    if (!vectors) (void)mn_loop_ready(s->loop, use->model); /* else the first answer says why not */
    mn_models_release(&use);
    return 0;
}

/* --memory is for all there is: code, libraries and stacks count, as they are and will be. */
static int book_program(mn_serve *s) {
    enum { GROWS = 4 << 20 };
    if (!mn_budget_limit()) return 0;
    const uint64_t bytes = mn_budget_resident() + GROWS;
    MN_TRY(mn_budget_take(bytes, "the program itself"));
    s->booked = bytes;
    return 0;
}

static int open_all(mn_serve *s) {
    MN_TRY(book_program(s));
    MN_TRY(mn_listen_open(&s->options, &s->listen)); /* first: a taken port is told at once */
    MN_TRY(mn_auth_open(s->options.key_file, &s->auth));
    MN_TRY(mn_mail_open(&s->mail));
    MN_TRY(mn_models_open(&s->options, &s->models));
    MN_TRY(mn_loop_open(&s->options.loop, &s->loop));
    MN_TRY(load_first(s));
    MN_TRY(mn_work_open(&s->mail, &s->work));
    MN_TRY(open_events(s));
    MN_TRY(mn_shelf_open(s, s->options.nowhere ? NULL : s->options.files));
    const int error = pthread_create(&s->thread, NULL, run, s);
    if (error) return MN_FAIL(MN_ENOMEM, "cannot start a thread: %s", strerror(error));
    s->running = 1;
    return 0;
}

int mn_serve_open(const mn_serve_options *options, mn_serve **out) {
    mn_serve *s = mn_calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for a server");
    s->options = *options;
    s->mail.bell = s->shelf.fd = -1;
    s->began = mn_clock_seconds();
    raise_files();
    const int rc = open_all(s);
    if (rc < 0) mn_serve_close(&s, 0);
    *out = s;
    return rc;
}

/* The thread has ended: what connections and workers still hold goes. */
static void drop_all(mn_serve *s) {
    s->stopping = 1; /* no thread of sockets asks for anything */
    while (s->conns) mn_conn_drop(s->conns);
    mn_models_stop(&s->models);
    mn_work_close(&s->work);
    mn_loop_close(&s->loop); /* its callbacks come before it returns */
    if (s->mail.last) mn_mail_read(&s->mail);
    mn_batches_close(s);
}

void mn_serve_close(mn_serve **server, int grace_ms) {
    mn_serve *s = *server;
    if (!s) return;
    *server = NULL;
    if (s->running) {
        mn_batches_halt(&s->shelf);
        mn_mail_lock(&s->mail);
        s->grace = grace_ms * 1e-3;
        s->stop.read = read_stop;
        mn_mail_post(&s->mail, &s->stop);
        mn_mail_unlock(&s->mail);
        pthread_join(s->thread, NULL);
    }
    if (s->models.open) drop_all(s);
    mn_shelf_close(&s->shelf);
    for (int i = 0; i < s->listen.n; i++)
        if (s->listen.item[i].event) event_free(s->listen.item[i].event);
    mn_listen_close(&s->listen);
    if (s->bell) event_free(s->bell);
    if (s->tick) event_free(s->tick);
    if (s->base) event_base_free(s->base);
    mn_models_close(&s->models);
    mn_auth_close(&s->auth);
    mn_mail_close(&s->mail);
    mn_budget_give(s->booked);
    mn_free(s);
}

int mn_serve_where(mn_serve *server, void (*each)(void *user, const char *url), void *user) {
    for (int i = 0; i < server->listen.n; i++) each(user, server->listen.item[i].url);
    return server->listen.n;
}
