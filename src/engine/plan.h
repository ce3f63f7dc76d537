/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/plan.h - what one step consists of (Dynamic SplitFuse, DeepSpeed-FastGen, arXiv
 * 2401.08671).
 *
 * A step has a budget of tokens. Answers that are being written get one each, first; what is left
 * is filled exactly with pieces of prompts, the oldest first, so that a long prompt takes many
 * steps and nobody's writing waits for it, and short ones share a step. Beside somebody who is
 * waited for, jobs that nobody waits for have less: a quarter of them write, in turns, and their
 * prompts get a quarter of the step, behind all others. When more are writing than
 * the budget has tokens, turns decide. Ours, not the paper's: results do not depend on the cut
 * (engine/step.h), so any plan gives the same bits.
 */
#ifndef MN_ENGINE_PLAN_H
#define MN_ENGINE_PLAN_H

typedef struct mn_plan_item {
    int left; /* tokens it could compute now; 1: it is being written, or nearly; 0: it waits */
    int late; /* 1: nobody waits for it */
    int take; /* out: how many of them in this step */
} mn_plan_item;

/* Tokens of this step. While nobody waits for the next token of his answer, `alone`; else at most
 * `beside`, and while others read as few as reading still gains by: eight tokens of each prompt, and
 * four for each writer more, so that a step takes about twice as long as without. */
int mn_plan_budget(const mn_plan_item *items, int n, int alone, int beside);

/* The items in the order in which they came; turn: a number that grows with each step. Returns the
 * tokens of the step, at most budget. */
int mn_plan(mn_plan_item *items, int n, int budget, unsigned turn);

/* The smallest step that computes at nearly the rate of the largest: a step of T tokens takes about
 * a + b T, so its share that more tokens would save is a / (a + b T). few_s and many_s: measured
 * seconds of steps of few and of many tokens. A multiple of 32, from 32 to most. */
int mn_plan_knee(int few, double few_s, int many, double many_s, int most);

#endif
