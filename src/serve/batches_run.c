/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/batches_run.c - the threads that batches run on, and how one ends.
 *
 * A runner takes the oldest batch that may run, and drives mn_batch_run, whose progress it makes
 * visible. What the state of the machine makes fail (no memory, a full disk) is tried again for a
 * few minutes before the batch fails with what it has.
 */
#include "serve/batches.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "serve/files.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 30, WAIT_SECONDS = 10, SLOTS = 64, SHARE = 4 };

typedef struct run {
    mn_serve *server;
    mn_batch *b;
    mn_batch_result result;
} run;

/* ---- what mn_batch_run asks, on a runner ----------------------------------------------------- */

static int report(void *user, const char *what, uint64_t done, uint64_t total) {
    run *r = user;
    mn_shelf *s = &r->server->shelf;
    mn_batch *b = r->b;
    pthread_mutex_lock(&s->lock);
    if (r->result.answered > b->answered) b->tries = 0;
    b->total = r->result.lines;
    b->answered = r->result.answered;
    b->refused = r->result.refused;
    if (strcmp(what, "answering") == 0 && b->status == MN_BATCH_VALIDATING)
        mn_batches_enter(s, b, MN_BATCH_IN_PROGRESS);
    if (strcmp(what, "writing") == 0 && b->status < MN_BATCH_FINALIZING)
        mn_batches_enter(s, b, MN_BATCH_FINALIZING);
    if ((int64_t)time(NULL) >= b->expires) b->late = 1;
    const int end = s->stop || b->late || b->status == MN_BATCH_CANCELLING;
    pthread_mutex_unlock(&s->lock);
    return end;
}

static void add_error(mn_batch *b, const char *code, const char *message, int line) {
    if (!b->errors) b->errors = json_array();
    json_array_append_new(b->errors,
                          json_pack("{s:s, s:s, s:n, s:o}", "code", code, "message", message,
                                    "param", "line", line ? json_integer(line) : json_null()));
}

static void bad(void *user, int line, const char *code, const char *message) {
    run *r = user;
    pthread_mutex_lock(&r->server->shelf.lock);
    add_error(r->b, code, message, line);
    pthread_mutex_unlock(&r->server->shelf.lock);
}

/* The machine's fault, and maybe over soon. */
static int may_pass(const mn_batch *b, int rc) {
    return b->tries < TRIES &&
           (rc == MN_EFULL || rc == MN_ENOMEM || rc == MN_EIO || rc == MN_EBUSY);
}

static int rest(void *user, int rc, const char **code, const char **message) {
    run *r = user;
    mn_shelf *s = &r->server->shelf;
    pthread_mutex_lock(&s->lock);
    const mn_batch *b = r->b;
    const int cancelled = b->status == MN_BATCH_CANCELLING;
    const int ends = cancelled || b->late || (rc != MN_ECANCELLED && !may_pass(b, rc));
    if (b->late && !cancelled) {
        *code = "batch_expired";
        *message = "the time of the batch was over before this line was answered";
    }
    pthread_mutex_unlock(&s->lock);
    return ends;
}

/* ---- the end of a batch, with the lock held -------------------------------------------------- */

/* A file the batch has written, if it has: 1; 0: it has not. */
static int attach(mn_shelf *s, const mn_batch *b, const char *id, const char *what) {
    mn_buf path = {0};
    char name[96];
    uint64_t bytes = 0;
    int rc = mn_shelf_path(s, id, "", &path);
    if (rc >= 0) rc = mn_file_stat(path.data, &bytes, NULL);
    mn_buf_free(&path);
    if (rc == MN_ENOENT || (rc >= 0 && !bytes)) return 0;
    MN_TRY(rc);
    snprintf(name, sizeof name, "%s_%s.jsonl", b->item.id, what);
    MN_TRY(mn_files_made(s, &b->item, id, name, bytes));
    return 1;
}

static void try_again(mn_batch *b) {
    b->tries++;
    b->not_yet = mn_clock_seconds() + WAIT_SECONDS;
}

/* Nothing of it is left to be done; unless its files cannot be had now: it ends with them only. */
static void settle(mn_shelf *s, mn_batch *b, mn_batch_status status) {
    mn_buf part = {0};
    mn_file *in = mn_files_find(s, b->item.tenant, b->in);
    const int out = attach(s, b, b->out, "output"), err = attach(s, b, b->err, "error");
    if ((out < 0 || err < 0) && b->tries < TRIES) return try_again(b);
    if (in && in->users) in->users--;
    b->has_out = out != 0;
    b->has_err = err != 0;
    if (mn_shelf_path(s, b->out, ".part", &part) >= 0) unlink(part.data);
    mn_buf_free(&part);
    mn_batches_enter(s, b, status);
}

/* Why it failed, in words for its client: the paths of the server are its own. */
static void explain(const mn_shelf *s, mn_batch *b, int rc, const char *detail) {
    const int ours = strstr(detail, s->folder) || rc == MN_EIO;
    if (rc == MN_EINVAL && b->errors) return; /* line by line */
    add_error(b,
              rc == MN_EINVAL     ? "invalid_file"
              : rc == MN_ETOOLONG ? "too_large"
                                  : "server_error",
              ours ? "the server cannot read or write the files of this batch" : detail, 0);
}

static void ended(mn_shelf *s, mn_batch *b, int rc, const char *detail) {
    if (rc >= 0)
        settle(s, b, MN_BATCH_COMPLETED);
    else if (b->status == MN_BATCH_CANCELLING)
        settle(s, b, MN_BATCH_CANCELLED);
    else if (b->late)
        settle(s, b, MN_BATCH_EXPIRED);
    else if (rc == MN_ECANCELLED)
        return; /* the server ends: the next one goes on */
    else if (may_pass(b, rc))
        try_again(b);
    else {
        explain(s, b, rc, detail);
        settle(s, b, MN_BATCH_FAILED);
    }
}

/* ---- runners --------------------------------------------------------------------------------- */

/* The key it was made with; *known 0: that key is no longer one of ours. */
static const char *key_of(const mn_serve *server, const mn_batch *b, int *known) {
    static const uint8_t nobody[32];
    const mn_auth_key *key = mn_auth_of(&server->auth, b->item.tenant);
    *known = key || (!server->auth.n && memcmp(b->item.tenant, nobody, sizeof nobody) == 0);
    return key ? key->name : NULL;
}

static int tenant_runs(const mn_shelf *s, const mn_batch *b) {
    for (const mn_item *i = s->batches; i; i = i->next)
        if (((const mn_batch *)i)->runs && memcmp(i->tenant, b->item.tenant, 32) == 0) return 1;
    return 0;
}

/* The oldest that may run; one that only has to end need not wait for its tenant's others. */
static mn_batch *next_batch(const mn_serve *server) {
    const mn_shelf *s = &server->shelf;
    const double now = mn_clock_seconds();
    const int64_t today = (int64_t)time(NULL);
    mn_batch *found = NULL;
    for (mn_item *i = s->batches; i; i = i->next) {
        mn_batch *b = (mn_batch *)i;
        int known;
        if (!mn_batch_is_live(b) || b->runs || now < b->not_yet) continue;
        key_of(server, b, &known);
        const int ends = b->status == MN_BATCH_CANCELLING || today >= b->expires;
        if (ends || (known && !tenant_runs(s, b))) found = b;
    }
    return found;
}

/* Requests of one batch at once: all batches together have a share of the slots. */
static int window_of(const mn_serve *server, const mn_batch *b) {
    const int slots = server->options.loop.slots ? server->options.loop.slots : SLOTS;
    const int share = slots / SHARE / (server->shelf.running ? server->shelf.running : 1);
    if (strcmp(b->endpoint, "/v1/embeddings") == 0) return 1; /* a worker each, for long */
    return share > 0 ? share : 1;
}

static void paths_of(const mn_shelf *s, const mn_batch *b, mn_buf path[3], int *rc) {
    const char *const name[3] = {b->in, b->out, b->err};
    for (int i = 0; i < 3 && *rc >= 0; i++) *rc = mn_shelf_path(s, name[i], "", &path[i]);
}

/* With the lock held, and given up meanwhile. */
static void run_one(mn_serve *server, mn_batch *b) {
    mn_shelf *s = &server->shelf;
    run r = {.server = server, .b = b};
    mn_buf path[3] = {{0}};
    char detail[512] = "";
    int rc = 0, known;
    paths_of(s, b, path, &rc);
    const char *key = key_of(server, b, &known);
    mn_batch_options o = {.in = path[0].data,
                          .out = path[1].data,
                          .errors = path[2].data,
                          .salt = b->item.id,
                          .endpoint = b->endpoint,
                          .lines = MN_LINES,
                          .line = server->options.body,
                          .bytes = mn_files_room(s, b->item.tenant),
                          .window = window_of(server, b),
                          .tenant = key ? b->item.tenant : NULL,
                          .key = key,
                          .progress = {report, &r},
                          .bad = bad,
                          .rest = rest,
                          .user = &r};
    json_decref(b->errors);
    b->errors = NULL;
    pthread_mutex_unlock(&s->lock);
    if (rc >= 0) rc = mn_batch_run(server, &o, &r.result);
    if (rc < 0) snprintf(detail, sizeof detail, "%s", mn_error_detail());
    for (int i = 0; i < 3; i++) mn_buf_free(&path[i]);
    pthread_mutex_lock(&s->lock);
    b->total = r.result.lines;
    b->answered = r.result.answered;
    b->refused = r.result.refused;
    ended(s, b, rc, detail);
}

static void *runner(void *user) {
    mn_serve *server = user;
    mn_shelf *s = &server->shelf;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct timespec soon;
        mn_batch *b = next_batch(server);
        if (b) {
            b->runs = 1;
            s->running++;
            if (next_batch(server) && mn_batches_wake(server) < 0) b->not_yet = 0;
            run_one(server, b);
            s->running--;
            b->runs = 0;
            continue;
        }
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec++; /* one may have to be tried again, or have expired */
        pthread_cond_timedwait(&s->more, &s->lock, &soon);
    }
    s->alive--;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int mn_batches_wake(mn_serve *server) {
    mn_shelf *s = &server->shelf;
    pthread_cond_broadcast(&s->more);
    if (s->n == MN_RUNNERS || s->running < s->n || s->stop) return 0;
    const int error = pthread_create(&s->thread[s->n], NULL, runner, server);
    if (error && !s->n) return MN_FAIL(MN_ENOMEM, "cannot start a thread: %s", strerror(error));
    if (error) return 0; /* those there are do it */
    s->n++;
    s->alive++;
    return 0;
}

void mn_batches_halt(mn_shelf *s) {
    pthread_mutex_lock(&s->lock);
    s->stop = 1;
    pthread_cond_broadcast(&s->more);
    pthread_mutex_unlock(&s->lock);
}

void mn_batches_close(mn_serve *server) {
    mn_shelf *s = &server->shelf;
    mn_batches_halt(s);
    for (int alive = 1; alive;) {
        mn_mail_read(&server->mail);
        pthread_mutex_lock(&s->lock);
        alive = s->alive;
        pthread_mutex_unlock(&s->lock);
        if (alive) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    for (int i = 0; i < s->n; i++) pthread_join(s->thread[i], NULL);
    s->n = 0;
}
