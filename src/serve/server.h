/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/server.h - the inside of a server: its listeners, connections, workers and figures.
 */
#ifndef MN_SERVE_SERVER_H
#define MN_SERVE_SERVER_H
#include "serve/auth.h"
#include "serve/exchange.h"
#include "serve/figures.h"
#include "serve/listen.h"
#include "serve/mail.h"
#include "serve/models.h"
#include "serve/shelf.h"
#include "serve/work.h"

#include <event2/event.h>
#include <pthread.h>

enum {
    MN_CONNS = 8192,        /* at once; more are told 503 */
    MN_HEAD_SECONDS = 10,   /* from the first byte of a head to its last */
    MN_BODY_SECONDS = 60,   /* from the end of the head to that of the body */
    MN_IDLE_SECONDS = 90,   /* between requests */
    MN_STUCK_SECONDS = 30,  /* a reader that takes nothing */
    MN_QUEUED = 1 << 20,    /* bytes of a stream that its reader has not taken */
    MN_SILENT_SECONDS = 10, /* then a stream says that it is alive */
    MN_LINGER_SECONDS = 2,  /* reading on after a refusal, so that it arrives */
};

struct mn_serve {
    mn_serve_options options;
    struct event_base *base;
    struct event *bell, *tick;
    mn_mail mail;
    mn_letter stop; /* posted by mn_serve_close */
    mn_listen listen;
    mn_auth auth;
    mn_models models;
    mn_work work;
    mn_shelf shelf;
    mn_figures figures;
    mn_loop *loop;
    pthread_t thread;
    int running;            /* the thread is */
    int stopping;           /* on the HTTP thread: no new requests */
    int cancelled;          /* the grace is over */
    double grace, deadline; /* seconds; monotonic */
    mn_conn *conns;         /* all of them */
    int n_conns;
    mn_exchange *exchanges;
    int n_exchanges;
    uint64_t booked; /* for the program itself */
    double began;
};

void mn_serve_log(mn_exchange *x); /* one line, when it has ended */

/* conn.c */
void mn_conn_accept(mn_serve *server, const mn_listener *listener, int fd);
void mn_conn_tick(mn_serve *server, double now); /* deadlines */
void mn_conn_finish(mn_conn *conn);              /* the reply is complete: go on, or close */
void mn_conn_write(mn_conn *conn, const void *bytes, size_t n);
void mn_conn_write_map(mn_conn *conn, mn_map *map); /* takes the map, and copies nothing */
size_t mn_conn_queued(const mn_conn *conn);
void mn_conn_drop(mn_conn *conn); /* at once */
void mn_conn_drop_idle(mn_serve *server);
/* What makes the reply of `x` the last one of its connection. */
int mn_conn_closes(const mn_conn *conn);

/* route.c: the head is complete. 0: read the body, then mn_route_run; else the reply is noted. */
int mn_route_admit(mn_exchange *x);
void mn_route_run(mn_exchange *x);

#endif
