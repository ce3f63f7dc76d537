# SPDX-License-Identifier: Apache-2.0
"""test/serve/browser.py - a headless Chromium that a test drives, with the standard library only.

The DevTools protocol over two pipes (file descriptors 3 and 4), JSON messages that end with a NUL.
Browser() starts one with a profile of its own, tab() opens a page in it. Everything a page
complains of (exceptions, console errors, blocked or failed loads) is kept in tab.complaints, so a
test can ask for none. One thread; every wait has an end.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "
         "--disable-background-networking --disable-component-update --disable-sync --mute-audio "
         "--hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe").split()


def program():
    """The path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def run_tests():
    """The tests of the program that was started, and its end: 77 where there is no Chromium."""
    if not program():
        print("no Chromium on this machine: apt-get install chromium")
        sys.exit(77)
    outcome = unittest.main(exit=False, verbosity=0).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"[  PASSED  ] {outcome.testsRun - bad} test(s).")
    if bad:
        print(f"[  FAILED  ] {bad} test(s), listed above.")
    sys.exit(bool(bad))


class Browser:
    def __init__(self, env=None):
        self.profile = tempfile.mkdtemp(prefix="omnesia-browser-")
        theirs, self.to = os.pipe()
        self.back, answers = os.pipe()
        # A pipe may itself have got 3 or 4: move both out of the way first.
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate((theirs, answers))]

        def pipes():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program(), *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            close_fds=False, preexec_fn=pipes, env=env)
        for fd in (theirs, answers, *high):
            os.close(fd)
        self.held, self.number, self.tabs, self.answers = b"", 0, {}, {}

    def close(self):
        for fd in (self.to, self.back):
            os.close(fd)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def pump(self, seconds):
        """Take what the browser has to say, waiting at most so long for something."""
        if select.select([self.back], [], [], seconds)[0]:
            piece = os.read(self.back, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has died")
            self.held += piece
        while b"\0" in self.held:
            line, self.held = self.held.split(b"\0", 1)
            message = json.loads(line)
            if "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.tabs:
                self.tabs[message["sessionId"]].event(message["method"], message["params"])

    def post(self, method, params, session=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        return self.number

    def call(self, method, session=None, timeout=60, **params):
        number, end = self.post(method, params, session), time.monotonic() + timeout
        while number not in self.answers:
            if time.monotonic() > end:
                raise TimeoutError(f"{method}: no answer in {timeout} s")
            self.pump(0.2)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def tab(self, width=1280, height=800, dark=False, still=False):
        # A context of its own: no storage of the tab before.
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        return Tab(self, session["sessionId"], target["targetId"], width, height, dark, still)


class Tab:
    def __init__(self, browser, session, target, width, height, dark, still):
        self.browser, self.session, self.target = browser, session, target
        self.complaints, self.loads, self.sent, self.stubs = [], [], [], {}
        browser.tabs[session] = self
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}])

    def call(self, method, **params):
        return self.browser.call(method, session=self.session, **params)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)

    def event(self, method, params):
        if method == "Runtime.exceptionThrown":
            detail = params["exceptionDetails"]
            self.complaints.append(detail.get("exception", {}).get("description", detail["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description")))
                                            for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            entry = params["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.loads.append(params["request"]["url"])
        elif method == "Fetch.requestPaused":
            self.paused(params)

    def stub(self, path, answer):
        """Requests for `path` are answered here: answer(body) gives (status, bytes[, type]), None
        for a connection that is refused, "hold" for one that never ends."""
        self.stubs[path] = answer
        self.call("Fetch.enable", patterns=[{"urlPattern": f"*{p}"} for p in self.stubs])

    def paused(self, params):
        asked = params["request"]
        self.sent.append(asked["headers"])
        answer = next(a for path, a in self.stubs.items() if asked["url"].endswith(path))
        made, about = answer(asked.get("postData")), {"requestId": params["requestId"]}
        if made is None:
            self.browser.post("Fetch.failRequest", {**about, "errorReason": "ConnectionRefused"},
                              self.session)
        elif made != "hold":
            kind = made[2] if len(made) > 2 else "application/json"
            self.browser.post("Fetch.fulfillRequest", {
                **about, "responseCode": made[0], "body": base64.b64encode(made[1]).decode(),
                "responseHeaders": [{"name": "Content-Type", "value": kind}]}, self.session)

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def eval(self, script):
        """The value of an expression; promises are waited for."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                         returnByValue=True, userGesture=True)
        if "exceptionDetails" in done:
            detail = done["exceptionDetails"]
            raise RuntimeError(detail.get("exception", {}).get("description", detail["text"]))
        return done["result"].get("value")

    def until(self, script, timeout=60):
        """Wait until an expression is true, as JavaScript sees it."""
        end = time.monotonic() + timeout
        while not self.eval(f"!!({script})"):
            if time.monotonic() > end:
                raise TimeoutError(f"in {timeout} s never: {script}")
            self.browser.pump(0.05)

    def sleep(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.browser.pump(left)

    KEYS = {"Enter": ("Enter", 13, "\r"), "Tab": ("Tab", 9, ""), "Escape": ("Escape", 27, ""),
            "ArrowRight": ("ArrowRight", 39, ""), "ArrowLeft": ("ArrowLeft", 37, ""),
            "Home": ("Home", 36, ""), "End": ("End", 35, ""), " ": ("Space", 32, " ")}

    def press(self, key, shift=False):
        code, number, text = self.KEYS[key]
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code,
                      windowsVirtualKeyCode=number, modifiers=8 if shift else 0, **more)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def shot(self, path, full=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.tabs.pop(self.session, None)
