/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/batches.h - /v1/batches: files of requests that are answered beside everything else.
 *
 *   validating -> in_progress -> finalizing -> completed
 *        |             |              |
 *        +-> failed    +--------------+-> cancelling -> cancelled, or expired
 *
 * A batch is run by mn_batch_run (serve/batch.c), as `omnesia batch` runs one; here is what clients
 * of OpenAI see of it. MN_RUNNERS of them run at once, one of each tenant, so that nobody's waits
 * for all of another's; together they have a quarter of the slots in use at most, so that a client
 * who waits for an answer finds one free. Answers are on the disk as they come: a batch that the
 * end of a server interrupts goes on with the next one, where it was.
 */
#ifndef MN_SERVE_BATCHES_H
#define MN_SERVE_BATCHES_H
#include "serve/shelf.h"

#include <stddef.h>

#define MN_BATCH_PREFIX "batch_"
enum {
    MN_BATCHES_LIVE = 64, /* of a tenant, that have not ended */
    MN_BATCHES_KEPT = 256 /* of a tenant; the oldest that has ended goes */
};

typedef enum mn_batch_status {
    MN_BATCH_VALIDATING,
    MN_BATCH_IN_PROGRESS,
    MN_BATCH_FINALIZING,
    MN_BATCH_CANCELLING, /* those up to here are live */
    MN_BATCH_COMPLETED,
    MN_BATCH_FAILED,
    MN_BATCH_EXPIRED,
    MN_BATCH_CANCELLED,
    MN_BATCH_STATUSES
} mn_batch_status;

typedef struct mn_batch {
    mn_item item;
    mn_batch_status status;
    int64_t at[MN_BATCH_STATUSES]; /* seconds: it came to be so; 0: never */
    int64_t expires;
    char in[MN_ID], out[MN_ID], err[MN_ID]; /* files: of requests, answers, refusals */
    int has_out, has_err;                   /* they are there, and have lines */
    char endpoint[64];
    json_t *metadata, *errors; /* an object; a list; NULL */
    int total, answered, refused;
    int runs;       /* a runner has it */
    int late;       /* it is stopped since its time is over */
    int tries;      /* that the state of the machine made fail, one after the other */
    double not_yet; /* the next try is not before then; monotonic seconds */
} mn_batch;

int mn_batches_post_work(mn_exchange *x);
int mn_batches_list_work(mn_exchange *x);
int mn_batches_get_work(mn_exchange *x);    /* /v1/batches/ID */
int mn_batches_cancel_work(mn_exchange *x); /* /v1/batches/ID/cancel */

/* ---- with the lock of the shelf -------------------------------------------------------------- */
int mn_batches_load(const json_t *record, mn_item **out); /* as mn_files_load */
void mn_batches_free(mn_item **list);
void mn_batches_resume(mn_serve *server); /* those that were loaded go on */
/* Does a live batch write the file of this name? */
int mn_batches_write(const mn_item *list, const char *id, size_t n);
void mn_batches_enter(mn_shelf *shelf, mn_batch *b, mn_batch_status status); /* and its record */
int mn_batches_wake(mn_serve *server); /* there is something to run */
static inline int mn_batch_is_live(const mn_batch *b) {
    return b->status <= MN_BATCH_CANCELLING;
}

/* ---- the end of a server --------------------------------------------------------------------- */
void mn_batches_halt(mn_shelf *shelf); /* no more is asked; what runs is left for the next server */
/* The HTTP thread has ended; the caller is it while runners still wait for it. */
void mn_batches_close(mn_serve *server);

#endif
