#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_fleet_robots.py ROBOT LIBRARY - robots that people write: the examples in C and
in Python, in a fleet that `omnesia fleet` runs; and all that omnesia.Fleet and omnesia.Robot can.
"""
import os
import signal
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE = Path(os.environ["OMNESIA_SOURCE"])
sys.path[:0] = [str(Path(__file__).parent), str(SOURCE / "python")]
LIBRARY, ROBOT = sys.argv.pop(), sys.argv.pop()
os.environ["OMNESIA_LIBRARY"] = LIBRARY

import omnesia  # noqa: E402
from fleet_bed import WAIT, Bed  # noqa: E402

EXAMPLES = SOURCE / "examples" / "fleet"
WASH = {"name": "wash", "inputSchema": {"type": "object", "required": ["thing"],
                                        "properties": {"thing": {"type": "string"}}},
        "_meta": {"omnesia/skill": {"needs": ["reaches(robot, thing)"], "seconds": 1,
                                    "makes": ["is(thing, clean)"]}}}
PROFILE = "{name: washer, body: arm, speed: 0}"


class Kitchen(Bed):
    def setUp(self):
        super().setUp()
        self.env |= {"PYTHONPATH": str(SOURCE / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.region = self.folder.name + "/region"
        self.run_("world", str(EXAMPLES / "kitchen.yaml"))
        self.start("brain")
        self.until(lambda: "brain" in self.json("status"), "there is a brain")

    def state(self):
        return self.robots().get("washer", {}).get("state")

    def thing(self, name):
        return next(t for t in self.json("scene")["things"] if t["name"] == name)

    def task(self, text):
        """Asked for; its id."""
        return self.json("do", text, "--no-wait")["task"]

    def ends(self, task):
        def ended():
            t = next(t for t in self.json("status")["tasks"] if t["id"] == task)
            return t if t["state"] in ("done", "failed", "cancelled") else None
        return self.until(ended, f"{task} ends")


class Examples(Kitchen):
    def example(self, *argv):
        p = subprocess.Popen([*argv, self.region], env=self.env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        self.running.append(p)
        self.until(lambda: "wash" in self.robots().get("washer", {"skills": []})["skills"] and
                   self.state() == "idle", "the robot is there, and can wash")
        self.assertFalse(self.thing("plate")["is"]["clean"])
        task = self.task("wash the plate")
        self.until(lambda: self.state() == "busy", "it washes")
        self.run_("stop", "washer")
        self.until(lambda: self.state() == "stopped", "it has stopped")
        self.assertFalse(self.thing("plate")["is"]["clean"])
        self.run_("resume", "washer")
        self.assertEqual(self.ends(task)["state"], "done")
        self.assertTrue(self.thing("plate")["is"]["clean"])
        p.send_signal(signal.SIGKILL)
        self.until(lambda: self.state() == "lost", "it is missed")

    def test_in_c(self):
        self.example(ROBOT)

    def test_in_python(self):
        self.example(sys.executable, str(EXAMPLES / "robot.py"))

    def test_they_are_short(self):
        for name in ("robot.c", "robot.py"):
            lines = (EXAMPLES / name).read_text().splitlines()
            code = [n for n in lines if n.strip() and not n.lstrip().startswith(("*", "/*"))]
            self.assertLessEqual(len(code), 30, name)


class InPython(Kitchen):
    def setUp(self):
        super().setUp()
        region = omnesia.Region(self.region)
        self.addCleanup(region.close)
        self.py = omnesia.Fleet(region)
        self.addCleanup(self.py.close)

    def works(self, robot, seconds=WAIT):
        """It does what it is told to, in a thread; its run() comes back as what that said."""
        said = []
        thread = threading.Thread(target=lambda: said.append(robot.run(seconds)))
        thread.start()
        return thread, said

    def test_a_robot_does_asks_and_leaves(self):
        with self.py.join(PROFILE) as robot:
            done = []
            robot.skill(WASH, lambda call, thing: done.append((thing, call.stopped)))
            robot.at([3.2, 3.8, 0], [0, 0, 0, 1], battery=0.5, place="sink")
            thread, said = self.works(robot)
            self.until(lambda: "wash" in self.robots()["washer"]["skills"], "it can wash")
            self.assertEqual(self.ends(self.py.ask("wash the plate", by="ann"))["state"], "done")
            self.assertEqual(done, [("plate", False)])
            seen = self.py.do("status")["robots"][0]
            self.assertEqual((seen["name"], seen["battery"]), ("washer", 0.5))
            robot.leave()
            thread.join(WAIT)
            self.assertEqual(said, [False])
        self.assertEqual(self.state(), "left")

    def test_what_fails_is_named(self):
        robot = self.py.join(PROFILE)

        @robot.skill(WASH)
        def wash(call, thing):
            if thing == "plate":
                raise ValueError("the pump is broken")
            call.fail("no_water", "the tap is dry")

        robot.at([3.2, 3.8, 0], place="sink")
        thread, _ = self.works(robot)
        self.until(lambda: "wash" in self.robots()["washer"]["skills"], "it can wash")
        for words, said in (("wash the plate", "the pump is broken"),):
            end = self.ends(self.py.ask(words))
            self.assertEqual(end["state"], "failed")
            events = self.py.do("history", task=end["id"])["events"]
            self.assertTrue(any(said in e.get("text", "") for e in events), events)
        robot.leave()
        thread.join(WAIT)

    def test_a_skill_says_what_it_saw(self):
        """A class and a pose are enough; junk is said, and the step is done all the same."""
        with self.py.join(PROFILE) as robot:
            @robot.skill(WASH)
            def wash(call, thing):
                call.seen({"class": "spoon", "pose": {"frame": "map", "p": [3.2, 4.4, 0.9]}},
                          {"class": "cup", "sure": 7, "pose": {"p": [1, 4, 1]}})

            robot.at([3.2, 3.8, 0], place="sink")
            thread, _ = self.works(robot)
            self.until(lambda: "wash" in self.robots()["washer"]["skills"], "it can wash")
            task = self.py.ask("wash the plate")
            self.assertEqual(self.ends(task)["state"], "done")
            spoon = self.thing("spoon")
            self.assertEqual((spoon["at"], spoon["seen"]["by"]), ("sink", "washer"))
            self.assertIn("sure: a number from 0 to 1",
                          self.py.do("history", kind="trouble")["events"][0]["text"])
            robot.leave()
            thread.join(WAIT)

    def test_a_simulation_ends_when_it_is_told_to(self):
        heard = []

        def tell(event):
            heard.append(event)
            return event and event["kind"] == "moved"

        with omnesia.Region(self.region) as region, \
                omnesia.Fleet(region, tell=tell) as fleet:
            with self.assertRaisesRegex(omnesia.CancelledError, r"ended after [0-9.]+ s of its"):
                fleet.do("sim", text="put the cup on the table")
        self.assertEqual([e["kind"] for e in heard].count("moved"), 1)
        self.assertTrue(all(0 <= e["t"] < 60e6 and e["line"] for e in heard))

    def test_what_was_seen_is_found_again(self):
        cup = {"class": "cup", "sure": 0.9, "by": "eye",
               "pose": {"frame": "map", "p": [1.2, 4.4, 0.9]}}
        self.py.see(cup, place="counter")
        self.assertEqual(self.thing("cup")["seen"]["by"], "eye")
        self.assertIn("counter", str(self.py.do("recall", question="where is the cup?")))

    def test_mistakes_are_exceptions(self):
        with self.assertRaisesRegex(omnesia.InvalidError, "body"):
            self.py.join("{name: x, body: 7}")
        with self.assertRaisesRegex(omnesia.NotFoundError, "no such file"):
            self.py.join("nowhere.yaml")
        with self.assertRaisesRegex(omnesia.InvalidError, "nonsense"):
            self.py.do("nonsense")
        with self.py.join(PROFILE) as robot:
            with self.assertRaises(omnesia.BusyError):
                self.py.join(PROFILE)
            with self.assertRaisesRegex(omnesia.InvalidError, "fly"):
                robot.skill("fly", print)
            with self.assertRaises(omnesia.Error):
                robot.program(["/nowhere/at/all"])
        self.assertFalse(robot.run(0.1))


if __name__ == "__main__":
    unittest.main()
