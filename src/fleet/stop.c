/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/stop.c - nothing moves while a stop stands: fleet/FLEET/stop {"robots": "all" or [names],
 * "by", "t"}. It is one object, so that a robot looks at one place, and watches one.
 *
 * A stop of all is not undone by resuming one robot: who resumes it says so for all.
 */
#include "base/error.h"
#include "fleet/actors.h"

#include <string.h>

static int all(const json_t *stop) {
    const char *const robots = json_string_value(json_object_get(stop, "robots"));
    return robots && strcmp(robots, "all") == 0;
}

static int listed(const json_t *stop, const char *robot) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(stop, "robots"), i, one) {
        const char *const name = json_string_value(one);
        if (name && robot && strcmp(name, robot) == 0) return (int)i + 1;
    }
    return 0;
}

static int json_failed(void) {
    return MN_FAIL(MN_ENOMEM, "no memory to stop robots");
}

/* The object with one more robot, or all of them. */
static int stop_json(json_t *old, const char *robot, const char *by, int64_t time, json_t **out) {
    json_t *const stop = old ? json_deep_copy(old) : json_object();
    json_t *robots = json_object_get(stop, "robots");
    int failed = !stop;
    if (!failed && !robot)
        failed = json_object_set_new(stop, "robots", json_string("all"));
    else if (!failed && !all(stop)) {
        if (!json_is_array(robots)) {
            failed = json_object_set_new(stop, "robots", json_array());
            robots = json_object_get(stop, "robots");
        }
        if (!failed && !listed(stop, robot))
            failed = json_array_append_new(robots, json_string(robot));
    }
    failed = failed || json_object_set_new(stop, "by", json_string(by ? by : "")) ||
             json_object_set_new(stop, "t", json_integer(time));
    if (failed) {
        json_decref(stop);
        return json_failed();
    }
    *out = stop;
    return 0;
}

static int unreadable(int rc) {
    return rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED;
}

/* What cannot be read stops everybody: it is written over by a stop of all. */
int mn_fleet_stop(mn_board *b, const char *robot, const char *by) {
    if (robot) MN_TRY(mn_board_name_check("robot", robot));
    for (;;) {
        json_t *old = NULL, *stop = NULL;
        uint64_t version = 0;
        int rc = mn_board_get(b, "stop", "", &old, &version);
        if (unreadable(rc)) robot = NULL, rc = 0;
        if (rc >= 0) rc = stop_json(old, robot, by, b->ops->time(b), &stop);
        json_decref(old);
        MN_TRY(rc);
        rc = mn_board_put(b, "stop", "", stop, 1, &version);
        json_decref(stop);
        if (rc == MN_ECONFLICT)
            continue; /* somebody else changed it: it is no loop of ours alone */
        if (rc >= 0)
            mn_board_tell(b, "stop", "{s:s, s:s}", "robot", robot ? robot : "", "by", by ? by : "");
        return rc < 0 ? rc : 0;
    }
}

int mn_fleet_resume(mn_board *b, const char *robot) {
    for (;;) {
        json_t *stop = NULL;
        uint64_t version = 0;
        int rc = mn_board_get(b, "stop", "", &stop, &version), at = 0;
        if (unreadable(rc) && !robot)
            rc = mn_board_del(b, "stop", "", 0, 0);
        else if (rc > 0 && robot && all(stop))
            rc = MN_FAIL(MN_EINVAL, "all robots were stopped at once: resume all of them, without "
                                    "a name");
        else if (rc > 0 && robot && !(at = listed(stop, robot)))
            rc = 0;
        else if (rc > 0) {
            json_t *const robots = json_object_get(stop, "robots");
            if (at) json_array_remove(robots, (size_t)at - 1);
            if (robot && json_array_size(robots))
                rc = mn_board_put(b, "stop", "", stop, 1, &version);
            else
                rc = mn_board_del(b, "stop", "", 1, version);
        }
        json_decref(stop);
        if (rc == MN_ECONFLICT) continue;
        if (rc >= 0) mn_board_tell(b, "resume", "{s:s}", "robot", robot ? robot : "");
        return rc < 0 ? rc : 0;
    }
}

int mn_fleet_stopped(mn_board *b, const char *robot) {
    json_t *stop = NULL;
    uint64_t version = 0;
    const int rc = mn_board_get(b, "stop", "", &stop, &version);
    if (unreadable(rc)) return 1; /* who cannot tell stands still */
    const int is = rc > 0 && (all(stop) || listed(stop, robot));
    json_decref(stop);
    return rc < 0 ? rc : is;
}
