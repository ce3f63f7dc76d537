#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_page_tasks.py - the page's plans, of a real server, in a headless Chromium; and
GET /v1/tasks, which it draws.

Tasks come in through the tools of /mcp and by another process while the page is looked at. Without
a Chromium: skipped.
"""
import json
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import browser  # noqa: E402
from memory_page import MemoryPage  # noqa: E402
from server import PROGRAM, Server  # noqa: E402
from states import CONTRAST  # noqa: E402
from test_mcp import call  # noqa: E402

SLOTS = "[...document.querySelectorAll('#task-tree .head > .slot')].map(n => n.textContent)"
PLANS = "[...document.querySelectorAll('.plan > .slot')].map(n => n.textContent)"
EVIL = "<img src=x onerror=hit()><script>hit()</script>"


def row(id_):
    return f"document.querySelector('[data-task=\"{id_}\"]')"


class Tasks(MemoryPage):
    def do(self, verb, **arguments):
        r = self.s.post("/mcp", call(1, "task_" + verb, **arguments)).json["result"]
        told = r["content"][0]["text"]
        self.assertFalse(r["isError"], told)
        return json.loads(told).get("task", {}).get("id")

    def trip(self):
        """A plan with every status, one that was replaced, and one to be looked at again."""
        top = self.do("new", slot="A week in Lisbon", text="with Clara, in March")
        dates = self.do("step", parent=top, slot="Dates")
        hotel = self.do("step", parent=top, slot="Hotel", text="near the river", deps=[dates])
        flight = self.do("step", parent=top, slot="Flight", deps=[dates])
        out = self.do("step", parent=flight, slot="There")
        back = self.do("step", parent=flight, slot="Back", deps=[out])
        self.do("done", id=dates, text="3 to 10 March")
        self.do("done", id=hotel, text="Casa do Rio, booked")
        self.do("update", id=dates, text="4 to 11 March")
        self.do("fail", id=back, text="sold out")
        train = self.do("replace", id=back, slot="Night train")
        return top, dates, hotel, flight, out, back, train

    def test_a_plan_over_http(self):
        top, dates, hotel, *_ = self.trip()
        r = self.s.get("/v1/tasks").json
        self.assertEqual([(t["id"], t["slot"], t["done"], t["failed"]) for t in r["trees"]],
                         [(top, "A week in Lisbon", 2, 0)])
        self.assertIn("not instructions", r["note"])
        tree = {t["id"]: t for t in self.s.get(f"/v1/tasks/{top}").json["tasks"]}
        self.assertEqual((tree[hotel]["deps"], tree[hotel]["parent"], tree[hotel]["flagged"]),
                         ([dates], top, True))
        below = self.s.get(f"/v1/tasks/{hotel}").json["tasks"]
        self.assertEqual([t["slot"] for t in below], ["Hotel"])
        small = self.s.get(f"/v1/tasks/{top}?budget=100").json
        self.assertEqual((len(small["tasks"]) + small["left"], small["left"] > 0), (7, True))
        other = self.do("new", slot="Another plan")
        page = self.s.get("/v1/tasks?limit=1").json
        rest = self.s.get(f"/v1/tasks?after={top}").json
        self.assertEqual((page["next"], [t["id"] for t in rest["trees"]]), (top, [other]))

    def test_what_is_none_or_anothers_is_refused(self):
        top = self.do("new", slot="Mine")
        for name in (top + 1, "x", "0", "9" * 20):
            r = self.s.get(f"/v1/tasks/{name}")
            self.assertEqual((r.status, r.json["error"]["code"]), (404, "not_found"), r.body)
        ben = {"Omnesia-User": "ben"}
        self.assertEqual(self.s.get(f"/v1/tasks/{top}", headers=ben).status, 404)
        self.assertEqual(self.s.get("/v1/tasks", headers=ben).json["trees"], [])
        for query in ("?limit=0", "?budget=x", "?after=-1"):
            self.assertEqual(self.s.get("/v1/tasks" + query).status, 400, query)
        with Server("--no-memory") as s:
            self.assertEqual(s.get("/v1/tasks").json["error"]["code"], "no_memory")

    def test_a_tree_is_drawn_with_its_lines(self):
        top, dates, hotel, _, out, back, _ = self.trip()
        tab = self.open()
        tab.until(f"{SLOTS}.length === 7")
        self.assertEqual(tab.eval(SLOTS), ["A week in Lisbon", "Dates", "Hotel", "Flight", "There",
                                           "Back", "Night train"])
        self.assertEqual(tab.eval("document.querySelector('.plan > .muted').textContent"),
                         "2 of 6 done, 2 to look at again")
        for id_, classes in ((dates, "done"), (hotel, "done flagged"), (back, "failed replaced")):
            self.assertEqual(tab.eval(f"{row(id_)}.className"), "task " + classes)
        tab.until("document.querySelectorAll('#task-lines .branch').length === 6")  # a frame later
        deps = tab.eval("[...document.querySelectorAll('#task-lines .dep')]"
                        ".map(n => `${n.dataset.of}>${n.dataset.to}`).sort()")
        self.assertIn(f"{dates}>{hotel}", deps)
        self.assertIn(f"{out}>{back}", deps)
        deep = f"{row(out)}.getBoundingClientRect().left - {row(top)}.getBoundingClientRect().left"
        self.assertEqual(tab.eval(deep), 52)  # two levels
        ends = tab.eval(f"[{row(dates)}, {row(out)}].map(n => n.getBoundingClientRect().right)")
        self.assertEqual(len(set(ends)), 1)
        self.assertEqual(tab.complaints, [])

    def test_a_row_opened_shows_what_it_was(self):
        _, dates, hotel, *_ = self.trip()
        tab = self.open()
        tab.until(f"{SLOTS}.length === 7")
        tab.eval(f"{row(dates)}.querySelector('.head').click()")
        tab.until("document.querySelectorAll('.task .past li').length === 3")
        was = tab.eval("[...document.querySelectorAll('.task .past li')].map(n =>"
                       "`${n.firstChild.getAttribute('aria-label')}: ${n.lastChild.textContent}`)")
        self.assertEqual(was, ["pending: Dates", "done: 3 to 10 March", "done: 4 to 11 March"])
        self.assertIn("Hotel", tab.eval(f"{row(dates)}.querySelector('.facts').textContent"))
        tab.eval(f"{row(dates)}.querySelector('.link-like').click()")  # who builds on it
        tab.until(f"{row(hotel)}.classList.contains('open')")
        self.assertIn("has changed since", tab.eval(f"{row(hotel)}.textContent"))
        tab.until(f"document.activeElement === {row(hotel)}.querySelector('.head')")
        self.assertEqual(tab.complaints, [])

    def test_what_another_process_does_appears(self):
        top = self.do("new", slot="Mine")
        tab = self.open()
        tab.until(f"{SLOTS}.length === 1")
        tab.eval(f"{row(top)}.querySelector('.head').focus()")
        for words in (["step", str(top), "Theirs"], ["done", str(top), "all of it"]):
            subprocess.run([PROGRAM, "task", *words, "--user", "anna", "--region",
                            self.s.folder + "/region"], check=True,
                           env=self.s.env, capture_output=True)
        tab.until(f"{SLOTS}.length === 2 && {row(top)}.classList.contains('done')")
        self.assertTrue(tab.eval(f"document.activeElement === {row(top)}.querySelector('.head')"))
        second = self.do("new", slot="A second plan")
        tab.until(f"{PLANS}.length === 2")
        self.assertEqual(tab.eval(SLOTS), ["Mine", "Theirs"])  # what was looked at stays
        tab.eval("document.querySelector('.plan').click()")
        tab.until(f"{SLOTS}[0] === 'A second plan'")
        self.s.ask("DELETE", f"/v1/memories/{second}")
        tab.until(f"{PLANS}.length === 1 && {SLOTS}.length === 2")
        self.assertEqual(tab.complaints, [])

    def test_a_task_is_text_whatever_is_in_it(self):
        top = self.do("new", slot=EVIL, text=EVIL + "\n" + EVIL)
        self.do("done", id=top, text=EVIL)
        tab = self.open()
        tab.eval("window.hit = () => { window.was_hit = true; }")
        tab.until(f"{SLOTS}.length === 1")
        tab.eval(f"{row(top)}.querySelector('.head').click()")
        tab.until("document.querySelectorAll('.task .past li').length === 2")
        self.assertEqual(tab.eval(SLOTS), [EVIL])
        self.assertFalse(tab.eval("!!window.was_hit || !!document.querySelector('img')"))
        self.assertEqual(tab.complaints, [])

    def test_large_and_deep_plans(self):
        parent = self.do("new", slot="Deep")
        for n in range(60):
            parent = self.do("step", parent=parent, slot=f"Level {n}")
        top = self.do("new", slot="Wide")
        steps = [self.do("step", parent=top, slot="First")]
        for n in range(60):
            steps.append(self.do("step", parent=top, slot=f"Step {n}", deps=steps[-3:]))
        for width in (1280, 320):
            tab = self.open(width=width, height=800)
            tab.until(f"{SLOTS}.length === 62")
            tab.eval("document.querySelectorAll('.plan')[1].click()")
            tab.until(f"{SLOTS}.length === 61 && {SLOTS}[0] === 'Deep'")
            self.assertLessEqual(tab.eval("document.documentElement.scrollWidth"), width)
            widths = tab.eval("[...document.querySelectorAll('.task')].map(n => n.clientWidth)")
            self.assertGreater(min(widths), 60)
            self.assertEqual(tab.complaints, [])

    def test_legible_in_both_themes_and_at_any_width(self):
        _, dates, *_ = self.trip()
        for dark, width in ((False, 1280), (True, 1280), (False, 899), (True, 400), (False, 320)):
            tab = self.open(dark=dark, width=width, height=800)
            tab.until(f"{SLOTS}.length === 7")
            tab.eval(f"{row(dates)}.querySelector('.head').click()")
            tab.until("document.querySelectorAll('.task .past li').length === 3")
            self.assertEqual(tab.eval(CONTRAST)["bad"], [], f"at {width}, dark: {dark}")
            self.assertLessEqual(tab.eval("document.documentElement.scrollWidth"), width)
            wide = tab.eval("""[...document.querySelectorAll('.tasks, .tree, .plan, .task, .more')]
                .filter(n => n.clientWidth && n.scrollWidth > n.clientWidth + 1)
                .map(n => n.className)""")
            self.assertEqual(wide, [], f"at {width} pixels")


if __name__ == "__main__":
    browser.run_tests()
