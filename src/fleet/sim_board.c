/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim_board.c - the board of a simulated fleet: one in memory, that also knows who watches
 * what. Whoever does is called 20 to 120 us after a change, by the seed, as a process would be; who
 * made the change is not.
 */
#include "fleet/sim_board.h"
#include "base/error.h"
#include "fleet/brain_inside.h"

#include <string.h>

static sim *of(mn_board *b) {
    return (sim *)(void *)b;
}

static int get(mn_board *b, const char *key, mn_buf *value, uint64_t *version) {
    mn_board *const heap = of(b)->heap;
    return heap->ops->get(heap, key, value, version);
}
static int each_key(mn_board *b, const char *prefix,
                    int (*each)(void *user, const char *key, uint64_t version), void *user) {
    mn_board *const heap = of(b)->heap;
    return heap->ops->each(heap, prefix, each, user);
}
static int record(mn_board *b, const char *key, uint64_t from, mn_buf *value, uint64_t *number) {
    mn_board *const heap = of(b)->heap;
    return heap->ops->record(heap, key, from, value, number);
}
static uint64_t now(mn_board *b) {
    return of(b)->now;
}
static int64_t wall_time(mn_board *b) {
    return (int64_t)(of(b)->now / 1000);
}
static void close_board(mn_board **b) {
    *b = NULL; /* it is a part of the simulation */
}

/* ---- who is woken -------------------------------------------------------------------------- */
static void wake(sim *s, int who) {
    if (who == s->acting) return;
    const uint64_t when = s->now + 20000 + mn_random_u64(&s->random) % 100000;
    uint64_t *const due = who == SIM_BRAIN ? &s->brain_due : &s->robot[who].due;
    if (when < *due) *due = when;
}

/* "task/t1" of fleet/FLEET/task/t1; NULL. */
static const char *kind_of(const char *key) {
    const char *const fleet = strchr(key, '/'), *const kind = fleet ? strchr(fleet + 1, '/') : NULL;
    return kind ? kind + 1 : NULL;
}

int mn_sim_wakes(const char *key, const char *robot) {
    static const char *const brains[] = {"call/", "lease/", "ask/", "task/", "confirm/"};
    const char *const kind = kind_of(key), *const name = kind ? strchr(kind, '/') : NULL;
    if (kind && !strcmp(kind, "stop")) return 1;
    for (int i = 0; name && !robot && i < 5; i++)
        if (!strncmp(kind, brains[i], strlen(brains[i]))) return 1;
    return name && robot && (!strncmp(kind, "call/", 5) || !strncmp(kind, "lease/", 6)) &&
           !strcmp(name + 1, robot);
}

static void changed(sim *s, const char *key) {
    for (int i = 0; i < s->n; i++)
        if (s->robot[i].robot && mn_sim_wakes(key, s->robot[i].name)) wake(s, i);
    if (s->brain && mn_sim_wakes(key, NULL)) wake(s, SIM_BRAIN);
}

static int commit(mn_board *b, mn_edit *edits, int n) {
    sim *const s = of(b);
    const int rc = s->heap->ops->commit(s->heap, edits, n);
    for (int i = 0; i < n && rc >= 0; i++)
        if (edits[i].kind != MN_EDIT_CHECK) changed(s, edits[i].key);
    return rc;
}

/* ---- what is told -------------------------------------------------------------------------- */
static double seconds_of(sim *s, const json_t *event) {
    json_t *task = NULL, *step;
    double takes = 2;
    size_t i;
    if (mn_board_get(&s->board, "task/", mn_brain_field(event, "task"), &task, NULL) > 0) {
        json_array_foreach(json_object_get(task, "steps"), i, step) {
            if (strcmp(mn_brain_field(step, "id"), mn_brain_field(event, "step")) == 0)
                takes = json_number_value(json_object_get(step, "seconds"));
        }
    }
    json_decref(task);
    return takes;
}

/* The robot that is to die has begun a step: it dies in the middle of it. */
static void begun(sim *s, const json_t *event) {
    const char *const name = mn_brain_field(event, "robot");
    for (int i = 0; i < s->n; i++) {
        sim_robot *const r = &s->robot[i];
        if (strcmp(r->name, name) || r->begun++ != s->how->kill_step) continue;
        if (s->how->kill && !strcmp(name, s->how->kill) && s->how->kill_at < 0)
            s->kill = s->now + (uint64_t)(seconds_of(s, event) / 2 * 1e9);
    }
}

static int append(mn_board *b, const char *key, const void *value, size_t n) {
    sim *const s = of(b);
    json_t *const event = json_loadb(value, n, 0, NULL);
    const char *const kind = mn_brain_field(event, "kind");
    if (strcmp(kind, "started") == 0) begun(s, event);
    if (strcmp(kind, "task") == 0) s->look = 1;
    if (strcmp(kind, "invalid") == 0) s->invalid++;
    if (s->how->tell && event)
        s->how->tell(s->how->user, (double)(s->now - s->start) * 1e-9, event);
    json_decref(event);
    return s->heap->ops->append(s->heap, key, value, n);
}

static const mn_board_ops ops = {.name = "sim",
                                 .alone = 1,
                                 .get = get,
                                 .commit = commit,
                                 .each = each_key,
                                 .append = append,
                                 .record = record,
                                 .now = now,
                                 .time = wall_time,
                                 .close = close_board};

void mn_sim_clock(sim *s, uint64_t at) {
    if (at > s->now) s->now = at;
    mn_board_clock(s->heap, s->now, wall_time(&s->board));
}

int mn_sim_board(sim *s) {
    s->kill = s->joins = s->brain_dies = s->brain_due = SIM_NEVER;
    s->acting = -1;
    mn_random_seed(&s->random, s->how->seed);
    MN_TRY(mn_board_open_heap("sim", &s->heap));
    s->board.ops = &ops;
    memcpy(s->board.fleet, s->heap->fleet, sizeof s->board.fleet);
    return 0;
}
