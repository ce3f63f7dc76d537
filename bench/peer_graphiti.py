# SPDX-License-Identifier: Apache-2.0
"""bench/peer_graphiti.py - the peer of `omnesia bench zep`: graphiti-core on Kuzu in a folder.

    peer_graphiti.py FILE FOLDER

FILE has {"triples": [[subject, relation, object, text, microseconds]], "questions": [text]}. Its
language model answers at once that nothing is the same and nothing contradicts, its embedder with
numbers that are there already, so what is left is its own time. Each triple is added
(add_triplet); then the questions are asked. Prints one line of JSON: the median milliseconds of
each.

Kuzu's driver makes no word index when Graphiti is told to build its indices
(build_indices_and_constraints is empty there): without one its searches, and add_triplet itself,
fail or find nothing. Its graph_ops make it.
"""
import asyncio
import importlib.metadata
import json
import logging
import os
import random
import statistics
import sys
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

os.environ.update(GRAPHITI_TELEMETRY_ENABLED="false", OPENAI_API_KEY="none")
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
# pylint: disable=wrong-import-position
from graphiti_core import Graphiti  # noqa: E402
from graphiti_core.cross_encoder.client import CrossEncoderClient  # noqa: E402
from graphiti_core.driver.kuzu_driver import KuzuDriver  # noqa: E402
from graphiti_core.edges import EntityEdge  # noqa: E402
from graphiti_core.embedder.client import EmbedderClient  # noqa: E402
from graphiti_core.llm_client.client import LLMClient  # noqa: E402
from graphiti_core.llm_client.config import LLMConfig  # noqa: E402
from graphiti_core.nodes import EntityNode  # noqa: E402

DIM = 384
NUMBERS = [random.Random(1).gauss(0, 1) for _ in range(DIM)]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Embedder(EmbedderClient):
    @staticmethod
    def of(text):
        at = hash(str(text)) % DIM
        return NUMBERS[at:] + NUMBERS[:at]

    async def create(self, input_data):
        return self.of(input_data)

    async def create_batch(self, input_data_list):
        return [self.of(text) for text in input_data_list]


class Writer(LLMClient):
    def __init__(self):
        super().__init__(LLMConfig(api_key="none", model="none"), False)

    async def _generate_response(self, messages, response_model=None, max_tokens=0,
                                 model_size=None):
        return {"entity_resolutions": [], "duplicate_facts": [], "contradicted_facts": []}


class Ranker(CrossEncoderClient):
    async def rank(self, query, passages):
        return [(passage, 1.0) for passage in passages]


async def work(given, folder):
    Path(folder).mkdir(parents=True)
    driver = KuzuDriver(str(Path(folder) / "graph"))
    graph = Graphiti(graph_driver=driver, llm_client=Writer(), embedder=Embedder(),
                     cross_encoder=Ranker())
    await driver.graph_ops.build_indices_and_constraints(driver)
    nodes, adds, asks, found = {}, [], [], []
    for subject, relation, thing, text, moment in given["triples"]:
        at = EPOCH + timedelta(microseconds=moment)
        ends = [nodes.setdefault(name, EntityNode(name=name, group_id="bench", labels=["Entity"],
                                                  created_at=at)) for name in (subject, thing)]
        edge = EntityEdge(group_id="bench", source_node_uuid=ends[0].uuid,
                          target_node_uuid=ends[1].uuid, created_at=at, name=relation, fact=text,
                          valid_at=at)
        start = time.perf_counter()
        await graph.add_triplet(ends[0], edge, ends[1])
        adds.append((time.perf_counter() - start) * 1000)
    for question in given["questions"]:
        start = time.perf_counter()
        found.append(len(await graph.search(question, group_ids=["bench"])))
        asks.append((time.perf_counter() - start) * 1000)
    return {"version": importlib.metadata.version("graphiti-core"), "add": statistics.median(adds),
            "search": statistics.median(asks), "found": statistics.mean(found)}


def main(path, folder):
    given = json.loads(Path(path).read_text(encoding="utf-8"))
    print(json.dumps(asyncio.run(work(given, folder))), flush=True)
    os._exit(0)  # Kuzu's threads may crash on the way out


if __name__ == "__main__":
    main(*sys.argv[1:])
