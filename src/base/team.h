/* SPDX-License-Identifier: Apache-2.0
 *
 * base/team.h - a team of threads that shares out the pieces of one operation at a time.
 *
 * Pieces are handed out one by one, so a slow or descheduled thread costs at most its own piece.
 * Waiting never burns a core: a thread with nothing to take spins for about 20 us (two futex wakes)
 * and then sleeps (design decision 8). The caller is worker 0 and works too.
 */
#ifndef MN_BASE_TEAM_H
#define MN_BASE_TEAM_H

typedef struct mn_team mn_team;

int mn_team_open(int threads, mn_team **out); /* 1..64 threads, the caller included */
void mn_team_close(mn_team **team);
int mn_team_size(const mn_team *team);

/* Run work(ctx, piece, worker) for every piece 0 <= piece < n (n <= 1,000,000), in ascending order
 * of hand-out; returns when all are done. One caller at a time. */
void mn_team_run(mn_team *team, void (*work)(void *ctx, int piece, int worker), void *ctx, int n);

/* Share of the time between `mn_team_watch` and now that the team spent waiting at joins for the
 * pieces of others, 0..1, over all threads; for `bench speed`. */
void mn_team_watch(mn_team *team);
double mn_team_waited(const mn_team *team);

#endif
