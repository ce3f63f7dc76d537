/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_stop.h - how long a stop takes to reach skills that run, of each kind.
 */
#ifndef MN_BENCH_ROBOOS_STOP_H
#define MN_BENCH_ROBOOS_STOP_H

enum { MN_STOPS = 1000 };
typedef enum mn_stop_kind {
    MN_STOP_STDIO,  /* a program over its standard streams */
    MN_STOP_OBJECT, /* a shared object in the process that hosts it */
    MN_STOP_HTTP,   /* a server */
    MN_STOP_SIM,    /* a simulated body */
    MN_STOP_KINDS
} mn_stop_kind;

typedef struct mn_stops_how {
    const char *folder, *program; /* for files; `omnesia`, which hosts shared objects */
    int stops;                    /* at most MN_STOPS; each eighth is of one robot alone */
} mn_stops_how;
typedef struct mn_stops_result {
    const char *name[MN_STOP_KINDS], *missing[MN_STOP_KINDS]; /* why a kind is not there; NULL */
    int n[MN_STOP_KINDS], n_all;
    double ms[MN_STOP_KINDS][MN_STOPS]; /* from the call of stop until the skill was told */
    double all[MN_STOPS];               /* of one stop: until the last was */
} mn_stops_result;
int mn_stops_run(const mn_stops_how *how, mn_stops_result *out);

#endif
