/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/load.c - the loop of the generator: epoll over non-blocking sockets.
 *
 * Requests wait in the order they were asked for until they are due (a few hundred: looking at all
 * of them costs less than a heap would explain). A time is taken once per wake, before the bytes
 * are looked at, so that parsing one answer does not age the next.
 */
#include "bench/load.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/load_answer.h"
#include "bench/reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, BYTES = 1 << 16 };

typedef struct talk { /* a request on its way */
    mn_asked seen;
    mn_buf out; /* head and body */
    size_t sent;
    int fd; /* -1: not sent yet, or over */
    int number;
    double now; /* of the bytes that are being parsed */
    mn_reply reply;
} talk;

struct mn_load {
    int poll, port, keep;
    uint64_t start;
    talk **talk;              /* [n] */
    int n, room, left, begun; /* begun: all before it were sent */
};

/* ---- life --------------------------------------------------------------------------------- */
double mn_load_now(const mn_load *l) {
    return (double)(mn_clock_ns() - l->start) * 1e-9;
}
void mn_load_restart(mn_load *l) {
    l->start = mn_clock_ns();
}
int mn_load_count(const mn_load *l) {
    return l->n;
}
const mn_asked *mn_load_get(const mn_load *l, int i) {
    return &l->talk[i]->seen;
}
void mn_load_keep(mn_load *l) {
    l->keep = 1;
}

int mn_load_open(int port, mn_load **out) {
    mn_load *l = *out = mn_calloc(1, sizeof *l);
    if (!l) return MN_FAIL(MN_ENOMEM, "no memory for the load");
    l->port = port;
    l->start = mn_clock_ns();
    l->poll = epoll_create1(EPOLL_CLOEXEC);
    if (l->poll >= 0) return 0;
    const int e = errno;
    mn_load_close(out);
    return MN_FAIL(MN_EIO, "no epoll for the load: %s", strerror(e));
}

void mn_load_close(mn_load **load) {
    mn_load *l = *load;
    if (!l) return;
    for (int i = 0; i < l->n; i++) {
        talk *t = l->talk[i];
        if (t->fd >= 0) close(t->fd);
        mn_buf_free(&t->out);
        mn_buf_free(&t->seen.text);
        mn_buf_free(&t->seen.why);
        mn_free(t->seen.at);
        mn_reply_free(&t->reply);
        mn_free(t);
    }
    if (l->poll >= 0) close(l->poll);
    mn_free(l->talk);
    mn_free(l);
    *load = NULL;
}

static int write_request(talk *t, const char *path, const char *body) {
    MN_TRY(mn_buf_printf(&t->out, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", body ? "POST" : "GET",
                         path));
    if (body)
        MN_TRY(mn_buf_printf(&t->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                             strlen(body)));
    MN_TRY(mn_buf_puts(&t->out, "\r\n"));
    return body ? mn_buf_puts(&t->out, body) : 0;
}

int mn_load_ask(mn_load *l, double due, const char *path, const char *body, int tag) {
    if (l->n == l->room) {
        const int room = l->room ? 2 * l->room : 64;
        talk **const more = mn_realloc(l->talk, (size_t)room * sizeof(talk *));
        if (!more) return MN_FAIL(MN_ENOMEM, "no memory for %d requests", room);
        l->talk = more;
        l->room = room;
    }
    talk *t = mn_calloc(1, sizeof *t);
    if (!t) return MN_FAIL(MN_ENOMEM, "no memory for a request");
    t->fd = -1;
    t->number = l->n;
    t->seen = (mn_asked){.tag = tag,
                         .due = due,
                         .first = -1,
                         .prompt_tokens = -1,
                         .cached_tokens = -1,
                         .tokens = -1};
    const int rc = write_request(t, path, body);
    l->talk[l->n++] = t; /* also when it failed: it is freed with the others */
    l->left++;
    return rc < 0 ? rc : l->n - 1;
}

/* ---- one request -------------------------------------------------------------------------- */
/* It is over; its connection stays when both sides keep it. */
static int over(mn_load *l, talk *t, const char *why) {
    t->seen.end = t->now;
    t->seen.ended = 1;
    t->seen.status = t->reply.status;
    l->left--;
    if (t->fd >= 0 && (why || !l->keep || !t->reply.keeps)) {
        close(t->fd);
        t->fd = -1;
    } else if (t->fd >= 0) {
        epoll_ctl(l->poll, EPOLL_CTL_DEL, t->fd, NULL);
    }
    int rc = 0;
    if (why)
        rc = mn_buf_puts(&t->seen.why, why);
    else if (t->reply.status != 200)
        rc = mn_buf_printf(&t->seen.why, "status %d: %.300s", t->reply.status,
                           t->reply.body.len ? t->reply.body.data : "");
    else if (t->reply.body.len)
        rc = mn_answer_whole(&t->seen, t->reply.body.data, t->now);
    mn_buf_free(&t->out);
    return rc;
}

static int event(void *user, const char *data, size_t n) {
    talk *t = user;
    return mn_answer_event(&t->seen, data, n, t->now);
}

static int begin(mn_load *l, talk *t) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    t->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    t->now = t->seen.sent = mn_load_now(l);
    t->reply.on_event = event;
    t->reply.user = t;
    setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (t->fd < 0 ||
        (connect(t->fd, (const struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS))
        return over(l, t, strerror(errno));
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = t};
    return epoll_ctl(l->poll, EPOLL_CTL_ADD, t->fd, &e) < 0 ? over(l, t, strerror(errno)) : 0;
}

static int can_write(mn_load *l, talk *t) {
    while (t->sent < t->out.len) {
        const ssize_t k = send(t->fd, t->out.data + t->sent, t->out.len - t->sent, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && errno == EAGAIN) return 0;
        if (k < 0) return over(l, t, strerror(errno));
        t->sent += (size_t)k;
    }
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = t};
    epoll_ctl(l->poll, EPOLL_CTL_MOD, t->fd, &e);
    return 0;
}

/* Until there is nothing to read now. An answer that is wrong ends itself, not the load. */
static int can_read(mn_load *l, talk *t) {
    char bytes[BYTES];
    for (;;) {
        const ssize_t k = recv(t->fd, bytes, sizeof bytes, 0);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && errno == EAGAIN) return 0;
        if (k < 0) return over(l, t, strerror(errno));
        const int rc = k ? mn_reply_feed(&t->reply, bytes, (size_t)k) : mn_reply_hung_up(&t->reply);
        if (rc) return over(l, t, rc < 0 ? mn_error_detail() : NULL);
    }
}

/* ---- all of them -------------------------------------------------------------------------- */
static int after(mn_load *l, talk *t, int (*ended)(void *, mn_load *, int), void *user) {
    return t->seen.ended && ended ? ended(user, l, t->number) : 0;
}

/* Send what is due; in *next when the next one will be, or a second from now. */
static int send_due(mn_load *l, double *next, int (*ended)(void *, mn_load *, int), void *user) {
    const double now = mn_load_now(l);
    *next = now + 1;
    for (int i = l->begun; i < l->n; i++) {
        talk *t = l->talk[i];
        if (t->fd >= 0 || t->seen.ended) {
            l->begun += i == l->begun;
        } else if (t->seen.due > now) {
            if (t->seen.due < *next) *next = t->seen.due;
        } else {
            MN_TRY(begin(l, t));
            MN_TRY(after(l, t, ended, user));
        }
    }
    return 0;
}

static int look(mn_load *l, double until, int (*ended)(void *, mn_load *, int), void *user) {
    struct epoll_event e[EVENTS];
    const double wait = until - mn_load_now(l);
    const long ns = wait > 0 ? (long)(wait * 1e9) : 0;
    const int n = epoll_pwait2(l->poll, e, EVENTS,
                               &(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
    if (n < 0 && errno != EINTR) return MN_FAIL(MN_EIO, "epoll failed: %s", strerror(errno));
    const double now = mn_load_now(l);
    for (int i = 0; i < n; i++) {
        talk *t = e[i].data.ptr;
        t->now = now;
        if (e[i].events & EPOLLOUT) MN_TRY(can_write(l, t));
        if (!t->seen.ended && e[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) MN_TRY(can_read(l, t));
        MN_TRY(after(l, t, ended, user));
    }
    return 0;
}

int mn_load_run(mn_load *l, double seconds, int (*ended)(void *, mn_load *, int), void *user) {
    const double until = mn_load_now(l) + seconds;
    double next;
    while (l->left) {
        MN_TRY(send_due(l, &next, ended, user));
        if (!l->left) break;
        MN_TRY(look(l, next < until ? next : until, ended, user));
        if (l->left && mn_load_now(l) >= until)
            return MN_FAIL(MN_EIO, "%d of %d requests had no end after %.0f s", l->left, l->n,
                           seconds);
    }
    return 0;
}

int mn_load_spend(mn_load *l, double seconds) {
    const double until = mn_load_now(l) + seconds;
    double next;
    while (l->left && mn_load_now(l) < until) {
        MN_TRY(send_due(l, &next, NULL, NULL));
        MN_TRY(look(l, next < until ? next : until, NULL, NULL));
    }
    return 0;
}

/* The other side has not hung up meanwhile. */
int mn_load_kept(const mn_load *l) {
    int n = 0;
    for (int i = 0; i < l->n; i++) {
        char byte;
        const int fd = l->talk[i]->fd;
        n += fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    return n;
}

int mn_load_check(const mn_load *l) {
    for (int i = 0; i < l->n; i++) {
        const mn_asked *a = mn_load_get(l, i);
        if (!a->ended) return MN_FAIL(MN_EIO, "request %d of %d has no end", i, l->n);
        if (a->why.len) return MN_FAIL(MN_EIO, "request %d of %d failed: %s", i, l->n, a->why.data);
    }
    return 0;
}
