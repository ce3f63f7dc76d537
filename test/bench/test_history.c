/* SPDX-License-Identifier: Apache-2.0
 *
 * test/bench/test_history.c - files of histories in their three forms, written by hand, with what
 * may be wrong in them; what is written out; and the marks that an order of turns gets.
 */
#include "test.h"

#include "bench/judge.h"

#include "base/alloc.h"
#include "base/file.h"
#include "cli/run.h"
#include "folder.h"

#include <jansson.h>
#include <math.h>

static int begin(void **state) {
    (void)state;
    return folder_begin("history", 1);
}
static int end(void **state) {
    (void)state;
    return folder_end();
}

static const char *file_of(const char *text) {
    static char path[96];
    mn_filew *f;
    snprintf(path, sizeof path, "%s/data.json", folder);
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, text, strlen(text)));
    assert_ok(mn_file_settle(&f));
    return path;
}

/* Calls the check of a test for each history. */
typedef void check_history(const mn_history *h, int number);
typedef struct passing {
    mn_reader *reader;
    check_history *check;
} passing;
static int pass(void *user, mn_history *h) {
    const passing *p = user;
    p->check(h, p->reader->n - 1);
    return 0;
}
static mn_reader read_text(const char *text, check_history *check) {
    mn_reader r = {0};
    passing p = {&r, check};
    r.each = pass;
    r.user = &p;
    assert_ok(mn_history_read(file_of(text), &r));
    return r;
}

/* ---- LoCoMo --------------------------------------------------------------------------------- */
static void check_locomo(const mn_history *h, int number) {
    const mn_asked *q = mn_askeds(h);
    (void)number;
    assert_string_equal(h->id, "conv-1");
    assert_int_equal(mn_sittings_n(h), 2);
    assert_int_equal(mn_turns_n(h), 3);
    assert_string_equal(mn_sittings(h)[1].time, "9:00 am on 2 May, 2023");
    assert_string_equal(mn_turns(h)[1].text, "Look! [image: a red kite]");
    assert_int_equal(mn_turns(h)[2].sitting, 1);
    assert_int_equal(mn_askeds_n(h), 3);
    assert_string_equal(q[0].type, "single");
    assert_int_equal(q[0].n, 1);
    assert_int_equal(q[0].gold[0], 1);
    assert_string_equal(q[1].type, "multi");
    assert_string_equal(q[1].answer, "2022");
    assert_int_equal(q[1].n, 2);
    assert_int_equal(q[1].n_sittings, 2);
    assert_true(q[2].absent && !q[2].n);
}

#define QA                                                                                        \
    "\"qa\": [{\"question\": \"What flies?\", \"answer\": \"a kite\", \"evidence\": [\"D1:2\"], " \
    "\"category\": 4}, {\"question\": \"When?\", \"answer\": 2022, \"evidence\": [\"D2:1; "       \
    "D1:1\"], \"category\": 1}, {\"question\": \"Who?\", \"evidence\": [], \"category\": 5}"

static void reads_locomo_as_published(void **state) {
    (void)state;
    const mn_reader r = read_text(
        "[{\"sample_id\": \"conv-1\", \"conversation\": {\"speaker_a\": \"Ann\", "
        "\"session_1_date_time\": \"1:56 pm on 1 May, 2023\", \"session_1\": [{\"speaker\": "
        "\"Ann\", \"dia_id\": \"D1:1\", \"text\": \"Hi\"}, {\"speaker\": \"Bob\", \"dia_id\": "
        "\"D1:2\", \"text\": \"Look!\", \"blip_caption\": \"a red kite\"}, {\"speaker\": 5}], "
        "\"session_3_date_time\": \"9:00 am on 2 May, 2023\", \"session_3\": [{\"speaker\": "
        "\"Ann\", \"dia_id\": \"D2:1\", \"text\": \"In 2022\"}]}, " QA
        ", {\"question\": \"Bad\", \"evidence\": [\"D9:9\"]}, {\"answer\": 1}, 7]}]",
        check_locomo);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.wrong, 4); /* a turn, evidence of no turn, a question without text, a 7 */
    assert_string_equal(r.format, "locomo");
}

static void reads_locomo_reshaped(void **state) {
    (void)state;
    const mn_reader r = read_text(
        "[{\"id\": \"conv-1\", \"sessions\": [{\"date\": \"1 May 2023\", \"turns\": [{\"id\": "
        "\"D1:1\", \"speaker\": \"Ann\", \"text\": \"Hi\"}, {\"id\": \"D1:2\", \"speaker\": "
        "\"Bob\", \"text\": \"Look! [image: a red kite]\"}]}, {\"date\": \"9:00 am on 2 May, "
        "2023\", \"turns\": [{\"id\": \"D2:1\", \"speaker\": \"Ann\", \"text\": \"In "
        "2022\"}]}], " QA "]}, {\"id\": 2, \"sessions\": []}, {\"what\": 1}, 3]",
        check_locomo);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.wrong, 3);
}

/* ---- LongMemEval ---------------------------------------------------------------------------- */
#define ITEM(id, type, more)                                                                       \
    "{\"question_id\": \"" id "\", \"question_type\": \"" type                                     \
    "\", \"question\": \"Where?\", \"answer\": \"Oslo\", \"question_date\": \"2023/06/01 (Thu) "   \
    "10:00\", \"haystack_session_ids\": [\"late\", \"early\"], \"haystack_dates\": [\"2023/05/20 " \
    "(Sat) 02:21\", \"2023/05/02 (Tue) 02:21\"], \"haystack_sessions\": [[{\"role\": \"user\", "   \
    "\"content\": \"Now Oslo\", \"has_answer\": true}], [{\"role\": \"user\", \"content\": "       \
    "\"Bergen\", \"has_answer\": true}, {\"role\": \"assistant\", \"content\": \"Nice\"}, "        \
    "{\"role\": \"assistant\"}]]" more "}"

static void check_longmemeval(const mn_history *h, int number) {
    const mn_asked *q = mn_askeds(h);
    assert_int_equal(mn_askeds_n(h), 1);
    assert_int_equal(mn_turns_n(h), 3);
    assert_string_equal(mn_sittings(h)[0].id, "early");
    assert_string_equal(mn_turns(h)[2].text, "Now Oslo");
    assert_string_equal(mn_turns(h)[2].ref, "late:1");
    assert_int_equal(q->n, 2);
    assert_int_equal(q->n_sittings, 2);
    assert_int_equal(q->stale, number ? -1 : 0);
    assert_int_equal(q->absent, number);
}

static void reads_longmemeval(void **state) {
    (void)state;
    const mn_reader r = read_text("[" ITEM("q1", "knowledge-update",
                                           ", \"answer_session_ids\": [\"late\", \"early\", "
                                           "\"none\"]") ",\n" ITEM("q2_abs", "single-session-user",
                                                                   "") ", {\"question_id\": "
                                                                       "\"q3\", "
                                                                       "\"haystack_sessions\": "
                                                                       "[]}, [1]]",
                                  check_longmemeval);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.wrong, 4); /* a turn without content, twice; two items */
    assert_string_equal(r.format, "longmemeval");
}

/* ---- what is wrong as a whole --------------------------------------------------------------- */
static void never(const mn_history *h, int number) {
    (void)number;
    fail_msg("'%s' was read", h->id);
}

static void refuses_what_is_none(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {{"{\"a\": 1}", "no JSON array"},
               {"  ", "no JSON array"},
               {"[", "no history"},
               {"[]", "no history"},
               {"[1, 2", "no history"},
               {"[{\"sessions\": 1}]", "no turns"},
               {"[{\"conversation\": {}", "1 items are wrong"},
               {"[{\"haystack_sessions\": {}}]", "without question_id"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_reader r = {0};
        passing p = {&r, never};
        r.each = pass;
        r.user = &p;
        assert_fails(mn_history_read(file_of(bad[i].text), &r), MN_ECORRUPT, bad[i].says);
    }
    mn_reader r = {0};
    assert_int_equal(mn_history_read("/nowhere/at/all.json", &r), MN_ENOENT);
}

static void keeps_what_came_before_a_break(void **state) {
    (void)state;
    const mn_reader r =
        read_text("[" ITEM("q1", "knowledge-update", "") ", {\"question_id\": ", check_longmemeval);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.wrong, 2);
}

/* ---- marks ---------------------------------------------------------------------------------- */
/* Twelve sittings of two turns each. */
static mn_history ladder(void) {
    mn_history h = {.id = "ladder"};
    for (int i = 0; i < 12; i++) {
        mn_sitting s = {.first = 2 * i};
        assert_ok(mn_history_print(&h, &s.id, "s%d", i));
        s.time = s.id;
        assert_ok(mn_buf_append(&h.sitting, &s, sizeof s));
        for (int k = 0; k < 2; k++) {
            const char *ref;
            assert_ok(mn_history_print(&h, &ref, "s%d:%d", i, k));
            assert_ok(mn_history_say(&h, ref, "Ann", "word"));
        }
    }
    return h;
}

static int near(double a, double b) {
    return fabs(a - b) < 1e-9;
}

static void marks_an_order(void **state) {
    (void)state;
    mn_history h = ladder();
    mn_asked q = {.stale = -1};
    /* Sittings in the order 0 1 2 3 4 5 6: two turns of the first one count as one sitting. */
    const int turns[] = {0, 1, 2, 4, 6, 8, 10, 12};
    mn_asked_gold(&h, &q, 4, NULL);
    mn_asked_gold(&h, &q, 11, NULL); /* its sitting is found by turn 10 */
    mn_asked_gold(&h, &q, 4, NULL);  /* once is enough */
    assert_int_equal(q.n, 2);
    mn_marks m = {0};
    mn_marks_add(&m, &h, &q, turns, 8);
    assert_int_equal(m.n, 1);
    assert_true(near(m.any[0], 1) && near(m.all[0], 0) && near(m.all[1], 1));
    assert_true(near(m.turn[0], .5) && near(m.turn[1], .5));
    const double best = 1 + 1 / log2(3), five = 1 / log2(4), ten = five + 1 / log2(7);
    assert_true(near(m.ndcg[0], five / best) && near(m.ndcg[1], ten / best));
    /* Another one, of which only the sitting is known, and which is not found. */
    mn_asked o = {.stale = -1};
    mn_asked_sitting(&o, 11);
    mn_marks_add(&m, &h, &o, turns, 8);
    assert_true(near(mn_marks_mean(&m, &m.any[0]), .5));
    assert_true(near(mn_marks_mean(&m, &m.turn[0]), .5)); /* of one question */
    mn_marks_add(&m, &h, &o, turns, 0);
    assert_int_equal(m.n, 3);
    mn_history_free(&h);
}

/* ---- the whole bench ------------------------------------------------------------------------ */
static void judges_from_end_to_end(void **state) {
    (void)state;
    const cli_run r = run("bench longmemeval --small --histories 2 --vectors none --json");
    if (r.status) fail_msg("status %d: %s", r.status, r.err);
    const char *line = strstr(r.out, "\n{");
    assert_non_null(line);
    json_t *o = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(o);
    const json_t *const bars = json_object_get(o, "bars"), *all = json_object_get(o, "all");
    assert_int_equal(json_integer_value(json_object_get(o, "histories")), 2);
    assert_int_equal(json_integer_value(json_object_get(o, "wrong")), 0);
    assert_true(json_number_value(json_object_get(all, "all@5")) > .5);
    assert_true(json_number_value(json_object_get(all, "all@5")) <= 1);
    const json_t *const past = json_object_get(bars, "as-of");
    assert_true(json_number_value(json_object_get(past, "value")) == 1);
    assert_string_equal(json_string_value(json_object_get(past, "verdict")), "pass");
    json_decref(o);
}

static void writes_what_others_read(void **state) {
    (void)state;
    char words[256], path[128];
    mn_buf b = {0};
    snprintf(words, sizeof words, "bench longmemeval --small --histories 1 --dump %s/out", folder);
    assert_int_equal(run(words).status, 0);
    static const char *const files[] = {"", ".questions", ".facts"};
    static const char *const keys[] = {"text", "question", "subject"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/out/m1%s.jsonl", folder, files[i]);
        mn_buf_clear(&b);
        assert_ok(mn_file_read(path, 1 << 24, &b));
        int lines = 0;
        for (const char *at = b.data; *at; at = strchr(at, '\n') + 1, lines++) {
            json_t *o = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
            assert_non_null(json_string_value(json_object_get(o, keys[i])));
            json_decref(o);
        }
        assert_true(lines > 10);
    }
    mn_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_locomo_as_published),
        cmocka_unit_test(reads_locomo_reshaped),
        cmocka_unit_test(reads_longmemeval),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(keeps_what_came_before_a_break),
        cmocka_unit_test(marks_an_order),
        cmocka_unit_test(judges_from_end_to_end),
        cmocka_unit_test(writes_what_others_read),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
