/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/fake_hub.h - what Redis is to bridges (fleet/bridge_redis.c): a hash that takes a
 * record only when its stamp is newer, before anybody hears of it; who comes gets all of it. It
 * starts anew with what it had, what it had saved, or nothing.
 */
#ifndef MN_TEST_FLEET_FAKE_HUB_H
#define MN_TEST_FLEET_FAKE_HUB_H
#include "test.h"

#include "fleet/bridge_in.h"

typedef struct fake_hub {
    json_t *has, *saved; /* {key: [stamp as text, record]} */
    int changes;
} fake_hub;

static inline void fake_hub_begin(fake_hub *h) {
    *h = (fake_hub){json_object(), json_object(), 0};
}
static inline void fake_hub_end(fake_hub *h) {
    json_decref(h->has);
    json_decref(h->saved);
    *h = (fake_hub){0};
}
static inline void fake_hub_keep(fake_hub *h, const json_t *m) {
    json_t *one;
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
    if (++h->changes % 100) return;
    json_decref(h->saved);
    h->saved = json_copy(h->has);
}
static inline void fake_hub_give(const fake_hub *h, mn_bridge *to, const char *fleet) {
    const char *key;
    json_t *one;
    json_object_foreach(h->has, key, one) {
        json_t *const m = json_pack("{s:i, s:s, s:s, s:[O]}", "omnesia", MN_BRIDGE_FORMAT, "fleet",
                                    fleet, "from", "", "records", json_array_get(one, 1));
        assert_ok(bridge_take_json(to, m));
        json_decref(m);
    }
}
/* 0: it has all that it had; 1: what it had saved; 2: nothing. */
static inline void fake_hub_restart(fake_hub *h, int loses) {
    if (!loses) return;
    json_decref(h->has);
    h->has = loses == 1 ? json_copy(h->saved) : json_object();
    if (loses == 2) json_object_clear(h->saved);
}

#endif
