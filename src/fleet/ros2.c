/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2.c - the bridge to ROS 2, as it runs: it listens for 20 ms, puts what was heard of
 * robots onto the board, and says what has changed there.
 */
#include "fleet/ros2_inside.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { LISTEN = 20 /* ms */, DOMAINS = 232 };

static int domain_of(int domain, int *out) {
    const char *const said = getenv("ROS_DOMAIN_ID");
    char *end = "";
    *out = domain >= 0 ? domain : said && *said ? (int)strtol(said, &end, 10) : 0;
    if (*end || *out < 0 || *out > DOMAINS)
        return MN_FAIL(MN_EINVAL, "a domain of ROS is 0 to %d, not %s", DOMAINS,
                       domain >= 0 ? "more" : said);
    return 0;
}

/* Events are told from now on. */
static int skip_events(mn_ros2_bridge *r) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    uint64_t number;
    int rc;
    MN_TRY(mn_board_key(r->b, "events", "", key));
    while ((rc = r->b->ops->record(r->b, key, r->event, &text, &number)) > 0) r->event = number + 1;
    mn_buf_free(&text);
    return rc;
}

static int open_all(mn_ros2_bridge *r, const char *map_path, int domain) {
    char why[200];
    MN_TRY(domain_of(domain, &domain));
    MN_TRY(mn_ros2_map_read(map_path, &r->map));
    MN_TRY(mn_ros2_load(&r->module));
    if (!(r->known = json_object())) return MN_FAIL(MN_ENOMEM, "no memory for the bridge");
    MN_TRY(mn_scene_read(r->b, "", &r->scene, NULL));
    MN_TRY(skip_events(r));
    if (r->module->open(domain, r->map.topic, r->map.n_topics, &r->link, why, sizeof why) < 0)
        return MN_FAIL(MN_EIO, "DDS: %s", why);
    return 0;
}

static int turn(mn_ros2_bridge *r) {
    mn_ros2_ears ears = mn_ros2_ears_known;
    ears.user = r;
    if (r->module->listen(r->link, LISTEN, &ears) < 0)
        return MN_FAIL(MN_EIO, "DDS does not answer any more");
    MN_TRY(r->failed);
    MN_TRY(mn_ros2_put_states(r));
    return mn_ros2_say(r);
}

int mn_ros2_run(mn_board *b, const char *map_path, int domain, int (*stop)(void *user), void *user,
                mn_buf *said) {
    mn_ros2_bridge *const r = mn_calloc(1, sizeof *r);
    if (!r) return MN_FAIL(MN_ENOMEM, "no memory for the bridge");
    r->b = b;
    r->said = said;
    int rc = open_all(r, map_path, domain);
    while (rc >= 0 && !stop(user)) rc = turn(r);
    for (int i = 0; i < r->map.n_robots; i++) mn_actor_robot_leave(&r->map.robot[i].actor);
    if (r->link) r->module->close(&r->link);
    mn_scene_free(&r->scene);
    mn_ros2_map_free(&r->map);
    json_decref(r->known);
    mn_free(r);
    return rc < 0 ? rc : 0;
}
