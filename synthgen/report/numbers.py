"""How a number reads: three significant digits, and more only where it is close to one."""

from __future__ import annotations

import math


def figure(value: float | None) -> str:
    """``0.987``, ``0.9968`` (close to 1, as shares and AUCs are), ``12.3``, ``71,518``; a dash for ``None``."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (abs(value) >= 1000 and math.isfinite(value)):
        return f"{value:,.0f}".replace("-", "−")
    size = abs(value)
    if size in {0, 1}:
        return f"{value:.0f}".replace("-0", "0").replace("-", "−")
    if size < 1e-4:
        # Powers of ten are no language for everyone.
        return "below 0.0001" if value > 0 else "above −0.0001"
    # A share close to one says how far it is from one: two digits of that distance.
    digits = 1 - math.floor(math.log10(1 - size)) if 0.9 < size < 1 else 2 - math.floor(math.log10(size))
    decimals = min(4, max(0, digits))
    return f"{value:.{decimals}f}".replace("-", "−")


def chance(p: float | None) -> str:
    """A p-value: ``0.034``, ``below 0.001``, a dash for ``None``."""
    if p is None:
        return "–"
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def percent(value: float) -> str:
    """A share in per cent with two significant digits: ``1.2 %``, ``0.06 %``; ``100 %`` of all, else ``99.7 %``."""
    rounded = float(f"{100 * value:.2g}")
    if rounded == 100 and value < 1:
        # Nearly all is not all: one digit of the distance.
        rounded = round(100 * value, min(4, -math.floor(math.log10(100 * (1 - value)))))
    return f"{rounded:g}\u00a0%"


def span(interval: tuple[float, float] | list[float] | None) -> str:
    """A 95 % interval: ``0.51 to 0.54``."""
    return "–" if interval is None else f"{figure(interval[0])} to {figure(interval[1])}"


def seconds(value: float | None) -> str:
    """A time: ``0.42 s``, ``27 s``, ``3 min 20 s``, ``5 h 10 min``; a dash for ``None``."""
    if value is None:
        return "–"
    if value < 60:
        return f"{value:.2f}\u00a0s" if value < 1 else f"{value:.1f}\u00a0s" if value < 9.95 else f"{value:.0f}\u00a0s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60}\u00a0min {whole % 60}\u00a0s"
    return f"{whole // 3600}\u00a0h {whole % 3600 // 60}\u00a0min"
