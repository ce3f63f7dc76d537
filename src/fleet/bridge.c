/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge.c - the life of a bridge: the order of its steps, and what it notes of itself.
 */
#include "fleet/bridge.h"

#include "base/alloc.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

/* bridge/self: {"machine", "born", "epoch", "life", "log"}. Its version is the fence of all that
 * this bridge writes. The epoch is the part of stamps that grows with each opening: what a bridge
 * before said is older, whatever it said. It begins (born) with the time when the board was new, so
 * that a board that lost all has a later one; and is raised if that clock was behind. The log's
 * number is for the board's life. */
static int put_self(mn_bridge *g) {
    json_t *const self = json_pack("{s:s, s:I, s:I, s:I, s:I}", "machine", g->machine, "born",
                                   (json_int_t)g->born, "epoch", (json_int_t)g->epoch, "life",
                                   (json_int_t)g->how.life, "log", (json_int_t)g->log_id);
    if (!self) return MN_FAIL(MN_ENOMEM, "no memory for a bridge");
    const int rc = mn_board_put(g->b, "bridge/", "self", self, 1, &g->self);
    json_decref(self);
    g->raised = 0;
    if (rc != MN_ECONFLICT) return rc;
    g->over = 1;
    return MN_FAIL(MN_ECANCELLED, "another bridge has taken over the board of %s", g->machine);
}

static int begin(mn_bridge *g) {
    json_t *self = NULL;
    int rc = mn_board_get(g->b, "bridge/", "self", &self, &g->self);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 0;
    if (rc > 0 && strcmp(bridge_text(self, "machine"), g->machine) != 0)
        rc = MN_FAIL(MN_EINVAL, "this board is that of the machine %.63s: give --machine that name",
                     bridge_text(self, "machine"));
    g->epoch = (uint64_t)json_integer_value(json_object_get(self, "epoch")) + 1;
    g->born = (uint64_t)json_integer_value(json_object_get(self, "born"));
    g->log_id = (uint64_t)json_integer_value(json_object_get(self, "log"));
    if (!g->log_id) g->log_id = (g->how.life & 0x7fffffff) | 1; /* no other board has it */
    json_decref(self);
    if (rc < 0) return rc;
    if (!g->born) {
        const int64_t time = g->b->ops->time(g->b);
        g->born = g->epoch = time > 0 ? (uint64_t)time : 1;
    }
    MN_TRY(put_self(g));
    MN_TRY(bridge_load(g));
    MN_TRY(bridge_events_load(g));
    return bridge_look(g);
}

int mn_bridge_open(mn_board *b, const mn_bridge_how *how, mn_bridge **out) {
    *out = NULL;
    MN_TRY(mn_board_name_check("a machine", how->machine));
    if (strchr(how->machine, '.') || strlen(how->machine) > 40)
        return MN_FAIL(MN_EINVAL, "a machine's name has no '.' and 40 bytes at most, not '%s'",
                       how->machine);
    mn_bridge *const g = mn_calloc(1, sizeof *g);
    if (!g) return MN_FAIL(MN_ENOMEM, "no memory for a bridge");
    g->b = b;
    g->how = *how;
    g->how.machine = g->machine;
    g->how.life &= INT64_MAX;
    if (!g->how.look) g->how.look = 10000000;
    if (!g->how.compare) g->how.compare = 1000000000;
    if (!g->how.beat) g->how.beat = 50000000;
    snprintf(g->machine, sizeof g->machine, "%s", how->machine);
    const int rc = begin(g);
    if (rc < 0) {
        bridge_free(g);
        return rc;
    }
    *out = g;
    return 0;
}

void mn_bridge_close(mn_bridge **g) {
    if (*g) bridge_free(*g);
    *g = NULL;
}

int mn_bridge_step(mn_bridge *g, uint64_t *again) {
    const uint64_t now = g->b->ops->now(g->b);
    if (g->over)
        return MN_FAIL(MN_ECANCELLED, "another bridge has taken over the board of %s", g->machine);
    *again = now + g->how.look;
    if (g->raised) MN_TRY(put_self(g));
    MN_TRY(bridge_look(g));
    MN_TRY(bridge_put_all(g));
    MN_TRY(bridge_stops(g));
    MN_TRY(bridge_watch(g));
    MN_TRY(bridge_brains(g));
    MN_TRY(bridge_letters(g));
    MN_TRY(bridge_wants(g));
    MN_TRY(bridge_calls(g));
    if (now - g->compared < g->how.compare && g->compared) return 0;
    g->compared = now ? now : 1;
    g->say_sum = 1;
    return 0;
}

void mn_bridge_up(mn_bridge *g) {
    for (size_t i = 0; i < g->n; i++) {
        bridge_entry *const e = g->entry[i];
        if (bridge_is_compared(e) && (e->mine || !e->at.e)) e->dirty = 1;
    }
    g->say_sum = 1;
    bridge_events_up(g);
}

void mn_bridge_down(mn_bridge *g) {
    json_decref(g->list);
    json_decref(g->need);
    g->list = g->need = NULL;
}
