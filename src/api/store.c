/* SPDX-License-Identifier: Apache-2.0
 *
 * api/store.c - the model store of omnesia.h: list, pull, and what a name stands for.
 *
 * Nothing is kept between calls: models.lock is parsed and the folders are looked at each time,
 * which takes milliseconds and cannot be stale.
 */
#include "api/store.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/opt.h"
#include "omnesia.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const prefixes[] = {"ollama:", "llama.cpp:", "lm-studio:", "hf:", NULL};

static int has_prefix(const char *name) {
    for (const char *const *p = prefixes; *p; p++)
        if (strncmp(name, *p, strlen(*p)) == 0) return 1;
    return 0;
}

/* "there is no ... ; known are a, b, c", with the nearest name when one is near. */
static int unknown(const mn_lock *lock, const mn_found_list *found, const char *name) {
    const char *names[512] = {NULL};
    size_t n = 0;
    mn_buf known = {0};
    int rc = 0;
    for (size_t i = 0; i < lock->n && n < 256; i++) {
        names[n++] = lock->model[i].name;
        if (rc >= 0) rc = mn_buf_printf(&known, "%s%s", i ? ", " : "", lock->model[i].name);
    }
    for (size_t i = 0; i < found->n && n < 512; i++) names[n++] = found->item[i].name;
    const char *near = mn_opt_nearest(name, names, n);
    rc = rc < 0 ? rc
         : near ? MN_FAIL(MN_ENOENT, "there is no model or file '%s'; did you mean %s?", name, near)
                : MN_FAIL(MN_ENOENT,
                          "there is no model or file '%s'; models that can be pulled: %s "
                          "(`omnesia models` lists those of other programs)",
                          name, known.data ? known.data : "none");
    mn_buf_free(&known);
    return rc;
}

static int from_lock(const mn_lock_model *m, int no_pull, const mn_fetch_ui *ui, char **path) {
    if (!no_pull) return mn_store_fetch(m, ui, path);
    const int here = mn_store_here(m, path);
    if (here > 0) return 0;
    mn_free(*path);
    *path = NULL;
    MN_TRY(here);
    return MN_FAIL(MN_ENOENT, "model %s is not here; `omnesia pull %s` fetches it", m->name,
                   m->name);
}

static int absolute(const char *name, char **path) {
    char full[PATH_MAX];
    if (!realpath(name, full)) return MN_FAIL(MN_ENOENT, "cannot open %s: no such file", name);
    *path = mn_strdup(full);
    return *path ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a path");
}

/* Is `name` what the other program itself calls this model: ours without the prefix? */
static int own_name(const mn_found *f, const char *name) {
    const char *colon = strchr(f->name, ':');
    return colon && strcmp(colon + 1, name) == 0;
}

/* The model found under this name, else under the name of its own program, if only one has it. */
static int choose(const mn_found_list *found, const char *name, const mn_found **hit) {
    const mn_found *own = NULL;
    *hit = NULL;
    for (size_t i = 0; i < found->n; i++) {
        const mn_found *f = &found->item[i];
        if (strcmp(f->name, name) == 0) return *hit = f, 0;
        if (!own_name(f, name)) continue;
        if (own)
            return MN_FAIL(MN_EINVAL, "'%s' may be %s or %s; give one of these names", name,
                           own->name, f->name);
        own = f;
    }
    *hit = own;
    return 0;
}

static int from_found(const mn_lock *lock, const char *name, char **path) {
    mn_found_list found = {0};
    const mn_found *hit = NULL;
    int rc = mn_found_search(&found);
    if (rc >= 0) rc = choose(&found, name, &hit);
    if (rc >= 0 && hit)
        rc = absolute(hit->path, path);
    else if (rc >= 0)
        rc = !has_prefix(name) && strchr(name, '/')
                 ? MN_FAIL(MN_ENOENT, "cannot open %s: no such file", name)
                 : unknown(lock, &found, name);
    mn_found_free(&found);
    return rc;
}

int mn_store_resolve(const char *name, int no_pull, const mn_fetch_ui *ui, char **path) {
    mn_lock lock;
    *path = NULL;
    MN_TRY(mn_lock_load(&lock));
    const mn_lock_model *m = mn_lock_find(&lock, name);
    int rc;
    if (m)
        rc = from_lock(m, no_pull, ui, path);
    else if (!has_prefix(name) && access(name, F_OK) == 0)
        rc = absolute(name, path);
    else if (*name == '/')
        rc = MN_FAIL(MN_ENOENT, "cannot open %s: no such file", name);
    else
        rc = from_found(&lock, name, path);
    mn_lock_free(&lock);
    return rc;
}

int mn_store_wrong_kind(const char *name, int embedding) {
    if (embedding)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s turns sentences into vectors (`omnesia embed`) and writes no text; "
                       "`omnesia models` lists models that answer",
                       name);
    return MN_FAIL(MN_EUNSUPPORTED,
                   "%s writes text and makes no vectors; `omnesia models` lists models for "
                   "embeddings",
                   name);
}

int mn_store_check_kind(const char *name, int kind) {
    mn_lock lock;
    if (kind == MN_ANY) return 0;
    MN_TRY(mn_lock_load(&lock));
    const mn_lock_model *m = mn_lock_find(&lock, name);
    const int rc =
        m && m->embedding != (kind == MN_EMBEDS) ? mn_store_wrong_kind(name, m->embedding) : 0;
    mn_lock_free(&lock);
    return rc;
}

int mn_store_pull(const char *name, const mn_progress *progress,
                  void (*notice)(void *user, const char *line), void *user, char **path) {
    mn_fetch_ui ui = {.notice = notice, .notice_user = user};
    if (progress) {
        ui.report = progress->report;
        ui.report_user = progress->user;
    }
    return mn_store_resolve(name, 0, &ui, path);
}

static int list_lock(const mn_lock *lock, int (*each)(void *user, const mn_store_entry *entry),
                     void *user) {
    for (size_t i = 0; i < lock->n; i++) {
        const mn_lock_model *m = &lock->model[i];
        char *path = NULL;
        const int here = mn_store_here(m, &path);
        MN_TRY(here);
        const mn_store_entry e = {.name = m->name,
                                  .path = here ? path : NULL,
                                  .source = "omnesia",
                                  .licence = m->licence,
                                  .about = m->about,
                                  .embedding = m->embedding,
                                  .bytes = m->bytes};
        const int rc = each(user, &e);
        mn_free(path);
        if (rc) return rc;
    }
    return 0;
}

static int list_found(int (*each)(void *user, const mn_store_entry *entry), void *user) {
    mn_found_list found = {0};
    int rc = mn_found_search(&found);
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        const mn_found *f = &found.item[i];
        const mn_store_entry e = {
            .name = f->name, .path = f->path, .source = f->source, .bytes = f->bytes};
        rc = each(user, &e);
    }
    mn_found_free(&found);
    return rc;
}

int mn_store_list(int (*each)(void *user, const mn_store_entry *entry), void *user) {
    mn_lock lock;
    MN_TRY(mn_lock_load(&lock));
    int rc = list_lock(&lock, each, user);
    mn_lock_free(&lock);
    if (rc == 0) rc = list_found(each, user);
    return rc;
}

/* One hint a machine: the marker says that it was given. */
static int hinted_before(void) {
    char *marker = NULL;
    uint64_t size;
    if (mn_file_cache_path("hint-given", &marker) < 0) return 1;
    const int before = mn_file_stat(marker, &size, NULL) >= 0;
    mn_filew *f = NULL;
    const int first = !before && mn_file_begin(marker, &f) >= 0 && mn_file_commit(&f) >= 0;
    mn_free(marker);
    return !first; /* where nothing can be noted, a hint would come each time */
}

/* Bytes of the model in use, also when it is no model of ours. */
static uint64_t bytes_of(const mn_lock *lock, const char *model) {
    const mn_lock_model *m = mn_lock_find(lock, model);
    char *path = NULL;
    uint64_t size = UINT64_MAX; /* unknown: nothing is larger */
    if (m) return m->bytes;
    if (mn_store_resolve(model, 1, NULL, &path) >= 0) mn_file_stat(path, &size, NULL);
    mn_free(path);
    return size;
}

static int hint(const mn_lock *lock, const char *model, mn_buf *out) {
    uint64_t memory = mn_budget_machine(), disk = 0;
    const uint64_t limit = mn_budget_limit();
    char *cache = NULL, human[16], *here = mn_calloc(lock->n + 1, 1);
    if (limit && limit < memory) memory = limit;
    int rc = here ? mn_file_cache_path(NULL, &cache) : MN_FAIL(MN_ENOMEM, "no memory for a hint");
    if (rc >= 0) rc = mn_file_room(cache, &disk);
    for (size_t i = 0; rc >= 0 && i < lock->n; i++) {
        char *path = NULL;
        rc = mn_store_here(&lock->model[i], &path);
        if (rc > 0) here[i] = 1;
        mn_free(path);
    }
    if (rc >= 0) {
        const mn_lock_model *m = mn_store_larger(lock, bytes_of(lock, model), here, memory, disk);
        rc = m ? mn_buf_printf(out, "a larger model fits this machine: -m %s (%s%s)", m->name,
                               mn_budget_human(m->bytes, human),
                               here[m - lock->model] ? ", already here" : " to fetch")
               : 0;
    }
    mn_free(cache);
    mn_free(here);
    return rc < 0 ? rc : 0;
}

int mn_store_hint(const char *model, char **text) {
    mn_lock lock;
    mn_buf out = {0};
    *text = NULL;
    if (hinted_before()) return 0;
    MN_TRY(mn_lock_load(&lock));
    const int rc = hint(&lock, model, &out);
    mn_lock_free(&lock);
    if (rc < 0)
        mn_buf_free(&out);
    else
        *text = out.data;
    return rc;
}
