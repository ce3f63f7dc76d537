/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/metrics.c - /metrics: Prometheus' text format 0.0.4.
 *
 * One table of plain figures, then what has labels. Names end with their unit; counters with
 * _total.
 */
#include "serve/models.h"
#include "serve/route.h"
#include "serve/routes.h"
#include "serve/server.h"

#include "base/budget.h"
#include "base/clock.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>

static int head(mn_buf *out, const char *name, const char *type, const char *help) {
    return mn_buf_printf(out, "# HELP omnesia_%s %s\n# TYPE omnesia_%s %s\n", name, help, name,
                         type);
}

typedef struct row {
    const char *name, *type, *help;
    double value;
} row;

static int put_rows(mn_buf *out, const row *r, size_t n) {
    for (size_t i = 0; i < n; i++) {
        MN_TRY(head(out, r[i].name, r[i].type, r[i].help));
        MN_TRY(mn_buf_printf(out, "omnesia_%s %.17g\n", r[i].name, r[i].value));
    }
    return 0;
}

static int put_loop(mn_serve *s, mn_buf *out) {
    mn_loop_info i;
    mn_loop_describe(s->loop, &i);
    const row rows[] = {
        {"answers_running", "gauge", "answers being read or written", i.running},
        {"answers_waiting", "gauge", "answers that wait for a slot", i.waiting},
        {"slots", "gauge", "answers at once, at most", i.slots},
        {"step_tokens", "gauge", "tokens of one step, at most", i.step_tokens},
        {"steps_total", "counter", "steps of the loop", (double)i.steps},
        {"busy_seconds_total", "counter", "time spent in steps", (double)i.busy_us * 1e-6},
        {"prompt_tokens_total", "counter", "tokens of prompts computed", (double)i.read},
        {"cached_tokens_total", "counter", "tokens of prompts found computed", (double)i.cached},
        {"written_tokens_total", "counter", "tokens of answers", (double)i.written},
        {"answers_ended_total", "counter", "answers that ended", (double)i.ended},
        {"answers_cancelled_total", "counter", "answers cancelled", (double)i.cancelled},
        {"answers_failed_total", "counter", "answers that failed", (double)i.failed},
        {"answers_preempted_total", "counter", "answers that gave way", (double)i.preempted},
    };
    return put_rows(out, rows, sizeof rows / sizeof *rows);
}

static int put_region(mn_serve *s, mn_buf *out) {
    mn_region_info i;
    if (!s->options.model.region) return 0;
    mn_region_describe(s->options.model.region, &i);
    const row rows[] = {
        {"region_limit_bytes", "gauge", "bytes extents may hold", (double)i.limit},
        {"region_charged_bytes", "gauge", "bytes extents hold", (double)i.charged},
        {"region_disk_bytes", "gauge", "bytes of files", (double)i.stored},
        {"region_extents", "gauge", "extents", i.extents},
        {"region_processes", "gauge", "other processes alive", i.processes},
        {"region_tokens", "gauge", "tokens kept", (double)i.rows},
        {"region_asked_tokens_total", "counter", "tokens of prompts looked for", (double)i.asked},
        {"region_found_tokens_total", "counter", "tokens of prompts found", (double)i.found},
        {"region_evicted_total", "counter", "extents that had to go", (double)i.evicted},
        {"region_moved_total", "counter", "extents that went to disk alone", (double)i.moved},
        {"region_damaged_total", "counter", "files found damaged", (double)i.damaged},
        {"region_taken_total", "counter", "values taken from other machines", (double)i.taken},
        {"region_given_total", "counter", "values given to other machines", (double)i.given},
        {"region_refused_total", "counter", "values of other machines that were damaged",
         (double)i.refused},
        {"region_unlinked_total", "counter", "links to other machines that were lost",
         (double)i.unlinked},
    };
    return put_rows(out, rows, sizeof rows / sizeof *rows);
}

static int put_server(mn_serve *s, mn_buf *out) {
    const mn_figures *f = &s->figures;
    const row rows[] = {
        {"uptime_seconds", "gauge", "since the start", mn_clock_seconds() - s->began},
        {"memory_limit_bytes", "gauge", "limit of the budget; 0: none", (double)mn_budget_limit()},
        {"memory_booked_bytes", "gauge", "booked in the budget", (double)mn_budget_used()},
        {"memory_peak_bytes", "gauge", "most memory held at once",
         (double)mn_budget_resident_peak()},
        {"connections", "gauge", "open connections", (double)f->conns},
        {"connections_refused_total", "counter", "connections beyond the limit",
         (double)f->refused},
        {"slow_readers_dropped_total", "counter", "streams whose reader did not keep up",
         (double)f->dropped},
        {"clients_left_total", "counter", "clients that left before the end", (double)f->left},
    };
    return put_rows(out, rows, sizeof rows / sizeof *rows);
}

static int put_requests(const mn_figures *f, mn_buf *out) {
    static const char *const status[MN_STATUSES] = {"left", "1xx", "2xx", "3xx", "4xx", "5xx"};
    MN_TRY(head(out, "requests_total", "counter", "requests by route and status"));
    for (int r = 0; r <= MN_FIGURE_ROUTES; r++) {
        const char *path = r == MN_FIGURE_ROUTES ? "unknown" : mn_routes[r].path;
        if (!path) r = MN_FIGURE_ROUTES, path = "unknown"; /* the end of the table */
        for (int k = 0; k < MN_STATUSES; k++)
            if (f->requests[r][k])
                MN_TRY(mn_buf_printf(
                    out, "omnesia_requests_total{route=\"%s\",status=\"%s\"} %" PRIu64 "\n", path,
                    status[k], f->requests[r][k]));
    }
    return 0;
}

static int put_histogram(mn_buf *out, const char *name, const char *help, const mn_histogram *h) {
    uint64_t sum = 0;
    MN_TRY(head(out, name, "histogram", help));
    for (int i = 0; i < MN_BUCKETS; i++)
        MN_TRY(mn_buf_printf(out, "omnesia_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
                             mn_bucket_seconds[i], sum += h->bucket[i]));
    sum += h->bucket[MN_BUCKETS]; /* not h->count, which may be ahead */
    return mn_buf_printf(out,
                         "omnesia_%s_bucket{le=\"+Inf\"} %" PRIu64 "\nomnesia_%s_sum %.6f\n"
                         "omnesia_%s_count %" PRIu64 "\n",
                         name, sum, name, (double)h->sum_us * 1e-6, name, sum);
}

static void put_model(void *user, const mn_entry *e) {
    mn_buf *out = user;
    /* Names are of the command line: no quotes or backslashes unless somebody means harm to
     * himself; what cannot be appended is missing, and the next scrape has it. */
    if (mn_buf_printf(out, "omnesia_model_loaded{model=\"%s\"} %d\n", e->known ? e->known : e->name,
                      e->model != NULL) < 0)
        return;
}

int mn_metrics_work(mn_exchange *x) {
    mn_serve *s = x->server;
    mn_buf out = {0};
    int rc = head(&out, "info", "gauge", "the version");
    if (rc >= 0) rc = mn_buf_printf(&out, "omnesia_info{version=\"%s\"} 1\n", mn_version());
    if (rc >= 0) rc = put_server(s, &out);
    if (rc >= 0) rc = put_loop(s, &out);
    if (rc >= 0) rc = put_region(s, &out);
    if (rc >= 0) rc = put_requests(&s->figures, &out);
    if (rc >= 0)
        rc = put_histogram(&out, "request_seconds", "of a request, from its head to its end",
                           &s->figures.whole);
    if (rc >= 0)
        rc = put_histogram(&out, "first_token_seconds", "from the head to the first token",
                           &s->figures.first);
    if (rc >= 0) rc = head(&out, "model_loaded", "gauge", "1: the model is in memory");
    if (rc >= 0) mn_models_each(&s->models, put_model, &out);
    if (rc < 0)
        mn_reply_failure(x, rc, NULL, mn_error_detail());
    else
        mn_reply_bytes(x, 200, "text/plain; version=0.0.4; charset=utf-8", out.data, out.len);
    mn_buf_free(&out);
    return 0;
}
