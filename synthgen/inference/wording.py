"""How what is proposed is told."""

from __future__ import annotations


def percent(share: float) -> str:
    """``99.9 %``, rounded down, so that nearly all is never told as all; ``less than 0.1 %``."""
    return "less than 0.1 %" if share < 0.001 else f"{int(share * 1000) / 10:.1f} %"
