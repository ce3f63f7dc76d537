#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_curl.py - programs that are on every machine: curl, wrk, and TLS in Python.

curl asks through each door and is refused in the ways HTTP has; wrk asks for more than there is
room for. What is not installed is skipped. The model is a tiny random one.
"""
import json
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

from server import Server, read_reply

CHAT = json.dumps({"messages": [{"role": "user", "content": "A hare ran."}], "temperature": 0,
                   "max_tokens": 20, "stream": True})
LOAD = """
local threads, known = {}, {[200] = "good", [429] = "busy", [503] = "busy"}
function setup(thread) table.insert(threads, thread) end
function init()
  good, busy, bad = 0, 0, 0
  wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
  wrk.body = '{"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}'
end
function response(status, headers, body)
  local what = known[status] or "bad"
  if what == "busy" and not headers["Retry-After"] then what = "bad" end
  if what == "good" and not body:find('"finish_reason"', 1, true) then what = "bad" end
  if what == "good" then good = good + 1 elseif what == "busy" then busy = busy + 1
  else bad = bad + 1 end
end
function done(summary)
  local sum = {good = 0, busy = 0, bad = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sum) do sum[name] = sum[name] + thread:get(name) end
  end
  local e = summary.errors
  print(string.format("good %d busy %d bad %d connect %d read %d write %d timeout %d", sum.good,
    sum.busy, sum.bad, e.connect, e.read, e.write, e.timeout))
end
"""


def certificate(folder):
    """cert.pem and key.pem in the folder; False: there is nothing to make them with."""
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder + "/key.pem",
                        "-out", folder + "/cert.pem", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def settled(server, fds):
    """Its open descriptors are as few as before, soon."""
    return server.descriptors_left(fds) <= fds


@unittest.skipUnless(shutil.which("curl"), "no curl")
class Curl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Server("--body-limit", "64K").start()
        cls.url = f"http://127.0.0.1:{cls.s.port}"

    @classmethod
    def tearDownClass(cls):
        cls.s.__exit__(None)

    def curl(self, *words, data=None):
        """(status, body) of what curl was answered; it must not fail."""
        done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30",
                               "--write-out", "\n%{http_code}", *words], input=data,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        body, status = done.stdout.rsplit("\n", 1)
        return int(status), body

    def test_a_stream(self):
        for how in ((), ("--http1.0",), ("--header", "Transfer-Encoding: chunked")):
            status, body = self.curl("--no-buffer", "--json", CHAT, *how,
                                     self.url + "/v1/chat/completions")
            self.assertEqual(status, 200)
            self.assertGreater(body.count("\ndata: "), 2)
            self.assertTrue(body.endswith("data: [DONE]\n\n"), body[-100:])

    def test_the_unix_socket(self):
        status, body = self.curl("--unix-socket", self.s.unix, "--json", CHAT,
                                 "http://localhost/v1/chat/completions")
        self.assertEqual((status, body.count("[DONE]")), (200, 1))

    def test_what_is_too_much(self):
        status, body = self.curl("--data-binary", "@-", self.url + "/tokenize",
                                 data=json.dumps({"content": "x" * 100000}))
        self.assertEqual((status, json.loads(body)["error"]["type"]),
                         (413, "invalid_request_error"))
        status, body = self.curl("--header", "X-Long: " + "x" * 90000, self.url + "/health")
        self.assertEqual(status, 431)
        headers = [w for i in range(2000) for w in ("--header", f"X-{i}: x")]
        self.assertEqual(self.curl(*headers, self.url + "/health")[0], 431)
        self.assertEqual(self.curl("--request", "DELETE", self.url + "/health")[0], 405)
        self.assertEqual(self.curl("--request", "BREW", self.url + "/v1/models")[0], 405)
        self.assertEqual(self.curl(self.url + "/health")[0], 200)

    def test_connections_are_kept(self):
        done = subprocess.run(["curl", "--silent", "--max-time", "30", "--write-out",
                               "%{num_connects}\n", "--output", "/dev/null", "--output",
                               "/dev/null", self.url + "/health", self.url + "/v1/models"],
                              capture_output=True, text=True)
        self.assertEqual(done.stdout.split(), ["1", "0"])


@unittest.skipUnless(shutil.which("wrk"), "no wrk")
class Load(unittest.TestCase):
    def wrk(self, server, path, *more):
        done = subprocess.run(["wrk", "--threads", "2", "--connections", "64", "--duration", "3s",
                               "--timeout", "60s", *more, f"http://127.0.0.1:{server.port}{path}"],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Socket errors", done.stdout)
        return done.stdout

    def test_health(self):
        with Server() as s:
            self.wrk(s, "/health")
            fds, before = s.descriptors(), s.memory()
            for _ in range(2):
                said = self.wrk(s, "/health")
                self.assertNotIn("Non-2xx", said)
            self.assertTrue(settled(s, fds), (s.descriptors(), fds))
            self.assertLess(s.memory() - before, 8 << 20)
            print("/health:", re.search(r"Requests/sec: *(.*)", said)[1], "requests a second")

    def test_more_answers_than_there_is_room_for(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script, \
                Server("--slots", "4", "--waiting", "16", log="none") as s:
            script.write(LOAD)
            script.flush()
            s.chat()
            fds = s.descriptors()
            said = self.wrk(s, "/v1/chat/completions", "--script", script.name)
            line = next(x for x in said.splitlines() if x.startswith("good "))
            print(line)
            n = dict(zip(line.split()[::2], map(int, line.split()[1::2])))
            wrong = {k: n[k] for k in ("bad", "connect", "read", "write", "timeout") if n[k]}
            self.assertEqual(wrong, {})
            self.assertGreater(n["good"], 0)
            self.assertGreater(n["busy"], 0)
            s.wait_idle()
            self.assertTrue(settled(s, fds), (s.descriptors(), fds))
            self.assertEqual(s.get("/api/state").json["loop"]["failed"], 0)
            self.assertEqual(s.chat().status, 200)


class Tls(unittest.TestCase):
    def test_tls(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        if not certificate(folder):
            self.skipTest("no openssl program to make a certificate with")
        with Server("--tls-cert", folder + "/cert.pem", "--tls-key", folder + "/key.pem") as s:
            context = ssl.create_default_context(cafile=folder + "/cert.pem")
            with context.wrap_socket(s.connect(), server_hostname="127.0.0.1") as sock:
                for _ in range(2):
                    r = s.chat(sock=sock, stream=True, max_tokens=40)
                    self.assertTrue(r.body.endswith(b"data: [DONE]\n\n"))
            with s.connect() as sock:  # plain words to a TLS door
                sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                sock.settimeout(60)
                try:
                    self.assertNotIn(b"HTTP", sock.recv(100))
                except ConnectionResetError:
                    pass
            with socket.socket(socket.AF_UNIX) as sock:  # which needs none
                sock.connect(s.unix)
                sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertEqual(read_reply(sock).status, 200)
            if not shutil.which("curl"):
                return
            ask = ["curl", "--silent", "--max-time", "30", "--json", CHAT, "--cacert"]
            url = f"https://127.0.0.1:{s.port}/v1/chat/completions"
            said = subprocess.run([*ask, folder + "/cert.pem", url], capture_output=True, text=True)
            self.assertTrue(said.stdout.endswith("data: [DONE]\n\n"), said)
            said = subprocess.run([*ask, "/etc/ssl/certs/ca-certificates.crt", url],
                                  capture_output=True, text=True)  # it does not trust us, then
            self.assertEqual((said.returncode, said.stdout), (60, ""))


if __name__ == "__main__":
    unittest.main()
