/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_kept.c - records to tasks, and back. Whoever writes records writes anything: meta that
 * says nothing of a task is that of a pending one without links. What is no JSON at all is refused:
 * it looks like what could not be read for want of memory, and would be lost with the next change.
 */
#include "agent/task_kept.h"

#include "base/alloc.h"
#include "base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- uids ---------------------------------------------------------------------------------- */
enum { UID = 17 };

static const char *uid_text(uint64_t uid, char out[UID]) {
    snprintf(out, UID, "%016llx", (unsigned long long)uid);
    return out;
}

static uint64_t uid_of(const json_t *text) {
    const char *const s = json_string_value(text);
    char *end;
    if (!s || strlen(s) != UID - 1) return 0;
    const uint64_t uid = strtoull(s, &end, 16);
    return *end ? 0 : uid;
}

static uint64_t new_uid(void) {
    uint64_t uid = 0;
    while (!uid)
        if (getrandom(&uid, sizeof uid, 0) != (ssize_t)sizeof uid) uid = 0;
    return uid;
}

/* ---- reading ------------------------------------------------------------------------------- */
typedef struct link_ { /* what a row says of its links */
    uint64_t parent, beside, replaces, *deps;
} link_;

typedef struct reading {
    mn_tasks *t;
    link_ *link; /* [t->cap] */
    int cap;
    int rc;
} reading;

static int read_past(mn_tasks *t, const json_t *o, const char *text, mn_task_past *out) {
    const char *const status = json_string_value(json_object_get(o, "status"));
    const json_int_t version = json_integer_value(json_object_get(o, "version"));
    const json_int_t prior = json_integer_value(json_object_get(o, "prior"));
    *out = (mn_task_past){.version = version > 0 && version < INT32_MAX ? (int)version : 1};
    if (prior > 0 && prior < out->version) out->prior = (int)prior;
    for (int i = 0; status && mn_task_statuses[i]; i++)
        if (strcmp(status, mn_task_statuses[i]) == 0) out->status = (mn_task_status)i;
    return mn_tasks_text(t, text, strlen(text), &out->text);
}

/* The text behind "SLOT: "; whoever gave the record another one gave the task that. */
static const char *text_of(const mn_row *r) {
    const size_t n = strlen(r->ref);
    if (!n || strncmp(r->text, r->ref, n) != 0) return r->text;
    if (!r->text[n]) return "";
    return r->text[n] == ':' && r->text[n + 1] == ' ' ? r->text + n + 2 : r->text;
}

/* What meta says of a task, inside *meta; *state NULL: nothing. */
static int state_of(const mn_row *r, json_t **meta, const json_t **state) {
    *meta = *r->meta ? json_loads(r->meta, 0, NULL) : NULL;
    *state = json_object_get(*meta, "task");
    if (*meta || !*r->meta) return 0;
    return MN_FAIL(MN_ECORRUPT,
                   "what meta of task #%lld says is no JSON, or there is no memory to read it; "
                   "`omnesia mem forget %lld` removes it",
                   (long long)r->id, (long long)r->id);
}

/* A link that is there is one, or all is refused: Jansson may lose a byte where memory ends, and
 * what was read so would be written. */
static int read_uid(const json_t *value, uint64_t *out) {
    *out = uid_of(value);
    if (*out || !value) return 0;
    return MN_FAIL(MN_ECORRUPT, "a link of a task is no uid, or there is no memory to read it");
}

static int read_links(mn_tasks *t, const json_t *o, mn_task *one, link_ *link) {
    const json_t *const deps = json_object_get(o, "deps");
    const size_t n = json_array_size(deps);
    MN_TRY(read_uid(json_object_get(o, "parent"), &link->parent));
    MN_TRY(read_uid(json_object_get(o, "beside"), &link->beside));
    MN_TRY(read_uid(json_object_get(o, "replaces"), &link->replaces));
    one->flagged = json_is_true(json_object_get(o, "flagged"));
    MN_TRY(read_uid(json_object_get(o, "uid"), &one->uid));
    const json_int_t turn = json_integer_value(json_object_get(o, "turn"));
    one->turn = turn > 0 && turn < INT32_MAX ? (int)turn : 0;
    if (one->turn > t->turn) t->turn = one->turn;
    one->n_deps = n > MN_TASK_DEPS ? MN_TASK_DEPS : (int)n;
    MN_TRY(mn_arena_take(&t->arena, (n + 1) * sizeof *link->deps, &link->deps));
    for (int d = 0; d < one->n_deps; d++)
        MN_TRY(read_uid(json_array_get(deps, (size_t)d), link->deps + d));
    return mn_arena_take(&t->arena, ((size_t)one->n_deps + 1) * sizeof *one->deps, &one->deps);
}

static int grow(reading *r) {
    mn_tasks *const t = r->t;
    if (t->n == MN_TASK_MOST)
        return MN_FAIL(MN_EFULL, "there are more than %d tasks: forget old ones", MN_TASK_MOST);
    if (t->n < t->cap) return 0;
    const int cap = t->cap ? 2 * t->cap : 64;
    const size_t n = (size_t)t->cap, m = (size_t)cap;
    MN_TRY(mn_arena_grow(&t->arena, t->node, n * sizeof *t->node, m * sizeof *t->node,
                         (void *)&t->node));
    MN_TRY(mn_arena_grow(&t->arena, r->link, n * sizeof *r->link, m * sizeof *r->link,
                         (void *)&r->link));
    t->cap = cap;
    return 0;
}

static int read_task(reading *r, const mn_row *row) {
    mn_tasks *const t = r->t;
    mn_task one = {.id = row->id, .born = row->created};
    mn_task_past now = {0};
    json_t *meta;
    const char *const text = text_of(row), *slot = *row->ref ? row->ref : "task";
    const size_t cut = strlen(slot) > MN_TASK_SLOT ? MN_TASK_SLOT : strlen(slot);
    MN_TRY(grow(r));
    link_ *const link = r->link + t->n;
    const json_t *o;
    *link = (link_){0};
    int rc = state_of(row, &meta, &o);
    if (rc >= 0) rc = read_past(t, o, text, &now);
    if (rc >= 0) rc = read_links(t, o, &one, link);
    if (rc >= 0) rc = mn_tasks_text(t, slot, cut, &one.slot);
    if (rc >= 0) rc = mn_tasks_text(t, row->session, strlen(row->session), &one.session);
    json_decref(meta);
    one.text = now.text;
    one.status = now.status;
    one.version = now.version;
    one.prior = now.prior;
    if (rc >= 0) t->node[t->n++] = one;
    return rc;
}

static int read_each(void *user, const mn_row *row, double score) {
    reading *const r = user;
    (void)score;
    r->rc = read_task(r, row);
    return r->rc < 0;
}

static int read_session(mn_notes *n, const mn_who *who, const char *session, reading *r) {
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.session = session, .kind = MN_TASK_KIND}};
    const int rc = mn_notes_find(n, who, &seek, read_each, r);
    return r->rc < 0 ? r->rc : rc;
}

/* uid -> place, by binary search. */
typedef struct place {
    uint64_t uid;
    int at;
} place;

static int by_uid(const void *a, const void *b) {
    const place *const x = a, *const y = b;
    if (x->uid != y->uid) return x->uid < y->uid ? -1 : 1;
    return x->at - y->at;
}

static int place_of(const place *all, int n, uint64_t uid) {
    int low = 0;
    for (int high = n; low < high;) {
        const int mid = low + (high - low) / 2;
        if (all[mid].uid < uid)
            low = mid + 1;
        else
            high = mid;
    }
    return uid && low < n && all[low].uid == uid ? all[low].at : -1;
}

static int link_all(reading *r) {
    mn_tasks *const t = r->t;
    place *all;
    MN_TRY(mn_arena_take(&t->arena, ((size_t)t->n + 1) * sizeof *all, &all));
    for (int i = 0; i < t->n; i++) all[i] = (place){t->node[i].uid, i};
    qsort(all, (size_t)t->n, sizeof *all, by_uid);
    for (int i = 0; i < t->n; i++) {
        mn_task *const one = t->node + i;
        const link_ *const link = r->link + i;
        int n = 0;
        one->parent = place_of(all, t->n, link->parent);
        one->beside = place_of(all, t->n, link->beside);
        one->replaces = place_of(all, t->n, link->replaces);
        for (int d = 0; d < one->n_deps; d++)
            if ((one->deps[n] = place_of(all, t->n, link->deps[d])) >= 0) n++;
        one->n_deps = n;
        if (!one->uid) one->uid = new_uid(), one->changed = 1;
    }
    return mn_tasks_link(t);
}

/* A tree of a root, or all that are part of another task. */
static int read_below(mn_notes *n, const mn_who *who, uint64_t root, reading *r) {
    char session[32], uid[UID];
    snprintf(session, sizeof session, "tasks/%s", uid_text(root, uid));
    return read_session(n, who, session, r);
}

typedef struct one_row {
    char session[64];
    int task;
} one_row;

static int look(void *user, const mn_row *row, double score) {
    one_row *const o = user;
    (void)score;
    o->task = strcmp(row->kind, MN_TASK_KIND) == 0;
    snprintf(o->session, sizeof o->session, "%s", row->session);
    return 0;
}

static int look_at(mn_notes *n, const mn_who *who, int64_t id, one_row *out) {
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.id = id}};
    *out = (one_row){0};
    const int rc = mn_notes_find(n, who, &seek, look, out);
    if (rc < 0 && rc != MN_ENOENT) return rc;
    return out->task;
}

int mn_tasks_there(mn_notes *n, const mn_who *who, int64_t id) {
    one_row row;
    return look_at(n, who, id, &row);
}

/* Only the trees that are asked for: the sessions say which is of whom. */
static int read_trees(mn_notes *n, const mn_who *who, const char *session, int64_t id, reading *r) {
    MN_TRY(read_session(n, who, "tasks", r));
    const int roots = r->t->n;
    for (int i = 0; i < roots; i++) {
        char own[32], uid[UID];
        snprintf(own, sizeof own, "tasks/%s", uid_text(r->t->node[i].uid, uid));
        if (!id || r->t->node[i].id == id || strcmp(own, session) == 0)
            MN_TRY(read_below(n, who, r->t->node[i].uid, r));
    }
    return 0;
}

int mn_tasks_read(mn_notes *n, const mn_who *who, int64_t id, mn_tasks *out) {
    reading r = {.t = out};
    one_row row = {.session = ""};
    *out = (mn_tasks){.arena = {.limit = (size_t)1 << 30, .what = "a plan"}};
    if (id) {
        const int there = look_at(n, who, id, &row);
        MN_TRY(there);
        if (!there)
            return MN_FAIL(MN_ENOENT, "there is no task #%lld of %s", (long long)id, who->user);
    }
    MN_TRY(read_trees(n, who, row.session, id, &r));
    if (id && mn_task_find(out, id) < 0) /* its root was forgotten, or it has another session */
        MN_TRY(*row.session ? read_session(n, who, row.session, &r) : 0);
    MN_TRY(link_all(&r));
    out->turn++;
    if (id && mn_task_find(out, id) < 0)
        return MN_FAIL(MN_ENOENT, "#%lld is in the session \"%s\", where no tasks are",
                       (long long)id, row.session);
    return 0;
}

/* ---- the past ------------------------------------------------------------------------------ */
typedef struct past {
    mn_tasks *t;
    mn_task *one;
    int rc;
} past;

static int add_past(past *p, const mn_row *row) {
    mn_task *const one = p->one;
    const size_t size = sizeof *one->past, was = (size_t)one->n_past * size;
    json_t *meta;
    mn_task_past entry;
    const json_t *o;
    int rc = state_of(row, &meta, &o);
    if (rc >= 0) rc = read_past(p->t, o, text_of(row), &entry);
    json_decref(meta);
    MN_TRY(rc);
    for (int i = 0; i < one->n_past; i++) /* the last of a version: others only had other links */
        if (one->past[i].version == entry.version) {
            one->past[i] = entry;
            return 0;
        }
    MN_TRY(mn_arena_grow(&p->t->arena, one->past, was, was + size, (void *)&one->past));
    one->past[one->n_past++] = entry;
    return 0;
}

static int each_past(void *user, const mn_row *row, double score) {
    past *const p = user;
    (void)score;
    p->rc = row->of ? add_past(p, row) : 0;
    return p->rc < 0;
}

int mn_tasks_read_past(mn_notes *n, const mn_who *who, mn_tasks *t, int at) {
    past p = {.t = t, .one = t->node + at};
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.id = t->node[at].id, .versions = 1}};
    const int rc = mn_notes_find(n, who, &seek, each_past, &p);
    return p.rc < 0 ? p.rc : rc;
}

/* ---- writing ------------------------------------------------------------------------------- */
static int set(json_t *o, const char *name, json_t *value) {
    return json_object_set_new(o, name, value) < 0 ? MN_FAIL(MN_ENOMEM, "no memory for a task") : 0;
}

static int set_uid(json_t *o, const char *name, const mn_tasks *t, int at) {
    char uid[UID];
    return at < 0 ? 0 : set(o, name, json_string(uid_text(t->node[at].uid, uid)));
}

static int write_state(const mn_tasks *t, int at, json_t *o) {
    const mn_task *const one = t->node + at;
    json_t *const deps = json_array();
    char uid[UID];
    int rc = set(o, "uid", json_string(uid_text(one->uid, uid)));
    if (rc >= 0) rc = set_uid(o, "parent", t, one->parent);
    if (rc >= 0) rc = set_uid(o, "beside", t, one->beside);
    if (rc >= 0) rc = set_uid(o, "replaces", t, one->replaces);
    for (int d = 0; rc >= 0 && d < one->n_deps; d++)
        if (json_array_append_new(deps, json_string(uid_text(t->node[one->deps[d]].uid, uid))))
            rc = MN_FAIL(MN_ENOMEM, "no memory for a task");
    if (rc >= 0 && one->n_deps) rc = set(o, "deps", json_incref(deps));
    json_decref(deps);
    MN_TRY(rc);
    MN_TRY(set(o, "status", json_string(mn_task_statuses[one->status])));
    MN_TRY(set(o, "version", json_integer(one->version)));
    if (one->prior) MN_TRY(set(o, "prior", json_integer(one->prior)));
    if (one->flagged) MN_TRY(set(o, "flagged", json_true()));
    return set(o, "turn", json_integer(one->turn));
}

static int meta_of(const mn_tasks *t, int at, char **out) {
    json_t *const o = json_object(), *const meta = json_object();
    int rc = write_state(t, at, o);
    if (rc >= 0) rc = set(meta, "task", json_incref(o));
    *out = rc < 0 ? NULL : mn_json_text(meta, JSON_COMPACT);
    json_decref(o);
    json_decref(meta);
    MN_TRY(rc);
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a task");
}

/* A new task is beside its parent, but that roots have a session of their own. */
static int session_for(mn_tasks *t, mn_task *one, char session[32]) {
    const mn_task *const up = one->parent < 0 ? NULL : t->node + one->parent;
    char uid[UID];
    if (up && up->session && strcmp(up->session, "tasks") != 0) {
        one->session = up->session;
        return 0;
    }
    if (up)
        snprintf(session, 32, "tasks/%s", uid_text(up->uid, uid));
    else
        snprintf(session, 32, "tasks");
    return mn_tasks_text(t, session, strlen(session), &one->session);
}

static int put_row(mn_notes *n, const mn_who *who, mn_tasks *t, int at, const char *meta,
                   const char *text) {
    mn_task *const one = t->node + at;
    char session[32];
    if (!one->session) MN_TRY(session_for(t, one, session));
    mn_row row = {.text = text,
                  .n = strlen(text),
                  .time = "",
                  .session = one->session,
                  .speaker = "",
                  .ref = one->slot,
                  .source = "",
                  .kind = MN_TASK_KIND,
                  .agent = "",
                  .run = "",
                  .meta = meta};
    if (one->id) return mn_notes_update(n, who, one->id, &row);
    return mn_notes_add(n, who, &row, 1, &one->id);
}

static int write_task(mn_notes *n, const mn_who *who, mn_tasks *t, int at) {
    const mn_task *const one = t->node + at;
    mn_buf text = {0};
    char *meta = NULL;
    int rc = *one->text ? mn_buf_printf(&text, "%s: %s", one->slot, one->text)
                        : mn_buf_puts(&text, one->slot);
    if (rc >= 0) rc = meta_of(t, at, &meta);
    if (rc >= 0) rc = put_row(n, who, t, at, meta, text.data);
    mn_free(meta);
    mn_buf_free(&text);
    return rc;
}

int mn_tasks_write(mn_notes *n, const mn_who *who, mn_tasks *t) {
    for (int i = 0; i < t->n; i++)
        if (!t->node[i].uid) t->node[i].uid = new_uid();
    for (int i = 0; i < t->n; i++) {
        if (!t->node[i].changed) continue;
        MN_TRY(write_task(n, who, t, i));
        t->node[i].changed = 0;
    }
    return 0;
}

/* ---- what is said --------------------------------------------------------------------------- */
int mn_tasks_say(mn_notes *n, const mn_who *who, const mn_tasks *t, int at, const char *speaker,
                 const char *text) {
    char session[32], uid[UID];
    snprintf(session, sizeof session, "turns/%s", uid_text(t->node[at].uid, uid));
    mn_row row = {.text = text,
                  .n = strlen(text),
                  .time = "",
                  .session = session,
                  .speaker = speaker,
                  .ref = t->node[at].slot,
                  .source = "",
                  .kind = "turn",
                  .agent = "",
                  .run = "",
                  .meta = ""};
    return mn_notes_add(n, who, &row, 1, NULL);
}

typedef struct saying {
    mn_tasks *t;
    mn_task_said *said;
    int n, cap, rc;
} saying;

static int hear(saying *s, const mn_row *row) {
    const size_t size = sizeof *s->said;
    if (s->n == s->cap) {
        const int cap = s->cap ? 2 * s->cap : 16;
        MN_TRY(mn_arena_grow(&s->t->arena, s->said, (size_t)s->cap * size, (size_t)cap * size,
                             (void *)&s->said));
        s->cap = cap;
    }
    mn_task_said *const one = s->said + s->n;
    MN_TRY(mn_tasks_text(s->t, row->speaker, strlen(row->speaker), &one->who));
    MN_TRY(mn_tasks_text(s->t, row->text, row->n, &one->text));
    s->n++;
    return 0;
}

static int hear_each(void *user, const mn_row *row, double score) {
    saying *const s = user;
    (void)score;
    s->rc = hear(s, row);
    return s->rc < 0;
}

int mn_tasks_said(mn_notes *n, const mn_who *who, mn_tasks *t, int at, mn_task_said **out,
                  int *n_out) {
    char session[32], uid[UID];
    saying s = {.t = t};
    snprintf(session, sizeof session, "turns/%s", uid_text(t->node[at].uid, uid));
    const mn_seek seek = {.as_of = MN_NEVER, .rows = {.session = session, .kind = "turn"}};
    const int rc = mn_notes_find(n, who, &seek, hear_each, &s);
    *out = s.said;
    *n_out = s.n;
    return s.rc < 0 ? s.rc : rc < 0 ? rc : 0;
}
