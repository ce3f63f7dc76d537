/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/bridge_bed.h - some machines with a board and a bridge each, and a network between
 * them that loses, delays, repeats and mixes up messages, from a seed.
 */
#ifndef MN_TEST_FLEET_BRIDGE_BED_H
#define MN_TEST_FLEET_BRIDGE_BED_H
#include "test.h"

#include "base/random.h"
#include "fleet/bridge_in.h"
#include "fleet/state.h"

enum { MACHINES = 4, ON_THE_WAY = 4096, MS = 1000000 };

typedef struct letter {
    int to;
    uint64_t due;
    char *bytes;
    size_t n;
} letter;
typedef struct bed {
    int n;
    mn_board *b[MACHINES];
    mn_bridge *g[MACHINES];
    int cut[MACHINES]; /* it has no link */
    uint64_t lives, now;
    mn_random random;
    double loss, twice;
    uint64_t delay;          /* ns at most */
    double rate[MACHINES];   /* how fast its clocks go; 0: as they should */
    int64_t ahead[MACHINES]; /* ns that its clock has jumped and gone wrong in all */
    int64_t wall[MACHINES];  /* us that its time of day is wrong */
    int watch;               /* bridges watch the robots of their boards */
    int late_counts;         /* planted: what comes late counts as new */
    struct bed_hub *hub;     /* bridge_hub.h; NULL: messages go from machine to machine */
    letter way[ON_THE_WAY];
    int n_way;
} bed;

static const char *const bed_name[MACHINES] = {"alpha", "beta", "gamma", "delta"};

static inline void bed_clock(bed *d,
                             int i) { /* clocks of machines have nothing to do with each other */
    mn_board_clock(d->b[i], d->now + (uint64_t)i * 1000000000000u + (uint64_t)d->ahead[i],
                   1700000000000000 + (int64_t)(d->now / 1000) - i * 86400000000 + d->wall[i]);
}
static inline void bed_hub_give(bed *d, int i);
static inline void bed_open(bed *d, int i) {
    const mn_bridge_how how = {.machine = bed_name[i], .life = ++d->lives, .watch = d->watch};
    bed_clock(d, i);
    assert_ok(mn_bridge_open(d->b[i], &how, d->g + i));
    if (d->cut[i]) return;
    if (d->hub) bed_hub_give(d, i);
    mn_bridge_up(d->g[i]);
}
static inline void bed_begin(bed *d, int n, uint64_t seed) {
    *d = (bed){.n = n, .now = 1000000000, .delay = 2 * MS};
    mn_random_seed(&d->random, seed);
    for (int i = 0; i < n; i++) {
        assert_ok(mn_board_open_heap(NULL, d->b + i));
        bed_open(d, i);
    }
}
static inline void bed_end(bed *d) {
    for (int i = 0; i < d->n; i++) {
        mn_bridge_close(d->g + i);
        mn_board_close(d->b + i);
    }
    for (int i = 0; i < d->n_way; i++) free(d->way[i].bytes);
}

static inline void bed_post(bed *d, int to, const mn_buf *m) {
    if (mn_random_unit(&d->random) < d->loss || d->n_way == ON_THE_WAY) return;
    letter *const l = d->way + d->n_way++;
    *l = (letter){to, d->now + (uint64_t)(mn_random_unit(&d->random) * (double)d->delay),
                  malloc(m->len), m->len};
    memcpy(l->bytes, m->data, m->len);
}
static inline int bed_hub_keep(bed *d, const mn_buf *m); /* 0: it was lost on the way there */
static inline void bed_send(bed *d, int i) {
    mn_buf m = {0};
    int rc;
    while (!d->cut[i] && (rc = mn_bridge_next(d->g[i], &m)) != 0) {
        assert_ok(rc);
        if (d->hub && !bed_hub_keep(d, &m)) continue;
        for (int k = 0; k < d->n; k++) {
            if (k == i) continue;
            bed_post(d, k, &m);
            if (mn_random_unit(&d->random) < d->twice) bed_post(d, k, &m);
        }
    }
    mn_buf_free(&m);
}
/* Its things get a stamp that is newer than it was. */
static inline void bed_make_new(letter *l) {
    json_t *const m = json_loadb(l->bytes, l->n, 0, NULL), *one;
    size_t k;
    json_array_foreach(json_object_get(m, "records"), k, one) {
        const json_int_t v = json_integer_value(json_array_get(one, 4));
        if (strncmp(json_string_value(json_array_get(one, 0)), "thing/", 6) == 0)
            json_array_set_new(one, 4, json_integer(v + 8));
    }
    free(l->bytes);
    l->bytes = json_dumps(m, JSON_COMPACT);
    l->n = strlen(l->bytes);
    json_decref(m);
}
static inline void bed_deliver(bed *d) {
    for (int i = 0; i < d->n_way;) {
        letter l = d->way[i];
        if (l.due > d->now) {
            i++;
            continue;
        }
        d->way[i] = d->way[--d->n_way];
        if (d->late_counts) bed_make_new(&l);
        if (!d->cut[l.to] && d->g[l.to]) assert_ok(mn_bridge_take(d->g[l.to], l.bytes, l.n));
        free(l.bytes);
    }
}
/* 10 ms go by. */
static inline void bed_tick(bed *d) {
    uint64_t again;
    d->now += 10 * MS;
    for (int i = 0; i < d->n; i++) {
        if (d->rate[i] > 0) d->ahead[i] += (int64_t)(10 * MS * (d->rate[i] - 1));
        bed_clock(d, i);
    }
    bed_deliver(d);
    for (int i = 0; i < d->n; i++) {
        if (!d->g[i]) continue;
        assert_ok(mn_bridge_step(d->g[i], &again));
        bed_send(d, i);
    }
}
static inline void bed_run(bed *d, int ms) {
    for (int t = 0; t < ms; t += 10) bed_tick(d);
}
static inline int bed_same(const bed *d) {
    for (int i = 0; i < d->n; i++) {
        if (!mn_bridge_settled(d->g[i], NULL)) return 0;
        if (mn_bridge_sum(d->g[i]) != mn_bridge_sum(d->g[0])) return 0;
    }
    return 1;
}
/* What machine i knows otherwise than the first. */
static inline void bed_differences(const bed *d, int i, mn_buf *out) {
    for (size_t k = 0; k < d->g[i]->n; k++) {
        const bridge_entry *const e = d->g[i]->entry[k], *const a = bridge_find(d->g[0], e->key);
        if (!bridge_is_compared(e) || (a && bridge_order(&e->at, &a->at) == 0)) continue;
        assert_ok(mn_buf_printf(out, "\n  %s %llu %llu %s %llu, not %llu %llu %s %llu", e->key,
                                (unsigned long long)e->at.h, (unsigned long long)e->at.e,
                                e->at.home, (unsigned long long)e->at.v,
                                (unsigned long long)(a ? a->at.h : 0),
                                (unsigned long long)(a ? a->at.e : 0), a ? a->at.home : "",
                                (unsigned long long)(a ? a->at.v : 0)));
    }
}
/* Until all know the same, within two minutes of theirs. */
static inline void bed_settle(bed *d) {
    bed_run(d, 50);
    for (int i = 0; i < 12000 && !(bed_same(d)); i++) bed_tick(d);
    if (bed_same(d)) return;
    mn_buf why = {0};
    for (int i = 0; i < d->n; i++) {
        assert_ok(mn_buf_printf(&why, "\n%s %llx: ", bed_name[i],
                                (unsigned long long)mn_bridge_sum(d->g[i])));
        mn_bridge_settled(d->g[i], &why);
        bed_differences(d, i, &why);
    }
    fail_msg("they never agreed: %s", why.data);
}
static inline void bed_cut(bed *d, int i, int cut) {
    if (d->cut[i] == cut) return;
    d->cut[i] = cut;
    if (!cut && d->hub) bed_hub_give(d, i);
    (cut ? mn_bridge_down : mn_bridge_up)(d->g[i]);
}
/* The bridge dies and another one comes; lost: so does the board. */
static inline void bed_restart(bed *d, int i, int lost) {
    mn_bridge_close(d->g + i);
    if (lost) {
        mn_board_close(d->b + i);
        assert_ok(mn_board_open_heap(NULL, d->b + i));
    }
    bed_open(d, i);
}
/* The machine starts anew: its clock begins again, its board is lost, its time of day is any. */
static inline void bed_reboot(bed *d, int i) {
    d->ahead[i] = (int64_t)(1000 * MS) - (int64_t)d->now - i * 1000000000000;
    d->wall[i] = (int64_t)(mn_random_u64(&d->random) % 600000000000) - 300000000000;
    bed_restart(d, i, 1);
}

/* ---- what lies on a board ------------------------------------------------------------------ */
static inline json_t *bed_get(bed *d, int i, const char *kind, const char *name) {
    json_t *out;
    assert_ok(mn_board_get(d->b[i], kind, name, &out, NULL));
    return out;
}
static inline uint64_t bed_version(bed *d, int i, const char *kind, const char *name) {
    json_t *out;
    uint64_t version = 0;
    assert_ok(mn_board_get(d->b[i], kind, name, &out, &version));
    json_decref(out);
    return version;
}
/* A field as text; "" when there is none. */
static inline const char *bed_text(bed *d, int i, const char *kind, const char *name,
                                   const char *field) {
    static char text[8][300];
    static int turn;
    char *const to = text[turn++ % 8];
    json_t *const json = bed_get(d, i, kind, name);
    const char *const is = json_string_value(json_object_get(json, field));
    snprintf(to, sizeof *text, "%s", is ? is : "");
    json_decref(json);
    return to;
}
static inline int bed_is(bed *d, int i, const char *kind, const char *name) {
    json_t *const json = bed_get(d, i, kind, name);
    json_decref(json);
    return json != NULL;
}
/* value is taken. */
static inline void bed_put(bed *d, int i, const char *kind, const char *name, json_t *value) {
    assert_non_null(value);
    assert_ok(mn_board_put(d->b[i], kind, name, value, 0, NULL));
    json_decref(value);
}
static inline void bed_del(bed *d, int i, const char *kind, const char *name) {
    assert_ok(mn_board_del(d->b[i], kind, name, 0, 0));
}

/* A move as robots make them: 0 also when the thing is another machine's (-1), or is not there. */
static inline int bed_move(bed *d, int i, const char *thing, const char *to) {
    json_t *json, *from, *list;
    uint64_t v, vf = 0, vt = 0;
    mn_edits e = {0};
    assert_ok(mn_board_get(d->b[i], "thing/", thing, &json, &v));
    const char *const home = json_string_value(json_object_get(json, "home"));
    if (!json || (home && *home)) {
        json_decref(json);
        return -1;
    }
    char at[MN_NAME + 1];
    snprintf(at, sizeof at, "%s", json_string_value(json_object_get(json, "at")));
    if (strcmp(at, to) != 0) {
        size_t k;
        json_t *one;
        assert_ok(mn_board_get(d->b[i], "holds/", at, &from, &vf));
        json_t *const rest = json_array();
        json_array_foreach(json_object_get(from, "holds"), k,
                           one) if (strcmp(json_string_value(one), thing) != 0)
            json_array_append(rest, one);
        json_decref(from);
        from = json_pack("{s:o}", "holds", rest);
        assert_ok(mn_board_get(d->b[i], "holds/", to, &list, &vt));
        if (!list) list = json_pack("{s:[]}", "holds");
        json_array_append_new(json_object_get(list, "holds"), json_string(thing));
        json_object_set_new(json, "at", json_string(to));
        assert_ok(mn_edits_put(&e, d->b[i], "thing/", thing, json, v));
        assert_ok(mn_edits_put(&e, d->b[i], "holds/", at, from, vf));
        assert_ok(mn_edits_put(&e, d->b[i], "holds/", to, list, vt));
        assert_ok(mn_edits_commit(&e, d->b[i]));
        json_decref(from);
        json_decref(list);
    }
    json_decref(json);
    mn_edits_free(&e);
    return 0;
}
static inline void bed_thing(bed *d, int i, const char *name, const char *kind, const char *at) {
    bed_put(d, i, "thing/", name,
            json_pack("{s:s, s:s, s:s}", "class", name, "kind", kind, "at", at));
    if (!*at) return;
    json_t *list = bed_get(d, i, "holds/", at);
    if (!list) list = json_pack("{s:[]}", "holds");
    json_array_append_new(json_object_get(list, "holds"), json_string(name));
    bed_put(d, i, "holds/", at, list);
}
static const char *const bed_skills =
    "[{\"name\": \"grasp\", \"inputSchema\": {}, \"_meta\": {\"omnesia/skill\": "
    "{\"makes\": [\"holding(robot, thing)\"]}}},"
    "{\"name\": \"place\", \"_meta\": {\"omnesia/skill\": {\"makes\": [\"in(thing, to)\"]}}},"
    "{\"name\": \"wait\", \"_meta\": {\"omnesia/skill\": {\"makes\": []}}}]";
static inline void bed_robot(bed *d, int i, const char *name) {
    bed_put(d, i, "robot/", name,
            json_pack("{s:i, s:s, s:o}", "format", 1, "body", "arm", "skills",
                      json_loads(bed_skills, 0, NULL)));
    bed_put(d, i, "lease/", name, json_pack("{s:i, s:i}", "epoch", 1, "pid", 7));
}
static inline void bed_beat(bed *d, int i, const char *robot, const char *at, uint64_t ms) {
    mn_fleet_state s = {.format = MN_STATE_FORMAT, .beat = 1, .q = {0, 0, 0, 1}, .battery = -1};
    char key[MN_FLEET_KEY];
    s.now = d->b[i]->ops->now(d->b[i]);
    s.until = s.now + ms * MS;
    s.time = d->b[i]->ops->time(d->b[i]);
    snprintf(s.frame, sizeof s.frame, "map");
    snprintf(s.at, sizeof s.at, "%s", at);
    assert_ok(mn_board_key(d->b[i], "state/", robot, key));
    mn_edit e = {.key = key, .kind = MN_EDIT_PUT, .value = &s, .n = mn_fleet_state_bytes(&s)};
    assert_ok(d->b[i]->ops->commit(d->b[i], &e, 1));
}
static inline int bed_state(bed *d, int i, const char *robot, mn_fleet_state *out) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t version;
    assert_ok(mn_board_key(d->b[i], "state/", robot, key));
    const int rc = d->b[i]->ops->get(d->b[i], key, &value, &version);
    assert_ok(rc);
    if (rc) assert_ok(mn_fleet_state_read(value.data, value.len, out));
    mn_buf_free(&value);
    return rc;
}
static inline int bed_told(bed *d, int i, const char *text) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t number;
    int n = 0;
    assert_ok(mn_board_key(d->b[i], "events", "", key));
    for (uint64_t k = 0; d->b[i]->ops->record(d->b[i], key, k, &value, &number) > 0; k++)
        n += strstr(value.data, text) && !strstr(value.data, "\"there\":"); /* by this machine */
    mn_buf_free(&value);
    return n;
}

/* On each board each thing is in one list, the one it says; how many boards call it theirs is 1 at
 * most, and 1 when `whole`; any number when that is -1. */
static int bed_list_of(bed *d, int i, const char *holder, const char *thing) {
    json_t *const list = bed_get(d, i, "holds/", holder), *one;
    size_t k;
    int n = 0;
    json_array_foreach(json_object_get(list, "holds"), k, one) n +=
        strcmp(json_string_value(one), thing) == 0;
    json_decref(list);
    return n;
}
typedef struct bed_names {
    int n;
    char name[64][MN_NAME + 1];
} bed_names;
static int bed_name_of(void *user, const char *key, uint64_t version) {
    bed_names *const names = user;
    (void)version;
    assert_true(names->n < 64);
    snprintf(names->name[names->n++], sizeof *names->name, "%s", strrchr(key, '/') + 1);
    return 0;
}
static inline void bed_all(bed *d, int i, const char *kind, bed_names *out) {
    char prefix[MN_FLEET_KEY];
    out->n = 0;
    assert_ok(mn_board_key(d->b[i], kind, "", prefix));
    assert_ok(d->b[i]->ops->each(d->b[i], prefix, bed_name_of, out));
}
static inline void bed_sound(bed *d, int whole) {
    bed_names things, holders, every = {0};
    for (int i = 0; i < d->n; i++) {
        bed_all(d, i, "thing/", &things);
        bed_all(d, i, "holds/", &holders);
        for (int t = 0; t < things.n; t++) {
            const char *const name = things.name[t];
            const char *const at = bed_text(d, i, "thing/", name, "at");
            int n = 0, known = 0;
            for (int h = 0; h < holders.n; h++) n += bed_list_of(d, i, holders.name[h], name);
            if (*at ? n != 1 || bed_list_of(d, i, at, name) != 1 : n)
                fail_msg("on %s %s at %s is in %d lists", bed_name[i], name, at, n);
            for (int k = 0; k < every.n; k++) known |= strcmp(every.name[k], name) == 0;
            if (!known) strcpy(every.name[every.n++], name);
        }
    }
    for (int k = 0; k < every.n; k++) {
        int own = 0;
        for (int i = 0; i < d->n; i++)
            own += bed_is(d, i, "thing/", every.name[k]) &&
                   !*bed_text(d, i, "thing/", every.name[k], "home");
        if (whole >= 0 && (own > 1 || (whole && own != 1)))
            fail_msg("%s has %d homes", every.name[k], own);
    }
}

#include "fleet/bridge_hub.h"

#endif
