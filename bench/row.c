/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/row.c - one line of a comparison, and what a spread means for it.
 *
 * As tools/peers has it: judged at the ratio of the medians, and the verdict says so when the
 * spread reaches across the bar.
 */
#include "bench/bench.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mn_bench_wants(const mn_bench_options *o, const char *row) {
    return !o->row || !*o->row || strcmp(o->row, row) == 0;
}

void mn_bench_round(mn_bench_row *r, double base, double ours) {
    if (r->n == MN_BENCH_ROUNDS) return;
    r->base[r->n] = base;
    r->ours[r->n++] = ours;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mn_bench_median(const double *values, int n) {
    double sorted[MN_BENCH_ROUNDS];
    if (!n) return 0;
    memcpy(sorted, values, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static int holds(const mn_bench_row *r, double ratio) {
    return r->at_most ? ratio <= r->bar : ratio >= r->bar;
}

static const char *verdict(const mn_bench_row *r, double ratio, double low, double high) {
    const int pass = holds(r, ratio), crosses = holds(r, low) != holds(r, high);
    if (r->bar == 0) return "-";
    if (crosses)
        return pass ? "pass (the spread crosses the bar)" : "below (the spread crosses it)";
    return pass ? "pass" : "below";
}

static double ratio_of(const mn_bench_row *r, double base, double ours) {
    return r->inverse ? base / ours : ours / base;
}

static int put(mn_buf *out, const mn_bench_row *r, int json) {
    const double base = mn_bench_median(r->base, r->n), ours = mn_bench_median(r->ours, r->n);
    const double ratio = ratio_of(r, base, ours);
    double low = ratio_of(r, r->base[0], r->ours[0]), high = low;
    for (int i = 1; i < r->n; i++) {
        const double q = ratio_of(r, r->base[i], r->ours[i]);
        if (q < low) low = q;
        if (q > high) high = q;
    }
    const char *says = verdict(r, ratio, low, high), *sign = r->at_most ? "<=" : ">=";
    if (json)
        return mn_buf_printf(out,
                             "{\"row\": \"%s\", \"what\": \"%s\", \"against\": \"%s\", \"base\": "
                             "%.6g, \"ours\": %.6g, \"unit\": \"%s\", \"ratio\": %.4g, \"spread\": "
                             "[%.4g, %.4g], \"rounds\": %d, \"bar\": \"%s %g\", \"verdict\": "
                             "\"%s\"}\n",
                             r->name, r->what, r->against, base, ours, r->unit, ratio, low, high,
                             r->n, sign, r->bar, says);
    MN_TRY(mn_buf_printf(out, "%-9s %s, against %s: %.5g -> %.5g %s, ratio %.3g [%.3g..%.3g]",
                         r->name, r->what, r->against, base, ours, r->unit, ratio, low, high));
    return r->bar == 0 ? mn_buf_puts(out, "\n")
                       : mn_buf_printf(out, ", bar %s %g: %s\n", sign, r->bar, says);
}

static int send(mn_buf *out, int rc) {
    if (rc >= 0) rc = mn_cli_write(out->data, out->len);
    mn_buf_free(out);
    return rc;
}

int mn_bench_row_print(const mn_bench_row *r, int json) {
    mn_buf out = {0};
    if (!r->n) return mn_bench_row_skip(r, "no round was measured", json);
    return send(&out, put(&out, r, json));
}

int mn_bench_row_skip(const mn_bench_row *r, const char *why, int json) {
    char reason[512];
    mn_buf out = {0};
    snprintf(reason, sizeof reason, "%s", why);
    for (char *p = reason; *p; p++) /* one line, and a string of JSON */
        if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\') *p = *p == '"' ? '\'' : ' ';
    return send(&out,
                json ? mn_buf_printf(&out,
                                     "{\"row\": \"%s\", \"what\": \"%s\", \"skipped\": "
                                     "\"%s\"}\n",
                                     r->name, r->what, reason)
                     : mn_buf_printf(&out, "%-9s %s: skipped: %s\n", r->name, r->what, reason));
}

int mn_bench_point_print(const mn_bench_point *p, int json) {
    const int pass = p->at_least ? p->value >= p->bar : p->value <= p->bar;
    const char *const sign = p->at_least ? ">=" : "<=";
    mn_buf out = {0};
    if (json)
        return send(&out, mn_buf_printf(&out,
                                        "{\"bench\":\"%s\",\"row\":\"%s\",\"what\":\"%s\","
                                        "\"value\":%.4g,\"unit\":\"%s\",\"bar\":\"%s %g\","
                                        "\"pass\":%s}\n",
                                        p->bench, p->row, p->what, p->value, p->unit, sign, p->bar,
                                        p->bar == 0 ? "null"
                                        : pass      ? "true"
                                                    : "false"));
    int rc = mn_buf_printf(&out, "%-8s %-34s %8.3f %s", p->row, p->what, p->value, p->unit);
    if (rc >= 0 && p->bar != 0)
        rc = mn_buf_printf(&out, ", bar %s %g: %s", sign, p->bar, pass ? "pass" : "below");
    if (rc >= 0) rc = mn_buf_puts(&out, "\n");
    return send(&out, rc);
}
