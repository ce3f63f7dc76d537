/* SPDX-License-Identifier: Apache-2.0
 *
 * net/redis.c - a line, hiredis' reader behind it, and a queue before it.
 *
 * Replies are made by functions of ours, which hiredis calls for each part: so their memory is of
 * base/alloc.h and what a stranger announces costs nothing before it comes. (hiredis' own would
 * take memory for as many parts as an answer says it has.)
 */
#include "net/redis.h"

#include "base/alloc.h"
#include "base/borrow.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/hiredis.h"
#include "net/line.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 64 << 10 };

struct mn_redis_line {
    const mn_hiredis *hi;
    mn_line *line;
    hi_reader *reader;
    mn_buf queue;
    size_t sent;  /* bytes of it */
    size_t since; /* bytes that came since the last whole reply */
    int broken;
    char piece[PIECE];
};

/* ---- the library --------------------------------------------------------------------------- */
static mn_hiredis hiredis;

int mn_hiredis_load(const mn_hiredis **out) {
#define X(type, name, takes) "redis" #name,
    static const char *const names[] = {MN_HIREDIS_LIST(X)};
#undef X
    static mn_borrow library = MN_BORROW("Redis is spoken to through", "libhiredis.so.0.14",
                                         "libhiredis0.14", names, hiredis, NULL);
    *out = &hiredis;
    return mn_borrow_load(&library);
}

/* ---- replies ------------------------------------------------------------------------------- */
static void release(void *object) {
    mn_redis_reply *r = object;
    mn_redis_reply_free(&r);
}

/* A part of what is being read; hiredis puts nothing into its list itself. */
static void *make(const hi_task *t, mn_redis_reply from, const char *text) {
    mn_redis_reply *const r = mn_calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = from;
    if (text && !(r->text = mn_malloc(r->n + 1))) {
        mn_free(r);
        return NULL;
    }
    if (text) memcpy(r->text, text, r->n);
    if (text) r->text[r->n] = 0;
    if (t->parent) ((mn_redis_reply *)t->parent->object)->part[t->place] = r;
    return r;
}

static void *make_text(const hi_task *t, char *text, size_t n) {
    return make(t, (mn_redis_reply){.kind = (mn_redis_kind)t->type, .n = n}, text);
}
static void *make_number(const hi_task *t, long long number) {
    return make(t, (mn_redis_reply){.kind = MN_REDIS_NUMBER, .number = number}, NULL);
}
static void *make_nil(const hi_task *t) {
    return make(t, (mn_redis_reply){.kind = MN_REDIS_NIL}, NULL);
}
static void *make_list(const hi_task *t, int n) {
    if (n < 0 || n > MN_REDIS_PARTS) return NULL;
    mn_redis_reply **const part = mn_calloc(n ? (size_t)n : 1, sizeof *part);
    void *const r =
        part ? make(t, (mn_redis_reply){.kind = MN_REDIS_LIST, .n = (size_t)n}, NULL) : NULL;
    if (r)
        ((mn_redis_reply *)r)->part = part;
    else
        mn_free(part);
    return r;
}

/* No deeper than hiredis reads, 7. */
void mn_redis_reply_free(mn_redis_reply **r) {
    if (!*r) return;
    for (size_t i = 0; (*r)->part && i < (*r)->n; i++) mn_redis_reply_free(&(*r)->part[i]);
    mn_free((*r)->part);
    mn_free((*r)->text);
    mn_free(*r);
    *r = NULL;
}

/* ---- commands ------------------------------------------------------------------------------ */
static int broken(mn_redis_line *r, int rc) {
    if (rc < 0) r->broken = 1;
    return rc;
}

static int whole(const mn_redis_line *r) {
    return r->broken ? MN_FAIL(MN_EIO, "the connection to Redis has been lost") : 0;
}

int mn_redis_line_add(mn_redis_line *r, int n, const char *const *word, const size_t *bytes) {
    char *command = NULL;
    MN_TRY(whole(r));
    const int length = r->hi->FormatCommandArgv(&command, n, (const char **)word, bytes);
    if (length < 0) return MN_FAIL(MN_ENOMEM, "no memory for a command to Redis");
    const int rc = mn_buf_append(&r->queue, command, (size_t)length);
    r->hi->FreeCommand(command);
    return rc;
}

size_t mn_redis_line_queued(const mn_redis_line *r) {
    return r->queue.len - r->sent;
}

static void sent(mn_redis_line *r, size_t n) {
    r->sent += n;
    if (r->sent < r->queue.len) return;
    mn_buf_clear(&r->queue);
    r->sent = 0;
}

int mn_redis_line_flush(mn_redis_line *r, uint64_t deadline) {
    MN_TRY(whole(r));
    mn_line_until(r->line, deadline);
    MN_TRY(broken(r, mn_line_put(r->line, r->queue.data + r->sent, mn_redis_line_queued(r))));
    sent(r, mn_redis_line_queued(r));
    return 0;
}

/* 1: some came. */
static int take(mn_redis_line *r) {
    const int k = broken(r, mn_line_look(r->line, r->piece, PIECE));
    if (k <= 0) return k;
    r->since += (size_t)k;
    if (r->since > MN_REDIS_REPLY)
        return broken(
            r, MN_FAIL(MN_ECORRUPT, "Redis sent a reply of more than %d bytes", MN_REDIS_REPLY));
    if (r->hi->ReaderFeed(r->reader, r->piece, (size_t)k) != 0)
        return broken(r, MN_FAIL(MN_ENOMEM, "no memory for a reply of Redis"));
    return 1;
}

int mn_redis_line_step(mn_redis_line *r) {
    MN_TRY(whole(r));
    for (int k = 1; k > 0 && mn_redis_line_queued(r);) {
        k = broken(r, mn_line_push(r->line, r->queue.data + r->sent, mn_redis_line_queued(r)));
        MN_TRY(k);
        sent(r, (size_t)k);
    }
    return take(r);
}

/* One that is there: 1. */
static int whole_reply(mn_redis_line *r, mn_redis_reply **out) {
    void *reply = NULL;
    if (r->hi->ReaderGetReply(r->reader, &reply) != 0)
        return broken(r,
                      MN_FAIL(MN_ECORRUPT, "Redis sent what is no reply: %.100s", r->reader->why));
    if (!reply) return 0;
    r->since = 0;
    *out = reply;
    return 1;
}

int mn_redis_line_next(mn_redis_line *r, uint64_t deadline, mn_redis_reply **out) {
    *out = NULL;
    for (;;) {
        MN_TRY(whole(r));
        const int rc = whole_reply(r, out);
        if (rc) return rc;
        const int came = mn_redis_line_step(r);
        MN_TRY(came);
        if (came) continue;
        const uint64_t now = mn_clock_ns();
        if (now >= deadline) return 0;
        const uint64_t ms = (deadline - now) / 1000000 + 1;
        struct pollfd p = {.fd = mn_line_fd(r->line), .events = POLLIN};
        if (mn_redis_line_queued(r)) p.events |= POLLOUT;
        poll(&p, 1, ms > 60000 ? 60000 : (int)ms);
    }
}

int mn_redis_line_ask(mn_redis_line *r, uint64_t deadline, mn_redis_reply **out, int n,
                      const char *const *word, const size_t *bytes) {
    MN_TRY(mn_redis_line_add(r, n, word, bytes));
    const int rc = mn_redis_line_next(r, deadline, out);
    MN_TRY(rc);
    if (!rc) return broken(r, MN_FAIL(MN_EIO, "Redis did not answer %.20s in time", word[0]));
    if ((*out)->kind != MN_REDIS_ERROR) return 0;
    const int error = MN_FAIL(MN_EIO, "Redis refuses %.20s: %.200s", word[0], (*out)->text);
    mn_redis_reply_free(out);
    return error;
}

int mn_redis_line_good(const mn_redis_line *r) {
    return !r->broken;
}

int mn_redis_line_fd(const mn_redis_line *r) {
    return mn_line_fd(r->line);
}

/* ---- opening ------------------------------------------------------------------------------- */
static int greet(mn_redis_line *r, const mn_redis_url *at, uint64_t deadline) {
    const char *word[] = {"AUTH", at->user, at->password};
    char db[16];
    mn_redis_reply *reply = NULL;
    if (*at->password) {
        const int named = *at->user && strcmp(at->user, "default") != 0;
        const char *const plain[] = {"AUTH", at->password};
        MN_TRY(mn_redis_line_ask(r, deadline, &reply, named ? 3 : 2, named ? word : plain, NULL));
        mn_redis_reply_free(&reply);
    }
    snprintf(db, sizeof db, "%d", at->db);
    const char *const select[] = {"SELECT", db};
    MN_TRY(mn_redis_line_ask(r, deadline, &reply, 2, select, NULL));
    mn_redis_reply_free(&reply);
    return 0;
}

int mn_redis_line_open(const mn_redis_url *at, uint64_t deadline, mn_redis_line **out) {
    static hi_makers makers = {make_text, make_list, make_number, make_nil, release};
    const mn_hiredis *hi;
    *out = NULL;
    MN_TRY(mn_hiredis_load(&hi));
    mn_redis_line *const r = *out = mn_calloc(1, sizeof *r);
    if (!r) return MN_FAIL(MN_ENOMEM, "no memory for a connection to Redis");
    r->hi = hi;
    int rc = mn_line_open(at->host, at->port, at->tls, deadline, &r->line);
    if (rc >= 0 && !(r->reader = hi->ReaderCreateWithFunctions(&makers)))
        rc = MN_FAIL(MN_ENOMEM, "no memory for a connection to Redis");
    if (rc >= 0) rc = greet(r, at, deadline);
    if (rc < 0) mn_redis_line_close(out);
    return rc;
}

void mn_redis_line_close(mn_redis_line **line) {
    mn_redis_line *const r = *line;
    if (!r) return;
    if (r->reader) r->hi->ReaderFree(r->reader);
    mn_line_close(&r->line);
    mn_buf_free(&r->queue);
    mn_free(r);
    *line = NULL;
}
