/* SPDX-License-Identifier: Apache-2.0
 *
 * net/line.c - a socket that does not block, and poll.
 */
#include "net/line.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static void *library; /* never unloaded */

struct mn_line {
    int fd;
    SSL_CTX *context;
    SSL *tls; /* NULL: plain */
    uint64_t deadline;
    char name[300]; /* host:port, for sentences */
};

static int load(void) {
    pthread_mutex_lock(&loading);
    int there = library != NULL;
    if (!library && (library = dlopen("libssl.so.3", RTLD_NOW))) {
        there = 1;
#define X(call) there &= (*(void **)(void *)&ssl.call = dlsym(library, #call)) != NULL;
        CALLS(X)
#undef X
        if (!there) library = NULL;
    }
    pthread_mutex_unlock(&loading);
    if (there) return 0;
    return MN_FAIL(MN_EUNSUPPORTED, "https needs libssl.so.3 (package libssl3), which is not here");
}

/* Until the socket is ready for one of the events. */
static int await(const mn_line *l, short events) {
    struct pollfd p = {.fd = l->fd, .events = events};
    for (;;) {
        const uint64_t now = mn_clock_ns();
        const uint64_t left = l->deadline > now ? (l->deadline - now) / 1000000 + 1 : 0;
        const int n = left ? poll(&p, 1, left > 60000 ? 60000 : (int)left) : 0;
        if (n > 0) return 0;
        if (n < 0 && errno != EINTR)
            return MN_FAIL(MN_EIO, "cannot wait for %s: %s", l->name, strerror(errno));
        if (!left) return MN_FAIL(MN_EIO, "%s did not answer in time", l->name);
    }
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
    ssl.SSL_ctrl(l->tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (char *)host);
    for (int n; (n = ssl.SSL_connect(l->tls)) != 1;) MN_TRY(wants(l, n));
    return 0;
}

int mn_line_open(const char *host, const char *port, int tls, uint64_t deadline, mn_line **out) {
    mn_line *const l = *out = mn_calloc(1, sizeof *l);
    if (!l) return MN_FAIL(MN_ENOMEM, "no memory for a connection");
    l->fd = -1;
    l->deadline = deadline;
    snprintf(l->name, sizeof l->name, "%s:%s", host, port);
    int rc = reach_any(l, host, port);
    if (rc >= 0 && tls) rc = secure(l, host);
    if (rc < 0) mn_line_close(out);
    return rc;
}

void mn_line_close(mn_line **line) {
    mn_line *const l = *line;
    if (!l) return;
    if (l->tls) ssl.SSL_free(l->tls);
    if (l->context) ssl.SSL_CTX_free(l->context);
    if (l->fd >= 0) close(l->fd);
    mn_free(l);
    *line = NULL;
}

static int again(int error) {
    return error == EAGAIN || error == EINTR;
}

int mn_line_put(mn_line *l, const char *bytes, size_t n) {
    while (n) {
        const int part = n > 1 << 20 ? 1 << 20 : (int)n;
        const int k = l->tls ? ssl.SSL_write(l->tls, bytes, part)
                             : (int)send(l->fd, bytes, (size_t)part, MSG_NOSIGNAL);
        if (k > 0) {
            bytes += k;
            n -= (size_t)k;
        } else if (l->tls) {
            MN_TRY(wants(l, k));
        } else if (!again(errno)) {
            return MN_FAIL(MN_EIO, "the connection to %s broke: %s", l->name, strerror(errno));
        } else {
            MN_TRY(await(l, POLLOUT));
        }
    }
    return 0;
}

int mn_line_get(mn_line *l, char *bytes, size_t n) {
    const size_t part = n > 1 << 20 ? 1 << 20 : n;
    for (;;) {
        const int k =
            l->tls ? ssl.SSL_read(l->tls, bytes, (int)part) : (int)recv(l->fd, bytes, part, 0);
        if (k > 0) return k;
        if (l->tls && ssl.SSL_get_error(l->tls, k) == SSL_ERROR_ZERO_RETURN) return 0;
        if (!l->tls && !k) return 0;
        if (l->tls)
            MN_TRY(wants(l, k));
        else if (!again(errno))
            return MN_FAIL(MN_EIO, "the connection to %s broke: %s", l->name, strerror(errno));
        else
            MN_TRY(await(l, POLLIN));
    }
}
