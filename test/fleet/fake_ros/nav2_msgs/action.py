# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fake_ros/nav2_msgs/action.py - an action, as rosidl makes it in Python."""


class Pose:
    def __init__(self):
        self.x = 0.0


class Goal:
    def __init__(self):
        self.how, self.pose = "", Pose()


class NavigateToPose:
    Goal = Goal
