/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_build.c - a GGUF's vocabulary to an image (layout: tokenizer_image.h).
 *
 * read the tables and check that they fit each other; index the tokens by their text in the file;
 * decide what is special (tokenizer_rules.c); lay out and fill the sections; last, encode every
 * token's own bytes to learn which are closed. Cost: O(bytes of the vocabulary), about 0.5 us an
 * entry. Tables that need room while building live in one block.
 */
#include "model/tokenizer_image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <math.h>
#include <stdlib.h>

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, UNUSED = 5, BYTE = 6 }; /* token_type */

typedef struct builder {
    const mn_gguf *g;
    const mn_tokenizer_row *row;
    const mn_gguf_value *tokens, *types, *scores, *merges;
    uint32_t n;
    mn_token_header h;
    /* in `block` */
    uint64_t *name;  /* [slots] file texts, as SLOT is for bytes */
    uint32_t *order; /* [n] for sorting */
    uint8_t *attr;   /* [n] */
    void *block;
    /* the sections, in the image */
    uint8_t *image;
    uint32_t *text;
    uint8_t *blob;
} builder;

static mn_str token(const builder *b, uint32_t id) {
    return mn_gguf_item_str(b->tokens, id);
}

static int type_of(const builder *b, uint32_t id) {
    return b->types ? (int)mn_gguf_item_i64(b->types, id, 0) : NORMAL;
}

static int read_array(builder *b, const char *key, int required, uint64_t least,
                      const mn_gguf_value **out) {
    const mn_gguf_value *v = mn_gguf_find(b->g, key);
    *out = v;
    if (!v && !required) return 0;
    if (!v) return MN_FAIL(MN_ECORRUPT, "the file has no %s", key);
    if (v->kind != MN_GGUF_ARRAY) return MN_FAIL(MN_ECORRUPT, "%s is not an array", key);
    if (v->count < least)
        return MN_FAIL(MN_ECORRUPT, "%s has %llu entries for %llu tokens", key,
                       (unsigned long long)v->count, (unsigned long long)least);
    return 0;
}

static int read_tables(builder *b) {
    const mn_str model = mn_gguf_str(b->g, "tokenizer.ggml.model");
    const mn_str pre = mn_gguf_str(b->g, "tokenizer.ggml.pre");
    if (!model.n)
        return MN_FAIL(MN_EUNSUPPORTED, "the file has no tokenizer (tokenizer.ggml.model)");
    MN_TRY(mn_tokenizer_row_find(model.p, model.n, pre.p ? pre.p : "", pre.n, &b->row));
    MN_TRY(read_array(b, "tokenizer.ggml.tokens", 1, 1, &b->tokens));
    if (b->tokens->item != MN_GGUF_STRING)
        return MN_FAIL(MN_ECORRUPT, "tokenizer.ggml.tokens does not hold strings");
    if (b->tokens->count > MN_TOKEN_LIMIT)
        return MN_FAIL(MN_EUNSUPPORTED, "the vocabulary has %llu entries; at most %d are supported",
                       (unsigned long long)b->tokens->count, MN_TOKEN_LIMIT);
    b->n = (uint32_t)b->tokens->count;
    MN_TRY(read_array(b, "tokenizer.ggml.token_type", 0, b->n, &b->types));
    if (b->row->kind == MN_TOKENIZER_WORDS) return 0;
    if (b->row->kind == MN_TOKENIZER_SPM)
        return read_array(b, "tokenizer.ggml.scores", 1, b->n, &b->scores);
    MN_TRY(read_array(b, "tokenizer.ggml.merges", 1, 0, &b->merges));
    if (b->merges->item != MN_GGUF_STRING || b->merges->count > 4 * MN_TOKEN_LIMIT)
        return MN_FAIL(MN_ECORRUPT, "tokenizer.ggml.merges holds no strings or too many (%llu)",
                       (unsigned long long)b->merges->count);
    return 0;
}

/* An empty slot for a hash; -1 when too many have to be passed. */
static int64_t free_slot(const uint64_t *slot, uint32_t slots, uint64_t hash) {
    uint32_t i = mn_token_place(hash, slots);
    for (int k = 0; k < MN_TOKEN_PROBE; k++) {
        if (!slot[i]) return i;
        if (++i == slots) i = 0;
    }
    return -1;
}

static int crowded(void) {
    return MN_FAIL(MN_ECORRUPT,
                   "the vocabulary's texts collide more than %d times; the file is "
                   "damaged or made to be slow",
                   MN_TOKEN_PROBE);
}

static int32_t id_of(void *ctx, const char *p, size_t n) {
    const builder *b = ctx;
    const uint64_t hash = mn_token_hash((const uint8_t *)p, n);
    uint32_t i = mn_token_place(hash, b->h.slots);
    for (int k = 0; k < MN_TOKEN_PROBE && b->name[i]; k++) {
        if (b->name[i] >> 32 == hash >> 32) {
            const uint32_t id = (uint32_t)b->name[i] - 1;
            const mn_str s = token(b, id);
            if (s.n == n && !memcmp(s.p, p, n)) return (int32_t)id;
        }
        if (++i == b->h.slots) i = 0;
    }
    return -1;
}

/* Index the tokens by text; of equal texts the first counts. */
static int index_names(builder *b) {
    for (uint32_t id = 0; id < b->n; id++) {
        const mn_str s = token(b, id);
        if (!s.n || id_of(b, s.p, s.n) >= 0) continue;
        const uint64_t hash = mn_token_hash((const uint8_t *)s.p, s.n);
        const int64_t i = free_slot(b->name, b->h.slots, hash);
        if (i < 0) return crowded();
        b->name[i] = (hash >> 32 << 32) | (id + 1);
    }
    return 0;
}

static void decide(builder *b) {
    for (uint32_t id = 0; id < b->n; id++) {
        const int type = type_of(b, id);
        if (type == CONTROL || type == UNKNOWN) b->attr[id] = MN_TOKEN_SPECIAL;
        if (type == USER) b->attr[id] = MN_TOKEN_USER;
    }
    mn_token_rules r = {.g = b->g,
                        .n = (int32_t)b->n,
                        .attr = b->attr,
                        .id_of = id_of,
                        .ctx = b,
                        .bos = b->row->bos,
                        .eos = b->row->eos,
                        .unk = b->row->unk};
    mn_tokenizer_rules(&r);
    b->h.bos = r.bos;
    b->h.eos = r.eos;
    b->h.unk = r.unk;
    const int begin = mn_gguf_bool(b->g, "tokenizer.ggml.add_bos_token", b->row->begin);
    if (begin || b->row->always_begin) b->h.flags |= MN_TOKEN_ADD_BOS;
    if (mn_gguf_bool(b->g, "tokenizer.ggml.add_eos_token", b->row->end))
        b->h.flags |= MN_TOKEN_ADD_EOS;
    if (b->row->kind == MN_TOKENIZER_WORDS) b->h.flags |= MN_TOKEN_WORDS;
    if ((b->row->kind == MN_TOKENIZER_SPM || b->row->kind == MN_TOKENIZER_WORDS) &&
        mn_gguf_bool(b->g, "tokenizer.ggml.add_space_prefix", b->row->space_prefix))
        b->h.flags |= MN_TOKEN_PREFIX;
}

/* The byte that a character of the byte-level alphabet stands for; -1: not of the alphabet. The
 * printable ones of Latin-1 stand for themselves, the other 68 are U+0100 and up, in order. */
static int alphabet(uint32_t c) {
    if ((c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xFF && c != 0xAD)) return (int)c;
    if (c >= 0x100 && c <= 0x120) return (int)(c - 0x100);
    if (c >= 0x121 && c <= 0x142) return (int)(c - 0x121 + 0x7F);
    return c == 0x143 ? 0xAD : -1;
}

/* What a byte-level text stands for, into out (at most s.n bytes); -1: it is not one. */
static int64_t from_alphabet(mn_str s, uint8_t *out) {
    size_t k = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t c = (uint8_t)s.p[i++];
        if (c >= 0x80) {
            if (c < 0xC2 || c > 0xC5 || i == s.n) return -1;
            c = (c & 0x1F) << 6 | ((uint8_t)s.p[i++] & 0x3F);
        }
        const int byte = alphabet(c);
        if (byte < 0) return -1;
        out[k++] = (uint8_t)byte;
    }
    return (int64_t)k;
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte of "<0x41>"; -1: it is not of that form. */
static int byte_text(mn_str s) {
    if (s.n != 6 || memcmp(s.p, "<0x", 3) || s.p[5] != '>') return -1;
    const int a = hex(s.p[3]), c = hex(s.p[4]);
    return a < 0 || c < 0 ? -1 : a << 4 | c;
}

static size_t unmark(mn_str s, uint8_t *out) { /* U+2581 to spaces */
    size_t k = 0;
    for (size_t i = 0; i < s.n; i++) {
        const int mark = s.n - i >= 3 && !memcmp(s.p + i, "\xE2\x96\x81", 3);
        out[k++] = mark ? ' ' : (uint8_t)s.p[i];
        i += mark ? 2 : 0;
    }
    return k;
}

/* The bytes of token id into out (room for its text); sets OPEN when text may become it. */
static size_t bytes_of(builder *b, uint32_t id, uint8_t *out) {
    const mn_str s = token(b, id);
    const int byte = type_of(b, id) == BYTE ? byte_text(s) : -1;
    uint8_t *attr = &b->attr[id];
    if (byte >= 0) {
        *out = (uint8_t)byte;
        return 1;
    }
    if (!s.n) return 0;
    if (!(*attr & (MN_TOKEN_SPECIAL | MN_TOKEN_USER))) {
        if (b->row->kind != MN_TOKENIZER_BYTES) {
            *attr |= MN_TOKEN_OPEN;
            return unmark(s, out);
        }
        const int64_t k = from_alphabet(s, out);
        if (k >= 0) {
            *attr |= MN_TOKEN_OPEN;
            return (size_t)k;
        }
    }
    /* As written. A user-defined token may also come out of merges, if it has no space. */
    if ((*attr & MN_TOKEN_USER) && !(*attr & MN_TOKEN_SPECIAL) &&
        b->row->kind != MN_TOKENIZER_BYTES && !memchr(s.p, ' ', s.n) &&
        !memmem(s.p, s.n, "\xE2\x96\x81", 3))
        *attr |= MN_TOKEN_OPEN;
    memcpy(out, s.p, s.n);
    return s.n;
}

static int lay_out(builder *b, mn_buf *image) {
    uint64_t blob = 0;
    for (uint32_t id = 0; id < b->n; id++) {
        blob += token(b, id).n;
        if (b->attr[id] & (MN_TOKEN_SPECIAL | MN_TOKEN_USER)) b->h.special += token(b, id).n > 0;
        if ((b->attr[id] & MN_TOKEN_USER) && !(b->attr[id] & MN_TOKEN_SPECIAL))
            b->h.flags |= MN_TOKEN_HAS_USER;
    }
    if (blob > INT32_MAX)
        return MN_FAIL(MN_EUNSUPPORTED, "the vocabulary's texts take %llu bytes; 2 GiB are allowed",
                       (unsigned long long)blob);
    b->h.blob = blob; /* an upper bound until the bytes are known */
    if (b->merges) b->h.pairs = (uint32_t)(b->merges->count + b->merges->count / 3 + 16);
    uint64_t at = sizeof b->h;
    for (int s = 0; s < MN_TOKEN_SECTIONS; s++) {
        b->h.at[s] = at;
        at += (mn_token_section_bytes(&b->h, (mn_token_section)s) + 7) & ~7ull;
    }
    MN_TRY(mn_buf_reserve(image, at));
    b->image = (uint8_t *)image->data + image->len;
    memset(b->image, 0, at);
    b->text = (uint32_t *)(b->image + b->h.at[MN_TOKEN_TEXT]);
    b->blob = b->image + b->h.at[MN_TOKEN_BLOB];
    return 0;
}

/* BLOB, TEXT, SLOT and the sets of neighbours of inner spaces. */
static int fill_texts(builder *b) {
    uint64_t *slot = (uint64_t *)(b->image + b->h.at[MN_TOKEN_SLOT]);
    uint32_t used = 0;
    for (uint32_t id = 0; id < b->n; id++) {
        uint8_t *p = b->blob + used;
        const size_t n = bytes_of(b, id, p);
        b->text[id] = used;
        used += (uint32_t)n;
        if (!(b->attr[id] & MN_TOKEN_OPEN)) continue;
        if (n > b->h.longest) b->h.longest = (uint32_t)n;
        const uint64_t hash = mn_token_hash(p, n);
        const int64_t i = free_slot(slot, b->h.slots, hash);
        if (i < 0) return crowded();
        slot[i] = (hash >> 32 << 32) | (id + 1);
        for (size_t k = 1; k < n; k++) {
            if (p[k] != ' ' || p[k - 1] == ' ') continue;
            b->h.before[p[k - 1] >> 3] |= (uint8_t)(1 << (p[k - 1] & 7));
            if (k + 1 < n)
                b->h.after[p[k + 1] >> 3] |= (uint8_t)(1 << (p[k + 1] & 7));
            else
                memset(b->h.after, 255, sizeof b->h.after);
        }
    }
    b->text[b->n] = used;
    b->h.blob = used;
    b->h.bytes = b->h.at[MN_TOKEN_BLOB] + ((used + 7u) & ~7u);
    return 0;
}

static void fill_bytes(builder *b) {
    int32_t *byte = (int32_t *)(b->image + b->h.at[MN_TOKEN_BYTE]);
    for (int i = 0; i < 256; i++) byte[i] = -1;
    for (uint32_t id = b->n; id-- > 0;) { /* of equals the first stays */
        const uint32_t n = b->text[id + 1] - b->text[id];
        if (b->row->kind == MN_TOKENIZER_BYTES) {
            if (n == 1 && (b->attr[id] & MN_TOKEN_OPEN)) byte[b->blob[b->text[id]]] = (int32_t)id;
        } else if (byte_text(token(b, id)) >= 0 && !(b->attr[id] & MN_TOKEN_SPECIAL)) {
            byte[byte_text(token(b, id))] = (int32_t)id;
        }
    }
    if (b->row->kind != MN_TOKENIZER_SPM) return;
    for (int i = 0; i < 256; i++) { /* without a byte token: the character, if it is one byte */
        const char c = (char)i;
        if (byte[i] >= 0) continue;
        const int32_t id = id_of(b, &c, 1);
        if (id >= 0 && (b->attr[id] & MN_TOKEN_OPEN)) byte[i] = id;
    }
}

static int add_pair(builder *b, mn_token_pair m) {
    mn_token_pair *pair = (mn_token_pair *)(b->image + b->h.at[MN_TOKEN_PAIR]);
    uint32_t i = mn_token_place(mn_token_pair_hash(m.left, m.right), b->h.pairs);
    for (int k = 0; k < MN_TOKEN_PROBE; k++) {
        if (pair[i].left == m.left && pair[i].right == m.right) return 0; /* the first counts */
        if (pair[i].left < 0) {
            pair[i] = m;
            return 0;
        }
        if (++i == b->h.pairs) i = 0;
    }
    return crowded();
}

static int mergeable(const builder *b, int32_t id) {
    return !(b->attr[id] & MN_TOKEN_SPECIAL) && type_of(b, (uint32_t)id) != BYTE;
}

static int fill_pairs(builder *b) {
    mn_token_pair *pair = (mn_token_pair *)(b->image + b->h.at[MN_TOKEN_PAIR]);
    mn_buf join = {0};
    int rc = 0;
    for (uint32_t i = 0; i < b->h.pairs; i++) pair[i].left = -1;
    for (uint32_t r = 0; r < b->merges->count && rc >= 0; r++) {
        const mn_str s = mn_gguf_item_str(b->merges, r);
        const char *gap = s.n > 2 ? memchr(s.p + 1, ' ', s.n - 1) : NULL;
        const size_t left = gap ? (size_t)(gap - s.p) : 0;
        mn_buf_clear(&join);
        rc = mn_buf_append(&join, s.p, left);
        if (gap && rc >= 0) rc = mn_buf_append(&join, gap + 1, s.n - left - 1);
        if (rc < 0) break;
        const mn_token_pair m = {gap ? id_of(b, s.p, left) : -1,
                                 gap ? id_of(b, gap + 1, s.n - left - 1) : -1, r,
                                 gap ? id_of(b, join.data, join.len) : -1};
        if (m.left < 0 || m.right < 0 || m.id < 0)
            rc = MN_FAIL(MN_ECORRUPT,
                         "merge %u (\"%.*s\") does not join two tokens of the vocabulary into a "
                         "third",
                         r, (int)(s.n < 60 ? s.n : 60), s.n ? s.p : "");
        else if (mergeable(b, m.left) && mergeable(b, m.right) && mergeable(b, m.id))
            rc = add_pair(b, m);
    }
    mn_buf_free(&join);
    return rc;
}

static double score(const builder *b, uint32_t id) {
    return mn_gguf_item_f64(b->scores, id, 0);
}

static int by_score(const void *x, const void *y, void *ctx) {
    const double a = score(ctx, *(const uint32_t *)x), c = score(ctx, *(const uint32_t *)y);
    return a > c ? -1 : a < c;
}

static int fill_ranks(builder *b) {
    uint32_t *rank = (uint32_t *)(b->image + b->h.at[MN_TOKEN_RANK]), at = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        b->order[i] = i;
        if (isnan(score(b, i)))
            return MN_FAIL(MN_ECORRUPT, "the score of token %u is no number", i);
    }
    qsort_r(b->order, b->n, sizeof *b->order, by_score, b);
    for (uint32_t i = 0; i < b->n; i++) {
        if (i && score(b, b->order[i]) < score(b, b->order[i - 1])) at = i;
        rank[b->order[i]] = at;
    }
    return 0;
}

static int by_text(const void *x, const void *y, void *ctx) {
    const builder *b = ctx;
    const uint32_t i = *(const uint32_t *)x, k = *(const uint32_t *)y;
    const uint32_t n = b->text[i + 1] - b->text[i], m = b->text[k + 1] - b->text[k];
    const int c = memcmp(b->blob + b->text[i], b->blob + b->text[k], n < m ? n : m);
    return c ? c : n != m ? (n < m ? -1 : 1) : i < k ? 1 : -1; /* of equals the first id is last */
}

static void fill_list(builder *b) {
    uint32_t *list = (uint32_t *)(b->image + b->h.at[MN_TOKEN_LIST]), n = 0;
    uint32_t *first = (uint32_t *)(b->image + b->h.at[MN_TOKEN_FIRST]);
    for (uint32_t id = 0; id < b->n; id++)
        if ((b->attr[id] & (MN_TOKEN_SPECIAL | MN_TOKEN_USER)) && b->text[id + 1] > b->text[id])
            list[n++] = id;
    qsort_r(list, n, sizeof *list, by_text, b);
    for (uint32_t i = 0, byte = 0; byte <= 256; byte++) {
        while (i < n && b->blob[b->text[list[i]]] < byte) i++;
        first[byte] = i;
    }
    b->h.special = n;
}

static void seal(builder *b) {
    b->h.sum = mn_hash64(b->image + sizeof b->h, b->h.bytes - sizeof b->h);
    b->h.header_sum = mn_hash64(&b->h, offsetof(mn_token_header, header_sum));
    memcpy(b->image, &b->h, sizeof b->h);
}

/* Encode every open token's own bytes with the tables as they are now. */
static int close_tokens(builder *b) {
    mn_tokenizer *t = NULL;
    mn_buf ids = {0};
    uint8_t *attr = b->image + b->h.at[MN_TOKEN_ATTR];
    memcpy(attr, b->attr, b->n);
    seal(b);
    if (b->row->kind == MN_TOKENIZER_WORDS) return 0; /* words have no short cut */
    int rc = mn_tokenizer_open(b->image, b->h.bytes, &t);
    for (uint32_t id = 0; id < b->n && rc >= 0; id++) {
        const mn_str s = mn_tokenizer_text(t, (int32_t)id);
        if (!(attr[id] & MN_TOKEN_OPEN)) continue;
        const int lines = b->row->kind == MN_TOKENIZER_CHARS && s.n && s.p[0] == '\n';
        int closed = b->row->whole_words;
        if (lines) { /* such rows take a run of line ends whole */
            size_t k = 0;
            while (k < s.n && s.p[k] == '\n') k++;
            closed = k == s.n;
        }
        if (!closed) {
            mn_buf_clear(&ids);
            rc = mn_tokenizer_merge(t, (const uint8_t *)s.p, s.n, &ids);
            closed = ids.len == sizeof id && !memcmp(ids.data, &id, sizeof id);
        }
        if (closed) attr[id] |= MN_TOKEN_CLOSED;
    }
    mn_tokenizer_close(&t);
    mn_buf_free(&ids);
    if (rc >= 0) seal(b);
    return rc;
}

static int build(builder *b, mn_buf *image) {
    MN_TRY(read_tables(b));
    b->h.slots = b->n + b->n / 2 + 16;
    b->block = mn_calloc(1, 8 * (size_t)b->h.slots + 5 * (size_t)b->n);
    if (!b->block) return MN_FAIL(MN_ENOMEM, "no memory to index %u tokens", b->n);
    b->name = b->block;
    b->order = (uint32_t *)(b->name + b->h.slots);
    b->attr = (uint8_t *)(b->order + b->n);
    b->h.n = b->n;
    memcpy(b->h.row, b->row->name, strlen(b->row->name));
    MN_TRY(index_names(b));
    decide(b);
    MN_TRY(lay_out(b, image));
    MN_TRY(fill_texts(b));
    fill_bytes(b);
    if (b->merges)
        MN_TRY(fill_pairs(b));
    else if (b->scores)
        MN_TRY(fill_ranks(b));
    fill_list(b);
    return close_tokens(b);
}

int mn_tokenizer_build(const mn_gguf *g, mn_buf *image) {
    if (image->len % 8)
        return MN_FAIL(MN_EINVAL, "a tokenizer image must begin at a multiple of 8 bytes");
    builder b = {.g = g,
                 .h = {.magic = MN_TOKEN_MAGIC,
                       .version = MN_TOKEN_VERSION,
                       .header_bytes = sizeof(mn_token_header)}};
    int rc = build(&b, image);
    mn_free(b.block);
    if (rc < 0) return rc;
    image->len += b.h.bytes;
    image->data[image->len] = 0;
    return 0;
}
