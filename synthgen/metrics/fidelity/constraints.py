"""Rules of the config: do synthetic records break them more often than real ones?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Rules, Variable
from synthgen.metrics.equal import equal_sets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.halves import interval_of_share
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.quantity import Quantity
from synthgen.schema.rules.truth import Values, truth

NAME = "constraints"
_DAY = 86_400


@dataclass(frozen=True)
class Constraints(Measure):
    """Share of the synthetic records that break a rule of the config, beside that of real ones.

    Of a rule between rows, those records break it that repeat an earlier one. A rule whose operand is missing is not
    broken. ``details`` has the rates rule by rule; real records break rules too, and a rate below theirs is no merit.
    """

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        rules = comparison.constraints
        if rules is None or not rules.rules:
            return (unanswered(NAME, "fidelity", comparison, "the config states no constraints", "not_applicable"),)
        try:
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            return (unanswered(NAME, "fidelity", comparison, str(reason)),)
        progress(NAME, 0.0)
        sets = {"train": equal.train, "holdout": equal.holdout, "synthetic": equal.synthetic, "floor": equal.floor}
        present = {name: records for name, records in sets.items() if records is not None}
        broken = {name: _broken(rules, comparison.variables, records) for name, records in present.items()}
        any_of = {name: np.logical_or.reduce(rows) for name, rows in broken.items()}
        rows = [
            {"measure": str(rule)}
            | {f"rate_{name}": float(broken[name][i].mean()) if name in broken else None for name in sets}
            for i, rule in enumerate(rules.rules)
        ]
        return (
            Metric(
                name=NAME,
                family="fidelity",
                table=comparison.table,
                reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
                value=float(any_of["synthetic"].mean()),
                interval=interval_of_share(any_of["synthetic"], equal.synthetic, rng),
                floor=float(any_of["floor"].mean()),
                ceiling=float(any_of["holdout"].mean()) if "holdout" in any_of else None,
                better="lower",
                unit="share",
                n=equal.sizes | {"rules": len(rules.rules)},
                details={"rows": sorted(rows, key=_excess), "real": float(any_of["train"].mean())},
            ),
        )


def _excess(row: dict[str, object]) -> float:
    """What sorts the rules: how much more often than in reality each is broken, the worst first."""
    return float(row["rate_train"]) - float(row["rate_synthetic"])  # type: ignore[arg-type]


def _broken(rules: Rules, variables: tuple[Variable, ...], records: Records) -> NDArray[np.bool_]:
    """Which records break which rule, shape ``(n_rules, n)``."""
    known = {variable.name: variable for variable in variables}

    def values(column: ex.Column) -> Values:
        name = Rules.variable(column)
        return _values(name, rules.quantities[name], known, records)

    return np.array([_breaks(rule, rules.patient, values, records) for rule in rules.rules]).reshape(-1, records.n)


def _breaks(
    rule: ex.Expression, patient: str | None, values: Callable[[ex.Column], Values], records: Records
) -> NDArray[np.bool_]:
    if isinstance(rule, ex.Unique):
        parts = [
            records.patient.astype(np.float64) if column.name == patient else values(column).numbers
            for column in rule.columns
        ]
        return _repeats(np.stack(parts, axis=1))
    if isinstance(rule, ex.AtMostOneOpen):
        opened = ~values(rule.start).missing & values(rule.end).missing
        return _repeats(np.where(opened, records.patient, np.nan)[:, None])
    return truth(rule, {column: values(column) for column in ex.columns_of(rule)}).fails


def _repeats(keys: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of keys stand further up already; a row with an unknown key is like no other."""
    repeats = np.zeros(len(keys), bool)
    known = np.flatnonzero(~np.isnan(keys).any(axis=1))
    _, first = np.unique(keys[known], axis=0, return_index=True)
    repeats[np.delete(known, first)] = True
    return repeats


def _values(name: str, quantity: Quantity, variables: dict[str, Variable], records: Records) -> Values:
    variable = variables.get(name) or variables.get(f"{name}[1]")
    if variable is None:  # a code list that no one has a code in, or an identifier, which is never like another
        return Values(quantity, np.arange(records.n, dtype=np.float64), np.ones(records.n, bool))
    codes = records.codes[variable.name]
    if variable.kind == "numeric":
        numbers = records.numbers[variable.name] * (_DAY if variable.temporal == "date" else 1)
        return Values(quantity, numbers, codes < 0)
    if quantity.ordered:
        meant = np.array([*(_number(label, quantity) for label in variable.labels), np.nan])
        return Values(quantity, meant[codes], codes < 0)
    return Values(quantity, np.where(codes < 0, np.nan, codes), codes < 0, variable.labels)


def _number(label: str, quantity: Quantity) -> float:
    try:
        return float(label) if quantity.sort == "number" else float(quantity.constant(label))
    except ValueError:
        return float("nan")
