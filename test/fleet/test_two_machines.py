#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_two_machines.py - one fleet on two machines: two network namespaces, a cable, and
a redis-server with a password at one end of it.

Machine A has the brain and the carrier, machine B the two arms, so nothing can be carried without
both. Then the cable is pulled out while they work, or Redis begins anew without what it had: the
task is done all the same, each thing is in one place, and both machines say so.

The kernel is asked for a user namespace, so nobody has to be root. Skipped (77), with the reason,
where it refuses, and without redis-server or `ip`.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from fleet_bed import PROGRAM, WAIT, Bed  # noqa: E402

A, B, PORT, PASSWORD = "10.83.0.1", "10.83.0.2", 6400, "between us"
URL = f"redis://:between%20us@{A}:{PORT}/0"
TASK = "put the apple and the cup on the table"


def skip(why):
    print("SKIP: " + why)
    sys.exit(77)


def enter():
    """This program once more, as root of namespaces of its own."""
    for name in ("redis-server", "redis-cli", "ip", "unshare", "nsenter"):
        if not shutil.which(name):
            skip(f"there is no {name}")
    how = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--"]
    probe = subprocess.run([*how, "ip", "link", "add", "x", "type", "veth", "peer", "name", "y"],
                           capture_output=True, text=True, check=False)
    if probe.returncode:
        skip("no network namespaces here: " + probe.stderr.strip())
    os.execvpe(how[0], [*how, sys.executable, *sys.argv], {**os.environ, "OMNESIA_INSIDE": "1"})


class Machine(Bed):
    """One of the two: its own folder, region and network."""

    def __init__(self, name, net=()):
        super().__init__()
        self.name, self.net = name, net
        super().setUp()

    def command(self, *words):
        return [*self.net, *super().command(*words)]

    def steps(self, task):
        r = self.run_("task", task, "--json", ok=False)
        return json.loads(r.stdout)["task"]["steps"] if r.returncode == 0 else []

    def bridge(self):
        self.start("bridge", URL, "--machine", self.name)


class TwoMachines(unittest.TestCase):
    def sh(self, line):
        subprocess.run(line.split(), check=True)

    def setUp(self):
        """Two machines, a cable between them, Redis at A."""
        self.far = subprocess.Popen(["unshare", "--net", "--", "sleep", "1000"])
        self.addCleanup(self.far.wait)
        self.addCleanup(self.far.kill)
        mine = os.readlink("/proc/self/ns/net")
        end = time.monotonic() + WAIT
        while os.readlink(f"/proc/{self.far.pid}/ns/net") == mine:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        there = ("nsenter", f"--net=/proc/{self.far.pid}/ns/net", "--")
        self.sh(f"ip link add cable0 type veth peer name cable1 netns {self.far.pid}")
        self.addCleanup(subprocess.run, ["ip", "link", "del", "cable0"], check=False)
        for net, at, dev in ((), A, "cable0"), (there, B, "cable1"):
            self.sh(" ".join([*net, f"ip addr add {at}/24 dev {dev}"]))
            self.sh(" ".join([*net, f"ip link set {dev} up"]))
            self.sh(" ".join([*net, "ip link set lo up"]))
        self.a, self.b = Machine("alpha"), Machine("beta", there)
        self.addCleanup(self.a.tearDown)
        self.addCleanup(self.b.tearDown)
        self.redis = None
        self.start_redis()
        self.addCleanup(self.stop_redis)

    def ask_redis(self, *words):
        return subprocess.run(["redis-cli", "-h", A, "-p", str(PORT), "--no-auth-warning", "-a",
                               PASSWORD, *words], capture_output=True, text=True,
                              check=False).stdout.strip()

    def start_redis(self):
        self.redis = subprocess.Popen(
            ["redis-server", "--bind", A, "--port", str(PORT), "--requirepass", PASSWORD, "--save",
             "", "--appendonly", "no", "--dir", self.a.folder.name], stdout=subprocess.DEVNULL)
        self.a.until(lambda: self.ask_redis("ping") == "PONG", "Redis answers")

    def stop_redis(self):
        self.redis.kill()
        self.redis.wait()

    def begin(self):
        a, b = self.a, self.b
        a.run_("world", "--sim")
        a.bridge()
        b.bridge()
        a.start("brain")
        b.until(lambda: {"apple", "cup", "table"} <= {t["name"] for t in b.json("scene")["things"]},
                "the world is at B, too")
        for machine, names in (a, ["carrier"]), (b, ["arm", "dual"]):
            for name in names:
                machine.start("join", "--sim", "--name", name, "--pace", "10")
        for machine in (a, b):
            machine.until(lambda m=machine: len([r for r in m.robots().values()
                                                 if r["state"] == "idle"]) == 3,
                          f"{machine.name} sees three robots")

    def moved(self, machine, thing):
        things = {t["name"]: t.get("at") for t in machine.json("scene")["things"]}
        return things.get(thing) not in ("counter", None)

    def is_done(self):
        """The task is, and both machines say so, and where things are."""
        a, b = self.a, self.b

        def ended(machine):
            tasks = machine.json("status")["tasks"]
            self.assertNotIn("failed", [t["state"] for t in tasks], tasks)
            return tasks and all(t["state"] == "done" for t in tasks)
        for machine in (a, b):
            machine.until(lambda m=machine: ended(m), f"the task is done at {machine.name}")
            machine.until(lambda m=machine: [m.places().get(t) for t in ("apple", "cup")] ==
                          ["table", "table"], f"{machine.name} knows where things are")
        a.until(lambda: a.places() == b.places(), "both agree")
        for machine, far in (a, "beta"), (b, "alpha"):
            self.told_all(machine, far)

    def told_all(self, machine, far):
        """What robots did is in each log, whichever machine they are of; nothing is there twice."""
        def told():
            events = machine.json("history", "--limit", "10000")["events"]
            there = [tuple(e["there"]) for e in events if "there" in e]
            self.assertEqual(len(there), len(set(there)))
            self.assertEqual({e["home"] for e in events if "there" in e}, {far})
            done = {e["thing"]: e["to"] for e in events if e["kind"] == "moved"}
            return {done.get("apple"), done.get("cup")} == {"table"}
        machine.until(told, f"{machine.name} was told who moved what")
        said = machine.run_("recall", "where was the cup before?").stdout
        self.assertIn("The cup was ", said)
        who = machine.json("recall", "who moved the cup?")["answer"]
        self.assertTrue(any(r in who for r in ("arm", "dual", "carrier")), who)

    def test_they_work_together(self):
        self.begin()
        self.a.run_("do", TASK, "--no-wait")
        self.is_done()

    def test_asked_at_the_machine_without_a_brain(self):
        self.begin()
        self.b.run_("do", TASK, "--no-wait")
        self.is_done()

    def test_the_cable_is_pulled_out(self):
        self.begin()
        self.a.run_("do", TASK, "--no-wait")
        self.a.until(lambda: self.moved(self.a, "apple") or self.moved(self.a, "cup"), "they work")
        self.sh("ip link set cable0 down")
        time.sleep(3)  # longer than a heartbeat, and than a lease
        for machine in (self.a, self.b):  # each goes on with what it has
            self.assertGreater(len(machine.json("scene")["things"]), 3)
        self.sh("ip link set cable0 up")
        self.is_done()

    def test_redis_forgets_everything(self):
        self.begin()
        self.a.run_("do", TASK, "--no-wait")
        self.a.until(lambda: self.moved(self.a, "apple") or self.moved(self.a, "cup"), "they work")
        self.stop_redis()
        time.sleep(1)
        self.start_redis()
        self.is_done()

    def test_a_stop_reaches_the_other(self):
        self.begin()
        self.b.run_("stop")
        self.a.until(lambda: all(r["state"] == "stopped" for r in self.a.robots().values()),
                     "all have stopped")
        self.a.run_("resume")
        self.b.until(lambda: all(r["state"] == "idle" for r in self.b.robots().values()),
                     "all may move")

    def test_cancelled_at_the_machine_without_a_brain(self):
        a, b = self.a, self.b
        self.begin()
        a.run_("do", TASK, "--no-wait")
        b.until(lambda: any(s["state"] == "running" for s in b.steps("alpha.t1")), "they work")
        self.sh("ip link set cable0 down")
        r = b.run_("cancel", "alpha.t1", ok=False)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("alpha, which has this task, has not answered for 5 s", r.stderr)
        self.sh("ip link set cable0 up")
        told = []

        def cancelled():
            """The cable was out: it may be done though the answer came too late."""
            told.append(b.run_("cancel", "alpha.t1", ok=False))
            return told[-1].returncode == 0 or "is cancelled" in told[-1].stderr
        b.until(cancelled, [r.stderr for r in told])
        for machine in (a, b):
            machine.until(lambda m=machine: [t["state"] for t in m.json("status")["tasks"]] ==
                          ["cancelled"], f"{machine.name} knows that")
            machine.until(lambda m=machine: all(r["state"] == "idle"
                                                for r in m.robots().values()), "nobody moves")
        for task, words in (("alpha.t1", "alpha: task t1 is cancelled"), ("t9", "no task 't9'")):
            r = b.run_("cancel", task, ok=False)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn(words, r.stderr)
        # what was asked for here is called t1 here, though its home is there
        b.run_("do", TASK, "--no-wait")
        a.until(lambda: any(t["id"] == "beta.t1" and t["state"] == "running"
                            for t in a.json("status")["tasks"]), "the brain has it")
        b.run_("cancel", "t1")
        a.until(lambda: [t["state"] for t in a.json("status")["tasks"]] == ["cancelled"] * 2,
                "that one, too")

    def test_confirmed_at_the_machine_without_a_brain(self):
        a, b = self.a, self.b
        self.begin()
        a.run_("do", TASK, "--confirm", "--no-wait")

        def say(task, *words):
            """Steps that ask may be planned anew just then: how many were answered."""
            return sum(b.run_("confirm", task, s["id"], *words, ok=False).returncode == 0
                       for s in b.steps(task) if s["state"] == "asked")
        b.until(lambda: b.steps("alpha.t1"), "it is known at B")
        r = b.run_("confirm", "alpha.t1", "s99", ok=False)
        self.assertIn("alpha.t1 has no step s99", r.stderr)
        said = 0
        while not all(t["state"] == "done" for t in a.json("status")["tasks"]):
            self.assertNotIn("failed", [t["state"] for t in a.json("status")["tasks"]],
                             a.run_("task", "t1", "--why", ok=False).stdout)
            said += say("alpha.t1")
        self.assertGreater(said, 3)
        self.is_done()
        a.run_("do", "put the apple on the counter", "--confirm", "--no-wait")
        b.until(lambda: say("alpha.t2", "--no"), "a step is refused")
        a.until(lambda: any(s.get("code") == "no_person" for s in a.steps("t2")), "it is known")


if __name__ == "__main__":
    if "OMNESIA_INSIDE" not in os.environ:
        enter()
    unittest.main()
