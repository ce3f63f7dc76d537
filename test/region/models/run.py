#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/region/models/run.py [MODEL..] - the protocols of the region, checked by Spin.

Every model is verified in all its states, none left out; then once for each MUTANT_n that it
knows, a way to get the protocol wrong, which must be found. A model that nothing could make fail
would prove nothing. Standard library only.

    run.py publish            that model and its mutants
    spin -t -p -g -DMUTANT_3 -k FILE.trail publish.pml     a find, step by step (--keep FOLDER)
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CC = os.environ.get("CC", "cc").split()
# Kills are rendezvous in the escape of an unless, so partial order reduction is for those models
# alone that define NOBODY_DIES.
PAN = ["-w", "-DSAFETY", "-DMEMLIM=2000", "-o", "pan", "pan.c"]
SEARCH = ["./pan", "-n", "-m200000", "-w21"]
FOUND = re.compile(r"^pan:\d+: (assertion violated .*|invalid end state) \(at depth", re.M)
MUTANT = re.compile(r"#ifdef MUTANT_(\d+) /\* (.*?) \*/")


def models(names):
    """Files with a world to run; the others are parts of them."""
    every = [p for p in sorted(HERE.glob("*.pml")) if re.search(r"^init \{", p.read_text(), re.M)]
    return [p for p in every if not names or p.stem in names]


def said(command, folder):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode and command[0] != SEARCH[0]:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}")
    return done.stdout


def search(path, number, root):
    """What came of all states of a model: (states, what was found or None, whole?)."""
    folder = Path(root) / f"{path.stem}-{number}"
    folder.mkdir()
    defines = [f"-DMUTANT_{number}"] if number else []
    said(["spin", "-a", "-P" + " ".join(CC) + " -E -x c", *defines, str(path)], folder)
    every = [] if re.search(r"^#define NOBODY_DIES", path.read_text(), re.M) else ["-DNOREDUCE"]
    said([*CC, "-O0" if number else "-Og", *every, *PAN], folder)
    text = said(SEARCH, folder)
    found, states = FOUND.search(text), re.search(r"(\d+) states, stored", text)
    whole = "errors: 0" in text and not re.search(r"not completed|too small|out of memory", text)
    return int(states[1]) if states else 0, found[1] if found else None, whole and bool(states)


def judge(job):
    """(passed, one line)"""
    path, number, words, root = job
    name = f"{path.stem} {number}" if number else path.stem
    try:
        states, found, whole = search(path, number, root)
    except (RuntimeError, OSError) as error:
        return False, f"{name}: {error}"
    if number:
        how = "found" if found else "NOT FOUND"
        return bool(found), f"{name}: {how} in {states:,} states: {words}"
    if whole and not found:
        return True, f"{name}: holds in all of {states:,} states"
    return False, f"{name}: FAILS, {found or 'not all states were seen'}"


def main():
    args = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("models", nargs="*", metavar="MODEL")
    args.add_argument("--keep", metavar="FOLDER", help="leave what was built, and trails, there")
    args = args.parse_args()
    for program, package in (("spin", "spin"), (CC[0], "gcc")):
        if not shutil.which(program):
            print(f"{program} is not on this machine (Debian package {package})")
            return 77
    if args.keep:
        Path(args.keep).mkdir(parents=True)
    with tempfile.TemporaryDirectory() as root:
        jobs = [(p, n, words, args.keep or root) for p in models(args.models)
                for n, words in [(0, ""), *MUTANT.findall(p.read_text())]]
        jobs.sort(key=lambda job: bool(job[1]))  # the long ones first
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            passed = 0
            for good, line in pool.map(judge, jobs):
                print(line, flush=True)
                passed += good
    failed = len(jobs) - passed
    print(f"[  PASSED  ] {passed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s).")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
