/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/conn.c - a connection: heads and bodies in, replies out, and no time or room for mischief.
 *
 * A connection has one request at a time; what a client sends ahead waits in the socket, for at
 * most READ_AHEAD bytes of it are taken. A request is admitted or refused when its head is
 * complete, before any of its body is read. Each state has a deadline for all of it, so a client
 * that sends a byte now and then gains nothing; a reader that takes nothing is dropped (libevent's
 * write timeout), and so is one with too much in its queue. The end of a client's stream is its
 * leaving: what is done for it stops at once, whatever state it is in. Memory: about 1 kB a
 * connection.
 */
#include "serve/server.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

enum { READ_AHEAD = 64 << 10, LINGER_MOST = 4 << 20 };

struct mn_conn {
    mn_serve *server;
    struct bufferevent *io;
    const mn_listener *listener;
    enum { HEAD, BODY, BUSY, FLUSH, LINGER } state; /* BUSY: the reply is being made */
    double until;                                   /* of this state; 0: no end */
    size_t looked;     /* bytes of the head that have been looked through */
    uint64_t lingered; /* bytes read for nobody */
    int closes;        /* after this reply */
    int unread;        /* the body of this request was not read to its end */
    mn_exchange *x;
    mn_http_chunks chunks;
    mn_conn *next, *previous;
};

static void go_on(mn_conn *c);

static int is_tls(const mn_serve *s, const mn_listener *listener) {
    return s->listen.tls && !listener->local;
}

static void until(mn_conn *c, int seconds) {
    c->until = seconds ? mn_clock_seconds() + seconds : 0;
}

/* The client has left, or must: what was done for it stops. */
void mn_conn_drop(mn_conn *c) {
    mn_serve *s = c->server;
    mn_exchange *x = c->x;
    c->x = NULL;
    if (c->previous)
        c->previous->next = c->next;
    else
        s->conns = c->next;
    if (c->next) c->next->previous = c->previous;
    s->n_conns--;
    bufferevent_free(c->io);
    mn_free(c);
    if (!x) return;
    x->conn = NULL;
    if (!x->ended && x->gone) x->gone(x);
    mn_exchange_release(x);
}

int mn_conn_closes(const mn_conn *c) {
    return c->closes;
}

size_t mn_conn_queued(const mn_conn *c) {
    return evbuffer_get_length(bufferevent_get_output(c->io));
}

void mn_conn_write(mn_conn *c, const void *bytes, size_t n) {
    /* Without memory the reply is cut short, and the client can tell: it misses the end. */
    if (bufferevent_write(c->io, bytes, n) < 0) c->closes = 1;
}

static void unmap(const void *data, size_t n, void *user) {
    mn_file_unmap(user);
    mn_free(user);
}

void mn_conn_write_map(mn_conn *c, mn_map *map) {
    mn_map *own = mn_malloc(sizeof *own);
    struct evbuffer *out = bufferevent_get_output(c->io);
    if (!own) {
        c->closes = 1;
        return;
    }
    *own = *map;
    *map = (mn_map){0};
    if (evbuffer_add_reference(out, own->data, own->size, unmap, own) == 0) return;
    unmap(NULL, 0, own);
    c->closes = 1; /* cut short: the client misses the end */
}

/* The reply is complete: when all of it is with the client, the next request comes, or the end. */
void mn_conn_finish(mn_conn *c) {
    mn_exchange *x = c->x;
    c->x = NULL;
    c->state = FLUSH;
    until(c, 0); /* the write timeout watches over it */
    if (!mn_conn_queued(c)) bufferevent_trigger(c->io, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
    if (x) mn_exchange_release(x);
}

/* A request came that is no request: answer, and read on for a while so that it arrives. */
static void refuse(mn_conn *c, int status, const char *detail) {
    mn_exchange *x = c->x;
    c->closes = c->unread = 1;
    c->state = BUSY;
    mn_reply_error(x, status, NULL, NULL, "%s", detail);
    mn_exchange_send(x);
}

static mn_exchange *exchange_new(mn_conn *c) {
    mn_exchange *x = mn_exchange_new(c->server);
    if (!x) return NULL;
    x->conn = c;
    x->loopback = c->listener->loopback;
    x->local = c->listener->local;
    return c->x = x;
}

static void body_is_complete(mn_conn *c) {
    c->state = BUSY;
    until(c, 0);
    mn_route_run(c->x);
}

/* The head is complete: who is it, what do they want, may they? */
static void admit(mn_conn *c) {
    mn_exchange *x = c->x;
    const int refused = mn_route_admit(x);
    c->closes = x->head.close || c->server->stopping;
    const int has_body = x->head.chunked || x->head.length;
    if (!refused && x->head.length > (int64_t)x->body.limit)
        return refuse(c, 413, "the body of the request is larger than this server accepts");
    if (refused) {
        c->state = BUSY;
        c->unread = has_body;
        if (has_body) c->closes = 1;
        mn_exchange_send(x);
        return;
    }
    if (!has_body) return body_is_complete(c);
    if (x->head.expect) mn_conn_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    memset(&c->chunks, 0, sizeof c->chunks);
    c->state = BODY;
    until(c, MN_BODY_SECONDS);
}

/* 1: something was done, look again. */
static int read_head(mn_conn *c, struct evbuffer *in) {
    const size_t n = evbuffer_get_length(in);
    const size_t look = n < MN_HTTP_HEAD ? n : MN_HTTP_HEAD;
    if (!n) return 0;
    char *bytes = (char *)evbuffer_pullup(in, (ev_ssize_t)look);
    if (!bytes) return mn_conn_drop(c), 0;
    if (!c->looked) {
        if (look >= 2 && memcmp(bytes, "\r\n", 2) == 0) return evbuffer_drain(in, 2), 1;
        until(c, MN_HEAD_SECONDS); /* the first byte of a head */
    }
    const size_t head = mn_http_head_end(bytes, look, &c->looked);
    if (!c->looked) c->looked = 1;
    if (!head && look < MN_HTTP_HEAD) return 0;
    mn_exchange *x = exchange_new(c);
    int status = 431;
    if (!x) return mn_conn_drop(c), 0;
    c->looked = 0;
    if (!head) return refuse(c, 431, "the header fields of the request have more than 32 KiB"), 0;
    if (!(x->text = mn_malloc(head + 1))) return mn_conn_drop(c), 0;
    evbuffer_remove(in, x->text, head);
    x->text[head] = 0;
    if (mn_http_head_read(x->text, head, &x->head, &status) < 0) {
        x->head.method = x->head.path = x->head.query = "";
        x->head.n = 0;
        return refuse(c, status, mn_error_detail()), 0;
    }
    admit(c);
    return 1;
}

static int refuse_body(mn_conn *c, int rc) {
    mn_exchange *x = c->x;
    const int large = rc == MN_ETOOLONG;
    if (large)
        refuse(c, 413, "the body of the request is larger than this server accepts");
    else {
        c->closes = c->unread = 1;
        c->state = BUSY;
        mn_reply_failure(x, rc, NULL, mn_error_detail());
        mn_exchange_send(x);
    }
    return 0;
}

static int read_body(mn_conn *c, struct evbuffer *in) {
    mn_exchange *x = c->x;
    const size_t have = evbuffer_get_contiguous_space(in);
    char *bytes = have ? (char *)evbuffer_pullup(in, (ev_ssize_t)have) : NULL;
    if (!bytes) return 0;
    int64_t used = (int64_t)have;
    if (x->head.chunked) {
        used = mn_http_chunks_take(&c->chunks, bytes, have, &x->body);
        if (used < 0) return refuse_body(c, (int)used);
    } else {
        const int64_t left = x->head.length - (int64_t)x->body.len;
        if (used > left) used = left;
        const int rc = mn_buf_append(&x->body, bytes, (size_t)used);
        if (rc < 0) return refuse_body(c, rc);
    }
    evbuffer_drain(in, (size_t)used);
    if (x->head.chunked ? c->chunks.state == MN_CHUNK_DONE : (int64_t)x->body.len == x->head.length)
        body_is_complete(c);
    return 1;
}

/* Do all that can be done with what has come. */
static void go_on(mn_conn *c) {
    struct evbuffer *in = bufferevent_get_input(c->io);
    for (;;) {
        if (c->state == LINGER) {
            c->lingered += evbuffer_get_length(in);
            evbuffer_drain(in, evbuffer_get_length(in));
            if (c->lingered > LINGER_MOST) mn_conn_drop(c);
            return;
        }
        const int state = c->state;
        if (state == HEAD ? !read_head(c, in) : state == BODY ? !read_body(c, in) : 1) return;
    }
}

static void on_read(struct bufferevent *io, void *user) {
    go_on(user);
}

/* All that was written is with the system. */
static void on_write(struct bufferevent *io, void *user) {
    mn_conn *c = user;
    if (c->state != FLUSH || mn_conn_queued(c)) return;
    if (c->closes && c->unread) { /* closing now might reset, and take the reply with it */
        c->state = LINGER;
        until(c, MN_LINGER_SECONDS);
        if (!is_tls(c->server, c->listener)) shutdown(bufferevent_getfd(io), SHUT_WR);
        return go_on(c);
    }
    if (c->closes || c->server->stopping) return mn_conn_drop(c);
    c->state = HEAD;
    c->looked = 0;
    until(c, MN_IDLE_SECONDS);
    go_on(c);
}

static void on_event(struct bufferevent *io, short what, void *user) {
    mn_conn *c = user;
    if (what & BEV_EVENT_CONNECTED) return; /* TLS is agreed on */
    mn_conn_drop(c);
}

static struct bufferevent *io_new(mn_serve *s, const mn_listener *listener, int fd) {
    const int how = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
    if (!is_tls(s, listener)) return bufferevent_socket_new(s->base, fd, how);
    SSL *tls = SSL_new(s->listen.tls);
    if (!tls) return NULL;
    struct bufferevent *io =
        bufferevent_openssl_socket_new(s->base, fd, tls, BUFFEREVENT_SSL_ACCEPTING, how);
    if (!io)
        SSL_free(tls);
    else
        bufferevent_openssl_set_allow_dirty_shutdown(io, 1);
    return io;
}

void mn_conn_accept(mn_serve *s, const mn_listener *listener, int fd) {
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
    if (s->n_conns >= MN_CONNS) {
        /* Best effort: whether it arrives is the client's to see. */
        if (!is_tls(s, listener) && send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL))
            s->figures.refused++;
        close(fd);
        return;
    }
    mn_conn *c = mn_calloc(1, sizeof *c);
    struct bufferevent *io = c ? io_new(s, listener, fd) : NULL;
    if (!io) {
        mn_free(c);
        close(fd);
        return;
    }
    *c = (mn_conn){.server = s, .io = io, .listener = listener, .next = s->conns};
    if (c->next) c->next->previous = c;
    s->conns = c;
    s->n_conns++;
    until(c, MN_HEAD_SECONDS + MN_HEAD_SECONDS); /* until the first byte, with the TLS handshake */
    bufferevent_setcb(io, on_read, on_write, on_event, c);
    bufferevent_setwatermark(io, EV_READ, 0, READ_AHEAD);
    bufferevent_set_timeouts(io, NULL, &(struct timeval){.tv_sec = MN_STUCK_SECONDS});
    bufferevent_enable(io, EV_READ | EV_WRITE);
}

void mn_conn_tick(mn_serve *s, double now) {
    for (mn_conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (c->until == 0 || now < c->until) continue;
        if (c->state == BODY)
            refuse(c, 408, "the body of the request did not come in time");
        else
            mn_conn_drop(c);
    }
}

void mn_conn_drop_idle(mn_serve *s) {
    for (mn_conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (c->state == HEAD || c->state == LINGER)
            mn_conn_drop(c);
        else
            c->closes = 1;
    }
}
