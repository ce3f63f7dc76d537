/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/longmemeval.c - `omnesia bench longmemeval`: does a memory find what was said, across
 * sessions, after it changed, by time, and what was true when?
 *
 * The metrics are those of LongMemEval (Wu et al. 2024), over histories of bench/memgen.h or of a
 * file (bench/history_read.c): session recall-any@k, recall-all@k and NDCG@k, turn recall@k, k = 5
 * and 10. Questions nobody has answered are left out of them. Our own histories are easier than
 * people's: a figure of theirs says that nothing is broken, one of a file says how good it is.
 */
#include "bench/answers.h"
#include "bench/bench.h"
#include "bench/crowd.h"
#include "bench/judge.h"
#include "bench/memgen.h"

#include "base/error.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A figure that has a bar. */
typedef struct bar {
    const char *name, *what;
    double value, bar;
    int n; /* what it was measured on; 0: it was not */
} bar;

enum { BARS = 8 };
static void fill_bars(const mn_judge *j, const char *format, const char *model, bar out[BARS]) {
    const int ours = strcmp(format, "memgen") == 0, vectors = strcmp(model, "none") != 0;
    const double seconds = j->add_seconds + j->embed_seconds;
    const double plain = mn_marks_mean(&j->plain, &j->plain.turn[1]);
    const double any = mn_marks_mean(&j->any_time, &j->any_time.all[0]);
    const double unknown = j->unknown + j->absent; /* F1 is 2 * right over it */
    const bar all[BARS] = {
        {"all@5", "session recall-all@5", mn_marks_mean(&j->all, &j->all.all[0]), ours ? .9 : 0,
         j->all.n},
        {"turn@10", "turn recall@10", mn_marks_mean(&j->all, &j->all.turn[1]),
         strcmp(format, "locomo") == 0 ? .75 : 0, j->all.n_turns},
        {"newest", "updates whose newest record stands before the old one",
         j->updates ? (double)j->newest / j->updates : 0, ours ? .95 : 0, j->updates},
        {"merged", "turn recall@10 that facts add to keys",
         mn_marks_mean(&j->all, &j->all.turn[1]) - plain, ours ? .04 : 0, j->plain.n_turns},
        {"pruned", "session recall-all@5 that pruning by time adds",
         mn_marks_mean(&j->pruned, &j->pruned.all[0]) - any, ours ? .07 : 0, j->pruned.n},
        {"as-of", "what was true on a day", j->past ? (double)j->past_right / j->past : 0, 1,
         j->past},
        {"unknown", "questions nobody has answered, told without a model: F1",
         unknown > 0 ? 2 * j->unknown_right / unknown : 0, ours ? .8 : 0,
         vectors ? (int)j->absent : 0},
        {"ingest", vectors ? "turns a second, with vectors" : "turns a second, words alone",
         seconds > 0 ? j->turns / seconds : 0, vectors ? 150 : 0, j->turns}};
    memcpy(out, all, sizeof all);
}

static const char *verdict(const bar *b) {
    if (!b->n) return "not measured";
    if (b->bar == 0) return "-";
    return b->value >= b->bar ? "pass" : "below";
}

/* ---- as text -------------------------------------------------------------------------------- */
static int put_marks(mn_buf *out, const mn_marks *m) {
    if (!m->n) return 0;
    MN_TRY(mn_buf_printf(out, "%-26s %5d", m->type, m->n));
    for (int i = 0; i < MN_JUDGE_KS; i++)
        MN_TRY(mn_buf_printf(out, "  %6.3f %6.3f %6.3f %6.3f", mn_marks_mean(m, &m->any[i]),
                             mn_marks_mean(m, &m->all[i]), mn_marks_mean(m, &m->ndcg[i]),
                             mn_marks_mean(m, &m->turn[i])));
    return mn_buf_puts(out, "\n");
}

static int put_table(mn_buf *out, const mn_judge *j) {
    MN_TRY(mn_buf_printf(out, "%-26s %5s", "questions", "n"));
    for (int i = 0; i < MN_JUDGE_KS; i++)
        MN_TRY(mn_buf_printf(out, "  any@%-2d all@%-2d ndcg@%d turn@%d", mn_judge_k[i],
                             mn_judge_k[i], mn_judge_k[i], mn_judge_k[i]));
    MN_TRY(mn_buf_puts(out, "\n"));
    for (int i = 0; i < j->n_types; i++) MN_TRY(put_marks(out, &j->type[i]));
    MN_TRY(put_marks(out, &j->all));
    MN_TRY(put_marks(out, &j->any_time));
    MN_TRY(put_marks(out, &j->pruned));
    return put_marks(out, &j->plain);
}

static int put_bars(mn_buf *out, const bar *b) {
    for (int i = 0; i < BARS; i++) {
        if (!b[i].n) continue;
        MN_TRY(mn_buf_printf(out, "%-8s %s: %.4g of %d", b[i].name, b[i].what, b[i].value, b[i].n));
        MN_TRY(b[i].bar == 0 ? mn_buf_puts(out, "\n")
                             : mn_buf_printf(out, ", bar >= %g: %s\n", b[i].bar, verdict(&b[i])));
    }
    return 0;
}

static double quantile(const mn_judge *j, double q) {
    return mn_crowd_quantile((double *)(void *)j->ms.data, (int)(j->ms.len / sizeof(double)), q);
}

static int put_text(mn_buf *out, const mn_judge *j, const char *source, const mn_reader *r,
                    const bar *b) {
    MN_TRY(mn_buf_printf(out,
                         "%s: %d histories, %d turns, %d questions, %d of them not answered "
                         "there",
                         source, j->histories, j->turns, j->questions, j->absent));
    if (r->wrong)
        MN_TRY(mn_buf_printf(out, "; %d items are wrong and were left out (%s)", r->wrong, r->why));
    MN_TRY(mn_buf_puts(out, "\n"));
    MN_TRY(put_table(out, j));
    MN_TRY(put_bars(out, b));
    if (j->words)
        MN_TRY(mn_buf_printf(out, "as-of by words, the first that is found: %.4g of %d\n",
                             (double)j->words_right / j->words, j->words));
    if (j->unknown)
        MN_TRY(mn_buf_printf(out, "told as unknown: %d, %d of them rightly\n", j->unknown,
                             j->unknown_right));
    return mn_buf_printf(out, "search: p50 %.2f ms, p99 %.2f ms, with its vector\n",
                         quantile(j, .5), quantile(j, .99));
}

/* ---- as JSON -------------------------------------------------------------------------------- */
static json_t *marks_json(const mn_marks *m) {
    json_t *o = json_pack("{s:i}", "n", m->n);
    for (int i = 0; i < MN_JUDGE_KS; i++) {
        const struct {
            const char *name;
            const double *sum;
        } all[] = {
            {"any", &m->any[i]}, {"all", &m->all[i]}, {"ndcg", &m->ndcg[i]}, {"turn", &m->turn[i]}};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            char key[16];
            snprintf(key, sizeof key, "%s@%d", all[k].name, mn_judge_k[i]);
            json_object_set_new(o, key, json_real(mn_marks_mean(m, all[k].sum)));
        }
    }
    return o;
}

static int put_json(mn_buf *out, const mn_judge *j, const char *source, const mn_reader *r,
                    const bar *b) {
    json_t *types = json_object(), *bars = json_object();
    for (int i = 0; i < j->n_types; i++)
        json_object_set_new(types, j->type[i].type, marks_json(&j->type[i]));
    for (int i = 0; i < BARS; i++)
        if (b[i].n)
            json_object_set_new(bars, b[i].name,
                                json_pack("{s:f, s:i, s:f, s:s}", "value", b[i].value, "n", b[i].n,
                                          "bar", b[i].bar, "verdict", verdict(&b[i])));
    json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:f, s:f}", "bench",
                          "longmemeval", "data", source, "histories", j->histories, "turns",
                          j->turns, "questions", j->questions, "absent", j->absent, "wrong",
                          r->wrong, "all", marks_json(&j->all), "types", types, "bars", bars,
                          "search_p50_ms", quantile(j, .5), "search_p99_ms", quantile(j, .99));
    const struct {
        const char *name;
        const mn_marks *m;
    } more[] = {{"any_time", &j->any_time}, {"pruned", &j->pruned}, {"plain", &j->plain}};
    for (size_t i = 0; o && i < sizeof more / sizeof *more; i++)
        if (more[i].m->n) json_object_set_new(o, more[i].name, marks_json(more[i].m));
    char *line = o ? json_dumps(o, JSON_REAL_PRECISION(4)) : NULL;
    const int rc =
        line ? mn_buf_printf(out, "%s\n", line) : MN_FAIL(MN_ENOMEM, "no memory for the figures");
    free(line);
    json_decref(o);
    return rc;
}

/* ---- the histories -------------------------------------------------------------------------- */
int mn_bench_histories(const mn_bench_options *o, mn_reader *r) {
    int rc = 0;
    if (o->data && *o->data) return mn_history_read(o->data, r);
    for (int i = 0; rc >= 0 && i < o->histories; i++) {
        mn_history h = {0};
        rc = mn_memgen(o->seed, o->small ? MN_MEMGEN_SMALL : MN_MEMGEN_S, i, &h);
        if (rc >= 0) rc = r->each(r->user, &h);
        mn_history_free(&h);
        r->n++;
    }
    return rc;
}

/* ---- the run -------------------------------------------------------------------------------- */
static int judge_one(void *user, mn_history *h) {
    return mn_judge_history(user, h);
}

static int dump_one(void *user, mn_history *h) {
    return mn_history_dump(h, user);
}

static int report(const mn_bench_options *o, const mn_judge *j, const mn_reader *r) {
    bar bars[BARS];
    char source[256];
    mn_buf out = {0};
    fill_bars(j, r->format, o->vectors, bars);
    if (o->data && *o->data)
        snprintf(source, sizeof source, "%s", o->data);
    else
        snprintf(source, sizeof source, "memgen%s, seed %llu", o->small ? " (small)" : "-S",
                 (unsigned long long)o->seed);
    int rc = put_text(&out, j, source, r, bars);
    if (rc >= 0 && o->json) rc = put_json(&out, j, source, r, bars);
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

static int run(const mn_bench_options *o) {
    mn_judge j = {0};
    mn_reader r = {.format = "memgen"};
    if (o->dump && *o->dump) {
        r.each = dump_one;
        r.user = (void *)(uintptr_t)o->dump;
        return mn_bench_histories(o, &r);
    }
    if (o->answers && *o->answers) return mn_bench_answers(o);
    r.each = judge_one;
    r.user = &j;
    int rc = mn_judge_open(&j, o->vectors, o->organise);
    if (rc >= 0) rc = mn_bench_histories(o, &r);
    if (rc >= 0) rc = report(o, &j, &r);
    mn_judge_close(&j);
    return rc;
}

const mn_bench mn_bench_longmemeval = {
    .name = "longmemeval", .about = "what a memory finds of long acquaintances", .run = run};
