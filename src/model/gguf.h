/* SPDX-License-Identifier: Apache-2.0
 *
 * model/gguf.h - reading a GGUF file (versions 2 and 3), mapped and used in place.
 *
 * Every offset, count and size in the file is hostile until checked: opening checks the whole
 * directory (metadata, tensor infos, alignment, extents inside the file, no overlap, known types,
 * shapes that do not overflow), so later code may trust an open file. Opening does not touch
 * tensor data and does not copy strings; lookups are by hash. Read-only after opening: any thread.
 * What cannot be checked: a file cut short by someone else while it is open. Reading the lost part
 * raises SIGBUS, which programs turn into MN_ECORRUPT with the guard of design decision 1.
 * Source: the GGUF specification (ggml/docs/gguf.md).
 */
#ifndef MN_MODEL_GGUF_H
#define MN_MODEL_GGUF_H
#include "kernel/format.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_gguf mn_gguf;

typedef enum mn_gguf_kind { /* numbers are the file's own */
                            MN_GGUF_U8,
                            MN_GGUF_I8,
                            MN_GGUF_U16,
                            MN_GGUF_I16,
                            MN_GGUF_U32,
                            MN_GGUF_I32,
                            MN_GGUF_F32,
                            MN_GGUF_BOOL,
                            MN_GGUF_STRING,
                            MN_GGUF_ARRAY,
                            MN_GGUF_U64,
                            MN_GGUF_I64,
                            MN_GGUF_F64,
} mn_gguf_kind;

/* A string inside the mapped file: not NUL-terminated. */
typedef struct mn_str {
    const char *p;
    size_t n;
} mn_str;

/* One metadata entry. Scalars are widened; an array's elements are reached by the verbs below. */
typedef struct mn_gguf_value {
    mn_str key;
    mn_gguf_kind kind;
    mn_gguf_kind item; /* of an array; nested arrays are refused at open */
    uint64_t count;    /* array elements; 1 for a scalar */
    union {
        uint64_t u; /* unsigned kinds and bool */
        int64_t i;  /* signed kinds */
        double f;
        mn_str s;
    };
    const uint8_t *data;    /* first element of an array */
    const uint64_t *offset; /* string arrays: where every few items begin; for mn_gguf_item_str */
} mn_gguf_value;

typedef struct mn_gguf_tensor {
    mn_str name;
    mn_format_id type; /* GGML type number; known to mn_format_find */
    uint32_t dims;     /* 1..4 */
    uint64_t shape[4]; /* ne[]: shape[0] is the fastest, i.e. the row length; unused = 1 */
    uint64_t bytes;
    const void *data; /* in the mapping */
} mn_gguf_tensor;

int mn_gguf_open(const char *path, mn_gguf **out);
void mn_gguf_close(mn_gguf **g);

/* The same over memory that outlives the mn_gguf (fuzzing, tests). */
int mn_gguf_open_memory(const void *data, size_t size, const char *name, mn_gguf **out);

/* A model whose directory stands elsewhere, as an open file: metadata as the bytes of a GGUF file
 * without tensors, the tensors given. Everything but their names must have been checked. */
typedef struct mn_gguf_foreign {
    const char *name;             /* of the file, for sentences */
    const void *metadata;         /* [metadata_bytes] */
    size_t metadata_bytes, n;     /* tensors */
    const mn_gguf_tensor *tensor; /* copied */
    const void *file;             /* its bytes, mapped */
    uint64_t bytes;               /* how many */
    void *owner;                  /* of all that is pointed to */
    void (*close)(void *owner);   /* called by mn_gguf_close, and when opening fails */
} mn_gguf_foreign;
int mn_gguf_open_foreign(const mn_gguf_foreign *f, mn_gguf **out);

uint32_t mn_gguf_version(const mn_gguf *g);
uint64_t mn_gguf_size(const mn_gguf *g); /* bytes of the file */
void mn_gguf_cool(const mn_gguf *g);     /* its directory was read: mn_file_map_cool */
/* The directory: everything before the first tensor byte, for identity hashes. */
void mn_gguf_header(const mn_gguf *g, const void **bytes, size_t *n);

size_t mn_gguf_values(const mn_gguf *g, const mn_gguf_value **out); /* borrowed array, file order */
const mn_gguf_value *mn_gguf_find(const mn_gguf *g, const char *key); /* NULL: absent */
size_t mn_gguf_tensors(const mn_gguf *g, const mn_gguf_tensor **out);
const mn_gguf_tensor *mn_gguf_tensor_find(const mn_gguf *g, const char *name);
uint64_t mn_gguf_tensor_at(const mn_gguf *g, const mn_gguf_tensor *t); /* offset in the file */

/* Typed access: absent -> fallback; present with a kind that does not convert -> fallback too. */
uint64_t mn_gguf_u64(const mn_gguf *g, const char *key, uint64_t fallback);
double mn_gguf_f64(const mn_gguf *g, const char *key, double fallback);
int mn_gguf_bool(const mn_gguf *g, const char *key, int fallback);
mn_str mn_gguf_str(const mn_gguf *g, const char *key); /* {NULL, 0} when absent or no string */
/* Element i of an array; kinds convert as above. Out of range or absent: {NULL,0} / fallback. */
mn_str mn_gguf_item_str(const mn_gguf_value *v, uint64_t i);
double mn_gguf_item_f64(const mn_gguf_value *v, uint64_t i, double fallback);
int64_t mn_gguf_item_i64(const mn_gguf_value *v, uint64_t i, int64_t fallback);

#endif
