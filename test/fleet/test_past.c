/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_past.c - one morning in a kitchen, told as it happened, and what can be asked
 * about it: where things were, who had them, what robots did, what lay somewhere, now and as of any
 * moment; a twin that replays the log by hand; and questions that cannot be answered, and why.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/random.h"
#include "fleet/see.h"

static const int64_t S = 1000000;
static const int64_t BEGIN = 1795773600 * (int64_t)1000000; /* 2026-11-27T10:00:00Z */
static mn_board *b;

static void clock_at(int seconds) {
    mn_board_clock(b, (uint64_t)(BEGIN + seconds * S) * 1000, BEGIN + seconds * S);
}

static void set(const char *name, const char *class_, const char *kind, const char *place) {
    json_t *const fields = json_pack("{s:s, s:s, s:s, s:s}", "class", class_, "kind", kind, "at",
                                     place, "how", *place ? "in" : "");
    if (!*place) json_object_del(fields, "how");
    assert_ok(mn_scene_set(b, "", NULL, name, fields));
    json_decref(fields);
}

static void robot(const char *name) {
    json_t *const json = json_pack("{s:i, s:s, s:f, s:f, s:f, s:[s], s:i, s:[]}", "format", 1,
                                   "body", "arm", "speed", 0.0, "reach", 0.8, "payload", 1.0,
                                   "hands", "left", "room_for", 4, "skills");
    assert_ok(mn_board_put(b, "robot/", name, json, 0, NULL));
    json_decref(json);
    mn_board_tell(b, "joined", "{s:s, s:i}", "robot", name, "skills", 9);
}

static void move(int at, const char *who, const char *thing, const char *to, const char *how) {
    clock_at(at);
    json_t *const lease = json_pack("{s:i}", "epoch", 1);
    uint64_t version = 0;
    if (who) assert_ok(mn_board_put(b, "lease/", who, lease, 0, &version));
    json_decref(lease);
    const mn_scene_by by = {who, version};
    const mn_move m = {thing, NULL, to, how, NULL};
    assert_ok(mn_scene_move(b, "", who ? &by : NULL, &m));
}

/* 10:00 all is set up; 10:01 arm1 takes the cup from the counter, 10:02 gives it to the carrier,
 * 10:03 the carrier puts it on the table, 10:04 arm2 takes it and 10:05 puts it back; the apple
 * goes from the counter to the table at 10:06. */
static int begin(void **state) {
    (void)state;
    assert_ok(mn_board_open_heap(NULL, &b));
    clock_at(0);
    set("kitchen", "room", "room", "");
    set("table", "table", "furniture", "kitchen");
    set("counter", "counter", "furniture", "kitchen");
    set("cup", "cup", "object", "counter");
    set("apple", "apple", "object", "counter");
    set("red_plate", "plate", "object", "table");
    robot("arm1");
    robot("arm2");
    robot("carrier");
    move(60, "arm1", "cup", "arm1", "left");
    mn_board_tell(b, "done", "{s:s, s:s, s:s, s:s, s:s}", "robot", "arm1", "skill", "grasp",
                  "thing", "cup", "code", "", "text", "");
    move(120, "carrier", "cup", "carrier", "in");
    move(180, "carrier", "cup", "table", "on");
    clock_at(200);
    mn_board_tell(b, "failed", "{s:s, s:s, s:s, s:s, s:s}", "robot", "arm1", "skill", "open",
                  "thing", "", "code", "stuck", "text", "the door does not move");
    move(240, "arm2", "cup", "arm2", "left");
    move(300, "arm2", "cup", "counter", "on");
    move(360, "arm1", "apple", "table", "on");
    clock_at(600);
    return 0;
}

static int end(void **state) {
    (void)state;
    mn_board_close(&b);
    return 0;
}

static json_t *ask(const char *question, int64_t as_of) {
    json_t *out = NULL;
    assert_ok(mn_past_ask(b, question, as_of, &out));
    assert_non_null(out);
    return out;
}

static void says(const char *question, int64_t as_of, const char *answer) {
    json_t *const out = ask(question, as_of);
    const char *const text = json_string_value(json_object_get(out, "answer"));
    if (strcmp(text, answer)) fail_msg("\"%s\":\n%s\nnot\n%s", question, text, answer);
    json_decref(out);
}

static void has(const char *question, int64_t as_of, const char *piece) {
    json_t *const out = ask(question, as_of);
    const char *const text = json_string_value(json_object_get(out, "answer"));
    if (!strstr(text, piece)) fail_msg("\"%s\":\n%s\nlacks\n%s", question, text, piece);
    json_decref(out);
}

static int64_t at(int seconds) {
    return BEGIN + seconds * S;
}

/* ---- where ----------------------------------------------------------------------------------- */
static void where_things_are_and_were(void **state) {
    (void)state;
    says("Where is the cup?", 0,
         "The cup is on the counter, from 10:05:00 UTC (5 min ago); arm2 put it there.");
    says("where was the cup before?", 0,
         "The cup was in arm2's hand (left), from 10:04:00 UTC (6 min ago) until 10:05:00 UTC (5 "
         "min "
         "ago).");
    says("where was the cup before it was on the counter", 0,
         "The cup was in arm2's hand (left), from 10:04:00 UTC (6 min ago) until 10:05:00 UTC (5 "
         "min "
         "ago).");
    says("Where was the cup before arm2 took it?", 0,
         "The cup was on the table, from 10:03:00 UTC (7 min ago) until 10:04:00 UTC (6 min ago); "
         "carrier put it there.");
    says("where was the cup before the carrier had it?", 0,
         "The cup was in arm1's hand (left), from 10:01:00 UTC (9 min ago) until 10:02:00 UTC (8 "
         "min "
         "ago).");
    says("where was the red plate before?", 0,
         "Where the red_plate was before that was never told.");
    json_t *const out = ask("where is the apple", 0);
    assert_string_equal(json_string_value(json_object_get(out, "at")), "table");
    assert_int_equal(json_integer_value(json_object_get(out, "from")), at(360));
    assert_int_equal(json_array_size(json_object_get(out, "events")), 1);
    json_decref(out);
}

static void as_of_a_moment(void **state) {
    (void)state;
    has("where was the cup", at(30), "The cup was in the counter, from 10:00:00 UTC");
    has("where was the cup", at(90), "The cup was in arm1's hand (left)");
    has("where was the cup", at(180), "The cup was on the table");
    has("where was the cup", at(179), "The cup was with carrier");
    has("where was the cup before", at(180), "The cup was with carrier");
    /* The question says it itself. */
    has("where was the cup 7 minutes ago?", 0, "on the table");
    has("where was the cup an hour ago?", 0, "was then is not known");
    has("where was the cup at 10:03:30?", 0, "on the table");
    has("where was the cup at 10:01", 0, "in arm1's hand");
    has("where was the cup at 2026-11-27T10:02:10Z", 0, "with carrier");
    has("where was the cup yesterday", 0, "was then is not known");
    says("where was the cup", at(-5), "Where the cup was then is not known.");
    char place[MN_NAME + 1];
    json_t *event;
    assert_int_equal(mn_past_place(b, "cup", at(200), place, &event), 1);
    assert_string_equal(place, "table");
    assert_string_equal(json_string_value(json_object_get(event, "kind")), "moved");
    json_decref(event);
    assert_int_equal(mn_past_place(b, "cup", at(-1), place, NULL), 0);
    assert_int_equal(mn_past_place(b, "cup", 0, place, NULL), 1);
    assert_string_equal(place, "counter");
    assert_int_equal(mn_past_place(b, "spoon", 0, place, NULL), 0);
}

/* ---- who ------------------------------------------------------------------------------------- */
static void who_had_it(void **state) {
    (void)state;
    json_t *out = ask("Who held the cup?", 0);
    const json_t *const who = json_object_get(out, "who");
    assert_int_equal(json_array_size(who), 3);
    assert_string_equal(json_string_value(json_array_get(who, 0)), "arm2");
    assert_string_equal(json_string_value(json_array_get(who, 1)), "carrier");
    assert_string_equal(json_string_value(json_array_get(who, 2)), "arm1");
    assert_int_equal(json_array_size(json_object_get(out, "events")), 3);
    json_decref(out);
    has("who held the cup", 0,
        "arm2 held the cup, from 10:04:00 UTC (6 min ago) until 10:05:00 UTC (5 min ago); before "
        "that carrier, from 10:02:00");
    has("who had the cup", at(70), "arm1 held the cup");
    has("who had the cup at 10:02:30", 0, "carrier held the cup");
    says("who held the cup", at(200), "Nobody held the cup then.");
    says("who carried the apple?", 0, "Nobody held the apple, as far as is known.");
    says("who moved the apple?", 0, "arm1 moved the apple, at 10:06:00 UTC (4 min ago).");
    says("who saw the apple?", 0, "Nobody saw the apple, as far as is known.");
    move(605, "arm1", "apple", "arm1", "left");
    says("who has the apple", 0, "arm1 holds the apple, from 10:10:05 UTC (0 s ago).");
}

static void what_robots_did(void **state) {
    (void)state;
    says("What did arm1 do?", 0,
         "arm1:\n"
         "10:00:00 UTC (10 min ago): joined\n"
         "10:01:00 UTC (9 min ago): took the cup from counter\n"
         "10:03:20 UTC (7 min ago): failed to open (stuck: the door does not move)\n"
         "10:06:00 UTC (4 min ago): moved the apple from counter to table");
    says("what did arm2 do with the cup", 0,
         "arm2:\n"
         "10:04:00 UTC (6 min ago): took the cup from table\n"
         "10:05:00 UTC (5 min ago): put the cup on the counter");
    says("what did the carrier do", at(125),
         "carrier:\n"
         "10:00:00 UTC (10 min ago): joined\n"
         "10:02:00 UTC (8 min ago): took the cup from arm1");
    says("what did the carrier hold at 10:02:30?", 0, "carrier had: the cup.");
    says("what is in arm1's hand?", 0, "arm1 has: nothing.");
    has("what happened to the apple", 0, "10:06:00 UTC (4 min ago): arm1 moved the apple from");
    has("what happened?", 0, "In this order:\n10:00:00 UTC (10 min ago): new kitchen\n");
    json_t *const out = ask("what did arm2 do", 0);
    assert_int_equal(json_array_size(json_object_get(out, "events")), 3);
    json_decref(out);
}

/* ---- what was there, and when ---------------------------------------------------------------- */
static void what_was_there(void **state) {
    (void)state;
    says("what is on the table", 0, "On the table is: the apple and the red_plate.");
    says("What was on the table?", at(200), "On the table was: the cup and the red_plate.");
    says("what was on the table 8 minutes ago", 0, "On the table was: the red_plate.");
    says("what was on the counter", at(70), "On the counter was: the apple.");
    says("what was on the counter", at(-10), "On the counter was: nothing.");
    /* In the end: with what stands in it. */
    says("what is in the kitchen", 0, "In the kitchen is: the cup, the apple and the red_plate.");
    assert_ok(mn_scene_remove(b, "", "apple"));
    says("what is on the table", 0, "On the table is: the red_plate.");
    says("what was on the table", at(500), "On the table was: the apple and the red_plate.");
    says("where was the apple before", 0,
         "The apple was on the table, from 10:06:00 UTC (4 min ago) until 10:10:00 UTC (0 s ago); "
         "arm1 put it there.");
    says("where is the apple", 0, "Where the apple was then is not known.");
}

static void when_it_was(void **state) {
    (void)state;
    says("when was the apple last moved", 0,
         "10:06:00 UTC (4 min ago): arm1 moved the apple from counter to table.");
    says("when was the cup last seen", 0, "Never, as far as is known.");
    mn_board_tell(b, "seen", "{s:s, s:s, s:s, s:f}", "thing", "cup", "by", "arm1", "at", "counter",
                  "sure", 0.9);
    says("when was the cup last seen", 0, "10:10:00 UTC (0 s ago): arm1 saw the cup at counter.");
    says("who saw the cup", 0, "arm1 saw the cup, at 10:10:00 UTC (0 s ago).");
    /* To be seen where it was is no move. */
    has("where is the cup", 0, "on the counter, from 10:05:00");
    mn_board_tell(b, "seen", "{s:s, s:s, s:s, s:f}", "thing", "cup", "by", "arm1", "at", "table",
                  "sure", 0.9);
    has("where is the cup", 0, "on the table, from 10:10:00");
}

/* ---- who is not known ------------------------------------------------------------------------ */
static void what_cannot_be_answered(void **state) {
    (void)state;
    static const struct {
        const char *question;
        int code;
        const char *says;
    } bad[] = {
        {"", MN_EINVAL, "an empty question"},
        {"???", MN_EINVAL, "an empty question"},
        {"where was the spoon?", MN_ENOENT,
         "nothing is known of 'spoon'; there are: apple, counter, cup,"},
        {"who held the golden cup?", MN_ENOENT, "nothing is known of 'golden'"},
        {"where was it?", MN_EINVAL, "where was what?"},
        {"who did it", MN_EINVAL, "who did what?"},
        {"what", MN_EINVAL, "what did who do"},
        {"when", MN_EINVAL, "when did what happen?"},
        {"the cup", MN_EINVAL, "not understood; ask: where was the cup"},
        {"where was arm1 5 minutes ago", MN_EUNSUPPORTED, "where arm1 was is not kept"},
        {"\xff\xfe where", MN_ENOENT, "nothing is known of"},
    };
    json_t *out = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(mn_past_ask(b, bad[i].question, 0, &out), bad[i].code, bad[i].says);
        assert_null(out);
    }
    char longer[2000];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_fails(mn_past_ask(b, longer, 0, &out), MN_EINVAL, "at most 511 bytes, not 1999");
    for (int i = 0; i < 500; i++) longer[i] = i % 2 ? ' ' : 'a';
    longer[500] = 0;
    assert_fails(mn_past_ask(b, longer, 0, &out), MN_EINVAL, "at most 64 words");
    /* Two of a class: which one? One of another name: that one. */
    set("cup_2", "mug", "object", "table");
    set("cup_3", "mug", "object", "table");
    assert_fails(mn_past_ask(b, "where is the mug", 0, &out), MN_EINVAL,
                 "which mug: cup_2, cup_3?");
    has("where is the plate", 0, "The red_plate is in the table");
    has("where is the cup 3", 0, "The cup_3 is in the table");
    says("where is arm1", 0, "Where arm1 is, it has not said.");
}

/* Events that others wrote, or that are none. */
static void junk_in_the_log(void **state) {
    (void)state;
    static const char *const junk[] = {"",
                                       "{",
                                       "[1]",
                                       "7",
                                       "{\"kind\": 3, \"thing\": [\"cup\"]}",
                                       "{\"kind\": \"moved\", \"thing\": \"cup\"}",
                                       "{\"kind\": \"moved\", \"thing\": \"cup\", \"to\": 5}",
                                       "{\"t\": \"soon\", \"kind\": \"seen\", \"thing\": \"cup\"}",
                                       "\xff\xff\xff"};
    char key[MN_FLEET_KEY];
    assert_ok(mn_board_key(b, "events", "", key));
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
        assert_ok(b->ops->append(b, key, junk[i], strlen(junk[i])));
    has("where is the cup", 0, "on the counter, from 10:05:00");
    has("what did arm1 do", 0, "took the cup");
    has("what is on the table", 0, "the apple");
    has("what happened to the cup", 0, "arm2 took the cup from table");
}

static void allocations_fail(void **state) {
    (void)state;
    static const char *const questions[] = {"where was the cup before", "who held the cup",
                                            "what did arm1 do", "what was on the table",
                                            "when was the cup last moved"};
    for (int q = 0; q < 5; q++)
        for (long n = 1, failed = 1; failed; n++) {
            json_t *out = NULL;
            mn_alloc_fail_after(n);
            const int rc = mn_past_ask(b, questions[q], 0, &out);
            failed = mn_alloc_fail_left() <= 0;
            mn_alloc_fail_after(0);
            if (rc < 0) assert_int_equal(rc, MN_ENOMEM);
            if (!failed) assert_int_equal(rc, 0);
            json_decref(out);
        }
}

/* Random moves, and at random moments where each thing is by a table that was kept beside. */
static void a_twin_keeps_a_table(void **state) {
    (void)state;
    enum { MOVES = 300, THINGS = 5 };
    static const char *const places[] = {"table", "counter", "kitchen", "arm1", "arm2", "carrier"};
    int where[MOVES + 1][THINGS];
    char name[THINGS][24], place[MN_NAME + 1];
    mn_random r;
    mn_random_seed(&r, 11);
    clock_at(1000);
    for (int i = 0; i < THINGS; i++) {
        snprintf(name[i], sizeof name[i], "thing%d", i);
        set(name[i], "block", "object", "table");
        where[0][i] = 0;
    }
    for (int m = 1; m <= MOVES; m++) {
        memcpy(where[m], where[m - 1], sizeof where[m]);
        const int i = (int)(mn_random_u64(&r) % THINGS), to = (int)(mn_random_u64(&r) % 6);
        clock_at(1000 + m);
        const mn_move way = {name[i], NULL, places[to], "in", NULL};
        if (mn_scene_move(b, "", NULL, &way) >= 0) where[m][i] = to; /* else a robot is full */
    }
    clock_at(2000);
    for (int tries = 0; tries < 200; tries++) {
        const int m = (int)(mn_random_u64(&r) % MOVES) + 1, i = (int)(mn_random_u64(&r) % THINGS);
        assert_int_equal(mn_past_place(b, name[i], at(1000 + m), place, NULL), 1);
        assert_string_equal(place, places[where[m][i]]);
        char question[64], answer[200];
        const int p = (int)(mn_random_u64(&r) % 2);
        snprintf(question, sizeof question, "what was on the %s", places[p]);
        json_t *const out = ask(question, at(1000 + m));
        json_t *const things = json_object_get(out, "things");
        size_t n = 0, k;
        json_t *one;
        for (int t = 0; t < THINGS; t++) n += where[m][t] == p;
        json_array_foreach(things, k, one) {
            snprintf(answer, sizeof answer, "%s", json_string_value(one));
            if (strncmp(answer, "thing", 5)) continue; /* of the morning */
            assert_int_equal(where[m][answer[5] - '0'], p);
            n--;
        }
        assert_int_equal(n, 0);
        json_decref(out);
    }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(where_things_are_and_were), T(as_of_a_moment),  T(who_had_it),
        T(what_robots_did),           T(what_was_there),  T(when_it_was),
        T(what_cannot_be_answered),   T(junk_in_the_log), T(allocations_fail),
        T(a_twin_keeps_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
