"""Whether the cells of a synthetic set are written as the real ones are."""

from __future__ import annotations

from typing import Final

import numpy as np

from synthgen.errors import InputError
from synthgen.metrics.base import Comparison, Variable
from synthgen.metrics.identity import distinct_pairs

#: So many patients with a label make it common: were it written alike in many synthetic records, it would be there.
_COMMON: Final = 20


def require_readable(comparison: Comparison, source: str) -> None:
    """Refuse cells that are written in another way: compared as they stand, they would all be wrong."""
    unread = [variable.name for variable in comparison.variables if _unread(variable, comparison)]
    if unread:
        raise InputError(
            f"{source}: no cell of {', '.join(unread)} reads as the number or date that the config declares; "
            "write them as the real data do"
        )
    unknown = [variable.name for variable in comparison.variables if _unknown(variable, comparison)]
    if unknown:
        raise InputError(
            f"{source}: no value of {', '.join(unknown)} occurs in the real data; "
            "write values as the real data do (1 is not 1.0, and yes is not True)"
        )


def _unread(variable: Variable, comparison: Comparison) -> bool:
    real, synthetic = comparison.train.codes[variable.name], comparison.synthetic.codes[variable.name]
    has_numbers = variable.kind == "numeric" and bool((real == 0).any())
    return has_numbers and bool((synthetic > 0).any()) and not (synthetic == 0).any()


def _unknown(variable: Variable, comparison: Comparison) -> bool:
    """Whether all labels are foreign, though a real one is so common that no generator fails to know it."""
    if variable.kind == "numeric":
        return False
    real, synthetic = (
        np.bincount(codes[codes >= 0], minlength=len(variable.labels))
        for codes in (comparison.train.codes[variable.name], comparison.synthetic.codes[variable.name])
    )
    codes = comparison.train.codes[variable.name].astype(np.int64)
    held, _ = distinct_pairs(codes[codes >= 0], comparison.train.patient[codes >= 0])
    patients = np.bincount(held, minlength=1)
    common = patients.max(initial=0) >= _COMMON and synthetic.sum() >= _COMMON
    return bool(common and not synthetic[real > 0].any())
