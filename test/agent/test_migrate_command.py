#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/agent/test_migrate_command.py - `omnesia mem migrate` to a PostgreSQL server and back, as
people do it; run by test/agent/with_postgres.py."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import postgres  # noqa: E402

PROGRAM = os.environ["OMNESIA_PROGRAM"]


class Migrate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="omnesia-migrate-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.env = {**os.environ, "OMNESIA_DATA": folder.name, "OMNESIA_USER": "ann",
                    "OMNESIA_EMBEDDER": "none"}

    def run_mem(self, *words, status=0, **more):
        done = subprocess.run([PROGRAM, "mem", *words], capture_output=True, text=True,
                              env={**self.env, **more}, cwd=self.folder, timeout=120)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def fill(self, lines):
        file = self.folder / "in.jsonl"
        file.write_text("".join(json.dumps({"text": f"sentence {i} about cats", "session": "one"})
                                + "\n" for i in range(lines)))
        self.run_mem("import", str(file), "--no-embed")

    def export(self, name, *words):
        self.run_mem("export", str(self.folder / name), *words)
        return (self.folder / name).read_bytes()

    def test_there_and_back(self):
        place = postgres.new_place()
        self.fill(200)
        self.run_mem("update", "3", "a sentence that changed")
        self.run_mem("add", "of somebody else", "--user", "bob")
        before = self.export("before.jsonl")
        said = self.run_mem("migrate", place)
        self.assertIn("moved: 2 users, 202 records and former versions", said)
        self.assertEqual(self.export("there.jsonl", "--store", place), before)
        self.assertEqual(self.export("after.jsonl"), before)
        found = json.loads(self.run_mem("search", "changed", "--json", "--store", place))
        self.assertEqual([r["id"] for r in found["results"]][:1], [3])
        back = self.run_mem("migrate", "back.db", "--store", place, "--json")
        self.assertIn(json.loads(back)["digest"], said)
        self.assertEqual(self.export("back.jsonl", "--store", "back.db"), before)
        self.assertIn("records already", self.run_mem("migrate", place, status=1))
        self.assertEqual(self.run_mem("list", OMNESIA_STORE=place), self.run_mem("list"))

    def test_interrupted(self):
        place = postgres.new_place()
        self.fill(5000)
        before = self.export("before.jsonl")
        self.run_mem("list", "--store", place)  # makes its tables
        with postgres.locked(place, "omnesia.owner") as waits:
            move = subprocess.Popen([PROGRAM, "mem", "migrate", place], env=self.env,
                                    stderr=subprocess.PIPE, text=True)
            waits()
            move.send_signal(signal.SIGINT)
        said = move.communicate(timeout=60)[1]
        self.assertNotEqual(move.returncode, 0)
        self.assertIn("nothing was moved", said)
        self.assertEqual(postgres.ask(place, "SELECT count(*) FROM omnesia.record"), [["0"]])
        self.run_mem("migrate", place)
        self.assertEqual(self.export("there.jsonl", "--store", place), before)

    def test_no_password_is_shown(self):
        self.fill(1)
        said = self.run_mem("migrate", "postgres://ann:geheim@127.0.0.1:1/x", status=1)
        self.assertIn("postgres://ann@127.0.0.1:1/x", said)
        for words in [("list",), ("add", "x"), ("search", "x"), ("export", "x.jsonl")]:
            said = self.run_mem(*words, status=1,
                                OMNESIA_STORE="postgres://ann:geheim@127.0.0.1:1/x")
            self.assertNotIn("geheim", said)


if __name__ == "__main__":
    unittest.main()
