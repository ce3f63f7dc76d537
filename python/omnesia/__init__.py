# SPDX-License-Identifier: Apache-2.0
"""Run language models within the memory you have, and share values between processes.

    import omnesia

    with omnesia.Model("smollm2-135m") as model:
        print(model.run("What is the capital of France?", temp=0))

A ctypes package over omnesia.h: everything is computed by the library, and Python's lock is free
meanwhile. docs/PYTHON.md tells more.
"""
from ._library import VERSION as __version__
from .errors import (BusyError, CancelledError, ConflictError, CorruptError, Error, FullError,
                     InputOutputError, InvalidError, NetworkError, NoMemoryError, NotFoundError,
                     TooLongError, UnsupportedError)
from .fleet import Fleet, Robot, SkillCall
from .memory import Carried, Memo, Memory
from .model import Chat, Model, ModelInfo, Stream
from .region import Change, Edit, Object, Record, Region, RegionInfo, Value, Watch
from .request import Answer, Options, Prompt, Token
from .store import Entry, memory_limit, models, pull

__all__ = [
    "Answer", "BusyError", "CancelledError", "Carried", "Change", "Chat", "ConflictError",
    "CorruptError", "Edit", "Entry", "Error", "Fleet", "FullError", "InputOutputError",
    "InvalidError", "Memo", "Memory", "Model", "ModelInfo", "NetworkError", "NoMemoryError",
    "NotFoundError", "Object", "Options", "Prompt", "Record", "Region", "RegionInfo", "Robot",
    "SkillCall", "Stream", "Token", "TooLongError", "UnsupportedError", "Value", "Watch",
    "__version__", "memory_limit", "models", "pull",
]
