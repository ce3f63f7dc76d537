# SPDX-License-Identifier: Apache-2.0
"""test/serve/memory_page.py - the page of anna's server, with her memory; for its tests."""
import unittest

import browser
from server import Server


class MemoryPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def setUp(self):
        self.s = Server("--user", "anna").start()
        self.addCleanup(self.s.__exit__, None)

    def open(self, **window):
        tab = self.tab = self.browser.tab(still=True, **window)
        self.addCleanup(tab.close)
        tab.go(f"http://127.0.0.1:{self.s.port}/")
        tab.until("document.getElementById('live').getAttribute('aria-busy') === 'false'")
        tab.eval("document.querySelector('[data-show=memories]').click()")
        tab.until("document.getElementById('memories').getAttribute('aria-busy') === 'false'")
        return tab
