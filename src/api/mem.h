/* SPDX-License-Identifier: Apache-2.0
 *
 * api/mem.h - an open memory of agents: its records, the model that makes vectors of them, who
 * organises them, and the thread that does both.
 */
#ifndef MN_API_MEM_H
#define MN_API_MEM_H
#include "agent/notes.h"
#include "agent/org.h"
#include "base/buf.h"
#include "omnesia.h"

#include <pthread.h>

/* Records that went, as texts to look for (api/mem_forget.c). */
typedef struct mn_mem_gone {
    mn_buf texts;
    int rows;
    int64_t since; /* us since 1970: when the oldest of them came */
} mn_mem_gone;

struct mn_mem {
    mn_notes *notes;
    mn_region *region; /* borrowed; NULL: changes are told nobody */
    char *turn;        /* path of the lock of who makes vectors */
    mn_mem_options options;
    char *model_name;
    mn_model *model; /* NULL: not opened yet, or not here */
    int dim;
    char *planner_name; /* of the model that reads what is said of plans; NULL: none yet */
    mn_model *planner;
    int64_t planner_tokens;   /* that it has read and written; under `planning` */
    pthread_mutex_t planning; /* of it */
    pthread_mutex_t opening;  /* of the model for vectors */
    int refused;              /* it cannot be opened: the store does without */
    pthread_mutex_t lock;     /* of what follows */
    pthread_cond_t wake;
    pthread_t thread;
    int running, stop;
    const mn_organiser *organiser; /* NULL: nobody organises */
    char *seat;                    /* path of the lock of who organises */
    char *writer_name;             /* the model that it asks; NULL: by rules */
    mn_model *writer;
    uint64_t writer_refused; /* when it could not be opened; 0 */
    mn_mem_gone unread;      /* under `lock`: what somebody was still reading when it went */
    uint64_t tried;          /* ns: when it was last looked for */
};

int mn_mem_who(const mn_scope *scope, mn_who *out);
/* Something of this scope changed: record `id`, or 0. */
void mn_mem_tell(mn_mem *m, const mn_scope *scope, const char *what, int64_t id);
/* The model, opened when it is first needed. 1; 0: there is none to be had. */
int mn_mem_model(mn_mem *m, int pull);
/* The vector of one text, [dim]: 1, or 0 when it has none. With a model. */
int mn_mem_vector(mn_mem *m, const char *text, size_t n, float *out);
/* The vector of a question, [dim], freed with mn_free; NULL: it has none, or there is no model. */
int mn_mem_sense(mn_mem *m, const mn_who *who, const char *query, float **out);
/* Make vectors of records that wait until none does or so many microseconds have passed (-1: none
 * set); how many. */
int64_t mn_mem_catch_up(mn_mem *m, int64_t us, const mn_progress *progress);
/* Where a store is; NULL or "": the user's own. */
int mn_mem_place(const char *store, mn_buf *out);
int mn_mem_organise_open(mn_mem *m); /* options.organise */
void mn_mem_organise_close(mn_mem *m);
/* The answer of an endpoint to a prompt, by a JSON schema; nothing when it was cut short. */
int mn_mem_ask_far(const char *endpoint, const char *schema, const char *prompt, int32_t most,
                   mn_buf *out);
/* What waits is organised until nothing does or so many microseconds have passed (-1: none set);
 * how many. */
int64_t mn_mem_organise(mn_mem *m, int64_t us, const mn_progress *progress);
/* A row as users see it, borrowed from it; and a record as a line of what is recalled. */
mn_record mn_mem_record(const mn_row *row, double score);
int mn_mem_line(mn_buf *out, const mn_record *r, int64_t budget); /* in tokens; 0: all of it */
/* A model that writes has a region: what it computes there is found when records go. */
void mn_mem_reader(const mn_model *m, const char *path);
int mn_mem_gone_row(void *gone, const mn_row *row);
void mn_mem_gone_free(mn_mem_gone *gone);
/* What models computed of them leaves the region; *stayed: how many extents are in use. */
int mn_mem_unread(mn_region *region, const mn_mem_gone *gone, int *stayed);
/* Once more, later; and what was left for later, by the thread. */
void mn_mem_unread_later(mn_mem *m, const mn_mem_gone *gone);
void mn_mem_unread_again(mn_mem *m);
int mn_mem_thread_start(mn_mem *m);
void mn_mem_thread_stop(mn_mem *m);
void mn_mem_thread_wake(mn_mem *m);

#endif
