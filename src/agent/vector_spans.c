/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vector_spans.c - marks of stretches into parts. O(n log n) for n stretches of an owner.
 */
#include "agent/vector_spans.h"

#include "base/hash.h"

#include <string.h>

static const char version[] = "omnesia vectors 1"; /* of what a part is, in a key */

/* INT64_MAX: a mark says what cannot be. */
static int64_t rows_of(const mn_mark *m, size_t n) {
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (m[i].n < 0 || m[i].n > MN_STRETCH) return INT64_MAX;
        sum += m[i].n;
    }
    return sum;
}

static int add(mn_vector_spans *out, const mn_mark *m, size_t n, int64_t from, int64_t end) {
    mn_vector_span span = {
        .first = from * MN_STRETCH, .until = end * MN_STRETCH, .rows = (uint64_t)rows_of(m, n)};
    const uint64_t what[] = {out->owner, (uint64_t)span.first, (uint64_t)span.until};
    mn_buf text = {.what = "the name of vectors"};
    int rc = mn_buf_append(&text, version, sizeof version);
    if (rc >= 0) rc = mn_buf_append(&text, what, sizeof what);
    if (rc >= 0) rc = mn_buf_append(&text, m, n * sizeof *m);
    if (rc >= 0) mn_sha256_of(text.data, text.len, span.key);
    mn_buf_free(&text);
    return rc < 0 ? rc : mn_buf_append(&out->list, &span, sizeof span);
}

/* Stretches [from, from + 2^bits), of which `closed` and later ones are not full yet. */
static int cut(mn_vector_spans *out, const mn_mark *m, size_t n, int64_t from, int bits,
               int64_t closed) {
    const int64_t rows = rows_of(m, n), end = from + ((int64_t)1 << bits);
    if (rows <= MN_VECTOR_PART)
        return end <= closed && rows >= MN_VECTOR_LEAST ? add(out, m, n, from, end) : 0;
    if (!bits) return 0; /* more than there can be: who says so is not believed */
    const int64_t middle = from + ((int64_t)1 << (bits - 1));
    size_t k = 0;
    while (k < n && m[k].stretch < middle) k++;
    MN_TRY(cut(out, m, k, from, bits - 1, closed));
    return cut(out, m + k, n - k, middle, bits - 1, closed);
}

static int keep_mark(void *user, const mn_mark *mark) {
    return mn_buf_append(user, mark, sizeof *mark);
}

static int cut_all(mn_vector_spans *out, const mn_mark *m, size_t n, int64_t last) {
    enum { MOST_BITS = 52 }; /* so that numbers are below 2^63, whatever the file says */
    int bits = 0;
    if (!n || m->stretch != -1) return 0;
    const uint64_t owner[] = {(uint64_t)m->mark, (uint64_t)m->stretch};
    out->owner = mn_hash64(owner, sizeof owner) | 1;
    while (bits < MOST_BITS && (int64_t)1 << bits <= m[n - 1].stretch) bits++;
    return n == 1 ? 0
                  : cut(out, m + 1, n - 1, 0, bits,
                        last / MN_STRETCH + (last % MN_STRETCH == MN_STRETCH - 1));
}

int mn_vector_spans_read(mn_store *s, int64_t owner, mn_vector_spans *out) {
    mn_buf marks = {.what = "marks of vectors"};
    int64_t last = 0;
    *out = (mn_vector_spans){.list = {.what = "parts of vectors"}};
    if (!s->kind->marks) return 0;
    int rc = s->kind->marks(s, owner, &last, keep_mark, &marks);
    if (rc >= 0)
        rc = cut_all(out, (const mn_mark *)(const void *)marks.data, marks.len / sizeof(mn_mark),
                     last);
    mn_buf_free(&marks);
    if (rc < 0) mn_vector_spans_free(out);
    return rc;
}

void mn_vector_spans_free(mn_vector_spans *s) {
    mn_buf_free(&s->list);
}

size_t mn_vector_spans_count(const mn_vector_spans *s) {
    return s->list.len / sizeof(mn_vector_span);
}

const mn_vector_span *mn_vector_spans_at(const mn_vector_spans *s, size_t i) {
    return (const mn_vector_span *)(const void *)s->list.data + i;
}

const mn_vector_span *mn_vector_spans_find(const mn_vector_spans *s, const uint8_t key[32]) {
    for (size_t i = 0; i < mn_vector_spans_count(s); i++)
        if (memcmp(mn_vector_spans_at(s, i)->key, key, 32) == 0) return mn_vector_spans_at(s, i);
    return NULL;
}
