/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/serve_report.c - figures of both sides, judged.
 *
 * A ratio is that of the medians, so that more is better where the bar is a "times" and less is
 * where it is a share; the spread has the smallest and largest one of a round. A limit is held
 * against our own median, whatever the other side did. A side that was not measured is left out,
 * and nothing is judged then but limits of ours.
 */
#include "bench/serve.h"

#include "base/error.h"

#include <jansson.h>
#include <stdlib.h>

typedef struct line {
    const mn_serve_figure *figure;
    const char *against;
    double base, ours; /* medians */
    int n, has_base, has_ours;
    double ratio, low, high; /* what is judged */
} line;

int mn_serve_figures(const mn_serve_row *row) {
    int n = 0;
    while (n < MN_SERVE_FIGURES && row->figure[n].name) n++;
    return n;
}

static int better(const mn_serve_figure *f, double a, double b) {
    return f->judge == MN_SERVE_MORE || f->judge == MN_SERVE_LEAST ? a > b : a < b;
}

int mn_serve_best(const mn_serve_row *row, const mn_serve_table *t, int i) {
    int at = -1;
    for (int k = 0; k < MN_SERVER_KINDS; k++)
        if (mn_server_kinds[k].peer && t->n[k] &&
            (at < 0 || better(row->figure + i, t->at[k][i][0], t->at[at][i][0])))
            at = k;
    return at;
}

/* ---- judging ------------------------------------------------------------------------------ */
static int absolute(const mn_serve_figure *f) {
    return f->judge == MN_SERVE_LIMIT || f->judge == MN_SERVE_LEAST;
}
static int at_most(const mn_serve_figure *f) {
    return f->judge == MN_SERVE_SHARE || f->judge == MN_SERVE_LIMIT;
}
static double judged(const mn_serve_figure *f, double base, double ours) {
    return absolute(f) ? ours : f->judge == MN_SERVE_LESS ? base / ours : ours / base;
}
static int holds(const mn_serve_figure *f, double x) {
    return at_most(f) ? x <= f->bar : x >= f->bar;
}

static line judge(const mn_serve_row *row, const mn_serve_table *t, int i) {
    const int k = mn_serve_best(row, t, i), theirs = k < 0 ? 0 : t->n[k], ours = t->n[0];
    const double *const base = t->at[k < 0 ? 0 : k][i], *const own = t->at[0][i];
    line q = {.figure = row->figure + i,
              .against = k < 0 ? NULL : mn_server_kinds[k].name,
              .base = mn_bench_median(base, theirs),
              .ours = mn_bench_median(own, ours),
              .n = !ours || (theirs && theirs < ours) ? theirs : ours,
              .has_base = theirs > 0,
              .has_ours = ours > 0,
              .low = 1e300,
              .high = -1e300};
    q.ratio = judged(q.figure, q.base, q.ours);
    for (int r = 0; r < q.n; r++) {
        const double x = judged(q.figure, base[r], own[r]);
        if (x < q.low) q.low = x;
        if (x > q.high) q.high = x;
    }
    return q;
}

static const char *verdict(const line *q) {
    const mn_serve_figure *f = q->figure;
    if (!(f->bar > 0)) return "-";
    if (!q->has_ours || (!q->has_base && !absolute(f))) return "not compared";
    const int pass = holds(f, q->ratio), crosses = holds(f, q->low) != holds(f, q->high);
    if (crosses)
        return pass ? "pass (the spread crosses the bar)" : "below (the spread crosses it)";
    return pass ? "pass" : "below";
}

/* ---- printing ----------------------------------------------------------------------------- */
static int as_json(const mn_serve *b, const mn_serve_row *row, const line *q, mn_buf *out) {
    const mn_serve_figure *f = q->figure;
    const int compared = q->has_ours && (q->has_base || absolute(f));
    json_t *const o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s, s:i, s:s}", "row", row->name, "figure",
                  f->name, "about", row->about, "what", f->what, "model", b->model, "against",
                  q->against, "unit", f->unit, "rounds", q->n, "verdict", verdict(q));
    if (q->has_base) json_object_set_new(o, "base", json_real(q->base));
    if (q->has_ours) json_object_set_new(o, "ours", json_real(q->ours));
    if (compared) {
        json_object_set_new(o, "ratio", json_real(q->ratio));
        json_object_set_new(o, "spread", json_pack("[f, f]", q->low, q->high));
    }
    if (f->bar > 0) {
        json_object_set_new(o, "bar", json_real(f->bar));
        json_object_set_new(o, "bar_is", json_string(at_most(f) ? "at most" : "at least"));
    }
    char *const text = o ? json_dumps(o, JSON_REAL_PRECISION(6)) : NULL;
    json_decref(o);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a line");
    const int rc = mn_buf_printf(out, "%s\n", text);
    free(text);
    return rc;
}

static int as_text(const mn_serve_row *row, const line *q, mn_buf *out) {
    const mn_serve_figure *f = q->figure;
    const char *const unit = absolute(f) ? f->unit : "x";
    MN_TRY(mn_buf_printf(out, "%-12s %-28s", row->name, f->what));
    if (q->has_base) MN_TRY(mn_buf_printf(out, " %10.5g %s", q->base, f->unit));
    if (q->has_ours) MN_TRY(mn_buf_printf(out, " -> %.5g %s", q->ours, f->unit));
    if (q->has_ours && (q->has_base || absolute(f)))
        MN_TRY(mn_buf_printf(out, ", %.3g %s [%.3g..%.3g]", q->ratio, unit, q->low, q->high));
    if (f->bar > 0)
        MN_TRY(mn_buf_printf(out, ", bar %s %g: %s", at_most(f) ? "<=" : ">=", f->bar, verdict(q)));
    if (q->against) MN_TRY(mn_buf_printf(out, " (%d rounds, against %s)", q->n, q->against));
    return mn_buf_puts(out, "\n");
}

int mn_serve_report(const mn_serve *b, const mn_serve_row *row, const mn_serve_table *t) {
    mn_buf out = {0};
    int rc = b->o->json ? 0 : mn_buf_printf(&out, "%s (%s)\n", row->about, b->model);
    for (int i = 0; rc >= 0 && i < mn_serve_figures(row); i++) {
        const line q = judge(row, t, i);
        rc = b->o->json ? as_json(b, row, &q, &out) : as_text(row, &q, &out);
    }
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}
