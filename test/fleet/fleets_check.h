/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/fleets_check.h - what is true at each commit of a fleet (fleets.h), and in the end.
 *
 *   a thing is in one list of each board, the one that it says
 *   one board at most calls it its own (unless boards were lost that nobody can bring back)
 *   who changes things, lists or his call has his lease; who changes tasks or calls is the brain
 *   no try of a step begins or ends twice
 *   a robot that finds itself stopped begins nothing, and ends what it does
 *   a task that is done has its goals reached in the true world, or says that nobody could look
 */
#ifndef MN_TEST_FLEETS_CHECK_H
#define MN_TEST_FLEETS_CHECK_H
#include "fleet/fleets.h"

/* Only this seed, and what it takes to see it again. */
#define wrong(...)                                                                \
    do {                                                                          \
        char text_[1024];                                                         \
        snprintf(text_, sizeof text_, __VA_ARGS__);                               \
        fail_msg("OMNESIA_SEED=%llu, at %.6f s: %s", (unsigned long long)F->seed, \
                 (double)F->now * 1e-9, text_);                                   \
    } while (0)

static json_t *lies(machine *m, const char *kind, const char *name, uint64_t *version) {
    json_t *out;
    assert_ok(mn_board_get(m->heap, kind, name, &out, version));
    if (!out && version) *version = 0;
    return out;
}
static const char *text_of(const json_t *json, const char *field) {
    const char *const text = json_string_value(json_object_get(json, field));
    return text ? text : "";
}
static uint64_t version_on(machine *m, const char *key) {
    mn_buf value = {0};
    uint64_t version = 0;
    assert_ok(m->heap->ops->get(m->heap, key, &value, &version));
    mn_buf_free(&value);
    return version;
}
/* "cup" of "fleet/main/thing/cup" and "thing/"; NULL: of another kind */
static const char *named(const char *key, const char *kind) {
    const size_t n = strlen("fleet/main/");
    return strncmp(key + n, kind, strlen(kind)) ? NULL : key + n + strlen(kind);
}

/* ---- bugs that are planted ----------------------------------------------------------------- */
/* The same with another field, NULL: without it. */
static void put_instead(mn_edit *e, const char *field, const char *is) {
    static char text[1 << 16];
    json_t *const value = json_loadb(e->value, e->n, 0, NULL);
    if (is)
        json_object_set_new(value, field, json_string(is));
    else
        json_object_del(value, field);
    e->n = json_dumpb(value, text, sizeof text, JSON_COMPACT);
    e->value = text;
    json_decref(value);
}
static void check_before(machine *m, mn_edit *edits, int n) {
    const int robot = F->acting >= 0 && F->acting < BRAIN;
    for (int i = 0; i < n; i++) {
        mn_edit *const e = edits + i;
        const char *const key = e->key;
        if (planted("fence") && robot && named(key, "lease/") && e->kind == MN_EDIT_CHECK)
            e->version = version_on(m, key);
        if (planted("again") && F->acting >= BRIDGE && named(key, "call/") &&
            e->kind == MN_EDIT_PUT && memmem(e->value, e->n, "\"idle\"", 6))
            put_instead(e, "state", "given");
        if (planted("lists") && robot && named(key, "holds/") && e->kind == MN_EDIT_PUT &&
            chance(0.2)) {
            e->kind = MN_EDIT_CHECK;
            e->version = version_on(m, key);
        }
        if (planted("give") && F->acting >= BRIDGE && named(key, "thing/") &&
            e->kind == MN_EDIT_PUT && chance(0.05))
            put_instead(e, "home", NULL);
    }
}

/* ---- things and lists ---------------------------------------------------------------------- */
static int count_in(const json_t *list, const char *name) {
    const json_t *one;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(list, "holds"), i, one) n +=
        strcmp(json_string_value(one), name) == 0;
    return n;
}
static const char *name_of(const machine *m) {
    return machine_name[m - F->machine];
}
static void check_thing(machine *m, const char *name) {
    json_t *const thing = lies(m, "thing/", name, NULL);
    const char *const at = text_of(thing, "at");
    int own = 0;
    if (thing && *at) {
        json_t *const list = lies(m, "holds/", at, NULL);
        if (count_in(list, name) != 1)
            wrong("on %s %s is %d times in the list of %s", name_of(m), name, count_in(list, name),
                  at);
        json_decref(list);
    }
    if (thing && !*text_of(thing, "home"))
        for (int i = 0; i < F->n; i++) {
            json_t *const other = lies(F->machine + i, "thing/", name, NULL);
            own += other && !*text_of(other, "home");
            json_decref(other);
        }
    if (own > 1 && !F->forgets && !F->unsaid) wrong("%s has %d homes", name, own);
    json_decref(thing);
}
static void check_list(machine *m, const char *holder) {
    json_t *const list = lies(m, "holds/", holder, NULL), *one;
    size_t i;
    json_array_foreach(json_object_get(list, "holds"), i, one) {
        json_t *const thing = lies(m, "thing/", json_string_value(one), NULL);
        if (strcmp(text_of(thing, "at"), holder))
            wrong("on %s %s is in the list of %s, and says %s", name_of(m), json_string_value(one),
                  holder, thing ? text_of(thing, "at") : "nothing");
        json_decref(thing);
    }
    json_decref(list);
}

/* ---- who may ------------------------------------------------------------------------------- */
static void check_fence(machine *m, const mn_edit *edits, int n) {
    const machine_robot *const r = F->acting < F->robots ? F->robot + F->acting : NULL;
    char key[MN_FLEET_KEY];
    int changes = 0;
    for (int i = 0; i < n; i++) {
        if (edits[i].kind == MN_EDIT_CHECK) continue;
        if (r && named(edits[i].key, "lease/")) return; /* it joins, or leaves */
        changes |= named(edits[i].key, "call/") != NULL;
        if (r)
            changes |= named(edits[i].key, "thing/") || named(edits[i].key, "holds/");
        else
            changes |= named(edits[i].key, "task/") != NULL;
    }
    if (!changes) return;
    if (!r && !F->brain) return; /* it is only beginning */
    assert_ok(mn_board_key(m->heap, r ? "lease/" : "brain", r ? r->name : "", key));
    const uint64_t lease = r ? r->actor->lease : F->brain->lease;
    if (version_on(m, key) != lease)
        wrong("%s changes %s without its lease", r ? r->name : "the brain", edits[0].key);
}

static void check_call(const machine *m, const mn_edit *e) {
    json_t *const call = json_loadb(e->value, e->n, 0, NULL);
    const char *const state = text_of(call, "state");
    char key[512];
    (void)m;
    if (strcmp(state, "running") == 0 || strcmp(state, "done") == 0) {
        snprintf(key, sizeof key, "%s %s %s %lld %s", named(e->key, "call/"), text_of(call, "task"),
                 text_of(call, "step"), (long long)json_integer_value(json_object_get(call, "try")),
                 state);
        const json_int_t progress = !!json_number_value(json_object_get(call, "progress"));
        json_t *const was = json_object_get(F->begun, key);
        const int known = !F->forgets && !F->unsaid;
        if (was && known && (strcmp(state, "done") == 0 || !progress)) wrong("%s: twice", key);
        if (!was) json_object_set_new(F->begun, key, json_integer(1));
    }
    json_decref(call);
}

static void check_commit(machine *m, const mn_edit *edits, int n) {
    int robot = F->acting >= 0 && F->acting < BRAIN;
    if (F->acting >= 0 && F->acting <= BRAIN) check_fence(m, edits, n);
    for (int i = 0; i < n; i++)
        if (edits[i].kind == MN_EDIT_PUT && named(edits[i].key, "lease/")) robot = 0; /* it joins */
    for (int i = 0; i < n; i++) {
        const char *const thing = named(edits[i].key, "thing/"), *const list =
                                                                     named(edits[i].key, "holds/");
        if (edits[i].kind == MN_EDIT_CHECK) continue;
        if (thing) check_thing(m, thing);
        if (list) check_list(m, list);
        if (robot && edits[i].kind == MN_EDIT_PUT && named(edits[i].key, "call/"))
            check_call(m, edits + i);
    }
}

static void check_robot_step(machine_robot *r, int stopped) {
    if (!stopped) return;
    if (r->starts) wrong("%s begins something though it is stopped", r->name);
    if (r->actor->phase != ROBOT_IDLE && !r->actor->cancelled)
        wrong("%s goes on though it is stopped", r->name);
}

/* ---- tasks --------------------------------------------------------------------------------- */
static int goals_reached(void) {
    mn_scene s = {0};
    mn_goals g = {.n = 0};
    assert_ok(mn_scene_read(F->truth, "sim/", &s, NULL));
    assert_ok(mn_goals_parse(&s, F->goals, &g));
    const int all = mn_goals_reached(&s, &g) == g.n;
    mn_goals_free(&g);
    mn_scene_free(&s);
    return all;
}

static void check_event(machine *m, const char *text, size_t n) {
    if (F->say) printf("%.6f %s %.*s\n", (double)F->now * 1e-9, name_of(m), (int)n, text);
    if (m != F->machine + F->brain_at || !memmem(text, n, "\"kind\":\"task\"", 13) ||
        memmem(text, n, "\"there\":", 8))
        return;
    json_t *const event = json_loadb(text, n, 0, NULL);
    const char *const state = text_of(event, "state");
    if (strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 ||
        strcmp(state, "cancelled") == 0) {
        F->ended++;
        if (strcmp(state, "done") == 0 && !strstr(text_of(event, "text"), "nobody could look") &&
            !goals_reached())
            wrong("%s is done, and its goals are not reached", text_of(event, "task"));
        if (strcmp(state, "done") && !*text_of(event, "text"))
            wrong("%s has %s without a reason", text_of(event, "task"), state);
    }
    json_decref(event);
}

/* ---- in the end ---------------------------------------------------------------------------- */
static int all_agree(void) {
    for (int i = 0; i < F->n; i++) {
        if (!mn_bridge_settled(F->machine[i].bridge, NULL)) return 0;
        if (mn_bridge_sum(F->machine[i].bridge) != mn_bridge_sum(F->machine[0].bridge)) return 0;
    }
    return 1;
}
typedef struct names {
    int n;
    char name[128][MN_NAME + 1];
} names;
static int add_name(void *user, const char *key, uint64_t version) {
    names *const all = user;
    (void)version;
    assert_true(all->n < 128);
    snprintf(all->name[all->n++], MN_NAME + 1, "%s", strrchr(key, '/') + 1);
    return 0;
}
static void names_on(mn_board *b, const char *kind, names *out) {
    char prefix[MN_FLEET_KEY];
    out->n = 0;
    assert_ok(mn_board_key(b, kind, "", prefix));
    assert_ok(b->ops->each(b, prefix, add_name, out));
}
/* The same on all boards; things but for their homes. */
static void check_same(const char *kind, const char *name) {
    json_t *first = NULL;
    int own = 0;
    for (int i = 0; i < F->n; i++) {
        json_t *const it = lies(F->machine + i, kind, name, NULL);
        if (!it) wrong("%s%s is lost on %s", kind, name, machine_name[i]);
        own += !*text_of(it, "home");
        json_object_del(it, "home");
        if (first && !json_equal(first, it)) {
            char *const a = mn_json_text(first, JSON_COMPACT), *const b =
                                                                   mn_json_text(it, JSON_COMPACT);
            wrong("%s%s is %.180s on %s, %.180s on %s", kind, name, a, machine_name[0], b,
                  machine_name[i]);
        }
        if (!first) first = json_incref(it);
        json_decref(it);
    }
    json_decref(first);
    if (!strcmp(kind, "thing/") && own != 1) wrong("%s has %d homes in the end", name, own);
}
static void check_end(void) {
    static names all;
    names_on(F->truth, "sim/thing/", &all);
    for (int i = 0; i < all.n; i++) {
        check_same("thing/", all.name[i]);
        for (int k = 0; k < F->n; k++) check_thing(F->machine + k, all.name[i]);
    }
    for (int k = 0; k < F->n; k++) {
        names_on(F->machine[k].heap, "thing/", &all);
        const int things = all.n;
        names_on(F->truth, "sim/thing/", &all);
        if (things != all.n) wrong("%s has %d things of %d", machine_name[k], things, all.n);
        names_on(F->machine[k].heap, "holds/", &all);
        for (int i = 0; i < all.n; i++) check_list(F->machine + k, all.name[i]);
    }
    mn_scene s = {0};
    mn_buf why = {0};
    assert_ok(mn_scene_read(F->truth, "sim/", &s, NULL));
    if (mn_scene_sound(&s, &why) < 0) wrong("the true world: %.300s", why.data);
    mn_buf_free(&why);
    mn_scene_free(&s);
}

#endif
