"""Balancing makes groups equally frequent, and leaves what follows from a group as learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen.encoding.domain import Domain, Scale
from synthgen.errors import InputError
from synthgen.relational.asked.balance import Balance
from synthgen.schema.config import Schema
from synthgen.workflow import Fit

DOMAINS = (
    Domain("sex", "sex", 3, Scale.NOMINAL, special=(2,), missing=(2,)),
    Domain("ward", "ward", 2, Scale.NOMINAL),
)


def _log_mass(shares: dict[tuple[int, ...], float]) -> object:
    def log_mass(fixed: dict[int, np.ndarray], n: int) -> np.ndarray:
        rows = zip(*fixed.values(), strict=True)
        return np.log([shares.get(tuple(map(int, row)), 1e-300) for row in rows])

    return log_mass


def test_groups_are_the_combinations_that_occur_and_missing_is_none() -> None:
    shares = {(0, 0): 0.5, (0, 1): 0.2, (1, 0): 0.3}
    balance = Balance.of((0, 1), DOMAINS, {}, _log_mass(shares))  # type: ignore[arg-type]
    assert balance.groups.tolist() == [[0, 0], [0, 1], [1, 0]]
    group = balance.deal(300, np.random.default_rng(1))
    assert np.bincount(group).tolist() == [100, 100, 100]
    assert balance.given(group[:1])[1][0] == balance.groups[group[0], 1]


def test_conditions_leave_their_groups_only_and_one_is_too_few() -> None:
    shares = {(0,): 0.5, (1,): 0.5}
    with pytest.raises(InputError, match="fewer than two"):
        Balance.of((0,), DOMAINS, {0: np.array([True, False, True])}, _log_mass(shares))  # type: ignore[arg-type]


def extract(patients: int = 900) -> pd.DataFrame:
    """One woman in ten; every third woman and two in three men smoke; half of the visits of smokers are urgent."""
    rng = np.random.default_rng(4)
    female = rng.random(patients) < 0.1
    smoker = rng.random(patients) < np.where(female, 1 / 3, 2 / 3)
    each = rng.integers(1, 4, patients)
    person = np.repeat(np.arange(patients), each)
    urgent = rng.random(len(person)) < np.where(smoker[person], 0.5, 0.1)
    return pd.DataFrame(
        {
            "person": 1000 + person,
            "sex": np.where(female, "F", "M")[person],
            "smoker": np.where(smoker, "yes", "no")[person],
            "urgent": np.where(urgent, "yes", "no"),
            "weight": rng.integers(50, 90, len(person)),
        }
    )


@pytest.fixture(scope="module", params=["copula", "autoregressive"])
def fitted(request: pytest.FixtureRequest) -> Fit:
    categories = {name: {"kind": "category"} for name in ("sex", "smoker", "urgent")}
    columns = {"person": {"kind": "id"}, **categories, "weight": {"kind": "integer"}}
    schema = {
        "tables": {"t": {"patient": "person", "columns": columns}},
        "holdout": 0,
        "model": {"name": request.param},
    }
    return synthgen.fit(extract(), Schema.model_validate(schema), seed=1)


def smokers_by(persons: pd.DataFrame, column: str) -> dict[str, float]:
    """The share of smokers by level of a column."""
    shares: dict[str, float] = (persons["smoker"] == "yes").groupby(persons[column]).mean().to_dict()
    return shares


def test_a_balanced_margin_is_even_and_what_follows_from_it_is_as_learned(fitted: Fit) -> None:
    frame = synthgen.sample(fitted.synthesizer, 20_000, seed=2, balance=["sex"]).to_pandas()
    persons = frame.drop_duplicates("person")
    assert (persons["sex"] == "F").mean() == pytest.approx(0.5, abs=0.01)
    smokers = persons.groupby("sex")["smoker"].apply(lambda smoker: (smoker == "yes").mean())
    learned = (
        extract().drop_duplicates("person").groupby("sex")["smoker"].apply(lambda smoker: (smoker == "yes").mean())
    )
    assert smokers.to_dict() == pytest.approx(learned.to_dict(), abs=0.08)
    assert frame.groupby("person")["sex"].nunique().max() == 1


def test_columns_of_rows_and_of_patients_are_balanced_together(fitted: Fit) -> None:
    frame = synthgen.sample(fitted.synthesizer, 20_000, seed=2, balance=["sex", "urgent"]).to_pandas()
    persons = frame.drop_duplicates("person")
    shares = persons.groupby(["sex", "urgent"]).size() / len(persons)
    assert shares.tolist() == pytest.approx([0.25] * 4, abs=0.01)
    # Bayes: urgent visits come from smokers more often than their share.
    by_urgency = (
        persons[persons["sex"] == "M"].groupby("urgent")["smoker"].apply(lambda smoker: (smoker == "yes").mean())
    )
    assert by_urgency["yes"] > by_urgency["no"] + 0.15


def test_balance_goes_with_conditions_and_needs_levels(fitted: Fit) -> None:
    frame = synthgen.sample(fitted.synthesizer, 5000, seed=2, where=["urgent = yes"], balance=["sex"]).to_pandas()
    assert set(frame["urgent"]) == {"yes"}
    persons = frame.drop_duplicates("person")
    assert (persons["sex"] == "F").mean() == pytest.approx(0.5, abs=0.02)
    for name in ("weight", "nothing"):
        with pytest.raises(InputError, match="columns of levels are sex, smoker, urgent"):
            list(synthgen.sample(fitted.synthesizer, 10, seed=2, balance=[name]))


def test_what_cannot_be_balanced_is_told_with_what_can() -> None:
    """Dates have codes of levels too, such as weekdays, and a column that follows from another has none."""
    frame = extract(100)[["sex", "smoker"]]
    frame["born"] = [f"2000-01-{1 + n % 28:02d}" for n in range(len(frame))]
    frame["woman"] = np.where(frame["sex"] == "F", "1", "0")
    columns = {"sex": {"kind": "category"}, "smoker": {"kind": "category"}, "born": {"kind": "date"}}
    columns["woman"] = {"kind": "category", "determined_by": "sex"}
    schema = {"tables": {"t": {"columns": columns}}, "holdout": 0, "model": {"name": "copula"}}
    made = synthgen.fit(frame, Schema.model_validate(schema), seed=1).synthesizer
    for name, told in (("born", "born is no column of levels"), ("woman", "woman follows from sex")):
        with pytest.raises(InputError, match=f"{told}.*columns of levels are sex, smoker$"):
            list(synthgen.sample(made, 10, seed=2, balance=[name]))
