/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_model.h - plans by a model: what it is asked, the only answers it can give, and
 * whether they are any good.
 *
 * The answer follows a JSON schema in which robots, skills, things and places are enums of what
 * there is, so it names nothing else; whether it is right in the world is looked at
 * (mn_fleet_plan_check), and what was wrong is said to the model, which may try again. The
 * deterministic plan is made in any case: it is the floor, and takes over when no plan of the model
 * is right, or is a slower one.
 *
 * What is asked is laid out by how often it changes: rules and an example, robots with their
 * skills, names of things; then where everything is, what changed last at the end; then the task,
 * then what was wrong. So a model whose keys and values are kept computes only what is new, and
 * planning again in the middle of a task costs the last part of the scene.
 */
#ifndef MN_FLEET_BRAIN_MODEL_H
#define MN_FLEET_BRAIN_MODEL_H
#include "fleet/actors.h"

enum { MN_BRAIN_TRIES = 3 };

/* The two texts and the schema of a question for steps. refused: what was wrong so far, sentences,
 * or NULL. */
int mn_brain_system(const mn_scene *s, mn_buf *out);
int mn_brain_text(const mn_scene *s, const char *task, const json_t *refused, mn_buf *out);
int mn_brain_schema(const mn_scene *s, mn_buf *out);

/* Goals of a sentence that rules do not understand: 1; 0: neither does the model. MN_E*: it could
 * not be asked; MN_EBUSY: it is thinking, ask again later with the same report, which gets "goals".
 */
int mn_brain_goals_ask(const mn_scene *s, const char *task, const mn_brain_how *how, mn_goals *out,
                       json_t *report);
/* Steps: 1, the plan is right; 0: none was, after so many tries; MN_E* as above. report {"asked",
 * "valid" (against the schema and what there is), "right" (in the world), "tokens": {"read",
 * "cached", "written"}, "ms", "refused": [sentences], "seconds"}. */
int mn_brain_plan_ask(const mn_scene *s, const char *task, const mn_goals *goals,
                      const mn_brain_how *how, mn_fleet_plan *out, json_t *report);

#endif
