# SPDX-License-Identifier: Apache-2.0
"""The model store: what can be opened here, and how to fetch what is not here yet."""
from __future__ import annotations

import ctypes
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Any

from . import _abi
from ._abi import lib
from ._callback import Caught, Notice, Report
from ._handle import utf8, words
from .errors import InvalidError, check


@dataclass(frozen=True)
class Entry:
    """A model that can be used here."""

    name: str  # what Model() accepts
    path: str | None  # None: not fetched yet
    source: str  # "omnesia", "ollama", "llama.cpp", "lm-studio", "hugging-face"
    licence: str | None  # None: unknown
    about: str
    bytes: int
    embedding: bool  # it makes vectors, no text


def models() -> list[Entry]:
    """Every model that can be used here."""
    found: list[Entry] = []
    caught = Caught()

    def each(_user: object, entry: Any) -> int:
        try:
            e = entry.contents
            found.append(Entry(words(e.name), words(e.path) or None, words(e.source),
                               words(e.licence) or None, words(e.about), e.bytes,
                               bool(e.embedding)))
            return 0
        except BaseException as error:  # pylint: disable=broad-except
            return caught.keep(error)

    result = lib.mn_store_list(_abi.EachEntry(each), None)
    caught.again()
    check(result)
    return found


def pull(name: str, *, progress: Report | None = None, notice: Notice | None = None) -> str:
    """Fetch a model unless it is here; its path. The callbacks are those of Model."""
    caught, path = Caught(), c_void_p()
    report, tell = caught.progress(progress), caught.notice(notice)
    result = lib.mn_store_pull(utf8("the name", name), byref(report), tell, None, byref(path))
    try:
        caught.again()
        check(result)
        return ctypes.string_at(path.value or 0).decode()
    finally:
        lib.mn_free_text(path)


def memory_limit(limit: int) -> None:
    """Most bytes that the large allocations of this process may take; 0: no limit. Before the
    first model is opened; what does not fit is refused with FullError."""
    if limit < 0:
        raise InvalidError(f"memory_limit({limit}): give bytes, from 0 on")
    lib.mn_memory_limit(limit)
