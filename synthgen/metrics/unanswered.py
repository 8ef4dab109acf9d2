"""What a measure says where it has no answer."""

from __future__ import annotations

from synthgen.metrics.base import Comparison
from synthgen.metrics.result import Family, Metric, Status

#: Why there is no ceiling, or no figure at all, where nothing was held out.
NO_HOLDOUT = "there is no holdout: real records that the generator never saw"


def unanswered(
    name: str, family: Family, comparison: Comparison, reason: str, status: Status = "not_assessable"
) -> Metric:
    """A figure without a value, with its reason."""
    return Metric(name=name, family=family, table=comparison.table, status=status, reason=reason)
