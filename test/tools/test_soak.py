#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/tools/test_soak.py BUILD - the long tests can neither lose a failure nor invent a count.

First the book-keeping of tools/soak.py, on parts that stand in for tests and fail where this file
says; then its detectors, each on a bug planted for it (tools/soak.py --planted BUILD).
"""
import re
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import soak  # noqa: E402


class Toy:
    """100 cases; those in `bad` fail, and `together` fails only in company."""
    name, build = "toy", "none"

    def __init__(self, bad=(), together=None):
        self.bad, self.together, self.total, self.ran = set(bad), together, 100, []

    def run(self, first, count):
        cases = range(first, min(first + count, self.total))
        self.ran += cases
        failed = bool(self.bad & set(cases)) or (self.together in cases and len(cases) > 1)
        return first + count, 0 if failed else len(cases), failed, "words"


class Books(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for patch in (mock.patch.object(soak, "STATE", Path(folder.name) / "s/state.json"),
                      mock.patch.object(soak, "call", lambda *_: (0, ""))):
            patch.start()
            self.addCleanup(patch.stop)
        self.folder = Path(folder.name)

    def soak(self, toy, seconds=60):
        with mock.patch.dict(soak.ROWS, {4: ("toys", 0, "cases", [toy])}):
            return soak.run(4, seconds, lambda _: None)

    def row(self):
        with mock.patch.dict(soak.ROWS, {4: ("toys", 0, "cases", [])}):
            return soak.line(4, soak.load())

    def test_every_case_runs_once_and_a_second_run_has_nothing_to_do(self):
        toy = Toy()
        self.assertEqual(self.soak(toy), (100, 0))
        self.assertEqual(sorted(toy.ran), list(range(100)))
        self.assertEqual(self.soak(toy), (0, 0))
        self.assertEqual(self.row()[4:], ["100 cases in 100 of 100 cases", "all cases", "0"])

    def test_failing_cases_are_found_alone_and_stay_until_they_pass(self):
        self.assertEqual(self.soak(Toy([17, 18, 99])), (97, 3))
        self.assertEqual([f[0] for f in soak.load()["4"]["parts"]["toy"]["failed"]], [17, 18, 99])
        self.assertEqual(self.row()[6], "3")
        again = Toy([18])  # two are mended
        self.assertEqual(self.soak(again), (2, 1))
        self.assertEqual(again.ran, [17, 18, 99])
        self.assertEqual(self.soak(Toy()), (1, 0))
        self.assertEqual(self.row()[4], "100 cases in 100 of 100 cases")

    def test_what_fails_only_in_company_is_not_lost(self):
        self.assertEqual(self.soak(Toy(together=50))[1], 1)
        self.assertEqual(self.soak(Toy(together=50))[1], 1)
        self.assertEqual(self.soak(Toy()), (2, 0))

    def test_a_run_goes_on_where_the_last_one_stopped(self):
        self.soak(Toy(), 0)
        self.assertEqual(soak.load(), {})
        first = Toy()
        with mock.patch.object(soak.time, "monotonic", iter([0, 0, 0, 0, 1, 99, 99]).__next__):
            self.assertEqual(self.soak(first, 5), (1, 0))
        second = Toy()
        self.soak(second)
        self.assertEqual(first.ran + second.ran, list(range(100)))

    def test_rows_that_never_ran_here_keep_their_line(self):
        page = self.folder / "page.md"
        page.write_text("a\n<!-- soak:begin -->\n| d | c | 6 | w | kept | f | 0 |\n"
                        "| d | c | 4 | w | old | f | 0 |\n<!-- soak:end -->\nb\n")
        self.soak(Toy())
        soak.write(page, soak.load())
        text = page.read_text()
        self.assertTrue(text.startswith("a\n<!--") and text.endswith("-->\nb\n"))
        self.assertIn("| 6 | w | kept |", text)
        self.assertNotIn("| old |", text)
        self.assertRegex(text, r"\| 4 \| [^|]* \| 100 flips in 100 of 100 cases \|")
        self.assertEqual(len(re.findall(r"^\| .* \|$", text, re.M)), 1 + len(soak.ROWS))


class Detectors(unittest.TestCase):
    def test_each_finds_the_bug_planted_for_it(self):
        for row, (_, _, _, parts) in soak.ROWS.items():
            for part in parts:
                with self.subTest(row=row, part=part.name):
                    found, said = soak.find_planted(part, BUILD)
                    self.assertIsNot(found, False, said)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
