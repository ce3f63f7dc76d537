# SPDX-License-Identifier: Apache-2.0
"""The region: values with names and logs, which all processes of a user see change.

No call waits for another process, dead, stopped or slow. A region may be used by any number of
threads; a Watch by one at a time. After os.fork() the child opens a region of its own.
"""
from __future__ import annotations

import ctypes
from ctypes import byref, c_char, c_uint64
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Iterator, Literal

from . import _abi
from ._abi import lib
from ._callback import Caught
from ._handle import Handle, utf8, words
from .errors import InvalidError, NotFoundError, check

if TYPE_CHECKING:
    from typing_extensions import Self

_SLICE = 0.25  # seconds that a watch sleeps at once, so that Ctrl-C and close() are heard


@dataclass(frozen=True)
class Object:
    """What is known of a value, or of a log. Times in seconds."""

    key: str
    version: int
    size: int  # bytes; of a log, all of them
    age: float  # since it was put; of a log, since the last record was
    ttl: float | None  # time left; None: no end
    records: int | None  # of a log; None: a value
    durable: bool  # it is on disk


@dataclass(frozen=True)
class Value(Object):
    """A value with its bytes: those of one put, never of two."""

    value: bytes


@dataclass(frozen=True)
class Record:
    """One record of a log."""

    number: int
    value: bytes
    version: int
    age: float


@dataclass(frozen=True)
class Change:
    """Something that happened to a key. value and number are there for "put" and "appended"."""

    kind: Literal["put", "deleted", "expired", "appended"]
    key: str
    version: int
    value: bytes
    number: int  # which record, of "appended"


@dataclass(frozen=True)
class Edit:
    """One of the edits of Region.commit: Edit.put, Edit.delete or Edit.check makes it."""

    kind: Literal["put", "delete", "check"]
    key: str
    value: bytes = b""
    if_version: int | None = None

    @staticmethod
    def put(key: str, value: bytes | str, *, if_version: int | None = None) -> Edit:
        """Replace a value; if_version: only if that is its version now (0: it is not there)."""
        return Edit("put", key, _bytes(value), if_version)

    @staticmethod
    def delete(key: str, *, if_version: int | None = None) -> Edit:
        """A value goes; what is not there is fine."""
        return Edit("delete", key, if_version=if_version)

    @staticmethod
    def check(key: str, if_version: int) -> Edit:
        """It stays as it is, and all others happen only if this is its version."""
        return Edit("check", key, if_version=if_version)


@dataclass(frozen=True)
class RegionInfo:
    """Where a region is, what it holds, and how it was used; bytes, unless it says otherwise."""

    path: str
    disk: str  # folder of files; "": none
    limit: int
    charged: int
    warm: int
    disk_limit: int
    stored: int
    held: int
    size: int
    rows: int  # tokens in all, and the microseconds they took
    cost_us: int
    processes: int  # others that are alive
    extents: int
    open: int
    out: int
    made: bool
    asked: int  # tokens of prompts so far, and of them those it had
    found: int
    evicted: int
    moved: int
    damaged: int
    watched: int


_KINDS: dict[int, Literal["put", "deleted", "expired", "appended"]] = {
    1: "put", 2: "deleted", 3: "expired", 4: "appended"}
_TEXTS = ("path", "disk")
_EDITS = {"put": _abi.COMMIT_PUT, "delete": _abi.COMMIT_DEL, "check": _abi.COMMIT_CHECK}


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _milliseconds(what: str, seconds: float | None) -> int:
    """0 for None; never 0 for a time."""
    if seconds is None:
        return 0
    if not 0 < seconds < 2**53:
        raise InvalidError(f"{what} is {seconds}; give seconds, more than 0")
    return max(1, round(seconds * 1000))


def _shared(found: _abi.Object) -> dict[str, Any]:
    return {"key": words(found.key), "version": found.version, "size": found.size,
            "age": found.age_ms / 1000, "ttl": found.ttl_ms / 1000 if found.ttl_ms else None,
            "records": None if found.records < 0 else found.records,
            "durable": bool(found.durable)}


def _read(call: Callable[[Any, int], int]) -> bytes:
    """What call(buffer, room) has, however much that is by the time we ask again."""
    room = 4096
    while True:
        buffer = (c_char * room)()
        n = check(call(buffer, room))
        if n <= room:
            return buffer.raw[:n]
        room = n


class Watch:
    """Changes of the keys that begin with a prefix: `for change in watch`, or next() by hand.

    Who is slower than the changes is told the last of each value; records are told each.
    """

    def __init__(self, region: Handle, prefix: str, flags: int, timeout: float | None) -> None:
        self._timeout = timeout
        key = utf8("the prefix", prefix)
        handle = Handle("the watch", "mn_watch_close", region)
        handle.open(lambda out: int(lib.mn_watch_open(region._pointer, key, flags, out)))
        self._handle = handle

    def wait(self, timeout: float | None = None) -> Change | None:
        """The next change, or None when so many seconds have passed (None: for ever) or the watch
        was closed."""
        end = None if timeout is None else monotonic() + timeout
        found = _abi.Change()
        while not self._handle.closed:
            left = _SLICE if end is None else min(_SLICE, max(0.0, end - monotonic()))
            with self._handle as watch:
                if check(lib.mn_watch_next(watch, int(left * 1000), byref(found))):
                    return self._change(found)
            if end is not None and monotonic() >= end:
                return None
        return None

    @staticmethod
    def _change(found: _abi.Change) -> Change:
        about = found.object
        value = ctypes.string_at(found.value, about.size) if found.kind in (1, 4) else b""
        return Change(_KINDS[found.kind], words(about.key), about.version, value,
                      about.number if found.kind == 4 else 0)

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        change = self.wait(self._timeout)
        if change is None:
            raise StopIteration
        return change

    def close(self) -> None:
        """No more; also from another thread, whose iteration ends within a moment."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if handle := getattr(self, "_handle", None):
            handle.close()


class Region:
    """What processes share: `with Region() as region: region.put("robot/1/pose", b"..")`.

    path: the file; None: the user's own, in memory. memory: bytes it may hold, when it is made
    here; 0: an eighth of the machine's. disk: bytes of files in which it outlives the machine; 0:
    as it is, or the default; None: keep off the disk.
    """

    def __init__(self, path: str | None = None, *, memory: int = 0, disk: int | None = 0) -> None:
        name = None if path is None else utf8("the path", path)
        if memory < 0 or (disk is not None and disk < 0):
            raise InvalidError(f"memory {memory}, disk {disk}: give bytes, from 0 on")
        handle = Handle("the region", "mn_region_close")
        files = -1 if disk is None else disk
        handle.open(lambda out: int(lib.mn_region_open(name, memory, files, out)))
        self._handle = handle

    @property
    def info(self) -> RegionInfo:
        """Where it is, what it holds, and how it was used."""
        found = _abi.RegionInfo()
        with self._handle as region:
            lib.mn_region_describe(region, byref(found))
            values: dict[str, Any] = {
                name: words(getattr(found, name)) if name in _TEXTS else getattr(found, name)
                for name in RegionInfo.__dataclass_fields__}
        values["made"] = bool(found.made)
        return RegionInfo(**values)

    def clear(self) -> int:
        """Forget all that was computed and nobody is reading: bytes that went back."""
        with self._handle as region:
            return int(lib.mn_region_clear(region))

    @staticmethod
    def _how(ttl: float | None, if_version: int | None, durable: bool,
             keep: int = 0) -> _abi.PutOptions:
        return _abi.PutOptions(_milliseconds("ttl", ttl), if_version is not None, if_version or 0,
                               keep, durable)

    def put(self, key: str, value: bytes | str, *, ttl: float | None = None,
            if_version: int | None = None, durable: bool = False) -> int:
        """Replace the value of a key as a whole; its new version.

        ttl: seconds after which it goes. if_version: only if that is its version now (0: only if
        it is not there), else ConflictError. durable: return when it is on disk, too.
        """
        data, version = _bytes(value), c_uint64()
        how = self._how(ttl, if_version, durable)
        with self._handle as region:
            check(lib.mn_object_put(region, utf8("the key", key), data, len(data), byref(how),
                                    byref(version)))
        return version.value

    def get(self, key: str) -> Value:
        """The value of a key, with its version; NotFoundError."""
        name, about = utf8("the key", key), _abi.Object()
        with self._handle as region:
            value = _read(lambda to, room: int(
                lib.mn_object_get(region, name, to, room, byref(about))))
            return Value(value=value, **_shared(about))

    def delete(self, key: str, *, if_version: int | None = None) -> None:
        """The value and the log of a key go; NotFoundError, ConflictError."""
        how = self._how(None, if_version, False)
        with self._handle as region:
            check(lib.mn_object_del(region, utf8("the key", key), byref(how)))

    def commit(self, *edits: Edit) -> list[int]:
        """Several values change at once, or none does: 1 to 16 edits of different keys.

        What they are then: versions of what was put, 0 of what was deleted, the version of what
        was checked. ConflictError names the first key that is not as it was asked for; durable
        values are put one by one (InvalidError).
        """
        all_ = (_abi.ObjectEdit * len(edits))(*(
            _abi.ObjectEdit(utf8("the key", e.key), _EDITS[e.kind], e.if_version is not None,
                            e.if_version or 0, e.value, len(e.value)) for e in edits))
        with self._handle as region:
            check(lib.mn_object_commit(region, all_, len(edits)))
        return [0 if e.kind == "delete" else int(was.version) for e, was in zip(edits, all_)]

    def list(self, prefix: str = "") -> list[Object]:
        """Values and logs whose keys begin with `prefix`, ordered by key."""
        found: list[Object] = []
        caught = Caught()

        def each(_user: object, about: Any) -> int:
            try:
                found.append(Object(**_shared(about.contents)))
                return 0
            except BaseException as error:  # pylint: disable=broad-except
                return caught.keep(error)

        with self._handle as region:
            result = lib.mn_object_list(region, utf8("the prefix", prefix),
                                        _abi.EachObject(each), None)
        caught.again()
        check(result)
        return found

    def watch(self, prefix: str = "", *, exact: bool = False, existing: bool = False,
              timeout: float | None = None) -> Watch:
        """Changes from now on of the keys that begin with `prefix` (exact: of this key alone).

        existing: what is there already is told first. timeout: the iteration ends when nothing
        happened for so many seconds; None: never.
        """
        flags = (_abi.WATCH_KEY if exact else 0) | (_abi.WATCH_ALL if existing else 0)
        return Watch(self._handle, prefix, flags, timeout)

    def log_append(self, key: str, value: bytes | str, *, keep: int = 0,
                   durable: bool = False) -> int:
        """Add a record to the log of a key; its number. keep: only the newest so many stay."""
        data, number = _bytes(value), c_uint64()
        how = self._how(None, None, durable, keep)
        with self._handle as region:
            check(lib.mn_log_append(region, utf8("the key", key), data, len(data), byref(how),
                                    byref(number)))
        return number.value

    def log_read(self, key: str, start: int = 0) -> Iterator[Record]:
        """The records of a log from number `start` on, as far as there are any now."""
        name, about = utf8("the key", key), _abi.Object()
        while True:
            try:
                with self._handle as region:
                    value = _read(lambda to, room: int(lib.mn_log_read(  # pylint: disable=W0640
                        region, name, start, to, room, byref(about))))
            except NotFoundError:
                return
            yield Record(about.number, value, about.version, about.age_ms / 1000)
            start = about.number + 1

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return self._handle.closed

    def close(self) -> None:
        """Leave it; once the models and watches that use it are closed, too."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if handle := getattr(self, "_handle", None):
            handle.close()
