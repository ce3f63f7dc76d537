#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_fleet_command.py - `omnesia fleet` as a person meets it: simulations, the demo
with a robot that is killed, what is refused and how, stop and resume, the log in other forms.

"""
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from fleet_bed import PROGRAM, WAIT, Bed  # noqa: E402

SOURCE = Path(os.environ["OMNESIA_SOURCE"])
TASK = "put the apple and the cup on the table"
OPEN = ("asked", "planning", "running")


class Simulations(Bed):
    def sim(self, *words):
        r = self.run_("sim", *words)
        return r.stdout, json.loads(r.stdout.splitlines()[-1])

    def test_last_line_is_the_result(self):
        _, result = self.sim("--seed", "5", TASK)
        for name in ("reached", "makespan", "steps", "replans"):
            self.assertIn(name, result)
        self.assertIs(result["reached"], True)
        self.assertGreater(result["makespan"], 5)
        self.assertEqual(result["replans"], 0)

    def test_a_seed_is_a_course(self):
        self.assertEqual(self.sim("--seed", "9", "--fail", "0.2", TASK)[1],
                         self.sim("--seed", "9", "--fail", "0.2", TASK)[1])

    def test_what_was_asked_before_a_brain_is_there(self):
        self.run_("world", "--sim")
        task = self.json("do", TASK, "--no-wait")["task"]
        self.assertEqual(self.json("task", task)["task"]["state"], "asked")
        self.assertEqual([(t["id"], t["state"]) for t in self.json("status")["tasks"]],
                         [(task, "asked")])
        self.assertIn("asked     put the apple", self.run_("status").stdout)
        self.start("brain")
        self.until(lambda: [t["state"] for t in self.json("status")["tasks"]] == ["planning"],
                   "the brain has it, and waits for robots")

    def test_one_that_dies_is_stood_in_for(self):
        for robot in ("arm", "carrier", "dual"):
            said, result = self.sim("--seed", "2", "--kill", robot, "--at", "4", TASK)
            self.assertIs(result["reached"], True, (robot, result, said))

    def test_the_exit_status_says_that_it_was_not_reached(self):
        r = self.run_("sim", "--seed", "2", "--kill", "dual", "--at", "1",
                      "put the pot on the shelf", ok=False)
        self.assertEqual(r.returncode, 1)
        self.assertIs(json.loads(r.stdout.splitlines()[-1])["reached"], False)

    def test_generated_ones(self):
        for seed in range(3):
            self.assertIs(self.sim("--seed", str(seed), "--robots", "4")[1]["reached"], True, seed)

    def test_what_is_not_understood_is_named(self):
        for task, word in (("put the unicorn on the table", "unicorn"), ("sing", "sing")):
            r = self.run_("sim", task, ok=False)
            self.assertEqual(r.returncode, 1)
            self.assertIn(word, r.stdout + r.stderr)


class Demo(Bed):
    def test_it_survives_the_death_of_one(self):
        for robot in (None, "arm"):
            words = ["demo", "--pace", "20"] + (["--kill", robot] if robot else [])
            r = self.run_(*words)
            self.assertIn("t1 is done", r.stdout)
            self.assertEqual("lost" in r.stdout, robot is not None, r.stdout)
            end = r.stdout.splitlines()[-1]
            self.assertRegex(end, r"^t1 is done after [0-9.]+ s" +
                             (", planned anew (once|twice)$" if robot else "$"))
            self.assertTrue(r.stdout.splitlines()[0].endswith("t1 is asked for by demo: " + TASK))
            self.assertNotIn("\033", r.stdout)  # no colours in a pipe
            told = self.json("status")  # its processes were killed
            self.assertNotIn("brain", told)
            if robot:
                self.assertNotIn("call", self.robots()[robot])  # who is lost does nothing
            places = self.places()
            self.assertEqual((places["apple"], places["cup"]), ("table", "table"))


    def test_its_page_takes_another_port_when_one_is_taken(self):
        taken = socket.socket()
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # by another program: as well
        said = self.run_("demo", "--dashboard", "--pace", "20").stderr
        taken.close()
        self.assertRegex(said, r"on a page, too: http://127\.0\.0\.1:[0-9]+/page/fleet\.html")
        self.assertNotIn(":8080", said)
        self.assertNotIn("there is no page", said)


    def pid(self, name):
        """Of the demo's robot."""
        mine = f"join\0--sim\0--name\0{name}\0"
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_text()
            except OSError:
                continue
            if mine in words and self.folder.name in words:
                return int(path.parent.name)
        return None

    def test_kill_9_by_hand(self):
        p = self.start("demo", "--pace", "4")
        self.until(lambda: (self.robots().get("arm") or {}).get("state") == "busy", "arm works")
        os.kill(self.pid("arm"), signal.SIGKILL)
        out, err = p.communicate(timeout=2 * WAIT)
        self.assertEqual(p.returncode, 0, err)
        self.assertIn("arm is lost: its process has ended", out)
        self.assertIn("t1 is done after", out)
        self.assertEqual((self.places()["apple"], self.places()["cup"]), ("table", "table"))


class Fleets(Bed):
    def test_a_robot_is_killed_while_it_works(self):
        robots = self.fleet("carrier", "arm", "dual", pace="4")
        task = self.json("do", TASK, "--no-wait")["task"]
        self.until(lambda: self.robots()["carrier"]["state"] == "busy", "carrier works")
        robots["carrier"].send_signal(signal.SIGKILL)
        self.until(lambda: self.json("task", task)["task"]["state"] == "done", "it is done")
        self.assertEqual(self.places()["cup"], "table")
        told = self.json("task", task)["task"]
        self.assertGreaterEqual(told["replans"], 1)
        self.assertLessEqual(told["replanned"], 1.5 * max(told["failed_subtree"], 1) + 1)

    def test_a_robot_is_killed_that_holds_something(self):
        robots = self.fleet("carrier", "arm", "dual", pace="4")
        task = self.json("do", TASK, "--no-wait")["task"]
        self.until(lambda: self.robots()["arm"]["holds"], "arm holds something")
        robots["arm"].send_signal(signal.SIGKILL)
        over = lambda: self.json("task", task)["task"]["state"] not in OPEN
        self.until(over, "it has ended")
        self.assertEqual(self.json("task", task)["task"]["state"], "done")
        self.assertEqual((self.places()["apple"], self.places()["cup"]), ("table", "table"))

    def test_stop_and_resume(self):
        self.fleet("carrier", "arm", "dual", pace="4")
        self.json("do", TASK, "--no-wait")
        self.until(lambda: any(r["state"] == "busy" for r in self.robots().values()), "they work")
        self.run_("stop")
        self.until(lambda: {r["state"] for r in self.robots().values()} == {"stopped"}, "all stand")
        before = {n: r["pose"]["p"] for n, r in self.robots().items()}
        for _ in range(5):
            self.assertEqual({n: r["pose"]["p"] for n, r in self.robots().items()}, before)
        self.run_("resume")
        self.until(lambda: self.json("task", "t1")["task"]["state"] == "done", "it is done")

    def test_a_person_is_asked(self):
        self.fleet("carrier", "arm", "dual")
        self.json("do", "open the fridge", "--confirm", "--no-wait")
        asked = lambda: [s["id"] for s in self.json("task", "t1")["task"]["steps"]
                         if s["state"] == "asked"]
        end = time.monotonic() + WAIT
        while self.json("task", "t1")["task"]["state"] in OPEN:
            for step in asked():
                self.run_("confirm", "t1", step, ok=False)
            self.assertLess(time.monotonic(), end)
        self.assertEqual(self.json("task", "t1")["task"]["state"], "done")
        self.assertIn("asks nobody", self.run_("confirm", "t1", "s1", ok=False).stderr)

    def test_the_end_is_told_last(self):
        self.fleet("carrier", "arm", "dual", pace="100")
        for n in range(6):
            to = ("table", "counter")[n % 2]
            said = self.run_("do", f"put the apple and the cup on the {to}").stdout.splitlines()
            told = [line.split(" ", 1)[1] for line in said]
            self.assertEqual(told[-2], f"t{n + 1} is done", said)
            for thing in ("apple", "cup"):
                self.assertTrue(any(f"put {thing} on {to}" in line for line in told[:-2]), said)
            steps = [line.split()[4].rstrip(":") for line in told if " has done t" in line]
            self.assertEqual(len(set(steps)), len(self.json("task", f"t{n + 1}")["task"]["steps"]))

    def test_watch_as_lines(self):
        self.run_("world", "--sim")
        watch = self.start("watch", "--json")
        end, places = time.monotonic() + WAIT, ("sink", "table")
        for n in range(10**9):  # what was before it watches is not told
            self.run_("move", "cup", places[n % 2])
            if select.select([watch.stdout], [], [], 0.5)[0]:
                break
            self.assertLess(time.monotonic(), end)
        event = json.loads(watch.stdout.readline())
        self.assertEqual((event["kind"], event["thing"]), ("moved", "cup"))
        self.assertIn(event, self.json("history", "--thing", "cup")["events"])
        watch.send_signal(signal.SIGINT)
        watch.communicate(timeout=WAIT)
        self.assertEqual(watch.returncode, 0)

    def test_each_step_says_why(self):
        self.fleet("carrier", "arm", "dual")
        self.run_("do", "put the cup on the table")
        said = self.run_("task", "t1", "--why").stdout
        for step in self.json("task", "t1", "--why")["task"]["steps"]:
            self.assertTrue(step["why"].startswith(step["robot"]), step)
            self.assertIn(f"{step['id']}  {step['why']}", said)
        self.assertIn("puts cup on table, as was asked", said)
        self.assertNotIn("why", self.json("task", "t1")["task"]["steps"][0])

    def test_the_past_and_the_log(self):
        self.fleet("carrier", "arm", "dual")
        self.run_("do", "put the cup on the table")
        self.assertIn("hand", self.run_("recall", "where was the cup before?").stdout)
        self.assertIn("table", self.run_("recall", "where is the cup?").stdout)
        self.assertIn("cup", self.run_("history", "--thing", "cup", "--kind", "moved").stdout)
        said = self.run_("do", "put the cup on the counter").stdout.splitlines()
        self.assertRegex(said[0], r"^[0-9:]{8} t2 is asked for by somebody: put the cup on")
        self.assertRegex(said[-1], r"^t2 is done after [0-9.]+ s$")
        self.assertFalse([line for line in said if " t1" in line])  # not what was before
        self.assertTrue(all(e["line"] for e in self.json("history")["events"]))
        path = self.folder.name + "/log.mcap"
        written = self.json("history", "--mcap", path)["written"]
        self.assertEqual(messages_of(Path(path).read_bytes()), 2 * written)


class Words(Bed):
    """What is said to somebody who has never seen the code."""

    def test_help_of_each_verb(self):
        for verb, option in (("join", "--profile FILE"), ("sim", "--at SECONDS"),
                             ("demo", "--kill"), ("do", "--confirm"), ("watch", "--region"),
                             ("history", "--mcap FILE")):
            said = self.run_(verb, "--help").stdout
            self.assertTrue(said.startswith(f"omnesia fleet {verb} - "), said)
            self.assertIn(option, said)
            self.assertNotIn("--domain", said)  # of ros2 alone
            self.assertLessEqual(max(map(len, said.splitlines())), 80)
        self.assertIn("did you mean `fleet ros2`?", self.run_("rso2", "--help", ok=False).stderr)

    def test_help_is_as_wide_as_the_terminal(self):
        def widest(columns, *words):
            ours, theirs = os.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
            p = subprocess.Popen([PROGRAM, *words, "--help"], env=self.env, stdout=theirs)
            os.close(theirs)
            said = b""
            try:
                while more := os.read(ours, 65536):
                    said += more
            except OSError:  # the terminal's end
                pass
            os.close(ours)
            self.assertEqual(p.wait(WAIT), 0)
            return max(map(len, said.decode().splitlines()))
        for words in (("fleet", "join"), ("fleet",), ("serve",), ()):
            self.assertLessEqual(widest(72, *words), 72, words)
            self.assertLessEqual(widest(120, *words), 100, words)
            self.assertGreater(widest(120, *words), 80, words)

    def test_each_verb_ends_with_a_sentence(self):
        said = lambda *words: self.run_(*words).stdout
        self.assertEqual(said("world"), "the fleet main knows 3 rooms, 2 doors, 8 pieces of "
                                        "furniture and 8 objects now\n")
        self.assertEqual(said("move", "cup", "sink"), "cup is at sink\n")
        self.assertIn("cup (cup, 0.3 kg) on sink, in kitchen\nclean\nwhere: ",
                      said("scene", "cup"))
        self.assertNotIn("fridge", said("scene", "cup"))
        self.assertIn("\nhas milk\n", said("scene", "fridge"))
        self.assertIn("did you mean 'fridge'?", self.run_("scene", "frigde", ok=False).stderr)
        self.assertEqual(said("set", "lamp", '{"class": "lamp", "at": "table"}'),
                         "lamp is on the map\n")
        self.assertEqual(said("remove", "lamp"), "lamp is no longer on the map\n")
        self.assertIn("refused 1\nwhy ", said("see", '[{"class": "cup"}]'))
        self.assertRegex(said("history", "--mcap", self.folder.name + "/x.mcap"),
                         r"^[0-9]+ events written to ")
        self.assertIn("no such events", self.run_("history", "--kind", "dance").stderr)
        r = self.run_("history", "--limit", "2")
        self.assertEqual(len(r.stdout.splitlines()), 2)
        self.assertIn("--after 2", r.stderr)

    def test_what_runs_says_so(self):
        self.run_("world", "--sim")
        brain = self.start("brain")
        self.assertEqual(brain.stderr.readline(),
                         "omnesia: this is the brain of the fleet main; Ctrl-C ends it\n")
        robot = self.start("join", "--sim", "--name", "arm")
        self.assertIn("a robot is in the fleet main", robot.stderr.readline())
        robot.send_signal(signal.SIGINT)
        self.assertEqual(robot.communicate(timeout=WAIT)[0].splitlines()[-1],
                         "arm has left the fleet")
        self.assertEqual(robot.returncode, 0)

    def test_a_stop_of_one_is_not_one_of_all(self):
        self.fleet("arm", "carrier")
        self.run_("stop", "arm", "--by", "ann")
        self.assertIn("\narm is STOPPED by ann: until `omnesia fleet resume arm`\n",
                      self.run_("status").stdout)
        self.run_("stop")
        self.assertIn("\nall robots are STOPPED: until `omnesia fleet resume`\n",
                      self.run_("status").stdout)


class Refusals(Bed):
    def refuse(self, words, *said):
        r = self.run_(*words, ok=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertEqual(r.stderr.count("\n"), len(r.stderr.splitlines()))
        for text in said:
            self.assertIn(text, r.stderr)

    def test_two_of_one_name(self):
        self.fleet("arm")
        self.refuse(["join", "--sim", "--name", "arm"], "arm")
        self.refuse(["brain"], "brain")

    def test_profiles_and_worlds(self):
        path = Path(self.folder.name, "bad.yaml")
        path.write_text("name: x\nbody: arm\nreach: far\n")
        self.refuse(["join", "--profile", str(path)], "bad.yaml:3", "reach")
        path.write_text("rooms: [{name: a, at: [0, 0], size: [4, 4]}]\n"
                        "objects: [{name: cup, class: cup, on: nowhere}]\n")
        self.refuse(["world", str(path)], "bad.yaml:2", "nowhere")

    def put(self, key, value):
        subprocess.run([PROGRAM, "put", "fleet/main/" + key, value, "--region",
                        self.folder.name + "/region"], env=self.env, check=True,
                       capture_output=True)

    def test_what_another_version_wrote(self):
        self.fleet("carrier", "arm", "dual")
        odd = {"robot/new": '{"format": 9, "body": "cloud", "skills": "all"}',
               "thing/gate": '{"kind": "portal", "class": "gate", "at": 7}',
               "thing/torn": '{{{{', "state/new": "9999 and more", "lease/new": '{"format": 9}'}
        for key, value in {**odd, "call/arm": '{"format": 9, "state": "whistle"}',
                           "task/t77": '{"format": 9}', "task/t78": "[]", "ask/x": '{"format": 9}',
                           "confirm/t1.s1": "7"}.items():
            self.put(key, value)
        self.run_("do", "put the cup on the table")
        self.assertEqual(self.places()["cup"], "table")
        damaged = self.json("status")["damaged"]
        for key in ("robot/new", "thing/gate", "thing/torn"):
            self.assertIn("fleet/main/" + key, damaged)
        self.assertIn("is of format 9, and this Omnesia knows 1: update it", damaged)
        said = [e.get("text", "") for e in self.json("history", "--kind", "refused")["events"]]
        for key in ("task/t77", "task/t78", "call/arm"):
            self.assertEqual(sum("fleet/main/" + key in t for t in said), 1, (key, said))
        states = {n: r["state"] for n, r in self.robots().items()}
        self.assertEqual({states[n] for n in ("carrier", "arm", "dual")}, {"idle"})

    def test_tasks_that_name_what_is_not_there(self):
        self.fleet("carrier", "arm", "dual")
        for task, said in {"put the zeppelin on the table": "'zeppelin' is nothing that is known",
                           "bring the cup to zorro": "'zorro' is nothing that is known",
                           "vaporize the cup": "'vaporize' is no verb that is understood",
                           "make the cup holy": "no robot's skills make anything 'holy'",
                           "put the cup on the cup": "cannot be put on itself"}.items():
            r = self.run_("do", task, ok=False)
            self.assertEqual(r.returncode, 1, task)
            self.assertIn(said, r.stdout + r.stderr)
        self.run_("do", "open the fridge")

    def test_words(self):
        self.refuse(["dance"], "dance")
        self.refuse(["task", "t99"], "t99")
        self.refuse(["recall", "where is the unicorn?"], "unicorn")
        self.refuse(["do", "x", "--kill", "arm"], "--kill")
        self.refuse(["sim", "--kill", "zoe", TASK], "'zoe'", "there are carrier, arm, dual")
        self.refuse(["sim", "--robots", "many", TASK], "robots: many is no whole number")
        self.refuse(["brain", "--endpoint", "localhost"], "--endpoint localhost", "http://")
        self.refuse(["scene", "nothing"], "nothing")
        self.refuse(["stop", "amr"], "no robot 'amr'", "there is none")
        self.fleet("arm")
        self.refuse(["stop", "amr"], "no robot 'amr'", "there are arm")
        self.refuse(["resume", "amr"], "no robot 'amr'")


def messages_of(data):
    """How many messages an MCAP file has, whose records all have to be whole."""
    magic = b"\x89MCAP0\r\n"
    assert data.startswith(magic) and data.endswith(magic)
    at, n, seen = len(magic), 0, []
    while at < len(data) - len(magic):
        opcode, length = struct.unpack_from("<BQ", data, at)
        at += 9
        if opcode == 5:
            channel, _, ns = struct.unpack_from("<HIQ", data, at)
            assert channel in (1, 2) and ns > 10**18
            json.loads(data[at + 22:at + length])
            n += 1
        seen.append(opcode)
        at += length
    assert at == len(data) - len(magic) and seen[0] == 1 and seen[-1] == 2 and 0xf in seen
    return n


if __name__ == "__main__":
    unittest.main()
