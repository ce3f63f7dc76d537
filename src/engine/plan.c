/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/plan.c - writers first, then prompts; and how large a step should be. O(items).
 */
#include "engine/plan.h"

enum { GRAIN = 32, WASTE = 20 /* a step may be a twentieth slower than the best */ };

static int least(int a, int b) {
    return a < b ? a : b;
}

int mn_plan(mn_plan_item *items, int n, int budget, unsigned turn) {
    int left = budget;
    for (int i = 0; i < n; i++) items[i].take = 0;
    for (int i = 0; i < n && left > 0; i++) {
        mn_plan_item *w = items + ((unsigned)i + turn) % (unsigned)n;
        if (w->left != 1) continue;
        w->take = 1;
        left--;
    }
    for (int i = 0; i < n && left > 0; i++) {
        if (items[i].left <= 1) continue;
        items[i].take = least(items[i].left, left);
        left -= items[i].take;
    }
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
