#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/python/test_fleet.py SOURCE BUILD - omnesia.Fleet with a brain and a robot in threads of one
process: stops, failures, what is seen, who leaves, and refusals as exceptions with their sentences.
test/fleet/test_fleet_robots.py has the robots that docs/FLEET.md teaches."""
import os
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "python"))
os.environ["OMNESIA_LIBRARY"] = str(BUILD / "src" / "libomnesia.so")

import omnesia  # noqa: E402

WAIT = 60
ARM = "name: washer\nbody: arm\nspeed: 0\n"
WASH = {"name": "wash",
        "inputSchema": {"type": "object", "properties": {"thing": {"type": "string"}},
                        "required": ["thing"]},
        "_meta": {"omnesia/skill": {"needs": ["reaches(robot, thing)"],
                                    "makes": ["is(thing, clean)"], "errors": ["no_water"]}}}


class Fleets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.region = omnesia.Region(self.folder + "/region", memory=64 << 20, disk=None)
        self.addCleanup(self.region.close)

    def fleet(self, name="main", **more):
        fleet = omnesia.Fleet(self.region, name, **more)
        self.addCleanup(fleet.close)
        return fleet

    def thread(self, run):
        """In a thread of its own, until the test has ended."""
        one = threading.Thread(target=run)
        one.start()
        self.addCleanup(one.join)

    def brain(self):
        """Ends when the test does: tell() says so."""
        over = threading.Event()
        fleet = self.fleet(tell=lambda event: over.is_set())

        def plan():
            try:
                fleet.do("brain")
            except omnesia.CancelledError:
                pass

        self.thread(plan)
        self.addCleanup(over.set)

    def until(self, what, words):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.02)
        return self.fail(f"after {WAIT} s: {words}")

    def washer(self, fleet, function, manifest=WASH):
        robot = fleet.join(ARM)
        robot.skill(manifest)(function)
        robot.at((3.2, 3.9, 0), (0, 0, 0, 1), battery=0.5, place="sink")
        self.thread(robot.run)
        self.addCleanup(robot.leave)
        return robot

    @staticmethod
    def thing(fleet, name):
        return next(t for t in fleet.do("scene")["things"] if t["name"] == name)

    def ends(self, fleet, task):
        state = lambda: fleet.do("task", task=task)["task"]
        return self.until(lambda: state()["state"] in ("done", "failed") and state(), "it ends")

    def test_what_a_skill_says_of_its_failure(self):
        fleet = self.fleet()
        fleet.do("world", simulated=True)
        self.brain()
        self.washer(fleet, lambda call, thing: call.fail("no_water", "the tap is dry"))
        self.assertEqual(self.ends(fleet, fleet.ask("clean the plate", by="anna"))["state"],
                         "failed")
        said = [e for e in fleet.do("history")["events"] if e.get("code") == "no_water"]
        self.assertIn("the tap is dry", " ".join(e["text"] for e in said))

    def test_a_stop_is_heard(self):
        fleet, began, ended = self.fleet(), threading.Event(), threading.Event()
        fleet.do("world", simulated=True)
        self.brain()

        def slow(call, thing):
            began.set()
            while not call.stopped:
                time.sleep(0.005)
            ended.set()

        self.washer(fleet, slow)
        fleet.ask("clean the plate")
        self.assertTrue(began.wait(WAIT))
        fleet.do("stop")
        self.assertTrue(ended.wait(WAIT))
        self.assertTrue(fleet.do("status")["stop"])
        self.until(lambda: not fleet.do("status")["robots"][0]["busy"], "it has ended")
        self.assertIsNot(self.thing(fleet, "plate").get("is", {}).get("clean"), True)

    def test_what_a_robot_saw(self):
        fleet = self.fleet()
        fleet.do("world", simulated=True)
        self.brain()
        self.washer(fleet, lambda call, thing: call.seen({"name": "apple", "at": "sink"}))
        self.assertEqual(self.ends(fleet, fleet.ask("clean the plate"))["state"], "done")
        self.assertEqual(self.thing(fleet, "apple")["at"], "sink")

    def test_programs_and_times(self):
        with self.fleet() as fleet, fleet.join(ARM) as robot:
            robot.skill("wait", lambda call, seconds: None)
            began = time.monotonic()
            self.assertTrue(robot.run(0.2))
            self.assertGreaterEqual(time.monotonic() - began, 0.19)
            with self.assertRaisesRegex(omnesia.Error, "/no/such"):
                robot.program(["/no/such"])

    def test_robots_leave_before_their_fleet_closes(self):
        with self.fleet() as fleet:
            robot = fleet.join(ARM)
        self.assertFalse(robot.run())
        self.assertIn("left", [e["kind"] for e in self.fleet().do("history")["events"]])

    def test_a_fleet_has_a_name(self):
        one, other = self.fleet("one"), self.fleet("other")
        one.join(ARM)
        self.assertEqual([len(f.do("status")["robots"]) for f in (one, other)], [1, 0])

    def test_events_are_told(self):
        told = []
        fleet = self.fleet(tell=lambda event: told.append(event) and False)
        result = fleet.do("sim", text="put the apple on the table", seed=3)
        self.assertIs(result["reached"], True)
        self.assertIn("planned", [e["kind"] for e in told if e])

    def test_refusals(self):
        fleet = self.fleet()
        for error, words, call in (
                (omnesia.InvalidError, "speed", lambda: fleet.join(ARM.replace("0", "far"))),
                (omnesia.NotFoundError, "t99", lambda: fleet.do("task", task="t99")),
                (omnesia.InvalidError, "NUL", lambda: fleet.join("name: x\0")),
                (omnesia.InvalidError, "name", lambda: omnesia.Fleet(self.region, "a/b"))):
            with self.assertRaisesRegex(error, words):
                call()
        robot = fleet.join(ARM)
        with self.assertRaisesRegex(omnesia.InvalidError, "makes"):
            robot.skill({**WASH, "_meta": {"omnesia/skill": {"makes": ["clean"]}}}, print)
        robot.leave()
        robot.leave()
        with self.assertRaisesRegex(omnesia.InvalidError, "the robot is closed"):
            robot.at((0, 0, 0))
        fleet.close()
        with self.assertRaisesRegex(omnesia.InvalidError, "the fleet is closed"):
            fleet.do("status")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
