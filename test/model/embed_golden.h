/* SPDX-License-Identifier: Apache-2.0
 *
 * test/model/embed_golden.h - the texts and results that make_embed_golden.py writes.
 *
 * random_text makes the same texts as the script; golden_open reads NAME.vectors, whose items are
 * taken one after another.
 */
#ifndef MN_TEST_EMBED_GOLDEN_H
#define MN_TEST_EMBED_GOLDEN_H
#include "test.h"

#include "base/buf.h"
#include "base/file.h"

#include <math.h>
#include <utf8proc.h>

/* A file of test/model/data, whole. */
static inline void data_read(const char *name, mn_buf *out) {
    char path[4096];
    const char *source = getenv("OMNESIA_SOURCE");
    snprintf(path, sizeof path, "%s/test/model/data/%s", source ? source : ".", name);
    assert_ok(mn_file_read(path, 1 << 26, out));
}

static inline uint32_t dice(uint64_t *state, uint32_t n) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % n);
}

static inline void put_point(mn_buf *out, uint32_t c) {
    uint8_t utf8[4];
    if (c >= 0xD800 && c < 0xE000) return;
    const utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)c, utf8);
    assert_ok(mn_buf_append(out, utf8, (size_t)n));
}

static inline void random_text(uint32_t i, mn_buf *out) {
    static const char *const words[] = {"the",
                                        "Omnesia",
                                        "memory",
                                        "un",
                                        "believable",
                                        "caf\u00E9",
                                        "na\u00EFve",
                                        "STRASSE",
                                        "stra\u00DFe",
                                        "don't",
                                        "e-mail",
                                        "3.14",
                                        "\u4E2D\u6587",
                                        "\u65E5\u672C\u8A9E",
                                        "\uD55C\uAD6D\uC5B4",
                                        "\u043F\u0440\u0438\u0432\u0435\u0442",
                                        "\u0645\u0631\u062D\u0628\u0627",
                                        "\u0928\u092E\u0938\u094D\u0924\u0947",
                                        "##ing",
                                        "unaffable"};
    static const uint32_t ranges[][2] = {{0x20, 0x7E},       {0, 0x2FF},         {0x300, 0x36F},
                                         {0x370, 0x5FF},     {0x600, 0x1FFF},    {0x2000, 0x2BFF},
                                         {0x3000, 0x9FFF},   {0xA000, 0xD7FF},   {0xF900, 0xFFFF},
                                         {0x10000, 0x1FFFF}, {0x20000, 0x2FFFF}, {0, 0x10FFFF}};
    uint64_t state = i + 1;
    mn_buf_clear(out);
    for (uint32_t left = 1 + dice(&state, 24); left; left--) {
        const uint32_t kind = dice(&state, 4);
        if (kind == 0) {
            assert_ok(mn_buf_puts(out, words[dice(&state, sizeof words / sizeof *words)]));
        } else if (kind == 1) {
            for (uint32_t n = 1 + dice(&state, 9); n; n--) put_point(out, 97 + dice(&state, 26));
        } else if (kind == 2) {
            const uint32_t *r = ranges[dice(&state, sizeof ranges / sizeof *ranges)];
            put_point(out, r[0] + dice(&state, r[1] - r[0] + 1));
        } else {
            put_point(out, ' ');
        }
    }
}

static inline uint64_t fnv(const int32_t *ids, size_t n, uint64_t h, uint64_t prime) {
    for (size_t i = 0; i < n; i++) h = (h ^ (uint32_t)ids[i]) * prime;
    return h;
}
#define FNV32(ids, n) ((uint32_t)fnv(ids, n, 0x811C9DC5u, 0x01000193u))

typedef struct golden {
    mn_buf file;
    size_t at;
    uint32_t width, n;
    const char *text;
    size_t bytes;
    const int32_t *ids;
    uint32_t n_ids;
    const float *vector;
} golden;

static inline const void *golden_take(golden *g, size_t n) {
    assert_true(n <= g->file.len - g->at);
    const void *p = g->file.data + g->at;
    g->at += n;
    return p;
}

static inline uint32_t golden_number(golden *g) {
    uint32_t x;
    memcpy(&x, golden_take(g, sizeof x), sizeof x);
    return x;
}

static inline void golden_open(golden *g, const char *name) {
    *g = (golden){0};
    data_read(name, &g->file);
    assert_memory_equal(golden_take(g, 4), "MNVG", 4);
    g->width = golden_number(g);
    g->n = golden_number(g);
}

/* The next item; ids and vector are copied, for they stand at odd places. */
static inline void golden_next(golden *g) {
    static int32_t ids[1024];
    static float vector[1024];
    g->bytes = golden_number(g);
    g->text = golden_take(g, g->bytes);
    g->n_ids = golden_number(g);
    assert_true(g->n_ids <= 1024 && g->width <= 1024);
    memcpy(ids, golden_take(g, g->n_ids * sizeof *ids), g->n_ids * sizeof *ids);
    memcpy(vector, golden_take(g, g->width * sizeof *vector), g->width * sizeof *vector);
    g->ids = ids;
    g->vector = vector;
}

/* The largest difference of a component. */
static inline double apart(const float *a, const float *b, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d; /* NaN, too */
    }
    return most;
}

#endif
