# SPDX-License-Identifier: Apache-2.0
"""What agents remember: records of what was said, as it was said, for all processes of a user.

Whose records are meant is never guessed: a Memory belongs to one user (and, if given, to one agent
and one run of it). Any number of threads may use it.
"""
from __future__ import annotations

import ctypes
import json
import os
from ctypes import byref, c_int64, c_void_p
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Iterable, List, Mapping

from . import _abi
from ._abi import lib
from ._callback import Caught, Notice, Report
from ._handle import Handle, utf8, words
from .errors import check

if TYPE_CHECKING:
    from typing_extensions import Self

    from .region import Region

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TEXTS = ("time", "session", "speaker", "ref", "source", "kind", "meta")


@dataclass(frozen=True)
class Memo:
    """One record. Moments are None when they are unknown, or have no end."""

    id: int
    text: str
    time: str  # as somebody wrote it
    session: str
    speaker: str
    ref: str
    source: str
    kind: str
    agent: str
    run: str
    meta: str  # a JSON object, or ""
    since: datetime | None  # true from
    until: datetime | None
    created: datetime | None  # came into the store
    expired: datetime | None  # another version took its place
    score: float  # of a search; else 0


@dataclass(frozen=True)
class Carried:
    """What an import did: records."""

    added: int
    there: int  # that were there already
    wrong: int  # that could not be read
    skipped: int  # that nobody said


Memos = List[Memo]


def _moment(microseconds: int) -> datetime | None:
    if microseconds == _abi.UNKNOWN:
        return None
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _memo(r: Any) -> Memo:
    text = ctypes.string_at(r.text, r.n).decode("utf-8", "replace") if r.n else ""
    texts = {name: words(getattr(r, name)) for name in (*_TEXTS, "agent", "run")}
    return Memo(id=r.id, text=text, since=_moment(getattr(r, "from")), until=_moment(r.until),
                created=_moment(r.created), expired=_moment(r.expired), score=r.score, **texts)


def _path(path: str | os.PathLike[str]) -> bytes:
    return os.fsencode(path)


class Memory:
    """The records of one user. store: a path, or None for the one all programs use; model: for
    vectors, "none" for words alone; pull: fetch the model when it is not here."""

    def __init__(self, user: str, *, agent: str | None = None, run: str | None = None,
                 store: str | os.PathLike[str] | None = None, model: str | None = None,
                 region: Region | None = None, durable: bool = False, background: bool = False,
                 organise: str | None = None, pull: bool = False,
                 progress: Report | None = None) -> None:
        below = region._handle if region is not None else None
        caught = Caught()
        self._texts = [None if text is None else utf8(what, text)
                       for what, text in (("tenant", None), ("user", user), ("agent", agent),
                                          ("run", run))]
        self._scope = _abi.Scope(*self._texts)
        self._model = None if model is None else utf8("model", model)
        self._organise = None if organise is None else utf8("organise", organise)
        self._progress = caught.progress(progress)  # the library keeps it
        options = _abi.MemOptions(region=below._pointer if below is not None else None,
                                  model=self._model, durable=durable,
                                  organise=self._organise, background=background, pull=pull,
                                  progress=self._progress)
        self._handle = Handle("the memory", "mn_mem_close", below)
        place = None if store is None else _path(store)
        self._handle.open(lambda out: int(lib.mn_mem_open(place, byref(options), out)))

    def close(self) -> None:
        """Calls that are under way end first; again: nothing happens."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- writing ----------------------------------------------------------------------------
    @staticmethod
    def _record(text: str, fields: Mapping[str, str | None], kept: list[Any]) -> Any:
        raw = utf8("the text", text)
        kept.append(raw)
        record = _abi.MemRecord(text=ctypes.cast(ctypes.c_char_p(raw), c_void_p), n=len(raw))
        for name, value in fields.items():
            if name not in _TEXTS:
                raise TypeError(f"a record has no {name!r}; it has {', '.join(_TEXTS)}")
            setattr(record, name, None if value is None else utf8(name, value))
        return record

    def add(self, text: str, **fields: str | None) -> int:
        """One record: its id. Fields: time, session, speaker, ref, source, kind, meta."""
        return self.add_all([{"text": text, **fields}])[0]

    def add_all(self, records: Iterable[Mapping[str, str | None]]) -> List[int]:
        """All of them or none, in their order: their ids. Each has a "text", and fields as add."""
        kept: list[Any] = []
        made = [self._record(r["text"] or "", {k: v for k, v in r.items() if k != "text"}, kept)
                for r in records]
        array, ids = (_abi.MemRecord * len(made))(*made), (c_int64 * len(made))()
        with self._handle as memory:
            check(lib.mn_mem_add(memory, byref(self._scope), array, len(made), ids))
        return list(ids)

    def update(self, id: int, text: str, *, time: str | None = None) -> None:
        """The record says this now (since `time`); what it said before stays in its history."""
        kept: list[Any] = []
        record = self._record(text, {"time": time}, kept)
        with self._handle as memory:
            check(lib.mn_mem_update(memory, byref(self._scope), id, byref(record)))

    def forget(self, id: int = 0, *, all: bool = False, **which: str) -> int:
        """Records go, with all they said before, from all files: how many. By id, or by session,
        source, ref or kind."""
        with self._handle as memory:
            return int(check(lib.mn_mem_forget(memory, byref(self._scope),
                                               byref(self._asked(id=id, **which)), all)))

    # ---- finding ----------------------------------------------------------------------------
    @staticmethod
    def _asked(**what: Any) -> Any:
        known = {name for name, _ in _abi.Find._fields_}
        unknown = set(what) - known
        if unknown:
            raise TypeError(f"nothing is found by {sorted(unknown)[0]!r}")
        return _abi.Find(**{name: utf8(name, value) if isinstance(value, str) else value
                            for name, value in what.items()})

    def _find(self, **what: Any) -> Memos:
        found: Memos = []
        caught = Caught()

        def each(_user: object, record: Any) -> int:
            try:
                found.append(_memo(record[0]))
                return 0
            except BaseException as error:  # pylint: disable=broad-except
                return caught.keep(error)

        with self._handle as memory:
            done = lib.mn_mem_find(memory, byref(self._scope), byref(self._asked(**what)),
                                   _abi.EachRecord(each), None)
        caught.again()
        check(done)
        return found

    def search(self, query: str, k: int = 10, *, budget: int = 0, as_of: str | None = None,
               **which: str) -> Memos:
        """The k records that fit best, best first; as_of: what was true then."""
        return self._find(query=query, k=k, budget=budget, as_of=as_of, **which)

    def list(self, *, after: int = 0, k: int = 0, as_of: str | None = None,
             **which: str) -> Memos:
        """Records in the order they came; k: so many at most, after: behind that id."""
        return self._find(after=after, k=k, as_of=as_of, **which)

    def get(self, id: int) -> Memo:
        """One record; NotFoundError."""
        return self._find(id=id)[0]

    def history(self, id: int) -> Memos:
        """All it has said, oldest first; the last is what it says now."""
        return self._find(id=id, versions=1)

    def recall(self, query: str, k: int = 10, *, budget: int = 0, **which: str) -> str | None:
        """What is found as a text for Model.run(.., recalled=..), which marks it as data; None:
        nothing."""
        text, each = c_void_p(), _abi.EachRecord(lambda _user, _record: 0)
        with self._handle as memory:
            check(lib.mn_mem_recall(memory, byref(self._scope),
                                    byref(self._asked(query=query, k=k, budget=budget, **which)),
                                    byref(text), each, None))
        if not text.value:
            return None
        try:
            return ctypes.string_at(text.value).decode()
        finally:
            lib.mn_free_text(text)

    def task(self, do: str, **words: Any) -> Any:
        """What is planned: one verb of docs/TASKS.md, and its result."""
        call = utf8("the call", json.dumps({"do": do, **words}))
        text = c_void_p()
        with self._handle as memory:
            check(lib.mn_task_do(memory, byref(self._scope), call, byref(text)))
        try:
            return json.loads(ctypes.string_at(text.value or 0))
        finally:
            lib.mn_free_text(text)

    @property
    def topic(self) -> str:
        """The key of the object that changes when something of this user does (Region.watch)."""
        key = ctypes.create_string_buffer(256)
        check(lib.mn_mem_topic(byref(self._scope), key))
        return key.value.decode()

    # ---- long work --------------------------------------------------------------------------
    def embed(self, *, again: bool = False, progress: Report | None = None) -> int:
        """Vectors of what has none yet; again: of everything. How many."""
        caught = Caught()
        with self._handle as memory:
            made = lib.mn_mem_embed(memory, again, byref(caught.progress(progress)))
        caught.again()
        return int(check(made))

    def load(self, path: str | os.PathLike[str], *, format: str | None = None,
             wrong: Notice | None = None, progress: Report | None = None) -> Carried:
        """Import a file or folder; wrong(line) hears of what could not be read."""
        caught, carry = Caught(), _abi.Carry()
        with self._handle as memory:
            done = lib.mn_mem_import(memory, byref(self._scope), _path(path),
                                     None if format is None else utf8("format", format),
                                     byref(caught.progress(progress)), caught.notice(wrong), None,
                                     byref(carry))
        caught.again()
        check(done)
        return Carried(carry.added, carry.there, carry.wrong, carry.skipped)

    def save(self, path: str | os.PathLike[str], *, format: str | None = None,
             progress: Report | None = None) -> int:
        """Export to a file (jsonl) or a folder (format="markdown"): how many records."""
        caught = Caught()
        with self._handle as memory:
            done = lib.mn_mem_export(memory, byref(self._scope), _path(path),
                                     None if format is None else utf8("format", format),
                                     byref(caught.progress(progress)))
        caught.again()
        return int(check(done))
