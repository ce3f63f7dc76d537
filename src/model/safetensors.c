/* SPDX-License-Identifier: Apache-2.0
 *
 * model/safetensors.c - opening a .safetensors file: the header is parsed and checked once.
 *
 * Jansson parses the header and keeps the names (it refuses repeated keys, NUL in names, wrong
 * UTF-8 and numbers beyond 64 bits). Tensors are sorted by place: each must begin where the one
 * before ends, the first at 0, and the last end with the file, so that no byte belongs to two or to
 * none. The header is bounded by what MAX_TENSORS need; parsing takes some 30 times its bytes.
 * Cost: O(n log n) of the tensors.
 */
#include "model/safetensors.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TENSORS = 16384,
    MAX_HEADER = 4 << 20, /* 256 bytes for each of them */
    MAX_NAME = 255,
};

struct mn_safetensors {
    mn_map map; /* empty when the memory is the caller's */
    const uint8_t *data;
    size_t size, header; /* of the file; of length and header */
    json_t *root;        /* owns the names */
    mn_safetensor *tensor;
    size_t n;
};

/* What is being read, for the sentences. */
typedef struct reading {
    mn_safetensors *s;
    const char *file;
    uint64_t room; /* bytes of data */
} reading;

static const struct {
    const char *name;
    uint32_t bytes;
} dtypes[] = {
    {"F64", 8},     {"I64", 8},     {"U64", 8},  {"F32", 4}, {"I32", 4},
    {"U32", 4},     {"F16", 2},     {"BF16", 2}, {"I16", 2}, {"U16", 2},
    {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I8", 1},   {"U8", 1},  {"BOOL", 1},
};

/* A name from the file made fit for a sentence. */
typedef struct shown {
    char text[64];
} shown;
static shown show(const char *name) {
    shown out;
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof out.text; i++)
        out.text[i] = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
    out.text[i] = 0;
    return out;
}

static int take_dtype(const reading *r, json_t *info, mn_safetensor *t, uint32_t *bytes) {
    const char *dtype = json_string_value(json_object_get(info, "dtype"));
    if (!dtype)
        return MN_FAIL(MN_ECORRUPT, "%s: tensor '%s' has no dtype", r->file, show(t->name).text);
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtype, dtypes[i].name) == 0) {
            t->dtype = dtypes[i].name;
            *bytes = dtypes[i].bytes;
            return 0;
        }
    return MN_FAIL(
        MN_EUNSUPPORTED,
        "%s: tensor '%s' is of dtype '%s', which is not read; save the model as F32, F16 "
        "or BF16",
        r->file, show(t->name).text, show(dtype).text);
}

/* A whole number from 0 on; -1: it is none. */
static int64_t whole(const json_t *v) {
    return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : -1;
}

static int take_shape(const reading *r, json_t *info, uint32_t bytes, mn_safetensor *t) {
    const json_t *shape = json_object_get(info, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > MN_SAFETENSOR_DIMS)
        return MN_FAIL(MN_ECORRUPT, "%s: the shape of tensor '%s' is no list of up to %d sizes",
                       r->file, show(t->name).text, MN_SAFETENSOR_DIMS);
    t->dims = (uint32_t)json_array_size(shape);
    t->bytes = bytes;
    for (uint32_t i = 0; i < t->dims; i++) {
        const int64_t n = whole(json_array_get(shape, i));
        if (n < 0 || __builtin_mul_overflow(t->bytes, (uint64_t)n, &t->bytes))
            return MN_FAIL(MN_ECORRUPT, "%s: dimension %u of tensor '%s' is %s", r->file, i,
                           show(t->name).text, n < 0 ? "no size" : "too large");
        t->shape[i] = (uint64_t)n;
    }
    return 0;
}

static int take_place(const reading *r, json_t *info, uint32_t bytes, mn_safetensor *t) {
    const json_t *at = json_object_get(info, "data_offsets");
    const int64_t from = whole(json_array_get(at, 0)), to = whole(json_array_get(at, 1));
    if (json_array_size(at) != 2 || from < 0 || to < from)
        return MN_FAIL(MN_ECORRUPT, "%s: the data_offsets of tensor '%s' are no place in the file",
                       r->file, show(t->name).text);
    if ((uint64_t)to > r->room)
        return MN_FAIL(MN_ECORRUPT,
                       "%s: tensor '%s' ends at byte %lld of the data, but the file holds %llu; it "
                       "is incomplete or damaged, fetch it again",
                       r->file, show(t->name).text, (long long)to, (unsigned long long)r->room);
    if ((uint64_t)(to - from) != t->bytes)
        return MN_FAIL(MN_ECORRUPT,
                       "%s: tensor '%s' has %lld bytes, but its shape and dtype %s ask for %llu",
                       r->file, show(t->name).text, (long long)(to - from), t->dtype,
                       (unsigned long long)t->bytes);
    if (from % bytes)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s: tensor '%s' begins at byte %lld of the data, where no %s can be read; "
                       "save the model again with a current safetensors",
                       r->file, show(t->name).text, (long long)from, t->dtype);
    t->data = r->s->data + r->s->header + from;
    return 0;
}

static int take_tensor(const reading *r, const char *name, json_t *info) {
    mn_safetensor *t = r->s->tensor + r->s->n++;
    uint32_t bytes = 0;
    t->name = name;
    if (!json_is_object(info) || strlen(name) > MAX_NAME)
        return MN_FAIL(MN_ECORRUPT, "%s: the entry '%s' of the header is no tensor", r->file,
                       show(name).text);
    MN_TRY(take_dtype(r, info, t, &bytes));
    MN_TRY(take_shape(r, info, bytes, t));
    return take_place(r, info, bytes, t);
}

static int check_metadata(const reading *r, json_t *metadata) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return MN_FAIL(MN_ECORRUPT, "%s: __metadata__ is no object of texts", r->file);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return MN_FAIL(
        MN_ECORRUPT, "%s: '%s' of __metadata__ is no text", r->file, show(key).text);
    return 0;
}

/* By place; of those that begin at one place, the empty ones first. */
static int by_place(const void *a, const void *b) {
    const mn_safetensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* They follow one another, from the header to the end of the file. */
static int check_places(const reading *r) {
    const mn_safetensors *s = r->s;
    const uint8_t *end = s->data + s->header;
    qsort(s->tensor, s->n, sizeof *s->tensor, by_place);
    for (size_t i = 0; i < s->n; i++) {
        const mn_safetensor *t = s->tensor + i;
        const uint8_t *from = t->data;
        if (from < end)
            return MN_FAIL(MN_ECORRUPT, "%s: tensors '%s' and '%s' overlap by %td bytes", r->file,
                           show(t[-1].name).text, show(t->name).text, end - from);
        if (from > end)
            return MN_FAIL(MN_ECORRUPT, "%s: %td bytes before tensor '%s' belong to none", r->file,
                           from - end, show(t->name).text);
        end = from + t->bytes;
    }
    if (end == s->data + s->size) return 0;
    return MN_FAIL(MN_ECORRUPT, "%s: the last %td bytes belong to no tensor", r->file,
                   s->data + s->size - end);
}

static int take_tensors(const reading *r) {
    mn_safetensors *s = r->s;
    const size_t n = json_object_size(s->root);
    const char *name;
    json_t *info;
    if (n > MAX_TENSORS)
        return MN_FAIL(MN_EUNSUPPORTED, "%s has %zu tensors; at most %d are read", r->file, n,
                       MAX_TENSORS);
    s->tensor = mn_calloc(n ? n : 1, sizeof *s->tensor);
    if (!s->tensor) return MN_FAIL(MN_ENOMEM, "%s: no memory for %zu tensors", r->file, n);
    json_object_foreach(s->root, name, info) {
        if (strcmp(name, "__metadata__") == 0)
            MN_TRY(check_metadata(r, info));
        else
            MN_TRY(take_tensor(r, name, info));
    }
    return check_places(r);
}

static int take_header(reading *r) {
    mn_safetensors *s = r->s;
    uint64_t n = 0;
    if (s->size >= sizeof n) memcpy(&n, s->data, sizeof n);
    if (s->size < sizeof n || n > s->size - sizeof n || n < 2 || s->data[sizeof n] != '{')
        return MN_FAIL(MN_ECORRUPT,
                       "%s is no safetensors file: its %zu bytes do not begin with the length of a "
                       "header and the header; it is incomplete or something else",
                       r->file, s->size);
    if (n > MAX_HEADER)
        return MN_FAIL(MN_EUNSUPPORTED, "%s has a header of %llu bytes; at most %d are read",
                       r->file, (unsigned long long)n, MAX_HEADER);
    if (n % 8)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s has a header of %llu bytes, which is no multiple of 8; save the model "
                       "again with a current safetensors",
                       r->file, (unsigned long long)n);
    s->header = sizeof n + (size_t)n;
    r->room = s->size - s->header;
    json_error_t e;
    s->root = json_loadb((const char *)s->data + sizeof n, (size_t)n, JSON_REJECT_DUPLICATES, &e);
    if (s->root) return take_tensors(r);
    /* Where memory ends before the first character, there is no text. */
    if (json_error_code(&e) == json_error_out_of_memory || !*e.text)
        return MN_FAIL(MN_ENOMEM, "%s: no memory for its header of %llu bytes", r->file,
                       (unsigned long long)n);
    return MN_FAIL(MN_ECORRUPT, "%s: its header is not the JSON it should be: %s, at byte %d",
                   r->file, show(e.text).text, e.position);
}

/* Takes over `map` when there is one. */
static int open_bytes(mn_map *map, const void *data, size_t size, const char *name,
                      mn_safetensors **out) {
    *out = NULL;
    mn_safetensors *s = mn_calloc(1, sizeof *s);
    if (!s) {
        if (map) mn_file_unmap(map);
        return MN_FAIL(MN_ENOMEM, "%s: no memory to open it", name);
    }
    if (map) s->map = *map;
    s->data = data;
    s->size = size;
    reading r = {.s = s, .file = name};
    const int rc = take_header(&r);
    if (rc < 0)
        mn_safetensors_close(&s);
    else
        *out = s;
    return rc;
}

int mn_safetensors_open(const char *path, mn_safetensors **out) {
    *out = NULL;
    mn_map map = {0};
    MN_TRY(mn_file_map(path, &map));
    return open_bytes(&map, map.data, map.size, path, out);
}

int mn_safetensors_open_memory(const void *data, size_t size, const char *name,
                               mn_safetensors **out) {
    return open_bytes(NULL, data, size, name, out);
}

void mn_safetensors_close(mn_safetensors **ps) {
    mn_safetensors *s = *ps;
    *ps = NULL;
    if (!s) return;
    json_decref(s->root);
    mn_free(s->tensor);
    mn_file_unmap(&s->map);
    mn_free(s);
}

int mn_safetensors_begins(const void *data, size_t n) {
    uint64_t header = 0;
    if (n < 10) return 0;
    memcpy(&header, data, sizeof header);
    return header >= 2 && header < 1u << 30 && ((const char *)data)[8] == '{';
}

uint64_t mn_safetensors_size(const mn_safetensors *s) {
    return s->size;
}

const void *mn_safetensors_data(const mn_safetensors *s) {
    return s->data;
}

void mn_safetensors_header(const mn_safetensors *s, const void **bytes, size_t *n) {
    *bytes = s->data;
    *n = s->header;
}

size_t mn_safetensors_tensors(const mn_safetensors *s, const mn_safetensor **out) {
    *out = s->tensor;
    return s->n;
}

const mn_safetensor *mn_safetensors_find(const mn_safetensors *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->tensor[i].name, name) == 0) return s->tensor + i;
    return NULL;
}

const char *mn_safetensors_metadata(const mn_safetensors *s, const char *key) {
    return json_string_value(json_object_get(json_object_get(s->root, "__metadata__"), key));
}
