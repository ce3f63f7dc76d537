/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/bridge_hub.h - what Redis is to bridges (fleet/bridge_redis.c), for bridge_bed.h: a
 * hash that takes a record only when its stamp is newer, before anybody hears of it; who comes gets
 * all of it. It starts anew with what it had, what it had saved, or nothing.
 */
#ifndef MN_TEST_FLEET_BRIDGE_HUB_H
#define MN_TEST_FLEET_BRIDGE_HUB_H
#include "fleet/bridge_bed.h"

typedef struct bed_hub {
    json_t *has, *saved; /* {key: [stamp as text, record]} */
    int changes;
} bed_hub;

static inline void bed_hub_begin(bed *d) {
    d->hub = calloc(1, sizeof *d->hub);
    *d->hub = (bed_hub){json_object(), json_object(), 0};
}
static inline void bed_hub_end(bed *d) {
    if (!d->hub) return;
    json_decref(d->hub->has);
    json_decref(d->hub->saved);
    free(d->hub);
}
static inline int bed_hub_keep(bed *d, const mn_buf *message) {
    bed_hub *const h = d->hub;
    if (mn_random_unit(&d->random) < d->loss) return 0;
    json_t *const m = json_loadb(message->data, message->len, 0, NULL), *one;
    size_t k;
    mn_buf order = {0};
    json_array_foreach(json_object_get(m, "records"), k, one) {
        const char *const key = json_string_value(json_array_get(one, 0));
        mn_buf_clear(&order);
        assert_ok(mn_bridge_order(one, &order));
        const json_t *const was = json_array_get(json_object_get(h->has, key), 0);
        if (was && strcmp(json_string_value(was), order.data) >= 0) continue;
        json_object_set_new(h->has, key, json_pack("[s, O]", order.data, one));
    }
    mn_buf_free(&order);
    json_decref(m);
    if (++h->changes % 100 == 0) {
        json_decref(h->saved);
        h->saved = json_copy(h->has);
    }
    return 1;
}
static inline void bed_hub_give(bed *d, int i) {
    const char *key;
    json_t *one;
    json_object_foreach(d->hub->has, key, one) {
        json_t *const m = json_pack("{s:i, s:s, s:s, s:[O]}", "omnesia", MN_BRIDGE_FORMAT, "fleet",
                                    d->b[i]->fleet, "from", "", "records", json_array_get(one, 1));
        char *const text = json_dumps(m, JSON_COMPACT);
        assert_ok(mn_bridge_take(d->g[i], text, strlen(text)));
        free(text);
        json_decref(m);
    }
}
/* All links break. loses: 0: it has all that it had; 1: what it had saved; 2: nothing. */
static inline void bed_hub_restart(bed *d, int loses) {
    bed_hub *const h = d->hub;
    for (int i = 0; i < d->n; i++) bed_cut(d, i, 1);
    if (!loses) return;
    json_decref(h->has);
    h->has = loses == 1 ? json_copy(h->saved) : json_object();
    if (loses == 2) json_object_clear(h->saved);
}

#endif
