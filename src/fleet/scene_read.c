/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene_read.c - a scene out of what lies on a board.
 *
 * First the list of keys with their versions, then each value whose version is not that of the
 * scene before (a refresh parses only what has changed), then the list again: when things or lists
 * have changed meanwhile, it is read once more, a few times. So a scene is whole unless they change
 * all the time, and even then each value is as it was at some moment.
 *
 * Leases and the order to stop are the fleet's, whatever the layer.
 */
#include "fleet/scene_inside.h"

#include "base/error.h"
#include "fleet/actors.h"

#include <string.h>

enum { TRIES = 8 };

/* ---- the list of what there is ------------------------------------------------------------- */
enum { THING, ROBOT, HOLDS, STATE, KINDS };
static const char *const kinds[KINDS] = {"thing/", "robot/", "holds/", "state/"};

typedef struct found {
    uint64_t version;
    char name[MN_NAME + 1];
} found;
typedef struct listing {
    size_t prefix;
    mn_buf of[KINDS]; /* of found, by name */
} listing;

static int list_one(void *user, const char *key, uint64_t version) {
    listing *const l = user;
    for (int k = 0; k < KINDS; k++) {
        const char *const name = key + l->prefix + strlen(kinds[k]);
        if (strncmp(key + l->prefix, kinds[k], strlen(kinds[k]))) continue;
        found one = {.version = version};
        const size_t n = strlen(name);
        if (!n || n > MN_NAME || memchr(name, '/', n)) return 0;
        memcpy(one.name, name, n);
        return mn_buf_append(l->of + k, &one, sizeof one);
    }
    return 0;
}

static void listing_free(listing *l) {
    for (int k = 0; k < KINDS; k++) mn_buf_free(l->of + k);
}

static int list_all(mn_board *b, const char *layer, listing *l) {
    char key[MN_FLEET_KEY];
    for (int k = 0; k < KINDS; k++) mn_buf_clear(l->of + k);
    MN_TRY(mn_board_key(b, layer, "", key));
    l->prefix = strlen(key);
    return b->ops->each(b, key, list_one, l);
}

static const found *found_at(const listing *l, int kind, size_t i) {
    return (const found *)(const void *)l->of[kind].data + i;
}
static size_t found_n(const listing *l, int kind) {
    return l->of[kind].len / sizeof(found);
}

static uint64_t version_of(const listing *l, int kind, const char *name) {
    size_t low = 0, high = found_n(l, kind);
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = strcmp(found_at(l, kind, middle)->name, name);
        if (!order) return found_at(l, kind, middle)->version;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */
typedef struct reading {
    mn_board *b;
    const char *layer;
    const mn_scene *old; /* NULL */
    mn_scene *s;
    mn_buf *wrong;
    listing l;
    int changed; /* a thing or a list, since it was listed */
} reading;

/* What is damaged is named and left out: 0. */
static int leave_out(reading *r, int rc) {
    if (rc != MN_ECORRUPT && rc != MN_EUNSUPPORTED && rc != MN_EINVAL) return rc;
    if (!r->wrong) return 0;
    MN_TRY(mn_buf_puts(r->wrong, mn_error_detail()));
    return mn_buf_puts(r->wrong, "\n");
}

/* The JSON of a value. 1, 0: it has gone. */
static int value(reading *r, const char *kind, const found *f, json_t **out, uint64_t *version) {
    *version = f->version;
    const int rc = mn_board_get(r->b, mn_layer_of(r->layer, kind).text, f->name, out, version);
    if (rc >= 0 && *version != f->version) r->changed = 1;
    return rc;
}

/* The list of `name`: *out is its own. */
static int holds(reading *r, const char *name, json_t *before, uint64_t before_version,
                 json_t **out, uint64_t *version) {
    found f = {.version = version_of(&r->l, HOLDS, name)};
    char key[MN_FLEET_KEY];
    json_t *json = NULL, *names = NULL;
    int rc = 0;
    *version = f.version;
    *out = before && before_version == f.version ? json_incref(before) : NULL;
    if (*out) return 0;
    strcpy(f.name, name);
    if (f.version) rc = value(r, kinds[HOLDS], &f, &json, version);
    if (rc > 0) {
        rc = mn_board_key(r->b, mn_layer_of(r->layer, kinds[HOLDS]).text, name, key);
        if (rc >= 0) rc = mn_holds_fields(key, json, &names);
    }
    *out = rc > 0 || names ? json_incref(names) : NULL;
    json_decref(json);
    if (rc < 0) MN_TRY(leave_out(r, rc));
    if (!*out) *out = json_array();
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the list of '%s'", name);
}

static int keep_name(reading *r, const char *name, const char **out) {
    char *copy;
    MN_TRY(mn_arena_take(&r->s->arena, strlen(name) + 1, &copy));
    strcpy(copy, name);
    *out = copy;
    return 0;
}

static int parse_thing(reading *r, const found *f, mn_thing *t) {
    char key[MN_FLEET_KEY];
    MN_TRY(mn_board_key(r->b, mn_layer_of(r->layer, kinds[THING]).text, f->name, key));
    const int rc = value(r, kinds[THING], f, &t->json, &t->version);
    return rc <= 0 ? rc : mn_thing_fields(key, t, MN_ECORRUPT) < 0 ? MN_ECORRUPT : 1;
}

/* 1: it is there; 0: gone, or damaged. *t may own something in any case. */
static int read_thing(reading *r, const found *f, mn_thing *t) {
    const mn_thing *const old = r->old ? mn_scene_thing(r->old, f->name) : NULL;
    if (old && old->version == f->version) {
        *t = *old;
        t->holds = NULL;
        json_incref(t->json);
    } else {
        const int rc = parse_thing(r, f, t);
        if (rc <= 0) return leave_out(r, rc);
    }
    MN_TRY(keep_name(r, f->name, &t->name));
    MN_TRY(holds(r, f->name, old ? old->holds : NULL, old ? old->holds_version : 0, &t->holds,
                 &t->holds_version));
    return 1;
}

static int read_skills(reading *r, mn_robot_seen *robot) {
    const json_t *const skills = json_object_get(robot->json, "skills");
    for (size_t i = 0; i < json_array_size(skills); i++) {
        const int rc = mn_skills_add(&robot->skills, json_array_get(skills, i));
        if (rc >= 0) continue;
        if (r->wrong && rc != MN_ENOMEM)
            MN_TRY(mn_buf_printf(r->wrong, "robot/%s: skills[%zu]: ", robot->name, i));
        MN_TRY(leave_out(r, rc));
    }
    return 0;
}

static int read_state(reading *r, const char *kind, const char *name, mn_fleet_state *out) {
    char key[MN_FLEET_KEY];
    mn_buf bytes = {0};
    uint64_t version;
    MN_TRY(mn_board_key(r->b, kind, name, key));
    int rc = r->b->ops->get(r->b, key, &bytes, &version);
    if (rc > 0) rc = mn_fleet_state_read(bytes.data, bytes.len, out);
    if (rc < 0 && r->wrong) MN_TRY(mn_buf_printf(r->wrong, "%s: ", key));
    mn_buf_free(&bytes);
    return leave_out(r, rc);
}

static int read_life(reading *r, mn_robot_seen *robot) {
    char key[MN_FLEET_KEY];
    mn_buf bytes = {0};
    mn_fleet_state beat = {0};
    MN_TRY(mn_board_key(r->b, "lease/", robot->name, key));
    const int rc = r->b->ops->get(r->b, key, &bytes, &robot->lease);
    mn_buf_free(&bytes);
    MN_TRY(rc);
    MN_TRY(read_state(r, mn_layer_of(r->layer, kinds[STATE]).text, robot->name, &robot->state));
    if (*r->layer)
        MN_TRY(read_state(r, kinds[STATE], robot->name, &beat));
    else
        beat = robot->state;
    robot->alive = robot->lease && beat.beat && /* another machine's lease may come first */
                   r->s->now <= beat.until + MN_FLEET_BEAT * 1000000ull;
    return 0;
}

static int parse_robot(reading *r, const found *f, mn_robot_seen *robot) {
    char key[MN_FLEET_KEY];
    MN_TRY(mn_board_key(r->b, mn_layer_of(r->layer, kinds[ROBOT]).text, f->name, key));
    const int rc = value(r, kinds[ROBOT], f, &robot->json, &robot->version);
    return rc <= 0 ? rc : mn_robot_fields(key, robot, MN_ECORRUPT) < 0 ? MN_ECORRUPT : 1;
}

static int read_robot(reading *r, const found *f, mn_robot_seen *robot) {
    const mn_robot_seen *const old = r->old ? mn_scene_robot(r->old, f->name) : NULL;
    const int same = old && !r->wrong && old->version == f->version; /* else skills are named */
    if (same) {
        *robot = *old;
        robot->lent = 1;
        robot->holds = NULL;
        robot->state = (mn_fleet_state){0};
        json_incref(robot->json);
    } else {
        const int rc = parse_robot(r, f, robot);
        if (rc <= 0) return leave_out(r, rc);
    }
    MN_TRY(keep_name(r, f->name, &robot->name));
    MN_TRY(holds(r, f->name, old ? old->holds : NULL, old ? old->holds_version : 0, &robot->holds,
                 &robot->holds_version));
    if (!same) MN_TRY(read_skills(r, robot));
    MN_TRY(read_life(r, robot));
    const char *const stands = json_string_value(json_object_get(robot->json, "at"));
    robot->at = robot->state.beat ? robot->state.at : stands ? stands : "";
    return 1;
}

static int read_stop(reading *r) {
    json_t *json;
    const int rc = mn_board_get(r->b, "stop", "", &json, NULL);
    const json_t *const robots = json_object_get(json, "robots");
    /* what cannot be read stops all: better too many than too few */
    r->s->stopped = rc < 0 || (rc > 0 && !json_is_array(robots));
    json_decref(json);
    return leave_out(r, rc);
}

/* Lists of what is not there. */
static int read_strays(reading *r) {
    for (size_t i = 0; i < found_n(&r->l, HOLDS); i++) {
        const char *const name = found_at(&r->l, HOLDS, i)->name;
        if (!r->wrong || version_of(&r->l, THING, name) || version_of(&r->l, ROBOT, name)) continue;
        MN_TRY(mn_buf_printf(r->wrong, "fleet/%s/%sholds/%s is the list of what is not there\n",
                             r->b->fleet, r->layer, name));
    }
    return 0;
}

static void free_robot(mn_robot_seen *robot) {
    if (!robot->lent) mn_skills_free(&robot->skills);
    json_decref(robot->json);
    json_decref(robot->holds);
}

static int read_all(reading *r) {
    mn_scene *const s = r->s;
    MN_TRY(list_all(r->b, r->layer, &r->l));
    const size_t things = found_n(&r->l, THING), robots = found_n(&r->l, ROBOT);
    s->now = r->b->ops->now(r->b);
    s->time = r->b->ops->time(r->b);
    MN_TRY(mn_arena_take(&s->arena, (things + 1) * sizeof *s->thing, &s->thing));
    MN_TRY(mn_arena_take(&s->arena, (robots + 1) * sizeof *s->robot, &s->robot));
    for (size_t i = 0; i < things; i++) {
        mn_thing *const t = s->thing + s->n_things;
        const int rc = read_thing(r, found_at(&r->l, THING, i), t);
        if (rc > 0) s->n_things++;
        if (rc > 0) continue;
        json_decref(t->json);
        json_decref(t->holds);
        *t = (mn_thing){0};
        MN_TRY(rc);
    }
    for (size_t i = 0; i < robots; i++) {
        mn_robot_seen *const robot = s->robot + s->n_robots;
        const int rc = read_robot(r, found_at(&r->l, ROBOT, i), robot);
        if (rc > 0) s->n_robots++;
        if (rc > 0) continue;
        free_robot(robot);
        *robot = (mn_robot_seen){0};
        MN_TRY(rc);
    }
    MN_TRY(read_strays(r));
    return read_stop(r);
}

/* Has a thing or a list changed since it was listed? */
static int changed(reading *r) {
    listing again = {0};
    int rc = r->changed;
    if (!rc && !r->b->ops->alone) {
        rc = list_all(r->b, r->layer, &again);
        for (int k = 0; rc >= 0 && k < STATE; k++)
            if (again.of[k].len != r->l.of[k].len ||
                (again.of[k].len && memcmp(again.of[k].data, r->l.of[k].data, again.of[k].len)))
                rc = 1;
    }
    listing_free(&again);
    return rc;
}

static int read_scene(mn_board *b, const char *layer, const mn_scene *old, mn_scene *out,
                      mn_buf *wrong) {
    reading r = {.b = b, .layer = layer, .old = old, .s = out, .wrong = wrong};
    const size_t kept = wrong ? wrong->len : 0;
    int rc = 1;
    for (int tries = 0; rc == 1 && tries < TRIES; tries++) {
        if (tries) mn_scene_free(out);
        *out = (mn_scene){.arena = {.what = "a scene"}};
        if (wrong && wrong->data) wrong->data[wrong->len = kept] = 0;
        r.changed = 0;
        rc = read_all(&r);
        if (!rc && tries + 1 < TRIES) rc = changed(&r);
    }
    listing_free(&r.l);
    if (rc < 0) mn_scene_free(out);
    return rc < 0 ? rc : 0;
}

int mn_scene_read(mn_board *b, const char *layer, mn_scene *out, mn_buf *wrong) {
    return read_scene(b, layer, NULL, out, wrong);
}

int mn_scene_since(mn_board *b, const char *layer, const mn_scene *before, mn_scene *out,
                   mn_buf *wrong) {
    return read_scene(b, layer, before, out, wrong);
}

int mn_scene_refresh(mn_board *b, const char *layer, mn_scene *s, mn_buf *wrong) {
    mn_scene fresh;
    MN_TRY(read_scene(b, layer, s, &fresh, wrong));
    for (int i = 0; i < fresh.n_robots; i++) {
        mn_robot_seen *const robot = fresh.robot + i, *old = mn_scene_robot(s, robot->name);
        if (!robot->lent) continue;
        robot->lent = old->lent; /* they change their owner */
        old->lent = 1;
    }
    mn_scene_free(s);
    *s = fresh;
    return 0;
}

void mn_scene_free(mn_scene *s) {
    for (int i = 0; i < s->n_things; i++) {
        json_decref(s->thing[i].json);
        json_decref(s->thing[i].holds);
    }
    for (int i = 0; i < s->n_robots; i++) free_robot(s->robot + i);
    mn_arena_free(&s->arena);
    *s = (mn_scene){0};
}
