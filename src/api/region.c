/* SPDX-License-Identifier: Apache-2.0
 *
 * api/region.c - omnesia.h, the region; mn_region_open, _close and _clear are region/'s own.
 */
#include "region/region.h"
#include "omnesia.h"

#include "base/error.h"
#include "kv/look.h"
#include "region/disk.h"

#include <string.h>

void mn_region_describe(mn_region *r, mn_region_info *out) {
    mn_region_counts c;
    _Static_assert(sizeof c == sizeof *out, "one shape under two names");
    _Static_assert((int)MN_DAYS == (int)MN_DISK_DAYS, "what is said is what is done");
    mn_region_count(r, &c);
    memcpy(out, &c, sizeof c);
}

/* ---- lists -------------------------------------------------------------------------------- */
typedef struct listing {
    mn_region *region;
    int (*extent)(void *user, const mn_region_extent *extent);
    int (*process)(void *user, const mn_region_process *process);
    void *user;
} listing;

static int each_extent(void *user, const mn_extent_facts *f) {
    const listing *w = user;
    mn_kv_view view;
    mn_region_extent e = {.ref = f->ref,
                          .rows = f->derived ? 0 : f->rows,
                          .memory = f->memory,
                          .disk = f->disk,
                          .born = f->born,
                          .used = f->used,
                          .cost_us = f->cost_us,
                          .writer = f->writer,
                          .reader = f->reader,
                          .readers = f->readers,
                          .open = f->open,
                          .kept = f->kept};
    e.start = f->derived ? -2 : mn_kv_look(w->region, f->ref, &view) ? view.start : -1;
    return w->extent(w->user, &e);
}

int mn_region_extents(mn_region *r, int (*each)(void *user, const mn_region_extent *extent),
                      void *user) {
    listing w = {.region = r, .extent = each, .user = user};
    return mn_region_each(r, each_extent, &w);
}

static int each_process(void *user, const mn_proc_facts *f) {
    const listing *w = user;
    const mn_region_process p = {f->pid, f->born, f->pins, f->writes};
    return w->process(w->user, &p);
}

int mn_region_processes(mn_region *r, int (*each)(void *user, const mn_region_process *process),
                        void *user) {
    listing w = {.region = r, .process = each, .user = user};
    mn_region_reap(r);
    return mn_region_each_process(r, each_process, &w);
}

/* ---- health ------------------------------------------------------------------------------- */
typedef struct inspecting {
    const mn_progress *progress;
    void (*wrong)(void *user, const char *line);
    void *user;
    const char *what;
} inspecting;

static int report(void *user, uint64_t done, uint64_t total) {
    const inspecting *w = user;
    const mn_progress *p = w->progress;
    return p && p->report ? p->report(p->user, w->what, done, total) : 0;
}

static void tell(void *user, const char *line) {
    const inspecting *w = user;
    if (w->wrong) w->wrong(w->user, line);
}

int mn_region_check(mn_region *r, int mend, const mn_progress *progress,
                    void (*wrong)(void *user, const char *line), void *user,
                    mn_region_health *out) {
    mn_region_findings f;
    inspecting w = {progress, wrong, user, "comparing files with their sums"};
    const mn_check_how how = {mend, report, tell, &w};
    _Static_assert(sizeof f == sizeof *out, "one shape under two names");
    const int rc = mn_region_inspect(r, &how, &f);
    memcpy(out, &f, sizeof f);
    return rc;
}

/* ---- forgetting --------------------------------------------------------------------------- */
typedef struct since {
    mn_region *region;
    uint64_t from;
    mn_region_gone sum;
} since;

static int forget_young(void *user, const mn_extent_facts *f) {
    since *w = user;
    if (f->born >= w->from) mn_extent_forget(w->region, f->ref, &w->sum);
    return 0;
}

static void say(const mn_region_gone *g, mn_forgotten *out) {
    *out = (mn_forgotten){g->bytes, g->rows, g->stayed_rows, g->by, g->extents, g->stayed};
}

int mn_region_forget(mn_region *r, uint64_t from, mn_forgotten *out) {
    since w = {.region = r, .from = from};
    *out = (mn_forgotten){0};
    mn_region_reap(r);
    MN_TRY(mn_region_each(r, forget_young, &w));
    w.sum.bytes += mn_region_scrub(r);
    say(&w.sum, out);
    return 0;
}

int mn_region_forget_tokens(mn_region *r, const int32_t *ids, int32_t n, mn_forgotten *out) {
    mn_region_gone g;
    *out = (mn_forgotten){0};
    const int rc = mn_kv_forget(r, ids, n, &g);
    say(&g, out);
    return rc;
}
