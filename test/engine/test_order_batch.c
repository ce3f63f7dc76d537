/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/test_order_batch.c - the prefix tree, its groups and its walk, against twins that
 * compare every prompt with every other.
 */
#include "until.h"

#include "base/alloc.h"
#include "base/random.h"
#include "engine/order/group.h"

#include <math.h>

enum { MOST = 64, LENGTH = 24 };

typedef struct set {
    mn_order_job job[MOST];
    int32_t ids[MOST][LENGTH];
    int in[MOST]; /* is in the tree */
    mn_order_tree tree;
} set;

/* Prompts that begin alike by chance, at all levels; some are the same, some lie in others. */
static void draw(set *s, int i, mn_random *r, int letters) {
    s->job[i] = (mn_order_job){.id = (uint64_t)i + 1, .ids = s->ids[i]};
    s->job[i].n = 1 + (int32_t)(mn_random_u64(r) % LENGTH);
    s->job[i].cap = (int32_t)(mn_random_u64(r) % 50);
    for (int k = 0; k < LENGTH; k++) {
        if (k % 4 == 0)
            s->ids[i][k] = (int32_t)(mn_random_u64(r) % (uint64_t)letters);
        else
            s->ids[i][k] = s->ids[i][k - 1];
    }
}

static int alike(const mn_order_job *a, const mn_order_job *b) {
    int n = 0;
    while (n < a->n && n < b->n && a->ids[n] == b->ids[n]) n++;
    return n;
}

static int begins(const mn_order_job *j, const mn_order_job *of, int depth) {
    return j->n >= depth && alike(j, of) >= depth;
}

/* Is there a node for the first `depth` tokens of `of`? Where a prompt ends, or two part. */
static int is_node(const set *s, const mn_order_job *of, int depth) {
    for (int i = 0; i < MOST; i++) {
        if (!s->in[i] || !begins(&s->job[i], of, depth)) continue;
        if (s->job[i].n == depth) return 1;
        for (int k = 0; k < i; k++)
            if (s->in[k] && alike(&s->job[i], &s->job[k]) == depth) return 1;
    }
    return 0;
}

static int members(const set *s, const mn_order_job *of, int depth) {
    int n = 0;
    for (int i = 0; i < MOST; i++) n += s->in[i] && begins(&s->job[i], of, depth);
    return n;
}

/* The tree says of every prefix what comparing all prompts says. */
static void check_tree(const set *s) {
    size_t nodes = 0;
    for (int i = 0; i < MOST; i++) {
        if (!s->in[i]) continue;
        const mn_order_node *n = s->job[i].place;
        assert_int_equal(n->depth, s->job[i].n);
        for (int d = s->job[i].n; d > 0; d--) {
            int first = 1; /* each prefix is counted with the first prompt that has it */
            for (int k = 0; k < i; k++) first &= !s->in[k] || !begins(&s->job[k], &s->job[i], d);
            if (!is_node(s, &s->job[i], d)) continue;
            nodes += first;
            assert_int_equal(n->depth, d);
            assert_true(alike(n->job, &s->job[i]) >= d);
            assert_int_equal(s->in[n->job - s->job], 1); /* nothing is read from who has left */
            n = n->parent;
        }
        assert_ptr_equal(n, s->tree.root);
    }
    assert_int_equal(s->tree.nodes, nodes);
}

static void the_tree_is_what_comparing_all_prompts_says(void **unused) {
    set *s = mn_calloc(1, sizeof *s);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        mn_random r;
        mn_random_seed(&r, seed);
        memset(s, 0, sizeof *s);
        assert_ok(mn_order_tree_open(&s->tree));
        for (int change = 0; change < 150; change++) {
            const int i = (int)(mn_random_u64(&r) % MOST);
            if (s->in[i])
                mn_order_tree_remove(&s->tree, &s->job[i]);
            else {
                draw(s, i, &r, 1 + (int)(seed % 4));
                assert_ok(mn_order_tree_insert(&s->tree, &s->job[i]));
            }
            s->in[i] = !s->in[i];
            if (change % 10 == 0) check_tree(s);
        }
        for (int i = 0; i < MOST; i++)
            if (s->in[i]) mn_order_tree_remove(&s->tree, &s->job[i]);
        assert_int_equal(s->tree.nodes, 0);
        assert_null(s->tree.root->child);
        mn_order_tree_close(&s->tree);
    }
    mn_free(s);
}

/* What grouping saves below the first `depth` tokens of `of`, by definition and without a tree. */
static int64_t twin_saved(const set *s, const mn_order_job *of, int depth) {
    int64_t apart = 0, together = -depth;
    int seen[MOST] = {0};
    for (int i = 0; i < MOST; i++) {
        if (!s->in[i] || seen[i] || !begins(&s->job[i], of, depth)) continue;
        if (s->job[i].n == depth) {
            together += depth;
            continue;
        }
        int d = depth + 1; /* the child that i lies in */
        while (!is_node(s, &s->job[i], d)) d++;
        for (int k = 0; k < MOST; k++) seen[k] |= s->in[k] && begins(&s->job[k], &s->job[i], d);
        const int64_t below = twin_saved(s, &s->job[i], d);
        const int64_t folded = (int64_t)members(s, &s->job[i], d) * depth;
        apart += below;
        together += folded > below ? folded : below;
    }
    return together > apart ? together : apart;
}

/* The best of all choices of groups: a node that is one has all prompts below it but those in
 * children with groups of their own. */
static int64_t best_choice(const set *s) {
    mn_order_node *node[16];
    int n = 0;
    for (mn_order_node *x = s->tree.root->child ? mn_order_tree_down(&s->tree, s->tree.root) : NULL;
         x; x = mn_order_tree_down(&s->tree, x)) {
        assert_true(n < 16);
        node[n++] = x;
    }
    int64_t best = 0;
    for (int choice = 0; choice < 1 << n; choice++) {
        int64_t saved = 0;
        for (int v = 0; v < n; v++) {
            if (!(choice >> v & 1)) continue;
            int64_t has = 0;
            for (const mn_order_job *j = node[v]->ends; j; j = j->right) has++;
            for (const mn_order_node *c = node[v]->child; c; c = c->after) {
                int apart = 0;
                for (int w = 0; w < n; w++)
                    for (const mn_order_node *x = node[w]; x; x = x->parent)
                        apart |= x == c && (choice >> w & 1);
                if (!apart) has += members(s, c->job, c->depth);
            }
            saved += (has - 1) * node[v]->depth;
        }
        if (saved > best) best = saved;
    }
    return best;
}

static void fill(set *s, uint64_t seed, int n, int letters) {
    mn_random r;
    mn_random_seed(&r, seed);
    memset(s, 0, sizeof *s);
    assert_ok(mn_order_tree_open(&s->tree));
    for (int i = 0; i < n; i++) {
        draw(s, i, &r, letters);
        assert_ok(mn_order_tree_insert(&s->tree, &s->job[i]));
        s->in[i] = 1;
    }
}

static void groups_save_the_most_that_groups_can(void **unused) {
    set *s = mn_calloc(1, sizeof *s);
    int folded = 0, heads = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        fill(s, seed, 7, 2);
        mn_order_group_find(&s->tree);
        assert_int_equal(s->tree.root->saved, best_choice(s));
        mn_order_tree_close(&s->tree);
    }
    for (uint64_t seed = 1; seed <= 60; seed++) {
        fill(s, seed, MOST, 1 + (int)(seed % 5));
        mn_order_group_find(&s->tree);
        assert_int_equal(s->tree.root->saved, twin_saved(s, &s->job[0], 0));
        /* What a group saves, added up over the groups as they were marked, is that, too. */
        int64_t saved = 0;
        for (mn_order_node *n = mn_order_tree_down(&s->tree, NULL); n;
             n = mn_order_tree_down(&s->tree, n)) {
            for (const mn_order_job *j = n->ends; j; j = j->right) saved += n->shared;
            if (n->group == MN_GROUP_HEAD) saved -= n->depth;
            folded += n->group == MN_GROUP_FOLDED;
            heads += n->group == MN_GROUP_HEAD;
        }
        assert_int_equal(s->tree.root->saved, saved);
        mn_order_tree_close(&s->tree);
    }
    assert_true(folded > 100 && heads > 100);
    mn_free(s);
}

static double answer_of(const mn_order_job *j) {
    return j->cap ? j->cap : MN_GROUP_ANSWER;
}

/* What is to be read and written at and below the first `depth` tokens of `of`, which hang at
 * `above`. */
static void twin_sum(const set *s, const mn_order_job *of, int depth, int above, double *tokens,
                     double *expected) {
    int running = 0;
    *tokens = *expected = 0;
    for (int i = 0; i < MOST; i++) {
        const mn_order_job *j = &s->job[i];
        if (!s->in[i] || !begins(j, of, depth)) continue;
        running |= j->running;
        if (j->running) continue;
        *expected += answer_of(j);
        *tokens += 1;
    }
    for (int i = 0; i < MOST; i++) /* every edge below, once, that nobody who runs has read */
        for (int d = depth + 1; s->in[i] && begins(&s->job[i], of, depth) && d <= s->job[i].n;
             d++) {
            int first = 1, read = 0;
            for (int k = 0; k < MOST; k++) {
                if (!s->in[k] || !begins(&s->job[k], &s->job[i], d)) continue;
                first &= k >= i;
                int e = d; /* the node whose edge this token is on */
                while (!is_node(s, &s->job[i], e)) e++;
                read |= s->job[k].running && begins(&s->job[k], &s->job[i], e);
            }
            *tokens += first && !read;
        }
    if (!running) *tokens += depth - above;
}

static int parent_depth(const set *s, const mn_order_job *j, int depth) {
    do depth--;
    while (depth && !is_node(s, j, depth));
    return depth;
}

/* Prompts that begin alike stand side by side; where they part, who writes more for what he reads
 * goes first, but what runs goes on. */
static void check_walk(const set *s, const mn_order_queue *q, const mn_order_job *from) {
    int all = 0, wait = 0;
    for (int i = 0; i < MOST; i++) wait += s->in[i] && !s->job[i].running;
    for (const mn_order_job *j = q->first; j; j = j->after) all++;
    assert_int_equal(all, wait);
    for (const mn_order_job *j = q->first; j; j = j->after)
        for (int d = 1; d <= j->n; d++) {
            if (!is_node(s, j, d)) continue;
            const mn_order_job *k = j;
            while (k && begins(k, j, d)) k = k->after;
            for (const mn_order_job *l = k; l; l = l->after) assert_false(begins(l, j, d));
            /* k is the first after j's part: another child of the same node, perhaps */
            const int up = parent_depth(s, j, d);
            if (!k || !begins(k, j, up) || k->n == up) continue;
            int e = up + 1;
            while (!is_node(s, k, e)) e++;
            double ta, xa, tb, xb;
            twin_sum(s, j, d, up, &ta, &xa);
            twin_sum(s, k, e, up, &tb, &xb);
            const int on = from && begins(from, j, d), off = from && begins(from, k, e);
            assert_false(off);
            if (!on) assert_true(xa * tb >= xb * ta);
        }
}

static void a_walk_keeps_together_what_begins_alike(void **unused) {
    set *s = mn_calloc(1, sizeof *s);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        mn_random r;
        mn_random_seed(&r, seed * 7);
        fill(s, seed, 40, 1 + (int)(seed % 5));
        const mn_order_job *from = NULL;
        for (int i = 0; i < 40; i++)
            if (mn_random_u64(&r) % 5 == 0 && seed % 3)
                (from = &s->job[i])->running || (s->job[i].running = 1);
        mn_order_queue q;
        mn_order_group_find(&s->tree);
        mn_order_group_walk(&s->tree, from, 0, &q);
        check_walk(s, &q, from);
        mn_order_tree_close(&s->tree);
    }
    mn_free(s);
}

/* 16 groups of 16, shuffled: each group in one piece, and what it shares is known. */
static void shuffled_groups_come_out_in_one_piece(void **unused) {
    enum { GROUPS = 16, EACH = 16, SHARED = 1024, OWN = 64, N = SHARED + OWN };
    mn_order_job *job = mn_calloc(GROUPS * EACH, sizeof *job);
    int32_t *ids = mn_malloc((size_t)GROUPS * EACH * N * sizeof *ids);
    void *state;
    assert_ok(mn_order_batch.open(0, &state));
    for (int i = 0; i < GROUPS * EACH; i++) {
        const int which = i * 73 % (GROUPS * EACH), group = which / EACH;
        int32_t *p = ids + (size_t)i * N;
        for (int k = 0; k < N; k++) p[k] = k < SHARED ? 1 + group * k : 5000 + which + k;
        job[i] = (mn_order_job){.id = (uint64_t)i + 1, .ids = p, .n = N, .cap = 32};
        job[i].user = (void *)(uintptr_t)group;
        assert_ok(mn_order_batch.arrive(state, &job[i]));
    }
    int changes = 0;
    void *last = (void *)-1;
    for (mn_order_job *j; (j = mn_order_batch.next(state));) {
        /* All begin with 1: that one token is not worth a group of its own. */
        assert_int_equal(j->shared, SHARED);
        changes += j->user != last;
        last = j->user;
        mn_order_batch.start(state, j);
        mn_order_batch.account(state, j, N, 32);
        mn_order_batch.done(state, j);
    }
    assert_int_equal(changes, GROUPS);
    mn_order_batch.close(&state);
    mn_free(ids);
    mn_free(job);
}

/* Who arrives while its group runs joins it, before all others. */
static void an_arrival_joins_the_group_that_runs(void **unused) {
    int32_t a[40], b[40], c[40];
    for (int i = 0; i < 40; i++) {
        a[i] = i;
        b[i] = 100 + i;
        c[i] = i < 30 ? i : 200 + i;
    }
    mn_order_job ja = {.id = 1, .ids = a, .n = 40, .cap = 9}, jb = {.id = 2, .ids = b, .n = 40},
                 jc = {.id = 3, .ids = c, .n = 40, .cap = 1};
    void *state;
    jb.cap = 5;
    assert_ok(mn_order_batch.open(0, &state));
    assert_ok(mn_order_batch.arrive(state, &jb));
    assert_ok(mn_order_batch.arrive(state, &ja));
    assert_ptr_equal(mn_order_batch.next(state), &ja); /* writes more for what it reads */
    mn_order_batch.start(state, &ja);
    assert_ok(mn_order_batch.arrive(state, &jc));
    assert_ptr_equal(mn_order_batch.next(state), &jc);
    assert_int_equal(jc.shared, 30);
    mn_order_batch.done(state, &ja);
    mn_order_batch.done(state, &jc); /* cancelled while it waited */
    assert_ptr_equal(mn_order_batch.next(state), &jb);
    mn_order_batch.close(&state);
}

/* Caps say nothing about answers; their mean does: it decides who writes more. */
static void answers_teach_how_long_answers_are(void **unused) {
    enum { N = 12 };
    int32_t ids[N][30];
    mn_order_job job[N];
    void *state;
    assert_ok(mn_order_batch.open(0, &state));
    for (int i = 0; i < N; i++) {
        /* Even ones: long prompts that may get long answers; odd ones: short ones with a cap. */
        job[i] = (mn_order_job){.id = (uint64_t)i + 1, .ids = ids[i], .n = i % 2 ? 10 : 30};
        job[i].cap = i % 2 ? 40 : 4000;
        for (int k = 0; k < 30; k++) ids[i][k] = i * 100 + k;
        assert_ok(mn_order_batch.arrive(state, &job[i]));
    }
    for (int served = 0; served < N; served++) {
        mn_order_job *j = mn_order_batch.next(state);
        assert_int_equal(j->cap, served < 4 || served >= 10 ? 4000 : 40);
        mn_order_batch.start(state, j);
        mn_order_batch.account(state, j, j->n, 20);
        mn_order_batch.done(state, j);
    }
    mn_order_batch.close(&state);
}

/* Eight times the tokens take about eight times as long, whatever their shape: prompts that have
 * nothing in common, all in common, or lie in each other. */
static double seconds_for(int n, int shape) {
    enum { LONG = 64 };
    mn_order_job *job = mn_calloc((size_t)n, sizeof *job);
    int32_t *ids = mn_calloc((size_t)n * LONG + (size_t)n, sizeof *ids);
    void *state;
    for (int i = 0; i < n; i++) {
        int32_t *p = shape == 2 ? ids : ids + (size_t)i * LONG;
        job[i] = (mn_order_job){.id = (uint64_t)i + 1, .ids = p, .n = LONG};
        if (shape == 0) p[0] = i;
        if (shape == 2) job[i].n = 1 + i % 4096;
    }
    const double began = until_computed();
    assert_ok(mn_order_batch.open(0, &state));
    for (int i = 0; i < n; i++) assert_ok(mn_order_batch.arrive(state, &job[i]));
    for (mn_order_job *j; (j = mn_order_batch.next(state));) {
        mn_order_batch.start(state, j);
        mn_order_batch.done(state, j);
    }
    const double took = until_computed() - began;
    mn_order_batch.close(&state);
    mn_free(ids);
    mn_free(job);
    return took;
}

static void time_grows_with_the_tokens(void **unused) {
    for (int shape = 0; shape < 3; shape++) {
        double many = 1e9, few = 1e9;
        for (int i = 0; i < 3; i++) {
            many = fmin(many, seconds_for(32768, shape));
            few = fmin(few, seconds_for(4096, shape));
        }
        const double ratio = many / few;
        if (ratio > 24)
            fail_msg("shape %d: 8 times the jobs took %.1f times as long", shape, ratio);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_is_what_comparing_all_prompts_says),
        cmocka_unit_test(groups_save_the_most_that_groups_can),
        cmocka_unit_test(a_walk_keeps_together_what_begins_alike),
        cmocka_unit_test(shuffled_groups_come_out_in_one_piece),
        cmocka_unit_test(an_arrival_joins_the_group_that_runs),
        cmocka_unit_test(answers_teach_how_long_answers_are),
        cmocka_unit_test(time_grows_with_the_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
