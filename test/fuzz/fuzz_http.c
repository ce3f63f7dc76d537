/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_http.c - any bytes as an HTTP request: a head, and behind it a body in chunks.
 *
 * Checked: a head is found at the same place however the bytes come, its strings lie inside of it,
 * and a body in chunks is the same read at once and byte by byte.
 */
#include "serve/http.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const char *bytes, size_t n) {
    char *copy = mn_malloc(n + 1);
    mn_http_head h;
    int status = 0;
    if (!copy) return;
    memcpy(copy, bytes, n);
    copy[n] = 0;
    if (mn_http_head_read(copy, n, &h, &status) < 0) {
        if (status < 400 || status > 505) abort();
    } else {
        size_t sum = strlen(h.method) + strlen(h.path) + strlen(h.query);
        for (int i = 0; i < h.n; i++) {
            if (h.field[i].name < copy || h.field[i].value > copy + n) abort();
            sum += strlen(h.field[i].name) + strlen(h.field[i].value);
        }
        char value[8];
        if (mn_http_query(h.query, "a", value, sizeof value) && strlen(value) >= sizeof value)
            abort();
        if (sum > n || h.length < 0 || (h.length && h.chunked) || h.n > MN_HTTP_FIELDS) abort();
    }
    mn_free(copy);
}

static int64_t read_body(const char *bytes, size_t n, size_t step, mn_buf *body, int *done) {
    mn_http_chunks c = {0};
    size_t at = 0;
    while (at < n && c.state != MN_CHUNK_DONE) {
        const int64_t used =
            mn_http_chunks_take(&c, bytes + at, n - at < step ? n - at : step, body);
        if (used < 0) return -1;
        at += (size_t)used;
    }
    *done = c.state == MN_CHUNK_DONE;
    return (int64_t)at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    size_t from = 0, slow = 0, end = 0;
    const size_t head = mn_http_head_end(bytes, size, &from);
    for (size_t n = 1; n <= size && n < 4096 && !end; n++) end = mn_http_head_end(bytes, n, &slow);
    if (size < 4096 && head != end) abort();
    if (head) check_head(bytes, head);
    mn_buf one = {.limit = 65536}, two = {.limit = 65536};
    int done[2] = {0, 0};
    const int64_t a = read_body(bytes + head, size - head, size + 1, &one, &done[0]);
    const int64_t b = read_body(bytes + head, size - head, 1, &two, &done[1]);
    if (a != b || done[0] != done[1]) abort();
    if (a >= 0 && (one.len != two.len || (one.len && memcmp(one.data, two.data, one.len)))) abort();
    mn_buf_free(&one);
    mn_buf_free(&two);
    return 0;
}
