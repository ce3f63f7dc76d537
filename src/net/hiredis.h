/* SPDX-License-Identifier: Apache-2.0
 *
 * net/hiredis.h - the few calls of hiredis 0.14 that we make, as its headers have them.
 */
#ifndef MN_NET_HIREDIS_H
#define MN_NET_HIREDIS_H
#include <stddef.h>

typedef struct hi_task { /* redisReadTask: what is being read */
    int type, elements, place;
    void *object;
    struct hi_task *parent;
    void *user;
} hi_task;
typedef struct hi_makers { /* redisReplyObjectFunctions; NULL: no memory */
    void *(*text)(const hi_task *t, char *text, size_t n);
    void *(*list)(const hi_task *t, int n);
    void *(*number)(const hi_task *t, long long number);
    void *(*nil)(const hi_task *t);
    void (*free)(void *object);
} hi_makers;
typedef struct hi_reader { /* redisReader, its first fields */
    int error;
    char why[128];
} hi_reader;

/* X(what it returns, its name without "redis", what it takes) */
#define MN_HIREDIS_LIST(X)                                                                 \
    X(hi_reader *, ReaderCreateWithFunctions, (hi_makers * makers))                        \
    X(void, ReaderFree, (hi_reader * r))                                                   \
    X(int, ReaderFeed, (hi_reader * r, const char *bytes, size_t n))                       \
    X(int, ReaderGetReply, (hi_reader * r, void **reply))                                  \
    X(int, FormatCommandArgv, (char **out, int n, const char **word, const size_t *bytes)) \
    X(void, FreeCommand, (char *command))

typedef struct mn_hiredis {
#define X(type, name, takes) type(*name) takes;
    MN_HIREDIS_LIST(X)
#undef X
} mn_hiredis;

/* MN_EUNSUPPORTED: it is not here, and where to get it. */
int mn_hiredis_load(const mn_hiredis **out);

#endif
