/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/progress.c - "pulling smollm2-135m  [########------]  57 %  53/93 MB  12 MB/s  3 s".
 *
 * Redrawn at most ten times a second; the rate is the mean since the first report, so a resumed
 * pull does not claim the bytes of the last one.
 */
#include "cli/progress.h"

#include "base/budget.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int columns(void) {
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

/* "3 s", "2 min", "1.5 h" */
static const char *duration(double s, char out[16]) {
    if (s < 100)
        snprintf(out, 16, "%.0f s", s);
    else if (s < 6000)
        snprintf(out, 16, "%.0f min", s / 60);
    else
        snprintf(out, 16, "%.1f h", s < 3.6e6 ? s / 3600 : 1000);
    return out;
}

static void tail(const mn_cli_bar *b, uint64_t done, uint64_t total, double now, char out[96]) {
    const double spent = now - b->began;
    const double rate = spent > 0.5 && done > b->first ? (double)(done - b->first) / spent : 0;
    char have[24], all[24], speed[24] = "", left[16] = "";
    if (b->in_bytes) {
        mn_budget_human(done, have);
        mn_budget_human(total, all);
        if (rate > 0) mn_budget_human((uint64_t)rate, speed);
    } else {
        snprintf(have, sizeof have, "%llu", (unsigned long long)done);
        snprintf(all, sizeof all, "%llu", (unsigned long long)total);
        if (rate > 0) snprintf(speed, sizeof speed, "%.1f", rate);
    }
    if (rate > 0 && total > done) duration((double)(total - done) / rate, left);
    snprintf(out, 96, "%s%s%s  %s%s%s", have, total ? " of " : "", total ? all : "", speed,
             *speed ? "/s  " : "", left);
}

static void draw(const mn_cli_bar *b, const char *what, uint64_t done, uint64_t total, double now) {
    char end[96], bar[32] = "";
    tail(b, done, total, now, end);
    if (total) {
        if (done > total) done = total;
        const int full = (int)(20 * (double)done / (double)total);
        memset(bar, '-', 20);
        memset(bar, '#', (size_t)full);
        snprintf(bar + 20, sizeof bar - 20, "] %3.0f %%", 100 * (double)done / (double)total);
    }
    char line[256];
    snprintf(line, sizeof line, "%s  %s%s  %s", what, total ? "[" : "", bar, end);
    fprintf(stderr, "\r\033[K%.*s", columns() - 1, line);
    fflush(stderr);
}

static int report(void *user, const char *what, uint64_t done, uint64_t total) {
    mn_cli_bar *b = user;
    const double now = mn_clock_seconds();
    if (!b->what || strcmp(b->what, what) != 0 || done < b->first) {
        b->what = what;
        b->began = now;
        b->first = done;
        b->drawn = 0;
    }
    if (now - b->drawn < 0.1 && done != total) return 0;
    b->drawn = now;
    b->shown = 1;
    draw(b, what, done, total, now);
    return 0;
}

mn_progress mn_cli_progress(mn_cli_bar *bar) {
    const mn_progress none = {0};
    return isatty(STDERR_FILENO) ? (mn_progress){.report = report, .user = bar} : none;
}

void mn_cli_progress_clear(mn_cli_bar *bar) {
    if (bar->shown) fputs("\r\033[K", stderr);
    bar->shown = 0;
}

void mn_cli_notice(void *bar, const char *line) {
    if (bar) mn_cli_progress_clear(bar);
    fprintf(stderr, "omnesia: %s\n", line);
}

int mn_cli_tell(void *bar, const char *line) {
    if (line) mn_cli_notice(bar, line);
    return 0;
}

int mn_cli_model_open(const char *name, mn_model_options how, mn_model **out) {
    mn_cli_bar bar = {.in_bytes = 1};
    how.progress = mn_cli_progress(&bar);
    how.notice = mn_cli_notice;
    how.notice_user = &bar;
    if (!how.kind) how.kind = MN_WRITES;
    const int rc = mn_model_open(name, &how, out);
    mn_cli_progress_clear(&bar);
    return rc;
}
