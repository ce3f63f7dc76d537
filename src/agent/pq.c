/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/pq.c - libpq.so.5, and numbers in its binary form.
 */
#include "agent/pq.h"

#include "base/borrow.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static mn_pq pq;

int mn_pq_load(const mn_pq **out) {
#define X(type, name, takes) "PQ" #name,
    static const char *const names[] = {MN_PQ_LIST(X)};
#undef X
    static mn_borrow library =
        MN_BORROW("PostgreSQL is spoken to through", "libpq.so.5", "libpq5", names, pq, NULL);
    *out = &pq;
    return mn_borrow_load(&library);
}

/* ---- values -------------------------------------------------------------------------------- */
static void number_out(unsigned char *out, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) out[i] = (unsigned char)(v >> 8 * (bytes - 1 - i));
}

void mn_pq_bytes(mn_pq_args *a, const void *p, size_t n) {
    a->value[a->n] = n ? p : "";
    a->length[a->n] = (int)n;
    a->binary[a->n++] = 1;
}

void mn_pq_text(mn_pq_args *a, const char *text) {
    mn_pq_bytes(a, text ? text : "", text ? strlen(text) : 0);
}

void mn_pq_number(mn_pq_args *a, int64_t v) {
    unsigned char *const to = a->number[a->n];
    number_out(to, (uint64_t)v, 8);
    mn_pq_bytes(a, to, 8);
}

static int put32(mn_buf *in, size_t v) {
    unsigned char bytes[4];
    number_out(bytes, v, 4);
    return mn_buf_append(in, bytes, sizeof bytes);
}

/* A list of n elements begins so: dimensions, no NULLs, the type, n, and that counting begins at
 * 1. Each element is its length and its bytes. */
static int begin_list(mn_buf *in, unsigned type, size_t n) {
    const size_t head[] = {1, 0, type, n, 1};
    mn_buf_clear(in);
    for (int i = 0; i < 5; i++) MN_TRY(put32(in, head[i]));
    return 0;
}

enum { TYPE_NUMBER = 20, TYPE_TEXT = 25 }; /* bigint and text, in every PostgreSQL */

int mn_pq_numbers(mn_pq_args *a, const int64_t *v, size_t n, mn_buf *in) {
    unsigned char bytes[8];
    MN_TRY(begin_list(in, TYPE_NUMBER, n));
    for (size_t i = 0; i < n; i++) {
        number_out(bytes, (uint64_t)v[i], 8);
        MN_TRY(put32(in, sizeof bytes));
        MN_TRY(mn_buf_append(in, bytes, sizeof bytes));
    }
    mn_pq_bytes(a, in->data, in->len);
    return 0;
}

int mn_pq_texts(mn_pq_args *a, const char *const *text, const size_t *length, size_t n,
                mn_buf *in) {
    MN_TRY(begin_list(in, TYPE_TEXT, n));
    for (size_t i = 0; i < n; i++) {
        MN_TRY(put32(in, length[i]));
        MN_TRY(mn_buf_append(in, text[i], length[i]));
    }
    mn_pq_bytes(a, in->data, in->len);
    return 0;
}

int64_t mn_pq_number_of(const mn_pq *p, const pg_result *r, int row, int column) {
    const unsigned char *const from = (const unsigned char *)p->getvalue(r, row, column);
    uint64_t v = 0;
    for (int i = 0; i < p->getlength(r, row, column) && i < 8; i++) v = v << 8 | from[i];
    return (int64_t)v;
}
