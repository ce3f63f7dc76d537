#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_together.py - one memory, live, behind six doors at once.

Two `omnesia chat --user ann` on terminals of their own, and the MCP client people have, from PyPI,
in both eras, over `omnesia mcp` and over /mcp of `omnesia serve`: all of them run at the same time.
What one says each other one recalls in its next turn, as it was said; what one forgets is gone for
all. A table says of each pair of doors what was missed, so a door that is cut off is found by name:
that is tried, too, with each kind of door.
"""
import asyncio
import contextlib
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unittest
from fcntl import ioctl
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from packages import enter  # noqa: E402

ERAS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}
FACTS = ["The {} keeps her letters under the stairs.", "In March the {} sails to Lisbon.",
         "My {} is allergic to hazelnuts.", "We buried the {} beside the old well.",
         "Clara painted the {} green last summer.", "The {} is worth nine silver coins."]
WORDS = ["zibeline", "quandor", "marlifex", "ostrovan", "pelluris", "wendigal"]
SECONDS = 60


class Chat:
    """`omnesia chat` on a terminal; what it recalls it says there."""

    def __init__(self, place, *options):
        from server import PROGRAM, TINY
        self.screen, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 500, 0, 0))
        env = {**os.environ, **place.env, "TERM": "dumb"}
        self.process = subprocess.Popen(
            [PROGRAM, "chat", "-m", TINY, "-n", "4", "--ctx", "4096", "--temp", "0", "--region",
             place.folder + "/region", "--disk", "none", *options], stdin=theirs, stdout=theirs,
            stderr=theirs, env=env, start_new_session=True)
        os.close(theirs)
        self.told = ""

    def until(self, pattern, begin=0):
        """What the screen shows from `begin` on, as soon as that has `pattern`."""
        end = time.monotonic() + SECONDS
        while not re.search(pattern, self.told[begin:]):
            if not select.select([self.screen], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"never {pattern!r}: {self.told[begin:]!r}")
            try:
                self.told += os.read(self.screen, 65536).decode("utf-8", "replace")
            except OSError as ended:
                raise EOFError(f"chat has ended: {self.told!r}") from ended
        return self.told[begin:]

    def turn(self, line):
        """One turn; it is over, and kept, when the command behind it is answered."""
        begin = len(self.told)
        os.write(self.screen, line.encode() + b"\n/stats\n")
        return self.until(r"\d+ turns; ", begin)

    async def say(self, text):
        self.turn(text)

    async def recall(self, question):
        return re.findall(r"\(remembered: #(\d+), [^:]*: (.*?)\)\r?\n", self.turn(question))

    def close(self):
        os.write(self.screen, b"/quit\n")
        with contextlib.suppress(EOFError):
            self.until("$^")  # its last words, to the end
        status = self.process.wait(SECONDS)
        os.close(self.screen)
        assert status == 0, (status, self.told)


class Client:
    """The client of PyPI, whichever way it came."""

    def __init__(self, client):
        self.client = client

    async def use(self, tool, **arguments):
        r = await self.client.call_tool(tool, arguments)
        if r.is_error:
            raise AssertionError(r.content[0].text)
        return r.structured_content

    async def say(self, text):
        await self.use("memory_add", text=text)

    async def recall(self, question):
        found = await self.use("memory_search", query=question)
        return [(str(r["id"]), r["text"]) for r in found["records"]]

    async def forget(self, record):
        await self.use("memory_forget", id=int(record))


class House:
    """All doors, open at once. cut: a door of that name leads to another's memory."""

    def __init__(self, cut=None):
        self.cut, self.doors = cut, {}

    def user(self, door):
        return ("--user", "eve" if door == self.cut else "ann")

    async def __aenter__(self):
        from server import Server
        from test_mcp import Place, http, stdio
        self.stack = contextlib.AsyncExitStack()
        server = self.stack.enter_context(Server("--ctx", "64", *self.user("http")))
        place = Place(server.folder)
        for name in ("chat 1", "chat 2"):
            self.doors[name] = Chat(place, *self.user(name))
            self.stack.callback(self.doors[name].close)
        for era, version in ERAS.items():
            for name, way in ((f"stdio {era}", stdio(place, era, *self.user("stdio " + era))),
                              (f"http {era}", http(server, era))):
                client = await self.stack.enter_async_context(way)
                assert client.session.protocol_version == version
                self.doors[name] = Client(client)
        return self

    async def __aexit__(self, *rest):
        return await self.stack.__aexit__(*rest)

    async def told(self):
        """Each door says something; [(who said it, who does not recall it)], and each text with the
        number it was kept under."""
        missed, texts = [], {}
        for (speaker, door), fact, word in zip(self.doors.items(), FACTS, WORDS):
            text = fact.format(word)
            await door.say(text)
            for name, other in self.doors.items():
                if name == speaker and isinstance(other, Chat):
                    continue  # what was said in this conversation stands in it
                found = {t: i for i, t in await other.recall(f"What of the {word}?")}
                texts.setdefault(text, found.get(text))
                if text not in found:
                    missed.append((speaker, name))
        return missed, texts

    async def forgotten(self, texts):
        """Each text is forgotten by one client; [(who forgot it, who still recalls it)]"""
        seen = []
        clients = [(n, d) for n, d in self.doors.items() if isinstance(d, Client)]
        for i, (text, word) in enumerate(zip(texts, WORDS)):
            by, client = clients[i % len(clients)]
            await client.forget(texts[text])
            for name, door in self.doors.items():
                if text in [t for _, t in await door.recall(f"What of the {word}?")]:
                    seen.append((by, name))
        return seen


class Together(unittest.TestCase):
    def test_what_one_says_all_recall_and_what_one_forgets_is_gone(self):
        async def live():
            async with House() as house:
                missed, texts = await house.told()
                self.assertEqual(missed, [])
                self.assertEqual(len(set(texts.values())), len(FACTS))
                self.assertEqual(await house.forgotten(texts), [])
        asyncio.run(live())

    def test_a_door_that_is_cut_off_is_found(self):
        async def live(cut):
            async with House(cut) as house:
                missed, _ = await house.told()
                names = [n for n in house.doors if n.startswith(cut)]
                others = [n for n in house.doors if n not in names]
                want = {(a, b) for a in names for b in others} | \
                    {(a, b) for a in others for b in names}
                self.assertEqual(set(missed), want)
        for cut in ("chat 1", "chat 2", "stdio legacy", "stdio 2026-07-28", "http"):
            with self.subTest(cut=cut):
                asyncio.run(live(cut))


if __name__ == "__main__":
    from test_mcp import NEEDS
    enter("mcp-venv", NEEDS)
    unittest.main()
