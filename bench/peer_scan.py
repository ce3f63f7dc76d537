# SPDX-License-Identifier: Apache-2.0
"""bench/peer_scan.py - the peer of `omnesia bench mem`, row scan: sqlite-vec.

    peer_scan.py VECTORS QUESTIONS DIMENSIONS

VECTORS and QUESTIONS are float32 rows of length 1. They lie in vec0 tables in memory, as float32
and as int8, and the five nearest of each question are asked for. Of vectors of length 1 the nearest
are those of the largest cosine, so the distance is the one that is quickest, L2. Prints one line of
JSON: the median milliseconds of a question, and the nearest row of each.
"""
import ctypes
import json
import sqlite3
import statistics
import sys
import time
from pathlib import Path

import numpy
import sqlite_vec

K = 5


def open_database():
    """Where the module cannot load extensions, its SQLite is told of the function that it is."""
    database = sqlite3.connect(":memory:")
    if hasattr(database, "enable_load_extension"):
        database.enable_load_extension(True)
        sqlite_vec.load(database)
        return database
    extension = ctypes.CDLL(sqlite_vec.loadable_path() + ".so")
    ctypes.CDLL("libsqlite3.so.0").sqlite3_auto_extension(extension.sqlite3_vec_init)
    return sqlite3.connect(":memory:")


def ask(database, kind, rows, questions):
    wrap = "vec_int8(?)" if kind == "int8" else "?"
    database.execute(f"CREATE VIRTUAL TABLE {kind}s USING vec0(v {kind}[{rows.shape[1]}])")
    with database:
        database.executemany(f"INSERT INTO {kind}s(rowid, v) VALUES (?, {wrap})",
                             ((i, row.tobytes()) for i, row in enumerate(rows)))
    query = f"SELECT rowid FROM {kind}s WHERE v MATCH {wrap} AND k = {K} ORDER BY distance"
    times, nearest = [], []
    for question in questions:
        bytes_of = question.tobytes()
        start = time.perf_counter()
        found = database.execute(query, (bytes_of,)).fetchall()
        times.append((time.perf_counter() - start) * 1000)
        nearest.append(found[0][0])
    return {"ms": statistics.median(times), "nearest": nearest}


def main(vectors, questions, dimensions):
    rows, asked = (numpy.frombuffer(Path(path).read_bytes(), numpy.float32)
                   .reshape(-1, int(dimensions)) for path in (vectors, questions))
    database = open_database()
    said = {"version": database.execute("SELECT vec_version()").fetchone()[0],
            "float32": ask(database, "float", rows, asked)}
    scale = 127 / numpy.abs(rows).max()
    codes, asked = (numpy.clip(numpy.rint(x * scale), -127, 127).astype(numpy.int8)
                    for x in (rows, asked))
    said["int8"] = ask(database, "int8", codes, asked)
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
