/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/shelf.h - what a server keeps for its clients between requests: files, and batches.
 *
 * A private folder (0700, files 0600) with a record ID.json for each thing, written whole or not at
 * all, and for a file its bytes beside it, ID; names are made here, and what a client says is
 * compared with those there are, never made a path. One server at a time has the folder: it holds
 * FOLDER/lock. The tables are in memory, newest first; each thing belongs to the tenant whose key
 * made it, and for others there is none of that name. All of it is still there when the server
 * starts again.
 */
#ifndef MN_SERVE_SHELF_H
#define MN_SERVE_SHELF_H
#include "base/buf.h"

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>

typedef struct mn_exchange mn_exchange;
typedef struct mn_serve mn_serve;

enum { MN_RUNNERS = 4 /* batches at once */, MN_ID = 40 };

typedef struct mn_item mn_item; /* the beginning of mn_file and mn_batch */
struct mn_item {
    mn_item *next;
    uint64_t seq; /* grows with each that is made */
    int64_t created;
    uint8_t tenant[32]; /* zeroes: whoever has no key */
    int hidden;         /* it is being made */
    char id[MN_ID];
};

typedef struct mn_shelf {
    char *folder;         /* NULL: nothing is kept */
    pthread_mutex_t lock; /* guards all below */
    int fd;               /* of the lock of the folder; -1: not ours, yet */
    uint64_t seq;
    mn_item *files, *batches;
    /* batches_run.c */
    pthread_cond_t more;
    pthread_t thread[MN_RUNNERS];
    int n, alive, running, stop;
} mn_shelf;

/* folder NULL: nothing is kept. A folder that cannot be had is tried again when it is needed. */
int mn_shelf_open(mn_serve *server, const char *folder);
void mn_shelf_close(mn_shelf *shelf);
/* Have the folder: 0, with the lock held; else the reply is noted. */
int mn_shelf_enter(mn_exchange *x);
void mn_shelf_leave(mn_exchange *x);

/* ---- with the lock held ---------------------------------------------------------------------- */
/* A name, the time and the tenant of x; in front of the list. */
void mn_shelf_add(mn_exchange *x, mn_item **list, mn_item *item, const char *prefix);
void mn_shelf_remove(mn_item **list, const mn_item *item);
mn_item *mn_shelf_find(mn_item *list, const uint8_t tenant[32], const char *id, size_t n);
/* The one that x->rest names, up to a slash, and `behind` comes after it; NULL: the reply is noted,
 * in words for one ("file") and for many ("files"). */
mn_item *mn_shelf_named(mn_exchange *x, mn_item *list, const char *behind, const char *one,
                        const char *many);
/* FOLDER/ID and a suffix, into an empty buffer. */
int mn_shelf_path(const mn_shelf *shelf, const char *id, const char *suffix, mn_buf *out);
/* Write the record; consumes `record`, NULL: there was no memory. */
int mn_shelf_write(const mn_shelf *shelf, const mn_item *item, json_t *record);
/* The record goes first, then what stands beside it. */
void mn_shelf_unlink(const mn_shelf *shelf, const char *id);

/* Note the reply to a list: x->head.query has limit, after and order; `most` and `standard` bound
 * the limit, `json` makes an object of one, NULL passes it over. With the lock held. */
int mn_shelf_list(mn_exchange *x, mn_item *list, int most, int standard,
                  json_t *(*json)(const mn_item *item, void *user), void *user);

#endif
