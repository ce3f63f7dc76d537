/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_time.c - plans as they are kept, and how long they take.
 */
#include "fleet/plan_inside.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

int mn_plan_begin(mn_fleet_plan *p, int steps) {
    *p = (mn_fleet_plan){.arena = {.limit = (size_t)16 << 20, .what = "a plan"}};
    return mn_arena_take(&p->arena, ((size_t)steps + 1) * sizeof *p->step, &p->step);
}

static int copy_text(mn_fleet_plan *p, const char *text, const char **out) {
    char *copy;
    const size_t n = strlen(text) + 1;
    MN_TRY(mn_arena_take(&p->arena, n, &copy));
    memcpy(copy, text, n);
    *out = copy;
    return 0;
}

int mn_plan_add(mn_fleet_plan *p, const mn_step *step) {
    mn_step s = *step;
    int rc = s.args ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the words of a step");
    if (rc >= 0) rc = copy_text(p, step->robot, &s.robot);
    if (rc >= 0) rc = copy_text(p, step->skill, &s.skill);
    if (rc < 0) {
        json_decref(s.args);
        return rc;
    }
    p->step[p->n++] = s;
    return 0;
}

void mn_fleet_plan_free(mn_fleet_plan *p) {
    for (int i = 0; i < p->n; i++) json_decref(p->step[i].args);
    mn_arena_free(&p->arena);
    *p = (mn_fleet_plan){.n = 0};
}

/* The step of the same robot before step i in the list; -1. */
static int before(const mn_fleet_plan *p, int i) {
    for (int k = i - 1; k >= 0; k--)
        if (!strcmp(p->step[k].robot, p->step[i].robot)) return k;
    return -1;
}

/* A robot does one step at a time, in the order of the list. */
static double as_soon_as_it_may(const mn_fleet_plan *p) {
    double end[MN_PLAN_STEPS], last = 0;
    for (int i = 0; i < p->n; i++) {
        const int own = before(p, i);
        double begin = own >= 0 ? end[own] : 0;
        for (int k = 0; k < p->step[i].n_after; k++)
            if (end[p->step[i].after[k]] > begin) begin = end[p->step[i].after[k]];
        end[i] = begin + p->step[i].seconds;
        if (end[i] > last) last = end[i];
    }
    return last;
}

static int is_awaited_by_others(const mn_fleet_plan *p, int i) {
    for (int k = i + 1; k < p->n; k++)
        for (int a = 0; a < p->step[k].n_after; a++)
            if (p->step[k].after[a] == i && strcmp(p->step[k].robot, p->step[i].robot)) return 1;
    return 0;
}

static int waits_for_others(const mn_fleet_plan *p, int i) {
    for (int k = 0; k < p->step[i].n_after; k++)
        if (strcmp(p->step[p->step[i].after[k]].robot, p->step[i].robot)) return 1;
    return 0;
}

/* The order number of a step is one more than that of any it waits for, and of its robot's before
 * it; runs: but it goes on in that one's number when nobody waits for that and it for nobody.
 * Robots work side by side within a number. */
static double in_groups(const mn_fleet_plan *p, int runs) {
    int order[MN_PLAN_STEPS], most = -1;
    double sum = 0;
    for (int i = 0; i < p->n; i++) {
        const int own = before(p, i);
        const int goes_on =
            own >= 0 && runs && !waits_for_others(p, i) && !is_awaited_by_others(p, own);
        order[i] = own >= 0 ? order[own] + !goes_on : 0;
        for (int k = 0; k < p->step[i].n_after && !goes_on; k++)
            if (order[p->step[i].after[k]] >= order[i]) order[i] = order[p->step[i].after[k]] + 1;
        if (order[i] > most) most = order[i];
    }
    for (int g = 0; g <= most; g++) {
        double longest = 0;
        for (int i = 0; i < p->n; i++) {
            double all = 0;
            for (int k = 0; k <= i && order[i] == g; k++)
                if (order[k] == g && !strcmp(p->step[k].robot, p->step[i].robot))
                    all += p->step[k].seconds;
            if (all > longest) longest = all;
        }
        sum += longest;
    }
    return sum;
}

double mn_fleet_plan_seconds(const mn_fleet_plan *p, int groups) {
    if (p->n > MN_PLAN_STEPS) return -1;
    return groups ? in_groups(p, groups == MN_GROUPS_OF_RUNS) : as_soon_as_it_may(p);
}

json_t *mn_fleet_plan_write(const mn_fleet_plan *p) {
    json_t *out = json_array();
    int bad = !out;
    for (int i = 0; i < p->n && !bad; i++) {
        const mn_step *s = p->step + i;
        json_t *after = json_array();
        for (int k = 0; k < s->n_after; k++)
            bad |= json_array_append_new(after, json_string(p->step[s->after[k]].id));
        bad |= json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:O, s:o, s:f, s:i}", "id",
                                                    s->id, "robot", s->robot, "skill", s->skill,
                                                    "args", s->args, "after", after, "seconds",
                                                    s->seconds, "goal", s->goal));
    }
    if (!bad) return out;
    json_decref(out);
    return NULL;
}
