# SPDX-License-Identifier: Apache-2.0
"""One process, measured from outside: output, time to the first byte, peak and private memory.

Nothing here changes priority, scheduler class or affinity; both sides of a comparison are
started by the same lines. A measured program starts with empty standard input.
"""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A program that could not be measured, in one sentence."""


class Missing(Failed):
    """This machine lacks what a measurement needs."""


@dataclass
class Outcome:
    text: str             # all of standard output
    first_byte_ms: float  # from before the fork to the first byte of it (or to its end)
    wall_s: float
    peak_rss: int         # bytes, ru_maxrss as the kernel reports it to wait4


def tail(stream, lines=3):
    stream.seek(0)
    text = stream.read().decode("utf-8", "replace").strip()
    return " | ".join(text.splitlines()[-lines:])


def start(cmd, errors, env):
    return subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                            env={**os.environ, **(env or {})})


def run(cmd, env=None):
    """Run cmd to its end; Failed with the end of its standard error when it does not succeed."""
    cmd = [str(word) for word in cmd]
    with tempfile.TemporaryFile() as errors:
        begin = time.monotonic()
        try:
            child = start(cmd, errors, env)
        except OSError as e:
            raise Failed(f"{cmd[0]} cannot be started: {e.strerror}") from e
        with child.stdout:
            text = os.read(child.stdout.fileno(), 1)
            first = time.monotonic() - begin
            text += child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            name = os.path.basename(cmd[0])
            raise Failed(f"{name} ended with {child.returncode}: {tail(errors) or 'no message'}")
    return Outcome(text.decode("utf-8", "replace"), first * 1e3, wall, usage.ru_maxrss * 1024)


@contextlib.contextmanager
def held(cmd, env=None):
    """Start cmd, freeze it at its first byte of output, hand out its pid, kill it at the end.

    What a process holds can only be read while it lives, and at rest it does not change.
    """
    cmd = [str(word) for word in cmd]
    with tempfile.TemporaryFile() as errors:
        child = start(cmd, errors, env)
        try:
            if not os.read(child.stdout.fileno(), 1):
                child.wait()
                raise Failed(f"{os.path.basename(cmd[0])} wrote nothing: {tail(errors)}")
            child.send_signal(signal.SIGSTOP)
            _, status = os.waitpid(child.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                child.returncode = os.waitstatus_to_exitcode(status)
                raise Failed(f"{os.path.basename(cmd[0])} ended before it could be looked at")
            yield child.pid
        finally:
            if child.returncode is None:
                child.kill()
                child.wait()
            child.stdout.close()


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """A started HTTP server that answers JSON with JSON."""

    def __init__(self, port, begin):
        self.port, self.begin = port, begin

    def age_ms(self):
        return (time.monotonic() - self.begin) * 1e3

    def ask(self, path, question=None):
        body = None if question is None else json.dumps(question).encode()
        ask = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body,
                                     {"Content-Type": "application/json"})
        try:
            with DIRECT.open(ask, timeout=300) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise Failed(f"{path} was answered with {e.code}: {e.read(200).decode()}") from e


@contextlib.contextmanager
def served(cmd, env=None):
    """Start cmd with a free --port, hand out a Server once it says that it is well, kill it."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    cmd = [str(word) for word in [*cmd, "--port", port]]
    with tempfile.TemporaryFile() as errors:
        server = Server(port, time.monotonic())
        child = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                 env={**os.environ, **(env or {})})
        try:
            while True:
                try:
                    server.ask("/health")
                    break
                except (OSError, Failed) as e:
                    if child.poll() is not None or server.age_ms() > 60e3:
                        raise Failed(f"{os.path.basename(cmd[0])} does not serve: "
                                     f"{tail(errors)}") from e
                    time.sleep(0.002)
            yield server
        finally:
            child.kill()
            child.wait()


@contextlib.contextmanager
def busy(loops):
    """Keep `loops` endless loops running: the neighbours on a shared machine."""
    spinning = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(loops)]
    try:
        yield
    finally:
        for loop in spinning:
            loop.kill()
            loop.wait()


def pss(pid):
    """Proportional set size in bytes: each page divided by the number of processes mapping it."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M)[1]) * 1024


def private(pid):
    """Bytes that exist once per process, whatever they are: pages nobody else maps that are
    dirty or have no file behind them. Clean pages of a file can be dropped and are shared."""
    total, of_file = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
        for line in f:
            words = line.split()
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                of_file = words[4] != "0"
            elif words[0] == "Private_Dirty:" or (words[0] == "Private_Clean:" and not of_file):
                total += int(words[1]) * 1024
    return total


def machine():
    """Facts a figure is worthless without; the flags are those that choose a kernel."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    flags = set(re.search(r"^flags\s*:(.*)$", info, re.M)[1].split()) if "flags" in info else set()
    known = ("avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni",
             "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16")
    name = re.search(r"^model name\s*:\s*(.*)$", info, re.M)
    ram = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": name[1] if name else os.uname().machine, "cores": len(os.sched_getaffinity(0)),
            "flags": [flag for flag in known if flag in flags], "ram_gib": round(ram / 2**30, 1),
            "kernel": os.uname().release.split("-")[0],
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "load": os.getloadavg()[0]}
