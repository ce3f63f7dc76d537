/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_larger.c - which larger model would this machine carry?
 *
 * In RAM: the weights once, half as much again for context and the rest of the machine's own
 * work, 256 MB of floor. On disk, unless it is here: the file, its packed copy, one wheel.
 */
#include "model/store.h"

#include <string.h>

static int fits(const mn_lock_model *m, int here, uint64_t memory, uint64_t disk) {
    const uint64_t floor = UINT64_C(256) << 20;
    return m->bytes + m->bytes / 2 + floor <= memory && (here || 2 * m->bytes + floor <= disk);
}

const mn_lock_model *mn_store_larger(const mn_lock *lock, uint64_t than, const char *here,
                                     uint64_t memory, uint64_t disk) {
    const mn_lock_model *best = NULL;
    for (size_t i = 0; i < lock->n; i++) {
        const mn_lock_model *m = &lock->model[i];
        if (m->embedding || m->bytes <= than || !fits(m, here[i], memory, disk)) continue;
        if (!best || m->bytes > best->bytes) best = m;
    }
    return best;
}
