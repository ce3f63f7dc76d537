# SPDX-License-Identifier: Apache-2.0
"""omnesia.h and omnesia_fleet.h for ctypes: their structs, callbacks and functions, in their order.

Each struct is named as there, each field too, so that test/python/test_abi.py can hold sizes and
offsets against the header itself. Only what this package calls is declared.
"""
from __future__ import annotations

from ctypes import (CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_float, c_int, c_int32,
                    c_int64, c_size_t, c_uint, c_uint8, c_uint64, c_void_p)
from typing import Any, ClassVar

from ._library import library

lib = library

VALUE_MAX = 1048256
UNKNOWN = -2**63  # MN_UNKNOWN
SPECIAL, BEGIN = 1, 2
WATCH_KEY, WATCH_ALL = 1, 2
COMMIT_CHECK, COMMIT_PUT, COMMIT_DEL = 1, 2, 3

Report = CFUNCTYPE(c_int, c_void_p, c_char_p, c_uint64, c_uint64)
Notice = CFUNCTYPE(None, c_void_p, c_char_p)
OnText = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)


class Progress(Structure):
    """mn_progress"""

    _fields_ = [("report", Report), ("user", c_void_p)]


class RegionInfo(Structure):
    """mn_region_info"""

    _fields_ = ([("path", c_char_p), ("disk", c_char_p)] +
                [(name, c_uint64) for name in ("limit", "charged", "warm", "disk_limit", "stored",
                                               "held", "size", "rows", "cost_us")] +
                [(name, c_int32) for name in ("processes", "extents", "open", "out", "derived",
                                              "made")] +
                [(name, c_uint64) for name in ("asked", "found", "evicted", "moved", "damaged",
                                               "watched", "taken", "given", "refused", "unlinked")])


class PutOptions(Structure):
    """mn_put_options"""

    _fields_ = [("ttl_ms", c_uint64), ("check", c_int), ("version", c_uint64),
                ("keep", c_uint64), ("durable", c_int)]


class Object(Structure):
    """mn_object"""

    _fields_ = [("key", c_char_p), ("version", c_uint64), ("size", c_uint64),
                ("age_ms", c_uint64), ("ttl_ms", c_uint64), ("records", c_int64),
                ("number", c_uint64), ("durable", c_int)]


EachObject = CFUNCTYPE(c_int, c_void_p, POINTER(Object))


class ObjectEdit(Structure):
    """mn_object_edit"""

    _fields_ = [("key", c_char_p), ("kind", c_int), ("check", c_int), ("version", c_uint64),
                ("value", c_char_p), ("n", c_size_t)]


class Change(Structure):
    """mn_change"""

    _fields_ = [("kind", c_int), ("object", Object), ("value", c_void_p)]


class ModelOptions(Structure):
    """mn_model_options"""

    _fields_ = [("threads", c_int), ("kind", c_int), ("no_pull", c_int), ("bf16", c_int),
                ("region", c_void_p), ("private_", c_int), ("progress", Progress),
                ("notice", Notice), ("notice_user", c_void_p)]


class ModelInfo(Structure):
    """mn_model_info"""

    _fields_ = [("name", c_char_p), ("architecture", c_char_p), ("n_vocab", c_int32),
                ("n_context", c_int32), ("n_layer", c_int32), ("n_embd", c_int32),
                ("file_bytes", c_uint64), ("weight_bytes", c_uint64), ("parameters", c_uint64),
                ("isa", c_char_p), ("numerics", c_char_p), ("threads", c_int),
                ("embedding", c_int)]


class Text(Structure):
    """mn_text"""

    _fields_ = [("text", c_char_p), ("n", c_size_t)]


class Turn(Structure):
    """mn_turn"""

    _fields_ = [("role", c_char_p), ("content", c_char_p)]


class Bias(Structure):
    """mn_bias"""

    _fields_ = [("id", c_int32), ("bias", c_float)]


class Alternative(Structure):
    """mn_alternative"""

    _fields_ = [("id", c_int32), ("logprob", c_float)]


class Token(Structure):
    """mn_token"""

    _fields_ = [("id", c_int32), ("logprob", c_float), ("top", POINTER(Alternative)),
                ("n_top", c_int32)]


OnToken = CFUNCTYPE(c_int, c_void_p, POINTER(Token))


class Request(Structure):
    """mn_request"""

    _fields_: ClassVar[Any] = (
        [("prompt", c_char_p), ("turns", POINTER(Turn)), ("n_turns", c_size_t),
         ("messages", c_char_p), ("recalled", c_char_p), ("tools", c_char_p), ("grammar", c_char_p),
         ("system", c_char_p), ("raw", c_int), ("drop_oldest", c_int),
         ("max_tokens", c_int32), ("context", c_int32), ("kv_q8", c_int)] +
        [(name, c_float) for name in ("temp", "top_p", "min_p", "typical_p",
                                      "repeat_penalty", "presence_penalty",
                                      "frequency_penalty")] +
        [("top_k", c_int32), ("repeat_last_n", c_int32), ("seed", c_uint64),
         ("stop", POINTER(c_char_p)), ("n_stop", c_size_t), ("bias", POINTER(Bias)),
         ("n_bias", c_size_t), ("ignore_eos", c_int), ("tenant", POINTER(c_uint8)),
         ("owner", c_char_p), ("patient", c_int), ("on_token", OnToken),
         ("top_logprobs", c_int32), ("on_text", OnText), ("user", c_void_p),
         ("progress", Progress)])


class Stats(Structure):
    """mn_stats"""

    _fields_ = [("prompt_tokens", c_int32), ("tokens", c_int32), ("cached_tokens", c_int32),
                ("cached_from", c_char_p), ("cached_by", c_int64), ("dropped_turns", c_int32),
                ("full_context", c_int32), ("prefill_tps", c_double), ("decode_tps", c_double),
                ("first_token_ms", c_double), ("finish", c_char_p)]


class MemOptions(Structure):
    """mn_mem_options"""

    _fields_ = [("region", c_void_p), ("model", c_char_p), ("durable", c_int),
                ("organise", c_char_p), ("background", c_int), ("pull", c_int),
                ("private_", c_int), ("progress", Progress), ("tell", c_void_p),
                ("tell_user", c_void_p)]


class Scope(Structure):
    """mn_scope"""

    _fields_ = [(name, c_char_p) for name in ("tenant", "user", "agent", "run")]


class MemRecord(Structure):
    """mn_record"""

    _fields_ = ([("id", c_int64), ("text", c_void_p), ("n", c_size_t)] +
                [(name, c_char_p) for name in ("time", "session", "speaker", "ref", "source",
                                               "kind", "agent", "run", "meta")] +
                [(name, c_int64) for name in ("from", "until", "created", "expired")] +
                [("score", c_double)])


EachRecord = CFUNCTYPE(c_int, c_void_p, POINTER(MemRecord))


class Find(Structure):
    """mn_find"""

    _fields_ = ([("query", c_char_p), ("k", c_int32), ("budget", c_int32), ("as_of", c_char_p),
                 ("id", c_int64), ("after", c_int64)] +
                [(name, c_char_p) for name in ("session", "source", "ref", "kind", "apart")] +
                [("versions", c_int32), ("newest", c_int32)] +
                [(name, c_char_p) for name in ("value", "key", "times", "rank")])


class Carry(Structure):
    """mn_carry"""

    _fields_ = [(name, c_int64) for name in ("added", "there", "wrong", "skipped")]


class StoreEntry(Structure):
    """mn_store_entry"""

    _fields_ = [("name", c_char_p), ("path", c_char_p), ("source", c_char_p),
                ("licence", c_char_p), ("about", c_char_p), ("bytes", c_uint64),
                ("embedding", c_int)]


EachEntry = CFUNCTYPE(c_int, c_void_p, POINTER(StoreEntry))

STRUCTS: dict[str, type[Structure]] = {
    "mn_progress": Progress, "mn_region_info": RegionInfo, "mn_put_options": PutOptions,
    "mn_object": Object, "mn_object_edit": ObjectEdit, "mn_change": Change,
    "mn_model_options": ModelOptions, "mn_model_info": ModelInfo, "mn_text": Text, "mn_turn": Turn,
    "mn_bias": Bias,
    "mn_alternative": Alternative,
    "mn_token": Token, "mn_request": Request, "mn_stats": Stats, "mn_store_entry": StoreEntry,
    "mn_mem_options": MemOptions, "mn_scope": Scope, "mn_record": MemRecord, "mn_find": Find,
    "mn_carry": Carry,
}

_HANDLE = POINTER(c_void_p)
_IDS = POINTER(c_int32)

# name: (what it returns, what it takes)
Tell = CFUNCTYPE(c_int, c_void_p, c_char_p)
SkillRun = CFUNCTYPE(c_int, c_void_p, c_void_p, c_char_p)


class FleetOptions(Structure):
    """mn_fleet_options"""

    _fields_ = [("name", c_char_p), ("pull", c_int), ("tell", Tell), ("user", c_void_p)]


FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "mn_error_detail": (c_char_p, []),
    "mn_error_text": (c_char_p, [c_int]),
    "mn_version": (c_char_p, []),
    "mn_memory_limit": (None, [c_uint64]),
    "mn_region_open": (c_int, [c_char_p, c_uint64, c_int64, _HANDLE]),
    "mn_region_close": (None, [_HANDLE]),
    "mn_region_describe": (None, [c_void_p, POINTER(RegionInfo)]),
    "mn_region_clear": (c_uint64, [c_void_p]),
    "mn_object_put": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t, POINTER(PutOptions),
                              POINTER(c_uint64)]),
    "mn_object_get": (c_int, [c_void_p, c_char_p, c_void_p, c_size_t, POINTER(Object)]),
    "mn_object_del": (c_int, [c_void_p, c_char_p, POINTER(PutOptions)]),
    "mn_object_commit": (c_int, [c_void_p, POINTER(ObjectEdit), c_size_t]),
    "mn_object_list": (c_int, [c_void_p, c_char_p, EachObject, c_void_p]),
    "mn_log_append": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t, POINTER(PutOptions),
                              POINTER(c_uint64)]),
    "mn_log_read": (c_int, [c_void_p, c_char_p, c_uint64, c_void_p, c_size_t, POINTER(Object)]),
    "mn_watch_open": (c_int, [c_void_p, c_char_p, c_uint, _HANDLE]),
    "mn_watch_next": (c_int, [c_void_p, c_int64, POINTER(Change)]),
    "mn_watch_close": (None, [_HANDLE]),
    "mn_model_open": (c_int, [c_char_p, POINTER(ModelOptions), _HANDLE]),
    "mn_model_close": (None, [_HANDLE]),
    "mn_model_describe": (None, [c_void_p, POINTER(ModelInfo)]),
    "mn_encode": (c_int, [c_void_p, c_char_p, c_size_t, c_uint, _IDS, c_size_t]),
    "mn_decode": (c_int, [c_void_p, _IDS, c_size_t, c_uint, c_char_p, c_size_t]),
    "mn_embed_all": (c_int, [c_void_p, POINTER(Text), c_size_t, POINTER(c_float),
                             POINTER(c_int32), POINTER(Progress)]),
    "mn_request_default": (Request, []),
    "mn_answer": (c_int, [c_void_p, POINTER(Request), POINTER(Stats)]),
    "mn_cancel": (None, [c_void_p]),
    "mn_mem_open": (c_int, [c_char_p, POINTER(MemOptions), _HANDLE]),
    "mn_mem_close": (None, [_HANDLE]),
    "mn_mem_add": (c_int, [c_void_p, POINTER(Scope), POINTER(MemRecord), c_size_t,
                           POINTER(c_int64)]),
    "mn_mem_find": (c_int, [c_void_p, POINTER(Scope), POINTER(Find), EachRecord, c_void_p]),
    "mn_mem_recall": (c_int, [c_void_p, POINTER(Scope), POINTER(Find), POINTER(c_void_p),
                              EachRecord, c_void_p]),
    "mn_mem_update": (c_int, [c_void_p, POINTER(Scope), c_int64, POINTER(MemRecord)]),
    "mn_mem_forget": (c_int64, [c_void_p, POINTER(Scope), POINTER(Find), c_int]),
    "mn_mem_embed": (c_int64, [c_void_p, c_int, POINTER(Progress)]),
    "mn_mem_topic": (c_int, [POINTER(Scope), c_char_p]),
    "mn_mem_import": (c_int, [c_void_p, POINTER(Scope), c_char_p, c_char_p, POINTER(Progress),
                              Notice, c_void_p, POINTER(Carry)]),
    "mn_mem_export": (c_int64, [c_void_p, POINTER(Scope), c_char_p, c_char_p,
                                POINTER(Progress)]),
    "mn_endpoint_ask": (c_int, [c_char_p, c_char_p, c_char_p, c_int32, POINTER(c_void_p)]),
    "mn_mem_migrate": (c_int, [c_char_p, c_char_p, POINTER(Progress), POINTER(c_void_p)]),
    "mn_task_do": (c_int, [c_void_p, POINTER(Scope), c_char_p, POINTER(c_void_p)]),
    "mn_fleet_open": (c_int, [c_void_p, POINTER(FleetOptions), _HANDLE]),
    "mn_fleet_close": (None, [_HANDLE]),
    "mn_fleet_do": (c_int, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "mn_robot_join": (c_int, [c_void_p, c_char_p, _HANDLE]),
    "mn_robot_skill": (c_int, [c_void_p, c_char_p, SkillRun, c_void_p]),
    "mn_robot_program": (c_int, [c_void_p, POINTER(c_char_p)]),
    "mn_skill_stopped": (c_int, [c_void_p]),
    "mn_skill_seen": (c_int, [c_void_p, c_char_p]),
    "mn_skill_fail": (c_int, [c_void_p, c_char_p, c_char_p]),
    "mn_robot_at": (c_int, [c_void_p, POINTER(c_double), POINTER(c_double), c_double, c_char_p]),
    "mn_robot_run": (c_int, [c_void_p, c_int64]),
    "mn_robot_leave": (None, [_HANDLE]),
    "mn_store_list": (c_int, [EachEntry, c_void_p]),
    "mn_store_pull": (c_int, [c_char_p, POINTER(Progress), Notice, c_void_p, POINTER(c_void_p)]),
    "mn_free_text": (None, [c_void_p]),
}


def _declare() -> None:
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(lib, name, None)
        if function is not None:
            function.restype, function.argtypes = result, arguments


_declare()

