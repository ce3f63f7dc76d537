#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/fleet/fake_http.py - skills of servers over HTTP, good and bad ones, a path each. It prints
its port; what it is told to stop is written to the file FAKE_HTTP. Standard library only.

/now, /sse: 2026-07-28 as JSON and as events; /old: a session, 2025-06-18, and a stream of changes;
/html, /locked, /foreign, /gone (forgets its session at each call), /cut, /big, /empty: what goes
wrong. /bad/HOW/WORD: a skill WORD that says it makes is(thing, WORD) and does HOW (BAD below), and
"inspect", which sees the files THING.WORD in the folder FAKE_TRUTH.
"""
import json
import os
import select
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOW = "2026-07-28"
WORK = {"name": "work", "inputSchema": {"type": "object", "properties": {"how": {}}},
        "_meta": {"omnesia/skill": {"seconds": 0.1, "limit": 1}}}
THING = {"type": "object", "properties": {"thing": {"type": "string"}}}
stopping = {}  # id of a call: an event
changed = threading.Event()


def told(text):
    with open(os.environ["FAKE_HTTP"], "a") as f:
        f.write(text + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, text, kind="application/json", **head):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        for name, value in head.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text.encode())

    def answer(self, id, result, **head):
        self.send(200, json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), **head)

    def error(self, status, id, code, message, **data):
        self.send(status, json.dumps({"jsonrpc": "2.0", "id": id, "error": {
            "code": code, "message": message, "data": data}}))

    def events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text):
        self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
        self.wfile.flush()

    def event(self, message):
        text = json.dumps({"jsonrpc": "2.0", **message}, indent=1)  # several lines of data
        for line in (": alive\r\n", "event: message\r\n"):
            self.chunk(line)
        self.chunk("".join(f"data: {line}\r\n" for line in text.split("\n")) + "\r\n")

    def hung_up(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([self.connection], [], [], 0.01)[0] and not self.connection.recv(1):
                return True
        return False

    def do_GET(self):
        if self.path != "/old":
            return self.send(405, "")
        self.events()
        changed.wait(20)
        self.event({"method": "notifications/tools/list_changed"})
        self.hung_up(20)
        self.close_connection = True

    def call(self, id, params):
        how = params.get("arguments", {}).get("how")
        end = {"content": [{"type": "text", "text": "it is done"}]}
        if self.path in ("/now", "/sse"):
            end["resultType"] = "complete"
            assert self.headers["Mcp-Name"] == "work", "Mcp-Name"
        if how == "wait":
            if self.path == "/old":
                stopping[id] = threading.Event()
                told("waits")
                if stopping[id].wait(20):
                    end = {"structuredContent": {"ok": False, "code": "x", "text": "as you like"}}
            else:
                self.events()
                told("waits")
                told("hung up" if self.hung_up(20) else "nobody hung up")
                self.close_connection = True
                return
        if how == "change":
            changed.set()
        if self.path == "/cut":
            self.events()
            self.event({"method": "notifications/message"})
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/big":
            self.events()
            for _ in range(100):
                self.chunk("data: " + "x" * 65536)
        elif self.path == "/empty":
            self.send(200, "")
        elif self.path == "/sse":
            self.events()
            self.event({"method": "notifications/progress", "params": {
                "progressToken": params["_meta"]["progressToken"], "progress": 0.25}})
            time.sleep(0.05)
            self.event({"id": id, "result": end})
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(id, end)

    def hang_up(self, text=b""):
        self.wfile.write(text)
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def endless(self, head, part, pause=0.0):
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + head)
            while True:
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    BAD = {
        "closes": lambda self, id: self.hang_up(),
        "half": lambda self, id: self.hang_up(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
            b'Content-Length: 999\r\n\r\n{"jsonrpc": "2.0", "id"'),
        "nothttp": lambda self, id: self.hang_up(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "error": lambda self, id: self.send(500, "the pump is on fire", "text/plain"),
        "busy": lambda self, id: self.send(503, "", "text/plain", Retry_After="9"),
        "moved": lambda self, id: self.send(302, "", "text/plain", Location="http://127.0.0.1:1/"),
        "page": lambda self, id: self.send(200, "<html>Welcome</html>", "text/html"),
        "nothing": lambda self, id: self.send(204, ""),
        "wrongid": lambda self, id: self.answer(id + 1000, {}),
        "lies": lambda self, id: self.answer(id, {"content": [], "resultType": "complete"}),
        "silent": lambda self, id: self.hung_up(60),
        "slowly": lambda self, id: self.endless(b"Content-Length: 999999\r\n\r\n", b" ", 0.05),
        "endless": lambda self, id: self.endless(b"\r\n", b" " * 65536),
        "heads": lambda self, id: self.endless(b"", b"X-More: " + b"x" * 1000 + b"\r\n"),
    }

    def bad(self, method, id, params, how, word):
        if method == "server/discover":
            self.answer(id, {"supportedVersions": [NOW], "capabilities": {"tools": {}}})
        elif method == "tools/list":
            self.answer(id, {"resultType": "complete", "tools": [
                {"name": "inspect", "inputSchema": THING},
                {"name": word, "inputSchema": THING, "_meta": {"omnesia/skill": {
                    "makes": [f"is(thing, {word})"], "seconds": 1, "limit": 6, "verify": True}}}]})
        elif params["name"] == "inspect":
            thing = params["arguments"]["thing"].replace("bench", word + "part")  # lies on it
            is_ = {word: os.path.exists(f"{os.environ['FAKE_TRUTH']}/{thing}.{word}")}
            self.answer(id, {"resultType": "complete", "structuredContent": {
                "ok": True, "seen": [{"name": thing, "is": is_}]}})
        else:
            self.BAD[how](self, id)

    def do_POST(self):
        m = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method, id, params = m.get("method"), m.get("id"), m.get("params", {})
        version, session = self.headers["MCP-Protocol-Version"], self.headers["Mcp-Session-Id"]
        assert "text/event-stream" in self.headers["Accept"]
        if self.path.startswith("/bad/"):
            return self.bad(method, id, params, *self.path.split("/")[2:])
        if self.path == "/html":
            return self.send(200, "<html>Welcome</html>", "text/html")
        if self.path == "/locked" and self.headers["Authorization"] != "Bearer sesame":
            return self.send(401, "who are you?", "text/plain")
        if self.path == "/foreign":
            return self.error(400, id, -32022, "no", supported=["2031-01-01"])
        if self.path in ("/old", "/gone"):
            return self.old(method, id, params, version, session)
        if version != NOW or self.headers["Mcp-Method"] != method:
            return self.error(400, id, -32020, "head and body differ")
        if method == "server/discover":
            self.answer(id, {"supportedVersions": [NOW], "capabilities": {"tools": {}}})
        elif method == "tools/list":
            self.answer(id, {"tools": [WORK], "resultType": "complete"})
        else:
            self.call(id, params)

    def old(self, method, id, params, version, session):
        if method == "initialize":
            assert version is None and session is None
            return self.answer(id, {"protocolVersion": "2025-06-18",
                                    "capabilities": {"tools": {"listChanged": True}}},
                               Mcp_Session_Id="s-1")
        if session is None:
            return self.send(400, '{"jsonrpc": "2.0", "id": null, "error": {"code": -32600}}')
        assert version == "2025-06-18" and session == "s-1"
        if method == "notifications/cancelled":
            told("cancelled")
            stopping[params["requestId"]].set()
        if id is None:
            self.send(202, "")
        elif method == "tools/list":
            self.answer(id, {"tools": [WORK] + [{"name": "later", "inputSchema": {}}]
                             * changed.is_set()})
        elif self.path == "/gone":
            self.send(404, "", "text/plain")
        else:
            self.call(id, params)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
