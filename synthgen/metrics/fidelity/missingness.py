"""What is missing together, and whether what is missing depends on the patient as it does in reality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.boosting import tell_apart
from synthgen.metrics.coding.features import Features
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.folded import folded_interval
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

#: Up to so many patterns their distance rests on few differences, of which random halves say too little.
FEW_PATTERNS = 16


@dataclass(frozen=True)
class Missingness(Measure):
    """Total variation between the missingness patterns of the training and the synthetic set.

    ``missingness`` is the headline: a pattern says for every column whether the cell is missing, so that it sees
    rates and what is missing together. Text results are not missing. Its rows are the columns whose rates differ by
    more than chance explains; those by patient are of all columns.
    ``missingness_informative`` is the mean absolute difference, between the training and the synthetic set, of the
    AUC with which a boosted classifier tells from the other columns whether a cell is missing: 0.5 means missing at
    random. It looks at the ``columns`` columns whose missing rate is nearest to one half and that have at least
    ``fewest`` patients with and without a cell in the training set; at most ``rows`` records.
    """

    columns: int = 8
    rows: int = 4000
    fewest: int = 25

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        names = ("missingness", "missingness_informative")
        try:
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            return tuple(unanswered(name, "fidelity", comparison, str(reason)) for name in names)
        present = tuple(v for v in comparison.variables if any(_missing(v, s).any() for s in _sets(equal).values()))
        if not present:
            reason_ = "no column has a missing cell in any set"
            return tuple(unanswered(name, "fidelity", comparison, reason_, "not_applicable") for name in names)
        progress("missingness", 0.0)
        patterns = _patterns(comparison, equal, present, rng)
        return patterns, self._informative(comparison, equal, present, rng, progress)

    def _informative(
        self,
        comparison: Comparison,
        equal: EqualSets,
        present: tuple[Variable, ...],
        rng: np.random.Generator,
        progress: Progress,
    ) -> Metric:
        """The second figure."""
        chosen = self._chosen(equal.train, present)
        if not chosen or len(comparison.variables) == 1:
            reason = f"no column has {self.fewest} training patients with and {self.fewest} without a cell"
            reason = "there is no other column" if len(comparison.variables) == 1 else reason
            return unanswered("missingness_informative", "fidelity", comparison, reason, "not_applicable")
        small = equal_sets(comparison, rng, self.rows)
        rows = []
        for done, variable in enumerate(chosen):
            progress("missingness", done / len(chosen))
            rows.append({"column": variable.name} | self._predicted(comparison, variable, small, rng))
        return _informative_figure(comparison, small, rows)

    def _chosen(self, train: Records, present: tuple[Variable, ...]) -> list[Variable]:
        """Columns whose flag can be learned, the most balanced first."""
        learnable = []
        for variable in present:
            flag = _missing(variable, train)
            if min(train.patients_at(side) for side in (flag, ~flag)) >= self.fewest:
                learnable.append((abs(float(flag.mean()) - 0.5), variable.name, variable))
        return [variable for _, _, variable in sorted(learnable, key=lambda each: each[:2])[: self.columns]]

    def _predicted(
        self, comparison: Comparison, variable: Variable, equal: EqualSets, rng: np.random.Generator
    ) -> dict[str, float | None]:
        """AUC of the missing flag by set; ``None`` where a set has too few cells or too few missing ones."""
        others = [v for v in comparison.variables if v.name != variable.name]
        features = Features.of(others, [equal.train, equal.synthetic])
        found: dict[str, float | None] = {}
        for name, records in _sets(equal).items():
            flag = _missing(variable, records)
            fewest = min(records.patients_at(side) for side in (flag, ~flag))
            found[f"auc_{name}"] = None
            if fewest >= self.fewest:
                matrix = features.matrix(records)
                sides = [(matrix[side], records.patient[side]) for side in (flag, ~flag)]
                # Of so few rows larger trees tell no more.
                told = tell_apart(features, sides[0], sides[1], rng, folds=2, rounds=30, leaves=15)
                found[f"auc_{name}"] = told.auc.value
        return {"auc_holdout": None} | found


def _sets(equal: EqualSets) -> dict[str, Records]:
    sets = {"train": equal.train, "synthetic": equal.synthetic}
    return sets if equal.holdout is None else sets | {"holdout": equal.holdout}


def _missing(variable: Variable, records: Records) -> NDArray[np.bool_]:
    return records.codes[variable.name] < 0


def _patterns(
    comparison: Comparison, equal: EqualSets, present: tuple[Variable, ...], rng: np.random.Generator
) -> Metric:
    sets = _sets(equal) | {"floor": equal.floor}
    packed = {name: np.packbits([_missing(v, s) for v in present], axis=0).T for name, s in sets.items()}
    known, place = np.unique(np.concatenate(list(packed.values())), axis=0, return_inverse=True)
    halves = Halves.draw(tuple(_sets(equal).values()), rng)
    counts, shares, rates = {}, {}, {}
    for name, cells in zip(sets, np.split(place.reshape(-1), len(sets)), strict=True):
        group = np.arange(equal.rows) % halves.groups if name == "floor" else halves.assign(sets[name], rng)
        counts[name] = np.bincount(group * len(known) + cells, minlength=halves.groups * len(known)).reshape(
            halves.groups, len(known)
        )
        sums = halves.chosen @ counts[name]
        shares[name] = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1)
        gone = np.unpackbits(known, axis=1, count=len(present)).astype(np.float64)
        rates[name] = shares[name] @ gone
    distance = {name: _variation(shares["train"] - share) for name, share in shares.items()}
    even = {name: np.ones(records.n) for name, records in sets.items()}
    by_patient = {name: records.weights for name, records in sets.items()}
    apart = rates["synthetic"] - rates["train"]
    beyond_chance = np.abs(apart[0]) > halves.noise(apart)
    named = tuple(variable for variable, is_ in zip(present, beyond_chance.tolist(), strict=True) if is_)
    details: dict[str, Any] = {
        "rows": _rates(sets, named, even),
        "rows_by_patient": _rates(sets, present, by_patient),
    }
    if "holdout" in distance:
        beyond = distance["synthetic"] - distance["holdout"]
        reach = halves.interval(beyond)
        details["above_ceiling"] = {"difference": float(beyond[0]), "interval": reach and list(reach)}
    interval = halves.interval(distance["synthetic"])
    if len(known) <= FEW_PATTERNS:
        difference = shares["synthetic"][0] - shares["train"][0]
        influence = _influence(counts["synthetic"]) - _influence(counts["train"])
        interval = folded_interval(_variation, difference, influence, rng)
    return Metric(
        name="missingness",
        family="fidelity",
        table=comparison.table,
        reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=float(distance["synthetic"][0]),
        interval=interval and (max(0.0, interval[0]), min(1.0, interval[1])),
        floor=float(distance["floor"][0]),
        ceiling=float(distance["holdout"][0]) if "holdout" in distance else None,
        better="lower",
        unit="distance",
        n=equal.sizes | {"columns": len(present)},
        details=details,
    )


def _variation(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Total variation from differences of shares, shape ``(n, patterns)``."""
    return np.asarray(np.abs(difference).sum(axis=1) / 2)


def _influence(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """By how much each group of patients moves the shares of a set, from its counts, shape ``(groups, patterns)``."""
    sizes, whole = counts.sum(axis=1, keepdims=True), counts.sum()
    return np.asarray((counts - sizes * (counts.sum(axis=0) / whole)) / whole)


def _rates(
    sets: dict[str, Records], present: tuple[Variable, ...], weights: dict[str, NDArray[np.float64]]
) -> list[dict[str, Any]]:
    """Missing rates by column and set, records weighing ``weights``, the largest difference first."""
    rows: list[dict[str, Any]] = []
    for variable in present:
        rate = {
            name: float(np.average(_missing(variable, sets[name]), weights=weights[name]))
            for name in sets
            if name != "floor"
        }
        rows.append(
            {
                "column": variable.name,
                "rate_train": rate["train"],
                "rate_holdout": rate.get("holdout"),
                "rate_synthetic": rate["synthetic"],
                "difference": rate["synthetic"] - rate["train"],
            }
        )
    return sorted(rows, key=lambda row: -abs(row["difference"]))


def _informative_figure(comparison: Comparison, equal: EqualSets, rows: list[dict[str, Any]]) -> Metric:
    """A set in which a column's flag cannot be learned, because it is nearly always the same, counts as random."""

    def gap(name: str) -> float:
        differences = [abs((row[f"auc_{name}"] or 0.5) - (row["auc_train"] or 0.5)) for row in rows]
        return float(np.mean(differences))

    def urgency(row: dict[str, Any]) -> float:
        return -abs(float((row["auc_synthetic"] or 0.5) - (row["auc_train"] or 0.5)))

    return Metric(
        name="missingness_informative",
        family="fidelity",
        table=comparison.table,
        reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=gap("synthetic"),
        floor=float(np.mean([abs((row["auc_train"] or 0.5) - 0.5) for row in rows])),
        ceiling=None if equal.holdout is None else gap("holdout"),
        better="lower",
        unit="AUC difference",
        n=equal.sizes | {"columns": len(rows)},
        details={"rows": sorted(rows, key=urgency)},
    )
