#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/headers.py SOURCE CC.. - every header compiles when it is the only one included.

Private headers as the C the project is written in; those of include/ as plain C99 with all
pedantry, and as C++ where a C++ compiler is present, because strangers include them.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Parts of an ISA file: they need its lanes before them and its compiler flags (src/kernel/avx2.c).
PART = re.compile(r"(body|lanes)_")
WARNINGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]


def compile_alone(command, name):
    """What the compiler says about a file that includes only `name`; "" when it is content."""
    done = subprocess.run(command + ["-"], input=f'#include "{name}"\nextern int nothing;\n',
                          capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def main():
    source, cc = Path(sys.argv[1]), sys.argv[2:]
    inside = WARNINGS + ["-I", str(source / "src"), "-I", str(source / "include")]
    jobs = [(cc + inside + ["-std=gnu11", "-x", "c"], str(h.relative_to(source / "src")))
            for h in sorted((source / "src").rglob("*.h")) if not PART.match(h.name)]
    outside = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic",
               "-I", str(source / "include")]
    for public in sorted(h.name for h in (source / "include").glob("*.h")):
        jobs.append((cc + outside + ["-std=c99", "-x", "c"], public))
        if shutil.which("c++"):
            jobs.append((["c++"] + outside + ["-x", "c++"], public))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(lambda job: compile_alone(*job), jobs))
    for (_, name), text in zip(jobs, said):
        if text:
            print(f"{name} does not compile alone:\n{text}")
    failed = sum(map(bool, said))
    print(f"[  PASSED  ] {len(jobs) - failed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s), listed above.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
