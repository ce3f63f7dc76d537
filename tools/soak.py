#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/soak.py [--row N --seconds S] [--write FILE] [--planted BUILD] - the long tests.

`make test` runs the quick form of every promise in docs/RELIABILITY.md. This runs the full forms,
a slice at a time, as long as one likes (`make soak ROW=4 S=600`): what was reached is kept in
build/soak/state.json, so the next run goes on there. A slice that fails is halved until the
failing case stands alone; that case is tried again first in every later run, and counts as a
failure until it passes. Without --row the rows and their counts are listed; --write puts them
into a document. --planted runs each detector against a planted bug, which it must find.
"""
import argparse
import functools
import datetime
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from soak_rows import ROOT, ROWS, SLICE, Each, Fuzz, Test, call

STATE = ROOT / "build/soak/state.json"

# ---- the state: {row: {at, date, parts: {part: {next, total, counted, count, failed, tried}}}} ---


def load():
    return json.loads(STATE.read_text()) if STATE.exists() else {}


def save(state):
    STATE.parent.mkdir(parents=True, exist_ok=True)
    new = STATE.with_suffix(".new")
    new.write_text(json.dumps(state, indent=1) + "\n")
    new.replace(STATE)


def commit():
    said = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False) if shutil.which("git") else 0
    return (said.stdout.strip() if said else "") or "unknown"


def narrow(part, first, count):
    """(counted, [[first, count, words]]): what fails among these cases, as small as can be."""
    _, counted, failed, words = part.run(first, count)
    if not failed:
        return counted, []
    if count > 1 and not isinstance(part, Fuzz):
        half = count // 2
        a, b = narrow(part, first, half), narrow(part, first + half, count - half)
        if a[1] or b[1]:
            return a[0] + b[0], a[1] + b[1]
    return 0, [[first, count, words[-2000:]]]  # alone, or only in company


def old_failures(mine):
    """Of earlier runs, and not yet tried again in this one."""
    return [f for f in mine["failed"] if f[0] not in mine["tried"]]


def step(part, mine, say):
    """One slice of a part, or one try of what has failed before; the number counted."""
    begin, again = time.monotonic(), old_failures(mine)
    first, count = again[0][:2] if again else (mine["next"], mine["count"])
    if part.total:
        count = min(count, part.total - first)
    counted, failed = narrow(part, first, count)
    seconds = max(time.monotonic() - begin, 0.01)
    mine["failed"] = [f for f in mine["failed"] if not again or f[0] != first] + failed
    mine["tried"] += [first] + [f[0] for f in failed]
    mine["counted"] += counted
    mine["total"] = part.total
    if not again:
        mine["next"] = min(first + count, part.total or first + count)
        if not failed and not isinstance(part, Fuzz):
            mine["count"] = max(1, min(int(count * SLICE / seconds), count * 8))
    of = f" of {part.total}" if part.total else ""
    say(f"{part.name}: case {mine['next']}{of}, {mine['counted']} counted, "
        f"{len(mine['failed'])} failing")
    for case, _, words in failed:
        say(f"{part.name}: case {case} fails:\n{words[-1500:]}")
    return counted


def over(part, mine):
    """Has the part nothing left to do in this run?"""
    return not old_failures(mine) and bool(mine["total"]) and mine["next"] >= mine["total"]


def run(row, seconds, say=print):
    """Turn by turn through the row's parts until time is over; (counted, failures)."""
    what, _, _, parts = ROWS[row]
    state, passed = load(), 0
    mine = state.setdefault(str(row), {"parts": {}})
    missing = [p.tool for p in parts if isinstance(p, Each) and not shutil.which(p.tool)]
    parts = [p for p in parts if not isinstance(p, Each) or shutil.which(p.tool)]
    say(f"row {row}: {what}" + "".join(f"; {tool} is not installed" for tool in missing))
    for build in sorted({p.build for p in parts}):
        status, said = call(["make", "--no-print-directory", f"BUILD={build}", "all"])
        if status:
            say(said)
            return 0, 1
    for part in parts:
        ours = mine["parts"].setdefault(part.name, {"next": 0, "total": 0, "counted": 0,
                                                    "count": 1, "failed": []})
        ours["tried"] = []
        if isinstance(part, Test):  # the others know it themselves
            part.total = ours["total"]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        left = [p for p in parts if not over(p, mine["parts"][p.name])]
        if not left:
            say("every case has been tried")
            break
        for part in left:
            if time.monotonic() < end:
                passed += step(part, mine["parts"][part.name], say)
                mine.update(at=commit(), date=datetime.date.today().isoformat(), missing=missing)
                save(state)
    return passed, sum(len(mine["parts"][p.name]["failed"]) for p in parts)


# ---- what was reached ---------------------------------------------------------------------------


def line(row, state):
    """[date, commit, row, what, reached, figure, failures] in words."""
    what, figure, unit, _ = ROWS[row]
    mine = state.get(str(row))
    if not mine:
        return ["-", "-", str(row), what, "0", f"{figure:,} {unit}" if figure else "all", "-"]
    parts = mine["parts"].values()
    counted, done = sum(p["counted"] for p in parts), sum(p["next"] for p in parts)
    total = sum(p["total"] for p in parts)
    reached = f"{counted:,} {unit}"
    if not figure and total:
        reached += f" in {done:,} of {total:,} cases"
    reached += "".join(f"; no {tool} here" for tool in mine.get("missing", []))
    return [mine["date"], mine["at"], str(row), what, reached,
            f"{figure:,} {unit}" if figure else "all cases", str(sum(len(p["failed"])
                                                                     for p in parts))]


HEAD = ["date", "commit", "row", "what", "reached", "figure", "failing"]


def write(target, state):
    """Put the table between the two markers of `target`; rows never run here stay as they were."""
    begin, end = "<!-- soak:begin -->", "<!-- soak:end -->"
    text = target.read_text(encoding="utf-8")
    head, rest = text.split(begin)
    old, tail = rest.split(end)
    kept = {c[3].strip(): old_line for old_line in old.splitlines()
            if len(c := old_line.split("|")) > 8}
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for row in ROWS:
        new = "| " + " | ".join(line(row, state)) + " |"
        lines.append(new if str(row) in state else kept.get(str(row), new))
    target.write_text(head + begin + "\n" + "\n".join(lines) + "\n" + end + tail, "utf-8")


@functools.lru_cache(maxsize=None)  # parsers are fuzzed in one way
def plant(command):
    with tempfile.TemporaryDirectory() as folder:
        return call(["sh", "-c", command], {"OUT": folder + "/planted"})


def find_planted(part, build):
    """(was the planted bug found, what was said); None where the tool is missing."""
    if isinstance(part, Test):
        first, count = map(int, part.first.split(":"))
        _, _, failed, said = part.run(first, count, {"OMNESIA_PLANT": "1"}, build)
        return None if part.skipped else failed and part.found in said, said.strip()
    if isinstance(part, Each) and not shutil.which(part.tool):
        return None, f"{part.tool} is not installed"
    status, said = plant(part.plant)
    return status != 0 and part.found in said, said


def planted(build):
    """Every detector must find its planted bug; (found, not found)."""
    count = [0, 0]
    for row, (_, _, _, parts) in ROWS.items():
        for part in parts:
            found, said = find_planted(part, build)
            words = {None: said, True: "found its bug", False: f"did not find its bug:\n{said}"}
            print(f"row {row}, {part.name}: {words[found]}")
            count[found is False] += found is not None
    return count


def main(argv):
    args = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawTextHelpFormatter)
    args.add_argument("--row", type=lambda row: int(row) if row.isdigit() else row,
                      choices=list(ROWS))
    args.add_argument("--seconds", type=float, default=60)
    args.add_argument("--write", type=Path)
    args.add_argument("--planted", metavar="BUILD")
    a = args.parse_args(argv)
    passed = failed = 0
    if a.planted:
        passed, failed = planted(a.planted)
    elif a.row:
        passed, failed = run(a.row, a.seconds, lambda text: print(text, flush=True))
    else:
        state = load()
        for row in ROWS:
            print("  ".join(line(row, state)[2:]))
        return 0 if not a.write else write(a.write, state) or 0
    if a.write:
        write(a.write, load())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
