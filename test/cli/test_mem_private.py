#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/cli/test_mem_private.py - what searches of a memory leave in the region for others, by the
command and by the MCP server; with --private nothing; and what is said when a process forgets that
has no region. A tiny model makes the vectors.
"""
import hashlib
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.environ["OMNESIA_PROGRAM"]
MODEL = Path(os.environ["OMNESIA_SOURCE"], "test/model/data/tiny-bert.gguf").read_bytes()
RECORDS = 2047  # their numbers fill two stretches: a part that can be shared


class Private(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        here = Path(folder.name)
        self.store, self.region = str(here / "memory.db"), str(here / "region")
        self.env = {**os.environ, "OMNESIA_CACHE": str(here / "cache"),
                    "OMNESIA_MODELS_LOCK": str(here / "models.lock")}
        (here / "cache/models").mkdir(parents=True)
        (here / "cache/models/tiny-bert.gguf").write_bytes(MODEL)
        digest = hashlib.sha256(MODEL).hexdigest()
        (here / "models.lock").write_text(
            f"model minilm-l6\nfile tiny-bert.gguf\nbytes {len(MODEL)}\nsha256 {digest}\n"
            f"licence none\nkind embedding\nabout a tiny one\n"
            f"part tiny 1 {len(MODEL)} {len(MODEL)} {digest} tiny/model\n")
        (here / "in.jsonl").write_text("".join(
            json.dumps({"text": f"thing {i} is number {i * 7}"}) + "\n" for i in range(RECORDS)))
        self.mem("import", str(here / "in.jsonl"), region="none")

    def run_it(self, *words, text=""):
        run = subprocess.run([PROGRAM, *words], input=text, capture_output=True, text=True,
                             env=self.env, timeout=60, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run

    def mem(self, *words, region=None):
        return self.run_it("mem", *words, "--store", self.store, "--user", "ann", "--region",
                           region or self.region, "--disk", "none")

    def parts(self):
        return json.loads(self.run_it("top", "--json", "--region", self.region).stdout)["extents"]

    def test_a_search(self):
        private = self.mem("search", "thing 5", "--private").stdout
        self.assertEqual(self.parts(), 0)
        self.assertEqual(self.mem("search", "thing 5").stdout, private)
        self.assertEqual(self.parts(), 1)
        self.assertEqual(self.mem("search", "thing 5", "--private").stdout, private)

    def test_a_server(self):
        ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
               "params": {"name": "memory_search", "arguments": {"query": "thing 5"}}}
        for options, parts in ((["--private"], 0), ([], 1)):
            said = self.run_it("mcp", "--store", self.store, "--user", "ann", "--region",
                               self.region, *options, text=json.dumps(ask) + "\n").stdout
            self.assertIn("thing 5 is", said)
            self.assertEqual(self.parts(), parts)

    def test_who_forgets_without_a_region_is_told(self):
        self.mem("search", "thing 5")
        said = self.mem("forget", "7", region="none")
        self.assertEqual(said.stdout, "1 forgotten\n")
        self.assertIn("omnesia region forget", said.stderr)
        self.assertEqual(self.parts(), 1)  # as it says
        self.assertEqual(self.mem("forget", "8").stderr, "")
        self.assertEqual(self.parts(), 0)
        self.assertEqual(self.mem("forget", "--ref", "nobody", region="none").stderr, "")


if __name__ == "__main__":
    unittest.main()
