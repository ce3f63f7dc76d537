/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/batch.c - a batch: requests that come from a file instead of a connection.
 *
 * The caller's thread reads lines, and keeps replies as they come (serve/lines.h). The HTTP thread
 * makes an exchange of each, which goes the way of all others: fields, model, loop, teller; only
 * who hears the reply is another (x->heard). A flight is one line between the two threads; the
 * lock of the letter box guards the lists. A reply 429 or 503 says that too much was asked at
 * once: the line comes again, and fewer are in the air then.
 */
#include "serve/serve.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "serve/lines.h"
#include "serve/route.h"
#include "serve/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 1024, AT_ONCE = 16 /* exchanges made before others have a turn */, LOOK_MS = 100 };
enum { TRIES = 1000, BAD_MOST = 100, CHECKED_AT_ONCE = 256 };

typedef struct batch batch;
typedef struct flight flight;
struct flight {
    batch *of;
    int line, status;
    const mn_route *route;
    mn_exchange *x;
    mn_buf body, reply;
    flight *next;              /* of the queue it is in */
    flight *before, *after;    /* of those in the air */
    int read, cached, written; /* tokens */
};

struct batch {
    mn_letter letter; /* there is something to ask, or all shall end */
    mn_serve *server;
    const mn_batch_options *o;
    mn_batch_result *result;
    mn_lines lines;
    int next;            /* line */
    int *again, n_again; /* lines that come again */
    int *tries;          /* [lines.n] */
    int window;
    /* Under the lock of the letter box. */
    pthread_cond_t landed;
    flight *asked, **asked_end, *done, **done_end;
    flight *air; /* the HTTP thread's */
    int flying;  /* asked, in the air or done */
    int stop;
};

/* ---- the HTTP thread ------------------------------------------------------------------------ */
static void land(flight *f) {
    batch *b = f->of;
    mn_mail_lock(&b->server->mail);
    f->next = NULL;
    *b->done_end = f;
    b->done_end = &f->next;
    pthread_cond_signal(&b->landed);
    mn_mail_unlock(&b->server->mail); /* from here on the batch may be gone */
}

static void heard(mn_exchange *x) {
    flight *f = x->hearer;
    batch *b = f->of;
    f->status = x->status;
    f->reply = x->reply;
    x->reply = (mn_buf){0};
    f->read = x->prompt_tokens - x->cached_tokens;
    f->cached = x->cached_tokens;
    f->written = x->tokens;
    if (f->before)
        f->before->after = f->after;
    else
        b->air = f->after;
    if (f->after) f->after->before = f->before;
    x->heard = NULL;
    land(f);
    mn_exchange_release(x);
}

static void take_off(flight *f) {
    batch *b = f->of;
    mn_exchange *x = b->server->stopping ? NULL : mn_exchange_new(b->server);
    if (!x) {
        f->status = 503;
        return land(f);
    }
    f->before = NULL;
    if ((f->after = b->air)) b->air->before = f;
    b->air = f;
    f->x = x;
    x->heard = heard;
    x->hearer = f;
    x->head.method = "POST";
    x->head.path = f->route->path;
    x->route = f->route;
    x->loopback = x->local = 1;
    x->key = b->o->key;
    if (b->o->tenant) memcpy(x->tenant, b->o->tenant, sizeof x->tenant);
    x->has_tenant = b->o->tenant != NULL;
    f->body.limit = x->body.limit;
    x->body = f->body;
    f->body = (mn_buf){0};
    mn_route_run(x);
}

static void read_letter(mn_letter *letter) {
    batch *b = (batch *)letter;
    mn_mail *mail = &b->server->mail;
    for (int i = 0; i < AT_ONCE; i++) {
        mn_mail_lock(mail);
        flight *f = b->asked;
        if (f && !(b->asked = f->next)) b->asked_end = &b->asked;
        mn_mail_unlock(mail);
        if (!f) break;
        take_off(f);
    }
    mn_mail_lock(mail);
    const int stop = b->stop;
    if (b->asked) mn_mail_post(mail, letter);
    mn_mail_unlock(mail);
    if (!stop) return;
    for (flight *f = b->air, *after; f; f = after) {
        after = f->after;
        if (f->x->gone) f->x->gone(f->x); /* the loop says so within a step */
    }
    mn_mail_lock(mail);
    if (!letter->posted) b->stop = 2; /* the last look at this batch was that */
    pthread_cond_signal(&b->landed);
    mn_mail_unlock(mail);
}

/* ---- the caller's thread -------------------------------------------------------------------- */
static const mn_route *route_of(const char *url) {
    enum { ANY = MN_IN_CHAT | MN_IN_TEXT | MN_IN_EMBED | MN_IN_RESPONSES };
    for (const mn_route *r = mn_routes; r->path; r++)
        if (r->fields & ANY && strcmp(r->path, url) == 0) return r;
    return NULL;
}

int mn_batch_takes(const char *url) {
    return route_of(url) != NULL;
}

/* A line is no request to what the batch is for; returns as mn_lines_request does. */
static int wrong_url(batch *b, int i) {
    char why[200];
    snprintf(why, sizeof why, "line %d: url must be %s", i + 1,
             b->o->endpoint ? b->o->endpoint
                            : "/v1/chat/completions, /v1/completions, /v1/responses or "
                              "/v1/embeddings");
    MN_TRY(mn_lines_refuse(&b->lines, i, "invalid_url", why));
    return 1;
}

/* Those in the air give theirs back; then the line comes again. */
static int no_memory(batch *b, int i) {
    if (!b->flying) return MN_FAIL(MN_ENOMEM, "no memory for a request");
    b->again[b->n_again++] = i;
    b->window = b->flying;
    return 0;
}

/* Line i as a flight, in *out; NULL: it has been refused, or comes again. */
static int board(batch *b, int i, flight **out) {
    json_t *line = NULL, *body;
    const char *url;
    *out = NULL;
    int rc = mn_lines_request(&b->lines, i, &line, &url, &body);
    const mn_route *route = rc == 0 ? route_of(url) : NULL;
    if (rc == 0 && !route) rc = wrong_url(b, i);
    flight *f = rc == 0 ? mn_calloc(1, sizeof *f) : NULL;
    if (rc == 0 && !f) rc = MN_FAIL(MN_ENOMEM, "no memory for a request");
    if (f) {
        *f = (flight){.of = b, .line = i, .route = route, .body = {.what = "a request"}};
        if (mn_json_write(body, JSON_COMPACT, &f->body) < 0) {
            rc = no_memory(b, i);
            mn_buf_free(&f->body);
            mn_free(f);
        } else
            *out = f;
    }
    json_decref(line);
    return rc < 0 ? rc : 0;
}

static int next_line(batch *b) {
    if (b->n_again) return b->again[--b->n_again];
    while (b->next < b->lines.n && b->lines.line[b->next].where != MN_LINE_OPEN) b->next++;
    return b->next < b->lines.n ? b->next++ : -1;
}

/* Ask for lines while fewer than the window are in the air. */
static int fill(batch *b) {
    while (b->flying < b->window) {
        const int i = next_line(b);
        flight *f = NULL;
        if (i < 0) return 0;
        MN_TRY(board(b, i, &f));
        if (!f) continue;
        mn_mail_lock(&b->server->mail);
        b->flying++;
        *b->asked_end = f;
        b->asked_end = &f->next;
        mn_mail_post(&b->server->mail, &b->letter);
        mn_mail_unlock(&b->server->mail);
    }
    return 0;
}

/* One that has landed: its reply is kept, or it flies again. */
static int arrive(batch *b, flight *f) {
    int rc = 0;
    b->flying--;
    if ((f->status == 503 || f->status == 429) && ++b->tries[f->line] < TRIES && !b->stop) {
        b->again[b->n_again++] = f->line;
        b->window = b->flying > 1 ? b->flying : 1;
    } else if (!b->stop || f->status == 200) {
        rc = mn_lines_reply(&b->lines, f->line, f->status, f->reply.data, f->reply.len);
        b->result->read += (uint64_t)(f->read > 0 ? f->read : 0);
        b->result->cached += (uint64_t)f->cached;
        b->result->written += (uint64_t)f->written;
    }
    mn_buf_free(&f->body);
    mn_buf_free(&f->reply);
    mn_free(f);
    return rc;
}

/* The next that has landed; NULL: none did for a while. */
static flight *wait_for_one(batch *b) {
    struct timespec until;
    mn_mail *mail = &b->server->mail;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    mn_mail_lock(mail);
    int late = 0;
    while (!b->done && !late) late = pthread_cond_timedwait(&b->landed, &mail->lock, &until) != 0;
    flight *f = b->done;
    if (f && !(b->done = f->next)) b->done_end = &b->done;
    mn_mail_unlock(mail);
    return f;
}

static void count(const batch *b) {
    b->result->lines = b->lines.n;
    b->result->refused = b->lines.refused;
    b->result->answered = b->lines.n - b->lines.open - b->lines.refused;
}

static int tell(const batch *b, const char *what) {
    const mn_progress *p = &b->o->progress;
    const uint64_t all = (uint64_t)b->lines.n, open = (uint64_t)b->lines.open;
    count(b);
    return p->report && p->report(p->user, what, all - open, all)
               ? MN_FAIL(MN_ECANCELLED,
                         "stopped: %llu of %llu lines are answered; the same command "
                         "goes on from there",
                         (unsigned long long)(all - open), (unsigned long long)all)
               : 0;
}

/* Nothing more is asked, and what is in the air comes down. */
static void stop(batch *b) {
    mn_mail *mail = &b->server->mail;
    mn_mail_lock(mail);
    b->stop = 1;
    flight *f = b->asked;
    b->asked = NULL;
    b->asked_end = &b->asked;
    mn_mail_post(mail, &b->letter);
    while (b->stop == 1) pthread_cond_wait(&b->landed, &mail->lock);
    mn_mail_unlock(mail);
    for (flight *next; f; f = next) {
        next = f->next;
        f->status = 0;
        arrive(b, f);
    }
    while (b->flying)
        if ((f = wait_for_one(b))) arrive(b, f);
}

static int fly(batch *b) {
    int rc = 0;
    while (rc >= 0 && (b->lines.open || b->flying)) {
        rc = tell(b, "answering");
        if (rc >= 0) rc = fill(b);
        flight *f = rc >= 0 && b->flying ? wait_for_one(b) : NULL;
        if (f && f->status == 200 && b->window < b->o->window) b->window++;
        if (f) rc = arrive(b, f);
        if (!b->flying && b->n_again) nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    char why[1024];
    if (rc < 0) strncpy(why, mn_error_detail(), sizeof why - 1)[sizeof why - 1] = 0;
    stop(b);
    return rc < 0 ? MN_FAIL(rc, "%s", why) : 0;
}

/* ---- before and after ------------------------------------------------------------------------ */

static void tell_bad(const batch *b, int i) {
    json_error_t error;
    json_t *said = json_loads(b->lines.line[i].said, 0, &error),
           *why = json_object_get(said, "error");
    const char *code = json_string_value(json_object_get(why, "code"));
    const char *message = json_string_value(json_object_get(why, "message"));
    if (b->o->bad && code && message) b->o->bad(b->o->user, i + 1, code, message);
    json_decref(said);
}

/* Is each line a request to the endpoint? */
static int check(batch *b) {
    const mn_lines *l = &b->lines;
    int bad = 0;
    for (int i = 0; i < l->n && bad < BAD_MOST; i++) {
        json_t *line = NULL, *body;
        const char *url;
        if (i % CHECKED_AT_ONCE == 0) MN_TRY(tell(b, "checking"));
        int rc = l->line[i].where == MN_LINE_OPEN
                     ? mn_lines_request(&b->lines, i, &line, &url, &body)
                     : 1;
        if (rc == 0 && strcmp(url, b->o->endpoint) != 0) rc = wrong_url(b, i);
        json_decref(line);
        MN_TRY(rc);
        if (l->line[i].where != MN_LINE_SAID) continue;
        tell_bad(b, i);
        bad++;
    }
    return bad ? MN_FAIL(MN_EINVAL, "%d of %d lines are no requests to %s; nothing was asked", bad,
                         l->n, b->o->endpoint)
               : 0;
}

/* It ended with rc: write what there is. */
static int finish(batch *b, int rc) {
    mn_lines *l = &b->lines;
    const char *code = NULL, *message = NULL;
    char why[1024];
    if (rc >= 0) rc = tell(b, "writing");
    if (rc >= 0) return mn_lines_finish(l);
    snprintf(why, sizeof why, "%s", mn_error_detail());
    count(b);
    int more = b->o->rest && b->o->rest(b->o->user, rc, &code, &message);
    for (int i = 0; more && code && i < l->n; i++)
        if (l->line[i].where == MN_LINE_OPEN) more = mn_lines_refuse(l, i, code, message) >= 0;
    if (more && mn_lines_finish(l) < 0) more = 0; /* OUT.part has it still */
    return MN_FAIL(rc, "%s", why);
}

static int start(batch *b) {
    const mn_batch_options *o = b->o;
    const mn_lines_files files = {.in = o->in,
                                  .out = o->out,
                                  .errors = o->errors,
                                  .salt = o->salt ? o->salt : "",
                                  .lines = o->lines,
                                  .line = o->line,
                                  .bytes = o->bytes};
    MN_TRY(mn_lines_open(&files, &b->lines));
    b->result->kept = b->lines.kept;
    MN_TRY(tell(b, "checking"));
    b->again = mn_calloc((size_t)b->lines.n, sizeof *b->again);
    b->tries = mn_calloc((size_t)b->lines.n, sizeof *b->tries);
    if (!b->again || !b->tries) return MN_FAIL(MN_ENOMEM, "no memory for a batch");
    return o->endpoint ? check(b) : 0;
}

int mn_batch_run(mn_serve *s, const mn_batch_options *options, mn_batch_result *out) {
    mn_batch_options o = *options;
    if (o.window <= 0) o.window = WINDOW;
    batch b = {.server = s, .o = &o, .result = out, .window = o.window, .letter.read = read_letter};
    *out = (mn_batch_result){0};
    b.asked_end = &b.asked;
    b.done_end = &b.done;
    pthread_cond_init(&b.landed, NULL);
    int rc = start(&b);
    if (rc >= 0) rc = fly(&b);
    if (b.lines.fd >= 0 && rc != MN_EINVAL) rc = finish(&b, rc);
    pthread_cond_destroy(&b.landed);
    mn_free(b.again);
    mn_free(b.tries);
    mn_lines_close(&b.lines);
    return rc;
}
