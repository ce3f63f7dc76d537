/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_call.c - skills that are functions of the embedding program, each call in a thread.
 *
 * A function can be asked to stop, not made to: it looks at mn_skill_call_stopped, or sleeps in
 * mn_skill_call_sleep, which ends at once. One that does not come back within GRACE of being asked
 * is given up: its call ends ("hung"), its thread goes on by itself, and no other
 * call is taken until it has come back. What the thread needs is counted, so the last of thread and
 * host frees it. Who needs more than that writes a program (skill_mcp.c), which can be killed.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "fleet/skill.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { GRACE_MS = 40, CLOSE_MS = 2000 };
enum { MS = 1000000 };

typedef int (*run_fn)(void *user, mn_skill_call *call, const json_t *args, json_t **result);

struct mn_skill_call {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    int holders; /* thread and host */
    int bell;    /* the host's eventfd; -1: it is gone */
    int stop, done, rc;
    double progress;
    char code[32], text[512], sentence[512]; /* said by the function; of the error it returned */
    json_t *args, *result;
    run_fn run;
    void *user;
};

typedef struct row {
    run_fn run;
    void *user;
} row;
typedef struct calls {
    mn_skill_host host; /* first */
    mn_skills skills;
    row *row; /* one for each of skills */
    int bell;
    mn_skill_call *now;   /* what runs, or what was given up and has not come back */
    int given_up;         /* `now` has ended for who asked */
    char skill[64];       /* its name */
    uint64_t until;       /* ns of the board: it may take so long */
    double limit;         /* s, the same */
    uint64_t asked;       /* mn_clock_ns when it was told to stop; 0: it was not */
    const char *asked_as; /* "cancelled", "timeout" */
    int unread;           /* 1: `end` waits to be looked at */
    mn_skill_end end;
} calls;

/* ---- the thread's side --------------------------------------------------------------------- */
static void release(mn_skill_call *c) {
    pthread_mutex_lock(&c->lock);
    const int left = --c->holders;
    pthread_mutex_unlock(&c->lock);
    if (left) return;
    json_decref(c->args);
    json_decref(c->result);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    mn_free(c);
}

/* Under the lock, so that the bell is not closed meanwhile. */
static void ring(const mn_skill_call *c) {
    const uint64_t one = 1;
    if (c->bell >= 0 && write(c->bell, &one, sizeof one) < 0) return; /* it is full: it rings */
}

static void *call_main(void *of) {
    mn_skill_call *const c = of;
    json_t *result = NULL;
    const int rc = c->run(c->user, c, c->args, &result);
    pthread_mutex_lock(&c->lock);
    c->result = result;
    c->rc = rc;
    if (rc < 0) snprintf(c->sentence, sizeof c->sentence, "%s", mn_error_detail());
    c->done = 1;
    ring(c);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    release(c);
    return NULL;
}

static int locked(const mn_skill_call *call, mn_skill_call **c) {
    *c = (mn_skill_call *)(uintptr_t)call;
    return pthread_mutex_lock(&(*c)->lock);
}

int mn_skill_call_stopped(const mn_skill_call *call) {
    mn_skill_call *c;
    locked(call, &c);
    const int stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static struct timespec time_of(uint64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
                             .tv_nsec = (long)(ns % 1000000000u)};
}

/* Until one of both is set, or the clock says so. Under the lock. */
static int wait_for(mn_skill_call *c, const int *what, uint64_t until) {
    const struct timespec t = time_of(until);
    while (!*what && pthread_cond_timedwait(&c->changed, &c->lock, &t) != ETIMEDOUT) {
    }
    return *what;
}

int mn_skill_call_sleep(mn_skill_call *c, double seconds) {
    const double most = seconds > 0 ? (seconds < 86400 ? seconds : 86400) : 0;
    pthread_mutex_lock(&c->lock);
    const int stop = wait_for(c, &c->stop, mn_clock_ns() + (uint64_t)(most * 1e9));
    pthread_mutex_unlock(&c->lock);
    return stop;
}

void mn_skill_call_progress(mn_skill_call *c, double progress) {
    pthread_mutex_lock(&c->lock);
    c->progress = progress < 0 ? 0 : progress > 1 ? 1 : progress;
    ring(c);
    pthread_mutex_unlock(&c->lock);
}

int mn_skill_call_fail(mn_skill_call *c, const char *code, const char *format, ...) {
    va_list list;
    va_start(list, format);
    pthread_mutex_lock(&c->lock);
    snprintf(c->code, sizeof c->code, "%s", code);
    vsnprintf(c->text, sizeof c->text, format, list);
    pthread_mutex_unlock(&c->lock);
    va_end(list);
    return MN_FAIL(MN_EINVAL, "%s: %s", c->code, c->text);
}

/* ---- the host's side ----------------------------------------------------------------------- */
static int list(mn_skill_host *host, json_t **manifests) {
    const calls *const h = (const calls *)host;
    json_t *const all = json_array();
    int rc = all ? 0 : -1;
    for (int i = 0; rc == 0 && i < h->skills.n; i++)
        rc = json_array_append(all, h->skills.skill[i].json);
    *manifests = NULL;
    if (rc < 0) {
        json_decref(all);
        return MN_FAIL(MN_ENOMEM, "no memory for a list of skills");
    }
    *manifests = all;
    return 0;
}

static int make_call(calls *h, const row *r, const json_t *args, mn_skill_call **out) {
    mn_skill_call *const c = mn_calloc(1, sizeof *c);
    *out = NULL;
    if (!c) return MN_FAIL(MN_ENOMEM, "no memory to call a skill");
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, &how);
    pthread_condattr_destroy(&how);
    c->holders = 1;
    c->bell = h->bell;
    c->progress = -1;
    c->run = r->run;
    c->user = r->user;
    c->args = args ? json_deep_copy(args) : json_object();
    if (!c->args) {
        release(c);
        return MN_FAIL(MN_ENOMEM, "no memory to call a skill");
    }
    *out = c;
    return 0;
}

/* Signals are the program's business: the thread takes none. */
static int start_thread(mn_skill_call *c) {
    pthread_t thread;
    sigset_t all, old;
    sigfillset(&all);
    c->holders++;
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int e = pthread_create(&thread, NULL, call_main, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (e) {
        c->holders--;
        return MN_FAIL(MN_ENOMEM, "no thread could be started for a skill: %s", strerror(e));
    }
    pthread_detach(thread);
    return 0;
}

int mn_skill_host_stuck(mn_skill_host *host) {
    calls *const h = (calls *)host;
    if (!h->now || !h->given_up) return 0;
    pthread_mutex_lock(&h->now->lock);
    const int done = h->now->done;
    pthread_mutex_unlock(&h->now->lock);
    return !done;
}

/* An end before anything has begun. */
static int refuse(calls *h, const char *code, const char *why) {
    h->unread = 1;
    return mn_skill_end_set(&h->end, code, "%s", why);
}

static int start(mn_skill_host *host, const char *skill, const json_t *args, uint64_t now) {
    calls *const h = (calls *)host;
    if (h->unread || (h->now && !h->given_up))
        return MN_FAIL(MN_EBUSY, "%s runs; one skill at a time", h->skill);
    const mn_skill *const s = mn_skills_find(&h->skills, skill);
    char why[512];
    snprintf(why, sizeof why, "there is no skill '%.63s' here", skill);
    if (!s) return refuse(h, "unknown", why);
    if (mn_skill_args_check(s, args) < 0) return refuse(h, "arguments", mn_error_detail());
    if (h->now) {
        const int done = !mn_skill_host_stuck(host);
        snprintf(why, sizeof why,
                 "%s was told to stop and has not come back yet; nothing else can run before",
                 h->skill);
        if (!done) return refuse(h, "hung", why);
        release(h->now);
        h->now = NULL;
    }
    h->given_up = 0;
    mn_skill_call *c;
    MN_TRY(make_call(h, &h->row[s - h->skills.skill], args, &c));
    const int rc = start_thread(c);
    if (rc < 0) {
        release(c);
        return rc;
    }
    h->now = c;
    h->asked = 0;
    h->limit = s->limit;
    h->until = now + (uint64_t)(s->limit * 1e9);
    snprintf(h->skill, sizeof h->skill, "%s", skill);
    return 0;
}

static void ask_to_stop(calls *h, const char *as) {
    if (!h->now || h->given_up || h->asked) return;
    h->asked = mn_clock_ns();
    h->asked_as = as;
    pthread_mutex_lock(&h->now->lock);
    h->now->stop = 1;
    pthread_cond_broadcast(&h->now->changed);
    pthread_mutex_unlock(&h->now->lock);
}

/* It was told to stop, and has come back, or goes on. */
static int say_stopped(calls *h, int goes_on, mn_skill_end *end) {
    const char *const code = goes_on ? "hung" : h->asked_as;
    const char *const rest = goes_on ? ", and went on when it was told to stop" : "";
    return strcmp(h->asked_as, "timeout")
               ? mn_skill_end_set(end, code, "%s was stopped%s", h->skill, rest)
               : mn_skill_end_set(end, code, "%s had not ended after %g s%s", h->skill, h->limit,
                                  rest);
}

/* The function has come back: what it says counts, but for what was stopped. */
static int say_done(calls *h, mn_skill_end *end) {
    mn_skill_call *const c = h->now;
    if (c->rc < 0 && h->asked) return say_stopped(h, 0, end);
    if (c->rc < 0)
        return mn_skill_end_set(end, *c->code ? c->code : "failed", "%s",
                                *c->code ? c->text : c->sentence);
    if (c->result && !json_is_object(c->result))
        return mn_skill_end_set(end, "garbage", "the result of %s is no object", h->skill);
    MN_TRY(mn_skill_end_set(end, "", "%s", ""));
    end->result = c->result;
    c->result = NULL;
    return 0;
}

static void quiet_bell(calls *h) {
    uint64_t n;
    if (read(h->bell, &n, sizeof n) < 0) return; /* it did not ring */
}

static int look(mn_skill_host *host, uint64_t now, uint64_t *again, double *progress,
                mn_skill_end *end) {
    calls *const h = (calls *)host;
    *again = UINT64_MAX;
    *progress = -1;
    quiet_bell(h);
    if (h->unread) {
        mn_skill_end_free(end);
        *end = h->end;
        h->end = (mn_skill_end){.ok = 0};
        h->unread = 0;
        return 1;
    }
    mn_skill_call *const c = h->now;
    if (!c || h->given_up) return 0;
    if (now >= h->until) {
        ask_to_stop(h, "timeout");
        h->asked_as = "timeout"; /* who calls may have told it just now */
    }
    pthread_mutex_lock(&c->lock);
    const int done = c->done;
    *progress = c->progress;
    pthread_mutex_unlock(&c->lock);
    const uint64_t gone = h->asked ? mn_clock_ns() - h->asked : 0;
    if (!done && (!h->asked || gone < (uint64_t)GRACE_MS * MS)) {
        *again = h->asked ? now + (uint64_t)GRACE_MS * MS - gone : h->until;
        return 0;
    }
    MN_TRY(done ? say_done(h, end) : say_stopped(h, 1, end));
    h->given_up = !done;
    if (!done) return 1;
    release(c);
    h->now = NULL;
    return 1;
}

static void cancel(mn_skill_host *host) {
    ask_to_stop((calls *)host, "cancelled");
}

static int fd(mn_skill_host *host) {
    return ((calls *)host)->bell;
}

static void close_host(mn_skill_host **host) {
    calls *const h = (calls *)*host;
    if (!h) return;
    *host = NULL;
    if (h->now) {
        cancel(&h->host);
        pthread_mutex_lock(&h->now->lock);
        wait_for(h->now, &h->now->done, mn_clock_ns() + (uint64_t)CLOSE_MS * MS);
        h->now->bell = -1;
        pthread_mutex_unlock(&h->now->lock);
        release(h->now);
    }
    if (h->bell >= 0) close(h->bell);
    mn_skill_end_free(&h->end);
    mn_skills_free(&h->skills);
    mn_free(h->row);
    mn_free(h);
}

static const mn_skill_host_ops ops = {.name = "calls",
                                      .list = list,
                                      .start = start,
                                      .look = look,
                                      .cancel = cancel,
                                      .fd = fd,
                                      .close = close_host};

int mn_skill_host_calls(mn_skill_host **out) {
    calls *const h = mn_calloc(1, sizeof *h);
    *out = NULL;
    if (!h) return MN_FAIL(MN_ENOMEM, "no memory for a host of skills");
    h->host.ops = &ops;
    h->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (h->bell < 0) {
        mn_free(h);
        return MN_FAIL(MN_EIO, "cannot make an eventfd: %s", strerror(errno));
    }
    *out = &h->host;
    return 0;
}

int mn_skill_host_add(mn_skill_host *host, const json_t *manifest, run_fn run, void *user) {
    calls *const h = (calls *)host;
    if (host->ops != &ops) return MN_FAIL(MN_EINVAL, "this host of skills takes no functions");
    row *const more = mn_realloc(h->row, ((size_t)h->skills.n + 1) * sizeof *more);
    if (!more) return MN_FAIL(MN_ENOMEM, "no memory for one more skill");
    h->row = more;
    MN_TRY(mn_skills_add(&h->skills, manifest));
    const char *const name = json_string_value(json_object_get(manifest, "name"));
    h->row[mn_skills_find(&h->skills, name) - h->skills.skill] = (row){run, user};
    host->changed++;
    return 0;
}
