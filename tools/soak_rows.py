# SPDX-License-Identifier: Apache-2.0
"""tools/soak_rows.py - the table of the long tests, and the kinds of work in it (tools/soak.py).

A row has parts. A part runs some of its cases and says what came of them; it knows a planted bug
that it must find. Parts are
  Test   a test program in its full form (test/soak.h says how it is asked and what it answers)
  Fuzz   a libFuzzer target; executions are counted and its corpus is kept
  Each   one command for each of a list of things; each must exit with 0
"""
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SLICE = 15  # seconds a slice aims at
HANG = 600  # seconds after which a slice counts as hung
LOUD = {"ASAN_OPTIONS": "halt_on_error=1:abort_on_error=1",
        "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1"}
CC, PLANTED = "cc -g -pthread", "test/tools/planted.c -o $OUT"
INCLUDES = "-Isrc -Iinclude -D_GNU_SOURCE".split()


def call(command, env=None):
    """(exit status, all that was said); a command that hangs is stopped and has failed."""
    try:
        done = subprocess.run([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=HANG,
                              env={**os.environ, **LOUD, **(env or {})}, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as late:
        return -1, (late.stdout or b"").decode("utf-8", "replace") + f"\nhangs: {HANG} seconds"


class Test:
    """A test of meson's list; of a bug planted in the cases `first` it says `found`."""

    def __init__(self, name, test, build, found, first="0:1", args=()):
        self.name, self.test, self.build, self.found = name, test, build, found
        self.first, self.args, self.total, self.skipped = first, args, 0, False

    def run(self, first, count, env=None, build=None):
        """(next case, counted, failed, words)"""
        listed = ROOT / (build or f"build/{self.build}") / "meson-info/intro-tests.json"
        test = next(t for t in json.loads(listed.read_text()) if t["name"] == self.test)
        env = {**test["env"], "OMNESIA_CACHE": str(ROOT / "build/soak/cache"),
               "OMNESIA_SOAK": f"{first}:{count}", **(env or {})}
        status, said = call([*test["cmd"], *self.args], env)
        self.skipped = status == 77  # it says why; a failure all the same, for nothing was tried
        found = re.search(r"^soak: (\d+) of (\d+), (\d+) counted", said, re.M)
        if status or not found:
            return first + count, 0, True, said
        self.total = int(found[2])
        return int(found[1]), int(found[3]), False, said


class Fuzz:
    """A fuzz target; its cases have no numbers, so an input that fails is kept, and tried first."""
    build, total, plant = "fuzz", 0, f"{CC} -fsanitize=address {PLANTED} && $OUT heap"
    found = "heap-buffer-overflow"

    def __init__(self, name):
        self.name = name

    def run(self, first, count):
        for kept in sorted((ROOT / "build/fuzz").glob(f"{self.name}-*-*")):
            status, said = call([f"build/fuzz/test/fuzz-{self.name}", kept])
            if status:
                return first + count, 0, True, said
        status, said = call(["tools/fuzz.sh", self.name, SLICE])
        found = re.search(r"^stat::number_of_executed_units: (\d+)", said, re.M)
        return first + count, int(found[1]) if found else 0, bool(status or not found), said


class Each:
    """`command` (a list, {} the thing) for each thing; `tool` must be installed. `plant` is a shell
    line that lets the tool look at a planted bug, and `found` what it must say."""

    def __init__(self, name, build, tool, command, things, plant, found):
        self.name, self.build, self.tool, self.command = name, build, tool, command
        self.things, self.plant, self.found = things, plant, found

    @property
    def total(self):
        return len(self.things())

    def run(self, first, count):
        for at, thing in enumerate(self.things()[first:first + count]):
            status, said = call([word.replace("{}", thing) for word in self.command])
            if status:
                return first + count, at, True, f"{thing}: {said}"
        return min(first + count, self.total), count, False, ""


def tests(build, *suites):
    """The names of a build's tests in these suites."""
    def names():
        listed = json.loads((ROOT / f"build/{build}/meson-info/intro-tests.json").read_text())
        return [t["name"] for t in listed if {s.split(":")[-1] for s in t["suite"]} & set(suites)]
    return names


def parsers():
    """The files that read what may be hostile."""
    names = "model/gguf* model/jinja* model/packfile.c model/store_* model/template* " \
            "model/tokenizer* engine/grammar*"
    found = [p for n in names.split() for p in (ROOT / "src").glob(n) if p.suffix == ".c"]
    return sorted(str(p.relative_to(ROOT)) for p in found)


def in_valgrind():
    few = "base-error base-opt model-gguf model-tokenizer model-template kv-seq engine-sample"
    return [f"build/release/test/test-{name}" for name in few.split()]




def suite(build):
    return ["tools/run_tests.py", f"build/{build}", "--only", "{}"]


TIDY = ["clang-tidy", "--quiet", "--warnings-as-errors=*", "--checks=-*,clang-analyzer-*,"
        "-clang-analyzer-security.insecureAPI.Deprecated*", "{}", "--", *INCLUDES]
CPPCHECK = ["cppcheck", "--quiet", "--error-exitcode=9", "--enable=warning,portability",
            "--inline-suppr", *INCLUDES, "{}"]
ANALYZER = ["gcc", "-std=gnu11", "-O2", "-fanalyzer", "-Werror", "-c", "-o", "/dev/null",
            *INCLUDES, "{}"]


def on_planted(command):
    return shlex.join(command).replace("{}", "test/tools/planted.c").replace("'", "")


# row: (what, figure in numbers or 0 for all cases of all parts, its unit, parts)
ROWS = {
    1: ("kill -9 among eight processes that share a region", 100000, "kills",
        [Test("storm", "region-storm", "release", "nobody wrote"),
         Test("disk", "kv-disk-storm", "release", "is another's")]),
    "1b": ("death at every instruction of every call that changes a region, and of recovering", 0,
           "deaths", [Test("steps", "region-steps", "release", "nobody wrote")]),
    "1c": ("kill -9 among six that put, read, watch and append objects", 100000, "kills",
           [Test("storm", "region-object-storm", "release", "nobody wrote")]),
    "1d": ("death at every instruction of put, del, append and commit, and of who buries them", 0,
           "deaths", [Test("objects", "region-object-steps", "release", "neither"),
                      Test("commits", "region-commit-steps", "release", "neither")]),
    "1e": ("kill -9 among four that move things in one scene", 10**6, "moves",
           [Test("storm", "fleet-moves-storm", "release", "were acknowledged")]),
    2: ("what a power cut leaves of extents' files and of the journal of objects", 10**6, "states",
        [Test("states", "kv-disk", "release", "is another's", "0:4", ["power"]),
         Test("journal", "region-journal", "release", "is lost", "0:40")]),
    3: ("fuzzing of every parser, with sanitizers", 10**9, "executions",
        [Fuzz(name) for name in (
            "gguf", "tokenizer", "template", "extent_file", "region_head", "gbnf", "schema", "far",
            "fleet_board", "fleet_mcp", "fleet_plan", "fleet_redis", "fleet_ros2", "fleet_said",
            "fleet_yaml", "answer", "ask", "form", "http", "ini", "mcp", "port", "safetensors")]),
    "3b": ("answers out of random logits that follow random JSON schemas", 10**6, "answers",
           [Test("small", "engine-schema-random", "release", "case ", "0:8"),
            Test("SmolLM2", "engine-schema-smollm2", "release", "case ", "0:8")]),
    4: ("each single bit of a model, of its pack and of an extent on disk turned", 0, "flips",
        [Test("gguf", "api-flips", "asan", "bytes stay booked", "32:1", ["gguf"]),
         Test("pack", "api-flips", "asan", "was not mended", "1000000:1", ["pack"]),
         Test("extent", "kv-disk", "release", "was not noticed", "3127089:1", ["bits"])]),
    5: ("the n-th allocation or file operation of every call fails", 0, "failures",
        [Test("omnesia.h", "api-alloc", "asan", "bytes said, not"),
         Test("commands", "cli-failures", "asan", "status 0, said", args=["calls"]),
         Test("records", "api-mem-faults", "asan", "then there is", "1:1")]),
    6: ("one prompt, any kernels, threads, chunks, cuts, company: one hash", 24000, "answers",
        [Test("ways", "engine-invariance", "release", "chunks of")]),
    8: ("nobody sees or changes another's records, by any door", 100000, "sequences",
        [Test("doors", "agent-doors", "release", "sees (", "0:40")]),
    9: ("minutes of mixed load on a server with little memory", 120, "minutes",
        [Test("mixed", "serve-memory", "release", "it took", "0:1", ["mixed"])]),
    10: ("what one tenant computed, another looks for by the time an answer takes", 0, "probes",
         [Test("timing", "api-timing", "release", "the area is", "0:1")]),
    11: ("a neighbour who scribbles into the region and its files", 1000, "rounds",
         [Test("scribbles", "kv-hostile", "asan", "were another's", "1:1")]),
    12: ("hostile names at every door: nothing else is opened", 0, "names",
         [Test("names", "cli-names", "release", "opens", "0:8")]),
    13: ("how much of a key is right, told by the time its check takes", 0, "pairs of keys",
         [Test("checks", "serve-auth", "release", "take different times", "0:1")]),
    14: ("one client beside a thousand slow streams and heads that never end", 100, "crowds",
         [Test("crowd", "serve-slow", "release", "descriptors are open", "0:1", ["crowd"])]),
    15: ("clients that leave at any moment of any request", 0, "clients",
         [Test("chaos", "serve-slow", "release", "descriptors are open", "0:1", ["chaos"])]),
    17: ("no text of anybody becomes a special token, in any vocabulary, wherever it stands", 0,
         "tokens", [Test("tokens", "api-poison-models", "release", "is a special token", "0:1")]),
    "17b": ("what is remembered is data, whatever it says, by all doors and for all who read it",
            10000, "scripts",
            [Test("doors", "agent-poison", "release", "is no line of a record", "0:1")]),
    "17c": ("what is forgotten is in no file: every version of it, as text, word and vector", 1000,
            "stores", [Test("forget", "agent-forget", "release", "still, of record", "2:1")]),
    18: ("fleets whose machines, clocks, boards, links, robots, brain and Redis are lost, by seed",
         10000, "seeds",
         [Test("fleets", "fleet-seeds", "release", "in the list of", "0:8"),
          Test("network", "fleet-bridge-seeds", "release", "has 2 homes", "0:8", ["network"]),
          Test("redis", "fleet-bridge-seeds", "release", "went back", "0:8", ["redis"])]),
    19: ("disks of every size that is too small", 0, "sizes",
         [Test("disk", "cli-failures", "asan", "status 0, said", "340:1", ["disk"])]),
    20: ("sanitizers and static checks of the parsers", 0, "tests and files",
         [Each("asan+ubsan", "asan", "cc", suite("asan"), tests("asan", "quick", "model"),
               f"{CC} -fsanitize=address,undefined {PLANTED} && $OUT heap", "heap-buffer-overflow"),
          Each("tsan", "tsan", "cc", suite("tsan"), tests("tsan", "quick"),
               f"{CC} -fsanitize=thread {PLANTED} && $OUT race", "data race"),
          Each("valgrind", "release", "valgrind",
               "valgrind -q --error-exitcode=9 --leak-check=full {}".split(), in_valgrind,
               f"{CC} {PLANTED} && valgrind -q --error-exitcode=9 $OUT heap", "Invalid read"),
          Each("clang-tidy", "release", "clang-tidy", TIDY, parsers, on_planted(TIDY), "null"),
          Each("cppcheck", "release", "cppcheck", CPPCHECK, parsers, on_planted(CPPCHECK), "null"),
          Each("gcc -fanalyzer", "release", "gcc", ANALYZER, parsers, on_planted(ANALYZER),
               "NULL")]),
    22: ("kill -9 among eight processes that add, change, forget and find records", 10**6,
         "operations", [Test("storm", "agent-storm", "release", " found, record ")]),
}
