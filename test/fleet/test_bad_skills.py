#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_bad_skills.py - a fleet of processes whose quickest robots have bad skills: they
print garbage, crash, lie, hang, leave children behind. Each is asked first; what is wrong with it
is named by its code; a slow robot with good skills does the work; nobody is lost, and no process
stays.
"""
import os
import signal
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from fleet_bed import Bed  # noqa: E402

FAKE = str(Path(__file__).parent / "fake_skill.py")
STUBBORN = "had not ended after 2 s, and went on when it was told to stop"
# What the skill does: the code its step ends with, and words of the reason.
PROGRAMS = {
    "garbage": ("garbage", 'it says what is no JSON: "debug: now I grasp'),
    "binary": ("garbage", "it says what is no JSON"),
    "huge": ("garbage", "it says a line of more than 1048576 bytes"),
    "wrong id": ("garbage", "which nobody asked"),
    "no result": ("garbage", "neither a result nor an error"),
    "bad ok": ("garbage", "neither true nor false"),
    "exit": ("crashed", "python3 ended with status 3; its last words: the motor is on fire"),
    "signal": ("crashed", "python3 was ended by signal 11"),
    "close": ("crashed", "python3 has closed its standard output"),
    "lies": ("effect_missing", "is not lies"),
    "deaf": ("hung", STUBBORN),
    "deaf child": ("hung", STUBBORN),
    "flood": ("hung", STUBBORN),
    "late": ("timeout", "as you like"),
    "odd code": ("failed", "what"),
    "input": ("failed", "it wants more from a person"),
}


class Bad(Bed):
    def setUp(self):
        super().setUp()
        self.truth = Path(self.folder.name, "truth")
        self.truth.mkdir()
        self.env |= {"FAKE_TRUTH": str(self.truth), "FAKE_PID": str(self.truth / "pid")}

    def path(self, name, text):
        path = Path(self.folder.name, name)
        path.write_text(text)
        return str(path)

    def join(self, name, skill):
        return self.start("join", "--profile", self.path(
            name + ".yaml", f"name: {name}\nbody: box\nat: bench\nskills: [{{{skill}}}]\n"))

    def join_program(self, name, *words):
        return self.join(name, "command: " + str(["python3", FAKE, *words]))

    def begin(self, words):
        """Things that words can be made true of, a brain, and a slow robot that can do it."""
        self.run_("world", self.path(
            "world.yaml",
            "rooms: [{name: hall, at: [5, 5], size: [10, 10]}]\n"
            "furniture: [{name: bench, room: hall, at: [5, 5], size: [1, 1, 1]}]\n"
            "objects:\n" + "".join(f"  - {{name: {w}part, on: bench}}\n" for w in words)))
        self.start("brain")
        self.join_program("good", "now", "well", "8", *words)

    def ours(self):
        """Processes that began below this test: it is in their environment."""
        found = []
        for p in Path("/proc").iterdir():
            try:
                if p.name.isdigit() and self.folder.name.encode() in (p / "environ").read_bytes():
                    found.append((int(p.name), (p / "cmdline").read_bytes()))
            except OSError:
                pass  # it has ended, or is another user's
        return found

    def do_all(self, words):
        """Each of these is asked for, and done: task by word."""
        tasks = {w: self.json("do", f"make the {w}part {w}", "--no-wait")["task"] for w in words}

        def ended():
            state = {t["id"]: t["state"] for t in self.json("status")["tasks"]}
            return all(state[t] in ("done", "failed", "cancelled") for t in tasks.values())
        self.until(ended, "all tasks have ended")
        return tasks

    def expect(self, rows, bad, tasks):
        """rows: code and words by word; bad: robots by word."""
        for word, (code, said) in rows.items():
            with self.subTest(word):
                task = self.json("task", tasks[word])["task"]
                failed = self.json("history", "--task", task["id"], "--kind", "failed")["events"]
                self.assertEqual(task["state"], "done", (task["why"], failed))
                self.assertEqual({e["robot"] for e in failed}, {bad[word]}, failed)
                self.assertEqual({e["code"] for e in failed}, {code}, failed)
                self.assertTrue(any(said in e["text"] for e in failed), failed)
                self.assertIn("good", [s["robot"] for s in task["steps"] if s["state"] == "done"])
                self.assertTrue((self.truth / f"{word}part.{word}").exists())

    def leave(self, robots):
        """Half of them are told to leave, half are killed: nothing of theirs is left."""
        for i, p in enumerate(robots):
            p.send_signal(signal.SIGKILL if i % 2 else signal.SIGINT)
            p.communicate()
        kept = {p.pid for p in self.running}
        self.until(lambda: not [p for p in self.ours() if p[0] not in kept and b"good" not in p[1]
                                and b"well" not in p[1]], f"nothing is left: {self.ours()}")


class Programs(Bad):
    def test_programs(self):
        word = {how: how.replace(" ", "") for how in PROGRAMS}
        self.begin(word.values())
        robots = [self.join_program("bad-" + w, "now", how, "1", w) for how, w in word.items()]
        bad = {w: "bad-" + w for w in word.values()}
        there = lambda: {n for n, r in self.robots().items() if r["skills"]}
        self.until(lambda: {"good", *bad.values()} <= there(), "they are there")
        tasks = self.do_all(word.values())
        self.expect({word[how]: row for how, row in PROGRAMS.items()}, bad, tasks)
        states = {n: r["state"] for n, r in self.robots().items()}
        self.assertEqual(states, dict.fromkeys(["good", *bad.values()], "idle"))
        self.leave(robots)


if __name__ == "__main__":
    unittest.main()
