#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/python/test_docs.py SOURCE BUILD - docs/PYTHON.md from top to bottom, as one program.

Each ```python block is run; what it prints has to be the ```text block behind it. --print shows
what each prints instead.
"""
import contextlib
import io
import os
import re
import sys
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "python"))
os.environ["OMNESIA_LIBRARY"] = str(BUILD / "src" / "libomnesia.so")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.M | re.S)


def main():
    page = (SOURCE / "docs" / "PYTHON.md").read_text()
    blocks, names, wrong = BLOCK.findall(page), {}, 0
    assert len(blocks) == page.count("```python"), "a block that is not closed"
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/PYTHON.md", "exec"), names)
        if "--print" in sys.argv:
            print(f"{code}--\n{printed.getvalue()}")
        elif printed.getvalue() != expected:
            print(f"{code}-- printed\n{printed.getvalue()}-- where\n{expected}-- was expected")
            wrong += 1
    print(f"{len(blocks)} examples, {wrong} wrong")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
