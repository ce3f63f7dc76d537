# SPDX-License-Identifier: Apache-2.0
"""test/serve/endpoint.py - a server that plays an OpenAI-compatible endpoint: well, badly, slowly
and with malice. Standard library only."""
import http.server
import json
import socketserver
import threading


def completion(content, finish="stop", usage=None):
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content},
                                    "finish_reason": finish}], "usage": usage}).encode()


class Endpoint:
    """`play` says what to send: (status, body[, headers]), bytes as they are, or a function of the
    handler; a list of these: one after another, the last again and again, and with None it is gone.
    `asked`: (path, headers, body) of each question."""

    def __init__(self, play=None, context=None):
        self.play, self.asked = play, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.asked.append((handler.path, dict(handler.headers), json.loads(body)))
                self.answer(handler, self.next_one())

            do_GET = do_POST

            def log_message(handler, *rest):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(server, request, address):
                pass  # who is asked hangs up when it has heard enough

        self.server = Server(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next_one(self):
        if not isinstance(self.play, list):
            return self.play
        now = self.play.pop(0) if len(self.play) > 1 else self.play[0]
        if self.play[0] is None:
            self.server.socket.close()
        return now

    def answer(self, handler, play):
        handler.close_connection = True
        if callable(play):
            return play(handler)
        if isinstance(play, bytes):
            return handler.wfile.write(play)
        status, body, *headers = play
        handler.send_response(status)
        for name, value in {"Content-Length": len(body), **(headers[0] if headers else {})}.items():
            if value is not None:
                handler.send_header(name, value)
        handler.end_headers()
        return handler.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
