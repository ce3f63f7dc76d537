# SPDX-License-Identifier: Apache-2.0
"""A model: answers, whole or as they are made; conversations; tokens; vectors.

A model may be used by any number of threads at once; the library lets go of Python's lock while it
computes. close() waits for nobody: calls that are under way end first, then memory goes.
"""
from __future__ import annotations

import ctypes
import threading
from ctypes import byref, c_char, c_float, c_int32
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Iterator, Literal, Mapping, Optional, Sequence

from . import _abi
from ._abi import lib
from ._callback import Caught, Notice, Report
from ._handle import Handle, utf8, words
from .errors import InvalidError, check
from .region import Region
from .request import Answer, Options, Prompt, Token, answer_of, request_of, token_of

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

OnText = Callable[[str], Optional[bool]]


@dataclass(frozen=True)
class ModelInfo:
    """What a model is, and how it is run here."""

    name: str
    architecture: str
    n_vocab: int
    n_context: int
    n_layer: int
    n_embd: int
    file_bytes: int
    weight_bytes: int
    parameters: int
    isa: str
    numerics: str
    threads: int
    embedding: bool  # it makes vectors, no text


class Stream:
    """The pieces of an answer, as they are made; `answer` is the whole of it once they ended.

    The answer is computed by a thread of its own, ahead of who reads it. Leaving `with`, close()
    and forgetting the stream end it at the next token.
    """

    def __init__(self, start: Callable[[OnText, Report], Answer],
                 ended: Callable[[Answer], None] | None = None) -> None:
        pieces: SimpleQueue[str | Answer | BaseException] = SimpleQueue()
        stop = threading.Event()

        def take(text: str) -> bool:
            if not stop.is_set():
                pieces.put(text)
            return stop.is_set()

        def work() -> None:  # knows nothing of the Stream, so that it can be forgotten
            try:
                pieces.put(start(take, lambda *_: stop.is_set()))
            except BaseException as error:  # pylint: disable=broad-except
                pieces.put(error)

        self._pieces, self._stop, self._ended = pieces, stop, ended
        self._end: Answer | BaseException | None = None
        self._thread = threading.Thread(target=work, name="omnesia-answer")
        self._thread.start()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._end is None:
            piece = self._pieces.get()
            if isinstance(piece, str):
                return piece
            self._finish(piece)
        if isinstance(self._end, BaseException):
            raise self._end
        raise StopIteration

    def _finish(self, end: Answer | BaseException) -> None:
        self._end = end
        self._thread.join()
        if isinstance(end, Answer) and self._ended is not None:
            self._ended(end)

    @property
    def answer(self) -> Answer:
        """The whole answer; reads what is left of it first."""
        for _ in self:
            pass
        assert isinstance(self._end, Answer)  # else it was raised
        return self._end

    def close(self) -> None:
        """No more: the answer ends at its next token, its text up to there stays in `answer`."""
        self._stop.set()
        while self._end is None:
            piece = self._pieces.get()
            if not isinstance(piece, str):
                self._finish(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if stop := getattr(self, "_stop", None):
            stop.set()


class Model:
    """An open model: `with Model("smollm2-135m") as model: print(model.run("Hello"))`.

    name: what `models()` lists, or the path of a GGUF file. threads: 0: one per core. pull: fetch
    a model that is not here. numerics: "bf16" multiplies attention in BF16. region: what other
    processes computed is found there, and left there unless private. progress(what, done, total)
    hears of pulling and packing, and stops it by returning True; notice(line) is told the licence
    of what is pulled (default: the log "omnesia").
    """

    def __init__(self, name: str = "smollm2-135m", *, threads: int = 0, pull: bool = True,
                 numerics: Literal["c1", "bf16"] = "c1", region: Region | None = None,
                 private: bool = False, progress: Report | None = None,
                 notice: Notice | None = None) -> None:
        if numerics not in ("c1", "bf16"):
            raise InvalidError(f"numerics is {numerics!r}; give 'c1' or 'bf16'")
        caught = Caught()
        below = region._handle if region is not None else None
        handle = Handle("the model", "mn_model_close", below)

        def call(out: object) -> int:
            pointer = below._pointer if below is not None else None
            options = _abi.ModelOptions(
                threads=threads, no_pull=not pull, bf16=numerics == "bf16", region=pointer,
                private_=private, progress=caught.progress(progress),
                notice=caught.notice(notice))
            result: int = lib.mn_model_open(utf8("the name", name), byref(options), out)
            caught.again()
            return result

        handle.open(call)
        self._handle = handle
        self._embedding = threading.Lock()  # the library does one at a time

    @property
    def info(self) -> ModelInfo:
        """What it is, and how it is run here."""
        found = _abi.ModelInfo()
        with self._handle as model:
            lib.mn_model_describe(model, byref(found))
            return ModelInfo(
                words(found.name), words(found.architecture), found.n_vocab, found.n_context,
                found.n_layer, found.n_embd, found.file_bytes, found.weight_bytes,
                found.parameters, words(found.isa), words(found.numerics), found.threads,
                bool(found.embedding))

    def run(self, prompt: Prompt, *, on_text: OnText | None = None,
            progress: Report | None = None, **options: Unpack[Options]) -> Answer:
        """The answer to a prompt or a conversation.

        on_text(piece) gets the text as it is made, progress(what, done, total) hears of the
        reading of a long prompt. Either ends the answer by returning True (`finish` is then
        "cancelled"); what either raises ends it too, and comes out of this call.
        """
        request, stats = request_of(prompt, options), _abi.Stats()
        caught, text, tokens = Caught(), bytearray(), list[Token]()

        def heard(_user: object, piece: int, n: int) -> int:
            try:
                new = ctypes.string_at(piece, n)
                text.extend(new)
                return int(bool(on_text(new.decode()))) if on_text else 0
            except BaseException as error:  # pylint: disable=broad-except
                return caught.keep(error)

        def made(_user: object, token: Any) -> int:
            try:
                tokens.append(token_of(token.contents))
                return 0
            except BaseException as error:  # pylint: disable=broad-except
                return caught.keep(error)

        request.on_text = _abi.OnText(heard)
        if "logprobs" in options:
            request.on_token = _abi.OnToken(made)
        request.progress = caught.progress(progress)
        with self._handle as model:
            result = lib.mn_answer(model, byref(request), byref(stats))
        caught.again()
        check(result)
        return answer_of(text.decode(), stats, tokens)

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> Stream:
        """The same, piece by piece: `for piece in model.stream(..)`."""
        return self._stream(prompt, options, None)

    def _stream(self, prompt: Prompt, options: Options,
                ended: Callable[[Answer], None] | None) -> Stream:
        request_of(prompt, options)  # what is wrong with it is said here, not in the thread
        model = self

        def start(take: OnText, report: Report) -> Answer:
            return model.run(prompt, on_text=take, progress=report, **options)

        return Stream(start, ended)

    def chat(self, turns: Sequence[Mapping[str, str]] = (), **options: Unpack[Options]) -> Chat:
        """A conversation; `options` are those of each of its answers."""
        return Chat(self, turns, options)

    def encode(self, text: str | bytes, *, special: bool = False, begin: bool = False) -> list[int]:
        """Token ids of a text. special: text of special tokens counts; begin: with the begin token
        that the model asks for."""
        data = text.encode() if isinstance(text, str) else text
        flags = (_abi.SPECIAL if special else 0) | (_abi.BEGIN if begin else 0)
        room = len(data) + 8
        with self._handle as model:
            while True:
                ids = (c_int32 * room)()
                n = check(lib.mn_encode(model, data, len(data), flags, ids, room))
                if n <= room:
                    return ids[:n]
                room = n

    def decode(self, ids: Sequence[int], *, special: bool = False) -> bytes:
        """The bytes of token ids, which need not be whole UTF-8. special: special tokens show."""
        for token in ids:
            if not 0 <= token < 2**31:
                raise InvalidError(f"{token} is no token id")
        array, room = (c_int32 * max(len(ids), 1))(*ids), 16 * len(ids) + 16
        with self._handle as model:
            while True:
                text = (c_char * room)()
                n = check(lib.mn_decode(model, array, len(ids), _abi.SPECIAL if special else 0,
                                        text, room))
                if n <= room:
                    return text.raw[:n]
                room = n

    def embed(self, text: str) -> list[float]:
        """The vector of a text, of length 1, from a model for embeddings (`info.embedding`)."""
        return self.embed_all([text])[0]

    def embed_all(self, texts: Sequence[str], *,
                  progress: Report | None = None) -> list[list[float]]:
        """The same of many texts, which together take less time; the numbers are the same.

        progress(what, done, total) stops it by returning True (CancelledError).
        """
        if isinstance(texts, str):
            raise TypeError("embed_all takes several texts; embed takes one")
        caught, wide, data = Caught(), self.info.n_embd, [utf8("a text", text) for text in texts]
        array = (_abi.Text * max(len(data), 1))(*(_abi.Text(text, len(text)) for text in data))
        vectors, report = (c_float * max(wide * len(data), 1))(), caught.progress(progress)
        with self._handle as model, self._embedding:
            result = lib.mn_embed_all(model, array, len(data), vectors, None, byref(report))
        caught.again()
        check(result)
        return [vectors[i * wide:(i + 1) * wide] for i in range(len(data))]

    def cancel(self) -> None:
        """Every answer that this model is making ends at its next token; from any thread."""
        with self._handle as model:
            lib.mn_cancel(model)

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return self._handle.closed

    def close(self) -> None:
        """The memory goes back; calls that are under way end first."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        if handle := getattr(self, "_handle", None):
            handle.close()


class Chat:
    """A conversation with a model. `turns` is all of it, and may be changed between answers.

    What was read already is not read again: the next answer begins where the last one ended.
    One thread at a time.
    """

    def __init__(self, model: Model, turns: Sequence[Mapping[str, str]], options: Options) -> None:
        self._model, self._options = model, options
        self.turns: list[dict[str, str]] = [dict(turn) for turn in turns]

    def _asked(self, text: str, options: Options) -> tuple[list[dict[str, str]], Options]:
        both = self._options.copy()
        both.update(options)
        return [*self.turns, {"role": "user", "content": text}], both

    def _heard(self, text: str, answer: Answer) -> None:
        self.turns += [{"role": "user", "content": text},
                       {"role": "assistant", "content": answer.text}]

    def ask(self, text: str, *, on_text: OnText | None = None, progress: Report | None = None,
            **options: Unpack[Options]) -> Answer:
        """Say something; the answer. Both become turns, unless it fails."""
        turns, both = self._asked(text, options)
        answer = self._model.run(turns, on_text=on_text, progress=progress, **both)
        self._heard(text, answer)
        return answer

    def stream(self, text: str, **options: Unpack[Options]) -> Stream:
        """The same, piece by piece; the turns are there when the stream has ended."""
        turns, both = self._asked(text, options)
        return self._model._stream(turns, both, lambda answer: self._heard(text, answer))
