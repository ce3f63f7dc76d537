#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_roboos.py BED - robots of RoboOS, played with PyPI's redis.

The bridge (BED, roboos_bed.c) and a real redis-server; the robots here do what those of RoboOS do:
register in AGENT_INFO, listen on roboos_to_NAME, answer on NAME_to_RoboOS. Skipped (77), with the
reason, without redis-server, hiredis or pip's redis.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "serve"))
from packages import enter  # noqa: E402

BED = sys.argv[1]
if not shutil.which("redis-server"):
    print("SKIP: there is no redis-server")
    sys.exit(77)
enter("redis-py", ["redis==5.2.1"])
import redis  # noqa: E402


def until(what, limit=30.0):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError("not within %g s" % limit)


def tool(name, **properties):
    return {"function": {"name": name, "description": name + " something"},
            "input_schema": {"type": "object", "properties": properties}}


TEXT = {"type": "string"}
TOOLS = [tool("navigate_to_target", target=TEXT), tool("grasp_object", object=TEXT),
         tool("place_to_affordance", affordance=TEXT), tool("wave", times={"type": "integer"})]


class Robot:
    def __init__(self, at, name):
        self.r, self.name = redis.Redis(unix_socket_path=at), name
        self.r.hset("AGENT_INFO", name, json.dumps(
            {"robot_name": name, "robot_tool": TOOLS, "robot_state": "idle",
             "timestamp": int(time.time())}))
        self.r.expire("AGENT_INFO", 60)
        self.r.publish("AGENT_REGISTRATION", name)
        self.ear = self.r.pubsub(ignore_subscribe_messages=True)
        self.ear.subscribe("roboos_to_" + name)

    def task(self):
        got = until(lambda: self.ear.get_message(timeout=0.1))
        return json.loads(got["data"])

    def answer(self, task, result, **more):
        self.say(json.dumps({"robot_name": self.name, "subtask_handle": task["task"],
                             "subtask_result": result, "tools": [], "task_id": task["task_id"],
                             **more}))

    def say(self, text):
        self.r.publish(self.name + "_to_RoboOS", text)

    def die(self):
        self.ear.close()


class RoboOS(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.at = self.folder.name + "/redis.socket"
        self.server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.at, "--save", "", "--dir",
             self.folder.name], stdout=subprocess.DEVNULL)
        until(lambda: os.path.exists(self.at))
        self.bed = subprocess.Popen([BED, "unix://" + self.at], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)
        if self.bed.poll() == 77:
            self.skipTest("hiredis is not here")
        self.r = redis.Redis(unix_socket_path=self.at, decode_responses=True)
        self.steps = 0

    def tearDown(self):
        if self.bed.poll() is None:
            self.bed.stdin.write("quit\n")
            self.bed.stdin.flush()
            self.assertEqual(self.bed.wait(30), 0)
        self.bed.stdin.close()
        self.bed.stdout.close()
        self.server.terminate()
        self.server.wait()
        self.folder.cleanup()

    def dump(self):
        self.bed.stdin.write("dump\n")
        self.bed.stdin.flush()
        return json.loads(self.bed.stdout.readline())

    def alive(self, name):
        return self.dump()["robots"].get(name, {}).get("alive")

    def give(self, robot, skill, limit=60, **args):
        self.steps += 1
        self.bed.stdin.write("give " + json.dumps(
            {"robot": robot, "task": "t1", "step": "s%d" % self.steps, "try": 1, "skill": skill,
             "args": args, "limit": limit, "state": "given"}) + "\n")
        self.bed.stdin.flush()

    def ended(self, robot):
        def look():
            call = self.dump()["calls"][robot]
            return call if call["state"] in ("done", "failed") else None
        return until(look)

    def told(self, text, robot=None):
        return [e for e in self.dump()["events"] if e["kind"] == "roboos" and text in e["text"] and
                robot in (None, e["robot"])]

    def do(self, robot, skill, result="Task completed successfully.", **args):
        self.give(robot.name, skill, **args)
        task = robot.task()
        self.assertEqual((task["order"], task["order_flag"]), ("false", "false"))
        until(lambda: self.r.hget("AGENT_BUSY", robot.name) == "1")
        robot.answer(task, result)
        call = self.ended(robot.name)
        until(lambda: self.r.hget("AGENT_BUSY", robot.name) == "0")
        return task, call

    def test_it_works(self):
        one = Robot(self.at, "realman")
        until(lambda: self.alive("realman"))
        skills = {s["name"] for s in self.dump()["robots"]["realman"]["skills"]}
        self.assertEqual(skills, {"navigate", "grasp", "place", "wave"})
        until(lambda: self.r.hget("ENVIRONMENT_INFO", "table"))
        self.assertEqual(json.loads(self.r.hget("ENVIRONMENT_INFO", "table")),
                         {"type": "table", "contains": ["cup"]})
        task, call = self.do(one, "navigate", place="table")
        self.assertEqual((task["task"], call["state"]), ("Navigate to the table.", "done"))
        # What it says failed has not happened.
        task, call = self.do(one, "grasp", "I was unable to grasp the cup.", thing="cup")
        self.assertEqual((call["state"], call["code"]), ("failed", "failed"))
        self.assertEqual(self.dump()["things"]["cup"]["at"], "table")
        self.assertEqual(self.do(one, "grasp", thing="cup")[1]["state"], "done")
        self.assertEqual(self.dump()["things"]["cup"]["at"], "realman")
        until(lambda: json.loads(self.r.hget("ENVIRONMENT_INFO", "table"))["contains"] == [])
        self.do(one, "navigate", place="desk")
        task, call = self.do(one, "place", thing="cup", place="desk")
        self.assertEqual((task["task"], call["state"]), ("Place the cup on the desk.", "done"))
        until(lambda: json.loads(self.r.hget("ENVIRONMENT_INFO", "desk"))["contains"] == ["cup"])
        task, call = self.do(one, "wave", {"success": True}, times=2)
        self.assertEqual(task["task"], 'Use the tool wave with {"times":2}.')
        self.assertEqual(call["state"], "done")
        # A need that is not true: it is not even asked.
        self.give("realman", "grasp", thing="table2")
        self.assertEqual(self.ended("realman")["code"], "precondition")
        self.r.rpush("SHORT_STATUS:realman", "old", "I wave")
        until(lambda: [e for e in self.dump()["events"] if e["kind"] == "says"
                       and e["text"] == "I wave"])
        one.die()

    def test_silence(self):
        one = Robot(self.at, "songling")
        until(lambda: self.alive("songling"))
        one.die()
        until(lambda: not self.alive("songling"), 15)
        self.assertTrue(self.told("nobody listens", "songling"))
        self.assertTrue(self.r.hexists("AGENT_INFO", "songling"))  # listed, and dead all the same
        one = Robot(self.at, "songling")
        until(lambda: self.alive("songling"))
        # Who begins anew has lost its task; who says nothing runs out of time.
        self.give("songling", "wave", times=1)
        one.task()
        self.r.publish("AGENT_REGISTRATION", "songling")
        self.assertEqual(self.ended("songling")["code"], "crashed")
        self.give("songling", "wave", limit=0.3, times=1)
        late = one.task()
        self.assertEqual(self.ended("songling")["code"], "hung")
        self.give("songling", "wave", times=2)
        self.assertEqual(self.ended("songling")["code"], "hung")
        one.answer(late, "done, late")
        until(lambda: self.r.hget("AGENT_BUSY", "songling") == "0")
        self.assertEqual(self.do(one, "wave", times=3)[1]["state"], "done")
        one.die()

    def test_garbage(self):
        raw = redis.Redis(unix_socket_path=self.at)
        raw.hset("AGENT_INFO", "none", b"\xff{[")
        raw.hset("AGENT_INFO", "few", '{"robot_tool": "all"}')
        raw.hset("AGENT_INFO", "odd", '{"robot_tool": [{"function": 7}]}')
        raw.hset("AGENT_INFO", b"a/b\x01", "{}")
        raw.hset("AGENT_INFO", "long", b"[" * (300 << 10))
        raw.publish("AGENT_REGISTRATION", b"\x00\xff")
        one = Robot(self.at, "good")
        until(lambda: self.alive("good"))
        for who, text in (("none", "no JSON"), ("few", "no list"), ("odd", "no name"),
                          ("long", "too long"), ("", "name that is none")):
            self.assertEqual(len(self.told(text, who)), 1, (who, self.told("")))
        self.assertEqual(list(self.dump()["robots"]), ["good"])
        self.give("good", "wave", times=1)
        task = one.task()
        for junk in ("", "\x00", "[]", "{", '{"robot_name": 7}', "[" * 5000):
            one.say(junk)
        one.answer(task, "yes", robot_name="another")
        one.answer(dict(task, task_id="other"), "yes")
        until(lambda: self.told("no object", "good") and self.told("without its", "good") and
              self.told("does not have", "good"))
        self.assertEqual(self.dump()["calls"]["good"]["state"], "running")
        one.answer(task, "yes")
        self.assertEqual(self.ended("good")["state"], "done")
        raw.delete("ENVIRONMENT_INFO", "AGENT_BUSY")  # of another kind: it is told, and goes on
        raw.set("AGENT_BUSY", "x")
        self.give("good", "wave", times=1)
        one.answer(one.task(), "yes")
        self.assertEqual(self.ended("good")["state"], "done")
        until(lambda: self.told("Redis refuses"))
        one.die()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
