/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/step.c - the step: room, passes, attention over spans, commit.
 *
 * Rows of the pass are tokens of parts, in order; what attention makes of that stands in
 * engine/attend.h.
 */
#include "engine/step.h"

#include "base/alloc.h"
#include "base/error.h"
#include "engine/attend.h"

#include <stdlib.h>
#include <string.h>

struct mn_engine {
    const mn_net *net;
    const mn_exec *e;
    mn_forward *forward;
    int32_t ids[MN_FORWARD_ROWS];
    int positions[MN_FORWARD_ROWS], contexts[MN_FORWARD_ROWS], rows[MN_FORWARD_ROWS];
    mn_run runs[MN_FORWARD_ROWS];
    const mn_part *parts[MN_FORWARD_ROWS]; /* of the runs */
    int n_runs;
    mn_attention *attention;
};

int mn_engine_open(const mn_net *net, const mn_exec *exec, mn_engine **out) {
    *out = NULL;
    mn_engine *e = mn_calloc(1, sizeof *e);
    if (!e) return MN_FAIL(MN_ENOMEM, "no memory for an engine");
    e->net = net;
    e->e = exec;
    int rc = mn_forward_open(net, exec, &e->forward);
    if (rc >= 0) rc = mn_attention_open(net, exec, &e->attention);
    if (rc < 0) mn_engine_close(&e);
    *out = e;
    return rc;
}

void mn_engine_close(mn_engine **pe) {
    mn_engine *e = *pe;
    *pe = NULL;
    if (!e) return;
    mn_forward_close(&e->forward);
    mn_attention_close(&e->attention);
    mn_free(e);
}

void mn_engine_layout(const mn_engine *e, mn_kv_format format, mn_kv_layout *out) {
    *out = (mn_kv_layout){e->net->L, e->net->Hk, e->net->d, format, e->net->window};
}

size_t mn_engine_scratch_bytes(const mn_net *net) {
    const size_t attention = mn_attention_scratch(net);
    const size_t product = mn_exec_scratch_bytes(mn_net_widest(net));
    return (attention > product ? attention : product) + 4096;
}

/* ---- passes ------------------------------------------------------------------------------- */

/* Where the logits of token `t` of run i go; NULL: nobody wants them. done: tokens of its part that
 * were computed before this pass. */
static float *logits_of(const mn_engine *e, const int *done, int i, int t) {
    const mn_part *p = e->parts[i];
    const int row = done[i] + t - (p->n - p->n_logits);
    return p->logits && row >= 0 ? p->logits + (size_t)row * (size_t)e->net->V : NULL;
}

/* The rows of the pass that somebody wants logits of, in *first where the first of them goes: how
 * many; *apart: they do not all lie behind each other there. */
static int wanted(mn_engine *e, const int *done, float **first, int *apart) {
    int n = 0;
    *first = NULL;
    *apart = 0;
    for (int i = 0; i < e->n_runs; i++)
        for (int t = 0; t < e->runs[i].n; t++) {
            float *to = logits_of(e, done, i, t);
            if (!to) continue;
            if (!n) *first = to;
            *apart |= to != *first + (size_t)n * (size_t)e->net->V;
            e->rows[n++] = e->runs[i].first + t;
        }
    return n;
}

/* Run the gathered pass; give logits to the parts that want them; commit. */
static int pass(mn_engine *e, const int *done) {
    const mn_run *last = e->runs + e->n_runs - 1;
    const size_t V = (size_t)e->net->V;
    int apart;
    float *first, *logits;
    const int n = wanted(e, done, &first, &apart);
    const size_t bytes = V * (size_t)n * sizeof(float);
    void *gathered = NULL;
    if (apart) MN_TRY(mn_alloc_pages(bytes, "logits", &gathered));
    logits = apart ? gathered : first;
    mn_attention_begin(e->attention, e->runs, e->n_runs, e->positions);
    int rc = mn_forward_run(e->forward, e->ids, e->positions, e->contexts, last->first + last->n,
                            mn_attention_layer, e->attention, e->rows, n, logits);
    for (int i = 0; rc >= 0 && i < e->n_runs; i++) rc = mn_seq_proven(e->runs[i].seq);
    for (int i = 0, at = 0; rc >= 0 && i < e->n_runs; i++) {
        for (int t = 0; apart && t < e->runs[i].n; t++) {
            float *to = logits_of(e, done, i, t);
            if (to) memcpy(to, logits + (size_t)at++ * V, V * sizeof(float));
        }
        mn_seq_commit(e->runs[i].seq, e->runs[i].n);
    }
    if (apart) mn_free_pages(gathered, bytes);
    return rc;
}

int mn_engine_step(mn_engine *e, const mn_part *parts, int n, int (*go_on)(void *), void *user) {
    int done[MN_STEP_PARTS] = {0};
    if (n < 1 || n > MN_STEP_PARTS) return MN_FAIL(MN_EINVAL, "a step of %d parts", n);
    for (int i = 0; i < n; i++) MN_TRY(mn_seq_room(parts[i].seq, parts[i].ids, parts[i].n));
    for (;;) {
        int T = 0, start[MN_FORWARD_ROWS];
        e->n_runs = 0;
        for (int i = 0; i < n && T < MN_FORWARD_ROWS; i++) {
            const int left = parts[i].n - done[i],
                      take = left < MN_FORWARD_ROWS - T ? left : MN_FORWARD_ROWS - T;
            if (take <= 0) continue;
            const int before = mn_seq_length(parts[i].seq);
            e->runs[e->n_runs] = (mn_run){parts[i].seq, T, take, before};
            e->parts[e->n_runs] = parts + i;
            start[e->n_runs++] = done[i];
            for (int t = 0; t < take; t++, T++) {
                e->ids[T] = parts[i].ids[done[i] + t];
                e->positions[T] = before + t;
                e->contexts[T] = mn_seq_context(parts[i].seq);
            }
            done[i] += take;
        }
        if (!T) return 0;
        if (go_on && !go_on(user)) return MN_FAIL(MN_ECANCELLED, "stopped on request");
        MN_TRY(pass(e, start));
    }
}
