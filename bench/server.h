/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/server.h - a server under load: `omnesia serve` or llama-server, started by the same lines.
 */
#ifndef MN_BENCH_SERVER_H
#define MN_BENCH_SERVER_H
#include "bench/load.h"
#include "bench/stage.h"

#include <limits.h>

/* A way to start one. Both get a port of their own, the same model file and number of threads. */
typedef struct mn_server_kind {
    const char *name; /* what reports call it: the flags that tell it from the others */
    int peer;         /* it is llama-server */
    const char *flags[12];
} mn_server_kind;
enum { MN_SERVER_KINDS = 4 };
extern const mn_server_kind mn_server_kinds[MN_SERVER_KINDS]; /* ours first */

typedef struct mn_server_plan { /* what all servers of a bench have in common */
    const mn_stage *stage;
    const char *model;   /* path of the GGUF file */
    char peer[PATH_MAX]; /* path of llama-server; "": there is none */
    int threads;
} mn_server_plan;
/* Where llama-server is: in the folder given, else where tools/peers/llama-cpp.sh builds it. 0: it
 * is nowhere, and `peer` is "". */
int mn_server_find_peer(const char *folder, char peer[PATH_MAX]);

typedef struct mn_server {
    mn_actor actor;
    const mn_server_kind *kind;
    int port;
    char folder[80], region[96]; /* ours: what it has for itself */
    char line[1024];             /* its command line */
} mn_server;

/* Start it and wait until it is well. Ours begins with an empty region. */
int mn_server_start(const mn_server_plan *plan, const mn_server_kind *kind, mn_server *out);
/* Bytes in memory: at most so far, own and shared; now; and of these in files that lie in
 * memory, as a region does. */
typedef struct mn_server_weight {
    double peak, now, shared;
} mn_server_weight;
int mn_server_weigh(const mn_server *s, mn_server_weight *out);
/* Processor time of this machine that neither the server nor this process took: part of all it has,
 * since the clock was started. Figures beside busy neighbours are worth nothing. */
typedef struct mn_server_clock {
    double wall, busy, ours; /* seconds */
} mn_server_clock;
mn_server_clock mn_server_clock_read(const mn_server *s);
double mn_server_others(const mn_server *s, const mn_server_clock *since);
/* SIGTERM: seconds until it has ended, while its clients go on reading; MN_EIO after 60. */
int mn_server_term(mn_server *s, mn_load *clients, double *seconds);
void mn_server_kill(mn_server *s); /* if there is one */

#endif
