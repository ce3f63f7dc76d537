/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/models.c - a table under a lock; a load happens outside of it, one per model at a time.
 */
#include "serve/models.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "serve/serve.h"

#include <string.h>

static int mark_vectors(void *user, const mn_store_entry *store) {
    mn_models *m = user;
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->entry[i].name, store->name) == 0) m->entry[i].vectors = store->embedding;
    return 0;
}

/* Loading is work that the end of the server interrupts. */
static int report(void *user, const char *what, uint64_t done, uint64_t total) {
    mn_models *m = user;
    pthread_mutex_lock(&m->lock);
    const int stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

int mn_models_open(const mn_serve_options *o, mn_models *out) {
    *out =
        (mn_models){.how = o->model, .open = 1, .shared = o->shared.item, .n_shared = o->shared.n};
    if (!out->how.progress.report) out->how.progress = (mn_progress){report, out};
    pthread_mutex_init(&out->lock, NULL);
    pthread_cond_init(&out->loaded, NULL);
    if (o->models.n > MN_MODELS - 1)
        return MN_FAIL(MN_EINVAL, "%d models are more than the %d a server can have", o->models.n,
                       MN_MODELS - 1);
    for (int i = 0; i < o->models.n; i++) out->entry[out->n++].name = o->models.item[i];
    (void)mn_store_list(mark_vectors, out); /* a list that cannot be had marks none */
    for (int i = 0; i < out->n; i++)
        if (out->entry[i].vectors) return 0;
    if (o->embedder && *o->embedder)
        out->entry[out->n++] = (mn_entry){.name = o->embedder, .vectors = 1, .hidden = 1};
    return 0;
}

void mn_models_stop(mn_models *m) {
    pthread_mutex_lock(&m->lock);
    m->stop = 1;
    pthread_cond_broadcast(&m->loaded);
    pthread_mutex_unlock(&m->lock);
}

void mn_models_close(mn_models *m) {
    if (!m->open) return;
    for (int i = 0; i < m->n; i++) {
        mn_model_close(&m->entry[i].model);
        mn_free(m->entry[i].known);
    }
    pthread_cond_destroy(&m->loaded);
    pthread_mutex_destroy(&m->lock);
    m->open = 0;
}

/* How many of a kind there are, and the first. */
static int count(const mn_models *m, int vectors, mn_entry **first) {
    int n = 0;
    for (int i = m->n; i-- > 0;)
        if (m->entry[i].vectors == vectors) {
            *first = (mn_entry *)&m->entry[i];
            n++;
        }
    return n;
}

static int unknown(const mn_models *m, const char *name, int vectors) {
    mn_buf list = {.limit = 600};
    for (int i = 0; i < m->n; i++)
        if (m->entry[i].vectors == vectors &&
            mn_buf_printf(&list, "%s%s", list.len ? ", " : "", m->entry[i].name) < 0)
            break;
    const int rc = MN_FAIL(MN_ENOENT, "there is no model '%.200s' here; there are: %s", name,
                           list.len ? list.data : "none");
    mn_buf_free(&list);
    return rc;
}

/* The entry a name means. With one model of a kind, any name means it. */
static int find(mn_models *m, const char *name, int vectors, mn_entry **out) {
    mn_entry *first = NULL;
    const int n = count(m, vectors, &first);
    if (!n)
        return MN_FAIL(MN_ENOENT, vectors ? "no model that makes vectors is served here; start "
                                            "with -m minilm-l6"
                                          : "the models served here make vectors, no text");
    if (n == 1 || !name || !*name) return *out = first, 0;
    for (int i = 0; i < m->n; i++) {
        mn_entry *e = &m->entry[i];
        if (e->vectors != vectors) continue;
        if (strcmp(e->name, name) == 0 || (e->known && strcmp(e->known, name) == 0))
            return *out = e, 0;
    }
    return unknown(m, name, vectors);
}

/* Close the one nobody has used for longest. 0: there is none. With the lock. */
static int make_room(mn_models *m) {
    mn_entry *oldest = NULL;
    for (int i = 0; i < m->n; i++) {
        mn_entry *e = &m->entry[i];
        if (e->model && !e->users && (!oldest || e->used < oldest->used)) oldest = e;
    }
    if (!oldest) return 0;
    mn_model_close(&oldest->model);
    return 1;
}

/* Open it, and what all tenants share of it. */
static int open_model(const mn_models *m, const mn_entry *e, mn_model **out) {
    MN_TRY(mn_model_open(e->name, &m->how, out));
    int rc = 0;
    mn_model_info info;
    mn_model_describe(*out, &info);
    for (int i = 0; i < m->n_shared && rc >= 0 && !info.embedding; i++)
        rc = mn_model_share(*out, m->shared[i]);
    if (rc < 0) mn_model_close(out);
    return rc;
}

/* What clients call it: the name, or that of the file without its folder. */
static char *known_as(const char *name) {
    const char *slash = strrchr(name, '/');
    char *copy = mn_strdup(slash ? slash + 1 : name);
    char *dot = copy ? strrchr(copy, '.') : NULL;
    if (dot && slash && strcmp(dot, ".gguf") == 0) *dot = 0;
    return copy;
}

/* Load an entry, making room as needed. With the lock, which it lets go meanwhile. */
static int load(mn_models *m, mn_entry *e) {
    mn_model *model = NULL;
    int rc;
    e->loading = 1;
    do {
        pthread_mutex_unlock(&m->lock);
        rc = open_model(m, e, &model);
        pthread_mutex_lock(&m->lock);
    } while ((rc == MN_EFULL || rc == MN_ENOMEM) && make_room(m));
    e->loading = 0;
    pthread_cond_broadcast(&m->loaded);
    if (rc < 0) return rc;
    mn_model_describe(model, &e->info);
    if (!e->known) e->known = known_as(e->info.name);
    e->info.name = e->name;
    e->info.architecture = NULL; /* of the model, which may be closed while this is still read */
    if (e->info.embedding != e->vectors) e->vectors = e->info.embedding;
    e->model = model;
    return 0;
}

static int hold(mn_models *m, mn_entry *e, mn_use **out) {
    mn_use *use = mn_calloc(1, sizeof *use);
    if (!use) return MN_FAIL(MN_ENOMEM, "no memory to use a model");
    e->users++;
    e->used = mn_clock_seconds();
    *use = (mn_use){m, e, e->model, e->known ? e->known : e->name};
    *out = use;
    return 0;
}

int mn_models_use(mn_models *m, const char *name, int vectors, int may_wait, mn_use **out) {
    mn_entry *e = NULL;
    *out = NULL;
    pthread_mutex_lock(&m->lock);
    int rc = find(m, name, vectors, &e);
    while (rc == 0 && !e->model) {
        if (!may_wait)
            rc = 1;
        else if (m->stop)
            rc = MN_FAIL(MN_ECANCELLED, "the server is stopping");
        else if (e->loading)
            pthread_cond_wait(&m->loaded, &m->lock);
        else
            rc = load(m, e);
    }
    if (rc == 0 && e->vectors != vectors)
        rc = MN_FAIL(MN_EINVAL, vectors ? "%s makes text, no vectors" : "%s makes vectors, no text",
                     e->name);
    if (rc == 0) rc = hold(m, e, out);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

void mn_models_release(mn_use **use) {
    if (!*use) return;
    mn_models *m = (*use)->models;
    pthread_mutex_lock(&m->lock);
    (*use)->entry->users--;
    (*use)->entry->used = mn_clock_seconds();
    pthread_mutex_unlock(&m->lock);
    mn_free(*use);
    *use = NULL;
}

void mn_models_each(mn_models *m, void (*each)(void *user, const mn_entry *entry), void *user) {
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->n; i++)
        if (!m->entry[i].hidden || m->entry[i].model) each(user, &m->entry[i]);
    pthread_mutex_unlock(&m->lock);
}
