/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_bridge_events.c - what happens at one machine is told at all of them: once, with
 * the machine's name, whatever is lost, comes twice, or ends in between; and the past is asked at
 * any of them, in the order in which it happened.
 */
#include "fleet/bridge_bed.h"

#include "fleet/past_inside.h"

static void tell(bed *d, int i, int n) {
    bed_clock(d, i);
    mn_board_tell(d->b[i], "say", "{s:i, s:s}", "n", n, "task", "t1");
}

typedef struct heard {
    int of[MACHINES][2000]; /* how often each was told; its number there is known */
    int n, wrong, last[MACHINES];
    int64_t t;
    int self;
} heard;
static int hear(void *user, const json_t *event) {
    heard *const h = user;
    const char *const home =
        json_object_get(event, "there") ? mn_past_text(event, "home") : bed_name[h->self];
    int i = 0;
    if (strcmp(mn_past_text(event, "kind"), "say") != 0) return 0;
    while (i < MACHINES && strcmp(bed_name[i], home) != 0) i++;
    assert_in_range(i, 0, MACHINES - 1);
    const int n = (int)json_integer_value(json_object_get(event, "n"));
    assert_in_range(n, 0, 1999);
    h->of[i][n]++;
    h->n++;
    /* Their clocks are days apart: of that all but the time on the way is known. */
    if (n <= h->last[i] || mn_past_time(event) < h->t - 300000) h->wrong++;
    h->last[i] = n;
    h->t = mn_past_time(event);
    char task[64];
    snprintf(task, sizeof task, "%s.t1", home);
    assert_string_equal(mn_past_text(event, "task"), i == h->self ? "t1" : task);
    return 0;
}
static void listen(bed *d, int i, heard *h) {
    *h = (heard){.self = i, .last = {-1, -1, -1, -1}};
    assert_ok(mn_past_each(d->b[i], NULL, hear, h));
}

/* Until machine i has heard n of each, and no more. */
static void all_of(bed *d, int i, int n) {
    heard *const h = malloc(sizeof *h);
    for (int t = 0; t < 6000; t++) {
        listen(d, i, h);
        if (h->n >= n * d->n) break;
        bed_run(d, 100);
    }
    for (int k = 0; k < d->n; k++)
        for (int e = 0; e < n; e++)
            if (h->of[k][e] != 1)
                fail_msg("%s: event %d of %s is there %d times", bed_name[i], e, bed_name[k],
                         h->of[k][e]);
    if (h->wrong) fail_msg("%s: %d in a wrong order", bed_name[i], h->wrong);
    free(h);
}

static void told_everywhere(void **unused) {
    (void)unused;
    bed d;
    bed_begin(&d, 3, 1);
    for (int n = 0; n < 300; n++) {
        tell(&d, n % 3, n / 3);
        bed_tick(&d);
    }
    for (int i = 0; i < 3; i++) all_of(&d, i, 100);
    bed_end(&d);
}

/* What happened without a link is told when it is there again; bridges die, boards are lost. */
static void told_later(void **unused) {
    (void)unused;
    bed d;
    bed_begin(&d, 3, 2);
    bed_run(&d, 2000);
    bed_cut(&d, 1, 1);
    for (int n = 0; n < 1500; n++) {
        for (int i = 0; i < 3; i++) tell(&d, i, n);
        if (n % 10 == 0) bed_tick(&d);
        if (n % 500 == 100) bed_restart(&d, n / 500, 0);
    }
    bed_cut(&d, 1, 0);
    for (int i = 0; i < 3; i++) all_of(&d, i, 1500);
    bed_restart(&d, 2, 1); /* its own are lost, those of the others come again, once */
    bed_run(&d, 20000);
    heard *const h = malloc(sizeof *h);
    listen(&d, 2, h);
    assert_int_equal(h->n, 3000);
    for (int e = 0; e < 1500; e++) assert_true(h->of[0][e] == 1 && h->of[1][e] == 1);
    tell(&d, 2, 0); /* and it tells anew */
    bed_run(&d, 2000);
    listen(&d, 0, h);
    assert_int_equal(h->n, 4501);
    assert_int_equal(h->of[2][0], 2);
    free(h);
    bed_end(&d);
}

static void told_once_on_a_bad_link(void **unused) {
    (void)unused;
    for (uint64_t seed = 0; seed < 12; seed++) {
        bed d;
        bed_begin(&d, 3, seed);
        d.loss = 0.4;
        d.twice = 0.4;
        d.delay = 300 * MS;
        for (int n = 0; n < 200; n++) {
            for (int i = 0; i < 3; i++) tell(&d, i, n);
            bed_tick(&d);
            if (n % 40 == 20) bed_restart(&d, (int)(seed + (uint64_t)n / 40) % 3, 0);
        }
        d.loss = 0.1;
        for (int i = 0; i < 3; i++) all_of(&d, i, 200);
        bed_end(&d);
    }
}

/* A machine that comes late gets the newest of a long log. */
static void not_more_than_is_kept(void **unused) {
    (void)unused;
    bed d;
    heard *const h = malloc(sizeof *h);
    bed_begin(&d, 2, 3);
    bed_cut(&d, 1, 1);
    for (int n = 0; n < 10000; n++) tell(&d, 0, n % 2000);
    bed_cut(&d, 1, 0);
    bed_run(&d, 30000);
    *h = (heard){.self = 1, .last = {-1, -1, -1, -1}};
    assert_ok(mn_past_each(d.b[1], NULL, hear, h));
    assert_in_range(h->n, 8000, 8192);
    assert_int_equal(h->of[0][1999], 5);
    assert_int_equal(h->of[0][0], 4);
    free(h);
    bed_end(&d);
}

/* The past of a thing that went from a robot here to one there. */
static void where_it_was(void **unused) {
    (void)unused;
    bed d;
    json_t *answer;
    bed_begin(&d, 2, 4);
    bed_thing(&d, 0, "kitchen", "room", "");
    bed_thing(&d, 0, "table", "furniture", "kitchen");
    bed_thing(&d, 0, "sink", "furniture", "kitchen");
    bed_thing(&d, 0, "cup", "object", "table");
    bed_robot(&d, 1, "wheels");
    bed_settle(&d);
    static const char *const way[][2] = {
        {"table", "wheels"}, {"wheels", "sink"}, {"sink", "wheels"}, {"wheels", "table"}};
    bed_cut(&d, 1, 1); /* beta's come late */
    for (int k = 0; k < 4; k++) {
        bed_run(&d, 1000);
        mn_board_tell(d.b[k % 2], "moved", "{s:s, s:s, s:s, s:s}", "thing", "cup", "robot",
                      "wheels", "from", way[k][0], "to", way[k][1]);
    }
    bed_cut(&d, 1, 0);
    bed_run(&d, 5000);
    for (int i = 0; i < 2; i++) {
        mn_stays stays;
        assert_ok(mn_stays_of(d.b[i], NULL, "cup", &stays));
        assert_int_equal(stays.n, 5);
        for (int k = 0; k < 4; k++) assert_string_equal(mn_stays_at(&stays, k + 1)->at, way[k][1]);
        mn_stays_free(&stays);
        assert_ok(mn_past_ask(d.b[i], "where was the cup before?", 0, &answer));
        assert_non_null(strstr(json_string_value(json_object_get(answer, "answer")), "wheels"));
        json_decref(answer);
    }
    bed_end(&d);
}

static void junk(void **unused) {
    (void)unused;
    static const char *const bad[] = {
        "\"log\":7",
        "\"log\":{\"id\":1,\"next\":-1,\"time\":1}",
        "\"log\":{\"id\":1,\"next\":9,\"time\":1,\"from\":0,\"to\":9,\"events\":[7]}",
        "\"log\":{\"id\":1,\"next\":9,\"time\":1,\"from\":0,\"to\":9,\"events\":[[9,{}]]}",
        "\"log\":{\"id\":1,\"next\":9,\"time\":1,\"from\":0,\"to\":9,\"events\":[[1,[]]]}",
        "\"log\":{\"id\":1,\"next\":9,\"time\":1,\"from\":0,\"to\":\"x\",\"events\":[]}"};
    static const char *const left[] = {
        "\"logs\":7", "\"logs\":{\"alpha\":[0,0]}", "\"logs\":{\"alpha\":7}",
        "\"log\":{\"id\":1,\"next\":9223372036854775807,\"time\":1}",
        "\"log\":{\"id\":1,\"next\":9,\"time\":1,\"from\":5,\"to\":2,\"events\":[]}"};
    bed d;
    char text[400];
    bed_begin(&d, 2, 5);
    bed_run(&d, 100);
    for (size_t i = 0; i < sizeof bad / sizeof *bad + sizeof left / sizeof *left; i++) {
        const int is_bad = i < sizeof bad / sizeof *bad;
        snprintf(text, sizeof text,
                 "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"life\":1,%s}",
                 is_bad ? bad[i] : left[i - sizeof bad / sizeof *bad]);
        const int rc = mn_bridge_take(d.g[0], text, strlen(text));
        if (rc != (is_bad ? MN_EINVAL : 0)) fail_msg("%s: %d", text, rc);
        bed_run(&d, 50);
    }
    for (int n = 0; n < 200; n++) { /* more machines than there are: passed over */
        snprintf(text, sizeof text,
                 "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"m%d\",\"life\":1,\"log\":{\"id\":1,"
                 "\"next\":9,\"time\":1,\"from\":0,\"to\":1,\"events\":[[0,{\"kind\":\"x\"}]]}}",
                 n);
        assert_ok(mn_bridge_take(d.g[0], text, strlen(text)));
    }
    assert_in_range(d.g[0]->n_logs, 32, 64);
    bed_end(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_everywhere),
        cmocka_unit_test(told_later),
        cmocka_unit_test(told_once_on_a_bad_link),
        cmocka_unit_test(not_more_than_is_kept),
        cmocka_unit_test(where_it_was),
        cmocka_unit_test(junk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
