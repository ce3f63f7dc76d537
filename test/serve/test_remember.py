#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_remember.py - conversations of `omnesia serve --remember`.

What a named user said is recalled and told, by all three kinds of clients, streamed and whole; it
is kept as it was said, and nothing of anybody else, and nothing that was recalled.
"""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from server import Server  # noqa: E402

AT = "/v1/memories"
CLEAN = {"grammar": 'root ::= "so it is"'}  # a random model says anything, zero bytes too


class Remember(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Server("--remember", "--user", "landlord", "--ctx", "2048").start()

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def kept(self, user, server=None):
        r = (server or self.s).get(AT, headers={"Omnesia-User": user})
        self.assertEqual(r.status, 200, r.body)
        return r.json["results"]

    def ask(self, words, **fields):
        r = self.s.chat(words, **fields)
        self.assertEqual(r.status, 200, r.body)
        return r.json

    def test_what_a_user_said_comes_to_mind_and_is_kept(self):
        first = self.ask("The tortoise is called Agatha.", user="anna", session="monday", **CLEAN)
        self.assertEqual(first["recalled"], [])
        answer = first["choices"][0]["message"]["content"]
        records = self.kept("anna")
        self.assertEqual([(r["text"], r["speaker"]) for r in records],
                         [("The tortoise is called Agatha.", "anna"), (answer, "assistant")])
        self.assertEqual({(r["source"], r["session"]) for r in records}, {("serve", "monday")})
        plain = self.ask("What is the tortoise called?", user="nobody")
        second = self.ask("What is the tortoise called?", user="anna", session="tuesday")
        self.assertIn(records[0]["id"], second["recalled"])
        self.assertGreater(second["usage"]["prompt_tokens"], plain["usage"]["prompt_tokens"])
        texts = [r["text"] for r in self.kept("anna")]
        self.assertEqual(texts.count("The tortoise is called Agatha."), 1)  # never kept again
        self.assertFalse(any("earlier conversations" in t for t in texts))
        # What was said in this conversation stands in it.
        again = self.ask("The tortoise Agatha?", user="anna", session="monday")
        self.assertFalse({r["id"] for r in records} & set(again["recalled"]))

    def test_who_names_nobody_or_says_no_has_no_memory(self):
        for fields in ({}, {"user": "ben", "memory": False},
                       {"headers": {"Omnesia-User": "ben"}, "memory": False}):
            self.assertNotIn("recalled", self.ask("Ben has a secret boat.", **fields))
        self.assertEqual(self.kept("ben") + self.kept("landlord"), [])
        self.assertEqual(self.ask("I own this house.", memory=True)["recalled"], [])
        self.assertEqual(self.kept("landlord")[0]["text"], "I own this house.")
        self.ask("By the head.", headers={"Omnesia-User": "head"}, user="field")
        self.assertEqual((len(self.kept("head")) > 0, self.kept("field")), (True, []))

    def test_streams_and_other_clients_are_told_too(self):
        id_ = self.s.post(AT, {"text": "The hare sleeps under the oak."},
                          headers={"Omnesia-User": "cleo"}).json["id"]
        words = "Where does the hare sleep?"
        r = self.s.chat(words, user="cleo", stream=True, **CLEAN)
        events = [e for _, e in r.events if e != "[DONE]"]
        self.assertEqual([e["recalled"] for e in events if "recalled" in e], [[id_]])
        text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events)
        self.assertEqual([x["text"] for x in self.kept("cleo")][1:], [words, text])
        body = {"input": words, "user": "dora", "max_output_tokens": 4}
        self.assertEqual(self.s.post("/v1/responses", body).json["recalled"], [])
        self.assertIn(self.kept("dora")[0]["id"],
                      self.s.post("/v1/responses", body).json["recalled"])
        body = {"messages": [{"role": "user", "content": words}], "max_tokens": 4,
                "metadata": {"user_id": "emil"}}
        self.assertEqual(self.s.post("/v1/messages", body).json["recalled"], [])
        begun = self.s.post("/v1/messages", {**body, "stream": True}).events[0][1]["message"]
        self.assertIn(self.kept("emil")[0]["id"], begun["recalled"])

    def test_a_tools_result_asks_nothing_new(self):
        r = self.s.post("/v1/chat/completions", {"user": "fay", **CLEAN, "messages": [
            {"role": "user", "content": "What time is it?"},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "noon"}]})
        self.assertEqual((r.status, r.json["recalled"]), (200, []), r.body)
        self.assertEqual([x["speaker"] for x in self.kept("fay")], ["assistant"])

    def test_many_at_once_each_keep_their_own(self):
        import threading
        def one(n):
            for k in range(4):
                self.ask(f"Number {n} says {k}.", user=f"many-{n}", session="s")
        threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for n in range(6):
            mine = [r["text"] for r in self.kept(f"many-{n}") if r["speaker"] != "assistant"]
            self.assertEqual(mine, [f"Number {n} says {k}." for k in range(4)])

    def test_a_client_that_leaves_leaves_no_half_answer(self):
        with self.s.connect() as sock:
            body = (b'{"messages": [{"role": "user", "content": "I am off."}], "user": "gus", '
                    b'"stream": true, "max_tokens": 400, "ignore_eos": true}')
            sock.sendall(self.s.head("POST", "/v1/chat/completions", {}, len(body)) + body)
            sock.recv(100)
        self.s.wait_idle()
        self.assertNotIn("assistant", [r.get("speaker") for r in self.kept("gus")])

    def test_a_server_that_was_not_told_to_keeps_nothing(self):
        with Server() as s:
            self.assertNotIn("recalled", s.chat("Hello.", user="anna").json)
            self.assertEqual(self.kept("anna", s), [])
            r = s.chat("Hello.", user="anna", memory=True)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "memory"))
            self.assertIn("--remember", r.json["error"]["message"])

    def test_what_does_not_fit_beside_the_question_is_left_out(self):
        with Server("--remember", "--ctx", "256") as s:
            s.post(AT, {"text": "The oak is old. " * 4}, headers={"Omnesia-User": "anna"})
            r = s.chat("How old is the oak?", user="anna")
            self.assertEqual((r.status, r.json["recalled"]), (200, []), r.body)

    def test_keys_are_users(self):
        with tempfile.NamedTemporaryFile("w", suffix=".keys") as keys:
            keys.write("anna:key-of-anna-1\nben:key-of-ben-22\n")
            keys.flush()
            with Server("--key-file", keys.name, "--remember", "--ctx", "2048") as s:
                s.key = "key-of-anna-1"
                s.chat("The word is abracadabra.")
                self.assertTrue(s.chat("Which word is it?").json["recalled"])
                s.key = "key-of-ben-22"
                self.assertEqual(s.chat("Which word is it?", user="anna").json["recalled"], [])

    def test_no_memory_and_remember_are_refused(self):
        self.assertEqual(Server("--remember", "--no-memory").refusal()[0], 2)


if __name__ == "__main__":
    unittest.main()
