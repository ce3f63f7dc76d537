#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/python/test_wheel.py SOURCE BUILD - the wheel in a fresh environment, far from the checkout.

Made twice it has the same bytes; pip installs it without a network; the library it loads, and
all that stands on, are its own; it says what its file name says; it is uninstalled without a trace.
"""
import base64
import csv
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])

STRANGER = r"""
import re, sys, omnesia
with omnesia.Model(sys.argv[1]) as model:
    print(model.run("hello", raw=True, temp=0, max_tokens=3).tokens, model.decode([104, 105]))
with omnesia.Region(sys.argv[2], memory=1 << 26, disk=None) as region:
    region.put("key", b"value")
    print(region.get("key").value)
print(omnesia.__file__)
with open("/proc/self/maps") as maps:
    print(*sorted(set(re.findall(r"/\S+/lib(?:omnesia|zip|jansson|utf8proc)\.so\S*", maps.read()))))
"""


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=200, **more)


class Wheel(unittest.TestCase):
    def test_wheel(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            made = [Path(run(SOURCE / "tools/wheel.py", BUILD, folder / name).stdout.strip())
                    for name in ("one", "two")]
            self.assertEqual(made[0].read_bytes(), made[1].read_bytes())
            self.look_inside(made[0])
            self.install(folder, made[0])

    def look_inside(self, wheel):
        name = re.fullmatch(r"omnesia-([\d.]+)-(py3-none-manylinux_2_(\d+)_(\w+))\.whl", wheel.name)
        self.assertEqual(name[4], platform.machine())
        with zipfile.ZipFile(wheel) as archive:
            files = {entry: archive.read(entry) for entry in archive.namelist()}
        info = f"omnesia-{name[1]}.dist-info/"
        self.assertIn(f"\nTag: {name[2]}\n", files[info + "WHEEL"].decode())
        self.assertIn(f"\nVersion: {name[1]}\n", files[info + "METADATA"].decode())
        self.assertIn(b"Apache License", files[info + "licenses/omnesia"])
        rows = list(csv.reader(files[info + "RECORD"].decode().splitlines()))
        self.assertEqual(sorted(row[0] for row in rows), sorted(files))
        for path, digest, size in rows[:-1]:
            sha = hashlib.sha256(files[path]).digest()
            self.assertEqual(digest, "sha256=" + base64.urlsafe_b64encode(sha).decode().rstrip("="))
            self.assertEqual(int(size), len(files[path]))
        bundled = [path for path in files if ".so" in path]
        licences = [path for path in files if "/licenses/" in path]
        self.assertGreater(len(bundled), 5)
        self.assertEqual(len(bundled), len(licences))
        self.assertFalse([path for path in bundled if re.search(r"/(libc|libm|ld-)\b", path)])
        for path in bundled:
            newest = max(map(int, re.findall(rb"GLIBC_2\.(\d+)", files[path])), default=0)
            self.assertLessEqual(newest, int(name[3]), path)

    def install(self, folder, wheel):
        place = folder / "venv"
        venv.create(place, with_pip=False)
        python = place / "bin" / "python"
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
        before = sorted(place.rglob("*"))
        run(*pip, "install", "--no-index", wheel)
        clean = {name: value for name, value in os.environ.items()
                 if name not in ("PYTHONPATH", "OMNESIA_LIBRARY")}
        said = run(python, "-c", STRANGER, SOURCE / "test/model/data/tiny-llama.gguf",
                   folder / "region", env=clean, cwd=folder).stdout.splitlines()
        self.assertEqual(said[:2], ["3 b'hi'", "b'value'"])
        self.assertTrue(said[2].startswith(str(place)), said[2])
        loaded = said[3].split()
        self.assertEqual(len(loaded), 4)
        self.assertTrue(all(path.startswith(str(place)) for path in loaded), loaded)
        shown = run(*pip, "show", "omnesia").stdout
        self.assertIn("License: Apache-2.0", shown)
        run(*pip, "uninstall", "-y", "omnesia")
        self.assertEqual(sorted(place.rglob("*")), before)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
