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

static int put(mn_buf *out, const char *text, int width) {
    return mn_fleet_put(out, text, width);
}

/* A line; one that is too long ends with "…". */
static int line(view *v, const char *style, const char *text) {
    size_t n = 0, last = 0; /* last: where the last character that fits begins */
    int columns = 0;
    if (v->n >= v->rows) return 0;
    for (; text[n]; n++) {
        if (((unsigned char)text[n] & 0xc0) == 0x80) continue;
        if (columns++ == v->columns) break;
        last = n;
    }
    const int styled = v->colour && *style, cut = text[n] != 0;
    return mn_buf_printf(v->out, "%s%s%.*s%s%s", v->n++ ? "\n" : "", styled ? style : "",
                         (int)(cut ? last : n), text, cut ? "…" : "", styled ? "\033[0m" : "");
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

/* "[x] s3  carrier  navigate table": what is done, runs, waits (for what), asks or failed. */
static int step_line(const json_t *step, mn_buf *out) {
    static const char *const marks[][2] = {
        {"done", "x"}, {"running", ">"}, {"given", ">"}, {"failed", "!"}, {"asked", "?"}};
    const char *const state = text_of(step, "state"), *mark = " ";
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strcmp(marks[i][0], state) == 0) mark = marks[i][1];
    MN_TRY(mn_buf_printf(out, "[%s] ", mark));
    MN_TRY(put(out, text_of(step, "id"), 4));
    MN_TRY(put(out, text_of(step, "robot"), 10));
    MN_TRY(mn_fleet_put_call(step, out));
    const json_t *const after = json_object_get(step, "after");
    if (json_array_size(after) && *mark == ' ') {
        MN_TRY(mn_buf_puts(out, ", after "));
        MN_TRY(mn_fleet_put_names(after, out));
    }
    return *text_of(step, "code") ? mn_buf_printf(out, ": %s", text_of(step, "code")) : 0;
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
    int rc = mn_buf_puts(&text, "fleet ");
    if (rc >= 0) rc = put(&text, text_of(p->status, "fleet"), 0);
    if (rc >= 0) text.len--; /* its blank */
    if (rc >= 0) rc = mn_buf_puts(&text, ": ");
    if (rc >= 0) rc = mn_fleet_put_facts(p->status, &text);
    if (rc >= 0 && stop) rc = mn_buf_puts(&text, ", ");
    if (rc >= 0 && stop) rc = mn_fleet_put_stop(stop, &text);
    if (rc >= 0 && live)
        rc = mn_buf_puts(&text, stop ? "  (r resumes, q leaves)" : "  (s stops all, q leaves)");
    if (rc >= 0) rc = line(v, stop ? "\033[1;31m" : "\033[1m", text.data);
    mn_buf_free(&text);
    return rc;
}

int mn_fleet_view(const mn_fleet_picture *p, int columns, int rows, int colour, int live,
                  mn_buf *out) {
    view v = {.columns = columns, .rows = rows, .colour = colour, .out = out};
    const int n_robots = (int)json_array_size(json_object_get(p->scene, "robots"));
    const int n_steps = p->task ? (int)json_array_size(json_object_get(p->task, "steps")) + 1 : 0;
    const int left = rows - 1 - (p->note != NULL) - n_robots - EVENTS;
    const int for_map = left > 2 * n_steps ? left - n_steps : left / 2;
    MN_TRY(head(&v, p, live));
    if (p->note) MN_TRY(line(&v, "\033[4m", p->note));
    MN_TRY(map(&v, p, for_map));
    MN_TRY(robots(&v, p));
    MN_TRY(plan(&v, p, rows - v.n - EVENTS));
    return events(&v, p);
}
