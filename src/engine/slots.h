/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/slots.h - answers that are under way, side by side (Flover, arXiv 2305.13484).
 *
 * One loop runs for ever; whoever comes takes the next slot at any step, and whoever leaves lets
 * the others move up, so the slots in use are the first ones. The paper gathers the rows of caches
 * when slots move; here a slot is one pointer and rows stay where they are, so moving up costs
 * nothing worth measuring. Slots are in order of coming.
 */
#ifndef MN_ENGINE_SLOTS_H
#define MN_ENGINE_SLOTS_H
#include <stdint.h>

enum { MN_SLOTS = 64 };
typedef struct mn_slots {
    void *slot[MN_SLOTS];
    int n;
} mn_slots;

int mn_slots_join(mn_slots *s, void *who); /* 1; 0: they are all taken */
void mn_slots_leave(mn_slots *s, const void *who);

/* Sort n things so that those with the same key lie side by side, otherwise in the order they had:
 * sequences that share their beginning attend to it together (engine/step.h). order[n] receives
 * their numbers. */
void mn_slots_group(const uint64_t *key, int n, int *order);

#endif
