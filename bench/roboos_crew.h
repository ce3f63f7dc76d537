/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_crew.h - a brain and robots as processes in the kitchen, for rows that measure how
 * long it takes until something is known everywhere.
 */
#ifndef MN_BENCH_ROBOOS_CREW_H
#define MN_BENCH_ROBOOS_CREW_H
#include "fleet/actors.h"

#include <sys/types.h>

enum { MN_CREW = 16 };
typedef struct mn_crew {
    char path[96]; /* of the region */
    mn_region *region;
    mn_board *board;
    pid_t pid[MN_CREW]; /* 0: it has ended */
    int n;
} mn_crew;

/* The kitchen and its truth go onto the board. Closing kills who is left. */
int mn_crew_open(const char *path, mn_crew *out);
void mn_crew_close(mn_crew *c);
/* Another process: *who is its place in pid. It is killed when this one ends. */
int mn_crew_brain(mn_crew *c, int *who);
/* `plug` gives it skills, in its process, where `board` is its own. It stands, and reaches all. */
typedef int (*mn_crew_plug)(void *user, mn_board *board, mn_actor_robot *r);
int mn_crew_robot(mn_crew *c, const char *name, mn_crew_plug plug, void *user, int *who);
/* Its exit status; 128 + signal. 1: as mn_drive_robot fails when its lease is gone. */
int mn_crew_end(mn_crew *c, int who, int signal);

/* Until it is so, at most 60 s: MN_EIO says what was waited for. */
int mn_crew_until(mn_crew *c, int (*is)(mn_crew *c, const void *user), const void *user,
                  const char *what);
int mn_crew_joined(mn_crew *c, const void *name);  /* it has a lease */
int mn_crew_able(mn_crew *c, const void *name);    /* and skills, that it has told */
int mn_crew_running(mn_crew *c, const void *name); /* its call runs */
int mn_crew_free(mn_crew *c, const void *name);    /* it does not */
long mn_crew_events(mn_crew *c, const char *kind); /* how many */

/* Sorted: the value below which so many of a hundred are. */
double mn_crew_percentile(double *values, int n, double percent);

#endif
