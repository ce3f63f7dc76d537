/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/files.h - /v1/files: what batches are made of, and what they make.
 */
#ifndef MN_SERVE_FILES_H
#define MN_SERVE_FILES_H
#include "serve/shelf.h"

#include <stddef.h>

#define MN_FILE_PREFIX "file-"
/* A tenant's at most; an upload has at most MN_UPLOAD bytes, or --body-limit when that is more. */
enum { MN_FILES = 1000, MN_UPLOAD = 64 << 20, MN_FILE_NAME = 255 };
enum { MN_LINES = 100000 /* of a batch */ };
#define MN_FILES_BYTES     ((uint64_t)1 << 30) /* of a tenant */
#define MN_FILES_BYTES_ALL ((uint64_t)8 << 30) /* of all of them */

typedef struct mn_file {
    mn_item item;
    char *name; /* as its client calls it */
    uint64_t bytes;
    int made;  /* by a batch */
    int users; /* live batches that read it */
} mn_file;

int mn_files_post_work(mn_exchange *x);
int mn_files_list_work(mn_exchange *x);
int mn_files_get_work(mn_exchange *x); /* /v1/files/ID */
int mn_files_delete_work(mn_exchange *x);
int mn_files_content_work(mn_exchange *x); /* /v1/files/ID/content */
/* The body is multipart/form-data: its texts become x->json, its file all of x->body. */
int mn_files_form(mn_exchange *x);

/* ---- with the lock of the shelf -------------------------------------------------------------- */
/* A record, into *out; NULL: it makes no sense. MN_ENOMEM. */
int mn_files_load(const json_t *record, mn_item **out);
void mn_files_free(mn_item **list);
mn_file *mn_files_find(const mn_shelf *shelf, const uint8_t tenant[32], const char *id);
/* Bytes a tenant may still leave. */
uint64_t mn_files_room(const mn_shelf *shelf, const uint8_t tenant[32]);
/* What a batch made is there from now on, under the name `id`, which its bytes have already. */
int mn_files_made(mn_shelf *shelf, const mn_item *batch, const char *id, const char *name,
                  uint64_t bytes);

#endif
