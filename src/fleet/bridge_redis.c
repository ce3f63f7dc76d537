/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_redis.c - the messages of a bridge through Redis, and all records in a hash there.
 *
 * Two connections: one says, one hears. Who comes takes the whole hash first, and then says all of
 * its own; a record gets into the hash only if its stamp is newer (one script, in Redis). What is
 * said comes back on the other connection: when nothing came for QUIET, the link is gone, whatever
 * the sockets say.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "fleet/bridge.h"
#include "fleet/roboos.h"
#include "net/redis.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint64_t S = 1000000000, MS = 1000000;
enum { OPEN = 3, QUIET = 5, ASK = 5 /* s */, FIRST = 100, LAST = 5000 /* ms between tries */ };

static const char keep[] = "local was = redis.call('HGET', KEYS[2], ARGV[1])\n"
                           "if was and was >= ARGV[2] then return 0 end\n"
                           "redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])\n"
                           "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\n"
                           "return 1";

typedef struct carrier {
    mn_board *b;
    mn_bridge *g;
    mn_roboos *x; /* NULL: its robots are not asked for */
    mn_redis_url at;
    mn_redis_line *says, *hears;
    mn_buf *said;
    char objects[128], stamps[128], changes[128], format[128];
    uint64_t heard, again; /* mn_clock_ns: when something came last; when it is tried again */
    int wait;              /* ms, before the next try */
    int was;               /* -1: never tried; was the link there the last time? */
    int refused;           /* an error of Redis was told */
} carrier;

/* ---- the link ------------------------------------------------------------------------------ */
static void tell(carrier *c, const char *text) {
    mn_board_tell(c->b, "bridge", "{s:s}", "text", text);
    if (!c->said || c->said->len > 1 << 16) return;
    (void)mn_buf_printf(c->said, "%s\n", text);
}

static void unlink_it(carrier *c, const char *why) {
    char text[512];
    snprintf(text, sizeof text, "no link to %s%s%s: %.200s", c->at.host, *c->at.port ? ":" : "",
             c->at.port, why);
    if (c->was) tell(c, text);
    c->was = 0;
    mn_redis_line_close(&c->says);
    mn_redis_line_close(&c->hears);
    mn_bridge_down(c->g);
    c->wait = c->wait ? (c->wait * 2 > LAST ? LAST : c->wait * 2) : FIRST;
    c->again = mn_clock_ns() + (uint64_t)c->wait * MS;
}

/* Records that lie in Redis, as messages of a store. */
static int take_stored(carrier *c, const mn_redis_reply *all) {
    mn_buf text = {0};
    int rc = 0;
    if (all->kind != MN_REDIS_LIST) return MN_FAIL(MN_ECORRUPT, "%s is no hash", c->objects);
    for (size_t i = 1; i < all->n && rc >= 0; i += 2) {
        const mn_redis_reply *const r = all->part[i];
        json_t *const record = r->kind == MN_REDIS_TEXT ? json_loadb(r->text, r->n, 0, NULL) : NULL;
        json_t *const m = json_pack("{s:i, s:s, s:s, s:[O*]}", "omnesia", MN_BRIDGE_FORMAT, "fleet",
                                    c->b->fleet, "from", "", "records", record);
        mn_buf_clear(&text);
        rc = m ? mn_json_write(m, JSON_COMPACT, &text)
               : MN_FAIL(MN_ENOMEM, "no memory for what lies in Redis");
        json_decref(m);
        json_decref(record);
        if (rc >= 0) rc = mn_bridge_take(c->g, text.data, text.len);
        if (rc == MN_EINVAL || rc == MN_EUNSUPPORTED) rc = 0; /* it was told */
    }
    mn_buf_free(&text);
    return rc;
}

static int ask(carrier *c, mn_redis_line *r, mn_redis_reply **reply, int n, const char *a,
               const char *b, const char *d) {
    const char *const word[] = {a, b, d};
    mn_redis_reply_free(reply);
    (void)c;
    return mn_redis_line_ask(r, mn_clock_ns() + ASK * S, reply, n, word, NULL);
}

/* Of which version is what lies there? */
static int check_format(carrier *c, mn_redis_reply **reply) {
    char mine[16];
    snprintf(mine, sizeof mine, "%d", MN_BRIDGE_FORMAT);
    MN_TRY(ask(c, c->says, reply, 3, "SETNX", c->format, mine));
    MN_TRY(ask(c, c->says, reply, 2, "GET", c->format, NULL));
    if ((*reply)->kind == MN_REDIS_TEXT && strcmp((*reply)->text, mine) == 0) return 0;
    return MN_FAIL(MN_EUNSUPPORTED,
                   "the fleet %s in this Redis is of format %.20s, and this Omnesia knows %s: "
                   "update it, or take another database",
                   c->b->fleet, (*reply)->kind == MN_REDIS_TEXT ? (*reply)->text : "?", mine);
}

static int link_it(carrier *c) {
    mn_redis_reply *reply = NULL;
    const uint64_t until = mn_clock_ns() + OPEN * S;
    int rc = mn_redis_line_open(&c->at, until, &c->says);
    if (rc >= 0) rc = mn_redis_line_open(&c->at, until, &c->hears);
    if (rc >= 0) rc = check_format(c, &reply);
    if (rc >= 0) rc = ask(c, c->hears, &reply, 2, "SUBSCRIBE", c->changes, NULL);
    if (rc >= 0) rc = ask(c, c->says, &reply, 2, "HGETALL", c->objects, NULL);
    if (rc >= 0) rc = take_stored(c, reply);
    mn_redis_reply_free(&reply);
    MN_TRY(rc);
    char text[512];
    snprintf(text, sizeof text, "linked to %s%s%s", c->at.host, *c->at.port ? ":" : "", c->at.port);
    tell(c, text);
    c->was = 1;
    c->wait = c->refused = 0;
    c->heard = mn_clock_ns();
    mn_bridge_up(c->g);
    return 0;
}

/* ---- saying -------------------------------------------------------------------------------- */
/* Its records into the hash, before anybody hears of them. */
static int store(carrier *c, const mn_buf *message) {
    json_t *const m = json_loadb(message->data, message->len, 0, NULL), *one;
    size_t i;
    mn_buf order = {0}, text = {0};
    int rc = m ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a message");
    json_array_foreach(json_object_get(m, "records"), i, one) {
        const char *const key = json_string_value(json_array_get(one, 0));
        mn_buf_clear(&order);
        mn_buf_clear(&text);
        if (rc >= 0) rc = mn_bridge_order(one, &order);
        if (rc >= 0) rc = mn_json_write(one, JSON_COMPACT, &text);
        if (rc < 0) break;
        const char *const word[] = {"EVAL",    keep, "2",        c->objects,
                                    c->stamps, key,  order.data, text.data};
        rc = mn_redis_line_add(c->says, 8, word, NULL);
    }
    mn_buf_free(&order);
    mn_buf_free(&text);
    json_decref(m);
    return rc;
}

static int say_all(carrier *c) {
    mn_buf message = {0};
    int rc;
    while ((rc = mn_bridge_next(c->g, &message)) > 0) {
        const char *const word[] = {"PUBLISH", c->changes, message.data};
        const size_t bytes[] = {7, strlen(c->changes), message.len};
        rc = store(c, &message);
        if (rc >= 0) rc = mn_redis_line_add(c->says, 3, word, bytes);
        if (rc < 0) break;
    }
    mn_buf_free(&message);
    return rc;
}

/* What Redis answers is of interest only if it is an error. */
static int drain(carrier *c) {
    mn_redis_reply *reply;
    int rc;
    while ((rc = mn_redis_line_next(c->says, 0, &reply)) > 0) {
        if (reply->kind == MN_REDIS_ERROR && !c->refused++) {
            char text[300];
            snprintf(text, sizeof text, "Redis refuses what it is told: %.200s", reply->text);
            tell(c, text);
        }
        mn_redis_reply_free(&reply);
    }
    return rc;
}

/* ---- hearing ------------------------------------------------------------------------------- */
static int hear_all(carrier *c) {
    mn_redis_reply *r;
    int rc;
    while ((rc = mn_redis_line_next(c->hears, 0, &r)) > 0) {
        c->heard = mn_clock_ns();
        if (r->kind == MN_REDIS_LIST && r->n == 3 && r->part[2]->kind == MN_REDIS_TEXT)
            rc = mn_bridge_take(c->g, r->part[2]->text, r->part[2]->n);
        mn_redis_reply_free(&r);
        if (rc == MN_ENOMEM) return rc;
    }
    if (rc < 0) return rc;
    if (mn_clock_ns() - c->heard > QUIET * S)
        return MN_FAIL(MN_EIO, "nothing came through it for %d s", QUIET);
    return 0;
}

static void rest(const carrier *c, uint64_t ns) {
    struct pollfd p[2];
    nfds_t n = 0;
    if (c->hears) p[n++] = (struct pollfd){.fd = mn_redis_line_fd(c->hears), .events = POLLIN};
    if (c->says && mn_redis_line_queued(c->says))
        p[n++] = (struct pollfd){.fd = mn_redis_line_fd(c->says), .events = POLLOUT};
    poll(p, n, (int)(ns / MS) + 1);
}

/* ---- the loop ------------------------------------------------------------------------------ */
/* One round. MN_EUNSUPPORTED and MN_ECANCELLED end it. */
static int round_of(carrier *c) {
    uint64_t again;
    int rc = 0;
    if (!c->says && mn_clock_ns() >= c->again) rc = link_it(c);
    if (c->hears && rc >= 0) rc = hear_all(c);
    if (rc < 0 && rc != MN_ENOMEM) {
        if (rc == MN_EUNSUPPORTED) return rc;
        unlink_it(c, mn_error_detail());
    }
    rc = mn_bridge_step(c->g, &again);
    if (rc == MN_ECANCELLED) return rc;
    if (c->says) {
        rc = say_all(c);
        if (rc >= 0 || rc == MN_ENOMEM) rc = drain(c);
        if (rc < 0) unlink_it(c, mn_error_detail());
    }
    if (c->x) mn_roboos_step(c->x, c->says != NULL);
    const uint64_t now = c->b->ops->now(c->b);
    rest(c, again > now ? again - now : 0);
    return 0;
}

int mn_bridge_run(mn_board *b, const char *url, const char *machine, int roboos,
                  int (*stop)(void *user), void *user, mn_buf *said) {
    carrier c = {.b = b, .said = said, .was = -1};
    const mn_bridge_how how = {
        .machine = machine, .watch = 1, .life = mn_clock_ns() * 1000003u ^ (uint64_t)getpid()};
    MN_TRY(mn_redis_url_read(url, &c.at));
    snprintf(c.objects, sizeof c.objects, "omnesia:%s:objects", b->fleet);
    snprintf(c.stamps, sizeof c.stamps, "omnesia:%s:stamps", b->fleet);
    snprintf(c.changes, sizeof c.changes, "omnesia:%s:changes", b->fleet);
    snprintf(c.format, sizeof c.format, "omnesia:%s:format", b->fleet);
    MN_TRY(mn_bridge_open(b, &how, &c.g));
    int rc = roboos ? mn_roboos_open(b, &c.at, &c.x) : 0;
    while (rc >= 0) { /* it is asked once it has begun: a library that is missing ends the first */
        rc = round_of(&c);
        if (rc >= 0 && stop(user)) break;
    }
    mn_redis_line_close(&c.says);
    mn_redis_line_close(&c.hears);
    mn_roboos_close(&c.x);
    mn_bridge_close(&c.g);
    return rc;
}
