# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fake_ros/rclpy/action.py - a server of an action that does what `how` of its goal
says. What it was told is written to the file FAKE_ROS."""
import os
import time
from types import SimpleNamespace as Some

import rclpy


def told(text):
    with open(os.environ["FAKE_ROS"], "a") as f:
        f.write(text + "\n")


class Handle:
    def __init__(self, goal):
        self.goal, self.accepted = goal, goal.how != "reject"
        self.ended = None

    def get_result_async(self):
        how = self.goal.how
        status = {"abort": 6}.get(how, 4)
        self.ended = rclpy.Future(Some(status=status, result=f"at {self.goal.pose.x}"),
                                  600 if how == "slow" else 0.1)
        return self.ended

    def cancel_goal_async(self):
        told(f"cancel {self.goal.how}")
        return rclpy.Future(None, 0.005)


class ActionClient:
    def __init__(self, node, kind, name):
        told(f"client {kind.__name__} {name}")

    def wait_for_server(self, timeout_sec):
        if os.environ.get("FAKE_ROS_ABSENT"):
            time.sleep(timeout_sec)
            return False
        return True

    def send_goal_async(self, goal, feedback_callback):
        told(f"goal {goal.how} {goal.pose.x}")
        rclpy.waiting.append((time.monotonic() + 0.03,
                              lambda: feedback_callback(Some(feedback=Some(progress=0.5)))))
        return rclpy.Future(Handle(goal), 0.5 if goal.how == "late" else 0.01)
