/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/crowd.c - asking, and noting the time of each token, on the loop's own threads.
 */
#include "bench/crowd.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 1024, LONGEST = 16 };

/* ---- words -------------------------------------------------------------------------------- */
/* A space, then three small letters or more, and one token also when it is read back. */
static int is_word(const mn_model *m, int32_t id) {
    char text[LONGEST];
    int32_t back[2];
    const int n = mn_decode(m, &id, 1, 0, text, sizeof text);
    if (n < 4 || n > LONGEST || text[0] != ' ') return 0;
    for (int i = 1; i < n; i++)
        if (text[i] < 'a' || text[i] > 'z') return 0;
    return mn_encode(m, text, (size_t)n, 0, back, 2) == 1 && back[0] == id;
}

int mn_words_find(const mn_model *m, mn_words *out) {
    mn_model_info info;
    mn_model_describe(m, &info);
    *out = (mn_words){.id = mn_malloc(WORDS * sizeof(int32_t))};
    if (!out->id) return MN_FAIL(MN_ENOMEM, "no memory for words");
    for (int32_t id = 0; id < info.n_vocab && out->n < WORDS; id++)
        if (is_word(m, id)) out->id[out->n++] = id;
    if (out->n >= WORDS / 4) return 0;
    const int n = out->n;
    mn_words_free(out);
    return MN_FAIL(MN_EUNSUPPORTED, "%s has %d words of one token, and the bench needs %d",
                   info.name, n, WORDS / 4);
}

void mn_words_free(mn_words *w) {
    mn_free(w->id);
    *w = (mn_words){0};
}

int mn_words_write(const mn_model *m, const mn_words *w, uint64_t seed, int n, mn_buf *out) {
    mn_random r;
    mn_random_seed(&r, seed);
    for (int i = 0; i < n; i++) {
        char text[LONGEST];
        const int32_t id = w->id[mn_random_u64(&r) % (uint64_t)w->n];
        const int bytes = mn_decode(m, &id, 1, 0, text, sizeof text);
        MN_TRY(mn_buf_append(out, text, (size_t)bytes));
    }
    return 0;
}

/* ---- guests ------------------------------------------------------------------------------- */
static int hear(void *user, const mn_token *token) {
    mn_guest *g = user;
    const double now = mn_clock_seconds();
    if (!g->n)
        g->first = now;
    else if (g->gap)
        g->gap[g->n - 1] = now - g->last;
    g->last = now;
    g->n++;
    g->said = (g->said ^ (uint64_t)token->id) * 0x100000001b3u;
    return 0;
}

mn_request mn_guest_request(mn_guest *g) {
    mn_request r = mn_request_default();
    r.prompt = g->prompt.data;
    r.raw = 1;
    r.temp = 0;
    r.max_tokens = g->tokens;
    r.ignore_eos = 1;
    r.owner = g->owner;
    r.on_token = hear;
    r.user = g;
    return r;
}

static void ended(void *user, int rc, const mn_stats *stats) {
    mn_guest *g = user;
    mn_crowd *c = g->crowd;
    g->ended = mn_clock_seconds();
    g->rc = rc;
    g->stats = *stats;
    snprintf(g->why, sizeof g->why, "%s", rc < 0 ? mn_error_detail() : "");
    if (c->done) c->done(c, g);
    pthread_mutex_lock(&c->lock);
    c->left--;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
}

void mn_crowd_open(mn_crowd *c, mn_loop *loop, mn_model *model) {
    *c = (mn_crowd){.loop = loop, .model = model};
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ended, NULL);
}

int mn_crowd_ask(mn_crowd *c, mn_guest *g) {
    mn_job *job;
    g->crowd = c;
    g->n = 0;
    g->said = 0;
    g->asked = mn_clock_seconds();
    const mn_request r = mn_guest_request(g);
    pthread_mutex_lock(&c->lock);
    c->left++;
    pthread_mutex_unlock(&c->lock);
    const int rc = mn_loop_ask(c->loop, c->model, &r, ended, &job);
    if (rc >= 0) {
        mn_job_release(&job);
        return 0;
    }
    pthread_mutex_lock(&c->lock);
    c->left--;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int mn_crowd_wait(mn_crowd *c, const mn_guest *g, int n) {
    pthread_mutex_lock(&c->lock);
    while (c->left) pthread_cond_wait(&c->ended, &c->lock);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < n; i++) {
        if (g[i].rc < 0) return MN_FAIL(g[i].rc, "answer %d: %s", i, g[i].why);
        if (g[i].n != g[i].tokens)
            return MN_FAIL(MN_ECORRUPT, "answer %d has %d tokens, not %d", i, g[i].n, g[i].tokens);
    }
    return 0;
}

void mn_crowd_close(mn_crowd *c) {
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->ended);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mn_crowd_quantile(double *values, int n, double q) {
    if (!n) return 0;
    qsort(values, (size_t)n, sizeof *values, ascending);
    const int at = (int)(q * n);
    return values[at < n ? at : n - 1];
}
