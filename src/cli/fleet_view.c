/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_view.c - the picture of `omnesia fleet watch`: map, robots, the plan with its states,
 * and the last events, in this order, as many rows as there are; events have what is left.
 */
#include "cli/fleet_view.h"

#include "base/alloc.h"
#include "base/error.h"
#include "cli/fleet_map.h"

#include <string.h>
#include <time.h>

enum { EVENTS = 4 }; /* at least so many rows are theirs */

typedef struct view {
    int columns, rows, colour, n; /* n: lines so far */
    mn_buf *out;
} view;

static const char *text_of(const json_t *o, const char *name) {
    const char *const text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

/* A line, cut to the width in characters. */
static int line(view *v, const char *style, const char *text) {
    size_t n = 0;
    if (v->n >= v->rows) return 0;
    for (int columns = 0; text[n]; n++)
        if (((unsigned char)text[n] & 0xc0) != 0x80 && columns++ == v->columns) break;
    const int styled = v->colour && *style;
    return mn_buf_printf(v->out, "%s%s%.*s%s", v->n++ ? "\n" : "", styled ? style : "", (int)n,
                         text, styled ? "\033[0m" : "");
}

/* Text of others, behind a blank unless it is the first, with blanks up to a width. */
static int put(mn_buf *out, const char *text, int width) {
    const size_t before = out->len;
    int n = 0;
    MN_TRY(mn_buf_show(out, text, strlen(text), " "));
    for (size_t i = before; i < out->len; i++) n += ((unsigned char)out->data[i] & 0xc0) != 0x80;
    return mn_buf_printf(out, "%*s ", width > n ? width - n : 0, "");
}

/* ---- map --------------------------------------------------------------------------------- */
static int map_row(view *v, const mn_fleet_map *m, int row) {
    const char *style = "";
    if (v->n >= v->rows) return 0;
    MN_TRY(mn_buf_puts(v->out, v->n++ ? "\n" : ""));
    for (int c = 0; c < m->columns; c++) {
        const mn_map_cell *const cell = &m->cell[row][c];
        if (v->colour && strcmp(cell->style, style) != 0) {
            style = cell->style;
            MN_TRY(mn_buf_printf(v->out, "\033[0m%s", style));
        }
        MN_TRY(mn_buf_puts(v->out, cell->text));
    }
    return *style ? mn_buf_puts(v->out, "\033[0m") : 0;
}

static int map(view *v, const mn_fleet_picture *p, int rows) {
    if (rows < 3) return 0;
    mn_fleet_map *const m = mn_malloc(sizeof *m);
    int rc = m ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a map");
    const int drawn = m && mn_fleet_map_draw(p->scene, v->columns, rows, m);
    for (int r = 0; drawn && rc >= 0 && r < m->rows; r++) rc = map_row(v, m, r);
    mn_free(m);
    return rc;
}

/* ---- lines ------------------------------------------------------------------------------- */
static int names(const json_t *list, mn_buf *out) {
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)list, i, one) {
        const char *const name = json_string_value(one);
        if (i) MN_TRY(mn_buf_puts(out, ", "));
        MN_TRY(mn_buf_show(out, name ? name : "?", name ? strlen(name) : 1, " "));
    }
    return 0;
}

int mn_fleet_robot_line(const json_t *robot, int number, mn_buf *out) {
    const json_t *const call = json_object_get(robot, "call"), *const holds =
                                                                   json_object_get(robot, "holds");
    const double battery = json_number_value(json_object_get(robot, "battery"));
    const char *const at = text_of(robot, "at"), *const doing = text_of(call, "state");
    MN_TRY(mn_buf_printf(out, "(%d) ", number));
    MN_TRY(put(out, text_of(robot, "name"), 12));
    MN_TRY(put(out, text_of(robot, "state"), 8));
    MN_TRY(put(out, *at ? at : "-", 12));
    if (strcmp(doing, "running") == 0 || strcmp(doing, "given") == 0) {
        const double progress = json_number_value(json_object_get(call, "progress"));
        MN_TRY(put(out, text_of(call, "step"), 0));
        MN_TRY(put(out, text_of(call, "skill"), 0));
        if (progress > 0) MN_TRY(mn_buf_printf(out, "%.0f %% ", progress * 100));
    }
    if (json_array_size(holds)) {
        MN_TRY(mn_buf_puts(out, " has "));
        MN_TRY(names(holds, out));
    }
    if (json_object_get(robot, "battery") && battery >= 0)
        MN_TRY(mn_buf_printf(out, " battery %.0f %%", battery * 100));
    return 0;
}

static int robots(view *v, const mn_fleet_picture *p) {
    const json_t *one;
    size_t i;
    mn_buf text = {0};
    int rc = 0;
    json_array_foreach(json_object_get(p->scene, "robots"), i, one) {
        mn_buf_clear(&text);
        if (rc >= 0) rc = mn_fleet_robot_line(one, (int)i + 1, &text);
        if (rc >= 0) rc = line(v, mn_fleet_style(text_of(one, "state")), text.data);
    }
    mn_buf_free(&text);
    return rc;
}

/* "[x] s3  carrier  navigate table": what is done, runs, waits or failed. */
static int step_line(const json_t *step, mn_buf *out) {
    static const char *const marks[][2] = {
        {"done", "x"}, {"running", ">"}, {"given", ">"}, {"failed", "!"}, {"asked", "?"}};
    const char *const state = text_of(step, "state"), *mark = " ";
    const json_t *value;
    const char *name;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strcmp(marks[i][0], state) == 0) mark = marks[i][1];
    MN_TRY(mn_buf_printf(out, "[%s] ", mark));
    MN_TRY(put(out, text_of(step, "id"), 4));
    MN_TRY(put(out, text_of(step, "robot"), 10));
    MN_TRY(put(out, text_of(step, "skill"), 0));
    json_object_foreach(json_object_get(step, "args"), name, value) {
        if (json_is_string(value)) MN_TRY(put(out, json_string_value(value), 0));
    }
    const json_t *const after = json_object_get(step, "after");
    if (json_array_size(after)) {
        MN_TRY(mn_buf_puts(out, " after "));
        MN_TRY(names(after, out));
    }
    return *text_of(step, "code") ? put(out, text_of(step, "code"), 0) : 0;
}

static int plan(view *v, const mn_fleet_picture *p, int rows) {
    const json_t *const steps = json_object_get(p->task, "steps"), *one;
    mn_buf text = {0};
    size_t i, skip = 0;
    int rc, shown = 0;
    if (!p->task) return 0;
    rc = put(&text, text_of(p->task, "id"), 0);
    if (rc >= 0) rc = put(&text, text_of(p->task, "state"), 0);
    if (rc >= 0) rc = put(&text, text_of(p->task, "text"), 0);
    if (rc >= 0) rc = line(v, "\033[1m", text.data);
    /* Where there is no room for all, those that are done leave first. */
    if ((int)json_array_size(steps) > rows - 1)
        skip = json_array_size(steps) - (size_t)(rows > 1 ? rows - 1 : 0);
    json_array_foreach((json_t *)steps, i, one) {
        const char *const state = text_of(one, "state");
        if (strcmp(state, "replaced") == 0 || (skip && strcmp(state, "done") == 0 && skip--))
            continue;
        mn_buf_clear(&text);
        if (rc >= 0 && shown++ < rows) rc = step_line(one, &text);
        if (rc >= 0 && text.len)
            rc = line(v,
                      strcmp(state, "failed") == 0    ? "\033[31m"
                      : strcmp(state, "running") == 0 ? "\033[32m"
                                                      : "",
                      text.data);
    }
    mn_buf_free(&text);
    return rc;
}

int mn_fleet_event_line(const json_t *event, mn_buf *out) {
    static const char *const order[] = {"robot", "thing", "from",  "to",  "place",
                                        "task",  "step",  "skill", "code"};
    const time_t t = (time_t)(json_integer_value(json_object_get(event, "t")) / 1000000);
    struct tm local;
    char clock[16] = "";
    if (localtime_r(&t, &local)) strftime(clock, sizeof clock, "%H:%M:%S", &local);
    MN_TRY(mn_buf_printf(out, "%s ", clock));
    MN_TRY(put(out, text_of(event, "kind"), 9));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const char *const one = text_of(event, order[i]);
        if (*one && strcmp(order[i], "to") == 0) MN_TRY(mn_buf_puts(out, "-> "));
        if (*one) MN_TRY(put(out, one, 0));
    }
    const char *const text = text_of(event, "text");
    return *text ? mn_buf_show(out, text, strlen(text), " ") : 0;
}

static int events(view *v, const mn_fleet_picture *p) {
    const size_t n = json_array_size(p->events),
                 room = v->rows > v->n + 1 ? (size_t)(v->rows - v->n - 1) : 0;
    mn_buf text = {0};
    int rc = n && room ? line(v, "\033[1m", "events") : 0;
    for (size_t i = n > room ? n - room : 0; rc >= 0 && i < n; i++) {
        mn_buf_clear(&text);
        rc = mn_fleet_event_line(json_array_get(p->events, i), &text);
        if (rc >= 0) rc = line(v, "\033[2m", text.data);
    }
    mn_buf_free(&text);
    return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */
static int head(view *v, const mn_fleet_picture *p, int live) {
    const json_t *const stop = json_object_get(p->status, "stop");
    mn_buf text = {0};
    int rc = mn_buf_printf(
        &text, "omnesia fleet %s%s: %zu robots, %d things, %s%s", text_of(p->status, "fleet"),
        live ? "  (q leaves, s stops, r resumes)" : "",
        json_array_size(json_object_get(p->scene, "robots")),
        (int)json_integer_value(json_object_get(p->status, "things")),
        json_object_get(p->status, "brain") ? "a brain" : "no brain", stop ? ", STOPPED" : "");
    if (rc >= 0) rc = line(v, stop ? "\033[1;31m" : "\033[1m", text.data);
    mn_buf_free(&text);
    return rc;
}

int mn_fleet_view(const mn_fleet_picture *p, int columns, int rows, int colour, int live,
                  mn_buf *out) {
    view v = {.columns = columns, .rows = rows, .colour = colour, .out = out};
    const int n_robots = (int)json_array_size(json_object_get(p->scene, "robots"));
    const int n_steps = p->task ? (int)json_array_size(json_object_get(p->task, "steps")) + 1 : 0;
    const int left = rows - 1 - n_robots - EVENTS;
    const int for_map = left > 2 * n_steps ? left - n_steps : left / 2;
    MN_TRY(head(&v, p, live));
    MN_TRY(map(&v, p, for_map));
    MN_TRY(robots(&v, p));
    MN_TRY(plan(&v, p, rows - v.n - EVENTS));
    return events(&v, p);
}
