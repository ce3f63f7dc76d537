/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/past.c - where things stayed, from the log of events alone.
 *
 * Of an event counts where it says that its thing is from then on: "moved" and "fell" (to), "new"
 * (fields.at), "seen" (at), "removed" (nowhere). Consecutive events that agree are one stay. Before
 * the first one a thing was where that says it came from, as far as the log reaches back. Records
 * are read in the order in which they were told; a clock that jumps back makes a stay of no length,
 * not another order. Those of other machines come later than they happened, and are put where they
 * belong.
 */
#include "fleet/past_inside.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mn_past_text(const json_t *event, const char *field) {
    const char *const text = json_string_value(json_object_get(event, field));
    return text ? text : "";
}

int64_t mn_past_time(const json_t *event) {
    return json_integer_value(json_object_get(event, "t"));
}

/* ---- the log ------------------------------------------------------------------------------- */
typedef struct placed {
    int64_t t; /* when it happened, or the latest that its machine told before */
    size_t at;
    json_t *event;
} placed;

static int by_time(const void *a, const void *b) {
    const placed *const x = a, *const y = b;
    if (x->t != y->t) return x->t < y->t ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int is_of_several(const json_t *events) {
    const json_t *one;
    size_t i;
    json_array_foreach(events, i, one) if (json_object_get(one, "there")) return 1;
    return 0;
}

int mn_past_order(json_t *events) {
    const size_t n = json_array_size(events);
    if (!is_of_several(events)) return 0;
    placed *const all = mn_malloc(n * sizeof *all);
    json_t *const latest = json_object(), *one;
    size_t i;
    int rc = all && latest ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %zu events", n);
    for (i = 0; rc >= 0 && i < n; i++) {
        const json_t *const event = json_array_get(events, i);
        const char *const home = json_object_get(event, "there") ? mn_past_text(event, "home") : "";
        const int64_t was = json_integer_value(json_object_get(latest, home));
        all[i] = (placed){mn_past_time(event), i, json_incref((json_t *)event)};
        if (all[i].t < was) all[i].t = was;
        if (json_object_set_new(latest, home, json_integer(all[i].t)) < 0)
            rc = MN_FAIL(MN_ENOMEM, "no memory for %zu events", n);
    }
    const size_t held = i;
    if (rc >= 0) qsort(all, n, sizeof *all, by_time);
    for (i = 0; i < held; i++) {
        one = all[i].event;
        if (rc >= 0) json_array_set(events, i, one);
        json_decref(one);
    }
    json_decref(latest);
    mn_free(all);
    return rc;
}

static int read_all(mn_board *b, const char *having, json_t *all) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    uint64_t number = 0, from = 0;
    int rc = mn_board_key(b, "events", "", key);
    if (having && strpbrk(having, "\"\\")) having = NULL; /* it is written otherwise there */
    while (rc >= 0 && (rc = b->ops->record(b, key, from, &text, &number)) > 0) {
        from = number + 1;
        if (having && !memmem(text.data, text.len, having, strlen(having))) continue;
        json_t *const event = json_loadb(text.data ? text.data : "", text.len, 0, NULL);
        if (json_is_object(event) && json_array_append(all, event) < 0)
            rc = MN_FAIL(MN_ENOMEM, "no memory for what happened");
        json_decref(event);
    }
    mn_buf_free(&text);
    return rc;
}

int mn_past_each(mn_board *b, const char *having, int (*each)(void *user, const json_t *event),
                 void *user) {
    json_t *const all = json_array(), *event;
    size_t i;
    int rc = all ? read_all(b, having, all) : MN_FAIL(MN_ENOMEM, "no memory for what happened");
    if (rc >= 0) rc = mn_past_order(all);
    json_array_foreach(all, i, event) {
        if (rc) break;
        rc = each(user, event);
    }
    json_decref(all);
    return rc;
}

const char *mn_past_says(const json_t *event) {
    static const struct {
        const char *kind, *field;
    } says[] = {{"moved", "to"}, {"fell", "to"}, {"seen", "at"}};
    const char *const kind = mn_past_text(event, "kind");
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        if (strcmp(kind, says[i].kind)) continue;
        return json_string_value(json_object_get(event, says[i].field));
    }
    if (!strcmp(kind, "new"))
        return json_string_value(json_object_get(json_object_get(event, "fields"), "at"));
    return strcmp(kind, "removed") ? NULL : "";
}

/* ---- stays --------------------------------------------------------------------------------- */
mn_stay *mn_stays_at(const mn_stays *s, int i) {
    return (mn_stay *)(void *)s->list.data + i;
}

void mn_stays_free(mn_stays *s) {
    for (int i = 0; i < s->n; i++) json_decref(mn_stays_at(s, i)->event);
    mn_buf_free(&s->list);
    s->n = 0;
}

static int add(mn_stays *s, const char *at, const char *how, const char *by, int64_t from,
               json_t *event) {
    mn_stay stay = {.from = from, .until = INT64_MAX};
    snprintf(stay.at, sizeof stay.at, "%s", at);
    snprintf(stay.how, sizeof stay.how, "%s", how);
    snprintf(stay.by, sizeof stay.by, "%s", by);
    if (s->n) mn_stays_at(s, s->n - 1)->until = from;
    MN_TRY(mn_buf_append(&s->list, &stay, sizeof stay));
    mn_stays_at(s, s->n++)->event = json_incref(event);
    return 0;
}

typedef struct walk {
    const char *thing;
    mn_stays *out;
} walk;

static int each(void *user, const json_t *event) {
    walk *const w = user;
    mn_stays *const s = w->out;
    if (strcmp(mn_past_text(event, "thing"), w->thing)) return 0;
    const char *const at = mn_past_says(event);
    if (!at) return 0;
    const int moved = !strcmp(mn_past_text(event, "kind"), "moved");
    const char *how = mn_past_text(event, "how");
    if (!*how) how = mn_past_text(json_object_get(event, "fields"), "how");
    const char *const from = mn_past_text(event, "from");
    if (!s->n && moved && *from) MN_TRY(add(s, from, "", "", 0, NULL));
    const mn_stay *const last = s->n ? mn_stays_at(s, s->n - 1) : NULL;
    if (last && !strcmp(last->at, at) && (!moved || !strcmp(last->how, how))) return 0;
    const char *const by =
        moved || !strcmp(mn_past_text(event, "kind"), "new") ? mn_past_text(event, "robot") : "";
    return add(s, at, how, by, mn_past_time(event), (json_t *)event);
}

int mn_stays_of(mn_board *b, const mn_scene *s, const char *thing, mn_stays *out) {
    walk w = {thing, out};
    memset(out, 0, sizeof *out);
    int rc = mn_past_each(b, thing, each, &w);
    const mn_thing *const t = s ? mn_scene_thing(s, thing) : NULL;
    if (rc >= 0 && !out->n && t) rc = add(out, t->at, t->how, "", 0, NULL);
    if (rc < 0) mn_stays_free(out);
    return rc;
}

int mn_stays_find(const mn_stays *s, int64_t t) {
    for (int i = s->n - 1; i >= 0; i--) {
        const mn_stay *const stay = mn_stays_at(s, i);
        if (stay->from <= t) return *stay->at ? i : -1;
    }
    return -1;
}

int mn_past_place(mn_board *b, const char *thing, int64_t as_of, char at[MN_NAME + 1],
                  json_t **event) {
    mn_stays stays;
    mn_scene scene;
    MN_TRY(mn_scene_read(b, "", &scene, NULL));
    int rc = mn_stays_of(b, &scene, thing, &stays);
    mn_scene_free(&scene);
    MN_TRY(rc);
    const int i = mn_stays_find(&stays, as_of ? as_of : INT64_MAX - 1);
    if (event) *event = NULL;
    if (i >= 0) {
        const mn_stay *const stay = mn_stays_at(&stays, i);
        snprintf(at, MN_NAME + 1, "%s", stay->at);
        if (event) *event = json_incref(stay->event);
    }
    mn_stays_free(&stays);
    return i >= 0;
}
