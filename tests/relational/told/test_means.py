"""What is told of the level of a patient's values: with the patient, once, and the same for all quantities."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.relational.told import means as module
from synthgen.relational.told.means import RANGES, Levels, mean_of, means

#: Nine codes of numbers and a text result.
VALUE = Domain("value", "value", 10, Scale.ORDERED, special=(9,), unit="code")


@pytest.fixture(autouse=True)
def _of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two patients are many here."""
    monkeypatch.setattr(module, "_FEWEST", 2)


def found(unit: list[int], value: list[int], patient: list[int], n: int) -> dict[int, list[int]]:
    each = means(np.array(unit, np.int32), np.array(value, np.int32), VALUE, np.array(patient), n)
    return {code: level.tolist() for code, level in each.items()}


def test_a_mean_is_a_range_of_the_scale() -> None:
    low, high = int(0.5 / 9 * RANGES), int(8.5 / 9 * RANGES)
    assert found([0] * 6, [0, 0, 8, 8, 0, 8], [0, 0, 1, 1, 2, 2], 4) == {0: [low, high, RANGES // 2, -1]}


def test_text_results_and_what_is_unobserved_do_not_count() -> None:
    assert found([0] * 8, [0, 0, 9, UNOBSERVED, 8, 8, 8, 9], [0, 0, 0, 0, 1, 1, 1, 1], 2) == found(
        [0] * 5, [0, 0, 8, 8, 8], [0, 0, 1, 1, 1], 2
    )


def test_quantities_of_few_patients_or_of_one_value_each_are_not_told() -> None:
    assert found([0, 0, 1, 1, 2, 2, 2, 2], [1] * 8, [0, 1, 0, 0, 0, 0, 1, 1], 2).keys() == {2}


def test_known_quantities_are_told_whoever_has_them() -> None:
    each = means(np.zeros(1, np.int32), np.zeros(1, np.int32), VALUE, np.zeros(1, np.int64), 1, known=[0, 3])
    assert {code: level.tolist() for code, level in each.items()} == {0: [int(0.5 / 9 * RANGES)], 3: [-1]}


def test_rows_are_told_ranges_that_mean_the_same_for_all_quantities() -> None:
    """Of one quantity ranges 3 and 20 are kept and what is missing, of the other 3 alone."""
    domains = (
        Domain("sex", "sex", 2, Scale.NOMINAL),
        Domain(mean_of("labs", 4), mean_of("labs", 4), 3, Scale.NUMERIC, (2,), (2,), (3.0, 20.0, 0.0)),
        Domain(mean_of("labs", 7), mean_of("labs", 7), 1, Scale.NUMERIC, (), (), (3.0,)),
    )
    levels = Levels("code", {mean_of("labs", 4): 4, mean_of("labs", 7): 7})
    codes = np.array([[1, 0, 0], [0, 1, UNOBSERVED], [0, 2, 0]], np.int32)
    assert levels.codes(domains, codes).tolist() == [[1, 4, 4], [0, 21, 0], [0, 0, 4]]
    told = [levels.told(domain, domain.owner) for domain in domains]
    assert told[0] == domains[0]
    assert [(each.size, each.about, each.owner) for each in told[1:]] == [
        (RANGES + 1, ("code", 4), "mean at code"),
        (RANGES + 1, ("code", 7), "mean at code"),
    ]
