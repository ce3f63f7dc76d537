# SPDX-License-Identifier: Apache-2.0
"""bench/roboos_skill.py - a skill that works until it is told to stop, and says when that was.

    roboos_skill.py stdio NAME FIFO        over standard streams
    roboos_skill.py http NAME FIFO         a server of this machine; prints its port

It speaks MCP of 2026-07-28. Lines go to FIFO: "NAME begun NS", "NAME told NS" (CLOCK_MONOTONIC).
"""
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOW = "2026-07-28"
WAY, NAME, FIFO = sys.argv[1:4]
TOOL = {"name": "hold_" + NAME, "description": "Works until it is told to stop.",
        "inputSchema": {"type": "object", "properties": {"thing": {"type": "string"}}},
        "_meta": {"omnesia/skill": {"needs": [], "makes": [f"is(thing, {NAME})"], "seconds": 3000,
                                    "limit": 3600}}}
fifo = os.open(FIFO, os.O_WRONLY)


def stamp(word):
    os.write(fifo, f"{NAME} {word} {time.monotonic_ns()}\n".encode())


def answer(method):
    if method == "server/discover":
        return {"supportedVersions": [NOW], "capabilities": {"tools": {}}}
    return {"tools": [TOOL], "resultType": "complete"}


STOPPED = {"resultType": "complete", "isError": True,
           "content": [{"type": "text", "text": "I was stopped"}],
           "structuredContent": {"ok": False, "code": "cancelled", "text": "I was stopped"}}


def stdio():
    def say(id, result):
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}) + "\n")
        sys.stdout.flush()

    for line in iter(sys.stdin.readline, ""):
        m = json.loads(line)
        if m.get("method") == "tools/call":
            stamp("begun")
        elif m.get("method") == "notifications/cancelled":
            stamp("told")
            say(m["params"]["requestId"], STOPPED)
        elif m.get("id") is not None:
            say(m["id"], answer(m.get("method")))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def head(self, kind, **more):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_POST(self):
        m = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if m.get("method") != "tools/call":
            text = json.dumps({"jsonrpc": "2.0", "id": m.get("id"),
                               "result": answer(m.get("method"))}).encode()
            self.head("application/json", Content_Length=str(len(text)))
            self.wfile.write(text)
            return
        self.head("text/event-stream", Transfer_Encoding="chunked")
        self.wfile.flush()
        stamp("begun")
        try:
            while self.connection.recv(1):  # in this era, who hangs up stops
                pass
        except ConnectionError:  # before it had read our head
            pass
        stamp("told")
        self.close_connection = True


if WAY == "stdio":
    stdio()
else:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
