/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_crew.c - starting processes of a fleet, waiting for what they do, ending them.
 */
#include "bench/roboos_crew.h"

#include "base/clock.h"
#include "base/error.h"
#include "fleet/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 64 << 20 };

/* ---- the board ----------------------------------------------------------------------------- */
static int open_board(mn_crew *c) {
    MN_TRY(mn_region_open(c->path, ROOM, -1, &c->region));
    return mn_board_open(c->region, NULL, &c->board);
}
static void close_board(mn_crew *c) {
    if (c->board) mn_board_close(&c->board);
    mn_region_close(&c->region);
}

/* Robots here stand at the counter: what they are to work on lies there. */
static void bring_together(json_t *world) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(world, "objects"), i, one) {
        json_object_del(one, "in");
        json_object_set_new(one, "on", json_string("counter"));
    }
}

int mn_crew_open(const char *path, mn_crew *out) {
    json_t *world = NULL;
    *out = (mn_crew){.n = 0};
    snprintf(out->path, sizeof out->path, "%s", path);
    int rc = open_board(out);
    if (rc >= 0) rc = mn_fleet_world_read(NULL, &world);
    if (rc >= 0) bring_together(world);
    if (rc >= 0) rc = mn_fleet_world_put(out->board, world, "");
    if (rc >= 0) rc = mn_fleet_world_put(out->board, world, "sim/");
    json_decref(world);
    if (rc < 0) close_board(out);
    return rc;
}

void mn_crew_close(mn_crew *c) {
    for (int i = 0; i < c->n; i++) mn_crew_end(c, i, SIGKILL);
    close_board(c);
}

/* ---- processes ----------------------------------------------------------------------------- */
static volatile int ended;
static void on_term(int sign) {
    (void)sign;
    ended = 1;
}

/* In the child: 1. Its board is its own. */
static int start(mn_crew *c, int *who) {
    if (c->n == MN_CREW) return MN_FAIL(MN_EFULL, "a crew has at most %d processes", MN_CREW);
    fflush(NULL);
    const pid_t parent = getpid(), pid = fork();
    if (pid < 0) return MN_FAIL(MN_EIO, "no process could be started");
    if (pid) {
        *who = c->n;
        c->pid[c->n++] = pid;
        return 0;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, on_term);
    close_board(c);
    if (getppid() != parent || open_board(c) < 0) _exit(2);
    return 1;
}

int mn_crew_brain(mn_crew *c, int *who) {
    mn_brain *k = NULL;
    mn_drive *d = NULL;
    const int child = start(c, who);
    if (child <= 0) return child;
    if (mn_brain_open(c->board, NULL, &k) < 0 || mn_drive_open(c->region, c->board, NULL, &d) < 0)
        _exit(2);
    const int rc = mn_drive_brain(d, k, &ended);
    mn_drive_close(&d);
    mn_brain_close(&k);
    close_board(c);
    _exit(rc < 0);
}

int mn_crew_robot(mn_crew *c, const char *name, mn_crew_plug plug, void *user, int *who) {
    mn_actor_robot *r = NULL;
    mn_drive *d = NULL;
    const int child = start(c, who);
    if (child <= 0) return child;
    json_t *const profile = json_pack("{s:s, s:s, s:i, s:i, s:i, s:[ss], s:i, s:s}", "name", name,
                                      "body", "dual_arm", "speed", 1, "reach", 2, "payload", 5,
                                      "hands", "left", "right", "room_for", 0, "at", "counter");
    if (!profile || mn_actor_robot_join(c->board, profile, NULL, 0, &r) < 0 ||
        plug(user, c->board, r) < 0 || mn_drive_open(c->region, c->board, name, &d) < 0) {
        fprintf(stderr, "%s: %s\n", name, mn_error_detail());
        _exit(2);
    }
    const int rc = mn_drive_robot(d, r, 0, &ended);
    mn_drive_close(&d);
    mn_actor_robot_leave(&r);
    close_board(c);
    _exit(rc < 0);
}

int mn_crew_end(mn_crew *c, int who, int sign) {
    int status = 0;
    if (!c->pid[who]) return 0;
    if (sign) kill(c->pid[who], sign);
    waitpid(c->pid[who], &status, 0);
    c->pid[who] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- waiting ------------------------------------------------------------------------------- */
int mn_crew_until(mn_crew *c, int (*is)(mn_crew *c, const void *user), const void *user,
                  const char *what) {
    const uint64_t late = mn_clock_ns() + 60000000000u;
    while (!is(c, user)) {
        if (mn_clock_ns() > late) return MN_FAIL(MN_EIO, "after 60 s: %s", what);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    return 0;
}

static int there(mn_crew *c, const char *kind, const char *name, json_t **out) {
    return mn_board_get(c->board, kind, name, out, NULL) > 0;
}

int mn_crew_joined(mn_crew *c, const void *name) {
    json_t *lease = NULL;
    const int is = there(c, "lease/", name, &lease);
    json_decref(lease);
    return is;
}
int mn_crew_able(mn_crew *c, const void *name) {
    json_t *robot = NULL;
    const int is = mn_crew_joined(c, name) && there(c, "robot/", name, &robot) &&
                   json_array_size(json_object_get(robot, "skills")) > 0;
    json_decref(robot);
    return is;
}

int mn_crew_running(mn_crew *c, const void *name) {
    json_t *call = NULL;
    const int is = there(c, "call/", name, &call);
    const char *const state = json_string_value(json_object_get(call, "state"));
    const int runs = is && state && strcmp(state, "running") == 0;
    json_decref(call);
    return runs;
}
int mn_crew_free(mn_crew *c, const void *name) {
    return !mn_crew_running(c, name);
}

long mn_crew_events(mn_crew *c, const char *kind) {
    mn_buf value = {0};
    uint64_t number = 0;
    char key[MN_FLEET_KEY];
    long n = 0;
    if (mn_board_key(c->board, "events", "", key) < 0) return -1;
    for (uint64_t from = 0; c->board->ops->record(c->board, key, from, &value, &number) == 1;
         from = number + 1) {
        json_t *const event = json_loads(value.data, 0, NULL);
        const char *const has = json_string_value(json_object_get(event, "kind"));
        n += has && strcmp(has, kind) == 0;
        json_decref(event);
    }
    mn_buf_free(&value);
    return n;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}
double mn_crew_percentile(double *values, int n, double percent) {
    qsort(values, (size_t)n, sizeof *values, by_size);
    const int at = (int)((double)n * percent / 100);
    return n ? values[at < n ? at : n - 1] : 0;
}
