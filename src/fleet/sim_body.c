/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim_body.c - a simulated body: a host of skills that act on the truth in "sim/".
 *
 * Time passes for it in start and look alone, by the clock they are given: the same seed, world and
 * calls give the same events, bit for bit. A skill takes what its manifest says, 10 % more or less;
 * driving takes the length of the way at the speed of the robot. A way leads along the waypoints of
 * fleet/route.h through doors that are open, and ends where the place can be worked at; a door that
 * has been closed meanwhile blocks it. Driving drains the battery; under 5 % it drives to a charger
 * and nowhere else; standing at one fills it.
 *
 * What goes wrong is drawn when a skill begins: first the world's list (fleet/world.h), whose
 * counts all bodies share on the board, then chance `fail`, with one of the codes of the manifest.
 * Codes that mean more than that they are reported:
 *
 *   dropped   what is or comes into the hand falls: onto the place worked at, or the floor
 *   blocked   it stops on the way; so do no_way and battery
 *   timeout   it never ends by itself, but when it is told to
 *   hung      it never ends, whatever it is told
 *   lied      it says that it has worked, and nothing has happened
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "fleet/plan.h"
#include "fleet/sim_inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double TICK = 0.1;      /* s between looks at a robot that drives */
static const double LOW = 0.05;      /* of the battery */
static const double STAND_OFF = 0.3; /* m from the edge of a place */
#define SECOND 1e9

typedef struct sim_body {
    mn_skill_host host; /* first */
    mn_board *b;
    char robot[MN_NAME + 1];
    mn_random random;
    double pace, fail, speed, drain, charge;
    mn_skills known;       /* manifests of ours that it has */
    mn_fleet_state state;  /* the truth */
    mn_fleet_state *shown; /* the robot's own, NULL */
    uint64_t ticked;       /* ns: battery and place are of then; 0: never */
    int charging;          /* it stands at a charger */
    mn_scene truth;        /* as it was read last */
    /* what runs */
    const mn_skill *skill; /* NULL: nothing */
    json_t *args;
    uint64_t began; /* ns */
    double seconds; /* it takes, of the world's time; < 0: it does not end */
    char code[32];  /* it will fail so; "" */
    mn_buf text;
    uint64_t cancelled; /* ns; 0: it was not */
    int acted;          /* the truth has changed; its end was not told yet */
    /* where it drives */
    double way[MN_SIM_POINTS][2], far[MN_SIM_POINTS]; /* far: m from the start */
    char door[MN_SIM_POINTS][MN_NAME + 1];            /* at that point; "" */
    int points, passed;
} sim_body;

static sim_body *body_of(mn_skill_host *h) {
    return (sim_body *)h;
}

/* ---- state --------------------------------------------------------------------------------- */
static void show(sim_body *s) {
    if (!s->shown) return;
    memcpy(s->shown->p, s->state.p, sizeof s->state.p);
    memcpy(s->shown->q, s->state.q, sizeof s->state.q);
    memcpy(s->shown->v, s->state.v, sizeof s->state.v);
    memcpy(s->shown->frame, s->state.frame, sizeof s->state.frame);
    memcpy(s->shown->at, s->state.at, sizeof s->state.at);
    s->shown->battery = s->state.battery;
}

/* The truth, for all to see who simulate. */
static int state_put(sim_body *s, uint64_t now) {
    s->state.beat++;
    s->state.now = s->state.until = now;
    s->state.time = s->b->ops->time(s->b);
    show(s);
    return mn_fleet_state_put(s->b, "sim/state/", s->robot, &s->state, NULL);
}

/* Where the world puts it: of a world that came from another machine only that is here. */
static int state_begin(sim_body *s, const json_t *body) {
    const json_t *const at = json_object_get(body, "at");
    const char *const place = json_string_value(at);
    const json_t *const battery = json_object_get(json_object_get(body, "profile"), "battery");
    mn_pose pose = {.p = {json_number_value(json_array_get(at, 0)),
                          json_number_value(json_array_get(at, 1)), 0}};
    s->state = (mn_fleet_state){.format = MN_STATE_FORMAT, .q = {0, 0, 0, 1}, .battery = 1};
    if (json_is_number(battery)) s->state.battery = (float)json_number_value(battery);
    MN_TRY(mn_scene_refresh(s->b, "sim/", &s->truth, NULL));
    if (place && mn_scene_pose(&s->truth, place, &pose) < 0)
        return MN_FAIL(MN_ENOENT, "the simulated world has no '%s', where %s begins", place,
                       s->robot);
    s->state.p[0] = pose.p[0];
    s->state.p[1] = pose.p[1];
    snprintf(s->state.frame, sizeof s->state.frame, "map");
    snprintf(s->state.at, sizeof s->state.at, "%.*s", MN_NAME, place ? place : "");
    return 0;
}

/* body NULL: until its state lies there it stays as it is. */
static int state_get(sim_body *s, const json_t *body) {
    char key[MN_FLEET_KEY];
    mn_buf bytes = {0};
    uint64_t version;
    MN_TRY(mn_board_key(s->b, "sim/state/", s->robot, key));
    int rc = s->b->ops->get(s->b, key, &bytes, &version);
    if (rc > 0)
        rc = mn_fleet_state_read(bytes.data, bytes.len, &s->state);
    else if (rc == 0 && body)
        rc = state_begin(s, body);
    mn_buf_free(&bytes);
    return rc;
}

static double seconds_since(const sim_body *s, uint64_t from, uint64_t now) {
    return now > from ? (double)(now - from) / SECOND * s->pace : 0;
}

static int is_charger(const sim_body *s, const char *place) {
    const mn_thing *const t = mn_scene_thing(&s->truth, place);
    return t && !strcmp(t->class_, "charger");
}

/* Only what has changed is parsed. */
static int truth_read(sim_body *s) {
    MN_TRY(mn_scene_refresh(s->b, "sim/", &s->truth, NULL));
    s->charging = is_charger(s, s->state.at);
    return 0;
}

/* The battery fills while it stands at a charger. */
static void rest(sim_body *s, uint64_t now) {
    const double dt = s->ticked ? seconds_since(s, s->ticked, now) : 0;
    if (s->charging) s->state.battery = (float)fmin(1, s->state.battery + dt * s->charge);
    s->ticked = now;
}

/* ---- failures ------------------------------------------------------------------------------ */
static int matches(const sim_body *s, const json_t *f, const char *skill, const json_t *args) {
    const char *const a = mn_sim_arg(f, "skill"), *const r = mn_sim_arg(f, "robot");
    const char *const t = mn_sim_arg(f, "thing");
    return json_integer_value(json_object_get(f, "times")) > 0 && (!*a || !strcmp(a, skill)) &&
           (!*r || !strcmp(r, s->robot)) &&
           (!*t || !strcmp(t, mn_sim_arg(args, "thing")) || !strcmp(t, mn_sim_arg(args, "place")));
}

/* The first of the world's failures that is meant and whose chance comes true is used up once. */
static int draw_asked(sim_body *s, const char *skill, const json_t *args, char code[32]) {
    for (int tries = 0; tries < 1000; tries++) {
        json_t *all = NULL, *found = NULL, *it;
        uint64_t version;
        size_t i;
        const int rc = mn_board_get(s->b, "sim/failures", "", &all, &version);
        if (rc <= 0) return rc;
        json_array_foreach(json_object_get(all, "failures"), i, it) {
            if (!matches(s, it, skill, args)) continue;
            const json_t *const said = json_object_get(it, "chance"); /* nothing: for sure */
            const double chance = said ? json_number_value(said) : 1;
            if (chance < 1 && mn_random_unit(&s->random) >= chance) continue;
            found = it;
            break;
        }
        int put = 0;
        if (found) {
            const json_int_t times = json_integer_value(json_object_get(found, "times"));
            snprintf(code, 32, "%s", mn_sim_arg(found, "code"));
            put = json_object_set_new(found, "times", json_integer(times - 1))
                      ? MN_FAIL(MN_ENOMEM, "no memory for a failure")
                      : mn_board_put(s->b, "sim/failures", "", all, 1, &version);
        }
        json_decref(all);
        if (put != MN_ECONFLICT) return put;
        *code = 0; /* another body was faster */
    }
    return 0;
}

static int draw(sim_body *s, const mn_skill *skill, const json_t *args, char code[32]) {
    *code = 0;
    MN_TRY(draw_asked(s, skill->name, args, code));
    if (*code || s->fail <= 0 || !skill->n_codes) return 0;
    if (mn_random_unit(&s->random) >= s->fail) return 0;
    const size_t i = (size_t)(mn_random_unit(&s->random) * skill->n_codes);
    snprintf(code, 32, "%s", skill->code[i]);
    return 0;
}

/* ---- driving ------------------------------------------------------------------------------- */
static double length(const sim_body *s) {
    return s->points ? s->far[s->points - 1] : 0;
}

/* It stops where the place can be worked at, not in its middle. */
static void stand_off(sim_body *s, const char *place) {
    const mn_thing *const t = mn_scene_thing(&s->truth, place);
    const int last = s->points - 1;
    double *const to = s->way[last], *const from = s->way[last - 1];
    const double far = hypot(to[0] - from[0], to[1] - from[1]);
    double off = STAND_OFF;
    if (t && t->kind == MN_ROOM) off = 0;
    if (t && t->kind == MN_FURNITURE) off += fmin(t->size[0], t->size[1]) / 2;
    if (off >= far) off = far > 0 ? far * 0.5 : 0;
    if (far > 0)
        for (int i = 0; i < 2; i++) to[i] -= (to[i] - from[i]) / far * off;
}

static void measure(sim_body *s) {
    const mn_scene *const scene = &s->truth;
    s->far[0] = 0;
    for (int i = 0; i < s->points; i++) {
        *s->door[i] = 0;
        if (i)
            s->far[i] = s->far[i - 1] +
                        hypot(s->way[i][0] - s->way[i - 1][0], s->way[i][1] - s->way[i - 1][1]);
        for (int k = 0; i && i < s->points - 1 && k < scene->n_things; k++) {
            const mn_thing *const t = &scene->thing[k];
            if (t->kind == MN_DOOR && fabs(t->pose.p[0] - s->way[i][0]) < 1e-9 &&
                fabs(t->pose.p[1] - s->way[i][1]) < 1e-9)
                snprintf(s->door[i], sizeof s->door[i], "%.*s", MN_NAME, t->name);
        }
    }
}

/* NULL: it drives; else the code. */
static const char *set_out(sim_body *s) {
    const char *const place = mn_sim_arg(s->args, "place");
    mn_pose from = mn_pose_at("map", s->state.p[0], s->state.p[1], 0);
    s->points = 0;
    mn_buf_clear(&s->text);
    if (!strcmp(s->state.at, place)) return NULL; /* it is there */
    if (s->speed <= 0) return mn_buf_puts(&s->text, "it has no wheels and no legs"), "no_way";
    if (s->state.battery < LOW && !is_charger(s, place))
        return mn_buf_printf(&s->text, "the battery has %.0f %%", s->state.battery * 100),
               "battery";
    const int n = mn_route_points(&s->truth, &from, place, s->way, MN_SIM_POINTS);
    if (n < 0) return mn_buf_puts(&s->text, mn_error_detail()), "no_way";
    s->points = n;
    s->passed = 0;
    if (n > 1) stand_off(s, place);
    measure(s);
    return NULL;
}

/* Is a door shut that lies between the last point passed and this one? *m: it stands before it. */
static int shut_before(sim_body *s, double *m, int *shut) {
    *shut = 0;
    while (s->passed + 1 < s->points && s->far[s->passed + 1] <= *m) {
        const char *const door = s->door[s->passed + 1];
        if (*door) MN_TRY(truth_read(s));
        const mn_thing *const t = *door ? mn_scene_thing(&s->truth, door) : NULL;
        if (t && t->open == 0) {
            *m = fmax(s->far[s->passed], s->far[s->passed + 1] - STAND_OFF);
            *shut = 1;
            return mn_buf_printf(&s->text, "the %s has been closed", door);
        }
        s->passed++;
    }
    return 0;
}

static void stand_at(sim_body *s, double m) {
    int i = 0;
    while (i + 2 < s->points && s->far[i + 1] <= m) i++;
    const double *const a = s->way[i], *const b = s->way[i + 1];
    const double leg = s->far[i + 1] - s->far[i];
    const double part = leg > 0 ? fmin(fmax((m - s->far[i]) / leg, 0), 1) : 1;
    for (int k = 0; k < 2; k++) s->state.p[k] = a[k] + (b[k] - a[k]) * part;
    if (leg <= 0) return;
    const double yaw = atan2(b[1] - a[1], b[0] - a[0]);
    s->state.q[0] = s->state.q[1] = 0;
    s->state.q[2] = sin(yaw / 2);
    s->state.q[3] = cos(yaw / 2);
}

/* Time passes on the way up to `now`. 1: it goes no further, s->code says why. */
static int drive(sim_body *s, uint64_t now) {
    const double was = seconds_since(s, s->began, s->ticked), is = seconds_since(s, s->began, now);
    const double limit = s->seconds >= 0 ? s->seconds : INFINITY;
    double m = fmin(fmin(is, limit) * s->speed, length(s));
    int shut = 0;
    if (s->points < 2) return 0;
    MN_TRY(shut_before(s, &m, &shut));
    if (shut) snprintf(s->code, sizeof s->code, "blocked");
    const double driven = fmax(fmin(is, length(s) / s->speed) - was, 0);
    s->state.battery = (float)fmax(0, s->state.battery - driven * s->drain);
    if (s->state.battery <= 0 && !shut) {
        snprintf(s->code, sizeof s->code, "battery");
        mn_buf_clear(&s->text);
        MN_TRY(mn_buf_puts(&s->text, "the battery is empty"));
        shut = 1;
    }
    stand_at(s, m);
    s->state.v[0] = s->speed;
    s->ticked = now;
    return shut;
}

/* ---- a skill begins ------------------------------------------------------------------------- */
static int is(const char *a, const char *b) {
    return !strcmp(a, b);
}

static int begin(sim_body *s) {
    const mn_sim_deed deed = {s->b, s->robot, s->skill, s->args, &s->random};
    const int drives = is(s->skill->name, "navigate");
    const char *code = mn_sim_may(&deed, &s->truth, &s->text);
    s->points = 0;
    if (!code && drives) code = set_out(s);
    const double jitter = 0.9 + 0.2 * mn_random_unit(&s->random);
    s->seconds = s->skill->seconds * jitter;
    if (drives) s->seconds = s->points > 1 ? length(s) / s->speed : 0;
    if (is(s->skill->name, "wait"))
        s->seconds = fmax(0, json_number_value(json_object_get(s->args, "seconds")));
    if (code) {
        snprintf(s->code, sizeof s->code, "%s", code);
        s->seconds = 0.2 * s->skill->seconds * jitter; /* it is soon seen that it cannot be */
        s->points = 0;
        return 0;
    }
    MN_TRY(draw(s, s->skill, s->args, s->code));
    if (!*s->code) return 0;
    mn_buf_clear(&s->text);
    MN_TRY(mn_buf_printf(&s->text, "%s failed: %s", s->skill->name, s->code));
    if (is(s->code, "hung") || is(s->code, "timeout")) s->seconds = -1;
    if (is(s->code, "lied")) s->points = 0;
    if (s->points > 1 && s->seconds > 0) s->seconds *= 0.2 + 0.6 * mn_random_unit(&s->random);
    return 0;
}

static int refuse(const char *what, const char *robot, const char *skill) {
    return MN_FAIL(MN_EINVAL, "the body of %s %s '%s'", robot, what, skill);
}

/* ---- the dead ------------------------------------------------------------------------------- */
/* Its process has ended, and it did not say goodbye (who did has no state). 1; 0. */
static int has_died(sim_body *s, const char *robot) {
    uint64_t version;
    json_t *json = NULL;
    const int rc = mn_board_get(s->b, "robot/", robot, &json, NULL);
    const char *const life = json_string_value(json_object_get(json, "life"));
    const int ended = rc > 0 && life && *life && !json_object_get(json, "home") &&
                      mn_board_lives(s->b, life, NULL) == MN_LIFE_ENDED;
    json_decref(json);
    if (!ended) return rc == MN_ENOMEM ? rc : 0;
    return mn_board_version(s->b, "state/", robot, &version);
}

static int let_fall(sim_body *s, const mn_robot_seen *dead) {
    int rc = 0;
    for (size_t i = 0; i < json_array_size(dead->holds) && rc >= 0; i++) {
        json_t *const args = json_pack("{s:O}", "thing", json_array_get(dead->holds, i));
        const mn_sim_deed deed = {s->b, dead->name, s->skill, args, &s->random};
        rc = args ? mn_sim_drop(&deed, &s->truth) : MN_FAIL(MN_ENOMEM, "no memory for what falls");
        json_decref(args);
    }
    return rc;
}

/* What they had in their hands falls, in the truth, too: nobody else is there to see to it. */
static int bury(sim_body *s) {
    int some = 0;
    for (int i = 0; i < s->truth.n_robots; i++) {
        const mn_robot_seen *const r = s->truth.robot + i;
        const int dead = r->lease || !json_array_size(r->holds) ? 0 : has_died(s, r->name);
        MN_TRY(dead);
        if (dead) MN_TRY(let_fall(s, r));
        some |= dead;
    }
    return some ? truth_read(s) : 0;
}

static int start(mn_skill_host *h, const char *skill, const json_t *args, uint64_t now) {
    sim_body *const s = body_of(h);
    if (s->skill)
        return MN_FAIL(MN_EBUSY, "the body of %s is busy with '%s'", s->robot, s->skill->name);
    const mn_skill *const found = mn_skills_find(&s->known, skill);
    if (!found) return refuse("has no skill", s->robot, skill);
    json_decref(s->args);
    s->args = args ? json_deep_copy(args) : json_object();
    s->skill = found;
    s->began = now;
    s->cancelled = 0;
    s->acted = 0;
    *s->code = 0;
    mn_buf_clear(&s->text);
    int rc =
        s->args ? state_get(s, NULL) : MN_FAIL(MN_ENOMEM, "no memory for the arguments of a skill");
    if (rc >= 0) rc = truth_read(s);
    if (rc >= 0) rc = bury(s);
    if (rc >= 0) {
        rest(s, now);
        rc = begin(s);
    }
    if (rc >= 0 && s->points > 1) *s->state.at = 0; /* it is between places */
    if (rc >= 0) rc = state_put(s, now);
    if (rc < 0) s->skill = NULL;
    return rc;
}

/* ---- and ends -------------------------------------------------------------------------------- */
static int fill_end(sim_body *s, mn_skill_end *end) {
    const mn_sim_deed deed = {s->b, s->robot, s->skill, s->args, &s->random};
    json_t *seen = NULL;
    const int lied = is(s->code, "lied");
    *end = (mn_skill_end){.ok = !*s->code || lied};
    if (!end->ok) {
        snprintf(end->code, sizeof end->code, "%s", s->code);
        MN_TRY(mn_buf_puts(&end->text, s->text.data ? s->text.data : ""));
    }
    if (!s->skill->verify && !is(s->skill->name, "inspect")) return 0;
    MN_TRY(mn_sim_see(&deed, &s->truth, &seen));
    end->result = json_pack("{s:o}", "seen", seen);
    return end->result ? 0 : MN_FAIL(MN_ENOMEM, "no memory for what %s sees", s->robot);
}

static int told(sim_body *s, uint64_t now, mn_skill_end *end) {
    MN_TRY(state_put(s, now));
    MN_TRY(truth_read(s)); /* what is seen is how it is now */
    return fill_end(s, end);
}

/* Its time is up, or it was told to end: the truth changes, unless something goes wrong. */
static int finish(sim_body *s, uint64_t now, mn_skill_end *end) {
    const mn_sim_deed deed = {s->b, s->robot, s->skill, s->args, &s->random};
    const char *code = NULL;
    int rc = 0;
    s->state.v[0] = 0;
    MN_TRY(truth_read(s));
    if (s->acted) return told(s, now, end);
    if (!*s->code) rc = mn_sim_act(&deed, &s->truth, &code, &s->text);
    if (is(s->code, "dropped")) rc = mn_sim_drop(&deed, &s->truth); /* not what it never had */
    MN_TRY(rc);
    s->acted = 1;
    if (code) snprintf(s->code, sizeof s->code, "%s", code);
    if (!*s->code && is(s->skill->name, "navigate"))
        snprintf(s->state.at, sizeof s->state.at, "%.*s", MN_NAME, mn_sim_arg(s->args, "place"));
    return told(s, now, end);
}

static uint64_t when(const sim_body *s, uint64_t now, double done) {
    double left = s->seconds < 0 ? 1 : s->seconds - done;
    if (s->points > 1 && left > TICK) left = TICK;
    return now + (uint64_t)(fmax(left, 0) / s->pace * SECOND) + 1;
}

static int step(sim_body *s, uint64_t now, uint64_t *again, double *progress, mn_skill_end *end) {
    const uint64_t until = s->cancelled && s->cancelled < now ? s->cancelled : now;
    const double done = seconds_since(s, s->began, until);
    const int hung = is(s->code, "hung"), over = s->seconds >= 0 && done >= s->seconds;
    int stopped = 0;
    if (s->points > 1 && until > s->ticked) stopped = drive(s, until);
    MN_TRY(stopped);
    if (s->points < 2) rest(s, until);
    if (s->cancelled && !hung && !stopped && !over) {
        snprintf(s->code, sizeof s->code, "cancelled");
        mn_buf_clear(&s->text);
        MN_TRY(mn_buf_printf(&s->text, "%s was told to end", s->skill->name));
        stopped = 1;
    }
    if (stopped || over) {
        MN_TRY(finish(s, now, end));
        s->skill = NULL;
        return 1;
    }
    *progress = s->seconds > 0 ? fmin(done / s->seconds, 1) : 0;
    *again = when(s, now, done);
    return s->points > 1 ? state_put(s, now) : 0;
}

static int look(mn_skill_host *h, uint64_t now, uint64_t *again, double *progress,
                mn_skill_end *end) {
    sim_body *const s = body_of(h);
    *end = (mn_skill_end){0};
    *again = UINT64_MAX;
    *progress = -1;
    if (!s->skill) return 0;
    const int rc = step(s, now, again, progress, end);
    if (rc < 0) mn_skill_end_free(end);
    return rc;
}

/* ---- the host ------------------------------------------------------------------------------ */
static int list(mn_skill_host *h, json_t **manifests) {
    const sim_body *const s = body_of(h);
    json_t *const all = json_array();
    for (int i = 0; i < s->known.n; i++)
        if (json_array_append(all, s->known.skill[i].json) != 0) {
            json_decref(all);
            return MN_FAIL(MN_ENOMEM, "no memory for the skills of %s", s->robot);
        }
    *manifests = all;
    return all ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the skills of %s", s->robot);
}

/* It goes no further from here on: the end follows when it is looked at. */
static void cancel(mn_skill_host *h) {
    sim_body *const s = body_of(h);
    if (s->skill && !s->cancelled) s->cancelled = s->b->ops->now(s->b) + 1;
}

static int no_fd(mn_skill_host *h) {
    (void)h;
    return -1;
}

static void body_close(mn_skill_host **h) {
    if (!*h) return;
    sim_body *const s = body_of(*h);
    mn_skills_free(&s->known);
    mn_scene_free(&s->truth);
    json_decref(s->args);
    mn_buf_free(&s->text);
    mn_free(s);
    *h = NULL;
}

static const mn_skill_host_ops ops = {"simulated body", list,  start,     look,
                                      cancel,           no_fd, body_close};

/* The manifests of ours that the profile names. */
static int read_skills(sim_body *s, const json_t *profile) {
    const json_t *const names = json_object_get(profile, "skills");
    for (int i = 0; mn_skill_known[i]; i++) {
        json_t *const manifest = json_loads(mn_skill_known[i], 0, NULL);
        int has = 0;
        for (size_t k = 0; k < json_array_size(names); k++)
            has |= json_equal(json_array_get(names, k), json_object_get(manifest, "name"));
        const int rc = !manifest ? MN_FAIL(MN_ENOMEM, "no memory for the skills of %s", s->robot)
                       : has     ? mn_skills_add(&s->known, manifest)
                                 : 0;
        json_decref(manifest);
        if (rc < 0) return rc;
    }
    return 0;
}

static int read_body(sim_body *s) {
    json_t *body = NULL;
    uint64_t version;
    const int found = mn_board_get(s->b, "sim/robot/", s->robot, &body, &version);
    if (found == 0) return MN_FAIL(MN_ENOENT, "the simulated world has no body of '%s'", s->robot);
    MN_TRY(found);
    s->speed = json_number_value(json_object_get(body, "speed"));
    s->drain = json_number_value(json_object_get(body, "drain"));
    s->charge = json_number_value(json_object_get(body, "charge"));
    int rc = read_skills(s, json_object_get(body, "profile"));
    if (rc >= 0) rc = state_get(s, body);
    json_decref(body);
    return rc;
}

int mn_sim_body_open(mn_board *b, const char *robot, uint64_t seed, double pace, double fail,
                     mn_fleet_state *state, mn_skill_host **out) {
    *out = NULL;
    MN_TRY(mn_board_name_check("a robot", robot));
    if (!(pace > 0) || !(pace <= 1e6) || !(fail >= 0) || !(fail <= 1))
        return MN_FAIL(
            MN_EINVAL,
            "a body has a pace of more than 0 up to 1000000, and fails with a chance of 0 "
            "to 1, not %g and %g",
            pace, fail);
    sim_body *const s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for the body of %s", robot);
    s->host.ops = &ops;
    s->b = b;
    s->pace = pace;
    s->fail = fail;
    s->shown = state;
    snprintf(s->robot, sizeof s->robot, "%s", robot);
    mn_random_seed(&s->random, seed ^ mn_hash64(robot, strlen(robot)));
    mn_skill_host *host = &s->host;
    const int rc = read_body(s);
    if (rc < 0) {
        body_close(&host);
        return rc;
    }
    s->ticked = b->ops->now(b);
    show(s);
    *out = host;
    return 0;
}
