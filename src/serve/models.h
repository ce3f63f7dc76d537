/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/models.h - the models of a server: loaded when asked for, unloaded when room is short.
 *
 * A use holds its model open. When a model cannot be loaded because the budget is full, those that
 * nobody uses are closed, the one used longest ago first, until it can. A load that failed is tried
 * again by the next request.
 */
#ifndef MN_SERVE_MODELS_H
#define MN_SERVE_MODELS_H
#include "omnesia.h"

#include <pthread.h>

typedef struct mn_entry {
    const char *name;   /* as it was asked for */
    mn_model *model;    /* NULL: not loaded */
    mn_model_info info; /* once it was loaded; name is a copy */
    char *known;        /* the name the model gave itself; NULL: never loaded */
    int users, loading, vectors, hidden;
    double used;
} mn_entry;

enum { MN_MODELS = 64 };
typedef struct mn_models {
    pthread_mutex_t lock;
    pthread_cond_t loaded;
    mn_entry entry[MN_MODELS];
    int n;
    mn_model_options how;
    const char *const *shared; /* texts for mn_model_share */
    int n_shared;
    int open, stop;
} mn_models;

typedef struct mn_use {
    mn_models *models;
    mn_entry *entry;
    mn_model *model;
    const char *name; /* for replies */
} mn_use;

typedef struct mn_serve_options mn_serve_options;
/* The names of the options; nothing is loaded yet. */
int mn_models_open(const mn_serve_options *options, mn_models *out);
void mn_models_close(mn_models *models); /* nobody uses any */
void mn_models_stop(mn_models *models);  /* no more loading; what is being loaded gives up */
/* The model a request means; `vectors`: one that makes vectors, else one that makes text. 0; 1: it
 * is not loaded, and may_wait is 0; MN_ENOENT: the sentence lists those there are; or why it could
 * not be loaded. */
int mn_models_use(mn_models *models, const char *name, int vectors, int may_wait, mn_use **out);
void mn_models_release(mn_use **use); /* any thread */
/* Each that is listed, with the lock held: `each` must not wait. */
void mn_models_each(mn_models *models, void (*each)(void *user, const mn_entry *entry), void *user);

#endif
