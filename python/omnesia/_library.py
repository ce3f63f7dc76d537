# SPDX-License-Identifier: Apache-2.0
"""The shared library: where it is, and that it is the one these declarations are of.

Looked for in this order: the file that OMNESIA_LIBRARY names; `libs/` beside this file, where a
wheel carries it together with the libraries it stands on; the build of the checkout this file lies
in; the system's own. The first that is there is taken; when it cannot be loaded, ImportError says
what is missing. A library of another version is refused: its structs may differ.
"""
from __future__ import annotations

import ctypes
import os
from pathlib import Path

VERSION = "0.1.0"
SONAME = "libomnesia.so." + VERSION.split(".", maxsplit=1)[0]

_HERE = Path(__file__).resolve().parent
_WHEEL = _HERE / "libs"
_BUILD = _HERE.parent.parent / "build" / "release" / "src" / "libomnesia.so"


def _load_wheel() -> ctypes.CDLL:
    """The library of a wheel, after what it stands on: `order` lists that, what is needed first.

    A library that is loaded already answers for its name, so nothing has to know this folder.
    """
    for name in (_WHEEL / "order").read_text().split():
        ctypes.CDLL(str(_WHEEL / name))
    return ctypes.CDLL(str(_WHEEL / SONAME))


def _load() -> ctypes.CDLL:
    asked = os.environ.get("OMNESIA_LIBRARY")
    try:
        if asked:
            return ctypes.CDLL(asked)
        if _WHEEL.is_dir():
            return _load_wheel()
        return ctypes.CDLL(str(_BUILD) if _BUILD.exists() else SONAME)
    except OSError as error:
        raise ImportError(
            f"omnesia: {error}; build it with `make`, install it with `make install`, or name "
            f"the file in OMNESIA_LIBRARY") from error


def _checked(library: ctypes.CDLL) -> ctypes.CDLL:
    try:
        version = library.mn_version
    except AttributeError:
        raise ImportError(f"omnesia: {library._name} is not libomnesia") from None
    version.restype = ctypes.c_char_p
    found = version().decode()
    if found != VERSION:
        raise ImportError(f"omnesia: this package is of version {VERSION}, {library._name} of "
                          f"{found}; install both from the same release")
    return library


library = _checked(_load())
