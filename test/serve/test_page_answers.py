#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_page_answers.py - the page on the real server, with SmolLM2 behind it.

`omnesia serve` is started on a port and a region of its own; a headless Chromium asks, stops, sees
what others ask, gives a key, and loses the server and finds it again. The states that only a
made-up server has are tried in test_page.py. Without a Chromium: skipped.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import browser  # noqa: E402
from states import BLOCKS, CSP, PAGE, TILES, TYPES  # noqa: E402

PROGRAM = os.environ.get("OMNESIA_PROGRAM", "")
READY = "document.getElementById('live').getAttribute('aria-busy') === 'false'"
IDLE = "document.getElementById('send').textContent === 'Send'"
STORY = "Write a long story about a hare and a tortoise."  # 600 tokens and more
LONG = "The hare and the tortoise ran a race, and the tortoise thought there was time. " * 30


class Server:
    def __init__(self, folder, *options, port=0):
        env = {**os.environ, "OMNESIA_REGION": str(Path(folder) / "region")}
        self.log = open(Path(folder) / "log", "w+")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "-m", "smollm2-135m", "--disk", "none", "--memory", "1G", "--listen",
             f"127.0.0.1:{port}", *options], stderr=self.log, stdout=subprocess.DEVNULL, env=env)
        self.url, end = None, time.monotonic() + 60
        while not self.url and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.05)
            words = Path(self.log.name).read_text().split()
            told = [word for word in words if word.startswith("http://")]
            self.url = told[0].rstrip("/") + "/" if told else None
        if not self.url:
            raise RuntimeError(f"the server did not start: {Path(self.log.name).read_text()}")

    def state(self, key=None):
        ask = urllib.request.Request(self.url + "api/state")
        if key:
            ask.add_header("Authorization", f"Bearer {key}")
        with urllib.request.urlopen(ask, timeout=60) as answer:
            return json.load(answer)

    def ask(self, words, tokens):
        """An answer that somebody else wants; returns when it is complete."""
        body = {"model": "smollm2-135m", "max_tokens": tokens, "ignore_eos": True, "user": "other",
                "messages": [{"role": "user", "content": words}]}
        ask = urllib.request.Request(self.url + "v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=120) as answer:
            return json.load(answer)

    def close(self, how=signal.SIGTERM):
        died, said = self.process.poll(), Path(self.log.name).read_text()
        if died is not None:
            raise RuntimeError(f"the server had ended with {died}: {said[-2000:]}")
        self.process.send_signal(how)
        self.process.wait(20)
        self.log.close()


class AnswersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="omnesia-page-")
        cls.server = Server(cls.folder)
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def open(self, url, wait=True):
        self.tab = self.browser.tab()
        self.addCleanup(self.tab.close)
        self.tab.go(url)
        if wait:
            self.tab.until(READY)
        return self.tab

    def ask(self, words, wait=True):
        """Ask for the likeliest answer: with chance in it, even a story may be one word long."""
        self.tab.eval("document.getElementById('temperature').value = '0'")
        self.tab.eval("document.getElementById('ask').focus()")
        self.tab.type(words)
        self.tab.press("Enter")
        self.tab.until("document.querySelector('.answer')")
        if wait:
            self.tab.until(IDLE, 60)

    def test_the_files_are_those_of_the_source(self):
        for path in PAGE.iterdir():
            with urllib.request.urlopen(f"{self.server.url}page/{path.name}", timeout=60) as answer:
                self.assertEqual(answer.read(), path.read_bytes())
                self.assertIn(TYPES[path.suffix], answer.headers["Content-Type"])
                self.assertIn(CSP, answer.headers["Content-Security-Policy"])
        for missing in ("page/nothing.js", "page/../omnesia", "page/", "page/%2e%2e/page.css"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(self.server.url + missing, timeout=60)
            self.assertEqual(refused.exception.code, 404)

    def test_a_conversation(self):
        tab = self.open(self.server.url)
        tab.eval("document.getElementById('most').value = 40")
        self.ask("What is the capital of France?")
        run = subprocess.run([os.environ["OMNESIA_PROGRAM"], "run", "-m", "smollm2-135m", "--temp",
                              "0", "-n", "40", "--region", "none",
                              "What is the capital of France?"], capture_output=True, text=True)
        self.assertEqual(tab.eval("document.querySelector('.answer .body').textContent"),
                         run.stdout.strip())
        self.assertIn("Paris", tab.eval("document.querySelector('.answer .body').textContent"))
        foot = tab.eval("document.querySelector('.answer .foot').textContent").replace("\xa0", " ")
        self.assertRegex(foot, r"\d+ read · \d+ from the cache · \d+ written · first token")
        self.ask("And of Italy?")
        foot = tab.eval("document.querySelector('article:last-of-type .foot').textContent")
        read, cached = (int(w.split("\xa0")[0].replace(",", "")) for w in foot.split(" · ")[:2])
        self.assertGreater(cached, 30)  # the conversation so far
        self.assertLess(read, 20)
        self.assertEqual([u for u in tab.loads if not u.startswith((self.server.url, "data:"))], [])
        self.assertEqual(tab.complaints, [])

    def test_stopping_an_answer_stops_the_server(self):
        tab, before = self.open(self.server.url), self.server.state()["loop"]["cancelled"]
        self.ask(STORY, wait=False)
        tab.until("document.querySelector('.answer .body').textContent.length > 10")
        tab.press("Escape")
        tab.until(IDLE)
        self.assertIn("stopped", tab.eval("document.querySelector('.answer .foot').textContent"))
        end = time.monotonic() + 60
        while self.server.state()["loop"]["cancelled"] == before and time.monotonic() < end:
            time.sleep(0.05)
        loop = self.server.state()["loop"]
        self.assertEqual((loop["cancelled"], loop["running"]), (before + 1, 0))
        self.assertEqual(tab.complaints, [])

    def test_two_who_begin_alike_are_seen_to_share(self):
        tab = self.open(self.server.url)
        self.server.ask(LONG + "Who won?", 1)  # what they will share is there, and complete
        others = [threading.Thread(target=self.server.ask, args=(LONG + end, 100))
                  for end in ("Who won?", "Who lost?")]
        for other in others:
            other.start()
        try:
            tab.until("document.getElementById('share').textContent.includes('× 2')")
            drawn, state = tab.eval(BLOCKS), self.server.state()
        finally:
            for other in others:
                other.join()
        there = {e["ref"] for e in state["extents"]}
        self.assertEqual(len(there), len(state["extents"]))
        for job in state["jobs"]:
            self.assertLessEqual(set(job["extents"]), there)
        self.assertGreaterEqual(max(b["h"] for b in drawn), 39)  # two rows high
        tab.until("document.querySelectorAll('#memory-map .tile[data-ref]').length > 0")
        def drawn_now():
            return ({t["ref"] for t in tab.eval(TILES)},
                    {e["ref"] for e in self.server.state()["extents"]})
        end = time.monotonic() + 60
        while len(set(map(frozenset, drawn_now()))) > 1 and time.monotonic() < end:
            tab.sleep(0.1)
        self.assertEqual(*drawn_now())
        self.assertEqual(tab.complaints, [])

    def test_a_server_with_keys(self):
        folder = tempfile.mkdtemp(prefix="omnesia-page-")
        self.addCleanup(shutil.rmtree, folder, True)
        keys = Path(folder) / "keys"
        keys.write_text("anna:sesame-open-please-1234567890\n")
        keys.chmod(0o600)
        server = Server(folder, "--key-file", str(keys))
        self.addCleanup(server.close)
        tab = self.open(server.url, wait=False)
        tab.until("document.getElementById('key').open")
        tab.type("wrong")
        tab.press("Enter")
        tab.until("document.getElementById('key-why').textContent.includes('refused')")
        tab.eval("document.getElementById('key-field').select()")
        tab.type("sesame-open-please-1234567890")
        tab.press("Enter")
        tab.until(READY)
        self.ask("What is the capital of France?")
        self.assertGreater(len(tab.eval("document.querySelector('.answer .body').textContent")), 3)
        self.assertEqual([c for c in tab.complaints if "401" not in c], [])

    def test_a_server_that_dies_and_comes_back(self):
        folder = tempfile.mkdtemp(prefix="omnesia-page-")
        self.addCleanup(shutil.rmtree, folder, True)
        server = Server(folder)
        port = server.url.rstrip("/").rsplit(":", 1)[1]
        try:
            tab = self.open(server.url)
            self.ask(STORY, wait=False)
            tab.until("document.querySelector('.answer .body').textContent.length > 10")
        finally:
            server.close(signal.SIGKILL)
        tab.until(IDLE)
        self.assertRegex(tab.eval("document.querySelector('.answer .foot').textContent"),
                         "connection (broke|ended)")
        tab.until("!document.getElementById('banner').hidden")
        server = Server(folder, port=port)
        self.addCleanup(server.close)
        tab.until("document.getElementById('banner').hidden", 30)
        tab.eval("document.querySelector('.answer .foot button').click()")
        tab.until("document.querySelector('.answer .body').textContent.length > 10")
        self.assertEqual([c for c in tab.complaints if "net::ERR" not in c], [])


if __name__ == "__main__":
    browser.run_tests()
