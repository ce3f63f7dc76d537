/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/trim.c - operations are found, checked and done to the plan. While a model thinks nobody
 * else waits: if the tree has changed when it is done, it is asked again, a few times.
 */
#include "agent/trim.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TRIES = 3 };
const char *const mn_trim_intents[] = {"new", "update", "check", "undo", "replace", "ask", NULL};

/* ---- which task ---------------------------------------------------------------------------- */
static int in_tree(const mn_tasks *t, int root, int at) {
    return root >= 0 && t->node[at].root == root;
}

int mn_trim_focus(const mn_tasks *t, int root, int *n) {
    int last = -1, turn = 0;
    *n = 0;
    for (int i = 0; i < t->n; i++) {
        if (!in_tree(t, root, i) || t->node[i].replaced >= 0) continue;
        if (t->node[i].turn > turn) *n = 0, turn = t->node[i].turn;
        if (t->node[i].turn == turn) ++*n, last = i;
    }
    return *n == 1 ? last : -1;
}

/* By number, or by slot, whatever its case. */
static int resolve(const mn_tasks *t, int root, const json_t *v, int *out) {
    const char *const slot = json_string_value(v);
    *out = -1;
    if (json_is_integer(v)) {
        const int at = mn_task_find(t, json_integer_value(v));
        if (at < 0 || !in_tree(t, root, at))
            return MN_FAIL(MN_ENOENT, "there is no task #%lld in this tree",
                           (long long)json_integer_value(v));
        *out = at;
        return 0;
    }
    for (int i = t->n; slot && i--;)
        if (in_tree(t, root, i) && t->node[i].replaced < 0 &&
            strcasecmp(slot, t->node[i].slot) == 0)
            *out = i;
    if (*out >= 0) return 0;
    if (!slot) return MN_FAIL(MN_EINVAL, "a task is named by its number or its slot");
    return MN_FAIL(MN_ENOENT, "there is no task named \"%.64s\" in this tree", slot);
}

typedef struct doing {
    mn_task_call *c;
    int root;
    int *touched, n; /* tasks that were touched, in their order */
    char *changed;   /* of each of touched: was it changed? */
} doing;

static void touch(doing *d, int at, int changed) {
    for (int i = 0; i < d->n; i++)
        if (d->touched[i] == at) {
            d->changed[i] |= (char)changed;
            return;
        }
    d->touched[d->n] = at;
    d->changed[d->n++] = (char)changed;
}

static int deps_of(doing *d, const json_t *op, int **out, int *n) {
    const json_t *const list = json_object_get(op, "deps");
    json_t *v;
    size_t i;
    *n = 0;
    if (json_array_size(list) > MN_TASK_DEPS)
        return MN_FAIL(MN_EINVAL, "a task may build on %d others, not on %zu", MN_TASK_DEPS,
                       json_array_size(list));
    MN_TRY(mn_arena_take(&d->c->t.arena, (json_array_size(list) + 1) * sizeof **out, out));
    json_array_foreach(list, i, v) {
        if (json_is_integer(v) && mn_task_find(&d->c->t, json_integer_value(v)) >= 0)
            (*out)[(*n)++] = mn_task_find(&d->c->t, json_integer_value(v));
        else
            MN_TRY(resolve(&d->c->t, d->root, v, &(*out)[(*n)++]));
    }
    return 0;
}

static const char *text_in(const json_t *op, const char *name) {
    const char *const text = json_string_value(json_object_get(op, name));
    return text && strlen(text) <= MN_TASK_TEXT ? text : NULL;
}

/* ---- operations ---------------------------------------------------------------------------- */
static int do_new(doing *d, const json_t *op, int at) {
    mn_tasks *const t = &d->c->t;
    mn_task_spec spec = {.slot = text_in(op, "slot"), .text = text_in(op, "text"), .beside = -1};
    const json_t *const parent = json_object_get(op, "parent");
    int *deps, out;
    (void)at;
    spec.slot = spec.slot ? spec.slot : "";
    spec.text = spec.text ? spec.text : "";
    spec.parent = d->root;
    if (parent && !json_is_null(parent)) MN_TRY(resolve(t, d->root, parent, &spec.parent));
    MN_TRY(deps_of(d, op, &deps, &spec.n_deps));
    spec.deps = deps;
    MN_TRY(mn_task_add(t, &spec, &out));
    if (d->root < 0) d->root = out;
    touch(d, out, 1);
    return 0;
}

static int do_update(doing *d, const json_t *op, int at) {
    mn_tasks *const t = &d->c->t;
    const char *const status = text_in(op, "status");
    int *deps, n, now = (int)t->node[at].status;
    for (int i = 0; status && mn_task_statuses[i]; i++)
        if (strcmp(status, mn_task_statuses[i]) == 0) now = i;
    MN_TRY(deps_of(d, op, &deps, &n));
    MN_TRY(mn_task_change(t, at, text_in(op, "text"), (mn_task_status)now, deps, n));
    touch(d, at, 1);
    return 0;
}

static int do_check(doing *d, const json_t *op, int at) {
    (void)op;
    touch(d, at, 0);
    return 0;
}

static int do_undo(doing *d, const json_t *op, int at) {
    (void)op;
    MN_TRY(mn_tasks_read_past(d->c->notes, d->c->who, &d->c->t, at));
    MN_TRY(mn_task_rollback(&d->c->t, at));
    touch(d, at, 1);
    return 0;
}

static int do_replace(doing *d, const json_t *op, int at) {
    mn_tasks *const t = &d->c->t;
    mn_task_spec spec = {
        .slot = text_in(op, "slot"), .text = text_in(op, "text"), .parent = -1, .beside = -1};
    int *deps, out;
    spec.slot = spec.slot ? spec.slot : t->node[at].slot;
    spec.text = spec.text ? spec.text : "";
    MN_TRY(deps_of(d, op, &deps, &spec.n_deps));
    spec.deps = deps;
    MN_TRY(mn_task_replace(t, at, &spec, &out));
    touch(d, out, 1);
    return 0;
}

static int (*const does[])(doing *d, const json_t *op, int at) = {do_new, do_update, do_check,
                                                                  do_undo, do_replace};
enum { NEW, UPDATE, CHECK, UNDO, REPLACE, ASK };

static int intent_of(const json_t *op) {
    const char *const name = json_string_value(json_object_get(op, "intent"));
    for (int i = 0; name && mn_trim_intents[i]; i++)
        if (strcmp(name, mn_trim_intents[i]) == 0) return i;
    return MN_FAIL(MN_EINVAL,
                   "an intent is new, update, check, undo, replace or ask, not \"%.32s\"",
                   name ? name : "");
}

/* What to ask back, when it is not clear which task is meant. */
static int ask_which(doing *d, const char *what) {
    mn_buf text = {0};
    int n, rc = mn_buf_printf(&text, "Which one shall %s?", what), some = 0;
    const mn_tasks *const t = &d->c->t;
    mn_trim_focus(t, d->root, &n);
    for (int i = 0; i < t->n && rc >= 0 && some < 8; i++) {
        if (!in_tree(t, d->root, i) || t->node[i].replaced >= 0 || t->node[i].parent < 0) continue;
        if (strcmp(what, "go back") == 0 && !t->node[i].prior) continue;
        rc = mn_buf_printf(&text, "%s #%lld %s", some++ ? "," : "", (long long)t->node[i].id,
                           t->node[i].slot);
    }
    if (rc >= 0) rc = mn_verb_put(d->c->result, "ask", json_stringn(text.data, text.len));
    mn_buf_free(&text);
    return rc;
}

/* 1: it has to be asked what is meant. */
static int do_op(doing *d, const json_t *op) {
    const int intent = intent_of(op);
    const json_t *const task = json_object_get(op, "task");
    int at = -1, n;
    MN_TRY(intent);
    if (intent == ASK) {
        const char *const text = text_in(op, "text");
        MN_TRY(mn_verb_put(d->c->result, "ask", json_string(text ? text : "What do you mean?")));
        return 1;
    }
    if (task && !json_is_null(task) && intent != NEW) {
        MN_TRY(resolve(&d->c->t, d->root, task, &at));
    } else if (intent == CHECK) {
        at = d->root; /* of all of it */
        if (at < 0) return 0;
    } else if (intent != NEW) {
        at = mn_trim_focus(&d->c->t, d->root, &n);
        if (at >= 0 && intent == UNDO && !d->c->t.node[at].prior) at = -1;
        if (at < 0) {
            MN_TRY(ask_which(d, intent == UNDO ? "go back" : "be changed"));
            return 1;
        }
    }
    return does[intent](d, op, at);
}

/* ---- what came of it ----------------------------------------------------------------------- */
static int tell(doing *d, json_t *ops) {
    mn_task_call *const c = d->c;
    json_t *const tasks = json_array();
    MN_TRY(mn_verb_put(c->result, "tasks", tasks));
    MN_TRY(mn_verb_put(c->result, "ops", json_incref(ops)));
    for (int i = 0; i < d->n; i++)
        if (json_array_append_new(tasks, mn_task_json(&c->t, d->touched[i])) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for %d tasks", d->n);
    return 0;
}

static int do_ops(mn_task_call *c, int root, json_t *ops) {
    const size_t room = json_array_size(ops) + 1;
    doing d = {.c = c, .root = root};
    json_t *op;
    size_t i;
    MN_TRY(mn_arena_take(&c->t.arena, room * sizeof *d.touched, &d.touched));
    MN_TRY(mn_arena_take(&c->t.arena, room, &d.changed));
    json_array_foreach(ops, i, op) {
        const int asks = do_op(&d, op);
        MN_TRY(asks);
        if (!asks) continue;
        d.n = 0; /* nothing of it is kept */
        return tell(&d, ops);
    }
    MN_TRY(mn_tasks_write(c->notes, c->who, &c->t));
    for (int k = 0; k < d.n; k++)
        if (d.changed[k])
            MN_TRY(mn_tasks_say(c->notes, c->who, &c->t, d.touched[k], c->args.role, c->args.text));
    return tell(&d, ops);
}

/* ---- the way to them ----------------------------------------------------------------------- */
typedef struct saying {
    mn_task_call *c;
    json_t *ops; /* NULL: not found yet */
    uint64_t stamp, seen;
    mn_buf prompt, schema;
} saying;

/* The tree that is spoken of: of `id`, else the one that changed last. */
static int root_of(const mn_task_call *c) {
    const mn_tasks *const t = &c->t;
    int last = -1;
    if (c->args.id) return t->node[mn_task_find(t, c->args.id)].root;
    for (int i = 0; i < t->n; i++)
        if (last < 0 || t->node[i].born >= t->node[last].born) last = i;
    return last < 0 ? -1 : t->node[last].root;
}

static uint64_t stamp_of(const mn_tasks *t) {
    uint64_t h = 0;
    for (int i = 0; i < t->n; i++) {
        const uint64_t one[] = {h, (uint64_t)t->node[i].id, (uint64_t)t->node[i].version,
                                (uint64_t)t->node[i].turn};
        h = mn_hash64(one, sizeof one);
    }
    return h;
}

static int read_tree(saying *s, int *root) {
    mn_task_call *const c = s->c;
    mn_tasks_free(&c->t);
    MN_TRY(mn_tasks_read(c->notes, c->who, c->args.id, &c->t));
    *root = root_of(c);
    s->seen = stamp_of(&c->t);
    return 0;
}

static int look(void *user) {
    saying *const s = user;
    int root;
    MN_TRY(read_tree(s, &root));
    s->stamp = s->seen;
    mn_buf_clear(&s->prompt);
    mn_buf_clear(&s->schema);
    MN_TRY(mn_trim_question(&s->c->t, root, s->c->args.text, &s->prompt));
    return mn_trim_schema(&s->c->t, root, &s->schema);
}

static int act(void *user) {
    saying *const s = user;
    mn_task_call *const c = s->c;
    int root;
    MN_TRY(read_tree(s, &root));
    if (s->ops) /* a model's, or given */
        return s->stamp && s->stamp != s->seen ? 1 : do_ops(c, root, s->ops);
    json_t *const ops = json_array();
    int rc = ops ? mn_trim_rules(&c->t, root, c->args.text, ops)
                 : MN_FAIL(MN_ENOMEM, "no memory for a list");
    if (rc >= 0) rc = do_ops(c, root, ops);
    json_decref(ops);
    return rc;
}

static int ask_model(saying *s) {
    mn_task_call *const c = s->c;
    char *answer = NULL;
    if (!c->by) return MN_FAIL(MN_EUNSUPPORTED, "no model is to be had here: leave `model` out");
    MN_TRY(mn_notes_turn(c->notes, 0, look, s));
    MN_TRY(c->by->extract(c->by->user, c->args.model, s->schema.data, s->prompt.data, &answer));
    json_t *const o = json_loads(answer, 0, NULL);
    json_decref(s->ops);
    s->ops = json_incref(json_object_get(o, "ops"));
    json_decref(o);
    mn_free(answer);
    if (json_is_array(s->ops)) return 0;
    return MN_FAIL(MN_ECORRUPT, "%s gave no list of operations", c->args.model);
}

int mn_trim_say(void *call) {
    mn_task_call *const c = call;
    saying s = {.c = c, .ops = json_incref(c->args.ops)};
    const int thinks = c->args.model && !s.ops;
    int rc = 1;
    for (int i = 0; rc == 1 && i < TRIES; i++) {
        rc = thinks ? ask_model(&s) : 0;
        if (rc >= 0) rc = mn_notes_turn(c->notes, 1, act, &s);
    }
    if (rc == 1)
        rc =
            MN_FAIL(MN_ECONFLICT, "others changed the tree %d times while %s thought: say it again",
                    TRIES, c->args.model);
    json_decref(s.ops);
    mn_buf_free(&s.prompt);
    mn_buf_free(&s.schema);
    return rc;
}
