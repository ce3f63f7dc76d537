/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/redis.h - a Redis of our own, to measure beside: started in a folder, on a Unix socket,
 * without persistence; and the few words of its protocol (RESP) that the bench speaks.
 */
#ifndef MN_BENCH_REDIS_H
#define MN_BENCH_REDIS_H
#include "base/child.h"

#include <stddef.h>

typedef struct mn_redis {
    mn_child *server;
    char socket[108], version[16];
} mn_redis;

/* MN_ENOENT: there is none on this machine. */
int mn_redis_start(const char *folder, mn_redis *out);
void mn_redis_end(mn_redis *redis);
int mn_redis_connect(const mn_redis *redis); /* a descriptor, or negative with a sentence */
/* Send n bytes, then read a reply of exactly `reply` bytes into `out`. */
int mn_redis_ask(int fd, const char *bytes, size_t n, char *out, size_t reply);
int mn_redis_read(int fd, char *out, size_t n);

#endif
