#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/test_stops.py - a stop reaches skills of every kind while they run: the row "stop" of
`omnesia bench roboos`, short; what a machine that is busy makes of its bar, the bench says.
"""
import json
import os
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["OMNESIA_PROGRAM"]


class Stops(unittest.TestCase):
    def test_every_kind_of_skill_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            r = subprocess.run([PROGRAM, "bench", "roboos", "--row", "stop", "--rounds", "1",
                                "--json"], capture_output=True, text=True, timeout=280,
                               env={**os.environ, "OMNESIA_DATA": folder})
        self.assertEqual(r.returncode, 0, r.stderr)
        lines = [json.loads(line) for line in r.stdout.splitlines()]
        print(r.stdout)
        half = {p["what"]: p["value"] for p in lines if "p50" in p.get("what", "")}
        skipped = [p for p in lines if p.get("reason") or "skipped" in str(p)]
        self.assertEqual(len(half), 5 - len(skipped), r.stdout)
        self.assertTrue(any("simulated" in what for what in half))
        for what, ms in half.items():
            self.assertGreater(ms, 0, what)  # told after the stop, not before
            self.assertLessEqual(ms, 50, what)  # who polls is at most that quick


if __name__ == "__main__":
    unittest.main()
