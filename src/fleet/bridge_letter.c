/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_letter.c - letters (fleet/letter.h) to the machine that has a task, and its answers.
 *
 * Each machine says letter/MACHINE: {id: {"do", "task", ..}}, the letters that lie on its board
 * without an answer, and reply/MACHINE: {"WRITER.id": {"rc", "text"}}, its answers to letters that
 * still lie there. Whose task it is does what is said, once: an answer says that it was done. A
 * bridge that ends in between does it twice; a task that is cancelled is not cancelled again, and
 * who confirms means one try of the step.
 */
#include "fleet/bridge_in.h"
#include "fleet/letter.h"

#include <stdio.h>
#include <string.h>

enum { WIRE = 256 };

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for the letters of a machine");
}

static void name_of(const char *writer, const char *id, char out[WIRE]) {
    snprintf(out, WIRE, "%.*s.%.*s", MN_NAME, writer, MN_NAME, id);
}

/* ---- what was written here ------------------------------------------------------------------ */
typedef struct gathered {
    mn_bridge *g;
    json_t *all; /* as they are said */
    size_t prefix;
} gathered;

static const json_t *answer_to(const mn_bridge *g, const char *id) {
    char name[WIRE];
    name_of(g->machine, id, name);
    for (size_t i = 0; i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        const json_t *const answer =
            e->kind == BRIDGE_REPLY ? json_object_get(e->value, name) : NULL;
        if (answer) return answer;
    }
    return NULL;
}

/* It is said while it waits; with its answer it is its writer's again. */
static int gather_one(gathered *l, const char *id, json_t *letter, uint64_t version) {
    mn_bridge *const g = l->g;
    const json_t *const answer = answer_to(g, id);
    const uint64_t until = (uint64_t)json_integer_value(json_object_get(letter, "until"));
    char task[WIRE];
    if (json_object_get(letter, "answer")) return 0;
    if (answer) {
        if (json_object_set(letter, "answer", (json_t *)answer) < 0) return no_memory();
        return mn_board_put(g->b, "letter/", id, letter, 1, &version);
    }
    if (until <= g->b->ops->now(g->b)) return mn_board_del(g->b, "letter/", id, 1, version);
    bridge_out_name(g, BRIDGE_TASK, bridge_text(letter, "task"), task);
    json_object_del(letter, "until");
    return json_object_set_new(letter, "task", json_string(task)) < 0 ||
                   json_object_set(l->all, id, letter) < 0
               ? no_memory()
               : 0;
}

static int gather(void *user, const char *key, uint64_t version) {
    gathered *const l = user;
    json_t *letter;
    if (mn_board_name_check("a letter", key + l->prefix) < 0) return 0; /* nobody can answer it */
    int rc = mn_board_get(l->g->b, "letter/", key + l->prefix, &letter, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED)
        return mn_board_del(l->g->b, "letter/", key + l->prefix, 0, 0);
    if (rc <= 0) return rc;
    rc = gather_one(l, key + l->prefix, letter, version);
    json_decref(letter);
    return rc == MN_ECONFLICT ? 0 : rc;
}

static int say_all(mn_bridge *g, bridge_kind kind, json_t *all) {
    bridge_entry *e = bridge_of(g, kind, g->machine);
    const size_t n = json_object_size(all);
    if (!n && (!e || !e->value)) return 0;
    MN_TRY(bridge_make_of(g, kind, g->machine, &e));
    bridge_say(g, e, n ? json_incref(all) : NULL);
    return 0;
}

static int say_letters(mn_bridge *g) {
    const bridge_entry *const e = bridge_of(g, BRIDGE_LETTER, g->machine);
    gathered l = {.g = g};
    char prefix[MN_FLEET_KEY];
    if (!g->letters && (!e || !e->value)) return 0;
    MN_TRY(mn_board_key(g->b, "letter/", "", prefix));
    l.prefix = strlen(prefix);
    l.all = json_object();
    int rc = l.all ? g->b->ops->each(g->b, prefix, gather, &l) : no_memory();
    if (rc >= 0) rc = say_all(g, BRIDGE_LETTER, l.all);
    json_decref(l.all);
    return rc;
}

/* ---- what came ----------------------------------------------------------------------------- */
static int is_mine(const mn_bridge *g, bridge_kind kind, const char *task) {
    const bridge_entry *const e = bridge_of(g, kind, task);
    return e && e->mine && e->value && e->local;
}

/* Is it this machine that has the task, or whose brain has not taken it yet? Where there is no
 * brain, whoever asked for it. */
static int has_task(const mn_bridge *g, const char *task) {
    const bridge_entry *const e = bridge_of(g, BRIDGE_TASK, task);
    const bridge_entry *const ask = bridge_of(g, BRIDGE_ASK, task);
    if (e && e->value) return is_mine(g, BRIDGE_TASK, task);
    if (bridge_has_brain(g)) return ask && ask->value && ask->local;
    return !*bridge_brain(g) && is_mine(g, BRIDGE_ASK, task);
}

/* As if it had been said here; what is being cancelled already is not cancelled again. */
static int cancel(mn_bridge *g, const char *task) {
    json_t *json = NULL;
    MN_TRY(mn_board_get(g->b, "task/", task, &json, NULL));
    const char *const state = bridge_text(json, "state");
    const int open = strcmp(state, "planning") == 0 || strcmp(state, "running") == 0;
    const int already = open && json_is_true(json_object_get(json, "cancel"));
    json_decref(json);
    return already ? 0 : mn_fleet_cancel(g->b, task);
}

static int obey(mn_bridge *g, const json_t *letter) {
    const char *const what = bridge_text(letter, "do"), *const step = bridge_text(letter, "step");
    char task[WIRE];
    bridge_in_name(g, BRIDGE_TASK, bridge_text(letter, "task"), task);
    if (strcmp(what, "cancel") == 0) return cancel(g, task);
    if (strcmp(what, "confirm") == 0)
        return mn_fleet_confirm(g->b, task, step, json_object_get(letter, "tries"),
                                json_is_true(json_object_get(letter, "no")));
    return MN_FAIL(MN_EUNSUPPORTED,
                   "a letter that says '%s': this Omnesia knows cancel and "
                   "confirm, update it",
                   strlen(what) > 40 ? "more than that" : what);
}

/* What went wrong may have been cut within a letter: then it is no text. */
static json_t *answer_of(int rc) {
    json_t *const answer =
        json_pack("{s:i, s:s}", "rc", rc < 0 ? rc : 0, "text", rc < 0 ? mn_error_detail() : "");
    return answer ? answer : json_pack("{s:i, s:s}", "rc", rc < 0 ? rc : 0, "text", "it failed");
}

static int reply_to(mn_bridge *g, const bridge_entry *from, json_t *replies) {
    const char *id;
    json_t *letter;
    json_object_foreach(from->value, id, letter) {
        char name[WIRE];
        if (mn_board_name_check("a letter", id) < 0) continue;
        name_of(from->name, id, name);
        if (json_object_get(replies, name) || !has_task(g, bridge_text(letter, "task"))) continue;
        const int rc = obey(g, letter);
        if (rc == MN_ENOMEM || rc == MN_ECONFLICT) return rc; /* the next step does it */
        if (json_object_set_new(replies, name, answer_of(rc)) < 0) return no_memory();
    }
    return 0;
}

/* An answer stays as long as its letter. */
static int is_waited_for(const mn_bridge *g, const char *name) {
    const char *const dot = strchr(name, '.');
    char writer[MN_NAME + 1];
    if (!dot || dot - name > MN_NAME) return 0;
    snprintf(writer, sizeof writer, "%.*s", (int)(dot - name), name);
    const bridge_entry *const e = bridge_of(g, BRIDGE_LETTER, writer);
    return e && json_object_get(e->value, dot + 1) != NULL;
}

static int say_replies(mn_bridge *g) {
    const bridge_entry *const e = bridge_of(g, BRIDGE_REPLY, g->machine);
    const char *name;
    json_t *answer, *const all = json_object();
    int rc = all ? 0 : no_memory();
    if (e) json_object_foreach(e->value, name, answer) {
            if (rc >= 0 && is_waited_for(g, name) && json_object_set(all, name, answer) < 0)
                rc = no_memory();
        }
    for (size_t i = 0; rc >= 0 && i < g->n; i++)
        if (g->entry[i]->kind == BRIDGE_LETTER && g->entry[i]->value)
            rc = reply_to(g, g->entry[i], all);
    if (rc >= 0 || rc == MN_ECONFLICT) {
        const int said = say_all(g, BRIDGE_REPLY, all);
        if (said < 0) rc = said;
    }
    json_decref(all);
    return rc == MN_ECONFLICT ? 0 : rc;
}

int bridge_letters(mn_bridge *g) {
    MN_TRY(say_letters(g));
    return say_replies(g);
}
