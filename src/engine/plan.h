/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/plan.h - what one step consists of (Dynamic SplitFuse, DeepSpeed-FastGen, arXiv
 * 2401.08671).
 *
 * A step has a budget of tokens. Answers that are being written get one each, first; what is left
 * is filled exactly with pieces of prompts, so that a long prompt takes many steps and nobody's
 * writing waits for it, and short ones share a step. FastGen promises the first token in a time
 * that grows with the prompt, and after it a number of tokens per second at any time. Ours
 * promises the first within four times what reading alone would take, and four tokens a second;
 * the prompt that is due first is read first, and a step beside writers is the smallest that keeps
 * what was promised to all. Beside somebody who is waited for, jobs that nobody waits for have
 * less: a quarter of them write, in turns, and their prompts get a quarter of the step, behind all
 * others. When more are writing than the budget has tokens, turns decide. Results do not depend on
 * the cut (engine/step.h), so any plan gives the same bits.
 */
#ifndef MN_ENGINE_PLAN_H
#define MN_ENGINE_PLAN_H

typedef struct mn_plan_item {
    int left;   /* tokens it could compute now; 1: it is being written, or nearly; 0: it waits */
    int late;   /* 1: nobody waits for it */
    int owed;   /* tokens until its prompt has been read, */
    double due; /* and the seconds until that was promised; below 0: it should have been */
    int take;   /* out: how many of them in this step */
} mn_plan_item;

/* Seconds that steps of so many tokens take, measured at the start: few rows stream weights, more
 * are multiplied in another way. */
enum { MN_PLAN_SIZES = 3 };
extern const int mn_plan_size[MN_PLAN_SIZES];
typedef struct mn_plan_pace {
    double seconds[MN_PLAN_SIZES];
} mn_plan_pace;
/* Of a step of n tokens: on the lines between them, and beyond the last. */
double mn_plan_seconds(const mn_plan_pace *pace, int n);

/* The smallest step that computes at nearly the rate of the largest: beyond the first size it takes
 * a + b n, so the share that more tokens would save is a / (a + b n). A multiple of 32, from 32 to
 * most. */
int mn_plan_knee(const mn_plan_pace *pace, int most);
/* Seconds in which a prompt of n tokens is promised to be read. */
double mn_plan_promise(const mn_plan_pace *pace, int n);

/* Tokens of this step, at most `most` (the knee), which it has while nobody waits for the next
 * token of his answer. slower: how many times longer steps take just now than the pace says. */
int mn_plan_budget(const mn_plan_item *items, int n, const mn_plan_pace *pace, double slower,
                   int most);

/* The items in the order in which they came; turn: a number that grows with each step. Returns the
 * tokens of the step, at most budget. */
int mn_plan(mn_plan_item *items, int n, int budget, unsigned turn);

#endif
