"""The generator as it is saved and sampled from: layers of plain arrays, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Layer:
    """``x @ weight + bias``, and the rows of ``table`` of the features that are active.

    Attributes:
        weight: float32 ``(n_inputs, n_outputs)``.
        table: float32 ``(n_features, n_outputs)``.
        bias: float32 ``(n_outputs,)``.
    """

    weight: NDArray[np.float32]
    table: NDArray[np.float32]
    bias: NDArray[np.float32]

    def outputs(self, x: NDArray[np.float32], features: NDArray[np.int64]) -> NDArray[np.float32]:
        """The outputs of rows of inputs with these active features, ``(n_rows, n_active)``."""
        result = x @ self.weight
        result += self.bias
        for active in features.T:
            result += self.table[active]
        return result


def forward(layers: Sequence[Layer], noise: NDArray[np.float32], features: NDArray[np.int64]) -> NDArray[np.float32]:
    """The outputs of a residual network: every hidden layer hands on its inputs beside its own result."""
    x = noise
    for layer in layers[:-1]:
        x = np.concatenate([np.maximum(layer.outputs(x, features), 0), x], axis=1)
    return layers[-1].outputs(x, features)


def to_arrays(layers: Sequence[Layer]) -> dict[str, NDArray[Any]]:
    """The arrays of an artifact."""
    return {f"{name}.{i}": array for i, layer in enumerate(layers) for name, array in vars(layer).items()}


def from_arrays(arrays: Mapping[str, NDArray[Any]], n: int, *, n_features: int, n_outputs: int) -> tuple[Layer, ...]:
    """The inverse of ``to_arrays`` for ``n`` layers. Raises ``ValueError`` where shapes contradict each other."""
    layers: list[Layer] = []
    for i in range(n):
        layer = Layer(*(np.asarray(arrays[f"{name}.{i}"], np.float32) for name in ("weight", "table", "bias")))
        width = n_outputs if i == n - 1 else layer.bias.size
        inputs = layers[-1].weight.shape[0] + layers[-1].bias.size if layers else len(layer.weight)
        shapes = (inputs, width), (n_features, width), (width,)
        found = vars(layer).values()
        if any(of.shape != shape or not np.isfinite(of).all() for of, shape in zip(found, shapes, strict=True)):
            raise ValueError("the layers do not fit the domains or each other")
        layers.append(layer)
    return tuple(layers)
