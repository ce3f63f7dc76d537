#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_endpoint.py - a brain whose model is behind somebody's URL.

A small server plays an endpoint well, badly, slowly and with malice. Whatever it does, the task is
done: by its plan when that is right and no slower, else by the rules, and the event says why.
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

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "serve"))
import endpoint  # noqa: E402

PROGRAM, SOURCE = os.environ["OMNESIA_PROGRAM"], Path(os.environ["OMNESIA_SOURCE"])
TASK = "put the apple on the table"


def step(robot, skill, after, **args):
    return {"robot": robot, "skill": skill, **args, "after": after}


RIGHT = [step("arm", "grasp", [], thing="apple"), step("carrier", "navigate", [], place="counter"),
         step("arm", "place", [1, 2], thing="apple", place="carrier"),
         step("carrier", "navigate", [3], place="table"),
         step("dual", "grasp", [4], thing="apple"),
         step("dual", "place", [5], thing="apple", place="table")]
# What it leaves out, the world knows.
HANDS = [{**s, "after": []} for s in RIGHT if s["skill"] != "navigate"]


def completion(content, finish="stop", usage=None):
    if not isinstance(content, str):
        content = json.dumps({"why": "so", "steps": content})
    return endpoint.completion(content, finish, usage)


def endless(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(b" " * 65536)


def silence(handler):
    time.sleep(100)


BAD = {  # what is played, how often it is asked, words of the sentence
    "an error": ((500, b'{"error": {"message": "out of tokens"}}'), 1, "answered 500: out of"),
    "too many": ((429, b'{"error": {"message": "slow down"}}'), 1, "answered 429: slow down"),
    "busy": ((503, b""), 1, "answered 503"),
    "a page": ((200, b"<html>hello</html>"), 1, "no text of a model"),
    "brackets": ((200, b"[" * 300000), 1, "no text of a model"),
    "a body without an end": (endless, 1, "answered with more than"),
    "silence": (silence, 1, "did not answer in time"),
    "hanging up": (lambda handler: None, 1, "hung up"),
    "an answer that is cut": ((200, completion("{\"why\": \"x", "length")), 1, "not at an end"),
    "chatter": ((200, completion("Sure! Here is\x1b[2J a plan:")), 3, "no JSON object: 'Sure!"),
    "a list": ((200, completion("[1, 2]")), 3, "no JSON object"),
    "no steps": ((200, completion([])), 3, "has no steps"),
    "a long answer": ((200, completion(RIGHT * 200)), 3, "at most 512"),
    "a robot of nowhere": ((200, completion([step("bob", "grasp", [], thing="apple")])), 3,
                           "there is no 'bob'"),
    # a step waits for those said before it alone: what it says of itself counts as nothing
    "a circle": ((200, completion([step("carrier", "navigate", [1], place="shelf")])), 3,
                 "in(apple, table) is not so"),
    "something else": ((200, completion([step("carrier", "navigate", [], place="shelf")])), 3,
                       "in(apple, table) is not so"),
}


class Far(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def sim(self, url, *words):
        env = {**os.environ, "OMNESIA_DATA": self.folder.name, "OMNESIA_ENDPOINT_SECONDS": "2"}
        r = subprocess.run([PROGRAM, "fleet", "sim", "--json", "--endpoint", url, *words, TASK],
                           env=env, capture_output=True, text=True, timeout=240)
        self.assertEqual(r.returncode, 0, r.stderr)
        events = [json.loads(line) for line in r.stdout.splitlines()]
        self.assertTrue(events[-1]["reached"], events[-1])
        return [e for e in events if e.get("kind") == "model"], events

    def play(self, *play):
        e = endpoint.Endpoint(list(play))
        self.addCleanup(e.close)
        return e

    def test_a_good_one(self):
        usage = {"prompt_tokens": 900, "completion_tokens": 80,
                 "prompt_tokens_details": {"cached_tokens": 600}}
        e = self.play((200, completion(RIGHT, usage=usage)))
        [said], _ = self.sim(f"http://{e.host}/v1#played")
        self.assertEqual(said["model"]["taken"], "model")
        self.assertEqual(said["model"]["tokens"], {"read": 300, "cached": 600, "written": 80})
        self.assertIn("one right", said["text"])
        self.assertEqual(len(e.asked), 1)
        form = e.asked[0][2]["response_format"]["json_schema"]["schema"]
        self.assertIn("steps", form["properties"])

    def test_bad_ones(self):
        for name, (play, asked, words) in BAD.items():
            with self.subTest(name):
                e = self.play(play)
                said, _ = self.sim(f"http://{e.host}/v1#played")
                self.assertEqual(said[0]["model"]["taken"], "rules")
                self.assertEqual(len(e.asked), asked)
                self.assertIn(words, said[0]["text"] + json.dumps(said[0]["model"]))
                self.assertNotIn("\x1b", said[0]["text"])

    def test_a_plan_that_is_completed(self):
        e = self.play((200, completion(HANDS)))
        [said], _ = self.sim(f"http://{e.host}/v1#played")
        self.assertEqual(len(e.asked), 1)
        self.assertEqual((said["model"]["right"], said["model"]["completed"],
                          said["model"]["taken"]), (False, True, "model"))

    def test_one_that_goes_away_in_the_middle(self):
        """A step fails when nobody can be asked any more: the rules plan it anew."""
        world = Path(self.folder.name) / "kitchen.yaml"
        for name in ("arm", "carrier", "dual", "kitchen"):
            shutil.copy(SOURCE / f"examples/fleet/{name}.yaml", self.folder.name)
        world.write_text(world.read_text() + "failures:\n  - {skill: grasp, robot: arm, "
                         "thing: apple, code: out_of_reach, times: 1}\n")
        e = self.play((200, completion(RIGHT)), None)
        said, events = self.sim(f"http://{e.host}/v1#played", "--world", str(world))
        self.assertEqual([m["model"]["taken"] for m in said], ["model", "rules"])
        self.assertIn("127.0.0.1", said[1]["text"])
        self.assertEqual(len(e.asked), 1)
        self.assertEqual(events[-1]["replans"], 1)
        self.assertEqual(events[-1]["model"], [m["model"] for m in said])

    def test_one_that_is_not_there(self):
        e = self.play((200, b""))
        e.close()
        [said], _ = self.sim(f"http://{e.host}/v1#played")
        self.assertEqual(said["model"]["taken"], "rules")
        self.assertIn("127.0.0.1", said["text"])


if __name__ == "__main__":
    unittest.main()
