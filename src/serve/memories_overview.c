/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/memories_overview.c - how much is remembered, over days, and by whom it was said.
 *
 * One pass over the newest MOST records: O(records), a worker's time; who draws it asks again when
 * the number of mn_memory_pulse is another one, which costs a look into the region.
 */
#include "base/error.h"
#include "base/when.h"
#include "serve/memories.h"
#include "serve/routes.h"
#include "serve/server.h"

enum { MOST = 50000, NAMES = 1000, DAY = 10 /* letters of 2023-05-08 */ };

typedef struct overview {
    json_t *days, *speakers; /* name: how many */
    int64_t n;
    int more;
} overview;

static int count(json_t *of, const char *name, size_t most) {
    json_t *seen = json_object_get(of, name);
    if (seen) return json_integer_set(seen, json_integer_value(seen) + 1);
    return json_object_size(of) < most ? json_object_set_new(of, name, json_integer(1)) : 0;
}

static int add(void *user, const mn_record *r) {
    overview *o = user;
    char when[MN_WHEN_TEXT];
    if (o->n == MOST) return o->more = 1;
    o->n++;
    mn_when_text(r->from == MN_UNKNOWN ? r->created : r->from, when);
    when[DAY] = 0;
    if (count(o->days, when, MOST) < 0 ||
        (*r->speaker && count(o->speakers, r->speaker, NAMES) < 0))
        return MN_ENOMEM;
    return 0;
}

/* [{"name", "records"}], as they came. */
static json_t *counts(json_t *of, const char *called) {
    json_t *list = json_array(), *n;
    const char *name;
    json_object_foreach(of, name, n)
        json_array_append_new(list, json_pack("{s:s, s:O}", called, name, "records", n));
    json_decref(of);
    return list;
}

json_t *mn_memory_pulse(mn_exchange *x) {
    mn_region *region = x->server->options.model.region;
    mn_object about = {0};
    mn_asker asker;
    char key[256];
    if (!x->server->options.mem || mn_asker_read(x, NULL, &asker) < 0) return json_null();
    const int told = region && mn_mem_topic(&asker.scope, key) >= 0 &&
                     mn_object_get(region, key, NULL, 0, &about) >= 0;
    return json_pack("{s:I, s:b}", "version", told ? (json_int_t)about.version : 0, "chats",
                     x->server->options.remember);
}

int mn_memory_overview_work(mn_exchange *x) {
    mn_asker asker;
    const mn_find what = {.newest = 1};
    if (mn_memory_asker(x, &asker) < 0) return 0;
    json_t *pulse = mn_memory_pulse(x); /* before: what comes meanwhile is asked for again */
    overview o = {json_object(), json_object(), 0, 0};
    const int rc = mn_mem_find(x->server->options.mem, &asker.scope, &what, add, &o);
    json_t *told =
        json_pack("{s:O, s:I, s:b, s:o, s:o}", "version", json_object_get(pulse, "version"),
                  "records", (json_int_t)o.n, "more", o.more, "days", counts(o.days, "day"),
                  "speakers", counts(o.speakers, "name"));
    json_decref(pulse);
    if (rc >= 0) return mn_reply_json(x, 200, told);
    json_decref(told);
    return mn_memory_refuse(x, rc, NULL);
}
