# SPDX-License-Identifier: Apache-2.0
"""Handles of the library that any thread may close while others are in calls with them.

A call holds the handle (`with handle as pointer`). close() lets nobody in any more, and the last
one out closes the thing itself: no call ever sees a pointer that is gone. What one handle stands on
(a model on its region) it holds as long.
"""
from __future__ import annotations

import threading
from ctypes import byref, c_void_p
from typing import Any, Callable

from ._abi import lib
from .errors import InvalidError, check


class Handle:
    """One pointer, the function that closes it, and how many hold it."""

    def __init__(self, what: str, close: str, stands_on: Handle | None = None) -> None:
        self._what, self._close, self._stands_on = what, close, stands_on
        self._pointer = c_void_p()
        self._lock = threading.Lock()
        self._holders, self._open = 0, False

    def open(self, call: Callable[[Any], int]) -> None:
        """Fill the pointer by `call(address)`; once."""
        below = self._stands_on
        if below is not None:
            below.__enter__()
        try:
            check(call(byref(self._pointer)))
        except BaseException:
            if below is not None:
                below.__exit__()
            raise
        self._holders, self._open = 1, True

    @property
    def closed(self) -> bool:
        """Is it closed, or about to be?"""
        return not self._open

    def __enter__(self) -> c_void_p:
        with self._lock:
            if not self._open:
                raise InvalidError(f"{self._what} is closed")
            self._holders += 1
        return self._pointer

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._holders -= 1
            last = self._holders == 0
        if last:
            getattr(lib, self._close)(byref(self._pointer))
            if self._stands_on is not None:
                self._stands_on.__exit__()

    def close(self) -> None:
        """Nobody gets in any more; again: nothing happens."""
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            self.__exit__()


def utf8(what: str, text: str) -> bytes:
    """`text` as the library takes it: UTF-8, and no NUL, at which it would end."""
    if "\0" in text:
        raise InvalidError(f"{what} has a NUL character at {text.index(chr(0))}; take it out")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidError(f"{what} is no UTF-8 at {error.start}: half of a surrogate pair; "
                           "take it out") from None


def words(text: bytes | None) -> str:
    """What the library says, as str; "" for NULL."""
    return text.decode("utf-8", "replace") if text else ""
