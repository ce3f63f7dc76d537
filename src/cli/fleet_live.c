/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_live.c - a fleet as it works: `watch`, and `do` until the task has ended.
 */
#include "cli/fleet.h"
#include "cli/fleet_view.h"
#include "cli/screen.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RECENT = 200, LOOK = 200, ASK = 500 }; /* events kept; ms between pictures, and questions */
enum { LAST = 8 };                            /* pictures of a task that has ended */
enum { REST = 40, RESTS = 25 }; /* ms of a wait for what was before it, and of these */

static int ended; /* other threads ask, too */
static void on_end(int number) {
    (void)number;
    __atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
}
int mn_cli_fleet_ended(void) {
    return __atomic_load_n(&ended, __ATOMIC_RELAXED);
}
void mn_cli_fleet_catch(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction how = {.sa_handler = on_end};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &how, NULL);
}

static const char *fleet_of(const mn_cli_fleet *f) {
    return f->o->fleet ? f->o->fleet : "main";
}

static int is_over(const json_t *task) {
    const char *const state = mn_cli_text_at(task, "state");
    return state &&
           (!strcmp(state, "done") || !strcmp(state, "failed") || !strcmp(state, "cancelled"));
}

static int ask_task(mn_cli_fleet *f, const char *task, json_t **told) {
    return mn_cli_fleet_ask(f, json_pack("{s:s, s:s}", "do", "task", "task", task), told);
}

/* ---- the log, as it grows ---------------------------------------------------------------- */
/* Events from number *next on, appended to the list. */
static int read_events(mn_cli_fleet *f, int64_t *next, json_t *list) {
    json_t *told;
    MN_TRY(mn_cli_fleet_ask(
        f,
        json_pack("{s:s, s:I, s:i}", "do", "history", "after", (json_int_t)*next, "limit", RECENT),
        &told));
    *next = json_integer_value(json_object_get(told, "next"));
    json_array_extend(list, json_object_get(told, "events"));
    json_decref(told);
    return 0;
}

/* What is there already is skipped, but for the last ones. */
static int skip_events(mn_cli_fleet *f, int64_t *next, json_t *list) {
    for (size_t n = RECENT; n == RECENT;) {
        json_array_clear(list);
        MN_TRY(read_events(f, next, list));
        n = json_array_size(list);
    }
    return 0;
}

static int watch_events(mn_cli_fleet *f, mn_watch **w) {
    char key[256];
    snprintf(key, sizeof key, "fleet/%s/events", fleet_of(f));
    return mn_watch_open(f->region, key, MN_WATCH_KEY, w);
}

/* ---- watch ------------------------------------------------------------------------------- */
typedef struct sight {
    json_t *scene, *status, *task, *events;
    int64_t next;
    const char *note;
} sight;

static void forget(sight *s) {
    json_decref(s->scene);
    json_decref(s->status);
    json_decref(s->task);
    s->scene = s->status = s->task = NULL;
}

/* The task that is shown: the last that runs, else the last of all. */
static const char *task_of(const json_t *status) {
    const json_t *one;
    const char *best = NULL;
    size_t i;
    int runs = 0;
    json_array_foreach(json_object_get(status, "tasks"), i, one) {
        const int now = !is_over(one);
        if (now >= runs) best = mn_cli_text_at(one, "id"), runs = now;
    }
    return best;
}

static int look(mn_cli_fleet *f, sight *s) {
    json_t *told = NULL;
    forget(s);
    MN_TRY(mn_cli_fleet_ask(f, json_pack("{s:s}", "do", "scene"), &s->scene));
    MN_TRY(mn_cli_fleet_ask(f, json_pack("{s:s}", "do", "status"), &s->status));
    const char *const id = task_of(s->status);
    if (id) MN_TRY(ask_task(f, id, &told));
    s->task = json_incref(json_object_get(told, "task"));
    json_decref(told);
    MN_TRY(read_events(f, &s->next, s->events));
    while (json_array_size(s->events) > RECENT) json_array_remove(s->events, 0);
    return 0;
}

static int draw(const sight *s, int columns, int rows, int colour, int live, mn_buf *out) {
    const mn_fleet_picture p = {s->scene, s->status, s->task, s->events, s->note};
    return mn_fleet_view(&p, columns, rows, colour, live, out);
}

/* Keys: s stops all, r resumes. */
static int obey(mn_cli_fleet *f, int key) {
    json_t *told;
    if (key != 's' && key != 'r') return 0;
    MN_TRY(mn_cli_fleet_ask(f, json_pack("{s:s}", "do", key == 's' ? "stop" : "resume"), &told));
    json_decref(told);
    return 0;
}

/* On the terminal, until a key says that it is over, or with a task, soon after that one is. */
static int live(mn_cli_fleet *f, sight *s, const char *task, const mn_cli_course *c) {
    const int colour = mn_screen_colour();
    int columns, rows, key = 0, last = LAST, rc = mn_screen_take();
    mn_buf text = {0};
    while (rc >= 0 && key != 'q' && key != 'Q' && last) {
        rc = look(f, s);
        if (rc >= 0 && c) rc = c->tick(c->user, s->status);
        if (task && is_over(s->task) && !(c && c->stays)) last--;
        mn_screen_size(&columns, &rows);
        mn_buf_clear(&text);
        if (rc >= 0) rc = draw(s, columns, rows, colour, 1, &text);
        if (rc >= 0) rc = mn_screen_show(text.data);
        key = rc >= 0 ? mn_screen_key(LOOK) : 'q';
        if (rc >= 0) rc = obey(f, key);
    }
    mn_screen_give_back();
    mn_buf_free(&text);
    return rc;
}

/* For programs: what happens from now on, a line each, until it is asked to end. */
static int write_events(mn_cli_fleet *f, sight *s) {
    const json_t *one;
    size_t i;
    mn_watch *w;
    mn_change change;
    mn_cli_fleet_catch();
    MN_TRY(watch_events(f, &w));
    int rc = 0;
    while (rc >= 0 && !mn_cli_fleet_ended()) {
        json_array_clear(s->events);
        mn_buf_clear(&f->out);
        rc = read_events(f, &s->next, s->events);
        json_array_foreach(s->events, i, one) if (rc >= 0) rc = mn_cli_fleet_json(one, &f->out);
        if (rc >= 0 && f->out.len) rc = mn_cli_write(f->out.data, f->out.len);
        if (rc >= 0) rc = mn_watch_next(w, ASK, &change);
    }
    mn_watch_close(&w);
    return rc < 0 ? rc : 0;
}

int mn_cli_fleet_watch(mn_cli_fleet *f) {
    sight s = {.events = json_array()};
    int rc = skip_events(f, &s.next, s.events);
    if (rc >= 0 && f->o->json) {
        rc = write_events(f, &s);
    } else if (rc >= 0 && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO)) {
        rc = live(f, &s, NULL, NULL);
    } else if (rc >= 0) {
        rc = look(f, &s);
        if (rc >= 0) rc = draw(&s, 100, 1000, 0, 0, &f->out);
        if (rc >= 0) rc = mn_buf_puts(&f->out, "\n");
        if (rc >= 0) rc = mn_cli_write(f->out.data, f->out.len);
    }
    forget(&s);
    json_decref(s.events);
    return rc;
}

/* ---- do ---------------------------------------------------------------------------------- */
typedef struct story {
    const char *task;
    json_t *done; /* ids of steps that were told to be done */
    json_t *end;  /* that the task has ended: said last; NULL: not yet */
} story;

static int say_events(const json_t *events, story *s) {
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)events, i, one) {
        const char *const of = mn_cli_text_at(one, "task"), *const kind =
                                                                mn_cli_text_at(one, "kind");
        const char *const step = mn_cli_text_at(one, "step");
        if (of && strcmp(of, s->task) != 0) continue;
        if (of && kind && step && strcmp(kind, "done") == 0)
            json_object_set_new(s->done, step, json_true());
        if (of && kind && strcmp(kind, "task") == 0)
            json_decref(s->end), s->end = json_incref((json_t *)one);
        else
            MN_TRY(mn_cli_fleet_say(one));
    }
    return 0;
}

static int is_told(const story *s, const json_t *task) {
    const json_t *step;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i, step) {
        const char *const id = mn_cli_text_at(step, "id"), *const state =
                                                               mn_cli_text_at(step, "state");
        if (id && state && strcmp(state, "done") == 0 && !json_object_get(s->done, id)) return 0;
    }
    return s->end != NULL;
}

/* Robots tell what they have done once the brain can know of it: the end may be told before. Who
 * died in between never tells. */
static int say_rest(mn_cli_fleet *f, story *s, const json_t *told, int64_t *next) {
    json_t *const events = json_array();
    int rc = 0;
    for (int i = 0; rc >= 0 && i < RESTS && !is_told(s, json_object_get(told, "task")); i++) {
        if (i) usleep(REST * 1000);
        json_array_clear(events);
        rc = read_events(f, next, events);
        if (rc >= 0) rc = say_events(events, s);
    }
    json_decref(events);
    return rc >= 0 && s->end ? mn_cli_fleet_say(s->end) : rc;
}

/* What was before it was asked for is not of it. */
static void drop_before(json_t *events, const char *task) {
    for (size_t i = json_array_size(events); i-- > 0;) {
        const json_t *const one = json_array_get(events, i);
        const char *const kind = mn_cli_text_at(one, "kind"), *const of =
                                                                  mn_cli_text_at(one, "task");
        if (!kind || !of || strcmp(kind, "ask") != 0 || strcmp(of, task) != 0) continue;
        while (i-- > 0) json_array_remove(events, 0);
        return;
    }
}

static int say_replans(int n, mn_buf *out) {
    static const char *const times[] = {"", ", planned anew once", ", planned anew twice"};
    return n < 3 ? mn_buf_puts(out, times[n < 0 ? 0 : n])
                 : mn_buf_printf(out, ", planned anew %d times", n);
}

/* Its last words: exit status 0 when it is done. */
static int say_end(mn_cli_fleet *f, json_t *told) {
    const json_t *const task = json_object_get(told, "task");
    const char *const state = mn_cli_text_at(task, "state");
    const char *const why = strcmp(state, "done") == 0 ? NULL : mn_cli_text_at(task, "why");
    const int64_t begun = json_integer_value(json_object_get(task, "begun"));
    const int64_t over = json_integer_value(json_object_get(task, "ended"));
    if (f->o->json) {
        MN_TRY(mn_cli_fleet_json(task, &f->out));
    } else {
        const int failed = strcmp(state, "failed") == 0;
        MN_TRY(mn_buf_printf(&f->out, "%s %s", mn_cli_text_at(task, "id"),
                             failed ? "has failed" : "is "));
        MN_TRY(mn_buf_puts(&f->out, failed ? "" : state));
        if (begun) MN_TRY(mn_buf_printf(&f->out, " after %.1f s", (double)(over - begun) * 1e-6));
        MN_TRY(say_replans((int)json_integer_value(json_object_get(task, "replans")), &f->out));
        MN_TRY(mn_buf_printf(&f->out, "%s%s\n", why && *why ? ": " : "", why ? why : ""));
    }
    MN_TRY(mn_cli_write(f->out.data, f->out.len));
    return strcmp(state, "done") != 0;
}

static int warn_no_brain(mn_cli_fleet *f, const char *task) {
    json_t *status;
    MN_TRY(mn_cli_fleet_ask(f, json_pack("{s:s}", "do", "status"), &status));
    if (!json_object_get(status, "brain"))
        fprintf(stderr, "omnesia: no brain runs: %s waits until `omnesia fleet brain` is started\n",
                task);
    json_decref(status);
    return 0;
}

/* With lines: the task, as it was told last, in *told. */
static int follow(mn_cli_fleet *f, const char *task, const mn_cli_course *c, json_t **told) {
    mn_watch *w;
    mn_change change;
    MN_TRY(watch_events(f, &w));
    json_t *const events = json_array(), *status = NULL;
    story s = {.task = task, .done = json_object()};
    int64_t next = 0;
    int rc = skip_events(f, &next, events);
    drop_before(events, task);
    while (rc >= 0 && !mn_cli_fleet_ended()) {
        json_decref(*told);
        *told = NULL;
        rc = read_events(f, &next, events);
        if (rc >= 0 && !f->o->json) rc = say_events(events, &s);
        json_array_clear(events);
        if (rc >= 0) rc = ask_task(f, task, told);
        if (rc < 0 || is_over(json_object_get(*told, "task"))) break;
        if (c) rc = mn_cli_fleet_ask(f, json_pack("{s:s}", "do", "status"), &status);
        if (c && rc >= 0) rc = c->tick(c->user, status);
        json_decref(status);
        status = NULL;
        if (rc >= 0) rc = mn_watch_next(w, ASK, &change);
    }
    if (rc >= 0 && !f->o->json && is_over(json_object_get(*told, "task")))
        rc = say_rest(f, &s, *told, &next);
    json_decref(s.done);
    json_decref(s.end);
    json_decref(events);
    mn_watch_close(&w);
    return rc;
}

/* With pictures; the last one stays. */
static int look_on(mn_cli_fleet *f, const char *task, const mn_cli_course *c, json_t **told) {
    sight s = {.events = json_array(), .note = c->note};
    int columns, rows, rc = skip_events(f, &s.next, s.events);
    if (rc >= 0) rc = live(f, &s, task, c);
    if (rc >= 0) rc = look(f, &s);
    s.note = NULL; /* what it is about ends */
    drop_before(s.events, task);
    mn_screen_size(&columns, &rows); /* with its last words it fills the terminal */
    if (rc >= 0) rc = draw(&s, columns, rows > 12 ? rows - 2 : 10, mn_screen_colour(), 0, &f->out);
    if (rc >= 0) rc = mn_buf_puts(&f->out, "\n");
    if (rc >= 0) rc = ask_task(f, task, told);
    forget(&s);
    json_decref(s.events);
    return rc;
}

int mn_cli_fleet_wait(mn_cli_fleet *f, const char *task, const mn_cli_course *c) {
    const int picture = c && !f->o->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    json_t *told = NULL;
    int rc = warn_no_brain(f, task);
    if (rc >= 0) rc = picture ? look_on(f, task, c, &told) : follow(f, task, c, &told);
    if (rc >= 0 && is_over(json_object_get(told, "task")))
        rc = say_end(f, told);
    else if (rc >= 0)
        rc = MN_FAIL(MN_ECANCELLED, "%s goes on: `omnesia fleet cancel %s` ends it", task, task);
    json_decref(told);
    return rc;
}
