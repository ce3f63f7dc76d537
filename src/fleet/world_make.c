/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/world_make.c - worlds and tasks by the seed.
 *
 * Rooms in a row, 2 to 4 of them, with doors between, some closed; two or three pieces of furniture
 * each, some of which can be closed; things on them, most light, a few heavy. Of the robots the
 * first is a carrier, the second a single arm, the third a dual arm, and the others are any of
 * these. The task puts things to other places, one or two more than there are robots.
 *
 * It can be done, whatever was drawn: each dual arm drives, has one hand for a thing and one for
 * doors, and lifts the heaviest; every place has room for all that comes. So somebody who does it
 * alone needs nothing else, and everybody else may fail.
 */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/random.h"
#include "fleet/world_inside.h"

#include <stdio.h>
#include <string.h>

enum { ROBOTS_LEAST = 3, ROBOTS_MOST = 6, ROOMS = 4, PLACES = 12, THINGS = 24 };

static const char *const room_names[] = {"kitchen", "hall",   "workshop",
                                         "office",  "pantry", "studio"};
static const char *const open_places[] = {"table",   "shelf", "bench", "desk",
                                          "counter", "rack",  "stand", "trolley"};
static const char *const shut_places[] = {"cabinet", "fridge", "chest", "locker"};
static const char *const light[] = {"apple", "cup",    "plate",  "bowl",  "book",   "bottle",
                                    "spoon", "hammer", "jar",    "lamp",  "towel",  "phone",
                                    "brush", "box",    "candle", "glass", "basket", "clock"};
static const char *const heavy[] = {"pot", "toolbox", "printer", "crate"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

typedef struct place {
    const char *name;
    int room, shut, n; /* n: things there, or on their way to it */
} place;
typedef struct making {
    mn_random random;
    json_t *world;
    place place[PLACES];
    int rooms, places, things, robots;
    const char *thing[THINGS];
    int at[THINGS], to[THINGS]; /* places; to -1: it stays */
    double left[ROOMS], width[ROOMS];
    int bad; /* no memory */
} making;

static int below(making *m, int n) {
    return (int)(mn_random_u64(&m->random) % (uint64_t)n);
}

/* One that ends with a digit behind the point, so that it reads well. */
static double between(making *m, double from, double to) {
    const double x = from + (to - from) * mn_random_unit(&m->random);
    return (double)(long long)(x * 10 + 0.5) / 10;
}

static void shuffle(making *m, const char **names, size_t n) {
    for (size_t i = n; i > 1; i--) {
        const size_t k = (size_t)below(m, (int)i);
        const char *const name = names[k];
        names[k] = names[i - 1];
        names[i - 1] = name;
    }
}

static void add(making *m, const char *section, json_t *entry) {
    if (json_array_append_new(json_object_get(m->world, section), entry) != 0) m->bad = 1;
}

/* ---- rooms --------------------------------------------------------------------------------- */
enum { DEPTH = 6 }; /* m */

static void make_rooms(making *m) {
    const char *names[COUNT(room_names)];
    double x = 0;
    memcpy(names, room_names, sizeof names);
    shuffle(m, names, COUNT(names));
    m->rooms = 2 + below(m, ROOMS - 1);
    for (int i = 0; i < m->rooms; i++) {
        m->left[i] = x;
        m->width[i] = between(m, 5, 9);
        add(m, "rooms",
            json_pack("{s:s, s:[f,f], s:[f,i]}", "name", names[i], "at", x + m->width[i] / 2,
                      DEPTH / 2.0, "size", m->width[i], DEPTH));
        x += m->width[i];
        if (!i) continue;
        char door[32];
        snprintf(door, sizeof door, "door%d", i);
        add(m, "doors",
            json_pack("{s:s, s:[s,s], s:[f,f], s:b}", "name", door, "joins", names[i - 1], names[i],
                      "at", m->left[i], between(m, 2, 4), "open", below(m, 4) != 0));
    }
}

/* Along the two long walls, so far apart that nobody reaches two of them. */
static void make_place(making *m, int room, int i, const char *name, int shut) {
    const double x = m->left[room] + m->width[room] * (0.25 + 0.5 * (i % 2));
    const double y = i < 2 ? DEPTH - 0.5 : 0.5;
    place *const p = &m->place[m->places++];
    const char *const in = json_string_value(
        json_object_get(json_array_get(json_object_get(m->world, "rooms"), (size_t)room), "name"));
    *p = (place){name, room, shut, 0};
    json_t *const entry = json_pack("{s:s, s:s, s:[f,f], s:[f,f,f], s:i}", "name", name, "room", in,
                                    "at", x, y, "size", 1.2, 0.6, shut ? 1.6 : 0.8, "room_for", 12);
    if (shut && json_object_set_new(entry, "open", json_boolean(below(m, 2))) != 0) m->bad = 1;
    add(m, "furniture", entry);
}

static void make_places(making *m) {
    const char *open[COUNT(open_places)], *shut[COUNT(shut_places)];
    int n_open = 0, n_shut = 0;
    memcpy(open, open_places, sizeof open);
    memcpy(shut, shut_places, sizeof shut);
    shuffle(m, open, COUNT(open));
    shuffle(m, shut, COUNT(shut));
    for (int room = 0; room < m->rooms; room++) {
        const int n = 2 + below(m, 2);
        for (int i = 0; i < n; i++) {
            const int closes = i && n_shut < (int)COUNT(shut) && below(m, 3) == 0;
            if (!closes && n_open == (int)COUNT(open)) break;
            make_place(m, room, i, closes ? shut[n_shut++] : open[n_open++], closes);
        }
    }
    add(m, "furniture",
        json_pack("{s:s, s:O, s:[f,f], s:[f,f,f], s:i}", "name", "charger", "room",
                  json_object_get(json_array_get(json_object_get(m->world, "rooms"), 0), "name"),
                  "at", 0.4, DEPTH / 2.0, "size", 0.4, 0.4, 0.3, "room_for", 0));
}

/* ---- things and robots ----------------------------------------------------------------------- */
static void make_thing(making *m, const char *name, double mass) {
    const int at = below(m, m->places);
    m->thing[m->things] = name;
    m->at[m->things] = at;
    m->to[m->things++] = -1;
    m->place[at].n++;
    add(m, "objects",
        json_pack("{s:s, s:s, s:f}", "name", name, m->place[at].shut ? "in" : "on",
                  m->place[at].name, "mass", mass));
}

static void make_things(making *m) {
    const char *names[COUNT(light)], *big[COUNT(heavy)];
    memcpy(names, light, sizeof names);
    memcpy(big, heavy, sizeof big);
    shuffle(m, names, COUNT(names));
    shuffle(m, big, COUNT(big));
    const int n = m->robots + 3 + below(m, 5), n_big = below(m, 3);
    for (int i = 0; i < n_big; i++) make_thing(m, big[i], between(m, 5, 9));
    for (int i = n_big; i < n; i++) make_thing(m, names[i], between(m, 0.1, 2));
}

static void make_robot(making *m, int i, int count[3]) {
    static const char *const bodies[] = {"wheels", "arm", "dual_arm"};
    static const char *const called[] = {"carrier", "arm", "dual"};
    const int body = i < 3 ? i : below(m, 3);
    char name[32];
    snprintf(name, sizeof name, "%s%d", called[body], ++count[body]);
    const double speed = body == 0   ? between(m, 0.8, 1.4)
                         : body == 1 ? between(m, 0.2, 0.4)
                                     : between(m, 0.3, 0.5);
    json_t *const robot = json_pack("{s:s, s:s, s:s, s:f}", "name", name, "body", bodies[body],
                                    "at", m->place[below(m, m->places)].name, "speed", speed);
    if (body == 2 && json_object_set_new(robot, "payload", json_integer(25)) != 0) m->bad = 1;
    if (body == 0 && json_object_set_new(robot, "room_for", json_integer(2 + below(m, 4))) != 0)
        m->bad = 1;
    add(m, "robots", robot);
}

/* ---- the task ------------------------------------------------------------------------------ */
/* Things that go to one place are named together: "put the cup and the bowl on the table". */
static int write_task(making *m, mn_buf *out) {
    for (int p = 0; p < m->places; p++) {
        int n = 0, k = 0;
        for (int i = 0; i < m->things; i++) n += m->to[i] == p;
        if (!n) continue;
        MN_TRY(mn_buf_printf(out, "%sput ", out->len ? ". " : ""));
        for (int i = 0; i < m->things; i++) {
            if (m->to[i] != p) continue;
            MN_TRY(mn_buf_printf(out, "%sthe %s",
                                 !k           ? ""
                                 : k == n - 1 ? " and "
                                              : ", ",
                                 m->thing[i]));
            k++;
        }
        MN_TRY(mn_buf_printf(out, " %s the %s", m->place[p].shut ? "in" : "on", m->place[p].name));
    }
    return 0;
}

static void choose_goals(making *m) {
    const int goals = m->robots + 1 + below(m, 2);
    for (int n = 0; n < goals && n < m->things;) {
        const int i = below(m, m->things), p = below(m, m->places);
        if (m->to[i] >= 0 || m->at[i] == p || m->place[p].n == 12) continue;
        m->to[i] = p;
        m->place[p].n++;
        n++;
    }
}

static int make(making *m, mn_buf *task) {
    int count[3] = {0};
    m->world = json_pack("{s:s, s:[], s:[], s:[], s:[], s:[]}", "name", "made", "rooms", "doors",
                         "furniture", "objects", "robots");
    if (!m->world) return MN_FAIL(MN_ENOMEM, "no memory for a world");
    make_rooms(m);
    make_places(m);
    make_things(m);
    for (int i = 0; i < m->robots; i++) make_robot(m, i, count);
    choose_goals(m);
    if (m->bad) return MN_FAIL(MN_ENOMEM, "no memory for a world");
    MN_TRY(write_task(m, task));
    return mn_fleet_world_check("a made world", m->world, NULL);
}

int mn_fleet_world_make(uint64_t seed, int robots, json_t **world, char **task) {
    making m = {.robots = robots};
    mn_buf text = {0};
    *world = NULL;
    *task = NULL;
    if (robots && (robots < ROBOTS_LEAST || robots > ROBOTS_MOST))
        return MN_FAIL(MN_EINVAL, "worlds are made for %d to %d robots (0: by the seed), not %d",
                       ROBOTS_LEAST, ROBOTS_MOST, robots);
    mn_random_seed(&m.random, seed);
    if (!robots) m.robots = ROBOTS_LEAST + below(&m, ROBOTS_MOST - ROBOTS_LEAST + 1);
    int rc = make(&m, &text);
    if (rc >= 0 && !(*task = mn_strdup(text.data))) rc = MN_FAIL(MN_ENOMEM, "no memory for a task");
    mn_buf_free(&text);
    if (rc < 0) json_decref(m.world);
    if (rc >= 0) *world = m.world;
    return rc < 0 ? rc : 0;
}
