/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_open.c - an image in use: opening, look-ups, and ids back to text.
 *
 * Opening reads the header only (its sum, the row's name, places of the sections): microseconds,
 * and no page of the tables is touched before it is needed.
 */
#include "model/tokenizer_image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

static int bad(const char *what) {
    return MN_FAIL(MN_ECORRUPT, "the tokenizer image is damaged (%s); build it again", what);
}

static int check_header(const mn_token_header *h, const uint8_t *image, size_t n) {
    if (n < sizeof *h || memcmp(h->magic, MN_TOKEN_MAGIC, sizeof h->magic))
        return bad("not a tokenizer image");
    if (h->version != MN_TOKEN_VERSION || h->header_bytes != sizeof *h)
        return MN_FAIL(MN_ECORRUPT,
                       "the tokenizer image has version %u, this program reads %d; build it again",
                       h->version, MN_TOKEN_VERSION);
    if (mn_hash64(image, offsetof(mn_token_header, header_sum)) != h->header_sum)
        return bad("header sum");
    if (h->bytes != n)
        return MN_FAIL(MN_ECORRUPT,
                       "the tokenizer image is cut: it has %zu bytes and should have %llu", n,
                       (unsigned long long)h->bytes);
    if (!h->n || h->n > MN_TOKEN_LIMIT || !h->slots || h->slots > 4 * MN_TOKEN_LIMIT)
        return bad("counts");
    const int32_t count = (int32_t)h->n;
    if (h->bos >= count || h->eos >= count || h->unk >= count) return bad("begin, end or unknown");
    for (int s = 0; s < MN_TOKEN_SECTIONS; s++) {
        const uint64_t bytes = mn_token_section_bytes(h, (mn_token_section)s);
        if (h->at[s] % 8 || h->at[s] < sizeof *h || h->at[s] > n || bytes > n - h->at[s])
            return bad("a table outside the image");
    }
    return 0;
}

int mn_tokenizer_open(const void *image, size_t n, mn_tokenizer **out) {
    *out = NULL;
    if ((uintptr_t)image % 8)
        return MN_FAIL(MN_EINVAL, "a tokenizer image must begin at a multiple of 8 bytes");
    const uint8_t *base = image;
    const mn_token_header *h = image;
    MN_TRY(check_header(h, base, n));
    char name[sizeof h->row + 1] = {0};
    memcpy(name, h->row, sizeof h->row);
    const mn_tokenizer_row *row = mn_tokenizer_row_named(name);
    const int words = (h->flags & MN_TOKEN_WORDS) != 0;
    if (!row || (row->kind == MN_TOKENIZER_WORDS) != words ||
        (row->kind == MN_TOKENIZER_SPM || words) != !h->pairs)
        return bad("kind");
    mn_tokenizer *t = mn_calloc(1, sizeof *t);
    if (!t) return MN_FAIL(MN_ENOMEM, "no memory for a tokenizer");
    *t = (mn_tokenizer){.h = h,
                        .row = row,
                        .text = (const uint32_t *)(base + h->at[MN_TOKEN_TEXT]),
                        .attr = base + h->at[MN_TOKEN_ATTR],
                        .byte = (const int32_t *)(base + h->at[MN_TOKEN_BYTE]),
                        .slot = (const uint64_t *)(base + h->at[MN_TOKEN_SLOT]),
                        .pair = (const mn_token_pair *)(base + h->at[MN_TOKEN_PAIR]),
                        .rank = (const uint32_t *)(base + h->at[MN_TOKEN_RANK]),
                        .list = (const uint32_t *)(base + h->at[MN_TOKEN_LIST]),
                        .first = (const uint32_t *)(base + h->at[MN_TOKEN_FIRST]),
                        .blob = base + h->at[MN_TOKEN_BLOB]};
    *out = t;
    return 0;
}

int mn_tokenizer_verify(const mn_tokenizer *t) {
    const uint8_t *base = (const uint8_t *)t->h;
    if (mn_hash64(base + sizeof *t->h, t->h->bytes - sizeof *t->h) != t->h->sum)
        return bad("sum of the tables");
    return 0;
}

void mn_tokenizer_close(mn_tokenizer **t) {
    mn_free(*t);
    *t = NULL;
}

int32_t mn_tokenizer_size(const mn_tokenizer *t) {
    return (int32_t)t->h->n;
}

int32_t mn_tokenizer_end(const mn_tokenizer *t) {
    return t->h->eos;
}

int32_t mn_tokenizer_begin(const mn_tokenizer *t) {
    return t->h->bos;
}

static int known(const mn_tokenizer *t, int32_t id) {
    return id >= 0 && id < (int32_t)t->h->n;
}

int mn_tokenizer_is_end(const mn_tokenizer *t, int32_t id) {
    return known(t, id) && (t->attr[id] & MN_TOKEN_END);
}

int mn_tokenizer_is_special(const mn_tokenizer *t, int32_t id) {
    return known(t, id) && (t->attr[id] & MN_TOKEN_SPECIAL);
}

mn_str mn_tokenizer_text(const mn_tokenizer *t, int32_t id) {
    if (!known(t, id)) return (mn_str){NULL, 0};
    const uint32_t from = t->text[id], to = t->text[id + 1];
    if (from > to || to > t->h->blob) return (mn_str){NULL, 0};
    return (mn_str){(const char *)t->blob + from, to - from};
}

int32_t mn_tokenizer_find(const mn_tokenizer *t, const uint8_t *p, size_t n) {
    if (!n || n > t->h->longest) return -1;
    const uint64_t hash = mn_token_hash(p, n);
    uint32_t i = mn_token_place(hash, t->h->slots);
    for (int k = 0; k < MN_TOKEN_PROBE && t->slot[i]; k++) {
        if (t->slot[i] >> 32 == hash >> 32) {
            const int32_t id = (int32_t)(uint32_t)t->slot[i] - 1;
            const mn_str s = mn_tokenizer_text(t, id);
            if (s.n == n && !memcmp(s.p, p, n)) return id;
        }
        if (++i == t->h->slots) i = 0;
    }
    return -1;
}

const mn_token_pair *mn_tokenizer_pair(const mn_tokenizer *t, int32_t left, int32_t right) {
    uint32_t i = mn_token_place(mn_token_pair_hash(left, right), t->h->pairs);
    for (int k = 0; k < MN_TOKEN_PROBE && t->pair[i].left >= 0; k++) {
        const mn_token_pair *m = &t->pair[i];
        if (m->left == left && m->right == right) return known(t, m->id) ? m : NULL;
        if (++i == t->h->pairs) i = 0;
    }
    return NULL;
}

int32_t mn_tokenizer_special(const mn_tokenizer *t, const char *text) {
    const size_t n = strlen(text);
    uint32_t lo = 0, hi = t->h->special;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        const mn_str s = mn_tokenizer_text(t, (int32_t)t->list[mid]);
        const int c = memcmp(s.p ? s.p : "", text, s.n < n ? s.n : n);
        if (!c && s.n == n) return (int32_t)t->list[mid];
        if (c < 0 || (!c && s.n < n))
            lo = mid + 1;
        else
            hi = mid;
    }
    return -1;
}

int mn_tokenizer_decode(const mn_tokenizer *t, const int32_t *ids, size_t n, unsigned flags,
                        mn_buf *text) {
    /* Where encode put a space before the text, the first one goes again. */
    const int strip = (flags & MN_TOK_BEGIN) && (t->h->flags & MN_TOKEN_PREFIX);
    int first = 1;
    for (size_t i = 0; i < n; i++) {
        if (!known(t, ids[i]))
            return MN_FAIL(MN_EINVAL, "token %d is outside the vocabulary of %u", ids[i], t->h->n);
        const uint8_t attr = t->attr[ids[i]];
        mn_str s = mn_tokenizer_text(t, ids[i]);
        const int listed = attr & (MN_TOKEN_SPECIAL | MN_TOKEN_USER);
        if (strip && first && !listed && s.n && s.p[0] == ' ') s.p++, s.n--;
        first = listed != 0;
        if ((attr & MN_TOKEN_SPECIAL) && !(flags & MN_TOK_SPECIAL)) continue;
        if (s.n) MN_TRY(mn_buf_append(text, s.p, s.n));
    }
    return 0;
}
