"""Neural networks as ONNX graphs with weights of 8 bits, run by onnxruntime on one thread.

Weights come from packages as 32-bit floats. Multiplied as 8-bit integers, a sentence costs a third of the CPU time, and
its vector points in the same direction (cosine 0.995 and better; docs/understanding.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

MICROSOFT = "com.microsoft"
"""onnxruntime's own operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md"""

OPERATORS, FORMAT = 18, 9
"""Versions of ONNX that both packages know."""


class Network:
    """Ready to run: makes a vector of one sentence."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        # More threads would burn twice the CPU to save hardly any time on one short sentence.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, **inputs: Any) -> Floats:
        vector: Floats = self._session.run(None, inputs)[0][0]
        return vector


class Graph:
    """Collects operations; each method returns the name of what it computes."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: Any) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def apply(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.apply_for(1, operator, *inputs, domain=domain, **attributes)[0]

    def apply_for(
        self, outputs: int, operator: str, *inputs: str, domain: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        names = tuple(f"value{len(self._nodes)}.{output}" for output in range(outputs))
        self._nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names

    def dense(self, value: str, weights: Floats, bias: Floats | None = None) -> str:
        """value @ weights + bias, the weights in 8 bits with a scale for each column."""
        scales = np.maximum(np.abs(weights).max(axis=0), np.finfo(np.float32).tiny) / np.float32(127)
        integers = np.round(weights / scales).astype(np.int8)
        inputs = [value, self.constant(integers), self.constant(scales), ""]
        return self.apply(
            "DynamicQuantizeMatMul", *inputs, *([] if bias is None else [self.constant(bias)]), domain=MICROSOFT
        )

    def norm(self, value: str, scale: Floats, shift: Floats, epsilon: float) -> str:
        scaled = self.constant(scale), self.constant(shift)
        return self.apply("LayerNormalization", value, *scaled, axis=-1, epsilon=epsilon)

    def network(self, inputs: dict[str, list[int | str]], output: str, dimensions: int) -> Network:
        """All of it. `inputs`: the shape of each, names for what varies."""
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, dimensions])],
            self._constants,
        )
        operators = [helper.make_opsetid("", OPERATORS), helper.make_opsetid(MICROSOFT, 1)]
        return Network(helper.make_model(graph, opset_imports=operators, ir_version=FORMAT).SerializeToString())
