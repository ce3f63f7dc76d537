# SPDX-License-Identifier: Apache-2.0
"""What may go wrong: an exception for each code of omnesia.h, its text the library's sentence.

All are `Error`; most are also what Python programs catch for the like (`LookupError`,
`ValueError`, `MemoryError`, `OSError`). `code` is the number that omnesia.h gives.
"""
from __future__ import annotations

from typing import NoReturn

from ._abi import lib


class Error(Exception):
    """Something failed; str() is one sentence that says what, and what to do."""

    code: int = 0


class InvalidError(Error, ValueError):
    """An argument is outside what is allowed."""

    code = -1


class NoMemoryError(Error, MemoryError):
    """The machine has not enough memory."""

    code = -2


class InputOutputError(Error, OSError):
    """Reading or writing failed."""

    code = -3


class NotFoundError(Error, LookupError):
    """There is no such model, file, object or record."""

    code = -4


class CorruptError(Error):
    """Data is damaged, or not what it claims to be."""

    code = -5


class UnsupportedError(Error):
    """Valid, but not supported here."""

    code = -6


class FullError(Error):
    """The memory budget, the region or the disk is full."""

    code = -7


class TooLongError(Error, ValueError):
    """Longer than the context or the buffer allows."""

    code = -8


class CancelledError(Error):
    """Stopped because somebody asked for it."""

    code = -9


class BusyError(Error):
    """In use by another process."""

    code = -10


class NetworkError(Error, OSError):
    """Could not be fetched."""

    code = -11


class ConflictError(Error):
    """Changed by somebody else in the meantime: read again, then try again."""

    code = -12


_BY_CODE: dict[int, type[Error]] = {
    kind.code: kind
    for kind in (InvalidError, NoMemoryError, InputOutputError, NotFoundError, CorruptError,
                 UnsupportedError, FullError, TooLongError, CancelledError, BusyError,
                 NetworkError, ConflictError)
}


def fail(code: int) -> NoReturn:
    """Raise what `code` means, with this thread's sentence."""
    sentence: bytes = lib.mn_error_detail() or lib.mn_error_text(code)
    error = _BY_CODE.get(code, Error)(sentence.decode("utf-8", "replace"))
    error.code = code
    raise error


def check(result: int) -> int:
    """`result`, when it is no failure."""
    if result < 0:
        fail(result)
    return result
