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
 * skills, names of things; then where everything is, what changed last at the end; then the task.
 * From then on it only grows: when steps failed, what is different since is added at the end, so a
 * model whose keys and values are kept reads only that. What was wrong with an answer is added for
 * the next try, and left out again afterwards.
 *
 * Nobody waits for a model for ever: it has `patience` seconds for the first plan and a quarter of
 * that for one in the middle of a task, in which all other steps go on.
 */
#ifndef MN_FLEET_BRAIN_MODEL_H
#define MN_FLEET_BRAIN_MODEL_H
#include "fleet/actors.h"

enum { MN_BRAIN_TRIES = 3 };

/* ---- brain_question.c -------------------------------------------------------------------- */
/* What a model has been told of a task. Zero is nothing. */
typedef struct mn_brain_talk {
    mn_buf system, text;
    json_t *told; /* {"thing apple": its line, ..}: what is the same is not told again */
} mn_brain_talk;
int mn_brain_talk_begin(mn_brain_talk *t, const mn_scene *s, const char *task); /* once */
/* Steps were replaced (`instead`: their ids): what is different since, what failed, and what shall
 * be in the end. */
int mn_brain_talk_again(mn_brain_talk *t, const mn_scene *s, const char *task, const json_t *steps,
                        const json_t *instead, const mn_goals *goals);
void mn_brain_talk_free(mn_brain_talk *t);
int mn_brain_schema(const mn_scene *s, mn_buf *out); /* of an answer in steps */
/* {"why": a sentence, WHAT: [..]}: how long the sentence is at least, how many there are. */
typedef struct mn_brain_answer {
    int why;
    const char *what;
    int least, most;
} mn_brain_answer;
int mn_brain_answer_schema(const mn_brain_answer *a, json_t *any, mn_buf *out); /* any is taken */
json_t *mn_brain_objects(const mn_scene *s);                                    /* their names */
json_t *mn_brain_enum(json_t *names); /* one of these names, which are taken */

/* ---- brain_model.c ----------------------------------------------------------------------- */
typedef struct mn_brain_ask {
    const mn_brain_how *how;
    const mn_scene *s;
    const mn_brain_talk *talk;
    double patience;                /* s, over all answers of one report */
    uint64_t now;                   /* ns of the board */
    const mn_fleet_plan_how *rules; /* what is asked of the rules, too; NULL: nothing */
} mn_brain_ask;

/* An answer as JSON, the caller's; no object: it is none, and the last error says so. What it cost
 * is reported. MN_EBUSY: it is thinking, ask again later with the same report. */
int mn_brain_ask_once(const mn_brain_ask *q, const char *system, const char *text,
                      const char *schema, json_t *report, json_t **out);
/* Steps: 1, the plan is right; 0: none was, after so many tries; MN_E* as above. A plan that is not
 * right as it was said is completed where that is possible: who has a hand in which thing is the
 * model's, the ways and the order are found by the rules. report {"asked", "valid" (against the
 * schema and what there is), "right" (in the world), "completed", "late", "tokens": {"read",
 * "cached", "written"}, "ms", "refused": [sentences], "seconds"}. */
int mn_brain_plan_ask(const mn_brain_ask *q, const mn_goals *goals, mn_fleet_plan *out,
                      json_t *report);

/* ---- brain_goals.c ----------------------------------------------------------------------- */
/* Goals of a sentence that rules do not understand: 1; 0: neither does the model. MN_E*: it could
 * not be asked; MN_EBUSY: it is thinking, ask again later with the same report, which gets "goals".
 */
int mn_brain_goals_ask(const mn_brain_ask *q, const char *task, mn_goals *out, json_t *report);

#endif
