/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/plan.c - writers first, then prompts; and how large a step should be. O(items).
 *
 * Why a quarter: a step of 17 writers takes about seven times as long as one of a single writer
 * (SmolLM2, two cores), so who waits for an answer beside a batch would wait that much longer.
 */
#include "engine/plan.h"

enum { GRAIN = 32, WASTE = 20 /* a step may be a twentieth slower than the best */ };
enum { SHARE = 4, PIECE = 8, FEW = 4 /* tokens that stream weights */ };
static const double promise = 4 /* times what reading alone takes */, gap_s = 0.25;
const int mn_plan_size[MN_PLAN_SIZES] = {FEW, 8, 64};

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

/* The prompt that is due next after items[last] (-1: first), late or not; -1: none. */
static int next_due(const mn_plan_item *items, int n, int late, int last) {
    int best = -1;
    for (int i = 0; i < n; i++) {
        if (items[i].left <= 1 || items[i].late != late) continue;
        if (last >= 0 &&
            (items[i].due < items[last].due || (items[i].due == items[last].due && i <= last)))
            continue;
        if (best < 0 || items[i].due < items[best].due) best = i;
    }
    return best;
}

/* At most `most` tokens of prompts. */
static int read_some(mn_plan_item *items, int n, int late, int most) {
    int taken = 0;
    for (int i = -1; taken < most && (i = next_due(items, n, late, i)) >= 0;) {
        items[i].take = least(items[i].left, most - taken);
        taken += items[i].take;
    }
    return taken;
}

double mn_plan_seconds(const mn_plan_pace *p, int n) {
    int i = 1;
    while (i + 1 < MN_PLAN_SIZES && n > mn_plan_size[i]) i++;
    const double each =
        (p->seconds[i] - p->seconds[i - 1]) / (mn_plan_size[i] - mn_plan_size[i - 1]);
    const double s = p->seconds[i] + each * (n - mn_plan_size[i]);
    return s > 0 ? s : 0;
}

double mn_plan_promise(const mn_plan_pace *pace, int n) {
    const int last = mn_plan_size[MN_PLAN_SIZES - 1];
    return promise * (n < last ? mn_plan_seconds(pace, n) : mn_plan_seconds(pace, last) / last * n);
}

/* Tokens per second with which every prompt that is waited for is read when it is due. */
static double needed(const mn_plan_item *items, int n) {
    double rate = 0, owed = 0;
    for (int i = -1; (i = next_due(items, n, 0, i)) >= 0;) {
        owed += items[i].owed;
        const double r = owed / (items[i].due > 1e-4 ? items[i].due : 1e-4);
        if (r > rate) rate = r;
    }
    return rate;
}

int mn_plan_budget(const mn_plan_item *items, int n, const mn_plan_pace *pace, double slower,
                   int most) {
    int writers = 0, readers = 0, late = 0;
    for (int i = 0; i < n; i++) {
        writers += items[i].left == 1 && !items[i].late;
        readers += items[i].left > 1;
        late += items[i].left == 1 && items[i].late;
    }
    if (!writers || !readers) return most;
    const double rate = needed(items, n);
    const int written = writers + (late + SHARE - 1) / SHARE;
    int budget = rate > 0 ? (written + FEW) / FEW * FEW : written + SHARE * PIECE;
    for (; budget < most; budget += FEW) {
        const double s = slower * mn_plan_seconds(pace, budget + FEW);
        if (budget - written >= rate * slower * mn_plan_seconds(pace, budget)) break;
        if (s > gap_s && budget - written >= PIECE) break;
    }
    return least(budget, most);
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

int mn_plan_knee(const mn_plan_pace *pace, int most) {
    const int few = mn_plan_size[1], many = mn_plan_size[2];
    const double b = (pace->seconds[2] - pace->seconds[1]) / (many - few);
    const double a = pace->seconds[1] - b * few;
    if (b <= 0) return most; /* more tokens cost nothing */
    const double knee = a > 0 ? a / b * (WASTE - 1) : 0;
    if (knee >= most) return most;
    const int grains = (int)(knee / GRAIN + 0.5);
    return grains < 1 ? GRAIN : least(grains * GRAIN, most);
}
