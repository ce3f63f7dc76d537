/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem_answer.c - row `answer`: what an answer costs that reads what a search found, beside
 * one that has all that was ever said in its context.
 *
 * The history is a part of one of bench/memgen.h, as much of it as the model's context holds beside
 * an answer, 16,000 tokens at most: that with the most questions whose answers stand in it. The
 * other side is not made worse than it is: the rows of the history are computed once, and found by
 * every question (warm). What the first one took stands beside it. Both write the same number of
 * tokens; both times begin with the question and end with the last token, ours with the search.
 */
#include "bench/mem.h"
#include "bench/memgen.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "omnesia.h"

#include <stdio.h>
#include <string.h>

enum { QUESTIONS = 12, WRITTEN = 32, MOST = 16000, RECALLED = 6 /* as chat and serve do */ };

typedef struct bed {
    const mn_bench_options *o;
    mn_history history;
    mn_region *region;
    mn_model *model;
    mn_mem *mem;
    int32_t context;
    int first, end; /* turns of the part that is read */
    mn_buf all;
    double ours_ms[QUESTIONS], full_ms[QUESTIONS], ours_first[QUESTIONS], full_first[QUESTIONS];
    double share[QUESTIONS], cold_ms;
    int n;
} bed;

static const mn_scope scope = {.user = "bench"};

/* ---- the history ---------------------------------------------------------------------------- */
static int put_turn(mn_buf *out, const mn_history *h, int i) {
    const mn_remark *const t = mn_turns(h) + i;
    return mn_buf_printf(out, "[%s] %s: %s\n", mn_sittings(h)[t->sitting].time, t->speaker,
                         t->text);
}

static int inside(const mn_asked *q, int first, int end) {
    if (q->absent || !q->n) return 0;
    for (int i = 0; i < q->n; i++)
        if (q->gold[i] < first || q->gold[i] >= end) return 0;
    return 1;
}

/* Turns from `first` on that have so many bytes at most: where they end. */
static int end_of(const mn_history *h, int first, size_t bytes, int *end) {
    mn_buf text = {.what = "a history"};
    int rc = 0;
    for (*end = first; *end < mn_turns_n(h) && rc >= 0; ++*end) {
        rc = put_turn(&text, h, *end);
        if (text.len > bytes) break;
    }
    mn_buf_free(&text);
    return rc;
}

/* The part with the most questions about it. */
static int choose(bed *b, size_t bytes) {
    const mn_history *const h = &b->history;
    int most = 0;
    for (int s = 0; s < mn_sittings_n(h); s++) {
        const int first = mn_sittings(h)[s].first;
        int end, n = 0;
        MN_TRY(end_of(h, first, bytes, &end));
        for (int i = 0; i < mn_askeds_n(h); i++) n += inside(mn_askeds(h) + i, first, end);
        if (n <= most) continue;
        most = n;
        b->first = first;
        b->end = end;
    }
    return most ? 0 : MN_FAIL(MN_EINVAL, "no part of this history answers a question; try --seed");
}

static int fill(bed *b) {
    const mn_history *const h = &b->history;
    MN_TRY(mn_buf_puts(&b->all, "What was said so far:\n"));
    for (int i = b->first; i < b->end; i++) {
        const mn_remark *const t = mn_turns(h) + i;
        const mn_sitting *const s = mn_sittings(h) + t->sitting;
        const mn_record r = {.text = t->text,
                             .n = strlen(t->text),
                             .time = s->time,
                             .session = s->id,
                             .speaker = t->speaker};
        MN_TRY(put_turn(&b->all, h, i));
        MN_TRY(mn_mem_add(b->mem, &scope, &r, 1, NULL));
    }
    return (int)mn_mem_embed(b->mem, 0, NULL);
}

/* ---- asking --------------------------------------------------------------------------------- */
static int answer(bed *b, const char *prompt, const char *recalled, mn_stats *stats) {
    mn_request r = mn_request_default();
    r.prompt = prompt;
    r.recalled = recalled;
    r.context = b->context;
    r.max_tokens = WRITTEN;
    r.ignore_eos = 1;
    return mn_answer(b->model, &r, stats);
}

static int ask_full(bed *b, const char *question, mn_stats *stats, double *ms) {
    mn_buf prompt = {0};
    const uint64_t before = mn_clock_ns();
    int rc = mn_buf_printf(&prompt, "%s\n%s", b->all.data, question);
    if (rc >= 0) rc = answer(b, prompt.data, NULL, stats);
    *ms = (double)(mn_clock_ns() - before) * 1e-6;
    mn_buf_free(&prompt);
    return rc;
}

static int ask_ours(bed *b, const char *question, mn_stats *stats, double *ms, double *first) {
    const mn_find what = {.query = question, .k = RECALLED};
    char *text = NULL;
    const uint64_t before = mn_clock_ns();
    int rc = mn_mem_recall(b->mem, &scope, &what, &text, NULL, NULL);
    *first = (double)(mn_clock_ns() - before) * 1e-6;
    if (rc >= 0) rc = answer(b, question, text, stats);
    *ms = (double)(mn_clock_ns() - before) * 1e-6;
    *first += stats->first_token_ms;
    mn_free_text(text);
    return rc;
}

static int ask_both(bed *b, const char *question) {
    mn_stats full, ours;
    const int i = b->n++;
    MN_TRY(ask_full(b, question, &full, b->full_ms + i));
    MN_TRY(ask_ours(b, question, &ours, b->ours_ms + i, b->ours_first + i));
    b->full_first[i] = full.first_token_ms;
    b->share[i] = (double)ours.prompt_tokens / full.prompt_tokens;
    fprintf(stderr, "question %d of %d: %d tokens beside %d (%d cached)\n", i + 1, QUESTIONS,
            ours.prompt_tokens, full.prompt_tokens, full.cached_tokens);
    return 0;
}

static int ask_all(bed *b) {
    const mn_history *const h = &b->history;
    mn_stats cold;
    fprintf(stderr, "reading %zu bytes of history once\n", b->all.len);
    MN_TRY(ask_full(b, "Who is this?", &cold, &b->cold_ms));
    for (int i = 0; i < mn_askeds_n(h) && b->n < QUESTIONS; i++) {
        const mn_asked *const q = mn_askeds(h) + i;
        if (inside(q, b->first, b->end)) MN_TRY(ask_both(b, q->text));
    }
    return 0;
}

/* ---- the row -------------------------------------------------------------------------------- */
static int open_all(bed *b, const char *folder) {
    char path[128];
    mn_model_info info;
    snprintf(path, sizeof path, "%s/region", folder);
    MN_TRY(mn_region_open(path, (uint64_t)2 << 30, -1, &b->region));
    const mn_model_options how = {.threads = b->o->threads, .region = b->region};
    MN_TRY(mn_model_open(b->o->model, &how, &b->model));
    mn_model_describe(b->model, &info);
    b->context = info.n_context < MOST + 2048 ? info.n_context : MOST + 2048;
    snprintf(path, sizeof path, "%s/answer.db", folder);
    const mn_mem_options with = {.pull = 1};
    MN_TRY(mn_mem_open(path, &with, &b->mem));
    MN_TRY(mn_memgen(b->o->seed ? b->o->seed : 1, MN_MEMGEN_S, 0, &b->history));
    /* A token has 3 bytes or more here, dates included. */
    return choose(b, (size_t)(b->context - 1024) * 3);
}

static int figure(bed *b, const char *what, double *values, double bar) {
    mn_bench_times t = {values, b->n};
    return mn_bench_figure("answer", what, mn_bench_at(&t, .5), "ms", bar, b->o->json);
}

static int report(bed *b) {
    mn_bench_times share = {b->share, b->n};
    double ratio[QUESTIONS];
    for (int i = 0; i < b->n; i++) ratio[i] = b->ours_ms[i] / b->full_ms[i];
    mn_bench_times times = {ratio, b->n};
    MN_TRY(mn_bench_figure("answer", "tokens of the prompt / all of it", mn_bench_at(&share, .5),
                           "x", .1, b->o->json));
    MN_TRY(mn_bench_figure("answer", "time / warm full context", mn_bench_at(&times, .5), "x", 1,
                           b->o->json));
    MN_TRY(mn_bench_figure("answer", "time / the first, cold one",
                           mn_bench_at(&(mn_bench_times){b->ours_ms, b->n}, .5) / b->cold_ms, "x",
                           .1, b->o->json));
    MN_TRY(figure(b, "time", b->ours_ms, 0));
    MN_TRY(figure(b, "time, warm full context", b->full_ms, 0));
    MN_TRY(figure(b, "first token", b->ours_first, 0));
    return figure(b, "first token, warm full context", b->full_first, 0);
}

int mn_bench_mem_answer(const mn_bench_options *o, const char *folder) {
    bed b = {.o = o, .all = {.what = "all that was said"}};
    int rc = open_all(&b, folder);
    if (rc >= 0) rc = fill(&b);
    if (rc >= 0) rc = ask_all(&b);
    if (rc >= 0) rc = report(&b);
    mn_mem_close(&b.mem);
    mn_model_close(&b.model);
    mn_region_close(&b.region);
    mn_history_free(&b.history);
    mn_buf_free(&b.all);
    return rc;
}
