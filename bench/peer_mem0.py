# SPDX-License-Identifier: Apache-2.0
"""bench/peer_mem0.py - the peer of `omnesia bench mem0`: mem0ai with Qdrant in a folder.

    peer_mem0.py FILE FOLDER

FILE has {"turns": [text], "questions": [text]}. Its language model answers at once and with one new
fact, its embedder with numbers that are there already, so what is left is its own time. Each turn
is added, once as it is (infer=False) and once by way of that model; then the questions are asked.
Prints one line of JSON: the median milliseconds of each.
"""
import importlib.metadata
import itertools
import json
import logging
import os
import random
import statistics
import sys
import time
from pathlib import Path

DIM = 384
NUMBERS = [random.Random(1).gauss(0, 1) for _ in range(DIM)]


class Embedder:
    config = type("Config", (), {"embedding_dims": DIM})()

    def embed(self, text, memory_action=None):
        at = hash(text) % DIM
        return NUMBERS[at:] + NUMBERS[:at]

    def embed_batch(self, texts, memory_action=None):
        return [self.embed(text) for text in texts]


class Writer:
    count = itertools.count()

    def generate_response(self, messages, **_):
        text = f"fact number {next(self.count)} of somebody"
        return json.dumps({"memory": [{"text": text}], "facts": [text]})


def timed(call, items):
    times = []
    for item in items:
        start = time.perf_counter()
        call(item)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def side(folder, given, infer):
    from mem0 import Memory
    memory = Memory.from_config({
        "vector_store": {"provider": "qdrant", "config": {
            "path": str(folder / f"q{infer}"), "embedding_model_dims": DIM, "on_disk": True}},
        "history_db_path": str(folder / f"h{infer}.db")})
    found = []
    add = timed(lambda text: memory.add([{"role": "user", "content": text}], user_id="bench",
                                        infer=infer), given["turns"])
    search = timed(lambda text: found.append(len(memory.search(
        text, filters={"user_id": "bench"}, top_k=10, threshold=0.0)["results"])),
        given["questions"])
    memory.vector_store.client.close()
    return {"add": add, "search": search, "found": statistics.mean(found)}


def main(path, folder):
    os.environ.update(MEM0_TELEMETRY="False", MEM0_DIR=folder, HF_HUB_OFFLINE="1")
    logging.disable(logging.CRITICAL)
    from mem0.utils.factory import EmbedderFactory, LlmFactory
    EmbedderFactory.create = classmethod(lambda cls, *_, **__: Embedder())
    LlmFactory.create = classmethod(lambda cls, *_, **__: Writer())
    given = json.loads(Path(path).read_text(encoding="utf-8"))
    print(json.dumps({"version": importlib.metadata.version("mem0ai"),
                      "given": side(Path(folder), given, False),
                      "facts": side(Path(folder), given, True)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
