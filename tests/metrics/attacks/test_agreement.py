"""What agreement of two records is worth."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.attacks.agreement import Agreement
from tests.metrics.build import comparison


def test_weights_by_hand() -> None:
    # Of nine known records eight are from ward a; their ages are 10, 20, ... 90.
    known = {"ward": ["a"] * 8 + ["b"], "age": np.arange(10.0, 100.0, 10.0)}
    first = {"ward": ["a", "b", "a", "b"], "age": [50.0, 50.0, 12.0, np.nan]}
    second = {"ward": ["a", "b", "b", "b"], "age": [50.0, 61.0, 12.5, np.nan]}
    compared = comparison(known, first, second)
    assert compared.holdout is not None
    found = Agreement(compared.variables, compared.train).of(compared.holdout, compared.synthetic)
    # A common ward says log(10/9), the rare one log(10/2). Nobody but the record at 50 is as near as 0: log(10/2);
    # 40, 50 and 60 are within 11 years of 50: log(10/4); nobody is within half a year of 12: log(10/1).
    # No known age is missing: log(10/1).
    common, rare = np.log(10 / 9), np.log(10 / 2)
    assert found.tolist() == pytest.approx([common + rare, rare + np.log(10 / 4), np.log(10), rare + np.log(10)])
