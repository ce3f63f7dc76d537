#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_skill_pypi.py VERSION PROGRAM - skills of servers that others write: the MCP
package of PyPI, over standard streams and over HTTP. 2.x speaks the newer era, 1.x the older one.

PROGRAM is test_skill_mcp.c, which calls them ("try ..") and prints what came of it.
"""
import json
import os
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "serve"))
from packages import enter  # noqa: E402

ROBOT = str(Path(__file__).parent / "fake_robot.py")


class Robots(unittest.TestCase):
    def check(self, *where):
        done = subprocess.run([PROGRAM, "try", *where], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(said["skills"], ["turn", "slip", "break_down"])
        self.assertEqual(said["version"], ["2025-11-25", "2026-07-28"][VERSION >= "2"])
        self.assertEqual(said["turn"], ["", "turned 3 times"])
        self.assertGreater(said["progress"], 0)
        self.assertEqual(said["slip"], ["dropped", "it slipped"])
        self.assertEqual(said["break_down"][0], "failed")
        self.assertEqual(said["arguments"][0], "arguments")
        self.assertEqual(said["stopped"][0], "cancelled")
        self.assertEqual(said["again"], ["", "turned 1 times"])

    def test_over_standard_streams(self):
        self.check(sys.executable, ROBOT)

    def test_over_http(self):
        robot = subprocess.Popen([sys.executable, ROBOT, "http"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        try:
            port = int(robot.stdout.readline())
            for _ in range(1000):  # until somebody listens
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    self.assertIsNone(robot.poll(), "the server has ended")
                    time.sleep(0.02)
            self.check(f"http://127.0.0.1:{port}/mcp")
        finally:
            robot.kill()
            robot.communicate()


if __name__ == "__main__":
    VERSION, PROGRAM = sys.argv[1:3]
    enter(f"mcp-venv-{VERSION}" if VERSION < "2" else "mcp-venv", [f"mcp=={VERSION}"])
    unittest.main(argv=sys.argv[:1])
