/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/actors.h - who acts in a fleet: robots, the brain, the monitor. Each is a *step*: it looks
 * at the board, does what is to be done now, never waits, and says when it wants to be called again
 * at the latest (ns of the board). Real processes step when the board changes or the time has come
 * (fleet/drive.c); simulated fleets step all of them in one thread (fleet/sim.c).
 *
 * Heartbeat: a state says until when the next one is there, BEAT ms on unless the robot says
 * otherwise; it comes a little sooner (MN_FLEET_HASTE). A robot is lost when its process has ended,
 * which its own machine knows at once; when it hangs, so that no state came for BEAT and another
 * MN_FLEET_HASTE of it, and for STARVED ms more while all it waits for is a processor or a disk.
 * Then who watches here (life.h) takes its lease, puts what it held where it was last known to be,
 * and its steps are planned anew. Whoever finds his own lease gone stops. A robot of another
 * machine (bridge.h) that is silent for two BEAT is cut off: it keeps the step it has; when it has
 * been so for CUT seconds, that is planned anew.
 */
#ifndef MN_FLEET_ACTORS_H
#define MN_FLEET_ACTORS_H
#include "fleet/task.h"

enum { MN_FLEET_BEAT = 250 /* ms */, MN_FLEET_CUT = 30 /* s */ };
/* A sanitizer's build takes 50 ms of a processor to end a step; beside others, over a second. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { MN_FLEET_STARVED = 10000 /* ms */ };
#else
enum { MN_FLEET_STARVED = 1000 /* ms */ };
#endif
/* Part of a beat after which the next state is put, and which a late one is waited for: so one may
 * be late by a whole beat, and who stops is known within two. */
#define MN_FLEET_HASTE(beat) ((beat) / 5 * 4)

/* ---- robot.c ----------------------------------------------------------------------------- */
typedef struct mn_actor_robot mn_actor_robot;
/* profile: fleet/profile.h's JSON, with "name". Hosts are taken: closed with the robot. MN_EBUSY: a
 * robot of this name lives already. */
int mn_actor_robot_join(mn_board *b, const json_t *profile, mn_skill_host *const *hosts,
                        int n_hosts, mn_actor_robot **out);
int mn_actor_robot_step(mn_actor_robot *r, uint64_t *again);
/* Where it is; called by who knows, before the next step. NULL fields of state stay. */
mn_fleet_state *mn_actor_robot_state(mn_actor_robot *r);
int mn_actor_robot_publish(mn_actor_robot *r);                   /* now, at any rate */
int mn_actor_robot_plug(mn_actor_robot *r, mn_skill_host *host); /* one more, taken */
const char *mn_actor_robot_name(const mn_actor_robot *r);
/* readable when a host has something */
int mn_actor_robot_fds(const mn_actor_robot *r, int *fds, int cap);
void mn_actor_robot_leave(mn_actor_robot **r); /* says goodbye: what it holds stays its own */
void mn_actor_robot_die(mn_actor_robot **r);   /* as kill -9 would: nothing is said */

/* ---- brain.c, monitor.c, recover.c ------------------------------------------------------- */
typedef struct mn_brain mn_brain;
typedef struct mn_brain_how {
    const char *model; /* name, for people; NULL: rules alone */
    /* Plan with a model: the answer to `system` (what does not change), `text` (what does) follows
     * `schema`; *out is freed with mn_free. tokens: read, cached, written, and the ms it took.
     * MN_EBUSY: it is thinking; the same is asked again soon. NULL: there is no model. */
    int (*ask)(void *user, const char *system, const char *text, const char *schema, char **out,
               int tokens[4]);
    void *user;
    double patience; /* s that a first plan of the model may take; a later one a quarter; 0: 60 */
    int groups; /* by ordered groups, as RoboOS does, for comparison: MN_GROUPS_OF_.. (plan.h) */
    int keep;   /* 1: nobody is relieved, for comparison */
} mn_brain_how;
/* One brain at a time: MN_EBUSY names the process that has it; a dead one is taken over, with its
 * tasks as they are. */
int mn_brain_open(mn_board *b, const mn_brain_how *how, mn_brain **out);
int mn_brain_step(mn_brain *k, uint64_t *again);
/* Readable when a robot of this machine has ended: then step. */
int mn_brain_fds(const mn_brain *k, int *fds, int cap);
void mn_brain_close(mn_brain **k); /* another may begin at once */
void mn_brain_die(mn_brain **k);   /* as kill -9 would: its lease runs out */

/* ---- stop.c ------------------------------------------------------------------------------ */
int mn_fleet_stop(mn_board *b, const char *robot, const char *by); /* NULL: all */
int mn_fleet_resume(mn_board *b, const char *robot);
int mn_fleet_stopped(mn_board *b, const char *robot);

/* ---- sim.c: a whole fleet in one thread, in its own time --------------------------------- */
typedef struct mn_sim_how {
    const json_t *world; /* fleet/world.h; NULL: the kitchen */
    int robots;          /* so many of the world's, more are made like them; 0: all */
    uint64_t seed;
    const char *kill;  /* this robot dies.. */
    double kill_at;    /* ..after so many seconds; < 0: in the middle of a step.. */
    int kill_step;     /* ..this one of those it does, from 0 */
    double brain_dies; /* > 0: after so many seconds; the next brain begins a second later */
    double fail;       /* how likely a skill fails, 0 to 1, beside what the world says */
    const char *slow;  /* this robot takes.. */
    double slow_by;    /* ..so many times longer than its profile says */
    const char *late;  /* this robot is not there at first, but joins.. */
    double joins;      /* ..after so many seconds */
    double limit;      /* seconds of the fleet's time; 0: 3600 */
    const mn_brain_how *brain;                               /* NULL: rules */
    void (*tell)(void *user, double t, const json_t *event); /* each event, as it happens; NULL */
    const int *end; /* not 0 any more: it ends, MN_ECANCELLED; NULL: never */
    void *user;
} mn_sim_how;
typedef struct mn_sim_result {
    int reached, steps, replans, replanned, failed_subtree; /* reached: all goals, in the truth */
    int valid;       /* 1: each plan was, against the schema and in the world */
    int lost;        /* things that are in no list of the truth, or in two */
    int relieved;    /* how often work was given to others because they end it sooner */
    double makespan; /* s of the fleet's time */
    double planned;  /* s, of the first plan */
    uint64_t seed;
    char why[256]; /* what failed; "" */
} mn_sim_result;
/* MN_EINVAL: the world, or who is to be killed, slow or late. A task that fails is no
 * failure: out->why says why. */
int mn_sim_run(const mn_sim_how *how, const char *task, mn_sim_result *out);

/* ---- drive.c: real processes, in real time ----------------------------------------------- */
/* What wakes an actor: changes on a region's board that concern it. For who has a loop of his own:
 * an fd that is readable then (mn_drive_fd, mn_drive_clear). */
typedef struct mn_drive mn_drive;
int mn_drive_open(mn_region *r, mn_board *b, const char *robot, /* NULL: the brain */
                  mn_drive **out);
int mn_drive_fd(const mn_drive *d);
void mn_drive_clear(mn_drive *d);
void mn_drive_close(mn_drive **d);
/* Sleep until something changes or one of fds is readable (1), or it is `until` (0). */
int mn_drive_wait(mn_drive *d, const int *fds, int n, uint64_t until);
/* Steps until *end (set by a signal handler or another thread, which then writes to mn_drive_fd as
 * to an eventfd). hz: states a second, 0: a heartbeat only. MN_ECANCELLED: its lease is gone. A
 * step that fails otherwise is an event ("trouble"), and is tried again. */
int mn_drive_robot(mn_drive *d, mn_actor_robot *r, double hz, const volatile int *end);
int mn_drive_brain(mn_drive *d, mn_brain *k, const volatile int *end);

#endif
