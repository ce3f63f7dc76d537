/* SPDX-License-Identifier: Apache-2.0
 *
 * model/packfile.h - a model's weights in the layout of the kernels, packed once per machine.
 *
 * The pack file lives in the cache folder (packs/), is written beside its place, fsynced and
 * renamed under a lock, and is mapped read-only by every process: eight processes hold one copy. It
 * belongs to one GGUF (directory hash, size, time of change) and one layout version; anything else
 * is rebuilt. Sums are checked once per boot, and again when the file was written to. Where no file
 * can be made, for want of room or of permission, the same bytes are made in memory, and
 * mn_packfile_in_memory says why. It also carries the tokenizer's image, ready to use.
 *
 *   header (64 bytes) | entries [n] | tokenizer image | tensors, each 4096-aligned
 */
#ifndef MN_MODEL_PACKFILE_H
#define MN_MODEL_PACKFILE_H
#include "base/file.h"
#include "base/team.h"
#include "kernel/pack.h"
#include "model/gguf.h"

typedef struct mn_packfile mn_packfile;

/* Called as packing goes on: bytes done of total. Non-zero stops with MN_ECANCELLED. */
typedef int (*mn_pack_progress)(void *user, uint64_t done, uint64_t total);

/* Open the pack of g (the GGUF at `path`), making it if need be. Tensors that are packed: all
 * matrices that products read (2-D, rows a whole number of blocks), that is all but a token
 * embedding that has an output matrix beside it, and those of an encoder's layers only. They keep
 * their numbers, but for an encoder's F32, which is rounded to MN_I13. */
int mn_packfile_open(const char *path, const mn_gguf *g, mn_team *team, mn_pack_progress progress,
                     void *user, mn_packfile **out);
void mn_packfile_close(mn_packfile **p);

/* The packed form of tensor `name`; MN_ENOENT. Borrowed until close. */
int mn_packfile_find(const mn_packfile *p, const char *name, mn_packed *out);
void mn_packfile_tokenizer(const mn_packfile *p, const void **image, size_t *n);
uint64_t mn_packfile_bytes(const mn_packfile *p);
/* Why the pack is in memory only, in a sentence with numbers and what to do; NULL: it is a file. */
const char *mn_packfile_in_memory(const mn_packfile *p);

#endif
