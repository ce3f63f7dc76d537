#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_bad_skills.py OBJECT - a fleet of processes whose quickest robots have bad
skills: they print garbage, crash, lie, hang, eat memory, leave children behind. Each is asked
first; what is wrong with it is named by its code; a slow robot with good skills does the work;
nobody is lost, and no process stays.
"""
import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from fleet_bed import PROGRAM, WAIT, Bed  # noqa: E402

FAKE = str(Path(__file__).parent / "fake_skill.py")
SERVER = str(Path(__file__).parent / "fake_http.py")
OBJECT = sys.argv.pop()
STUBBORN = "had not ended after 6 s, and went on when it was told to stop"
# What the skill does: the code its step ends with, and words of the reason.
PROGRAMS = {
    "garbage": ("garbage", 'it says what is no JSON: "debug: now I grasp'),
    "binary": ("garbage", "it says what is no JSON"),
    "huge": ("garbage", "it says a line of more than 1048576 bytes"),
    "wrong id": ("garbage", "which nobody asked"),
    "no result": ("garbage", "neither a result nor an error"),
    "bad ok": ("garbage", "neither true nor false"),
    "exit": ("crashed", "python3 ended with status 3; its last words: the motor is on fire"),
    "eats": ("no_memory", "of memory and may have 268 MB"),
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


# What happens when the bad ones are shared objects, in a host of their own (bad_skill.c).
OBJECTS = {
    "crash": ("crashed", "was ended by signal 11"),
    "eats": ("no_memory", "of memory and may have 268 MB"),
    "overflow": ("crashed", "was ended by signal 11"),
    "exit": ("crashed", "ended with status 0"),
    "nonsense": ("garbage", "is no object"),
    "code": ("failed", "it broke"),
    "minus": ("failed", "returned -7"),
    "child": ("effect_missing", "is not child"),
    "prints": ("effect_missing", "is not prints"),
    "deaf": ("hung", STUBBORN),
}
# And when they are servers (fake_http.py).
SERVERS = {
    "closes": ("crashed", ""),
    "half": ("crashed", ""),
    "nothttp": ("crashed", ""),
    "error": ("failed", "says HTTP 500: the pump is on fire"),
    "busy": ("failed", "says HTTP 503"),
    "moved": ("failed", "says HTTP 302"),
    "page": ("garbage", "no JSON"),
    "nothing": ("garbage", ""),
    "wrongid": ("garbage", "which nobody asked"),
    "lies": ("effect_missing", "is not lies"),
    "silent": ("timeout", "had not ended after 6 s"),
    "slowly": ("timeout", "had not ended after 6 s"),
    "endless": ("crashed", ""),
    "heads": ("crashed", ""),
}


# Who is not even let in: how the program begins, and the sentence of the robot that had it.
BEGINNINGS = {
    "foreign": "it speaks MCP 2031-01-01, 2032-02-02; here are",
    "chatty": 'it says what is no JSON: "Welcome to my skill!"',
    "no-list": "no list of tools",
    "mute": "skills/0 has not told its skills after 10 s",
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
        return self.join(name, self.by("python3", FAKE, *words))

    def by(self, *words):
        """Of a skill; who eats has a limit."""
        eats = "eats" in words or self.env.get("BAD_HOW") == "eats"
        return f"command: {[*words]}" + ", memory: 256M" * eats

    def begin(self, words):
        """Things that words can be made true of, a brain, and a slow robot that can do it."""
        self.run_("world", self.path(
            "world.yaml",
            "rooms: [{name: hall, at: [5, 5], size: [10, 10]}]\n"
            "furniture: [{name: bench, room: hall, at: [5, 5], size: [1, 1, 1]}]\n"
            "objects:\n" + "".join(f"  - {{name: {w}part, on: bench}}\n" for w in words)))
        self.start("brain")
        self.join_program("good", "now", "well", "8", *words)

    def wait_for(self, *names):
        there = lambda: {n for n, r in self.robots().items() if r["skills"]}
        self.until(lambda: set(names) <= there(), f"{names} are there")

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


class Robots(Bad):
    def all_of(self, rows, join):
        """rows: as PROGRAMS; join(name, how, word) starts the robot that is so."""
        word = {how: how.replace(" ", "") for how in rows}
        self.begin(word.values())
        bad = {w: "bad-" + w for w in word.values()}
        robots = []
        for i, (how, w) in enumerate(word.items()):  # not all at once: who starts has a heartbeat
            robots.append(join(bad[w], how, w))
            if i % 4 == 3:
                self.wait_for(bad[w])
        self.wait_for("good", *bad.values())
        tasks = self.do_all(word.values())
        self.expect({word[how]: row for how, row in rows.items()}, bad, tasks)
        states = {n: r["state"] for n, r in self.robots().items()}
        self.assertEqual(states, dict.fromkeys(["good", *bad.values()], "idle"))
        self.leave(robots)

    def test_programs(self):
        self.all_of(PROGRAMS,
                    lambda name, how, word: self.join_program(name, "now", how, "1", word))

    def test_shared_objects(self):
        def join(name, how, word):
            self.env |= {"BAD_HOW": how, "BAD_WORD": word}
            return self.join(name, self.by(PROGRAM, "fleet", "skill", "host", OBJECT))
        self.all_of(OBJECTS, join)

    def test_servers(self):
        server = subprocess.Popen([sys.executable, SERVER], env=self.env, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.running.append(server)
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/bad"
        self.all_of(SERVERS, lambda name, how, word: self.join(name, f"url: {url}/{how}/{word}"))

    def test_beginnings(self):
        words = [k.replace("-", "") for k in BEGINNINGS]
        self.begin(words)
        refused = {k: self.join_program("bad-" + k, k, "well", "1", *words) for k in BEGINNINGS}
        refused["none"] = self.join("bad-none", "command: [/no/such/skill]")
        refused["text"] = self.join("bad-text", "command: " + str([
            PROGRAM, "fleet", "skill", "host", self.path("text.so", "I am no shared object\n")]))
        refused["nobody"] = self.join("bad-nobody", "url: http://127.0.0.1:1/mcp")
        said = {**BEGINNINGS, "none": "cannot start /no/such/skill: No such file or directory",
                "text": "cannot load", "nobody": "cannot reach 127.0.0.1:1: Connection refused"}
        self.wait_for("good")
        tasks = self.do_all(words)
        for how, p in refused.items():
            with self.subTest(how):
                _, text = p.communicate(timeout=WAIT)
                self.assertNotEqual(p.returncode, 0)
                self.assertIn(said[how], text)
                self.assertEqual(len(text.splitlines()), 1, text)
                self.assertEqual(self.robots()["bad-" + how]["state"], "left")
        for word, task in tasks.items():
            self.assertEqual(self.json("task", task)["task"]["state"], "done", word)
        self.leave([])


if __name__ == "__main__":
    unittest.main()
