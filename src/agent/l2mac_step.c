/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/l2mac_step.c - the control unit: one step, from what was said about it so far to its end.
 *
 *   nothing yet          -> fresh
 *   fresh, tool          -> ask the model: model | cut; no room: summarise -> fresh
 *   model, cut           -> do what it says: tool, or the end
 *   tool that completes a cycle -> fresh, with a nudge
 *
 * Each arrow is one turn that is kept before the next is looked at.
 */
#include "agent/l2mac.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <string.h>

typedef struct step {
    mn_l2mac *w;
    mn_l2mac_turns turns;
    int64_t id;
    int last;    /* the check must pass */
    int begin;   /* turns before it do not count: it had failed, and is tried again */
    int fresh;   /* the turn with which the context began; -1: there is none */
    mn_buf text; /* of what is said next */
} step;

static int is_by(const mn_task_said *s, const char *who) {
    return strcmp(s->who, who) == 0;
}

static int answers(const mn_task_said *s) {
    return is_by(s, "model") || is_by(s, "cut");
}

static int count(const step *s, int (*which)(const mn_task_said *said)) {
    int n = 0;
    for (int i = s->begin; i < s->turns.n; i++) n += which(s->turns.said + i);
    return n;
}

static int begins(const mn_task_said *s) {
    return is_by(s, "fresh");
}

static int wrote(const mn_task_said *s) {
    return is_by(s, "tool") && strncmp(s->text, "Wrote ", 6) == 0;
}

static int say(step *s, const char *who, const char *text) {
    MN_TRY(mn_l2mac_say(s->w, &s->turns, who, text));
    if (strcmp(who, "fresh") == 0) s->fresh = s->turns.n - 1;
    return 1;
}

static int end(step *s, mn_task_status status, const char *text) {
    MN_TRY(mn_l2mac_tell(s->w, "  %s: %s", mn_task_statuses[status], text));
    if (status == MN_TASK_FAILED) MN_TRY(say(s, "failed", text));
    MN_TRY(mn_l2mac_mark(s->w, s->id, status, status == MN_TASK_DONE ? text : NULL));
    return 0;
}

/* ---- contexts ------------------------------------------------------------------------------- */
/* What was said in this context, as the model has it. */
static int talk_of(const step *s, mn_task_said **out, int *n) {
    mn_task_said *list;
    *n = s->turns.n - s->fresh;
    MN_TRY(mn_arena_take((mn_arena *)(uintptr_t)&s->turns.arena, (size_t)*n * sizeof *list, &list));
    for (int i = 0; i < *n; i++) {
        const mn_task_said *const one = s->turns.said + s->fresh + i;
        list[i] = (mn_task_said){answers(one) ? "assistant" : "user", one->text};
    }
    *out = list;
    return 0;
}

static int begin_context(step *s, const char *summary, const char *nudge) {
    mn_buf check = {0};
    int passes = 1, rc = 0;
    if (count(s, begins) >= MN_L2MAC_FRESH)
        return end(s, MN_TASK_FAILED, "it was begun too often, and came to no end");
    rc = passes = mn_l2mac_check(s->w, s->last, &check);
    mn_buf_clear(&s->text);
    if (rc >= 0)
        rc = mn_l2mac_question(s->w, s->id, summary, passes ? NULL : check.data, nudge, &s->text);
    mn_buf_free(&check);
    MN_TRY(rc);
    return say(s, "fresh", s->text.data);
}

/* The last message, with a question behind it. */
static int ask_summary(step *s, char **answer) {
    static const char question[] = "The context is full. Say in one or two sentences what was done "
                                   "in this step so far, and what "
                                   "is left to do. Answer with JSON.";
    mn_task_said *list;
    int n;
    MN_TRY(talk_of(s, &list, &n));
    mn_buf_clear(&s->text);
    MN_TRY(mn_buf_printf(&s->text, "%s\n\n%s", list[n - 1].text, question));
    list[n - 1].text = s->text.data;
    return mn_l2mac_ask(s->w, mn_l2mac_summary_schema, list, n, 100, answer);
}

/* By the model, as long as it has room for that; else the last thing that came of it. */
static int summarise(step *s, mn_buf *out) {
    const char *const came = s->turns.said[s->turns.n - 1].text;
    char *answer = NULL;
    MN_TRY(mn_l2mac_tell(s->w, "  the context is full: a fresh one begins"));
    const int rc = ask_summary(s, &answer);
    if (rc < 0 && rc != MN_ETOOLONG) return rc;
    json_t *const o = rc == 0 ? json_loads(answer, 0, NULL) : NULL;
    const char *const text = json_string_value(json_object_get(o, "summary"));
    const int put =
        text ? mn_buf_puts(out, text) : mn_buf_printf(out, "%.*s", (int)strcspn(came, "\n"), came);
    json_decref(o);
    mn_free(answer);
    return put;
}

static int full(step *s) {
    mn_buf summary = {0};
    if (s->turns.n == s->fresh + 1)
        return end(s, MN_TASK_FAILED,
                   "what it needs leaves no room for an answer: the context is too small");
    int rc = summarise(s, &summary);
    if (rc >= 0) rc = begin_context(s, summary.data, NULL);
    mn_buf_free(&summary);
    return rc;
}

/* Do the last 2, 3 or 4 messages of this context repeat those before them? */
static int repeats(const step *s) {
    const mn_task_said *const all = s->turns.said;
    const int n = s->turns.n;
    for (int k = 2; k <= 4; k++) {
        int same = n - 2 * k > s->fresh ? k : 0;
        for (int i = 0; i < same; i++)
            if (strcmp(all[n - 1 - i].text, all[n - 1 - i - k].text) != 0) same = 0;
        if (same) return k;
    }
    return 0;
}

/* ---- what an answer asks for ---------------------------------------------------------------- */
/* What may be told who named a file wrongly; all else ends the work. */
static int refused(int rc) {
    return rc == MN_EINVAL || rc == MN_ENOENT || rc == MN_ETOOLONG;
}

static int told(step *s, const char *text) {
    return say(s, "tool", text);
}

static int tell_refusal(step *s, int rc) {
    char text[512];
    if (!refused(rc)) return rc;
    snprintf(text, sizeof text, "Refused: %s.", mn_error_detail());
    MN_TRY(mn_l2mac_tell(s->w, "  refused: %s", mn_error_detail()));
    return told(s, text);
}

static int do_read(step *s, const char *path) {
    mn_buf file = {0};
    const size_t most = (size_t)s->w->c->args.context;
    int rc = mn_jail_read(s->w->jail, path, &file);
    if (rc < 0) {
        mn_buf_free(&file);
        return tell_refusal(s, rc);
    }
    mn_buf_clear(&s->text);
    rc = mn_utf8_check(path, file.data ? file.data : "", file.len);
    if (rc < 0)
        rc = mn_buf_printf(&s->text, "%s is no text.", path);
    else if (file.len > most)
        rc = mn_buf_printf(&s->text, "%s has %zu bytes, too many to show.", path, file.len);
    else
        rc = mn_buf_printf(&s->text, "%s:\n%s", path, file.data ? file.data : "");
    mn_buf_free(&file);
    if (rc >= 0) rc = mn_l2mac_tell(s->w, "  read %s", path);
    return rc < 0 ? rc : told(s, s->text.data);
}

static int do_write(step *s, const char *path, const char *text) {
    mn_buf check = {0};
    int rc = mn_jail_write(s->w->jail, path, text, strlen(text));
    if (rc < 0) return tell_refusal(s, rc);
    rc = mn_l2mac_tell(s->w, "  wrote %s, %zu bytes", path, strlen(text));
    const int passes = rc < 0 ? rc : mn_l2mac_check(s->w, s->last, &check);
    mn_buf_clear(&s->text);
    rc = passes < 0 ? passes : mn_buf_printf(&s->text, "Wrote %s.", path);
    if (rc >= 0 && s->w->c->args.check)
        rc = passes
                 ? mn_buf_puts(&s->text, " The check passes.")
                 : mn_buf_printf(&s->text, " The check fails:\n%s", check.data ? check.data : "");
    if (rc >= 0 && s->w->c->args.check)
        rc = mn_l2mac_tell(s->w, passes ? "  the check passes" : "  the check fails: %.*s",
                           check.data ? (int)strcspn(check.data, "\n") : 0,
                           check.data ? check.data : "");
    mn_buf_free(&check);
    return rc < 0 ? rc : told(s, s->text.data);
}

static int insists(const mn_task_said *s) {
    return is_by(s, "tool") && strncmp(s->text, "Not yet", 7) == 0;
}

static int do_complete(step *s, const char *summary) {
    mn_buf check = {0};
    const int passes = mn_l2mac_check(s->w, s->last, &check), again = count(s, insists);
    MN_TRY(passes);
    mn_buf_clear(&s->text);
    int rc = 0;
    if (!passes && (s->last || !again))
        rc = mn_buf_printf(&s->text, "Not yet: the check fails:\n%s", check.data ? check.data : "");
    else if (!count(s, wrote) && !again)
        rc = mn_buf_puts(&s->text, "Not yet: this step has written no file.");
    mn_buf_free(&check);
    MN_TRY(rc);
    return s->text.len ? told(s, s->text.data) : end(s, MN_TASK_DONE, summary);
}

static int act_on(step *s, const json_t *answer) {
    const char *const tool = json_string_value(json_object_get(answer, "tool"));
    const char *const path = json_string_value(json_object_get(answer, "path"));
    const char *const text = json_string_value(json_object_get(answer, "text"));
    const char *const summary = json_string_value(json_object_get(answer, "summary"));
    if (tool && strcmp(tool, "read_file") == 0 && path) return do_read(s, path);
    if (tool && strcmp(tool, "write_file") == 0 && path && text) return do_write(s, path, text);
    if (tool && strcmp(tool, "step_complete") == 0) return do_complete(s, summary ? summary : "");
    return told(s, "Refused: the answer must be a JSON object with \"tool\": read_file (path), "
                   "write_file (path, text) or step_complete (summary).");
}

static int act(step *s) {
    const mn_task_said *const answer = s->turns.said + s->turns.n - 1;
    if (is_by(answer, "cut"))
        return begin_context(
            s, NULL,
            "Your last answer came to no end, and nothing came of it: write what this step asks "
            "for, and nothing else.");
    json_error_t e = {0};
    json_t *const o = json_loads(answer->text, JSON_REJECT_DUPLICATES, &e);
    if (!o && json_error_code(&e) == json_error_out_of_memory)
        return MN_FAIL(MN_ENOMEM, "no memory for an answer of the model");
    const int rc = act_on(s, o);
    json_decref(o);
    return rc;
}

/* ---- from turn to turn ---------------------------------------------------------------------- */
static int think(step *s) {
    mn_buf schema = {0};
    char *answer = NULL;
    mn_task_said *list;
    int n;
    if (count(s, answers) >= s->w->c->args.tries)
        return end(s, MN_TASK_FAILED, "the model had all its tries");
    MN_TRY(talk_of(s, &list, &n));
    int rc = mn_l2mac_schema(s->w, count(s, wrote) > 0, &schema);
    if (rc >= 0)
        rc = mn_l2mac_ask(s->w, schema.data, list, n, (int32_t)s->w->c->args.context / 4, &answer);
    mn_buf_free(&schema);
    if (rc == MN_ETOOLONG) return full(s);
    if (rc >= 0) rc = say(s, rc ? "cut" : "model", answer);
    mn_free(answer);
    return rc;
}

/* 1: go on; 0: the step has ended. */
static int advance(step *s) {
    MN_TRY(mn_l2mac_tell(s->w, "%s", ""));
    if (s->fresh < 0) return begin_context(s, NULL, NULL);
    const mn_task_said *const last = s->turns.said + s->turns.n - 1;
    if (answers(last)) return act(s);
    if (is_by(last, "failed")) return end(s, MN_TASK_FAILED, last->text);
    if (!repeats(s)) return think(s);
    MN_TRY(mn_l2mac_tell(s->w, "  it repeats itself: a fresh context begins"));
    return begin_context(s, NULL,
                         "You did the same again and again, and nothing came of it. Do something "
                         "else.");
}

int mn_l2mac_step(mn_l2mac *w, int64_t id, int last) {
    step s = {.w = w, .id = id, .last = last, .fresh = -1};
    int rc = mn_l2mac_hear(w, id, &s.turns);
    for (int i = 0; i < s.turns.n; i++) {
        if (is_by(s.turns.said + i, "again")) s.begin = i + 1, s.fresh = -1;
        if (begins(s.turns.said + i)) s.fresh = i;
    }
    while (rc >= 0 && (rc = advance(&s)) > 0) {
    }
    mn_buf_free(&s.text);
    mn_arena_free(&s.turns.arena);
    if (rc >= 0) rc = mn_l2mac_look(w);
    const int at = rc < 0 ? -1 : mn_task_find(&w->c->t, id);
    return at < 0 ? rc : w->c->t.node[at].status == MN_TASK_DONE;
}
