/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_watch.c - whether the robots of this machine live, as the brain may be at another
 * one: who does not loses its lease, which is then gone on all boards, and what it held falls.
 */
#include "fleet/actors.h"
#include "fleet/bridge_in.h"
#include "fleet/life.h"

static const uint64_t MS = 1000000;

static int watch_one(mn_bridge *g, const bridge_entry *lease, uint64_t now) {
    const mn_watch watch = {"bridge/", "self", g->self};
    mn_heard heard;
    MN_TRY(mn_life_read(g->b, lease->name, MN_LIFE_UNKNOWN, &heard));
    if (!heard.state || now <= g->patient || g->b->ops->now(g->b) <= heard.late) return 0;
    return mn_life_lose(g->b, &watch, lease->name, lease->local, &heard, 0);
}

int bridge_watch(mn_bridge *g) {
    const uint64_t now = g->b->ops->now(g->b), beat = MN_FLEET_BEAT * MS;
    if (!g->how.watch) return 0;
    /* Who was asleep itself first lets one heartbeat pass. */
    if (!g->watched || now > g->watched + beat) g->patient = now + beat;
    g->watched = now ? now : 1;
    for (size_t i = 0; i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        if (e->kind == BRIDGE_LEASE && e->mine && e->value && e->local)
            MN_TRY(watch_one(g, e, now));
    }
    if (now - g->fallen < 4 * beat && g->fallen) return 0;
    g->fallen = now ? now : 1;
    return mn_life_fallen(g->b);
}
