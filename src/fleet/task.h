/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/task.h - a task and its plan, as they lie on the board.
 *
 *   task/ID  {"id", "text", "by", "goals": [..], "planner": "rules" | MODEL, "confirm": bool,
 *             "state": "planning" | "running" | "done" | "failed" | "cancelled",
 *             "asked", "begun", "ended" (us since 1970), "why" (the plan in words, or what failed),
 *             "steps": [{"id", "robot", "skill", "args", "after": [ids], "seconds", "goal",
 *                        "state": "waiting" | "given" | "running" | "done" | "failed" | "replaced",
 *                        "tries", "begun", "ended", "code", "text", "for": id it stands in for}],
 *             "replans": N, "replanned": steps that were planned anew, "failed_subtree": steps that
 *             depended on failed ones, "looks", "looked": brain_look.c, "alone": us when all were
 *             gone (brain_replan.c), "model": {"asked", "valid", "right", "tokens", "cached",
 *             "ms"}}
 *   call/ROBOT  {"task", "step", "try", "skill", "args", "limit" (s), "lease": version,
 *                "state": "given" | "running" | "done" | "failed" | "cancel" | "idle",
 *                "code", "text", "progress", "result"}
 *
 * The arrows of a call: idle -> given (brain), given -> running (robot), running -> done | failed
 * (robot, in the same commit as what it made true), any -> cancel (brain), cancel -> failed
 * (robot), done | failed -> idle (brain, in the same commit as the step). Each by version: who is
 * late fails.
 * The steps are a graph of agent/task.h (circles are refused there, replacing is its `replace`).
 */
#ifndef MN_FLEET_TASK_H
#define MN_FLEET_TASK_H
#include "fleet/plan.h"

/* task.c. Ids are "t1", "t2", ..: the next one of the fleet. */
int mn_fleet_ask(mn_board *b, const char *text, const char *by, int confirm, char id[16]);
int mn_fleet_cancel(mn_board *b, const char *id);
/* The step asks a person; *now, the caller's, how often it was tried (NULL: never). tries (NULL:
 * any): of the step that is meant. MN_ENOENT: it does not ask, and why. */
int mn_fleet_asks(mn_board *b, const char *id, const char *step, const json_t *tries, json_t **now);
/* The step that asks may be done; no: shall not be. tries (NULL: any): of the step that is meant.
 * MN_ENOENT: it does not ask, and why. */
int mn_fleet_confirm(mn_board *b, const char *id, const char *step, const json_t *tries, int no);
/* task_why.c: each step of a task gets a "why": why it is there, and why this robot does it. */
int mn_fleet_why(const mn_scene *s, json_t *task);
/* As a tree for a terminal, with states; then the "why" of each step, when they have one. */
int mn_fleet_show(const json_t *task, mn_buf *out);

#endif
