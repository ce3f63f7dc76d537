/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/listen.h - the addresses a server listens at, and its certificate.
 */
#ifndef MN_SERVE_LISTEN_H
#define MN_SERVE_LISTEN_H
#include "serve/serve.h"

struct event;
struct ssl_ctx_st;

typedef struct mn_listener {
    mn_serve *server;
    int fd;
    int loopback; /* only this machine can reach it */
    int local;    /* a Unix socket: only this user can */
    char *path;   /* of a Unix socket, removed in the end */
    char url[128];
    struct event *event;
} mn_listener;

enum { MN_LISTENERS = 16 };
typedef struct mn_listen {
    mn_listener item[MN_LISTENERS];
    int n;
    struct ssl_ctx_st *tls; /* NULL: plain */
} mn_listen;

/* Bind all addresses of the options; each failure is one sentence, and nothing is left behind. A
 * default Unix socket that cannot be is left out. */
int mn_listen_open(const mn_serve_options *options, mn_listen *out);
void mn_listen_close(mn_listen *listen);
/* Is this Host one that a browser on this machine may have been led to by nobody else? */
int mn_listen_is_local_name(const char *host);

#endif
