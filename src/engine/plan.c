/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/plan.c - writers first, then prompts; and how large a step should be. O(items).
 *
 * Why a quarter: a step of 17 writers takes about seven times as long as one of a single writer
 * (SmolLM2, two cores), so who waits for an answer beside a batch would wait that much longer.
 */
#include "engine/plan.h"

enum { GRAIN = 32, WASTE = 40 /* a step may be a fortieth slower than the best */, SHARE = 4 };
enum { PIECE = 8 /* tokens of a prompt beside a writer: the weights are read once for all */ };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* At most `most` writers that are late, or are not, one token each: how many. */
static int write_some(mn_plan_item *items, int n, int late, int most, unsigned turn) {
    int taken = 0;
    for (int i = 0; i < n && taken < most; i++) {
        mn_plan_item *w = items + ((unsigned)i + turn) % (unsigned)n;
        if (w->left != 1 || w->late != late) continue;
        w->take = 1;
        taken++;
    }
    return taken;
}

/* At most `most` tokens of prompts, the same way. */
static int read_some(mn_plan_item *items, int n, int late, int most) {
    int taken = 0;
    for (int i = 0; i < n && taken < most; i++) {
        if (items[i].left <= 1 || items[i].late != late) continue;
        items[i].take = least(items[i].left, most - taken);
        taken += items[i].take;
    }
    return taken;
}

int mn_plan_budget(const mn_plan_item *items, int n, int alone, int beside) {
    int writers = 0, readers = 0, late = 0;
    for (int i = 0; i < n; i++) {
        writers += items[i].left == 1 && !items[i].late;
        readers += items[i].left > 1;
        late += items[i].left == 1 && items[i].late;
    }
    if (!writers) return alone;
    if (!readers) return beside;
    return least(writers + late + PIECE * (writers + 1) / 2 * readers, beside);
}

int mn_plan(mn_plan_item *items, int n, int budget, unsigned turn) {
    int left = budget, waited = 0, late = 0;
    for (int i = 0; i < n; i++) {
        items[i].take = 0;
        waited |= !items[i].late && items[i].left;
        late += items[i].late && items[i].left == 1;
    }
    left -= write_some(items, n, 0, left, turn);
    left -= write_some(items, n, 1, least(left, waited ? (late + SHARE - 1) / SHARE : late), turn);
    left -= read_some(items, n, 0, left);
    left -= read_some(items, n, 1, waited ? least(left, budget / SHARE) : left);
    return budget - left;
}

int mn_plan_knee(int few, double few_s, int many, double many_s, int most) {
    const double b = (many_s - few_s) / (many - few), a = few_s - b * few;
    if (b <= 0) return most; /* more tokens cost nothing */
    const double knee = a > 0 ? a / b * (WASTE - 1) : 0;
    if (knee >= most) return most;
    const int grains = (int)(knee / GRAIN + 0.5);
    return grains < 1 ? GRAIN : least(grains * GRAIN, most);
}
