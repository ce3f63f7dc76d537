# SPDX-License-Identifier: Apache-2.0
"""Python functions that the library calls: what they raise ends the call, and comes out of it.

ctypes would print an exception that leaves a callback, and go on. Here it is kept, the library is
told to stop, and `again()` raises it once the call has returned; Ctrl-C is treated alike.
"""
from __future__ import annotations

import logging
from typing import Callable, Optional

from . import _abi
from ._handle import words

Report = Callable[[str, int, int], Optional[bool]]
Notice = Callable[[str], None]

_log = logging.getLogger("omnesia")


class Caught:
    """The first exception of the callbacks of one call."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def keep(self, error: BaseException) -> int:
        """Remember it; 1, which tells the library to stop."""
        self.error = self.error or error
        return 1

    def again(self) -> None:
        """Raise it, if there was one."""
        if self.error is not None:
            raise self.error

    def progress(self, report: Report | None) -> _abi.Progress:
        """mn_progress of report(what, done, total)."""

        def called(_user: object, what: bytes, done: int, total: int) -> int:
            try:
                # With nothing to report to, being called is what lets Ctrl-C through.
                return int(bool(report(words(what), done, total))) if report else 0
            except BaseException as error:  # pylint: disable=broad-except
                return self.keep(error)

        return _abi.Progress(_abi.Report(called), None)

    def notice(self, tell: Notice | None) -> Callable[..., None]:
        """The `notice` of a model or a pull: a line for the user, by default to the log."""

        def called(_user: object, line: bytes) -> None:
            try:
                if tell is None:
                    _log.warning("%s", words(line))
                else:
                    tell(words(line))
            except BaseException as error:  # pylint: disable=broad-except
                self.keep(error)

        return _abi.Notice(called)
