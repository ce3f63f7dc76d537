# SPDX-License-Identifier: Apache-2.0
"""test/agent/postgres.py - databases of the server beside which a test runs
(test/agent/with_postgres.py). Standard library only."""
import os
import subprocess

BASE = os.environ.get("OMNESIA_TEST_POSTGRES")  # None: there is no server
made = 0


def ask(place, sql):
    """The rows of a statement, as lists of texts."""
    said = subprocess.run([os.environ["OMNESIA_TEST_PSQL"], "-X", "-q", "-A", "-t", "-F", "\t",
                           place, "-c", sql], capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in said.splitlines()]


def new_place():
    """The place of a new database."""
    global made
    made += 1
    name = f"omnesia_{os.getpid()}_{made}"
    ask(BASE % "postgres", f"CREATE DATABASE {name}")
    return BASE % name
