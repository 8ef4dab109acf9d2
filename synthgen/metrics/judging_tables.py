"""Which measure sees what of an extract of several tables: whole histories, single tables, or all tables and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from synthgen import plugins
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.extract import Extracts
from synthgen.metrics.history import Histories
from synthgen.metrics.judging import measured, stream
from synthgen.metrics.longitudinal.base import RelationalMeasure
from synthgen.metrics.result import Metric, Verdict, Word
from synthgen.metrics.ruled import with_ancestors
from synthgen.metrics.side_by_side import side_by_side
from synthgen.metrics.verdicts import family_wise
from synthgen.progress import Progress, silent

#: The order in which measures of tables and time run and are told; any other follows by name.
_ORDER: Final = (
    *("key_integrity", "children_per_parent", "gaps", "transitions"),
    *("parent_child_association", "time_order", "date_window"),
)
#: Measures that ask for what the config of a table may not say.
_NEEDS_TARGET, _NEEDS_GROUPS = ("tstr", "inference"), ("representation", "group_accuracy", "group_utility")
#: Of lines of the same name on several tables the first of these words is that of all.
_WORST: Final[tuple[Word, ...]] = ("leak", "fail", "not_assessable", "none_detected", "pass")


def relational_measures(*, quick: bool = False) -> dict[str, RelationalMeasure]:
    """Every measure of tables and time by its name, in the order in which they are told."""
    found = plugins.relational_metrics()
    names = [name for name in _ORDER if name in found] + [name for name in found if name not in _ORDER]
    built: dict[str, RelationalMeasure] = {name: plugins.load_relational_metric(name)() for name in names}
    return {name: measure for name, measure in built.items() if measure.quick or not quick}


def histories_of(extracts: Extracts) -> Comparison:
    """One record for each patient."""
    return extracts.once("histories", Histories(extracts, extracts.children).comparison)


def of_histories(measures: Mapping[str, Measure]) -> dict[str, Measure]:
    """Those that judge whole histories."""
    return {name: measure for name, measure in measures.items() if _of_histories(name, measure)}


def judged_tables(
    measures: Mapping[str, Measure],
    relational: Mapping[str, RelationalMeasure],
    extracts: Extracts,
    *,
    seed: int,
    progress: Progress = silent,
) -> tuple[tuple[Metric, ...], tuple[Verdict, ...]]:
    """The figures of all measures, and the verdict lines, corrected for their number.

    Attacks, copies and the telling apart of patients are measured on whole histories, one record for each patient;
    columns, pairs and missing values on each table's rows, clustered by patient; tables of no patient have nothing but
    their columns compared. Reference tables are kept as they are and not judged.
    """
    tasks = [
        *(partial(_related, name, relating, extracts, seed) for name, relating in relational.items()),
        *(partial(_on_tables, name, measure, extracts, seed) for name, measure in measures.items()),
    ]
    found = side_by_side(tasks, progress)
    return tuple(m for own, _ in found for m in own), family_wise([line for _, lines in found for line in lines])


def _related(
    name: str, relating: RelationalMeasure, extracts: Extracts, seed: int, progress: Progress
) -> tuple[tuple[Metric, ...], tuple[Verdict, ...]]:
    progress(name.replace("_", " "), 0.0)
    own = relating.measure(extracts, rng=stream(seed, name), progress=progress)
    return own, relating.judge(own, extracts)


def _on_tables(
    name: str, measure: Measure, extracts: Extracts, seed: int, progress: Progress
) -> tuple[tuple[Metric, ...], tuple[Verdict, ...]]:
    compared = [histories_of(extracts)] if _of_histories(name, measure) else []
    metrics: list[Metric] = []
    lines: list[tuple[str, Verdict]] = []
    for one in (*compared, *_tables(name, measure, extracts)):
        figures, told = measured(name, measure, one, seed, _Named(progress, one.table))
        metrics.extend(figures)
        if any(figure.status != "not_applicable" for figure in figures):
            lines.extend((one.table, line) for line in told)
    return tuple(metrics), tuple(_as_one(lines))


@dataclass(frozen=True)
class _Named:
    """Progress that says which table a measure is at."""

    progress: Progress
    table: str

    def __call__(self, step: str, done: float) -> None:
        self.progress(f"{step}: {self.table}", done)


def _family(measure: Measure) -> str:
    """The folder that the measure is in."""
    return type(measure).__module__.rsplit(".", 2)[-2]


def _of_histories(name: str, measure: Measure) -> bool:
    return name == "c2st" or (_family(measure) == "privacy" and name != "rare_values_leaked")


def _tables(name: str, measure: Measure, extracts: Extracts) -> Iterator[Comparison]:
    """The tables that a measure is asked of."""
    for table, compared in extracts.comparisons.items():
        if extracts.structure.members[table].role == "lookup":
            if name == "marginals":
                yield replace(compared, holdout=None)  # the same rows are in every real set
            continue
        asked = {
            **dict.fromkeys(_NEEDS_TARGET, compared.target is not None),
            **dict.fromkeys(_NEEDS_GROUPS, bool(compared.groups)),
            "survival": compared.survival is not None,
            "rare_values_leaked": True,
        }
        if asked.get(name, _family(measure) != "privacy"):
            yield with_ancestors(extracts, table) if name == "constraints" else compared


def _as_one(lines: Sequence[tuple[str, Verdict]]) -> Iterator[Verdict]:
    """Lines of the same name as one: the worst word, and the smallest p times their number (Bonferroni)."""
    for name in dict.fromkeys(line.name for _, line in lines):
        own = [(table, line) for table, line in lines if line.name == name]
        if len(own) == 1:
            yield own[0][1]
            continue
        worst = min(own, key=lambda pair: _WORST.index(pair[1].verdict))[1]
        tested = [line.p for _, line in own if line.p is not None]
        found = [(table, line) for table, line in own if line.verdict == worst.verdict and line.detail]
        by_detail: dict[str, list[str]] = {}
        for table, line in found:
            by_detail.setdefault(line.detail, []).append(table)
        yield replace(
            worst,
            p=min(1.0, len(tested) * min(tested)) if tested else None,
            detail="; ".join(f"{', '.join(tables)}: {detail}" for detail, tables in by_detail.items()),
        )
