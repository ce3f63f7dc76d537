/* SPDX-License-Identifier: Apache-2.0
 * examples/fleet/robot.c - a robot that washes: it stands at the sink of a kitchen, and has a skill
 * of its own. Outside this tree: cc robot.c $(pkg-config --cflags --libs omnesia) */
#include <omnesia_fleet.h>
#include <stdio.h>
#include <unistd.h>

static const char manifest[] =
    "{\"name\": \"wash\", \"inputSchema\": {\"type\": \"object\", \"required\": [\"thing\"],"
    " \"properties\": {\"thing\": {\"type\": \"string\"}}}, \"_meta\": {\"omnesia/skill\": {"
    " \"needs\": [\"reaches(robot, thing)\"], \"makes\": [\"is(thing, clean)\"], \"seconds\": 2}}}";

static int wash(void *user, mn_skill_call *call, const char *args) {
    (void)user;
    printf("washing %s\n", args);                /* {"thing": "plate"} */
    for (int i = 0; i < 100; i++, usleep(20000)) /* here the water would run */
        if (mn_skill_stopped(call)) return mn_skill_fail(call, "stopped", "it is half clean");
    return 0;
}

int main(int argc, char **argv) {
    mn_region *region = NULL;
    mn_fleet *fleet = NULL;
    mn_robot *robot = NULL;
    int rc = mn_region_open(argc > 1 ? argv[1] : NULL, 0, 0, &region);
    if (rc >= 0) rc = mn_fleet_open(region, NULL, &fleet);
    if (rc >= 0) rc = mn_robot_join(fleet, "{name: washer, body: arm, speed: 0}", &robot);
    if (rc >= 0) rc = mn_robot_skill(robot, manifest, wash, NULL);
    if (rc >= 0) rc = mn_robot_at(robot, (double[]){3.2, 3.8, 0}, NULL, 1, "sink");
    if (rc >= 0) rc = mn_robot_run(robot, -1); /* until somebody ends it */
    fprintf(stderr, "%s\n", rc < 0 ? mn_error_detail() : "it has left the fleet");
    mn_robot_leave(&robot), mn_fleet_close(&fleet), mn_region_close(&region);
    return rc < 0;
}
