/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/listen.c - binding, with a sentence for each way it can fail.
 *
 * Addresses: "8080", "HOST:PORT", "[V6]:PORT", "unix:PATH". Without any: 127.0.0.1 and a Unix
 * socket in the user's runtime folder, mode 0600. An address that others can reach needs keys and
 * TLS, unless --insecure says that something in front of us has both. A Unix socket whose server
 * died is taken over; one that answers is not.
 */
#include "serve/listen.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int is_loopback(const struct sockaddr *a) {
    if (a->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24) == 127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

int mn_listen_is_local_name(const char *host) {
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *colon = *host == '[' ? strchr(host, ']') : strchr(host, ':');
    if (colon && *colon == ']') colon++;
    const size_t n = colon ? (size_t)(colon - host) : strlen(host);
    if (colon && *colon &&
        (*colon != ':' || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1)))
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && strncasecmp(names[i], host, n) == 0) return 1;
    return 0;
}

static int permitted(const mn_serve_options *o, const char *text, int loopback) {
    if (loopback || o->insecure) return 0;
    if (!o->key_file)
        return MN_FAIL(MN_EINVAL,
                       "%s can be reached by others: give --key-file, or --insecure when "
                       "something in front of it asks for keys",
                       text);
    if (!o->tls_cert)
        return MN_FAIL(MN_EINVAL,
                       "%s can be reached by others, who could read keys and prompts on "
                       "the way: give --tls-cert and --tls-key, or --insecure when "
                       "something in front of it does TLS",
                       text);
    return 0;
}

/* "HOST:PORT" in two; a bare number is a port of loopback. */
static int split(const char *text, char host[64], char port[8]) {
    const char *colon = strrchr(text, ':');
    const char *p = colon ? colon + 1 : text;
    size_t n = colon ? (size_t)(colon - text) : 0;
    const char *h = text;
    if (n > 1 && *h == '[' && h[n - 1] == ']') h++, n -= 2;
    const long number = strlen(p) < 6 && *p && strspn(p, "0123456789") == strlen(p) ? atol(p) : -1;
    if (n > 63 || number < 0 || number > 65535)
        return MN_FAIL(MN_EINVAL,
                       "--listen %s: give ADDRESS:PORT with a port up to 65535, such as "
                       "127.0.0.1:8080, or unix:PATH",
                       text);
    snprintf(host, 64, "%.*s", n ? (int)n : 9, n ? h : "127.0.0.1");
    snprintf(port, 8, "%s", p);
    return 0;
}

static void url_of(int fd, int tls, char out[128]) {
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char host[64] = "?", port[8] = "?";
    if (getsockname(fd, (struct sockaddr *)&a, &n) == 0)
        getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    const int six = strchr(host, ':') != NULL;
    snprintf(out, 128, "http%s://%s%s%s:%s", tls ? "s" : "", six ? "[" : "", host, six ? "]" : "",
             port);
}

/* Bind one address of what a name means. */
static int bind_one(const mn_serve_options *o, const struct addrinfo *a, const char *text,
                    mn_listener *out) {
    const int one = 1, loopback = is_loopback(a->ai_addr);
    MN_TRY(permitted(o, text, loopback));
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return MN_FAIL(MN_EIO, "cannot make a socket for %s: %s", text, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 1024) < 0) {
        const int error = errno;
        close(fd);
        if (error == EADDRINUSE)
            return MN_FAIL(MN_EBUSY,
                           "%s is taken by another program; give another one with --port "
                           "or --listen",
                           text);
        return MN_FAIL(MN_EIO, "cannot listen at %s: %s", text, strerror(error));
    }
    *out = (mn_listener){.fd = fd, .loopback = loopback};
    url_of(fd, o->tls_cert != NULL, out->url);
    return 0;
}

static int add_tcp(const mn_serve_options *o, const char *text, mn_listen *out) {
    char host[64], port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *all = NULL;
    MN_TRY(split(text, host, port));
    const int error = getaddrinfo(host, port, &hints, &all);
    if (error)
        return MN_FAIL(MN_EINVAL, "--listen %s: there is no such address (%s)", text,
                       gai_strerror(error));
    int rc = 0;
    for (struct addrinfo *a = all; a && rc >= 0; a = a->ai_next) {
        if (out->n == MN_LISTENERS)
            rc = MN_FAIL(MN_EINVAL, "more than %d addresses to listen at", MN_LISTENERS);
        else if ((rc = bind_one(o, a, text, &out->item[out->n])) >= 0)
            out->n++;
    }
    freeaddrinfo(all);
    return rc;
}

/* A socket file that nobody listens at is left of a server that died. */
static int is_dead(const struct sockaddr_un *a) {
    struct stat st;
    if (lstat(a->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) return 0;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int dead =
        fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) < 0 && errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    return dead;
}

static int add_unix(const char *path, mn_listen *out) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    mn_listener *l = &out->item[out->n];
    if (out->n == MN_LISTENERS)
        return MN_FAIL(MN_EINVAL, "more than %d addresses to listen at", MN_LISTENERS);
    if (!*path || strlen(path) >= sizeof a.sun_path)
        return MN_FAIL(MN_EINVAL, "unix:%s: the path of a socket has 1 to %zu bytes", path,
                       sizeof a.sun_path - 1);
    strcpy(a.sun_path, path);
    if (is_dead(&a)) unlink(path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return MN_FAIL(MN_EIO, "cannot make a socket: %s", strerror(errno));
    /* Nobody else may connect between bind and chmod: it does not listen yet. */
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || chmod(path, 0600) < 0 ||
        listen(fd, 1024) < 0) {
        const int error = errno;
        close(fd);
        if (error == EADDRINUSE)
            return MN_FAIL(MN_EBUSY, "unix:%s is there already, and is used or no socket of ours",
                           path);
        return MN_FAIL(MN_EIO, "cannot listen at unix:%s: %s", path, strerror(error));
    }
    *l = (mn_listener){.fd = fd, .loopback = 1, .local = 1, .path = mn_strdup(path)};
    out->n++;
    snprintf(l->url, sizeof l->url, "unix:%s", path);
    return l->path ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a path");
}

/* $XDG_RUNTIME_DIR/omnesia/serve-PORT.sock, or the same in the cache folder. */
static int default_unix(int port, mn_listen *out) {
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    mn_buf path = {0};
    char *cache = NULL;
    int rc = runtime && *runtime == '/' ? mn_buf_printf(&path, "%s/omnesia", runtime)
                                        : mn_file_cache_path("run", &cache);
    if (rc >= 0 && cache) rc = mn_buf_puts(&path, cache);
    if (rc >= 0) rc = mn_buf_printf(&path, "/serve-%d.sock", port);
    if (rc >= 0) rc = mn_file_mkdirs_of(path.data);
    if (rc >= 0) rc = add_unix(path.data, out);
    mn_buf_free(&path);
    mn_free(cache);
    return rc;
}

static int open_tls(const mn_serve_options *o, mn_listen *out) {
    char reason[160];
    if (!o->tls_cert && !o->tls_key) return 0;
    if (!o->tls_cert || !o->tls_key)
        return MN_FAIL(MN_EINVAL, "TLS needs both --tls-cert and --tls-key");
    ERR_clear_error();
    out->tls = SSL_CTX_new(TLS_server_method());
    if (!out->tls) return MN_FAIL(MN_ENOMEM, "no memory for TLS");
    SSL_CTX_set_min_proto_version(out->tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(out->tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(out->tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    const int cert = SSL_CTX_use_certificate_chain_file(out->tls, o->tls_cert) == 1;
    const int key =
        cert && SSL_CTX_use_PrivateKey_file(out->tls, o->tls_key, SSL_FILETYPE_PEM) == 1;
    if (key && SSL_CTX_check_private_key(out->tls) == 1) return 0;
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    return MN_FAIL(MN_EINVAL, "%s %s cannot be used (%s)", cert ? "the key" : "the certificate",
                   cert ? o->tls_key : o->tls_cert, reason);
}

int mn_listen_open(const mn_serve_options *o, mn_listen *out) {
    char text[32];
    *out = (mn_listen){0};
    if (o->nowhere) return 0;
    int rc = open_tls(o, out);
    for (int i = 0; i < o->listen.n && rc >= 0; i++) {
        const char *item = o->listen.item[i];
        rc = strncmp(item, "unix:", 5) == 0 ? add_unix(item + 5, out) : add_tcp(o, item, out);
    }
    if (rc >= 0 && !o->listen.n) {
        snprintf(text, sizeof text, "127.0.0.1:%d", o->port);
        rc = add_tcp(o, text, out);
        if (rc >= 0 && o->port) (void)default_unix(o->port, out); /* one door is enough */
    }
    if (rc < 0) mn_listen_close(out);
    return rc;
}

void mn_listen_close(mn_listen *listen) {
    for (int i = 0; i < listen->n; i++) {
        close(listen->item[i].fd);
        if (listen->item[i].path) unlink(listen->item[i].path);
        mn_free(listen->item[i].path);
    }
    SSL_CTX_free(listen->tls);
    *listen = (mn_listen){0};
}
