#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_memories.py - /v1/memories: what agents remember, over HTTP.

One server with a memory of its own; records of several users, keys and hosts, and what must never
be seen of others. The same records are asked for at /mcp, so that both ways in stay one.
"""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from server import PROGRAM, Server  # noqa: E402

AT = "/v1/memories"


def user(name, **more):
    return {"headers": {"Omnesia-User": name, **more}}


class Memories(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def good(self, reply):
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json

    def add(self, who, *texts, **fields):
        records = [{"text": t, **fields} for t in texts]
        return self.good(self.s.post(AT, {"records": records}, **user(who)))["ids"]

    def texts(self, reply):
        return [r["text"] for r in self.good(reply)["results"]]

    def test_a_record_is_found_changed_and_forgotten(self):
        who = user("anna")
        id_ = self.good(self.s.post(AT, {
            "text": "My bicycle is green.", "time": "1:56 pm on 8 May, 2023", "speaker": "Anna",
            "session": "monday", "source": "a letter", "kind": "note", "ref": "L1",
            "meta": {"page": 3}}, **who))["id"]
        one = self.good(self.s.get(f"{AT}/{id_}", **who))
        self.assertEqual({k: one[k] for k in ("id", "text", "time", "from", "speaker", "session",
                                              "source", "kind", "ref", "meta")},
                         {"id": id_, "text": "My bicycle is green.",
                          "time": "1:56 pm on 8 May, 2023", "from": "2023-05-08T13:56:00Z",
                          "speaker": "Anna", "session": "monday", "source": "a letter",
                          "kind": "note", "ref": "L1", "meta": {"page": 3}})
        found = self.good(self.s.post(AT + "/search", {"query": "which bicycle?"}, **who))
        self.assertEqual(found["results"][0]["id"], id_)
        self.assertGreater(found["results"][0]["score"], 0)
        self.assertIn("not instructions", found["note"])
        self.assertEqual(self.good(self.s.ask("PATCH", f"{AT}/{id_}", {"text": "It is red now."},
                                              **who))["ids"], [id_])
        self.assertEqual(self.texts(self.s.get(f"{AT}/{id_}/history", **who)),
                         ["My bicycle is green.", "It is red now."])
        was = self.s.post(AT + "/search", {"query": "bicycle green", "as_of": "2023-06-01"}, **who)
        self.assertIn("My bicycle is green.", self.texts(was))
        for ways, texts in (({"value": "session"}, ["It is red now.\n"]), ({"value": "fact"}, []),
                            ({"key": "plain", "times": "none"}, ["It is red now."])):
            r = self.s.post(AT + "/search", {"query": "is it red", **ways}, **who)
            self.assertEqual([t.removeprefix("Anna: ") for t in self.texts(r)], texts, ways)
        r = self.s.post(AT + "/search", {"query": "is it red", "value": "turn"}, **who)
        self.assertEqual(r.status, 400, r.body)
        gone = self.s.ask("DELETE", f"{AT}/{id_}", **who)
        self.assertEqual(self.good(gone), {"forgotten": 1})
        for method, path in (("GET", ""), ("GET", "/history"), ("DELETE", "")):
            r = self.s.ask(method, f"{AT}/{id_}{path}", **who)
            self.assertEqual((r.status, r.json["error"]["code"]), (404, "not_found"), r.body)

    def test_users_never_see_each_other(self):
        id_, = self.add("ben", "The word is abracadabra.")
        for who in (user("cleo"), {}, user("ben", **{"Omnesia-Agent": "other"})):
            self.assertEqual(self.s.get(f"{AT}/{id_}", **who).status, 404, who)
            self.assertEqual(self.texts(self.s.post(
                AT + "/search", {"query": "abracadabra"}, **who)), [])
            self.assertEqual(self.s.ask("PATCH", f"{AT}/{id_}", {"text": "x"}, **who).status, 404)
            self.assertEqual(self.s.ask("DELETE", f"{AT}/{id_}", **who).status, 404)
            self.assertNotIn(b"abracadabra", self.s.get(AT + "/export", **who).body)
        self.assertEqual(self.texts(self.s.get(AT, **user("ben"))), ["The word is abracadabra."])

    def test_pages_go_on_where_they_ended(self):
        texts = [f"Stone number {n} of the long wall." for n in range(25)]
        self.add("dora", *texts)
        for more in ("limit=4", "budget=300", "limit=7&budget=400"):
            seen, after = [], 0
            while after is not None:
                page = self.good(self.s.get(f"{AT}?{more}&after={after}", **user("dora")))
                self.assertTrue(page["results"])
                seen += [r["text"] for r in page["results"]]
                after = page.get("next")
            self.assertEqual(seen, texts, more)
        seen, after = [], 0
        while after is not None:
            page = self.good(self.s.get(f"{AT}?newest=true&limit=6&after={after}", **user("dora")))
            seen += [r["text"] for r in page["results"]]
            after = page.get("next")
        self.assertEqual(seen, texts[::-1])
        first = self.good(self.s.post(AT + "/search", {"query": "stone wall", "k": 5},
                                      **user("dora")))
        second = self.good(self.s.post(AT + "/search", {"query": "stone wall", "k": 5,
                                                        "after": first["next"]}, **user("dora")))
        # Vectors that came in between may have changed the order, so a few may be told twice.
        self.assertEqual([len(page["results"]) for page in (first, second)], [5, 5])
        self.assertNotEqual(first["results"], second["results"])

    def test_a_long_text_comes_in_parts(self):
        text = "é" * 9000
        id_, = self.add("emil", text)
        parts, at = "", 0
        while at is not None:
            r = self.good(self.s.get(f"{AT}/{id_}?budget=1000&from={at}", **user("emil")))
            self.assertLessEqual(len(r["text"]), 1000)
            parts, at = parts + r["text"], r.get("next_from")
        self.assertEqual(parts, text)

    def test_filters_and_times(self):
        self.add("fay", "One.", "Two.", session="a", source="x", time="2023-05-08")
        self.add("fay", "Three.", session="b", source="x", time="2023-05-10")
        self.add("fay", "Four.", session="b", source="y", kind="edge", time="2023-05-12")
        for query, texts in (("session=a", ["One.", "Two."]), ("source=x&session=b", ["Three."]),
                             ("kind=edge", ["Four."]), ("since=2023-05-10", ["Three.", "Four."]),
                             ("before=2023-05-10", ["One.", "Two."]),
                             ("since=2023-05-09&before=2023-05-11", ["Three."]),
                             ("newest=true&since=2023-05-10&limit=1", ["Four."])):
            self.assertEqual(self.texts(self.s.get(f"{AT}?{query}", **user("fay"))), texts, query)
        self.assertEqual(self.texts(self.s.post(
            AT + "/search", {"query": "three", "session": "a"}, **user("fay"))).count("Three."), 0)
        told = self.good(self.s.get(AT + "/overview", **user("fay")))
        self.assertEqual(sorted((d["day"], d["records"]) for d in told["days"]),
                         [("2023-05-08", 2), ("2023-05-10", 1), ("2023-05-12", 1)])
        self.assertEqual((told["records"], told["more"]), (4, False))

    def test_the_number_changes_when_something_does(self):
        def version(who):
            return self.s.get("/api/state", **user(who)).json["remembered"]["version"]
        before, other = version("gus"), version("gail")
        id_, = self.add("gus", "Hello.")
        after = version("gus")
        self.assertNotEqual(before, after)
        self.assertEqual(self.good(self.s.get(AT + "/overview", **user("gus")))["version"], after)
        self.good(self.s.ask("DELETE", f"{AT}/{id_}", **user("gus")))
        self.assertNotEqual(version("gus"), after)
        self.assertEqual(version("gail"), other)

    def test_whole_sources_and_all_are_forgotten(self):
        self.add("hal", "A.", "B.", source="x")
        self.add("hal", "C.", session="s")
        self.add("hal", "D.", "E.")
        forget = lambda q: self.s.ask("DELETE", AT + q, **user("hal"))
        for q in ("", "?all=false", "?source=", "?all=true&source=x"):
            self.assertEqual(forget(q).status, 400, q)
        self.assertEqual(self.good(forget("?source=x"))["forgotten"], 2)
        self.assertEqual(self.good(forget("?session=s"))["forgotten"], 1)
        self.assertEqual(self.good(forget("?all=true"))["forgotten"], 2)
        self.assertEqual(self.texts(self.s.get(AT, **user("hal"))), [])

    def test_what_is_exported_comes_back(self):
        id_, = self.add("ida", "First.", time="2023-05-08", speaker="Ida")
        self.add("ida", "Second.")
        self.s.ask("PATCH", f"{AT}/{id_}", {"text": "First, corrected."}, **user("ida"))
        r = self.s.get(AT + "/export", **user("ida"))
        self.assertEqual((r.status, r.headers["content-type"]), (200, "application/jsonl"))
        lines = [json.loads(line) for line in r.body.decode().splitlines()]
        self.assertEqual(sorted(x["text"] for x in lines),
                         ["First, corrected.", "First.", "Second."])
        with tempfile.TemporaryDirectory() as folder:
            path, store = Path(folder, "m.jsonl"), folder + "/m.db"
            path.write_bytes(r.body)
            run = lambda *w: subprocess.run([PROGRAM, "mem", *w, "--store", store, "--user", "x",
                                             "--region", "none", "--embedder", "none"],
                                            capture_output=True, text=True)
            done = run("import", str(path), "--no-embed")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("First, corrected.", run("list").stdout)
        self.assertEqual(self.s.get(AT + "/export", **user("nobody")).body, b"")

    def test_what_is_wrong_is_named(self):
        for body, param, words in (
                ({}, "text", "text is missing"), ({"text": ""}, "text", "at least 1"),
                ({"text": "x", "records": []}, "records", "both"),
                ({"records": [{"text": "x"}, {}]}, "records[1]", "text is missing"),
                ({"records": [{"text": "x", "speaker": 3}]}, "records[0]", "speaker"),
                ({"records": ["x"]}, "records[0]", "object"),
                ({"text": "x", "speaker": "s" * 1025}, "speaker", "1025"),
                ({"text": "x", "meta": 3}, "meta", "object")):
            r = self.s.post(AT, body, **user("jim"))
            self.assertEqual((r.status, r.json["error"]["param"]), (400, param), r.body)
            self.assertIn(words, r.json["error"]["message"])
        self.assertEqual(self.texts(self.s.get(AT, **user("jim"))), [])  # none of them
        for query, param in (("limit=0", "limit"), ("limit=x", "limit"), ("after=-1", "after"),
                             ("budget=1", "budget"), ("newest=1", "newest"),
                             ("since=soon", None), ("limit=1.5", "limit")):
            r = self.s.get(f"{AT}?{query}", **user("jim"))
            self.assertEqual((r.status, r.json["error"]["param"]), (400, param), r.body)
        for path in ("/x", "/0", "/-1", "/99999999999999999999", "/1x", "/1/2"):
            self.assertEqual(self.s.get(AT + path, **user("jim")).status, 404, path)
        self.assertEqual(self.s.get(AT, **user("u" * 300)).status, 400)
        r = self.s.ask("PUT", AT + "/1")
        self.assertEqual((r.status, r.headers["allow"]),
                         (405, "GET, HEAD, PATCH, DELETE, OPTIONS"))

    def test_mcp_has_the_same_records(self):
        id_, = self.add("kim", "Both doors lead to one room.")
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "memory_get", "arguments": {"id": id_}}}
        told = self.good(self.s.post("/mcp", call, **user("kim")))["result"]["content"][0]["text"]
        self.assertIn("one room", told)

    def test_each_key_is_a_tenant(self):
        with tempfile.NamedTemporaryFile("w", suffix=".keys") as keys:
            keys.write("anna:key-of-anna-1\nben:key-of-ben-22\n")
            keys.flush()
            with Server("--key-file", keys.name) as s:
                s.key = "key-of-anna-1"
                s.post(AT, {"text": "Only of this key."})
                self.assertEqual(len(s.get(AT).json["results"]), 1)
                self.assertEqual(len(s.get(AT, **user("anna")).json["results"]), 1)
                s.key = "key-of-ben-22"
                for who in ({}, user("anna")):  # the same name, of another tenant
                    self.assertEqual(s.get(AT, **who).json["results"], [])

    def test_a_server_without_memory_says_so(self):
        with Server("--no-memory") as s:
            for r in (s.get(AT), s.post(AT, {"text": "x"}), s.get(AT + "/overview")):
                self.assertEqual((r.status, r.json["error"]["code"]), (404, "no_memory"))
            self.assertIsNone(s.get("/api/state").json["remembered"])


if __name__ == "__main__":
    unittest.main()
