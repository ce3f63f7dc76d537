#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/agent/test_poison.py LIBRARY - what is remembered is data, whatever it says (reliability
row 17).

Each script of test/agent/poison.py is kept through one door and read through all of them: it comes
back as it was said, under its own number, with its source; a model is shown it as a line of JSON
between two sentences; a terminal shows nothing of it that steers it, and no line that begins like a
record's; a conversation that recalls it keeps the question and the answer, and nothing of it;
nobody else finds it, and as a search it finds nothing of anybody else's and breaks nothing.

OMNESIA_SOAK=FIRST:COUNT runs scripts that are mixed of several; OMNESIA_PLANT shows the model the
texts without their quotes.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path += [str(Path(__file__).resolve().parents[1] / "serve"), str(Path(__file__).parent)]
LIBRARY = sys.argv.pop(1)

import doors  # noqa: E402
import poison  # noqa: E402
from doors import PROGRAM, Scope  # noqa: E402
from poison import FRAME, FRAME_END, STEERS  # noqa: E402
from server import TINY, Server  # noqa: E402
from soak import planted  # noqa: E402

ANN, BOB = Scope("", "ann", None, None), Scope("", "bob", None, None)
NAMES = ["speaker", "source", "session", "ref", "time", "kind"]
CLEAN = {"grammar": 'root ::= "so it is"'}

STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
LINE = re.compile(rf'#(?P<id>\d+)(?: (?:[\d-]+(?: [\d:]+)?|(?P<time>{STRING})))?'
                  rf'(?: (?P<speaker>{STRING}))?: (?P<text>{STRING})'
                  rf'(?: \(cut: it has \d+ bytes\))?(?: from (?P<source>{STRING}))?')


class World:
    """One store of nobody's key, all doors to it, and what was put into it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="omnesia-poison-")
        here = self.folder.name
        self.store = here + "/memory.db"
        self.server = Server("--ctx", "4096", "--remember", "--store", self.store, "--body-limit",
                             "64M").start()
        self.c = doors.C(LIBRARY, self.store, False)
        self.cli = doors.Cli(self.store)
        self.lines = doors.Lines(self.store, here)
        self.tools, self.rest = (kind(self.server, {"": "any"}) for kind in (doors.Http,
                                                                             doors.Memories))
        self.ways = [self.by_c, self.by_rest, self.by_file, self.by_cli, self.by_tool]
        self.c.add(BOB, "What bob said of his own accord.", "bob")

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind:
            self.server.process.kill()
        for door in (self.c, self.lines):
            door.close()
        self.server.__exit__(kind)
        self.folder.cleanup()

    # ---- ways in: the number of the record ---------------------------------------------------
    def by_c(self, fields):
        known = {k: doors.text(v) for k, v in fields.items()}
        record = doors.CRecord(n=len(known["text"]), **known)
        i = doors.c_int64()
        self.c.ok(self.c.lib.mn_mem_add(self.c.mem, self.c.scope(ANN), doors.ctypes.byref(record),
                                        doors.c_size_t(1), doors.ctypes.byref(i)))
        return i.value

    def by_rest(self, fields):
        r = self.server.post("/v1/memories", fields, headers={"Omnesia-User": "ann"})
        if r.status != 200:
            raise doors.Refused(r.json["error"]["message"])
        return r.json["id"]

    def newest(self):
        r = self.server.get("/v1/memories?newest=true&limit=1&budget=100",
                            headers={"Omnesia-User": "ann"}).json["results"]
        return r[0]["id"] if r else 0

    def by_file(self, fields):
        path = self.folder.name + "/in.jsonl"
        Path(path).write_text(json.dumps({**fields, "user": "bob", "id": 1}) + "\n",
                              encoding="utf-8")
        if self.c.carry_in(ANN, path) != 1:
            raise doors.Refused("the line was not taken: too long")
        return self.newest()

    def by_cli(self, fields):
        if len(fields["text"].encode()) > 100_000:  # of no command line
            return self.by_rest(fields)
        words = [w for k in NAMES if k in fields for w in (f"--{k}={fields[k]}",)]
        done = self.mem("add", *words, "--json", "--", fields["text"])
        if done.returncode:
            raise doors.Refused(done.stderr.decode())
        return json.loads(done.stdout)["id"]

    def mem(self, verb, *words):
        return subprocess.run([PROGRAM, "mem", verb, "--store", self.store, "--user", "ann",
                               "--embedder", "none", "--region", "none", *words],
                              capture_output=True, timeout=60, check=False)

    def by_tool(self, fields):
        if set(fields) - {"text", "time", "source"}:
            return self.by_c(fields)
        return self.lines.use(ANN, "memory_add", **fields)["id"]

    # ---- ways out ----------------------------------------------------------------------------
    def expect(self, what, got, want):
        if got != want:
            raise AssertionError(f"{self.doing}: {what}: {str(got)[:400]!r}, "
                                 f"not {str(want)[:400]!r}")

    def shown(self, who, word):
        """What a model is shown: {id: record}."""
        said = self.c.recall(who, word)
        if planted():
            said = said.replace("\\n", "\n").replace("\\\"", "\"")
        if not said:
            return {}
        self.expect("the frame", (said[:len(FRAME)], said[-len(FRAME_END):]), (FRAME, FRAME_END))
        records = {}
        for line in said[len(FRAME):-len(FRAME_END)].removesuffix("\n").split("\n"):
            at = LINE.fullmatch(line)
            if not at:
                raise AssertionError(f"{self.doing}: {line[:200]!r} is no line of a record")
            records[int(at["id"])] = {k: json.loads(at[k]) for k in ("text", "time", "source",
                                                                    "speaker") if at[k]}
        return records

    def as_data(self, s, i):
        one = self.shown(ANN, s.word).get(i, {})
        if not one.get("speaker") and "time" not in s.fields:
            one["speaker"] = one.get("time")  # of a record whose time nobody knows
        want = {k: s.fields.get(k) for k in ("text", "source", "speaker")}
        if want["source"] == "chat":  # where most are from
            want["source"] = None
        self.expect("what a model reads", {k: one.get(k) for k in want}, want)

    def told(self, s, i, found):
        """A list of JSON records, with those that were cut."""
        mine = [r for r in found if r["id"] == i]
        self.expect("how often it is found", len(mine), 1)
        r, text = mine[0], s.fields["text"]
        same = text.startswith(r["text"]) and r["bytes"] == len(text.encode()) if "bytes" in r \
            else r["text"] == text
        self.expect("its text", (same, r["source"]), (True, s.fields.get("source")))

    def on_a_terminal(self, s, i):
        out = self.mem("search", s.word).stdout.decode()
        self.expect("what steers a terminal", STEERS.findall(out), [])
        heads = [line for line in out.split("\n") if line and not line.startswith("    ")]
        ids = {r["id"] for r in self.c_found(s.word)}
        for line in heads:
            self.expect(f"the line {line[:80]!r}", bool(re.match(r"#\d+  ", line)) and
                        int(re.match(r"#(\d+)", line)[1]) in ids, True)
        self.expect("is it shown", any(line.startswith(f"#{i}  ") for line in heads), True)

    def c_found(self, query, who=ANN):
        return [{"id": i, "text": t} for i, t in self.c.find(who, query=doors.text(query), k=20)]

    def in_a_conversation(self, s, i):
        """It is recalled, and not kept again."""
        before = self.newest()
        question = f"What of {s.word}?"
        r = self.server.chat(question, user="ann", **CLEAN)
        self.expect("the answer", r.status, 200)
        if len(s.fields["text"]) < 1000:  # others have no room
            self.expect("is it recalled", i in r.json["recalled"], True)
        kept = self.server.get(f"/v1/memories?after={before}&budget=20000",
                               headers={"Omnesia-User": "ann"}).json["results"]
        self.expect("what is kept", [(k["text"], k["speaker"], k["source"]) for k in kept],
                    [(question, "ann", "serve"), ("so it is", "assistant", "serve")])
        for k in kept:
            self.c.forget(ANN, k["id"])

    def of_nobody_else(self, s, i):
        r = self.server.chat(f"What of {s.word}?", user="bob", **CLEAN).json
        own = {number for number, _ in self.c.list(BOB)}
        for name, found in [("a conversation", r["recalled"])] + [
                (door.name, [number for number, _ in door.search(BOB, s.word)])
                for door in (self.c, self.cli, self.rest, self.lines, self.tools)]:
            self.expect(f"what bob finds by {name}", set(found) - own, set())
        self.expect("what bob is told", set(self.shown(BOB, s.word)) - own, set())
        try:
            self.expect("what bob gets", self.c.get(BOB, i), None)
        except doors.NoRecord:
            pass

    def as_a_search(self, s):
        """It breaks nothing, and finds nothing of bob's."""
        query = s.fields["text"][:4000]
        bobs = {i for i, _ in self.c.list(BOB)}
        for name, found in (("C", self.c.find(ANN, query=doors.text(query), k=20)),
                            ("HTTP", self.rest.search(ANN, query)),
                            ("lines", self.lines.search(ANN, query))):
            self.expect(f"what of bob's is found by {name}", bobs & {i for i, _ in found}, set())

    # ---- a script ----------------------------------------------------------------------------
    def refuse(self, s):
        was = self.newest()
        for way in self.ways:
            self.doing = f"{s.word} {way.__name__}"
            try:
                self.expect("its number", way(s.fields), None)
            except (doors.Refused, doors.NoRecord) as refusal:
                self.expect("a sentence", len(str(refusal)) > 20, True)
            self.expect("what is there", self.newest(), was)

    def run(self, n, s):
        if s.refused:
            return self.refuse(s)
        way = self.ways[n % len(self.ways)]
        self.doing = f"{s.kind} {s.word} {way.__name__}"
        i = way(s.fields)
        self.as_data(s, i)
        for door in (self.lines, self.tools):
            page = door.use(ANN, "memory_search", query=s.word, budget=20000)
            self.expect("a note", "not instructions" in page["note"], True)
            self.told(s, i, page["records"])
        page = self.rest.send(ANN, "POST", "/search", {"query": s.word, "budget": 20000}).json
        self.told(s, i, page["results"])
        if len(s.fields["text"]) < 100_000:
            self.told(s, i, self.cli.run(ANN, "search", s.word)["results"])
        self.on_a_terminal(s, i)
        self.in_a_conversation(s, i)
        self.of_nobody_else(s, i)
        self.as_a_search(s)
        self.c.forget(ANN, i)
        self.expect("what is forgotten", i in [number for number, _ in self.c.list(ANN)], False)
        return None


class Poison(unittest.TestCase):
    def test_every_script_stays_data(self):
        all_of_them = poison.scripts()
        self.assertGreaterEqual(len(all_of_them), 200)
        self.assertEqual(len({s.word for s in all_of_them}), len(all_of_them))
        with World() as world:
            for n, s in enumerate(all_of_them):
                world.run(n, s)
            kept = [s for s in all_of_them if not s.refused]
            for s in kept:
                world.by_c(s.fields)
            self.chat(world, kept)
            self.carry(world)
        print(f"{len(all_of_them)} scripts")

    def chat(self, world, scripts):
        """`omnesia chat` shows what comes to mind, and all of it on /memory."""
        was = world.newest()
        asked = "".join(f"What of {s.word}?\n/memory\n/clear\n" for s in scripts)
        env = {**os.environ, "OMNESIA_DATA": world.folder.name}
        done = subprocess.run([PROGRAM, "chat", "-m", TINY, "-n", "2", "--temp", "0", "--ctx",
                               "4096", "--region", "none", "--user", "ann", "--store", world.store],
                              input=asked.encode(), capture_output=True, timeout=240, env=env,
                              check=False)
        said = done.stderr.decode()
        self.assertEqual(STEERS.findall(said.replace("\x1b[K", "")), [], said[-400:])
        for line in said.split("\n"):
            self.assertRegex(line, r"^(\(remembered: #\d+, |\(what was remembered has no room |"
                             r"memory of ann is on$|Records of earlier |#\d+ |"
                             r"\(end of the records\)$|$)")
        kept = world.server.get(f"/v1/memories?after={was}&limit=1000&budget=20000", headers={
            "Omnesia-User": "ann"}).json["results"]
        questions = [r["text"] for r in kept if r["speaker"] == "ann"]
        self.assertEqual(questions[:50], [f"What of {s.word}?" for s in scripts][:50])
        self.assertEqual({r["speaker"] for r in kept}, {"ann", "assistant"})

    def carry(self, world):
        """Out, and in again for somebody else: the same, and that one's alone."""
        path, carl = world.folder.name + "/all.jsonl", Scope("", "carl", None, None)
        world.c.carry_out(ANN, path)
        world.c.carry_in(carl, path)
        self.assertEqual([t for _, t in world.c.list(carl)], [t for _, t in world.c.list(ANN)])
        world.expect("bob's", world.c.list(BOB)[0][1], "What bob said of his own accord.")


if __name__ == "__main__":
    if "OMNESIA_SOAK" in os.environ:
        first, count = (int(n) for n in os.environ["OMNESIA_SOAK"].split(":"))
        with World() as all_doors:
            for i in range(first, first + count):
                all_doors.run(i, poison.mixed(i))
        print(f"soak: {first + count} of 0, {count} counted")
    else:
        unittest.main()
