/* SPDX-License-Identifier: Apache-2.0
 *
 * base/team.h - a team of threads that shares out the pieces of one operation at a time.
 *
 * Each thread has a run of neighbouring pieces of its own, takes them in ascending order, and
 * then takes from the ends of the others' runs, so a slow or descheduled thread costs at most
 * what it has in hand, and memory is read in long stretches. Waiting never burns a core: a
 * thread with nothing to take fetches what it will read next (mn_team_soon), spins for about 20
 * us (two futex wakes) and then sleeps (design decision 8). The caller is worker 0 and works
 * too.
 */
#ifndef MN_BASE_TEAM_H
#define MN_BASE_TEAM_H

#include <stddef.h>

typedef struct mn_team mn_team;

int mn_team_open(int threads, mn_team **out); /* 1..64 threads, the caller included */
void mn_team_close(mn_team **team);
int mn_team_size(const mn_team *team);

/* Run work(ctx, piece, worker) for every piece 0 <= piece < n (n <= 1,000,000); returns when all
 * are done. One caller at a time. */
void mn_team_run(mn_team *team, void (*work)(void *ctx, int piece, int worker), void *ctx, int n);
/* The same in two halves: the others begin, and the caller does something else before he comes to
 * help them. Alone he does it all in the second. Each begin has its end. */
void mn_team_begin(mn_team *team, void (*work)(void *ctx, int piece, int worker), void *ctx, int n);
void mn_team_end(mn_team *team);

/* The first piece of a worker's own run of n. */
static inline int mn_team_first(const mn_team *team, int n, int worker) {
    return (int)((long)n * worker / mn_team_size(team));
}

/* What `worker` will most likely read at the beginning of the operation after the next one: it
 * fetches these bytes into its cache instead of waiting. A hint; any address will do. */
void mn_team_soon(mn_team *team, int worker, const void *data, size_t bytes);

/* Share of the time between `mn_team_watch` and now that the team spent waiting at joins for the
 * pieces of others, 0..1, over all threads; for `bench speed`. */
void mn_team_watch(mn_team *team);
double mn_team_waited(const mn_team *team);

#endif
