"""What an evaluation says: figures that carry their context, verdicts that carry their power. Plain values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FORMAT_VERSION = 1
#: The verdict lines that bear on the fitted model, not on the records that it makes.
OF_THE_MODEL = ("membership_by_model",)
#: What stands where a table's name does, in figures of an extract as a whole: one record for each patient.
HISTORIES = "patient histories"

Family = Literal["fidelity", "utility", "privacy", "fairness"]
Status = Literal["ok", "not_applicable", "not_assessable"]
Word = Literal["leak", "none_detected", "not_assessable", "pass", "fail"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure.

    Attributes:
        name: the fixed name of the figure (``accuracy_1``, ``c2st``, ...).
        table: whose figure it is; ``HISTORIES`` for that of all tables together.
        columns: the columns it speaks of; empty for the whole table.
        status: ``ok``, or why there is no value, with ``reason`` in words.
        interval: 95 % interval of the expected value.
        floor: what columns resampled independently from the training set score, at the same size.
        ceiling: what the holdout scores in the synthetic set's place, at the same size.
        better: whether higher or lower values are better.
        unit: of ``value``, for example ``"share"`` or ``"AUC"``.
        n: sample sizes by name.
        details: tables and series behind the figure; JSON values only (see ``metrics/base.py`` for the known shapes).
    """

    name: str
    family: Family
    table: str
    columns: tuple[str, ...] = ()
    status: Status = "ok"
    reason: str = ""
    value: float | None = None
    interval: tuple[float, float] | None = None
    floor: float | None = None
    ceiling: float | None = None
    better: Literal["higher", "lower"] = "higher"
    unit: str = ""
    n: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One line a data protection officer reads.

    Attributes:
        metric: the name of the metric it rests on.
        p: of the test behind it, already corrected for the number of lines where that applies.
        detectable: the smallest leak the line could have seen, as a share of training patients.
        threshold: the limit that decided, with where it comes from in ``source``.
    """

    name: str
    verdict: Word
    metric: str
    p: float | None = None
    detectable: float | None = None
    threshold: float | None = None
    detail: str = ""
    source: str = ""


Answer = Literal["as_expected", "not_as_expected", "not_assessable"]


@dataclass(frozen=True, kw_only=True)
class KnownAnswer:
    """What was said of a generator whose faults are known.

    Attributes:
        case: which generator stood in the place of the synthetic records.
        expected: what had to be said of it.
        said: what was said.
        answer: whether the two agree; ``not_assessable`` where the data are too few for the case.
    """

    case: str
    expected: str
    said: str
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything one run of ``evaluate`` found; the one input of every report.

    Attributes:
        required: the verdict lines that the policy insists on.
        records_only: whether by the policy the records alone are to leave the house, and the model stays.
        self_test: what was said of generators whose faults are known; empty where that was not asked for.
    """

    seed: int
    synthgen: str
    inputs: Mapping[str, Any]
    verdicts: tuple[Verdict, ...]
    metrics: tuple[Metric, ...]
    required: tuple[str, ...] = ()
    records_only: bool = False
    self_test: tuple[KnownAnswer, ...] = ()

    @property
    def decisive(self) -> tuple[Verdict, ...]:
        """The verdict lines that bear on what is to leave the house."""
        return tuple(line for line in self.verdicts if not (self.records_only and line.name in OF_THE_MODEL))

    def metric(self, name: str) -> Metric:
        """The first metric of that name. Raises ``KeyError`` where there is none."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One model of a contest: what it cost, and how its records were judged; or why there are none.

    Attributes:
        model: its name.
        options: that differ from its defaults.
        failure: why there are no records, in one line; empty where there are.
        fit_seconds: reading included.
        sample_seconds: writing included.
        rows: generated, as many as were learned from.
        peak_mebibytes: the most memory that the process held by the end of sampling; ``None`` where the system does not
            tell.
        metrics: headline figures, without details.
    """

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    fit_seconds: float | None = None
    sample_seconds: float | None = None
    rows: int | None = None
    peak_mebibytes: float | None = None
    metrics: tuple[Metric, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def rows_per_second(self) -> float | None:
        """Of sampling."""
        return self.rows / self.sample_seconds if self.rows and self.sample_seconds else None


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Several models, learned from the same patients and judged against the same others.

    Attributes:
        inputs: as of an evaluation, without the synthetic set.
        machine: on which the seconds were measured.
        notes: what was guessed about the data, a line each; empty where a config was given.
    """

    seed: int
    synthgen: str
    inputs: Mapping[str, Any]
    machine: Mapping[str, Any]
    contenders: tuple[Contender, ...]
    notes: tuple[str, ...] = ()
