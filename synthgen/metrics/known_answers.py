"""What the evaluator says of generators whose faults are known, made of the user's own real records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.floor import independent
from synthgen.metrics.identity import pooled
from synthgen.metrics.judging import judged
from synthgen.metrics.result import Answer, KnownAnswer, Metric, Verdict
from synthgen.progress import Progress, silent

#: Each of the three sets has at most so many patients and rows, so that the whole test takes less than two minutes.
MOST_PATIENTS = 2_000
MOST_ROWS = 4_000
#: With fewer patients in each set nothing is tested.
FEWEST_PATIENTS = 20
#: The share of the training patients whose records are planted in the smallest leak.
PLANTED = 0.01
#: A leak of a given size must be seen by a line that would have seen one half as large in 80 % of plantings.
CERTAIN = 0.5
#: Half widths of a 95 % interval that make a difference: about four standard deviations of it.
WIDTHS = 3.0
#: Draws of the perfect generator: one in twenty is accused by design, and hardly one in four hundred twice.
DRAWS = 2

PERFECT, COPY, PART, SHUFFLED = "perfect stand-in", "full copy", "copy of one per cent", "shuffled columns"
#: What has to be said of each generator.
EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        PERFECT: "no leak, and not told from the holdout better than real records are",
        COPY: "a leak, from every line that would have seen one of half the size",
        PART: "a leak, unless every line says that so small a leak cannot be seen here",
        SHUFFLED: "pairs of columns at the floor, and told from the holdout as well as the floor is",
    }
)


def known_answers(
    comparison: Comparison, measures: Mapping[str, Measure], *, seed: int, progress: Progress = silent
) -> tuple[KnownAnswer, ...]:
    """The answers to four generators: a perfect one, a full copy, a copy of one per cent, and shuffled columns.

    The real patients (training and holdout together, a random part of them where they are many) are dealt into three
    sets of equal size: a training set, a holdout, and the records of a perfect generator, which come from the same
    distribution and owe nothing to the training set. The synthetic records themselves take no part.

    The perfect generator has two draws, since the lines together accuse one in twenty by design.

    Args:
        measures: by name; those with verdict lines, ``accuracy`` and ``c2st`` are used.
    """
    lines = {name: measure for name, measure in measures.items() if type(measure).judge is not Measure.judge}
    fidelity = {name: measure for name, measure in measures.items() if name in ("accuracy", "c2st")}
    rng = np.random.default_rng([seed, *b"known answers"])
    dealt = [_dealt(comparison, rng) for _ in range(DRAWS)]
    if dealt[0].train.n_patients < FEWEST_PATIENTS:
        return tuple(_answer(case, _TOO_FEW, "not_assessable") for case in EXPECTED)
    test = _Test(lines, fidelity, seed, progress)
    train, stand_in = dealt[0].train, dealt[0].synthetic
    planted = max(1, round(PLANTED * train.n_patients))
    return (
        test.perfect(dealt),
        test.leak(COPY, replace(dealt[0], synthetic=train), 1.0),
        test.leak(
            PART,
            replace(dealt[0], synthetic=_with_copies(stand_in, train, planted, rng)),
            planted / train.n_patients,
        ),
        test.shuffled(replace(dealt[0], synthetic=independent(train, train.n, rng))),
    )


@dataclass(frozen=True, eq=False)
class _Test:
    lines: Mapping[str, Measure]
    fidelity: Mapping[str, Measure]
    seed: int
    progress: Progress

    def perfect(self, dealt: Sequence[Comparison]) -> KnownAnswer:
        """A second draw where the first was accused."""
        said: list[str] = []
        for draw, compared in enumerate(dealt):
            metrics, verdicts = self._judged(PERFECT, compared, {**self.lines, **self.fidelity}, draw)
            c2st = _figure(metrics, "c2st")
            accused = [line.name for line in verdicts if line.verdict in ("leak", "fail")]
            told = c2st is not None and c2st.above_ceiling
            said.append(_lines_said(verdicts) + (f"; {c2st.said}" if c2st else ""))
            if not accused and not told:
                assessed = any(line.verdict != "not_assessable" for line in verdicts)
                return _answer(
                    PERFECT, " | at a second draw: ".join(said), "as_expected" if assessed else "not_assessable"
                )
        return _answer(PERFECT, " | at a second draw: ".join(said), "not_as_expected")

    def leak(self, case: str, compared: Comparison, share: float) -> KnownAnswer:
        """A share of the training patients shows in the synthetic records."""
        _, verdicts = self._judged(case, compared, self.lines)
        found = [line for line in verdicts if line.verdict in ("leak", "fail")]
        must = [line for line in verdicts if line.detectable is not None and line.detectable <= CERTAIN * share]
        # Each must see a full copy. Of a part some line must: a line may see leaks of one group alone, or of one sort.
        blind = [line for line in must if line not in found] if share == 1 else must if not found else []
        answer: Answer = "not_as_expected" if blind else "as_expected" if found else "not_assessable"
        smallest = min((line.detectable for line in verdicts if line.detectable is not None), default=None)
        visible = "" if smallest is None else f"; smallest visible leak {100 * smallest:.2g} % of patients"
        return _answer(case, _lines_said(verdicts) + visible, answer)

    def shuffled(self, compared: Comparison) -> KnownAnswer:
        """Associations are gone."""
        metrics, _ = self._judged(SHUFFLED, compared, self.fidelity)
        figures = [figure for name in ("accuracy_2", "c2st") if (figure := _figure(metrics, name))]
        telling = [figure for figure in figures if figure.apart]
        if not telling:
            reason = "shuffling makes no difference that so many records could show"
            return _answer(SHUFFLED, "; ".join([*(figure.said for figure in figures), reason]), "not_assessable")
        held = all(figure.nearer_floor for figure in telling)
        return _answer(
            SHUFFLED, "; ".join(figure.said for figure in figures), "as_expected" if held else "not_as_expected"
        )

    def _judged(
        self, case: str, compared: Comparison, measures: Mapping[str, Measure], draw: int = 0
    ) -> tuple[tuple[Metric, ...], tuple[Verdict, ...]]:
        def progress(_step: str, done: float) -> None:
            self.progress(f"self-test: {case}", done)

        return judged(measures, compared, seed=self.seed + draw, progress=progress)


@dataclass(frozen=True)
class _Figure:
    """A figure of fidelity with the half width of its interval."""

    name: str
    value: float
    floor: float
    ceiling: float
    half: float

    @property
    def said(self) -> str:
        return f"{self.name} {self.value:.3f} (floor {self.floor:.3f}, ceiling {self.ceiling:.3f})"

    @property
    def above_ceiling(self) -> bool:
        return self.value - self.ceiling > WIDTHS * self.half

    @property
    def apart(self) -> bool:
        """Whether floor and ceiling can be told apart."""
        return abs(self.floor - self.ceiling) > 2 * WIDTHS * self.half

    @property
    def nearer_floor(self) -> bool:
        return abs(self.value - self.floor) < abs(self.value - self.ceiling)


def _figure(metrics: Sequence[Metric], name: str) -> _Figure | None:
    """The figure of that name; ``None`` where it has no value, floor, ceiling or interval."""
    for metric in metrics:
        if metric.name == name and metric.value is not None and metric.interval is not None:
            low, high = metric.interval
            if metric.floor is not None and metric.ceiling is not None:
                return _Figure(name, metric.value, metric.floor, metric.ceiling, (high - low) / 2)
    return None


def _dealt(comparison: Comparison, rng: np.random.Generator) -> Comparison:
    """The real patients in three sets of equally many: training, holdout, and a perfect generator's records."""
    real = pooled(*(records for records in (comparison.train, comparison.holdout) if records is not None))
    order = rng.permutation(real.n_patients)
    size = min(real.n_patients // 3, MOST_PATIENTS)
    rows = np.bincount(real.patient, minlength=real.n_patients)[order]
    sums = np.cumsum(rows[: 3 * size])
    size = min(size, int(np.searchsorted(sums, 3 * MOST_ROWS, side="right")) // 3)
    train, holdout, stand_in = (_of(real, order[part * size : (part + 1) * size]) for part in range(3))
    return replace(comparison, train=train, holdout=holdout, synthetic=stand_in)


def _of(records: Records, patients: NDArray[np.int64]) -> Records:
    """The records of some patients, who are numbered anew."""
    return pooled(records.take(np.flatnonzero(np.isin(records.patient, patients))))


def _with_copies(stand_in: Records, train: Records, patients: int, rng: np.random.Generator) -> Records:
    """The records with those of some patients replaced by those of as many training patients."""
    kept = _of(stand_in, np.arange(patients, stand_in.n_patients))
    return pooled(kept, _of(train, rng.choice(train.n_patients, patients, replace=False)))


def _lines_said(verdicts: Sequence[Verdict]) -> str:
    """The lines by what they said."""
    words = dict.fromkeys(line.verdict for line in verdicts)
    by_word = {word: [line.name.replace("_", " ") for line in verdicts if line.verdict == word] for word in words}
    said = [f"{word.replace('_', ' ')}: {', '.join(names)}" for word, names in by_word.items()]
    return "; ".join(said) or "no line"


def _answer(case: str, said: str, answer: Answer) -> KnownAnswer:
    return KnownAnswer(case=case, expected=EXPECTED[case], said=said, answer=answer)


_TOO_FEW: Final = (
    f"not tried: there are fewer than {3 * FEWEST_PATIENTS} real patients, or a few of them have nearly all rows"
)
