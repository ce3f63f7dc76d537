/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_map.c - rooms are boxes, doors gaps in them, furniture names, robots numbers.
 *
 * A character is about twice as high as it is wide, so a metre has twice as many columns as rows;
 * where there are few rows, up to four times as many, so that names keep their room.
 */
#include "cli/fleet_map.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

typedef struct box {
    double x, y, w, d; /* of its middle; m */
} box;

static const char *text_of(const json_t *o, const char *name) {
    const char *const text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

static double number(const json_t *list, size_t i) {
    return json_number_value(json_array_get(list, i));
}

/* Where something is and how large: 1; 0: nobody knows. */
static int box_of(const json_t *thing, box *out) {
    const json_t *const at = json_object_get(thing, "where"), *const size =
                                                                  json_object_get(thing, "size");
    *out = (box){number(at, 0), number(at, 1), number(size, 0), number(size, 1)};
    return json_array_size(at) >= 2;
}

static int is(const json_t *thing, const char *kind) {
    return strcmp(text_of(thing, "kind"), kind) == 0;
}

/* ---- the canvas -------------------------------------------------------------------------- */
static int column_of(const mn_fleet_map *m, double x) {
    return (int)lround((x - m->left) * m->scale * m->stretch);
}
static int row_of(const mn_fleet_map *m, double y) {
    return m->rows - 1 - (int)lround((y - m->bottom) * m->scale / 2);
}

static void put(mn_fleet_map *m, int column, int row, const char *text, const char *style) {
    if (column < 0 || row < 0 || column >= m->columns || row >= m->rows) return;
    const size_t n = strlen(text);
    mn_map_cell *const c = &m->cell[row][column];
    memcpy(c->text, text, n < MN_MAP_CELL ? n + 1 : 1);
    c->style = style;
}

/* A line of text from a column on, as far as there is room; what steers a terminal is '?'. */
static void put_text(mn_fleet_map *m, int column, int row, const char *text, int most,
                     const char *style) {
    const unsigned char *p = (const unsigned char *)text;
    const size_t n = strlen(text);
    size_t step;
    int i = 0;
    for (size_t at = 0; at < n && i < most; at += step, i++) {
        char one[MN_MAP_CELL] = "?";
        const int shows = mn_utf8_shows(p + at, n - at, &step);
        if (shows && step < MN_MAP_CELL) memcpy(one, p + at, step), one[step] = 0;
        put(m, column + i, row, one, style);
    }
}

static const char faint[] = "\033[2m";

/* A corner; where another room has one already, a junction. */
static void put_corner(mn_fleet_map *m, int column, int row, const char *corner,
                       const char *junction) {
    if (column < 0 || row < 0 || column >= m->columns || row >= m->rows) return;
    const int taken = strcmp(m->cell[row][column].text, " ") != 0;
    put(m, column, row, taken ? junction : corner, faint);
}

static void put_room(mn_fleet_map *m, const json_t *room) {
    box b;
    if (!box_of(room, &b) || b.w <= 0 || b.d <= 0) return;
    const int x0 = column_of(m, b.x - b.w / 2), x1 = column_of(m, b.x + b.w / 2);
    const int y0 = row_of(m, b.y + b.d / 2), y1 = row_of(m, b.y - b.d / 2);
    for (int x = x0 + 1; x < x1; x++) put(m, x, y0, "─", faint), put(m, x, y1, "─", faint);
    for (int y = y0 + 1; y < y1; y++) put(m, x0, y, "│", faint), put(m, x1, y, "│", faint);
    put_corner(m, x0, y0, "┌", "┬"), put_corner(m, x1, y0, "┐", "┬");
    put_corner(m, x0, y1, "└", "┴"), put_corner(m, x1, y1, "┘", "┴");
    put_text(m, x0 + 2, y0, text_of(room, "name"), x1 - x0 - 3, "\033[2m");
}

static void put_door(mn_fleet_map *m, const json_t *door) {
    box b;
    if (!box_of(door, &b)) return;
    const int open = !json_is_false(json_object_get(door, "open"));
    put(m, column_of(m, b.x), row_of(m, b.y), open ? " " : "╳", open ? "" : "\033[33m");
}

static void put_furniture(mn_fleet_map *m, const json_t *thing) {
    char label[96];
    box b;
    if (!box_of(thing, &b)) return;
    const size_t n = json_array_size(json_object_get(thing, "holds"));
    const int closed = json_is_false(json_object_get(thing, "open"));
    if (n)
        snprintf(label, sizeof label, "%s:%zu%s", text_of(thing, "name"), n, closed ? "╳" : "");
    else
        snprintf(label, sizeof label, "%s%s", text_of(thing, "name"), closed ? "╳" : "");
    const int width = (int)strlen(text_of(thing, "name")) + (n ? 2 : 0);
    int column = column_of(m, b.x) - width / 2;
    if (column < 1) column = 1;
    if (column + width > m->columns - 1) column = m->columns - 1 - width;
    put_text(m, column, row_of(m, b.y), label, m->columns, closed ? "\033[33m" : "");
}

const char *mn_fleet_style(const char *state) {
    static const char *const all[][2] = {{"busy", "\033[1;32m"},
                                         {"idle", "\033[1;36m"},
                                         {"stopped", "\033[1;33m"},
                                         {"lost", "\033[1;31m"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i][0], state) == 0) return all[i][1];
    return "";
}

/* The row, or one beside it, where nothing stands yet: what a robot works at keeps its name. */
static int free_row(const mn_fleet_map *m, int column, int row, int width) {
    static const int beside[] = {0, 1, -1};
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        const int at = row + beside[i];
        int taken = at < 0 || at >= m->rows;
        for (int c = column; c < column + width && !taken; c++)
            taken = c < 0 || c >= m->columns || strcmp(m->cell[at][c].text, " ") != 0;
        if (!taken) return at;
    }
    return row;
}

static void put_robot(mn_fleet_map *m, const json_t *robot, size_t number_) {
    const json_t *const p = json_object_get(json_object_get(robot, "pose"), "p");
    char label[24];
    if (json_array_size(p) < 2) return;
    snprintf(label, sizeof label, "(%zu)", number_);
    const int column = column_of(m, number(p, 0)) - 1, row = row_of(m, number(p, 1));
    put_text(m, column, free_row(m, column, row, (int)strlen(label)), label, 8,
             mn_fleet_style(text_of(robot, "state")));
}

/* ---- the whole --------------------------------------------------------------------------- */
/* What is to be seen: west, south, east, north. 0: nothing has a place. */
static int bounds(const json_t *scene, double all[4]) {
    const json_t *thing;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(scene, "things"), i, thing) {
        box b;
        if (is(thing, "object") || !box_of(thing, &b)) continue;
        const double of[4] = {b.x - b.w / 2, b.y - b.d / 2, b.x + b.w / 2, b.y + b.d / 2};
        for (int k = 0; k < 4; k++)
            all[k] = !n ? of[k] : k < 2 ? fmin(all[k], of[k]) : fmax(all[k], of[k]);
        n++;
    }
    return n > 0;
}

static void put_all(mn_fleet_map *m, const json_t *scene) {
    static void (*const layer[])(mn_fleet_map *, const json_t *) = {put_room, put_door,
                                                                    put_furniture};
    static const char *const kind[] = {"room", "door", "furniture"};
    const json_t *one;
    size_t i;
    for (int k = 0; k < 3; k++) json_array_foreach(json_object_get(scene, "things"), i, one) {
            if (is(one, kind[k])) layer[k](m, one);
        }
    json_array_foreach(json_object_get(scene, "robots"), i, one) put_robot(m, one, i + 1);
}

int mn_fleet_map_draw(const json_t *scene, int columns, int rows, mn_fleet_map *m) {
    double all[4];
    if (!bounds(scene, all)) return 0;
    if (columns > MN_MAP_COLUMNS) columns = MN_MAP_COLUMNS;
    if (rows > MN_MAP_ROWS) rows = MN_MAP_ROWS;
    const double w = fmax(all[2] - all[0], 1), d = fmax(all[3] - all[1], 1);
    m->left = all[0];
    m->bottom = all[1];
    m->scale = fmin((columns - 1) / w, 2 * (rows - 1) / d);
    m->stretch = fmax(1, fmin(2, (columns - 1) / w / m->scale));
    m->columns = (int)lround(w * m->scale * m->stretch) + 1;
    m->rows = (int)lround(d * m->scale / 2) + 1;
    if (m->columns < 8 || m->rows < 3) return 0;
    for (int r = 0; r < m->rows; r++)
        for (int c = 0; c < m->columns; c++) put(m, c, r, " ", "");
    put_all(m, scene);
    return 1;
}
