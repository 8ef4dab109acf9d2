"""A matplotlib figure as inline SVG that takes its colours and font from the page, the same bytes every time."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Final

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
    """The settings in which charts are made and written, whatever the user's own matplotlib settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def canvas(width: float, height: float) -> Figure:
    """An empty transparent figure of ``width`` by ``height`` CSS pixels, without any global state of pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """A canvas, and one plane over all of it in CSS pixels from the upper left corner, without an axis."""
    figure = canvas(width, height)
    plane = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, width), ylim=(height, 0))
    plane.set_axis_off()
    return figure, plane


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
