"""What can be asked of a model at all."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.errors import NotApplicable
from synthgen.models._possible import possible, require_possible

SEEN = [np.array([True, False, True]), np.array([True, False])]


def test_rows_that_ask_for_a_code_that_was_seen_are_possible() -> None:
    codes = np.array([0, 1, UNOBSERVED], np.int32)
    assert possible({0: codes}, SEEN, 3).tolist() == [True, False, True]
    assert possible({0: codes, 1: np.array([1, 0, 0], np.int32)}, SEEN, 3).tolist() == [False, False, True]


def test_a_mask_or_probabilities_are_for_all_rows_or_for_each() -> None:
    assert possible({0: np.array([False, True, False])}, SEEN, 2).tolist() == [False, False]
    assert possible({0: np.array([[0.0, 0.5, 0.1], [0.0, 1.0, 0.0]])}, SEEN, 2).tolist() == [True, False]


def test_what_is_asked_in_vain_is_refused_by_the_names_of_its_columns() -> None:
    domains = [Domain(name, name, 3, Scale.NOMINAL) for name in ("sex", "ward")]
    require_possible({0: np.array([0], np.int32)}, SEEN, domains, 1)
    with pytest.raises(NotApplicable, match="never generates what is asked of sex"):
        require_possible({0: np.array([1], np.int32)}, SEEN, domains, 1)
