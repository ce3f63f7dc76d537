/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/reply.h - an HTTP/1.1 reply as it comes in, piece by piece.
 *
 * The bytes may be cut anywhere. A body is as long as Content-Length says, comes in chunks, or
 * lasts until the other side hangs up. A body of type text/event-stream is taken apart into its
 * events, and each one's data is told at once; any other is collected.
 */
#ifndef MN_BENCH_REPLY_H
#define MN_BENCH_REPLY_H
#include "base/buf.h"

#include <stdint.h>

enum { MN_REPLY_HEAD_MAX = 1 << 16, MN_REPLY_BODY_MAX = 1 << 26 };

typedef struct mn_reply { /* zero-initialise, then set what is told to whom */
    /* The data of one event, NUL-terminated, borrowed for the call. Negative ends the reply. */
    int (*on_event)(void *user, const char *data, size_t n);
    void *user;
    int status;       /* 200; 0: the head is not complete yet */
    int event_stream; /* the body is one */
    int keeps;        /* the connection may be used again after it */
    int state;        /* of the parser, with what follows */
    uint64_t left;    /* bytes of the body or the chunk still to come */
    mn_buf line;      /* the head, or the line of an event that is not complete yet */
    mn_buf size;      /* the line around chunks that is not complete yet */
    mn_buf data;      /* of the event that is not complete yet */
    mn_buf body;      /* what is no event stream */
} mn_reply;

/* 1: the reply is complete; 0: more is to come; MN_ECORRUPT: this is no HTTP. */
int mn_reply_feed(mn_reply *r, const char *bytes, size_t n);
/* The other side hung up: 1 when that completes the reply, else MN_ECORRUPT. */
int mn_reply_hung_up(mn_reply *r);
/* For the next reply; on_event and user stay. */
void mn_reply_clear(mn_reply *r);
void mn_reply_free(mn_reply *r);

#endif
