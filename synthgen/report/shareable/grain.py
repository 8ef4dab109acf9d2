"""The grains on which figures are published, so that none stands for fewer than ``SMALLEST`` patients."""

from __future__ import annotations

#: The smallest number of patients that a published figure may stand for.
SMALLEST = 11
#: Counts are published as multiples of this; it is at least ``SMALLEST``, so differences of counts are safe too.
COUNT_STEP = 20
#: Grains of log ratios of odds; a ratio that needs a coarser one is held back.
_LOG_GRAINS = (0.05, 0.1, 0.2, 0.5, 1.0)


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


def score(value: float | None, grain: float) -> float | None:
    """A figure that is no share of patients: on a grid of ``grain`` within [-1, 1], else two significant digits."""
    if value is None:
        return None
    if abs(value) <= 1:
        return round(round(value / grain) * grain, 6)
    return float(f"{value:.2g}")


def rounded(value: float | None, grain: float | None) -> float | None:
    """A figure on a grain, ``None`` without one."""
    return None if value is None or grain is None else round(round(value / grain) * grain, 6)


def log_grain(inside: int | None, whole: int | None) -> float | None:
    """The grain of a log ratio of odds that eleven patients more or fewer in the group would not move further.

    Else, since the synthetic share is known to whoever has the synthetic records, the real one could be worked out.
    """
    if inside is None or whole is None or min(inside, whole - inside) < SMALLEST:
        return None
    moved = SMALLEST * (1 / inside + 1 / (whole - inside))
    return next((grain for grain in _LOG_GRAINS if grain >= moved), None)
