/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_notes_vectors.c - vectors of records: by which model, what a failure leaves of
 * them, and what is found by them.
 */
#include "agent/stores.h"

#include <signal.h>
#include <sys/resource.h>

enum { DIM = 32 };
static const mn_who ann = {.user = "ann"};
static mn_notes *one, *two;

/* A vector points where the first letter says; another model has other ideas. */
static int make(void *user, const char *const *texts, const size_t *lengths, int n, float *out) {
    (void)lengths;
    const float sign = *(const int *)user ? -1 : 1;
    for (int i = 0; i < n; i++)
        for (int d = 0; d < DIM; d++) out[i * DIM + d] = d == texts[i][0] - 'a' ? sign : 0;
    return 0;
}
static int first_model = 0, other_model = 1;
static const mn_vector_maker by_first = {make, &first_model, DIM},
                             by_other = {make, &other_model, DIM};

static int begin(void **s) {
    if (store_begin(s) < 0) return -1;
    one = two = NULL;
    return mn_notes_open(place, 0, &one) < 0 || mn_notes_open(place, 0, &two) < 0 ? -1 : 0;
}
static int finish(void **s) {
    mn_notes_close(&one);
    mn_notes_close(&two);
    return store_end(s);
}

static void add(mn_notes *n, const char *text) {
    mn_row row = row_of_text(text);
    assert_ok(mn_notes_add(n, &ann, &row, 1, NULL));
}

static int note_id(void *user, const mn_row *row, double score) {
    (void)score;
    return tell_id(user, row->id);
}
/* Ids that the letter's direction finds; no word does. */
static const char *near(mn_notes *n, char letter) {
    static told t;
    float v[DIM] = {0};
    v[letter - 'a'] = 1;
    t = (told){.n = 0};
    const mn_seek seek = {.query = "zzz", .vector = v, .dim = DIM, .as_of = MN_NEVER};
    assert_ok(mn_notes_find(n, &ann, &seek, note_id, &t));
    return t.text;
}

static void found_by_sense(void **s) {
    (void)s;
    int64_t waits;
    assert_ok(mn_notes_model(one, "first", DIM));
    add(one, "apple");
    add(two, "banana");
    assert_string_equal(near(one, 'a'), "");
    assert_int_equal(mn_notes_embed(one, &by_first, 10), 2);
    assert_int_equal(mn_notes_embed(one, &by_first, 10), 0);
    assert_string_equal(near(one, 'a'), "1");
    assert_string_equal(near(one, 'b'), "2");
    assert_string_equal(near(two, 'a'), ""); /* it has no model yet */
    assert_ok(mn_notes_model(two, "first", DIM));
    assert_string_equal(near(two, 'a'), "1");
    const mn_row now = row_of_text("cherry");
    assert_ok(mn_notes_update(two, &ann, 1, &now));
    assert_ok(mn_notes_waits(one, &waits));
    assert_int_equal(waits, 1);
    assert_int_equal(mn_notes_embed(two, &by_first, 10), 1);
    assert_string_equal(near(one, 'c'), "1");
    assert_string_equal(near(one, 'a'), "");
    assert_ok(mn_notes_again(one));
    assert_string_equal(near(one, 'c'), "");
    while (mn_notes_embed(two, &by_first, 2) > 0) {
    }
    assert_string_equal(near(one, 'c'), "1");
}

/* Vectors of two models are never compared, whoever has chosen which and when. */
static void two_models(void **s) {
    (void)s;
    assert_ok(mn_notes_model(one, "first", DIM));
    add(one, "apple");
    assert_int_equal(mn_notes_embed(one, &by_first, 10), 1);
    assert_string_equal(near(one, 'a'), "1");
    assert_ok(mn_notes_model(two, "other", DIM));
    assert_string_equal(near(two, 'a'), "");
    assert_string_equal(near(one, 'a'), "");
    assert_fails(mn_notes_embed(one, &by_first, 10), MN_EBUSY, "another model");
    assert_int_equal(mn_notes_embed(two, &by_other, 10), 1);
    assert_string_equal(near(one, 'a'), "");
    assert_ok(mn_notes_model(one, "first", DIM)); /* it insists */
    assert_string_equal(near(two, 'a'), "");
    assert_int_equal(mn_notes_embed(one, &by_first, 10), 1);
    assert_string_equal(near(one, 'a'), "1");
}

/* A disk that is full keeps a record from being forgotten; then it is found as before. */
static void not_forgotten(void **s) {
    (void)s;
    struct rlimit was, none = {0, 0};
    if (on_postgres()) skip(); /* the disk is another's */
    assert_ok(mn_notes_model(one, "first", DIM));
    add(one, "apple");
    assert_int_equal(mn_notes_embed(one, &by_first, 10), 1);
    assert_string_equal(near(one, 'a'), "1");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    none.rlim_max = was.rlim_max;
    setrlimit(RLIMIT_FSIZE, &none);
    const mn_rows which = {.id = 1};
    const int64_t gone = mn_notes_forget(one, &ann, &which, NULL, NULL);
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(gone, MN_EFULL);
    assert_string_equal(near(one, 'a'), "1");
    assert_int_equal(mn_notes_forget(one, &ann, &which, NULL, NULL), 1);
    assert_string_equal(near(one, 'a'), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_by_sense, begin, finish),
        cmocka_unit_test_setup_teardown(two_models, begin, finish),
        cmocka_unit_test_setup_teardown(not_forgotten, begin, finish)};
    return cmocka_run_group_tests_name(kind_now()->kind->name, tests, NULL, NULL);
}
