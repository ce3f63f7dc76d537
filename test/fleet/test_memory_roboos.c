/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_memory_roboos.c - the n-th allocation fails on our side of a bridge to RoboOS,
 * while a robot comes, is given a step and answers: it joins all the same, a step that could not be
 * given fails and the next one is done, and what lies in Redis is so in the end. Under the address
 * sanitizer nothing leaks. Skipped without redis-server or hiredis.
 */
#include "net/redis_server.h"

#include "base/alloc.h"
#include "base/json.h"
#include "fleet/roboos_in.h"
#include "fleet/world.h"

static mn_board *b;
static mn_roboos *x;
static mn_redis_line *ear, *mouth;
static int has_redis, steps;
static long left; /* allocations up to the one that fails; 0: it has */

static void drop(mn_redis_reply *r) {
    mn_redis_reply_free(&r);
}

/* ---- the robot ----------------------------------------------------------------------------- */
static mn_buf answer; /* "": it has nothing to say */
static int passes;

static void do_it(const char *text) {
    json_t *const task = json_loads(text, 0, NULL);
    json_t *const said =
        json_pack("{s:s, s:O, s:s, s:[], s:O}", "robot_name", "bob", "subtask_handle",
                  json_object_get(task, "task"), "subtask_result", "I am there.", "tools",
                  "task_id", json_object_get(task, "task_id"));
    assert_non_null(said);
    mn_buf_clear(&answer);
    assert_ok(mn_json_write(said, JSON_COMPACT, &answer));
    json_decref(said);
    json_decref(task);
}

/* A task or an answer may be lost with the link it was said on: now and then it answers again; who
 * has nothing to answer for long begins anew. */
static void robot_plays(void) {
    mn_redis_reply *r;
    int rc, new = 0;
    while ((rc = mn_redis_line_next(ear, 0, &r)) > 0) {
        if (r->n == 3 && !strcmp(r->part[0]->text, "message")) do_it(r->part[2]->text), new = 1;
        drop(r);
    }
    assert_ok(rc);
    if (!new && ++passes % 50) return;
    if (answer.len)
        drop(redis_do(mouth, "PUBLISH", "bob_to_RoboOS", answer.data, NULL));
    else
        drop(redis_do(mouth, "PUBLISH", "AGENT_REGISTRATION", "bob", NULL));
}

/* In a hash of Redis, is it this text? */
static int lies(const char *hash, const char *field, const char *text) {
    mn_redis_reply *const r = redis_do(mouth, "HGET", hash, field, NULL);
    const int is = r->kind == MN_REDIS_TEXT && strstr(r->text, text) != NULL;
    drop(r);
    return is;
}

/* ---- our side ------------------------------------------------------------------------------ */
static void clock_now(void) {
    mn_board_clock(b, mn_clock_ns(), (int64_t)(mn_clock_ns() / 1000));
}

/* 1: for wait_until. What is done once a second is done each time. */
static int pass(void) {
    clock_now();
    x->look = x->show = x->again = 0;
    mn_alloc_fail_after(left);
    mn_roboos_step(x, 1);
    if (left) left = mn_alloc_fail_left() > 0 ? mn_alloc_fail_left() : 0;
    mn_alloc_fail_after(0);
    robot_plays();
    return 1;
}

/* The version of its lease; 0: it has none. */
static uint64_t lease(void) {
    json_t *it = NULL;
    uint64_t version = 0;
    if (mn_board_get(b, "lease/", "bob", &it, &version) < 0) version = 0;
    json_decref(it);
    return it ? version : 0;
}

static const char *of_call(const char *field) {
    static char text[300];
    json_t *call = NULL;
    assert_ok(mn_board_get(b, "call/", "bob", &call, NULL));
    const char *const is = json_string_value(json_object_get(call, field));
    snprintf(text, sizeof text, "%s", is ? is : "");
    json_decref(call);
    return text;
}

static void give(void) {
    char id[16];
    snprintf(id, sizeof id, "s%d", ++steps);
    json_t *const call =
        json_pack("{s:s, s:s, s:i, s:s, s:{s:s}, s:I, s:s}", "task", "t1", "step", id, "try", 1,
                  "skill", "navigate", "args", "place", steps % 2 ? "sink" : "table", "lease",
                  (json_int_t)lease(), "state", "given");
    assert_ok(mn_board_put(b, "call/", "bob", call, 0, NULL));
    json_decref(call);
}

/* A robot comes, does a step and goes on living. The n-th allocation fails. 1: there was one. */
static int one(long n) {
    left = 0;
    clock_now();
    mn_alloc_fail_after(n);
    mn_redis_url at;
    int rc = mn_redis_url_read(redis_at(""), &at);
    if (rc >= 0) rc = mn_roboos_open(b, &at, &x);
    left = mn_alloc_fail_left() > 0 ? mn_alloc_fail_left() : 0;
    mn_alloc_fail_after(0);
    if (rc < 0) {
        assert_int_equal(rc, MN_ENOMEM);
        assert_null(x);
        assert_ok(mn_roboos_open(b, &at, &x));
    }
    wait_until(pass() && lease());
    for (int tries = 0;; tries++) {
        if (tries == 3)
            fail_msg("allocation %ld: %s", n, of_call("text")); /* but one of them fails, once */
        mn_buf_clear(&answer);
        give();
        wait_until(pass() &&
                   (!strcmp(of_call("state"), "done") || !strcmp(of_call("state"), "failed")));
        wait_until(pass() && lies("AGENT_BUSY", "bob", "0"));
        if (!strcmp(of_call("state"), "done")) break;
    }
    wait_until(pass() && lies("ENVIRONMENT_INFO", "counter", "cup"));
    const int hit = left == 0;
    mn_roboos_close(&x);
    assert_int_equal(lease(), 0);
    drop(redis_do(mouth, "DEL", "ENVIRONMENT_INFO", "AGENT_BUSY", NULL));
    return hit;
}

static void each(void **unused) {
    (void)unused;
    long n = 1, ran = 0;
    if (!has_redis) skip();
    for (int hit = 1; hit && n < 60000; n++) ran += hit = one(n);
    one(0);
    print_message("%ld scenes, up to allocation %ld\n", ran, n);
    assert_true(ran > 50 && n < 60000);
}

/* ---- all of it ----------------------------------------------------------------------------- */
static int begin(void **unused) {
    (void)unused;
    static const char *const more[] = {NULL};
    static const char record[] =
        "{\"robot_name\":\"bob\",\"robot_tool\":[{\"function\":{\"name\":\"navigate_to_target\"},"
        "\"input_schema\":{\"type\":\"object\"}}],\"robot_state\":\"idle\",\"timestamp\":1}";
    static const char *const subscribe[] = {"SUBSCRIBE", "roboos_to_bob"};
    json_t *world = json_loads(mn_fleet_world_kitchen, 0, NULL);
    assert_ok(mn_fleet_world_check("kitchen", world, NULL));
    assert_ok(mn_board_open_heap("main", &b));
    clock_now();
    assert_ok(mn_fleet_world_put(b, world, ""));
    json_decref(world);
    assert_int_equal(folder_begin("memory-roboos", 1), 0);
    if (!(has_redis = redis_start(more))) return 0;
    ear = redis_open(redis_at(""));
    mouth = redis_open(redis_at(""));
    drop(redis_do(mouth, "HSET", "AGENT_INFO", "bob", record));
    assert_ok(mn_redis_line_add(ear, 2, subscribe, NULL));
    assert_ok(mn_redis_line_flush(ear, redis_soon()));
    return 0;
}
static int end(void **unused) {
    (void)unused;
    mn_buf_free(&answer);
    mn_redis_line_close(&ear);
    mn_redis_line_close(&mouth);
    redis_end();
    mn_board_close(&b);
    return folder_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each)};
    return cmocka_run_group_tests(tests, begin, end);
}
