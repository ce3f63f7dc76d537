# SPDX-License-Identifier: Apache-2.0
"""test/serve/packages.py - a test that needs packages of PyPI becomes one that has them.

They go into a folder of the build, at the versions named, on the first run; where pip cannot fetch
them the test is skipped (77) and says why. Standard library only.
"""
import os
import subprocess
import sys
from pathlib import Path


def enter(name, needs):
    """Become the interpreter of build/NAME, which has `needs` ("openai==3.57.0", ..)."""
    venv = Path(os.environ["OMNESIA_BUILD"]) / name
    python, done = venv / "bin" / "python3", venv / "needs.txt"
    if Path(sys.prefix) == venv:
        return
    if not done.exists() or done.read_text() != "\n".join(needs):
        done.unlink(missing_ok=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True,
                           timeout=120)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *needs], check=True,
                           capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"pip cannot fetch {', '.join(needs)}: {error}")
            sys.exit(77)
        done.write_text("\n".join(needs))
    os.execv(python, [str(python), *sys.argv])
