#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/python/test_abi.py SOURCE BUILD - the Python package is of these headers, and of no others.

A C program that includes omnesia_fleet.h, and omnesia.h with it, prints the size of each struct and
the place of each field; ctypes has to agree. Each function is declared with as many arguments as
there. The shared library shows what the headers name, and nothing else; all versions are the same.
"""
import ctypes
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "python"))

from omnesia import _abi, _library, errors  # noqa: E402

HEADER = "".join((SOURCE / "include" / name).read_text()
                 for name in ("omnesia.h", "omnesia_fleet.h"))
PLAIN = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)


def declared():
    """{name: number of arguments} of the functions of both headers."""
    found = {}
    for name, arguments in re.findall(r"MN_API[^;]*?\b(mn_\w+)\(((?:[^()]|\([^()]*\))*)\);",
                                      PLAIN.replace("(*each)", "each").replace("(*done)", "done")
                                      .replace("(*wrong)", "wrong").replace("(*line)", "line")
                                      .replace("(*notice)", "notice")):
        bare = re.sub(r"\([^()]*\)", "", arguments)
        found[name] = 0 if bare.strip() == "void" else bare.count(",") + 1
    return found


def symbols(*words):
    """Names that nm lists as defined."""
    said = subprocess.run(["nm", "--defined-only", *words], capture_output=True, text=True,
                          check=True).stdout
    return {line.split()[-1] for line in said.splitlines()
            if len(line.split()) == 3 and line.split()[1] in "TDBR"}


class Abi(unittest.TestCase):
    def test_structs(self):
        lines, expected = [], []
        for name, struct in _abi.STRUCTS.items():
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            expected.append(f"{name} {ctypes.sizeof(struct)}")
            for field in (f[0] for f in struct._fields_):
                lines.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
                expected.append(f"{name}.{field} {getattr(struct, field).offset}")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "sizes.c"
            file.write_text("#include <omnesia_fleet.h>\n#include <stdio.h>\nint main(void) {\n" +
                            "\n".join(lines) + "\nreturn 0;\n}\n")
            subprocess.run(["cc", "-I", SOURCE / "include", file, "-o", file.with_suffix("")],
                           check=True)
            said = subprocess.run([file.with_suffix("")], capture_output=True, text=True,
                                  check=True).stdout
        self.assertEqual(said.split("\n")[:-1], expected)

    def test_arguments(self):
        header = declared()
        self.assertGreater(len(header), 60)
        for name, (_, arguments) in _abi.FUNCTIONS.items():
            self.assertEqual(len(arguments), header.get(name), name)

    def test_constants(self):
        for value, name in ((_abi.VALUE_MAX, "MN_VALUE_MAX"), (_abi.SPECIAL, "MN_SPECIAL"),
                            (_abi.BEGIN, "MN_BEGIN"), (_abi.WATCH_KEY, "MN_WATCH_KEY"),
                            (_abi.WATCH_ALL, "MN_WATCH_ALL")):
            self.assertRegex(PLAIN, rf"\b{name} = {value}\b")

    def test_errors(self):
        codes = re.findall(r"X\(\w+, (-\d+), ", (SOURCE / "src/base/error.h").read_text())
        self.assertGreater(len(codes), 10)
        self.assertEqual(sorted(errors._BY_CODE), sorted(map(int, codes)))

    def test_exported(self):
        shown = symbols("-D", BUILD / "src" / "libomnesia.so")
        inside = symbols(BUILD / "src" / "libomnesia.a")
        header = set(declared())
        self.assertEqual(shown - header, set(), "shown, but not in a header")
        self.assertEqual((header & inside) - shown, set(), "in a header, but hidden")

    def test_versions(self):
        project = re.search(r"version: '([\d.]+)'", (SOURCE / "meson.build").read_text())[1]
        self.assertEqual(_library.VERSION, project)
        self.assertEqual(_library.library.mn_version().decode(), project)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
