/* SPDX-License-Identifier: Apache-2.0
 *
 * model/gguf.c - opening a GGUF file: the directory is read and checked once, then trusted.
 *
 *   "GGUF", version u32, tensor count u64, entry count u64
 *   entries (gguf_read.c)
 *   tensor infos: name (string), dims u32, dims x u64 shape, type u32, offset u64
 *   padding to general.alignment (32), then the tensors, each at its offset from here
 *
 * Refused: what does not fit the file, overflows, overlaps, repeats a name, or is of a type,
 * version or byte order we do not read. Names go into open-addressing tables of indices (XXH3,
 * at most half full). Cost: one pass over the directory; no tensor byte is touched.
 */
#include "model/gguf.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "model/gguf_read.h"

#include <stdlib.h>
#include <string.h>

enum {
    ENTRY_LIMIT = 16384, /* far above any model; names made to collide cost 0.3 s at most */
    TENSOR_LIMIT = 16384,
    NAME_LIMIT = 255,        /* bytes of a tensor's name; the specification allows 64 */
    ENTRY_LEAST = 8 + 4 + 1, /* bytes of the shortest entry */
    TENSOR_LEAST = 8 + 4 + 8 + 4 + 8,
    ALIGN_STANDARD = 32,
    ALIGN_LIMIT = 1 << 20,
};

/* Names to indices: slot = index + 1, 0 is free; mask + 1 slots. */
typedef struct table {
    uint32_t *slot;
    size_t mask;
} table;

struct mn_gguf {
    mn_map map;          /* empty when the memory is the caller's */
    const uint8_t *data; /* the directory */
    const uint8_t *file; /* where the tensors' file begins */
    size_t size, header;
    uint32_t version;
    size_t n_values, n_tensors;
    mn_gguf_value *values;
    mn_gguf_tensor *tensors;
    table value_table, tensor_table;
    void *owner; /* of a foreign one's bytes */
    void (*close)(void *owner);
};

static int table_make(table *t, size_t n) {
    size_t slots = 8;
    while (slots < 2 * n) slots *= 2;
    t->slot = mn_calloc(slots, sizeof *t->slot);
    t->mask = slots - 1;
    return t->slot ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a table of %zu names", n);
}

/* The name at `row` of an array of structs of `stride` bytes that begin with their name. */
static mn_str name_at(const void *rows, size_t stride, size_t row) {
    mn_str s;
    memcpy(&s, (const char *)rows + row * stride, sizeof s);
    return s;
}

/* The slot that holds `name`, or the free one where it belongs. */
static uint32_t *table_slot(const table *t, const void *rows, size_t stride, mn_str name) {
    for (size_t i = (size_t)mn_hash64(name.p, name.n);; i++) {
        uint32_t *slot = &t->slot[i & t->mask];
        if (!*slot) return slot;
        const mn_str other = name_at(rows, stride, *slot - 1);
        if (other.n == name.n && memcmp(other.p, name.p, name.n) == 0) return slot;
    }
}

/* Enter row `row`; MN_ECORRUPT when its name is there already. */
static int table_add(table *t, const void *rows, size_t stride, size_t row, const char *file,
                     const char *what) {
    const mn_str name = name_at(rows, stride, row);
    uint32_t *slot = table_slot(t, rows, stride, name);
    if (*slot)
        return MN_FAIL(MN_ECORRUPT, "%s: %s '%s' is there twice", file, what,
                       mn_gguf_show(name).text);
    *slot = (uint32_t)row + 1;
    return 0;
}

/* What a file is that does not begin with GGUF, for the sentence. */
static const char *kind_of_file(const uint8_t *p, size_t n) {
    static const struct {
        const char *magic, *text;
    } known[] = {
        {"version https://git-lfs",
         "a Git LFS pointer, not the file itself: fetch it with git lfs"},
        {"<", "a web page, perhaps saved instead of the file it announces"},
        {"PK\3\4", "a zip or PyTorch archive; convert the model to GGUF"},
        {"lmgg", "a GGML file from before GGUF; convert the model again"},
        {"tjgg", "a GGML file from before GGUF; convert the model again"},
        {"algg", "a GGML adapter from before GGUF; convert it again"},
        {"FUGG", "a GGUF file turned byte by byte"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const size_t m = strlen(known[i].magic);
        if (n >= m && memcmp(p, known[i].magic, m) == 0) return known[i].text;
    }
    if (n > 8 && p[8] == '{') return "perhaps safetensors; convert the model to GGUF";
    return "its first four bytes are not GGUF";
}

static int take_version(mn_gguf *g, mn_gguf_cursor *c) {
    if (c->size < 4 || memcmp(c->data, "GGUF", 4) != 0)
        return MN_FAIL(MN_ECORRUPT, "%s is not a GGUF file: %s", c->name,
                       kind_of_file(c->data, c->size));
    c->at = 4;
    MN_TRY(mn_gguf_take_u32(c, "the version", &g->version));
    const uint32_t turned = __builtin_bswap32(g->version);
    if (turned >= 1 && turned <= 3)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s is a big-endian GGUF file; only little-endian ones are read, convert "
                       "it with gguf_convert_endian.py",
                       c->name);
    if (g->version == 2 || g->version == 3) return 0;
    return MN_FAIL(MN_EUNSUPPORTED, "%s is GGUF version %u; versions 2 and 3 are read%s", c->name,
                   g->version, g->version == 1 ? ", convert the model again" : "");
}

/* A count of rows of at least `least` bytes each. */
static int take_count(mn_gguf_cursor *c, const char *what, uint64_t limit, uint64_t least,
                      size_t *out) {
    uint64_t n = 0;
    MN_TRY(mn_gguf_take_u64(c, what, &n));
    if (n > limit)
        return MN_FAIL(MN_ECORRUPT, "%s claims %llu %s; at most %llu are allowed", c->name,
                       (unsigned long long)n, what, (unsigned long long)limit);
    if (n > (c->size - c->at) / least)
        return MN_FAIL(MN_ECORRUPT,
                       "%s claims %llu %s, but only %zu bytes follow; the file is incomplete or "
                       "damaged, fetch it again",
                       c->name, (unsigned long long)n, what, c->size - c->at);
    *out = (size_t)n;
    return 0;
}

static int take_values(mn_gguf *g, mn_gguf_cursor *c, size_t n) {
    g->values = mn_calloc(n, sizeof *g->values);
    if (!g->values) return MN_FAIL(MN_ENOMEM, "%s: no memory for %zu entries", c->name, n);
    MN_TRY(table_make(&g->value_table, n));
    while (g->n_values < n) {
        MN_TRY(mn_gguf_take_value(c, &g->values[g->n_values]));
        g->n_values++;
        MN_TRY(table_add(&g->value_table, g->values, sizeof *g->values, g->n_values - 1, c->name,
                         "metadata"));
    }
    const uint64_t parts = mn_gguf_u64(g, "split.count", 1);
    if (parts > 1)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s is one of %llu parts of a model; join them with `llama-gguf-split "
                       "--merge FIRST-PART WHOLE.gguf` and open the whole",
                       c->name, (unsigned long long)parts);
    return 0;
}

static int take_alignment(const mn_gguf *g, const mn_gguf_cursor *c, uint64_t *out) {
    const mn_gguf_value *v = mn_gguf_find(g, "general.alignment");
    *out = mn_gguf_u64(g, "general.alignment", v ? 0 : ALIGN_STANDARD);
    if (*out >= 8 && *out <= ALIGN_LIMIT && !(*out & (*out - 1))) return 0;
    return MN_FAIL(MN_ECORRUPT,
                   "%s: general.alignment is %llu; it must be a power of two from 8 to %d", c->name,
                   (unsigned long long)*out, ALIGN_LIMIT);
}

/* Type, and with it the size. */
static int take_type(mn_gguf_cursor *c, uint64_t elements, mn_gguf_tensor *t) {
    const mn_gguf_shown name = mn_gguf_show(t->name);
    uint32_t type = 0;
    MN_TRY(mn_gguf_take_u32(c, "a tensor's type", &type));
    const mn_format *f = mn_format_find(type);
    if (!f)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s: tensor '%s' is in number format %u (%s), which is not read; take the "
                       "model in Q4_K_M, Q8_0 or F16",
                       c->name, name.text, type, mn_format_name(type));
    if (t->shape[0] % f->block)
        return MN_FAIL(MN_ECORRUPT,
                       "%s: rows of tensor '%s' have %llu weights; %s needs a multiple of %u",
                       c->name, name.text, (unsigned long long)t->shape[0], f->name, f->block);
    t->type = f->id;
    t->bytes = mn_format_row_bytes(f, t->shape[0]) * (elements / t->shape[0]);
    return 0;
}

/* Shape, type and from them the size of a tensor whose name is known. */
static int take_shape(mn_gguf_cursor *c, mn_gguf_tensor *t) {
    const mn_gguf_shown name = mn_gguf_show(t->name);
    uint64_t elements = 1;
    MN_TRY(mn_gguf_take_u32(c, "a tensor's dimensions", &t->dims));
    if (t->dims < 1 || t->dims > 4)
        return MN_FAIL(MN_ECORRUPT, "%s: tensor '%s' has %u dimensions; 1 to 4 are allowed",
                       c->name, name.text, t->dims);
    for (uint32_t i = 0; i < 4; i++) {
        t->shape[i] = 1;
        if (i < t->dims) MN_TRY(mn_gguf_take_u64(c, "a tensor's shape", &t->shape[i]));
        if (!t->shape[i] || __builtin_mul_overflow(elements, t->shape[i], &elements) ||
            elements > INT64_MAX / 8)
            return MN_FAIL(MN_ECORRUPT, "%s: dimension %u of tensor '%s' is %llu, which is %s",
                           c->name, i, name.text, (unsigned long long)t->shape[i],
                           t->shape[i] ? "too large" : "empty");
    }
    return take_type(c, elements, t);
}

/* Where tensor `row` begins, from the start of the data. */
typedef struct extent {
    uint64_t offset;
    size_t row;
} extent;

static int by_offset(const void *a, const void *b) {
    const extent *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static int take_tensors(mn_gguf *g, mn_gguf_cursor *c, size_t n, extent *extents) {
    g->tensors = mn_calloc(n, sizeof *g->tensors);
    if (!g->tensors) return MN_FAIL(MN_ENOMEM, "%s: no memory for %zu tensors", c->name, n);
    MN_TRY(table_make(&g->tensor_table, n));
    while (g->n_tensors < n) {
        const size_t row = g->n_tensors;
        mn_gguf_tensor *t = &g->tensors[row];
        MN_TRY(mn_gguf_take_str(c, "a tensor's name", NAME_LIMIT, &t->name));
        MN_TRY(take_shape(c, t));
        extents[row].row = row;
        MN_TRY(mn_gguf_take_u64(c, "a tensor's offset", &extents[row].offset));
        g->n_tensors++;
        MN_TRY(table_add(&g->tensor_table, g->tensors, sizeof *g->tensors, row, c->name, "tensor"));
    }
    return 0;
}

/* Check that each tensor lies aligned in the file and on no other, and point to it. */
static int place_tensors(mn_gguf *g, const mn_gguf_cursor *c, extent *extents) {
    uint64_t align = 0, end = 0;
    MN_TRY(take_alignment(g, c, &align));
    const uint64_t start = (c->at + align - 1) & ~(align - 1);
    g->header = start < g->size ? (size_t)start : g->size;
    const uint64_t room = g->size - g->header;
    int sorted = 1;
    for (size_t i = 1; i < g->n_tensors; i++) sorted &= extents[i - 1].offset <= extents[i].offset;
    if (!sorted) qsort(extents, g->n_tensors, sizeof *extents, by_offset);
    for (size_t i = 0; i < g->n_tensors; i++) {
        mn_gguf_tensor *t = &g->tensors[extents[i].row];
        const unsigned long long offset = extents[i].offset, bytes = t->bytes;
        const mn_gguf_shown name = mn_gguf_show(t->name);
        if (offset % align)
            return MN_FAIL(MN_ECORRUPT,
                           "%s: tensor '%s' stands at offset %llu, which is no multiple of the "
                           "alignment %llu",
                           c->name, name.text, offset, (unsigned long long)align);
        if (offset > room || bytes > room - offset)
            return MN_FAIL(MN_ECORRUPT,
                           "%s: tensor '%s' has %llu bytes at offset %llu, but the file holds "
                           "%llu; it is incomplete or damaged, fetch it again",
                           c->name, name.text, bytes, offset, (unsigned long long)room);
        if (offset < end)
            return MN_FAIL(MN_ECORRUPT, "%s: tensors '%s' and '%s' overlap at offset %llu", c->name,
                           mn_gguf_show(g->tensors[extents[i - 1].row].name).text, name.text,
                           offset);
        end = offset + bytes;
        t->data = g->data + start + offset;
    }
    return 0;
}

static int take_directory(mn_gguf *g, mn_gguf_cursor *c) {
    size_t n_tensors = 0, n_values = 0;
    MN_TRY(take_version(g, c));
    MN_TRY(take_count(c, "tensors", TENSOR_LIMIT, TENSOR_LEAST, &n_tensors));
    MN_TRY(take_count(c, "metadata entries", ENTRY_LIMIT, ENTRY_LEAST, &n_values));
    MN_TRY(take_values(g, c, n_values));
    extent *extents = mn_calloc(n_tensors, sizeof *extents);
    if (!extents) return MN_FAIL(MN_ENOMEM, "%s: no memory for %zu tensors", c->name, n_tensors);
    int rc = take_tensors(g, c, n_tensors, extents);
    if (rc >= 0) rc = place_tensors(g, c, extents);
    mn_free(extents);
    return rc;
}

/* Takes over `map` when there is one. */
static int open_bytes(mn_map *map, const void *data, size_t size, const char *name, mn_gguf **out) {
    *out = NULL;
    mn_gguf *g = mn_calloc(1, sizeof *g);
    if (!g) {
        if (map) mn_file_unmap(map);
        return MN_FAIL(MN_ENOMEM, "%s: no memory to open it", name);
    }
    if (map) g->map = *map;
    g->data = g->file = data;
    g->size = size;
    mn_gguf_cursor c = {.data = data, .size = size, .name = name};
    const int rc = take_directory(g, &c);
    if (rc < 0)
        mn_gguf_close(&g);
    else
        *out = g;
    return rc;
}

int mn_gguf_open(const char *path, mn_gguf **out) {
    *out = NULL;
    mn_map map = {0};
    MN_TRY(mn_file_map(path, &map));
    return open_bytes(&map, map.data, map.size, path, out);
}

int mn_gguf_open_memory(const void *data, size_t size, const char *name, mn_gguf **out) {
    return open_bytes(NULL, data, size, name, out);
}

static int take_foreign(mn_gguf *g, const mn_gguf_foreign *f) {
    mn_free(g->tensors);
    mn_free(g->tensor_table.slot);
    g->tensor_table.slot = NULL;
    g->tensors = mn_calloc(f->n, sizeof *g->tensors);
    if (!g->tensors) return MN_FAIL(MN_ENOMEM, "%s: no memory for %zu tensors", f->name, f->n);
    MN_TRY(table_make(&g->tensor_table, f->n));
    for (; g->n_tensors < f->n; g->n_tensors++) {
        g->tensors[g->n_tensors] = f->tensor[g->n_tensors];
        MN_TRY(table_add(&g->tensor_table, g->tensors, sizeof *g->tensors, g->n_tensors, f->name,
                         "tensor"));
    }
    g->file = f->file;
    g->size = f->bytes;
    return 0;
}

int mn_gguf_open_foreign(const mn_gguf_foreign *f, mn_gguf **out) {
    int rc = mn_gguf_open_memory(f->metadata, f->metadata_bytes, f->name, out);
    if (rc >= 0) rc = take_foreign(*out, f);
    if (rc < 0) {
        mn_gguf_close(out);
        f->close(f->owner);
        return rc;
    }
    (*out)->owner = f->owner;
    (*out)->close = f->close;
    return 0;
}

void mn_gguf_close(mn_gguf **pg) {
    mn_gguf *g = *pg;
    if (!g) return;
    *pg = NULL;
    for (size_t i = 0; i < g->n_values; i++) mn_gguf_value_drop(&g->values[i]);
    mn_free(g->values);
    mn_free(g->tensors);
    mn_free(g->value_table.slot);
    mn_free(g->tensor_table.slot);
    mn_file_unmap(&g->map);
    if (g->close) g->close(g->owner);
    mn_free(g);
}

void mn_gguf_cool(const mn_gguf *g) {
    mn_file_map_cool(&g->map, 0, g->map.size);
}

uint64_t mn_gguf_tensor_at(const mn_gguf *g, const mn_gguf_tensor *t) {
    return (uint64_t)((const uint8_t *)t->data - g->file);
}

uint32_t mn_gguf_version(const mn_gguf *g) {
    return g->version;
}

uint64_t mn_gguf_size(const mn_gguf *g) {
    return g->size;
}

void mn_gguf_header(const mn_gguf *g, const void **bytes, size_t *n) {
    *bytes = g->data;
    *n = g->header;
}

size_t mn_gguf_values(const mn_gguf *g, const mn_gguf_value **out) {
    *out = g->values;
    return g->n_values;
}

size_t mn_gguf_tensors(const mn_gguf *g, const mn_gguf_tensor **out) {
    *out = g->tensors;
    return g->n_tensors;
}

const mn_gguf_value *mn_gguf_find(const mn_gguf *g, const char *key) {
    const mn_str name = {key, strlen(key)};
    const uint32_t slot = *table_slot(&g->value_table, g->values, sizeof *g->values, name);
    return slot ? &g->values[slot - 1] : NULL;
}

const mn_gguf_tensor *mn_gguf_tensor_find(const mn_gguf *g, const char *name) {
    const mn_str s = {name, strlen(name)};
    const uint32_t slot = *table_slot(&g->tensor_table, g->tensors, sizeof *g->tensors, s);
    return slot ? &g->tensors[slot - 1] : NULL;
}
