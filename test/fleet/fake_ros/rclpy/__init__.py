# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fake_ros/rclpy - as much of rclpy as a skill uses, without a robot: futures get ready
as time goes on, while somebody spins."""
import time

waiting = []  # [when, future, value]


class Future:
    def __init__(self, value, after):
        self.ready, self.value = False, value
        waiting.append((time.monotonic() + after, self))

    def done(self):
        return self.ready

    def result(self):
        return self.value


def init(args=None):
    pass


def create_node(name):
    assert name.startswith("omnesia_")
    return name


def spin_once(node, timeout_sec):
    time.sleep(timeout_sec)
    now = time.monotonic()
    for one in list(waiting):
        if one[0] <= now:
            waiting.remove(one)
            if isinstance(one[1], Future):
                one[1].ready = True
            else:
                one[1]()
