/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/roboos.h - robots of the public RoboOS, over its Redis, as robots of this fleet.
 *
 *   hash AGENT_INFO        NAME: {"robot_name", "robot_tool": [{"function": {"name",
 *                          "description"}, "input_schema"}], "robot_state", "timestamp"}   read
 *   channel AGENT_REGISTRATION      NAME, when it begins (anew)                            heard
 *   channel roboos_to_NAME          {"task_id", "task", "order", "order_flag"}             said
 *   channel NAME_to_RoboOS          {"robot_name", "subtask_handle", "subtask_result",
 *                                   "tools", "task_id"}                                    heard
 *   hash AGENT_BUSY        NAME: 0, or 1 while it has a task                               written
 *   list SHORT_STATUS:NAME what it says of itself: the last one, when it is new            read
 *   hash ENVIRONMENT_INFO  PLACE: {"type", "contains": [..]}: what the fleet believes      written
 *
 * A robot lives while somebody listens on roboos_to_NAME: its record stays in AGENT_INFO when it is
 * dead (one time to live for all), and its time is when it began. It joins as any other robot
 * (actors.h), with a heartbeat that is kept for it; SILENT s after nobody listens it has none any
 * more, and the monitor finds it lost.
 *
 * Its tools are skills: those that are skills of ours by name have our manifest, so the planner
 * knows what they need and make; others have their own schema. A call goes out as a sentence; its
 * answer ends it. Words that say that it did not work (roboos_skill.c) are the code "failed".
 * RoboOS has no message that stops a robot: who is told to stop and has not answered is "hung", and
 * gets nothing more until it answers or begins anew.
 *
 * All that is read is a stranger's: ROBOTS robots, TOOLS tools each, RECORD bytes a record. What is
 * none is told (event "roboos", each sentence once a link), and left.
 */
#ifndef MN_FLEET_ROBOOS_H
#define MN_FLEET_ROBOOS_H
#include "fleet/board.h"
#include "net/redis.h"

typedef struct mn_roboos mn_roboos;
/* Borrows the board; `at` is copied. No link is made yet. */
int mn_roboos_open(mn_board *b, const mn_redis_url *at, mn_roboos **out);
/* Whatever is to be done now; for a loop of 10 ms or so. up: there is a link to that Redis, so one
 * may be tried (for a second at most). What goes wrong is told, and tried again. */
void mn_roboos_step(mn_roboos *x, int up);
void mn_roboos_close(mn_roboos **x); /* its robots leave the fleet */

#endif
