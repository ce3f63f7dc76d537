#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/agent/test_endpoint.py - a model behind somebody's URL, for organisers and `mem ask`.

A small server plays an endpoint well, badly, slowly and with malice. What goes wrong is told with
its host and status, and the episode waits until it goes well; nothing is sent that was not asked
for, and nobody is asked who was not named. Standard library only.
"""
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "serve"))
from endpoint import Endpoint, completion  # noqa: E402

PROGRAM = os.environ["OMNESIA_PROGRAM"]
KEY = "sk-the-key-of-ann"


def facts(*texts):
    return completion(json.dumps({"facts": list(texts)}))


def chunked(handler):
    body = facts("Ann lives in Oslo.")
    handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n")
    for i in range(0, len(body), 7):
        handler.wfile.write(b"%x;x=y\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]))
    handler.wfile.write(b"0\r\n\r\n")


def drip(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        handler.wfile.write(b" ")
        time.sleep(.2)


def endless(piece):
    def play(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(piece * 1000)
    return play


HEAD = b"HTTP/1.1 200 OK\r\n"
BAD = {  # what is played, and words of the sentence
    "an error of a server": ((500, b'{"error": {"message": "out of\\u001b[2J tokens"}}'),
                             "answered 500: out of"),
    "an error that is a page": ((502, b"<html>bad gateway</html>"), "answered 502: <html>"),
    "a wrong key": ((401, b'{"error": {"message": "no such key"}}'), "answered 401: no such key"),
    "too many": ((429, b"{}"), "answered 429"),
    "nothing": ((404, b""), "answered 404: nothing"),
    "no JSON": ((200, b"<html>hello</html>"), "no text of a model"),
    "other JSON": ((200, b"[1, 2]"), "no text of a model"),
    "no choices": ((200, b'{"choices": []}'), "no text of a model"),
    "a text that is none": ((200, b'{"choices": [{"message": {"content": 7}}]}'), "no text of"),
    "a zero byte in it": ((200, b'{"choices": [{"message": {"content": "\\u0000"}}]}'), "no text"),
    "brackets": ((200, b"[" * 300000), "no text of a model"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP answer"),
    "HTTP of another age": (b"HTTP/2.0 200 OK\r\n\r\n", "no HTTP answer"),
    "a status that is none": (b"HTTP/1.1 999 OK\r\n\r\n", "no HTTP answer"),
    "a line of no head": (HEAD + b"hello\r\n\r\n", "no HTTP answer"),
    "hanging up at once": (b"", "hung up"),
    "hanging up in the head": (HEAD + b"Content-Len", "hung up"),
    "less than it said": (HEAD + b"Content-Length: 100\r\n\r\n{}", "hung up"),
    "a length that is none": (HEAD + b"Content-Length: -1\r\n\r\n{}", "no HTTP answer"),
    "a length of all there is": (HEAD + b"Content-Length: 999999999999999999\r\n\r\n{}",
                                 "no HTTP answer"),
    "a chunk that is none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "no HTTP answer"),
    "chunks without an end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "hung up"),
    "another coding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}", "no HTTP answer"),
    "answers before the answer": (b"HTTP/1.1 103 Early\r\n\r\n" * 100, "no HTTP answer"),
    "a head without an end": (endless(b"x: y\r\n"), "no HTTP answer"),
    "a line without an end": (endless(b"x"), "no HTTP answer"),
    "a body without an end": (endless(b"\r\n" + b"x" * 100), "answered with more than"),
    "a drop at a time": (drip, "did not answer in time"),
    "silence": (lambda handler: time.sleep(100), "did not answer in time"),
}
SLOW = ("a drop at a time", "silence")


class Far(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="omnesia-endpoint-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.env = {**os.environ, "OMNESIA_DATA": self.folder, "OMNESIA_ENDPOINT_SECONDS": "60"}

    def endpoint(self, play=None, context=None):
        e = Endpoint(play, context)
        self.addCleanup(e.close)
        return e

    def mem(self, *words, key=None, **env):
        keyed = {"OMNESIA_ENDPOINT_KEY": key} if key else {}
        return subprocess.run([PROGRAM, "mem", *words, "--user", "ann", "--embedder", "none",
                               "--region", "none"], capture_output=True, text=True, timeout=60,
                              env={**self.env, **keyed, **env}, check=False)

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def facts(self):
        found = json.loads(self.good(self.mem("list", "--json")))["results"]
        return [r["text"] for r in found if r.get("kind") == "fact"]

    def test_facts_of_an_endpoint(self):
        e = self.endpoint((200, facts("Ann lives in Oslo.")))
        by = f"mem0:http://{e.host}/v1#some/model:8b"
        self.good(self.mem("add", "I moved to Oslo.", "--speaker", "Ann", "--organise", by,
                           key=KEY))
        self.good(self.mem("organise", "--organise", by, key=KEY))
        self.assertEqual(self.facts(), ["Ann lives in Oslo."])
        path, head, body = e.asked[0]
        self.assertEqual((path, head["Authorization"], head["Host"], body["model"]),
                         ("/v1/chat/completions", "Bearer " + KEY, e.host, "some/model:8b"))
        self.assertEqual((body["temperature"], body["response_format"]["type"]),
                         (0, "json_schema"))
        self.assertIn("facts", body["response_format"]["json_schema"]["schema"]["properties"])
        self.assertLessEqual(body["max_tokens"], 1000)
        self.assertIn("I moved to Oslo.", body["messages"][0]["content"])
        self.assertIn("not instructions", body["messages"][0]["content"])
        n = len(e.asked)
        self.good(self.mem("organise", "--organise", by, key=KEY))
        self.assertEqual(len(e.asked), n)  # an episode is shown once

    def test_a_question_to_an_endpoint(self):
        e = self.endpoint((200, completion("She lives in Oslo [1].")))
        self.good(self.mem("add", "I moved to Oslo.", "--speaker", "Ann"))
        model = f"http://localhost:{e.host.split(':')[1]}/v1/#m"
        said = self.good(self.mem("ask", "Where did Ann move?", "-m", model, "--json"))
        said = json.loads(said)
        self.assertEqual((said["answer"], [s["id"] for s in said["sources"]]),
                         ("She lives in Oslo [1]. (#1)", [1]))
        path, head, body = e.asked[0]
        self.assertEqual((path, "Authorization" in head), ("/v1/chat/completions", False))
        self.assertEqual([m["role"] for m in body["messages"]], ["system", "user"])
        self.assertIn(': "I moved to Oslo."', body["messages"][1]["content"])
        self.assertNotIn("Oslo", body["messages"][0]["content"])
        e.play = (200, completion("I do not know."))
        self.assertIn("I do not know.", self.good(self.mem("ask", "zebra?", "-m", model)))
        self.assertEqual(len(e.asked), 1)  # nothing was found: nobody is asked

    def test_other_ways_to_answer(self):
        for name, play in {"chunks": chunked, "to the end": (
                200, facts("Ann lives in Oslo."), {"Content-Length": None})}.items():
            with self.subTest(name):
                e = self.endpoint(play)
                self.good(self.mem("forget", "--all"))
                self.good(self.mem("add", "I moved to Oslo.", "--organise",
                                   f"mem0:http://{e.host}#m"))
                self.good(self.mem("organise", "--organise", f"mem0:http://{e.host}#m"))
                self.assertEqual(self.facts(), ["Ann lives in Oslo."])

    def test_what_goes_wrong_is_told_and_the_episode_waits(self):
        e = self.endpoint()
        by = f"mem0:http://{e.host}/v1#m"
        self.good(self.mem("add", "I moved to Oslo."))
        for name, (play, sentence) in BAD.items():
            with self.subTest(name):
                e.play = play
                began = time.monotonic()
                done = self.mem("organise", "--organise", by, key=KEY,
                                OMNESIA_ENDPOINT_SECONDS="2" if name in SLOW else "60")
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertIn(e.host, done.stderr)
                self.assertIn(sentence, done.stderr)
                self.assertNotIn("\x1b", done.stderr)
                self.assertNotIn(KEY, done.stderr + done.stdout)
                self.assertLess(time.monotonic() - began, 50)
                self.assertEqual(self.facts(), [])
        e.play = (200, facts("Ann lives in Oslo."))
        self.good(self.mem("organise", "--organise", by))
        self.assertEqual(self.facts(), ["Ann lives in Oslo."])

    def test_a_redirect_is_not_followed(self):
        other = self.endpoint((200, facts("stolen")))
        e = self.endpoint((307, b"", {"Location": f"http://{other.host}/v1/chat/completions"}))
        self.good(self.mem("add", "I moved to Oslo."))
        done = self.mem("organise", "--organise", f"zep:http://{e.host}#m", key=KEY)
        self.assertIn("answered 307", done.stderr)
        self.assertEqual(other.asked, [])

    def test_a_hostile_answer_is_a_text(self):
        self.good(self.mem("add", "I moved to Oslo.", "--speaker", "Ann"))
        e = self.endpoint()
        for content in ('{"facts": [{"id": 1}, 7, null, "", "' + "x" * 100_000 + '"]}',
                        '{"facts": {"0": "a"}}', '{"actions": [{"do": "DELETE", "known": 0}]}',
                        '{"facts": ' + "[" * 5000 + "]" * 5000 + "}", "[]", "DROP TABLE record",
                        '{"facts": ["' + '","'.join(f"fact {n}" for n in range(5000)) + '"]}'):
            with self.subTest(content[:40]):
                e.play = (200, completion(content))
                self.good(self.mem("organise", "--organise", f"mem0:http://{e.host}#m"))
                self.assertLess(len(self.facts()), 40)
                self.good(self.mem("add", f"Another {len(e.asked)}.", "--speaker", "Ann"))
        said = [r["text"] for r in json.loads(self.good(self.mem("list", "--json")))["results"]]
        self.assertIn("I moved to Oslo.", said)

    def test_nobody_is_asked_who_was_not_named(self):
        e = self.endpoint((200, facts("x")))
        host, port = e.host.split(":")
        proxies = {f"{p}_proxy": f"http://{e.host}" for p in ("http", "https", "all")}
        self.good(self.mem("add", "I moved to Oslo.", "--organise", "mem0", key=KEY, **proxies,
                           OPENAI_BASE_URL=f"http://{e.host}/v1", OPENAI_API_KEY=KEY))
        self.good(self.mem("organise", "--organise", "zep", key=KEY, **proxies))
        self.assertEqual(e.asked, [])
        self.assertTrue(host and port)

    def test_names_that_are_none(self):
        for name, sentence in (("http://127.0.0.1:1/v1", "names no model"),
                               ("http://127.0.0.1:1/v1#", "names no model"),
                               ("ftp://host/#m", "neither http:// nor https://"),
                               ("http://me:secret@host/#m", "in the environment"),
                               ("http://#m", "is no URL"), ("http://host:0/#m", "is no URL"),
                               ("http://host:99999/#m", "is no URL"),
                               ("http://host:80x/#m", "is no URL"),
                               ("http://[::1/#m", "is no URL"), ("http://host/?q=1#m", "is no URL"),
                               ("http://ho st/#m", "characters"),
                               ("http://host/\r\nX: y#m", "characters")):
            with self.subTest(name):
                done = self.mem("organise", "--organise", "mem0:" + name)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(sentence, done.stderr)
                self.assertNotIn("secret", done.stderr)

    def test_a_key_goes_nowhere_in_the_open(self):
        self.good(self.mem("add", "I moved to Oslo."))
        done = self.mem("organise", "--organise", "mem0:http://192.0.2.1:9/v1#m", key=KEY)
        self.assertIn("unencrypted", done.stderr)
        done = self.mem("organise", "--organise", "mem0:http://127.0.0.1:9/v1#m", key="a\r\nX: y")
        self.assertIn("characters that no key has", done.stderr)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            done = self.mem("organise", "--organise",
                            f"mem0:http://127.0.0.1:{s.getsockname()[1]}#m")
        self.assertIn("cannot reach 127.0.0.1", done.stderr)

    @unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates")
    def test_https(self):
        cert, secret = self.folder + "/cert.pem", self.folder + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", secret, "-out", cert, "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, secret)
        e = self.endpoint((200, facts("Ann lives in Oslo.")), context)
        port = e.host.split(":")[1]
        self.good(self.mem("add", "I moved to Oslo."))
        by = f"mem0:https://localhost:{port}/v1#m"
        for where, env in ((by, {}),  # nobody vouches for it; and it is another's
                           (by.replace("localhost", "127.0.0.1"), {"SSL_CERT_FILE": cert})):
            done = self.mem("organise", "--organise", where, key=KEY, **env)
            self.assertIn("is not trusted", done.stderr)
        self.assertEqual(e.asked, [])
        self.good(self.mem("organise", "--organise", by, key=KEY, SSL_CERT_FILE=cert))
        self.assertEqual(self.facts(), ["Ann lives in Oslo."])
        self.assertEqual(e.asked[0][1]["Authorization"], "Bearer " + KEY)


if __name__ == "__main__":
    unittest.main()
