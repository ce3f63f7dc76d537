#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/agent/test_doors.py LIBRARY - nobody sees or changes another's records, by any door
(reliability row 8).

Random operations of random tenants, users, agents and runs, each through a random door of
test/agent/doors.py, against a dictionary that says what each may see. OMNESIA_SOAK=FIRST:COUNT runs
COUNT sequences from number FIRST on; OMNESIA_PLANT puts in a search that does not ask whose agent's
a record is. And every door there is stands in the tables, or a test fails. Beside a PostgreSQL
server (test/agent/with_postgres.py) the store is a database of that.
"""
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path += [str(Path(__file__).resolve().parents[1] / "serve"), str(Path(__file__).parent)]
LIBRARY = sys.argv.pop(1)

import doors  # noqa: E402
import postgres  # noqa: E402
from doors import NoRecord, Refused, Scope  # noqa: E402
from server import Server  # noqa: E402
from soak import planted  # noqa: E402

USERS = ["ann", "Ann", "bob", "ann'--", "ann bob"]
KEYS = {"one": "key-of-one-111", "two": "key-of-two-222"}
STEPS = 30
DIFFERENT = ["cat", "house", "river"]


class World:
    """One store, all doors to it, and what should be in it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="omnesia-doors-")
        here = self.folder.name
        self.store = postgres.new_place() if postgres.BASE else here + "/memory.db"
        Path(here + "/keys").write_text("".join(f"{n}:{k}\n" for n, k in KEYS.items()))
        self.server = Server("--ctx", "64", "--key-file", here + "/keys", "--store", self.store)
        self.server.start()
        self.c = doors.C(LIBRARY, self.store, planted())
        http = doors.Http(self.server, KEYS)
        # Which tenant a key is: the store knows, once it has said something.
        for name in KEYS:
            http.add(Scope(name, "probe " + name, None, None), "hello", "probe")
        if postgres.BASE:
            rows = postgres.ask(self.store, "SELECT name, tenant FROM omnesia.owner")
        else:
            with sqlite3.connect(self.store) as db:
                rows = db.execute("SELECT user, tenant FROM owner").fetchall()
        http.keys = {tenant: KEYS[user.split()[1]] for user, tenant in rows}
        assert len(http.keys) == 2
        self.tenants = ["", *http.keys]
        self.rest = doors.Memories(self.server, http.keys)
        lines = doors.Lines(self.store, here)
        self.doors = [self.c, self.c, self.c, http, self.rest, self.rest, lines, lines,
                      doors.Cli(self.store)]
        self.records, self.words = {}, 0
        self.tried = set()
        self.plans, self.told = {}, {}  # scopes of tasks, and of the words in them

    def close(self):
        for door in set(self.doors):
            door.close()
        self.server.__exit__(None)
        self.folder.cleanup()

    # ---- what there is ---------------------------------------------------------------------------
    @staticmethod
    def sees(scope, r):
        mine = r["scope"]
        return (mine.tenant, mine.user) == (scope.tenant, scope.user) and \
            scope.agent in (None, mine.agent) and scope.run in (None, mine.run)

    def seen(self, scope):
        return {i: r for i, r in self.records.items() if self.sees(scope, r)}

    def now(self, scope):
        return sorted((i, r["texts"][-1]) for i, r in self.seen(scope).items())

    def text(self, rng):
        """Common words, and one that no other text has."""
        self.words += 1
        return f"{rng.choice(DIFFERENT)} {rng.choice(DIFFERENT)} unique{self.words}x told"

    def any_id(self, rng, scope):
        """Mostly of one's own, sometimes another's, sometimes of nobody."""
        own, all_ids = list(self.seen(scope)), list(self.records)
        return rng.choice([rng.choice(own or [1]), rng.choice(own or [1]),
                           rng.choice(all_ids or [1]), rng.randrange(1, 10**6)])

    # ---- one sequence ----------------------------------------------------------------------------
    def begin(self):
        for scope in {r["scope"] for r in self.records.values()}:
            self.c.forget_all(Scope(scope.tenant, scope.user, None, None))
        for user in {s.user for s in self.plans.values()}:
            for tenant in self.tenants:
                self.c.forget_all(Scope(tenant, user, None, None))
        self.records, self.plans, self.told = {}, {}, {}

    def step(self, rng):
        scope = Scope(rng.choice(self.tenants), rng.choice(USERS), rng.choice([None, "a", "b"]),
                      rng.choice([None, None, "7"]))
        door = rng.choice([d for d in self.doors if d.takes(scope)])
        what = rng.choices(list(STEP), [weight for weight, _ in STEP.values()])[0]
        if what == "count":
            scope, door = scope._replace(tenant=rng.choice(self.tenants[1:])), self.rest
        elif what not in door.does:
            door = self.c
        self.doing = f"{door.name}: {what} by {scope}"
        STEP[what][1](self, rng, door, scope)
        self.tried.add((door.name, what))

    def fail(self, said):
        raise AssertionError(f"{self.doing}: {said}")

    def expect(self, got, want):
        if got != want:
            self.fail(f"{got}, not {want}")

    def none_or(self, scope, i, call):
        """The call on record i works when it is seen, and says that there is none otherwise."""
        seen = i in self.seen(scope)
        try:
            got = call()
        except NoRecord:
            if seen:
                self.fail(f"record {i} is not there")
            return None
        if not seen:
            self.fail(f"sees record {i}: {got}")
        return got

    # ---- operations ------------------------------------------------------------------------------
    def add(self, rng, door, scope):
        text, source = self.text(rng), rng.choice(["book", "page"])
        i = door.add(scope, text, source)
        if i in self.records:
            self.fail(f"id {i} was given before")
        mine = scope._replace(agent=scope.agent or "", run=scope.run or "")
        self.records[i] = {"scope": mine, "texts": [text], "source": source}

    def search(self, rng, door, scope):
        found = door.search(scope, rng.choice(DIFFERENT))
        for one in found:
            if one not in self.now(scope):
                self.fail(f"sees {one}")
        if not self.records:
            return
        i, r = rng.choice(list(self.records.items()))
        word = re.search(r"unique\d+x", r["texts"][-1])[0]
        found = [one for one in door.search(scope, word) if word in one[1]]
        self.expect(found, [(i, r["texts"][-1])] if self.sees(scope, r) else [])

    def list(self, rng, door, scope):
        self.expect(door.list(scope), self.now(scope))

    def get(self, rng, door, scope):
        i = self.any_id(rng, scope)
        got = self.none_or(scope, i, lambda: door.get(scope, i))
        if got is not None:
            self.expect(got, self.records[i]["texts"][-1])

    def history(self, rng, door, scope):
        i = self.any_id(rng, scope)
        got = self.none_or(scope, i, lambda: door.history(scope, i))
        if got is not None:
            self.expect(got, self.records[i]["texts"])

    def update(self, rng, door, scope):
        i, text = self.any_id(rng, scope), self.text(rng)
        self.none_or(scope, i, lambda: door.update(scope, i, text))
        if i in self.seen(scope):
            self.records[i]["texts"].append(text)

    def forget(self, rng, door, scope):
        i = self.any_id(rng, scope)
        got = self.none_or(scope, i, lambda: door.forget(scope, i))
        if got is not None:
            self.expect(got, 1)
            del self.records[i]

    def forget_source(self, rng, door, scope):
        source = rng.choice(["book", "page", "nothing"])
        gone = [i for i, r in self.seen(scope).items() if r["source"] == source]
        self.expect(door.forget_source(scope, source), len(gone))
        for i in gone:
            del self.records[i]

    def recall(self, rng, door, scope):
        said = door.recall(scope, rng.choice(DIFFERENT))
        own = {r["texts"][-1] for r in self.seen(scope).values()}
        for word in re.findall(r"unique\d+x", said):
            if not any(word in text for text in own):
                self.fail(f"is told {word}")

    def count(self, rng, door, scope):
        self.expect(door.count(scope), len(self.seen(scope)))

    def plan(self, rng, door, scope):
        """Tasks are records of users of their own here, so that lists of records need not know."""
        scope = scope._replace(user="planner " + scope.user)
        mine = scope._replace(agent=scope.agent or "", run=scope.run or "")
        takes = doors.PLANS[verb := rng.choice(list(doors.PLANS))].split()
        target = rng.choice(list(self.plans) + [10**6])
        word = self.text(rng).split()[2]
        values = {"id": target, "parent": target, "slot": "slot", "text": "do " + word}
        named = "id" in takes or "parent" in takes
        seen = not named or (target in self.plans and self.sees(
            scope, {"scope": self.plans[target]}))
        try:
            said = door.plan(scope, verb, **{a: values[a] for a in takes})
        except NoRecord:
            if seen and named:
                self.fail(f"{verb}: task {target} is not there")
            return
        except Refused:
            return
        if not seen:
            self.fail(f"{verb}: sees task {target}: {said}")
        whose = self.plans[target] if verb in ("update", "done", "fail") else mine
        self.told[word] = whose if verb != "say" else whose._replace(agent=None, run=None)
        if verb in ("new", "step", "replace"):
            self.plans[json.loads(said)["task"]["id"]] = mine
        for one in re.findall(r"unique\d+x", said):
            whose = self.told[one]
            if (whose.tenant, whose.user) != (scope.tenant, scope.user) or \
                    (whose.agent is not None and not self.sees(scope, {"scope": whose})):
                self.fail(f"{verb}: is told {one}: {said}")

    def topic(self, rng, door, scope):
        other = Scope(rng.choice(self.tenants), rng.choice(USERS), None, None)
        same = (other.tenant, other.user) == (scope.tenant, scope.user)
        self.expect(door.topic(scope) == door.topic(other), same)

    def carry_out(self, rng, door, scope):
        path = self.folder.name + "/out.jsonl"
        door.carry_out(scope, path)
        with open(path, encoding="utf-8") as file:
            texts = sorted(json.loads(line)["text"] for line in file)
        os.remove(path)
        self.expect(texts, sorted(t for r in self.seen(scope).values() for t in r["texts"]))

    def carry_in(self, rng, door, scope):
        path, texts = self.folder.name + "/in.jsonl", [self.text(rng) for _ in range(2)]
        with open(path, "w", encoding="utf-8") as file:
            for text in texts:
                file.write(json.dumps({"text": text, "source": "file", "user": "bob",
                                       "tenant": "x"}) + "\n")
        self.expect(door.carry_in(scope, path), 2)
        everything = self.c.list(Scope(scope.tenant, scope.user, None, None))
        for i, text in everything:
            if i not in self.records and text in texts:
                mine = scope._replace(agent=scope.agent or "", run=scope.run or "")
                self.records[i] = {"scope": mine, "texts": [text], "source": "file"}
        self.expect(sorted(t for r in self.records.values() for t in r["texts"]
                           if t in texts), sorted(texts))


STEP = {"add": (30, World.add), "search": (14, World.search), "list": (9, World.list),
        "get": (9, World.get), "history": (7, World.history), "update": (12, World.update),
        "forget": (6, World.forget), "forget_source": (2, World.forget_source),
        "recall": (4, World.recall), "topic": (1, World.topic), "carry_out": (3, World.carry_out),
        "carry_in": (3, World.carry_in), "count": (2, World.count), "plan": (14, World.plan)}


def sequences(first, end):
    world = World()
    try:
        for i in range(first, end):
            rng = random.Random(i)
            world.begin()
            for _ in range(STEPS):
                world.step(rng)
            for tenant in world.tenants:
                for user in USERS:
                    scope = Scope(tenant, user, None, None)
                    world.doing = f"afterwards, {scope}"
                    world.expect(world.c.list(scope), world.now(scope))
    except BaseException:
        world.server.process.kill()
        raise
    world.close()
    return world.tried


class Doors(unittest.TestCase):
    def test_random_sequences(self):
        tried = sequences(0, 24)
        for door in (doors.C, doors.Cli, doors.Lines, doors.Http, doors.Memories):
            self.assertGreater(len([1 for name, _ in tried if name == door.name]), 6, door.name)

    def same(self, there, *tables):
        known = {name for table in tables for name in table}
        self.assertEqual(set(there) - known, set(), "enter it in test/agent/doors.py: does it "
                         "reach records? Then a hand has to try it")
        self.assertEqual(known - set(there), set(), "this is no door any more")

    def test_functions(self):
        header = (doors.SOURCE / "include/omnesia.h").read_text()
        header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
        calls = re.findall(r"MN_API[^;]*?(mn_\w+)\(([^;]*)\);", header)
        self.same([name for name, takes in calls
                   if name.startswith("mn_mem_") or re.search(r"\bmn_(mem|scope|record)\b", takes)],
                  doors.FUNCTIONS)

    def test_commands(self):
        said = subprocess.run([doors.PROGRAM, "help", "--markdown"], capture_output=True,
                              text=True, check=True).stdout
        self.same(re.findall(r"^## omnesia (\w+)", said, re.M), doors.COMMANDS,
                  doors.OTHER_COMMANDS)

    def test_verbs(self):
        table = (doors.SOURCE / "src/cli/mem.c").read_text()
        table = re.search(r"mn_cli_mem_verbs\[\] = (.*?)\{0\}\}", table, re.S)[1]
        self.same(re.findall(r'\{"(\w+)"', table), doors.VERBS)

    def test_plans(self):
        with tempfile.TemporaryDirectory() as folder:
            c = doors.C(LIBRARY, folder + "/memory.db", False)
            said = json.loads(c.plan(Scope(None, "ann", None, None), "verbs"))
            c.close()
        self.same([v["name"] for v in said["verbs"]], doors.PLANS, doors.LOCAL_PLANS)

    def test_tools(self):
        ask = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        with tempfile.TemporaryDirectory() as folder:
            said = subprocess.run([doors.PROGRAM, "mcp", "--region", folder + "/region", "--store",
                                   folder + "/memory.db"], input=ask + "\n", capture_output=True,
                                  text=True, check=True).stdout
        names = [t["name"] for t in json.loads(said)["result"]["tools"]]
        self.same([n for n in names if not n.startswith(("object_", "fleet_"))], doors.TOOLS,
                  ["task_" + verb for verb in doors.PLANS])

    def test_routes(self):
        table = (doors.SOURCE / "src/serve/route.c").read_text()
        table = re.search(r"mn_routes\[\] = (.*?)\{0\}\}", table, re.S)[1]
        self.same([f"{m} {p}" for m, p in re.findall(r'^    \{"([A-Z]+)", "([^"]+)"', table, re.M)],
                  doors.ROUTES, doors.OTHER_ROUTES.split("|"))


if __name__ == "__main__":
    if "OMNESIA_SOAK" in os.environ:
        first, count = (int(n) for n in os.environ["OMNESIA_SOAK"].split(":"))
        sequences(first, first + count)
        print(f"soak: {first + count} of 0, {count} counted")
    else:
        unittest.main()
