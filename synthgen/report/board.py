"""A contest of models as one table of texts: a line for each figure, verdict and cost, a column for each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synthgen.metrics.result import Contender, Contest, Metric
from synthgen.report import wording
from synthgen.report.charts import Placed
from synthgen.report.numbers import figure, seconds, span
from synthgen.report.sections import flat

#: Figures of which no value is the best: they hint at copying in one direction.
_NO_BEST = ("c2st_train", "nearest_neighbour_share")


@dataclass(frozen=True)
class Cell:
    """One model's text in one line.

    Attributes:
        at: where the figure lies between floor (0) and ceiling (100), for a bar; ``None`` where there is none to draw.
        best: whether no other model has a better one.
        tone: of a verdict.
        detail: what else there is to say.
        word: of a verdict, as programs and terminals have it.
    """

    text: str
    at: float | None = None
    best: bool = False
    tone: str = ""
    detail: str = ""
    word: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the table; floor and ceiling are the means of what was measured beside each model."""

    name: str
    title: str
    meaning: str
    cells: tuple[Cell, ...]
    floor: str = ""
    ceiling: str = ""


@dataclass(frozen=True)
class Board:
    """Everything that the page shows.

    Attributes:
        models: those that were judged, in the order of the cells of every line.
        failures: the others, with the reason of each.
    """

    models: tuple[str, ...]
    figures: tuple[Line, ...]
    verdicts: tuple[Line, ...]
    costs: tuple[Line, ...]
    failures: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]


def of(contest: Contest) -> Board:
    """The table of a contest."""
    judged = [contender for contender in contest.contenders if not contender.failure]
    figures = dict.fromkeys(metric.name for contender in judged for metric in contender.metrics)
    verdicts = dict.fromkeys(verdict.name for contender in judged for verdict in contender.verdicts)
    options = [(f"options of {one.model}", flat(one.options)) for one in contest.contenders if one.options]
    return Board(
        models=tuple(contender.model for contender in judged),
        figures=tuple(_figure(name, judged) for name in figures),
        verdicts=tuple(_verdict(name, judged) for name in verdicts),
        costs=tuple(_costs(judged)) if judged else (),
        failures=tuple((one.model, one.failure) for one in contest.contenders if one.failure),
        provenance=(
            ("synthgen", contest.synthgen),
            ("seed", str(contest.seed)),
            *flat(contest.inputs),
            *flat(contest.machine, "machine: "),
            *((f"{what}: {key}", value) for what, pairs in options for key, value in pairs),
        ),
    )


def _figure(name: str, judged: Sequence[Contender]) -> Line:
    metrics = [next((metric for metric in one.metrics if metric.name == name), None) for one in judged]
    values = [metric.value for metric in metrics if metric is not None and metric.value is not None]
    best = None
    if len(values) > 1 and name not in _NO_BEST:
        lower = any(metric is not None and metric.better == "lower" for metric in metrics)
        best = figure(min(values) if lower else max(values))
    return Line(
        name,
        wording.title(name),
        wording.meaning(name),
        tuple(_value(metric, best) for metric in metrics),
        floor=figure(_mean([metric.floor for metric in metrics if metric is not None])),
        ceiling=figure(_mean([metric.ceiling for metric in metrics if metric is not None])),
    )


def _value(metric: Metric | None, best: str | None) -> Cell:
    if metric is None:
        return Cell("–")
    if metric.value is None:
        return Cell(wording.STATUS[metric.status] or "–", detail=metric.reason)
    text = figure(metric.value)
    at = None
    if metric.floor is not None and metric.ceiling is not None:
        placed = Placed(metric.name, metric.value, metric.floor, metric.ceiling, metric.better, metric.interval)
        # Shuffling leaves single columns as they are: there the way from floor to ceiling is chance.
        at = round(100 * min(max(placed.at(metric.value), 0.0), 1.0), 1) if placed.tells else None
    return Cell(text, at, text == best, detail=span(metric.interval) if metric.interval else "")


def _mean(numbers: Sequence[float | None]) -> float | None:
    there = [number for number in numbers if number is not None]
    return sum(there) / len(there) if there else None


def _verdict(name: str, judged: Sequence[Contender]) -> Line:
    cells = []
    for contender in judged:
        found = next((verdict for verdict in contender.verdicts if verdict.name == name), None)
        if found is None:
            cells.append(Cell("–"))
            continue
        symbol, words, tone = wording.VERDICTS[found.verdict]
        cells.append(Cell(f"{symbol} {words}", tone=tone, word=found.verdict.replace("_", " ")))
    return Line(name, wording.title(name), "", tuple(cells))


def _costs(judged: Sequence[Contender]) -> Iterator[Line]:
    def line(name: str, title: str, meaning: str, texts: Iterator[str]) -> Line:
        return Line(name, title, meaning, tuple(Cell(text) for text in texts))

    yield line("fit_seconds", "Fit", "From the file, reading included.", (seconds(one.fit_seconds) for one in judged))
    yield line(
        "sample_seconds",
        "Sample",
        f"{figure(judged[0].rows)} rows, as many as were learned from, writing included.",
        (seconds(one.sample_seconds) for one in judged),
    )
    yield line(
        "rows_per_second", "Rows a second", "Of sampling.", (figure(_whole(one.rows_per_second)) for one in judged)
    )
    yield line(
        "peak_mebibytes",
        "Peak memory, MiB",
        "Of the process that fitted and sampled.",
        (figure(_whole(one.peak_mebibytes)) for one in judged),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
