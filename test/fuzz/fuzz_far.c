/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_far.c - any bytes as a value of the remote tier: keys and values of 64 tokens,
 * which lie in a Redis that others write to.
 *
 *   FORM ROW 'R' bytes     the value as it stands
 *   FORM ROW 'S' bytes     its name, size, shape and sum made those that are looked for
 *
 * FORM: which model it is; ROW: where in a group its rows go. Checked: who says that nothing is
 * wrong with it can unpack it, into planes of just the size; and a value that was packed of these
 * rows anew is the same.
 */
#include "base/hash.h"
#include "kv/far.h"

#include <stdlib.h>
#include <string.h>

enum { PLANES = 32 };

static void check(int good) {
    if (!good) __builtin_trap();
}

static const int no_window[4];
static const mn_kv_layout layouts[] = {
    {1, 1, 32, MN_KV_F16, no_window},
    {2, 2, 64, MN_KV_Q8, no_window},
    {4, 1, 32, MN_KV_Q8, no_window},
    {1, 4, 64, MN_KV_F16, no_window},
};
static const mn_remote_name name = {{1, 2, 3}};

static void mend(const mn_kv_layout *l, uint8_t *value, size_t n) {
    mn_far_head h;
    if (n < sizeof h) return;
    memcpy(&h, value, sizeof h);
    memcpy(h.magic, MN_FAR_MAGIC, sizeof h.magic);
    h.name = name;
    h.layers = l->layers;
    h.heads = l->heads;
    h.d = l->d;
    h.format = (int32_t)l->format;
    h.bytes = n;
    memcpy(value, &h, sizeof h);
    h.sum = mn_hash64(value + MN_FAR_SUMMED, n - MN_FAR_SUMMED);
    memcpy(value, &h, sizeof h);
}

/* Planes that have just so many groups of rows as are touched. */
static void unpack(const mn_kv_layout *l, const uint8_t *value, int row) {
    const int n = l->layers * 2 * l->heads, rows = (row + MN_KV_STEP + 15) / 16 * 16;
    const size_t bytes = mn_kv_plane_bytes(l->format, rows, l->d);
    void *plane[PLANES];
    check(n <= PLANES);
    for (int i = 0; i < n; i++) check((plane[i] = calloc(1, bytes)) != NULL);
    mn_far_unpack(l, value, plane, row);
    for (int i = 0; i < n; i++) {
        const uint8_t *const from = value + sizeof(mn_far_head) +
                                    (size_t)i * mn_kv_plane_bytes(l->format, MN_KV_STEP, l->d);
        if (row == 0) check(!memcmp(plane[i], from, bytes));
        free(plane[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    const mn_kv_layout *const l = layouts + data[0] % 4;
    const size_t n = size - 3;
    uint8_t *const value = malloc(n ? n : 1);
    check(value != NULL);
    memcpy(value, data + 3, n);
    if (data[2] == 'S') mend(l, value, n);
    const char *const wrong = mn_far_wrong(l, &name, value, n);
    check(!wrong || *wrong);
    check(wrong || n == mn_far_bytes(l));
    if (!wrong) unpack(l, value, data[1] % 32);
    free(value);
    return 0;
}
