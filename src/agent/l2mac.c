/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/l2mac.c - the verb `write`: a plan, its steps one after the other, the last check.
 */
#include "agent/l2mac.h"

#include "base/alloc.h"
#include "base/cage.h"

#include <string.h>

/* ---- the plan ------------------------------------------------------------------------------- */
static int plain_line(const char *s, size_t most) {
    const size_t n = s ? strlen(s) : 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) return 0;
    return n && n <= most;
}

/* The steps of an answer, or NULL: it is no list of steps. */
static json_t *steps_of(const char *answer) {
    json_t *const o = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    json_t *const steps = json_incref(json_object_get(o, "steps")), *one;
    size_t i;
    int good = json_array_size(steps) > 0 && json_array_size(steps) <= MN_L2MAC_STEPS;
    json_array_foreach(steps, i, one) {
        const char *const text = json_string_value(json_object_get(one, "text"));
        good &= plain_line(json_string_value(json_object_get(one, "file")), MN_TASK_SLOT) && text &&
                *text;
    }
    json_decref(o);
    if (good) return steps;
    json_decref(steps);
    return NULL;
}

static int ask_list(mn_l2mac *w, mn_l2mac_turns *turns) {
    char *answer = NULL;
    const mn_task_said question = {"user", turns->said[turns->n - 1].text};
    int rc = mn_l2mac_ask(w, mn_l2mac_list_schema, &question, 1, (int32_t)w->c->args.context / 4,
                          &answer);
    if (rc == MN_ETOOLONG)
        return MN_FAIL(MN_ETOOLONG,
                       "the task leaves no room for an answer in a context of %lld "
                       "tokens: shorten it, or give a larger context",
                       (long long)w->c->args.context);
    if (rc >= 0) rc = mn_l2mac_say(w, turns, "model", answer);
    mn_free(answer);
    return rc;
}

/* Question, list, question, list: each is kept before the next. */
static int think(mn_l2mac *w, mn_l2mac_turns *turns) {
    mn_buf text = {0};
    int rc = 0;
    while (rc >= 0 && turns->n < 4) {
        mn_buf_clear(&text);
        if (turns->n % 2) {
            rc = ask_list(w, turns);
            continue;
        }
        rc = turns->n ? mn_l2mac_expand_question(w, turns->said[1].text, &text)
                      : mn_l2mac_list_question(w, &text);
        if (rc >= 0) rc = mn_l2mac_say(w, turns, "fresh", text.data);
    }
    mn_buf_free(&text);
    return rc;
}

/* Of two lists the expanded one, unless it lost some steps, or is none. */
static json_t *choose(const mn_l2mac_turns *turns) {
    json_t *first = steps_of(turns->said[1].text), *second = steps_of(turns->said[3].text);
    if (json_array_size(second) >= json_array_size(first) && second) {
        json_decref(first);
        return second;
    }
    json_decref(second);
    return first;
}

static int plan(mn_l2mac *w) {
    mn_l2mac_turns turns;
    json_t *steps = NULL;
    MN_TRY(mn_l2mac_tell(w, "planning"));
    int rc = mn_l2mac_hear(w, w->root, &turns);
    if (rc >= 0) rc = think(w, &turns);
    if (rc >= 0 && !(steps = choose(&turns)))
        steps =
            json_pack("[{s:s, s:s}]", "file", "all files", "text", "all that the task asks for");
    if (rc >= 0) rc = mn_l2mac_plan(w, steps);
    json_decref(steps);
    mn_arena_free(&turns.arena);
    return rc;
}

/* ---- steps ---------------------------------------------------------------------------------- */
static int is_step(const mn_l2mac *w, int i) {
    return w->c->t.node[i].depth == 1 && w->c->t.node[i].replaced < 0;
}

static int count(const mn_l2mac *w, const char *slot) {
    int n = 0;
    for (int i = 0; i < w->c->t.n; i++)
        n += is_step(w, i) && (!slot || strcmp(w->c->t.node[i].slot, slot) == 0);
    return n;
}

/* Steps that had failed are tried again. */
static int reopen(mn_l2mac *w) {
    for (int i = 0; i < w->c->t.n; i++) {
        mn_l2mac_turns turns = {.id = w->c->t.node[i].id};
        if (!is_step(w, i) || w->c->t.node[i].status != MN_TASK_FAILED) continue;
        MN_TRY(mn_l2mac_say(w, &turns, "again", "it is tried again"));
        mn_arena_free(&turns.arena);
        MN_TRY(mn_l2mac_mark(w, turns.id, MN_TASK_PENDING, NULL));
        i = -1; /* the tree was read anew */
    }
    return mn_l2mac_mark(w, w->root, MN_TASK_PENDING, NULL);
}

static int run_steps(mn_l2mac *w) {
    MN_TRY(mn_l2mac_look(w));
    for (int i = 0, at = 0; i < w->c->t.n; i++) {
        const mn_task *const one = w->c->t.node + i;
        if (!is_step(w, i)) continue;
        at++;
        if (one->status != MN_TASK_PENDING) continue;
        MN_TRY(mn_l2mac_tell(w, "step %d of %d: %s: %s", at, count(w, NULL), one->slot, one->text));
        MN_TRY(mn_l2mac_step(w, one->id, at == count(w, NULL)));
        i = -1, at = 0;
    }
    return 0;
}

/* The last check, and steps that are there because of it: 1: it passes. */
static int finish(mn_l2mac *w, mn_buf *said) {
    for (;;) {
        const int passes = mn_l2mac_check(w, 1, said);
        if (passes) return passes;
        MN_TRY(mn_l2mac_look(w));
        if (count(w, "repair") >= MN_L2MAC_REPAIRS) return 0;
        json_t *const one = json_pack("[{s:s, s:s}]", "file", "repair", "text",
                                      "the check fails: read what it complains about, and write "
                                      "those files again without the mistakes");
        const int rc = one ? mn_l2mac_plan(w, one) : MN_FAIL(MN_ENOMEM, "no memory for a step");
        json_decref(one);
        MN_TRY(rc);
        MN_TRY(run_steps(w));
    }
}

/* ---- the verb ------------------------------------------------------------------------------- */
static int list_file(void *user, const char *path, uint64_t bytes) {
    json_t *const one = json_pack("{s:s, s:I}", "path", path, "bytes", (json_int_t)bytes);
    if (one && json_array_append_new(user, one) == 0) return 0;
    return MN_FAIL(MN_ENOMEM, "no memory for a list of files");
}

static int tell(mn_l2mac *w, int passes, const mn_buf *said) {
    mn_task_call *const c = w->c;
    json_t *const steps = json_array(), *const files = json_array();
    MN_TRY(mn_verb_put(c->result, "steps", steps));
    MN_TRY(mn_verb_put(c->result, "files", files));
    for (int i = 0; i < c->t.n; i++)
        if (is_step(w, i) && json_array_append_new(steps, mn_task_json(&c->t, i)) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for %d steps", c->t.n);
    MN_TRY(mn_jail_list(w->jail, list_file, files));
    MN_TRY(mn_verb_put(c->result, "task", mn_task_json(&c->t, mn_task_find(&c->t, w->root))));
    MN_TRY(mn_verb_put(c->result, "check",
                       json_string(!c->args.check ? "none"
                                   : passes       ? "passes"
                                                  : "fails")));
    if (!passes) MN_TRY(mn_verb_put(c->result, "said", json_string(said->data)));
    MN_TRY(mn_verb_put(c->result, "read", json_integer(w->read)));
    return mn_verb_put(c->result, "written", json_integer(w->written));
}

static int write_all(mn_l2mac *w, mn_buf *said) {
    MN_TRY(mn_l2mac_begin(w));
    MN_TRY(mn_l2mac_look(w));
    const mn_task_status was = w->c->t.node[mn_task_find(&w->c->t, w->root)].status;
    if (was == MN_TASK_FAILED) MN_TRY(reopen(w));
    if (!count(w, NULL)) MN_TRY(plan(w));
    MN_TRY(run_steps(w));
    const int passes = finish(w, said);
    MN_TRY(passes);
    MN_TRY(mn_l2mac_mark(w, w->root, passes ? MN_TASK_DONE : MN_TASK_FAILED, NULL));
    return tell(w, passes, said);
}

int mn_l2mac_write(void *call) {
    mn_task_call *const c = call;
    mn_l2mac w = {.c = c};
    mn_buf said = {0};
    if (!c->by || !c->by->talk)
        return MN_FAIL(MN_EUNSUPPORTED, "no model is to be had here that could write");
    MN_TRY(mn_jail_open(c->args.folder, &w.jail));
    int rc = 0;
    if (c->args.check && *mn_cage_lacks())
        rc =
            mn_l2mac_tell(&w, "this machine gives the check no cage: it lacks %s", mn_cage_lacks());
    if (rc >= 0) rc = write_all(&w, &said);
    mn_buf_free(&said);
    mn_jail_close(&w.jail);
    return rc;
}
