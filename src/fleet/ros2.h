/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2.h - a fleet beside robots that speak ROS 2.
 *
 * In, by topics that a map names: /tf and /tf_static become frames; Odometry (or the pose of a
 * frame), JointState and BatteryState become the state of a robot; Detection3DArray becomes what is
 * seen (fleet/see.h). Out: /tf has the poses of all other robots, "omnesia/NAME" in the map frame;
 * omnesia/scene, omnesia/tasks and omnesia/events are std_msgs/String of JSON. The map, in YAML:
 *
 *   map_frame: map                # which frame of ROS is the fleet's "map"
 *   robots:
 *     - name: carrier
 *       frame: base_link          # its pose, when it has no odometry
 *       odom: /carrier/odom       # these may be absent
 *       odom_at: [1, 2, 0.5]      # x, y, yaw of its odometry's frame, when /tf does not say it
 *       joints: /carrier/joint_states
 *       battery: /carrier/battery
 *       tf: /carrier/tf           # transforms of its own: its frames are "carrier/FRAME" then
 *       tf_static: /carrier/tf_static
 *   detections:
 *     - topic: /camera/detections
 *       by: carrier               # who sees; a robot with its own tf: frames are that one's
 *       place: table              # what it looks at as a whole, when it does
 *       classes: {"41": cup}      # names of its classes, when they are numbers
 *
 * A robot that lives in the fleet already (it has skills) is told where it is; one that does not is
 * joined, with no skills, for as long as the bridge runs. What comes from ROS is foreign: what is
 * no number, no name, from the future or of no known frame is left out, and said once.
 *
 * DDS is Cyclone DDS, in a module of its own (fleet/ros2/module.h) that is loaded here.
 */
#ifndef MN_FLEET_ROS2_H
#define MN_FLEET_ROS2_H
#include "fleet/board.h"

/* Until stop(user) is not 0; it is asked about 50 times a second. domain < 0: that of
 * ROS_DOMAIN_ID, or 0. said: what was left out and why, a line each, at most MN_ROS2_SAID of them;
 * `stop` may take lines out (mn_buf_clear). MN_EUNSUPPORTED: the module is not here, and how to get
 * it; MN_EINVAL: the map, with line and key; MN_EIO: DDS. */
int mn_ros2_run(mn_board *b, const char *map_path, int domain, int (*stop)(void *user), void *user,
                mn_buf *said);
enum { MN_ROS2_SAID = 200 };

#endif
