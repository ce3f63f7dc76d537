#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_openapi.py - PyPI schemathesis against the server's own /openapi.json.

It makes requests of the document, right ones and wrong ones, and holds every reply to it: status,
content type, schema, headers, methods, keys. What is right by the document and yet refused is no
fault here: no schema says which grammars can be compiled, or that a prompt fits the context.
OMNESIA_SEED and OMNESIA_CASES (requests a route, 25) make other and longer runs.
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance",
          "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
          "missing_required_header", "unsupported_method", "allow_header_conformance",
          "ignored_auth"]


class OpenAPI(unittest.TestCase):
    def run_against(self, server, least, *more):
        """A failure with its words when it found something, or made few requests."""
        with tempfile.TemporaryDirectory() as folder:  # it leaves a cache where it runs
            done = subprocess.run(
                [Path(sys.prefix) / "bin" / "schemathesis", "run", "--no-color", "--checks",
                 ",".join(CHECKS), "--seed", os.environ.get("OMNESIA_SEED", "5"), "--max-examples",
                 os.environ.get("OMNESIA_CASES", "25"), "--phases", "examples,coverage,fuzzing",
                 "--generation-allow-x00", "false", "--request-timeout", "30", *more,
                 f"http://127.0.0.1:{server.port}/openapi.json"],
                cwd=folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        self.assertEqual(found[1], found[2], done.stdout[-6000:])
        self.assertGreater(int(found[1]), least, done.stdout)
        print(found[0], "of schemathesis")

    def test_no_reply_breaks_the_document(self):
        from server import Server
        with tempfile.NamedTemporaryFile("w", suffix=".keys") as keys:
            keys.write("anna:key-of-anna-1\n")
            keys.flush()
            with Server("--ctx", "64", "--tokens", "4", "--key-file", keys.name) as s:
                s.key = "key-of-anna-1"
                self.run_against(s, 1000, "--header", f"Authorization: Bearer {s.key}")
                s.wait_idle()
                self.assertEqual(s.chat().status, 200)

    def test_a_server_that_takes_any_key_documents_none(self):
        from server import Server
        with Server("--ctx", "64", "--tokens", "4") as s:
            document = s.get("/openapi.json").json
            self.assertNotIn("security", document)
            self.run_against(s, 50, "--include-path", "/v1/models", "--include-path", "/tokenize")


if __name__ == "__main__":
    from packages import enter
    enter("schemathesis-venv", ["schemathesis==4.32.5"])
    unittest.main()
