#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/serve/test_slow.py - clients that are slow, many, or mean harm: reliability rows 14 and 15.

Slow heads and bodies end in their time; a reader that takes nothing is dropped; 1,000 idle streams
cost little memory; /health answers while a long prompt is read; 2,000 clients that leave at random
moments leave nothing behind. Standard library only.

In full (make soak ROW=14, ROW=15): one honest client beside a thousand streams that are read a byte
a second, and heads that never end, from case to case; and 200 clients that leave in each case.
"""
import json
import os
import random
import signal
import socket
import threading
import time
import unittest

import soak
from server import Server, read_reply


def long_body(**more):
    return json.dumps(dict({"messages": [{"role": "user", "content": "hi"}], "stream": True,
                            "max_tokens": 200, "ignore_eos": True}, **more)).encode()


def p99(times):
    return sorted(times)[int(len(times) * 0.99)]


def clients_leave(seed, at_once, each):
    """They ask for anything and leave at any moment; who stays gets the same words as ever."""
    chance = random.Random(seed)
    with Server("--slots", "8", "--tokens", "100") as s:
        whole = s.chat("The honest client.", max_tokens=60).json["choices"][0]["message"]
        fds, wrong, stop, stay = s.descriptors(), [], threading.Event(), []

        def honest():
            while not stop.is_set():
                r = s.chat("The honest client.", max_tokens=60)
                if r.status != 200 or r.json["choices"][0]["message"] != whole:
                    wrong.append(r.body)

        def leaver(dice):
            for _ in range(each):
                body = long_body(stream=dice.random() < 0.7, max_tokens=dice.randrange(1, 150),
                                 n=dice.choice([1, 1, 1, 3]))
                data = s.head("POST", "/v1/chat/completions", None, len(body)) + body
                with s.connect() as sock:
                    n = dice.choice([len(data), len(data), dice.randrange(len(data))])
                    sock.sendall(data[:n])
                    time.sleep(dice.choice([0, 0.001, 0.005, 0.02]) * dice.random())
                    if dice.random() < 0.3:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                        b"\1\0\0\0\0\0\0\0")  # a reset
                    if soak.planted():
                        stay.append(sock.dup())

        threads = [threading.Thread(target=leaver, args=(random.Random(chance.random()),))
                   for _ in range(at_once)]
        good = threading.Thread(target=honest)
        good.start()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        stop.set()
        good.join()
        gone = s.wait_idle()
        print(f"seed {seed}: all jobs were gone after {gone * 1e3:.0f} ms")
        assert wrong == [], wrong
        info = s.get("/api/state").json["loop"]
        assert (info["running"], info["waiting"], info["failed"]) == (0, 0, 0), info
        last = s.chat("The honest client.", max_tokens=60).json["choices"][0]["message"]
        assert last == whole, last
        left = s.descriptors_left(fds, 5 if soak.planted() else 60)
        assert left <= fds, f"{left} descriptors are open, {fds} were"


def chaos(i):
    clients_leave(1000 + i, 4, 2 if soak.planted() else 50)
    return 200


def gaps(s, seconds):
    """Seconds between the pieces of an honest client's streams."""
    found, end = [], time.time() + seconds
    body = long_body(max_tokens=400)
    while time.time() < end:
        with s.connect() as sock:
            sock.sendall(s.head("POST", "/v1/chat/completions", None, len(body)) + body)
            last = None
            while piece := sock.recv(65536):
                now = time.time()
                if last:
                    found.append(now - last)
                last = now
                if b"[DONE]" in piece:
                    break
    return found


def crowd(i):
    """1,000 streams that are read a byte a second and 100 heads that never end, beside one client
    whose tokens come as they come without them; then all leave, and nothing is left open."""
    few = 20 if soak.planted() else 1000
    with Server("--slots", "4", "--waiting", "2000", "--tokens", "500", region=False) as s:
        gaps(s, 1)
        alone, fds, held, stop = gaps(s, 2), s.descriptors(), [], threading.Event()
        body = long_body(max_tokens=4)
        for _ in range(few):
            sock = s.connect()
            sock.sendall(s.head("POST", "/v1/chat/completions", None, len(body)) + body)
            held.append(sock)
        s.wait_idle()

        def sip():
            dice, due = random.Random(i), time.time()
            heads = [s.connect() for _ in range(100)]
            while not stop.is_set():
                for sock in held:
                    sock.settimeout(0)
                    try:
                        sock.recv(1)
                    except OSError:
                        pass
                for sock in heads:
                    try:
                        sock.send(dice.choice([b"GET /", b"a", b"\r\nA: b"]))
                    except OSError:
                        pass
                due += 1
                stop.wait(max(0, due - time.time()))
            held.extend(heads)

        sipper = threading.Thread(target=sip)
        sipper.start()
        beside, waits = gaps(s, 6), []
        for _ in range(200):
            began = time.time()
            assert s.get("/health").status == 200
            waits.append(time.time() - began)
        stop.set()
        sipper.join()
        print(f"between tokens, p99: {p99(alone) * 1e3:.2f} ms alone, {p99(beside) * 1e3:.2f} ms "
              f"beside {few} slow ones; /health {p99(waits) * 1e3:.2f} ms")
        for sock in held[:1] if soak.planted() else held:
            sock.close()
        left = s.descriptors_left(fds, 5 if soak.planted() else 60)
        assert left <= fds, f"{left} descriptors are open, {fds} were"
    return 1


class Slow(unittest.TestCase):
    def test_slow_heads_and_bodies_end_in_their_time(self):
        with Server() as s:
            def trickle(data, tail, limit):
                """Seconds until the server closes or answers, a byte of `tail` each half second."""
                began = time.time()
                with s.connect(100) as sock:
                    sock.sendall(data)
                    sock.settimeout(0.5)
                    while time.time() - began < limit:
                        try:
                            if not sock.recv(1000):
                                break
                        except TimeoutError:
                            pass
                        except OSError:
                            break
                        try:
                            sock.sendall(tail)
                        except OSError:
                            break
                took.append((time.time() - began, limit))

            took = []
            cases = [(b"GET /health HTTP/1.1\r\nHost: localhost\r\n", b"a", 90),  # a head
                     (b"", b"", 90),                                            # nothing at all
                     (s.head("POST", "/tokenize", None, 100000), b" ", 120)]    # a body
            threads = [threading.Thread(target=trickle, args=case) for case in cases]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(len(took), 3)
            for seconds, limit in took:
                self.assertLess(seconds, limit)
            self.assertEqual(s.get("/health").status, 200)

    def test_a_reader_that_takes_nothing_is_dropped(self):
        with Server("--ctx", "100000") as s:
            fds = s.descriptors()
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", s.port))
            body = long_body(max_tokens=90000, logprobs=True, top_logprobs=20)
            sock.sendall(s.head("POST", "/v1/chat/completions", None, len(body)) + body)
            end = time.time() + 60
            while s.descriptors() <= fds and time.time() < end:
                time.sleep(0.01)
            self.assertLessEqual(s.descriptors_left(fds), fds, "the slow reader is still there")
            s.wait_idle()
            sock.close()
            figures = s.get("/metrics").body.decode()
            self.assertIn("omnesia_clients_left_total 1", figures)

    def test_a_thousand_idle_streams_cost_little(self):
        # Without a region: what answers leave there is its business, and in its own budget.
        with Server("--slots", "4", "--waiting", "2000", region=False) as s:
            for _ in range(4):
                s.chat()
            before, fds = s.memory(), s.descriptors()
            socks = []
            body = long_body(max_tokens=4)
            for _ in range(1000):  # streams that have ended, their connections kept
                sock = s.connect()
                sock.sendall(s.head("POST", "/v1/chat/completions", None, len(body)) + body)
                socks.append(sock)
            for sock in socks:
                self.assertTrue(read_reply(sock).body.endswith(b"[DONE]\n\n"))
            more = s.memory() - before
            print(f"1,000 connections: {more / 2**20:.1f} MiB more")
            self.assertLessEqual(more, 32 << 20)
            times = []
            for _ in range(300):
                began = time.time()
                s.get("/health")
                times.append(time.time() - began)
            print(f"/health beside them: p99 {p99(times) * 1e3:.2f} ms")
            for sock in socks:
                sock.close()
            self.assertLessEqual(s.descriptors_left(fds), fds)

    def test_health_answers_while_a_long_prompt_is_read(self):
        with Server("--ctx", "40000", "--step-tokens", "512") as s:
            done = threading.Event()

            def read():
                r = s.chat("A hare ran on. " * 1500, max_tokens=4, timeout=120)
                self.assertEqual(r.status, 200, r.body)
                self.assertGreater(r.json["usage"]["prompt_tokens"], 6000)
                done.set()

            reader = threading.Thread(target=read)
            reader.start()
            times = []
            with s.connect() as sock:
                while not done.is_set():
                    began = time.time()
                    self.assertEqual(s.get("/health", sock=sock).status, 200)
                    times.append(time.time() - began)
                    time.sleep(0.001)
            reader.join()
            print(f"/health during a prompt of 6,000 tokens: p99 {p99(times) * 1e3:.2f} ms "
                  f"of {len(times)}, most {max(times) * 1e3:.1f} ms")
            self.assertGreater(len(times), 30)  # between steps, of which there are twelve, too

    def test_two_thousand_clients_that_leave(self):
        clients_leave(int(os.environ.get("OMNESIA_SEED", "5")), 8, 250)

    def test_sigterm_ends_streams_that_would_go_on(self):
        s = Server("--ctx", "200000").start()
        socks = []
        body = long_body(max_tokens=190000)
        for _ in range(6):
            sock = s.connect()
            sock.sendall(s.head("POST", "/v1/chat/completions", None, len(body)) + body)
            socks.append(sock)
        for sock in socks:
            sock.recv(1, socket.MSG_PEEK)
        readers, ends = [], []
        for sock in socks:
            readers.append(threading.Thread(target=lambda k=sock: ends.append(read_reply(k).body)))
            readers[-1].start()
        self.assertEqual(s.stop(signal.SIGTERM), 0)
        for r in readers:
            r.join()
        print(f"SIGTERM: ended in {s.stopped_in:.2f} s")
        for end in ends:
            self.assertTrue(end.endswith(b"data: [DONE]\n\n"), end[-200:])
            self.assertIn(b'"code":"shutting_down"', end)
            socks.pop().close()
        s.process.stderr.close()


if __name__ == "__main__":
    soak.main({"chaos": (50, chaos), "crowd": (0, crowd)})
