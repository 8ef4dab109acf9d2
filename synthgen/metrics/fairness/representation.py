"""Is every group as large among the synthetic records as among the real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.groups import FEWEST, Group, groups
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.folded import folded_interval
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAME = "representation"


@dataclass(frozen=True)
class Representation(Measure):
    """The largest absolute log representation ratio over groups: ln(odds among synthetic / odds among training).

    0 is the same share; ln 2 = 0.69 is odds that are twice as large, or half. Patients weigh equally; half a patient is
    added on either side, so that a group that is not there has a ratio too. Groups are the labels of the columns that
    the schema names as ``groups``, and of pairs of these columns, where at least ``fewest`` training patients are in
    the group and outside of it.
    (Log disparity as in Bhanot et al. 2021, Entropy 23:1165.)
    """

    fewest: int = FEWEST

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        try:
            assessed, small = groups(comparison, self.fewest)
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            status: Any = "not_assessable" if comparison.groups else "not_applicable"
            return (unanswered(NAME, "fairness", comparison, str(reason), status),)
        progress(NAME, 0.0)
        sets = {"train": equal.train, "synthetic": equal.synthetic, "floor": equal.floor}
        if equal.holdout is not None:
            sets["holdout"] = equal.holdout
        odds = {name: _Odds.of(assessed, records) for name, records in sets.items()}
        return (_figure(comparison, equal, assessed, small, odds, rng),)


@dataclass(frozen=True)
class _Odds:
    """Of each group in one set: its share, its log odds and their standard error, and whose they are.

    Attributes:
        moved: how far each patient moves each log odds, shape ``(patients, groups)``.
    """

    share: NDArray[np.float64]
    log: NDArray[np.float64]
    error: NDArray[np.float64]
    moved: NDArray[np.float64]

    @classmethod
    def of(cls, assessed: tuple[Group, ...], records: Records) -> _Odds:
        present, dense = np.unique(records.patient, return_inverse=True)
        n = len(present)
        part = np.stack(
            [np.bincount(dense, weights=records.weights * group.of(records), minlength=n) for group in assessed], axis=1
        )
        share = part.mean(axis=0)
        inside, outside = n * share + 0.5, n * (1 - share) + 0.5
        # Of a patient's rows some may be in the group: then the spread is smaller than that of whole patients.
        whole = share * (1 - share)
        spread = np.divide(part.var(axis=0), whole, out=np.ones_like(whole), where=whole > 0)
        error = np.sqrt(np.minimum(spread, 1.0) * (1 / inside + 1 / outside))
        moved = (part - share) * (1 / inside + 1 / outside)
        return cls(share, np.log(inside / outside), error, moved)

    def influence(self, halves: Halves, rng: np.random.Generator) -> NDArray[np.float64]:
        """Of groups of patients, shape ``(groups of patients, groups)``."""
        group = rng.permutation(len(self.moved)) % halves.groups
        found = np.zeros((halves.groups, self.moved.shape[1]))
        np.add.at(found, group, self.moved)
        return np.asarray(found - found.mean(axis=0))


def _largest(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(ratios).max(axis=1))


def _figure(
    comparison: Comparison,
    equal: EqualSets,
    assessed: tuple[Group, ...],
    small: tuple[Group, ...],
    odds: dict[str, _Odds],
    rng: np.random.Generator,
) -> Metric:
    ratio = {name: each.log - odds["train"].log for name, each in odds.items()}
    largest = {name: float(_largest(each[None])[0]) for name, each in ratio.items()}
    halves = Halves.draw((equal.train, equal.synthetic), rng)
    influence = odds["synthetic"].influence(halves, rng) - odds["train"].influence(halves, rng)
    return Metric(
        name=NAME,
        family="fairness",
        table=comparison.table,
        columns=comparison.groups,
        reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=largest["synthetic"],
        interval=folded_interval(_largest, ratio["synthetic"], influence, rng),
        floor=largest["floor"],
        ceiling=largest.get("holdout"),
        better="lower",
        unit="log ratio",
        n=equal.sizes | {"groups": len(assessed), "groups_too_small": len(small)},
        details={
            "rows": _rows(comparison, assessed, odds, ratio),
            "not_assessed": [group.name for group in small],
        },
    )


def _rows(
    comparison: Comparison, assessed: tuple[Group, ...], odds: dict[str, _Odds], ratio: dict[str, NDArray[np.float64]]
) -> list[dict[str, Any]]:
    """Every group, the worst first: how surely it is larger or smaller counts."""
    rows: list[dict[str, Any]] = []
    for k, group in enumerate(assessed):
        reach = float(norm.ppf(0.975) * np.hypot(odds["synthetic"].error[k], odds["train"].error[k]))
        found = float(ratio["synthetic"][k])
        rows.append(
            {
                "group": group.name,
                "patients": group.patients(comparison.train),
                **{
                    f"share_{name}": float(odds[name].share[k]) if name in odds else None
                    for name in ("train", "holdout", "synthetic")
                },
                "log_ratio": found,
                "interval": [found - reach, found + reach],
                "log_ratio_holdout": float(ratio["holdout"][k]) if "holdout" in ratio else None,
            }
        )
    return sorted(rows, key=lambda row: -abs(row["log_ratio"]))
