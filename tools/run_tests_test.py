# SPDX-License-Identifier: Apache-2.0
"""tools/run_tests_test.py - the counting of tests can neither invent a pass nor lose a failure."""
import unittest

import run_tests


def run(result, stdout="", stderr=""):
    return run_tests.count({"result": result, "stdout": stdout, "stderr": stderr})


class Count(unittest.TestCase):
    def test_cases_of_a_program(self):
        text = "[==========] 4 test(s) run.\n[  PASSED  ] 2 test(s).\n"
        text += "[  SKIPPED ] 1 test(s), listed below:\n[  FAILED  ] 1 test(s), listed below:\n"
        self.assertEqual(run("FAIL", stderr=text), (2, 1, 1))

    def test_several_groups_add_up(self):
        group = "[  PASSED  ] 3 test(s).\n"
        self.assertEqual(run("OK", stdout=group, stderr=group), (6, 0, 0))

    def test_a_program_that_counts_nothing_is_one_case(self):
        self.assertEqual(run("OK"), (1, 0, 0))
        self.assertEqual(run("FAIL"), (0, 1, 0))
        self.assertEqual(run("SKIP"), (0, 0, 1))

    def test_death_after_passes_is_a_failure(self):
        for result in ("ERROR", "TIMEOUT", "FAIL", "INTERRUPT"):
            self.assertEqual(run(result, stdout="[  PASSED  ] 3 test(s).\n"), (3, 1, 0))

    def test_all_skipped_passes_nothing(self):
        text = "[  PASSED  ] 0 test(s).\n[  SKIPPED ] 2 test(s), listed below:\n"
        self.assertEqual(run("OK", stderr=text), (0, 0, 2))


if __name__ == "__main__":
    unittest.main()
