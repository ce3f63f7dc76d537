/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/top_view.c - the picture of `omnesia top`: bars, counters, processes, extents, in this order,
 * as many rows and columns as there are. What does not fit is left out from the end.
 */
#include "cli/top.h"

#include "base/budget.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct view {
    int columns, rows, colour, n; /* n: lines so far */
    mn_buf *out;
} view;

__attribute__((format(printf, 3, 4))) static int line(view *v, const char *style,
                                                      const char *format, ...) {
    char text[512];
    va_list args;
    if (v->n >= v->rows) return 0;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ') *p = '?'; /* a path may hold anything */
    const char *end = v->n++ ? "\n" : "";
    const int styled = v->colour && *style;
    return mn_buf_printf(v->out, "%s%s%.*s%s", end, styled ? style : "", v->columns, text,
                         styled ? "\033[0m" : "");
}

/* "3 s", "12 min", "5 h", "9 d" */
static const char *age(uint64_t now, uint64_t then, char out[16]) {
    const uint64_t s = now > then ? now - then : 0;
    if (s < 100)
        snprintf(out, 16, "%llu s", (unsigned long long)s);
    else if (s < 100 * 60)
        snprintf(out, 16, "%llu min", (unsigned long long)s / 60);
    else if (s < 48 * 3600)
        snprintf(out, 16, "%llu h", (unsigned long long)s / 3600);
    else
        snprintf(out, 16, "%llu d", (unsigned long long)s / 86400 % 100000);
    return out;
}

static int bar(view *v, const char *name, uint64_t has, uint64_t most) {
    char marks[64], a[16], b[16];
    int width = v->columns - 34;
    width = width > 40 ? 40 : width < 4 ? 4 : width;
    const double part = most ? (double)has / (double)most : 0;
    const int full = (int)(part > 1 ? width : part * width + (has ? 0.999 : 0));
    for (int i = 0; i < width; i++) marks[i] = i < full ? '#' : '-';
    marks[width] = 0;
    return line(v, part > 0.9 ? "\033[33m" : "", "%-7s[%s] %s of %s", name, marks,
                mn_budget_human(has, a), mn_budget_human(most, b));
}

static int counters(view *v, const mn_top *t) {
    const mn_region_info *i = &t->info;
    const double rate = i->asked ? 100 * (double)i->found / (double)i->asked : 0;
    MN_TRY(bar(v, "memory", i->charged, i->limit));
    if (*i->disk) MN_TRY(bar(v, "disk", i->stored, i->disk_limit));
    MN_TRY(line(v, "", "found   %.1f %% of %llu tokens asked for, %llu tokens are here", rate,
                (unsigned long long)i->asked, (unsigned long long)i->rows));
    MN_TRY(line(v, "", "extents %d, %d growing, %d on disk alone, %d with vectors of records",
                i->extents, i->open, i->out, i->derived));
    if (i->watched)
        MN_TRY(line(v, "", "watched %llu names of objects", (unsigned long long)i->watched));
    return line(v, i->damaged ? "\033[31m" : "",
                "since   it was made: %llu evicted, %llu moved to "
                "disk, %llu damaged",
                (unsigned long long)i->evicted, (unsigned long long)i->moved,
                (unsigned long long)i->damaged);
}

static int processes(view *v, const mn_top *t) {
    char since[16];
    const int most = t->extents ? (v->rows - v->n) / 3 : v->rows - v->n;
    MN_TRY(line(v, "\033[7m", "%8s  %8s  %6s  %6s", "process", "since", "writes", "uses"));
    for (int i = 0; i < t->processes && i < most; i++) {
        const mn_region_process *p = t->process + i;
        MN_TRY(line(v, "", "%8lld  %8s  %6d  %6d", (long long)p->pid, age(t->at, p->born, since),
                    p->writes, p->pins));
    }
    if (t->processes > most) MN_TRY(line(v, "", "%8s  and %d more", "..", t->processes - most));
    return 0;
}

static const char *where(const mn_region_extent *e) {
    if (e->open) return "growing";
    return !e->memory ? "disk" : e->disk ? "both" : "memory";
}

static int extents(view *v, const mn_top *t) {
    char used[16], size[16], from[16];
    MN_TRY(line(v, "\033[7m", "%7s %6s %7s %-8s %8s %7s %5s", "used", "from", "tokens", "where",
                "size", "saves", "users"));
    for (int i = 0; i < t->extents; i++) {
        const mn_region_extent *e = t->extent + i;
        const uint64_t bytes = e->memory > e->disk ? e->memory : e->disk;
        if (e->start == -2)
            snprintf(from, sizeof from, "vector");
        else
            snprintf(from, sizeof from, "%d", e->start);
        MN_TRY(line(v, "", "%7s %6s %7llu %-7s%c %8s %5.1f s %5d", age(t->at, e->used, used), from,
                    (unsigned long long)e->rows, where(e), e->kept ? '*' : ' ',
                    mn_budget_human(bytes, size), (double)e->cost_us * 1e-6, e->readers));
    }
    return 0;
}

int mn_top_draw(const mn_top *t, int columns, int rows, int colour, int live, mn_buf *out) {
    view v = {.columns = columns, .rows = rows, .colour = colour, .out = out};
    MN_TRY(line(&v, "\033[1m", "omnesia top%s  %s", live ? "  (q leaves)" : "", t->info.path));
    MN_TRY(counters(&v, t));
    if (t->processes) MN_TRY(processes(&v, t));
    return t->extents ? extents(&v, t) : 0;
}
