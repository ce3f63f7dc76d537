/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/state.c - /api/state: all a dashboard shows, in one object.
 *
 * A worker gathers it, since tables of the region and of the loop may make one wait. Rates are of
 * the time since somebody last looked, at least a quarter of a second.
 */
#include "serve/memories.h"
#include "serve/models.h"
#include "serve/routes.h"
#include "serve/server.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXTENTS = 200 };

static json_t *loop_json(const mn_loop_info *i) {
    return json_pack("{s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "running",
                     i->running, "waiting", i->waiting, "slots", i->slots, "step_tokens",
                     i->step_tokens, "steps", (json_int_t)i->steps, "busy_us",
                     (json_int_t)i->busy_us, "read", (json_int_t)i->read, "cached",
                     (json_int_t)i->cached, "written", (json_int_t)i->written, "ended",
                     (json_int_t)i->ended, "cancelled", (json_int_t)i->cancelled, "failed",
                     (json_int_t)i->failed, "preempted", (json_int_t)i->preempted);
}

/* As text: 64 bits are more than a number has in JavaScript. */
static json_t *ref_json(uint64_t ref) {
    return json_sprintf("%llu", (unsigned long long)ref);
}

static int add_job(void *user, const mn_job_info *j) {
    json_t *extents = json_array();
    for (int i = 0; i < j->n_extents && i < 16; i++)
        json_array_append_new(extents, ref_json(j->extent[i]));
    json_array_append_new(
        user, json_pack("{s:I, s:s?, s:s?, s:s?, s:f, s:i, s:i, s:i, s:o}", "id", (json_int_t)j->id,
                        "owner", j->owner, "model", j->model, "state", j->state, "age_ms",
                        j->age_ms, "prompt_tokens", (int)j->prompt_tokens, "cached_tokens",
                        (int)j->cached_tokens, "tokens", (int)j->tokens, "extents", extents));
    return 0;
}

static json_t *region_json(mn_region *region) {
    mn_region_info i;
    if (!region) return json_null();
    mn_region_describe(region, &i);
    const struct {
        const char *name;
        uint64_t value;
    } row[] = {{"limit", i.limit},
               {"charged", i.charged},
               {"warm", i.warm},
               {"disk_limit", i.disk_limit},
               {"stored", i.stored},
               {"held", i.held},
               {"size", i.size},
               {"rows", i.rows},
               {"cost_us", i.cost_us},
               {"processes", (uint64_t)i.processes},
               {"extents", (uint64_t)i.extents},
               {"open", (uint64_t)i.open},
               {"out", (uint64_t)i.out},
               {"asked", i.asked},
               {"found", i.found},
               {"evicted", i.evicted},
               {"moved", i.moved},
               {"damaged", i.damaged},
               {"watched", i.watched},
               {"taken", i.taken},
               {"given", i.given},
               {"refused", i.refused},
               {"unlinked", i.unlinked}};
    json_t *o = json_pack("{s:s, s:s}", "path", i.path, "disk", i.disk);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++)
        json_object_set_new(o, row[k].name, json_integer((json_int_t)row[k].value));
    return o;
}

/* What is in use, then the newest; references do not grow with time. A heap would do, a table of
 * 200 that is searched for its last does too. */
typedef struct newest {
    mn_region_extent item[EXTENTS];
    int n;
} newest;

static int by_age(const void *a, const void *b) {
    const mn_region_extent *x = a, *y = b;
    const int used = (y->readers > 0) - (x->readers > 0);
    if (used) return used;
    if (x->born != y->born) return x->born < y->born ? 1 : -1;
    return x->ref < y->ref ? 1 : x->ref > y->ref ? -1 : 0;
}

static int add_extent(void *user, const mn_region_extent *e) {
    newest *all = user;
    if (all->n < EXTENTS) return all->item[all->n++] = *e, 0;
    int last = 0;
    for (int i = 1; i < EXTENTS; i++)
        if (by_age(&all->item[i], &all->item[last]) > 0) last = i;
    if (by_age(e, &all->item[last]) < 0) all->item[last] = *e;
    return 0;
}

static json_t *extents_json(mn_region *region) {
    json_t *list = json_array();
    newest *all = region ? mn_calloc(1, sizeof *all) : NULL;
    if (!all) return list;
    mn_region_extents(region, add_extent, all);
    qsort(all->item, (size_t)all->n, sizeof *all->item, by_age);
    for (int i = 0; i < all->n; i++) {
        const mn_region_extent *e = &all->item[i];
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i}",
                            "ref", ref_json(e->ref), "rows", (json_int_t)e->rows, "memory",
                            (json_int_t)e->memory, "disk", (json_int_t)e->disk, "born",
                            (json_int_t)e->born, "used", (json_int_t)e->used, "cost_us",
                            (json_int_t)e->cost_us, "writer", (json_int_t)e->writer, "reader",
                            (json_int_t)e->reader, "readers", (int)e->readers, "open", (int)e->open,
                            "kept", (int)e->kept, "start", (int)e->start));
    }
    mn_free(all);
    return list;
}

static int add_process(void *user, const mn_region_process *p) {
    json_array_append_new(user, json_pack("{s:I, s:I, s:i, s:i}", "pid", (json_int_t)p->pid, "born",
                                          (json_int_t)p->born, "pins", (int)p->pins, "writes",
                                          (int)p->writes));
    return 0;
}

static json_t *processes_json(mn_region *region) {
    json_t *list = json_array();
    if (region) mn_region_processes(region, add_process, list);
    return list;
}

static void add_model(void *user, const mn_entry *e) {
    json_array_append_new(user, json_pack("{s:s, s:b, s:i, s:b, s:I, s:i, s:i, s:I}", "name",
                                          e->known ? e->known : e->name, "loaded", e->model != NULL,
                                          "users", e->users, "embedding", e->vectors, "bytes",
                                          (json_int_t)(e->model ? e->info.weight_bytes : 0),
                                          "context", e->model ? e->info.n_context : 0, "threads",
                                          e->model ? e->info.threads : 0, "parameters",
                                          (json_int_t)(e->model ? e->info.parameters : 0)));
}

/* Tokens a second since the last look. */
static json_t *rates_json(mn_figures *f, const mn_loop_info *i) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    const double now = mn_clock_seconds(), passed = now - f->looked;
    if (passed >= 0.25) {
        f->read_rate = (uint64_t)((double)(i->read - f->read) / passed * 1e3);
        f->written_rate = (uint64_t)((double)(i->written - f->written) / passed * 1e3);
        f->read = i->read;
        f->written = i->written;
        f->looked = now;
    }
    json_t *o = json_pack("{s:f, s:f}", "read", (double)f->read_rate / 1e3, "written",
                          (double)f->written_rate / 1e3);
    pthread_mutex_unlock(&lock);
    return o;
}

/* "fleet/NAME/..": each name once. Tenants have none. */
static int add_fleet(void *user, const mn_object *o) {
    enum { FLEETS = 32 };
    const char *const name = o->key + strlen("fleet/");
    const size_t n = strcspn(name, "/");
    const json_t *const last = json_array_get(user, json_array_size(user) - 1);
    if (last && json_string_length(last) == n && !strncmp(json_string_value(last), name, n))
        return 0;
    json_array_append_new(user, json_stringn(name, n));
    return json_array_size(user) >= FLEETS;
}

static json_t *fleets_json(const mn_exchange *x, mn_region *region) {
    json_t *const list = json_array();
    if (region && !x->has_tenant) mn_object_list(region, "fleet/", add_fleet, list);
    return list;
}

int mn_state_work(mn_exchange *x) {
    mn_serve *s = x->server;
    mn_region *region = s->options.model.region;
    mn_loop_info info;
    json_t *jobs = json_array(), *models = json_array();
    mn_loop_describe(s->loop, &info);
    mn_loop_jobs(s->loop, add_job, jobs);
    mn_models_each(&s->models, add_model, models);
    return mn_reply_json(
        x, 200,
        json_pack("{s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:o, s:o}",
                  "version", mn_version(), "system", s->options.request.system, "uptime_s",
                  mn_clock_seconds() - s->began, "fleets", fleets_json(x, region), "loop",
                  loop_json(&info), "jobs", jobs, "region", region_json(region), "extents",
                  extents_json(region), "processes", processes_json(region), "models", models,
                  "memory", "limit", (json_int_t)mn_budget_limit(), "resident",
                  (json_int_t)mn_budget_resident(), "booked", (json_int_t)mn_budget_used(),
                  "tokens_per_s", rates_json(&s->figures, &info), "remembered",
                  mn_memory_pulse(x)));
}
