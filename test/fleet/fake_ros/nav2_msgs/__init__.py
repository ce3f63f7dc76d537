# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fake_ros/nav2_msgs - a package of ROS with one action."""
