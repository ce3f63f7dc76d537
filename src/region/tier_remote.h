/* SPDX-License-Identifier: Apache-2.0
 *
 * region/tier_remote.h - the remote tier: values under names that follow from what they hold, in a
 * Redis that several machines share.
 *
 * A region's references mean nothing elsewhere, so nothing here is an extent: a value is some bytes
 * whose name (32 bytes) is a hash of their cause, the same on every machine, and what is under it
 * is never changed. What values hold, and whether to believe them, is their owner's (kv/far.h).
 *
 * All work is done by two threads with a connection each: one takes, one gives, which runs when
 * nobody else wants the processor. Nobody waits for them longer than he wants to. A Redis that is
 * gone is tried again after a while, by the taking thread; until then there is no work for it, and
 * what was to be given is dropped. Nothing is removed from Redis but what turned out to be damaged:
 * what leaves it for room is Redis' choice (maxmemory-policy allkeys-lru).
 */
#ifndef MN_REGION_TIER_REMOTE_H
#define MN_REGION_TIER_REMOTE_H
#include "base/error.h"
#include "region/region.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_remote mn_remote;
typedef struct mn_remote_link mn_remote_link; /* a thread's connection */
typedef struct mn_remote_name {
    uint8_t byte[32];
} mn_remote_name;

/* redis://, rediss:// or unix:// (net/redis.h). MN_EINVAL: it is no such URL. Nothing is waited
 * for: a thread connects, and says when it cannot (base/tell.h). The region counts what is taken
 * and given for all of its processes; borrowed. */
int mn_remote_open(const char *url, mn_region *region, mn_remote **out);
/* What is being given is given, for some seconds at most; what is taken stops. NULL-safe. */
void mn_remote_close(mn_remote **r);
/* 1: connected; or, for a moment when it has just been opened, about to be. */
int mn_remote_up(const mn_remote *r);
int mn_remote_coming(const mn_remote *r);

typedef struct mn_remote_counts {
    uint64_t asked, found;     /* names that were looked for, and were there */
    uint64_t came, came_bytes; /* values that were taken, and were right */
    uint64_t took_us;          /* from asking what is there until they were */
    uint64_t refused, late;    /* that were damaged, or strange; takings that took too long */
    uint64_t sent, sent_bytes; /* values that were given */
    uint64_t dropped;          /* works of giving that could not be done */
    uint64_t lost;             /* how often there was no connection to be had, or it broke */
} mn_remote_counts;
void mn_remote_count(const mn_remote *r, mn_remote_counts *out);

/* ---- work ---------------------------------------------------------------------------------- */
/* run is called exactly once, by the thread, or link NULL: it cannot be done, clean up. */
typedef struct mn_remote_work {
    void (*run)(struct mn_remote_work *w, mn_remote_link *link);
    struct mn_remote_work *next;
} mn_remote_work;
void mn_remote_take(mn_remote *r, mn_remote_work *w);
void mn_remote_give(mn_remote *r, mn_remote_work *w); /* too many: the oldest is dropped */

/* By work, in its thread. What fails is told, counted, and ends the connection: MN_EIO. */
int mn_remote_stopping(const mn_remote_link *l); /* 1: it is to come to an end */
/* there[i]: is a value under name[i]? They count as used just now. */
int mn_remote_look(mn_remote_link *l, const mn_remote_name *name, int n, uint8_t *there);
/* Ask for a value; the next that was asked for: 1, *bytes are borrowed until the next call; 0: it
 * is not there any more; 2: it has not come by `until` (mn_clock_ns). */
int mn_remote_ask(mn_remote_link *l, const mn_remote_name *name);
int mn_remote_next(mn_remote_link *l, uint64_t until, const uint8_t **bytes, size_t *n);
/* What was asked for is not wanted any more. late: it took too long. */
void mn_remote_leave(mn_remote_link *l, int late);
/* It was taken, and was right; or was not, and is removed: what is wrong with it. */
void mn_remote_came(mn_remote_link *l, size_t bytes);
void mn_remote_refuse(mn_remote_link *l, const mn_remote_name *name, const char *what);
int mn_remote_put(mn_remote_link *l, const mn_remote_name *name, const uint8_t *bytes, size_t n);
int mn_remote_settle(mn_remote_link *l); /* all that was put is there */

#endif
