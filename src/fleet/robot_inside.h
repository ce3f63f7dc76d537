/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/robot_inside.h - what robot.c (its life) and robot_do.c (the step it does) share.
 */
#ifndef MN_FLEET_ROBOT_INSIDE_H
#define MN_FLEET_ROBOT_INSIDE_H
#include "fleet/actors.h"
#include "fleet/effect.h"

enum { MN_ROBOT_HOSTS = 16, MN_ROBOT_SKILLS = 128 };

typedef enum robot_phase {
    ROBOT_IDLE,
    ROBOT_RUNS,  /* the skill of the call */
    ROBOT_LOOKS, /* it has ended; what it should have made is inspected */
} robot_phase;

struct mn_actor_robot {
    mn_board *b;
    char name[MN_NAME + 1];
    json_t *profile;
    mn_skill_host *host[MN_ROBOT_HOSTS];
    uint64_t listed[MN_ROBOT_HOSTS]; /* `changed` when it was asked last; UINT64_MAX: never */
    int n_hosts;
    mn_skills skills;
    int owner[MN_ROBOT_SKILLS]; /* of each skill: its host */
    uint64_t lease;             /* its version: the fence */
    mn_fleet_state state, put;  /* put: as it was put last */
    uint64_t beat, due;         /* ns between heartbeats; when the next one is */
    mn_scene scene;             /* as it was read last */
    json_t *call;               /* as it was read last; NULL: none */
    uint64_t version;           /* of the call */
    robot_phase phase;
    mn_skill_host *running, *stuck; /* stuck: did not end when it was told to */
    uint64_t since, limit;          /* ns: when it began, when it must have ended */
    uint64_t cancelled;             /* when it was told to end; 0: it was not */
    uint64_t waits;                 /* since then for another machine's thing; 0: it does not */
    uint64_t told;                  /* when its progress was told last */
    const char *why;                /* code of a cancelled one */
    double progress;
    json_t *result; /* of the skill, while it is looked at */
    mn_buf text;
    mn_skill_end end;  /* that its host has told, and there was no memory for */
    int kept;          /* there is one */
    int stopped, gone; /* a stop stands; the lease is lost */
};

/* robot.c. MN_ECANCELLED, once, when the lease is not ours any more: nothing runs then. */
int mn_robot_lease(mn_actor_robot *r);
/* The robot's state as one more edit, whatever the version it has now. */
int mn_robot_edit_state(mn_actor_robot *r, mn_edits *edits);
/* robot_do.c. Whatever is to be done now; *again is lowered to when it wants to look again. */
int mn_robot_do(mn_actor_robot *r, uint64_t now, uint64_t *again);
void mn_robot_cancel(mn_actor_robot *r, const char *why, uint64_t now);

#endif
