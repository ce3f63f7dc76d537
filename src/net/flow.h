/* SPDX-License-Identifier: Apache-2.0
 *
 * net/flow.h - a question over HTTP whose answer is looked for now and then: one JSON text, or
 * server-sent events that come as they come. Nothing here waits, and it can be given up at any
 * time, which closes the connection at once.
 *
 * Each has a thread of its own (net/post.h does the rest), which lives on alone for as long as it
 * takes to reach the other, or not, when it is given up before.
 */
#ifndef MN_NET_FLOW_H
#define MN_NET_FLOW_H
#include "net/post.h"

typedef struct mn_flow mn_flow;
typedef struct mn_flow_how {
    const char *url;               /* copied, as all of this is */
    const char *method;            /* NULL: POST */
    const char *head, *key, *body; /* as in mn_post; NULL */
    const char *want;              /* name of a header of the answer that is kept; NULL */
    int seconds;
    size_t most; /* bytes of one message; WAITING of them at most wait to be taken */
    int bell;    /* an eventfd that rings when there is something; borrowed until it is closed */
} mn_flow_how;
enum { MN_FLOW_WAITING = 8 << 20 };

int mn_flow_open(const mn_flow_how *how, mn_flow **out);
/* 1: the next message is in *out, in place of what it had; 0: there is none now, and may be;
 * MN_ENOENT: there will be none, it has ended well; else what went wrong. */
int mn_flow_take(mn_flow *f, mn_buf *out);
int mn_flow_status(mn_flow *f);                     /* of HTTP; 0: not yet */
int mn_flow_wanted(mn_flow *f, char *value, int n); /* 1: the header came; n: room */
void mn_flow_close(mn_flow **f);                    /* NULL-safe */

#endif
