/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/fakes.h - a board with clocks of its own, a small world on it, and a host whose skills
 * take as long and end as the test says: what a robot and a brain do is then seen step by step.
 */
#ifndef MN_TEST_FLEET_FAKES_H
#define MN_TEST_FLEET_FAKES_H
#include "test.h"

#include "base/alloc.h"
#include "fleet/actors.h"
#include "fleet/effect.h"

#define FAKE_MS 1000000u

static mn_board *board;
static uint64_t fake_now;

static inline void fake_clock(uint64_t ms) { /* so much later */
    fake_now += ms * FAKE_MS;
    mn_board_clock(board, fake_now, (int64_t)(fake_now / 1000));
}

static inline int fake_begin(void **state) {
    (void)state;
    assert_ok(mn_board_open_heap("test", &board));
    fake_now = 1000 * FAKE_MS;
    fake_clock(0);
    return 0;
}
static inline int fake_end(void **state) {
    (void)state;
    mn_board_close(&board);
    return 0;
}

/* ---- a host -------------------------------------------------------------------------------- */
typedef struct fake_host {
    mn_skill_host host;
    json_t *manifests;
    char skill[64]; /* what runs; "": nothing */
    json_t *args;   /* of the last one */
    uint64_t until; /* it ends then */
    int started, cancelled, closed;
    uint64_t takes;       /* ms */
    const char *code;     /* it ends with; NULL: well */
    json_t *result;       /* of the next one that ends well; taken */
    int hangs, lies_dead; /* does not end when told to; look fails */
} fake_host;

static int fake_list(mn_skill_host *h, json_t **out) {
    *out = json_incref(((fake_host *)h)->manifests);
    return 0;
}
static int fake_start(mn_skill_host *h, const char *skill, const json_t *args, uint64_t now) {
    fake_host *const f = (fake_host *)h;
    if (*f->skill) return MN_FAIL(MN_EBUSY, "the fake host runs %s", f->skill);
    snprintf(f->skill, sizeof f->skill, "%s", skill);
    json_decref(f->args);
    f->args = json_deep_copy(args);
    f->until = now + f->takes * FAKE_MS;
    f->cancelled = 0;
    f->started++;
    return 0;
}
static int fake_look(mn_skill_host *h, uint64_t now, uint64_t *again, double *progress,
                     mn_skill_end *end) {
    fake_host *const f = (fake_host *)h;
    *progress = -1;
    if (f->lies_dead) {
        f->skill[0] = 0;
        return MN_FAIL(MN_EIO, "the program of the fake host has ended");
    }
    *again = f->until;
    if (f->hangs || (now < f->until && !f->cancelled)) return 0;
    end->ok = !f->code && !f->cancelled;
    snprintf(end->code, sizeof end->code, "%s",
             f->cancelled ? "cancelled"
             : f->code    ? f->code
                          : "");
    if (end->ok) end->result = f->result, f->result = NULL;
    f->skill[0] = 0;
    return 1;
}
static void fake_cancel(mn_skill_host *h) {
    ((fake_host *)h)->cancelled = 1;
}
static int fake_fd(mn_skill_host *h) {
    (void)h;
    return -1;
}
static void fake_close(mn_skill_host **h) {
    fake_host *const f = (fake_host *)*h;
    json_decref(f->manifests);
    json_decref(f->args);
    json_decref(f->result);
    f->manifests = f->args = f->result = NULL;
    f->closed = 1;
    *h = NULL;
}
static const mn_skill_host_ops fake_ops = {"fake",      fake_list, fake_start, fake_look,
                                           fake_cancel, fake_fd,   fake_close};

/* With all known skills, or only those whose names are in `some`. */
static inline mn_skill_host *fake_open(fake_host *f, const char *some) {
    *f = (fake_host){.host = {.ops = &fake_ops}, .manifests = json_array(), .takes = 1000};
    for (int i = 0; mn_skill_known[i]; i++) {
        json_t *const m = json_loads(mn_skill_known[i], 0, NULL);
        if (some && !strstr(some, json_string_value(json_object_get(m, "name"))))
            json_decref(m);
        else
            json_array_append_new(f->manifests, m);
    }
    return &f->host;
}

/* ---- a world ------------------------------------------------------------------------------- */
static inline void fake_put(const char *kind, const char *name, const char *json) {
    json_error_t error;
    json_t *const value = json_loads(json, 0, &error);
    if (!value) fail_msg("%s: %s", json, error.text);
    assert_ok(mn_board_put(board, kind, name, value, 0, NULL));
    json_decref(value);
}
static inline json_t *fake_get(const char *kind, const char *name) {
    json_t *value = NULL;
    assert_ok(mn_board_get(board, kind, name, &value, NULL));
    return value;
}
/* A field as a text, compared. */
static inline void fake_is_(const char *kind, const char *name, const char *field, const char *text,
                            int line) {
    json_t *const value = fake_get(kind, name);
    const char *const has = json_string_value(json_object_get(value, field));
    if (!has || strcmp(has, text))
        fail_msg("line %d: %s%s has %s \"%s\", not \"%s\"", line, kind, name, field,
                 has ? has : "(none)", text);
    json_decref(value);
}
#define fake_is(kind, name, field, text) fake_is_(kind, name, field, text, __LINE__)

/* A kitchen with a counter, a table and a cupboard that is closed; cup and apple on the counter. */
static inline void fake_kitchen(void) {
    fake_put("thing/", "kitchen",
             "{\"class\":\"room\",\"kind\":\"room\",\"at\":\"\",\"how\":\"\",\"size\":[6,6,0],"
             "\"pose\":{\"frame\":\"map\",\"p\":[0,0,0]}}");
    fake_put("thing/", "counter",
             "{\"class\":\"counter\",\"kind\":\"furniture\",\"at\":\"kitchen\",\"how\":\"in\","
             "\"size\":[1,0.6,0.9],\"pose\":{\"frame\":\"map\",\"p\":[-2,0,0]}}");
    fake_put("thing/", "table",
             "{\"class\":\"table\",\"kind\":\"furniture\",\"at\":\"kitchen\",\"how\":\"in\","
             "\"size\":[1,0.6,0.7],\"pose\":{\"frame\":\"map\",\"p\":[2,0,0]}}");
    fake_put("thing/", "cupboard",
             "{\"class\":\"cupboard\",\"kind\":\"furniture\",\"at\":\"kitchen\",\"how\":\"in\","
             "\"open\":false,\"size\":[1,0.6,0.7],\"pose\":{\"frame\":\"map\",\"p\":[0,2,0]}}");
    fake_put("thing/", "cup",
             "{\"class\":\"cup\",\"kind\":\"object\",\"at\":\"counter\",\"how\":\"on\","
             "\"mass\":0.3}");
    fake_put("thing/", "apple",
             "{\"class\":\"apple\",\"kind\":\"object\",\"at\":\"counter\",\"how\":\"on\","
             "\"mass\":0.2}");
    fake_put("holds/", "kitchen", "{\"holds\":[\"counter\",\"table\",\"cupboard\"]}");
    fake_put("holds/", "counter", "{\"holds\":[\"cup\",\"apple\"]}");
}

static inline void fake_sound(void) {
    mn_scene s = {0};
    mn_buf wrong = {0};
    assert_ok(mn_scene_read(board, "", &s, &wrong));
    if (wrong.len || mn_scene_sound(&s, &wrong) < 0) fail_msg("the scene: %s", wrong.data);
    mn_buf_free(&wrong);
    mn_scene_free(&s);
}

static inline mn_actor_robot *fake_robot(const char *name, const char *at, mn_skill_host *host) {
    char text[512];
    mn_actor_robot *r = NULL;
    snprintf(text, sizeof text,
             "{\"name\":\"%s\",\"body\":\"dual_arm\",\"speed\":1,\"reach\":0.8,\"payload\":2,"
             "\"hands\":[\"left\",\"right\"],\"room_for\":0,\"at\":\"%s\"}",
             name, at);
    json_t *const profile = json_loads(text, 0, NULL);
    assert_ok(mn_actor_robot_join(board, profile, &host, 1, &r));
    json_decref(profile);
    return r;
}

/* How many events of a kind there are. */
static inline int fake_events(const char *kind) {
    mn_buf value = {0};
    uint64_t number = 0;
    char key[MN_FLEET_KEY];
    int n = 0;
    assert_ok(mn_board_key(board, "events", "", key));
    for (uint64_t from = 0; board->ops->record(board, key, from, &value, &number) == 1;
         from = number + 1) {
        json_t *const event = json_loads(value.data, 0, NULL);
        const char *const has = json_string_value(json_object_get(event, "kind"));
        n += has && strcmp(has, kind) == 0;
        json_decref(event);
    }
    mn_buf_free(&value);
    return n;
}

#endif
