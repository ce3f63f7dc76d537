#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_page_fleet.py - /page/fleet.html of a real server in a headless Chromium,
beside a brain and three simulated robots, each a process: map, plan, log, asking, stopping,
confirming, and a robot that is killed.

OMNESIA_SHOTS=FOLDER: pictures are left there. Without a Chromium: skipped.
"""
import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import browser  # noqa: E402
from server import PROGRAM, Server  # noqa: E402
from states import CONTRAST  # noqa: E402

ROBOTS = ("carrier", "arm", "dual")
TASK = "put the apple and the cup on the table"
WAIT = 60
SHOTS = os.environ.get("OMNESIA_SHOTS")
STEPS = "[...document.querySelectorAll('#plan .step')]"
PLAN = "document.getElementById('plan-facts').textContent"
ROWS = "[...document.querySelectorAll('#robots .who')].map(n => n.textContent)"


class FleetPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def setUp(self):
        self.s = Server().start()
        self.addCleanup(self.s.__exit__, None)
        self.running = {}
        self.addCleanup(self.end)

    def end(self):
        for p in self.running.values():
            p.kill()
            p.wait()

    def command(self, *words):
        return [PROGRAM, "fleet", *words, "--region", self.s.folder + "/region"]

    def start(self, name, *words):
        self.running[name] = subprocess.Popen(self.command(*words), env=self.s.env,
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def do(self, verb, **fields):
        r = self.s.post("/v1/fleet", {"do": verb, **fields})
        self.assertEqual(r.status, 200, r.body)
        return r.json

    def fleet(self, pace="4"):
        subprocess.run(self.command("world", "--sim"), env=self.s.env, check=True,
                       capture_output=True)
        self.start("brain", "brain")
        for name in ROBOTS:
            self.start(name, "join", "--sim", "--name", name, "--pace", pace)
        end = time.monotonic() + WAIT
        while True:
            told = self.do("status")
            if "brain" in told and {r["name"] for r in told["robots"]} == set(ROBOTS):
                return
            self.assertLess(time.monotonic(), end, json.dumps(told))
            time.sleep(0.02)

    def open(self, **window):
        tab = self.browser.tab(still=True, **window)
        self.addCleanup(tab.close)
        tab.go(f"http://127.0.0.1:{self.s.port}/page/fleet.html")
        tab.until("document.getElementById('pulse').dataset.state === 'good'")
        return tab

    def shot(self, tab, name):
        if SHOTS:
            tab.shot(f"{SHOTS}/{name}.png", full=True)

    def write(self, tab, words):
        """As a person with a keyboard."""
        tab.eval("document.getElementById('text').focus()")
        tab.type(words)
        tab.press("Enter")

    def test_a_task_is_asked_for_and_done(self):
        self.fleet()
        tab = self.open()
        tab.until(f"{ROWS}.length === 3")
        self.assertEqual(tab.eval("document.querySelectorAll('#map .robot').length"), 3)
        self.assertEqual(tab.eval("document.querySelectorAll('#map .furniture').length"), 8)
        tab.eval("""window.places = new Set(); new MutationObserver(all => all.forEach(m =>
            m.target.matches?.('.robot') && places.add(m.target.getAttribute('transform'))))
            .observe(document.getElementById('map'), {subtree: true, attributes: true});
            window.node = document.querySelector('#map .robot')""")
        self.write(tab, TASK)
        tab.until(f"{STEPS}.some(n => n.matches('.running'))")
        tab.until(f"{STEPS}.some(n => n.matches('.done'))")
        self.shot(tab, "working")
        self.assertEqual(tab.eval("document.getElementById('said').textContent"), "It is t1.")
        tab.until(f"{PLAN}.startsWith('done')")
        tab.until(f"{STEPS}.every(n => n.matches('.done'))")
        self.assertGreater(tab.eval("places.size"), 3)  # they went through places between
        self.assertTrue(tab.eval("node.isConnected"))  # and were not made anew: they glide
        tab.until("document.getElementById('events').textContent.includes('planned')")
        self.shot(tab, "done")
        self.assertEqual(tab.complaints, [])

    def test_what_is_not_understood_is_told(self):
        self.fleet()
        tab = self.open()
        self.write(tab, "put the unicorn on the table")
        tab.until(f"{PLAN}.includes('unicorn')")
        self.assertEqual(tab.complaints, [])

    def test_stop_and_resume(self):
        self.fleet()
        tab = self.open()
        self.write(tab, TASK)
        tab.until(f"{STEPS}.some(n => n.matches('.running'))")
        tab.eval("document.getElementById('stop').focus()")
        tab.press("Enter")
        tab.until(f"{ROWS}.every(t => t.endsWith('stopped'))")
        tab.until("document.getElementById('pulse').textContent === 'stopped'")
        tab.until("document.activeElement.id === 'resume'")  # the keyboard is not lost
        self.shot(tab, "stopped")
        tab.press("Enter")
        tab.until("document.activeElement.id === 'stop'")
        tab.until(f"{PLAN}.startsWith('done')")
        self.assertEqual(tab.complaints, [])

    def test_one_robot_is_stopped_by_the_keyboard(self):
        self.fleet()
        tab = self.open()
        tab.until(f"{ROWS}.length === 3")
        tab.eval("document.querySelector('[aria-label=\"Stop arm\"]').focus()")
        tab.sleep(1.2)  # the page draws itself twice a second: focus stays
        self.assertEqual(tab.eval("document.activeElement.getAttribute('aria-label')"), "Stop arm")
        tab.press("Enter")
        tab.until(f"{ROWS}.filter(t => t.endsWith('stopped')).length === 1")
        tab.until("!!document.querySelector('[aria-label=\"Resume arm\"]')")
        tab.eval("document.querySelector('[aria-label=\"Resume arm\"]').click()")
        tab.until(f"!{ROWS}.some(t => t.endsWith('stopped'))")
        self.assertEqual(tab.complaints, [])

    def test_a_step_is_confirmed_by_a_press(self):
        self.fleet()
        self.do("do", text="open the fridge", confirm=True)
        tab = self.open()
        tab.until(f"{STEPS}.some(n => n.matches('.asked'))")
        self.shot(tab, "asked")
        end = time.monotonic() + WAIT
        while not tab.eval(f"{PLAN}.startsWith('done')"):  # in a hurry: some press twice
            self.assertLess(time.monotonic(), end)
            label = tab.eval("(document.querySelector('#plan .asked')?.focus(), "
                             "document.activeElement.getAttribute('aria-label'))")
            if label and label.startswith("Let "):
                tab.press("Enter")
            tab.browser.pump(0.05)
        self.assertEqual(tab.complaints, [])

    def test_a_robot_is_killed(self):
        self.fleet()
        tab = self.open()
        self.write(tab, TASK)
        tab.until(f"{ROWS}.some(t => t.startsWith('carrier') && t.endsWith('busy'))")
        self.running["carrier"].kill()
        tab.until(f"{ROWS}.some(t => t.startsWith('carrier') && t.endsWith('lost'))")
        tab.until(f"{PLAN}.includes('planned anew')")
        row = tab.eval("[...document.querySelectorAll('#robots .lost')].map(n => n.textContent)[0]")
        self.assertNotIn("navigate", row)  # who is lost does nothing
        tab.until("document.getElementById('world-facts').textContent.includes('(1 lost)')")
        tab.until("document.getElementById('events').textContent"
                  ".includes('carrier is lost: its process has ended')")
        tab.until("!!document.querySelector('#events .bad')")
        self.shot(tab, "killed")
        tab.until(f"{PLAN}.startsWith('done')")
        self.assertEqual(tab.complaints, [])

    def test_nobody_is_there(self):
        tab = self.open()
        tab.until("document.getElementById('world-facts').textContent.includes('no brain')")
        self.assertIn("No robot", tab.eval("document.getElementById('robots').textContent"))
        self.write(tab, "open the fridge")
        tab.until("document.getElementById('said').textContent !== ''")
        self.shot(tab, "nobody")
        self.assertEqual(tab.complaints, [])

    def test_legible_in_both_themes_and_at_any_width(self):
        self.fleet()
        self.do("do", text=TASK)
        for dark, width in ((False, 1280), (True, 1280), (False, 899), (True, 400), (False, 320)):
            tab = self.open(dark=dark, width=width, height=800)
            tab.until(f"{STEPS}.length > 3 && {ROWS}.length === 3")
            self.shot(tab, f"{width}{'-dark' if dark else ''}")
            self.assertEqual(tab.eval(CONTRAST)["bad"], [], f"at {width}, dark: {dark}")
            self.assertLessEqual(tab.eval("document.documentElement.scrollWidth"), width)
            high = tab.eval("Math.min(...[...document.querySelectorAll('#map text:not(.number)')]"
                            ".map(n => n.getBoundingClientRect().height))")
            self.assertGreaterEqual(high, 8.5, f"names on the map at {width}")
            nameless = tab.eval("""
                [...document.querySelectorAll('button, input, select, [role=img]')]
                .filter(n => !n.hidden && !(n.textContent.trim() || n.labels?.length ||
                  n.getAttribute('aria-label'))).map(n => n.outerHTML)""")
            self.assertEqual(nameless, [])
            self.assertEqual(tab.complaints, [])


if __name__ == "__main__":
    browser.run_tests()
