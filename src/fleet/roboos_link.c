/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/roboos_link.c - what goes between a fleet and RoboOS: commands whose replies come in their
 * order, without waiting, and channels on a second connection.
 */
#include "base/clock.h"
#include "base/error.h"
#include "fleet/roboos_in.h"

#include <stdio.h>
#include <string.h>

static const uint64_t S = 1000000000;
enum { LATE = 5 /* s */, WORDS = ROBOOS_ROBOTS + 8 };

int roboos_ask(mn_roboos *x, roboos_reply what, const char *name, const char *const *word) {
    const unsigned at = x->asked % ROBOOS_AWAITED;
    int n = 0;
    while (word[n]) n++;
    if (!x->says) return MN_FAIL(MN_EIO, "there is no link to the Redis of RoboOS");
    if (x->asked - x->answered == ROBOOS_AWAITED)
        return MN_FAIL(MN_EFULL, "Redis has not answered %d commands yet", ROBOOS_AWAITED);
    if (x->asked == x->answered) x->moved = mn_clock_ns();
    MN_TRY(mn_redis_line_add(x->says, n, word, NULL));
    x->awaited[at].what = what;
    snprintf(x->awaited[at].name, sizeof x->awaited[at].name, "%s", name);
    x->asked++;
    return 0;
}

int roboos_hear(mn_roboos *x, const char *command, const char *robot) {
    char channel[MN_NAME + 16];
    snprintf(channel, sizeof channel, "%s_to_RoboOS", robot);
    const char *const word[] = {command, channel};
    return x->hears ? mn_redis_line_add(x->hears, 2, word, NULL) : 0;
}

int roboos_link(mn_roboos *x) {
    static const char *const registration[] = {"SUBSCRIBE", "AGENT_REGISTRATION"};
    const uint64_t until = mn_clock_ns() + S;
    MN_TRY(mn_redis_line_open(&x->at, until, &x->says));
    MN_TRY(mn_redis_line_open(&x->at, until, &x->hears));
    MN_TRY(mn_redis_line_add(x->hears, 2, registration, NULL));
    x->asked = x->answered = x->n_told = 0;
    x->look = x->show = 0;
    json_object_clear(x->shown);
    for (int i = 0; i < x->n; i++) x->robot[i]->heard = 0;
    return 0;
}

void roboos_unlink(mn_roboos *x, const char *why) {
    if (x->says && why) roboos_tell(x, "", why);
    mn_redis_line_close(&x->says);
    mn_redis_line_close(&x->hears);
    x->again = mn_clock_ns() + S;
}

/* ---- replies ----------------------------------------------------------------------------- */
static void take_records(mn_roboos *x, const mn_redis_reply *all) {
    const char *word[WORDS] = {"PUBSUB", "NUMSUB"};
    static char channel[ROBOOS_ROBOTS][MN_NAME + 16];
    for (int i = 0; i < x->n; i++) x->robot[i]->listed = 0;
    for (size_t i = 0; i + 1 < all->n; i += 2)
        if (all->part[i]->kind == MN_REDIS_TEXT && all->part[i + 1]->kind == MN_REDIS_TEXT)
            roboos_record(x, all->part[i]->text, all->part[i + 1]->text, all->part[i + 1]->n);
    if (!x->n) return;
    for (int i = 0; i < x->n; i++) {
        snprintf(channel[i], sizeof channel[i], "roboos_to_%s", x->robot[i]->name);
        word[2 + i] = channel[i];
    }
    (void)roboos_ask(x, ROBOOS_LISTEN, "", word);
}

static void take_listeners(mn_roboos *x, const mn_redis_reply *all) {
    for (size_t i = 0; i + 1 < all->n; i += 2) {
        const mn_redis_reply *const who = all->part[i], *const n = all->part[i + 1];
        if (who->kind != MN_REDIS_TEXT || n->kind != MN_REDIS_NUMBER || who->n <= 10) continue;
        roboos_robot *const r = roboos_find(x, who->text + 10); /* behind "roboos_to_" */
        if (r && n->number > 0) r->listens = mn_clock_ns();
    }
}

static void take_status(mn_roboos *x, const char *name, const mn_redis_reply *said) {
    roboos_robot *const r = roboos_find(x, name);
    char text[sizeof r->status] = "";
    if (!r || said->kind != MN_REDIS_TEXT) return;
    json_t *const one = json_stringn(said->text, said->n < 120 ? said->n : 120);
    if (one) snprintf(text, sizeof text, "%s", json_string_value(one));
    json_decref(one); /* no UTF-8, or cut within a letter: it says nothing */
    if (!*text || !strcmp(text, r->status)) return;
    memcpy(r->status, text, sizeof text);
    mn_board_tell(x->b, "says", "{s:s, s:s}", "robot", name, "text", text);
}

static void take(mn_roboos *x, const mn_redis_reply *r) {
    const unsigned at = x->answered++ % ROBOOS_AWAITED;
    const roboos_reply what = x->awaited[at].what;
    char text[300];
    x->moved = mn_clock_ns();
    if (r->kind == MN_REDIS_ERROR) {
        snprintf(text, sizeof text, "Redis refuses what it is told: %.200s", r->text);
        roboos_tell(x, x->awaited[at].name, text);
    } else if (what == ROBOOS_STATUS)
        take_status(x, x->awaited[at].name, r);
    else if (what == ROBOOS_INFO && r->kind == MN_REDIS_LIST)
        take_records(x, r);
    else if (what == ROBOOS_LISTEN && r->kind == MN_REDIS_LIST)
        take_listeners(x, r);
}

/* What a channel says: [message, channel, bytes]. */
static void hear(mn_roboos *x, const mn_redis_reply *r) {
    static const char end[] = "_to_RoboOS";
    char name[MN_NAME + sizeof end];
    if (r->kind != MN_REDIS_LIST || r->n != 3 || r->part[1]->kind != MN_REDIS_TEXT ||
        r->part[2]->kind != MN_REDIS_TEXT || strcmp(r->part[0]->text, "message"))
        return;
    if (!strcmp(r->part[1]->text, "AGENT_REGISTRATION")) {
        roboos_begun(x, r->part[2]->text);
        return;
    }
    const size_t n = r->part[1]->n;
    if (n < sizeof end || n >= sizeof name) return;
    snprintf(name, sizeof name, "%.*s", (int)(n - (sizeof end - 1)), r->part[1]->text);
    roboos_robot *const robot = roboos_find(x, name);
    if (robot) roboos_answer(robot, r->part[2]->text, r->part[2]->n);
}

int roboos_carry(mn_roboos *x) {
    mn_redis_reply *r;
    int rc;
    while ((rc = mn_redis_line_next(x->hears, 0, &r)) > 0) {
        hear(x, r);
        mn_redis_reply_free(&r);
    }
    MN_TRY(rc);
    while ((rc = mn_redis_line_next(x->says, 0, &r)) > 0) {
        take(x, r);
        mn_redis_reply_free(&r);
    }
    MN_TRY(rc);
    if (x->asked != x->answered && mn_clock_ns() - x->moved > LATE * S)
        return MN_FAIL(MN_EIO, "the Redis of RoboOS has not answered for %d s", LATE);
    return 0;
}
