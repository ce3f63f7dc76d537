#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/run_tests.py FOLDER [--suite S].. [--only NAME].. - run a build's tests and count them.

Meson runs the programs, in parallel and with time limits; each program holds many cases. The
last line counts cases, "N passed, N failed, N skipped": a program that prints no count of its
own is one case, and a program that dies is one failure on top of the cases it had passed.
The exit status is 0 only when something passed and nothing failed.

Tests of the suite "model" share one model: it is fetched once, before them, where its progress
can be seen; when that fails they are not tried, and count as one failure.
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

MODEL = "smollm2-135m"
COUNT = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) +\] (\d+) test\(s\)", re.M)


def count(run):
    """(passed, failed, skipped) cases of one line of Meson's testlog.json."""
    found = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0}
    for word, number in COUNT.findall((run.get("stdout") or "") + "\n" + (run.get("stderr") or "")):
        found[word] += int(number)
    passed, failed, skipped = found.values()
    if run["result"] == "SKIP":
        skipped = max(skipped, 1)
    elif run["result"] == "OK":
        passed = passed if passed or skipped else 1
    else:  # FAIL, ERROR, TIMEOUT, INTERRUPT, UNEXPECTEDPASS
        failed = max(failed, 1)
    return passed, failed, skipped


def needs_model(folder, suites, only):
    """Does any chosen test of this build belong to the suite "model"?"""
    tests = json.loads((folder / "meson-info" / "intro-tests.json").read_text())
    for test in tests:
        mine = {suite.split(":")[-1] for suite in test["suite"]}
        if "model" in mine and (not only or test["name"] in only):
            if not suites or mine & set(suites):
                return True
    return False


def fetch_model(folder):
    """Is the model there, now? Its progress, or why not, has been printed."""
    command = [folder / "omnesia", "pull", MODEL]
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument("--suite", action="append", default=[])
    args.add_argument("--only", action="append", default=[])
    args = args.parse_args()

    command = ["meson", "test", "-C", str(args.folder), "--no-rebuild", "--print-errorlogs"]
    if "asan" in args.folder.name or "tsan" in args.folder.name:
        command += ["--timeout-multiplier", "4"]
    command += [f"--suite={suite}" for suite in args.suite] + args.only
    no_model = needs_model(args.folder, args.suite, args.only) and not fetch_model(args.folder)
    if no_model:
        command.append("--no-suite=model")
    log = args.folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    status = subprocess.run(command).returncode
    runs = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    totals = [sum(column) for column in zip(*map(count, runs))] or [0, 0, 0]
    if no_model:
        totals[1] += 1
        print(f"the tests with a model were not run: {MODEL} could not be fetched, see above")
    slow = sorted(((run["duration"], run["name"].split(" / ")[-1]) for run in runs), reverse=True)
    print("slowest: " + ", ".join(f"{name} {seconds:.1f} s" for seconds, name in slow[:3]))
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 0 if status == 0 and totals[0] and not totals[1] else 1


if __name__ == "__main__":
    sys.exit(main())
