/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_find.c - the GGUF files other programs have on this machine.
 *
 * | source       | folders                                              | name                   |
 * |--------------|------------------------------------------------------|------------------------|
 * | ollama       | OLLAMA_MODELS, ~/.ollama/models, the service's own   | ollama:NAME:TAG        |
 * | llama.cpp    | LLAMA_CACHE, ~/.cache/llama.cpp                      | llama.cpp:FILE         |
 * | lm-studio    | ~/.lmstudio/models, ~/.cache/lm-studio/models        | lm-studio:WHO/WHAT/FILE|
 * | hugging-face | HUGGINGFACE_HUB_CACHE, HF_HUB_CACHE, HF_HOME/hub,    | hf:OWNER/REPO/FILE     |
 * |              | ~/.cache/huggingface/hub                             |                        |
 *
 * Walks are bounded in depth and entries and enter no linked folder. A file counts when its first
 * four bytes say GGUF. Companions that are no model of their own (mmproj-*, later pieces of a
 * split file) are left out. Of two files of one name the younger is kept.
 */
#include "model/store.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, FOUND_MAX = 4096 };
#define ENTRIES_MAX 50000L

typedef struct search {
    mn_found_list *list;
    const char *source;
    int (*take)(struct search *s, const mn_walk_entry *e);
} search;

/* Size and time of a regular file that begins with "GGUF"; 0 when it is none. */
static int is_gguf(const char *path, mn_found *out) {
    mn_map map = {0};
    if (mn_file_map(path, &map) < 0) return 0;
    const int yes = map.size > 4 && memcmp(map.data, "GGUF", 4) == 0;
    mn_file_unmap(&map);
    return yes && mn_file_stat(path, &out->bytes, &out->mtime_ns) >= 0;
}

static void release(mn_found *f) {
    mn_free(f->name);
    mn_free(f->path);
}

static int grow(mn_found_list *list) {
    if (list->n < list->cap) return 0;
    const size_t cap = list->cap ? list->cap * 2 : 16;
    mn_found *item = mn_realloc(list->item, cap * sizeof *item);
    if (!item) return MN_FAIL(MN_ENOMEM, "no memory for a list of %zu models", cap);
    list->item = item;
    list->cap = cap;
    return 0;
}

int mn_found_add(mn_found_list *list, const char *source, const char *path, const char *name, ...) {
    mn_found found = {.source = source};
    if (list->n >= FOUND_MAX || !is_gguf(path, &found)) return 0;
    char text[1024];
    va_list args;
    va_start(args, name);
    const int n = vsnprintf(text, sizeof text, name, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof text) return 0;
    MN_TRY(grow(list));
    found.name = mn_strdup(text);
    found.path = mn_strdup(path);
    if (!found.name || !found.path) {
        release(&found);
        return MN_FAIL(MN_ENOMEM, "no memory for the name of a model");
    }
    list->item[list->n++] = found;
    return 0;
}

/* Does the file's name end in .gguf and stand for a model of its own? */
static int is_model_name(const char *path) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const size_t n = strlen(base);
    if (n < 6 || strcmp(base + n - 5, ".gguf") != 0 || strncmp(base, "mmproj", 6) == 0) return 0;
    int piece = 0, pieces = 0, used = 0;
    if (n >= 20 && sscanf(base + n - 20, "-%5d-of-%5d.gguf%n", &piece, &pieces, &used) == 2 &&
        used == 20 && pieces > 1)
        return 0;
    return 1;
}

static int each_file(void *user, const mn_walk_entry *e) {
    search *s = user;
    if (e->kind != MN_WALK_FILE || !is_model_name(e->path)) return 0;
    return s->take(s, e);
}

static int take_llama_cpp(search *s, const mn_walk_entry *e) {
    return mn_found_add(s->list, s->source, e->path, "llama.cpp:%s", e->rest);
}

static int take_lm_studio(search *s, const mn_walk_entry *e) {
    return mn_found_add(s->list, s->source, e->path, "lm-studio:%s", e->rest);
}

/* models--OWNER--REPO/snapshots/REVISION/FILE */
static int take_hugging_face(search *s, const mn_walk_entry *e) {
    static const char prefix[] = "models--", middle[] = "/snapshots/";
    if (strncmp(e->rest, prefix, strlen(prefix)) != 0) return 0;
    const char *who = e->rest + strlen(prefix), *cut = strstr(who, "--");
    const char *snapshots = strstr(who, middle);
    if (!snapshots || (cut && cut > snapshots)) return 0;
    const char *file = strchr(snapshots + strlen(middle), '/');
    if (!file) return 0;
    if (!cut) /* a repository without an owner */
        return mn_found_add(s->list, s->source, e->path, "hf:%.*s/%s", (int)(snapshots - who), who,
                            file + 1);
    const char *repo = cut + 2;
    return mn_found_add(s->list, s->source, e->path, "hf:%.*s/%.*s/%s", (int)(cut - who), who,
                        (int)(snapshots - repo), repo, file + 1);
}

static int in_folder(search s, const char *folder) {
    return folder && *folder ? mn_walk(folder, DEPTH_MAX, ENTRIES_MAX, each_file, &s) : 0;
}

/* $HOME/rest, $name/rest, or nothing when the variable is not set. */
static int in_variable(search s, const char *name, const char *rest) {
    const char *value = getenv(name);
    mn_buf path = {0};
    if (!value || !*value) return 0;
    int rc = mn_buf_printf(&path, "%s%s", value, rest);
    if (rc >= 0 && s.take)
        rc = in_folder(s, path.data);
    else if (rc >= 0)
        rc = mn_found_ollama(s.list, path.data);
    mn_buf_free(&path);
    return rc;
}

static int by_name(const void *pa, const void *pb) {
    const mn_found *a = pa, *b = pb;
    const int order = strcmp(a->name, b->name);
    if (order) return order;
    return a->mtime_ns < b->mtime_ns ? 1 : a->mtime_ns > b->mtime_ns ? -1 : 0;
}

static void sort(mn_found_list *list) {
    size_t n = 0;
    if (list->n) qsort(list->item, list->n, sizeof *list->item, by_name);
    for (size_t i = 0; i < list->n; i++) {
        if (n && strcmp(list->item[n - 1].name, list->item[i].name) == 0)
            release(&list->item[i]);
        else
            list->item[n++] = list->item[i];
    }
    list->n = n;
}

int mn_found_search(mn_found_list *list) {
    const search ollama = {list, "ollama", NULL};
    const search llama = {list, "llama.cpp", take_llama_cpp};
    const search studio = {list, "lm-studio", take_lm_studio};
    const search hub = {list, "hugging-face", take_hugging_face};
    MN_TRY(in_variable(ollama, "OLLAMA_MODELS", ""));
    MN_TRY(in_variable(ollama, "HOME", "/.ollama/models"));
    MN_TRY(mn_found_ollama(list, "/usr/share/ollama/.ollama/models"));
    MN_TRY(in_variable(llama, "LLAMA_CACHE", ""));
    MN_TRY(in_variable(llama, "XDG_CACHE_HOME", "/llama.cpp"));
    MN_TRY(in_variable(llama, "HOME", "/.cache/llama.cpp"));
    MN_TRY(in_variable(studio, "HOME", "/.lmstudio/models"));
    MN_TRY(in_variable(studio, "HOME", "/.cache/lm-studio/models"));
    MN_TRY(in_variable(hub, "HUGGINGFACE_HUB_CACHE", ""));
    MN_TRY(in_variable(hub, "HF_HUB_CACHE", ""));
    MN_TRY(in_variable(hub, "HF_HOME", "/hub"));
    MN_TRY(in_variable(hub, "XDG_CACHE_HOME", "/huggingface/hub"));
    MN_TRY(in_variable(hub, "HOME", "/.cache/huggingface/hub"));
    sort(list);
    return 0;
}

void mn_found_free(mn_found_list *list) {
    for (size_t i = 0; i < list->n; i++) release(&list->item[i]);
    mn_free(list->item);
    *list = (mn_found_list){0};
}
