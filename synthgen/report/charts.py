"""The charts of the report, each drawn from plain values on a page of any width and colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from markupsafe import Markup

from synthgen.report import svg
from synthgen.report.numbers import figure, percent


@dataclass(frozen=True)
class Placed:
    """A figure beside its floor and its ceiling, with its 95 % interval where there is one."""

    name: str
    value: float
    floor: float
    ceiling: float
    better: Literal["higher", "lower"]
    interval: tuple[float, float] | None = None

    @property
    def ordered(self) -> bool:
        """Whether the ceiling is better than the floor; of single columns it is not, since shuffling keeps them."""
        return self.ceiling > self.floor if self.better == "higher" else self.ceiling < self.floor

    @property
    def tells(self) -> bool:
        """Whether there is a way from the floor to the ceiling: whether they differ by more than two such figures do.

        Nothing but the interval of the value tells how far chance moves a figure of that size.
        """
        return self.ordered and abs(self.ceiling - self.floor) > self._noise

    @property
    def worse(self) -> bool:
        """Whether the value is worse than the ceiling by more than chance explains."""
        short = self.ceiling - self.value if self.better == "higher" else self.value - self.ceiling
        return short > self._noise

    @property
    def _noise(self) -> float:
        """How far apart two figures are by chance in nineteen of twenty cases, as far as that is known."""
        low, high = self.interval or (self.value, self.value)
        # An interval of a share ends at 0 or 1, so that its longer side tells more.
        return math.sqrt(2) * max(self.value - low, high - self.value)

    def at(self, number: float) -> float:
        """Where ``number`` lies: 0 at the floor, 1 at the ceiling, where these differ."""
        return (number - self.floor) / (self.ceiling - self.floor)


@svg.styled()
def between(rows: Sequence[Placed], *, label: str, key: str) -> Markup:
    """Floor on the left, ceiling on the right, the value and its interval on one axis; a line for each row.

    Where floor and ceiling cannot be told apart there is no axis, and the line says so.
    """
    width, foot = 400.0, 2.0
    ends = np.cumsum([0.0, *(54.0 if row.tells else 44.0 for row in rows)])
    sheet = svg.Sheet.of(width, float(ends[-1]) + foot)
    left, right = 26.0, width - 26.0
    for row, start in zip(rows, ends, strict=False):
        y = float(start) + 29.0
        sheet.text(left, y - 13, svg.short(row.name, 36), color=svg.INK, size=13)
        sheet.text(right, y - 13, figure(row.value), color=svg.INK, size=13, align="right")
        if not row.tells:
            alike = "is as good but for chance" if row.ordered else "is no worse"
            no_bar = f"ceiling {figure(row.ceiling)}; no bar: the floor, {figure(row.floor)}, {alike}"
            sheet.text(left, y + 3, no_bar, color=svg.MUTED, size=11.5)
            continue
        sheet.lines([[(left, y), (right, y)]], color=svg.TRACK, width=6, ends="round")
        x = _clipped(row.at(row.value), left, right)
        if row.interval is not None:
            low, high = sorted(_clipped(row.at(end), left, right) for end in row.interval)
            sheet.lines([[(low, y), (high, y)]], color=svg.SYNTHETIC, width=6, alpha=0.45)
        sheet.lines([[(end, y - 6), (end, y + 6)] for end in (left, right)], color=svg.MUTED, width=1.2)
        sheet.text(left, y + 19, figure(row.floor), color=svg.MUTED, size=11.5)
        sheet.text(right, y + 19, figure(row.ceiling), color=svg.MUTED, size=11.5, align="right")
        outside = not -_BEYOND < row.at(row.value) < 1 + _BEYOND
        shape = ("<" if x < left else ">") if outside else "o"
        sheet.marks([(x, y)], shape=shape, size=9, color=svg.SYNTHETIC, edge_width=1.2)
    return svg.inline(sheet.figure, label=label, key=key)


_BEYOND = 0.07


def _clipped(place: float, left: float, right: float) -> float:
    return left + (right - left) * min(max(place, -_BEYOND), 1 + _BEYOND)


@svg.styled()
def heatmap(
    matrix: Sequence[Sequence[float | None]],
    columns: Sequence[str],
    *,
    label: str,
    key: str,
    named: bool,
    limit: float = 1.0,
) -> Markup:
    """A square from ``-limit`` (solid, one hue) over 0 (the page shows through) to ``limit`` (the other hue).

    With ``named``, rows carry the columns' names and numbers, and columns the numbers.
    """
    k = len(columns)
    width = 520.0 if named else 250.0
    margin = 150.0 if named else 2.0
    side = width - margin - 2
    size = min(10.0, max(5.5, side / max(k, 1) * 0.62))
    head = 16.0 if named else 2.0
    fig = svg.canvas(width, side + head + 2)
    ax = fig.add_axes((margin / width, 2 / (side + head + 2), side / width, side / (side + head + 2)))
    ax.imshow(_tinted(matrix, limit), interpolation="none", aspect="equal", extent=(0, k, k, 0))
    ax.set_facecolor("none")
    for spine in ax.spines.values():
        spine.set_color(svg.LINE)
    ax.set_xticks([])
    ax.set_yticks([])
    if named:
        centres = [i + 0.5 for i in range(k)]
        ax.xaxis.tick_top()
        every = 1 if k <= 30 else 5
        ax.set_xticks(centres[every - 1 :: every], [str(i) for i in range(every, k + 1, every)])
        ax.set_yticks(centres, [f"{svg.short(name, 22)} {i}" for i, name in enumerate(columns, 1)])
        ax.tick_params(colors=svg.MUTED, labelsize=size, length=0, pad=2)
    return svg.inline(fig, label=label, key=key)


# Two hues that differ in lightness as well, so that sign survives grey print and colour blindness of either kind.
_POSITIVE, _NEGATIVE = (0.76, 0.25, 0.05), (0.10, 0.42, 0.75)


def _tinted(matrix: Sequence[Sequence[float | None]], limit: float) -> Any:
    """Hue by sign and opacity by size, so the same picture works on light and on dark pages."""
    values = np.array([[0.0 if value is None else value for value in row] for row in matrix], dtype=float)
    values = np.clip(values / limit, -1, 1)
    hue = np.where(values[..., None] >= 0, np.array(_POSITIVE), np.array(_NEGATIVE))
    return np.concatenate([hue, np.abs(values)[..., None] ** 0.8], axis=-1)


_STYLES: tuple[tuple[str, Any, float], ...] = (
    (svg.SYNTHETIC, "-", 2.2),
    (svg.HOLDOUT, (0, (5, 2)), 1.8),
    (svg.TRAIN, "-", 1.4),
    (svg.MUTED, ":", 1.6),
)


@svg.styled()
def curves(
    lines: Sequence[Mapping[str, Any]], *, x_label: str, y_label: str, label: str, key: str, stepped: bool = False
) -> Markup:
    """Lines over a common axis, told apart by dash and width as well as colour; named in a legend above.

    Args:
        stepped: a line stays at its value, a share of those at the beginning, until the next.
    """
    width, rows = 440.0, len(lines)
    head = 16.0 * rows + 6
    height = 210.0 + head
    fig = svg.canvas(width, height)
    ax = fig.add_axes((0.13, 40 / height, 0.84, (height - 48 - head) / height))
    for i, line in enumerate(lines):
        colour, dash, weight = _STYLES[i % len(_STYLES)]
        style = "steps-post" if stepped else "default"
        ax.plot(line["x"], line["y"], color=colour, linestyle=dash, lw=weight, drawstyle=style)
        _key_line(fig, i, (colour, dash, weight), str(line["name"]), height)
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    svg.plain_axes(ax)
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_formatter(ScalarFormatter())
    if stepped:
        ax.set_ylim(0, 1.02)
    ax.set_xlabel(svg.short(x_label, 60), color=svg.MUTED, fontsize=10.5)
    ax.set_ylabel(svg.short(y_label, 34), color=svg.MUTED, fontsize=10.5)
    return svg.inline(fig, label=label, key=key)


#: The smallest rate on the axes of a ROC curve.
_LOWEST = 0.001


@svg.styled()
def roc(lines: Sequence[Mapping[str, Any]], *, label: str, key: str) -> Markup:
    """True against false positives, both on logarithmic axes, so that what is reached at few false ones shows.

    Args:
        lines: each with ``name``, ``fpr`` and ``tpr``; guessing is drawn too.
    """
    width, head = 430.0, 20.0 + 16 * (len(lines) + 1)
    height = 250.0 + head
    fig = svg.canvas(width, height)
    ax = fig.add_axes((0.15, 44 / height, 0.79, (height - 52 - head) / height))
    named = [
        *((str(line["name"]), line["fpr"], line["tpr"]) for line in lines),
        ("guessing", [_LOWEST, 1], [_LOWEST, 1]),
    ]
    for i, (name, x, y) in enumerate(named):
        guess = i == len(named) - 1
        colour, dash, weight = (svg.MUTED, (0, (1, 2)), 1.2) if guess else _STYLES[i % len(_STYLES)]
        shown = [
            (a, max(b, _LOWEST)) for a, b in zip(x, y, strict=True) if a is not None and b is not None and a >= _LOWEST
        ]
        # Few points are marked, since between them nothing is known.
        mark = "o" if len(shown) <= 20 and not guess else None
        ax.plot(
            [a for a, _ in shown], [b for _, b in shown], color=colour, linestyle=dash, lw=weight, marker=mark, ms=4
        )
        _key_line(fig, i, (colour, dash, weight), name, height)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(_LOWEST, 1)
    ax.set_ylim(_LOWEST, 1.15)
    svg.plain_axes(ax)
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator([0.001, 0.01, 0.1, 1]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    ax.tick_params(pad=6)
    ax.grid(axis="x", color=svg.LINE, lw=0.7)
    ax.set_xlabel("false positives: real patients who were not learned from", color=svg.MUTED, fontsize=10.5)
    ax.set_ylabel("true positives", color=svg.MUTED, fontsize=10.5)
    return svg.inline(fig, label=label, key=key)


def _key_line(fig: Any, i: int, style: tuple[str, Any, float], name: str, height: float) -> None:
    """The i-th line of the key above a chart."""
    from matplotlib.lines import Line2D

    colour, dash, weight = style
    y = 1 - (12 + 16 * i) / height
    fig.add_artist(Line2D([0.13, 0.2], [y, y], color=colour, linestyle=dash, lw=weight))
    fig.text(0.22, y - 4 / height, svg.short(name, 48), color=svg.INK, fontsize=11)


@dataclass(frozen=True)
class Estimate:
    """A coefficient from real and from synthetic records: low end, estimate and high end of either."""

    name: str
    real: tuple[float, float, float]
    synthetic: tuple[float, float, float]


@svg.styled()
def estimates(rows: Sequence[Estimate], *, label: str, key: str) -> Markup:
    """Two lines for each coefficient on one axis: the real interval above, the synthetic one below; and both numbers.

    An axis that one large coefficient would stretch ends at three times the median; a pointer says that more is beyond.
    """
    width, each, foot = 440.0, 46.0, 24.0
    height = each * len(rows) + foot
    sheet = svg.Sheet.of(width, height)
    left, right = 26.0, width - 26.0
    reach = [max(map(abs, (*row.real, *row.synthetic))) for row in rows]
    furthest = min(max(reach), 3 * float(np.median(reach))) or 1.0

    def at(number: float) -> float:
        return left + (right - left) * (min(max(number / furthest, -1.0), 1.0) + 1) / 2

    sheet.lines([[(at(0.0), 24), (at(0.0), height - foot + 4)]], color=svg.LINE, width=1)
    for i, row in enumerate(rows):
        y = each * i + 18.0
        sheet.text(left, y, svg.short(row.name, 44), color=svg.INK, size=12)
        both = f"{figure(row.real[1])}, {figure(row.synthetic[1])}"
        sheet.text(right, y, both, color=svg.MUTED, size=11, align="right")
        lines = ((10, row.real, svg.TRAIN, "s"), (20, row.synthetic, svg.SYNTHETIC, "o"))
        for below, (start, estimate, end), colour, mark in lines:
            sheet.lines([[(at(start), y + below), (at(end), y + below)]], color=colour, width=3, alpha=0.5)
            shape = mark if abs(estimate) <= furthest else "<" if estimate < 0 else ">"
            sheet.marks([(at(estimate), y + below)], shape=shape, size=6, color=colour, edge_width=0.8)
    for number in (-furthest, 0.0, furthest):
        sheet.text(at(number), height - 4, figure(number), color=svg.MUTED, size=11, align="center")
    return svg.inline(sheet.figure, label=label, key=key)


@dataclass(frozen=True)
class Link:
    """Of the patients with one value, the share with another: in each set, and of all training patients."""

    name: str
    patients: int
    train: float
    holdout: float | None
    synthetic: float | None
    all: float


@svg.styled()
def links(rows: Sequence[Link], *, label: str, key: str) -> Markup:
    """A line for each link, from nobody to all: training a bar, holdout and all patients ticks, synthetic a dot."""
    width, each = 440.0, 48.0
    sheet = svg.Sheet.of(width, each * len(rows) + 2)
    left, right = 26.0, width - 100.0

    def at(share: float) -> float:
        return left + (right - left) * share

    for i, row in enumerate(rows):
        y = each * i + 31.0
        sheet.text(left, y - 13, svg.short(row.name, 62), color=svg.INK, size=11.5)
        sheet.lines([[(left, y), (right, y)]], color=svg.TRACK, width=9)
        sheet.boxes([(left, y - 4.5, at(row.train), y + 4.5)], color=svg.TRAIN, alpha=0.4)
        sheet.lines([[(at(row.all), y - 7), (at(row.all), y + 7)]], color=svg.MUTED, width=1.2, dash=(0, (2, 1.5)))
        if row.holdout is not None:
            sheet.lines([[(at(row.holdout), y - 7), (at(row.holdout), y + 7)]], color=svg.HOLDOUT, width=2)
        if row.synthetic is not None:
            sheet.marks([(at(row.synthetic), y)], shape="o", size=8, color=svg.SYNTHETIC, edge_width=1.2)
        shares = " → ".join("nobody" if share is None else percent(share) for share in (row.train, row.synthetic))
        sheet.text(width - 6, y + 4, shares, color=svg.INK, size=11.5, align="right")
    return svg.inline(sheet.figure, label=label, key=key)


@dataclass(frozen=True)
class OfGroup:
    """A figure of one group of patients, with what is known beside it."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    floor: float | None = None
    ceiling: float | None = None

    @property
    def numbers(self) -> list[float]:
        return [self.value, *(self.interval or ()), *(x for x in (self.floor, self.ceiling) if x is not None)]


@svg.styled()
def by_group(rows: Sequence[OfGroup], *, label: str, key: str) -> Markup:
    """Every group on one axis: the value with its interval, floor and ceiling as ticks."""
    width, each, foot = 400.0, 40.0, 24.0
    height = each * len(rows) + foot
    sheet = svg.Sheet.of(width, height)
    left, right = 26.0, width - 26.0
    low, high = (bound(x for row in rows for x in row.numbers) for bound in (min, max))

    def at(number: float) -> float:
        return (left + right) / 2 if high == low else left + (right - left) * (number - low) / (high - low)

    for i, row in enumerate(rows):
        y = each * i + 28.0
        sheet.lines([[(left, y), (right, y)]], color=svg.TRACK, width=5, ends="round")
        if row.interval is not None:
            ends = [(at(end), y) for end in row.interval]
            sheet.lines([ends], color=svg.SYNTHETIC, width=5, alpha=0.45)
        for end, mark in ((row.floor, "|"), (row.ceiling, "d")):
            if end is not None:
                sheet.marks([(at(end), y)], shape=mark, size=8, color=svg.MUTED, edge=svg.MUTED)
        sheet.marks([(at(row.value), y)], shape="o", size=8, color=svg.SYNTHETIC, edge_width=1.2)
        sheet.text(left, y - 11, svg.short(row.name, 40), color=svg.INK, size=12.5)
        sheet.text(right, y - 11, figure(row.value), color=svg.INK, size=12.5, align="right")
    if high > low:
        sheet.text(left, height - 4, figure(low), color=svg.MUTED, size=11)
        sheet.text(right, height - 4, figure(high), color=svg.MUTED, size=11, align="right")
    return svg.inline(sheet.figure, label=label, key=key)
