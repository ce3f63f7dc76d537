# SPDX-License-Identifier: Apache-2.0
"""bench/peer_embed.py - the peer of `omnesia bench mem`, row embed: MiniLM by ONNX Runtime.

    peer_embed.py MODEL.safetensors TEXTS THREADS fp32|int8 OUT

The graph is written here, from the file that Omnesia reads too, in the fused operators that ONNX
Runtime's own optimiser would put there (Attention, SkipLayerNormalization, BiasGelu); int8 is its
dynamic quantisation of that graph. Texts (a line each) become ids by the tokenizers library, are
sorted by length and padded to the longest of their batch; the batch size that was fastest counts.
Vectors go to OUT as float32, in the order of TEXTS. Prints one line of JSON; time runs from texts
to vectors, opening the model excluded.
"""
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import BertWordPieceTokenizer

BATCHES = 16, 32  # 8 and 64 were within 3 % of these
FUSED = "com.microsoft"


def read_safetensors(path):
    data = Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, t in json.loads(data[8 : 8 + size]).items():
        if t.get("dtype") == "F32":
            begin, end = t["data_offsets"]
            raw = numpy.frombuffer(data[8 + size + begin : 8 + size + end], numpy.float32)
            tensors[name.removeprefix("bert.")] = raw.reshape(t["shape"])
    return tensors


class Graph:
    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def constant(self, name, value):
        self.constants[name] = numpy_helper.from_array(numpy.ascontiguousarray(value), name)
        return name

    def weight(self, name, turned=False):
        value = self.weights[name]
        return self.constant(name, value.T if turned else value)

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def layer(self, x, i, heads, eps):
        of = f"encoder.layer.{i}."
        own = [of + f"attention.self.{part}." for part in ("query", "key", "value")]
        qkv, bias = (numpy.concatenate([self.weights[p + kind] for p in own])
                     for kind in ("weight", "bias"))
        qkv, bias = self.constant(of + "qkv", qkv.T), self.constant(of + "qkv.bias", bias)
        y = self.node("Attention", [x, qkv, bias, "lengths"], domain=FUSED, num_heads=heads)
        x = self.rest(x, y, of + "attention.output.", eps)
        y = self.node("MatMul", [x, self.weight(of + "intermediate.dense.weight", True)])
        y = self.node("BiasGelu", [y, self.weight(of + "intermediate.dense.bias")], domain=FUSED)
        return self.rest(x, y, of + "output.", eps)

    def rest(self, x, y, of, eps):
        y = self.node("MatMul", [y, self.weight(of + "dense.weight", True)])
        norm = self.weight(of + "LayerNorm.weight"), self.weight(of + "LayerNorm.bias")
        return self.node("SkipLayerNormalization", [y, x, *norm, self.weight(of + "dense.bias")],
                         domain=FUSED, epsilon=eps)


def build(weights, layers, heads, eps):
    g = Graph(weights)
    e = "embeddings."
    x = g.node("Gather", [g.weight(e + "word_embeddings.weight"), "ids"])
    places = g.node("Gather", [g.weight(e + "position_embeddings.weight"), "positions"])
    kind = g.constant("type", weights[e + "token_type_embeddings.weight"][0])
    places = g.node("Add", [places, kind])
    x = g.node("Add", [x, places])
    norm = g.weight(e + "LayerNorm.weight"), g.weight(e + "LayerNorm.bias")
    x = g.node("LayerNormalization", [x, *norm], axis=-1, epsilon=eps)
    for i in range(layers):
        x = g.layer(x, i, heads, eps)
    x = g.node("Mul", [x, "mask"])
    x = g.node("ReduceSum", [x, g.constant("axis", numpy.array([1], numpy.int64))], keepdims=0)
    g.nodes.append(helper.make_node("LpNormalization", [x], ["vectors"], axis=-1, p=2))
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT32, ["B", "S"]),
              helper.make_tensor_value_info("positions", TensorProto.INT32, ["S"]),
              helper.make_tensor_value_info("lengths", TensorProto.INT32, ["B"]),
              helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["B", "S", 1])]
    output = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["B", "D"])
    graph = helper.make_graph(g.nodes, "minilm", inputs, [output], list(g.constants.values()))
    return helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)])


def open_session(model, threads, kind):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        onnx.save(model, path)
        if kind == "int8":
            from onnxruntime.quantization import QuantType, quantize_dynamic

            small = os.path.join(folder, "int8.onnx")
            quantize_dynamic(path, small, weight_type=QuantType.QInt8,
                             op_types_to_quantize=["MatMul", "Attention"],
                             extra_options={"DefaultTensorType": TensorProto.FLOAT})
            path = small
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def embed(session, tokenizer, texts, batch):
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = None
    for at in range(0, len(order), batch):
        some = order[at : at + batch]
        lengths = numpy.array([len(ids[i]) for i in some], numpy.int32)
        width = int(lengths.max())
        padded = numpy.zeros((len(some), width), numpy.int32)
        for row, i in enumerate(some):
            padded[row, : len(ids[i])] = ids[i]
        mask = (numpy.arange(width)[None, :] < lengths[:, None]).astype(numpy.float32)[:, :, None]
        v = session.run(["vectors"], {"ids": padded, "lengths": lengths, "mask": mask,
                                      "positions": numpy.arange(width, dtype=numpy.int32)})[0]
        out = numpy.empty((len(texts), v.shape[1]), numpy.float32) if out is None else out
        out[some] = v
    return out


def main(model, texts, threads, kind, out):
    os.environ["RAYON_NUM_THREADS"] = threads
    stem = model.removesuffix(".safetensors")
    config = json.loads(Path(stem + ".config.json").read_text())
    tokenizer = BertWordPieceTokenizer(stem + ".vocab.txt", lowercase=True)
    built = build(read_safetensors(model), config["num_hidden_layers"],
                  config["num_attention_heads"], config["layer_norm_eps"])
    session = open_session(built, int(threads), kind)
    lines = Path(texts).read_text().splitlines()
    best = None
    for batch in BATCHES:
        embed(session, tokenizer, lines[:batch], batch)
        start = time.perf_counter()
        vectors = embed(session, tokenizer, lines, batch)
        took = time.perf_counter() - start
        if best is None or took < best[0]:
            best = took, batch, vectors
    best[2].tofile(out)
    print(json.dumps({"texts": len(lines), "seconds": best[0], "batch": best[1],
                      "version": onnxruntime.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:])
