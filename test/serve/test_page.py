#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_page.py - the page of the server, in a headless Chromium, in every state it has.

The files of src/serve/page come from a small server with the headers of the real one; what the page
asks for is answered here, because only so can a test choose what there is to show: nothing, a busy
server, five thousand extents, a server that is gone, one that wants a key, one that lies. What the
page makes of the real server is tried in test_page_answers.py. Without a Chromium: skipped.
"""
import http.server
import json
import re
import sys
import threading
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import browser  # noqa: E402
from states import (BLOCKS, CONTRAST, FOCUS, PAGE, PLACES, ROOT, TILES, Files,  # noqa: E402
                    busy, extent, job, name, refusal, state, stream)

SUMMARY = "3 answers · 3,510 tokens, kept as 1,410 · 1 waiting"  # of the answers of busy()
NAMED = ("button", "textbox", "combobox", "listbox", "option", "spinbutton", "dialog")  # roles
BANNED = (r"\b(inner|outer)HTML", "insertAdjacentHTML", r"document\.write", r"\beval\(",
          "new Function", r"\bon\w+=\"", "<style", " style=", r"https?://(?!www\.w3\.org/2000/svg)")
HIDE = """Object.defineProperty(document, 'hidden', {configurable: true, get: () => HIDDEN}),
  document.dispatchEvent(new Event('visibilitychange'))"""
SHIFTS = """new PerformanceObserver(list => {
  for (const shift of list.getEntries()) window.moved = (window.moved || 0) + shift.value;
}).observe({type: 'layout-shift', buffered: true})"""


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.url = f"http://127.0.0.1:{cls.server.server_address[1]}/"
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.shutdown()
        cls.server.server_close()

    def open(self, now, wait=True, models=("small", "large"), **window):
        """A page whose server is in the state `now` (an object, or a function that answers)."""
        self.tab = self.browser.tab(**window)
        self.addCleanup(self.tab.close)
        self.now, self.polls = now, 0

        def told(_):
            self.polls += 1
            # A number too large for Python's JSON is one for JavaScript's: infinity.
            return self.now() if callable(self.now) else (
                200, json.dumps(self.now).replace("Infinity", "1e400").encode())

        listed = json.dumps({"data": [{"id": name} for name in models]}).encode()
        self.tab.stub("/api/state", told)
        self.tab.stub("/v1/models", lambda _: (200, listed))
        self.tab.go(self.url)
        if wait:
            self.tab.until("document.getElementById('live').getAttribute('aria-busy') === 'false'")
        return self.tab

    def next_state(self, now):
        """Hand the page another state, and wait until it has drawn it."""
        self.now = now
        seen = self.polls
        while self.polls < seen + 2:  # it asks again only when it has drawn the last one
            self.tab.eval("document.dispatchEvent(new Event('visibilitychange'))")

    def text(self, selector):
        return self.tab.eval(f"document.querySelector({selector!r}).textContent")

    def number(self, script):
        return self.tab.eval(script)

    def quiet(self, *but):
        """The page complained of nothing (but of what the test broke)."""
        left = [c for c in self.tab.complaints if not any(b in c for b in but)]
        self.assertEqual(left, [])

    def ask(self, words, answer, wait=True):
        self.posts = getattr(self, "posts", [])

        def told(body):
            self.posts.append(json.loads(body))
            return answer() if callable(answer) else answer

        self.tab.stub("/v1/chat/completions", told)
        self.tab.eval("document.getElementById('ask').focus()")
        self.tab.type(words)
        before = len(self.posts)
        self.tab.press("Enter")
        if wait:
            self.tab.until("document.getElementById('send').textContent === 'Send'")
            self.assertEqual(len(self.posts), before + 1)

    # ---- what is shown

    def test_an_empty_server_says_what_will_be_there(self):
        tab = self.open(state(asked=0, found=0))
        self.assertIn("Nothing yet", self.text("#memory-map"))
        self.assertIn("No answer is being written", self.text("#share"))
        self.assertIn("nobody has asked yet", self.text("#cards"))
        self.assertEqual(self.text("#base"), self.url + "v1")
        self.assertEqual([u for u in tab.loads if not u.startswith((self.url, "data:"))], [])
        self.quiet()

    def test_without_a_region_it_says_so(self):
        now = state()
        now["region"] = None
        self.open(now)
        self.assertIn("runs without a region", self.text("#memory-map"))
        self.quiet()

    def test_every_extent_is_a_tile_as_long_as_its_bytes(self):
        now = busy()
        tab = self.open(now)
        tiles = {t["ref"]: t for t in tab.eval(TILES)}
        self.assertEqual(set(tiles), {e["ref"] for e in now["extents"]})
        # The area is the limit, halved as often as all of it fits: here 1 GiB to 64 MiB.
        per_byte = tab.eval("document.getElementById('memory-map').clientWidth") * 5 / (1 << 26)
        for e in now["extents"]:
            t = tiles[e["ref"]]
            self.assertEqual(t["map"], "memory-map" if e["memory"] else "disk-map")
            if e["memory"]:
                slack = 4 * len(t["pieces"])  # a piece is 3 pixels at least, and there are gaps
                self.assertAlmostEqual(sum(t["pieces"]), e["memory"] * per_byte, delta=slack)
            self.assertEqual("open" in t["kinds"], bool(e["open"]))
            self.assertEqual("kept" in t["kinds"], bool(e["kept"]))
            self.assertEqual("shared" in t["kinds"], e["ref"] in (name(1), name(2)))
        self.assertIn("1,000 tokens from the beginning, 23 MB in memory, pinned",
                      tiles[name(1)]["said"])
        self.assertIn("on disk alone", tiles[name(6)]["said"])
        self.assertEqual(self.text("#memory-of"), "39 MB of 1.1 GB")
        # Those of one owner look alike, and unlike those of another.
        kinds = [tiles[name(n)]["kinds"][1] for n in (3, 4, 5)]
        self.assertEqual(kinds[0], kinds[1])
        self.assertNotEqual(kinds[0], kinds[2])
        self.quiet()

    def test_answers_that_begin_alike_are_drawn_as_one_block(self):
        tab = self.open(busy())
        blocks = {int(b["ref"]) % 1000: b for b in tab.eval(BLOCKS)}
        self.assertEqual(set(blocks), {1, 2, 3, 4, 5})
        high = blocks[5]["h"]
        self.assertAlmostEqual(blocks[1]["h"] / 3, 20, delta=1)
        self.assertAlmostEqual(blocks[2]["h"] / 2, 20, delta=1)
        self.assertLess(high, 20)
        self.assertAlmostEqual(blocks[1]["w"] / blocks[2]["w"], 5, delta=0.2)
        step = blocks[1]["w"] / 1000
        for inner, start in ((2, 1000), (3, 1200), (4, 1200), (5, 900)):
            self.assertAlmostEqual(blocks[inner]["x"] - blocks[1]["x"], start * step, delta=1.5)
        self.assertEqual(blocks[2]["y"], blocks[1]["y"])  # the larger family is above
        self.assertGreater(blocks[5]["y"], blocks[2]["y"] + 39)
        self.assertEqual(self.text("#share-facts"), SUMMARY)
        self.assertIn("900 tokens × 3", self.text("#share"))
        edge = tab.eval("document.querySelectorAll('.block')[4].getAttribute('d')")
        self.assertEqual(edge.count("H"), 4)  # three rows, and they do not end alike
        tab.eval("document.getElementById('jobs').open = true")
        tab.until("document.querySelectorAll('#jobs tbody tr').length === 4")
        self.quiet()

    def test_figures_and_charts_follow_the_state(self):
        tab = self.open(busy())
        self.assertIn("57/s", self.text("#cards"))
        self.assertIn("90.0 %", self.text("#cards"))
        self.assertIn("900 of 1,000", self.text("#cards"))
        self.next_state({**busy(), "region": {**busy()["region"], "asked": 2000, "found": 1000}})
        self.assertIn("50.0 %", self.text("#cards"))
        tab.until("document.querySelector('.line.accent').getAttribute('d').includes('L')")
        # The hit rate of the last second, 10 %, is a point low in a chart of 42 that ends at 100 %.
        self.assertTrue(tab.eval("""(() => { const c = document.querySelectorAll('.chart')[1];
            const y = c.querySelector('.line').getAttribute('d').match(/ ([\\d.]+)/g).map(Number);
            return Math.max(...y) > 36 && Math.max(...y) < 38; })()"""))
        self.quiet()

    def test_many_of_everything(self):
        extents = [extent(n, 20 + n % 90, 0, "memory" if n % 5 else "disk") for n in range(1, 201)]
        jobs = [job(n, [1 + n % 4, 10 + n], 100, n, f"agent-{n % 40}") for n in range(1, 65)]
        jobs += [job(n, [], 900, 0, f"agent-{n % 40}", "waiting") for n in range(65, 1089)]
        now = state(extents, jobs, extents=5000, charged=900_000_000)
        tab = self.open(now)
        self.assertEqual(tab.eval("document.querySelectorAll('.tile[data-ref]').length"), 200)
        self.assertIn("newest 200 of 5,000 extents", self.text("#map-facts"))
        self.assertFalse(tab.eval("document.querySelector('.tile.rest').hidden"))
        self.assertIn("64 answers", self.text("#share-facts"))
        self.assertIn("1,024 waiting", self.text("#share-facts"))
        self.assertLessEqual(tab.eval("Math.max(...[...document.querySelectorAll('.block')]"
                                      ".map(b => b.getBBox().y + b.getBBox().height))"), 213)
        tab.eval("document.getElementById('jobs').open = true")
        tab.until("document.querySelectorAll('#jobs tbody tr').length === 1000")
        self.quiet()

    def test_a_state_that_lies_breaks_nothing(self):
        tab = self.open(busy())
        evil = "<img src=x onerror=hit()><script>hit()</script>" + "x" * 5000
        now = busy()
        now["jobs"][0].update(owner=evil, model=evil, tokens="many", extents="none")
        now["jobs"][2].update(owner={"length": 99}, state={})
        now["jobs"][1].update(owner=7, prompt_tokens=-5, extents=[None, "x", {}, 1e300])
        now["extents"] += [None, 5, {"ref": 9},
                           {**extent(8, 10), "rows": -1, "start": None, "memory": 1e400}]
        now["models"] = [{"name": evil, "loaded": 1}, None]
        now["version"] = evil
        tab.eval("window.hit = () => { window.was_hit = true; }")
        self.next_state(now)
        self.assertEqual(self.text("#version"), evil[:80])
        for broken in ({}, [], {"region": 5, "jobs": {}, "extents": 5, "loop": None}, 5, None):
            self.next_state(broken)
        self.next_state(busy())
        self.assertFalse(tab.eval("!!window.was_hit || !!document.querySelector('img')"))
        self.assertEqual(self.text("#share-facts"), SUMMARY)
        self.assertTrue(tab.eval("document.getElementById('banner').hidden"))
        self.quiet()

    def test_nothing_moves_when_data_comes(self):
        tab = self.open(state(), wait=False)
        tab.eval(SHIFTS)
        tab.until("document.getElementById('live').getAttribute('aria-busy') === 'false'")
        before = tab.eval(PLACES)
        self.next_state(busy())
        tab.eval("document.getElementById('memory-map').focus()")  # words about a tile
        self.assertEqual(tab.eval(PLACES), before)
        for now in (busy(), state(), busy()):
            self.next_state(now)
        self.assertEqual(tab.eval(PLACES), before)
        self.assertLess(tab.eval("window.moved || 0"), 0.01)

    # ---- the conversation

    def test_the_system_message_is_seen_and_can_be_changed(self):
        tab = self.open({**busy(), "system": "Be kind."})
        value = "document.getElementById('system').value"
        self.assertEqual(tab.eval(value), "Be kind.")
        self.ask("Who?", stream("Me."))
        self.assertEqual(self.posts[0]["messages"][0], {"role": "system", "content": "Be kind."})
        tab.eval(value + " = ''")
        self.next_state({**busy(), "system": "Be kind."})
        self.assertEqual(tab.eval(value), "")
        self.ask("Still?", stream("Yes."))
        self.assertEqual([t["role"] for t in self.posts[1]["messages"]],
                         ["user", "assistant", "user"])

    def test_a_conversation_and_what_it_cost(self):
        tab = self.open(busy())
        self.ask("Who are you?", stream("I am **small**. Ask `me`.\n\n- one\n- two\n"))
        self.assertEqual(self.posts[0]["messages"], [{"role": "user", "content": "Who are you?"}])
        self.assertEqual([self.posts[0][k] for k in ("model", "stream", "stream_options")],
                         ["small", True, {"include_usage": True}])
        self.assertEqual(self.text(".answer .body"), "I am small. Ask me.onetwo")
        marked = "document.querySelectorAll('.answer :is(strong, code, li)').length"
        self.assertEqual(tab.eval(marked), 4)
        foot = self.text(".answer .foot").replace("\xa0", " ")
        self.assertIn("18 read · 1,512 from the cache · 9 written · first token after", foot)
        self.assertIn("I am", self.text("#spoken"))  # what a screen reader is told
        tab.eval("document.getElementById('settings-open').click()")
        tab.eval("document.getElementById('system').value = 'Be brief.'")
        tab.eval("document.getElementById('temperature').value = '0'")
        self.ask("And now?", stream("Still small."))
        turns = self.posts[1]["messages"]
        self.assertEqual([t["role"] for t in turns], ["system", "user", "assistant", "user"])
        self.assertEqual(turns[2]["content"], "I am **small**. Ask `me`.\n\n- one\n- two\n")
        self.assertEqual(self.posts[1]["temperature"], 0)
        tab.eval("document.getElementById('fresh').click()")
        self.assertEqual(tab.eval("document.querySelectorAll('.turn').length"), 0)
        self.ask("Anew", stream("Yes."))
        self.assertEqual(len(self.posts[2]["messages"]), 2)
        self.assertEqual(tab.eval("localStorage.length + sessionStorage.length"), 0)
        self.quiet()

    def test_a_server_that_remembers_is_told_whether_to(self):
        tab = self.open({**busy(), "remembered": {"version": 1, "chats": True}})
        self.assertIn("what is said here is kept", self.text("#hello"))
        told = stream("Your name is Anna.")
        body = told[1].replace(b'data: {"choices"', b'data: {"recalled": [3, 9], "choices"', 1)
        self.ask("Who am I?", (told[0], body, told[2]))
        self.assertEqual(self.posts[0]["memory"], True)
        self.assertIn("2 memories recalled", self.text(".answer .foot").replace("\xa0", " "))
        tab.eval("document.getElementById('remember').click()")
        self.ask("And now?", stream("Still."))
        self.assertEqual(self.posts[1]["memory"], False)
        self.assertEqual(self.posts[0]["session"], self.posts[1]["session"])
        self.next_state(busy())
        self.ask("Elsewhere?", stream("Yes."))
        self.assertNotIn("memory", self.posts[2])
        self.quiet()

    def test_an_answer_is_text_whatever_is_in_it(self):
        tab = self.open(busy())
        tab.eval("window.hit = () => { window.was_hit = true; }")
        evil = ("<img src=x onerror=hit()> <script>hit()</script> [a](javascript:hit()) &lt;b&gt;\n"
                "# <svg onload=hit()>\n- <a href='//x'>y</a>\n```\"onload=hit()\n</code><b>\n")
        self.ask("Go", stream(evil))
        self.assertIn(evil.split("\n")[0], self.text(".answer .body"))
        names = "[...document.querySelectorAll('.answer .body *')].map(n => n.nodeName)"
        self.assertEqual(set(tab.eval(names)), {"P", "UL", "LI", "PRE", "CODE"})
        long = "*" * 50_000 + "`" * 50_000 + "\n" + "- " * 20_000 + "\n" + "**a" * 20_000
        start = time.monotonic()
        self.ask("Long", stream(long))
        self.assertLess(time.monotonic() - start, 10)
        self.assertFalse(tab.eval("!!window.was_hit"))
        self.quiet()

    def test_escape_stops_an_answer_and_enter_asks_again(self):
        tab = self.open(busy())
        self.ask("Wait", lambda: "hold", wait=False)
        tab.until("document.getElementById('send').textContent === 'Stop'")
        tab.press("Escape")
        tab.until("document.getElementById('send').textContent === 'Send'")
        self.assertIn("stopped", self.text(".answer .foot"))
        self.ask("Again", stream("Here."))
        self.assertEqual(self.posts[-1]["messages"][-1]["content"], "Again")
        self.quiet()

    def test_an_answer_that_fails_says_why_and_can_be_tried_again(self):
        tab = self.open(busy())
        self.ask("Too long", refusal(400, "The prompt has 9,120 tokens and the context 8,192."))
        self.assertIn("9,120 tokens", self.text(".answer .foot"))
        self.tab.stub("/v1/chat/completions", lambda _: stream("Well then."))
        tab.eval("document.querySelector('.answer .foot button').click()")
        tab.until("document.querySelector('.answer .body').textContent === 'Well then.'")
        self.ask("Cut", stream("Half an", usage=False, done=False))
        self.assertIn("ended before the answer did", self.text("article:last-of-type .foot"))
        self.ask("Gone", lambda: None)
        self.assertIn("does not answer", self.text("article:last-of-type .foot"))
        self.quiet("400", "ERR_CONNECTION_REFUSED")

    # ---- when the server is not as it should be

    def test_a_server_that_is_gone_and_comes_back(self):
        tab = self.open(busy())
        self.now = lambda: None
        tab.until("!document.getElementById('banner').hidden")
        self.assertIn("does not answer. What you see is from before.", self.text("#banner"))
        self.assertEqual(tab.eval("document.querySelectorAll('.tile[data-ref]').length"), 7)
        self.assertEqual(tab.eval("document.getElementById('pulse').dataset.state"), "bad")
        polls, start = self.polls, time.monotonic()
        while self.polls < polls + 3 and time.monotonic() < start + 60:
            tab.sleep(0.1)
        self.assertGreater(time.monotonic() - start, 4.5)  # less and less often
        self.now = busy()
        tab.eval("document.getElementById('again').click()")
        tab.until("document.getElementById('banner').hidden")
        self.assertFalse(tab.eval("document.body.classList.contains('stale')"))
        self.quiet("ERR_CONNECTION_REFUSED")

    def test_a_server_that_wants_a_key(self):
        self.right = refusal(401, "This server asks for a key.")
        tab = self.open(lambda: self.right, wait=False)
        tab.until("document.querySelector('dialog').open")
        self.assertEqual(tab.eval("document.activeElement.id"), "key-field")
        self.assertEqual(self.text("#key-why"), "This server asks for a key.")
        tab.type("wrong")
        tab.press("Enter")
        tab.until("document.querySelector('dialog').open")
        self.assertIn("The key was refused", self.text("#key-why"))
        self.right = (200, json.dumps(busy()).encode())
        tab.eval("document.getElementById('key-field').select()")
        tab.type("secret")
        tab.press("Enter")
        tab.until("document.querySelectorAll('.tile[data-ref]').length === 7")
        self.assertFalse(tab.eval("document.querySelector('dialog').open"))
        self.assertEqual(tab.eval("sessionStorage.getItem('omnesia-key')"), "secret")
        self.assertEqual(tab.eval("localStorage.length"), 0)
        self.assertEqual(tab.sent[-1].get("Authorization"), "Bearer secret")
        tab.eval("document.getElementById('key-open').click()")
        tab.eval("document.getElementById('key-forget').click()")
        self.assertEqual(tab.eval("sessionStorage.length"), 0)
        self.quiet("401")

    def test_nothing_is_asked_while_nobody_looks(self):
        tab = self.open(busy())
        tab.eval(HIDE.replace("HIDDEN", "true"))
        for _ in range(10):  # one may have been on its way
            polls = self.polls
            tab.sleep(4.4)  # more than a line may bridge
            if self.polls == polls:
                break
        self.assertEqual(self.polls, polls)
        tab.eval(HIDE.replace("HIDDEN", "false"))
        end = time.monotonic() + 60
        while self.polls == polls and time.monotonic() < end:
            tab.sleep(0.1)
        self.assertGreater(self.polls, polls)
        tab.until("document.querySelector('.line').getAttribute('d').split('M').length === 3")
        # Nobody measured what was then: the line has a gap.
        line = tab.eval("document.querySelector('.line').getAttribute('d')")
        self.assertEqual(line.count("M"), 2)

    # ---- who looks, and with what

    def test_contrast_in_both_themes(self):
        for dark in (False, True):
            tab = self.open(busy(), dark=dark)
            theme = tab.eval("document.documentElement.dataset.theme")
            self.assertEqual(theme, "dark" if dark else "light")
            self.ask("Hello", stream("# Yes\n\nA `code` and\n\n```c\nint x;\n```\n"))
            tab.eval("document.getElementById('settings-open').click()")
            tab.eval("document.getElementById('jobs').open = true")
            seen = tab.eval(CONTRAST)
            self.assertEqual(seen["bad"], [])
            self.assertGreater(seen["seen"], 60)
            self.now = lambda: None
            tab.until("!document.getElementById('banner').hidden")
            self.assertEqual([b for b in tab.eval(CONTRAST)["bad"]], [])

    def test_the_theme_can_be_chosen_and_stays(self):
        tab = self.open(state(), dark=True)
        theme = "document.documentElement.dataset.theme"
        tab.eval("document.getElementById('theme').click()")
        self.assertEqual(tab.eval(theme), "light")
        tab.go(self.url)
        self.assertEqual(tab.eval(theme), "light")
        tab.eval("document.getElementById('theme').click()")
        tab.eval("document.getElementById('theme').click()")
        self.assertEqual((tab.eval(theme), self.text("#theme")), ("dark", "Theme: system"))

    def test_no_width_needs_scrolling_sideways(self):
        for width in (1280, 1000, 900, 899, 400, 320):
            tab = self.open(busy(), width=width, height=700)
            self.ask("Hello", stream("word " * 30 + "w" * 300 + "\n```\n" + "c" * 300 + "\n```\n"))
            for view in ("chat", "live"):
                if width < 900:
                    tab.eval(f"document.querySelector('[data-show={view}]').click()")
                self.assertLessEqual(tab.eval("document.documentElement.scrollWidth"), width)
                wide = tab.eval("""[...document.querySelectorAll('.log, .live, .panel, .card')]
                    .filter(n => n.clientWidth && n.scrollWidth > n.clientWidth + 1)
                    .map(n => n.className)""")
                self.assertEqual(wide, [], f"at {width} pixels")
            self.quiet()
            tab.close()
            self._cleanups.clear()

    def test_all_of_it_by_keyboard(self):
        tab = self.open(busy())
        stops = []
        self.assertEqual(tab.eval("document.activeElement.id"), "ask")  # one can write at once
        tab.eval("document.querySelector('h1').tabIndex = -1, document.querySelector('h1').focus()")
        for _ in range(40):
            tab.press("Tab")
            at = tab.eval(FOCUS)
            if at["body"] or stops and at["id"] == stops[0]["id"]:
                break
            stops.append(at)
        order = [s["id"] for s in stops]
        wanted = ["key-open", "theme", "model", "settings-open", "log", "ask", "send",
                  "memory-map", "disk-map", "As a table"]
        self.assertEqual([s for s in order if s in wanted], wanted)
        self.assertEqual([s for s in stops if s["ring"] != "solid 2px"], [])
        tab.eval("document.getElementById('memory-map').focus()")
        tab.press("Home")
        self.assertIn("1,000 tokens from the beginning", self.text("#about"))
        drawn = tab.eval("document.querySelector('.block.seen').dataset.ref")
        self.assertEqual(drawn, name(1))
        tab.press("ArrowRight")
        self.assertIn("200 tokens from token 1,000", self.text("#about"))
        self.assertIn("used by anna", self.text("#about"))
        nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
        bare = [n["role"]["value"] for n in nodes if not n.get("ignored")
                and n["role"]["value"] in NAMED and not n.get("name", {}).get("value")]
        self.assertEqual(bare, [])

    def test_still_for_those_who_want_it(self):
        for still, some in ((False, True), (True, False)):
            tab = self.open(busy(), still=still)
            self.ask("Wait", lambda: "hold", wait=False)
            tab.until("!!document.querySelector('.waiting')")
            self.assertEqual(tab.eval("document.getAnimations().length > 0"), some)


class FilesTest(unittest.TestCase):
    def test_small_plain_and_its_own(self):
        texts = {p.name: p.read_text() for p in PAGE.iterdir()}
        for own, most in ((False, 120), (True, 40)):  # of the page at /, of that of fleets
            size = sum(len(t.encode()) for n, t in texts.items() if n.startswith("fleet") == own)
            self.assertLess(size, most * 1024)
        built = (ROOT / "src" / "meson.build").read_text()
        table = (ROOT / "src" / "serve" / "page.c").read_text()
        for name, text in texts.items():
            self.assertIn(f"'{name}'", built)
            self.assertIn(f'"{name}"', table)
            self.assertIn("SPDX-License-Identifier: Apache-2.0", text)
            for banned in BANNED:
                self.assertIsNone(re.search(banned, text), f"{banned} in {name}")


if __name__ == "__main__":
    browser.run_tests()
