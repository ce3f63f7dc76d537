/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_store_links.c - what every store promises about links, and about what organisers
 * have yet to see and have done, over all kinds of stores.
 */
#include "agent/stores.h"

static int tell_link(void *user, int64_t other, const char *what) {
    told *const t = user;
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s%s %lld", t->n ? ", " : "",
                             what, (long long)other);
    return ++t->count == t->stop_at ? 7 : 0;
}

static const char *links(mn_store *s, int64_t owner, int64_t id, int back) {
    static told t;
    t = (told){.n = 0};
    const int n = s->kind->links(s, owner, id, back, tell_link, &t);
    assert_int_equal(n, t.count);
    return t.text;
}

static void links_of_one_owner(void **unused) {
    (void)unused;
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    for (int i = 1; i <= 4; i++) put_text(s, a, "text");
    assert_ok(s->kind->link(s, a, 3, 1, "from"));
    assert_ok(s->kind->link(s, a, 3, 1, "from")); /* once is enough */
    assert_ok(s->kind->link(s, a, 3, 2, "from"));
    assert_ok(s->kind->link(s, a, 3, 2, "of"));
    assert_ok(s->kind->link(s, a, 4, 1, "'"));
    assert_string_equal(links(s, a, 3, 0), "from 1, from 2, of 2");
    assert_string_equal(links(s, a, 1, 1), "' 4, from 3");
    assert_string_equal(links(s, b, 3, 0), ""); /* another's are not there */
    assert_string_equal(links(s, b, 1, 1), "");
    told t = {.stop_at = 2};
    assert_int_equal(s->kind->links(s, a, 3, 0, tell_link, &t), 7);
    assert_ok(s->kind->link(s, a, 4, 2, "of"));
    assert_ok(s->kind->unlink(s, b, 3, 2));
    assert_ok(s->kind->unlink(s, a, 3, 2)); /* whatever for */
    assert_string_equal(links(s, a, 3, 0), "from 1");
    assert_ok(s->kind->remove(s, b, 1)); /* not his */
    assert_string_equal(links(s, a, 3, 0), "from 1");
    assert_ok(s->kind->remove(s, a, 1)); /* its links go with it, from either end */
    assert_string_equal(links(s, a, 3, 0), "");
    assert_string_equal(links(s, a, 4, 0), "of 2");
    assert_ok(s->kind->end(s, 0));
    assert_ok(s->kind->begin(s, 0));
    assert_string_equal(links(s, a, 4, 0), ""); /* nothing was kept */
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static int tell_waiting(void *user, int64_t id, int64_t owner) {
    return tell_id(user, id * 100 + owner);
}
static const char *waiting(mn_store *s, const char *organiser, int64_t after, int64_t most) {
    static told t;
    t = (told){.n = 0};
    const int n = s->kind->queued(s, organiser, after, most, tell_waiting, &t);
    assert_int_equal(n, t.count);
    return t.text;
}

static void queues(void **unused) {
    (void)unused;
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    assert_int_equal(a * 10 + b, 12);
    for (int i = 1; i <= 5; i++) put_text(s, i == 4 ? b : a, "text");
    assert_ok(s->kind->link(s, a, 5, 1, "from"));
    assert_ok(s->kind->queue(s, "x", a, 2));
    assert_ok(s->kind->queue(s, "x", a, 1));
    assert_string_equal(waiting(s, "x", 0, 9), "101 201");
    assert_string_equal(waiting(s, "x", 1, 9), "201");
    assert_string_equal(waiting(s, "x", 0, 1), "101");
    assert_string_equal(waiting(s, "y", 0, 9), "");
    assert_int_equal(s->kind->done(s, "x", 1), 1);
    assert_int_equal(s->kind->done(s, "x", 1), 0);
    assert_int_equal(s->kind->done(s, "y", 2), 0);
    assert_ok(s->kind->queue(s, "x", a, 1)); /* it was seen */
    assert_string_equal(waiting(s, "x", 0, 9), "201");
    assert_ok(s->kind->queue(s, "x", 0, 0)); /* all but what was made of others */
    assert_string_equal(waiting(s, "x", 0, 9), "201 301 402");
    assert_ok(s->kind->queue_again(s, 1));
    assert_ok(s->kind->queue_again(s, 5)); /* never was queued */
    assert_ok(s->kind->remove(s, a, 3));
    assert_string_equal(waiting(s, "x", 0, 9), "101 201 402");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static int tell_deed(void *user, const mn_deed *d) {
    told *const t = user;
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s %s %lld %lld at %lld;",
                             d->organiser, d->op, (long long)d->id, (long long)d->other,
                             (long long)d->at);
    return 0;
}
static int tell_who(void *user, const char *tenant, const char *name) {
    snprintf(user, 100, "%s/%s", tenant, name);
    return 0;
}

static void logs_and_names(void **unused) {
    (void)unused;
    mn_store *s = opened();
    char who[100] = "nobody";
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    put_text(s, a, "text");
    assert_ok(s->kind->log(s, a, &(mn_deed){"x", "add", 1, 0, 5}));
    assert_ok(s->kind->log(s, a, &(mn_deed){"x", "link", 1, 9, 4}));
    told t = {.n = 0};
    assert_int_equal(s->kind->logs(s, b, 1, tell_deed, &t), 0);
    assert_int_equal(s->kind->logs(s, a, 1, tell_deed, &t), 2);
    assert_string_equal(t.text, "x add 1 0 at 5;x link 1 9 at 4;");
    assert_ok(s->kind->remove(s, a, 1));
    assert_int_equal(s->kind->logs(s, a, 1, tell_deed, &t), 0);
    assert_ok(s->kind->whose(s, 99, tell_who, who));
    assert_string_equal(who, "nobody");
    assert_ok(s->kind->whose(s, b, tell_who, who));
    assert_string_equal(who, "t/bob");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_begin, store_end)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(links_of_one_owner), TEST(queues),
                                       TEST(logs_and_names)};
    return cmocka_run_group_tests_name(kind_now()->kind->name, tests, NULL, NULL);
}
