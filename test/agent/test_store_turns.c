/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_store_turns.c - over all kinds of stores: vectors, what was given up, two handles
 * of one store at once, and what it says of itself.
 */
#include "agent/stores.h"

static int tell_vector(void *user, int64_t id, const void *v, size_t n) {
    told *const t = user;
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s%lld:%.*s", t->n ? " " : "",
                             (long long)id, (int)n, (const char *)v);
    return ++t->count == t->stop_at ? 7 : 0;
}
static const char *vectors_after(mn_store *s, int64_t owner, int64_t *after) {
    static told t;
    t = (told){.n = 0};
    const int n = s->kind->vectors(s, owner, after, tell_vector, &t);
    assert_int_equal(n, t.count);
    return t.text;
}

static int tell_waiting(void *user, int64_t id, int64_t owner, const char *text, size_t n) {
    assert_int_equal(n, strlen(text));
    assert_true(owner > 0);
    return tell_id(user, id);
}
static const char *who_waits(mn_store *s, int64_t most) {
    static told t;
    int64_t all;
    t = (told){.n = 0};
    assert_ok(s->kind->waiting(s, most, tell_waiting, &t));
    assert_ok(s->kind->waits(s, &all));
    if (!most || all <= most) assert_int_equal(all, t.count);
    return t.text;
}

static void vectors(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t after = 0, behind = 0, ours = 0;
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    for (int i = 0; i < 4; i++) put_text(s, i == 2 ? b : a, "text");
    for (int64_t id = 1; id <= 4; id++) assert_ok(s->kind->wait(s, id));
    assert_ok(s->kind->wait(s, 1));
    assert_string_equal(who_waits(s, 9), "1 2 3 4");
    assert_string_equal(who_waits(s, 2), "1 2");
    assert_ok(s->kind->vector(s, 1, "one", 3));
    assert_ok(s->kind->vector(s, 3, "three", 5));
    assert_ok(s->kind->vector(s, 2, NULL, 0)); /* it can have none */
    assert_ok(s->kind->vector(s, 999, "x", 1));
    assert_string_equal(who_waits(s, 9), "4");
    assert_string_equal(vectors_after(s, a, &after), "1:one");
    assert_string_equal(vectors_after(s, a, &after), "");
    assert_string_equal(vectors_after(s, b, &ours), "3:three");
    assert_ok(s->kind->vector(s, 4, "four", 4));
    assert_ok(s->kind->vector(s, 1, "uno", 3)); /* newer */
    assert_string_equal(vectors_after(s, a, &after), "4:four 1:uno");
    assert_string_equal(vectors_after(s, a, &behind), "4:four 1:uno");
    assert_ok(s->kind->move(s, 1, 2));
    assert_string_equal(vectors_after(s, a, &after), "2:uno");
    assert_ok(s->kind->move(s, 999, 1)); /* none to move */
    assert_ok(s->kind->remove(s, a, 1));
    assert_ok(s->kind->wait(s, 2));
    assert_ok(s->kind->remove(s, a, 2));
    assert_string_equal(who_waits(s, 9), "");
    assert_string_equal(vectors_after(s, a, (int64_t[]){0}), "4:four");
    assert_ok(s->kind->again(s));
    assert_string_equal(vectors_after(s, a, (int64_t[]){0}), "");
    assert_string_equal(who_waits(s, 9), "3 4");
    assert_ok(s->kind->vector(s, 4, "IV", 2));
    assert_string_equal(vectors_after(s, a, &after), "4:IV"); /* numbers go on */
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

/* Who stops half-way is told the same again. */
static void vectors_half_read(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t after = 0;
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann");
    for (int i = 0; i < 3; i++) put_text(s, a, "text");
    for (int64_t id = 1; id <= 3; id++) assert_ok(s->kind->vector(s, id, "v", 1));
    told t = {.stop_at = 2};
    assert_int_equal(s->kind->vectors(s, a, &after, tell_vector, &t), 7);
    assert_string_equal(t.text, "1:v 2:v");
    assert_string_equal(vectors_after(s, a, &after), "2:v 3:v");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static void words_about_itself(void **unused) {
    (void)unused;
    mn_store *s = opened();
    char value[16] = "as it was";
    assert_ok(s->kind->begin(s, 1));
    assert_int_equal(s->kind->get(s, "model", value, sizeof value), 0);
    assert_string_equal(value, "as it was");
    assert_ok(s->kind->set(s, "model", "minilm"));
    assert_int_equal(s->kind->get(s, "model", value, sizeof value), 1);
    assert_string_equal(value, "minilm");
    assert_ok(s->kind->set(s, "model", "longer than the room for it"));
    assert_int_equal(s->kind->get(s, "model", value, sizeof value), 1);
    assert_string_equal(value, "longer than the");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

/* What was given up is not there: rows, words, vectors, owners, counts. */
static void given_up(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t a, b, rows, words;
    assert_ok(s->kind->begin(s, 1));
    a = owner_of(s, "ann");
    put_text(s, a, "kept");
    assert_ok(s->kind->end(s, 1));
    assert_ok(s->kind->begin(s, 1));
    b = owner_of(s, "bob");
    put_text(s, b, "lost");
    put_text(s, a, "lost");
    assert_ok(s->kind->vector(s, 1, "v", 1));
    assert_ok(s->kind->set(s, "model", "x"));
    assert_ok(s->kind->remove(s, a, 1));
    assert_ok(s->kind->end(s, 0));
    assert_ok(s->kind->begin(s, 0));
    assert_ok(s->kind->owner(s, "t", "bob", 0, &b));
    assert_int_equal(b, 0);
    assert_string_equal(matched(s, "\"1:lost\"", 9), "");
    assert_string_equal(matched(s, "\"1:kept\"", 9), "1");
    assert_ok(s->kind->span(s, a, &rows, &words));
    assert_int_equal(rows, 1);
    assert_string_equal(vectors_after(s, a, (int64_t[]){0}), "");
    assert_int_equal(s->kind->get(s, "model", (char[9]){""}, 9), 0);
    assert_ok(s->kind->end(s, 0));
    closed(&s);
}

/* A reader sees what there was when it began; the writer's end is seen by the next begin. */
static void two_handles(void **unused) {
    (void)unused;
    mn_store *one = opened(), *two = opened();
    told t = {.n = 0};
    assert_ok(one->kind->begin(one, 1));
    const int64_t a = owner_of(one, "ann");
    put_text(one, a, "first");
    assert_ok(one->kind->end(one, 1));
    assert_ok(two->kind->begin(two, 0));
    assert_string_equal(matched(two, "\"1:first\"", 9), "1");
    assert_ok(one->kind->begin(one, 1));
    put_text(one, a, "second");
    assert_string_equal(matched(two, "\"1:second\"", 9), "");
    assert_ok(one->kind->end(one, 1));
    assert_string_equal(matched(two, "\"1:second\"", 9), "");
    assert_ok(two->kind->rows(two, &(mn_rows){.owner = a}, tell_row, &t));
    assert_string_equal(t.text, "1");
    assert_ok(two->kind->end(two, 0));
    assert_ok(two->kind->begin(two, 1));
    assert_string_equal(matched(two, "\"1:second\"", 9), "2");
    put_text(two, a, "third");
    assert_ok(two->kind->end(two, 1));
    assert_ok(one->kind->begin(one, 0));
    assert_string_equal(matched(one, "\"1:third\"", 9), "3");
    assert_ok(one->kind->end(one, 0));
    closed(&one);
    assert_ok(two->kind->begin(two, 0));
    assert_string_equal(matched(two, "\"1:third\"", 9), "3");
    assert_ok(two->kind->end(two, 0));
    closed(&two);
    two = opened();
    assert_ok(two->kind->begin(two, 0));
    assert_string_equal(matched(two, "\"1:third\"", 9), "3");
    assert_ok(two->kind->end(two, 0));
    two->kind->rest(two);
    assert_ok(two->kind->scrub(two));
    closed(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vectors, store_begin, store_end),
        cmocka_unit_test_setup_teardown(vectors_half_read, store_begin, store_end),
        cmocka_unit_test_setup_teardown(words_about_itself, store_begin, store_end),
        cmocka_unit_test_setup_teardown(given_up, store_begin, store_end),
        cmocka_unit_test_setup_teardown(two_handles, store_begin, store_end)};
    return cmocka_run_group_tests_name(kind_now()->kind->name, tests, NULL, NULL);
}
