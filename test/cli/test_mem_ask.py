#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/cli/test_mem_ask.py - `omnesia mem ask`: an answer with its sources, with notes or without,
and what is said where nothing is known. SmolLM2, words alone.
"""
import json
import os
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["OMNESIA_PROGRAM"]


class Ask(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def mem(self, *words, rc=0):
        run = subprocess.run(
            [PROGRAM, "mem", *words, "--store", self.folder.name + "/memory.db", "--user", "ann",
             "--embedder", "none"], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(run.returncode, rc, run.stderr)
        return run.stdout if rc == 0 else run.stderr

    def ask(self, *options, rc=0):
        return self.mem("ask", "Who is allergic to nuts?", "-m", "smollm2-135m", *options,
                        rc=rc)

    def test_nothing_is_known(self):
        for how in ("plain", "notes"):
            self.assertEqual(self.ask("--read", how), "I do not know.\n")
            self.assertEqual(json.loads(self.ask("--read", how, "--json")),
                             {"answer": "I do not know.", "sources": []})

    def test_an_answer_has_its_sources(self):
        self.mem("add", "My sister Clara is allergic to nuts.", "--speaker", "ann")
        self.mem("add", "The milk is sour.", "--speaker", "ann")
        for how in ("plain", "notes"):
            said = self.ask("--read", how)
            self.assertTrue(said.endswith("\nfrom #1\n"), said)
            self.assertGreater(len(said), len("\nfrom #1\n"))
            told = json.loads(self.ask("--read", how, "--json"))
            self.assertEqual([s["id"] for s in told["sources"]], [1])
            self.assertEqual(set(told), {"answer", "sources"} | ({"notes"} & {how}))
            for note in told.get("notes", []):
                self.assertEqual(note["id"], 1)  # no other record was shown
            self.assertFalse(told["answer"].startswith("{"), told)

    def test_notes_without_room_for_an_answer(self):
        self.mem("add", "My sister Clara is allergic to nuts.")
        said = self.ask("--read", "notes", "-n", "3", rc=1)
        self.assertIn("--read plain", said)

    def test_what_cannot_be_asked_for(self):
        self.assertIn("notes", self.mem("ask", "who?", "--read", "aloud", rc=2))
        self.assertIn("session", self.mem("ask", "who?", "--value", "book", rc=1))


if __name__ == "__main__":
    unittest.main()
