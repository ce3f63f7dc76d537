/* SPDX-License-Identifier: Apache-2.0
 *
 * net/line.c - a socket that does not block, and poll.
 */
#include "net/line.h"

#include "base/alloc.h"
#include "base/borrow.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What is used of libssl. */
/* clang-format off */
#define CALLS(X) \
    X(TLS_client_method) X(SSL_CTX_new) X(SSL_CTX_free) X(SSL_CTX_set_default_verify_paths) \
    X(SSL_CTX_set_verify) X(SSL_CTX_ctrl) X(SSL_new) X(SSL_free) X(SSL_ctrl) X(SSL_set_fd) \
    X(SSL_set1_host) X(SSL_connect) X(SSL_read) X(SSL_write) X(SSL_get_error) \
    X(SSL_get_verify_result)
/* clang-format on */
#define X(name) __typeof__(&name) name;
static struct { CALLS(X) } ssl;
#undef X

struct mn_line {
    int fd, stop;
    SSL_CTX *context;
    SSL *tls; /* NULL: plain */
    uint64_t deadline;
    char name[300]; /* host:port, for sentences */
};

static int load(void) {
#define X(name) #name,
    static const char *const names[] = {CALLS(X)};
#undef X
    static mn_borrow library =
        MN_BORROW("TLS is spoken through", "libssl.so.3", "libssl3", names, ssl, NULL);
    return mn_borrow_load(&library);
}

/* Until the socket is ready for one of the events. */
static int await(const mn_line *l, short events) {
    struct pollfd p[2] = {{.fd = l->fd, .events = events}, {.fd = l->stop, .events = POLLIN}};
    for (;;) {
        const uint64_t now = mn_clock_ns();
        const uint64_t left = l->deadline > now ? (l->deadline - now) / 1000000 + 1 : 0;
        const int n = left ? poll(p, 2, left > 60000 ? 60000 : (int)left) : 0;
        if (n > 0 && p[1].revents) return MN_FAIL(MN_ECANCELLED, "%s was hung up on", l->name);
        if (n > 0) return 0;
        if (n < 0 && errno != EINTR)
            return MN_FAIL(MN_EIO, "cannot wait for %s: %s", l->name, strerror(errno));
        if (!left) return MN_FAIL(MN_EIO, "%s did not answer in time", l->name);
    }
}

/* A socket of this machine. */
static int reach_here(mn_line *l, const char *path) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path)
        return MN_FAIL(MN_EINVAL, "the path of a socket has %zu bytes at most: %s",
                       sizeof at.sun_path - 1, path);
    strcpy(at.sun_path, path);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) return MN_FAIL(MN_EIO, "cannot make a socket: %s", strerror(errno));
    if (connect(l->fd, (const struct sockaddr *)&at, sizeof at) < 0)
        return MN_FAIL(MN_EIO, "cannot reach %s: %s", path, strerror(errno));
    return 0;
}

/* One address: 0 when the socket is connected. */
static int reach(mn_line *l, const struct addrinfo *a) {
    int error = 0;
    socklen_t n = sizeof error;
    l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) return MN_FAIL(MN_EIO, "cannot make a socket: %s", strerror(errno));
    if (connect(l->fd, a->ai_addr, a->ai_addrlen) < 0) error = errno;
    if (error == EINPROGRESS || error == EINTR) {
        MN_TRY(await(l, POLLOUT));
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    }
    return error ? MN_FAIL(MN_EIO, "cannot reach %s: %s", l->name, strerror(error)) : 0;
}

static int reach_any(mn_line *l, const char *host, const char *port) {
    const struct addrinfo how = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    if (*host == '/') return reach_here(l, host);
    const int rc = getaddrinfo(host, port, &how, &all);
    if (rc) return MN_FAIL(MN_EIO, "cannot find %s: %s", l->name, gai_strerror(rc));
    int done = MN_EIO;
    for (const struct addrinfo *a = all; a && done < 0; a = a->ai_next) {
        if (l->fd >= 0) close(l->fd);
        done = reach(l, a);
    }
    freeaddrinfo(all);
    return done;
}

/* What a call of libssl wants: 0 to call it again. */
static int wants(mn_line *l, int result) {
    const int why = ssl.SSL_get_error(l->tls, result);
    const long seen = ssl.SSL_get_verify_result(l->tls);
    if (why == SSL_ERROR_WANT_READ) return await(l, POLLIN);
    if (why == SSL_ERROR_WANT_WRITE) return await(l, POLLOUT);
    if (seen != X509_V_OK)
        return MN_FAIL(MN_EIO, "the certificate of %s is not trusted: %s", l->name,
                       X509_verify_cert_error_string(seen));
    return MN_FAIL(MN_EIO, "the connection to %s broke", l->name);
}

static int secure(mn_line *l, const char *host) {
    MN_TRY(load());
    l->context = ssl.SSL_CTX_new(ssl.TLS_client_method());
    if (!l->context) return MN_FAIL(MN_ENOMEM, "no memory for TLS");
    ssl.SSL_CTX_set_default_verify_paths(l->context);
    ssl.SSL_CTX_set_verify(l->context, SSL_VERIFY_PEER, NULL);
    ssl.SSL_CTX_ctrl(l->context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    l->tls = ssl.SSL_new(l->context);
    if (!l->tls || !ssl.SSL_set1_host(l->tls, host) || !ssl.SSL_set_fd(l->tls, l->fd))
        return MN_FAIL(MN_ENOMEM, "no memory for TLS");
    ssl.SSL_ctrl(l->tls, SSL_CTRL_MODE,
                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
    ssl.SSL_ctrl(l->tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (char *)host);
    for (int n; (n = ssl.SSL_connect(l->tls)) != 1;) MN_TRY(wants(l, n));
    return 0;
}

int mn_line_open(const char *host, const char *port, int tls, uint64_t deadline, mn_line **out) {
    mn_line *const l = *out = mn_calloc(1, sizeof *l);
    if (!l) return MN_FAIL(MN_ENOMEM, "no memory for a connection");
    l->fd = l->stop = -1;
    l->deadline = deadline;
    snprintf(l->name, sizeof l->name, *port ? "%s:%s" : "%s", host, port);
    int rc = reach_any(l, host, port);
    if (rc >= 0 && tls) rc = secure(l, host);
    if (rc < 0) mn_line_close(out);
    return rc;
}

void mn_line_stop(mn_line *line, int fd) {
    line->stop = fd;
}

void mn_line_close(mn_line **line) {
    mn_line *const l = *line;
    if (!l) return;
    if (l->tls) ssl.SSL_free(l->tls);
    if (l->context) ERR_clear_error(); /* what is left there would be taken for the next line's */
    if (l->context) ssl.SSL_CTX_free(l->context);
    if (l->fd >= 0) close(l->fd);
    mn_free(l);
    *line = NULL;
}

/* libssl writes without MSG_NOSIGNAL: a SIGPIPE of ours is taken away before anybody sees it. */
static int write_tls(mn_line *l, const char *bytes, int n) {
    const struct timespec none = {0};
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    const int k = ssl.SSL_write(l->tls, bytes, n);
    if (k <= 0 && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR) {
        }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return k;
}

/* What a call that did not go on means: 0, later, when `events` come; else it broke. */
static int later(mn_line *l, int result, short *events) {
    const int error = errno;
    const int why = l->tls ? ssl.SSL_get_error(l->tls, result) : 0;
    if (l->tls && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return wants(l, result);
    if (l->tls) *events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    if (l->tls || error == EAGAIN || error == EINTR) return 0;
    return MN_FAIL(MN_EIO, "the connection to %s broke: %s", l->name, strerror(error));
}

static int push(mn_line *l, const char *bytes, size_t n, short *events) {
    const int part = n > 1 << 20 ? 1 << 20 : (int)n;
    const int k =
        l->tls ? write_tls(l, bytes, part) : (int)send(l->fd, bytes, (size_t)part, MSG_NOSIGNAL);
    *events = POLLOUT;
    return k > 0 ? k : later(l, k, events);
}

int mn_line_push(mn_line *l, const char *bytes, size_t n) {
    short events;
    return n ? push(l, bytes, n, &events) : 0;
}

int mn_line_put(mn_line *l, const char *bytes, size_t n) {
    while (n) {
        short events;
        const int k = push(l, bytes, n, &events);
        MN_TRY(k);
        if (!k) MN_TRY(await(l, events));
        bytes += k;
        n -= (size_t)k;
    }
    return 0;
}

/* *ended: the other has ended it. */
static int look(mn_line *l, char *bytes, size_t n, int *ended, short *events) {
    const size_t part = n > 1 << 20 ? 1 << 20 : n;
    const int k =
        l->tls ? ssl.SSL_read(l->tls, bytes, (int)part) : (int)recv(l->fd, bytes, part, 0);
    *events = POLLIN;
    *ended = !l->tls ? !k : k <= 0 && ssl.SSL_get_error(l->tls, k) == SSL_ERROR_ZERO_RETURN;
    return k > 0 || *ended ? k : later(l, k, events);
}

int mn_line_get(mn_line *l, char *bytes, size_t n) {
    for (;;) {
        int ended;
        short events;
        const int k = look(l, bytes, n, &ended, &events);
        MN_TRY(ended ? 0 : k);
        if (ended) return 0;
        if (k) return k;
        MN_TRY(await(l, events));
    }
}

int mn_line_look(mn_line *l, char *bytes, size_t n) {
    int ended;
    short events;
    const int k = look(l, bytes, n, &ended, &events);
    return ended ? MN_FAIL(MN_EIO, "%s has ended the connection", l->name) : k;
}

void mn_line_until(mn_line *l, uint64_t deadline) {
    l->deadline = deadline;
}

int mn_line_fd(const mn_line *l) {
    return l->fd;
}
