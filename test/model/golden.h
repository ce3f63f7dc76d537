/* SPDX-License-Identifier: Apache-2.0
 *
 * test/model/golden.h - golden logits, as make_tiny.py writes them (which says what they mean).
 *
 * A row lists some ids (all of a tiny model, the likeliest of a real one) with two logits each:
 * truth, and peer, whose distance from truth is the yardstick for ours.
 */
#ifndef MN_TEST_GOLDEN_H
#define MN_TEST_GOLDEN_H
#include "test.h"

#include "base/buf.h"
#include "base/file.h"

typedef struct golden_logit {
    int32_t id;
    float truth, peer;
} golden_logit;

typedef struct golden_row {
    uint32_t position; /* the logits follow ids[position] */
    uint32_t n;
    const golden_logit *logit; /* [n] */
} golden_row;

typedef struct golden {
    mn_buf file;
    const int32_t *ids; /* [n_ids], fed from position 0 */
    uint32_t n_ids, n_rows;
    golden_row rows[8];
} golden;

/* The path of test/model/data/NAME; free with mn_buf_free. */
static inline mn_buf golden_path(const char *name) {
    const char *root = getenv("OMNESIA_SOURCE");
    mn_buf path = {0};
    assert_ok(mn_buf_printf(&path, "%s/test/model/data/%s", root ? root : ".", name));
    return path;
}

static inline void golden_load(const char *name, golden *g) {
    mn_buf path = golden_path(name);
    *g = (golden){0};
    assert_ok(mn_file_read(path.data, 1 << 20, &g->file));
    mn_buf_free(&path);
    const uint32_t *p = (const uint32_t *)g->file.data; /* all fields are of 4 bytes */
    assert_memory_equal(p, "MNLG", 4);
    g->n_ids = p[1];
    g->ids = (const int32_t *)p + 2;
    p += 2 + g->n_ids;
    g->n_rows = *p++;
    assert_in_range(g->n_rows, 1, 8);
    for (uint32_t i = 0; i < g->n_rows; i++) {
        g->rows[i] = (golden_row){p[0], p[1], (const golden_logit *)(p + 2)};
        p += 2 + 3 * p[1];
    }
    assert_ptr_equal(p, g->file.data + g->file.len);
}

static inline void golden_free(golden *g) {
    mn_buf_free(&g->file);
}

/* The largest distance of `other` from truth (got == NULL: of the peer). got: [vocabulary]. */
static inline float golden_distance(const golden_row *row, const float *got) {
    float most = 0;
    for (uint32_t i = 0; i < row->n; i++) {
        const float x = got ? got[row->logit[i].id] : row->logit[i].peer;
        const float d = x > row->logit[i].truth ? x - row->logit[i].truth : row->logit[i].truth - x;
        if (!(d <= most)) most = d; /* a NaN stays */
    }
    return most;
}

#endif
