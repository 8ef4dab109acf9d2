"""The column to predict, and how well predictions of it do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.statistics.auc import area


class Outcome(ABC):
    """What is predicted. Predictions have shape ``(n, k)``: a probability a class, or one number."""

    @abstractmethod
    def of(self, records: Records) -> NDArray[np.float64]:
        """The outcome of each record, NaN where it is missing."""

    @abstractmethod
    def score(
        self, truth: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The headline figure for each row of ``weights``, shape ``(n, records)``; NaN where records cannot tell."""

    @abstractmethod
    def error(
        self, truth: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Mean squared error of predictions, summed over classes (Brier 1950), for each row of ``weights``."""

    @abstractmethod
    def rows(self, truth: NDArray[np.float64], predicted: dict[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
        """Figures behind the headline, for the predictions of each named model."""


@dataclass(frozen=True)
class Classes(Outcome):
    """One of several classes: the ``most`` commonest labels of the training set, and all others."""

    cells: Cells

    @classmethod
    def of_variable(cls, variable: Variable, train: Records, most: int = 5) -> Classes:
        """A number falls into two classes, below its training median and from there on, and its text results."""
        return cls(cut((variable,), train, bins=2, top=most)[0])

    @property
    def count(self) -> int:
        """Number of classes, the one for other labels included."""
        return self.cells.size - 1

    def name(self, k: int) -> str:
        """The label of class ``k``."""
        if k <= len(self.cells.edges) and self.cells.variable.kind == "numeric":
            return f"bin {k}"
        codes = np.flatnonzero(self.cells.place[1:] == k)
        return "(other levels)" if k == self.count - 1 else self.cells.variable.labels[self._label(int(codes[0]))]

    def _label(self, code: int) -> int:
        return code - (1 if self.cells.variable.kind == "numeric" else 0)

    def of(self, records: Records) -> NDArray[np.float64]:
        cells = self.cells.of(records).astype(np.float64)
        return np.where(cells == self.count, np.nan, cells)

    def score(
        self, truth: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """AUC; of more than two classes, the mean over classes of each against the rest."""
        present = [k for k in range(self.count) if 0 < np.sum(truth == k) < len(truth)]
        listed = present[:1] if len(present) == 2 else present
        if not listed:
            return np.full(len(weights), np.nan)
        areas = np.stack([_weighted_areas(predicted[:, k], truth == k, weights) for k in listed])
        told = np.isfinite(areas)
        # A class that a sample lacks says nothing there.
        mean = np.full(len(weights), np.nan)
        np.divide(np.where(told, areas, 0.0).sum(axis=0), told.sum(axis=0), out=mean, where=told.any(axis=0))
        return mean

    def error(
        self, truth: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        wrong = ((predicted - (truth[:, None] == np.arange(self.count))) ** 2).sum(axis=1)
        return np.asarray(weights @ wrong / weights.sum(axis=1))

    def rows(self, truth: NDArray[np.float64], predicted: dict[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
        """AUC, Brier score and calibration slope of each class against the rest."""
        found: list[dict[str, Any]] = []
        for k in range(self.count):
            positive = truth == k
            if 0 < positive.sum() < len(truth):
                row: dict[str, Any] = {"class": self.name(k)}
                for model, scores in predicted.items():
                    row[f"auc_{model}"] = area(scores[:, k], positive)
                    row[f"brier_{model}"] = float(np.mean((scores[:, k] - positive) ** 2))
                    row[f"calibration_slope_{model}"] = calibration_slope(scores[:, k], positive)
                found.append(row)
        return found


@dataclass(frozen=True)
class Quantity(Outcome):
    """A number; text results count as missing."""

    variable: Variable

    def of(self, records: Records) -> NDArray[np.float64]:
        values = records.numbers[self.variable.name]
        return np.where(np.isfinite(values), values, np.nan)

    def score(
        self, truth: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """R2: one minus the squared error over that of the records' own mean."""
        size = weights.sum(axis=1)
        # Around the mean of all: large values lose no digits when they are squared.
        centred = truth - truth.mean()
        whole = weights @ centred**2 / size - (weights @ centred / size) ** 2
        error = self.error(truth, predicted, weights)
        return np.asarray(1 - np.divide(error, whole, out=np.full(len(weights), np.nan), where=whole > 0))

    def error(
        self, truth: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return np.asarray(weights @ (truth - predicted[:, 0]) ** 2 / weights.sum(axis=1))

    def rows(self, truth: NDArray[np.float64], predicted: dict[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
        """R2 and calibration slope, the slope of truth on prediction."""
        row: dict[str, Any] = {"target": self.variable.name}
        for model, values in predicted.items():
            score = float(self.score(truth, values, np.ones((1, len(truth))))[0])
            row[f"r2_{model}"] = score if np.isfinite(score) else None
            spread = float(np.var(values[:, 0]))
            covariance = float(np.mean((values[:, 0] - values[:, 0].mean()) * (truth - truth.mean())))
            row[f"calibration_slope_{model}"] = covariance / spread if spread > 0 else None
        return [row]


def _weighted_areas(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """AUC of weighted records, ties counting one half, for each row of ``weights``; NaN where a class is absent."""
    others = np.flatnonzero(~positive)
    others = others[np.argsort(scores[others], kind="stable")]
    own = np.flatnonzero(positive)
    own = own[np.argsort(scores[own], kind="stable")]
    below = np.searchsorted(scores[others], scores[own], side="left")
    up_to = np.searchsorted(scores[others], scores[own], side="right")
    found = np.full(len(weights), np.nan)
    # Row by row, so that a row's cumulative weights stay in the cache.
    for k, row in enumerate(weights):
        outscored = np.concatenate([[0.0], np.cumsum(row[others])])
        ahead = row[own]
        pairs = ahead.sum() * outscored[-1]
        if pairs > 0:
            found[k] = ahead @ (outscored[below] + outscored[up_to]) / 2 / pairs
    return found


def calibration_slope(probability: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Slope of a logistic regression of the outcome on the log odds predicted (Cox 1958); 1 is calibrated.

    ``None`` where it has no finite answer: predictions that do not vary, or that separate the classes.
    """
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    odds = np.log(clipped / (1 - clipped))
    if np.ptp(odds) < 1e-9:
        return None
    design = np.stack([np.ones(len(odds)), odds], axis=1)
    beta = np.array([0.0, 1.0])
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        information = design.T @ (design * (fitted * (1 - fitted))[:, None])
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (positive - fitted))
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            return float(beta[1])
    return None
