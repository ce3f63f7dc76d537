/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim_inside.h - what the files of a simulated body share.
 */
#ifndef MN_FLEET_SIM_INSIDE_H
#define MN_FLEET_SIM_INSIDE_H
#include "base/random.h"
#include "fleet/world.h"

enum { MN_SIM_POINTS = MN_NAME + 4 };

/* What a skill does to the truth, once its time is up. */
typedef struct mn_sim_deed {
    mn_board *b;
    const char *robot;
    const mn_skill *skill;
    const json_t *args;
    mn_random *random;
} mn_sim_deed;

/* sim_act.c. Would it work now? NULL, or the code it fails with; `text` says why. */
const char *mn_sim_may(const mn_sim_deed *d, const mn_scene *s, mn_buf *text);
/* Done: the truth changes. *code: NULL, or of what came between. */
int mn_sim_act(const mn_sim_deed *d, const mn_scene *s, const char **code, mn_buf *text);
/* It slips out of the hand, or on the way into it. */
int mn_sim_drop(const mn_sim_deed *d, const mn_scene *s);
/* sim_see.c. Detections of what is truly where the skill was done, *out an array. */
int mn_sim_see(const mn_sim_deed *d, const mn_scene *s, json_t **out);

const char *mn_sim_arg(const json_t *args, const char *name); /* "" */

#endif
