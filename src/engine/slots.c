/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/slots.c - join at the end, close the gap, group by key. n is at most MN_SLOTS: O(n),
 * O(n), O(n^2) of a few hundred compares.
 */
#include "engine/slots.h"

#include <string.h>

int mn_slots_join(mn_slots *s, void *who) {
    if (s->n == MN_SLOTS) return 0;
    s->slot[s->n++] = who;
    return 1;
}

void mn_slots_leave(mn_slots *s, const void *who) {
    for (int i = 0; i < s->n; i++) {
        if (s->slot[i] != who) continue;
        memmove(s->slot + i, s->slot + i + 1, (size_t)(s->n - i - 1) * sizeof *s->slot);
        s->n--;
        return;
    }
}

void mn_slots_group(const uint64_t *key, int n, int *order) {
    int used = 0;
    for (int i = 0; i < n; i++) {
        int first = 1;
        for (int j = 0; j < i && first; j++) first = key[j] != key[i];
        for (int j = i; first && j < n; j++)
            if (key[j] == key[i]) order[used++] = j;
    }
}
