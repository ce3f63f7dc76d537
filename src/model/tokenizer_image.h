/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_image.h - the layout of a tokenizer image, shared by those who write and read it.
 *
 *   header | section 0 | section 1 | ...      little endian, each section at a multiple of 8
 *
 *   TEXT    u32[n + 1]   where each token's bytes begin in BLOB; entry n is the end
 *   ATTR    u8[n]        MN_TOKEN_*
 *   BYTE    i32[256]     the token for one byte, -1: none
 *   SLOT    u64[slots]   open addressing, linear: (high half of the hash) << 32 | id + 1; 0: empty.
 *                        Holds what user text may become: no special and no byte tokens
 *   PAIR    mn_token_pair[pairs]   the same for merges; left = -1: empty. None for SentencePiece
 *                        and WordPiece
 *   RANK    u32[n]       SentencePiece: order of merging into this token, from its score
 *   SPECIAL u32[special] special and user-defined tokens in memcmp order of their texts
 *   FIRST   u32[257]     where in SPECIAL each first byte begins
 *   BLOB    bytes        what each token stands for: the bytes decode writes. The alphabet of
 *                        byte-level BPE is undone, U+2581 is a space, <0x0A> is one byte
 *
 * The header has its own sum, checked at open, so counts and places of sections are sound. The
 * sections are mapped from a pack file whose sums are checked elsewhere, so open does not touch
 * them: every index read from one is checked where it is used, and a damaged section costs a wrong
 * token, never a wrong read. mn_tokenizer_verify checks the sum over all of it.
 * Size: about 58 bytes an entry (SmolLM2: 37) and the token bytes.
 */
#ifndef MN_MODEL_TOKENIZER_IMAGE_H
#define MN_MODEL_TOKENIZER_IMAGE_H
#include "model/tokenizer.h"
#include "model/tokenizer_rows.h"

#include <string.h>

#define MN_TOKEN_MAGIC "MNTOKEN"
enum {
    MN_TOKEN_VERSION = 1,     /* raise it when the layout changes or build decides differently */
    MN_TOKEN_LIMIT = 1 << 20, /* entries a vocabulary may have */
    MN_TOKEN_PROBE = 1024,    /* steps a look-up may take; more while building: refused */
};

enum {                       /* ATTR */
       MN_TOKEN_SPECIAL = 1, /* control or unknown: never from user text, not shown */
       MN_TOKEN_USER = 2,    /* user-defined: matched in any text before it is cut */
       MN_TOKEN_END = 4,     /* generation stops here */
       MN_TOKEN_CLOSED = 8,  /* its own bytes, alone, encode to it: whole pieces take this road */
       MN_TOKEN_STRIP = 16,  /* white space after it belongs to it (Phi-3) */
       MN_TOKEN_OPEN = 32,   /* may come out of user text: it is in SLOT */
};

enum { /* flags */
       MN_TOKEN_ADD_BOS = 1,
       MN_TOKEN_ADD_EOS = 2,
       MN_TOKEN_PREFIX = 4, /* a space goes before text that follows nothing or a special token */
       MN_TOKEN_HAS_USER = 8,
       MN_TOKEN_WORDS = 16, /* WordPiece: no order of merging */
};

typedef enum mn_token_section {
    MN_TOKEN_TEXT,
    MN_TOKEN_ATTR,
    MN_TOKEN_BYTE,
    MN_TOKEN_SLOT,
    MN_TOKEN_PAIR,
    MN_TOKEN_RANK,
    MN_TOKEN_LIST,
    MN_TOKEN_FIRST,
    MN_TOKEN_BLOB,
    MN_TOKEN_SECTIONS
} mn_token_section;

typedef struct mn_token_header {
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t bytes; /* of the image */
    uint64_t sum;   /* XXH3 of everything after the header */
    char row[24];   /* name in mn_tokenizer_rows */
    uint32_t flags;
    int32_t bos, eos, unk;
    uint32_t n, slots, pairs, special;
    uint32_t longest; /* bytes of the longest token in SLOT */
    uint32_t pad;
    /* Bytes before and after a space inside a token ("x y"): text is cut before a space unless its
     * neighbours are in these sets, since no merge can cross there. */
    uint8_t before[32], after[32];
    uint64_t at[MN_TOKEN_SECTIONS]; /* from the start of the image */
    uint64_t blob;                  /* bytes of BLOB */
    uint64_t header_sum;            /* XXH3 of the header up to here */
} mn_token_header;

_Static_assert(sizeof(mn_token_header) == 248, "the layout is a file format");

typedef struct mn_token_pair {
    int32_t left, right;
    uint32_t rank;
    int32_t id; /* what the two become */
} mn_token_pair;

struct mn_tokenizer {
    const mn_token_header *h;
    const mn_tokenizer_row *row;
    const uint32_t *text;
    const uint8_t *attr;
    const int32_t *byte;
    const uint64_t *slot;
    const mn_token_pair *pair;
    const uint32_t *rank;
    const uint32_t *list;
    const uint32_t *first;
    const uint8_t *blob;
};

/* Mixing for both tables: multiply and fold, eight bytes at a time. */
static inline uint64_t mn_token_mix(uint64_t h) {
    h *= 0x9E3779B97F4A7C15ull;
    return h ^ (h >> 32);
}

static inline uint64_t mn_token_load(const uint8_t *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* p[0..n), n < 8, in one word; with n it says all. */
static inline uint64_t mn_token_short(const uint8_t *p, size_t n) {
    if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        return (uint64_t)a << 32 | b;
    }
    return n ? (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1] : 0;
}

static inline uint64_t mn_token_hash(const uint8_t *p, size_t n) {
    uint64_t h = n;
    for (size_t i = 0; i + 8 < n; i += 8) h = mn_token_mix(h ^ mn_token_load(p + i));
    const uint64_t w = n >= 8 ? mn_token_load(p + n - 8) : mn_token_short(p, n);
    return mn_token_mix(mn_token_mix(h ^ w) + w);
}

static inline uint64_t mn_token_pair_hash(int32_t left, int32_t right) {
    return mn_token_mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
}

/* The first slot of `slots` for a hash. */
static inline uint32_t mn_token_place(uint64_t hash, uint32_t slots) {
    return (uint32_t)((hash & 0xFFFFFFFFu) * slots >> 32);
}

static inline int mn_token_has(const uint8_t *set, uint8_t byte) {
    return set[byte >> 3] >> (byte & 7) & 1;
}

/* Bytes of section s that the header's counts ask for. */
static inline uint64_t mn_token_section_bytes(const mn_token_header *h, mn_token_section s) {
    switch (s) {
    case MN_TOKEN_TEXT: return 4 * ((uint64_t)h->n + 1);
    case MN_TOKEN_ATTR: return h->n;
    case MN_TOKEN_BYTE: return 4 * 256;
    case MN_TOKEN_SLOT: return 8 * (uint64_t)h->slots;
    case MN_TOKEN_PAIR: return sizeof(mn_token_pair) * (uint64_t)h->pairs;
    case MN_TOKEN_RANK: return h->pairs || (h->flags & MN_TOKEN_WORDS) ? 0 : 4 * (uint64_t)h->n;
    case MN_TOKEN_LIST: return 4 * (uint64_t)h->special;
    case MN_TOKEN_FIRST: return 4 * 257;
    default: return h->blob;
    }
}

/* Append one id. */
static inline int mn_token_put(mn_buf *ids, int32_t id) {
    if (ids->cap - ids->len <= sizeof id) return mn_buf_append(ids, &id, sizeof id);
    memcpy(ids->data + ids->len, &id, sizeof id);
    ids->len += sizeof id;
    ids->data[ids->len] = 0;
    return 0;
}

/* The token in SLOT with exactly these bytes; -1: none. */
int32_t mn_tokenizer_find(const mn_tokenizer *t, const uint8_t *p, size_t n);

/* What left and right merge into, and when (lower ranks first); NULL: they do not. */
const mn_token_pair *mn_tokenizer_pair(const mn_tokenizer *t, int32_t left, int32_t right);

/* Merge one piece and append its ids (tokenizer_merge.c). No short cut for whole pieces. */
int mn_tokenizer_merge(const mn_tokenizer *t, const uint8_t *p, size_t n, mn_buf *ids);
/* A text without special tokens by WordPiece (tokenizer_words.c). */
int mn_tokenizer_words(const mn_tokenizer *t, const uint8_t *p, size_t n, mn_buf *ids);

/* tokenizer_rules.c: attributes of all tokens of g (SPECIAL, USER, END, STRIP) by type, metadata
 * and text, as llama.cpp has them. `id_of` finds a token by its text in the file; -1: none. */
typedef struct mn_token_rules {
    const mn_gguf *g;
    int32_t n;
    uint8_t *attr; /* [n], SPECIAL and USER set by type already */
    int32_t (*id_of)(void *ctx, const char *text, size_t n);
    void *ctx;
    int32_t bos, eos, unk;
} mn_token_rules;
void mn_tokenizer_rules(mn_token_rules *r);

#endif
