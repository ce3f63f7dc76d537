/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_task.c - the forest of tasks in memory: what may be, what is refused, what a
 * prompt has, and thousands of random changes beside a model that is too simple to be wrong: its
 * dependencies are a matrix, its past a list, and what is allowed it finds by the closure of all.
 */
#include "test.h"

#include "agent/notes.h"
#include "agent/task.h"
#include "base/alloc.h"
#include "base/random.h"

static mn_tasks forest;

static int end(void **state) {
    (void)state;
    mn_tasks_free(&forest);
    return 0;
}

static int add_to(int parent, const char *slot, int n, const int *deps) {
    const mn_task_spec spec = {
        .slot = slot, .text = "", .parent = parent, .deps = deps, .n_deps = n, .beside = -1};
    int at = -1;
    assert_ok(mn_task_add(&forest, &spec, &at));
    forest.node[at].id = at + 1;
    return at;
}
#define ADD(parent, slot, ...)                                                        \
    add_to(parent, slot, (int)(sizeof((int[]){-1, ##__VA_ARGS__}) / sizeof(int)) - 1, \
           (int[]){-1, ##__VA_ARGS__} + 1)

static int build_on(int at, int dep) {
    return mn_task_change(&forest, at, NULL, forest.node[at].status, &dep, 1);
}
static int text(int at, const char *said) {
    return mn_task_change(&forest, at, said, forest.node[at].status, NULL, 0);
}

/* ---- what is refused ------------------------------------------------------------------------ */
static void circles_are_refused_with_their_numbers(void **state) {
    (void)state;
    const int root = ADD(-1, "plan"), a = ADD(root, "a"), b = ADD(root, "b", a),
              c = ADD(root, "c", b);
    assert_fails(build_on(a, c), MN_EINVAL, "#2 cannot build on #4, which builds on it: a circle");
    assert_fails(build_on(a, a), MN_EINVAL, "#2 cannot build on #2: that is itself");
    assert_fails(build_on(a, root), MN_EINVAL, "#2 cannot build on #1: it is a part of it");
    assert_fails(build_on(root, c), MN_EINVAL, "#1 cannot build on #4: that is a part of it");
    assert_int_equal(forest.node[a].n_deps, 0);
    assert_int_equal(forest.node[a].version, 1);
    /* What takes the place of b is what c builds on. */
    const mn_task_spec next = {.slot = "b2", .text = "", .deps = &c, .n_deps = 1, .beside = -1};
    int out;
    assert_fails(mn_task_replace(&forest, b, &next, &out), MN_EINVAL,
                 "which builds on #4: a circle");
    assert_int_equal(forest.n, 4);
    assert_int_equal(forest.node[b].replaced, -1);
    const mn_task_spec self = {.slot = "b2", .text = "", .deps = &b, .n_deps = 1, .beside = -1};
    assert_fails(mn_task_replace(&forest, b, &self, &out), MN_EINVAL, "what replaces #3");
    assert_fails(mn_task_replace(&forest, root, &(mn_task_spec){.slot = "x", .text = ""}, &out),
                 MN_EINVAL, "#1 is the top of its tree");
}

static void what_is_too_deep_is_refused(void **state) {
    (void)state;
    int at = ADD(-1, "top"), out;
    for (int i = 0; i < MN_TASK_DEPTH; i++) at = ADD(at, "deeper");
    const mn_task_spec spec = {.slot = "x", .text = "", .parent = at, .beside = -1};
    assert_fails(mn_task_add(&forest, &spec, &out), MN_ETOOLONG, "#1025 is 1024 tasks below #1");
    assert_int_equal(forest.n, MN_TASK_DEPTH + 1);
    mn_buf prompt = {0};
    assert_ok(mn_task_prompt(&forest, at, NULL, 0, 0, &prompt));
    assert_ok(mn_task_draw(&forest, 0, 0, &prompt));
    assert_ok(mn_task_picture(&forest, 0, &prompt));
    mn_buf_free(&prompt);
}

static void names_are_one_line(void **state) {
    (void)state;
    char long_[MN_TASK_SLOT + 2];
    memset(long_, 'x', sizeof long_);
    long_[MN_TASK_SLOT + 1] = 0;
    const char *const bad[] = {"", "a\nb", "a\rb", long_};
    int out;
    for (size_t i = 0; i < 4; i++) {
        const mn_task_spec spec = {.slot = bad[i], .text = "", .parent = -1, .beside = -1};
        assert_fails(mn_task_add(&forest, &spec, &out), MN_EINVAL, "one line of 1 to 200 bytes");
    }
    assert_int_equal(forest.n, 0);
}

static void other_trees_are_left_out(void **state) {
    (void)state;
    const int one = ADD(-1, "one"), a = ADD(one, "a"), two = ADD(-1, "two");
    const int b = ADD(two, "b", a);
    assert_int_equal(forest.node[b].n_deps, 0);
    assert_int_equal(forest.n_drop, 1);
    assert_int_equal(forest.drop[0], a);
}

static void what_goes_beside_does_not_build_on_it(void **state) {
    (void)state;
    const int root = ADD(-1, "plan"), a = ADD(root, "a"), m = ADD(root, "m", a);
    mn_task_spec spec = {
        .slot = "b", .text = "", .parent = root, .deps = &m, .n_deps = 1, .beside = a};
    int b, out;
    assert_fails(mn_task_add(&forest, &spec, &b), MN_EINVAL, "goes beside #2");
    spec.n_deps = 0;
    assert_ok(mn_task_add(&forest, &spec, &b));
    forest.node[b].id = 4;
    assert_fails(build_on(b, m), MN_EINVAL, "#4 goes beside #2");
    assert_fails(build_on(a, b), MN_EINVAL, "#2 goes beside #4");
    assert_fails(mn_task_replace(&forest, m,
                                 &(mn_task_spec){.slot = "m2", .text = "", .deps = &b, .n_deps = 0},
                                 &out),
                 0, "");
    spec.parent = -1;
    assert_fails(mn_task_add(&forest, &spec, &out), MN_EINVAL, "nothing goes beside it");
}

/* ---- past ----------------------------------------------------------------------------------- */
static void rollbacks_go_back_step_by_step(void **state) {
    (void)state;
    const int root = ADD(-1, "plan"), a = ADD(root, "a"), b = ADD(root, "b", a);
    assert_ok(text(a, "one"));
    assert_ok(text(a, "two"));
    assert_ok(mn_task_change(&forest, a, "three", MN_TASK_DONE, NULL, 0));
    assert_true(forest.node[b].flagged);
    assert_ok(mn_task_change(&forest, b, NULL, MN_TASK_DONE, NULL, 0));
    assert_false(forest.node[b].flagged);
    assert_ok(mn_task_rollback(&forest, a));
    assert_string_equal(forest.node[a].text, "two");
    assert_int_equal(forest.node[a].status, MN_TASK_PENDING);
    assert_true(forest.node[b].flagged);
    assert_ok(mn_task_rollback(&forest, a));
    assert_string_equal(forest.node[a].text, "one");
    assert_ok(text(a, "four")); /* and from there on */
    assert_ok(mn_task_rollback(&forest, a));
    assert_string_equal(forest.node[a].text, "one");
    assert_ok(mn_task_rollback(&forest, a));
    assert_string_equal(forest.node[a].text, "");
    assert_fails(mn_task_rollback(&forest, a), MN_ENOENT, "#2 has been nothing else before");
    assert_int_equal(forest.node[a].version, 9);
    assert_int_equal(forest.node[a].n_past, 8); /* nothing was removed */
}

static void replaced_ones_stay_and_are_no_more_changed(void **state) {
    (void)state;
    const int root = ADD(-1, "plan"), a = ADD(root, "a"), b = ADD(root, "b", a),
              c = ADD(root, "c", b);
    int d;
    assert_ok(mn_task_replace(&forest, a, &(mn_task_spec){.slot = "d", .text = "new"}, &d));
    forest.node[d].id = 5;
    assert_int_equal(forest.node[b].deps[0], d);
    assert_true(forest.node[b].flagged);
    assert_false(forest.node[c].flagged);
    assert_int_equal(mn_task_current(&forest, a), d);
    assert_fails(text(a, "x"), MN_EINVAL, "#2 was replaced by #5: change that");
    assert_fails(mn_task_rollback(&forest, a), MN_EINVAL, "replaced");
    const int e = ADD(root, "e", a); /* of what took its place */
    assert_int_equal(forest.node[e].deps[0], d);
}

/* ---- prompts -------------------------------------------------------------------------------- */
static void a_prompt_has_what_matters_once(void **state) {
    (void)state;
    const int root = ADD(-1, "plan"), a = ADD(root, "a"), b = ADD(root, "b", a),
              c = ADD(root, "c", a), d = ADD(root, "d", b, c), e = ADD(d, "e", b);
    const mn_task_said said[] = {{"user", "first\n# not a heading"}, {"ann", "second"}};
    mn_buf out = {0};
    assert_ok(text(a, "1"));
    ADD(root, "other");
    assert_ok(mn_task_prompt(&forest, d, said, 2, 0, &out));
    assert_string_equal(out.data, "Task: plan\n> d (pending)\nIt builds on:\n"
                                  "- b (pending, what it builds on has changed)\n- a (pending): 1\n"
                                  "- c (pending, what it builds on has changed)\nSaid about it:\n"
                                  "user: first\n    # not a heading\nann: second\n");
    mn_buf_clear(&out);
    assert_ok(mn_task_prompt(&forest, e, NULL, 0, 0, &out));
    assert_non_null(strstr(out.data, "Task: plan\n> d\n> e (pending)\nIt builds on:\n- b"));
    assert_null(strstr(out.data, "- c"));
    mn_buf_clear(&out);
    assert_ok(mn_task_prompt(&forest, d, said, 2, 35, &out));
    assert_non_null(strstr(out.data, "more that it builds on had no room"));
    mn_buf_free(&out);
}

static void texts_of_strangers_do_not_draw(void **state) {
    (void)state;
    const int root = ADD(-1, "<b>&\x1b[31m");
    mn_buf out = {0};
    assert_ok(text(root, "\x1b]0;x\x07 \xc2\x9b \xff</svg>\nsecond line"));
    assert_ok(mn_task_draw(&forest, root, 0, &out));
    assert_null(strchr(out.data, '\x1b'));
    assert_null(strstr(out.data, "\xc2\x9b"));
    assert_null(strstr(out.data, "second"));
    mn_buf_clear(&out);
    assert_ok(mn_task_picture(&forest, root, &out));
    assert_null(strchr(out.data, '\x1b'));
    assert_null(strchr(out.data, '\xff'));
    assert_null(strstr(out.data, "<b>"));
    assert_ptr_equal(strstr(out.data, "</svg>"), out.data + out.len - strlen("</svg>\n"));
    mn_buf_free(&out);
}

/* ---- beside a simple model ------------------------------------------------------------------ */
enum { MOST = 24, STEPS = 80, RUNS = 400 };
typedef struct simple {
    int n, parent[MOST], root[MOST], dep[MOST][MOST], flag[MOST], gone[MOST], in_place[MOST];
    int now[MOST][2], was[MOST][STEPS][2], depth[MOST]; /* text and status; a stack of them */
} simple;
static simple s;

static int above(int a, int b) {
    for (; b >= 0; b = s.parent[b])
        if (b == a) return 1;
    return 0;
}
static int reaches(int from, int to) {
    int r[MOST][MOST];
    memcpy(r, s.dep, sizeof r);
    for (int k = 0; k < s.n; k++)
        for (int i = 0; i < s.n; i++)
            for (int j = 0; j < s.n; j++) r[i][j] |= r[i][k] && r[k][j];
    return r[from][to] || from == to;
}
static int last_of(int i) {
    while (s.gone[i]) i = s.in_place[i];
    return i;
}
static void flag_those_on(int at) {
    for (int i = 0; i < s.n; i++) s.flag[i] |= s.dep[i][at] && !s.gone[i];
}
static int fresh(int parent) {
    const int at = s.n++;
    s.parent[at] = parent;
    s.root[at] = parent < 0 ? at : s.root[parent];
    return at;
}
static void become(int at, int text_, int status) {
    if (s.now[at][0] != text_) flag_those_on(at);
    s.now[at][0] = text_;
    s.now[at][1] = status;
}

static void both_add(int parent, int dep) {
    const mn_task_spec spec = {
        .slot = "t", .text = "0", .parent = parent, .deps = &dep, .n_deps = dep >= 0, .beside = -1};
    int at;
    const int real = dep < 0 ? -1 : last_of(dep);
    const int bad =
        real >= 0 && parent >= 0 && s.root[real] == s.root[parent] && above(real, parent);
    const int rc = mn_task_add(&forest, &spec, &at);
    assert_int_equal(rc, bad ? MN_EINVAL : 0);
    if (bad) return;
    const int mine = fresh(parent);
    assert_int_equal(at, mine);
    if (real >= 0 && parent >= 0 && s.root[real] == s.root[parent]) s.dep[mine][real] = 1;
}
static void both_build_on(int at, int dep) {
    const int real = last_of(dep);
    int want = s.gone[at] ? MN_EINVAL : 0, counts = s.root[real] == s.root[at] && !s.dep[at][real];
    if (!want && counts && (above(real, at) || above(at, real) || reaches(real, at)))
        want = MN_EINVAL;
    assert_int_equal(build_on(at, dep), want);
    if (!want && counts) s.dep[at][real] = 1;
}
static void both_change(int at, int text_, int status) {
    char said[12];
    snprintf(said, sizeof said, "%d", text_);
    const int rc = mn_task_change(&forest, at, said, (mn_task_status)status, NULL, 0);
    assert_int_equal(rc, s.gone[at] ? MN_EINVAL : 0);
    if (rc) return;
    if (s.now[at][0] != text_ || s.now[at][1] != status) {
        memcpy(s.was[at][s.depth[at]++], s.now[at], sizeof s.now[at]);
        become(at, text_, status);
    }
    if (status == MN_TASK_DONE) s.flag[at] = 0;
}
static void both_rollback(int at) {
    const int rc = mn_task_rollback(&forest, at);
    assert_int_equal(rc, s.gone[at] ? MN_EINVAL : s.depth[at] ? 0 : MN_ENOENT);
    if (rc) return;
    s.depth[at]--;
    become(at, s.was[at][s.depth[at]][0], s.was[at][s.depth[at]][1]);
}
static void both_replace(int at, int dep) {
    const mn_task_spec spec = {.slot = "r", .text = "0", .deps = &dep, .n_deps = 1, .beside = -1};
    const int real = last_of(dep);
    int out, want = s.gone[at] || s.parent[at] < 0 || real == at ? MN_EINVAL : 0;
    const int counts = !want && s.root[real] == s.root[at];
    if (counts && above(real, s.parent[at])) want = MN_EINVAL;
    for (int i = 0; counts && i < s.n; i++)
        if (s.dep[i][at] && reaches(real, i)) want = MN_EINVAL;
    assert_int_equal(mn_task_replace(&forest, at, &spec, &out), want);
    if (want) return;
    const int mine = fresh(s.parent[at]);
    assert_int_equal(out, mine);
    if (counts) s.dep[mine][real] = 1;
    s.gone[at] = 1;
    s.in_place[at] = mine;
    for (int i = 0; i < mine; i++)
        if (s.dep[i][at]) s.dep[i][at] = 0, s.dep[i][mine] = 1, s.flag[i] |= !s.gone[i];
}

static void compare(void) {
    assert_int_equal(forest.n, s.n);
    for (int i = 0; i < s.n; i++) {
        const mn_task *const one = forest.node + i;
        int n = 0;
        assert_int_equal(atoi(one->text), s.now[i][0]);
        assert_int_equal(one->status, s.now[i][1]);
        assert_int_equal(one->flagged, s.flag[i]);
        assert_int_equal(one->root, s.root[i]);
        assert_int_equal(one->replaced, s.gone[i] ? s.in_place[i] : -1);
        for (int j = 0; j < s.n; j++) n += s.dep[i][j];
        assert_int_equal(one->n_deps, n);
        for (int d = 0; d < one->n_deps; d++) assert_true(s.dep[i][one->deps[d]]);
    }
}

static void random_changes_are_those_of_a_simple_model(void **state) {
    (void)state;
    int kinds[6] = {0};
    for (int seed = 1; seed <= RUNS; seed++) {
        mn_random r;
        mn_random_seed(&r, (uint64_t)seed);
        memset(&s, 0, sizeof s);
        both_add(-1, -1);
        for (int step = 0; step < STEPS; step++) {
            const int a = (int)(mn_random_u64(&r) % (uint64_t)s.n),
                      b = (int)(mn_random_u64(&r) % (uint64_t)s.n);
            const int kind = (int)(mn_random_u64(&r) % 6);
            kinds[kind]++;
            if (kind == 0 && s.n < MOST) both_add(mn_random_u64(&r) % 8 ? a : -1, b);
            if (kind == 1 || kind == 2) both_build_on(a, b);
            if (kind == 3)
                both_change(a, (int)(mn_random_u64(&r) % 5), (int)(mn_random_u64(&r) % 3));
            if (kind == 4) both_rollback(a);
            if (kind == 5 && s.n < MOST) both_replace(a, b);
            compare();
        }
        for (int i = 0; i < forest.n; i++) forest.node[i].id = i + 1;
        assert_ok(mn_tasks_link(&forest)); /* and would be read again as it is */
        compare();
        mn_tasks_free(&forest);
    }
    for (int k = 0; k < 6; k++) assert_true(kinds[k] > 1000);
}

static void nothing_changes_when_memory_ends(void **state) {
    (void)state;
    const int root = ADD(-1, "plan"), a = ADD(root, "a");
    for (long n = 1;; n++) {
        const int before = forest.n;
        int rc = 0;
        mn_alloc_fail_after(n);
        for (int i = 0; i < 40 && rc >= 0; i++) {
            const mn_task_spec spec = {
                .slot = "many", .text = "t", .parent = root, .deps = &a, .n_deps = 1, .beside = -1};
            int at = 0;
            rc = mn_task_add(&forest, &spec, &at);
            if (rc >= 0) rc = mn_task_change(&forest, at, "u", MN_TASK_DONE, NULL, 0);
        }
        mn_alloc_fail_after(0);
        assert_true(rc >= 0 || rc == MN_ENOMEM);
        assert_ok(mn_tasks_link(&forest));
        if (rc >= 0) break;
        assert_true(forest.n - before <= 40);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(circles_are_refused_with_their_numbers, end),
        cmocka_unit_test_teardown(what_is_too_deep_is_refused, end),
        cmocka_unit_test_teardown(names_are_one_line, end),
        cmocka_unit_test_teardown(other_trees_are_left_out, end),
        cmocka_unit_test_teardown(what_goes_beside_does_not_build_on_it, end),
        cmocka_unit_test_teardown(rollbacks_go_back_step_by_step, end),
        cmocka_unit_test_teardown(replaced_ones_stay_and_are_no_more_changed, end),
        cmocka_unit_test_teardown(a_prompt_has_what_matters_once, end),
        cmocka_unit_test_teardown(texts_of_strangers_do_not_draw, end),
        cmocka_unit_test_teardown(random_changes_are_those_of_a_simple_model, end),
        cmocka_unit_test_teardown(nothing_changes_when_memory_ends, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
