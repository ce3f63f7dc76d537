/* SPDX-License-Identifier: Apache-2.0
 *
 * api/open.c - omnesia.h, prompts that tenants may share.
 *
 * Of a system message the ids are kept that every conversation with it begins with: those that two
 * conversations of different words have in common. A prompt of a tenant that begins with some of
 * them has nothing of its own there, so those rows are shared by all (kv/chain.h).
 */
#include "api/model.h"

#include "base/error.h"
#include "kv/chain.h"

#include <string.h>

static int common(const int32_t *a, int n, const int32_t *b, int m) {
    int i = 0;
    while (i < n && i < m && a[i] == b[i]) i++;
    return i;
}

static int count(const mn_buf *ids) {
    return (int)(ids->len / sizeof(int32_t));
}

int mn_model_share(mn_model *m, const char *system) {
    mn_buf a = {0}, b = {0};
    mn_request r = {.system = system, .prompt = "A"};
    int rc = mn_prompt_encode(m, &r, 0, &a);
    r.prompt = "zebra 7";
    if (rc >= 0) rc = mn_prompt_encode(m, &r, 0, &b);
    const int32_t *ids = (const int32_t *)(const void *)a.data;
    const int32_t n =
        rc < 0 ? 0
               : common(ids, count(&a), (const int32_t *)(const void *)b.data, count(&b)) /
                     MN_KV_STEP * MN_KV_STEP;
    if (n) {
        rc = mn_buf_reserve(&m->open, (size_t)(n + 1) * sizeof n);
        if (rc >= 0) rc = mn_buf_append(&m->open, &n, sizeof n);
        if (rc >= 0) rc = mn_buf_append(&m->open, ids, (size_t)n * sizeof n);
    }
    mn_buf_free(&a);
    mn_buf_free(&b);
    return rc < 0 ? rc : n;
}

int mn_open_to(const mn_model *m, const int32_t *ids, int n) {
    const int32_t *at = (const int32_t *)(const void *)m->open.data, *end = at + count(&m->open);
    int best = 0;
    for (; at < end; at += 1 + at[0]) {
        const int same = common(at + 1, at[0], ids, n) / MN_KV_STEP * MN_KV_STEP;
        if (same > best) best = same;
    }
    return best;
}
