# SPDX-License-Identifier: Apache-2.0
"""test/serve/server.py - a server for a test, and a client that can also misbehave.

Server(..) starts `omnesia serve` on a tiny random model, on a free port, with folders of its own;
leaving the `with` ends it and asserts that it ended well. Standard library only.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

PROGRAM = os.environ["OMNESIA_PROGRAM"]
SOURCE = os.environ["OMNESIA_SOURCE"]
TINY = SOURCE + "/test/model/data/tiny-llama.gguf"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def events(self):
        """[(name or None, object or text)] of a stream."""
        out = []
        for block in self.body.decode().split("\n\n"):
            name, data = None, None
            for line in block.split("\n"):
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
            if data is not None:
                out.append((name, data if data == "[DONE]" else json.loads(data)))
        return out


def read_reply(sock, method="GET"):
    """One reply off a socket, by the rules of HTTP/1.1; None when the peer closed before it."""
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        piece = sock.recv(65536)
        if not piece:
            return None
        buffer += piece
    head, rest = buffer.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {k.lower(): v.strip() for k, v in (x.split(":", 1) for x in lines[1:])}

    def more():
        nonlocal rest
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("the reply ended too early")
        rest += piece

    body = b""
    if status == 100:
        sock_rest = rest
        assert not sock_rest
        return read_reply(sock, method)
    if method == "HEAD" or status in (204, 304):
        pass
    elif headers.get("transfer-encoding") == "chunked":
        while True:
            while b"\r\n" not in rest:
                more()
            size, rest = rest.split(b"\r\n", 1)
            n = int(size, 16)
            while len(rest) < n + 2:
                more()
            assert rest[n:n + 2] == b"\r\n"
            body, rest = body + rest[:n], rest[n + 2:]
            if not n:
                break
    elif "content-length" in headers:
        while len(rest) < int(headers["content-length"]):
            more()
        body = rest[:int(headers["content-length"])]
    else:
        while True:
            piece = sock.recv(65536)
            if not piece:
                break
            rest += piece
        body = rest
    return Reply(status, headers, body)


class Server:
    def __init__(self, *options, model=TINY, env=None, listen=True, region=True, log="json"):
        self.folder = tempfile.mkdtemp(prefix="omnesia-serve-")
        self.unix = self.folder + "/socket"
        self.env = dict(os.environ, OMNESIA_DATA=self.folder + "/data", **(env or {}))
        self.env.pop("OMNESIA_REGION", None)
        command = [PROGRAM, "serve", "--log", log]
        if model:
            command += ["-m", model]
        if listen:
            command += ["--listen", "127.0.0.1:0", "--listen", "unix:" + self.unix]
        command += ["--region", self.folder + "/region" if region else "none", "--disk", "none"] \
            if region else ["--region", "none"]
        self.command = command + list(options)
        self.lines, self.process, self.port, self.key = [], None, None, None

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.env, stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        end = time.time() + 60
        while time.time() < end and self.process.poll() is None:
            for line in self.lines:
                found = re.search(r"https?://(?:127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d+)", line)
                if found and any("model" in x for x in self.lines):
                    self.port = int(found[1])
                    return self
            time.sleep(0.01)
        self.process.kill()
        raise AssertionError("the server did not start: " + "\n".join(self.lines))

    def refusal(self):
        """Start one that must refuse: (exit status, its last line)."""
        done = subprocess.run(self.command, env=self.env, capture_output=True, text=True,
                              timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)
        return done.returncode, done.stderr.strip().split("\n")[-1]

    def stop(self, sig=signal.SIGTERM):
        began = time.time()
        self.process.send_signal(sig)
        status = self.process.wait(60)
        self.stopped_in = time.time() - began
        self.reader.join(5)
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *rest):
        status = self.stop() if self.process.poll() is None else self.process.returncode
        self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind and status:
            print(f"the server ended with {status}:\n" + "\n".join(self.lines[-20:]))
        if kind is None:
            said = [line for line in self.lines if not line.startswith("{")]  # not what was asked
            assert status == 0, f"exit status {status}:\n" + "\n".join(said[-200:])

    # ---- asking ----------------------------------------------------------------------------------

    def connect(self, timeout=60):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def raw(self, data, timeout=60):
        """Send bytes, read one reply."""
        with self.connect(timeout) as sock:
            sock.sendall(data)
            return read_reply(sock)

    def head(self, method, path, headers, n=None):
        all_headers = {"Host": f"127.0.0.1:{self.port}"}
        if self.key:
            all_headers["Authorization"] = "Bearer " + self.key
        all_headers.update(headers or {})
        if n is not None:
            all_headers["Content-Length"] = str(n)
        return (f"{method} {path} HTTP/1.1\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in all_headers.items() if v is not None) + "\r\n").encode()

    def ask(self, method, path, body=None, headers=None, timeout=60, sock=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode() \
            if body is not None else None
        head = self.head(method, path, headers, len(data) if data is not None else None)
        own = sock or self.connect(timeout)
        try:
            own.sendall(head + (data or b""))
            return read_reply(own, method)
        finally:
            if not sock:
                own.close()

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body, **more):
        return self.ask("POST", path, body, **more)

    def chat(self, content="There was a hare.", **fields):
        more = {k: fields.pop(k) for k in ("headers", "sock", "timeout") if k in fields}
        body = dict({"messages": [{"role": "user", "content": content}], "max_tokens": 8,
                     "temperature": 0}, **fields)
        return self.post("/v1/chat/completions", body, **more)

    def upload(self, data, name="in.jsonl", purpose="batch", **more):
        """A file, as a form."""
        part = '--=_a\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
        body = (part % ("purpose", "")).encode() + purpose.encode() + b"\r\n" + \
            (part % ("file", f'; filename="{name}"')).encode() + data + b"\r\n--=_a--\r\n"
        headers = {"Content-Type": 'multipart/form-data; boundary="=_a"', **more.pop("headers", {})}
        return self.post("/v1/files", body, headers=headers, **more)

    def jobs(self):
        return self.get("/api/state").json["jobs"]

    def wait_idle(self, seconds=60):
        """Seconds until no job is left."""
        began = time.time()
        while time.time() - began < seconds:
            if not self.jobs():
                return time.time() - began
            time.sleep(0.005)
        raise AssertionError(f"jobs are left after {seconds} s: {self.jobs()}")

    def memory(self, what="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(what + r":\s+(\d+)", f.read())[1]) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def descriptors_left(self, most, seconds=60):
        """How many are open, once there are `most` or fewer, or after so many seconds."""
        end = time.time() + seconds
        while self.descriptors() > most and time.time() < end:
            time.sleep(0.05)
        return self.descriptors()


def good_fields(server):
    """For every field that a route needs, a value it accepts."""
    return {"messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi",
            "content": "hi", "tokens": [104], "max_tokens": 2, "max_output_tokens": 2,
            "text": "hi", "query": "hi", "endpoint": "/v1/completions", "completion_window": "24h",
            "jsonrpc": "2.0", "id": 1, "method": "tools/list", "do": "status",
            "input_file_id": server.upload(b"{}\n").json["id"]}
