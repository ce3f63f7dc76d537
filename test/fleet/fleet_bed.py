# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fleet_bed.py - a fleet of processes in a region of its own, as a person starts them.

Nothing is slept for, only waited for, with an end.
"""
import json
import os
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["OMNESIA_PROGRAM"]
WAIT = 60 if "OMNESIA_SLOW" not in os.environ else 300


class Bed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.env = {**os.environ, "OMNESIA_DATA": self.folder.name,
                    "OMNESIA_CACHE": self.folder.name + "/cache"}
        self.env.pop("OMNESIA_REGION", None)
        self.running = []

    def tearDown(self):
        for p in self.running:
            p.kill()
            p.communicate()
        self.folder.cleanup()

    def command(self, *words):
        return [PROGRAM, "fleet", *words, "--region", self.folder.name + "/region"]

    def run_(self, *words, ok=True):
        r = subprocess.run(self.command(*words), env=self.env, capture_output=True, text=True,
                           timeout=2 * WAIT)
        if ok:
            self.assertEqual(r.returncode, 0, r.stderr)
        return r

    def start(self, *words):
        p = subprocess.Popen(self.command(*words), env=self.env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        self.running.append(p)
        return p

    def json(self, *words):
        return json.loads(self.run_(*words, "--json").stdout.splitlines()[-1])

    def until(self, what, words):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.02)
        ended = [(p.args, p.returncode, p.communicate()[1]) for p in self.running
                 if p.poll() is not None]
        self.fail(f"after {WAIT} s: {words}; these have ended: {ended}")

    def robots(self):
        return {r["name"]: r for r in self.json("status")["robots"]}

    def fleet(self, *names, pace="20"):
        """A brain and robots of the kitchen, in a simulated world."""
        self.run_("world", "--sim")
        self.start("brain")
        robots = {n: self.start("join", "--sim", "--name", n, "--pace", pace) for n in names}

        def ready(robot):
            return robot.get("state") == "idle" and robot["skills"]
        self.until(lambda: all(ready(self.robots().get(n, {})) for n in names)
                   and "brain" in self.json("status"), "brain and robots are there")
        return robots

    def places(self):
        """Where each thing is; a thing in two lists, or in none, is an error."""
        things = {t["name"]: t for t in self.json("scene")["things"]}
        holders = [*things.values(), *self.json("status")["robots"]]
        for name, thing in things.items():
            if thing.get("at"):
                has = [h["name"] for h in holders if name in h["holds"]]
                self.assertEqual(has, [thing["at"]], name)
        return {n: t.get("at") for n, t in things.items()}
