"""Rules that speak of ancestors are judged by the rows that these are, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.extract import Extracts
from synthgen.metrics.fidelity.constraints import Constraints
from synthgen.metrics.ruled import with_ancestors
from synthgen.schema.config import Schema
from tests.metrics.longitudinal.hospital import SCHEMA, dataset

DAY = "2020-01-{:02d}"


def tables(n: int = 40) -> dict[str, dict[str, list[str]]]:
    """Each patient has a visit from the 10th to the 20th with two measurements; one in four takes one on the 5th."""
    people = [f"p{i}" for i in range(n)]
    taken = [day for i in range(n) for day in (DAY.format(5 if i % 4 == 0 else 11), DAY.format(12))]
    return {
        "patients": {"id": people, "sex": ["F", "M"] * (n // 2), "birth_date": ["1990-01-01"] * n},
        "wards": {"ward": ["w1"], "floor": ["1"]},
        "visits": {
            "visit": [f"v{i}" for i in range(n)],
            "id": people,
            "ward": ["w1"] * n,
            "start": [DAY.format(10)] * n,
            "stop": [DAY.format(20)] * n,
            "reason": ["heart"] * n,
        },
        "labs": {
            "visit": [f"v{i // 2}" for i in range(2 * n)],
            "taken": taken,
            "code": ["HB"] * (2 * n),
            "value": ["1.0"] * (2 * n),
        },
    }


def rate(rule: str) -> float | None:
    declared = SCHEMA.tables["labs"].model_copy(update={"constraints": (rule,)})
    schema = Schema.model_validate(
        SCHEMA.model_copy(update={"tables": {**SCHEMA.tables, "labs": declared}}).model_dump()
    )
    sets = dataset(tables())
    extracts = Extracts.of(schema, sets, None, sets)
    (found,) = Constraints().measure(with_ancestors(extracts, "labs"), rng=np.random.default_rng(0))
    assert found.details["real"] == found.value
    return found.value


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("taken >= visits.start", 1 / 8),
        ("taken >= parent.start", 1 / 8),
        ("days(patients.birth_date, taken) > 0", 0.0),
        ("patients.sex == 'F'", 1 / 2),
        ("patients.sex == 'F' implies taken >= visits.start", 1 / 8),
        ("unique(visit, code)", 1 / 2),
        ("unique(visit, taken)", 0.0),
    ],
)
def test_a_rule_is_judged_by_the_rows_of_the_ancestors(rule: str, expected: float) -> None:
    assert rate(rule) == pytest.approx(expected)


def test_a_table_without_rules_stays_as_it_is() -> None:
    sets = dataset(tables())
    extracts = Extracts.of(SCHEMA, sets, None, sets)
    assert with_ancestors(extracts, "labs") is extracts.comparisons["labs"]
