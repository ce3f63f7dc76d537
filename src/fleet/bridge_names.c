/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_names.c - values as they are on a board, and as they are on the wire.
 *
 * Each machine counts its tasks from "t1", so on the wire they have the machine before them,
 * "arm7.t1"; at home that is taken away again. A thing has no field "home" on the wire, where the
 * stamp says it; on a board it has one if its home is another machine. So have robots and tasks.
 */
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

static int is_numbered(bridge_kind kind) {
    return kind == BRIDGE_TASK || kind == BRIDGE_ASK;
}

static void copy(char out[256], const char *name) {
    const size_t n = strlen(name);
    memcpy(out, name, n < 256 ? n + 1 : 256);
    out[255] = 0;
}

void bridge_out_name(const mn_bridge *g, bridge_kind kind, const char *name, char out[256]) {
    if (is_numbered(kind) && !strchr(name, '.'))
        snprintf(out, 256, "%s.%s", g->machine, name);
    else
        copy(out, name);
}

void bridge_in_name(const mn_bridge *g, bridge_kind kind, const char *name, char out[256]) {
    const size_t n = strlen(g->machine);
    const int own = is_numbered(kind) && strncmp(name, g->machine, n) == 0 && name[n] == '.';
    copy(out, own ? name + n + 1 : name);
}

/* The field that names a task in values of this kind; NULL: none. */
static const char *task_field(bridge_kind kind) {
    if (is_numbered(kind)) return "id";
    return kind == BRIDGE_CALL || kind == BRIDGE_DONE ? "task" : NULL;
}

static json_t *with_names(const mn_bridge *g, bridge_kind kind, const json_t *value, int out) {
    json_t *const copy = json_copy((json_t *)(uintptr_t)value); /* its fields are shared */
    const char *const field = task_field(kind);
    const char *const id = copy && field ? bridge_text(copy, field) : "";
    char name[256];
    if (!*id) return copy;
    (out ? bridge_out_name : bridge_in_name)(g, BRIDGE_TASK, id, name);
    if (json_object_set_new(copy, field, json_string(name)) == 0) return copy;
    json_decref(copy);
    return NULL;
}

json_t *bridge_out_value(const mn_bridge *g, bridge_kind kind, const json_t *value) {
    json_t *const copy = with_names(g, kind, value, 1);
    if (copy && bridge_sorts[kind].homed) json_object_del(copy, "home");
    if (copy && kind == BRIDGE_ROBOT)
        json_object_del(copy, "lost"); /* a note of the monitor here */
    return copy;
}

json_t *bridge_in_value(const mn_bridge *g, const bridge_entry *e) {
    json_t *const copy = with_names(g, e->kind, e->value, 0);
    if (!copy || !bridge_sorts[e->kind].homed || strcmp(e->at.home, g->machine) == 0) return copy;
    if (json_object_set_new(copy, "home", json_string(e->at.home)) == 0) return copy;
    json_decref(copy);
    return NULL;
}
