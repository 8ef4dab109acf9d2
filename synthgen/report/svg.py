"""A matplotlib figure as inline SVG that takes its colours and font from the page, the same bytes every time."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that no chart uses for themselves: each stands for a CSS variable of the page, which knows light and dark.
INK: Final = "#010101"
MUTED: Final = "#020202"
LINE: Final = "#030303"
TRAIN: Final = "#040404"
HOLDOUT: Final = "#050505"
SYNTHETIC: Final = "#060606"
PAPER: Final = "#070707"
TRACK: Final = "#080808"

_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    TRAIN: "train",
    HOLDOUT: "holdout",
    SYNTHETIC: "synthetic",
    PAPER: "paper",
    TRACK: "track",
}

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "synthgen",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "path.simplify": True,
    "axes.unicode_minus": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """The settings in which charts are made and written, whatever the user's own matplotlib settings are.

    Within another ``styled`` they are set already: setting them takes as long as drawing a small chart.
    """
    import matplotlib

    if matplotlib.rcParams["svg.hashsalt"] == _SETTINGS["svg.hashsalt"]:
        yield
        return
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def canvas(width: float, height: float) -> Figure:
    """An empty transparent figure of ``width`` by ``height`` CSS pixels, without any global state of pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")


@dataclass(frozen=True)
class Sheet:
    """A figure that is drawn on in CSS pixels from the upper left corner.

    It has no matplotlib axes: making and drawing those takes several times longer than all that a small chart shows.
    """

    figure: Figure

    @classmethod
    def of(cls, width: float, height: float) -> Sheet:
        """An empty one; made within ``styled``."""
        return cls(canvas(width, height))

    def boxes(self, boxes: Iterable[tuple[float, float, float, float]], *, color: str, alpha: float) -> None:
        """Filled rectangles, each by its left, upper, right and lower end."""
        self.areas([[(a, b), (c, b), (c, d), (a, d)] for a, b, c, d in boxes], color=color, alpha=alpha)

    def areas(self, outlines: Iterable[Sequence[tuple[float, float]]], *, color: str, alpha: float) -> None:
        """Filled polygons."""
        self._path(outlines, closed=True, facecolor=color, alpha=alpha, linewidth=0)

    def lines(
        self,
        lines: Iterable[Sequence[tuple[float, float]]],
        *,
        color: str,
        width: float,
        dash: Any = "-",
        alpha: float = 1.0,
        ends: Literal["butt", "round"] = "butt",
    ) -> None:
        """Lines through two points or more."""
        style = {"edgecolor": color, "facecolor": "none", "linewidth": width, "linestyle": dash}
        self._path(lines, closed=False, **style, alpha=alpha, capstyle=ends, joinstyle="miter")

    def marks(
        self,
        points: Sequence[tuple[float, float]],
        *,
        shape: str,
        size: float,
        color: str,
        edge: str = PAPER,
        edge_width: float = 1.0,
    ) -> None:
        """Markers of matplotlib's shapes, ``size`` pixels across."""
        from matplotlib.lines import Line2D
        from matplotlib.transforms import IdentityTransform

        at = [self._placed(point) for point in points]
        marks = Line2D([x for x, _ in at], [y for _, y in at], linestyle="none", transform=IdentityTransform())
        marks.set(marker=shape, markersize=size, color=color, markeredgecolor=edge, markeredgewidth=edge_width)
        self.figure.add_artist(marks)

    def text(self, x: float, y: float, text: str, *, color: str, size: float, align: str = "left") -> None:
        """A line of text on the base line ``y``; ``x`` is its left or right end or its middle, as ``align`` says."""
        from matplotlib.transforms import IdentityTransform

        x, y = self._placed((x, y))
        self.figure.text(x, y, text, color=color, fontsize=size, ha=align, transform=IdentityTransform())

    def _path(self, lines: Iterable[Sequence[tuple[float, float]]], *, closed: bool, **style: Any) -> None:
        """All of them as one path."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path
        from matplotlib.transforms import IdentityTransform

        points: list[tuple[float, float]] = []
        codes: list[int] = []
        for line in lines:
            points += [self._placed(point) for point in (*line, *line[: int(closed)])]
            codes += [int(Path.MOVETO)] + [int(Path.LINETO)] * (len(line) - 1) + [int(Path.CLOSEPOLY)] * int(closed)
        if points:
            self.figure.add_artist(PathPatch(Path(points, codes), transform=IdentityTransform(), **style))

    def _placed(self, point: tuple[float, float]) -> tuple[float, float]:
        return point[0], float(self.figure.get_figheight()) * 72 - point[1]


def inline(figure: Figure, *, label: str, key: str) -> Markup:
    """The figure as an ``<svg role="img">`` for a page.

    Args:
        figure: made by ``canvas`` and drawn within ``styled``, as this is called.
        label: what a screen reader says in its place; its first sentence is the title, the rest the description.
        key: unique on the page; every id within the SVG starts with it.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # Names in scripts that the measuring font lacks are drawn by the browser in its own font.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return Markup(_for_page(buffer.getvalue(), label=label, key=key))


def _for_page(svg: str, *, label: str, key: str) -> str:
    """The file as an element: no prologue, metadata, names or fixed colours, and short numbers."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.S)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    for before in ('id="', 'xlink:href="#', "url(#"):
        body = body.replace(before, f"{before}{key}-")
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", body)
    body = re.sub(r'(?<= )(d|transform|points)="[^"]*"', lambda found: _shortened(found.group()), body)
    body = re.sub(r"#0[1-8]0[1-8]0[1-8]\b", lambda found: f"var(--{_VARIABLES[found.group()]})", body)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body)
    if box is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    width, height = (f"{float(side):g}" for side in box.groups())
    title, _, rest = label.partition(". ")
    named = f'<title id="{key}-title">{escape(title.removesuffix("."))}</title>'
    told = f'<desc id="{key}-desc">{escape(rest)}</desc>' if rest else ""
    by = f"{key}-title {key}-desc" if rest else f"{key}-title"
    opening = f'<svg role="img" aria-labelledby="{by}" viewBox="0 0 {width} {height}" class="chart">'
    body = opening + named + told + body[body.index(">") + 1 :]
    return re.sub(r">\s*\n\s*", ">", body).strip()


def _shortened(attribute: str) -> str:
    """Coordinates to a tenth of a pixel or so, and no line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"(\.\d{2})\d+", r"\1", attribute))


def plain_axes(ax: Axes) -> None:
    """Axes of shares: a line below, a few faint ones across, percentages at the left."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.set_facecolor("none")
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(LINE)
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    ax.tick_params(colors=MUTED, labelsize=9.5, length=0, pad=4)
    ax.grid(axis="y", color=LINE, lw=0.7)
    ax.set_axisbelow(True)


def short(text: str, length: int) -> str:
    """A text of so many characters at most."""
    return text if len(text) <= length else text[: length - 1] + "…"
