"""The charts of distributions: numbers and dates as stepped lines, categories as points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from synthgen.report import svg
from synthgen.report.bins import REST, bin_names, ends
from synthgen.report.numbers import percent

#: Categories drawn in one chart; the rest are shown as one.
_SHOWN_LABELS = 11


@svg.styled()
def histogram(item: Mapping[str, Any], *, key: str) -> Markup:
    """The distribution of one column in each set: bars for numbers, rows of dots for categories, missing apart."""
    drawn = _numeric(item) if item["kind"] == "numeric" else _categorical(item)
    return svg.inline(drawn.figure, label=_described(item), key=key)


def _described(item: Mapping[str, Any]) -> str:
    """What a screen reader says: where training and synthetic shares differ most, and what is missing."""
    names = bin_names(item, _edge)
    pairs = [
        (abs(synthetic - train), name, train, synthetic)
        for name, train, synthetic in zip(names, item["train"], item["synthetic"] or (), strict=False)
        if train is not None and synthetic is not None
    ]
    text = f"Distribution of {item['column']} in {len(names)} {'bins' if item['kind'] == 'numeric' else 'categories'}."
    if pairs:
        _, name, train, synthetic = max(pairs, key=lambda pair: pair[0])
        text += f" Largest difference at {name}: training {percent(train)}, synthetic {percent(synthetic)}."
    missing = item.get("missing") or {}
    shown = [f"{name} {percent(value)}" for name in ("train", "synthetic") if (value := missing.get(name)) is not None]
    return text + (f" Missing: {', '.join(shown)}." if shown else "")


def _edge(edge: Any) -> str:
    if isinstance(edge, str):
        return edge
    return f"{edge:.4g}" if abs(edge) < 1000 else f"{edge:,.0f}"


def _numeric(item: Mapping[str, Any]) -> svg.Sheet:
    """Bins of equal width on the page, whatever their edges, with missing as a bar of its own on the right."""
    sheet = svg.Sheet.of(300.0, 150.0)
    edges = ends(item)
    bins = len(edges) - 1
    missing = item.get("missing") or {}
    gap = max(0.6, bins * 0.05)
    bar = max(1.0, bins * 0.06)
    present = [name for name in ("train", "holdout", "synthetic") if item.get(name)]
    any_missing = any(missing.get(name) for name in ("train", "holdout", "synthetic"))
    shares = [value or 0.0 for name in present for value in (*item[name], missing.get(name))]
    plane = _Plane(34.5, 297.0, 127.5, 7.5, bins + (gap + bar if any_missing else 0), 1.05 * max(shares) or 1.0)
    for share in _round(plane.highest, 3):
        y = plane.y(share)
        sheet.lines([[(plane.left, y), (plane.right, y)]], color=svg.LINE, width=0.7)
        sheet.text(plane.left - 4, y + 3.5, f"{100 * share:g} %", color=svg.MUTED, size=9.5, align="right")
    for name in present:
        _stepped(sheet, plane, np.arange(bins + 1.0), item[name], name)
        if missing.get(name):
            _stepped(sheet, plane, np.array([bins + gap, bins + gap + bar]), [missing[name]], name)
    sheet.lines([[(plane.left, plane.bottom), (plane.right, plane.bottom)]], color=svg.LINE, width=0.8)
    ticks = _ticks(edges)
    if any_missing:
        ticks = [(at, text) for at, text in ticks if at < 0.78 * plane.furthest] + [(plane.furthest, "missing")]
    for at, text in ticks:
        align = "left" if at == 0 else "right" if at == plane.furthest else "center"
        sheet.text(plane.x(at), plane.bottom + 13, text, color=svg.MUTED, size=9.5, align=align)
    return sheet


@dataclass(frozen=True)
class _Plane:
    """Where numbers from 0 on lie on a sheet: the ends of the plane in pixels, and the largest number either way."""

    left: float
    right: float
    bottom: float
    top: float
    furthest: float
    highest: float

    def x(self, number: float) -> float:
        return self.left + (self.right - self.left) * number / self.furthest

    def y(self, number: float) -> float:
        return self.bottom + (self.top - self.bottom) * number / self.highest


def _round(highest: float, most: int) -> list[float]:
    """At most ``most`` and one round numbers from 0 to ``highest``, for the ends of which no line is drawn twice."""
    from matplotlib.ticker import MaxNLocator

    return [float(tick) for tick in MaxNLocator(most).tick_values(0.0, highest) if 0 <= tick <= highest]


def _ticks(edges: Sequence[Any]) -> list[tuple[float, str]]:
    """Where a histogram's axis carries which text: at most five inner bin ends, or middles where those are rounder."""
    bins = len(edges) - 1
    if any(isinstance(edge, str) for edge in edges):
        texts = _trimmed(edges)
        most = 4 if len(max(texts, key=len)) <= len("2021-12") else 2
        marks = range(1, bins, max(1, -(-(bins - 1) // most)))
        return [(mark, texts[mark]) for mark in marks if texts[mark]]
    marks = range(1, bins, max(1, -(-(bins - 1) // 4)))
    ends = [(float(mark), _edge(edges[mark])) for mark in marks if edges[mark] is not None]
    middles = [
        (mark + 0.5, _edge((edges[mark] + edges[mark + 1]) / 2))
        for mark in marks
        if edges[mark] is not None and edges[mark + 1] is not None
    ]
    return middles if middles and _mean_length(middles) < _mean_length(ends) else ends


def _mean_length(ticks: Sequence[tuple[float, str]]) -> float:
    return sum(len(text) for _, text in ticks) / len(ticks)


def _trimmed(edges: Sequence[str | None]) -> list[str]:
    """ISO dates without what all of them have: midnight, the first of the month, January."""
    texts = [edge or "" for edge in edges]
    for ending in ("T00:00", "-01-01", "-01"):
        if all(text.endswith(ending) for text in texts if text and len(text) > len("2021")):
            texts = [text.removesuffix(ending) for text in texts]
    return texts


def _stepped(sheet: svg.Sheet, plane: _Plane, edges: Any, values: Sequence[float | None], name: str) -> None:
    """One set: training filled, holdout dashed, synthetic a strong line, so that colour alone tells nothing."""
    standing = name == "train" or (name == "synthetic" and len(values) == 1)
    outlines: list[list[tuple[float, float]]] = []
    before: float | None = None
    for low, high, value in zip(edges[:-1], edges[1:], values, strict=True):
        if value is not None:
            if before is None:
                outlines.append([(plane.x(low), plane.y(0.0))] if standing else [])
            outlines[-1] += [(plane.x(low), plane.y(value)), (plane.x(high), plane.y(value))]
        elif before is not None and standing:
            outlines[-1].append((plane.x(low), plane.y(0.0)))
        before = value
    if before is not None and standing:
        outlines[-1].append((plane.x(edges[-1]), plane.y(0.0)))
    if name == "train":
        sheet.areas(outlines, color=svg.TRAIN, alpha=0.32)
        sheet.lines(outlines, color=svg.TRAIN, width=1)
    elif name == "holdout":
        sheet.lines(outlines, color=svg.HOLDOUT, width=1.3, dash=(0, (3, 2)))
    else:
        sheet.lines(outlines, color=svg.SYNTHETIC, width=1.9)


def _categorical(item: Mapping[str, Any]) -> svg.Sheet:
    """A bar for training, a tick for holdout and a dot for synthetic on each category's line."""
    lines = _lines(item)
    each, foot = 17.0, 20.0
    bottom = each * len(lines) + 2
    sheet = svg.Sheet.of(300.0, bottom + foot)
    top = max((value or 0.0 for _, *values in lines for value in values), default=1.0) or 1.0
    plane = _Plane(120.0, 292.5, bottom, 2.0, 1.04 * top, len(lines))
    for share in _round(plane.furthest, 4):
        x = plane.x(share)
        sheet.lines([[(x, bottom), (x, plane.top)]], color=svg.LINE, width=0.7)
        sheet.text(x, bottom + 13, f"{100 * share:g} %", color=svg.MUTED, size=9.5, align="center")
    sheet.lines([[(plane.left, bottom), (plane.right, bottom)]], color=svg.LINE, width=0.8)
    train, holdout, synthetic = (
        [(plane.x(x), plane.top + each * (i + 0.5)) for i, x in enumerate(shares) if x is not None]
        for shares in ([line[1] for line in lines], [line[2] for line in lines], [line[3] for line in lines])
    )
    sheet.boxes([(plane.left, y - 5.3, x, y + 5.3) for x, y in train], color=svg.TRAIN, alpha=0.4)
    sheet.lines([[(x, y - 6.8), (x, y + 6.8)] for x, y in holdout], color=svg.HOLDOUT, width=2)
    sheet.marks(synthetic, shape="o", size=6.5, color=svg.SYNTHETIC)
    for i, (name, *_) in enumerate(lines):
        y = plane.top + each * (i + 0.5)
        sheet.text(plane.left - 4, y + 3.5, svg.short(name, 19), color=svg.INK, size=9.5, align="right")
    return sheet


def _lines(item: Mapping[str, Any]) -> list[tuple[str, float | None, float | None, float | None]]:
    """Label and shares by set, without labels no set has; those beyond ``_SHOWN_LABELS`` added up, missing last."""
    labels = [str(label) for label in item["labels"]]
    sets = [item.get(name) or [None] * len(labels) for name in ("train", "holdout", "synthetic")]
    lines = [(label, values[0], values[1], values[2]) for label, *values in zip(labels, *sets, strict=True)]
    lines = [line for line in lines if line[1:] not in {(0, 0, 0), (0, None, 0)}]
    if len(lines) > _SHOWN_LABELS + 1:
        named = [i for i, line in enumerate(lines) if line[0] not in REST]
        ranked = sorted(named, key=lambda i: (-max(lines[i][1] or 0.0, lines[i][3] or 0.0), i))
        shown = sorted(ranked[:_SHOWN_LABELS])
        rest = [line for i, line in enumerate(lines) if i not in shown]
        sums = [_added([line[k] for line in rest]) for k in (1, 2, 3)]
        lines = [lines[i] for i in shown] + [("all other", sums[0], sums[1], sums[2])]
    missing = item.get("missing") or {}
    if any(missing.get(name) for name in ("train", "holdout", "synthetic")):
        lines.append(("missing", missing.get("train"), missing.get("holdout"), missing.get("synthetic")))
    return lines


def _added(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
