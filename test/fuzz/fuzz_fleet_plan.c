/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_plan.c - any bytes as steps of a plan (first byte 'p'), as goals ('g'), or
 * as a sentence (any other), in a kitchen with three robots.
 *
 * Checked: an error has a sentence and leaves nothing behind; what was taken is the same when it is
 * written and read again; no step is before one that it waits for; a plan that the rules make is
 * right; none takes longer than the same in groups.
 */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#include <stdint.h>
#include <string.h>

static void check(int good) {
    if (!good) __builtin_trap();
}
#define assert_ok(call)   check((call) >= 0)
#define assert_true(true) check(true)
#include "../fleet/made.h"
#include "fleet/plan.h"

static mn_scene *scene(void) {
    static mn_scene s;
    if (!s.n_things) {
        json_set_alloc_funcs(mn_malloc, mn_free);
        made_kitchen(&s);
    }
    return &s;
}

static void said_why(int rc, int left) {
    check(rc < 0 && rc != MN_ENOMEM && *mn_error_detail() && !left);
}

static void plan_is_sound(const mn_scene *s, const mn_fleet_plan *p, const mn_goals *g) {
    mn_buf text = {0};
    mn_fleet_plan again;
    json_t *const json = mn_fleet_plan_write(p);
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < p->step[i].n_after; k++) check(p->step[i].after[k] < i);
    check(json && !mn_fleet_plan_parse(s, json, &again));
    json_t *const is = mn_fleet_plan_write(&again);
    for (size_t i = 0; i < json_array_size(json); i++) /* these are worked out anew */
        for (int k = 0; k < 2; k++) {
            json_object_del(json_array_get(json, i), k ? "goal" : "seconds");
            json_object_del(json_array_get(is, i), k ? "goal" : "seconds");
        }
    check(json_equal(json, is));
    check(p->makespan >= 0 && p->makespan <= mn_fleet_plan_seconds(p, 1) + 1e-6);
    if (mn_fleet_plan_check(s, p, g) < 0) check(*mn_error_detail() != 0);
    check(!mn_fleet_plan_explain(s, p, &text));
    mn_buf_free(&text);
    mn_fleet_plan_free(&again);
    json_decref(is);
    json_decref(json);
}

static void steps(const mn_scene *s, const json_t *json) {
    mn_fleet_plan p;
    const mn_goals none = {.n = 0};
    const int rc = mn_fleet_plan_parse(s, json, &p);
    if (rc < 0) {
        said_why(rc, p.n || p.step);
        return;
    }
    plan_is_sound(s, &p, &none);
    mn_fleet_plan_free(&p);
}

static void goals_are_sound(const mn_scene *s, const mn_goals *g) {
    mn_goals again;
    mn_fleet_plan p;
    json_t *const json = mn_goals_write(g);
    check(json && !mn_goals_parse(s, json, &again));
    json_t *const is = mn_goals_write(&again);
    check(json_equal(json, is));
    check(mn_goals_reached(s, g) <= g->n && g->n <= MN_GOALS);
    for (int i = 0; i < g->n; i++) check(g->stage[i] >= (i ? g->stage[i - 1] : 0));
    check(!g->n || g->stage[g->n - 1] < MN_GOALS);
    const int rc = mn_fleet_plan_make(s, g, NULL, &p);
    if (rc < 0) said_why(rc, p.n || p.step);
    if (!rc) check(!mn_fleet_plan_check(s, &p, g));
    if (!rc) plan_is_sound(s, &p, g);
    mn_fleet_plan_free(&p);
    mn_goals_free(&again);
    json_decref(is);
    json_decref(json);
}

static void goals(const mn_scene *s, const json_t *json, const char *text) {
    mn_goals g;
    const int rc = text ? mn_goals_read(s, text, &g) : mn_goals_parse(s, json, &g);
    if (rc < 0)
        said_why(rc, g.n || g.arena.limit);
    else
        goals_are_sound(s, &g);
    mn_goals_free(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const mn_scene *const s = scene();
    if (!n || n > 65536) return 0;
    if (*data == 'p' || *data == 'g') {
        json_t *const json = json_loadb((const char *)data + 1, n - 1, JSON_DECODE_ANY, NULL);
        if (json && *data == 'p') steps(s, json);
        if (json && *data == 'g') goals(s, json, NULL);
        json_decref(json);
        return 0;
    }
    char *const text = mn_malloc(n);
    check(text != NULL);
    memcpy(text, data + 1, n - 1);
    text[n - 1] = 0;
    goals(s, NULL, text);
    mn_free(text);
    return 0;
}
