"""Measures under a policy, run one after another on one comparison, their verdict lines judged together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from synthgen import plugins
from synthgen.errors import InputError
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.longitudinal.base import RelationalMeasure
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.side_by_side import side_by_side
from synthgen.metrics.verdicts import family_wise
from synthgen.progress import Progress, silent
from synthgen.schema.config import REQUIRED, Policy

#: The order in which measures run and are told; any other follows, by family and name.
_ORDER: Final = (
    "accuracy",
    "c2st",
    "tstr",
    "inference",
    "survival",
    "association",
    "lost_links",
    "missingness",
    "marginals",
    "rare_categories",
    "structural_zeros",
    "nearest_neighbour_share",
    "exact_copies",
    "rare_values_leaked",
    "distances",
    "near_copies",
    "membership_inference",
    "membership_by_model",
    "membership_by_group",
    "membership_disclosure",
    "singling_out",
    "linkability",
    "attribute_inference",
    "vulnerable_records",
    "representation",
    "group_accuracy",
    "group_utility",
    "group_survival",
)

#: Measures that take long are begun first, so that no core waits for the last of them.
_LONGEST: Final = (
    *("c2st", "membership_inference", "nearest_neighbour_share", "tstr", "group_utility", "missingness"),
    *("inference", "distances"),
)


def measures(policy: Policy, *, quick: bool = False) -> dict[str, Measure]:
    """Every measure by its name with the limit that the policy sets, in the order in which they are told.

    Args:
        quick: only those that say of themselves that they are quick.

    Raises:
        InputError: the policy names a verdict line that there is not, or sets a limit where none is.
    """
    require_known(policy)
    found = plugins.metrics()
    names = [name for name in _ORDER if name in found] + [name for name in found if name not in _ORDER]
    built = {name: _built(plugins.load_metric(name), policy.limits.get(name)) for name in names}
    return {name: measure for name, measure in built.items() if measure.quick or not quick}


def require_known(policy: Policy) -> None:
    """Refuse a policy that asks for verdict lines which no measure tells, or sets limits which no measure has.

    Raises:
        InputError: one line for each key of the policy that is wrong.
    """
    mistakes = []
    others = [name for name in policy.required if name not in REQUIRED]  # nothing is loaded where there is none
    judging = _judging() if others else ()
    if unknown := [name for name in others if name not in judging]:
        mistakes.append(
            f"evaluation.policy.required: there is no verdict line {', '.join(unknown)}; lines: {', '.join(judging)}"
        )
    limits = _own_limits() if policy.limits else {}
    if unlimited := [name for name in policy.limits if name not in limits]:
        known = ", ".join(f"{name} ({limit:g})" for name, limit in limits.items()) or "none"
        mistakes.append(
            f"evaluation.policy.limits: {', '.join(unlimited)} has no limit to set; lines with a limit: {known}"
        )
    for name, limit in policy.limits.items():
        if name in limits and limit > (highest := plugins.load_metric(name).highest_limit):
            mistakes.append(
                f"evaluation.policy.limits: {name} is {limit:g}, and can be at most {highest:g}; without one it is "
                f"{limits[name]:g}"
            )
    if mistakes:
        raise InputError("\n".join(mistakes))


def judged(
    measures: Mapping[str, Measure], comparison: Comparison, *, seed: int, progress: Progress = silent
) -> tuple[tuple[Metric, ...], tuple[Verdict, ...]]:
    """The figures of every measure, and the verdict lines, corrected for their number.

    Each measure has a random stream of its own, so that one more measure changes no other's figures.

    Args:
        progress: told of each measure by its name, from 0 to 1.
    """
    begun = sorted(measures, key=lambda name: _LONGEST.index(name) if name in _LONGEST else len(_LONGEST))
    tasks = [partial(measured, name, measures[name], comparison, seed) for name in begun]
    done = dict(zip(begun, side_by_side(tasks, progress), strict=True))
    found = [done[name] for name in measures]
    return tuple(m for own, _ in found for m in own), family_wise([line for _, lines in found for line in lines])


def measured(
    name: str, measure: Measure, comparison: Comparison, seed: int, progress: Progress
) -> tuple[tuple[Metric, ...], tuple[Verdict, ...]]:
    """The figures of one measure, and its verdict lines, which are not yet corrected for the number of all."""
    step = _Step(progress, name.replace("_", " "))
    step("", 0.0)
    own = measure.measure(comparison, rng=stream(seed, name), progress=step)
    lines = tuple(_with_origin(line, measure) for line in measure.judge(own, comparison))
    step("", 1.0)
    return own, lines


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of a measure."""
    return np.random.default_rng([seed, *name.encode()])


@dataclass(frozen=True)
class _Step:
    """What a measure tells of its parts, told under the measure's name."""

    progress: Progress
    name: str

    def __call__(self, _part: str, done: float) -> None:
        self.progress(self.name, done)


def _judging() -> tuple[str, ...]:
    """The names of the measures that tell a verdict line."""
    tables = (n for n in plugins.metrics() if plugins.load_metric(n).judge is not Measure.judge)
    relational = (
        n
        for n in plugins.relational_metrics()
        if plugins.load_relational_metric(n).judge is not RelationalMeasure.judge
    )
    return (*tables, *relational)


def _own_limits() -> dict[str, float]:
    """By name, the limit that a measure has of its own."""
    found = {name: _own_limit(plugins.load_metric(name)) for name in plugins.metrics()}
    return {name: limit for name, limit in found.items() if limit is not None}


def _own_limit(kind: type[Any]) -> float | None:
    """The default of the field ``limit``, which a dataclass keeps as an attribute of the class."""
    limit: float | None = getattr(kind, "limit", None)
    return limit


def _built(kind: type[Any], limit: float | None) -> Measure:
    measure: Measure = kind() if limit is None else kind(limit=limit)
    return measure


def _with_origin(line: Verdict, measure: Measure) -> Verdict:
    """The line, saying where its limit comes from if the config has set it."""
    own, limit = _own_limit(type(measure)), getattr(measure, "limit", None)
    if line.threshold is None or own is None or limit == own:
        return line
    return replace(line, source=f"limit set by the config, {own:g} without it; {line.source}")
