/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_notes_add.c - many handles add to one store at once, and write for one another:
 * every record is there once, its writer's, with the number its writer was told.
 */
#include "agent/stores.h"

#include "agent/notes_inside.h"
#include "agent/org.h"
#include "base/when.h"

#include <pthread.h>

enum { WRITERS = 6, ADDS = 150, LONG = 20000 };

typedef struct writer {
    int number, failed;
    int64_t id[ADDS];
    pthread_t thread;
} writer;

/* Each has a user and an agent of his own, every second one an organiser, every fifth of his
 * records is too long for a desk. */
static void text_of(int number, int k, char text[LONG + 64]) {
    const int n = snprintf(text, 64, "writer %d says %d", number, k);
    if (k % 5 == 4) {
        memset(text + n, 'x', LONG);
        text[n + LONG] = 0;
    }
}
static mn_who who_is(int number) {
    static const char *const users[] = {"ann", "bob", "cid", "dan", "eva", "fay"};
    return (mn_who){.tenant = "", .user = users[number], .agent = number % 2 ? "one" : "two"};
}

static void *add_many(void *user) {
    static _Thread_local char text[LONG + 64];
    writer *const w = user;
    const mn_who who = who_is(w->number);
    const mn_organiser *by;
    mn_notes *n;
    if (mn_notes_open(place, 0, &n) < 0 || mn_organiser_find("mem0", &by) < 0) {
        w->failed = 1;
        return NULL;
    }
    if (w->number % 2) mn_notes_organiser(n, by);
    for (int k = 0; k < ADDS; k++) {
        text_of(w->number, k, text);
        mn_row r = a_row(text);
        r.session = "talk";
        w->failed += mn_notes_add(n, &who, &r, 1, w->id + k) < 0 || r.id != w->id[k];
    }
    mn_notes_close(&n);
    return NULL;
}

typedef struct seen {
    const writer *w;
    int n, wrong;
} seen;

static int look(void *user, const mn_row *r, double score) {
    static char text[LONG + 64];
    seen *const s = user;
    (void)score;
    const int k = s->n++;
    text_of(s->w->number, k, text);
    s->wrong += k >= ADDS || r->id != s->w->id[k] || r->n != strlen(text) ||
                memcmp(r->text, text, r->n) != 0 || strcmp(r->session, "talk") != 0 ||
                strcmp(r->agent, who_is(s->w->number).agent) != 0;
    return 0;
}

static int count(void *user, int64_t id, int64_t owner) {
    (void)id, (void)owner;
    ++*(int *)user;
    return 0;
}

static void each_has_his_own(void **unused) {
    (void)unused;
    static writer w[WRITERS];
    mn_notes *n;
    int queued = 0;
    for (int i = 0; i < WRITERS; i++) {
        w[i] = (writer){.number = i};
        assert_int_equal(pthread_create(&w[i].thread, NULL, add_many, w + i), 0);
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(w[i].thread, NULL);
    assert_ok(mn_notes_open(place, 0, &n));
    for (int i = 0; i < WRITERS; i++) {
        seen s = {.w = w + i};
        const mn_who who = who_is(i);
        assert_int_equal(w[i].failed, 0);
        assert_int_equal(mn_notes_find(n, &who, &(mn_seek){.as_of = MN_NEVER}, look, &s), ADDS);
        assert_int_equal(s.n, ADDS);
        assert_int_equal(s.wrong, 0);
    }
    assert_ok(mn_notes_begin(n, 0));
    assert_ok(n->store->kind->queued(n->store, "mem0", 0, 2 * WRITERS * ADDS, count, &queued));
    assert_ok((int)mn_notes_end(n, 0));
    assert_int_equal(queued, WRITERS / 2 * ADDS);
    mn_notes_close(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_has_his_own, store_begin, store_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
