"""The shareable form of a whole evaluation."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.metrics.result import Evaluation, Metric, Verdict
from synthgen.report.bins import REST
from synthgen.report.shapes import group_rows
from synthgen.report.shareable.curves import rounded_matrices, shown_curves
from synthgen.report.shareable.figures import shown_counts, shown_headline
from synthgen.report.shareable.grain import SMALLEST, count
from synthgen.report.shareable.groups import of_worst_group, shown_groups
from synthgen.report.shareable.histograms import shown_histogram
from synthgen.report.shareable.rows import shown_attack, shown_rows
from synthgen.report.shareable.sizes import TABLES, Sizes, is_size, rows_each, sizes_of
from synthgen.report.shareable.words import EXACT, is_texts, without_numbers, words_of

#: What stands beside a figure that was held back.
_HELD_BACK = f"stands for fewer than {SMALLEST} patients, or its complement does: not shown"
# Measures of single records, of the internal report only.
_INTERNAL = frozenset({"vulnerable_records"})
# Figures of the synthetic set alone, which whoever has it can compute.
_OF_SYNTHETIC = frozenset({"key_integrity"})
_INPUT_TEXTS = frozenset("model audience software python numpy versions version mode".split())
# What the user asked for, and names that the config and the program have; no figure of the data.
_SETTINGS = frozenset({"policy"})
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
        _metric(metric, sizes_of(metric, evaluation.inputs))
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
        self_test=tuple(dataclasses.replace(known, said=without_numbers(known.said)) for known in evaluation.self_test),
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


def _inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes on the grain of counts and software versions; neither paths nor hashes."""
    kept: dict[str, Any] = {}
    each = rows_each(inputs) if is_size(inputs.get("patients")) else 1
    for key, value in inputs.items():
        words = words_of(key)
        if isinstance(value, bool):
            kept[key] = value
        elif key == TABLES and isinstance(value, Mapping):  # whose names may be any words
            kept[key] = {name: _inputs(told) for name, told in value.items()}
        elif isinstance(value, Mapping):
            whole = key in _SETTINGS or (key in {"versions", "software"} and _all_text(value))
            inner = dict(value) if whole else _inputs(value)
            kept.update({key: inner} if inner else {})
        elif isinstance(value, int):
            size = value if set(words) <= EXACT else count(value, each if "rows" in words else 1)
            kept.update({key: size} if size is not None and not {"seed", "effective"} & set(words) else {})
        elif (isinstance(value, str) and key in _INPUT_TEXTS) or (key in _INPUT_NAMES and is_texts(value)):
            kept[key] = value
    return kept


def _all_text(value: Mapping[str, Any]) -> bool:
    return all(isinstance(item, str) for item in value.values())


def _verdict(verdict: Verdict, hidden: frozenset[str]) -> Verdict:
    return dataclasses.replace(
        verdict,
        p=None if verdict.p is None else max(0.001, round(verdict.p, 3)),
        detectable=None if verdict.detectable is None else float(f"{verdict.detectable:.2g}"),
        detail="" if _tells(verdict.detail, hidden) else without_numbers(verdict.detail),
    )


def _metric(metric: Metric, known: Sizes) -> Metric:
    if metric.name in _OF_SYNTHETIC:
        return dataclasses.replace(metric, ceiling=None, floor=None, n={}, details={})
    sizes = known.narrowed(metric.n)
    rows = group_rows(metric)
    shown = of_worst_group(metric, rows, sizes) if rows else lambda each: shown_headline(metric, each, sizes)
    value = shown(metric.value)
    low, high = (shown(end) for end in metric.interval or (None, None))
    held_back = metric.value is not None and value is None
    return dataclasses.replace(
        metric,
        value=value,
        interval=None if low is None or high is None or value is None else (low, high),
        floor=shown(metric.floor),
        ceiling=shown(metric.ceiling),
        reason=_HELD_BACK if held_back else without_numbers(metric.reason),
        n=shown_counts(metric.n, sizes.rows_each),
        details=_details(metric, sizes, dataclasses.replace(sizes, of={**sizes.of, **known.of})),
    )


def _details(metric: Metric, sizes: Sizes, whole: Sizes) -> dict[str, Any]:
    """The known shapes of details, each by its own rule; any other is left out.

    Histograms are of ``whole`` sets, also where the figure itself is of a sample of them.
    """
    kept: dict[str, Any] = {}
    weighed = metric.details.get("rows_by_patient")  # the same rows, with every patient weighing the same
    by_patient = dataclasses.replace(sizes, of=sizes.patients)
    if rows := shown_rows(metric, weighed or metric.details.get("rows"), by_patient if weighed else sizes):
        kept["rows"] = rows
    if histograms := [h for item in metric.details.get("histograms") or () if (h := shown_histogram(item, whole))]:
        kept["histograms"] = histograms
    if matrices := rounded_matrices(metric.details.get("matrices"), sizes):
        kept["matrices"] = matrices
    if curves := shown_curves(metric.details, sizes):
        kept.update(curves)
    if groups := shown_groups(metric.details.get("groups"), sizes):
        kept["groups"] = groups
    if attacks := [one for item in metric.details.get("attacks") or () if (one := shown_attack(item, sizes))]:
        kept["attacks"] = attacks
    return kept
