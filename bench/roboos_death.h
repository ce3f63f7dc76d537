/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_death.h - how long until a robot that was killed, or hangs, has lost its lease.
 */
#ifndef MN_BENCH_ROBOOS_DEATH_H
#define MN_BENCH_ROBOOS_DEATH_H
#include <stdint.h>

enum { MN_DEATHS = 200 };
typedef struct mn_deaths_how {
    const char *region; /* path */
    int kills, hangs;   /* at most MN_DEATHS: SIGKILL; SIGSTOP */
    double load;        /* s, with two busy loops a core and nobody who dies */
    uint64_t seed;
} mn_deaths_how;
typedef struct mn_deaths_result {
    int kills, hangs;
    double kill_ms[MN_DEATHS], hang_ms[MN_DEATHS]; /* until the lease was gone */
    int late;   /* robots that hung and then went on as if they had their lease */
    int alarms; /* robots lost under load that were well */
    long beats; /* states put under load */
} mn_deaths_result;
int mn_deaths_run(const mn_deaths_how *how, mn_deaths_result *out);

#endif
