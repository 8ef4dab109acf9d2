"""The sections of the report as facts: what is shown, in which order, before any markup."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from synthgen.metrics.result import HISTORIES, Evaluation, Metric, Verdict
from synthgen.report import charts, histograms, wording
from synthgen.report.charts import Link, Placed
from synthgen.report.numbers import figure, percent, span
from synthgen.report.shapes import is_roc

#: Histograms drawn in the open, and drawn at all; the rest are named.
OPEN_HISTOGRAMS, DRAWN_HISTOGRAMS = 12, 60
#: Columns of a drawn matrix: more names could not be read, and an image grows with their square.
DRAWN_COLUMNS = 60
#: Worst offenders shown for each measure, and rows shown of a folded table.
OFFENDERS, TABLE_ROWS = 8, 200


@dataclass(frozen=True)
class Table:
    """A table of texts; the first column names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


@dataclass(frozen=True)
class Drawn:
    """A chart with a heading; ``ends`` says whether it lies between floor and ceiling."""

    title: str
    svg: Markup
    note: str = ""
    ends: bool = False


@dataclass(frozen=True)
class Answered:
    """One row of the self-test, in words."""

    case: str
    expected: str
    said: str
    symbol: str
    words: str
    tone: str


def self_test(evaluation: Evaluation) -> tuple[Answered, ...]:
    """What was said of generators whose faults are known."""
    return tuple(
        Answered(known.case, known.expected, known.said, *wording.ANSWERS[known.answer])
        for known in evaluation.self_test
    )


@dataclass(frozen=True)
class VerdictLine:
    """One row of the verdict table, in words."""

    verdict: Verdict
    symbol: str
    words: str
    tone: str
    detectable: str


_SEVERITY = {"leak": 0, "fail": 1, "not_assessable": 2, "none_detected": 3, "pass": 4}


def verdict_lines(evaluation: Evaluation) -> tuple[VerdictLine, ...]:
    """Every verdict, what was found first, then what is open, then the rest; else in their own order."""
    ordered = sorted(evaluation.verdicts, key=lambda verdict: _SEVERITY[verdict.verdict])
    return tuple(VerdictLine(v, *wording.VERDICTS[v.verdict], _detectable(v)) for v in ordered)


def _detectable(verdict: Verdict) -> str:
    if verdict.detectable is None:
        return "–"
    leak = wording.LEAKS.get(verdict.name, "copies of")
    return f"{leak} {percent(verdict.detectable)} of the training patients"


def tally(evaluation: Evaluation) -> str:
    """How many lines found what, in a sentence or two."""
    found = [verdict.verdict for verdict in evaluation.decisive]
    bad = sum(word in {"leak", "fail"} for word in found)
    unknown = found.count("not_assessable")
    parts = [
        f"{bad} of {_lines(len(found))} found a leak or went over a limit."
        if bad
        else f"None of {_lines(len(found))} found a leak or went over a limit.",
        f"{unknown} of them could not be assessed, and say nothing either way."
        if unknown
        else "All could be assessed.",
    ]
    apart = len(evaluation.verdicts) - len(found)
    if apart:
        parts.append(
            f"Not counted {'is' if apart == 1 else 'are'} {_lines(apart)} on the model, which stays in the house."
        )
    return " ".join(parts)


def _lines(number: int) -> str:
    return "the one line" if number == 1 else f"the {number} lines"


def headline_metrics(evaluation: Evaluation) -> list[Metric]:
    """The headline figures that were computed, in their fixed order; of several tables those of all together."""
    if of_several(evaluation):
        whole = of_table(evaluation, HISTORIES).metrics
        return [m for name in (*wording.HEADLINES, *wording.RELATIONAL) for m in whole if m.name == name]
    return [metric for name in wording.HEADLINES for metric in evaluation.metrics if metric.name == name]


def of_several(evaluation: Evaluation) -> bool:
    """Whether the evaluation is of an extract of several tables."""
    return "tables" in evaluation.inputs


def of_table(evaluation: Evaluation, table: str) -> Evaluation:
    """The same with nothing but the figures of one table."""
    return replace(evaluation, metrics=tuple(metric for metric in evaluation.metrics if metric.table == table))


def headline_chart(metrics: Sequence[Metric]) -> Drawn | None:
    """Every headline figure that has a floor and a ceiling, on one chart."""
    tables = {metric.table for metric in metrics}
    placed = [row for metric in metrics if (row := _placed(_called(metric, tables), metric))]
    if not placed:
        return None
    spoken = "; ".join(
        f"{row.name} {figure(row.value)}, floor {figure(row.floor)}, ceiling {figure(row.ceiling)}" for row in placed
    )
    return Drawn("Between floor and ceiling", charts.between(placed, label=f"Headline figures: {spoken}.", key="strip"))


def _called(metric: Metric, tables: set[str]) -> str:
    name = wording.title(metric.name)
    return f"{name} ({metric.table})" if len(tables) > 1 else name


def _placed(name: str, metric: Metric) -> Placed | None:
    if metric.value is None or metric.floor is None or metric.ceiling is None:
        return None
    return Placed(name, metric.value, metric.floor, metric.ceiling, metric.better, metric.interval)


# --- worst offenders -----------------------------------------------------------------------------------------------

_LINKS = "lost_links"
_OFFENDING = (*(_LINKS, "association", "accuracy_1", "accuracy_2", "accuracy_3", "c2st", "missingness", "marginals"),)
#: Differences of associations and of rates, and of what a classifier loses, that matter to nobody.
_TRIFLE = 0.01
#: Rates of sets of n patients each differ by as many standard errors in one of twenty cases.
_BY_CHANCE = 1.96

#: What stands where a measure could name columns or pairs and names none.
NO_OFFENDER = "Nothing stands out: no difference is larger than chance explains."


def offenders(evaluation: Evaluation, key: str = "") -> Iterator[tuple[str, Drawn | Table | str]]:
    """For each measure that names columns or pairs: its first rows, which are the worst.

    A chart where floor and ceiling are known, without the rows that are no worse than the ceiling but for chance; else
    a table; or a sentence where no row is left.

    Args:
        key: begins the names within the charts, so that those of several tables stand on one page.
    """
    named = [metric for metric in evaluation.metrics if metric.name in _OFFENDING and "rows" in metric.details]
    for number, metric in enumerate(sorted(named, key=lambda metric: _OFFENDING.index(metric.name))):
        rows = [row for row in metric.details["rows"] if _matters(row, metric)]
        if metric.name == _LINKS and rows:
            yield wording.title(_LINKS), _links(rows, f"{key}links{number}")
            continue
        placed = [place for row in rows if (place := _placed_row(row, metric))]
        worst = [place for place in placed if place.worse][:OFFENDERS]
        if worst:
            spoken = "; ".join(f"{r.name} {figure(r.value)}, ceiling {figure(r.ceiling)}" for r in worst)
            chart = charts.between(worst, label=f"Worst first: {spoken}.", key=f"{key}worst{number}")
            yield (
                wording.title(metric.name),
                Drawn(wording.title(metric.name), chart, wording.meaning(metric.name), True),
            )
        elif placed or not rows:
            yield wording.title(metric.name), NO_OFFENDER
        else:
            yield wording.title(metric.name), table(wording.meaning(metric.name), rows, OFFENDERS)


def _matters(row: Mapping[str, Any], metric: Metric) -> bool:
    """Whether a row of a table differs by more than a trifle, and a rate by more than chance explains."""
    if (lost := row.get("drop_when_shuffled")) is not None:
        return float(lost) >= _TRIFLE
    difference = row.get("difference")
    if difference is None:
        return True
    rate, patients = row.get("rate_train"), [metric.n.get(f"{name}_patients") for name in ("train", "synthetic")]
    error = 0.0
    if rate is not None and None not in patients:
        error = math.sqrt(rate * (1 - rate) * sum(1 / max(int(n), 1) for n in patients if n is not None))
    return abs(float(difference)) >= max(_TRIFLE, _BY_CHANCE * error)


def _links(rows: Sequence[Mapping[str, Any]], key: str) -> Drawn:
    """The links between two values that are lost most."""
    keys = ("level", "patients", "rate_train", "rate_holdout", "rate_synthetic", "rate_of_all")
    lost = [Link(*(row[key] for key in keys)) for row in rows[:OFFENDERS]]
    spoken = "; ".join(
        f"{link.name} ({figure(link.patients)} patients), training {percent(link.train)}, synthetic "
        f"{'nobody' if link.synthetic is None else percent(link.synthetic)}, of all {percent(link.all)}"
        for link in lost
    )
    more = f" {len(rows) - len(lost)} more are under “All figures”." if len(rows) > len(lost) else ""
    return Drawn(
        wording.title(_LINKS),
        charts.links(lost, label=f"Lost links, worst first. {spoken}.", key=key),
        "Of the patients with the value after “where”, the share with the one before it: training (bar), holdout "
        f"(tick), synthetic (dot), and of all patients (dashed tick). Right: training → synthetic.{more}",
    )


def _placed_row(row: Mapping[str, Any], metric: Metric) -> Placed | None:
    value, floor, ceiling = row.get("value", row.get("distance")), row.get("floor"), row.get("ceiling")
    if value is None or floor is None or ceiling is None:
        return None
    low, high = row.get("interval") or (None, None)
    interval = None if low is None or high is None else (low, high)
    return Placed(cell(next(iter(row.values()))), value, floor, ceiling, metric.better, interval)


# --- distributions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Distributions:
    """Charts of single columns, worst match first; ``unseen`` are the columns not drawn."""

    shown: tuple[Drawn, ...]
    folded: tuple[Drawn, ...]
    unseen: tuple[str, ...]


def distributions(evaluation: Evaluation, key: str = "") -> Distributions:
    """One chart for each column that has a histogram; what is drawn of time stands elsewhere."""
    columns = tuple(metric for metric in evaluation.metrics if metric.name not in wording.RELATIONAL)
    return drawn_distributions(replace(evaluation, metrics=columns), key)


def drawn_distributions(evaluation: Evaluation, key: str = "") -> Distributions:
    """One chart for each histogram."""
    items = [
        (metric.table, item)
        for metric in evaluation.metrics
        for item in metric.details.get("histograms") or ()
        if item.get("train") and item.get("synthetic")
    ]
    items.sort(key=lambda pair: -_distance(pair[1]))
    drawn = [
        Drawn(str(item["column"]), histograms.histogram(item, key=f"{key}h{i}"), _sizes(item))
        for i, (_, item) in enumerate(items[:DRAWN_HISTOGRAMS])
    ]
    unseen = tuple(str(item["column"]) for _, item in items[DRAWN_HISTOGRAMS:])
    return Distributions(tuple(drawn[:OPEN_HISTOGRAMS]), tuple(drawn[OPEN_HISTOGRAMS:]), unseen)


def _distance(item: Mapping[str, Any]) -> float:
    """Total variation between training and synthetic, missing values included."""
    missing = item.get("missing") or {}
    gone = [missing.get(name) or 0.0 for name in ("train", "synthetic")]
    sides = [[value or 0.0 for value in item[name]] for name in ("train", "synthetic")]
    # Shares of the cells that are there weigh as much as there are such cells.
    parts = [
        [value * (1 - away) if math.fsum(side) + away > 1 + 1e-6 else value for value in side]
        for side, away in zip(sides, gone, strict=True)
    ]
    return 0.5 * math.fsum(abs(a - b) for a, b in zip([*parts[0], gone[0]], [*parts[1], gone[1]], strict=True))


def _sizes(item: Mapping[str, Any]) -> str:
    sizes, texts = item.get("n") or {}, item.get("text_results") or {}
    names = ("train", "holdout", "synthetic")
    parts = [", ".join(f"{name} {figure(n)}" for name in names if (n := sizes.get(name)))]
    if any(texts.values()):
        parts.append("text results: " + ", ".join(f"{name} {percent(n)}" for name in names if (n := texts.get(name))))
    return "; ".join(part for part in parts if part)


# --- association and neighbours ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Association:
    """The association matrices of one table."""

    table: str
    difference: Drawn
    limit: str
    others: tuple[Drawn, ...]


def associations(evaluation: Evaluation, key: str = "") -> Iterator[Association]:
    """Training, synthetic and the difference between them, for each measure that has matrices.

    Of many columns those with the largest differences are drawn, in the order of the table.
    """
    for number, metric in enumerate(evaluation.metrics):
        matrices = metric.details.get("matrices")
        if not matrices or not matrices.get("train") or not matrices.get("synthetic"):
            continue
        names, train, synthetic = matrices["columns"], matrices["train"], matrices["synthetic"]
        apart = [
            [None if a is None or b is None else _more(a, b) for a, b in zip(*rows, strict=True)]
            for rows in zip(synthetic, train, strict=True)
        ]
        drawn, said = _furthest(apart), _largest(names, apart)
        if len(drawn) < len(names):
            said = f"{said} Drawn are the {len(drawn)} of {len(names)} columns that differ most."
        names, apart = [names[i] for i in drawn], _part(apart, drawn)
        limit = _limit(apart)
        label = f"Difference of associations, synthetic less training, {len(names)} columns. {said}"
        others = [("Training", train, "t"), ("Synthetic", synthetic, "s"), ("Holdout", matrices.get("holdout"), "h")]
        yield Association(
            metric.table,
            Drawn(
                "Difference: synthetic less training",
                charts.heatmap(apart, names, label=label, key=f"{key}m{number}d", named=True, limit=limit),
                said,
            ),
            f"{limit:g}",
            tuple(
                Drawn(
                    title,
                    charts.heatmap(
                        _part(matrix, drawn),
                        names,
                        label=f"Associations in the {title.lower()} set.",
                        key=f"{key}m{number}{k}",
                        named=False,
                    ),
                )
                for title, matrix, k in others
                if matrix
            ),
        )


def _furthest(apart: Sequence[Sequence[float | None]]) -> list[int]:
    """The columns to be drawn, ascending: all, or those of which some difference is largest."""
    largest = [max((abs(value) for value in row if value is not None), default=0.0) for row in apart]
    return sorted(sorted(range(len(apart)), key=lambda i: -largest[i])[:DRAWN_COLUMNS])


def _part(matrix: Sequence[Sequence[float | None]], columns: Sequence[int]) -> list[list[float | None]]:
    return [[matrix[i][j] for j in columns] for i in columns]


def _limit(apart: Sequence[Sequence[float | None]]) -> float:
    """The difference that is drawn solid: a round number that none exceeds."""
    largest = max((abs(value) for row in apart for value in row if value is not None), default=1.0)
    return next((round_number for round_number in (0.1, 0.2, 0.5) if largest <= round_number), max(1.0, largest))


def _more(a: float, b: float) -> float:
    """By how much ``a`` is the stronger association; of signed ones, how far they are apart."""
    return a - b if a * b < 0 else (abs(a) - abs(b))


def _largest(names: Sequence[str], apart: Sequence[Sequence[float | None]]) -> str:
    """The pair with the largest difference, in a sentence."""
    pairs = [(abs(v), v, names[i], names[j]) for i, row in enumerate(apart) for j, v in enumerate(row[:i]) if v]
    if not pairs:
        return "No pair differs."
    _, value, one, other = max(pairs, key=lambda pair: pair[0])
    return f"Largest difference: {other} with {one}, {'+' if value > 0 else ''}{figure(value)}."


def neighbours(evaluation: Evaluation) -> Iterator[Drawn]:
    """The curves of every measure that has them."""
    for number, metric in enumerate(evaluation.metrics):
        lines = metric.details.get("curves") or ()
        if not lines or is_roc(metric):  # which stands with the attacks
            continue
        named = [f"{line['name']} (median {figure(m)})" if (m := _median(line)) else line["name"] for line in lines]
        label = f"{wording.title(metric.name)}: " + "; ".join(map(str, named)) + "."
        x_label, y_label = (str(metric.details.get(key) or "") for key in ("x_label", "y_label"))
        chart = charts.curves(lines, x_label=x_label, y_label=y_label, label=label, key=f"c{number}")
        yield Drawn(wording.title(metric.name), chart, "; ".join(map(str, named)))


def _median(line: Mapping[str, Any]) -> float | None:
    """Where a rising curve of shares passes one half."""
    reached = [x for x, y in zip(line["x"], line["y"], strict=True) if y >= 0.5]
    return reached[0] if reached and line["y"][-1] <= 1 and line["y"][0] < 0.5 else None


# --- everything ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Folded:
    """One figure with everything behind it."""

    metric: Metric
    title: str
    meaning: str
    facts: tuple[tuple[str, str], ...]
    table: Table | None


def everything(evaluation: Evaluation) -> list[tuple[str, list[Folded]]]:
    """Every metric, by family."""
    groups = []
    for family, name in wording.FAMILIES.items():
        metrics = [metric for metric in evaluation.metrics if metric.family == family]
        if metrics:
            groups.append((name, [_folded(metric) for metric in metrics]))
    return groups


def _folded(metric: Metric) -> Folded:
    facts = [
        ("Status", wording.STATUS[metric.status]),
        ("Reason", metric.reason),
        ("95 % interval", span(metric.interval) if metric.interval else ""),
        ("Floor", figure(metric.floor) if metric.floor is not None else ""),
        ("Ceiling", figure(metric.ceiling) if metric.ceiling is not None else ""),
        ("Better", metric.better if metric.value is not None else ""),
        ("Sample sizes", ", ".join(f"{name.replace('_', ' ')} {figure(n)}" for name, n in metric.n.items())),
        ("Columns", ", ".join(metric.columns)),
        ("Table", metric.table),
        ("Name in evaluation.json", metric.name),
    ]
    rows = metric.details.get("rows") or metric.details.get("groups") or ()
    shown = table(f"Details of {wording.title(metric.name).lower()}", rows, TABLE_ROWS) if rows else None
    facts = [(key, value) for key, value in facts if value]
    return Folded(metric, wording.title(metric.name), wording.meaning(metric.name), tuple(facts), shown)


def table(caption: str, rows: Sequence[Mapping[str, Any]], most: int) -> Table:
    """Rows of details as texts, at most ``most`` of them."""
    head = tuple(rows[0])
    texts = tuple(tuple(cell(row.get(key)) for key in head) for row in rows[:most])
    return Table(caption, tuple(key.replace("_", " ") for key in head), texts, max(0, len(rows) - most))


def cell(value: Any) -> str:
    """A value of a details row as text."""
    if value is None or isinstance(value, int | float):
        return figure(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        texts = all(isinstance(item, str) for item in value)
        return (" × " if texts else " to " if len(value) == 2 else ", ").join(cell(item) for item in value)
    return str(value)


def provenance(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Seed, version and inputs as pairs of name and value."""
    return [
        ("synthgen", evaluation.synthgen),
        ("seed", str(evaluation.seed)),
        *flat(evaluation.inputs),
    ]


def flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as pairs of a name, which starts with ``before``, and a text."""
    for key, value in values.items():
        name = f"{before}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}: ")
        elif value is not None and value != []:
            yield name, ", ".join(value) if _is_names(value) else cell(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
