/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/bridge_hub.h - the fake Redis of fake_hub.h between the machines of bridge_bed.h.
 */
#ifndef MN_TEST_FLEET_BRIDGE_HUB_H
#define MN_TEST_FLEET_BRIDGE_HUB_H
#include "fleet/bridge_bed.h"
#include "fleet/fake_hub.h"

typedef struct bed_hub {
    fake_hub hub;
} bed_hub;

static inline void bed_hub_begin(bed *d) {
    d->hub = calloc(1, sizeof *d->hub);
    fake_hub_begin(&d->hub->hub);
}
static inline void bed_hub_end(bed *d) {
    if (!d->hub) return;
    fake_hub_end(&d->hub->hub);
    free(d->hub);
}
static inline int bed_hub_keep(bed *d, const mn_buf *message) {
    if (mn_random_unit(&d->random) < d->loss) return 0;
    json_t *const m = json_loadb(message->data, message->len, 0, NULL);
    fake_hub_keep(&d->hub->hub, m);
    json_decref(m);
    return 1;
}
static inline void bed_hub_give(bed *d, int i) {
    fake_hub_give(&d->hub->hub, d->g[i], d->b[i]->fleet);
}
/* All links break. loses: fake_hub.h */
static inline void bed_hub_restart(bed *d, int loses) {
    for (int i = 0; i < d->n; i++) bed_cut(d, i, 1);
    fake_hub_restart(&d->hub->hub, loses);
}

#endif
