/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_share.c - sequences of several processes over one region: what one wrote the others
 * find by its tokens, from the longest prefix down to one token, alive or dead, and nothing else.
 *
 * Two handles on one region stand for two processes; where one must die, it is forked.
 */
#include "share_bed.h"

static void finds_any_length(void **state) {
    (void)state;
    static const int lengths[] = {1, 15, 63, 64, 65, 100, 127, 128, 129, 511, 512, 513, 700};
    mn_seq *s = fresh(a);
    grow(s, 1, 700, 70);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int open = 1; open >= 0; open--) {
            mn_seq *t = fresh(i % 2 ? a : b);
            assert_int_equal(match(t, 1, lengths[i], 2, open ? 40 : 0), lengths[i]);
            expect(t, 1, 0, lengths[i]);
            grow(t, 3, 5, 5);
            expect(t, 1, 0, lengths[i]);
            expect(t, 3, lengths[i], lengths[i] + 5);
            mn_seq_close(&t);
        }
    mn_seq *t = fresh(b);
    assert_int_equal(match(t, 5, 300, 5, 0), 0);
    mn_seq_close(&t);
    mn_seq_close(&s);
    t = fresh(b);
    assert_int_equal(match(t, 1, 1000, 1, 0), 700); /* sealed now */
    expect(t, 1, 0, 700);
    mn_seq_close(&t);
}

/* What is going to be computed is said before pages are asked for, and the order of slots says who
 * goes first, whoever said it sooner. */
static void says_before_it_takes(void **state) {
    (void)state;
    enum { N = 1000 };
    int32_t ids[N];
    for (int i = 0; i < N; i++) ids[i] = token(1, i);
    mn_seq *first = fresh(a), *second = fresh(b), *third = fresh(b);
    assert_int_equal(mn_seq_announce(first, ids, N), 1);
    assert_in_range(mn_region_charged(a), 1, 64 << 10);
    assert_int_equal(match(third, 1, N, 1, 0), 0);
    assert_int_equal(mn_seq_announce(second, ids, N), 1);
    assert_int_equal(mn_seq_rival(second, ids, N), N);
    assert_ok(mn_seq_room(second, ids, N)); /* it had looked too early, and took its pages */
    assert_int_equal(mn_seq_rival(second, ids, N), N);
    assert_int_equal(mn_seq_rival(first, ids, N), 0);
    mn_seq_yield(second);
    grow(first, 1, N, 300);
    assert_int_equal(match(third, 1, N, 1, 0), N);
    mn_seq_close(&first);
    mn_seq_close(&second);
    mn_seq_close(&third);
    mn_kv_share quiet = share_of(a);
    quiet.quiet = 1;
    assert_ok(mn_seq_open(&layout, &quiet, CONTEXT, &first));
    assert_int_equal(mn_seq_announce(first, ids, N), 0);
    mn_seq_close(&first);
}

/* A question behind a document, a question behind that: paths of several extents. */
static void goes_on(void **state) {
    (void)state;
    mn_seq *s = fresh(a);
    grow(s, 1, 1000, 256);
    mn_seq_close(&s);
    int at = 1000, coming;
    for (int i = 2; i < 8; i++) { /* each goes on where the last one stopped */
        s = fresh(i % 2 ? a : b);
        int32_t ids[CONTEXT];
        for (int p = 0; p < at + 10; p++) ids[p] = token(p < 1000 ? 1 : 2 + (p - 1000) / 37, p);
        assert_int_equal(mn_seq_match(s, ids, at + 10, &coming), at);
        for (int k = 0; k < 37; k++) grow(s, i, 1, 1);
        expect(s, 1, 0, 1000);
        for (int k = 2; k <= i; k++) expect(s, k, 1000 + 37 * (k - 2), 1000 + 37 * (k - 1));
        mn_seq_close(&s);
        at += 37;
    }
    s = fresh(a); /* and somewhere in the middle of it all */
    int32_t ids[CONTEXT];
    for (int p = 0; p < 1100; p++) ids[p] = token(p < 1000 ? 1 : 2 + (p - 1000) / 37, p);
    assert_int_equal(mn_seq_match(s, ids, 1100, &coming), 1100);
    assert_int_equal(mn_seq_spans(s), 4);
    mn_seq_close(&s);
}

static void follows_live(void **state) {
    (void)state;
    mn_seq *s = fresh(a), *t, *u;
    grow(s, 1, 256, 256);
    t = fresh(b);
    assert_int_equal(match(t, 1, 800, 1, 0), 256);
    grow(s, 1, 256, 256); /* the writer goes on, and so does its reader */
    grow(t, 2, 200, 100);
    expect(s, 1, 0, 512);
    expect(t, 1, 0, 256);
    expect(t, 2, 256, 456);
    u = fresh(a);
    assert_int_equal(match(u, 1, 600, 1, 0), 512);
    mn_seq_close(&s);
    mn_seq_close(&t);
    expect(u, 1, 0, 512);
    mn_seq_close(&u);
}

/* A name is enough: who attaches it has the tokens too, also while they grow. */
static void attaches_by_name(void **state) {
    (void)state;
    mn_seq *s = fresh(a), *t = fresh(b), *u = fresh(b);
    assert_int_equal(mn_seq_name(s), 0);
    grow(s, 1, 300, 100);
    mn_seq_close(&s);
    s = fresh(a);
    assert_int_equal(match(s, 1, 300, 2, 1), 300);
    grow(s, 2, 200, 100);
    const mn_ref name = mn_seq_name(s);
    assert_int_not_equal(name, 0);
    assert_ok(mn_seq_attach(t, name, 450)); /* from the middle on it goes its own way */
    expect(t, 1, 0, 300);
    expect(t, 2, 300, 450);
    int32_t ids[500];
    mn_seq_tokens(t, 0, 450, ids);
    for (int i = 0; i < 450; i++) assert_int_equal(ids[i], token(i < 300 ? 1 : 2, i));
    assert_int_equal(mn_seq_follow(t), 50);
    assert_int_equal(mn_seq_follow(t), 0);
    assert_int_equal(mn_seq_growing(t), 1);
    grow(s, 2, 70, 70);
    assert_int_equal(mn_seq_follow(t), 70);
    expect(t, 2, 300, 570);
    mn_seq_seal(s);
    assert_int_equal(mn_seq_growing(t), 0);
    assert_int_equal(mn_seq_follow(t), 0);
    expect(s, 2, 300, 570);
    grow(s, 2, 10, 10); /* behind it: an extent of its own */
    assert_int_equal(mn_seq_spans(s), 3);
    expect(s, 2, 300, 580);
    grow(t, 3, 64, 64); /* its chain is right: others find it by its tokens */
    mn_seq_tokens(t, 0, 500, ids);
    const mn_ref longer = mn_seq_name(t);
    assert_ok(mn_seq_attach(u, longer, 634));
    expect(u, 3, 570, 634);
    assert_fails(mn_seq_attach(u, longer, 634), MN_EINVAL, "empty");
    mn_seq_close(&u);
    u = fresh(b);
    static const mn_ref bad[] = {0, 1, UINT64_MAX, 0x12345678900001};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(mn_seq_attach(u, bad[i], 10), MN_ENOENT, "not in the region");
    assert_fails(mn_seq_attach(u, longer, 635), MN_ENOENT, "not in the region");
    assert_fails(mn_seq_attach(u, longer, -1), MN_ENOENT, "not in the region");
    mn_seq_close(&s), mn_seq_close(&t), mn_seq_close(&u);
    mn_kv_share other = share_of(b);
    other.seed.byte[31] = 1; /* another model */
    assert_ok(mn_seq_open(&layout, &other, CONTEXT, &u));
    assert_fails(mn_seq_attach(u, longer, 634), MN_ENOENT, "another model");
    mn_seq_close(&u);
}

/* What somebody is computing now can be waited for. */
static void comes(void **state) {
    (void)state;
    int32_t ids[900];
    int coming;
    for (int i = 0; i < 900; i++) ids[i] = token(1, i);
    mn_seq *s = fresh(a), *t = fresh(b);
    assert_ok(mn_seq_room(s, ids, 800));
    assert_int_equal(mn_seq_match(t, ids, 900, &coming), 0);
    assert_int_equal(coming, 800);
    mn_seq_commit(s, 300);
    assert_int_equal(mn_seq_match(t, ids, 900, &coming), 300);
    assert_int_equal(coming, 800);
    mn_seq_close(&s);
    assert_ok(mn_seq_trim(t, 0));
    assert_int_equal(mn_seq_match(t, ids, 900, &coming), 300); /* it gave up */
    assert_int_equal(coming, 300);
    mn_seq_close(&t);
}

/* Rows that were seen are never written again: who goes back goes elsewhere. */
static void trims_elsewhere(void **state) {
    (void)state;
    mn_seq *s = fresh(a), *t = fresh(b);
    grow(s, 1, 500, 100);
    assert_int_equal(match(t, 1, 500, 1, 0), 500);
    assert_ok(mn_seq_trim(s, 300));
    grow(s, 2, 300, 50);
    expect(s, 1, 0, 300);
    expect(s, 2, 300, 600);
    expect(t, 1, 0, 500);
    assert_ok(mn_seq_trim(s, 0));
    grow(s, 3, 100, 10);
    expect(s, 3, 0, 100);
    mn_seq_close(&t);
    t = fresh(b);
    assert_int_equal(match(t, 1, 300, 2, 300), 600); /* both pasts are there */
    mn_seq_close(&t);
    t = fresh(b);
    assert_int_equal(match(t, 1, 600, 1, 0), 500);
    mn_seq_close(&t);
    mn_seq_close(&s);
}

static void keeps_apart(void **state) {
    (void)state;
    mn_seq *s = fresh(a), *t;
    grow(s, 1, 200, 200);
    mn_kv_share other = share_of(b);
    other.seed.byte[31] = 1; /* another model, or another tenant */
    assert_ok(mn_seq_open(&layout, &other, CONTEXT, &t));
    assert_int_equal(match(t, 1, 200, 1, 0), 0);
    mn_seq_close(&t);
    mn_kv_layout wide = layout;
    wide.d = 64;
    const mn_kv_share same = share_of(b);
    assert_ok(mn_seq_open(&wide, &same, CONTEXT, &t));
    assert_int_equal(match(t, 1, 200, 1, 0), 0);
    mn_seq_close(&t);
    mn_kv_share quiet = share_of(b);
    quiet.quiet = 1;
    assert_ok(mn_seq_open(&layout, &quiet, CONTEXT, &t));
    assert_int_equal(match(t, 1, 200, 4, 9), 200);
    grow(t, 4, 300, 100);
    expect(t, 1, 0, 200);
    expect(t, 4, 200, 500);
    mn_seq *u = fresh(a);
    assert_int_equal(match(u, 1, 200, 4, 300), 200); /* nothing of it was left */
    mn_seq_close(&u);
    mn_seq_close(&t);
    mn_seq_close(&s);
}

/* Window layers: what a question behind the end of a document needs is there. */
static void windows_stay(void **state) {
    (void)state;
    layout.window = sliding;
    mn_seq *s = fresh(a), *t;
    grow(s, 1, 5 * BLOCK, 256);
    t = fresh(b);
    assert_int_equal(match(t, 1, 5 * BLOCK - 20, 2, 40), 5 * BLOCK - 20);
    expect(t, 1, 0, 5 * BLOCK - 20);
    grow(s, 1, 3 * BLOCK, 256); /* a reader holds the window: nothing of it goes */
    expect(t, 1, 0, 5 * BLOCK - 20);
    mn_seq_close(&t);
    grow(s, 1, 256, 256);
    t = fresh(b);
    assert_int_equal(match(t, 1, 5 * BLOCK - 20, 2, 40), 0); /* now it has */
    mn_seq_close(&t);
    t = fresh(b);
    assert_int_equal(match(t, 1, 8 * BLOCK, 2, 40), 8 * BLOCK);
    expect(t, 1, 0, 8 * BLOCK);
    mn_seq_close(&t);
    mn_seq_close(&s);
}

/* A writer says that rows go before it looks who is there, and may die in between: who was there
 * goes on as before, who comes then takes it at its word. */
static void windows_said_to_go(void **state) {
    (void)state;
    layout.window = sliding;
    mn_seq *s = fresh(a), *t = fresh(b), *u = fresh(b), *v;
    grow(s, 1, 2 * BLOCK, 256);
    assert_int_equal(match(t, 1, 2 * BLOCK, 2, 40), 2 * BLOCK);
    int32_t ids[2 * BLOCK];
    for (int i = 0; i < 2 * BLOCK; i++) ids[i] = token(1, i);
    mn_kv_prefix p;
    const mn_kv_share share = share_of(b);
    mn_kv_prefix_find(&layout, &share, 0, ids, 2 * BLOCK, &p);
    assert_int_equal(p.length, 2 * BLOCK);
    mn_word_store(&p.span[0].e->head->gone[1], 2 * BLOCK);
    mn_kv_prefix_release(&p);
    assert_ok(mn_seq_fork(t, 2 * BLOCK - 10, &v));
    expect(v, 1, 0, 2 * BLOCK - 10);
    assert_ok(mn_seq_trim(t, 2 * BLOCK - 20));
    expect(t, 1, 0, 2 * BLOCK - 20);
    assert_int_equal(match(u, 1, 2 * BLOCK, 2, 40), 0);
    mn_seq_close(&s), mn_seq_close(&t), mn_seq_close(&u), mn_seq_close(&v);
}

static void no_room_is_no_failure(void **state) {
    (void)state;
    mn_region *r;
    char small[128];
    snprintf(small, sizeof small, "%s/small", folder);
    assert_ok(mn_region_open(small, 1 << 20, -1, &r));
    mn_seq *s = fresh(r), *t;
    grow(s, 1, 4000, 256); /* 768 bytes a row: 3 MB */
    expect(s, 1, 0, 4000);
    assert_true(mn_region_charged(r) <= 1 << 20);
    t = fresh(r);
    const int found = match(t, 1, 4000, 1, 0); /* what was written while there was room */
    assert_in_range(found, 256, 1400);
    expect(t, 1, 0, found);
    grow(t, 2, 1000, 100);
    expect(t, 2, found, found + 1000);
    mn_seq_close(&t);
    mn_seq_close(&s);
    s = fresh(r); /* another text takes the place of the old one */
    grow(s, 5, 1000, 100);
    mn_seq_close(&s);
    s = fresh(r);
    assert_int_equal(match(s, 5, 1000, 5, 0), 1000);
    mn_seq_close(&s);
    mn_region_close(&r);
}

static void outlives_its_writer(void **state) {
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (!child) {
        mn_region *mine;
        if (mn_region_open(path, 0, -1, &mine) < 0) _exit(1);
        mn_seq *s = fresh(mine);
        grow(s, 1, 777, 100);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (int i = 0;; i++) grow(s, 1, 1, 1); /* killed in the middle of something */
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    usleep(2000);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (int reaped = 0; reaped < 2; reaped++) {
        mn_seq *s = fresh(a);
        const int found = match(s, 1, 5000, 1, 0);
        assert_in_range(found, 777, 5000);
        expect(s, 1, 0, found);
        grow(s, 2, 10, 10);
        expect(s, 1, 0, found);
        mn_seq_close(&s);
        assert_int_equal(mn_region_reap(b), !reaped);
    }
    close(ready[0]), close(ready[1]);
}

/* A neighbour that writes nonsense: nothing is found then, or what is right. */
static void hostile_heads(void **state) {
    (void)state;
    static const uint64_t bad[] = {0, 1, 15, 16, 1u << 31, 1ull << 32, UINT64_MAX, 0x7fffffff};
    mn_seq *s = fresh(a), *t;
    grow(s, 1, 100, 100);
    mn_seq_close(&s);
    s = fresh(a);
    assert_int_equal(match(s, 1, 100, 2, 5), 100);
    grow(s, 2, 100, 50);
    int32_t ids[200];
    for (int i = 0; i < 200; i++) ids[i] = token(i < 100 ? 1 : 2, i);
    mn_kv_prefix p;
    int coming;
    const mn_kv_share share = share_of(b);
    mn_kv_prefix_find(&layout, &share, 0, ids, 200, &p);
    assert_int_equal(p.length, 200);
    assert_int_equal(p.n, 2);
    mn_kv_extent *last = p.span[1].e;
    mn_word *const words[] = {
        &last->head->start,         &last->head->rows,         &last->head->n_before,
        &last->head->before[0].ref, &last->head->planned,      &last->head->before[0].row,
        &last->head->before[0].n,   &last->head->before[0].at, &last->x.slot->length,
        &last->x.slot->parent,      &last->x.slot->shape,      &last->head->magic};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            const uint64_t good = mn_word_load(words[w]);
            mn_word_store(words[w], bad[i]);
            t = fresh(b);
            const int found = mn_seq_match(t, ids, 200, &coming);
            assert_in_range(found, 0, 200);
            expect(t, 1, 0, found < 100 ? found : 100);
            mn_seq_close(&t);
            mn_word_store(words[w], good);
        }
    mn_kv_prefix_release(&p);
    mn_seq_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_any_length, begin, end),
        cmocka_unit_test_setup_teardown(says_before_it_takes, begin, end),
        cmocka_unit_test_setup_teardown(goes_on, begin, end),
        cmocka_unit_test_setup_teardown(follows_live, begin, end),
        cmocka_unit_test_setup_teardown(attaches_by_name, begin, end),
        cmocka_unit_test_setup_teardown(comes, begin, end),
        cmocka_unit_test_setup_teardown(trims_elsewhere, begin, end),
        cmocka_unit_test_setup_teardown(keeps_apart, begin, end),
        cmocka_unit_test_setup_teardown(windows_stay, begin, end),
        cmocka_unit_test_setup_teardown(windows_said_to_go, begin, end),
        cmocka_unit_test_setup_teardown(no_room_is_no_failure, begin, end),
        cmocka_unit_test_setup_teardown(outlives_its_writer, begin, end),
        cmocka_unit_test_setup_teardown(hostile_heads, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
