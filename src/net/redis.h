/* SPDX-License-Identifier: Apache-2.0
 *
 * net/redis.h - a connection to Redis: commands one by one, many at once, or what a channel says.
 *
 * The socket, TLS and the clock are net/line.h's; the form of the messages (RESP) is hiredis',
 * which is looked for when the first connection is opened (dlopen): who needs no Redis needs no
 * hiredis, neither to build nor to run. What comes is input of strangers: a reply has REPLY bytes
 * and PARTS parts at most. After MN_EIO or MN_ECORRUPT a connection is of no more use: close it,
 * open another. No sentence has a password in it. One thread at a time.
 */
#ifndef MN_NET_REDIS_H
#define MN_NET_REDIS_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum { MN_REDIS_REPLY = 256 << 20, MN_REDIS_PARTS = 1 << 21 };

typedef struct mn_redis_url {
    char host[256], port[8]; /* or the path of a socket, and "" */
    char user[128], password[512];
    int db, tls;
} mn_redis_url;
/* redis://[user:password@]host[:port][/db], rediss://.. with TLS,
 * unix://[user:password@]/path[?db=N]. %XX are bytes. MN_EINVAL says what is wrong, and never
 * repeats what may be a password. */
int mn_redis_url_read(const char *text, mn_redis_url *out);

typedef enum mn_redis_kind { /* as hiredis counts them */
                             MN_REDIS_TEXT = 1,
                             MN_REDIS_LIST,
                             MN_REDIS_NUMBER,
                             MN_REDIS_NIL,
                             MN_REDIS_STATUS,
                             MN_REDIS_ERROR
} mn_redis_kind;
typedef struct mn_redis_reply {
    mn_redis_kind kind;
    long long number;
    char *text; /* of TEXT, STATUS, ERROR: n bytes, and a 0 behind them */
    size_t n;   /* bytes, or parts of a LIST */
    struct mn_redis_reply **part;
} mn_redis_reply;
void mn_redis_reply_free(mn_redis_reply **r);

typedef struct mn_redis_line mn_redis_line;
/* Connects and says who we are. deadline: mn_clock_ns. MN_EUNSUPPORTED: hiredis is not here;
 * MN_EIO. */
int mn_redis_line_open(const mn_redis_url *at, uint64_t deadline, mn_redis_line **out);
void mn_redis_line_close(mn_redis_line **r);

/* Queue a command; nothing is sent yet. bytes NULL: all words are terminated. */
int mn_redis_line_add(mn_redis_line *r, int n, const char *const *word, const size_t *bytes);
/* Send all of the queue. */
int mn_redis_line_flush(mn_redis_line *r, uint64_t deadline);
/* Send and take what goes at once. */
int mn_redis_line_step(mn_redis_line *r);
size_t mn_redis_line_queued(const mn_redis_line *r); /* bytes that were not sent yet */
/* The next reply, or message of a channel: 1, *out is the caller's; 0: there is none by then.
 * deadline 0: do not wait. Errors of Redis are replies, too. */
int mn_redis_line_next(mn_redis_line *r, uint64_t deadline, mn_redis_reply **out);
/* One command and its reply, when no other is awaited. MN_EIO: with Redis' words, if it was an
 * error of Redis; then the connection is still good (mn_redis_line_good). */
int mn_redis_line_ask(mn_redis_line *r, uint64_t deadline, mn_redis_reply **out, int n,
                      const char *const *word, const size_t *bytes);
int mn_redis_line_good(const mn_redis_line *r);
int mn_redis_line_fd(const mn_redis_line *r); /* to poll */

#endif
