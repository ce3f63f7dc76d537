/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_drive.c - a brain and robots as processes of their own on a region: a task is
 * done, a robot is killed with SIGKILL while it holds something, a stop is noticed, a state is put
 * a thousand times a second, and whoever waits is woken by nothing but what concerns him.
 */
#include "fakes.h"

#include "base/clock.h"
#include "folder.h"
#include "region/region.h"
#include "until.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 64 << 20, PROCESSES = 4 };
static mn_region *region;
static char path[96];
static pid_t pids[PROCESSES];
static int n_pids;

static void open_board(void) {
    assert_ok(mn_region_open(path, ROOM, -1, &region));
    assert_ok(mn_board_open(region, "test", &board));
}
static void close_board(void) {
    mn_board_close(&board);
    mn_region_close(&region);
}

static int begin(void **state) {
    (void)state;
    assert_int_equal(folder_begin("drive", 1), 0);
    snprintf(path, sizeof path, "%s/region", folder);
    n_pids = 0;
    open_board();
    fake_kitchen();
    return 0;
}
static int end(void **state) {
    (void)state;
    for (int i = 0; i < n_pids; i++) {
        if (pids[i] <= 0) continue;
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    close_board();
    return folder_end();
}

/* ---- processes ----------------------------------------------------------------------------- */
static volatile int ended;
static void on_term(int sign) {
    (void)sign;
    ended = 1;
}

static int as_brain(void) {
    mn_brain *k = NULL;
    mn_drive *d = NULL;
    if (mn_brain_open(board, NULL, &k) < 0 || mn_drive_open(region, board, NULL, &d) < 0) return 1;
    const int rc = mn_drive_brain(d, k, &ended);
    mn_drive_close(&d);
    mn_brain_close(&k);
    return rc < 0;
}

static int as_robot(const char *name, double hz, uint64_t takes) {
    static fake_host host;
    mn_drive *d = NULL;
    mn_actor_robot *r = fake_robot(name, "counter", fake_open(&host, NULL));
    host.takes = takes;
    if (mn_drive_open(region, board, name, &d) < 0) return 1;
    const int rc = mn_drive_robot(d, r, hz, &ended);
    mn_drive_close(&d);
    mn_actor_robot_leave(&r);
    return rc < 0;
}

/* A child opens the region itself, as every process does. robot NULL: the brain. */
static int start(const char *robot, double hz, uint64_t takes) {
    const pid_t pid = fork();
    if (pid == 0) {
        signal(SIGTERM, on_term);
        close_board();
        open_board();
        _exit(robot ? as_robot(robot, hz, takes) : as_brain());
    }
    assert_true(pid > 0);
    pids[n_pids++] = pid;
    return n_pids - 1;
}
static void end_well(int i) {
    int status = -1;
    kill(pids[i], SIGTERM);
    assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
    pids[i] = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int is(const char *kind, const char *name, const char *field, const char *text) {
    json_t *const value = fake_get(kind, name);
    const char *const has = json_string_value(json_object_get(value, field));
    const int same = has && strcmp(has, text) == 0;
    json_decref(value);
    return same;
}
static int is_there(const char *kind, const char *name) {
    json_t *const value = fake_get(kind, name);
    const int there = value != NULL;
    json_decref(value);
    return there;
}

/* ---- tests --------------------------------------------------------------------------------- */
static void processes_do_a_task_together(void **state) {
    (void)state;
    char id[16];
    const int ann = start("ann", 0, 20), bob = start("bob", 0, 20);
    wait_until(is_there("lease/", "ann") && is_there("lease/", "bob"));
    const int brain = start(NULL, 0, 0);
    assert_ok(mn_fleet_ask(board, "put the cup and the apple on the table", "test", 0, id));
    wait_until(is("task/", id, "state", "done"));
    fake_is("thing/", "cup", "at", "table");
    fake_is("thing/", "apple", "at", "table");
    fake_sound();
    end_well(ann);
    end_well(bob);
    end_well(brain);
    assert_false(is_there("lease/", "ann")); /* it said goodbye */
    assert_false(is_there("brain", ""));
}

static void a_killed_robot_is_replaced_and_nothing_is_lost(void **state) {
    (void)state;
    char id[16];
    const int ann = start("ann", 0, 300), brain = start(NULL, 0, 0);
    wait_until(is_there("lease/", "ann"));
    assert_ok(mn_fleet_ask(board, "put the cup on the table", "test", 0, id));
    wait_until(is("thing/", "cup", "at", "ann"));
    start("bob", 0, 20);
    wait_until(is_there("lease/", "bob"));
    const double killed = mn_clock_seconds();
    kill(pids[ann], SIGKILL);
    wait_until(!is_there("lease/", "ann"));
    print_message("the death was seen after %.0f ms; two heartbeats are %d\n",
                  (mn_clock_seconds() - killed) * 1e3, 2 * MN_FLEET_BEAT);
    wait_until(is("task/", id, "state", "done"));
    fake_is("thing/", "cup", "at", "table");
    fake_sound();
    end_well(brain);
}

static int epoch(void) {
    json_t *const lease = fake_get("brain", "");
    const int n = (int)json_integer_value(json_object_get(lease, "epoch"));
    json_decref(lease);
    return n;
}

static void a_killed_brain_is_replaced(void **state) {
    (void)state;
    char id[16];
    start("ann", 0, 200);
    const int first = start(NULL, 0, 0);
    assert_ok(mn_fleet_ask(board, "put the cup on the table", "test", 0, id));
    wait_until(is("task/", id, "state", "running"));
    kill(pids[first], SIGKILL);
    while (epoch() == 1) { /* its lease runs out; until then others end at once */
        const int next = start(NULL, 0, 0);
        wait_until(epoch() > 1 || waitpid(pids[next], NULL, WNOHANG) == pids[next]);
        if (epoch() == 1) n_pids--;
    }
    wait_until(is("task/", id, "state", "done"));
    fake_is("thing/", "cup", "at", "table");
}

static void a_stop_is_noticed_at_once(void **state) {
    (void)state;
    char id[16];
    start("ann", 0, 60000); /* a minute a step: only a stop ends it */
    start(NULL, 0, 0);
    wait_until(is_there("lease/", "ann"));
    assert_ok(mn_fleet_ask(board, "put the cup on the table", "test", 0, id));
    double worst = 0;
    for (int i = 0; i < 10; i++) {
        wait_until(is("call/", "ann", "state", "running"));
        const double at = mn_clock_seconds();
        assert_ok(mn_fleet_stop(board, i % 2 ? "ann" : NULL, "test"));
        wait_until(!is("call/", "ann", "state", "running"));
        const double took = mn_clock_seconds() - at;
        worst = took > worst ? took : worst;
        assert_ok(mn_fleet_resume(board, i % 2 ? "ann" : NULL));
    }
    print_message("the slowest of 10 stops took %.1f ms\n", worst * 1e3);
    assert_true(is("task/", id, "state", "running"));
}

static uint64_t beat_of(const char *name, mn_fleet_state *s) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t version;
    assert_ok(mn_board_key(board, "state/", name, key));
    if (board->ops->get(board, key, &value, &version) == 1)
        assert_ok(mn_fleet_state_read(value.data, value.len, s));
    mn_buf_free(&value);
    return s->beat;
}

static void a_state_is_put_as_often_as_was_asked_for(void **state) {
    (void)state;
    mn_fleet_state s = {.beat = 0};
    start("ann", 1000, 20);
    wait_until(beat_of("ann", &s) >= 1);
    const uint64_t first = s.beat, began = s.now;
    wait_until(beat_of("ann", &s) >= first + 1000);
    print_message("1000 states in %.3f s\n", (double)(s.now - began) * 1e-9);
    /* not more often than that; how much later is the machine's business */
    assert_true((double)(s.now - began) * 1e-9 > 0.9);
    assert_true(s.until - s.now == (uint64_t)MN_FLEET_BEAT * FAKE_MS);
}

static void heartbeats_of_others_wake_nobody(void **state) {
    (void)state;
    mn_drive *d = NULL;
    char id[16];
    assert_ok(mn_drive_open(region, board, "zoe", &d));
    const uint64_t now = board->ops->now(board);
    while (mn_drive_wait(d, NULL, 0, now + 300 * FAKE_MS) == 1) continue; /* threads begin */
    fake_put("state/", "ann", "{}");
    fake_put("call/", "ann", "{\"state\":\"idle\"}");
    assert_ok(mn_fleet_ask(board, "put the cup on the table", "test", 0, id));
    assert_int_equal(mn_drive_wait(d, NULL, 0, board->ops->now(board) + 100 * FAKE_MS), 0);
    fake_put("call/", "zoe", "{\"state\":\"idle\"}");
    assert_int_equal(mn_drive_wait(d, NULL, 0, board->ops->now(board) + 60000 * (uint64_t)FAKE_MS),
                     1);
    const double at = mn_clock_seconds();
    mn_drive_close(&d);
    assert_true(mn_clock_seconds() - at < 1.5); /* it does not wait for its threads to look again */
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(processes_do_a_task_together),
        T(a_killed_robot_is_replaced_and_nothing_is_lost),
        T(a_killed_brain_is_replaced),
        T(a_stop_is_noticed_at_once),
        T(a_state_is_put_as_often_as_was_asked_for),
        T(heartbeats_of_others_wake_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
