/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_encode.c - text to ids: special tokens, pieces, words.
 *
 * 1. Text is searched for listed tokens (user-defined ones always, special ones when asked), the
 *    leftmost first, of those that begin at one place the longest. They stand for themselves.
 * 2. What lies between goes through the row's stages (tokenizer_rows.h). Vocabularies that keep
 *    spaces as characters are cut once more before each space, wherever no token has a space
 *    inside it between such neighbours: merges cannot cross, so the result is the same.
 * 3. A piece whose bytes are a closed token (see the image) is that token: one look-up for most
 *    words. All others are merged. In long texts the ids of short words are kept for a while,
 *    since the same words come again.
 */
#include "model/tokenizer_image.h"

#include "base/alloc.h"
#include "base/error.h"

enum { RECENT = 2048, RECENT_IDS = 4, RECENT_TEXT = 32768 /* bytes that make it worth the room */ };

/* A word of 1 to 16 bytes and its ids; n = 0: empty. */
typedef struct recent {
    uint64_t head, tail; /* first and last 8 bytes; of less than 8: all of them, and 0 */
    uint8_t n, count;
    int32_t id[RECENT_IDS];
} recent;

typedef struct encoder {
    const mn_tokenizer *t;
    mn_buf *ids;
    recent *words;               /* [RECENT]; NULL: none kept */
    uint8_t allow;               /* attributes that listed tokens may have */
    uint8_t marks;               /* the text has a U+2581 */
    const uint8_t *text;         /* where `trusted` counts from */
    const mn_tok_range *trusted; /* special tokens count only inside these; NULL: everywhere */
    size_t n_trusted;
} encoder;

static int new_word(encoder *e, const uint8_t *p, size_t n) {
    const int32_t id = mn_tokenizer_find(e->t, p, n);
    if (id >= 0 && (e->t->attr[id] & MN_TOKEN_CLOSED)) return mn_token_put(e->ids, id);
    return mn_tokenizer_merge(e->t, p, n, e->ids);
}

static int word(encoder *e, const uint8_t *p, size_t n) {
    if (!e->words || n > 16) return new_word(e, p, n);
    const uint64_t head = n < 8 ? mn_token_short(p, n) : mn_token_load(p);
    const uint64_t tail = n < 8 ? 0 : mn_token_load(p + n - 8);
    recent *w = &e->words[mn_token_mix(head + mn_token_mix(tail + n)) % RECENT];
    if (w->n == n && w->head == head && w->tail == tail) {
        for (int i = 0; i < w->count; i++) MN_TRY(mn_token_put(e->ids, w->id[i]));
        return 0;
    }
    const size_t before = e->ids->len;
    MN_TRY(new_word(e, p, n));
    const size_t count = (e->ids->len - before) / sizeof *w->id;
    if (count > RECENT_IDS) return 0;
    *w = (recent){.head = head, .tail = tail, .n = (uint8_t)n, .count = (uint8_t)count};
    memcpy(w->id, e->ids->data + before, count * sizeof *w->id);
    return 0;
}

static int piece(void *ctx, const uint8_t *p, size_t n) {
    encoder *e = ctx;
    const mn_token_header *h = e->t->h;
    if (e->t->row->kind == MN_TOKENIZER_BYTES) return word(e, p, n);
    size_t from = 0;
    for (size_t i = 1; i + 1 < n; i++) {
        if (p[i] != ' ' || p[i - 1] == ' ') continue;
        if (mn_token_has(h->before, p[i - 1]) && mn_token_has(h->after, p[i + 1])) continue;
        MN_TRY(word(e, p + from, i - from));
        from = i;
    }
    return word(e, p + from, n - from);
}

/* Vocabularies of characters hold U+2581 for a space, the image holds spaces: make both spaces,
 * and put one in front where asked. */
static int spaces(const uint8_t *p, size_t n, int prefix, uint8_t **copy, size_t *copy_n) {
    uint8_t *q = mn_malloc(n + 1);
    if (!q) return MN_FAIL(MN_ENOMEM, "no memory to tokenize %zu bytes", n);
    size_t k = 0;
    if (prefix) q[k++] = ' ';
    for (size_t i = 0; i < n; i++) {
        const int mark = n - i >= 3 && p[i] == 0xE2 && p[i + 1] == 0x96 && p[i + 2] == 0x81;
        q[k++] = mark ? ' ' : p[i];
        i += mark ? 2 : 0;
    }
    *copy = q;
    *copy_n = k;
    return 0;
}

static int fragment(encoder *e, const uint8_t *p, size_t n, int after_special) {
    const mn_tokenizer *t = e->t;
    if (!n) return 0;
    if (t->row->kind == MN_TOKENIZER_BYTES) return mn_tokenizer_row_split(t->row, p, n, piece, e);
    if (t->row->kind == MN_TOKENIZER_WORDS) return mn_tokenizer_words(t, p, n, e->ids);
    uint8_t *copy = NULL;
    size_t copy_n = 0;
    const int prefix = after_special && (t->h->flags & MN_TOKEN_PREFIX);
    if (prefix || e->marks) MN_TRY(spaces(p, n, prefix, &copy, &copy_n));
    const int rc = mn_tokenizer_row_split(t->row, copy ? copy : p, copy ? copy_n : n, piece, e);
    mn_free(copy);
    return rc;
}

/* The first entry of list[lo..hi) whose byte at `depth` is >= byte (all share what is before, and
 * all are longer than depth). */
static uint32_t narrow(const mn_tokenizer *t, uint32_t lo, uint32_t hi, size_t depth, int byte) {
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        const mn_str s = mn_tokenizer_text(t, (int32_t)t->list[mid]);
        if (s.n > depth && (uint8_t)s.p[depth] >= byte)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static int byte_at(const mn_tokenizer *t, uint32_t i, size_t depth) {
    const mn_str s = mn_tokenizer_text(t, (int32_t)t->list[i]);
    return s.n > depth ? (uint8_t)s.p[depth] : -1;
}

/* The longest listed token at p[0..n) with an allowed attribute; -1: none. *size: its bytes. */
static int32_t listed(const encoder *e, const uint8_t *p, size_t n, size_t *size) {
    const mn_tokenizer *t = e->t;
    uint32_t lo = t->first[p[0]], hi = t->first[p[0] + 1];
    int32_t found = -1;
    if (hi > t->h->special) return -1;
    for (size_t depth = 1; lo < hi; depth++) {
        /* The shortest sort first: those that end here are matches. */
        for (; lo < hi; lo++) {
            const int32_t id = (int32_t)t->list[lo];
            const mn_str s = mn_tokenizer_text(t, id);
            if (s.n > depth) break;
            if (s.n < depth) continue;
            const uint8_t attr = t->attr[id];
            if ((attr & MN_TOKEN_SPECIAL) && !(e->allow & MN_TOKEN_SPECIAL)) continue;
            found = id;
            *size = depth;
        }
        if (depth == n || lo >= hi) break;
        const int low = byte_at(t, lo, depth), high = byte_at(t, hi - 1, depth);
        if (p[depth] < low || p[depth] > high) break;
        if (low == high) continue; /* all go on alike */
        lo = narrow(t, lo, hi, depth, p[depth]);
        hi = narrow(t, lo, hi, depth, p[depth] + 1);
    }
    return found;
}

/* May the special token at p[0..n) count? Ranges ascend, and so do the places asked about. */
static int trusted(encoder *e, const uint8_t *p, size_t n) {
    const size_t at = (size_t)(p - e->text);
    if (!e->trusted) return 1;
    while (e->n_trusted && e->trusted->from + e->trusted->n <= at) e->trusted++, e->n_trusted--;
    return e->n_trusted && e->trusted->from <= at && at + n <= e->trusted->from + e->trusted->n;
}

static int is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int scan(encoder *e, const uint8_t *p, size_t n) {
    const mn_tokenizer *t = e->t;
    size_t from = 0, i = 0;
    int special = 1;
    if (!(e->allow & MN_TOKEN_SPECIAL) && !(t->h->flags & MN_TOKEN_HAS_USER))
        return fragment(e, p, n, 1);
    while (i < n) {
        size_t size = 0;
        if (t->first[p[i]] >= t->first[p[i] + 1]) {
            i++;
            continue;
        }
        const int32_t id = listed(e, p + i, n - i, &size);
        if (id < 0 || ((t->attr[id] & MN_TOKEN_SPECIAL) && !trusted(e, p + i, size))) {
            i++;
            continue;
        }
        MN_TRY(fragment(e, p + from, i - from, special));
        MN_TRY(mn_token_put(e->ids, id));
        special = 1;
        i += size;
        if (t->attr[id] & MN_TOKEN_STRIP)
            while (i < n && is_space(p[i])) i++;
        from = i;
    }
    return fragment(e, p + from, n - from, special);
}

static int encode(encoder *e, size_t n, unsigned flags) {
    const mn_tokenizer *t = e->t;
    const size_t before = e->ids->len;
    if (t->row->kind != MN_TOKENIZER_BYTES)
        e->marks = memmem(e->text, n, "\xE2\x96\x81", 3) != NULL;
    if (n >= RECENT_TEXT) e->words = mn_calloc(RECENT, sizeof *e->words); /* none is fine too */
    int rc = 0;
    if ((flags & MN_TOK_BEGIN) && (t->h->flags & MN_TOKEN_ADD_BOS) && t->h->bos >= 0)
        rc = mn_token_put(e->ids, t->h->bos);
    if (rc >= 0 && n) rc = scan(e, e->text, n);
    if (rc >= 0 && (flags & MN_TOK_BEGIN) && (t->h->flags & MN_TOKEN_ADD_EOS) && t->h->eos >= 0)
        rc = mn_token_put(e->ids, t->h->eos);
    mn_free(e->words);
    if (rc < 0) e->ids->len = before;
    return rc;
}

int mn_tokenizer_encode(const mn_tokenizer *t, const char *text, size_t n, unsigned flags,
                        mn_buf *ids) {
    encoder e = {.t = t, .ids = ids, .allow = MN_TOKEN_USER, .text = (const uint8_t *)text};
    if (flags & MN_TOK_SPECIAL) e.allow |= MN_TOKEN_SPECIAL;
    return encode(&e, n, flags);
}

size_t mn_tokenizer_missing(const mn_tokenizer *t, const char *text, size_t n) {
    size_t missing = 0;
    if (t->row->kind != MN_TOKENIZER_BYTES) return 0; /* a byte or the unknown token stands in */
    for (size_t i = 0; i < n; i++) {
        const int32_t id = t->byte[(uint8_t)text[i]];
        missing += id < 0 || id >= (int32_t)t->h->n;
    }
    return missing;
}

int mn_tokenizer_encode_trusted(const mn_tokenizer *t, const char *text, size_t n, unsigned flags,
                                const mn_tok_range *ranges, size_t n_ranges, mn_buf *ids) {
    static const mn_tok_range none;
    encoder e = {.t = t,
                 .ids = ids,
                 .allow = MN_TOKEN_USER | MN_TOKEN_SPECIAL,
                 .text = (const uint8_t *)text,
                 .trusted = n_ranges ? ranges : &none,
                 .n_trusted = n_ranges};
    return encode(&e, n, flags);
}
