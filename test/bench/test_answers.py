#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/bench/test_answers.py - `bench longmemeval --answers`: a model that knows all, one that
never knows, and one that makes things up get the figures they should; what was asked is not asked
again; and `mem ask` names a record where the model names none. A small server plays the models.
"""
import http.server
import json
import os
import re
import socketserver
import subprocess
import tempfile
import threading
import unittest

PROGRAM = os.environ["OMNESIA_PROGRAM"]


class Endpoint:
    def __init__(self, play):
        self.asked = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.asked += 1
                text = json.dumps({"choices": [{"message": {
                    "role": "assistant", "content": play(body["messages"][-1]["content"])},
                    "finish_reason": "stop"}]}).encode()
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(text)))
                handler.end_headers()
                handler.wfile.write(text)

            def log_message(handler, *rest):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.name = f"http://127.0.0.1:{self.server.server_address[1]}/v1#some"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Answers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = self.folder.name + "/answers.jsonl"

    def endpoint(self, play):
        e = Endpoint(play)
        self.addCleanup(e.server.server_close)
        self.addCleanup(e.server.shutdown)
        return e

    def omnesia(self, *words, rc=0):
        run = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=100,
                             check=False, env={**os.environ, "OMNESIA_DATA": self.folder.name})
        self.assertEqual(run.returncode, rc, run.stderr)
        return run.stdout if rc == 0 else run.stderr

    def bench(self, e, *options, rc=0):
        out = self.omnesia("bench", "longmemeval", "--small", "--histories", "1", "--vectors",
                           "none", "--answers", self.file, "-m", e.name, "--json", *options, rc=rc)
        if rc:
            return out
        return {f["what"]: f["value"] for f in map(json.loads, out.splitlines())}

    def lines(self):
        with open(self.file) as f:
            return [json.loads(line) for line in f]

    def test_a_model_that_never_knows(self):
        e = self.endpoint(lambda said: "I do not know.")
        got = self.bench(e)
        absent = sum(line["absent"] for line in self.lines())
        self.assertGreater(absent, 0)
        self.assertEqual(got["abstention, ask: recall"], 1)
        self.assertAlmostEqual(got["abstention, ask: precision"], absent / len(self.lines()),
                               places=3)
        self.assertEqual(got["exact"], 0)
        self.assertEqual(got["abstention, rule alone: recall"], 0)  # without vectors it tells none
        self.assertNotIn("what changed: cites the newest", got)     # it has answered nothing

    def test_a_model_that_knows_all(self):
        first = self.endpoint(lambda said: "I do not know.")
        self.bench(first)
        right = {line["question"]: line["right"] for line in self.lines()}

        def play(said):
            value = right[said[said.rindex("(end of the records)\n\n") + 22:]]
            if not value:
                return "I don't know that."
            holds = [line for line in said.splitlines()
                     if line.startswith("#") and value.lower() in line.lower()]
            number = re.match(r"#\d+", holds[0]).group() if holds else "#999999"
            return f"It is {value} ({number})."

        got = self.bench(self.endpoint(play))
        self.assertEqual(got["abstention, ask: F1"], 1)
        self.assertEqual(got["exact"], 1)
        self.assertEqual(got["what changed: says the newest"], 1)
        self.assertEqual(got["what changed: says what it was"], 0)
        self.assertGreater(got["what changed: cites the newest"], 0)
        self.assertGreater(got["F1 of words"], .3)

    def test_a_model_that_makes_things_up(self):
        got = self.bench(self.endpoint(lambda said: "It is a purple zeppelin."))
        self.assertEqual([got["exact"], got["abstention, ask: recall"]], [0, 0])
        self.assertEqual(got["what changed: says the newest"], 0)

    def test_what_was_asked_is_not_asked_again(self):
        e = self.endpoint(lambda said: "Blue.")
        self.bench(e, "--limit", "3")
        self.assertEqual([e.asked, len(self.lines())], [3, 3])
        self.bench(e, "--limit", "5")
        self.assertEqual([e.asked, len(self.lines())], [5, 5])
        before = self.lines()
        self.bench(e, "--limit", "5")
        self.assertEqual([e.asked, self.lines()], [5, before])
        other = self.endpoint(lambda said: "Red.")
        self.bench(other, "--limit", "2")  # another model is asked all of it
        self.assertEqual([other.asked, len(self.lines())], [2, 7])

    def test_a_file_of_something_else(self):
        with open(self.file, "w") as f:
            f.write('{"shopping": "milk"}\n')
        e = self.endpoint(lambda said: "Blue.")
        self.assertIn("line 1 is no answer", self.bench(e, rc=1))
        self.assertEqual(e.asked, 0)

    def test_ask_names_a_record(self):
        for text in ("The milk is sour.", "My sister Clara is allergic to nuts.", "It rains."):
            self.omnesia("mem", "add", text, "--user", "ann", "--embedder", "none")
        for said, heard in (("Clara is.", "Clara is. (#2)"), ("Clara is (#1).", "Clara is (#1)."),
                            ("Clara (#9)", "Clara (#9) (#2)"), ("Zebras.", "Zebras."),
                            ("I do not know.", "I do not know.")):
            e = self.endpoint(lambda question, said=said: said)
            out = self.omnesia("mem", "ask", "Who is allergic to nuts and sour milk?", "--json",
                               "--user", "ann", "--embedder", "none", "-m", e.name)
            self.assertEqual(json.loads(out)["answer"], heard)


if __name__ == "__main__":
    unittest.main()
