#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_page_memories.py - the page's memories, of a real server, in a headless Chromium.

Records come in over HTTP, and by another process while the page is looked at; what is typed finds
them, what is forgotten in the page is gone from the server. Without a Chromium: skipped.
"""
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path += [str(Path(__file__).resolve().parents[1] / at) for at in ("serve", "agent")]

import browser  # noqa: E402
import poison  # noqa: E402
from memory_page import MemoryPage  # noqa: E402
from server import PROGRAM  # noqa: E402
from states import CONTRAST  # noqa: E402

AT = "/v1/memories"
TEXTS = "[...document.querySelectorAll('.record .text')].map(n => n.textContent)"
NODES = "[...document.querySelectorAll('[data-node]')].map(n => n.dataset.node.split('\\n')[1])"
SHOWN = ("page", "frame", "hidden", "turn", "claim", "field")
EVIL = "<img src=x onerror=hit()><script>hit()</script>"


class Memories(MemoryPage):
    def add(self, *texts, **fields):
        r = self.s.post(AT, {"records": [{"text": t, **fields} for t in texts]})
        self.assertEqual(r.status, 200, r.body)
        return r.json["ids"]

    def search(self, words):
        self.tab.eval("document.getElementById('seek').focus(),"
                      "document.getElementById('seek').select()")
        self.tab.type(words)
        self.tab.until("document.getElementById('seek-said').textContent.includes('best first')")

    def talk(self):
        self.add("We moved to Utrecht.", "The flat has a green door.", speaker="Anna",
                 session="moving", time="2023-05-08")
        self.add("Utrecht has good bakeries.", speaker="Ben", session="letters", time="2023-07-01")

    def test_what_is_typed_is_found_and_can_be_forgotten(self):
        self.talk()
        tab = self.open()
        tab.until(f"{TEXTS}.length === 3")
        self.assertEqual(tab.eval(TEXTS)[0], "Utrecht has good bakeries.")  # the newest first
        self.search("which bakeries")
        tab.until(f"{TEXTS}[0] === 'Utrecht has good bakeries.'")
        self.assertEqual(tab.eval("document.querySelector('mark').textContent"), "bakeries")
        tab.eval("document.querySelector('.record .head').click()")
        tab.eval("document.querySelector('.danger-like').click()")
        self.assertTrue(tab.eval("document.getElementById('forget').open"))
        self.assertEqual(tab.eval("document.activeElement.id"), "forget-not")  # Enter keeps it
        tab.press("Enter")
        self.assertFalse(tab.eval("document.getElementById('forget').open"))
        self.assertEqual(len(self.s.get(AT).json["results"]), 3)
        tab.eval("document.querySelector('.danger-like').click()")
        tab.eval("document.querySelector('#forget .danger').click()")
        tab.until(f"!{TEXTS}.includes('Utrecht has good bakeries.')")
        self.assertEqual([r["text"] for r in self.s.get(AT).json["results"]],
                         ["We moved to Utrecht.", "The flat has a green door."])
        self.assertEqual(tab.complaints, [])

    def test_a_record_shows_its_history_and_its_neighbours(self):
        self.talk()
        id_ = self.s.get(AT).json["results"][1]["id"]
        self.s.ask("PATCH", f"{AT}/{id_}", {"text": "The door is red now."})
        tab = self.open()
        tab.until(f"{TEXTS}.length === 3")
        tab.eval(f"document.querySelector('[data-id=\"{id_}\"] .head').click()")
        tab.until("document.querySelectorAll('.past').length === 2")
        past, near = tab.eval("[...document.querySelectorAll('.past')].map(n => n.textContent)")
        self.assertIn("The flat has a green door.", past)
        self.assertIn("We moved to Utrecht.", near)
        self.assertNotIn("bakeries", near)
        tab.eval("document.querySelector('.link-like').click()")  # all of that conversation
        tab.until(f"{TEXTS}.length === 2")
        self.assertEqual(tab.complaints, [])

    def test_time_and_the_graph_narrow_the_list(self):
        self.talk()
        tab = self.open()
        tab.until(f"{NODES}.length >= 4")
        self.assertEqual(set(tab.eval(NODES)),
                         {"Anna", "Ben", "moving", "letters", "utrecht"})
        tab.eval("[...document.querySelectorAll('[data-node]')].find(n => n.dataset.node"
                 ".endsWith('Ben')).dispatchEvent(new MouseEvent('click', {bubbles: true}))")
        tab.until(f"{TEXTS}.length === 1")
        tab.eval("document.querySelector('.chip').click()")
        tab.until(f"{TEXTS}.length === 3")
        self.assertEqual(tab.eval("document.querySelectorAll('.day').length"), 2)
        tab.eval("document.getElementById('timeline').focus()")
        tab.press("End")
        tab.press("ArrowLeft")  # the last bar
        tab.until(f"{TEXTS}.length === 1")
        tab.press("Escape")
        tab.until(f"{TEXTS}.length === 3")
        self.assertEqual(tab.complaints, [])

    def test_what_another_process_adds_appears(self):
        self.add("Here first.")
        tab = self.open()
        tab.until(f"{TEXTS}.length === 1")
        subprocess.run([PROGRAM, "mem", "add", "Said by another process.", "--user", "anna",
                        "--region", self.s.folder + "/region", "--disk", "none", "--embedder",
                        "none"], check=True, env=self.s.env, capture_output=True)
        tab.until(f"{TEXTS}.includes('Said by another process.')")
        self.assertEqual(tab.complaints, [])

    def test_an_empty_memory_says_how_to_begin(self):
        tab = self.open()
        self.assertIn("omnesia mem add", tab.eval(
            "document.getElementById('nothing').textContent"))
        tab.eval("document.getElementById('seek').focus()")
        tab.type("The first thing.")
        tab.until("!document.getElementById('keep').disabled")
        tab.eval("document.getElementById('keep').click()")
        tab.until(f"{TEXTS}.length === 1 && document.getElementById('nothing').hidden")
        self.assertEqual(self.s.get(AT).json["results"][0]["source"], "page")
        self.assertEqual(tab.complaints, [])

    def test_a_record_is_text_whatever_is_in_it(self):
        self.add(EVIL, speaker=EVIL, session=EVIL, source=EVIL, kind=EVIL)
        tab = self.open()
        tab.eval("window.hit = () => { window.was_hit = true; }")
        tab.until(f"{TEXTS}.length === 1")
        tab.eval("document.querySelector('.record .head').click()")
        self.search("img (src) [x] *onerror* \\")
        tab.until(f"{TEXTS}[0] === {EVIL!r}")
        self.assertFalse(tab.eval("!!window.was_hit || !!document.querySelector('img')"))
        self.assertEqual(tab.complaints, [])

    def test_no_script_of_poison_runs(self):
        """All that harms who reads it, as records, with every field of some."""
        all_of_them = [s.fields for s in poison.scripts() if s.kind in SHOWN and not s.refused]
        r = self.s.post(AT, {"records": all_of_them})
        self.assertEqual(r.status, 200, r.body)
        tab = self.open()
        tab.eval("window.hit = () => { window.was_hit = true; }")
        tab.until(f"{TEXTS}.length === 60")
        while tab.eval("!document.getElementById('more').hidden"):
            n = tab.eval(f"{TEXTS}.length")
            tab.eval("document.getElementById('more').click()")
            tab.until(f"{TEXTS}.length > {n} || document.getElementById('more').hidden")
        self.assertEqual(sorted(tab.eval(TEXTS)), sorted(f["text"] for f in all_of_them))
        tab.eval("[...document.querySelectorAll('.record .head')].slice(0, 1).map(n => n.click())")
        self.assertFalse(tab.eval("!!window.was_hit || !!document.querySelector("
                                  "'main :is(img, script, iframe, object, embed, base, style)')"))
        self.assertEqual([u for u in tab.loads if "127.0.0.1" not in u], [])
        self.assertEqual(tab.complaints, [])

    def test_legible_in_both_themes_and_at_any_width(self):
        self.talk()
        for dark, width in ((False, 1280), (True, 1280), (False, 899), (True, 400), (False, 320)):
            tab = self.open(dark=dark, width=width, height=800)
            tab.until(f"{TEXTS}.length === 3 && {NODES}.length >= 4")
            tab.eval("document.querySelector('.record .head').click()")
            tab.until("document.getAnimations().length === 0")
            self.assertEqual(tab.eval(CONTRAST)["bad"], [], f"at {width}, dark: {dark}")
            self.assertLessEqual(tab.eval("document.documentElement.scrollWidth"), width)
            wide = tab.eval("""[...document.querySelectorAll('.memories, .panel, header, .record')]
                .filter(n => n.clientWidth && n.scrollWidth > n.clientWidth + 1)
                .map(n => n.className || n.nodeName)""")
            self.assertEqual(wide, [], f"at {width} pixels")


if __name__ == "__main__":
    browser.run_tests()
