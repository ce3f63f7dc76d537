/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/profile.c - profiles of robots: a table of fields, and what a body is when nobody says.
 */
#include "base/budget.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "fleet/world_inside.h"

#include <stdio.h>
#include <string.h>

enum { HANDS = 4, SKILLS = 64, WORDS = 64, LEAST_MEMORY = 1 << 20 };

/* What is not said. The last row is any other word. */
static const struct body {
    const char *name;
    double speed, reach, payload;
    const char *hand[2];
    int room_for;
} bodies[] = {
    {"wheels", 1.0, 0.0, 30.0, {NULL, NULL}, 4},
    {"arm", 0.0, 0.9, 3.0, {"hand", NULL}, 0},
    {"dual_arm", 0.3, 1.0, 10.0, {"left", "right"}, 0},
    {"", 0.0, 0.0, 0.0, {NULL, NULL}, 0},
};
enum { BODIES = sizeof bodies / sizeof *bodies };

static const struct number {
    const char *name, *what;
    double max;
    int whole;
} numbers[] = {
    {"speed", "metres per second", 100, 0},
    {"reach", "metres", 100, 0},
    {"payload", "kilograms", 100000, 0},
    {"room_for", "a number of things", 1000, 1},
    {"battery", "a part", 1, 0},
    {"drain", "a part of the battery per second", 1, 0},
    {"charge", "a part of the battery per second", 1, 0},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static const char *const others[] = {"name", "body", "about", "hands", "skills",
                                     "at",   "type", "tools", "places"};

/* A profile that is being looked at. */
typedef struct looked {
    const char *path, *where; /* where "": the whole file */
    json_t *p;
    const json_t *lines;
} looked;

static void place_of(const looked *l, const char *field, char out[256]) {
    snprintf(out, 256, "%s%s%s", l->where, *l->where && *field ? "/" : "", field);
}

/* "not 'far'": a value as it stands there. */
void mn_profile_shown(const json_t *value, char out[96]) {
    mn_buf b = {0};
    if (json_is_string(value))
        snprintf(out, 96, "'%.80s'", json_string_value(value));
    else if (mn_json_write(value, JSON_COMPACT | JSON_ENCODE_ANY, &b) == 0)
        snprintf(out, 96, "%.90s", b.data);
    else
        snprintf(out, 96, "this");
    mn_buf_free(&b);
}

#define WRONG(l, field, ...) \
    (place_of((l), (field), at_), mn_yaml_wrong((l)->path, (l)->lines, at_, __VA_ARGS__))

static int is_word(const json_t *value) {
    return mn_board_name_check("a name",
                               json_string_value(value) ? json_string_value(value) : "") == 0;
}

static int set(const looked *l, const char *field, json_t *value) {
    if (json_object_set_new(l->p, field, value) == 0) return 0;
    return MN_FAIL(MN_ENOMEM, "no memory for the profile in %s", l->path ? l->path : "memory");
}

/* ---- fields -------------------------------------------------------------------------------- */
static int check_known(const looked *l) {
    const char *key;
    json_t *value;
    char at_[256], have[256] = "";
    json_object_foreach(l->p, key, value) {
        int found = !strncmp(key, "x-", 2);
        for (size_t i = 0; i < NUMBERS; i++) found |= !strcmp(key, numbers[i].name);
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            found |= !strcmp(key, others[i]);
        if (found) continue;
        for (size_t i = 0; i < NUMBERS; i++)
            snprintf(have + strlen(have), sizeof have - strlen(have), ", %s", numbers[i].name);
        return WRONG(
            l, key, "a profile has no such field: it has name, body, about, hands, skills%s", have);
    }
    return 0;
}

static int check_number(const looked *l, const struct number *n, double none) {
    const json_t *const value = json_object_get(l->p, n->name);
    const double v = json_number_value(value);
    char at_[256], is[96];
    if (!value) return set(l, n->name, n->whole ? json_integer((json_int_t)none) : json_real(none));
    if (json_is_number(value) && v >= 0 && v <= n->max && (!n->whole || json_is_integer(value)))
        return 0;
    mn_profile_shown(value, is);
    return WRONG(l, n->name, "it takes %s from 0 to %g, not %s", n->what, n->max, is);
}

static int check_hands(const looked *l, const struct body *body) {
    json_t *hands = json_object_get(l->p, "hands");
    char at_[256], field[32], is[96];
    if (!hands) {
        MN_TRY(set(l, "hands", json_array()));
        hands = json_object_get(l->p, "hands");
        for (int i = 0; i < 2 && body->hand[i]; i++)
            if (json_array_append_new(hands, json_string(body->hand[i])) != 0)
                return MN_FAIL(MN_ENOMEM, "no memory for the hands of a robot");
        return 0;
    }
    mn_profile_shown(hands, is);
    if (!json_is_array(hands) || json_array_size(hands) > HANDS)
        return WRONG(l, "hands", "it takes a list of up to %d names, not %s", HANDS, is);
    for (size_t i = 0; i < json_array_size(hands); i++) {
        const json_t *const hand = json_array_get(hands, i);
        const char *const name = json_string_value(hand);
        snprintf(field, sizeof field, "hands/%zu", i);
        mn_profile_shown(hand, is);
        if (!is_word(hand) || !strcmp(name, "in") || !strcmp(name, "on"))
            return WRONG(l, field, "it takes the name of a hand (not 'in' and not 'on'), not %s",
                         is);
        for (size_t k = 0; k < i; k++)
            if (json_equal(json_array_get(hands, k), hand))
                return WRONG(l, field, "%s is here twice", is);
    }
    return 0;
}

/* ---- skills -------------------------------------------------------------------------------- */
/* The manifests of ours, read once for a profile. */
static int ours_read(mn_skills *ours) {
    for (int i = 0; mn_skill_known[i]; i++) {
        json_t *const manifest = json_loads(mn_skill_known[i], 0, NULL);
        const int rc = manifest ? mn_skills_add(ours, manifest)
                                : MN_FAIL(MN_ENOMEM, "no memory for the skills of a robot");
        json_decref(manifest);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Can a body do it? By its facts: who stands still gets nowhere, who has no hands holds nothing. */
static int can(const mn_skill *s, int drives, int grips) {
    for (int i = 0; i < s->n_makes; i++)
        if (s->makes[i].name == MN_FACT_AT && !drives) return 0;
    for (int i = 0; i < s->n_needs; i++) {
        const mn_fact *const f = &s->needs[i];
        const int hand = f->name == MN_FACT_FREE || f->name == MN_FACT_HOLDING;
        if (hand && f->arg[0] && !strcmp(f->arg[0], "robot") && !grips) return 0;
    }
    return 1;
}

static int fill_skills(const looked *l, const mn_skills *ours) {
    const int drives = json_number_value(json_object_get(l->p, "speed")) > 0;
    const int grips = json_array_size(json_object_get(l->p, "hands")) > 0;
    MN_TRY(set(l, "skills", json_array()));
    json_t *const skills = json_object_get(l->p, "skills");
    for (int i = 0; i < ours->n; i++)
        if (can(&ours->skill[i], drives, grips) &&
            json_array_append_new(skills, json_string(ours->skill[i].name)) != 0)
            return MN_FAIL(MN_ENOMEM, "no memory for the skills of a robot");
    return 0;
}

int mn_profile_memory(const json_t *skill, uint64_t *bytes) {
    const json_t *const memory = json_object_get(skill, "memory");
    const char *const text = json_string_value(memory);
    const json_int_t n = json_integer_value(memory);
    *bytes = n > 0 ? (uint64_t)n : 0;
    if (!memory) return 0;
    if (text) MN_TRY(mn_budget_parse(text, bytes));
    if (*bytes >= LEAST_MEMORY) return 0;
    return MN_FAIL(MN_EINVAL, "a program takes an amount of memory from %dM, such as 512M or 2G",
                   LEAST_MEMORY >> 20);
}

static int check_command(const looked *l, const char *field, const json_t *command) {
    char at_[256], inner[80], is[96];
    mn_profile_shown(command, is);
    if (!json_is_array(command) || !json_array_size(command) || json_array_size(command) > WORDS)
        return WRONG(l, field, "it takes a list of 1 to %d words, not %s", WORDS, is);
    for (size_t i = 0; i < json_array_size(command); i++) {
        const char *const word = json_string_value(json_array_get(command, i));
        snprintf(inner, sizeof inner, "%s/%zu", field, i);
        mn_profile_shown(json_array_get(command, i), is);
        if (!word || (!i && !*word)) return WRONG(l, inner, "it takes a word, not %s", is);
    }
    return 0;
}

static int check_skill(const looked *l, const mn_skills *ours, size_t i) {
    const json_t *const skill = json_array_get(json_object_get(l->p, "skills"), i);
    const json_t *const command = json_object_get(skill, "command");
    const json_t *const url = json_object_get(skill, "url");
    char at_[256], field[48], is[96], names[128] = "";
    snprintf(field, sizeof field, "skills/%zu", i);
    mn_profile_shown(skill, is);
    if (json_is_string(skill)) {
        if (mn_skills_find(ours, json_string_value(skill))) return 0;
        for (int k = 0; k < ours->n; k++)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k ? ", " : "",
                     ours->skill[k].name);
        return WRONG(l, field, "there is no skill %s of ours: there are %s", is, names);
    }
    const size_t limited = command && json_object_get(skill, "memory");
    if (!json_is_object(skill) || json_object_size(skill) != 1 + limited || (!command && !url))
        return WRONG(
            l, field,
            "it takes the name of a skill, {command: [program, ..]}, with memory: 512M if you "
            "like, or {url: http://..}, not %s",
            is);
    uint64_t bytes;
    if (mn_profile_memory(skill, &bytes) < 0) {
        char why[200];
        snprintf(why, sizeof why, "%s", mn_error_detail());
        snprintf(field, sizeof field, "skills/%zu/memory", i);
        return WRONG(l, field, "%s", why);
    }
    snprintf(field, sizeof field, "skills/%zu/%s", i, command ? "command" : "url");
    if (command) return check_command(l, field, command);
    const char *const text = json_string_value(url);
    mn_profile_shown(url, is);
    if (text && (!strncmp(text, "http://", 7) || !strncmp(text, "https://", 8))) return 0;
    return WRONG(l, field, "it takes an address that begins with http:// or https://, not %s", is);
}

static int check_listed(const looked *l, const mn_skills *ours) {
    const json_t *const skills = json_object_get(l->p, "skills");
    char at_[256], is[96];
    if (!skills) return fill_skills(l, ours);
    mn_profile_shown(skills, is);
    if (!json_is_array(skills) || json_array_size(skills) > SKILLS)
        return WRONG(l, "skills", "it takes a list of up to %d skills, not %s", SKILLS, is);
    for (size_t i = 0; i < json_array_size(skills); i++) MN_TRY(check_skill(l, ours, i));
    return 0;
}

static int check_skills(const looked *l) {
    mn_skills ours = {.n = 0};
    int rc = ours_read(&ours);
    if (rc >= 0) rc = check_listed(l, &ours);
    mn_skills_free(&ours);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------- */
static int check_words(const looked *l) {
    static const char *const texts[] = {"about", "type"};
    const json_t *const name = json_object_get(l->p, "name");
    const json_t *const body = json_object_get(l->p, "body");
    char at_[256], is[96];
    mn_profile_shown(name, is);
    if (!name) return WRONG(l, "", "a robot has a name: write name: NAME");
    if (!is_word(name))
        return WRONG(l, "name", "it takes a name of 1 to %d bytes without '/', not %s", MN_NAME,
                     is);
    mn_profile_shown(body, is);
    if (!body)
        return WRONG(l, "", "a robot has a body: write body: wheels, arm, dual_arm, or a word");
    if (!is_word(body))
        return WRONG(l, "body", "it takes wheels, arm, dual_arm or another word, not %s", is);
    for (int i = 0; i < 2; i++) {
        const json_t *const text = json_object_get(l->p, texts[i]);
        mn_profile_shown(text, is);
        if (text && !json_is_string(text)) return WRONG(l, texts[i], "it takes a text, not %s", is);
    }
    return 0;
}

/* The lists of names that RoboOS' files leave. */
static int check_lists(const looked *l) {
    static const char *const lists[] = {"tools", "places"};
    char at_[256], is[96];
    for (int i = 0; i < 2; i++) {
        const json_t *const list = json_object_get(l->p, lists[i]);
        if (!list) continue;
        if (!json_is_array(list)) return WRONG(l, lists[i], "it takes a list of names");
        for (size_t k = 0; k < json_array_size(list); k++) {
            mn_profile_shown(json_array_get(list, k), is);
            if (!is_word(json_array_get(list, k)))
                return WRONG(l, lists[i], "it takes names, not %s", is);
        }
    }
    return 0;
}

/* A place by its name, or [x, y]. */
static int check_at(const looked *l) {
    const json_t *const at = json_object_get(l->p, "at");
    char at_[256], is[96];
    int right = !at || is_word(at);
    if (json_is_array(at) && json_array_size(at) == 2) {
        const json_t *const x = json_array_get(at, 0), *const y = json_array_get(at, 1);
        const double far = 1e6;
        right = json_is_number(x) && json_is_number(y) && json_number_value(x) <= far &&
                json_number_value(x) >= -far && json_number_value(y) <= far &&
                json_number_value(y) >= -far;
    }
    mn_profile_shown(at, is);
    return right ? 0
                 : WRONG(l, "at", "it takes the name of a place or [x, y] in metres, not %s", is);
}

int mn_profile_check_at(const char *path, const char *where, json_t *profile, const json_t *lines) {
    const looked l = {path, where, profile, lines};
    char at_[256], is[96];
    mn_profile_shown(profile, is);
    if (!json_is_object(profile)) return WRONG(&l, "", "a robot is name: .., body: .., not %s", is);
    MN_TRY(check_known(&l));
    MN_TRY(check_words(&l));
    const struct body *body = bodies;
    while (*body->name && strcmp(body->name, json_string_value(json_object_get(profile, "body"))))
        body++;
    const double none[] = {body->speed, body->reach, body->payload, body->room_for,
                           1,           0.0005,      0.02};
    for (size_t i = 0; i < NUMBERS; i++) MN_TRY(check_number(&l, &numbers[i], none[i]));
    MN_TRY(check_hands(&l, body));
    MN_TRY(check_skills(&l));
    MN_TRY(check_lists(&l));
    return check_at(&l);
}

int mn_profile_check(const char *path, json_t *profile, const json_t *lines) {
    return mn_profile_check_at(path, "", profile, lines);
}

/* ---- files --------------------------------------------------------------------------------- */
/* The one of `robots` with this name (NULL: the only one), checked. */
static int choose(const char *path, json_t *robots, const char *name, json_t **out) {
    char have[256] = "";
    for (size_t i = 0; i < json_array_size(robots); i++) {
        json_t *const robot = json_array_get(robots, i);
        const char *const its = json_string_value(json_object_get(robot, "name"));
        snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", i ? ", " : "",
                 its ? its : "?");
        if (name ? !its || strcmp(its, name) != 0 : json_array_size(robots) > 1) continue;
        MN_TRY(mn_profile_check(path, robot, NULL));
        *out = json_incref(robot);
        return 0;
    }
    if (name) return MN_FAIL(MN_ENOENT, "%s has no robot '%s': it has %s", path, name, have);
    return MN_FAIL(MN_EINVAL, "%s has %zu robots (%s): say which, as in %s#NAME", path,
                   json_array_size(robots), have, path);
}

int mn_profile_read(const char *path, json_t **out) {
    char file[4096];
    const char *const cut = strrchr(path, '#');
    json_t *read = NULL, *lines = NULL, *robots = NULL;
    *out = NULL;
    if (strlen(path) >= sizeof file)
        return MN_FAIL(MN_ETOOLONG, "a path of %zu bytes", strlen(path));
    snprintf(file, sizeof file, "%.*s", cut ? (int)(cut - path) : (int)strlen(path), path);
    int rc = mn_yaml_read(file, &read, &lines);
    if (rc >= 0) rc = mn_profile_roboos(file, read, lines, &robots);
    if (rc == 0) {
        rc = mn_profile_check(file, read, lines);
        robots = json_array();
        if (rc >= 0 && (!robots || json_array_append(robots, read) != 0))
            rc = MN_FAIL(MN_ENOMEM, "no memory for the profile in %s", file);
    }
    if (rc >= 0) rc = choose(file, robots, cut ? cut + 1 : NULL, out);
    json_decref(robots);
    json_decref(lines);
    json_decref(read);
    return rc < 0 ? rc : 0;
}
