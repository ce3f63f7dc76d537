/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/kernel.c - choosing a table: best first, scalar last, so the search cannot fail.
 */
#include "kernel/kernel.h"

#include "base/cpu.h"
#include "base/error.h"
#include "kernel/tables.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const mn_kernels *const table[] = {
#ifdef __x86_64__
    &mn_kernels_avx512crossed, &mn_kernels_amx,  &mn_kernels_avx512bf16,
    &mn_kernels_avx512,        &mn_kernels_avx2,
#endif
    &mn_kernels_scalar,
};
enum { N = sizeof table / sizeof table[0] };
static mn_kernels filled[2 * N]; /* "c1", then "b1" */
static const mn_kernels *all[2 * N];

/* What a row leaves out is the next one's. The functions stand together in the struct. */
static void fill(void) {
    const size_t first = offsetof(mn_kernels, rms_norm), size = sizeof(void (*)(void));
    for (int i = N - 1; i >= 0; i--) {
        static const char none[sizeof(void (*)(void))];
        filled[i] = *table[i];
        filled[i].numerics = MN_NUMERICS;
        char *to = (char *)&filled[i];
        for (size_t at = first; i + 1 < N && at < sizeof(mn_kernels); at += size)
            if (memcmp(to + at, none, size) == 0)
                memcpy(to + at, (char *)&filled[i + 1] + at, size);
        filled[N + i] = filled[i];
        filled[N + i].numerics = MN_NUMERICS_BF16;
        filled[N + i].attend = filled[i].attend_bf16;
        all[i] = &filled[i];
        all[N + i] = &filled[N + i];
    }
}

static void ready(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
}

const mn_kernels *const *mn_kernels_all(size_t *n) {
    ready();
    *n = sizeof all / sizeof *all;
    return all;
}

int mn_kernels_usable(const mn_kernels *k) {
    return (mn_cpu_features() & k->needs) == k->needs;
}

int mn_kernels_pick(const char *isa, const char *numerics, const mn_kernels **out) {
    ready();
    const mn_kernels *const *some = strcmp(numerics, MN_NUMERICS_BF16) ? all : all + N;
    if (!isa) isa = getenv("OMNESIA_ISA");
    char names[80] = "";
    for (int i = 0; i < N; i++) {
        if (!mn_kernels_usable(some[i])) continue;
        if (!isa || !*isa || strcmp(isa, some[i]->name) == 0) {
            *out = some[i];
            return 0;
        }
        strcat(strcat(names, *names ? ", " : ""), some[i]->name);
    }
    for (int i = 0; i < N; i++)
        if (strcmp(isa, some[i]->name) == 0)
            return MN_FAIL(MN_EUNSUPPORTED, "this CPU lacks what OMNESIA_ISA=%s needs; it has %s",
                           isa, names);
    return MN_FAIL(MN_EINVAL, "OMNESIA_ISA=%s is unknown; this CPU has %s", isa, names);
}

size_t mn_product_scratch(int k) {
    return 4 * ((size_t)k * 16 + (size_t)k / 16 * 128) + (size_t)k * 8 + 65536;
}

size_t mn_kv_plane_bytes(mn_kv_format f, int rows, int d) {
    const size_t whole = ((size_t)rows + 15) / 16 * 16;
    return f == MN_KV_F16 ? whole * (size_t)d * 2 : whole / 16 * (size_t)d * 17;
}
