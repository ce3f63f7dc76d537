/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_table.c - all that a bridge knows: entries sorted by their keys, and their stamps.
 */
#include "base/alloc.h"
#include "base/hash.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

const bridge_sort bridge_sorts[BRIDGE_KINDS] = {
    [BRIDGE_SIM_THING] = {"sim/thing/", "sim/holds/", "sim/", 1, 1, 1, 0},
    [BRIDGE_SIM_ROBOT] = {"sim/robot/", NULL, NULL, 1, 0, 1, 0},
    [BRIDGE_THING] = {"thing/", "holds/", "", 1, 1, 1, 0},
    [BRIDGE_ROBOT] = {"robot/", NULL, NULL, 1, 1, 0, 0},
    [BRIDGE_LEASE] = {"lease/", NULL, NULL, 1, 0, 0, 0},
    [BRIDGE_TASK] = {"task/", NULL, NULL, 1, 1, 1, 0},
    [BRIDGE_ASK] = {"ask/", NULL, NULL, 1, 0, 0, 0},
    [BRIDGE_STATE] = {"state/", NULL, NULL, 0, 0, 0, 0},
    [BRIDGE_WANT] = {"want/", NULL, NULL, 0, 0, 0, 1},
    [BRIDGE_CALL] = {"call/", NULL, NULL, 0, 0, 0, 1},
    [BRIDGE_DONE] = {"done/", NULL, NULL, 0, 0, 0, 0},
    [BRIDGE_STOP] = {"stop/", NULL, NULL, 0, 0, 1, 0},
    [BRIDGE_BRAIN] = {"brain/", NULL, NULL, 0, 0, 0, 0},
    [BRIDGE_LETTER] = {"letter/", NULL, NULL, 0, 0, 0, 1},
    [BRIDGE_REPLY] = {"reply/", NULL, NULL, 0, 0, 0, 1},
    [BRIDGE_CLEAR] = {"clear/", NULL, NULL, 0, 0, 1, 0},
};

const char *bridge_text(const json_t *of, const char *field) {
    const char *const text = json_string_value(json_object_get(of, field));
    return text ? text : "";
}

/* ---- stamps -------------------------------------------------------------------------------- */
static int number_order(uint64_t a, uint64_t b) {
    return a < b ? -1 : a > b;
}

int bridge_order(const bridge_stamp *a, const bridge_stamp *b) {
    int rc = number_order(a->h, b->h);
    if (!rc) rc = number_order(a->e, b->e);
    if (!rc) rc = strcmp(a->home, b->home);
    return rc ? rc : number_order(a->v, b->v);
}

json_t *bridge_stamp_write(const char *key, const bridge_stamp *s) {
    return json_pack("[s, I, I, s, I]", key, (json_int_t)s->h, (json_int_t)s->e, s->home,
                     (json_int_t)s->v);
}

/* Numbers of stamps grow from what was read: there is always room for the next one. */
static int number_read(const json_t *from, uint64_t *out) {
    const json_int_t n = json_integer_value(from);
    *out = (uint64_t)n;
    return json_is_integer(from) && n >= 0 && n < (json_int_t)1 << 62 ? 0 : -1;
}

int bridge_stamp_read(const json_t *from, const char **key, bridge_stamp *out) {
    const char *const home = json_string_value(json_array_get(from, 3));
    *key = json_string_value(json_array_get(from, 0));
    if (!*key || !home || number_read(json_array_get(from, 1), &out->h) < 0 ||
        number_read(json_array_get(from, 2), &out->e) < 0 ||
        number_read(json_array_get(from, 4), &out->v) < 0)
        return MN_FAIL(MN_EINVAL, "a record that does not begin with [key, h, e, home, v]");
    MN_TRY(mn_board_name_check("the home of a record", home));
    snprintf(out->home, sizeof out->home, "%s", home);
    return 0;
}

int mn_bridge_order(const json_t *record, mn_buf *out) {
    const char *key;
    bridge_stamp s;
    MN_TRY(bridge_stamp_read(record, &key, &s));
    MN_TRY(mn_buf_printf(out, "%016llx%016llx", (unsigned long long)s.h, (unsigned long long)s.e));
    char home[2 * MN_NAME + 1];
    memset(home, '0', sizeof home - 1);
    for (size_t i = 0; s.home[i]; i++) {
        home[2 * i] = "0123456789abcdef"[(unsigned char)s.home[i] >> 4];
        home[2 * i + 1] = "0123456789abcdef"[(unsigned char)s.home[i] & 15];
    }
    MN_TRY(mn_buf_append(out, home, sizeof home - 1));
    return mn_buf_printf(out, "%016llx", (unsigned long long)s.v);
}

/* ---- entries ------------------------------------------------------------------------------- */
static int find(const mn_bridge *g, const char *key, size_t *at) {
    size_t low = 0, high = g->n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = strcmp(g->entry[middle]->key, key);
        *at = middle;
        if (!order) return 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return 0;
}

bridge_entry *bridge_find(const mn_bridge *g, const char *key) {
    size_t at;
    return find(g, key, &at) ? g->entry[at] : NULL;
}

bridge_entry *bridge_of(const mn_bridge *g, bridge_kind kind, const char *name) {
    char key[MN_FLEET_KEY];
    const size_t n = strlen(bridge_sorts[kind].folder), m = strlen(name);
    if (n + m >= sizeof key) return NULL;
    memcpy(key, bridge_sorts[kind].folder, n);
    memcpy(key + n, name, m + 1);
    return bridge_find(g, key);
}

/* Of "thing/cup": its kind, and where the name begins. */
static int read_key(const char *key, bridge_kind *kind, size_t *name) {
    char part[MN_NAME + 1];
    for (int i = 0; i < BRIDGE_KINDS; i++) {
        const bridge_sort *const s = bridge_sorts + i;
        *name = strlen(s->folder);
        if (strncmp(key, s->folder, *name) != 0) continue;
        *kind = (bridge_kind)i;
        const char *rest = key + *name;
        const size_t machine = strcspn(rest, "/");
        if (s->by && rest[machine]) {
            if (machine >= sizeof part) break;
            snprintf(part, sizeof part, "%.*s", (int)machine, rest);
            MN_TRY(mn_board_name_check("the machine of a key", part));
            rest += machine + 1;
        }
        return mn_board_name_check("a key of another machine", rest);
    }
    return MN_FAIL(MN_EINVAL, "a record of the key '%.100s', which is of no kind known here", key);
}

int bridge_make(mn_bridge *g, const char *key, bridge_entry **out) {
    size_t at, name = 0;
    bridge_kind kind = BRIDGE_KINDS;
    if (find(g, key, &at)) {
        *out = g->entry[at];
        return 0;
    }
    MN_TRY(read_key(key, &kind, &name));
    if (g->n == MN_BRIDGE_KEYS)
        return MN_FAIL(MN_EFULL, "a bridge carries %d keys at most: '%s' is one more",
                       MN_BRIDGE_KEYS, key);
    if (g->n == g->cap) {
        const size_t cap = 2 * g->cap + 64;
        bridge_entry **const more = mn_realloc(g->entry, cap * sizeof *more);
        if (!more) return MN_FAIL(MN_ENOMEM, "no memory for %zu keys of a bridge", cap);
        g->entry = more;
        g->cap = cap;
    }
    bridge_entry *const e = mn_calloc(1, sizeof *e);
    if (!e || !(e->key = mn_strdup(key))) {
        mn_free(e);
        return MN_FAIL(MN_ENOMEM, "no memory for the key %s of a bridge", key);
    }
    e->name = e->key + name;
    e->kind = kind;
    memmove(g->entry + at + 1, g->entry + at, (g->n++ - at) * sizeof *g->entry);
    *out = g->entry[at] = e;
    return 0;
}

int bridge_make_of(mn_bridge *g, bridge_kind kind, const char *name, bridge_entry **out) {
    char key[MN_FLEET_KEY];
    snprintf(key, sizeof key, "%s%s", bridge_sorts[kind].folder, name);
    return bridge_make(g, key, out);
}

/* ---- sums ---------------------------------------------------------------------------------- */
static uint64_t mixed(uint64_t sum, uint64_t more) {
    sum = (sum ^ more) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/* Of all that it is, and of the order of its arrays. */
static uint64_t sum_of(const json_t *value) {
    uint64_t sum = (uint64_t)json_typeof(value) + 1;
    const double real = json_real_value(value);
    const char *name;
    json_t *one;
    size_t i;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        json_object_foreach((json_t *)(uintptr_t)value, name, one) sum +=
            mixed(mn_hash64(name, strlen(name)), sum_of(one));
        break;
    case JSON_ARRAY: json_array_foreach(value, i, one) sum = mixed(sum, sum_of(one)); break;
    case JSON_STRING:
        return mixed(sum, mn_hash64(json_string_value(value), json_string_length(value)));
    case JSON_INTEGER: return mixed(sum, (uint64_t)json_integer_value(value));
    case JSON_REAL: return mixed(sum, mn_hash64(&real, sizeof real));
    default: break;
    }
    return mixed(sum, 0);
}

uint64_t bridge_sum_of(const json_t *value) {
    return value ? sum_of(value) | 1 : 0;
}

void bridge_set(bridge_entry *e, json_t *value) {
    json_decref(e->value);
    e->value = value;
    e->sum = bridge_sum_of(value);
    e->known = 1;
}

int bridge_say(mn_bridge *g, bridge_entry *e, json_t *value) {
    const uint64_t sum = bridge_sum_of(value);
    if (e->mine && sum == e->sum && (e->at.v || !sum)) {
        bridge_set(e, value); /* after a restart only its sum was known */
        return 0;
    }
    if (!e->mine && *e->at.home && strcmp(e->at.home, g->machine) != 0)
        e->at.h++; /* its robot came */
    e->mine = 1;
    e->at.e = g->epoch;
    e->at.v = e->at.v + 1 > e->local ? e->at.v + 1 : e->local;
    snprintf(e->at.home, sizeof e->at.home, "%s", g->machine);
    json_decref(e->with);
    e->with = NULL;
    bridge_set(e, value);
    e->dirty = 1;
    return 1;
}

int bridge_is_compared(const bridge_entry *e) {
    return e->kind != BRIDGE_STATE && *e->at.home;
}

int bridge_known(const mn_bridge *g, const json_t *with) {
    size_t i;
    const json_t *one;
    json_array_foreach(with, i, one) {
        const char *key;
        bridge_stamp s;
        if (bridge_stamp_read(one, &key, &s) < 0) continue;
        const bridge_entry *const e = bridge_find(g, key);
        if (!e || bridge_order(&e->at, &s) < 0 || e->pending) return 0;
    }
    return 1;
}

uint64_t mn_bridge_sum(const mn_bridge *g) {
    uint64_t sum = 0;
    for (size_t i = 0; i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        if (!bridge_is_compared(e)) continue;
        const uint64_t of[] = {mn_hash64(e->key, strlen(e->key)), e->at.h, e->at.e,
                               mn_hash64(e->at.home, strlen(e->at.home)), e->at.v};
        sum += mn_hash64(of, sizeof of);
    }
    return sum;
}

int mn_bridge_settled(const mn_bridge *g, mn_buf *why) {
    int settled = 1;
    for (size_t i = 0; i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        if (!e->pending && !e->dirty) continue;
        settled = 0;
        if (why) MN_TRY(mn_buf_printf(why, "%s %s; ", e->key, e->pending ? "waits" : "is to go"));
    }
    return settled;
}

void bridge_free(mn_bridge *g) {
    for (size_t i = 0; i < g->n; i++) {
        bridge_entry *const e = g->entry[i];
        json_decref(e->value);
        json_decref(e->with);
        for (int k = 0; k < 2; k++) json_decref(e->part[k]);
        mn_free(e->key);
        mn_free(e);
    }
    mn_free(g->entry);
    mn_free(g->log);
    json_decref(g->list);
    json_decref(g->need);
    json_decref(g->stop);
    json_decref(g->brain_lies);
    mn_free(g);
}
