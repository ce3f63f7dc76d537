/* SPDX-License-Identifier: Apache-2.0
 *
 * net/flow.c - a thread that reads, a list of messages behind a lock, a bell.
 *
 * Messages lie one behind the other in one buffer, each behind its length. Of events only `data`
 * counts (HTML, 9.2.6: lines joined by line ends, an empty line ends one); comments keep a line
 * alive and are nothing.
 */
#include "net/flow.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mn_flow {
    pthread_mutex_t lock;    /* of what both sides use */
    int holders, bell, gone; /* bell -1, gone 1: it was given up */
    int stop;                /* an eventfd of its own */
    int status, ended, rc;
    char why[300], wanted[256];
    mn_buf ready; /* size_t, bytes, size_t, bytes .. */
    size_t taken; /* of ready */
    /* the thread's alone */
    char *url, *method, *head, *key, *body, *want;
    int seconds, events; /* events: the answer is a stream of them */
    size_t most;
    mn_buf line, data;
};

static void release(mn_flow *f) {
    pthread_mutex_lock(&f->lock);
    const int left = --f->holders;
    pthread_mutex_unlock(&f->lock);
    if (left) return;
    if (f->key) memset(f->key, 0, strlen(f->key));
    char *const all[] = {f->url, f->method, f->head, f->key, f->body, f->want};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mn_free(all[i]);
    mn_buf_free(&f->ready);
    mn_buf_free(&f->line);
    mn_buf_free(&f->data);
    if (f->stop >= 0) close(f->stop);
    pthread_mutex_destroy(&f->lock);
    mn_free(f);
}

/* Under the lock. */
static void ring(const mn_flow *f) {
    const uint64_t one = 1;
    if (f->bell >= 0 && write(f->bell, &one, sizeof one) < 0) return; /* it is full: it rings */
}

/* ---- the thread's side --------------------------------------------------------------------- */
/* A message is whole. */
static int put(mn_flow *f, mn_buf *message) {
    const size_t n = message->len;
    int rc = 0;
    pthread_mutex_lock(&f->lock);
    if (f->gone)
        rc = MN_FAIL(MN_ECANCELLED, "%s was hung up on", f->url);
    else if (f->ready.len - f->taken + n > MN_FLOW_WAITING)
        rc = MN_FAIL(MN_EFULL, "%s sends more than is taken", f->url);
    if (rc >= 0) rc = mn_buf_reserve(&f->ready, sizeof n + n);
    if (rc >= 0) rc = mn_buf_append(&f->ready, &n, sizeof n);
    if (rc >= 0) rc = mn_buf_append(&f->ready, message->data, n);
    ring(f);
    pthread_mutex_unlock(&f->lock);
    mn_buf_clear(message);
    return rc;
}

/* A line of events, without its end. */
static int event_line(mn_flow *f, const char *line, size_t n) {
    if (n && line[n - 1] == '\r') n--;
    if (!n) return f->data.len ? put(f, &f->data) : 0;
    if (n < 5 || memcmp(line, "data:", 5) != 0) return 0;
    const size_t skip = n > 5 && line[5] == ' ' ? 6 : 5;
    if (f->data.len) MN_TRY(mn_buf_puts(&f->data, "\n"));
    return mn_buf_append(&f->data, line + skip, n - skip);
}

static int too_long(const mn_flow *f) {
    return MN_FAIL(MN_ETOOLONG, "%s sends a message of more than %zu bytes", f->url, f->most);
}

static int piece(void *user, const char *bytes, size_t n) {
    mn_flow *const f = user;
    if (!f->events) {
        if (f->data.len + n > f->most) return too_long(f);
        return mn_buf_append(&f->data, bytes, n);
    }
    while (n) {
        const char *const end = memchr(bytes, '\n', n);
        const size_t k = end ? (size_t)(end - bytes) : n;
        if (f->line.len + k + f->data.len > f->most) return too_long(f);
        MN_TRY(mn_buf_append(&f->line, bytes, k));
        if (!end) return 0;
        MN_TRY(event_line(f, f->line.data ? f->line.data : "", f->line.len));
        mn_buf_clear(&f->line);
        bytes += k + 1;
        n -= k + 1;
    }
    return 0;
}

static void status(void *user, int code) {
    mn_flow *const f = user;
    pthread_mutex_lock(&f->lock);
    f->status = code;
    ring(f);
    pthread_mutex_unlock(&f->lock);
}

static void header(void *user, const char *name, const char *value) {
    mn_flow *const f = user;
    if (strcasecmp(name, "content-type") == 0)
        f->events = strncasecmp(value, "text/event-stream", 17) == 0;
    if (!f->want || strcasecmp(name, f->want) != 0) return;
    pthread_mutex_lock(&f->lock);
    snprintf(f->wanted, sizeof f->wanted, "%s", value);
    pthread_mutex_unlock(&f->lock);
}

static void *flow_main(void *of) {
    mn_flow *const f = of;
    mn_url url;
    mn_buf none = {.limit = 0};
    int rc = mn_url_read(f->url, &url);
    const mn_post post = {.url = &url,
                          .path = "",
                          .key = f->key,
                          .body = f->body,
                          .n = f->body ? strlen(f->body) : 0,
                          .seconds = f->seconds,
                          .most = f->most,
                          .method = f->method,
                          .accept = "application/json, text/event-stream",
                          .head = f->head,
                          .status = status,
                          .header = header,
                          .piece = piece,
                          .user = f,
                          .stop = &f->stop};
    if (rc >= 0) rc = mn_post_json(&post, &none);
    if (rc >= 0 && !f->events && f->data.len) rc = put(f, &f->data);
    mn_buf_free(&none);
    pthread_mutex_lock(&f->lock);
    f->ended = 1;
    f->rc = rc < 0 ? rc : MN_ENOENT;
    snprintf(f->why, sizeof f->why, "%s", rc < 0 ? mn_error_detail() : "the answer has ended");
    ring(f);
    pthread_mutex_unlock(&f->lock);
    release(f);
    return NULL;
}

/* ---- the other side ------------------------------------------------------------------------ */
static int copy(char **to, const char *from) {
    if (from && !(*to = mn_strdup(from))) return MN_FAIL(MN_ENOMEM, "no memory to ask over HTTP");
    return 0;
}

static int fill(mn_flow *f, const mn_flow_how *how) {
    mn_url url;
    MN_TRY(mn_url_read(how->url, &url));
    MN_TRY(copy(&f->url, how->url));
    MN_TRY(copy(&f->method, how->method));
    MN_TRY(copy(&f->head, how->head));
    MN_TRY(copy(&f->key, how->key));
    MN_TRY(copy(&f->body, how->body));
    MN_TRY(copy(&f->want, how->want));
    f->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return f->stop < 0 ? MN_FAIL(MN_EIO, "cannot make an eventfd: %s", strerror(errno)) : 0;
}

int mn_flow_open(const mn_flow_how *how, mn_flow **out) {
    mn_flow *const f = mn_calloc(1, sizeof *f);
    pthread_t thread;
    sigset_t all, old;
    *out = NULL;
    if (!f) return MN_FAIL(MN_ENOMEM, "no memory to ask over HTTP");
    pthread_mutex_init(&f->lock, NULL);
    f->holders = 1;
    f->stop = -1;
    f->bell = how->bell;
    f->seconds = how->seconds;
    f->most = how->most;
    int rc = fill(f, how);
    if (rc >= 0) {
        f->holders = 2;
        sigfillset(&all); /* signals are the program's business */
        pthread_sigmask(SIG_SETMASK, &all, &old);
        const int e = pthread_create(&thread, NULL, flow_main, f);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (e) {
            f->holders = 1;
            rc = MN_FAIL(MN_ENOMEM, "no thread could be started: %s", strerror(e));
        } else {
            pthread_detach(thread);
        }
    }
    if (rc < 0)
        release(f);
    else
        *out = f;
    return rc;
}

int mn_flow_take(mn_flow *f, mn_buf *out) {
    int rc = 0;
    mn_buf_clear(out);
    pthread_mutex_lock(&f->lock);
    if (f->taken < f->ready.len) {
        size_t n;
        memcpy(&n, f->ready.data + f->taken, sizeof n);
        rc = mn_buf_append(out, f->ready.data + f->taken + sizeof n, n);
        if (rc >= 0) f->taken += sizeof n + n;
        if (rc >= 0) rc = 1;
        if (f->taken == f->ready.len) {
            mn_buf_clear(&f->ready);
            f->taken = 0;
        }
    } else if (f->ended) {
        rc = MN_FAIL(f->rc, "%s", f->why);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

int mn_flow_status(mn_flow *f) {
    pthread_mutex_lock(&f->lock);
    const int code = f->status;
    pthread_mutex_unlock(&f->lock);
    return code;
}

int mn_flow_wanted(mn_flow *f, char *value, int n) {
    pthread_mutex_lock(&f->lock);
    const int there = *f->wanted != 0;
    if (there) snprintf(value, (size_t)n, "%s", f->wanted);
    pthread_mutex_unlock(&f->lock);
    return there;
}

void mn_flow_close(mn_flow **of) {
    mn_flow *const f = *of;
    const uint64_t one = 1;
    if (!f) return;
    *of = NULL;
    pthread_mutex_lock(&f->lock);
    f->bell = -1;
    f->gone = 1;
    pthread_mutex_unlock(&f->lock);
    while (write(f->stop, &one, sizeof one) < 0 && errno == EINTR) {
    }
    release(f);
}
