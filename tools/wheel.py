#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/wheel.py BUILD FOLDER - the Python wheel, from python/ and the shared library of a build.

Nothing is compiled here: the wheel is python/omnesia, libomnesia.so without its debug information,
and the libraries that stands on, with their licences, so that it works on any Linux whose C
library is new enough; the file name says how new (manylinux_2_36). Those libraries are Debian's,
copied as they are: a wheel is to be made again when Debian mends one. The same inputs give the
same bytes. Standard library only, and `strip` and `readelf` of the compiler's own package.
"""
import base64
import csv
import hashlib
import io
import os
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Of the C library itself, which no wheel may bring along.
SYSTEM = re.compile(r"lib(c|m|dl|rt|pthread|util)\.so|ld-linux|linux-vdso|linux-gate")
EPOCH = (1980, 1, 1, 0, 0, 0)


def said(*command):
    """Standard output of a command, which has to succeed."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needed(library):
    """The names of the libraries that one stands on directly."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", said("readelf", "-d", library))


def stands_on(library):
    """[(name, file)] of all libraries but the C library's, each after those it needs itself."""
    where = dict(re.findall(r"(\S+) => (/\S+)", said("ldd", library)))
    order = []

    def add(name):
        if SYSTEM.match(name) or name in (known for known, _ in order):
            return
        if name not in where:
            sys.exit(f"tools/wheel.py: {name} is not on this machine")
        for other in needed(where[name]):
            add(other)
        order.append((name, Path(where[name]).resolve()))

    for name in needed(library):
        add(name)
    return order


def glibc(libraries):
    """The newest (major, minor) of the C library that any of the libraries asks for."""
    versions = {(2, 17)}  # older ones are all the same to pip
    for library in libraries:
        for version in re.findall(r"GLIBC_(\d+)\.(\d+)", said("readelf", "-V", library)):
            versions.add(tuple(map(int, version)))
    return max(versions)


def licence_of(library):
    """(Debian package, what it says about its licence) of a file of the system."""
    for path in (library, Path("/usr") / library.relative_to("/"),
                 Path("/") / library.relative_to("/usr") if library.is_relative_to("/usr")
                 else library):
        done = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True)
        if done.returncode == 0:
            package = done.stdout.split(":")[0]
            return package, (Path("/usr/share/doc") / package / "copyright").read_bytes()
    sys.exit(f"tools/wheel.py: no Debian package has {library}, so its licence is not known; "
             "wheels are made on Debian")


def metadata(version):
    """METADATA: what pip shows, and docs/PYTHON.md as the description."""
    return (f"Metadata-Version: 2.1\nName: omnesia\nVersion: {version}\n"
            "Summary: Run language models within the memory you have\n"
            "License: Apache-2.0\nRequires-Python: >=3.9\n"
            "Classifier: License :: OSI Approved :: Apache Software License\n"
            "Classifier: Operating System :: POSIX :: Linux\n"
            "Classifier: Programming Language :: Python :: 3\n"
            "Classifier: Typing :: Typed\n"
            "Description-Content-Type: text/markdown\n\n" +
            (ROOT / "docs" / "PYTHON.md").read_text()).encode()


def gather(build, scratch):
    """({path in the wheel: bytes}, name of the file)."""
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
    package = ROOT / "python" / "omnesia"
    if f'VERSION = "{version}"' not in (package / "_library.py").read_text():
        sys.exit(f"tools/wheel.py: meson.build has version {version}; say so in "
                 "python/omnesia/_library.py, too")
    library = Path(scratch) / f"libomnesia.so.{version.split('.')[0]}"
    subprocess.run(["strip", "--strip-unneeded", "-o", library,
                    (build / "src" / "libomnesia.so").resolve()], check=True)
    below = stands_on(library)
    newest = "_".join(map(str, glibc([library, *(file for _, file in below)])))
    tag = f"py3-none-manylinux_{newest}_{platform.machine()}"
    files = {f"omnesia/{path.name}": path.read_bytes() for path in sorted(package.iterdir())
             if path.suffix in (".py", ".typed")}
    files["omnesia/libs/order"] = "".join(name + "\n" for name, _ in below).encode()
    info = f"omnesia-{version}.dist-info"
    for name, file in [*below, (library.name, library)]:
        files[f"omnesia/libs/{name}"] = file.read_bytes()
    for _, file in below:
        debian, terms = licence_of(file)
        files[f"{info}/licenses/{debian}"] = terms
    files[f"{info}/licenses/omnesia"] = (ROOT / "LICENSE").read_bytes()
    files[f"{info}/METADATA"] = metadata(version)
    files[f"{info}/WHEEL"] = ("Wheel-Version: 1.0\nGenerator: tools/wheel.py\n"
                              f"Root-Is-Purelib: false\nTag: {tag}\n").encode()
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow([path, f"sha256={digest}", len(data)])
    rows.writerow([f"{info}/RECORD", "", ""])
    files[f"{info}/RECORD"] = record.getvalue().encode()
    return files, f"omnesia-{version}-{tag}.whl"


def main():
    build, folder = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as scratch:
        files, name = gather(build, scratch)
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / name
    part = wheel.with_suffix(f".tmp.{os.getpid()}")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            archive.writestr(entry, data)
    part.rename(wheel)
    print(wheel)


if __name__ == "__main__":
    main()
