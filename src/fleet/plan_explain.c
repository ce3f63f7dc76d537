/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_explain.c - a plan in words: what each robot does, one robot a line, and for whom it
 * waits.
 */
#include "fleet/plan_inside.h"

#include "base/error.h"

#include <string.h>

int mn_plan_say(const mn_scene *s, const mn_step *step, mn_buf *out) {
    const mn_robot_seen *r = mn_scene_robot(s, step->robot);
    const mn_skill *k = r ? mn_skills_find(&r->skills, step->skill) : NULL;
    const char *a = "", *b = "";
    const mn_fact *f = NULL;
    for (int i = 0; k && i < k->n_makes && !f; i++)
        if (!k->makes[i].not_ || k->makes[i].name == MN_FACT_OPEN) f = k->makes + i;
    if (f) {
        a = json_string_value(json_object_get(step->args, f->arg[0]));
        b = f->arg[1] ? json_string_value(json_object_get(step->args, f->arg[1])) : NULL;
        a = a ? a : f->arg[0];
        b = b ? b : f->arg[1] ? f->arg[1] : "";
    }
    switch (f ? (int)f->name : 0) {
    case MN_FACT_AT: return mn_buf_printf(out, "goes to %s", b);
    case MN_FACT_HOLDING:
        return strcmp(a, "robot") ? mn_buf_printf(out, "gives %s to %s", b, a)
                                  : mn_buf_printf(out, "takes %s", b);
    case MN_FACT_IN:
        return mn_buf_printf(out, "puts %s %s %s", a, mn_thing_how(mn_scene_thing(s, b)), b);
    case MN_FACT_OPEN: return mn_buf_printf(out, "%s %s", f->not_ ? "closes" : "opens", a);
    case MN_FACT_IS: return mn_buf_printf(out, "makes %s %s", a, b);
    default: break;
    }
    const char *const text = json_string_value(json_object_get(step->args, "text")),
                      *const place = json_string_value(json_object_get(step->args, "place"));
    if (text) return mn_buf_printf(out, "says \"%s\"", text);
    if (place && !strcmp(step->skill, "inspect")) return mn_buf_printf(out, "looks at %s", place);
    return mn_buf_puts(out, step->skill);
}

int mn_fleet_plan_explain(const mn_scene *s, const mn_fleet_plan *p, mn_buf *out) {
    if (!p->n) return mn_buf_puts(out, "Nothing is to be done.");
    for (int i = 0; i < p->n; i++) {
        int first = 1;
        for (int k = 0; k < i; k++) first &= strcmp(p->step[k].robot, p->step[i].robot) != 0;
        if (!first) continue;
        MN_TRY(mn_buf_printf(out, "%s%s", out->len ? "\n" : "", p->step[i].robot));
        int said = 0;
        for (int k = i; k < p->n; k++) {
            const mn_step *step = p->step + k;
            if (strcmp(step->robot, p->step[i].robot) != 0) continue;
            MN_TRY(mn_buf_puts(out, said++ ? ", " : " "));
            MN_TRY(mn_plan_say(s, step, out));
            for (int d = 0, others = 0; d < step->n_after; d++) {
                const mn_step *before = p->step + step->after[d];
                if (!strcmp(before->robot, step->robot)) continue;
                MN_TRY(mn_buf_printf(out, "%s", others++ ? " and " : " after "));
                MN_TRY(mn_buf_printf(out, "%s ", before->robot));
                MN_TRY(mn_plan_say(s, before, out));
            }
        }
        MN_TRY(mn_buf_puts(out, "."));
    }
    return mn_buf_printf(out, "\nThat takes %.0f s.", p->makespan);
}
