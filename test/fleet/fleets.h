/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/fleets.h - a whole fleet on two to four machines in one thread, from one number:
 * boards, clocks, bridges, the Redis between them, the brain, robots and their bodies.
 *
 * There is one true world (`truth`, with true time); bodies act on it, wherever their robots run.
 * Each machine has a board of its own and clocks of its own, of some rate, that jump. Whoever is
 * due next is called; who watches a key is called soon after it has changed. In the middle of a
 * commit others may act first, as they may between any two instructions of a process.
 *
 * What is checked at each commit is in fleets_check.h.
 */
#ifndef MN_TEST_FLEETS_H
#define MN_TEST_FLEETS_H
#include "test.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/random.h"
#include "fleet/actors.h"
#include "fleet/brain_inside.h"
#include "fleet/bridge_in.h"
#include "fleet/fake_hub.h"
#include "fleet/robot_inside.h"
#include "fleet/sim_board.h"
#include "fleet/world.h"

enum { MACHINES = 4, ROBOTS = 8, LETTERS = 4096, BRAIN = 100, BRIDGE = 200, NOBODY = -1 };
static const uint64_t US = 1000, MS = 1000000, S = 1000000000, NEVER = UINT64_MAX;

typedef struct machine {
    mn_board board; /* first: what those on it see */
    mn_board *heap; /* where it lies */
    mn_bridge *bridge;
    uint64_t bridge_due; /* these are of its own clock */
    double rate;
    uint64_t local, since; /* its clock was `local` at the true time `since` */
    int64_t wall;          /* us that its time of day is wrong */
    uint64_t asleep;       /* true time until which nothing runs there */
    int cut;               /* no link to Redis */
    uint64_t relink;       /* true time; NEVER */
    uint64_t heard;        /* due time of the last letter to it */
} machine;

typedef struct body {   /* of a robot: its own clock, and the true time of its world */
    mn_skill_host host; /* first */
    mn_skill_host *inner;
    int robot;
} body;

typedef struct machine_robot {
    char name[MN_NAME + 1];
    json_t *profile; /* borrowed from the world */
    int at;          /* the machine it runs on */
    mn_actor_robot *actor;
    uint64_t due;     /* of its machine's clock */
    uint64_t stalled; /* true time until which it is stopped */
    uint64_t back;    /* true time when it joins again; NEVER */
    int starts, was_stopped;
} machine_robot;

typedef struct letter {
    int from, to; /* -1: Redis */
    uint64_t due;
    json_t *message; /* read once, for all to whom it goes */
} letter;

typedef struct fleets {
    uint64_t seed, now;
    mn_random random;
    mn_board *truth;
    json_t *world, *goals;
    char *text, id[2 * MN_NAME];
    machine machine[MACHINES];
    int n;
    machine_robot robot[ROBOTS];
    int robots;
    mn_brain *brain;
    int brain_at;
    uint64_t brain_due, brain_stalled, brain_back;
    fake_hub redis;
    letter letter[LETTERS];
    int letters;
    uint64_t lives, delay, messages;
    double loss, twice, between; /* between: how likely others act in the middle of a commit */
    int in_order, often;         /* often: s between accidents, at most */
    int holds_on;                /* a hand does not open when its robot dies */
    int acting, deep;
    const char *plant; /* "" */
    int say;           /* events, and accidents */
    /* what was found out: fleets_check.h */
    int ended, done, reached, forgets;
    int unsaid;    /* a board was lost that had not told all it knew: nobody knows that any more */
    json_t *begun; /* {"robot task step try": 1} */
    uint64_t commits;
} fleets;

static fleets *F; /* the one that runs */
static const char *const machine_name[MACHINES] = {"alpha", "beta", "gamma", "delta"};

static void check_before(machine *m, mn_edit *edits, int n);
static void check_commit(machine *m, const mn_edit *edits, int n);
static void check_event(machine *m, const char *text, size_t n);
static void check_robot_step(machine_robot *r, int stopped);

static int below(int n) {
    return (int)(mn_random_u64(&F->random) % (uint64_t)n);
}
static int chance(double p) {
    return mn_random_unit(&F->random) < p;
}
static uint64_t up_to(uint64_t ns) {
    return mn_random_u64(&F->random) % (ns + 1);
}
static int planted(const char *what) {
    return strcmp(F->plant, what) == 0;
}

/* ---- clocks -------------------------------------------------------------------------------- */
static uint64_t machine_now(const machine *m) {
    return m->local + (uint64_t)((double)(F->now - m->since) * m->rate);
}
static void machine_rate(machine *m, double rate, uint64_t ahead) {
    m->local = machine_now(m) + ahead;
    m->since = F->now;
    m->rate = rate;
}
/* The true time of a moment of its clock. */
static uint64_t true_time(const machine *m, uint64_t local) {
    const uint64_t now = machine_now(m);
    uint64_t at = local <= now ? F->now
                  : local - now > 10000 * S
                      ? NEVER
                      : F->now + (uint64_t)((double)(local - now) / m->rate) + 1;
    return at < m->asleep ? m->asleep : at;
}

/* ---- boards -------------------------------------------------------------------------------- */
static machine *machine_of(mn_board *b) {
    return (machine *)(void *)b;
}
static void sooner(uint64_t *due, uint64_t when) {
    if (when < *due) *due = when;
}

/* Who watches this key is called soon. */
static void wake(machine *m, const char *key) {
    const int at = (int)(m - F->machine);
    const uint64_t soon = machine_now(m) + 20 * US + up_to(100 * US);
    for (int i = 0; i < F->robots; i++) {
        machine_robot *const r = F->robot + i;
        if (r->at == at && r->actor && F->acting != i && mn_sim_wakes(key, r->name))
            sooner(&r->due, soon);
    }
    if (F->brain && F->brain_at == at && F->acting != BRAIN && mn_sim_wakes(key, NULL))
        sooner(&F->brain_due, soon);
    if (F->acting != BRIDGE + at && !strstr(key, "/bridge/"))
        sooner(&m->bridge_due, soon + up_to(10 * MS));
}

static int board_get(mn_board *b, const char *key, mn_buf *value, uint64_t *version) {
    mn_board *const heap = machine_of(b)->heap;
    if (planted("stop") && F->acting >= 0 && F->acting < BRAIN && strstr(key, "/stop")) {
        *version = 0;
        return 0;
    }
    return heap->ops->get(heap, key, value, version);
}
static int board_each(mn_board *b, const char *prefix,
                      int (*each)(void *user, const char *key, uint64_t version), void *user) {
    mn_board *const heap = machine_of(b)->heap;
    return heap->ops->each(heap, prefix, each, user);
}
static int board_record(mn_board *b, const char *key, uint64_t from, mn_buf *value,
                        uint64_t *number) {
    mn_board *const heap = machine_of(b)->heap;
    return heap->ops->record(heap, key, from, value, number);
}
static uint64_t board_now(mn_board *b) {
    return machine_now(machine_of(b));
}
static int64_t board_time(mn_board *b) {
    return 1700000000000000 + (int64_t)(F->now / 1000) + machine_of(b)->wall;
}
static void board_close(mn_board **b) {
    *b = NULL; /* it is a part of its machine */
}
static void others_act(machine *m);

static int board_commit(mn_board *b, mn_edit *edits, int n) {
    machine *const m = machine_of(b);
    const int robot = F->acting >= 0 && F->acting < BRAIN && n > 1;
    if (F->acting != NOBODY && !F->deep && chance(F->between * (robot ? 8 : 1))) others_act(m);
    check_before(m, edits, n);
    const int rc = m->heap->ops->commit(m->heap, edits, n);
    F->commits++;
    if (rc < 0) return rc;
    check_commit(m, edits, n);
    for (int i = 0; i < n; i++)
        if (edits[i].kind != MN_EDIT_CHECK) wake(m, edits[i].key);
    return rc;
}
static int board_append(mn_board *b, const char *key, const void *value, size_t n) {
    machine *const m = machine_of(b);
    check_event(m, value, n);
    return m->heap->ops->append(m->heap, key, value, n);
}
static const mn_board_ops board_ops = {
    "machine",    1,         board_get,  board_commit, board_each, board_append,
    board_record, board_now, board_time, board_close};

static void machine_open(machine *m) {
    assert_ok(mn_board_open_heap(NULL, &m->heap));
    m->board.ops = &board_ops;
    memcpy(m->board.fleet, m->heap->fleet, sizeof m->board.fleet);
}

/* ---- Redis and what is on the way ---------------------------------------------------------- */
static void post(int from, int to, json_t *message) {
    if (chance(F->loss) || F->letters == LETTERS) return;
    uint64_t due = F->now + 100 * US + up_to(F->delay);
    if (to >= 0 && F->in_order)
        due = F->machine[to].heard = due > F->machine[to].heard ? due : F->machine[to].heard + 1;
    letter *const l = F->letter + F->letters++;
    *l = (letter){from, to, due, json_incref(message)};
}
static void letters_drop(int of) { /* of a machine; -1: all */
    for (int i = 0; i < F->letters;) {
        letter *const l = F->letter + i;
        if (of >= 0 && l->from != of && l->to != of) {
            i++;
            continue;
        }
        json_decref(l->message);
        *l = F->letter[--F->letters];
    }
}
static void link_cut(int at) {
    machine *const m = F->machine + at;
    if (m->cut) return;
    m->cut = 1;
    letters_drop(at);
    mn_bridge_down(m->bridge);
}
static void link_up(int at) {
    machine *const m = F->machine + at;
    m->relink = NEVER;
    if (!m->cut) return;
    m->cut = 0;
    const int was = F->acting;
    F->acting = BRIDGE + at;
    fake_hub_give(&F->redis, m->bridge, m->board.fleet);
    mn_bridge_up(m->bridge);
    F->acting = was;
    m->bridge_due = machine_now(m);
}
/* A letter comes: to Redis, which keeps it and says it to all others, or to a machine. */
static void arrive(int i) {
    const letter l = F->letter[i];
    F->letter[i] = F->letter[--F->letters];
    if (l.to < 0) {
        fake_hub_keep(&F->redis, l.message);
        for (int k = 0; k < F->n; k++) {
            if (k == l.from || F->machine[k].cut) continue;
            post(-1, k, l.message);
            if (chance(F->twice)) post(-1, k, l.message);
        }
    } else if (!F->machine[l.to].cut) {
        machine *const m = F->machine + l.to;
        F->acting = BRIDGE + l.to;
        assert_ok(bridge_take_json(m->bridge, l.message));
        F->acting = NOBODY;
        sooner(&m->bridge_due, machine_now(m) + US);
    }
    json_decref(l.message);
}

/* Planted: the last to write is who says so by his time of day. */
static void by_clock(machine *m, json_t *all) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(all, "records"), i, one) {
        json_array_set_new(one, 1, json_integer(0));
        json_array_set_new(one, 2, json_integer(m->board.ops->time(&m->board)));
    }
}

static void bridge_open(int at) {
    machine *const m = F->machine + at;
    const mn_bridge_how how = {.machine = machine_name[at],
                               .life = ++F->lives,
                               .watch = 1,
                               .look = 200 * MS,
                               .beat = 100 * MS};
    const int was = F->acting;
    F->acting = BRIDGE + at;
    assert_ok(mn_bridge_open(&m->board, &how, &m->bridge));
    F->acting = was;
    m->bridge_due = machine_now(m);
    if (m->cut) return;
    m->cut = 1;
    link_up(at);
}
/* Some messages are written and read on their way, as all are between true machines. */
static void as_text(json_t **message) {
    mn_buf text = {0};
    if (++F->messages % 8) return;
    assert_ok(mn_json_write(*message, JSON_COMPACT, &text));
    assert_true(text.len <= MN_BRIDGE_MESSAGE);
    json_decref(*message);
    *message = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(*message);
    mn_buf_free(&text);
}
static void bridge_step(int at) {
    machine *const m = F->machine + at;
    json_t *message;
    F->acting = BRIDGE + at;
    m->bridge_due = NEVER;
    uint64_t again;
    assert_ok(mn_bridge_step(m->bridge, &again));
    sooner(&m->bridge_due, again);
    int rc = 0;
    while (!m->cut && (rc = bridge_next_json(m->bridge, &message)) > 0) {
        as_text(&message);
        if (planted("clock")) by_clock(m, message);
        post(at, -1, message);
        json_decref(message);
    }
    assert_ok(rc);
    F->acting = NOBODY;
}

/* ---- bodies -------------------------------------------------------------------------------- */
static body *body_of(mn_skill_host *h) {
    return (body *)h;
}
static int body_list(mn_skill_host *h, json_t **manifests) {
    return body_of(h)->inner->ops->list(body_of(h)->inner, manifests);
}
static int body_start(mn_skill_host *h, const char *skill, const json_t *args, uint64_t now) {
    body *const y = body_of(h);
    (void)now;
    F->robot[y->robot].starts++;
    return y->inner->ops->start(y->inner, skill, args, F->now);
}
static int body_look(mn_skill_host *h, uint64_t now, uint64_t *again, double *progress,
                     mn_skill_end *end) {
    body *const y = body_of(h);
    const machine *const m = F->machine + F->robot[y->robot].at;
    uint64_t when = NEVER;
    const int rc = y->inner->ops->look(y->inner, F->now, &when, progress, end);
    *again = when == NEVER    ? NEVER
             : when <= F->now ? now
                              : now + (uint64_t)((double)(when - F->now) * m->rate) + 1;
    return rc;
}
static void body_cancel(mn_skill_host *h) {
    body_of(h)->inner->ops->cancel(body_of(h)->inner);
}
static int body_fd(mn_skill_host *h) {
    (void)h;
    return -1;
}
static void body_close(mn_skill_host **h) {
    if (!*h) return;
    body_of(*h)->inner->ops->close(&body_of(*h)->inner);
    free(*h);
    *h = NULL;
}
static const mn_skill_host_ops body_ops = {"body",      body_list, body_start, body_look,
                                           body_cancel, body_fd,   body_close, NULL};

/* ---- robots -------------------------------------------------------------------------------- */
static void robot_join(int i) {
    machine_robot *const r = F->robot + i;
    machine *const m = F->machine + r->at;
    uint64_t seed = F->seed ^ (uint64_t)(i + 1) << 32 ^ F->lives++ << 40;
    mn_skill_host *inner = NULL;
    F->acting = i;
    const int rc = mn_actor_robot_join(&m->board, r->profile, NULL, 0, &r->actor);
    r->back = rc == MN_EBUSY ? F->now + 300 * MS : NEVER;
    if (rc != MN_EBUSY) {
        assert_ok(rc);
        assert_ok(mn_sim_body_open(F->truth, r->name, mn_random_mix(&seed), 1,
                                   0.03 * (double)(F->seed % 3), mn_actor_robot_state(r->actor),
                                   &inner));
        body *const y = calloc(1, sizeof *y);
        *y = (body){{&body_ops, 0}, inner, i};
        assert_ok(mn_actor_robot_plug(r->actor, &y->host));
        r->due = machine_now(m);
        r->stalled = 0;
    }
    F->acting = NOBODY;
}
static void robot_gone(machine_robot *r, uint64_t back) {
    r->due = NEVER;
    r->back = F->now + back;
}
static void robot_step(int i) {
    machine_robot *const r = F->robot + i;
    machine *const m = F->machine + r->at;
    uint64_t due = 0;
    F->acting = i;
    r->due = NEVER;
    const int stopped = mn_fleet_stopped(m->heap, r->name);
    r->starts = 0;
    const int rc = mn_actor_robot_step(r->actor, &due);
    if (rc == MN_ECANCELLED) {
        mn_actor_robot_leave(&r->actor);
        robot_gone(r, 100 * MS + up_to(2 * S));
    } else {
        assert_ok(rc);
        check_robot_step(r, stopped);
        const uint64_t now = machine_now(m);
        sooner(&r->due, due > now ? due : now + US);
    }
    F->acting = NOBODY;
}

/* ---- the brain ----------------------------------------------------------------------------- */
static void brain_step(void) {
    machine *const m = F->machine + F->brain_at;
    uint64_t due = 0;
    F->acting = BRAIN;
    F->brain_due = NEVER;
    int rc = F->brain ? 0 : mn_brain_open(&m->board, NULL, &F->brain);
    if (rc != MN_EBUSY) assert_ok(rc);
    const uint64_t now = machine_now(m);
    if (F->brain) rc = mn_brain_step(F->brain, &due);
    if (rc == MN_EBUSY)
        due = now + S / 4;
    else if (rc == MN_ECANCELLED) {
        mn_brain_die(&F->brain);
        due = now + S;
    } else
        assert_ok(rc);
    sooner(&F->brain_due, due > machine_now(m) ? due : machine_now(m) + US);
    F->acting = NOBODY;
}

/* ---- time ---------------------------------------------------------------------------------- */
static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}
static uint64_t robot_when(const machine_robot *r) {
    const machine *const m = F->machine + r->at;
    if (!r->actor) return later(r->back, m->asleep);
    return r->due == NEVER ? NEVER : later(true_time(m, r->due), r->stalled);
}
/* Who acts next, and when: a robot, BRAIN, BRIDGE + machine, 300 + letter, 400 + machine: its link
 * comes back. */
static int next(uint64_t *due) {
    int who = NOBODY;
    *due = NEVER;
#define SOONER(when, is)                            \
    do {                                            \
        const uint64_t when_ = (when);              \
        if (when_ < *due) *due = when_, who = (is); \
    } while (0)
    for (int i = 0; i < F->n; i++) {
        machine *const m = F->machine + i;
        if (m->bridge_due != NEVER) SOONER(true_time(m, m->bridge_due), BRIDGE + i);
        if (m->cut) SOONER(m->relink, 20000 + i);
    }
    for (int i = 0; i < F->robots; i++) SOONER(robot_when(F->robot + i), i);
    if (F->brain_due != NEVER)
        SOONER(later(true_time(F->machine + F->brain_at, F->brain_due), F->brain_stalled), BRAIN);
    for (int i = 0; i < F->letters; i++) {
        const letter *const l = F->letter + i;
        SOONER(l->to < 0 ? l->due : later(l->due, F->machine[l->to].asleep), 1000 + i);
    }
#undef SOONER
    return who;
}
static void time_is(uint64_t now) {
    if (now > F->now) F->now = now;
    mn_board_clock(F->truth, F->now, (int64_t)(F->now / 1000));
}
static void act(int who) {
    if (who >= 20000)
        link_up(who - 20000);
    else if (who >= 1000)
        arrive(who - 1000);
    else if (who >= BRIDGE)
        bridge_step(who - BRIDGE);
    else if (who == BRAIN)
        brain_step();
    else if (F->robot[who].actor)
        robot_step(who);
    else
        robot_join(who);
}
/* Until that time. */
static void run_until(uint64_t end) {
    for (;;) {
        uint64_t due;
        const int who = next(&due);
        if (due > end) break;
        time_is(due);
        act(who);
    }
    time_is(end);
}

/* Between two instructions of who commits: his machine's clock goes on, and another one acts. */
static void others_act(machine *m) {
    const int at = (int)(m - F->machine), was = F->acting;
    F->deep = 1;
    for (int tries = 1 + below(8); tries--;) {
        const int who = below(2) ? F->robots : below(F->robots + 2);
        time_is(F->now + up_to(400 * MS));
        if (who < F->robots && who != was && F->robot[who].at == at && F->robot[who].actor)
            robot_step(who);
        if (who == F->robots && was != BRAIN && F->brain && F->brain_at == at) brain_step();
        if (who > F->robots && was != BRIDGE + at && m->bridge) bridge_step(at);
        F->acting = was;
    }
    F->acting = was;
    F->deep = 0;
}

#endif
