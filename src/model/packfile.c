/* SPDX-License-Identifier: Apache-2.0
 *
 * model/packfile.c - finding, checking, making and mapping a pack.
 *
 * open: map the file and check header, identity and entries -> (first time since boot, or since
 * the file was written to: check the sum of every tensor) -> use. Any doubt: take the lock, look
 * again (another process may have made it meanwhile), pack. A file that fails its sums is replaced
 * the same way.
 */
#include "model/packfile.h"
#include "model/arch.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/stamp.h"
#include "model/tokenizer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "OMNPACK\n"
/* Of the layout; encoders have another, whose matrices are MN_I13. */
enum { VERSION = 1, ENCODER_VERSION = 2, ALIGN = 4096, NAME = 88, MOST = 65536 };

typedef struct header { /* 64 bytes, little endian, at offset 0 */
    char magic[8];
    uint32_t version, n;                       /* entries */
    uint64_t gguf_size, gguf_mtime, gguf_hash; /* identity of the source */
    uint64_t image_offset, image_bytes;        /* tokenizer */
    uint64_t sum; /* XXH3 of entries and image, folded with the identity above */
} header;

typedef struct entry { /* 128 bytes */
    char name[NAME];
    uint32_t format, rows;
    uint64_t k, offset, bytes, sum;
} entry;
_Static_assert(sizeof(header) == 64 && sizeof(entry) == 128, "part of the file format");

struct mn_packfile {
    const uint8_t *data;
    size_t size;
    mn_map map;   /* when mapped */
    void *memory; /* when made in memory */
    mn_buf why;   /* it is in memory: a sentence */
    const entry *entries;
    uint32_t n;
};

static uint64_t identity_sum(const header *h, const void *body, size_t n) {
    header copy = *h;
    copy.sum = 0;
    return mn_hash64(&copy, sizeof copy) ^ mn_hash64(body, n);
}

/* ---- the plan: which tensors, where ------------------------------------------------------- */
typedef struct plan {
    header head;
    entry *entry;
    const mn_gguf_tensor **source;
    mn_buf image;
    uint64_t total; /* bytes of the whole file */
} plan;

/* An encoder's matrices of F32 become 13-bit codes: half to read, products of integers are twice as
 * fast, and MiniLM's vectors stay within 5e-4 of those in F32. F16 would leave them within 2.2e-4,
 * BF16 take them 1.6e-3 away, 8-bit codes 1e-2. Rows that do not fit runs of 32 become F16. */
static int is_encoder(const mn_gguf *g) {
    const mn_str name = mn_gguf_str(g, "general.architecture");
    const mn_arch *arch = name.n ? mn_arch_find(name.p, name.n) : NULL;
    return arch && arch->encoder;
}

static int wanted(const mn_gguf *g, int encoder, const mn_gguf_tensor *t) {
    if (encoder && (t->name.n < 4 || memcmp(t->name.p, "blk.", 4))) return 0; /* are looked up */
    if (t->dims != 2 || t->name.n >= NAME || !mn_pack_find((uint32_t)t->type)) return 0;
    if (t->shape[0] > 1 << 24 || t->shape[1] > 1 << 24) return 0;
    const int embedding = t->name.n == 17 && memcmp(t->name.p, "token_embd.weight", 17) == 0;
    if (embedding && mn_gguf_tensor_find(g, "output.weight")) return 0;
    return mn_pack_tile_bytes(mn_pack_find((uint32_t)t->type), (int)t->shape[0]) > 0;
}

static uint64_t up(uint64_t n) {
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static void plan_free(plan *p) {
    mn_free(p->entry);
    mn_free(p->source);
    mn_buf_free(&p->image);
}

static int identify(const char *path, const mn_gguf *g, header *h) {
    const void *bytes;
    size_t n;
    int64_t mtime;
    mn_gguf_header(g, &bytes, &n);
    memcpy(h->magic, MAGIC, 8);
    h->version = is_encoder(g) ? ENCODER_VERSION : VERSION;
    MN_TRY(mn_file_stat(path, &h->gguf_size, &mtime));
    h->gguf_mtime = (uint64_t)mtime;
    h->gguf_hash = mn_hash64(bytes, n);
    return 0;
}

static int plan_make(const mn_gguf *g, const header *id, plan *p) {
    const mn_gguf_tensor *t;
    const size_t all = mn_gguf_tensors(g, &t);
    *p = (plan){.head = *id};
    p->entry = mn_calloc(all, sizeof(entry));
    p->source = mn_calloc(all, sizeof *p->source);
    if (!p->entry || !p->source)
        return MN_FAIL(MN_ENOMEM, "no memory to plan the packing of %zu tensors", all);
    MN_TRY(mn_tokenizer_build(g, &p->image));
    const int encoder = is_encoder(g);
    for (size_t i = 0; i < all; i++) {
        if (!wanted(g, encoder, t + i)) continue;
        entry *e = p->entry + p->head.n;
        memcpy(e->name, t[i].name.p, t[i].name.n);
        e->format = (uint32_t)t[i].type;
        if (encoder && t[i].type == MN_F32)
            e->format = mn_i13_run((int)t[i].shape[0]) ? MN_I13 : MN_F16;
        e->rows = (uint32_t)t[i].shape[1];
        e->k = t[i].shape[0];
        e->bytes = (e->rows + 15) / 16 * mn_pack_tile_bytes(mn_pack_find(e->format), (int)e->k);
        p->source[p->head.n++] = t + i;
    }
    p->head.image_offset = sizeof(header) + p->head.n * sizeof(entry);
    p->head.image_bytes = p->image.len;
    uint64_t at = up(p->head.image_offset + p->image.len);
    for (uint32_t i = 0; i < p->head.n; i++) {
        p->entry[i].offset = at;
        at = up(at + p->entry[i].bytes);
    }
    p->total = at;
    return 0;
}

/* ---- packing ------------------------------------------------------------------------------ */
typedef struct pack_job {
    const entry *e;
    const mn_gguf_tensor *t;
    size_t row_bytes, tile_bytes;
    int first, tiles;
    uint8_t *out; /* of tile `first` */
} pack_job;
enum { TILES_EACH = 8 };

static void pack_piece(void *ctx, int piece, int worker) {
    (void)worker;
    const pack_job *j = ctx;
    const int rows = (int)j->e->rows, k = (int)j->e->k;
    for (int i = piece * TILES_EACH; i < j->tiles && i < (piece + 1) * TILES_EACH; i++) {
        uint8_t *out = j->out + (size_t)i * j->tile_bytes;
        if (j->e->format == MN_I13)
            mn_pack_tile_i13(j->t->data, rows, k, j->first + i, out);
        else if (j->e->format != (uint32_t)j->t->type)
            mn_pack_tile_halves(j->t->data, rows, k, j->first + i, out);
        else
            mn_pack_tile(mn_pack_find(j->e->format), j->t->data, j->row_bytes, rows, k,
                         j->first + i, out);
    }
}

/* Pack tiles [first, first + tiles) of entry i to `out`. */
static void pack_tiles(const plan *p, uint32_t i, mn_team *team, int first, int tiles,
                       uint8_t *out) {
    const entry *e = p->entry + i;
    pack_job j = {e,
                  p->source[i],
                  mn_format_row_bytes(mn_format_find((uint32_t)p->source[i]->type), e->k),
                  mn_pack_tile_bytes(mn_pack_find(e->format), (int)e->k),
                  first,
                  tiles,
                  out};
    mn_team_run(team, pack_piece, &j, (tiles + TILES_EACH - 1) / TILES_EACH);
}

/* The file's bytes from the front, through a buffer of some MB, into f; sums are collected. */
static int pack_to_file(plan *p, mn_team *team, mn_pack_progress progress, void *user,
                        const char *path) {
    enum { CHUNK = 8 << 20 };
    static const uint8_t zeros[ALIGN];
    mn_filew *f = NULL;
    void *chunk = NULL;
    size_t chunk_bytes = CHUNK;
    for (uint32_t i = 0; i < p->head.n; i++)
        if (p->entry[i].bytes / ((p->entry[i].rows + 15) / 16) > chunk_bytes)
            chunk_bytes = p->entry[i].bytes / ((p->entry[i].rows + 15) / 16);
    int rc = mn_alloc_pages(chunk_bytes, "the packing buffer", &chunk);
    if (rc >= 0) rc = mn_file_begin(path, &f);
    /* Front matter goes first with empty sums, and once more, right, when the sums are known. */
    const uint64_t front = up(p->head.image_offset + p->image.len);
    for (uint64_t at = 0; rc >= 0 && at < front; at += ALIGN) rc = mn_file_write(f, zeros, ALIGN);
    for (uint32_t i = 0; rc >= 0 && i < p->head.n; i++) {
        entry *e = p->entry + i;
        const size_t tile = mn_pack_tile_bytes(mn_pack_find(e->format), (int)e->k);
        const int all = (int)((e->rows + 15) / 16), each = tile > CHUNK ? 1 : (int)(CHUNK / tile);
        for (int t = 0; rc >= 0 && t < all; t += each) {
            const int n = all - t < each ? all - t : each;
            pack_tiles(p, i, team, t, n, chunk);
            e->sum = e->sum * 31 + mn_hash64(chunk, (size_t)n * tile);
            rc = mn_file_write(f, chunk, (size_t)n * tile);
            if (rc >= 0 && progress &&
                progress(user, e->offset + (uint64_t)(t + n) * tile, p->total))
                rc = MN_FAIL(MN_ECANCELLED, "packing was stopped");
        }
        if (rc >= 0) rc = mn_file_write(f, zeros, (size_t)(up(e->bytes) - e->bytes));
    }
    if (chunk) mn_free_pages(chunk, chunk_bytes);
    mn_buf body = {0};
    if (rc >= 0) rc = mn_buf_append(&body, p->entry, p->head.n * sizeof(entry));
    if (rc >= 0) rc = mn_buf_append(&body, p->image.data, p->image.len);
    if (rc >= 0) {
        p->head.sum = identity_sum(&p->head, body.data, body.len);
        rc = mn_file_rewrite(f, 0, &p->head, sizeof p->head);
    }
    if (rc >= 0) rc = mn_file_rewrite(f, sizeof p->head, body.data, body.len);
    mn_buf_free(&body);
    if (rc < 0)
        mn_file_abort(&f);
    else
        rc = mn_file_commit(&f);
    return rc;
}

static int pack_to_memory(plan *p, mn_team *team, mn_pack_progress progress, void *user,
                          mn_packfile *out) {
    void *block;
    MN_TRY(mn_alloc_pages((size_t)p->total, "the model", &block));
    uint8_t *to = block;
    memcpy(to, &p->head, sizeof p->head);
    memcpy(to + sizeof p->head, p->entry, p->head.n * sizeof(entry));
    memcpy(to + p->head.image_offset, p->image.data, p->image.len);
    for (uint32_t i = 0; i < p->head.n; i++) {
        pack_tiles(p, i, team, 0, (int)((p->entry[i].rows + 15) / 16), to + p->entry[i].offset);
        if (progress && progress(user, p->entry[i].offset + p->entry[i].bytes, p->total)) {
            mn_free_pages(block, (size_t)p->total);
            return MN_FAIL(MN_ECANCELLED, "packing was stopped");
        }
    }
    out->memory = block;
    out->data = block;
    out->size = (size_t)p->total;
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------ */
static int check(const uint8_t *data, size_t size, const header *id, const char *path) {
    header h;
    if (size < sizeof h) return MN_FAIL(MN_ECORRUPT, "%s is cut short", path);
    memcpy(&h, data, sizeof h);
    if (memcmp(h.magic, MAGIC, 8) || h.version != id->version || h.gguf_size != id->gguf_size ||
        h.gguf_mtime != id->gguf_mtime || h.gguf_hash != id->gguf_hash)
        return MN_FAIL(MN_ENOENT, "%s belongs to another model or version", path);
    if (h.n > MOST || h.image_offset != sizeof h + h.n * sizeof(entry) || h.image_bytes > size ||
        h.image_offset + h.image_bytes > size ||
        identity_sum(&h, data + sizeof h, (size_t)(h.image_offset + h.image_bytes - sizeof h)) !=
            h.sum)
        return MN_FAIL(MN_ECORRUPT, "%s is damaged", path);
    const entry *e = (const entry *)(const void *)(data + sizeof h);
    for (uint32_t i = 0; i < h.n; i++) {
        if (e[i].offset % 64 || e[i].offset > size || e[i].bytes > size - e[i].offset)
            return MN_FAIL(MN_ECORRUPT, "%s is cut short", path);
        const mn_pack_layout *layout = mn_pack_find(e[i].format);
        if (!layout || e[i].k > 1 << 24 || !mn_pack_tile_bytes(layout, (int)e[i].k))
            return MN_FAIL(MN_ECORRUPT, "%s holds matrices that cannot be", path);
    }
    return 0;
}

typedef struct sum_job {
    const mn_packfile *p;
    atomic_int bad;
} sum_job;

static void sum_piece(void *ctx, int piece, int worker) {
    (void)worker;
    enum { CHUNK = 8 << 20 };
    sum_job *j = ctx;
    const entry *e = j->p->entries + piece;
    const size_t tile = mn_pack_tile_bytes(mn_pack_find(e->format), (int)e->k);
    const size_t each = tile > CHUNK ? tile : CHUNK / tile * tile;
    uint64_t sum = 0;
    for (uint64_t at = 0; at < e->bytes; at += each) {
        const size_t n = e->bytes - at < each ? (size_t)(e->bytes - at) : each;
        sum = sum * 31 + mn_hash64(j->p->data + e->offset + at, n);
    }
    if (sum != e->sum) atomic_store(&j->bad, 1);
}

/* Sums are checked unless PATH.ok says that they were, of this very file, in this boot. */
static int check_sums(const mn_packfile *p, const char *path, mn_team *team) {
    mn_buf boot = {0}, seen = {0}, stamp = {0};
    char mark[MN_FILE_MARK];
    int rc = mn_buf_printf(&stamp, "%s.ok", path);
    if (rc >= 0) rc = mn_file_read("/proc/sys/kernel/random/boot_id", 4096, &boot);
    if (rc >= 0) rc = mn_file_mark(path, mark);
    const int known = rc >= 0;
    if (!known || !mn_stamp_read(stamp.data, mark, &seen) || strcmp(seen.data, boot.data) != 0) {
        sum_job j = {.p = p};
        mn_team_run(team, sum_piece, &j, (int)p->n);
        rc = atomic_load(&j.bad) ? MN_FAIL(MN_ECORRUPT, "%s is damaged", path) : 0;
        if (rc >= 0 && known) mn_stamp_write(stamp.data, mark, boot.data);
    }
    mn_buf_free(&boot);
    mn_buf_free(&seen);
    mn_buf_free(&stamp);
    return rc;
}

static void attach(mn_packfile *p) {
    header h;
    memcpy(&h, p->data, sizeof h);
    p->n = h.n;
    p->entries = (const entry *)(const void *)(p->data + sizeof h);
}

/* Map, check and book the file; everything wrong with it is one error, and MN_EFULL means that the
 * budget has no room for it. */
static int try_file(const char *path, const header *id, mn_team *team, mn_packfile *p) {
    MN_TRY(mn_file_map(path, &p->map));
    int rc = check(p->map.data, p->map.size, id, path);
    if (rc >= 0) rc = mn_budget_take(p->map.size, "the model");
    if (rc >= 0) {
        p->data = p->map.data;
        p->size = p->map.size;
        attach(p);
        rc = check_sums(p, path, team);
        mn_file_map_cool(&p->map, 0, p->n ? p->entries[0].offset : 0); /* the tokenizer, hashed */
        if (rc < 0) mn_budget_give(p->size);
    }
    if (rc < 0) mn_file_unmap(&p->map);
    return rc;
}

/* Under the lock: the file of a process that was faster, or ours. */
static int make_file(const char *path, const mn_gguf *g, const header *id, mn_team *team,
                     mn_pack_progress progress, void *user, plan *pl, mn_packfile *p) {
    mn_buf lock_path = {0};
    int rc = mn_buf_append(&lock_path, path, (size_t)(strrchr(path, '/') - path));
    if (rc >= 0) rc = mn_file_mkdirs(lock_path.data);
    mn_buf_clear(&lock_path);
    if (rc >= 0) rc = mn_buf_printf(&lock_path, "%s.lock", path);
    const int lock = rc < 0 ? rc : mn_file_lock(lock_path.data, -1);
    mn_buf_free(&lock_path);
    MN_TRY(lock);
    rc = try_file(path, id, team, p);
    if (rc < 0 && rc != MN_EFULL) {
        rc = plan_make(g, id, pl);
        if (rc >= 0) rc = mn_budget_take(pl->total, "the model"); /* before it is packed in vain */
        if (rc >= 0) mn_budget_give(pl->total);
        if (rc >= 0) rc = pack_to_file(pl, team, progress, user, path);
        if (rc >= 0) rc = try_file(path, id, team, p);
    }
    close(lock);
    return rc;
}

/* p->why holds what failed: add the numbers. */
static int explain(mn_packfile *p, const char *path, uint64_t need) {
    char a[16], b[16];
    uint64_t room = 0;
    mn_buf folder = {0};
    MN_TRY(mn_buf_puts(&folder, path ? path : ""));
    int known = 0; /* of the deepest folder that is there */
    for (char *end; !known && (end = strrchr(folder.data, '/')) && end != folder.data;) {
        *end = 0;
        known = mn_file_room(folder.data, &room) >= 0;
    }
    mn_buf_free(&folder);
    return mn_buf_printf(&p->why,
                         " (%s are needed%s%s%s); until then the weights are packed in memory at "
                         "each start",
                         mn_budget_human(need, a), known ? ", " : "",
                         known ? mn_budget_human(room, b) : "", known ? " are free" : "");
}

/* A file at `path`, or where that cannot be (path NULL: the sentence says why), in memory. */
static int make(const char *path, const mn_gguf *g, const header *id, mn_team *team,
                mn_pack_progress progress, void *user, mn_packfile *p) {
    plan pl = {0};
    int rc = path ? make_file(path, g, id, team, progress, user, &pl, p) : MN_ENOENT;
    if (rc == MN_EFULL || rc == MN_EIO || rc == MN_ENOENT) {
        rc = mn_buf_puts(&p->why, mn_error_detail());
        if (rc >= 0 && !pl.total) { /* it did not come so far */
            plan_free(&pl);
            rc = plan_make(g, id, &pl);
        }
        if (rc >= 0) rc = explain(p, path, pl.total);
        if (rc >= 0) rc = pack_to_memory(&pl, team, progress, user, p);
        if (rc >= 0) attach(p);
    }
    plan_free(&pl);
    return rc;
}

int mn_packfile_open(const char *path, const mn_gguf *g, mn_team *team, mn_pack_progress progress,
                     void *user, mn_packfile **out) {
    *out = NULL;
    mn_packfile *p = mn_calloc(1, sizeof *p);
    if (!p) return MN_FAIL(MN_ENOMEM, "no memory to open a pack");
    header id = {0};
    char *file = NULL, sub[64];
    int rc = identify(path, g, &id);
    if (rc >= 0) {
        snprintf(sub, sizeof sub, "packs/%016llx.pack",
                 (unsigned long long)(id.gguf_hash ^ id.gguf_size * 0x9E3779B97F4A7C15u ^
                                      id.gguf_mtime));
        rc = mn_file_cache_path(sub, &file);
        if (rc == MN_ENOENT) rc = 0; /* no home, no file */
    }
    if (rc >= 0) {
        rc = file ? try_file(file, &id, team, p) : MN_ENOENT;
        if (rc < 0 && rc != MN_EFULL) rc = make(file, g, &id, team, progress, user, p);
    }
    mn_free(file);
    if (rc < 0) {
        mn_buf_free(&p->why);
        mn_free(p);
    } else {
        *out = p;
    }
    return rc;
}

void mn_packfile_close(mn_packfile **pp) {
    mn_packfile *p = *pp;
    *pp = NULL;
    if (!p) return;
    if (p->memory)
        mn_free_pages(p->memory, p->size);
    else
        mn_budget_give(p->size);
    mn_file_unmap(&p->map);
    mn_buf_free(&p->why);
    mn_free(p);
}

int mn_packfile_find(const mn_packfile *p, const char *name, mn_packed *out) {
    for (uint32_t i = 0; i < p->n; i++) {
        const entry *e = p->entries + i;
        if (strncmp(e->name, name, NAME) != 0) continue;
        const mn_pack_layout *layout = mn_pack_find(e->format);
        const size_t tile = layout && e->k < 1 << 24 ? mn_pack_tile_bytes(layout, (int)e->k) : 0;
        if (!tile || e->rows > 1 << 24 || (e->rows + 15) / 16 * tile != e->bytes)
            return MN_FAIL(MN_ECORRUPT, "the pack entry %s does not fit itself", name);
        *out = (mn_packed){(mn_format_id)e->format, (int)e->rows, (int)e->k, p->data + e->offset,
                           tile};
        return 0;
    }
    return MN_FAIL(MN_ENOENT, "the model has no matrix %s", name);
}

void mn_packfile_tokenizer(const mn_packfile *p, const void **image, size_t *n) {
    header h;
    memcpy(&h, p->data, sizeof h);
    *image = p->data + h.image_offset;
    *n = (size_t)h.image_bytes;
}

uint64_t mn_packfile_bytes(const mn_packfile *p) {
    return p->size;
}

const char *mn_packfile_in_memory(const mn_packfile *p) {
    return p->memory ? p->why.data : NULL;
}
