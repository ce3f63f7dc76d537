/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/tme.c - prompts of a task tree against the whole conversation (Task Memory Engine, arXiv
 * 2504.08525).
 *
 * 200 tasks are made up, forms and pipelines of 5 to 40 steps. In each step an agent is prompted:
 * linear, with the goal and all that was said so far; ours, with what mn_task_prompt gives for the
 * step. Tokens are those of a real vocabulary (-m), summed over all steps of a task.
 *
 *   tokens20   tokens of prompts, tasks of 20 steps
 *   tokens40   the same, 40 steps
 *   even       the fewest steps from which on ours has fewer tokens, and the ratio at every length
 *   prefill    tokens that a model really computes for our prompts, each beginning with what it has
 *              of the one before, against the tokens of linear prompts; 40 steps
 *   kept       the same against what it computes for linear prompts, which only grow: no bar, since
 *              a conversation of one agent is what a cache is best at
 *   slots      answers of the model that have the value asked for, which an earlier step found; 40
 *              steps. What is not answered counts as wrong
 *
 * A form has sections of a few fields, and some fields build on others; a pipeline has stages of
 * steps that build on the one before and on one of an earlier stage.
 */
#include "bench/bench.h"

#include "agent/task.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/progress.h"
#include "omnesia.h"

#include <stdio.h>
#include <string.h>

enum { TASKS = 200, SIZES = 8, LONGEST = 40, SAMPLE = 3, ANSWER = 24 };
static const char *const words[] = {
    "river",  "table",   "garden", "winter", "signal",  "copper", "market",  "letter", "engine",
    "summer", "harbour", "stone",  "bridge", "paper",   "window", "village", "silver", "forest",
    "record", "morning", "ticket", "valley", "station", "basket", "number",  "colour", "planet",
    "orange", "meadow",  "castle", "rocket", "pencil",  "island", "mirror",  "cotton", "yellow"};
enum { WORDS = sizeof words / sizeof *words };

typedef struct step {
    int at; /* its task in the tree */
    char slot[48], text[256], asked[256], value[128];
} step;

typedef struct task_ {
    mn_tasks tree;
    step step[LONGEST];
    int n;
    mn_random r;
} task_;

static uint64_t below(task_ *t, int n) {
    return mn_random_u64(&t->r) % (uint64_t)n;
}

static void say(task_ *t, char *out, size_t cap, int least, int most) {
    const int n = least + (int)below(t, most - least + 1);
    size_t len = 0;
    for (int i = 0; i < n && len + 12 < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? " " : "", words[below(t, WORDS)]);
}

static int add(mn_tasks *tree, const char *slot, const char *text, int parent, const int *deps,
               int n, int *at) {
    const mn_task_spec spec = {
        .slot = slot, .text = text, .parent = parent, .deps = deps, .n_deps = n, .beside = -1};
    return mn_task_add(tree, &spec, at);
}

/* A step that builds on up to two of those before: in a pipeline on the last one of its stage. */
static int add_step(task_ *t, int group, int first, int pipeline) {
    const int i = t->n;
    step *const s = t->step + i;
    int deps[2], n = 0;
    snprintf(s->slot, sizeof s->slot, "%s %s %d", words[below(t, WORDS)],
             pipeline ? "stage" : "field", i + 1);
    say(t, s->text, sizeof s->text, 8, 16);
    say(t, s->asked, sizeof s->asked, 10, 25);
    say(t, s->value, sizeof s->value, 3, 5);
    if (pipeline && i > first) deps[n++] = t->step[i - 1].at;
    if (i && below(t, 3) == 0) deps[n++] = t->step[below(t, i)].at;
    t->n++;
    return add(&t->tree, s->slot, s->text, group, deps, n, &s->at);
}

static int make(task_ *t, uint64_t seed, int steps) {
    char text[256], name[48];
    int root, group = 0, left = 0, first = 0;
    *t = (task_){.n = 0};
    mn_random_seed(&t->r, seed);
    const int pipeline = (int)below(t, 2);
    say(t, text, sizeof text, 12, 20);
    MN_TRY(add(&t->tree, pipeline ? "Run the pipeline" : "Fill in the form", text, -1, NULL, 0,
               &root));
    while (t->n < steps) {
        if (!left) {
            snprintf(name, sizeof name, "%s %s", pipeline ? "Stage" : "Section",
                     words[below(t, WORDS)]);
            say(t, text, sizeof text, 4, 8);
            MN_TRY(add(&t->tree, name, text, root, NULL, 0, &group));
            left = 3 + (int)below(t, 4);
            first = t->n;
        }
        MN_TRY(add_step(t, group, first, pipeline));
        left--;
    }
    return 0;
}

/* ---- prompts -------------------------------------------------------------------------------- */
static int ours(task_ *t, int i, mn_buf *out) {
    const mn_task_said said = {"user", t->step[i].asked};
    mn_buf_clear(out);
    return mn_task_prompt(&t->tree, t->step[i].at, &said, 1, 0, out);
}

/* Step i is done: what came of it is the text of its task. */
static int done(task_ *t, int i) {
    return mn_task_change(&t->tree, t->step[i].at, t->step[i].value, MN_TASK_DONE, NULL, 0);
}

static int linear(task_ *t, int i, mn_buf *out) {
    const mn_task *const root = t->tree.node;
    mn_buf_clear(out);
    MN_TRY(mn_buf_printf(out, "Task: %s: %s\n", root->slot, root->text));
    for (int k = 0; k <= i; k++) {
        const step *const s = t->step + k;
        MN_TRY(mn_buf_printf(out, "> %s: %s\nuser: %s\n", s->slot, s->text, s->asked));
        if (k < i) MN_TRY(mn_buf_printf(out, "assistant: %s: %s\n", s->slot, s->value));
    }
    return 0;
}

static int tokens_of(const mn_vocab *v, const mn_buf *text) {
    return mn_vocab_encode(v, text->data, text->len, 0, NULL, 0);
}

static int count(task_ *t, const mn_vocab *v, double *base, double *tree) {
    mn_buf text = {0};
    int rc = 0;
    *base = *tree = 0;
    for (int i = 0; i < t->n && rc >= 0; i++) {
        if ((rc = linear(t, i, &text)) >= 0) *base += rc = tokens_of(v, &text);
        if (rc >= 0 && (rc = ours(t, i, &text)) >= 0) *tree += rc = tokens_of(v, &text);
        if (rc >= 0) rc = done(t, i);
    }
    mn_buf_free(&text);
    return rc;
}

static int count_all(const mn_bench_options *o, const mn_vocab *v) {
    mn_bench_row row[SIZES];
    mn_buf even = {0};
    int from = 0;
    for (int s = 0; s < SIZES; s++)
        row[s] = (mn_bench_row){.what = "tokens of prompts",
                                .against = "the whole conversation",
                                .unit = "tokens",
                                .at_most = 1};
    for (int i = 0; i < TASKS; i++) {
        task_ t;
        double base, tree;
        int rc = make(&t, o->seed * 1000 + (uint64_t)i, 5 + i % SIZES * 5);
        if (rc >= 0) rc = count(&t, v, &base, &tree);
        mn_tasks_free(&t.tree);
        MN_TRY(rc);
        mn_bench_round(row + i % SIZES, base, tree);
    }
    row[3].name = "tokens20", row[3].bar = .6;
    row[7].name = "tokens40", row[7].bar = .35;
    if (mn_bench_wants(o, "tokens20")) MN_TRY(mn_bench_row_print(row + 3, o->json));
    if (mn_bench_wants(o, "tokens40")) MN_TRY(mn_bench_row_print(row + 7, o->json));
    if (!mn_bench_wants(o, "even")) return 0;
    for (int s = SIZES; s--;)
        if (mn_bench_median(row[s].ours, row[s].n) < mn_bench_median(row[s].base, row[s].n))
            from = 5 + s * 5;
    MN_TRY(mn_buf_printf(&even, "even      fewer tokens from %d steps on;", from));
    for (int s = 0; s < SIZES; s++)
        MN_TRY(mn_buf_printf(&even, " %d: %.2f", 5 + s * 5,
                             mn_bench_median(row[s].ours, row[s].n) /
                                 mn_bench_median(row[s].base, row[s].n)));
    MN_TRY(mn_buf_puts(&even, "\n"));
    if (!o->json) MN_TRY(mn_cli_write(even.data, even.len));
    mn_buf_free(&even);
    return 0;
}

/* ---- with a model --------------------------------------------------------------------------- */
static int keep(void *user, const char *text, size_t n) {
    return mn_buf_append(user, text, n) < 0;
}

static int ask(mn_model *m, const mn_buf *prompt, int tokens, mn_buf *out, mn_stats *stats) {
    mn_request q = mn_request_default();
    q.prompt = prompt->data;
    q.raw = 1;
    q.temp = 0;
    q.max_tokens = tokens;
    q.context = 8192;
    q.on_text = keep;
    q.user = out;
    mn_buf_clear(out);
    return mn_answer(m, &q, stats);
}

/* Tokens that are computed for all prompts of a task, and how many they have. */
static int prefill(mn_model *m, uint64_t seed, int (*prompt)(task_ *t, int i, mn_buf *out),
                   double *computed, double *all) {
    task_ t;
    mn_buf text = {0}, said = {0};
    mn_stats stats;
    int rc = make(&t, seed, LONGEST);
    *computed = *all = 0;
    for (int i = 0; i < t.n && rc >= 0; i++) {
        rc = prompt(&t, i, &text);
        if (rc >= 0) rc = ask(m, &text, 1, &said, &stats);
        if (rc >= 0) rc = done(&t, i);
        if (rc < 0) break;
        *computed += stats.prompt_tokens - stats.cached_tokens;
        *all += stats.prompt_tokens;
    }
    mn_tasks_free(&t.tree);
    mn_buf_free(&text);
    mn_buf_free(&said);
    return rc;
}

static int prefill_rows(const mn_bench_options *o, mn_model *m) {
    mn_bench_row a = {.name = "prefill",
                      .what = "tokens computed",
                      .against = "those of linear prompts",
                      .unit = "tokens",
                      .bar = .35,
                      .at_most = 1};
    mn_bench_row b = {.name = "kept",
                      .what = "tokens computed",
                      .against = "those computed for linear prompts",
                      .unit = "tokens",
                      .at_most = 1};
    for (int i = 0; i < SAMPLE; i++) {
        double base, all, tree, any;
        MN_TRY(prefill(m, o->seed * 1000 + (uint64_t)i, linear, &base, &all));
        MN_TRY(prefill(m, o->seed * 1000 + (uint64_t)i, ours, &tree, &any));
        mn_bench_round(&a, all, tree);
        mn_bench_round(&b, base, tree);
    }
    MN_TRY(mn_bench_row_print(&a, o->json));
    return mn_bench_row_print(&b, o->json);
}

/* The last step builds on an earlier one, whose value is asked for: 1, it was said. */
static int ask_slot(mn_model *m, uint64_t seed, int tree) {
    task_ t;
    mn_buf text = {0}, said = {0};
    int rc = make(&t, seed, LONGEST), right = 0;
    for (int i = 0; i < t.n - 1 && rc >= 0; i++) rc = done(&t, i);
    if (rc >= 0) {
        const int at = (int)below(&t, t.n - 8), last = t.n - 1;
        rc = mn_task_change(&t.tree, t.step[last].at, NULL, MN_TASK_PENDING, &t.step[at].at, 1);
        if (rc >= 0) rc = tree ? ours(&t, last, &text) : linear(&t, last, &text);
        if (rc >= 0)
            rc = mn_buf_printf(&text, "Question: what came of %s?\nAnswer: %s:", t.step[at].slot,
                               t.step[at].slot);
        if (rc >= 0) rc = ask(m, &text, ANSWER, &said, NULL);
        right = rc >= 0 && said.data && strstr(said.data, t.step[at].value);
    }
    mn_tasks_free(&t.tree);
    mn_buf_free(&text);
    mn_buf_free(&said);
    return rc < 0 ? rc : right;
}

static int slots_row(const mn_bench_options *o, mn_model *m) {
    enum { ASKED = 10 };
    mn_bench_row r = {.name = "slots",
                      .what = "values said",
                      .against = "linear prompts",
                      .unit = "of 10",
                      .bar = 1};
    double right[2] = {0};
    for (int i = 0; i < ASKED; i++)
        for (int tree = 0; tree < 2; tree++) {
            const int one = ask_slot(m, o->seed * 5000 + (uint64_t)i, tree);
            MN_TRY(one);
            right[tree] += one;
        }
    if (right[0] + right[1] == 0)
        return mn_bench_row_skip(&r, "this model said no value, with either prompt", o->json);
    mn_bench_round(&r, right[0], right[1]);
    return mn_bench_row_print(&r, o->json);
}

static int with_model(const mn_bench_options *o) {
    static const char *const rows[] = {"prefill", "slots"};
    mn_model *m = NULL;
    if (!mn_bench_wants(o, "prefill") && !mn_bench_wants(o, "slots")) return 0;
    const mn_model_options how = {.threads = o->threads, .no_pull = 1};
    int rc = mn_model_open(o->model, &how, &m);
    for (int i = 0; rc < 0 && i < 2; i++) {
        const mn_bench_row r = {.name = rows[i], .what = "with a model"};
        MN_TRY(mn_bench_row_skip(&r, mn_error_detail(), o->json));
    }
    if (!m) return 0;
    if (rc >= 0 && mn_bench_wants(o, "prefill")) rc = prefill_rows(o, m);
    if (rc >= 0 && mn_bench_wants(o, "slots")) rc = slots_row(o, m);
    mn_model_close(&m);
    return rc;
}

static int run(const mn_bench_options *o) {
    mn_vocab *v;
    MN_TRY(mn_vocab_open(o->model, NULL, &v));
    const int rc = count_all(o, v);
    mn_vocab_close(&v);
    MN_TRY(rc);
    return with_model(o);
}

const mn_bench mn_bench_tme = {
    .name = "tme", .about = "prompts of a task tree against the whole conversation", .run = run};
