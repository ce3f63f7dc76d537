# SPDX-License-Identifier: Apache-2.0
"""test/serve/soak.py - the full form of a test of the server, a slice at a time: test/soak.h in
Python.

main({"part": (total, case)}) runs what OMNESIA_SOAK=FIRST:COUNT asks for of the part named on the
command line, and the unit tests otherwise. case(i) is a pure function of its number as far as what
it does goes; it returns how many count, and raises when it finds a failure.
"""
import os
import sys
import unittest


def planted():
    """A bug has been put into the test's own steps, which it must find."""
    return "OMNESIA_PLANT" in os.environ


def main(parts):
    if "OMNESIA_SOAK" not in os.environ:
        unittest.main()
    total, case = parts[sys.argv[1]]
    first, count = (int(n) for n in os.environ["OMNESIA_SOAK"].split(":"))
    end = min(first + count, total) if total else first + count
    counted = sum(case(i) for i in range(first, end))
    print(f"soak: {end} of {total}, {counted} counted")
