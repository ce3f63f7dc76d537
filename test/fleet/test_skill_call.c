/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_skill_call.c - skills that are functions: they end, fail, are stopped, hang.
 */
#include "fleet/hosts.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define TOOL(name, more) \
    "{\"name\": \"" name \
    "\", \"inputSchema\": {\"properties\": {\"n\": {\"type\": \"number\"}}}" more "}"
#define LIMIT(s) ", \"_meta\": {\"omnesia/skill\": {\"seconds\": 0, \"limit\": " s "}}"

static int doubles(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    ++*(int *)user;
    mn_skill_call_progress(call, 0.5);
    *result = json_pack("{s:f}", "n", 2 * json_number_value(json_object_get(args, "n")));
    return 0;
}

static int fails(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    (void)user, (void)args, (void)result;
    return mn_skill_call_fail(call, "dropped", "it slipped at %d cm", 30);
}

static int errs(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    (void)user, (void)args, (void)call;
    *result = json_array();
    return json_object_get(args, "n") ? 0 : MN_FAIL(MN_EIO, "the motor does not answer");
}

static int sleeps(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    (void)user, (void)args, (void)result;
    return mn_skill_call_sleep(call, 60) ? MN_FAIL(MN_ECANCELLED, "stopped") : 0;
}

static int polls(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    (void)user, (void)args, (void)result;
    while (!mn_skill_call_stopped(call)) sched_yield();
    return MN_FAIL(MN_ECANCELLED, "stopped");
}

/* Comes back when the test lets it, whoever asks. */
static int stubborn(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    (void)call, (void)args, (void)result;
    while (!atomic_load((atomic_int *)user)) sched_yield();
    return 0;
}

static int called;
static atomic_int let_go;

static void add(mn_skill_host *h, const char *manifest,
                int (*run)(void *, mn_skill_call *, const json_t *, json_t **), void *user) {
    json_t *const json = host_json(manifest);
    assert_ok(mn_skill_host_add(h, json, run, user));
    json_decref(json);
}

static mn_skill_host *host(void) {
    mn_skill_host *h;
    assert_ok(mn_skill_host_calls(&h));
    add(h, TOOL("double", ""), doubles, &called);
    add(h, TOOL("fails", ""), fails, NULL);
    add(h, TOOL("errs", ""), errs, NULL);
    add(h, TOOL("sleeps", LIMIT("30")), sleeps, NULL);
    add(h, TOOL("polls", LIMIT("0.05")), polls, NULL);
    add(h, TOOL("stubborn", LIMIT("0.05")), stubborn, &let_go);
    called = 0;
    atomic_store(&let_go, 0);
    return h;
}

static void it_is_listed_called_and_answers(void **state) {
    (void)state;
    mn_skill_host *h = host();
    json_t *all;
    mn_skill_end end = {.ok = 0};
    double progress = -1;
    assert_int_equal(mn_skill_host_wait(h, 0), 1);
    assert_ok(h->ops->list(h, &all));
    assert_int_equal(json_array_size(all), 6);
    json_decref(all);
    const uint64_t changed = h->changed;
    add(h, TOOL("double", ""), doubles, &called);
    assert_true(h->changed > changed);
    host_start(h, "double", "{\"n\": 21}");
    json_t *const none = json_object();
    assert_fails(h->ops->start(h, "double", none, mn_clock_ns()), MN_EBUSY, "double runs");
    json_decref(none);
    host_end(h, &end, &progress);
    assert_end(&end, "", "");
    assert_true(json_number_value(json_object_get(end.result, "n")) == 42);
    assert_true(progress == 0.5);
    assert_int_equal(called, 1);
    uint64_t again;
    assert_int_equal(h->ops->look(h, mn_clock_ns(), &again, &progress, &end), 0);
    mn_skill_end_free(&end);
    h->ops->close(&h);
    assert_null(h);
}

static void what_goes_wrong_is_told_by_the_end(void **state) {
    (void)state;
    mn_skill_host *h = host();
    mn_skill_end end = {.ok = 0};
    host_do(h, "fails", "{}", &end);
    assert_end(&end, "dropped", "it slipped at 30 cm");
    host_do(h, "errs", "{}", &end);
    assert_end(&end, "failed", "the motor does not answer");
    host_do(h, "errs", "{\"n\": 1}", &end);
    assert_end(&end, "garbage", "no object");
    host_do(h, "fly", "{}", &end);
    assert_end(&end, "unknown", "no skill 'fly'");
    host_do(h, "double", "{\"n\": \"many\"}", &end);
    assert_end(&end, "arguments", "of type number");
    assert_int_equal(called, 0);
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void a_stop_reaches_it(void **state) {
    (void)state;
    mn_skill_host *h = host();
    mn_skill_end end = {.ok = 0};
    h->ops->cancel(h); /* nothing runs: nothing happens */
    host_start(h, "sleeps", "{}");
    h->ops->cancel(h);
    host_end(h, &end, NULL);
    assert_end(&end, "cancelled", "sleeps was stopped");
    host_do(h, "polls", "{}", &end); /* by its limit */
    assert_end(&end, "timeout", "after 0.05 s");
    host_do(h, "double", "{\"n\": 1}", &end);
    assert_end(&end, "", "");
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void who_does_not_come_back_is_given_up(void **state) {
    (void)state;
    mn_skill_host *h = host();
    mn_skill_end end = {.ok = 0};
    host_start(h, "stubborn", "{}");
    h->ops->cancel(h);
    host_end(h, &end, NULL);
    assert_end(&end, "hung", "stubborn was stopped, and went on");
    host_do(h, "double", "{\"n\": 1}", &end);
    assert_end(&end, "hung", "has not come back yet");
    atomic_store(&let_go, 1);
    for (uint64_t until = mn_clock_ns() + 20000000000u; !end.ok && mn_clock_ns() < until;)
        host_do(h, "double", "{\"n\": 1}", &end);
    assert_end(&end, "", "");
    atomic_store(&let_go, 0);
    host_do(h, "stubborn", "{}", &end);
    assert_end(&end, "hung", "had not ended after 0.05 s");
    /* Closing gives it up, too; what its thread still needs stays. */
    atomic_store(&let_go, 1);
    mn_skill_end_free(&end);
    h->ops->close(&h);
}

static void closing_ends_what_runs(void **state) {
    (void)state;
    mn_skill_host *h = host();
    host_start(h, "sleeps", "{}");
    h->ops->close(&h);
    h = host();
    host_start(h, "fly", "{}"); /* an end that nobody looks at */
    h->ops->close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_listed_called_and_answers),
        cmocka_unit_test(what_goes_wrong_is_told_by_the_end),
        cmocka_unit_test(a_stop_reaches_it),
        cmocka_unit_test(who_does_not_come_back_is_given_up),
        cmocka_unit_test(closing_ends_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
