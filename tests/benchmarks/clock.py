"""What benchmarks say beside their figures: seconds, how busy the machine was, whether a target is met."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
#: Diabetes 130-US hospitals, where the other public extracts stand.
DIABETES = ROOT.parent / "shared" / "data" / "diabetes130" / "diabetic_data.csv.gz"
CONFIG = ROOT / "configs" / "diabetes130.yaml"


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What ``work`` returns, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def machine() -> str:
    """The machine in a line: figures mean nothing on a busy one."""
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {load}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of aligned columns, the first to the left and the others to the right."""
    widths = [max(map(len, cells)) for cells in zip(header, *rows, strict=True)]
    lines = []
    for first, *others in (header, *rows):
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join((first.ljust(widths[0]), *right)).rstrip())
    return "\n".join(lines)


def at_least(value: float, target: float, form: str = ".3f") -> tuple[str, str, str]:
    """A figure, its target, and whether it is reached."""
    return format(value, form), f">= {target:g}", "met" if value >= target else "MISSED"


def at_most(value: float, target: float, form: str = ".3f") -> tuple[str, str, str]:
    """A figure, its limit, and whether it is kept."""
    return format(value, form), f"<= {target:g}", "met" if value <= target else "MISSED"
