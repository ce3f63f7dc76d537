/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_bridge_redis.c - two regions, as of two machines, and a Redis between them: what
 * is put on one board comes to the other; both work on while Redis is gone and agree when it is
 * back, though it forgot all; who comes later gets what lies there; strangers are told of.
 */
#include "test.h"

#include "fleet/bridge.h"
#include "net/redis_server.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct machine {
    const char *name;
    mn_region *region;
    mn_board *b, *seen; /* of the bridge; of the test */
    atomic_int stop;
    int rc;
    char why[300];
    pthread_t thread;
} machine;
static machine m[2] = {{.name = "alpha"}, {.name = "beta"}};
static int has_redis;

static int is_over(void *user) {
    return atomic_load(&((machine *)user)->stop);
}
static void *bridge(void *user) {
    machine *const a = user;
    a->rc = mn_bridge_run(a->b, redis_at(""), a->name, 0, is_over, a, NULL);
    if (a->rc < 0) snprintf(a->why, sizeof a->why, "%s", mn_error_detail());
    return NULL;
}
static void start(machine *a) {
    atomic_store(&a->stop, 0);
    assert_int_equal(pthread_create(&a->thread, NULL, bridge, a), 0);
}
static void end(machine *a) {
    atomic_store(&a->stop, 1);
    pthread_join(a->thread, NULL);
}
static void put(machine *a, const char *name, int mass) {
    json_t *const thing = json_pack("{s:s, s:s, s:i}", "kind", "room", "at", "", "mass", mass);
    assert_ok(mn_board_put(a->seen, "thing/", name, thing, 0, NULL));
    json_decref(thing);
}
static int mass(machine *a, const char *name) {
    json_t *thing;
    assert_ok(mn_board_get(a->seen, "thing/", name, &thing, NULL));
    const int is = thing ? (int)json_integer_value(json_object_get(thing, "mass")) : -1;
    json_decref(thing);
    return is;
}
static int told(machine *a, const char *text) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t number;
    int n = 0;
    assert_ok(mn_board_key(a->seen, "events", "", key));
    for (uint64_t k = 0; a->seen->ops->record(a->seen, key, k, &value, &number) > 0; k = number + 1)
        n += strstr(value.data, text) != NULL;
    mn_buf_free(&value);
    return n;
}

static void there_and_back(void **unused) {
    (void)unused;
    if (!has_redis) skip();
    start(m);
    put(m, "hall", 1);
    start(m + 1);
    wait_until(mass(m + 1, "hall") == 1); /* from the hash, or from alpha */
    put(m + 1, "attic", 2);
    wait_until(mass(m, "attic") == 2);
    mn_redis_line *r = redis_open(redis_at(""));
    mn_redis_reply *reply = redis_do(r, "PUBLISH", "omnesia:main:changes",
                                     "{\"omnesia\": 7, \"from\": \"later\"}", NULL);
    assert_int_equal(reply->number, 2);
    mn_redis_reply_free(&reply);
    wait_until(told(m, "of format 7") && told(m + 1, "of format 7"));
    mn_redis_line_close(&r);
    /* Redis dies, and all that it knew. */
    redis_end();
    wait_until(told(m, "no link to") && told(m + 1, "no link to"));
    put(m, "hall", 10);
    put(m + 1, "attic", 20);
    put(m + 1, "cellar", 30);
    assert_true(redis_start(NULL));
    wait_until(mass(m + 1, "hall") == 10 && mass(m, "attic") == 20 && mass(m, "cellar") == 30);
    /* The one that was away finds the newest in the hash. */
    end(m + 1);
    put(m, "hall", 11);
    put(m, "shed", 5);
    r = redis_open(redis_at(""));
    const char *const where[] = {"HGET", "omnesia:main:objects", "thing/shed"};
    int lies = 0;
    while (!lies) {
        assert_ok(mn_redis_line_ask(r, redis_soon(), &reply, 3, where, NULL));
        lies = reply->kind == MN_REDIS_TEXT;
        mn_redis_reply_free(&reply);
    }
    end(m);
    /* What a stranger wrote there is left. */
    reply = redis_do(r, "HSET", "omnesia:main:objects", "thing/nonsense", "{]");
    mn_redis_reply_free(&reply);
    start(m + 1);
    wait_until(mass(m + 1, "hall") == 11 && mass(m + 1, "shed") == 5);
    end(m + 1);
    assert_int_equal(m[0].rc, 0);
    assert_int_equal(m[1].rc, 0);
    reply = redis_do(r, "SET", "omnesia:main:format", "9", NULL);
    mn_redis_reply_free(&reply);
    start(m);
    pthread_join(m->thread, NULL);
    assert_int_equal(m->rc, MN_EUNSUPPORTED);
    assert_non_null(strstr(m->why, "format 9"));
    mn_redis_line_close(&r);
}

static void urls(void **unused) {
    (void)unused;
    assert_int_equal(mn_bridge_run(m->b, "http://h", "alpha", 0, is_over, m, NULL), MN_EINVAL);
}

static int begin(void **unused) {
    (void)unused;
    if (folder_begin("bridge", 0) != 0) return -1;
    has_redis = redis_start(NULL);
    if (!has_redis) print_message("no redis-server or no libhiredis0.14: nothing is bridged\n");
    for (int i = 0; i < 2; i++) {
        char path[120];
        snprintf(path, sizeof path, "%s/%s", folder, m[i].name);
        if (mn_region_open(path, 64 << 20, 0, &m[i].region) < 0 ||
            mn_board_open(m[i].region, NULL, &m[i].b) < 0 ||
            mn_board_open(m[i].region, NULL, &m[i].seen) < 0) {
            print_message("%s\n", mn_error_detail());
            return -1;
        }
    }
    return 0;
}
static int finish(void **unused) {
    (void)unused;
    for (int i = 0; i < 2; i++) {
        mn_board_close(&m[i].b);
        mn_board_close(&m[i].seen);
        mn_region_close(&m[i].region);
    }
    redis_end();
    return folder_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(urls), cmocka_unit_test(there_and_back)};
    return cmocka_run_group_tests(tests, begin, finish);
}
