#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A llama-server that computes nothing: for the tests of `omnesia bench serve`.

It answers as many tokens as are asked for, 2 ms apart, as a stream of OpenAI's chunks, and refuses
what the bench should never send. FAKE_LATE (seconds) delays the first token of each answer,
FAKE_SHORT leaves one token out, FAKE_DIES ends it before it is well.
"""
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def whole(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.whole(200, "{}") if self.path == "/health" else self.whole(404, "{}")

    def event(self, text):
        data = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def wrong(self, ask):
        """What is wrong with a request, or nothing."""
        if not (ask["stream"] and ask["stream_options"]["include_usage"]):
            return "no stream with usage"
        if ask["temperature"] != 0 or ask["ignore_eos"] == ("response_format" in ask):
            return "not greedy, or not as long as was said"
        if self.path == "/v1/completions":
            return "" if ask["prompt"] else "no prompt"
        roles = [m["role"] for m in ask["messages"]]
        if roles[0] == "system":
            if len(ask["messages"].pop(0)["content"].split()) < 1500:
                return "the system prompt is short"
            roles.pop(0)
        if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
            return f"a conversation of {roles}"
        said = [m["content"] for m in ask["messages"][1::2]]
        return "" if all(s == "ab " * 31 + "c" for s in said) else f"the answers were {said}"

    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if problem := self.wrong(ask):
            return self.whole(400, problem)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chat = self.path != "/v1/completions"
        n = ask["max_tokens"] - ("FAKE_SHORT" in os.environ)
        time.sleep(float(os.environ.get("FAKE_LATE", 0)))
        for i in range(n):
            time.sleep(0.002)
            text = "ab " if i + 1 < ask["max_tokens"] else "c"
            choice = {"delta": {"content": text}} if chat else {"text": text}
            self.event(json.dumps({"choices": [choice]}))
        self.event(json.dumps({"choices": [], "usage": {
            "prompt_tokens": 9, "completion_tokens": n,
            "prompt_tokens_details": {"cached_tokens": 4}}}))
        self.event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")


def main():
    if "FAKE_DIES" in os.environ:
        sys.exit("fake: no such model")
    ThreadingHTTPServer.request_queue_size = 300
    port = int(sys.argv[sys.argv.index("--port") + 1])
    ThreadingHTTPServer(("127.0.0.1", port), Answers).serve_forever()


if __name__ == "__main__":
    main()
