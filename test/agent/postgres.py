# SPDX-License-Identifier: Apache-2.0
"""test/agent/postgres.py - databases of the server beside which a test runs
(test/agent/with_postgres.py). Standard library only."""
import contextlib
import os
import subprocess
import time

BASE = os.environ.get("OMNESIA_TEST_POSTGRES")  # None: there is no server
made = 0


def words_of(place, sql):
    return [os.environ["OMNESIA_TEST_PSQL"], "-X", "-q", "-A", "-t", "-F", "\t", place, "-c", sql]


def ask(place, sql):
    """The rows of a statement, as lists of texts."""
    said = subprocess.run(words_of(place, sql), capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in said.splitlines()]


def until(place, sql):
    """Wait until the statement finds a row."""
    for _ in range(6000):
        if ask(place, sql):
            return
        time.sleep(0.01)
    raise AssertionError(f"no row in a minute: {sql}")


@contextlib.contextmanager
def locked(place, table):
    """Nobody else gets at the table; the function that is given waits until somebody waits for it.
    """
    lock = f"FROM pg_locks WHERE relation = '{table}'::regclass AND"
    held = subprocess.Popen(words_of(place, f"BEGIN; LOCK TABLE {table}; SELECT pg_sleep(600)"),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    mine = f"SELECT pid {lock} granted AND mode = 'AccessExclusiveLock'"
    try:
        until(place, mine)
        yield lambda: until(place, f"SELECT pid {lock} NOT granted")
    finally:
        ask(place, mine.replace("pid", "pg_terminate_backend(pid)", 1))
        held.wait()


def new_place():
    """The place of a new database."""
    global made
    made += 1
    name = f"omnesia_{os.getpid()}_{made}"
    ask(BASE % "postgres", f"CREATE DATABASE {name}")
    return BASE % name
