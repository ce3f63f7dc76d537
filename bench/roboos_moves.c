/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_moves.c - the storm of moves.
 *
 * Movers write what they are about to do into notes that no part of the fleet knows, then move: a
 * commit of the move, of a counter of the thing, and of the mover's own number. So whoever died is
 * judged by what is there: its number says whether its last move has happened, and the counters say
 * how many have. Now and then a mover is stopped instead, its lease is taken, and it is woken: it
 * must move nothing any more.
 */
#include "bench/roboos_moves.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "fleet/scene.h"
#include "region/region.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MOVERS = 8,
    PLACES = 8,
    NUMBERS = 1 << 17,
    CANCELLED = 3,
    BROKEN = 4,
    THINGS = MN_MOVES_THINGS
};

typedef struct seat {
    atomic_long acked; /* the number of its last move that it knows to have happened */
    atomic_long refused;
    uint8_t thing[NUMBERS]; /* of each number: written before the move */
} seat;
typedef struct notes {
    atomic_int enough, bad;
    char why[400];
    seat seat[MOVERS];
} notes;

typedef struct storm {
    const mn_moves_how *how;
    mn_moves_result *out;
    notes *n;
    mn_random random;
    pid_t pid[MOVERS];
} storm;
typedef struct mover {
    storm *s;
    seat *seat;
    char name[16];
    mn_region *r;
    mn_board *b;
    int fd;
    mn_scene_by who;
    uint64_t number_version;
    mn_random random;
} mover;

static void blame(notes *n, const char *what) {
    if (atomic_exchange(&n->bad, 1)) return;
    snprintf(n->why, sizeof n->why, "%s: %s", what, mn_error_detail());
}
static void thing_name(int i, char out[16]) {
    snprintf(out, 16, "t%d", i);
}

/* ---- a board with things, and numbers on it ------------------------------------------------ */
static int board_open(const mn_moves_how *how, mn_region **r, mn_board **b) {
    MN_TRY(mn_region_open(how->region, 64 << 20, -1, r));
    return mn_board_open(*r, NULL, b);
}
static void board_close(mn_region **r, mn_board **b) {
    if (*b) mn_board_close(b);
    mn_region_close(r);
}

static int put_number(mn_edits *e, mn_board *b, const char *kind, const char *name, long number,
                      uint64_t version) {
    json_t *const json = json_pack("{s:I}", "n", (json_int_t)number);
    const int rc = mn_edits_put(e, b, kind, name, json, version);
    json_decref(json);
    return rc;
}
static int get_number(mn_board *b, const char *kind, const char *name, long *number,
                      uint64_t *version) {
    json_t *json;
    MN_TRY(mn_board_get(b, kind, name, &json, version));
    *number = (long)json_integer_value(json_object_get(json, "n"));
    json_decref(json);
    return 0;
}

static int set(mn_board *b, const char *name, json_t *fields) {
    const int rc = mn_scene_set(b, "", NULL, name, fields);
    json_decref(fields);
    return rc;
}
static int furnish(storm *s) {
    mn_region *r = NULL;
    mn_board *b = NULL;
    char name[16], place[16];
    int rc = board_open(s->how, &r, &b);
    if (rc >= 0) rc = set(b, "hall", json_pack("{s:s}", "kind", "room"));
    for (int i = 0; rc >= 0 && i < PLACES; i++) {
        snprintf(name, sizeof name, "p%d", i);
        rc = set(b, name,
                 json_pack("{s:s, s:s, s:i}", "kind", "furniture", "at", "hall", "room_for",
                           i ? THINGS : 3));
    }
    for (int i = 0; rc >= 0 && i < s->how->movers; i++) {
        json_t *const json = json_pack("{s:i, s:[ss]}", "format", 1, "hands", "left", "right");
        snprintf(name, sizeof name, "m%d", i);
        rc = mn_board_put(b, "robot/", name, json, 0, NULL);
        json_decref(json);
    }
    for (int i = 0; rc >= 0 && i < THINGS; i++) {
        thing_name(i, name);
        snprintf(place, sizeof place, "p%d", 1 + i % (PLACES - 1));
        rc = set(b, name, json_pack("{s:s, s:s}", "at", place, "class", "thing"));
    }
    board_close(&r, &b);
    return rc;
}

/* ---- a mover ------------------------------------------------------------------------------- */
/* Its lease, and what came of the move that the one before it died in. */
static int take_seat(mover *m) {
    uint64_t version;
    long number;
    json_t *json = NULL;
    MN_TRY(mn_board_get(m->b, "lease/", m->name, &json, &version));
    json_decref(json);
    json = json_pack("{s:i}", "pid", (int)getpid());
    const int rc = mn_board_put(m->b, "lease/", m->name, json, 1, &version);
    json_decref(json);
    MN_TRY(rc);
    m->who = (mn_scene_by){m->name, version};
    MN_TRY(get_number(m->b, "call/", m->name, &number, &m->number_version));
    const long acked = atomic_load(&m->seat->acked);
    if (number != acked && number != acked + 1)
        return MN_FAIL(MN_ECORRUPT, "%s knows of %ld moves, and has made %ld", m->name, acked,
                       number);
    atomic_store(&m->seat->acked, number);
    return 0;
}

/* One commit: MN_ECONFLICT: another was faster. */
static int move_with_numbers(mover *m, const mn_move *move, long number) {
    mn_edits e = {.n = 0};
    uint64_t version;
    long n = 0;
    int rc = mn_scene_move_edits(m->b, "", &m->who, move, &e, NULL);
    if (rc < 0) {
        mn_edits_free(&e);
        return rc == MN_ECONFLICT ? MN_ECORRUPT
                                  : rc; /* no place was said that it could not be at */
    }
    rc = get_number(m->b, "task/", move->thing, &n, &version);
    if (rc >= 0) rc = put_number(&e, m->b, "task/", move->thing, n + 1, version);
    if (rc >= 0) rc = put_number(&e, m->b, "call/", m->name, number, m->number_version);
    if (rc >= 0) rc = mn_edits_commit(&e, m->b);
    for (int i = 0; rc >= 0 && i < e.n; i++)
        if (strstr(e.key[i], "/call/")) m->number_version = e.edit[i].version;
    mn_edits_free(&e);
    return rc;
}

static int move_ours(mover *m) {
    char thing[16], to[16];
    const int which = (int)(mn_random_u64(&m->random) % THINGS);
    const unsigned where = (unsigned)(mn_random_u64(&m->random) % (PLACES + 2));
    const long number = atomic_load(&m->seat->acked) + 1;
    if (number == NUMBERS) return MN_FAIL(MN_EFULL, "a mover has moved too often");
    thing_name(which, thing);
    snprintf(to, sizeof to, where < PLACES ? "p%u" : "m%u",
             where < PLACES ? where
                            : (unsigned)(mn_random_u64(&m->random) % (unsigned)m->s->how->movers));
    const mn_move move = {.thing = thing,
                          .to = to,
                          .how = where < PLACES    ? "on"
                                 : where == PLACES ? "left"
                                                   : "right"};
    int rc;
    m->seat->thing[number] = (uint8_t)which;
    do rc = m->s->how->plant && number == 20 ? 0 : move_with_numbers(m, &move, number);
    while (rc == MN_ECONFLICT);
    if (rc == MN_EFULL) { /* there is no room: a good answer */
        atomic_fetch_add(&m->seat->refused, 1);
        return 0;
    }
    if (rc >= 0) atomic_store(&m->seat->acked, number);
    return rc;
}

/* ---- the recipe ---------------------------------------------------------------------------- */
static int redis_line(int fd, char *out, size_t cap) {
    size_t n = 0;
    do MN_TRY(mn_redis_read(fd, out + n, 1));
    while (out[n] != '\n' && ++n < cap - 1);
    out[n] = 0;
    return 0;
}
/* The list of a place, as RoboOS keeps it: a JSON text in a hash. */
static int redis_get(int fd, const char *place, json_t **out) {
    char ask[128], head[64], body[4096];
    const int n =
        snprintf(ask, sizeof ask, "*3\r\n$4\r\nHGET\r\n$16\r\nENVIRONMENT_INFO\r\n$%zu\r\n%s\r\n",
                 strlen(place), place);
    MN_TRY(mn_redis_ask(fd, ask, (size_t)n, NULL, 0));
    MN_TRY(redis_line(fd, head, sizeof head));
    const long size = strtol(head + 1, NULL, 10);
    *out = NULL;
    if (head[0] != '$' || size > (long)sizeof body - 2)
        return MN_FAIL(MN_EIO, "Redis answers '%s'", head);
    if (size >= 0) MN_TRY(mn_redis_read(fd, body, (size_t)size + 2));
    *out = size < 0 ? json_array() : json_loadb(body, (size_t)size, 0, NULL);
    return *out ? 0 : MN_FAIL(MN_EIO, "Redis has no list for %s", place);
}
static int redis_set(int fd, const char *place, const json_t *list) {
    mn_buf text = {0}, ask = {0};
    char head[64];
    int rc = mn_json_write(list, JSON_COMPACT, &text);
    if (rc >= 0)
        rc = mn_buf_printf(
            &ask, "*4\r\n$4\r\nHSET\r\n$16\r\nENVIRONMENT_INFO\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
            strlen(place), place, text.len, text.data);
    if (rc >= 0) rc = mn_redis_ask(fd, ask.data, ask.len, NULL, 0);
    if (rc >= 0) rc = redis_line(fd, head, sizeof head);
    mn_buf_free(&text);
    mn_buf_free(&ask);
    return rc;
}
static int redis_change(int fd, const char *place, const char *thing, int join) {
    json_t *list;
    MN_TRY(redis_get(fd, place, &list));
    for (size_t i = json_array_size(list); !join && i-- > 0;)
        if (!strcmp(json_string_value(json_array_get(list, i)), thing)) json_array_remove(list, i);
    if (join) json_array_append_new(list, json_string(thing));
    const int rc = redis_set(fd, place, list);
    json_decref(list);
    return rc;
}
/* One of what a place has goes to another: read, change, write, twice. A turn counts though there
 * was nothing to move: in the end all may be lost. */
static int move_theirs(mover *m) {
    char from[16], to[16], thing[16];
    json_t *list;
    snprintf(from, sizeof from, "p%u", (unsigned)(mn_random_u64(&m->random) % PLACES));
    snprintf(to, sizeof to, "p%u", (unsigned)(mn_random_u64(&m->random) % PLACES));
    MN_TRY(redis_get(m->fd, from, &list));
    const size_t n = json_array_size(list);
    if (n)
        snprintf(thing, sizeof thing, "%s",
                 json_string_value(json_array_get(list, mn_random_u64(&m->random) % n)));
    json_decref(list);
    if (n && strcmp(from, to)) {
        MN_TRY(redis_change(m->fd, from, thing, 0));
        MN_TRY(redis_change(m->fd, to, thing, 1));
    }
    atomic_fetch_add(&m->seat->acked, 1);
    return 0;
}
static int furnish_redis(storm *s) {
    const int fd = mn_redis_connect(s->how->redis);
    int rc = fd < 0 ? fd : 0;
    for (int p = 0; rc >= 0 && p < PLACES; p++) {
        char place[16], thing[16];
        json_t *const list = json_array();
        snprintf(place, sizeof place, "p%d", p);
        for (int i = p; i < THINGS; i += PLACES) {
            thing_name(i, thing);
            json_array_append_new(list, json_string(thing));
        }
        rc = redis_set(fd, place, list);
        json_decref(list);
    }
    if (fd >= 0) close(fd);
    return rc;
}

/* ---- processes ----------------------------------------------------------------------------- */
static void work(storm *s, int at, uint64_t seed) {
    mover m = {.s = s, .seat = s->n->seat + at, .fd = -1};
    snprintf(m.name, sizeof m.name, "m%d", at);
    mn_random_seed(&m.random, seed);
    int rc = 0;
    if (s->how->region) {
        rc = board_open(s->how, &m.r, &m.b);
        if (rc >= 0) rc = take_seat(&m);
    } else {
        rc = m.fd = mn_redis_connect(s->how->redis);
    }
    while (rc >= 0 && !atomic_load(&s->n->bad) &&
           (atomic_load(&m.seat->acked) < s->how->moves || !atomic_load(&s->n->enough)))
        rc = m.b ? move_ours(&m) : move_theirs(&m);
    if (rc < 0 && rc != MN_ECANCELLED) blame(s->n, m.name);
    board_close(&m.r, &m.b);
    _exit(rc == MN_ECANCELLED ? CANCELLED : rc < 0 ? BROKEN : 0);
}

static int begin(storm *s, int at) {
    const uint64_t seed = mn_random_u64(&s->random);
    s->pid[at] = fork();
    if (!s->pid[at]) work(s, at, seed);
    return s->pid[at] < 0 ? MN_FAIL(MN_EIO, "cannot start a mover") : 0;
}

static long done(const storm *s) {
    long n = 0;
    for (int i = 0; i < s->how->movers; i++) n += atomic_load(&s->n->seat[i].acked);
    return n;
}
static int busy(const storm *s) {
    for (int i = 0; i < s->how->movers; i++)
        if (atomic_load(&s->n->seat[i].acked) < s->how->moves) return !atomic_load(&s->n->bad);
    return !atomic_load(&s->n->enough) && !atomic_load(&s->n->bad);
}
/* Until so many moves more, or a while: who is alive has work. */
static void wait_for(storm *s, unsigned more) {
    const long before = done(s);
    const double late = mn_clock_seconds() + 30;
    while (done(s) < before + (long)more && busy(s)) {
        if (mn_clock_seconds() > late && !atomic_exchange(&s->n->bad, 1))
            snprintf(s->n->why, sizeof s->n->why, "no mover has moved anything for 30 s");
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    nanosleep(&(struct timespec){.tv_nsec = (long)(mn_random_u64(&s->random) % 300000)}, NULL);
}

/* The lease of who is stopped is deleted: 1; 0: it has none yet. *moves: what it has moved. */
static int take(storm *s, mn_board *b, int at, const char *name, long *moves) {
    json_t *lease;
    uint64_t version;
    MN_TRY(mn_board_get(b, "lease/", name, &lease, &version));
    const int its = json_integer_value(json_object_get(lease, "pid")) == s->pid[at];
    json_decref(lease);
    if (!its) return 0;
    MN_TRY(mn_board_del(b, "lease/", name, 1, version));
    MN_TRY(get_number(b, "call/", name, moves, &version));
    return 1;
}

/* It is stopped, its lease is taken, it is woken: it must have moved nothing. 1: it has ended. */
static int take_lease(storm *s, int at) {
    mn_region *r = NULL;
    mn_board *b = NULL;
    char name[16];
    int status = 0;
    long before = 0, after = 0;
    uint64_t version;
    snprintf(name, sizeof name, "m%d", at);
    kill(s->pid[at], SIGSTOP);
    if (waitpid(s->pid[at], &status, WUNTRACED) != s->pid[at] || !WIFSTOPPED(status)) return 1;
    int rc = board_open(s->how, &r, &b);
    if (rc >= 0) rc = take(s, b, at, name, &before);
    kill(s->pid[at], SIGCONT);
    if (rc > 0) {
        waitpid(s->pid[at], &status, 0);
        s->out->taken += WIFEXITED(status) && WEXITSTATUS(status) == CANCELLED;
        const int read = get_number(b, "call/", name, &after, &version);
        if (read < 0) rc = read;
    }
    board_close(&r, &b);
    if (rc > 0 && before != after)
        return MN_FAIL(MN_ECORRUPT, "%s has moved without a lease: from %ld moves to %ld", name,
                       before, after);
    return rc;
}

static int strike(storm *s) {
    const int at = (int)(mn_random_u64(&s->random) % (unsigned)s->how->movers);
    int status;
    if (s->how->region && mn_random_u64(&s->random) % 4 == 0) {
        const int ended = take_lease(s, at);
        if (ended <= 0) return ended;
    } else {
        kill(s->pid[at], SIGKILL);
        waitpid(s->pid[at], &status, 0);
        s->out->kills += WIFSIGNALED(status);
    }
    if (s->out->kills >= s->how->kills) atomic_store(&s->n->enough, 1);
    return begin(s, at);
}

/* ---- afterwards ---------------------------------------------------------------------------- */
static void count_list(const json_t *list, int *times) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const name = json_string_value(json_array_get(list, i));
        const int at = name && *name == 't' ? (int)strtol(name + 1, NULL, 10) : -1;
        if (at >= 0 && at < THINGS) times[at]++;
    }
}
static void count_things(storm *s, const int *times) {
    for (int i = 0; i < THINGS; i++) {
        s->out->lost += times[i] == 0;
        s->out->doubled += times[i] > 1;
    }
}

static int check_numbers(storm *s, mn_board *b) {
    long moved[THINGS] = {0}, n;
    uint64_t version;
    char name[16];
    for (int i = 0; i < s->how->movers; i++) {
        mover m = {.s = s, .seat = s->n->seat + i, .b = b};
        snprintf(m.name, sizeof m.name, "m%d", i);
        const long before = atomic_load(&m.seat->acked);
        MN_TRY(take_seat(&m));
        s->out->settled += atomic_load(&m.seat->acked) - before;
        for (long k = 1; k <= atomic_load(&m.seat->acked); k++) moved[m.seat->thing[k]]++;
    }
    for (int i = 0; i < THINGS; i++) {
        thing_name(i, name);
        MN_TRY(get_number(b, "task/", name, &n, &version));
        if (n != moved[i])
            return MN_FAIL(MN_ECORRUPT, "%ld moves of %s were acknowledged, %ld happened", moved[i],
                           name, n);
        MN_TRY(mn_scene_move(b, "", NULL, &(mn_move){.thing = name, .to = "p1", .how = "on"}));
    }
    return 0;
}

static int check_ours(storm *s) {
    mn_region *r = NULL;
    mn_board *b = NULL;
    mn_scene scene = {.n_things = 0};
    mn_buf wrong = {0};
    int times[THINGS] = {0};
    int rc = board_open(s->how, &r, &b);
    if (rc >= 0) rc = mn_scene_read(b, "", &scene, &wrong);
    for (int i = 0; i < scene.n_things; i++) count_list(scene.thing[i].holds, times);
    for (int i = 0; i < scene.n_robots; i++) count_list(scene.robot[i].holds, times);
    if (rc >= 0) count_things(s, times);
    if (rc >= 0 && mn_scene_sound(&scene, &wrong) == MN_ENOMEM) rc = MN_ENOMEM;
    if (rc >= 0 && wrong.len)
        rc = MN_FAIL(MN_ECORRUPT, "%.*s", (int)strcspn(wrong.data, "\n"), wrong.data);
    if (rc >= 0) rc = check_numbers(s, b);
    mn_scene_free(&scene);
    mn_buf_free(&wrong);
    board_close(&r, &b);
    return rc;
}

static int check_theirs(storm *s) {
    const int fd = mn_redis_connect(s->how->redis);
    int times[THINGS] = {0}, rc = fd < 0 ? fd : 0;
    for (int p = 0; rc >= 0 && p < PLACES; p++) {
        char place[16];
        json_t *list = NULL;
        snprintf(place, sizeof place, "p%d", p);
        rc = redis_get(fd, place, &list);
        count_list(list, times);
        json_decref(list);
    }
    if (fd >= 0) close(fd);
    if (rc >= 0) count_things(s, times);
    return rc;
}

static int run(storm *s) {
    const double begun = mn_clock_seconds();
    int rc = s->how->region ? furnish(s) : furnish_redis(s);
    for (int i = 0; rc >= 0 && i < s->how->movers; i++) rc = begin(s, i);
    while (rc >= 0 && busy(s)) {
        wait_for(s, 1 + (unsigned)(mn_random_u64(&s->random) % 60));
        rc = strike(s);
    }
    if (rc < 0) atomic_store(&s->n->bad, 1);
    for (int i = 0; i < s->how->movers; i++)
        if (s->pid[i] > 0) waitpid(s->pid[i], NULL, 0);
    s->out->seconds = mn_clock_seconds() - begun;
    if (rc >= 0 && atomic_load(&s->n->bad)) rc = MN_FAIL(MN_ECORRUPT, "%s", s->n->why);
    if (rc >= 0) rc = s->how->region ? check_ours(s) : check_theirs(s);
    s->out->moves = done(s);
    for (int i = 0; i < s->how->movers; i++) s->out->refused += atomic_load(&s->n->seat[i].refused);
    return rc;
}

int mn_moves_storm(const mn_moves_how *how, mn_moves_result *out) {
    storm s = {.how = how, .out = out};
    *out = (mn_moves_result){0};
    s.n = mmap(NULL, sizeof *s.n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s.n == MAP_FAILED) return MN_FAIL(MN_ENOMEM, "no memory for the notes of a storm");
    mn_random_seed(&s.random, how->seed);
    const int rc = run(&s);
    munmap(s.n, sizeof *s.n);
    if (rc < 0) snprintf(out->why, sizeof out->why, "%s", mn_error_detail());
    return rc;
}
