/* SPDX-License-Identifier: Apache-2.0
 *
 * model/safetensors.h - reading a .safetensors file, mapped and used in place.
 *
 *   length of the header u64 | header: JSON | the tensors' bytes, one after another
 *   header = {"NAME": {"dtype": "F32", "shape": [n, ...], "data_offsets": [from, to]}, ...,
 *             "__metadata__": {"KEY": "text", ...}}
 *
 * Everything in the header is hostile until checked: opening proves that every tensor has the bytes
 * its shape and type ask for, inside the file, that the tensors follow one another without overlap
 * or gap to the end of the file, and that each begins where its numbers can be read; later code may
 * trust an open file. No tensor byte is touched, nothing is copied. Read-only after opening: any
 * thread. A file cut short by others while it is open: as model/gguf.h has it.
 * Source: the format's specification (huggingface/safetensors, README).
 */
#ifndef MN_MODEL_SAFETENSORS_H
#define MN_MODEL_SAFETENSORS_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_safetensors mn_safetensors;

enum { MN_SAFETENSOR_DIMS = 8 };
typedef struct mn_safetensor {
    const char *name;
    const char *dtype;                  /* "F32", as the file has it */
    uint32_t dims;                      /* 0: one number */
    uint64_t shape[MN_SAFETENSOR_DIMS]; /* slowest first: the last is the row length */
    uint64_t bytes;
    const void *data; /* in the mapping */
} mn_safetensor;

int mn_safetensors_open(const char *path, mn_safetensors **out);
void mn_safetensors_close(mn_safetensors **s);
/* The same over memory that outlives it (fuzzing, tests). */
int mn_safetensors_open_memory(const void *data, size_t size, const char *name,
                               mn_safetensors **out);
/* 1: these may be the first bytes of such a file (16 are enough). */
int mn_safetensors_begins(const void *data, size_t n);

uint64_t mn_safetensors_size(const mn_safetensors *s);    /* bytes of the file */
const void *mn_safetensors_data(const mn_safetensors *s); /* the file's bytes */
/* Length and header, for identity hashes. */
void mn_safetensors_header(const mn_safetensors *s, const void **bytes, size_t *n);
size_t mn_safetensors_tensors(const mn_safetensors *s, const mn_safetensor **out);   /* by place */
const mn_safetensor *mn_safetensors_find(const mn_safetensors *s, const char *name); /* or NULL */
/* An entry of __metadata__; NULL: absent. */
const char *mn_safetensors_metadata(const mn_safetensors *s, const char *key);

#endif
