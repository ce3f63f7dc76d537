/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem_vectors.c - vectors of records: made after the fact, by whoever has time.
 *
 * A text of more tokens than the model reads is cut into pieces at spaces; its vector is the mean
 * of those of the first PIECES, brought to length 1. One process of a machine at a time makes
 * vectors of a store: others leave it to it.
 */
#include "api/mem.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum {
    BATCH = 32,
    PIECE = 1000, /* bytes: about 250 tokens */
    SMALL = 240,  /* bytes that are less tokens than any model reads */
    PIECES = 8,
    LOOK_MS = 500, /* how often the thread looks for what others added */
};

/* Whoever opened it. */
static int is_open(mn_mem *m) {
    return __atomic_load_n(&m->model, __ATOMIC_ACQUIRE) != NULL;
}

int mn_mem_model(mn_mem *m, int pull) {
    if (is_open(m) || strcmp(m->model_name, "none") == 0) return is_open(m);
    pthread_mutex_lock(&m->opening);
    mn_model *model = NULL;
    mn_model_info info;
    if (!m->model && (!m->refused || pull)) {
        const mn_model_options o = {
            .kind = MN_EMBEDS, .no_pull = !pull, .progress = m->options.progress};
        m->refused = mn_model_open(m->model_name, &o, &model) < 0;
        if (model) {
            mn_model_describe(model, &info);
            m->dim = info.n_embd;
            m->refused = mn_notes_model(m->notes, m->model_name, m->dim) < 0;
            if (m->refused)
                mn_model_close(&model);
            else
                __atomic_store_n(&m->model, model, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&m->opening);
    return is_open(m);
}

/* The end of the piece of a text that begins at `at`: behind a space, if there is one. */
static size_t piece_end(const char *text, size_t at, size_t n, size_t most) {
    if (n - at <= most) return n;
    size_t end = at + most;
    while (end > at + most / 2 && text[end - 1] != ' ' && text[end - 1] != '\n') end--;
    if (end > at + most / 2) return end;
    for (end = at + most; end > at + 1 && (text[end] & 0xc0) == 0x80;) end--;
    return end;
}

/* The mean of the vectors of a text's pieces of at most `most` bytes. */
static int by_pieces(mn_mem *m, const char *text, size_t n, size_t most, float *out) {
    mn_text piece[PIECES];
    int pieces = 0;
    for (size_t at = 0; at < n && pieces < PIECES;) {
        const size_t end = piece_end(text, at, n, most);
        piece[pieces++] = (mn_text){text + at, end - at};
        at = end;
    }
    float *const all = mn_malloc((size_t)pieces * (size_t)m->dim * sizeof *all);
    if (!all) return MN_FAIL(MN_ENOMEM, "no memory for the vector of a text");
    const int rc = mn_embed_all(m->model, piece, (size_t)pieces, all, NULL, NULL);
    double length = 0;
    for (int d = 0; d < m->dim && rc >= 0; d++) {
        out[d] = 0;
        for (int i = 0; i < pieces; i++) out[d] += all[(size_t)i * (size_t)m->dim + (size_t)d];
        length += (double)out[d] * (double)out[d];
    }
    for (int d = 0; d < m->dim && rc >= 0 && length > 0; d++)
        out[d] = (float)((double)out[d] / sqrt(length));
    mn_free(all);
    return rc;
}

/* A text that no model takes, whole or in pieces, has no vector: all zeroes. */
static int make_one(mn_mem *m, const char *text, size_t n, float *out) {
    int rc = n <= PIECE ? mn_embed(m->model, text, n, out, NULL) : MN_ETOOLONG;
    if (rc == MN_ETOOLONG) rc = by_pieces(m, text, n, PIECE, out);
    if (rc == MN_ETOOLONG) rc = by_pieces(m, text, n, SMALL, out);
    if (rc == MN_ENOMEM || rc == MN_EFULL) return rc;
    if (rc < 0) memset(out, 0, (size_t)m->dim * sizeof *out);
    return 0;
}

int mn_mem_vector(mn_mem *m, const char *text, size_t n, float *out) {
    if (!n || make_one(m, text, n, out) < 0) return 0;
    for (int d = 0; d < m->dim; d++)
        if (out[d] != 0) return 1;
    return 0;
}

static int make(void *user, const char *const *texts, const size_t *lengths, int n, float *out) {
    mn_mem *const m = user;
    mn_text text[BATCH] = {{0}};
    size_t longest = 0;
    for (int i = 0; i < n; i++) {
        text[i] = (mn_text){texts[i], lengths[i]};
        if (lengths[i] > longest) longest = lengths[i];
    }
    if (longest <= PIECE && mn_embed_all(m->model, text, (size_t)n, out, NULL, NULL) >= 0) return 0;
    for (int i = 0; i < n; i++)
        MN_TRY(make_one(m, texts[i], lengths[i], out + (size_t)i * (size_t)m->dim));
    return 0;
}

static int64_t make_all(mn_mem *m, int64_t us, const mn_progress *p) {
    const mn_vector_maker by = {.make = make, .user = m, .dim = m->dim};
    const uint64_t until = us < 0 ? UINT64_MAX : mn_clock_ns() + (uint64_t)us * 1000;
    int64_t done = 0, all = 0;
    if (p && p->report) MN_TRY(mn_notes_waits(m->notes, &all));
    while (mn_clock_ns() < until && !__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
        const int n = mn_notes_embed(m->notes, &by, us < 0 || us > 100000 ? BATCH : 4);
        if (n <= 0) return n < 0 ? n : done;
        done += n;
        if (all < done) all = done;
        if (p && p->report && p->report(p->user, "making vectors", (uint64_t)done, (uint64_t)all))
            return MN_FAIL(MN_ECANCELLED,
                           "stopped after %lld vectors; the others are made when they are needed",
                           (long long)done);
    }
    return done;
}

int64_t mn_mem_catch_up(mn_mem *m, int64_t us, const mn_progress *progress) {
    int64_t waits;
    MN_TRY(mn_notes_waits(m->notes, &waits));
    if (!waits || !is_open(m)) return 0;
    int turn = mn_file_lock(m->turn, us < 0 ? -1 : 0);
    if (turn < 0) return turn == MN_EBUSY ? 0 : turn;
    const int64_t done = make_all(m, us, progress);
    mn_file_close(&turn);
    return done;
}

/* ---- the thread ---------------------------------------------------------------------------- */
/* A second of what waits: whether there may be more. Nothing is done of it while another process
 * has the turn, or the store cannot be asked: that is told once, when it begins. */
static int work_a_while(mn_mem *m, int *troubled) {
    int64_t waits = 0;
    int more = 0;
    const int rc = mn_notes_waits(m->notes, &waits);
    if (rc < 0 && !*troubled && m->options.tell)
        m->options.tell(m->options.tell_user, mn_error_detail());
    *troubled = rc < 0;
    if (rc < 0) return 0;
    if (waits && mn_mem_model(m, m->options.pull)) more = mn_mem_catch_up(m, 1000000, NULL) > 0;
    if (m->organiser && mn_mem_organise(m, 1000000, NULL) > 0) more = 1;
    return more;
}

static void *work(void *user) {
    mn_mem *const m = user;
    int troubled = 0;
    pthread_mutex_lock(&m->lock);
    while (!m->stop) {
        pthread_mutex_unlock(&m->lock);
        const int more = work_a_while(m, &troubled);
        mn_notes_rest(m->notes);
        mn_mem_unread_again(m);
        pthread_mutex_lock(&m->lock);
        if (m->stop || more) continue;
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += LOOK_MS * 1000000L;
        t.tv_sec += t.tv_nsec / 1000000000L;
        t.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&m->wake, &m->lock, &t);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

int mn_mem_thread_start(mn_mem *m) {
    const int rc = pthread_create(&m->thread, NULL, work, m);
    if (rc) return MN_FAIL(MN_ENOMEM, "cannot start a thread: %s", strerror(rc));
    m->running = 1;
    return 0;
}

void mn_mem_thread_stop(mn_mem *m) {
    pthread_mutex_lock(&m->lock);
    __atomic_store_n(&m->stop, 1, __ATOMIC_RELAXED);
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    if (m->running) pthread_join(m->thread, NULL);
    m->running = 0;
}

void mn_mem_thread_wake(mn_mem *m) {
    if (!m->running) return;
    pthread_mutex_lock(&m->lock);
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
}
