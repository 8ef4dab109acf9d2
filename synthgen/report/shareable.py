"""The form of an evaluation that may leave the house: nothing in it stands for fewer than eleven patients.

The rule that makes it safe is one of arithmetic. Every count is a multiple of ``COUNT_STEP``, and every share of a set
of ``n`` patients is a multiple of a step that stands for at least ``SMALLEST`` of them. Sums and differences of such
figures are again such multiples, so a small cell cannot be recovered by subtracting from a total or from another table.
A share or count of *rows* is taken to be of as few patients as it can be: of those with most rows.
What is not known to be safe (an unknown key, a free text with a number in it, an unknown shape) is left out.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.result import HISTORIES, Evaluation, Metric, Verdict
from synthgen.report.bins import OTHER, REST, ends
from synthgen.report.shapes import group_rows

#: The smallest number of patients that a published figure may stand for.
SMALLEST = 11
#: Counts are published as multiples of this; it is at least ``SMALLEST``, so differences of counts are safe too.
COUNT_STEP = 20
#: What stands beside a figure that was held back.
HELD_BACK = f"stands for fewer than {SMALLEST} patients, or its complement does: not shown"

SETS = ("train", "holdout", "synthetic")

# Words that a row's key may be made of, by what the figure under it is. A key with any other word is left out.
_NAMES = frozenset(
    "column columns table link pair triple target metric measure model learner task set attack subset family status "
    "group".split()
)
_SCORES = frozenset(
    "accuracy auc c2st floor ceiling ks wasserstein tv variation total error difference delta association spearman "
    "cramers v correlation gap importance gain brier r2 slope calibration score overlap standardised p z excess alone "
    "drop when shuffled distance risk low high log ratio epsilon lower".split()
)
_SHARES = frozenset("missing rate share coverage proportion fraction violations copies tpr fpr recall".split())
_SETS = frozenset("train holdout synthetic real value interval to of on the at and".split())
_COUNTS = frozenset("n rows patients records count".split())
# Beside a rate these say whose it is, and are no name: `attack_rate`, `control_rate`.
_WHOSE = frozenset("attack control".split())
_EXACT = frozenset("columns pairs links tables permutations repeats folds seeds subsets coefficients targets".split())
#: Grains of log ratios of odds; a ratio that needs a coarser one is held back.
_LOG_GRAINS = (0.05, 0.1, 0.2, 0.5, 1.0)

# Measures whose figures are averages or test statistics over many patients, not shares of patients.
_SCORE_METRICS = re.compile(
    r"accuracy_\d|c2st.*|association.*|tstr.*|marginals|distances|distance_ratios|nearest_neighbour_share|missingness.*|"
    r"children_per_parent|gaps|transitions|parent_child_association"
)
# Means over tables or pairs of columns of which there may be one.
_OF_FEW = frozenset({"children_per_parent", "gaps", "transitions", "association_strong"})
# Figures of the synthetic set alone, which whoever has it can compute.
_OF_SYNTHETIC = frozenset({"key_integrity"})
# Of all tables together, means of shares of rows, of whichever table has the fewest patients behind them.
_MEANS_OF_SHARES = frozenset({"time_order", "date_window"})
# Of those, the ones whose rows hold shares of patients under `train`, `synthetic` and the like.
_SHARE_ROWS = re.compile(r"missingness|nearest_neighbour_share")
_SCORE_UNITS = frozenset(
    {"auc", "accuracy", "r2", "correlation", "distance", "difference", "auc difference", "overlap", "concordance"}
    | {"standard errors"}
)
# Risks rest on attacks on few thousand patients, so a fine figure would tell single successes.
_COARSE_UNITS = frozenset({"risk", "relative f1"})
# Measures of single records, of the internal report only.
_INTERNAL = frozenset({"vulnerable_records"})
_COUNT_UNITS = frozenset({"count", "values", "rows", "records", "patients", "copies", "labels"})

_NUMBER_IN_WORDS = re.compile(r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|single|only|once|twice)\b", re.I)
_INPUT_TEXTS = frozenset("model audience software python numpy versions version mode".split())
# What the user asked for, and names that the config and the program have; no figure of the data.
_SETTINGS = frozenset({"policy"})
_TABLES = "tables"
_INPUT_NAMES = frozenset({"not_run", "columns_not_compared", "tables_not_judged"})


def redact(evaluation: Evaluation) -> Evaluation:
    """The evaluation without any figure, label, bin or curve step that stands for fewer than ``SMALLEST`` patients.

    Left out: measures of single records, minima and maxima, hashes and paths of inputs, per-record values, free texts
    with numbers in them, and every key and shape of details that is not known to be safe. Histograms of numbers are
    moved to round bin edges with open ends; categories with fewer than ``SMALLEST`` training patients are merged. A
    share ``s`` of ``n`` patients is rounded to the smallest of .001, .002, .005, .01, .02, .05, .1 that stands for
    ``SMALLEST`` patients. Sets of fewer than 110 patients show no shares at all. Figures of a group are shown where the
    group and the rest of every set have ``SMALLEST`` patients, on a grain of the group's own size. A free text that
    names a label or group which is not shown itself is left out.
    """
    metrics = tuple(
        _metric(metric, _sizes_of(metric, evaluation.inputs))
        for metric in evaluation.metrics
        if metric.name not in _INTERNAL
    )
    hidden = _labels(evaluation.metrics) - _labels(metrics)
    return dataclasses.replace(
        evaluation,
        inputs=_inputs(evaluation.inputs),
        verdicts=tuple(_verdict(verdict, hidden) for verdict in evaluation.verdicts),
        metrics=tuple(
            dataclasses.replace(metric, reason="") if _tells(metric.reason, hidden) else metric for metric in metrics
        ),
        self_test=tuple(dataclasses.replace(known, said=_text(known.said)) for known in evaluation.self_test),
    )


def _labels(metrics: Sequence[Metric]) -> frozenset[str]:
    """Every label of a histogram and every name of a group, and the level in it."""
    found: set[str] = set()
    for metric in metrics:
        for item in metric.details.get("histograms") or ():
            found.update(str(label) for label in item.get("labels") or ())
        for name in (*(str(row["group"]) for row in group_rows(metric)), *(metric.details.get("not_assessed") or ())):
            found.update({name, *re.split(r"\s*(?:[=:,&×]| and )\s*", name)})
    return frozenset(found - REST - {""})


def _tells(text: str, hidden: frozenset[str]) -> bool:
    """Whether a text holds one of the labels as a word or words of its own."""
    return any(re.search(rf"(?<!\w){re.escape(label)}(?!\w)", text) for label in hidden if label in text)


def step(n: int | None) -> float | None:
    """The grain of a published share of ``n`` patients: at least ``SMALLEST`` of them; ``None`` for too few."""
    if n is None:
        return None
    return next((grain for grain in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1) if grain * n >= SMALLEST), None)


def share(value: float | None, n: int | None) -> float | None:
    """A share of ``n`` patients on its grain, ``None`` where it or its complement is a small cell."""
    grain = step(n)
    if value is None or grain is None or n is None or not 0 <= value <= 1:
        return None
    if min(value, 1 - value) * n < SMALLEST:
        return None
    return round(min(max(round(value / grain) * grain, grain), 1 - grain), 6)


def count(value: float | None, rows_each: int = 1) -> int | None:
    """A count on the published grain, ``None`` where it is small.

    Args:
        rows_each: of rows, how many the ten patients with most have on average, rounded up; 1 for patients.
    """
    if value is None or value < SMALLEST * rows_each:
        return None
    grain = COUNT_STEP * rows_each
    return max(grain, grain * round(value / grain))


def _score(value: float | None, grain: float) -> float | None:
    """A figure that is no share of patients: on a grid of ``grain`` within [-1, 1], else two significant digits."""
    if value is None:
        return None
    if abs(value) <= 1:
        return round(round(value / grain) * grain, 6)
    return float(f"{value:.2g}")


def _text(text: str) -> str:
    """A free text, unless a number could hide in it."""
    return "" if _NUMBER_IN_WORDS.search(text) else text


def _words(key: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", key.lower()) if word]


# --- inputs and verdicts -------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Sizes:
    """How many patients each set of a figure stands for, and the rows that the patients with most rows have each."""

    of: Mapping[str, int]
    patients: Mapping[str, int]
    rows_each: int = 1

    @property
    def least(self) -> int | None:
        return min(self.of.values(), default=None)

    @property
    def fewest_patients(self) -> int | None:
        """Of the smallest set, whatever the numbers of their rows: what scores and associations rest on."""
        return min(self.patients.values(), default=None)

    @property
    def grain(self) -> float:
        """The grain of scores of one column."""
        return max(0.01, step(self.fewest_patients) or 0.1)

    def narrowed(self, n: Mapping[str, Any]) -> _Sizes:
        """With the sizes of one figure, the smaller number of each set counting."""
        of, patients = dict(self.of), dict(self.patients)
        for key, value in n.items():
            name = key.removesuffix("_patients")
            if name in SETS and isinstance(value, int):
                for sizes in (of, patients):
                    sizes[name] = min(value, sizes.get(name, value))
        return _Sizes(of, patients, self.rows_each)


def _known_sizes(inputs: Mapping[str, Any]) -> _Sizes:
    """The sizes of the sets, where the inputs tell them."""
    told = {name: inputs[name] for name in SETS if isinstance(inputs.get(name), Mapping)}
    sizes = {name: _effective(one) for name, one in told.items() if _is_size(one.get("patients"))}
    each = [_rows_each(told[name]) for name in sizes]
    return _Sizes(sizes, {name: told[name]["patients"] for name in sizes}, max(each, default=1))


def _sizes_of(metric: Metric, inputs: Mapping[str, Any]) -> _Sizes:
    """The sizes of the table that a figure is of, where the inputs tell them table by table."""
    tables = inputs.get(_TABLES)
    if not isinstance(tables, Mapping):
        return _known_sizes(inputs)
    if metric.table == HISTORIES and metric.name in _MEANS_OF_SHARES:
        each = [_known_sizes(told) for told in tables.values()]
        fewest = {name: min(one.of[name] for one in each if name in one.of) for one in each for name in one.of}
        return dataclasses.replace(_known_sizes(tables.get(HISTORIES, {})), of=fewest)
    return _known_sizes(tables.get(metric.table, {}))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _effective(told: Mapping[str, Any]) -> int:
    """How many patients the rows of a set stand for: ten would hold ten times as large a part of them.

    Where a set does not say, ten patients may hold all rows but one of each other patient.
    """
    patients, rows = int(told["patients"]), told.get("rows")
    if not isinstance(rows, int) or rows <= patients:
        return patients
    effective = told.get("effective_patients")
    if not isinstance(effective, int):
        effective = _FEW * rows // (rows - max(patients - _FEW, 0))
    return min(patients, effective)


def _rows_each(told: Mapping[str, Any]) -> int:
    rows = told.get("rows")
    return max(1, math.ceil(rows / max(_effective(told), 1))) if isinstance(rows, int) else 1


_FEW = SMALLEST - 1


def _inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes on the grain of counts and software versions; neither paths nor hashes."""
    kept: dict[str, Any] = {}
    each = _rows_each(inputs) if _is_size(inputs.get("patients")) else 1
    for key, value in inputs.items():
        words = _words(key)
        if isinstance(value, bool):
            kept[key] = value
        elif key == _TABLES and isinstance(value, Mapping):  # whose names may be any words
            kept[key] = {name: _inputs(told) for name, told in value.items()}
        elif isinstance(value, Mapping):
            whole = key in _SETTINGS or (key in {"versions", "software"} and _all_text(value))
            inner = dict(value) if whole else _inputs(value)
            kept.update({key: inner} if inner else {})
        elif isinstance(value, int):
            size = value if set(words) <= _EXACT else count(value, each if "rows" in words else 1)
            kept.update({key: size} if size is not None and not {"seed", "effective"} & set(words) else {})
        elif (isinstance(value, str) and key in _INPUT_TEXTS) or (key in _INPUT_NAMES and _is_texts(value)):
            kept[key] = value
    return kept


def _all_text(value: Mapping[str, Any]) -> bool:
    return all(isinstance(item, str) for item in value.values())


def _verdict(verdict: Verdict, hidden: frozenset[str]) -> Verdict:
    return dataclasses.replace(
        verdict,
        p=None if verdict.p is None else max(0.001, round(verdict.p, 3)),
        detectable=None if verdict.detectable is None else float(f"{verdict.detectable:.2g}"),
        detail="" if _tells(verdict.detail, hidden) else _text(verdict.detail),
    )


# --- metrics -------------------------------------------------------------------------------------------------------


def _metric(metric: Metric, known: _Sizes) -> Metric:
    if metric.name in _OF_SYNTHETIC:
        return dataclasses.replace(metric, ceiling=None, floor=None, n={}, details={})
    sizes = known.narrowed(metric.n)
    rows = group_rows(metric)
    shown = _of_groups(metric, rows, sizes) if rows else lambda each: _headline(metric, each, sizes)
    value = shown(metric.value)
    low, high = (shown(end) for end in metric.interval or (None, None))
    held_back = metric.value is not None and value is None
    return dataclasses.replace(
        metric,
        value=value,
        interval=None if low is None or high is None or value is None else (low, high),
        floor=shown(metric.floor),
        ceiling=shown(metric.ceiling),
        reason=HELD_BACK if held_back else _text(metric.reason),
        n=_counts(metric.n, sizes.rows_each),
        details=_details(metric, sizes, dataclasses.replace(sizes, of={**sizes.of, **known.of})),
    )


def _headline(metric: Metric, value: float | None, sizes: _Sizes) -> float | None:
    if metric.unit.lower() in _COUNT_UNITS:
        return count(value, sizes.rows_each)
    if metric.unit.lower() in _COARSE_UNITS:
        return _score(value, sizes.grain)
    if metric.unit == "share of labels":  # coarse: a finer share would tell how few rare labels there are
        return _score(value, 0.05)
    if metric.unit == "share of links":  # each of which may rest on few patients
        return _score(value, 0.05) if metric.n.get("links", 0) >= SMALLEST else None
    if _SCORE_METRICS.fullmatch(metric.name) or metric.unit.lower() in _SCORE_UNITS:
        # A mean over columns, or over a whole model, is no figure of one distribution.
        fine = (len(metric.columns) != 1 and metric.name not in _OF_FEW) or metric.family == "utility"
        return _score(value, 0.001 if fine else sizes.grain)
    return share(value, sizes.least)


def _counts(n: Mapping[str, Any], rows_each: int) -> dict[str, int]:
    kept = {}
    for key, value in n.items():
        words = set(_words(key))
        size = value if words <= _EXACT else count(value, 1 if "patients" in words else rows_each)
        if size is not None:
            kept[key] = size
    return kept


def _details(metric: Metric, sizes: _Sizes, whole: _Sizes) -> dict[str, Any]:
    """The known shapes of details, each by its own rule; any other is left out.

    Histograms are of ``whole`` sets, also where the figure itself is of a sample of them.
    """
    kept: dict[str, Any] = {}
    weighed = metric.details.get("rows_by_patient")  # the same rows, with every patient weighing the same
    by_patient = dataclasses.replace(sizes, of=sizes.patients)
    if rows := _rows(metric, weighed or metric.details.get("rows"), by_patient if weighed else sizes):
        kept["rows"] = rows
    if histograms := [h for item in metric.details.get("histograms") or () if (h := _histogram(item, whole))]:
        kept["histograms"] = histograms
    if matrices := _matrices(metric.details.get("matrices"), sizes):
        kept["matrices"] = matrices
    if curves := _curves(metric.details, sizes):
        kept.update(curves)
    if groups := _groups(metric.details.get("groups"), sizes):
        kept["groups"] = groups
    if attacks := [one for item in metric.details.get("attacks") or () if (one := _attack(item, sizes))]:
        kept["attacks"] = attacks
    return kept


# --- rows ----------------------------------------------------------------------------------------------------------


def _rows(metric: Metric, rows: Any, sizes: _Sizes) -> list[dict[str, Any]]:
    """Rows that each speak of a different column, pair or model; rows about levels or records are left out whole."""
    if not isinstance(rows, list | tuple) or not rows:
        return []
    keys = list(rows[0])
    if keys[:1] == ["group"]:
        return _groups(rows, sizes)
    if keys[:2] == ["band", "labels"]:
        return [shown for row in rows if (shown := _band(row))]
    if not keys or not set(_words(keys[0])) <= _NAMES or any(list(row) != keys for row in rows):
        return []
    names = [key for key in keys if set(_words(key)) <= _NAMES]
    if len({tuple(str(row[key]) for key in names) for row in rows}) < len(rows):
        return []
    figures = [key for key in keys if key not in names and _is_known(key)]
    if not figures:
        return []
    kept = []
    for row in rows:
        named = {key: row[key] for key in names if isinstance(row[key], str) or _is_texts(row[key])}
        kept.append(named | {key: _cell(metric, key, row[key], sizes) for key in figures})
    return kept


def _is_known(key: str) -> bool:
    words = set(_words(key))
    return words <= _SCORES | _SHARES | _SETS | _COUNTS or ("rate" in words and words <= _SHARES | _WHOSE)


def _groups(rows: Any, sizes: _Sizes) -> list[dict[str, Any]]:
    """Figures of groups of patients: without groups that are small, or all but a small rest, in any set told of.

    A row whose sizes are not told is left out. That a group is not there tells no more than that it is small: the
    sizes of the others are too coarse to subtract.
    """
    return [shown for row in rows if (shown := _group(row, sizes))] if isinstance(rows, list | tuple) else []


def _group(row: Mapping[str, Any], sizes: _Sizes) -> dict[str, Any] | None:
    """One group, its shares on the grain of their set, its figures on a grain of its own size."""
    told = _group_sizes(row)
    if not isinstance(row.get("group"), str) or not told or not all(_large(k, n, sizes) for k, n in told.items()):
        return None
    kept: dict[str, Any] = {"group": row["group"]}
    grain = max(0.01, step(min(told.values())) or 0.1)
    log_grain = _log_grain(row.get("patients"), sizes.patients.get("train"))
    for key, value in row.items():
        if key in told:
            kept[key] = count(value)
        elif key.startswith("share_"):
            kept[key] = share(value, sizes.patients.get(key.removeprefix("share_")))
        elif key in {"log_ratio", "log_ratio_holdout"}:
            kept[key] = _rounded(value, log_grain)
        elif "interval" in _words(key):
            rounded = partial(_rounded, grain=log_grain) if "log_ratio" in row else partial(_score, grain=grain)
            kept[key] = value and [rounded(end) for end in value]
        elif _is_known(key) and (value is None or isinstance(value, int | float)):
            kept[key] = _score(value, grain)
    return kept


def _group_sizes(row: Mapping[str, Any]) -> dict[str, int]:
    """What a row says of how many patients the group has, by key."""
    return {key: row[key] for key in row if "patients" in _words(key) and _is_size(row[key])}


def _large(key: str, patients: int, sizes: _Sizes) -> bool:
    """Whether a group of so many patients and what remains of its set are both large enough."""
    named = next((name for name in SETS if name in _words(key)), "train")
    whole = sizes.patients.get(named)
    return patients >= SMALLEST and (whole is None or patients >= whole or whole - patients >= SMALLEST)


def _log_grain(inside: int | None, whole: int | None) -> float | None:
    """The grain of a log ratio of odds that eleven patients more or fewer in the group would not move further.

    Else, since the synthetic share is known to whoever has the synthetic records, the real one could be worked out.
    """
    if inside is None or whole is None or min(inside, whole - inside) < SMALLEST:
        return None
    moved = SMALLEST * (1 / inside + 1 / (whole - inside))
    return next((grain for grain in _LOG_GRAINS if grain >= moved), None)


def _rounded(value: float | None, grain: float | None) -> float | None:
    return None if value is None or grain is None else round(round(value / grain) * grain, 6)


def _of_groups(
    metric: Metric, rows: Sequence[Mapping[str, Any]], sizes: _Sizes
) -> Callable[[float | None], float | None]:
    """How the headline of the worst group is rounded: as though it were the smallest group that is spoken of."""
    fewest = min((size for row in rows for size in _group_sizes(row).values()), default=0)
    if metric.unit == "log ratio":
        grain = _log_grain(fewest, sizes.patients.get("train"))
        return lambda value: _rounded(value, grain)
    return lambda value: None if fewest < SMALLEST else _score(value, max(0.01, step(fewest) or 0.1))


def _band(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Coverage of the labels of a band of counts, where each label of it is one of eleven training patients or more."""
    first = int(re.sub(r"\D.*", "", row["band"].lstrip(">"))) + row["band"].startswith(">")
    if first < SMALLEST:
        return None
    return {"band": row["band"]} | {
        key: _score(value, 0.05) for key, value in row.items() if key.startswith("coverage_")
    }


def _attack(item: Mapping[str, Any], sizes: _Sizes) -> dict[str, Any] | None:
    """One attack: its scores, and its ROC curve where that is long enough on a grain of eleven patients."""
    if not isinstance(item.get("attack"), str) or step(sizes.fewest_patients) is None or not _text(item["attack"]):
        return None
    kept: dict[str, Any] = {"attack": item["attack"]}
    if isinstance(item.get("columns"), str) or _is_texts(item.get("columns")):
        kept["columns"] = item["columns"]
    for key in ("auc", "p", "epsilon_lower"):
        if isinstance(value := item.get(key), int | float):
            kept[key] = _score(value, sizes.grain)
    if item.get("fpr") and item.get("tpr"):
        curve = _curve({"name": item["attack"], "x": item["fpr"], "y": item["tpr"]}, sizes.fewest_patients)
        kept |= {} if curve is None else {"fpr": curve["x"], "tpr": curve["y"]}
    return kept


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _cell(metric: Metric, key: str, value: Any, sizes: _Sizes) -> Any:
    """One figure of a row by what its key says that it is."""
    if isinstance(value, list | tuple):
        return [_cell(metric, key, item, sizes) for item in value]
    if value is None or isinstance(value, str | bool) or not isinstance(value, int | float):
        return None
    words = set(_words(key))
    if words & _COUNTS:
        return count(value, 1 if "patients" in words else sizes.rows_each)
    if words & _SHARES and not words & {"difference", "delta", "gap"}:
        return share(value, sizes.least)
    if words & _SCORES - {"floor", "ceiling", "to"}:
        return _score(value, sizes.grain)
    scores = _SCORE_METRICS.fullmatch(metric.name) and not _SHARE_ROWS.fullmatch(metric.name)
    return _score(value, sizes.grain) if scores else share(value, sizes.least)


# --- histograms ----------------------------------------------------------------------------------------------------


def _histogram(item: Mapping[str, Any], sizes: _Sizes) -> dict[str, Any] | None:
    """One histogram on safe bins or labels; ``None`` where the training set is too small for any."""
    shares, missing, units, whole = _by_patient(item) or _by_row(item, sizes)
    shares = {name: values for name, values in shares.items() if step(units[name]) is not None}
    if "train" not in shares:
        return None
    if item.get("temporal"):
        binned = _on_coarse_dates(item["edges"], shares, units)
    elif item.get("kind") == "numeric":
        binned = _on_round_edges(ends(item), shares, units)
    else:
        binned = _without_small_labels(item.get("labels") or (), shares, units)
    if binned is None:
        return None
    axis, shares = binned
    return {
        "column": item["column"],
        "kind": item["kind"],
        **({"temporal": item["temporal"]} if "temporal" in item else {}),
        **axis,
        **{name: _cells(shares[name], units[name]) if name in shares else None for name in SETS},
        "n": {name: count(units[name]) for name in shares},
        "missing": {name: share(missing[name], whole[name]) for name in shares},
    }


_Whole = dict[str, int | None]
_Sides = tuple[dict[str, NDArray[np.float64]], dict[str, float | None], _Whole, _Whole]


def _by_patient(item: Mapping[str, Any]) -> _Sides | None:
    """By set: shares, the share of missing, patients with a cell and all patients, each patient weighing the same."""
    sides = {name: side for name, side in (item.get("by_patient") or {}).items() if name in SETS and side}
    if not sides:
        return None
    return (
        {name: np.asarray(side["shares"], dtype=float) for name, side in sides.items()},
        {name: side["missing"] for name, side in sides.items()},
        {name: int(side["patients"]) for name, side in sides.items()},
        {name: int(side["of"]) for name, side in sides.items()},
    )


def _by_row(item: Mapping[str, Any], sizes: _Sizes) -> _Sides:
    """The same of a measure that counts rows, as though they were of as many patients as the rows stand for."""
    narrowed = sizes.narrowed(item.get("n") or {})
    shares = {name: np.asarray(item[name], dtype=float) for name in SETS if item.get(name)}
    missing = {name: (item.get("missing") or {}).get(name) for name in shares}
    units = {name: _present(values, missing[name], narrowed.of.get(name)) for name, values in shares.items()}
    return shares, missing, units, {name: narrowed.of.get(name) for name in shares}


def _present(values: NDArray[np.float64], missing: float | None, n: int | None) -> int | None:
    """Of ``n`` patients, those that the shares speak of: where they sum to 1 beside a missing share, the rest of it."""
    if n is None:
        return None
    apart = missing is not None and float(values.sum()) + missing > 1 + 1e-6
    return math.floor(n * (1 - (missing or 0.0))) if apart else n


def _cells(values: NDArray[np.float64], n: int | None) -> list[float | None]:
    """Shares on their grain, small cells ``None``. A cell may be everything: nothing is then left to subtract."""
    grain = step(n)
    if grain is None or n is None:
        return [None] * len(values)
    return [
        round(min(max(round(value / grain) * grain, grain), 1.0), 6) if value * n >= SMALLEST else None
        for value in (float(value) for value in values)
    ]


def _on_round_edges(
    edges: Sequence[Any], shares: Mapping[str, NDArray[np.float64]], units: Mapping[str, int | None]
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]] | None:
    """The shares moved to bins between round numbers, spread evenly within a bin, first and last bin open.

    The edges depend on where the middle nine tenths of the training set lie, so no minimum or maximum shows in them,
    nor in the width of the bins, unless the measure's own bins were so wide for an extreme that this middle is blurred.
    """
    if len(edges) < 3 or any(isinstance(edge, str) for edge in edges) or any(edge is None for edge in edges[1:-1]):
        return None
    known = slice(0 if edges[0] is not None else 1, len(edges) if edges[-1] is not None else len(edges) - 1)
    at = np.asarray(edges[known], dtype=float)
    below = {name: np.concatenate([[0.0], np.cumsum(values)])[known] for name, values in shares.items()}
    train, whole = below["train"], {name: float(values.sum()) for name, values in shares.items()}
    low, high = (float(np.interp(q * whole["train"], train, at)) for q in (0.05, 0.95))
    round_edges = _round_numbers(low, high)
    counts = np.interp(round_edges, at, train) * (units["train"] or 0)
    total = whole["train"] * (units["train"] or 0)
    kept: list[int] = []
    for i, number in enumerate(counts):
        if number - (counts[kept[-1]] if kept else 0.0) >= SMALLEST and total - number >= SMALLEST:
            kept.append(i)
    if not kept:
        return None
    inner = [round_edges[i] for i in kept]
    moved = {
        name: np.diff(np.concatenate([[0.0], np.interp(inner, at, below[name]), [whole[name]]])) for name in shares
    }
    return {"edges": [None, *inner, None]}, moved


def _on_coarse_dates(
    edges: Sequence[str], shares: Mapping[str, NDArray[np.float64]], units: Mapping[str, int | None]
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]] | None:
    """The bins joined to whole years, or to whole months where they are within few years, or to whole hours of a day.

    Edges lie in the middle nine tenths of the training set only, so the first and the last date stay unknown.
    """
    train, n = shares["train"], units["train"] or 0
    below = np.cumsum(train)[:-1]
    inside = [i for i in range(len(edges)) if 0.05 * train.sum() <= below[i] <= 0.95 * train.sum()]
    grids = ((_coarse(edges, inside, ending), length) for ending, length in (("-01-01", 4), ("-01", 7), (":00", 5)))
    coarse, length = next(((grid, length) for grid, length in grids if len(grid) > 2), ([], 0))
    kept: list[int] = []
    for i in coarse:
        if (below[i] - (below[kept[-1]] if kept else 0.0)) * n >= SMALLEST and (train.sum() - below[i]) * n >= SMALLEST:
            kept.append(i)
    if not kept:
        return None
    moved = {name: np.add.reduceat(values, [0, *(i + 1 for i in kept)]) for name, values in shares.items()}
    return {"edges": [None, *(edges[i][:length] for i in kept), None]}, moved


def _coarse(edges: Sequence[str], inside: Sequence[int], ending: str) -> list[int]:
    """The edges that lie on the first day of a year, of a month, or on a full hour of the clock."""
    if ending == ":00":
        return [i for i in inside if len(edges[i]) == len("00:00") and edges[i].endswith(ending)]
    return [i for i in inside if edges[i].removesuffix("T00:00").endswith(ending)]


def _round_numbers(low: float, high: float) -> list[float]:
    """About ten multiples of 1, 2 or 5 times a power of ten, between ``low`` and ``high``."""
    if not high > low:
        return []
    raw = (high - low) / 10
    power = 10.0 ** math.floor(math.log10(raw))
    width = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / width - 1e-9)
    return [float(f"{i * width:.12g}") for i in range(first, math.floor(high / width + 1e-9) + 1)]


def _without_small_labels(
    labels: Sequence[Any], shares: Mapping[str, NDArray[np.float64]], units: Mapping[str, int | None]
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Labels of too few training patients merged into ``OTHER``, with what the measure itself had merged.

    ``OTHER`` is there even where nothing was merged: else its presence would tell that someone has a rare label. No
    second label is merged to hide how small it is, for the same reason; the grain of shares hides that already.
    """
    train = shares["train"] * (units["train"] or 0)
    kept = [i for i, label in enumerate(labels) if train[i] >= SMALLEST and label not in REST]
    rest = [i for i in range(len(labels)) if i not in kept]
    moved = {
        name: np.asarray([*(float(values[i]) for i in kept), float(sum(values[i] for i in rest))])
        for name, values in shares.items()
    }
    return {"labels": [*(str(labels[i]) for i in kept), OTHER]}, moved


# --- matrices and curves -------------------------------------------------------------------------------------------


def _matrices(matrices: Any, sizes: _Sizes) -> dict[str, Any] | None:
    """Associations of pairs, rounded; they are measured over the whole set, so no cell of it shows."""
    if not isinstance(matrices, Mapping) or step(sizes.fewest_patients) is None:
        return None
    kept: dict[str, Any] = {"columns": list(matrices.get("columns") or ())}
    for name in SETS:
        if matrix := matrices.get(name):
            kept[name] = [[_score(value, sizes.grain) for value in row] for row in matrix]
    return kept


def _curves(details: Mapping[str, Any], sizes: _Sizes) -> dict[str, Any] | None:
    """Rising curves of shares (distributions, ROC) at every twentieth; others are left out."""
    kept = [curve for item in details.get("curves") or () if (curve := _curve(item, sizes.least))]
    if not kept:
        return None
    labels = {key: _text(str(details.get(key) or "")) for key in ("x_label", "y_label")}
    return {"curves": kept, **labels}


def _curve(item: Mapping[str, Any], n: int | None) -> dict[str, Any] | None:
    x, y = np.asarray(item["x"], dtype=float), np.asarray(item["y"], dtype=float)
    rising = len(x) > 1 and len(x) == len(y) and bool(np.all(np.diff(x) >= 0) and np.all(np.diff(y) >= 0))
    if not rising or n is None or step(n) is None or y[0] < 0 or y[-1] > 1 or _text(str(item["name"])) == "":
        return None
    levels = [q / 20 for q in range(1, 20) if min(q, 20 - q) / 20 * n >= SMALLEST and y[0] <= q / 20 <= y[-1]]
    if not levels:
        return None
    at = [float(value) for value in np.interp(levels, y, x)]
    if x[0] >= 0 and x[-1] <= 1:  # may be a false-positive rate: then its steps are shares of patients as well
        points = [(share(value, n), level) for value, level in zip(at, levels, strict=True)]
    else:
        width = _grain_of(at)
        points = [(round(value / width) * width, level) for value, level in zip(at, levels, strict=True)]
    shown = [(float(f"{value:.6g}"), level) for value, level in points if value is not None]
    if not shown:
        return None
    return {"name": item["name"], "x": [value for value, _ in shown], "y": [level for _, level in shown]}


def _grain_of(values: Sequence[float]) -> float:
    """A power of ten below a twentieth of the values' span."""
    span = max(values) - min(values) or abs(values[0]) or 1.0
    return 10.0 ** math.floor(math.log10(span / 20))
