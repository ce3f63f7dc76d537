/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_death.c - the row "death": robots are killed, or stopped as by SIGSTOP, in the
 * middle of a skill, at any moment between two heartbeats; the clock runs from the signal until
 * somebody who watches the lease is told that it is gone.
 *
 * One that hung goes on afterwards, with a skill that ends well at that moment: it must find its
 * lease gone, and what it made must not count. And under load, nobody who is well may be lost.
 */
#include "bench/roboos_death.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "bench/roboos.h"
#include "bench/roboos_crew.h"
#include "fleet/skill.h"
#include "fleet/state.h"
#include "fleet/task.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROBOTS = 4, LOOPS = 64 };
static const char polish[] =
    "{\"name\": \"polish\", \"inputSchema\": {\"type\": \"object\", \"properties\": {\"thing\": "
    "{\"type\": \"string\"}}}, \"_meta\": {\"omnesia/skill\": {\"needs\": [], \"makes\": "
    "[\"is(thing, shiny)\"], \"seconds\": 3000, \"limit\": 3600}}}";

/* It polishes until it is stopped, or *enough. */
static int run_polish(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    atomic_int *const enough = user;
    (void)args, (void)result;
    while (!atomic_load(enough))
        if (mn_skill_call_sleep(call, 0.02))
            return mn_skill_call_fail(call, "cancelled", "I was stopped");
    return 0;
}

static int plug(void *user, mn_board *board, mn_actor_robot *r) {
    json_t *const manifest = json_loads(polish, 0, NULL);
    mn_skill_host *host = NULL;
    (void)board;
    int rc = mn_skill_host_calls(&host);
    if (rc >= 0) rc = mn_skill_host_add(host, manifest, run_polish, user);
    json_decref(manifest);
    return rc < 0 ? rc : mn_actor_robot_plug(r, host);
}

/* ---- one death ----------------------------------------------------------------------------- */
static int ask_busy(mn_crew *c, const char *name, char id[16]) {
    MN_TRY(mn_fleet_ask(c->board, "make the cup shiny", "bench", 0, id));
    return mn_crew_until(c, mn_crew_running, name, "the robot works");
}

/* Until who watches is told. */
static int lease_gone(mn_crew *c, mn_watcher *w, const char *name) {
    mn_change_head change;
    for (const uint64_t late = mn_clock_ns() + 60000000000u; mn_crew_joined(c, name);) {
        MN_TRY(mn_watcher_next(w, 1000, &change));
        if (mn_clock_ns() > late) return MN_FAIL(MN_EIO, "%s keeps its lease for a minute", name);
    }
    return 0;
}

static int one(mn_crew *c, int sign, uint64_t phase, atomic_int *enough, char id[16], double *ms) {
    mn_watcher *w = NULL;
    mn_change_head change;
    char key[MN_FLEET_KEY];
    int who = -1;
    MN_TRY(mn_board_key(c->board, "lease/", "victim", key));
    MN_TRY(mn_watcher_open(c->region, key, 1, 0, &w));
    int rc = mn_crew_robot(c, "victim", plug, enough, &who);
    if (rc >= 0) rc = mn_crew_until(c, mn_crew_able, "victim", "the robot has skills");
    if (rc >= 0) rc = ask_busy(c, "victim", id);
    while (rc >= 0 && mn_watcher_next(w, 0, &change) > 0) continue; /* it knows the lease */
    if (rc >= 0) {
        nanosleep(&(struct timespec){.tv_nsec = (long)phase}, NULL);
        const uint64_t at = mn_clock_ns();
        kill(c->pid[who], sign);
        rc = lease_gone(c, w, "victim");
        *ms = (double)(mn_clock_ns() - at) * 1e-6;
    }
    mn_watcher_close(&w);
    return rc < 0 ? rc : who;
}

/* What hung goes on, its skill ends well: 1: it believed that it still had its lease. */
static int goes_on(mn_crew *c, int who, atomic_int *enough) {
    json_t *cup = NULL;
    atomic_store(enough, 1);
    const int status = mn_crew_end(c, who, SIGCONT);
    atomic_store(enough, 0);
    MN_TRY(mn_board_get(c->board, "thing/", "cup", &cup, NULL));
    const int made = json_is_true(json_object_get(json_object_get(cup, "is"), "shiny"));
    json_decref(cup);
    return status != 1 || made;
}

static int task_over(mn_crew *c, const void *id) {
    json_t *task = NULL;
    if (mn_board_get(c->board, "task/", id, &task, NULL) < 0) return 0;
    const char *const state = json_string_value(json_object_get(task, "state"));
    const int over = state && strcmp(state, "planning") && strcmp(state, "running");
    json_decref(task);
    return over;
}

static int deaths(mn_crew *c, const mn_deaths_how *how, atomic_int *enough, mn_deaths_result *out) {
    mn_random random;
    mn_random_seed(&random, how->seed);
    for (int i = 0; i < how->kills + how->hangs; i++) {
        const int hang = i >= how->kills;
        const uint64_t phase = mn_random_u64(&random) % (MN_FLEET_BEAT * 1000000u);
        char id[16];
        double *const ms = hang ? &out->hang_ms[out->hangs++] : &out->kill_ms[out->kills++];
        const int who = one(c, hang ? SIGSTOP : SIGKILL, phase, enough, id, ms);
        MN_TRY(who);
        if (hang) {
            const int late = goes_on(c, who, enough);
            MN_TRY(late);
            out->late += late;
        } else
            mn_crew_end(c, who, 0);
        c->n--; /* its place is the next one's */
        /* Without a robot it would wait for one. */
        if (!task_over(c, id)) MN_TRY(mn_fleet_cancel(c->board, id));
        MN_TRY(mn_crew_until(c, task_over, id, "the task without a robot ends"));
    }
    return 0;
}

/* ---- load ---------------------------------------------------------------------------------- */
static long beats(mn_crew *c, const char *name) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t version;
    mn_fleet_state s = {.beat = 0};
    if (mn_board_key(c->board, "state/", name, key) >= 0 &&
        c->board->ops->get(c->board, key, &value, &version) == 1)
        (void)mn_fleet_state_read(value.data, value.len, &s);
    mn_buf_free(&value);
    return (long)s.beat;
}

static int load(mn_crew *c, const mn_deaths_how *how, atomic_int *enough, mn_deaths_result *out) {
    pid_t loop[LOOPS];
    char name[ROBOTS][24];
    const long cores = sysconf(_SC_NPROCESSORS_ONLN), lost = mn_crew_events(c, "lost");
    int n = 0, who;
    for (int i = 0; i < ROBOTS; i++) {
        snprintf(name[i], sizeof name[i], "robot%d", i);
        MN_TRY(mn_crew_robot(c, name[i], plug, enough, &who));
        MN_TRY(mn_crew_until(c, mn_crew_able, name[i], "all have skills"));
    }
    for (; n < 2 * cores && n < LOOPS; n++) {
        if ((loop[n] = fork())) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (volatile unsigned long i = 0;; i++) continue;
    }
    for (uint64_t until = mn_clock_ns() + (uint64_t)(how->load * 1e9); mn_clock_ns() < until;)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    out->alarms = (int)(mn_crew_events(c, "lost") - lost);
    for (int i = 0; i < ROBOTS; i++) out->beats += beats(c, name[i]);
    for (int i = 0; i < n; i++) {
        if (loop[i] <= 0) continue;
        kill(loop[i], SIGKILL);
        waitpid(loop[i], NULL, 0);
    }
    return 0;
}

int mn_deaths_run(const mn_deaths_how *how, mn_deaths_result *out) {
    mn_crew c;
    int who;
    *out = (mn_deaths_result){.kills = 0};
    if (how->kills > MN_DEATHS || how->hangs > MN_DEATHS)
        return MN_FAIL(MN_EINVAL, "at most %d deaths", MN_DEATHS);
    atomic_int *const enough =
        mmap(NULL, sizeof *enough, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (enough == MAP_FAILED) return MN_FAIL(MN_ENOMEM, "no memory for the bench");
    int rc = mn_crew_open(how->region, &c);
    if (rc >= 0) {
        rc = mn_crew_brain(&c, &who);
        if (rc >= 0) rc = deaths(&c, how, enough, out);
        if (rc >= 0 && how->load > 0) rc = load(&c, how, enough, out);
        mn_crew_close(&c);
    }
    munmap(enough, sizeof *enough);
    return rc;
}
