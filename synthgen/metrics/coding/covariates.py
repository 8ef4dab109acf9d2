"""Columns as the few regressors of a regression whose coefficients are read one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable


@dataclass(frozen=True)
class Covariate:
    """One regressor.

    Attributes:
        level: what the indicator stands for: a code, -1 where the cell is missing; ``None`` for a number.
        centre, spread: of a number among the training records; a missing number counts as ``centre``.
    """

    variable: Variable
    level: int | None = None
    centre: float = 0.0
    spread: float = 1.0

    @property
    def term(self) -> str:
        """What the coefficient is of: the label, ``(missing)``, or ``per SD``."""
        if self.level is None:
            return "per SD"
        if self.level < 0:
            return "(missing)"
        return self.variable.labels[self.level - (1 if self.variable.kind == "numeric" else 0)]

    def of(self, records: Records) -> NDArray[np.float64]:
        """Its value for each record, shape ``(n,)``."""
        codes = records.codes[self.variable.name]
        if self.level is not None:
            return np.asarray(codes == self.level, dtype=np.float64)
        values = (records.numbers[self.variable.name] - self.centre) / self.spread
        return np.where(np.isfinite(values), np.clip(values, -_FURTHEST, _FURTHEST), 0.0)


#: Numbers further from the centre, in standard deviations, are as far as can be: one must not rule a regression.
_FURTHEST = 10.0


def covariates(variables: Iterable[Variable], train: Records, *, levels: int, fewest: int) -> tuple[Covariate, ...]:
    """Numbers per standard deviation, and indicators of labels, all by the training set with patients weighing equally.

    Of a column's labels the commonest is what the others are compared with; an indicator is made of the ``levels``
    commonest others, of missing and of text results, where at least ``fewest`` training patients are on either side.
    Regressors that are all but a sum of those before them are left out.
    """
    found: list[Covariate] = []
    for variable in variables:
        codes = train.codes[variable.name]
        present, place = np.unique(codes, return_inverse=True)
        weight = np.bincount(place, weights=train.weights)
        ordered = [int(present[k]) for k in np.argsort(-weight, kind="stable")]
        if variable.kind == "numeric":
            number = np.isfinite(train.numbers[variable.name])
            if number.any():
                values, weights = train.numbers[variable.name][number], train.weights[number]
                centre = float(np.average(values, weights=weights))
                spread = float(np.sqrt(np.average((values - centre) ** 2, weights=weights)))
                if spread > 1e-9 * max(abs(centre), 1e-300):
                    found.append(Covariate(variable, None, centre, spread))
            others = [code for code in ordered if code != 0][:levels]
        else:
            others = [code for code in ordered[1:] if code >= 0][:levels] + [code for code in ordered[1:] if code < 0]
        for code in others:
            sides = (train.patient[codes == code], train.patient[codes != code])
            if min(len(np.unique(side)) for side in sides) >= fewest:
                found.append(Covariate(variable, code))
    return _apart(found, train)


#: A regressor of whose variance the others leave less than this is not told apart from them.
_LEFT = 0.01


def _apart(offered: list[Covariate], train: Records) -> tuple[Covariate, ...]:
    """Those that are not all but a sum of the ones before them: nothing could say whose coefficient is whose."""
    kept: list[Covariate] = []
    directions = np.empty((train.n, 0))
    for each in offered:
        values = each.of(train)
        values = values - values.mean()
        size = float(values @ values)
        left = values - directions @ (directions.T @ values)
        if size > 0 and float(left @ left) > _LEFT * size:
            kept.append(each)
            directions = np.column_stack([directions, left / np.linalg.norm(left)])
    return tuple(kept)


def matrix(chosen: Iterable[Covariate], records: Records) -> NDArray[np.float64]:
    """The regressors of each record, shape ``(n, covariates)``."""
    columns = [each.of(records) for each in chosen]
    return np.stack(columns, axis=1) if columns else np.empty((records.n, 0))
