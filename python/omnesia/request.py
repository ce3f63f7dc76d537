# SPDX-License-Identifier: Apache-2.0
"""Requests and answers: mn_request made of keyword arguments, mn_stats as a dataclass."""
from __future__ import annotations

import ctypes
import json
from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence, TypedDict, Union

from . import _abi
from ._handle import utf8, words
from .errors import InvalidError

# What a model is asked: the user's words, or a conversation of {"role": .., "content": ..}, oldest
# first, as OpenAI's clients have it.
Prompt = Union[str, Sequence[Mapping[str, Any]]]


class Options(TypedDict, total=False):
    """How an answer is made; what is not given is as omnesia.h has it (`mn_request_default`)."""

    system: str | None  # what the model is told about its role; None: the template's own
    recalled: str | None  # of Memory.recall: before the last question, as data
    raw: bool  # the prompt is the text to go on from: no chat template
    drop_oldest: bool  # a conversation that does not fit loses its oldest turns
    max_tokens: int  # 0: until the model ends, or the context is full
    context: int  # tokens of context; 0: the model's own
    kv: Literal["f16", "q8"]  # keys and values in 16 or about 8 bits
    temp: float  # 0: greedy, the same bytes every time
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    repeat_penalty: float
    presence_penalty: float
    frequency_penalty: float
    repeat_last_n: int
    seed: int  # 0: another one each time
    stop: Sequence[str]  # texts that end the answer
    bias: Mapping[int, float]  # added to the logits of these token ids
    ignore_eos: bool
    grammar: str | Mapping[str, Any]  # GBNF, or a JSON schema as text or as an object
    tools: Sequence[Mapping[str, Any]]  # what the model may call, as OpenAI's clients have it
    logprobs: int  # tell of every token how likely it was, and of so many others, at most 20


@dataclass(frozen=True)
class Token:
    """One token of an answer: natural logarithms of what the model thought of it, before any
    sampling option, and of the likeliest others, best first."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...]  # (id, logprob)


@dataclass(frozen=True)
class Answer:
    """A whole answer; str() is its text."""

    text: str
    finish: str  # "stop" (end token or stop text), "length", "cancelled"
    prompt_tokens: int
    tokens: int
    cached_tokens: int  # of the prompt, that needed no computing
    cached_from: str  # where most were: "own", "process", "disk", "machine"; "": none were
    cached_by: int  # process id of who computed most of them; 0: this one
    dropped_turns: int
    full_context: int  # the context, when it was full before the answer ended, or 0
    prefill_tps: float
    decode_tps: float
    first_token_ms: float
    token: tuple[Token, ...] = ()  # each of them, when `logprobs` was asked for

    def __str__(self) -> str:
        return self.text


_PLAIN = {
    "max_tokens": int, "context": int, "top_k": int, "repeat_last_n": int, "seed": int,
    "temp": float, "top_p": float, "min_p": float, "typical_p": float, "repeat_penalty": float,
    "presence_penalty": float, "frequency_penalty": float, "raw": bool, "drop_oldest": bool,
    "ignore_eos": bool,
}


def _set_plain(request: _abi.Request, name: str, value: Any) -> None:
    kind = _PLAIN[name]
    if kind is int and isinstance(value, float) or not isinstance(value, (int, float)):
        raise InvalidError(f"{name} is {value!r}; give {'a number' if kind is float else kind}")
    low, high = (0, 2**64) if name == "seed" else (-(2**31), 2**31)
    if kind is int and not low <= value < high:
        raise InvalidError(f"{name} is {value}; give a number from {low} to {high - 1}")
    setattr(request, name, kind(value))


def _texts(what: str, texts: Sequence[str]) -> tuple[Any, int]:
    if isinstance(texts, str):
        texts = [texts]
    array = (ctypes.c_char_p * max(len(texts), 1))(*(utf8(what, text) for text in texts))
    return ctypes.cast(array, ctypes.POINTER(ctypes.c_char_p)), len(texts)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _set_prompt(request: _abi.Request, prompt: Prompt) -> None:
    if isinstance(prompt, str):
        request.prompt = utf8("the prompt", prompt)
        return
    if not prompt:
        raise InvalidError("the conversation is empty; give it a turn")
    plain = [set(turn) == {"role", "content"} and isinstance(turn["content"], str)
             for turn in prompt]
    if not all(plain):  # tool calls, parts: the template has to read it all
        request.messages = _json(list(prompt))
        return
    turns = (_abi.Turn * len(prompt))(
        *(_abi.Turn(utf8("a role", turn["role"]), utf8("a turn", turn["content"]))
          for turn in prompt))
    request.turns = ctypes.cast(turns, ctypes.POINTER(_abi.Turn))
    request.n_turns = len(prompt)


def request_of(prompt: Prompt, options: Mapping[str, Any]) -> _abi.Request:
    """mn_request; what its pointers lead to lives as long as it does."""
    request: _abi.Request = _abi.lib.mn_request_default()
    _set_prompt(request, prompt)
    for name, value in options.items():
        if name in _PLAIN:
            _set_plain(request, name, value)
        elif name == "system":
            request.system = None if value is None else utf8("system", value)
        elif name == "recalled":
            request.recalled = None if value is None else utf8("recalled", value)
        elif name == "kv":
            if value not in ("f16", "q8"):
                raise InvalidError(f"kv is {value!r}; give 'f16' or 'q8'")
            request.kv_q8 = value == "q8"
        elif name == "stop":
            request.stop, request.n_stop = _texts("stop", value)
        elif name == "bias":
            pairs = (_abi.Bias * max(len(value), 1))(*(_abi.Bias(i, b) for i, b in value.items()))
            request.bias = ctypes.cast(pairs, ctypes.POINTER(_abi.Bias))
            request.n_bias = len(value)
        elif name == "grammar":
            request.grammar = utf8("grammar", value) if isinstance(value, str) else _json(value)
        elif name == "tools":
            request.tools = _json(list(value))
        elif name == "logprobs":
            if not isinstance(value, int) or not 0 <= value <= 20:
                raise InvalidError(f"logprobs is {value!r}; give a number from 0 to 20")
            request.top_logprobs = value
        else:
            raise TypeError(f"there is no option '{name}'; there are "
                            f"{', '.join(sorted(Options.__annotations__))}")
    return request


def token_of(found: _abi.Token) -> Token:
    """mn_token, which is borrowed, as a Token; -1 stands for tokens without any chance."""
    top = ((other.id, other.logprob) for other in found.top[:found.n_top])
    return Token(found.id, found.logprob, tuple(pair for pair in top if pair[0] >= 0))


def answer_of(text: str, stats: _abi.Stats, token: Sequence[Token]) -> Answer:
    """The text and what mn_answer says of it."""
    return Answer(text=text, finish=words(stats.finish), prompt_tokens=stats.prompt_tokens,
                  tokens=stats.tokens, cached_tokens=stats.cached_tokens,
                  cached_from=words(stats.cached_from), cached_by=stats.cached_by,
                  dropped_turns=stats.dropped_turns, full_context=stats.full_context,
                  prefill_tps=stats.prefill_tps, decode_tps=stats.decode_tps,
                  first_token_ms=stats.first_token_ms, token=tuple(token))
